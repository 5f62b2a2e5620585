// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of unauthenticated peers: half-open SAs, jobs, failed authentications, answers, log lines.
 */
#include <arpa/inet.h>
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

static struct bend m;

/* a world whose B takes anybody, and the IKE_SA_INIT request of A, which has not arrived */
static struct world *asked(const struct world_conf *b, struct packet *like)
{
	static const struct world_conf any = { .remote = "any", .remote_id = "any" };
	struct world *w = world_new(NULL, b ? b : &any);

	w->cut = true;
	node_up(&w->a, NULL);
	w->cut = false;
	*like = w->a.log[0];
	return w;
}

static void set_limits(struct world *w, unsigned int cookies, unsigned int half_open,
		       unsigned int jobs)
{
	struct ike_limits l = w->b.ike->limits;

	l.cookie_threshold = cookies;
	l.half_open_max = half_open;
	l.unauthenticated_jobs_max = jobs;
	ike_set_limits(w->b.ike, &l);
}

/* address number @n of 10.0.0.0/8 */
static struct addr address(unsigned int n)
{
	struct addr a = { .family = AF_INET, .a = { 10, n >> 16, n >> 8, n } };

	return a;
}

/* the same request from another address, with another SPI */
static void flood_init(struct world *w, const struct packet *like, unsigned int n)
{
	struct packet p = *like;

	assert_true(bend_open(w, like, &m));
	m.hdr.spi_i = 0x1111000000000000 + n;
	p.from.addr = address(n);
	bend_send(w, &m, &p);
	world_deliver(w);
}

/* ---- jobs ---- */

/*
 * an SA that is removed while its job waits still has its place: the queue cannot be longer than
 * the limit
 */
static void jobs_keep_their_place(void **state)
{
	struct packet like;
	struct world *w = asked(NULL, &like);
	unsigned int round, i;

	(void)state;
	set_limits(w, 1000, 8, 0);
	w->defer_jobs = true;
	for (round = 0; round < 4; round++) {
		for (i = 0; i < 12; i++)
			flood_init(w, &like, round * 100 + i);
		assert_int_equal(w->n_jobs, 8);
		assert_int_equal(w->b.ike->n_half_open, 8);
		w->now += 31000;
		ike_tick(w->b.ike, w->now);
	}
	assert_int_equal(w->b.ike->n_unauthenticated_jobs, 8);
	assert_int_equal(w->b.ike->n_sas, 0);
	world_jobs(w);
	assert_int_equal(w->b.ike->n_half_open, 0);
	assert_int_equal(w->b.ike->n_unauthenticated_jobs, 0);
	world_free(w);
}

/* however many half-open SAs there may be, the work that is queued for them is bounded */
static void jobs_are_bounded(void **state)
{
	struct packet like;
	struct world *w = asked(NULL, &like);
	unsigned int i;

	(void)state;
	set_limits(w, 1000, 1000, 5);
	w->defer_jobs = true;
	for (i = 0; i < 40; i++)
		flood_init(w, &like, i);
	assert_int_equal(w->n_jobs, 5);
	assert_int_equal(node_counter(&w->b, "job_limited"), 35);
	/* each is a stranger's, and there is room for more as they are done */
	for (i = 0; i < w->n_jobs; i++)
		assert_true(w->jobs[i]->stranger);
	world_jobs(w);
	for (i = 40; i < 80; i++)
		flood_init(w, &like, i);
	assert_int_equal(w->n_jobs, 5);
	world_jobs(w);
	w->cut = true;
	world_run(w, 60000);
	assert_int_equal(w->b.ike->n_half_open, 0);
	world_free(w);
}

/* jobs as the workers take them: those of strangers after the others, but for every eighth */
static struct {
	const struct ike_job *jobs[2][256];
	unsigned int n[2], strangers_done, passed;
} queue;

static void queue_job(const struct ike_job *job, void *user)
{
	(void)user;
	assert_true(queue.n[job->stranger] < 256);
	queue.jobs[job->stranger][queue.n[job->stranger]++] = job;
}

