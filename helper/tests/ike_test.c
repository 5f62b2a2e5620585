// SPDX-License-Identifier: GPL-2.0
/* The IKE core: two peers in one process that come up, or say why not. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

static void suites(void **state)
{
	static const struct world_conf confs[] = {
		{ .ike = "aes256gcm16-prfsha384-ecp384", .esp = "aes256gcm16" },
		{ .ike = "aes128gcm16-prfsha256-x25519", .esp = "aes128gcm16" },
		{ .ike = "aes128-sha256-modp2048", .esp = "aes128-sha256" },
		{ .ike = "aes256-sha384-ecp256", .esp = "aes256-sha256-noesn" },
		{ .ike = "aes256-sha512-modp3072", .esp = "aes256-sha256-esn" },
		{ .ike = "aes256gcm16-prfsha512-modp4096", .esp = "aes256gcm16-x25519" },
	};
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(confs) / sizeof(confs[0]); i++) {
		w = world_up(&confs[i], &confs[i]);
		assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->esn, i != 3);
		assert_int_equal(w->n_packets, 4);
		world_free(w);
	}
}

/* the packet that asks is not asked for twice, and its tunnel takes it */
static void acquire(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct fake_sa *out;

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	node_acquire(&w->a, "10.1.0.2", "10.2.0.1");
	assert_int_equal(w->a.sent, 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ACQUIRE), 1);
	world_deliver(w);
	world_is_up(w);
	/* the packet's own selectors were in front, and went into the general ones */
	out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	assert_int_equal(out->n_sels, 1);
	assert_int_equal(out->sels[0].src.proto, 0);
	/* the module asked again before it saw the SA */
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	assert_int_equal(w->n_packets, 4);
	/* somebody took the SA out of the module behind our back */
	out->used = false;
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_deliver(w);
	assert_non_null(node_newest(&w->a, NFIPSEC_DIR_OUT));
	world_free(w);
}

static void manual_waits(void **state)
{
	static const struct world_conf c = { .start = "manual" };
	struct world *w = world_new(&c, NULL);

	(void)state;
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 60000);
	assert_int_equal(w->n_packets, 0);
	node_up(&w->a, "t");
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

static void invalid_ke(void **state)
{
	static const struct world_conf a = { .ike = "aes128gcm16-prfsha256-ecp256-x25519" };
	static const struct world_conf b = { .ike = "aes128gcm16-prfsha256-x25519" };
	struct world *w = world_up(&a, &b);

	(void)state;
	assert_int_equal(w->n_packets, 6);
	world_free(w);
}

/* RFC 7296 1.2: of two groups that both have, the one that came, in each exchange */
static void group_that_came(void **state)
{
	static const struct world_conf a = { .esp = "aes128gcm16-x25519-ecp256" };
	static const struct world_conf b = { .esp = "aes128gcm16-ecp256-x25519" };
	struct world *w = world_up(&a, &b);

	(void)state;
	assert_int_equal(w->n_packets, 4);
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_run(w, 5000);
	/* the new CHILD SA, and the DELETE of the old one */
	assert_int_equal(w->n_packets, 8);
	assert_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "INVALID_KE_PAYLOAD"));
	world_is_up(w);
	world_free(w);
}

static void invalid_ke_not_ours(void **state)
{
	static const uint8_t answer_tail[] = { 0, 0, 0, 10, 0, 0, 0, 17, 0, 16 };
	struct world *w = world_new(NULL, NULL);
	uint8_t msg[38];
	struct packet p = { .data = msg, .len = sizeof(msg) };

	(void)state;
	w->cut = true;
	node_up(&w->a, NULL);
	w->cut = false;
	/* a responder that wants modp4096: N(INVALID_KE_PAYLOAD) by hand */
	memcpy(msg, w->a.log[0].data, 28);
	memcpy(msg + 28, answer_tail, sizeof(answer_tail));
	msg[16] = 41;
	msg[19] = 0x20;
	msg[26] = 0;
	msg[27] = sizeof(msg);
	p.from = w->a.log[0].to;
	p.to = w->a.log[0].from;
	world_send(w, &p);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "wants DH group modp4096"));
	assert_non_null(strstr(w->a.up_error, "offered x25519"));
	world_nothing_left(w);
	world_free(w);
}

