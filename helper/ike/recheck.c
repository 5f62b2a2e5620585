// SPDX-License-Identifier: GPL-2.0
/*
 * Judges the certificates of established peers again: RFC 7296 does not say when an authentication
 * ends, RFC 4945 5 and RFC 5280 6 say when a certificate does. A load may bring another CRL or take
 * a CA away; the notAfter of a certificate, the nextUpdate of a CRL and that of an OCSP answer pass.
 *
 *	load, timer -> queue -> judge (computes) -> judged -> arm the timer, or close the SA
 *	                           |                  ^
 *	                           +--> ask (waits) --+
 *
 * At most AT_ONCE of the jobs run, however many peers there are, so that those that authenticate
 * meanwhile do not wait behind all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

#define AT_ONCE		4
#define ARM_MAX_S	3600	/* the wall clock may be set meanwhile, so it is read so often */
#define AGAIN_S		60	/* an answer that holds no longer than this is asked for after it */
#define UNSAID_S	3600	/* nobody said anything, and `revocation soft` let it pass */
#define PATIENCE_MS	60000	/* in the queue of those that wait, before the limit of a check begins */

/**
 * struct ike_certs - certificates of a peer, in DER, its own first
 * @refs: one for each IKE SA that came of the same authentication
 * @n: of @der
 * @der: without the trusted CA
 */
struct ike_certs {
	unsigned int refs, n;
	struct buf der[CERT_CHAIN_MAX];
};

/**
 * struct recheck - one judgement
 * @job: of a worker
 * @sa: a reference; each IKE SA has one to the successor to which it handed the job over
 * @judged: the last of those, when the verdict is there
 * @store: the CAs of now, a reference
 * @claim: as at the authentication
 * @received: of @claim
 * @chain: what was found
 * @revocation: as configured
 * @ops: for the worker
 * @user: argument of @ops
 * @ok: the chain is good
 * @must_ask: the network knows whether it is
 * @since: when the limit in time of that begins
 * @until: when the answers about revocation end; 0: there were none
 * @error: what is wrong
 */
struct recheck {
	struct ike_job job;
	struct ike_sa *sa, *judged;
	struct cert_store *store;
	struct cert_claim claim;
	struct bytes received[CERT_CHAIN_MAX];
	struct cert_chain *chain;
	enum conf_revocation revocation;
	const struct ike_ops *ops;
	void *user;
	bool ok, must_ask;
	uint64_t since;
	time_t until;
	char error[CERT_ERROR_MAX];
};

time_t ike_wall(const struct ike_ops *ops, void *user)
{
	return ops->wall ? ops->wall(user) : time(NULL);
}

/* ---- the certificates ---- */

static struct ike_certs *certs_of(const struct cert_chain *chain)
{
	struct bytes der[CERT_CHAIN_MAX];
	struct ike_certs *certs = calloc(1, sizeof(*certs));
	bool ok = certs;
	unsigned int i;

	if (!certs)
		return NULL;
	certs->refs = 1;
	certs->n = cert_chain_der(chain, der) - 1;
	for (i = 0; i < certs->n; i++) {
		buf_init(&certs->der[i]);
		ok = buf_copy(&certs->der[i], der[i]) && ok;
	}
	if (ok)
		return certs;
	ike_certs_put(certs);
	return NULL;
}

struct ike_certs *ike_certs_get(struct ike_certs *certs)
{
	if (certs)
		certs->refs++;
	return certs;
}

void ike_certs_put(struct ike_certs *certs)
{
	unsigned int i;

	if (!certs || --certs->refs)
		return;
	for (i = 0; i < certs->n; i++)
		buf_free(&certs->der[i]);
	free(certs);
}

/* ---- when ---- */

/*
 * The first moment at which the answer may be another. A certificate holds in the second of its
 * notAfter, too (RFC 5280 4.1.2.5).
 */
