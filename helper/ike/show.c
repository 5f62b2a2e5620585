// SPDX-License-Identifier: GPL-2.0
/* The state as JSON, for `nfipsec show peers`. */
#include <inttypes.h>
#include <stdio.h>

#include "core/printable.h"
#include "ike/core.h"
#include "ike/version.h"

static json_t *ts_array(const struct wire_ts *list)
{
	json_t *out = json_array();
	char s[TS_STRLEN];
	unsigned int i;

	for (i = 0; i < list->n; i++)
		json_array_append_new(out, json_string(ts_str(&list->ts[i], s, sizeof(s))));
	return out;
}

/* Prints the pairs of selectors. TSi and TSr are separate lists, which do not show the pairs. */
static json_t *pairs(const struct ike_child *c)
{
	char local[TS_STRLEN], remote[TS_STRLEN];
	json_t *out = json_array();
	unsigned int i;

	for (i = 0; i < c->n_sels; i++)
		json_array_append_new(out, json_pack("{s:s,s:s}", "local",
						     ts_str(&c->sels[i].src, local, sizeof(local)), "remote",
						     ts_str(&c->sels[i].dst, remote, sizeof(remote))));
	return out;
}

static void set_seconds(json_t *o, const char *key, uint64_t when, uint64_t now)
{
	json_object_set_new(o, key, json_integer(when > now ? (when - now) / 1000 : 0));
}

static json_t *show_child(const struct ike_child *c, uint64_t now)
{
	static const char *const states[] = {
		[IKE_CHILD_OFFERED] = "negotiating", [IKE_CHILD_UP] = "up",
		[IKE_CHILD_DELETING] = "deleting",
	};
	char in[16], out[16], esp[160];
	struct wire_ts local, remote;
	json_t *o;

	snprintf(in, sizeof(in), "0x%08x", c->spi_in);
	snprintf(out, sizeof(out), "0x%08x", c->spi_out);
	ike_ts_lists(c->sels, c->n_sels, &local, &remote);
	o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:I,s:o,s:o}", "proto",
			 ike_child_proto(c) == PROTO_AH ? "ah" : "esp", "mode",
			 c->mode == CONF_MODE_TRANSPORT ? "transport" : "tunnel", "spi_in", in, "spi_out", out,
			 "state", states[c->state], "esp",
			 ike_proposal_str(&c->prop, esp, sizeof(esp)), "initiator", c->initiator,
			 "age", (json_int_t)(c->state == IKE_CHILD_OFFERED ? 0 :
					     (now - c->since) / 1000),
			 "local", ts_array(&local), "remote", ts_array(&remote));
	if (c->state == IKE_CHILD_UP && c->soft_at && !c->replaced)
		set_seconds(o, "rekey_in", c->soft_at, now);
	json_object_set_new(o, "selectors", pairs(c));
	json_object_set_new(o, "replaced", json_boolean(c->replaced));
	return o;
}

static const char *nat_str(const struct ike_sa *sa)
{
	if (sa->nat_ours)
		return sa->nat_theirs ? "both ends behind one" : "we are behind one";
	if (sa->nat_theirs)
		return "the peer is behind one";
	return sa->natt_forced ? "none, UDP by configuration" : "none";
}

static void set_auth_info(json_t *o, const char *auth, const char *cert, const char *key,
			  const struct ike_auth_info *proof)
{
	if (*proof->how)
		json_object_set_new(o, auth, json_string(proof->how));
	if (proof->not_after)
		json_object_set_new(o, cert, json_pack("{s:o,s:I}", "subject", printable_json(proof->key),
						       "not_after", (json_int_t)proof->not_after));
	else if (proof->key)
		json_object_set_new(o, key, printable_json(proof->key));
}

/* the first thing that is due is its successor; both counts go on beside it */
static void set_renewal(json_t *o, const struct ike_sa *sa, uint64_t now)
{
	bool reauth = sa->rekey_refused || (sa->reauth_at && sa->life.when >= sa->reauth_at);

	if (sa->life.at) {
		set_seconds(o, "rekey_in", sa->life.when, now);
		json_object_set_new(o, "renewal", json_string(reauth ? "reauth" : "rekey"));
	}
	if (sa->reauth_at)
		set_seconds(o, "reauth_in", sa->reauth_at, now);
	if (sa->peer && ike_sa_end(sa) != IKE_NEVER)
		set_seconds(o, "ends_in", ike_sa_end(sa), now);
}

