// SPDX-License-Identifier: GPL-2.0
/* show: peers from the daemon, everything else from the module itself. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/nfipsec.h>

#include "cli/cli.h"
#include "crypto/alg.h"

static const char *alg_name(uint8_t type, uint16_t id, uint16_t bits)
{
	const struct ike_alg *alg = ike_alg_find(type, id, bits);

	return alg ? alg->name : "unknown";
}

/* the module tells no key, so not its length either: the family's name without it */
static const char *crypto_name(const struct kern_sa *sa)
{
	static const struct {
		uint16_t id;
		const char *name;
	} names[] = {
		{ NFIPSEC_ENCR_DES_CBC, "des" }, { NFIPSEC_ENCR_3DES_CBC, "3des" },
		{ NFIPSEC_ENCR_NULL, "null" }, { NFIPSEC_ENCR_AES_CBC, "aes-cbc" },
		{ NFIPSEC_ENCR_AES_CTR, "aes-ctr" }, { NFIPSEC_ENCR_AES_CCM_8, "aes-ccm8" },
		{ NFIPSEC_ENCR_AES_CCM_12, "aes-ccm12" }, { NFIPSEC_ENCR_AES_CCM_16, "aes-ccm16" },
		{ NFIPSEC_ENCR_AES_GCM_8, "aes-gcm8" }, { NFIPSEC_ENCR_AES_GCM_12, "aes-gcm12" },
		{ NFIPSEC_ENCR_AES_GCM_16, "aes-gcm16" },
		{ NFIPSEC_ENCR_NULL_AUTH_AES_GMAC, "aes-gmac" },
		{ NFIPSEC_ENCR_CAMELLIA_CBC, "camellia-cbc" },
		{ NFIPSEC_ENCR_CHACHA20_POLY1305, "chacha20poly1305" },
		{ NFIPSEC_ENCR_AES_CCM_16_IIV, "aes-ccm16iiv" },
		{ NFIPSEC_ENCR_AES_GCM_16_IIV, "aes-gcm16iiv" },
		{ NFIPSEC_ENCR_CHACHA20_POLY1305_IIV, "chacha20poly1305iiv" },
	};
	size_t i;

	if (sa->proto == IPPROTO_AH)
		return "none";
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].id == sa->encr)
			return names[i].name;
	return "unknown";
}

static const char *proto_name(const struct kern_sa *sa)
{
	return sa->proto == IPPROTO_AH ? "ah" : "esp";
}

static const char *mode_name(uint8_t mode)
{
	return mode == NFIPSEC_MODE_TRANSPORT ? "transport" : "tunnel";
}

/* weak algorithms have no Key Length attribute */
static bool is_weak(const struct kern_sa *sa)
{
	const struct ike_alg *encr = ike_alg_find(IKE_TRANSFORM_ENCR, sa->encr, 0);
	const struct ike_alg *integ = ike_alg_find(IKE_TRANSFORM_INTEG, sa->integ, 0);

	return (encr && encr->weak) || (integ && integ->weak);
}

const char *cli_action_name(uint8_t action)
{
	static const char *const names[] = {
		[NFIPSEC_ACTION_BYPASS] = "bypass", [NFIPSEC_ACTION_PROTECT] = "protect",
		[NFIPSEC_ACTION_DISCARD] = "discard",
	};

	return action && action < sizeof(names) / sizeof(*names) ? names[action] : "unknown";
}

static json_t *ts_json(const struct ts *ts)
{
	char s[TS_STRLEN];

	return json_string(ts_str(ts, s, sizeof(s)));
}

static json_t *u64_json(uint64_t v)
{
	return json_integer((json_int_t)v);
}

