// SPDX-License-Identifier: GPL-2.0
/* An authentication by certificate holds as long as the certificates do, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "pki.h"
#include "v2/v2.h"

#define YEAR	(366l * 24 * 3600)

static struct pki *pki;
static struct world_conf a = { .auth = "cert", .extra_peer = " revocation off\n" };
static struct world_conf b = { .auth = "cert" };

/* a's certificate holds for @seconds, by a CA between, which a sends, that holds for @middle */
static struct world *pair(long seconds, long middle, const char *revocation)
{
	pki = pki_new();
	pki_make(pki, &(struct pki_spec){ .name = "ca", .key = "p256", .ca = true, .pathlen = -1,
					  .from = -9, .until = YEAR });
	pki_make(pki, &(struct pki_spec){ .name = "middle", .issuer = "ca", .key = "p256", .ca = true,
					  .pathlen = -1, .from = -9, .until = middle });
	pki_make(pki, &(struct pki_spec){ .name = "a", .issuer = "middle", .key = "p256", .from = -9,
					  .san = { "dns:a.example.com" }, .until = seconds });
	pki_make(pki, &(struct pki_spec){ .name = "b", .issuer = "ca", .key = "p256", .from = -9,
					  .san = { "dns:b.example.com" }, .until = YEAR });
	a.certs = pki_site(pki, "a", "a", "ca");
	pki_put_cert(pki, "a", "cacerts", "middle");
	b.certs = pki_site(pki, "b", "b", "ca");
	b.extra_peer = revocation;
	return world_up(&a, &b);
}

static void end(struct world *w)
{
	world_free(w);
	pki_free(pki);
}

/* hours pass, of whose lines nobody has read any */
static void pass(struct world *w, long seconds)
{
	world_run(w, seconds * 1000);
	w->a.n_lines = w->b.n_lines = 0;
}

static void stays(struct world *w)
{
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_sas(&w->b), 2);
	assert_null(node_line(&w->b, IKE_EVENT_ERROR, "holds no longer"));
}

/* closed at both ends, and the reason is in the log of the one that judged */
static void is_closed(struct world *w, const char *why)
{
	world_deliver(w);
	assert_int_equal(node_ike_sas(&w->b, "established"), 0);
	assert_int_equal(node_ike_sas(&w->a, "established"), 0);
	assert_int_equal(node_sas(&w->b), 0);
	assert_int_equal(node_sas(&w->a), 0);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "the authentication of fqdn 'a.example.com' at 192.0.2.1 holds no longer: "));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, why));
	assert_non_null(node_line(&w->b, IKE_EVENT_IKE_DOWN, "its certificate holds no longer"));
}

static void load_with_another_crl(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	unsigned int asked = w->b.revocation_asked;

	(void)state;
	world_load(&w->b, &b);
	world_deliver(w);
	stays(w);
	assert_int_equal(w->b.revocation_asked, asked + 1);
	w->b.revoked = true;
	world_load(&w->b, &b);
	is_closed(w, "it is revoked");
	end(w);
}

static void next_update_passes(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	unsigned int asked;

	(void)state;
	/* learned with the next answer */
	w->b.revocation_until = w->started + w->now / 1000 + 7200;
	world_load(&w->b, &b);
	world_deliver(w);
	asked = w->b.revocation_asked;
	w->b.revoked = true;
	pass(w, 7200);
	assert_int_equal(w->b.revocation_asked, asked);
	stays(w);
	world_run(w, 2000);
	assert_int_equal(w->b.revocation_asked, asked + 1);
	is_closed(w, "it is revoked");
	end(w);
}

/* If each answer is out of date at once, the daemon does not ask all the time. */
static void next_update_is_now(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation soft\n");
	unsigned int asked;

	(void)state;
	w->b.revocation_until = w->started;
	world_load(&w->b, &b);
	world_deliver(w);
	asked = w->b.revocation_asked;
	world_run(w, 600 * 1000);
	assert_in_range(w->b.revocation_asked, asked + 8, asked + 10);
	/* nobody says anything */
	w->b.revocation_until = 0;
	world_run(w, 60 * 1000);
	asked = w->b.revocation_asked;
	world_run(w, 2 * 3600 * 1000);
	assert_in_range(w->b.revocation_asked, asked + 1, asked + 3);
	stays(w);
	node_down(&w->a, NULL);
	world_deliver(w);
	end(w);
}

