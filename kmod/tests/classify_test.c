// SPDX-License-Identifier: GPL-2.0
/*
 * The compiled look-up against a walk over the list. Lists and packets are random,
 * but drawn from few values, so that ranges touch, nest and repeat, and packets
 * fall on and beside their ends.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": test: " fmt
#include <linux/kernel.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "policy.h"
#include "tests.h"

#define PACKETS 400

static u32 any_of(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

/* mostly within 16 addresses or ports, now and then an end of the whole range */
static u32 value(struct rnd_state *rnd, u32 most)
{
	switch (any_of(rnd, 8)) {
	case 0:
		return 0;
	case 1:
		return most;
	case 2:
		return most - 1;
	default:
		return most / 2 + any_of(rnd, 16);
	}
}

static void range(struct rnd_state *rnd, u32 most, u32 *min, u32 *max)
{
	u32 a = value(rnd, most), b = value(rnd, most);

	if (!any_of(rnd, 3)) {
		a = 0;
		b = most;
	}
	*min = min(a, b);
	*max = max(a, b);
}

/* an address with value() in its last or its first 32 bits */
static void addr_of(u8 family, u32 value, bool first, union nfipsec_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (family == AF_INET)
		addr->ip = htonl(value);
	else
		addr->ip6.s6_addr32[first ? 0 : 3] = htonl(value);
}

static void addr_range(struct rnd_state *rnd, u8 family, struct nfipsec_num *min,
		       struct nfipsec_num *max)
{
	union nfipsec_addr a, b;
	bool first = any_of(rnd, 2);
	u32 from, to;

	range(rnd, U32_MAX, &from, &to);
	addr_of(family, from, first, &a);
	addr_of(family, to, first, &b);
	*min = nfipsec_addr_num(family, &a);
	*max = nfipsec_addr_num(family, &b);
}

static u8 family(struct rnd_state *rnd)
{
	return any_of(rnd, 2) ? AF_INET : AF_INET6;
}

static u8 protocol(struct rnd_state *rnd)
{
	static const u8 some[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE };

	return some[any_of(rnd, ARRAY_SIZE(some))];
}

static void entry_fill(struct rnd_state *rnd, struct nfipsec_entry *e)
{
	struct nfipsec_sel *sel = &e->sel;
	u32 min, max;

	e->action = NFIPSEC_ACTION_BYPASS + any_of(rnd, 3);
	sel->family = family(rnd);
	addr_range(rnd, sel->family, &sel->saddr_min, &sel->saddr_max);
	addr_range(rnd, sel->family, &sel->daddr_min, &sel->daddr_max);
	sel->sport_max = U16_MAX;
	sel->dport_max = U16_MAX;
	sel->proto = any_of(rnd, 4) ? protocol(rnd) : 0;
	if (!sel->proto)
		return;
	range(rnd, U16_MAX, &min, &max);
	sel->sport_min = min;
	sel->sport_max = max;
	range(rnd, U16_MAX, &min, &max);
	sel->dport_min = min;
	sel->dport_max = max;
}

static void pkt_fill(struct rnd_state *rnd, struct nfipsec_pkt *pkt)
{
	memset(pkt, 0, sizeof(*pkt));
	pkt->family = family(rnd);
	pkt->h.proto = protocol(rnd);
	addr_of(pkt->family, value(rnd, U32_MAX), any_of(rnd, 2), &pkt->saddr);
	addr_of(pkt->family, value(rnd, U32_MAX), any_of(rnd, 2), &pkt->daddr);
	pkt->h.fragment = !any_of(rnd, 4);
	pkt->h.opaque = pkt->h.fragment && pkt->family == AF_INET6 && !any_of(rnd, 4);
	pkt->ports = !pkt->h.fragment && pkt->h.proto != IPPROTO_GRE;
	if (pkt->ports) {
		pkt->sport = htons(value(rnd, U16_MAX));
		pkt->dport = htons(value(rnd, U16_MAX));
	}
}

/* octet by octet, as addresses are written */
static bool naive_within(u8 family, const union nfipsec_addr *addr, struct nfipsec_num min,
			 struct nfipsec_num max)
{
	size_t len = family == AF_INET ? 4 : 16;
	union nfipsec_addr from, to;

	nfipsec_num_addr(family, min, &from);
	nfipsec_num_addr(family, max, &to);
	return memcmp(addr, &from, len) >= 0 && memcmp(addr, &to, len) <= 0;
}

