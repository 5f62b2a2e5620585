// SPDX-License-Identifier: GPL-2.0
/*
 * Routes to the remote networks of tunnels with `route yes`. Several CHILD SAs and tunnels may use
 * one route. The kernel has it while at least one of them does.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "ike/core.h"

#define RENEW_MS	1000	/* delay after a change of devices or addresses */
#define RENEW_SLICE	128	/* routes that the kernel is asked for at a time */
#define SLICE_MS	10	/* delay before the next ones */
#define ROUTE_REPORT_MS	60000	/* one error of a tunnel's routes is logged in this time */
#define RETRY_MS	30000	/* delay before the kernel is asked again for a refused route */

/**
 * struct ike_route - one route
 * @next: next route of the core
 * @at: the pointer to this element in the list of the core
 * @by_key: in the table by network and routing table
 * @e: the route as the kernel has it, or should have it
 * @first: the first user, whose source the route has; NULL: a route of an earlier run
 * @end: where the next user is put
 * @round: number of the renewal that it had last
 * @installed: the kernel has the route
 */
struct ike_route {
	struct ike_route *next, **at;
	struct ike_link by_key;
	struct route_entry e;
	struct ike_route_use *first, **end;
	uint32_t round;
	bool installed;
};

/**
 * struct ike_route_use - one reason for a route
 * @next: next one of the same tunnel, CHILD SA or orphan
 * @next_user: next one of the same route
 * @route: the route
 * @source: preferred source; family 0: none
 */
struct ike_route_use {
	struct ike_route_use *next, *next_user;
	struct ike_route *route;
	struct addr source;
};

/**
 * struct holder - the tunnel that routes are installed for
 * @ike: the core
 * @tun: the tunnel
 * @remote: outer address of the peer; family 0: any
 * @held: list of uses
 * @left: number of routes that may still be added
 */
struct holder {
	struct ike *ike;
	struct ike_tunnel *tun;
	const struct addr *remote;
	struct ike_route_use **held;
	unsigned int left;
};

static uint32_t key_hash(const struct ike *ike, const struct route_entry *e)
{
	uint8_t key[sizeof(e->dst.a) + 1 + sizeof(e->table)];

	memcpy(key, e->dst.a, sizeof(e->dst.a));
	key[sizeof(e->dst.a)] = e->prefix_len;
	memcpy(key + sizeof(e->dst.a) + 1, &e->table, sizeof(e->table));
	return ike_hash(ike->hash_key, key, sizeof(key));
}

static struct ike_route *route_find(const struct ike *ike, const struct route_entry *e)
{
	struct ike_link *l = ike_table_first(&ike->routes_by_key, key_hash(ike, e));
	struct ike_route *r;

	for (; l; l = ike_table_next(l)) {
		r = container_of(l, struct ike_route, by_key);
		if (addr_equal(&r->e.dst, &e->dst) && r->e.prefix_len == e->prefix_len &&
		    r->e.table == e->table)
			return r;
	}
	return NULL;
}

static struct ike_route *route_new(struct ike *ike, const struct route_entry *e)
{
	struct ike_route *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->e = *e;
	r->end = &r->first;
	r->next = ike->routes;
	if (r->next)
		r->next->at = &r->next;
	r->at = &ike->routes;
	ike->routes = r;
	ike_table_put(&ike->routes_by_key, &r->by_key, key_hash(ike, e));
	return r;
}

static int change(struct ike *ike, const struct route_entry *e, enum route_change how)
{
	return ike->ops->route ? ike->ops->route(e, how, ike->user) : -EOPNOTSUPP;
}

static void route_remove(struct ike *ike, struct ike_route *r)
{
	if (r->installed)
		change(ike, &r->e, ROUTE_DEL);
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	ike_table_del(&ike->routes_by_key, &r->by_key);
	free(r);
}

static void renew_due(struct ike_timer *t);

static void renew_in(struct ike *ike, uint64_t ms)
{
	ike->routes_timer.fn = renew_due;
	if (!ike->routes_timer.at || ike->routes_timer.when > ike->now + ms)
		ike_timer_set(&ike->timers, &ike->routes_timer, ike->now + ms);
}

/* Writes "10.2.0.0/16". ts_str() writes some networks in words. */
static const char *net_str(const struct route_entry *e, char *out, size_t len)
{
	char addr[ADDR_STRLEN];

	snprintf(out, len, "%s/%u", addr_str(&e->dst, addr, sizeof(addr)), e->prefix_len);
	return out;
}

/*
 * Reports why a tunnel lacks a route. A peer chooses selectors, rekeys and moves, so one line in
 * ROUTE_REPORT_MS must do.
 */
