// SPDX-License-Identifier: GPL-2.0
/* IKE_AUTH by certificates and raw keys: two peers in one process. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"
#include "pki.h"

#define SIGN	GNUTLS_KEY_DIGITAL_SIGNATURE

/* root "ca" and two sites with keys of this kind */
static struct pki *two_sites(const char *key)
{
	struct pki *pki = pki_new();

	pki_make(pki, &(struct pki_spec){ .name = "ca", .key = "p256", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .key = key, .issuer = "ca",
					  .san = { "dns:a.example.com" }, .usage = SIGN });
	pki_make(pki, &(struct pki_spec){ .name = "b", .key = key, .issuer = "ca",
					  .san = { "dns:b.example.com" }, .usage = SIGN });
	return pki;
}

static void every_kind_of_key(void **state)
{
	static const char *const kinds[] = { "rsa", "rsapss", "p256", "p384", "p521", "ed25519",
					     "ed448" };
	struct world_conf a, b;
	struct world *w;
	struct pki *pki;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		pki = two_sites(kinds[i]);
		a = (struct world_conf){ .auth = "cert", .certs = pki_site(pki, "a", "a", "ca") };
		b = (struct world_conf){ .auth = "cert", .certs = pki_site(pki, "b", "b", "ca") };
		w = world_up(&a, &b);
		assert_int_equal(w->n_packets, 4);
		/* nobody is told to send a hash and a URL: HTTP_CERT_LOOKUP_SUPPORTED */
		assert_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "16392"));
		node_down(&w->a, NULL);
		world_deliver(w);
		world_nothing_left(w);
		world_free(w);
		pki_free(pki);
	}
}

/* a knows the tunnel did not come up, and why; b does */
static void refused(const struct world_conf *a, const struct world_conf *b, const char *up_error,
		    const char *b_says)
{
	struct world *w = world_new(a, b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	if (!strstr(w->a.up_error, up_error))
		fail_msg("'%s', expected '%s'", w->a.up_error, up_error);
	if (b_says && !node_line(&w->b, IKE_EVENT_ERROR, b_says))
		fail_msg("'%s', expected '%s'", w->b.n_lines ? w->b.lines[w->b.n_lines - 1].text :
			 "nothing", b_says);
	world_run(w, 60000);
	world_nothing_left(w);
	world_free(w);
}

/* each end in its own way */
static void mixed_ways(void **state)
{
	struct pki *pki = two_sites("p256");
	const char *a_dir = pki_site(pki, "a", "a", "ca"), *b_dir = pki_site(pki, "b", "b", "ca");
	struct world_conf a = { .certs = a_dir }, b = { .certs = b_dir };

	(void)state;
	a.extra_peer = " local-auth cert\n";
	b.extra_peer = " remote-auth cert\n";
	world_free(world_up(&a, &b));
	a.extra_peer = " remote-auth cert\n";
	b.extra_peer = " local-auth cert\n";
	world_free(world_up(&a, &b));
	/* and one that expects another */
	a.extra_peer = " local-auth cert\n";
	b.extra_peer = "";
	refused(&a, &b, "AUTHENTICATION_FAILED, so it does not trust our certificate",
		"method 14 (a digital signature), expected a pre-shared key");
	a.extra_peer = "";
	b.extra_peer = " remote-auth cert\n";
	refused(&a, &b, "AUTHENTICATION_FAILED, so the pre-shared keys",
		"method 2 (a pre-shared key), expected a certificate");
	/* the initiator finds out */
	a.extra_peer = " remote-auth cert\n";
	b.extra_peer = "";
	refused(&a, &b, "method 2 (a pre-shared key), expected a certificate", NULL);
	pki_free(pki);
}

static void raw_keys(void **state)
{
	struct pki *pki = two_sites("p384");
	struct world_conf a = { .auth = "pubkey" }, b = { .auth = "pubkey" };

	(void)state;
	pki_put_key(pki, "a", "a", NULL);
	pki_put_key(pki, "b", "b", NULL);
	pki_put_pub(pki, "a", "b", "b.example.com.pem");
	pki_put_pub(pki, "b", "a", "other.pub");
	a.certs = pki_folder(pki, "a");
	b.certs = pki_folder(pki, "b");
	b.extra_peer = " remote-key other.pub\n";
	world_free(world_up(&a, &b));
	/* for many: by the ID that comes */
	pki_put_pub(pki, "b", "a", "a.example.com.pem");
	b.extra_peer = " remote id fqdn *.example.com\n";
	world_free(world_up(&a, &b));
	/* another key of that name */
	pki_put_pub(pki, "b", "b", "wrong.pub");
	b.extra_peer = " remote-key wrong.pub\n";
	refused(&a, &b, "AUTHENTICATION_FAILED",
		"the raw public key that it sent is not the one in certs/wrong.pub");
	b.extra_peer = " remote id any\n";
	a.id = "c.example.com";
	refused(&a, &b, "AUTHENTICATION_FAILED", "no public key for it is in certs/");
	pki_free(pki);
}

static void nobody_is_believed_without_reason(void **state)
{
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "other", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "liar", .issuer = "other",
					  .san = { "dns:a.example.com", "dns:b.example.com" } });
	/* the initiator's */
	a.certs = pki_site(pki, "liar", "liar", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	refused(&a, &b, "AUTHENTICATION_FAILED",
		"'C=XX, O=Test, CN=liar', issued by 'C=XX, O=Test, CN=other', does not lead to a CA");
	/* the responder's */
	refused(&(struct world_conf){ .auth = "cert", .certs = pki_site(pki, "a", "a", "ca") },
		&(struct world_conf){ .auth = "cert", .certs = a.certs },
		"'C=XX, O=Test, CN=liar', issued by 'C=XX, O=Test, CN=other', does not lead to a CA",
		NULL);
	/* both trust other, and one of them no other */
	pki_put_cert(pki, "b", "cacerts", "other");
	world_free(world_up(&a, &b));
	b.extra_peer = " ca ca.pem\n";
	refused(&a, &b, "AUTHENTICATION_FAILED", "does not lead to the CA 'C=XX, O=Test, CN=ca'");
	pki_free(pki);
}

