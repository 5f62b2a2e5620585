// SPDX-License-Identifier: GPL-2.0
/* Several addresses, DNS names and ranges in `remote address`: initiator and responder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_world.h"

#define MINUTE	60000
#define NAME	"gw.example.com"

static const struct world_conf anywhere = { .extra_peer = "local address any" };

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

/* b has a second address, 192.0.2.12 */
static struct world *new_world(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	w->b.also = addr("192.0.2.12");
	return w;
}

/* Checks the address of the newest outbound SA of a. */
static void goes_to(struct world *w, const char *to)
{
	const struct fake_sa *out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	char s[ADDR_STRLEN];

	assert_non_null(out);
	assert_string_equal(addr_str(&out->remote, s, sizeof(s)), to);
}

static void is_up_once(const struct world *w)
{
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
}

/* ---- the next one ---- */

static void next_address(void **state)
{
	const struct world_conf a = { .remote = "192.0.2.9 192.0.2.2" };
	struct world *w = new_world(&a, NULL);

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 5000);
	assert_int_equal(node_sas(&w->a), 0);
	world_run(w, 2000);
	is_up_once(w);
	goes_to(w, "192.0.2.2");
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "192.0.2.9[500] does not answer: 3 tries"));
	world_check_pairs(w);
	/* the next IKE SA begins with the address that answered */
	node_down(&w->a, NULL);
	world_run(w, 5000);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	world_free(w);
}

/* `up` waits for the whole list, and the next round begins with the first */
static void none_answers(void **state)
{
	const struct world_conf a = { .remote = "192.0.2.8 192.0.2.9", .start = "at-load" };
	struct world *w = new_world(&a, NULL);
	unsigned int i, first = 0, second = 0;

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 10000);
	assert_false(w->a.up_done);
	world_run(w, 5000);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "192.0.2.9[500] does not answer"));
	/* three to each, and the next round has begun */
	assert_true(w->a.n_log > 6);
	for (i = 0; i < 7; i++)
		assert_int_equal(w->a.log[i].to.addr.a[3], i / 3 == 1 ? 9 : 8);
	world_run(w, 10 * MINUTE);
	for (i = 0; i < w->a.n_log; i++) {
		first += w->a.log[i].to.addr.a[3] == 8;
		second += w->a.log[i].to.addr.a[3] == 9;
	}
	assert_in_range(first, second, second + 3);
	/* the daemon logs each of the two failures once, however often they repeat */
	assert_int_equal(w->a.n_loud, 2);
	world_free(w);
}

/* the IKE SA is lost: the next one begins with another address */
static void lost(void **state)
{
	const struct world_conf a = { .remote = "192.0.2.12 192.0.2.2", .start = "at-load" };
	struct world *w = new_world(&a, &anywhere);

	(void)state;
	world_run(w, 1000);
	is_up_once(w);
	goes_to(w, "192.0.2.12");
	w->dead = addr("192.0.2.12");
	world_run(w, 90000);
	goes_to(w, "192.0.2.2");
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_null(node_line(&w->a, IKE_EVENT_ERROR, "192.0.2.12[500] does not answer: 3 tries"));
	world_run(w, 5 * MINUTE);
	is_up_once(w);
	world_free(w);
}

/* ---- back to the first ---- */

static void prefer_first(void **state)
{
	const struct world_conf a = { .remote = "192.0.2.12 192.0.2.2", .start = "at-load",
				      .extra_peer = "prefer-first 10m" };
	struct world *w = new_world(&a, &anywhere);
	unsigned int packets;

	(void)state;
	w->dead = addr("192.0.2.12");
	world_run(w, 30000);
	is_up_once(w);
	goes_to(w, "192.0.2.2");
	w->strict = true;	/* from now on there is always an SA */
	world_run(w, 9 * MINUTE);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	world_run(w, 2 * MINUTE);
	/* it was tried in vain */
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 2);
	is_up_once(w);
	goes_to(w, "192.0.2.2");
	memset(&w->dead, 0, sizeof(w->dead));
	world_run(w, 11 * MINUTE);
	is_up_once(w);
	goes_to(w, "192.0.2.12");
	world_check_pairs(w);
	/* there it stays */
	packets = node_count(&w->a, IKE_EVENT_IKE_UP);
	world_run(w, 30 * MINUTE);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), packets);
	w->strict = false;
	world_free(w);
}

