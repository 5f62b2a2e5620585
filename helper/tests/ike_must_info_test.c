// SPDX-License-Identifier: GPL-2.0
/* INFORMATIONAL, DELETE, errors, and what comes from outside: RFC 7296 1.4, 1.5, 2.5, 2.12, 2.21, 3.11. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"

static const struct bytes none = { NULL, 0 };
static struct bend m;

static const struct world_conf two_a = {
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n}\n",
	.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.11.0.0/16 to 10.12.0.0/16\n",
};
static const struct world_conf two_b = {
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n}\n",
	.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.12.0.0/16 to 10.11.0.0/16\n",
};

static struct world *two_up(void)
{
	struct world *w = world_new(&two_a, &two_b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
	return w;
}

static bool is_response(const struct packet *p)
{
	return p->data[19] & WIRE_FLAG_RESPONSE;
}

static struct fake_sa *sa_of(struct node *n, uint8_t dir, const char *tunnel)
{
	struct fake_sa *s;

	for (s = n->sas; s < n->sas + WORLD_SAS; s++)
		if (s->used && s->dir == dir && !strcmp(s->tunnel, tunnel))
			return s;
	return NULL;
}

/* the request goes and the answer comes, opened in m; the IKE SA stands */
static void ask(struct node *n, struct bend *request)
{
	struct node *o = world_other(n);
	unsigned int sent = o->sent;

	bend_send_from(n, request);
	world_deliver(n->w);
	assert_int_equal(o->sent, sent + 1);
	bend_last(o, &m);
	assert_true(m.hdr.flags & WIRE_FLAG_RESPONSE);
}

/* 1.4, 2.4, 2.21.3: whatever it asks, it is answered; what is not known changes nothing */
static void each_request_is_answered(void **state)
{
	static const uint8_t request[4] = { 1, 0, 0, 0 }, version[8] = { 1, 0, 0, 0, 0, 7, 0, 0 };
	struct world *w = world_up(NULL, NULL);
	struct bend r;
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
		switch (i) {
		case 1:	/* 3.10.1: statuses and errors that nobody knows */
			bend_notify(&r, 0, none, 40001, none);
			break;
		case 2:
			bend_notify(&r, 0, none, 8191, none);
			break;
		case 3:	/* 3.2: a payload without its critical bit */
			bend_insert(&r, 0, 99, false, none);
			break;
		case 4:	/* 2.19: not built; 2.20: no answer to what version we are */
			bend_insert(&r, 0, WIRE_PLD_CP, false, (struct bytes){ request, 4 });
			break;
		case 5:
			bend_insert(&r, 0, WIRE_PLD_CP, false, (struct bytes){ version, 8 });
			break;
		case 6:	/* 3.12 */
			bend_insert(&r, 0, WIRE_PLD_VENDOR, false, (struct bytes){ version, 8 });
			break;
		case 7:	/* 2.21.4: a protected word about an IKE SA changes none */
			bend_notify(&r, 0, none, WIRE_N_INVALID_IKE_SPI, none);
			bend_notify(&r, 0, none, WIRE_N_INVALID_MESSAGE_ID, none);
			break;
		}
		ask(&w->a, &r);
		assert_int_equal(m.n, 0);
		assert_int_equal(m.hdr.exchange, WIRE_INFORMATIONAL);
		bend_free(&m);
		world_is_up(w);
	}
	world_free(w);
}

/* 2.5, 2.21.3: the answer names the payload, and the rest of the message has no effect */
static void critical_payloads_are_told(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct wire_notification n;
	struct bend r;

	(void)state;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	bend_delete(&r, PROTO_IKE, NULL, 0);
	bend_insert(&r, 1, 99, true, none);
	ask(&w->a, &r);
	assert_int_equal(m.n, 1);
	/* 2.5: an answer has nothing critical */
	assert_int_equal(m.pld[0].flags, 0);
	assert_int_equal(wire_notify_decode(buf_bytes(&m.pld[0].body), &n), WIRE_OK);
	assert_int_equal(n.type, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_int_equal(n.data.len, 1);
	assert_int_equal(n.data.p[0], 99);
	bend_free(&m);
	world_is_up(w);
	world_free(w);
}

/* 2.21.3, 3.10.1: who is authenticated is told of what is malformed, by INVALID_SYNTAX, and then it ends */
static void malformed_requests_are_told(void **state)
{
	static const struct { uint8_t exchange, type; struct bytes body; } row[] = {
		{ WIRE_INFORMATIONAL, WIRE_PLD_DELETE, { (const uint8_t *)"\x03\x04\x00\x05", 4 } },
		{ WIRE_INFORMATIONAL, WIRE_PLD_DELETE, { (const uint8_t *)"\x03", 1 } },
		/* 3.11: an IKE SA has no SPI there, an SPI of ESP has four octets */
		{ WIRE_INFORMATIONAL, WIRE_PLD_DELETE, { (const uint8_t *)"\x01\x08\x00\x01" "12345678", 12 } },
		{ WIRE_INFORMATIONAL, WIRE_PLD_DELETE, { (const uint8_t *)"\x03\x02\x00\x01" "12", 6 } },
		{ WIRE_INFORMATIONAL, WIRE_PLD_SA, { (const uint8_t *)"\x00", 1 } },
		{ WIRE_CREATE_CHILD_SA, WIRE_PLD_NONCE, { (const uint8_t *)"\x00", 1 } },
	};
	struct bend r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = world_up(NULL, NULL);

		bend_new(&w->a, &r, row[i].exchange, false);
		bend_insert(&r, 0, row[i].type, false, row[i].body);
		bend_send_from(&w->a, &r);
		/* opened before the SA and its keys go */
		world_deliver(w);
		bend_last(&w->b, &m);
		assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_SYNTAX);
		assert_int_equal(m.n, 1);
		bend_free(&m);
		assert_int_equal(node_sas(&w->b), 0);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
		world_run(w, 100000);
		world_free(w);
	}
}

