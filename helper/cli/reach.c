// SPDX-License-Identifier: GPL-2.0
/* explain: what the running kernel and the daemon do with a packet beside the access lists. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include <linux/nfipsec.h>

#include "cli/cli.h"
#include "sys/route.h"

/* @text: for people */
static json_t *verdict(const char *state, const char *text)
{
	return json_pack("{s:s, s:o}", "state", state, "text", printable_json(text));
}

/* ---- the route ---- */

static const char *dropped(const struct route_query *q)
{
	return strcmp(q->iif, NFIPSEC_DEV_NAME) ? "so the packet is dropped before the access lists" :
						  "so the packet is dropped behind the tunnel";
}

static bool is_local(const struct addr *a)
{
	const struct route_query q = { .dst = *a };
	struct route_answer answer;

	return !route_get(&q, &answer) && answer.type == RTN_LOCAL;
}

/* the device that a packet of @src comes by, as far as the routes say; empty: unknown */
static void device_of(const struct addr *src, char dev[ROUTE_DEV_MAX])
{
	const struct route_query q = { .dst = *src };
	struct route_answer answer;

	*dev = 0;
	if (!route_get(&q, &answer))
		memcpy(dev, answer.oif, ROUTE_DEV_MAX);
}

/* the kernel answers for a route of these types with an error; NULL: no route is there */
static const char *refusal(const struct route_query *q, int err)
{
	switch (err) {
	case -EINVAL:
		return *q->iif ? "a blackhole, or takes no packets of this source" : "a blackhole";
	case -EACCES:
		return "prohibited";
	case -EHOSTUNREACH:
		return "unreachable";
	}
	return NULL;
}

static json_t *no_route(const struct route_query *q, int err)
{
	char text[300], src[ADDR_STRLEN], dst[ADDR_STRLEN];
	const char *is = refusal(q, err);

	addr_str(&q->src, src, sizeof(src));
	addr_str(&q->dst, dst, sizeof(dst));
	if (err == -EXDEV)
		snprintf(text, sizeof(text), "rp_filter drops packets of %s that come by %s, because the route back to it goes another way",
			 src, q->iif);
	else if (is)
		snprintf(text, sizeof(text), "the route to %s is %s, %s", dst, is, dropped(q));
	else
		snprintf(text, sizeof(text), "there is no route from %s%s%s to %s (%s), %s",
			 src, *q->iif ? " on " : "", q->iif, dst, strerror(-err), dropped(q));
	return verdict("none", text);
}

static json_t *local_route(const struct route_query *q)
{
	char text[200], dst[ADDR_STRLEN];

	addr_str(&q->dst, dst, sizeof(dst));
	snprintf(text, sizeof(text), "%s is this host itself: the packet does not leave", dst);
	return verdict("local", text);
}

static json_t *found_route(const struct route_query *q, const struct route_answer *a)
{
	char text[300], via[ADDR_STRLEN] = "", dst[ADDR_STRLEN];

	addr_str(&q->dst, dst, sizeof(dst));
	if (a->gateway.family)
		addr_str(&a->gateway, via, sizeof(via));
	if (!a->oif_up) {
		snprintf(text, sizeof(text), "the route to %s goes by %s, which is down", dst, a->oif);
		return verdict("device-down", text);
	}
	snprintf(text, sizeof(text), "the route%s%s to %s goes by %s%s%s", *q->iif ? " from " : "", q->iif,
		 dst, a->oif, *via ? " via " : "", via);
	return verdict("ok", text);
}

/* IPv6 forwards as the host does, IPv4 as the device that the packet comes by does */
static json_t *no_forwarding(const struct route_query *q)
{
	bool six = q->dst.family == AF_INET6;
	const char *dev = six ? "all" : q->iif;
	char text[300];

	if (route_forwarding(q->dst.family, dev))
		return NULL;
	snprintf(text, sizeof(text), "this host does not forward what comes by %s (net.%s.conf.%s.forwarding = 0), %s",
		 q->iif, six ? "ipv6" : "ipv4", dev, dropped(q));
	return verdict("forwarding-off", text);
}

static json_t *route_of(const struct kern_flow *flow)
{
	struct route_query q = { .src = flow->src, .dst = flow->dst, .proto = flow->proto,
				 .sport = flow->sport, .dport = flow->dport };
	struct route_answer a;
	json_t *off;
	int ret;

	/* inbound: behind the tunnel, as it comes out of nfipsec0 */
	if (flow->dir == NFIPSEC_DIR_IN)
		snprintf(q.iif, sizeof(q.iif), "%s", NFIPSEC_DEV_NAME);
	else if (!is_local(&flow->src))
		device_of(&flow->src, q.iif);
	if (flow->dir == NFIPSEC_DIR_IN && is_local(&flow->dst))
		return verdict("local", "the packet is for this host");
	if (*q.iif) {
		off = no_forwarding(&q);
		if (off)
			return off;
	} else if (!is_local(&flow->src)) {
		/* from nowhere: the route to where it goes is all there is to ask for */
		q.src.family = 0;
	}
	ret = route_get(&q, &a);
	if (ret) {
		q.src = flow->src;
		return no_route(&q, ret);
	}
	return a.type == RTN_LOCAL ? local_route(&q) : found_route(&q, &a);
}

/* ---- source NAT ---- */

