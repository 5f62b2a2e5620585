// SPDX-License-Identifier: GPL-2.0
/* Configured tunnels: when one is begun, and what happens when it fails or ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

static bool is_wanted(const struct ike_tunnel *tun)
{
	return tun->wanted ||
	       (tun->conf->start == CONF_START_AT_LOAD && !tun->n_up && !tun->down) ||
	       ike_orphans_wait(tun);
}

/* not before retry_at, so that a peer that refuses is not asked all the time */
static void wait_turn(struct ike_tunnel *tun)
{
	struct ike *ike = tun->peer->ike;

	if (!tun->timer.at)
		ike_timer_set(&ike->timers, &tun->timer,
			      tun->retry_at > ike->now ? tun->retry_at : ike->now);
}

/* but on an SA that is to go */
static bool entry_is_up(const struct ike_tunnel *tun, uint32_t entry, uint64_t replaced)
{
	const struct ike_child *c;
	const struct ike_sa *sa;

	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c && (!replaced || ike_sa_own_spi(sa) != replaced); c = c->next)
			if (c->tun == tun && c->entry == entry && c->state == IKE_CHILD_UP)
				return true;
	return false;
}

/* a line from any to any is two entries of one number */
static bool is_first_of_number(const struct conf_list *list, unsigned int i)
{
	return list->entries[i].action == CONF_PROTECT &&
	       (!i || list->entries[i - 1].number != list->entries[i].number);
}

bool ike_tunnel_per_entry(const struct ike_tunnel *tun)
{
	return tun->single_pair || tun->conf->child_sa == CONF_CHILD_PER_ENTRY;
}

bool ike_tunnel_is_whole(const struct ike_tunnel *tun)
{
	const struct conf_list *list = tun->conf->list;
	unsigned int i;

	if (!ike_tunnel_per_entry(tun))
		return tun->n_up;
	for (i = 0; i < list->n; i++)
		if (is_first_of_number(list, i) && !entry_is_up(tun, list->entries[i].number, 0))
			return false;
	return true;
}

static bool ask_entry(struct ike_sa *sa, struct ike_tunnel *tun, uint32_t entry,
		      const struct kern_flow *flow)
{
	struct ike_task *t = ike_task_add(sa, IKE_TASK_CHILD, tun, 0, flow);

	if (t)
		t->entry = entry;
	return t;
}

bool ike_tunnel_ask(struct ike_sa *sa, struct ike_tunnel *tun, const struct kern_flow *flow)
{
	const struct conf_list *list = tun->conf->list;
	unsigned int i;

	if (!ike_tunnel_per_entry(tun) || flow)
		return ask_entry(sa, tun, flow ? flow->number : 0, flow);
	for (i = 0; i < list->n; i++)
		if (is_first_of_number(list, i) &&
		    !entry_is_up(tun, list->entries[i].number, sa->replaces) &&
		    !ask_entry(sa, tun, list->entries[i].number, NULL))
			return false;
	return true;
}

void ike_tunnel_ask_more(struct ike_tunnel *tun, const struct kern_flow *flow)
{
	const struct ike_sa *sa = tun->sa;
	const struct ike_task *t;

	if (!ike_tunnel_per_entry(tun) || !flow->src.family ||
	    (sa->negotiation && sa->negotiation->tun == tun &&
	     sa->negotiation->entry == flow->number))
		return;
	for (t = sa->tasks; t; t = t->next)
		if (t->tun == tun && !t->spi && t->entry == flow->number)
			return;
	ask_entry(tun->sa, tun, flow->number, flow);
}

static struct ike_miss *miss_of(struct ike_tunnel *tun, uint32_t entry)
{
	unsigned int i;

	for (i = 0; i < IKE_MISSES_MAX; i++)
		if (tun->misses[i].n && tun->misses[i].entry == entry)
			return &tun->misses[i];
	return NULL;
}

/* Does a packet of this entry still wait after a miss? A later one asks again. */
static bool is_missed(struct ike_tunnel *tun, const struct kern_flow *flow)
{
	const struct ike_miss *miss = miss_of(tun, flow->number);

	return miss && tun->peer->ike->now < miss->until;
}

