// SPDX-License-Identifier: GPL-2.0
/*
 * `updown COMMAND` of a tunnel. The command runs once for each pair of selectors of a peer that comes
 * up, and once when the last CHILD SA with this pair goes, so rekeying does not run it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/nfipsec.h>

#include "ike/core.h"

#define PAIRS_MAX	256	/* of one IKE SA, for which commands run */

/**
 * struct ike_updown - a pair of selectors that is up
 * @by_key: in the table by tunnel, identity of the peer, and selectors
 * @n: number of CHILD SAs with the pair
 * @counted: by count_pairs()
 * @told: an IKE SA with this pair has too many, and the log says so
 * @tunnel: "peer/tunnel"
 * @command: that was run when it came up
 * @key: what distinguishes the pair
 * @verb: "client-v6"
 * @env: environment without PLUTO_VERB, each string with a NUL
 */
struct ike_updown {
	struct ike_link by_key;
	unsigned int n;
	bool counted, told;
	char tunnel[IKE_NAME_MAX];
	char command[CONF_UPDOWN_MAX + 1];
	struct buf key;
	char verb[16];
	struct buf env;
};

/* ---- environment: the variables of strongSwan's script ---- */

/* What a peer says is made harmless: no control character, and no shell reads it. */
__attribute__((format(printf, 3, 4)))
static void put(struct buf *env, const char *name, const char *fmt, ...)
{
	char value[400], clean[1600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	printable_copy(value, strlen(value), clean, sizeof(clean));
	buf_put(env, name, strlen(name));
	buf_put(env, "=", 1);
	buf_put(env, clean, strlen(clean) + 1);
}

/* "10.1.0.0/16"; a range that is no network has both addresses. */
static const char *client_str(const struct ts *ts, char *out, size_t len)
{
	char min[ADDR_STRLEN], max[ADDR_STRLEN];
	unsigned int bits = 8 * addr_len(&ts->min), n;
	struct ts net;

	for (n = 0; n <= bits; n++) {
		ts_from_prefix(&ts->min, n, &net);
		if (addr_equal(&net.min, &ts->min) && addr_equal(&net.max, &ts->max))
			break;
	}
	addr_str(&ts->min, min, sizeof(min));
	if (n <= bits)
		snprintf(out, len, "%s/%u", min, n);
	else
		snprintf(out, len, "%s-%s", min, addr_str(&ts->max, max, sizeof(max)));
	return out;
}

static const char *port_str(const struct ts *ts, char *out, size_t len)
{
	if (!ts->port_min && ts->port_max == 65535)
		snprintf(out, len, "0");
	else if (ts->port_min == ts->port_max)
		snprintf(out, len, "%u", ts->port_min);
	else
		snprintf(out, len, "%u:%u", ts->port_min, ts->port_max);
	return out;
}

static void put_end(struct buf *env, const struct ts *ts, const char *const *names)
{
	char s[2 * ADDR_STRLEN + 2];

	put(env, names[0], "%s", client_str(ts, s, sizeof(s)));
	put(env, names[1], "%s", port_str(ts, s, sizeof(s)));
	put(env, names[2], "%u", ts->proto);
}

static void put_all(struct buf *env, const struct ike_child *child, const struct kern_sel *sel)
{
	static const char *const mine[] = { "PLUTO_MY_CLIENT", "PLUTO_MY_PORT", "PLUTO_MY_PROTOCOL" };
	static const char *const theirs[] = { "PLUTO_PEER_CLIENT", "PLUTO_PEER_PORT", "PLUTO_PEER_PROTOCOL" };
	const struct ike_sa *sa = child->sa;
	char s[300];

	put(env, "PLUTO_VERSION", "1.1");
	put(env, "PLUTO_CONNECTION", "%s", child->name);
	put(env, "PLUTO_INTERFACE", "%s", NFIPSEC_DEV_NAME);
	put(env, "PLUTO_UNIQUEID", "%llu", (unsigned long long)child->up_seq);
	put(env, "PLUTO_REQID", "%llu", (unsigned long long)child->up_seq);
	put(env, "PLUTO_PROTO", "%s", ike_child_proto(child) == PROTO_AH ? "ah" : "esp");
	put(env, "PLUTO_ME", "%s", addr_str(&sa->local.addr, s, sizeof(s)));
	put(env, "PLUTO_MY_ID", "%s", ike_sa_id_str(sa, true, s, sizeof(s)));
	put_end(env, &sel->src, mine);
	put(env, "PLUTO_PEER", "%s", addr_str(&sa->remote.addr, s, sizeof(s)));
	put(env, "PLUTO_PEER_ID", "%s", ike_sa_id_str(sa, false, s, sizeof(s)));
	put_end(env, &sel->dst, theirs);
	if (sa->natt)
		put(env, "PLUTO_UDP_ENC", "%u", sa->remote.port);
	if (child->tun->conf->mark)
		put(env, "PLUTO_MARK_OUT", "%u/0xffffffff", child->tun->conf->mark);
}

/* strongSwan's verbs: the selector of this end is its own address, or a network behind it */
static void verb_of(const struct ike_child *child, const struct kern_sel *sel, char *out, size_t len)
{
	const struct addr *me = &child->sa->local.addr;
	bool host = addr_equal(&sel->src.min, me) && addr_equal(&sel->src.max, me);

	snprintf(out, len, "%s%s", host ? "host" : "client",
		 sel->src.min.family == AF_INET6 ? "-v6" : "");
}

/* ---- pairs ---- */

/* Its padding is not put, because nothing sets it. */
static void put_ts(struct buf *key, const struct ts *ts)
{
	buf_put_u8(key, ts->proto);
	buf_put_u16(key, ts->port_min);
	buf_put_u16(key, ts->port_max);
	buf_put(key, &ts->min, sizeof(ts->min));
	buf_put(key, &ts->max, sizeof(ts->max));
}

static void key_of(struct buf *key, const struct ike_child *child, const struct kern_sel *sel)
{
	const struct conf_id *id = &child->sa->remote_id;

	buf_put(key, child->name, strlen(child->name) + 1);
	put_ts(key, &sel->src);
	put_ts(key, &sel->dst);
	buf_put_u8(key, id->type);
	buf_put(key, id->data, id->len);
}

static uint32_t key_hash(const struct ike *ike, const struct buf *key)
{
	return ike_hash(ike->hash_key, buf_bytes(key).p, key->len);
}

static struct ike_updown *find(const struct ike *ike, const struct buf *key)
{
	struct ike_link *l = ike_table_first(&ike->updowns, key_hash(ike, key));
	struct ike_updown *u;

	for (; l; l = ike_table_next(l)) {
		u = container_of(l, struct ike_updown, by_key);
		if (bytes_equal(buf_bytes(&u->key), buf_bytes(key)))
			return u;
	}
	return NULL;
}

static void run(struct ike *ike, const struct ike_updown *u, bool up)
{
	struct buf env;

	if (!*u->command || !ike->ops->updown)
		return;
	buf_init(&env);
	put(&env, "PLUTO_VERB", "%s-%s", up ? "up" : "down", u->verb);
	buf_put(&env, buf_bytes(&u->env).p, u->env.len);
	if (!env.failed)
		ike->ops->updown(u->tunnel, u->command, buf_bytes(&env), ike->user);
	buf_free(&env);
}

static void updown_free(struct ike_updown *u)
{
	buf_free(&u->key);
	buf_free(&u->env);
	free(u);
}

/* Takes over @key. */
static struct ike_updown *updown_new(const struct ike_child *child, const struct kern_sel *sel,
				     struct buf *key)
{
	struct ike_updown *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	buf_init(&u->env);
	put_all(&u->env, child, sel);
	verb_of(child, sel, u->verb, sizeof(u->verb));
	memcpy(u->tunnel, child->name, sizeof(u->tunnel));
	memcpy(u->command, child->tun->conf->updown, sizeof(u->command));
	u->key = *key;
	buf_init(key);
	if (u->env.failed) {
		updown_free(u);
		return NULL;
	}
	return u;
}

/* The different pairs of an IKE SA: while a CHILD SA is rekeyed, two of them have the same ones. */
static unsigned int count_pairs(const struct ike_sa *sa)
{
	const struct ike_child *c;
	unsigned int i, n = 0;

	for (c = sa->children; c; c = c->next)
		for (i = 0; i < c->n_updowns; i++)
			if (c->updowns[i])
				c->updowns[i]->counted = false;
	for (c = sa->children; c; c = c->next)
		for (i = 0; i < c->n_updowns; i++)
			if (c->updowns[i] && !c->updowns[i]->counted) {
				c->updowns[i]->counted = true;
				n++;
			}
	return n;
}

/* Once until all pairs that are up now have gone, whatever the peer asks for. */
static void tell_too_many(const struct ike_child *child)
{
	const struct ike_sa *sa = child->sa;
	const struct ike_child *c;
	bool told = false;
	unsigned int i;

	for (c = sa->children; c; c = c->next)
		for (i = 0; i < c->n_updowns; i++)
			if (c->updowns[i]) {
				told |= c->updowns[i]->told;
				c->updowns[i]->told = true;
			}
	if (!told)
		ike_report(sa->ike, IKE_EVENT_ERROR, child->tun->peer->conf->name, child->tun->conf->name, NULL,
			   "%s: updown %s is not run for more selectors: found more than %u pairs of one peer, expected at most that",
			   child->name, child->tun->conf->updown, PAIRS_MAX);
}

/* @room: new pairs that the IKE SA may have, which bounds the commands that a peer causes */
static struct ike_updown *hold(struct ike_child *child, const struct kern_sel *sel, unsigned int *room)
{
	struct ike *ike = child->sa->ike;
	struct ike_updown *u = NULL;
	struct buf key;

	buf_init(&key);
	key_of(&key, child, sel);
	if (!key.failed)
		u = find(ike, &key);
	if (!key.failed && !u && !*room) {
		tell_too_many(child);
	} else if (!key.failed && !u) {
		u = updown_new(child, sel, &key);
		if (u) {
			ike_table_put(&ike->updowns, &u->by_key, key_hash(ike, &u->key));
			run(ike, u, true);
			--*room;
		}
	}
	buf_free(&key);
	if (u)
		u->n++;
	return u;
}

/**
 * ike_updown_child() - a CHILD SA is up
 * @child: the CHILD SA; a second call has no effect
 *
 * Beyond PAIRS_MAX pairs of its IKE SA no command runs, neither for up nor for down.
 */
void ike_updown_child(struct ike_child *child)
{
	unsigned int i, room;

	if (child->updowns || !child->tun || child->state != IKE_CHILD_UP || !child->n_sels ||
	    !*child->tun->conf->updown)
		return;
	child->updowns = calloc(child->n_sels, sizeof(struct ike_updown *));
	if (!child->updowns)
		return;
	child->n_updowns = child->n_sels;
	room = count_pairs(child->sa);
	room = room < PAIRS_MAX ? PAIRS_MAX - room : 0;
	for (i = 0; i < child->n_sels; i++)
		child->updowns[i] = hold(child, &child->sels[i], &room);
}

/**
 * ike_updown_end() - a CHILD SA is not up any more
 * @child: the CHILD SA; a second call has no effect
 */
void ike_updown_end(struct ike_child *child)
{
	struct ike *ike = child->sa->ike;
	struct ike_updown *u;
	unsigned int i;

	for (i = 0; i < child->n_updowns; i++) {
		u = child->updowns[i];
		if (!u || --u->n)
			continue;
		ike_table_del(&ike->updowns, &u->by_key);
		run(ike, u, false);
		updown_free(u);
	}
	free(child->updowns);
	child->updowns = NULL;
	child->n_updowns = 0;
}

/* ---- configuration ---- */

/* The tunnel has another command: the old one ends what it began, then the new one begins. */
static void follow(struct ike_child *child)
{
	const char *command = child->tun->conf->updown;
	struct ike_updown *u;
	unsigned int i;

	for (i = 0; i < child->n_updowns; i++) {
		u = child->updowns[i];
		if (!u || !strcmp(u->command, command))
			continue;
		run(child->sa->ike, u, false);
		memcpy(u->command, command, sizeof(u->command));
		run(child->sa->ike, u, true);
	}
	ike_updown_child(child);
}

/**
 * ike_updown_set_conf() - a new configuration is in force
 * @ike: the core; tunnels that changed are down already
 */
void ike_updown_set_conf(struct ike *ike)
{
	struct ike_peer *peer;
	struct ike_child *c;
	struct ike_sa *sa;

	for (peer = ike->peers; peer; peer = peer->next)
		for (sa = peer->sas; sa; sa = sa->peer_next)
			for (c = sa->children; c; c = c->next)
				if (c->tun)
					follow(c);
}