static void identities_must_fit(void **state)
{
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct world *w;

	(void)state;
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	/* by subject, in any case */
	a.extra_peer = " local id dn \"C=XX, O=Test, CN=a\" remote id dn \"C=xx, O=TEST, CN=b\"\n";
	b.extra_peer = " local id dn \"C=XX, O=Test, CN=b\" remote id dn \"C=XX, O=Test, CN=a\"\n";
	w = world_up(&a, &b);
	/* one of many ways to write it, which the peer may not know, is not sent */
	assert_null(strstr(node_line(&w->a, IKE_EVENT_EXCHANGE, "sent IKE_AUTH request")->text, "IDr"));
	world_free(w);
	pki_put_cert(pki, "a", "certs", "b");
	w = world_up(&a, &b);
	assert_non_null(strstr(node_line(&w->a, IKE_EVENT_EXCHANGE, "sent IKE_AUTH request")->text, "IDr"));
	world_free(w);
	b.extra_peer = " local id dn \"C=XX, O=Test, CN=b\" remote id dn \"C=XX, O=Test, CN=c\"\n";
	refused(&a, &b, "AUTHENTICATION_FAILED",
		"it says it is dn 'C=XX, O=Test, CN=a' and calls us dn 'C=XX, O=Test, CN=b', expected dn 'C=XX, O=Test, CN=c'");
	/* A pattern accepts each certificate with these parts, also in a block for many peers. */
	b.extra_peer = " local id dn \"C=XX, O=Test, CN=b\" remote id dn \"C=XX, O=Test, CN=*\"\n";
	world_free(world_up(&a, &b));
	b.remote = "any";
	world_free(world_up(&a, &b));
	b.extra_peer = " local id dn \"C=XX, O=Test, CN=b\" remote id dn \"C=XX, O=Other, CN=*\"\n";
	refused(&a, &b, "AUTHENTICATION_FAILED",
		"it says it is dn 'C=XX, O=Test, CN=a' and calls us dn 'C=XX, O=Test, CN=b', expected dn 'C=XX, O=Other, CN=*'");
	/* without an id, the subject is it */
	a = (struct world_conf){ .auth = "cert", .certs = a.certs, .addr_ids = true };
	b = (struct world_conf){ .auth = "cert", .certs = b.certs, .addr_ids = true };
	a.extra_peer = " remote id any\n";
	b.extra_peer = " remote id dn \"C=XX, O=Test, CN=a\"\n";
	world_free(world_up(&a, &b));
	pki_free(pki);
}

