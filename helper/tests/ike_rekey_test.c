// SPDX-License-Identifier: GPL-2.0
/*
 * The IKE core: rekeying of IKE SAs, and what happens when both
 * ends want something at once: RFC 7296 1.3.2, 2.8.2, 2.25.
 *
 * Messages are held until a test lets them arrive. Each case ends with one IKE
 * SA and one CHILD SA at either end, of the same keys, and both can be rekeyed
 * again. While it goes on, either end has an outbound SA that the other can open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "rekey_world.h"

/* up, and at the moment when either IKE SA is due */
static struct world *due(const struct world_conf *a, const struct world_conf *b)
{
	struct world_conf long_a = *a, long_b = *b;
	struct world *w;

	/* the CHILD SAs are not due */
	long_a.extra_tunnel = long_b.extra_tunnel = "lifetime 1d\n";
	w = world_up(&long_a, &long_b);
	w->now += REKEY_LIFE_MS * 995 / 1000;
	w->strict = true;
	return w;
}

/* its timers run: the request to rekey the IKE SA is on its way */
static void rekey_ike(struct node *n)
{
	unsigned int sent = world_sent(n->w, n);

	ike_tick(n->ike, n->w->now);
	assert_int_equal(world_sent(n->w, n), sent + 1);
}

/* the IKE SA was rekeyed, once at either end, and the CHILD SA was not */
static void settles_rekeyed(struct world *w)
{
	world_run(w, 60000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	assert_int_equal(node_count(&w->b, IKE_EVENT_IKE_UP), 2);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 1);
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_UP), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_DOWN), 0);
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_DOWN), 0);
	rekey_settles(w);
}

/* ---- one end alone ---- */

static void ike_by_either(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = due(i ? &rekey_never : &rekey_both, i ? &rekey_both : &rekey_never);

		rekey_ike(i ? &w->b : &w->a);
		world_deliver(w);
		/* request, response, DELETE and its answer, and nothing is left */
		assert_int_equal(node_ike_sas(&w->a, NULL), 1);
		assert_int_equal(node_ike_sas(&w->b, NULL), 1);
		assert_non_null(node_line(&w->a, IKE_EVENT_IKE_UP, "rekeyed"));
		assert_non_null(node_line(&w->b, IKE_EVENT_IKE_DOWN, "rekeyed"));
		settles_rekeyed(w);
	}
}

/* RFC 7296 2.18: the old SA's PRF makes SKEYSEED, the new one's what comes of it */
static void ike_of_another_prf(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-x25519 aes128gcm16-prfsha512-x25519" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha512-x25519 aes128gcm16-prfsha256-x25519" };
	struct world *w = due(&a, &b);

	(void)state;
	/* who answers prefers his own first */
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_UP, "prfsha512"));
	rekey_ike(&w->b);
	world_deliver(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_UP, "prfsha256"));
	settles_rekeyed(w);
}

static void ike_of_another_group(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-ecp256-x25519" };
	struct world *w = due(&a, &b);
	struct ike_proposal *known = &bend_sa(&w->b)->prop;
	unsigned int i;

	(void)state;
	/* b begins with its own first group, as an implementation may that does not remember */
	for (i = 0; i < known->n; i++)
		if (known->t[i].type == IKE_TRANSFORM_DH)
			known->t[i].id = DH_ECP256;
	rekey_ike(&w->b);
	world_deliver(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "N(INVALID_KE_PAYLOAD)"));
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_UP, "x25519"));
	settles_rekeyed(w);
}

/* the group that both know is tried first, whatever the configuration prefers */
static void ike_of_the_known_group(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-x25519-ecp256" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-ecp256-x25519" };
	struct world *w = due(&a, &b);
	unsigned int before = w->n_packets;

	(void)state;
	rekey_ike(&w->a);
	world_deliver(w);
	assert_int_equal(w->n_packets, before + 4);
	settles_rekeyed(w);
}

static unsigned int drop_one(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	return n != w->filter_arg;
}

