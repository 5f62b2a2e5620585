// SPDX-License-Identifier: GPL-2.0
/*
 * IKEv2's state machine: which message in which state goes to which function,
 * message IDs and the window (RFC 7296 2.1 to 2.3), and what all exchanges share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "v2/v2.h"

#define TEMPORARY_MAX	180000	/* RFC 7296 2.25: several minutes */

#define STATE(s)	(1u << IKE_STATE_##s)
#define UP		(STATE(ESTABLISHED) | STATE(REKEYED) | STATE(DELETING))
#define ROLE_I		1u
#define ROLE_R		2u
#define ROLE_ANY	(ROLE_I | ROLE_R)
#define MSGID_LAST	0xfffffff0u	/* what is left is for the DELETE */

/**
 * struct transition - a message that may come
 * @sealed: inside SK, and only there
 * Where no row fits, the message is counted and dropped.
 */
struct transition {
	unsigned int roles, states;
	uint8_t exchange;
	bool response, sealed;
	void (*handler)(struct v2_in *in);
};

static void create_request(struct v2_in *in);
static void create_response(struct v2_in *in);
static void late_create(struct v2_in *in);

static const struct transition transitions[] = {
	{ ROLE_I, STATE(INIT_SENT), WIRE_IKE_SA_INIT, true, false, v2_init_response },
	{ ROLE_R, STATE(HALF_OPEN), WIRE_IKE_AUTH, false, true, v2_auth_request },
	{ ROLE_I, STATE(AUTH_SENT), WIRE_IKE_AUTH, true, true, v2_auth_response },
	{ ROLE_ANY, STATE(ESTABLISHED), WIRE_CREATE_CHILD_SA, false, true, create_request },
	{ ROLE_ANY, UP, WIRE_CREATE_CHILD_SA, true, true, create_response },
	{ ROLE_ANY, STATE(REKEYED) | STATE(DELETING), WIRE_CREATE_CHILD_SA, false, true,
	  late_create },
	{ ROLE_ANY, UP, WIRE_INFORMATIONAL, false, true, v2_info_request },
	{ ROLE_ANY, UP, WIRE_INFORMATIONAL, true, true, v2_info_response },
};

static const struct transition *transition_of(const struct ike_sa *sa, uint8_t exchange,
					      bool response)
{
	const struct transition *t;

	for (t = transitions; t < transitions + sizeof(transitions) / sizeof(transitions[0]); t++)
		if (t->roles & (sa->initiator ? ROLE_I : ROLE_R) && t->states & 1u << sa->state &&
		    t->exchange == exchange && t->response == response)
			return t;
	return NULL;
}

/* RFC 7296 1.3.2: without selectors it is for the IKE SA itself */
static void create_request(struct v2_in *in)
{
	if (wire_find(&in->inner, WIRE_PLD_TSI) || wire_find(&in->inner, WIRE_PLD_TSR))
		v2_child_request(in);
	else
		v2_rekey_request(in);
}

static void create_response(struct v2_in *in)
{
	if (in->sa->rekey_out)
		v2_rekey_response(in);
	/* else an answer that came too late to matter */
	else if (in->sa->state == IKE_STATE_ESTABLISHED)
		v2_child_response(in);
}

/* RFC 7296 2.25.2: the IKE SA goes, nothing new may begin on it */
static void late_create(struct v2_in *in)
{
	v2_respond_notify(in->sa, WIRE_CREATE_CHILD_SA, in->outer.hdr.msgid,
			  WIRE_N_TEMPORARY_FAILURE, (struct bytes){ NULL, 0 });
}

/* ---- chance ---- */

bool v2_new_nonce(struct buf *b)
{
	uint8_t nonce[IKE_NONCE_LEN];

	return crypto_random(nonce, sizeof(nonce)) &&
	       buf_copy(b, (struct bytes){ nonce, sizeof(nonce) });
}

