// SPDX-License-Identifier: GPL-2.0
/* `child-sa per-entry`: each protect entry has a CHILD SA of its own. RFC 7296 2.9, 2.9.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_bend.h"
#include "ike_world.h"

#define ENTRIES_A "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n" \
		  "20 bypass ip from 10.1.0.0/16 to 10.9.0.0/16\n" \
		  "30 protect ip from 10.1.0.0/16 to 10.4.0.0/16"
#define ENTRIES_B "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n" \
		  "30 protect ip from 10.4.0.0/16 to 10.1.0.0/16"

static const struct world_conf each_a = { .entries = ENTRIES_A,
					  .extra_tunnel = "child-sa per-entry" };
static const struct world_conf each_b = { .entries = ENTRIES_B,
					  .extra_tunnel = "child-sa per-entry" };
static const struct world_conf all_a = { .entries = ENTRIES_A };
static const struct world_conf all_b = { .entries = ENTRIES_B };

/* the outbound SAs that carry packets to @dst alone */
static unsigned int sas_to(const struct node *n, const char *dst)
{
	const struct fake_sa *sa;
	unsigned int found = 0;
	char s[TS_STRLEN];

	for (sa = n->sas; sa < n->sas + WORLD_SAS; sa++)
		found += sa->used && sa->dir == NFIPSEC_DIR_OUT && sa->n_sels == 1 &&
			 !strcmp(ts_str(&sa->sels[0].dst, s, sizeof(s)), dst);
	return found;
}

static void one_for_each(const struct world *w)
{
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	assert_int_equal(sas_to(&w->a, "10.2.0.0/16"), 1);
	assert_int_equal(sas_to(&w->a, "10.4.0.0/16"), 1);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 0);
}

/* the one between these two */
static struct fake_sa *out(struct node *n, const char *src, const char *dst)
{
	char s[TS_STRLEN], d[TS_STRLEN];
	struct fake_sa *sa;

	for (sa = n->sas; sa < n->sas + WORLD_SAS; sa++)
		if (sa->used && sa->dir == NFIPSEC_DIR_OUT &&
		    !strcmp(ts_str(&sa->sels[0].src, s, sizeof(s)), src) &&
		    !strcmp(ts_str(&sa->sels[0].dst, d, sizeof(d)), dst))
			return sa;
	fail();
	return NULL;
}

/* who asks for the tunnel gets all of it, and is told when all of it is there */
static void up_is_all_entries(void **state)
{
	struct world *w = world_new(&each_a, &each_b);

	(void)state;
	w->defer_jobs = true;
	node_up(&w->a, NULL);
	while (w->n_jobs) {
		assert_int_equal(w->a.up_done, node_sas(&w->a) == 4);
		world_jobs(w);
		world_deliver(w);
	}
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	one_for_each(w);
	world_check_pairs(w);
	world_free(w);
}

/* by traffic each when a packet of its own comes, also while another is being made */
static void by_traffic(void **state)
{
	struct world *w = world_new(&each_a, &each_b);

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.4.0.1");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(sas_to(&w->a, "10.4.0.0/16"), 1);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	one_for_each(w);
	world_free(w);

	w = world_new(&each_a, &each_b);
	node_acquire(&w->a, "10.1.0.1", "10.4.0.1");
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	node_acquire(&w->a, "10.1.0.7", "10.4.0.1");
	node_acquire(&w->a, "10.1.0.7", "10.2.0.1");
	world_deliver(w);
	one_for_each(w);
	world_free(w);
}

/* RFC 7296 2.9.2: the successor carries what its predecessor did, and no more */
static void rekeyed_for_its_entry(void **state)
{
	struct world *w = world_new(&each_a, &each_b);
	uint32_t other, spi;
	unsigned int i;

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	other = out(&w->a, "10.1.0.0/16", "10.2.0.0/16")->spi;
	for (i = 0; i < 2; i++) {
		spi = out(&w->a, "10.1.0.0/16", "10.4.0.0/16")->spi;
		if (i)
			node_expire(&w->b, out(&w->b, "10.4.0.0/16", "10.1.0.0/16"), false);
		else
			node_expire(&w->a, out(&w->a, "10.1.0.0/16", "10.4.0.0/16"), false);
		world_run(w, 1000);
		one_for_each(w);
		world_check_pairs(w);
		assert_int_not_equal(out(&w->a, "10.1.0.0/16", "10.4.0.0/16")->spi, spi);
	}
	assert_int_equal(out(&w->a, "10.1.0.0/16", "10.2.0.0/16")->spi, other);
	world_free(w);
}

/* a responder with SAs for each narrows what is offered for all to one of them */
static void responder_narrows(void **state)
{
	struct world *w = world_new(&all_a, &each_b);

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.4.0.1");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(sas_to(&w->a, "10.4.0.0/16"), 1);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	one_for_each(w);
	world_free(w);
}

