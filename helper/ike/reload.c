// SPDX-License-Identifier: GPL-2.0
/* A new configuration: what did not change stays up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

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

/* a responder for everyone knows its peers' IDs only when they come */
static bool all_secrets_same(const struct conf *a, const struct conf *b)
{
	unsigned int i;

	if (a->n_secrets != b->n_secrets)
		return false;
	for (i = 0; i < a->n_secrets; i++)
		if (strcmp(a->secrets[i].local_id, b->secrets[i].local_id) ||
		    strcmp(a->secrets[i].remote_id, b->secrets[i].remote_id) ||
		    !secrets_same(&a->secrets[i], &b->secrets[i]))
			return false;
	return true;
}

/**
 * struct reload - a configuration takes the place of another
 * @secrets_known: @secrets_same says whether both have all the same secrets
 */
struct reload {
	struct ike *ike;
	const struct conf *from, *to;
	bool secrets_known, secrets_same;
};

/* asked once for all peers */
static bool no_secret_changed(struct reload *r)
{
	if (!r->secrets_known)
		r->secrets_same = all_secrets_same(r->from, r->to);
	r->secrets_known = true;
	return r->secrets_same;
}

static bool peer_same(struct reload *r, const struct conf_peer *a, const struct conf_peer *b)
{
	if (a->ike_version != b->ike_version || !addr_equal(&a->local, &b->local) ||
	    !addr_equal(&a->remote, &b->remote) || !ids_same(&a->local_id, &b->local_id) ||
	    !ids_same(&a->remote_id, &b->remote_id) ||
	    a->local_auth != b->local_auth || a->remote_auth != b->remote_auth ||
	    a->revocation != b->revocation || a->rsa != b->rsa ||
	    memcmp(a->cert_digest, b->cert_digest, sizeof(a->cert_digest)) ||
	    a->ike_lifetime != b->ike_lifetime || a->reauth != b->reauth || a->dpd != b->dpd ||
	    !a->lacks != !b->lacks ||
	    !proposals_same(a->ike, a->n_ike, b->ike, b->n_ike))
		return false;
	if (a->local_auth != CONF_AUTH_PSK && a->remote_auth != CONF_AUTH_PSK)
		return true;
	if (!a->remote_id.type || !a->local_id.type || conf_id_is_pattern(&a->remote_id))
		return no_secret_changed(r);
	return secrets_same(conf_secret_find(r->from, &a->local_id, &a->remote_id),
			    conf_secret_find(r->to, &b->local_id, &b->remote_id));
}

static bool entry_same(const struct conf_entry *a, const struct conf_entry *b)
{
	return a->number == b->number && a->action == b->action && ts_equal(&a->src, &b->src) &&
	       ts_equal(&a->dst, &b->dst);
}

static bool tunnel_same(const struct conf_tunnel *a, const struct conf_tunnel *b)
{
	unsigned int i;

	if (a->mode != b->mode || a->child_sa != b->child_sa || a->lifetime_seconds != b->lifetime_seconds ||
	    a->lifetime_bytes != b->lifetime_bytes || a->replay_window != b->replay_window ||
	    a->idle_timeout != b->idle_timeout || a->list->n != b->list->n ||
	    a->tfc != b->tfc || a->mark != b->mark || strcmp(a->vrf, b->vrf) ||
	    !proposals_same(a->esp, a->n_esp, b->esp, b->n_esp) ||
	    !proposals_same(a->ah, a->n_ah, b->ah, b->n_ah))
		return false;
	for (i = 0; i < a->list->n; i++)
		if (!entry_same(&a->list->entries[i], &b->list->entries[i]))
			return false;
	return true;
}

/* its CHILD SAs are deleted with the peer */
static void tunnel_free(struct ike_tunnel *tun)
{
	struct ike *ike = tun->peer->ike;
	struct ike_sa *sa, *next;
	struct ike_child *c;

	ike_table_del(&ike->tunnels_by_name, &tun->by_name);
	ike_tunnel_reset(tun, "the tunnel's configuration changed");
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
	ike_table_del(&peer->ike->peers_by_addr, &peer->by_addr);
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
		free(tun);
	}
	ike_timer_off(&ike->timers, &peer->unique);
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

/* takes the tunnel of that name out of the list when it is the same */
static struct ike_tunnel *tunnel_keep(struct ike_tunnel **list, const struct conf_tunnel *conf)
{
	struct ike_tunnel *tun;

	for (; (tun = *list); list = &tun->next) {
		if (strcmp(tun->conf->name, conf->name) || !tunnel_same(tun->conf, conf))
			continue;
		*list = tun->next;
		tun->conf = conf;
		return tun;
	}
	return NULL;
}

static void peer_update(struct ike_peer *peer, const struct conf_peer *conf)
{
	struct ike_tunnel *old = peer->tunnels, *tun, **at = &peer->tunnels;
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
	return peer;
}

static struct ike_peer *peer_new(struct ike *ike, const struct conf_peer *conf)
{
	struct ike_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->ike = ike;
	peer->conf = conf;
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

/* for who begins with us */
static void sort_by_addr(struct ike *ike)
{
	struct ike_peer *peer, **at = &ike->peers_any;
	unsigned int order = 0;

	for (peer = ike->peers; peer; peer = peer->next) {
		peer->order = order++;
		if (peer->conf->remote.family) {
			ike_table_put(&ike->peers_by_addr, &peer->by_addr,
				      ike_addr_hash(ike, &peer->conf->remote));
			continue;
		}
		*at = peer;
		at = &peer->next_any;
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
	/* what goes still reads the old configuration */
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
			free(tun);
		}
		ike_timer_off(&ike->timers, &peer->unique);
		free(peer);
	}
}