/* 1.4.1: both SAs of the pair; the answer names the other one */
static void deleting_closes_the_pair(void **state)
{
	struct world *w = two_up();
	uint32_t in = sa_of(&w->b, NFIPSEC_DIR_IN, "p/u")->spi;
	uint32_t out = sa_of(&w->b, NFIPSEC_DIR_OUT, "p/u")->spi;
	struct wire_delete d;
	struct bend r;

	(void)state;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	/* the SPI that its sender expects in what comes in: our outbound one */
	bend_delete(&r, PROTO_ESP, &out, 1);
	ask(&w->a, &r);
	assert_int_equal(m.n, 1);
	assert_int_equal(wire_delete_decode(buf_bytes(&m.pld[0].body), &d), WIRE_OK);
	assert_int_equal(d.proto, PROTO_ESP);
	assert_int_equal(d.n, 1);
	assert_int_equal(get_u32(d.spis.p), in);
	bend_free(&m);
	assert_null(sa_of(&w->b, NFIPSEC_DIR_IN, "p/u"));
	assert_null(sa_of(&w->b, NFIPSEC_DIR_OUT, "p/u"));
	assert_int_equal(node_sas(&w->b), 2);
	/* 3.11: SPIs that nobody has, of a protocol that has none, or our inbound ones, delete nothing */
	in = sa_of(&w->b, NFIPSEC_DIR_IN, "p/t")->spi;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	bend_delete(&r, PROTO_ESP, &in, 1);
	bend_delete(&r, PROTO_AH, &sa_of(&w->b, NFIPSEC_DIR_OUT, "p/t")->spi, 1);
	ask(&w->a, &r);
	assert_int_equal(m.n, 0);
	bend_free(&m);
	assert_int_equal(node_sas(&w->b), 2);
	world_free(w);
}

/* 3.11: as many SPIs as the peer likes in one payload, each pair goes, and the answer names them all */
static void deleting_many_closes_all(void **state)
{
	static const unsigned int many = 100;
	struct world_conf a = { .extra_tunnel = "child-sa per-entry" };
	char list[8000];
	struct world *w;
	uint32_t spis[100 + 2];
	struct wire_delete d;
	struct fake_sa *s;
	unsigned int i, n = 0;
	struct bend r;
	size_t at = 0;

	(void)state;
	for (i = 1; i <= many; i++)
		at += snprintf(list + at, sizeof(list) - at,
			       "%u protect tcp from 10.1.0.0/16 to 10.2.0.0/16 port %u\n", i, i);
	a.entries = list;
	world_room(2 * many + 10);
	w = world_new(&a, NULL);
	world_room(WORLD_SAS);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 2 * many);
	for (s = w->b.sas; s < w->b.sas + w->b.room; s++)
		if (s->used && s->dir == NFIPSEC_DIR_OUT)
			spis[n++] = s->spi;
	assert_int_equal(n, many);
	/* one twice, and one that is unknown */
	spis[n++] = spis[0];
	spis[n++] = 0xfffffff0;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	bend_delete(&r, PROTO_ESP, spis, n);
	ask(&w->a, &r);
	assert_int_equal(m.n, 1);
	assert_int_equal(wire_delete_decode(buf_bytes(&m.pld[0].body), &d), WIRE_OK);
	assert_int_equal(d.n, many);
	bend_free(&m);
	assert_int_equal(node_sas(&w->b), 0);
	world_free(w);
}

