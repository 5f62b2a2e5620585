// SPDX-License-Identifier: GPL-2.0
/*
 * Follows the rules of nftables as the kernel does, with a packet of which not everything is known.
 * If a rule depends on something unknown, the result is unsure, never wrong.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_policy.h>
#include <netlink/attr.h>

#include "sys/nft_nat.h"

#define DEPTH_MAX	16	/* of jumps, NFT_JUMP_STACK_SIZE */
#define REG_OCTETS	80	/* the verdict's 16 octets, and 64 of data */
#define STEPS_MAX	(1u << 20)
#define CT_STATE_NEW	(1u << 3)	/* NF_CT_STATE_BIT(IP_CT_NEW) */

enum tri { NO, YES, UNKNOWN };

/* how a rule, or a chain, ends */
enum end { GOES_ON, RETURNS, ACCEPTS, DROPS, JUMPS, GOES_TO, KEEPS, CHANGES, UNSURE };

/* octets, and which of them are known */
struct partly {
	uint8_t data[REG_OCTETS], known[REG_OCTETS];
};

struct walk {
	const struct nft_rules *rules;
	const struct nft_flow *flow;
	struct partly regs, network, transport;
	struct nft_change *change;
	char chain[NFT_NAME];		/* where a verdict leads */
	unsigned int steps;
};

/* one rule: whether the packet meets the conditions read so far, and the verdict */
struct state {
	enum tri matches;
	enum end end;
};

static void set_octets(struct partly *p, size_t at, const void *data, size_t len)
{
	if (at + len > sizeof(p->data))
		return;
	memcpy(p->data + at, data, len);
	memset(p->known + at, 1, len);
}

static void forget(struct partly *p, size_t at, size_t len)
{
	if (at < sizeof(p->known))
		memset(p->known + at, 0, at + len > sizeof(p->known) ? sizeof(p->known) - at : len);
}

static bool all_known(const struct partly *p, size_t at, size_t len)
{
	return at + len <= sizeof(p->known) && !memchr(p->known + at, 0, len);
}

/* ---- the packet ---- */

static void write_headers(struct walk *w)
{
	const struct nft_flow *f = w->flow;
	bool six = f->src.family == AF_INET6;
	uint16_t ports[2] = { htons(f->sport), htons(f->dport) };

	set_octets(&w->network, six ? 8 : 12, f->src.a, six ? 16 : 4);
	set_octets(&w->network, six ? 24 : 16, f->dst.a, six ? 16 : 4);
	set_octets(&w->network, six ? 6 : 9, &f->proto, 1);
	if (f->ports_known)
		set_octets(&w->transport, 0, ports, sizeof(ports));
}

/* ---- attributes ---- */

/* nla_parse_nested() ignores octets left over; here they may be part of an attribute: false. */
static bool parse_whole(struct nlattr *tb[], int max, struct nlattr *attr)
{
	struct nlattr *each;
	int left;

	nla_for_each_nested(each, attr, left)
		;
	return left <= 0 && !nla_parse_nested(tb, max, attr, NULL);
}

static uint32_t number(struct nlattr *attr, uint32_t missing)
{
	return attr && nla_len(attr) == sizeof(uint32_t) ? ntohl(nla_get_u32(attr)) : missing;
}

/* The first octet of a register, or one behind all */
static size_t reg_at(struct nlattr *attr)
{
	uint32_t reg = number(attr, UINT32_MAX);

	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return 16 * reg;
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return 16 + 4 * (reg - NFT_REG32_00);
	return REG_OCTETS;
}

/* The octets of nested data; NULL: there are none */
static const uint8_t *value_of(struct nlattr *attr, size_t *len)
{
	struct nlattr *tb[NFTA_DATA_MAX + 1];

	if (!attr || !parse_whole(tb, NFTA_DATA_MAX, attr) || !tb[NFTA_DATA_VALUE])
		return NULL;
	*len = nla_len(tb[NFTA_DATA_VALUE]);
	return nla_data(tb[NFTA_DATA_VALUE]);
}

/* ---- expressions that load ---- */

