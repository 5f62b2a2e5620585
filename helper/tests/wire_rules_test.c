// SPDX-License-Identifier: GPL-2.0
/* Which payloads an exchange has: RFC 7296 1.2 to 1.4, appendix C. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hex.h"
#include "tests/wire_body.h"
#include "wire/wire.h"

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
		{ WIRE_IKE_AUTH, false, { IDI, SA, TSI, TSR }, WIRE_OK, 0 },
		{ WIRE_IKE_AUTH, false, { IDI, AUTH }, WIRE_MISSING, SA },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_the_exchanges),
		cmocka_unit_test(refusals_need_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