__attribute__((format(printf, 2, 3)))
static void report(const struct holder *h, const char *fmt, ...)
{
	struct ike_tunnel *tun = h->tun;
	char text[IKE_TEXT_MAX];
	va_list ap;

	if (tun->route_told && h->ike->now < tun->route_told + ROUTE_REPORT_MS)
		return;
	tun->route_told = h->ike->now ? h->ike->now : 1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ike_report(h->ike, IKE_EVENT_ERROR, tun->peer->conf->name, tun->conf->name, NULL, "%s",
		   text);
}

static void report_refused(const struct holder *h, const struct route_entry *e, int err)
{
	char net[TS_STRLEN], source[ADDR_STRLEN];

	net_str(e, net, sizeof(net));
	if (err == -EADDRNOTAVAIL)
		report(h, "no route to %s: found source %s, expected an address of this host", net,
		       addr_str(&e->source, source, sizeof(source)));
	else
		report(h, "no route to %s in table %u: %s", net, e->table,
		       err == -EEXIST ? "the table has another route to it" : strerror(-err));
}

static bool source_is_ours(struct ike *ike, const struct route_entry *e)
{
	return !e->source.family || !ike->ops->is_local || ike->ops->is_local(&e->source, ike->user);
}

/* Installs a route, or changes its source. Returns 0 or -errno. */
static int install(struct ike *ike, struct ike_route *r)
{
	bool other = r->first && !addr_equal(&r->e.source, &r->first->source);
	struct route_entry e = r->e;
	int ret = 0;

	if (other)
		e.source = r->first->source;
	else if (r->installed)
		return 0;
	if (!source_is_ours(ike, &e))
		ret = -EADDRNOTAVAIL;
	else
		ret = change(ike, &e, r->installed ? ROUTE_REPLACE : ROUTE_ADD);
	if (ret) {
		renew_in(ike, RETRY_MS);
		/* a route with a source of another tunnel is not for this one */
		if (r->installed)
			change(ike, &r->e, ROUTE_DEL);
		r->installed = false;
	} else {
		r->installed = true;
	}
	r->e.source = e.source;
	return ret;
}

static void use_drop(struct ike *ike, struct ike_route_use *use)
{
	struct ike_route *r = use->route;
	struct ike_route_use **at = &r->first;

	while (*at != use)
		at = &(*at)->next_user;
	*at = use->next_user;
	if (!*at)
		r->end = at;
	free(use);
	if (!r->first)
		route_remove(ike, r);
	else if (r->installed)
		install(ike, r);
}

void ike_routes_drop(struct ike *ike, struct ike_route_use **held)
{
	struct ike_route_use *use;

	while ((use = *held)) {
		*held = use->next;
		use_drop(ike, use);
	}
}

/* ---- networks ---- */

/* IKE and ESP look up their route in these tables, unless a rule says otherwise. */
static bool is_usual(uint32_t table)
{
	return table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT;
}

static bool cuts(const struct route_entry *e, const struct addr *remote)
{
	struct ts ts;

	ts_from_prefix(&e->dst, e->prefix_len, &ts);
	return is_usual(e->table) && remote->family == e->dst.family &&
	       addr_cmp(&ts.min, remote) <= 0 && addr_cmp(&ts.max, remote) >= 0;
}

/* Returns an address of any peer that the route would cut off, as far as names are resolved. */
static const struct addr *cut_off(const struct holder *h, const struct route_entry *e)
{
	const struct ike_peer *peer;
	unsigned int i, k;

	if (cuts(e, h->remote))
		return h->remote;
	for (peer = h->ike->peers; peer; peer = peer->next)
		for (i = 0; i < peer->n_remotes; i++)
			for (k = 0; k < peer->remotes[i].n; k++)
				if (cuts(e, &peer->remotes[i].addrs[k].addr))
					return &peer->remotes[i].addrs[k].addr;
	return NULL;
}

static bool would_cut(const struct holder *h, const struct route_entry *e)
{
	const struct addr *remote = is_usual(e->table) ? cut_off(h, e) : NULL;
	char net[TS_STRLEN], peer[ADDR_STRLEN];

	if (!remote)
		return false;
	report(h, "no route to %s in table %u: it would lead IKE and ESP to the peer's address %s into the tunnel; expected another table",
	       net_str(e, net, sizeof(net)), e->table, addr_str(remote, peer, sizeof(peer)));
	return true;
}

/**
 * ike_route_cuts() - checks whether a route of ours would lead IKE to an address into a tunnel
 * @ike: the core
 * @remote: an address that a name server gave for a peer
 *
 * Return: true if the address is of no use
 */
bool ike_route_cuts(const struct ike *ike, const struct addr *remote)
{
	const struct ike_route *r;

	for (r = ike->routes; r; r = r->next)
		if (r->first && cuts(&r->e, remote))
			return true;
	return false;
}

