// SPDX-License-Identifier: GPL-2.0
/*
 * From a peer's certificate to a CA that we trust: RFC 5280 6, RFC 4945 5. Each
 * way up by the names is tried; what a certificate may do is checked here, with
 * words for the operator, and then the whole once more by GnuTLS, which checks
 * signatures, name constraints and critical extensions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/cert_priv.h"
#include "wire/wire.h"

#define STEPS_MAX	64	/* of the search: certificates of strangers may form a maze */
#define JUDGED_MAX	8	/* chains whose signatures are verified */

/**
 * struct cert_chain - a way up
 * @crt: the peer's first
 * @der: the same, as octets of the claim and of the store
 * @own: what was received, and is freed with this; the others are the store's
 * @own_der: of these
 * @copies: of the store's, once somebody asks for the chain
 */
struct cert_chain {
	unsigned int n, n_own, n_copies;
	gnutls_x509_crt_t crt[CERT_CHAIN_MAX], own[CERT_RECEIVED_MAX], copies[CERT_CHAIN_MAX];
	struct bytes der[CERT_CHAIN_MAX], own_der[CERT_RECEIVED_MAX];
	struct cert_pub pub;
	char subject[CERT_TEXT_MAX];
};

struct search {
	const struct cert_claim *claim;
	struct cert_chain *chain;
	unsigned int steps;
	unsigned int judged;	/* chains that reached a trusted CA; @err is of the first */
	bool too_long;
	char *err;
	size_t err_len;
};

/* ---- what a certificate may do ---- */

static bool is_critical_and_unknown(unsigned int status)
{
	return status & GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS;
}

static void time_str(time_t t, char *out, size_t len)
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, len, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, len, "an odd time");
}

static bool times_ok(gnutls_x509_crt_t crt, time_t now, char *err, size_t len)
{
	char subject[CERT_TEXT_MAX], when[48], now_text[48];
	time_t from = gnutls_x509_crt_get_activation_time(crt);
	time_t until = gnutls_x509_crt_get_expiration_time(crt);

	if (from != (time_t)-1 && until != (time_t)-1 && now >= from && now <= until)
		return true;
	time_str(now < from ? from : until, when, sizeof(when));
	time_str(now, now_text, sizeof(now_text));
	snprintf(err, len, "the certificate of '%s' %s %s, and it is %s",
		 cert_subject_of(crt, subject, sizeof(subject)),
		 now < from ? "is not valid before" : "expired on", when, now_text);
	return false;
}

static bool any_purpose(gnutls_x509_crt_t crt)
{
	static const char *const good[] = {
		"1.3.6.1.5.5.7.3.17",		/* ipsecIKE: RFC 4945 5.1.3.12 */
		"1.3.6.1.5.5.8.2.2",		/* iKEIntermediate */
		"2.5.29.37.0",			/* any */
		GNUTLS_KP_TLS_WWW_SERVER, GNUTLS_KP_TLS_WWW_CLIENT,
	};
	unsigned int i, k;
	char oid[128];

	for (i = 0; i < 64; i++) {
		size_t len = sizeof(oid);
		int ret = gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &len, NULL);

		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return !i;	/* no such extension: any */
		if (ret < 0)
			continue;
		for (k = 0; k < sizeof(good) / sizeof(*good); k++)
			if (!strcmp(oid, good[k]))
				return true;
	}
	return false;
}

/* RFC 4945 5.1.3.2: without the extension a key may do all */
static bool usage_ok(gnutls_x509_crt_t crt, unsigned int wanted)
{
	unsigned int usage = 0;
	int ret = gnutls_x509_crt_get_key_usage(crt, &usage, NULL);

	return ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (ret >= 0 && usage & wanted);
}

/* the peer's own */
static bool may_sign_ike(gnutls_x509_crt_t crt, char *err, size_t len)
{
	char subject[CERT_TEXT_MAX];

	if (!usage_ok(crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_NON_REPUDIATION)) {
		snprintf(err, len, "the certificate of '%s' may not sign: its keyUsage has neither digitalSignature nor nonRepudiation",
			 cert_subject_of(crt, subject, sizeof(subject)));
		return false;
	}
	if (!any_purpose(crt)) {
		snprintf(err, len, "the certificate of '%s' is not for IKE: its extendedKeyUsage has none of ipsecIKE, iKEIntermediate, serverAuth, clientAuth and any",
			 cert_subject_of(crt, subject, sizeof(subject)));
		return false;
	}
	return true;
}

