// SPDX-License-Identifier: GPL-2.0
/*
 * Where a peer is: the addresses and names of its block, in order of preference. The initiator
 * tries them one after the other. The responder accepts a peer from any of them. DNS proves
 * nothing: an address only says where to send and which block to try. The identity authenticates.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

#define FRESH_MS	1000	/* a result of this age serves the try that asked for it */
#define AGAIN_MS	60000	/* getaddrinfo() does not say how long a record lives */
#define RETRY_FIRST_MS	1000	/* after a failure, then twice as long each time */
#define LOOKUPS_MAX	4	/* at once; the threads that wait also fetch CRLs and ask OCSP */
#define TOLD_MS		3600000	/* a failure that lasts is logged again */
#define SWITCH_TRIES	2	/* retransmissions of IKE_SA_INIT if another address is left */

/**
 * struct ike_lookup - a job that resolves a name
 * @job: its run() reads @ops, @user, @name, @family and writes @n, @addrs, @error
 * @ike: the core
 * @of: whose name it is; NULL: nobody needs the result any more
 * @next: in the queue of those that wait
 * @needed: a tunnel waits for it
 * @ops: those of @ike
 * @user: that of @ike
 * @name: the name
 * @family: of the wanted addresses; 0: both
 * @n: number of @addrs
 * @addrs: result
 * @error: why there is none
 */
struct ike_lookup {
	struct ike_job job;
	struct ike *ike;
	struct ike_remote *of;
	struct ike_lookup *next;
	const struct ike_ops *ops;
	void *user;
	char name[CONF_HOST_MAX + 2];
	uint8_t family;
	bool needed;
	unsigned int n;
	struct addr addrs[IKE_REMOTE_ADDRS_MAX];
	char error[IKE_REMOTE_ERROR_LEN];
};

static bool can_be_called(const struct ike_remote *r)
{
	return r->conf->type != CONF_REMOTE_RANGE;
}

/**
 * ike_remote_first() - finds the preferred address or name
 * @peer: the peer
 *
 * Return: the index of the first value that is no range.
 */
unsigned int ike_remote_first(const struct ike_peer *peer)
{
	unsigned int i = 0;

	while (i + 1 < peer->n_remotes && !can_be_called(&peer->remotes[i]))
		i++;
	return i;
}

static unsigned int count_called(const struct ike_peer *peer)
{
	unsigned int i, n = 0;

	for (i = 0; i < peer->n_remotes; i++)
		n += can_be_called(&peer->remotes[i]);
	return n;
}

static bool has_choice(const struct ike_peer *peer)
{
	return count_called(peer) > 1 ||
	       (peer->n_remotes && peer->remotes[ike_remote_first(peer)].n > 1);
}

/* ---- addresses ---- */

static void set_addrs(struct ike_remote *r, const struct addr *addrs, unsigned int n)
{
	struct ike *ike = r->peer->ike;
	unsigned int i;

	for (i = 0; i < r->n; i++)
		ike_table_del(&ike->peers_by_addr, &r->addrs[i].by_addr);
	for (i = 0; i < n; i++) {
		r->addrs[i].of = r;
		r->addrs[i].addr = addrs[i];
		ike_table_put(&ike->peers_by_addr, &r->addrs[i].by_addr,
			      ike_addr_hash(ike, &addrs[i]));
	}
	r->n = n;
}

/* Rejects unspecified, loopback, link-local and multicast addresses that a name server may send. */
static bool is_usable(const struct addr *a, uint8_t family)
{
	static const uint8_t zero[16], mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family && a->family != family)
		return false;
	if (a->family == AF_INET)
		return a->a[0] && a->a[0] != 127 && a->a[0] < 224 && !(a->a[0] == 169 && a->a[1] == 254);
	return a->family == AF_INET6 && memcmp(a->a, zero, 15) && a->a[0] != 0xff &&
	       memcmp(a->a, mapped, 12) && !addr_is_link_local(a);
}

/*
 * Rejects an address of this host, and one behind a tunnel of ours, which ike_route_cuts() knows: a
 * forged answer would have the daemon negotiate with itself, or send IKE into the tunnel.
 */
static bool is_elsewhere(const struct ike *ike, const struct addr *a)
{
	return !(ike->ops->is_local && ike->ops->is_local(a, ike->user)) && !ike_route_cuts(ike, a);
}

static unsigned int keep_usable(const struct ike *ike, struct addr *addrs, unsigned int n,
				uint8_t family)
{
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++)
		if (is_usable(&addrs[i], family) && is_elsewhere(ike, &addrs[i]))
			addrs[kept++] = addrs[i];
	return kept;
}