static void hold_one(struct holder *h, const struct route_entry *e)
{
	struct ike_route *r;
	struct ike_route_use *use;
	int ret;

	if (would_cut(h, e))
		return;
	use = calloc(1, sizeof(*use));
	r = use ? route_find(h->ike, e) : NULL;
	if (use && !r)
		r = route_new(h->ike, e);
	if (!r) {
		free(use);
		report_refused(h, e, -ENOMEM);
		return;
	}
	use->route = r;
	use->source = e->source;
	use->next = *h->held;
	*h->held = use;
	*r->end = use;
	r->end = &use->next_user;
	ret = install(h->ike, r);
	if (ret)
		report_refused(h, &r->e, ret);
}

static bool bit(const struct addr *a, unsigned int i)
{
	return a->a[i / 8] & 0x80 >> i % 8;
}

/* Returns the last address of the network. */
static struct addr last_of(const struct addr *net, unsigned int len)
{
	struct addr last = *net;

	for (; len < 8 * addr_len(net); len++)
		last.a[len / 8] |= 0x80 >> len % 8;
	return last;
}

static void increment(struct addr *a)
{
	size_t i = addr_len(a);

	while (i-- && !++a->a[i])
		;
}

/* Returns the prefix length of the largest network at the start of the range. */
static unsigned int first_network(const struct addr *from, const struct addr *to)
{
	unsigned int n = 8 * addr_len(from);
	struct addr end;

	while (n && !bit(from, n - 1)) {
		end = last_of(from, n - 1);
		if (addr_cmp(&end, to) > 0)
			break;
		n--;
	}
	return n;
}

/* Returns false if too many routes would be needed. */
static bool hold_range(struct holder *h, const struct ts *dst)
{
	const struct conf_route *conf = &h->tun->conf->route;
	struct route_entry e = { .table = conf->table };
	struct addr last;

	e.dst = dst->min;
	if (conf->source.family == e.dst.family)
		e.source = conf->source;
	for (;;) {
		if (!h->left--)
			return false;
		e.prefix_len = first_network(&e.dst, &dst->max);
		hold_one(h, &e);
		last = last_of(&e.dst, e.prefix_len);
		if (addr_cmp(&last, &dst->max) >= 0)
			return true;
		e.dst = last;
		increment(&e.dst);
	}
}

/**
 * ike_routes_hold() - install the routes to some selectors
 * @tun: the tunnel; without `route yes` there are none
 * @remote: outer address of the peer; family 0: any
 * @sels: selectors as outbound packets look
 * @n: number of @sels
 * @most: number of routes that may be installed
 * @held: list of the routes in use; the former ones are no longer used
 *
 * A peer chooses selectors within the access list, so the number of routes is limited: a range may
 * need 254 of them.
 */
void ike_routes_hold(struct ike_tunnel *tun, const struct addr *remote, const struct kern_sel *sels,
		     unsigned int n, unsigned int most, struct ike_route_use **held)
{
	struct holder h = { .ike = tun->peer->ike, .tun = tun, .remote = remote, .held = held,
			    .left = most };
	struct ike_route_use *old = *held;
	unsigned int i;

	*held = NULL;
	for (i = 0; tun->conf->route.on && i < n; i++)
		if (!hold_range(&h, &sels[i].dst)) {
			report(&h, "no route to some of its addresses: the SAs of one peer have %u routes at most",
			       IKE_ROUTES_MAX);
			break;
		}
	/* only now, so that a route that stays is never absent */
	ike_routes_drop(h.ike, &old);
}

/* Returns the number of routes that the other CHILD SAs of an IKE SA leave for this one. */
static unsigned int routes_left(const struct ike_child *child)
{
	const struct ike_route_use *use;
	const struct ike_child *c;
	unsigned int n = 0;

	for (c = child->sa->children; c; c = c->next)
		for (use = c == child ? NULL : c->routes; use && n < IKE_ROUTES_MAX; use = use->next)
			n++;
	return IKE_ROUTES_MAX - n;
}

void ike_routes_child(struct ike_child *child)
{
	if (child->tun && child->state == IKE_CHILD_UP)
		ike_routes_hold(child->tun, &child->sa->remote.addr, child->sels, child->n_sels,
				child->tun->conf->route.on ? routes_left(child) : 0, &child->routes);
}

/* ---- configuration ---- */

/* The first packet needs a route before there is an SA. A bundle has no CHILD SA at all. */
static bool is_permanent(const struct ike_tunnel *tun)
{
	const struct conf_tunnel *conf = tun->conf;

	return conf->route.on &&
	       ((conf->start == CONF_START_ON_TRAFFIC && conf_peer_initiates(tun->peer->conf)) ||
		conf_tunnel_is_bundle(conf));
}

