// SPDX-License-Identifier: GPL-2.0
/* Two ends that begin at once end up with one IKE SA and one CHILD SA, in every order of events. */
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

#define STEPS_MAX 64

/* a path through all that may happen next: at step i the choice[i]th of radix[i] */
struct path {
	unsigned int choice[STEPS_MAX], radix[STEPS_MAX], n, limit;
};

/* the next path; false: that was the last */
static bool path_next(struct path *p)
{
	while (p->n) {
		if (++p->choice[p->n - 1] < p->radix[p->n - 1])
			return true;
		p->n--;
	}
	return false;
}

/* beyond @limit always the first */
static unsigned int path_choose(struct path *p, unsigned int at, unsigned int radix)
{
	if (at >= p->limit || radix < 2)
		return 0;
	if (at == p->n) {
		p->choice[at] = 0;
		p->n++;
	}
	p->radix[at] = radix;
	return p->choice[at];
}

static int first_for(const struct world *w, const struct node *n)
{
	unsigned int i;

	for (i = 0; i < w->n_queue; i++)
		if (addr_equal(&w->queue[i].to.addr, &n->addr))
			return i;
	return -1;
}

static void deliver_one(struct world *w, struct node *n)
{
	int at = first_for(w, n);
	struct packet p = w->queue[at];

	memmove(w->queue + at, w->queue + at + 1, (--w->n_queue - at) * sizeof(p));
	ike_input(n->ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
	ike_tick(n->ike, w->now);
	free(p.data);
}

static void run_job(struct world *w, unsigned int at)
{
	const struct ike_job *job = w->jobs[at];

	memmove(w->jobs + at, w->jobs + at + 1, (--w->n_jobs - at) * sizeof(job));
	job->run(job->arg);
	job->done(job->arg);
	ike_tick(w->a.ike, w->now);
	ike_tick(w->b.ike, w->now);
}

static unsigned int outs(const struct node *n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < WORLD_SAS; i++)
		sum += n->sas[i].used && n->sas[i].dir == NFIPSEC_DIR_OUT;
	return sum;
}

struct watch {
	bool a, b;
};

/* who could send once can always send */
static void watch(const struct world *w, struct watch *seen)
{
	assert_true(!seen->a || outs(&w->a));
	assert_true(!seen->b || outs(&w->b));
	seen->a = seen->a || outs(&w->a);
	seen->b = seen->b || outs(&w->b);
}

/* @start_b: is the start of b still to come, and one of the choices? */
static void play(struct world *w, struct path *p, bool start_b, void (*start)(struct node *n))
{
	struct watch seen = { outs(&w->a), outs(&w->b) };
	unsigned int at = 0, n, jobs, pick;
	struct node *to[2];

	for (;;) {
		/* 0, 1: a message to that node; then a job, and the start */
		n = 0;
		if (first_for(w, &w->a) >= 0)
			to[n++] = &w->a;
		if (first_for(w, &w->b) >= 0)
			to[n++] = &w->b;
		jobs = w->n_jobs < 2 ? w->n_jobs : 2;
		if (!n && !jobs && !start_b)
			break;
		pick = path_choose(p, at, n + jobs + start_b);
		at += n + jobs + start_b > 1;
		if (pick < n) {
			deliver_one(w, to[pick]);
		} else if (pick < n + jobs) {
			run_job(w, pick - n);
		} else {
			start_b = false;
			start(&w->b);
			ike_tick(w->b.ike, w->now);
		}
		watch(w, &seen);
	}
}

static void start_up(struct node *n)
{
	node_up(n, NULL);
}

