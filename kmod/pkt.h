/* SPDX-License-Identifier: GPL-2.0 */
/* A packet as the classifier sees it. */
#ifndef _NFIPSEC_PKT_H
#define _NFIPSEC_PKT_H

#include "nfipsec.h"

/**
 * struct nfipsec_pkt - the selectors of one packet
 * @family: AF_INET (AF_INET6 to come)
 * @proto: of the upper layer
 * @ports: @sport and @dport are valid; false on every fragment, the first too
 *	(the datagram is treated as one, RFC 4301 7), and for protocols without
 *	ports. ICMP has type and code in @sport as
 *	RFC 7296 3.13.1 packs them (type << 8 | code) and 0 in @dport.
 * @fragment: part of a larger datagram
 * @syn: a TCP segment with SYN
 */
struct nfipsec_pkt {
	u8			family;
	u8			proto;
	bool			ports;
	bool			fragment;
	bool			syn;
	__be16			sport;
	__be16			dport;
	union nfipsec_addr	saddr;
	union nfipsec_addr	daddr;
};

/**
 * struct nfipsec_sel - one selector: RFC 4301 4.4.1.1, RFC 7296 3.13
 * Ranges in host order for comparison (family AF_INET: in saddr_min etc. as u32).
 * Immutable once built.
 */
struct nfipsec_sel {
	u8	family;
	u8	proto;		/* 0: any */
	u16	sport_min, sport_max;
	u16	dport_min, dport_max;
	u32	saddr_min, saddr_max;
	u32	daddr_min, daddr_max;
};

/* pkt.c: pulls and checks headers; -EINVAL for a malformed packet. May reallocate the head. */
int nfipsec_pkt_parse(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt);
/* the packet with both ends swapped, for the inbound clear-text check */
void nfipsec_pkt_mirror(const struct nfipsec_pkt *pkt, struct nfipsec_pkt *mirror);
/* a TCP segment with SYN offers no larger MSS than fits @mtu; the header may be reallocated */
void nfipsec_pkt_clamp_mss(struct sk_buff *skb, unsigned int mtu);
bool nfipsec_sel_match(const struct nfipsec_sel *sel, const struct nfipsec_pkt *pkt);

#endif