/* one thread takes one job */
static bool work(void)
{
	unsigned int kind = !queue.n[0] || (queue.n[1] && queue.passed == 7);
	const struct ike_job *job = queue.jobs[kind][0];

	if (!queue.n[kind])
		return false;
	memmove(queue.jobs[kind], queue.jobs[kind] + 1, --queue.n[kind] * sizeof(job));
	queue.strangers_done += kind;
	queue.passed = kind ? 0 : queue.passed + 1;
	job->run(job->arg);
	job->done(job->arg);
	return true;
}

/*
 * 200 strangers' IKE_SA_INITs stand in the queue, and more come with each step. Both ends of an
 * established pair rekey their CHILD SA with a key exchange, and B answers liveness checks. That takes
 * fewer than eight jobs, so not one job of a stranger runs before it is done.
 */
static void established_peers_are_served_in_a_flood(void **state)
{
	static const struct world_conf a = { .esp = "aes128gcm16-x25519" };
	static const struct world_conf b = { .esp = "aes128gcm16-x25519", .remote = "any",
					     .remote_id = "any" };
	struct world *w = world_up(&a, &b);
	struct packet like = w->a.log[0];
	unsigned int i, ups = node_count(&w->b, IKE_EVENT_CHILD_UP);
	struct fake_sa *old = node_newest(&w->a, NFIPSEC_DIR_OUT);

	(void)state;
	memset(&queue, 0, sizeof(queue));
	set_limits(w, 100000, 4096, 200);
	w->job = queue_job;
	for (i = 0; i < 300; i++)
		flood_init(w, &like, i);
	assert_int_equal(queue.n[1], 200);
	assert_int_equal(queue.n[0], 0);
	node_expire(&w->a, old, false);
	for (i = 0; i < 200 && node_count(&w->b, IKE_EVENT_CHILD_UP) == ups; i++) {
		flood_init(w, &like, 1000 + i);
		world_deliver(w);
		work();
	}
	world_deliver(w);
	assert_int_equal(node_count(&w->b, IKE_EVENT_CHILD_UP), ups + 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_int_equal(queue.strangers_done, 0);
	/* a liveness check is answered with no job at all */
	i = w->b.sent;
	bend_new(&w->a, &m, WIRE_INFORMATIONAL, false);
	bend_send_from(&w->a, &m);
	world_deliver(w);
	assert_int_equal(w->b.sent, i + 1);
	while (work())
		;
	assert_int_equal(queue.strangers_done, 200);
	w->job = NULL;
	world_run(w, 60000);
	world_free(w);
}

/* ---- guesses ---- */

static void guess(struct world *w, unsigned int n)
{
	while (n--) {
		node_restart(&w->a);
		node_up(&w->a, NULL);
		world_deliver(w);
	}
}

/* a pre-shared key is not guessed at more often than once in ten seconds, after the first five */
static void guesses_are_few(void **state)
{
	static const struct world_conf wrong = { .psk = "guess" };
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	struct world *w = world_new(&wrong, &b);
	unsigned int i;

	(void)state;
	set_limits(w, 0, 4096, 0);
	guess(w, 40);
	assert_in_range(node_counter(&w->b, "auth_failed"), 1, 5);
	for (i = 0; i < 300; i++) {
		world_run(w, 1000);
		guess(w, 2);
	}
	assert_in_range(node_counter(&w->b, "auth_failed"), 20, 5 + 31);
	assert_true(node_counter(&w->b, "auth_limited") > 0);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "failed to authenticate too often"));
	/*
	 * lines: five of an address for each cause and one in ten seconds, and the key is in none
	 */
	assert_in_range(node_count(&w->b, IKE_EVENT_ERROR), 1, 2 * (5 + 31));
	world_free(w);
}

/*
 * A neighbour with a right key connects during the guessing. A peer that corrects its key connects
 * soon after.
 */
static void neighbours_come_in(void **state)
{
	static const struct world_conf wrong = { .psk = "guess" };
	static const struct world_conf neighbour = { .id = "c.example.com" };
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	struct world *w = world_new(&wrong, &b);

	(void)state;
	guess(w, 30);
	node_restart(&w->a);
	world_load(&w->a, &neighbour);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	node_down(&w->a, NULL);
	world_deliver(w);
	/* the first identity, now with the right key: by one of its retransmissions */
	world_load(&w->a, NULL);
	node_up(&w->a, NULL);
	world_run(w, 25000);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	world_free(w);
}

