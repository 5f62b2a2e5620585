// SPDX-License-Identifier: GPL-2.0
/*
 * IKE_SA_INIT and the form of messages: RFC 7296 1.2, 2.5, 2.6, 2.10, 2.11, 2.23, 3.1 to 3.4,
 * 3.12.
 */
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

/* both are loaded; the first has sent IKE_SA_INIT, which did not arrive */
static struct world *asked(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	w->cut = true;
	node_up(&w->a, NULL);
	w->cut = false;
	assert_int_equal(w->a.n_log, 1);
	return w;
}

/* the request, for a change; another SPI makes it one that nobody has seen */
static struct packet request(struct world *w, uint8_t spi)
{
	assert_true(bend_open(w, &w->a.log[0], &m));
	if (spi)
		m.hdr.spi_i = 0x1111111111111100 + spi;
	return w->a.log[0];
}

static unsigned int send_changed(struct world *w, const struct packet *like)
{
	unsigned int before = w->b.sent;

	bend_send(w, &m, like);
	world_deliver(w);
	return w->b.sent - before;
}

static bool is_response(const struct packet *p)
{
	return p->data[19] & WIRE_FLAG_RESPONSE;
}

static void expire_out(struct node *n)
{
	node_expire(n, node_newest(n, NFIPSEC_DIR_OUT), false);
}

/* a tunnel that came up, was rekeyed by both ends with PFS, and went: each kind of message */
static struct world *lived(void)
{
	static const struct world_conf c = { .esp = "aes128gcm16-x25519" };
	struct world *w = world_up(&c, &c);

	w->now += 1000;
	expire_out(&w->a);
	world_deliver(w);
	w->now += 1000;
	expire_out(&w->b);
	world_deliver(w);
	node_down(&w->a, NULL);
	return w;
}

static void check_header(const struct node *n, const struct packet *p, bool initiator)
{
	const uint8_t *h = p->data;

	/* 3.1: SPIs, versions, flags (I of the original initiator, V and X clear), the length */
	assert_true(get_u64(h) != 0);
	assert_int_equal(get_u64(h + 8) == 0, h[18] == WIRE_IKE_SA_INIT && !is_response(p));
	assert_int_equal(h[17], 0x20);
	assert_int_equal(!!(h[19] & WIRE_FLAG_INITIATOR), initiator);
	assert_int_equal(h[19] & ~(WIRE_FLAG_INITIATOR | WIRE_FLAG_RESPONSE), 0);
	assert_int_equal(get_u32(h + 24), p->len);
	/* 2.23: with two of each exchange's kind; the ends of A ask, the ends of B answer */
	if (h[18] == WIRE_IKE_SA_INIT)
		assert_int_equal(is_response(p), n == &n->w->b);
}

static void check_payloads(struct world *w, const struct packet *p)
{
	struct wire_notification n;
	unsigned int i;

	if (!bend_open(w, p, &m))
		return;
	/* 3.1, 1.4: all but IKE_SA_INIT is inside SK, which is the only one outside */
	assert_int_equal(m.sealed, m.hdr.exchange != WIRE_IKE_SA_INIT);
	for (i = 0; i < m.n; i++) {
		/* 2.5, 3.2: neither critical (all are of RFC 7296) nor anything reserved */
		assert_int_equal(m.pld[i].flags, 0);
		if (m.pld[i].type != WIRE_PLD_NOTIFY)
			continue;
		/* 3.10: of a CHILD SA with protocol and SPI, else with neither */
		assert_int_equal(wire_notify_decode(buf_bytes(&m.pld[i].body), &n), WIRE_OK);
		assert_int_equal(n.spi.len, n.type == WIRE_N_REKEY_SA ? 4 : 0);
		assert_int_equal(m.pld[i].body.p[0], n.spi.len ? PROTO_ESP : 0);
	}
	bend_free(&m);
}

/* whatever we send */
static void headers_are_as_they_must_be(void **state)
{
	struct world *w = lived();
	unsigned int i;

	(void)state;
	for (i = 0; i < w->a.n_log; i++) {
		check_header(&w->a, &w->a.log[i], true);
		check_payloads(w, &w->a.log[i]);
	}
	for (i = 0; i < w->b.n_log; i++) {
		check_header(&w->b, &w->b.log[i], false);
		check_payloads(w, &w->b.log[i]);
	}
	assert_true(w->a.n_log >= 6 && w->b.n_log >= 5);
	world_free(w);
}

