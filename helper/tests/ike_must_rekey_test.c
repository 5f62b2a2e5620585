// SPDX-License-Identifier: GPL-2.0
/* CREATE_CHILD_SA that makes a successor of the IKE SA: RFC 7296 1.3.2, 2.8, 2.18, 3.3.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "v2/v2.h"

#define LIFE_MS	6000000ULL	/* "100m" */

static struct bend m;

/* the request of A to rekey the IKE SA is on its way, and open in m */
static struct world *asked(void)
{
	static const struct world_conf a = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n",
					     .extra_tunnel = "lifetime 1d\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
					     .extra_tunnel = "lifetime 1d\n" };
	struct world *w = world_up(&a, &b);

	w->now += LIFE_MS * 995 / 1000;
	ike_tick(w->a.ike, w->now);
	assert_int_equal(w->n_queue, 1);
	assert_true(bend_open(w, &w->queue[0], &m));
	assert_int_equal(m.hdr.exchange, WIRE_CREATE_CHILD_SA);
	return w;
}

/* the one that is on its way arrives */
static void arrive(struct world *w)
{
	struct packet p = w->queue[0];
	struct node *n = addr_equal(&p.to.addr, &w->a.addr) ? &w->a : &w->b;

	memmove(w->queue, w->queue + 1, --w->n_queue * sizeof(p));
	ike_input(n->ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
	free(p.data);
}

static uint64_t check_message(void)
{
	static struct wire_sa sa;
	struct bytes nonce;
	struct wire_ke ke;
	uint64_t spi;

	assert_int_equal(wire_sa_decode(buf_bytes(&bend_find(&m, WIRE_PLD_SA)->body), &sa), WIRE_OK);
	assert_int_equal(sa.n, 1);
	assert_int_equal(sa.p[0].proto, PROTO_IKE);
	/* 3.3.1: the SPI of the new IKE SA, eight octets */
	assert_int_equal(sa.p[0].spi_len, 8);
	spi = get_u64(sa.p[0].spi);
	assert_true(spi && spi != m.hdr.spi_i && spi != m.hdr.spi_r);
	/* 1.3.2, 2.18: a Diffie-Hellman exchange of its own, of a group that is offered */
	assert_int_equal(wire_ke_decode(buf_bytes(&bend_find(&m, WIRE_PLD_KE)->body), &ke), WIRE_OK);
	assert_int_equal(ike_proposal_get(&sa.p[0], IKE_TRANSFORM_DH)->id, ke.group);
	assert_int_not_equal(ke.group, DH_NONE);
	assert_int_equal(wire_nonce_decode(buf_bytes(&bend_find(&m, WIRE_PLD_NONCE)->body), &nonce),
			 WIRE_OK);
	assert_null(bend_find(&m, WIRE_PLD_TSI));
	bend_free(&m);
	return spi;
}

/* both messages have what they must, and the message IDs of the new IKE SA start at 0 */
static void a_successor_is_made(void **state)
{
	struct world *w = asked();
	uint64_t spi_i = check_message(), spi_r, old = bend_sa(&w->a)->spi_i;
	uint32_t child = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
	unsigned int i, last = 0;

	(void)state;
	arrive(w);
	assert_true(bend_open(w, &w->queue[0], &m));
	spi_r = check_message();
	world_deliver(w);
	/* 2.8: the CHILD SAs are its */
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_IN)->spi, child);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_run(w, 1000);
	assert_true(bend_sa(&w->a)->spi_i == spi_i && bend_sa(&w->a)->spi_r == spi_r);
	assert_true(bend_sa(&w->b)->spi_i == spi_i && bend_sa(&w->b)->spi_r == spi_r);
	/* 2.8: the DELETE was the last that was asked on the old one */
	for (i = 0; i < w->a.n_log; i++)
		if (get_u64(w->a.log[i].data) == old && !(w->a.log[i].data[19] & WIRE_FLAG_RESPONSE))
			last = i;
	assert_int_equal(w->a.log[last].data[18], WIRE_INFORMATIONAL);
	/* 2.2, 2.18: message IDs of both ends begin with 0 */
	w->now += 1000;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	assert_true(get_u64(w->queue[0].data) == spi_i);
	assert_int_equal(get_u32(w->queue[0].data + 20), 0);
	world_deliver(w);
	w->now += 1000;
	node_expire(&w->b, node_newest(&w->b, NFIPSEC_DIR_OUT), false);
	assert_int_equal(get_u32(w->queue[0].data + 20), 0);
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

static void without_ke(void) { bend_remove(&m, bend_find(&m, WIRE_PLD_KE)); }

