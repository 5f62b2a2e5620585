// SPDX-License-Identifier: GPL-2.0
/* Redundant tunnels: both are up, the daemon tells which one takes packets, and a lost one comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ike/core.h"
#include "ike_world.h"

/* two peers, which one node is by two names, for the same packets */
static void load(struct node *n, const char *entry, const char *first, const char *second)
{
	bool a = n == &n->w->a;
	int us = a ? 'a' : 'b', them = a ? 'b' : 'a';
	struct conf_error err = { .text = "" };
	struct conf *conf, *old = n->conf;
	char text[2048], peer[2][512];
	int i;

	for (i = 0; i < 2; i++)
		snprintf(peer[i], sizeof(peer[i]), "peer p%d { local address 192.0.2.%d id fqdn %c%d.example.com\n"
			 "remote address 192.0.2.%d id fqdn %c%d.example.com auth psk\n"
			 "ike aes128gcm16-prfsha256-x25519\n"
			 "tunnel t { access-list l%d esp aes128gcm16 %s } }\n", i, a ? 1 : 2, us, i,
			 a ? 2 : 1, them, i, i, i ? second : first);
	snprintf(text, sizeof(text), "access-list l0 { 10 %s }\naccess-list l1 { 20 %s }\n%s%s", entry, entry,
		 peer[0], peer[1]);
	conf = conf_parse(text, strlen(text), "c", &err);
	if (!conf)
		fail_msg("%s", err.text);
	assert_true(conf_secrets_parse(conf, "psk any any \"secret\"\n", 21, "secrets", &err));
	n->conf = conf;
	ike_set_conf(n->ike, conf, n->w->now);
	conf_free(old);
}

static const char *shown(const struct node *n, unsigned int tunnel, const char *key)
{
	static char text[2][64];
	json_t *o = ike_show(n->ike, n->w->now);
	const json_t *t = json_array_get(json_object_get(json_array_get(json_object_get(o, "peers"), tunnel),
							  "tunnels"), 0);
	const char *s = json_string_value(json_object_get(t, key));

	snprintf(text[tunnel], sizeof(text[0]), "%s", s ? s : "");
	json_decref(o);
	return text[tunnel];
}

static void assert_shown(const struct node *n, const char *key, const char *first, const char *second)
{
	assert_string_equal(shown(n, 0, key), first);
	assert_string_equal(shown(n, 1, key), second);
}

static void told(void *arg, const char *error)
{
	(void)error;
	(void)arg;
}

static void down(struct node *n, const char *peer)
{
	ike_down(n->ike, peer, NULL, told, NULL, n->w->now);
}

static void up(struct node *n, const char *peer)
{
	ike_up(n->ike, peer, NULL, told, NULL, n->w->now);
}

static struct world *begin(const char *first, const char *second)
{
	struct world *w = world_new(NULL, NULL);

	load(&w->b, "protect ip from 10.2.0.0/16 to 10.1.0.0/16", "priority 1 start manual",
	     "priority 2 start manual");
	load(&w->a, "protect ip from 10.1.0.0/16 to 10.2.0.0/16", first, second);
	world_run(w, 3000);
	return w;
}

static void end(struct world *w)
{
	down(&w->a, "p0");
	down(&w->a, "p1");
	world_run(w, 3000);
	world_free(w);
}

static void both_come_up(void **state)
{
	struct world *w = begin("priority 1", "priority 2");

	(void)state;
	assert_shown(&w->a, "state", "up", "up");
	assert_shown(&w->a, "role", "active", "standby");
	assert_shown(&w->a, "start", "at-load", "at-load");
	/* only their order changes: no SA ends */
	load(&w->a, "protect ip from 10.1.0.0/16 to 10.2.0.0/16", "priority 3", "priority 2");
	world_run(w, 1000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_DOWN), 0);
	assert_shown(&w->a, "role", "standby", "active");
	end(w);
}

static void taken_down(void **state)
{
	struct world *w = begin("priority 1", "priority 2");

	(void)state;
	down(&w->a, "p0");
	world_run(w, 60000);
	assert_shown(&w->a, "state", "down", "up");
	assert_shown(&w->a, "role", "", "active");
	up(&w->a, "p0");
	world_run(w, 1000);
	assert_shown(&w->a, "role", "active", "standby");
	end(w);
}

/* The peer deletes what is active: it is tried again while the standby has the packets. */
static void deleted_by_the_peer(void **state)
{
	struct world *w = begin("priority 1", "priority 2");
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		down(&w->b, "p0");
		world_deliver(w);
		assert_shown(&w->a, "role", "", "active");
		assert_int_equal(node_sas(&w->a), 2);
		world_run(w, 3000);
		assert_shown(&w->a, "role", "active", "standby");
		assert_int_equal(node_sas(&w->a), 4);
	}
	end(w);
}

static unsigned int cut_first(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	(void)n;
	return w->filter_arg ? 0 : 1;
}

/* Both do not answer any more: both go, and both come back. */
static void dead_and_back(void **state)
{
	struct world *w = begin("priority 1", "priority 2");

	(void)state;
	w->filter = cut_first;
	w->filter_arg = 1;
	world_run(w, 120000);
	assert_shown(&w->a, "role", "", "");
	assert_int_equal(node_sas(&w->a), 0);
	w->filter_arg = 0;
	world_run(w, 120000);
	assert_shown(&w->a, "role", "active", "standby");
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_come_up),
		cmocka_unit_test(taken_down),
		cmocka_unit_test(deleted_by_the_peer),
		cmocka_unit_test(dead_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
