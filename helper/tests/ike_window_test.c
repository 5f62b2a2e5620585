// SPDX-License-Identifier: GPL-2.0
/*
 * A window of several requests: RFC 7296 2.3. Our own core asks one thing at a time, so
 * the requests beyond are made here, with its keys; it answers those of others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_bend.h"
#include "rekey_world.h"
#include "v2/v2.h"

static const struct world_conf pfs = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
				       .esp = "aes128gcm16-x25519" };

static bool is_response(const struct packet *p)
{
	return p->data[19] & WIRE_FLAG_RESPONSE;
}

static struct packet *last_of(struct node *n)
{
	assert_true(n->n_log > 0);
	return &n->log[n->n_log - 1];
}

/* a message of A's that its core does not know of; the caller frees its data */
static struct packet packet_of(struct world *w, struct bend *m)
{
	struct ike_sa *sa = bend_sa(&w->a);
	struct packet p = { .from = sa->local, .to = sa->remote };

	assert_true(bend_seal(w, m, &p.data, &p.len));
	bend_free(m);
	return p;
}

/* a question for a sign of life */
static struct packet question(struct world *w, uint32_t msgid)
{
	uint32_t next = bend_sa(&w->a)->next_out;
	struct bend m;

	bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
	bend_sa(&w->a)->next_out = next;
	m.hdr.msgid = msgid;
	return packet_of(w, &m);
}

static void send_it(struct world *w, const struct packet *p)
{
	world_send(w, p);
	world_deliver(w);
}

static void ask(struct world *w, uint32_t msgid)
{
	struct packet p = question(w, msgid);

	send_it(w, &p);
	free(p.data);
}

/* B answers it, by the same message ID */
static struct packet *asked(struct world *w, uint32_t msgid)
{
	unsigned int sent = w->b.sent;

	ask(w, msgid);
	assert_int_equal(w->b.sent, sent + 1);
	assert_true(is_response(last_of(&w->b)));
	assert_int_equal(get_u32(last_of(&w->b)->data + 20), msgid);
	return last_of(&w->b);
}

static void ignored(struct world *w, uint32_t msgid)
{
	unsigned int sent = w->b.sent;
	uint64_t old = node_counter(&w->b, "old");

	ask(w, msgid);
	assert_int_equal(w->b.sent, sent);
	assert_int_equal(node_counter(&w->b, "old"), old + 1);
}

/* in how many messages from number @from on @n has said its window, and in which exchange last */
static unsigned int said(struct world *w, struct node *n, unsigned int from, uint8_t *exchange)
{
	unsigned int i, k = 0;
	struct bend_pld *pld;
	struct bend m;

	for (i = from; i < n->n_log; i++) {
		if (!bend_open(w, &n->log[i], &m))
			continue;
		pld = bend_find_notify(&m, WIRE_N_SET_WINDOW_SIZE);
		if (pld) {
			/* RFC 7296 3.10.1: no SPI, four octets */
			assert_int_equal(pld->body.len, 8);
			assert_int_equal(pld->body.p[0], 0);
			assert_int_equal(pld->body.p[1], 0);
			assert_int_equal(get_u32(pld->body.p + 4), IKE_WINDOW);
			*exchange = m.hdr.exchange;
			k++;
		}
		bend_free(&m);
	}
	return k;
}

/* once on each IKE SA: in IKE_AUTH, and on its successor as soon as there is an occasion */
static void the_window_is_announced(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);
	struct node *ends[] = { &w->a, &w->b };
	unsigned int i, before[2];
	uint8_t exchange;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(said(w, ends[i], 0, &exchange), 1);
		assert_int_equal(exchange, WIRE_IKE_AUTH);
		before[i] = ends[i]->n_log;
	}
	w->now += 1000;
	rekey_child(&w->a);
	world_deliver(w);
	v2_renew(w->a.ike->sas);
	world_run(w, 5000);
	for (i = 0; i < 2; i++)
		assert_int_equal(said(w, ends[i], before[i], &exchange), 0);
	for (i = 0; i < 2; i++) {
		rekey_child(ends[i]);
		world_run(w, 5000);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(said(w, ends[i], before[i], &exchange), 1);
		assert_int_equal(exchange, WIRE_CREATE_CHILD_SA);
	}
	rekey_settles(w);
}

