// SPDX-License-Identifier: GPL-2.0
/*
 * `nfipsec up --verify`: does a tunnel work, and will it tomorrow? It is brought up
 * or used as it is, the peer is asked for a sign of life, and the CHILD SA is
 * rekeyed, so that what would fail at its first rekeying fails now: a group for
 * PFS takes no part in IKE_AUTH (RFC 7296 1.2). The path's MTU is for who can
 * send packets: cli/probe.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

#define STEP_MS 60000	/* a step that takes longer has failed */

enum step { STEP_UP, STEP_LIVENESS, STEP_REKEY, STEP_END };

static const char *const step_names[] = { "up", "liveness", "rekey" };

/**
 * struct ike_verify - one such request
 * @only: the tunnel, empty: all of the peer's, @tunnel is the one that is tried
 * @step: what is under way, since @began
 * @outcome: of the step, once it is known; "": it went well
 * @was: our inbound SPI of the CHILD SA that is rekeyed
 * @asked: our core has not called us back yet
 * @over: nobody waits any more, it goes with the call that is outstanding
 */
struct ike_verify {
	struct ike_verify *next;
	struct ike *ike;
	char peer[CONF_NAME_MAX + 1], only[CONF_NAME_MAX + 1], tunnel[CONF_NAME_MAX + 1];
	enum step step;
	uint64_t began;
	uint32_t was;
	char outcome[IKE_TEXT_MAX];
	bool asked, known, over;
	char *error;
	struct ike_timer timer;
	ike_waiter_t waiter;
	void *arg;
};

static void verify_free(struct ike_verify *v)
{
	struct ike_verify **at;

	for (at = &v->ike->verifies; *at != v; at = &(*at)->next)
		;
	*at = v->next;
	ike_timer_off(&v->ike->timers, &v->timer);
	free(v->error);
	free(v);
}

/* the first failure is the answer */
static void finish(struct ike_verify *v)
{
	ike_timer_off(&v->ike->timers, &v->timer);
	if (v->waiter)
		v->waiter(v->arg, v->error);
	v->waiter = NULL;
	v->over = true;
	if (!v->asked)
		verify_free(v);
}

static void say(struct ike_verify *v, bool ok, const char *text)
{
	char line[IKE_TEXT_MAX + 100];

	ike_report(v->ike, IKE_EVENT_VERIFY, v->peer, v->tunnel,
		   json_pack("{s:s,s:b,s:I}", "step", step_names[v->step], "ok", ok, "ms",
			     (json_int_t)(v->ike->now - v->began)),
		   "%s", text);
	if (ok || v->error)
		return;
	snprintf(line, sizeof(line), "%s/%s: %s: %s", v->peer, v->tunnel, step_names[v->step], text);
	v->error = strdup(line);
}

static struct ike_tunnel *tunnel_of(const struct ike_verify *v)
{
	struct ike_peer *peer = ike_peer_by_name(v->ike, v->peer);

	return peer ? ike_peer_tunnel(peer, v->tunnel) : NULL;
}

/* Returns the CHILD SA that carries the tunnel's packets. */
static struct ike_child *child_of(const struct ike_tunnel *tun)
{
	struct ike_child *c, *newest = NULL;
	struct ike_sa *sa;

	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c && sa->state == IKE_STATE_ESTABLISHED; c = c->next)
			if (c->tun == tun && c->state == IKE_CHILD_UP && !c->replaced &&
			    (!newest || c->up_seq > newest->up_seq))
				newest = c;
	return newest;
}

/* from the timer: the core may be in the middle of something when it knows the outcome */
static void on_outcome(void *arg, const char *error)
{
	struct ike_verify *v = arg;

	v->asked = false;
	if (v->over) {
		verify_free(v);
		return;
	}
	v->known = true;
	snprintf(v->outcome, sizeof(v->outcome), "%s", error ? error : "");
	ike_timer_set(&v->ike->timers, &v->timer, v->ike->now);
}

static void wait_for(struct ike_verify *v, struct ike_waiter_list *list)
{
	struct ike_waiter *op = ike_waiter_new(on_outcome, v);

	v->asked = true;
	if (!op)
		return;
	if (!ike_waiter_add(list, op))
		ike_waiter_done(op, "out of memory");
	else
		ike_waiter_done(op, NULL);
}

