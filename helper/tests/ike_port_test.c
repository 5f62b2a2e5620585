// SPDX-License-Identifier: GPL-2.0
/* `remote port`: IKE of the initiator begins at another port than 500 (RFC 7296 2.23). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_world.h"

#define MINUTE	(60 * 1000u)

/* Checks the ports of all datagrams that a node sent from number @first on. */
static void all_sent(const struct node *n, unsigned int first, uint16_t from, uint16_t to)
{
	unsigned int i;

	assert_true(n->n_log > first);
	for (i = first; i < n->n_log; i++) {
		assert_int_equal(n->log[i].from.port, from);
		assert_int_equal(n->log[i].to.port, to);
	}
}

static void encaps(const struct node *n, uint16_t local, uint16_t remote)
{
	const struct fake_sa *sa;

	for (sa = n->sas; sa < n->sas + WORLD_SAS; sa++) {
		if (!sa->used)
			continue;
		assert_int_equal(sa->encap_local, local);
		assert_int_equal(sa->encap_remote, remote);
	}
}

/* IKE_SA_INIT, IKE_AUTH, both rekeyings, liveness, DELETE; without a NAT there is no ESP in UDP */
static void every_message(void **state)
{
	static const struct {
		const char *port;
		uint16_t from, to;
	} cases[] = {
		{ "remote port 1501", 4500, 1501 }, { "remote port 4500", 4500, 4500 },
		{ "remote port 65535", 4500, 65535 }, { "remote port 500", 500, 500 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct world_conf c = { .extra_peer = cases[i].port };
		struct world *w = world_new(&c, NULL);

		node_up(&w->a, NULL);
		world_run(w, 1000);
		assert_string_equal(w->a.up_error, "");
		world_is_up(w);
		encaps(&w->a, 0, 0);
		encaps(&w->b, 0, 0);
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_IN), false);
		world_run(w, 6 * 60 * MINUTE);
		world_is_up(w);
		node_down(&w->a, NULL);
		world_run(w, 1000);
		world_nothing_left(w);
		all_sent(&w->a, 0, cases[i].from, cases[i].to);
		all_sent(&w->b, 0, cases[i].to, cases[i].from);
		assert_int_equal(w->a.keepalives + w->b.keepalives, 0);
		world_free(w);
	}
}

/* ESP in UDP has the ports of IKE */
static void esp_in_udp(void **state)
{
	static const struct world_conf c = { .extra_peer = "encapsulation udp remote port 1501" };
	struct world *w = world_new(&c, NULL);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	world_is_up(w);
	encaps(&w->a, 4500, 1501);
	encaps(&w->b, 1501, 4500);
	world_run(w, 6 * 60 * MINUTE);
	world_is_up(w);
	encaps(&w->a, 4500, 1501);
	all_sent(&w->a, 0, 4500, 1501);
	assert_true(w->a.keepalives > 0);
	world_free(w);
}

/* A router in front of B forwards port 1501 to port 4500. */
static unsigned int forwarded(struct world *w, const struct packet *p, unsigned int n)
{
	struct packet other = *p;

	(void)n;
	if (addr_equal(&p->from.addr, &w->a.addr))
		other.to.port = p->to.port == 1501 ? 4500 : p->to.port;
	else
		other.from.port = p->from.port == 4500 ? 1501 : p->from.port;
	world_send(w, &other);
	return 0;
}

static void behind_a_nat(void **state)
{
	static const struct world_conf c = { .extra_peer = "remote port 1501" };
	struct world *w = world_new(&c, NULL);

	(void)state;
	w->filter = forwarded;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	world_is_up(w);
	encaps(&w->a, 4500, 1501);
	encaps(&w->b, 4500, 4500);
	world_run(w, 6 * 60 * MINUTE);
	world_is_up(w);
	all_sent(&w->a, 0, 4500, 1501);
	world_free(w);
}

/* Each address of the list has the port, also the one that prefer-first returns to. */
static void several_addresses(void **state)
{
	static const struct world_conf a = {
		.remote = "192.0.2.12 192.0.2.2", .start = "at-load",
		.extra_peer = "prefer-first 10m remote port 1501",
	}, b = { .extra_peer = "local address any" };
	struct world *w = world_new(&a, &b);
	unsigned int sent;

	(void)state;
	assert_true(addr_parse("192.0.2.12", &w->b.also));
	w->dead = w->b.also;
	world_run(w, MINUTE);
	assert_true(addr_equal(&w->a.log[w->a.n_log - 1].to.addr, &w->b.addr));
	sent = w->a.n_log;
	memset(&w->dead, 0, sizeof(w->dead));
	world_run(w, 11 * MINUTE);
	assert_true(w->a.n_log > sent);
	assert_true(addr_equal(&w->a.log[w->a.n_log - 1].to.addr, &w->b.also));
	all_sent(&w->a, 0, 4500, 1501);
	world_free(w);
}

/* A load with another port ends the IKE SA at the old one. */
static void port_changes(void **state)
{
	static const struct world_conf was = { .extra_peer = "remote port 1501" };
	static const struct world_conf is = { .extra_peer = "remote port 1502", .start = "at-load" };
	struct world *w = world_up(&was, NULL);
	unsigned int sent = w->a.n_log;

	(void)state;
	world_load(&w->a, &was);
	world_run(w, 1000);
	world_is_up(w);
	assert_int_equal(w->a.n_log, sent);
	world_load(&w->a, &is);
	world_run(w, 1000);
	world_is_up(w);
	assert_int_equal(w->a.log[sent].to.port, 1501);
	assert_int_equal(w->a.log[w->a.n_log - 1].to.port, 1502);
	assert_int_equal(w->a.log[w->a.n_log - 1].from.port, 4500);
	world_free(w);
}

/* The peer may begin from any port. The answer returns there. */
static void the_peer_begins(void **state)
{
	static const struct world_conf c = { .extra_peer = "remote port 1501" };
	struct world *w = world_new(&c, NULL);

	(void)state;
	node_up(&w->b, NULL);
	world_run(w, 1000);
	world_is_up(w);
	all_sent(&w->a, 0, 500, 500);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message),
		cmocka_unit_test(esp_in_udp),
		cmocka_unit_test(behind_a_nat),
		cmocka_unit_test(several_addresses),
		cmocka_unit_test(port_changes),
		cmocka_unit_test(the_peer_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
