// SPDX-License-Identifier: GPL-2.0
/*
 * Which payloads an exchange has. The first octet is the exchange and whether it is
 * an answer, each other one a payload, whose order must not matter (RFC 7296 2.5).
 */
#include "fuzz/pld.h"

static enum wire_err rules(const struct wire_msg *msg, uint8_t how, uint8_t *bad)
{
	return wire_rules_check(msg, (uint8_t)(WIRE_IKE_SA_INIT - 1 + how % 8), how & 0x80, bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a refusal, of which nothing else is asked */
	static const uint8_t refusal[] = { 0, 0, 0, WIRE_N_NO_PROPOSAL_CHOSEN };
	static struct wire_msg msg, back;
	enum wire_err err;
	size_t i;
	uint8_t bad;

	if (!size || size - 1 > WIRE_PAYLOADS_MAX)
		return 0;
	msg.n = back.n = (unsigned int)(size - 1);
	for (i = 0; i < msg.n; i++) {
		msg.pld[i] = (struct wire_payload){ .type = data[i + 1] & 0x3f };
		if (data[i + 1] & 0x40)
			msg.pld[i].body = (struct bytes){ refusal, sizeof(refusal) };
		back.pld[msg.n - 1 - i] = msg.pld[i];
	}
	err = rules(&msg, data[0], &bad);
	check((err == WIRE_OK) == (rules(&back, data[0], &bad) == WIRE_OK));
	wire_err_str(err);
	if (err == WIRE_MISSING)
		check(!wire_find(&msg, bad) || bad == WIRE_PLD_NONE);
	/* A complete message stays complete with an unknown payload. */
	if (err == WIRE_OK && msg.n < WIRE_PAYLOADS_MAX) {
		msg.pld[msg.n++] = (struct wire_payload){ .type = 200 };
		check(rules(&msg, data[0], &bad) == WIRE_OK);
	}
	return 0;
}
