// SPDX-License-Identifier: GPL-2.0
/* The last failure of each peer: what its transcript says, and what it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ike/core.h"
#include "ike_world.h"

/* record @i of this node; borrowed, until the next call */
static const json_t *failure(struct node *n, size_t i)
{
	static json_t *last;

	json_decref(last);
	last = ike_show_failures(n->ike, n->w->now);
	return json_array_get(json_object_get(last, "failures"), i);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void assert_differs(const json_t *f, const char *what, const char *theirs, const char *ours)
{
	const json_t *d;
	size_t i;

	json_array_foreach(json_object_get(f, "differences"), i, d) {
		if (strcmp(text(d, "what"), what))
			continue;
		assert_string_equal(text(d, "theirs"), theirs);
		assert_string_equal(text(d, "ours"), ours);
		return;
	}
	fail_msg("no difference in '%s'", what);
}

static void assert_message(const json_t *f, size_t i, bool received, const char *exchange,
			   bool response, const char *payload)
{
	const json_t *m = json_array_get(json_object_get(f, "messages"), i);

	assert_non_null(m);
	assert_int_equal(json_is_true(json_object_get(m, "received")), received);
	assert_string_equal(text(m, "exchange"), exchange);
	assert_int_equal(json_is_true(json_object_get(m, "response")), response);
	if (!strstr(text(m, "payloads"), payload))
		fail_msg("no %s in '%s'", payload, text(m, "payloads"));
}

static void nothing_failed(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	assert_null(failure(&w->a, 0));
	assert_null(failure(&w->b, 0));
	world_free(w);
}

static void no_common_proposal(void **state)
{
	static const struct world_conf a = { .ike = "aes128-sha256-modp2048 aes128gcm16-prfsha256-ecp256" };
	static const struct world_conf b = { .ike = "aes256gcm16-prfsha384-ecp384 aes128gcm16-prfsha256-ecp384" };
	struct world *w = world_new(&a, &b);
	const json_t *f;

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	/* the responder knows both sides, and names the nearest proposal and only what differs in it */
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no common IKE proposal with 192.0.2.1: "
				  "DH group: offered ecp256, expected ecp384; nearest to aes128gcm16-prfsha256-ecp384"));
	f = failure(&w->b, 0);
	assert_string_equal(text(f, "peer"), "p");
	assert_true(json_is_true(json_object_get(f, "stranger")));
	assert_differs(f, "DH group", "ecp256", "ecp384");
	assert_differs(f, "IKE proposals", "aes128-sha256-modp2048, aes128gcm16-prfsha256-ecp256",
		       "aes256gcm16-prfsha384-ecp384, aes128gcm16-prfsha256-ecp384");
	assert_null(failure(&w->b, 1));
	/* the initiator knows its own, and what it was answered */
	f = failure(&w->a, 0);
	assert_false(json_is_true(json_object_get(f, "stranger")));
	assert_true(json_is_true(json_object_get(f, "initiator")));
	assert_string_equal(text(f, "step"), "IKE_SA_INIT");
	assert_string_equal(text(f, "tunnel"), "t");
	assert_string_equal(text(f, "remote"), "192.0.2.2[500]");
	assert_differs(f, "IKE proposals", "", "aes128-sha256-modp2048, aes128gcm16-prfsha256-ecp256");
	assert_message(f, 0, false, "IKE_SA_INIT", false, "KE");
	assert_int_equal(number(f, "count"), 1);
	world_free(w);
}

static void wrong_identity(void **state)
{
	static const struct world_conf a = { .id = "stranger.example.com" };
	struct world *w = world_new(&a, NULL);
	const json_t *f;

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	f = failure(&w->b, 0);
	assert_string_equal(text(f, "step"), "IKE_AUTH");
	assert_false(json_is_true(json_object_get(f, "initiator")));
	assert_differs(f, "identity of the peer", "fqdn 'stranger.example.com'", "fqdn 'a.example.com'");
	assert_differs(f, "our identity", "fqdn 'b.example.com'", "fqdn 'b.example.com'");
	assert_message(f, 0, true, "IKE_SA_INIT", false, "SA");
	assert_message(f, 2, true, "IKE_AUTH", false, "IDi");
	f = failure(&w->a, 0);
	assert_string_equal(text(f, "step"), "IKE_AUTH");
	assert_message(f, 3, true, "IKE_AUTH", true, "N(AUTHENTICATION_FAILED)");
	world_free(w);
}

