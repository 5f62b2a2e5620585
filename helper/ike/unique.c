// SPDX-License-Identifier: GPL-2.0
/*
 * One IKE SA for each peer and one CHILD SA for each tunnel and selectors,
 * whoever begins and however two beginnings cross.
 *
 * RFC 7296 2.8 has the rule for rekeying, and it serves as well here: of two that
 * both ends began at once the one with the lowest of the four nonces goes, by who
 * began it. Both ends know all four, so they agree. It goes when the other one
 * has taken its place at both ends, the CHILD SAs before the IKE SA, so that
 * what is on its way still comes in.
 *
 * Whether two IKE SAs did cross both ends must see alike, too. Who has answered the
 * peer's IKE_AUTH does not send his own any more (ike_unique_peer_won()). So where
 * both are authenticated, each end has had the other's IKE_SA_INIT before its own
 * IKE_AUTH was answered. Otherwise one end has forgotten the older one, and
 * the newer one stays.
 *
 * Not every implementation does so. One that keeps both is left to it for a
 * while, and then the one too many is closed from here; but not again and again,
 * because some peers initiate again whenever an SA is closed.
 */
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

#define STEPS_MAX	256	/* changes at once */
#define THEIRS_MS	10000	/* the peer has so long to close what is its to close */
#define OLDER_MS	3000	/* an older one stays so long, for what is on its way */
#define QUIET_MS	2000	/* nothing has come in by it for so long */
#define QUIET_MAX_MS	60000	/* or it goes all the same */
#define LOOK_MS		500
#define CLOSED_MAX	5	/* in */
#define CLOSED_MS	600000

#define NOT_OURS	UINT64_MAX	/* of ike_child.close_at: it goes with its IKE SA */

static const char why[] = "another has taken its place";

/**
 * ike_nonce_cmp - compares two nonces, octet by octet from the left (RFC 7296 2.8.1)
 * @a: one of them
 * @b: the other
 *
 * Return: < 0, 0 or > 0, as memcmp(); of two that begin alike the shorter is the lower.
 */
int ike_nonce_cmp(struct bytes a, struct bytes b)
{
	int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

	return d ? d : (a.len > b.len) - (a.len < b.len);
}

static struct bytes lowest_nonce(const struct ike_sa *sa)
{
	struct bytes i = buf_bytes(&sa->ni), r = buf_bytes(&sa->nr);

	return ike_nonce_cmp(i, r) < 0 ? i : r;
}

bool ike_sa_same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a->peer == b->peer && a->remote_id.type == b->remote_id.type &&
	       bytes_equal((struct bytes){ a->remote_id.data, a->remote_id.len },
			   (struct bytes){ b->remote_id.data, b->remote_id.len });
}

/* @inner is between the same, or a part of it */
static bool covers(const struct ike_child *outer, const struct ike_child *inner)
{
	unsigned int i, k;

	for (i = 0; i < inner->n_sels; i++) {
		for (k = 0; k < outer->n_sels; k++)
			if (ts_contains(&outer->sels[k].src, &inner->sels[i].src) &&
			    ts_contains(&outer->sels[k].dst, &inner->sels[i].dst))
				break;
		if (k == outer->n_sels)
			return false;
	}
	return true;
}

static bool in_use(const struct ike_child *c)
{
	return c->state == IKE_CHILD_UP && !c->replaced && c->tun;
}

/* takes over from @c on @sa */
static struct ike_child *twin_on(struct ike_sa *sa, const struct ike_child *c)
{
	struct ike_child *t;

	for (t = sa->children; t; t = t->next)
		if (t != c && in_use(t) && t->tun == c->tun && covers(t, c))
			return t;
	return NULL;
}

static void look_at(struct ike_peer *peer, uint64_t when)
{
	if (!peer->unique.at || peer->unique.when > when)
		ike_timer_set(&peer->ike->timers, &peer->unique, when);
}

void ike_unique_soon(struct ike_peer *peer)
{
	if (!peer->ike->closing)
		look_at(peer, peer->ike->now);
}

/* ---- IKE SAs ---- */

/* however many are left to a peer, it has not as many as it can make: the oldest goes */
static void limit(struct ike_sa *sa)
{
	struct ike_sa *s = NULL, *first = NULL;
	unsigned int n = 0;

	while ((s = ike_sa_of_id(sa->ike, &sa->remote_id, s))) {
		if (s->state != IKE_STATE_ESTABLISHED || s->peer != sa->peer)
			continue;
		n++;
		if (s != sa && (!first || s->created_seq < first->created_seq))
			first = s;
	}
	if (first && sa->ike->limits.sas_of_id_max && n > sa->ike->limits.sas_of_id_max)
		ike_sa_delete(first, "too many with this peer");
}

