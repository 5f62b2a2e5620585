// SPDX-License-Identifier: GPL-2.0
/*
 * CREATE_CHILD_SA that makes a successor of the IKE SA, both roles, and both at
 * once: RFC 7296 1.3.2, 2.8, 2.8.2, 2.18, 2.25.2.
 *
 * @old->rekey_out is what our request is to make, @old->rekey_in what the peer's
 * made. Alone either takes over as soon as it has keys. With both of them the
 * one with the lowest nonce is redundant: who made it deletes it, the other's
 * maker deletes the old one, and the CHILD SAs move once, when that is known.
 */
#include <string.h>

#include "v2/v2.h"

/* longer than a peer repeats what it asks */
#define REKEYED_MS	180000
/* it may be that the peer never learned of it: RFC 7296 2.8.2 */
#define REDUNDANT_MS	20000
/* of one identity, that the peer has not deleted yet */
#define RESTING_MAX	16

static const struct bytes none = { NULL, 0 };

static void put_spi(struct ike_proposal *p, uint64_t spi)
{
	unsigned int i;

	p->spi_len = 8;
	for (i = 0; i < 8; i++)
		p->spi[i] = spi >> (56 - 8 * i);
}

/* false: RFC 7296 3.3.1 wants 8 octets, and 0 is no SPI (3.1) */
static bool get_spi(const struct ike_proposal *p, uint64_t *spi)
{
	*spi = (uint64_t)get_u32(p->spi) << 32 | get_u32(p->spi + 4);
	return p->spi_len == 8 && *spi;
}

static unsigned int proposals(const struct ike_sa *sa, struct ike_proposal *out)
{
	const struct conf_peer *conf = sa->peer->conf;
	unsigned int i;

	for (i = 0; i < conf->n_ike; i++) {
		out[i] = conf->ike[i];
		out[i].number = i + 1;
		put_spi(&out[i], ike_sa_own_spi(sa));
	}
	return conf->n_ike;
}

static struct ike_sa *successor_new(struct ike_sa *old, bool initiator)
{
	struct ike_sa *sa = ike_sa_new(old->ike, old->peer, initiator);

	if (!sa)
		return NULL;
	sa->from = old;
	*(initiator ? &old->rekey_out : &old->rekey_in) = sa;
	if (ike_sa_inherit(sa, old) && v2_new_nonce(initiator ? &sa->ni : &sa->nr))
		return sa;
	ike_sa_kill(sa, "out of memory");
	return NULL;
}

/* ---- who takes over ---- */

static struct bytes lowest_nonce(const struct ike_sa *sa)
{
	struct bytes i = buf_bytes(&sa->ni), r = buf_bytes(&sa->nr);

	return ike_nonce_cmp(i, r) < 0 ? i : r;
}

/* RFC 7296 2.8.2: true when ours is the redundant one */
static bool ours_loses(const struct ike_sa *ours, const struct ike_sa *theirs)
{
	return ike_nonce_cmp(lowest_nonce(ours), lowest_nonce(theirs)) < 0;
}

static void detach(struct ike_sa *sa)
{
	struct ike_sa *old = sa->from;

	if (!old)
		return;
	if (old->rekey_out == sa)
		old->rekey_out = NULL;
	if (old->rekey_in == sa)
		old->rekey_in = NULL;
	sa->from = NULL;
}

/* made by us at the peer too, and not of use */
static void discard(struct ike_sa *ours, const char *why)
{
	detach(ours);
	ours->state = IKE_STATE_REKEYED;
	ike_sa_delete(ours, why);
}

static void take_over(struct ike_sa *sa, struct ike_sa *old)
{
	detach(sa);
	ike_sa_take_over(sa, old);
	ike_sa_established(sa);
}

