// SPDX-License-Identifier: GPL-2.0
/* The SK payload around the others: RFC 7296 3.14. */
#include "v2/v2.h"

#define SK_GENERIC	4

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

/**
 * v2_seal - a whole protected message
 * @sa: its keys; who sends is us
 * @exchange: exchange type
 * @response: is it one?
 * @msgid: message ID
 * @out: the payloads
 * @msg: gets the message; an empty buffer
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
	struct wire_writer w;
	struct sk_keys k;
	size_t len;

	keys_of(sa, sa->initiator, &k);
	len = crypto_sk_len(k.encr, k.integ, out->body.len);
	if (out->body.failed || WIRE_HDR_LEN + SK_GENERIC + len > WIRE_MSG_MAX)
		return false;
	wire_open(&w, msg, &hdr);
	wire_put_sk(&w, out->first, len);
	return !msg->failed &&
	       crypto_sk_seal(k.encr, k.encr_key, k.integ, k.integ_key, buf_bytes(msg),
			      buf_bytes(&out->body), msg) && !msg->failed;
}

bool v2_open(struct ike_sa *sa, struct v2_in *in)
{
	const struct wire_payload *sk = wire_find(&in->outer, WIRE_PLD_SK);
	struct bytes aad;
	struct sk_keys k;

	if (!sk)
		return false;
	keys_of(sa, !sa->initiator, &k);
	aad = (struct bytes){ in->raw.p, sk->body.p - in->raw.p };
	return crypto_sk_open(k.encr, k.encr_key, k.integ, k.integ_key, aad, sk->body,
			      &in->clear) && !in->clear.failed;
}
