// SPDX-License-Identifier: GPL-2.0
/* Messages in fragments between two IKE cores: RFC 7383. */
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
#include "ike_world.h"
#include "v2/v2.h"

#define EXCHANGE(p)	((p)->data[18])
#define IS_RESPONSE(p)	((p)->data[19] & WIRE_FLAG_RESPONSE)
#define IS_FRAGMENT(p)	((p)->data[16] == WIRE_PLD_SKF)
#define NUMBER(p)	get_u16((p)->data + 32)
#define TOTAL(p)	get_u16((p)->data + 34)

/* an access list of @n entries, whose selectors make IKE_AUTH as long as wanted */
static const char *entries(unsigned int n, bool mirrored)
{
	static char text[2][4000];
	char *out = text[mirrored];
	unsigned int i;
	size_t at = 0;

	for (i = 0; i < n; i++)
		at += snprintf(out + at, sizeof(text[0]) - at,
			       "%u protect ip from 10.%u.%u.0/24 to 10.%u.%u.0/24\n", i + 10,
			       mirrored ? 2 : 1, i, mirrored ? 1 : 2, i);
	return out;
}

static struct world *frag_world(unsigned int n, const char *extra, struct world_conf c)
{
	struct world_conf a = c, b = c;

	a.extra_peer = b.extra_peer = extra;
	a.entries = entries(n, false);
	b.entries = entries(n, true);
	return world_new(&a, &b);
}

/* IKE_AUTH in three fragments, and so its answer */
static struct world *three(void)
{
	return frag_world(8, " fragmentation 256\n", (struct world_conf){ 0 });
}

static void up(struct world *w, uint64_t ms)
{
	node_up(&w->a, NULL);
	world_run(w, ms);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
}

/* what @n sent of IKE_AUTH, as it was first sent; the number of its fragments */
static unsigned int auth_of(const struct node *n, struct packet *out, unsigned int max)
{
	unsigned int i, k = 0;

	for (i = 0; i < n->n_log; i++)
		if (EXCHANGE(&n->log[i]) == WIRE_IKE_AUTH && (!k || NUMBER(&n->log[i]) > k)) {
			assert_true(k < max);
			out[k++] = n->log[i];
		}
	return k;
}

static void each_suite(void **state)
{
	static const struct world_conf suites[] = {
		{ .ike = "aes128gcm16-prfsha256-x25519" },
		{ .ike = "aes256gcm16-prfsha384-ecp384" },
		{ .ike = "aes128-sha256-modp2048" },
		{ .ike = "aes256-sha512-modp3072" },
		{ .ike = "aes128gcm16-prfsha256-x25519", .six = true },
		{ .ike = "aes256-sha384-ecp256", .six = true },
	};
	struct packet *p;
	struct world *w;
	unsigned int i, k, n;

	(void)state;
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		w = frag_world(8, " fragmentation 256\n", suites[i]);
		up(w, 500);
		for (k = 0, n = 0; k < w->a.n_log; k++) {
			p = &w->a.log[k];
			if (EXCHANGE(p) == WIRE_IKE_SA_INIT) {
				assert_false(IS_FRAGMENT(p));
				continue;
			}
			n += IS_FRAGMENT(p);
			assert_in_range(p->len + (suites[i].six ? 40 : 20) + 8, 28, 256);
			/* RFC 7383 2.5: the message's header, but for next payload and length */
			assert_int_equal(p->data[16], WIRE_PLD_SKF);
			assert_memory_equal(p->data, w->a.log[1].data, 16);
			assert_memory_equal(p->data + 17, w->a.log[1].data + 17, 7);
			assert_int_equal(get_u32(p->data + 24), p->len);
			/* the first says what is inside, the others do not: RFC 7383 2.5 */
			assert_int_equal(p->data[28], NUMBER(p) == 1 ? WIRE_PLD_IDI : 0);
		}
		assert_true(n >= 3);
		/* all but the last use the room that there is, up to a block */
		assert_in_range(w->a.log[w->a.n_log - 2].len + (suites[i].six ? 48 : 28), 241, 256);
		assert_int_equal(node_counter(&w->b, "fragment"), n);
		assert_int_equal(node_counter(&w->b, "fragment_refused"), 0);
		assert_true(node_counter(&w->a, "fragment") >= 3);
		/* one line a message */
		assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "sent IKE_AUTH request 1"));
		assert_non_null(node_line(&w->b, IKE_EVENT_EXCHANGE, " fragments [ IDi "));
		assert_int_equal(node_count(&w->b, IKE_EVENT_EXCHANGE), 4);
		world_free(w);
	}
}

