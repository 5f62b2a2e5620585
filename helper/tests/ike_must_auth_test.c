// SPDX-License-Identifier: GPL-2.0
/* IKE_AUTH: RFC 7296 1.2, 2.15, 2.16, 2.19, 2.21.2, 3.5, 3.8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "v2/v2.h"

static const struct bytes none = { NULL, 0 };

/* IKE_AUTH becomes what the function makes of it, the request or the response */
static void (*change)(struct bend *m);
static bool change_response;

static unsigned int changer(struct world *w, const struct packet *p, unsigned int n)
{
	static struct bend b;

	(void)n;
	if (!change || p->data[18] != WIRE_IKE_AUTH ||
	    !(p->data[19] & WIRE_FLAG_RESPONSE) == change_response || !bend_open(w, p, &b))
		return 1;
	change(&b);
	change = NULL;
	bend_send(w, &b, p);
	return 0;
}

static struct world *up_with(void (*how)(struct bend *m), bool response)
{
	struct world *w = world_new(NULL, NULL);

	change = how;
	change_response = response;
	w->filter = changer;
	node_up(&w->a, NULL);
	world_run(w, 500);
	assert_null(change);
	return w;
}

static void flip_first(struct bend *m) { bend_find(m, WIRE_PLD_AUTH)->body.p[4] ^= 1; }
static void flip_last(struct bend *m)
{
	struct buf *b = &bend_find(m, WIRE_PLD_AUTH)->body;

	b->p[b->len - 1] ^= 0x80;
}
static void cut_short(struct bend *m) { bend_find(m, WIRE_PLD_AUTH)->body.len -= 1; }
static void longer(struct bend *m) { buf_put_u8(&bend_find(m, WIRE_PLD_AUTH)->body, 0); }
static void other_method(struct bend *m) { bend_find(m, WIRE_PLD_AUTH)->body.p[0] = 200; }
static void reserved_of_id(struct bend *m)
{
	struct bend_pld *id = bend_find(m, WIRE_PLD_IDI);

	(id ? id : bend_find(m, WIRE_PLD_IDR))->body.p[1] = 1;
}

/* 1.2, 2.15, 3.8: each end sees that the other's AUTH is right, over all that it covers */
static void auth_is_verified_by_both(void **state)
{
	static void (*const how[])(struct bend *m) = { flip_first, flip_last, cut_short, longer,
						       other_method, reserved_of_id };
	unsigned int i, response;

	(void)state;
	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		for (response = 0; response < 2; response++) {
			struct world *w = up_with(how[i], response);
			struct node *refuser = response ? &w->a : &w->b;

			assert_true(w->a.up_done);
			assert_non_null(strstr(w->a.up_error, "authentication failed"));
			assert_non_null(node_line(refuser, IKE_EVENT_ERROR, "authentication failed"));
			assert_int_equal(node_sas(&w->a), 0);
			assert_int_equal(node_sas(&w->b), 0);
			/* 2.21.2: told, so that nobody keeps half of it */
			world_run(w, 100000);
			world_nothing_left(w);
			world_free(w);
		}
	}
}

static void other_name(struct bend *m)
{
	struct bend_pld *id = bend_find(m, WIRE_PLD_IDI);

	(id ? id : bend_find(m, WIRE_PLD_IDR))->body.p[4] = 'z';
}

/* 1.2, 2.15: the name is that of the key */
static void names_go_with_their_keys(void **state)
{
	unsigned int response;

	(void)state;
	for (response = 0; response < 2; response++) {
		struct world *w = up_with(other_name, response);

		assert_true(w->a.up_done);
		assert_string_not_equal(w->a.up_error, "");
		assert_int_equal(node_sas(&w->a) + node_sas(&w->b), 0);
		world_run(w, 100000);
		world_nothing_left(w);
		world_free(w);
	}
}

static void no_idr(struct bend *m) { bend_remove(m, bend_find(m, WIRE_PLD_IDR)); }

/* 1.2, 3.5: who knows the secret, and says he is another than the one that is called, is not believed */
static void another_than_is_called_is_not_believed(void **state)
{
	static const struct world_conf other = { .id = "c.example.com" };
	struct world *w = world_new(NULL, &other);

	(void)state;
	/* so that the responder does not see it first */
	change = no_idr;
	change_response = false;
	w->filter = changer;
	node_up(&w->a, NULL);
	world_run(w, 500);
	assert_null(change);
	assert_non_null(strstr(w->a.up_error, "its ID is fqdn 'c.example.com', expected fqdn 'b.example.com'"));
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	assert_int_equal(node_sas(&w->a), 0);
	world_run(w, 100000);
	world_nothing_left(w);
	world_free(w);
}

