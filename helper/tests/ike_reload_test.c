// SPDX-License-Identifier: GPL-2.0
/* A load ends only the SAs that depend on what changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "pki.h"
#include "v2/v2.h"

#define LINE	"psk b.example.com a.example.com \"secret\"\n"
#define BLOCK	"peer p { local address 192.0.2.2 id fqdn b.example.com remote address any id %s auth psk\n" \
		"ike aes128gcm16-prfsha256-x25519 tunnel t { access-list l esp aes128gcm16 } }\n"

/* b gets one block for everybody with @id, and these secrets */
static void load_secrets(struct world *w, const char *id, const char *secrets)
{
	struct conf_error err = { .text = "" };
	struct conf *conf, *old = w->b.conf;
	char text[1024];

	snprintf(text, sizeof(text), "access-list l { 10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }\n" BLOCK,
		 id);
	conf = conf_parse(text, strlen(text), "b", &err);
	if (!conf)
		fail_msg("%s", err.text);
	assert_true(conf_secrets_parse(conf, secrets, strlen(secrets), "secrets", &err));
	w->b.conf = conf;
	ike_set_conf(w->b.ike, conf, w->now);
	conf_free(old);
}

static void stays(struct world *w, unsigned int packets)
{
	world_run(w, 1000);
	assert_int_equal(w->n_packets, packets);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
}

static void secret_of_another(void **state)
{
	static const char *const ids[] = { "any", "fqdn *.example.com" };
	struct world *w;
	unsigned int n;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = world_new(NULL, NULL);
		load_secrets(w, ids[i], LINE "psk b.example.com c.example.com \"other\"\n");
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_string_equal(w->a.up_error, "");
		n = w->n_packets;
		load_secrets(w, ids[i], LINE "psk b.example.com c.example.com \"new\"\n");
		stays(w, n);
		load_secrets(w, ids[i], LINE "psk b.example.com d.example.com \"more\"\n");
		stays(w, n);
		/* the same secret by a line that says more */
		load_secrets(w, ids[i], "psk any any \"secret\"\n");
		stays(w, n);
		load_secrets(w, ids[i], "psk b.example.com a.example.com \"new\"\npsk any any \"secret\"\n");
		world_deliver(w);
		world_nothing_left(w);
		assert_non_null(node_line(&w->b, IKE_EVENT_IKE_DOWN, "its secret or key changed"));
		world_free(w);
	}
}

/* two sites with certificates; "a2" is what a gets later */
static struct pki *sites(struct world_conf *a, struct world_conf *b)
{
	static const char *const names[] = { "a", "a2", "b" };
	struct pki *pki = pki_new();
	size_t i;

	pki_make(pki, &(struct pki_spec){ .name = "ca", .key = "p256", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "other", .key = "p256", .ca = true, .pathlen = -1 });
	for (i = 0; i < 3; i++)
		pki_make(pki, &(struct pki_spec){ .name = names[i], .key = "p256", .issuer = "ca",
			 .san = { i == 2 ? "dns:b.example.com" : "dns:a.example.com" } });
	a->certs = pki_site(pki, "a", "a", "ca");
	b->certs = pki_site(pki, "b", "b", "ca");
	return pki;
}

static void take_away(const char *dir, const char *file)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	assert_int_equal(unlink(path), 0);
}

static void renew(struct pki *pki, const struct world_conf *a)
{
	take_away(a->certs, "certs/a.pem");
	take_away(a->certs, "private/a.pem");
	pki_put_cert(pki, "a", "certs", "a2");
	pki_put_key(pki, "a", "a2", NULL);
}

static void own_certificate(void **state)
{
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct pki *pki = sites(&a, &b);
	struct world *w = world_up(&a, &b);
	unsigned int n = w->n_packets;

	(void)state;
	renew(pki, &a);
	world_load(&w->a, &a);
	stays(w, n);
	assert_non_null(strstr(bend_sa(&w->b)->their_auth_info.key, "CN=a"));
	assert_null(strstr(bend_sa(&w->b)->their_auth_info.key, "CN=a2"));
	/* it counts when both reauthenticate */
	v2_reauthenticate(bend_sa(&w->a));
	world_run(w, 5000);
	assert_int_equal(node_sas(&w->b), 2);
	assert_non_null(strstr(bend_sa(&w->b)->their_auth_info.key, "CN=a2"));
	world_free(w);
	pki_free(pki);
}

/* runs the only job that waits */
static void run_one_job(struct world *w)
{
	const struct ike_job *job = w->jobs[0];

	assert_int_equal(w->n_jobs, 1);
	w->n_jobs = 0;
	job->run(job->arg);
	job->done(job->arg);
}

