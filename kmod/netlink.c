// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: its commands, and the attributes that several
 * objects have. Every command wants CAP_NET_ADMIN over the namespace, to read
 * too: access lists and SAs say much about a network.
 */
#include <linux/ctype.h>
#include <linux/module.h>

#include "netlink.h"

const struct nla_policy nfipsec_nl_sel_policy[NFIPSEC_A_SEL_MAX + 1] = {
	[NFIPSEC_A_SEL_PROTO]		= { .type = NLA_U8 },
	[NFIPSEC_A_SEL_SADDR_MIN]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SEL_SADDR_MAX]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SEL_DADDR_MIN]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SEL_DADDR_MAX]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SEL_SPORT_MIN]	= { .type = NLA_U16 },
	[NFIPSEC_A_SEL_SPORT_MAX]	= { .type = NLA_U16 },
	[NFIPSEC_A_SEL_DPORT_MIN]	= { .type = NLA_U16 },
	[NFIPSEC_A_SEL_DPORT_MAX]	= { .type = NLA_U16 },
};

static const struct nla_policy sa_nest[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_SA] = NLA_POLICY_NESTED(nfipsec_nl_sa_policy),
};

static const struct nla_policy move_nests[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_SA] = NLA_POLICY_NESTED(nfipsec_nl_sa_policy),
	[NFIPSEC_A_ENDS] = NLA_POLICY_NESTED(nfipsec_nl_ends_policy),
};

static const struct nla_policy dummy_nests[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_SA] = NLA_POLICY_NESTED(nfipsec_nl_sa_policy),
	[NFIPSEC_A_DUMMY] = NLA_POLICY_NESTED(nfipsec_nl_dummy_policy),
};

static const struct nla_policy policy_nests[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_TUNNEL] = NLA_POLICY_NESTED(nfipsec_nl_tunnel_policy),
	[NFIPSEC_A_ENTRY] = NLA_POLICY_NESTED(nfipsec_nl_entry_policy),
};

static const struct nla_policy flow_nest[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_FLOW] = NLA_POLICY_NESTED(nfipsec_nl_flow_policy),
};

static const struct nla_policy ike_sockets[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_IKE_FD] = { .type = NLA_U32 },
};

/* no attributes at all */
static const struct nla_policy nothing[NFIPSEC_A_MAX + 1] = {};

/**
 * nfipsec_nl_missing - refuse for want of an attribute
 * @extack: for the refusal
 * @nest: where it should be, NULL for the message itself
 * @type: which
 * @message: says the same to a human
 *
 * Return: -EINVAL.
 */
int nfipsec_nl_missing(struct netlink_ext_ack *extack, const struct nlattr *nest, int type,
		       const char *message)
{
	NL_SET_ERR_ATTR_MISS(extack, nest, type);
	extack->_msg = message;
	return -EINVAL;
}

/**
 * nfipsec_nl_get_name - a name that can be shown and told from others
 * @attr: validated as NFIPSEC_NL_NAME
 * @name: room for NFIPSEC_NAME_MAX + 1
 * @extack: for the refusal
 *
 * Return: 0, or -EINVAL for a name with other characters.
 */
int nfipsec_nl_get_name(const struct nlattr *attr, char *name, struct netlink_ext_ack *extack)
{
	const char *c;

	nla_strscpy(name, attr, NFIPSEC_NAME_MAX + 1);
	for (c = name; isascii(*c) && isgraph(*c); c++)
		;
	if (c == name || *c) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "expected a name of visible ASCII characters");
		return -EINVAL;
	}
	return 0;
}

/**
 * nfipsec_nl_no_tunnel - refuse a name that no tunnel of the policy has
 * @extack: for the refusal
 * @attr: validated as NFIPSEC_NL_NAME
 *
 * What is no name at all is not repeated, since it goes to a terminal.
 *
 * Return: an errno.
 */
int nfipsec_nl_no_tunnel(struct netlink_ext_ack *extack, const struct nlattr *attr)
{
	char name[NFIPSEC_NAME_MAX + 1];
	int err = nfipsec_nl_get_name(attr, name, extack);

	if (err)
		return err;
	NFIPSEC_ERR_ATTR(extack, attr, "the policy has no tunnel of this name", ": %.30s", name);
	return -ENOENT;
}

/**
 * nfipsec_nl_get_addr - an address of either family
 * @attr: validated as NFIPSEC_NL_ADDR
 * @family: which it must be; 0 for either, and set then
 * @addr: filled
 * @extack: for the refusal
 *
 * Return: 0, or -EAFNOSUPPORT for an address of another family.
 */
int nfipsec_nl_get_addr(const struct nlattr *attr, u8 *family, union nfipsec_addr *addr,
			struct netlink_ext_ack *extack)
{
	u8 found;