static time_t next_of(const struct ike *ike, const struct cert_chain *chain, bool asks, time_t until)
{
	time_t now = ike_wall(ike->ops, ike->user), end = cert_chain_until(chain) + 1;

	if (!asks)
		return end;
	until = until ? until + 1 : now + UNSAID_S;
	if (until < now + AGAIN_S)
		until = now + AGAIN_S;
	return until < end ? until : end;
}

static void arm(struct ike_sa *sa)
{
	time_t now = ike_wall(sa->ike->ops, sa->ike->user);
	uint64_t seconds = sa->recheck_at > now ? sa->recheck_at - now : 0;

	if (seconds > ARM_MAX_S)
		seconds = ARM_MAX_S;
	ike_timer_set(&sa->ike->timers, &sa->recheck, sa->ike->now + seconds * 1000);
}

static void due(struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, recheck);

	/* a successor that is being negotiated is judged once it takes over */
	if (sa->state < IKE_STATE_ESTABLISHED)
		ike_timer_set(&sa->ike->timers, t, sa->ike->now + 1000);
	else if (!sa->recheck_queued && ike_wall(sa->ike->ops, sa->ike->user) < sa->recheck_at)
		arm(sa);
	else
		ike_recheck(sa);
}

bool ike_recheck_begin(struct ike_sa *sa, const struct cert_store *store,
		       const struct cert_chain *chain, time_t until)
{
	bool asks = sa->peer->conf->revocation != CONF_REVOCATION_OFF && sa->ike->ops->revocation;

	ike_certs_put(sa->certs);
	sa->certs = certs_of(chain);
	sa->recheck_at = next_of(sa->ike, chain, asks, until);
	/* another configuration was loaded while a worker verified by the old one */
	if (store != sa->ike->conf->certs)
		sa->recheck_at = 0;
	sa->recheck.fn = due;
	arm(sa);
	return sa->certs;
}

void ike_recheck_inherit(struct ike_sa *sa, const struct ike_sa *old)
{
	sa->certs = ike_certs_get(old->certs);
	if (!sa->certs)
		return;
	sa->recheck_at = old->recheck_at;
	sa->recheck.fn = due;
	arm(sa);
}

/* the successor has the place of @old in the queue */
static void replace_queued(struct ike_sa *sa, struct ike_sa *old)
{
	struct ike *ike = old->ike;
	struct ike_sa **at = &ike->recheck_first;

	while (*at != old)
		at = &(*at)->recheck_next;
	*at = ike_sa_get(sa);
	sa->recheck_next = old->recheck_next;
	sa->recheck_queued = true;
	old->recheck_next = NULL;
	old->recheck_queued = false;
	if (ike->recheck_last == old)
		ike->recheck_last = sa;
	ike_sa_put(old);
}

/**
 * ike_recheck_hand_over - judge the successor of an IKE SA in its place
 * @sa: takes over, with the same certificates
 * @old: is rekeyed
 *
 * A peer that rekeys as often as it likes does not escape a verdict. A job that runs keeps @old, which
 * leads done() to @sa.
 *
 * Context: main thread
 */
void ike_recheck_hand_over(struct ike_sa *sa, struct ike_sa *old)
{
	if (!sa->certs || sa->rechecking || sa->recheck_queued)
		return;
	sa->recheck_at = old->recheck_at;
	arm(sa);
	if (old->recheck_queued) {
		replace_queued(sa, old);
	} else if (old->rechecking) {
		old->recheck_next = ike_sa_get(sa);
		sa->rechecking = true;
		sa->recheck_again = old->recheck_again;
		old->rechecking = old->recheck_again = false;
	}
}

/* ---- on any thread ---- */

/**
 * ike_revocation_check - check whether a certificate of a chain is revoked
 * @ops: operations of the core
 * @user: argument of @ops
 * @chain: the chain
 * @mode: `revocation` of the peer's block
 * @since: as in struct ike_ops; 0: ask no server
 * @until: as in struct ike_ops
 * @err: gets the reason of IKE_REVOCATION_BAD
 * @err_len: size of @err
 *
 * Context: any thread
 * Return: the answer. Without memory it is IKE_REVOCATION_BAD.
 */
