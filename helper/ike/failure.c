// SPDX-License-Identifier: GPL-2.0
/*
 * The last failure of each peer as a transcript: the step, the values of both sides and the
 * messages. `nfipsec show failures` prints it. A transcript contains no secret.
 *
 * The memory is bounded. Each peer has two records. One is of IKE SAs that this host initiated, and
 * of the authenticated peer. The other is of initiators that failed to authenticate, so they cannot
 * overwrite the first one. Initiators without a configured peer share one record.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/printable.h"
#include "ike/core.h"

#define LOG_AGAIN_MS	3600000	/* interval of log lines about one lasting failure */
#define CAUSE_SHOWN	160	/* octets of an identity in a difference */

/**
 * struct ike_failure - a record
 * @first: wall clock of the first of @count equal failures
 * @last: wall clock of the newest one
 * @at: time of the newest one, in ms of the core's clock
 * @logged: time of the last log line, in ms of the core's clock
 * @count: number of equal failures
 * @over: a tunnel came up afterwards
 * @has_sa: @initiator, the endpoints and @steps are known
 * @initiator: this host initiated the IKE SA
 * @remote: endpoint of the peer; family 0: unknown
 * @local: endpoint of this host
 * @tunnel: name of the tunnel; NULL: the failure concerns the IKE SA
 * @text: the log line
 * @n_differences: number of @differences
 * @n_steps: number of @steps
 * @differences: values of both sides
 * @steps: the newest messages of the IKE SA
 */
struct ike_failure {
	time_t first, last;
	uint64_t at, logged;
	unsigned int count;
	bool over, has_sa, initiator;
	struct endpoint local, remote;
	char *tunnel, *text;
	unsigned int n_differences, n_steps;
	struct ike_difference differences[IKE_DIFFERENCES_MAX];
	struct ike_step steps[IKE_STEPS_MAX];
};

/* ---- notes for the next failure ---- */

static char *copy(const char *text)
{
	size_t n = text ? strlen(text) : 0;
	char *out;

	if (!text)
		return NULL;
	if (n >= IKE_DIFFERENCE_MAX)
		n = IKE_DIFFERENCE_MAX - 1;
	out = malloc(n + 1);
	return out ? printable_copy(text, n, out, n + 1) : NULL;
}

static void differences_free(struct ike_difference *d, unsigned int n)
{
	for (; n; n--, d++) {
		free(d->theirs);
		free(d->ours);
		*d = (struct ike_difference){ .what = NULL };
	}
}

/**
 * ike_note - notes a value of both sides for the next failure that is reported
 * @ike: the core
 * @what: name of the value, a constant
 * @theirs: value of the peer; NULL: the peer did not send one
 * @ours: value that this host offers or expects; NULL: any
 *
 * The function ignores notes beyond IKE_DIFFERENCES_MAX.
 */
void ike_note(struct ike *ike, const char *what, const char *theirs, const char *ours)
{
	struct ike_difference *d;

	if (ike->n_noted == IKE_DIFFERENCES_MAX)
		return;
	d = &ike->noted[ike->n_noted++];
	d->what = what;
	d->theirs = copy(theirs);
	d->ours = copy(ours);
}

/**
 * ike_note_sa - notes the IKE SA of an unauthenticated initiator
 * @sa: the SA; the caller keeps it until it reports the failure
 */
void ike_note_sa(const struct ike_sa *sa)
{
	sa->ike->noted_sa = sa;
}

/**
 * ike_notes_drop - deletes all notes
 * @ike: the core
 */
void ike_notes_drop(struct ike *ike)
{
	ike->noted_sa = NULL;
	differences_free(ike->noted, ike->n_noted);
	ike->n_noted = 0;
}

static void note_difference(const char *what, const char *theirs, const char *ours, void *arg)
{
	ike_note(arg, what, theirs, ours);
}