/* @below: CAs between it and the peer's, without those that issued themselves: RFC 5280 4.2.1.9 */
static bool may_issue(gnutls_x509_crt_t crt, unsigned int below, char *err, size_t len)
{
	char subject[CERT_TEXT_MAX];
	unsigned int ca = 0;
	int pathlen = -1;

	if (gnutls_x509_crt_get_basic_constraints(crt, NULL, &ca, &pathlen) < 0 || !ca) {
		snprintf(err, len, "'%s' is no CA: its certificate's basicConstraints do not say so",
			 cert_subject_of(crt, subject, sizeof(subject)));
		return false;
	}
	if (!usage_ok(crt, GNUTLS_KEY_KEY_CERT_SIGN)) {
		snprintf(err, len, "the CA '%s' may not sign certificates: its keyUsage has no keyCertSign",
			 cert_subject_of(crt, subject, sizeof(subject)));
		return false;
	}
	if (pathlen >= 0 && below > (unsigned int)pathlen) {
		snprintf(err, len, "the CA '%s' has a path length of %d, and %u CAs are below it",
			 cert_subject_of(crt, subject, sizeof(subject)), pathlen, below);
		return false;
	}
	return true;
}

static bool key_ok(gnutls_x509_crt_t crt, char *err, size_t len)
{
	char subject[CERT_TEXT_MAX];
	unsigned int bits = 0;
	int pk = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

	if ((pk != GNUTLS_PK_RSA && pk != GNUTLS_PK_RSA_PSS) ||
	    (bits >= CERT_RSA_BITS_MIN && bits <= CERT_RSA_BITS_MAX))
		return true;
	snprintf(err, len, "the certificate of '%s' has an RSA key of %u bits, expected %u to %u",
		 cert_subject_of(crt, subject, sizeof(subject)), bits, CERT_RSA_BITS_MIN,
		 CERT_RSA_BITS_MAX);
	return false;
}

/* ---- one whole chain ---- */

/*
 * From @first up, to the last, which is trusted. GnuTLS is told so, and not left to
 * find the last one among those to verify: it compares them by writing both.
 */
static int gnutls_says(const struct cert_chain *c, unsigned int first, unsigned int *status)
{
	*status = 0;
	return gnutls_x509_crt_list_verify(&c->crt[first], c->n - 1 - first, &c->crt[c->n - 1], 1,
					   NULL, 0, GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
					   GNUTLS_VERIFY_DO_NOT_ALLOW_SAME, status);
}

/* which certificate GnuTLS found wrong: the first below which all is well */
static unsigned int culprit(const struct cert_chain *c)
{
	unsigned int i, status;

	for (i = c->n - 1; i--;)
		if (gnutls_says(c, i, &status) < 0 || status)
			return i;
	return 0;
}

static void status_str(const struct cert_chain *c, unsigned int status, char *err, size_t len)
{
	char subject[CERT_TEXT_MAX];
	const char *what = "is not signed by the CA that it names";

	cert_subject_of(c->crt[culprit(c)], subject, sizeof(subject));
	if (is_critical_and_unknown(status))
		what = "has a critical extension that we do not know";
	else if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
		what = "is signed with a broken algorithm, such as SHA-1";
	else if (status & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE)
		what = "breaks a constraint of its CA (nameConstraints)";
	snprintf(err, len, "the certificate of '%s' %s", subject, what);
}

static bool judge(struct search *s)
{
	char other[CERT_ERROR_MAX], *err = s->judged ? other : s->err;
	size_t len = s->judged ? sizeof(other) : s->err_len;
	struct cert_chain *c = s->chain;
	unsigned int i, below = 0, status = 0;
	bool first = !s->judged++;

	for (i = 0; i < c->n; i++)
		if (!times_ok(c->crt[i], s->claim->now, err, len) ||
		    !key_ok(c->crt[i], err, len))
			return false;
	for (i = 1; i < c->n; i++) {
		if (!may_issue(c->crt[i], below, err, len))
			return false;
		if (i + 1 < c->n)
			below += !gnutls_x509_crt_check_issuer(c->crt[i], c->crt[i]);
	}
	if (gnutls_says(c, 0, &status) < 0) {
		snprintf(err, len, "the certificate of '%s' cannot be verified", c->subject);
		return false;
	}
	if (status && first)
		status_str(c, status, err, len);
	return !status;
}

/* ---- the search ---- */

static bool is_anchor(const struct search *s, struct bytes der)
{
	const struct cert_store *store = s->claim->store;
	const struct cert_claim *claim = s->claim;
	unsigned int i;

	for (i = 0; i < claim->n_also; i++)
		if (bytes_equal(cert_der(claim->also[i]), der))
			return true;
	if (claim->ca && bytes_equal(cert_der(claim->ca), der))
		return true;
	for (i = 0; (!claim->ca || claim->any) && i < store->cas.n; i++)
		if (store->cas.p[i]->self_signed && bytes_equal(cert_der(store->cas.p[i]), der))
			return true;
	return false;
}