/* 1.4.1: both delete the same pair at once: no answer has a DELETE, and all of it goes, once */
static void crossing_deletes_are_not_answered_by_deletes(void **state)
{
	struct world *w = two_up();
	unsigned int i, answers = 0;

	(void)state;
	node_down(&w->a, "u");
	node_down(&w->b, "u");
	/* half closed: nothing goes out any more, what is on its way still comes in, until the answer */
	assert_null(sa_of(&w->a, NFIPSEC_DIR_OUT, "p/u"));
	assert_non_null(sa_of(&w->a, NFIPSEC_DIR_IN, "p/u"));
	world_deliver(w);
	for (i = 0; i < w->a.n_log + w->b.n_log; i++) {
		struct packet *p = i < w->a.n_log ? &w->a.log[i] : &w->b.log[i - w->a.n_log];

		if (p->data[18] != WIRE_INFORMATIONAL || !is_response(p))
			continue;
		assert_true(bend_open(w, p, &m));
		assert_int_equal(m.n, 0);
		bend_free(&m);
		answers++;
	}
	assert_int_equal(answers, 2);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	world_free(w);
}

/* 2.4: a CHILD SA that goes is deleted with a word to the peer */
static void deletions_are_told(void **state)
{
	struct world *w = two_up();
	uint32_t in = sa_of(&w->a, NFIPSEC_DIR_IN, "p/u")->spi;
	struct wire_delete d;

	(void)state;
	node_expire(&w->a, sa_of(&w->a, NFIPSEC_DIR_OUT, "p/u"), true);
	bend_last(&w->a, &m);
	assert_non_null(bend_find(&m, WIRE_PLD_DELETE));
	assert_int_equal(wire_delete_decode(buf_bytes(&bend_find(&m, WIRE_PLD_DELETE)->body), &d),
			 WIRE_OK);
	assert_int_equal(d.n, 1);
	assert_int_equal(get_u32(d.spis.p), in);
	bend_free(&m);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 2);
	world_free(w);
}

/* 1.4.1: the IKE SA is deleted with all that is under it, and answered without payloads */
static void deleting_the_ike_sa_deletes_all(void **state)
{
	struct world *w = two_up();

	(void)state;
	node_down(&w->a, NULL);
	bend_last(&w->a, &m);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.pld[0].type, WIRE_PLD_DELETE);
	/* 3.11: protocol 1, no SPI */
	assert_int_equal(m.pld[0].body.len, 4);
	assert_int_equal(m.pld[0].body.p[0], PROTO_IKE);
	bend_free(&m);
	{
		struct packet p = w->queue[--w->n_queue];

		ike_input(w->b.ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
		free(p.data);
	}
	bend_last(&w->b, &m);
	assert_int_equal(m.n, 0);
	bend_free(&m);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

/* 1.4: INFORMATIONAL is protected, or it is nothing */
static void unprotected_requests_do_nothing(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int sent = w->b.sent;
	struct bend r;

	(void)state;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	bend_sa(&w->a)->next_out--;
	r.sealed = false;
	bend_delete(&r, PROTO_IKE, NULL, 0);
	bend_send_from(&w->a, &r);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent);
	world_is_up(w);
	world_free(w);
}

/* 1.5, 2.21.4: an unknown SPI is told, to where it came from, with all that tells which message it was */
static void answers_outside_of_an_sa(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct packet p = { .from = { .port = 7777 }, .to = { .port = 4500 } };
	struct bend r;

	(void)state;
	p.from.addr = w->a.addr;
	p.to.addr = w->b.addr;
	memset(&r, 0, sizeof(r));
	r.hdr = (struct wire_hdr){ .spi_i = 0x1122334455667788, .spi_r = 0x99aabbccddeeff00, .major = 2,
				   .exchange = WIRE_CREATE_CHILD_SA, .msgid = 0x12345678,
				   .flags = WIRE_FLAG_INITIATOR };
	bend_send(w, &r, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	assert_int_equal(w->b.log[0].to.port, 7777);
	assert_int_equal(w->b.log[0].from.port, 4500);
	bend_last(&w->b, &m);
	assert_false(m.sealed);
	assert_true(m.hdr.spi_i == r.hdr.spi_i && m.hdr.spi_r == r.hdr.spi_r);
	assert_int_equal(m.hdr.exchange, WIRE_CREATE_CHILD_SA);
	assert_int_equal(m.hdr.msgid, 0x12345678);
	assert_int_equal(m.hdr.flags, WIRE_FLAG_RESPONSE);
	assert_int_equal(m.n, 1);
	assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_IKE_SPI);
	/* what it said comes back to somebody who never asked: he says nothing */
	assert_int_equal(w->a.sent, 0);
	/* an answer is not answered, */
	m.hdr.flags = WIRE_FLAG_RESPONSE;
	bend_send(w, &m, &p);
	/* nor is an IKE_SA_INIT that names an SA */
	r.hdr.exchange = WIRE_IKE_SA_INIT;
	bend_send(w, &r, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, 1);
	world_free(w);
}