/* ---- lookups ---- */

static void lookup_run(void *arg)
{
	struct ike_lookup *l = arg;

	if (!l->ops->resolve) {
		snprintf(l->error, sizeof(l->error), "there is no resolver");
		return;
	}
	l->n = l->ops->resolve(l->name, l->family, l->addrs, IKE_REMOTE_ADDRS_MAX, l->error,
			       sizeof(l->error), l->user);
}

static void submit(struct ike_lookup *l)
{
	l->ike->n_lookups++;
	l->ike->ops->job(&l->job, l->ike->user);
}

static void submit_next(struct ike *ike)
{
	struct ike_lookup *l;

	while (ike->n_lookups < LOOKUPS_MAX && (l = ike->lookups)) {
		ike->lookups = l->next;
		if (l->of)
			submit(l);
		else
			free(l);
	}
}

static uint64_t again_ms(const struct ike_remote *r)
{
	uint64_t ms = RETRY_FIRST_MS;
	unsigned int i;

	for (i = 1; i < r->failures && ms < AGAIN_MS; i++)
		ms *= 2;
	return r->failures && ms < AGAIN_MS ? ms : AGAIN_MS;
}

/* Addresses that were known stay: a name server that is down does not take the peer away. */
static void lookup_failed(struct ike_remote *r, const char *error)
{
	bool said = !strncmp(r->error, error, sizeof(r->error) - 1);
	char text[IKE_TEXT_MAX];

	snprintf(r->error, sizeof(r->error), "%s", error);
	if (r->failures++ && said)
		return;
	snprintf(text, sizeof(text), "cannot resolve %s: %s%s", r->conf->name, error,
		 r->n ? "; its last addresses are used" : "");
	ike_report_peer(r->peer, text);
}

static void resume(struct ike_peer *peer)
{
	struct ike_tunnel *tun;
	struct kern_flow flow;
	bool has_flow;

	for (tun = peer->tunnels; tun; tun = tun->next) {
		if (!tun->resolving)
			continue;
		tun->resolving = false;
		has_flow = tun->has_flow;
		flow = tun->flow;
		tun->has_flow = false;
		ike_tunnel_start(tun, has_flow ? &flow : NULL);
	}
}

static void take_result(struct ike_remote *r, struct ike_lookup *l)
{
	struct ike_peer *peer = r->peer;
	struct ike *ike = peer->ike;
	bool resolved = l->n;

	l->n = keep_usable(ike, l->addrs, l->n, l->family);
	r->looked_at = ike->now ? ike->now : 1;
	if (l->n) {
		set_addrs(r, l->addrs, l->n);
		if (r->failures)
			ike_report(ike, IKE_EVENT_RESOLVED, peer->conf->name, NULL, NULL,
				   "%s is resolved again", r->conf->name);
		r->failures = 0;
		r->error[0] = '\0';
		ike_failure_over(peer, "");
	} else {
		lookup_failed(r, resolved ? "its addresses are not of use" : l->error);
	}
	ike_timer_set(&ike->timers, &r->again, ike->now + again_ms(r));
}

static void lookup_done(void *arg)
{
	struct ike_lookup *l = arg;
	struct ike *ike = l->ike;
	struct ike_remote *r = l->of;

	ike->n_lookups--;
	if (r)
		r->lookup = NULL;
	if (r && !ike->closing) {
		take_result(r, l);
		if (r->peer->preferring)
			ike_remote_prefer(&r->peer->prefer);
		resume(r->peer);
	}
	free(l);
	if (!ike->closing)
		submit_next(ike);
}

/* Queues a lookup that a tunnel waits for in front of those that only renew what is known. */
static void enqueue(struct ike *ike, struct ike_lookup *l)
{
	struct ike_lookup **at = &ike->lookups;

	while (*at && (!l->needed || (*at)->needed))
		at = &(*at)->next;
	l->next = *at;
	*at = l;
}

/* A tunnel waits for a lookup that is under way, or in the queue. */
static void hurry(struct ike *ike, struct ike_lookup *l)
{
	struct ike_lookup **at = &ike->lookups;

	if (l->needed)
		return;
	l->needed = true;
	while (*at && *at != l)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = l->next;
	enqueue(ike, l);
}

