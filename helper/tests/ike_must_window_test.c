// SPDX-License-Identifier: GPL-2.0
/* RFC 7296 2.1 to 2.4: retransmission, message IDs, the window, and when a peer is gone. */
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

static uint32_t msgid_of(const struct packet *p)
{
	return get_u32(p->data + 20);
}

static bool is_response(const struct packet *p)
{
	return p->data[19] & WIRE_FLAG_RESPONSE;
}

static void expire_out(struct node *n)
{
	node_expire(n, node_newest(n, NFIPSEC_DIR_OUT), false);
}

/* 2.1, 2.2: each request of each exchange, octet by octet, with its message ID, until answered */
static void requests_are_repeated_as_they_were(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int first, i, step;

	(void)state;
	for (step = 0; step < 3; step++) {
		w->cut = true;
		first = w->a.n_log;
		if (step == 0)
			node_up(&w->a, NULL);
		else if (step == 1)
			expire_out(&w->a);
		else
			node_down(&w->a, NULL);
		world_run(w, 2500);
		assert_in_range(w->a.n_log - first, 2, 4);
		for (i = first + 1; i < w->a.n_log; i++) {
			assert_int_equal(w->a.log[i].len, w->a.log[first].len);
			assert_memory_equal(w->a.log[i].data, w->a.log[first].data,
					    w->a.log[first].len);
		}
		w->cut = false;
		world_run(w, 8000);
		/* answered: no more of them */
		first = w->a.n_log;
		world_run(w, 20000);
		assert_int_equal(w->a.n_log, first);
	}
	world_nothing_left(w);
	world_free(w);
}

static uint64_t sent_at[16];
static unsigned int n_sent_at;

static unsigned int note_time(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	if (addr_equal(&p->from.addr, &w->a.addr) && n_sent_at < 16)
		sent_at[n_sent_at++] = w->now;
	return 0;
}

/* 2.4: each wait is longer than the one before, by a factor */
static void waits_grow_exponentially(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int i;

	(void)state;
	n_sent_at = 0;
	w->filter = note_time;
	node_up(&w->a, NULL);
	world_run(w, 100000);
	assert_int_equal(n_sent_at, 6);
	for (i = 2; i < n_sent_at; i++)
		assert_true((sent_at[i] - sent_at[i - 1]) * 10 >
			    (sent_at[i - 1] - sent_at[i - 2]) * 13);
	world_free(w);
}

static unsigned int lose_responses(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)n;
	return !is_response(p);
}

/* 2.1: a responder answers, and never says anything twice by itself */
static void responder_does_not_repeat_by_itself(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int a, b;

	(void)state;
	w->filter = lose_responses;
	a = w->a.sent;
	b = w->b.sent;
	expire_out(&w->a);
	world_run(w, 10000);
	assert_true(w->a.sent - a >= 3);
	assert_int_equal(w->b.sent - b, w->a.sent - a);
	/* one request, one CHILD SA: its repetitions did nothing else */
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_UP), 2);
	world_free(w);
}

/* 2.1: what was answered so long ago that the answer is forgotten is not answered again */
static void forgotten_requests_are_ignored(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct packet auth = w->a.log[1];
	unsigned int b, up, i;

	(void)state;
	/* 2.3: as many as were promised are kept */
	for (i = 0; i < IKE_WINDOW; i++) {
		expire_out(&w->a);
		world_run(w, 1000);
	}
	b = w->b.sent;
	up = node_count(&w->b, IKE_EVENT_CHILD_UP);
	world_send(w, &auth);
	world_deliver(w);
	assert_int_equal(w->b.sent, b);
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_UP), up);
	assert_true(node_counter(&w->b, "old") >= 1);
	world_free(w);
}

/* 2.2: 0, 1, 2 ... for the requests of each end, apart from each other */
static void message_ids_count_for_each_end(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int i, k;

	(void)state;
	for (k = 0; k < 3; k++) {
		w->now += 1000;
		expire_out(&w->a);
		world_deliver(w);
	}
	w->now += 1000;
	expire_out(&w->b);
	world_deliver(w);
	world_is_up(w);
	for (i = 0, k = 0; i < w->a.n_log; i++)
		if (!is_response(&w->a.log[i]))
			assert_int_equal(msgid_of(&w->a.log[i]), k++);
	assert_true(k >= 8);
	/* a responder's own first request is number 0: it has not asked before */
	for (i = 0, k = 0; i < w->b.n_log; i++)
		if (!is_response(&w->b.log[i]))
			assert_int_equal(msgid_of(&w->b.log[i]), k++);
	assert_true(k >= 2);
	world_free(w);
}

