// SPDX-License-Identifier: GPL-2.0
/* The IKE core: how SAs are renewed, end, and come back. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

static void down(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_down(&w->a, NULL);
	/* the SAs leave the module at once, the waiter hears of it when the peer knows */
	assert_int_equal(node_sas(&w->a), 0);
	assert_false(w->a.down_done);
	world_deliver(w);
	assert_true(w->a.down_done);
	world_nothing_left(w);
	/* nothing to take down is no error */
	node_down(&w->a, NULL);
	assert_true(w->a.down_done);
	node_down(&w->a, "t");
	assert_true(w->a.down_done);
	world_free(w);
}

static void down_by_responder(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_down(&w->b, NULL);
	world_deliver(w);
	world_nothing_left(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "deleted by the peer"));
	/* traffic brings it back */
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

static void down_tunnel(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	/* nothing is left that the IKE SA would be for */
	node_down(&w->a, "t");
	world_deliver(w);
	assert_true(w->a.down_done);
	world_nothing_left(w);
	world_free(w);
}

static void down_both_at_once(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_down(&w->a, NULL);
	node_down(&w->b, NULL);
	world_deliver(w);
	assert_true(w->a.down_done && w->b.down_done);
	world_nothing_left(w);
	world_free(w);
}

static void down_of_the_deaf(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	w->cut = true;
	node_down(&w->a, NULL);
	world_run(w, 10000);
	assert_true(w->a.down_done);
	assert_int_equal(node_sas(&w->a), 0);
	w->cut = false;
	world_free(w);
}

static void down_while_connecting(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	w->cut = true;
	node_up(&w->a, NULL);
	node_down(&w->a, NULL);
	assert_true(w->a.up_done && w->a.down_done);
	assert_non_null(strstr(w->a.up_error, "taken down"));
	w->cut = false;
	world_run(w, 120000);
	world_nothing_left(w);
	world_free(w);
}

static void shut_down(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	ike_shutdown(w->a.ike, w->now);
	assert_int_equal(node_sas(&w->a), 0);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

static void dead_peer(void **state)
{
	static const struct world_conf c = { .extra_peer = "dpd 10s\n" };
	struct world *w = world_up(&c, &c);

	(void)state;
	w->cut = true;
	world_run(w, 100000);
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "192.0.2.2[500] does not answer any more"));
	world_nothing_left(w);
	w->cut = false;
	world_free(w);
}

static void living_peer(void **state)
{
	static const struct world_conf c = { .extra_peer = "dpd 10s\n" }, off = { .extra_peer = "dpd 1d\n" };
	struct world *w = world_up(&c, &off);
	unsigned int before = w->n_packets;
	struct fake_sa *in;

	(void)state;
	world_run(w, 65000);
	assert_in_range(w->n_packets - before, 10, 14);
	/* packets that come in by its SA prove the same */
	before = w->n_packets;
	in = node_newest(&w->a, NFIPSEC_DIR_IN);
	in->packets = 1;
	for (int i = 0; i < 60; i++) {
		in->last = w->now;
		world_run(w, 1000);
	}
	assert_int_equal(w->n_packets, before);
	world_is_up(w);
	world_free(w);
}

static void idle(void **state)
{
	static const struct world_conf a = { .extra_tunnel = "idle-timeout 60s\n", .start = "at-load" };
	struct world *w = world_new(&a, NULL);
	struct fake_sa *out;

	(void)state;
	world_deliver(w);
	world_is_up(w);
	world_run(w, 50000);
	out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	out->last = w->now;
	world_run(w, 50000);
	world_is_up(w);
	world_run(w, 15000);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "idle"));
	world_nothing_left(w);
	world_run(w, 100000);
	world_nothing_left(w);
	world_free(w);
}

