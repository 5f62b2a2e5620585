// SPDX-License-Identifier: GPL-2.0
/* What nftables has. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>

#include "sys/nft.h"
#include "sys/query.h"

struct dump {
	void (*each)(const struct nft_chain *c, void *arg);
	void *arg;
};

static bool is_source_nat(struct nlattr *tb[])
{
	struct nlattr *hook[NFTA_HOOK_MAX + 1];

	return tb[NFTA_CHAIN_TYPE] && tb[NFTA_CHAIN_HOOK] &&
	       !nla_strcmp(tb[NFTA_CHAIN_TYPE], "nat") &&
	       !nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) &&
	       hook[NFTA_HOOK_HOOKNUM] && nla_len(hook[NFTA_HOOK_HOOKNUM]) == sizeof(uint32_t) &&
	       ntohl(nla_get_u32(hook[NFTA_HOOK_HOOKNUM])) == NF_INET_POST_ROUTING;
}

/* @hook was parsed by is_source_nat() */
static int32_t priority_of(struct nlattr *hook)
{
	struct nlattr *tb[NFTA_HOOK_MAX + 1];

	if (nla_parse_nested(tb, NFTA_HOOK_MAX, hook, NULL) || !tb[NFTA_HOOK_PRIORITY] ||
	    nla_len(tb[NFTA_HOOK_PRIORITY]) != sizeof(uint32_t))
		return 0;
	return ntohl(nla_get_u32(tb[NFTA_HOOK_PRIORITY]));
}

static int one_chain(struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	const struct nfgenmsg *nfg = nlmsg_data(hdr);
	struct nft_chain c = { .family = 0 };
	struct dump *d = arg;

	if (nlmsg_datalen(hdr) < (int)sizeof(*nfg) ||
	    nlmsg_parse(hdr, sizeof(*nfg), tb, NFTA_CHAIN_MAX, NULL) < 0 || !is_source_nat(tb) ||
	    !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME])
		return 0;
	c.family = nfg->nfgen_family;
	nla_strlcpy(c.table, tb[NFTA_CHAIN_TABLE], sizeof(c.table));
	nla_strlcpy(c.name, tb[NFTA_CHAIN_NAME], sizeof(c.name));
	c.priority = priority_of(tb[NFTA_CHAIN_HOOK]);
	d->each(&c, d->arg);
	return 0;
}

int nft_nat_chains(void (*each)(const struct nft_chain *c, void *arg), void *arg)
{
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN,
						NLM_F_REQUEST | NLM_F_DUMP);
	struct nfgenmsg nfg = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	struct dump d = { .each = each, .arg = arg };
	int ret = -ENOMEM;

	if (msg && !nlmsg_append(msg, &nfg, sizeof(nfg), NLMSG_ALIGNTO))
		ret = query_ask(NETLINK_NETFILTER, msg, one_chain, &d);
	nlmsg_free(msg);
	return ret;
}

const char *nft_family_name(uint8_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV6 ? "ip6" : "ip";
}

bool nft_family_has(uint8_t family, uint8_t af)
{
	return family == NFPROTO_INET || family == (af == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}
