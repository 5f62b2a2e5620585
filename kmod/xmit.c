// SPDX-License-Identifier: GPL-2.0
/* Back to the stack with outer packets: their route, the MTU it leaves us, the hand-over. */
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/netfilter_ipv4.h>
#include <net/dst_cache.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/route.h>

#include "esp.h"
#include "path.h"

/* ESP in ESP in ESP: deeper is a mistake, and each level takes kernel stack */
#define DEPTH_MAX 4

/* outer headers and AES-GCM-16's part, for a tunnel that has no SA to ask yet */
#define MTU_DEFAULT_OVERHEAD	(sizeof(struct iphdr) + ESP_HDR_LEN + 16 + 16 + 16 + 2)

static DEFINE_PER_CPU(int, depth);

static struct rtable *route_lookup(struct nfipsec_net *nn, __be32 local, __be32 remote)
{
	struct flowi4 fl4 = {
		.saddr = local,
		.daddr = remote,
		.flowi4_proto = IPPROTO_ESP,
	};
	struct rtable *rt = ip_route_output_key(nn->net, &fl4);

	if (IS_ERR(rt))
		return NULL;
	/* routed into nfipsec0 by hand, it would come back for ever */
	if (rt->dst.dev == nn->dev) {
		ip_rt_put(rt);
		return NULL;
	}
	return rt;
}

/**
 * nfipsec_xmit_route - the route of a tunnel's outer packets
 * @tunnel: the tunnel, which caches it
 * @sa: the SA, which has the addresses
 *
 * Bottom halves off. Return: a reference for ip_rt_put(), or NULL.
 */
struct rtable *nfipsec_xmit_route(struct nfipsec_tunnel *tunnel, const struct nfipsec_sa *sa)
{
	__be32 saddr;
	struct rtable *rt = dst_cache_get_ip4(&tunnel->outer, &saddr);

	if (likely(rt && saddr == sa->local.ip))
		return rt;
	if (rt)
		ip_rt_put(rt);
	rt = route_lookup(tunnel->nn, sa->local.ip, sa->remote.ip);
	if (rt)
		dst_cache_set_ip4(&tunnel->outer, &rt->dst, sa->local.ip);
	return rt;
}

static void set_mtu(struct nfipsec_tunnel *tunnel, u32 mtu)
{
	u32 *metric = &tunnel->metrics.metrics[RTAX_MTU - 1];

	mtu = max_t(u32, mtu, IPV4_MIN_MTU);
	if (tunnel->set.mtu)
		mtu = min(mtu, tunnel->set.mtu);
	if (READ_ONCE(*metric) != mtu)
		WRITE_ONCE(*metric, mtu);
}

/**
 * nfipsec_xmit_mtu - follow the MTU of the outer path
 * @tunnel: the tunnel; its routes read the new figure at once
 * @sa: the SA whose overhead counts
 * @rt: the outer route, with what path MTU discovery learned
 */
void nfipsec_xmit_mtu(struct nfipsec_tunnel *tunnel, const struct nfipsec_sa *sa,
		      const struct rtable *rt)
{
	u32 room = dst_mtu(&rt->dst) - nfipsec_sa_outer_len(sa);

	set_mtu(tunnel, nfipsec_esp_fit(nfipsec_crypto_alg(sa->crypto), room));
}

/**
 * nfipsec_dev_mtu_update - the MTU before there is traffic
 * @tunnel: the tunnel
 *
 * From the newest SA where there is one, else a careful guess.
 */
void nfipsec_dev_mtu_update(struct nfipsec_tunnel *tunnel)
{
	struct nfipsec_net *nn = tunnel->nn;
	const struct nfipsec_sa *sa;
	struct rtable *rt = NULL;

	rcu_read_lock();
	sa = list_first_or_null_rcu(&tunnel->sas_out, struct nfipsec_sa, tunnel_link);
	if (sa)
		rt = route_lookup(nn, sa->local.ip, sa->remote.ip);
	else if (tunnel->has_remote)
		rt = route_lookup(nn, tunnel->has_local ? tunnel->local.ip : 0, tunnel->remote.ip);
	if (rt && sa)
		nfipsec_xmit_mtu(tunnel, sa, rt);
	else
		set_mtu(tunnel, (rt ? dst_mtu(&rt->dst) : ETH_DATA_LEN) - MTU_DEFAULT_OVERHEAD);
	if (rt)
		ip_rt_put(rt);
	rcu_read_unlock();
}

