// SPDX-License-Identifier: GPL-2.0
/*
 * Inbound packets of an SA that is not installed yet. A responder may send by a new CHILD SA as
 * soon as it has accepted IKE_AUTH (RFC 7296 1.2). The initiator's daemon installs the SA only
 * after it has checked the responder's AUTH, so it announces the SPI when it sends IKE_AUTH. The
 * module queues packets with an announced SPI unopened, and opens them in order after SA_ADD.
 */
#include <linux/sched.h>

#include "path.h"

#define SPIS_MAX	1024		/* announced at a time in a namespace */
#define PACKETS_MAX	512		/* queued for one SPI */
#define SPI_MEMORY	SZ_1M		/* octets of memory that they take */
#define NET_MEMORY	SZ_8M		/* and those of all SPIs of a namespace */
#define SPI_SHARE	SZ_64K		/* of one SPI while half of NET_MEMORY is taken */
#define AGE_MAX		(10 * HZ)	/* of a queued packet */
#define RELEASE_MAX	(2 * PACKETS_MAX)	/* packets that pass the queue after SA_ADD */
#define KEEP		HZ		/* an announcement stays so long after SA_ADD */

/**
 * struct nfipsec_awaited - an announced SPI
 * @hash: in nfipsec_net.awaited; RCU, changed under await_lock
 * @rcu: frees the announcement after a grace period
 * @id: the SA that is not installed yet; constant
 * @portid: the netlink socket that announced it; constant
 * @dead: out of the table, nothing is queued any more; under await_lock
 * @installed: the SA is installed; written under await_lock, after @draining
 * @draining: nfipsec_await_release() empties @queue; written under await_lock
 * @closed: @draining has taken RELEASE_MAX packets, nothing is queued any more; written under
 *	await_lock
 * @since: jiffies when @draining ended; under await_lock
 * @queue: the packets; under await_lock
 * @memory: octets that they take, by truesize; under await_lock
 */
struct nfipsec_awaited {
	struct hlist_node	hash;
	struct rcu_head		rcu;
	struct nfipsec_sa_id	id;
	u32			portid;
	bool			dead;
	bool			installed;
	bool			draining;
	bool			closed;
	unsigned long		since;
	struct sk_buff_head	queue;
	unsigned int		memory;
};

/* jiffies when a queued packet came; the stack's own use of cb is over */
static unsigned long *queued_at(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(unsigned long) > sizeof_field(struct sk_buff, cb));
	return (unsigned long *)skb->cb;
}

/* RCU read side, or await_lock */
static struct nfipsec_awaited *find_awaited(struct nfipsec_net *nn, const struct nfipsec_sa_id *id)
{
	struct nfipsec_awaited *a;

	hash_for_each_possible_rcu(nn->awaited, a, hash, nfipsec_spi_key(id->spi),
				   lockdep_is_held(&nn->await_lock)) {
		if (a->id.spi == id->spi && a->id.proto == id->proto &&
		    a->id.family == id->family &&
		    nfipsec_addr_equal(id->family, &a->id.addr, &id->addr))
			return a;
	}
	return NULL;
}

/* Are packets queued for the SPI, rather than opened? */
static bool is_queueing(const struct nfipsec_awaited *a)
{
	if (READ_ONCE(a->dead) || READ_ONCE(a->closed))
		return false;
	/* pairs with nfipsec_await_release(): a reader that sees @installed sees @draining, too */
	return !smp_load_acquire(&a->installed) || READ_ONCE(a->draining);
}

/* Makes the ID of the SA of a packet. The SA may not exist. Returns false without an SPI. */
static bool packet_id(struct sk_buff *skb, const struct nfipsec_headers *h,
		      struct nfipsec_sa_id *id)
{
	u8 proto = h->proto;
	__be32 spi;

