// SPDX-License-Identifier: GPL-2.0
/* Proposals: from words, to words, chosen from, and how two differ. RFC 7296 2.7, 3.3. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/alg.h"

#define WORD_SHOWN	48	/* of a word that is wrong, in the message about it */

/**
 * ike_proposal_get() - the first transform of a type
 * @p: the proposal
 * @type: enum ike_transform_type
 *
 * Return: the transform; NULL if there is none, or it says so itself.
 */
const struct ike_transform *ike_proposal_get(const struct ike_proposal *p, uint8_t type)
{
	bool none = type == IKE_TRANSFORM_INTEG || type == IKE_TRANSFORM_DH;
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == type && !(none && !p->t[i].id))
			return &p->t[i];
	return NULL;
}

/**
 * ike_proposal_add() - one more transform, behind those of its type
 * @p: the proposal
 * @type: enum ike_transform_type
 * @id: transform ID
 * @key_bits: Key Length attribute, 0: none
 *
 * Return: false when it is there already or there is no room.
 */
bool ike_proposal_add(struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	unsigned int i, at = 0;

	for (i = 0; i < p->n; i++) {
		if (p->t[i].type == type && p->t[i].id == id && p->t[i].key_bits == key_bits)
			return false;
		if (p->t[i].type <= type)
			at = i + 1;
	}
	if (p->n >= IKE_PROPOSAL_TRANSFORMS)
		return false;
	memmove(&p->t[at + 1], &p->t[at], (p->n - at) * sizeof(p->t[0]));
	p->t[at] = (struct ike_transform){ type, id, key_bits };
	p->n++;
	return true;
}

/**
 * ike_proposal_drop() - take all transforms of a type out
 * @p: the proposal
 * @type: enum ike_transform_type
 */
void ike_proposal_drop(struct ike_proposal *p, uint8_t type)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type != type)
			p->t[n++] = p->t[i];
	p->n = n;
}

/**
 * ike_proposal_weak() - an algorithm that RFC 8221 (ESP, AH) or RFC 8247 (IKE) advises against
 * @p: the proposal
 *
 * Return: the first, NULL if there is none.
 */
const struct ike_alg *ike_proposal_weak(const struct ike_proposal *p)
{
	const struct ike_alg *alg;
	unsigned int i;

	for (i = 0; i < p->n; i++) {
		alg = ike_alg_find(p->t[i].type, p->t[i].id, p->t[i].key_bits);
		if (alg && alg->weak)
			return alg;
	}
	return NULL;
}

/* ---- from words ---- */

struct parser {
	const char *s;
	struct ike_proposal *p;
	char *err;
	size_t err_len, *err_off;
	size_t encr_at;			/* where the first cipher stands */
};

__attribute__((format(printf, 3, 4)))
static bool refuse(struct parser *ps, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ps->err, ps->err_len, fmt, ap);
	va_end(ap);
	*ps->err_off = at;
	return false;
}

static const char *proto_str(uint8_t proto)
{
	return proto == PROTO_IKE ? "IKE" : proto == PROTO_AH ? "AH" : "ESP";
}

/* which types a proposal may hold: RFC 7296 3.3.3 */
static bool type_allowed(uint8_t proto, uint8_t type)
{
	switch (type) {
	case IKE_TRANSFORM_ENCR:
		return proto != PROTO_AH;
	case IKE_TRANSFORM_PRF:
		return proto == PROTO_IKE;
	case IKE_TRANSFORM_ESN:
		return proto != PROTO_IKE;
	default:
		return true;
	}
}

static bool unknown_word(struct parser *ps, size_t at, int shown, const char *word)
{
	char list[640], all[1400] = "";
	uint8_t type;
	size_t n = 0;

	for (type = IKE_TRANSFORM_ENCR; type <= IKE_TRANSFORM_ESN; type++)
		if (type_allowed(ps->p->proto, type) && n < sizeof(all))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "",
					      ike_alg_list(ps->p->proto, type, list, sizeof(list)));
	if (!shown)
		return refuse(ps, at, "found nothing, expected an algorithm: one of %s", all);
	return refuse(ps, at, "unknown algorithm \"%.*s\", expected one of %s", shown, word, all);
}

