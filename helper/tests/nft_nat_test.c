// SPDX-License-Identifier: GPL-2.0
/* Rules of nftables, written as the kernel tells them, and what they do to a packet's source. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/msg.h>

#include "sys/nft_nat.h"

#define RULES_MAX	4

struct world {
	struct nft_chain chain;
	struct nft_rule rules[RULES_MAX];
	struct nl_msg *text[RULES_MAX];	/* the rules' expressions */
	struct nft_element elements[2];
	struct nft_set set;
	struct nft_rules all;
	struct nft_change change;
};

static void name_it(uint8_t *family, char *table)
{
	*family = NFPROTO_IPV4;
	strcpy(table, "nat");
}

static void *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	name_it(&w->chain.family, w->chain.table);
	strcpy(w->chain.name, "post");
	w->all = (struct nft_rules){ .chains = &w->chain, .rules = w->rules, .sets = &w->set, .n_chains = 1 };
	return w;
}

static void world_free(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->all.n_rules; i++)
		nlmsg_free(w->text[i]);
	free(w);
}

static void rule(struct world *w, const char *chain)
{
	unsigned int i = w->all.n_rules++;

	assert_true(i < RULES_MAX);
	name_it(&w->rules[i].family, w->rules[i].table);
	strcpy(w->rules[i].chain, chain);
	w->rules[i].handle = i + 1;
	w->text[i] = nlmsg_alloc();
	assert_non_null(w->text[i]);
	assert_non_null(nlmsg_put(w->text[i], 0, 0, 0, 0, 0));
}

/* the last rule's expressions, after one more was added */
static struct nl_msg *last(struct world *w)
{
	return w->text[w->all.n_rules - 1];
}

static void u32(struct nl_msg *msg, int type, uint32_t value)
{
	assert_int_equal(nla_put_u32(msg, type, htonl(value)), 0);
}

struct nests { struct nlattr *elem, *data; };

static struct nests begin(struct world *w, const char *kind)
{
	struct nests n = { .elem = nla_nest_start(last(w), NFTA_LIST_ELEM) };

	assert_int_equal(nla_put_string(last(w), NFTA_EXPR_NAME, kind), 0);
	n.data = nla_nest_start(last(w), NFTA_EXPR_DATA);
	return n;
}

/* The last rule has the expressions written so far. */
static void take(struct world *w)
{
	struct nft_rule *r = &w->rules[w->all.n_rules - 1];
	struct nlmsghdr *hdr = nlmsg_hdr(last(w));

	r->expressions = nlmsg_data(hdr);
	r->len = nlmsg_datalen(hdr);
}

static void end(struct world *w, struct nests n)
{
	nla_nest_end(last(w), n.data);
	nla_nest_end(last(w), n.elem);
	take(w);
}

static void value(struct world *w, int type, const void *data, size_t len)
{
	struct nlattr *nest = nla_nest_start(last(w), type);

	assert_int_equal(nla_put(last(w), NFTA_DATA_VALUE, len, data), 0);
	nla_nest_end(last(w), nest);
}

static void load(struct world *w, const char *kind, int key_type, uint32_t key, int dreg_type)
{
	struct nests n = begin(w, kind);

	u32(last(w), dreg_type, NFT_REG_1);
	u32(last(w), key_type, key);
	end(w, n);
}

static void compare(struct world *w, const void *data, size_t len)
{
	struct nests n = begin(w, "cmp");

	u32(last(w), NFTA_CMP_SREG, NFT_REG_1);
	u32(last(w), NFTA_CMP_OP, NFT_CMP_EQ);
	value(w, NFTA_CMP_DATA, data, len);
	end(w, n);
}

static void oifname(struct world *w, const char *name)
{
	char padded[16] = "";

	strcpy(padded, name);
	load(w, "meta", NFTA_META_KEY, NFT_META_OIFNAME, NFTA_META_DREG);
	compare(w, padded, sizeof(padded));
}