/* all of a window, in whatever order, and as many afterwards */
static void requests_in_any_order(void **state)
{
	static const uint8_t orders[][IKE_WINDOW] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 },
						      { 2, 0, 3, 1 } };
	struct world *w = world_up(&rekey_never, &rekey_never);
	uint32_t first = bend_sa(&w->b)->next_in;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		for (k = 0; k < IKE_WINDOW; k++)
			asked(w, first + orders[i][k]);
		first += IKE_WINDOW;
		assert_int_equal(bend_sa(&w->b)->next_in, first);
	}
	/* and what A asks itself is in its turn */
	bend_sa(&w->a)->next_out = first;
	world_is_up(w);
	rekey_settles(w);
}

/* the lowest that is not answered is where it begins: no further than that and its size */
static void outside_is_ignored(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);
	uint32_t first = bend_sa(&w->b)->next_in;
	unsigned int i;

	(void)state;
	ignored(w, first + IKE_WINDOW);
	for (i = 1; i < IKE_WINDOW; i++)
		asked(w, first + i);
	ignored(w, first + IKE_WINDOW);
	asked(w, first);
	asked(w, first + 2 * IKE_WINDOW - 1);
	ignored(w, first + 2 * IKE_WINDOW);
	world_is_up(w);
	world_free(w);
}

static unsigned int kept(const struct ike_sa *sa)
{
	unsigned int i, n = 0;

	for (i = 0; i < IKE_WINDOW; i++)
		n += sa->answers[i] != NULL;
	return n;
}

/* as many as were promised, each the octets that it was; then the request is silence */
static void answers_are_kept_for_a_window(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);
	uint32_t first = bend_sa(&w->b)->next_in;
	struct packet requests[3 * IKE_WINDOW];
	unsigned int answers[3 * IKE_WINDOW];
	unsigned int i, k, sent;

	(void)state;
	for (i = 0; i < 3 * IKE_WINDOW; i++) {
		requests[i] = question(w, first + i);
		send_it(w, &requests[i]);
		answers[i] = w->b.n_log - 1;
		assert_true(is_response(&w->b.log[answers[i]]));
		assert_true(kept(bend_sa(&w->b)) <= IKE_WINDOW);
		for (k = 0; k <= i; k++) {
			sent = w->b.sent;
			send_it(w, &requests[k]);
			assert_int_equal(w->b.sent, sent + (k + IKE_WINDOW > i));
			if (w->b.sent == sent)
				continue;
			assert_int_equal(last_of(&w->b)->len, w->b.log[answers[k]].len);
			assert_memory_equal(last_of(&w->b)->data, w->b.log[answers[k]].data,
					    last_of(&w->b)->len);
		}
	}
	for (i = 0; i < 3 * IKE_WINDOW; i++)
		free(requests[i].data);
	world_free(w);
}

/* also those that overtook others: nothing is forgotten before the window has moved */
static void who_overtakes_is_kept(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);
	uint32_t first = bend_sa(&w->b)->next_in;
	struct packet late = question(w, first + IKE_WINDOW - 1), again = question(w, first + 1);
	unsigned int sent;

	(void)state;
	send_it(w, &late);
	sent = w->b.sent;
	send_it(w, &late);
	assert_int_equal(w->b.sent, sent + 1);
	/* another with the same ID is not it, and not answered by its answer: 2.1 */
	assert_int_equal(node_counter(&w->b, "old"), 0);
	late.data[late.len - 1] ^= 1;
	send_it(w, &late);
	assert_int_equal(w->b.sent, sent + 1);
	assert_int_equal(node_counter(&w->b, "old"), 1);
	send_it(w, &again);
	assert_int_equal(w->b.sent, sent + 2);
	assert_int_equal(bend_sa(&w->b)->next_in, first);
	free(late.data);
	free(again.data);
	world_free(w);
}

