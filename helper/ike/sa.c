// SPDX-License-Identifier: GPL-2.0
/* IKE SAs: made and found, established, ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

#define LIFETIME_SOFT_INITIATOR	88
#define LIFETIME_SOFT_RESPONDER	94
#define LIFETIME_JITTER		5
#define DELETING_MS		60000

static void life_due(struct ike_timer *t);
static void liveness_due(struct ike_timer *t);

/* SPIs come from strangers: without the key nobody can choose them to collide */
static size_t bucket(const struct ike *ike, uint64_t spi)
{
	uint64_t h = (spi ^ ike->hash_key) * 0x9e3779b97f4a7c15ULL;

	h ^= h >> 32;
	h *= ike->hash_key | 1;
	return (h ^ h >> 29) & (ike->table_size - 1);
}

uint64_t ike_sa_own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

uint64_t ike_sa_peer_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_r : sa->spi_i;
}

struct ike_sa *ike_sa_find(struct ike *ike, uint64_t own_spi)
{
	struct ike_sa *sa = ike->table_size ? ike->by_spi[bucket(ike, own_spi)] : NULL;

	while (sa && ike_sa_own_spi(sa) != own_spi)
		sa = sa->spi_next;
	return sa;
}

/* responder: before the initiator knows our SPI */
struct ike_sa *ike_sa_find_init(struct ike *ike, uint64_t spi_i, const struct endpoint *remote)
{
	struct ike_sa *sa = ike->table_size ? ike->by_init[bucket(ike, spi_i)] : NULL;

	while (sa && (sa->spi_i != spi_i || sa->remote.port != remote->port ||
		      !addr_equal(&sa->remote.addr, &remote->addr)))
		sa = sa->init_next;
	return sa;
}

static uint32_t id_hash(const struct ike *ike, const struct conf_id *id)
{
	return ike_hash(ike->hash_key ^ id->type, id->data, id->len);
}

/**
 * ike_sa_of_id - the established SAs with one identity
 * @ike: the core
 * @id: as authenticated
 * @prev: the one before; NULL: the first
 */
struct ike_sa *ike_sa_of_id(struct ike *ike, const struct conf_id *id, const struct ike_sa *prev)
{
	struct ike_link *l = prev ? ike_table_next(&prev->id_link) :
				    ike_table_first(&ike->by_id, id_hash(ike, id));
	struct ike_sa *sa;

	for (; l; l = ike_table_next(l)) {
		sa = container_of(l, struct ike_sa, id_link);
		if (sa->remote_id.type == id->type &&
		    bytes_equal((struct bytes){ sa->remote_id.data, sa->remote_id.len },
				(struct bytes){ id->data, id->len }))
			return sa;
	}
	return NULL;
}

static bool tables_grow(struct ike *ike)
{
	size_t size = ike->table_size ? ike->table_size * 2 : 256;
	struct ike_sa **spi, **init, *sa, **head;

	if (ike->n_sas < ike->table_size)
		return true;
	spi = calloc(size, sizeof(struct ike_sa *));
	init = calloc(size, sizeof(struct ike_sa *));
	if (!spi || !init) {
		free(spi);
		free(init);
		return ike->table_size > 0;
	}
	free(ike->by_spi);
	free(ike->by_init);
	ike->by_spi = spi;
	ike->by_init = init;
	ike->table_size = size;
	for (sa = ike->sas; sa; sa = sa->next) {
		head = &spi[bucket(ike, ike_sa_own_spi(sa))];
		sa->spi_next = *head;
		*head = sa;
		if (!sa->in_init)
			continue;
		head = &init[bucket(ike, sa->spi_i)];
		sa->init_next = *head;
		*head = sa;
	}
	return true;
}

void ike_sa_set_peer(struct ike_sa *sa, struct ike_peer *peer)
{
	if (peer == sa->peer && (sa->peer_at || !peer))
		return;
	if (sa->peer_at) {
		*sa->peer_at = sa->peer_next;
		if (sa->peer_next)
			sa->peer_next->peer_at = sa->peer_at;
		sa->peer_at = NULL;
	}
	sa->peer = peer;
	if (peer)
		sa->egress = peer->conf->egress;
	if (!peer || sa->dead)
		return;
	sa->peer_next = peer->sas;
	if (sa->peer_next)
		sa->peer_next->peer_at = &sa->peer_next;
	sa->peer_at = &peer->sas;
	peer->sas = sa;
}

