// SPDX-License-Identifier: GPL-2.0
/* CHILD SAs: made by v2/, here is their life. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike/version.h"

#define SOFT_LATE_MS	1000	/* delay of the timer that replaces a lost soft-expire event */

static void idle_due(struct ike_timer *t);
static void renew_due(struct ike_timer *t);

static uint32_t spi_hash(const struct ike *ike, uint32_t spi)
{
	return ike_hash(ike->hash_key, &spi, sizeof(spi));
}

/* @tun NULL: of any */
struct ike_child *ike_child_by_spi(struct ike *ike, const struct ike_tunnel *tun, bool in,
				   uint32_t spi)
{
	const struct ike_table *t = in ? &ike->by_spi_in : &ike->by_spi_out;
	struct ike_link *l = ike_table_first(t, spi_hash(ike, spi));
	struct ike_child *c;

	for (; l; l = ike_table_next(l)) {
		c = in ? container_of(l, struct ike_child, in_link) :
			 container_of(l, struct ike_child, out_link);
		if ((!tun || c->tun == tun) && (in ? c->spi_in : c->spi_out) == spi)
			return c;
	}
	return NULL;
}

struct ike_child *ike_child_of_peer(struct ike *ike, const struct addr *remote, uint32_t spi_out)
{
	struct ike_link *l = ike_table_first(&ike->by_spi_out, spi_hash(ike, spi_out));
	struct ike_child *c;

	for (; l; l = ike_table_next(l)) {
		c = container_of(l, struct ike_child, out_link);
		if (c->state == IKE_CHILD_UP && c->spi_out == spi_out &&
		    addr_equal(&c->sa->remote.addr, remote))
			return c;
	}
	return NULL;
}

void ike_child_publish_out(struct ike_child *child)
{
	struct ike *ike = child->sa->ike;

	ike_table_put(&ike->by_spi_out, &child->out_link, spi_hash(ike, child->spi_out));
}

/* of all: the module tells inbound SAs apart by their SPI (RFC 4301 4.1) */
static uint32_t new_spi(struct ike *ike)
{
	uint32_t spi;

	/* RFC 4303 2.1: 1..255 are reserved, 0 is for local use */
	do {
		if (!crypto_random(&spi, sizeof(spi)))
			return 0;
	} while (spi < 256 || ike_child_by_spi(ike, NULL, true, spi) || ike_lingers(ike, spi));
	return spi;
}

struct ike_child *ike_child_new(struct ike_sa *sa, struct ike_tunnel *tun, bool initiator)
{
	struct ike_child *child = calloc(1, sizeof(*child));
	unsigned int n;

	if (!child)
		return NULL;
	child->negotiation = calloc(1, sizeof(*child->negotiation));
	child->spi_in = new_spi(sa->ike);
	if (!child->negotiation || !child->spi_in) {
		free(child->negotiation);
		free(child);
		return NULL;
	}
	buf_init(&child->negotiation->ni);
	buf_init(&child->negotiation->nr);
	buf_init(&child->lowest_nonce);
	buf_init(&child->rival_nonce);
	child->sa = sa;
	child->tun = tun;
	memcpy(child->name, tun->name, sizeof(child->name));
	child->state = IKE_CHILD_OFFERED;
	child->initiator = initiator;
	child->mode = tun->conf->mode;
	/* a tunnel has one protocol: both are not for IKE to negotiate */
	child->prop.proto = conf_tunnel_proposals(tun->conf, &n)->proto;
	child->idle.fn = idle_due;
	child->renew.fn = renew_due;
	child->next = sa->children;
	sa->children = child;
	ike_table_put(&sa->ike->by_spi_in, &child->in_link, spi_hash(sa->ike, child->spi_in));
	return child;
}

/**
 * ike_child_set_sels() - gives a CHILD SA the selectors that were negotiated for it
 * @child: the CHILD SA
 * @sels: selectors as outbound packets look; copied
 * @n: number of @sels
 *
 * From now on other clients do not get them.
 *
 * Return: false: out of memory
 */