/*
 * identities are cheap: an address has its own limit; other addresses, and other /64s, have theirs
 */
static void identities_do_not_multiply(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct ike *ike = w->b.ike;
	struct wire_id id = { .type = WIRE_ID_FQDN };
	struct addr x, y, z;
	unsigned int i, tried = 0;
	char name[32];

	(void)state;
	assert_true(addr_parse("2001:db8:0:1::1", &x) && addr_parse("2001:db8:0:1:ffff::2", &y) &&
		    addr_parse("2001:db8:0:2::1", &z));
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "guest%u", i);
		id.data = (struct bytes){ (const uint8_t *)name, strlen(name) };
		if (!ike_limit_may_begin(ike, &x))
			continue;
		assert_true(ike_limit_may_claim(ike, &x, &id));
		ike_limit_failed(ike, &x, &id);
		tried++;
	}
	assert_int_equal(tried, 20);
	assert_false(ike_limit_may_begin(ike, &y));
	assert_true(ike_limit_may_begin(ike, &z));
	/* no longer than the interval of one failure */
	ike->now += 2000;
	assert_true(ike_limit_may_begin(ike, &x));
	world_free(w);
}

/* An authentication clears the failures of its own identity at that address, and no others. */
static void authentication_clears_one_identity(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct wire_id x = { .type = WIRE_ID_FQDN, .data = { (const uint8_t *)"x", 1 } };
	struct wire_id email = { .type = WIRE_ID_EMAIL, .data = x.data };
	struct wire_id y = { .type = WIRE_ID_FQDN, .data = { (const uint8_t *)"y", 1 } };
	struct ike *ike = w->b.ike;
	struct addr from = address(1);
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++)
		ike_limit_failed(ike, &from, &x);
	assert_false(ike_limit_may_claim(ike, &from, &x));
	assert_true(ike_limit_may_claim(ike, &from, &email));
	for (i = 0; i < 15; i++)
		ike_limit_failed(ike, &from, &email);
	assert_false(ike_limit_may_begin(ike, &from));
	ike_limit_proved(ike, &from, &x);
	assert_true(ike_limit_may_begin(ike, &from));
	assert_true(ike_limit_may_claim(ike, &from, &x));
	assert_false(ike_limit_may_claim(ike, &from, &email));
	/* the address still owes: an identity that is new there waits */
	assert_false(ike_limit_may_claim(ike, &from, &y));
	world_free(w);
}

/*
 * An unknown identity counts as a failure. A block that lacks a secret does not: the peer is not
 * at fault.
 */
