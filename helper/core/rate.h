/* SPDX-License-Identifier: GPL-2.0 */
/* Limits on how often something happens: for one thing, or for each of many in a table of fixed size. */
#ifndef CORE_RATE_H
#define CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct rate - how often something may happen
 * @burst: how many times at once
 * @interval: ms until one more is allowed
 */
struct rate {
	uint32_t burst, interval;
};

/**
 * struct rate_limit - the state of one limit; all zero: nothing has happened
 * @whole_at: ms, the time at which the whole burst is available again
 * @held: events refused since the last that was allowed
 */
struct rate_limit {
	uint64_t whole_at;
	unsigned int held;
};

bool rate_limit_allows(const struct rate_limit *l, const struct rate *rate, uint64_t now);
bool rate_limit_take(struct rate_limit *l, const struct rate *rate, uint64_t now);
unsigned int rate_limit_held(struct rate_limit *l);

#define RATE_SETS	1024
#define RATE_WAYS	4

/**
 * struct rate_table - the limits of many keys; all zero: nothing has happened
 * @slots: a key has its slot in one set; key 0: the slot is free
 *
 * A new key takes the slot of the key that has spent least, so a key that has spent
 * nothing never suffers from the others, however many they are.
 */
struct rate_table {
	struct rate_slot {
		uint64_t key, whole_at;
	} slots[RATE_SETS][RATE_WAYS];
};

bool rate_table_allows(const struct rate_table *t, uint64_t key, const struct rate *rate,
		       uint64_t now);
void rate_table_charge(struct rate_table *t, uint64_t key, const struct rate *rate, uint64_t now);
bool rate_table_take(struct rate_table *t, uint64_t key, const struct rate *rate, uint64_t now);
void rate_table_forget(struct rate_table *t, uint64_t key);

#endif
