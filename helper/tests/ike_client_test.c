// SPDX-License-Identifier: GPL-2.0
/* Many clients of one block: each has what is its own, and nobody gets the packets of another. */
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
#include "ike_bend.h"

#define ANNA	{ .id = "anna.example.com", .entries = "10 protect ip from 10.99.0.7 to 10.2.0.0/16" }
#define BOB(what) { .id = "bob.example.com", .entries = "10 protect ip from " what " to 10.2.0.0/16" }

static const struct world_conf gateway = { .remote = "any", .remote_id = "*.example.com",
					   .entries = "10 protect ip from 10.2.0.0/16 to 10.99.0.0/16" };
static const struct world_conf anna = ANNA;

/* the machine at a is another one from now on; the first is silent, and b does not know */
static void becomes(struct world *w, const struct world_conf *c)
{
	node_crash(&w->a);
	memset(w->a.sas, 0, WORLD_SAS * sizeof(*w->a.sas));
	w->a.memo.len = 0;
	world_load(&w->a, c);
	node_up(&w->a, NULL);
	world_deliver(w);
}

static struct world *with_anna(const struct world_conf *b)
{
	struct world *w = world_new(&anna, b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	return w;
}

/* of b's outbound SAs, those that take a packet to @dst */
static unsigned int go_to(struct world *w, const char *dst)
{
	unsigned int i, k, n = 0;
	struct fake_sa *f;
	struct addr a;

	assert_true(addr_parse(dst, &a));
	for (i = 0; i < WORLD_SAS; i++)
		for (k = 0, f = &w->b.sas[i]; f->used && f->dir == NFIPSEC_DIR_OUT && k < f->n_sels; k++)
			n += addr_cmp(&f->sels[k].dst.min, &a) <= 0 && addr_cmp(&a, &f->sels[k].dst.max) <= 0;
	return n;
}

static void end(struct world *w)
{
	w->cut = true;
	node_down(&w->a, NULL);
	node_down(&w->b, NULL);
	world_run(w, 300000);
	world_free(w);
}

/* a packet for a client that is not connected starts no exchange with another client */
static void packet_for_nobody(void **state)
{
	static const struct world_conf takes_all = {
		.id = "mallory.example.com", .extra_tunnel = "child-sa per-entry",
		.entries = "10 protect ip from 10.99.0.7 to 10.2.0.0/16\n20 protect ip from 10.99.0.50 to 10.2.0.0/16",
	};
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = world_new(i ? &takes_all : &anna, &gateway);
		if (i)
			node_acquire(&w->a, "10.99.0.7", "10.2.0.1");
		else
			node_up(&w->a, NULL);
		world_deliver(w);
		assert_int_equal(go_to(w, "10.99.0.7"), 1);
		w->b.sent = 0;
		node_acquire(&w->b, "10.2.0.1", "10.99.0.50");
		world_deliver(w);
		world_run(w, 2000);
		assert_int_equal(w->b.sent, 0);
		assert_int_equal(go_to(w, "10.99.0.50"), 0);
		/* up without a name is nobody's either */
		node_up(&w->b, NULL);
		world_deliver(w);
		end(w);
	}
}

#define TWO(id_, first, second) { .id = id_, .tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n }\n", \
	.entries = "10 protect ip from " first " to 10.2.0.0/16\n}\naccess-list m {\n" \
		   "10 protect ip from " second " to 10.3.0.0/16" }

/* tunnel t goes when it is idle, u does not, and with it the IKE SA stays */
static const struct world_conf idle = { .remote = "any", .remote_id = "*.example.com",
	.tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n }\n", .extra_tunnel = "idle-timeout 60s",
	.entries = "10 protect ip from 10.2.0.0/16 to 10.99.0.0/16\n}\naccess-list m {\n"
		   "10 protect ip from 10.3.0.0/16 to 10.99.0.0/16" };

static struct world *with_idle_anna(void)
{
	static const struct world_conf two = TWO("anna.example.com", "10.99.0.7", "10.99.0.7");
	struct world *w = world_new(&two, &idle);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 4);
	world_run(w, 200000);
	assert_int_equal(node_sas(&w->b), 2);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	return w;
}

/* its CHILD SA was idle and has gone, the client is still there: the packet is for it alone */
static void packet_for_an_idle_one(void **state)
{
	struct world *w = with_idle_anna();

	(void)state;
	w->b.sent = 0;
	node_acquire(&w->b, "10.2.0.1", "10.99.0.8");
	world_deliver(w);
	assert_int_equal(w->b.sent, 0);
	node_acquire(&w->b, "10.2.0.1", "10.99.0.7");
	world_deliver(w);
	assert_int_equal(go_to(w, "10.99.0.7"), 2);
	world_check_pairs(w);
	end(w);
}