/* nothing of a secret, and nothing that a terminal obeys */
static void nothing_secret(void **state)
{
	static const struct world_conf a = { .psk = "first-secret" }, b = { .psk = "second-secret" };
	struct world *w = world_new(&a, &b);
	json_t *shown;
	char *dump;

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	shown = ike_show_failures(w->b.ike, w->now);
	dump = json_dumps(shown, 0);
	assert_non_null(strstr(dump, "the pre-shared keys differ"));
	assert_null(strstr(dump, "secret\""));
	assert_null(strstr(dump, "-secret"));
	free(dump);
	json_decref(shown);
	world_free(w);
}

/* a peer that does not answer: one line, and a count */
/* Numbers that stand alone make no other failure; those of an IPv6 address do. */
static void numbers_in_a_text(void **state)
{
	static const struct { const char *a, *b; unsigned int count; } rows[] = {
		{ "7 tries in 165 s", "8 tries in 170 s", 2 },
		{ "error 5: x", "error 6: x", 2 },
		{ "no peer at 2001:db8::1", "no peer at 2400:db8::1", 1 },
		{ "no peer at 192.0.2.1", "no peer at 192.0.2.2", 1 },
	};
	struct world *w = world_new(NULL, NULL);
	unsigned int count;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ike_failure *f = NULL;

		ike_failure_record(&f, w->a.ike, NULL, NULL, rows[i].a, &count);
		ike_failure_record(&f, w->a.ike, NULL, NULL, rows[i].b, &count);
		assert_int_equal(count, rows[i].count);
		ike_failure_free(f);
	}
	world_free(w);
}

static void again_and_again(void **state)
{
	static const struct world_conf a = { .start = "at-load" };
	struct world *w = world_new(&a, NULL);
	unsigned int events;
	const json_t *f;

	(void)state;
	w->cut = true;
	world_load(&w->a, &a);
	world_run(w, 1200000);
	events = node_count(&w->a, IKE_EVENT_ERROR);
	assert_true(events > 5);
	/* the numbers of tries and seconds differ a little, and it is the same */
	f = failure(&w->a, 0);
	assert_int_equal(number(f, "count"), events);
	assert_true(number(f, "last") - number(f, "first") > 600);
	assert_int_equal(w->a.n_loud, 1);
	/* the log has it once an hour */
	world_run(w, 3600000);
	assert_int_equal(w->a.n_loud, 2);
	/* it came up: what fails after that is another failure */
	w->cut = false;
	world_run(w, 60000);
	f = failure(&w->a, 0);
	assert_true(json_is_true(json_object_get(f, "over")));
	w->cut = true;
	node_down(&w->a, NULL);
	world_run(w, 300000);
	node_up(&w->a, NULL);
	world_run(w, 300000);
	f = failure(&w->a, 0);
	assert_false(json_is_true(json_object_get(f, "over")));
	assert_true(number(f, "count") < 10);
	assert_int_equal(w->a.n_loud, 3);
	w->cut = false;
	world_free(w);
}

/* two failures that differ in a number that says something are two */
static void not_the_same(void **state)
{
	static const struct world_conf a = { .ike = "aes128-sha256-modp2048" },
				       b = { .ike = "aes128-sha256-modp3072" },
				       c = { .ike = "aes128-sha256-modp4096" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 30000);
	assert_int_equal(number(failure(&w->b, 0), "count"), 1);
	world_load(&w->a, &c);
	node_up(&w->a, NULL);
	world_run(w, 30000);
	assert_int_equal(number(failure(&w->b, 0), "count"), 1);
	assert_differs(failure(&w->b, 0), "DH group", "modp4096", "modp3072");
	world_free(w);
}

/* An unauthenticated initiator cannot overwrite the record of the peer. */
static void stranger_beside_peer(void **state)
{
	static const struct world_conf a = { .ike = "aes128-sha256-modp2048" };
	static const struct world_conf b = { .ike = "aes256-sha256-modp3072" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->b, NULL);
	world_run(w, 1000);
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_false(json_is_true(json_object_get(failure(&w->b, 0), "stranger")));
	assert_true(json_is_true(json_object_get(failure(&w->b, 1), "stranger")));
	assert_null(failure(&w->b, 2));
	world_free(w);
}