/* AUTH and CERT fit each other though a load comes while a job signs */
static void own_certificate_while_signing(void **state)
{
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct pki *pki = sites(&a, &b);
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	w->defer_jobs = true;
	world_step(w, &w->b);
	/* the shared secret; then the signature waits */
	run_one_job(w);
	assert_int_equal(w->n_jobs, 1);
	renew(pki, &a);
	world_load(&w->a, &a);
	w->defer_jobs = false;
	world_jobs(w);
	world_deliver(w);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
	world_free(w);
	pki_free(pki);
}

/* the peer has shown that it has the secret, and the secret goes while a job signs our answer */
static void secret_while_signing(void **state)
{
	struct world_conf a = { .extra_peer = " remote-auth cert\n" };
	struct world_conf b = { .extra_peer = " local-auth cert\n remote id any\n" };
	struct pki *pki = sites(&a, &b);
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	w->defer_jobs = true;
	world_step(w, &w->a);
	assert_int_equal(w->n_jobs, 1);
	b.psk = "another";
	world_load(&w->b, &b);
	w->defer_jobs = false;
	world_jobs(w);
	world_run(w, 60000);
	assert_int_equal(node_count(&w->b, IKE_EVENT_IKE_UP), 0);
	world_nothing_left(w);
	world_free(w);
	pki_free(pki);
}

static void other_ca(void **state)
{
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct pki *pki = sites(&a, &b);
	struct world *w = world_up(&a, &b);
	unsigned int n = w->n_packets;

	(void)state;
	pki_put_cert(pki, "b", "cacerts", "other");
	world_load(&w->b, &b);
	stays(w, n);
	b.extra_peer = " ca ca.pem\n";
	world_load(&w->b, &b);
	stays(w, n);
	take_away(b.certs, "cacerts/other.pem");
	world_load(&w->b, &b);
	stays(w, n);
	/* the chain does not lead to this one */
	pki_put_cert(pki, "b", "cacerts", "other");
	b.extra_peer = " ca other.pem\n";
	world_load(&w->b, &b);
	world_deliver(w);
	world_nothing_left(w);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "holds no longer"));
	world_free(w);
	pki_free(pki);
}

static void raw_keys(void **state)
{
	struct world_conf a = { .auth = "pubkey" }, b = { .auth = "pubkey", .extra_peer = " remote id any\n" };
	struct pki *pki = sites(&a, &b);
	struct world *w;
	unsigned int n;

	(void)state;
	pki_put_pub(pki, "a", "b", "b.example.com.pem");
	pki_put_pub(pki, "b", "a", "a.example.com.pem");
	pki_put_pub(pki, "b", "b", "c.example.com.pem");
	w = world_up(&a, &b);
	n = w->n_packets;
	take_away(b.certs, "certs/c.example.com.pem");
	world_load(&w->b, &b);
	stays(w, n);
	pki_put_pub(pki, "b", "b", "a.example.com.pem");
	world_load(&w->b, &b);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
	pki_free(pki);
}

static void dpd(void **state)
{
	static const struct world_conf off = { .extra_peer = " dpd 0s\n" }, soon = { .extra_peer = " dpd 5s\n" };
	struct world *w = world_up(&off, &off);
	unsigned int n = w->n_packets;

	(void)state;
	world_run(w, 100000);
	stays(w, n);
	world_load(&w->a, &soon);
	stays(w, n);
	world_run(w, 5000);
	assert_int_equal(w->n_packets, n + 2);
	world_load(&w->a, &off);
	n = w->n_packets;
	world_run(w, 100000);
	stays(w, n);
	world_load(&w->a, &soon);
	w->cut = true;
	world_run(w, 60000);
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	w->cut = false;
	node_down(&w->b, NULL);
	world_run(w, 60000);
	world_free(w);
}

#define HOURS	3600000ULL
#define NOT_B	" dpd 0s\n ike-lifetime 0s\n"

/* a has these lines in its block; b asks for nothing by itself */
static struct world *quiet(const struct world_conf *a)
{
	static const struct world_conf b = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 0s\n" };

	return world_up(a, &b);
}

static struct ike_child *bend_child(struct node *n)
{
	struct ike_child *c = bend_sa(n)->children;

	while (c && c->state != IKE_CHILD_UP)
		c = c->next;
	assert_non_null(c);
	return c;
}

/* the load itself sends nothing and ends nothing */
static void load(struct world *w, const struct world_conf *a)
{
	unsigned int n = w->n_packets;

	world_load(&w->a, a);
	assert_int_equal(w->n_packets, n);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_sas(&w->a), 2);
}