static bool parse_word(struct parser *ps, size_t at, size_t len)
{
	const char *word = ps->s + at;
	int shown = (int)(len < WORD_SHOWN ? len : WORD_SHOWN);
	const struct ike_alg *alg = ike_alg_by_name(word, len), *first;
	const struct ike_transform *encr = ike_proposal_get(ps->p, IKE_TRANSFORM_ENCR);
	char list[640];

	if (!alg)
		return unknown_word(ps, at, shown, word);
	if (alg->esp_only && ps->p->proto == PROTO_IKE)
		return refuse(ps, at, "\"%.*s\" is not for IKE itself, expected one of %s", shown, word,
			      ike_alg_list(PROTO_IKE, alg->type, list, sizeof(list)));
	if (!type_allowed(ps->p->proto, alg->type))
		return refuse(ps, at, "\"%.*s\" (%s) has no place in an %s proposal", shown, word,
			      ike_transform_type_str(alg->type), proto_str(ps->p->proto));
	if (alg->type == IKE_TRANSFORM_ENCR && encr) {
		first = ike_alg_find(encr->type, encr->id, encr->key_bits);
		/* RFC 7296 3.3: combined and separate modes are not mixed in one proposal */
		if (first->aead != alg->aead)
			return refuse(ps, at, "\"%.*s\" cannot stand beside \"%s\": ciphers with and "
				      "without integrity of their own want two proposals",
				      shown, word, first->name);
	} else if (alg->type == IKE_TRANSFORM_ENCR) {
		ps->encr_at = at;
	}
	if (!ike_proposal_add(ps->p, alg->type, alg->id, alg->key_bits))
		return refuse(ps, at, "\"%.*s\" stands here a second time", shown, word);
	return true;
}

/* "aes128-sha256" in IKE: the PRF of the same hash, unless one is named */
static void imply_prf(struct ike_proposal *p)
{
	const struct ike_alg *integ, *prf;
	unsigned int i;

	if (p->proto != PROTO_IKE || ike_proposal_get(p, IKE_TRANSFORM_PRF))
		return;
	for (i = 0; i < p->n; i++) {
		if (p->t[i].type != IKE_TRANSFORM_INTEG)
			continue;
		/* a peer's proposal may hold what we do not know */
		integ = ike_alg_find(p->t[i].type, p->t[i].id, p->t[i].key_bits);
		prf = integ ? ike_alg_prf_of_integ(integ) : NULL;
		if (prf)
			ike_proposal_add(p, prf->type, prf->id, prf->key_bits);
	}
}

