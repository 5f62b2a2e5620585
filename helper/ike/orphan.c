// SPDX-License-Identifier: GPL-2.0
/*
 * SAs that an earlier run of the daemon left in the module: orphans. Their IKE SA
 * is gone, nobody can rekey or delete them by agreement with the peer, but both
 * ends have their keys and traffic flows. So they stay until another CHILD SA has
 * taken their place, and the new IKE SA comes without INITIAL_CONTACT (RFC 7296
 * 2.4), at which the peer would delete its halves at once.
 *
 * Where we cannot begin (remote address any) they last until the peer does, or
 * until their hard lifetime.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "ike/core.h"

#define QUIET_S		3	/* nothing has come in by a replaced one for so long */
#define QUIET_MAX_MS	60000	/* or it goes all the same */
#define LOOK_MS		1000

/**
 * struct ike_orphan - one direction of such an SA
 * @of: with those of the same tunnel
 * @sels: as outbound packets look, whatever the direction
 * @replaced_at: another has taken its place since then; 0: not yet
 * @asked: for what it carries a new one was asked for
 * @dir: enum nfipsec_dir
 * @encap_local: UDP port of this host with UDP encapsulation, else 0
 * @encap_remote: UDP port of the peer with UDP encapsulation, else 0
 * @encr: enum nfipsec_encr
 * @esn: extended sequence numbers
 * @hard_bytes: hard lifetime in octets
 * @hard_seconds: hard lifetime in seconds
 * @has_soft: the SA has a soft lifetime
 * @integ: enum nfipsec_integ
 * @local: outer address of this host
 * @mode: enum nfipsec_mode
 * @n_sels: number of @sels
 * @next: in the list of @of
 * @proto: protocol, ESP or AH
 * @remote: outer address of the peer
 * @replay_window: replay window in packets
 * @spi: SPI
 * @routes: routes to @sels, of an outbound one
 */
struct ike_orphan {
	struct ike_orphan *next;
	struct ike_orphans *of;
	uint8_t proto, dir, mode;
	uint32_t spi;
	struct addr local, remote;
	uint16_t encr, integ, encap_local, encap_remote;
	bool esn, has_soft;
	uint32_t replay_window;
	uint64_t hard_seconds, hard_bytes;
	unsigned int n_sels;
	struct kern_sel *sels;
	uint64_t replaced_at;
	bool asked;
	struct ike_route_use *routes;
};

/**
 * struct ike_orphans - all of one tunnel, which the configuration may not have any more
 * @first: in the module's order
 * @end: where the next one is put
 * @at: the pointer to this element in the list of all tunnels
 * @by_tunnel: in the table by name of the tunnel
 * @next: next in the list of all tunnels
 * @tunnel: name of the tunnel
 */
struct ike_orphans {
	struct ike_orphans *next, **at;
	struct ike_link by_tunnel;
	char tunnel[sizeof(((struct kern_sa *)0)->tunnel)];
	struct ike_orphan *first, **end;
};

static void orphan_due(struct ike_timer *t);

/* ---- by tunnel: thousands are asked for, one after the other ---- */

static struct ike_orphans *with_name(const struct ike *ike, const char *tunnel)
{
	struct ike_orphans *all;
	struct ike_link *l;

	if (!ike->orphans)
		return NULL;
	for (l = ike_table_first(&ike->orphans_by_tunnel, ike_name_hash(ike, tunnel)); l;
	     l = ike_table_next(l)) {
		all = container_of(l, struct ike_orphans, by_tunnel);
		if (!strcmp(all->tunnel, tunnel))
			return all;
	}
	return NULL;
}

static struct ike_orphan *first_of(const struct ike_tunnel *tun)
{
	const struct ike_orphans *all = tun ? with_name(tun->peer->ike, tun->name) : NULL;

	return all ? all->first : NULL;
}

static struct ike_orphans *orphans_new(struct ike *ike, const char *tunnel)
{
	struct ike_orphans *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	memcpy(all->tunnel, tunnel, sizeof(all->tunnel));
	all->end = &all->first;
	all->next = ike->orphans;
	if (all->next)
		all->next->at = &all->next;
	all->at = &ike->orphans;
	ike->orphans = all;
	ike_table_put(&ike->orphans_by_tunnel, &all->by_tunnel, ike_name_hash(ike, tunnel));
	return all;
}