/* without prefer-first it stays where it is, also when the IKE SA is rekeyed */
static void stays_without(void **state)
{
	const struct world_conf a = { .remote = "192.0.2.12 192.0.2.2", .start = "at-load" };
	struct world *w = new_world(&a, &anywhere);

	(void)state;
	w->dead = addr("192.0.2.12");
	world_run(w, 30000);
	memset(&w->dead, 0, sizeof(w->dead));
	world_run(w, 5 * 60 * MINUTE);
	goes_to(w, "192.0.2.2");
	is_up_once(w);
	world_free(w);
}

/* ---- names ---- */

static void name(void **state)
{
	const struct world_conf a = { .remote = NAME, .start = "at-load" };
	struct world *w = new_world(&a, &anywhere);

	(void)state;
	w->names = NAME "=192.0.2.2";
	world_load(&w->a, &a);
	world_run(w, 60000);
	is_up_once(w);
	goes_to(w, "192.0.2.2");
	/* another address now: what is up stays, and the next IKE SA goes there */
	w->names = NAME "=192.0.2.12";
	w->a.n_lookups = 0;
	world_run(w, 10 * MINUTE);
	assert_in_range(w->a.n_lookups, 9, 11);
	goes_to(w, "192.0.2.2");
	is_up_once(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
	node_down(&w->a, NULL);
	world_run(w, 5000);
	/* changed again, a moment before the next try: it is asked for each */
	w->names = "x " NAME "=192.0.2.99,192.0.2.2";
	node_up(&w->a, NULL);
	world_run(w, 8000);
	assert_true(w->a.up_done);
	goes_to(w, "192.0.2.2");
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "192.0.2.99[500] does not answer: 3 tries"));
	world_free(w);
}

static bool shows(struct node *n, const char *part)
{
	json_t *o = ike_show(n->ike, n->w->now);
	char *text = json_dumps(o, 0);
	bool found = strstr(text, part);

	free(text);
	json_decref(o);
	return found;
}

static void unknown_name(void **state)
{
	const struct world_conf a = { .remote = NAME, .start = "at-load" };
	struct world *w = new_world(&a, NULL);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "p/t: cannot resolve " NAME ": Name or service not known");
	world_run(w, 20 * MINUTE);
	assert_int_equal(w->a.sent, 0);
	assert_int_equal(w->a.n_loud, 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	/* a failed try asks, 30 s after the last one at the latest */
	assert_in_range(w->a.n_lookups, 30, 90);
	assert_true(shows(&w->a, "\"error\": \"Name or service not known\""));
	assert_true(shows(&w->a, "cannot resolve " NAME));
	w->names = NAME "=192.0.2.2";
	world_run(w, MINUTE);
	is_up_once(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_RESOLVED), 1);
	assert_false(shows(&w->a, "\"error\": \"Name or service not known\""));
	/* the name server is down: the last address serves */
	w->names = NULL;
	world_run(w, 2 * MINUTE);
	is_up_once(w);
	node_down(&w->a, NULL);
	world_run(w, 5000);
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_string_equal(w->a.up_error, "");
	is_up_once(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "its last addresses are used"));
	world_free(w);
}

/* a name that does not resolve does not keep the address behind it waiting */
static void name_then_address(void **state)
{
	const struct world_conf a = { .remote = NAME " 192.0.2.2", .start = "at-load" };
	struct world *w = new_world(&a, NULL);

	(void)state;
	world_run(w, 1000);
	is_up_once(w);
	world_free(w);
}

/* the main thread goes on, and the packet that asked is not forgotten */
static void slow_name(void **state)
{
	const struct world_conf a = { .remote = NAME, .extra_tunnel = "child-sa per-entry",
				      .entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
						 "20 protect ip from 10.1.0.0/16 to 10.3.0.0/16" };
	const struct world_conf b = {
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n"
			   "20 protect ip from 10.3.0.0/16 to 10.1.0.0/16" };
	struct world *w = new_world(&a, &b);

	(void)state;
	w->names = NAME "=192.0.2.2";
	w->defer_jobs = true;
	node_acquire(&w->a, "10.1.0.1", "10.3.0.1");
	node_acquire(&w->a, "10.1.0.1", "10.3.0.1");
	world_run(w, 25000);
	assert_int_equal(w->n_jobs, 1);
	assert_int_equal(w->a.sent, 0);
	assert_true(shows(&w->a, "being resolved"));
	w->defer_jobs = false;
	world_jobs(w);
	world_run(w, 1000);
	is_up_once(w);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->sels[0].dst.min.a[1], 3);
	world_free(w);
}