/* 2.2: an SA whose message IDs are used up is closed; none is used twice */
static void used_up_message_ids_close_the_sa(void **state)
{
	unsigned int at_a;

	(void)state;
	for (at_a = 0; at_a < 2; at_a++) {
		struct world *w = world_up(NULL, NULL);
		struct ike_sa *a = bend_sa(&w->a), *b = bend_sa(&w->b);

		if (at_a)
			a->next_out = b->next_in = UINT32_MAX - 3;
		else
			a->next_in = b->next_out = UINT32_MAX - 3;
		expire_out(at_a ? &w->a : &w->b);
		world_run(w, 100000);
		world_nothing_left(w);
		/* and what wants it has another one */
		node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
		world_run(w, 2000);
		assert_int_equal(node_sas(&w->a), 2);
		world_check_pairs(w);
		world_free(w);
	}
}

static unsigned int outstanding_max, asked, answered;

static unsigned int count_outstanding(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	if (addr_equal(&p->from.addr, &w->a.addr) && !is_response(p))
		asked++;
	if (addr_equal(&p->from.addr, &w->b.addr) && is_response(p))
		answered++;
	if (asked - answered > outstanding_max)
		outstanding_max = asked - answered;
	return 1;
}

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

/* 2.3: one request at a time, also to a peer that would take more */
static void one_request_at_a_time(void **state)
{
	static const uint8_t ten[4] = { 0, 0, 0, 10 };
	struct world *w = world_new(&two_a, &two_b);
	struct fake_sa *s;
	struct bend m;

	(void)state;
	outstanding_max = asked = answered = 0;
	w->filter = count_outstanding;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	/* SET_WINDOW_SIZE, 3.10.1: the peer promises to keep ten, which is understood and not needed */
	bend_new(&w->b, &m, WIRE_INFORMATIONAL, false);
	bend_notify(&m, 0, none, WIRE_N_SET_WINDOW_SIZE, (struct bytes){ ten, 4 });
	bend_send_from(&w->b, &m);
	world_deliver(w);
	for (s = w->a.sas; s < w->a.sas + WORLD_SAS; s++)
		if (s->used && s->dir == NFIPSEC_DIR_OUT)
			node_expire(&w->a, s, false);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	world_check_pairs(w);
	assert_int_equal(asked, answered);
	assert_int_equal(outstanding_max, 1);
	world_free(w);
}

/* 2.3: who waits for an answer answers what it is asked meanwhile */
static void requests_are_taken_while_waiting(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int sent;
	struct bend m;

	(void)state;
	w->cut = true;
	expire_out(&w->a);
	w->cut = false;
	assert_true(bend_sa(&w->a)->retrans.waiting);
	sent = w->a.sent;
	bend_new(&w->b, &m, WIRE_INFORMATIONAL, false);
	bend_send_from(&w->b, &m);
	world_deliver(w);
	assert_int_equal(w->a.sent, sent + 1);
	assert_true(is_response(&w->a.log[w->a.n_log - 1]));
	assert_true(bend_sa(&w->a)->retrans.waiting);
	world_run(w, 5000);
	world_is_up(w);
	world_free(w);
}

/* 2.3: a request outside of the window is not acknowledged, by no message of any kind */
static void outside_of_the_window_is_silence(void **state)
{
	static const uint32_t off[] = { IKE_WINDOW, IKE_WINDOW + 1, 1000, 0x7fffffff, -2u };
	struct world *w = world_up(NULL, NULL);
	unsigned int i, sent = w->b.sent;
	struct bend m;

	(void)state;
	for (i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
		m.hdr.msgid += off[i];
		bend_sa(&w->a)->next_out--;
		bend_delete(&m, PROTO_IKE, NULL, 0);
		bend_send_from(&w->a, &m);
		world_deliver(w);
	}
	assert_int_equal(w->b.sent, sent);
	assert_int_equal(node_counter(&w->b, "old"), i);
	world_is_up(w);
	world_free(w);
}

