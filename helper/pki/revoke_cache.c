// SPDX-License-Identifier: GPL-2.0
/* What sources of revocation said, and which did not answer. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "pki/revoke_cache.h"

#define ENTRIES_MAX	2048
#define CRLS_MAX	16	/* among them: each may be of a megabyte */

/**
 * struct entry - one answer
 * @asking: a thread asks; it alone takes the entry away, all others leave it alone
 * @stale: flushed meanwhile: the answer is not to be kept
 * @retry_at: of event_now(), of one that failed
 * @used: a number that grows
 */
struct entry {
	struct buf key;
	bool asking, stale;
	struct revoke_answer answer;
	uint64_t retry_at, used;
};

/**
 * struct revoke_cache - all answers
 * @lock: protects all below, and the entries
 * @asked: an entry is no longer being asked for, or @stopped
 */
struct revoke_cache {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	bool stopped;
	uint64_t uses;
	unsigned int n;
	struct entry *entries[ENTRIES_MAX];
};

void revoke_answer_clear(struct revoke_answer *a)
{
	crl_put(a->crl);
	a->crl = NULL;
}

static void answer_copy(struct revoke_answer *to, const struct revoke_answer *from)
{
	*to = *from;
	if (to->crl)
		crl_get(to->crl);
}

struct revoke_cache *revoke_cache_new(void)
{
	struct revoke_cache *cache = calloc(1, sizeof(*cache));
	pthread_condattr_t attr;

	if (!cache)
		return NULL;
	pthread_mutex_init(&cache->lock, NULL);
	pthread_condattr_init(&attr);
	/* event_now()'s */
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cache->asked, &attr);
	pthread_condattr_destroy(&attr);
	return cache;
}

/* the last one takes its place; under the lock */
static void entry_del(struct revoke_cache *cache, unsigned int i)
{
	struct entry *e = cache->entries[i];

	cache->entries[i] = cache->entries[--cache->n];
	revoke_answer_clear(&e->answer);
	buf_free(&e->key);
	free(e);
}

void revoke_cache_flush(struct revoke_cache *cache)
{
	unsigned int i;

	pthread_mutex_lock(&cache->lock);
	for (i = cache->n; i--;) {
		if (cache->entries[i]->asking)
			cache->entries[i]->stale = true;
		else
			entry_del(cache, i);
	}
	pthread_mutex_unlock(&cache->lock);
}

void revoke_cache_stop(struct revoke_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	cache->stopped = true;
	pthread_cond_broadcast(&cache->asked);
	pthread_mutex_unlock(&cache->lock);
}

void revoke_cache_free(struct revoke_cache *cache)
{
	if (!cache)
		return;
	revoke_cache_flush(cache);
	pthread_cond_destroy(&cache->asked);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static unsigned int find(const struct revoke_cache *cache, struct bytes key)
{
	unsigned int i;

	for (i = 0; i < cache->n; i++)
		if (bytes_equal(buf_bytes(&cache->entries[i]->key), key))
			break;
	return i;
}

/* the one that was not used for longest goes */
static void evict(struct revoke_cache *cache, bool crl)
{
	unsigned int i, oldest = cache->n;

	for (i = 0; i < cache->n; i++) {
		const struct entry *e = cache->entries[i];

		if (e->asking || (crl && !e->answer.crl))
			continue;
		if (oldest == cache->n || e->used < cache->entries[oldest]->used)
			oldest = i;
	}
	if (oldest < cache->n)
		entry_del(cache, oldest);
}

static unsigned int count_crls(const struct revoke_cache *cache)
{
	unsigned int i, n = 0;

	for (i = 0; i < cache->n; i++)
		n += cache->entries[i]->answer.crl != NULL;
	return n;
}

/* NULL: no room or no memory, and then it is asked without remembering */
static struct entry *entry_add(struct revoke_cache *cache, struct bytes key)
{
	struct entry *e;

	if (cache->n == ENTRIES_MAX)
		evict(cache, false);
	if (cache->n == ENTRIES_MAX)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	buf_init(&e->key);
	buf_put_bytes(&e->key, key);
	if (e->key.failed) {
		buf_free(&e->key);
		free(e);
		return NULL;
	}
	e->asking = true;
	cache->entries[cache->n++] = e;
	return e;
}

static bool still_holds(const struct entry *e)
{
	if (!e->answer.ok)
		return event_now() < e->retry_at;
	return time(NULL) < e->answer.until;
}

static bool wait_for_asker(struct revoke_cache *cache, uint64_t deadline)
{
	struct timespec at = { deadline / 1000, deadline % 1000 * 1000000 };

	return !cache->stopped &&
	       !pthread_cond_timedwait(&cache->asked, &cache->lock, &at);
}

/*
 * Under the lock. True: @out is the answer; false: the caller is to ask, for
 * the entry @e, if it is not NULL.
 */
static bool look_up(struct revoke_cache *cache, const struct revoke_question *q,
		    struct revoke_answer *out, struct entry **e)
{
	unsigned int i;

	for (;;) {
		i = find(cache, q->key);
		if (i == cache->n) {
			*e = entry_add(cache, q->key);
			return false;
		}
		*e = cache->entries[i];
		(*e)->used = ++cache->uses;
		if ((*e)->asking) {
			if (wait_for_asker(cache, q->deadline))
				continue;
			snprintf(out->why, sizeof(out->why), "no answer in time");
			return true;
		}
		if (still_holds(*e)) {
			answer_copy(out, &(*e)->answer);
			return true;
		}
		revoke_answer_clear(&(*e)->answer);
		(*e)->asking = true;
		(*e)->stale = false;
		return false;
	}
}

static void keep(struct revoke_cache *cache, struct entry *e, const struct revoke_question *q,
		 const struct revoke_answer *answer)
{
	if (answer->crl && count_crls(cache) >= CRLS_MAX)
		evict(cache, true);
	e->asking = false;
	e->used = ++cache->uses;
	e->retry_at = event_now() + q->retry_ms;
	answer_copy(&e->answer, answer);
	if (e->stale)
		entry_del(cache, find(cache, q->key));
	pthread_cond_broadcast(&cache->asked);
}

bool revoke_cache_peek(struct revoke_cache *cache, struct bytes key, struct revoke_answer *out)
{
	struct entry *e;
	unsigned int i;
	bool known;

	*out = (struct revoke_answer){ 0 };
	pthread_mutex_lock(&cache->lock);
	i = find(cache, key);
	e = i < cache->n ? cache->entries[i] : NULL;
	known = e && !e->asking && still_holds(e);
	if (known) {
		e->used = ++cache->uses;
		answer_copy(out, &e->answer);
	}
	pthread_mutex_unlock(&cache->lock);
	return known;
}

void revoke_cache_get(struct revoke_cache *cache, const struct revoke_question *q,
		      struct revoke_answer *out)
{
	struct entry *e = NULL;
	bool have;

	*out = (struct revoke_answer){ 0 };
	pthread_mutex_lock(&cache->lock);
	have = look_up(cache, q, out, &e);
	pthread_mutex_unlock(&cache->lock);
	if (have)
		return;
	q->ask(q->arg, out);
	if (!e)
		return;
	pthread_mutex_lock(&cache->lock);
	keep(cache, e, q, out);
	pthread_mutex_unlock(&cache->lock);
}