static void held_by_another(void **state)
{
	static const struct world_conf same = BOB("10.99.0.7"), wider = BOB("10.99.0.0/24"), own = BOB("10.99.0.8");
	struct world *w = with_anna(&gateway);

	(void)state;
	becomes(w, &same);
	assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "fqdn 'bob.example.com' does not get 10.2.0.0/16 === 10.99.0.7, which fqdn 'anna.example.com' has"));
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	becomes(w, &wider);
	assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(go_to(w, "10.99.0.9"), 0);
	becomes(w, &own);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(go_to(w, "10.99.0.8"), 1);
	end(w);
}

/* what an idle client would get back is not free either, while it is connected */
static void held_by_an_idle_one(void **state)
{
	static const struct world_conf same = TWO("bob.example.com", "10.99.0.7", "10.99.0.8");
	struct world *w = with_idle_anna();

	(void)state;
	becomes(w, &same);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "fqdn 'bob.example.com' does not get 10.2.0.0/16 === 10.99.0.7, which fqdn 'anna.example.com' has"));
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(go_to(w, "10.99.0.8"), 1);
	/* it is forgotten with the tunnel */
	world_load(&w->b, &gateway);
	node_acquire(&w->b, "10.2.0.1", "10.99.0.7");
	world_deliver(w);
	end(w);
}

/* a holder that does not answer any more makes room */
static void held_by_one_that_has_gone(void **state)
{
	static const struct world_conf same = BOB("10.99.0.7");
	static const struct world_conf no_dpd = { .remote = "any", .remote_id = "*.example.com", .extra_peer = "dpd 0s\n",
		.entries = "10 protect ip from 10.2.0.0/16 to 10.99.0.0/16" };
	struct world *w = with_anna(&no_dpd);

	(void)state;
	world_run(w, 20000);
	becomes(w, &same);
	assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
	world_run(w, 100000);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	world_check_pairs(w);
	end(w);
}

/* after a restart of the gateway the module's SAs say what a client has that is still there */
static void held_before_a_restart(void **state)
{
	static const struct world_conf same = BOB("10.99.0.7"), own = BOB("10.99.0.8");
	struct world *w = with_anna(&gateway);
	unsigned int i;

	(void)state;
	node_crash(&w->b);
	for (i = 0; i < WORLD_SAS; i++)
		assert_true(!w->b.sas[i].used || addr_parse("192.0.2.77", &w->b.sas[i].remote));
	node_adopt(&w->b);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	becomes(w, &same);
	assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "fqdn 'bob.example.com' does not get 10.2.0.0/16 === 10.99.0.7, which a peer at 192.0.2.77 has"));
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	becomes(w, &own);
	assert_string_equal(w->a.up_error, "");
	end(w);
	/* the same machine gets it back */
	w = with_anna(&gateway);
	node_crash(&w->b);
	node_adopt(&w->b);
	becomes(w, &anna);
	assert_string_equal(w->a.up_error, "");
	world_run(w, 30000);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	world_check_pairs(w);
	end(w);
}

static void own_older_one(void **state)
{
	struct world *w = with_anna(&gateway);

	(void)state;
	becomes(w, &anna);
	assert_string_equal(w->a.up_error, "");
	world_run(w, 30000);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	world_check_pairs(w);
	end(w);
}

/* a client whose list takes everything, and which has no more than the address of its packet */
static const struct world_conf greedy = { .id = "mallory.example.com",
	.tunnels = " tunnel u {\n access-list m\n esp aes128gcm16\n }\n",
	.entries = "10 protect ip from 0.0.0.0/0 to 10.2.0.0/16\n}\naccess-list m {\n"
		   "10 protect ip from 10.99.0.7 to 10.3.0.0/16" };

static struct world *with_greedy(const struct world_conf *b)
{
	struct world *w = world_new(&greedy, b);

	node_acquire(&w->a, "10.99.0.7", "10.2.0.1");
	world_deliver(w);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(go_to(w, "10.99.0.8"), 0);
	return w;
}

/* the gateway offers no more than the client has, whoever rekeys */
static void gateway_rekeys(void **state)
{
	struct world *w = with_greedy(&idle);
	struct fake_sa *old = node_newest(&w->b, NFIPSEC_DIR_OUT);
	uint32_t spi = old->spi;

	(void)state;
	node_expire(&w->b, old, false);
	world_deliver(w);
	world_run(w, 20000);
	assert_int_not_equal(node_newest(&w->b, NFIPSEC_DIR_OUT)->spi, spi);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(go_to(w, "10.99.0.8"), 0);
	world_check_pairs(w);
	end(w);
}

