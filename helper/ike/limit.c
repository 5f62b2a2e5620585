// SPDX-License-Identifier: GPL-2.0
/*
 * What one address may have of us before anybody knows who it is. Addresses share
 * cells of a table of fixed size, by a hash that strangers cannot compute: no memory
 * is spent on who asks, and nobody can choose whom he shares with.
 */
#include <netinet/in.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

#define GIVE_WAY_MS	3000	/* a peer that means it has sent IKE_AUTH by then */

/* ---- limits of addresses that may have many values: tables of fixed size ---- */

enum kind { KIND_NOTIFY = 1, KIND_START, KIND_HALF_OPEN, KIND_FAILURES, KIND_CLAIM };

/* RFC 7296 2.21.4: INVALID_IKE_SPI and the like */
static const struct rate notify_rate = { .burst = 5, .interval = 1000 };
/*
 * A failure is charged to the address that received the answer to IKE_SA_INIT. Peers behind a NAT
 * share that address. Failures with one identity spend the share of that identity. Failures with
 * many identities spend the share of the address. An identity that was authenticated at the address
 * does not depend on the latter. All other identities compete for one try in 2 s.
 */
static const struct rate claim_rate = { .burst = 5, .interval = 10000 };
static const struct rate failure_rate = { .burst = 20, .interval = 2000 };
/* an identity is known at an address for a day after it was authenticated there */
static const struct rate proved_rate = { .burst = 1, .interval = 24 * 3600 * 1000 };

static uint64_t mix(uint64_t h, uint64_t key, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	h ^= h >> 29;
	h *= key | 1;
	return h ^ h >> 32;
}

/**
 * ike_limit_key - hash an address, and one thing within it, with a secret
 * @ike: the core, which has the secret of the hash
 * @kind: keys of different kinds differ
 * @from: the address. Of IPv6 only the /64 counts: a host can use all addresses of it
 * @more: the thing within the address that has its own limit, or empty
 *
 * Return: a key of a struct rate_table.
 */
uint64_t ike_limit_key(const struct ike *ike, unsigned int kind, const struct addr *from,
		       struct bytes more)
{
	uint64_t h = mix(ike->hash_key, ike->hash_key, (uint64_t)kind << 32 | from->family);
	size_t at, len = from->family == AF_INET6 ? 8 : 4;

	for (at = 0; at < len; at += 4)
		h = mix(h, ike->hash_key, get_u32(from->a + at));
	for (at = 0; at < more.len; at++)
		h = mix(h, ike->hash_key, more.p[at]);
	return h ? h : 1;
}

static const struct bytes nothing = { NULL, 0 };

static struct ike_limit_cell *cell_of(struct ike *ike, const struct addr *from)
{
	return &ike->limit_cells[ike_limit_key(ike, KIND_HALF_OPEN, from, nothing) %
				 IKE_LIMIT_CELLS];
}

/**
 * ike_limit_half_open - checks whether an address may have one more half-open SA
 * @ike: the core
 * @from: the source of the IKE_SA_INIT request
 *
 * Return: false: its half-open SAs have reached the limit.
 */
bool ike_limit_half_open(struct ike *ike, const struct addr *from)
{
	return cell_of(ike, from)->half_open < ike->limits.half_open_per_addr;
}

/**
 * ike_limit_unproved - may a request without a cookie be worked on?
 * @ike: the core
 *
 * The daemon handles as many such requests in a second as it keeps half-open SAs before it demands
 * a COOKIE. This also bounds requests that the daemon refuses, which leave no half-open SA.
 *
 * Return: false: a COOKIE is to be demanded, RFC 7296 2.6.
 */
bool ike_limit_unproved(struct ike *ike)
{
	uint32_t n = ike->limits.cookie_threshold;
	const struct rate rate = { .burst = n, .interval = n < 1000 && n ? 1000 / n : 1 };

	return n && ike->n_half_open < n && rate_limit_take(&ike->unproved, &rate, ike->now);
}

/**
 * ike_limit_take - may this address begin one more IKE SA now?
 * @ike: the core
 * @from: who asks, and has shown that he receives there
 *
 * Asked under load only.
 *
 * Return: true: it may, and that is counted.
 */
bool ike_limit_take(struct ike *ike, const struct addr *from)
{
	uint32_t n = ike->limits.inits_per_addr;
	const struct rate rate = { .burst = n, .interval = n < 1000 ? 1000 / n : 1 };

	return rate_table_take(&ike->starts, ike_limit_key(ike, KIND_START, from, nothing), &rate,
			       ike->now);
}

/**
 * ike_limit_notify - may this address be answered outside of an SA now?
 * @ike: the core
 * @from: the address, which may be forged
 *
 * Return: true: it may, and that is counted.
 */
bool ike_limit_notify(struct ike *ike, const struct addr *from)
{
	return rate_table_take(&ike->notifies, ike_limit_key(ike, KIND_NOTIFY, from, nothing),
			       &notify_rate, ike->now);
}

static uint64_t claim_key(const struct ike *ike, const struct addr *from, const struct wire_id *id)
{
	return ike_limit_key(ike, KIND_CLAIM + ((unsigned int)id->type << 8), from, id->data);
}

static uint64_t address_key(const struct ike *ike, const struct addr *from)
{
	return ike_limit_key(ike, KIND_FAILURES, from, nothing);
}

