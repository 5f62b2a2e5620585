// SPDX-License-Identifier: GPL-2.0
/*
 * ESP in UDP, for the way through NATs: RFC 3948 2.
 *
 *	+---------------+---------------+
 *	| source port   | dest. port    |  4500, or what a NAT made of it
 *	| length        | 0             |  with IPv6 a checksum
 *	+---------------+---------------+
 *	| SPI, not 0 ...                |  0 is the marker of an IKE message
 */
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "esp.h"
#include "path.h"

/* where a peer sends ESP in UDP that nobody agreed on: RFC 3948 2.1, RFC 7296 2.23 */
#define NATT_PORT 4500

/* how often the helper is told that a peer's packets come from elsewhere */
#define MAPPING_INTERVAL HZ

/**
 * nfipsec_natt_encapsulate - push the UDP header
 * @sa: outbound SA with UDP encapsulation
 * @skb: the ESP packet
 */
void nfipsec_natt_encapsulate(const struct nfipsec_sa *sa, struct sk_buff *skb)
{
	const struct nfipsec_endpoints *ends = nfipsec_sa_ends(sa);
	struct udphdr *udp = __skb_push(skb, sizeof(*udp));

	udp->source = ends->local_port;
	udp->dest = ends->remote_port;
	udp->len = htons(skb->len);
	/* RFC 3948 2.1: SHOULD be zero; the ICV covers what counts */
	udp->check = 0;
}

/**
 * nfipsec_natt_checksum - the checksum that UDP over IPv6 cannot do without
 * @skb: the outer packet, at its IPv6 header
 * @head: where UDP begins
 *
 * RFC 8200 8.1; RFC 6935 lets tunnels do without, but not every NAT knows that.
 */
void nfipsec_natt_checksum(struct sk_buff *skb, unsigned int head)
{
	struct udphdr *udp = (struct udphdr *)(skb->data + head);
	unsigned int len = skb->len - head;

	udp->check = csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, len, IPPROTO_UDP,
				     csum_partial(udp, len, 0)) ?: CSUM_MANGLED_0;
}

/* where the checksum is in the header of an upper layer that sums the addresses, too; 0: none */
static unsigned int checksum_at(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return offsetof(struct udphdr, check);
	case IPPROTO_ICMPV6:
		return offsetof(struct icmp6hdr, icmp6_cksum);
	}
	return 0;
}

/* Replaces the contribution of @from to the sum @check by that of @to. */
static void replace_addr(__sum16 *check, u8 family, const union nfipsec_addr *from,
			 const union nfipsec_addr *to)
{
	unsigned int i;

	if (family == AF_INET)
		csum_replace4(check, from->ip, to->ip);
	else
		for (i = 0; i < 4; i++)
			csum_replace4(check, from->ip6.s6_addr32[i], to->ip6.s6_addr32[i]);
}

/**
 * nfipsec_natt_fix_checksum - correct a checksum that was made with other addresses
 * @sa: inbound SA of transport mode
 * @skb: linear and not shared, at its IP header; it came in UDP
 * @pkt: what it looks like
 *
 * RFC 3948 3.1.2 (a): the peer made the checksum with the addresses that it knows, which
 * IKE has told (RFC 7296 2.23.1). The correction is incremental, so a packet that was
 * damaged before the peer encrypted it stays recognizably damaged. (b), a checksum made
 * again, and (c), UDP without one, would declare such a packet good. An SA without the
 * original addresses leaves the checksum to the stack, which drops the packet if a NAT
 * has changed the sum of the addresses. A fragment has no checksum that is its own, and
 * reassembly knows nothing of the SA.
 */
void nfipsec_natt_fix_checksum(const struct nfipsec_sa *sa, struct sk_buff *skb,
			       const struct nfipsec_pkt *pkt)
{
	unsigned int at = checksum_at(pkt->h.proto);
	bool udp = pkt->h.proto == IPPROTO_UDP || pkt->h.proto == IPPROTO_UDPLITE;
	__sum16 *check = (__sum16 *)(skb->data + pkt->h.upper + at);

	if (!sa->has_orig || !at || pkt->h.fragment ||
	    skb->len < pkt->h.upper + at + sizeof(*check))
		return;
	/* a UDP sender that made none meant none */
	if (udp && !*check)
		return;
	replace_addr(check, pkt->family, &sa->orig_remote, &pkt->saddr);
	replace_addr(check, pkt->family, &sa->orig_local, &pkt->daddr);
	if (udp && !*check)
		*check = CSUM_MANGLED_0;
}

/**
 * nfipsec_natt_spi - reads the SPI of ESP in UDP to port 4500, without an SA
 * @skb: at its outer IP header, UDP, defragmented
 * @h: its headers
 * @spi: set
 *
 * Return: true for a datagram to port 4500 with an SPI; IKE has a marker of zeros there
 */
bool nfipsec_natt_spi(struct sk_buff *skb, const struct nfipsec_headers *h, __be32 *spi)
{
	const struct udphdr *udp;

	if (!pskb_may_pull(skb, h->upper + sizeof(*udp) + ESP_HDR_LEN))
		return false;
	udp = (const struct udphdr *)(skb->data + h->upper);
	*spi = *(const __be32 *)(udp + 1);
	return udp->dest == htons(NATT_PORT) && *spi;
}

/**
 * nfipsec_natt_find - whose ESP is in this datagram?
 * @nn: the namespace
 * @skb: at its outer IP header, UDP, defragmented
 * @h: its headers
 *
 * The source address is not compared: a NAT may change it at any time, and the ICV
 * authenticates the sender. UDP encapsulation need not have been negotiated: each peer
 * may choose it for the packets that it sends, and must accept both forms at any time
 * (RFC 7296 2.23). RCU read side.
 *
 * Return: the inbound SA, or NULL for IKE and for ESP without an SA here.
 */
