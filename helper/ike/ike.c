// SPDX-License-Identifier: GPL-2.0
/* The core as its owner sees it: ike.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike/version.h"

static const struct ike_limits default_limits = {
	.cookie_threshold = CONF_COOKIES_FROM,
	.half_open_max = CONF_HALF_OPEN,
	.half_open_per_addr = CONF_HALF_OPEN_PER_ADDR,
	.inits_per_addr = CONF_INITS_PER_ADDR,
	.unauthenticated_jobs_max = 256,
	.retrans_tries = 5,
	.retrans_first = 1000,
	.children_max = 4096,
	.sas_of_id_max = 256,
};

struct ike *ike_new(const struct ike_ops *ops, void *user)
{
	struct ike *ike = calloc(1, sizeof(*ike));

	if (!ike)
		return NULL;
	ike->ops = ops;
	ike->user = user;
	ike->limits = default_limits;
	ike_table_init(&ike->peers_by_name);
	ike_table_init(&ike->tunnels_by_name);
	ike_table_init(&ike->peers_by_addr);
	ike_table_init(&ike->orphans_by_tunnel);
	ike_table_init(&ike->by_id);
	ike_table_init(&ike->by_spi_in);
	ike_table_init(&ike->by_spi_out);
	ike_table_init(&ike->by_sels);
	ike_table_init(&ike->by_spi_lingering);
	ike_table_init(&ike->deferred);
	ike_table_init(&ike->to_look_at);
	ike_table_init(&ike->routes_by_key);
	ike_table_init(&ike->updowns);
	ike->half_open_end = &ike->half_open;
	if (!crypto_random(&ike->hash_key, sizeof(ike->hash_key))) {
		free(ike);
		return NULL;
	}
	return ike;
}

void ike_set_limits(struct ike *ike, const struct ike_limits *limits)
{
	ike->limits = *limits;
}

void ike_free(struct ike *ike)
{
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	ike->closing = true;
	for (peer = ike->peers; peer; peer = peer->next)
		for (tun = peer->tunnels; tun; tun = tun->next)
			ike_tunnel_reset(tun, "nfipsecd ends");
	while (ike->sas)
		ike_sa_kill(ike->sas, "nfipsecd ends");
	ike_rechecks_drop(ike);
	ike_lingers_drop(ike, NULL, NULL);
	ike_lookups_drop(ike);
	ike_peers_free(ike);
	ike_orphans_free(ike);
	ike_routes_end(ike);
	free(ike->memo);
	ike_failure_free(ike->refusal);
	ike_notes_drop(ike);
	ike_verifies_end(ike);
	ike_timers_free(&ike->timers);
	free(ike->by_spi);
	free(ike->by_init);
	ike_table_free(&ike->peers_by_name);
	ike_table_free(&ike->tunnels_by_name);
	ike_table_free(&ike->peers_by_addr);
	ike_table_free(&ike->orphans_by_tunnel);
	ike_table_free(&ike->by_id);
	ike_table_free(&ike->by_spi_in);
	ike_table_free(&ike->by_spi_out);
	ike_table_free(&ike->by_sels);
	ike_table_free(&ike->by_spi_lingering);
	ike_table_free(&ike->deferred);
	ike_table_free(&ike->to_look_at);
	ike_table_free(&ike->routes_by_key);
	ike_table_free(&ike->updowns);
	crypto_wipe(ike, sizeof(*ike));
	free(ike);
}

void ike_tick(struct ike *ike, uint64_t now)
{
	ike->now = now;
	ike_timers_run(&ike->timers, now);
}

uint64_t ike_next(const struct ike *ike)
{
	return ike_timers_next(&ike->timers);
}

/* A local user can cause this line with each packet while the tunnel is down, so it is limited. */
static void tell_waiting(struct ike_tunnel *tun, const struct kern_flow *flow)
{
	static const struct rate rate = { .burst = 5, .interval = 10000 };
	char src[ADDR_STRLEN], dst[ADDR_STRLEN], more[48] = "";
	struct ike *ike = tun->peer->ike;
	unsigned int held;

	if (!rate_limit_take(&tun->waits, &rate, ike->now))
		return;
	held = rate_limit_held(&tun->waits);
	if (held)
		snprintf(more, sizeof(more), " (%u more like this were suppressed)", held);
	if (flow->src.family)
		ike_report(ike, IKE_EVENT_ACQUIRE, tun->peer->conf->name, tun->conf->name, NULL,
			   "a packet from %s to %s waits (protocol %u, entry %u of %s)%s",
			   addr_str(&flow->src, src, sizeof(src)),
			   addr_str(&flow->dst, dst, sizeof(dst)), flow->proto, flow->number,
			   flow->list, more);
	else
		ike_report(ike, IKE_EVENT_ACQUIRE, tun->peer->conf->name, tun->conf->name, NULL,
			   "packets wait%s", more);
}

