// SPDX-License-Identifier: GPL-2.0
/* The IKE core on a bad network: lost, repeated, reordered, damaged and forged messages. */
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

#include "ike/core.h"
#include "ike_bend.h"
#include "ike_world.h"
#include "v2/v2.h"

static unsigned int drop_one(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	return n != w->filter_arg;
}

/* up, rekey, down: each message is lost once */
static void each_lost_once(void **state)
{
	struct world *w;
	unsigned int i, n;

	(void)state;
	for (i = 0, n = 1; i < n; i++) {
		w = world_new(NULL, NULL);
		w->filter = drop_one;
		w->filter_arg = i;
		node_up(&w->a, NULL);
		world_run(w, 3000);
		assert_true(w->a.up_done);
		world_is_up(w);
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		world_run(w, 3000);
		world_is_up(w);
		node_down(&w->a, NULL);
		world_run(w, 3000);
		assert_true(w->a.down_done);
		world_nothing_left(w);
		n = w->n_packets;
		world_free(w);
	}
	assert_in_range(n, 10, 14);
}

static unsigned int drop_many(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	w->filter_arg = w->filter_arg * 1103515245 + 12345 + n;
	return (w->filter_arg >> 16) % 3 ? 1 : 0;
}

/* a third of all is lost */
static void many_lost(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		w = world_new(NULL, NULL);
		w->filter = drop_many;
		w->filter_arg = i;
		node_up(&w->a, NULL);
		node_up(&w->b, NULL);
		world_run(w, 100000);
		assert_true(w->a.up_done && w->b.up_done);
		/* where one gave up, the other finds out by its liveness check */
		w->filter = NULL;
		world_run(w, 100000);
		world_check_pairs(w);
		w->filter = drop_many;
		node_down(&w->a, NULL);
		node_down(&w->b, NULL);
		world_run(w, 100000);
		world_nothing_left(w);
		world_free(w);
	}
}

static unsigned int thrice(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)p;
	return n < 60 ? 3 : 1;
}

static void repeated_and_reordered(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		w = world_new(NULL, NULL);
		w->filter = thrice;
		w->lifo = i & 1;
		w->defer_jobs = i & 2;
		node_up(&w->a, NULL);
		for (int k = 0; k < 6; k++) {
			world_jobs(w);
			world_deliver(w);
		}
		world_is_up(w);
		node_down(&w->b, NULL);
		world_deliver(w);
		world_nothing_left(w);
		world_free(w);
	}
}

/* a prefers a group that b does not have, and b demands a cookie of everybody */
static const struct world_conf two_groups = { .ike = "aes128gcm16-prfsha256-ecp256-x25519" };
static const struct ike_limits cookies = {
	.half_open_max = 100, .half_open_per_addr = 100, .inits_per_addr = 1000, .retrans_tries = 5,
	.retrans_first = 1000,
};

static unsigned int twelve(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	return addr_equal(&p->from.addr, &w->b.addr) ? 12 : 1;
}

static struct world *refusing_world(bool with_cookies)
{
	struct world *w = world_new(&two_groups, NULL);

	if (with_cookies)
		ike_set_limits(w->b.ike, &cookies);
	return w;
}

/* one copy of COOKIE and of INVALID_KE_PAYLOAD is followed, the others change nothing */
static void copies_of_refusals(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		w = refusing_world(i & 1);
		w->filter = twelve;
		w->lifo = i & 2;
		w->defer_jobs = i & 4;
		node_up(&w->a, NULL);
		while (w->n_jobs || w->n_queue) {
			world_deliver(w);
			world_jobs(w);
		}
		assert_true(w->a.up_done);
		assert_string_equal(w->a.up_error, "");
		world_is_up(w);
		/* the request, again with a cookie, again with another group, IKE_AUTH */
		assert_int_equal(w->a.sent, i & 1 ? 4 : 3);
		world_free(w);
	}
}

/* a peer that refuses what it asked for is named, not called silent */
static void refusal_of_the_same(void **state)
{
	static const uint8_t x25519[] = { 0, 31 };
	struct world *w = refusing_world(false);
	struct wire_hdr hdr;
	struct wire_writer out;
	struct packet p;
	struct buf msg;

	(void)state;
	w->cut = true;
	node_up(&w->a, NULL);
	p = (struct packet){ .from = w->a.log[0].to, .to = w->a.log[0].from };
	assert_int_equal(wire_hdr_decode((struct bytes){ w->a.log[0].data, w->a.log[0].len }, &hdr), WIRE_OK);
	hdr.flags = WIRE_FLAG_RESPONSE;
	buf_init(&msg);
	wire_open(&out, &msg, &hdr);
	wire_put_notify(&out, 0, (struct bytes){ NULL, 0 }, WIRE_N_INVALID_KE_PAYLOAD,
			(struct bytes){ x25519, sizeof(x25519) });
	wire_finish(&msg);
	p.data = msg.p;
	p.len = msg.len;
	while (!w->a.up_done) {
		world_send(w, &p);
		world_run(w, 500);
	}
	assert_non_null(strstr(w->a.up_error, "wants DH group x25519 (INVALID_KE_PAYLOAD) though it gets x25519"));
	buf_free(&msg);
	world_free(w);
}

