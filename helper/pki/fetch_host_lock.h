/* SPDX-License-Identifier: GPL-2.0 */
/* Who may ask which host now: one at a time, and not at once again who was silent; for pki/fetch.c alone. */
#ifndef PKI_FETCH_HOST_LOCK_H
#define PKI_FETCH_HOST_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#define TURN_HOST_MAX	256

struct fetch_host_locks;

enum turn_result {
	TURN_TAKEN,
	TURN_SILENT,		/* that URL let somebody wait in vain a moment ago */
	TURN_LATE,		/* others had the host until the deadline */
	TURN_STOPPED,
};

/**
 * struct fetch_host_lock - the lock of one host
 * @next: next lock that is held
 * @url: URL that the holder fetches
 * @host: host of @url, in small letters
 */
struct fetch_host_lock {
	struct fetch_host_lock *next;
	const char *url;
	char host[TURN_HOST_MAX];
};

struct fetch_host_locks *fetch_host_locks_new(void);
/* no caller holds a lock or waits for one */
void fetch_host_locks_free(struct fetch_host_locks *turns);
/* Callers that wait return, and no caller gets a lock any more. */
void fetch_host_locks_stop(struct fetch_host_locks *turns);
/* Silent hosts may be asked again. */
void fetch_host_locks_flush(struct fetch_host_locks *turns);
/*
 * Waits for the host of @url, as long as @deadline (of event_now()) lets it. @turn and @url are the
 * caller's until fetch_host_lock_give(), which TURN_TAKEN obliges to.
 */
enum turn_result fetch_host_lock_take(struct fetch_host_locks *turns, struct fetch_host_lock *turn,
				      const char *url, uint64_t deadline);
/* @silent_ms: it did not answer, and is not to be asked again for so long; 0: it is */
void fetch_host_lock_give(struct fetch_host_locks *turns, struct fetch_host_lock *turn,
			  unsigned int silent_ms);

#endif
