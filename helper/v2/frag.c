// SPDX-License-Identifier: GPL-2.0
/*
 * IKE fragmentation, RFC 7383: what comes in fragments, and how small ours are.
 * The fragments themselves are made and opened in sk.c.
 *
 * Whoever completes IKE_SA_INIT can send fragments that are genuine, and nobody
 * knows yet who he is. So a half-open SA has a little memory, which is enough for any
 * IKE_AUTH of use and which no other can take from it; beyond that all share.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "v2/reassembly.h"
#include "v2/v2.h"

#define REASSEMBLY_MS		20000	/* less than a half-open SA lives */
#define SMALL_DATAGRAM		576	/* RFC 791: what each host takes; RFC 7383 2.5.1 */
#define MESSAGE_MEMORY		(WIRE_MSG_MAX + 32 * 1024)
#define STRANGER_MESSAGE_MEMORY	(IKE_STRANGER_MSG_MAX + 16 * 1024)
#define STRANGER_MEMORY		(16u << 10)	/* of one half-open SA */
#define STRANGERS_MEMORY	(8u << 20)	/* of all of them, beyond that */
#define REPEATS_BEFORE_SMALLER	2

/* of one IKE SA: a message that is being put together, a request or a response */
struct v2_frags {
	struct ike_sa *sa;
	bool response;
	struct v2_reassembly r;
	struct ike_timer timer;
	size_t charged;			/* to the strangers' share */
};

/* ---- coming in ---- */

static void uncharge(struct v2_frags *fr)
{
	fr->sa->ike->unauthenticated_memory -= fr->charged;
	fr->charged = 0;
}

static void charge(struct v2_frags *fr)
{
	uncharge(fr);
	if (ike_is_unauthenticated(fr->sa) && fr->r.held > STRANGER_MEMORY)
		fr->charged = fr->r.held - STRANGER_MEMORY;
	fr->sa->ike->unauthenticated_memory += fr->charged;
}

/* we have one request outstanding, the peer as many as our window has */
static struct v2_frags **place(struct ike_sa *sa, bool response, uint32_t msgid)
{
	return &sa->frags[response ? IKE_WINDOW : msgid % IKE_WINDOW];
}

static void drop(struct v2_frags **at)
{
	struct v2_frags *fr = *at;

	if (!fr)
		return;
	ike_timer_off(&fr->sa->ike->timers, &fr->timer);
	uncharge(fr);
	v2_reassembly_free(&fr->r);
	free(fr);
	*at = NULL;
}

/**
 * v2_frags_drop - what has come of a message is not wanted any more
 * @sa: the SA
 * @response: of the peer's response, or of its request
 * @msgid: its message ID
 */
void v2_frags_drop(struct ike_sa *sa, bool response, uint32_t msgid)
{
	drop(place(sa, response, msgid));
}

/**
 * v2_frags_free - of no message
 * @sa: the SA
 */
void v2_frags_free(struct ike_sa *sa)
{
	unsigned int i;

	for (i = 0; i <= IKE_WINDOW; i++)
		drop(&sa->frags[i]);
}

/* they were sent again meanwhile: this is no chance loss */
static void not_whole_in_time(struct ike_timer *t)
{
	struct v2_frags *fr = container_of(t, struct v2_frags, timer);
	struct ike_sa *sa = fr->sa;
	char addr[ADDR_STRLEN];

	ike_count(sa->ike, IKE_COUNT_FRAGMENTS_LOST);
	ike_report_unauthenticated(sa->ike, sa->peer, IKE_CAUSE_FRAGMENTS, ike_asker(sa),
				   "%u of %u fragments of the %s %s %u of %s came, the others did not in %u s",
				   fr->r.have, fr->r.total, wire_exchange_str(fr->r.exchange),
				   fr->response ? "response" : "request", fr->r.msgid,
				   addr_str(ike_asker(sa), addr,
					    sizeof(addr)), REASSEMBLY_MS / 1000);
	v2_frags_drop(sa, fr->response, fr->r.msgid);
}

static struct v2_frags *frags_of(struct ike_sa *sa, bool response, uint32_t msgid)
{
	struct v2_frags **at = place(sa, response, msgid), *fr = *at;

	if (fr)
		return fr;
	fr = calloc(1, sizeof(*fr));
	if (!fr)
		return NULL;
	fr->sa = sa;
	fr->response = response;
	v2_reassembly_init(&fr->r);
	fr->timer.fn = not_whole_in_time;
	*at = fr;
	return fr;
}

static size_t memory_left(const struct v2_frags *fr)
{
	const struct ike *ike = fr->sa->ike;
	size_t others = ike->unauthenticated_memory - fr->charged, left;

	if (!ike_is_unauthenticated(fr->sa))
		return MESSAGE_MEMORY;
	left = STRANGER_MEMORY + (others < STRANGERS_MEMORY ? STRANGERS_MEMORY - others : 0);
	return left < STRANGER_MESSAGE_MEMORY ? left : STRANGER_MESSAGE_MEMORY;
}

/* outer headers of an IKE message */
static size_t around(const struct ike_sa *sa)
{
	size_t ip = sa->remote.addr.family == AF_INET6 ? 40 : 20;

	return ip + 8 + (sa->local.port == IKE_NATT_PORT ? 4 : 0);
}