/* The job may be over when this returns. */
static bool look_up(struct ike_remote *r, bool needed)
{
	struct ike *ike = r->peer->ike;
	struct ike_lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return false;
	l->job = (struct ike_job){ .run = lookup_run, .done = lookup_done, .arg = l, .waits = true };
	l->ike = ike;
	l->of = r;
	l->ops = ike->ops;
	l->user = ike->user;
	l->family = r->peer->conf->local.family;
	l->needed = needed;
	snprintf(l->name, sizeof(l->name), "%s", r->conf->name);
	r->lookup = l;
	ike_timer_off(&ike->timers, &r->again);
	if (ike->n_lookups < LOOKUPS_MAX) {
		submit(l);
		return true;
	}
	enqueue(ike, l);
	return true;
}

static void again_due(struct ike_timer *t)
{
	struct ike_remote *r = container_of(t, struct ike_remote, again);

	if (!r->lookup && !r->peer->ike->closing && !look_up(r, false))
		ike_timer_set(&r->peer->ike->timers, t, r->peer->ike->now + AGAIN_MS);
}

/**
 * ike_lookups_drop() - forget the lookups that wait for their turn
 * @ike: the core, which ends
 */
void ike_lookups_drop(struct ike *ike)
{
	struct ike_lookup *l;

	while ((l = ike->lookups)) {
		ike->lookups = l->next;
		if (l->of)
			l->of->lookup = NULL;
		free(l);
	}
}

/* ---- the list of a peer ---- */

static void remote_clear(struct ike_remote *r)
{
	set_addrs(r, NULL, 0);
	ike_timer_off(&r->peer->ike->timers, &r->again);
	if (r->lookup)
		r->lookup->of = NULL;
	r->lookup = NULL;
}

void ike_remotes_free(struct ike_peer *peer)
{
	unsigned int i;

	for (i = 0; i < peer->n_remotes; i++)
		remote_clear(&peer->remotes[i]);
	free(peer->remotes);
	peer->remotes = NULL;
	peer->n_remotes = 0;
	ike_timer_off(&peer->ike->timers, &peer->prefer);
	peer->preferring = false;
}

/* What is known of a name stays known, if the new list has the name, too. */
static void take_over(struct ike_remote *r, struct ike_remote *old, unsigned int n_old)
{
	struct addr addrs[IKE_REMOTE_ADDRS_MAX];
	unsigned int i, k;

	for (i = 0; i < n_old; i++, old++) {
		if (!old->peer || old->conf->type != CONF_REMOTE_NAME ||
		    strcmp(old->conf->name, r->conf->name))
			continue;
		for (k = 0; k < old->n; k++)
			addrs[k] = old->addrs[k].addr;
		r->looked_at = old->looked_at;
		r->failures = old->failures;
		memcpy(r->error, old->error, sizeof(r->error));
		set_addrs(r, addrs, k);
		return;
	}
}

static void remote_init(struct ike_remote *r, struct ike_peer *peer, const struct conf_remote *conf,
			struct ike_remote *old, unsigned int n_old)
{
	r->peer = peer;
	r->conf = conf;
	r->again.fn = again_due;
	if (conf->type == CONF_REMOTE_ADDR)
		set_addrs(r, &conf->range.min, 1);
	if (conf->type != CONF_REMOTE_NAME)
		return;
	take_over(r, old, n_old);
	ike_timer_set(&peer->ike->timers, &r->again, peer->ike->now);
}

/* Finds the value that the peer of an IKE SA is at. The address of a name may be another by now. */
static void find_called(struct ike_sa *sa)
{
	const struct ike_peer *peer = sa->peer;
	const struct ike_remote *r;
	unsigned int i, k;

	for (i = 0; i < peer->n_remotes; i++) {
		r = &peer->remotes[i];
		for (k = 0; k < r->n; k++)
			if (addr_equal(&r->addrs[k].addr, &sa->remote.addr)) {
				sa->called_at = i;
				return;
			}
	}
	sa->called_at = peer->n_remotes;
}

/* The time to the next try of the first address starts again. */
static void prefer_again(struct ike_peer *peer)
{
	struct ike_sa *sa;

	ike_timer_off(&peer->ike->timers, &peer->prefer);
	peer->preferring = false;
	for (sa = peer->sas; sa; sa = sa->peer_next)
		if (sa->state == IKE_STATE_ESTABLISHED && sa->called)
			ike_remote_established(sa);
}

/**
 * ike_remotes_set() - takes over the list of a new configuration
 * @peer: the peer, with its new block
 * @same: the list is what it was
 *
 * Return: false: out of memory. The peer then has no address and only responds to none.
 */
