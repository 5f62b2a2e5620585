// SPDX-License-Identifier: GPL-2.0
/*
 * The IKE core: rekeying of IKE SAs and CHILD SAs, and what happens when both
 * ends want something at once: RFC 7296 1.3.2, 1.3.3, 2.8, 2.25.
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

#include "ike_world.h"

#define LIFE_MS	6000000ULL	/* "100m": both ends rekey between 88 and 99 percent of it */

static const struct world_conf both = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n" };
static const struct world_conf never = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n" };
static const struct world_conf two = {
	.extra_peer = "ike-lifetime 100m\n dpd 0s\n",
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n}\n",
	.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.11.0.0/16 to 10.12.0.0/16\n",
};
static const struct world_conf two_there = {
	.extra_peer = "ike-lifetime 100m\n dpd 0s\n",
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n}\n",
	.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.12.0.0/16 to 10.11.0.0/16\n",
};

/* with a tunnel u beside the one that is up */
static struct world *two_up(void)
{
	struct world *w = world_new(&two, &two_there);

	node_up(&w->a, "t");
	world_deliver(w);
	world_is_up(w);
	return w;
}

static void u_up(struct world *w)
{
	node_up(&w->a, "u");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
}

/* up, and at the moment when either IKE SA is due */
static struct world *due(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_up(a, b);

	w->now += LIFE_MS * 995 / 1000;
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

static void rekey_child(struct node *n)
{
	node_expire(n, node_newest(n, NFIPSEC_DIR_OUT), false);
}

/* of both ends, with the IKE SA that there is */
static void works(struct world *w)
{
	struct node *ends[] = { &w->a, &w->b };
	unsigned int i;
	uint32_t spi;

	for (i = 0; i < 2; i++) {
		w->now += 1000;
		spi = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;
		rekey_child(ends[i]);
		world_run(w, 1000);
		assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, spi);
	}
}

static void settles(struct world *w)
{
	/* longer than any leftover may live */
	world_run(w, 200000);
	world_is_up(w);
	works(w);
	world_is_up(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	w->strict = false;
	world_free(w);
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
	settles(w);
}

/* ---- one end alone ---- */

static void ike_by_either(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = due(i ? &never : &both, i ? &both : &never);

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
	static const struct world_conf a = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-x25519-ecp256" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n",
		.ike = "aes128gcm16-prfsha256-ecp256-x25519" };
	struct world *w = due(&a, &b);

	(void)state;
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
		w = due(&both, &never);
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
	struct world *w = world_up(&both, &both);

	(void)state;
	w->strict = true;
	world_run(w, 10 * LIFE_MS);
	assert_in_range(node_count(&w->a, IKE_EVENT_IKE_UP), 11, 13);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 1);
	settles(w);
}

/* what was asked of the old SA while it was rekeyed is done by the new one */
static void ike_with_tasks(void **state)
{
	struct world *w = two_up();

	(void)state;
	w->now += LIFE_MS * 995 / 1000;
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
	struct world *w = due(&both, &both);

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
		struct world *w = due(&both, &both);
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
		struct world *w = due(i & 1 ? &never : &both, i & 1 ? &both : &never);
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
		settles(w);
	}
}

static void ike_against_child_create(void **state)
{
	struct world *w = two_up();

	(void)state;
	w->now += LIFE_MS * 995 / 1000;
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
		struct world *w = two_up();
		struct node *ike = i & 1 ? &w->b : &w->a, *child = world_other(ike);

		u_up(w);
		w->now += LIFE_MS * 995 / 1000;
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
		settles(w);
	}
}

/* our own CREATE_CHILD_SA is outstanding, and the peer rekeys the IKE SA */
static void ike_against_own_create(void **state)
{
	struct world *w = due(&never, &both);

	(void)state;
	rekey_child(&w->a);
	rekey_ike(&w->b);
	world_step(w, &w->b);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "N(TEMPORARY_FAILURE)"));
	world_lose(w, &w->a);
	world_run(w, 20000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	settles(w);
}

/* ---- IKE SA against its end ---- */

static void ike_against_ike_delete(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++) {
		struct world *w = due(i & 1 ? &never : &both, i & 1 ? &both : &never);
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
	struct world *w = due(&both, &both);

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
		struct world *w = due(&both, &never);

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

/* ---- CHILD SA, both at once: RFC 7296 2.8.1, 2.25.1 ---- */

static struct world *child_world(void)
{
	struct world *w = world_up(&never, &never);

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
		settles(w);
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
		settles(w);
	}
}

/* the DELETE by one end meets the other's rekeying, in either order */
static void child_against_delete(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct world *w = two_up();

		u_up(w);
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
		struct world *w = two_up();

		u_up(w);
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
		settles(w);
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
	settles(w);
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
		settles(w);
	}
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
	settles(w);
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
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "NO_PROPOSAL_CHOSEN; it is authenticated anew"));
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
	static const struct world_conf a = { .extra_peer = "reauth 10h\n ike-lifetime 1h\n dpd 0s\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n" };
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
		settles(w);
	}
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
		cmocka_unit_test(child_both),
		cmocka_unit_test(child_both_one_unaware),
		cmocka_unit_test(child_against_delete),
		cmocka_unit_test(child_delete_both),
		cmocka_unit_test(child_both_expired),
		cmocka_unit_test(child_response_lost),
		cmocka_unit_test(child_old_one_kept),
		cmocka_unit_test(child_unknown_to_the_peer),
		cmocka_unit_test(ike_refused),
		cmocka_unit_test(reauth),
		cmocka_unit_test(storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
