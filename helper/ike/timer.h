/* SPDX-License-Identifier: GPL-2.0 */
/* One-shot timers inside their objects, in a heap: the next one is at hand for thousands of SAs. */
#ifndef IKE_TIMER_H
#define IKE_TIMER_H

#include <stddef.h>
#include <stdint.h>

#define IKE_NEVER UINT64_MAX

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

struct ike_timer {
	uint64_t when;
	size_t at;		/* index + 1 in the heap; 0: off */
	void (*fn)(struct ike_timer *t);
};

struct ike_timers {
	struct ike_timer **heap;
	size_t n, cap;
};

/* out of memory: the timer stays off; false */
_Bool ike_timer_set(struct ike_timers *ts, struct ike_timer *t, uint64_t when);
void ike_timer_off(struct ike_timers *ts, struct ike_timer *t);
uint64_t ike_timers_next(const struct ike_timers *ts);
/* calls those that are due; each is off when its function is called */
void ike_timers_run(struct ike_timers *ts, uint64_t now);
void ike_timers_free(struct ike_timers *ts);

#endif
