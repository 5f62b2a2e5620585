// SPDX-License-Identifier: GPL-2.0
/* The wire format of IKEv2: a real peer's message, round trips, and everything that is wrong. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hex.h"
#include "tests/wire_capture.h"
#include "wire/wire.h"

static const struct wire_hdr hdr = {
	.spi_i = 0x0102030405060708ULL, .spi_r = 0, .major = 2, .exchange = WIRE_IKE_SA_INIT,
	.flags = WIRE_FLAG_INITIATOR, .msgid = 0,
};

static struct bytes str(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static struct ike_proposal proposal(const char *s, uint8_t proto)
{
	struct ike_proposal p;
	char err[256];
	size_t off;

	assert_true(ike_proposal_parse(s, proto, &p, err, sizeof(err), &off));
	if (proto == PROTO_ESP) {
		p.spi_len = 4;
		memcpy(p.spi, "\xc0\x00\x00\x01", 4);
	}
	return p;
}

static struct ts ts4(const char *addr, unsigned int prefix_len)
{
	struct addr a;
	struct ts t;

	assert_true(addr_parse(addr, &a));
	ts_from_prefix(&a, prefix_len, &t);
	return t;
}

/* of a heap copy of exact size, so that a read beyond it is seen */
static enum wire_err decode_err(struct bytes raw, uint8_t *bad)
{
	static struct wire_msg msg;
	uint8_t *copy = tight(raw);
	enum wire_err err = wire_v2_decode((struct bytes){ copy, raw.len }, &msg, bad);

	free(copy);
	return err;
}

/* ---- a real peer ---- */

static void reads_strongswan(void **state)
{
	static struct wire_msg msg;
	struct buf raw = hex_buf(WIRE_CAPTURE_STRONGSWAN_INIT);
	struct ike_proposal ours, chosen;
	struct wire_notification n;
	static struct wire_sa sa;
	struct wire_ke ke;
	struct bytes nonce;
	char s[512];
	uint8_t bad;

	(void)state;
	assert_int_equal(wire_v2_decode(buf_bytes(&raw), &msg, &bad), WIRE_OK);
	assert_int_equal(msg.hdr.exchange, WIRE_IKE_SA_INIT);
	assert_int_equal(msg.hdr.flags, WIRE_FLAG_INITIATOR);
	assert_true(msg.hdr.spi_i != 0 && msg.hdr.spi_r == 0);
	assert_int_equal(msg.hdr.length, raw.len);
	assert_int_equal(msg.n, 8);
	assert_int_equal(wire_rules_check(&msg, msg.hdr.exchange, false, &bad), WIRE_OK);

	assert_int_equal(wire_sa_decode(wire_find(&msg, WIRE_PLD_SA)->body, &sa), WIRE_OK);
	assert_int_equal(sa.n, 2);
	assert_int_equal(sa.p[0].number, 1);
	assert_int_equal(sa.p[1].number, 2);
	assert_int_equal(wire_ke_decode(wire_find(&msg, WIRE_PLD_KE)->body, &ke), WIRE_OK);
	assert_int_equal(ke.group, DH_X25519);
	assert_int_equal(ke.data.len, 32);
	assert_int_equal(wire_nonce_decode(wire_find(&msg, WIRE_PLD_NONCE)->body, &nonce), WIRE_OK);
	assert_int_equal(nonce.len, 32);
	assert_int_equal(wire_notify_decode(wire_find(&msg, WIRE_PLD_NOTIFY)->body, &n), WIRE_OK);
	assert_int_equal(n.type, WIRE_N_NAT_DETECTION_SOURCE_IP);
	assert_int_equal(n.data.len, 20);

	/* it offers more than we keep; all that we have is kept, from either proposal */
	ours = proposal("aes256gcm16-prfsha384-modp4096", PROTO_IKE);
	assert_true(ike_proposal_select(&ours, 1, sa.p, sa.n, false, &chosen));
	assert_int_equal(chosen.number, 2);
	ours = proposal("aes192-sha512-ecp521", PROTO_IKE);
	assert_true(ike_proposal_select(&ours, 1, sa.p, sa.n, false, &chosen));
	assert_string_equal(ike_proposal_str(&chosen, s, sizeof(s)), "aes192-sha512-ecp521");
	buf_free(&raw);
}

/* every head of it, with the length octets as they were and as they would be */
static void heads_are_refused(void **state)
{
	struct buf raw = hex_buf(WIRE_CAPTURE_STRONGSWAN_INIT);
	uint8_t bad;
	size_t len;

	(void)state;
	for (len = 0; len < raw.len; len++) {
		assert_int_equal(decode_err((struct bytes){ raw.p, len }, &bad), WIRE_TRUNCATED);
		if (len < WIRE_HDR_LEN)
			continue;
		buf_set_u32(&raw, 24, (uint32_t)len);
		assert_int_equal(decode_err((struct bytes){ raw.p, len }, &bad), WIRE_TRUNCATED);
		buf_set_u32(&raw, 24, (uint32_t)raw.len);
	}
	buf_put_u8(&raw, 0);
	assert_int_equal(decode_err(buf_bytes(&raw), &bad), WIRE_SYNTAX);
	buf_set_u32(&raw, 24, (uint32_t)raw.len);
	assert_int_equal(decode_err(buf_bytes(&raw), &bad), WIRE_SYNTAX);
	buf_free(&raw);
}