json_t *cli_sa_json(const struct kern_sa *sa)
{
	char local[ADDR_STRLEN], remote[ADDR_STRLEN], spi[16];
	json_t *sels = json_array(), *j;
	unsigned int i;

	for (i = 0; i < sa->n_sels; i++)
		json_array_append_new(sels, json_pack("{s:o, s:o}", "src", ts_json(&sa->sels[i].src),
						      "dst", ts_json(&sa->sels[i].dst)));
	snprintf(spi, sizeof(spi), "0x%08x", sa->spi);
	j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:b, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "dir", sa->dir == NFIPSEC_DIR_IN ? "in" : "out", "spi", spi,
			 "proto", proto_name(sa), "mode", mode_name(sa->mode), "tunnel", printable_json(sa->tunnel),
			 "local", addr_str(&sa->local, local, sizeof(local)),
			 "remote", addr_str(&sa->remote, remote, sizeof(remote)),
			 "encr", crypto_name(sa),
			 "integ", sa->integ ? alg_name(IKE_TRANSFORM_INTEG, sa->integ, 0) : "none",
			 "weak", is_weak(sa), "encap_local", sa->encap_local,
			 "encap_remote", sa->encap_remote, "esn", sa->esn, "replay_window", (int)sa->replay_window,
			 "selectors", sels, "seq", u64_json(sa->seq), "bytes", u64_json(sa->bytes),
			 "packets", u64_json(sa->packets), "replayed", u64_json(sa->replayed),
			 "invalid", u64_json(sa->invalid), "age", u64_json(sa->age),
			 "idle", u64_json(sa->idle));
	if (j && sa->orig_remote.family) {
		json_object_set_new(j, "orig_local", json_string(addr_str(&sa->orig_local, local, sizeof(local))));
		json_object_set_new(j, "orig_remote", json_string(addr_str(&sa->orig_remote, remote, sizeof(remote))));
	}
	return j;
}

void cli_sa_print(const struct kern_sa *sa)
{
	char local[ADDR_STRLEN], remote[ADDR_STRLEN], src[TS_STRLEN], dst[TS_STRLEN];
	bool in = sa->dir == NFIPSEC_DIR_IN, ah = sa->proto == IPPROTO_AH;
	unsigned int i;

	cli_print("%-3s %s 0x%08x  %s  %s -> %s  %s%s%s%s%s%s\n", in ? "in" : "out", proto_name(sa),
		  sa->spi, sa->tunnel,
		  addr_str(in ? &sa->remote : &sa->local, local, sizeof(local)),
		  addr_str(in ? &sa->local : &sa->remote, remote, sizeof(remote)),
		  ah ? "" : crypto_name(sa), sa->integ && !ah ? "-" : "", sa->integ ? alg_name(IKE_TRANSFORM_INTEG, sa->integ, 0) : "",
		  sa->mode == NFIPSEC_MODE_TRANSPORT ? " transport" : "", sa->esn ? " esn" : "", is_weak(sa) ? " weak" : "");
	if (sa->encap_local)
		cli_print("    in UDP, our port %u, the peer's %u\n", sa->encap_local, sa->encap_remote);
	if (sa->orig_remote.family)
		cli_print("    behind a NAT, %s -> %s\n", addr_str(&sa->orig_remote, remote, sizeof(remote)),
			  addr_str(&sa->orig_local, local, sizeof(local)));
	for (i = 0; i < sa->n_sels; i++)
		cli_print("    %s -> %s\n", ts_str(&sa->sels[i].src, src, sizeof(src)),
			  ts_str(&sa->sels[i].dst, dst, sizeof(dst)));
	cli_print("    %" PRIu64 " packets, %" PRIu64 " bytes, seq %" PRIu64, sa->packets, sa->bytes,
		  sa->seq);
	if (in)
		cli_print(", window %u, %" PRIu64 " replayed, %" PRIu64 " invalid", sa->replay_window,
			  sa->replayed, sa->invalid);
	cli_print(", age %" PRIu64 " s, idle %" PRIu64 " s\n", sa->age, sa->idle);
}

json_t *cli_entry_json(const struct kern_entry *e)
{
	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "list", printable_json(e->list),
			 "number", u64_json(e->number), "family",
			 e->src.min.family == AF_INET6 ? "ipv6" : "ipv4", "action", cli_action_name(e->action),
			 "tunnel", printable_json(e->tunnel), "strict", e->strict, "standby", e->standby, "active", e->active, "src", ts_json(&e->src), "dst", ts_json(&e->dst),
			 "out_packets", u64_json(e->out_packets),
			 "in_packets", u64_json(e->in_packets));
}

