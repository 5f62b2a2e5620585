/* SPDX-License-Identifier: GPL-2.0 */
/* A few threads for slow computations; what is done comes back through the event loop. */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "core/event.h"

struct worker_pool;

#define WORKER_THREADS_MAX	4

/* @threads 0: as many as there are CPUs, at most WORKER_THREADS_MAX */
struct worker_pool *worker_new(struct event_loop *loop, unsigned int threads);
/* @run on some thread, then @done on the loop's; in order of completion */
void worker_submit(struct worker_pool *pool, void (*run)(void *arg), void (*done)(void *arg),
		   void *arg);
/* waits until every job, also those that @done submits, has run and its @done was called */
void worker_drain(struct worker_pool *pool);
void worker_free(struct worker_pool *pool);	/* drains first */

#endif
