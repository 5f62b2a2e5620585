// SPDX-License-Identifier: GPL-2.0
/* A daemon that died without a word: its SAs carry on, and others take their place. */
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

static unsigned int count(const struct node *n, uint8_t dir)
{
	unsigned int i, sum = 0;

	for (i = 0; i < WORLD_SAS; i++)
		sum += n->sas[i].used && n->sas[i].dir == dir;
	return sum;
}

/* @to can open what @from sends with its newest SA, or queues it until it can */
static bool flows(struct node *from, struct node *to)
{
	const struct fake_sa *out = node_newest(from, NFIPSEC_DIR_OUT);
	unsigned int i;

	if (out && node_awaits(to, out->spi))
		return true;
	for (i = 0; out && i < WORLD_SAS; i++)
		if (to->sas[i].used && to->sas[i].dir == NFIPSEC_DIR_IN &&
		    to->sas[i].spi == out->spi &&
		    !memcmp(to->sas[i].encr_key, out->encr_key, out->encr_key_len))
			return true;
	return false;
}

/* one message after the other; at each point both can send and both can receive */
static void deliver_flowing(struct world *w)
{
	struct packet p;
	struct node *n;

	assert_true(flows(&w->a, &w->b) && flows(&w->b, &w->a));
	while (w->n_queue) {
		p = w->queue[0];
		memmove(w->queue, w->queue + 1, --w->n_queue * sizeof(p));
		n = addr_equal(&p.to.addr, &w->a.addr) ? &w->a : &w->b;
		/* SAs that come up later are newer */
		w->now++;
		ike_input(n->ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
		ike_tick(w->a.ike, w->now);
		ike_tick(w->b.ike, w->now);
		free(p.data);
		assert_true(flows(&w->a, &w->b) && flows(&w->b, &w->a));
	}
}

static void run_flowing(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms;

	while (w->now < end) {
		world_run(w, 100);
		assert_true(flows(&w->a, &w->b) && flows(&w->b, &w->a));
	}
}

static void taken_over(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	world_run(w, 5000);
	node_crash(&w->a);
	assert_int_equal(node_sas(&w->a), 2);
	node_adopt(&w->a);
	assert_non_null(node_line(&w->a, IKE_EVENT_ADOPTED, "2 SAs of an earlier run"));
	deliver_flowing(w);
	/* our old way out is gone, what the peer sent by its own may still come in */
	assert_int_equal(count(&w->a, NFIPSEC_DIR_OUT), 1);
	assert_int_equal(count(&w->a, NFIPSEC_DIR_IN), 2);
	/* no INITIAL_CONTACT: the peer's are not deleted at once */
	assert_int_equal(node_count(&w->b, IKE_EVENT_IKE_DOWN), 0);
	run_flowing(w, 20000);
	/* and neither end keeps what nobody needs */
	world_is_up(w);
	/* from now on all is as ever */
	node_down(&w->a, NULL);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

static void taken_over_by_responder(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	world_run(w, 5000);
	node_crash(&w->b);
	node_adopt(&w->b);
	deliver_flowing(w);
	run_flowing(w, 20000);
	world_is_up(w);
	world_free(w);
}

static void both_die(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	world_run(w, 5000);
	node_crash(&w->a);
	node_crash(&w->b);
	node_adopt(&w->a);
	node_adopt(&w->b);
	deliver_flowing(w);
	run_flowing(w, 45000);
	world_is_up(w);
	world_free(w);
}

/* again and again, before the last time has settled */
static void dies_often(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int i;

	(void)state;
	world_run(w, 5000);
	for (i = 0; i < 6; i++) {
		node_crash(i & 1 ? &w->b : &w->a);
		node_adopt(i & 1 ? &w->b : &w->a);
		deliver_flowing(w);
		run_flowing(w, 1000);
	}
	run_flowing(w, 120000);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	world_free(w);
}

/* a peer that does not answer for now: the SAs carry on, and it is asked again */
static void peer_is_silent(void **state)
{
	static const struct world_conf patient = { .extra_peer = "dpd 1d\n" };
	struct world *w = world_up(NULL, &patient);

	(void)state;
	node_crash(&w->a);
	w->cut = true;
	node_adopt(&w->a);
	world_run(w, 100000);
	assert_int_equal(node_sas(&w->a), 2);
	assert_true(flows(&w->a, &w->b));
	w->cut = false;
	world_run(w, 60000);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	world_free(w);
}

/* who cannot begin waits for the peer, which finds out by its own means */
static void cannot_begin(void **state)
{
	static const struct world_conf a = { .extra_peer = "dpd 10s\n", .start = "at-load" };
	static const struct world_conf any = { .remote = "any" };
	struct world *w = world_new(&a, &any);

	(void)state;
	world_run(w, 1000);
	world_is_up(w);
	node_crash(&w->b);
	w->b.sent = 0;
	node_adopt(&w->b);
	world_run(w, 5000);
	assert_int_equal(w->b.sent, 0);
	assert_int_equal(node_sas(&w->b), 2);
	/* DPD, INVALID_IKE_SPI, which is no proof, and in the end a new IKE SA */
	world_run(w, 70000);
	assert_true(node_counter(&w->a, "suspected") > 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "does not answer any more"));
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	world_free(w);
}

static void hard_lifetime(void **state)
{
	static const struct world_conf any = { .remote = "any" };
	struct world *w = world_up(NULL, &any);
	unsigned int i;

	(void)state;
	node_crash(&w->b);
	node_adopt(&w->b);
	for (i = 0; i < WORLD_SAS; i++)
		if (w->b.sas[i].used)
			node_expire(&w->b, &w->b.sas[i], true);
	assert_int_equal(node_sas(&w->b), 0);
	world_run(w, 1000);
	world_free(w);
}

static void soft_lifetime(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	world_run(w, 1000);
	node_crash(&w->a);
	w->cut = true;
	node_adopt(&w->a);
	world_run(w, 45000);
	w->cut = false;
	w->a.sent = 0;
	/* the next try is due later, the soft limit does not wait for it */
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, 31000);
	assert_int_equal(node_sas(&w->a), 2);
	world_check_pairs(w);
	world_free(w);
}