bool ike_remotes_set(struct ike_peer *peer, bool same)
{
	const struct conf_peer *conf = peer->conf;
	struct ike_remote *old = peer->remotes;
	unsigned int i, n_old = peer->n_remotes;
	struct ike_sa *sa;

	peer->prefer.fn = ike_remote_prefer;
	if (same && n_old == conf->n_remotes) {
		for (i = 0; i < n_old; i++)
			old[i].conf = &conf->remotes[i];
		prefer_again(peer);
		return true;
	}
	peer->remotes = calloc(conf->n_remotes + 1, sizeof(*peer->remotes));
	peer->n_remotes = peer->remotes ? conf->n_remotes : 0;
	for (i = 0; i < peer->n_remotes; i++)
		remote_init(&peer->remotes[i], peer, &conf->remotes[i], old, n_old);
	for (i = 0; i < n_old; i++)
		remote_clear(&old[i]);
	free(old);
	peer->at = ike_remote_first(peer);
	peer->at_addr = 0;
	peer->n_failed = 0;
	for (sa = peer->sas; sa; sa = sa->peer_next)
		find_called(sa);
	prefer_again(peer);
	return peer->remotes;
}

/* ---- responder ---- */

/**
 * ike_remote_rank() - how well an address fits a peer
 * @peer: the peer
 * @a: address of an initiator
 *
 * A name that is not resolved may be any address: the identity decides later, as with `any`.
 *
 * Return: IKE_RANK_NAMED, IKE_RANK_RANGE, IKE_RANK_ANY, or -1 if it does not fit.
 */
int ike_remote_rank(const struct ike_peer *peer, const struct addr *a)
{
	int rank = peer->conf->n_remotes ? -1 : IKE_RANK_ANY;
	const struct ike_remote *r;
	unsigned int i, k;

	for (i = 0; i < peer->n_remotes; i++) {
		r = &peer->remotes[i];
		for (k = 0; k < r->n; k++)
			if (addr_equal(&r->addrs[k].addr, a))
				return IKE_RANK_NAMED;
		if (r->conf->type == CONF_REMOTE_RANGE && conf_remote_has(r->conf, a))
			rank = IKE_RANK_RANGE;
		else if (r->conf->type == CONF_REMOTE_NAME && !r->n && rank < 0)
			rank = IKE_RANK_ANY;
	}
	return rank;
}

/* ---- initiator ---- */

/* Goes on to the next address. False: each one had its turn, and the first is the next. */
static bool advance(struct ike_peer *peer)
{
	unsigned int i;

	if (peer->at < peer->n_remotes && peer->at_addr + 1 < peer->remotes[peer->at].n) {
		peer->at_addr++;
		return true;
	}
	peer->at_addr = 0;
	if (++peer->n_failed >= count_called(peer)) {
		peer->n_failed = 0;
		peer->at = ike_remote_first(peer);
		return false;
	}
	for (i = 0; i < peer->n_remotes; i++) {
		peer->at = (peer->at + 1) % peer->n_remotes;
		if (can_be_called(&peer->remotes[peer->at]))
			break;
	}
	return true;
}

/* An address that the name had a moment ago serves, but the first try looks it up again. */
static bool is_fresh(const struct ike_peer *peer, const struct ike_remote *r)
{
	uint64_t age = peer->ike->now - r->looked_at;

	return r->looked_at && age < (peer->at_addr ? AGAIN_MS : FRESH_MS);
}

/* Resolves a name. IKE_PICK_READY: a result is there, which may be that there is no address. */
static enum ike_pick resolved(struct ike_peer *peer, struct ike_remote *r)
{
	if (r->lookup)
		hurry(peer->ike, r->lookup);
	else if (r->conf->type == CONF_REMOTE_NAME && !is_fresh(peer, r) && !look_up(r, true))
		return IKE_PICK_FAILED;
	return r->lookup ? IKE_PICK_WAIT : IKE_PICK_READY;
}

static bool has_route(struct ike_peer *peer, const struct addr *remote, struct addr *local)
{
	const struct conf_peer *conf = peer->conf;

	*local = conf->local;
	return conf->local.family ||
	       peer->ike->ops->local_addr(&conf->egress, remote, local, peer->ike->user);
}

/**
 * ike_remote_pick() - chooses the address for the next IKE SA
 * @peer: the peer
 * @remote: gets the address
 * @local: gets the address of this host
 * @err: gets the reason of a failure
 * @len: size of @err
 *
 * Passes over names without an address and addresses without a route.
 *
 * Return: IKE_PICK_WAIT: a name is being resolved, ike_tunnel_start() is called afterwards;
 *	IKE_PICK_FAILED, or IKE_PICK_TOLD if the log already has the reason.
 */
