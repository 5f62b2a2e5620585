// SPDX-License-Identifier: GPL-2.0
/* Where packets come in from netfilter; no other file names NF_* verdicts. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ipv6_frag.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include <net/netfilter/nf_conntrack.h>

#include "path.h"

static unsigned int verdict_to_nf(struct nfipsec_net *nn, enum nfipsec_verdict verdict,
				  enum nfipsec_stat reason)
{
	int err;

	switch (verdict) {
	case NFIPSEC_VERDICT_PASS:
	case NFIPSEC_VERDICT_REDIRECTED:
		return NF_ACCEPT;
	case NFIPSEC_VERDICT_DROP:
		break;
	}
	/* netfilter frees it, and tells a local sender why */
	nfipsec_stat_add(nn, reason, 1);
	err = reason == NFIPSEC_STAT_OUT_TOO_BIG ? -EMSGSIZE : -EPERM;
	/* a plain name: the macro puts no parentheses around its argument */
	return NF_DROP_ERR(err);
}

/*
 * br_netfilter shows us frames that are bridged, not routed. They are no traffic of
 * this host, and a route to nfipsec0 would change nothing about their way.
 */
static bool is_bridged(const struct sk_buff *skb)
{
	if (!skb_dst(skb) || skb_dst(skb)->flags & DST_FAKE_RTABLE)
		return true;
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	/* DNAT to another port of the bridge, which has a route */
	return nf_bridge_get_physoutdev(skb);
#else
	return false;
#endif
}

/**
 * nfipsec_hook_confirm - let conntrack take a connection into its table
 * @skb: a packet that passes no further hook, or that is about to be cloned
 *
 * conntrack does so with the last hook that the first packet of a connection passes. A
 * packet that ends at our hook would be the first one for ever. RCU read side.
 *
 * Return: false if conntrack wants the packet dropped.
 */
bool nfipsec_hook_confirm(struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);
	const struct nf_ct_hook *hook;

	if (ct && !nf_ct_is_confirmed(ct) && !nf_ct_is_template(ct)) {
		hook = rcu_dereference(nf_ct_hook);
		if (hook)
			return hook->confirm(skb) == NF_ACCEPT;
	}
#endif
	return true;
}

/* The stack chose the hook by the packet's protocol; a raw socket may write another version. */
static bool is_of_family(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return ip_hdr(skb)->version == (state->pf == NFPROTO_IPV4 ? 4 : 6);
}

/*
 * Is this the copy of a multicast or broadcast packet that the stack makes for listeners
 * on this host? IPv4 sends the copy through POST_ROUTING, too. The copy is a clone without
 * the sender's socket. IPv6 names the function that takes it.
 */
static bool is_loop_copy(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV6)
		return state->okfn == dev_loopback_xmit;
	if (!state->sk || skb->sk || !skb_cloned(skb))
		return false;
	/* of multicast the stack makes a copy for such sockets alone, which tunnels' are not */
	return skb_rtable(skb)->rt_flags & RTCF_BROADCAST ||
	       (skb_rtable(skb)->rt_flags & RTCF_MULTICAST && sk_mc_loop(state->sk));
}

/*
 * Not for us: our own outer packets (the hook would classify them for ever), packets to
 * nfipsec0 already, and packets that stay on this host. What leaves by a VRF comes here
 * again with the device behind it. A packet that was routed to nfipsec0 by hand goes into
 * the tunnel of its entry, or is dropped.
 */