bool ike_child_set_sels(struct ike_child *child, const struct kern_sel *sels, unsigned int n)
{
	struct kern_sel *copy = malloc(n * sizeof(*sels));

	if (!copy)
		return false;
	memcpy(copy, sels, n * sizeof(*sels));
	free(child->sels);
	child->sels = copy;
	child->n_sels = n;
	child->spans[0].child = child->spans[1].child = child;
	ike_spans_put(&child->sa->ike->spans, child->spans, sels, n);
	return true;
}

void ike_negotiation_free(struct ike_child *child)
{
	struct ike_negotiation *n = child->negotiation;

	if (!n)
		return;
	child->negotiation = NULL;
	buf_free(&n->ni);
	buf_free(&n->nr);
	ike_kex_clear(&n->kex);
	free(n);
}

void ike_child_answering(struct ike_child *child, bool on)
{
	child->sa->n_negotiations_in += on - child->answering;
	child->answering = on;
}

struct ike_child *ike_child_find(struct ike_sa *sa, uint32_t spi_in)
{
	struct ike_child *c;

	for (c = sa->children; c && c->spi_in != spi_in; c = c->next)
		;
	return c;
}

uint8_t ike_child_proto(const struct ike_child *child)
{
	return child->prop.proto;
}

const char *ike_proto_str(uint8_t proto)
{
	return proto == PROTO_AH ? "AH" : "ESP";
}

struct ike_child *ike_child_find_out(struct ike_sa *sa, uint8_t proto, uint32_t spi_out)
{
	struct ike_link *l = ike_table_first(&sa->ike->by_spi_out, spi_hash(sa->ike, spi_out));
	struct ike_child *c;

	for (; l; l = ike_table_next(l)) {
		c = container_of(l, struct ike_child, out_link);
		if (c->sa == sa && c->spi_out == spi_out && ike_child_proto(c) == proto &&
		    c->state != IKE_CHILD_OFFERED)
			return c;
	}
	return NULL;
}

unsigned int ike_sa_children_up(const struct ike_sa *sa)
{
	const struct ike_child *c;
	unsigned int n = 0;

	for (c = sa->children; c; c = c->next)
		n += c->state == IKE_CHILD_UP;
	return n;
}

/* RFC 4301 has no word for it: nothing was sent or received for so long */
static void idle_due(struct ike_timer *t)
{
	struct ike_child *child = container_of(t, struct ike_child, idle);
	struct ike *ike = child->sa->ike;
	struct kern_sa in, out;
	uint64_t limit, idle;

	if (!child->tun || !child->tun->conf->idle_timeout || child->state != IKE_CHILD_UP)
		return;
	limit = child->tun->conf->idle_timeout;
	if (!ike_child_counters(child, true, &in) || !ike_child_counters(child, false, &out)) {
		/* the module has it no more: that is told by its expiry */
		ike_timer_set(&ike->timers, t, ike->now + limit * 1000);
		return;
	}
	idle = in.idle < out.idle ? in.idle : out.idle;
	if (idle >= limit) {
		child->final = true;
		ike_child_delete(child, "idle");
		return;
	}
	ike_timer_set(&ike->timers, t, ike->now + (limit - idle) * 1000);
}

