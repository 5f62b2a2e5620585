// SPDX-License-Identifier: GPL-2.0
/* `updown COMMAND`: when it runs, and what its environment has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

#define TWO "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n20 protect tcp from 10.1.0.0/16 port 80-90 to 10.3.0.5-10.3.0.9 port 22"
#define BACK "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n20 protect tcp from 10.3.0.5-10.3.0.9 port 22 to 10.1.0.0/16 port 80-90"

static const struct world_conf usual = { .start = "manual", .extra_tunnel = "updown /etc/updown" };

static struct world *up(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	return w;
}

static void has(const char *line, const char *part)
{
	if (!strstr(line, part))
		fail_msg("'%s' is not in '%s'", part, line);
}

static void strongswan_variables(void **state)
{
	struct world *w = up(&usual, NULL);
	char first[2048], *verb;

	(void)state;
	assert_int_equal(w->a.n_updowns, 1);
	has(w->a.updowns[0], "p/t /etc/updown PLUTO_VERB=up-client PLUTO_VERSION=1.1 PLUTO_CONNECTION=p/t PLUTO_INTERFACE=nfipsec0 PLUTO_UNIQUEID=");
	has(w->a.updowns[0], " PLUTO_REQID=");
	has(w->a.updowns[0], " PLUTO_PROTO=esp PLUTO_ME=192.0.2.1 PLUTO_MY_ID=a.example.com PLUTO_MY_CLIENT=10.1.0.0/16 PLUTO_MY_PORT=0 PLUTO_MY_PROTOCOL=0 "
	    "PLUTO_PEER=192.0.2.2 PLUTO_PEER_ID=b.example.com PLUTO_PEER_CLIENT=10.2.0.0/16 PLUTO_PEER_PORT=0 PLUTO_PEER_PROTOCOL=0");
	assert_null(strstr(w->a.updowns[0], "UDP_ENC"));
	node_down(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_updowns, 2);
	/* the same, but for the verb */
	verb = strstr(w->a.updowns[0], "up-client");
	snprintf(first, sizeof(first), "%.*sdown-client%s", (int)(verb - w->a.updowns[0]),
		 w->a.updowns[0], verb + strlen("up-client"));
	assert_string_equal(w->a.updowns[1], first);
	assert_int_equal(w->b.n_updowns, 0);
	world_free(w);
}

static void each_pair(void **state)
{
	static const struct world_conf
		a = { .start = "manual", .entries = TWO, .extra_tunnel = "updown /etc/updown mark 7", .extra_peer = "encapsulation udp" },
		b = { .entries = BACK };
	struct world *w = up(&a, &b);

	(void)state;
	assert_int_equal(w->a.n_updowns, 2);
	has(w->a.updowns[0], "PLUTO_PEER_CLIENT=10.2.0.0/16 ");
	has(w->a.updowns[1], "PLUTO_MY_PORT=80:90 PLUTO_MY_PROTOCOL=6 ");
	has(w->a.updowns[1], "PLUTO_PEER_CLIENT=10.3.0.5-10.3.0.9 PLUTO_PEER_PORT=22 PLUTO_PEER_PROTOCOL=6 PLUTO_UDP_ENC=4500 PLUTO_MARK_OUT=7/0xffffffff");
	world_free(w);
}

static void families_and_hosts(void **state)
{
	static const struct world_conf
		six = { .start = "manual", .entries = "10 protect ip from fd01::/64 to fd02::/64", .extra_tunnel = "updown /x" },
		six_b = { .entries = "10 protect ip from fd02::/64 to fd01::/64" },
		host = { .start = "manual", .entries = "10 protect ip from 192.0.2.1 to 10.2.0.0/16", .extra_tunnel = "updown /x" },
		host_b = { .entries = "10 protect ip from 10.2.0.0/16 to 192.0.2.1" };
	struct world *w = up(&six, &six_b);

	(void)state;
	has(w->a.updowns[0], "PLUTO_VERB=up-client-v6 ");
	has(w->a.updowns[0], "PLUTO_MY_CLIENT=fd01::/64 ");
	world_free(w);
	w = up(&host, &host_b);
	has(w->a.updowns[0], "PLUTO_VERB=up-host ");
	has(w->a.updowns[0], "PLUTO_MY_CLIENT=192.0.2.1/32 ");
	world_free(w);
}

static void rekeying_runs_nothing(void **state)
{
	static const struct world_conf c = {
		.start = "manual", .extra_peer = "reauth 2h", .extra_tunnel = "updown /etc/updown",
	};
	struct world *w = up(&c, NULL);

	(void)state;
	world_run(w, 5 * 3600 * 1000);
	assert_true(node_count(&w->a, IKE_EVENT_CHILD_UP) > 3);
	assert_int_equal(w->a.n_updowns, 1);
	world_free(w);
}