static unsigned int no_auth(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)n;
	return p->data[18] != WIRE_IKE_AUTH;
}

/* until the initial exchanges are over it is one, though the request for that says more */
static void one_before_auth(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct packet like;
	struct bend m;

	(void)state;
	w->filter = no_auth;
	node_up(&w->a, NULL);
	world_deliver(w);
	w->filter = NULL;
	like = *last_of(&w->a);
	assert_int_equal(like.data[18], WIRE_IKE_AUTH);
	assert_true(bend_open(w, &like, &m));
	m.hdr.msgid++;
	bend_send(w, &m, &like);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	assert_int_equal(node_counter(&w->b, "old"), 1);
	send_it(w, &like);
	world_is_up(w);
	world_free(w);
}

/* a successor by rekeying begins with one, until it is said again */
static void one_after_rekeying(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);
	uint32_t first;

	(void)state;
	w->now += 1000;
	v2_renew(w->a.ike->sas);
	world_run(w, 5000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	first = bend_sa(&w->b)->next_in;
	ignored(w, first + 1);
	/* B says so in its own request, which A answers and B has the right to be believed then */
	rekey_child(&w->b);
	world_run(w, 5000);
	asked(w, first + 1);
	ignored(w, first + IKE_WINDOW);
	asked(w, first);
	bend_sa(&w->a)->next_out = first + 2;
	rekey_settles(w);
}

/* RFC 7296 2.23: the peer has moved since it sent what comes late */
static void late_ones_move_nobody(void **state)
{
	struct world *w = world_up(&rekey_never, &rekey_never);
	uint32_t first = bend_sa(&w->b)->next_in;
	struct packet late = question(w, first), newer = question(w, first + 1);

	(void)state;
	newer.from.port += 1000;
	send_it(w, &newer);
	assert_int_equal(bend_sa(&w->b)->remote.port, newer.from.port);
	send_it(w, &late);
	assert_int_equal(bend_sa(&w->b)->next_in, first + 2);
	assert_int_equal(bend_sa(&w->b)->remote.port, newer.from.port);
	/* it is answered where it came from all the same: 2.11 */
	assert_int_equal(last_of(&w->b)->to.port, late.from.port);
	free(late.data);
	free(newer.data);
	world_free(w);
}

/* a CREATE_CHILD_SA that A's core made and that did not arrive, opened; A forgets it */
static void rekeying(struct world *w, struct bend *m)
{
	w->cut = true;
	rekey_child(&w->a);
	w->cut = false;
	assert_true(bend_open(w, last_of(&w->a), m));
	assert_int_equal(m->hdr.exchange, WIRE_CREATE_CHILD_SA);
}

static void finish_job(struct world *w, unsigned int i)
{
	const struct ike_job *job = w->jobs[i];

	assert_true(i < w->n_jobs);
	memmove(w->jobs + i, w->jobs + i + 1, (--w->n_jobs - i) * sizeof(job));
	job->run(job->arg);
	job->done(job->arg);
}

/* B's answers from number @from of its log on say this, to these */
static void answered(struct world *w, unsigned int from, unsigned int n, const uint32_t *ids,
		     const uint16_t *notifies)
{
	struct bend m;
	unsigned int i;

	assert_int_equal(w->b.n_log, from + n);
	for (i = 0; i < n; i++) {
		assert_true(bend_open(w, &w->b.log[from + i], &m));
		assert_true(is_response(&w->b.log[from + i]));
		assert_int_equal(m.hdr.msgid, ids[i]);
		assert_int_equal(bend_notify_type(&m), notifies[i]);
		bend_free(&m);
	}
}

/* the SPI that is offered, another one */
static void other_spi(struct bend *m, uint8_t to)
{
	struct bend_pld *sa = bend_find(m, WIRE_PLD_SA);

	/* proposal: 8 octets in front of it */
	assert_int_equal(sa->body.p[6], 4);
	sa->body.p[8] ^= to;
}

