// SPDX-License-Identifier: GPL-2.0
/* The event loop and the worker threads. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/event.h"
#include "core/worker.h"

#define JOBS	64

struct world {
	struct event_loop *loop;
	struct event_timer *timer;
	struct event_io *io;
	struct worker_pool *pool;
	unsigned int fired, done;
	int fd;
};

static void stop(void *arg)
{
	struct world *w = arg;

	w->fired++;
	event_loop_stop(w->loop);
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){ .loop = event_loop_new() };
	*state = &w;
	return w.loop ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	event_loop_free(w->loop);
	return 0;
}

static void timer_fires_when_due(void **state)
{
	struct world *w = *state;
	uint64_t before = event_now();

	w->timer = event_timer_new(w->loop, stop, w);
	event_timer_at(w->timer, before + 10000);
	event_timer_at(w->timer, before + 20);	/* moved to earlier */
	event_loop_run(w->loop);
	assert_int_equal(w->fired, 1);
	assert_true(event_now() - before >= 19);
	assert_true(event_now() - before < 5000);
	/* the past is now */
	event_timer_at(w->timer, before);
	event_loop_run(w->loop);
	assert_int_equal(w->fired, 2);
	/* off: nothing is left to wait for */
	event_timer_at(w->timer, event_now() + 10000);
	event_timer_at(w->timer, EVENT_NEVER);
	event_loop_run(w->loop);
	assert_int_equal(w->fired, 2);
	event_timer_free(w->timer);
}

static void read_and_free(unsigned int events, void *arg)
{
	struct world *w = arg;
	char c;

	assert_true(events & EVENT_READ);
	assert_int_equal(read(w->fd, &c, 1), 1);
	event_io_free(w->io);	/* from inside itself */
	w->fired++;
}

static void io_may_free_itself(void **state)
{
	struct world *w = *state;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	w->fd = fds[0];
	w->io = event_io_new(w->loop, fds[0], EVENT_READ, read_and_free, w);
	assert_int_equal(write(fds[1], "x", 1), 1);
	event_loop_run(w->loop);
	assert_int_equal(w->fired, 1);
	close(fds[0]);
	close(fds[1]);
}

static void signal_comes_through_the_loop(void **state)
{
	struct world *w = *state;
	struct event_signal *sig = event_signal_new(w->loop, SIGUSR1, stop, w);

	assert_non_null(sig);
	kill(getpid(), SIGUSR1);
	event_loop_run(w->loop);
	assert_int_equal(w->fired, 1);
	event_signal_free(sig);
}

static void prepare_comes_before_waiting(void **state)
{
	struct world *w = *state;
	struct event_prepare *p = event_prepare_new(w->loop, stop, w);

	event_loop_step(w->loop, false);
	assert_int_equal(w->fired, 1);
	event_prepare_free(p);
}

struct job_arg {
	struct world *w;
	unsigned int ran, again;
};

static void job_run(void *arg)
{
	struct job_arg *j = arg;

	j->ran++;
}

static void job_done(void *arg)
{
	struct job_arg *j = arg;

	j->w->done++;
	if (j->again) {
		j->again--;
		worker_submit(j->w->pool, WORKER_COMPUTES, job_run, job_done, j);
	} else if (j->w->done == JOBS) {
		event_loop_stop(j->w->loop);
	}
}

static void jobs_complete_in_the_loop(void **state)
{
	struct job_arg jobs[JOBS] = { 0 };
	struct world *w = *state;
	unsigned int i;

	w->pool = worker_new(w->loop, 3, 0);
	assert_non_null(w->pool);
	for (i = 0; i < JOBS; i++) {
		jobs[i].w = w;
		worker_submit(w->pool, WORKER_COMPUTES, job_run, job_done, &jobs[i]);
	}
	event_loop_run(w->loop);
	assert_int_equal(w->done, JOBS);
	for (i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].ran, 1);
	worker_free(w->pool);
}

static void free_waits_for_jobs_and_their_jobs(void **state)
{
	struct world *w = *state;
	struct job_arg j = { .w = w, .again = 5 };

	w->pool = worker_new(w->loop, 0, 1);
	assert_non_null(w->pool);
	worker_submit(w->pool, WORKER_COMPUTES, job_run, job_done, &j);
	worker_free(w->pool);
	assert_int_equal(j.ran, 6);
	assert_int_equal(w->done, 6);
}

static void waits(void *arg)
{
	struct job_arg *j = arg;
	char c;

	assert_int_equal(read(j->w->fd, &c, 1), 1);
	j->ran++;
}

