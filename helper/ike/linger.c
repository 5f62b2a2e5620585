// SPDX-License-Identifier: GPL-2.0
/*
 * Inbound SAs whose pair has been closed because another took its place. To IKE
 * they are gone; the module still takes what is on its way by them.
 *
 * A peer may answer our DELETE, or send its own, before its kernel has stopped
 * sending by its half, and the network delivers out of order. RFC 7296 1.4.1 has
 * both ends close the pair and sets no time for it; until then data may come in
 * by a half-closed one, and its SPI is not used again.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "ike/core.h"

/* many round trips, and what a busy daemon needs to tell its kernel; the keys are of no use for longer */
#define LINGER_MS	2000

/**
 * struct ike_linger - one such SA
 * @tun, @entry: what took its place is of these, and keeps it
 * @until: it goes then; all have the same time, so the list is in order
 */
struct ike_linger {
	struct ike_linger *next;
	struct ike_link link;
	const struct ike_tunnel *tun;
	uint32_t entry, spi;
	char name[IKE_NAME_MAX];
	uint8_t proto;
	struct addr local, remote;
	uint64_t until;
};

static uint32_t spi_hash(const struct ike *ike, uint32_t spi)
{
	return ike_hash(ike->hash_key, &spi, sizeof(spi));
}

static struct ike_linger *find(const struct ike *ike, uint32_t spi)
{
	struct ike_link *l = ike_table_first(&ike->by_spi_lingering, spi_hash(ike, spi));

	for (; l; l = ike_table_next(l))
		if (container_of(l, struct ike_linger, link)->spi == spi)
			return container_of(l, struct ike_linger, link);
	return NULL;
}

/* out of the list, and of the module if @removed */
static void drop(struct ike *ike, struct ike_linger **at, bool removed)
{
	struct ike_linger *l = *at;
	struct kern_sa sa = {
		.proto = l->proto, .dir = NFIPSEC_DIR_IN, .spi = l->spi,
		.local = l->local, .remote = l->remote,
	};

	*at = l->next;
	if (!l->next)
		ike->lingers_end = at;
	ike_table_del(&ike->by_spi_lingering, &l->link);
	memcpy(sa.tunnel, l->name, sizeof(sa.tunnel));
	free(l);
	if (removed)
		ike->ops->sa_del(&sa, ike->user);
}

static void linger_due(struct ike_timer *t)
{
	struct ike *ike = container_of(t, struct ike, linger_timer);

	while (ike->lingers && ike->lingers->until <= ike->now)
		drop(ike, &ike->lingers, true);
	if (ike->lingers)
		ike_timer_set(&ike->timers, t, ike->lingers->until);
}

/**
 * ike_linger - a CHILD SA goes, what is on its way may still come in
 * @child: has a successor, or another carries the same; no longer counted
 *
 * Return: false: it is not put off, and the inbound SA is still the child's
 */
bool ike_linger(struct ike_child *child)
{
	struct ike *ike = child->sa->ike;
	struct ike_linger *l, **at = ike->lingers ? ike->lingers_end : &ike->lingers;

	/* the tunnel is to carry nothing any more, or the like of it was never up */
	if (!child->in_installed || child->state == IKE_CHILD_OFFERED || !child->tun ||
	    !child->tun->n_up || ike->closing)
		return false;
	l = calloc(1, sizeof(*l));
	if (!l)
		return false;
	l->tun = child->tun;
	l->entry = child->entry;
	l->spi = child->spi_in;
	l->proto = ike_child_proto(child) == PROTO_AH ? IPPROTO_AH : IPPROTO_ESP;
	l->local = child->sa->local.addr;
	l->remote = child->sa->remote.addr;
	memcpy(l->name, child->name, sizeof(l->name));
	l->until = ike->now + LINGER_MS;
	ike->linger_timer.fn = linger_due;
	if (!ike->linger_timer.at && !ike_timer_set(&ike->timers, &ike->linger_timer, l->until)) {
		free(l);
		return false;
	}
	*at = l;
	ike->lingers_end = &l->next;
	ike_table_put(&ike->by_spi_lingering, &l->link, spi_hash(ike, l->spi));
	child->in_installed = false;
	return true;
}

/* it still has this SPI */
bool ike_lingers(const struct ike *ike, uint32_t spi)
{
	return find(ike, spi);
}

/* Other clients of the same block go on. */
static bool goes_after(const struct ike_linger *l, const struct ike_child *child)
{
	return l->entry == child->entry && (!ike_has_clients(l->tun->peer) ||
					    addr_equal(&l->remote, &child->sa->remote.addr));
}

/**
 * ike_lingers_drop - what they were to wait for has gone too: at once
 * @ike: the core
 * @tun: of this tunnel; NULL: all
 * @after: of its entry, and of a client at its address; NULL: of all
 */
void ike_lingers_drop(struct ike *ike, const struct ike_tunnel *tun, const struct ike_child *after)
{
	struct ike_linger **at = &ike->lingers, *l;

	while ((l = *at))
		if ((!tun || l->tun == tun) && (!after || goes_after(l, after)))
			drop(ike, at, true);
		else
			at = &l->next;
	if (!ike->lingers)
		ike_timer_off(&ike->timers, &ike->linger_timer);
}

/**
 * ike_linger_expire - the module says that an SA has come to its end
 * @ike: the core
 * @sa: which
 *
 * Return: false: it is not one of these
 */
bool ike_linger_expire(struct ike *ike, const struct kern_sa *sa)
{
	struct ike_linger **at = &ike->lingers, *l = find(ike, sa->spi);

	if (!l || sa->dir != NFIPSEC_DIR_IN || strcmp(l->name, sa->tunnel))
		return false;
	if (!sa->expired_hard)
		return true;
	while (*at != l)
		at = &(*at)->next;
	drop(ike, at, false);
	return true;
}