/* as it stands in the configuration, and its hits */
void cli_entry_print(const struct kern_entry *e)
{
	struct ts src = e->src, dst = e->dst;
	char from[TS_STRLEN], to[TS_STRLEN], proto[TS_STRLEN] = "ip";
	char *space;

	if (src.proto) {
		/* "tcp 10.1.0.0/16": the protocol is said once, before "from" */
		ts_str(&src, proto, sizeof(proto));
		space = strchr(proto, ' ');
		if (space)
			*space = 0;
	}
	src.proto = dst.proto = 0;
	cli_print("%s %u %s %s from %s to %s", e->list, e->number, cli_action_name(e->action), proto,
		  ts_str(&src, from, sizeof(from)), ts_str(&dst, to, sizeof(to)));
	/* from any to any is two entries, which nothing else tells apart */
	if (e->src.min.family == AF_INET6 && !strcmp(from, "any") && !strcmp(to, "any"))
		cli_print(" (IPv6)");
	if (*e->tunnel)
		cli_print("  tunnel %s", e->tunnel);
	if (e->standby)
		cli_print("  standby");
	if (e->active)
		cli_print("  active");
	if (e->strict)
		cli_print("  strict");
	cli_print("  out %" PRIu64 " in-clear %" PRIu64 "\n", e->out_packets, e->in_packets);
}

/* ---- dumps: one object after the other, or all of them as JSON ---- */

struct dump {
	json_t *array;		/* NULL: print */
};

static void each_sa(const struct kern_sa *sa, void *arg)
{
	struct dump *d = arg;

	if (d->array)
		json_array_append_new(d->array, cli_sa_json(sa));
	else
		cli_sa_print(sa);
}

static void each_entry(const struct kern_entry *e, void *arg)
{
	struct dump *d = arg;

	if (d->array)
		json_array_append_new(d->array, cli_entry_json(e));
	else
		cli_entry_print(e);
}

static void print_tunnel(const struct kern_tunnel *t, const char *local, const char *remote)
{
	cli_print("%s  %s -> %s", t->name, local, remote);
	if (t->mode == NFIPSEC_MODE_TRANSPORT)
		cli_print("  transport");
	if (t->bundle)
		cli_print("  esp and ah");
	cli_print("  mtu %u", t->mtu);
	if (t->tfc)
		cli_print("  tfc %u", t->tfc);
	if (t->mark)
		cli_print("  mark 0x%x", t->mark);
	if (*t->vrf)
		cli_print("  vrf %s", t->vrf);
	cli_print("  held %u  dropped %" PRIu64 "  acquires %" PRIu64 "\n", t->queued, t->queue_drops,
		  t->acquires);
}

static void each_tunnel(const struct kern_tunnel *t, void *arg)
{
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];
	struct dump *d = arg;

	addr_str(&t->local, local, sizeof(local));
	addr_str(&t->remote, remote, sizeof(remote));
	if (d->array)
		json_array_append_new(d->array,
				      json_pack("{s:o, s:s, s:s, s:s, s:b, s:i, s:o, s:o, s:i, s:i, s:o, s:o}",
						"name", printable_json(t->name), "local", local, "remote", remote,
						"mode", mode_name(t->mode), "bundle", t->bundle,
						"tfc", (int)t->tfc, "mark", u64_json(t->mark),
						"vrf", printable_json(t->vrf), "mtu", (int)t->mtu, "queued", (int)t->queued,
						"queue_drops", u64_json(t->queue_drops),
						"acquires", u64_json(t->acquires)));
	else
		print_tunnel(t, local, remote);
}

static void each_stat(const struct kern_stat *s, void *arg)
{
	struct dump *d = arg;

	if (d->array)
		json_object_set_new(d->array, s->name, u64_json(s->value));
	else
		cli_print("%-20s %" PRIu64 "\n", s->name, s->value);
}

static int show_kernel(const struct cli *cli, const char *what)
{
	struct dump d = { NULL };
	json_t *no_policy;
	struct kern *k = cli_kern_to_show(cli, &no_policy);
	int ret;

	if (!k)
		return CLI_FAILED;
	if (cli->json)
		d.array = strcmp(what, "stats") ? json_array() : json_object();
	if (!strcmp(what, "sas"))
		ret = kern_sa_dump(k, each_sa, &d);
	else if (!strcmp(what, "policy"))
		ret = kern_policy_dump(k, each_entry, &d);
	else if (!strcmp(what, "tunnels"))
		ret = kern_tunnel_dump(k, each_tunnel, &d);
	else
		ret = kern_stats(k, each_stat, &d);
	ret = cli_kern_status(k, ret, what);
	if (ret || !d.array) {
		json_decref(no_policy);
		json_decref(d.array);
		return ret;
	}
	return cli_print_json(cli_with_no_policy(json_pack("{s:o}", what, d.array), no_policy));
}

