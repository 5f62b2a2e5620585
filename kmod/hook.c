// SPDX-License-Identifier: GPL-2.0
/* Where packets come in from netfilter; the only file that names NF_* verdicts. */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack.h>

#include "path.h"

static unsigned int verdict_to_nf(struct nfipsec_net *nn, enum nfipsec_verdict verdict,
				  enum nfipsec_stat reason)
{
	switch (verdict) {
	case NFIPSEC_VERDICT_PASS:
	case NFIPSEC_VERDICT_REDIRECTED:
		return NF_ACCEPT;
	case NFIPSEC_VERDICT_DROP:
		break;
	}
	/* netfilter frees it, and tells a local sender why */
	nfipsec_stat_add(nn, reason, 1);
	return NF_DROP_ERR(-EPERM);
}

/*
 * br_netfilter shows us frames that are bridged, not routed. They are no traffic of
 * this host, and a route to nfipsec0 would change nothing about their way.
 */
static bool bridged(const struct sk_buff *skb)
{
	return !skb_dst(skb) || skb_dst(skb)->flags & DST_FAKE_RTABLE;
}

/*
 * Not for us: our own outer packets (they would be classified for ever), what is
 * on its way to nfipsec0 already, and what stays on this host.
 */
static unsigned int post_routing(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;
	enum nfipsec_verdict verdict;

	if (state->out == nn->dev || (state->out->flags & IFF_LOOPBACK) ||
	    nfipsec_xmit_is_outer(skb) || unlikely(bridged(skb)))
		return NF_ACCEPT;
	verdict = nfipsec_output_classify(nn, skb, &reason);
	return verdict_to_nf(nn, verdict, reason);
}

static unsigned int pre_routing(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);

	if (state->in == nn->dev)
		nfipsec_deliver_route(nn, skb);
	return NF_ACCEPT;
}

/* What came out of nfipsec0 was protected; anything can set a mark, nothing else that device. */
static bool cleared(const struct nfipsec_net *nn, const struct nf_hook_state *state)
{
	return state->in == nn->dev || (state->in->flags & IFF_LOOPBACK);
}

/*
 * conntrack takes a connection into its table with the last hook that its first
 * packet passes, and ours ends here: without this each ESP packet were the first of
 * its connection for ever. false: conntrack wants the packet dropped.
 */
static bool confirm(struct sk_buff *skb)
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

static unsigned int local_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;
	enum nfipsec_verdict verdict;
	struct nfipsec_sa *sa = NULL;

	/* defragmented by now; nested ESP comes through nfipsec0 */
	switch (ip_hdr(skb)->protocol) {
	case IPPROTO_ESP:
		sa = nfipsec_input_find(nn, skb);
		break;
	case IPPROTO_UDP:
		sa = nfipsec_natt_find(nn, skb);
		break;
	case IPPROTO_ICMP:
		nfipsec_xmit_icmp(nn, skb);
		break;
	}
	if (sa) {
		if (!confirm(skb))
			return NF_DROP;
		if (ip_hdr(skb)->protocol == IPPROTO_ESP)
			nfipsec_input(sa, skb, ip_hdrlen(skb));
		else
			nfipsec_natt_input(sa, skb);
		return NF_STOLEN;
	}
	if (cleared(nn, state))
		return NF_ACCEPT;
	/* in two steps: @reason is read only after it was set */
	verdict = nfipsec_input_cleartext(nn, skb, &reason);
	return verdict_to_nf(nn, verdict, reason);
}

static unsigned int forward(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;
	enum nfipsec_verdict verdict;

	if (cleared(nn, state) || unlikely(bridged(skb)))
		return NF_ACCEPT;
	/* in two steps: @reason is read only after it was set */
	verdict = nfipsec_input_cleartext(nn, skb, &reason);
	return verdict_to_nf(nn, verdict, reason);
}

/*
 * Late on each hook: the administrator's own rules, which may drop ESP or clear
 * text, come first; after us only conntrack's confirm at INT_MAX.
 */
static const struct nf_hook_ops hooks[] = {
	{
		.hook = pre_routing,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = INT_MAX - 1,
	}, {
		.hook = post_routing,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = INT_MAX - 1,
	}, {
		.hook = local_in,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = INT_MAX - 1,
	}, {
		.hook = forward,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_FORWARD,
		.priority = INT_MAX - 1,
	},
};

int nfipsec_hook_register(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

void nfipsec_hook_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}