/* 3.3.1, 3.3.2, 3.3.6, 3.4, 5: what the SA payloads of IKE_SA_INIT say */
static void ike_proposals_are_complete(void **state)
{
	static const struct world_conf a = { .ike = "aes256gcm16-prfsha384-ecp256-x25519 "
						    "aes128-sha256-x25519" };
	static const struct world_conf b = { .ike = "aes128-sha256-x25519" };
	struct world *w = world_up(&a, &b);
	static struct wire_sa sa;
	struct wire_ke ke;
	unsigned int i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		const struct node *n = k ? &w->b : &w->a;

		for (i = 0; i < n->n_log && n->log[i].data[18] == WIRE_IKE_SA_INIT; i++) {
			assert_true(bend_open(w, &n->log[i], &m));
			if (!bend_find(&m, WIRE_PLD_SA)) {
				bend_free(&m);
				continue;
			}
			assert_int_equal(wire_sa_decode(buf_bytes(&bend_find(&m, WIRE_PLD_SA)->body),
							&sa), WIRE_OK);
			assert_int_equal(wire_ke_decode(buf_bytes(&bend_find(&m, WIRE_PLD_KE)->body),
							&ke), WIRE_OK);
			if (!k) {
				/* 1.2: the retry has all proposals again, in their order */
				assert_int_equal(sa.n, 2);
				assert_int_equal(sa.p[0].number, 1);
				assert_int_equal(sa.p[1].number, 2);
				assert_int_equal(ke.group, i ? DH_X25519 : DH_ECP256);
			} else {
				/* 3.3.1: the number of what was accepted; 2.7: one of each type */
				assert_int_equal(sa.n, 1);
				assert_int_equal(sa.p[0].number, 2);
				assert_int_equal(sa.p[0].n, 4);
				assert_int_equal(ke.group, DH_X25519);
			}
			assert_int_equal(sa.p[0].spi_len, 0);
			assert_int_equal(sa.p[0].proto, PROTO_IKE);
			assert_non_null(ike_proposal_get(&sa.p[0], IKE_TRANSFORM_ENCR));
			assert_non_null(ike_proposal_get(&sa.p[0], IKE_TRANSFORM_PRF));
			assert_non_null(ike_proposal_get(&sa.p[0], IKE_TRANSFORM_DH));
			/* an AEAD and an integrity algorithm are not in one proposal */
			assert_int_equal(!!ike_proposal_get(&sa.p[0], IKE_TRANSFORM_INTEG), k);
			bend_free(&m);
		}
	}
	world_free(w);
}

/* 1: nothing but IKE_AUTH follows IKE_SA_INIT, and nothing but what is protected follows that */
static void exchanges_come_in_their_order(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct packet like = { .from = { .port = 500 }, .to = { .port = 500 } };
	const struct ike_sa *sa;
	unsigned int i, sent;

	(void)state;
	node_up(&w->a, NULL);
	like.from.addr = w->a.addr;
	like.to.addr = w->b.addr;
	for (i = 0; i < 2; i++) {
		/* two steps: IKE_AUTH is not there yet */
		struct packet p = w->queue[0];

		memmove(w->queue, w->queue + 1, --w->n_queue * sizeof(p));
		ike_input(i ? w->a.ike : w->b.ike, &p.to, &p.from, (struct bytes){ p.data, p.len },
			  w->now);
		free(p.data);
	}
	sa = w->a.ike->sas;
	assert_int_equal(sa->state, IKE_STATE_AUTH_SENT);
	sent = w->b.sent;
	for (i = 0; i < 4; i++) {
		memset(&m, 0, sizeof(m));
		m.sealed = i < 2;
		m.hdr = (struct wire_hdr){
			.spi_i = sa->spi_i, .spi_r = sa->spi_r, .major = 2, .msgid = 1,
			.exchange = i % 2 ? WIRE_CREATE_CHILD_SA : WIRE_INFORMATIONAL,
			.flags = WIRE_FLAG_INITIATOR,
		};
		bend_delete(&m, PROTO_IKE, NULL, 0);
		ike_input(w->b.ike, &like.to, &like.from, none, w->now);
		bend_send(w, &m, &like);
		/* in front of IKE_AUTH, which waits */
		w->lifo = true;
		{
			struct packet p = w->queue[--w->n_queue];

			ike_input(w->b.ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
			free(p.data);
		}
		w->lifo = false;
		assert_int_equal(w->b.sent, sent);
	}
	assert_int_equal(node_counter(&w->b, "unexpected"), 4);
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

/* 2: 1280 octets must be taken, 3000 should; in the clear and protected */
static void large_messages_are_taken(void **state)
{
	static const unsigned int sizes[] = { 1280, 3000, 9000 };
	struct world *w = asked(NULL, NULL);
	static uint8_t fill[9000];
	struct packet like;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		like = request(w, (uint8_t)(i + 1));
		bend_insert(&m, m.n, WIRE_PLD_VENDOR, false,
			    (struct bytes){ fill, sizes[i] - like.len - 4 });
		assert_int_equal(send_changed(w, &like), 1);
		assert_true(bend_open(w, &w->b.log[w->b.n_log - 1], &m));
		assert_non_null(bend_find(&m, WIRE_PLD_KE));
		bend_free(&m);
	}
	world_send(w, &like);
	world_run(w, 31000);
	world_is_up(w);
	for (i = 0; i < 3; i++) {
		bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
		bend_insert(&m, 0, WIRE_PLD_VENDOR, false, (struct bytes){ fill, sizes[i] });
		bend_send_from(&w->a, &m);
		world_deliver(w);
		assert_true(is_response(&w->b.log[w->b.n_log - 1]));
		assert_int_equal(w->b.log[w->b.n_log - 1].data[18], WIRE_INFORMATIONAL);
	}
	world_is_up(w);
	world_free(w);
}

/* 2.4: each half-open SA keeps the request, and there are many of them: it has a limit beyond all need */
static void beginnings_are_not_too_large(void **state)
{
	static const unsigned int sizes[] = { 10240, 10241, 65000 };
	struct world *w = asked(NULL, NULL);
	static uint8_t fill[65000];
	struct packet like;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		like = request(w, (uint8_t)(i + 1));
		bend_insert(&m, m.n, WIRE_PLD_VENDOR, false,
			    (struct bytes){ fill, sizes[i] - like.len - 4 });
		assert_int_equal(send_changed(w, &like), !i);
	}
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	world_run(w, 60000);
	world_free(w);
}

