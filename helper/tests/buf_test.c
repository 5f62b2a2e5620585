// SPDX-License-Identifier: GPL-2.0
/* Octet buffers: order, growth, failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"

static void numbers_are_in_network_order(void **state)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct buf b;

	(void)state;
	buf_init(&b);
	buf_put_u8(&b, 1);
	buf_put_u16(&b, 0x0203);
	buf_put_u32(&b, 0x04050607);
	buf_put_u64(&b, 0x08090a0b0c0d0e0fULL);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	assert_int_equal(get_u16(b.p + 1), 0x0203);
	assert_int_equal(get_u32(b.p + 3), 0x04050607);
	assert_true(get_u64(b.p + 7) == 0x08090a0b0c0d0e0fULL);
	assert_true(get_u32((const uint8_t *)"\xff\xff\xff\xfe") == 0xfffffffe);
	buf_free(&b);
}

static void grows_and_keeps_what_was_there(void **state)
{
	struct buf b;
	unsigned int i;
	uint8_t *room;

	(void)state;
	buf_init(&b);
	for (i = 0; i < 100000; i++)
		buf_put_u8(&b, (uint8_t)i);
	assert_false(b.failed);
	for (i = 0; i < 100000; i++)
		assert_int_equal(b.p[i], (uint8_t)i);
	room = buf_extend(&b, 3);
	assert_non_null(room);
	assert_memory_equal(room, "\0\0\0", 3);
	assert_int_equal(b.len, 100003);
	buf_free(&b);
	buf_free(&b);
	assert_non_null(buf_extend(&b, 0));
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void runaway_fails_and_shows_nothing(void **state)
{
	static const uint8_t block[4096];
	unsigned int i;
	struct buf b;

	(void)state;
	buf_init(&b);
	for (i = 0; i < 1U << 16 && !b.failed; i++)
		buf_put(&b, block, sizeof(block));
	assert_true(b.failed);
	assert_int_equal(buf_bytes(&b).len, 0);
	assert_null(buf_bytes(&b).p);
	assert_null(buf_extend(&b, 1));
	/* new content is a new beginning */
	assert_true(buf_copy(&b, (struct bytes){ block, 4 }));
	assert_int_equal(buf_bytes(&b).len, 4);
	buf_free(&b);
	buf_init(&b);
	assert_null(buf_extend(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_free(&b);
}

static void overwrites_inside_only(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	buf_put_u32(&b, 0);
	buf_set_u16(&b, 1, 0x0102);
	assert_memory_equal(b.p, "\0\1\2\0", 4);
	buf_set_u32(&b, 0, 0x01020304);
	assert_memory_equal(b.p, "\1\2\3\4", 4);
	assert_false(b.failed);
	buf_set_u16(&b, 3, 1);
	assert_true(b.failed);
	buf_free(&b);
	buf_set_u16(&b, 0, 1);
	assert_true(b.failed);
	buf_free(&b);
}

static void copies_a_part_of_itself(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	buf_put(&b, "abcdef", 6);
	assert_true(buf_copy(&b, (struct bytes){ b.p + 2, 3 }));
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.p, "cde", 3);
	assert_true(buf_copy(&b, (struct bytes){ NULL, 0 }));
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void views_compare(void **state)
{
	const struct bytes a = { (const uint8_t *)"ab", 2 }, b = { (const uint8_t *)"abc", 2 },
			   c = { (const uint8_t *)"abc", 3 }, none = { NULL, 0 };

	(void)state;
	assert_true(bytes_equal(a, b));
	assert_false(bytes_equal(a, c));
	assert_true(bytes_equal(none, none));
	assert_false(bytes_equal(none, a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_in_network_order),
		cmocka_unit_test(grows_and_keeps_what_was_there),
		cmocka_unit_test(runaway_fails_and_shows_nothing),
		cmocka_unit_test(overwrites_inside_only),
		cmocka_unit_test(copies_a_part_of_itself),
		cmocka_unit_test(views_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
