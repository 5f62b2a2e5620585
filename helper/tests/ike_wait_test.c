// SPDX-License-Identifier: GPL-2.0
/*
 * Responders that say nothing, and key exchanges that go on: pairs of cores as
 * in ike_world.h, whose jobs run on the daemon's kinds of threads, and ask about
 * revocation as the daemon's do.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "core/worker.h"
#include "http_server.h"
#include "ike_world.h"
#include "pki.h"
#include "pki/revoke.h"

#define PAIRS		8	/* that wait: more than there are threads of either kind */
#define COMPUTING	2
#define WAITING		4
#define PATIENCE_MS	30000

static struct http_server *server;
static struct event_loop *loop;
static struct worker_pool *pool;
static struct revoke *checker;
static struct pki *pki;
static struct world *worlds[PAIRS + 2];
static unsigned int n_worlds;

static enum http_do silent(const struct http_request *req, struct http_reply *reply, void *arg)
{
	(void)req;
	(void)reply;
	(void)arg;
	return HTTP_HANG;
}

static void submit(const struct ike_job *job, void *user)
{
	(void)user;
	worker_submit(pool, job->waits ? WORKER_WAITS : WORKER_COMPUTES, job->run, job->done,
		      job->arg);
}

/* on a worker's thread; the world's clock is not the checker's */
static enum ike_revocation revocation(struct gnutls_x509_crt_int *const *chain, unsigned int n,
				      enum conf_revocation mode, uint64_t since,
				      time_t *until, char *why, size_t why_len, void *user)
{
	(void)user;
	switch (revoke_check_until(checker, chain, n,
				   mode == CONF_REVOCATION_HARD ? REVOKE_HARD : REVOKE_SOFT,
				   since ? event_now() : REVOKE_KNOWN, until, why, why_len)) {
	case REVOKE_GOOD:
		return IKE_REVOCATION_GOOD;
	case REVOKE_UNASKED:
		return IKE_REVOCATION_UNASKED;
	default:
		return IKE_REVOCATION_BAD;
	}
}

static int set_up(void **state)
{
	char url[64];

	(void)state;
	server = http_server_new(silent, NULL);
	loop = event_loop_new();
	checker = revoke_new();
	pool = worker_new(loop, COMPUTING, WAITING);
	assert_non_null(loop);
	assert_non_null(checker);
	assert_non_null(pool);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", http_server_port(server));
	pki = pki_new();
	pki_make(pki, &(struct pki_spec){ .name = "ca", .key = "p256", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .key = "p256", .issuer = "ca",
					  .san = { "dns:a.example.com" } });
	pki_make(pki, &(struct pki_spec){ .name = "b", .key = "p256", .issuer = "ca",
					  .san = { "dns:b.example.com" }, .ocsp_url = url });
	pki_site(pki, "a", "a", "ca");
	pki_site(pki, "b", "b", "ca");
	n_worlds = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	revoke_stop(checker);
	worker_free(pool);
	while (n_worlds)
		world_free(worlds[--n_worlds]);
	revoke_free(checker);
	event_loop_free(loop);
	http_server_free(server);
	pki_free(pki);
	return 0;
}

static struct world *pair(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	w->job = submit;
	w->revocation = revocation;
	worlds[n_worlds++] = w;
	return w;
}

/* @a asks about the certificate of @b */
static struct world *pair_that_waits(const char *a_says)
{
	struct world_conf a = { .auth = "cert", .certs = pki_folder(pki, "a"), .extra_peer = a_says };
	struct world_conf b = { .auth = "cert", .certs = pki_folder(pki, "b"),
				.extra_peer = " revocation off\n" };

	return pair(&a, &b);
}

static bool is_up(struct world *w)
{
	return w->a.up_done && node_sas(&w->a) == 2 && node_sas(&w->b) == 2;
}

static bool is_rekeyed(struct world *w)
{
	return node_count(&w->a, IKE_EVENT_CHILD_UP) == 2 && node_sas(&w->a) == 2;
}

static bool is_told(struct world *w)
{
	return w->a.up_done;
}

static bool is_asked(struct world *w)
{
	(void)w;
	return http_server_count(server) > 0;
}

/* all worlds go on, until that is so of this one */
static bool until(bool (*what)(struct world *w), struct world *w)
{
	uint64_t end = event_now() + PATIENCE_MS;
	unsigned int i;

	while (!what(w) && event_now() < end) {
		event_loop_step(loop, false);
		for (i = 0; i < n_worlds; i++)
			world_deliver(worlds[i]);
		usleep(200);
	}
	return what(w);
}

static void keys_are_exchanged_meanwhile(void **state)
{
	const struct revoke_limits limits = { .fetch_ms = 3 * PATIENCE_MS,
					      .check_ms = 3 * PATIENCE_MS, .retry_ms = 60000 };
	const struct world_conf pfs = { .esp = "aes128gcm16-ecp256" };
	struct world *w[PAIRS], *psk, *other;
	unsigned int i;

	(void)state;
	revoke_set_limits(checker, &limits);
	for (i = 0; i < PAIRS; i++) {
		w[i] = pair_that_waits(" revocation hard\n");
		node_up(&w[i]->a, NULL);
	}
	assert_true(until(is_asked, NULL));
	/* all of another, and a rekeying with its own Diffie-Hellman */
	psk = pair(&pfs, &pfs);
	node_up(&psk->a, NULL);
	assert_true(until(is_up, psk));
	node_expire(&psk->a, node_newest(&psk->a, NFIPSEC_DIR_OUT), false);
	assert_true(until(is_rekeyed, psk));
	/* signatures too, of whom nobody has to ask about */
	other = pair_that_waits(" revocation off\n");
	node_up(&other->a, NULL);
	assert_true(until(is_up, other));
	for (i = 0; i < PAIRS; i++)
		assert_false(w[i]->a.up_done);
	/* all of one responder, which has heard one question */
	assert_int_equal(http_server_count(server), 1);
	/* the end comes at once, and to all */
	revoke_stop(checker);
	for (i = 0; i < PAIRS; i++) {
		assert_true(until(is_told, w[i]));
		assert_non_null(strstr(w[i]->a.up_error, "the daemon is stopping"));
	}
}

static void waiting_ends_for_all(void **state)
{
	const struct revoke_limits limits = { .fetch_ms = 500, .check_ms = 5000,
					      .retry_ms = 60000 };
	uint64_t began = event_now();
	struct world *w[PAIRS];
	unsigned int i;

	(void)state;
	revoke_set_limits(checker, &limits);
	for (i = 0; i < PAIRS; i++) {
		w[i] = pair_that_waits(i & 1 ? " revocation hard\n" : " revocation soft\n");
		node_up(&w[i]->a, NULL);
	}
	for (i = 0; i < PAIRS; i++) {
		assert_true(until(is_told, w[i]));
		if (i & 1)
			assert_non_null(strstr(w[i]->a.up_error, "timed out"));
		else
			assert_true(is_up(w[i]));
	}
	assert_true(event_now() - began >= 500);
	assert_int_equal(http_server_count(server), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keys_are_exchanged_meanwhile),
		TEST(waiting_ends_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