/* goes when it is empty */
static void tidy(struct ike *ike, struct ike_orphans *all)
{
	if (all->first)
		return;
	*all->at = all->next;
	if (all->next)
		all->next->at = all->at;
	ike_table_del(&ike->orphans_by_tunnel, &all->by_tunnel);
	free(all);
}

void ike_adopt(struct ike *ike, const struct kern_sa *sa)
{
	struct ike_orphans *all = with_name(ike, sa->tunnel);
	struct ike_orphan *o = calloc(1, sizeof(*o));
	unsigned int i;

	if (o && sa->n_sels)
		o->sels = calloc(sa->n_sels, sizeof(*o->sels));
	if (o && o->sels && !all)
		all = orphans_new(ike, sa->tunnel);
	if (!o || !o->sels || !all) {
		if (o)
			free(o->sels);
		free(o);
		return;
	}
	o->of = all;
	o->proto = sa->proto;
	o->dir = sa->dir;
	o->mode = sa->mode;
	o->spi = sa->spi;
	o->local = sa->local;
	o->remote = sa->remote;
	o->encr = sa->encr;
	o->integ = sa->integ;
	o->encap_local = sa->encap_local;
	o->encap_remote = sa->encap_remote;
	o->esn = sa->esn;
	o->has_soft = sa->soft_seconds || sa->soft_bytes;
	o->replay_window = sa->replay_window;
	o->hard_seconds = sa->hard_seconds;
	o->hard_bytes = sa->hard_bytes;
	o->n_sels = sa->n_sels;
	for (i = 0; i < sa->n_sels; i++) {
		o->sels[i].src = sa->dir == NFIPSEC_DIR_IN ? sa->sels[i].dst : sa->sels[i].src;
		o->sels[i].dst = sa->dir == NFIPSEC_DIR_IN ? sa->sels[i].src : sa->sels[i].dst;
	}
	*all->end = o;
	all->end = &o->next;
}

static void identify(const struct ike_orphan *o, struct kern_sa *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->proto = o->proto;
	sa->dir = o->dir;
	sa->spi = o->spi;
	sa->local = o->local;
	sa->remote = o->remote;
	memcpy(sa->tunnel, o->of->tunnel, sizeof(sa->tunnel));
}

/* out of the list, and of the module if @removed; who goes through the list tidies up then */
static void drop(struct ike *ike, struct ike_orphan **at, bool removed)
{
	struct ike_orphan *o = *at;
	struct kern_sa sa;

	*at = o->next;
	if (!*at)
		o->of->end = at;
	identify(o, &sa);
	if (removed)
		ike->ops->sa_del(&sa, ike->user);
	ike_routes_drop(ike, &o->routes);
	free(o->sels);
	free(o);
}

/* ---- does the configuration want it? ---- */

/*
 * A daemon's SA has a soft limit where the tunnel has a lifetime. One without was
 * set by hand, and is not ours to replace.
 */
static bool is_manual(const struct ike_orphan *o, const struct conf_tunnel *conf)
{
	return conf_tunnel_is_bundle(conf) ||
	       ((conf->lifetime_seconds || conf->lifetime_bytes) && !o->has_soft);
}

static bool has_transform(const struct ike_proposal *p, uint8_t type, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == type && p->t[i].id == id)
			return true;
	return !id && !ike_proposal_get(p, type);
}

static bool fits_proposal(const struct ike_orphan *o, const struct ike_proposal *p)
{
	bool ah = o->proto == IPPROTO_AH;

	return (p->proto == PROTO_AH) == ah &&
	       (ah || has_transform(p, IKE_TRANSFORM_ENCR, o->encr)) &&
	       has_transform(p, IKE_TRANSFORM_INTEG, o->integ);
}