static void bent(struct world *w, const struct packet *like, uint32_t msgid, uint8_t spi)
{
	struct bend m;

	assert_true(bend_open(w, like, &m));
	m.hdr.msgid = msgid;
	other_spi(&m, spi);
	/* a further one, not in the place of another */
	bend_remove(&m, bend_find_notify(&m, WIRE_N_REKEY_SA));
	bend_send(w, &m, like);
	world_deliver(w);
}

/* several are in the hands of other threads at once, and are answered as they come back */
static void jobs_at_once(void **state)
{
	struct world *w = world_up(&pfs, &pfs);
	unsigned int from, sas = node_sas(&w->b);
	struct packet like;
	struct bend m;
	uint32_t first;

	(void)state;
	w->now += 1000;
	rekeying(w, &m);
	like = *last_of(&w->a);
	bend_free(&m);
	first = bend_sa(&w->b)->next_in;
	from = w->b.n_log;
	w->cut = true;
	w->defer_jobs = true;
	bent(w, &like, first, 1);
	bent(w, &like, first + 2, 2);
	bent(w, &like, first + 1, 3);
	assert_int_equal(w->n_jobs, 3);
	assert_int_equal(bend_sa(&w->b)->n_negotiations_in, 3);
	/* repeated meanwhile: no second job */
	bent(w, &like, first + 2, 2);
	assert_int_equal(w->n_jobs, 3);
	/* and what needs no job overtakes them */
	asked(w, first + 3);
	ignored(w, first + 4);
	finish_job(w, 1);
	assert_int_equal(bend_sa(&w->b)->n_negotiations_in, 2);
	finish_job(w, 1);
	assert_int_equal(bend_sa(&w->b)->next_in, first);
	finish_job(w, 0);
	assert_int_equal(bend_sa(&w->b)->next_in, first + 4);
	assert_int_equal(bend_sa(&w->b)->n_negotiations_in, 0);
	answered(w, from, 4, (uint32_t[]){ first + 3, first + 2, first + 1, first },
		 (uint16_t[]){ 0, 0, 0, 0 });
	/* each has its inbound SA; outbound the old one goes on, RFC 7296 2.8 */
	assert_int_equal(node_sas(&w->b), sas + 3);
	w->defer_jobs = false;
	world_free(w);
}

/* while CHILD SAs are made the IKE SA is not rekeyed (2.25.1), and the other way round (2.25.2) */
static void dependent_requests(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = world_up(&pfs, &pfs);
		struct packet child, ike;
		unsigned int from;
		struct bend m;
		uint32_t first;

		w->now += 1000;
		first = bend_sa(&w->b)->next_in;
		from = w->b.n_log;
		rekeying(w, &m);
		bend_free(&m);
		child = *last_of(&w->a);
		/* the same without selectors and with an SPI of 8 octets is for the IKE SA */
		assert_true(bend_open(w, &child, &m));
		bend_free(&m);
		w->cut = true;
		ike_retrans_stop(bend_sa(&w->a));
		bend_sa(&w->a)->negotiation = NULL;
		v2_renew(bend_sa(&w->a));
		w->cut = false;
		ike = *last_of(&w->a);
		w->defer_jobs = true;
		if (i) {
			assert_true(bend_open(w, &ike, &m));
			m.hdr.msgid = first + 1;
			bend_send(w, &m, &ike);
			world_deliver(w);
			send_it(w, &child);
		} else {
			send_it(w, &child);
			assert_true(bend_open(w, &ike, &m));
			m.hdr.msgid = first + 1;
			bend_send(w, &m, &ike);
			world_deliver(w);
		}
		assert_int_equal(w->n_jobs, 1);
		answered(w, from, 1, (uint32_t[]){ i ? first : first + 1 },
			 (uint16_t[]){ WIRE_N_TEMPORARY_FAILURE });
		w->cut = true;
		finish_job(w, 0);
		answered(w, from + 1, 1, (uint32_t[]){ i ? first + 1 : first }, (uint16_t[]){ 0 });
		w->defer_jobs = false;
		world_free(w);
	}
}