static void without_group(void)
{
	struct buf *sa = &bend_find(&m, WIRE_PLD_SA)->body;
	size_t at = 8 + 8;

	/* the transform of the group (8 octets) becomes one of NONE */
	while (sa->p[at + 4] != IKE_TRANSFORM_DH)
		at += get_u16(sa->p + at + 2);
	buf_set_u16(sa, at + 6, DH_NONE);
}

static void of_spi_zero(void) { memset(bend_find(&m, WIRE_PLD_SA)->body.p + 8, 0, 8); }

/* 1.3.2, 2.18, 3.1: no KE, the group NONE, no SPI: refused, and the old one carries on */
static void less_than_that_is_refused(void **state)
{
	static const struct { void (*how)(void); uint16_t type; } row[] = {
		{ without_ke, WIRE_N_INVALID_KE_PAYLOAD },
		{ without_group, WIRE_N_NO_PROPOSAL_CHOSEN },
		{ of_spi_zero, WIRE_N_NO_PROPOSAL_CHOSEN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = asked();
		struct packet like = w->queue[0];

		w->n_queue = 0;
		row[i].how();
		bend_send(w, &m, &like);
		free(like.data);
		arrive(w);
		assert_true(bend_open(w, &w->queue[0], &m));
		assert_int_equal(bend_notify_type(&m), row[i].type);
		bend_free(&m);
		assert_int_equal(node_sas(&w->b), 2);
		assert_int_equal(node_ike_sas(&w->b, "established"), 1);
		world_run(w, 100000);
		assert_int_equal(node_sas(&w->a), 2);
		world_check_pairs(w);
		world_free(w);
	}
}

static void short_nonce(void) { bend_find(&m, WIRE_PLD_NONCE)->body.len = 15; }
static void cut_sa(void) { bend_find(&m, WIRE_PLD_SA)->body.len -= 3; }
static void bad_public(void)
{
	struct buf *ke = &bend_find(&m, WIRE_PLD_KE)->body;

	memset(ke->p + 4, 0, ke->len - 4);
}

/* 2.21.3, RFC 6989 2.5: what cannot be read is the end of the old one at both ends, without a DELETE */
static void malformed_requests_end_the_sa(void **state)
{
	static void (*const how[])(void) = { short_nonce, cut_sa, bad_public };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		struct world *w = asked();
		struct packet like = w->queue[0];
		uint64_t spi = m.hdr.spi_i;

		w->n_queue = 0;
		how[i]();
		bend_send(w, &m, &like);
		free(like.data);
		arrive(w);
		assert_true(bend_open(w, &w->queue[0], &m));
		assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_SYNTAX);
		bend_free(&m);
		assert_int_equal(node_sas(&w->b), 0);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
		arrive(w);
		assert_null(ike_sa_find(w->a.ike, spi));
		world_run(w, 100000);
		world_free(w);
	}
}

/* RFC 6989 2.5 */
static void bad_public_values_end_the_sa(void **state)
{
	struct world *w = asked();
	uint64_t spi = m.hdr.spi_i;
	struct packet like;

	(void)state;
	bend_free(&m);
	arrive(w);
	like = w->queue[0];
	assert_true(bend_open(w, &like, &m));
	w->n_queue = 0;
	bad_public();
	bend_send(w, &m, &like);
	free(like.data);
	arrive(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "public value"));
	assert_null(ike_sa_find(w->a.ike, spi));
	world_deliver(w);
	assert_null(ike_sa_find(w->b.ike, spi));
	world_run(w, 300000);
	world_free(w);
}

static unsigned int lose_deletes(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	return !addr_equal(&p->from.addr, &w->a.addr) || p->data[18] != WIRE_INFORMATIONAL;
}

/* a peer that rekeys, and never deletes what was rekeyed, has not as many of them as it likes */
static void those_that_rest_have_a_limit(void **state)
{
	static const struct world_conf c = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n" };
	struct world *w = world_up(&c, &c);
	unsigned int i;

	(void)state;
	w->filter = lose_deletes;
	for (i = 0; i < 100; i++) {
		v2_renew(bend_sa(&w->a));
		world_deliver(w);
	}
	assert_in_range(node_ike_sas(&w->b, "rekeyed"), 10, 20);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	/* when they have gone it goes on */
	w->filter = NULL;
	world_run(w, 200000);
	assert_int_equal(node_ike_sas(&w->b, "rekeyed"), 0);
	i = w->a.n_events[IKE_EVENT_IKE_UP];
	v2_renew(bend_sa(&w->a));
	world_deliver(w);
	assert_int_equal(w->a.n_events[IKE_EVENT_IKE_UP], i + 1);
	world_is_up(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_successor_is_made),
		cmocka_unit_test(less_than_that_is_refused),
		cmocka_unit_test(malformed_requests_end_the_sa),
		cmocka_unit_test(bad_public_values_end_the_sa),
		cmocka_unit_test(those_that_rest_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