static unsigned int post_routing(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;
	enum nfipsec_verdict verdict;

	if ((state->out == nn->dev && nfipsec_dev_route_is_ours(skb_dst(skb))) ||
	    (state->out->flags & IFF_LOOPBACK) || netif_is_l3_master(state->out) ||
	    unlikely(is_bridged(skb)))
		return NF_ACCEPT;
	if (unlikely(!is_of_family(skb, state)))
		return verdict_to_nf(nn, NFIPSEC_VERDICT_DROP, NFIPSEC_STAT_OUT_MALFORMED);
	if (nfipsec_xmit_is_outer(skb))
		return NF_ACCEPT;
	/* taken, not accepted: were it no copy, it would leave this host in clear */
	if (unlikely(is_loop_copy(skb, state))) {
		if (!nfipsec_hook_confirm(skb))
			return NF_DROP;
		dev_loopback_xmit(state->net, state->sk, skb);
		return NF_STOLEN;
	}
	verdict = nfipsec_output_classify(nn, skb, state->sk, &reason);
	if (unlikely(state->out == nn->dev) && verdict == NFIPSEC_VERDICT_PASS) {
		reason = NFIPSEC_STAT_OUT_NO_ENTRY;
		verdict = NFIPSEC_VERDICT_DROP;
	}
	return verdict_to_nf(nn, verdict, reason);
}

/*
 * Fragments that came protected are put together with none that came in clear, or what
 * came last would say for all of them that it was protected: RFC 4301 5.2 wants each
 * packet judged, and reassembly is before the hooks that judge. So theirs is ours, under
 * a name that the stack and conntrack leave alone: conntrack's for bridges in its last
 * zone.
 */
static unsigned int defrag_ipv4(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->in != nfipsec_net(state->net)->dev || likely(!ip_is_fragment(ip_hdr(skb))))
		return NF_ACCEPT;
	if (ip_defrag(state->net, skb, __IP_DEFRAG_CONNTRACK_BRIDGE_IN))
		return NF_STOLEN;
	/* the way on may want it in fragments again */
	skb->ignore_df = 1;
	return NF_ACCEPT;
}

static unsigned int defrag_ipv6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	int err;

	if (state->in != nfipsec_net(state->net)->dev ||
	    likely(!ipv6_ext_hdr(ipv6_hdr(skb)->nexthdr)))
		return NF_ACCEPT;
	err = nf_ct_frag6_gather(state->net, skb, __IP6_DEFRAG_CONNTRACK_BRIDGE_IN);
	if (err == -EINPROGRESS)
		return NF_STOLEN;
	/* it has been counted as opened; what reassembly loses the stack counts */
	return err ? NF_DROP : NF_ACCEPT;
}

/* behind the rules of PRE_ROUTING, and before the stack routes the packet */
static unsigned int before_route4(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);

	if (state->in == nn->dev) {
		nfipsec_rpfilter_end(skb);
		nfipsec_deliver_route(nn, skb);
	}
	return NF_ACCEPT;
}

static unsigned int before_route6(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);

	if (state->in == nn->dev) {
		nfipsec_rpfilter_end(skb);
		nfipsec_deliver_route6(nn, skb);
	}
	return NF_ACCEPT;
}

/* the device that the packet arrived on, where that is enslaved to the VRF @state names */
static int slave_of(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_IPV4 ? inet_sdif(skb) : inet6_sdif(skb);
}

/*
 * Needs the packet no protection? The module delivered it on nfipsec0 (others can set a
 * mark, but not send from that device), or this host sent it to itself: by the loop-back
 * device, by a VRF, or as a copy of its own multicast. Only the stack sets PACKET_LOOPBACK.
 */
static bool arrived_protected(const struct nfipsec_net *nn, const struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	return state->in == nn->dev || (state->in->flags & IFF_LOOPBACK) ||
	       skb->pkt_type == PACKET_LOOPBACK ||
	       (netif_is_l3_master(state->in) && slave_of(skb, state) == nn->dev->ifindex);
}

static bool is_from_bridge(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb);
#else
	return false;
#endif
}

/* judges what is neither ESP nor AH of ours */
static unsigned int check_cleartext(struct nfipsec_net *nn, struct sk_buff *skb,
				    const struct nf_hook_state *state, enum nfipsec_when when)
{
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;
	enum nfipsec_verdict verdict;

	if (arrived_protected(nn, skb, state))
		return NF_ACCEPT;
	/* a VRF has lost the mark of what this host sends to itself, and PRE_ROUTING saw all */
	if (when != NFIPSEC_BEFORE_NAT && netif_is_l3_master(state->in) &&
	    !is_from_bridge(skb) && !nfipsec_input_is_left(nn, skb))
		return NF_ACCEPT;
	/* in two steps: @reason is read only after it was set */
	verdict = nfipsec_input_check_cleartext(nn, skb, when, &reason);
	return verdict_to_nf(nn, verdict, reason);
}

