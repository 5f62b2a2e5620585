// SPDX-License-Identifier: GPL-2.0
/*
 * How large an inner packet may be: from the outer route, from what routers said of our
 * packets, less what protection takes; and what the sender of a larger one is told.
 */
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/addrconf.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "ah.h"
#include "esp.h"
#include "path.h"

/* AES-GCM-16's part, for a tunnel that has no SA to ask yet */
#define DEFAULT_OVERHEAD	(ESP_HDR_LEN + 16 + 16 + 16 + 2)

/* RFC 1191 6.3: a path that was narrow may be wide again after ten minutes */
#define LEARNED_FOR		(10 * 60 * HZ)

/* The smallest MTU that a report may lead to; the stack has the same limit. */
#define LEARNED_MIN		552

/*
 * The same of a message that does not quote the SPI. Ports and addresses can be guessed, so
 * a forged one must not do more harm than a path does that IPv6 has to put up with.
 */
#define LEARNED_MIN_BLIND	IPV6_MIN_MTU

/* how often all SAs are compared with such a message */
#define BLIND_INTERVAL		(HZ / 20)

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

/*
 * The route's own MTU. What the stack has learned of the path is left out: it learns of
 * the tunnel, too, when the tunnel's peer is an inner destination as well, and the one
 * would make the other smaller and smaller.
 */
static u32 route_mtu(const struct dst_entry *dst)
{
	const struct fib6_info *from;
	const struct inet6_dev *idev;
	u32 mtu;

	if (dst->ops->family == AF_INET)
		return dst_metric_raw(dst, RTAX_MTU) ?: dst->dev->mtu;
	from = rcu_dereference(((const struct rt6_info *)dst)->from);
	mtu = from ? from->fib6_pmtu : 0;
	idev = __in6_dev_get(dst->dev);
	if (!mtu && idev)
		mtu = READ_ONCE(idev->cnf.mtu6);
	return mtu ?: dst->dev->mtu;
}

/* the route's, or less where a router said so */
static u32 path_mtu(const struct nfipsec_tunnel *tunnel, const struct dst_entry *dst)
{
	u32 mtu = route_mtu(dst), learned = READ_ONCE(tunnel->learned_mtu);

	if (unlikely(learned && learned < mtu &&
		     time_before(jiffies, READ_ONCE(tunnel->learned_until))))
		return learned;
	return mtu;
}

/**
 * nfipsec_mtu_follow - follow the MTU of the outer path
 * @bundle: the SAs whose overhead counts; the routes of their tunnel read the new figure at
 *	once
 * @dst: the outer route
 */
void nfipsec_mtu_follow(const struct nfipsec_bundle *bundle, const struct dst_entry *dst)
{
	struct nfipsec_tunnel *tunnel = bundle->sa->tunnel;

	set_mtu(tunnel, nfipsec_sa_inner_mtu(bundle->sa, bundle->ah, path_mtu(tunnel, dst)));
}

/**
 * nfipsec_mtu_update - the MTU before there is traffic
 * @tunnel: the tunnel
 *
 * From the newest SA where there is one, else a careful guess.
 */
void nfipsec_mtu_update(struct nfipsec_tunnel *tunnel)
{
	unsigned int overhead = DEFAULT_OVERHEAD +
		nfipsec_ip_len(tunnel->family == AF_INET ? AF_INET : AF_INET6);
	struct dst_entry *dst = NULL;
	struct nfipsec_bundle bundle;
	bool known;

	rcu_read_lock();
	known = nfipsec_sadb_find_out(tunnel, NULL, &bundle);
	if (known) {
		dst = nfipsec_xmit_lookup(tunnel, bundle.sa, bundle.sa->family,
					  nfipsec_sa_ends(bundle.sa));
	} else if (tunnel->has_remote) {
		const struct nfipsec_endpoints ends = {
			.local = tunnel->local, .remote = tunnel->remote };

		dst = nfipsec_xmit_lookup(tunnel, NULL, tunnel->family, &ends);
	}
	if (known && dst)
		nfipsec_mtu_follow(&bundle, dst);
	else
		set_mtu(tunnel, (dst ? max(path_mtu(tunnel, dst), overhead) : ETH_DATA_LEN) -
				overhead);
	dst_release(dst);
	rcu_read_unlock();
}

static bool fits_mtu(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/*
 * To the error queue of a socket, as the stack does for a datagram that does not fit its
 * device.
 */
static void tell_socket6(const struct sk_buff *skb, u32 mtu)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);
	struct sock *sk = skb->sk;
	struct sock_exterr_skb *err;
	struct ipv6hdr *copy;
	struct sk_buff *note;

	if (!sk || !sk_fullsock(sk) || sk->sk_family != AF_INET6 || !nfipsec_compat_recverr6(sk))
		return;
	note = alloc_skb(sizeof(*ip6), GFP_ATOMIC);
	if (!note)
		return;
	note->protocol = htons(ETH_P_IPV6);
	copy = skb_put_data(note, ip6, sizeof(*ip6));
	skb_reset_network_header(note);
	err = SKB_EXT_ERR(note);
	memset(&err->ee, 0, sizeof(err->ee));
	err->ee.ee_errno = EMSGSIZE;
	err->ee.ee_origin = SO_EE_ORIGIN_LOCAL;
	err->ee.ee_info = mtu;
	err->addr_offset = (u8 *)&copy->daddr - skb_network_header(note);
	err->port = inet_sk(sk)->inet_dport;
	__skb_pull(note, skb_tail_pointer(note) - note->data);
	skb_reset_transport_header(note);
	if (sock_queue_err_skb(sk, note))
		kfree_skb(note);
}