/* a load or `down` while a name is being resolved */
static void load_meanwhile(void **state)
{
	const struct world_conf a = { .remote = NAME }, other = { .remote = "other.example.com" };
	struct world *w = new_world(&a, NULL);

	(void)state;
	w->names = NAME "=192.0.2.2 other.example.com=192.0.2.2";
	w->defer_jobs = true;
	node_up(&w->a, NULL);
	world_load(&w->a, &other);
	assert_int_equal(w->n_jobs, 1);
	world_run(w, 1000);
	w->defer_jobs = false;
	world_jobs(w);
	world_run(w, 1000);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	is_up_once(w);
	node_down(&w->a, NULL);
	world_run(w, 5000);
	w->defer_jobs = true;
	node_up(&w->a, NULL);
	node_down(&w->a, NULL);
	assert_true(w->a.up_done);
	assert_string_not_equal(w->a.up_error, "");
	w->defer_jobs = false;
	world_jobs(w);
	world_run(w, MINUTE);
	assert_int_equal(node_sas(&w->a), 0);
	world_free(w);
}

/* a name server is believed nothing */
static void hostile_name_server(void **state)
{
	const struct world_conf a = { .remote = NAME, .start = "at-load" };
	const struct world_conf both = { .remote = NAME " 192.0.2.2", .start = "at-load" };
	const struct world_conf attacker = { .extra_peer = "local address any", .psk = "guessed" };
	struct world *w = new_world(&a, NULL);

	(void)state;
	w->names = NAME "=127.0.0.1,0.0.0.0,224.0.0.1,255.255.255.255,169.254.1.1,::1,fe80::1";
	world_run(w, 10 * MINUTE);
	/* nor does the daemon negotiate with itself */
	w->names = NAME "=192.0.2.1";
	world_run(w, 2 * MINUTE);
	assert_int_equal(w->a.sent, 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "its addresses are not of use"));
	/* who answers at a forged address does not authenticate */
	world_load(&w->b, &attacker);
	w->names = NAME "=192.0.2.12";
	world_run(w, 5 * MINUTE);
	assert_int_equal(node_ike_sas(&w->a, "established"), 0);
	assert_int_equal(node_sas(&w->a), 0);
	assert_true(w->a.sent > 0);
	/* and does not keep the address behind the name from being tried */
	w->names = NAME "=192.0.2.99";
	world_load(&w->b, NULL);
	world_load(&w->a, &both);
	world_run(w, 10000);
	goes_to(w, "192.0.2.2");
	world_free(w);
}

#define PEERS	20

/* many names: a few lookups at once, so that CRLs and OCSP have threads, too */
static void ignore(void *arg, const char *error)
{
	(void)arg;
	(void)error;
}

static void few_at_once(void **state)
{
	char text[PEERS * 256] = "", *at = text;
	struct conf_error err = { .text = "" };
	struct world *w = new_world(NULL, NULL);
	struct conf *conf, *old = w->a.conf;
	const struct ike_job *job;
	unsigned int i;

	(void)state;
	for (i = 0; i < PEERS; i++)
		at += sprintf(at, "access-list l%u { 10 protect ip from 10.1.0.0/16 to 10.2.%u.0/24 }\n"
			      "peer p%u { remote address p%u.example.com tunnel t { access-list l%u } }\n",
			      i, i, i, i, i);
	conf = conf_parse(text, strlen(text), "a", &err);
	assert_non_null(conf);
	w->a.conf = conf;
	w->defer_jobs = true;
	ike_set_conf(w->a.ike, conf, w->now);
	conf_free(old);
	world_run(w, 1000);
	assert_int_equal(w->n_jobs, 4);
	/* a tunnel waits for one in the queue, which comes before those that only renew */
	ike_up(w->a.ike, "p10", NULL, ignore, NULL, w->now);
	/* one is over: one more begins */
	job = w->jobs[0];
	memmove(w->jobs, w->jobs + 1, --w->n_jobs * sizeof(job));
	job->run(job->arg);
	job->done(job->arg);
	assert_int_equal(w->n_jobs, 4);
	job = w->jobs[3];
	job->run(job->arg);
	assert_string_equal(w->a.last_lookup, "p10.example.com");
	world_jobs(w);
	assert_int_equal(w->a.n_lookups, PEERS + 1);
	world_free(w);
}