/* what an initiator with SAs for each asks for, a responder with one for all grants */
static void responder_grants(void **state)
{
	struct world *w = world_new(&each_a, &all_b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	one_for_each(w);
	world_check_pairs(w);
	world_free(w);
}

/* an entry that the peer does not have is told; the others come up */
static void one_is_refused(void **state)
{
	static const struct world_conf b = { .extra_tunnel = "child-sa per-entry" };
	struct world *w = world_new(&each_a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(sas_to(&w->a, "10.2.0.0/16"), 1);
	world_free(w);
}

static unsigned int refusals;	/* that single_pair() still makes */
static struct bend m;

/* number of selectors that a message offers, TSi and TSr alike at most */
static unsigned int offered(struct bend *b)
{
	return bend_find(b, WIRE_PLD_TSI)->body.p[0] > bend_find(b, WIRE_PLD_TSR)->body.p[0] ?
	       bend_find(b, WIRE_PLD_TSI)->body.p[0] : bend_find(b, WIRE_PLD_TSR)->body.p[0];
}

/* b's answer becomes SINGLE_PAIR_REQUIRED, as the answer of who takes no more */
static unsigned int single_pair(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	if (!refusals || p->data[18] == WIRE_IKE_SA_INIT || !bend_open(w, p, &m))
		return 1;
	if (!bend_find(&m, WIRE_PLD_TSI) || !(m.hdr.flags & WIRE_FLAG_RESPONSE)) {
		bend_free(&m);
		return 1;
	}
	refusals--;
	bend_remove(&m, bend_find(&m, WIRE_PLD_SA));
	bend_remove(&m, bend_find(&m, WIRE_PLD_TSI));
	bend_remove(&m, bend_find(&m, WIRE_PLD_TSR));
	bend_notify(&m, 0, (struct bytes){ NULL, 0 }, WIRE_N_SINGLE_PAIR_REQUIRED,
		    (struct bytes){ NULL, 0 });
	bend_send(w, &m, p);
	return 0;
}

/* RFC 7296 2.9, 3.10.1: in IKE_AUTH and behind it, each entry is asked for alone */
static void single_pair_is_required(void **state)
{
	struct world *w = world_new(&all_a, &each_b);

	(void)state;
	refusals = 1;
	w->filter = single_pair;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(refusals, 0);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(sas_to(&w->a, "10.2.0.0/16"), 1);
	assert_int_equal(sas_to(&w->a, "10.4.0.0/16"), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "SINGLE_PAIR_REQUIRED): each entry of access-list l gets its own"));
	w->filter = NULL;
	node_down(&w->a, NULL);
	world_run(w, 1000);
	/* `down` forgets it: the next try offers the whole list */
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(bend_open(w, &w->a.log[w->a.n_log - 1], &m));
	assert_true(offered(&m) > 1);
	bend_free(&m);
	node_down(&w->a, NULL);
	world_run(w, 1000);
	world_free(w);

	/* by traffic: the entry of the packet, without the packet's own pair */
	w = world_new(&all_a, &each_b);
	refusals = 1;
	w->filter = single_pair;
	node_acquire(&w->a, "10.1.0.1", "10.4.0.1");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(sas_to(&w->a, "10.4.0.0/16"), 1);
	assert_true(bend_open(w, &w->a.log[w->a.n_log - 1], &m));
	assert_int_equal(offered(&m), 1);
	bend_free(&m);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	w->filter = NULL;
	node_down(&w->a, NULL);
	world_run(w, 1000);
	world_free(w);

	/* A peer refuses even one pair: the daemon reports that, and does not ask again at once. */
	w = world_new(&all_a, &each_b);
	refusals = 3;
	w->filter = single_pair;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "SINGLE_PAIR_REQUIRED"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 2);
	w->filter = NULL;
	node_down(&w->a, NULL);
	node_down(&w->b, NULL);
	world_run(w, 1000);
	world_free(w);
}

#define MANY	1000

/* an access list of MANY entries, each for a port */
static char *many_entries(const char *from, const char *to)
{
	char *list = calloc(MANY, 80);
	unsigned int i;
	size_t at = 0;

	for (i = 1; i <= MANY; i++)
		at += sprintf(list + at, "%u protect tcp from %s to %s port %u\n", i, from, to, i);
	return list;
}

/* all come up on one IKE SA, and all go with one word of the operator's */
static void a_thousand(void **state)
{
	struct world_conf a = { .extra_tunnel = "child-sa per-entry\n", .start = "at-load" }, b = { .start = "manual" };
	char *list = many_entries("10.1.0.0/16", "10.2.0.0/16");
	struct world *w;

	(void)state;
	a.entries = list;
	b.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16";
	world_room(2 * MANY + 10);
	w = world_new(&a, &b);
	world_room(WORLD_SAS);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 2 * MANY);
	assert_int_equal(node_sas(&w->b), 2 * MANY);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
	node_up(&w->a, NULL);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	/* a list that is another: each is deleted by name */
	a.entries = NULL;
	a.start = "manual";
	world_load(&w->a, &a);
	world_run(w, 3000);
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_sas(&w->b), 0);
	world_free(w);
	free(list);
}

/* A tunnel that starts at load comes back whole, whichever packet came during an earlier start. */
static void whole_after_a_packet(void **state)
{
	static const struct world_conf
		a = {
			.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
				   "30 protect ip from 10.1.0.0/16 to 10.4.0.0/16",
			.start = "at-load", .extra_tunnel = "child-sa per-entry",
		},
		b = {
			.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n"
				   "30 protect ip from 10.4.0.0/16 to 10.1.0.0/16",
			.start = "manual", .extra_tunnel = "child-sa per-entry",
		};
	struct world *w = world_new(&a, &b);

	(void)state;
	world_run(w, 3000);
	assert_int_equal(node_sas(&w->a), 4);
	node_down(&w->b, NULL);
	world_run(w, 100);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 20000);
	node_acquire(&w->a, "10.1.0.1", "10.4.0.1");
	world_run(w, 20000);
	node_down(&w->b, NULL);
	world_run(w, 20000);
	assert_int_equal(node_sas(&w->a), 4);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_is_all_entries),
		cmocka_unit_test(by_traffic),
		cmocka_unit_test(rekeyed_for_its_entry),
		cmocka_unit_test(responder_narrows),
		cmocka_unit_test(responder_grants),
		cmocka_unit_test(one_is_refused),
		cmocka_unit_test(single_pair_is_required),
		cmocka_unit_test(whole_after_a_packet),
		cmocka_unit_test(a_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
