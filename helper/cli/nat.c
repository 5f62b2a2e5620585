// SPDX-License-Identifier: GPL-2.0
/* Source NAT that changes packets before the access lists see them. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "cli/cli.h"
#include "sys/nft_nat.h"

#define ENTRIES_MAX	256	/* entries checked: each needs routes from the kernel */

struct nat_check {
	const struct conf *conf;
	const struct addr_own *addrs;
	unsigned int n_addrs;
	struct nft_rules rules;
	conf_warn_t warn;
	void *arg;
};

/**
 * cli_nat_flow() - add to a packet what its routes tell
 * @flow: has its addresses; gets its devices
 *
 * Return: false if the packet does not leave this host.
 */
bool cli_nat_flow(struct nft_flow *flow)
{
	struct route_query q = { .dst = flow->src };
	struct route_answer a;

	flow->iif_known = !route_get(&q, &a);
	if (flow->iif_known && a.type != RTN_LOCAL)
		memcpy(flow->iif, a.oif, sizeof(flow->iif));
	q.dst = flow->dst;
	if (route_get(&q, &a) || a.type == RTN_LOCAL || !*a.oif)
		return false;
	memcpy(flow->oif, a.oif, sizeof(flow->oif));
	return true;
}

/**
 * cli_nat_rule_str() - name a rule as a person finds it
 * @c: what the rule does
 * @out: gets "rule handle 5 of ip nat postrouting (masquerade)"
 * @len: room there
 *
 * Return: @out.
 */
const char *cli_nat_rule_str(const struct nft_change *c, char *out, size_t len)
{
	char to[ADDR_STRLEN] = "another address";

	if (c->to.family)
		addr_str(&c->to, to, sizeof(to));
	snprintf(out, len, "rule handle %llu of %s %s %s (%s%s)", (unsigned long long)c->rule->handle,
		 nft_family_name(c->rule->family), c->rule->table, c->rule->chain,
		 c->masquerade ? "masquerade" : "source NAT to ", c->masquerade ? "" : to);
	return out;
}

/* ---- the access lists ---- */

static bool end_takes(const struct ts *ts, const struct addr *a, const struct nft_flow *f, uint16_t port)
{
	bool all_ports = !ts->port_min && ts->port_max == 65535;

	return a->family == ts->min.family && addr_cmp(&ts->min, a) <= 0 && addr_cmp(a, &ts->max) <= 0 &&
	       (!ts->proto || ts->proto == f->proto) &&
	       (all_ports || (f->ports_known && ts->port_min <= port && port <= ts->port_max));
}

/* The first entry that takes the packet with the source @src */
static const struct conf_entry *entry_of(const struct conf *conf, const struct nft_flow *f,
					 const struct addr *src)
{
	unsigned int i, k;

	for (i = 0; i < conf->n_lists; i++)
		for (k = 0; k < conf->lists[i].n; k++) {
			const struct conf_entry *e = &conf->lists[i].entries[k];

			if (end_takes(&e->src, src, f, f->sport) && end_takes(&e->dst, &f->dst, f, f->dport))
				return e;
		}
	return NULL;
}

static bool is_protected(const struct nat_check *n, const struct nft_flow *f, const struct addr *src)
{
	const struct conf_entry *e = entry_of(n->conf, f, src);

	return e && e->action == CONF_PROTECT;
}

/* The packet is protected with the new source, too, or masquerading does not change it. */
static bool harmless(const struct nat_check *n, const struct nft_flow *f, const struct nft_change *c)
{
	unsigned int i;

	if (!c->masquerade)
		return !c->to.family || is_protected(n, f, &c->to);
	for (i = 0; i < n->n_addrs; i++)
		if (!strcmp(n->addrs[i].dev, f->oif) && n->addrs[i].addr.family == f->src.family &&
		    (addr_equal(&n->addrs[i].addr, &f->src) || is_protected(n, f, &n->addrs[i].addr)))
			return true;
	return false;
}

/* ---- packets that stand for an entry ---- */

/* The address @by behind the first of @ts; the last one, where there are not so many */
static struct addr nth(const struct ts *ts, uint8_t by)
{
	struct addr a = ts->min;
	size_t at = addr_len(&a) - 1;

	if (a.a[at] <= UINT8_MAX - by)
		a.a[at] += by;
	return addr_cmp(&a, &ts->max) > 0 ? ts->max : a;
}