/* ---- peers ---- */

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void print_selectors(const json_t *child)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(child, "selectors"), i, pair)
		cli_print("          %s <-> %s\n", text(pair, "local"), text(pair, "remote"));
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_in(const json_t *object, const char *what, const char *key)
{
	if (json_object_get(object, key))
		cli_print(", %s in %" JSON_INTEGER_FORMAT " s", what, number(object, key));
}

static const char *renewal_text(const json_t *sa)
{
	return strcmp(text(sa, "renewal"), "reauth") ? "rekeyed" : "reauthenticated";
}

/* one word when both ends did the same */
static void print_auth(const json_t *sa)
{
	const char *us = text(sa, "local_auth"), *them = text(sa, "remote_auth");

	if (!strcmp(us, them))
		cli_print("        auth %s", us);
	else
		cli_print("        auth %s, the peer's %s", us, them);
}

static void print_auth_info(const json_t *sa, const char *who, const char *auth, const char *cert,
			    const char *key)
{
	const json_t *c = json_object_get(sa, cert);
	time_t until = number(c, "not_after");
	char date[32] = "?";
	struct tm tm;

	cli_print("        %s: %s", who, text(sa, auth));
	if (c) {
		if (gmtime_r(&until, &tm))
			strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
		cli_print(", certificate '%s', valid until %s UTC", text(c, "subject"), date);
	} else if (json_object_get(sa, key)) {
		cli_print(", key %s", text(sa, key));
	}
	putchar('\n');
}

static void print_ike_detail(const json_t *sa)
{
	print_auth_info(sa, "we", "local_auth", "local_cert", "local_key");
	print_auth_info(sa, "the peer", "remote_auth", "remote_cert", "remote_key");
	cli_print("        messages ");
	if (json_is_true(json_object_get(sa, "fragments")))
		cli_print("of more than %" JSON_INTEGER_FORMAT " octets go in fragments",
			  number(sa, "fragments_above"));
	else
		cli_print("go whole");
	if (json_object_get(sa, "mark"))
		cli_print(", mark 0x%" PRIx64, (uint64_t)number(sa, "mark"));
	if (json_object_get(sa, "rekey_in"))
		print_in(sa, renewal_text(sa), "rekey_in");
	if (strcmp(text(sa, "renewal"), "reauth"))
		print_in(sa, "reauthenticated", "reauth_in");
	print_in(sa, "ends", "ends_in");
	putchar('\n');
}

static void print_ike_sa(const json_t *sa, bool detail)
{
	cli_print("    IKE SA %s_i %s_r: %s, %s '%s' -> %s '%s', %s%s, age %" JSON_INTEGER_FORMAT " s\n",
		  text(sa, "spi_i"), text(sa, "spi_r"), text(sa, "state"), text(sa, "local"),
		  text(sa, "local_id"), text(sa, "remote"), text(sa, "remote_id"), text(sa, "ike"),
		  json_is_true(json_object_get(sa, "weak")) ? " weak" : "", number(sa, "age"));
	if (!json_object_get(sa, "nat"))
		return;
	print_auth(sa);
	cli_print(", begun by %s, NAT: %s, round trip %" JSON_INTEGER_FORMAT
		  " ms, last heard of %" JSON_INTEGER_FORMAT " s ago",
		  json_is_true(json_object_get(sa, "initiator")) ? "us" : "the peer", text(sa, "nat"),
		  number(sa, "rtt_ms"), number(sa, "silent"));
	if (!detail)
		print_in(sa, renewal_text(sa), "rekey_in");
	putchar('\n');
	if (detail)
		print_ike_detail(sa);
}

