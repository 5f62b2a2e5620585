// SPDX-License-Identifier: GPL-2.0
/* `route yes`: which routes the kernel has while a tunnel is up, down, loaded again or left behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>
#include <linux/rtnetlink.h>

#include "ike_world.h"

#define NET	"10.2.0.0/16"
#define FROM	" source 10.1.0.1"

static const struct world_conf manual = { .start = "manual", .extra_tunnel = "route yes source 10.1.0.1" };
static const struct world_conf on_traffic = { .extra_tunnel = "route yes" };

static struct world *up(const struct world_conf *a)
{
	struct world *w = world_new(a, NULL);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	return w;
}

static void while_it_is_up(void **state)
{
	struct world *w = world_new(&manual, NULL);

	(void)state;
	assert_int_equal(w->a.n_routes, 0);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 1);
	assert_true(node_has_route(&w->a, NET FROM));
	/* the other end has no `route` */
	assert_int_equal(w->b.n_routes, 0);
	node_down(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

static void peer_takes_it_down(void **state)
{
	struct world *w = up(&manual);

	(void)state;
	node_down(&w->b, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

static void peer_that_is_gone(void **state)
{
	struct world *w = up(&manual);

	(void)state;
	w->cut = true;
	world_run(w, 30 * 60000);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* the first packet needs a route before there is an SA, and it stays when the SA goes */
static void on_traffic_it_stays(void **state)
{
	struct world *w = world_new(&on_traffic, NULL);

	(void)state;
	assert_true(node_has_route(&w->a, NET));
	node_up(&w->a, NULL);
	world_deliver(w);
	node_down(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 1);
	assert_int_equal(w->a.n_route_changes, 1);
	ike_shutdown(w->a.ike, w->now);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* rekeying and reauthentication make another SA before the old one goes: the route is never absent */
static void rekeying_keeps_it(void **state)
{
	static const struct world_conf c = {
		.start = "manual", .extra_peer = "reauth 2h", .extra_tunnel = "route yes",
	};
	struct world *w = up(&c);

	(void)state;
	world_run(w, 5 * 3600 * 1000);
	assert_true(node_has_route(&w->a, NET));
	assert_true(node_count(&w->a, IKE_EVENT_CHILD_UP) > 3);
	assert_int_equal(w->a.n_route_changes, 1);
	world_free(w);
}

static void exit_removes_it(void **state)
{
	struct world *w = up(&manual);

	(void)state;
	ike_shutdown(w->a.ike, w->now);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* another source, another table, none: the SAs stay */
static void loads_change_it(void **state)
{
	static const struct world_conf
		source = { .start = "manual", .extra_tunnel = "route yes source 10.1.0.2" },
		table = { .start = "manual", .extra_tunnel = "route yes table 7" },
		none = { .start = "manual", .extra_tunnel = "route no" },
		other = { .start = "manual", .extra_tunnel = "route yes", .entries = "10 protect ip from 10.1.0.0/16 to 10.3.0.0/16" };
	struct world *w = up(&manual);

	(void)state;
	world_load(&w->a, &source);
	assert_true(node_has_route(&w->a, NET " source 10.1.0.2"));
	world_load(&w->a, &table);
	assert_true(node_has_route(&w->a, NET " table 7"));
	assert_int_equal(w->a.n_routes, 1);
	world_load(&w->a, &none);
	assert_int_equal(w->a.n_routes, 0);
	world_load(&w->a, &manual);
	assert_true(node_has_route(&w->a, NET FROM));
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_DOWN), 0);
	/* a tunnel to other networks is another tunnel */
	world_load(&w->a, &other);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

static void unload_removes_it(void **state)
{
	struct world *w = up(&on_traffic);

	(void)state;
	ike_set_conf(w->a.ike, NULL, w->now);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* two tunnels to the same network: the last one removes the route, which has the source of the first */
static void shared(void **state)
{
	static const char both[] = "10 protect ip from 10.1.0.0/17 to 10.2.0.0/16\n}\naccess-list m {\n10 protect ip from 10.1.128.0/17 to 10.2.0.0/16";
	static const char back[] = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/17\n}\naccess-list m {\n10 protect ip from 10.2.0.0/16 to 10.1.128.0/17";
	static const struct world_conf a = {
		.start = "manual", .entries = both, .extra_tunnel = "route yes source 10.1.0.1",
		.tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n start manual\n route yes source 10.1.128.1\n }\n",
	}, b = { .entries = back, .tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n }\n" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, "t");
	world_deliver(w);
	node_up(&w->a, "u");
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 1);
	assert_true(node_has_route(&w->a, NET FROM));
	node_down(&w->a, "t");
	world_deliver(w);
	assert_true(node_has_route(&w->a, NET " source 10.1.128.1"));
	node_down(&w->a, "u");
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* what the peer granted, and not the whole list */
static void granted_part(void **state)
{
	static const struct world_conf b = { .entries = "10 protect ip from 10.2.64.0/18 to 10.1.0.0/16" };
	struct world *w = world_new(&manual, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 1);
	assert_true(node_has_route(&w->a, "10.2.64.0/18" FROM));
	world_free(w);
}

static void ranges(void **state)
{
	static const char range[] = "10 protect ip from 10.1.0.0/16 to 10.2.0.255-10.2.3.0\n20 protect tcp from 10.1.0.0/16 to 10.2.2.0/24 port 80";
	static const char edge[] = "10 protect ip from 10.1.0.0/16 to 255.255.255.254-255.255.255.255";
	static const char last[] = "10 protect ip from fd01::/64 to ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
	static const struct world_conf a = { .extra_tunnel = "route yes", .entries = range },
		b = { .extra_tunnel = "route yes table 1000 source 10.1.0.1", .entries = edge },
		c = { .extra_tunnel = "route yes source 10.1.0.1", .entries = last };
	struct world *w = world_new(&a, NULL);

	(void)state;
	assert_int_equal(w->a.n_routes, 4);
	assert_true(node_has_route(&w->a, "10.2.0.255"));
	assert_true(node_has_route(&w->a, "10.2.1.0/24"));
	assert_true(node_has_route(&w->a, "10.2.2.0/24"));
	assert_true(node_has_route(&w->a, "10.2.3.0"));
	world_load(&w->a, &b);
	assert_int_equal(w->a.n_routes, 1);
	assert_true(node_has_route(&w->a, "255.255.255.254/31 table 1000" FROM));
	/* a source of the other family is none */
	world_load(&w->a, &c);
	assert_int_equal(w->a.n_routes, 2);
	assert_true(node_has_route(&w->a, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffd"));
	assert_true(node_has_route(&w->a, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"));
	world_free(w);
}

/* `remote address any`: the peer's address is known only when it comes */
/* with several addresses, or a name, the daemon initiates as well */
static void several_addresses(void **state)
{
	static const struct world_conf c = {
		.remote = "192.0.2.2 192.0.2.12", .extra_tunnel = "route yes",
	};
	struct world *w = world_new(&c, NULL);

	(void)state;
	assert_true(node_has_route(&w->a, NET));
	world_free(w);
}

static bool sent_to(const struct node *n, const char *addr)
{
	char text[ADDR_STRLEN];
	unsigned int i;

	for (i = 0; i < n->n_log; i++)
		if (!strcmp(addr_str(&n->log[i].to.addr, text, sizeof(text)), addr))
			return true;
	return false;
}

/* a name server that names an address behind a tunnel gets no IKE sent into it */
static void name_behind_the_tunnel(void **state)
{
	static const struct world_conf c = {
		.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
			   "access-list z { 10 protect ip from 10.8.0.0/16 to 10.9.0.0/16",
		.extra_tunnel = "route yes }\n}\npeer q { local address 192.0.2.1 id fqdn a.example.com\n"
				"remote address gw.example.com id fqdn q.example.com auth psk\n"
				"tunnel u { access-list z start at-load",
	};
	struct world *w = world_new(&c, NULL);

	(void)state;
	w->names = "gw.example.com=10.2.0.9";
	world_run(w, 70000);
	assert_true(node_has_route(&w->a, NET));
	assert_false(sent_to(&w->a, "10.2.0.9"));
	w->names = "gw.example.com=192.0.2.9";
	world_run(w, 180000);
	assert_true(sent_to(&w->a, "192.0.2.9"));
	world_free(w);
}

static void never_over_the_peer(void **state)
{
	static const struct world_conf
		main = { .remote = "any", .start = "manual", .entries = "10 protect ip from 10.1.0.0/16 to 192.0.2.0/24", .extra_tunnel = "route yes" },
		own = { .remote = "any", .start = "manual", .entries = "10 protect ip from 10.1.0.0/16 to 192.0.2.0/24", .extra_tunnel = "route yes table 7" },
		b = { .entries = "10 protect ip from 192.0.2.0/24 to 10.1.0.0/16" };
	struct world *w = world_new(&main, &b);

	(void)state;
	node_up(&w->b, NULL);
	world_deliver(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 1);
	assert_int_equal(w->a.n_routes, 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "no route to 192.0.2.0/24 in table 254: it would lead IKE and ESP to the peer's address 192.0.2.2 into the tunnel"));
	world_load(&w->a, &own);
	assert_true(node_has_route(&w->a, "192.0.2.0/24 table 7"));
	world_free(w);
}

static void refused_by_the_kernel(void **state)
{
	struct world *w = world_new(&manual, NULL);

	(void)state;
	w->a.refuse_route = EEXIST;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "no route to 10.2.0.0/16 in table 254: the table has another route to it"));
	assert_int_equal(w->a.n_routes, 0);
	/* later it has none any more */
	w->a.refuse_route = 0;
	world_run(w, 31000);
	assert_true(node_has_route(&w->a, NET FROM));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	world_free(w);
}

static void foreign_source(void **state)
{
	struct world *w = world_new(&manual, NULL);

	(void)state;
	node_up(&w->a, NULL);
	w->a.not_local = true;
	world_deliver(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "no route to 10.2.0.0/16: found source 10.1.0.1, expected an address of this host"));
	assert_int_equal(w->a.n_routes, 0);
	w->a.not_local = false;
	ike_routes_changed(w->a.ike, w->now);
	world_run(w, 1000);
	assert_true(node_has_route(&w->a, NET FROM));
	world_free(w);
}

/* the kernel removes routes with their device or source, and says so */
static void removed_by_the_kernel(void **state)
{
	struct world *w = up(&manual);

	(void)state;
	w->a.n_routes = 0;
	ike_routes_changed(w->a.ike, w->now);
	world_run(w, 1000);
	assert_true(node_has_route(&w->a, NET FROM));
	world_free(w);
}

/* killed: the SAs go on, and so does the route; what nobody wants goes at the first load */
static void left_by_a_crash(void **state)
{
	struct world *w = up(&manual);
	struct route_entry stale = { .table = 5, .prefix_len = 8 };

	(void)state;
	node_crash(&w->a);
	assert_int_equal(w->a.n_routes, 1);
	assert_true(addr_parse("10.0.0.0", &stale.dst));
	w->a.routes[w->a.n_routes++] = stale;
	w->a.n_route_changes = 0;
	node_adopt(&w->a);
	/* removed: the stale one; the other one was never absent */
	assert_int_equal(w->a.n_route_changes, 1);
	assert_int_equal(w->a.n_routes, 1);
	assert_true(node_has_route(&w->a, NET FROM));
	world_run(w, 120000);
	assert_true(node_has_route(&w->a, NET FROM));
	assert_true(node_count(&w->a, IKE_EVENT_CHILD_UP) > 1);
	node_down(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* a peer asks for a range that needs many routes */
static void bounded(void **state)
{
	static const struct world_conf
		a = { .remote = "any", .start = "manual", .extra_tunnel = "route yes", .entries =
		      "10 protect ip from fd01::/64 to fd02::/16\n20 protect ip from fd01::/64 to fe00::/16" },
		b = { .entries =
		      "10 protect ip from fd02::1-fd02:ffff:ffff:ffff:ffff:ffff:ffff:fffe to fd01::/64\n"
		      "20 protect ip from fe00::1-fe00:ffff:ffff:ffff:ffff:ffff:ffff:fffe to fd01::/64" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->b, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 256);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "the SAs of one peer have 256 routes at most"));
	node_down(&w->b, NULL);
	world_deliver(w);
	assert_int_equal(w->a.n_routes, 0);
	world_free(w);
}

/* The CHILD SAs of one peer have the limit together, and the log has one line a minute. */
static void bounded_together(void **state)
{
	static const struct world_conf
		a = { .remote = "any", .start = "manual", .extra_tunnel = "route yes", .entries =
		      "10 protect ip from fd01::/64 to fd02::/16\n20 protect ip from fd01::/64 to fe00::/16" },
		b = { .extra_tunnel = "child-sa per-entry", .entries =
		      "10 protect ip from fd02::1-fd02:ffff:ffff:ffff:ffff:ffff:ffff:fffe to fd01::/64\n"
		      "20 protect ip from fe00::1-fe00:ffff:ffff:ffff:ffff:ffff:ffff:fffe to fd01::/64" };
	struct world *w = world_new(&a, &b);
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		node_up(&w->b, NULL);
		world_deliver(w);
		assert_int_equal(node_sas(&w->a), 4);
		assert_int_equal(w->a.n_routes, 256);
		assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
		if (i < 2)
			node_down(&w->b, NULL);
		world_deliver(w);
	}
	/* the kernel has removed them all: they come back, but not in one go */
	w->a.n_routes = 0;
	ike_routes_changed(w->a.ike, w->now);
	world_run(w, 1000);
	assert_in_range(w->a.n_routes, 1, 255);
	world_run(w, 1000);
	assert_int_equal(w->a.n_routes, 256);
	world_free(w);
}

static void shown(void **state)
{
	struct world *w = up(&on_traffic);
	json_t *all = ike_show(w->a.ike, w->now), *tunnel, *routes;

	(void)state;
	tunnel = json_array_get(json_object_get(json_array_get(json_object_get(all, "peers"), 0),
						"tunnels"), 0);
	routes = json_object_get(tunnel, "routes");
	assert_int_equal(json_array_size(routes), 1);
	assert_string_equal(json_string_value(json_array_get(routes, 0)), NET);
	json_decref(all);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_it_is_up),
		cmocka_unit_test(peer_takes_it_down),
		cmocka_unit_test(peer_that_is_gone),
		cmocka_unit_test(on_traffic_it_stays),
		cmocka_unit_test(rekeying_keeps_it),
		cmocka_unit_test(exit_removes_it),
		cmocka_unit_test(loads_change_it),
		cmocka_unit_test(unload_removes_it),
		cmocka_unit_test(shared),
		cmocka_unit_test(granted_part),
		cmocka_unit_test(ranges),
		cmocka_unit_test(several_addresses),
		cmocka_unit_test(name_behind_the_tunnel),
		cmocka_unit_test(never_over_the_peer),
		cmocka_unit_test(refused_by_the_kernel),
		cmocka_unit_test(foreign_source),
		cmocka_unit_test(removed_by_the_kernel),
		cmocka_unit_test(left_by_a_crash),
		cmocka_unit_test(bounded),
		cmocka_unit_test(bounded_together),
		cmocka_unit_test(shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
