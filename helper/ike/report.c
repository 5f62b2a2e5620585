// SPDX-License-Identifier: GPL-2.0
/* What the operator is told; never a secret. */
#include <stdio.h>
#include <string.h>

#include "ike/core.h"

#define STRANGER_AGAIN_MS 10000

void ike_count(struct ike *ike, enum ike_counter counter)
{
	ike->counters[counter]++;
}

static void refill(struct ike_bucket *b, uint64_t now)
{
	uint64_t n = (now - b->since) * b->rate / 1000;

	if (!n)
		return;
	b->tokens = b->tokens + n > b->burst ? b->burst : b->tokens + n;
	b->since = now;
}

bool ike_bucket_take(struct ike_bucket *b, uint64_t now)
{
	refill(b, now);
	if (!b->tokens)
		return false;
	b->tokens--;
	return true;
}

bool ike_hears_strangers(struct ike *ike)
{
	refill(&ike->error_bucket, ike->now);
	return ike->error_bucket.tokens;
}

static void emit(struct ike *ike, enum ike_event_type type, const char *peer, const char *tunnel,
		 json_t *data, const char *text)
{
	struct ike_event ev = { .type = type, .peer = peer, .tunnel = tunnel, .text = text,
				.data = data };

	ike->ops->event(&ev, ike->user);
}

/* takes @data */
void ike_report(struct ike *ike, enum ike_event_type type, const char *peer, const char *tunnel,
		json_t *data, const char *fmt, ...)
{
	char text[IKE_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	emit(ike, type, peer, tunnel, data, text);
	json_decref(data);
}

/*
 * Nobody has proved yet who he is: whoever can send a datagram could fill the
 * log, so there is a limit on all of these lines, and a line that was just
 * written about a peer (his retransmission) is not written again.
 */
void ike_report_stranger(struct ike *ike, struct ike_peer *peer, const char *fmt, ...)
{
	char text[IKE_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (peer) {
		if (!strcmp(peer->last_error, text) &&
		    ike->now - peer->last_error_at < STRANGER_AGAIN_MS)
			return;
		memcpy(peer->last_error, text, sizeof(text));
		peer->last_error_at = ike->now;
	}
	if (ike_bucket_take(&ike->error_bucket, ike->now))
		emit(ike, IKE_EVENT_ERROR, peer ? peer->conf->name : NULL, NULL, NULL, text);
}

const char *ike_proposals_str(const struct ike_proposal *p, unsigned int n, char *out, size_t len)
{
	char one[512];
	size_t at = 0;
	unsigned int i;

	out[0] = '\0';
	for (i = 0; i < n && at < len; i++)
		at += snprintf(out + at, len - at, "%s%s", i ? ", " : "",
			       ike_proposal_str(&p[i], one, sizeof(one)));
	return n ? out : "nothing";
}

const char *ike_ts_list_str(const struct ts *ts, unsigned int n, char *out, size_t len)
{
	char one[TS_STRLEN];
	size_t at = 0;
	unsigned int i;

	out[0] = '\0';
	for (i = 0; i < n && at < len; i++)
		at += snprintf(out + at, len - at, "%s%s", i ? ", " : "",
			       ts_str(&ts[i], one, sizeof(one)));
	return n ? out : "nothing";
}
