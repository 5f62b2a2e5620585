// SPDX-License-Identifier: GPL-2.0
/*
 * The IKE core: rekeying of CHILD SAs, and what happens when both
 * ends want something at once: RFC 7296 1.3.3, 2.8.1, 2.25.1.
 *
 * Messages are held until a test lets them arrive. Each case ends with one IKE
 * SA and one CHILD SA at either end, of the same keys, and both can be rekeyed
 * again. While it goes on, either end has an outbound SA that the other can open.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "rekey_world.h"

static struct world *child_world(void)
{
	struct world *w = world_up(&rekey_never, &rekey_never);

	w->now += 1000;
	w->strict = true;
	return w;
}

static void child_both(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		struct world *w = child_world();

		rekey_child(&w->a);
		rekey_child(&w->b);
		world_step(w, &w->a);
		world_step(w, &w->b);
		world_step(w, i % 2 ? &w->b : &w->a);
		if (i % 3 == 0)
			world_step(w, i % 2 ? &w->a : &w->b);
		else if (i % 3 == 1)
			world_lose(w, i % 2 ? &w->a : &w->b);
		w->lifo = i % 4 > 1;
		world_deliver(w);
		rekey_settles(w);
	}
}

static void child_both_one_unaware(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w = child_world();
		struct packet late;

		rekey_child(&w->a);
		rekey_child(&w->b);
		world_step(w, &w->a);
		late = w->queue[0];
		w->n_queue--;
		w->queue[0] = w->queue[1];
		world_step(w, &w->b);
		/* A deletes the old one; B's request comes before or after B's answer to that */
		if (i % 2)
			world_step(w, &w->a);
		if (i / 2)
			world_deliver(w);
		world_send(w, &late);
		free(late.data);
		world_deliver(w);
		rekey_settles(w);
	}
}

/* the DELETE by one end meets the other's rekeying, in either order */
static void child_against_delete(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w = rekey_two();

		rekey_u_up(w);
		w->now += 1000;
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		node_down(&w->b, strchr(node_newest(&w->b, NFIPSEC_DIR_OUT)->tunnel, '/') + 1);
		world_step(w, i & 1 ? &w->a : &w->b);
		w->lifo = i & 2;
		world_run(w, 20000);
		assert_true(w->b.down_done);
		assert_int_equal(node_sas(&w->a), 2);
		world_is_up(w);
		world_free(w);
	}
}

static void child_delete_both(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w = rekey_two();

		rekey_u_up(w);
		node_down(&w->a, "u");
		node_down(&w->b, "u");
		world_step(w, i & 1 ? &w->a : &w->b);
		w->lifo = i & 2;
		world_run(w, 20000);
		assert_true(w->a.down_done && w->b.down_done);
		world_is_up(w);
		world_free(w);
	}
}

/* both rekey it, and meanwhile it comes to its hard end */
static void child_both_expired(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct world *w = child_world();
		struct fake_sa *a = node_newest(&w->a, NFIPSEC_DIR_OUT);
		struct fake_sa *b = node_newest(&w->b, NFIPSEC_DIR_OUT);

		w->strict = false;
		rekey_child(&w->a);
		rekey_child(&w->b);
		world_step(w, &w->a);
		if (i & 1)
			world_step(w, &w->b);
		node_expire(&w->a, a, true);
		if (i & 2)
			node_expire(&w->b, b, true);
		w->lifo = i & 4;
		world_run(w, 20000);
		/* a packet brings it back where nothing was on its way */
		if (!node_sas(&w->a))
			node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
		world_run(w, 20000);
		world_is_up(w);
		w->strict = true;
		rekey_settles(w);
	}
}

/* the responder goes on with the old one until the initiator surely has the new one */
static void child_response_lost(void **state)
{
	struct world *w = child_world();
	uint32_t old = node_newest(&w->b, NFIPSEC_DIR_OUT)->spi;
	unsigned int before = node_sas(&w->b);

	(void)state;
	rekey_child(&w->a);
	world_step(w, &w->a);
	world_lose(w, &w->b);
	assert_int_equal(node_sas(&w->b), before + 1);
	assert_int_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->spi, old);
	/* repeated, answered, and the old one is deleted: then it is certain */
	world_run(w, 2000);
	assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->spi, old);
	rekey_settles(w);
}

/* or a packet came by it, though the peer keeps the old one for now */
static void child_old_one_kept(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = child_world();
		unsigned int before = node_sas(&w->b);

		rekey_child(&w->a);
		world_step(w, &w->a);
		world_step(w, &w->b);
		/* the DELETE does not arrive */
		w->cut = true;
		world_lose(w, &w->a);
		if (i)
			node_newest(&w->b, NFIPSEC_DIR_IN)->packets = 1;
		world_run(w, 600);
		assert_int_equal(node_sas(&w->b), before + 1 + i);
		world_run(w, 6000);
		assert_int_equal(node_sas(&w->b), before + 1 + i);
		w->cut = false;
		rekey_settles(w);
	}
}

