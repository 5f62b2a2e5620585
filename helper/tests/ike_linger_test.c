// SPDX-License-Identifier: GPL-2.0
/*
 * The IKE core: the inbound SA of a pair that has a successor takes what is on its way for
 * a while, though the pair is closed (RFC 7296 1.4.1). One that has none goes at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "rekey_world.h"
#include "v2/v2.h"

#define LONGER_MS	2100	/* than it lingers */

static struct fake_sa *by_spi(struct node *n, uint32_t spi)
{
	struct fake_sa *f;

	for (f = n->sas; f < n->sas + WORLD_SAS; f++)
		if (f->used && f->dir == NFIPSEC_DIR_IN && f->spi == spi)
			return f;
	return NULL;
}

/* rekeyed by A, and closed by both; @spi: of the inbound SAs that were there, A's and B's */
static struct world *rekeyed(uint32_t spi[2])
{
	struct world *w = world_up(&rekey_never, &rekey_never);

	spi[0] = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
	spi[1] = node_newest(&w->b, NFIPSEC_DIR_IN)->spi;
	w->now += 1000;
	rekey_child(&w->a);
	world_deliver(w);
	/* IKE has one pair, and the old one cannot be sent by */
	world_is_up(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_DOWN), 1);
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_DOWN), 1);
	assert_non_null(by_spi(&w->a, spi[0]));
	assert_non_null(by_spi(&w->b, spi[1]));
	assert_int_equal(node_lingering(&w->a), 1);
	assert_int_equal(node_lingering(&w->b), 1);
	return w;
}

/* at who deleted it, and at the other end */
static void it_lingers_and_goes(void **state)
{
	struct world *w;
	uint32_t spi[2];

	(void)state;
	w = rekeyed(spi);
	world_run(w, 1500);
	assert_non_null(by_spi(&w->a, spi[0]));
	assert_non_null(by_spi(&w->b, spi[1]));
	world_run(w, LONGER_MS - 1500);
	assert_null(by_spi(&w->a, spi[0]));
	assert_null(by_spi(&w->b, spi[1]));
	assert_int_equal(node_lingering(&w->a) + node_lingering(&w->b), 0);
	rekey_settles(w);
}

/* each has its own time */
static void several_linger(void **state)
{
	struct world *w;
	uint32_t spi[2], second;

	(void)state;
	w = rekeyed(spi);
	world_run(w, 1000);
	second = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
	rekey_child(&w->b);
	world_deliver(w);
	assert_int_equal(node_lingering(&w->a), 2);
	assert_int_equal(node_lingering(&w->b), 2);
	world_run(w, LONGER_MS - 1000);
	assert_null(by_spi(&w->a, spi[0]));
	assert_non_null(by_spi(&w->a, second));
	world_run(w, 1000);
	assert_int_equal(node_lingering(&w->a) + node_lingering(&w->b), 0);
	rekey_settles(w);
}

/* the tunnel, or the peer with it, is taken down: nothing of it is to come in any more */
static void down_is_at_once(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w;
		uint32_t spi[2];

		w = rekeyed(spi);
		/* by either end: our word, or the peer's DELETE without a successor */
		node_down(i & 1 ? &w->b : &w->a, i & 2 ? "t" : NULL);
		if (!(i & 1))
			assert_null(by_spi(&w->a, spi[0]));
		world_deliver(w);
		world_nothing_left(w);
		world_free(w);
	}
}

/* also before the DELETE of the old one is answered */
static void down_before_it_lingers(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);

	(void)state;
	rekey_child(&w->a);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(node_lingering(&w->a), 0);
	node_down(&w->a, "t");
	world_run(w, 100);
	world_nothing_left(w);
	world_free(w);
}

/* one tunnel of two: the other's takes what comes in */
static void down_of_the_other(void **state)
{
	struct world *w = rekey_two();
	uint32_t spi = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;

	(void)state;
	w->now += 1000;
	rekey_child(&w->a);
	world_deliver(w);
	rekey_u_up(w);
	assert_non_null(by_spi(&w->a, spi));
	node_down(&w->a, "u");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2);
	assert_non_null(by_spi(&w->a, spi));
	node_down(&w->a, "t");
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

/* the daemon ends; one that crashed finds it as any other of its earlier run */
static void the_daemon_ends(void **state)
{
	struct world *w;
	uint32_t spi[2];

	(void)state;
	w = rekeyed(spi);
	ike_shutdown(w->a.ike, w->now);
	assert_int_equal(node_sas(&w->a) + node_lingering(&w->a), 0);
	world_free(w);
	w = rekeyed(spi);
	node_crash(&w->a);
	assert_non_null(by_spi(&w->a, spi[0]));
	node_adopt(&w->a);
	world_run(w, 10000);
	assert_null(by_spi(&w->a, spi[0]));
	world_is_up(w);
	world_check_pairs(w);
	world_free(w);
}

