// SPDX-License-Identifier: GPL-2.0
/*
 * Whose destructor runs for which packet. A ring of AF_PACKET or AF_XDP finds its slot by the
 * very packet that it made, so its destructor must never see another one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": test: " fmt
#include <linux/kernel.h>
#include <linux/skbuff.h>

#include "path.h"
#include "tests.h"

#define LEN 100

/* the packet that the destructor saw last, and how many there were */
static const struct sk_buff *destructed;
static unsigned int destructions;

static void owner_destructor(struct sk_buff *skb)
{
	destructed = skb;
	destructions++;
}

/* @more_tail: octets of room beyond what there is, for which the module copies the packet */
static bool owner_sees_its_own(unsigned int more_tail)
{
	struct sk_buff *skb = alloc_skb(LEN + 64, GFP_KERNEL), *out;
	unsigned int packets = 0;
	bool ok;

	if (!nfipsec_expect(skb, "no memory"))
		return false;
	skb_reserve(skb, 32);
	skb_put_zero(skb, LEN);
	skb_reset_network_header(skb);
	skb->destructor = owner_destructor;
	destructed = NULL;
	destructions = 0;
	out = nfipsec_batch_split(skb, 16, more_tail ? skb_tailroom(skb) + more_tail : 0, &packets);
	ok = nfipsec_expect(!IS_ERR(out) && packets == 1, "%u packets", packets) &&
	     nfipsec_expect(destructions == 1, "%u packets were given back", destructions) &&
	     nfipsec_expect(destructed == skb, "another packet was given back") &&
	     nfipsec_expect((out != skb) == !!more_tail, "copied or not") &&
	     nfipsec_expect(!out->destructor, "the owner stays with the packet");
	if (IS_ERR(out))
		kfree_skb(skb);
	else
		kfree_skb(out);
	return ok && nfipsec_expect(destructions == 1, "the owner was told twice");
}

bool nfipsec_test_batch(void)
{
	return owner_sees_its_own(0) && owner_sees_its_own(64);
}