/* whoever began takes his back: the old one is what there is, and is rekeyed by the other end */
static void child_taken_back(void **state)
{
	struct world *w = child_world();
	unsigned int before = node_sas(&w->b);
	uint32_t spi = node_newest(&w->b, NFIPSEC_DIR_IN)->spi;

	(void)state;
	rekey_child(&w->a);
	w->a.refuse_in = ENOMEM;
	world_deliver(w);
	w->a.refuse_in = 0;
	assert_int_equal(node_sas(&w->a), before);
	assert_int_equal(node_sas(&w->b), before);
	assert_int_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->spi, spi);
	rekey_child(&w->b);
	world_deliver(w);
	assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->spi, spi);
	world_run(w, 2000);
	assert_int_equal(node_sas(&w->b), before);
	world_check_pairs(w);
	w->strict = false;
	world_free(w);
}

/* the IKE SA ends with both in it: the tunnel is initiated again as with one */
static void child_and_successor_die(void **state)
{
	static const struct world_conf at_load = { .start = "at-load", .extra_peer = "dpd 5s\n" };
	struct world *w = world_new(NULL, &at_load);
	unsigned int i;

	(void)state;
	world_run(w, 1000);
	for (i = 0; i < 2; i++) {
		rekey_child(&w->a);
		world_step(w, &w->a);
		world_step(w, &w->b);
		/* A is gone before its DELETE of the old one */
		w->cut = true;
		world_lose(w, &w->a);
		node_restart(&w->a);
		world_run(w, 60000);
		assert_int_equal(node_sas(&w->b), 0);
		w->cut = false;
		world_run(w, 40000);
		world_check_pairs(w);
		assert_int_equal(node_sas(&w->b), 2);
	}
	world_free(w);
}

/* RFC 7296 2.25: the peer does not know it any more, so another is made */
static void child_unknown_to_the_peer(void **state)
{
	struct world *w = child_world();
	struct fake_sa *b = node_newest(&w->b, NFIPSEC_DIR_OUT);

	(void)state;
	w->strict = false;
	/* it has lost its own, and its word about that does not arrive */
	rekey_child(&w->b);
	world_step(w, &w->b);
	node_expire(&w->b, b, true);
	world_run(w, 10);
	world_is_up(w);
	rekey_settles(w);
}

/* ---- chance ---- */

static unsigned int bad_network(struct world *w, const struct packet *p, unsigned int n)
{
	/* not more than two in a row: the IKE SA shall not come to its end for want of an answer */
	static unsigned int in_a_row[2];
	unsigned int *lost = &in_a_row[addr_equal(&p->from.addr, &w->a.addr)];
	unsigned int r = world_random(w, 100);

	(void)n;
	*lost = r < 15 && *lost < 2 ? *lost + 1 : 0;
	return *lost ? 0 : r < 25 ? 2 : 1;
}

/*
 * Many rekeyings of both by both, on a network that loses, doubles and delays: there is always
 * an SA to send by, and it can always be opened.
 */
static void storm(void **state)
{
	static const struct world_conf c = { .extra_peer = "ike-lifetime 5m\n dpd 0s\n" };
	static const struct ike_limits limits = { .cookie_threshold = 32, .half_open_max = 100,
						  .retrans_tries = 12, .retrans_first = 500 };
	unsigned int seed, i, n = 0;
	struct world *w;

	(void)state;
	for (seed = 1; seed <= 30; seed++) {
		w = world_up(&c, &c);
		ike_set_limits(w->a.ike, &limits);
		ike_set_limits(w->b.ike, &limits);
		w->seed = seed;
		w->filter = bad_network;
		w->delay = 10 + world_random(w, 400);
		w->strict = true;
		for (i = 0; i < 200; i++) {
			world_run(w, world_random(w, 4000));
			if (world_random(w, 3))
				rekey_child(&w->a);
			world_run(w, world_random(w, 2) * world_random(w, 200));
			if (world_random(w, 3))
				rekey_child(&w->b);
		}
		n += node_count(&w->a, IKE_EVENT_IKE_UP);
		w->filter = NULL;
		w->delay = 0;
		world_run(w, 60000);
		world_is_up(w);
		w->strict = false;
		world_free(w);
	}
	assert_true(n > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_both),
		cmocka_unit_test(child_both_one_unaware),
		cmocka_unit_test(child_against_delete),
		cmocka_unit_test(child_delete_both),
		cmocka_unit_test(child_both_expired),
		cmocka_unit_test(child_response_lost),
		cmocka_unit_test(child_old_one_kept),
		cmocka_unit_test(child_taken_back),
		cmocka_unit_test(child_and_successor_die),
		cmocka_unit_test(child_unknown_to_the_peer),
		cmocka_unit_test(storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
