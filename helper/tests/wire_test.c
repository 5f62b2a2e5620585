// SPDX-License-Identifier: GPL-2.0
/* The form of IKEv2 messages: a real peer's, the chain of payloads, and everything that is wrong. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hex.h"
#include "tests/wire_body.h"
#include "tests/wire_capture.h"
#include "wire/wire.h"

static const struct wire_hdr hdr = {
	.spi_i = 0x0102030405060708ULL, .spi_r = 0, .major = 2, .exchange = WIRE_IKE_SA_INIT,
	.flags = WIRE_FLAG_INITIATOR, .msgid = 0,
};

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
	buf_set_u16(&b, 30, 24);
	assert_int_equal(decode_err(buf_bytes(&b), &bad), WIRE_SYNTAX);
	buf_free(&b);

	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_put_sk(&w, WIRE_PLD_IDI, 70000);
	assert_true(b.failed);
	buf_free(&b);
}

/* RFC 7383 2.5 */
static void skf_is_a_part(void **state)
{
	static const uint8_t bad_numbers[][4] = {
		{ 0, 0, 0, 0 }, { 0, 0, 0, 2 }, { 0, 1, 0, 0 }, { 0, 3, 0, 2 }, { 1, 0, 0, 255 },
	};
	static struct wire_msg msg;
	struct wire_writer w;
	struct wire_skf skf;
	struct buf b;
	uint8_t bad;
	size_t i;

	(void)state;
	for (i = 1; i <= 2; i++) {
		buf_init(&b);
		wire_open(&w, &b, &hdr);
		wire_put_skf(&w, WIRE_PLD_IDI, i, 2, 21);
		assert_int_equal(get_u32(b.p + 24), 28 + 8 + 21);
		buf_put(&b, "IV......ciphertextICV", 21);
		assert_int_equal(wire_v2_decode(buf_bytes(&b), &msg, &bad), WIRE_OK);
		assert_int_equal(msg.n, 1);
		assert_int_equal(msg.pld[0].type, WIRE_PLD_SKF);
		assert_int_equal(msg.pld[0].next, i == 1 ? WIRE_PLD_IDI : WIRE_PLD_NONE);
		assert_int_equal(wire_skf_decode(msg.pld[0].body, &skf), WIRE_OK);
		assert_int_equal(skf.number, i);
		assert_int_equal(skf.total, 2);
		assert_int_equal(skf.sealed.len, 21);
		assert_ptr_equal(skf.sealed.p, b.p + 36);
		buf_free(&b);
	}
	for (i = 0; i < sizeof(bad_numbers) / 4; i++)
		assert_int_equal(wire_skf_decode((struct bytes){ bad_numbers[i], 4 }, &skf),
				 WIRE_SYNTAX);
	assert_int_equal(wire_skf_decode((struct bytes){ bad_numbers[0], 3 }, &skf), WIRE_TRUNCATED);
	buf_init(&b);
	wire_open(&w, &b, &hdr);
	wire_put_skf(&w, WIRE_PLD_IDI, 1, 2, WIRE_MSG_MAX - 35);
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
		cmocka_unit_test(skf_is_a_part),
		cmocka_unit_test(inner_chain),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
