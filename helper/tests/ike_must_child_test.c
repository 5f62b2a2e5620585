// SPDX-License-Identifier: GPL-2.0
/* CREATE_CHILD_SA: RFC 7296 1.3, 2.8, 2.9, 2.17, 2.21.3, 2.25, 3.3.6, 3.10.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"

static const struct bytes none = { NULL, 0 };
static const struct world_conf pfs = { .esp = "aes128gcm16-x25519" };
static struct bend m;

static const struct world_conf two_a = {
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n}\n",
	.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.11.0.0/16 to 10.12.0.0/16\n",
};
static const struct world_conf two_b = {
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n}\n",
	.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.12.0.0/16 to 10.11.0.0/16\n",
};

static void expire_out(struct node *n)
{
	n->w->now += 1000;
	node_expire(n, node_newest(n, NFIPSEC_DIR_OUT), false);
}

static bool is_response(const struct packet *p)
{
	return p->data[19] & WIRE_FLAG_RESPONSE;
}

static uint8_t exchange_of(const struct packet *p)
{
	return p->data[18];
}

/* the newest message of this kind that a node sent, opened */
static void newest(struct node *n, uint8_t exchange, bool response)
{
	unsigned int i = n->n_log;

	while (i-- > 0)
		if (exchange_of(&n->log[i]) == exchange && is_response(&n->log[i]) == response) {
			assert_true(bend_open(n->w, &n->log[i], &m));
			return;
		}
	fail_msg("no such message");
}

/* one of those on their way arrives */
static void deliver_number(struct world *w, unsigned int k)
{
	struct packet p = w->queue[k];
	struct node *n = addr_equal(&p.to.addr, &w->a.addr) ? &w->a : &w->b;

	memmove(w->queue + k, w->queue + k + 1, (--w->n_queue - k) * sizeof(p));
	ike_input(n->ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
	free(p.data);
}

/* the next message of this kind from B becomes what the function makes of it */
static void (*change)(struct bend *m);
static uint8_t change_exchange;
static bool change_response;

static unsigned int changer(struct world *w, const struct packet *p, unsigned int n)
{
	static struct bend b;

	(void)n;
	if (!change || exchange_of(p) != change_exchange || is_response(p) != change_response ||
	    !addr_equal(&p->from.addr, &w->b.addr) || !bend_open(w, p, &b))
		return 1;
	change(&b);
	change = NULL;
	bend_send(w, &b, p);
	return 0;
}

static void change_next(struct world *w, void (*how)(struct bend *m), uint8_t exchange, bool response)
{
	change = how;
	change_exchange = exchange;
	change_response = response;
	w->filter = changer;
}

static bool has_spi(const struct node *n, uint8_t dir, uint32_t spi)
{
	const struct fake_sa *s;

	for (s = n->sas; s < n->sas + WORLD_SAS; s++)
		if (s->used && s->dir == dir && s->spi == spi)
			return true;
	return false;
}

/* 1.3.3: REKEY_SA with the protocol and the SPI that its sender expects in what comes in */
static void rekey_names_what_it_replaces(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
	struct wire_notification n;

	(void)state;
	expire_out(&w->a);
	world_deliver(w);
	newest(&w->a, WIRE_CREATE_CHILD_SA, false);
	assert_int_equal(wire_notify_decode(buf_bytes(&bend_find_notify(&m, WIRE_N_REKEY_SA)->body),
					    &n), WIRE_OK);
	assert_int_equal(n.proto, PROTO_ESP);
	assert_int_equal(get_u32(n.spi.p), old);
	bend_free(&m);
	/* a new one has none */
	newest(&w->a, WIRE_IKE_AUTH, false);
	assert_null(bend_find_notify(&m, WIRE_N_REKEY_SA));
	bend_free(&m);
	world_is_up(w);
	world_free(w);
}

/* 1.3, 3.4: the group of KE is one of those offered; without groups there is no KE */
static void ke_is_of_an_offered_group(void **state)
{
	static const char *const esp[] = { "aes128gcm16-x25519", "aes128gcm16", "aes128gcm16-ecp256-x25519" };
	static struct wire_sa sa;
	struct wire_ke ke;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world_conf c = { .esp = esp[i] };
		struct world *w = world_up(&c, &c);
		bool offered = false;

		expire_out(&w->a);
		world_deliver(w);
		world_is_up(w);
		newest(&w->a, WIRE_CREATE_CHILD_SA, false);
		assert_int_equal(wire_sa_decode(buf_bytes(&bend_find(&m, WIRE_PLD_SA)->body), &sa),
				 WIRE_OK);
		if (i == 1) {
			assert_null(bend_find(&m, WIRE_PLD_KE));
		} else {
			assert_int_equal(wire_ke_decode(buf_bytes(&bend_find(&m, WIRE_PLD_KE)->body),
							&ke), WIRE_OK);
			for (k = 0; k < sa.p[0].n; k++)
				offered |= sa.p[0].t[k].type == IKE_TRANSFORM_DH &&
					   sa.p[0].t[k].id == ke.group;
			assert_true(offered);
		}
		/* 1.2: in IKE_AUTH neither */
		bend_free(&m);
		newest(&w->a, WIRE_IKE_AUTH, false);
		assert_null(bend_find(&m, WIRE_PLD_KE));
		assert_int_equal(wire_sa_decode(buf_bytes(&bend_find(&m, WIRE_PLD_SA)->body), &sa),
				 WIRE_OK);
		assert_null(ike_proposal_get(&sa.p[0], IKE_TRANSFORM_DH));
		bend_free(&m);
		world_free(w);
	}
}