	memset(addr, 0, sizeof(*addr));
	if (nla_len(attr) == sizeof(addr->ip)) {
		found = AF_INET;
		addr->ip = nla_get_in_addr(attr);
	} else if (nla_len(attr) == sizeof(addr->ip6)) {
		found = AF_INET6;
		addr->ip6 = nla_get_in6_addr(attr);
	} else {
		NFIPSEC_ERR_ATTR(extack, attr, "expected an address of 4 or 16 octets",
				 ", found %d", nla_len(attr));
		return -EAFNOSUPPORT;
	}
	if (*family && *family != found) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "expected addresses of one family");
		return -EAFNOSUPPORT;
	}
	*family = found;
	return 0;
}

int nfipsec_nl_put_addr(struct sk_buff *skb, int type, u8 family, const union nfipsec_addr *addr)
{
	return family == AF_INET ? nla_put_in_addr(skb, type, addr->ip) :
				   nla_put_in6_addr(skb, type, &addr->ip6);
}

static int get_addr_range(struct nlattr **tb, int min_type, int max_type, u8 *family,
			  struct nfipsec_num *min, struct nfipsec_num *max,
			  struct netlink_ext_ack *extack)
{
	union nfipsec_addr a, b;
	int err;

	err = nfipsec_nl_get_addr(tb[min_type], family, &a, extack);
	if (!err)
		err = nfipsec_nl_get_addr(tb[max_type], family, &b, extack);
	if (err)
		return err;
	*min = nfipsec_addr_num(*family, &a);
	*max = nfipsec_addr_num(*family, &b);
	if (nfipsec_num_le(*min, *max))
		return 0;
	if (*family == AF_INET)
		NFIPSEC_ERR_ATTR(extack, tb[max_type], "the range ends before it begins",
				 ": %pI4 to %pI4", &a.ip, &b.ip);
	else
		NFIPSEC_ERR_ATTR(extack, tb[max_type], "the range ends before it begins",
				 ": after %pI6c", &b.ip6);
	return -EINVAL;
}

static int get_port_range(struct nlattr **tb, int min_type, int max_type, u8 proto, u16 *min,
			  u16 *max, struct netlink_ext_ack *extack)
{
	*min = tb[min_type] ? ntohs(nla_get_be16(tb[min_type])) : 0;
	*max = tb[max_type] ? ntohs(nla_get_be16(tb[max_type])) : U16_MAX;
	if (*min > *max) {
		NFIPSEC_ERR_ATTR(extack, tb[max_type] ?: tb[min_type],
				 "the range ends before it begins", ": %u to %u", *min, *max);
		return -EINVAL;
	}
	if (!proto && (*min || *max != U16_MAX)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[min_type] ?: tb[max_type],
				    "ports want a protocol to belong to");
		return -EINVAL;
	}
	return 0;
}

/**
 * nfipsec_nl_get_sel - one selector
 * @nest: of nfipsec_sel_attr, validated
 * @sel: filled
 * @extack: for the refusal
 *
 * Return: 0 or an errno.
 */
int nfipsec_nl_get_sel(const struct nlattr *nest, struct nfipsec_sel *sel,
		       struct netlink_ext_ack *extack)
{
	static const int addresses[] = {
		NFIPSEC_A_SEL_SADDR_MIN, NFIPSEC_A_SEL_SADDR_MAX,
		NFIPSEC_A_SEL_DADDR_MIN, NFIPSEC_A_SEL_DADDR_MAX,
	};
	struct nlattr *tb[NFIPSEC_A_SEL_MAX + 1];
	unsigned int i;
	int err;

	err = nla_parse_nested(tb, NFIPSEC_A_SEL_MAX, nest, nfipsec_nl_sel_policy, extack);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(addresses); i++)
		if (!tb[addresses[i]])
			return nfipsec_nl_missing(extack, nest, addresses[i],
						  "a selector wants all four addresses");
	sel->family = 0;
	sel->proto = tb[NFIPSEC_A_SEL_PROTO] ? nla_get_u8(tb[NFIPSEC_A_SEL_PROTO]) : 0;
	err = get_addr_range(tb, NFIPSEC_A_SEL_SADDR_MIN, NFIPSEC_A_SEL_SADDR_MAX,
			     &sel->family, &sel->saddr_min, &sel->saddr_max, extack);
	if (!err)
		err = get_addr_range(tb, NFIPSEC_A_SEL_DADDR_MIN, NFIPSEC_A_SEL_DADDR_MAX,
				     &sel->family, &sel->daddr_min, &sel->daddr_max, extack);
	if (!err)
		err = get_port_range(tb, NFIPSEC_A_SEL_SPORT_MIN, NFIPSEC_A_SEL_SPORT_MAX,
				     sel->proto, &sel->sport_min, &sel->sport_max, extack);
	if (!err)
		err = get_port_range(tb, NFIPSEC_A_SEL_DPORT_MIN, NFIPSEC_A_SEL_DPORT_MAX,
				     sel->proto, &sel->dport_min, &sel->dport_max, extack);
	return err;
}