/* the newest IKE_AUTH request that it sent */
static void newest_auth(struct node *n, struct bend *m)
{
	unsigned int i = n->n_log;

	while (i-- && (n->log[i].data[18] != WIRE_IKE_AUTH || n->log[i].data[19] & WIRE_FLAG_RESPONSE))
		;
	assert_true(i < n->n_log && bend_open(n->w, &n->log[i], m));
}

/* 2.4: INITIAL_CONTACT says that there is no other IKE SA, so it is not there when there is one */
static void contact_is_initial_once(void **state)
{
	struct world *w = world_up(NULL, NULL);
	static struct bend m;

	(void)state;
	newest_auth(&w->a, &m);
	assert_non_null(bend_find_notify(&m, WIRE_N_INITIAL_CONTACT));
	bend_free(&m);
	/* reauthentication, beside the IKE SA that is up: 2.8.3 */
	v2_reauthenticate(bend_sa(&w->a));
	while (w->n_queue && node_ike_sas(&w->a, NULL) > 0 && w->a.n_log < 4)
		world_step(w, addr_equal(&w->queue[0].from.addr, &w->a.addr) ? &w->a : &w->b);
	newest_auth(&w->a, &m);
	assert_int_equal(w->a.n_log, 4);
	assert_null(bend_find_notify(&m, WIRE_N_INITIAL_CONTACT));
	bend_free(&m);
	world_run(w, 100000);
	world_is_up(w);
	world_free(w);
}

static void cut_sa(struct bend *m) { bend_find(m, WIRE_PLD_SA)->body.len = 3; }
static void cut_tsi(struct bend *m) { bend_find(m, WIRE_PLD_TSI)->body.len -= 1; }
static void cut_tsr(struct bend *m) { bend_find(m, WIRE_PLD_TSR)->body.len -= 1; }
static void no_auth(struct bend *m) { bend_remove(m, bend_find(m, WIRE_PLD_AUTH)); }
static void no_child(struct bend *m)
{
	bend_remove(m, bend_find(m, WIRE_PLD_SA));
	bend_remove(m, bend_find(m, WIRE_PLD_TSI));
	bend_remove(m, bend_find(m, WIRE_PLD_TSR));
}
static void no_id(struct bend *m) { bend_remove(m, bend_find(m, WIRE_PLD_IDI)); }
static void critical(struct bend *m) { bend_insert(m, 0, 99, true, none); }
static void cut_id(struct bend *m) { bend_find(m, WIRE_PLD_IDI)->body.len = 2; }

/*
 * 2.21.2: a request that is malformed, or has something critical that is not known,
 * is rejected in its entirety and told so by that one notification. 2.16: one without
 * AUTH asks for EAP. RFC 6023: one without SA, TSi and TSr wants no CHILD SA. 2.21.2 has
 * the answers; the operator reads what is wanted.
 */