enum ike_pick ike_remote_pick(struct ike_peer *peer, struct addr *remote, struct addr *local,
			      char *err, size_t len)
{
	enum ike_pick pick, failed = IKE_PICK_FAILED;
	char addr[ADDR_STRLEN];
	struct ike_remote *r;

	if (!count_called(peer)) {
		snprintf(err, len, "its remote address is %s: it can begin, we cannot",
			 peer->conf->n_remotes ? "a range" : "'any'");
		return IKE_PICK_FAILED;
	}
	do {
		r = &peer->remotes[peer->at];
		pick = resolved(peer, r);
		if (pick == IKE_PICK_WAIT)
			return pick;
		if (!r->n || pick == IKE_PICK_FAILED) {
			snprintf(err, len, "cannot resolve %s: %s", r->conf->name,
				 *r->error ? r->error : "out of memory");
			failed = *r->error ? IKE_PICK_TOLD : IKE_PICK_FAILED;
			continue;
		}
		if (peer->at_addr >= r->n)
			peer->at_addr = 0;
		*remote = r->addrs[peer->at_addr].addr;
		if (has_route(peer, remote, local))
			return IKE_PICK_READY;
		snprintf(err, len, "no route to %s", addr_str(remote, addr, sizeof(addr)));
		failed = IKE_PICK_FAILED;
	} while (advance(peer));
	return failed;
}

/**
 * ike_remote_failed() - notes that an IKE SA of this host came to nothing, or was lost
 * @sa: the IKE SA
 *
 * Return: true if another address is to be tried at once, in place of the tunnel's failure.
 */
bool ike_remote_failed(const struct ike_sa *sa)
{
	struct ike_peer *peer = sa->peer;

	if (!peer || !has_choice(peer) || peer->ike->closing)
		return false;
	/* the SA that this one was to replace is still there */
	if (sa->replaces && ike_sa_find(sa->ike, sa->replaces))
		return false;
	if (sa->state == IKE_STATE_ESTABLISHED && sa->called) {
		peer->n_failed = 0;
		if (peer->at != ike_remote_first(peer)) {
			peer->at = ike_remote_first(peer);
			peer->at_addr = 0;
		} else {
			advance(peer);
			peer->n_failed = 0;
		}
		return false;
	}
	return sa->initiator && !sa->from && sa->state < IKE_STATE_ESTABLISHED && advance(peer);
}

/**
 * ike_remote_tries() - how often IKE_SA_INIT is retransmitted
 * @sa: the IKE SA
 * @tries: if there is one address
 *
 * Return: fewer if another address is left to try.
 */
unsigned int ike_remote_tries(const struct ike_sa *sa, unsigned int tries)
{
	if (!sa->initiator || sa->state != IKE_STATE_INIT_SENT || !sa->peer ||
	    !has_choice(sa->peer) || tries < SWITCH_TRIES)
		return tries;
	return SWITCH_TRIES;
}

/* Without the digits of a number of tries or seconds, which differ each time. */
static uint32_t text_hash(const struct ike *ike, const char *text)
{
	char plain[IKE_TEXT_MAX];
	size_t n = 0;

	for (; *text && n < sizeof(plain); text++)
		if (*text < '0' || *text > '9')
			plain[n++] = *text;
	return ike_hash(ike->hash_key, plain, n) | 1;
}

/**
 * ike_remote_is_told() - checks whether the log has a failure of this address
 * @sa: IKE SA that failed
 * @text: the log line
 *
 * The failures of several addresses alternate. Each is logged once, and again after an hour.
 *
 * Return: true if the log has it. False also for a peer with one address, which has one record.
 */
bool ike_remote_is_told(const struct ike_sa *sa, const char *text)
{
	struct ike_peer *peer = sa->peer;
	struct ike_remote *r;
	uint32_t hash;

	if (!peer || !sa->called || !has_choice(peer) || sa->called_at >= peer->n_remotes)
		return false;
	r = &peer->remotes[sa->called_at];
	hash = text_hash(peer->ike, text);
	if (r->told == hash && peer->ike->now - r->told_at < TOLD_MS)
		return true;
	r->told = hash;
	r->told_at = peer->ike->now;
	return false;
}

/* ---- back to the first ---- */