/* one block, many peers, each with a certificate of its own */
static void one_block_for_many(void **state)
{
	static const char *const names[] = { "a.example.com", "c.example.com" };
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct world *w;
	size_t i;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "c", .issuer = "ca",
					  .san = { "dns:c.example.com", "dns:x.c.example.com",
						   "email:joe@example.com" } });
	a.certs = pki_site(pki, "a", "a", "ca");
	pki_put_cert(pki, "a", "certs", "c");
	pki_put_key(pki, "a", "c", NULL);
	b.certs = pki_site(pki, "b", "b", "ca");
	b.remote = "any";
	b.extra_peer = " remote id fqdn *.example.com\n";
	for (i = 0; i < 2; i++) {
		a.id = names[i];
		w = world_up(&a, &b);
		assert_non_null(node_line(&w->b, IKE_EVENT_IKE_UP, names[i]));
		world_free(w);
	}
	/* `*` is one label */
	a.id = "x.c.example.com";
	refused(&a, &b, "AUTHENTICATION_FAILED", "no peer at 192.0.2.1 has these IDs");
	b.extra_peer = " remote id email *@example.com\n";
	a.id = NULL;
	a.extra_peer = " local id email joe@example.com\n";
	world_free(world_up(&a, &b));
	pki_free(pki);
}

/* each identity has its own secret, too */
static void one_block_for_many_with_secrets(void **state)
{
	struct world_conf a = { .psk = "of a" }, b = { .psk = "of b", .remote = "any" };
	struct conf_error err;
	struct world *w;

	(void)state;
	b.extra_peer = " remote id fqdn *.example.com\n";
	w = world_new(&a, &b);
	assert_true(conf_secrets_parse(w->b.conf, "psk any a.example.com \"of a\"", 28, "s", &err));
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

/* of several blocks that fit, the one with this very name, whatever the order */
static void the_most_exact_block_is_taken(void **state)
{
	static const char *const ids[] = { "any", "fqdn *.example.com", "fqdn a.example.com" };
	static const unsigned int orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 1 } };
	char text[2048], want[8];
	struct conf_error err;
	struct conf *conf, *old;
	struct world *w;
	size_t i, k, at;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (k = 0, at = 0; k < 3; k++)
			at += snprintf(text + at, sizeof(text) - at,
				       "access-list l%zu { 10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }\n"
				       "peer p%zu { local address 192.0.2.2 id fqdn b.example.com\n"
				       "remote address any id %s auth psk ike aes128gcm16-prfsha256-x25519\n"
				       "tunnel t { access-list l%zu esp aes128gcm16 } }\n",
				       k, k, ids[orders[i][k]], k);
		conf = conf_parse(text, at, "b", &err);
		if (!conf)
			fail_msg("%s", err.text);
		assert_true(conf_secrets_parse(conf, "psk any any \"secret\"", 20, "s", &err));
		w = world_new(NULL, NULL);
		old = w->b.conf;
		w->b.conf = conf;
		ike_set_conf(w->b.ike, conf, w->now);
		conf_free(old);
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_string_equal(w->a.up_error, "");
		snprintf(want, sizeof(want), "p%u", i == 0 ? 2 : 0);
		assert_string_equal(node_line(&w->b, IKE_EVENT_IKE_UP, "a.example.com")->peer, want);
		world_free(w);
	}
}

