/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is done with the body of a payload, by its type: it is decoded, and what
 * decodes must encode to what decodes to the same. Each payload has a fuzzer of
 * its own (PLD_FUZZER); wire_fuzz.c does the same with all that a message has.
 */
#ifndef FUZZ_PLD_H
#define FUZZ_PLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/crypto.h"
#include "wire/wire.h"

#define check(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			abort(); \
		} \
	} while (0)

static inline void inside_of(struct bytes part, struct bytes whole)
{
	check(!part.len || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len));
}

#define PLD_OURS	4

/* Proposals that the fuzzer chooses from. */
static inline const struct ike_proposal *pld_ours(void)
{
	static const char *const words[PLD_OURS] = {
		"aes256gcm16-prfsha384-ecp384", "aes128-sha256-modp2048-x25519",
		"aes128gcm16-ecp256", "aes256-sha256-noesn",
	};
	static struct ike_proposal ours[PLD_OURS];
	char err[256];
	size_t i, off;

	for (i = 0; i < PLD_OURS && !ours[i].n; i++) {
		check(ike_proposal_parse(words[i], i < 2 ? PROTO_IKE : PROTO_ESP, &ours[i], err,
					 sizeof(err), &off));
		ours[i].number = (uint8_t)(i % 2 + 1);
		ours[i].spi_len = i < 2 ? 0 : 4;
	}
	return ours;
}

/* field by field: padding is nobody's */
static inline bool same(const struct ike_proposal *a, const struct ike_proposal *b)
{
	unsigned int i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (a->t[i].type != b->t[i].type || a->t[i].id != b->t[i].id ||
		    a->t[i].key_bits != b->t[i].key_bits)
			return false;
	return a->number == b->number && a->proto == b->proto && a->spi_len == b->spi_len &&
	       !memcmp(a->spi, b->spi, sizeof(a->spi)) && a->n == b->n;
}

static inline void sa_body(struct bytes body)
{
	const struct ike_proposal *ours = pld_ours();
	static struct wire_sa sa, again;
	struct ike_proposal chosen;
	struct wire_writer w;
	char text[512];
	struct buf b;
	unsigned int i;
	uint8_t first;

	if (wire_sa_decode(body, &sa))
		return;
	check(sa.n <= WIRE_PROPOSALS_MAX);
	for (i = 0; i < sa.n; i++) {
		check(sa.p[i].n && sa.p[i].n <= IKE_PROPOSAL_TRANSFORMS);
		ike_proposal_str(&sa.p[i], text, sizeof(text));
		ike_proposal_accept(ours, PLD_OURS, &sa.p[i]);
	}
	ike_proposal_diff(ours, PLD_OURS, sa.p, sa.n, text, sizeof(text));
	for (i = 0; i < 2; i++)
		if (ike_proposal_select(ours, PLD_OURS, sa.p, sa.n, i, &chosen) && !i) {
			/* The initiator must be able to accept the responder's choice. */
			check(ike_proposal_accept(sa.p, sa.n, &chosen));
		}
	/* a proposal left out leaves a gap in the numbers */
	for (i = 0; i < sa.n; i++)
		sa.p[i].number = (uint8_t)(i + 1);
	if (!sa.n)
		return;
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_sa(&w, sa.p, sa.n);
	check(!b.failed);
	check(wire_sa_decode((struct bytes){ b.p + 4, b.len - 4 }, &again) == WIRE_OK);
	check(again.n == sa.n);
	for (i = 0; i < sa.n; i++)
		check(same(&sa.p[i], &again.p[i]));
	buf_free(&b);
}

static inline void ts_body(struct bytes body)
{
	static struct wire_ts ts, again;
	struct wire_writer w;
	char text[TS_STRLEN];
	struct buf b;
	struct ts t;
	unsigned int i;
	uint8_t first;

	if (wire_ts_decode(body, &ts) || !ts.n)
		return;
	for (i = 0; i < ts.n; i++) {
		ts_str(&ts.ts[i], text, sizeof(text));
		check(ts_contains(&ts.ts[i], &ts.ts[i]));
		if (ts_intersect(&ts.ts[0], &ts.ts[i], &t))
			check(ts_contains(&ts.ts[0], &t) && ts_contains(&ts.ts[i], &t));
	}
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_ts(&w, WIRE_PLD_TSI, ts.ts, ts.n);
	check(!b.failed);
	check(wire_ts_decode((struct bytes){ b.p + 4, b.len - 4 }, &again) == WIRE_OK);
	check(again.n == ts.n);
	for (i = 0; i < ts.n; i++)
		check(ts_equal(&ts.ts[i], &again.ts[i]));
	buf_free(&b);
}

/* a payload that was written is read again: its body */
static inline struct bytes written(const struct buf *b)
{
	check(!b->failed && get_u16(b->p + 2) == b->len);
	return (struct bytes){ b->p + 4, b->len - 4 };
}