static bool check_complete(struct parser *ps)
{
	const struct ike_proposal *p = ps->p;
	const struct ike_transform *encr = ike_proposal_get(p, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(p, IKE_TRANSFORM_INTEG);
	const struct ike_alg *cipher = NULL;
	char list[640], name[IKE_TRANSFORM_STRLEN];

	if (encr)
		cipher = ike_alg_find(encr->type, encr->id, encr->key_bits);
	if (p->proto != PROTO_AH && !cipher)
		return refuse(ps, 0, "lacks encryption, expected one of %s",
			      ike_alg_list(p->proto, IKE_TRANSFORM_ENCR, list, sizeof(list)));
	if (cipher && cipher->aead && integ)
		return refuse(ps, ps->encr_at, "\"%s\" brings its own integrity, found \"%s\" "
			      "beside it%s", cipher->name,
			      ike_transform_str(integ, name, sizeof(name)),
			      p->proto == PROTO_IKE ? "; the PRF is written prfsha256, prfsha384 or "
						      "prfsha512" : "");
	if (!(cipher && cipher->aead) && !integ)
		return refuse(ps, cipher ? ps->encr_at : 0, "lacks integrity%s%s%s, expected one of %s",
			      cipher ? " beside \"" : "", cipher ? cipher->name : "",
			      cipher ? "\"" : "",
			      ike_alg_list(p->proto, IKE_TRANSFORM_INTEG, list, sizeof(list)));
	if (p->proto != PROTO_IKE)
		return true;
	if (!ike_proposal_get(p, IKE_TRANSFORM_PRF))
		return refuse(ps, ps->encr_at, "\"%s\" wants a PRF beside it, expected one of %s",
			      cipher->name, ike_alg_list(p->proto, IKE_TRANSFORM_PRF, list, sizeof(list)));
	if (!ike_proposal_get(p, IKE_TRANSFORM_DH))
		return refuse(ps, 0, "lacks a DH group, expected one of %s",
			      ike_alg_list(p->proto, IKE_TRANSFORM_DH, list, sizeof(list)));
	return true;
}

/**
 * ike_proposal_parse() - from the words of the configuration
 * @s: words with "-" between them
 * @proto: PROTO_*
 * @out: the proposal; number and SPI are the caller's to set
 * @err: what is wrong and what would have been right
 * @err_len: its size
 * @err_off: where in @s
 *
 * Return: whether it is a proposal.
 */
bool ike_proposal_parse(const char *s, uint8_t proto, struct ike_proposal *out, char *err,
			size_t err_len, size_t *err_off)
{
	struct parser ps = { .s = s, .p = out, .err = err, .err_len = err_len, .err_off = err_off };
	size_t at = 0, len;

	memset(out, 0, sizeof(*out));
	out->proto = proto;
	for (;;) {
		len = strcspn(s + at, "-");
		if (!parse_word(&ps, at, len))
			return false;
		at += len;
		if (!s[at])
			break;
		at++;
	}
	imply_prf(out);
	if (!check_complete(&ps))
		return false;
	if (proto != PROTO_IKE && !ike_proposal_get(out, IKE_TRANSFORM_ESN)) {
		ike_proposal_add(out, IKE_TRANSFORM_ESN, ESN_YES, 0);
		ike_proposal_add(out, IKE_TRANSFORM_ESN, ESN_NO, 0);
	}
	return true;
}

/* ---- to words ---- */

struct text {
	char *p;
	size_t len, at;
};

/* text that does not fit is cut, with dots to say so */
static void text_add(struct text *t, const char *sep, const char *word)
{
	int n;

	if (t->at >= t->len)
		return;
	n = snprintf(t->p + t->at, t->len - t->at, "%s%s", t->at ? sep : "", word);
	t->at += (size_t)n;
	if (t->at >= t->len && t->len > 4)
		memcpy(t->p + t->len - 4, "...", 4);
}

static struct text text_on(char *out, size_t len)
{
	if (len)
		*out = '\0';
	return (struct text){ out, len, 0 };
}

static bool same_of_type(const struct ike_proposal *a, const struct ike_proposal *b, uint8_t type)
{
	unsigned int i = 0, k = 0;

	for (;; i++, k++) {
		while (i < a->n && a->t[i].type != type)
			i++;
		while (k < b->n && b->t[k].type != type)
			k++;
		if (i == a->n || k == b->n)
			return i == a->n && k == b->n;
		if (a->t[i].id != b->t[k].id)
			return false;
	}
}

/* PRFs and ESN words that the other words imply are not shown */
static bool implied(const struct ike_proposal *p, uint8_t type)
{
	struct ike_proposal bare = *p;

	ike_proposal_drop(&bare, type);
	if (type == IKE_TRANSFORM_PRF) {
		imply_prf(&bare);
	} else if (type == IKE_TRANSFORM_ESN && p->proto != PROTO_IKE) {
		ike_proposal_add(&bare, type, ESN_YES, 0);
		ike_proposal_add(&bare, type, ESN_NO, 0);
	}
	return same_of_type(p, &bare, type);
}

/**
 * ike_proposal_str() - in words, so that ike_proposal_parse() gives the same again
 * @p: the proposal
 * @out: room
 * @len: its size; what does not fit is cut
 *
 * Return: @out.
 */
const char *ike_proposal_str(const struct ike_proposal *p, char *out, size_t len)
{
	static const uint8_t order[] = { IKE_TRANSFORM_ENCR, IKE_TRANSFORM_INTEG, IKE_TRANSFORM_PRF,
					 IKE_TRANSFORM_DH, IKE_TRANSFORM_ESN };
	struct text t = text_on(out, len);
	char name[IKE_TRANSFORM_STRLEN];
	unsigned int i, k;

	for (k = 0; k < sizeof(order); k++) {
		if (implied(p, order[k]))
			continue;
		for (i = 0; i < p->n; i++) {
			if (p->t[i].type != order[k] || !strcmp(ike_transform_str(&p->t[i], name,
								sizeof(name)), "none"))
				continue;
			text_add(&t, "-", name);
		}
	}
	return out;
}

/* ---- choosing ---- */

/*
 * Where a proposal may leave a type out, that is the same as offering number 0
 * of it: no integrity beside an AEAD, no DH, 32-bit sequence numbers (RFC 7296 3.3.3).
 */
static bool zero_implied(uint8_t proto, uint8_t type)
{
	return type == IKE_TRANSFORM_INTEG || type == IKE_TRANSFORM_DH ||
	       (type == IKE_TRANSFORM_ESN && proto != PROTO_IKE);
}

static bool has_type(const struct ike_proposal *p, uint8_t type)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

/*
 * Numbers are compared with the key length as one; IKE_TRANSFORM_UNUSABLE and
 * what we do not know is never among @ours and so never chosen.
 */
static bool has_transform(const struct ike_proposal *p, const struct ike_transform *t)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == t->type && p->t[i].id == t->id &&
		    p->t[i].key_bits == t->key_bits)
			return true;
	return !t->id && !t->key_bits && zero_implied(p->proto, t->type) && !has_type(p, t->type);
}