static void ike_lifetime(void **state)
{
	static const struct world_conf a = { .extra_peer = " dpd 0s\n", .extra_tunnel = "lifetime 0s\n" };
	static const struct world_conf longer = { .extra_peer = " dpd 0s\n ike-lifetime 8h\n",
						  .extra_tunnel = "lifetime 0s\n" };
	static const struct world_conf never = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 0s\n" };
	struct world *w = quiet(&a);
	uint64_t began = w->now;
	uint32_t spi = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;

	(void)state;
	world_run(w, HOURS);
	load(w, &longer);
	world_run(w, 6 * HOURS);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
	assert_int_equal(ike_sa_end(bend_sa(&w->a)), began + 8 * HOURS);
	world_run(w, HOURS / 2);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	load(w, &never);
	world_run(w, 100 * HOURS);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	/* too old at once */
	load(w, &a);
	assert_int_equal(ike_sa_end(bend_sa(&w->a)), w->now + 180000);
	world_run(w, 60000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 3);
	assert_int_equal(ike_sa_end(bend_sa(&w->a)), bend_sa(&w->a)->established + 4 * HOURS);
	/* its CHILD SA goes on */
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_DOWN), 0);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, spi);
	world_free(w);
}

/* no load lets an IKE SA live longer than the values before it, nor does one load after the other */
static void end_of_the_overdue(void **state)
{
	static const struct world_conf h4 = { .extra_peer = " dpd 0s\n" };
	static const struct world_conf h2 = { .extra_peer = " dpd 0s\n ike-lifetime 2h\n" };
	static const struct world_conf h1 = { .extra_peer = " dpd 0s\n ike-lifetime 1h\n" };
	struct world *w = quiet(&h4);
	struct ike_sa *sa = bend_sa(&w->a);
	uint64_t began = w->now, end;

	(void)state;
	world_run(w, 3 * HOURS);
	w->cut = true;
	load(w, &h2);
	end = w->now + 180000;
	assert_int_equal(ike_sa_end(sa), end);
	w->now += 20000;
	load(w, &h1);
	assert_int_equal(ike_sa_end(sa), end);
	load(w, &h2);
	assert_int_equal(ike_sa_end(sa), end);
	load(w, &h4);
	assert_int_equal(ike_sa_end(sa), began + 4 * HOURS);
	/* the renewal comes before the end, though this is near */
	w->now = began + 4 * HOURS - 9000;
	load(w, &h1);
	assert_int_equal(ike_sa_end(sa), began + 4 * HOURS);
	assert_in_range(sa->life.when, w->now, w->now + 3000);
	w->cut = false;
	world_run(w, 3000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	world_free(w);
}

static void reauth(void **state)
{
	static const struct world_conf off = { .extra_peer = NOT_B };
	static const struct world_conf two = { .extra_peer = NOT_B " reauth 2h\n" };
	static const struct world_conf nine = { .extra_peer = NOT_B " reauth 9h\n" };
	struct world *w = quiet(&off);
	uint64_t began = w->now;

	(void)state;
	world_run(w, HOURS);
	load(w, &nine);
	assert_int_equal(ike_sa_end(bend_sa(&w->a)), began + 9 * HOURS);
	load(w, &two);
	world_run(w, HOURS / 2);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
	world_run(w, HOURS / 2 - 1000);
	/* reauthenticated, not rekeyed */
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	assert_null(node_line(&w->a, IKE_EVENT_IKE_UP, "rekeyed"));
	load(w, &off);
	world_run(w, 20 * HOURS);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	/* too old at once; what the peer rekeys meanwhile is as old */
	load(w, &two);
	began = w->now;
	ike_timer_set(&bend_sa(&w->b)->ike->timers, &bend_sa(&w->b)->life, w->now);
	bend_sa(&w->b)->rekey_at = w->now;
	v2_renew(bend_sa(&w->b));
	world_deliver(w);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_UP, "rekeyed"));
	world_run(w, 61000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 4);
	assert_in_range(bend_sa(&w->a)->authenticated, began, w->now);
	assert_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "lifetime"));
	assert_int_equal(node_sas(&w->a), 2);
	world_free(w);
}

/* a load while the successor is negotiated counts for the successor, too */
static void reauth_while_rekeying(void **state)
{
	static const struct world_conf off = { .extra_peer = NOT_B };
	static const struct world_conf two = { .extra_peer = NOT_B " reauth 2h\n" };
	struct world *w = quiet(&off);
	uint64_t began = w->now;

	(void)state;
	world_run(w, HOURS);
	v2_renew(bend_sa(&w->a));
	assert_non_null(bend_sa(&w->a)->rekey_out);
	world_load(&w->a, &two);
	world_deliver(w);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	assert_int_equal(ike_sa_end(bend_sa(&w->a)), began + 2 * HOURS);
	assert_in_range(bend_sa(&w->a)->life.when, w->now + 1, began + 2 * HOURS);
	world_free(w);
}

