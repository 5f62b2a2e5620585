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

/* Each cause of a line has one limit for all addresses, and a limit for each address. */
static const struct rate cause_rates[IKE_CAUSE_MAX] = {
	[IKE_CAUSE_VERSION]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_NO_PEER]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_PROPOSAL]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_FRAGMENTS]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_MALFORMED]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_AUTH]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_AUTH_LIMIT]	= { .burst = 10, .interval = 1000 },
	[IKE_CAUSE_EXCHANGE]	= { .burst = 64, .interval = 50 },
};
static const struct rate address_rate = { .burst = 5, .interval = 10000 };

static uint64_t line_key(const struct ike *ike, enum ike_cause cause, const struct addr *from)
{
	return ike_limit_key(ike, cause, from, (struct bytes){ NULL, 0 });
}

/**
 * ike_is_unauthenticated - has the peer still to show who it is?
 * @sa: the SA
 *
 * Return: true where the peer initiated it and is not authenticated.
 */
bool ike_is_unauthenticated(const struct ike_sa *sa)
{
	return !sa->initiator && sa->state < IKE_STATE_ESTABLISHED;
}

/**
 * ike_asker - whose share do the lines about an SA take?
 * @sa: the SA
 *
 * Anybody can forge the source of IKE_AUTH, and @sa->remote follows it behind a NAT (RFC 7296 2.23).
 * So the lines about a peer that is not authenticated name the address that received our nonce.
 *
 * Return: the address that IKE_SA_INIT was answered to, or that of the peer once it is authenticated.
 *	It belongs to @sa.
 */
const struct addr *ike_asker(const struct ike_sa *sa)
{
	return ike_is_unauthenticated(sa) && sa->asker.family ? &sa->asker : &sa->remote.addr;
}

/**
 * ike_hears_unauthenticated - would a line of this cause be written now?
 * @ike: the core
 * @cause: the cause
 * @from: the address that causes it
 *
 * Return: false: it would only be counted.
 */
bool ike_hears_unauthenticated(struct ike *ike, enum ike_cause cause, const struct addr *from)
{
	return rate_limit_allows(&ike->causes[cause], &cause_rates[cause], ike->now) &&
	       rate_table_allows(&ike->lines, line_key(ike, cause, from), &address_rate, ike->now);
}

/**
 * ike_unheard - a line was not even put together, for ike_hears_unauthenticated() said no
 * @ike: the core
 * @cause: its cause, under which it counts as suppressed
 */
void ike_unheard(struct ike *ike, enum ike_cause cause)
{
	ike->causes[cause].held++;
}

/* true: the line is to be written, and @held were not before it */
static bool take_line(struct ike *ike, enum ike_cause cause, const struct addr *from,
		      unsigned int *held)
{
	struct rate_limit *l = &ike->causes[cause];

	if (!ike_hears_unauthenticated(ike, cause, from)) {
		l->held++;
		return false;
	}
	rate_table_charge(&ike->lines, line_key(ike, cause, from), &address_rate, ike->now);
	rate_limit_take(l, &cause_rates[cause], ike->now);
	*held = rate_limit_held(l);
	return true;
}

/**
 * ike_reports_exchange - is a message of this SA told to those who watch?
 * @sa: the SA
 *
 * Return: always true for a peer of ours, and not too often for a stranger.
 */
bool ike_reports_exchange(struct ike_sa *sa)
{
	return !ike_is_unauthenticated(sa) ||
	       rate_limit_take(&sa->ike->causes[IKE_CAUSE_EXCHANGE],
			       &cause_rates[IKE_CAUSE_EXCHANGE], sa->ike->now);
}

static void emit(struct ike *ike, const struct ike_event *ev)
{
	ike->ops->event(ev, ike->user);
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
	printable(text);
	emit(ike, &(struct ike_event){ .type = type, .peer = peer, .tunnel = tunnel, .text = text,
				       .data = data });
	json_decref(data);
}

/* Reports and records an error. @sa may be NULL. @peer is NULL after a load removed it. */
static void report_error(struct ike *ike, struct ike_peer *peer, const struct ike_sa *sa,
			 const char *name, const char *tunnel, char *text)
{
	struct ike_event ev = { .type = IKE_EVENT_ERROR, .peer = name, .tunnel = tunnel,
				.text = printable(text), .count = 1 };

	if (peer) {
		ev.quiet = ike_failure_record(&peer->failure, ike, sa, tunnel, text, &ev.count);
		ev.quiet = (sa && ike_remote_is_told(sa, text)) || ev.quiet;
		peer->n_failures++;
	}
	ike_notes_drop(ike);
	emit(ike, &ev);
}

/**
 * ike_report_error - reports and records an error of an IKE SA
 * @sa: the SA; this host initiated it, or its peer is authenticated
 * @tunnel: name of the tunnel, or NULL
 * @fmt: format of the log line, with the offered and the expected values
 *
 * The notes of ike_note() and related functions move to the record.
 */
void ike_report_error(struct ike_sa *sa, const char *tunnel, const char *fmt, ...)
{
	char text[IKE_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_error(sa->ike, sa->peer, sa, sa->name, tunnel, text);
}

/**
 * ike_report_not_begun - reports and records why this host does not initiate an IKE SA
 * @tun: the tunnel
 * @text: the reason
 */
void ike_report_not_begun(struct ike_tunnel *tun, const char *text)
{
	char copy[IKE_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	report_error(tun->peer->ike, tun->peer, NULL, tun->peer->conf->name, tun->conf->name, copy);
}

/**
 * ike_report_peer - reports and records an error that is about no tunnel and no IKE SA
 * @peer: the peer
 * @text: the error
 */
void ike_report_peer(struct ike_peer *peer, const char *text)
{
	char copy[IKE_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	report_error(peer->ike, peer, NULL, peer->conf->name, NULL, copy);
}

/* Counts the failure and returns true if the same one was reported a short time ago. */
static bool said_lately(struct ike *ike, struct ike_failure *f, const char *text)
{
	if (!ike_failure_is(f, ike, NULL, text) ||
	    ike_failure_age(f, ike->now) >= STRANGER_AGAIN_MS)
		return false;
	ike_failure_again(f);
	return true;
}

/*
 * The peer is not authenticated, so any host that can send a datagram could fill the log. So each
 * cause has a limit, and each address a smaller one within it. A retransmission does not repeat
 * the line about the peer. The next line of a cause says how many were suppressed.
 */
void ike_report_unauthenticated(struct ike *ike, struct ike_peer *peer, enum ike_cause cause,
				const struct addr *from, const char *fmt, ...)
{
	struct ike_event ev = { .type = IKE_EVENT_ERROR, .peer = peer ? peer->conf->name : NULL };
	struct ike_failure **at = peer ? &peer->refusal : &ike->refusal;
	char text[IKE_TEXT_MAX];
	unsigned int held;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ev.text = printable(text);
	if ((peer && said_lately(ike, *at, text)) || !take_line(ike, cause, from, &held)) {
		ike_notes_drop(ike);
		return;
	}
	ev.quiet = ike_failure_record(at, ike, ike->noted_sa, NULL, text, &ev.count);
	n = strlen(text);
	if (held)
		snprintf(text + n, sizeof(text) - n, " (%u more like this were suppressed)", held);
	emit(ike, &ev);
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