/* base chains that may change the packet's source */
static void chain_names(const struct nft_rules *rules, uint8_t family, char *out, size_t len)
{
	unsigned int i;
	size_t at;

	for (i = 0, *out = 0; i < rules->n_chains; i++) {
		const struct nft_chain *c = &rules->chains[i];

		at = strlen(out);
		if (nft_family_has(c->family, family))
			snprintf(out + at, len - at, "%s%s %s %s", at ? ", " : "",
				 nft_family_name(c->family), c->table, c->name);
	}
}

/* Names only the chains, if a rule depends on more than this packet. */
static json_t *nat_verdict(const struct nft_rules *rules, const struct nft_flow *f)
{
	struct nft_change change;
	enum nft_nat nat = nft_nat(rules, f, &change);
	char names[700], text[900];

	switch (nat) {
	case NFT_NAT_KEEPS:
		return NULL;
	case NFT_NAT_CHANGES:
		snprintf(text, sizeof(text), "the addresses above are taken as those after NAT, but %s changes this source before the access lists see it",
			 cli_nat_rule_str(&change, names, sizeof(names)));
		return verdict("changed", text);
	case NFT_NAT_UNSURE:
		break;
	}
	chain_names(rules, f->src.family, names, sizeof(names));
	snprintf(text, sizeof(text), "the addresses above are taken as those after NAT: the rules of %s may change the source before the access lists see it (nft list chain ...)",
		 names);
	return verdict("as-after-nat", text);
}

static json_t *nat_of(const struct kern_flow *flow)
{
	struct nft_flow f = { .src = flow->src, .dst = flow->dst, .proto = flow->proto, .sport = flow->sport,
			      .dport = flow->dport, .ports_known = flow->sport && flow->dport };
	struct nft_rules rules;
	json_t *v = NULL;

	if (flow->dir != NFIPSEC_DIR_OUT || !cli_nat_flow(&f))
		return NULL;
	if (!nft_rules_load(&rules) && rules.n_chains)
		v = nat_verdict(&rules, &f);
	nft_rules_free(&rules);
	return v;
}

/* ---- the daemon ---- */

static bool listens(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	ok = fd >= 0 && !connect(fd, (struct sockaddr *)&un, sizeof(un));
	if (fd >= 0)
		close(fd);
	return ok;
}

static const char *member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const json_t *by_name(const json_t *array, const char *name, size_t len)
{
	const json_t *o;
	size_t i;

	json_array_foreach(array, i, o)
		if (strlen(member(o, "name")) == len && !memcmp(member(o, "name"), name, len))
			return o;
	return NULL;
}

/* `any` and ranges only respond */
static bool can_be_called(const json_t *peer)
{
	const json_t *remote;
	size_t i;

	json_array_foreach(json_object_get(peer, "remotes"), i, remote)
		if (json_object_get(remote, "address") || json_object_get(remote, "name"))
			return true;
	return false;
}

static json_t *peer_verdict(const json_t *peers, const char *name)
{
	const char *slash = strchr(name, '/');
	const json_t *peer = by_name(peers, name, slash ? (size_t)(slash - name) : strlen(name));
	const json_t *tun = slash ? by_name(json_object_get(peer, "tunnels"), slash + 1,
					    strlen(slash + 1)) : NULL;
	char text[900];

	if (!tun) {
		snprintf(text, sizeof(text), "nfipsecd does not know tunnel %s: nobody negotiates", name);
		return verdict("unknown-tunnel", text);
	}
	if (*member(peer, "lacks")) {
		snprintf(text, sizeof(text), "nfipsecd listens, but peer %s cannot come up: %s",
			 member(peer, "name"), member(peer, "lacks"));
		return verdict("lacks", text);
	}
	if (!can_be_called(peer)) {
		snprintf(text, sizeof(text), "nfipsecd listens, but only peer %s can begin: its address is %s",
			 member(peer, "name"), member(peer, "remote"));
		return verdict("responder", text);
	}
	if (!strcmp(member(tun, "start"), "manual") && strcmp(member(tun, "state"), "up")) {
		snprintf(text, sizeof(text), "nfipsecd listens, but tunnel %s waits for nfipsec up (start manual)",
			 name);
		return verdict("manual", text);
	}
	snprintf(text, sizeof(text), "nfipsecd listens: tunnel %s is %s", name, member(tun, "state"));
	return verdict("ok", text);
}

static json_t *daemon_of(const struct cli *cli, const char *tunnel)
{
	json_t *answer, *v;
	char text[300];

	if (!listens(cli->socket)) {
		snprintf(text, sizeof(text), "no nfipsecd listens on %s: nobody negotiates an SA", cli->socket);
		return verdict("none", text);
	}
	answer = cli_request(cli, json_pack("{s:s, s:s}", "cmd", "show", "what", "peers"), NULL);
	if (!answer)
		return NULL;
	v = peer_verdict(json_object_get(json_object_get(answer, "data"), "peers"), tunnel);
	json_decref(answer);
	return v;
}

/**
 * cli_reach - ask the kernel and the daemon about a packet
 * @cli: where the daemon listens
 * @flow: the packet
 * @tunnel: the tunnel that protects it; NULL: none does
 * @reach: gets route, and nat and daemon where they matter: each has a state and a text
 */
void cli_reach(const struct cli *cli, const struct kern_flow *flow, const char *tunnel, json_t *reach)
{
	json_t *nat = nat_of(flow), *daemon = tunnel ? daemon_of(cli, tunnel) : NULL;

	json_object_set_new(reach, "route", route_of(flow));
	if (nat)
		json_object_set_new(reach, "nat", nat);
	if (daemon)
		json_object_set_new(reach, "daemon", daemon);
}