static void ike_each_lost_once(void **state)
{
	unsigned int i, before;
	struct world *w;

	(void)state;
	for (i = 0; i < 4; i++) {
		w = due(&rekey_both, &rekey_never);
		before = w->n_packets;
		w->filter = drop_one;
		w->filter_arg = before + i;
		ike_tick(w->a.ike, w->now);
		world_run(w, 5000);
		assert_int_equal(w->n_packets, before + (i % 2 ? 6 : 5));
		settles_rekeyed(w);
	}
}

static void ike_again_and_again(void **state)
{
	struct world *w = world_up(&rekey_both, &rekey_both);

	(void)state;
	w->strict = true;
	world_run(w, 10 * REKEY_LIFE_MS);
	assert_in_range(node_count(&w->a, IKE_EVENT_IKE_UP), 11, 13);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 1);
	rekey_settles(w);
}

/* what was asked of the old SA while it was rekeyed is done by the new one */
static void ike_with_tasks(void **state)
{
	struct world *w = rekey_two();

	(void)state;
	w->now += REKEY_LIFE_MS * 995 / 1000;
	rekey_ike(&w->a);
	node_up(&w->a, "u");
	rekey_child(&w->a);
	assert_int_equal(world_sent(w, &w->a), 1);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 3);
	world_check_pairs(w);
	world_free(w);
}

/* ---- IKE SA, both at once: RFC 7296 2.8.2, 2.25.2 ---- */

/* neither has seen the other's request before it made its own */
static struct world *crossing(void)
{
	struct world *w = due(&rekey_both, &rekey_both);

	rekey_ike(&w->a);
	rekey_ike(&w->b);
	world_step(w, &w->a);
	world_step(w, &w->b);
	return w;
}

static void ike_both(void **state)
{
	unsigned int i;

	(void)state;
	/* chance says who wins; the answers come in either order, or one later than what follows */
	for (i = 0; i < 12; i++) {
		struct world *w = crossing();

		world_step(w, i % 2 ? &w->b : &w->a);
		if (i % 3 == 0)
			world_step(w, i % 2 ? &w->a : &w->b);
		w->lifo = i % 4 > 1;
		/* what came before the answer that it needs is repeated */
		world_run(w, 25000);
		assert_int_equal(node_ike_sas(&w->a, NULL), 1);
		assert_int_equal(node_ike_sas(&w->b, NULL), 1);
		settles_rekeyed(w);
	}
}

static void ike_both_response_lost(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		struct world *w = crossing();

		world_lose(w, i % 2 ? &w->a : &w->b);
		settles_rekeyed(w);
	}
}

/* A is through before it sees B's request, and B learns by A's DELETE or by TEMPORARY_FAILURE */
static void ike_both_one_unaware(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w = due(&rekey_both, &rekey_both);
		struct packet late;

		rekey_ike(&w->a);
		rekey_ike(&w->b);
		world_step(w, &w->a);
		late = w->queue[0];
		w->n_queue--;
		w->queue[0] = w->queue[1];
		/* B's answer, then A's DELETE is on its way */
		world_step(w, &w->b);
		if (i % 2)
			world_step(w, &w->a);
		world_send(w, &late);
		free(late.data);
		w->lifo = i / 2;
		world_deliver(w);
		if (!(i % 2))
			assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "N(TEMPORARY_FAILURE)"));
		settles_rekeyed(w);
	}
}

/* the redundant one, and the old one, of a peer that says no more */
static void ike_both_no_delete(void **state)
{
	struct world *w = crossing();

	(void)state;
	world_step(w, &w->a);
	world_step(w, &w->b);
	w->strict = false;
	w->cut = true;
	while (w->n_queue)
		world_lose(w, w->queue[0].from.addr.a[3] == 1 ? &w->a : &w->b);
	world_run(w, 400000);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	w->cut = false;
	world_check_pairs(w);
	world_free(w);
}