static void report_up(const struct ike_child *child)
{
	struct ike_sa *sa = child->sa;
	char l[512], r[512], p[160], addr[ADDR_STRLEN];
	struct wire_ts local, remote;

	ike_ts_lists(child->sels, child->n_sels, &local, &remote);
	ike_proposal_str(&child->prop, p, sizeof(p));
	ike_ts_list_str(local.ts, local.n, l, sizeof(l));
	ike_ts_list_str(remote.ts, remote.n, r, sizeof(r));
	ike_report(sa->ike, IKE_EVENT_CHILD_UP, sa->name, child->tun->conf->name,
		   json_pack("{s:s,s:s,s:I,s:I,s:s,s:s,s:s}", "proto",
			     ike_child_proto(child) == PROTO_AH ? "ah" : "esp", "mode",
			     child->mode == CONF_MODE_TRANSPORT ? "transport" : "tunnel", "spi_in", (json_int_t)child->spi_in,
			     "spi_out", (json_int_t)child->spi_out, "esp", p, "local", l,
			     "remote", r),
		   "CHILD SA with %s up: %s%s%s, SPIs 0x%08x in, 0x%08x out; %s === %s",
		   addr_str(&sa->remote.addr, addr, sizeof(addr)),
		   ike_child_proto(child) == PROTO_AH ? "AH " : "", p,
		   child->mode == CONF_MODE_TRANSPORT ? " in transport mode" : "", child->spi_in,
		   child->spi_out, l, r);
}

/* Checks whether the granted selectors exclude the packet that caused the negotiation. */
static bool misses_packet(const struct ike_child *child)
{
	const struct ike_negotiation *n = child->negotiation;

	return child->initiator && !n->rekeys && n->has_flow && !ike_child_covers(child, &n->flow);
}

/*
 * Reports once, until the tunnel is down, that the peer granted a part of the access list. If the
 * granted selectors contain the packet, the caller reports nothing: later packets may get the rest.
 */
static void report_partial(const struct ike_child *child)
{
	struct ike_tunnel *tun = child->tun;
	char text[IKE_TEXT_MAX];
	struct wire_ts l, r;

	/* Of many CHILD SAs only the last one reports: the search is quadratic in the entries. */
	if (tun->told_partial || (ike_tunnel_per_entry(tun) && tun->sa))
		return;
	if (!*ike_grant_str(tun, text, sizeof(text)))
		return;
	tun->told_partial = true;
	ike_ts_lists(child->sels, child->n_sels, &l, &r);
	ike_note_ts(child->sa->ike, &l, &r, NULL, NULL);
	ike_report_error(child->sa, tun->conf->name, "%s", text);
}

void ike_child_up(struct ike_child *child)
{
	struct ike *ike = child->sa->ike;
	bool first = !child->negotiation->rekeys, missed = misses_packet(child);
	bool of_packet = child->negotiation->has_flow;
	uint32_t entry = child->negotiation->flow.number;
	struct ike_child *old = child->negotiation->rekeys ?
				ike_child_find(child->sa, child->negotiation->rekeys) : NULL;

	child->state = IKE_CHILD_UP;
	child->since = ike->now;
	child->up_seq = ++ike->seq;
	ike_negotiation_free(child);
	if (!child->tun)
		return;
	if (first && child->initiator && child->tun->sa == child->sa && !ike_task_of(child->sa, child->tun))
		child->tun->sa = NULL;
	child->counted = true;
	/* a successor has its own rules, RFC 7296 2.8.1 */
	child->fresh = first;
	ike_unique_look(child->sa);
	child->tun->n_up++;
	ike_unique_soon(child->tun->peer);
	report_up(child);
	if (old)
		ike_waiters_done(&old->rekeyed, NULL);
	/* before an orphan gives the same ones up */
	ike_routes_child(child);
	ike_updown_child(child);
	ike_orphans_replace(child);
	ike_child_clock(child);
	if (child->tun->conf->idle_timeout)
		ike_timer_set(&ike->timers, &child->idle,
			      ike->now + child->tun->conf->idle_timeout * 1000);
	ike_tunnel_up(child->tun);
	if (missed)
		ike_tunnel_missed(child->tun, entry);
	else if (first && child->initiator && of_packet)
		ike_tunnel_hit(child->tun, entry);
	if (first && child->initiator && (missed || !of_packet))
		report_partial(child);
}

