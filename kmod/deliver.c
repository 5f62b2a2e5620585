// SPDX-License-Identifier: GPL-2.0
/* A decrypted packet goes back to the stack, as if nfipsec0 had received it. */
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "path.h"

/* a packet is on its way up on this CPU */
static DEFINE_PER_CPU(bool, receiving);

/*
 * To queue a packet for the CPU it is on, and to come back for it, costs a UDP packet 1 %
 * of its whole way. A tunnel in a tunnel has its inner packet queued all the same: how
 * much stack there is does not depend on who nests them.
 */
static void receive_on_dev(struct sk_buff *skb)
{
	if (unlikely(__this_cpu_read(receiving))) {
		netif_rx(skb);
		return;
	}
	__this_cpu_write(receiving, true);
	netif_receive_skb(skb);
	__this_cpu_write(receiving, false);
}

/**
 * nfipsec_deliver - the inner packet arrives on nfipsec0
 * @nn: the namespace
 * @skb: at its inner header; taken
 * @proto: its upper layer's
 *
 * GRO verifies the checksums of a TCP stream's segments and puts them together again.
 * It has nothing to put together of other packets, and to find that out costs a UDP
 * packet 2 % of its whole way from socket to socket. Bottom halves off.
 */
void nfipsec_deliver(struct nfipsec_net *nn, struct sk_buff *skb, u8 proto)
{
	struct nfipsec_dev *nd = netdev_priv(nn->dev);

	if (unlikely(!nfipsec_dev_is_up(nn, ip_hdr(skb)->version == 4 ? AF_INET : AF_INET6))) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_IN_DEV_DOWN);
		return;
	}
	/* conntrack, dst, secpath, the socket of UDP and the rest were the outer packet's */
	skb_orphan(skb);
	skb_scrub_packet(skb, false);
	skb->dev = nn->dev;
	skb->pkt_type = PACKET_HOST;
	skb_reset_mac_header(skb);
	skb_reset_mac_len(skb);
	skb_clear_hash(skb);
	/*
	 * The ICV vouches for what the peer's gateway saw, not for what the sender sent: GRO and
	 * the sockets verify the inner checksum. csum_valid is of the outer one, where conntrack
	 * verified it.
	 */
	skb->ip_summed = CHECKSUM_NONE;
	skb->csum_valid = 0;
	skb->csum_complete_sw = 0;
	nfipsec_dev_count_rx(nn, skb->len);
	if (proto == IPPROTO_TCP)
		gro_cells_receive(&nd->gro_cells, skb);
	else
		receive_on_dev(skb);
}

/*
 * Would the stack judge the packet by nfipsec0, which has neither addresses nor routes? rp_filter
 * does, where it is on. Forwarding does, where the administrator switched it on for single
 * devices: nfipsec0 is none of them. The device that leads back to the source should decide.
 */
static bool judged_by_device(struct net *net, struct in_device *in4, __be32 daddr)
{
	if (IN_DEV_RPFILTER(in4))
		return true;
	return !IN_DEV_FORWARD(in4) && !IPV4_DEVCONF_ALL(net, FORWARDING) &&
	       !__ip_dev_find(net, daddr, false);
}

/**
 * nfipsec_deliver_route - a way past rp_filter and forwarding by device
 * @nn: the namespace
 * @skb: arrived on nfipsec0, without a route yet
 *
 * Policies lead to nfipsec0, routes do not, and it has no address: rp_filter, loose
 * or strict, would drop all that comes out of a tunnel. Which sources may, the SA's
 * selectors have said (RFC 4301 5.2). So such a packet is routed as if it had come
 * by the device that leads back to its source; one that nothing leads back to is
 * left to rp_filter. RCU read side.
 */
void nfipsec_deliver_route(struct nfipsec_net *nn, struct sk_buff *skb)
{
	struct in_device *in4 = __in_dev_get_rcu(nn->dev);
	const struct iphdr *ip = ip_hdr(skb);
	struct flowi4 fl4 = { .daddr = ip->saddr };
	struct rtable *back;

	if (!in4 || skb_dst(skb) || ipv4_is_multicast(ip->daddr) ||
	    likely(!judged_by_device(nn->net, in4, ip->daddr)))
		return;
	back = ip_route_output_key(nn->net, &fl4);
	if (IS_ERR(back))
		return;
	ip_route_input_noref(skb, ip->daddr, ip->saddr, nfipsec_compat_route_tos(ip),
			     back->dst.dev);
	/* "there is a better way than through me" would be about that device, too */
	IPCB(skb)->flags &= ~IPSKB_DOREDIRECT;
	ip_rt_put(back);
}

/**
 * nfipsec_deliver_route6 - the same of IPv6, which has no rp_filter
 * @nn: the namespace
 * @skb: arrived on nfipsec0, without a route yet
 *
 * Where IPv6 is not forwarded but from single devices (force_forwarding), a packet for
 * another host is forwarded as if it had come by the device that leads back to its source.
 * RCU read side.
 */
void nfipsec_deliver_route6(struct nfipsec_net *nn, struct sk_buff *skb)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);
	struct flowi6 fl6 = { .daddr = ip6->saddr };
	const struct inet6_dev *in6;
	struct dst_entry *back;

	if (!NFIPSEC_FORCE_FORWARDING || READ_ONCE(nn->net->ipv6.devconf_all->forwarding) ||
	    skb_dst(skb) || ipv6_addr_is_multicast(&ip6->daddr) ||
	    ipv6_chk_addr(nn->net, &ip6->daddr, NULL, 0))
		return;
	back = ip6_route_output(nn->net, NULL, &fl6);
	in6 = back->error ? NULL : __in6_dev_get(back->dev);
	if (in6 && nfipsec_compat_force_forwarding(in6))
		IP6CB(skb)->iif = in6->dev->ifindex;
	dst_release(back);
}
