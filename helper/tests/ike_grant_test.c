// SPDX-License-Identifier: GPL-2.0
/* A peer that grants less than the access list has (RFC 7296 2.9): what is said of it, and what is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

#define TWO_LISTS "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n20 protect ip from 10.1.0.0/16 to 10.3.0.0/16"

/* Returns the part number @i of the list that has no SA. The next call overwrites it. */
static const char *no_sa(struct node *n, size_t i)
{
	static json_t *last;
	const json_t *peer, *tunnel;

	json_decref(last);
	last = ike_show(n->ike, n->w->now);
	peer = json_array_get(json_object_get(last, "peers"), 0);
	tunnel = json_array_get(json_object_get(peer, "tunnels"), 0);
	return json_string_value(json_array_get(json_object_get(tunnel, "no_sa"), i));
}

static void assert_no_sa(struct node *n, const char *const *parts)
{
	size_t i;

	for (i = 0; parts[i]; i++) {
		if (!no_sa(n, i))
			fail_msg("'%s' is not named", parts[i]);
		assert_string_equal(no_sa(n, i), parts[i]);
	}
	assert_null(no_sa(n, i));
}

/* the peer has these entries; what this end, with @ours, has no SA for */
static void granted(const char *ours, const char *theirs, const char *const *missing)
{
	struct world_conf a = { .entries = ours }, b = { .entries = theirs };
	struct world *w = world_new(&a, &b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(node_sas(&w->a) > 0);
	assert_no_sa(&w->a, missing);
	if (missing[0]) {
		assert_non_null(strstr(w->a.up_error, "p/t: it is up, but the peer granted only a part of access-list l: "));
		assert_non_null(strstr(w->a.up_error, missing[0]));
		assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, missing[0]));
	} else {
		assert_string_equal(w->a.up_error, "");
		assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	}
	/* the responder did not ask for more: that is no error there */
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 0);
	world_free(w);
}

static void parts_of_a_list(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const entry[] = { "entry 20: 10.1.0.0/16 === 10.3.0.0/16", NULL };
	static const char *const around[] = { "entry 10: 10.1.0.0/16 === 10.2.0.0/18",
					      "entry 10: 10.1.0.0/16 === 10.2.128.0/17", NULL };
	static const char *const both_sides[] = { "entry 10: 10.1.0.0/17 === 10.2.0.0/16",
						  "entry 10: 10.1.128.0/17 === 10.2.0.0/17", NULL };
	static const char *const proto[] = { "entry 10: 10.1.0.0/16 === 10.2.0.0/16", NULL };
	static const char *const ports[] = { "entry 10: tcp 10.1.0.0/16 === tcp 10.2.0.0/16 port 80-89",
					     "entry 10: tcp 10.1.0.0/16 === tcp 10.2.0.0/16 port 91-99", NULL };

	(void)state;
	granted(TWO_LISTS, "10 protect ip from 10.0.0.0/8 to 10.0.0.0/8", none);
	granted(TWO_LISTS, "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16", entry);
	granted("10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
		"10 protect ip from 10.2.64.0/18 to 10.1.0.0/16", around);
	granted("10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
		"10 protect ip from 10.2.128.0/17 to 10.1.128.0/17", both_sides);
	/* two halves are the whole */
	granted("10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
		"10 protect ip from 10.2.0.0/17 to 10.1.0.0/16\n20 protect ip from 10.2.128.0/17 to 10.1.0.0/16", none);
	/* of TCP alone the rest has no name */
	granted("10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
		"10 protect tcp from 10.2.0.0/16 to 10.1.0.0/16", proto);
	granted("10 protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port 80-99",
		"10 protect tcp from 10.2.0.0/16 port 90 to 10.1.0.0/16", ports);
}

static void other_end_sees_it(void **state)
{
	static const struct world_conf a = { .entries = TWO_LISTS };
	static const char *const entry[] = { "entry 20: 10.1.0.0/16 === 10.3.0.0/16", NULL };
	struct world *w = world_new(&a, NULL);

	(void)state;
	/* the peer asked for what it has: here a part has no SA, which `show peers` says, and no line */
	node_up(&w->b, NULL);
	world_deliver(w);
	assert_string_equal(w->b.up_error, "");
	assert_no_sa(&w->a, entry);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	/* `up` fails with the reason, though the daemon negotiates nothing */
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(strstr(w->a.up_error, entry[0]));
	world_free(w);
}

/* packets outside of what was granted, ten a second for ten minutes */
static void exchanges_are_few(void **state)
{
	static const struct world_conf a = { .entries = TWO_LISTS };
	struct world *w = world_new(&a, NULL);
	unsigned int i, sent;

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 5000);
	sent = w->a.sent;
	for (i = 0; i < 6000; i++) {
		node_acquire(&w->a, "10.1.0.1", "10.3.0.1");
		world_run(w, 100);
	}
	/* 1, 2, 4, 8, 16 s, then one in 30 s; each with a DELETE of what was not wanted, and DPD beside it */
	assert_in_range(w->a.sent - sent, 10, 90);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
	/* one line for all of it */
	assert_true(w->a.n_loud <= 2);
	/* what was granted still flows, and asks for nothing */
	sent = w->a.sent;
	for (i = 0; i < 10; i++)
		node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	assert_int_equal(w->a.sent, sent);
	world_free(w);
}