/* once what is on its way has come to something */
static void resolve(struct ike_sa *old)
{
	struct ike_sa *ours = old->rekey_out, *theirs = old->rekey_in;

	if ((!ours && !theirs) || (ours && !ours->keyed) || (theirs && !theirs->keyed))
		return;
	if (old->state != IKE_STATE_ESTABLISHED) {
		if (ours)
			discard(ours, "not wanted any more");
		return;
	}
	ike_sa_get(old);
	if (ours && (!theirs || !ours_loses(ours, theirs))) {
		take_over(ours, old);
		/* the peer deletes what it made, we what was rekeyed */
		if (theirs) {
			detach(theirs);
			ike_sa_await_peer_delete(theirs, REDUNDANT_MS);
		}
		ike_sa_delete(old, "rekeyed");
		v2_run(ours);
	} else {
		take_over(theirs, old);
		ike_sa_await_peer_delete(old, REKEYED_MS);
		if (ours)
			discard(ours, "rekeyed by both ends");
		v2_run(theirs);
	}
	ike_sa_put(old);
}

/*
 * The peer deletes @old, or does not want ours: its own request, which we have
 * answered, is the one that counts, and ours is forgotten (RFC 7296 2.8.2).
 * False: there is none.
 */
bool v2_rekey_peer_won(struct ike_sa *old)
{
	if (old->state != IKE_STATE_ESTABLISHED || !old->rekey_in || !old->rekey_in->keyed)
		return false;
	if (old->rekey_out)
		ike_sa_kill(old->rekey_out, "rekeyed by the peer");
	resolve(old);
	return true;
}

/* ---- initiator ---- */

/* sooner where its life is short */
static void again_after(struct ike_sa *old, uint64_t ms)
{
	uint64_t now = old->ike->now, end = ike_sa_end(old), left = end > now ? end - now : 0;

	if (ms > left / 4)
		ms = left / 4 > IKE_RETRY_MIN ? left / 4 : IKE_RETRY_MIN;
	ike_timer_set(&old->ike->timers, &old->life, now + ms);
}

/* Reports it. From now on this IKE SA is reauthenticated: RFC 7296 2.8.3. */
static void failed(struct ike_sa *old, const char *why)
{
	char addr[ADDR_STRLEN];

	if (old->rekey_out)
		ike_sa_kill(old->rekey_out, why);
	if (old->state != IKE_STATE_ESTABLISHED || v2_rekey_peer_won(old) || old->rekey_in)
		return;
	ike_report_error(old, NULL,
			 "%s does not rekey the IKE SA: %s; it is reauthenticated",
		   addr_str(&old->remote.addr, addr, sizeof(addr)), why);
	old->rekey_refused = true;
	again_after(old, 0);
}

/* RFC 7296 2.25: no failure, the peer is busy with the same SA */
static void later(struct ike_sa *old)
{
	ike_sa_kill(old->rekey_out, "not now");
	if (old->state != IKE_STATE_ESTABLISHED || v2_rekey_peer_won(old) || old->rekey_in)
		return;
	if (v2_busy_too_long(old))
		failed(old, "TEMPORARY_FAILURE for minutes");
	else
		again_after(old, v2_jitter(V2_TEMPORARY_MS));
}

static void request_dh_made(struct ike_sa *old, struct ike_job_dh *job)
{
	struct ike_sa *sa = old->rekey_out;
	struct ike_proposal p[CONF_PROPOSALS_MAX];
	struct v2_out out;

	old->busy_out = false;
	if (sa && (old->state != IKE_STATE_ESTABLISHED || !old->peer)) {
		ike_sa_kill(sa, "not wanted any more");
	} else if (sa && !v2_kex_made(&sa->kex, job)) {
		failed(old, "cannot make a Diffie-Hellman key");
	} else if (sa) {
		v2_out_init(&out);
		wire_put_sa(&out.w, p, proposals(sa, p));
		wire_put_nonce(&out.w, buf_bytes(&sa->ni));
		v2_kex_put(&sa->kex, &out.w);
		v2_request(old, WIRE_CREATE_CHILD_SA, &out);
	}
	v2_run(old);
}

static void make_dh(struct ike_sa *old, uint16_t group)
{
	old->busy_out = true;
	if (v2_kex_make(old, &old->rekey_out->kex, group, request_dh_made, 0))
		return;
	old->busy_out = false;
	failed(old, "out of memory");
}

/**
 * v2_rekey_start - begin to rekey an IKE SA
 * @old: established; the window is free
 */