/*
 * Clear text is judged as it was on the wire: behind reassembly, before any rule, and
 * before conntrack and IPVS translate its addresses. LOCAL_IN and FORWARD judge again, by
 * conntrack's tuple: what this hook leaves to them, and packets that come by another way
 * (out of a bridge, or out of segment routing). A frame that br_netfilter shows may be
 * bridged, which nobody knows before the bridge has decided.
 */
static unsigned int pre_routing(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);

	if (state->in == nn->dev) {
		nfipsec_rpfilter_begin(skb);
		return NF_ACCEPT;
	}
	if (unlikely(is_from_bridge(skb)))
		return NF_ACCEPT;
	return check_cleartext(nn, skb, state, NFIPSEC_BEFORE_NAT);
}

/* neither opened nor queued */
static unsigned int not_ours(struct nfipsec_net *nn, struct sk_buff *skb,
			     const struct nf_hook_state *state, const struct nfipsec_headers *h)
{
	__be32 spi;

	switch (h->proto) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		if (nfipsec_input_spi(skb, h, &spi))
			nfipsec_stat_add_bh(nn, NFIPSEC_STAT_IN_UNKNOWN_SPI, 1);
		break;
	case IPPROTO_UDP:
		if (likely(!nfipsec_natt_is_mixed(skb, h)))
			break;
		if (!nfipsec_hook_confirm(skb))
			return NF_DROP;
		nfipsec_natt_open_many(nn, skb, h);
		return NF_STOLEN;
	case IPPROTO_ICMP:
		nfipsec_mtu_icmp4(nn, skb);
		break;
	case IPPROTO_ICMPV6:
		nfipsec_mtu_icmp6(nn, skb, h->upper);
		break;
	}
	return check_cleartext(nn, skb, state, NFIPSEC_LOCAL_IN);
}

/*
 * A packet for this host: opened where it is ESP or AH of ours, queued where it will be.
 * Bottom halves off.
 */
static unsigned int receive_for_host(struct nfipsec_net *nn, struct sk_buff *skb,
				     const struct nf_hook_state *state)
{
	struct nfipsec_awaited *awaited;
	struct nfipsec_headers h;
	struct nfipsec_sa *sa;

	/*
	 * Defragmented by now; nested ESP comes through nfipsec0. What a routing header sends
	 * on is not for us to open, and the stack discards most of it (RFC 5095 3).
	 */
	if (nfipsec_pkt_headers(skb, 0, &h) || h.fragment || h.routed)
		return check_cleartext(nn, skb, state, NFIPSEC_LOCAL_IN);
	awaited = nfipsec_await_find(nn, skb, &h, &sa);
	if (!sa && !awaited)
		return not_ours(nn, skb, state, &h);
	if (unlikely(h.options) && !nfipsec_input_options(nn, skb, &h))
		return NF_STOLEN;
	if (!nfipsec_hook_confirm(skb))
		return NF_DROP;
	if (unlikely(awaited))
		nfipsec_await_hold(nn, awaited, skb);
	else
		nfipsec_input_open(sa, skb, &h);
	return NF_STOLEN;
}

/*
 * A verdict from user space brings the packet here in process context (NFQUEUE), and what
 * is per CPU behind this relies on bottom halves.
 */
static unsigned int local_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	unsigned int verdict;

	local_bh_disable();
	verdict = receive_for_host(nfipsec_net(state->net), skb, state);
	local_bh_enable();
	return verdict;
}

/*
 * IPVS takes packets off LOCAL_IN, before the rules and before us. PRE_ROUTING has judged
 * them, but for those that come out of a bridge.
 */