/**
 * nfipsec_mtu_tell_route - let the sender's route learn the tunnel's MTU
 * @tunnel: the tunnel
 * @skb: this host's own packet or one that it forwards, its first dst still on it
 *
 * GRE, VXLAN, IPIP and others that encapsulate in the kernel ask the route to their peer
 * how much fits, and tell the sender of what they carry. With xfrm that route is a bundle,
 * which knows. Here it is the route that the packet had before us: it learns as from a
 * router's "fragmentation needed". ICMP alone does not do it: gre_err() looks for the
 * route by the device of the message, which is lo. Over IPv6 in transport mode the outer
 * packets have that route, too, and would be fragmented by the inner MTU.
 */
void nfipsec_mtu_tell_route(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);
	struct net *net = tunnel->nn->net;
	u32 mtu = nfipsec_tunnel_mtu(tunnel);

	if (likely(fits_mtu(skb, mtu)) || nfipsec_dev_route_is_ours(dst))
		return;
	if (ip_hdr(skb)->version == 4) {
		if (inet_addr_type_dev_table(net, dst->dev, ip_hdr(skb)->saddr) != RTN_LOCAL)
			return;
	} else {
		mtu = max_t(u32, mtu, IPV6_MIN_MTU);
		if (tunnel->mode == NFIPSEC_MODE_TRANSPORT ||
		    !ipv6_chk_addr(net, &ipv6_hdr(skb)->saddr, NULL, 0))
			return;
	}
	if (dst_mtu(dst) > mtu)
		skb_dst_update_pmtu_no_confirm(skb, mtu);
}

/*
 * This host's own packet in transport mode goes where the outer one goes, and the stack
 * would take the tunnel's MTU for the path's, and fragment by it what we send. So the
 * socket alone is told. TCP, which began with an MSS that fits (nfipsec_pkt_clamp_mss()),
 * has no ear for that; its segments go in fragments until the path is wide again. So do
 * the packets of what encapsulates in the kernel: the socket, if any, is of what they carry.
 */
static int too_big_for_own6(const struct sk_buff *skb, u32 mtu)
{
	const struct sock *sk = skb->sk;
	u8 proto = ipv6_hdr(skb)->nexthdr;

	if (proto == IPPROTO_TCP || !sk || !sk_fullsock(sk) ||
	    (!ipv6_ext_hdr(proto) && sk->sk_protocol != proto))
		return 1;
	tell_socket6(skb, mtu);
	return -EMSGSIZE;
}

/**
 * nfipsec_mtu_check - does a packet fit the tunnel?
 * @tunnel: the tunnel
 * @skb: the packet at its IP header, its dst still on it
 *
 * The stack has fragmented many packets by the tunnel's MTU, or told their sender,
 * before. The others are those of transport mode, which is for whole packets (RFC 4303
 * 3.3.4), of entries with ports, what was held since, and what a socket sends that
 * ignores the path MTU.
 *
 * Return: 0; 1 when it does not, and the outer packet may be fragmented; -EMSGSIZE when
 * it may not, and the sender has been told, as a router would.
 */
int nfipsec_mtu_check(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	u32 mtu = nfipsec_tunnel_mtu(tunnel);

	if (likely(fits_mtu(skb, mtu)))
		return 0;
	if (skb->ignore_df)
		return 1;
	if (ip_hdr(skb)->version == 4) {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)))
			return 1;
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
		return -EMSGSIZE;
	}
	if (mtu < IPV6_MIN_MTU && fits_mtu(skb, IPV6_MIN_MTU))
		return 1;
	mtu = max_t(u32, mtu, IPV6_MIN_MTU);
	if (tunnel->mode == NFIPSEC_MODE_TRANSPORT &&
	    ipv6_chk_addr(tunnel->nn->net, &ipv6_hdr(skb)->saddr, NULL, 0))
		return too_big_for_own6(skb, mtu);
	icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
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
	const struct nfipsec_endpoints *ends;
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
 * nfipsec_mtu_is_quoted - does an ICMP error quote a packet of an SA of ours?
 * @nn: the namespace
 * @skb: the error
 * @quoted: offset of the quoted IP header from skb->data
 *
 * RCU read side.
 *
 * Return: true if it quotes ESP or AH of an outbound SA, with the SPI.
 */
bool nfipsec_mtu_is_quoted(struct nfipsec_net *nn, struct sk_buff *skb, unsigned int quoted)
{
	return quoted_sa(nn, skb, quoted);
}