/* ---- responder ---- */

static void comes_up(const char *remote, const char *names, bool up)
{
	const struct world_conf b = { .remote = remote };
	struct world *w = new_world(NULL, &b);

	w->names = names;
	world_run(w, 1000);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 5000);
	assert_int_equal(node_ike_sas(&w->b, "established"), up);
	assert_int_equal(node_sas(&w->b), up ? 2 : 0);
	if (!up)
		assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no peer is configured for 192.0.2.1"));
	world_free(w);
}

static void responder(void **state)
{
	(void)state;
	comes_up("192.0.2.0/24", NULL, true);
	comes_up("198.51.100.0/24", NULL, false);
	comes_up("198.51.100.0/24 192.0.2.0-192.0.2.1", NULL, true);
	comes_up("192.0.2.2-192.0.2.9", NULL, false);
	comes_up("198.51.100.7 192.0.2.1", NULL, true);
	comes_up("198.51.100.7 198.51.100.8", NULL, false);
	comes_up("a.example.com", "a.example.com=192.0.2.9,192.0.2.1", true);
	comes_up("a.example.com", "a.example.com=192.0.2.9", false);
	/* not resolved: the identity decides */
	comes_up("a.example.com", NULL, true);
}

/* an address of a name, or none, gives nobody the rights of the block */
static void responder_identity(void **state)
{
	const struct world_conf b = { .remote = "a.example.com", .remote_id = "other.example.com" };
	static const char *const names[] = { NULL, "a.example.com=192.0.2.1" };
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = new_world(NULL, &b);
		w->names = names[i];
		world_run(w, 1000);
		node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
		world_run(w, 5000);
		assert_int_equal(node_ike_sas(&w->b, "established"), 0);
		assert_int_equal(node_sas(&w->b), 0);
		assert_true(node_count(&w->b, IKE_EVENT_ERROR) > 0);
		world_free(w);
	}
}

/* a packet for a block with ranges alone waits for the peer */
static void range_responds(void **state)
{
	const struct world_conf b = { .remote = "192.0.2.0/24" };
	struct world *w = new_world(NULL, &b);

	(void)state;
	node_up(&w->b, NULL);
	world_run(w, 1000);
	assert_true(w->b.up_done);
	assert_non_null(strstr(w->b.up_error, "its remote address is a range"));
	assert_int_equal(w->b.sent, 0);
	assert_true(shows(&w->b, "192.0.2.0/24"));
	world_free(w);
}

/* ---- a load ---- */

static void load_keeps(void **state)
{
	static const char *const keeps[] = {
		"192.0.2.2 192.0.2.7", "192.0.2.7 192.0.2.2", "192.0.2.7 gw2.example.com",
		"192.0.2.7 192.0.2.8 192.0.2.0/24",
	};
	struct world_conf a = { .remote = "192.0.2.9 192.0.2.2", .start = "at-load" };
	struct world *w = new_world(&a, NULL);
	size_t i;

	(void)state;
	world_run(w, 10000);
	is_up_once(w);
	for (i = 0; i < sizeof(keeps) / sizeof(*keeps); i++) {
		a.remote = keeps[i];
		world_load(&w->a, &a);
		world_run(w, 1000);
		is_up_once(w);
		assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
		assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 1);
	}
	/* an address that is gone from the list is not used any longer */
	a.remote = "192.0.2.7 192.0.2.8";
	world_load(&w->a, &a);
	world_run(w, 1000);
	assert_int_equal(node_sas(&w->a), 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "its address is no longer configured"));
	/* and a try that was under way is not, either */
	a.remote = "192.0.2.2";
	world_load(&w->a, &a);
	world_run(w, 1000);
	is_up_once(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_address), cmocka_unit_test(none_answers), cmocka_unit_test(lost),
		cmocka_unit_test(prefer_first), cmocka_unit_test(stays_without),
		cmocka_unit_test(name), cmocka_unit_test(unknown_name),
		cmocka_unit_test(name_then_address), cmocka_unit_test(slow_name),
		cmocka_unit_test(load_meanwhile), cmocka_unit_test(hostile_name_server),
		cmocka_unit_test(few_at_once), cmocka_unit_test(responder),
		cmocka_unit_test(responder_identity), cmocka_unit_test(range_responds),
		cmocka_unit_test(load_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