static void malformed_requests_are_rejected_whole(void **state)
{
	static const struct { void (*how)(struct bend *m); uint16_t type; const char *line; } row[] = {
		{ no_auth, WIRE_N_AUTHENTICATION_FAILED, "authentication failed with 192.0.2.1: it asks for EAP, "
		  "which nfipsec does not have, expected a pre-shared key (we are fqdn 'b.example.com', it is fqdn 'a.example.com')" },
		{ no_child, WIRE_N_INVALID_SYNTAX, "has no CHILD SA (childless, RFC 6023)" },
		{ no_id, WIRE_N_INVALID_SYNTAX, NULL },
		{ cut_id, WIRE_N_INVALID_SYNTAX, NULL }, { cut_sa, WIRE_N_INVALID_SYNTAX, NULL },
		{ cut_tsi, WIRE_N_INVALID_SYNTAX, NULL }, { cut_tsr, WIRE_N_INVALID_SYNTAX, NULL },
		{ critical, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD, NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = up_with(row[i].how, false);

		assert_true(w->a.up_done);
		assert_non_null(strstr(w->a.up_error, wire_notify_str(row[i].type)));
		if (!row[i].line)
			assert_non_null(strstr(w->a.up_error, "refuses IKE_AUTH"));
		else if (!node_line(&w->b, IKE_EVENT_ERROR, row[i].line))
			fail_msg("'%s', expected '%s'", w->b.lines[w->b.n_lines - 1].text, row[i].line);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
		assert_int_equal(node_sas(&w->b), 0);
		world_run(w, 50000);
		world_free(w);
	}
}

static unsigned int always_cut(struct world *w, const struct packet *p, unsigned int n)
{
	change = cut_id;
	return changer(w, p, n);
}

/* 2.4: who can do a Diffie-Hellman exchange, and proves nothing, does not fill the log */
static void strangers_do_not_fill_the_log(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int i;

	(void)state;
	w->filter = always_cut;
	change_response = false;
	for (i = 0; i < 40; i++) {
		node_up(&w->a, NULL);
		world_run(w, 20);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	}
	assert_int_equal(node_counter(&w->b, "malformed"), 40);
	assert_in_range(node_count(&w->b, IKE_EVENT_ERROR), 1, 3);
	change = NULL;
	world_free(w);
}

static void refuse_the_child(struct bend *m)
{
	bend_remove(m, bend_find(m, WIRE_PLD_SA));
	bend_remove(m, bend_find(m, WIRE_PLD_TSI));
	bend_remove(m, bend_find(m, WIRE_PLD_TSR));
	bend_notify(m, 0, none, WIRE_N_INTERNAL_ADDRESS_FAILURE, none);
}

/* 2.21.2, 1.2: an error beside IDr and AUTH is one of the CHILD SA: the IKE SA stands */
static void errors_beside_auth_do_not_fail_it(void **state)
{
	struct world *w = up_with(refuse_the_child, true);

	(void)state;
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "INTERNAL_ADDRESS_FAILURE"));
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_sas(&w->a), 0);
	world_free(w);
}

static void other_net(struct bend *m)
{
	struct buf *ts = &bend_find(m, WIRE_PLD_TSR)->body;

	/* the first octet of both addresses */
	ts->p[4 + 8] ^= 0x40;
	ts->p[4 + 12] ^= 0x40;
}

static void other_cipher(struct bend *m) { bend_find(m, WIRE_PLD_SA)->body.p[12 + 7] ^= 0x40; }

/* 2.21.2: a CHILD SA that cannot be is told beside IDr and AUTH, by what leaves the IKE SA */
static void a_child_sa_that_cannot_be_is_told_beside_auth(void **state)
{
	static const struct { void (*how)(struct bend *m); uint16_t type; } row[] = {
		{ other_net, WIRE_N_TS_UNACCEPTABLE }, { other_cipher, WIRE_N_NO_PROPOSAL_CHOSEN },
	};
	static struct bend m;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = up_with(row[i].how, false);

		bend_last(&w->b, &m);
		assert_non_null(bend_find(&m, WIRE_PLD_IDR));
		assert_non_null(bend_find(&m, WIRE_PLD_AUTH));
		assert_int_equal(bend_notify_type(&m), row[i].type);
		bend_free(&m);
		assert_int_equal(node_ike_sas(&w->a, "established"), 1);
		assert_int_equal(node_ike_sas(&w->b, "established"), 1);
		assert_int_equal(node_sas(&w->a) + node_sas(&w->b), 0);
		world_free(w);
	}
}

static void says_syntax(struct bend *m) { bend_notify(m, 0, none, WIRE_N_INVALID_SYNTAX, none); }
static void says_critical(struct bend *m)
{
	bend_notify(m, 0, none, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD, none);
}
static void says_failed(struct bend *m)
{
	bend_notify(m, 0, none, WIRE_N_AUTHENTICATION_FAILED, none);
}

/* 2.21.2: three errors say that there is no IKE SA, whatever stands beside them */
static void errors_of_the_ike_sa_end_it(void **state)
{
	static void (*const how[])(struct bend *m) = { says_syntax, says_critical, says_failed };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world *w = up_with(how[i], true);

		assert_true(w->a.up_done);
		assert_string_not_equal(w->a.up_error, "");
		assert_int_equal(node_ike_sas(&w->a, NULL), 0);
		assert_int_equal(node_sas(&w->a), 0);
		world_run(w, 400000);
		world_free(w);
	}
}