enum ike_revocation ike_revocation_check(const struct ike_ops *ops, void *user,
					 struct cert_chain *chain, enum conf_revocation mode,
					 uint64_t since, time_t *until, char *err, size_t err_len)
{
	struct gnutls_x509_crt_int *const *crts;
	unsigned int n;

	if (mode == CONF_REVOCATION_OFF || !ops->revocation)
		return IKE_REVOCATION_GOOD;
	crts = cert_chain_crts(chain, &n);
	if (crts)
		return ops->revocation(crts, n, mode, since, until, err, err_len, user);
	snprintf(err, err_len, "out of memory");
	return IKE_REVOCATION_BAD;
}

static bool not_revoked(struct recheck *r, uint64_t since)
{
	enum ike_revocation says = ike_revocation_check(r->ops, r->user, r->chain, r->revocation,
							since, &r->until, r->error,
							sizeof(r->error));

	r->must_ask = says == IKE_REVOCATION_UNASKED;
	return says != IKE_REVOCATION_BAD;
}

static void judge(void *arg)
{
	struct recheck *r = arg;

	r->claim.now = ike_wall(r->ops, r->user);
	r->chain = cert_chain_verify(&r->claim, r->error, sizeof(r->error));
	r->ok = r->chain && not_revoked(r, 0);
}

static void ask(void *arg)
{
	struct recheck *r = arg;

	r->ok = not_revoked(r, r->since);
}

/* ---- on the main one ---- */

static void recheck_free(struct recheck *r)
{
	struct ike_sa *sa = r->sa, *next;

	cert_chain_free(r->chain);
	cert_store_put(r->store);
	for (; sa; sa = next) {
		/* the last one may be in the queue by now */
		next = sa == r->judged ? NULL : sa->recheck_next;
		if (next)
			sa->recheck_next = NULL;
		ike_sa_put(sa);
	}
	free(r);
}

/* the IKE SA that the verdict applies to: the judged one, or its last successor */
static struct ike_sa *subject(const struct recheck *r)
{
	struct ike_sa *sa = r->sa;

	while (sa->recheck_next)
		sa = sa->recheck_next;
	return sa;
}

static void submit(struct recheck *r, void (*run)(void *arg), void (*done)(void *arg), bool waits)
{
	struct ike *ike = r->sa->ike;

	r->since = ike->now + PATIENCE_MS;
	r->job = (struct ike_job){ .run = run, .done = done, .arg = r, .waits = waits };
	ike->ops->job(&r->job, ike->user);
}

static bool is_judged(const struct ike_sa *sa)
{
	return !sa->dead && sa->state == IKE_STATE_ESTABLISHED && sa->peer && sa->certs;
}

static void close_bad(struct ike_sa *sa, const char *error)
{
	char addr[ADDR_STRLEN], them[IKE_ID_NAMED_STRLEN];

	ike_report_error(sa, NULL, "the authentication of %s at %s holds no longer: %s",
		   ike_sa_id_named(sa, false, them, sizeof(them)),
		   addr_str(&sa->remote.addr, addr, sizeof(addr)), error);
	ike_sa_delete(sa, "its certificate holds no longer");
}

static void queue_run(struct ike *ike);

static void done(void *arg)
{
	struct recheck *r = arg;
	struct ike_sa *sa = ike_sa_get(subject(r));
	struct ike *ike = sa->ike;
	bool again = sa->recheck_again;

	r->judged = sa;

	/* the core may have ended, too; ike_recheck_end() has counted it */
	if (sa->dead) {
		recheck_free(r);
		ike_sa_put(sa);
		return;
	}
	ike->n_rechecks--;
	sa->rechecking = sa->recheck_again = false;
	if (is_judged(sa) && !r->ok && !ike->closing) {
		close_bad(sa, r->error);
	} else if (is_judged(sa) && r->ok) {
		sa->recheck_at = again ? 0 : next_of(ike, r->chain, r->revocation != CONF_REVOCATION_OFF &&
						     ike->ops->revocation, r->until);
		arm(sa);
		if (again)
			ike_recheck(sa);
	}
	recheck_free(r);
	ike_sa_put(sa);
	queue_run(ike);
}