static void do_payload(struct walk *w, struct nlattr *tb[])
{
	size_t to = reg_at(tb[NFTA_PAYLOAD_DREG]);
	uint32_t base = number(tb[NFTA_PAYLOAD_BASE], UINT32_MAX);
	uint32_t at = number(tb[NFTA_PAYLOAD_OFFSET], UINT32_MAX);
	uint32_t len = number(tb[NFTA_PAYLOAD_LEN], 0), i;
	const struct partly *from = base == NFT_PAYLOAD_NETWORK_HEADER ? &w->network : &w->transport;

	if (to + len > REG_OCTETS)
		return;
	forget(&w->regs, to, len);
	if ((base != NFT_PAYLOAD_NETWORK_HEADER && base != NFT_PAYLOAD_TRANSPORT_HEADER) || at >= REG_OCTETS)
		return;
	for (i = 0; i < len && at + i < REG_OCTETS; i++) {
		w->regs.data[to + i] = from->data[at + i];
		w->regs.known[to + i] = from->known[at + i];
	}
}

static void load_name(struct walk *w, size_t to, const char *name)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	set_octets(&w->regs, to, padded, sizeof(padded));
}

static void load_index(struct walk *w, size_t to, const char *name)
{
	uint32_t index = *name ? if_nametoindex(name) : 0;

	set_octets(&w->regs, to, &index, sizeof(index));
}

static void do_meta(struct walk *w, struct nlattr *tb[])
{
	const struct nft_flow *f = w->flow;
	bool six = f->src.family == AF_INET6;
	uint16_t ethertype = htons(six ? ETH_P_IPV6 : ETH_P_IP);
	uint8_t family = six ? NFPROTO_IPV6 : NFPROTO_IPV4;
	size_t to = reg_at(tb[NFTA_META_DREG]);

	if (to == REG_OCTETS)
		return;
	forget(&w->regs, to, 16);
	switch (number(tb[NFTA_META_KEY], UINT32_MAX)) {
	case NFT_META_PROTOCOL:
		return set_octets(&w->regs, to, &ethertype, sizeof(ethertype));
	case NFT_META_NFPROTO:
		return set_octets(&w->regs, to, &family, 1);
	case NFT_META_L4PROTO:
		return set_octets(&w->regs, to, &f->proto, 1);
	case NFT_META_OIFNAME:
		return load_name(w, to, f->oif);
	case NFT_META_OIF:
		return load_index(w, to, f->oif);
	case NFT_META_IIFNAME:
		return f->iif_known ? load_name(w, to, f->iif) : (void)0;
	case NFT_META_IIF:
		return f->iif_known ? load_index(w, to, f->iif) : (void)0;
	}
}

/* NAT sees the first packet of a connection alone */
static void do_ct(struct walk *w, struct nlattr *tb[])
{
	uint32_t state = CT_STATE_NEW;
	size_t to = reg_at(tb[NFTA_CT_DREG]);
	uint8_t original = 0;

	forget(&w->regs, to, 16);
	if (number(tb[NFTA_CT_KEY], UINT32_MAX) == NFT_CT_STATE)
		set_octets(&w->regs, to, &state, sizeof(state));
	else if (number(tb[NFTA_CT_KEY], UINT32_MAX) == NFT_CT_DIRECTION)
		set_octets(&w->regs, to, &original, sizeof(original));
}

/* A route has no xfrm for what nfipsec protects. */
static void do_rt(struct walk *w, struct nlattr *tb[])
{
	size_t to = reg_at(tb[NFTA_RT_DREG]);
	uint8_t none = 0;

	forget(&w->regs, to, 16);
	if (number(tb[NFTA_RT_KEY], UINT32_MAX) == NFT_RT_XFRM)
		set_octets(&w->regs, to, &none, sizeof(none));
}

static void do_bitwise(struct walk *w, struct nlattr *tb[])
{
	size_t from = reg_at(tb[NFTA_BITWISE_SREG]), to = reg_at(tb[NFTA_BITWISE_DREG]);
	size_t n_mask = 0, n_xor = 0, i;
	const uint8_t *mask = value_of(tb[NFTA_BITWISE_MASK], &n_mask);
	const uint8_t *xor = value_of(tb[NFTA_BITWISE_XOR], &n_xor);
	size_t len = number(tb[NFTA_BITWISE_LEN], 0);

	if (from + len > REG_OCTETS || to + len > REG_OCTETS)
		return;
	if (number(tb[NFTA_BITWISE_OP], 0) || !mask || !xor || n_mask < len || n_xor < len)
		return forget(&w->regs, to, len);
	for (i = 0; i < len; i++) {
		w->regs.data[to + i] = (w->regs.data[from + i] & mask[i]) ^ xor[i];
		w->regs.known[to + i] = w->regs.known[from + i] || !mask[i];
	}
}

