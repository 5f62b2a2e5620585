// SPDX-License-Identifier: GPL-2.0
/* From headers to selectors, every length checked before use. */
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "pkt.h"

/* what the classifier reads of the upper layer's header; 0: it has nothing to tell */
static unsigned int upper_len(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 14;	/* ports, and the flags */
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return 4;
	case IPPROTO_ICMP:
		return 2;
	}
	return 0;
}

static int parse_upper(struct sk_buff *skb, unsigned int off, struct nfipsec_pkt *pkt)
{
	unsigned int len = upper_len(pkt->proto);
	const u8 *p;

	if (!len)
		return 0;
	if (!pskb_may_pull(skb, off + len))
		return -EINVAL;
	p = skb->data + off;
	pkt->ports = true;
	pkt->sport = get_unaligned((__be16 *)p);
	if (pkt->proto == IPPROTO_ICMP)
		return 0;
	pkt->dport = get_unaligned((__be16 *)(p + 2));
	if (pkt->proto == IPPROTO_TCP)
		pkt->syn = p[13] & 0x02;
	return 0;
}

/**
 * nfipsec_pkt_parse - the selectors of a packet
 * @skb: the packet
 * @nhoff: offset of its IP header from skb->data
 * @pkt: filled
 *
 * May reallocate the head. Return: -EINVAL when it is malformed.
 */
int nfipsec_pkt_parse(struct sk_buff *skb, unsigned int nhoff, struct nfipsec_pkt *pkt)
{
	const struct iphdr *ip;
	unsigned int head;

	if (!pskb_may_pull(skb, nhoff + sizeof(*ip)))
		return -EINVAL;
	ip = (const struct iphdr *)(skb->data + nhoff);
	head = ip->ihl * 4;
	if (ip->version != 4 || head < sizeof(*ip) || !pskb_may_pull(skb, nhoff + head))
		return -EINVAL;
	ip = (const struct iphdr *)(skb->data + nhoff);

	memset(pkt, 0, sizeof(*pkt));
	pkt->family = AF_INET;
	pkt->proto = ip->protocol;
	pkt->saddr.ip = ip->saddr;
	pkt->daddr.ip = ip->daddr;
	pkt->fragment = ip_is_fragment(ip);
	return pkt->fragment ? 0 : parse_upper(skb, nhoff + head, pkt);
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
	*mirror = *pkt;
	mirror->saddr = pkt->daddr;
	mirror->daddr = pkt->saddr;
	if (pkt->proto != IPPROTO_ICMP) {
		mirror->sport = pkt->dport;
		mirror->dport = pkt->sport;
	}
}

static bool within(u32 value, u32 min, u32 max)
{
	return value >= min && value <= max;
}

/**
 * nfipsec_sel_match - does a packet fit a selector?
 * @sel: the selector
 * @pkt: the packet
 *
 * One without ports fits only a selector that takes every port (RFC 4301 4.4.1.1,
 * OPAQUE).
 */
bool nfipsec_sel_match(const struct nfipsec_sel *sel, const struct nfipsec_pkt *pkt)
{
	if (sel->family != pkt->family || (sel->proto && sel->proto != pkt->proto) ||
	    !within(ntohl(pkt->saddr.ip), sel->saddr_min, sel->saddr_max) ||
	    !within(ntohl(pkt->daddr.ip), sel->daddr_min, sel->daddr_max))
		return false;
	if (!pkt->ports)
		return !sel->sport_min && sel->sport_max == U16_MAX &&
		       !sel->dport_min && sel->dport_max == U16_MAX;
	return within(ntohs(pkt->sport), sel->sport_min, sel->sport_max) &&
	       within(ntohs(pkt->dport), sel->dport_min, sel->dport_max);
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
 * @skb: an IPv4 TCP segment with SYN, not a fragment; skb->data at its IP header
 * @mtu: what the tunnel carries
 *
 * So that connections through the tunnel, forwarded ones too, need no PMTU
 * discovery to begin. The checksum is right afterwards, also where the device was
 * to fill it in: the MSS is no part of the pseudo header.
 */
void nfipsec_pkt_clamp_mss(struct sk_buff *skb, unsigned int mtu)
{
	unsigned int head = ip_hdrlen(skb), off, len;
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