static enum wire_err decode_body(const struct wire_payload *pld)
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

/* the bodies cut short: never a read beyond, and an error wherever lengths are inside */
static void cut_bodies_are_refused(void **state)
{
	struct buf raw = hex_buf(WIRE_CAPTURE_STRONGSWAN_INIT);
	static struct wire_msg msg;
	struct wire_payload cut;
	unsigned int i;
	uint8_t bad;
	size_t len;

	(void)state;
	assert_int_equal(wire_v2_decode(buf_bytes(&raw), &msg, &bad), WIRE_OK);
	for (i = 0; i < msg.n; i++)
		for (len = 0; len < msg.pld[i].body.len; len++) {
			uint8_t *copy = tight((struct bytes){ msg.pld[i].body.p, len });
			enum wire_err err;

			cut = msg.pld[i];
			cut.body = (struct bytes){ copy, len };
			err = decode_body(&cut);
			if (cut.type == WIRE_PLD_SA || len < 4)
				assert_true(err != WIRE_OK);
			free(copy);
		}
	buf_free(&raw);
}

/* ---- the chain ---- */

static struct buf small_message(void)
{
	struct wire_writer w;
	struct buf b;

	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_put_nonce(&w, str("sixteen octets!!"));
	wire_put_raw(&w, WIRE_PLD_VENDOR, false, str("nfipsec"));
	wire_finish(&b);
	return b;
}

static void chain_is_written_and_read(void **state)
{
	static struct wire_msg msg;
	struct buf b = small_message(), want;
	uint8_t bad;

	(void)state;
	want = hex_buf("0102030405060708 0000000000000000 28202208 00000000 0000003b"
		       "2b000014 7369787465656e206f63746574732121 0000000b 6e666970736563");
	assert_true(bytes_equal(buf_bytes(&b), buf_bytes(&want)));
	assert_int_equal(wire_v2_decode(buf_bytes(&b), &msg, &bad), WIRE_OK);
	assert_int_equal(msg.n, 2);
	assert_int_equal(msg.pld[0].type, WIRE_PLD_NONCE);
	assert_int_equal(msg.pld[0].next, WIRE_PLD_VENDOR);
	assert_int_equal(msg.pld[0].body.len, 16);
	assert_true(bytes_equal(msg.pld[1].body, str("nfipsec")));
	assert_null(wire_find(&msg, WIRE_PLD_KE));
	buf_free(&b);
	buf_free(&want);
}

static void header_is_checked(void **state)
{
	struct buf b = small_message();
	struct wire_hdr h;
	uint8_t bad;

	(void)state;
	b.p[17] = 0x30;
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_VERSION);
	/* what an answer needs is there */
	assert_int_equal(wire_hdr_decode(buf_bytes(&b), &h), WIRE_VERSION);
	assert_true(h.spi_i == hdr.spi_i && h.major == 3);
	b.p[17] = 0x2f;
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_OK);
	b.p[17] = 0x10;
	assert_int_equal(wire_hdr_decode(buf_bytes(&b), &h), WIRE_OK);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	b.p[17] = 0;
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	b.p[17] = 0x20;
	memset(b.p, 0, 8);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	buf_free(&b);
}

static void payload_lengths_are_checked(void **state)
{
	struct buf b = small_message();
	unsigned int len;
	uint8_t bad;

	(void)state;
	/* 0 to 3 would never move on */
	for (len = 0; len < 4; len++) {
		buf_set_u16(&b, 30, (uint16_t)len);
		assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	}
	buf_set_u16(&b, 30, 0xffff);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_TRUNCATED);
	buf_set_u16(&b, 30, 20);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_OK);
	/* octets behind the last payload */
	b.p[28] = WIRE_PLD_NONE;
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	buf_free(&b);
}

static void unknown_payloads(void **state)
{
	struct wire_writer w;
	struct buf b;
	uint8_t bad;

	(void)state;
	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_put_raw(&w, 200, false, str("whatever"));
	wire_put_raw(&w, WIRE_PLD_VENDOR, true, str("known: critical says nothing"));
	wire_finish(&b);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_OK);
	b.p[29] = 0x80;
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_CRITICAL);
	assert_int_equal(bad, 200);
	b.p[29] = 0x7f;	/* reserved bits are ignored */
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_OK);
	buf_free(&b);
}

