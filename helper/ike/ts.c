// SPDX-License-Identifier: GPL-2.0
/* Traffic selectors: an access list's protect entries, offered and narrowed. RFC 7296 2.9. */
#include <netinet/in.h>
#include <string.h>

#include "ike/core.h"

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE || proto == IPPROTO_DCCP;
}

static void of_packet(const struct addr *a, uint8_t proto, uint16_t port, struct ts *out)
{
	memset(out, 0, sizeof(*out));
	out->proto = proto;
	out->min = out->max = *a;
	out->port_min = has_ports(proto) ? port : 0;
	out->port_max = has_ports(proto) ? port : 65535;
}

static void add_unique(struct wire_ts *list, const struct ts *ts)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (ts_equal(&list->ts[i], ts))
			return;
	if (list->n < WIRE_TS_MAX)
		list->ts[list->n++] = *ts;
}

/*
 * What of an entry is for the two hosts of transport mode: of a family, and
 * between their addresses (RFC 4301 4.1). Without them the entry as it is.
 */
static bool entry_sel(const struct conf_entry *e, const struct ike_ts_ours *ours,
		      struct kern_sel *out)
{
	const struct ike_sa *transport_sa = ours->transport_sa;
	struct ts local, remote;

	if (e->action != CONF_PROTECT || (ours->has_entry && e->number != ours->entry))
		return false;
	out->src = e->src;
	out->dst = e->dst;
	if (!transport_sa)
		return true;
	ts_from_prefix(&transport_sa->local.addr, 8 * addr_len(&transport_sa->local.addr), &local);
	ts_from_prefix(&transport_sa->remote.addr, 8 * addr_len(&transport_sa->remote.addr),
		       &remote);
	return ts_intersect(&e->src, &local, &out->src) && ts_intersect(&e->dst, &remote, &out->dst);
}

/**
 * ike_ts_offer - what an initiator asks for
 * @ours: what it may be
 * @flow: the packet that asked, or NULL
 * @local: gets our side's selectors
 * @remote: gets the peer's
 *
 * The packet's own selectors come first, so that a responder that narrows keeps
 * what holds the packet (RFC 7296 2.9). A list too long for one payload begins
 * with the packet's entry; the others ask when a packet of theirs comes.
 */
void ike_ts_offer(const struct ike_ts_ours *ours, const struct kern_flow *flow,
		  struct wire_ts *local, struct wire_ts *remote)
{
	const struct conf_list *list = ours->list;
	const struct ike_sa *transport_sa = ours->transport_sa;
	unsigned int i, at = 0;
	struct kern_sel sel;

	local->n = remote->n = 0;
	if (flow && flow->src.family && flow->src.family == flow->dst.family &&
	    (!transport_sa || (addr_equal(&flow->src, &transport_sa->local.addr) &&
			       addr_equal(&flow->dst, &transport_sa->remote.addr)))) {
		of_packet(&flow->src, flow->proto, flow->sport, &local->ts[local->n++]);
		of_packet(&flow->dst, flow->proto, flow->dport, &remote->ts[remote->n++]);
	}
	for (i = 0; flow && i < list->n; i++)
		if (list->entries[i].number == flow->number)
			at = i;
	for (i = 0; i < (ours->has ? ours->n_has : list->n); i++) {
		if (ours->has)
			sel = ours->has[i];
		else if (!entry_sel(&list->entries[(at + i) % list->n], ours, &sel))
			continue;
		if (local->n == WIRE_TS_MAX || remote->n == WIRE_TS_MAX)
			break;
		add_unique(local, &sel.src);
		add_unique(remote, &sel.dst);
	}
}

bool ike_ts_takes(const struct ts *ts, const struct addr *a, uint8_t proto, uint16_t port)
{
	return ts->min.family == a->family && addr_cmp(&ts->min, a) <= 0 &&
	       addr_cmp(a, &ts->max) <= 0 && (!ts->proto || ts->proto == proto) &&
	       ts->port_min <= port && port <= ts->port_max;
}

/* may a peer that asks for @remote get what it has in common with @entry? */
static bool is_for(const struct ike_ts_ours *ours, const struct ts *entry, const struct ts *remote)
{
	return !ours->whole || addr_equal(&entry->min, &entry->max) ||
	       (addr_cmp(&entry->min, &remote->min) <= 0 && addr_cmp(&remote->max, &entry->max) <= 0);
}

static bool sel_contains(const struct kern_sel *outer, const struct kern_sel *inner)
{
	return ts_contains(&outer->src, &inner->src) && ts_contains(&outer->dst, &inner->dst);
}

