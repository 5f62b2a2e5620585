// SPDX-License-Identifier: GPL-2.0
/* Fragments to a message, without keys and network: RFC 7383 2.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "v2/reassembly.h"

#define PLENTY	(1u << 20)

static struct v2_fragment part(uint16_t number, uint16_t total, const char *clear)
{
	return (struct v2_fragment){
		.msgid = 1, .exchange = WIRE_IKE_AUTH, .first = number == 1 ? WIRE_PLD_IDI : 0,
		.number = number, .total = total, .octets = 100 + number,
		.clear = { (const uint8_t *)clear, strlen(clear) },
	};
}

static enum v2_reassembled add(struct v2_reassembly *r, uint16_t number, uint16_t total,
			       const char *clear)
{
	struct v2_fragment f = part(number, total, clear);

	return v2_reassembly_add(r, &f, PLENTY);
}

static void is_message(struct v2_reassembly *r, const char *clear)
{
	struct buf out;

	buf_init(&out);
	assert_true(v2_reassembly_join(r, &out));
	assert_int_equal(out.len, strlen(clear));
	assert_int_equal(r->first, WIRE_PLD_IDI);
	if (out.len)
		assert_memory_equal(out.p, clear, out.len);
	buf_free(&out);
	v2_reassembly_free(r);
}

static void any_order(void **state)
{
	static const uint16_t orders[6][3] = {
		{ 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 },
	};
	static const char *const text[] = { "one", "two", "3" };
	struct v2_reassembly r;
	unsigned int i, k;

	(void)state;
	v2_reassembly_init(&r);
	for (i = 0; i < 6; i++) {
		for (k = 0; k < 3; k++)
			assert_int_equal(add(&r, orders[i][k], 3, text[orders[i][k] - 1]),
					 k == 2 ? V2_MESSAGE_WHOLE : V2_FRAGMENT_KEPT);
		assert_int_equal(r.octets, 101 + 102 + 103);
		assert_int_equal(r.longest, 103);
		is_message(&r, "onetwo3");
	}
}

static void one_is_enough(void **state)
{
	struct v2_reassembly r;

	(void)state;
	v2_reassembly_init(&r);
	assert_int_equal(add(&r, 1, 1, "all"), V2_MESSAGE_WHOLE);
	is_message(&r, "all");
}

/* the first that came stays */
static void twice(void **state)
{
	struct v2_reassembly r;

	(void)state;
	v2_reassembly_init(&r);
	assert_int_equal(add(&r, 2, 2, "b"), V2_FRAGMENT_KEPT);
	assert_int_equal(add(&r, 2, 2, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 1, 2, "a"), V2_MESSAGE_WHOLE);
	is_message(&r, "ab");
}

static void fragmented_again(void **state)
{
	struct v2_reassembly r;

	(void)state;
	v2_reassembly_init(&r);
	assert_int_equal(add(&r, 1, 2, "ab"), V2_FRAGMENT_KEPT);
	/* more and smaller ones: what was there is dropped */
	assert_int_equal(add(&r, 2, 3, "b"), V2_FRAGMENT_KEPT);
	/* late ones of the first cut */
	assert_int_equal(add(&r, 2, 2, "c"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 1, 1, "abc"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 3, 3, "c"), V2_FRAGMENT_KEPT);
	assert_int_equal(r.have, 2);
	assert_int_equal(add(&r, 1, 3, "a"), V2_MESSAGE_WHOLE);
	is_message(&r, "abc");
}

static void impossible_numbers(void **state)
{
	struct v2_reassembly r;

	(void)state;
	v2_reassembly_init(&r);
	assert_int_equal(add(&r, 0, 0, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 0, 3, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 1, 0, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 4, 3, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 1, V2_FRAGMENTS_MAX + 1, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(add(&r, 65535, 65535, "x"), V2_FRAGMENT_REFUSED);
	assert_int_equal(r.total, 0);
	assert_int_equal(r.held, 0);
}

static void one_message_at_a_time(void **state)
{
	struct v2_reassembly r;
	struct v2_fragment f;

	(void)state;
	v2_reassembly_init(&r);
	assert_int_equal(add(&r, 1, 2, "a"), V2_FRAGMENT_KEPT);
	f = part(2, 2, "x");
	f.exchange = WIRE_INFORMATIONAL;
	assert_int_equal(v2_reassembly_add(&r, &f, PLENTY), V2_FRAGMENT_REFUSED);
	/* the window has moved */
	f = part(2, 2, "b");
	f.msgid = 2;
	assert_int_equal(v2_reassembly_add(&r, &f, PLENTY), V2_FRAGMENT_KEPT);
	assert_int_equal(r.have, 1);
	f = part(1, 2, "a");
	f.msgid = 2;
	assert_int_equal(v2_reassembly_add(&r, &f, PLENTY), V2_MESSAGE_WHOLE);
	is_message(&r, "ab");
}

static void too_much(void **state)
{
	static char large[40000];
	struct v2_reassembly r;
	struct v2_fragment f;

	(void)state;
	memset(large, 'x', sizeof(large) - 1);
	v2_reassembly_init(&r);
	/* of memory */
	f = part(1, 2, large);
	assert_int_equal(v2_reassembly_add(&r, &f, sizeof(large)), V2_FRAGMENT_REFUSED);
	assert_int_equal(r.total, 0);
	/* longer than a message can be */
	assert_int_equal(add(&r, 1, 2, large), V2_FRAGMENT_KEPT);
	assert_int_equal(add(&r, 2, 2, large), V2_FRAGMENT_REFUSED);
	assert_int_equal(r.total, 0);
	assert_int_equal(r.held, 0);
}

static void empty_ones_count(void **state)
{
	struct v2_reassembly r;
	struct v2_fragment f;
	unsigned int i;

	(void)state;
	v2_reassembly_init(&r);
	for (i = 1; i < V2_FRAGMENTS_MAX; i++)
		assert_int_equal(add(&r, i, V2_FRAGMENTS_MAX, ""), V2_FRAGMENT_KEPT);
	assert_true(r.held >= i * V2_FRAGMENT_COST);
	assert_int_equal(add(&r, i, V2_FRAGMENTS_MAX, ""), V2_MESSAGE_WHOLE);
	is_message(&r, "");
	for (i = 1, f = part(1, V2_FRAGMENTS_MAX, "");
	     v2_reassembly_add(&r, &f, 20000) == V2_FRAGMENT_KEPT; i++)
		f.number++;
	assert_in_range(i, 2, 20000 / V2_FRAGMENT_COST);
	assert_int_equal(r.total, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(one_is_enough),
		cmocka_unit_test(twice),
		cmocka_unit_test(fragmented_again),
		cmocka_unit_test(impossible_numbers),
		cmocka_unit_test(one_message_at_a_time),
		cmocka_unit_test(too_much),
		cmocka_unit_test(empty_ones_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