static void report_down(const struct ike_child *child, const char *why)
{
	const struct ike_sa *sa = child->sa;

	ike_report(sa->ike, IKE_EVENT_CHILD_DOWN, sa->name, strchr(child->name, '/') + 1,
		   json_pack("{s:I,s:I,s:o}", "spi_in", (json_int_t)child->spi_in, "spi_out",
			     (json_int_t)child->spi_out, "why", printable_json(why)),
		   "CHILD SA down (%s): SPIs 0x%08x in, 0x%08x out", why, child->spi_in,
		   child->spi_out);
}

/* no longer of use to the tunnel; true: it was the last */
static bool uncount(struct ike_child *child, const char *why)
{
	struct ike_tunnel *tun = child->tun;

	if (!child->counted || !tun)
		return false;
	child->counted = false;
	if (--tun->n_up)
		return false;
	tun->told_partial = false;
	snprintf(tun->ended, sizeof(tun->ended), "%s", why);
	return true;
}

/*
 * The peer takes back what it has just made, or the IKE SA goes with both in it: what
 * that took over from is what the tunnel has, to be renewed and initiated again like any other.
 */
static void give_back(const struct ike_child *child)
{
	struct ike_child *c, *old = NULL;

	if (child->state != IKE_CHILD_UP || child->replaced || !child->tun)
		return;
	for (c = child->sa->children; c; c = c->next) {
		if (c == child || c->tun != child->tun || c->entry != child->entry ||
		    c->state != IKE_CHILD_UP)
			continue;
		if (!c->replaced)
			return;
		if (!c->close_at && !old)
			old = c;
	}
	if (!old)
		return;
	old->replaced = false;
	if (old->soft)
		ike_timer_set(&old->sa->ike->timers, &old->renew,
			      old->sa->ike->now + IKE_REKEY_RETRY);
}

/* RFC 7296 1.4.1 says that it is closed, and not how soon its last packets are lost */
static void close_in(struct ike_child *child)
{
	bool succeeded = child->replaced || ike_install_carried(child);

	if (succeeded && ike_linger(child))
		return;
	ike_uninstall_in(child);
	/* for good: so what went before it has nobody to wait for */
	if (!succeeded && child->tun && child->state != IKE_CHILD_OFFERED)
		ike_lingers_drop(child->sa->ike, child->tun, child);
}

void ike_child_free(struct ike_child *child, const char *why)
{
	struct ike_sa *sa = child->sa;
	struct ike_tunnel *tun = child->tun;
	bool last = uncount(child, why), again = last && !child->replaced && !child->final;
	struct ike_child **at;

	give_back(child);
	for (at = &sa->children; *at != child; at = &(*at)->next)
		;
	*at = child->next;
	if (sa->negotiation == child)
		sa->negotiation = NULL;
	ike_child_answering(child, false);
	ike_timer_off(&sa->ike->timers, &child->idle);
	ike_timer_off(&sa->ike->timers, &child->renew);
	ike_install_deferred_free(child);
	ike_install_before(child);
	ike_table_del(&sa->ike->by_spi_in, &child->in_link);
	ike_table_del(&sa->ike->by_spi_out, &child->out_link);
	ike_uninstall_out(child);
	ike_await_end(child);
	close_in(child);
	ike_routes_drop(sa->ike, &child->routes);
	ike_updown_end(child);
	if (child->state == IKE_CHILD_UP)
		report_down(child, why);
	ike_negotiation_free(child);
	ike_waiters_done(&child->ops, NULL);
	ike_waiters_done(&child->rekeyed, why);
	buf_free(&child->lowest_nonce);
	buf_free(&child->rival_nonce);
	ike_spans_drop(&sa->ike->spans, child->spans);
	ike_client_remember(child);
	free(child->sels);
	free(child);
	if (again)
		ike_tunnel_lost(tun);
	if (tun)
		ike_unique_soon(tun->peer);
}

bool ike_child_is_last(const struct ike_child *child)
{
	const struct ike_sa *sa = child->sa;

	return child->state == IKE_CHILD_UP && sa->state == IKE_STATE_ESTABLISHED &&
	       ike_sa_children_up(sa) == 1 && !sa->replacing && !sa->negotiation &&
	       !sa->n_negotiations_in &&
	       !sa->tasks;
}