static bool fits_selectors(const struct ike_orphan *o, const struct conf_list *list)
{
	const struct ike_ts_ours ours = { .list = list };
	struct wire_ts *local = calloc(2, sizeof(*local)), *remote = local + 1;
	struct kern_sel in[KERN_SEL_MAX];
	unsigned int i, k, n = 0;

	if (local) {
		ike_ts_lists(o->sels, o->n_sels, local, remote);
		n = ike_ts_narrow(&ours, local, remote, in, KERN_SEL_MAX);
	}
	free(local);
	for (i = 0; i < o->n_sels; i++) {
		for (k = 0; k < n; k++)
			if (ts_contains(&in[k].src, &o->sels[i].src) &&
			    ts_contains(&in[k].dst, &o->sels[i].dst))
				break;
		if (k == n)
			return false;
	}
	return true;
}

/* would the tunnel as it is configured make the like? */
static bool fits(const struct ike_orphan *o, const struct ike_tunnel *tun)
{
	const struct conf_peer *peer = tun->peer->conf;
	const struct conf_tunnel *conf = tun->conf;
	const struct ike_proposal *p;
	unsigned int i, n;

	if (!ike_memo_holds(tun->peer) || o->mode != conf->mode ||
	    o->hard_seconds != conf->lifetime_seconds ||
	    o->hard_bytes != conf->lifetime_bytes ||
	    (peer->local.family && !addr_equal(&peer->local, &o->local)) ||
	    !conf_peer_may_have(peer, &o->remote) ||
	    (o->dir == NFIPSEC_DIR_IN && o->replay_window != conf->replay_window))
		return false;
	p = conf_tunnel_proposals(conf, &n);
	for (i = 0; i < n && !fits_proposal(o, &p[i]); i++)
		;
	return i < n && fits_selectors(o, conf->list);
}

static void report(struct ike *ike, const struct ike_tunnel *tun)
{
	unsigned int n = ike_orphans_of(tun);

	if (n)
		ike_report(ike, IKE_EVENT_ADOPTED, tun->peer->conf->name, tun->conf->name,
			   json_pack("{s:i}", "sas", (int)n),
			   "%u SAs of an earlier run carry on until others have taken their place",
			   n);
}

static void hold_routes(struct ike_orphans *all, struct ike_tunnel *tun)
{
	struct ike_orphan *o;

	for (o = tun ? all->first : NULL; o; o = o->next)
		if (o->dir == NFIPSEC_DIR_OUT)
			ike_routes_hold(tun, &o->remote, o->sels, o->n_sels, IKE_ROUTES_MAX,
					&o->routes);
}

/**
 * ike_orphans_routes() - list the routes of the SAs of an earlier run
 * @tun: the tunnel
 * @to: argument of @add
 * @add: is called with the routes of each SA
 */
void ike_orphans_routes(const struct ike_tunnel *tun, json_t *to,
			void (*add)(json_t *to, const struct ike_route_use *uses))
{
	const struct ike_orphan *o;

	for (o = first_of(tun); o; o = o->next)
		add(to, o->routes);
}

void ike_orphans_sort(struct ike *ike)
{
	struct ike_orphans *all, *next;
	struct ike_orphan **at;
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	for (all = ike->orphans; all; all = next) {
		next = all->next;
		tun = ike_tunnel_by_name(ike, all->tunnel);
		for (at = &all->first; *at;) {
			if (tun && is_manual(*at, tun->conf))
				drop(ike, at, false);
			else if (!tun || !fits(*at, tun))
				drop(ike, at, true);
			else
				at = &(*at)->next;
		}
		hold_routes(all, tun);
		tidy(ike, all);
	}
	for (peer = ike->orphans ? ike->peers : NULL; peer; peer = peer->next)
		for (tun = peer->tunnels; tun; tun = tun->next)
			report(ike, tun);
}

/* ---- another one ---- */

static bool is_open(const struct ike_orphan *o)
{
	return !o->replaced_at && o->dir == NFIPSEC_DIR_OUT;
}

bool ike_orphans_wait(const struct ike_tunnel *tun)
{
	const struct ike_orphan *o;

	if (tun->n_up || tun->down || !conf_peer_initiates(tun->peer->conf))
		return false;
	for (o = first_of(tun); o; o = o->next)
		if (is_open(o))
			return true;
	return false;
}

unsigned int ike_orphans_of(const struct ike_tunnel *tun)
{
	const struct ike_orphan *o;
	unsigned int n = 0;

	for (o = first_of(tun); o; o = o->next)
		n += !o->replaced_at;
	return n;
}