static void judged(void *arg)
{
	struct recheck *r = arg;

	if (r->ok && r->must_ask && is_judged(subject(r)))
		submit(r, ask, done, true);
	else
		done(r);
}

/* false: out of memory, or nothing to be judged by */
static bool start(struct ike_sa *sa)
{
	const struct conf_peer *conf = sa->peer->conf;
	struct recheck *r = calloc(1, sizeof(*r));
	unsigned int i;

	if (!r || !sa->ike->conf || !sa->ike->conf->certs) {
		free(r);
		return false;
	}
	for (i = 0; i < sa->certs->n; i++)
		r->received[i] = buf_bytes(&sa->certs->der[i]);
	r->store = cert_store_get(sa->ike->conf->certs);
	r->claim = (struct cert_claim){ .store = r->store, .ca = conf->trusted,
					.received = r->received, .n_received = sa->certs->n,
					.id_type = sa->remote_id.type,
					.id = { sa->remote_id.data, sa->remote_id.len } };
	r->revocation = conf->revocation;
	r->ops = sa->ike->ops;
	r->user = sa->ike->user;
	r->sa = ike_sa_get(sa);
	sa->rechecking = true;
	sa->ike->n_rechecks++;
	submit(r, judge, judged, false);
	return true;
}

static struct ike_sa *queue_take(struct ike *ike)
{
	struct ike_sa *sa = ike->recheck_first;

	if (!sa)
		return NULL;
	ike->recheck_first = sa->recheck_next;
	sa->recheck_next = NULL;
	sa->recheck_queued = false;
	return sa;
}

static void queue_run(struct ike *ike)
{
	struct ike_sa *sa;

	/* a job that runs at once comes back here */
	if (ike->recheck_runs)
		return;
	ike->recheck_runs = true;
	while (ike->n_rechecks < AT_ONCE && !ike->closing && (sa = queue_take(ike))) {
		if (is_judged(sa) && !start(sa))
			close_bad(sa, "no certificates are loaded, or out of memory");
		ike_sa_put(sa);
	}
	ike->recheck_runs = false;
}

static void enqueue(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	if (sa->certs && !sa->dead && sa->state < IKE_STATE_ESTABLISHED) {
		sa->recheck_at = 0;
		arm(sa);
	}
	if (!is_judged(sa) || sa->recheck_queued)
		return;
	if (sa->rechecking) {
		sa->recheck_again = true;
		return;
	}
	sa->recheck_queued = true;
	ike_sa_get(sa);
	if (ike->recheck_first)
		ike->recheck_last->recheck_next = sa;
	else
		ike->recheck_first = sa;
	ike->recheck_last = sa;
}

void ike_recheck(struct ike_sa *sa)
{
	enqueue(sa);
	queue_run(sa->ike);
}

void ike_recheck_end(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	ike_timer_off(&ike->timers, &sa->recheck);
	if (sa->rechecking)
		ike->n_rechecks--;
	sa->rechecking = false;
	/* a place is free, or the one that was to be started for it has gone: the loop starts the next */
	while (ike->recheck_first && ike->recheck_first->dead)
		ike_sa_put(queue_take(ike));
	if (ike->recheck_first && ike->n_rechecks < AT_ONCE)
		ike_timer_set(&ike->timers, &ike->recheck_first->recheck, ike->now);
}

void ike_recheck_all(struct ike *ike)
{
	struct ike_sa *sa;

	for (sa = ike->sas; sa; sa = sa->next) {
		/* so that a successor is due, too */
		if (sa->certs)
			sa->recheck_at = 0;
		enqueue(sa);
	}
	queue_run(ike);
}

void ike_rechecks_drop(struct ike *ike)
{
	struct ike_sa *sa;

	while ((sa = queue_take(ike)))
		ike_sa_put(sa);
}