/* the half-open one that nobody completes is forgotten, and a DELETE may have been lost */
static void settled(struct world *w)
{
	world_run(w, 60000);
	world_is_up(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
}

/* each order of events several times, for the nonces decide, too */
static void crossing(unsigned int limit, bool slow, unsigned int times, unsigned int least)
{
	unsigned int runs = 0, crossed = 0;
	struct path p;
	struct world *w;

	for (; times; times--) {
		p = (struct path){ .limit = limit };
		do {
			w = world_new(NULL, NULL);
			w->defer_jobs = slow;
			node_up(&w->a, NULL);
			play(w, &p, true, start_up);
			w->defer_jobs = false;
			assert_true(w->a.up_done && w->b.up_done);
			assert_string_equal(w->a.up_error, "");
			assert_string_equal(w->b.up_error, "");
			crossed += node_count(&w->a, IKE_EVENT_IKE_UP) == 2;
			settled(w);
			world_free(w);
			runs++;
		} while (path_next(&p));
	}
	print_message("# %u orders of events, in %u two IKE SAs were up\n", runs, crossed);
	assert_true(runs >= least);
	assert_true(crossed > 10 && crossed < runs);
}

static void crossing_starts(void **state)
{
	(void)state;
	crossing(STEPS_MAX, false, 10, 200);
}

/* Diffie-Hellman takes its time, too, and messages come in between */
static void crossing_slow_starts(void **state)
{
	(void)state;
	crossing(9, true, 1, 200);
}

static unsigned int lose_one(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	return n != w->filter_arg;
}

/* whichever message is lost */
static void crossing_with_loss(void **state)
{
	struct world *w;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 16; i++) {
		for (k = 0; k < 4; k++) {
			w = world_new(NULL, NULL);
			w->filter = lose_one;
			w->filter_arg = i;
			node_up(&w->a, NULL);
			node_up(&w->b, NULL);
			world_run(w, 10000);
			assert_true(w->a.up_done && w->b.up_done);
			assert_string_equal(w->a.up_error, "");
			assert_string_equal(w->b.up_error, "");
			settled(w);
			world_free(w);
		}
	}
}

static unsigned int any_loss(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)p;
	(void)n;
	/* lost, once or twice */
	return rand() % 4 ? 1 : rand() % 3;
}

static void crossing_in_bad_weather(void **state)
{
	static const struct world_conf c = { .start = "at-load", .extra_peer = "dpd 10s\n" };
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 60; i++) {
		srand(i);
		w = world_new(&c, &c);
		w->filter = any_loss;
		w->lifo = i & 1;
		world_run(w, 60000);
		w->filter = NULL;
		w->lifo = false;
		world_run(w, 120000);
		assert_int_equal(node_sas(&w->a), 2);
		assert_int_equal(node_sas(&w->b), 2);
		world_check_pairs(w);
		assert_int_equal(node_ike_sas(&w->a, NULL), 1);
		assert_int_equal(node_ike_sas(&w->b, NULL), 1);
		world_free(w);
	}
}

/* the same with a second tunnel, for which there is an IKE SA already */
static const struct world_conf two_a = {
	.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
		   "access-list m { 10 protect ip from 10.11.0.0/16 to 10.12.0.0/16",
	.tunnels = " tunnel u { access-list m esp aes128gcm16 mode tunnel start manual }\n",
}, two_b = {
	.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }\n"
		   "access-list m { 10 protect ip from 10.12.0.0/16 to 10.11.0.0/16",
	.tunnels = " tunnel u { access-list m esp aes128gcm16 mode tunnel start manual }\n",
};

static void start_second(struct node *n)
{
	node_up(n, "u");
}

static void two_children(struct world *w)
{
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 0);
}

static void crossing_children(void **state)
{
	struct path p;
	unsigned int runs = 0, i;
	struct world *w;

	(void)state;
	for (i = 0; i < 10; i++) {
		p = (struct path){ .limit = STEPS_MAX };
		do {
			w = world_new(&two_a, &two_b);
			node_up(&w->a, "t");
			world_deliver(w);
			world_run(w, 1000);
			start_second(&w->a);
			play(w, &p, true, start_second);
			assert_true(w->a.up_done && w->b.up_done);
			world_run(w, 30000);
			two_children(w);
			world_free(w);
			runs++;
		} while (path_next(&p));
	}
	assert_true(runs > 20);
}

/* each end begins with another tunnel: both are on the IKE SA that stays */
static void crossing_of_two_tunnels(void **state)
{
	struct path p;
	unsigned int runs = 0, i;
	struct world *w;

	(void)state;
	for (i = 0; i < 10; i++) {
		p = (struct path){ .limit = STEPS_MAX };
		do {
			w = world_new(&two_a, &two_b);
			node_up(&w->a, "t");
			play(w, &p, true, start_second);
			assert_true(w->a.up_done && w->b.up_done);
			world_run(w, 60000);
			two_children(w);
			world_free(w);
			runs++;
		} while (path_next(&p));
	}
	assert_true(runs > 100);
}