	switch (h->proto) {
	case IPPROTO_UDP:
		if (!nfipsec_natt_spi(skb, h, &spi))
			return false;
		proto = IPPROTO_ESP;
		break;
	case IPPROTO_ESP:
	case IPPROTO_AH:
		if (!nfipsec_input_spi(skb, h, &spi))
			return false;
		break;
	default:
		return false;
	}
	nfipsec_sa_id_in(id, skb, proto, spi);
	return true;
}

/* A GSO packet may be of many SAs: its segments are queued. */
static struct nfipsec_awaited *queueing_of(struct nfipsec_net *nn, struct sk_buff *skb,
					   const struct nfipsec_headers *h)
{
	struct nfipsec_awaited *a;
	struct nfipsec_sa_id id;

	if (!READ_ONCE(nn->await_count) || skb_is_gso(skb) || !packet_id(skb, h, &id))
		return NULL;
	a = find_awaited(nn, &id);
	return a && is_queueing(a) ? a : NULL;
}

/**
 * nfipsec_await_is_announced - checks whether a packet has an announced SPI
 * @nn: the namespace
 * @skb: the packet, at its outer IP header, defragmented
 * @h: its headers
 *
 * RCU read side.
 *
 * Return: true if nfipsec_await_find() would return an announcement for a packet without an SA.
 */
bool nfipsec_await_is_announced(struct nfipsec_net *nn, struct sk_buff *skb,
				const struct nfipsec_headers *h)
{
	return queueing_of(nn, skb, h);
}

/**
 * nfipsec_await_find - finds the SA of a packet, or the queue that the packet must join
 * @nn: the namespace
 * @skb: the packet, at its outer IP header, defragmented
 * @h: its headers
 * @sa: set to the inbound SA, or to NULL
 *
 * A packet joins the queue of an announced SPI until the SA is installed, and behind older
 * packets of its SA until these are opened. If there is neither SA nor queue, SA_ADD may have
 * come between the two look-ups, so the SA is looked up once more: the announcement stays for
 * KEEP after SA_ADD. RCU read side.
 *
 * Return: the announcement, borrowed under RCU, or NULL.
 */
struct nfipsec_awaited *nfipsec_await_find(struct nfipsec_net *nn, struct sk_buff *skb,
					   const struct nfipsec_headers *h, struct nfipsec_sa **sa)
{
	struct nfipsec_awaited *a;

	*sa = nfipsec_input_find(nn, skb, h);
	if (*sa ? likely(!test_bit(NFIPSEC_SA_RELEASING, &(*sa)->flags)) :
		  !READ_ONCE(nn->await_count))
		return NULL;
	a = queueing_of(nn, skb, h);
	if (!a && !*sa)
		*sa = nfipsec_input_find(nn, skb, h);
	return a;
}

static void queue_packet(struct nfipsec_net *nn, struct nfipsec_awaited *a, struct sk_buff *skb)
{
	lockdep_assert_held(&nn->await_lock);
	*queued_at(skb) = jiffies;
	__skb_queue_tail(&a->queue, skb);
	a->memory += skb->truesize;
	nn->await_memory += skb->truesize;
}

static struct sk_buff *unqueue_packet(struct nfipsec_net *nn, struct nfipsec_awaited *a)
{
	struct sk_buff *skb = __skb_dequeue(&a->queue);

	lockdep_assert_held(&nn->await_lock);
	if (skb) {
		a->memory -= skb->truesize;
		nn->await_memory -= skb->truesize;
	}
	return skb;
}

/* The sender of a few SPIs must not shut out all others: half of NET_MEMORY is in small shares. */
static bool has_room(const struct nfipsec_net *nn, const struct nfipsec_awaited *a,
		     const struct sk_buff *skb)
{
	bool scarce = nn->await_memory + skb->truesize > NET_MEMORY / 2;

	return skb_queue_len(&a->queue) < PACKETS_MAX &&
	       a->memory + skb->truesize <= (scarce ? SPI_SHARE : SPI_MEMORY) &&
	       nn->await_memory + skb->truesize <= NET_MEMORY;
}