void v2_rekey_start(struct ike_sa *old)
{
	const struct conf_peer *conf;

	if (old->state != IKE_STATE_ESTABLISHED || !old->peer || old->rekey_out || old->rekey_in)
		return;
	conf = old->peer->conf;
	/* the group that the peer took before spares us INVALID_KE_PAYLOAD */
	if (successor_new(old, true))
		make_dh(old, v2_kex_first(conf->ike, conf->n_ike,
					  ike_proposal_get(&old->prop, IKE_TRANSFORM_DH)));
	else
		failed(old, "out of memory");
}

static void shared_made(struct ike_sa *old, struct ike_job_dh *job)
{
	struct ike_sa *sa = old->rekey_out;

	old->busy_out = false;
	if (sa && !job->ok) {
		v2_bad_public_value(old, job->group);
	} else if (sa && v2_keys(sa, buf_bytes(&job->shared), &old->keys)) {
		sa->keyed = true;
		resolve(old);
	} else if (sa) {
		failed(old, "its keys cannot be derived");
	}
	if (!old->dead)
		v2_run(old);
}

static bool take_answer(struct ike_sa *sa, struct v2_in *in, struct wire_ke *ke)
{
	const struct wire_payload *p = wire_find(&in->inner, WIRE_PLD_SA);
	const struct wire_payload *nonce = wire_find(&in->inner, WIRE_PLD_NONCE);
	struct ike_proposal ours[CONF_PROPOSALS_MAX];
	struct wire_sa chosen;
	struct bytes nr;

	if (!p || !nonce || wire_sa_decode(p->body, &chosen) != WIRE_OK || chosen.n != 1 ||
	    wire_nonce_decode(nonce->body, &nr) != WIRE_OK || !get_spi(&chosen.p[0], &sa->spi_r) ||
	    !ike_proposal_accept(ours, proposals(sa, ours), &chosen.p[0]) ||
	    !v2_kex_take(&sa->kex, &in->inner, &chosen.p[0], ke) || !ke->group)
		return false;
	sa->prop = chosen.p[0];
	return buf_copy(&sa->nr, nr);
}

void v2_rekey_response(struct v2_in *in)
{
	struct ike_sa *old = in->sa, *sa = old->rekey_out;
	const struct conf_peer *conf = old->peer ? old->peer->conf : NULL;
	struct wire_notification n;
	uint16_t error, group;
	struct wire_ke ke;

	error = v2_find_error(&in->inner, &n);
	if (error == WIRE_N_TEMPORARY_FAILURE) {
		later(old);
	} else if (error == WIRE_N_INVALID_KE_PAYLOAD && conf &&
		   old->state == IKE_STATE_ESTABLISHED &&
		   (group = v2_kex_other_group(&sa->kex, conf->ike, conf->n_ike, &n)) != DH_NONE) {
		make_dh(old, group);
	} else if (error) {
		failed(old, wire_notify_str(error));
	} else if (!conf || !take_answer(sa, in, &ke)) {
		failed(old, "its answer does not fit what was offered");
	} else {
		old->busy_out = true;
		if (v2_kex_share(old, &sa->kex, &ke, shared_made, 0))
			return;
		old->busy_out = false;
		failed(old, "out of memory");
	}
}

/* ---- responder ---- */

static void refuse(struct v2_in *in, uint16_t type, struct bytes data)
{
	v2_respond_notify(in->sa, WIRE_CREATE_CHILD_SA, in->outer.hdr.msgid, type, data);
}

static void answer_made(struct ike_sa *old, struct ike_job_dh *job)
{
	struct ike_sa *sa = old->rekey_in;
	struct ike_proposal p;
	struct v2_out out;
	uint32_t msgid;

	if (!v2_request_of(old, job->spi, &msgid))
		return;
	if (v2_kex_is_bad(job)) {
		v2_refuse_malformed(old, WIRE_CREATE_CHILD_SA, msgid,
				    "its public value is not valid");
		return;
	}
	/* another may have come of another request meanwhile */
	if (sa && (uint32_t)ike_sa_own_spi(sa) != job->spi)
		sa = NULL;
	if (!sa || old->state != IKE_STATE_ESTABLISHED || !job->ok ||
	    !v2_keys(sa, buf_bytes(&job->shared), &old->keys)) {
		v2_respond_notify(old, WIRE_CREATE_CHILD_SA, msgid, WIRE_N_TEMPORARY_FAILURE, none);
		if (sa)
			ike_sa_kill(sa, "not wanted any more");
		/* ours may have waited for it */
		resolve(old);
	} else {
		p = sa->prop;
		put_spi(&p, ike_sa_own_spi(sa));
		v2_out_init(&out);
		wire_put_sa(&out.w, &p, 1);
		wire_put_nonce(&out.w, buf_bytes(&sa->nr));
		wire_put_ke(&out.w, crypto_dh_group(job->dh), crypto_dh_public(job->dh));
		v2_respond(old, WIRE_CREATE_CHILD_SA, msgid, &out);
		sa->keyed = true;
		ike_sa_await_peer_delete(sa, REKEYED_MS);
		resolve(old);
	}
	if (!old->dead)
		v2_run(old);
}