/* @key of an address: a peer was authenticated there lately. @key of a claim: this identity was. */
static bool is_known(const struct ike *ike, uint64_t key)
{
	return !rate_table_allows(&ike->proved, key, &proved_rate, ike->now);
}

static bool address_may_try(const struct ike *ike, const struct addr *from)
{
	return rate_table_allows(&ike->failures, address_key(ike, from), &failure_rate, ike->now);
}

/**
 * ike_limit_may_begin - check whether an address may initiate an IKE SA after its failures
 * @ike: the core
 * @from: the address
 *
 * IKE_SA_INIT does not contain the identity. So an address where a peer was authenticated lately
 * may always initiate, and ike_limit_may_claim() decides.
 *
 * Return: false: too many authentications from there have failed.
 */
bool ike_limit_may_begin(const struct ike *ike, const struct addr *from)
{
	return address_may_try(ike, from) || is_known(ike, address_key(ike, from));
}

/**
 * ike_limit_may_claim - may this address try to prove this identity?
 * @ike: the core
 * @from: the address, at which the peer has received the answer to IKE_SA_INIT
 * @id: the identity that the peer claims
 *
 * The function checks the share of the address again: half-open SAs that the address initiated
 * within its share cannot all fail at once.
 *
 * Return: false: too many have failed at that, or too many from there, and @id is not known there.
 */
bool ike_limit_may_claim(const struct ike *ike, const struct addr *from, const struct wire_id *id)
{
	uint64_t claim = claim_key(ike, from, id);

	return rate_table_allows(&ike->failures, claim, &claim_rate, ike->now) &&
	       (address_may_try(ike, from) || is_known(ike, claim));
}

/**
 * ike_limit_failed - an authentication has failed
 * @ike: the core
 * @from: the address that IKE_SA_INIT was answered to; the source of IKE_AUTH may be forged
 * @id: the identity that the peer claimed
 */
void ike_limit_failed(struct ike *ike, const struct addr *from, const struct wire_id *id)
{
	ike_count(ike, IKE_COUNT_AUTH_FAILED);
	rate_table_charge(&ike->failures, address_key(ike, from), &failure_rate, ike->now);
	rate_table_charge(&ike->failures, claim_key(ike, from, id), &claim_rate, ike->now);
}

/**
 * ike_limit_proved - record an authentication
 * @ike: the core
 * @from: the address
 * @id: the identity
 *
 * The failures of @id at @from are forgotten, and @id is known there from now on. The failures of
 * the address stay.
 */
void ike_limit_proved(struct ike *ike, const struct addr *from, const struct wire_id *id)
{
	uint64_t claim = claim_key(ike, from, id);

	rate_table_forget(&ike->failures, claim);
	rate_table_charge(&ike->proved, claim, &proved_rate, ike->now);
	rate_table_charge(&ike->proved, address_key(ike, from), &proved_rate, ike->now);
}

/* ---- half-open SAs ---- */

/**
 * ike_half_open_make_room - one more half-open SA is to be
 * @ike: the core
 *
 * An attacker with many addresses, above all of IPv6, can occupy all places and renew its half-open
 * SAs as they end. So the oldest half-open SA is deleted before its time.
 * An SA with a job stays, and so does a removed SA whose job has not ended. Both together are at
 * most limits.stranger_jobs_max, which bounds the steps of this search.
 *
 * Return: false: there is no room.
 */
bool ike_half_open_make_room(struct ike *ike)
{
	struct ike_sa *sa;

	if (ike->limits.unauthenticated_jobs_max &&
	    ike->n_unauthenticated_jobs >= ike->limits.unauthenticated_jobs_max) {
		ike_count(ike, IKE_COUNT_JOB_LIMIT);
		return false;
	}
	if (ike->n_half_open < ike->limits.half_open_max)
		return true;
	ike_count(ike, IKE_COUNT_HALF_OPEN_LIMIT);
	for (sa = ike->half_open; sa; sa = sa->half_open_next) {
		if (ike->now - sa->created < GIVE_WAY_MS)
			return false;
		if (sa->dead || sa->state != IKE_STATE_HALF_OPEN || sa->version->is_answering(sa))
			continue;
		ike_sa_kill(sa, "it does not go on, and another begins");
		return true;
	}
	return false;
}

/* @sa waits for IKE_AUTH; its remote address may change, so its cell is kept */
void ike_half_open_begin(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	sa->asker = sa->remote.addr;
	sa->half_open = cell_of(ike, &sa->asker);
	sa->half_open->half_open++;
	ike->n_half_open++;
	sa->half_open_next = NULL;
	sa->half_open_at = ike->half_open_end;
	*ike->half_open_end = sa;
	ike->half_open_end = &sa->half_open_next;
}

/* it is established, or gone */
void ike_half_open_end(struct ike_sa *sa)
{
	struct ike *ike = sa->ike;

	if (!sa->half_open)
		return;
	sa->half_open->half_open--;
	sa->half_open = NULL;
	ike->n_half_open--;
	ike->n_unauthenticated_jobs -= sa->stranger_jobs;
	sa->stranger_jobs = 0;
	*sa->half_open_at = sa->half_open_next;
	if (sa->half_open_next)
		sa->half_open_next->half_open_at = sa->half_open_at;
	else
		ike->half_open_end = sa->half_open_at;
}

/* Frees the place of a dead SA, unless its jobs still use a worker: the last of them frees it. */
void ike_half_open_leave(struct ike_sa *sa)
{
	if (!sa->stranger_jobs || sa->ike->closing)
		ike_half_open_end(sa);
}