static void with_cp(struct bend *m)
{
	static const uint8_t request[12] = { 1, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0 };

	bend_insert(m, 2, WIRE_PLD_CP, false, (struct bytes){ request, 12 });
	bend_notify(m, 0, none, 16404 /* MULTIPLE_AUTH_SUPPORTED */, none);
	bend_notify(m, 0, none, 16417 /* EAP_ONLY_AUTHENTICATION */, none);
	bend_notify(m, 0, none, 16396 /* MOBIKE_SUPPORTED */, none);
}

/* 2.19, 3.15, 3.10.1: CFG_REQUEST and what else is not built have no answer, and harm nothing */
static void what_is_not_built_is_ignored(void **state)
{
	struct world *w = up_with(with_cp, false);
	static struct bend m;
	unsigned int i;

	(void)state;
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	/* 3.15.4: a peer that needs an address goes again, and this line says why */
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "192.0.2.1 asks for a configuration payload (CP)"));
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 1);
	bend_last(&w->b, &m);
	/* of notifications there is what we say anyway */
	bend_remove(&m, bend_find_notify(&m, WIRE_N_SET_WINDOW_SIZE));
	for (i = 0; i < m.n; i++)
		assert_true(m.pld[i].type != WIRE_PLD_CP && m.pld[i].type != WIRE_PLD_NOTIFY);
	bend_free(&m);
	world_free(w);
}

static struct conf *conf_with_ids(const char *ours, const char *theirs, const char *name,
				  const char *secret, bool is_a)
{
	struct conf_error err = { .text = "" };
	struct conf *conf;
	char text[800];

	snprintf(text, sizeof(text), "access-list l {\n 10 protect ip from any to any\n}\n"
		 "peer p {\n local address %s %s\n remote address %s %s\n auth psk\n"
		 " ike aes128gcm16-prfsha256-x25519\n tunnel t {\n access-list l\n esp aes128gcm16\n }\n}\n",
		 is_a ? "192.0.2.1" : "192.0.2.2", ours,
		 is_a ? "192.0.2.2" : "192.0.2.1", theirs);
	conf = conf_parse(text, strlen(text), "ids", &err);
	if (!conf)
		fail_msg("%s", err.text);
	snprintf(text, sizeof(text), "psk %s any %s\n", name, secret);
	if (!conf_secrets_parse(conf, text, strlen(text), "secrets", &err))
		fail_msg("%s", err.text);
	return conf;
}

static void load(struct node *n, struct conf *conf)
{
	struct conf *old = n->conf;

	n->conf = conf;
	ike_set_conf(n->ike, conf, n->w->now);
	conf_free(old);
}

/* 2.15: at least 64 octets, and hexadecimal for those that nobody can type; no NUL behind them */
static void secrets_are_long_or_hexadecimal(void **state)
{
	static const char text[] = "sixty-four octets and some more, as the shared secret has to be: !~";
	static const char id_a[] = "id fqdn a.example.com", id_b[] = "id fqdn b.example.com";
	char quoted[100], hex[200] = "0x";
	struct world *w = world_new(NULL, NULL);
	size_t i;

	(void)state;
	assert_true(strlen(text) >= 64);
	for (i = 0; text[i]; i++)
		snprintf(hex + 2 + 2 * i, 3, "%02x", (uint8_t)text[i]);
	snprintf(quoted, sizeof(quoted), "\"%s\"", text);
	load(&w->a, conf_with_ids(id_a, id_b, "a.example.com", quoted, true));
	load(&w->b, conf_with_ids(id_b, id_a, "b.example.com", hex, false));
	assert_int_equal(w->a.conf->secrets[0].len, strlen(text));
	assert_int_equal(w->b.conf->secrets[0].len, strlen(text));
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

/* 3.5, 4: each of these types can be sent, and demanded of the peer, with a shared secret */
static void each_type_of_identity(void **state)
{
	static const struct { const char *a, *name_a, *b, *name_b; uint8_t type; } row[] = {
		{ "id fqdn a.example.com", "a.example.com", "id fqdn b.example.com", "b.example.com",
		  WIRE_ID_FQDN },
		{ "id email a@example.com", "a@example.com", "id email b@example.com", "b@example.com",
		  WIRE_ID_EMAIL },
		{ "id ipv4 192.0.2.1", "192.0.2.1", "id ipv4 192.0.2.2", "192.0.2.2", WIRE_ID_IPV4 },
		{ "id ipv6 2001:db8::1", "2001:db8::1", "id ipv6 2001:db8::2", "2001:db8::2",
		  WIRE_ID_IPV6 },
		{ "id key-id key-of-a", "key-of-a", "id key-id key-of-b", "key-of-b",
		  WIRE_ID_KEY },
		{ "id key-id 0x00ffab", "0x00FFAB", "id key-id 0x01", "key-id 0x01", WIRE_ID_KEY },
		{ "id dn \"C=XX, CN=a\"", "\"C=xx,CN=A\"", "id dn \"C=XX, CN=b+UID=7\"",
		  "dn \"C=XX, UID=7+CN=b\"", WIRE_ID_DN },
	};
	static struct bend m;
	struct wire_id id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct world *w = world_new(NULL, NULL);

		load(&w->a, conf_with_ids(row[i].a, row[i].b, row[i].name_a, "\"secret\"", true));
		load(&w->b, conf_with_ids(row[i].b, row[i].a, row[i].name_b, "\"secret\"", false));
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_string_equal(w->a.up_error, "");
		world_is_up(w);
		bend_last(&w->b, &m);
		assert_int_equal(wire_id_decode(buf_bytes(&bend_find(&m, WIRE_PLD_IDR)->body), &id),
				 WIRE_OK);
		assert_int_equal(id.type, row[i].type);
		/* 3.5: no terminator */
		if (id.type == WIRE_ID_FQDN || id.type == WIRE_ID_EMAIL)
			assert_null(memchr(id.data.p, 0, id.data.len));
		bend_free(&m);
		world_free(w);
	}
}

