// SPDX-License-Identifier: GPL-2.0
/* A new configuration: what did not change stays up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

static bool ids_same(const struct conf_id *a, const struct conf_id *b)
{
	return a->type == b->type && a->len == b->len &&
	       (!a->len || !memcmp(a->data, b->data, a->len));
}

static bool proposals_same(const struct ike_proposal *a, unsigned int n_a,
			   const struct ike_proposal *b, unsigned int n_b)
{
	unsigned int i, j;

	if (n_a != n_b)
		return false;
	for (i = 0; i < n_a; i++) {
		if (a[i].proto != b[i].proto || a[i].n != b[i].n)
			return false;
		for (j = 0; j < a[i].n; j++)
			if (a[i].t[j].type != b[i].t[j].type || a[i].t[j].id != b[i].t[j].id ||
			    a[i].t[j].key_bits != b[i].t[j].key_bits)
				return false;
	}
	return true;
}

static bool secrets_same(const struct conf_secret *a, const struct conf_secret *b)
{
	if (!a || !b)
		return a == b;
	return a->len == b->len && crypto_equal(a->psk, b->psk, a->len);
}

static bool pubs_same(const struct cert_pub *a, const struct cert_pub *b)
{
	if (!a || !b)
		return a == b;
	return bytes_equal(cert_pub_spki(a), cert_pub_spki(b));
}

/**
 * struct reload - one configuration replaces another
 * @ike: the core
 * @from: configuration that was in force
 * @to: configuration that is loaded
 */
struct reload {
	struct ike *ike;
	const struct conf *from, *to;
};

static bool uses_psk(const struct conf_peer *p)
{
	return p->local_auth == CONF_AUTH_PSK || p->remote_auth == CONF_AUTH_PSK;
}

/* Does the configuration name both identities? If not, each IKE SA of the block has its own secret. */
static bool is_one(const struct conf_peer *p)
{
	return p->local_id.type && p->remote_id.type && !conf_id_is_pattern(&p->remote_id);
}

/*
 * Compares what every IKE SA of the peer depends on. An IKE SA depends neither on certificates and
 * keys of this end, which are for the next authentication, nor on a CA that another chain needs:
 * recheck.c judges the chains again after each load.
 */
static bool peer_same(const struct reload *r, const struct conf_peer *a, const struct conf_peer *b)
{
	if (a->ike_version != b->ike_version || !addr_equal(&a->local, &b->local) ||
	    conf_peer_initiates(a) != conf_peer_initiates(b) || !ids_same(&a->local_id, &b->local_id) ||
	    !ids_same(&a->remote_id, &b->remote_id) ||
	    a->local_auth != b->local_auth || a->remote_auth != b->remote_auth ||
	    !a->lacks != !b->lacks || a->egress.mark != b->egress.mark ||
	    a->remote_port != b->remote_port ||
	    !proposals_same(a->ike, a->n_ike, b->ike, b->n_ike))
		return false;
	if (!uses_psk(a) || !is_one(a))
		return true;
	return secrets_same(conf_secret_find(r->from, &a->local_id, &a->remote_id),
			    conf_secret_find(r->to, &b->local_id, &b->remote_id));
}

/* ---- the proof of one IKE SA ---- */

/* Has one end already authenticated by a secret or key of the old configuration? */
static bool has_auth_info(const struct ike_sa *sa)
{
	return sa->state != IKE_STATE_DELETING &&
	       (sa->state >= IKE_STATE_AUTH_SENT || sa->remote_id.type);
}

/* Checks the secret or raw key of an IKE SA. recheck.c judges certificates. */
static bool proof_holds(const struct reload *r, const struct ike_sa *sa, const struct conf_peer *a,
			const struct conf_peer *b)
{
	const struct addr *local = &sa->local.addr, *remote = &sa->remote.addr;

	if (uses_psk(a) && !secrets_same(ike_id_secret(r->from, a, local, &sa->remote_id, remote),
					 ike_id_secret(r->to, b, local, &sa->remote_id, remote)))
		return false;
	return a->remote_auth != CONF_AUTH_PUBKEY ||
	       pubs_same(conf_remote_pub(r->from, a, &sa->remote_id),
			 conf_remote_pub(r->to, b, &sa->remote_id));
}

/* Checks whether the new list still has the address of an IKE SA. Behind a NAT the peer may move. */
static bool address_holds(const struct ike_sa *sa, const struct conf_peer *a,
			  const struct conf_peer *b)
{
	return conf_remotes_same(a, b) || conf_peer_may_have(b, &sa->remote.addr);
}

