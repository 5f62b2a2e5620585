// SPDX-License-Identifier: GPL-2.0
/* Reads the chains, rules and sets that the source NAT of nftables uses. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>

#include "pki/query.h"
#include "sys/nft.h"

/* Grows an array of @n by one; NULL: no memory, and the array is as it was. */
static void *grow(void **array, unsigned int *n, size_t size)
{
	void *more = realloc(*array, (*n + 1) * size);

	if (!more)
		return NULL;
	*array = more;
	more = (char *)more + *n * size;
	memset(more, 0, size);
	(*n)++;
	return more;
}

static struct nl_msg *dump_of(uint8_t kind, uint8_t family)
{
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | kind,
						NLM_F_REQUEST | NLM_F_DUMP);
	struct nfgenmsg nfg = { .nfgen_family = family, .version = NFNETLINK_V0 };

	if (msg && nlmsg_append(msg, &nfg, sizeof(nfg), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Asks, and frees @msg. */
static int ask(struct nl_msg *msg, int (*each)(struct nlmsghdr *hdr, void *arg), void *arg)
{
	int ret = msg ? query_ask(NETLINK_NETFILTER, msg, each, arg) : -ENOMEM;

	nlmsg_free(msg);
	return ret;
}

/* ---- chains ---- */

struct loader {
	struct nft_rules *rules;
	struct nft_set *set;	/* whose elements are read */
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
	struct loader *l = arg;
	struct nft_chain *c;

	if (nlmsg_datalen(hdr) < (int)sizeof(*nfg) ||
	    nlmsg_parse(hdr, sizeof(*nfg), tb, NFTA_CHAIN_MAX, NULL) < 0 || !is_source_nat(tb) ||
	    !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME])
		return 0;
	c = grow((void **)&l->rules->chains, &l->rules->n_chains, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->family = nfg->nfgen_family;
	nla_strlcpy(c->table, tb[NFTA_CHAIN_TABLE], sizeof(c->table));
	nla_strlcpy(c->name, tb[NFTA_CHAIN_NAME], sizeof(c->name));
	c->priority = priority_of(tb[NFTA_CHAIN_HOOK]);
	return 0;
}

/* Chains of one priority stay in the order of the dump, which is that of their tables. */
static void sort_chains(struct nft_rules *r)
{
	struct nft_chain c;
	unsigned int i, k;

	for (i = 1; i < r->n_chains; i++)
		for (k = i; k && r->chains[k].priority < r->chains[k - 1].priority; k--) {
			c = r->chains[k];
			r->chains[k] = r->chains[k - 1];
			r->chains[k - 1] = c;
		}
}

/* ---- rules ---- */

static int one_rule(struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	const struct nfgenmsg *nfg = nlmsg_data(hdr);
	struct loader *l = arg;
	struct nft_rule *r;

	if (nlmsg_datalen(hdr) < (int)sizeof(*nfg) ||
	    nlmsg_parse(hdr, sizeof(*nfg), tb, NFTA_RULE_MAX, NULL) < 0 ||
	    !tb[NFTA_RULE_TABLE] || !tb[NFTA_RULE_CHAIN] || !tb[NFTA_RULE_HANDLE] ||
	    nla_len(tb[NFTA_RULE_HANDLE]) != sizeof(uint64_t))
		return -EPROTO;
	r = grow((void **)&l->rules->rules, &l->rules->n_rules, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->family = nfg->nfgen_family;
	nla_strlcpy(r->table, tb[NFTA_RULE_TABLE], sizeof(r->table));
	nla_strlcpy(r->chain, tb[NFTA_RULE_CHAIN], sizeof(r->chain));
	r->handle = be64toh(nla_get_u64(tb[NFTA_RULE_HANDLE]));
	if (!tb[NFTA_RULE_EXPRESSIONS])
		return 0;
	r->len = nla_len(tb[NFTA_RULE_EXPRESSIONS]);
	r->expressions = malloc(r->len + 1);
	if (!r->expressions)
		return -ENOMEM;
	memcpy(r->expressions, nla_data(tb[NFTA_RULE_EXPRESSIONS]), r->len);
	return 0;
}

static int load_table(struct loader *l, const struct nft_chain *c)
{
	struct nl_msg *msg = dump_of(NFT_MSG_GETRULE, c->family);

	if (msg && nla_put_string(msg, NFTA_RULE_TABLE, c->table)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return ask(msg, one_rule, l);
}

/* Was the table of chain @i read for an earlier chain? */
static bool has_table(const struct nft_rules *r, unsigned int i)
{
	unsigned int k;

	for (k = 0; k < i; k++)
		if (r->chains[k].family == r->chains[i].family &&
		    !strcmp(r->chains[k].table, r->chains[i].table))
			return true;
	return false;
}

/* ---- sets ---- */

static int one_element(struct nft_set *set, struct nlattr *attr)
{
	struct nlattr *tb[NFTA_SET_ELEM_MAX + 1], *data[NFTA_DATA_MAX + 1];
	struct nft_element *e;

	if (nla_parse_nested(tb, NFTA_SET_ELEM_MAX, attr, NULL))
		return -EPROTO;
	e = grow((void **)&set->elements, &set->n, sizeof(*e));
	if (!e)
		return -ENOMEM;
	if (tb[NFTA_SET_ELEM_FLAGS] && nla_len(tb[NFTA_SET_ELEM_FLAGS]) == sizeof(uint32_t))
		e->flags = ntohl(nla_get_u32(tb[NFTA_SET_ELEM_FLAGS]));
	/* ranges of concatenated keys, and elements that end by themselves or have conditions */
	if (tb[NFTA_SET_ELEM_KEY_END] || tb[NFTA_SET_ELEM_TIMEOUT] || tb[NFTA_SET_ELEM_EXPR])
		set->unclear = true;
	if (!tb[NFTA_SET_ELEM_KEY] || nla_parse_nested(data, NFTA_DATA_MAX, tb[NFTA_SET_ELEM_KEY], NULL) ||
	    !data[NFTA_DATA_VALUE] || nla_len(data[NFTA_DATA_VALUE]) > NFT_KEY) {
		set->unclear = true;
		return 0;
	}
	e->len = nla_len(data[NFTA_DATA_VALUE]);
	memcpy(e->key, nla_data(data[NFTA_DATA_VALUE]), e->len);
	return 0;
}

static int some_elements(struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *e;
	struct loader *l = arg;
	int left, ret = 0;

	if (nlmsg_parse(hdr, sizeof(struct nfgenmsg), tb, NFTA_SET_ELEM_LIST_MAX, NULL) < 0)
		return -EPROTO;
	if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
		return 0;
	nla_for_each_nested(e, tb[NFTA_SET_ELEM_LIST_ELEMENTS], left)
		if (!ret)
			ret = one_element(l->set, e);
	if (left > 0)
		l->set->unclear = true;
	return ret;
}

static int load_set(struct loader *l, const struct nft_rule *r, const char *name)
{
	struct nft_rules *all = l->rules;
	struct nl_msg *msg;
	unsigned int i;

	for (i = 0; i < all->n_sets; i++)
		if (all->sets[i].family == r->family && !strcmp(all->sets[i].table, r->table) &&
		    !strcmp(all->sets[i].name, name))
			return 0;
	l->set = grow((void **)&all->sets, &all->n_sets, sizeof(*all->sets));
	msg = l->set ? dump_of(NFT_MSG_GETSETELEM, r->family) : NULL;
	if (!msg)
		return -ENOMEM;
	l->set->family = r->family;
	memcpy(l->set->table, r->table, sizeof(l->set->table));
	memcpy(l->set->name, name, strnlen(name, sizeof(l->set->name) - 1));
	if (nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, r->table) ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, name)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return ask(msg, some_elements, l);
}

/* The sets that a rule looks into */
static int load_sets_of(struct loader *l, const struct nft_rule *r)
{
	struct nlattr *tb[NFTA_EXPR_MAX + 1], *data[NFTA_LOOKUP_MAX + 1], *elem;
	char name[NFT_NAME];
	int left, ret = 0;

	nla_for_each_attr(elem, (struct nlattr *)r->expressions, (int)r->len, left) {
		if (ret || nla_parse_nested(tb, NFTA_EXPR_MAX, elem, NULL) || !tb[NFTA_EXPR_NAME] ||
		    !tb[NFTA_EXPR_DATA] || nla_strcmp(tb[NFTA_EXPR_NAME], "lookup") ||
		    nla_parse_nested(data, NFTA_LOOKUP_MAX, tb[NFTA_EXPR_DATA], NULL) || !data[NFTA_LOOKUP_SET])
			continue;
		nla_strlcpy(name, data[NFTA_LOOKUP_SET], sizeof(name));
		ret = load_set(l, r, name);
	}
	return ret;
}

/**
 * nft_rules_load() - reads the parts of nftables that decide about source NAT
 * @rules: gets the chains, all rules of their tables, and the sets of these rules; the caller
 *	calls nft_rules_free(), whatever is returned
 *
 * The result includes rules of iptables-nft, but none of iptables-legacy.
 *
 * Return: 0, or -errno: -EPERM without CAP_NET_ADMIN.
 */
int nft_rules_load(struct nft_rules *rules)
{
	struct loader l = { .rules = rules };
	unsigned int i;
	int ret;

	memset(rules, 0, sizeof(*rules));
	ret = ask(dump_of(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC), one_chain, &l);
	sort_chains(rules);
	for (i = 0; !ret && i < rules->n_chains; i++)
		if (!has_table(rules, i))
			ret = load_table(&l, &rules->chains[i]);
	for (i = 0; !ret && i < rules->n_rules; i++)
		ret = load_sets_of(&l, &rules->rules[i]);
	return ret;
}

/**
 * nft_rules_free() - frees the result of nft_rules_load()
 * @rules: may be empty
 */
void nft_rules_free(struct nft_rules *rules)
{
	unsigned int i;

	for (i = 0; i < rules->n_rules; i++)
		free(rules->rules[i].expressions);
	for (i = 0; i < rules->n_sets; i++)
		free(rules->sets[i].elements);
	free(rules->chains);
	free(rules->rules);
	free(rules->sets);
	memset(rules, 0, sizeof(*rules));
}

const char *nft_family_name(uint8_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV6 ? "ip6" : "ip";
}

bool nft_family_has(uint8_t family, uint8_t af)
{
	return family == NFPROTO_INET || family == (af == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}