/* the first of @ours that @theirs has too; appended to @chosen where @theirs says it in so many words */
static bool select_type(const struct ike_proposal *ours, const struct ike_proposal *theirs,
			uint8_t type, struct ike_proposal *chosen)
{
	const struct ike_transform zero = { type, 0, 0 };
	unsigned int i;

	for (i = 0; i < ours->n; i++) {
		const struct ike_transform *t = &ours->t[i];

		if (t->type != type || !has_transform(theirs, t))
			continue;
		if (has_type(theirs, type))
			ike_proposal_add(chosen, type, t->id, t->key_bits);
		return true;
	}
	if (has_type(ours, type))
		return false;
	if (!has_type(theirs, type))
		return true;
	if (!zero_implied(theirs->proto, type) || !has_transform(theirs, &zero))
		return false;
	ike_proposal_add(chosen, type, 0, 0);
	return true;
}

/* @ke: DH group to choose; DH_NONE: our first one */
static bool select_dh(const struct ike_proposal *ours, const struct ike_proposal *theirs,
		      uint16_t ke, struct ike_proposal *chosen)
{
	const struct ike_transform t = { IKE_TRANSFORM_DH, ke, 0 };

	if (ke == DH_NONE)
		return select_type(ours, theirs, t.type, chosen);
	if (!has_transform(ours, &t) || !has_transform(theirs, &t))
		return false;
	ike_proposal_add(chosen, t.type, t.id, 0);
	return true;
}

static bool select_pair(const struct ike_proposal *ours, const struct ike_proposal *theirs,
			bool ignore_dh, uint16_t ke, struct ike_proposal *chosen)
{
	uint8_t type;

	if (ours->proto != theirs->proto)
		return false;
	*chosen = *theirs;
	chosen->n = 0;
	for (type = IKE_TRANSFORM_ENCR; type <= IKE_TRANSFORM_ESN; type++) {
		if (type == IKE_TRANSFORM_DH && ignore_dh) {
			const struct ike_transform none = { type, DH_NONE, 0 };

			/* RFC 7296 1.2: no KE in IKE_AUTH, so only "none" may be answered */
			if (has_type(theirs, type) && has_transform(theirs, &none))
				ike_proposal_add(chosen, type, DH_NONE, 0);
			continue;
		}
		if (type == IKE_TRANSFORM_DH ? !select_dh(ours, theirs, ke, chosen) :
					       !select_type(ours, theirs, type, chosen))
			return false;
	}
	return true;
}

static bool select_any(const struct ike_proposal *ours, unsigned int n_ours,
		       const struct ike_proposal *theirs, unsigned int n_theirs,
		       bool ignore_dh, uint16_t ke, struct ike_proposal *chosen)
{
	unsigned int i, j;

	for (i = 0; i < n_ours; i++)
		for (j = 0; j < n_theirs; j++)
			if (select_pair(&ours[i], &theirs[j], ignore_dh, ke, chosen))
				return true;
	memset(chosen, 0, sizeof(*chosen));
	return false;
}