static int put_num(struct sk_buff *skb, int type, u8 family, struct nfipsec_num num)
{
	union nfipsec_addr addr;

	nfipsec_num_addr(family, num, &addr);
	return nfipsec_nl_put_addr(skb, type, family, &addr);
}

int nfipsec_nl_put_sel(struct sk_buff *skb, int type, const struct nfipsec_sel *sel)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest ||
	    nla_put_u8(skb, NFIPSEC_A_SEL_PROTO, sel->proto) ||
	    put_num(skb, NFIPSEC_A_SEL_SADDR_MIN, sel->family, sel->saddr_min) ||
	    put_num(skb, NFIPSEC_A_SEL_SADDR_MAX, sel->family, sel->saddr_max) ||
	    put_num(skb, NFIPSEC_A_SEL_DADDR_MIN, sel->family, sel->daddr_min) ||
	    put_num(skb, NFIPSEC_A_SEL_DADDR_MAX, sel->family, sel->daddr_max) ||
	    nla_put_be16(skb, NFIPSEC_A_SEL_SPORT_MIN, htons(sel->sport_min)) ||
	    nla_put_be16(skb, NFIPSEC_A_SEL_SPORT_MAX, htons(sel->sport_max)) ||
	    nla_put_be16(skb, NFIPSEC_A_SEL_DPORT_MIN, htons(sel->dport_min)) ||
	    nla_put_be16(skb, NFIPSEC_A_SEL_DPORT_MAX, htons(sel->dport_max)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct nfipsec_net *nn = nfipsec_net(genl_info_net(info));
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	struct nlattr *nest;
	unsigned int i;
	void *hdr;

	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &nfipsec_genl_family, 0, NFIPSEC_CMD_STATS_GET);
	nest = hdr ? nla_nest_start(msg, NFIPSEC_A_STATS) : NULL;
	if (!nest)
		goto too_small;
	for (i = NFIPSEC_STAT_UNSPEC + 1; i < NFIPSEC_STAT_PAD; i++)
		if (nla_put_u64_64bit(msg, i, nfipsec_stat_read(nn, i), NFIPSEC_STAT_PAD))
			goto too_small;
	nla_nest_end(msg, nest);
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);

too_small:
	nlmsg_free(msg);
	return -EMSGSIZE;
}

#define OP(id, set, max) .cmd = NFIPSEC_CMD_##id, .flags = GENL_UNS_ADMIN_PERM, \
			 .policy = set, .maxattr = max

static const struct genl_ops ops[] = {
	{ OP(SA_ADD, sa_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_sa_add },
	{ OP(SA_DEL, sa_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_sa_del },
	{ OP(SA_GET, sa_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_sa_get,
	  .start = nfipsec_nl_sa_dump_start, .dumpit = nfipsec_nl_sa_dump },
	{ OP(SA_FLUSH, sa_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_sa_flush },
	{ OP(POLICY_SET, policy_nests, NFIPSEC_A_MAX), .doit = nfipsec_nl_policy_set },
	{ OP(POLICY_GET, nothing, NFIPSEC_A_MAX), .dumpit = nfipsec_nl_policy_dump },
	{ OP(TUNNEL_GET, nothing, NFIPSEC_A_MAX), .dumpit = nfipsec_nl_tunnel_dump },
	{ OP(STATS_GET, nothing, NFIPSEC_A_MAX), .doit = stats_get },
	{ OP(SA_MOVE, move_nests, NFIPSEC_A_MAX), .doit = nfipsec_nl_sa_move },
	{ OP(DUMMY_SEND, dummy_nests, NFIPSEC_A_MAX), .doit = nfipsec_nl_dummy_send },
	{ OP(IKE_SOCKETS, ike_sockets, NFIPSEC_A_MAX), .doit = nfipsec_nl_ike_sockets },
	{ OP(SPI_AWAIT, sa_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_spi_await },
	{ OP(SPI_FORGET, sa_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_spi_forget },
	{ OP(EXPLAIN, flow_nest, NFIPSEC_A_MAX), .doit = nfipsec_nl_explain },
};

static const struct genl_multicast_group groups[] = {
	{ .name = NFIPSEC_MCGRP_EVENTS, .flags = NFIPSEC_GENL_GROUP_FLAGS },
};

struct genl_family nfipsec_genl_family __ro_after_init = {
	.name = NFIPSEC_GENL_NAME,
	.version = NFIPSEC_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = NFIPSEC_CMD_UNSPEC + 1,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int __init nfipsec_netlink_init(void)
{
	return genl_register_family(&nfipsec_genl_family);
}

void nfipsec_netlink_exit(void)
{
	genl_unregister_family(&nfipsec_genl_family);
}
