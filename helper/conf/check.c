// SPDX-License-Identifier: GPL-2.0
/* What the grammar cannot say: names that meet, numbers that repeat, what is left out. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "conf/scan.h"
#include "pki/token.h"
#include "wire/wire.h"

#define FAIL(object, ...) conf_fail_at(err, &(object)->at, __VA_ARGS__)

static bool check_entry(const struct conf_entry *e, struct conf_error *err)
{
	bool ports = e->src.port_min || e->src.port_max != 65535 || e->dst.port_min ||
		     e->dst.port_max != 65535;

	/* RFC 7296 3.13.1 gives ports to these */
	if (ports && e->src.proto != IPPROTO_TCP && e->src.proto != IPPROTO_UDP &&
	    e->src.proto != IPPROTO_SCTP)
		return FAIL(e, "entry %u: found a port, expected tcp, udp or sctp with it", e->number);
	return true;
}

static int by_number(const void *a, const void *b)
{
	const struct conf_entry *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void any_of_family(uint8_t family, struct ts *ts)
{
	struct addr zero = { .family = family };
	struct ts all;

	if (ts->min.family)
		return;
	ts_from_prefix(&zero, 0, &all);
	ts->min = all.min;
	ts->max = all.max;
}

/* "any" has the family of the other end; between two of them it has both, one entry for each */
static bool spread_families(struct conf_list *list)
{
	struct conf_entry *out = calloc(list->n, 2 * sizeof(*out));
	unsigned int i, n = 0;

	if (!out)
		return false;
	for (i = 0; i < list->n; i++) {
		const struct conf_entry *e = &list->entries[i];
		uint8_t family = e->src.min.family ? e->src.min.family : e->dst.min.family;

		if ((!family && e->src.proto != IPPROTO_ICMPV6) || family == AF_INET) {
			out[n] = *e;
			any_of_family(AF_INET, &out[n].src);
			any_of_family(AF_INET, &out[n++].dst);
		}
		if ((!family && e->src.proto != IPPROTO_ICMP) || family == AF_INET6) {
			out[n] = *e;
			any_of_family(AF_INET6, &out[n].src);
			any_of_family(AF_INET6, &out[n++].dst);
		}
	}
	free(list->entries);
	list->entries = out;
	list->n = n;
	return true;
}

/**
 * conf_strict_discard - returns the discard entry that a strict protect entry implies
 * @e: any entry, of one family
 * @out: the packets of @e from any source; its number is that of @e
 *
 * Implied entries come behind every entry of every list. They take only what would have
 * passed in clear because no entry matched.
 *
 * Return: false if @e is not strict; @out is undefined then.
 */
bool conf_strict_discard(const struct conf_entry *e, struct conf_entry *out)
{
	if (!e->strict)
		return false;
	*out = *e;
	out->action = CONF_DISCARD;
	out->strict = false;
	out->src = (struct ts){ .proto = e->src.proto, .port_max = 65535 };
	any_of_family(e->dst.min.family, &out->src);
	return true;
}

/* @bypass takes each packet that the strict entry @e would have dropped */
static bool undoes_strict(const struct conf_entry *bypass, const struct conf_entry *e)
{
	struct conf_entry rest;

	return conf_strict_discard(e, &rest) && ts_contains(&bypass->src, &rest.src) &&
	       ts_contains(&bypass->dst, &rest.dst);
}

/* A bypass entry may be an exception from a strict one, but not void it without a word. */
static bool check_bypass(const struct conf *conf, const struct conf_entry *bypass,
			 struct conf_error *err)
{
	struct ts all = { .port_max = 65535, .proto = bypass->src.proto };
	unsigned int i, j;

	any_of_family(bypass->src.min.family, &all);
	if (!ts_contains(&bypass->src, &all))
		return true;
	for (i = 0; i < conf->n_lists; i++) {
		const struct conf_list *list = &conf->lists[i];

		for (j = 0; j < list->n; j++)
			if (undoes_strict(bypass, &list->entries[j]))
				return FAIL(bypass, "entry %u: found a bypass of all that 'strict' of entry %u of access-list '%s' would drop, expected a narrower one",
					    bypass->number, list->entries[j].number, list->name);
	}
	return true;
}

static bool check_strict(const struct conf *conf, struct conf_error *err)
{
	unsigned int i, j;

	for (i = 0; i < conf->n_lists; i++)
		for (j = 0; j < conf->lists[i].n; j++)
			if (conf->lists[i].entries[j].action == CONF_BYPASS &&
			    !check_bypass(conf, &conf->lists[i].entries[j], err))
				return false;
	return true;
}

static bool check_list(struct conf_list *list, struct conf_error *err)
{
	unsigned int i;

	if (!list->n)
		return true;
	for (i = 0; i < list->n; i++)
		if (!check_entry(&list->entries[i], err))
			return false;
	/* as written comes first among equals, so the second of two is reported */
	qsort(list->entries, list->n, sizeof(*list->entries), by_number);
	for (i = 1; i < list->n; i++) {
		const struct conf_entry *e = &list->entries[i], *before = e - 1;

		if (e->number == before->number) {
			if (e->at.line < before->at.line)
				e = before;
			return FAIL(e, "found a second entry %u, expected a number of its own",
				    e->number);
		}
	}
	return spread_families(list) || FAIL(list, "out of memory");
}

static const struct conf_entry *first_protect(const struct conf_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->entries[i].action == CONF_PROTECT)
			return &list->entries[i];
	return NULL;
}