/* more of them than there are threads for it, and nothing else stands still */
static void who_waits_keeps_nobody_waiting(void **state)
{
	struct job_arg waiting[6] = { 0 }, jobs[4] = { 0 };
	struct world *w = *state;
	unsigned int i;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	w->fd = fds[0];
	w->pool = worker_new(w->loop, 2, 3);
	assert_non_null(w->pool);
	for (i = 0; i < 6; i++) {
		waiting[i].w = w;
		worker_submit(w->pool, WORKER_WAITS, waits, job_done, &waiting[i]);
	}
	for (i = 0; i < 4; i++) {
		jobs[i].w = w;
		jobs[i].again = 10;
		worker_submit(w->pool, WORKER_COMPUTES, job_run, job_done, &jobs[i]);
	}
	while (w->done < 44)
		event_loop_step(w->loop, true);
	for (i = 0; i < 4; i++)
		assert_int_equal(jobs[i].ran, 11);
	for (i = 0; i < 6; i++)
		assert_int_equal(write(fds[1], "x", 1), 1);
	worker_free(w->pool);
	assert_int_equal(w->done, 50);
	for (i = 0; i < 6; i++)
		assert_int_equal(waiting[i].ran, 1);
	close(fds[0]);
	close(fds[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* ---- order ---- */

static char order[64];
static unsigned int n_order, n_done;
static bool gate_reached;
static char done_order[64];

struct ordered {
	struct world *w;
	char name;
	int gate;	/* reads one octet first; -1: does not */
};

static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

static void ordered_run(void *arg)
{
	struct ordered *o = arg;
	char c;

	if (o->gate >= 0)
		__atomic_store_n(&gate_reached, true, __ATOMIC_RELEASE);
	if (o->gate >= 0)
		assert_int_equal(read(o->gate, &c, 1), 1);
	pthread_mutex_lock(&order_lock);
	order[n_order++] = o->name;
	pthread_mutex_unlock(&order_lock);
}

static void ordered_done(void *arg)
{
	struct ordered *o = arg;

	done_order[n_done++] = o->name;
}

/*
 * One thread works on a stranger's job, 20 more of strangers are queued, then @n of established peers
 * come. All have run before the first done() is called.
 */
static void run_in_order(struct world *w, unsigned int n)
{
	struct ordered strangers[21], peers[40];
	unsigned int i;
	int fds[2];

	n_order = n_done = 0;
	gate_reached = false;
	assert_int_equal(pipe(fds), 0);
	w->pool = worker_new(w->loop, 1, 0);
	assert_non_null(w->pool);
	for (i = 0; i < 21; i++) {
		strangers[i] = (struct ordered){ w, 's', i ? -1 : fds[0] };
		worker_submit(w->pool, WORKER_STRANGERS, ordered_run, ordered_done, &strangers[i]);
	}
	while (!__atomic_load_n(&gate_reached, __ATOMIC_ACQUIRE))
		usleep(1000);
	for (i = 0; i < n; i++) {
		peers[i] = (struct ordered){ w, 'p', -1 };
		worker_submit(w->pool, WORKER_COMPUTES, ordered_run, ordered_done, &peers[i]);
	}
	assert_int_equal(write(fds[1], "x", 1), 1);
	while (__atomic_load_n(&n_order, __ATOMIC_ACQUIRE) < 21 + n)
		usleep(1000);
	worker_free(w->pool);
	assert_int_equal(n_done, 21 + n);
	close(fds[0]);
	close(fds[1]);
}

/* they run next, and their done() is called before those of the strangers */
static void established_peers_come_first(void **state)
{
	run_in_order(*state, 3);
	/* the first was under way already; it cannot be taken back */
	assert_memory_equal(order, "spppssssssssssssssssssss", 24);
	assert_memory_equal(done_order, "pppsssssssssssssssssssss", 24);
}

/*
 * however many jobs of theirs are queued: every eighth job taken, and every eighth done(), is a
 * stranger's
 */
static void strangers_have_every_eighth_turn(void **state)
{
	run_in_order(*state, 40);
	assert_memory_equal(order, "spppppppspppppppspppppppspppppppspppppppspppppsssssssssssssss", 61);
	assert_memory_equal(done_order, "pppppppspppppppspppppppspppppppspppppppspppppssssssssssssssss", 61);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timer_fires_when_due),
		TEST(io_may_free_itself),
		TEST(signal_comes_through_the_loop),
		TEST(prepare_comes_before_waiting),
		TEST(jobs_complete_in_the_loop),
		TEST(free_waits_for_jobs_and_their_jobs),
		TEST(who_waits_keeps_nobody_waiting),
		TEST(established_peers_come_first),
		TEST(strangers_have_every_eighth_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