/* RFC 7296 2.25: then the two ends are out of step */
bool v2_busy_too_long(struct ike_sa *sa)
{
	if (!sa->temporary_since)
		sa->temporary_since = sa->ike->now;
	return sa->ike->now - sa->temporary_since >= TEMPORARY_MAX;
}

/* two ends that met shall not meet again */
uint64_t v2_jitter(uint64_t ms)
{
	uint32_t r = 0;

	crypto_random(&r, sizeof(r));
	return ms + r % (ms + 1);
}

/* ---- writing ---- */

void v2_out_init(struct v2_out *out)
{
	buf_init(&out->body);
	wire_open_inner(&out->w, &out->body, &out->first);
}

void v2_out_free(struct v2_out *out)
{
	buf_free(&out->body);
}

void v2_put_notify(struct v2_out *out, uint16_t type, struct bytes data)
{
	wire_put_notify(&out->w, 0, (struct bytes){ NULL, 0 }, type, data);
}

bool v2_find_notify(const struct wire_msg *msg, uint16_t type, struct wire_notification *out)
{
	unsigned int i;

	for (i = 0; i < msg->n; i++)
		if (msg->pld[i].type == WIRE_PLD_NOTIFY &&
		    wire_notify_decode(msg->pld[i].body, out) == WIRE_OK && out->type == type)
			return true;
	return false;
}

uint16_t v2_find_error(const struct wire_msg *msg, struct wire_notification *out)
{
	unsigned int i;

	for (i = 0; i < msg->n; i++)
		if (msg->pld[i].type == WIRE_PLD_NOTIFY &&
		    wire_notify_decode(msg->pld[i].body, out) == WIRE_OK &&
		    WIRE_N_ERROR(out->type)) {
			/* RFC 7296 3.10.1: 0 is an error as well, one that nobody knows */
			if (!out->type)
				out->type = WIRE_N_INVALID_SYNTAX;
			return out->type;
		}
	return 0;
}

static void name_payload(const struct wire_payload *p, char *out, size_t len)
{
	struct wire_notification n;

	if (p->type == WIRE_PLD_NOTIFY && wire_notify_decode(p->body, &n) == WIRE_OK)
		snprintf(out, len, "N(%s)", wire_notify_str(n.type));
	else
		snprintf(out, len, "%s", wire_payload_str(p->type));
}

/* one line a message, however many datagrams it came in */
static void report_message(struct ike_sa *sa, bool in, uint8_t exchange, bool response,
			   uint32_t msgid,
			   size_t len, unsigned int fragments, const struct wire_msg *inner)
{
	char payloads[400] = "", one[80], parts[32] = "";
	unsigned int i;
	size_t at = 0;

	ike_note_message(sa, &(struct ike_step){ .in = in, .exchange = exchange, .response = response,
						 .msgid = msgid, .octets = len, .fragments = fragments },
			 inner);
	if (!ike_reports_exchange(sa))
		return;
	for (i = 0; inner && i < inner->n && at < sizeof(payloads); i++) {
		name_payload(&inner->pld[i], one, sizeof(one));
		at += snprintf(payloads + at, sizeof(payloads) - at, " %s", one);
	}
	if (fragments > 1)
		snprintf(parts, sizeof(parts), " in %u fragments", fragments);
	ike_report(sa->ike, IKE_EVENT_EXCHANGE, sa->name, NULL,
		   json_pack("{s:b,s:s,s:b,s:I,s:I,s:I,s:s}", "received", in, "exchange",
			     wire_exchange_str(exchange), "response", response, "id",
			     (json_int_t)msgid, "octets", (json_int_t)len, "fragments",
			     (json_int_t)fragments, "payloads", payloads[0] ? payloads + 1 : ""),
		   "%s %s %s %u, %zu octets%s [%s ]", in ? "received" : "sent",
		   wire_exchange_str(exchange), response ? "response" : "request", msgid, len,
		   parts, payloads);
}