/* it goes, and from now on nothing is sent by it */
void ike_child_stop_sending(struct ike_child *child)
{
	ike_install_before(child);
	ike_uninstall_out(child);
}

/* nothing more goes out; what is on its way may still come in. True: it was the tunnel's last */
bool ike_child_delete_delayed(struct ike_child *child, const char *why)
{
	struct ike_timers *timers = &child->sa->ike->timers;
	bool last = uncount(child, why);

	if (child->state == IKE_CHILD_UP)
		report_down(child, why);
	child->state = IKE_CHILD_DELETING;
	ike_routes_drop(child->sa->ike, &child->routes);
	ike_updown_end(child);
	ike_timer_off(timers, &child->idle);
	ike_timer_off(timers, &child->renew);
	ike_install_deferred_free(child);
	ike_await_end(child);
	ike_child_stop_sending(child);
	return last && !child->replaced && !child->final;
}

/* RFC 7296 1.4.1 */
void ike_child_delete(struct ike_child *child, const char *why)
{
	struct ike_sa *sa = child->sa;
	struct ike_tunnel *tun = child->tun;
	bool again;

	if (child->state == IKE_CHILD_DELETING)
		return;
	if (!child->replaced && ike_child_is_last(child)) {
		/* nothing is left that the IKE SA would be for */
		ike_sa_delete(sa, why);
		return;
	}
	again = ike_child_delete_delayed(child, why);
	if (sa->state == IKE_STATE_DELETING ||
	    !ike_task_add(sa, IKE_TASK_DELETE_CHILD, NULL, child->spi_in, NULL)) {
		ike_child_free(child, why);
	} else {
		sa->version->run(sa);
	}
	if (again)
		ike_tunnel_lost(tun);
}

/* RFC 7296 1.3.3: make before break */
void ike_child_rekey(struct ike_child *child)
{
	struct ike_sa *sa = child->sa;

	if (child->state != IKE_CHILD_UP || child->replacing || child->replaced || !child->tun ||
	    sa->state != IKE_STATE_ESTABLISHED)
		return;
	if (ike_task_add(sa, IKE_TASK_CHILD, child->tun, child->spi_in, NULL)) {
		child->replacing = true;
		sa->version->run(sa);
	}
}

/*
 * Rekeys a CHILD SA whose soft limit has passed. The module sends an event at the soft limit, but
 * netlink may lose it. So @renew is due SOFT_LATE_MS later. It also times another try.
 */
static void renew_due(struct ike_timer *t)
{
	struct ike_child *child = container_of(t, struct ike_child, renew);

	child->soft = true;
	ike_child_rekey(child);
}

void ike_child_clock(struct ike_child *child)
{
	if (child->soft_at && child->state == IKE_CHILD_UP && !child->replaced)
		ike_timer_set(&child->sa->ike->timers, &child->renew,
			      child->soft_at + SOFT_LATE_MS);
	else
		ike_timer_off(&child->sa->ike->timers, &child->renew);
}

void ike_child_rekey_again(struct ike_child *child, uint64_t ms)
{
	struct ike *ike = child->sa->ike;
	uint64_t left = child->hard_at > ike->now ? child->hard_at - ike->now : 0;

	child->replacing = false;
	if (child->state != IKE_CHILD_UP || child->replaced)
		return;
	/* sooner where its life is short */
	if (child->hard_at && ms > left / 4)
		ms = left / 4 > IKE_RETRY_MIN ? left / 4 : IKE_RETRY_MIN;
	ike_timer_set(&ike->timers, &child->renew, ike->now + ms);
}

void ike_child_rekey_failed(struct ike_sa *sa, uint32_t spi_in)
{
	struct ike_child *child = ike_child_find(sa, spi_in);

	if (child && child->replacing)
		ike_child_rekey_again(child, IKE_REKEY_RETRY);
}