bool ike_orphans_of_peer(const struct ike_peer *peer)
{
	const struct ike_tunnel *tun;

	for (tun = peer->ike->orphans ? peer->tunnels : NULL; tun; tun = tun->next)
		if (ike_orphans_of(tun))
			return true;
	return false;
}

const struct addr *ike_orphans_holder(const struct ike_tunnel *tun, const struct kern_sel *sel,
				      const struct addr *asker)
{
	const struct ike_orphan *o;

	for (o = first_of(tun); o; o = o->next)
		if (is_open(o) && !addr_equal(&o->remote, asker) &&
		    ike_ts_any_overlaps(o->sels, o->n_sels, sel))
			return &o->remote;
	return NULL;
}

/* a packet that it would carry */
static void flow_of(const struct ike_orphan *o, const struct conf_list *list,
		    struct kern_flow *flow)
{
	const struct kern_sel *s = &o->sels[0];
	unsigned int i;

	memset(flow, 0, sizeof(*flow));
	flow->dir = NFIPSEC_DIR_OUT;
	flow->proto = s->src.proto;
	flow->src = s->src.min;
	flow->dst = s->dst.min;
	flow->sport = s->src.port_min;
	flow->dport = s->dst.port_min;
	for (i = 0; i < list->n && !flow->number; i++)
		if (list->entries[i].action == CONF_PROTECT &&
		    ts_contains(&list->entries[i].src, &s->src) &&
		    ts_contains(&list->entries[i].dst, &s->dst))
			flow->number = list->entries[i].number;
}

/* first the tunnel as a whole; what that did not replace by what it carries */
static void start_one(struct ike_tunnel *tun)
{
	struct ike_orphan *o = first_of(tun);
	struct kern_flow flow;

	if (!conf_peer_initiates(tun->peer->conf) || tun->sa)
		return;
	while (o && (!is_open(o) || o->asked))
		o = o->next;
	if (!o)
		return;
	o->asked = tun->n_up > 0;
	flow_of(o, tun->conf->list, &flow);
	ike_tunnel_start(tun, tun->n_up ? &flow : NULL);
}

void ike_orphans_start(struct ike *ike)
{
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	for (peer = ike->orphans ? ike->peers : NULL; peer; peer = peer->next)
		for (tun = peer->tunnels; tun; tun = tun->next)
			start_one(tun);
}

static bool is_covered(const struct ike_orphan *o, const struct ike_child *child)
{
	unsigned int i, k;

	for (i = 0; i < o->n_sels; i++) {
		for (k = 0; k < child->n_sels; k++)
			if (ts_contains(&child->sels[k].src, &o->sels[i].src) &&
			    ts_contains(&child->sels[k].dst, &o->sels[i].dst))
				break;
		if (k == child->n_sels)
			return false;
	}
	return true;
}

bool ike_orphans_carry(const struct ike_child *child)
{
	const struct ike_orphan *o;

	for (o = first_of(child->tun); o; o = o->next)
		if (is_open(o) && is_covered(o, child))
			return true;
	return false;
}

void ike_orphans_replace(const struct ike_child *child)
{
	struct ike *ike = child->sa->ike;
	struct ike_orphans *all = child->tun ? with_name(ike, child->tun->name) : NULL;
	struct ike_orphan **at, *o;

	for (at = all ? &all->first : NULL; at && (o = *at);) {
		if (o->replaced_at || !is_covered(o, child)) {
			at = &o->next;
		} else if (o->dir == NFIPSEC_DIR_OUT) {
			/* where the outbound SA waits until the peer is sure to have it, so does this */
			o->asked = true;
			if (child->out_installed)
				drop(ike, at, true);
			else
				at = &o->next;
		} else {
			/* the peer sends by it until it has the new one */
			o->replaced_at = ike->now ? ike->now : 1;
			ike->orphan_timer.fn = orphan_due;
			if (!ike->orphan_timer.at)
				ike_timer_set(&ike->timers, &ike->orphan_timer,
					      ike->now + QUIET_S * 1000);
			at = &o->next;
		}
	}
	if (!all)
		return;
	tidy(ike, all);
	start_one(child->tun);
}