static bool has_ends(const struct nfipsec_sa *sa, const struct iphdr *ip, const struct udphdr *udp)
{
	const struct nfipsec_endpoints *ends;

	if (sa->dir != NFIPSEC_DIR_OUT || !sa->encap || sa->family != AF_INET)
		return false;
	ends = nfipsec_sa_ends(sa);
	return ends->local.ip == ip->saddr && ends->remote.ip == ip->daddr &&
	       ends->local_port == udp->source && ends->remote_port == udp->dest;
}

/*
 * Many routers quote no more than RFC 792 asks for: the IP header and 64 bits, which of UDP
 * are its header, and no SPI. Addresses and ports name a tunnel, unless SAs of several have
 * them in common. Returns one of its SAs, or NULL.
 */
static const struct nfipsec_sa *quoted_udp(struct nfipsec_net *nn, struct sk_buff *skb,
					   unsigned int quoted)
{
	const struct nfipsec_sa *sa, *found = NULL;
	struct nfipsec_headers h;
	const struct udphdr *udp;
	const struct iphdr *ip;

	if (nfipsec_pkt_headers(skb, quoted, &h) || h.proto != IPPROTO_UDP ||
	    !pskb_may_pull(skb, quoted + h.upper + sizeof(*udp)))
		return NULL;
	/* with an SPI it is quoted_sa()'s; one that is wrong is no reason to trust the rest */
	if (skb->len >= quoted + h.upper + sizeof(*udp) + sizeof(__be32))
		return NULL;
	ip = (const struct iphdr *)(skb->data + quoted);
	udp = (const struct udphdr *)(skb->data + quoted + h.upper);
	/* anybody can send these, and there may be many SAs */
	if (time_before(jiffies, READ_ONCE(nn->blind_next)))
		return NULL;
	WRITE_ONCE(nn->blind_next, jiffies + BLIND_INTERVAL);
	list_for_each_entry_rcu(sa, &nn->sas, link) {
		if (!has_ends(sa, ip, udp))
			continue;
		if (found && found->tunnel != sa->tunnel)
			return NULL;
		found = sa;
	}
	return found;
}

/* @mtu: of a router on the way, which has shown that it saw a packet of the SA */
static void learn_pmtu(const struct nfipsec_sa *sa, u32 mtu, u32 least)
{
	struct nfipsec_tunnel *tunnel = sa->tunnel;
	u32 learned = READ_ONCE(tunnel->learned_mtu);

	mtu = max(mtu, least);
	/* the narrowest of those that still count */
	if (learned && learned < mtu && time_before(jiffies, READ_ONCE(tunnel->learned_until)))
		return;
	WRITE_ONCE(tunnel->learned_until, jiffies + LEARNED_FOR);
	WRITE_ONCE(tunnel->learned_mtu, mtu);
}

/**
 * nfipsec_mtu_icmp4 - a router could not carry one of our outer packets whole
 * @nn: the namespace
 * @skb: an ICMP message for this host, at its IP header; it goes on to the stack
 *
 * We note the path's MTU, if the message quotes an SA of ours (RFC 4301 8.2.1); the
 * tunnel's follows with the next packet. RCU read side.
 */
void nfipsec_mtu_icmp4(struct nfipsec_net *nn, struct sk_buff *skb)
{
	unsigned int head = ip_hdrlen(skb), quoted = head + sizeof(struct icmphdr);
	const struct icmphdr *icmp;
	const struct nfipsec_sa *sa;
	u32 least = LEARNED_MIN;
	u16 mtu;

	if (ip_hdr(skb)->version != 4 || !pskb_may_pull(skb, quoted + sizeof(struct iphdr)))
		return;
	icmp = (const struct icmphdr *)(skb->data + head);
	mtu = ntohs(icmp->un.frag.mtu);
	if (icmp->type != ICMP_DEST_UNREACH || icmp->code != ICMP_FRAG_NEEDED || !mtu)
		return;
	sa = quoted_sa(nn, skb, quoted);
	if (!sa && ((const struct iphdr *)(skb->data + quoted))->version == 4) {
		sa = quoted_udp(nn, skb, quoted);
		least = LEARNED_MIN_BLIND;
	}
	if (sa && sa->family == AF_INET &&
	    !nf_ip_checksum(skb, NF_INET_LOCAL_IN, head, IPPROTO_ICMP))
		learn_pmtu(sa, mtu, least);
}

/* the same of "packet too big"; @head: where ICMPv6 begins */
void nfipsec_mtu_icmp6(struct nfipsec_net *nn, struct sk_buff *skb, unsigned int head)
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
	learn_pmtu(sa, ntohl(mtu), IPV6_MIN_MTU);
	/*
	 * IPv6 packets are fragmented at their source alone, and the stack does it by what it
	 * knows of the path. Who owns ESP would tell it, and nobody may. It reads the quoted
	 * header from skb->data.
	 */
	__skb_pull(skb, quoted);
	ip6_update_pmtu(skb, nn->net, mtu, max(nfipsec_xmit_oif(sa->tunnel), 0),
			sa->tunnel->mark, sock_net_uid(nn->net, NULL));
	__skb_push(skb, quoted);
}