/**
 * ike_sa_new - an IKE SA with an SPI of ours, published
 * @ike: the core
 * @peer: whose
 * @initiator: are we the one that begins?
 *
 * Return: the SA, which the list holds; NULL when out of memory.
 */
struct ike_sa *ike_sa_new(struct ike *ike, struct ike_peer *peer, bool initiator)
{
	struct ike_sa *sa, **head;
	uint64_t spi;

	if (!tables_grow(ike))
		return NULL;
	do {
		if (!crypto_random(&spi, sizeof(spi)))
			return NULL;
	} while (!spi || ike_sa_find(ike, spi));
	sa = calloc(1, sizeof(*sa));
	if (!sa)
		return NULL;
	sa->refs = 1;
	sa->ike = ike;
	sa->version = peer->version;
	ike_sa_set_peer(sa, peer);
	memcpy(sa->name, peer->conf->name, sizeof(sa->name));
	sa->initiator = initiator;
	*(initiator ? &sa->spi_i : &sa->spi_r) = spi;
	sa->state = IKE_STATE_NEW;
	sa->created = ike->now;
	sa->created_seq = ++ike->seq;
	sa->window = 1;
	sa->life.fn = life_due;
	sa->liveness.fn = liveness_due;
	ike_retrans_init(&sa->retrans);
	ike_tasks_init(sa);
	buf_init(&sa->ni);
	buf_init(&sa->nr);
	buf_init(&sa->cookie);
	buf_init(&sa->init_req);
	buf_init(&sa->init_resp);
	buf_init(&sa->certreq);
	sa->next = ike->sas;
	if (sa->next)
		sa->next->prev = sa;
	ike->sas = sa;
	ike->n_sas++;
	head = &ike->by_spi[bucket(ike, spi)];
	sa->spi_next = *head;
	*head = sa;
	return sa;
}

/* responder: a half-open SA, found by the initiator's SPI and address */
void ike_sa_publish_init(struct ike_sa *sa)
{
	struct ike_sa **head = &sa->ike->by_init[bucket(sa->ike, sa->spi_i)];

	sa->in_init = true;
	sa->init_next = *head;
	*head = sa;
	ike_half_open_begin(sa);
	ike_timer_set(&sa->ike->timers, &sa->life, sa->ike->now + IKE_HALF_OPEN_MS);
}

struct ike_sa *ike_sa_get(struct ike_sa *sa)
{
	sa->refs++;
	return sa;
}

void ike_sa_put(struct ike_sa *sa)
{
	if (--sa->refs)
		return;
	crypto_wipe(&sa->keys, sizeof(sa->keys));
	buf_free(&sa->ni);
	buf_free(&sa->nr);
	buf_free(&sa->cookie);
	buf_free(&sa->init_req);
	buf_free(&sa->init_resp);
	sa->version->free(sa);
	buf_free(&sa->certreq);
	ike_id_clear(&sa->remote_id);
	ike_auth_info_clear(&sa->our_auth_info);
	ike_auth_info_clear(&sa->their_auth_info);
	ike_certs_put(sa->certs);
	ike_client_forget(sa);
	free(sa);
}

static void unpublish(struct ike_sa *sa)
{
	struct ike_peer *peer = sa->peer;
	struct ike *ike = sa->ike;
	struct ike_sa **at;

	/* A holder of a reference still reads the name. */
	ike_sa_set_peer(sa, NULL);
	sa->peer = peer;
	for (at = &ike->by_spi[bucket(ike, ike_sa_own_spi(sa))]; *at != sa; at = &(*at)->spi_next)
		;
	*at = sa->spi_next;
	if (sa->in_init) {
		for (at = &ike->by_init[bucket(ike, sa->spi_i)]; *at != sa; at = &(*at)->init_next)
			;
		*at = sa->init_next;
	}
	if (sa->prev)
		sa->prev->next = sa->next;
	else
		ike->sas = sa->next;
	if (sa->next)
		sa->next->prev = sa->prev;
	ike->n_sas--;
	ike_half_open_leave(sa);
}

static void children_free(struct ike_sa *sa, const char *why)
{
	while (sa->children)
		ike_child_free(sa->children, why);
}

