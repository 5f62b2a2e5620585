// SPDX-License-Identifier: GPL-2.0
/* The IKE core: two peers in one process that come up, lose packets, disagree and part. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

static void is_up(struct world *w)
{
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 0);
}

static void nothing_left(struct world *w)
{
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_sas(&w->b), 0);
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
}

static struct world *up(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	is_up(w);
	return w;
}

static void suites(void **state)
{
	static const struct world_conf confs[] = {
		{ .ike = "aes256gcm16-prfsha384-ecp384", .esp = "aes256gcm16" },
		{ .ike = "aes128gcm16-prfsha256-x25519", .esp = "aes128gcm16" },
		{ .ike = "aes128-sha256-modp2048", .esp = "aes128-sha256" },
		{ .ike = "aes256-sha384-ecp256", .esp = "aes256-sha256-noesn" },
		{ .ike = "aes256-sha512-modp3072", .esp = "aes256-sha256-esn" },
		{ .ike = "aes256gcm16-prfsha512-modp4096", .esp = "aes256gcm16-x25519" },
	};
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		w = up(&confs[i], &confs[i]);
		assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->esn, i != 3);
		assert_int_equal(w->n_packets, 4);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites),
	};

	(void)nothing_left;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