/* ---- IKE SA against CHILD SA ---- */

static void ike_against_child_rekey(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct world *w = due(i & 1 ? &rekey_never : &rekey_both, i & 1 ? &rekey_both : &rekey_never);
		struct node *ike = i & 1 ? &w->b : &w->a, *child = world_other(ike);

		rekey_ike(ike);
		rekey_child(child);
		world_step(w, i & 2 ? ike : child);
		w->lifo = i & 4;
		world_deliver(w);
		/* RFC 7296 2.25.1, 2.25.2: neither while the other is under way */
		assert_non_null(node_line(ike, IKE_EVENT_EXCHANGE, "N(TEMPORARY_FAILURE)"));
		assert_non_null(node_line(child, IKE_EVENT_EXCHANGE, "N(TEMPORARY_FAILURE)"));
		world_run(w, 20000);
		assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
		assert_int_equal(node_count(&w->b, IKE_EVENT_IKE_UP), 2);
		assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
		rekey_settles(w);
	}
}

static void ike_against_child_create(void **state)
{
	struct world *w = rekey_two();

	(void)state;
	w->now += REKEY_LIFE_MS * 995 / 1000;
	rekey_ike(&w->a);
	node_up(&w->b, "u");
	world_deliver(w);
	assert_false(w->b.up_done);
	world_run(w, 10000);
	assert_true(w->b.up_done);
	assert_string_equal(w->b.up_error, "");
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 0);
	world_check_pairs(w);
	world_free(w);
}

/* RFC 7296 2.25.2: answered as usual, though the IKE SA is being rekeyed */
static void ike_against_child_delete(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct world *w = rekey_two();
		struct node *ike = i & 1 ? &w->b : &w->a, *child = world_other(ike);

		rekey_u_up(w);
		w->now += REKEY_LIFE_MS * 995 / 1000;
		rekey_ike(ike);
		node_down(child, "u");
		world_step(w, i & 2 ? ike : child);
		w->lifo = i & 4;
		world_run(w, 20000);
		assert_true(child->down_done);
		world_is_up(w);
		assert_int_equal(node_ike_sas(&w->a, NULL), 1);
		assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
		w->strict = true;
		rekey_settles(w);
	}
}

/* our own CREATE_CHILD_SA is outstanding, and the peer rekeys the IKE SA */
static void ike_against_own_create(void **state)
{
	struct world *w = due(&rekey_never, &rekey_both);

	(void)state;
	rekey_child(&w->a);
	rekey_ike(&w->b);
	world_step(w, &w->b);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "N(TEMPORARY_FAILURE)"));
	world_lose(w, &w->a);
	world_run(w, 20000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	rekey_settles(w);
}

/* ---- IKE SA against its end ---- */

static void ike_against_ike_delete(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++) {
		struct world *w = due(i & 1 ? &rekey_never : &rekey_both, i & 1 ? &rekey_both : &rekey_never);
		struct node *ike = i & 1 ? &w->b : &w->a, *end = i & 8 ? ike : world_other(ike);

		w->strict = false;
		rekey_ike(ike);
		if (i & 2)
			world_step(w, ike);
		node_down(end, NULL);
		if (world_sent(w, end))
			world_step(w, end);
		w->lifo = i & 4;
		world_run(w, 20000);
		assert_true(end->down_done);
		world_run(w, 200000);
		world_nothing_left(w);
		world_free(w);
	}
}

static void ike_delete_both(void **state)
{
	struct world *w = due(&rekey_both, &rekey_both);

	(void)state;
	w->strict = false;
	node_down(&w->a, NULL);
	node_down(&w->b, NULL);
	world_step(w, &w->b);
	world_step(w, &w->a);
	world_deliver(w);
	assert_true(w->a.down_done && w->b.down_done);
	world_nothing_left(w);
	world_free(w);
}

