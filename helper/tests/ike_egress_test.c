// SPDX-License-Identifier: GPL-2.0
/* `mark` of a tunnel: every datagram of IKE has it, whoever sends it and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "ike_world.h"

#define MARK	0x2a

static const struct world_conf marked = { .extra_tunnel = "mark 0x2a" };

static void all_marked(const struct node *n, uint32_t mark)
{
	unsigned int i;

	for (i = 0; i < n->n_log; i++)
		assert_int_equal(n->log[i].by.mark, mark);
}

/* IKE_SA_INIT, IKE_AUTH, both rekeyings, liveness, DELETE; requests and responses */
static void every_exchange(void **state)
{
	unsigned int who, sent;

	(void)state;
	for (who = 0; who < 2; who++) {
		struct world *w = world_new(who ? NULL : &marked, who ? &marked : NULL);
		struct node *m = who ? &w->b : &w->a;

		node_up(&w->a, NULL);
		world_run(w, 1000);
		world_is_up(w);
		sent = m->n_log;
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_IN), false);
		world_run(w, 6 * 3600 * 1000u);
		assert_true(m->n_log > sent + 6);
		node_down(&w->a, NULL);
		world_run(w, 1000);
		all_marked(m, MARK);
		all_marked(world_other(m), 0);
		world_free(w);
	}
}

static unsigned int first_is_lost(struct world *w, const struct packet *p, unsigned int n)
{
	(void)w;
	(void)p;
	return n % 2;
}

static void repetitions(void **state)
{
	struct world *w = world_new(&marked, &marked);

	(void)state;
	w->filter = first_is_lost;
	node_up(&w->a, NULL);
	world_run(w, 20000);
	assert_string_equal(w->a.up_error, "");
	assert_true(node_counter(&w->a, "retransmitted"));
	all_marked(&w->a, MARK);
	all_marked(&w->b, MARK);
	world_free(w);
}

static void keepalives(void **state)
{
	struct world_conf c = marked;
	struct world *w;

	(void)state;
	c.extra_peer = "encapsulation udp";
	w = world_up(&c, &c);
	world_run(w, 61000);
	assert_true(w->a.keepalives);
	assert_int_equal(w->a.keepalive_by.mark, MARK);
	assert_int_equal(w->b.keepalive_by.mark, MARK);
	world_free(w);
}

/* the host chooses its address by the route that the mark chooses */
static void local_address(void **state)
{
	struct world_conf c = marked;
	struct world *w;

	(void)state;
	c.extra_peer = "local address any";
	w = world_up(&c, NULL);
	assert_int_equal(w->a.looked_up_by.mark, MARK);
	world_free(w);
}

/* the block has gone, and its last word still takes its way */
static void last_word(void **state)
{
	struct world *w = world_up(&marked, NULL);
	struct conf_error err = { .text = "" };
	struct conf *none = conf_parse("", 0, "none", &err), *old = w->a.conf;
	unsigned int sent = w->a.n_log;

	(void)state;
	assert_non_null(none);
	w->a.conf = none;
	ike_set_conf(w->a.ike, none, w->now);
	conf_free(old);
	world_run(w, 1000);
	assert_true(w->a.n_log > sent);
	all_marked(&w->a, MARK);
	assert_int_equal(node_ike_sas(&w->b, "established"), 0);
	world_free(w);
}

/* an SA goes where it went before; the next one has the new mark */
static void mark_changes(void **state)
{
	static const struct world_conf other = { .extra_tunnel = "mark 7", .start = "at-load" };
	struct world *w = world_up(&marked, NULL);
	unsigned int sent = w->a.n_log, i, n[2] = { 0, 0 };

	(void)state;
	world_load(&w->a, &other);
	world_run(w, 2000);
	for (i = sent; i < w->a.n_log; i++) {
		assert_true(w->a.log[i].by.mark == MARK || w->a.log[i].by.mark == 7);
		n[w->a.log[i].by.mark == 7]++;
	}
	assert_true(n[0] >= 1 && n[1] >= 2);
	assert_int_equal(w->a.log[w->a.n_log - 1].by.mark, 7);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	world_free(w);
}

