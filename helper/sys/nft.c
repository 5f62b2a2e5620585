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
#include <netlink/netlink.h>

#include "sys/nft.h"

struct dump {
	void (*each)(const struct nft_chain *c, void *arg);
	void *arg;
	int err;
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

static int one_chain(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	const struct nfgenmsg *nfg = nlmsg_data(hdr);
	struct nft_chain c = { .family = 0 };
	struct dump *d = arg;

	if (nlmsg_datalen(hdr) < (int)sizeof(*nfg) ||
	    nlmsg_parse(hdr, sizeof(*nfg), tb, NFTA_CHAIN_MAX, NULL) < 0 || !is_source_nat(tb) ||
	    !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME])
		return NL_OK;
	c.family = nfg->nfgen_family;
	nla_strlcpy(c.table, tb[NFTA_CHAIN_TABLE], sizeof(c.table));
	nla_strlcpy(c.name, tb[NFTA_CHAIN_NAME], sizeof(c.name));
	d->each(&c, d->arg);
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct dump *d = arg;

	(void)from;
	d->err = err->error;
	return NL_STOP;
}

int nft_nat_chains(void (*each)(const struct nft_chain *c, void *arg), void *arg)
{
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN,
						NLM_F_REQUEST | NLM_F_DUMP);
	struct nfgenmsg nfg = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	struct dump d = { .each = each, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct nl_sock *sk = nl_socket_alloc();
	int ret = -ENOMEM;

	if (msg && cb && sk && !nlmsg_append(msg, &nfg, sizeof(nfg), NLMSG_ALIGNTO) &&
	    !nl_connect(sk, NETLINK_NETFILTER)) {
		nl_socket_disable_auto_ack(sk);
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, one_chain, &d);
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, &d);
		ret = nl_send_auto(sk, msg) < 0 || (nl_recvmsgs(sk, cb) < 0 && !d.err) ? -EIO : d.err;
	}
	nlmsg_free(msg);
	nl_cb_put(cb);
	nl_socket_free(sk);
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