/* opens a packet that was queued, if its SA is there; RCU read side, bottom halves off */
static void open_queued(struct nfipsec_net *nn, struct sk_buff *skb)
{
	struct nfipsec_sa *sa = NULL;
	struct nfipsec_headers h;

	if (!nfipsec_pkt_headers(skb, 0, &h))
		sa = nfipsec_input_find(nn, skb, &h);
	if (sa)
		nfipsec_input_open(sa, skb, &h);
	else
		nfipsec_drop(nn, skb, NFIPSEC_STAT_IN_HELD_AGED);
}

/**
 * nfipsec_await_hold - queue a packet for an announced SPI
 * @nn: the namespace
 * @a: the announcement, from nfipsec_await_find()
 * @skb: the packet, which passes no further hook; taken
 *
 * A queued packet keeps nothing of others: no socket, device, route, or connection of conntrack.
 * A full queue drops the new packet, so that the older ones stay in order; but the packet is
 * opened if its SA is installed. RCU read side, bottom halves off.
 */
void nfipsec_await_hold(struct nfipsec_net *nn, struct nfipsec_awaited *a, struct sk_buff *skb)
{
	bool queueing, installed, room = false;

	nfipsec_assert_bh_off();
	skb_orphan(skb);
	skb_scrub_packet(skb, false);
	skb->dev = nn->dev;
	spin_lock(&nn->await_lock);
	queueing = is_queueing(a);
	installed = a->installed;
	if (queueing)
		room = has_room(nn, a, skb);
	if (room) {
		queue_packet(nn, a, skb);
		/* under the lock, so that no timer starts for a dead announcement */
		nfipsec_lifetime_start(nn);
	}
	spin_unlock(&nn->await_lock);
	if (room)
		nfipsec_stat_add_bh(nn, NFIPSEC_STAT_IN_HELD, 1);
	else if (queueing && !installed)
		nfipsec_drop(nn, skb, NFIPSEC_STAT_IN_HELD_OVERFLOW);
	else
		open_queued(nn, skb);
}

static void drop_all(struct nfipsec_net *nn, struct sk_buff_head *list)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list)))
		nfipsec_drop(nn, skb, NFIPSEC_STAT_IN_HELD_AGED);
}

/* Removes an announcement whose queue is empty. */
static void unpublish_awaited(struct nfipsec_net *nn, struct nfipsec_awaited *a)
{
	lockdep_assert_held(&nn->await_lock);
	WRITE_ONCE(a->dead, true);
	hash_del_rcu(&a->hash);
	WRITE_ONCE(nn->await_count, nn->await_count - 1);
	kfree_rcu(a, rcu);
}

/* Removes an announcement. Its packets move to @gone. The caller drops them after it unlocks. */
static void end_awaited(struct nfipsec_net *nn, struct nfipsec_awaited *a,
			struct sk_buff_head *gone)
{
	struct sk_buff *skb;

	while ((skb = unqueue_packet(nn, a)))
		__skb_queue_tail(gone, skb);
	unpublish_awaited(nn, a);
}

/**
 * nfipsec_await_begin - an inbound SA is about to be published
 * @sa: the SA
 * @id: set to the name of the SA, which SA_MOVE may change once the SA is published
 *
 * Packets that find the SA queue up behind those that are queued, until
 * nfipsec_await_release() has opened these. nfipsec_net.config is held.
 */
void nfipsec_await_begin(struct nfipsec_sa *sa, struct nfipsec_sa_id *id)
{
	lockdep_assert_held(&sa->nn->config);
	*id = (struct nfipsec_sa_id){ .proto = sa->proto, .family = sa->family, .spi = sa->spi };
	rcu_read_lock();
	id->addr = nfipsec_sa_ends(sa)->local;
	rcu_read_unlock();
	if (READ_ONCE(sa->nn->await_count))
		set_bit(NFIPSEC_SA_RELEASING, &sa->flags);
}