static void definition_changed(void **state)
{
	static const struct world_conf wider = {
		.entries = "10 protect ip from 10.1.7.0/24 to 10.2.0.0/16",
	}, other = { .esp = "aes256-sha256" }, shorter = { .extra_tunnel = "lifetime 30m" };
	static const struct world_conf *const changed[] = { &wider, &other, &shorter };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world *w = world_up(NULL, NULL);

		node_crash(&w->a);
		w->cut = true;
		/* only the configuration: nothing may begin before the SAs are adopted */
		world_load(&w->a, changed[i]);
		node_adopt(&w->a);
		assert_int_equal(node_sas(&w->a), 0);
		assert_null(node_line(&w->a, IKE_EVENT_ADOPTED, ""));
		w->cut = false;
		world_free(w);
	}
}

/* a reload while they are there asks the same */
static void reload(void **state)
{
	static const struct world_conf other = { .esp = "aes256-sha256" };
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_crash(&w->a);
	w->cut = true;
	node_adopt(&w->a);
	world_load(&w->a, NULL);
	assert_int_equal(node_sas(&w->a), 2);
	world_load(&w->a, &other);
	assert_int_equal(node_sas(&w->a), 0);
	w->cut = false;
	world_free(w);
}

static void by_hand(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int i;

	(void)state;
	node_crash(&w->a);
	for (i = 0; i < WORLD_SAS; i++)
		w->a.sas[i].soft_seconds = w->a.sas[i].hard_seconds = 0;
	w->a.n_lines = 0;
	node_adopt(&w->a);
	world_run(w, 20000);
	assert_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "IKE_SA_INIT"));
	assert_int_equal(node_sas(&w->a), 2);
	for (i = 0; i < WORLD_SAS; i++)
		w->a.sas[i].used = false;
	world_free(w);
}

static void taken_down(void **state)
{
	static const struct world_conf any = { .remote = "any" };
	struct world *w = world_up(NULL, &any);

	(void)state;
	node_crash(&w->b);
	node_adopt(&w->b);
	node_down(&w->b, NULL);
	assert_true(w->b.down_done);
	assert_int_equal(node_sas(&w->b), 0);
	node_crash(&w->a);
	node_adopt(&w->a);
	assert_true(node_sas(&w->a) > 0);
	ike_shutdown(w->a.ike, w->now);
	assert_int_equal(node_sas(&w->a), 0);
	world_free(w);
}

/* the peer restarts, and INITIAL_CONTACT says that it has nothing else */
static void initial_contact(void **state)
{
	static const struct world_conf any = { .remote = "any" };
	struct world *w = world_up(NULL, &any);

	(void)state;
	world_run(w, 1000);
	node_crash(&w->b);
	node_adopt(&w->b);
	node_restart(&w->a);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 2);
	world_is_up(w);
	world_free(w);
}