/* A host that sends to what the peer does not grant keeps no other host from its SA. */
static void no_host_starves_another(void **state)
{
	static const struct world_conf a = { .entries =
		"10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
		"20 protect ip from 10.1.0.0/16 to 10.3.0.0/16\n"
		"30 protect ip from 10.1.0.0/16 to 10.4.0.0/16\n" };
	static const struct world_conf b = { .extra_tunnel = "child-sa per-entry", .entries =
		"10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n"
		"30 protect ip from 10.4.0.0/16 to 10.1.0.0/16\n" };
	const struct fake_sa *sa;
	struct world *w = world_new(&a, &b);
	bool has = false;
	unsigned int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		node_acquire(&w->a, "10.1.0.66", "10.3.0.1");
		world_run(w, 100);
	}
	for (i = 0; i < 20; i++) {
		node_acquire(&w->a, "10.1.0.7", "10.4.0.1");
		node_acquire(&w->a, "10.1.0.66", "10.3.0.1");
		world_run(w, 100);
	}
	for (sa = w->a.sas; sa < w->a.sas + WORLD_SAS; sa++)
		has |= sa->used && sa->dir == NFIPSEC_DIR_OUT && sa->sels[0].dst.min.a[1] == 4;
	assert_true(has);
	world_free(w);
}

static void per_entry(void **state)
{
	static const struct world_conf a = { .entries = TWO_LISTS, .extra_tunnel = "child-sa per-entry" };
	static const struct world_conf b = { .entries = "10 protect ip from 10.2.0.0/17 to 10.1.0.0/16\n"
							"20 protect ip from 10.3.0.0/16 to 10.1.0.0/16",
					     .extra_tunnel = "child-sa per-entry" };
	static const char *const half[] = { "entry 10: 10.1.0.0/16 === 10.2.128.0/17", NULL };
	struct world *w = world_new(&a, &b);

	(void)state;
	/* an entry without a packet has no SA, and lacks none */
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	assert_no_sa(&w->a, half);
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_non_null(strstr(w->a.up_error, half[0]));
	assert_no_sa(&w->a, half);
	world_free(w);
}

static void verify_says_so(void **state)
{
	static const struct world_conf a = { .entries = TWO_LISTS };
	struct world *w = world_new(&a, NULL);

	(void)state;
	ike_verify(w->a.ike, "p", NULL, NULL, NULL, w->now);
	world_run(w, 5000);
	assert_non_null(node_line(&w->a, IKE_EVENT_VERIFY, "entry 20: 10.1.0.0/16 === 10.3.0.0/16"));
	/* what is up is tried all the same */
	assert_int_equal(node_count(&w->a, IKE_EVENT_VERIFY), 3);
	world_free(w);
}

/* the two lists of a message do not say which port belongs to which pair */
static void pairs_keep_ports(void **state)
{
	static const struct world_conf a = {
		.entries = "10 protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port 80\n"
			   "20 protect tcp from 10.1.0.0/16 port 22 to 10.2.0.0/16",
	}, b = {
		.entries = "10 protect tcp from 10.2.0.0/16 port 80 to 10.1.0.0/16\n"
			   "20 protect tcp from 10.2.0.0/16 to 10.1.0.0/16 port 22",
	};
	struct world *w = world_up(&a, &b);
	json_t *shown = ike_show(w->a.ike, w->now), *o;
	char *dump;

	(void)state;
	o = json_array_get(json_object_get(shown, "peers"), 0);
	o = json_array_get(json_object_get(o, "tunnels"), 0);
	o = json_array_get(json_object_get(o, "children"), 0);
	dump = json_dumps(json_object_get(o, "selectors"), JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(dump, "[{\"local\":\"tcp 10.1.0.0/16\",\"remote\":\"tcp 10.2.0.0/16 port 80\"},"
			    "{\"local\":\"tcp 10.1.0.0/16 port 22\",\"remote\":\"tcp 10.2.0.0/16\"}]");
	free(dump);
	json_decref(shown);
	world_free(w);
}

/* nfipsec unload */
static void no_configuration_any_more(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct conf *was = w->a.conf;

	(void)state;
	/* half-open and established, at one moment */
	node_up(&w->b, NULL);
	w->a.conf = NULL;
	ike_set_conf(w->a.ike, NULL, w->now);
	conf_free(was);
	assert_int_equal(node_sas(&w->a), 0);
	world_run(w, 60000);
	/* the peer was told */
	assert_int_equal(node_sas(&w->b), 0);
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	/* and is a stranger from now on */
	node_up(&w->b, NULL);
	world_run(w, 5000);
	assert_non_null(strstr(w->b.up_error, "NO_PROPOSAL_CHOSEN"));
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "no peer is configured for 192.0.2.2"));
	world_load(&w->a, NULL);
	node_up(&w->a, NULL);
	world_run(w, 5000);
	assert_string_equal(w->a.up_error, "");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_list),
		cmocka_unit_test(other_end_sees_it),
		cmocka_unit_test(exchanges_are_few),
		cmocka_unit_test(no_host_starves_another),
		cmocka_unit_test(per_entry),
		cmocka_unit_test(verify_says_so),
		cmocka_unit_test(pairs_keep_ports),
		cmocka_unit_test(no_configuration_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