static bool b_ready;

static unsigned int see_whether_ready(struct world *w, const struct packet *p, unsigned int n)
{
	const struct fake_sa *s;
	unsigned int in = 0;

	(void)n;
	if (addr_equal(&p->from.addr, &w->b.addr) && is_response(p) &&
	    exchange_of(p) != WIRE_IKE_SA_INIT && exchange_of(p) != WIRE_INFORMATIONAL) {
		for (s = w->b.sas; s < w->b.sas + WORLD_SAS; s++)
			in += s->used && s->dir == NFIPSEC_DIR_IN;
		b_ready = in == (exchange_of(p) == WIRE_IKE_AUTH ? 1 : 2);
	}
	return 1;
}

/* 2.8, 1.2: what comes as soon as the answer is there finds its SA */
static void responder_is_ready_before_it_answers(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	w->filter = see_whether_ready;
	b_ready = false;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(b_ready);
	b_ready = false;
	expire_out(&w->a);
	world_deliver(w);
	assert_true(b_ready);
	world_is_up(w);
	world_free(w);
}

/* 2.8: of two SAs that may have packets either is taken, until the old one is deleted by both */
static void old_and_new_are_both_taken(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old_a = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
	uint32_t old_b = node_newest(&w->b, NFIPSEC_DIR_IN)->spi;

	(void)state;
	expire_out(&w->a);
	/* the request and the answer; the DELETE that follows stays on its way */
	while (w->n_queue && exchange_of(&w->queue[0]) == WIRE_CREATE_CHILD_SA)
		deliver_number(w, 0);
	assert_int_equal(w->n_queue, 1);
	assert_true(has_spi(&w->a, NFIPSEC_DIR_IN, old_a));
	assert_true(has_spi(&w->b, NFIPSEC_DIR_IN, old_b));
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_IN)->spi, old_a);
	assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->spi, old_b);
	world_deliver(w);
	world_is_up(w);
	/* and for what is on its way a little longer */
	world_run(w, 3000);
	assert_false(has_spi(&w->a, NFIPSEC_DIR_IN, old_a));
	assert_false(has_spi(&w->b, NFIPSEC_DIR_IN, old_b));
	world_free(w);
}

/* 2.9.2: the SA that takes over takes all that the old one did */
static void rekeying_keeps_the_selectors(void **state)
{
	static const struct world_conf a = {
		.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
			   "20 protect tcp from 10.1.0.0/16 to 10.4.0.0/16 port 80",
	};
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.2.0.0/15 to 10.1.0.0/16\n"
			   "20 protect ip from 10.4.0.0/24 to 10.1.5.0/24",
	};
	unsigned int by_b, i;

	(void)state;
	for (by_b = 0; by_b < 2; by_b++) {
		struct world *w = world_new(&a, &b);
		struct fake_sa before, *after;

		node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
		world_deliver(w);
		before = *node_newest(&w->a, NFIPSEC_DIR_OUT);
		assert_int_equal(before.n_sels, 2);
		expire_out(by_b ? &w->b : &w->a);
		world_deliver(w);
		after = node_newest(&w->a, NFIPSEC_DIR_OUT);
		assert_int_not_equal(after->spi, before.spi);
		assert_int_equal(after->n_sels, before.n_sels);
		for (i = 0; i < before.n_sels; i++) {
			assert_true(ts_equal(&after->sels[i].src, &before.sels[i].src));
			assert_true(ts_equal(&after->sels[i].dst, &before.sels[i].dst));
		}
		world_free(w);
	}
}

