// SPDX-License-Identifier: GPL-2.0
/*
 * CREATE_CHILD_SA for CHILD SAs, new ones and those that take over from another:
 * RFC 7296 1.3.1, 1.3.3, 2.8.
 */
#include <stdio.h>
#include <string.h>

#include "v2/v2.h"

static const struct bytes none = { NULL, 0 };

static void note_lowest(struct ike_child *child)
{
	struct bytes i = buf_bytes(&child->negotiation->ni), r = buf_bytes(&child->negotiation->nr);

	buf_copy(&child->lowest_nonce, ike_nonce_cmp(i, r) < 0 ? i : r);
}

static struct ike_child *rekeyed(const struct ike_child *child)
{
	return child->negotiation->rekeys ? ike_child_find(child->sa, child->negotiation->rekeys) :
		NULL;
}

/* ---- initiator ---- */

static void send_request(struct ike_child *child)
{
	struct ike_negotiation *n = child->negotiation;
	struct v2_out out;
	uint8_t spi[4];

	v2_out_init(&out);
	if (n->rekeys) {
		/* RFC 7296 1.3.3: the SPI that we expect in what comes in */
		spi[0] = n->rekeys >> 24;
		spi[1] = n->rekeys >> 16;
		spi[2] = n->rekeys >> 8;
		spi[3] = n->rekeys;
		wire_put_notify(&out.w, ike_child_proto(child), (struct bytes){ spi, 4 },
				WIRE_N_REKEY_SA, none);
	}
	v2_child_put_sa(child, &out);
	wire_put_nonce(&out.w, buf_bytes(&n->ni));
	v2_kex_put(&n->kex, &out.w);
	v2_child_put_ts(child, &out);
	v2_put_window(child->sa, &out);
	ike_await(child);
	v2_request(child->sa, WIRE_CREATE_CHILD_SA, &out);
}

/* The CHILD SA to rekey is gone, or the peer rekeyed it first. */
static bool too_late(const struct ike_child *child)
{
	const struct ike_child *old = rekeyed(child);

	return child->negotiation->rekeys && (!old || old->state != IKE_CHILD_UP || old->replaced);
}

/* one came up meanwhile, by the peer; a successor of an IKE SA needs its own */
static bool is_there(const struct ike_sa *sa, const struct ike_task *task)
{
	if (task->spi || task->force_new || sa->replaces || !task->tun->n_up)
		return false;
	return task->has_flow ? ike_tunnel_covers(task->tun, &task->flow) :
	       !ike_tunnel_per_entry(task->tun);
}

static void request_dh_made(struct ike_sa *sa, struct ike_job_dh *job)
{
	struct ike_child *child = ike_child_find(sa, job->spi);

	sa->busy_out = false;
	if (child && child == sa->negotiation) {
		if (!v2_kex_made(&child->negotiation->kex, job))
			v2_child_failed(child, false, "cannot make a Diffie-Hellman key");
		else if (!child->tun || sa->state != IKE_STATE_ESTABLISHED || too_late(child))
			ike_child_free(child, "not wanted any more");
		else
			send_request(child);
	}
	v2_run(sa);
}

static void make_dh(struct ike_child *child, uint16_t group)
{
	struct ike_sa *sa = child->sa;

	sa->busy_out = true;
	if (v2_kex_make(sa, &child->negotiation->kex, group, request_dh_made, child->spi_in))
		return;
	sa->busy_out = false;
	v2_child_failed(child, false, "out of memory");
}

void v2_child_start(struct ike_sa *sa, const struct ike_task *task)
{
	struct ike_child *old = task->spi ? ike_child_find(sa, task->spi) : NULL, *child;
	const struct ike_proposal *p;
	char err[IKE_TEXT_MAX];
	uint16_t group;
	unsigned int n;

	if (!task->tun || (task->spi && (!old || old->state != IKE_CHILD_UP || old->replaced)))
		return;
	if (is_there(sa, task)) {
		if (task->tun->sa == sa && !ike_task_of(sa, task->tun))
			task->tun->sa = NULL;
		ike_tunnel_up(task->tun);
		return;
	}
	child = ike_child_new(sa, task->tun, true);
	if (!child || !v2_new_nonce(&child->negotiation->ni)) {
		if (child)
			v2_child_failed(child, false, "out of memory");
		return;
	}
	sa->negotiation = child;
	child->negotiation->rekeys = task->spi;
	child->entry = old ? old->entry : task->entry;
	child->negotiation->has_flow = task->has_flow;
	child->negotiation->flow = task->flow;
	if (!v2_child_offer(child, task->has_flow ? &task->flow : NULL, err, sizeof(err))) {
		v2_child_failed(child, false, err);
		return;
	}
	p = conf_tunnel_proposals(task->tun->conf, &n);
	group = v2_kex_first(p, n, NULL);
	if (group)
		make_dh(child, group);
	else
		send_request(child);
}