static void first_tunnel(void **state)
{
	static const struct world_conf two = {
		.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 } access-list m { "
			   "10 protect ip from 10.3.0.0/16 to 10.2.0.0/16",
		.tunnels = "tunnel first { access-list m mark 9 }", .extra_tunnel = "mark 0x2a",
	};
	struct world *w = world_new(&two, NULL);

	(void)state;
	node_up(&w->a, "t");
	world_run(w, 1000);
	assert_string_equal(w->a.up_error, "");
	all_marked(&w->a, 9);
	world_free(w);
}

/* ---- answers outside of any IKE SA ---- */

static struct bend m;

/* the IKE_SA_INIT request of A from @from, which B answers without an SA; the mark of the answer */
static uint32_t answered_by(struct world *w, const char *from)
{
	struct packet p = w->a.log[0];
	unsigned int sent = w->b.n_log;

	assert_true(bend_open(w, &w->a.log[0], &m));
	m.hdr.spi_i += w->b.n_log + 1;
	assert_true(addr_parse(from, &p.from.addr));
	bend_send(w, &m, &p);
	world_deliver(w);
	assert_int_equal(w->b.n_log, sent + 1);
	return w->b.log[sent].by.mark;
}

static struct world *demands_cookies(const struct world_conf *b)
{
	struct world *w = world_new(NULL, b);
	struct ike_limits l = w->b.ike->limits;

	l.cookie_threshold = 0;
	ike_set_limits(w->b.ike, &l);
	w->cut = true;
	node_up(&w->a, NULL);
	w->cut = false;
	return w;
}

#define BLOCK(name, n, remote, mark) \
	"} access-list " name " { 10 protect ip from 10.2." n ".0/24 to 10.1." n ".0/24 }\n" \
	"peer " name " { local address 192.0.2.2 id fqdn b.example.com remote address " remote \
	" id fqdn " name ".example.com auth psk tunnel t { access-list " name " " mark " } }\n" \
	"access-list unused" n " { 10 bypass ip from 10.9.9.9 to 10.8.8.8\n"

static void cookies(void **state)
{
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n"
			   BLOCK("one", "1", "198.51.100.0/24", "mark 1")
			   BLOCK("two", "2", "198.51.100.7", "mark 2")
			   BLOCK("three", "3", "203.0.113.0/24", "mark 3"),
		.extra_tunnel = "mark 0x2a",
	};
	struct world *w = demands_cookies(&b);

	(void)state;
	assert_int_equal(answered_by(w, "192.0.2.1"), MARK);
	assert_int_equal(answered_by(w, "198.51.100.6"), 1);
	assert_int_equal(answered_by(w, "198.51.100.7"), 2);
	assert_int_equal(answered_by(w, "203.0.113.1"), 3);
	assert_int_equal(answered_by(w, "192.0.2.99"), 0);
	assert_true(node_counter(&w->b, "cookie_demanded") == 5);
	world_free(w);
}

/* where all blocks without one address agree, nobody walks over them */
static void cookies_of_one_mark(void **state)
{
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n"
			   BLOCK("one", "1", "198.51.100.0/24", "mark 1")
			   BLOCK("three", "3", "203.0.113.0/24", "mark 1"),
	};
	struct world *w = demands_cookies(&b);

	(void)state;
	assert_false(w->b.ike->any_differ);
	assert_int_equal(answered_by(w, "192.0.2.1"), 0);
	assert_int_equal(answered_by(w, "198.51.100.6"), 1);
	assert_int_equal(answered_by(w, "203.0.113.1"), 1);
	world_free(w);
}

/* INVALID_IKE_SPI and NO_PROPOSAL_CHOSEN */
static void refusals(void **state)
{
	static const struct world_conf b = { .extra_tunnel = "mark 0x2a", .ike = "aes256-sha512-modp2048" };
	struct world *w = world_new(NULL, &b);
	struct packet p;

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_int_equal(w->b.n_log, 1);
	p = w->a.log[0];
	assert_true(bend_open(w, &w->a.log[0], &m));
	m.hdr.exchange = WIRE_INFORMATIONAL;
	m.hdr.spi_r = 0x1234;
	bend_send(w, &m, &p);
	world_deliver(w);
	assert_int_equal(w->b.n_log, 2);
	all_marked(&w->b, MARK);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_exchange),
		cmocka_unit_test(repetitions),
		cmocka_unit_test(keepalives),
		cmocka_unit_test(local_address),
		cmocka_unit_test(last_word),
		cmocka_unit_test(mark_changes),
		cmocka_unit_test(first_tunnel),
		cmocka_unit_test(cookies),
		cmocka_unit_test(cookies_of_one_mark),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