static void later_exchanges(void **state)
{
	struct world *w = three();

	(void)state;
	up(w, 500);
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, 500);
	world_is_up(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE,
				  "sent CREATE_CHILD_SA request 2"));
	assert_non_null(node_line(&w->b, IKE_EVENT_EXCHANGE, " fragments [ N(REKEY_SA)"));
	/* the responder asks, in fragments of its own */
	node_expire(&w->b, node_newest(&w->b, NFIPSEC_DIR_OUT), false);
	world_run(w, 500);
	world_is_up(w);
	node_down(&w->b, NULL);
	world_run(w, 500);
	world_nothing_left(w);
	world_free(w);
}

static unsigned int no_auth_request(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)n;
	return EXCHANGE(p) != WIRE_IKE_AUTH || IS_RESPONSE(p);
}

/* @w: where the fragments of IKE_AUTH are sent by the test */
static struct world *by_hand(struct packet f[3])
{
	struct world *w = three();

	w->filter = no_auth_request;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(auth_of(&w->a, f, 3), 3);
	assert_int_equal(TOTAL(&f[0]), 3);
	return w;
}

static void any_order(void **state)
{
	static const unsigned int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct packet f[3];
	struct world *w;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 6; i++) {
		w = by_hand(f);
		for (k = 0; k < 3; k++) {
			assert_int_equal(node_sas(&w->b), 0);
			world_send(w, &f[orders[i][k]]);
			/* twice changes nothing */
			if (k < 2)
				world_send(w, &f[orders[i][k]]);
			world_deliver(w);
		}
		world_is_up(w);
		assert_int_equal(node_counter(&w->b, "fragment_refused"), 2);
		world_free(w);
	}
}

static void send_changed(struct world *w, const struct packet *p, size_t at, uint8_t mask)
{
	struct packet bad = *p;

	bad.data = malloc(p->len);
	memcpy(bad.data, p->data, p->len);
	bad.data[at] ^= mask;
	world_send(w, &bad);
	world_deliver(w);
	free(bad.data);
}

/* whatever somebody on the way changes, nothing of it is kept */
static void forged(void **state)
{
	struct packet f[3];
	struct world *w = by_hand(f);
	unsigned int sent = w->b.sent;
	size_t at;

	(void)state;
	world_send(w, &f[0]);
	world_deliver(w);
	for (at = 32; at < f[1].len; at++)
		send_changed(w, &f[1], at, 0x41);
	/* its numbers: an ICV over them, RFC 7383 2.5 */
	send_changed(w, &f[1], 33, 3);
	send_changed(w, &f[1], 35, 4);
	assert_int_equal(node_counter(&w->b, "fragment"), 1);
	assert_true(node_counter(&w->b, "bad_icv") > 100);
	assert_int_equal(w->b.sent, sent);
	world_send(w, &f[2]);
	world_send(w, &f[1]);
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

static unsigned int drop_one(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	return n != w->filter_arg;
}

static void each_lost_once(void **state)
{
	struct world *w;
	unsigned int i, n;

	(void)state;
	for (i = 0, n = 1; i < n; i++) {
		w = three();
		w->filter = drop_one;
		w->filter_arg = i;
		up(w, 3000);
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		world_run(w, 3000);
		world_is_up(w);
		node_down(&w->a, NULL);
		world_run(w, 3000);
		world_nothing_left(w);
		n = w->n_packets;
		world_free(w);
	}
	assert_in_range(n, 16, 40);
}

static unsigned int drop_many(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	w->filter_arg = w->filter_arg * 1103515245 + 12345 + n;
	return (w->filter_arg >> 16) % 4 ? 1 : 0;
}

/* fragments of several tries make one message */
static void many_lost(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		w = three();
		w->filter = drop_many;
		w->filter_arg = i;
		node_up(&w->a, NULL);
		world_run(w, 100000);
		w->filter = NULL;
		world_run(w, 100000);
		world_check_pairs(w);
		node_down(&w->a, NULL);
		world_run(w, 100000);
		world_nothing_left(w);
		world_free(w);
	}
}

static unsigned int thrice(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)p;
	return n < 40 ? 3 : 1;
}

static void repeated_and_reordered(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		w = three();
		w->filter = thrice;
		w->lifo = i & 1;
		w->defer_jobs = i & 2;
		node_up(&w->a, NULL);
		for (int k = 0; k < 6; k++) {
			world_jobs(w);
			world_deliver(w);
		}
		world_is_up(w);
		world_free(w);
	}
}

