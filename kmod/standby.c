// SPDX-License-Identifier: GPL-2.0
/*
 * Redundant tunnels: an entry and its standbys have one selector and a tunnel each. The first
 * tunnel that has an SA for the packet carries it.
 *
 * The policy has these entries in a row, the best first. nfipsec_classify() returns the first.
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
 * @pkt: the packet; NULL: any
 * @bundle: filled with the SA that takes the packet
 *
 * RCU read side.
 *
 * Return: @first, a standby of it, or NULL if no tunnel of theirs has an SA.
 */
const struct nfipsec_entry *nfipsec_entry_best(const struct nfipsec_entry *first,
					       const struct nfipsec_pkt *pkt,
					       struct nfipsec_bundle *bundle)
{
	const struct nfipsec_entry *e;

	for (e = first; e <= first + first->standbys; e++)
		if (nfipsec_sadb_find_out(e->tunnel, pkt, bundle))
			return e;
	return NULL;
}

/**
 * nfipsec_entry_active - the entry whose tunnel takes a packet now
 * @first: from nfipsec_classify(); a protect entry with standbys
 * @pkt: the packet
 *
 * If no tunnel has an SA, the tunnel of @first queues the packets. While the module drains that
 * queue, new packets are queued behind the old ones. RCU read side.
 *
 * Return: @first, or a standby of it.
 */
const struct nfipsec_entry *nfipsec_entry_active(const struct nfipsec_entry *first,
						 const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_entry *best;
	struct nfipsec_bundle bundle;

	if (unlikely(READ_ONCE(first->tunnel->releasing)))
		return first;
	best = nfipsec_entry_best(first, pkt, &bundle);
	return best ?: first;
}

/**
 * nfipsec_bundle_find - looks up the SA for a packet of a tunnel
 * @tunnel: the tunnel
 * @pkt: the packet
 * @bundle: filled
 *
 * If @tunnel has no SA for the packet, the function looks at the redundant tunnels. RCU read side.
 *
 * Return: false if there is none.
 */
bool nfipsec_bundle_find(const struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt,
			 struct nfipsec_bundle *bundle)
{
	const struct nfipsec_policy *policy;
	const struct nfipsec_entry *own;

	if (likely(nfipsec_sadb_find_out(tunnel, pkt, bundle)))
		return true;
	/* NULL when the namespace goes */
	policy = rcu_dereference(tunnel->nn->policy);
	if (!policy || likely(!policy->n_standbys))
		return false;
	own = nfipsec_classify_tunnel(policy, tunnel, pkt);
	/* without standbys it would be looked up a second time */
	return own && (own->place || own->standbys) &&
	       nfipsec_entry_best(own - own->place, pkt, bundle);
}

/**
 * nfipsec_entry_is_active - does an entry with standbys, or a standby, carry its packets now?
 * @e: an entry of the policy in force
 *
 * For reports: judged by the packet with the lowest addresses and ports that the entry takes, or
 * where the peers granted no SA for that packet, by any SA. RCU read side.
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
	const struct nfipsec_entry *best;
	struct nfipsec_bundle bundle;

	if (!first->standbys)
		return false;
	nfipsec_num_addr(pkt.family, e->sel.saddr_min, &pkt.saddr);
	nfipsec_num_addr(pkt.family, e->sel.daddr_min, &pkt.daddr);
	best = nfipsec_entry_best(first, &pkt, &bundle) ?: nfipsec_entry_best(first, NULL, &bundle);
	return best == e;
}

/**
 * nfipsec_standby_release - send what other tunnels hold and a tunnel may carry now
 * @nn: the namespace; nfipsec_net.config is held
 * @tunnel: got an outbound SA; NULL: the policy is new, and all tunnels may have standbys
 *
 * Others hold packets of entries for which @tunnel has an entry, too. Process context.
 */
void nfipsec_standby_release(struct nfipsec_net *nn, const struct nfipsec_tunnel *tunnel)
{
	const struct nfipsec_policy *policy;
	struct nfipsec_tunnel *t;

	policy = rcu_dereference_protected(nn->policy, lockdep_is_held(&nn->config));
	if (!policy->n_standbys)
		return;
	list_for_each_entry(t, &nn->tunnels, link) {
		if (t != tunnel && !skb_queue_empty_lockless(&t->queue))
			nfipsec_acquire_release(t);
		cond_resched();
	}
}
