// SPDX-License-Identifier: GPL-2.0
/*
 * Decrypted packets and the reverse path checks of firewalls: firewalld's and NixOS's
 * `fib saddr . mark . iif oif missing drop`, and the match "rpfilter" of iptables. They ask
 * whether the route to the source leaves by the device that the packet came by. Access
 * lists lead to nfipsec0, routes do not, so they would drop whatever comes out of a tunnel.
 * Which sources may come, the SA's selectors have said, and more strictly (RFC 4301 5.2).
 * What the host loops back to itself these checks let pass, by the packet's type: between
 * reassembly and the last PRE_ROUTING hooks decrypted packets have that type. Rules in these
 * hooks that compare `meta pkttype` see it as broadcast or multicast.
 */
#include <linux/if_packet.h>

#include "path.h"

/**
 * nfipsec_rpfilter_begin - let a decrypted packet pass reverse path checks from here on
 * @skb: the packet, arrived on nfipsec0, reassembled, before any rule of PRE_ROUTING
 */
void nfipsec_rpfilter_begin(struct sk_buff *skb)
{
	if (skb->pkt_type == PACKET_HOST)
		skb->pkt_type = PACKET_LOOPBACK;
}

/**
 * nfipsec_rpfilter_end - give a decrypted packet its type back
 * @skb: the packet, arrived on nfipsec0, behind the rules of PRE_ROUTING
 *
 * A rule may have set another type meanwhile, which stays.
 */
void nfipsec_rpfilter_end(struct sk_buff *skb)
{
	if (skb->pkt_type == PACKET_LOOPBACK)
		skb->pkt_type = PACKET_HOST;
}