/* ---- expressions that compare ---- */

static enum tri compared(uint32_t op, int order)
{
	switch (op) {
	case NFT_CMP_EQ:
		return order == 0;
	case NFT_CMP_NEQ:
		return order != 0;
	case NFT_CMP_LT:
		return order < 0;
	case NFT_CMP_LTE:
		return order <= 0;
	case NFT_CMP_GT:
		return order > 0;
	case NFT_CMP_GTE:
		return order >= 0;
	}
	return UNKNOWN;
}

static enum tri do_cmp(struct walk *w, struct nlattr *tb[])
{
	size_t from = reg_at(tb[NFTA_CMP_SREG]), len = 0;
	const uint8_t *value = value_of(tb[NFTA_CMP_DATA], &len);

	if (!value || !all_known(&w->regs, from, len))
		return UNKNOWN;
	return compared(number(tb[NFTA_CMP_OP], UINT32_MAX), memcmp(w->regs.data + from, value, len));
}

static enum tri do_range(struct walk *w, struct nlattr *tb[])
{
	size_t from = reg_at(tb[NFTA_RANGE_SREG]), n_low = 0, n_high = 0;
	const uint8_t *low = value_of(tb[NFTA_RANGE_FROM_DATA], &n_low);
	const uint8_t *high = value_of(tb[NFTA_RANGE_TO_DATA], &n_high), *data = w->regs.data + from;
	bool in;

	if (!low || !high || n_low != n_high || !all_known(&w->regs, from, n_low))
		return UNKNOWN;
	in = memcmp(data, low, n_low) >= 0 && memcmp(data, high, n_high) <= 0;
	return in == (number(tb[NFTA_RANGE_OP], NFT_RANGE_EQ) == NFT_RANGE_EQ);
}

/* Intervals are their first elements, and elements that end them: the nearest one below decides. */
static enum tri in_set(const struct nft_set *set, const uint8_t *key, size_t len)
{
	const struct nft_element *nearest = NULL, *e;
	bool intervals = false;
	unsigned int i;
	int order;

	for (i = 0; i < set->n; i++)
		intervals |= set->elements[i].flags & NFT_SET_ELEM_INTERVAL_END;
	for (i = 0; i < set->n; i++) {
		e = &set->elements[i];
		if (e->len != len || (e->flags & NFT_SET_ELEM_CATCHALL))
			return UNKNOWN;
		order = memcmp(e->key, key, len);
		if (!intervals && !order)
			return YES;
		if (order > 0)
			continue;
		order = nearest ? memcmp(e->key, nearest->key, len) : 1;
		/* one interval may begin where another one ends */
		if (order > 0 || (!order && !(e->flags & NFT_SET_ELEM_INTERVAL_END)))
			nearest = e;
	}
	return intervals && nearest && !(nearest->flags & NFT_SET_ELEM_INTERVAL_END);
}

/* The octets of a key are those of the set's elements. */
static enum tri do_lookup(struct walk *w, const struct nft_rule *r, struct nlattr *tb[])
{
	const struct nft_rules *all = w->rules;
	size_t from = reg_at(tb[NFTA_LOOKUP_SREG]);
	enum tri in = UNKNOWN;
	unsigned int i;

