// SPDX-License-Identifier: GPL-2.0
/* The event loop on libev; nobody else includes ev.h. */
#include <stdlib.h>
#include <time.h>

#include <ev.h>

#include "core/event.h"

struct event_loop {
	struct ev_loop *ev;
};

struct event_io {
	ev_io ev;
	struct event_loop *loop;
	event_io_cb_t cb;
	void *arg;
};

struct event_timer {
	ev_timer ev;
	struct event_loop *loop;
	uint64_t when;
	event_cb_t cb;
	void *arg;
};

struct event_signal {
	ev_signal ev;
	struct event_loop *loop;
	event_cb_t cb;
	void *arg;
};

struct event_async {
	ev_async ev;
	struct event_loop *loop;
	event_cb_t cb;
	void *arg;
};

struct event_prepare {
	ev_prepare ev;
	struct event_loop *loop;
	event_cb_t cb;
	void *arg;
};

uint64_t event_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct event_loop *event_loop_new(void)
{
	struct event_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	/* named, since libev's newer back ends use system calls the sandbox does not allow */
	loop->ev = ev_loop_new(EVFLAG_NOENV | EVBACKEND_EPOLL | EVBACKEND_POLL);
	if (!loop->ev) {
		free(loop);
		return NULL;
	}
	return loop;
}

void event_loop_free(struct event_loop *loop)
{
	if (!loop)
		return;
	ev_loop_destroy(loop->ev);
	free(loop);
}

void event_loop_run(struct event_loop *loop)
{
	ev_run(loop->ev, 0);
}

bool event_loop_step(struct event_loop *loop, bool wait)
{
	return ev_run(loop->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
}

void event_loop_stop(struct event_loop *loop)
{
	ev_break(loop->ev, EVBREAK_ALL);
}

/* ---- descriptors ---- */

static int to_ev(unsigned int events)
{
	return (events & EVENT_READ ? EV_READ : 0) | (events & EVENT_WRITE ? EV_WRITE : 0);
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
	struct event_io *io = w->data;

	(void)ev;
	io->cb((revents & EV_READ ? EVENT_READ : 0) | (revents & EV_WRITE ? EVENT_WRITE : 0),
	       io->arg);
}

struct event_io *event_io_new(struct event_loop *loop, int fd, unsigned int events,
			      event_io_cb_t cb, void *arg)
{
	struct event_io *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	io->loop = loop;
	io->cb = cb;
	io->arg = arg;
	ev_io_init(&io->ev, on_io, fd, to_ev(events));
	io->ev.data = io;
	if (events)
		ev_io_start(loop->ev, &io->ev);
	return io;
}

void event_io_set(struct event_io *io, unsigned int events)
{
	int fd = io->ev.fd;

	ev_io_stop(io->loop->ev, &io->ev);
	ev_io_set(&io->ev, fd, to_ev(events));
	if (events)
		ev_io_start(io->loop->ev, &io->ev);
}

void event_io_free(struct event_io *io)
{
	if (!io)
		return;
	ev_io_stop(io->loop->ev, &io->ev);
	free(io);
}

/* ---- timers ---- */

static void on_timer(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct event_timer *timer = w->data;

	(void)ev;
	(void)revents;
	timer->when = EVENT_NEVER;
	timer->cb(timer->arg);
}

struct event_timer *event_timer_new(struct event_loop *loop, event_cb_t cb, void *arg)
{
	struct event_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->loop = loop;
	timer->when = EVENT_NEVER;
	timer->cb = cb;
	timer->arg = arg;
	ev_timer_init(&timer->ev, on_timer, 0, 0);
	timer->ev.data = timer;
	return timer;
}

void event_timer_at(struct event_timer *timer, uint64_t when)
{
	uint64_t now;

	/* an event often leaves the next time as it was */
	if (when == timer->when && ev_is_active(&timer->ev))
		return;
	ev_timer_stop(timer->loop->ev, &timer->ev);
	timer->when = when;
	if (when == EVENT_NEVER)
		return;
	now = event_now();
	/* libev counts from the loop's own idea of now, which is that of its last wake-up */
	ev_now_update(timer->loop->ev);
	ev_timer_set(&timer->ev, when > now ? (when - now) / 1000.0 : 0., 0.);
	ev_timer_start(timer->loop->ev, &timer->ev);
}

void event_timer_free(struct event_timer *timer)
{
	if (!timer)
		return;
	ev_timer_stop(timer->loop->ev, &timer->ev);
	free(timer);
}

/* ---- signals, threads, before waiting ---- */

static void on_signal(struct ev_loop *ev, ev_signal *w, int revents)
{
	struct event_signal *sig = w->data;

	(void)ev;
	(void)revents;
	sig->cb(sig->arg);
}

struct event_signal *event_signal_new(struct event_loop *loop, int signum, event_cb_t cb, void *arg)
{
	struct event_signal *sig = calloc(1, sizeof(*sig));

	if (!sig)
		return NULL;
	sig->loop = loop;
	sig->cb = cb;
	sig->arg = arg;
	ev_signal_init(&sig->ev, on_signal, signum);
	sig->ev.data = sig;
	ev_signal_start(loop->ev, &sig->ev);
	return sig;
}

void event_signal_free(struct event_signal *sig)
{
	if (!sig)
		return;
	ev_signal_stop(sig->loop->ev, &sig->ev);
	free(sig);
}

static void on_async(struct ev_loop *ev, ev_async *w, int revents)
{
	struct event_async *async = w->data;

	(void)ev;
	(void)revents;
	async->cb(async->arg);
}

struct event_async *event_async_new(struct event_loop *loop, event_cb_t cb, void *arg)
{
	struct event_async *async = calloc(1, sizeof(*async));

	if (!async)
		return NULL;
	async->loop = loop;
	async->cb = cb;
	async->arg = arg;
	ev_async_init(&async->ev, on_async);
	async->ev.data = async;
	ev_async_start(loop->ev, &async->ev);
	return async;
}

void event_async_send(struct event_async *async)
{
	ev_async_send(async->loop->ev, &async->ev);
}

void event_async_free(struct event_async *async)
{
	if (!async)
		return;
	ev_async_stop(async->loop->ev, &async->ev);
	free(async);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct event_prepare *prepare = w->data;

	(void)ev;
	(void)revents;
	prepare->cb(prepare->arg);
}

struct event_prepare *event_prepare_new(struct event_loop *loop, event_cb_t cb, void *arg)
{
	struct event_prepare *prepare = calloc(1, sizeof(*prepare));

	if (!prepare)
		return NULL;
	prepare->loop = loop;
	prepare->cb = cb;
	prepare->arg = arg;
	ev_prepare_init(&prepare->ev, on_prepare);
	prepare->ev.data = prepare;
	ev_prepare_start(loop->ev, &prepare->ev);
	return prepare;
}

void event_prepare_free(struct event_prepare *prepare)
{
	if (!prepare)
		return;
	ev_prepare_stop(prepare->loop->ev, &prepare->ev);
	free(prepare);
}