/* 2.9: what is narrowed to holds the packet that asked, whose selectors come first */
static void narrowing_holds_the_first_choice(void **state)
{
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.2.3.0/24 to 10.1.0.0/16\n"
			   "20 protect ip from 10.2.9.0/24 to 10.1.0.0/16",
	};
	static struct wire_ts ts;
	struct world *w = world_new(NULL, &b);
	struct fake_sa *out;
	unsigned int i;
	bool in = false;
	struct addr dst;

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.2.9.7");
	world_deliver(w);
	newest(&w->a, WIRE_IKE_AUTH, false);
	assert_int_equal(wire_ts_decode(buf_bytes(&bend_find(&m, WIRE_PLD_TSR)->body), &ts), WIRE_OK);
	assert_true(ts.n >= 2);
	assert_true(addr_parse("10.2.9.7", &dst));
	assert_true(addr_equal(&ts.ts[0].min, &dst) && addr_equal(&ts.ts[0].max, &dst));
	bend_free(&m);
	out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	assert_non_null(out);
	for (i = 0; i < out->n_sels; i++)
		in |= addr_cmp(&out->sels[i].dst.min, &dst) <= 0 && addr_cmp(&dst, &out->sels[i].dst.max) <= 0;
	assert_true(in);
	world_check_pairs(w);
	world_free(w);
}

static void widen(struct bend *b)
{
	/* the last octet of the end of the first range of TSr */
	struct buf *ts = &bend_find(b, WIRE_PLD_TSR)->body;

	ts->p[4 + 12 + 1] = 0xff;
}

/* 2.9: a responder that widens has not answered what was asked */
static void wider_selectors_are_refused(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	change_next(w, widen, WIRE_CREATE_CHILD_SA, true);
	expire_out(&w->a);
	world_deliver(w);
	assert_null(change);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "its traffic selectors are not among ours"));
	/* the peer is told to delete what it made, the old one stays */
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	world_free(w);
}

static void make_narrower(struct bend *b)
{
	/* the third octet of the end of the first range of either side */
	bend_find(b, WIRE_PLD_TSI)->body.p[4 + 12 + 2] = 0;
	bend_find(b, WIRE_PLD_TSR)->body.p[4 + 12 + 2] = 0;
}

static void narrower_is_refused(bool by_b)
{
	struct world *w = world_up(NULL, NULL);
	struct fake_sa old = *node_newest(&w->a, NFIPSEC_DIR_OUT);
	struct node *n = by_b ? &w->b : &w->a;

	change_next(w, make_narrower, WIRE_CREATE_CHILD_SA, !by_b);
	expire_out(n);
	world_deliver(w);
	assert_null(change);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "narrower than those of the SA that it is to replace"));
	/* all of what was in it still is, at either end */
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old.spi);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	/* and it is rekeyed when that is done as it should be */
	w->filter = NULL;
	world_run(w, IKE_REKEY_RETRY + 1000);
	if (node_newest(&w->a, NFIPSEC_DIR_OUT)->spi == old.spi)
		expire_out(n);
	world_deliver(w);
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old.spi);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	world_free(w);
}

/* 2.9.2: neither may leave out what the old one carries; it would be dropped */
static void rekeying_for_less_is_refused(void **state)
{
	(void)state;
	narrower_is_refused(true);
	narrower_is_refused(false);
}

static void other_algorithm(struct bend *b)
{
	struct buf *sa = &bend_find(b, WIRE_PLD_SA)->body;

	/* proposal (8), SPI (4), transform (8): the key length's value */
	assert_int_equal(get_u16(sa->p + 8 + 4 + 8), 0x800e);
	buf_set_u16(sa, 8 + 4 + 8 + 2, 256);
}

static void other_number(struct bend *b)
{
	bend_find(b, WIRE_PLD_SA)->body.p[4] = 2;
}

static void other_protocol(struct bend *b)
{
	bend_find(b, WIRE_PLD_SA)->body.p[5] = PROTO_AH;
}