/* b has a block for each of these CAs, NULL: for all of cacerts/, and nothing else tells them apart */
static void load_by_ca(struct world *w, const char *certs, const char *const cas[3])
{
	struct conf *conf, *old = w->b.conf;
	char text[2048], path[300];
	struct conf_error err;
	size_t k, at = 0;

	for (k = 0; k < 3; k++)
		at += snprintf(text + at, sizeof(text) - at,
			       "access-list l%zu { 10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }\n"
			       "peer p%zu { local address 192.0.2.2 id fqdn b.example.com\n"
			       "remote address any id any auth cert %s%s ike aes128gcm16-prfsha256-x25519\n"
			       "tunnel t { access-list l%zu esp aes128gcm16 } }\n",
			       k, k, cas[k] ? "ca " : "", cas[k] ? cas[k] : "", k);
	snprintf(path, sizeof(path), "%s/b", certs);
	conf = conf_parse(text, at, path, &err);
	if (!conf || !conf_certs_load(conf, &err))
		fail_msg("%s", err.text);
	w->b.conf = conf;
	ike_set_conf(w->b.ike, conf, w->now);
	conf_free(old);
}

static void blocks_that_differ_in_ca(void **state)
{
	static const char *const orders[][3] = {
		{ "ca.pem", "other.pem", "third.pem" }, { "other.pem", "third.pem", "ca.pem" },
		{ NULL, "other.pem", "third.pem" }, { "other.pem", NULL, "third.pem" },
		{ "other.pem", "third.pem", "other.pem" },
	};
	static const char *const want[] = { "p0", "p2", "p0", "p1", NULL };
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct world *w;
	size_t i;

	(void)state;
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	pki_make(pki, &(struct pki_spec){ .name = "other", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "third", .ca = true, .pathlen = -1 });
	pki_put_cert(pki, "b", "cacerts", "other");
	pki_put_cert(pki, "b", "cacerts", "third");
	for (i = 0; i < 5; i++) {
		w = world_new(&a, &b);
		load_by_ca(w, b.certs, orders[i]);
		node_up(&w->a, NULL);
		world_deliver(w);
		if (want[i]) {
			assert_string_equal(w->a.up_error, "");
			assert_string_equal(node_line(&w->b, IKE_EVENT_IKE_UP, "a.example.com")->peer, want[i]);
			assert_string_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->tunnel + 2, "/t");
			assert_memory_equal(node_newest(&w->b, NFIPSEC_DIR_IN)->tunnel, want[i], 2);
		} else {
			assert_non_null(strstr(w->a.up_error, "AUTHENTICATION_FAILED"));
			assert_int_equal(node_sas(&w->b), 0);
		}
		world_free(w);
	}
	pki_free(pki);
}

/* the CA that the peer asks for decides which of ours it gets */
static void certreq_chooses(void **state)
{
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct world *w;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "other", .ca = true, .pathlen = -1 });
	/* before "a" by name */
	pki_make(pki, &(struct pki_spec){ .name = "A0", .issuer = "other",
					  .san = { "dns:a.example.com" } });
	a.certs = pki_site(pki, "a", "a", "ca");
	pki_put_cert(pki, "a", "certs", "A0");
	pki_put_key(pki, "a", "A0", NULL);
	b.certs = pki_site(pki, "b", "b", "ca");
	world_free(world_up(&a, &b));
	/* and where it is the one that answers */
	w = world_new(&a, &b);
	node_up(&w->b, NULL);
	world_deliver(w);
	assert_string_equal(w->b.up_error, "");
	world_is_up(w);
	world_free(w);
	a.extra_peer = " cert A0.pem\n";
	refused(&a, &b, "AUTHENTICATION_FAILED", "CN=A0");
	pki_free(pki);
}

static void intermediate_is_sent(void **state)
{
	struct pki *pki = pki_new();
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "ca", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "mid", .issuer = "ca", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .issuer = "mid",
					  .san = { "dns:a.example.com" } });
	pki_make(pki, &(struct pki_spec){ .name = "b", .issuer = "mid",
					  .san = { "dns:b.example.com" } });
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	pki_put_cert(pki, "a", "certs", "mid");
	refused(&a, &b, "", NULL);
	pki_put_cert(pki, "b", "cacerts", "mid");
	world_free(world_up(&a, &b));
	pki_free(pki);
}

/* IKE_AUTH in a handful of datagrams, RFC 7383, and the job has them whole */
static void in_fragments(void **state)
{
	static const char *const peer = " rsa-signature pkcs1\n fragmentation 576\n";
	struct pki *pki = two_sites("rsa");
	struct world_conf a = { .auth = "cert", .extra_peer = peer };
	struct world_conf b = { .auth = "cert", .extra_peer = peer };
	struct world *w;

	(void)state;
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	w = world_up(&a, &b);
	assert_true(w->n_packets >= 6);
	world_free(w);
	pki_free(pki);
}

