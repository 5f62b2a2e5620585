/* SPDX-License-Identifier: GPL-2.0 */
/* The event loop: descriptors, one-shot timers, signals, wake-ups from other threads. On libev. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_READ	1u
#define EVENT_WRITE	2u
#define EVENT_NEVER	UINT64_MAX

struct event_loop;
struct event_io;
struct event_timer;
struct event_signal;
struct event_async;
struct event_prepare;

typedef void (*event_cb_t)(void *arg);
typedef void (*event_io_cb_t)(unsigned int events, void *arg);

struct event_loop *event_loop_new(void);
void event_loop_free(struct event_loop *loop);	/* after all that watches on it */
void event_loop_run(struct event_loop *loop);	/* until stopped */
bool event_loop_step(struct event_loop *loop, bool wait);	/* one round; false: nothing left */
void event_loop_stop(struct event_loop *loop);
uint64_t event_now(void);			/* ms, monotonic */

/*
 * All _new: NULL when out of memory; all _free: NULL is fine, also from
 * inside the watcher's own callback.
 */
struct event_io *event_io_new(struct event_loop *loop, int fd, unsigned int events,
			      event_io_cb_t cb, void *arg);
void event_io_set(struct event_io *io, unsigned int events);
void event_io_free(struct event_io *io);

struct event_timer *event_timer_new(struct event_loop *loop, event_cb_t cb, void *arg);
void event_timer_at(struct event_timer *timer, uint64_t when);	/* EVENT_NEVER: off */
void event_timer_free(struct event_timer *timer);

struct event_signal *event_signal_new(struct event_loop *loop, int signum, event_cb_t cb, void *arg);
void event_signal_free(struct event_signal *sig);

struct event_async *event_async_new(struct event_loop *loop, event_cb_t cb, void *arg);
void event_async_send(struct event_async *async);	/* from any thread */
void event_async_free(struct event_async *async);

/* called each time before the loop waits: the place to set timers */
struct event_prepare *event_prepare_new(struct event_loop *loop, event_cb_t cb, void *arg);
void event_prepare_free(struct event_prepare *prepare);

#endif