/* up, both rekeyings, down */
static void whole_life(struct world *w, uint64_t ms)
{
	node_up(&w->a, NULL);
	world_run(w, ms);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, ms);
	world_is_up(w);
	v2_renew(bend_sa(&w->b));
	world_run(w, ms);
	world_is_up(w);
	node_down(&w->a, NULL);
	world_run(w, ms);
	assert_true(w->a.down_done);
	world_nothing_left(w);
	world_free(w);
}

/* all that is repeated meanwhile comes twice or three times */
static void round_trip_of_three_seconds(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = refusing_world(i);
		w->trip = 1500;
		whole_life(w, 25000);
	}
}

static unsigned int twice(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)p;
	(void)n;
	return 2;
}

static void doubled_and_reordered(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 60; i++) {
		w = refusing_world(i & 1);
		w->filter = twice;
		w->delay = 1 + i * 30;
		w->lifo = i & 2;
		w->seed = i;
		whole_life(w, 25000);
	}
}

static struct packet *last_of(struct node *n)
{
	return &n->log[n->n_log - 1];
}

/* RFC 7296 2.1: the identical octets; older ones are not answered */
static void replayed_request(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct packet auth = w->a.log[1], *first = last_of(&w->b), init = w->a.log[0];
	unsigned int sent = w->b.sent, i;

	(void)state;
	world_send(w, &auth);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent + 1);
	assert_int_equal(last_of(&w->b)->len, first->len);
	assert_memory_equal(last_of(&w->b)->data, first->data, first->len);
	assert_int_equal(node_counter(&w->b, "duplicate"), 1);
	/* not to somebody who saw it and made another */
	auth.data[auth.len - 1] ^= 1;
	world_send(w, &auth);
	world_deliver(w);
	auth.data[auth.len - 1] ^= 1;
	assert_int_equal(w->b.sent, sent + 1);
	/* of an SA that is established IKE_SA_INIT is not answered again, nor does it begin another */
	world_send(w, &init);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent + 1);
	world_is_up(w);
	for (i = 0; i < IKE_WINDOW; i++) {
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		world_run(w, 5000);
	}
	sent = w->b.sent;
	world_send(w, &auth);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent);
	assert_true(node_counter(&w->b, "old") >= 1);
	world_is_up(w);
	world_free(w);
}

static unsigned int keep(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	return n < w->filter_arg;
}

/*
 * Each message damaged at each octet, then as it was. What is protected changes
 * nothing; what is not (IKE_SA_INIT) may end that attempt, no more.
 */
static void damaged(void **state)
{
	struct packet good, bad;
	unsigned int i, before;
	struct world *w;
	size_t at;

	(void)state;
	for (i = 0; i < 6; i++) {
		for (at = 0; at < 300; at += i < 2 ? 1 : 3) {
			w = world_new(NULL, NULL);
			w->filter = keep;
			w->filter_arg = i;
			node_up(&w->a, NULL);
			world_deliver(w);
			if (i >= 4)
				node_down(&w->a, NULL);
			world_deliver(w);
			before = w->n_packets;
			assert_int_equal(before, i + 1);
			good = *last_of(i % 2 ? &w->b : &w->a);
			if (at >= good.len) {
				world_free(w);
				break;
			}
			w->filter = NULL;
			bad = good;
			bad.data = malloc(bad.len);
			memcpy(bad.data, good.data, bad.len);
			bad.data[at] ^= 1 << at % 8;
			world_send(w, &bad);
			bad.len = at;	/* and cut off there */
			world_send(w, &bad);
			world_deliver(w);
			world_send(w, &good);
			world_run(w, 50000);
			assert_true(w->a.up_done);
			if (i >= 4)
				world_nothing_left(w);
			else if (i >= 2)
				assert_int_equal(node_sas(&w->a), 2);
			world_check_pairs(w);
			free(bad.data);
			world_free(w);
		}
	}
}