/* 2.5, 3.1, 3.2: what says nothing to version 2.0 is ignored, where it stands */
static void unknown_bits_are_ignored(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like;
	unsigned int i;

	(void)state;
	like = request(w, 1);
	m.hdr.minor = 15;
	m.hdr.flags |= 0xc7 | WIRE_FLAG_VERSION;
	for (i = 0; i < m.n; i++)
		m.pld[i].flags = 0x7f;
	/* RESERVED of KE */
	buf_set_u16(&bend_find(&m, WIRE_PLD_KE)->body, 2, 0xffff);
	assert_int_equal(send_changed(w, &like), 1);
	assert_true(bend_open(w, &w->b.log[0], &m));
	assert_non_null(bend_find(&m, WIRE_PLD_KE));
	/* and answered as version 2.0 */
	assert_int_equal(m.hdr.minor, 0);
	assert_int_equal(m.hdr.flags, WIRE_FLAG_RESPONSE);
	bend_free(&m);
	/* 3.2: the critical bit of what is known says nothing */
	like = request(w, 2);
	for (i = 0; i < m.n; i++)
		m.pld[i].flags = 0x80;
	assert_int_equal(send_changed(w, &like), 1);
	assert_true(bend_open(w, &w->b.log[1], &m));
	assert_non_null(bend_find(&m, WIRE_PLD_KE));
	bend_free(&m);
	/* 2.5: payloads that are not known, 3.12: makers that are not, 3.10.1: notifications */
	like = request(w, 3);
	bend_insert(&m, 0, 200, false, (struct bytes){ (const uint8_t *)"?", 1 });
	bend_insert(&m, 2, 60, false, none);
	bend_insert(&m, 2, WIRE_PLD_VENDOR, false, (struct bytes){ (const uint8_t *)"who?", 4 });
	bend_notify(&m, 0, none, 40000, none);
	bend_notify(&m, 0, none, 8000, none);
	assert_int_equal(send_changed(w, &like), 1);
	assert_true(bend_open(w, &w->b.log[2], &m));
	assert_non_null(bend_find(&m, WIRE_PLD_KE));
	bend_free(&m);
	world_run(w, 50000);
	world_free(w);
}

static unsigned int reversed(struct world *w, const struct packet *p, unsigned int n)
{
	static struct bend r;
	struct packet q = *p;
	unsigned int i;

	(void)n;
	if (!bend_open(w, p, &r))
		return 1;
	/* IKE_SA_INIT is signed as it was sent */
	for (i = 0; r.sealed && i < r.n / 2; i++) {
		struct bend_pld t = r.pld[i];

		r.pld[i] = r.pld[r.n - 1 - i];
		r.pld[r.n - 1 - i] = t;
	}
	bend_send(w, &r, &q);
	return 0;
}

/* 2.5: in any order */
static void payloads_come_in_any_order(void **state)
{
	static const struct world_conf c = { .esp = "aes128gcm16-x25519" };
	struct world *w = world_new(&c, &c);
	struct packet like;
	unsigned int i;

	(void)state;
	w->filter = reversed;
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	w->now += 1000;
	expire_out(&w->b);
	world_deliver(w);
	world_is_up(w);
	w->filter = NULL;
	like = request(w, 1);
	for (i = 0; i < m.n / 2; i++) {
		struct bend_pld t = m.pld[i];

		m.pld[i] = m.pld[m.n - 1 - i];
		m.pld[m.n - 1 - i] = t;
	}
	assert_int_equal(send_changed(w, &like), 1);
	assert_true(bend_open(w, &w->b.log[w->b.n_log - 1], &m));
	assert_non_null(bend_find(&m, WIRE_PLD_KE));
	bend_free(&m);
	world_run(w, 50000);
	world_free(w);
}

/* 2.6: the request again as it was, with the cookie in front */
static void cookie_comes_first_and_changes_nothing(void **state)
{
	static const struct ike_limits limits = {
		.cookie_threshold = 0, .half_open_max = 100, .half_open_per_addr = 100,
		.inits_per_addr = 20, .retrans_tries = 5, .retrans_first = 1000,
	};
	struct world *w = world_new(NULL, NULL);
	struct wire_notification n;
	static struct bend again;
	unsigned int i;

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	assert_true(bend_open(w, &w->b.log[0], &m));
	assert_int_equal(m.n, 1);
	assert_int_equal(wire_notify_decode(buf_bytes(&m.pld[0].body), &n), WIRE_OK);
	assert_int_equal(n.type, WIRE_N_COOKIE);
	assert_in_range(n.data.len, 1, 64);
	/* 2.6: nothing is kept of it: no SPI of ours */
	assert_int_equal(m.hdr.spi_r, 0);
	assert_true(bend_open(w, &w->a.log[1], &again));
	assert_int_equal(again.pld[0].type, WIRE_PLD_NOTIFY);
	assert_true(bytes_equal(buf_bytes(&again.pld[0].body), buf_bytes(&m.pld[0].body)));
	bend_free(&m);
	assert_true(bend_open(w, &w->a.log[0], &m));
	assert_int_equal(again.n, m.n + 1);
	assert_true(again.hdr.spi_i == m.hdr.spi_i && again.hdr.msgid == 0);
	for (i = 0; i < m.n; i++)
		assert_true(again.pld[i + 1].type == m.pld[i].type &&
			    bytes_equal(buf_bytes(&again.pld[i + 1].body), buf_bytes(&m.pld[i].body)));
	bend_free(&m);
	bend_free(&again);
	world_free(w);
}

