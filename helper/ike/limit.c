// SPDX-License-Identifier: GPL-2.0
/*
 * What one address may have of us before anybody knows who it is. Addresses share
 * cells of a table of fixed size, by a hash that strangers cannot compute: no memory
 * is spent on who asks, and nobody can choose whom he shares with.
 */
#include <netinet/in.h>
#include <string.h>

#include "ike/core.h"
#include "v2/v2.h"

#define TOKEN_MS(rate)	(1000 / (rate))
#define GIVE_WAY_MS	3000	/* a peer that means it has sent IKE_AUTH by then */

/* of IPv6 the network: whoever has one address there has 2^64 */
static struct ike_limit_cell *cell_of(struct ike *ike, const struct addr *from)
{
	uint64_t h = ike->hash_key, word;
	size_t at, len = from->family == AF_INET6 ? 8 : 4;

	for (at = 0; at < len; at += 4) {
		word = get_u32(from->a + at);
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
		h *= ike->hash_key | 1;
		h ^= h >> 32;
	}
	return &ike->limit_cells[h % IKE_LIMIT_CELLS];
}

/**
 * ike_limit_half_open - has this address room for one more half-open SA?
 * @ike: the core
 * @from: who asks
 */
bool ike_limit_half_open(struct ike *ike, const struct addr *from)
{
	return cell_of(ike, from)->half_open < ike->limits.half_open_per_addr;
}

/**
 * ike_limit_take - may this address begin one more IKE SA now?
 * @ike: the core
 * @from: who asks, and has shown that he receives there
 *
 * Asked under load only. A cell that was not used for a second is full again.
 */
bool ike_limit_take(struct ike *ike, const struct addr *from)
{
	struct ike_limit_cell *c = cell_of(ike, from);
	uint32_t rate = ike->limits.inits_per_addr;
	uint64_t since = ike->now - c->since;

	if (!c->since || since >= 1000) {
		c->tokens = rate;
		c->since = ike->now ? ike->now : 1;
	} else if (since >= TOKEN_MS(rate)) {
		c->tokens += since / TOKEN_MS(rate);
		c->tokens = c->tokens < rate ? c->tokens : rate;
		c->since = ike->now;
	}
	if (!c->tokens)
		return false;
	c->tokens--;
	return true;
}

/**
 * ike_half_open_make_room - one more half-open SA is to be
 * @ike: the core
 *
 * Whoever has addresses enough, of IPv6 above all, can have all there may be, and make
 * them anew as they go. So the one that has waited for longest goes before its time.
 */
bool ike_half_open_make_room(struct ike *ike)
{
	struct ike_sa *sa, *oldest = NULL;

	if (ike->n_half_open < ike->limits.half_open_max)
		return true;
	ike_count(ike, IKE_COUNT_HALF_OPEN_LIMIT);
	/* those whose IKE_SA_INIT or IKE_AUTH is being worked on stay; the list has the newest first */
	for (sa = ike->sas; sa; sa = sa->next)
		if (sa->half_open && sa->state == IKE_STATE_HALF_OPEN && !v2_is_answering(sa))
			oldest = sa;
	if (!oldest || ike->now - oldest->created < GIVE_WAY_MS)
		return false;
	ike_sa_kill(oldest, "it does not go on, and another begins");
	return true;
}

/* @sa waits for IKE_AUTH; its remote address may change, so its cell is kept */
void ike_half_open_begin(struct ike_sa *sa)
{
	sa->half_open = cell_of(sa->ike, &sa->remote.addr);
	sa->half_open->half_open++;
	sa->ike->n_half_open++;
}

/* it is established, or gone */
void ike_half_open_end(struct ike_sa *sa)
{
	if (!sa->half_open)
		return;
	sa->half_open->half_open--;
	sa->half_open = NULL;
	sa->ike->n_half_open--;
}