/**
 * ike_proposal_select() - a responder's choice: RFC 7296 2.7, 3.3.6
 * @ours: what the configuration has, most wanted first
 * @n_ours: how many
 * @theirs: what the peer offers
 * @n_theirs: how many
 * @ignore_dh: first CHILD SA: the DH transforms of both sides do not count
 * @chosen: one transform of each type that the peer's proposal has, its number and SPI
 *
 * Return: false when none fits.
 */
bool ike_proposal_select(const struct ike_proposal *ours, unsigned int n_ours,
			 const struct ike_proposal *theirs, unsigned int n_theirs,
			 bool ignore_dh, struct ike_proposal *chosen)
{
	return select_any(ours, n_ours, theirs, n_theirs, ignore_dh, DH_NONE, chosen);
}

/**
 * ike_proposal_select_ke() - selects the responder's proposal for a request with a KE payload
 * @ours: proposals of the configuration, most wanted first
 * @n_ours: number of @ours
 * @theirs: proposals of the peer
 * @n_theirs: number of @theirs
 * @ke: DH group of the KE payload; DH_NONE: there is none
 * @chosen: as of ike_proposal_select()
 *
 * RFC 7296 1.2: a group other than that of the KE payload costs a round trip, and the peer a new
 * public value. So the function prefers a proposal with @ke if both sides have one.
 *
 * Return: false if no proposal fits
 */
bool ike_proposal_select_ke(const struct ike_proposal *ours, unsigned int n_ours,
			    const struct ike_proposal *theirs, unsigned int n_theirs, uint16_t ke,
			    struct ike_proposal *chosen)
{
	if (ke != DH_NONE && select_any(ours, n_ours, theirs, n_theirs, false, ke, chosen))
		return true;
	return select_any(ours, n_ours, theirs, n_theirs, false, DH_NONE, chosen);
}

/**
 * ike_proposal_accept() - is the answer one of what we offered?
 * @ours: the proposals as sent; number 0 stands for the place in the list, from 1
 * @n_ours: how many
 * @answer: the responder's
 *
 * RFC 7296 3.3.6: an initiator must check that the answer is among its offers,
 * with one transform of each type.
 *
 * Return: whether it is.
 */
bool ike_proposal_accept(const struct ike_proposal *ours, unsigned int n_ours,
			 const struct ike_proposal *answer)
{
	struct ike_proposal chosen;
	unsigned int i, k;

	for (i = 1; i < answer->n; i++)
		for (k = 0; k < i; k++)
			if (answer->t[i].type == answer->t[k].type)
				return false;
	for (i = 0; i < n_ours; i++) {
		uint8_t number = ours[i].number ? ours[i].number : (uint8_t)(i + 1);

		if (number == answer->number && select_pair(&ours[i], answer, false, DH_NONE, &chosen))
			return true;
	}
	return false;
}

/* ---- differences ---- */

static bool pair_meets(const struct ike_proposal *ours, const struct ike_proposal *theirs,
		       uint8_t type)
{
	struct ike_proposal chosen = { .proto = theirs->proto };

	return select_type(ours, theirs, type, &chosen);
}

/* an AEAD against a cipher with integrity is said once, by the cipher */
static bool differs(const struct ike_proposal *ours, const struct ike_proposal *theirs,
		    uint8_t type)
{
	if (pair_meets(ours, theirs, type))
		return false;
	return type != IKE_TRANSFORM_INTEG || pair_meets(ours, theirs, IKE_TRANSFORM_ENCR) ||
	       (ike_proposal_get(ours, type) && ike_proposal_get(theirs, type));
}

static unsigned int distance(const struct ike_proposal *ours, const struct ike_proposal *theirs)
{
	unsigned int n = 0;
	uint8_t type;

	for (type = IKE_TRANSFORM_ENCR; type <= IKE_TRANSFORM_ESN; type++)
		n += differs(ours, theirs, type);
	return n;
}

/* the two that differ least, the most wanted of such; false: not even the protocol meets */
static bool closest(const struct ike_proposal *ours, unsigned int n_ours,
		    const struct ike_proposal *theirs, unsigned int n_theirs,
		    const struct ike_proposal **a, const struct ike_proposal **b)
{
	unsigned int i, k, n, least = UINT_MAX;

	for (i = 0; i < n_ours; i++) {
		for (k = 0; k < n_theirs; k++) {
			if (ours[i].proto != theirs[k].proto)
				continue;
			n = distance(&ours[i], &theirs[k]);
			if (n >= least)
				continue;
			least = n;
			*a = &ours[i];
			*b = &theirs[k];
		}
	}
	return least != UINT_MAX;
}