/* tunnels that this SA was to bring up */
static void tasks_fail(struct ike_sa *sa, const char *error)
{
	struct ike_tunnel *tun = sa->negotiation ? sa->negotiation->tun : NULL;
	struct ike_task *t;

	if (tun && tun->sa == sa)
		ike_tunnel_failed(tun, error);
	while ((t = ike_task_take(sa))) {
		tun = t->tun;
		free(t);
		if (tun && tun->sa == sa)
			ike_tunnel_failed(tun, error);
	}
}

static void report_down(struct ike_sa *sa, const char *why)
{
	char addr[ADDR_STRLEN];

	ike_report(sa->ike, IKE_EVENT_IKE_DOWN, sa->name, NULL, json_pack("{s:o}", "why", printable_json(why)),
		   "IKE SA with %s down (%s)", addr_str(&sa->remote.addr, addr, sizeof(addr)), why);
}

/* an SA that was to take over and did not: the old one tries again */
static void successor_gone(struct ike_sa *sa)
{
	struct ike_sa *old = sa->replaces ? ike_sa_find(sa->ike, sa->replaces) : NULL;

	if (old)
		old->replacing = false;
}

/* Unlinks the IKE SA from its predecessor and its successor. */
static void rekeying_gone(struct ike_sa *sa, const char *why)
{
	struct ike_sa *old = sa->from;

	if (old && old->rekey_out == sa)
		old->rekey_out = NULL;
	if (old && old->rekey_in == sa)
		old->rekey_in = NULL;
	sa->from = NULL;
	if (sa->rekey_out)
		ike_sa_kill(sa->rekey_out, why);
	if (sa->rekey_in)
		ike_sa_kill(sa->rekey_in, why);
}

/* @why is told, @error goes to who waits for a tunnel */
static void kill(struct ike_sa *sa, const char *why, const char *error)
{
	struct ike_timers *timers = &sa->ike->timers;

	if (sa->dead)
		return;
	sa->dead = true;
	unpublish(sa);
	ike_timer_off(timers, &sa->life);
	ike_timer_off(timers, &sa->liveness);
	ike_timer_off(timers, &sa->keepalive);
	ike_recheck_end(sa);
	ike_retrans_stop(sa);
	sa->version->killed(sa);
	ike_table_del(&sa->ike->by_id, &sa->id_link);
	ike_table_del(&sa->ike->to_look_at, &sa->look_link);
	successor_gone(sa);
	rekeying_gone(sa, why);
	if (sa->state == IKE_STATE_ESTABLISHED)
		report_down(sa, why);
	tasks_fail(sa, error);
	children_free(sa, why);
	ike_waiters_done(&sa->ops, NULL);
	ike_waiters_done(&sa->answered, error);
	ike_sa_put(sa);
}

void ike_sa_kill(struct ike_sa *sa, const char *why)
{
	kill(sa, why, why);
}

void ike_sa_fail_quiet(struct ike_sa *sa, const char *error)
{
	struct ike_peer *peer = sa->peer;

	if (peer)
		peer->try_next = !sa->dead && ike_remote_failed(sa);
	kill(sa, "failed", error);
	if (peer)
		peer->try_next = false;
}

/* the tunnel that an error is about, for those who listen */
static const char *pending_tunnel(const struct ike_sa *sa)
{
	const struct ike_task *t;

	if (sa->negotiation && sa->negotiation->tun)
		return sa->negotiation->tun->conf->name;
	for (t = sa->tasks; t; t = t->next)
		if (t->tun)
			return t->tun->conf->name;
	return NULL;
}