static void only_failures_of_the_peer_count(void **state)
{
	static const struct world_conf b = { .remote_id = "x.example.com" };
	struct world *w = world_new(NULL, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no peer at 192.0.2.1 has these IDs"));
	assert_int_equal(node_counter(&w->b, "auth_failed"), 1);
	world_free(w);
	w = world_new(NULL, NULL);
	w->b.conf->peers[0].lacks = strdup("no pre-shared key");
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no pre-shared key"));
	assert_int_equal(node_counter(&w->b, "auth_failed"), 0);
	world_free(w);
}

/*
 * an address that failed with many identities: its IKE_SA_INIT is dropped for a while, and repeated
 */
static void an_address_that_fails_waits(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct wire_id id = { .type = WIRE_ID_FQDN };
	uint8_t name[1];

	(void)state;
	w->b.ike->now = w->now;
	for (name[0] = 0; name[0] < 40; name[0]++) {
		id.data = (struct bytes){ name, 1 };
		ike_limit_failed(w->b.ike, &w->a.addr, &id);
	}
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(w->b.sent, 0);
	assert_int_equal(node_counter(&w->b, "auth_limited"), 1);
	world_run(w, 90000);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	world_free(w);
}

/* A's IKE_AUTH, which has identity number @n and a wrong key, is @like and has not arrived */
static void hold_auth(struct world *w, unsigned int n, struct packet *like)
{
	char name[32];
	struct world_conf wrong = { .psk = "guess", .id = name };

	snprintf(name, sizeof(name), "x%u.example.com", n);
	node_restart(&w->a);
	world_load(&w->a, &wrong);
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(w->n_queue, 1);
	*like = w->queue[--w->n_queue];
}

/* all of them fail now: more half-open SAs than the burst of the address has failures */
static void fail_at_once(struct world *w, unsigned int n)
{
	struct packet held[40];
	unsigned int i;

	assert_true(n <= 40);
	for (i = 0; i < n; i++)
		hold_auth(w, i, &held[i]);
	for (i = 0; i < n; i++) {
		world_send(w, &held[i]);
		free(held[i].data);
		world_deliver(w);
	}
	node_restart(&w->a);
	world_load(&w->a, NULL);
}

static void comes_in(struct world *w, uint64_t ms)
{
	node_up(&w->a, NULL);
	world_run(w, ms);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
}

/*
 * a neighbour behind the same NAT opens 40 half-open SAs and has them fail at once: others wait for
 * 2 s
 */
static void a_neighbour_bans_nobody(void **state)
{
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	struct world *w = world_new(NULL, &b);

	(void)state;
	set_limits(w, 1000, 4096, 0);
	fail_at_once(w, 40);
	assert_int_equal(node_counter(&w->b, "auth_failed"), 20);
	assert_int_equal(node_counter(&w->b, "auth_limited"), 20);
	world_run(w, 2000);
	assert_true(ike_limit_may_begin(w->b.ike, &w->a.addr));
	comes_in(w, 0);
	world_free(w);
}

/* An identity that was authenticated at the address does not wait, and another one does. */
static void a_known_peer_is_not_held_back(void **state)
{
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	static const struct world_conf other = { .id = "other.example.com" };
	struct world *w = world_new(NULL, &b);

	(void)state;
	set_limits(w, 1000, 4096, 0);
	comes_in(w, 0);
	node_down(&w->a, NULL);
	world_deliver(w);
	fail_at_once(w, 40);
	world_load(&w->a, &other);
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_ike_sas(&w->b, "established"), 0);
	assert_int_equal(node_counter(&w->b, "auth_failed"), 20);
	node_restart(&w->a);
	world_load(&w->a, NULL);
	comes_in(w, 0);
	world_free(w);
}

/* the only datagram on its way arrives, with this source */
static void arrives_from(struct world *w, const struct addr *source)
{
	struct node from = { .addr = *source };

	assert_int_equal(w->n_queue, 1);
	w->queue[0].from.addr = *source;
	world_step(w, &from);
}

/* A's IKE_SA_INIT has the source @own, and its IKE_AUTH, which fails, has the source @forged */
static void fail_as(struct world *w, const char *id, const struct addr *own, const struct addr *forged)
{
	const struct world_conf wrong = { .psk = "guess", .id = id };

	node_restart(&w->a);
	world_load(&w->a, &wrong);
	node_up(&w->a, NULL);
	arrives_from(w, own);
	assert_int_equal(w->n_queue, 1);
	w->queue[0].to.addr = w->a.addr;
	world_step(w, &w->b);
	arrives_from(w, forged);
	world_deliver(w);
}

/*
 * The source of IKE_AUTH may be forged: the address that IKE_SA_INIT was answered to pays for a failure, and the
 * line names it. Behind a NAT the address of an SA moves with IKE_AUTH, and that changes nothing.
 */