static void default_proposals(const char *const *words, unsigned int n, uint8_t proto,
			      struct ike_proposal *to, unsigned int *to_n)
{
	unsigned int i;
	char err[128];
	size_t off;

	for (i = 0; i < n; i++)
		if (ike_proposal_parse(words[i], proto, &to[*to_n], err, sizeof(err), &off)) {
			to[*to_n].number = *to_n + 1;
			(*to_n)++;
		}
}

static bool check_weak_ike(const struct conf_peer *peer, struct conf_error *err)
{
	const struct ike_alg *weak = NULL;
	unsigned int i;

	for (i = 0; i < peer->n_ike && !weak; i++)
		weak = ike_proposal_weak(&peer->ike[i]);
	if (weak && !peer->allow_weak)
		return FAIL(peer, "peer '%s': found %s, which is weak (RFC 8247), expected another or 'allow-weak'",
			    peer->name, weak->name);
	return true;
}

static bool check_weak(const struct conf_tunnel *t, struct conf_error *err)
{
	const struct ike_alg *weak = NULL;
	unsigned int i;

	for (i = 0; i < t->n_esp && !weak; i++)
		weak = ike_proposal_weak(&t->esp[i]);
	for (i = 0; i < t->n_ah && !weak; i++)
		weak = ike_proposal_weak(&t->ah[i]);
	if (weak && !t->allow_weak)
		return FAIL(t, "tunnel '%s': found %s, which is weak (RFC 8221), expected another or 'allow-weak'",
			    t->name, weak->name);
	return true;
}

static bool holds(const struct ts *ts, const struct addr *a)
{
	return !addr_len(a) ||		/* any */
	       (a->family == ts->min.family && addr_cmp(&ts->min, a) <= 0 &&
		addr_cmp(&ts->max, a) >= 0);
}

/* RFC 4301 4.1: between the two hosts alone, whose addresses are those of the packets */
static bool check_transport(const struct conf_tunnel *t, struct conf_error *err)
{
	unsigned int i;

	for (i = 0; i < t->list->n; i++) {
		const struct conf_entry *e = &t->list->entries[i];
		bool local = holds(&e->src, &t->peer->local);
		const struct addr *a = local ? &t->peer->remote : &t->peer->local;
		char s[ADDR_STRLEN];

		if (e->action != CONF_PROTECT || (local && holds(&e->dst, a)))
			continue;
		return FAIL(e, "entry %u: found %s without the peer's %s address %s, expected it there: tunnel '%s' is in transport mode",
			    e->number, local ? "a destination" : "a source", local ? "remote" : "local",
			    addr_str(a, s, sizeof(s)), t->name);
	}
	return true;
}

