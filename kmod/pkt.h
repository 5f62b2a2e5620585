/* SPDX-License-Identifier: GPL-2.0 */
/* A packet as the classifier sees it. */
#ifndef _NFIPSEC_PKT_H
#define _NFIPSEC_PKT_H

#include "nfipsec.h"

/**
 * struct nfipsec_headers - where the headers of a packet are, from its IP header on
 * @proto: of the upper layer
 * @fragment: part of a larger datagram
 * @opaque: a later fragment that begins with an extension header: @proto is that
 * @routed: a routing header has segments left, so this is not where it ends
 * @options: destination options come before the upper layer
 * @upper: the upper layer's header
 * @upper_next: the octet that names it
 * @insert: where ESP or AH of transport mode goes, behind the headers that routers
 *	look at: RFC 4303 3.1.1, RFC 4302 3.1.1
 * @insert_next: the octet that names what is there
 */
struct nfipsec_headers {
	u8	proto;
	bool	fragment;
	bool	opaque;
	bool	routed;
	bool	options;
	u16	upper, upper_next;
	u16	insert, insert_next;
};

/**
 * struct nfipsec_pkt - the selectors of one packet
 * @family: AF_INET or AF_INET6
 * @h: its headers
 * @ports: @sport and @dport are valid; false on every fragment, the first too
 *	(the datagram is treated as one, RFC 4301 7), and for protocols without
 *	ports. ICMP has type and code in @sport as
 *	RFC 7296 3.13.1 packs them (type << 8 | code) and 0 in @dport.
 * @sport: source port, valid with @ports
 * @dport: destination port, valid with @ports
 * @saddr: source address, of @family
 * @daddr: destination address, of @family
 * @syn: a TCP segment with SYN
 * @on_link: neighbour discovery (RFC 4861), multicast listener discovery (RFC 2710),
 *	IGMP (RFC 3376) or DHCP without unicast addresses, which never leave their link
 * @guest: an ICMP error that only the packet it quotes brings to its tunnel; a fragment
 *	of it would quote nothing
 */
struct nfipsec_pkt {
	u8			family;
	bool			ports;
	bool			syn;
	bool			on_link;
	bool			guest;
	struct nfipsec_headers	h;
	__be16			sport;
	__be16			dport;
	union nfipsec_addr	saddr;
	union nfipsec_addr	daddr;
};

/*
 * An address as a number, to compare: IPv4's are ::ffff:0:0/96 (RFC 4291 2.5.5.2), so
 * that both families have places of their own on one line.
 */
struct nfipsec_num {
	u64	high, low;
};

static inline u64 nfipsec_addr4_low(__be32 addr)
{
	return 0xffff00000000ULL | ntohl(addr);
}

static inline struct nfipsec_num nfipsec_addr_num(u8 family, const union nfipsec_addr *addr)
{
	if (family == AF_INET)
		return (struct nfipsec_num){ 0, nfipsec_addr4_low(addr->ip) };
	return (struct nfipsec_num){ get_unaligned_be64(addr->ip6.s6_addr),
				     get_unaligned_be64(addr->ip6.s6_addr + 8) };
}

static inline bool nfipsec_num_le(struct nfipsec_num a, struct nfipsec_num b)
{
	return a.high < b.high || (a.high == b.high && a.low <= b.low);
}

/**
 * struct nfipsec_sel - one selector: RFC 4301 4.4.1.1, RFC 7296 3.13
 * @family: AF_INET or AF_INET6
 * @proto: IP protocol; 0 matches any
 * @sport_min: lowest source port, host order
 * @sport_max: highest source port, host order
 * @dport_min: lowest destination port, host order
 * @dport_max: highest destination port, host order
 * @saddr_min: lowest source address
 * @saddr_max: highest source address
 * @daddr_min: lowest destination address
 * @daddr_max: highest destination address
 *
 * Immutable once built.
 */
struct nfipsec_sel {
	u8	family;
	u8	proto;
	u16	sport_min, sport_max;
	u16	dport_min, dport_max;
	struct nfipsec_num saddr_min, saddr_max;
	struct nfipsec_num daddr_min, daddr_max;
};

static inline bool nfipsec_sel_has_ports(const struct nfipsec_sel *sel)
{
	return sel->sport_min || sel->sport_max != U16_MAX ||
	       sel->dport_min || sel->dport_max != U16_MAX;
}

static inline bool nfipsec_port_within(__be16 port, u16 min, u16 max)
{
	return ntohs(port) >= min && ntohs(port) <= max;
}

/* The upper halves of IPv4 addresses are 0, those of a selector, too. */
static inline bool nfipsec_addr4_within(__be32 addr, u64 min, u64 max)
{
	u64 low = nfipsec_addr4_low(addr);

	return min <= low && low <= max;
}

static inline bool nfipsec_addr6_within(const union nfipsec_addr *addr, struct nfipsec_num min,
					struct nfipsec_num max)
{
	struct nfipsec_num num = nfipsec_addr_num(AF_INET6, addr);

	return nfipsec_num_le(min, num) && nfipsec_num_le(num, max);
}

/* by its addresses alone? */
static inline bool nfipsec_sel_match_addrs(const struct nfipsec_sel *sel,
					   const struct nfipsec_pkt *pkt)
{
	if (sel->family != pkt->family)
		return false;
	if (sel->family == AF_INET)
		return nfipsec_addr4_within(pkt->saddr.ip, sel->saddr_min.low,
					    sel->saddr_max.low) &&
		       nfipsec_addr4_within(pkt->daddr.ip, sel->daddr_min.low, sel->daddr_max.low);
	return nfipsec_addr6_within(&pkt->saddr, sel->saddr_min, sel->saddr_max) &&
	       nfipsec_addr6_within(&pkt->daddr, sel->daddr_min, sel->daddr_max);
}

/**
 * nfipsec_sel_match - does a packet fit a selector?
 * @sel: the selector
 * @pkt: the packet
 *
 * A packet without ports fits only a selector that takes every port (RFC 4301 4.4.1.1, OPAQUE).
 * Any context.
 *
 * Return: true if the packet matches.
 */
static inline bool nfipsec_sel_match(const struct nfipsec_sel *sel, const struct nfipsec_pkt *pkt)
{
	if ((sel->proto && sel->proto != pkt->h.proto) || !nfipsec_sel_match_addrs(sel, pkt))
		return false;
	if (!pkt->ports)
		return !nfipsec_sel_has_ports(sel);
	return nfipsec_port_within(pkt->sport, sel->sport_min, sel->sport_max) &&
	       nfipsec_port_within(pkt->dport, sel->dport_min, sel->dport_max);
}

static inline bool nfipsec_proto_is_icmp(u8 proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

void nfipsec_num_addr(u8 family, struct nfipsec_num num, union nfipsec_addr *addr);
bool nfipsec_addr_equal(u8 family, const union nfipsec_addr *a, const union nfipsec_addr *b);

/* pkt.c: pull and check headers; -EINVAL for a malformed packet. May reallocate the head. */
int nfipsec_pkt_headers(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_headers *h);
int nfipsec_pkt_parse(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt);
void nfipsec_pkt_addrs(const struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt);
unsigned int nfipsec_pkt_ports_len(u8 proto);
/* the packet with both ends swapped, for the inbound clear-text check */
void nfipsec_pkt_mirror(const struct nfipsec_pkt *pkt, struct nfipsec_pkt *mirror);
/* a TCP segment with SYN offers no larger MSS than fits @mtu; the header may be reallocated */
void nfipsec_pkt_clamp_mss(struct sk_buff *skb, unsigned int head, unsigned int mtu);

#endif