static void words(const struct ike_proposal *p, uint8_t type, char *out, size_t len)
{
	struct text t = text_on(out, len);
	char name[IKE_TRANSFORM_STRLEN];
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			text_add(&t, " ", ike_transform_str(&p->t[i], name, sizeof(name)));
	if (!t.at)
		text_add(&t, "", type == IKE_TRANSFORM_ESN ? "noesn" : "none");
}

static void whole(const struct ike_proposal *p, unsigned int n, char *out, size_t len)
{
	struct text t = text_on(out, len);
	char s[256];
	unsigned int i;

	for (i = 0; i < n; i++)
		text_add(&t, " ", ike_proposal_str(&p[i], s, sizeof(s)));
	if (!n)
		text_add(&t, "", "nothing that can be used");
}

/**
 * ike_proposal_differences - finds each difference between the nearest two proposals of two sets
 * @ours: proposals of the configuration
 * @n_ours: number of @ours
 * @theirs: proposals of the peer
 * @n_theirs: number of @theirs; 0: the peer offered none, or only unknown ones
 * @fn: gets the name of the transform, a constant, and the values of both sides
 * @arg: argument of @fn
 *
 * RFC 7296 2.7: one whole proposal must fit. So the nearest two show the needed change.
 *
 * Return: the nearest one of @ours; NULL: one set is empty
 */
const struct ike_proposal *ike_proposal_differences(const struct ike_proposal *ours,
						    unsigned int n_ours,
						    const struct ike_proposal *theirs,
						    unsigned int n_theirs, ike_difference_t fn,
						    void *arg)
{
	const struct ike_proposal *a, *b;
	char offered[128], expected[128];
	uint8_t type;

	if (!n_ours || !n_theirs)
		return NULL;
	if (!closest(ours, n_ours, theirs, n_theirs, &a, &b)) {
		fn("protocol", proto_str(theirs->proto), proto_str(ours->proto), arg);
		return NULL;
	}
	for (type = IKE_TRANSFORM_ENCR; type <= IKE_TRANSFORM_ESN; type++) {
		if (!differs(a, b, type))
			continue;
		words(b, type, offered, sizeof(offered));
		words(a, type, expected, sizeof(expected));
		fn(ike_transform_type_str(type), offered, expected, arg);
	}
	return a;
}

static void add_difference(const char *what, const char *theirs, const char *ours, void *arg)
{
	char line[320];

	snprintf(line, sizeof(line), "%s: offered %s, expected %s", what, theirs, ours);
	text_add(arg, "; ", line);
}

/**
 * ike_proposal_diff() - why nothing could be chosen, in one line for people
 * @ours: what the configuration has
 * @n_ours: how many
 * @theirs: what the peer offered
 * @n_theirs: how many, 0 when not known or all left out
 * @out: the line
 * @len: its size
 *
 * The text has the differences between the two nearest proposals. If @ours has several proposals,
 * it also names the nearest one.
 *
 * Return: @out: "DH group: offered modp2048, expected ecp384; nearest to aes256-sha256-ecp384".
 */
const char *ike_proposal_diff(const struct ike_proposal *ours, unsigned int n_ours,
			      const struct ike_proposal *theirs, unsigned int n_theirs,
			      char *out, size_t len)
{
	struct text t = text_on(out, len);
	const struct ike_proposal *nearest;
	char offered[224], expected[224], line[512];

	nearest = ike_proposal_differences(ours, n_ours, theirs, n_theirs, add_difference, &t);
	if (nearest && n_ours > 1) {
		ike_proposal_str(nearest, expected, sizeof(expected));
		snprintf(line, sizeof(line), "nearest to %s", expected);
		text_add(&t, "; ", line);
	}
	if (t.at)
		return out;
	whole(theirs, n_theirs, offered, sizeof(offered));
	whole(ours, n_ours, expected, sizeof(expected));
	snprintf(line, sizeof(line), "proposals: offered %s, expected %s", offered, expected);
	text_add(&t, "; ", line);
	return out;
}