void ike_acquire(struct ike *ike, const struct kern_flow *flow, uint64_t now)
{
	struct ike_tunnel *tun;
	struct ike_sa *client;

	ike->now = now;
	tun = ike_tunnel_by_name(ike, flow->tunnel);
	if (!tun || tun->conf->start == CONF_START_MANUAL || ike->closing)
		return;
	if (tun->n_up && ike_tunnel_covers(tun, flow))
		return;
	/* only the client itself can initiate, so a packet for no connected client is ignored */
	client = ike_has_clients(tun->peer) ? ike_client_of(tun, flow) : NULL;
	if (ike_has_clients(tun->peer) && (!client || (tun->sa && tun->sa != client)))
		return;
	if (tun->sa) {
		ike_tunnel_ask_more(tun, flow);
		return;
	}
	tell_waiting(tun, flow);
	ike_tunnel_start(tun, flow->src.family ? flow : NULL);
}

void ike_expire(struct ike *ike, const struct kern_sa *ksa, uint64_t now)
{
	struct ike_tunnel *tun;
	struct ike_child *c;

	ike->now = now;
	tun = ike_tunnel_by_name(ike, ksa->tunnel);
	c = tun ? ike_child_by_spi(ike, tun, ksa->dir == NFIPSEC_DIR_IN, ksa->spi) : NULL;
	if (c) {
		c->soft = true;
		if (ksa->expired_hard)
			ike_child_delete(c, "lifetime");
		else
			ike_child_rekey(c);
	} else if (tun && !ike_linger_expire(ike, ksa)) {
		ike_orphan_expire(tun, ksa);
	}
}

static bool soft_is_over(const struct kern_sa *ksa)
{
	return (ksa->soft_seconds && ksa->age >= ksa->soft_seconds) ||
	       (ksa->soft_bytes && ksa->bytes >= ksa->soft_bytes) ||
	       (ksa->soft_packets && ksa->packets >= ksa->soft_packets);
}

void ike_resync(struct ike *ike, const struct kern_sa *ksa, uint64_t now)
{
	if (ksa->expired_hard || soft_is_over(ksa))
		ike_expire(ike, ksa, now);
}

/* RFC 7296 2.23: an authenticated ESP packet tells as much as an IKE message */
void ike_mapping(struct ike *ike, const struct kern_sa *ksa, const struct kern_ends *ends,
		 uint64_t now)
{
	const struct endpoint to = { ends->local, ends->local_port };
	const struct endpoint from = { ends->remote, ends->remote_port };
	struct ike_tunnel *tun;
	struct ike_child *c;

	ike->now = now;
	tun = ike_tunnel_by_name(ike, ksa->tunnel);
	if (!tun || !from.port)
		return;
	c = ike_child_by_spi(ike, tun, true, ksa->spi);
	if (!c)
		ike_orphan_mapping(ike, ksa, ends);
	else if (c->sa->natt)
		ike_natt_follow(c->sa, &to, &from);
}

static void up_one(struct ike_tunnel *tun, struct ike_waiter *op)
{
	char text[IKE_NAME_MAX + IKE_TEXT_MAX];

	if (conf_tunnel_is_bundle(tun->conf)) {
		snprintf(text, sizeof(text),
			 "%s: IKEv2 cannot negotiate ESP and AH together: its SAs are set by hand (nfipsec sa add)",
			 tun->name);
		op->pending++;
		ike_waiter_done(op, text);
		return;
	}
	tun->down = false;
	tun->retry_at = 0;
	if (ike_tunnel_is_whole(tun)) {
		op->pending++;
		ike_waiter_done(op, ike_tunnel_partial(tun, text, sizeof(text)));
		return;
	}
	if (!ike_waiter_add(&tun->ops, op))
		return;
	ike_tunnel_start(tun, NULL);
}

/* false: the waiter was told so */
static bool find(struct ike *ike, const char *peer_name, const char *tunnel_name,
		 struct ike_peer **peer, struct ike_tunnel **tun, struct ike_waiter *op)
{
	char text[200];

	*tun = NULL;
	*peer = ike_peer_by_name(ike, peer_name);
	if (!*peer)
		snprintf(text, sizeof(text), "no peer is called '%.64s'", peer_name);
	else if (tunnel_name && !(*tun = ike_peer_tunnel(*peer, tunnel_name)))
		snprintf(text, sizeof(text), "peer %s has no tunnel called '%.64s'",
			 (*peer)->conf->name, tunnel_name);
	else if (!(*peer)->tunnels)
		snprintf(text, sizeof(text), "peer %s has no tunnel", (*peer)->conf->name);
	else
		return true;
	ike_waiter_done(op, text);
	return false;
}