/* 3.3.6, 3.3.1, 2.7: an answer that was not offered is terminated, and the SA deleted */
static void answers_must_be_of_what_was_offered(void **state)
{
	static void (*const how[])(struct bend *b) = { other_algorithm, other_number, other_protocol };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world *w = world_up(NULL, NULL);
		uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

		change_next(w, how[i], WIRE_CREATE_CHILD_SA, true);
		expire_out(&w->a);
		world_deliver(w);
		assert_null(change);
		assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
		assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
		assert_int_equal(node_sas(&w->a), 2);
		assert_int_equal(node_ike_sas(&w->a, "established"), 1);
		world_free(w);
	}
}

/* 2.25: who is told TEMPORARY_FAILURE waits */
static void be_busy(struct bend *b)
{
	while (b->n)
		bend_remove(b, &b->pld[0]);
	bend_notify(b, 0, none, WIRE_N_TEMPORARY_FAILURE, none);
}

static unsigned int requests_of(const struct node *n, uint8_t exchange)
{
	unsigned int i, sum = 0;

	for (i = 0; i < n->n_log; i++)
		sum += exchange_of(&n->log[i]) == exchange && !is_response(&n->log[i]);
	return sum;
}

static void temporary_failure_is_not_asked_again_at_once(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	change_next(w, be_busy, WIRE_CREATE_CHILD_SA, true);
	expire_out(&w->a);
	world_run(w, 300);
	assert_null(change);
	assert_int_equal(requests_of(&w->a, WIRE_CREATE_CHILD_SA), 1);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	world_run(w, 60000);
	assert_int_equal(requests_of(&w->a, WIRE_CREATE_CHILD_SA), 2);
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	world_free(w);
}

static void unknown_error(struct bend *b)
{
	bend_notify(b, 0, none, 8191, none);
}

/* 3.10.1: an error that nobody knows in an answer: the request has failed entirely */
static void unknown_errors_fail_the_request(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	change_next(w, unknown_error, WIRE_CREATE_CHILD_SA, true);
	expire_out(&w->a);
	world_deliver(w);
	assert_null(change);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "notify 8191"));
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	assert_int_equal(node_sas(&w->a), 2);
	/* 1.3.1, 2.21: the IKE SA does not go with it */
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	world_free(w);
}

static void short_nonce(struct bend *b) { bend_find(b, WIRE_PLD_NONCE)->body.len = 15; }
static void cut_sa(struct bend *b) { bend_find(b, WIRE_PLD_SA)->body.len -= 3; }
static void cut_tsi(struct bend *b) { bend_find(b, WIRE_PLD_TSI)->body.len -= 1; }
static void one_side(struct bend *b) { bend_remove(b, bend_find(b, WIRE_PLD_TSR)); }
/* RFC 6989 2, RFC 8031 3.2: the point 0 */
static void bad_public(struct bend *b)
{
	struct buf *ke = &bend_find(b, WIRE_PLD_KE)->body;

	memset(ke->p + 4, 0, ke->len - 4);
}

static bool has_exchange(const struct node *n, uint8_t exchange)
{
	unsigned int i;

	for (i = 0; i < n->n_log; i++)
		if (exchange_of(&n->log[i]) == exchange)
			return true;
	return false;
}

/*
 * 2.21.3: what cannot be read is answered INVALID_SYNTAX, and with that both ends drop
 * the IKE SA and all below it, without a DELETE. RFC 6989 2.5: so is a public value
 * that is none.
 */
static void malformed_requests_end_the_sa(void **state)
{
	static void (*const how[])(struct bend *b) = { short_nonce, cut_sa, cut_tsi, one_side,
						       bad_public };
	uint32_t in, out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		struct world *w = world_up(&pfs, &pfs);

		in = node_newest(&w->b, NFIPSEC_DIR_IN)->spi;
		out = node_newest(&w->b, NFIPSEC_DIR_OUT)->spi;
		change_next(w, how[i], WIRE_CREATE_CHILD_SA, false);
		expire_out(&w->b);
		assert_null(change);
		world_step(w, &w->b);
		newest(&w->a, WIRE_CREATE_CHILD_SA, true);
		assert_int_equal(m.n, 1);
		assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_SYNTAX);
		bend_free(&m);
		assert_int_equal(node_ike_sas(&w->a, "established"), 0);
		assert_false(has_spi(&w->a, NFIPSEC_DIR_IN, out));
		assert_false(has_spi(&w->a, NFIPSEC_DIR_OUT, in));
		world_deliver(w);
		assert_false(has_spi(&w->b, NFIPSEC_DIR_IN, in));
		assert_false(has_spi(&w->b, NFIPSEC_DIR_OUT, out));
		assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "INVALID_SYNTAX"));
		assert_false(has_exchange(&w->a, WIRE_INFORMATIONAL));
		assert_false(has_exchange(&w->b, WIRE_INFORMATIONAL));
		world_run(w, 100000);
		world_free(w);
	}
}