static void orphan_due(struct ike_timer *t)
{
	struct ike *ike = container_of(t, struct ike, orphan_timer);
	struct ike_orphans *all, *next;
	struct ike_orphan **at, *o;
	struct kern_sa sa;
	bool more = false;

	for (all = ike->orphans; all; all = next) {
		next = all->next;
		for (at = &all->first; (o = *at);) {
			identify(o, &sa);
			if (o->replaced_at &&
			    (ike->ops->sa_get(&sa, ike->user) || sa.idle >= QUIET_S ||
			     ike->now - o->replaced_at >= QUIET_MAX_MS)) {
				drop(ike, at, true);
				continue;
			}
			more = more || o->replaced_at;
			at = &o->next;
		}
		tidy(ike, all);
	}
	if (more)
		ike_timer_set(&ike->timers, t, ike->now + LOOK_MS);
}

/* ---- its end ---- */

void ike_orphans_contact(const struct ike_sa *sa)
{
	const struct ike_tunnel *tun;
	struct ike_orphans *all;
	struct ike_orphan **at;

	for (tun = sa->ike->orphans ? sa->peer->tunnels : NULL; tun; tun = tun->next) {
		all = with_name(sa->ike, tun->name);
		if (!all)
			continue;
		for (at = &all->first; *at;) {
			/* a peer of any address may be several */
			if (conf_peer_initiates(sa->peer->conf) ||
			    addr_equal(&(*at)->remote, &sa->remote.addr))
				drop(sa->ike, at, true);
			else
				at = &(*at)->next;
		}
		tidy(sa->ike, all);
	}
}

static void drop_all(struct ike *ike, struct ike_orphans *all, bool removed)
{
	while (all->first)
		drop(ike, &all->first, removed);
	tidy(ike, all);
}

void ike_orphans_drop(struct ike *ike, const struct ike_tunnel *tun)
{
	struct ike_orphans *all = tun ? with_name(ike, tun->name) : NULL;

	if (all)
		drop_all(ike, all, true);
	while (!tun && ike->orphans)
		drop_all(ike, ike->orphans, true);
}

void ike_orphans_free(struct ike *ike)
{
	while (ike->orphans)
		drop_all(ike, ike->orphans, false);
}

bool ike_orphan_expire(struct ike_tunnel *tun, const struct kern_sa *sa)
{
	struct ike_orphans *all = with_name(tun->peer->ike, tun->name);
	struct ike_orphan **at, *o;

	for (at = all ? &all->first : NULL; at && (o = *at); at = &o->next) {
		if (o->spi != sa->spi || o->dir != sa->dir)
			continue;
		if (sa->expired_hard) {
			drop(tun->peer->ike, at, false);
			tidy(tun->peer->ike, all);
		} else if (is_open(o)) {
			o->asked = false;
			start_one(tun);
		}
		return true;
	}
	return false;
}

/* the peer is behind a NAT and has moved: RFC 7296 2.23 */
void ike_orphan_mapping(struct ike *ike, const struct kern_sa *sa, const struct kern_ends *ends)
{
	const struct ike_orphans *all = with_name(ike, sa->tunnel);
	struct kern_ends was = { .local_port = 0 };
	struct kern_sa moved;
	struct ike_orphan *o;

	for (o = all ? all->first : NULL; o; o = o->next)
		if (o->dir == NFIPSEC_DIR_IN && o->spi == sa->spi &&
		    addr_equal(&o->local, &sa->local))
			was = (struct kern_ends){ .local = o->local, .remote = o->remote,
						  .local_port = o->encap_local,
						  .remote_port = o->encap_remote };
	for (o = was.local_port ? all->first : NULL; o; o = o->next) {
		if (o->encap_remote != was.remote_port ||
		    !addr_equal(&o->remote, &was.remote) || !addr_equal(&o->local, &was.local))
			continue;
		identify(o, &moved);
		if (ike->ops->sa_move(&moved, ends, ike->user))
			continue;
		o->local = ends->local;
		o->remote = ends->remote;
		o->encap_local = ends->local_port;
		o->encap_remote = ends->remote_port;
	}
}
