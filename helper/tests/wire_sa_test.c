// SPDX-License-Identifier: GPL-2.0
/* The SA payload: RFC 7296 3.3. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hex.h"
#include "tests/wire_body.h"
#include "wire/wire.h"

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
		/* the last one's number: what is left out is checked all the same */
		b.p[(n - 1) * 24 + 4]++;
		assert_int_equal(wire_sa_decode(buf_bytes(&b), &sa), WIRE_SYNTAX);
		buf_free(&b);
	}
}

/* proposal @number: ESP, ENCR_AES_GCM_16 of 128 bits, and integrity algorithms that nobody has; @n transforms */
static void put_proposal(struct buf *b, unsigned int number, unsigned int n, bool last)
{
	unsigned int i;

	buf_put_u8(b, last ? 0 : 2);
	buf_put_u8(b, 0);
	buf_put_u16(b, (uint16_t)(12 + 12 + (n - 1) * 8));
	buf_put_u8(b, (uint8_t)number);
	hex_put(b, "0304");
	buf_put_u8(b, (uint8_t)n);
	hex_put(b, "c0000001");
	hex_put(b, n > 1 ? "0300000c 01000014 800e0080" : "0000000c 01000014 800e0080");
	for (i = 1; i < n; i++)
		hex_put(b, i + 1 < n ? "03000008 03000400" : "00000008 03000400");
}

/*
 * The decoder reads WIRE_TRANSFORMS_MAX transforms of all proposals. It leaves out a proposal that it
 * could read only in part, and all proposals after it.
 */
static void too_many_transforms(void **state)
{
	static struct wire_sa sa;
	unsigned int extra;
	struct buf b;

	(void)state;
	for (extra = 0; extra <= 1; extra++) {
		buf_init(&b);
		put_proposal(&b, 1, 200, false);
		put_proposal(&b, 2, WIRE_TRANSFORMS_MAX - 200 + extra, !extra);
		if (extra)
			put_proposal(&b, 3, 1, true);
		assert_int_equal(wire_sa_decode(buf_bytes(&b), &sa), extra ? WIRE_TOO_MANY : WIRE_OK);
		assert_int_equal(sa.n, extra ? 1 : 2);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sa_there_and_back),
		cmocka_unit_test(sa_in_detail),
		cmocka_unit_test(ours_are_not_crowded_out),
		cmocka_unit_test(too_many_proposals),
		cmocka_unit_test(too_many_transforms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