/* a peer that forgot its SAs and does not say so */
static void peer_forgets(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	world_run(w, 5000);
	node_crash(&w->b);
	memset(w->b.sas, 0, WORLD_SAS * sizeof(*w->b.sas));
	ike_set_conf(w->b.ike, w->b.conf, w->now);
	node_up(&w->b, NULL);
	world_run(w, 30000);
	world_is_up(w);
	world_free(w);
}

/* a peer that dies and comes back: what it has forgotten can be closed as often as that */
static void peer_forgets_often(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		/* no INITIAL_CONTACT: its module has SAs */
		node_crash(&w->b);
		node_adopt(&w->b);
		world_run(w, 8000);
		assert_int_equal(node_ike_sas(&w->a, NULL), 1);
		assert_int_equal(node_sas(&w->a), 2);
	}
	world_free(w);
}

/* what it has of an earlier run keeps it from INITIAL_CONTACT */
static void say_no_contact(struct node *n, const char *tunnel)
{
	struct kern_sa *sa = calloc(1, sizeof(*sa));

	strcpy(sa->tunnel, tunnel);
	sa->dir = NFIPSEC_DIR_IN;
	sa->n_sels = 1;
	addr_parse("10.99.0.1", &sa->sels[0].src.min);
	sa->sels[0].src.max = sa->sels[0].dst.min = sa->sels[0].dst.max = sa->sels[0].src.min;
	ike_adopt(n->ike, sa);
	free(sa);
}

/*
 * A peer that wants two and initiates again whenever one is closed, here one with two
 * blocks for the same: that comes to rest, with both of them.
 */
static void not_again_and_again(void **state)
{
	static const struct world_conf two = {
		.start = "at-load",
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }\n"
			   "access-list m { 10 protect ip from 10.2.0.0/16 to 10.1.0.0/16",
		.extra_peer = "tunnel t { access-list m esp aes128gcm16 start at-load }\n}\n"
			      "peer q {\n local address 192.0.2.2 id fqdn b.example.com\n"
			      " remote address 192.0.2.1 id fqdn a.example.com\n auth psk\n"
			      " ike aes128gcm16-prfsha256-x25519\n",
	};
	struct world *w = world_new(NULL, &two);
	unsigned int ups;

	(void)state;
	say_no_contact(&w->b, "p/t");
	say_no_contact(&w->b, "q/t");
	world_run(w, 60000);
	ups = node_count(&w->a, IKE_EVENT_IKE_UP);
	assert_true(ups > 3 && ups < 12);
	world_run(w, 120000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), ups);
	assert_int_equal(node_ike_sas(&w->a, "established"), 2);
	world_check_pairs(w);
	ike_shutdown(w->a.ike, w->now);
	world_deliver(w);
	world_free(w);
}

/* a peer that initiates again, faster than any SA is closed, without INITIAL_CONTACT */
static void as_many_as_there_may_be(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int i;

	(void)state;
	w->a.ike->limits.sas_of_id_max = 10;
	for (i = 0; i < 30; i++) {
		node_crash(&w->b);
		memset(w->b.sas, 0, WORLD_SAS * sizeof(*w->b.sas));
		ike_set_conf(w->b.ike, w->b.conf, w->now);
		say_no_contact(&w->b, "p/t");
		node_up(&w->b, NULL);
		world_deliver(w);
		assert_in_range(node_ike_sas(&w->a, "established"), 1, 10);
		/* the newest is there, whichever went */
		assert_string_equal(w->b.up_error, "");
		assert_int_equal(node_sas(&w->b), 2);
	}
	assert_int_equal(node_ike_sas(&w->a, "established"), 10);
	world_run(w, 100000);
	world_is_up(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crossing_starts),
		cmocka_unit_test(crossing_slow_starts),
		cmocka_unit_test(crossing_with_loss),
		cmocka_unit_test(crossing_in_bad_weather),
		cmocka_unit_test(crossing_children),
		cmocka_unit_test(crossing_of_two_tunnels),
		cmocka_unit_test(peer_forgets),
		cmocka_unit_test(peer_forgets_often),
		cmocka_unit_test(not_again_and_again),
		cmocka_unit_test(as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