static void prefer_later(struct ike_peer *peer)
{
	peer->preferring = false;
	if (peer->conf->prefer_first)
		ike_timer_set(&peer->ike->timers, &peer->prefer,
			      peer->ike->now + peer->conf->prefer_first * 1000);
}

static struct ike_sa *called_elsewhere(const struct ike_peer *peer)
{
	struct ike_sa *sa;

	for (sa = peer->sas; sa; sa = sa->peer_next)
		if (sa->state == IKE_STATE_ESTABLISHED && sa->called_at != ike_remote_first(peer) &&
		    sa->called && !sa->replacing && !sa->loses_to)
			return sa;
	return NULL;
}

/**
 * ike_remote_prefer() - tries the first address again
 * @t: timer of `prefer-first`
 *
 * An IKE SA to the first address is negotiated beside the one that there is. When its CHILD SAs are
 * up, the other one is deleted. If the first address does not answer, nothing changes.
 */
void ike_remote_prefer(struct ike_timer *t)
{
	struct ike_peer *peer = container_of(t, struct ike_peer, prefer);
	unsigned int at = peer->at, at_addr = peer->at_addr;
	struct ike_sa *sa = called_elsewhere(peer);
	struct ike_remote *r = &peer->remotes[ike_remote_first(peer)];
	enum ike_pick pick;

	peer->preferring = false;
	peer->at = ike_remote_first(peer);
	peer->at_addr = 0;
	/* without an SA, the next one begins there */
	if (!sa)
		return;
	pick = resolved(peer, r);
	peer->at = at;
	peer->at_addr = at_addr;
	if (pick == IKE_PICK_WAIT) {
		peer->preferring = true;
		return;
	}
	prefer_later(peer);
	if (pick == IKE_PICK_FAILED || !r->n)
		return;
	sa->move_to = r->addrs[0].addr;
	sa->version->reauthenticate(sa);
	memset(&sa->move_to, 0, sizeof(sa->move_to));
}

/**
 * ike_remote_established() - notes which address of a peer answers
 * @sa: IKE SA that this host initiated, or its successor by rekeying
 */
void ike_remote_established(struct ike_sa *sa)
{
	struct ike_peer *peer = sa->peer;

	if (!sa->called || !has_choice(peer))
		return;
	peer->n_failed = 0;
	if (sa->called_at < peer->n_remotes)
		peer->remotes[sa->called_at].told = 0;
	if (sa->called_at < peer->n_remotes && sa->called_at != peer->at) {
		peer->at = sa->called_at;
		peer->at_addr = 0;
	}
	if (sa->called_at == ike_remote_first(peer))
		ike_timer_off(&peer->ike->timers, &peer->prefer);
	else if (!peer->prefer.at)
		prefer_later(peer);
}

/* ---- for people and programs ---- */

static json_t *show_one(const struct ike_remote *r, bool used, uint64_t now)
{
	static const char *const types[] = {
		[CONF_REMOTE_ADDR] = "address", [CONF_REMOTE_NAME] = "name", [CONF_REMOTE_RANGE] = "range",
	};
	char value[CONF_HOST_MAX + 2], addr[ADDR_STRLEN];
	json_t *o = json_object(), *addrs;
	unsigned int i;

	json_object_set_new(o, types[r->conf->type],
			    json_string(conf_remote_str(r->conf, value, sizeof(value))));
	json_object_set_new(o, "next", json_boolean(used));
	if (r->conf->type != CONF_REMOTE_NAME)
		return o;
	addrs = json_array();
	for (i = 0; i < r->n; i++)
		json_array_append_new(addrs, json_string(addr_str(&r->addrs[i].addr, addr, sizeof(addr))));
	json_object_set_new(o, "addresses", addrs);
	if (r->looked_at)
		json_object_set_new(o, "age", json_integer((json_int_t)(now - r->looked_at) / 1000));
	if (*r->error)
		json_object_set_new(o, "error", printable_json(r->error));
	return o;
}

/**
 * ike_remotes_json() - the addresses and names of a peer, for `nfipsec show peers`
 * @peer: the peer
 * @now: time of the core's clock
 *
 * Return: an array; the caller owns it. "next" marks the value that the next IKE SA begins with.
 */
json_t *ike_remotes_json(const struct ike_peer *peer, uint64_t now)
{
	json_t *all = json_array();
	unsigned int i;

	for (i = 0; i < peer->n_remotes; i++)
		json_array_append_new(all, show_one(&peer->remotes[i], i == peer->at &&
						    can_be_called(&peer->remotes[i]), now));
	return all;
}