void ike_unique_authenticated(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;
	struct ike_sa *o, *loser;

	sa->auth_seq = ++ike->seq;
	limit(sa);
	sa->confirmed = sa->initiator;
	ike_unique_soon(sa->peer);
	for (o = ike_sa_of_id(ike, &sa->remote_id, NULL); o;
	     o = ike_sa_of_id(ike, &sa->remote_id, o)) {
		if (o == sa || o->state != IKE_STATE_ESTABLISHED || o->initiator == sa->initiator ||
		    o->loses_to || o->replaces || sa->replaces || o->auth_seq < sa->created_seq ||
		    !ike_sa_same_peer(o, sa))
			continue;
		loser = ike_nonce_cmp(lowest_nonce(sa), lowest_nonce(o)) < 0 ? sa : o;
		loser->loses_to = ike_sa_own_spi(loser == sa ? o : sa);
		loser->close_at = ike->now + THEIRS_MS;
		ike_unique_look(loser);
		return;
	}
}

void ike_unique_confirmed(struct ike_sa *sa)
{
	if (sa->confirmed)
		return;
	sa->confirmed = true;
	if (sa->peer)
		ike_unique_soon(sa->peer);
}

static struct ike_sa *established(struct ike_peer *peer)
{
	struct ike_sa *sa = ike_sa_usable(peer);

	return sa && sa->state == IKE_STATE_ESTABLISHED ? sa : NULL;
}

/* The CHILD SA of the tunnel is up, or the remaining IKE SA is to create it. */
static void hand_over(struct ike_task *t, struct ike_sa *from, struct ike_sa *to)
{
	struct ike_tunnel *tun = t->tun;
	struct ike_task *more;
	const struct ike_child *c;

	if (t->type != IKE_TASK_CHILD || !tun || (tun->sa != from && tun->sa != to))
		return;
	for (c = to->children; c; c = c->next)
		if (c->tun == tun && c->entry == t->entry && c->state == IKE_CHILD_UP &&
		    (!t->has_flow || ike_tunnel_covers(tun, &t->flow)))
			break;
	if (tun->sa == from)
		tun->sa = NULL;
	if (c)
		return;
	more = ike_task_add(to, IKE_TASK_CHILD, tun, 0, t->has_flow ? &t->flow : NULL);
	if (!more)
		return;
	more->entry = t->entry;
	tun->sa = to;
}

/* nobody but us has spent more on it than an answer; the peer forgets it after a while */
static void abandon(struct ike_sa *sa, struct ike_sa *to)
{
	struct ike_task *t;

	ike_sa_get(to);
	while ((t = ike_task_take(sa))) {
		hand_over(t, sa, to);
		free(t);
	}
	ike_sa_kill(sa, "the peer has begun, too");
	to->version->run(to);
	ike_sa_put(to);
}

bool ike_unique_peer_won(struct ike_sa *sa)
{
	struct ike_sa *to = established(sa->peer);

	if (!to || sa->replaces)
		return false;
	abandon(sa, to);
	return true;
}

/* one that waits for an answer need not wait any longer */
static bool abandon_one(struct ike_peer *peer)
{
	/* This host does not initiate to a peer with any address. */
	struct ike_sa *to = conf_peer_initiates(peer->conf) ? established(peer) : NULL, *sa;

	for (sa = to ? peer->sas : NULL; sa; sa = sa->peer_next) {
		if (!sa->initiator || sa->replaces || sa->from ||
		    (sa->state != IKE_STATE_NEW && sa->state != IKE_STATE_INIT_SENT))
			continue;
		abandon(sa, to);
		return true;
	}
	return false;
}

/* a CHILD SA that only the loser has is made on the winner */
static void make_on(struct ike_sa *winner, const struct ike_child *c)
{
	struct ike_tunnel *tun = c->tun;
	struct kern_flow flow = { .src = c->sels[0].src.min, .dst = c->sels[0].dst.min,
				  .proto = c->sels[0].src.proto, .number = c->entry,
				  .sport = c->sels[0].src.port_min,
				  .dport = c->sels[0].dst.port_min };
	struct ike_task *t;

	if (tun->sa)
		return;
	if (tun->retry_at > winner->ike->now) {
		look_at(tun->peer, tun->retry_at);
		return;
	}
	t = ike_task_add(winner, IKE_TASK_CHILD, tun, 0, &flow);
	if (!t)
		return;
	t->entry = c->entry;
	t->force_new = true;
	tun->sa = winner;
	winner->version->run(winner);
}