/* RFC 7296 1.3: again with the group that it wants */
static bool other_group(struct ike_child *child, const struct wire_notification *n)
{
	unsigned int n_ours;
	const struct ike_proposal *ours = conf_tunnel_proposals(child->tun->conf, &n_ours);
	uint16_t group = v2_kex_other_group(&child->negotiation->kex, ours, n_ours, n);

	if (group)
		make_dh(child, group);
	return group;
}

/* RFC 7296 2.25: nothing is wrong, but for now */
static void busy(struct ike_child *child, struct ike_child *old)
{
	struct ike_sa *sa = child->sa;
	struct ike_tunnel *tun = child->tun;
	uint64_t ms = v2_jitter(V2_TEMPORARY_MS);
	struct kern_flow flow = child->negotiation->flow;
	bool has_flow = child->negotiation->has_flow, rekeying = child->negotiation->rekeys;

	if (v2_busy_too_long(sa)) {
		v2_child_failed(child, false, "the peer says TEMPORARY_FAILURE for minutes");
		ike_sa_delete(sa, "out of step with the peer");
		return;
	}
	ike_child_free(child, "not now");
	if (old)
		ike_child_rekey_again(old, ms);
	else if (!rekeying && tun->sa == sa)
		ike_tunnel_later(tun, has_flow ? &flow : NULL, ms);
}

/* RFC 7296 2.25: ours goes without a word, and another is made from scratch */
static void peer_lost_it(struct ike_child *child, struct ike_child *old)
{
	struct ike_tunnel *tun = child->tun;
	bool force_new = old && !old->replaced;

	ike_child_free(child, "nothing to rekey");
	if (!old)
		return;
	old->replaced = true;
	ike_child_free(old, "the peer does not have it");
	if (force_new && !ike_tunnel_is_whole(tun))
		ike_tunnel_start(tun, NULL);
}

static void request_refused(struct ike_child *child, const struct wire_notification *n)
{
	struct ike_child *old = rekeyed(child);
	struct ike_sa *sa = child->sa;
	char err[IKE_TEXT_MAX];
	bool rekeying = old;

	if (n->type == WIRE_N_INVALID_KE_PAYLOAD && other_group(child, n))
		return;
	if (n->type == WIRE_N_TEMPORARY_FAILURE) {
		busy(child, old);
		return;
	}
	if (n->type == WIRE_N_CHILD_SA_NOT_FOUND && child->negotiation->rekeys) {
		peer_lost_it(child, old);
		return;
	}
	if (v2_child_by_entries(child, n))
		return;
	v2_child_refused(child, n, err, sizeof(err));
	v2_child_failed(child, false, err);
	if (n->type != WIRE_N_NO_ADDITIONAL_SAS || sa->dead)
		return;
	/* RFC 7296 1.3: what else there is to be is for another IKE SA */
	sa->no_additional_sas = true;
	if (rekeying)
		v2_reauthenticate(sa);
}

/*
 * RFC 7296 2.8.1: both ends made a successor. The one with the lowest nonce goes,
 * by who made it; the other's maker deletes what was rekeyed. The peer's may have
 * gone meanwhile, because it lost, or because it has a successor in its turn.
 */
static bool lost(const struct ike_child *child)
{
	return child->rival && ike_nonce_cmp(buf_bytes(&child->lowest_nonce),
					    buf_bytes(&child->rival_nonce)) < 0;
}

static void succeed(struct ike_child *child, struct ike_child *old)
{
	struct ike_child *theirs = child->rival ? ike_child_find(child->sa, child->rival) : NULL;

	if (old)
		old->replaced = true;
	if (lost(child)) {
		child->replaced = true;
		ike_child_delete(child, "rekeyed by both ends");
		return;
	}
	if (theirs)
		theirs->replaced = true;
	if (old)
		ike_child_delete(old, "rekeyed");
}

static void finish(struct ike_child *child, struct bytes shared)
{
	struct ike_child *old = rekeyed(child);
	char err[IKE_TEXT_MAX];

	child->sa->negotiation = NULL;
	note_lowest(child);
	/* An SA that is deleted at once only receives packets that the peer has sent already. */
	if (!v2_child_install(child, true, !lost(child), shared, buf_bytes(&child->negotiation->ni),
			      buf_bytes(&child->negotiation->nr), err, sizeof(err))) {
		v2_child_failed(child, true, err);
		return;
	}
	child->sa->temporary_since = 0;
	ike_child_up(child);
	succeed(child, old);
}

