// SPDX-License-Identifier: GPL-2.0
/* A thread pool whose completions are events of the loop. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "core/worker.h"

struct job {
	void (*run)(void *arg);
	void (*done)(void *arg);
	void *arg;
	bool strangers;
	struct job *next;
};

#define STRANGERS_TURN	8	/* of so many jobs one is a stranger's, when strangers wait */

/*
 * First in, first out; those of strangers after the others, but for every eighth.
 * @passed: other jobs taken since the last one of a stranger, while one of a stranger waited
 */
struct job_list {
	struct job_fifo {
		struct job *head, **tail;
	} first, strangers;
	unsigned int passed;
};

/**
 * struct worker_pool - threads and their jobs
 * @lock: protects all below but @async, and the crews but their threads
 * @finished: a job came to @ran
 * @ran: waiting for their done()
 * @pending: not in @ran yet
 * @async: tells the loop of @ran
 * @crews: the threads of each kind
 * @stop: the threads are to exit
 */
struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	struct job_list ran;
	unsigned int pending;
	bool stop;
	struct event_async *async;
	/*
	 * The threads of one kind.
	 * @wake: signals a job in @todo, or the pool's @stop
	 * @todo: jobs that no thread has started
	 * @threads: created in worker_new(), joined in worker_free()
	 */
	struct crew {
		struct worker_pool *pool;
		pthread_cond_t wake;
		struct job_list todo;
		unsigned int n_threads;
		pthread_t threads[WORKER_THREADS_MAX];
	} crews[WORKER_KINDS];
};

static void list_init(struct job_list *l)
{
	l->first.head = l->strangers.head = NULL;
	l->first.tail = &l->first.head;
	l->strangers.tail = &l->strangers.head;
	l->passed = 0;
}

static bool list_empty(const struct job_list *l)
{
	return !l->first.head && !l->strangers.head;
}

static void list_put(struct job_list *l, struct job *job)
{
	struct job_fifo *f = job->strangers ? &l->strangers : &l->first;

	job->next = NULL;
	*f->tail = job;
	f->tail = &job->next;
}

/* established peers that keep the first queue filled do not stop those who begin */
static struct job_fifo *list_next(struct job_list *l)
{
	bool waits = l->strangers.head;

	if (!l->first.head || (waits && l->passed == STRANGERS_TURN - 1)) {
		l->passed = 0;
		return &l->strangers;
	}
	l->passed = waits ? l->passed + 1 : 0;
	return &l->first;
}

static struct job *list_take(struct job_list *l)
{
	struct job_fifo *f = list_next(l);
	struct job *job = f->head;

	if (job) {
		f->head = job->next;
		if (!f->head)
			f->tail = &f->head;
	}
	return job;
}

static void *worker_main(void *arg)
{
	struct crew *crew = arg;
	struct worker_pool *pool = crew->pool;
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->stop && list_empty(&crew->todo))
			pthread_cond_wait(&crew->wake, &pool->lock);
		job = list_take(&crew->todo);
		if (!job)
			break;
		pthread_mutex_unlock(&pool->lock);
		job->run(job->arg);
		pthread_mutex_lock(&pool->lock);
		pool->pending--;
		list_put(&pool->ran, job);
		pthread_cond_signal(&pool->finished);
		event_async_send(pool->async);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* done() may submit: no lock is held while it runs */
static void complete(void *arg)
{
	struct worker_pool *pool = arg;
	struct job *job;

	for (;;) {
		pthread_mutex_lock(&pool->lock);
		job = list_take(&pool->ran);
		pthread_mutex_unlock(&pool->lock);
		if (!job)
			return;
		job->done(job->arg);
		free(job);
	}
}

static unsigned int cpu_count(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

static void crew_start(struct crew *crew, unsigned int threads)
{
	if (threads > WORKER_THREADS_MAX)
		threads = WORKER_THREADS_MAX;
	while (crew->n_threads < threads &&
	       !pthread_create(&crew->threads[crew->n_threads], NULL, worker_main, crew))
		crew->n_threads++;
}

struct worker_pool *worker_new(struct event_loop *loop, unsigned int computing,
			       unsigned int waiting)
{
	struct worker_pool *pool = calloc(1, sizeof(*pool));
	sigset_t all, old;
	unsigned int i;

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->finished, NULL);
	list_init(&pool->ran);
	for (i = 0; i < WORKER_KINDS; i++) {
		pool->crews[i].pool = pool;
		pthread_cond_init(&pool->crews[i].wake, NULL);
		list_init(&pool->crews[i].todo);
	}
	pool->async = event_async_new(loop, complete, pool);
	if (!pool->async) {
		worker_free(pool);
		return NULL;
	}
	if (!computing) {
		computing = cpu_count();
		if (computing > WORKER_CPUS_MAX)
			computing = WORKER_CPUS_MAX;
	}
	/* signals belong to the loop's thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	crew_start(&pool->crews[WORKER_COMPUTES], computing);
	crew_start(&pool->crews[WORKER_WAITS], waiting);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!pool->crews[WORKER_COMPUTES].n_threads ||
	    (waiting && !pool->crews[WORKER_WAITS].n_threads)) {
		worker_free(pool);
		return NULL;
	}
	return pool;
}

void worker_submit(struct worker_pool *pool, enum worker_kind kind, void (*run)(void *arg),
		   void (*done)(void *arg), void *arg)
{
	bool has_crew = kind < WORKER_KINDS && pool->crews[kind].n_threads;
	struct crew *crew = &pool->crews[has_crew ? kind : WORKER_COMPUTES];
	struct job *job = malloc(sizeof(*job));

	if (!job) {
		/* slow beats lost: whoever waits for done() would wait for ever */
		run(arg);
		done(arg);
		return;
	}
	job->run = run;
	job->done = done;
	job->arg = arg;
	job->strangers = kind == WORKER_STRANGERS;
	pthread_mutex_lock(&pool->lock);
	list_put(&crew->todo, job);
	pool->pending++;
	pthread_cond_signal(&crew->wake);
	pthread_mutex_unlock(&pool->lock);
}

void worker_drain(struct worker_pool *pool)
{
	bool idle;

	do {
		pthread_mutex_lock(&pool->lock);
		while (list_empty(&pool->ran) && pool->pending)
			pthread_cond_wait(&pool->finished, &pool->lock);
		idle = list_empty(&pool->ran);
		pthread_mutex_unlock(&pool->lock);
		complete(pool);
	} while (!idle);
}

void worker_free(struct worker_pool *pool)
{
	unsigned int i, k;

	if (!pool)
		return;
	worker_drain(pool);
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	for (i = 0; i < WORKER_KINDS; i++)
		pthread_cond_broadcast(&pool->crews[i].wake);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < WORKER_KINDS; i++) {
		for (k = 0; k < pool->crews[i].n_threads; k++)
			pthread_join(pool->crews[i].threads[k], NULL);
		pthread_cond_destroy(&pool->crews[i].wake);
	}
	event_async_free(pool->async);
	pthread_cond_destroy(&pool->finished);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