static void cookie(void **state)
{
	static const struct ike_limits limits = {
		.cookie_threshold = 0, .half_open_max = 100, .half_open_per_addr = 100,
		.inits_per_addr = 20, .retrans_tries = 5, .retrans_first = 1000,
	};
	static const struct world_conf a = { .ike = "aes128gcm16-prfsha256-ecp256-x25519" };
	static const struct world_conf b = { .ike = "aes128gcm16-prfsha256-x25519" };
	struct world *w = world_new(&a, &b);

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	/* cookie, wrong group (with the cookie: RFC 7296 2.6.1), and through */
	assert_int_equal(w->n_packets, 8);
	assert_int_equal(node_counter(&w->b, "cookie_demanded"), 1);
	assert_int_equal(node_counter(&w->b, "cookie_wrong"), 0);
	world_free(w);
}

/* the IKE_SA_INIT of the first, from somebody else */
static struct packet init_of(struct world *w)
{
	struct packet p;

	w->cut = true;
	node_up(&w->a, NULL);
	p = w->a.log[0];
	return p;
}

static void send_init(struct world *w, struct packet *p, unsigned int i)
{
	p->data[0] = i + 1;	/* another initiator's SPI, without NAT notifies that say so */
	p->data[p->len - 56 + 6] = 1;
	p->data[p->len - 28 + 6] = 1;
	w->cut = false;
	world_send(w, p);
	w->cut = true;
	world_deliver(w);
}

static void half_open(void **state)
{
	struct world *w = world_new(NULL, NULL);
	static const struct ike_limits limits = {
		.cookie_threshold = 100, .half_open_max = 3, .half_open_per_addr = 100,
		.inits_per_addr = 20, .retrans_tries = 5, .retrans_first = 1000,
	};
	struct packet p = init_of(w);
	unsigned int i;

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	for (i = 0; i < 5; i++)
		send_init(w, &p, i);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 3);
	assert_int_equal(node_counter(&w->b, "half_open_limit"), 2);
	world_run(w, 31000);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	world_free(w);
}

/* those that wait for an IKE_AUTH that does not come give way to who begins now */
static void half_open_give_way(void **state)
{
	struct world *w = world_new(NULL, NULL);
	static const struct ike_limits limits = {
		.cookie_threshold = 100, .half_open_max = 3, .half_open_per_addr = 100,
		.inits_per_addr = 20, .retrans_tries = 5, .retrans_first = 1000,
	};
	struct packet p = init_of(w);
	unsigned int i;

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	for (i = 0; i < 3; i++) {
		send_init(w, &p, i);
		world_run(w, 1000);
	}
	/* the one that has waited for longest, which is three seconds */
	send_init(w, &p, 3);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 3);
	assert_int_equal(node_counter(&w->b, "half_open_limit"), 1);
	/* not one of those that may still be answered */
	send_init(w, &p, 4);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 3);
	assert_int_equal(node_counter(&w->b, "half_open_limit"), 2);
	/* a peer that means it, and tries again, gets through */
	w->cut = false;
	world_run(w, 5000);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	world_run(w, 31000);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	world_free(w);
}

/* one address cannot take what there is for all */
static void half_open_of_one(void **state)
{
	static const struct world_conf any = { .remote = "any" };
	struct world *w = world_new(NULL, &any);
	static const struct ike_limits limits = {
		.cookie_threshold = 100, .half_open_max = 100, .half_open_per_addr = 3,
		.inits_per_addr = 20, .retrans_tries = 5, .retrans_first = 1000,
	};
	struct packet p = init_of(w);
	unsigned int i;

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	for (i = 0; i < 5; i++)
		send_init(w, &p, i);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 3);
	assert_int_equal(node_counter(&w->b, "address_limit"), 2);
	assert_true(addr_parse("198.51.100.7", &p.from.addr));
	send_init(w, &p, 10);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 4);
	/* and has its share again when its SAs are gone */
	world_run(w, 31000);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	assert_true(addr_parse("192.0.2.1", &p.from.addr));
	send_init(w, &p, 20);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 1);
	world_free(w);
}

/* under load who shows a cookie may begin so many a second, and no more */
static void starts_of_one(void **state)
{
	static const struct ike_limits limits = {
		.cookie_threshold = 0, .half_open_max = 100, .half_open_per_addr = 100,
		.inits_per_addr = 2, .retrans_tries = 5, .retrans_first = 1000,
	};
	struct world *w = world_new(NULL, NULL);
	unsigned int i;

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	for (i = 0; i < 3; i++) {
		node_restart(&w->a);
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_int_equal(w->a.up_done, i < 2);
	}
	assert_int_equal(node_counter(&w->b, "cookie_demanded"), 3);
	assert_int_equal(node_counter(&w->b, "address_limit"), 1);
	/* its repetition a second later is let in */
	world_run(w, 2500);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	world_free(w);
}