/* the answer is padded as the question */
static void rsa_padding(void **state)
{
	struct pki *pki = two_sites("rsa");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct world *w;

	(void)state;
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	a.extra_peer = " rsa-signature pkcs1\n";
	w = world_up(&a, &b);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE,
				  "RSA PKCS#1 v1.5 with SHA-256, key of the certificate of 'C=XX, O=Test, CN=b'"));
	assert_non_null(node_line(&w->b, IKE_EVENT_EXCHANGE, "RSA PKCS#1 v1.5 with SHA-256"));
	world_free(w);
	b.extra_peer = " rsa-signature pss\n";
	w = world_up(&a, &b);
	assert_non_null(node_line(&w->a, IKE_EVENT_EXCHANGE, "RSASSA-PSS with SHA-256"));
	world_free(w);
	pki_free(pki);
}

/* ---- jobs ---- */

static unsigned int drop_answers(struct world *w, const struct packet *p, unsigned int n)
{
	(void)n;
	return addr_equal(&p->from.addr, &w->b.addr) && w->filter_arg ? w->filter_arg--, 0 : 1;
}

/* the request again while the job runs, and after it: one answer, octet for octet */
static void repetitions(const char *peer, unsigned int datagrams)
{
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert", .extra_peer = peer };
	struct world_conf b = { .auth = "cert", .extra_peer = peer };
	unsigned int sent, i;
	struct world *w;

	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	w = world_new(&a, &b);
	w->defer_jobs = true;
	node_up(&w->a, NULL);
	/* DH of a, DH of b, shared of a, a signs */
	while (!node_line(&w->b, IKE_EVENT_EXCHANGE, "received IKE_AUTH request")) {
		assert_true(w->n_jobs == 1);
		world_jobs(w);
		world_deliver(w);
	}
	assert_int_equal(w->n_jobs, 1);
	sent = w->b.sent;
	world_run(w, 5000);
	assert_true(w->a.sent >= 4);
	assert_int_equal(w->b.sent, sent);
	assert_int_equal(w->n_jobs, 1);
	w->filter = drop_answers;
	w->filter_arg = datagrams;
	world_jobs(w);
	world_deliver(w);
	assert_int_equal(w->b.sent, sent + datagrams);
	world_run(w, 10000);
	/* a verifies; b's answer came again meanwhile */
	assert_int_equal(w->n_jobs, 1);
	for (i = sent; i < sent + datagrams; i++) {
		assert_int_equal(w->b.log[i].len, w->b.log[i + datagrams].len);
		assert_memory_equal(w->b.log[i].data, w->b.log[i + datagrams].data,
				    w->b.log[i].len);
	}
	world_jobs(w);
	world_deliver(w);
	world_is_up(w);
	w->defer_jobs = false;
	world_free(w);
	pki_free(pki);
}

static void repetitions_while_a_job_runs(void **state)
{
	(void)state;
	repetitions(NULL, 1);
}

static void repeated_fragments_while_a_job_runs(void **state)
{
	(void)state;
	repetitions(" fragmentation 576\n", 2);
}

/* whichever job runs, its SA may die: by the operator, or by a new configuration */
static void an_sa_dies_while_a_job_runs(void **state)
{
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" }, gone = { .psk = "x" };
	unsigned int jobs, i, how;
	struct world *w;

	(void)state;
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	for (how = 0; how < 3; how++) {
		for (jobs = 0; jobs < 6; jobs++) {
			w = world_new(&a, &b);
			w->defer_jobs = true;
			node_up(&w->a, NULL);
			for (i = 0; i < jobs; i++) {
				world_jobs(w);
				world_deliver(w);
			}
			if (how == 0) {
				node_down(&w->a, NULL);
			} else if (how == 1) {
				world_load(&w->a, &gone);
				world_load(&w->b, &gone);
			} else {
				/* the same again: certificates are read again, nothing changed */
				world_load(&w->a, &a);
				world_load(&w->b, &b);
			}
			w->defer_jobs = false;
			world_jobs(w);
			world_deliver(w);
			world_run(w, 60000);
			if (how == 2)
				world_is_up(w);
			world_free(w);
		}
	}
	pki_free(pki);
}