/* behind those that are there, 255 in all */
static void many_selectors(struct bend *b)
{
	struct buf *ts = &bend_find(b, WIRE_PLD_TSI)->body;
	unsigned int i;

	for (i = ts->p[0]; i < 255; i++) {
		buf_put(ts, "\7\0\0\x10\0\0\xff\xff", 8);
		buf_put_u32(ts, 0xc0000200 + i);
		buf_put_u32(ts, 0xc0000200 + i);
	}
	ts->p[0] = 255;
}

/* 2.9: as many selectors as there may be are narrowed, not refused */
static void many_selectors_are_narrowed(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->b, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	change_next(w, many_selectors, WIRE_CREATE_CHILD_SA, false);
	expire_out(&w->b);
	world_deliver(w);
	assert_null(change);
	world_is_up(w);
	assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->spi, old);
	world_free(w);
}

/* RFC 6989 2.5: a response with a public value that is none ends the IKE SA, too */
static void bad_public_values_end_the_sa(void **state)
{
	struct world *w = world_up(&pfs, &pfs);
	uint32_t in = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;

	(void)state;
	change_next(w, bad_public, WIRE_CREATE_CHILD_SA, true);
	expire_out(&w->a);
	world_deliver(w);
	assert_null(change);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "public value"));
	assert_false(has_spi(&w->a, NFIPSEC_DIR_IN, in));
	assert_false(has_spi(&w->b, NFIPSEC_DIR_OUT, in));
	world_run(w, 100000);
	world_free(w);
}

static void unknown_status(struct bend *b)
{
	bend_notify(b, 0, none, 40001, none);
	bend_notify(b, 0, none, WIRE_N_ADDITIONAL_TS_POSSIBLE, none);
	bend_insert(b, 0, 77, false, none);
}

/* 3.10.1: a status that nobody knows says nothing */
static void unknown_statuses_say_nothing(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	change_next(w, unknown_status, WIRE_CREATE_CHILD_SA, true);
	expire_out(&w->a);
	world_deliver(w);
	assert_null(change);
	world_is_up(w);
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	world_free(w);
}

/* 2.25.1: an SA that we do not have cannot be rekeyed, and its SPI is given back */
static void rekeying_of_the_unknown_is_told(void **state)
{
	static const uint8_t spi[4] = { 0x12, 0x34, 0x56, 0x78 };
	struct world *w = world_up(NULL, NULL);
	struct wire_notification n;
	struct bend again;

	(void)state;
	/* a request of the peer with another SPI in it */
	w->cut = true;
	expire_out(&w->a);
	w->cut = false;
	assert_true(bend_open(w, &w->a.log[w->a.n_log - 1], &again));
	memcpy(bend_find_notify(&again, WIRE_N_REKEY_SA)->body.p + 4, spi, 4);
	bend_send_from(&w->a, &again);
	deliver_number(w, 0);
	newest(&w->b, WIRE_CREATE_CHILD_SA, true);
	assert_int_equal(m.n, 1);
	assert_int_equal(wire_notify_decode(buf_bytes(&m.pld[0].body), &n), WIRE_OK);
	assert_int_equal(n.type, WIRE_N_CHILD_SA_NOT_FOUND);
	assert_int_equal(n.proto, PROTO_ESP);
	assert_true(bytes_equal(n.spi, (struct bytes){ spi, 4 }));
	bend_free(&m);
	world_free(w);
}

/* 2.25.1: an SA that is being deleted is not rekeyed */
static void rekeying_of_what_goes_is_refused(void **state)
{
	struct world *w = world_new(&two_a, &two_b);
	struct fake_sa *s;

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	w->now += 1000;
	for (s = w->a.sas; !s->used || s->dir != NFIPSEC_DIR_OUT || strcmp(s->tunnel, "p/u"); s++)
		;
	/* both requests are on their way at once */
	node_expire(&w->a, s, false);
	node_down(&w->b, "u");
	world_deliver(w);
	newest(&w->b, WIRE_CREATE_CHILD_SA, true);
	assert_int_equal(bend_notify_type(&m), WIRE_N_TEMPORARY_FAILURE);
	bend_free(&m);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	world_free(w);
}