/* Of a network of this host, if the entry has one: rules name these */
static struct addr source_of(const struct nat_check *n, const struct ts *ts)
{
	unsigned int i;

	for (i = 0; i < n->n_addrs; i++) {
		const struct addr_own *own = &n->addrs[i];
		struct ts net = { .min = own->addr, .max = ts->max };

		if (own->addr.family == ts->min.family && own->prefix_len < 8 * addr_len(&own->addr) - 1 &&
		    addr_cmp(&ts->min, &own->addr) <= 0 && addr_cmp(&own->addr, &ts->max) <= 0)
			return nth(&net, 1);
	}
	return nth(ts, 1);
}

static void say(const struct nat_check *n, const struct conf_entry *e, const struct nft_flow *f,
		const struct nft_change *c)
{
	struct ts dst = { .port_max = 65535, .min = e->dst.min, .max = e->dst.max };
	char text[2048], rule[700], to[TS_STRLEN], src[ADDR_STRLEN];
	const char *ip = f->dst.family == AF_INET6 ? "ip6" : "ip";

	ts_str(&dst, to, sizeof(to));
	addr_str(&f->src, src, sizeof(src));
	snprintf(text, sizeof(text), "%s:%u:%u: warning: entry %u: found %s, which gives packets from %s to %s another source before the access lists see them; expected a chain before it with the rule: %s daddr %s snat %s to %s saddr",
		 e->at.file, e->at.line, e->at.column, e->number, cli_nat_rule_str(c, rule, sizeof(rule)),
		 src, to, ip, to, ip, ip);
	n->warn(text, n->arg);
}

/* true: a rule catches the packet, and the user was told */
static bool check_flow(const struct nat_check *n, const struct conf_entry *e, struct nft_flow *f)
{
	struct nft_change change;

	if (entry_of(n->conf, f, &f->src) != e || nft_nat(&n->rules, f, &change) != NFT_NAT_CHANGES ||
	    harmless(n, f, &change))
		return false;
	say(n, e, f, &change);
	return true;
}

/* An entry of any protocol stands for those that people write rules for. */
static void check_entry(const struct nat_check *n, const struct conf_entry *e)
{
	uint8_t icmp = e->src.min.family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	const uint8_t protos[] = { e->src.proto ? e->src.proto : IPPROTO_TCP, IPPROTO_UDP, icmp };
	struct nft_flow f = { .sport = e->src.port_min, .dport = e->dst.port_min };
	unsigned int i, k;

	f.ports_known = e->src.port_min == e->src.port_max && e->dst.port_min == e->dst.port_max;
	f.src = source_of(n, &e->src);
	for (i = 0; i < 2; i++) {
		f.dst = i ? e->dst.max : nth(&e->dst, 1);
		if (!cli_nat_flow(&f))
			continue;
		for (k = 0; k < (e->src.proto ? 1 : sizeof(protos)); k++) {
			f.proto = protos[k];
			if (check_flow(n, e, &f))
				return;
		}
	}
}

/**
 * cli_nat_warn() - look for rules of nftables that catch what an entry protects
 * @conf: the configuration
 * @addrs: addresses of this host
 * @n_addrs: number of @addrs
 * @warn: gets each warning, one an entry at most
 * @arg: argument of @warn
 *
 * Packets stand for each entry. A rule that depends on what they do not tell gives no warning, and so
 * do rules that the kernel does not show, as to a user without CAP_NET_ADMIN.
 */
void cli_nat_warn(const struct conf *conf, const struct addr_own *addrs, unsigned int n_addrs,
		  conf_warn_t warn, void *arg)
{
	struct nat_check n = { .conf = conf, .addrs = addrs, .n_addrs = n_addrs, .warn = warn, .arg = arg };
	unsigned int i, k, looked_at = 0;

	if (!nft_rules_load(&n.rules) && n.rules.n_chains)
		for (i = 0; i < conf->n_lists; i++)
			for (k = 0; k < conf->lists[i].n && looked_at < ENTRIES_MAX; k++)
				if (conf->lists[i].entries[k].action == CONF_PROTECT) {
					check_entry(&n, &conf->lists[i].entries[k]);
					looked_at++;
				}
	nft_rules_free(&n.rules);
}