/* 2.6: a cookie that is not ours, or of another request, is none: a new one is demanded */
static void wrong_cookies_are_no_cookies(void **state)
{
	static const struct ike_limits limits = {
		.cookie_threshold = 0, .half_open_max = 100, .half_open_per_addr = 100,
		.inits_per_addr = 20, .retrans_tries = 5, .retrans_first = 1000,
	};
	struct world *w = asked(NULL, NULL);
	static const uint8_t made_up[33];
	struct wire_notification n;
	struct packet like;
	struct buf cookie;
	unsigned int i;

	(void)state;
	ike_set_limits(w->b.ike, &limits);
	like = request(w, 1);
	assert_int_equal(send_changed(w, &like), 1);
	assert_true(bend_open(w, &w->b.log[0], &m));
	assert_int_equal(wire_notify_decode(buf_bytes(&m.pld[0].body), &n), WIRE_OK);
	buf_init(&cookie);
	buf_put_bytes(&cookie, buf_bytes(&m.pld[0].body));
	bend_free(&m);
	for (i = 0; i < 3; i++) {
		/* made up; of another SPI; of another nonce */
		like = request(w, i == 1 ? 2 : 1);
		if (i == 0)
			bend_notify(&m, 0, none, WIRE_N_COOKIE, (struct bytes){ made_up, 33 });
		else
			bend_insert(&m, 0, WIRE_PLD_NOTIFY, false, buf_bytes(&cookie));
		if (i == 2)
			bend_find(&m, WIRE_PLD_NONCE)->body.p[0] ^= 1;
		assert_int_equal(send_changed(w, &like), 1);
		bend_last(&w->b, &m);
		assert_int_equal(bend_notify_type(&m), WIRE_N_COOKIE);
		bend_free(&m);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	}
	/* the one that it was given for */
	like = request(w, 1);
	bend_insert(&m, 0, WIRE_PLD_NOTIFY, false, buf_bytes(&cookie));
	assert_int_equal(send_changed(w, &like), 1);
	assert_int_equal(node_ike_sas(&w->b, "half-open"), 1);
	buf_free(&cookie);
	world_run(w, 60000);
	world_free(w);
}

/* 2.6: 1 to 64 octets; what is not is no COOKIE, and the right answer may still come */
static void cookies_of_no_length_are_ignored(void **state)
{
	static const unsigned int lens[] = { 0, 65, 500 };
	static const uint8_t data[500];
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct world *w = asked(NULL, NULL);
		struct packet like = w->a.log[0];
		struct endpoint e = like.from;

		like.from = like.to;
		like.to = e;
		memset(&m, 0, sizeof(m));
		m.hdr = (struct wire_hdr){ .spi_i = w->a.ike->sas->spi_i, .major = 2,
					   .exchange = WIRE_IKE_SA_INIT,
					   .flags = WIRE_FLAG_RESPONSE };
		bend_notify(&m, 0, none, WIRE_N_COOKIE, (struct bytes){ data, lens[i] });
		bend_send(w, &m, &like);
		world_deliver(w);
		assert_int_equal(w->a.sent, 1);
		world_send(w, &w->a.log[0]);
		world_deliver(w);
		world_is_up(w);
		world_free(w);
	}
}

/* 2.6, 3.1: SPIs of our own for each SA, never 0 */
static void spis_are_unique(void **state)
{
	struct world *w = asked(NULL, NULL);
	uint64_t seen[20];
	struct packet like;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 20; i++) {
		like = request(w, (uint8_t)(i + 1));
		assert_int_equal(send_changed(w, &like), 1);
		seen[i] = get_u64(w->b.log[i].data + 8);
		assert_true(seen[i] != 0);
		for (k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
	}
	world_run(w, 60000);
	world_free(w);
}

/* 2.10, 3.9: random, of at least half the key of the biggest PRF, never twice */
static void nonces_are_fresh_and_long(void **state)
{
	struct world *w = lived();
	struct bytes nonce, seen[16];
	struct buf kept[16];
	unsigned int i, k, n = 0;

	(void)state;
	for (i = 0; i < w->a.n_log + w->b.n_log; i++) {
		struct packet *p = i < w->a.n_log ? &w->a.log[i] : &w->b.log[i - w->a.n_log];

		if (!bend_open(w, p, &m))
			continue;
		if (bend_find(&m, WIRE_PLD_NONCE)) {
			buf_init(&kept[n]);
			buf_put_bytes(&kept[n], buf_bytes(&bend_find(&m, WIRE_PLD_NONCE)->body));
			nonce = buf_bytes(&kept[n]);
			assert_in_range(nonce.len, 32, 256);
			for (k = 0; k < n; k++)
				assert_false(bytes_equal(seen[k], nonce));
			seen[n++] = nonce;
		}
		bend_free(&m);
	}
	/* two of IKE_SA_INIT and two of each rekeying, whose messages have keys until the end */
	assert_int_equal(n, 6);
	for (i = 0; i < n; i++)
		buf_free(&kept[i]);
	world_free(w);
}