/* RFC 7383 2.6.1 */
static void replayed_request(void **state)
{
	struct world *w = three();
	struct packet f[3], r[3];
	unsigned int sent;

	(void)state;
	up(w, 500);
	assert_int_equal(auth_of(&w->a, f, 3), 3);
	assert_int_equal(auth_of(&w->b, r, 3), 3);
	sent = w->b.sent;
	world_send(w, &f[1]);
	world_send(w, &f[2]);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent);
	/* not for somebody who saw it and made another */
	send_changed(w, &f[0], f[0].len - 1, 1);
	assert_int_equal(w->b.sent, sent);
	world_send(w, &f[0]);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent + 3);
	/* the identical octets, all of them */
	assert_int_equal(w->b.log[w->b.n_log - 1].len, r[2].len);
	assert_memory_equal(w->b.log[w->b.n_log - 1].data, r[2].data, r[2].len);
	assert_memory_equal(w->b.log[w->b.n_log - 3].data, r[0].data, r[0].len);
	world_is_up(w);
	world_free(w);
}

static unsigned int narrow_path(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	if (w->filter_arg && !addr_equal(&p->from.addr, &w->b.addr))
		return 1;
	return p->len + 28 <= 600;
}

/* RFC 7383 2.5.2: @from_b: only in that direction large datagrams are lost */
static void one_path(unsigned int n, bool from_b, struct world_conf c)
{
	struct world *w = frag_world(n, NULL, c);
	unsigned int i, whole = 0, sent;

	w->filter = narrow_path;
	w->filter_arg = from_b;
	up(w, 10000);
	for (i = 0; i < w->a.n_log; i++)
		whole += w->a.log[i].len > 600;
	assert_true(whole > 0);
	/* once known it is not tried again */
	sent = w->a.n_log;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, from_b ? 10000 : 500);
	world_is_up(w);
	for (i = sent; i < w->a.n_log && !from_b; i++)
		assert_in_range(w->a.log[i].len + 28, 28, 576);
	world_free(w);
}

static void smaller_when_unanswered(void **state)
{
	(void)state;
	/* of 1280 octets, and a whole message of less */
	one_path(50, false, (struct world_conf){ 0 });
	one_path(20, false, (struct world_conf){ 0 });
	one_path(20, false, (struct world_conf){ .ike = "aes128-sha256-x25519" });
	one_path(50, true, (struct world_conf){ 0 });
	one_path(20, true, (struct world_conf){ 0 });
}

/* what A sent of IKE_AUTH, number @n of its message's fragments, or the whole; NULL: no more */
static const struct packet *auth_sent(const struct world *w, unsigned int number, unsigned int *at)
{
	const struct packet *p;

	while (*at < w->a.n_log) {
		p = &w->a.log[(*at)++];
		if (EXCHANGE(p) == WIRE_IKE_AUTH && (!IS_FRAGMENT(p) || NUMBER(p) == number))
			return p;
	}
	return NULL;
}

/*
 * RFC 7383 2.5.2: a sender that fragments a message again has more fragments of it than before, for
 * by their number the peer tells them apart: two that have the same place of the
 * same number are the same octets.
 */
static void fragmented_again_into_more(void **state)
{
	static const char *const sizes[] = { " fragmentation 584\n", " fragmentation 640\n",
					     " fragmentation 900\n", NULL };
	const struct packet *first, *last, *p;
	unsigned int i, n, at, seen = 0, refragmented = 0;
	struct world *w;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (n = 6; n < 60; n += 3) {
			w = frag_world(n, sizes[i], (struct world_conf){ 0 });
			w->filter = no_auth_request;
			node_up(&w->a, NULL);
			world_run(w, 6000);
			at = 0;
			first = last = auth_sent(w, 1, &at);
			assert_non_null(first);
			while ((p = auth_sent(w, 1, &at))) {
				if (p->len == last->len && !memcmp(p->data, last->data, p->len)) {
					seen++;
					continue;
				}
				assert_true(IS_FRAGMENT(p));
				if (IS_FRAGMENT(last))
					assert_true(TOTAL(p) > TOTAL(last));
				last = p;
				refragmented++;
			}
			world_run(w, 60000);
			world_free(w);
		}
	}
	assert_true(seen && refragmented);
}

static uint64_t tried_at[16];
static unsigned int n_tried;

/* IKE_AUTH requests do not arrive, but when each try of them began is noted */
static unsigned int note_tries(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	if (EXCHANGE(p) != WIRE_IKE_AUTH || IS_RESPONSE(p))
		return 1;
	if ((!IS_FRAGMENT(p) || NUMBER(p) == 1) && n_tried < 16)
		tried_at[n_tried++] = w->now;
	return 0;
}