/* does the peer have it? Its answer to anything says so */
static bool is_confirmed(struct ike_sa *loser, struct ike_sa *winner)
{
	if (!winner->confirmed && !loser->asked &&
	    ike_task_add(winner, IKE_TASK_LIVENESS, NULL, 0, NULL)) {
		loser->asked = true;
		winner->version->run(winner);
	}
	return winner->confirmed;
}

static bool may_close(struct ike_peer *peer)
{
	uint64_t now = peer->ike->now;

	if (now - peer->closed_since > CLOSED_MS) {
		peer->closed_since = now;
		peer->n_closed = 0;
	}
	return peer->n_closed < CLOSED_MAX;
}

/* A peer does not initiate again for an SA that it has lost, so that one does not count. */
void ike_unique_closed(struct ike_sa *sa)
{
	if (sa->one_too_many && sa->peer)
		sa->peer->n_closed++;
}

/* first what takes time, then the IKE SA; true: something was done */
static bool close_children(struct ike_sa *sa)
{
	struct ike_child *c;

	for (c = sa->children; c; c = c->next) {
		if (c->state != IKE_CHILD_UP)
			continue;
		ike_child_delete(c, why);
		return true;
	}
	if (sa->children || sa->negotiation || sa->n_negotiations_in || sa->tasks)
		return false;
	ike_sa_delete(sa, why);
	return true;
}

static void stays(struct ike_sa *sa)
{
	struct ike_child *c;

	sa->loses_to = 0;
	for (c = sa->children; c; c = c->next) {
		if (c->close_at == NOT_OURS) {
			c->close_at = 0;
			c->replaced = false;
		}
	}
}

/* both ends began, and this one is to go; true: something was done */
static bool close_loser(struct ike_sa *sa)
{
	struct ike_sa *winner = ike_sa_find(sa->ike, sa->loses_to);
	bool ours = sa->initiator || sa->ike->now >= sa->close_at, all = true;
	struct ike_child *c;

	if (!winner || winner->state != IKE_STATE_ESTABLISHED) {
		stays(sa);
		return true;
	}
	for (c = sa->children; c; c = c->next) {
		if (!in_use(c))
			continue;
		if (twin_on(winner, c)) {
			c->replaced = true;
			c->close_at = NOT_OURS;
			continue;
		}
		all = false;
		if (ours)
			make_on(winner, c);
	}
	if (!ours)
		look_at(sa->peer, sa->close_at);
	if (!ours || !all || sa->negotiation || sa->n_negotiations_in || sa->tasks ||
	    !is_confirmed(sa, winner))
		return false;
	return close_children(sa);
}

/* ---- CHILD SAs ---- */

static void loses(struct ike_child *c, uint64_t ms)
{
	struct ike *ike = c->sa->ike;

	c->replaced = true;
	c->close_at = ike->now + ms;
	ike_unique_look(c->sa);
	look_at(c->tun->peer, c->close_at);
}

static void settle(struct ike_child *older, struct ike_child *newer)
{
	bool older_loses;

	/* the same keys, so both ends know both, and of which the nonces are lower */
	if (older->sa == newer->sa && older->initiator != newer->initiator &&
	    older->lowest_nonce.len && newer->lowest_nonce.len) {
		older_loses = ike_nonce_cmp(buf_bytes(&older->lowest_nonce),
					buf_bytes(&newer->lowest_nonce)) < 0;
		if (older_loses)
			loses(older, older->initiator ? LOOK_MS : THEIRS_MS);
		else
			loses(newer, newer->initiator ? LOOK_MS : THEIRS_MS);
		return;
	}
	loses(older, OLDER_MS);
}

/* @c has just come up: is there another like it? */
static void look_around(struct ike_child *c)
{
	struct ike_child *o;
	struct ike_sa *sa;

	for (sa = ike_sa_of_id(c->sa->ike, &c->sa->remote_id, NULL); sa && in_use(c);
	     sa = ike_sa_of_id(c->sa->ike, &c->sa->remote_id, sa)) {
		/* An SA that is being renewed, or that has lost already, is left alone. */
		if (sa->loses_to || sa->replacing || c->sa->loses_to ||
		    c->sa->replaces == ike_sa_own_spi(sa) || sa->state != IKE_STATE_ESTABLISHED ||
		    !ike_sa_same_peer(sa, c->sa))
			continue;
		for (o = sa->children; o && in_use(c); o = o->next) {
			if (o == c || !in_use(o) || o->tun != c->tun || !covers(o, c) || !covers(c, o))
				continue;
			if (o->up_seq < c->up_seq)
				settle(o, c);
			else
				settle(c, o);
		}
	}
}