static bool climb(struct search *s);

static bool try_issuer(struct search *s, gnutls_x509_crt_t issuer, struct bytes der)
{
	struct cert_chain *c = s->chain;
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (bytes_equal(c->der[i], der))
			return false;
	if (!gnutls_x509_crt_check_issuer(c->crt[c->n - 1], issuer))
		return false;
	if (c->n == CERT_CHAIN_MAX) {
		s->too_long = true;
		return false;
	}
	c->der[c->n] = der;
	c->crt[c->n++] = issuer;
	if (climb(s))
		return true;
	c->n--;
	return false;
}

/* the chain's last one is new */
static bool climb(struct search *s)
{
	const struct cert_store *store = s->claim->store;
	struct cert_chain *c = s->chain;
	unsigned int i;

	if (++s->steps > STEPS_MAX || s->judged >= JUDGED_MAX)
		return false;
	/* the peer's own is not what makes it trusted */
	if (c->n > 1 && is_anchor(s, c->der[c->n - 1]))
		return judge(s);
	for (i = 0; i < store->cas.n; i++)
		if (try_issuer(s, store->cas.p[i]->crt, cert_der(store->cas.p[i])))
			return true;
	for (i = 0; i < c->n_own; i++)
		if (try_issuer(s, c->own[i], c->own_der[i]))
			return true;
	return false;
}

static void no_way(const struct search *s)
{
	const struct cert_chain *c = s->chain;
	gnutls_datum_t dn = { NULL, 0 };
	bool one_ca = s->claim->ca && !s->claim->n_also && !s->claim->any;
	char issuer[CERT_TEXT_MAX] = "unknown", name[160] = "";

	if (s->judged)
		return;
	if (gnutls_x509_crt_get_raw_issuer_dn(c->crt[0], &dn) >= 0) {
		cert_dn_str((struct bytes){ dn.data, dn.size }, issuer, sizeof(issuer));
		gnutls_free(dn.data);
	}
	if (one_ca)
		snprintf(name, sizeof(name), " '%.*s'", 120, s->claim->ca->subject);
	if (s->too_long)
		snprintf(s->err, s->err_len, "the chain of the certificate of '%s' has more than %u certificates",
			 c->subject, CERT_CHAIN_MAX);
	else if (s->steps > STEPS_MAX)
		snprintf(s->err, s->err_len, "the certificates that it sent form a maze, which is not searched to its end");
	else
		snprintf(s->err, s->err_len, "the certificate of '%s', issued by '%s', does not lead to %s%s",
			 c->subject, issuer, one_ca ? "the CA" : "a CA of cacerts/", name);
}

/* ---- the peer's own ---- */

static gnutls_x509_crt_t import(struct bytes der)
{
	gnutls_datum_t d = { (unsigned char *)der.p, der.len };
	gnutls_x509_crt_t crt;

	if (der.len > WIRE_CERT_MAX)
		return NULL;
	if (gnutls_x509_crt_init(&crt) < 0)
		return NULL;
	if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) >= 0)
		return crt;
	gnutls_x509_crt_deinit(crt);
	return NULL;
}

/* a peer may send none, where we can be expected to have it */
static const struct cert *known(const struct cert_claim *claim)
{
	unsigned int i;
	char err[CERT_ERROR_MAX];

	for (i = 0; i < claim->store->certs.n; i++)
		if (cert_has_id(claim->store->certs.p[i], claim->id_type, claim->id, err,
				sizeof(err)))
			return claim->store->certs.p[i];
	return NULL;
}

/* the peer's own certificate */
static bool take_first(struct search *s)
{
	const struct cert_claim *claim = s->claim;
	struct cert_chain *c = s->chain;
	const struct cert *cert;
	gnutls_x509_crt_t crt;

	if (!claim->n_received) {
		cert = known(claim);
		if (cert) {
			c->crt[0] = cert->crt;
			c->der[0] = cert_der(cert);
			return true;
		}
		snprintf(s->err, s->err_len, "it sent no certificate, and none of certs/ is for its ID");
		return false;
	}
	crt = import(claim->received[0]);
	if (!crt) {
		snprintf(s->err, s->err_len, "its first CERT payload holds no X.509 certificate that can be read");
		return false;
	}
	c->own_der[0] = claim->received[0];
	c->own[c->n_own++] = crt;
	c->crt[0] = c->own[0];
	c->der[0] = c->own_der[0];
	return true;
}