static void at_load(void **state)
{
	static const struct world_conf a = { .start = "at-load" };
	struct world *w = world_new(&a, NULL);
	unsigned int i;

	(void)state;
	world_deliver(w);
	world_is_up(w);
	/* whatever takes it down, but its own operator, it comes back */
	node_down(&w->b, NULL);
	world_run(w, 5000);
	world_is_up(w);
	/* for ever */
	w->cut = true;
	node_down(&w->b, NULL);
	world_run(w, 1000000);
	w->cut = false;
	assert_int_equal(node_sas(&w->a), 0);
	world_run(w, 80000);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	node_down(&w->a, NULL);
	for (i = 0; i < 10; i++)
		world_run(w, 10000);
	world_nothing_left(w);
	world_free(w);
}

static void backs_off(void **state)
{
	static const struct world_conf b = { .psk = "another" };
	struct world *w = world_new(NULL, &b);
	unsigned int i;

	(void)state;
	/* packets all the time, as the module reports them */
	for (i = 0; i < 300; i++) {
		node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
		world_run(w, 1000);
	}
	assert_in_range(node_count(&w->a, IKE_EVENT_ERROR), 8, 16);
	world_free(w);
}

static void rekey(struct world *w, struct node *n)
{
	uint32_t old_out = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	node_expire(n, node_newest(n, NFIPSEC_DIR_OUT), false);
	node_expire(n, node_newest(n, NFIPSEC_DIR_IN), false);
	world_deliver(w);
	world_is_up(w);
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old_out);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
}

static void child_rekey(void **state)
{
	static const struct world_conf pfs = { .esp = "aes128-sha256-ecp256" };
	const struct world_conf *confs[] = { NULL, &pfs };
	unsigned int i, k;
	struct world *w;

	(void)state;
	for (k = 0; k < 2; k++) {
		w = world_up(confs[k], confs[k]);
		for (i = 0; i < 4; i++) {
			w->now += 1000;
			rekey(w, i % 2 ? &w->b : &w->a);
		}
		world_free(w);
	}
}

static unsigned int min_sas;

static unsigned int watch_sas(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	(void)n;
	if (node_sas(&w->a) < min_sas)
		min_sas = node_sas(&w->a);
	if (node_sas(&w->b) < min_sas)
		min_sas = node_sas(&w->b);
	return 1;
}

/* does the module of b send by SA filter_arg when b sends this? */
static bool sends_by_it;

static unsigned int watch_outbound(struct world *w, const struct packet *p, unsigned int n)
{
	unsigned int i;

	(void)n;
	if (!addr_equal(&p->from.addr, &w->b.addr))
		return 1;
	sends_by_it = false;
	for (i = 0; i < WORLD_SAS; i++)
		if (w->b.sas[i].used && w->b.sas[i].dir == NFIPSEC_DIR_OUT &&
		    w->b.sas[i].spi == w->filter_arg)
			sends_by_it = true;
	return 1;
}

/* the last thing that b says of an SA is that it is closed: nothing is sent by it then */
static void closed_before_the_answer(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	w->filter = watch_outbound;
	w->now += 1000;
	w->filter_arg = node_newest(&w->b, NFIPSEC_DIR_OUT)->spi;
	sends_by_it = true;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_deliver(w);
	assert_false(sends_by_it);
	world_is_up(w);

	w->filter_arg = node_newest(&w->b, NFIPSEC_DIR_OUT)->spi;
	sends_by_it = true;
	node_down(&w->a, NULL);
	world_deliver(w);
	assert_false(sends_by_it);
	world_nothing_left(w);
	world_free(w);
}

/* RFC 7296 2.8.1: both ends at once, and one of the two that come of it goes */
static void child_rekey_collision(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct world *w = world_up(NULL, NULL);

		w->now += 1000;
		min_sas = 2;
		w->filter = watch_sas;
		w->lifo = i % 2;
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		node_expire(&w->b, node_newest(&w->b, NFIPSEC_DIR_OUT), false);
		world_run(w, 60000);
		world_is_up(w);
		assert_int_equal(min_sas, 2);
		world_free(w);
	}
}

static void hard_expiry(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_IN), true);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

static void rekey_of_the_refused(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	w->b.refuse_in = ENOMEM;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, 1000);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	w->b.refuse_in = 0;
	world_run(w, 30000);
	assert_int_equal(node_sas(&w->a), 2);
	world_check_pairs(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
	world_free(w);
}

