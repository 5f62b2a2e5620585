/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of several payloads share. */
#ifndef TESTS_WIRE_BODY_H
#define TESTS_WIRE_BODY_H

#include "wire/wire.h"

static inline struct bytes str(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/* opened on one payload; its body is at offset 4 */
static inline struct bytes body_of(struct buf *b)
{
	assert_false(b->failed);
	assert_int_equal(get_u16(b->p + 2), b->len);
	return (struct bytes){ b->p + 4, b->len - 4 };
}

/* by its type; the result is thrown away */
static inline enum wire_err decode_body(const struct wire_payload *pld)
{
	static struct wire_sa sa;
	static struct wire_ts ts;
	struct wire_notification n;
	struct wire_delete del;
	struct wire_auth auth;
	struct bytes nonce;
	struct wire_ke ke;
	struct wire_id id;

	switch (pld->type) {
	case WIRE_PLD_SA:
		return wire_sa_decode(pld->body, &sa);
	case WIRE_PLD_KE:
		return wire_ke_decode(pld->body, &ke);
	case WIRE_PLD_IDI:
	case WIRE_PLD_IDR:
		return wire_id_decode(pld->body, &id);
	case WIRE_PLD_AUTH:
		return wire_auth_decode(pld->body, &auth);
	case WIRE_PLD_NONCE:
		return wire_nonce_decode(pld->body, &nonce);
	case WIRE_PLD_NOTIFY:
		return wire_notify_decode(pld->body, &n);
	case WIRE_PLD_DELETE:
		return wire_delete_decode(pld->body, &del);
	case WIRE_PLD_TSI:
	case WIRE_PLD_TSR:
		return wire_ts_decode(pld->body, &ts);
	default:
		return WIRE_OK;
	}
}

#endif