/* 2.4, 2.21.4: what anybody may cause is done no more than so often */
static void unprotected_messages_cause_little(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct packet p = { .from = { .port = 500 }, .to = { .port = 500 } };
	struct bend r;
	unsigned int i;

	(void)state;
	p.from.addr = w->a.addr;
	p.to.addr = w->b.addr;
	for (i = 0; i < 200; i++) {
		memset(&r, 0, sizeof(r));
		r.hdr = (struct wire_hdr){ .spi_i = i + 1, .spi_r = 7, .major = i % 2 ? 2 : 3,
					   .exchange = WIRE_INFORMATIONAL, .flags = WIRE_FLAG_INITIATOR };
		bend_send(w, &r, &p);
		world_deliver(w);
	}
	assert_in_range(w->b.sent, 1, 20);
	assert_int_equal(node_counter(&w->b, "notify_limited"), 200 - w->b.sent);
	world_free(w);
}

/* 3.14: SK is the last, has no other inside, and what follows it or stands before it has no effect */
static void nothing_counts_outside_of_sk(void **state)
{
	struct world *w = world_up(NULL, NULL);
	unsigned int sent;
	struct packet p;
	struct bend r;

	(void)state;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	bend_insert(&r, 0, WIRE_PLD_SK, false, (struct bytes){ (const uint8_t *)"0123456789abcdef0123", 20 });
	bend_send_from(&w->a, &r);
	world_deliver(w);
	bend_last(&w->b, &m);
	assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_SYNTAX);
	bend_free(&m);
	world_run(w, 100000);
	world_free(w);

	/* octets behind SK */
	w = world_up(NULL, NULL);
	w->cut = true;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	w->cut = false;
	bend_delete(&r, PROTO_IKE, NULL, 0);
	p = (struct packet){ .from = bend_sa(&w->a)->local, .to = bend_sa(&w->a)->remote };
	assert_true(bend_seal(w, &r, &p.data, &p.len));
	bend_free(&r);
	p.data = realloc(p.data, p.len + 4);
	memset(p.data + p.len, 0, 4);
	p.len += 4;
	p.data[27] += 4;
	sent = w->b.sent;
	world_send(w, &p);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent);
	world_is_up(w);
	free(p.data);
	world_free(w);
}

#ifdef NFIPSEC_SANITIZED
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);

/*
 * 2.12: when the SA is closed, its keys are forgotten. AddressSanitizer keeps what
 * was freed as it was left, so it can be looked at.
 */
static void keys_are_forgotten(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct ike_sa *sa = bend_sa(&w->a);
	struct ike_keys zero;
	struct buf secret;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	buf_init(&secret);
	buf_put(&secret, &sa->keys, sizeof(sa->keys));
	assert_memory_not_equal(secret.p, &zero, sizeof(zero));
	buf_free(&secret);
	node_down(&w->a, NULL);
	world_deliver(w);
	world_nothing_left(w);
	__asan_unpoison_memory_region(sa, sizeof(*sa));
	assert_memory_equal(&sa->keys, &zero, sizeof(zero));
	world_free(w);
}
#else
static void keys_are_forgotten(void **state)
{
	(void)state;
	skip();
}
#endif

/* The peer may answer the DELETE of a removed block by AUTHENTICATION_FAILED. */
static void auth_failed_after_its_block_has_gone(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct bend r;

	(void)state;
	bend_new(&w->a, &r, WIRE_INFORMATIONAL, false);
	bend_notify(&r, 0, none, WIRE_N_AUTHENTICATION_FAILED, none);
	ike_set_conf(w->b.ike, NULL, w->now);
	world_lose(w, &w->b);
	bend_send_from(&w->a, &r);
	world_deliver(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_answered),
		cmocka_unit_test(critical_payloads_are_told),
		cmocka_unit_test(malformed_requests_are_told),
		cmocka_unit_test(deleting_closes_the_pair),
		cmocka_unit_test(deleting_many_closes_all),
		cmocka_unit_test(crossing_deletes_are_not_answered_by_deletes),
		cmocka_unit_test(deletions_are_told),
		cmocka_unit_test(deleting_the_ike_sa_deletes_all),
		cmocka_unit_test(unprotected_requests_do_nothing),
		cmocka_unit_test(answers_outside_of_an_sa),
		cmocka_unit_test(unprotected_messages_cause_little),
		cmocka_unit_test(nothing_counts_outside_of_sk),
		cmocka_unit_test(keys_are_forgotten),
		cmocka_unit_test(auth_failed_after_its_block_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