static inline void ke_body(struct bytes body)
{
	struct wire_ke ke, again;
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	if (wire_ke_decode(body, &ke))
		return;
	inside_of(ke.data, body);
	check(ke.data.len);
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_ke(&w, ke.group, ke.data);
	check(wire_ke_decode(written(&b), &again) == WIRE_OK);
	check(again.group == ke.group && bytes_equal(again.data, ke.data));
	buf_free(&b);
}

static inline void id_body(uint8_t type, struct bytes body)
{
	struct wire_id id, again;
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	if (wire_id_decode(body, &id))
		return;
	inside_of(id.data, body);
	check(id.type != WIRE_ID_IPV4 || id.data.len == 4);
	check(id.type != WIRE_ID_IPV6 || id.data.len == 16);
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_id(&w, type, id.type, id.data);
	check(wire_id_decode(written(&b), &again) == WIRE_OK);
	check(again.type == id.type && bytes_equal(again.data, id.data));
	buf_free(&b);
}

static inline void auth_body(struct bytes body)
{
	struct wire_auth auth, again;
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	if (wire_auth_decode(body, &auth))
		return;
	inside_of(auth.data, body);
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_auth(&w, auth.method, auth.data);
	check(wire_auth_decode(written(&b), &again) == WIRE_OK);
	check(again.method == auth.method && bytes_equal(again.data, auth.data));
	buf_free(&b);
}

static inline void nonce_body(struct bytes body)
{
	struct bytes nonce;

	if (wire_nonce_decode(body, &nonce)) {
		check(body.len < WIRE_NONCE_MIN || body.len > WIRE_NONCE_MAX);
		return;
	}
	check(bytes_equal(nonce, body));
	check(nonce.len >= WIRE_NONCE_MIN && nonce.len <= WIRE_NONCE_MAX);
}

static inline void notify_body(struct bytes body)
{
	struct wire_notification n, again;
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	if (wire_notify_decode(body, &n))
		return;
	inside_of(n.spi, body);
	inside_of(n.data, body);
	wire_notify_str(n.type);
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_notify(&w, n.proto, n.spi, n.type, n.data);
	check(wire_notify_decode(written(&b), &again) == WIRE_OK);
	check(again.type == n.type && bytes_equal(again.spi, n.spi) &&
	      bytes_equal(again.data, n.data));
	buf_free(&b);
}

static inline void delete_body(struct bytes body)
{
	struct wire_delete d, again;
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	if (wire_delete_decode(body, &d))
		return;
	inside_of(d.spis, body);
	check(d.spis.len == (size_t)d.n * d.spi_len);
	/* RFC 7296 3.11 */
	check(d.proto == PROTO_IKE ? !d.spi_len : d.spi_len == 4 || (d.proto != PROTO_ESP &&
								       d.proto != PROTO_AH));
	/* without SPIs their number says nothing, and is not written */
	if (!d.spi_len && d.n)
		return;
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_delete(&w, d.proto, d.spi_len, d.spis);
	if (!b.failed) {
		check(wire_delete_decode(written(&b), &again) == WIRE_OK);
		check(again.proto == d.proto && again.n == d.n && bytes_equal(again.spis, d.spis));
	}
	buf_free(&b);
}

/* CERT and CERTREQ */
static inline void cert_body(uint8_t type, struct bytes body)
{
	struct wire_cert c, again;
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	if (wire_cert_decode(body, &c))
		return;
	inside_of(c.data, body);
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_cert(&w, type, c.encoding, c.data);
	check(wire_cert_decode(written(&b), &again) == WIRE_OK);
	check(again.encoding == c.encoding && bytes_equal(again.data, c.data));
	buf_free(&b);
}

/* RFC 7383 2.5 */
static inline void skf_body(struct bytes body)
{
	struct wire_skf skf;

	if (wire_skf_decode(body, &skf))
		return;
	inside_of(skf.sealed, body);
	check(skf.number && skf.number <= skf.total);
}

static inline void pld_body(uint8_t type, struct bytes body)
{
	wire_payload_str(type);
	switch (type) {
	case WIRE_PLD_SA:
		sa_body(body);
		break;
	case WIRE_PLD_KE:
		ke_body(body);
		break;
	case WIRE_PLD_IDI:
	case WIRE_PLD_IDR:
		id_body(type, body);
		break;
	case WIRE_PLD_CERT:
	case WIRE_PLD_CERTREQ:
		cert_body(type, body);
		break;
	case WIRE_PLD_SKF:
		skf_body(body);
		break;
	case WIRE_PLD_AUTH:
		auth_body(body);
		break;
	case WIRE_PLD_NONCE:
		nonce_body(body);
		break;
	case WIRE_PLD_NOTIFY:
		notify_body(body);
		break;
	case WIRE_PLD_DELETE:
		delete_body(body);
		break;
	case WIRE_PLD_TSI:
	case WIRE_PLD_TSR:
		ts_body(body);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* the whole of a fuzzer for the bodies of one type of payload */
#define PLD_FUZZER(type) \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) \
	{ \
		pld_body((type), (struct bytes){ data, size }); \
		return 0; \
	}

#endif