void ike_tunnel_start(struct ike_tunnel *tun, const struct kern_flow *flow)
{
	struct ike *ike = tun->peer->ike;
	struct ike_sa *sa;

	if (tun->sa || tun->resolving || ike->closing)
		return;
	if (flow && is_missed(tun, flow)) {
		if (!is_wanted(tun))
			return;
		flow = NULL;
	}
	if (ike->now < tun->retry_at) {
		tun->wanted = true;
		tun->has_flow = flow != NULL;
		if (flow)
			tun->flow = *flow;
		wait_turn(tun);
		return;
	}
	ike_timer_off(&ike->timers, &tun->timer);
	tun->wanted = false;
	sa = ike_has_clients(tun->peer) ? ike_client_of(tun, flow) : ike_sa_usable(tun->peer);
	if (sa && ike_tunnel_ask(sa, tun, flow)) {
		tun->sa = sa;
		sa->version->run(sa);
		return;
	}
	/* another address of the peer may have to be tried for this packet */
	tun->has_flow = flow != NULL;
	if (flow && flow != &tun->flow)
		tun->flow = *flow;
	tun->peer->version->initiate(tun->peer, tun, flow, 0);
}

static uint64_t backoff_ms(unsigned int failures)
{
	uint64_t ms = IKE_BACKOFF_FIRST;
	unsigned int i;

	for (i = 0; i < failures && ms < IKE_BACKOFF_MAX; i++)
		ms *= 2;
	return ms < IKE_BACKOFF_MAX ? ms : IKE_BACKOFF_MAX;
}

static void backoff(struct ike_tunnel *tun)
{
	tun->retry_at = tun->peer->ike->now + backoff_ms(tun->failures++);
}

static void error_forget(struct ike_tunnel *tun)
{
	free(tun->error);
	tun->error = NULL;
}

void ike_tunnel_failed(struct ike_tunnel *tun, const char *error)
{
	char text[IKE_TEXT_MAX + IKE_NAME_MAX];

	tun->sa = NULL;
	free(tun->error);
	tun->error = strdup(error);
	tun->error_at = tun->peer->ike->now;
	if (tun->peer->try_next) {
		tun->wanted = true;
		tun->retry_at = 0;
		ike_timer_set(&tun->peer->ike->timers, &tun->timer, tun->peer->ike->now);
		return;
	}
	tun->has_flow = false;
	backoff(tun);
	snprintf(text, sizeof(text), "%s: %s", tun->name, error);
	ike_waiters_done(&tun->ops, text);
	if (is_wanted(tun))
		wait_turn(tun);
}

void ike_tunnel_later(struct ike_tunnel *tun, const struct kern_flow *flow, uint64_t ms)
{
	tun->sa = NULL;
	tun->retry_at = tun->peer->ike->now + ms;
	ike_tunnel_start(tun, flow);
}

const char *ike_tunnel_partial(const struct ike_tunnel *tun, char *out, size_t len)
{
	size_t at = snprintf(out, len, "%s: it is up, but ", tun->name);

	return *ike_grant_str(tun, out + at, len - at) ? out : NULL;
}

void ike_tunnel_up(struct ike_tunnel *tun)
{
	char text[IKE_TEXT_MAX + IKE_NAME_MAX];

	tun->failures = 0;
	tun->retry_at = 0;
	tun->wanted = false;
	tun->resolving = false;
	/* a later start is not for the packet of this one */
	tun->has_flow = false;
	tun->down = false;
	error_forget(tun);
	ike_failure_over(tun->peer, tun->conf->name);
	ike_timer_off(&tun->peer->ike->timers, &tun->timer);
	/* further ones of its entries are still to come */
	if (!tun->sa || !ike_tunnel_per_entry(tun))
		ike_waiters_done(&tun->ops,
				 tun->ops.n ? ike_tunnel_partial(tun, text, sizeof(text)) : NULL);
}

/**
 * ike_tunnel_missed() - note that the granted selectors exclude the packet that caused them
 * @tun: the tunnel
 * @entry: number of the entry of the packet
 *
 * A responder may exclude it each time (RFC 7296 2.9). So the next negotiation for a packet of this
 * entry waits, longer after each miss. Packets of other entries do not wait: a host cannot keep
 * others from their SA. If many entries miss at once, the whole tunnel waits.
 */
void ike_tunnel_missed(struct ike_tunnel *tun, uint32_t entry)
{
	uint64_t now = tun->peer->ike->now;
	struct ike_miss *miss = miss_of(tun, entry);
	unsigned int i;

	for (i = 0; i < IKE_MISSES_MAX && !miss; i++)
		if (!tun->misses[i].n || tun->misses[i].until + IKE_BACKOFF_MAX < now)
			miss = &tun->misses[i];
	if (!miss) {
		tun->retry_at = now + IKE_BACKOFF_MAX;
		return;
	}
	if (miss->entry != entry)
		miss->n = 0;
	miss->entry = entry;
	miss->until = now + backoff_ms(miss->n++);
}