static void wrong_psk(void **state)
{
	static const struct world_conf b = { .psk = "another" };
	struct world *w = world_new(NULL, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "p/t: authentication failed with 192.0.2.2: "));
	assert_non_null(strstr(w->a.up_error, "(we are fqdn 'a.example.com', it is fqdn 'b.example.com')"));
	assert_null(strstr(w->a.up_error, "secret"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "authentication failed with 192.0.2.1: the "
				  "pre-shared keys differ (we are fqdn 'b.example.com', it is fqdn 'a.example.com')"));
	world_nothing_left(w);
	world_free(w);
}

static void no_secret(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int n;

	(void)state;
	/* the last secret goes, nothing else changes */
	n = w->a.conf->n_secrets_by_id;
	w->a.conf->n_secrets_by_id = 0;
	node_up(&w->a, NULL);
	w->a.conf->n_secrets_by_id = n;
	assert_non_null(strstr(w->a.up_error, "no pre-shared key for fqdn 'a.example.com' and "
			       "fqdn 'b.example.com'"));
	assert_int_equal(w->n_packets, 0);
	world_free(w);
}

static void without_credentials(struct node *n)
{
	n->conf->peers[0].lacks = strdup("secrets:1:1: found mode 0644, expected 0600");
	assert_non_null(n->conf->peers[0].lacks);
}

/* it is said once, however often somebody wants the tunnel */
static void initiator_that_lacks_something(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	without_credentials(&w->a);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 120000);
	node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
	world_run(w, 120000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "found mode 0644"));
	node_up(&w->a, NULL);
	assert_string_equal(w->a.up_error, "p/t: secrets:1:1: found mode 0644, expected 0600");
	assert_int_equal(w->n_packets, 0);
	world_free(w);
}

static void responder_that_lacks_something(void **state)
{
	struct world *w = world_new(NULL, NULL);
	json_t *shown;

	(void)state;
	without_credentials(&w->b);
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "AUTHENTICATION_FAILED"));
	assert_null(strstr(w->a.up_error, "0644"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "found mode 0644, expected 0600"));
	shown = ike_show(w->b.ike, w->now);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(shown, "peers"), 0),
							      "lacks")),
			    "secrets:1:1: found mode 0644, expected 0600");
	json_decref(shown);
	world_nothing_left(w);
	world_free(w);
}

static void wrong_ids(void **state)
{
	static const struct world_conf other = { .id = "c.example.com" };
	struct world *w = world_new(&other, NULL);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "says it is fqdn 'c.example.com'"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "expected fqdn 'a.example.com'"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	world_nothing_left(w);
	world_free(w);
}

static void no_ike_proposal(void **state)
{
	static const struct world_conf a = { .ike = "aes256gcm16-prfsha384-ecp384" };
	static const struct world_conf b = { .ike = "aes128-sha256-modp2048" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_non_null(strstr(w->a.up_error, "NO_PROPOSAL_CHOSEN"));
	assert_non_null(strstr(w->a.up_error, "offered aes256gcm16-prfsha384-ecp384"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no common IKE proposal with 192.0.2.1"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "expected aes128"));
	world_nothing_left(w);
	/* the same again at once is not told again to the log of who did not ask for it */
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	world_free(w);
}

/* RFC 7296 1.2: the IKE SA stays without a CHILD SA */
static void no_esp_proposal(void **state)
{
	static const struct world_conf a = { .esp = "aes256gcm16" }, b = { .esp = "aes128-sha256" };
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 100);
	assert_non_null(strstr(w->a.up_error, "NO_PROPOSAL_CHOSEN"));
	assert_non_null(strstr(w->a.up_error, "offered aes256gcm16"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no common ESP proposal with 192.0.2.1"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "expected aes128"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_sas(&w->a) + node_sas(&w->b), 0);
	world_free(w);
}

static void no_common_selectors(void **state)
{
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.7.0.0/16 to 10.1.0.0/16",
	};
	struct world *w = world_new(NULL, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_run(w, 100);
	assert_non_null(strstr(w->a.up_error, "TS_UNACCEPTABLE"));
	assert_non_null(strstr(w->a.up_error, "10.1.0.0/16 === 10.2.0.0/16"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "expected tunnel t: 10.7.0.0/16 === 10.1.0.0/16"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "offered 10.2.0.0/16 === 10.1.0.0/16"));
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	world_free(w);
}

static void silent_peer(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int seconds = 0;
	const char *line;

	(void)state;
	w->cut = true;
	node_up(&w->a, NULL);
	world_run(w, 60000);
	assert_true(w->a.up_done);
	assert_int_equal(w->a.sent, 6);
	line = strstr(w->a.up_error, "192.0.2.2[500] does not answer: 6 tries in ");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "%*s does not answer: 6 tries in %u s", &seconds), 1);
	/* each wait 1.8 times the one before, from 1 s on, give or take a tenth */
	assert_in_range(seconds, 37, 45);
	assert_non_null(strstr(w->a.up_error, "offered aes128gcm16-prfsha256-x25519"));
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 1);
	/* each repetition is the identical message */
	assert_int_equal(w->a.log[0].len, w->a.log[5].len);
	assert_memory_equal(w->a.log[0].data, w->a.log[5].data, w->a.log[0].len);
	world_nothing_left(w);
	world_free(w);
}

static void unknown_peer(void **state)
{
	static const struct world_conf b = { .remote = "192.0.2.77" };
	struct world *w = world_new(NULL, &b);
	unsigned int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		node_up(&w->a, NULL);
		world_deliver(w);
	}
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no peer is configured for 192.0.2.1[500]"));
	/* whoever sends many does not fill the log */
	assert_true(node_count(&w->b, IKE_EVENT_ERROR) <= 10);
	world_free(w);
}