/* A size that arrives from the peer also reaches the peer. */
static void note_size(struct ike_sa *sa, size_t longest)
{
	longest += around(sa);
	if (longest < CONF_FRAGMENT_MIN)
		longest = CONF_FRAGMENT_MIN;
	if (longest <= UINT16_MAX && (!sa->frag_size || longest < sa->frag_size))
		sa->frag_size = (uint16_t)longest;
}

static bool whole(struct v2_in *in, struct v2_frags *fr, bool response)
{
	bool ok;

	buf_free(&in->clear);
	ok = v2_reassembly_join(&fr->r, &in->clear);
	in->first = fr->r.first;
	in->octets = fr->r.octets;
	in->fragments = fr->r.total;
	if (!response)
		note_size(in->sa, fr->r.longest);
	v2_frags_drop(in->sa, response, in->outer.hdr.msgid);
	return ok;
}

static bool read_head(const struct v2_in *in, struct v2_fragment *f)
{
	const struct wire_payload *pld = wire_find(&in->outer, WIRE_PLD_SKF);
	struct wire_skf skf;

	if (!in->sa->fragments || wire_skf_decode(pld->body, &skf) != WIRE_OK)
		return false;
	*f = (struct v2_fragment){
		.msgid = in->outer.hdr.msgid, .exchange = in->outer.hdr.exchange,
		.first = pld->next, .number = skf.number, .total = skf.total,
		.octets = in->raw.len,
	};
	return true;
}

static bool refused(struct v2_in *in)
{
	ike_count(in->sa->ike, IKE_COUNT_FRAGMENT_REFUSED);
	return false;
}

/**
 * v2_fragment_take - a message with an SKF payload, within the window
 * @in: gets the inside of the message, when it is whole
 * @response: is it one?
 *
 * Return: whether it is whole. Nothing is kept that is not the peer's.
 */
bool v2_fragment_take(struct v2_in *in, bool response)
{
	struct ike_sa *sa = in->sa;
	struct v2_frags *fr = *place(sa, response, in->outer.hdr.msgid);
	enum v2_reassembled got;
	struct v2_fragment f;

	if (!read_head(in, &f) || (fr && !v2_reassembly_wants(&fr->r, &f)))
		return refused(in);
	if (!v2_open(sa, in)) {
		ike_count(sa->ike, IKE_COUNT_BAD_ICV);
		return false;
	}
	fr = frags_of(sa, response, in->outer.hdr.msgid);
	if (!fr)
		return false;
	f.clear = buf_bytes(&in->clear);
	if (ike_is_unauthenticated(sa) && fr->r.clear + f.clear.len > IKE_STRANGER_MSG_MAX) {
		v2_frags_drop(sa, response, f.msgid);
		return refused(in);
	}
	got = v2_reassembly_add(&fr->r, &f, memory_left(fr));
	charge(fr);
	if (!fr->r.total)
		v2_frags_drop(sa, response, f.msgid);
	if (got == V2_FRAGMENT_REFUSED)
		return refused(in);
	ike_count(sa->ike, IKE_COUNT_FRAGMENT);
	sa->last_in = sa->ike->now;
	if (got == V2_MESSAGE_WHOLE)
		return whole(in, fr, response);
	if (!fr->timer.at)
		ike_timer_set(&sa->ike->timers, &fr->timer, sa->ike->now + REASSEMBLY_MS);
	return false;
}

/**
 * v2_fragment_repeats - does it say that a request was sent again?
 * @in: with an SKF payload, and the message ID of one that was answered
 *
 * RFC 7383 2.6.1: its first fragment alone says so, once it is seen to be genuine;
 * the octets need not be those of before, since the peer may have fragmented it again.
 */
bool v2_fragment_repeats(struct v2_in *in)
{
	struct v2_fragment f;

	return read_head(in, &f) && f.number == 1 && v2_open(in->sa, in);
}

/* ---- going out ---- */

/**
 * v2_datagram_max - octets that an IKE message in one datagram may have
 * @sa: the SA
 */
size_t v2_datagram_max(const struct ike_sa *sa)
{
	size_t size = sa->peer && sa->fragments ? sa->peer->conf->fragment_size : 0;

	if (!size)
		return WIRE_MSG_MAX;
	if (sa->frag_size && sa->frag_size < size)
		size = sa->frag_size;
	return size - around(sa);
}

/**
 * v2_smaller - nothing says that it arrived: smaller fragments may
 * @sa: the SA
 * @msg: as it was sent; fragmented again where that makes a difference
 *
 * RFC 7383 2.5.2, in one step and for all that follows.
 *
 * Return: whether it was.
 */
bool v2_smaller(struct ike_sa *sa, struct buf *msg)
{
	struct bytes rest = buf_bytes(msg), one;
	uint16_t before = sa->frag_size;
	size_t longest = 0;

	while (ike_datagram(&rest, &one))
		if (one.len > longest)
			longest = one.len;
	if (!sa->fragments || longest + around(sa) <= SMALL_DATAGRAM)
		return false;
	sa->frag_size = SMALL_DATAGRAM;
	if (v2_seal_again(sa, msg))
		return true;
	sa->frag_size = before;
	return false;
}

/**
 * v2_repeat_response - the peer sent a request again that was answered
 * @sa: the SA
 * @a: the answer
 *
 * It is lost again and again: it may be too large for the way.
 */
void v2_repeat_response(struct ike_sa *sa, struct ike_answer *a)
{
	if (a->repeats < UINT8_MAX)
		a->repeats++;
	if (a->repeats == REPEATS_BEFORE_SMALLER)
		v2_smaller(sa, &a->msg);
}
