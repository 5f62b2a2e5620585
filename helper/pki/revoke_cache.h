/* SPDX-License-Identifier: GPL-2.0 */
/* What sources of revocation said, and which did not answer; for pki/revoke.c alone. */
#ifndef PKI_REVOKE_CACHE_H
#define PKI_REVOKE_CACHE_H

#include "pki/crl.h"

struct revoke_cache;

/**
 * struct revoke_answer - of one source
 * @ok: it gave one; else @why
 * @says: of one certificate
 * @crl: or a list, a reference of the holder's; NULL: @says
 * @until: there is a newer one from then on
 */
struct revoke_answer {
	bool ok;
	struct revocation says;
	struct crl *crl;
	time_t until;
	char why[160];
};

void revoke_answer_clear(struct revoke_answer *a);

struct revoke_cache *revoke_cache_new(void);
void revoke_cache_free(struct revoke_cache *cache);	/* nobody may be in revoke_cache_get() */
void revoke_cache_flush(struct revoke_cache *cache);
/* Callers that wait for another's request stop waiting. */
void revoke_cache_stop(struct revoke_cache *cache);

/**
 * struct revoke_question - how to get an answer that is not there
 * @key: what the answer is kept under
 * @ask: without any lock; fills an answer that is zero
 * @deadline: of event_now(): do not wait longer for another thread that asks the same
 * @retry_ms: how long a failure is kept
 */
struct revoke_question {
	struct bytes key;
	void (*ask)(void *arg, struct revoke_answer *out);
	void *arg;
	uint64_t deadline;
	unsigned int retry_ms;
};

/* Looks a certificate up. Returns false if a responder must be asked. The caller clears @out. */
bool revoke_cache_peek(struct revoke_cache *cache, struct bytes key, struct revoke_answer *out);
/* from the cache, or asks; of threads with the same question one asks. @out: to be cleared */
void revoke_cache_get(struct revoke_cache *cache, const struct revoke_question *q,
		      struct revoke_answer *out);

#endif