/* RFC 7383 2.5.2: with smaller fragments the waits start over, and all of them are waited */
static void smaller_ones_start_over(void **state)
{
	static const unsigned int waits[] = { 1000, 1800, 1000, 1800, 3240, 5832, 10498 };
	struct world *w = frag_world(50, NULL, (struct world_conf){ 0 });
	unsigned int i;

	(void)state;
	n_tried = 0;
	w->filter = note_tries;
	node_up(&w->a, NULL);
	world_run(w, 100000);
	assert_int_equal(n_tried, sizeof(waits) / sizeof(waits[0]) + 1);
	for (i = 0; i + 1 < n_tried; i++)
		assert_in_range(tried_at[i + 1] - tried_at[i], waits[i] * 89 / 100,
				waits[i] * 111 / 100 + 10);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "not IKE_AUTH"));
	world_free(w);
}

/* what fits goes as before, 1280 octets by default */
static void whole_when_it_fits(void **state)
{
	struct world *w = frag_world(20, NULL, (struct world_conf){ 0 });

	(void)state;
	up(w, 500);
	assert_int_equal(node_counter(&w->b, "fragment"), 0);
	assert_true(w->a.log[1].len > 700);
	world_free(w);
	w = frag_world(50, NULL, (struct world_conf){ 0 });
	up(w, 500);
	assert_int_equal(node_counter(&w->b, "fragment"), 2);
	assert_in_range(w->a.log[1].len, 1250, 1280 - 28);
	world_free(w);
}

/* the answer to a whole request may be longer than it, and the other way round */
static void one_side_small(void **state)
{
	struct world_conf a = { .extra_peer = " fragmentation 256\n" }, b = { 0 };
	unsigned int side;
	struct world *w;

	(void)state;
	for (side = 0; side < 2; side++) {
		a.entries = entries(8, side);
		b.entries = entries(8, !side);
		w = side ? world_new(&b, &a) : world_new(&a, &b);
		up(w, 500);
		assert_int_equal(node_counter(&w->b, "fragment"), side ? 0 : 3);
		/* a responder follows what came through; an initiator needs not */
		assert_int_equal(node_counter(&w->a, "fragment"), 3);
		world_free(w);
	}
}

static bool has_notify(const struct packet *p, uint16_t type)
{
	struct wire_notification n;
	struct wire_msg msg;
	unsigned int i;
	uint8_t bad;

	assert_int_equal(wire_v2_decode((struct bytes){ p->data, p->len }, &msg, &bad), WIRE_OK);
	for (i = 0; i < msg.n; i++)
		if (msg.pld[i].type == WIRE_PLD_NOTIFY &&
		    wire_notify_decode(msg.pld[i].body, &n) == WIRE_OK && n.type == type)
			return true;
	return false;
}

/* neither asks alone */
static void only_by_agreement(void **state)
{
	struct world_conf with = { .extra_peer = " fragmentation 256\n" };
	struct world_conf without = { .extra_peer = " fragmentation no\n" };
	unsigned int side;
	struct world *w;

	(void)state;
	for (side = 0; side < 2; side++) {
		with.entries = entries(8, side);
		without.entries = entries(8, !side);
		w = side ? world_new(&without, &with) : world_new(&with, &without);
		up(w, 500);
		assert_int_equal(has_notify(&w->a.log[0], WIRE_N_FRAGMENTATION_SUPPORTED), !side);
		assert_false(has_notify(&w->b.log[0], WIRE_N_FRAGMENTATION_SUPPORTED));
		assert_int_equal(w->a.sent, 2);
		assert_int_equal(w->b.sent, 2);
		/* who sends fragments nevertheless is not listened to */
		w->cut = true;
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		w->a.log[2].data[16] = WIRE_PLD_SKF;
		world_send(w, &w->a.log[2]);
		world_deliver(w);
		assert_int_equal(node_counter(&w->b, "fragment"), 0);
		assert_int_equal(node_counter(&w->b, "fragment_refused"), 1);
		world_free(w);
	}
}

static unsigned int never_the_last(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)n;
	return !IS_FRAGMENT(p) || NUMBER(p) != TOTAL(p);
}

static void never_whole(void **state)
{
	struct world *w = three();

	(void)state;
	w->filter = never_the_last;
	node_up(&w->a, NULL);
	world_run(w, 19000);
	assert_non_null(w->b.ike->sas->frags[1 % IKE_WINDOW]);
	world_run(w, 2000);
	assert_int_equal(node_counter(&w->b, "fragments_lost"), 1);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR,
				  "2 of 3 fragments of the IKE_AUTH request 1 of 192.0.2.1 came"));
	world_run(w, 30000);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "answers IKE_SA_INIT and not IKE_AUTH"));
	assert_int_equal(w->b.ike->unauthenticated_memory, 0);
	world_nothing_left(w);
	world_free(w);
}