/* ---- what show says of it ---- */

/* of the only IKE SA; to be freed with json_decref() */
static json_t *shown(const struct node *n)
{
	json_t *show = ike_show(n->ike, n->w->now), *sas;

	sas = json_object_get(json_array_get(json_object_get(show, "peers"), 0), "ike_sas");
	assert_int_equal(json_array_size(sas), 1);
	sas = json_incref(json_array_get(sas, 0));
	json_decref(show);
	return sas;
}

static void assert_says(const json_t *sa, const char *key, const char *expected)
{
	const char *found = json_string_value(json_object_get(sa, key));

	if (!expected != !found || (found && strcmp(found, expected)))
		fail_msg("%s: '%s', expected '%s'", key, found ? found : "nothing",
			 expected ? expected : "nothing");
}

static void assert_auth_info(const struct node *n, const char *us, const char *our_subject,
			     const char *them, const char *their_subject)
{
	json_t *sa = shown(n), *ours = json_object_get(sa, "local_cert");
	json_t *theirs = json_object_get(sa, "remote_cert");
	time_t now = time(NULL);

	assert_says(sa, "local_auth", us);
	assert_says(sa, "remote_auth", them);
	assert_says(ours, "subject", our_subject);
	assert_says(theirs, "subject", their_subject);
	/* an hour, as the test's certificates have */
	if (our_subject)
		assert_in_range(json_integer_value(json_object_get(ours, "not_after")), now + 3000,
				now + 3600);
	if (their_subject)
		assert_in_range(json_integer_value(json_object_get(theirs, "not_after")), now + 3000,
				now + 3600);
	json_decref(sa);
}

static void show_says_how_each_end_did_it(void **state)
{
	struct pki *pki = two_sites("p384");
	const char *a_dir = pki_site(pki, "a", "a", "ca"), *b_dir = pki_site(pki, "b", "b", "ca");
	struct world_conf a = { .certs = a_dir }, b = { .certs = b_dir };
	struct world *w;
	json_t *sa;

	(void)state;
	w = world_up(&a, &b);
	assert_auth_info(&w->a, "psk", NULL, "psk", NULL);
	assert_auth_info(&w->b, "psk", NULL, "psk", NULL);
	world_free(w);
	a.extra_peer = " local-auth cert\n ike-lifetime 10m\n reauth 2h\n";
	b.extra_peer = " remote-auth cert\n";
	w = world_up(&a, &b);
	assert_auth_info(&w->a, "ecdsa-p384-sha384", "C=XX, O=Test, CN=a", "psk", NULL);
	assert_auth_info(&w->b, "psk", NULL, "ecdsa-p384-sha384", "C=XX, O=Test, CN=a");
	sa = shown(&w->a);
	assert_says(sa, "renewal", "rekey");
	assert_in_range(json_integer_value(json_object_get(sa, "rekey_in")), 300, 600);
	assert_int_equal(json_integer_value(json_object_get(sa, "ends_in")), 600);
	json_decref(sa);
	/* whoever succeeds it has it from there */
	world_run(w, 600000);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_IKE_UP), 2);
	assert_auth_info(&w->a, "ecdsa-p384-sha384", "C=XX, O=Test, CN=a", "psk", NULL);
	assert_auth_info(&w->b, "psk", NULL, "ecdsa-p384-sha384", "C=XX, O=Test, CN=a");
	sa = shown(&w->a);
	assert_in_range(json_integer_value(json_object_get(sa, "reauth_in")), 3000, 6600);
	json_decref(sa);
	world_free(w);
	/* the other way round, and reauthenticated next */
	a.extra_peer = " remote-auth cert\n ike-lifetime 2h\n reauth 10m\n";
	b.extra_peer = " local-auth cert\n";
	w = world_up(&a, &b);
	assert_auth_info(&w->a, "psk", NULL, "ecdsa-p384-sha384", "C=XX, O=Test, CN=b");
	assert_auth_info(&w->b, "ecdsa-p384-sha384", "C=XX, O=Test, CN=b", "psk", NULL);
	sa = shown(&w->a);
	assert_says(sa, "renewal", "reauth");
	json_decref(sa);
	world_free(w);
	/* raw keys have no subject and no end */
	pki_put_pub(pki, "a", "b", "b.example.com.pem");
	pki_put_pub(pki, "b", "a", "a.example.com.pem");
	a.auth = b.auth = "pubkey";
	a.extra_peer = b.extra_peer = "";
	w = world_up(&a, &b);
	assert_auth_info(&w->b, "ecdsa-p384-sha384", NULL, "ecdsa-p384-sha384", NULL);
	sa = shown(&w->a);
	assert_says(sa, "remote_key", "b.example.com.pem");
	assert_non_null(json_object_get(sa, "local_key"));
	assert_true(json_is_true(json_object_get(sa, "fragments")));
	assert_in_range(json_integer_value(json_object_get(sa, "fragments_above")), 500, 1500);
	json_decref(sa);
	world_free(w);
	a.extra_peer = " fragmentation no\n";
	w = world_up(&a, &b);
	sa = shown(&w->b);
	assert_true(json_is_false(json_object_get(sa, "fragments")));
	json_decref(sa);
	world_free(w);
	pki_free(pki);
}