	if (tb[NFTA_LOOKUP_DREG]) {
		/* a map of addresses */
		forget(&w->regs, reg_at(tb[NFTA_LOOKUP_DREG]), 16);
		return UNKNOWN;
	}
	for (i = 0; tb[NFTA_LOOKUP_SET] && i < all->n_sets; i++) {
		const struct nft_set *set = &all->sets[i];

		if (set->family != r->family || strcmp(set->table, r->table) ||
		    nla_strcmp(tb[NFTA_LOOKUP_SET], set->name) || set->unclear)
			continue;
		if (!set->n)
			in = NO;
		else if (all_known(&w->regs, from, set->elements[0].len))
			in = in_set(set, w->regs.data + from, set->elements[0].len);
		break;
	}
	if (in == UNKNOWN || !(number(tb[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV))
		return in;
	return in == YES ? NO : YES;
}

/* Matches of iptables; `policy` asks for the kernel's own IPsec. */
static enum tri do_match(struct nlattr *tb[])
{
	const struct xt_policy_info *policy;

	if (!tb[NFTA_MATCH_NAME] || !tb[NFTA_MATCH_INFO])
		return UNKNOWN;
	if (!nla_strcmp(tb[NFTA_MATCH_NAME], "comment"))
		return YES;
	if (nla_strcmp(tb[NFTA_MATCH_NAME], "policy") || nla_len(tb[NFTA_MATCH_INFO]) < (int)sizeof(*policy))
		return UNKNOWN;
	policy = nla_data(tb[NFTA_MATCH_INFO]);
	return policy->flags & XT_POLICY_MATCH_NONE ? YES : NO;
}

/* ---- expressions that do something ---- */

static enum end verdict_of(struct walk *w, struct nlattr *attr)
{
	struct nlattr *tb[NFTA_VERDICT_MAX + 1];

	if (!parse_whole(tb, NFTA_VERDICT_MAX, attr))
		return UNSURE;
	if (tb[NFTA_VERDICT_CHAIN])
		nla_strlcpy(w->chain, tb[NFTA_VERDICT_CHAIN], sizeof(w->chain));
	switch ((int32_t)number(tb[NFTA_VERDICT_CODE], UINT32_MAX)) {
	case NF_ACCEPT:
		return ACCEPTS;
	case NF_DROP:
		return DROPS;
	case NFT_RETURN:
		return RETURNS;
	case NFT_JUMP:
		return JUMPS;
	case NFT_GOTO:
		return GOES_TO;
	case NFT_CONTINUE:
		return GOES_ON;
	}
	return UNSURE;
}

static enum end do_immediate(struct walk *w, struct nlattr *tb[])
{
	struct nlattr *data[NFTA_DATA_MAX + 1];
	size_t to = reg_at(tb[NFTA_IMMEDIATE_DREG]);

	if (!tb[NFTA_IMMEDIATE_DATA] || !parse_whole(data, NFTA_DATA_MAX, tb[NFTA_IMMEDIATE_DATA]))
		return UNSURE;
	if (data[NFTA_DATA_VERDICT])
		return verdict_of(w, data[NFTA_DATA_VERDICT]);
	if (data[NFTA_DATA_VALUE])
		set_octets(&w->regs, to, nla_data(data[NFTA_DATA_VALUE]), nla_len(data[NFTA_DATA_VALUE]));
	return GOES_ON;
}

static enum end changes_to(struct walk *w, const struct addr *to)
{
	if (to && addr_equal(to, &w->flow->src))
		return KEEPS;
	if (to)
		w->change->to = *to;
	return CHANGES;
}

static enum end do_nat(struct walk *w, struct nlattr *tb[])
{
	size_t min = reg_at(tb[NFTA_NAT_REG_ADDR_MIN]);
	size_t max = tb[NFTA_NAT_REG_ADDR_MAX] ? reg_at(tb[NFTA_NAT_REG_ADDR_MAX]) : min;
	struct addr to = { .family = w->flow->src.family };
	size_t len = addr_len(&to);

	/* ports alone, or the destination */
	if (number(tb[NFTA_NAT_TYPE], UINT32_MAX) != NFT_NAT_SNAT || !tb[NFTA_NAT_REG_ADDR_MIN])
		return KEEPS;
	if (!all_known(&w->regs, min, len))
		return UNSURE;
	if ((number(tb[NFTA_NAT_FLAGS], 0) & NF_NAT_RANGE_NETMAP) || !all_known(&w->regs, max, len) ||
	    memcmp(w->regs.data + min, w->regs.data + max, len))
		return changes_to(w, NULL);
	memcpy(to.a, w->regs.data + min, len);
	return changes_to(w, &to);
}

static enum end do_masquerade(struct walk *w)
{
	w->change->masquerade = true;
	return CHANGES;
}

/* SNAT of iptables: its revision 0 is of IPv4 */
static enum end do_target_snat(struct walk *w, struct nlattr *tb[])
{
	const struct nf_nat_ipv4_multi_range_compat *old = nla_data(tb[NFTA_TARGET_INFO]);
	const struct nf_nat_range *range = nla_data(tb[NFTA_TARGET_INFO]);
	struct addr to = { .family = w->flow->src.family };
	size_t size = nla_len(tb[NFTA_TARGET_INFO]);

	if (!number(tb[NFTA_TARGET_REV], 0)) {
		if (size < sizeof(*old) || old->range[0].min_ip != old->range[0].max_ip)
			return changes_to(w, NULL);
		memcpy(to.a, &old->range[0].min_ip, 4);
		return changes_to(w, &to);
	}
	if (size < sizeof(*range) || memcmp(&range->min_addr, &range->max_addr, addr_len(&to)))
		return changes_to(w, NULL);
	memcpy(to.a, &range->min_addr, addr_len(&to));
	return changes_to(w, &to);
}

static enum end do_target(struct walk *w, struct nlattr *tb[])
{
	static const char *const harmless[] = { "LOG", "NFLOG", "MARK", "CONNMARK", "DSCP", "TOS" };
	size_t i;

	if (!tb[NFTA_TARGET_NAME] || !tb[NFTA_TARGET_INFO])
		return UNSURE;
	if (!nla_strcmp(tb[NFTA_TARGET_NAME], "MASQUERADE"))
		return do_masquerade(w);
	if (!nla_strcmp(tb[NFTA_TARGET_NAME], "SNAT"))
		return do_target_snat(w, tb);
	for (i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (!nla_strcmp(tb[NFTA_TARGET_NAME], harmless[i]))
			return GOES_ON;
	return UNSURE;
}

/* ---- rules and chains ---- */

static const char *const kinds[] = {
	"payload", "meta", "ct", "rt", "bitwise", "cmp", "range", "lookup", "match", "immediate", "nat", "masq",
	"target", "xfrm", "counter", "log", "notrack",
};

/* the first of @kinds, in their order */
enum kind {
	PAYLOAD, META, CT, RT, BITWISE, CMP, RANGE, LOOKUP, MATCH, IMMEDIATE, NAT, MASQ, TARGET, XFRM,
};

static size_t kind_of(struct nlattr *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!nla_strcmp(name, kinds[i]))
			return i;
	return i;
}

/* Runs an expression that loads a register; false: it is none. */
static bool loads(struct walk *w, size_t kind, struct nlattr *tb[])
{
	static void (*const all[])(struct walk *w, struct nlattr *tb[]) = {
		[PAYLOAD] = do_payload, [META] = do_meta, [CT] = do_ct, [RT] = do_rt, [BITWISE] = do_bitwise,
	};

	if (kind > BITWISE)
		return false;
	all[kind](w, tb);
	return true;
}

static enum tri condition(struct walk *w, const struct nft_rule *r, size_t kind, struct nlattr *tb[])
{
	switch (kind) {
	case CMP:
		return do_cmp(w, tb);
	case RANGE:
		return do_range(w, tb);
	case LOOKUP:
		return do_lookup(w, r, tb);
	case MATCH:
		return do_match(tb);
	case XFRM:
		return NO;
	}
	/*
	 * counter and log do nothing to the packet; what this file does not know may stop the rule
	 */
	return kind < sizeof(kinds) / sizeof(*kinds) ? YES : UNKNOWN;
}

/* A map of verdicts may end the rule, and lead to any chain. */
static bool is_verdict_map(size_t kind, struct nlattr *tb[])
{
	return kind == LOOKUP && number(tb[NFTA_LOOKUP_DREG], UINT32_MAX) == NFT_REG_VERDICT;
}

static void one_expression(struct walk *w, const struct nft_rule *r, struct nlattr *elem, struct state *s)
{
	struct nlattr *tb[NFTA_EXPR_MAX + 1], *data[32];
	enum tri is;
	size_t kind;

	/* an unreadable expression may be a condition, a verdict or a change of the source */
	memset(data, 0, sizeof(data));
	if (!parse_whole(tb, NFTA_EXPR_MAX, elem) || !tb[NFTA_EXPR_NAME] ||
	    (tb[NFTA_EXPR_DATA] && !parse_whole(data, 31, tb[NFTA_EXPR_DATA]))) {
		s->end = UNSURE;
		return;
	}
	kind = kind_of(tb[NFTA_EXPR_NAME]);
	if (loads(w, kind, data))
		return;
	if (is_verdict_map(kind, data))
		s->end = UNSURE;
	else if (kind == IMMEDIATE)
		s->end = do_immediate(w, data);
	else if (kind == NAT)
		s->end = do_nat(w, data);
	else if (kind == MASQ)
		s->end = do_masquerade(w);
	else if (kind == TARGET)
		s->end = do_target(w, data);
	else {
		is = condition(w, r, kind, data);
		s->matches = is == NO ? NO : is == UNKNOWN ? UNKNOWN : s->matches;
	}
}

static enum end one_rule(struct walk *w, const struct nft_rule *r)
{
	struct state s = { .matches = YES, .end = GOES_ON };
	struct nlattr *elem;
	int left;

	memset(w->change, 0, sizeof(*w->change));
	memset(&w->regs, 0, sizeof(w->regs));
	nla_for_each_attr(elem, (struct nlattr *)r->expressions, (int)r->len, left) {
		one_expression(w, r, elem, &s);
		if (s.matches == NO)
			return GOES_ON;
		if (s.end != GOES_ON)
			break;
	}
	/* The list ends within an expression: that one cannot be read either. */
	if (s.end == GOES_ON && left > 0)
		s.end = UNSURE;
	w->change->rule = r;
	return s.end != GOES_ON && s.matches == UNKNOWN ? UNSURE : s.end;
}

static enum end one_chain(struct walk *w, uint8_t family, const char *table, const char *chain, unsigned int depth)
{
	const struct nft_rules *all = w->rules;
	char to[NFT_NAME];
	unsigned int i;
	enum end end;

	if (depth > DEPTH_MAX)
		return UNSURE;
	for (i = 0; i < all->n_rules; i++) {
		const struct nft_rule *r = &all->rules[i];

		if (++w->steps > STEPS_MAX)
			return UNSURE;
		if (r->family != family || strcmp(r->table, table) || strcmp(r->chain, chain))
			continue;
		end = one_rule(w, r);
		if (end == JUMPS || end == GOES_TO) {
			bool comes_back = end == JUMPS;

			memcpy(to, w->chain, sizeof(to));
			end = one_chain(w, family, table, to, depth + 1);
			if (!comes_back && (end == GOES_ON || end == RETURNS))
				return RETURNS;
		} else if (end == RETURNS) {
			return RETURNS;
		}
		if (end != GOES_ON && end != RETURNS)
			return end;
	}
	return GOES_ON;
}

/**
 * nft_nat() - find the rule that changes the source of a connection's first packet
 * @rules: of nft_rules_load()
 * @flow: the packet as it is routed
 * @change: gets the rule, if the result is NFT_NAT_CHANGES
 *
 * The first chain whose rule binds the source decides, whether that rule keeps it or not. An accept
 * ends one chain only.
 *
 * Return: NFT_NAT_UNSURE as soon as a rule depends on what @flow does not tell, such as a mark.
 */
enum nft_nat nft_nat(const struct nft_rules *rules, const struct nft_flow *flow, struct nft_change *change)
{
	struct walk w = { .rules = rules, .flow = flow, .change = change };
	unsigned int i;
	enum end end;

	write_headers(&w);
	for (i = 0; i < rules->n_chains; i++) {
		const struct nft_chain *c = &rules->chains[i];

		if (!nft_family_has(c->family, flow->src.family))
			continue;
		end = one_chain(&w, c->family, c->table, c->name, 0);
		if (end == CHANGES)
			return NFT_NAT_CHANGES;
		if (end == UNSURE)
			return NFT_NAT_UNSURE;
		if (end == KEEPS || end == DROPS)
			return NFT_NAT_KEEPS;
	}
	return NFT_NAT_KEEPS;
}