/**
 * ike_note_proposals - notes the transforms that differ, and all proposals
 * @ike: the core
 * @ours: proposals of this host
 * @n_ours: number of @ours
 * @theirs: proposals of the peer; NULL: the peer did not send any
 * @n_theirs: number of @theirs
 */
void ike_note_proposals(struct ike *ike, const struct ike_proposal *ours, unsigned int n_ours,
			const struct ike_proposal *theirs, unsigned int n_theirs)
{
	char us[IKE_DIFFERENCE_MAX], them[IKE_DIFFERENCE_MAX];

	ike_proposal_differences(ours, n_ours, theirs, n_theirs, note_difference, ike);
	ike_note(ike, n_ours && ours->proto != PROTO_IKE ? "CHILD SA proposals" : "IKE proposals",
		 theirs ? ike_proposals_str(theirs, n_theirs, them, sizeof(them)) : NULL,
		 ike_proposals_str(ours, n_ours, us, sizeof(us)));
}

/**
 * ike_note_ts - notes the traffic selectors of both sides
 * @ike: the core
 * @local: selectors of this side in the peer's message; NULL: the peer did not send any
 * @remote: selectors of the peer's side in its message
 * @our_local: selectors of this side as configured here; NULL: any
 * @our_remote: selectors of the peer's side as configured here
 */
void ike_note_ts(struct ike *ike, const struct wire_ts *local, const struct wire_ts *remote,
		 const struct wire_ts *our_local, const struct wire_ts *our_remote)
{
	char l[180], r[180], theirs[IKE_DIFFERENCE_MAX], ours[IKE_DIFFERENCE_MAX];

	if (local)
		snprintf(theirs, sizeof(theirs), "%s === %s",
			 ike_ts_list_str(local->ts, local->n, l, sizeof(l)),
			 ike_ts_list_str(remote->ts, remote->n, r, sizeof(r)));
	if (our_local)
		snprintf(ours, sizeof(ours), "%s === %s",
			 ike_ts_list_str(our_local->ts, our_local->n, l, sizeof(l)),
			 ike_ts_list_str(our_remote->ts, our_remote->n, r, sizeof(r)));
	ike_note(ike, "traffic selectors", local ? theirs : NULL, our_local ? ours : NULL);
}

static const char *id_words(const struct wire_id *id, char *out, size_t len)
{
	char text[CAUSE_SHOWN];

	snprintf(out, len, "%s '%s'", wire_id_type_str(id->type),
		 ike_id_str(id->type, id->data, text, sizeof(text)));
	return out;
}

/**
 * ike_note_id - notes an identity as each side has it, with its type
 * @ike: the core
 * @what: name of the identity, a constant
 * @theirs: identity in the peer's message; NULL: the peer did not send one
 * @ours: identity as configured here; NULL: any
 */
void ike_note_id(struct ike *ike, const char *what, const struct wire_id *theirs,
		 const struct wire_id *ours)
{
	char us[CAUSE_SHOWN + 40], them[CAUSE_SHOWN + 40];

	ike_note(ike, what, theirs ? id_words(theirs, them, sizeof(them)) : NULL,
		 ours ? id_words(ours, us, sizeof(us)) : NULL);
}

/**
 * ike_note_ids - notes the identities of both ends of an IKE SA
 * @sa: the IKE SA; without a peer, whose block a load has removed, nothing is noted
 *
 * The note of the peer's identity has the received and the configured one.
 */
void ike_note_ids(const struct ike_sa *sa)
{
	const struct conf_peer *conf;
	struct wire_id ours, theirs, want;

	if (!sa->peer)
		return;
	conf = sa->peer->conf;
	ike_id_local(&conf->local_id, &sa->local.addr, &ours);
	ike_note_id(sa->ike, "our identity", NULL, &ours);
	theirs = (struct wire_id){ sa->remote_id.type, { sa->remote_id.data, sa->remote_id.len } };
	want = (struct wire_id){ conf->remote_id.type, { conf->remote_id.data, conf->remote_id.len } };
	ike_note_id(sa->ike, "identity of the peer", theirs.type ? &theirs : NULL,
		    want.type ? &want : NULL);
}

