// SPDX-License-Identifier: GPL-2.0
/* From what the stack hands us to packets that can be encrypted where they are. */
#include <linux/netdevice.h>

#include "path.h"

/* linear, ours alone, with room at both ends */
static bool ready(const struct sk_buff *skb, unsigned int head, unsigned int tail)
{
	return !skb_is_nonlinear(skb) && !skb_cloned(skb) && skb_headroom(skb) >= head &&
	       skb_tailroom(skb) >= tail;
}

/*
 * A copy with room. The sender's accounting moves along, so that its socket still
 * feels the queues below us.
 */
static struct sk_buff *copy_with_room(struct sk_buff *skb, unsigned int head, unsigned int tail)
{
	struct sk_buff *copy = skb_copy_expand(skb, head, tail, GFP_ATOMIC);

	if (!copy)
		return NULL;
	swap(copy->truesize, skb->truesize);
	swap(copy->sk, skb->sk);
	swap(copy->destructor, skb->destructor);
	consume_skb(skb);
	return copy;
}

/* NULL: no memory, and @skb is the caller's still */
static struct sk_buff *prepare(struct sk_buff *skb, unsigned int head, unsigned int tail)
{
	if (!ready(skb, head, tail)) {
		struct sk_buff *copy = copy_with_room(skb, max(head, skb_headroom(skb)), tail);

		if (!copy)
			return NULL;
		skb = copy;
	}
	/* the device below sees only cipher text: checksums are filled in now, SCTP's too */
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_csum_hwoffload_help(skb, 0)) {
		kfree_skb(skb);
		return NULL;
	}
	skb->ip_summed = CHECKSUM_NONE;
	return skb;
}

/**
 * nfipsec_batch_split - the packets of a batch, ready to be encrypted in place
 * @skb: one packet, or a GSO packet of many
 * @head: room each needs in front
 * @tail: and behind
 * @packets: how many came out
 *
 * Segments once, into linear packets. Return: a list linked by ->next; on ERR_PTR
 * @skb is the caller's still.
 */
struct sk_buff *nfipsec_batch_split(struct sk_buff *skb, unsigned int head, unsigned int tail,
				    unsigned int *packets)
{
	struct sk_buff *list, *next, *one, **to = &list;

	*packets = 0;
	if (!skb_is_gso(skb)) {
		one = prepare(skb, head, tail);
		if (!one)
			return ERR_PTR(-ENOMEM);
		*packets = 1;
		return one;
	}

	/* no feature at all: linear segments, their checksums summed as they are copied */
	list = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(list))
		return ERR_PTR(-ENOMEM);
	consume_skb(skb);
	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		one = prepare(skb, head, tail);
		if (unlikely(!one)) {
			/* a hole in the batch, for TCP to fill */
			kfree_skb(skb);
			continue;
		}
		*to = one;
		to = &one->next;
		(*packets)++;
	}
	*to = NULL;
	return *packets ? list : ERR_PTR(-ENOMEM);
}