/**
 * nfipsec_await_release - open what is queued for a published SA, in order
 * @sa: an inbound SA
 * @id: from nfipsec_await_begin()
 *
 * After RELEASE_MAX packets no packet is queued any more, whether it finds the SA or not. A
 * sender that is faster than this host therefore cannot keep the caller. nfipsec_net.config is
 * held, so nobody else ends an announcement that drains.
 */
void nfipsec_await_release(struct nfipsec_sa *sa, const struct nfipsec_sa_id *id)
{
	struct nfipsec_net *nn = sa->nn;
	struct nfipsec_awaited *a;
	struct sk_buff *skb;
	unsigned int n = 0;

	lockdep_assert_held(&nn->config);
	if (!test_bit(NFIPSEC_SA_RELEASING, &sa->flags))
		return;
	spin_lock_bh(&nn->await_lock);
	a = find_awaited(nn, id);
	if (a) {
		WRITE_ONCE(a->draining, true);
		/* pairs with is_queueing() */
		smp_store_release(&a->installed, true);
	}
	while (a && (skb = unqueue_packet(nn, a))) {
		if (++n == RELEASE_MAX)
			WRITE_ONCE(a->closed, true);
		spin_unlock_bh(&nn->await_lock);
		local_bh_disable();
		rcu_read_lock();
		open_queued(nn, skb);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
		spin_lock_bh(&nn->await_lock);
	}
	clear_bit(NFIPSEC_SA_RELEASING, &sa->flags);
	if (a) {
		WRITE_ONCE(a->draining, false);
		a->since = jiffies;
		nfipsec_lifetime_start(nn);
	}
	spin_unlock_bh(&nn->await_lock);
}

/**
 * nfipsec_await_age - drop packets that were queued for too long
 * @nn: the namespace
 *
 * Ends announcements whose SA is installed, too.
 *
 * Return: true while there is something left to time.
 */
bool nfipsec_await_age(struct nfipsec_net *nn)
{
	struct nfipsec_awaited *a;
	struct hlist_node *next;
	struct sk_buff_head old;
	struct sk_buff *skb;
	bool more = false;
	unsigned int i;

	if (!READ_ONCE(nn->await_count))
		return false;
	__skb_queue_head_init(&old);
	spin_lock_bh(&nn->await_lock);
	hash_for_each_safe(nn->awaited, i, next, a, hash) {
		while ((skb = skb_peek(&a->queue)) &&
		       time_after(jiffies, *queued_at(skb) + AGE_MAX))
			__skb_queue_tail(&old, unqueue_packet(nn, a));
		if (a->installed && !a->draining && time_after(jiffies, a->since + KEEP))
			unpublish_awaited(nn, a);
		else
			more |= a->installed || !skb_queue_empty(&a->queue);
	}
	spin_unlock_bh(&nn->await_lock);
	drop_all(nn, &old);
	return more;
}

/**
 * nfipsec_await_add - announce an inbound SPI
 * @nn: the namespace
 * @id: the SA that is to be installed
 * @portid: the netlink socket that announces it; the announcement ends when the socket closes
 * @extack: for the refusal
 *
 * Process context.
 *
 * Return: 0; -EEXIST if the SPI is announced or has an SA; -ENOSPC at the limit of the namespace;
 * -ENOENT without a policy, as no packet comes here then; -ENOMEM; or what prevents reassembly.
 */