static json_t *show_sa(const struct ike_sa *sa, uint64_t now)
{
	bool up = sa->state >= IKE_STATE_ESTABLISHED;
	char i[24], r[24], local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	char us[300], them[300], p[160];
	size_t max;
	json_t *o;

	snprintf(i, sizeof(i), "%016" PRIx64, sa->spi_i);
	snprintf(r, sizeof(r), "%016" PRIx64, sa->spi_r);
	o = json_pack("{s:s,s:s,s:s,s:b,s:s,s:s,s:o,s:o,s:s,s:b,s:I,s:i}", "spi_i", i, "spi_r", r,
			 "state", ike_sa_state_str(sa), "initiator", sa->initiator, "local",
			 endpoint_str(&sa->local, local, sizeof(local)), "remote",
			 endpoint_str(&sa->remote, remote, sizeof(remote)), "local_id",
			 printable_json(ike_sa_id_str(sa, true, us, sizeof(us))), "remote_id",
			 printable_json(ike_sa_id_str(sa, false, them, sizeof(them))), "ike",
			 sa->prop.n ? ike_proposal_str(&sa->prop, p, sizeof(p)) : "", "weak",
			 ike_proposal_weak(&sa->prop) != NULL, "age",
			 (json_int_t)((now - (up ? sa->established : sa->created)) / 1000),
			 "children", (int)ike_sa_children_up(sa));
	if (sa->egress.mark)
		json_object_set_new(o, "mark", json_integer(sa->egress.mark));
	if (sa->state != IKE_STATE_ESTABLISHED)
		return o;
	json_object_set_new(o, "nat", json_string(nat_str(sa)));
	json_object_set_new(o, "rtt_ms", json_integer(sa->rtt));
	json_object_set_new(o, "silent", json_integer((now - sa->last_in) / 1000));
	set_auth_info(o, "local_auth", "local_cert", "local_key", &sa->our_auth_info);
	set_auth_info(o, "remote_auth", "remote_cert", "remote_key", &sa->their_auth_info);
	/* RFC 7383: larger ones go in fragments of that size */
	max = sa->version->datagram_max(sa);
	json_object_set_new(o, "fragments", json_boolean(max < WIRE_MSG_MAX));
	if (max < WIRE_MSG_MAX)
		json_object_set_new(o, "fragments_above", json_integer(max));
	set_renewal(o, sa, now);
	return o;
}

/* Returns why a tunnel is down, as a word of a fixed list. @text gets a line for the operator. */
static const char *down_reason(const struct ike_tunnel *tun, char *text, size_t len)
{
	const struct conf_peer *conf = tun->peer->conf;

	*text = '\0';
	if (tun->n_up || ike_orphans_of(tun))
		return NULL;
	if (conf_tunnel_is_bundle(tun->conf)) {
		snprintf(text, len, "its SAs are set by hand (nfipsec sa add)");
		return "by-hand";
	}
	if (tun->down) {
		snprintf(text, len, "nfipsec down took it down, nfipsec up %s brings it up", tun->name);
		return "taken-down";
	}
	if (conf->lacks) {
		snprintf(text, len, "%s", conf->lacks);
		return "credentials";
	}
	if (tun->error) {
		snprintf(text, len, "%s", tun->error);
		return tun->sa || tun->resolving ? "connecting" : "failed";
	}
	if (tun->resolving) {
		snprintf(text, len, "a name of the peer is being resolved");
		return "connecting";
	}
	if (tun->sa) {
		snprintf(text, len, "its IKE SA is %s", ike_sa_state_str(tun->sa));
		return "connecting";
	}
	if (!conf_peer_initiates(conf)) {
		snprintf(text, len, "the peer initiates: its remote address is %s",
			 conf->n_remotes ? "a range" : "any");
		return "peer-initiates";
	}
	if (tun->conf->start == CONF_START_MANUAL) {
		snprintf(text, len, "start manual: nfipsec up %s brings it up", tun->name);
		return "manual";
	}
	snprintf(text, len, "no packet waits for it%s%s", *tun->ended ? ", its last SA is gone: " : "",
		 tun->ended);
	return "no-traffic";
}

static void set_state(json_t *o, const struct ike_tunnel *tun, uint64_t now)
{
	char text[IKE_TEXT_MAX];
	const char *reason = down_reason(tun, text, sizeof(text));

	if (reason) {
		json_object_set_new(o, "reason", json_string(reason));
		json_object_set_new(o, "why", printable_json(text));
	}
	if (tun->error)
		json_object_set_new(o, "error_age", json_integer((now - tun->error_at) / 1000));
	if (tun->timer.at)
		set_seconds(o, "next_try", tun->timer.when, now);
	if (tun->n_up)
		json_object_set_new(o, "no_sa", ike_grant_missing(tun));
}