static void print_child(const json_t *child)
{
	cli_print("      CHILD SA in %s out %s: %s, %s, age %" JSON_INTEGER_FORMAT " s",
		  text(child, "spi_in"), text(child, "spi_out"), text(child, "state"),
		  text(child, "esp"), number(child, "age"));
	print_in(child, "rekeyed", "rekey_in");
	if (json_is_true(json_object_get(child, "replaced")))
		cli_print(", replaced");
	putchar('\n');
	print_selectors(child);
}

/* Prints why a tunnel is down, when the daemon tries it again, and its selectors without an SA. */
static void print_tunnel_state(const json_t *tunnel)
{
	const json_t *no_sa, *route;
	size_t i;

	if (*text(tunnel, "why"))
		cli_print("      %s: %s\n", text(tunnel, "reason"), text(tunnel, "why"));
	if (json_object_get(tunnel, "next_try"))
		cli_print("      next try in %" JSON_INTEGER_FORMAT " s\n", number(tunnel, "next_try"));
	if (number(tunnel, "orphans"))
		cli_print("      %" JSON_INTEGER_FORMAT " SAs of an earlier run carry on\n",
			  number(tunnel, "orphans"));
	json_array_foreach(json_object_get(tunnel, "routes"), i, route)
		cli_print("      route to %s by nfipsec0\n", json_string_value(route));
	json_array_foreach(json_object_get(tunnel, "no_sa"), i, no_sa)
		cli_print("      the peer did not grant, so no SA takes %s\n", json_string_value(no_sa));
}

static void print_last(const json_t *peer, const char *key, const char *what)
{
	const json_t *f = json_object_get(peer, key);

	if (!f)
		return;
	cli_print("    %s, %" JSON_INTEGER_FORMAT " s ago", what, number(f, "age"));
	if (number(f, "count") > 1)
		cli_print(", %" JSON_INTEGER_FORMAT " times", number(f, "count"));
	cli_print("%s: %s\n", json_is_true(json_object_get(f, "over")) ? ", up since then" : "",
		  text(f, "text"));
}

/* Prints the addresses of each DNS name, or why it has none. */
static void print_names(const json_t *peer)
{
	const json_t *remote, *addr;
	size_t i, k;

	json_array_foreach(json_object_get(peer, "remotes"), i, remote) {
		if (!*text(remote, "name"))
			continue;
		cli_print("    name %s:", text(remote, "name"));
		json_array_foreach(json_object_get(remote, "addresses"), k, addr)
			cli_print("%s %s", k ? "," : "", json_string_value(addr));
		if (*text(remote, "error"))
			cli_print("%s cannot resolve it: %s\n", k ? ";" : "", text(remote, "error"));
		else if (json_object_get(remote, "age"))
			cli_print(", resolved %" JSON_INTEGER_FORMAT " s ago\n", number(remote, "age"));
		else
			cli_print(" not resolved yet\n");
	}
}

static void print_peer(const json_t *peer, bool detail)
{
	const json_t *item, *child;
	size_t i, k;

	cli_print("%s: %s, %s -> %s\n", text(peer, "name"), text(peer, "state"), text(peer, "local"),
		  text(peer, "remote"));
	print_names(peer);
	if (*text(peer, "lacks"))
		cli_print("    cannot come up: %s\n", text(peer, "lacks"));
	print_last(peer, "last_error", "last error");
	print_last(peer, "last_refusal", "last initiator that was refused");
	json_array_foreach(json_object_get(peer, "ike_sas"), i, item)
		print_ike_sa(item, detail);
	json_array_foreach(json_object_get(peer, "tunnels"), i, item) {
		cli_print("    tunnel %s: %s", text(item, "name"), text(item, "state"));
		if (*text(item, "role"))
			cli_print(" (%s)", text(item, "role"));
		if (number(item, "priority"))
			cli_print(", priority %" JSON_INTEGER_FORMAT, number(item, "priority"));
		cli_print(", start %s, access-list %s\n", text(item, "start"), text(item, "access_list"));
		print_tunnel_state(item);
		json_array_foreach(json_object_get(item, "children"), k, child)
			print_child(child);
	}
}

/* ---- one peer, or one tunnel of it ---- */

/* Checks whether SAs of the tunnel carry traffic. They may be from an earlier run of the daemon. */
static bool tunnel_is_up(const json_t *tunnel)
{
	return !strcmp(text(tunnel, "state"), "up") || number(tunnel, "orphans");
}