/* ---- revocation: the check itself is the daemon's ---- */

static void revoked_certificates_are_refused(void **state)
{
	struct pki *pki = two_sites("p256");
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert" };
	struct world *w;

	(void)state;
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	a.extra_peer = " revocation off\n";
	w = world_up(&a, &b);
	/* soft, which asks, is the default */
	assert_int_equal(w->b.revocation_asked, 1);
	assert_int_equal(w->b.revocation_chain, 2);
	assert_int_equal(w->a.revocation_asked, 0);
	node_down(&w->a, NULL);
	world_deliver(w);
	w->b.revoked = true;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(strstr(w->a.up_error, "AUTHENTICATION_FAILED"));
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR, "it is revoked"));
	world_nothing_left(w);
	world_free(w);
	pki_free(pki);
}

/* ---- configurations that find nothing ---- */

static void load_fails(const char *dir, const char *peer, const char *want)
{
	char text[2048], path[300];
	struct conf_error err;
	struct conf *conf;

	snprintf(path, sizeof(path), "%s/c", dir);
	snprintf(text, sizeof(text),
		 "access-list l { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
		 "peer p { local address 192.0.2.1 remote address 192.0.2.2\n%s\n"
		 "tunnel t { access-list l } }", peer);
	conf = conf_parse(text, strlen(text), path, &err);
	if (!conf)
		fail_msg("%s", err.text);
	if (conf_certs_load(conf, &err))
		fail_msg("%s was taken", peer);
	if (strncmp(err.text, path, strlen(path)) || !strstr(err.text, want))
		fail_msg("%s: '%s', expected '%s'", peer, err.text, want);
	conf_free(conf);
}

static void what_is_not_there_is_said_at_load(void **state)
{
	struct pki *pki = two_sites("p256");
	const char *empty = pki_folder(pki, "empty"), *dir = pki_site(pki, "a", "a", "ca");

	(void)state;
	load_fails(empty, "auth cert", "/c:3:6: found cert, expected a certificate in ");
	load_fails(empty, "remote-auth cert",
		   "/c:3:13: found cert, expected a self-signed CA's certificate in ");
	load_fails(empty, "auth pubkey", "/c:3:6: found pubkey, expected a private key in ");
	load_fails(empty, "remote-auth pubkey",
		   "/c:3:13: found pubkey, expected 'remote-key FILE' or the peer's public key in ");
	load_fails(dir, "auth cert cert b.pem", "/c:3:16: found 'b.pem', expected a file with a certificate in ");
	load_fails(dir, "auth cert ca b.pem",
		   "/c:3:14: found 'b.pem', expected a file with a CA's certificate in ");
	load_fails(dir, "auth cert local id fqdn b.example.com",
		   "/c:3:6: found cert, expected a certificate for our id fqdn 'b.example.com' in ");
	load_fails(dir, "auth cert cert a.pem local id fqdn b.example.com",
		   "is for dNSName 'a.example.com'");
	load_fails(dir, "auth pubkey key b.pem",
		   "/c:3:17: found 'b.pem', expected a file with a private key in ");
	load_fails(dir, "auth pubkey remote-key b.pem",
		   "/c:3:24: found 'b.pem', expected a file with a public key in ");
	/* a certificate whose key is another's */
	pki_put_cert(pki, "a", "certs", "b");
	load_fails(dir, "auth cert cert b.pem", "/c:3:16: found 'b.pem', expected its private key in ");
	pki_put_key(pki, "a", "b", NULL);
	load_fails(dir, "auth pubkey", "several private keys in ");
	pki_free(pki);
}

