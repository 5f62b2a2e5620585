// SPDX-License-Identifier: GPL-2.0
/*
 * A protected packet without an SA: it is held, the helper is asked for an SA,
 * and when that arrives the held packets go first, in order.
 */
#include <net/sock.h>

#include "path.h"
#include "trace.h"

/* how often the helper is reminded while packets keep coming */
#define ACQUIRE_INTERVAL HZ
/* so many go in order when an SA comes; who sends faster than we encrypt would keep us for ever */
#define RELEASE_MAX (2 * NFIPSEC_QUEUE_MAX)
/* and so many are tried at a time; packets that no SA takes may come faster than that */
#define RELEASE_END (16 * NFIPSEC_QUEUE_MAX)
/* held for longer, a packet is a stale duplicate of what its sender has sent again since */
#define AGE_MAX (30 * HZ)

/* State of a held packet, in skb->cb, which the stack does not use here. */
struct held_cb {
	unsigned long since;	/* jiffies */
	unsigned int memory;	/* octets, truesize when it came */
};

static struct held_cb *held_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct held_cb) > sizeof_field(struct sk_buff, cb));
	return (struct held_cb *)skb->cb;
}

/* @entry: the protect entry of @tunnel that matched; NULL: there is none */
static void report_acquire(struct nfipsec_tunnel *tunnel, const struct nfipsec_entry *entry,
			   const struct nfipsec_pkt *pkt)
{
	int err = entry ? nfipsec_netlink_acquire(tunnel, entry, pkt) : -ESRCH;

	trace_nfipsec_acquire(tunnel, err);
	nfipsec_stat_add(tunnel->nn, err ? NFIPSEC_STAT_ACQUIRE_LOST : NFIPSEC_STAT_ACQUIRE_SENT,
			 1);
	if (err)
		return;
	spin_lock_bh(&tunnel->lock);
	tunnel->acquires++;
	spin_unlock_bh(&tunnel->lock);
}

/* Sends an ACQUIRE for each tunnel that may carry the packet: the first peer may be dead. */
static void ask_all(struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_policy *policy = rcu_dereference(tunnel->nn->policy);
	const struct nfipsec_entry *first = NULL, *e;

	/* the entry may be gone with a newer policy, or all of them; then nobody need be asked */
	if (policy)
		first = nfipsec_classify(policy, pkt);
	if (!first || !nfipsec_entry_of(first, tunnel)) {
		report_acquire(tunnel, NULL, pkt);
		return;
	}
	for (e = first; e <= first + first->standbys; e++)
		report_acquire(e->tunnel, e, pkt);
}

/*
 * The queue, with what it takes of memory: cb says how much, since truesize is the socket's
 * business and may change.
 */
static void hold_enqueue(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	lockdep_assert_held(&tunnel->lock);
	__skb_queue_tail(&tunnel->queue, skb);
	tunnel->queue_memory += held_cb(skb)->memory;
}

static struct sk_buff *hold_dequeue(struct nfipsec_tunnel *tunnel)
{
	struct sk_buff *skb;

	lockdep_assert_held(&tunnel->lock);
	skb = __skb_dequeue(&tunnel->queue);
	if (skb) {
		tunnel->queue_memory -= held_cb(skb)->memory;
		atomic_sub(held_cb(skb)->memory, &tunnel->nn->held_memory);
	}
	return skb;
}

/* so much more memory for held packets of the namespace; false: that would be too much */
static bool reserve_memory(struct nfipsec_net *nn, unsigned int memory)
{
	if (atomic_add_return(memory, &nn->held_memory) <= NFIPSEC_HELD_MEMORY)
		return true;
	atomic_sub(memory, &nn->held_memory);
	return false;
}

/*
 * A socket may have three quarters of its send buffer in held packets, so that tunnels
 * without an SA do not keep it from sending to others. TCP sends to one destination only.
 */
static bool crowds_out(const struct sk_buff *skb, unsigned int others)
{
	const struct sock *sk = skb->sk;

	return sk && !sk_is_tcp(sk) &&
	       (int)(refcount_read(&sk->sk_wmem_alloc) - others) > READ_ONCE(sk->sk_sndbuf) / 4 * 3;
}

/*
 * Room for one more, at the expense of the oldest, which go to @over for the caller to drop
 * when it has unlocked. False: there is none, and @skb must go itself.
 */
static bool make_room(struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
		      struct sk_buff_head *over)
{
	const unsigned int memory = held_cb(skb)->memory;
	const struct sk_buff *oldest;
	struct sk_buff *old;

