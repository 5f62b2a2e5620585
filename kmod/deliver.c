// SPDX-License-Identifier: GPL-2.0
/* A decrypted packet goes back to the stack, as if nfipsec0 had received it. */
#include <net/dst.h>

#include "path.h"

/**
 * nfipsec_deliver - the inner packet arrives on nfipsec0
 * @nn: the namespace
 * @skb: at its inner header; taken
 *
 * GRO puts the segments of a stream together again. Bottom halves off.
 */
void nfipsec_deliver(struct nfipsec_net *nn, struct sk_buff *skb)
{
	struct nfipsec_dev *nd = netdev_priv(nn->dev);

	/* conntrack, dst, secpath and the rest were the outer packet's */
	skb_scrub_packet(skb, false);
	skb->dev = nn->dev;
	skb->pkt_type = PACKET_HOST;
	skb_reset_mac_header(skb);
	skb_reset_mac_len(skb);
	skb_clear_hash(skb);
	/*
	 * The ICV vouches for every octet since the peer's stack made the packet,
	 * which is more than the checksum does.
	 */
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = ~0;
	nfipsec_dev_count_rx(nn, skb->len);
	gro_cells_receive(&nd->gro_cells, skb);
}
