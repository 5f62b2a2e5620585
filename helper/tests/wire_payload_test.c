// SPDX-License-Identifier: GPL-2.0
/* KE, ID, AUTH, Nonce, Notify, Delete and TS: RFC 7296 3.4, 3.5, 3.8 to 3.11, 3.13. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hex.h"
#include "tests/wire_body.h"
#include "wire/wire.h"

static struct ts ts4(const char *addr, unsigned int prefix_len)
{
	struct addr a;
	struct ts t;

	assert_true(addr_parse(addr, &a));
	ts_from_prefix(&a, prefix_len, &t);
	return t;
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
	/* what is left out is checked all the same */
	b.p[4 + 200 * 16 + 3] = 17;
	assert_int_equal(wire_ts_decode(buf_bytes(&b), &ts), WIRE_SYNTAX);
	buf_free(&b);
}

/* RFC 7296 2.5, 3.3 to 3.13: what is reserved in a body says nothing */
static void reserved_octets_are_ignored(void **state)
{
	static struct wire_sa sa, sa_plain;
	static struct wire_ts ts, ts_plain;
	struct buf plain, b;
	struct wire_auth auth;
	struct wire_id id;
	struct wire_ke ke;

	(void)state;
	plain = hex_buf("02000018 01030401 c0000001 0000000c 01000014 800e0080"
			"00000020 02030402 c0000001 0300000c 01000014 800e0100 00000008 05000000");
	b = hex_buf("02ff0018 01030401 c0000001 00ff000c 01ff0014 800e0080"
		    "00ff0020 02030402 c0000001 03ff000c 01ff0014 800e0100 00ff0008 05ff0000");
	assert_int_equal(wire_sa_decode(buf_bytes(&plain), &sa_plain), WIRE_OK);
	assert_int_equal(wire_sa_decode(buf_bytes(&b), &sa), WIRE_OK);
	assert_int_equal(sa.n, 2);
	assert_memory_equal(sa.p, sa_plain.p, 2 * sizeof(sa.p[0]));
	buf_free(&plain);
	buf_free(&b);
	plain = hex_buf("01000000 07000010 0000ffff 0a010000 0a01ffff");
	b = hex_buf("01ffffff 07000010 0000ffff 0a010000 0a01ffff");
	assert_int_equal(wire_ts_decode(buf_bytes(&plain), &ts_plain), WIRE_OK);
	assert_int_equal(wire_ts_decode(buf_bytes(&b), &ts), WIRE_OK);
	assert_int_equal(ts.n, 1);
	assert_true(ts_equal(&ts.ts[0], &ts_plain.ts[0]));
	buf_free(&plain);
	buf_free(&b);
	b = hex_buf("001fffff 01020304");
	assert_int_equal(wire_ke_decode(buf_bytes(&b), &ke), WIRE_OK);
	assert_int_equal(ke.group, 31);
	assert_int_equal(ke.data.len, 4);
	buf_free(&b);
	b = hex_buf("02ffffff 612e62");
	assert_int_equal(wire_id_decode(buf_bytes(&b), &id), WIRE_OK);
	assert_int_equal(id.type, WIRE_ID_FQDN);
	assert_int_equal(id.data.len, 3);
	assert_int_equal(wire_auth_decode(buf_bytes(&b), &auth), WIRE_OK);
	assert_int_equal(auth.method, WIRE_AUTH_PSK);
	assert_int_equal(auth.data.len, 3);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_bodies_there_and_back),
		cmocka_unit_test(bodies_are_checked),
		cmocka_unit_test(reserved_octets_are_ignored),
		cmocka_unit_test(ts_there_and_back),
		cmocka_unit_test(ts_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
