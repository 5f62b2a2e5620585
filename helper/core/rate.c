// SPDX-License-Identifier: GPL-2.0
/*
 * The generic cell rate algorithm: a limit is one time, at which its whole burst is
 * available again. Each event moves that time by one interval.
 */
#include <stddef.h>

#include "core/rate.h"

static bool allows(uint64_t whole_at, const struct rate *rate, uint64_t now)
{
	return whole_at <= now ||
	       whole_at - now <= (uint64_t)(rate->burst - 1) * rate->interval;
}

/* The debt is at most the burst: an event beyond it delays the next one by one interval. */
static uint64_t charged(uint64_t whole_at, const struct rate *rate, uint64_t now)
{
	uint64_t most = now + (uint64_t)rate->burst * rate->interval;
	uint64_t next = (whole_at > now ? whole_at : now) + rate->interval;

	return next < most ? next : most;
}

/**
 * rate_limit_allows - may the event happen now?
 * @l: the limit
 * @rate: its rate
 * @now: ms of a clock that never goes back
 *
 * Return: true when rate_limit_take() would return true.
 */
bool rate_limit_allows(const struct rate_limit *l, const struct rate *rate, uint64_t now)
{
	return allows(l->whole_at, rate, now);
}

/**
 * rate_limit_take - the event is to happen
 * @l: the limit
 * @rate: its rate
 * @now: ms of a clock that never goes back
 *
 * Return: true: it may. False: it is counted in @l->held.
 */
bool rate_limit_take(struct rate_limit *l, const struct rate *rate, uint64_t now)
{
	if (!allows(l->whole_at, rate, now)) {
		l->held++;
		return false;
	}
	l->whole_at = charged(l->whole_at, rate, now);
	return true;
}

/**
 * rate_limit_held - how many events were refused since the last call
 * @l: the limit
 *
 * Return: their number; the count starts again.
 */
unsigned int rate_limit_held(struct rate_limit *l)
{
	unsigned int held = l->held;

	l->held = 0;
	return held;
}

/* The hash that makes the keys is secret, so nobody chooses the set of a key. */
static size_t set_of(uint64_t key)
{
	return (key >> 16) % RATE_SETS;
}

static const struct rate_slot *find(const struct rate_table *t, uint64_t key)
{
	const struct rate_slot *set = t->slots[set_of(key)];
	unsigned int i;

	for (i = 0; i < RATE_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

static struct rate_slot *find_or_make(struct rate_table *t, uint64_t key)
{
	struct rate_slot *set = t->slots[set_of(key)], *least = set;
	unsigned int i;

	for (i = 0; i < RATE_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].whole_at < least->whole_at)
			least = &set[i];
	}
	*least = (struct rate_slot){ .key = key };
	return least;
}

/**
 * rate_table_allows - may the event of a key happen now?
 * @t: the table
 * @key: not 0
 * @rate: the rate of this kind of key
 * @now: ms of a clock that never goes back
 *
 * Return: true when the key has something left of its burst.
 */
bool rate_table_allows(const struct rate_table *t, uint64_t key, const struct rate *rate,
		       uint64_t now)
{
	const struct rate_slot *s = find(t, key);

	return !s || allows(s->whole_at, rate, now);
}

/**
 * rate_table_charge - the event of a key has happened, allowed or not
 * @t: the table
 * @key: not 0
 * @rate: the rate of this kind of key
 * @now: ms of a clock that never goes back
 */
void rate_table_charge(struct rate_table *t, uint64_t key, const struct rate *rate, uint64_t now)
{
	struct rate_slot *s = find_or_make(t, key);

	s->whole_at = charged(s->whole_at, rate, now);
}

/**
 * rate_table_take - the event of a key is to happen
 * @t: the table
 * @key: not 0
 * @rate: the rate of this kind of key
 * @now: ms of a clock that never goes back
 *
 * Return: true: it may, and is charged.
 */
bool rate_table_take(struct rate_table *t, uint64_t key, const struct rate *rate, uint64_t now)
{
	if (!rate_table_allows(t, key, rate, now))
		return false;
	rate_table_charge(t, key, rate, now);
	return true;
}

/**
 * rate_table_forget - a key owes nothing any more
 * @t: the table
 * @key: not 0
 */
void rate_table_forget(struct rate_table *t, uint64_t key)
{
	struct rate_slot *s = (struct rate_slot *)find(t, key);

	if (s)
		*s = (struct rate_slot){ 0, 0 };
}