int nfipsec_await_add(struct nfipsec_net *nn, const struct nfipsec_sa_id *id, u32 portid,
		      struct netlink_ext_ack *extack)
{
	struct nfipsec_awaited *new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT), *old;
	int err = 0;

	if (!new) {
		NL_SET_ERR_MSG(extack, "no memory for an announcement");
		return -ENOMEM;
	}
	new->id = *id;
	new->portid = portid;
	__skb_queue_head_init(&new->queue);
	mutex_lock(&nn->config);
	/* IPv4 is reassembled from the first policy on */
	if (nn->dev && id->family == AF_INET6)
		err = nfipsec_hook_defrag(nn, AF_INET6);
	rcu_read_lock();
	spin_lock_bh(&nn->await_lock);
	old = find_awaited(nn, id);
	if (err) {
		NL_SET_ERR_MSG(extack, "no reassembly of IPv6");
	} else if (!nn->dev) {
		NL_SET_ERR_MSG(extack, "no policy is loaded");
		err = -ENOENT;
	} else if ((old && is_queueing(old)) || nfipsec_sadb_find(nn, id)) {
		NL_SET_ERR_MSG(extack, "an SA or an announcement with this SPI and address exists");
		err = -EEXIST;
	} else if (!old && nn->await_count == SPIS_MAX) {
		NL_SET_ERR_MSG(extack, "expected at most 1024 announced SPIs");
		err = -ENOSPC;
	} else {
		/* the daemon installed the SA and deleted it again */
		if (old)
			unpublish_awaited(nn, old);
		hash_add_rcu(nn->awaited, &new->hash, nfipsec_spi_key(id->spi));
		WRITE_ONCE(nn->await_count, nn->await_count + 1);
	}
	spin_unlock_bh(&nn->await_lock);
	rcu_read_unlock();
	mutex_unlock(&nn->config);
	if (err)
		kfree(new);
	return err;
}

/* Removes the announcements of a netlink socket; with @portid 0 all of them. */
static void end_of(struct nfipsec_net *nn, u32 portid)
{
	struct nfipsec_awaited *a;
	struct sk_buff_head gone;
	struct hlist_node *next;
	unsigned int i;

	lockdep_assert_held(&nn->config);
	__skb_queue_head_init(&gone);
	spin_lock_bh(&nn->await_lock);
	hash_for_each_safe(nn->awaited, i, next, a, hash) {
		if (!portid || a->portid == portid)
			end_awaited(nn, a, &gone);
	}
	spin_unlock_bh(&nn->await_lock);
	drop_all(nn, &gone);
}

/**
 * nfipsec_await_cancel - end an announcement, and drop what is queued for it
 * @nn: the namespace
 * @id: as it was announced
 *
 * Process context.
 *
 * Return: 0, or -ENOENT.
 */
int nfipsec_await_cancel(struct nfipsec_net *nn, const struct nfipsec_sa_id *id)
{
	struct nfipsec_awaited *a;
	struct sk_buff_head gone;

	__skb_queue_head_init(&gone);
	mutex_lock(&nn->config);
	spin_lock_bh(&nn->await_lock);
	a = find_awaited(nn, id);
	if (a)
		end_awaited(nn, a, &gone);
	spin_unlock_bh(&nn->await_lock);
	/* the packets name nfipsec0, which goes under nfipsec_net.config only */
	drop_all(nn, &gone);
	mutex_unlock(&nn->config);
	return a ? 0 : -ENOENT;
}

/**
 * nfipsec_await_closed - end the announcements of a netlink socket that has closed
 * @nn: the namespace
 * @portid: the socket
 *
 * Most sockets have announced nothing, and do not wait for nfipsec_net.config. Process context.
 */
void nfipsec_await_closed(struct nfipsec_net *nn, u32 portid)
{
	struct nfipsec_awaited *a;
	bool has = false;
	unsigned int i;

	if (!READ_ONCE(nn->await_count))
		return;
	rcu_read_lock();
	hash_for_each_rcu(nn->awaited, i, a, hash)
		has |= a->portid == portid;
	rcu_read_unlock();
	if (!has)
		return;
	mutex_lock(&nn->config);
	end_of(nn, portid);
	mutex_unlock(&nn->config);
}

/**
 * nfipsec_await_flush - end all announcements
 * @nn: the namespace; nfipsec_net.config is held, no hook is registered, and readers of the
 *	hooks are gone
 *
 * A queued packet points to nfipsec0, which goes next.
 */
void nfipsec_await_flush(struct nfipsec_net *nn)
{
	end_of(nn, 0);
}