/* RFC 7296 2.25.1: we create, rekey or close a CHILD SA, and the answer is under way */
static bool is_busy(const struct ike_sa *sa)
{
	return sa->negotiation || sa->n_negotiations_in || sa->deleting_spi || sa->rekey_in;
}

/* the peer makes successors faster than it deletes, which is its to do (2.8) */
static bool too_many_rest(const struct ike_sa *sa)
{
	const struct ike_sa *s = NULL;
	unsigned int n = 0;

	while ((s = ike_sa_of_id(sa->ike, &sa->remote_id, s)))
		n += s->state == IKE_STATE_REKEYED && s->peer == sa->peer;
	return n >= RESTING_MAX;
}

static void no_proposal(struct v2_in *in, const struct wire_sa *theirs)
{
	const struct conf_peer *conf = in->sa->peer->conf;
	char diff[400], addr[ADDR_STRLEN];

	ike_note_proposals(in->sa->ike, conf->ike, conf->n_ike, theirs->p, theirs->n);
	ike_report_error(in->sa, NULL, "no common IKE proposal with %s to rekey the IKE SA: %s%s",
		   addr_str(&in->sa->remote.addr, addr, sizeof(addr)),
		   ike_proposal_diff(conf->ike, conf->n_ike, theirs->p, theirs->n, diff,
				     sizeof(diff)), v2_kex_more(theirs));
	refuse(in, WIRE_N_NO_PROPOSAL_CHOSEN, none);
}

/**
 * v2_rekey_request - CREATE_CHILD_SA without selectors
 * @in: for an SA that is established
 */
void v2_rekey_request(struct v2_in *in)
{
	struct ike_sa *old = in->sa, *sa;
	struct ike_proposal chosen;
	struct wire_sa theirs;
	uint8_t group[2];
	struct bytes ni;
	struct wire_ke ke;
	uint64_t spi;

	if (is_busy(old) || too_many_rest(old)) {
		refuse(in, WIRE_N_TEMPORARY_FAILURE, none);
		return;
	}
	if (!wire_is_read(wire_sa_decode(wire_find(&in->inner, WIRE_PLD_SA)->body, &theirs)) ||
	    wire_nonce_decode(wire_find(&in->inner, WIRE_PLD_NONCE)->body, &ni) != WIRE_OK) {
		v2_refuse_malformed(old, WIRE_CREATE_CHILD_SA, in->outer.hdr.msgid,
				    "its proposals or its nonce cannot be read");
		return;
	}
	if (!ike_proposal_select_ke(old->peer->conf->ike, old->peer->conf->n_ike, theirs.p,
				    theirs.n, v2_kex_came(&in->inner), &chosen) || !get_spi(&chosen, &spi)) {
		no_proposal(in, &theirs);
		return;
	}
	if (!v2_kex_wanted(&in->inner, &chosen, &ke, group)) {
		refuse(in, WIRE_N_INVALID_KE_PAYLOAD, (struct bytes){ group, sizeof(group) });
		return;
	}
	sa = successor_new(old, false);
	if (sa) {
		sa->spi_i = spi;
		sa->prop = chosen;
		v2_request_makes(old, in->outer.hdr.msgid, (uint32_t)ike_sa_own_spi(sa));
		if (buf_copy(&sa->ni, ni) &&
		    ike_job_dh(old, ke.group, NULL, ke.data, answer_made,
			       (uint32_t)ike_sa_own_spi(sa)))
			return;
		ike_sa_kill(sa, "out of memory");
	}
	refuse(in, WIRE_N_TEMPORARY_FAILURE, none);
}