/* the tunnel leaves the configuration, or becomes another; one that stays as it is keeps it */
static void another_configuration(void **state)
{
	const struct world_conf same = rekey_never;
	static const struct world_conf other = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
						 .extra_tunnel = "lifetime 0s replay-window 128\n" };
	struct world *w;
	uint32_t spi[2];

	(void)state;
	w = rekeyed(spi);
	world_load(&w->a, &same);
	assert_non_null(by_spi(&w->a, spi[0]));
	world_load(&w->a, &other);
	assert_null(by_spi(&w->a, spi[0]));
	assert_int_equal(node_lingering(&w->a), 0);
	world_run(w, 10000);
	world_free(w);
}

/* the peer dies while it lingers: what there is of the tunnel goes with its IKE SA */
static void the_ike_sa_dies(void **state)
{
	static const struct world_conf dpd = { .extra_peer = "ike-lifetime 0s\n dpd 1s\n" };
	static const struct ike_limits soon = { .cookie_threshold = 32, .half_open_max = 100,
						.retrans_tries = 1, .retrans_first = 100 };
	struct world *w = world_up(&dpd, &dpd);
	uint32_t spi = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;

	(void)state;
	ike_set_limits(w->a.ike, &soon);
	rekey_child(&w->a);
	world_deliver(w);
	w->cut = true;
	world_run(w, 900);
	assert_non_null(by_spi(&w->a, spi));
	world_run(w, 600);
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	assert_int_equal(node_sas(&w->a) + node_lingering(&w->a), 0);
	w->cut = false;
	world_free(w);
}

/* the IKE SA is rekeyed meanwhile, which is nothing to it */
static void the_ike_sa_is_rekeyed(void **state)
{
	struct world *w;
	uint32_t spi[2];

	(void)state;
	w = rekeyed(spi);
	v2_renew(w->a.ike->sas);
	world_run(w, 100);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	assert_non_null(by_spi(&w->a, spi[0]));
	world_run(w, LONGER_MS);
	assert_int_equal(node_lingering(&w->a) + node_lingering(&w->b), 0);
	rekey_settles(w);
}

/* its lifetime is over before: the module has said so, and is not asked to delete it */
static void its_lifetime_is_over(void **state)
{
	struct world *w;
	struct fake_sa *f;
	uint32_t spi[2];

	(void)state;
	w = rekeyed(spi);
	f = by_spi(&w->a, spi[0]);
	node_expire(&w->a, f, false);
	world_deliver(w);
	assert_int_equal(node_lingering(&w->a), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
	node_expire(&w->a, f, true);
	assert_false(ike_lingers(w->a.ike, spi[0]));
	/* somebody's else, that has the number now */
	f->used = true;
	world_run(w, LONGER_MS);
	assert_true(f->used);
	f->used = false;
	world_is_up(w);
	rekey_settles(w);
}

/* RFC 7296 2.8.3: new ones by another IKE SA, and the old IKE SA is deleted; by either end */
static void reauthentication(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = world_up(&rekey_never, &rekey_never);
		uint32_t a = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
		uint32_t b = node_newest(&w->b, NFIPSEC_DIR_IN)->spi;

		w->now += 1000;
		v2_reauthenticate(i ? w->b.ike->sas : w->a.ike->sas);
		world_deliver(w);
		assert_int_equal(node_sas(&w->a), 2);
		assert_int_equal(node_sas(&w->b), 2);
		assert_int_equal(node_ike_sas(&w->a, NULL), 1);
		assert_int_equal(node_ike_sas(&w->b, NULL), 1);
		assert_non_null(by_spi(&w->a, a));
		assert_non_null(by_spi(&w->b, b));
		world_run(w, LONGER_MS);
		assert_int_equal(node_lingering(&w->a) + node_lingering(&w->b), 0);
		rekey_settles(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_lingers_and_goes),
		cmocka_unit_test(several_linger),
		cmocka_unit_test(down_is_at_once),
		cmocka_unit_test(down_before_it_lingers),
		cmocka_unit_test(down_of_the_other),
		cmocka_unit_test(the_daemon_ends),
		cmocka_unit_test(another_configuration),
		cmocka_unit_test(the_ike_sa_dies),
		cmocka_unit_test(the_ike_sa_is_rekeyed),
		cmocka_unit_test(its_lifetime_is_over),
		cmocka_unit_test(reauthentication),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