/* the others, once the first is one for the ID: before that they are not worth their time */
static void take_others(struct search *s)
{
	const struct cert_claim *claim = s->claim;
	struct cert_chain *c = s->chain;
	gnutls_x509_crt_t crt;
	unsigned int i;

	for (i = 1; i < claim->n_received && c->n_own < CERT_RECEIVED_MAX; i++) {
		crt = import(claim->received[i]);
		if (!crt)
			continue;
		c->own_der[c->n_own] = claim->received[i];
		c->own[c->n_own++] = crt;
	}
}

static bool own_is_right(struct search *s)
{
	const struct cert_claim *claim = s->claim;
	struct cert_chain *c = s->chain;
	char why[CERT_ERROR_MAX];

	c->n = 1;
	cert_subject_of(c->crt[0], c->subject, sizeof(c->subject));
	if (!cert_crt_has_id(c->crt[0], claim->id_type, claim->id, why, sizeof(why))) {
		snprintf(s->err, s->err_len, "its certificate is not for its ID: %s", why);
		return false;
	}
	if (gnutls_pubkey_init(&c->pub.key) < 0) {
		c->pub.key = NULL;
		snprintf(s->err, s->err_len, "out of memory");
		return false;
	}
	if (gnutls_pubkey_import_x509(c->pub.key, c->crt[0], 0) < 0) {
		snprintf(s->err, s->err_len, "the certificate of '%s' has a key of an unknown kind",
			 c->subject);
		return false;
	}
	if (!cert_pub_kind(&c->pub, why, sizeof(why))) {
		snprintf(s->err, s->err_len, "the certificate of '%s' has %s", c->subject, why);
		return false;
	}
	return may_sign_ike(c->crt[0], s->err, s->err_len);
}


struct cert_chain *cert_chain_verify(const struct cert_claim *claim, char *err, size_t err_len)
{
	struct search s = { .claim = claim, .err = err, .err_len = err_len };

	s.chain = calloc(1, sizeof(*s.chain));
	if (!s.chain) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	buf_init(&s.chain->pub.spki);
	if (take_first(&s) && own_is_right(&s)) {
		take_others(&s);
		if (climb(&s)) {
			*err = 0;
			return s.chain;
		}
		no_way(&s);
	}
	cert_chain_free(s.chain);
	return NULL;
}

void cert_chain_free(struct cert_chain *chain)
{
	if (!chain)
		return;
	while (chain->n_own)
		gnutls_x509_crt_deinit(chain->own[--chain->n_own]);
	while (chain->n_copies)
		gnutls_x509_crt_deinit(chain->copies[--chain->n_copies]);
	cert_pub_clear(&chain->pub);
	free(chain);
}

/* ---- what was found ---- */

static bool is_ours_alone(const struct cert_chain *c, gnutls_x509_crt_t crt)
{
	unsigned int i;

	for (i = 0; i < c->n_own; i++)
		if (c->own[i] == crt)
			return true;
	for (i = 0; i < c->n_copies; i++)
		if (c->copies[i] == crt)
			return true;
	return false;
}

/* The caller may use the chain in ways that are not safe on two threads. */
struct gnutls_x509_crt_int *const *cert_chain_crts(struct cert_chain *c, unsigned int *n)
{
	gnutls_x509_crt_t copy;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		if (is_ours_alone(c, c->crt[i]))
			continue;
		copy = import(c->der[i]);
		if (!copy)
			return NULL;
		c->copies[c->n_copies++] = c->crt[i] = copy;
	}
	*n = c->n;
	return c->crt;
}

const struct cert_pub *cert_chain_pub(const struct cert_chain *chain)
{
	return &chain->pub;
}

const char *cert_chain_subject(const struct cert_chain *chain)
{
	return chain->subject;
}

time_t cert_chain_not_after(const struct cert_chain *chain)
{
	return gnutls_x509_crt_get_expiration_time(chain->crt[0]);
}

time_t cert_chain_until(const struct cert_chain *chain)
{
	time_t until = gnutls_x509_crt_get_expiration_time(chain->crt[0]), other;
	unsigned int i;

	for (i = 1; i < chain->n; i++) {
		other = gnutls_x509_crt_get_expiration_time(chain->crt[i]);
		if (other < until)
			until = other;
	}
	return until;
}

unsigned int cert_chain_der(const struct cert_chain *chain, struct bytes out[CERT_CHAIN_MAX])
{
	memcpy(out, chain->der, chain->n * sizeof(*out));
	return chain->n;
}