	lockdep_assert_held(&tunnel->lock);
	while ((oldest = skb_peek(&tunnel->queue)) &&
	       (skb_queue_len(&tunnel->queue) >= NFIPSEC_QUEUE_MAX ||
		tunnel->queue_memory + memory > NFIPSEC_QUEUE_MEMORY)) {
		tunnel->queue_drops++;
		__skb_queue_tail(over, hold_dequeue(tunnel));
	}
	if (unlikely(crowds_out(skb, 0))) {
		if (oldest && oldest->sk == skb->sk) {
			tunnel->queue_drops++;
			__skb_queue_tail(over, hold_dequeue(tunnel));
		} else if (crowds_out(skb, skb->truesize)) {
			return false;
		}
	}
	while (!reserve_memory(tunnel->nn, memory)) {
		old = hold_dequeue(tunnel);
		if (!old)
			return false;
		tunnel->queue_drops++;
		__skb_queue_tail(over, old);
	}
	return true;
}

/*
 * A held packet is charged to the socket that sent it for as long as that is open. Who closes
 * a socket need not wait for us, and its namespace neither; a socket of the kernel's own
 * (ICMP, resets) would keep its namespace, and serves everybody.
 */
static bool stays_charged(const struct sk_buff *skb)
{
	return nfipsec_batch_has_sender(skb) && skb->sk->sk_net_refcnt &&
	       !sock_flag(skb->sk, SOCK_DEAD);
}

static void drop_all(struct nfipsec_net *nn, struct sk_buff_head *list, enum nfipsec_stat reason)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list)))
		nfipsec_drop(nn, skb, reason);
}

/**
 * nfipsec_acquire_hold - hold a packet, and ask for an SA
 * @tunnel: its tunnel
 * @skb: the packet, maybe a GSO packet; taken
 * @pkt: what it looks like
 *
 * When the queue is full its oldest packets are dropped; when other tunnels of the namespace
 * have filled what it may hold, or the sender's socket has, this one is. When an SA came
 * between the caller's look-up and now, the queue is sent at once. RCU read side.
 */
void nfipsec_acquire_hold(struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			  const struct nfipsec_pkt *pkt)
{
	struct nfipsec_net *nn = tunnel->nn;
	struct sk_buff_head over;
	struct nfipsec_bundle bundle;
	bool due, room;

	__skb_queue_head_init(&over);
	if (!stays_charged(skb))
		skb_orphan(skb);
	held_cb(skb)->since = jiffies;
	held_cb(skb)->memory = skb->truesize;
	spin_lock_bh(&tunnel->lock);
	if (tunnel->dead) {
		spin_unlock_bh(&tunnel->lock);
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_SA_FLUSHED);
		return;
	}
	room = make_room(tunnel, skb, &over);
	if (room)
		hold_enqueue(tunnel, skb);
	/* whether those that come now queue up, too, says who empties the queue */
	if (!tunnel->releasing && room)
		WRITE_ONCE(tunnel->held, true);
	due = time_after_eq(jiffies, tunnel->acquire_next);
	if (due)
		tunnel->acquire_next = jiffies + ACQUIRE_INTERVAL;
	/* under the lock: when the tunnel is dead nothing starts the timer */
	nfipsec_lifetime_start(nn);
	spin_unlock_bh(&tunnel->lock);

	drop_all(nn, &over, NFIPSEC_STAT_OUT_NO_SA_OVERFLOW);
	if (room)
		nfipsec_stat_add(nn, NFIPSEC_STAT_HELD, 1);
	else
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_SA_LIMIT);

	/*
	 * An SA is inserted before nfipsec_acquire_release() takes the lock. Had that taken it
	 * before us we see the SA here; else it sees our packet. Neither is lost.
	 */
	if (nfipsec_bundle_find(tunnel, pkt, &bundle))
		nfipsec_acquire_release(tunnel);
	else if (due)
		ask_all(tunnel, pkt);
}

/* false: no SA takes the packet yet, and it is the caller's still */
static bool send_one(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	struct nfipsec_pkt pkt;
	struct nfipsec_bundle bundle;

	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_MALFORMED);
		return true;
	}
	if (!nfipsec_bundle_find(tunnel, &pkt, &bundle))
		return false;
	nfipsec_stat_add(tunnel->nn, NFIPSEC_STAT_RELEASED, 1);
	nfipsec_output_bundle(&bundle, skb, &pkt.h);
	return true;
}

/* Puts packets that no SA took in front of those that came since. */
static void put_back(struct nfipsec_tunnel *tunnel, struct sk_buff_head *stay)
{
	struct sk_buff *skb;

	lockdep_assert_held(&tunnel->lock);
	skb_queue_walk(stay, skb) {
		tunnel->queue_memory += held_cb(skb)->memory;
		atomic_add(held_cb(skb)->memory, &tunnel->nn->held_memory);
	}
	skb_queue_splice_init(stay, &tunnel->queue);
}

/*
 * Sends the queue until it is empty, or until @n packets have become RELEASE_END. Packets that no
 * SA takes go to @stay, the oldest of too many to @over. Takes tunnel->lock and returns with it,
 * but sends without it. Returns @n.
 */