void ike_up(struct ike *ike, const char *peer_name, const char *tunnel_name, ike_waiter_t waiter,
	    void *arg, uint64_t now)
{
	struct ike_waiter *op = ike_waiter_new(waiter, arg);
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	ike->now = now;
	if (!op || !find(ike, peer_name, tunnel_name, &peer, &tun, op))
		return;
	if (tun)
		up_one(tun, op);
	else
		for (tun = peer->tunnels; tun; tun = tun->next)
			up_one(tun, op);
	ike_waiter_done(op, NULL);
}

/* a negotiation on its way: what comes of it is not wanted */
static void forget_negotiation(struct ike_sa *sa, struct ike_tunnel *tun)
{
	if (sa->negotiation && sa->negotiation->tun == tun)
		sa->negotiation->tun = NULL;
}

static void down_tunnel(struct ike_tunnel *tun, struct ike_waiter *op)
{
	struct ike_sa *sa, *next_sa;
	struct ike_child *c, *next;

	for (sa = tun->peer->sas; sa; sa = next_sa) {
		next_sa = sa->peer_next;
		forget_negotiation(sa, tun);
		if (sa->state < IKE_STATE_ESTABLISHED && sa->initiator && !sa->from && !sa->tasks &&
		    (!sa->negotiation || !sa->negotiation->tun)) {
			ike_sa_kill(sa, "taken down");
			continue;
		}
		for (c = sa->children; c; c = next) {
			next = c->next;
			if (c->tun != tun || c->state == IKE_CHILD_OFFERED)
				continue;
			if (ike_child_is_last(c)) {
				ike_waiter_add(&sa->ops, op);
				ike_sa_delete(sa, "taken down");
				break;
			}
			ike_waiter_add(&c->ops, op);
			ike_child_delete(c, "taken down");
		}
	}
}

static void down_peer(struct ike_peer *peer, struct ike_waiter *op)
{
	struct ike_sa *sa, *next;

	for (sa = peer->sas; sa; sa = next) {
		next = sa->peer_next;
		ike_waiter_add(&sa->ops, op);
		ike_sa_delete(sa, "taken down");
	}
}

void ike_down(struct ike *ike, const char *peer_name, const char *tunnel_name, ike_waiter_t waiter,
	      void *arg, uint64_t now)
{
	struct ike_waiter *op = ike_waiter_new(waiter, arg);
	struct ike_tunnel *tun, *t;
	struct ike_peer *peer;

	ike->now = now;
	if (!op || !find(ike, peer_name, tunnel_name, &peer, &tun, op))
		return;
	for (t = peer->tunnels; t; t = t->next) {
		if (tun && t != tun)
			continue;
		t->down = true;
		ike_tunnel_reset(t, "taken down");
		ike_orphans_drop(ike, t);
	}
	if (tun)
		down_tunnel(tun, op);
	else
		down_peer(peer, op);
	ike_waiter_done(op, NULL);
}

void ike_shutdown(struct ike *ike, uint64_t now)
{
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	ike->now = now;
	ike->closing = true;
	for (peer = ike->peers; peer; peer = peer->next)
		for (tun = peer->tunnels; tun; tun = tun->next)
			ike_tunnel_reset(tun, "nfipsecd ends");
	while (ike->sas) {
		/* nobody will be there for the answer */
		if (ike->sas->state == IKE_STATE_ESTABLISHED)
			ike->sas->version->goodbye(ike->sas);
		ike_sa_kill(ike->sas, "nfipsecd ends");
	}
	ike_rechecks_drop(ike);
	ike_orphans_drop(ike, NULL);
	ike_routes_end(ike);
}

json_t *ike_show(const struct ike *ike, uint64_t now)
{
	static const char *const names[] = {
#define X(id, name) [IKE_COUNT_##id] = name,
		IKE_COUNTERS(X)
#undef X
	};
	json_t *peers = json_array(), *counters = json_object();
	const struct ike_peer *p;
	unsigned int i;

	for (p = ike->peers; p; p = p->next)
		json_array_append_new(peers, ike_show_peer(p, now));
	for (i = 0; i < IKE_COUNT_MAX; i++)
		json_object_set_new(counters, names[i], json_integer(ike->counters[i]));
	return json_pack("{s:o,s:o,s:i,s:i}", "peers", peers, "ike", counters, "half_open",
			 (int)ike->n_half_open, "stranger_jobs", (int)ike->n_unauthenticated_jobs);
}