/**
 * ike_note_message - records a message for the transcript
 * @sa: the IKE SA
 * @step: the message, without its payloads
 * @inner: the decrypted message, which has the payloads; NULL: this host could not read it
 *
 * Each IKE SA keeps the headers and payload types of its newest IKE_STEPS_MAX messages.
 */
void ike_note_message(struct ike_sa *sa, const struct ike_step *step, const struct wire_msg *inner)
{
	struct wire_notification n;
	struct ike_step *s;
	unsigned int i;

	if (sa->n_steps == IKE_STEPS_MAX)
		memmove(sa->steps, sa->steps + 1, --sa->n_steps * sizeof(*s));
	s = &sa->steps[sa->n_steps++];
	*s = *step;
	s->at = sa->ike->now;
	for (i = 0; inner && i < inner->n && s->n < IKE_STEP_PAYLOADS; i++) {
		s->types[s->n] = inner->pld[i].type;
		s->notifies[s->n] = inner->pld[i].type == WIRE_PLD_NOTIFY &&
				    wire_notify_decode(inner->pld[i].body, &n) == WIRE_OK ? n.type : 0;
		s->n++;
	}
	s->more = inner && i < inner->n;
}

/* ---- records ---- */

/*
 * Returns the length of a number that is a word by itself. Such a number is a count, a time or an
 * SPI. Two texts that differ only in such numbers are the same failure.
 */
static size_t number_at(const char *s, bool starts)
{
	size_t n = 0;

	if (!starts)
		return 0;
	if (s[0] == '0' && s[1] == 'x')
		for (n = 2; isxdigit((unsigned char)s[n]); n++)
			;
	else
		while (isdigit((unsigned char)s[n]))
			n++;
	/* ':' ends a word, and stands within an IPv6 address */
	if (s[n] == ':')
		return !s[n + 1] || s[n + 1] == ' ' ? n : 0;
	return !s[n] || strchr(" ,;", s[n]) ? n : 0;
}

static bool same_text(const char *a, const char *b)
{
	bool starts = true;
	size_t n, m;

	while (*a && *b) {
		n = number_at(a, starts);
		m = number_at(b, starts);
		starts = *a == ' ';
		if (n && m) {
			a += n;
			b += m;
		} else if (*a++ != *b++) {
			return false;
		}
	}
	return !*a && !*b;
}