void v2_report(struct ike_sa *sa, bool in, uint8_t exchange, bool response, uint32_t msgid,
	       size_t len, const struct wire_msg *inner)
{
	report_message(sa, in, exchange, response, msgid, len, 1, inner);
}

static void report_sent(struct ike_sa *sa, uint8_t exchange, bool response, uint32_t msgid,
			struct bytes msg, const struct v2_out *out)
{
	struct bytes rest = msg, one;
	unsigned int fragments = 0;
	struct wire_msg inner;
	uint8_t bad;

	while (ike_datagram(&rest, &one))
		fragments++;
	wire_v2_walk(out->first, buf_bytes(&out->body), &inner, &bad);
	report_message(sa, false, exchange, response, msgid, msg.len, fragments, &inner);
}

void v2_request(struct ike_sa *sa, uint8_t exchange, struct v2_out *out)
{
	struct buf msg;

	buf_init(&msg);
	if (v2_seal(sa, exchange, false, sa->next_out, out, &msg)) {
		report_sent(sa, exchange, false, sa->next_out, buf_bytes(&msg), out);
		ike_retrans_start(sa, &msg, exchange);
	} else {
		ike_sa_fail(sa, "cannot build the %s request: out of memory or too long",
			    wire_exchange_str(exchange));
	}
	buf_free(&msg);
	v2_out_free(out);
}

/* ---- the peer's requests ---- */

static struct ike_answer *answer_of(const struct ike_sa *sa, uint32_t msgid)
{
	struct ike_answer *a = sa->answers[msgid % IKE_WINDOW];

	return a && a->msgid == msgid ? a : NULL;
}

static void answer_free(struct ike_answer **at)
{
	if (*at)
		buf_free(&(*at)->msg);
	free(*at);
	*at = NULL;
}

void v2_answers_free(struct ike_sa *sa)
{
	unsigned int i;

	for (i = 0; i < IKE_WINDOW; i++)
		answer_free(&sa->answers[i]);
}

/* the octets at the end are the ICV: nobody but the peer makes two requests that agree there */
static void set_tail(uint8_t tail[32], struct bytes raw)
{
	memset(tail, 0, 32);
	if (raw.len >= 32)
		memcpy(tail, raw.p + raw.len - 32, 32);
	else
		memcpy(tail, raw.p, raw.len);
}

/*
 * RFC 7296 2.3: who sends it has the answers to all that came a window before it. They
 * are what is forgotten now, and not sooner.
 */
static struct ike_answer *answer_new(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	uint32_t msgid = in->outer.hdr.msgid;
	struct ike_answer *a = calloc(1, sizeof(*a));
	unsigned int i;

	if (!a)
		return NULL;
	a->msgid = msgid;
	buf_init(&a->msg);
	a->req_len = in->raw.len;
	set_tail(a->req_tail, in->raw);
	/* RFC 7296 2.11: an answer goes where the request came from */
	a->local = *in->local;
	a->remote = *in->remote;
	for (i = 0; i < IKE_WINDOW; i++)
		if (sa->answers[i] && sa->answers[i]->msgid < sa->next_in &&
		    msgid - sa->answers[i]->msgid >= sa->window)
			answer_free(&sa->answers[i]);
	answer_free(&sa->answers[msgid % IKE_WINDOW]);
	sa->answers[msgid % IKE_WINDOW] = a;
	return a;
}

/* of all requests that have come */
static bool is_newest(const struct ike_sa *sa, uint32_t msgid)
{
	unsigned int i;

	for (i = 0; i < IKE_WINDOW; i++)
		if (sa->answers[i] && sa->answers[i]->msgid > msgid)
			return false;
	return true;
}

bool v2_is_answering(const struct ike_sa *sa)
{
	unsigned int i;

	for (i = 0; i < IKE_WINDOW; i++)
		if (sa->answers[i] && !sa->answers[i]->given)
			return true;
	return false;
}

void v2_request_makes(struct ike_sa *sa, uint32_t msgid, uint32_t spi)
{
	struct ike_answer *a = answer_of(sa, msgid);

	if (a)
		a->makes = spi;
}