/* 2.11: whatever the port, and from where it came to */
static void answers_go_to_where_the_request_came_from(void **state)
{
	static const uint16_t ports[] = { 500, 4500, 1024, 65535, 1 };
	struct world *w = asked(NULL, NULL);
	struct packet like;
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		like = request(w, (uint8_t)(i + 1));
		like.from.port = ports[i];
		like.to.port = i % 2 ? 4500 : 500;
		assert_int_equal(send_changed(w, &like), 1);
		assert_int_equal(w->b.log[i].to.port, ports[i]);
		assert_int_equal(w->b.log[i].from.port, like.to.port);
		assert_true(addr_equal(&w->b.log[i].from.addr, &w->b.addr));
		assert_true(addr_equal(&w->b.log[i].to.addr, &w->a.addr));
	}
	world_run(w, 60000);
	world_free(w);
}

/* 2.23: both notifications, from both ends, of the ends as each sees them */
static void nat_detection_is_in_both_messages(void **state)
{
	struct world *w = world_up(NULL, NULL);
	struct wire_notification n;
	uint8_t want[20];
	unsigned int k;

	(void)state;
	for (k = 0; k < 2; k++) {
		const struct packet *p = k ? &w->b.log[0] : &w->a.log[0];

		assert_true(bend_open(w, p, &m));
		assert_true(ike_natt_hash(m.hdr.spi_i, m.hdr.spi_r, &p->from, want));
		assert_int_equal(wire_notify_decode(buf_bytes(&bend_find_notify(&m,
				 WIRE_N_NAT_DETECTION_SOURCE_IP)->body), &n), WIRE_OK);
		assert_true(bytes_equal(n.data, (struct bytes){ want, 20 }));
		assert_true(ike_natt_hash(m.hdr.spi_i, m.hdr.spi_r, &p->to, want));
		assert_int_equal(wire_notify_decode(buf_bytes(&bend_find_notify(&m,
				 WIRE_N_NAT_DETECTION_DESTINATION_IP)->body), &n), WIRE_OK);
		assert_true(bytes_equal(n.data, (struct bytes){ want, 20 }));
		bend_free(&m);
	}
	world_free(w);
}

/* 3.3.6, 2.7: an answer that is not one of our proposals ends the exchange without an SA */
static void what_was_not_offered_is_not_taken(void **state)
{
	static const char *const answers[] = {
		"aes256gcm16-prfsha256-x25519", "aes128gcm16-prfsha384-x25519",
		"aes128gcm16-prfsha256-ecp256", "aes128-sha256-x25519",
	};
	struct ike_proposal p;
	struct wire_writer wr;
	char err[256];
	struct buf b;
	uint8_t first;
	size_t i, off;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct world *w = world_new(NULL, NULL);
		struct packet good;

		node_up(&w->a, NULL);
		/* the answer on its way is changed */
		w->cut = true;
		world_deliver(w);
		w->cut = false;
		good = w->b.log[0];
		assert_true(bend_open(w, &good, &m));
		assert_true(ike_proposal_parse(answers[i], PROTO_IKE, &p, err, sizeof(err), &off));
		p.number = 1;
		buf_init(&b);
		wire_open_inner(&wr, &b, &first);
		wire_put_sa(&wr, &p, 1);
		assert_true(buf_copy(&bend_find(&m, WIRE_PLD_SA)->body,
				     (struct bytes){ b.p + 4, b.len - 4 }));
		buf_free(&b);
		bend_send(w, &m, &good);
		world_deliver(w);
		assert_int_equal(w->a.sent, 1);
		assert_int_equal(node_counter(&w->a, "malformed"), 1);
		/* and the peer's own answer is taken, which anybody could have forestalled */
		world_send(w, &good);
		world_deliver(w);
		assert_string_equal(w->a.up_error, "");
		assert_int_equal(node_sas(&w->a), 2);
		world_free(w);
	}
}

/* 3.4: the KE of an answer is of the group that it chose, and that we began with */
static void answers_have_the_group_of_the_request(void **state)
{
	static const struct world_conf two = { .ike = "aes128gcm16-prfsha256-x25519-ecp256" };
	static const uint8_t point[64] = { 1 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct world *w = world_new(&two, NULL);
		struct packet good;
		struct buf *b;

		node_up(&w->a, NULL);
		w->cut = true;
		world_deliver(w);
		w->cut = false;
		good = w->b.log[0];
		assert_true(bend_open(w, &good, &m));
		if (i) {
			b = &bend_find(&m, WIRE_PLD_KE)->body;
			buf_set_u16(b, 0, DH_ECP256);
			b->len = 4;
			buf_put(b, point, sizeof(point));
		} else {
			/* the last transform */
			b = &bend_find(&m, WIRE_PLD_SA)->body;
			assert_int_equal(get_u16(b->p + b->len - 2), DH_X25519);
			buf_set_u16(b, b->len - 2, DH_ECP256);
		}
		bend_send(w, &m, &good);
		world_deliver(w);
		assert_int_equal(w->a.sent, 1);
		assert_int_equal(node_counter(&w->a, "malformed"), 1);
		world_send(w, &good);
		world_deliver(w);
		assert_string_equal(w->a.up_error, "");
		assert_int_equal(node_sas(&w->a), 2);
		world_free(w);
	}
}

