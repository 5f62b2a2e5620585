// SPDX-License-Identifier: GPL-2.0
/* The hash tables of the IKE core, beside a list that knows what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/table.h"

#define THINGS	1000

static struct {
	struct ike_link link;
	bool in;
} things[THINGS];

static void is_as_known(const struct ike_table *t, uint32_t hashes)
{
	struct ike_link *l;
	unsigned int seen = 0, in = 0, i;
	uint32_t h;

	for (h = 0; h < hashes; h++) {
		for (l = ike_table_first(t, h); l; l = ike_table_next(l)) {
			i = (unsigned int)((char *)l - (char *)things) / sizeof(things[0]);
			assert_true(things[i].in);
			assert_int_equal(i % hashes, h);
			seen++;
		}
	}
	for (i = 0; i < THINGS; i++)
		in += things[i].in;
	assert_int_equal(seen, in);
	assert_int_equal(t->n, in);
}

/* @hashes few: long chains; as many as things: the table grows */
static void put_and_deleted(uint32_t hashes)
{
	struct ike_table t;
	unsigned int i, k, r = 1;

	ike_table_init(&t);
	is_as_known(&t, hashes);
	for (k = 0; k < 5000; k++) {
		r = r * 1103515245 + 12345;
		i = (r >> 8) % THINGS;
		if (r & 1 << 7)
			ike_table_del(&t, &things[i].link);
		else
			ike_table_put(&t, &things[i].link, i % hashes);
		things[i].in = !(r & 1 << 7);
		if (k % 100 == 0)
			is_as_known(&t, hashes);
	}
	assert_true(t.size >= t.n);
	for (i = 0; i < THINGS; i++) {
		ike_table_del(&t, &things[i].link);
		things[i].in = false;
	}
	is_as_known(&t, hashes);
	ike_table_free(&t);
}

static void like_a_list(void **state)
{
	(void)state;
	put_and_deleted(3);
	put_and_deleted(THINGS);
}

/* each octet, the length and the key count */
static void hashes_differ(void **state)
{
	uint8_t octets[8] = { 0 };
	uint32_t before = ike_hash(1, octets, sizeof(octets));
	unsigned int i;

	(void)state;
	assert_int_equal(ike_hash(1, octets, sizeof(octets)), before);
	assert_int_not_equal(ike_hash(2, octets, sizeof(octets)), before);
	assert_int_not_equal(ike_hash(1, octets, 7), before);
	for (i = 0; i < sizeof(octets); i++) {
		octets[i] = 1;
		assert_int_not_equal(ike_hash(1, octets, sizeof(octets)), before);
		octets[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_a_list),
		cmocka_unit_test(hashes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
