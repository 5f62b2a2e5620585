// SPDX-License-Identifier: GPL-2.0
/* The SK payload around the others, RFC 7296 3.14; SKF around a part of them, RFC 7383 2.5. */
#include <string.h>

#include "v2/v2.h"

#define SK_GENERIC	4
#define SKF_HEAD	8	/* with the numbers */

struct sk_keys {
	uint16_t encr, integ;
	struct bytes encr_key, integ_key;
};

static void keys_of(const struct ike_sa *sa, bool initiator, struct sk_keys *k)
{
	const struct ike_transform *encr = ike_proposal_get(&sa->prop, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(&sa->prop, IKE_TRANSFORM_INTEG);

	k->encr = encr->id;
	k->integ = integ ? integ->id : INTEG_NONE;
	k->encr_key = (struct bytes){ initiator ? sa->keys.ei : sa->keys.er, sa->keys.encr_len };
	k->integ_key = (struct bytes){ initiator ? sa->keys.ai : sa->keys.ar, sa->keys.integ_len };
}

static size_t sealed_len(const struct sk_keys *k, size_t clear_len)
{
	return crypto_sk_len(k->encr, k->integ, clear_len);
}

/* one datagram more in @msg; @total 0: not a fragment */
static bool seal_datagram(const struct sk_keys *k, const struct wire_hdr *hdr, uint8_t first,
			  struct bytes clear, uint16_t number, uint16_t total, struct buf *msg)
{
	struct wire_writer w;
	struct buf one;
	bool ok;

	buf_init(&one);
	wire_open(&w, &one, hdr);
	if (total)
		wire_put_skf(&w, first, number, total, sealed_len(k, clear.len));
	else
		wire_put_sk(&w, first, sealed_len(k, clear.len));
	ok = !one.failed && crypto_sk_seal(k->encr, k->encr_key, k->integ, k->integ_key,
					   buf_bytes(&one), clear, &one);
	if (ok)
		buf_put_bytes(msg, buf_bytes(&one));
	buf_free(&one);
	return ok && !msg->failed;
}

/* how much of the inside a fragment takes, so that it has @max octets at most; 0: nothing */
static size_t fragment_room(const struct sk_keys *k, size_t max)
{
	size_t least = WIRE_HDR_LEN + SKF_HEAD + sealed_len(k, 0), room;

	if (least >= max)
		return 0;
	/* padding to a block is in that once already */
	for (room = max - least; WIRE_HDR_LEN + SKF_HEAD + sealed_len(k, room + 1) <= max; room++)
		;
	return room;
}

static bool seal_fragments(const struct sk_keys *k, const struct wire_hdr *hdr, uint8_t first,
			   struct bytes clear, size_t max, struct buf *msg)
{
	size_t room = fragment_room(k, max), n, i;
	struct bytes part;

	n = room ? (clear.len + room - 1) / room : 0;
	if (!n || n > UINT16_MAX)
		return false;
	for (i = 0; i < n; i++) {
		part.p = clear.p + i * room;
		part.len = i + 1 < n ? room : clear.len - i * room;
		if (!seal_datagram(k, hdr, first, part, (uint16_t)(i + 1), (uint16_t)n, msg))
			return false;
	}
	return true;
}

static bool seal(struct ike_sa *sa, const struct wire_hdr *hdr, uint8_t first, struct bytes clear,
		 struct buf *msg)
{
	size_t whole, max = v2_datagram_max(sa);
	struct sk_keys k;

	keys_of(sa, sa->initiator, &k);
	whole = WIRE_HDR_LEN + SK_GENERIC + sealed_len(&k, clear.len);
	if (whole > WIRE_MSG_MAX)
		return false;
	/* RFC 7383 2.5: what fits is not made longer */
	return whole <= max ? seal_datagram(&k, hdr, first, clear, 0, 0, msg) :
			      seal_fragments(&k, hdr, first, clear, max, msg);
}

/**
 * v2_seal - a whole protected message
 * @sa: its keys; who sends is us
 * @exchange: exchange type
 * @response: is it one?
 * @msgid: message ID
 * @out: the payloads
 * @msg: gets the message, its datagrams one behind the other; an empty buffer
 *
 *	IKE header | next, 0, length (2) | IV | encrypted payloads, padding | ICV
 */
bool v2_seal(struct ike_sa *sa, uint8_t exchange, bool response, uint32_t msgid,
	     const struct v2_out *out, struct buf *msg)
{
	struct wire_hdr hdr = {
		.spi_i = sa->spi_i, .spi_r = sa->spi_r, .major = 2,
		.exchange = exchange, .msgid = msgid,
		.flags = (sa->initiator ? WIRE_FLAG_INITIATOR : 0) |
			 (response ? WIRE_FLAG_RESPONSE : 0),
	};

	return !out->body.failed && seal(sa, &hdr, out->first, buf_bytes(&out->body), msg);
}

static const struct wire_payload *sealed_payload(const struct wire_msg *msg)
{
	const struct wire_payload *sk = wire_find(msg, WIRE_PLD_SK);

	return sk ? sk : wire_find(msg, WIRE_PLD_SKF);
}

/* Decrypts @raw by the keys of the given end and appends its payloads to @clear. */
static bool open_datagram(const struct sk_keys *k, struct bytes raw, const struct wire_msg *outer,
			  struct buf *clear)
{
	const struct wire_payload *sk = sealed_payload(outer);
	struct wire_skf skf;
	struct bytes aad;

	if (!sk)
		return false;
	skf.sealed = sk->body;
	if (sk->type == WIRE_PLD_SKF && wire_skf_decode(sk->body, &skf) != WIRE_OK)
		return false;
	/* RFC 7383 2.5: up to the total, which so nobody can change */
	aad = (struct bytes){ raw.p, skf.sealed.p - raw.p };
	return crypto_sk_open(k->encr, k->encr_key, k->integ, k->integ_key, aad, skf.sealed,
			      clear) && !clear->failed;
}

/**
 * v2_open - the inside of a message, or of one fragment
 * @sa: its keys; who sent it is the peer
 * @in: raw and outer are set; gets first and clear
 */
bool v2_open(struct ike_sa *sa, struct v2_in *in)
{
	const struct wire_payload *sk = sealed_payload(&in->outer);
	struct sk_keys k;

	keys_of(sa, !sa->initiator, &k);
	if (!open_datagram(&k, in->raw, &in->outer, &in->clear))
		return false;
	in->first = sk->next;
	return true;
}

static unsigned int datagrams(struct bytes msg)
{
	unsigned int n = 0;
	struct bytes one;

	while (ike_datagram(&msg, &one))
		n++;
	return n;
}

/**
 * v2_seal_again - the same message in more datagrams
 * @sa: its keys; we sent it
 * @msg: its datagrams; unchanged on failure
 *
 * So that the inside of each message needs not be kept until it is answered. In as
 * many as before it would be a failure: RFC 7383 2.5.2, the peer tells the fragments of
 * one from those of the other by their number, and would mix them.
 */
bool v2_seal_again(struct ike_sa *sa, struct buf *msg)
{
	struct bytes rest = buf_bytes(msg), one;
	struct buf clear, again;
	struct wire_msg outer;
	struct wire_hdr hdr;
	uint8_t bad, first = 0;
	struct sk_keys k;
	bool ok = true;

	memset(&hdr, 0, sizeof(hdr));
	keys_of(sa, sa->initiator, &k);
	buf_init(&clear);
	buf_init(&again);
	while (ok && ike_datagram(&rest, &one)) {
		ok = wire_v2_decode(one, &outer, &bad) == WIRE_OK &&
		     open_datagram(&k, one, &outer, &clear);
		if (ok && !hdr.major) {
			hdr = outer.hdr;
			first = sealed_payload(&outer)->next;
		}
	}
	ok = ok && hdr.major && seal(sa, &hdr, first, buf_bytes(&clear), &again) &&
	     datagrams(buf_bytes(&again)) > datagrams(buf_bytes(msg));
	if (ok) {
		buf_free(msg);
		*msg = again;
	} else {
		buf_free(&again);
	}
	buf_free(&clear);
	return ok;
}