static unsigned int local_in_first(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	if (likely(!is_from_bridge(skb)))
		return NF_ACCEPT;
	return check_cleartext(nfipsec_net(state->net), skb, state, NFIPSEC_BEFORE_NAT);
}

static unsigned int forward(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (unlikely(is_bridged(skb)))
		return NF_ACCEPT;
	return check_cleartext(nfipsec_net(state->net), skb, state, NFIPSEC_FORWARD);
}

/* before any rule that could put the packet's connection into a flow table */
static unsigned int forward_first(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	nfipsec_flow_forward(nfipsec_net(state->net), skb, state);
	return NF_ACCEPT;
}

/*
 * Late on each hook: the administrator's own rules, which may drop ESP or clear
 * text, come first; after us only conntrack's confirm at INT_MAX.
 */
#define HOOK(function, family, number) HOOK_AT(function, family, number, INT_MAX - 1)
#define HOOK_AT(function, family, number, when) \
	{ .hook = function, .pf = NFPROTO_##family, .hooknum = NF_INET_##number, .priority = when }

static const struct nf_hook_ops hooks[] = {
	HOOK_AT(defrag_ipv4, IPV4, PRE_ROUTING, NF_IP_PRI_CONNTRACK_DEFRAG - 1),
	HOOK_AT(pre_routing, IPV4, PRE_ROUTING, NF_IP_PRI_CONNTRACK_DEFRAG + 1),
	HOOK(before_route4, IPV4, PRE_ROUTING),
	HOOK_AT(local_in_first, IPV4, LOCAL_IN, NF_IP_PRI_FIRST),
	HOOK(local_in, IPV4, LOCAL_IN),
	HOOK_AT(forward_first, IPV4, FORWARD, NF_IP_PRI_FIRST),
	HOOK(forward, IPV4, FORWARD),
	HOOK(post_routing, IPV4, POST_ROUTING),
	HOOK_AT(defrag_ipv6, IPV6, PRE_ROUTING, NF_IP6_PRI_CONNTRACK_DEFRAG - 1),
	HOOK_AT(pre_routing, IPV6, PRE_ROUTING, NF_IP6_PRI_CONNTRACK_DEFRAG + 1),
	HOOK(before_route6, IPV6, PRE_ROUTING),
	HOOK_AT(local_in_first, IPV6, LOCAL_IN, NF_IP6_PRI_FIRST),
	HOOK(local_in, IPV6, LOCAL_IN),
	HOOK_AT(forward_first, IPV6, FORWARD, NF_IP6_PRI_FIRST),
	HOOK(forward, IPV6, FORWARD),
	HOOK(post_routing, IPV6, POST_ROUTING),
};

int nfipsec_hook_register(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

void nfipsec_hook_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

/**
 * nfipsec_hook_defrag - reassemble fragments before routing from now on
 * @nn: the namespace; nfipsec_net.config is held
 * @family: whose
 *
 * Access lists judge whole packets (RFC 4301 7, stateful fragment checking): a fragment has
 * no ports, and ESP and IKE in fragments are told from other packets only when whole.
 *
 * Return: 0 or an errno.
 */
int nfipsec_hook_defrag(struct nfipsec_net *nn, u8 family)
{
	bool *on = family == AF_INET ? &nn->defrag4 : &nn->defrag6;
	int err;

	lockdep_assert_held(&nn->config);
	if (*on)
		return 0;
	err = family == AF_INET ? nf_defrag_ipv4_enable(nn->net) : nf_defrag_ipv6_enable(nn->net);
	*on = !err;
	return err;
}

/* The policy that asked for it is gone, or was refused; nfipsec_net.config is held. */
void nfipsec_hook_defrag_stop(struct nfipsec_net *nn)
{
	lockdep_assert_held(&nn->config);
	if (nn->defrag4)
		nf_defrag_ipv4_disable(nn->net);
	if (nn->defrag6)
		nf_defrag_ipv6_disable(nn->net);
	nn->defrag4 = nn->defrag6 = false;
}