/* Finds the tunnel @name of a peer. With @name NULL, finds the first tunnel that is up. */
static const json_t *tunnel_of(const json_t *peer, const char *name)
{
	const json_t *t;
	size_t i;

	json_array_foreach(json_object_get(peer, "tunnels"), i, t)
		if (name ? !strcmp(text(t, "name"), name) : tunnel_is_up(t))
			return t;
	return NULL;
}

/*
 * Removes all peers from @data except that of @name, "PEER" or "PEER/TUNNEL". @up becomes true if
 * the tunnel carries traffic. Of a peer it becomes true with any such tunnel, or an established IKE
 * SA. Returns false after an error message if @name is unknown.
 */
static bool select_peer(json_t *data, const char *name, bool *up)
{
	json_t *peers = json_object_get(data, "peers"), *p, *kept = NULL;
	size_t len = strcspn(name, "/"), i;
	const char *tunnel = name[len] ? name + len + 1 : NULL;
	const json_t *t;

	json_array_foreach(peers, i, p)
		if (strlen(text(p, "name")) == len && !strncmp(text(p, "name"), name, len))
			kept = p;
	t = kept ? tunnel_of(kept, tunnel) : NULL;
	if (!kept || (tunnel && !t)) {
		cli_fail(kept ? "peer %.*s has no tunnel called '%s'" : "no peer is called '%.*s'",
			 (int)len, name, tunnel ? tunnel : "");
		return false;
	}
	*up = tunnel ? tunnel_is_up(t) : t || !strcmp(text(kept, "state"), "up");
	json_object_set_new(data, "peers", json_pack("[O]", kept));
	return true;
}

/* of what the daemon says, and of the module, which it may have found without a policy */
static int print_peers(const struct cli *cli, const json_t *data, json_t *no_policy, bool detail)
{
	json_t *peer;
	size_t i;

	if (cli->json)
		return cli_print_json(cli_with_no_policy(json_deep_copy(data), no_policy));
	if (*text(data, "refused"))
		cli_print("the last load was refused: %s\n", text(data, "refused"));
	json_array_foreach(json_object_get(data, "peers"), i, peer)
		print_peer(peer, detail);
	return CLI_DONE;
}

/* @name: the peer or tunnel to show; NULL: all peers */
static int show_peers(const struct cli *cli, const char *name, bool detail)
{
	json_t *no_policy, *answer, *data;
	struct kern *k = cli_kern_to_show(cli, &no_policy);
	bool up = true;
	int ret;

	kern_close(k);
	answer = cli_request(cli, json_pack("{s:s, s:s}", "cmd", "show", "what", "peers"), NULL);
	if (!answer) {
		json_decref(no_policy);
		return CLI_FAILED;
	}
	data = json_object_get(answer, "data");
	if (name && !select_peer(data, name, &up)) {
		json_decref(no_policy);
		json_decref(answer);
		return CLI_FAILED;
	}
	ret = print_peers(cli, data, no_policy, detail);
	json_decref(answer);
	return ret == CLI_DONE && !up ? CLI_FAILED : ret;
}

/* Parses the arguments [PEER[/TUNNEL]] [--detail]. */
static int show_some_peers(const struct cli *cli, int argc, char **argv)
{
	const char *name = NULL;
	bool detail = false;
	int i;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--detail"))
			detail = true;
		else if (!name && *argv[i] != '-')
			name = argv[i];
		else
			return CLI_USAGE;
	}
	return show_peers(cli, name, detail);
}

int cli_show(const struct cli *cli, int argc, char **argv)
{
	static const char *const kernel[] = { "sas", "policy", "tunnels", "stats" };
	size_t i;

	if (argc && !strcmp(argv[0], "peers"))
		return show_some_peers(cli, argc - 1, argv + 1);
	if (argc != 1)
		return CLI_USAGE;
	if (!strcmp(argv[0], "failures"))
		return cli_failures(cli);
	for (i = 0; i < sizeof(kernel) / sizeof(*kernel); i++)
		if (!strcmp(argv[0], kernel[i]))
			return show_kernel(cli, argv[0]);
	cli_fail("found '%s', expected peers, failures, sas, policy, tunnels or stats", argv[0]);
	return CLI_USAGE;
}