/* 3.10.1: an answer with an error that nobody knows, type 0 among them, is a refusal */
static void unknown_errors_refuse(void **state)
{
	static const uint16_t types[] = { 0, 2, 8191, 16383 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct world *w = asked(NULL, NULL);
		struct packet like = w->a.log[0];
		struct endpoint e = like.from;

		like.from = like.to;
		like.to = e;
		memset(&m, 0, sizeof(m));
		m.hdr = (struct wire_hdr){ .spi_i = w->a.ike->sas->spi_i, .spi_r = 1, .major = 2,
					   .exchange = WIRE_IKE_SA_INIT,
					   .flags = WIRE_FLAG_RESPONSE };
		bend_notify(&m, 0, none, types[i], none);
		bend_send(w, &m, &like);
		world_deliver(w);
		assert_true(w->a.up_done);
		assert_non_null(strstr(w->a.up_error, "refuses IKE_SA_INIT"));
		assert_int_equal(node_ike_sas(&w->a, NULL), 0);
		world_free(w);
	}
}

/* RFC 9370 2.2.1: additional key exchanges are transforms of types 6 to 12 */
static void add_addke(struct buf *sa, bool second)
{
	static const uint8_t addke[] = { 0, 0, 0, 8, 6, 0, 0, 36 };
	struct bytes one = buf_bytes(sa);
	struct buf whole;
	size_t at = 8;

	buf_init(&whole);
	assert_true(buf_copy(&whole, one));
	while (whole.p[at])
		at += get_u16(whole.p + at + 2);
	whole.p[at] = 3;
	buf_put(&whole, addke, sizeof(addke));
	buf_set_u16(&whole, 2, whole.len);
	whole.p[7]++;
	if (second) {
		whole.p[0] = 2;
		buf_put_bytes(&whole, one);
		whole.p[whole.len - one.len + 4] = 2;
	}
	buf_free(sa);
	*sa = whole;
}

/* 3.3.6: such a proposal is not chosen, another one beside it is; the operator reads what was left out */
static void additional_key_exchanges_are_named(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like = request(w, 1);

	(void)state;
	add_addke(&bend_find(&m, WIRE_PLD_SA)->body, false);
	assert_int_equal(send_changed(w, &like), 1);
	bend_last(&w->b, &m);
	assert_int_equal(bend_notify_type(&m), WIRE_N_NO_PROPOSAL_CHOSEN);
	bend_free(&m);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR,
				  "left out: proposals with additional key exchanges (RFC 9370), which nfipsec does not have"));
	like = request(w, 2);
	add_addke(&bend_find(&m, WIRE_PLD_SA)->body, true);
	assert_int_equal(send_changed(w, &like), 1);
	bend_last(&w->b, &m);
	assert_non_null(bend_find(&m, WIRE_PLD_KE));
	bend_free(&m);
	world_run(w, 60000);
	world_free(w);
}

/* 3.4, 1.2: a value that is not as long as its group's, or of another group */
static void public_values_have_their_groups_length(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like;
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct buf *ke;

		like = request(w, (uint8_t)(i + 1));
		ke = &bend_find(&m, WIRE_PLD_KE)->body;
		if (i == 0)
			ke->len--;
		else if (i == 1)
			buf_put_u8(ke, 0);
		else
			buf_set_u16(ke, 0, DH_ECP256);
		assert_int_equal(send_changed(w, &like), i == 2);
		assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	}
	/* 1.2: told which one, in two octets */
	bend_last(&w->b, &m);
	assert_int_equal(bend_notify_type(&m), WIRE_N_INVALID_KE_PAYLOAD);
	assert_int_equal(m.pld[0].body.len, 6);
	assert_int_equal(get_u16(m.pld[0].body.p + 4), DH_X25519);
	bend_free(&m);
	world_run(w, 60000);
	world_free(w);
}