/* an SA may end with fragments of both directions in it */
static void ends_unfinished(void **state)
{
	struct world *w = three();

	(void)state;
	up(w, 500);
	w->filter = never_the_last;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	node_expire(&w->b, node_newest(&w->b, NFIPSEC_DIR_OUT), false);
	world_run(w, 500);
	assert_non_null(w->a.ike->sas->frags[0]);
	node_down(&w->a, NULL);
	world_run(w, 100000);
	world_nothing_left(w);
	world_free(w);
}

/* @octets of A in fragments, of an IKE_AUTH that says nothing, arrive at B, but the last one */
static void send_much(struct world *w, const struct packet *like, size_t octets)
{
	static const uint8_t fill[60000];
	struct ike_sa *sa = w->a.ike->sas;
	struct bytes rest, one, next;
	struct packet p = *like;
	struct v2_out out;
	struct buf msg;

	buf_init(&msg);
	v2_out_init(&out);
	wire_put_raw(&out.w, WIRE_PLD_VENDOR, false, (struct bytes){ fill, octets });
	assert_true(v2_seal(sa, WIRE_IKE_AUTH, false, 1, &out, &msg));
	rest = buf_bytes(&msg);
	assert_true(ike_datagram(&rest, &one));
	while (ike_datagram(&rest, &next)) {
		p.data = (uint8_t *)one.p;
		p.len = one.len;
		world_send(w, &p);
		world_deliver(w);
		one = next;
	}
	v2_out_free(&out);
	buf_free(&msg);
}

/* each has enough for any IKE_AUTH of use, beyond that they share */
static void strangers_share(void **state)
{
	struct packet f[3];
	struct world *w = frag_world(8, " fragmentation 1280\n", (struct world_conf){ 0 });

	(void)state;
	w->filter = no_auth_request;
	node_up(&w->a, NULL);
	world_deliver(w);
	/* others have it all */
	w->b.ike->unauthenticated_memory = 8u << 20;
	send_much(w, &w->a.log[1], 14000);
	assert_int_equal(node_counter(&w->b, "fragment_refused"), 0);
	assert_int_equal(w->b.ike->unauthenticated_memory, 8u << 20);
	send_much(w, &w->a.log[1], 20000);
	assert_true(node_counter(&w->b, "fragment_refused") > 0);
	assert_int_equal(w->b.ike->unauthenticated_memory, 8u << 20);
	w->b.ike->unauthenticated_memory = 0;
	send_much(w, &w->a.log[1], 31000);
	assert_in_range(w->b.ike->unauthenticated_memory, 12000, 24000);
	/* but a message beyond all use is not kept, whoever else needs nothing */
	w->b.ike->counters[IKE_COUNT_FRAGMENT_REFUSED] = 0;
	send_much(w, &w->a.log[1], 50000);
	assert_true(node_counter(&w->b, "fragment_refused") > 0);
	assert_in_range(w->b.ike->unauthenticated_memory, 0, 24000);
	world_run(w, 60000);
	assert_int_equal(w->b.ike->unauthenticated_memory, 0);
	world_free(w);
	/* whoever has it all keeps nobody out */
	w = by_hand(f);
	w->b.ike->unauthenticated_memory = 8u << 20;
	world_send(w, &f[0]);
	world_send(w, &f[1]);
	world_send(w, &f[2]);
	world_deliver(w);
	assert_int_equal(w->b.ike->unauthenticated_memory, 8u << 20);
	world_is_up(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_suite),
		cmocka_unit_test(later_exchanges),
		cmocka_unit_test(any_order),
		cmocka_unit_test(forged),
		cmocka_unit_test(each_lost_once),
		cmocka_unit_test(many_lost),
		cmocka_unit_test(repeated_and_reordered),
		cmocka_unit_test(replayed_request),
		cmocka_unit_test(smaller_when_unanswered),
		cmocka_unit_test(fragmented_again_into_more),
		cmocka_unit_test(smaller_ones_start_over),
		cmocka_unit_test(whole_when_it_fits),
		cmocka_unit_test(one_side_small),
		cmocka_unit_test(only_by_agreement),
		cmocka_unit_test(never_whole),
		cmocka_unit_test(ends_unfinished),
		cmocka_unit_test(strangers_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
