// SPDX-License-Identifier: GPL-2.0
/* Timers in a binary heap. */
#include <stdbool.h>
#include <stdlib.h>

#include "ike/timer.h"

static void put(struct ike_timers *ts, size_t i, struct ike_timer *t)
{
	ts->heap[i] = t;
	t->at = i + 1;
}

static void sift_up(struct ike_timers *ts, size_t i)
{
	struct ike_timer *t = ts->heap[i];

	while (i && ts->heap[(i - 1) / 2]->when > t->when) {
		put(ts, i, ts->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(ts, i, t);
}

static void sift_down(struct ike_timers *ts, size_t i)
{
	struct ike_timer *t = ts->heap[i];
	size_t child;

	while ((child = 2 * i + 1) < ts->n) {
		if (child + 1 < ts->n && ts->heap[child + 1]->when < ts->heap[child]->when)
			child++;
		if (ts->heap[child]->when >= t->when)
			break;
		put(ts, i, ts->heap[child]);
		i = child;
	}
	put(ts, i, t);
}

void ike_timer_off(struct ike_timers *ts, struct ike_timer *t)
{
	size_t i = t->at;
	struct ike_timer *last;

	if (!i--)
		return;
	t->at = 0;
	last = ts->heap[--ts->n];
	if (last == t)
		return;
	put(ts, i, last);
	sift_up(ts, i);
	sift_down(ts, last->at - 1);
}

bool ike_timer_set(struct ike_timers *ts, struct ike_timer *t, uint64_t when)
{
	ike_timer_off(ts, t);
	if (when == IKE_NEVER)
		return true;
	if (ts->n == ts->cap) {
		size_t cap = ts->cap ? ts->cap * 2 : 64;
		struct ike_timer **more = reallocarray(ts->heap, cap, sizeof(struct ike_timer *));

		if (!more)
			return false;
		ts->heap = more;
		ts->cap = cap;
	}
	t->when = when;
	put(ts, ts->n++, t);
	sift_up(ts, ts->n - 1);
	return true;
}

uint64_t ike_timers_next(const struct ike_timers *ts)
{
	return ts->n ? ts->heap[0]->when : IKE_NEVER;
}

void ike_timers_run(struct ike_timers *ts, uint64_t now)
{
	struct ike_timer *t;

	while (ts->n && ts->heap[0]->when <= now) {
		t = ts->heap[0];
		ike_timer_off(ts, t);
		t->fn(t);
	}
}

void ike_timers_free(struct ike_timers *ts)
{
	free(ts->heap);
	ts->heap = NULL;
	ts->n = ts->cap = 0;
}