static void narrowing(void **state)
{
	static const struct world_conf a = {
		.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
			   "20 bypass ip from 10.1.0.0/16 to 10.3.0.0/16\n"
			   "30 protect tcp from 10.1.0.0/16 to 10.4.0.0/16 port 80",
	};
	static const struct world_conf b = {
		.entries = "10 protect ip from 10.2.3.0/24 to 10.1.0.0/16\n"
			   "20 protect ip from 10.4.0.0/24 to 10.1.5.0/24",
	};
	struct world *w = world_new(&a, &b);
	struct fake_sa *out;
	char s[TS_STRLEN];

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	/* a part is no success, see ike_grant_test */
	assert_non_null(strstr(w->a.up_error, "the peer granted only a part of access-list l"));
	out = node_newest(&w->a, NFIPSEC_DIR_OUT);
	assert_int_equal(out->n_sels, 2);
	assert_string_equal(ts_str(&out->sels[0].dst, s, sizeof(s)), "10.2.3.0/24");
	assert_string_equal(ts_str(&out->sels[1].dst, s, sizeof(s)), "tcp 10.4.0.0/24 port 80");
	assert_int_equal(out->sels[1].src.proto, IPPROTO_TCP);
	/* a packet outside of what the peer narrowed to: another CHILD SA is tried, then backed off */
	node_acquire(&w->a, "10.1.0.1", "10.2.9.9");
	world_deliver(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ACQUIRE), 1);
	world_free(w);
}

