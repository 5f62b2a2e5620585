// SPDX-License-Identifier: GPL-2.0
/* `up --probe`: what is said when no echo leaves this host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/probe.c"

static void judged(const char *to, const char *want)
{
	struct probe p = { .fd = -1, .head = 20, .packet = calloc(1, PROBE_MAX) };
	char text[300];
	size_t found;

	assert_non_null(p.packet);
	assert_true(addr_parse(to, &p.to));
	assert_false(judge(&p, "10.1.0.1", to, 1400, &found, text, sizeof(text)));
	assert_string_equal(text, want);
	free(p.packet);
}

/* that is no silence of the host at the other end */
static void nothing_leaves(void **state)
{
	(void)state;
	judged("10.2.0.1", "no echo can be sent from 10.1.0.1 to 10.2.0.1: Bad file descriptor");
}

static void no_route(void **state)
{
	struct probe p = { .error = ENETUNREACH };
	char text[300];

	(void)state;
	say_unsent(&p, "10.1.0.1", "10.2.0.1", text, sizeof(text));
	assert_string_equal(text, "no echo can be sent from 10.1.0.1 to 10.2.0.1: "
			    "this host has no route to it (ip route get)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaves),
		cmocka_unit_test(no_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