/* 2.25.2: nothing begins on an IKE SA that goes */
static void nothing_begins_on_what_goes(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_down(&w->b, NULL);
	w->now += 1000;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	/* the rekeying arrives first */
	deliver_number(w, 1);
	newest(&w->b, WIRE_CREATE_CHILD_SA, true);
	assert_int_equal(bend_notify_type(&m), WIRE_N_TEMPORARY_FAILURE);
	bend_free(&m);
	world_run(w, 1000);
	world_nothing_left(w);
	world_free(w);
}

/* 2.22, 2.19, 2.23.1: what is offered and not built is not agreed to */
static void what_is_not_built_is_not_agreed_to(void **state)
{
	static const uint8_t ipcomp[3] = { 0x12, 0x34, 2 };
	static const uint8_t request[4] = { 1, 0, 0, 0 };
	struct world *w = world_up(NULL, NULL);
	unsigned int i;

	(void)state;
	w->cut = true;
	expire_out(&w->a);
	w->cut = false;
	assert_true(bend_open(w, &w->a.log[w->a.n_log - 1], &m));
	bend_notify(&m, 0, none, 16387 /* IPCOMP_SUPPORTED */, (struct bytes){ ipcomp, 3 });
	bend_notify(&m, 0, none, WIRE_N_USE_TRANSPORT_MODE, none);
	bend_insert(&m, 0, WIRE_PLD_CP, false, (struct bytes){ request, 4 });
	bend_send_from(&w->a, &m);
	world_deliver(w);
	newest(&w->b, WIRE_CREATE_CHILD_SA, true);
	assert_non_null(bend_find(&m, WIRE_PLD_SA));
	for (i = 0; i < m.n; i++)
		assert_true(m.pld[i].type != WIRE_PLD_CP && m.pld[i].type != WIRE_PLD_NOTIFY);
	bend_free(&m);
	assert_int_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->mode, NFIPSEC_MODE_TUNNEL);
	world_run(w, 2000);
	world_free(w);
}

static void no_ke(struct bend *b)
{
	bend_remove(b, bend_find(b, WIRE_PLD_KE));
}

/* 1.3: a group was agreed to, so an answer without KE is none; nor has an SA less than was asked for */
static void pfs_is_not_left_out(void **state)
{
	struct world *w = world_up(&pfs, &pfs);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	change_next(w, no_ke, WIRE_CREATE_CHILD_SA, true);
	expire_out(&w->a);
	world_deliver(w);
	assert_null(change);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	world_free(w);
	/* and a request without it is told the group */
	w = world_up(&pfs, &pfs);
	w->cut = true;
	expire_out(&w->b);
	w->cut = false;
	assert_true(bend_open(w, &w->b.log[w->b.n_log - 1], &m));
	no_ke(&m);
	bend_send_from(&w->b, &m);
	world_deliver(w);
	newest(&w->a, WIRE_CREATE_CHILD_SA, true);
	assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_KE_PAYLOAD);
	assert_int_equal(get_u16(m.pld[0].body.p + 4), DH_X25519);
	bend_free(&m);
	world_free(w);
}

/* 3.3.6: without a group in what was chosen, KE is ignored, and none is answered */
static void ke_without_a_group_is_ignored(void **state)
{
	static const uint8_t ke[36] = { 0, DH_X25519, 0, 0, 9 };
	struct world *w = world_up(NULL, NULL);

	(void)state;
	w->cut = true;
	expire_out(&w->a);
	w->cut = false;
	assert_true(bend_open(w, &w->a.log[w->a.n_log - 1], &m));
	bend_insert(&m, m.n, WIRE_PLD_KE, false, (struct bytes){ ke, sizeof(ke) });
	bend_send_from(&w->a, &m);
	world_deliver(w);
	newest(&w->b, WIRE_CREATE_CHILD_SA, true);
	assert_non_null(bend_find(&m, WIRE_PLD_SA));
	assert_null(bend_find(&m, WIRE_PLD_KE));
	bend_free(&m);
	world_is_up(w);
	world_free(w);
}