bool v2_request_of(const struct ike_sa *sa, uint32_t spi, uint32_t *msgid)
{
	unsigned int i;

	for (i = 0; i < IKE_WINDOW; i++)
		if (sa->answers[i] && !sa->answers[i]->given && sa->answers[i]->makes == spi) {
			*msgid = sa->answers[i]->msgid;
			return true;
		}
	return false;
}

void v2_put_window(struct ike_sa *sa, struct v2_out *out)
{
	static const uint8_t window[4] = { 0, 0, 0, IKE_WINDOW };

	if (sa->window == IKE_WINDOW)
		return;
	sa->window = IKE_WINDOW;
	v2_put_notify(out, WIRE_N_SET_WINDOW_SIZE, (struct bytes){ window, sizeof(window) });
}

void v2_respond(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, struct v2_out *out)
{
	struct ike_answer *a = answer_of(sa, msgid);

	if (a && v2_seal(sa, exchange, true, msgid, out, &a->msg)) {
		report_sent(sa, exchange, true, msgid, buf_bytes(&a->msg), out);
		ike_send(sa, &a->local, &a->remote, buf_bytes(&a->msg));
	} else if (a) {
		buf_free(&a->msg);
	}
	if (a)
		a->given = true;
	while ((a = answer_of(sa, sa->next_in)) && a->given)
		sa->next_in++;
	v2_out_free(out);
}

void v2_respond_notify(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, uint16_t type,
		       struct bytes data)
{
	struct v2_out out;

	v2_out_init(&out);
	v2_put_notify(&out, type, data);
	v2_respond(sa, exchange, msgid, &out);
}

void v2_answered(struct ike_sa *sa)
{
	sa->rtt = sa->ike->now - sa->retrans.started;
	sa->rtt_tries = sa->retrans.tries;
	ike_waiters_done(&sa->answered, NULL);
	ike_retrans_stop(sa);
	sa->next_out++;
}

/* ---- what we want ---- */

static void start(struct ike_sa *sa, const struct ike_task *t)
{
	switch (t->type) {
	case IKE_TASK_CHILD:
		v2_child_start(sa, t);
		break;
	case IKE_TASK_DELETE_CHILD:
		v2_delete_child_start(sa, t->spi);
		break;
	case IKE_TASK_DELETE_IKE:
		v2_delete_ike_start(sa);
		break;
	case IKE_TASK_REKEY:
		v2_rekey_start(sa);
		break;
	case IKE_TASK_LIVENESS:
		v2_liveness_start(sa);
		break;
	}
}

/* all that it was to bring up is up: the SA it takes over from goes */
static void finish_replacing(struct ike_sa *sa)
{
	struct ike_sa *old = ike_sa_find(sa->ike, sa->replaces);

	sa->replaces = 0;
	if (old && old->state == IKE_STATE_ESTABLISHED)
		ike_sa_delete_delayed(old, "replaced");
}

/* by the peer, at this moment: what is to be asked is for the successor to ask */
static bool is_rekeyed(const struct ike_sa *sa)
{
	return sa->rekey_in && sa->state == IKE_STATE_ESTABLISHED;
}

/* RFC 7296 2.2: message IDs do not begin again */
static bool used_up(const struct ike_sa *sa)
{
	return sa->next_out >= MSGID_LAST || sa->next_in >= MSGID_LAST;
}

void v2_run(struct ike_sa *sa)
{
	struct ike_task *t;

	ike_sa_get(sa);
	if (!sa->dead && sa->state == IKE_STATE_ESTABLISHED && used_up(sa))
		ike_sa_delete(sa, "its message IDs are used up");
	while (!sa->dead && sa->state >= IKE_STATE_ESTABLISHED && !sa->retrans.waiting &&
	       !sa->busy_out && !is_rekeyed(sa) && (t = ike_task_take(sa))) {
		start(sa, t);
		free(t);
	}
	if (!sa->dead && sa->state == IKE_STATE_ESTABLISHED && sa->replaces && !sa->tasks &&
	    !sa->retrans.waiting && !sa->busy_out)
		finish_replacing(sa);
	ike_sa_put(sa);
}