static void forged_sources_cost_nobody(void **state)
{
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	struct addr own[2] = { { 0 }, address(5) }, victim = address(9);
	struct wire_id id = { .type = WIRE_ID_FQDN, .data = { (const uint8_t *)"x.example.com", 13 } };
	struct world *w;
	unsigned int i, k;
	char name[32];

	(void)state;
	for (i = 0; i < 2; i++) {
		w = world_new(NULL, &b);
		own[0] = w->a.addr;
		set_limits(w, 1000, 4096, 0);
		for (k = 0; k < 5; k++)
			fail_as(w, "x.example.com", &own[i], &victim);
		assert_false(ike_limit_may_claim(w->b.ike, &own[i], &id));
		assert_true(ike_limit_may_claim(w->b.ike, &victim, &id));
		for (k = 0; k < 15; k++) {
			snprintf(name, sizeof(name), "x%u.example.com", k);
			fail_as(w, name, &own[i], &victim);
		}
		assert_int_equal(node_counter(&w->b, "auth_failed"), 20);
		assert_false(ike_limit_may_begin(w->b.ike, &own[i]));
		assert_true(ike_limit_may_begin(w->b.ike, &victim));
		assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, i ? "with 10.0.0.5" : "with 192.0.2.1"));
		assert_null(node_line(&w->b, IKE_EVENT_ERROR, "10.0.0.9"));
		world_free(w);
	}
}

/*
 * a /8 of addresses, each of which fails 25 times: memory does not grow, and who has not failed may
 * begin
 */
static void a_hostile_net_locks_nobody_out(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct ike *ike = w->b.ike;
	struct wire_id id = { .type = WIRE_ID_FQDN, .data = { (const uint8_t *)"x", 1 } };
	unsigned int i, k;
	struct addr from;

	(void)state;
	for (i = 0; i < 40000; i++) {
		from = address(i);
		for (k = 0; k < 25; k++)
			ike_limit_failed(ike, &from, &id);
		if (i % 500)
			continue;
		assert_true(ike_limit_may_begin(ike, &w->a.addr));
		assert_true(ike_limit_may_claim(ike, &w->a.addr, &id));
	}
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
	world_free(w);
}

/* ---- answers outside of any SA ---- */

static unsigned int unknown_spi(struct world *w, const struct addr *from)
{
	struct packet p = { .from = { *from, 500 }, .to = { w->b.addr, 500 } };
	unsigned int sent = w->b.sent;
	struct bend r;

	memset(&r, 0, sizeof(r));
	r.hdr = (struct wire_hdr){ .spi_i = 1, .spi_r = 7, .major = 2,
				   .exchange = WIRE_INFORMATIONAL, .flags = WIRE_FLAG_INITIATOR };
	bend_send(w, &r, &p);
	world_deliver(w);
	return w->b.sent - sent;
}

/*
 * INVALID_IKE_SPI: five at once for an address and one in a second; nobody spends the share of
 * another
 */
static void answers_are_limited_for_each_address(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int i, n = 0;
	struct addr from;

	(void)state;
	for (i = 0; i < 5000; i++) {
		from = address(i);
		assert_int_equal(unknown_spi(w, &from), 1);
	}
	from = address(77777);
	for (i = 0; i < 200; i++)
		n += unknown_spi(w, &from);
	assert_int_equal(n, 5);
	assert_int_equal(unknown_spi(w, &w->a.addr), 1);
	w->now += 1000;
	assert_int_equal(unknown_spi(w, &from), 1);
	assert_int_equal(unknown_spi(w, &from), 0);
	assert_int_equal(node_counter(&w->b, "notify_limited"), 196);
	world_free(w);
}

/* a copy of IKE_SA_INIT has an answer, so that a forged address gets no more than a few of them */
static void copies_of_init_have_few_answers(void **state)
{
	struct packet like;
	struct world *w = asked(NULL, &like);
	unsigned int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		flood_init(w, &like, 1);
	}
	assert_in_range(w->b.sent, 7, 11);
	world_run(w, 60000);
	world_free(w);
}

/* requests that are refused leave no half-open SA; a cookie is demanded for their number alone */
static void refused_requests_need_cookies(void **state)
{
	static const struct world_conf b = { .remote = "any", .remote_id = "any",
					     .ike = "aes256gcm16-prfsha512-ecp384" };
	struct packet like;
	struct world *w = asked(&b, &like);
	unsigned int i;

	(void)state;
	set_limits(w, 10, 1000, 0);
	for (i = 0; i < 100; i++)
		flood_init(w, &like, i);
	assert_int_equal(w->b.ike->n_half_open, 0);
	assert_int_equal(node_counter(&w->b, "cookie_demanded"), 90);
	w->now += 1000;
	for (i = 0; i < 10; i++)
		flood_init(w, &like, i);
	assert_int_equal(node_counter(&w->b, "cookie_demanded"), 90);
	world_free(w);
}