struct nfipsec_sa *nfipsec_natt_find(struct nfipsec_net *nn, struct sk_buff *skb,
				     const struct nfipsec_headers *h)
{
	const struct udphdr *udp;
	struct nfipsec_sa *sa;
	__be16 port;
	__be32 spi;

	if (!pskb_may_pull(skb, h->upper + sizeof(*udp)))
		return NULL;
	udp = (const struct udphdr *)(skb->data + h->upper);
	if ((udp->dest != htons(NATT_PORT) && !READ_ONCE(nn->encap_count)) ||
	    !pskb_may_pull(skb, h->upper + sizeof(*udp) + ESP_HDR_LEN))
		return NULL;
	udp = (const struct udphdr *)(skb->data + h->upper);
	spi = *(const __be32 *)(udp + 1);
	if (!spi)
		return NULL;
	sa = nfipsec_sadb_find_in(nn, skb, IPPROTO_ESP, spi);
	if (!sa)
		return NULL;
	port = sa->encap ? nfipsec_sa_ends(sa)->local_port : htons(NATT_PORT);
	return port == udp->dest ? sa : NULL;
}

/**
 * nfipsec_natt_follow - has the peer's place changed?
 * @sa: inbound SA with UDP encapsulation
 * @skb: its newest packet, and genuine; the network header is the outer IP header
 * @head: where UDP was, from there
 *
 * RFC 7296 2.23: a NAT may have given the peer another port or address. Who tells the
 * helper is only such a packet, so that nobody else can lead our packets astray.
 */
void nfipsec_natt_follow(struct nfipsec_sa *sa, const struct sk_buff *skb, unsigned int head)
{
	const struct udphdr *udp = (const struct udphdr *)(skb_network_header(skb) + head);
	const struct nfipsec_endpoints *ends = nfipsec_sa_ends(sa);
	bool same;

	if (sa->family == AF_INET)
		same = ip_hdr(skb)->saddr == ends->remote.ip;
	else
		same = ipv6_addr_equal(&ipv6_hdr(skb)->saddr, &ends->remote.ip6);
	if (likely(same && udp->source == ends->remote_port))
		return;
	if (time_before(jiffies, READ_ONCE(sa->mapping_next)))
		return;
	WRITE_ONCE(sa->mapping_next, jiffies + MAPPING_INTERVAL);
	nfipsec_netlink_mapping(sa, skb, udp);
}

static void open_one(struct nfipsec_sa *sa, struct sk_buff *skb, const struct nfipsec_headers *h)
{
	const struct udphdr *udp = (const struct udphdr *)(skb->data + h->upper);
	unsigned int len = ntohs(udp->len);

	if (len < sizeof(*udp) + ESP_HDR_LEN || len > skb->len - h->upper ||
	    pskb_trim(skb, h->upper + len))
		nfipsec_drop(sa->nn, skb, NFIPSEC_STAT_IN_TOO_SHORT);
	else
		nfipsec_input(sa, skb, h);
}

/**
 * nfipsec_natt_is_mixed - may there be ESP of ours behind the first datagram?
 * @skb: at its outer IP header, UDP, the first datagram of which is not ours
 * @h: its headers, which are linear up to the UDP header
 *
 * Return: true if later datagrams of the GSO packet may be ESP of ours.
 */
bool nfipsec_natt_is_mixed(const struct sk_buff *skb, const struct nfipsec_headers *h)
{
	const struct udphdr *udp = (const struct udphdr *)(skb->data + h->upper);

	return skb_is_gso(skb) && h->upper + sizeof(*udp) <= skb_headlen(skb) &&
	       udp->dest == htons(NATT_PORT);
}

/**
 * nfipsec_natt_open_many - open each datagram of a GSO packet that is ours
 * @nn: the namespace
 * @skb: at its outer IP header; taken
 * @h: its headers
 *
 * GRO went by addresses and ports: every datagram may be of another SA, or IKE. RCU read
 * side, bottom halves off.
 */
void nfipsec_natt_open_many(struct nfipsec_net *nn, struct sk_buff *skb,
			    const struct nfipsec_headers *h)
{
	struct sk_buff *segments, *one, *next;
	struct nfipsec_awaited *awaited;
	struct nfipsec_sa *sa;

	__skb_push(skb, -skb_mac_offset(skb));
	segments = __skb_gso_segment(skb, 0, false);
	if (IS_ERR_OR_NULL(segments)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_IN_NO_MEMORY);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segments, one, next) {
		skb_mark_not_on_list(one);
		__skb_pull(one, skb_network_offset(one));
		awaited = nfipsec_await_find(nn, one, h, &sa);
		if (awaited) {
			nfipsec_await_hold(nn, awaited, one);
		} else if (sa) {
			open_one(sa, one, h);
		} else {
			/* again, alone, for its socket; the route of all is lent under RCU only */
			skb_dst_drop(one);
			netif_rx(one);
		}
	}
}

/**
 * nfipsec_natt_input - open ESP in UDP
 * @sa: whose it is, from nfipsec_natt_find()
 * @skb: at its outer IP header, maybe a GSO packet of many; taken
 * @h: its headers
 *
 * RCU read side, bottom halves off.
 */
void nfipsec_natt_input(struct nfipsec_sa *sa, struct sk_buff *skb, const struct nfipsec_headers *h)
{
	if (unlikely(skb_is_gso(skb)))
		nfipsec_natt_open_many(sa->nn, skb, h);
	else
		open_one(sa, skb, h);
}
