// SPDX-License-Identifier: GPL-2.0
/* Limits on how often something happens: core/rate.c, core/log.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/rate.h"

static const struct rate rate = { .burst = 5, .interval = 1000 };

static void one_limit(void **state)
{
	struct rate_limit l = { 0, 0 };
	unsigned int i, n = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		n += rate_limit_take(&l, &rate, 7000);
	assert_int_equal(n, 5);
	assert_int_equal(rate_limit_held(&l), 95);
	assert_int_equal(rate_limit_held(&l), 0);
	assert_false(rate_limit_allows(&l, &rate, 7999));
	assert_true(rate_limit_take(&l, &rate, 8000));
	assert_false(rate_limit_take(&l, &rate, 8000));
	/* after a long time there is the burst again, and no more */
	for (n = 0, i = 0; i < 100; i++)
		n += rate_limit_take(&l, &rate, 10000000);
	assert_int_equal(n, 5);
}

static void keys_do_not_share(void **state)
{
	struct rate_table *t = calloc(1, sizeof(*t));
	unsigned int i, n = 0;

	(void)state;
	for (i = 0; i < 100; i++)
		n += rate_table_take(t, 0x123456789abcdef1, &rate, 1);
	assert_int_equal(n, 5);
	assert_true(rate_table_take(t, 0x123456789abcdef2, &rate, 1));
	rate_table_forget(t, 0x123456789abcdef1);
	assert_true(rate_table_take(t, 0x123456789abcdef1, &rate, 1));
	free(t);
}

/* nobody owes more than his burst: who was charged a thousand times waits for one interval */
static void debts_are_bounded(void **state)
{
	struct rate_table *t = calloc(1, sizeof(*t));
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		rate_table_charge(t, 1, &rate, 1000);
	assert_false(rate_table_allows(t, 1, &rate, 1000));
	assert_false(rate_table_allows(t, 1, &rate, 1999));
	assert_true(rate_table_allows(t, 1, &rate, 2000));
	free(t);
}

static uint64_t mixed(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15ULL;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return (x ^ x >> 32) | 1;
}

/*
 * of a million keys, each at its limit: no other key is refused, and those with most debt stay
 * known
 */
static void a_million_keys(void **state)
{
	struct rate_table *t = calloc(1, sizeof(*t));
	const uint64_t worst = mixed(77777777), honest = mixed(99999999);
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 100; i++)
		rate_table_charge(t, worst, &rate, 1000);
	for (i = 0; i < 1000000; i++) {
		for (k = 0; k < 2; k++)
			rate_table_charge(t, mixed(i), &rate, 1000);
		if (!(i % 1000))
			assert_true(rate_table_allows(t, honest, &rate, 1000));
	}
	assert_false(rate_table_allows(t, worst, &rate, 1000));
	free(t);
}

/* ---- lines ---- */

static char last[2048];
static unsigned int n_lines;
static uint64_t clock_ms;

static void sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(last, sizeof(last), "%s", line);
	n_lines++;
}

static uint64_t fake_clock(void)
{
	return clock_ms;
}

/* each cause has its own limit, and the first line after a silence says how many are missing */
static void lines_by_cause(void **state)
{
	unsigned int i;

	(void)state;
	log_set_sink(sink, NULL);
	log_set_clock(fake_clock);
	clock_ms = 1000000;
	for (i = 0; i < 1000; i++)
		log_limited(LOG_LEVEL_WARN, "send", "cannot send %u", i);
	assert_int_equal(n_lines, 10);
	assert_string_equal(last, "cannot send 9");
	log_limited(LOG_LEVEL_WARN, "lost", "events were lost");
	assert_string_equal(last, "events were lost");
	clock_ms += 10000;
	log_limited(LOG_LEVEL_WARN, "send", "cannot send again");
	assert_string_equal(last, "cannot send again (990 more like this were suppressed)");
	log_limited(LOG_LEVEL_WARN, "send", "cannot send again");
	assert_int_equal(n_lines, 12);
	log_set_clock(NULL);
	log_set_sink(NULL, NULL);
}

/* a line that is not written anyway costs nobody his turn */
static void silent_levels_count_nothing(void **state)
{
	unsigned int i;

	(void)state;
	log_set_sink(sink, NULL);
	log_set_clock(fake_clock);
	n_lines = 0;
	for (i = 0; i < 100; i++)
		log_limited(LOG_LEVEL_DEBUG, "debug", "detail");
	assert_int_equal(n_lines, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_limited(LOG_LEVEL_DEBUG, "debug", "detail");
	assert_int_equal(n_lines, 1);
	assert_string_equal(last, "detail");
	log_set_level(LOG_LEVEL_INFO);
	log_set_clock(NULL);
	log_set_sink(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_limit),
		cmocka_unit_test(keys_do_not_share),
		cmocka_unit_test(debts_are_bounded),
		cmocka_unit_test(a_million_keys),
		cmocka_unit_test(lines_by_cause),
		cmocka_unit_test(silent_levels_count_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