static void response_shared_made(struct ike_sa *sa, struct ike_job_dh *job)
{
	struct ike_child *child = ike_child_find(sa, job->spi);

	sa->busy_out = false;
	if (child && child == sa->negotiation) {
		if (!job->ok)
			v2_bad_public_value(sa, job->group);
		else if (!child->tun || sa->state != IKE_STATE_ESTABLISHED)
			ike_child_delete(child, "not wanted any more");
		else
			finish(child, buf_bytes(&job->shared));
	}
	if (!sa->dead)
		v2_run(sa);
}

static void take_ke(struct ike_child *child, struct v2_in *in)
{
	struct ike_kex *kex = &child->negotiation->kex;
	struct wire_ke ke;

	if (!v2_kex_take(kex, &in->inner, &child->prop, &ke)) {
		v2_child_failed(child, true, "its answer has the wrong Diffie-Hellman group");
		return;
	}
	if (!ke.group) {
		finish(child, none);
		return;
	}
	child->sa->busy_out = true;
	if (!v2_kex_share(child->sa, kex, &ke, response_shared_made, child->spi_in)) {
		child->sa->busy_out = false;
		v2_child_failed(child, true, "out of memory");
	}
}

void v2_child_response(struct v2_in *in)
{
	struct ike_child *child = in->sa->negotiation;
	const struct wire_payload *nonce = wire_find(&in->inner, WIRE_PLD_NONCE);
	struct wire_notification n;
	char err[IKE_TEXT_MAX];
	struct bytes nr;

	if (!child)
		return;
	if (!child->tun) {
		/* before the next request begins, which is what the deletion may do */
		in->sa->negotiation = NULL;
		/* dropped meanwhile: the peer has it if it did not refuse */
		if (v2_find_error(&in->inner, &n))
			ike_child_free(child, "not wanted any more");
		else
			ike_child_delete(child, "not wanted any more");
		return;
	}
	if (v2_find_error(&in->inner, &n)) {
		request_refused(child, &n);
		return;
	}
	if (!nonce || wire_nonce_decode(nonce->body, &nr) != WIRE_OK ||
	    !buf_copy(&child->negotiation->nr, nr))
		v2_child_failed(child, true, "its answer has no valid nonce");
	else if (!v2_child_accept(child, in, err, sizeof(err)))
		v2_child_failed(child, true, err);
	else
		take_ke(child, in);
}

/* ---- responder ---- */

static void send_response(struct ike_child *child, const struct crypto_dh *dh, struct bytes shared)
{
	struct ike_sa *sa = child->sa;
	struct ike_negotiation *n = child->negotiation;
	struct ike_child *old = rekeyed(child);
	uint32_t msgid = n->msgid;
	char err[IKE_TEXT_MAX];
	struct v2_out out;

	ike_child_answering(child, false);
	if (!v2_child_install(child, true, false, shared, buf_bytes(&n->ni), buf_bytes(&n->nr), err,
			      sizeof(err))) {
		v2_child_failed(child, false, err);
		v2_respond_notify(sa, WIRE_CREATE_CHILD_SA, msgid, WIRE_N_TEMPORARY_FAILURE, none);
		return;
	}
	v2_out_init(&out);
	v2_child_put_sa(child, &out);
	wire_put_nonce(&out.w, buf_bytes(&n->nr));
	if (dh)
		wire_put_ke(&out.w, crypto_dh_group(dh), crypto_dh_public(dh));
	v2_child_put_ts(child, &out);
	v2_put_window(sa, &out);
	v2_respond(sa, WIRE_CREATE_CHILD_SA, msgid, &out);
	if (!v2_child_install(child, false, true, shared, buf_bytes(&n->ni), buf_bytes(&n->nr), err,
			      sizeof(err))) {
		v2_child_failed(child, true, err);
		return;
	}
	note_lowest(child);
	/* the peer deletes it; until then what is on its way comes in by it */
	if (old)
		old->replaced = true;
	if (old && sa->negotiation && sa->negotiation->negotiation->rekeys == old->spi_in &&
	    buf_copy(&sa->negotiation->rival_nonce, buf_bytes(&child->lowest_nonce)))
		sa->negotiation->rival = child->spi_in;
	ike_child_up(child);
}

static void answer_made(struct ike_sa *sa, struct ike_job_dh *job)
{
	struct ike_child *child = ike_child_find(sa, job->spi);
	uint32_t msgid;

	if (!v2_request_of(sa, job->spi, &msgid))
		return;
	if (v2_kex_is_bad(job)) {
		v2_refuse_malformed(sa, WIRE_CREATE_CHILD_SA, msgid,
				    "its public value is not valid");
		return;
	}
	if (child && !child->answering)
		child = NULL;
	if (!child || !child->tun || sa->state != IKE_STATE_ESTABLISHED || !job->ok) {
		v2_respond_notify(sa, WIRE_CREATE_CHILD_SA, msgid, WIRE_N_TEMPORARY_FAILURE, none);
		if (child)
			ike_child_free(child, "not wanted any more");
		return;
	}
	send_response(child, job->dh, buf_bytes(&job->shared));
	if (!sa->dead)
		v2_run(sa);
}