static bool check_forms(const struct conf_tunnel *t, struct conf_error *err)
{
	if (conf_tunnel_is_bundle(t) && t->start != CONF_START_MANUAL)
		return conf_fail_at(err, &t->ah_at,
				    "found ah beside esp, expected 'start manual' with them: IKEv2 cannot negotiate both, keys are set by hand");
	if (t->tfc && t->mode == CONF_MODE_TRANSPORT)
		return conf_fail_at(err, &t->mode_at,
				    "found transport with tfc, expected tunnel: padding is for whole packets");
	if (t->tfc && !t->n_esp)
		return conf_fail_at(err, &t->ah_at,
				    "found ah with tfc, expected esp: only ESP can pad");
	return t->mode != CONF_MODE_TRANSPORT || check_transport(t, err);
}

/* Refuses `encapsulation udp` with AH alone: RFC 3948 does not define AH in UDP. */
static bool check_encapsulation(const struct conf_peer *peer, const struct conf_tunnel *t,
				struct conf_error *err)
{
	if (!peer->force_udp || t->n_esp)
		return true;
	return conf_fail_at(err, &peer->encapsulation_at,
			    "found encapsulation udp with the tunnel %s, which has ah alone, expected esp in it: AH cannot go in UDP",
			    t->name);
}

/*
 * A standby must be up before the active tunnel fails. It carries no packets meanwhile, so
 * `start on-traffic` would not initiate it, and `idle-timeout` would delete it.
 */
static bool check_priority(struct conf_tunnel *t, struct conf_error *err)
{
	bool begins = conf_peer_initiates(t->peer) && !conf_tunnel_is_bundle(t);

	if (t->start == CONF_START_UNSET)
		t->start = t->priority && begins ? CONF_START_AT_LOAD : CONF_START_ON_TRAFFIC;
	if (!t->priority)
		return true;
	if (t->mode == CONF_MODE_TRANSPORT)
		return conf_fail_at(err, &t->priority_at,
				    "found priority with mode transport, expected mode tunnel: two peers do not have one address");
	if (t->idle_timeout)
		return conf_fail_at(err, &t->priority_at,
				    "found priority with idle-timeout, expected one of them: a standby carries no packets, so it would end");
	if (begins && t->start == CONF_START_ON_TRAFFIC)
		return conf_fail_at(err, &t->priority_at,
				    "found priority with start on-traffic, expected at-load or manual: a standby is up before packets need it");
	return true;
}

static bool is_default(const struct ts *dst)
{
	struct ts all = *dst;

	memset(all.min.a, 0, sizeof(all.min.a));
	memset(all.max.a, 0xff, addr_len(&all.max));
	return ts_contains(dst, &all);
}

/*
 * Refuses a route that would lead the daemon's IKE, and ESP, into a tunnel. A rule keeps them out of
 * a table of its own.
 */
static bool check_route_of(const struct conf_tunnel *t, const struct conf_entry *e,
			   const struct conf_peer *peer, struct conf_error *err)
{
	char net[TS_STRLEN], remote[CONF_HOST_MAX + 2];
	struct ts dst = e->dst, both;
	unsigned int i;

	dst.proto = 0;
	dst.port_min = 0;
	dst.port_max = 65535;
	if (!peer->n_remotes && is_default(&dst))
		return conf_fail_at(err, &t->route.at,
				    "found a route in the main table for entry %u, which is to %s, expected 'route yes table N': the route would lead IKE and ESP to peer '%s', which may have any address, into the tunnel",
				    e->number, ts_str(&dst, net, sizeof(net)), peer->name);
	for (i = 0; i < peer->n_remotes; i++) {
		const struct conf_remote *r = &peer->remotes[i];

		/* a name may have any address; the daemon compares those that it learns */
		if (r->type == CONF_REMOTE_NAME ? !is_default(&dst) :
						  !ts_intersect(&dst, &r->range, &both))
			continue;
		return conf_fail_at(err, &t->route.at,
				    "found a route in the main table for entry %u, which is to %s, expected 'route yes table N': the route would lead IKE and ESP to %s, the address of peer '%s', into the tunnel",
				    e->number, ts_str(&dst, net, sizeof(net)),
				    conf_remote_str(r, remote, sizeof(remote)), peer->name);
	}
	return true;
}