static void every_end(void **state)
{
	struct world *w = up(&usual, NULL);

	(void)state;
	/* the peer's DELETE */
	node_down(&w->b, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_updowns, 2);
	/* the peer is gone */
	node_up(&w->a, NULL);
	world_deliver(w);
	w->cut = true;
	world_run(w, 30 * 60000);
	assert_int_equal(w->a.n_updowns, 4);
	w->cut = false;
	/* the daemon ends */
	node_up(&w->a, NULL);
	world_deliver(w);
	ike_shutdown(w->a.ike, w->now);
	assert_int_equal(w->a.n_updowns, 6);
	has(w->a.updowns[5], "PLUTO_VERB=down-client ");
	world_free(w);
}

/* A DELETE that is not answered yet: nothing is sent by the tunnel any more. */
static void down_at_once(void **state)
{
	static const char both[] = "10 protect ip from 10.1.0.0/17 to 10.2.0.0/16\n}\naccess-list m {\n10 protect ip from 10.1.128.0/17 to 10.2.0.0/16";
	static const char back[] = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/17\n}\naccess-list m {\n10 protect ip from 10.2.0.0/16 to 10.1.128.0/17";
	static const struct world_conf a = {
		.start = "manual", .entries = both, .extra_tunnel = "updown /x route yes",
		.tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n start manual\n }\n",
	}, b = { .entries = back, .tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n }\n" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, "t");
	world_deliver(w);
	node_up(&w->a, "u");
	world_deliver(w);
	assert_int_equal(w->a.n_updowns, 1);
	assert_int_equal(w->a.n_routes, 1);
	w->cut = true;
	node_down(&w->a, "t");
	assert_int_equal(w->a.n_updowns, 2);
	assert_int_equal(w->a.n_routes, 0);
	w->cut = false;
	world_run(w, 10000);
	assert_int_equal(w->a.n_updowns, 2);
	world_free(w);
}

static void loads(void **state)
{
	static const struct world_conf
		none = { .start = "manual" },
		other = { .start = "manual", .extra_tunnel = "updown /etc/other" },
		changed = { .start = "manual", .extra_tunnel = "updown /etc/other", .entries = "10 protect ip from 10.1.0.0/16 to 10.4.0.0/16" };
	struct world *w = up(&none, NULL);

	(void)state;
	assert_int_equal(w->a.n_updowns, 0);
	/* for what is up already */
	world_load(&w->a, &usual);
	assert_int_equal(w->a.n_updowns, 1);
	world_load(&w->a, &usual);
	assert_int_equal(w->a.n_updowns, 1);
	/* the old command ends what it began */
	world_load(&w->a, &other);
	assert_int_equal(w->a.n_updowns, 3);
	has(w->a.updowns[1], "/etc/updown PLUTO_VERB=down-client ");
	has(w->a.updowns[2], "/etc/other PLUTO_VERB=up-client ");
	world_load(&w->a, &none);
	assert_int_equal(w->a.n_updowns, 4);
	has(w->a.updowns[3], "/etc/other PLUTO_VERB=down-client ");
	world_load(&w->a, &other);
	assert_int_equal(w->a.n_updowns, 5);
	/* another tunnel */
	world_load(&w->a, &changed);
	world_deliver(w);
	assert_int_equal(w->a.n_updowns, 6);
	has(w->a.updowns[5], "PLUTO_VERB=down-client ");
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_DOWN), 1);
	world_free(w);
}

/* After a crash the next run says up again: nobody has said down. */
static void crash(void **state)
{
	struct world *w = up(&usual, NULL);

	(void)state;
	node_crash(&w->a);
	node_adopt(&w->a);
	world_run(w, 120000);
	assert_int_equal(w->a.n_updowns, 2);
	has(w->a.updowns[1], "PLUTO_VERB=up-client ");
	world_free(w);
}

/* A peer asks for more pairs than commands run for: both verbs are bounded, and all tunnels carry. */
static void many_pairs(void **state)
{
	enum { MANY = 300, MOST = 256 };
	struct world_conf a = { .extra_tunnel = "child-sa per-entry updown /x", .start = "manual" }, b = { .start = "manual" };
	char *list = malloc(MANY * 80);
	struct world *w;
	size_t at = 0;
	int i;

	(void)state;
	assert_non_null(list);
	for (i = 1; i <= MANY; i++)
		at += sprintf(list + at, "%u protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port %u\n", i, i);
	a.entries = list;
	b.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16";
	world_room(4 * MANY + 10);
	w = world_new(&a, &b);
	world_room(WORLD_SAS);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), MANY);
	assert_int_equal(w->a.n_updowns, MOST);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	node_down(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_updowns, 2 * MOST);
	/* there is room again */
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_updowns, 3 * MOST);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 2);
	world_free(w);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strongswan_variables),
		cmocka_unit_test(each_pair),
		cmocka_unit_test(families_and_hosts),
		cmocka_unit_test(rekeying_runs_nothing),
		cmocka_unit_test(every_end),
		cmocka_unit_test(down_at_once),
		cmocka_unit_test(loads),
		cmocka_unit_test(crash),
		cmocka_unit_test(many_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