/* RFC 6989 2, 2.5: public values that are none, and what there was of the IKE SA goes */
static void bad_public_values_end_it(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like = request(w, 1);
	struct buf *ke = &bend_find(&m, WIRE_PLD_KE)->body;

	(void)state;
	memset(ke->p + 4, 0, ke->len - 4);
	assert_int_equal(send_changed(w, &like), 0);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	/* and in the answer */
	assert_int_equal(w->b.n_log, 0);
	world_send(w, &w->a.log[0]);
	world_step(w, &w->a);
	like = w->b.log[0];
	assert_true(bend_open(w, &like, &m));
	world_lose(w, &w->b);
	ke = &bend_find(&m, WIRE_PLD_KE)->body;
	memset(ke->p + 4, 0, ke->len - 4);
	bend_send(w, &m, &like);
	world_deliver(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	assert_true(w->a.up_done);
	assert_non_null(strstr(w->a.up_error, "public value"));
	world_run(w, 60000);
	world_free(w);
}

/* 3.1: no answer to an answer, whatever it says; no beginning with SPI 0, or with the responder's */
static void answers_are_not_answered(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like = request(w, 1);

	(void)state;
	m.hdr.flags |= WIRE_FLAG_RESPONSE;
	assert_int_equal(send_changed(w, &like), 0);
	like = request(w, 0);
	m.hdr.spi_i = 0;
	assert_int_equal(send_changed(w, &like), 0);
	like = request(w, 1);
	m.hdr.spi_r = 1;
	assert_int_equal(send_changed(w, &like), 0);
	like = request(w, 1);
	m.hdr.flags &= ~WIRE_FLAG_INITIATOR;
	assert_int_equal(send_changed(w, &like), 0);
	like = request(w, 1);
	m.hdr.msgid = 1;
	assert_int_equal(send_changed(w, &like), 0);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	world_run(w, 60000);
	world_free(w);
}

/* 3.3.5, 3.3.6: a key length where there is none, or none where one must be */
static void key_lengths_are_as_they_must_be(void **state)
{
	static const struct {
		const char *ours;
		uint8_t body[44];
		size_t len;
		bool good;
	} row[] = {
		/* ESP, ENCR_AES_GCM_16 with 128, without, with the length twice */
		{ "aes128gcm16", { 0, 0, 0, 24, 1, 3, 4, 1, 0xc0, 0, 0, 1, 0, 0, 0, 12, 1, 0, 0, 20,
				   0x80, 14, 0, 128 }, 24, true },
		{ "aes128gcm16", { 0, 0, 0, 20, 1, 3, 4, 1, 0xc0, 0, 0, 1, 0, 0, 0, 8, 1, 0, 0, 20 },
		  20, false },
		{ "aes128gcm16", { 0, 0, 0, 28, 1, 3, 4, 1, 0xc0, 0, 0, 1, 0, 0, 0, 16, 1, 0, 0, 20,
				   0x80, 14, 0, 128, 0x80, 14, 0, 128 }, 28, false },
		/* ENCR_CHACHA20_POLY1305, whose key has one length */
		{ "chacha20poly1305", { 0, 0, 0, 20, 1, 3, 4, 1, 0xc0, 0, 0, 1, 0, 0, 0, 8,
					1, 0, 0, 28 }, 20, true },
		{ "chacha20poly1305", { 0, 0, 0, 24, 1, 3, 4, 1, 0xc0, 0, 0, 1, 0, 0, 0, 12,
					1, 0, 0, 28, 0x80, 14, 1, 0 }, 24, false },
	};
	struct ike_proposal ours, chosen;
	static struct wire_sa sa;
	char err[256];
	size_t i, off;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_true(ike_proposal_parse(row[i].ours, PROTO_ESP, &ours, err, sizeof(err), &off));
		assert_int_equal(wire_sa_decode((struct bytes){ row[i].body, row[i].len }, &sa), WIRE_OK);
		if (ike_proposal_select(&ours, 1, sa.p, sa.n, true, &chosen) != row[i].good)
			fail_msg("row %zu", i);
	}
}

/* @body's only proposal, and behind it @n of an algorithm that nobody has */
static void put_more_proposals(struct buf *body, unsigned int n)
{
	unsigned int i;

	body->p[0] = 2;
	for (i = 0; i < n; i++) {
		buf_put_u8(body, i + 1 < n ? 2 : 0);
		buf_put(body, "\0\0\x10", 3);
		buf_put_u8(body, (uint8_t)(i + 2));
		buf_put(body, "\1\0\1" "\0\0\0\x8\1\0\3\xe8", 11);
	}
}

/* 2.7, 3.3.6: as many proposals as there may be; the most wanted come first */
static void many_proposals_are_read(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like = request(w, 1);

	(void)state;
	put_more_proposals(&bend_find(&m, WIRE_PLD_SA)->body, 254);
	assert_int_equal(send_changed(w, &like), 1);
	assert_true(bend_open(w, &w->b.log[w->b.n_log - 1], &m));
	assert_non_null(bend_find(&m, WIRE_PLD_KE));
	bend_free(&m);
	world_run(w, 60000);
	world_free(w);
}

/* more payloads than are taken, with and without those that must be there */
static void too_many_payloads_are_refused(void **state)
{
	struct world *w = asked(NULL, NULL);
	struct packet like;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		like = request(w, (uint8_t)(i + 1));
		for (k = 0; m.n <= WIRE_PAYLOADS_MAX; k++)
			bend_insert(&m, i ? m.n : 0, WIRE_PLD_VENDOR, false, none);
		assert_int_equal(send_changed(w, &like), 0);
	}
	assert_int_equal(node_counter(&w->b, "malformed"), 2);
	world_run(w, 60000);
	world_free(w);
}

/* RFC 7427 4, RFC 8420 3: both name the hashes they can verify, Identity among them, not SHA-1 */
static void hashes_are_announced(void **state)
{
	static const uint8_t hashes[] = { 0, CERT_SHA256, 0, CERT_SHA384, 0, CERT_SHA512,
					  0, CERT_IDENTITY };
	struct world *w = world_up(NULL, NULL);
	struct node *ends[] = { &w->a, &w->b };
	struct wire_notification n;
	struct bend_pld *p;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_true(bend_open(w, &ends[i]->log[0], &m));
		p = bend_find_notify(&m, WIRE_N_SIGNATURE_HASH_ALGORITHMS);
		assert_non_null(p);
		assert_int_equal(wire_notify_decode(buf_bytes(&p->body), &n), WIRE_OK);
		assert_int_equal(n.data.len, sizeof(hashes));
		assert_memory_equal(n.data.p, hashes, sizeof(hashes));
		bend_free(&m);
	}
	world_free(w);
}

