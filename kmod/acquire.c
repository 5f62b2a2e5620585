// SPDX-License-Identifier: GPL-2.0
/*
 * A protected packet without an SA: it is held, the helper is asked for an SA,
 * and when that arrives the held packets go first, in order.
 */
#include "path.h"
#include "trace.h"

/* how often the helper is reminded while packets keep coming */
#define ACQUIRE_INTERVAL HZ

static void ask(struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt)
{
	struct nfipsec_net *nn = tunnel->nn;
	const struct nfipsec_entry *entry;
	int err = -ESRCH;

	/* the entry may be gone with a newer policy; then nobody need be asked */
	entry = nfipsec_classify(rcu_dereference(nn->policy), pkt);
	if (entry && entry->tunnel == tunnel)
		err = nfipsec_netlink_acquire(tunnel, entry, pkt);
	trace_nfipsec_acquire(tunnel, err);
	nfipsec_stat_add(nn, err ? NFIPSEC_STAT_ACQUIRE_LOST : NFIPSEC_STAT_ACQUIRE_SENT, 1);
}

/**
 * nfipsec_acquire_hold - hold a packet, and ask for an SA
 * @tunnel: its tunnel
 * @skb: the packet, maybe a GSO packet; taken
 * @pkt: what it looks like
 *
 * When the queue is full its oldest packet is dropped. When an SA came between
 * the caller's look-up and now, the queue is sent at once. RCU read side.
 */
void nfipsec_acquire_hold(struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			  const struct nfipsec_pkt *pkt)
{
	struct nfipsec_net *nn = tunnel->nn;
	struct sk_buff *oldest = NULL;
	bool due;

	skb_dst_force(skb);
	spin_lock_bh(&tunnel->lock);
	if (tunnel->dead) {
		spin_unlock_bh(&tunnel->lock);
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_SA_FLUSHED);
		return;
	}
	if (skb_queue_len(&tunnel->queue) >= NFIPSEC_QUEUE_MAX) {
		oldest = __skb_dequeue(&tunnel->queue);
		tunnel->queue_drops++;
	}
	__skb_queue_tail(&tunnel->queue, skb);
	WRITE_ONCE(tunnel->held, true);
	due = time_after_eq(jiffies, tunnel->acquire_next);
	if (due) {
		tunnel->acquire_next = jiffies + ACQUIRE_INTERVAL;
		tunnel->acquires++;
	}
	spin_unlock_bh(&tunnel->lock);

	nfipsec_stat_add(nn, NFIPSEC_STAT_HELD, 1);
	if (oldest)
		nfipsec_drop(nn, oldest, NFIPSEC_STAT_OUT_NO_SA_OVERFLOW);

	/* Pairs with the insertion before nfipsec_acquire_release(): one of the two sees it. */
	smp_mb();
	if (nfipsec_sadb_find_out(tunnel, pkt))
		nfipsec_acquire_release(tunnel);
	else if (due)
		ask(tunnel, pkt);
}

/* false: no SA takes the packet yet, and it is the caller's still */
static bool send_one(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	struct nfipsec_pkt pkt;
	struct nfipsec_sa *sa;

	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_MALFORMED);
		return true;
	}
	sa = nfipsec_sadb_find_out(tunnel, &pkt);
	if (!sa)
		return false;
	nfipsec_stat_add(tunnel->nn, NFIPSEC_STAT_RELEASED, 1);
	nfipsec_output_sa(sa, skb);
	return true;
}

/**
 * nfipsec_acquire_release - send what is held, in order
 * @tunnel: the tunnel that got an outbound SA
 *
 * One at a time empties the queue; packets that come meanwhile queue up behind
 * (nfipsec_tunnel.held), so nothing overtakes. Packets that no SA takes stay.
 */
void nfipsec_acquire_release(struct nfipsec_tunnel *tunnel)
{
	struct sk_buff_head stay;
	struct sk_buff *skb;

	__skb_queue_head_init(&stay);
	local_bh_disable();
	rcu_read_lock();
	spin_lock(&tunnel->lock);
	if (tunnel->releasing) {
		spin_unlock(&tunnel->lock);
		goto out;
	}
	tunnel->releasing = true;
	while ((skb = __skb_dequeue(&tunnel->queue))) {
		spin_unlock(&tunnel->lock);
		if (!send_one(tunnel, skb))
			__skb_queue_tail(&stay, skb);
		spin_lock(&tunnel->lock);
	}
	tunnel->releasing = false;
	if (!tunnel->dead)
		skb_queue_splice_init(&stay, &tunnel->queue);
	/* what stayed waits for another SA and must not slow down the packets of this one */
	WRITE_ONCE(tunnel->held, false);
	spin_unlock(&tunnel->lock);
	while ((skb = __skb_dequeue(&stay)))
		nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_NO_SA_FLUSHED);
out:
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * nfipsec_acquire_flush - drop what is held; the tunnel leaves the policy
 * @tunnel: no packet is held for it afterwards
 */
void nfipsec_acquire_flush(struct nfipsec_tunnel *tunnel)
{
	struct sk_buff_head gone;
	struct sk_buff *skb;

	__skb_queue_head_init(&gone);
	spin_lock_bh(&tunnel->lock);
	tunnel->dead = true;
	skb_queue_splice_init(&tunnel->queue, &gone);
	WRITE_ONCE(tunnel->held, false);
	spin_unlock_bh(&tunnel->lock);
	while ((skb = __skb_dequeue(&gone)))
		nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_NO_SA_FLUSHED);
}