/* an IKE SA at its end is followed by another; there is an SA for traffic all the time */
static void ike_lifetime(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 10m\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 10m\n" };
	struct world *w = world_up(&a, &b);

	(void)state;
	min_sas = 2;
	w->filter = watch_sas;
	world_run(w, 3000000);
	assert_int_equal(min_sas, 2);
	world_is_up(w);
	assert_in_range(node_count(&w->a, IKE_EVENT_IKE_UP), 5, 8);
	world_free(w);
}

static void ike_lifetime_alone(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 10m\ndpd 1d\n" };
	struct world *w = world_up(&a, &a);

	(void)state;
	/* the successor fails all the time: at its end it goes all the same */
	w->cut = true;
	world_run(w, 700000);
	assert_int_equal(node_sas(&w->a), 0);
	w->cut = false;
	world_free(w);
}

/* the request is lost, its repetition arrives */
static unsigned int lose_first(struct world *w, const struct packet *p, unsigned int n)
{
	watch_sas(w, p, n);
	return w->filter_arg++ > 0;
}

/* however short a life is, what is begun before its end has time to be answered */
static void short_lives(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 10s\ndpd 0s\n",
					     .extra_tunnel = "lifetime 10s\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\ndpd 0s\n",
					     .extra_tunnel = "lifetime 6s\n" };
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 20; i++) {
		/* the one that has the short life is the one that begins, or the other */
		struct world *w = i % 2 ? world_up(&a, &b) : world_up(&b, &a);
		const struct node *with_10 = i % 2 ? &w->a : &w->b, *with_6 = i % 2 ? &w->b : &w->a;

		for (n = 0; n < WORLD_SAS; n++) {
			if (with_10->sas[n].used)
				assert_in_range(with_10->sas[n].soft_seconds, 5, 7);
			if (with_6->sas[n].used)
				assert_in_range(with_6->sas[n].soft_seconds, 3, 4);
		}
		min_sas = 2;
		w->filter = lose_first;
		w->filter_arg = 0;
		world_run(w, 15000);
		assert_true(w->filter_arg > 1);
		assert_int_equal(min_sas, 2);
		assert_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "lifetime"));
		assert_null(node_line(&w->b, IKE_EVENT_IKE_DOWN, "lifetime"));
		world_is_up(w);
		world_free(w);
	}
}

/* the module said so, and netlink lost it: rekeyed a second later, by one end */
static void soft_limit_of_time_unheard(void **state)
{
	static const struct world_conf c = { .extra_tunnel = "lifetime 100s\n", .extra_peer = " dpd 0s\n" };
	struct world *w = world_up(&c, &c);
	struct fake_sa *out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	uint32_t spi = out->spi;
	uint64_t soft = out->soft_seconds * 1000;

	(void)state;
	assert_in_range(soft, 50000, 99000);
	world_run(w, soft);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, spi);
	world_run(w, 3000);
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, spi);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
	world_is_up(w);
	/* the same for each that follows */
	world_run(w, 1000000);
	world_is_up(w);
	assert_in_range(node_count(&w->a, IKE_EVENT_CHILD_UP), 10, 22);
	world_free(w);
}

/* after events were lost, an SA of the module tells how much it has carried */
static void soft_limits_after_lost_events(void **state)
{
	static const struct kern_sa over[] = {
		{ .soft_bytes = 1000, .bytes = 1000 }, { .soft_packets = 10, .packets = 11 },
		{ .soft_seconds = 60, .age = 60 },
	};
	static const struct kern_sa within = { .soft_bytes = 1000, .bytes = 999, .soft_packets = 10,
					       .packets = 9, .soft_seconds = 60, .age = 59 };
	struct world *w = world_up(NULL, NULL);
	struct kern_sa sa;
	uint32_t spi;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		spi = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;
		sa = i < 3 ? over[i] : within;
		snprintf(sa.tunnel, sizeof(sa.tunnel), "p/t");
		sa.dir = NFIPSEC_DIR_OUT;
		sa.spi = spi;
		ike_resync(w->a.ike, &sa, w->now);
		world_deliver(w);
		assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi != spi, i < 3);
	}
	sa.expired_hard = true;
	ike_resync(w->a.ike, &sa, w->now);
	world_deliver(w);
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_DOWN), 4);
	world_free(w);
}