/* the addresses of IPv4: the source is at 12, the destination at 16 */
static void address(struct world *w, uint32_t offset)
{
	struct nests n = begin(w, "payload");

	u32(last(w), NFTA_PAYLOAD_DREG, NFT_REG_1);
	u32(last(w), NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	u32(last(w), NFTA_PAYLOAD_OFFSET, offset);
	u32(last(w), NFTA_PAYLOAD_LEN, 4);
	end(w, n);
}

static void masquerade(struct world *w)
{
	end(w, begin(w, "masq"));
}

static void verdict(struct world *w, int32_t code, const char *chain)
{
	struct nests n = begin(w, "immediate");
	struct nlattr *data, *v;

	u32(last(w), NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nla_nest_start(last(w), NFTA_IMMEDIATE_DATA);
	v = nla_nest_start(last(w), NFTA_DATA_VERDICT);
	u32(last(w), NFTA_VERDICT_CODE, code);
	if (chain)
		assert_int_equal(nla_put_string(last(w), NFTA_VERDICT_CHAIN, chain), 0);
	nla_nest_end(last(w), v);
	nla_nest_end(last(w), data);
	end(w, n);
}

static void snat_to_register(struct world *w)
{
	struct nests n = begin(w, "nat");

	u32(last(w), NFTA_NAT_TYPE, NFT_NAT_SNAT);
	u32(last(w), NFTA_NAT_FAMILY, NFPROTO_IPV4);
	u32(last(w), NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	end(w, n);
}

/* 10.1.0.2 to 10.2.0.1 by wan; ports are not known */
static enum nft_nat result(struct world *w)
{
	struct nft_flow f = { .proto = 17, .iif_known = true, .iif = "lan", .oif = "wan" };

	addr_parse("10.1.0.2", &f.src);
	addr_parse("10.2.0.1", &f.dst);
	return nft_nat(&w->all, &f, &w->change);
}

/* an expression without a name may be a condition, so what comes behind it is not sure */
static void not_readable(void **state)
{
	struct world *w = world_new();
	struct nlattr *elem;

	(void)state;
	rule(w, "post");
	elem = nla_nest_start(last(w), NFTA_LIST_ELEM);
	u32(last(w), NFTA_EXPR_DATA, 0);
	nla_nest_end(last(w), elem);
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
}

/*
 * A verdict may follow an unreadable expression; nothing else in the rule makes this result unsure.
 */
static void not_readable_at_the_end(void **state)
{
	struct world *w = world_new();
	struct nlattr *elem;

	(void)state;
	rule(w, "post");
	elem = nla_nest_start(last(w), NFTA_LIST_ELEM);
	u32(last(w), NFTA_EXPR_DATA, 0);
	nla_nest_end(last(w), elem);
	take(w);
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
	w = world_new();
	rule(w, "post");
	elem = nla_nest_start(last(w), NFTA_LIST_ELEM);
	assert_int_equal(nla_put_string(last(w), NFTA_EXPR_NAME, "masq"), 0);
	u32(last(w), NFTA_EXPR_DATA, 0);
	nla_nest_end(last(w), elem);
	take(w);
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
}

/* A list that ends within an expression hides it: it may be the one that masquerades. */
static void cut_off(void **state)
{
	struct world *w = world_new();
	size_t one;

	(void)state;
	rule(w, "post");
	end(w, begin(w, "counter"));
	one = w->rules[0].len;
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_CHANGES);
	while (--w->rules[0].len > one)
		assert_int_equal(result(w), NFT_NAT_UNSURE);
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	world_free(w);
	/* a condition that is not met ends the rule before */
	w = world_new();
	rule(w, "post");
	oifname(w, "lan");
	masquerade(w);
	w->rules[0].len--;
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	world_free(w);
}

/* a map may lead to any chain, or give an address */
static void maps(void **state)
{
	struct world *w = world_new();
	struct nests n;

	(void)state;
	rule(w, "post");
	address(w, 16);
	n = begin(w, "lookup");
	assert_int_equal(nla_put_string(last(w), NFTA_LOOKUP_SET, "ways"), 0);
	u32(last(w), NFTA_LOOKUP_SREG, NFT_REG_1);
	u32(last(w), NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	end(w, n);
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
}

static void by_device(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	rule(w, "post");
	oifname(w, "lan");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	rule(w, "post");
	oifname(w, "wan");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_CHANGES);
	assert_int_equal(w->change.rule->handle, 2);
	assert_true(w->change.masquerade);
	world_free(w);
}

/* An unknown condition makes a verdict unsure; a rule without a verdict changes nothing. */
static void by_mark(void **state)
{
	struct world *w = world_new();
	uint32_t one = 1;

	(void)state;
	rule(w, "post");
	load(w, "meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_DREG);
	compare(w, &one, sizeof(one));
	rule(w, "post");
	oifname(w, "lan");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	rule(w, "post");
	load(w, "meta", NFTA_META_KEY, NFT_META_MARK, NFTA_META_DREG);
	compare(w, &one, sizeof(one));
	verdict(w, NF_ACCEPT, NULL);
	rule(w, "post");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
}

static void to_itself(void **state)
{
	struct world *w = world_new();

	(void)state;
	rule(w, "post");
	address(w, 12);
	snat_to_register(w);
	rule(w, "post");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	world_free(w);
	w = world_new();
	rule(w, "post");
	address(w, 16);
	snat_to_register(w);
	assert_int_equal(result(w), NFT_NAT_CHANGES);
	assert_false(w->change.masquerade);
	assert_int_equal(w->change.to.a[1], 2);
	world_free(w);
}

static void jumps(void **state)
{
	struct world *w = world_new();

	(void)state;
	rule(w, "post");
	verdict(w, NFT_JUMP, "sub");
	rule(w, "sub");
	verdict(w, NFT_RETURN, NULL);
	rule(w, "post");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_CHANGES);
	assert_int_equal(w->change.rule->handle, 3);
	world_free(w);
	/* the kernel refuses a loop; here it ends */
	w = world_new();
	rule(w, "post");
	verdict(w, NFT_JUMP, "post");
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
	w = world_new();
	rule(w, "post");
	verdict(w, NFT_GOTO, "sub");
	rule(w, "post");
	masquerade(w);
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	world_free(w);
}

static void element(struct world *w, const char *address, uint32_t flags)
{
	struct nft_element *e = &w->elements[w->set.n++];
	struct addr a;

	assert_true(addr_parse(address, &a));
	memcpy(e->key, a.a, 4);
	e->len = 4;
	e->flags = flags;
}

static struct world *with_set(void)
{
	struct world *w = world_new();
	struct nests n;

	name_it(&w->set.family, w->set.table);
	strcpy(w->set.name, "far");
	w->set.elements = w->elements;
	w->all.n_sets = 1;
	rule(w, "post");
	address(w, 16);
	n = begin(w, "lookup");
	assert_int_equal(nla_put_string(last(w), NFTA_LOOKUP_SET, "far"), 0);
	u32(last(w), NFTA_LOOKUP_SREG, NFT_REG_1);
	end(w, n);
	masquerade(w);
	return w;
}

static void sets(void **state)
{
	struct world *w = with_set();

	(void)state;
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	element(w, "10.2.0.0", 0);
	assert_int_equal(result(w), NFT_NAT_KEEPS);	/* no interval: that address alone */
	element(w, "10.2.0.1", 0);
	assert_int_equal(result(w), NFT_NAT_CHANGES);
	w->set.n = 0;
	element(w, "10.3.0.0", NFT_SET_ELEM_INTERVAL_END);
	element(w, "10.2.0.0", 0);
	assert_int_equal(result(w), NFT_NAT_CHANGES);
	w->set.n = 0;
	element(w, "10.2.0.1", NFT_SET_ELEM_INTERVAL_END);
	element(w, "10.2.0.0", 0);
	assert_int_equal(result(w), NFT_NAT_KEEPS);
	w->set.n = 0;
	element(w, "10.2.0.1", NFT_SET_ELEM_INTERVAL_END);
	element(w, "10.2.0.1", 0);
	assert_int_equal(result(w), NFT_NAT_CHANGES);	/* an interval begins where another ends */
	w->set.unclear = true;
	assert_int_equal(result(w), NFT_NAT_UNSURE);
	world_free(w);
}

/* Random octets: the sanitizers judge. */
static void damaged(void **state)
{
	struct world *w = with_set();
	uint8_t copy[4096];
	size_t len = w->rules[0].len;
	unsigned int i, k;

	(void)state;
	assert_true(len <= sizeof(copy));
	srandom(1);
	element(w, "10.2.0.1", 0);
	memcpy(copy, w->rules[0].expressions, len);
	for (i = 0; i < 200000; i++) {
		uint8_t *damaged = malloc(len);

		assert_non_null(damaged);
		memcpy(damaged, copy, len);
		for (k = random() % 4; k < 4; k++)
			damaged[random() % len] = random() % 3 ? random() % 24 : random();
		w->rules[0].expressions = damaged;
		w->rules[0].len = random() % 4 ? len : random() % (len + 1);
		result(w);
		free(damaged);
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_readable), cmocka_unit_test(not_readable_at_the_end),
		cmocka_unit_test(cut_off), cmocka_unit_test(maps),
		cmocka_unit_test(by_device), cmocka_unit_test(by_mark), cmocka_unit_test(to_itself),
		cmocka_unit_test(jumps), cmocka_unit_test(sets), cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