static void refuse(struct v2_in *in, uint16_t type, struct bytes data)
{
	v2_respond_notify(in->sa, WIRE_CREATE_CHILD_SA, in->outer.hdr.msgid, type, data);
}

static void refuse_malformed(struct v2_in *in, const char *what)
{
	v2_refuse_malformed(in->sa, WIRE_CREATE_CHILD_SA, in->outer.hdr.msgid, what);
}

/* RFC 7296 1.3.3, 2.25.1; false: answered */
static bool find_rekeyed(struct v2_in *in, struct ike_child **old)
{
	struct wire_notification n;
	struct v2_out out;

	*old = NULL;
	if (!v2_find_notify(&in->inner, WIRE_N_REKEY_SA, &n))
		return true;
	if (n.spi.len == 4)
		*old = ike_child_find_out(in->sa, n.proto, get_u32(n.spi.p));
	if (*old && (*old)->state == IKE_CHILD_UP && (*old)->tun)
		return true;
	if (*old) {
		refuse(in, WIRE_N_TEMPORARY_FAILURE, none);
		return false;
	}
	v2_out_init(&out);
	wire_put_notify(&out.w, n.proto, n.spi, WIRE_N_CHILD_SA_NOT_FOUND, none);
	v2_respond(in->sa, WIRE_CREATE_CHILD_SA, in->outer.hdr.msgid, &out);
	return false;
}

/* the KE payload must be of the group that was chosen; false: answered, the child is gone */
static bool check_ke(struct v2_in *in, struct ike_child *child, struct wire_ke *ke)
{
	uint8_t group[2];

	if (v2_kex_wanted(&in->inner, &child->prop, ke, group))
		return true;
	ike_child_free(child, "another group");
	refuse(in, WIRE_N_INVALID_KE_PAYLOAD, (struct bytes){ group, sizeof(group) });
	return false;
}

static void answer(struct v2_in *in, struct ike_child *child, const struct wire_ke *ke)
{
	struct ike_sa *sa = in->sa;
	struct bytes ni;

	if (wire_nonce_decode(wire_find(&in->inner, WIRE_PLD_NONCE)->body, &ni) != WIRE_OK) {
		refuse_malformed(in, "its nonce is too short or too long");
		return;
	}
	if (!buf_copy(&child->negotiation->ni, ni) || !v2_new_nonce(&child->negotiation->nr)) {
		ike_child_free(child, "out of memory");
		refuse(in, WIRE_N_TEMPORARY_FAILURE, none);
		return;
	}
	child->negotiation->msgid = in->outer.hdr.msgid;
	ike_child_answering(child, true);
	if (!ke->group) {
		send_response(child, NULL, none);
		return;
	}
	v2_request_makes(sa, child->negotiation->msgid, child->spi_in);
	if (ike_job_dh(sa, ke->group, NULL, ke->data, answer_made, child->spi_in))
		return;
	ike_child_free(child, "out of memory");
	refuse(in, WIRE_N_TEMPORARY_FAILURE, none);
}

/*
 * RFC 7296 1.3. One that takes over is one more only for a while, so of those there may
 * be as many again; a peer that deletes none of the old ones comes to an end, too.
 */
static bool is_full(const struct ike_sa *sa, bool rekeying)
{
	unsigned int n = 0, max = sa->ike->limits.children_max;
	const struct ike_child *c;

	for (c = sa->children; c; c = c->next)
		n++;
	return max && n >= (rekeying ? 2 * max : max);
}

void v2_child_request(struct v2_in *in)
{
	struct ike_child *old, *child;
	struct wire_ke ke;
	uint16_t error;

	if (!wire_find(&in->inner, WIRE_PLD_TSI) || !wire_find(&in->inner, WIRE_PLD_TSR)) {
		refuse_malformed(in, "it has selectors of one side alone");
		return;
	}
	/* RFC 7296 2.25.2: it may ask again, on the SA that comes of it */
	if (in->sa->rekey_out || in->sa->rekey_in) {
		refuse(in, WIRE_N_TEMPORARY_FAILURE, none);
		return;
	}
	if (!find_rekeyed(in, &old))
		return;
	if (is_full(in->sa, old)) {
		refuse(in, WIRE_N_NO_ADDITIONAL_SAS, none);
		return;
	}
	error = v2_child_select(in, false, old, &child);
	if (error == WIRE_N_INVALID_SYNTAX) {
		refuse_malformed(in, "its proposals or selectors cannot be read");
		return;
	}
	if (error) {
		refuse(in, error, none);
		return;
	}
	if (old)
		child->negotiation->rekeys = old->spi_in;
	if (check_ke(in, child, &ke))
		answer(in, child, &ke);
}