static void certificate_expires(void **state)
{
	struct world *w = pair(3 * 3600, YEAR, " revocation off\n");

	(void)state;
	pass(w, 3 * 3600 - 5);
	stays(w);
	world_run(w, 10 * 1000);
	is_closed(w, "the certificate of 'C=XX, O=Test, CN=a' expired on");
	/* and does not come back */
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_int_equal(node_sas(&w->b), 0);
	node_down(&w->a, NULL);
	world_deliver(w);
	end(w);
}

/* a CA in the middle counts, and a rekeyed IKE SA is what it was before */
static void ca_expires_after_rekeying(void **state)
{
	struct world *w;
	uint64_t first;

	(void)state;
	w = pair(YEAR, 6 * 3600, " revocation off ike-lifetime 2h\n");
	first = bend_sa(&w->b)->spi_i;
	pass(w, 5 * 3600);
	assert_true(bend_sa(&w->b)->spi_i != first);
	assert_null(node_line(&w->b, IKE_EVENT_ERROR, "holds no longer"));
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	pass(w, 3580);
	stays(w);
	world_run(w, 30 * 1000);
	is_closed(w, "the certificate of 'C=XX, O=Test, CN=middle' expired on");
	end(w);
}

/* another CA is here, by a configuration that is the same otherwise */
static void ca_is_removed(void **state)
{
	struct world *w;
	char path[300];

	(void)state;
	w = pair(YEAR, YEAR, " revocation off\n");
	snprintf(path, sizeof(path), "%s/cacerts/ca.pem", b.certs);
	assert_false(unlink(path));
	pki_make(pki, &(struct pki_spec){ .name = "other", .key = "p256", .ca = true, .pathlen = -1 });
	pki_put_cert(pki, "b", "cacerts", "other");
	world_load(&w->b, &b);
	world_deliver(w);
	assert_int_equal(node_ike_sas(&w->b, "established"), 0);
	assert_int_equal(node_sas(&w->b), 0);
	end(w);
}

/* a worker has the chain while another configuration is loaded, and it ends while the SA does */
static void load_while_judged(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	const struct ike_job *job;

	(void)state;
	w->defer_jobs = true;
	world_load(&w->b, &b);
	assert_int_equal(w->n_jobs, 1);
	w->b.revoked = true;
	world_load(&w->b, &b);
	assert_int_equal(w->n_jobs, 1);
	/* The job began before the second load, so its result does not count for that load. */
	w->b.revoked = false;
	job = w->jobs[--w->n_jobs];
	job->run(job->arg);
	w->b.revoked = true;
	job->done(job->arg);
	assert_int_equal(w->n_jobs, 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	world_jobs(w);
	w->defer_jobs = false;
	is_closed(w, "it is revoked");
	w->b.revoked = false;
	node_up(&w->a, NULL);
	world_deliver(w);
	w->defer_jobs = true;
	world_load(&w->b, &b);
	assert_int_equal(w->n_jobs, 1);
	node_restart(&w->b);
	world_jobs(w);
	w->defer_jobs = false;
	w->cut = true;
	node_down(&w->a, NULL);
	world_run(w, 300000);
	end(w);
}

/* the peer rekeys the IKE SA while a worker has its chain: the verdict is for the successor */
static void rekeyed_while_judged(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	const struct ike_job *job;
	struct ike_sa *first = bend_sa(&w->b);
	unsigned int i;

	(void)state;
	w->defer_jobs = true;
	w->b.revoked = true;
	world_load(&w->b, &b);
	assert_int_equal(w->n_jobs, 1);
	job = w->jobs[--w->n_jobs];
	w->defer_jobs = false;
	/* more than once, and it deletes the old one */
	for (i = 0; i < 2; i++) {
		v2_renew(bend_sa(&w->a));
		world_deliver(w);
		assert_ptr_not_equal(bend_sa(&w->b), first);
	}
	job->run(job->arg);
	job->done(job->arg);
	is_closed(w, "it is revoked");
	end(w);
}

/* A peer that authenticates during a load is judged by the new configuration. */
static void load_while_authenticating(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	unsigned int asked;

	(void)state;
	node_down(&w->a, NULL);
	world_deliver(w);
	node_up(&w->a, NULL);
	/* up to the job of the responder's that verifies */
	while (w->n_queue) {
		w->defer_jobs = world_sent(w, &w->a) && w->b.ike->n_half_open;
		world_step(w, world_sent(w, &w->a) ? &w->a : &w->b);
	}
	w->defer_jobs = true;
	asked = w->b.revocation_asked;
	world_load(&w->b, &b);
	world_jobs(w);
	w->defer_jobs = false;
	world_deliver(w);
	world_run(w, 2000);
	assert_in_range(w->b.revocation_asked, asked + 2, asked + 3);
	node_down(&w->a, NULL);
	world_deliver(w);
	end(w);
}

/* SAs of an earlier run do not outlive a peer whose certificate is refused now */
static void orphans_of_a_refused_peer(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation soft\n");

	(void)state;
	node_up(&w->b, NULL);
	world_deliver(w);
	node_crash(&w->b);
	w->b.revoked = true;
	w->cut = true;
	node_adopt(&w->b);
	assert_int_equal(node_sas(&w->b), 2);
	w->cut = false;
	world_run(w, 3000);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "it is revoked"));
	assert_int_equal(node_sas(&w->b), 0);
	w->cut = true;
	node_down(&w->a, NULL);
	world_run(w, 300000);
	end(w);
}