static void no_such_address(void **state)
{
	struct world *w = world_new(NULL, NULL);
	const json_t *f;

	(void)state;
	w->a.not_local = true;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_non_null(strstr(w->a.up_error, "local address 192.0.2.1 is no address of this host"));
	assert_int_equal(w->a.sent, 0);
	f = failure(&w->a, 0);
	assert_string_equal(text(f, "step"), "before the first message");
	assert_differs(f, "local address", "", "192.0.2.1");
	world_free(w);
}

static void selectors_of_both(void **state)
{
	static const struct world_conf b = { .entries = "10 protect ip from 10.9.0.0/16 to 10.8.0.0/16" };
	struct world *w = world_new(NULL, &b);
	const json_t *f;

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	f = failure(&w->b, 0);
	/* the initiator is authenticated by now */
	assert_false(json_is_true(json_object_get(f, "stranger")));
	assert_differs(f, "traffic selectors", "10.2.0.0/16 === 10.1.0.0/16",
		       "tunnel t: 10.9.0.0/16 === 10.8.0.0/16");
	f = failure(&w->a, 0);
	assert_string_equal(text(f, "tunnel"), "t");
	assert_differs(f, "traffic selectors", "", "10.1.0.0/16 === 10.2.0.0/16");
	world_free(w);
}

/* Returns the peer in the answer to `show peers`. */
static json_t *peer_of(struct node *n)
{
	json_t *shown = ike_show(n->ike, n->w->now);
	json_t *peer = json_incref(json_array_get(json_object_get(shown, "peers"), 0));

	json_decref(shown);
	return peer;
}

static const json_t *tunnel_of(const json_t *peer)
{
	return json_array_get(json_object_get(peer, "tunnels"), 0);
}

static void assert_down(struct node *n, const char *reason, const char *why)
{
	json_t *peer = peer_of(n);
	const json_t *tunnel = tunnel_of(peer);

	assert_string_equal(text(tunnel, "reason"), reason);
	if (!strstr(text(tunnel, "why"), why))
		fail_msg("no '%s' in '%s'", why, text(tunnel, "why"));
	json_decref(peer);
}

static void why_it_is_down(void **state)
{
	static const struct world_conf manual = { .start = "manual" }, at_load = { .start = "at-load" },
				       any = { .remote = "any", .remote_id = "any" };
	struct world *w = world_new(NULL, NULL);
	json_t *peer;

	(void)state;
	assert_down(&w->a, "no-traffic", "no packet waits for it");
	world_load(&w->a, &manual);
	assert_down(&w->a, "manual", "nfipsec up p/t");
	world_load(&w->b, &any);
	assert_down(&w->b, "peer-initiates", "remote address is any");
	node_up(&w->a, NULL);
	world_run(w, 1000);
	peer = peer_of(&w->a);
	assert_null(json_object_get(tunnel_of(peer), "reason"));
	assert_int_equal(json_array_size(json_object_get(tunnel_of(peer), "no_sa")), 0);
	json_decref(peer);
	node_down(&w->a, NULL);
	world_run(w, 1000);
	assert_down(&w->a, "taken-down", "nfipsec up p/t");
	w->cut = true;
	world_load(&w->a, &at_load);
	assert_down(&w->a, "connecting", "init-sent");
	world_run(w, 100000);
	peer = peer_of(&w->a);
	assert_true(number(tunnel_of(peer), "next_try") <= 30);
	assert_non_null(strstr(text(json_object_get(peer, "last_error"), "text"), "does not answer"));
	assert_non_null(strstr(text(tunnel_of(peer), "why"), "does not answer"));
	json_decref(peer);
	w->cut = false;
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_failed),
		cmocka_unit_test(no_common_proposal),
		cmocka_unit_test(wrong_identity),
		cmocka_unit_test(nothing_secret),
		cmocka_unit_test(numbers_in_a_text),
		cmocka_unit_test(again_and_again),
		cmocka_unit_test(not_the_same),
		cmocka_unit_test(stranger_beside_peer),
		cmocka_unit_test(no_such_address),
		cmocka_unit_test(selectors_of_both),
		cmocka_unit_test(why_it_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