/* 5: neither ENCR_NULL nor an IKE SA without integrity, configured or offered */
static void null_is_not_for_ike(void **state)
{
	static const char *const words[] = { "null-sha256-x25519", "aes128-prfsha256-x25519",
					     "null-prfsha256-x25519" };
	/* IKE: ENCR_NULL, PRF_HMAC_SHA2_256, AUTH_NONE or HMAC_SHA2_256_128, x25519 */
	static uint8_t body[] = { 0, 0, 0, 40, 1, 1, 0, 4, 3, 0, 0, 8, 1, 0, 0, 11,
				  3, 0, 0, 8, 2, 0, 0, 5, 3, 0, 0, 8, 3, 0, 0, 0,
				  0, 0, 0, 8, 4, 0, 0, 31 };
	struct world *w = asked(NULL, NULL);
	struct ike_proposal p;
	struct packet like;
	char err[256];
	size_t i, off;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_false(ike_proposal_parse(words[i], PROTO_IKE, &p, err, sizeof(err), &off));
	for (i = 0; i < 2; i++) {
		like = request(w, (uint8_t)(i + 1));
		body[31] = i ? INTEG_HMAC_SHA2_256_128 : 0;
		assert_true(buf_copy(&bend_find(&m, WIRE_PLD_SA)->body,
				     (struct bytes){ body, sizeof(body) }));
		assert_int_equal(send_changed(w, &like), 1);
		bend_last(&w->b, &m);
		assert_int_equal(bend_notify_type(&m), WIRE_N_NO_PROPOSAL_CHOSEN);
		bend_free(&m);
	}
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
	world_run(w, 60000);
	world_free(w);
}

/* An attacker drops the first IKE_SA_INIT and refuses it by INVALID_KE_PAYLOAD with @refusal. */
static void proposal_after(const char *refusal, const char *expected)
{
	static const struct world_conf c = { .ike = "aes256gcm16-prfsha384-ecp384 aes128gcm16-prfsha256-modp2048" };
	struct wire_hdr hdr = { .major = 2, .exchange = WIRE_IKE_SA_INIT, .flags = WIRE_FLAG_RESPONSE };
	struct world *w = world_new(&c, &c);
	char text[300];
	struct wire_writer wr;
	struct packet p;
	struct buf msg;

	node_up(&w->a, NULL);
	buf_init(&msg);
	if (refusal) {
		p = w->a.log[0];
		hdr.spi_i = get_u64(p.data);
		world_lose(w, &w->a);
		wire_open(&wr, &msg, &hdr);
		wire_put_notify(&wr, 0, (struct bytes){ NULL, 0 }, WIRE_N_INVALID_KE_PAYLOAD,
				(struct bytes){ (const uint8_t *)refusal, 2 });
		wire_finish(&msg);
		p = (struct packet){ .from = p.to, .to = p.from, .data = msg.p, .len = msg.len };
		world_send(w, &p);
	}
	world_deliver(w);
	world_is_up(w);
	assert_string_equal(ike_proposal_str(&bend_sa(&w->b)->prop, text, sizeof(text)), expected);
	buf_free(&msg);
	world_free(w);
}

/* RFC 7296 1.2, 2.6: nobody protects IKE_SA_INIT, so the responder chooses by its own order */
static void forged_refusal_is_no_downgrade(void **state)
{
	(void)state;
	proposal_after(NULL, "aes256gcm16-prfsha384-ecp384");
	/* modp2048 */
	proposal_after("\0\16", "aes256gcm16-prfsha384-ecp384");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_as_they_must_be),
		cmocka_unit_test(ike_proposals_are_complete),
		cmocka_unit_test(exchanges_come_in_their_order),
		cmocka_unit_test(large_messages_are_taken),
		cmocka_unit_test(beginnings_are_not_too_large),
		cmocka_unit_test(unknown_bits_are_ignored),
		cmocka_unit_test(payloads_come_in_any_order),
		cmocka_unit_test(cookie_comes_first_and_changes_nothing),
		cmocka_unit_test(wrong_cookies_are_no_cookies),
		cmocka_unit_test(cookies_of_no_length_are_ignored),
		cmocka_unit_test(spis_are_unique),
		cmocka_unit_test(nonces_are_fresh_and_long),
		cmocka_unit_test(answers_go_to_where_the_request_came_from),
		cmocka_unit_test(nat_detection_is_in_both_messages),
		cmocka_unit_test(what_was_not_offered_is_not_taken),
		cmocka_unit_test(answers_have_the_group_of_the_request),
		cmocka_unit_test(unknown_errors_refuse),
		cmocka_unit_test(additional_key_exchanges_are_named),
		cmocka_unit_test(public_values_have_their_groups_length),
		cmocka_unit_test(bad_public_values_end_it),
		cmocka_unit_test(answers_are_not_answered),
		cmocka_unit_test(key_lengths_are_as_they_must_be),
		cmocka_unit_test(hashes_are_announced),
		cmocka_unit_test(many_proposals_are_read),
		cmocka_unit_test(too_many_payloads_are_refused),
		cmocka_unit_test(null_is_not_for_ike),
		cmocka_unit_test(forged_refusal_is_no_downgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