/**
 * delete_unproved() - delete the IKE SAs of a peer whose secret or public key was changed or removed
 * @r: both configurations
 * @peer: the peer, still with its old block
 * @to: its new block
 *
 * One block may serve many peers. The IKE SAs of the others stay. An IKE SA with an address that the
 * new block does not have is deleted, too.
 */
static void delete_unproved(const struct reload *r, struct ike_peer *peer,
			    const struct conf_peer *to)
{
	struct ike_sa *sa = peer->sas, *next;

	while (sa) {
		next = sa->peer_next ? ike_sa_get(sa->peer_next) : NULL;
		if (has_auth_info(sa) && !proof_holds(r, sa, peer->conf, to))
			ike_sa_delete(sa, "its secret or key changed");
		else if (!address_holds(sa, peer->conf, to))
			ike_sa_delete(sa, "its address is no longer configured");
		/* a successor that was being negotiated is deleted with its IKE SA */
		sa = next && next->dead ? peer->sas : next;
		if (next)
			ike_sa_put(next);
	}
}

static bool entry_same(const struct conf_entry *a, const struct conf_entry *b)
{
	return a->number == b->number && a->action == b->action && ts_equal(&a->src, &b->src) &&
	       ts_equal(&a->dst, &b->dst);
}

static const struct conf_entry *next_protect(const struct conf_list *list, unsigned int *i)
{
	while (*i < list->n && list->entries[*i].action != CONF_PROTECT)
		(*i)++;
	return *i < list->n ? &list->entries[(*i)++] : NULL;
}

/* The module alone knows the entries that bypass or discard: no CHILD SA has them as selectors. */
static bool lists_same(const struct conf_list *a, const struct conf_list *b)
{
	const struct conf_entry *x, *y;
	unsigned int i = 0, k = 0;

	do {
		x = next_protect(a, &i);
		y = next_protect(b, &k);
		if (!x || !y)
			return x == y;
	} while (entry_same(x, y));
	return false;
}

static bool tunnel_same(const struct conf_tunnel *a, const struct conf_tunnel *b)
{
	/* the module deletes the SAs of a tunnel that it gets with another remote address */
	return addr_equal(&a->peer->remote, &b->peer->remote) &&
	       a->mode == b->mode && a->child_sa == b->child_sa &&
	       a->replay_window == b->replay_window &&
	       a->tfc == b->tfc && a->mark == b->mark && !strcmp(a->vrf, b->vrf) &&
	       proposals_same(a->esp, a->n_esp, b->esp, b->n_esp) &&
	       proposals_same(a->ah, a->n_ah, b->ah, b->n_ah) && lists_same(a->list, b->list);
}

/* its CHILD SAs are deleted with the peer */
static void tunnel_free(struct ike_tunnel *tun)
{
	struct ike *ike = tun->peer->ike;
	struct ike_sa *sa, *next;
	struct ike_child *c;

	ike_table_del(&ike->tunnels_by_name, &tun->by_name);
	ike_tunnel_reset(tun, "the tunnel's configuration changed");
	ike_routes_drop(ike, &tun->routes);
	for (sa = tun->peer->sas; sa; sa = next) {
		next = sa->peer_next;
		ike_sa_get(sa);
		if (sa->had_in == tun)
			ike_client_forget(sa);
		for (c = sa->children; c;) {
			if (c->tun != tun) {
				c = c->next;
				continue;
			}
			c->tun = NULL;
			if (c->state == IKE_CHILD_UP)
				ike_child_delete(c, "the configuration changed");
			/* the list may be another now */
			c = sa->dead ? NULL : sa->children;
		}
		if (next)
			next = sa->dead ? tun->peer->sas : sa->peer_next;
		ike_sa_put(sa);
	}
	free(tun);
}

/* another may have its name now */
static void names_forget(struct ike_peer *peer)
{
	struct ike_tunnel *tun;

	ike_table_del(&peer->ike->peers_by_name, &peer->by_name);
	for (tun = peer->tunnels; tun; tun = tun->next)
		ike_table_del(&peer->ike->tunnels_by_name, &tun->by_name);
}