/* what a job works for goes by a request that overtook it: it is still answered */
static void overtaken_by_a_delete(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = world_up(&pfs, &pfs);
		uint32_t first = bend_sa(&w->b)->next_in, spi;
		unsigned int from = w->b.n_log;
		struct packet child;
		struct bend m;

		w->now += 1000;
		spi = node_newest(&w->a, NFIPSEC_DIR_IN)->spi;
		rekeying(w, &m);
		bend_free(&m);
		child = *last_of(&w->a);
		w->defer_jobs = true;
		send_it(w, &child);
		assert_int_equal(w->n_jobs, 1);
		bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
		bend_sa(&w->a)->next_out--;
		m.hdr.msgid = first + 1;
		bend_delete(&m, i ? PROTO_IKE : PROTO_ESP, i ? NULL : &spi, i ? 0 : 1);
		bend_send_from(&w->a, &m);
		w->cut = false;
		world_step(w, &w->a);
		w->cut = true;
		finish_job(w, 0);
		if (i) {
			/* RFC 7296 1.4.1: with the IKE SA goes all that it was to bring */
			assert_int_equal(w->b.n_log, from + 1);
			assert_int_equal(node_sas(&w->b), 0);
		} else {
			answered(w, from, 2, (uint32_t[]){ first + 1, first }, (uint16_t[]){ 0, 0 });
			assert_int_equal(node_sas(&w->b), 2);
			assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->spi, spi);
		}
		w->defer_jobs = false;
		world_free(w);
	}
}

/* two messages in fragments that come mixed up: RFC 7383 2.6 for each of them */
static void fragments_of_several(void **state)
{
	static const struct world_conf small = { .extra_peer = "fragmentation 256\n dpd 0s\n" };
	static const uint8_t filler[300];
	struct world *w = world_new(&small, &small);
	struct bytes rest[2], one;
	struct buf msg[2];
	struct packet like;
	struct v2_out out;
	uint32_t first;
	unsigned int i, n = 0, sent;

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 500);
	world_is_up(w);
	first = bend_sa(&w->b)->next_in;
	like = (struct packet){ .from = bend_sa(&w->a)->local, .to = bend_sa(&w->a)->remote };
	for (i = 0; i < 2; i++) {
		buf_init(&msg[i]);
		v2_out_init(&out);
		v2_put_notify(&out, 50000, (struct bytes){ filler, sizeof(filler) });
		assert_true(v2_seal(bend_sa(&w->a), WIRE_INFORMATIONAL, false, first + i, &out, &msg[i]));
		v2_out_free(&out);
		rest[i] = buf_bytes(&msg[i]);
	}
	sent = w->b.sent;
	while (ike_datagram(&rest[n & 1], &one)) {
		like.data = (uint8_t *)one.p;
		like.len = one.len;
		send_it(w, &like);
		n++;
	}
	assert_true(n >= 4);
	assert_int_equal(w->b.sent, sent + 2);
	assert_int_equal(node_counter(&w->b, "fragment_refused"), 0);
	assert_int_equal(bend_sa(&w->b)->next_in, first + 2);
	for (i = 0; i < 2; i++)
		buf_free(&msg[i]);
	bend_sa(&w->a)->next_out = first + 2;
	world_run(w, 30000);
	world_is_up(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_is_announced),
		cmocka_unit_test(requests_in_any_order),
		cmocka_unit_test(outside_is_ignored),
		cmocka_unit_test(answers_are_kept_for_a_window),
		cmocka_unit_test(who_overtakes_is_kept),
		cmocka_unit_test(one_before_auth),
		cmocka_unit_test(one_after_rekeying),
		cmocka_unit_test(late_ones_move_nobody),
		cmocka_unit_test(jobs_at_once),
		cmocka_unit_test(dependent_requests),
		cmocka_unit_test(overtaken_by_a_delete),
		cmocka_unit_test(fragments_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