static unsigned int send_queue(struct nfipsec_tunnel *tunnel, struct sk_buff_head *stay,
			       struct sk_buff_head *over, unsigned int n)
{
	struct sk_buff *skb;
	bool sent;

	while (n < RELEASE_END && (skb = hold_dequeue(tunnel))) {
		if (++n == RELEASE_MAX)
			WRITE_ONCE(tunnel->held, false);
		spin_unlock(&tunnel->lock);
		sent = send_one(tunnel, skb);
		spin_lock(&tunnel->lock);
		if (sent)
			continue;
		__skb_queue_tail(stay, skb);
		if (skb_queue_len(stay) > NFIPSEC_QUEUE_MAX) {
			tunnel->queue_drops++;
			__skb_queue_tail(over, __skb_dequeue(stay));
		}
	}
	return n;
}

/**
 * nfipsec_acquire_release - send what is held, in order
 * @tunnel: the tunnel that got an outbound SA
 *
 * One CPU at a time empties the queue; packets that come meanwhile queue up behind
 * (nfipsec_tunnel.held), so nothing overtakes. After RELEASE_MAX packets those that come
 * go by themselves again, though a queue full of others may still be before them. Packets
 * that no SA takes stay, and are tried once more if an SA came meanwhile. After RELEASE_END
 * packets the next packet goes on, as others may come faster than one CPU can try them.
 */
void nfipsec_acquire_release(struct nfipsec_tunnel *tunnel)
{
	struct sk_buff_head stay, over, limit;
	unsigned int n = 0;
	struct sk_buff *skb;
	bool more;

	__skb_queue_head_init(&stay);
	__skb_queue_head_init(&over);
	__skb_queue_head_init(&limit);
	local_bh_disable();
	rcu_read_lock();
	spin_lock(&tunnel->lock);
	if (tunnel->releasing) {
		tunnel->again = true;
		spin_unlock(&tunnel->lock);
		goto out;
	}
	WRITE_ONCE(tunnel->releasing, true);
	WRITE_ONCE(tunnel->held, !skb_queue_empty(&tunnel->queue));
	do {
		tunnel->again = false;
		put_back(tunnel, &stay);
		n = send_queue(tunnel, &stay, &over, n);
	} while (tunnel->again && n < RELEASE_END);
	WRITE_ONCE(tunnel->releasing, false);
	more = tunnel->again || !skb_queue_empty(&tunnel->queue);
	while ((skb = hold_dequeue(tunnel)))
		__skb_queue_tail(&stay, skb);
	/* packets that came meanwhile may have made them more than may be held */
	while (!tunnel->dead && (skb = __skb_dequeue(&stay))) {
		if (make_room(tunnel, skb, &over))
			hold_enqueue(tunnel, skb);
		else
			__skb_queue_tail(&limit, skb);
	}
	/* The packets left wait for another SA, and must not slow down those of this one. */
	WRITE_ONCE(tunnel->held, more && !tunnel->dead);
	spin_unlock(&tunnel->lock);
	drop_all(tunnel->nn, &stay, NFIPSEC_STAT_OUT_NO_SA_FLUSHED);
	drop_all(tunnel->nn, &over, NFIPSEC_STAT_OUT_NO_SA_OVERFLOW);
	drop_all(tunnel->nn, &limit, NFIPSEC_STAT_OUT_NO_SA_LIMIT);
out:
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * nfipsec_acquire_age - drop what was held for too long
 * @tunnel: the tunnel; RCU read side
 *
 * Sockets that were closed meanwhile get their packets back, which stay held.
 *
 * Return: true while something is held.
 */
bool nfipsec_acquire_age(struct nfipsec_tunnel *tunnel)
{
	struct sk_buff_head old;
	struct sk_buff *skb;
	bool more;

	__skb_queue_head_init(&old);
	spin_lock_bh(&tunnel->lock);
	while ((skb = skb_peek(&tunnel->queue)) &&
	       time_after(jiffies, held_cb(skb)->since + AGE_MAX)) {
		__skb_queue_tail(&old, hold_dequeue(tunnel));
	}
	skb_queue_walk(&tunnel->queue, skb) {
		if (skb->sk && !stays_charged(skb))
			skb_orphan(skb);
	}
	more = !skb_queue_empty(&tunnel->queue);
	spin_unlock_bh(&tunnel->lock);
	drop_all(tunnel->nn, &old, NFIPSEC_STAT_OUT_NO_SA_AGED);
	return more;
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
	while ((skb = hold_dequeue(tunnel)))
		__skb_queue_tail(&gone, skb);
	WRITE_ONCE(tunnel->held, false);
	spin_unlock_bh(&tunnel->lock);
	drop_all(tunnel->nn, &gone, NFIPSEC_STAT_OUT_NO_SA_FLUSHED);
}
