/* SPDX-License-Identifier: GPL-2.0 */
/* Who may ask which host now: one at a time, and not at once again who was silent; for pki/fetch.c alone. */
#ifndef PKI_FETCH_TURN_H
#define PKI_FETCH_TURN_H

#include <stdbool.h>
#include <stdint.h>

#define TURN_HOST_MAX	256

struct fetch_turns;

enum turn_result {
	TURN_TAKEN,
	TURN_SILENT,		/* that URL let somebody wait in vain a moment ago */
	TURN_LATE,		/* others had the host until the deadline */
	TURN_STOPPED,
};

/**
 * struct fetch_turn - the holder's
 * @host: of the URL, in small letters
 */
struct fetch_turn {
	struct fetch_turn *next;
	const char *url;
	char host[TURN_HOST_MAX];
};

struct fetch_turns *fetch_turns_new(void);
void fetch_turns_free(struct fetch_turns *turns);	/* nobody may have one, or wait for it */
/* whoever waits goes, and nobody gets one any more */
void fetch_turns_stop(struct fetch_turns *turns);
/* who was silent may be asked again */
void fetch_turns_flush(struct fetch_turns *turns);
/*
 * Waits for the host of @url, as long as @deadline (of event_now()) lets it. @turn and @url are the
 * caller's until fetch_turn_give(), which TURN_TAKEN obliges to.
 */
enum turn_result fetch_turn_take(struct fetch_turns *turns, struct fetch_turn *turn,
				 const char *url, uint64_t deadline);
/* @silent_ms: it did not answer, and is not to be asked again for so long; 0: it is */
void fetch_turn_give(struct fetch_turns *turns, struct fetch_turn *turn, unsigned int silent_ms);

#endif