/**
 * nfipsec_xmit_too_big - a packet with DF that the tunnel cannot carry whole
 * @tunnel: the tunnel
 * @skb: the packet, as it came to nfipsec0, its dst still on it
 *
 * The stack has compared most packets with the tunnel's MTU before; what was
 * held since, or is sent by a socket that ignores the path MTU, is compared here.
 * The sender is told, as a router would. Return: true to drop it.
 */
bool nfipsec_xmit_too_big(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	u32 mtu = nfipsec_tunnel_mtu(tunnel);

	if (likely(skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu))
		return false;
	if (!(ip_hdr(skb)->frag_off & htons(IP_DF)) || skb->ignore_df)
		return false;
	icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	return true;
}

/**
 * nfipsec_xmit_icmp - a router could not carry one of our outer packets whole
 * @nn: the namespace
 * @skb: an ICMP message for this host, at its IP header; it goes on to the stack
 *
 * The stack hands such a message to who owns the protocol, and nobody may own ESP.
 * So we note the path's MTU, if the message quotes an SA of ours (RFC 4301 8.2.1);
 * the tunnel's follows with the next packet. RCU read side.
 */
void nfipsec_xmit_icmp(struct nfipsec_net *nn, struct sk_buff *skb)
{
	unsigned int head = ip_hdrlen(skb), quoted = head + sizeof(struct icmphdr), len;
	const struct nfipsec_sa *sa;
	const struct icmphdr *icmp;
	union nfipsec_addr remote;
	const struct iphdr *ip;
	u8 proto;

	if (!pskb_may_pull(skb, quoted + sizeof(*ip)))
		return;
	icmp = (const struct icmphdr *)(skb->data + head);
	if (icmp->type != ICMP_DEST_UNREACH || icmp->code != ICMP_FRAG_NEEDED)
		return;
	ip = (const struct iphdr *)(skb->data + quoted);
	len = ip->ihl * 4;
	if (len < sizeof(*ip))
		return;
	proto = ip->protocol;
	if (proto == IPPROTO_UDP)
		len += sizeof(struct udphdr);
	else if (proto != IPPROTO_ESP)
		return;
	/* of UDP some routers quote no more than its header, and whose it is cannot be told */
	if (!pskb_may_pull(skb, quoted + len + ESP_HDR_LEN))
		return;
	icmp = (const struct icmphdr *)(skb->data + head);
	ip = (const struct iphdr *)(skb->data + quoted);
	if (!icmp->un.frag.mtu)
		return;
	remote.ip = ip->daddr;
	sa = nfipsec_sadb_find(nn, NFIPSEC_DIR_OUT, IPPROTO_ESP, *(__be32 *)((u8 *)ip + len),
			       AF_INET, &remote);
	if (!sa || sa->local.ip != ip->saddr || !sa->encap_local_port != (proto == IPPROTO_ESP) ||
	    nf_ip_checksum(skb, NF_INET_LOCAL_IN, head, IPPROTO_ICMP))
		return;
	/* it reads the quoted header from skb->data */
	__skb_pull(skb, quoted);
	ipv4_update_pmtu(skb, nn->net, ntohs(icmp->un.frag.mtu), 0, proto);
	__skb_push(skb, quoted);
}

/* our own outer packets are not classified again; nested tunnels have their own entries */
bool nfipsec_xmit_is_outer(const struct sk_buff *skb)
{
	u8 proto = ip_hdr(skb)->protocol;

	return IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED &&
	       (proto == IPPROTO_ESP || proto == IPPROTO_UDP);
}

/**
 * nfipsec_xmit - hand an outer packet to the stack
 * @nn: the namespace
 * @rt: its route, borrowed under RCU
 * @skb: the packet; taken
 */
void nfipsec_xmit(struct nfipsec_net *nn, struct rtable *rt, struct sk_buff *skb)
{
	if (unlikely(this_cpu_inc_return(depth) > DEPTH_MAX)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_LOOP);
	} else {
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		IPCB(skb)->flags = IPSKB_XFRM_TRANSFORMED;
		skb_dst_drop(skb);
		skb_dst_set_noref(skb, &rt->dst);
		ip_local_out(nn->net, NULL, skb);
	}
	this_cpu_dec(depth);
}