static void payloads_are_counted(void **state)
{
	struct wire_writer w;
	unsigned int n, i;
	struct buf b;
	uint8_t bad;

	(void)state;
	for (n = WIRE_PAYLOADS_MAX; n <= WIRE_PAYLOADS_MAX + 1; n++) {
		buf_init(&b);
		wire_open(&w, &b, &hdr);
		for (i = 0; i < n; i++)
			wire_put_raw(&w, WIRE_PLD_VENDOR, false, str(""));
		wire_finish(&b);
		assert_int_equal(decode_err(buf_bytes(&b), &bad),
				 n > WIRE_PAYLOADS_MAX ? WIRE_TOO_MANY : WIRE_OK);
		buf_free(&b);
	}
	/* a header alone is a message */
	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_finish(&b);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_OK);
	buf_free(&b);
}

/* 28 of header, 4 of SK, 21 sealed; then what may not follow it */
static void sk_is_the_last(void **state)
{
	static struct wire_msg msg;
	struct wire_writer w;
	struct buf b;
	uint8_t bad;

	(void)state;
	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_put_sk(&w, WIRE_PLD_IDI, 21);
	assert_int_equal(get_u32(b.p + 24), 28 + 4 + 21);
	buf_put(&b, "IV......ciphertextICV", 21);
	assert_int_equal(wire_v2_decode(buf_bytes(&b), &msg, &bad), WIRE_OK);
	assert_int_equal(msg.n, 1);
	assert_int_equal(msg.pld[0].type, WIRE_PLD_SK);
	assert_int_equal(msg.pld[0].next, WIRE_PLD_IDI);
	assert_int_equal(msg.pld[0].body.len, 21);
	/* shorter than the rest: something stands behind it */
	buf_set_u16(&b, 30, 24);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	buf_set_u16(&b, 30, 26);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_TRUNCATED);
	/* a fragment ends the chain likewise */
	buf_set_u16(&b, 30, 25);
	b.p[16] = WIRE_PLD_SKF;
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_OK);
	buf_free(&b);

	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_put_sk(&w, WIRE_PLD_IDI, 70000);
	assert_true(b.failed);
	buf_free(&b);
}

static void inner_chain(void **state)
{
	static struct wire_msg msg;
	struct wire_writer w;
	uint8_t first, bad;
	struct buf b;

	(void)state;
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	assert_int_equal(first, WIRE_PLD_NONE);
	assert_int_equal(wire_v2_walk(first, buf_bytes(&b), &msg, &bad), WIRE_OK);
	assert_int_equal(msg.n, 0);
	wire_put_id(&w, WIRE_PLD_IDI, WIRE_ID_FQDN, str("hq.example.com"));
	wire_put_auth(&w, WIRE_AUTH_PSK, str("maced"));
	assert_int_equal(first, WIRE_PLD_IDI);
	assert_int_equal(wire_v2_walk(first, buf_bytes(&b), &msg, &bad), WIRE_OK);
	assert_int_equal(msg.n, 2);
	assert_int_equal(msg.pld[1].type, WIRE_PLD_AUTH);
	assert_int_equal(wire_v2_walk(WIRE_PLD_NONE, buf_bytes(&b), &msg, &bad), WIRE_SYNTAX);
	buf_free(&b);
}

/* ---- bodies ---- */

/* opened on one payload; its body is at offset 4 */
static struct bytes body_of(struct buf *b)
{
	assert_false(b->failed);
	assert_int_equal(get_u16(b->p + 2), b->len);
	return (struct bytes){ b->p + 4, b->len - 4 };
}

/* field by field: padding is nobody's */
static void same_proposal(const struct ike_proposal *a, const struct ike_proposal *b)
{
	unsigned int i;

	assert_int_equal(a->number, b->number);
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->spi_len, b->spi_len);
	assert_memory_equal(a->spi, b->spi, sizeof(a->spi));
	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		assert_int_equal(a->t[i].type, b->t[i].type);
		assert_int_equal(a->t[i].id, b->t[i].id);
		assert_int_equal(a->t[i].key_bits, b->t[i].key_bits);
	}
}

static void sa_there_and_back(void **state)
{
	struct ike_proposal p[3];
	static struct wire_sa sa;
	struct wire_writer w;
	struct buf b, want;
	uint8_t first;

	(void)state;
	p[0] = proposal("aes256gcm16-ecp384", PROTO_ESP);
	p[1] = proposal("aes128-aes256-sha256-sha512-modp2048", PROTO_ESP);
	p[2] = proposal("sha384", PROTO_AH);
	p[2].spi_len = 4;
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_sa(&w, p, 3);
	assert_int_equal(wire_sa_decode(body_of(&b), &sa), WIRE_OK);
	assert_int_equal(sa.n, 3);
	p[0].number = 1;
	p[1].number = 2;
	p[2].number = 3;
	same_proposal(&sa.p[0], &p[0]);
	same_proposal(&sa.p[1], &p[1]);
	same_proposal(&sa.p[2], &p[2]);
	buf_free(&b);

	/* the octets themselves */
	p[0] = proposal("aes128gcm16-noesn", PROTO_ESP);
	wire_open_inner(&w, &b, &first);
	wire_put_sa(&w, p, 1);
	want = hex_buf("00000024 00000020 01030402 c0000001 0300000c 01000014 800e0080 00000008 05000000");
	assert_true(bytes_equal(buf_bytes(&b), buf_bytes(&want)));
	buf_free(&b);
	buf_free(&want);
}