static void put_header(uint8_t *msg, size_t len, uint8_t version, uint8_t exchange, uint8_t flags)
{
	memset(msg, 0x11, 16);
	msg[16] = 0;
	msg[17] = version;
	msg[18] = exchange;
	msg[19] = flags;
	memset(msg + 20, 0, 8);
	msg[26] = len >> 8;
	msg[27] = len;
}

/* RFC 7296 2.5: told which version we speak, but not without limit */
static void versions(void **state)
{
	struct world *w = world_new(NULL, NULL);
	uint8_t msg[28];
	struct packet p = { .from = { w->a.addr, 500 }, .to = { w->b.addr, 500 }, .data = msg,
			    .len = sizeof(msg) };
	unsigned int i;

	(void)state;
	put_header(msg, sizeof(msg), 0x30, 34, 0x08);
	world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	assert_int_equal(w->b.log[0].data[17], 0x20);
	assert_int_equal(w->b.log[0].data[19], 0x20);
	assert_int_equal(w->b.log[0].data[28 + 7], 5);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR,
				  "192.0.2.1[500] begins in IKEv3, expected IKEv2"));
	/* no answer to an answer, and none to IKEv1 */
	put_header(msg, sizeof(msg), 0x30, 34, 0x20);
	world_send(w, &p);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	put_header(msg, sizeof(msg), 0x10, 2, 0);
	memset(msg + 8, 0, 8);		/* the first message has no responder's SPI */
	world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "begins in IKEv1"));
	put_header(msg, sizeof(msg), 0x30, 34, 0x08);
	for (i = 0; i < 100; i++) {
		world_send(w, &p);
		world_deliver(w);
	}
	assert_true(w->b.sent <= 10);
	assert_true(node_counter(&w->b, "notify_limited") >= 90);
	world_free(w);
}

/* RFC 7296 1.5, 2.21.4 */
static void unknown_spis(void **state)
{
	struct world *w = world_new(NULL, NULL);
	uint8_t msg[28];
	struct packet p = { .from = { w->a.addr, 500 }, .to = { w->b.addr, 500 }, .data = msg,
			    .len = sizeof(msg) };
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		put_header(msg, sizeof(msg), 0x20, 37, i % 2 ? 0x28 : 0x08);
		world_send(w, &p);
		world_deliver(w);
	}
	assert_in_range(w->b.sent, 1, 10);
	assert_int_equal(w->b.log[0].data[28 + 7], 4);
	assert_int_equal(node_counter(&w->b, "unknown_spi"), 100);
	/* they come back to somebody who never asked, who does not answer again */
	assert_int_equal(w->a.sent, 0);
	world_free(w);
}

/* RFC 7296 2.5: an unknown payload with the critical bit */
static void critical(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct packet p;

	(void)state;
	w->cut = true;
	node_up(&w->a, NULL);
	w->cut = false;
	p = w->a.log[0];
	/* the first payload becomes one of type 100, critical */
	p.data[16] = 100;
	p.data[29] = 0x80;
	world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	assert_int_equal(w->b.log[0].data[28 + 7], 1);
	assert_int_equal(w->b.log[0].data[28 + 8], 100);
	/* without the bit it is ignored, but then there is no SA payload */
	p.data[29] = 0;
	world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	world_free(w);
}

static void random_octets(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint8_t msg[400];
	struct packet p = { .from = { w->a.addr, 500 }, .to = { w->b.addr, 500 }, .data = msg };
	unsigned int i, k, seed = 1;

	(void)state;
	for (i = 0; i < 20000; i++) {
		p.len = (seed >> 8) % sizeof(msg);
		for (k = 0; k < p.len; k++) {
			seed = seed * 1103515245 + 12345;
			msg[k] = seed >> 16;
		}
		if (p.len >= 28 && i % 2) {
			put_header(msg, p.len, 0x20, 34 + i % 4, i & 0x28);
			memcpy(msg, last_of(&w->a)->data, 16);
			msg[16] = 33 + i % 20;
		}
		world_send(w, &p);
		world_deliver(w);
	}
	world_is_up(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lost_once),
		cmocka_unit_test(many_lost),
		cmocka_unit_test(repeated_and_reordered),
		cmocka_unit_test(copies_of_refusals),
		cmocka_unit_test(refusal_of_the_same),
		cmocka_unit_test(round_trip_of_three_seconds),
		cmocka_unit_test(doubled_and_reordered),
		cmocka_unit_test(replayed_request),
		cmocka_unit_test(damaged),
		cmocka_unit_test(versions),
		cmocka_unit_test(unknown_spis),
		cmocka_unit_test(critical),
		cmocka_unit_test(random_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