static bool same_string(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_differences(const struct ike_failure *f, const struct ike *ike)
{
	unsigned int i;

	for (i = 0; i < f->n_differences && i < ike->n_noted; i++)
		if (strcmp(f->differences[i].what, ike->noted[i].what) ||
		    !same_string(f->differences[i].theirs, ike->noted[i].theirs) ||
		    !same_string(f->differences[i].ours, ike->noted[i].ours))
			return false;
	return f->n_differences == ike->n_noted;
}

/**
 * ike_failure_is - compares a failure with a record
 * @f: the record, or NULL
 * @ike: the core, with the notes on the failure
 * @tunnel: name of the tunnel, or NULL
 * @text: the log line
 *
 * Return: true if both are the same failure, and the tunnel did not come up in between
 */
bool ike_failure_is(const struct ike_failure *f, const struct ike *ike, const char *tunnel,
		    const char *text)
{
	return f && !f->over && same_string(f->tunnel, tunnel) && same_text(f->text, text) &&
	       same_differences(f, ike);
}

/* Returns the ms since the newest failure of a record. */
uint64_t ike_failure_age(const struct ike_failure *f, uint64_t now)
{
	return now - f->at;
}

void ike_failure_again(struct ike_failure *f)
{
	f->count++;
}

void ike_failure_free(struct ike_failure *f)
{
	if (!f)
		return;
	differences_free(f->differences, f->n_differences);
	free(f->tunnel);
	free(f->text);
	free(f);
}

static void take_sa(struct ike_failure *f, const struct ike_sa *sa)
{
	f->has_sa = sa;
	f->n_steps = 0;
	if (!sa)
		return;
	f->initiator = sa->initiator;
	f->local = sa->local;
	f->remote = sa->remote;
	f->n_steps = sa->n_steps;
	memcpy(f->steps, sa->steps, sizeof(f->steps));
}

static void take_notes(struct ike_failure *f, struct ike *ike)
{
	differences_free(f->differences, f->n_differences);
	memcpy(f->differences, ike->noted, sizeof(f->differences));
	f->n_differences = ike->n_noted;
	memset(ike->noted, 0, sizeof(ike->noted));
	ike->n_noted = 0;
	ike->noted_sa = NULL;
}

/**
 * ike_failure_record - records a failure
 * @at: place of the record; gets a new record if it is NULL
 * @ike: the core; its notes move to the record
 * @sa: the IKE SA, or NULL
 * @tunnel: name of the tunnel, or NULL
 * @text: the log line, printable
 * @count: gets the number of equal failures
 *
 * Return: true if the log already has this failure
 */
bool ike_failure_record(struct ike_failure **at, struct ike *ike, const struct ike_sa *sa,
			const char *tunnel, const char *text, unsigned int *count)
{
	bool same = ike_failure_is(*at, ike, tunnel, text), quiet;
	struct ike_failure *f = *at;
	time_t wall = ike_wall(ike->ops, ike->user);

	*count = 1;
	if (!f)
		f = *at = calloc(1, sizeof(*f));
	if (!f) {
		ike_notes_drop(ike);
		return false;
	}
	if (!same) {
		f->first = wall;
		f->count = 0;
		f->over = false;
		free(f->tunnel);
		f->tunnel = tunnel ? strdup(tunnel) : NULL;
	}
	quiet = same && ike->now - f->logged < LOG_AGAIN_MS;
	if (!quiet)
		f->logged = ike->now;
	f->last = wall;
	f->at = ike->now;
	*count = ++f->count;
	free(f->text);
	f->text = strdup(text);
	take_sa(f, sa);
	take_notes(f, ike);
	/* a record needs its text, so it is deleted if strdup() failed */
	if (!f->text) {
		ike_failure_free(f);
		*at = NULL;
	}
	return quiet;
}

/**
 * ike_failure_over - marks the failure of a peer as over, because a tunnel came up
 * @peer: the peer
 * @tunnel: name of the tunnel
 */
void ike_failure_over(struct ike_peer *peer, const char *tunnel)
{
	struct ike_failure *f = peer->failure;

	if (f && (!f->tunnel || !strcmp(f->tunnel, tunnel)))
		f->over = true;
}

/* ---- for people and programs ---- */

static void payload_str(const struct ike_step *s, char *out, size_t len)
{
	size_t at = 0;
	unsigned int i;

	*out = '\0';
	for (i = 0; i < s->n && at < len; i++)
		at += s->types[i] == WIRE_PLD_NOTIFY ?
		      snprintf(out + at, len - at, "%sN(%s)", i ? " " : "", wire_notify_str(s->notifies[i])) :
		      snprintf(out + at, len - at, "%s%s", i ? " " : "", wire_payload_str(s->types[i]));
	if (s->more && at < len)
		snprintf(out + at, len - at, " ...");
}

/* Makes the JSON of a message. @before: ms from the message to the failure. */
static json_t *show_step(const struct ike_step *s, uint64_t before)
{
	char payloads[400];

	payload_str(s, payloads, sizeof(payloads));
	return json_pack("{s:I,s:b,s:s,s:b,s:I,s:I,s:I,s:s}", "ms_before", (json_int_t)before,
			 "received", s->in, "exchange", wire_exchange_str(s->exchange), "response",
			 s->response, "id", (json_int_t)s->msgid, "octets", (json_int_t)s->octets,
			 "fragments", (json_int_t)s->fragments, "payloads", payloads);
}

static json_t *show_difference(const struct ike_difference *d)
{
	json_t *o = json_pack("{s:s}", "what", d->what);

	if (d->theirs)
		json_object_set_new(o, "theirs", printable_json(d->theirs));
	if (d->ours)
		json_object_set_new(o, "ours", printable_json(d->ours));
	return o;
}

static const char *step_name(const struct ike_failure *f)
{
	return f->n_steps ? wire_exchange_str(f->steps[f->n_steps - 1].exchange) :
	       f->has_sa ? "IKE_SA_INIT" : "before the first message";
}

static void show_transcript(const struct ike_failure *f, json_t *o)
{
	json_t *messages = json_array(), *differences = json_array();
	char local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	unsigned int i;

	if (f->has_sa)
		json_object_update_new(o, json_pack("{s:s,s:s,s:b}", "local",
						    endpoint_str(&f->local, local, sizeof(local)), "remote",
						    endpoint_str(&f->remote, remote, sizeof(remote)),
						    "initiator", f->initiator));
	for (i = 0; i < f->n_differences; i++)
		json_array_append_new(differences, show_difference(&f->differences[i]));
	for (i = 0; i < f->n_steps; i++)
		json_array_append_new(messages, show_step(&f->steps[i], f->at - f->steps[i].at));
	json_object_set_new(o, "differences", differences);
	json_object_set_new(o, "messages", messages);
}

/**
 * ike_failure_json - makes the JSON of a failure, without its transcript
 * @f: the record
 * @now: time of the core's clock, in ms
 *
 * Return: a new reference
 */
json_t *ike_failure_json(const struct ike_failure *f, uint64_t now)
{
	json_t *o = json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:b}", "text", printable_json(f->text), "step",
			      step_name(f), "count", (json_int_t)f->count, "first",
			      (json_int_t)f->first, "last", (json_int_t)f->last, "age",
			      (json_int_t)((now - f->at) / 1000), "over", f->over);

	if (f->tunnel)
		json_object_set_new(o, "tunnel", printable_json(f->tunnel));
	return o;
}