void ike_sa_fail(struct ike_sa *sa, const char *fmt, ...)
{
	char text[IKE_TEXT_MAX];
	va_list ap;

	if (sa->dead) {
		ike_notes_drop(sa->ike);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ike_note_sa(sa);
	if (ike_is_unauthenticated(sa))
		ike_report_unauthenticated(sa->ike, sa->peer, IKE_CAUSE_MALFORMED, ike_asker(sa),
					   "%s",
					   text);
	else
		ike_report_error(sa, pending_tunnel(sa), "%s", text);
	ike_sa_fail_quiet(sa, text);
}

static void delete(struct ike_sa *sa, const char *why, bool retiring)
{
	if (sa->state == IKE_STATE_DELETING || sa->dead)
		return;
	/*
	 * The successor by our request is deleted when the peer's is complete, or with the old
	 * IKE SA.
	 */
	if (sa->state < IKE_STATE_ESTABLISHED && sa->from)
		return;
	if (sa->state < IKE_STATE_ESTABLISHED) {
		ike_sa_kill(sa, why);
		return;
	}
	ike_sa_get(sa);
	if (sa->state == IKE_STATE_ESTABLISHED)
		report_down(sa, why);
	sa->state = IKE_STATE_DELETING;
	if (sa->from)
		sa->from->rekey_in = NULL;
	sa->from = NULL;
	if (sa->rekey_in && sa->rekey_in->keyed)
		ike_sa_delete(sa->rekey_in, why);
	else if (sa->rekey_in)
		ike_sa_kill(sa->rekey_in, why);
	ike_timer_off(&sa->ike->timers, &sa->liveness);
	ike_timer_set(&sa->ike->timers, &sa->life, sa->ike->now + DELETING_MS);
	successor_gone(sa);
	tasks_fail(sa, why);
	if (!retiring)
		children_free(sa, why);
	if (!ike_task_add(sa, IKE_TASK_DELETE_IKE, NULL, 0, NULL))
		ike_sa_kill(sa, why);
	else
		sa->version->run(sa);
	ike_sa_put(sa);
}

void ike_sa_delete(struct ike_sa *sa, const char *why)
{
	delete(sa, why, false);
}

void ike_sa_delete_delayed(struct ike_sa *sa, const char *why)
{
	struct ike_child *c;

	for (c = sa->children; c; c = c->next) {
		c->replaced = true;
		ike_child_delete_delayed(c, why);
	}
	delete(sa, why, true);
}

/* ---- rekeying ---- */

bool ike_sa_inherit(struct ike_sa *sa, const struct ike_sa *old)
{
	sa->local = old->local;
	sa->remote = old->remote;
	sa->natt = old->natt;
	sa->natt_forced = old->natt_forced;
	sa->nat_ours = old->nat_ours;
	sa->nat_theirs = old->nat_theirs;
	/* said in IKE_SA_INIT for all that comes of it: RFC 7383 2.3 */
	sa->fragments = old->fragments;
	sa->frag_size = old->frag_size;
	sa->authenticated = old->authenticated;
	sa->called = old->called;
	sa->called_at = old->called_at;
	sa->reauth_at = old->reauth_at;
	ike_auth_info_copy(&sa->our_auth_info, &old->our_auth_info);
	ike_auth_info_copy(&sa->their_auth_info, &old->their_auth_info);
	ike_recheck_inherit(sa, old);
	memcpy(sa->name, old->name, sizeof(sa->name));
	return !old->remote_id.type ||
	       ike_id_set(&sa->remote_id, old->remote_id.type,
			  (struct bytes){ old->remote_id.data, old->remote_id.len });
}

/* CHILD SAs under negotiation stay, and fail. */
static void move_children(struct ike_sa *sa, struct ike_sa *old)
{
	struct ike_child **at = &old->children, *c;

	while ((c = *at)) {
		if (c->state == IKE_CHILD_OFFERED) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->sa = sa;
		c->next = sa->children;
		sa->children = c;
	}
}

void ike_sa_take_over(struct ike_sa *sa, struct ike_sa *old)
{
	struct ike_tunnel *tun;
	struct ike_sa *s;

	/* the peer may have moved meanwhile, and the CHILD SAs with it */
	sa->local = old->local;
	sa->remote = old->remote;
	move_children(sa, old);
	ike_client_inherit(sa, old);
	ike_recheck_hand_over(sa, old);
	ike_unique_look(sa);
	ike_tasks_move(sa, old);
	for (tun = old->peer->tunnels; tun; tun = tun->next)
		if (tun->sa == old)
			tun->sa = sa;
	/* Its predecessor and the SA that it loses to have the same peer. */
	for (s = old->replacing ? old->peer->sas : NULL; s; s = s->peer_next)
		if (s->replaces && s->replaces == ike_sa_own_spi(old))
			s->replaces = ike_sa_own_spi(sa);
	while ((s = ike_sa_of_id(old->ike, &old->remote_id, s)))
		if (s->loses_to && s->loses_to == ike_sa_own_spi(old))
			s->loses_to = ike_sa_own_spi(sa);
	/* a load may have changed them while the successor was negotiated */
	sa->reauth_at = old->reauth_at;
	sa->ends_after = old->ends_after;
	sa->loses_to = old->loses_to;
	sa->close_at = old->close_at;
	sa->asked = old->asked;
	sa->confirmed = sa->initiator;
	old->loses_to = 0;
	sa->replaces = old->replaces;
	sa->replacing = old->replacing;
	old->replaces = 0;
	old->replacing = false;
	sa->no_additional_sas = old->no_additional_sas;
	old->heir = ike_sa_own_spi(sa);
}

void ike_sa_await_peer_delete(struct ike_sa *sa, uint64_t ms)
{
	struct ike_timers *timers = &sa->ike->timers;

	if (sa->state == IKE_STATE_ESTABLISHED)
		report_down(sa, "rekeyed");
	else
		sa->established = sa->ike->now;
	sa->state = IKE_STATE_REKEYED;
	ike_timer_off(timers, &sa->liveness);
	ike_timer_off(timers, &sa->keepalive);
	ike_timer_set(timers, &sa->life, sa->ike->now + ms);
}

/* its configuration goes; what is left of its life is the DELETE */
void ike_sa_detach(struct ike_sa *sa)
{
	ike_sa_get(sa);
	ike_sa_delete(sa, "the configuration changed");
	ike_sa_set_peer(sa, NULL);
	ike_sa_put(sa);
}

struct ike_sa *ike_sa_usable(const struct ike_peer *peer)
{
	struct ike_sa *sa, *coming = NULL;

	for (sa = peer->sas; sa; sa = sa->peer_next) {
		if (sa->replacing || sa->from || sa->no_additional_sas || sa->loses_to)
			continue;
		if (sa->state == IKE_STATE_ESTABLISHED)
			return sa;
		if (sa->initiator && sa->state < IKE_STATE_ESTABLISHED)
			coming = sa;
	}
	return coming;
}

const char *ike_sa_id_str(const struct ike_sa *sa, bool ours, char *out, size_t len)
{
	struct wire_id id;

	if (ours && sa->peer) {
		ike_id_local(&sa->peer->conf->local_id, &sa->local.addr, &id);
		return ike_id_str(id.type, id.data, out, len);
	}
	/* put in words once, in ike_id_set(): a DN takes time */
	if (!ours && sa->remote_id.type) {
		snprintf(out, len, "%s", sa->remote_id.text);
		return out;
	}
	if (!ours && sa->peer && sa->peer->conf->remote_id.type) {
		ike_id_local(&sa->peer->conf->remote_id, NULL, &id);
		/* the DER of a pattern has a tag for the star, so the text is printed */
		if (!conf_id_is_pattern(&sa->peer->conf->remote_id))
			return ike_id_str(id.type, id.data, out, len);
		snprintf(out, len, "%s", sa->peer->conf->remote_id.text);
		return out;
	}
	snprintf(out, len, "unknown");
	return out;
}

/* Prints an identity with its type, for messages. */
const char *ike_sa_id_named(const struct ike_sa *sa, bool ours, char *out, size_t len)
{
	char text[300];
	uint8_t type = sa->remote_id.type;
	struct wire_id id;

	ike_sa_id_str(sa, ours, text, sizeof(text));
	if (ours && sa->peer) {
		ike_id_local(&sa->peer->conf->local_id, &sa->local.addr, &id);
		type = id.type;
	} else if (!ours && !type && sa->peer) {
		type = sa->peer->conf->remote_id.type;
	}
	if (type)
		return ike_id_with_type(type, text, out, len);
	snprintf(out, len, "%s", text);
	return out;
}

const char *ike_sa_state_str(const struct ike_sa *sa)
{
	static const char *const names[] = {
		[IKE_STATE_NEW]		= "new",
		[IKE_STATE_INIT_SENT]	= "init-sent",
		[IKE_STATE_HALF_OPEN]	= "half-open",
		[IKE_STATE_AUTH_SENT]	= "auth-sent",
		[IKE_STATE_ESTABLISHED]	= "established",
		[IKE_STATE_REKEYED]	= "rekeyed",
		[IKE_STATE_DELETING]	= "deleting",
	};

	return names[sa->state];
}

/* ---- time ---- */

/* a request that is lost twice has time to be answered */
#define RENEW_MARGIN_MS	8000

/**
 * ike_soft_ms - how long an SA lives before it is renewed
 * @ms: its life, 0: without end
 * @percent: of it at which that begins at the earliest, with a jitter of 5 more
 * @initiator: we made the SA, so we renew it before the peer does
 *
 * However short the life is, the renewal has time to be answered; but no more than half of it.
 */
uint64_t ike_soft_ms(uint64_t ms, unsigned int percent, bool initiator)
{
	uint64_t margin, least = ms / 2 < RENEW_MARGIN_MS ? ms / 2 : RENEW_MARGIN_MS;
	uint16_t r = 0;

	crypto_random(&r, sizeof(r));
	margin = ms - ms * (percent * 10 + r % (LIFETIME_JITTER * 10)) / 1000;
	least = least * ((initiator ? 75 : 50) + r / 256 % 25) / 100;
	return ms - (margin > least ? margin : least);
}

static uint64_t soft_lifetime(const struct ike_sa *sa, uint64_t seconds)
{
	return ike_soft_ms(seconds * 1000, sa->initiator ? LIFETIME_SOFT_INITIATOR :
			   LIFETIME_SOFT_RESPONDER, sa->initiator);
}

static void set_rekey_at(struct ike_sa *sa)
{
	uint64_t life = sa->peer->conf->ike_lifetime;

	sa->rekey_at = life ? sa->established + soft_lifetime(sa, life) : 0;
}

static void set_reauth_at(struct ike_sa *sa)
{
	uint64_t life = sa->peer->conf->reauth;

	sa->reauth_at = life ? sa->authenticated + soft_lifetime(sa, life) : 0;
}

static uint64_t renewal(const struct ike_sa *sa)
{
	if (!sa->rekey_at && !sa->reauth_at)
		return IKE_NEVER;
	return !sa->reauth_at || (sa->rekey_at && sa->rekey_at < sa->reauth_at) ? sa->rekey_at :
									      sa->reauth_at;
}

/* a rekeyed SA has the reauthentication of the one before it ahead, at the same time */
static void set_life(struct ike_sa *sa)
{
	if (!sa->authenticated) {
		sa->authenticated = sa->ike->now;
		set_reauth_at(sa);
	}
	set_rekey_at(sa);
	ike_timer_set(&sa->ike->timers, &sa->life, renewal(sa));
}

static uint64_t end_by(const struct ike_sa *sa, const struct conf_peer *conf)
{
	uint64_t rekey = conf->ike_lifetime ? sa->established + conf->ike_lifetime * 1000 : IKE_NEVER;
	uint64_t reauth = conf->reauth ? sa->authenticated + conf->reauth * 1000 : IKE_NEVER;
	uint64_t end = rekey < reauth ? rekey : reauth;

	return end < sa->ends_after ? sa->ends_after : end;
}

/* when it must be gone */
uint64_t ike_sa_end(const struct ike_sa *sa)
{
	return end_by(sa, sa->peer->conf);
}

/* An IKE SA that a load makes too old gets this long for its renewal, in ms. */
#define OVERDUE_END	180000

/**
 * ike_overdue() - chooses when an SA is renewed that a load made too old
 * @ike: the core
 * @end: time of its end; IKE_NEVER: it has none
 *
 * One load may concern thousands of SAs. So each waits for a random part of a minute, at most for a
 * third of the time that it has left.
 *
 * Return: the time, in ms of the core's clock.
 */
uint64_t ike_overdue(const struct ike *ike, uint64_t end)
{
	uint64_t spread = end > ike->now ? (end - ike->now) / 3 : 0;
	uint32_t r = 0;

	if (spread > IKE_OVERDUE_SPREAD)
		spread = IKE_OVERDUE_SPREAD;
	crypto_random(&r, sizeof(r));
	return ike->now + (spread ? r % spread : 0);
}

/**
 * ike_sa_life_changed() - applies a changed `ike-lifetime` or `reauth` to an IKE SA
 * @sa: an established IKE SA; its peer has the new block
 * @from: the block before the load
 *
 * The new values count from the same moments as the old ones did: @established of the IKE SA, and
 * its last authentication. An IKE SA that is older already is renewed soon. It ends only if that
 * fails, and never later than by the old values.
 */
void ike_sa_life_changed(struct ike_sa *sa, const struct conf_peer *from)
{
	const struct conf_peer *to = sa->peer->conf;
	uint64_t now = sa->ike->now, was = end_by(sa, from), end = ike_sa_end(sa), at;

	if (end < was && end < now + OVERDUE_END) {
		end = now + OVERDUE_END < was ? now + OVERDUE_END : was;
		sa->ends_after = end;
	}
	if (from->ike_lifetime != to->ike_lifetime)
		set_rekey_at(sa);
	if (from->reauth != to->reauth)
		set_reauth_at(sa);
	at = renewal(sa);
	ike_timer_set(&sa->ike->timers, &sa->life, at > now ? at : ike_overdue(sa->ike, end));
}

/**
 * ike_sa_watch() - restarts the interval of `dpd` with the configured value
 * @sa: an established IKE SA
 */
void ike_sa_watch(struct ike_sa *sa)
{
	struct ike_timers *timers = &sa->ike->timers;
	uint64_t dpd = sa->peer->conf->dpd;

	if (dpd)
		ike_timer_set(timers, &sa->liveness, sa->ike->now + dpd * 1000);
	else
		ike_timer_off(timers, &sa->liveness);
}

void ike_sa_established(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;
	char addr[ADDR_STRLEN], us[300], them[300], p[160];
	char us_named[IKE_ID_NAMED_STRLEN], them_named[IKE_ID_NAMED_STRLEN];

	ike_half_open_end(sa);
	sa->state = IKE_STATE_ESTABLISHED;
	sa->established = sa->last_in = ike->now;
	ike_table_put(&ike->by_id, &sa->id_link, id_hash(ike, &sa->remote_id));
	buf_free(&sa->init_req);
	buf_free(&sa->init_resp);
	set_life(sa);
	ike_sa_watch(sa);
	ike_natt_keepalive(sa);
	addr_str(&sa->remote.addr, addr, sizeof(addr));
	ike_sa_id_str(sa, true, us, sizeof(us));
	ike_sa_id_str(sa, false, them, sizeof(them));
	ike_proposal_str(&sa->prop, p, sizeof(p));
	ike_report(ike, IKE_EVENT_IKE_UP, sa->name, NULL,
		   json_pack("{s:s,s:o,s:o,s:s,s:b,s:b}", "remote", addr, "local_id",
			     printable_json(us), "remote_id", printable_json(them), "ike", p, "initiator", sa->initiator, "rekeyed",
			     sa->keyed),
		   "IKE SA with %s %s: %s, we are %s, it is %s", addr,
		   sa->keyed ? "rekeyed" : "up", p,
		   ike_sa_id_named(sa, true, us_named, sizeof(us_named)),
		   ike_sa_id_named(sa, false, them_named, sizeof(them_named)));
	ike_remote_established(sa);
}

static void life_due(struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, life);
	struct ike *ike = sa->ike;
	uint64_t hard;

	if (sa->state == IKE_STATE_REKEYED)
		sa->version->goodbye(sa);
	if (sa->state != IKE_STATE_ESTABLISHED) {
		ike_sa_kill(sa, "not finished in time");
		return;
	}
	hard = ike_sa_end(sa);
	if (ike->now >= hard) {
		ike_sa_delete(sa, "lifetime");
		return;
	}
	/* a successor that failed is tried again until the end */
	ike_timer_set(&ike->timers, t, ike->now + IKE_REKEY_RETRY < hard ?
		      ike->now + IKE_REKEY_RETRY : hard);
	if (!sa->replacing)
		sa->version->renew(sa);
}

/* RFC 7296 2.4: whatever came protected by one of its SAs proves that the peer lives */
static uint64_t silent_ms(const struct ike_sa *sa)
{
	uint64_t least = sa->ike->now - sa->last_in;
	const struct ike_child *c;
	struct kern_sa in;

	for (c = sa->children; c; c = c->next)
		if (c->state == IKE_CHILD_UP && ike_child_counters(c, true, &in) && in.packets &&
		    in.idle * 1000 < least)
			least = in.idle * 1000;
	return least;
}

static void liveness_due(struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, liveness);
	uint64_t dpd, silent;

	if (sa->state != IKE_STATE_ESTABLISHED || !sa->peer->conf->dpd)
		return;
	dpd = sa->peer->conf->dpd * 1000;
	silent = silent_ms(sa);
	ike_timer_set(&sa->ike->timers, t,
		      sa->ike->now + (silent < dpd ? dpd - silent : dpd));
	/* a request that waits for its response asks the same */
	if (silent >= dpd && !sa->retrans.waiting && !sa->busy_out && !sa->tasks &&
	    ike_task_add(sa, IKE_TASK_LIVENESS, NULL, 0, NULL))
		sa->version->run(sa);
}
