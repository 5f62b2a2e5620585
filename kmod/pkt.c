// SPDX-License-Identifier: GPL-2.0
/* From headers to selectors, every length checked before use. */
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/tcp.h>

#include "pkt.h"

/* more extension headers than this nobody sends, and each costs time */
#define HEADERS_MAX 1024

/* the reverse of nfipsec_addr_num() */
void nfipsec_num_addr(u8 family, struct nfipsec_num num, union nfipsec_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (family == AF_INET) {
		addr->ip = htonl(lower_32_bits(num.low));
	} else {
		put_unaligned_be64(num.high, addr->ip6.s6_addr);
		put_unaligned_be64(num.low, addr->ip6.s6_addr + 8);
	}
}

bool nfipsec_addr_equal(u8 family, const union nfipsec_addr *a, const union nfipsec_addr *b)
{
	return family == AF_INET ? a->ip == b->ip : ipv6_addr_equal(&a->ip6, &b->ip6);
}

static int walk_headers4(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_headers *h)
{
	const struct iphdr *ip = (const struct iphdr *)(skb->data + nhoff);
	unsigned int len = ip->ihl * 4;

	if (len < sizeof(*ip) || !pskb_may_pull(skb, nhoff + len))
		return -EINVAL;
	ip = (const struct iphdr *)(skb->data + nhoff);
	h->proto = ip->protocol;
	h->fragment = ip_is_fragment(ip);
	h->upper = h->insert = len;
	h->upper_next = h->insert_next = offsetof(struct iphdr, protocol);
	return 0;
}

/* octets of the extension header at @at; 0 for none, or what is not whole */
static unsigned int ext_len(struct sk_buff *skb, unsigned int at, u8 type)
{
	unsigned int len = sizeof(struct frag_hdr);

	if (!pskb_may_pull(skb, at + len))
		return 0;
	if (type != NEXTHDR_FRAGMENT)
		len = ipv6_optlen((const struct ipv6_opt_hdr *)(skb->data + at));
	return pskb_may_pull(skb, at + len) ? len : 0;
}

/*
 * RFC 8200 4.1. ESP and AH are upper layers here, as RFC 4301 4.4.1.1 has it. A
 * fragment header that says "all of it" is none (RFC 6946).
 */
static int walk_headers6(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_headers *h)
{
	unsigned int at = sizeof(struct ipv6hdr), next = offsetof(struct ipv6hdr, nexthdr), len;

	if (!pskb_may_pull(skb, nhoff + at))
		return -EINVAL;
	h->insert = at;
	h->insert_next = next;
	for (;;) {
		u8 type = skb->data[nhoff + next];
		__be16 frag_off = 0;

		if (type != NEXTHDR_HOP && type != NEXTHDR_ROUTING && type != NEXTHDR_DEST &&
		    type != NEXTHDR_FRAGMENT) {
			h->proto = type;
			break;
		}
		len = ext_len(skb, nhoff + at, type);
		if (!len || at + len > HEADERS_MAX)
			return -EINVAL;
		if (type == NEXTHDR_FRAGMENT)
			frag_off = ((const struct frag_hdr *)(skb->data + nhoff + at))->frag_off;
		h->options |= type == NEXTHDR_DEST;
		if (type == NEXTHDR_ROUTING)
			h->routed |= ((const struct ipv6_rt_hdr *)
				      (skb->data + nhoff + at))->segments_left;
		if (type == NEXTHDR_HOP || type == NEXTHDR_ROUTING) {
			h->insert = at + len;
			h->insert_next = at;
		}
		next = at;
		at += len;
		h->fragment |= !!(frag_off & htons(IP6_OFFSET | IP6_MF));
		if (frag_off & htons(IP6_OFFSET)) {
			h->proto = skb->data[nhoff + next];
			h->opaque = h->proto == NEXTHDR_DEST || h->proto == NEXTHDR_ROUTING ||
				    h->proto == NEXTHDR_HOP || h->proto == NEXTHDR_FRAGMENT;
			break;
		}
	}
	h->upper = at;
	h->upper_next = next;
	return 0;
}

/* @h is zero */
static int find_headers(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_headers *h)
{
	if (!pskb_may_pull(skb, nhoff + sizeof(struct iphdr)))
		return -EINVAL;
	switch (skb->data[nhoff] >> 4) {
	case 4:
		return walk_headers4(skb, nhoff, h);
	case 6:
		return walk_headers6(skb, nhoff, h);
	}
	return -EINVAL;
}

/**
 * nfipsec_pkt_headers - where the headers of a packet are
 * @skb: the packet
 * @nhoff: offset of its IP header from skb->data
 * @h: filled
 *
 * All of them are in the linear part afterwards, up to the upper layer's.
 *
 * Return: 0, or -EINVAL for a malformed packet.
 */
int nfipsec_pkt_headers(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_headers *h)
{
	memset(h, 0, sizeof(*h));
	return find_headers(skb, nhoff, h);
}

/**
 * nfipsec_pkt_ports_len - how much of the upper layer's header the selectors need
 * @proto: the upper layer
 *
 * Return: octets, 4 with two ports, 2 with ICMP's type and code, or 0.
 */