#define SECOND_BLOCK(proposal) "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\n" \
	"peer q {\n local address 192.0.2.2 id fqdn b.example.com\n remote address any\n auth psk\n" \
	" ike " proposal "\n tunnel u {\n access-list m\n esp aes128gcm16\n }\n}\n" \
	"access-list m {\n10 protect ip from 10.3.0.0/16 to 10.1.0.0/16"

/* The responder tries the proposals of each block with these addresses, in whatever order. */
static void each_block_is_tried(void **state)
{
	static const char other[] = "aes256gcm16-prfsha512-ecp384";
	static const struct world_conf confs[] = {
		{ .remote = "any", .remote_id = "any", .ike = other,
		  .entries = SECOND_BLOCK("aes128gcm16-prfsha256-x25519") },
		{ .remote = "any", .remote_id = "any",
		  .entries = SECOND_BLOCK("aes256gcm16-prfsha512-ecp384") },
	};
	struct packet like;
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = asked(&confs[i], &like);
		flood_init(w, &like, 1);
		assert_int_equal(w->b.ike->n_half_open, 1);
		w->cut = true;
		world_free(w);
	}
}

/* ---- lines ---- */

static void header(struct world *w, const struct addr *from, uint8_t major)
{
	struct packet p = { .from = { *from, 500 }, .to = { w->b.addr, 500 } };
	struct bend r;

	memset(&r, 0, sizeof(r));
	r.hdr = (struct wire_hdr){ .spi_i = 1, .major = major, .exchange = WIRE_IKE_SA_INIT,
				   .flags = WIRE_FLAG_INITIATOR };
	bend_send(w, &r, &p);
	world_deliver(w);
}

/* of one address 5 lines, of one cause 10, and no cause takes the lines of another */
static void lines_are_limited_by_cause(void **state)
{
	static const struct world_conf b = { .ike = "aes256gcm16-prfsha512-ecp384" };
	struct packet like;
	struct world *w = asked(&b, &like);
	struct addr from = address(1);
	unsigned int i;

	(void)state;
	set_limits(w, 100000, 1000, 0);
	for (i = 0; i < 500; i++)
		header(w, &from, 3);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 5);
	for (i = 0; i < 500; i++) {
		from = address(i);
		header(w, &from, 3);
	}
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 10);
	/* "no peer is configured" is another */
	for (i = 0; i < 500; i++)
		flood_init(w, &like, i);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 20);
	/* and so is "no common proposal" of the peer itself */
	assert_true(bend_open(w, &like, &m));
	bend_send(w, &m, &like);
	world_deliver(w);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "no common IKE proposal"));
	/* The next line says how many were suppressed. */
	w->now += 20000;
	header(w, &from, 3);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR,
				  "begins in IKEv3, expected IKEv2 (494 more like this were suppressed)"));
	world_free(w);
}

/* the messages of half-open SAs, for those who watch */
static void exchanges_of_strangers_are_limited(void **state)
{
	struct packet like;
	struct world *w = asked(NULL, &like);
	unsigned int i;

	(void)state;
	set_limits(w, 100000, 1000, 0);
	for (i = 0; i < 500; i++)
		flood_init(w, &like, i);
	assert_int_equal(w->b.ike->n_half_open, 500);
	assert_in_range(node_count(&w->b, IKE_EVENT_EXCHANGE), 32, 64);
	world_run(w, 60000);
	world_free(w);
}

/* a local user who sends into a tunnel that does not come up */
static void waiting_packets_are_told_now_and_then(void **state)
{
	struct world *w = world_new(NULL, NULL);
	unsigned int i;

	(void)state;
	w->cut = true;
	for (i = 0; i < 1000; i++) {
		node_acquire(&w->a, "10.1.0.1", "10.2.0.1");
		node_down(&w->a, NULL);
	}
	assert_in_range(node_count(&w->a, IKE_EVENT_ACQUIRE), 1, 5);
	world_free(w);
}