/* Ends an IKE SA whose IKE_SA_INIT got no answer, or only copies of INVALID_KE_PAYLOAD. */
static void init_unanswered(struct ike_sa *sa, const char *to, unsigned int tries,
			    unsigned long long s)
{
	const struct ike_transform t = { IKE_TRANSFORM_DH, sa->kex.group, 0 };
	char offered[400], group[IKE_TRANSFORM_STRLEN];

	if (sa->kex.insists) {
		ike_transform_str(&t, group, sizeof(group));
		ike_sa_fail(sa, "%s wants DH group %s (INVALID_KE_PAYLOAD) though it gets %s: %u tries in %llu s",
			    to, group, group, tries, s);
		return;
	}
	ike_note_proposals(sa->ike, sa->peer->conf->ike, sa->peer->conf->n_ike, NULL, 0);
	ike_proposals_str(sa->peer->conf->ike, sa->peer->conf->n_ike, offered, sizeof(offered));
	ike_sa_fail(sa, "%s does not answer: %u tries in %llu s; offered %s; is it there, and is UDP "
		    "%u open on the way?", to, tries, s, offered, sa->remote.port);
}

/* nobody answered our request: RFC 7296 2.4 */
void v2_unanswered(struct ike_sa *sa)
{
	char to[ENDPOINT_STRLEN];
	unsigned int tries = sa->retrans.tries + 1;
	unsigned long long s = (sa->ike->now - sa->retrans.started + 500) / 1000;

	endpoint_str(&sa->remote, to, sizeof(to));
	switch (sa->state) {
	case IKE_STATE_INIT_SENT:
		init_unanswered(sa, to, tries, s);
		break;
	case IKE_STATE_AUTH_SENT:
		ike_sa_fail(sa, "%s answers IKE_SA_INIT and not IKE_AUTH: %u tries in %llu s; is UDP %u open on "
			    "the way, and do fragments pass?", to, tries, s, sa->remote.port);
		break;
	case IKE_STATE_REKEYED:
	case IKE_STATE_DELETING:
		ike_sa_kill(sa, "deleted");
		break;
	default:
		/* it has gone over to the successor that it made, and its word about that was lost */
		if (v2_rekey_peer_won(sa))
			break;
		ike_sa_fail(sa, "%s does not answer any more: %u tries in %llu s; its SAs are deleted",
			    to, tries, s);
	}
}

/* ---- reading ---- */

/* Checks for a request without a CHILD SA. We never send CHILDLESS_IKEV2_SUPPORTED (RFC 6023 3). */
static bool is_childless(const struct v2_in *in, enum wire_err err)
{
	return err == WIRE_MISSING && in->outer.hdr.exchange == WIRE_IKE_AUTH &&
	       !wire_find(&in->inner, WIRE_PLD_SA) && !wire_find(&in->inner, WIRE_PLD_TSI) &&
	       !wire_find(&in->inner, WIRE_PLD_TSR);
}

/*
 * RFC 7296 2.21.3: only who holds the keys is told, and then both ends drop the
 * SA. A payload that is critical and unknown does not take an SA with it.
 */
static void refuse_request(struct v2_in *in, enum wire_err err, uint8_t bad)
{
	struct ike_sa *sa = in->sa;
	uint8_t exchange = in->outer.hdr.exchange;
	uint32_t msgid = in->outer.hdr.msgid;

	ike_count(sa->ike, IKE_COUNT_MALFORMED);
	if (err == WIRE_CRITICAL) {
		v2_respond_notify(sa, exchange, msgid, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
				  (struct bytes){ &bad, 1 });
		if (sa->state < IKE_STATE_ESTABLISHED)
			ike_sa_fail(sa, "its %s request has a critical payload of type %u that "
				    "we do not know", wire_exchange_str(exchange), bad);
		return;
	}
	v2_respond_notify(sa, exchange, msgid, WIRE_N_INVALID_SYNTAX, (struct bytes){ NULL, 0 });
	if (is_childless(in, err))
		ike_sa_fail(sa, "its IKE_AUTH request has no CHILD SA (childless, RFC 6023), which nfipsec did not "
			    "offer: expected SA, TSi and TSr");
	else
		ike_sa_fail(sa, "its %s request is malformed: %s (%s)", wire_exchange_str(exchange),
			    wire_err_str(err), wire_payload_str(bad));
}