static unsigned int one_child_only(struct world *w, const struct packet *p, unsigned int n)
{
	static struct bend b;

	(void)n;
	if (exchange_of(p) != WIRE_CREATE_CHILD_SA || !addr_equal(&p->from.addr, &w->a.addr) ||
	    !bend_open(w, p, &b))
		return 1;
	while (b.n)
		bend_remove(&b, &b.pld[0]);
	/* B sees an empty request of that number, and A a refusal */
	b.hdr.exchange = WIRE_INFORMATIONAL;
	bend_send(w, &b, p);
	b.hdr.exchange = WIRE_CREATE_CHILD_SA;
	b.hdr.flags ^= WIRE_FLAG_INITIATOR | WIRE_FLAG_RESPONSE;
	bend_notify(&b, 0, none, WIRE_N_NO_ADDITIONAL_SAS, none);
	bend_send(w, &b, &(struct packet){ .from = p->to, .to = p->from });
	return 0;
}

/* 4: a peer that has one CHILD SA for each IKE SA: in its place both are set up again */
static void one_child_sa_is_enough(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	w->filter = one_child_only;
	expire_out(&w->a);
	world_run(w, 40000);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, old);
	world_check_pairs(w);
	world_free(w);
}

static void not_rekeying(struct bend *b) { bend_remove(b, bend_find_notify(b, WIRE_N_REKEY_SA)); }

/* 1.3: a peer that is authenticated has no end of CHILD SAs all the same; renewing those it has it may */
static void children_have_a_limit(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint32_t old = node_newest(&w->b, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	w->a.ike->limits.children_max = 1;
	expire_out(&w->b);
	world_deliver(w);
	world_is_up(w);
	assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->spi, old);
	change_next(w, not_rekeying, WIRE_CREATE_CHILD_SA, false);
	expire_out(&w->b);
	world_step(w, &w->b);
	newest(&w->a, WIRE_CREATE_CHILD_SA, true);
	assert_int_equal(bend_notify_type(&m), WIRE_N_NO_ADDITIONAL_SAS);
	bend_free(&m);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	w->a.ike->limits.children_max = 0;
	world_run(w, 100000);
	world_free(w);
}

/*
 * A request whose tunnel goes while it waits: its answer ends it and not the
 * request that begins behind it.
 */
static void late_answers_end_their_own_request_only(void **state)
{
	struct world_conf other = two_a;
	struct world *w = world_new(&two_a, &two_b);

	(void)state;
	other.extra_tunnel = "replay-window 128\n";
	node_up(&w->a, NULL);
	world_deliver(w);
	node_down(&w->a, "t");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2);
	w->cut = true;
	node_up(&w->a, "t");
	w->cut = false;
	/* the same tunnel with another configuration waits behind it */
	world_load(&w->a, &other);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 5000);
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	world_check_pairs(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rekey_names_what_it_replaces),
		cmocka_unit_test(ke_is_of_an_offered_group),
		cmocka_unit_test(responder_is_ready_before_it_answers),
		cmocka_unit_test(old_and_new_are_both_taken),
		cmocka_unit_test(rekeying_keeps_the_selectors),
		cmocka_unit_test(rekeying_for_less_is_refused),
		cmocka_unit_test(narrowing_holds_the_first_choice),
		cmocka_unit_test(wider_selectors_are_refused),
		cmocka_unit_test(answers_must_be_of_what_was_offered),
		cmocka_unit_test(temporary_failure_is_not_asked_again_at_once),
		cmocka_unit_test(unknown_errors_fail_the_request),
		cmocka_unit_test(malformed_requests_end_the_sa),
		cmocka_unit_test(bad_public_values_end_the_sa),
		cmocka_unit_test(many_selectors_are_narrowed),
		cmocka_unit_test(unknown_statuses_say_nothing),
		cmocka_unit_test(rekeying_of_the_unknown_is_told),
		cmocka_unit_test(rekeying_of_what_goes_is_refused),
		cmocka_unit_test(nothing_begins_on_what_goes),
		cmocka_unit_test(what_is_not_built_is_not_agreed_to),
		cmocka_unit_test(pfs_is_not_left_out),
		cmocka_unit_test(ke_without_a_group_is_ignored),
		cmocka_unit_test(one_child_sa_is_enough),
		cmocka_unit_test(children_have_a_limit),
		cmocka_unit_test(late_answers_end_their_own_request_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