static enum wire_err sa_err(const char *s, struct wire_sa *sa)
{
	struct buf b = hex_buf(s);
	uint8_t *copy = tight(buf_bytes(&b));
	enum wire_err err = wire_sa_decode((struct bytes){ copy, b.len }, sa);

	free(copy);
	buf_free(&b);
	return err;
}

static void sa_in_detail(void **state)
{
	static struct wire_sa sa;
	static const struct {
		const char *body;
		enum wire_err err;
		unsigned int n;
	} row[] = {
		{ "", WIRE_SYNTAX, 0 },
		{ "00000008", WIRE_TRUNCATED, 0 },
		/* ESP, AES-GCM-16-128 */
		{ "00000018 01030401 c0000001 0000000c 01000014 800e0080", WIRE_OK, 1 },
		/* the marks of more and last */
		{ "02000018 01030401 c0000001 0000000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		{ "00000018 01030401 c0000001 0300000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		/* more transforms than there are, fewer than there are */
		{ "00000018 01030402 c0000001 0300000c 01000014 800e0080", WIRE_TRUNCATED, 0 },
		{ "00000018 01030400 c0000001 0000000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		/* lengths: of the proposal, of the transform, of an attribute */
		{ "00000007 01030401 c0000001 0000000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		{ "00000019 01030401 c0000001 0000000c 01000014 800e0080", WIRE_TRUNCATED, 0 },
		{ "00000018 01030401 c0000001 00000007 01000014 800e0080", WIRE_SYNTAX, 0 },
		{ "00000018 01030401 c0000001 0000000d 01000014 800e0080", WIRE_TRUNCATED, 0 },
		{ "00000018 01030401 c0000001 0000000b 01000014 800e0080", WIRE_TRUNCATED, 0 },
		{ "00000018 01030401 c0000001 0000000c 01000014 000e0080", WIRE_TRUNCATED, 0 },
		/* SPI of a wrong size, SPI beyond the end */
		{ "00000018 01030801 c0000001 0000000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		{ "0000000c 0103ff01 c0000001", WIRE_TRUNCATED, 0 },
		{ "00000014 01010000 0000000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		{ "00000014 01010001 0000000c 01000014 800e0080", WIRE_OK, 1 },
		/* an unknown protocol: left out, not refused */
		{ "00000018 01090401 c0000001 0000000c 01000014 800e0080", WIRE_OK, 0 },
		/* an unknown transform type spoils the proposal */
		{ "00000020 01030402 c0000001 0300000c 01000014 800e0080 00000008 06000001", WIRE_OK, 0 },
		/* number 0, and numbers that jump */
		{ "00000018 00030401 c0000001 0000000c 01000014 800e0080", WIRE_SYNTAX, 0 },
		{ "02000018 01030401 c0000001 0000000c 01000014 800e0080"
		  "00000018 03030401 c0000001 0000000c 01000014 800e0080", WIRE_SYNTAX, 1 },
		{ "02000018 01030401 c0000001 0000000c 01000014 800e0080"
		  "00000018 02030401 c0000001 0000000c 01000014 800e0080", WIRE_OK, 2 },
		/* an answer has the number of what was offered */
		{ "00000018 07030401 c0000001 0000000c 01000014 800e0080", WIRE_OK, 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		enum wire_err err = sa_err(row[i].body, &sa);

		if (err != row[i].err || sa.n != row[i].n)
			fail_msg("row %zu: %s, %u proposals", i, wire_err_str(err), sa.n);
	}
	/* an attribute that we do not know, a long one, Key Length twice: not to be chosen */
	assert_int_equal(sa_err("0000001c 01030401 c0000001 00000010 01000014 800e0080 800f0001", &sa),
			 WIRE_OK);
	assert_int_equal(sa.p[0].t[0].id, IKE_TRANSFORM_UNUSABLE);
	assert_int_equal(sa_err("0000001c 01030401 c0000001 00000010 01000014 00050004 deadbeef", &sa),
			 WIRE_OK);
	assert_int_equal(sa.p[0].t[0].id, IKE_TRANSFORM_UNUSABLE);
	assert_int_equal(sa_err("0000001c 01030401 c0000001 00000010 01000014 800e0080 800e0100", &sa),
			 WIRE_OK);
	assert_int_equal(sa.p[0].t[0].id, IKE_TRANSFORM_UNUSABLE);
}

/* 255 transforms, of which ours come last: they are kept, and foreign integrity stays demanded */
static void ours_are_not_crowded_out(void **state)
{
	struct ike_proposal ours, chosen;
	static struct wire_sa sa;
	unsigned int i;
	struct buf b;

	(void)state;
	for (unsigned int with = 0; with < 2; with++) {
		buf_init(&b);
		hex_put(&b, "00000000 010304ff c0000001");
		for (i = 0; i < 255; i++) {
			bool last = i == 254;

			hex_put(&b, last ? "0000000c" : i == 253 ? "0300000c" : "03000008");
			if (last)
				hex_put(&b, "01000014 800e0100");
			else if (i == 253)
				hex_put(&b, "0100000c 800e0080");
			else if (i == 252 && with)
				hex_put(&b, "03000000");
			else if (i == 251)
				hex_put(&b, "05000000");
			else {
				buf_put_u16(&b, (i & 1) ? 0x0100 : 0x0300);
				buf_put_u16(&b, (uint16_t)(1000 + i));
			}
		}
		buf_set_u16(&b, 2, (uint16_t)b.len);
		assert_int_equal(wire_sa_decode(buf_bytes(&b), &sa), WIRE_OK);
		assert_int_equal(sa.n, 1);
		assert_int_equal(sa.p[0].n, IKE_PROPOSAL_TRANSFORMS);
		ours = proposal("aes256gcm16", PROTO_ESP);
		assert_int_equal(ike_proposal_select(&ours, 1, sa.p, sa.n, false, &chosen), with);
		buf_free(&b);
	}
}

static void too_many_proposals(void **state)
{
	static struct wire_sa sa;
	unsigned int n, i;
	struct buf b;

	(void)state;
	for (n = WIRE_PROPOSALS_MAX; n <= WIRE_PROPOSALS_MAX + 1; n++) {
		buf_init(&b);
		for (i = 0; i < n; i++) {
			hex_put(&b, i + 1 < n ? "02000018" : "00000018");
			buf_put_u8(&b, (uint8_t)(i + 1));
			hex_put(&b, "030401 c0000001 0000000c 01000014 800e0080");
		}
		assert_int_equal(wire_sa_decode(buf_bytes(&b), &sa),
				 n > WIRE_PROPOSALS_MAX ? WIRE_TOO_MANY : WIRE_OK);
		assert_int_equal(sa.n, WIRE_PROPOSALS_MAX);
		buf_free(&b);
	}
}

static void simple_bodies_there_and_back(void **state)
{
	struct wire_notification n;
	struct wire_delete del;
	struct wire_writer w;
	struct wire_auth auth;
	struct wire_ke ke;
	struct wire_id id;
	struct bytes nonce;
	uint8_t first;
	struct buf b;

	(void)state;
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_ke(&w, DH_ECP256, str("public"));
	assert_int_equal(wire_ke_decode(body_of(&b), &ke), WIRE_OK);
	assert_int_equal(ke.group, DH_ECP256);
	assert_true(bytes_equal(ke.data, str("public")));
	buf_free(&b);

	wire_open_inner(&w, &b, &first);
	wire_put_id(&w, WIRE_PLD_IDR, WIRE_ID_FQDN, str("branch.example.com"));
	assert_int_equal(first, WIRE_PLD_IDR);
	assert_int_equal(wire_id_decode(body_of(&b), &id), WIRE_OK);
	assert_int_equal(id.type, WIRE_ID_FQDN);
	assert_true(bytes_equal(id.data, str("branch.example.com")));
	buf_free(&b);

	wire_open_inner(&w, &b, &first);
	wire_put_auth(&w, WIRE_AUTH_PSK, str("mac"));
	assert_int_equal(wire_auth_decode(body_of(&b), &auth), WIRE_OK);
	assert_int_equal(auth.method, WIRE_AUTH_PSK);
	assert_true(bytes_equal(auth.data, str("mac")));
	buf_free(&b);

	wire_open_inner(&w, &b, &first);
	wire_put_nonce(&w, str("0123456789abcdef"));
	assert_int_equal(wire_nonce_decode(body_of(&b), &nonce), WIRE_OK);
	assert_true(bytes_equal(nonce, str("0123456789abcdef")));
	buf_free(&b);

	wire_open_inner(&w, &b, &first);
	wire_put_notify(&w, PROTO_ESP, str("SPI4"), WIRE_N_REKEY_SA, str("data"));
	assert_int_equal(wire_notify_decode(body_of(&b), &n), WIRE_OK);
	assert_int_equal(n.proto, PROTO_ESP);
	assert_int_equal(n.type, WIRE_N_REKEY_SA);
	assert_true(bytes_equal(n.spi, str("SPI4")));
	assert_true(bytes_equal(n.data, str("data")));
	buf_free(&b);

	wire_open_inner(&w, &b, &first);
	wire_put_delete(&w, PROTO_ESP, 4, str("SPI1SPI2"));
	assert_int_equal(wire_delete_decode(body_of(&b), &del), WIRE_OK);
	assert_int_equal(del.proto, PROTO_ESP);
	assert_int_equal(del.spi_len, 4);
	assert_int_equal(del.n, 2);
	assert_true(bytes_equal(del.spis, str("SPI1SPI2")));
	buf_free(&b);

	wire_open_inner(&w, &b, &first);
	wire_put_delete(&w, PROTO_IKE, 0, str(""));
	assert_int_equal(wire_delete_decode(body_of(&b), &del), WIRE_OK);
	assert_int_equal(del.n, 0);
	buf_free(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_delete(&w, PROTO_ESP, 4, str("SPI1SP"));
	assert_true(b.failed);
	buf_free(&b);
}

static enum wire_err body_err(uint8_t type, const char *s)
{
	struct buf b = hex_buf(s);
	uint8_t *copy = tight(buf_bytes(&b));
	const struct wire_payload pld = { .type = type, .body = { copy, b.len } };
	enum wire_err err = decode_body(&pld);

	free(copy);
	buf_free(&b);
	return err;
}

static void bodies_are_checked(void **state)
{
	static const struct {
		uint8_t type;
		const char *body;
		enum wire_err err;
	} row[] = {
		{ WIRE_PLD_KE, "0013", WIRE_TRUNCATED },
		{ WIRE_PLD_KE, "00130000", WIRE_SYNTAX },
		{ WIRE_PLD_IDI, "020000", WIRE_TRUNCATED },
		{ WIRE_PLD_IDI, "02000000", WIRE_SYNTAX },
		{ WIRE_PLD_IDI, "01000000 c0000201", WIRE_OK },
		{ WIRE_PLD_IDI, "01000000 c00002", WIRE_SYNTAX },
		{ WIRE_PLD_IDR, "05000000 20010db8000000000000000000000001", WIRE_OK },
		{ WIRE_PLD_IDR, "05000000 c0000201", WIRE_SYNTAX },
		{ WIRE_PLD_AUTH, "02", WIRE_TRUNCATED },
		{ WIRE_PLD_AUTH, "02000000", WIRE_SYNTAX },
		{ WIRE_PLD_NONCE, "000102030405060708090a0b0c0d0e", WIRE_SYNTAX },
		{ WIRE_PLD_NONCE, "000102030405060708090a0b0c0d0e0f", WIRE_OK },
		{ WIRE_PLD_NOTIFY, "000040", WIRE_TRUNCATED },
		{ WIRE_PLD_NOTIFY, "03044009 c00000", WIRE_TRUNCATED },
		{ WIRE_PLD_NOTIFY, "03044009 c0000001", WIRE_OK },
		{ WIRE_PLD_DELETE, "030400", WIRE_TRUNCATED },
		{ WIRE_PLD_DELETE, "03040001 c00000", WIRE_TRUNCATED },
		{ WIRE_PLD_DELETE, "03040001 c0000001", WIRE_OK },
		{ WIRE_PLD_DELETE, "03040001 c000000100", WIRE_SYNTAX },
		{ WIRE_PLD_DELETE, "0304ffff c0000001", WIRE_TRUNCATED },
		{ WIRE_PLD_DELETE, "03080001 c0000001c0000002", WIRE_SYNTAX },
		{ WIRE_PLD_DELETE, "01080001 c0000001c0000002", WIRE_SYNTAX },
		{ WIRE_PLD_TSI, "0100", WIRE_TRUNCATED },
		{ WIRE_PLD_TSI, "00000000", WIRE_SYNTAX },
		{ WIRE_PLD_TSI, "01000000", WIRE_TRUNCATED },
		{ WIRE_PLD_TSI, "01000000 07000010 0000ffff 0a010000 0a01ffff", WIRE_OK },
		{ WIRE_PLD_TSI, "01000000 07000010 0000ffff 0a010000 0a01ffff 00", WIRE_SYNTAX },
		{ WIRE_PLD_TSI, "02000000 07000010 0000ffff 0a010000 0a01ffff", WIRE_TRUNCATED },
		{ WIRE_PLD_TSI, "01000000 07000003 0000ffff 0a010000 0a01ffff", WIRE_SYNTAX },
		{ WIRE_PLD_TSI, "01000000 07000011 0000ffff 0a010000 0a01ffff", WIRE_TRUNCATED },
		{ WIRE_PLD_TSI, "01000000 07000008 0000ffff", WIRE_SYNTAX },
		{ WIRE_PLD_TSI, "01000000 07000004", WIRE_SYNTAX },
		/* ends before it begins: address, port */
		{ WIRE_PLD_TSI, "01000000 07000010 0000ffff 0a020000 0a01ffff", WIRE_SYNTAX },
		{ WIRE_PLD_TSI, "01000000 07060010 00020001 0a010000 0a01ffff", WIRE_SYNTAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		enum wire_err err = body_err(row[i].type, row[i].body);

		if (err != row[i].err)
			fail_msg("row %zu: %s", i, wire_err_str(err));
	}
}

static void ts_there_and_back(void **state)
{
	struct ts t[3] = { ts4("10.1.0.0", 16), ts4("2001:db8::", 32), ts4("192.0.2.9", 32) };
	static struct wire_ts ts;
	struct wire_writer w;
	unsigned int i;
	uint8_t first;
	struct buf b;

	(void)state;
	t[2].proto = IPPROTO_TCP;
	t[2].port_min = t[2].port_max = 22;
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_ts(&w, WIRE_PLD_TSR, t, 3);
	assert_int_equal(wire_ts_decode(body_of(&b), &ts), WIRE_OK);
	assert_int_equal(ts.n, 3);
	for (i = 0; i < 3; i++)
		assert_true(ts_equal(&ts.ts[i], &t[i]));
	buf_free(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_ts(&w, WIRE_PLD_TSI, t, 0);
	assert_true(b.failed);
	buf_free(&b);
}

static void ts_left_out(void **state)
{
	static struct wire_ts ts;
	struct buf b;

	(void)state;
	/* Fibre Channel (9), OPAQUE ports, a port without protocol; one that can be served */
	b = hex_buf("04000000 09000010 00000000 00000000 00000000"
		    "07060010 ffff0000 0a010000 0a01ffff 07000010 00500050 0a010000 0a01ffff"
		    "07060010 00500050 0a010000 0a01ffff");
	assert_int_equal(wire_ts_decode(buf_bytes(&b), &ts), WIRE_OK);
	assert_int_equal(ts.n, 1);
	assert_int_equal(ts.ts[0].proto, IPPROTO_TCP);
	assert_int_equal(ts.ts[0].port_min, 80);
	buf_free(&b);
	b = hex_buf("ff000000");
	for (unsigned int i = 0; i < 255; i++)
		hex_put(&b, "07000010 0000ffff 0a010000 0a01ffff");
	assert_int_equal(wire_ts_decode(buf_bytes(&b), &ts), WIRE_TOO_MANY);
	assert_int_equal(ts.n, WIRE_TS_MAX);
	buf_free(&b);
}

/* ---- rules ---- */

static struct wire_msg of_types(const uint8_t *types)
{
	struct wire_msg msg = { .n = 0 };

	for (; *types; types++)
		msg.pld[msg.n++].type = *types;
	return msg;
}

static enum wire_err rules(uint8_t exchange, bool response, const uint8_t *types, uint8_t *bad)
{
	struct wire_msg msg = of_types(types);

	return wire_rules_check(&msg, exchange, response, bad);
}

static void rules_of_the_exchanges(void **state)
{
	enum { SA = WIRE_PLD_SA, KE = WIRE_PLD_KE, IDI = WIRE_PLD_IDI, IDR = WIRE_PLD_IDR,
	       AUTH = WIRE_PLD_AUTH, NO = WIRE_PLD_NONCE, N = WIRE_PLD_NOTIFY, D = WIRE_PLD_DELETE,
	       TSI = WIRE_PLD_TSI, TSR = WIRE_PLD_TSR, SK = WIRE_PLD_SK, V = WIRE_PLD_VENDOR,
	       CERTREQ = WIRE_PLD_CERTREQ };
	static const struct {
		uint8_t exchange;
		bool response;
		uint8_t types[10];
		enum wire_err err;
		uint8_t bad;
	} row[] = {
		{ WIRE_IKE_SA_INIT, false, { SA, KE, NO, N, N, V }, WIRE_OK, 0 },
		{ WIRE_IKE_SA_INIT, true, { SA, KE, NO, CERTREQ }, WIRE_OK, 0 },
		{ WIRE_IKE_SA_INIT, false, { N, SA, NO, 201, KE }, WIRE_OK, 0 },
		{ WIRE_IKE_SA_INIT, false, { SA, KE }, WIRE_MISSING, NO },
		{ WIRE_IKE_SA_INIT, false, { SA, KE, KE, NO }, WIRE_UNEXPECTED, KE },
		{ WIRE_IKE_SA_INIT, false, { SA, KE, NO, SK }, WIRE_UNEXPECTED, SK },
		{ WIRE_IKE_SA_INIT, false, { SA, KE, NO, TSI }, WIRE_UNEXPECTED, TSI },
		{ WIRE_IKE_SA_INIT, false, { 0 }, WIRE_MISSING, SA },
		{ WIRE_IKE_AUTH, false, { IDI, AUTH, SA, TSI, TSR, N }, WIRE_OK, 0 },
		{ WIRE_IKE_AUTH, false, { IDI, IDR, AUTH, SA, TSI, TSR }, WIRE_OK, 0 },
		{ WIRE_IKE_AUTH, false, { IDI, SA, TSI, TSR }, WIRE_MISSING, AUTH },
		{ WIRE_IKE_AUTH, false, { IDI, AUTH, SA, TSI }, WIRE_MISSING, TSR },
		{ WIRE_IKE_AUTH, true, { IDR, AUTH, SA, TSI, TSR }, WIRE_OK, 0 },
		{ WIRE_IKE_AUTH, true, { IDI, AUTH, SA, TSI, TSR }, WIRE_UNEXPECTED, IDI },
		{ WIRE_IKE_AUTH, true, { AUTH, SA, TSI, TSR }, WIRE_MISSING, IDR },
		{ WIRE_CREATE_CHILD_SA, false, { N, SA, NO, TSI, TSR }, WIRE_OK, 0 },
		{ WIRE_CREATE_CHILD_SA, false, { SA, NO, KE }, WIRE_OK, 0 },
		{ WIRE_CREATE_CHILD_SA, false, { SA, KE }, WIRE_MISSING, NO },
		{ WIRE_CREATE_CHILD_SA, true, { SA, NO, NO }, WIRE_UNEXPECTED, NO },
		{ WIRE_INFORMATIONAL, false, { 0 }, WIRE_OK, 0 },
		{ WIRE_INFORMATIONAL, true, { D, D, N }, WIRE_OK, 0 },
		{ WIRE_INFORMATIONAL, false, { AUTH }, WIRE_UNEXPECTED, AUTH },
		{ WIRE_INFORMATIONAL, false, { WIRE_PLD_SKF }, WIRE_UNEXPECTED, WIRE_PLD_SKF },
		{ 33, false, { 0 }, WIRE_SYNTAX, 0 },
		{ 43, false, { SA }, WIRE_SYNTAX, 0 },
	};
	uint8_t bad;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		enum wire_err err = rules(row[i].exchange, row[i].response, row[i].types, &bad);

		if (err != row[i].err || bad != row[i].bad)
			fail_msg("row %zu: %s, %s", i, wire_err_str(err), wire_payload_str(bad));
	}
}

static void refusals_need_nothing_else(void **state)
{
	static const uint16_t alone[] = { WIRE_N_COOKIE, WIRE_N_INVALID_KE_PAYLOAD,
					  WIRE_N_NO_PROPOSAL_CHOSEN };
	static struct wire_msg msg;
	struct wire_writer w;
	uint8_t first, bad;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		buf_init(&b);
		wire_open_inner(&w, &b, &first);
		wire_put_notify(&w, 0, str(""), alone[i], str("x"));
		assert_int_equal(wire_v2_walk(first, buf_bytes(&b), &msg, &bad), WIRE_OK);
		assert_int_equal(wire_rules_check(&msg, WIRE_IKE_SA_INIT, true, &bad), WIRE_OK);
		/* a request is not excused */
		assert_int_equal(wire_rules_check(&msg, WIRE_IKE_SA_INIT, false, &bad), WIRE_MISSING);
		buf_free(&b);
	}
	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_notify(&w, 0, str(""), WIRE_N_INITIAL_CONTACT, str(""));
	assert_int_equal(wire_v2_walk(first, buf_bytes(&b), &msg, &bad), WIRE_OK);
	assert_int_equal(wire_rules_check(&msg, WIRE_IKE_SA_INIT, true, &bad), WIRE_MISSING);
	buf_free(&b);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(wire_notify_str(WIRE_N_NO_PROPOSAL_CHOSEN), "NO_PROPOSAL_CHOSEN");
	assert_string_equal(wire_notify_str(12345), "notify 12345");
	assert_string_equal(wire_exchange_str(WIRE_IKE_AUTH), "IKE_AUTH");
	assert_string_equal(wire_exchange_str(7), "exchange 7");
	assert_string_equal(wire_payload_str(WIRE_PLD_TSR), "TSr");
	assert_string_equal(wire_payload_str(WIRE_PLD_SKF), "SKF");
	assert_string_equal(wire_payload_str(1), "payload 1");
	assert_true(WIRE_N_ERROR(WIRE_N_CHILD_SA_NOT_FOUND));
	assert_false(WIRE_N_ERROR(WIRE_N_INITIAL_CONTACT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_strongswan),
		cmocka_unit_test(heads_are_refused),
		cmocka_unit_test(cut_bodies_are_refused),
		cmocka_unit_test(chain_is_written_and_read),
		cmocka_unit_test(header_is_checked),
		cmocka_unit_test(payload_lengths_are_checked),
		cmocka_unit_test(unknown_payloads),
		cmocka_unit_test(payloads_are_counted),
		cmocka_unit_test(sk_is_the_last),
		cmocka_unit_test(inner_chain),
		cmocka_unit_test(sa_there_and_back),
		cmocka_unit_test(sa_in_detail),
		cmocka_unit_test(ours_are_not_crowded_out),
		cmocka_unit_test(too_many_proposals),
		cmocka_unit_test(simple_bodies_there_and_back),
		cmocka_unit_test(bodies_are_checked),
		cmocka_unit_test(ts_there_and_back),
		cmocka_unit_test(ts_left_out),
		cmocka_unit_test(rules_of_the_exchanges),
		cmocka_unit_test(refusals_need_nothing_else),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
