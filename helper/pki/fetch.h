/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One document by HTTP, with limits: http and https only, also behind a
 * redirect; no proxy, no cookie, no password. One at a time of each host. The
 * only user of libcurl.
 */
#ifndef PKI_FETCH_H
#define PKI_FETCH_H

#include "core/buf.h"

#define FETCH_URL_MAX	1024

struct fetch;

/* while there is one thread; NULL: out of memory */
struct fetch *fetch_new(void);
/* ends what is under way, refuses what comes; from any thread */
void fetch_stop(struct fetch *f);
/* hosts that were silent are asked again */
void fetch_flush(struct fetch *f);
void fetch_free(struct fetch *f);	/* nothing may be under way */

/**
 * struct fetch_request - what is wanted
 * @url: http: or https:
 * @body: posted as @content_type; empty: GET
 * @max: more octets than these are refused
 * @timeout_ms: for name, connection, answer
 * @deadline: of event_now(), also for waiting until others are done with the host; 0: none but @timeout_ms
 * @again_ms: of this URL, when all of @timeout_ms went by without an answer, nothing is fetched for so long
 */
struct fetch_request {
	const char *url;
	struct bytes body;
	const char *content_type;
	size_t max;
	unsigned int timeout_ms;
	uint64_t deadline;
	unsigned int again_ms;
};

/**
 * fetch() - get it, or say why not
 * @out: emptied first
 * @err: filled with the reason of a failure
 * @err_len: octets of @err
 *
 * Waits. Any number of threads at a time.
 */
bool fetch(struct fetch *f, const struct fetch_request *req, struct buf *out, char *err,
	   size_t err_len);

/* is it a URL that fetch() would try? */
bool fetch_url_ok(const char *url);

#endif
