// SPDX-License-Identifier: GPL-2.0
/* One document by HTTP, with limits. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/event.h"
#include "pki/fetch.h"
#include "pki/fetch_host_lock.h"

#define REDIRECTS_MAX	3
#define POLL_MS		10000	/* curl has timers of its own within it, and fetch_stop() wakes it */

/* one fetch() under way */
struct transfer {
	struct transfer *next;
	CURLM *multi;
	struct buf *out;
	size_t max;
	bool too_big, timed_out;
};

/**
 * struct fetch - who is fetching
 * @lock: protects @active and @stopped
 * @active: on the stacks of their threads
 */
struct fetch {
	pthread_mutex_t lock;
	struct transfer *active;
	bool stopped;
	struct fetch_host_locks *turns;
};

struct fetch *fetch_new(void)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->turns = fetch_host_locks_new();
	if (!f->turns || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		fetch_host_locks_free(f->turns);
		free(f);
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void fetch_free(struct fetch *f)
{
	if (!f)
		return;
	fetch_host_locks_free(f->turns);
	pthread_mutex_destroy(&f->lock);
	free(f);
	/*
	 * No curl_global_cleanup(): a look-up of a name that took too long
	 * may still be running in a thread of curl's.
	 */
}

void fetch_stop(struct fetch *f)
{
	struct transfer *t;

	pthread_mutex_lock(&f->lock);
	f->stopped = true;
	for (t = f->active; t; t = t->next)
		curl_multi_wakeup(t->multi);
	pthread_mutex_unlock(&f->lock);
	fetch_host_locks_stop(f->turns);
}

void fetch_flush(struct fetch *f)
{
	fetch_host_locks_flush(f->turns);
}

static bool fetch_stopped(struct fetch *f)
{
	bool stopped;

	pthread_mutex_lock(&f->lock);
	stopped = f->stopped;
	pthread_mutex_unlock(&f->lock);
	return stopped;
}

static void active_add(struct fetch *f, struct transfer *t)
{
	pthread_mutex_lock(&f->lock);
	t->next = f->active;
	f->active = t;
	pthread_mutex_unlock(&f->lock);
}

static void active_del(struct fetch *f, struct transfer *t)
{
	struct transfer **at;

	pthread_mutex_lock(&f->lock);
	for (at = &f->active; *at != t; at = &(*at)->next)
		;
	*at = t->next;
	pthread_mutex_unlock(&f->lock);
}

bool fetch_url_ok(const char *url)
{
	const char *p;

	if (strncasecmp(url, "http://", 7) && strncasecmp(url, "https://", 8))
		return false;
	for (p = url; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return false;
	return p - url <= FETCH_URL_MAX;
}

static size_t on_data(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= size;
	if (n > t->max - t->out->len) {
		t->too_big = true;
		return 0;
	}
	buf_put(t->out, p, n);
	return t->out->failed ? 0 : n;
}

/*
 * The URL comes from a certificate that a CA of ours signed. Still, it gets
 * nothing but HTTP: no files, no other protocols, not by a redirect either.
 */
static bool set_limits(CURL *easy, const struct fetch_request *req, unsigned int timeout_ms)
{
	return !curl_easy_setopt(easy, CURLOPT_URL, req->url) &&
	       !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
	       !curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") &&
	       !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX) &&
	       /* a question stays one behind a redirect */
	       !curl_easy_setopt(easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL) &&
	       !curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
	       /* whatever the environment says */
	       !curl_easy_setopt(easy, CURLOPT_PROXY, "") &&
	       !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) &&
	       !curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) &&
	       !curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->max) &&
	       !curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L) &&
	       /* many threads: no signals; and none of ours waits for a resolver that does not answer */
	       !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_USERAGENT, "nfipsec");
}

static struct curl_slist *header_list(const struct fetch_request *req)
{
	struct curl_slist *list, *more;
	char type[128];

	snprintf(type, sizeof(type), "Content-Type: %s", req->content_type);
	list = curl_slist_append(NULL, type);
	if (!list)
		return NULL;
	/* a small body goes at once, not after a 100 Continue */
	more = curl_slist_append(list, "Expect:");
	if (!more)
		curl_slist_free_all(list);
	return more;
}

static bool set_body(CURL *easy, const struct fetch_request *req, struct curl_slist *headers)
{
	return !curl_easy_setopt(easy, CURLOPT_POST, 1L) &&
	       !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len) &&
	       !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body.p) &&
	       !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