/* INITIAL_CONTACT apart, 2.4: nothing without protection says that a peer has gone */
static void unprotected_words_end_nothing(void **state)
{
	static const uint16_t types[] = { WIRE_N_INVALID_IKE_SPI, WIRE_N_INVALID_SYNTAX,
					  WIRE_N_INVALID_MAJOR_VERSION, WIRE_N_AUTHENTICATION_FAILED,
					  WIRE_N_INITIAL_CONTACT };
	struct world *w = world_up(NULL, NULL);
	struct packet like = { .from = bend_sa(&w->a)->remote, .to = bend_sa(&w->a)->local };
	unsigned int i, response, sent;
	struct bend m;

	(void)state;
	/* while nothing is asked, and while a request waits for its answer */
	for (i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
		if (i == sizeof(types) / sizeof(types[0])) {
			w->cut = true;
			expire_out(&w->a);
			w->cut = false;
		}
		for (response = 0; response < 2; response++) {
			sent = w->a.sent;
			bend_new(&w->b, &m, response ? WIRE_CREATE_CHILD_SA : WIRE_INFORMATIONAL, response);
			m.sealed = false;
			m.hdr.msgid = response ? bend_sa(&w->a)->next_out : bend_sa(&w->a)->next_in;
			if (!response)
				bend_sa(&w->b)->next_out--;
			bend_notify(&m, 0, none, types[i % (sizeof(types) / sizeof(types[0]))], none);
			bend_send(w, &m, &like);
			world_deliver(w);
			/* 2.4: that the peer has forgotten us is a reason to ask it, once */
			assert_int_equal(w->a.sent, sent + (!i && response));
			assert_int_equal(node_ike_sas(&w->a, "established"), 1);
			assert_int_equal(node_sas(&w->a), 2);
		}
	}
	/* the answer that was waited for is taken all the same */
	world_run(w, 5000);
	world_is_up(w);
	world_free(w);
}

/* 2.4, 1.2: IKE_SA_INIT again, as of a peer that forgot all, is no proof of that either */
static void a_new_beginning_ends_nothing_before_auth(void **state)
{
	static const struct world_conf liar = { .psk = "another" };
	struct world *w = world_up(NULL, NULL);

	(void)state;
	w->cut = true;
	node_restart(&w->a);
	world_load(&w->a, &liar);
	w->cut = false;
	node_up(&w->a, NULL);
	world_run(w, 500);
	assert_non_null(strstr(w->a.up_error, "authentication failed"));
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_sas(&w->b), 2);
	world_free(w);
}

/* 2.4: in the first IKE_AUTH request, only there, and only when it is true */
static void initial_contact_is_in_ike_auth_only(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int i, found = 0;
	struct bend m;

	(void)state;
	w->now += 1000;
	expire_out(&w->a);
	world_deliver(w);
	for (i = 0; i < w->a.n_log; i++) {
		if (!bend_open(w, &w->a.log[i], &m))
			continue;
		if (bend_find_notify(&m, WIRE_N_INITIAL_CONTACT)) {
			assert_int_equal(m.hdr.exchange, WIRE_IKE_AUTH);
			found++;
		}
		bend_free(&m);
	}
	assert_int_equal(found, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_repeated_as_they_were),
		cmocka_unit_test(waits_grow_exponentially),
		cmocka_unit_test(responder_does_not_repeat_by_itself),
		cmocka_unit_test(forgotten_requests_are_ignored),
		cmocka_unit_test(message_ids_count_for_each_end),
		cmocka_unit_test(used_up_message_ids_close_the_sa),
		cmocka_unit_test(one_request_at_a_time),
		cmocka_unit_test(requests_are_taken_while_waiting),
		cmocka_unit_test(outside_of_the_window_is_silence),
		cmocka_unit_test(unprotected_words_end_nothing),
		cmocka_unit_test(a_new_beginning_ends_nothing_before_auth),
		cmocka_unit_test(initial_contact_is_in_ike_auth_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
