// SPDX-License-Identifier: GPL-2.0
/*
 * Tunnel mode: the outer header made (RFC 4301 5.1.2) and taken off (5.2). Transport
 * mode: the IP header moved out of the way and put back.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/dsfield.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>

#include "path.h"

static u8 get_dsfield(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? ip_hdr(skb)->tos : ipv6_get_dsfield(ipv6_hdr(skb));
}

/* ---- tunnel mode, out ---- */

/* RFC 4301 8.1; what IPv6 packets carry inside nobody may fragment on the way (RFC 8200 5) */
static bool dont_fragment(const struct nfipsec_tunnel *tunnel, const struct sk_buff *inner)
{
	switch (READ_ONCE(tunnel->set.df)) {
	case NFIPSEC_DF_SET:
		return true;
	case NFIPSEC_DF_COPY:
		if (ip_hdr(inner)->version == 4)
			return ip_hdr(inner)->frag_off & htons(IP_DF);
		/* RFC 2473 7.1: 1280 octets must pass, in fragments if need be */
		return nfipsec_tunnel_mtu(tunnel) >= IPV6_MIN_MTU;
	}
	return false;
}

/**
 * nfipsec_mode_outer - the outer header of a batch
 * @outer: filled
 * @sa: outbound SA
 * @dst: the route of the outer packets
 * @inner: the first inner packet, whose DF the segments of a batch have in common; NULL
 *	for none
 * @packets: how many identifications are taken
 * @fragment: the outer packet will not fit its path whole
 */
void nfipsec_mode_outer(struct nfipsec_outer *outer, const struct nfipsec_sa *sa,
			struct dst_entry *dst, const struct sk_buff *inner,
			unsigned int packets, bool fragment)
{
	const struct nfipsec_tunnel_set *set = &sa->tunnel->set;
	const struct nfipsec_endpoints *ends = nfipsec_sa_ends(sa);
	u8 proto = sa->encap ? IPPROTO_UDP : sa->proto;

	memset(outer, 0, sizeof(*outer));
	outer->family = sa->family;
	outer->tos = READ_ONCE(set->tos);
	outer->tos_copied = READ_ONCE(set->tos_copied);
	outer->df = !fragment && inner && dont_fragment(sa->tunnel, inner);
	if (sa->family == AF_INET6) {
		struct ipv6hdr *ip6 = &outer->ip6;

		/* RFC 6437 3: one label a flow, and to observers an SA is one flow */
		ip6_flow_hdr(ip6, 0, htonl(hash_32((__force u32)sa->spi, 20)));
		ip6->nexthdr = proto;
		ip6->hop_limit = ip6_dst_hoplimit(dst);
		ip6->saddr = ends->local.ip6;
		ip6->daddr = ends->remote.ip6;
		return;
	}
	outer->ip.version = 4;
	outer->ip.ihl = sizeof(outer->ip) / 4;
	outer->ip.ttl = ip4_dst_hoplimit(dst);
	outer->ip.protocol = proto;
	outer->ip.saddr = ends->local.ip;
	outer->ip.daddr = ends->remote.ip;
	/* RFC 6864 4.1: what nobody may fragment needs no identification */
	if (outer->df)
		outer->ip.frag_off = htons(IP_DF);
	else
		__ip_select_ident(sa->nn->net, &outer->ip, packets);
}

/* AH wants it before the stack would set it */
static void set_len(struct sk_buff *skb)
{
	if (ip_hdr(skb)->version == 4)
		ip_hdr(skb)->tot_len = htons(skb->len);
	else
		ipv6_hdr(skb)->payload_len = htons(skb->len - sizeof(struct ipv6hdr));
}

/* the packet is an outer one now, from @skb's data on */
static void finish_header(struct sk_buff *skb, unsigned int head, bool df)
{
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, head);
	set_len(skb);
	/* GSO and encapsulation state of the inner packet does not apply to cipher text. */
	skb->encapsulation = 0;
	skb_gso_reset(skb);
	/* the stack may fragment the outer packet, also for a sender that asked for PMTU */
	skb->ignore_df = !df;
}

/**
 * nfipsec_mode_encapsulate - push the outer header
 * @outer: of the batch; its identification moves on
 * @skb: the ESP or AH packet
 * @inner_tos: of the inner header, which may no longer be legible
 *
 * DSCP is copied, or as the tunnel says (RFC 4301 5.1.2.1); ECN by RFC 6040 4.1 in
 * normal mode: copied.
 */
void nfipsec_mode_encapsulate(struct nfipsec_outer *outer, struct sk_buff *skb, u8 inner_tos)
{
	u8 tos = outer->tos | (inner_tos & outer->tos_copied);

	if (outer->family == AF_INET) {
		struct iphdr *ip = __skb_push(skb, sizeof(*ip));

		*ip = outer->ip;
		ip->tos = tos;
		if (!outer->df)
			outer->ip.id = htons(ntohs(outer->ip.id) + 1);
		skb->protocol = htons(ETH_P_IP);
		finish_header(skb, sizeof(*ip), outer->df);
	} else {
		struct ipv6hdr *ip6 = __skb_push(skb, sizeof(*ip6));

		*ip6 = outer->ip6;
		ipv6_change_dsfield(ip6, 0, tos);
		skb->protocol = htons(ETH_P_IPV6);
		finish_header(skb, sizeof(*ip6), outer->df);
	}
}

