// SPDX-License-Identifier: GPL-2.0
/* `up --verify`: what works, and what would fail at the first rekeying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

struct outcome {
	bool done;
	char error[900];
};

static void waiter(void *arg, const char *error)
{
	struct outcome *o = arg;

	assert_false(o->done);
	o->done = true;
	snprintf(o->error, sizeof(o->error), "%s", error ? error : "");
}

static void verify(struct node *n, const char *tunnel, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	ike_verify(n->ike, "p", tunnel, waiter, o, n->w->now);
}

static void all_is_well(void **state)
{
	static const struct world_conf pfs = { .esp = "aes128gcm16-x25519" };
	struct world *w = world_new(&pfs, &pfs);
	struct outcome o;
	unsigned int up;

	(void)state;
	verify(&w->a, NULL, &o);
	world_run(w, 1000);
	assert_true(o.done);
	assert_string_equal(o.error, "");
	assert_int_equal(node_count(&w->a, IKE_EVENT_VERIFY), 3);
	assert_non_null(node_line(&w->a, IKE_EVENT_VERIFY, "with 192.0.2.2: aes128gcm16"));
	assert_non_null(node_line(&w->a, IKE_EVENT_VERIFY, "192.0.2.2 answers"));
	assert_non_null(node_line(&w->a, IKE_EVENT_VERIFY, "with PFS, group x25519"));
	/* a pair was rekeyed, once */
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
	world_is_up(w);
	/* what is up is used */
	up = node_count(&w->a, IKE_EVENT_IKE_UP);
	verify(&w->a, "t", &o);
	world_run(w, 1000);
	assert_true(o.done);
	assert_string_equal(o.error, "");
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), up);
	world_is_up(w);
	world_free(w);
}

static void without_pfs(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct outcome o;

	(void)state;
	verify(&w->b, NULL, &o);
	world_run(w, 1000);
	assert_true(o.done);
	assert_string_equal(o.error, "");
	assert_non_null(node_line(&w->b, IKE_EVENT_VERIFY, "without PFS"));
	world_is_up(w);
	world_free(w);
}

static void pfs_differs(const char *ours, const char *theirs, const char *groups)
{
	struct world_conf a = { .esp = ours }, b = { .esp = theirs };
	struct world *w = world_new(&a, &b);
	struct outcome o;
	unsigned int errors;

	verify(&w->a, NULL, &o);
	world_run(w, 1000);
	assert_true(o.done);
	assert_non_null(strstr(o.error, "p/t: rekey: "));
	if (!strstr(o.error, groups))
		fail_msg("no '%s' in '%s'", groups, o.error);
	assert_non_null(node_line(&w->a, IKE_EVENT_VERIFY, "answers"));
	/* the tunnel is up as it was, and the error is not repeated until it is due */
	assert_int_equal(node_sas(&w->a), 2);
	world_check_pairs(w);
	errors = node_count(&w->a, IKE_EVENT_ERROR);
	world_run(w, 60000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), errors);
	/* when it is, it is tried again and again */
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, 25000);
	assert_true(node_count(&w->a, IKE_EVENT_ERROR) >= errors + 2);
	world_free(w);
}

static void pfs_mismatch(void **state)
{
	(void)state;
	pfs_differs("aes128gcm16-x25519", "aes128gcm16-ecp256", "ours x25519, its another one or none");
	pfs_differs("aes128gcm16-x25519", "aes128gcm16", "ours x25519, its another one or none");
	pfs_differs("aes128gcm16", "aes128gcm16-ecp256", "ours none, its another one");
}

static void no_tunnel(void **state)
{
	static const struct world_conf b = { .psk = "other" };
	struct world *w = world_new(NULL, &b);
	struct outcome o;

	(void)state;
	verify(&w->a, NULL, &o);
	world_run(w, 1000);
	assert_true(o.done);
	assert_non_null(strstr(o.error, "p/t: up: "));
	assert_int_equal(node_count(&w->a, IKE_EVENT_VERIFY), 1);
	verify(&w->a, "u", &o);
	assert_true(o.done);
	assert_non_null(strstr(o.error, "no tunnel called 'u'"));
	ike_verify(w->a.ike, "q", NULL, waiter, memset(&o, 0, sizeof(o)), w->now);
	assert_non_null(strstr(o.error, "no peer is called 'q'"));
	world_free(w);
}

static void peer_falls_silent(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct outcome o;

	(void)state;
	w->cut = true;
	verify(&w->a, NULL, &o);
	world_run(w, 30000);
	assert_false(o.done);
	world_run(w, 60000);
	assert_true(o.done);
	assert_non_null(strstr(o.error, "p/t: liveness: "));
	w->cut = false;
	world_free(w);
}

/* two at once, and the core ends while one waits */
static void freed_meanwhile(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct outcome o, p;

	(void)state;
	verify(&w->a, NULL, &o);
	verify(&w->a, "t", &p);
	world_run(w, 1000);
	assert_true(o.done && p.done);
	assert_string_equal(o.error, "");
	assert_string_equal(p.error, "");
	w->cut = true;
	verify(&w->a, NULL, &o);
	ike_shutdown(w->a.ike, w->now);
	node_restart(&w->a);
	assert_true(o.done);
	w->cut = false;
	world_free(w);
}

static void several_tunnels(void **state)
{
	static const struct world_conf a = {
		.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
			   "access-list m { 10 protect ip from 10.11.0.0/16 to 10.12.0.0/16",
		.tunnels = " tunnel u { access-list m esp aes128gcm16 mode tunnel start manual }\n",
	}, b = {
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }\n"
			   "access-list m { 10 protect ip from 10.12.0.0/16 to 10.11.0.0/16",
		.tunnels = " tunnel u { access-list m esp aes128gcm16 mode tunnel start manual }\n",
	};
	struct world *w = world_new(&a, &b);
	struct outcome o;

	(void)state;
	verify(&w->a, NULL, &o);
	world_run(w, 2000);
	assert_true(o.done);
	assert_string_equal(o.error, "");
	assert_int_equal(node_count(&w->a, IKE_EVENT_VERIFY), 6);
	assert_int_equal(node_sas(&w->a), 4);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(without_pfs),
		cmocka_unit_test(pfs_mismatch),
		cmocka_unit_test(no_tunnel),
		cmocka_unit_test(peer_falls_silent),
		cmocka_unit_test(freed_meanwhile),
		cmocka_unit_test(several_tunnels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
