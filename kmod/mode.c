// SPDX-License-Identifier: GPL-2.0
/* Tunnel mode: the outer header made (RFC 4301 5.1.2) and taken off (5.2). */
#include <linux/ip.h>
#include <net/inet_ecn.h>
#include <net/ip.h>

#include "path.h"

/**
 * nfipsec_mode_outer - the outer header of a batch
 * @outer: filled
 * @net: the namespace
 * @sa: outbound SA
 * @rt: the route of the outer packets
 * @inner: the first inner header; the segments of a batch have their DF in common
 * @packets: how many identifications are taken
 */
void nfipsec_mode_outer(struct nfipsec_outer *outer, struct net *net, const struct nfipsec_sa *sa,
			const struct rtable *rt, const struct iphdr *inner, unsigned int packets)
{
	const struct nfipsec_tunnel_set *set = &sa->tunnel->set;
	struct iphdr *ip = &outer->ip;

	memset(outer, 0, sizeof(*outer));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->ttl = ip4_dst_hoplimit(&rt->dst);
	ip->protocol = sa->encap_local_port ? IPPROTO_UDP : sa->proto;
	ip->saddr = sa->local.ip;
	ip->daddr = sa->remote.ip;
	ip->tos = READ_ONCE(set->tos);
	outer->tos_copied = READ_ONCE(set->tos_copied);
	/* RFC 4301 8.1; RFC 6864 4.1: what nobody may fragment needs no identification */
	switch (READ_ONCE(set->df)) {
	case NFIPSEC_DF_SET:
		ip->frag_off = htons(IP_DF);
		break;
	case NFIPSEC_DF_COPY:
		ip->frag_off = inner->frag_off & htons(IP_DF);
		break;
	}
	if (!ip->frag_off)
		__ip_select_ident(net, ip, packets);
}

/**
 * nfipsec_mode_wrap - push the outer header
 * @outer: of the batch; its identification moves on
 * @skb: the ESP packet
 * @inner_tos: of the inner header, which is no longer legible
 *
 * DSCP is copied, or as the tunnel says (RFC 4301 5.1.2.1); ECN by RFC 6040 4.1 in
 * normal mode: copied.
 */
void nfipsec_mode_wrap(struct nfipsec_outer *outer, struct sk_buff *skb, u8 inner_tos)
{
	struct iphdr *ip;

	ip = __skb_push(skb, sizeof(*ip));
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*ip));
	*ip = outer->ip;
	if (!ip->frag_off)
		outer->ip.id = htons(ntohs(outer->ip.id) + 1);
	ip->tos |= inner_tos & outer->tos_copied;
	skb->protocol = htons(ETH_P_IP);
	/* what a GSO packet or another tunnel left behind says nothing of cipher text */
	skb->encapsulation = 0;
	skb_gso_reset(skb);
	/* without DF the stack fragments the outer packet, also for a sender that asked for PMTU */
	skb->ignore_df = !ip->frag_off;
}

/**
 * nfipsec_mode_unwrap - from an opened ESP packet to its inner packet
 * @skb: at the inner header; not shared; trimmed to the inner length (TFC padding,
 *	RFC 4303 2.7, goes)
 * @outer: the outer header, still in the buffer
 *
 * Return: NFIPSEC_STAT_UNSPEC, or why it must be dropped.
 */
enum nfipsec_stat nfipsec_mode_unwrap(struct sk_buff *skb, const struct iphdr *outer)
{
	const struct iphdr *ip;
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*ip)))
		return NFIPSEC_STAT_IN_BAD_INNER;
	skb_reset_network_header(skb);
	ip = ip_hdr(skb);
	len = ntohs(ip->tot_len);
	if (ip->version != 4 || ip->ihl < 5 || len < ip->ihl * 4 || len > skb->len ||
	    ip_fast_csum(ip, ip->ihl))
		return NFIPSEC_STAT_IN_BAD_INNER;
	__skb_trim(skb, len);
	skb->protocol = htons(ETH_P_IP);
	skb_set_transport_header(skb, ip->ihl * 4);
	/* RFC 6040 4.2: CE outside on a packet that cannot say so inside is dropped */
	if (IP_ECN_decapsulate(outer, skb) > 1)
		return NFIPSEC_STAT_IN_BAD_INNER;
	return NFIPSEC_STAT_UNSPEC;
}