/* until it is done, or we are stopped; the time limit is curl's */
static bool run(struct fetch *f, struct transfer *t, CURLcode *result)
{
	int running, queued;
	CURLMsg *msg;

	do {
		if (fetch_stopped(f) || curl_multi_perform(t->multi, &running))
			return false;
		if (running && curl_multi_poll(t->multi, NULL, 0, POLL_MS, NULL))
			return false;
	} while (running);
	msg = curl_multi_info_read(t->multi, &queued);
	if (!msg || msg->msg != CURLMSG_DONE)
		return false;
	*result = msg->data.result;
	return true;
}

static bool transfer(struct fetch *f, CURL *easy, struct transfer *t, char *err, size_t err_len)
{
	char text[CURL_ERROR_SIZE] = "";
	CURLcode result = CURLE_OK;
	bool ran;

	if (curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data) ||
	    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) ||
	    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text) ||
	    curl_multi_add_handle(t->multi, easy)) {
		snprintf(err, err_len, "out of memory");
		return false;
	}
	active_add(f, t);
	ran = run(f, t, &result);
	active_del(f, t);
	t->timed_out = ran && result == CURLE_OPERATION_TIMEDOUT;
	curl_multi_remove_handle(t->multi, easy);
	if (!ran)
		snprintf(err, err_len, "%s",
			 fetch_stopped(f) ? "the daemon is stopping" : "libcurl failed");
	else if (t->too_big || result == CURLE_FILESIZE_EXCEEDED)
		snprintf(err, err_len, "more than %zu octets", t->max);
	else if (result == CURLE_UNSUPPORTED_PROTOCOL)
		/* fetch_url_ok() has accepted the scheme of the first URL */
		snprintf(err, err_len, "redirected to a URL that is not of http: or https:");
	else if (result || t->out->failed)
		snprintf(err, err_len, "%s", *text ? text : curl_easy_strerror(result));
	else
		return true;
	return false;
}

static bool with_handles(struct fetch *f, const struct fetch_request *req, CURL *easy,
			 unsigned int timeout_ms, struct transfer *t, char *err, size_t err_len)
{
	struct curl_slist *headers = NULL;
	bool ok = set_limits(easy, req, timeout_ms);

	if (ok && req->body.len) {
		headers = header_list(req);
		ok = headers && set_body(easy, req, headers);
	}
	if (ok)
		ok = transfer(f, easy, t, err, err_len);
	else
		snprintf(err, err_len, "out of memory");
	curl_slist_free_all(headers);
	return ok;
}

/* Returns the time left, 0: none. */
static unsigned int time_left(const struct fetch_request *req)
{
	uint64_t now = event_now();

	if (!req->deadline || req->deadline >= now + req->timeout_ms)
		return req->timeout_ms;
	return now < req->deadline ? req->deadline - now : 0;
}

static bool in_turn(struct fetch *f, const struct fetch_request *req, struct transfer *t, char *err,
		    size_t err_len)
{
	unsigned int timeout_ms = time_left(req);
	bool ok = false;
	CURL *easy;

	/* libcurl takes 0 for no limit */
	if (!timeout_ms) {
		snprintf(err, err_len, "no time left to ask");
		return false;
	}
	easy = curl_easy_init();
	t->multi = curl_multi_init();
	if (easy && t->multi)
		ok = with_handles(f, req, easy, timeout_ms, t, err, err_len);
	else
		snprintf(err, err_len, "out of memory");
	curl_multi_cleanup(t->multi);
	curl_easy_cleanup(easy);
	/* with less time than it was to have it may not be silent at all */
	t->timed_out = t->timed_out && timeout_ms == req->timeout_ms;
	return ok;
}

bool fetch(struct fetch *f, const struct fetch_request *req, struct buf *out, char *err,
	   size_t err_len)
{
	struct transfer t = { .out = out, .max = req->max };
	struct fetch_host_lock turn;
	bool ok = false;

	out->len = 0;
	if (!fetch_url_ok(req->url)) {
		snprintf(err, err_len, "not a URL of http: or https:");
		return false;
	}
	switch (fetch_host_lock_take(f->turns, &turn, req->url,
				     req->deadline ? req->deadline :
					     event_now() + req->timeout_ms)) {
	case TURN_TAKEN:
		ok = in_turn(f, req, &t, err, err_len);
		fetch_host_lock_give(f->turns, &turn, t.timed_out ? req->again_ms : 0);
		break;
	case TURN_SILENT:
		snprintf(err, err_len, "it did not answer in time a moment ago");
		break;
	case TURN_LATE:
		snprintf(err, err_len, "no time left: others ask %s", turn.host);
		break;
	case TURN_STOPPED:
		snprintf(err, err_len, "the daemon is stopping");
		break;
	}
	return ok;
}