/* however many peers there are, few are judged at once, and each is */
static void few_at_once(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	struct ike_sa *sa = bend_sa(&w->b), fake[10];
	unsigned int asked, i;

	(void)state;
	w->defer_jobs = true;
	memset(fake, 0, sizeof(fake));
	for (i = 0; i < 10; i++) {
		fake[i].ike = sa->ike;
		fake[i].refs = 2;
		fake[i].peer = sa->peer;
		fake[i].state = IKE_STATE_ESTABLISHED;
		fake[i].certs = sa->certs;
		fake[i].recheck.fn = sa->recheck.fn;
		fake[i].remote_id = sa->remote_id;
		ike_recheck(&fake[i]);
		assert_int_equal(w->n_jobs, i < 4 ? i + 1 : 4);
	}
	/* two that run, and one that waits, go */
	for (i = 2; i < 5; i++) {
		fake[i].dead = true;
		ike_recheck_end(&fake[i]);
	}
	asked = w->b.revocation_asked;
	ike_tick(w->b.ike, w->now);
	assert_int_equal(w->n_jobs, 6);
	world_jobs(w);
	/* the two that ran have been asked about, the one that waited has not */
	assert_int_equal(w->b.revocation_asked, asked + 9);
	for (i = 0; i < 10; i++) {
		assert_int_equal(fake[i].refs, 2);
		ike_timer_off(&w->b.ike->timers, &fake[i].recheck);
	}
	w->defer_jobs = false;
	node_down(&w->a, NULL);
	world_deliver(w);
	end(w);
}

/* a successor has the place of the one that waited to be judged */
static void rekeyed_while_queued(void **state)
{
	struct world *w = pair(YEAR, YEAR, " revocation hard\n");
	struct ike_sa *sa = bend_sa(&w->b), fake[4];
	const struct ike_job *jobs[4];
	unsigned int i;

	(void)state;
	w->defer_jobs = true;
	memset(fake, 0, sizeof(fake));
	for (i = 0; i < 4; i++) {
		fake[i].ike = sa->ike;
		fake[i].refs = 2;
		fake[i].peer = sa->peer;
		fake[i].state = IKE_STATE_ESTABLISHED;
		fake[i].certs = sa->certs;
		fake[i].recheck.fn = sa->recheck.fn;
		fake[i].remote_id = sa->remote_id;
		ike_recheck(&fake[i]);
		jobs[i] = w->jobs[i];
		jobs[i]->run(jobs[i]->arg);
	}
	w->n_jobs = 0;
	world_load(&w->b, &b);
	assert_int_equal(w->n_jobs, 0);
	w->defer_jobs = false;
	w->b.revoked = true;
	for (i = 0; i < 2; i++) {
		v2_renew(bend_sa(&w->a));
		world_deliver(w);
	}
	for (i = 0; i < 4; i++) {
		jobs[i]->done(jobs[i]->arg);
		ike_timer_off(&w->b.ike->timers, &fake[i].recheck);
	}
	is_closed(w, "it is revoked");
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_with_another_crl),
		cmocka_unit_test(next_update_passes),
		cmocka_unit_test(next_update_is_now),
		cmocka_unit_test(certificate_expires),
		cmocka_unit_test(ca_expires_after_rekeying),
		cmocka_unit_test(ca_is_removed),
		cmocka_unit_test(load_while_judged),
		cmocka_unit_test(rekeyed_while_judged),
		cmocka_unit_test(load_while_authenticating),
		cmocka_unit_test(few_at_once),
		cmocka_unit_test(rekeyed_while_queued),
		cmocka_unit_test(orphans_of_a_refused_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