/* ---- tunnel mode, in ---- */

static enum nfipsec_stat check_inner4(struct sk_buff *skb)
{
	const struct iphdr *ip = ip_hdr(skb);
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*ip)))
		return NFIPSEC_STAT_IN_BAD_INNER;
	len = ntohs(ip->tot_len);
	if (ip->version != 4 || ip->ihl < 5 || len < ip->ihl * 4 || len > skb->len ||
	    ip_fast_csum(ip, ip->ihl))
		return NFIPSEC_STAT_IN_BAD_INNER;
	__skb_trim(skb, len);
	skb->protocol = htons(ETH_P_IP);
	skb_set_transport_header(skb, ip->ihl * 4);
	return NFIPSEC_STAT_UNSPEC;
}

static enum nfipsec_stat check_inner6(struct sk_buff *skb)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*ip6)))
		return NFIPSEC_STAT_IN_BAD_INNER;
	len = sizeof(*ip6) + ntohs(ip6->payload_len);
	if (ip6->version != 6 || len > skb->len)
		return NFIPSEC_STAT_IN_BAD_INNER;
	__skb_trim(skb, len);
	skb->protocol = htons(ETH_P_IPV6);
	skb_set_transport_header(skb, sizeof(*ip6));
	return NFIPSEC_STAT_UNSPEC;
}

/**
 * nfipsec_mode_decapsulate - from an opened packet to its inner packet
 * @skb: linear and not shared, at the inner header, its network header the outer one
 *	still; trimmed to the inner length (TFC padding, RFC 4303 2.7, goes)
 * @next_header: which family it is
 *
 * Return: NFIPSEC_STAT_UNSPEC, or why it must be dropped.
 */
enum nfipsec_stat nfipsec_mode_decapsulate(struct sk_buff *skb, u8 next_header)
{
	u8 outer_tos = get_dsfield(skb);
	enum nfipsec_stat reason;

	if (next_header != IPPROTO_IPIP && next_header != IPPROTO_IPV6)
		return NFIPSEC_STAT_IN_BAD_NEXT_HEADER;
	skb_reset_network_header(skb);
	reason = next_header == IPPROTO_IPIP ? check_inner4(skb) : check_inner6(skb);
	if (reason)
		return reason;
	/* RFC 6040 4.2: CE outside on a packet that cannot say so inside is dropped */
	if (INET_ECN_decapsulate(skb, outer_tos, get_dsfield(skb)) > 1)
		return NFIPSEC_STAT_IN_BAD_INNER;
	return NFIPSEC_STAT_UNSPEC;
}

/* ---- transport mode ---- */

/**
 * nfipsec_mode_transport_encap - make room between the IP header and what follows
 * @skb: at its IP header, with room in front; at the payload afterwards
 * @h: its headers
 * @room: octets
 *
 * Return: what the payload is.
 */
u8 nfipsec_mode_transport_encap(struct sk_buff *skb, const struct nfipsec_headers *h,
				unsigned int room)
{
	u8 next_header = skb->data[h->insert_next];

	memmove(skb->data - room, skb->data, h->insert);
	__skb_pull(skb, h->insert);
	return next_header;
}

/**
 * nfipsec_mode_transport_finish - the IP header in front again
 * @skb: at ESP, AH or UDP, right behind the IP header that was lifted
 * @h: its headers
 * @proto: what it is followed by now
 * @fragment: the packet will not fit its path whole
 */
void nfipsec_mode_transport_finish(struct sk_buff *skb, const struct nfipsec_headers *h, u8 proto,
				   bool fragment)
{
	u8 *data = __skb_push(skb, h->insert);
	struct iphdr *ip = (struct iphdr *)data;
	bool df = !fragment;

	data[h->insert_next] = proto;
	if (ip->version == 4) {
		if (fragment)
			ip->frag_off &= ~htons(IP_DF);
		df = ip->frag_off & htons(IP_DF);
	}
	finish_header(skb, h->insert, df);
}

/**
 * nfipsec_mode_transport_decap - from an opened packet of transport mode to the packet it was
 * @skb: linear and not shared, at the payload, its network header the IP header still
 * @h: its headers, ESP or AH being the upper layer
 * @next_header: what the payload is
 */
void nfipsec_mode_transport_decap(struct sk_buff *skb, const struct nfipsec_headers *h,
				  u8 next_header)
{
	const u8 *ip = skb_network_header(skb);
	u8 *data = __skb_push(skb, h->upper);

	memmove(data, ip, h->upper);
	data[h->upper_next] = next_header;
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, h->upper);
	set_len(skb);
	if (ip_hdr(skb)->version == 4)
		ip_send_check(ip_hdr(skb));
}