static bool check_route(const struct conf *conf, const struct conf_tunnel *t,
			struct conf_error *err)
{
	unsigned int i, k;

	if (!t->route.on)
		return true;
	if (t->mode == CONF_MODE_TRANSPORT)
		return conf_fail_at(err, &t->route.at,
				    "found route yes in transport mode, expected mode tunnel: the peer has a route already");
	if (t->route.table != RT_TABLE_MAIN && t->route.table != RT_TABLE_DEFAULT)
		return true;
	for (i = 0; i < t->list->n; i++) {
		const struct conf_entry *e = &t->list->entries[i];

		for (k = 0; e->action == CONF_PROTECT && k < conf->n_peers; k++)
			if (!check_route_of(t, e, &conf->peers[k], err))
				return false;
	}
	return true;
}

static bool check_routes(const struct conf *conf, struct conf_error *err)
{
	unsigned int i, k;

	for (i = 0; i < conf->n_peers; i++)
		for (k = 0; k < conf->peers[i].n_tunnels; k++)
			if (!check_route(conf, &conf->peers[i].tunnels[k], err))
				return false;
	return true;
}

/* The launcher (sys/launch.h) has room for the commands of two configurations of this size. */
static bool check_updowns(const struct conf *conf, struct conf_error *err)
{
	const char *commands[CONF_UPDOWNS_MAX];
	const struct conf_tunnel *t;
	unsigned int i, k, n, of = 0;

	for (i = 0; i < conf->n_peers; i++)
		for (k = 0; k < conf->peers[i].n_tunnels; k++) {
			t = &conf->peers[i].tunnels[k];
			for (n = 0; *t->updown && n < of && strcmp(commands[n], t->updown); n++)
				;
			if (!*t->updown || n < of)
				continue;
			if (of == CONF_UPDOWNS_MAX)
				return conf_fail_at(err, &t->updown_at,
						    "found updown \"%s\" after %u other commands, expected at most %u different ones in all tunnels",
						    t->updown, of, CONF_UPDOWNS_MAX);
			commands[of++] = t->updown;
		}
	return true;
}

static bool check_tunnel(struct conf *conf, struct conf_peer *peer, struct conf_tunnel *t,
			 struct conf_error *err)
{
	/* RFC 8221 5, 6: what SHOULD be there or MUST be, the most wanted first */
	static const char *const esp[] = {
		"aes256gcm16-aes128gcm16-chacha20poly1305", "aes256-aes128-sha256-sha512",
	};
	const struct conf_tunnel *other;

	t->peer = peer;
	if (conf_tunnel_find(peer, t->name) != t)
		return FAIL(t, "found a second tunnel '%s' of peer '%s', expected a name of its own",
			    t->name, peer->name);
	if (!*t->list_name)
		return FAIL(t, "tunnel '%s' has no access-list, expected one", t->name);
	t->list = conf_list_find(conf, t->list_name);
	if (!t->list)
		return conf_fail_at(err, &t->list_at,
				    "found '%s', expected the name of an access-list",
				 t->list_name);
	other = t->list->user;
	if (other)
		return conf_fail_at(err, &t->list_at,
				    "found '%s', expected an access-list of its own: tunnel '%s' of peer '%s' has it",
				 t->list_name, other->name, other->peer->name);
	t->list->user = t;
	if (!first_protect(t->list))
		return conf_fail_at(err, &t->list_at,
				    "found '%s', expected an access-list with a protect entry",
				 t->list_name);
	if (!t->n_esp && !t->n_ah)
		default_proposals(esp, 2, PROTO_ESP, t->esp, &t->n_esp);
	if (!check_priority(t, err))
		return false;
	if (!conf_peer_initiates(peer) && t->start == CONF_START_AT_LOAD)
		return FAIL(t, "found start at-load, expected a peer with an address to begin with");
	return check_forms(t, err) && check_encapsulation(peer, t, err) && check_weak(t, err);
}

