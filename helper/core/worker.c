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
	struct job *next;
};

struct job_list {
	struct job *head, **tail;
};

/**
 * struct worker_pool - threads and their jobs
 * @lock: protects all below but @async and @threads
 * @wake: there is a job to take, or @stop
 * @finished: a job came to @ran
 * @todo: not taken yet
 * @ran: waiting for their done()
 * @busy: taken and running
 * @async: tells the loop of @ran
 * @threads: created in worker_new(), joined in worker_free()
 */
struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t wake, finished;
	struct job_list todo, ran;
	unsigned int busy;
	bool stop;
	struct event_async *async;
	unsigned int n_threads;
	pthread_t threads[WORKER_THREADS_MAX];
};

static void list_init(struct job_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_put(struct job_list *l, struct job *job)
{
	job->next = NULL;
	*l->tail = job;
	l->tail = &job->next;
}

static struct job *list_take(struct job_list *l)
{
	struct job *job = l->head;

	if (job) {
		l->head = job->next;
		if (!l->head)
			l->tail = &l->head;
	}
	return job;
}

static void *worker_main(void *arg)
{
	struct worker_pool *pool = arg;
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->stop && !pool->todo.head)
			pthread_cond_wait(&pool->wake, &pool->lock);
		job = list_take(&pool->todo);
		if (!job)
			break;
		pool->busy++;
		pthread_mutex_unlock(&pool->lock);
		job->run(job->arg);
		pthread_mutex_lock(&pool->lock);
		pool->busy--;
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

struct worker_pool *worker_new(struct event_loop *loop, unsigned int threads)
{
	struct worker_pool *pool = calloc(1, sizeof(*pool));
	sigset_t all, old;

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pthread_cond_init(&pool->finished, NULL);
	list_init(&pool->todo);
	list_init(&pool->ran);
	pool->async = event_async_new(loop, complete, pool);
	if (!pool->async) {
		worker_free(pool);
		return NULL;
	}
	if (!threads)
		threads = cpu_count();
	if (threads > WORKER_THREADS_MAX)
		threads = WORKER_THREADS_MAX;
	/* signals belong to the loop's thread */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (pool->n_threads < threads &&
	       !pthread_create(&pool->threads[pool->n_threads], NULL, worker_main, pool))
		pool->n_threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!pool->n_threads) {
		worker_free(pool);
		return NULL;
	}
	return pool;
}

void worker_submit(struct worker_pool *pool, void (*run)(void *arg), void (*done)(void *arg),
		   void *arg)
{
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
	pthread_mutex_lock(&pool->lock);
	list_put(&pool->todo, job);
	pthread_cond_signal(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
}

void worker_drain(struct worker_pool *pool)
{
	bool idle;

	do {
		pthread_mutex_lock(&pool->lock);
		while (!pool->ran.head && (pool->todo.head || pool->busy))
			pthread_cond_wait(&pool->finished, &pool->lock);
		idle = !pool->ran.head;
		pthread_mutex_unlock(&pool->lock);
		complete(pool);
	} while (!idle);
}

void worker_free(struct worker_pool *pool)
{
	unsigned int i;

	if (!pool)
		return;
	if (pool->n_threads)
		worker_drain(pool);
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	event_async_free(pool->async);
	pthread_cond_destroy(&pool->finished);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
