// SPDX-License-Identifier: GPL-2.0
/*
 * ESP in UDP, for the way through NATs: RFC 3948 2.
 *
 *	+---------------+---------------+
 *	| source port   | dest. port    |  4500, or what a NAT made of it
 *	| length        | 0             |
 *	+---------------+---------------+
 *	| SPI, not 0 ...                |  0 is the marker of an IKE message
 */
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "esp.h"
#include "path.h"

/**
 * nfipsec_natt_wrap - push the UDP header
 * @sa: outbound SA with UDP encapsulation
 * @skb: the ESP packet
 */
void nfipsec_natt_wrap(const struct nfipsec_sa *sa, struct sk_buff *skb)
{
	struct udphdr *udp = __skb_push(skb, sizeof(*udp));

	udp->source = sa->encap_local_port;
	udp->dest = sa->encap_remote_port;
	udp->len = htons(skb->len);
	/* RFC 3948 2.1: SHOULD be zero; the ICV covers what counts */
	udp->check = 0;
}

/**
 * nfipsec_natt_find - whose ESP is in this datagram?
 * @nn: the namespace
 * @skb: at its outer IP header, UDP, defragmented
 *
 * The source port is not compared: a NAT may give another one at any time, and the
 * ICV says who it is from. Return: NULL for IKE and whatever else is not ours. RCU
 * read side.
 */
struct nfipsec_sa *nfipsec_natt_find(struct nfipsec_net *nn, struct sk_buff *skb)
{
	unsigned int head = ip_hdrlen(skb);
	const struct udphdr *udp;
	union nfipsec_addr local;
	struct nfipsec_sa *sa;
	__be32 spi;

	if (!READ_ONCE(nn->encap_count) ||
	    !pskb_may_pull(skb, head + sizeof(*udp) + ESP_HDR_LEN))
		return NULL;
	udp = (const struct udphdr *)(skb->data + head);
	spi = *(const __be32 *)(udp + 1);
	if (!spi)
		return NULL;
	local.ip = ip_hdr(skb)->daddr;
	sa = nfipsec_sadb_find_in(nn, IPPROTO_ESP, spi, AF_INET, &local);
	return sa && sa->encap_local_port == udp->dest ? sa : NULL;
}

static void open_one(struct nfipsec_sa *sa, struct sk_buff *skb)
{
	unsigned int head = ip_hdrlen(skb);
	const struct udphdr *udp = (const struct udphdr *)(skb->data + head);
	unsigned int len = ntohs(udp->len);

	if (len < sizeof(*udp) + ESP_HDR_LEN || len > skb->len - head ||
	    pskb_trim(skb, head + len))
		nfipsec_drop(sa->nn, skb, NFIPSEC_STAT_IN_TOO_SHORT);
	else
		nfipsec_input(sa, skb, head + sizeof(*udp));
}

/* GRO went by addresses and ports: every datagram may be of another SA, or IKE */
static void open_many(struct nfipsec_net *nn, struct sk_buff *skb)
{
	struct sk_buff *segments, *one, *next;
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
		sa = nfipsec_natt_find(nn, one);
		if (sa)
			open_one(sa, one);
		else
			netif_rx(one);		/* once more, alone, for its socket */
	}
}

/**
 * nfipsec_natt_input - open ESP in UDP
 * @sa: whose it is, from nfipsec_natt_find()
 * @skb: at its outer IP header, maybe a GSO packet of many; taken
 *
 * RCU read side, bottom halves off.
 */
void nfipsec_natt_input(struct nfipsec_sa *sa, struct sk_buff *skb)
{
	if (unlikely(skb_is_gso(skb)))
		open_many(sa->nn, skb);
	else
		open_one(sa, skb);
}