/* RFC 7296 3.5: an address when nothing else is said */
static bool default_id(const struct addr *a, struct conf_id *id)
{
	char s[ADDR_STRLEN], expected[64];

	if (id->type || !addr_len(a))
		return true;
	addr_str(a, s, sizeof(s));
	return conf_value_id(a->family == AF_INET ? WIRE_ID_IPV4 : WIRE_ID_IPV6,
			     (struct conf_word){ s, strlen(s) }, false, id,
			     expected, sizeof(expected));
}

/* A DNS name is what the peer is called, unless the configuration has another identity. */
static bool default_name_id(const struct conf_remote *r, struct conf_id *id)
{
	struct conf_word w = { r->name, strlen(r->name) };
	char expected[600];

	if (w.p[w.len - 1] == '.')
		w.len--;
	return id->type || conf_value_id(WIRE_ID_FQDN, w, false, id, expected, sizeof(expected));
}

static bool default_remote_id(struct conf_peer *peer)
{
	if (peer->remote_id_any)
		return true;
	if (peer->n_remotes == 1 && peer->remotes[0].type == CONF_REMOTE_NAME)
		return default_name_id(&peer->remotes[0], &peer->remote_id);
	return default_id(&peer->remote, &peer->remote_id);
}

/* Several addresses are those of one peer. Clients, which share a block, come from ranges alone. */
static bool check_remote_id(const struct conf_peer *peer, struct conf_error *err)
{
	bool several = !peer->remote_id.type || conf_id_is_pattern(&peer->remote_id);
	unsigned int i;

	if (!conf_peer_initiates(peer) || peer->n_remotes == 1)
		return true;
	if (!peer->remote_id.type && !peer->remote_id_any)
		return conf_fail_at(err, &peer->remotes[1].at,
				    "found several remote addresses without an id, expected one, as in: remote address ... id fqdn branch.example.com");
	for (i = 0; several && i < peer->n_remotes; i++)
		if (peer->remotes[i].type == CONF_REMOTE_RANGE)
			return conf_fail_at(err, &peer->remotes[i].at,
					    "found a range beside an address or a name with an id that fits several peers, expected a block of its own for the range");
	return true;
}

static bool check_remotes(struct conf_peer *peer, struct conf_error *err)
{
	unsigned int i, n = 0;

	for (i = 0; i < peer->n_remotes; i++) {
		const struct conf_remote *r = &peer->remotes[i];

		n += r->type != CONF_REMOTE_RANGE;
		if (r->type == CONF_REMOTE_NAME || !peer->local.family ||
		    peer->local.family == r->range.min.family)
			continue;
		if (peer->n_remotes == 1)
			return FAIL(peer, "peer '%s': found a local and a remote address of two families, expected one",
				    peer->name);
		return conf_fail_at(err, &r->at,
				    "found a remote address of another family than the local one, expected one");
	}
	if (peer->prefer_first && n < 2)
		return conf_fail_at(err, &peer->prefer_first_at,
				    "found prefer-first, expected several remote addresses or names with it");
	if (peer->remote_port && !n)
		return conf_fail_at(err, &peer->remote_port_at,
				    "found a remote port, expected a remote address or name with it: the daemon does not begin with any or a range");
	if (peer->n_remotes == 1 && peer->remotes[0].type == CONF_REMOTE_ADDR)
		peer->remote = peer->remotes[0].range.min;
	return true;
}

/* A key on a token: the certificate, or the public key, is a file, so that it is known without the token. */
static bool check_token(const struct conf *conf, const struct conf_peer *peer,
			struct conf_error *err)
{
	if (peer->local_auth == CONF_AUTH_PSK || !peer->key.name || !token_is_uri(peer->key.name))
		return true;
	if (!conf->provider.name)
		return conf_fail_at(err, &peer->key.at,
				    "found a PKCS#11 URI, expected 'pkcs11-provider PATH' outside of the peers: the shared object that speaks to the token");
	if (!peer->cert.name)
		return conf_fail_at(err, &peer->key.at,
				    "found a PKCS#11 URI, expected 'cert FILE' with it: the certificate or public key of this key");
	return true;
}