static void idle_timeout(void **state)
{
	static const struct world_conf off = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 0s\n" };
	static const struct world_conf hour = { .extra_peer = NOT_B,
						.extra_tunnel = "lifetime 0s idle-timeout 1h\n" };
	static const struct world_conf soon = { .extra_peer = NOT_B,
						.extra_tunnel = "lifetime 0s idle-timeout 60s\n" };
	struct world *w = quiet(&hour);

	(void)state;
	world_run(w, HOURS / 2);
	load(w, &off);
	world_run(w, 10 * HOURS);
	assert_int_equal(node_sas(&w->a), 2);
	/* idle for long, and the load does not end it */
	load(w, &soon);
	world_run(w, 30000);
	assert_int_equal(node_sas(&w->a), 2);
	node_newest(&w->a, NFIPSEC_DIR_OUT)->last = w->now;
	world_run(w, 59000);
	assert_int_equal(node_sas(&w->a), 2);
	world_run(w, 1000);
	assert_int_equal(node_sas(&w->a), 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_DOWN, "idle"));
	world_free(w);
}

static void lifetime(void **state)
{
	static const struct world_conf h1 = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 1h\n" };
	static const struct world_conf h8 = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 8h\n" };
	static const struct world_conf m10 = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 10m\n" };
	static const struct world_conf less = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 8h 1GB\n" };
	struct world *w = quiet(&h1);
	uint64_t began = w->now;

	(void)state;
	/* a higher one is for the next */
	world_run(w, HOURS / 2);
	load(w, &h8);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->hard_seconds, 3600);
	world_run(w, HOURS / 2);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->hard_seconds, 8 * 3600);
	/* a lower one is over in time, or is already */
	load(w, &h1);
	began = bend_child(&w->a)->since;
	assert_in_range(bend_child(&w->a)->soft_at, began + HOURS / 2, began + HOURS);
	load(w, &m10);
	assert_in_range(bend_child(&w->a)->soft_at, w->now - 1, began + HOURS / 6);
	world_run(w, began + HOURS / 6 - w->now);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 3);
	load(w, &h8);
	world_run(w, HOURS / 6);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 4);
	world_run(w, HOURS);
	load(w, &m10);
	world_run(w, 61000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 5);
	load(w, &h8);
	world_run(w, HOURS / 6);
	/* of octets */
	load(w, &less);
	world_run(w, 61000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 7);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->hard_bytes, 1 << 30);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 1);
	assert_int_equal(node_sas(&w->a), 2);
	world_free(w);
}

/* the SA lives for hours yet: a peer that does not rekey is not asked all the time */
static void lifetime_refused(void **state)
{
	static const struct world_conf h8 = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 8h\n" };
	static const struct world_conf m10 = { .extra_peer = NOT_B, .extra_tunnel = "lifetime 10m\n" };
	struct world *w = quiet(&h8);
	unsigned int n;

	(void)state;
	world_run(w, HOURS);
	w->b.refuse_in = ENOMEM;
	load(w, &m10);
	world_run(w, 60000);
	n = w->n_packets;
	world_run(w, 60000);
	assert_in_range(w->n_packets - n, 2 * 10, 2 * 30);
	assert_int_equal(node_sas(&w->a), 2);
	w->b.refuse_in = 0;
	world_run(w, 20000);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), 2);
	world_free(w);
}

static void entries_of_the_module(void **state)
{
	static const char *const entries[] = {
		"5 bypass icmp from any to any\n10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
		"10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n20 discard ip from any to 10.2.0.0/15",
		"5 bypass tcp from any to any port 22\n10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
		"10 protect ip from 10.1.0.0/16 to 10.2.0.0/16",
	};
	struct world *w = world_up(NULL, NULL);
	struct world_conf a = { .entries = NULL };
	unsigned int n = w->n_packets;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		a.entries = entries[i];
		world_load(&w->a, &a);
		stays(w, n);
	}
	a.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n20 protect ip from 10.3.0.0/16 to 10.2.0.0/16";
	world_load(&w->a, &a);
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret_of_another),
		cmocka_unit_test(own_certificate),
		cmocka_unit_test(own_certificate_while_signing),
		cmocka_unit_test(secret_while_signing),
		cmocka_unit_test(other_ca),
		cmocka_unit_test(raw_keys),
		cmocka_unit_test(dpd),
		cmocka_unit_test(ike_lifetime),
		cmocka_unit_test(end_of_the_overdue),
		cmocka_unit_test(reauth),
		cmocka_unit_test(reauth_while_rekeying),
		cmocka_unit_test(idle_timeout),
		cmocka_unit_test(lifetime),
		cmocka_unit_test(lifetime_refused),
		cmocka_unit_test(entries_of_the_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
