// SPDX-License-Identifier: GPL-2.0
/*
 * Decrypted packets and the reverse path checks of firewalls: firewalld's and NixOS's
 * `fib saddr . mark . iif oif missing drop`, and the match "rpfilter" of iptables. They ask
 * whether the route to the source leaves by the device that the packet came by. Access
 * lists lead to nfipsec0, routes do not, so they would drop whatever comes out of a tunnel.
 * Which sources may come, the SA's selectors have said, and more strictly (RFC 4301 5.2).
 * What the host loops back to itself these checks let pass, by the packet's type: between
 * reassembly and the last PRE_ROUTING hooks decrypted packets have that type. Rules in these
 * hooks that compare `meta pkttype` see it as broadcast or multicast.
 */
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>

#include "path.h"

static unsigned int before_checks(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	if (state->in == nfipsec_net(state->net)->dev && skb->pkt_type == PACKET_HOST)
		skb->pkt_type = PACKET_LOOPBACK;
	return NF_ACCEPT;
}

/* a rule may have set another type meanwhile, which stays */
static bool after_checks(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return state->in == nfipsec_net(state->net)->dev && skb->pkt_type == PACKET_LOOPBACK;
}

static unsigned int after_checks4(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	if (after_checks(skb, state))
		skb->pkt_type = PACKET_HOST;
	return NF_ACCEPT;
}

static unsigned int after_checks6(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	if (after_checks(skb, state)) {
		skb->pkt_type = PACKET_HOST;
		nfipsec_deliver_route6(nfipsec_net(state->net), skb);
	}
	return NF_ACCEPT;
}

#define HOOK(function, family, when) \
	{ .hook = function, .pf = NFPROTO_##family, .hooknum = NF_INET_PRE_ROUTING, \
	  .priority = when }

/* reassembled, and before the routing of hook.c */
static const struct nf_hook_ops hooks[] = {
	HOOK(before_checks, IPV4, NF_IP_PRI_CONNTRACK_DEFRAG + 1),
	HOOK(after_checks4, IPV4, INT_MAX - 2),
	HOOK(before_checks, IPV6, NF_IP6_PRI_CONNTRACK_DEFRAG + 1),
	HOOK(after_checks6, IPV6, INT_MAX - 2),
};

/**
 * nfipsec_rpfilter_register - let decrypted packets pass reverse path checks
 * @net: the namespace, with nfipsec0
 *
 * Return: 0 or an errno.
 */
int nfipsec_rpfilter_register(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

void nfipsec_rpfilter_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}
