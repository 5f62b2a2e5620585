// SPDX-License-Identifier: GPL-2.0
/*
 * Turns at hosts. Each fetch under way has a thread that waits with it, and
 * these are few: a host has one of them at a time. What else is to be asked
 * there waits, and when the host turns out to be silent all of it goes.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "pki/fetch_host_lock.h"

#define SILENT_MAX	64	/* the one that may be asked soonest makes room */

/* a URL of which no answer came; it is remembered by a hash, as one more that goes unasked does no harm */
struct silent {
	uint64_t url_hash, until;
};

/**
 * struct fetch_host_locks - the locks of all hosts
 * @lock: protects all below
 * @given: signals that a lock was released, or @stopped
 * @stopped: no caller gets a lock any more
 * @taken: locks that are held
 * @silent: URLs without an answer
 */
struct fetch_host_locks {
	pthread_mutex_t lock;
	pthread_cond_t given;
	bool stopped;
	struct fetch_host_lock *taken;
	struct silent silent[SILENT_MAX];
};

struct fetch_host_locks *fetch_host_locks_new(void)
{
	struct fetch_host_locks *turns = calloc(1, sizeof(*turns));
	pthread_condattr_t attr;

	if (!turns)
		return NULL;
	pthread_mutex_init(&turns->lock, NULL);
	pthread_condattr_init(&attr);
	/* event_now()'s */
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&turns->given, &attr);
	pthread_condattr_destroy(&attr);
	return turns;
}

void fetch_host_locks_free(struct fetch_host_locks *turns)
{
	if (!turns)
		return;
	pthread_cond_destroy(&turns->given);
	pthread_mutex_destroy(&turns->lock);
	free(turns);
}

void fetch_host_locks_stop(struct fetch_host_locks *turns)
{
	pthread_mutex_lock(&turns->lock);
	turns->stopped = true;
	pthread_cond_broadcast(&turns->given);
	pthread_mutex_unlock(&turns->lock);
}

void fetch_host_locks_flush(struct fetch_host_locks *turns)
{
	pthread_mutex_lock(&turns->lock);
	memset(turns->silent, 0, sizeof(turns->silent));
	pthread_mutex_unlock(&turns->lock);
}

/* without the port: two servers on one machine are silent together */
static void take_host(const char *url, char host[TURN_HOST_MAX])
{
	const char *p = strstr(url, "://");
	size_t i, len;

	p = p ? p + 3 : url;
	len = *p == '[' ? strcspn(p, "]/?#") : strcspn(p, ":/?#");
	if (len >= TURN_HOST_MAX)
		len = TURN_HOST_MAX - 1;
	for (i = 0; i < len; i++)
		host[i] = (char)tolower((unsigned char)p[i]);
	host[len] = '\0';
}

static bool is_taken(const struct fetch_host_locks *turns, const char *host)
{
	const struct fetch_host_lock *t;

	for (t = turns->taken; t; t = t->next)
		if (!strcmp(t->host, host))
			return true;
	return false;
}

/* FNV-1a */
static uint64_t url_hash(const char *url)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *url; url++)
		h = (h ^ (unsigned char)*url) * 0x100000001b3;
	return h;
}

static bool is_silent(const struct fetch_host_locks *turns, uint64_t hash)
{
	uint64_t now = event_now();
	unsigned int i;

	for (i = 0; i < SILENT_MAX; i++)
		if (turns->silent[i].until > now && turns->silent[i].url_hash == hash)
			return true;
	return false;
}

static void remember(struct fetch_host_locks *turns, uint64_t hash, uint64_t until)
{
	struct silent *s, *place = turns->silent;

	for (s = turns->silent; s < turns->silent + SILENT_MAX; s++)
		if (s->until < place->until)
			place = s;
	*place = (struct silent){ hash, until };
}

enum turn_result fetch_host_lock_take(struct fetch_host_locks *turns, struct fetch_host_lock *turn,
				      const char *url, uint64_t deadline)
{
	struct timespec at = { deadline / 1000, deadline % 1000 * 1000000 };
	enum turn_result result = TURN_TAKEN;
	uint64_t hash = url_hash(url);
	bool late = false;

	take_host(url, turn->host);
	turn->url = url;
	pthread_mutex_lock(&turns->lock);
	while (!turns->stopped && !is_silent(turns, hash) && is_taken(turns, turn->host) && !late)
		late = pthread_cond_timedwait(&turns->given, &turns->lock, &at);
	if (turns->stopped) {
		result = TURN_STOPPED;
	} else if (is_silent(turns, hash)) {
		result = TURN_SILENT;
	} else if (is_taken(turns, turn->host)) {
		result = TURN_LATE;
	} else {
		turn->next = turns->taken;
		turns->taken = turn;
	}
	pthread_mutex_unlock(&turns->lock);
	return result;
}

void fetch_host_lock_give(struct fetch_host_locks *turns, struct fetch_host_lock *turn,
			  unsigned int silent_ms)
{
	struct fetch_host_lock **at;

	pthread_mutex_lock(&turns->lock);
	for (at = &turns->taken; *at != turn; at = &(*at)->next)
		;
	*at = turn->next;
	if (silent_ms)
		remember(turns, url_hash(turn->url), event_now() + silent_ms);
	pthread_cond_broadcast(&turns->given);
	pthread_mutex_unlock(&turns->lock);
}