static void refuse_response(struct v2_in *in, enum wire_err err, uint8_t bad)
{
	ike_count(in->sa->ike, IKE_COUNT_MALFORMED);
	ike_sa_fail(in->sa, "its %s response is malformed: %s (%s)",
		    wire_exchange_str(in->outer.hdr.exchange), wire_err_str(err),
		    wire_payload_str(bad));
}

void v2_refuse_malformed(struct ike_sa *sa, uint8_t exchange, uint32_t msgid, const char *what)
{
	ike_count(sa->ike, IKE_COUNT_MALFORMED);
	v2_respond_notify(sa, exchange, msgid, WIRE_N_INVALID_SYNTAX, (struct bytes){ NULL, 0 });
	ike_sa_fail(sa, "its %s request is malformed: %s", wire_exchange_str(exchange), what);
}

/* RFC 7296 2.21.3: the peer has dropped the SA with this word, and so do we */
static bool is_end(const struct v2_in *in, bool response)
{
	struct wire_notification n;

	if (!response || in->sa->state != IKE_STATE_ESTABLISHED ||
	    !v2_find_notify(&in->inner, WIRE_N_INVALID_SYNTAX, &n))
		return false;
	ike_sa_fail(in->sa, "it says that our %s request is malformed (INVALID_SYNTAX), and drops the IKE SA",
		    wire_exchange_str(in->outer.hdr.exchange));
	return true;
}

static enum wire_err unwrap(struct v2_in *in, const struct transition *t, uint8_t *bad)
{
	enum wire_err err;

	*bad = 0;
	if (!t->sealed) {
		in->inner = in->outer;
	} else {
		in->inner.hdr = in->outer.hdr;
		err = wire_v2_walk(in->first, buf_bytes(&in->clear), &in->inner, bad);
		if (err)
			return err;
	}
	return wire_rules_check(&in->inner, in->outer.hdr.exchange, t->response, bad);
}

static bool is_repetition(struct v2_in *in, const struct ike_answer *a)
{
	uint8_t tail[32];

	if (wire_find(&in->outer, WIRE_PLD_SKF))
		return v2_fragment_repeats(in);
	set_tail(tail, in->raw);
	return in->raw.len == a->req_len && !memcmp(tail, a->req_tail, sizeof(tail));
}

/* RFC 7296 2.3: until the initial exchanges are over it is one, whatever was said in them */
static unsigned int window(const struct ike_sa *sa)
{
	return sa->state < IKE_STATE_ESTABLISHED ? 1 : sa->window;
}

/* false: the message ends here */
static bool request_in_window(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	uint32_t msgid = in->outer.hdr.msgid;
	struct ike_answer *a = answer_of(sa, msgid);

	if (!a && msgid >= sa->next_in && msgid - sa->next_in < window(sa) && msgid != UINT32_MAX)
		return true;
	if (a && !a->given) {
		ike_count(sa->ike, IKE_COUNT_DUPLICATE);
		return false;
	}
	if (a && a->msg.len && is_repetition(in, a)) {
		/* RFC 7296 2.1: the identical octets, to where this one came from */
		ike_count(sa->ike, IKE_COUNT_DUPLICATE);
		v2_repeat_response(sa, a);
		ike_send(sa, in->local, in->remote, buf_bytes(&a->msg));
		return false;
	}
	ike_count(sa->ike, IKE_COUNT_OLD);
	return false;
}

