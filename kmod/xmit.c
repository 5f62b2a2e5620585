// SPDX-License-Identifier: GPL-2.0
/* Back to the stack with outer packets: their route and the hand-over. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/addrconf.h>
#include <net/dst_cache.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "path.h"

/* ESP in ESP in ESP: deeper is a mistake, and each level takes kernel stack */
#define DEPTH_MAX 4

static DEFINE_PER_CPU(int, depth);

/**
 * nfipsec_xmit_oif - the device whose table routes the outer packets
 * @tunnel: the tunnel
 *
 * By name, as the device may go and come. RCU read side.
 *
 * Return: 0 for none; -1 when it is not there.
 */
int nfipsec_xmit_oif(const struct nfipsec_tunnel *tunnel)
{
	const struct net_device *dev;

	if (!tunnel->vrf[0])
		return 0;
	dev = dev_get_by_name_rcu(tunnel->nn->net, tunnel->vrf);
	return dev ? dev->ifindex : -1;
}

/* Protocol that the outermost header carries. */
static u8 outer_proto(const struct nfipsec_tunnel *tunnel, const struct nfipsec_sa *sa)
{
	if (tunnel->bundle)
		return IPPROTO_AH;
	if (!sa)
		return IPPROTO_ESP;
	return sa->encap ? IPPROTO_UDP : sa->proto;
}

static struct dst_entry *route_lookup4(const struct nfipsec_tunnel *tunnel, int oif, u8 proto,
				       const struct nfipsec_endpoints *ends)
{
	struct flowi4 fl4 = {
		.saddr = ends->local.ip,
		.daddr = ends->remote.ip,
		.flowi4_oif = oif,
		.flowi4_mark = tunnel->mark,
		.flowi4_proto = proto,
	};
	struct rtable *rt;

	nfipsec_compat_flow4_tos(&fl4, nfipsec_set_tos(&tunnel->set));
	/* elsewhere the ports lie on what other protocols have in their place */
	if (proto == IPPROTO_UDP) {
		fl4.fl4_sport = ends->local_port;
		fl4.fl4_dport = ends->remote_port;
	}
	rt = ip_route_output_key(tunnel->nn->net, &fl4);
	return IS_ERR(rt) ? NULL : &rt->dst;
}

static struct dst_entry *route_lookup6(const struct nfipsec_tunnel *tunnel, int oif, u8 proto,
				       const struct nfipsec_endpoints *ends)
{
	struct flowi6 fl6 = {
		.saddr = ends->local.ip6,
		.daddr = ends->remote.ip6,
		.flowlabel = ip6_make_flowinfo(nfipsec_set_tos(&tunnel->set), 0),
		.flowi6_oif = oif,
		.flowi6_mark = tunnel->mark,
		.flowi6_proto = proto,
	};
	struct dst_entry *dst;

	if (proto == IPPROTO_UDP) {
		fl6.fl6_sport = ends->local_port;
		fl6.fl6_dport = ends->remote_port;
	}
	dst = ip6_route_output(tunnel->nn->net, NULL, &fl6);
	if (!dst->error)
		return dst;
	dst_release(dst);
	return NULL;
}

/**
 * nfipsec_xmit_lookup - a route of the outer packets, by asking the stack
 * @tunnel: the tunnel
 * @sa: the outbound SA; NULL for none, then they are ESP, or AH of a bundle
 * @family: of the addresses
 * @ends: from, all zeros for any, and to
 *
 * By what the outer packets will have: addresses, protocol, UDP ports, mark, and the DSCP
 * where the configuration fixes it. RCU read side.
 *
 * Return: a reference for dst_release(), or NULL.
 */
struct dst_entry *nfipsec_xmit_lookup(const struct nfipsec_tunnel *tunnel,
				      const struct nfipsec_sa *sa, u8 family,
				      const struct nfipsec_endpoints *ends)
{
	u8 proto = outer_proto(tunnel, sa);
	int oif = nfipsec_xmit_oif(tunnel);
	struct dst_entry *dst;

	if (oif < 0)
		return NULL;
	dst = family == AF_INET ? route_lookup4(tunnel, oif, proto, ends) :
				  route_lookup6(tunnel, oif, proto, ends);
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
 * RCU read side, bottom halves off.
 *
 * Return: a reference for dst_release(), or NULL.
 */
struct dst_entry *nfipsec_xmit_route(const struct nfipsec_sa *sa)
{
	/* the cache in it is not constant */
	struct nfipsec_endpoints *ends = (struct nfipsec_endpoints *)nfipsec_sa_ends(sa);
	struct dst_entry *dst = dst_cache_get(&ends->route);

	if (likely(dst))
		return dst;
	dst = nfipsec_xmit_lookup(sa->tunnel, sa, sa->family, ends);
	if (dst && sa->family == AF_INET)
		dst_cache_set_ip4(&ends->route, dst, ends->local.ip);
	else if (dst)
		dst_cache_set_ip6(&ends->route, dst, &ends->local.ip6);
	return dst;
}

/*
 * Our own outer packets are not classified again; nested tunnels have their own entries. Nor
 * is a packet that xfrm has transformed and will transform again: xfrm reads its dst behind
 * the hook, and shows the hook the final packet, too.
 */
bool nfipsec_xmit_is_outer(const struct sk_buff *skb)
{
	bool unfinished = dst_xfrm(skb_dst(skb));
	u8 proto;

	if (ip_hdr(skb)->version == 6) {
		/* in transport mode extension headers may come first */
		proto = ipv6_hdr(skb)->nexthdr;
		return IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED &&
		       (unfinished || proto == IPPROTO_ESP || proto == IPPROTO_AH ||
			proto == IPPROTO_UDP || ipv6_ext_hdr(proto));
	}
	proto = ip_hdr(skb)->protocol;
	return IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED &&
	       (unfinished || proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_UDP);
}

/**
 * nfipsec_xmit_is_local - is an address this host's?
 * @net: the namespace
 * @family: AF_INET or AF_INET6
 * @addr: the address
 *
 * RCU read side.
 *
 * Return: true if it is.
 */
bool nfipsec_xmit_is_local(struct net *net, u8 family, const union nfipsec_addr *addr)
{
	if (family == AF_INET)
		return inet_addr_type(net, addr->ip) == RTN_LOCAL;
	return ipv6_chk_addr(net, &addr->ip6, NULL, 0);
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
		/*
		 * As if forwarded: by the route's own MTU, not by what the path to the peer is
		 * said to carry. That we follow ourselves (mtu.c), since a local sender whose
		 * packets do not fit the tunnel is told so of the same destination, often.
		 */
		IPCB(skb)->flags = IPSKB_XFRM_TRANSFORMED | IPSKB_FORWARDED;
		ip_local_out(net, NULL, skb);
	} else {
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
		IP6CB(skb)->flags = IP6SKB_XFRM_TRANSFORMED;
		/* ip6_fragment() takes references, and the route may have none left to give */
		if (skb->len > dst_mtu(dst) && !skb_dst_force(skb)) {
			nfipsec_drop(sa->nn, skb, NFIPSEC_STAT_OUT_NO_ROUTE);
			goto out;
		}
		ip6_local_out(net, NULL, skb);
	}
out:
	this_cpu_dec(depth);
}
