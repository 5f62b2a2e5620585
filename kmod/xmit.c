// SPDX-License-Identifier: GPL-2.0
/* Back to the stack with outer packets: their route, the MTU it leaves us, the hand-over. */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/dst_cache.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "ah.h"
#include "esp.h"
#include "path.h"

/* ESP in ESP in ESP: deeper is a mistake, and each level takes kernel stack */
#define DEPTH_MAX 4

/* AES-GCM-16's part, for a tunnel that has no SA to ask yet */
#define MTU_DEFAULT_OVERHEAD	(ESP_HDR_LEN + 16 + 16 + 16 + 2)

static DEFINE_PER_CPU(int, depth);

/* ---- routes ---- */

/* -1: the device whose table routes the tunnel's packets is not there */
static int vrf_index(const struct nfipsec_tunnel *tunnel)
{
	const struct net_device *dev;

	if (!tunnel->vrf[0])
		return 0;
	dev = dev_get_by_name_rcu(tunnel->nn->net, tunnel->vrf);
	return dev ? dev->ifindex : -1;
}

static struct dst_entry *lookup4(const struct nfipsec_tunnel *tunnel, int oif, __be32 local,
				 __be32 remote)
{
	struct flowi4 fl4 = {
		.saddr = local,
		.daddr = remote,
		.flowi4_oif = oif,
		.flowi4_mark = tunnel->mark,
		.flowi4_proto = IPPROTO_ESP,
	};
	struct rtable *rt = ip_route_output_key(tunnel->nn->net, &fl4);

	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *lookup6(const struct nfipsec_tunnel *tunnel, int oif,
				 const struct in6_addr *local, const struct in6_addr *remote)
{
	struct flowi6 fl6 = {
		.saddr = *local,
		.daddr = *remote,
		.flowi6_oif = oif,
		.flowi6_mark = tunnel->mark,
		.flowi6_proto = IPPROTO_ESP,
	};
	struct dst_entry *dst = ip6_route_output(tunnel->nn->net, NULL, &fl6);

	if (!dst->error)
		return dst;
	dst_release(dst);
	return NULL;
}

/* @local may be all zeros, any; RCU read side */
static struct dst_entry *route_lookup(const struct nfipsec_tunnel *tunnel, u8 family,
				      const union nfipsec_addr *local,
				      const union nfipsec_addr *remote)
{
	int oif = vrf_index(tunnel);
	struct dst_entry *dst;

	if (oif < 0)
		return NULL;
	dst = family == AF_INET ? lookup4(tunnel, oif, local->ip, remote->ip) :
				  lookup6(tunnel, oif, &local->ip6, &remote->ip6);
	/* routed into nfipsec0 by hand, it would come back for ever */
	if (dst && dst->dev == tunnel->nn->dev) {
		dst_release(dst);
		return NULL;
	}
	return dst;
}

/**
 * nfipsec_xmit_route - the route of an SA's outer packets
 * @sa: the SA, whose ends cache it
 *
 * RCU read side, bottom halves off. Return: a reference for dst_release(), or NULL.
 */
struct dst_entry *nfipsec_xmit_route(const struct nfipsec_sa *sa)
{
	/* the cache in it is not constant */
	struct nfipsec_ends *ends = (struct nfipsec_ends *)nfipsec_sa_ends(sa);
	struct dst_entry *dst = dst_cache_get(&ends->route);

	if (likely(dst))
		return dst;
	dst = route_lookup(sa->tunnel, sa->family, &ends->local, &ends->remote);
	if (dst && sa->family == AF_INET)
		dst_cache_set_ip4(&ends->route, dst, ends->local.ip);
	else if (dst)
		dst_cache_set_ip6(&ends->route, dst, &ends->local.ip6);
	return dst;
}

/* ---- MTU ---- */

static void set_mtu(struct nfipsec_tunnel *tunnel, u32 mtu)
{
	u32 set = READ_ONCE(tunnel->set.mtu);

	mtu = max_t(u32, mtu, IPV4_MIN_MTU);
	if (set)
		mtu = min(mtu, set);
	if (likely(READ_ONCE(tunnel->mtu) == mtu))
		return;
	WRITE_ONCE(tunnel->mtu, mtu);
	WRITE_ONCE(tunnel->metrics[0].metrics[RTAX_MTU - 1], mtu);
	/* RFC 8200 5: what carries IPv6 carries 1280 octets; RFC 2473 7.1: in fragments, then */
	WRITE_ONCE(tunnel->metrics[1].metrics[RTAX_MTU - 1], max_t(u32, mtu, IPV6_MIN_MTU));
}

/**
 * nfipsec_xmit_mtu - follow the MTU of the outer path
 * @way: the SAs whose overhead counts; the routes of their tunnel read the new figure at
 *	once
 * @dst: the outer route, with what path MTU discovery learned
 */
void nfipsec_xmit_mtu(const struct nfipsec_way *way, const struct dst_entry *dst)
{
	set_mtu(way->sa->tunnel, nfipsec_sa_fit(way->sa, way->around, dst_mtu(dst)));
}

/**
 * nfipsec_dev_mtu_update - the MTU before there is traffic
 * @tunnel: the tunnel
 *
 * From the newest SA where there is one, else a careful guess.
 */
void nfipsec_dev_mtu_update(struct nfipsec_tunnel *tunnel)
{
	static const union nfipsec_addr any;
	unsigned int overhead = MTU_DEFAULT_OVERHEAD +
		nfipsec_ip_len(tunnel->family == AF_INET ? AF_INET : AF_INET6);
	struct dst_entry *dst = NULL;
	struct nfipsec_way way;
	bool known;

	rcu_read_lock();
	known = nfipsec_sadb_find_out(tunnel, NULL, &way);
	if (known) {
		const struct nfipsec_ends *ends = nfipsec_sa_ends(way.sa);

		dst = route_lookup(tunnel, way.sa->family, &ends->local, &ends->remote);
	} else if (tunnel->has_remote) {
		dst = route_lookup(tunnel, tunnel->family,
				   tunnel->has_local ? &tunnel->local : &any, &tunnel->remote);
	}
	if (known && dst)
		nfipsec_xmit_mtu(&way, dst);
	else
		set_mtu(tunnel, (dst ? max(dst_mtu(dst), overhead) : ETH_DATA_LEN) - overhead);
	dst_release(dst);
	rcu_read_unlock();
}

static bool fits(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/**
 * nfipsec_xmit_size - does a packet fit the tunnel?
 * @tunnel: the tunnel
 * @skb: the packet, as it came to nfipsec0, its dst still on it
 *
 * The stack has fragmented many packets by the tunnel's MTU, or told their sender,
 * before. The others are those of transport mode, which is for whole packets (RFC 4303
 * 3.3.4), of entries with ports, what was held since, and what a socket sends that
 * ignores the path MTU.
 *
 * Return: 0; 1 when it does not, and the outer packet may be fragmented; -EMSGSIZE when
 * it may not, and the sender has been told, as a router would.
 */
int nfipsec_xmit_size(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	u32 mtu = nfipsec_tunnel_mtu(tunnel);

	if (likely(fits(skb, mtu)))
		return 0;
	if (skb->ignore_df)
		return 1;
	if (ip_hdr(skb)->version == 4) {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)))
			return 1;
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
		return -EMSGSIZE;
	}
	if (mtu < IPV6_MIN_MTU && fits(skb, IPV6_MIN_MTU))
		return 1;
	icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, max_t(u32, mtu, IPV6_MIN_MTU));
	return -EMSGSIZE;
}