static void hold_list(struct ike_tunnel *tun)
{
	struct holder h = { .ike = tun->peer->ike, .tun = tun, .remote = &tun->peer->conf->remote,
			    .held = &tun->routes, .left = UINT32_MAX };
	struct ike_route_use *old = tun->routes;
	const struct conf_list *list = tun->conf->list;
	unsigned int i;

	/* an administrator who loads a configuration wants to know */
	tun->route_told = 0;
	tun->routes = NULL;
	for (i = 0; is_permanent(tun) && i < list->n; i++)
		if (list->entries[i].action == CONF_PROTECT)
			hold_range(&h, &list->entries[i].dst);
	ike_routes_drop(h.ike, &old);
}

static void hold_children(struct ike_peer *peer)
{
	struct ike_child *c;
	struct ike_sa *sa;

	for (sa = peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c; c = c->next)
			ike_routes_child(c);
}

static void renew_one(struct ike *ike, struct ike_route *r)
{
	/* the kernel removes routes of a device that is set down, and of a source that goes */
	int ret = r->installed ? change(ike, &r->e, ROUTE_ADD) : -ENOENT;

	if (ret && ret != -EEXIST) {
		r->installed = false;
		install(ike, r);
	}
}

/* Each route is a question to the kernel, so RENEW_SLICE of them are asked for at a time. */
static void renew_some(struct ike *ike)
{
	struct ike_route *r;
	unsigned int n = 0;

	for (r = ike->routes; r; r = r->next) {
		if (r->round == ike->routes_round)
			continue;
		if (n++ == RENEW_SLICE) {
			renew_in(ike, SLICE_MS);
			return;
		}
		r->round = ike->routes_round;
		renew_one(ike, r);
	}
	ike->routes_renewing = false;
}

/* Goes on with the routes of this round, or begins another one. */
static void renew_due(struct ike_timer *t)
{
	struct ike *ike = container_of(t, struct ike, routes_timer);

	if (!ike->routes_renewing)
		ike->routes_round++;
	ike->routes_renewing = true;
	renew_some(ike);
}

/**
 * ike_routes_set_conf() - install the routes of a new configuration, and remove all others
 * @ike: the core; its orphans are sorted
 */
void ike_routes_set_conf(struct ike *ike)
{
	struct ike_route *r, *next;
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	for (peer = ike->peers; peer; peer = peer->next) {
		for (tun = peer->tunnels; tun; tun = tun->next)
			hold_list(tun);
		hold_children(peer);
	}
	for (r = ike->routes; r; r = next) {
		next = r->next;
		if (!r->first)
			route_remove(ike, r);
	}
	/* a module that was removed and loaded again has another device */
	ike->routes_renewing = false;
	renew_due(&ike->routes_timer);
}

void ike_route_left(struct ike *ike, const struct route_entry *e)
{
	struct ike_route *r = route_find(ike, e);

	if (!r)
		r = route_new(ike, e);
	if (r)
		r->installed = true;
}

void ike_routes_changed(struct ike *ike, uint64_t now)
{
	ike->now = now;
	if (ike->routes)
		renew_in(ike, RENEW_MS);
}

/* Removes the routes of the tunnels. Those of SAs are removed with them. */
void ike_routes_end(struct ike *ike)
{
	struct ike_route *r, *next;
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	for (peer = ike->peers; peer; peer = peer->next)
		for (tun = peer->tunnels; tun; tun = tun->next)
			ike_routes_drop(ike, &tun->routes);
	for (r = ike->routes; r; r = next) {
		next = r->next;
		if (!r->first)
			route_remove(ike, r);
	}
	ike_timer_off(&ike->timers, &ike->routes_timer);
}

/* Adds the networks of @uses that the kernel has a route to. */
static void add_networks(json_t *to, const struct ike_route_use *uses)
{
	char net[TS_STRLEN];
	size_t i;

	for (; uses; uses = uses->next) {
		if (!uses->route->installed)
			continue;
		net_str(&uses->route->e, net, sizeof(net));
		for (i = 0; i < json_array_size(to); i++)
			if (!strcmp(json_string_value(json_array_get(to, i)), net))
				break;
		if (i == json_array_size(to) && i < IKE_ROUTES_MAX)
			json_array_append_new(to, json_string(net));
	}
}

/**
 * ike_routes_show() - list the networks that a tunnel has a route to
 * @tun: the tunnel
 *
 * Return: an array of at most IKE_ROUTES_MAX networks, which the caller owns
 */
json_t *ike_routes_show(const struct ike_tunnel *tun)
{
	json_t *out = json_array();
	const struct ike_child *c;
	const struct ike_sa *sa;

	add_networks(out, tun->routes);
	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c; c = c->next)
			if (c->tun == tun && json_array_size(out) < IKE_ROUTES_MAX)
				add_networks(out, c->routes);
	ike_orphans_routes(tun, out, add_networks);
	return out;
}