static void begin(struct ike_verify *v)
{
	struct ike *ike = v->ike;
	struct ike_tunnel *tun = tunnel_of(v);
	struct ike_child *c = tun ? child_of(tun) : NULL;

	v->known = false;
	v->outcome[0] = '\0';
	v->began = ike->now;
	ike_timer_set(&ike->timers, &v->timer, ike->now + STEP_MS);
	if (v->step == STEP_UP) {
		v->asked = true;
		ike_up(ike, v->peer, v->tunnel, on_outcome, v, ike->now);
	} else if (!c) {
		on_outcome(v, "the tunnel went down meanwhile");
	} else if (v->step == STEP_LIVENESS) {
		wait_for(v, &c->sa->answered);
		if (ike_task_add(c->sa, IKE_TASK_LIVENESS, NULL, 0, NULL))
			c->sa->version->run(c->sa);
	} else {
		v->was = c->spi_in;
		wait_for(v, &c->rekeyed);
		ike_child_rekey(c);
	}
}

/* a refused rekeying is tried again when it is due, not because we asked for one */
static void calm(const struct ike_tunnel *tun)
{
	struct ike_child *c = child_of(tun);

	if (c && !c->soft)
		ike_child_clock(c);
}

static void describe(const struct ike_verify *v, const struct ike_child *c, char *out, size_t len)
{
	const struct ike_transform *dh = ike_proposal_get(&c->prop, IKE_TRANSFORM_DH);
	char a[160], b[ADDR_STRLEN], group[IKE_TRANSFORM_STRLEN];

	addr_str(&c->sa->remote.addr, b, sizeof(b));
	if (v->step == STEP_UP) {
		snprintf(out, len, "with %s: %s", b, ike_proposal_str(&c->prop, a, sizeof(a)));
	} else if (v->step == STEP_LIVENESS) {
		snprintf(out, len, "%s answers after %llu ms%s", b,
			 (unsigned long long)c->sa->rtt,
			 c->sa->rtt_tries ? ", and not to the first request" : "");
	} else if (dh) {
		snprintf(out, len, "with PFS, group %s",
			 ike_transform_str(dh, group, sizeof(group)));
	} else {
		snprintf(out, len, "without PFS: no group is configured for it");
	}
}

/* true: the next step may follow */
static bool step_over(struct ike_verify *v)
{
	struct ike_tunnel *tun = tunnel_of(v);
	struct ike_child *c = tun ? child_of(tun) : NULL;
	char text[IKE_TEXT_MAX];

	if (!v->known)
		snprintf(v->outcome, sizeof(v->outcome), "not finished in %u s", STEP_MS / 1000);
	else if (!v->outcome[0] && !c)
		snprintf(v->outcome, sizeof(v->outcome), "the tunnel went down meanwhile");
	if (v->outcome[0]) {
		say(v, false, v->outcome);
		if (v->step == STEP_REKEY && tun)
			calm(tun);
		/* a partial grant has a CHILD SA, which the next steps test */
		return c;
	}
	describe(v, c, text, sizeof(text));
	say(v, true, text);
	return true;
}

/* the tunnel after this one; false: that was the last */
static bool next_tunnel(struct ike_verify *v)
{
	struct ike_tunnel *tun = tunnel_of(v);

	if (v->only[0] || !tun || !tun->next)
		return false;
	memcpy(v->tunnel, tun->next->conf->name, sizeof(v->tunnel));
	v->step = STEP_UP;
	return true;
}

static void verify_due(struct ike_timer *t)
{
	struct ike_verify *v = container_of(t, struct ike_verify, timer);

	if (!step_over(v))
		v->step = STEP_END;
	else
		v->step++;
	/* A late event of the core would count as the outcome of another step. */
	if ((v->step == STEP_END && !next_tunnel(v)) || v->asked)
		finish(v);
	else
		begin(v);
}

void ike_verify(struct ike *ike, const char *peer_name, const char *tunnel_name,
		ike_waiter_t waiter, void *arg, uint64_t now)
{
	struct ike_verify *v = calloc(1, sizeof(*v));
	struct ike_peer *peer = ike_peer_by_name(ike, peer_name);
	const struct ike_tunnel *tun = NULL;

	ike->now = now;
	if (peer)
		tun = tunnel_name ? ike_peer_tunnel(peer, tunnel_name) : peer->tunnels;
	if (!v || !tun) {
		free(v);
		/* says what is wrong with the names */
		ike_up(ike, peer_name, tunnel_name, waiter, arg, now);
		return;
	}
	v->ike = ike;
	v->waiter = waiter;
	v->arg = arg;
	v->timer.fn = verify_due;
	memcpy(v->peer, peer->conf->name, sizeof(v->peer));
	memcpy(v->tunnel, tun->conf->name, sizeof(v->tunnel));
	if (tunnel_name)
		memcpy(v->only, v->tunnel, sizeof(v->only));
	v->next = ike->verifies;
	ike->verifies = v;
	begin(v);
}

void ike_verifies_end(struct ike *ike)
{
	struct ike_verify *v;

	while ((v = ike->verifies)) {
		if (v->waiter)
			v->waiter(v->arg, "nfipsecd ends");
		verify_free(v);
	}
}