/* ---- what routers say of our outer packets ---- */

/*
 * Does the packet that an ICMP message quotes, at @quoted from @skb's data, belong to an
 * SA of ours? The quotation may end behind the SPI.
 */
static const struct nfipsec_sa *quoted_sa(struct nfipsec_net *nn, struct sk_buff *skb,
					  unsigned int quoted)
{
	struct nfipsec_sa_id id = { .dir = NFIPSEC_DIR_OUT };
	const struct nfipsec_ends *ends;
	union nfipsec_addr local = {};
	const struct nfipsec_sa *sa;
	struct nfipsec_headers h;
	unsigned int at;

	if (nfipsec_pkt_headers(skb, quoted, &h))
		return NULL;
	id.proto = h.proto == IPPROTO_UDP ? IPPROTO_ESP : h.proto;
	if (id.proto != IPPROTO_ESP && id.proto != IPPROTO_AH)
		return NULL;
	at = quoted + h.upper;
	if (h.proto == IPPROTO_UDP)
		at += sizeof(struct udphdr);
	else if (h.proto == IPPROTO_AH)
		at += AH_SPI_AT;
	/* of UDP some routers quote no more than its header, and whose it is cannot be told */
	if (!pskb_may_pull(skb, at + sizeof(__be32)))
		return NULL;
	id.spi = *(__be32 *)(skb->data + at);
	if (skb->data[quoted] >> 4 == 4) {
		const struct iphdr *ip = (const struct iphdr *)(skb->data + quoted);

		id.family = AF_INET;
		id.addr.ip = ip->daddr;
		local.ip = ip->saddr;
	} else {
		const struct ipv6hdr *ip6 = (const struct ipv6hdr *)(skb->data + quoted);

		id.family = AF_INET6;
		id.addr.ip6 = ip6->daddr;
		local.ip6 = ip6->saddr;
	}
	sa = nfipsec_sadb_find(nn, &id);
	if (!sa || sa->encap != (h.proto == IPPROTO_UDP))
		return NULL;
	ends = nfipsec_sa_ends(sa);
	return nfipsec_addr_equal(id.family, &ends->local, &local) ? sa : NULL;
}