/* RFC 4945 3.1: a key ID is not in certificates */
static bool check_auth(const struct conf_peer *peer, struct conf_error *err)
{
	if (peer->local_auth == CONF_AUTH_CERT && peer->local_id.type == WIRE_ID_KEY)
		return conf_fail_at(err, &peer->local_auth_at,
				    "found cert with a local key-id, expected an id that a certificate can have: fqdn, email, ipv4, ipv6 or dn");
	if (peer->remote_auth == CONF_AUTH_CERT && peer->remote_id.type == WIRE_ID_KEY)
		return conf_fail_at(err, &peer->remote_auth_at,
				    "found cert with a remote key-id, expected an id that a certificate can have: fqdn, email, ipv4, ipv6 or dn");
	return true;
}

static bool check_peer(struct conf *conf, struct conf_peer *peer, struct conf_error *err)
{
	/* RFC 8247 2: what SHOULD be there or MUST be, and its larger kin; the most wanted first */
#define GROUPS "-x25519-ecp256-ecp384-ecp521-x448-modp3072-modp4096-modp2048"
	static const char *const ike[] = {
		"aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-prfsha512" GROUPS,
		"aes256-aes128-sha256-sha384-sha512" GROUPS,
	};
#undef GROUPS
	unsigned int i;

	if (conf_peer_find(conf, peer->name) != peer)
		return FAIL(peer, "found a second peer '%s', expected a name of its own", peer->name);
	if (!peer->n_ike)
		default_proposals(ike, 2, PROTO_IKE, peer->ike, &peer->n_ike);
	if (!check_weak_ike(peer, err))
		return false;
	if (!check_remotes(peer, err))
		return false;
	/* with a certificate its subject is the ID, which certs.c will see */
	if ((peer->local_auth != CONF_AUTH_CERT && !default_id(&peer->local, &peer->local_id)) ||
	    !default_remote_id(peer))
		return FAIL(peer, "out of memory");
	if (!check_remote_id(peer, err) || !check_auth(peer, err) || !check_token(conf, peer, err))
		return false;
	if (!peer->n_tunnels)
		return FAIL(peer, "peer '%s' has no tunnel, expected one", peer->name);
	peer->egress.mark = peer->tunnels[0].mark;
	for (i = 0; i < peer->n_tunnels; i++)
		if (!check_tunnel(conf, peer, &peer->tunnels[i], err))
			return false;
	return true;
}

/**
 * conf_check - what spans blocks, and defaults
 * @conf: as parsed
 * @err: the first thing that is wrong
 */
bool conf_check(struct conf *conf, struct conf_error *err)
{
	unsigned int i;

	if (!conf_templates_apply(conf, err))
		return false;
	if (!conf_sort_names(conf))
		return conf_fail(err, conf->path, 1, 1, "out of memory");
	for (i = 0; i < conf->n_lists; i++) {
		struct conf_list *list = &conf->lists[i];

		if (conf_list_find(conf, list->name) != list)
			return FAIL(list, "found a second access-list '%s', expected a name of its own",
				    list->name);
		if (!check_list(list, err))
			return false;
	}
	if (!check_strict(conf, err))
		return false;
	for (i = 0; i < conf->n_peers; i++)
		if (!check_peer(conf, &conf->peers[i], err))
			return false;
	if (!check_routes(conf, err) || !check_updowns(conf, err))
		return false;
	for (i = 0; i < conf->n_lists; i++) {
		const struct conf_entry *e = first_protect(&conf->lists[i]);

		if (e && !conf->lists[i].user)
			return FAIL(e, "found a protect entry, expected a tunnel with access-list '%s'",
				    conf->lists[i].name);
	}
	return conf_groups_make(conf, err);
}