unsigned int nfipsec_pkt_ports_len(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return 4;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	}
	return 0;
}

/* Octets that the parser reads of the upper-layer header; of TCP with the flags. */
static unsigned int upper_len(u8 proto)
{
	return proto == IPPROTO_TCP ? 14 : nfipsec_pkt_ports_len(proto);
}

/*
 * Neighbour discovery has a hop limit of 255, which has met no router (RFC 4861 6.1, 7.1).
 * Multicast listener discovery has one of 1 and an address that no router forwards from
 * (RFC 2710 3, RFC 3590 4); the hop limit alone might be what a router has left of 2.
 */
static bool on_link6(const struct ipv6hdr *ip6, u8 type)
{
	switch (type) {
	case NDISC_ROUTER_SOLICITATION ... NDISC_REDIRECT:
		return ip6->hop_limit == 255;
	case ICMPV6_MGM_QUERY ... ICMPV6_MGM_REDUCTION:
	case ICMPV6_MLD2_REPORT:
		return ip6->hop_limit == 1 && ipv6_addr_is_multicast(&ip6->daddr) &&
		       (ipv6_addr_type(&ip6->saddr) & IPV6_ADDR_LINKLOCAL ||
			ipv6_addr_any(&ip6->saddr));
	}
	return false;
}

/* RFC 3376 4: IGMP's TTL is 1, and its destination a group */
static bool is_igmp(const struct iphdr *ip)
{
	return ip->protocol == IPPROTO_IGMP && ip->ttl == 1 && ipv4_is_multicast(ip->daddr);
}

/*
 * DHCP before the client has an address, or after it has lost its server (RFC 2131 4.1,
 * RFC 8415 7.1, 7.2). Routers forward none of these addresses. What client and server send
 * each other as unicast is traffic like any other.
 */
static bool is_dhcp4(const struct nfipsec_pkt *pkt)
{
	return (pkt->dport == htons(67) || pkt->dport == htons(68)) &&
	       ntohs(pkt->sport) == 67 + 68 - ntohs(pkt->dport) &&
	       (ipv4_is_lbcast(pkt->daddr.ip) || ipv4_is_zeronet(pkt->saddr.ip));
}

static bool is_dhcp6(const struct nfipsec_pkt *pkt)
{
	u16 sport = ntohs(pkt->sport), dport = ntohs(pkt->dport);

	return (sport == 546 || sport == 547) && (dport == 546 || dport == 547) &&
	       ipv6_addr_type(&pkt->saddr.ip6) & IPV6_ADDR_LINKLOCAL &&
	       (ipv6_addr_type(&pkt->daddr.ip6) & IPV6_ADDR_LINKLOCAL);
}

static int parse_upper(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt)
{
	unsigned int off = nhoff + pkt->h.upper, len = upper_len(pkt->h.proto);
	const u8 *p;

	if (!len)
		return 0;
	if (!pskb_may_pull(skb, off + len))
		return -EINVAL;
	p = skb->data + off;
	pkt->ports = true;
	pkt->sport = get_unaligned((__be16 *)p);
	if (nfipsec_proto_is_icmp(pkt->h.proto)) {
		pkt->on_link = pkt->family == AF_INET6 && pkt->h.proto == IPPROTO_ICMPV6 &&
			       on_link6((struct ipv6hdr *)(skb->data + nhoff), p[0]);
		return 0;
	}
	pkt->dport = get_unaligned((__be16 *)(p + 2));
	if (pkt->h.proto == IPPROTO_UDP)
		pkt->on_link = pkt->family == AF_INET ? is_dhcp4(pkt) : is_dhcp6(pkt);
	if (pkt->h.proto == IPPROTO_TCP)
		pkt->syn = p[13] & 0x02;
	return 0;
}

/**
 * nfipsec_pkt_addrs - the family and the addresses of a packet
 * @skb: the packet
 * @nhoff: offset of its IP header from skb->data, which is linear
 * @pkt: family, source and destination are filled
 */
void nfipsec_pkt_addrs(const struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt)
{
	if (skb->data[nhoff] >> 4 == 4) {
		const struct iphdr *ip = (const struct iphdr *)(skb->data + nhoff);

		pkt->family = AF_INET;
		pkt->saddr.ip = ip->saddr;
		pkt->daddr.ip = ip->daddr;
	} else {
		const struct ipv6hdr *ip6 = (const struct ipv6hdr *)(skb->data + nhoff);

		pkt->family = AF_INET6;
		pkt->saddr.ip6 = ip6->saddr;
		pkt->daddr.ip6 = ip6->daddr;
	}
}

/* Not the addresses, which the parser sets, and of which only what @family has is read. */
static void clear_pkt(struct nfipsec_pkt *pkt)
{
	memset(pkt, 0, offsetof(struct nfipsec_pkt, saddr));
}

/*
 * Parses TCP or UDP behind an IPv4 header without options, in linear memory and no fragment. Most
 * packets are such, and most hooks parse each packet. Returns false for any other packet, and
 * leaves @pkt as it was.
 */