/* after a rekey nothing of the old SA comes back to life */
static void down_after_rekey(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w = due(&rekey_both, &rekey_never);

		w->strict = false;
		rekey_ike(&w->a);
		world_step(w, &w->a);
		if (i & 1)
			world_step(w, &w->b);
		node_down(i & 2 ? &w->a : &w->b, NULL);
		world_run(w, 200000);
		world_nothing_left(w);
		world_free(w);
	}
}

/* ---- a peer that refuses ---- */

static void ike_refused(void **state)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-x25519 aes256gcm16-prfsha384-ecp384" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n" };
	struct world *w = due(&a, &b);

	(void)state;
	/* another responder than the one it was made with: nothing in common any more */
	w->b.conf->peers[0].ike[0].t[0].id = ENCR_CHACHA20_POLY1305;
	rekey_ike(&w->a);
	world_step(w, &w->a);
	w->b.conf->peers[0].ike[0].t[0].id = ENCR_AES_GCM_16;
	world_run(w, 20000);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "NO_PROPOSAL_CHOSEN; it is reauthenticated"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no common IKE proposal"));
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "replaced"));
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	w->strict = false;
	world_free(w);
}

static void reauth(void **state)
{
	static const struct world_conf a = { .extra_peer = "reauth 10h\n ike-lifetime 1h\n dpd 0s\n",
					     .extra_tunnel = "lifetime 1d\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
					     .extra_tunnel = "lifetime 1d\n" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = world_up(i ? &b : &a, i ? &a : &b);
		struct node *n = i ? &w->b : &w->a;

		w->strict = true;
		world_run(w, 8ULL * 3600 * 1000);
		assert_null(node_line(n, IKE_EVENT_IKE_DOWN, "replaced"));
		assert_in_range(node_count(n, IKE_EVENT_IKE_UP), 9, 10);
		assert_int_equal(node_count(n, IKE_EVENT_CHILD_UP), 1);
		/* from the last authentication, not from the last rekeying */
		world_run(w, 2ULL * 3600 * 1000);
		assert_non_null(node_line(n, IKE_EVENT_IKE_DOWN, "replaced"));
		assert_int_equal(node_count(n, IKE_EVENT_CHILD_UP), 2);
		rekey_settles(w);
	}
}

/* a responder may send by its new SA as soon as it has answered IKE_AUTH: the module queues that */
static void reauth_queues_early(void **state)
{
	static const struct world_conf a = { .extra_peer = "reauth 100m\n ike-lifetime 0s\n dpd 0s\n" };
	struct world *w = due(&a, &rekey_never);

	(void)state;
	rekey_ike(&w->a);
	world_step(w, &w->a);
	assert_int_equal(node_sas(&w->a), 2);
	world_step(w, &w->b);
	assert_int_equal(world_sent(w, &w->a), 1);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_awaited(&w->a), 1);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(node_awaited(&w->a), 0);
	assert_int_equal(node_sas(&w->a), 3);	/* the old inbound one and the new pair */
	rekey_settles(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ike_by_either),
		cmocka_unit_test(ike_of_another_prf),
		cmocka_unit_test(ike_of_another_group),
		cmocka_unit_test(ike_of_the_known_group),
		cmocka_unit_test(ike_each_lost_once),
		cmocka_unit_test(ike_again_and_again),
		cmocka_unit_test(ike_with_tasks),
		cmocka_unit_test(ike_both),
		cmocka_unit_test(ike_both_response_lost),
		cmocka_unit_test(ike_both_one_unaware),
		cmocka_unit_test(ike_both_no_delete),
		cmocka_unit_test(ike_against_child_rekey),
		cmocka_unit_test(ike_against_child_create),
		cmocka_unit_test(ike_against_child_delete),
		cmocka_unit_test(ike_against_own_create),
		cmocka_unit_test(ike_against_ike_delete),
		cmocka_unit_test(ike_delete_both),
		cmocka_unit_test(down_after_rekey),
		cmocka_unit_test(ike_refused),
		cmocka_unit_test(reauth),
		cmocka_unit_test(reauth_queues_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