static void with_terminator(struct bend *m)
{
	buf_put_u8(&bend_find(m, WIRE_PLD_IDI)->body, 0);
}

/* 3.5: a terminator is part of a name, so it is another name */
static void names_have_no_terminators(void **state)
{
	struct world *w = up_with(with_terminator, false);

	(void)state;
	assert_non_null(strstr(w->a.up_error, "AUTHENTICATION_FAILED"));
	assert_int_equal(node_sas(&w->b), 0);
	world_free(w);
}

static void with_protocol(struct bend *m)
{
	bend_find_notify(m, WIRE_N_USE_TRANSPORT_MODE)->body.p[0] = PROTO_IKE;
}

/* 3.10: the protocol of a notification without SPI says nothing */
static void protocol_without_spi_is_ignored(void **state)
{
	static const struct world_conf a = { .mode = "transport",
					     .entries = "10 protect ip from 192.0.2.1 to 192.0.2.2" };
	static const struct world_conf b = { .mode = "transport",
					     .entries = "10 protect ip from 192.0.2.2 to 192.0.2.1" };
	unsigned int response;

	(void)state;
	for (response = 0; response < 2; response++) {
		struct world *w = world_new(&a, &b);

		change = with_protocol;
		change_response = response;
		w->filter = changer;
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_null(change);
		world_is_up(w);
		assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_IN)->mode, NFIPSEC_MODE_TRANSPORT);
		world_free(w);
	}
}

/* 2.21.2: who does not believe the responder says so, on the SA that it then forgets */
static void the_responder_is_told_that_it_failed(void **state)
{
	struct world *w = up_with(flip_first, true);

	(void)state;
	/* B had it established, and has nothing any more before its liveness check */
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "the peer says AUTHENTICATION_FAILED"));
	world_nothing_left(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_is_verified_by_both),
		cmocka_unit_test(names_go_with_their_keys),
		cmocka_unit_test(another_than_is_called_is_not_believed),
		cmocka_unit_test(contact_is_initial_once),
		cmocka_unit_test(malformed_requests_are_rejected_whole),
		cmocka_unit_test(strangers_do_not_fill_the_log),
		cmocka_unit_test(errors_beside_auth_do_not_fail_it),
		cmocka_unit_test(a_child_sa_that_cannot_be_is_told_beside_auth),
		cmocka_unit_test(errors_of_the_ike_sa_end_it),
		cmocka_unit_test(what_is_not_built_is_ignored),
		cmocka_unit_test(secrets_are_long_or_hexadecimal),
		cmocka_unit_test(each_type_of_identity),
		cmocka_unit_test(names_have_no_terminators),
		cmocka_unit_test(protocol_without_spi_is_ignored),
		cmocka_unit_test(the_responder_is_told_that_it_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