static void several_tunnels(void **state)
{
	static const struct world_conf a = {
		.tunnels = "tunnel u {\n access-list l2\n esp aes256gcm16-ecp256\n}\n",
		.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list l2 {\n"
			   "10 protect ip from 10.11.0.0/16 to 10.12.0.0/16\n",
	};
	static const struct world_conf b = {
		.tunnels = "tunnel v {\n access-list l2\n esp aes256gcm16-x25519-ecp256\n}\n",
		.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\naccess-list l2 {\n"
			   "10 protect ip from 10.12.0.0/16 to 10.11.0.0/16\n",
	};
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	/* one of them goes, the other stays */
	node_down(&w->a, "u");
	world_deliver(w);
	assert_true(w->a.down_done);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	/* and comes back on the IKE SA that is there, asked for by the other end */
	ike_up(w->b.ike, "p", "v", NULL, NULL, w->now);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	world_check_pairs(w);
	node_down(&w->b, NULL);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

/* CREATE_CHILD_SA: RFC 7296 1.3 */
static void child_invalid_ke(void **state)
{
	static const struct world_conf a = { .esp = "aes128gcm16-ecp256-x25519" };
	static const struct world_conf b = { .esp = "aes128gcm16-x25519" };
	struct world *w = world_up(&a, &b);
	unsigned int before;

	(void)state;
	before = w->n_packets;
	node_expire(&w->a, node_newest(&w->a, NFIPSEC_DIR_OUT), false);
	world_deliver(w);
	world_is_up(w);
	/* refused, accepted, old one deleted */
	assert_int_equal(w->n_packets - before, 6);
	world_free(w);
}

static void responder_for_everyone(void **state)
{
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	struct world *w = world_up(NULL, &b);

	(void)state;
	node_down(&w->a, NULL);
	world_deliver(w);
	node_up(&w->b, NULL);
	assert_non_null(strstr(w->b.up_error, "it can begin, we cannot"));
	world_free(w);
}

static void simultaneous(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int lifo;

	(void)state;
	for (lifo = 0; lifo < 2; lifo++) {
		w->lifo = lifo;
		node_up(&w->a, NULL);
		node_up(&w->b, NULL);
		world_deliver(w);
		world_run(w, 5000);
		assert_true(w->a.up_done && w->b.up_done);
		assert_string_equal(w->a.up_error, "");
		assert_string_equal(w->b.up_error, "");
		world_is_up(w);
		node_down(&w->a, NULL);
		/* one that was given up half-way is forgotten later */
		world_run(w, 31000);
		world_nothing_left(w);
	}
	world_free(w);
}

static void refuse(bool at_b, bool out)
{
	struct world *w = world_new(NULL, NULL);
	struct node *n = at_b ? &w->b : &w->a;

	*(out ? &n->refuse_out : &n->refuse_in) = ENOMEM;
	node_up(&w->a, NULL);
	world_run(w, 2000);
	assert_true(w->a.up_done);
	assert_int_equal(node_count(n, IKE_EVENT_ERROR), 1);
	assert_non_null(node_line(n, IKE_EVENT_ERROR, "the module refused the SA"));
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_sas(&w->b), 0);
	n->refuse_in = n->refuse_out = 0;
	world_run(w, 60000);
	node_up(&w->a, NULL);
	world_run(w, 2000);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	world_free(w);
}

static void module_refuses(void **state)
{
	(void)state;
	refuse(false, false);
	refuse(false, true);
	refuse(true, false);
	refuse(true, true);
}

static void unknown_names(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	node_up(&w->a, "nonsense");
	assert_string_equal(w->a.up_error, "peer p has no tunnel called 'nonsense'");
	world_free(w);
}

/* jobs come back to an SA that is dead, or to one whose tunnel nobody wants any more */
static void late_jobs(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int stop, i;

	(void)state;
	w->defer_jobs = true;
	for (stop = 0; stop < 4; stop++) {
		node_up(&w->a, NULL);
		for (i = 0; i < stop; i++) {
			if (i < stop - 1 || stop < 3)
				world_jobs(w);
			world_deliver(w);
		}
		node_down(&w->a, NULL);
		world_jobs(w);
		world_run(w, 40000);
		world_jobs(w);
		world_run(w, 40000);
		world_nothing_left(w);
	}
	world_free(w);
}

static void freed_while_waiting(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	w->cut = true;
	node_up(&w->a, NULL);
	ike_shutdown(w->a.ike, w->now);
	assert_true(w->a.up_done);
	assert_string_not_equal(w->a.up_error, "");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites),
		cmocka_unit_test(acquire),
		cmocka_unit_test(manual_waits),
		cmocka_unit_test(invalid_ke),
		cmocka_unit_test(group_that_came),
		cmocka_unit_test(invalid_ke_not_ours),
		cmocka_unit_test(cookie),
		cmocka_unit_test(half_open),
		cmocka_unit_test(half_open_give_way),
		cmocka_unit_test(half_open_of_one),
		cmocka_unit_test(starts_of_one),
		cmocka_unit_test(wrong_psk),
		cmocka_unit_test(no_secret),
		cmocka_unit_test(initiator_that_lacks_something),
		cmocka_unit_test(responder_that_lacks_something),
		cmocka_unit_test(wrong_ids),
		cmocka_unit_test(no_ike_proposal),
		cmocka_unit_test(no_esp_proposal),
		cmocka_unit_test(no_common_selectors),
		cmocka_unit_test(silent_peer),
		cmocka_unit_test(unknown_peer),
		cmocka_unit_test(narrowing),
		cmocka_unit_test(several_tunnels),
		cmocka_unit_test(child_invalid_ke),
		cmocka_unit_test(responder_for_everyone),
		cmocka_unit_test(simultaneous),
		cmocka_unit_test(module_refuses),
		cmocka_unit_test(unknown_names),
		cmocka_unit_test(late_jobs),
		cmocka_unit_test(freed_while_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