static bool is_up(const struct ike_tunnel *tun)
{
	return tun && (tun->n_up || ike_orphans_of(tun));
}

static struct ike_tunnel *tunnel_of(struct ike *ike, const struct conf_tunnel *conf)
{
	char name[IKE_NAME_MAX];

	snprintf(name, sizeof(name), "%s/%s", conf->peer->name, conf->name);
	return ike_tunnel_by_name(ike, name);
}

/*
 * Among redundant tunnels, does this one take packets, or does it stand by? One that is the best
 * for some of its entries is active. NULL: it is down, or no other tunnel is for its packets.
 */
static const char *role_of(const struct ike_tunnel *tun)
{
	const struct conf_list *list = tun->conf->list;
	const char *role = NULL;
	unsigned int i, k;

	if (!tun->conf->priority || !is_up(tun))
		return NULL;
	for (i = 0; i < list->n; i++) {
		const struct conf_group *g = list->entries[i].group;

		if (!g)
			continue;
		for (k = 0; k < g->n && g->members[k].list != list &&
		     !is_up(tunnel_of(tun->peer->ike, g->members[k].list->user)); k++)
			;
		if (k < g->n && g->members[k].list == list)
			return "active";
		role = "standby";
	}
	return role;
}

static json_t *show_tunnel(const struct ike_tunnel *tun, uint64_t now)
{
	static const char *const starts[] = {
		[CONF_START_ON_TRAFFIC] = "on-traffic", [CONF_START_AT_LOAD] = "at-load",
		[CONF_START_MANUAL] = "manual",
	};
	const char *role = role_of(tun);
	json_t *children = json_array();
	const struct ike_child *c;
	const struct ike_sa *sa;
	json_t *o;

	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c; c = c->next)
			if (c->tun == tun)
				json_array_append_new(children, show_child(c, now));
	o = json_pack("{s:o,s:s,s:s,s:o,s:i,s:o}", "name", printable_json(tun->conf->name), "state",
			 tun->n_up ? "up" : tun->sa || tun->resolving ? "connecting" :
			 ike_orphans_of(tun) ? "carried on" :
			 tun->retry_at > now && tun->failures ? "failed" : "down",
			 "start", starts[tun->conf->start], "access_list",
			 printable_json(tun->conf->list->name),
			 "orphans", (int)ike_orphans_of(tun), "children", children);
	if (tun->conf->priority)
		json_object_set_new(o, "priority", json_integer(tun->conf->priority));
	if (role)
		json_object_set_new(o, "role", json_string(role));
	if (tun->conf->route.on)
		json_object_set_new(o, "routes", ike_routes_show(tun));
	set_state(o, tun, now);
	return o;
}

json_t *ike_show_peer(const struct ike_peer *peer, uint64_t now)
{
	json_t *sas = json_array(), *tunnels = json_array();
	const char *state = "down";
	char local[ADDR_STRLEN] = "any", remote[CONF_REMOTES_MAX * (CONF_HOST_MAX + 2)];
	const struct ike_tunnel *t;
	const struct ike_sa *sa;
	json_t *o;

	for (sa = peer->sas; sa; sa = sa->peer_next) {
		json_array_append_new(sas, show_sa(sa, now));
		if (sa->state == IKE_STATE_ESTABLISHED)
			state = "up";
		else if (sa->state < IKE_STATE_ESTABLISHED && state[0] == 'd')
			state = "connecting";
	}
	for (t = peer->tunnels; t; t = t->next)
		json_array_append_new(tunnels, show_tunnel(t, now));
	if (peer->conf->local.family)
		addr_str(&peer->conf->local, local, sizeof(local));
	o = json_pack("{s:o,s:s,s:s,s:s,s:o,s:o}", "name", printable_json(peer->conf->name), "state", state,
		      "local", local, "remote", conf_remotes_str(peer->conf, remote, sizeof(remote)),
		      "ike_sas", sas, "tunnels", tunnels);
	json_object_set_new(o, "remotes", ike_remotes_json(peer, now));
	if (peer->failure)
		json_object_set_new(o, "last_error", ike_failure_json(peer->failure, now));
	if (peer->refusal)
		json_object_set_new(o, "last_refusal", ike_failure_json(peer->refusal, now));
	json_object_set_new(o, "failures", json_integer((json_int_t)peer->n_failures));
	if (o && peer->conf->lacks)
		json_object_set_new(o, "lacks", printable_json(peer->conf->lacks));
	return o;
}