/* The granted selectors contain the packet that caused them. */
void ike_tunnel_hit(struct ike_tunnel *tun, uint32_t entry)
{
	struct ike_miss *miss = miss_of(tun, entry);

	if (miss)
		miss->n = 0;
}

void ike_tunnel_lost(struct ike_tunnel *tun)
{
	if (tun->peer->ike->closing || tun->sa || !is_wanted(tun))
		return;
	/* a peer that deletes what was just made is not asked in a loop */
	if (tun->retry_at <= tun->peer->ike->now)
		tun->retry_at = tun->peer->ike->now + IKE_BACKOFF_FIRST;
	wait_turn(tun);
}

/* nothing is wanted of it any more */
void ike_tunnel_reset(struct ike_tunnel *tun, const char *error)
{
	struct ike_sa *sa = tun->sa;

	tun->wanted = false;
	tun->resolving = false;
	tun->has_flow = false;
	tun->failures = 0;
	tun->single_pair = false;
	memset(tun->misses, 0, sizeof(tun->misses));
	tun->retry_at = 0;
	tun->sa = NULL;
	error_forget(tun);
	ike_timer_off(&tun->peer->ike->timers, &tun->timer);
	ike_lingers_drop(tun->peer->ike, tun, NULL);
	if (sa)
		ike_sa_drop_tunnel(sa, tun);
	ike_waiters_done(&tun->ops, error);
}

void ike_tunnel_timer(struct ike_timer *t)
{
	struct ike_tunnel *tun = container_of(t, struct ike_tunnel, timer);
	struct kern_flow flow = tun->flow;
	bool has_flow = tun->has_flow;

	/* it may be put off again, with its packet */
	tun->has_flow = false;
	if (is_wanted(tun))
		ike_tunnel_start(tun, has_flow ? &flow : NULL);
}

bool ike_child_covers(const struct ike_child *c, const struct kern_flow *flow)
{
	unsigned int i;

	if (!flow->src.family)
		return true;
	for (i = 0; i < c->n_sels; i++)
		if (ike_ts_takes(&c->sels[i].src, &flow->src, flow->proto, flow->sport) &&
		    ike_ts_takes(&c->sels[i].dst, &flow->dst, flow->proto, flow->dport))
			return true;
	return false;
}

struct packet {
	const struct ike_tunnel *tun;
	const struct kern_flow *flow;
};

/* does the module have the CHILD SA, and does it take this packet? */
static bool carries(const struct ike_child *c, const struct packet *p)
{
	struct kern_sa out;

	return c->tun == p->tun && c->state == IKE_CHILD_UP && ike_child_covers(c, p->flow) &&
	       ike_child_counters(c, false, &out);
}

static bool carries_not(const struct ike_span *span, void *arg)
{
	return !span->child || !carries(span->child, arg);
}

/* does an SA that the module has take this packet? */
bool ike_tunnel_covers(const struct ike_tunnel *tun, const struct kern_flow *flow)
{
	struct packet p = { .tun = tun, .flow = flow };
	const struct ike_sa *sa;
	const struct ike_child *c;

	if (flow->src.family)
		return !ike_spans_search(tun->peer->ike->spans, &flow->dst, &flow->dst, carries_not, &p);
	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c; c = c->next)
			if (carries(c, &p))
				return true;
	return false;
}

uint32_t ike_name_hash(const struct ike *ike, const char *name)
{
	return ike_hash(ike->hash_key, name, strlen(name));
}

struct ike_peer *ike_peer_by_name(struct ike *ike, const char *name)
{
	struct ike_link *l = ike_table_first(&ike->peers_by_name, ike_name_hash(ike, name));
	struct ike_peer *p;

	for (; l; l = ike_table_next(l)) {
		p = container_of(l, struct ike_peer, by_name);
		if (!strcmp(p->conf->name, name))
			return p;
	}
	return NULL;
}

struct ike_tunnel *ike_peer_tunnel(struct ike_peer *peer, const char *name)
{
	struct ike_tunnel *t;

	for (t = peer->tunnels; t && strcmp(t->conf->name, name); t = t->next)
		;
	return t;
}

/* "peer/tunnel", as the module says it */
struct ike_tunnel *ike_tunnel_by_name(struct ike *ike, const char *name)
{
	struct ike_link *l = ike_table_first(&ike->tunnels_by_name, ike_name_hash(ike, name));
	struct ike_tunnel *t;

	for (; l; l = ike_table_next(l)) {
		t = container_of(l, struct ike_tunnel, by_name);
		if (!strcmp(t->name, name))
			return t;
	}
	return NULL;
}
