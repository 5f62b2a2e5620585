// SPDX-License-Identifier: GPL-2.0
/* From what the stack hands us to packets that can be encrypted where they are. */
#include <linux/netdevice.h>
#include <net/sock.h>

#include "path.h"

/* linear, ours alone, with room at both ends */
static bool has_room(const struct sk_buff *skb, unsigned int head, unsigned int tail)
{
	return !skb_is_nonlinear(skb) && !skb_cloned(skb) && skb_headroom(skb) >= head &&
	       skb_tailroom(skb) >= tail;
}

/*
 * A UDP socket leaves room in front for the device it knows of, and the allocator
 * rounds up behind. Moving the octets within the buffer is much cheaper than a new
 * one, which is zeroed first on many kernels.
 */
static bool move_to_make_room(struct sk_buff *skb, unsigned int head, unsigned int tail)
{
	unsigned int by;

	if (skb_is_nonlinear(skb) || skb_cloned(skb) || skb_headroom(skb) >= head)
		return false;
	by = ALIGN(head - skb_headroom(skb), 16);
	if (skb_tailroom(skb) < by + tail)
		return false;
	memmove(skb->data + by, skb->data, skb->len);
	skb_reserve(skb, by);
	skb_headers_offset_update(skb, by);
	return true;
}

/**
 * nfipsec_batch_has_sender - is the owner of a packet the inet socket that sent it?
 * @skb: the packet
 *
 * The destructors of such a packet, sock_wfree() and those of TCP, which modules cannot
 * name, read the packet's sk and truesize alone. Those of other families read more: a ring
 * of AF_PACKET or AF_XDP has the address of its slot in the shared info of this very packet.
 *
 * Return: true if the packet's accounting may move to a copy of it.
 */
bool nfipsec_batch_has_sender(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	return sk && sk_fullsock(sk) && sk_is_inet(sk) &&
	       (skb->destructor == sock_wfree || sk_is_tcp(sk));
}

/*
 * A packet ready to be encrypted in place: the same one, or a copy with room. The
 * sender's accounting moves to the copy, so that its socket still feels the queues
 * below us. An owner of another kind gets its packet back here. NULL when it cannot be
 * had, and @skb is the caller's still.
 */
static struct sk_buff *make_room(struct sk_buff *skb, unsigned int head, unsigned int tail)
{
	struct sk_buff *one = skb;

	if (!has_room(skb, head, tail) && !move_to_make_room(skb, head, tail)) {
		one = skb_copy_expand(skb, head, tail, GFP_ATOMIC);
		if (!one)
			return NULL;
	}
	/* the device below sees only cipher text: checksums are filled in now, SCTP's too */
	if (one->ip_summed == CHECKSUM_PARTIAL && skb_csum_hwoffload_help(one, 0)) {
		if (one != skb)
			kfree_skb(one);
		return NULL;
	}
	one->ip_summed = CHECKSUM_NONE;
	if (one == skb) {
		if (unlikely(one->destructor && !nfipsec_batch_has_sender(one)))
			skb_orphan(one);
		return one;
	}
	if (nfipsec_batch_has_sender(skb)) {
		swap(one->truesize, skb->truesize);
		swap(one->sk, skb->sk);
		swap(one->destructor, skb->destructor);
	}
	consume_skb(skb);
	return one;
}

/**
 * nfipsec_batch_split - the packets of a batch, ready to be encrypted in place
 * @skb: one packet, or a GSO packet of many
 * @head: room each needs in front
 * @tail: and behind
 * @packets: how many came out
 *
 * Segments once, into linear packets.
 *
 * Return: a list linked by ->next; on ERR_PTR @skb is the caller's still.
 */
struct sk_buff *nfipsec_batch_split(struct sk_buff *skb, unsigned int head, unsigned int tail,
				    unsigned int *packets)
{
	struct sk_buff *segments, *list = NULL, **to = &list, *next, *one;

	*packets = 0;
	if (!skb_is_gso(skb)) {
		one = make_room(skb, head, tail);
		if (!one)
			return ERR_PTR(-ENOMEM);
		*packets = 1;
		return one;
	}

	/* no feature at all: linear segments, their checksums summed as they are copied */
	segments = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segments))
		return ERR_PTR(-ENOMEM);
	skb_list_walk_safe(segments, segments, next) {
		skb_mark_not_on_list(segments);
		one = make_room(segments, head, tail);
		if (unlikely(!one)) {
			/* a hole in the batch, for TCP to fill */
			kfree_skb(segments);
			continue;
		}
		*to = one;
		to = &one->next;
		(*packets)++;
	}
	if (unlikely(!list))
		return ERR_PTR(-ENOMEM);
	consume_skb(skb);
	return list;
}