/* Appends a record to @list. @peer NULL: no peer is configured for the initiator. */
static void show_one(json_t *list, const struct ike_peer *peer, const struct ike_failure *f,
		     bool authenticated, uint64_t now)
{
	json_t *o;

	if (!f)
		return;
	o = ike_failure_json(f, now);
	if (peer)
		json_object_set_new(o, "peer", printable_json(peer->conf->name));
	json_object_set_new(o, "stranger", json_boolean(!authenticated));
	show_transcript(f, o);
	json_array_append_new(list, o);
}

/* Appends a record of the step `configuration` for a peer without credentials. */
static void show_lacks(json_t *list, const struct ike_peer *peer)
{
	if (peer->conf->lacks && !(peer->failure && !peer->failure->over))
		json_array_append_new(list,
				      json_pack("{s:o,s:s,s:o,s:b,s:[],s:[]}", "peer",
						printable_json(peer->conf->name), "step", "configuration",
						"text", printable_json(peer->conf->lacks), "stranger", 0,
						"differences", "messages"));
}

/**
 * ike_show_failures - makes the JSON of the last failure of each peer
 * @ike: the core
 * @now: time of its clock, in ms
 *
 * Return: {"failures":[...]}, a new reference
 */
json_t *ike_show_failures(const struct ike *ike, uint64_t now)
{
	json_t *list = json_array();
	const struct ike_peer *p;

	for (p = ike->peers; p; p = p->next) {
		show_lacks(list, p);
		show_one(list, p, p->failure, true, now);
		show_one(list, p, p->refusal, false, now);
	}
	show_one(list, NULL, ike->refusal, false, now);
	return json_pack("{s:o}", "failures", list);
}