static void reload_unchanged(void **state)
{
	static const struct world_conf later = { .start = "manual", .tunnels =
		"tunnel u {\n access-list l2\n esp aes256gcm16\n start manual\n}\n", .entries =
		"10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list l2 {\n"
		"10 protect ip from 10.11.0.0/16 to 10.12.0.0/16\n" };
	struct world *w = world_up(NULL, NULL);
	unsigned int before = w->n_packets;

	(void)state;
	world_load(&w->a, NULL);
	world_run(w, 1000);
	assert_int_equal(w->n_packets, before);
	world_is_up(w);
	/* one more tunnel, and another way to start, leave what is up alone */
	world_load(&w->a, &later);
	world_run(w, 1000);
	assert_int_equal(w->n_packets, before);
	world_is_up(w);
	world_load(&w->a, NULL);
	rekey(w, &w->a);
	world_free(w);
}

static void reload_changed(void **state)
{
	static const struct world_conf confs[] = {
		{ .psk = "another" }, { .ike = "aes256gcm16-prfsha384-ecp384" }, { .esp = "aes256gcm16" },
		{ .entries = "10 protect ip from 10.1.0.0/16 to 10.2.7.0/24" },
		{ .remote = "192.0.2.9" }, { .extra_tunnel = "replay-window 128\n" },
	};
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		w = world_up(NULL, NULL);
		world_load(&w->a, &confs[i]);
		world_run(w, 1000);
		assert_int_equal(node_sas(&w->a), 0);
		assert_int_equal(node_sas(&w->b), 0);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
		world_free(w);
	}
}

/* while it comes up, and while it is deleted */
static void reload_meanwhile(void **state)
{
	static const struct world_conf other = { .psk = "another" };
	struct world *w = world_new(NULL, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		w->cut = i & 1;
		node_up(&w->a, NULL);
		if (i & 2)
			world_deliver(w);
		world_load(&w->a, &other);
		world_run(w, 100);
		world_load(&w->a, NULL);
		world_run(w, 100000);
		assert_true(w->a.up_done);
		w->cut = false;
		node_down(&w->b, NULL);
		world_run(w, 100000);
		world_nothing_left(w);
	}
	world_free(w);
}

/* a restarted peer initiates with INITIAL_CONTACT, RFC 7296 2.4 */
static void initial_contact(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	w->cut = true;
	ike_shutdown(w->a.ike, w->now);
	w->cut = false;
	w->now += 1000;
	/* the core shut down does not begin again: as a daemon does, make a new one */
	node_restart(&w->a);
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	assert_non_null(node_line(&w->b, IKE_EVENT_IKE_DOWN, "started again"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(down),
		cmocka_unit_test(down_by_responder),
		cmocka_unit_test(down_tunnel),
		cmocka_unit_test(down_both_at_once),
		cmocka_unit_test(down_of_the_deaf),
		cmocka_unit_test(down_while_connecting),
		cmocka_unit_test(shut_down),
		cmocka_unit_test(dead_peer),
		cmocka_unit_test(living_peer),
		cmocka_unit_test(idle),
		cmocka_unit_test(at_load),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(child_rekey),
		cmocka_unit_test(child_rekey_collision),
		cmocka_unit_test(hard_expiry),
		cmocka_unit_test(rekey_of_the_refused),
		cmocka_unit_test(ike_lifetime),
		cmocka_unit_test(ike_lifetime_alone),
		cmocka_unit_test(short_lives),
		cmocka_unit_test(closed_before_the_answer),
		cmocka_unit_test(soft_limit_of_time_unheard),
		cmocka_unit_test(soft_limits_after_lost_events),
		cmocka_unit_test(reload_unchanged),
		cmocka_unit_test(reload_changed),
		cmocka_unit_test(reload_meanwhile),
		cmocka_unit_test(initial_contact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
