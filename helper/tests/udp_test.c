// SPDX-License-Identifier: GPL-2.0
/* What of port 4500 is IKE: RFC 3948 2.2, 2.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sys/udp.h"

static bool strip(const char *p, size_t len, struct bytes *msg)
{
	*msg = (struct bytes){ (const uint8_t *)p, len };
	return udp_strip_marker(msg);
}

static void marker_says_ike(void **state)
{
	struct bytes msg;

	(void)state;
	assert_true(strip("\0\0\0\0ike", 7, &msg));
	assert_int_equal(msg.len, 3);
	assert_memory_equal(msg.p, "ike", 3);
	/* nothing behind it is for the IKE decoder to refuse */
	assert_true(strip("\0\0\0\0", 4, &msg));
	assert_int_equal(msg.len, 0);
}

static void all_else_is_not_ike(void **state)
{
	struct bytes msg;

	(void)state;
	assert_false(strip("\xff", 1, &msg));			/* keepalive */
	assert_false(strip("", 0, &msg));
	assert_false(strip("\0\0\0", 3, &msg));
	assert_false(strip("\0\0\1\0esp", 7, &msg));		/* an SPI */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marker_says_ike),
		cmocka_unit_test(all_else_is_not_ike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
