/* SPDX-License-Identifier: GPL-2.0 */
/* A few threads for slow computations, others for what waits; what is done comes back through the event loop. */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "core/event.h"

struct worker_pool;

/* each kind has threads of its own: who waits for the network keeps no computation waiting */
enum worker_kind {
	WORKER_COMPUTES,
	WORKER_WAITS,		/* for somebody else, with a limit in time */
	WORKER_KINDS,
	/*
	 * A computation for an unauthenticated peer: the threads of WORKER_COMPUTES take it when no
	 * job of that kind is queued, and its done() is called after theirs. When such jobs wait, every
	 * eighth job taken is one of them, and so is every eighth done().
	 */
	WORKER_STRANGERS = WORKER_KINDS
};

#define WORKER_CPUS_MAX		4	/* threads that compute, by default */
#define WORKER_THREADS_MAX	16	/* of one kind */

/**
 * worker_new() - the threads
 * @computing: 0: as many as there are CPUs, at most WORKER_CPUS_MAX
 * @waiting: so many jobs of WORKER_WAITS wait at once, the others for them; 0: they compute with the rest
 * @loop: the event loop that calls done()
 */
struct worker_pool *worker_new(struct event_loop *loop, unsigned int computing,
			       unsigned int waiting);
/*
 * @run on some thread of that kind, then @done on the loop's; in order of completion, but those
 * of WORKER_STRANGERS after the others that are complete, but for every eighth
 */
void worker_submit(struct worker_pool *pool, enum worker_kind kind, void (*run)(void *arg),
		   void (*done)(void *arg), void *arg);
/* waits until every job, also those that @done submits, has run and its @done was called */
void worker_drain(struct worker_pool *pool);
void worker_free(struct worker_pool *pool);	/* drains first */

#endif
