// SPDX-License-Identifier: GPL-2.0
/* Where packets come in from netfilter; the only file that names NF_* verdicts. */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "path.h"

static unsigned int verdict_to_nf(struct nfipsec_net *nn, enum nfipsec_verdict verdict,
				  enum nfipsec_stat reason)
{
	switch (verdict) {
	case NFIPSEC_VERDICT_PASS:
	case NFIPSEC_VERDICT_REDIRECTED:
		return NF_ACCEPT;
	case NFIPSEC_VERDICT_STOLEN:
		return NF_STOLEN;
	case NFIPSEC_VERDICT_DROP:
		break;
	}
	/* netfilter frees it, and tells a local sender why */
	nfipsec_stat_add(nn, reason, 1);
	return NF_DROP_ERR(-EPERM);
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
	    nfipsec_xmit_is_outer(skb))
		return NF_ACCEPT;
	verdict = nfipsec_output_classify(nn, skb, &reason);
	return verdict_to_nf(nn, verdict, reason);
}

/* What came out of nfipsec0 was protected; anything can set a mark, nothing else that device. */
static bool cleared(const struct nfipsec_net *nn, const struct nf_hook_state *state)
{
	return state->in == nn->dev || (state->in->flags & IFF_LOOPBACK);
}

static unsigned int local_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;
	enum nfipsec_verdict verdict = NFIPSEC_VERDICT_PASS;

	/* defragmented by now; nested ESP comes through nfipsec0 */
	if (ip_hdr(skb)->protocol == IPPROTO_ESP)
		verdict = nfipsec_input(nn, skb);
	if (verdict == NFIPSEC_VERDICT_PASS && !cleared(nn, state))
		verdict = nfipsec_input_cleartext(nn, skb, &reason);
	return verdict_to_nf(nn, verdict, reason);
}

static unsigned int forward(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct nfipsec_net *nn = nfipsec_net(state->net);
	enum nfipsec_stat reason = NFIPSEC_STAT_UNSPEC;

	if (cleared(nn, state))
		return NF_ACCEPT;
	return verdict_to_nf(nn, nfipsec_input_cleartext(nn, skb, &reason), reason);
}

/*
 * Late on each hook: the administrator's own rules, which may drop ESP or clear
 * text, come first; after us only conntrack's confirm at INT_MAX.
 */
static const struct nf_hook_ops hooks[] = {
	{
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