/* RFC 7296 2.3; false: the message ends here */
static bool in_window(struct v2_in *in, bool response)
{
	struct ike_sa *sa = in->sa;

	if (!response)
		return request_in_window(in);
	if (sa->retrans.waiting && in->outer.hdr.msgid == sa->next_out &&
	    in->outer.hdr.exchange == sa->retrans.exchange)
		return true;
	ike_count(sa->ike, IKE_COUNT_OLD);
	return false;
}

/* false: out of memory, and it may come again */
static bool accepted(struct v2_in *in, bool response)
{
	struct ike_sa *sa = in->sa;

	if (!response && !answer_new(in))
		return false;
	sa->last_in = sa->ike->now;
	v2_frags_drop(sa, response, in->outer.hdr.msgid);
	/*
	 * Before AUTH nobody knows who it is: there the port may move, and with AUTH it has.
	 * A request that others overtook says where the peer was.
	 */
	if (response ? sa->state >= IKE_STATE_ESTABLISHED : is_newest(sa, in->outer.hdr.msgid))
		ike_natt_follow(sa, in->local, in->remote);
	if (in->outer.hdr.exchange != WIRE_IKE_AUTH)
		ike_unique_confirmed(sa);
	if (response)
		v2_answered(sa);
	return true;
}

/*
 * The peer deleted it and its answer was lost: it does not know the SA any more
 * and cannot protect what it says. Who forges this ends a wait and no more.
 */
static bool says_gone(const struct v2_in *in, bool response)
{
	struct wire_notification n;

	return response && in->sa->delete_sent && v2_find_notify(&in->outer, WIRE_N_INVALID_IKE_SPI, &n);
}

/* false: nobody's, or a fragment of what is not whole yet */
static bool open_sealed(struct v2_in *in, bool response)
{
	if (wire_find(&in->outer, WIRE_PLD_SKF))
		return v2_fragment_take(in, response);
	if (v2_open(in->sa, in))
		return true;
	ike_count(in->sa->ike, IKE_COUNT_BAD_ICV);
	return false;
}

/**
 * v2_input - a message for an IKE SA that we have
 * @in: sa, raw, outer and both endpoints are set
 */
void v2_input(struct v2_in *in)
{
	bool response = in->outer.hdr.flags & WIRE_FLAG_RESPONSE;
	struct ike_sa *sa = in->sa;
	const struct transition *t;
	struct wire_notification n;
	enum wire_err err;
	uint8_t bad;

	if (response && v2_find_notify(&in->outer, WIRE_N_INVALID_IKE_SPI, &n))
		ike_sa_test_liveness(sa, in->remote);
	if (!in_window(in, response))
		return;
	t = transition_of(sa, in->outer.hdr.exchange, response);
	if (!t) {
		ike_count(sa->ike, IKE_COUNT_UNEXPECTED);
		return;
	}
	if (says_gone(in, response)) {
		ike_sa_kill(sa, "deleted");
		return;
	}
	in->octets = in->raw.len;
	in->fragments = 1;
	if (t->sealed && !open_sealed(in, response))
		return;
	err = unwrap(in, t, &bad);
	report_message(sa, true, in->outer.hdr.exchange, response, in->outer.hdr.msgid, in->octets,
		       in->fragments, err ? NULL : &in->inner);
	/* Anybody can send an unprotected message, so a malformed one proves nothing. */
	if (!t->sealed && err) {
		ike_count(sa->ike, IKE_COUNT_MALFORMED);
		return;
	}
	/* the peer retransmits a request that is dropped here */
	if (!err && t->handler == v2_auth_request && !v2_auth_may_try(in))
		return;
	if (t->sealed && !accepted(in, response))
		return;
	if (err && response)
		refuse_response(in, err, bad);
	else if (err)
		refuse_request(in, err, bad);
	else if (!is_end(in, response))
		t->handler(in);
	if (!sa->dead)
		v2_run(sa);
}
