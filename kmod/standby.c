// SPDX-License-Identifier: GPL-2.0
/*
 * Entries of several tunnels for the same packets: the first one's tunnel carries them, and
 * while it has no SA, that of the next.
 *
 * The policy has such entries one behind the other, the best first. All have one selector, so
 * nfipsec_classify() finds the first of them.
 */
#include "path.h"

/**
 * nfipsec_entry_of - the entry of a tunnel among those for the same packets
 * @first: from nfipsec_classify()
 * @tunnel: the tunnel
 *
 * Return: @first, a standby of it, or NULL if the tunnel has neither.
 */
const struct nfipsec_entry *nfipsec_entry_of(const struct nfipsec_entry *first,
					     const struct nfipsec_tunnel *tunnel)
{
	const struct nfipsec_entry *e;

	for (e = first; e <= first + first->standbys; e++)
		if (e->tunnel == tunnel)
			return e;
	return NULL;
}

/**
 * nfipsec_entry_best - the best of several entries whose tunnel has an SA
 * @first: from nfipsec_classify(); a protect entry
 * @pkt: the packet
 * @way: filled with the SA that takes the packet
 *
 * RCU read side.
 *
 * Return: @first, a standby of it, or NULL if no tunnel of theirs has an SA.
 */
const struct nfipsec_entry *nfipsec_entry_best(const struct nfipsec_entry *first,
					       const struct nfipsec_pkt *pkt,
					       struct nfipsec_way *way)
{
	const struct nfipsec_entry *e;

	for (e = first; e <= first + first->standbys; e++)
		if (nfipsec_sadb_find_out(e->tunnel, pkt, way))
			return e;
	return NULL;
}

/**
 * nfipsec_entry_active - the entry whose tunnel takes a packet now
 * @first: from nfipsec_classify(); a protect entry with standbys
 * @pkt: the packet
 *
 * Without an SA the packets of all of them are held by the tunnel of @first. While those that
 * were held go out, the others queue up behind them. RCU read side.
 *
 * Return: @first, or a standby of it.
 */
const struct nfipsec_entry *nfipsec_entry_active(const struct nfipsec_entry *first,
						 const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_entry *best;
	struct nfipsec_way way;

	if (unlikely(READ_ONCE(first->tunnel->releasing)))
		return first;
	best = nfipsec_entry_best(first, pkt, &way);
	return best ?: first;
}

/**
 * nfipsec_find_way - what carries a packet of a tunnel
 * @tunnel: the tunnel
 * @pkt: the packet
 * @way: filled
 *
 * An SA of the tunnel, else of another one whose entry is for the same packets. RCU read side.
 *
 * Return: false if there is none.
 */
bool nfipsec_find_way(const struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt,
		      struct nfipsec_way *way)
{
	const struct nfipsec_policy *policy;
	const struct nfipsec_entry *first;

	if (likely(nfipsec_sadb_find_out(tunnel, pkt, way)))
		return true;
	/* NULL when the namespace goes */
	policy = rcu_dereference(tunnel->nn->policy);
	if (!policy || likely(!policy->n_standbys))
		return false;
	first = nfipsec_classify(policy, pkt);
	return first && first->standbys && nfipsec_entry_of(first, tunnel) &&
	       nfipsec_entry_best(first, pkt, way);
}

/**
 * nfipsec_entry_is_active - does an entry with standbys, or a standby, carry its packets now?
 * @e: an entry of the policy in force
 *
 * For reports: judged by the packet with the lowest addresses and ports that the entry takes.
 * RCU read side.
 *
 * Return: false also for an entry that stands alone.
 */
bool nfipsec_entry_is_active(const struct nfipsec_entry *e)
{
	const struct nfipsec_entry *first = e - e->place;
	struct nfipsec_pkt pkt = {
		.family = e->sel.family,
		.h.proto = e->sel.proto,
		.ports = nfipsec_sel_has_ports(&e->sel),
		.sport = htons(e->sel.sport_min),
		.dport = htons(e->sel.dport_min),
	};
	struct nfipsec_way way;

	if (!first->standbys)
		return false;
	nfipsec_num_addr(pkt.family, e->sel.saddr_min, &pkt.saddr);
	nfipsec_num_addr(pkt.family, e->sel.daddr_min, &pkt.daddr);
	return nfipsec_entry_best(first, &pkt, &way) == e;
}

/**
 * nfipsec_standby_release - send what others hold that a tunnel may carry now
 * @nn: the namespace; nfipsec_net.config is held
 * @tunnel: got an outbound SA; NULL: the policy is new, and all tunnels may have standbys
 *
 * Other tunnels hold packets of entries for which @tunnel has an entry, too.
 */
void nfipsec_standby_release(struct nfipsec_net *nn, const struct nfipsec_tunnel *tunnel)
{
	const struct nfipsec_tunnel *last = NULL;
	const struct nfipsec_policy *policy;
	const struct nfipsec_entry *first, *e;
	unsigned int i;

	policy = rcu_dereference_protected(nn->policy, lockdep_is_held(&nn->config));
	for (i = 0; policy->n_standbys && i < policy->n_entries; i++) {
		first = &policy->entries[i];
		if (!first->standbys || (tunnel && !nfipsec_entry_of(first, tunnel)))
			continue;
		for (e = first; e <= first + first->standbys; e++) {
			/* the lists of a pair may be long */
			if (e->tunnel == tunnel || e->tunnel == last)
				continue;
			nfipsec_acquire_release(e->tunnel);
			last = e->tunnel;
		}
	}
}