/* nor when a packet asks for what an idle client had */
static void gateway_begins_again(void **state)
{
	struct world *w = with_greedy(&idle);

	(void)state;
	node_up(&w->a, "u");
	world_deliver(w);
	assert_int_equal(go_to(w, "10.99.0.7"), 2);
	world_run(w, 200000);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	node_acquire(&w->b, "10.2.0.1", "10.99.0.7");
	world_deliver(w);
	assert_int_equal(go_to(w, "10.99.0.7"), 2);
	assert_int_equal(go_to(w, "10.99.0.8"), 0);
	world_check_pairs(w);
	end(w);
}

/* nor when both reauthenticate */
static void gateway_reauthenticates(void **state)
{
	static const struct world_conf reauth = { .remote = "any", .remote_id = "*.example.com", .extra_peer = "reauth 1h\n",
		.entries = "10 protect ip from 10.2.0.0/16 to 10.99.0.0/16" };
	static const struct world_conf all = { .id = "mallory.example.com",
					       .entries = "10 protect ip from 0.0.0.0/0 to 10.2.0.0/16" };
	struct world *w = world_new(&all, &reauth);

	(void)state;
	node_acquire(&w->a, "10.99.0.7", "10.2.0.1");
	world_deliver(w);
	assert_int_equal(go_to(w, "10.99.0.8"), 0);
	world_run(w, 3600 * 1000);
	assert_int_equal(node_count(&w->b, IKE_EVENT_IKE_UP), 2);
	assert_int_equal(go_to(w, "10.99.0.7"), 1);
	assert_int_equal(go_to(w, "10.99.0.8"), 0);
	world_check_pairs(w);
	end(w);
}

/* who asks for everything gets nothing of the range, or the address of the packet that asked */
static void asks_for_everything(void **state)
{
	static const struct world_conf all = { .id = "anna.example.com",
					       .entries = "10 protect ip from 0.0.0.0/0 to 10.2.0.0/16" };
	static const struct world_conf wide = { .id = "anna.example.com",
						.entries = "10 protect ip from 10.0.0.0/8 to 10.2.0.0/16" };
	static const struct world_conf list = { .id = "anna.example.com",
						.entries = "10 protect ip from 10.99.0.0/16 to 10.2.0.0/16" };
	static const struct world_conf one = { .remote = "any", .remote_id = "anna.example.com",
					       .entries = "10 protect ip from 10.2.0.0/16 to 10.99.0.0/16" };
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = world_new(i ? &wide : &all, &gateway);
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
		assert_int_equal(node_sas(&w->b), 0);
		world_run(w, 40000);
		node_acquire(&w->a, "10.99.0.7", "10.2.0.1");
		world_run(w, 40000);
		assert_int_equal(go_to(w, "10.99.0.7"), 1);
		assert_int_equal(go_to(w, "10.99.0.8"), 0);
		world_check_pairs(w);
		/* rekeying by the client, which offers everything again */
		node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
		world_run(w, 20000);
		assert_int_equal(go_to(w, "10.99.0.7"), 1);
		assert_int_equal(go_to(w, "10.99.0.8"), 0);
		world_check_pairs(w);
		end(w);
	}
	/* the list has it for that, or the block is for one */
	for (i = 0; i < 2; i++) {
		w = world_new(i ? &all : &list, i ? &one : &gateway);
		node_up(&w->a, NULL);
		world_deliver(w);
		/* a part of what is wanted is no success, see ike_grant_test */
		if (i)
			assert_non_null(strstr(w->a.up_error, "granted only a part of access-list l: 10.99.0.0/16"));
		else
			assert_string_equal(w->a.up_error, "");
		assert_int_equal(go_to(w, "10.99.0.8"), 1);
		end(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_for_nobody),
		cmocka_unit_test(packet_for_an_idle_one),
		cmocka_unit_test(held_by_another),
		cmocka_unit_test(held_by_an_idle_one),
		cmocka_unit_test(held_by_one_that_has_gone),
		cmocka_unit_test(held_before_a_restart),
		cmocka_unit_test(own_older_one),
		cmocka_unit_test(gateway_rekeys),
		cmocka_unit_test(gateway_begins_again),
		cmocka_unit_test(gateway_reauthenticates),
		cmocka_unit_test(asks_for_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