/* the second message of the new run is IKE_AUTH, and its response is late */
static unsigned int hold_auth(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	return !(addr_equal(&p->from.addr, &w->b.addr) && p->data[18] == 35);
}

static void response_is_late(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	world_run(w, 5000);
	node_crash(&w->a);
	node_adopt(&w->a);
	w->filter = hold_auth;
	world_deliver(w);
	assert_int_equal(count(&w->a, NFIPSEC_DIR_IN), 1);
	assert_int_equal(count(&w->a, NFIPSEC_DIR_OUT), 1);
	assert_int_equal(node_awaited(&w->a), 1);
	/* the peer may use the new one already */
	assert_true(flows(&w->b, &w->a));
	w->filter = NULL;
	run_flowing(w, 60000);
	world_is_up(w);
	world_free(w);
}

/* the peer has another configuration now, and chooses what it did not choose before */
static void peer_has_changed(void **state)
{
	static const struct world_conf both = { .esp = "aes128gcm16 aes256gcm16" };
	static const struct world_conf other = { .esp = "aes256gcm16" };
	struct world *w = world_up(&both, NULL);

	(void)state;
	world_run(w, 5000);
	node_crash(&w->a);
	node_crash(&w->b);
	memset(w->b.sas, 0, WORLD_SAS * sizeof(*w->b.sas));
	world_load(&w->b, &other);
	node_adopt(&w->a);
	world_run(w, 90000);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_IN)->encr_key_len, 36);
	assert_int_equal(node_sas(&w->a), 2);
	world_check_pairs(w);
	world_free(w);
}

static void moved(void **state)
{
	static const struct world_conf any = { .remote = "any" };
	struct world *w = world_up(NULL, &any);
	unsigned int i;

	(void)state;
	node_crash(&w->b);
	for (i = 0; i < WORLD_SAS; i++)
		w->b.sas[i].encap_local = w->b.sas[i].encap_remote = 4500;
	node_adopt(&w->b);
	node_mapping(&w->b, node_newest(&w->b, NFIPSEC_DIR_IN), "203.0.113.9", 61000);
	assert_int_equal(w->b.moves, 2);
	assert_int_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->encap_remote, 61000);
	ike_shutdown(w->b.ike, w->now);
	world_free(w);
}

/* anybody can say that the peer forgot us: the peer is asked, and not often */
static void hint_is_no_proof(void **state)
{
	struct world *w = world_up(NULL, NULL);
	uint8_t msg[40] = { 0 };
	struct packet p = { .from = { w->b.addr, 500 }, .to = { w->a.addr, 500 }, .data = msg,
			    .len = sizeof(msg) };
	uint32_t spi = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;
	unsigned int i;

	(void)state;
	/* INFORMATIONAL, outside of any SA: N(INVALID_SPI) with our outbound SPI */
	memset(msg, 0x5a, 16);
	msg[16] = 41;
	msg[17] = 0x20;
	msg[18] = 37;
	msg[19] = 0x08;
	msg[27] = 40;
	msg[31] = 12;
	msg[35] = 11;
	for (i = 0; i < 4; i++)
		msg[36 + i] = spi >> (24 - 8 * i);
	world_run(w, 1000);
	w->a.sent = w->b.sent = 0;
	for (i = 0; i < 20; i++)
		world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->a.sent, 1);
	assert_int_equal(w->b.sent, 1);
	world_is_up(w);
	/* from somewhere else it is nobody's word, and neither is another SPI */
	world_run(w, 20000);
	w->a.sent = 0;
	p.from.addr.a[3] = 77;
	world_send(w, &p);
	p.from.addr = w->b.addr;
	msg[39] ^= 1;
	world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->a.sent, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_over),
		cmocka_unit_test(taken_over_by_responder),
		cmocka_unit_test(both_die),
		cmocka_unit_test(dies_often),
		cmocka_unit_test(peer_is_silent),
		cmocka_unit_test(cannot_begin),
		cmocka_unit_test(hard_lifetime),
		cmocka_unit_test(soft_lifetime),
		cmocka_unit_test(definition_changed),
		cmocka_unit_test(reload),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(taken_down),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(response_is_late),
		cmocka_unit_test(peer_has_changed),
		cmocka_unit_test(moved),
		cmocka_unit_test(hint_is_no_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