static void peer_free(struct ike_peer *peer)
{
	struct ike *ike = peer->ike;
	struct ike_tunnel *tun;
	struct ike_child *c;
	struct ike_sa *sa;

	names_forget(peer);
	for (tun = peer->tunnels; tun; tun = tun->next)
		ike_tunnel_reset(tun, "the peer's configuration changed");
	while ((sa = peer->sas)) {
		for (c = sa->children; c; c = c->next)
			c->tun = NULL;
		ike_sa_detach(sa);
	}
	while ((tun = peer->tunnels)) {
		peer->tunnels = tun->next;
		ike_routes_drop(ike, &tun->routes);
		free(tun);
	}
	ike_timer_off(&ike->timers, &peer->unique);
	ike_remotes_free(peer);
	ike_failure_free(peer->failure);
	ike_failure_free(peer->refusal);
	free(peer);
}

static struct ike_tunnel *tunnel_new(struct ike_peer *peer, const struct conf_tunnel *conf)
{
	struct ike_tunnel *tun = calloc(1, sizeof(*tun));

	if (!tun)
		return NULL;
	tun->peer = peer;
	tun->conf = conf;
	tun->timer.fn = ike_tunnel_timer;
	snprintf(tun->name, sizeof(tun->name), "%s/%s", peer->conf->name, conf->name);
	ike_table_put(&peer->ike->tunnels_by_name, &tun->by_name,
		      ike_name_hash(peer->ike, tun->name));
	return tun;
}

/* Applies the limits of the new block to the CHILD SAs of a tunnel. */
static void limits_update(struct ike_tunnel *tun, const struct conf_tunnel *from)
{
	const struct conf_tunnel *to = tun->conf;
	struct ike_child *c;
	struct ike_sa *sa;

	if (from->lifetime_seconds == to->lifetime_seconds &&
	    from->lifetime_bytes == to->lifetime_bytes && from->idle_timeout == to->idle_timeout)
		return;
	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c; c = c->next)
			if (c->tun == tun)
				ike_child_limits_changed(c, from);
}

/* takes the tunnel of that name out of the list when it is the same */
static struct ike_tunnel *tunnel_keep(struct ike_tunnel **list, const struct conf_tunnel *conf)
{
	const struct conf_tunnel *from;
	struct ike_tunnel *tun;

	for (; (tun = *list); list = &tun->next) {
		if (strcmp(tun->conf->name, conf->name) || !tunnel_same(tun->conf, conf))
			continue;
		*list = tun->next;
		from = tun->conf;
		tun->conf = conf;
		limits_update(tun, from);
		return tun;
	}
	return NULL;
}

/* Ends the waiting time of failed tunnels: new credentials or addresses may let them come up. */
static void try_again_soon(struct ike_peer *peer)
{
	struct ike_tunnel *tun;

	for (tun = peer->tunnels; tun; tun = tun->next) {
		tun->failures = 0;
		tun->retry_at = 0;
		if (tun->resolving) {
			tun->resolving = false;
			tun->wanted = true;
			ike_timer_set(&peer->ike->timers, &tun->timer, peer->ike->now);
		}
		if (tun->timer.at)
			ike_timer_set(&peer->ike->timers, &tun->timer, peer->ike->now);
	}
}

/* Applies the settings of the new block that do not end the SAs of the peer. */
static void settings_update(struct ike_peer *peer, const struct conf_peer *from)
{
	const struct conf_peer *to = peer->conf;
	struct ike_sa *sa;

	bool same = conf_remotes_same(from, to);

	ike_remotes_set(peer, same);
	if (!same || memcmp(from->cert_digest, to->cert_digest, sizeof(to->cert_digest)))
		try_again_soon(peer);
	for (sa = peer->sas; sa; sa = sa->peer_next) {
		if (sa->state != IKE_STATE_ESTABLISHED)
			continue;
		if (from->dpd != to->dpd)
			ike_sa_watch(sa);
		if (from->ike_lifetime != to->ike_lifetime || from->reauth != to->reauth)
			ike_sa_life_changed(sa, from);
	}
}

static void peer_update(struct ike_peer *peer, const struct conf_peer *conf)
{
	struct ike_tunnel *old = peer->tunnels, *tun, **at = &peer->tunnels;
	const struct conf_peer *from = peer->conf;
	unsigned int i;

	peer->conf = conf;
	peer->tunnels = NULL;
	for (i = 0; i < conf->n_tunnels; i++) {
		tun = tunnel_keep(&old, &conf->tunnels[i]);
		if (!tun)
			tun = tunnel_new(peer, &conf->tunnels[i]);
		if (!tun)
			break;
		tun->next = NULL;
		*at = tun;
		at = &tun->next;
	}
	while ((tun = old)) {
		old = tun->next;
		tunnel_free(tun);
	}
	settings_update(peer, from);
}