/* as slow and plain as can be: what the access list says, one condition a line */
static bool naive_match(const struct nfipsec_entry *e, const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_sel *sel = &e->sel;
	bool choosy = sel->sport_min != 0 || sel->sport_max != U16_MAX ||
		      sel->dport_min != 0 || sel->dport_max != U16_MAX;

	if (pkt->family != sel->family)
		return false;
	if (!naive_within(pkt->family, &pkt->saddr, sel->saddr_min, sel->saddr_max))
		return false;
	if (!naive_within(pkt->family, &pkt->daddr, sel->daddr_min, sel->daddr_max))
		return false;
	if (pkt->h.opaque && e->action != NFIPSEC_ACTION_BYPASS)
		return true;
	if (sel->proto != 0 && sel->proto != pkt->h.proto)
		return false;
	/* a fragment may be of any port: never let it pass by, never leave it out */
	if (pkt->h.fragment && choosy)
		return e->action != NFIPSEC_ACTION_BYPASS;
	if (!pkt->ports)
		return !choosy;
	if (ntohs(pkt->sport) < sel->sport_min || ntohs(pkt->sport) > sel->sport_max)
		return false;
	if (ntohs(pkt->dport) < sel->dport_min || ntohs(pkt->dport) > sel->dport_max)
		return false;
	return true;
}

static const struct nfipsec_entry *naive_classify(const struct nfipsec_policy *policy,
						  const struct nfipsec_pkt *pkt)
{
	unsigned int i;

	for (i = 0; i < policy->n_entries; i++)
		if (naive_match(&policy->entries[i], pkt))
			return &policy->entries[i];
	return NULL;
}

static bool compare(struct rnd_state *rnd, const struct nfipsec_policy *policy)
{
	const struct nfipsec_entry *quick, *naive;
	struct nfipsec_pkt pkt;
	unsigned int i;

	for (i = 0; i < PACKETS; i++) {
		pkt_fill(rnd, &pkt);
		quick = nfipsec_classify(policy, &pkt);
		naive = naive_classify(policy, &pkt);
		if (!nfipsec_expect(quick == naive,
				    "%u entries, packet %u: entry %zd, expected %zd",
				    policy->n_entries, i, quick ? quick - policy->entries : -1,
				    naive ? naive - policy->entries : -1))
			return false;
	}
	return true;
}

/* Late entries must be reached too: the last one alone takes what no other does. */
static bool last_is_reached(struct nfipsec_policy *policy)
{
	struct nfipsec_pkt pkt = {
		.family = AF_INET,
		.h.proto = IPPROTO_AH,
		.saddr.ip = htonl(0x0a000001),
		.daddr.ip = htonl(0x0a000002),
	};
	unsigned int i;

	for (i = 0; i < policy->n_entries; i++)
		policy->entries[i].sel.proto = IPPROTO_TCP;
	policy->entries[policy->n_entries - 1].sel = (struct nfipsec_sel) {
		.family = AF_INET,
		.sport_max = U16_MAX,
		.dport_max = U16_MAX,
		.saddr_max = { U64_MAX, U64_MAX },
		.daddr_max = { U64_MAX, U64_MAX },
	};
	nfipsec_classifier_free(policy->index);
	policy->index = nfipsec_classifier_build(policy->entries, policy->n_entries);
	return nfipsec_expect(policy->index, "no memory") &&
	       nfipsec_expect(nfipsec_classify(policy, &pkt) ==
			      &policy->entries[policy->n_entries - 1],
			      "%u entries", policy->n_entries);
}

static bool one_size(struct rnd_state *rnd, unsigned int n)
{
	struct nfipsec_policy *policy = nfipsec_policy_alloc(n, GFP_KERNEL);
	unsigned int i;
	bool ok;

	if (!nfipsec_expect(policy, "no memory for %u entries", n))
		return false;
	for (i = 0; i < n; i++)
		entry_fill(rnd, &policy->entries[i]);
	policy->index = nfipsec_classifier_build(policy->entries, n);
	ok = nfipsec_expect(policy->index, "no memory for the look-up of %u entries", n) &&
	     compare(rnd, policy) && (!n || last_is_reached(policy));
	nfipsec_policy_free(policy);
	return ok;
}

bool nfipsec_test_classify(void)
{
	/* around the ends of a bitmap's words and of a block */
	static const unsigned int sizes[] = { 0, 1, 2, 63, 64, 65, 200, 1023, 1024, 1025, 2100 };
	struct rnd_state rnd;
	bool ok = true;
	unsigned int i;

	prandom_seed_state(&rnd, 20);	/* the same each time: a failure can be looked into */
	for (i = 0; i < ARRAY_SIZE(sizes) && ok; i++) {
		ok = one_size(&rnd, sizes[i]);
		cond_resched();
	}
	/* many short lists, where most packets match late or nothing */
	for (i = 0; i < 100 && ok; i++)
		ok = one_size(&rnd, 1 + i % 9);
	return ok;
}