/**
 * nfipsec_xmit_icmp4 - a router could not carry one of our outer packets whole
 * @nn: the namespace
 * @skb: an ICMP message for this host, at its IP header; it goes on to the stack
 *
 * The stack hands such a message to who owns the protocol, and nobody may own ESP.
 * So we note the path's MTU, if the message quotes an SA of ours (RFC 4301 8.2.1);
 * the tunnel's follows with the next packet. RCU read side.
 */
void nfipsec_xmit_icmp4(struct nfipsec_net *nn, struct sk_buff *skb)
{
	unsigned int head = ip_hdrlen(skb), quoted = head + sizeof(struct icmphdr);
	const struct icmphdr *icmp;
	const struct nfipsec_sa *sa;
	u16 mtu;

	if (ip_hdr(skb)->version != 4 || !pskb_may_pull(skb, quoted + sizeof(struct iphdr)))
		return;
	icmp = (const struct icmphdr *)(skb->data + head);
	mtu = ntohs(icmp->un.frag.mtu);
	if (icmp->type != ICMP_DEST_UNREACH || icmp->code != ICMP_FRAG_NEEDED || !mtu)
		return;
	sa = quoted_sa(nn, skb, quoted);
	if (!sa || sa->family != AF_INET ||
	    nf_ip_checksum(skb, NF_INET_LOCAL_IN, head, IPPROTO_ICMP))
		return;
	/* it reads the quoted header from skb->data */
	__skb_pull(skb, quoted);
	ipv4_update_pmtu(skb, nn->net, mtu, max(vrf_index(sa->tunnel), 0),
			 ((const struct iphdr *)skb->data)->protocol);
	__skb_push(skb, quoted);
}

/* the same of "packet too big"; @head: where ICMPv6 begins */
void nfipsec_xmit_icmp6(struct nfipsec_net *nn, struct sk_buff *skb, unsigned int head)
{
	unsigned int quoted = head + sizeof(struct icmp6hdr);
	const struct icmp6hdr *icmp6;
	const struct nfipsec_sa *sa;
	__be32 mtu;

	if (ip_hdr(skb)->version != 6 || !pskb_may_pull(skb, quoted + sizeof(struct ipv6hdr)))
		return;
	icmp6 = (const struct icmp6hdr *)(skb->data + head);
	mtu = icmp6->icmp6_dataun.un_data32[0];
	if (icmp6->icmp6_type != ICMPV6_PKT_TOOBIG)
		return;
	sa = quoted_sa(nn, skb, quoted);
	if (!sa || sa->family != AF_INET6 ||
	    nf_ip6_checksum(skb, NF_INET_LOCAL_IN, head, IPPROTO_ICMPV6))
		return;
	__skb_pull(skb, quoted);
	ip6_update_pmtu(skb, nn->net, mtu, max(vrf_index(sa->tunnel), 0), sa->tunnel->mark,
			sock_net_uid(nn->net, NULL));
	__skb_push(skb, quoted);
}

/* ---- out ---- */

/* our own outer packets are not classified again; nested tunnels have their own entries */
bool nfipsec_xmit_is_outer(const struct sk_buff *skb)
{
	u8 proto;

	if (ip_hdr(skb)->version == 6) {
		/* in transport mode extension headers may come first */
		proto = ipv6_hdr(skb)->nexthdr;
		return IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED &&
		       (proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_UDP ||
			ipv6_ext_hdr(proto));
	}
	proto = ip_hdr(skb)->protocol;
	return IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED &&
	       (proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_UDP);
}

/**
 * nfipsec_xmit - hand an outer packet to the stack
 * @sa: whose it is
 * @dst: its route, borrowed under RCU
 * @skb: the packet; taken
 */
void nfipsec_xmit(const struct nfipsec_sa *sa, struct dst_entry *dst, struct sk_buff *skb)
{
	struct net *net = sa->nn->net;

	if (unlikely(this_cpu_inc_return(depth) > DEPTH_MAX)) {
		nfipsec_drop(sa->nn, skb, NFIPSEC_STAT_OUT_LOOP);
		goto out;
	}
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, dst);
	if (sa->tunnel->mark)
		skb->mark = sa->tunnel->mark;
	if (sa->family == AF_INET) {
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		IPCB(skb)->flags = IPSKB_XFRM_TRANSFORMED;
		ip_local_out(net, NULL, skb);
	} else {
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
		IP6CB(skb)->flags = IP6SKB_XFRM_TRANSFORMED;
		ip6_local_out(net, NULL, skb);
	}
out:
	this_cpu_dec(depth);
}