/* ---- sizes ---- */

/*
 * IKE_AUTH of an initiator with the payload of this type changed to @body; the counter of malformed
 * ones
 */
static unsigned int auth_with(uint8_t type, struct bytes body)
{
	static const struct world_conf b = { .remote = "any", .remote_id = "any" };
	struct world *w = world_new(NULL, &b);
	struct bend_pld *pld;
	struct packet like;
	unsigned int n;

	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	like = w->a.log[1];
	assert_true(bend_open(w, &like, &m));
	world_lose(w, &w->a);
	pld = bend_find(&m, type);
	if (pld) {
		buf_free(&pld->body);
		buf_init(&pld->body);
		buf_put_bytes(&pld->body, body);
	} else {
		bend_insert(&m, m.n, type, false, body);
	}
	bend_send(w, &m, &like);
	world_deliver(w);
	n = node_counter(&w->b, "malformed");
	assert_int_equal(node_ike_sas(&w->b, "established"), 0);
	w->cut = true;
	world_free(w);
	return n;
}

static void large_payloads_are_refused(void **state)
{
	static uint8_t id[58000], rdn[] = { 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c,
					    0x02, 'a', 'a' };
	static const struct {
		uint8_t type;
		size_t good, bad;
	} rows[] = {
		{ WIRE_ID_FQDN, 255, 256 }, { WIRE_ID_EMAIL, 320, 321 }, { WIRE_ID_KEY, 1024, 1025 },
		{ WIRE_ID_DN, 1024, 1025 }, { 200, 1024, 58000 - 4 },
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(id, 'a', sizeof(id));
		memset(id, 0, 4);
		id[0] = rows[i].type;
		assert_int_equal(auth_with(WIRE_PLD_IDI, (struct bytes){ id, 4 + rows[i].good }), 0);
		assert_int_equal(auth_with(WIRE_PLD_IDI, (struct bytes){ id, 4 + rows[i].bad }), 1);
	}
	/* a DN of 32 attributes, one of 33, both short enough */
	for (n = 32; n <= 33; n++) {
		memset(id, 0, 4);
		id[0] = WIRE_ID_DN;
		id[4] = 0x30;
		id[5] = 0x82;
		id[6] = n * 13 >> 8;
		id[7] = n * 13;
		for (i = 0; i < n; i++)
			memcpy(id + 8 + 13 * i, rdn, 13);
		assert_int_equal(auth_with(WIRE_PLD_IDI, (struct bytes){ id, 8 + n * 13 }), n - 32);
	}
	/* a whole message beyond 32 KB is not even opened */
	assert_int_equal(auth_with(WIRE_PLD_VENDOR, (struct bytes){ id, 33000 }), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_keep_their_place),
		cmocka_unit_test(jobs_are_bounded),
		cmocka_unit_test(established_peers_are_served_in_a_flood),
		cmocka_unit_test(guesses_are_few),
		cmocka_unit_test(neighbours_come_in),
		cmocka_unit_test(identities_do_not_multiply),
		cmocka_unit_test(authentication_clears_one_identity),
		cmocka_unit_test(only_failures_of_the_peer_count),
		cmocka_unit_test(an_address_that_fails_waits),
		cmocka_unit_test(a_neighbour_bans_nobody),
		cmocka_unit_test(a_known_peer_is_not_held_back),
		cmocka_unit_test(forged_sources_cost_nobody),
		cmocka_unit_test(a_hostile_net_locks_nobody_out),
		cmocka_unit_test(answers_are_limited_for_each_address),
		cmocka_unit_test(copies_of_init_have_few_answers),
		cmocka_unit_test(refused_requests_need_cookies),
		cmocka_unit_test(each_block_is_tried),
		cmocka_unit_test(lines_are_limited_by_cause),
		cmocka_unit_test(exchanges_of_strangers_are_limited),
		cmocka_unit_test(waiting_packets_are_told_now_and_then),
		cmocka_unit_test(large_payloads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
