// SPDX-License-Identifier: GPL-2.0
/* A CHILD SA's two directions in the module. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike/version.h"

/* the end that began it renews it first, so that both seldom do at once */
#define SOFT_INITIATOR	85
#define SOFT_RESPONDER	92
#define SOFT_JITTER	5

static uint64_t soft_seconds(const struct ike_child *child, uint64_t hard)
{
	return ike_soft_ms(hard * 1000, child->initiator ? SOFT_INITIATOR : SOFT_RESPONDER,
			   child->initiator) / 1000;
}

static uint64_t soft_bytes(const struct ike_child *child, uint64_t hard)
{
	uint8_t r = 0;

	crypto_random(&r, sizeof(r));
	return hard * ((child->initiator ? SOFT_INITIATOR : SOFT_RESPONDER) * 10 +
		       r % (SOFT_JITTER * 10)) / 1000;
}

/* Selectors that differ in protocol and ports alone have one hash, and are compared. */
static uint32_t sels_hash(const struct ike_child *child)
{
	const struct ts *src = &child->sels[0].src, *dst = &child->sels[0].dst;
	uint64_t key = child->sa->ike->hash_key;
	uint32_t ends[4] = {
		ike_hash(key, src->min.a, addr_len(&src->min)),
		ike_hash(key, src->max.a, addr_len(&src->max)),
		ike_hash(key, dst->min.a, addr_len(&dst->min)),
		ike_hash(key, dst->max.a, addr_len(&dst->max)),
	};

	return ike_hash(key, ends, sizeof(ends));
}

static void identify(const struct ike_child *child, bool in, struct kern_sa *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->proto = ike_child_proto(child) == PROTO_AH ? IPPROTO_AH : IPPROTO_ESP;
	sa->dir = in ? NFIPSEC_DIR_IN : NFIPSEC_DIR_OUT;
	sa->spi = in ? child->spi_in : child->spi_out;
	sa->local = child->sa->local.addr;
	sa->remote = child->sa->remote.addr;
	memcpy(sa->tunnel, child->name, sizeof(sa->tunnel));
}

void ike_await(struct ike_child *child)
{
	const struct ike *ike = child->sa->ike;
	struct kern_sa sa;

	if (child->awaited_at.family)
		return;
	identify(child, true, &sa);
	if (!ike->ops->spi_await(&sa, true, ike->user))
		child->awaited_at = sa.local;
}

void ike_await_end(struct ike_child *child)
{
	const struct ike *ike = child->sa->ike;
	struct kern_sa sa;

	if (!child->awaited_at.family)
		return;
	identify(child, true, &sa);
	/* the IKE SA may have another address now */
	sa.local = child->awaited_at;
	child->awaited_at.family = 0;
	ike->ops->spi_await(&sa, false, ike->user);
}