/* NULL: there is none of that name, or what it is has changed */
static struct ike_peer *peer_keep(struct reload *r, const struct conf_peer *conf)
{
	struct ike_peer *peer = ike_peer_by_name(r->ike, conf->name);

	if (!peer || !peer->old)
		return NULL;
	if (!peer_same(r, peer->conf, conf)) {
		names_forget(peer);
		return NULL;
	}
	peer->old = false;
	delete_unproved(r, peer, conf);
	return peer;
}

static struct ike_peer *peer_new(struct ike *ike, const struct conf_peer *conf)
{
	struct ike_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->ike = ike;
	peer->conf = conf;
	peer->version = &v2_version;
	peer->unique.fn = ike_unique_due;
	ike_table_put(&ike->peers_by_name, &peer->by_name, ike_name_hash(ike, conf->name));
	return peer;
}

static void start_at_load(struct ike *ike)
{
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	for (peer = ike->peers; peer; peer = peer->next) {
		for (tun = peer->tunnels; tun; tun = tun->next) {
			if (tun->conf->start != CONF_START_AT_LOAD || tun->n_up)
				continue;
			tun->down = false;
			tun->retry_at = 0;
			ike_tunnel_start(tun, NULL);
		}
	}
}

/* Checks for a value that ike->peers_by_addr cannot hold, or a name, which may have no address. */
static bool has_open_remote(const struct conf_peer *conf)
{
	unsigned int i;

	for (i = 0; i < conf->n_remotes; i++)
		if (conf->remotes[i].type != CONF_REMOTE_ADDR)
			return true;
	return !conf->n_remotes;
}

/* for who begins with us */
static void sort_by_addr(struct ike *ike)
{
	struct ike_peer *peer, **at = &ike->peers_any;
	unsigned int order = 0;

	ike->any_differ = false;
	for (peer = ike->peers; peer; peer = peer->next) {
		peer->order = order++;
		if (!has_open_remote(peer->conf))
			continue;
		*at = peer;
		at = &peer->next_any;
		if (peer->conf->egress.mark != ike->peers_any->conf->egress.mark)
			ike->any_differ = true;
	}
	*at = NULL;
}

void ike_set_conf(struct ike *ike, const struct conf *conf, uint64_t now)
{
	struct ike_peer *old = ike->peers, *peer, **at = &ike->peers;
	struct reload r = { .ike = ike, .from = ike->conf, .to = conf };
	unsigned int i;

	ike->now = now;
	for (peer = old; peer; peer = peer->next) {
		peer->next_old = peer->next;
		peer->old = true;
	}
	ike->peers = NULL;
	for (i = 0; conf && i < conf->n_peers; i++) {
		peer = peer_keep(&r, &conf->peers[i]);
		if (!peer)
			peer = peer_new(ike, &conf->peers[i]);
		if (!peer)
			break;
		peer->next = NULL;
		*at = peer;
		at = &peer->next;
		peer_update(peer, &conf->peers[i]);
	}
	/* SAs that are being deleted still read the old configuration. */
	while ((peer = old)) {
		old = peer->next_old;
		if (peer->old)
			peer_free(peer);
	}
	sort_by_addr(ike);
	ike->conf = conf;
	if (conf) {
		ike->limits.cookie_threshold = conf->limits.cookies_from;
		ike->limits.half_open_max = conf->limits.half_open;
		ike->limits.half_open_per_addr = conf->limits.half_open_per_addr;
		ike->limits.inits_per_addr = conf->limits.inits_per_addr;
	}
	ike_recheck_all(ike);
	ike_orphans_sort(ike);
	ike_routes_set_conf(ike);
	ike_updown_set_conf(ike);
	start_at_load(ike);
	ike_orphans_start(ike);
}

void ike_peers_free(struct ike *ike)
{
	struct ike_tunnel *tun;
	struct ike_peer *peer;

	while ((peer = ike->peers)) {
		ike->peers = peer->next;
		names_forget(peer);
		while ((tun = peer->tunnels)) {
			peer->tunnels = tun->next;
			ike_tunnel_reset(tun, "nfipsecd ends");
			ike_routes_drop(ike, &tun->routes);
			free(tun);
		}
		ike_timer_off(&ike->timers, &peer->unique);
		ike_remotes_free(peer);
		ike_failure_free(peer->failure);
		ike_failure_free(peer->refusal);
		free(peer);
	}
}