static unsigned int sel_add(struct kern_sel *out, unsigned int n, unsigned int max,
			    const struct kern_sel *sel)
{
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++)
		if (sel_contains(&out[i], sel))
			return n;
	for (i = 0; i < n; i++)
		if (!sel_contains(sel, &out[i]))
			out[kept++] = out[i];
	if (kept < max)
		out[kept++] = *sel;
	return kept;
}

/* one protocol on both sides of a pair */
static bool unify(struct kern_sel *s)
{
	uint8_t proto = s->src.proto ? s->src.proto : s->dst.proto;

	if (s->dst.proto && s->dst.proto != proto)
		return false;
	s->src.proto = s->dst.proto = proto;
	return true;
}

/**
 * ike_ts_narrow - the pairs of an access list that lie within two lists of selectors
 * @ours: the access list, and what of it counts
 * @local: selectors of our side
 * @remote: selectors of the peer's side
 * @out: gets the pairs, none inside another
 * @max: room there
 *
 * Return: how many; 0: nothing in common, RFC 7296 2.9 TS_UNACCEPTABLE.
 */
unsigned int ike_ts_narrow(const struct ike_ts_ours *ours, const struct wire_ts *local,
			   const struct wire_ts *remote, struct kern_sel *out, unsigned int max)
{
	const struct conf_list *list = ours->list;
	unsigned int i, l, r, n = 0;
	struct kern_sel sel, entry;

	for (i = 0; i < list->n; i++) {
		if (!entry_sel(&list->entries[i], ours, &entry))
			continue;
		for (l = 0; l < local->n; l++) {
			for (r = 0; r < remote->n; r++) {
				if (is_for(ours, &entry.dst, &remote->ts[r]) &&
				    ts_intersect(&entry.src, &local->ts[l], &sel.src) &&
				    ts_intersect(&entry.dst, &remote->ts[r], &sel.dst) &&
				    unify(&sel))
					n = sel_add(out, n, max, &sel);
			}
		}
	}
	return n;
}

bool ike_ts_substitute(struct wire_ts *ts, const struct addr *a)
{
	unsigned int i;

	for (i = 0; i < ts->n; i++)
		if (!addr_equal(&ts->ts[i].min, &ts->ts[0].min) ||
		    !addr_equal(&ts->ts[i].max, &ts->ts[0].min))
			return false;
	for (i = 0; i < ts->n; i++)
		ts->ts[i].min = ts->ts[i].max = *a;
	return true;
}

static void add_widest(struct wire_ts *list, const struct ts *ts)
{
	unsigned int i, kept = 0;

	for (i = 0; i < list->n; i++)
		if (ts_contains(&list->ts[i], ts))
			return;
	for (i = 0; i < list->n; i++)
		if (!ts_contains(ts, &list->ts[i]))
			list->ts[kept++] = list->ts[i];
	list->n = kept;
	if (list->n < WIRE_TS_MAX)
		list->ts[list->n++] = *ts;
}

/**
 * ike_ts_lists - pairs as the two lists that a message carries
 * @sels: the pairs
 * @n: their number
 * @local: gets our side
 * @remote: gets the peer's
 */
void ike_ts_lists(const struct kern_sel *sels, unsigned int n, struct wire_ts *local,
		  struct wire_ts *remote)
{
	unsigned int i;

	local->n = remote->n = 0;
	for (i = 0; i < n; i++) {
		add_widest(local, &sels[i].src);
		add_widest(remote, &sels[i].dst);
	}
}

/* every one of @inner inside one of @outer */
bool ike_ts_within(const struct wire_ts *inner, const struct wire_ts *outer)
{
	unsigned int i, j;

	for (i = 0; i < inner->n; i++) {
		for (j = 0; j < outer->n; j++)
			if (ts_contains(&outer->ts[j], &inner->ts[i]))
				break;
		if (j == outer->n)
			return false;
	}
	return inner->n > 0;
}

/**
 * ike_ts_any_overlaps - test whether a packet can match both a selector and one of a list
 * @sels: the list
 * @n: number of @sels
 * @sel: the selector
 *
 * Return: true: one of @sels and @sel have a packet in common.
 */
bool ike_ts_any_overlaps(const struct kern_sel *sels, unsigned int n, const struct kern_sel *sel)
{
	struct ts both;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (ts_intersect(&sels[i].src, &sel->src, &both) &&
		    ts_intersect(&sels[i].dst, &sel->dst, &both))
			return true;
	return false;
}