static void what_expires_is_said(void **state)
{
	static const char text[] =
		"access-list l { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
		"peer p { local address 192.0.2.1 remote address 192.0.2.2 auth cert\n"
		"tunnel t { access-list l } }";
	char path[300], line[CERT_ERROR_MAX], all[4096] = "";
	struct pki *pki = pki_new();
	struct conf_error err;
	struct conf *conf;
	unsigned int i;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "ca", .ca = true, .pathlen = -1,
					  .from = -100, .until = 30 * 86400 });
	pki_make(pki, &(struct pki_spec){ .name = "old", .ca = true, .pathlen = -1,
					  .from = -7200, .until = -60 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .issuer = "ca", .from = -100,
					  .until = 13 * 86400 });
	pki_make(pki, &(struct pki_spec){ .name = "b", .issuer = "ca", .from = -100,
					  .until = 15 * 86400 });
	pki_make(pki, &(struct pki_spec){ .name = "not-ours", .issuer = "ca", .from = -7200,
					  .until = -60 });
	pki_put_cert(pki, "d", "cacerts", "old");
	pki_put_cert(pki, "d", "certs", "b");
	pki_put_key(pki, "d", "b", NULL);
	pki_put_cert(pki, "d", "certs", "not-ours");
	snprintf(path, sizeof(path), "%s/c", pki_site(pki, "d", "a", "ca"));
	conf = conf_parse(text, strlen(text), path, &err);
	assert_non_null(conf);
	assert_false(conf_certs_warning(conf, 0, time(NULL), line, sizeof(line)));
	assert_true(conf_certs_load(conf, &err));
	for (i = 0; conf_certs_warning(conf, i, time(NULL), line, sizeof(line)); i++)
		if (*line)
			strcat(strcat(all, line), "\n");
	assert_int_equal(i, 5);
	assert_memory_equal(all, "certs/a.pem: the certificate of 'C=XX, O=Test, CN=a' expires on 2",
			    65);
	assert_non_null(strstr(all, "\ncacerts/old.pem: the certificate of 'C=XX, O=Test, CN=old' expired on 2"));
	assert_null(strstr(all, "CN=b'"));
	assert_null(strstr(all, "CN=ca'"));
	assert_null(strstr(all, "not-ours"));
	conf_free(conf);
	pki_free(pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_key),
		cmocka_unit_test(mixed_ways),
		cmocka_unit_test(raw_keys),
		cmocka_unit_test(nobody_is_believed_without_reason),
		cmocka_unit_test(identities_must_fit),
		cmocka_unit_test(one_block_for_many),
		cmocka_unit_test(one_block_for_many_with_secrets),
		cmocka_unit_test(the_most_exact_block_is_taken),
		cmocka_unit_test(blocks_that_differ_in_ca),
		cmocka_unit_test(certreq_chooses),
		cmocka_unit_test(intermediate_is_sent),
		cmocka_unit_test(rsa_padding),
		cmocka_unit_test(in_fragments),
		cmocka_unit_test(repetitions_while_a_job_runs),
		cmocka_unit_test(repeated_fragments_while_a_job_runs),
		cmocka_unit_test(an_sa_dies_while_a_job_runs),
		cmocka_unit_test(show_says_how_each_end_did_it),
		cmocka_unit_test(revoked_certificates_are_refused),
		cmocka_unit_test(what_is_not_there_is_said_at_load),
		cmocka_unit_test(what_expires_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