/* an IKE SA of which nothing is in use, while another is, is no longer of use itself */
static bool is_left_over(const struct ike_sa *sa)
{
	const struct ike_child *c;

	for (c = sa->children; c; c = c->next)
		if (in_use(c))
			return false;
	return !sa->tasks && !sa->negotiation && !sa->n_negotiations_in &&
	       established(sa->peer) != sa;
}

static bool has_twin(const struct ike_child *c)
{
	struct ike_sa *sa;

	for (sa = ike_sa_of_id(c->sa->ike, &c->sa->remote_id, NULL); sa;
	     sa = ike_sa_of_id(c->sa->ike, &c->sa->remote_id, sa))
		if (sa->state == IKE_STATE_ESTABLISHED && ike_sa_same_peer(sa, c->sa) &&
		    twin_on(sa, c))
			return true;
	return false;
}

/* Packets that the peer still sends with it are not lost. */
static bool is_quiet(const struct ike_child *c)
{
	uint64_t now = c->sa->ike->now;
	struct kern_sa in;

	return now >= c->close_at + QUIET_MAX_MS || !ike_child_counters(c, true, &in) ||
	       in.idle * 1000 >= QUIET_MS;
}

/* true: something was done */
static bool close_child(struct ike_child *c)
{
	struct ike_sa *sa = c->sa;

	if (!has_twin(c)) {
		c->close_at = 0;
		c->replaced = false;
		return true;
	}
	if (sa->ike->now < c->close_at) {
		look_at(c->tun->peer, c->close_at);
		return false;
	}
	/* a CHILD SA still takes what comes in while it is deleted, an IKE SA takes them with it */
	if (is_left_over(sa) && !is_quiet(c)) {
		look_at(c->tun->peer, sa->ike->now + LOOK_MS);
		return false;
	}
	if (!may_close(c->tun->peer)) {
		/* the peer wants both; it is not renewed, and so comes to its end */
		c->close_at = NOT_OURS;
		return false;
	}
	if (is_left_over(sa)) {
		sa->one_too_many = true;
		ike_sa_delete(sa, why);
	} else {
		c->tun->peer->n_closed++;
		ike_child_delete(c, why);
	}
	return true;
}

/* ---- both ---- */

static uint32_t peer_hash(const struct ike_peer *peer)
{
	return ike_hash(peer->ike->hash_key, &peer, sizeof(peer));
}

void ike_unique_look(struct ike_sa *sa)
{
	if (sa->peer && !sa->dead && !sa->look_link.at)
		ike_table_put(&sa->ike->to_look_at, &sa->look_link, peer_hash(sa->peer));
}

/* The SA to delete is not due yet. */
static bool is_to_be_looked_at(const struct ike_sa *sa)
{
	const struct ike_child *c;

	if (sa->state != IKE_STATE_ESTABLISHED)
		return false;
	for (c = sa->children; c; c = c->next)
		if (c->state == IKE_CHILD_UP && c->tun && c->close_at && c->close_at != NOT_OURS)
			return true;
	return sa->loses_to;
}

/* true: something was done */
static bool look_at_sa(struct ike_sa *sa)
{
	struct ike_child *c;

	if (sa->state != IKE_STATE_ESTABLISHED)
		return false;
	if (sa->loses_to && close_loser(sa))
		return true;
	for (c = sa->children; c; c = c->next) {
		if (c->fresh) {
			c->fresh = false;
			look_around(c);
		}
		if (c->state == IKE_CHILD_UP && c->tun && c->close_at &&
		    c->close_at != NOT_OURS && close_child(c))
			return true;
	}
	return false;
}

/* one change at a time, for it may change all else */
static bool step(struct ike_peer *peer)
{
	struct ike_table *t = &peer->ike->to_look_at;
	struct ike_link *l, *next;
	struct ike_sa *sa;

	if (abandon_one(peer))
		return true;
	for (l = ike_table_first(t, peer_hash(peer)); l; l = next) {
		sa = container_of(l, struct ike_sa, look_link);
		if (sa->peer == peer && look_at_sa(sa))
			return true;
		next = ike_table_next(l);
		if (sa->peer == peer && !is_to_be_looked_at(sa))
			ike_table_del(t, l);
	}
	return false;
}

void ike_unique_due(struct ike_timer *t)
{
	struct ike_peer *peer = container_of(t, struct ike_peer, unique);
	unsigned int n = 0;

	while (n++ < STEPS_MAX && step(peer))
		;
}