int ike_install(struct ike_child *child, bool in, const struct ike_child_keys *keys)
{
	const struct conf_tunnel *conf = child->tun ? child->tun->conf : NULL;
	const struct ike_transform *encr = ike_proposal_get(&child->prop, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(&child->prop, IKE_TRANSFORM_INTEG);
	struct ike *ike = child->sa->ike;
	struct kern_sa sa;
	unsigned int i;
	int ret;

	if (!conf || (!encr && !integ))
		return -ENOENT;
	identify(child, in, &sa);
	sa.mode = child->mode;
	sa.encr = encr ? encr->id : 0;
	sa.integ = integ ? integ->id : INTEG_NONE;
	sa.encr_key = (struct bytes){ keys->encr, keys->encr_len };
	sa.integ_key = (struct bytes){ keys->integ, keys->integ_len };
	sa.esn = child->esn;
	if (child->sa->natt) {
		sa.encap_local = child->sa->local.port;
		sa.encap_remote = child->sa->remote.port;
	}
	if (in && sa.encap_local) {
		sa.orig_local = child->orig_local;
		sa.orig_remote = child->orig_remote;
	}
	if (in)
		sa.replay_window = conf->replay_window;
	sa.n_sels = child->n_sels;
	for (i = 0; i < child->n_sels; i++) {
		sa.sels[i].src = in ? child->sels[i].dst : child->sels[i].src;
		sa.sels[i].dst = in ? child->sels[i].src : child->sels[i].dst;
	}
	sa.hard_seconds = conf->lifetime_seconds;
	sa.hard_bytes = conf->lifetime_bytes;
	sa.soft_seconds = soft_seconds(child, sa.hard_seconds);
	sa.soft_bytes = soft_bytes(child, sa.hard_bytes);
	child->soft_at = sa.soft_seconds ? ike->now + sa.soft_seconds * 1000 : 0;
	if (!child->hard_at && sa.hard_seconds)
		child->hard_at = ike->now + sa.hard_seconds * 1000;
	/* before a packet can leave by it */
	if (!in && conf->tfc)
		ike->ops->tfc(child->name, !child->no_tfc, ike->user);
	ret = ike->ops->sa_add(&sa, ike->user);
	if (!ret && in) {
		child->in_installed = true;
		/* the module ends the announcement, unless the SA has another address */
		if (addr_equal(&child->awaited_at, &sa.local))
			child->awaited_at.family = 0;
		ike_await_end(child);
	}
	if (!ret && !in) {
		child->out_installed = true;
		ike_table_put(&ike->by_sels, &child->sels_link, sels_hash(child));
	}
	return ret;
}

static bool lowers(uint64_t from, uint64_t to)
{
	return to && (!from || to < from);
}

/**
 * ike_child_limits_changed() - applies changed limits of a tunnel to a CHILD SA
 * @child: the CHILD SA; its tunnel has the new block
 * @from: the block before the load
 *
 * The module keeps the `lifetime` that its SAs were installed with. If the load lowers it, the CHILD
 * SA is rekeyed when the new one is nearly over, or soon. The daemon does not know when a
 * number of octets is reached, so a lower one leads to rekeying soon, too. The new `idle-timeout`
 * is over at the earliest that long after the load: a load ends no SA.
 */
void ike_child_limits_changed(struct ike_child *child, const struct conf_tunnel *from)
{
	const struct conf_tunnel *to = child->tun->conf;
	struct ike *ike = child->sa->ike;
	uint64_t at = IKE_NEVER;

	if (child->state != IKE_CHILD_UP)
		return;
	if (from->idle_timeout != to->idle_timeout)
		ike_timer_set(&ike->timers, &child->idle, to->idle_timeout ?
			      ike->now + to->idle_timeout * 1000 : IKE_NEVER);
	if (lowers(from->lifetime_seconds, to->lifetime_seconds))
		at = child->since + soft_seconds(child, to->lifetime_seconds) * 1000;
	if (at < ike->now || lowers(from->lifetime_bytes, to->lifetime_bytes))
		at = ike_overdue(ike, child->hard_at ? child->hard_at : IKE_NEVER);
	if (at == IKE_NEVER || child->soft || (child->soft_at && child->soft_at <= at))
		return;
	child->soft_at = at;
	ike_child_clock(child);
}

/* ---- outbound, but not yet ---- */

#define DEFER_POLL_MS	500
/* a peer that neither sends by it nor deletes the one before: while that is there it will do */
#define DEFER_REKEY_MS	60000
/* that of another IKE SA may be of an earlier life of the peer */
#define DEFER_OTHER_MS	5000

static void install_deferred(struct ike_child *child)
{
	int ret = ike_install(child, false, child->out_keys);

	ike_install_deferred_free(child);
	if (!ret)
		ike_orphans_replace(child);
	/* the end of it is not for here, where others end */
	if (ret)
		ike_timer_set(&child->sa->ike->timers, &child->defer, child->sa->ike->now);
}

/* a packet by the other half proves that the peer has both */
static void defer_due(struct ike_timer *t)
{
	struct ike_child *child = container_of(t, struct ike_child, defer);
	struct ike *ike = child->sa->ike;
	struct kern_sa in;

	if (!child->out_keys)
		child->sa->version->child_failed(child, true, "the module refused its outbound SA");
	/* it lost against another, and goes */
	else if (child->replaced)
		ike_install_deferred_free(child);
	else if (ike->now >= child->defer_until ||
		 (ike_child_counters(child, true, &in) && in.packets))
		install_deferred(child);
	else
		ike_timer_set(&ike->timers, t, ike->now + DEFER_POLL_MS);
}

static bool same_sels(const struct ike_child *a, const struct ike_child *b)
{
	unsigned int i;

	for (i = 0; i < a->n_sels && i < b->n_sels; i++)
		if (!ts_equal(&a->sels[i].src, &b->sels[i].src) ||
		    !ts_equal(&a->sels[i].dst, &b->sels[i].dst))
			return false;
	return a->n_sels == b->n_sels;
}

/* A block may have thousands of clients, and each has its own. */
static uint32_t tunnel_hash(const struct ike_child *child)
{
	const struct conf_id *id = &child->sa->remote_id;
	uint64_t key = child->sa->ike->hash_key;
	uint32_t tunnel = ike_hash(key, &child->tun, sizeof(child->tun));

	return ike_has_clients(child->tun->peer) ? tunnel ^ ike_hash(key, id->data, id->len) : tunnel;
}

static bool is_same_client(const struct ike_child *a, const struct ike_child *b)
{
	return !ike_has_clients(a->tun->peer) || ike_sa_same_peer(a->sa, b->sa);
}

bool ike_install_carried(const struct ike_child *child)
{
	const struct ike_child *c;
	const struct ike_link *l;

	if (!child->n_sels)
		return false;
	for (l = ike_table_first(&child->sa->ike->by_sels, sels_hash(child)); l;
	     l = ike_table_next(l)) {
		c = container_of(l, struct ike_child, sels_link);
		if (c != child && c->tun == child->tun && same_sels(c, child))
			return true;
	}
	return false;
}

/* another outbound SA that carries what this one is to carry */
static bool has_other(const struct ike_child *child)
{
	const struct ike_child *c;

	c = child->negotiation && child->negotiation->rekeys ?
	    ike_child_find(child->sa, child->negotiation->rekeys) : NULL;
	if (c && c != child && c->tun == child->tun && c->out_installed)
		return true;
	return ike_install_carried(child) || ike_orphans_carry(child);
}

bool ike_install_later(struct ike_child *child, const struct ike_child_keys *keys)
{
	struct ike *ike = child->sa->ike;

	if (!child->tun || !has_other(child))
		return false;
	child->out_keys = malloc(sizeof(*keys));
	if (!child->out_keys)
		return false;
	*child->out_keys = *keys;
	child->defer_until = ike->now;
	child->defer_until += child->negotiation->rekeys ? DEFER_REKEY_MS : DEFER_OTHER_MS;
	child->defer.fn = defer_due;
	ike_table_put(&ike->deferred, &child->defer_link, tunnel_hash(child));
	ike_timer_set(&ike->timers, &child->defer, ike->now + DEFER_POLL_MS);
	return true;
}

void ike_install_deferred_free(struct ike_child *child)
{
	ike_timer_off(&child->sa->ike->timers, &child->defer);
	ike_table_del(&child->sa->ike->deferred, &child->defer_link);
	if (!child->out_keys)
		return;
	crypto_wipe(child->out_keys, sizeof(*child->out_keys));
	free(child->out_keys);
	child->out_keys = NULL;
}

void ike_install_before(const struct ike_child *child)
{
	const struct ike_table *t = &child->sa->ike->deferred;
	struct ike_link *l, *next;
	struct ike_child *c;

	if (!child->tun || !child->out_installed)
		return;
	for (l = ike_table_first(t, tunnel_hash(child)); l; l = next) {
		/* installing takes this one out of the table, and no other */
		next = ike_table_next(l);
		c = container_of(l, struct ike_child, defer_link);
		if (c != child && c->tun == child->tun && is_same_client(c, child) && c->out_keys &&
		    !c->replaced &&
		    c->sa->state == IKE_STATE_ESTABLISHED)
			install_deferred(c);
	}
}

static void move_one(const struct ike_child *child, bool in, const struct kern_ends *to)
{
	struct kern_sa sa;

	identify(child, in, &sa);
	child->sa->ike->ops->sa_move(&sa, to, child->sa->ike->user);
}

void ike_move(struct ike_child *child, const struct endpoint *local, const struct endpoint *remote)
{
	const struct kern_ends to = { .local = local->addr, .remote = remote->addr,
				      .local_port = local->port, .remote_port = remote->port };

	if (child->in_installed)
		move_one(child, true, &to);
	if (child->out_installed)
		move_one(child, false, &to);
}

void ike_uninstall_in(struct ike_child *child)
{
	struct kern_sa sa;

	if (!child->in_installed)
		return;
	child->in_installed = false;
	identify(child, true, &sa);
	child->sa->ike->ops->sa_del(&sa, child->sa->ike->user);
}

void ike_uninstall_out(struct ike_child *child)
{
	struct kern_sa sa;

	if (!child->out_installed)
		return;
	child->out_installed = false;
	ike_table_del(&child->sa->ike->by_sels, &child->sels_link);
	identify(child, false, &sa);
	child->sa->ike->ops->sa_del(&sa, child->sa->ike->user);
}

bool ike_child_counters(const struct ike_child *child, bool in, struct kern_sa *out)
{
	if (in ? !child->in_installed : !child->out_installed)
		return false;
	identify(child, in, out);
	return !child->sa->ike->ops->sa_get(out, child->sa->ike->user);
}