static __always_inline bool parse_simple4(const struct sk_buff *skb, unsigned int nhoff,
					  struct nfipsec_pkt *pkt)
{
	const struct iphdr *ip = (const struct iphdr *)(skb->data + nhoff);
	const struct tcphdr *tcp = (const struct tcphdr *)(ip + 1);

	if (skb_headlen(skb) < nhoff + sizeof(*ip) + sizeof(*tcp) ||
	    *(const u8 *)ip != 0x45 || ip_is_fragment(ip) ||
	    (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP))
		return false;
	clear_pkt(pkt);
	pkt->family = AF_INET;
	pkt->ports = true;
	pkt->h.proto = ip->protocol;
	pkt->h.upper = pkt->h.insert = sizeof(*ip);
	pkt->h.upper_next = pkt->h.insert_next = offsetof(struct iphdr, protocol);
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->saddr.ip = ip->saddr;
	pkt->daddr.ip = ip->daddr;
	if (ip->protocol == IPPROTO_TCP)
		pkt->syn = tcp->syn;
	else
		pkt->on_link = is_dhcp4(pkt);
	return true;
}

/* Kept out of nfipsec_pkt_parse(), which would save more registers for it. */
static noinline int parse_any(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt)
{
	clear_pkt(pkt);
	if (find_headers(skb, nhoff, &pkt->h))
		return -EINVAL;
	nfipsec_pkt_addrs(skb, nhoff, pkt);
	if (pkt->family == AF_INET)
		pkt->on_link = is_igmp((const struct iphdr *)(skb->data + nhoff));
	return pkt->h.fragment ? 0 : parse_upper(skb, nhoff, pkt);
}

/**
 * nfipsec_pkt_parse - the selectors of a packet
 * @skb: the packet
 * @nhoff: offset of its IP header from skb->data
 * @pkt: filled
 *
 * May reallocate the head.
 *
 * Return: -EINVAL when it is malformed.
 */
int nfipsec_pkt_parse(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt)
{
	if (likely(parse_simple4(skb, nhoff, pkt)))
		return 0;
	return parse_any(skb, nhoff, pkt);
}

/**
 * nfipsec_pkt_mirror - the packet that would answer
 * @pkt: a packet
 * @mirror: the same with its ends swapped
 *
 * ICMP's type and code have no ends and stay: an entry that names them means the
 * message, whichever way it goes.
 */
void nfipsec_pkt_mirror(const struct nfipsec_pkt *pkt, struct nfipsec_pkt *mirror)
{
	memcpy(mirror, pkt, offsetof(struct nfipsec_pkt, saddr));
	mirror->saddr = pkt->daddr;
	mirror->daddr = pkt->saddr;
	if (!nfipsec_proto_is_icmp(pkt->h.proto)) {
		mirror->sport = pkt->dport;
		mirror->dport = pkt->sport;
	}
}

static void lower_mss(const struct sk_buff *skb, struct tcphdr *tcp, unsigned int off,
		      unsigned int most)
{
	u8 *at = (u8 *)tcp + off;
	unsigned int mss = get_unaligned_be16(at);

	if (mss <= most)
		return;
	put_unaligned_be16(most, at);
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	/* at an odd offset the octets change places in the sum */
	if (off & 1)
		csum_replace2(&tcp->check, (__force __be16)swab16((__force u16)htons(mss)),
			      (__force __be16)swab16((__force u16)htons(most)));
	else
		csum_replace2(&tcp->check, htons(mss), htons(most));
}

/**
 * nfipsec_pkt_clamp_mss - lower the MSS a TCP SYN offers
 * @skb: a TCP segment with SYN, not a fragment; skb->data at its IP header
 * @head: octets of all headers in front of TCP
 * @mtu: what the tunnel carries
 *
 * So that connections through the tunnel, forwarded ones too, need no PMTU
 * discovery to begin. The checksum is right afterwards, also where the device was
 * to fill it in: the MSS is no part of the pseudo header.
 */
void nfipsec_pkt_clamp_mss(struct sk_buff *skb, unsigned int head, unsigned int mtu)
{
	unsigned int off, len;
	struct tcphdr *tcp;
	u8 *opt;

	if (mtu <= head + sizeof(*tcp) || !pskb_may_pull(skb, head + sizeof(*tcp)))
		return;
	tcp = (struct tcphdr *)(skb->data + head);
	len = tcp->doff * 4;
	if (len < sizeof(*tcp) || skb_ensure_writable(skb, head + len))
		return;
	tcp = (struct tcphdr *)(skb->data + head);
	opt = (u8 *)tcp;
	for (off = sizeof(*tcp); off + TCPOLEN_MSS <= len; off += opt[off + 1]) {
		while (off + TCPOLEN_MSS <= len && opt[off] == TCPOPT_NOP)
			off++;
		if (off + TCPOLEN_MSS > len || opt[off] == TCPOPT_EOL || opt[off + 1] < 2)
			return;
		if (opt[off] == TCPOPT_MSS && opt[off + 1] == TCPOLEN_MSS) {
			lower_mss(skb, tcp, off + 2, mtu - head - sizeof(*tcp));
			return;
		}
	}
}
