// SPDX-License-Identifier: GPL-2.0
/* Revocation of a chain: who is asked, in which order, and what each mode makes of no answer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/event.h"
#include "core/log.h"
#include "pki/revoke.h"
#include "tests/http_server.h"
#include "tests/testca.h"

#define DAY	86400

/* what the server does with questions about revocation */
enum answer { ANSWER_NOTHING, ANSWER_GOOD, ANSWER_REVOKED, ANSWER_GARBAGE, ANSWER_HANG,
	      ANSWER_FLOOD, ANSWER_IMPOSTOR, ANSWER_NO_DATE };

static struct testca tca;
static struct http_server *server;
/* leaf: both URLs; by_ocsp, by_list: one; plain: none; below inter: a chain of three */
static struct testca_cert ca, impostor, other_ca, inter, leaf, by_ocsp, by_list, plain, below, wrong;
static struct buf crl_empty, crl_leaf, crl_impostor, crl_inter;
static struct revoke *checker;
static char why[REVOKE_WHY_MAX];
static char last_line[1024];
static atomic_int ocsp_answer, crl_answer, n_ocsp, n_crl;
static char ocsp_url[128], crl_url[128];

static void take_line(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(last_line, sizeof(last_line), "%s", line);
}

static enum http_do serve_crl(enum answer answer, struct http_reply *reply)
{
	n_crl++;
	buf_put_bytes(&reply->body, buf_bytes(answer == ANSWER_REVOKED ? &crl_leaf :
					      answer == ANSWER_IMPOSTOR ? &crl_impostor :
					      &crl_empty));
	return HTTP_REPLY;
}

/* as openssl's responder answers */
static enum http_do serve_ocsp(enum answer answer, const struct http_request *req,
			       struct http_reply *reply)
{
	n_ocsp++;
	testca_write(&tca, "req.der", req->body);
	testca_run(&tca, "openssl ocsp -index %s -CA ca.pem -reqin req.der -respout resp.der "
		   "-rsigner %s.pem -rkey %s.key %s >openssl.log 2>&1",
		   answer == ANSWER_REVOKED ? "bad.txt" : "good.txt",
		   answer == ANSWER_IMPOSTOR ? "impostor" : "ca",
		   answer == ANSWER_IMPOSTOR ? "impostor" : "ca",
		   answer == ANSWER_NO_DATE ? "" : "-ndays 1");
	testca_read(&tca, "resp.der", &reply->body);
	return HTTP_REPLY;
}

static enum http_do handler(const struct http_request *req, struct http_reply *reply, void *arg)
{
	bool ocsp = !strcmp(req->path, "/ocsp");
	enum answer answer = ocsp ? ocsp_answer : crl_answer;

	(void)arg;
	switch (answer) {
	case ANSWER_NOTHING:
		reply->status = 503;
		break;
	case ANSWER_GARBAGE:
		buf_put(&reply->body, "garbage", 7);
		break;
	case ANSWER_HANG:
	case ANSWER_FLOOD:
		*(ocsp ? &n_ocsp : &n_crl) += 1;
		return answer == ANSWER_HANG ? HTTP_HANG : HTTP_FLOOD;
	default:
		if (!ocsp)
			return serve_crl(answer, reply);
		if (strcmp(req->method, "POST") ||
		    strcmp(req->content_type, "application/ocsp-request"))
			break;
		return serve_ocsp(answer, req, reply);
	}
	*(ocsp ? &n_ocsp : &n_crl) += 1;
	return HTTP_REPLY;
}

static void make_lists(void)
{
	buf_init(&crl_empty);
	buf_init(&crl_leaf);
	buf_init(&crl_impostor);
	buf_init(&crl_inter);
	testca_crl(&ca, NULL, -60, DAY, GNUTLS_X509_FMT_DER, &crl_empty);
	testca_crl(&ca, &leaf, -60, DAY, GNUTLS_X509_FMT_DER, &crl_leaf);
	testca_crl(&impostor, NULL, -60, DAY, GNUTLS_X509_FMT_DER, &crl_impostor);
	testca_crl(&ca, &inter, -60, DAY, GNUTLS_X509_FMT_PEM, &crl_inter);
	testca_index(&tca, "good.txt", &leaf, NULL);
	testca_index(&tca, "good.txt", &by_ocsp, NULL);
	testca_index(&tca, "bad.txt", &leaf, "keyCompromise");
	testca_index(&tca, "bad.txt", &by_ocsp, "superseded");
}

static int group_setup(void **state)
{
	(void)state;
	testca_open(&tca);
	server = http_server_new(handler, NULL);
	snprintf(ocsp_url, sizeof(ocsp_url), "http://127.0.0.1:%u/ocsp", http_server_port(server));
	snprintf(crl_url, sizeof(crl_url), "http://127.0.0.1:%u/crl", http_server_port(server));
	testca_make(&tca, &(struct testca_spec){ .name = "ca", .ca = true }, &ca);
	testca_make(&tca, &(struct testca_spec){ .name = "impostor", .dn = "ca", .ca = true },
		    &impostor);
	testca_make(&tca, &(struct testca_spec){ .name = "otherca", .ca = true }, &other_ca);
	testca_make(&tca, &(struct testca_spec){ .name = "inter", .issuer = &ca, .ca = true },
		    &inter);
	testca_make(&tca, &(struct testca_spec){ .name = "leaf", .issuer = &ca,
						 .ocsp_url = ocsp_url, .crl_url = crl_url }, &leaf);
	testca_make(&tca, &(struct testca_spec){ .name = "byocsp", .issuer = &ca,
						 .ocsp_url = ocsp_url }, &by_ocsp);
	testca_make(&tca, &(struct testca_spec){ .name = "bylist", .issuer = &ca,
						 .crl_url = crl_url }, &by_list);
	testca_make(&tca, &(struct testca_spec){ .name = "plain", .issuer = &ca }, &plain);
	testca_make(&tca, &(struct testca_spec){ .name = "below", .issuer = &inter }, &below);
	testca_make(&tca, &(struct testca_spec){ .name = "wrong", .issuer = &ca,
						 .ocsp_url = "file:///etc/passwd",
						 .crl_url = "ldap://127.0.0.1/x" }, &wrong);
	make_lists();
	log_set_sink(take_line, NULL);
	return 0;
}

static int group_teardown(void **state)
{
	struct testca_cert *all[] = { &ca, &impostor, &other_ca, &inter, &leaf, &by_ocsp, &by_list,
				      &plain, &below, &wrong };
	size_t i;

	(void)state;
	http_server_free(server);
	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		testca_free(all[i]);
	buf_free(&crl_empty);
	buf_free(&crl_leaf);
	buf_free(&crl_impostor);
	buf_free(&crl_inter);
	testca_close(&tca);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	checker = revoke_new();
	ocsp_answer = crl_answer = ANSWER_NOTHING;
	n_ocsp = n_crl = 0;
	*why = *last_line = '\0';
	testca_run(&tca, "rm -rf crls; mkdir crls");
	return checker ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	revoke_free(checker);
	return 0;
}

static enum revoke_result check(const struct testca_cert *cert, enum revoke_mode mode)
{
	const gnutls_x509_crt_t chain[] = { cert->crt, ca.crt };

	return revoke_check(checker, chain, 2, mode, event_now(), why, sizeof(why));
}

static enum revoke_result check_below(enum revoke_mode mode)
{
	const gnutls_x509_crt_t chain[] = { below.crt, inter.crt, ca.crt };

	return revoke_check(checker, chain, 3, mode, event_now(), why, sizeof(why));
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void load_crls(void)
{
	char dir[128];
	struct revoke_crls *crls;

	snprintf(dir, sizeof(dir), "%s/crls", tca.dir);
	crls = revoke_crls_load(dir, &ca.crt, 1, why, sizeof(why));
	assert_non_null(crls);
	revoke_set_crls(checker, crls);
	revoke_crls_free(crls);
}

static void modes_without_any_source(void **state)
{
	(void)state;
	assert_int_equal(check(&plain, REVOKE_OFF), REVOKE_GOOD);
	assert_string_equal(last_line, "");
	assert_int_equal(check(&plain, REVOKE_SOFT), REVOKE_GOOD);
	assert_says(last_line, "CN=plain");
	assert_says(last_line, "revocation soft");
	assert_string_equal(why, "");
	assert_int_equal(check(&plain, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_says(why, "CN=plain (serial 1007)");
	assert_says(why, "there is no CRL of its CA, and it names no source");
	/* a trust anchor alone needs nobody */
	assert_int_equal(revoke_check(checker, &ca.crt, 1, REVOKE_HARD, event_now(), why,
				      sizeof(why)),
			 REVOKE_GOOD);
	assert_int_equal(n_ocsp + n_crl, 0);
}

static void lists_of_the_folder(void **state)
{
	(void)state;
	testca_write(&tca, "crls/ca.crl", buf_bytes(&crl_leaf));
	testca_write(&tca, "crls/notes.txt", buf_bytes(&crl_leaf));
	load_crls();
	assert_int_equal(check(&plain, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(check(&leaf, REVOKE_SOFT), REVOKE_REVOKED);
	assert_says(why, "the certificate of CN=leaf (serial 1004) is revoked since 20");
	assert_says(why, "reason not said, says the CRL in /tmp/");
	assert_says(why, "/crls/ca.crl");
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_REVOKED);
	assert_int_equal(check(&leaf, REVOKE_OFF), REVOKE_GOOD);
	/* who has a list does not ask around */
	assert_int_equal(n_ocsp + n_crl, 0);
	/* none of the intermediate's */
	assert_int_equal(check_below(REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_says(why, "CN=below");
	/* a newer one in the same folder counts, too; the revoked CA is found before what it signed */
	testca_write(&tca, "crls/inter.pem", buf_bytes(&crl_inter));
	load_crls();
	assert_int_equal(check_below(REVOKE_SOFT), REVOKE_REVOKED);
	assert_says(why, "CN=inter");
	/* and gone is gone */
	revoke_set_crls(checker, NULL);
	assert_int_equal(check_below(REVOKE_SOFT), REVOKE_GOOD);
}

static void a_folder_is_refused_or_warned_of(void **state)
{
	struct buf list;
	char dir[128];

	(void)state;
	buf_init(&list);
	snprintf(dir, sizeof(dir), "%s/crls", tca.dir);
	testca_crl(&other_ca, NULL, -60, DAY, GNUTLS_X509_FMT_PEM, &list);
	testca_write(&tca, "crls/other.pem", buf_bytes(&list));
	load_crls();
	assert_says(last_line, "crls/other.pem: the CRL of CN=otherca is not used");
	assert_says(last_line, "none of the CA certificates is its CA");
	testca_run(&tca, "rm crls/other.pem");
	testca_write(&tca, "crls/x.pem", buf_bytes(&crl_impostor));
	load_crls();
	assert_says(last_line, "its signature is wrong");
	assert_int_equal(check(&plain, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_says(why, "crls/x.pem: its signature is wrong");
	testca_crl(&ca, &plain, -2 * DAY, -DAY, GNUTLS_X509_FMT_DER, &list);
	testca_write(&tca, "crls/x.pem", buf_bytes(&list));
	load_crls();
	assert_says(last_line, "it is out of date");
	assert_int_equal(check(&plain, REVOKE_HARD), REVOKE_REVOKED);
	assert_int_equal(check(&by_list, REVOKE_HARD), REVOKE_NO_ANSWER);
	testca_run(&tca, "echo garbage >crls/x.pem");
	assert_null(revoke_crls_load(dir, &ca.crt, 1, why, sizeof(why)));
	assert_says(why, "/crls/x.pem: not a CRL");
	assert_says(why, "expected a CRL, PEM or DER");
	testca_run(&tca, "head -c 1048577 /dev/zero >crls/x.pem");
	assert_null(revoke_crls_load(dir, &ca.crt, 1, why, sizeof(why)));
	assert_says(why, "larger than 1048576 octets");
	testca_run(&tca, "rm crls/x.pem; mkfifo crls/x.pem");
	assert_null(revoke_crls_load(dir, &ca.crt, 1, why, sizeof(why)));
	testca_run(&tca, "rm -r crls; touch crls");
	assert_null(revoke_crls_load(dir, &ca.crt, 1, why, sizeof(why)));
	testca_run(&tca, "rm crls");
	load_crls();
	buf_free(&list);
}

/* a CRL of a CA that only the peer sends */
static void a_list_of_an_intermediate(void **state)
{
	struct buf list;

	(void)state;
	buf_init(&list);
	testca_crl(&inter, &below, -60, DAY, GNUTLS_X509_FMT_PEM, &list);
	buf_put_bytes(&list, (struct bytes){ (const uint8_t *)"\n", 1 });
	testca_write(&tca, "crls/inter.pem", buf_bytes(&list));
	load_crls();
	assert_says(last_line, "crls/inter.pem");
	assert_int_equal(check_below(REVOKE_SOFT), REVOKE_REVOKED);
	assert_says(why, "CN=below");
	buf_free(&list);
}

static void by_ocsp_responder(void **state)
{
	(void)state;
	ocsp_answer = ANSWER_GOOD;
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(n_crl, 0);
	/* it is known until it is out of date */
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(n_ocsp, 1);
	/* but for this certificate alone */
	assert_int_equal(check(&by_ocsp, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(n_ocsp, 2);
	/* a load has it fetched again */
	revoke_set_crls(checker, NULL);
	ocsp_answer = ANSWER_REVOKED;
	assert_int_equal(check(&leaf, REVOKE_SOFT), REVOKE_REVOKED);
	assert_says(why, "CN=leaf (serial 1004) is revoked since 2025-01-02 03:04:05 UTC, reason key "
		    "compromise, says the OCSP responder http://127.0.0.1:");
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_REVOKED);
	assert_int_equal(n_ocsp, 3);
	assert_int_equal(n_crl, 0);
}

static void an_answer_without_date_is_not_kept(void **state)
{
	(void)state;
	ocsp_answer = ANSWER_NO_DATE;
	assert_int_equal(check(&by_ocsp, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(check(&by_ocsp, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(n_ocsp, 2);
}

static void by_list_over_http(void **state)
{
	(void)state;
	crl_answer = ANSWER_GOOD;
	assert_int_equal(check(&by_list, REVOKE_HARD), REVOKE_GOOD);
	/* one list for all certificates, and OCSP that fails goes before it */
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(n_crl, 1);
	assert_int_equal(n_ocsp, 1);
	revoke_set_crls(checker, NULL);
	crl_answer = ANSWER_REVOKED;
	assert_int_equal(check(&leaf, REVOKE_SOFT), REVOKE_REVOKED);
	assert_says(why, "says the CRL at http://127.0.0.1:");
}

static void wrong_answers_are_none(void **state)
{
	static const struct {
		enum answer answer;
		const char *ocsp, *crl;
	} t[] = {
		{ ANSWER_NOTHING, "503", "503" },
		{ ANSWER_GARBAGE, "not an OCSP response", "not a CRL" },
		{ ANSWER_IMPOSTOR, "the responder is not authorised by the CA",
		  "its signature is wrong" },
		{ ANSWER_FLOOD, "more than 65536 octets", "more than 1048576 octets" },
		{ ANSWER_HANG, "timed out", "timed out" },
	};
	const struct revoke_limits limits = { .fetch_ms = 400, .check_ms = 2000,
					      .retry_ms = 60000 };
	size_t i;

	(void)state;
	revoke_set_limits(checker, &limits);
	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		revoke_set_crls(checker, NULL);
		ocsp_answer = crl_answer = t[i].answer;
		assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_NO_ANSWER);
		assert_says(why, t[i].ocsp);
		assert_says(why, t[i].crl);
		assert_int_equal(check(&leaf, REVOKE_SOFT), REVOKE_GOOD);
		assert_says(last_line, t[i].ocsp);
	}
}

static void who_failed_is_left_alone_for_a_while(void **state)
{
	const struct revoke_limits limits = { .fetch_ms = 2000, .check_ms = 4000, .retry_ms = 300 };
	uint64_t began;

	(void)state;
	revoke_set_limits(checker, &limits);
	began = event_now();
	assert_int_equal(check(&by_ocsp, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_int_equal(check(&by_ocsp, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_says(why, "503");
	if (event_now() - began < 250)
		assert_int_equal(n_ocsp, 1);
	ocsp_answer = ANSWER_GOOD;
	while (check(&by_ocsp, REVOKE_HARD) != REVOKE_GOOD && event_now() - began < 5000)
		usleep(10000);
	assert_in_range(event_now() - began, 290, 4000);
	assert_int_equal(n_ocsp, 2);
}

static void a_check_has_an_end(void **state)
{
	const struct revoke_limits limits = { .fetch_ms = 5000, .check_ms = 500, .retry_ms = 1 };
	uint64_t began = event_now();

	(void)state;
	revoke_set_limits(checker, &limits);
	ocsp_answer = crl_answer = ANSWER_HANG;
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_in_range(event_now() - began, 450, 3000);
	assert_says(why, "no time left to ask");
}

static void other_urls_are_not_followed(void **state)
{
	(void)state;
	assert_int_equal(check(&wrong, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_says(why, "OCSP at file:///etc/passwd: not a URL of http: or https:");
	assert_says(why, "CRL at ldap://127.0.0.1/x: not a URL of http: or https:");
}

static enum revoke_result known(const struct testca_cert *cert, enum revoke_mode mode)
{
	const gnutls_x509_crt_t chain[] = { cert->crt, ca.crt };

	return revoke_check(checker, chain, 2, mode, REVOKE_KNOWN, why, sizeof(why));
}

static void what_is_known_is_not_asked(void **state)
{
	(void)state;
	/* without a source there is nobody to wait for */
	assert_int_equal(known(&plain, REVOKE_SOFT), REVOKE_GOOD);
	assert_int_equal(known(&plain, REVOKE_HARD), REVOKE_NO_ANSWER);
	*last_line = '\0';
	assert_int_equal(known(&leaf, REVOKE_SOFT), REVOKE_UNASKED);
	assert_int_equal(known(&leaf, REVOKE_HARD), REVOKE_UNASKED);
	/* whoever asks will say it */
	assert_string_equal(last_line, "");
	assert_int_equal(n_ocsp + n_crl, 0);
	/* an answer that was got, be it that there is none */
	ocsp_answer = ANSWER_GOOD;
	assert_int_equal(check(&leaf, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(known(&leaf, REVOKE_HARD), REVOKE_GOOD);
	crl_answer = ANSWER_REVOKED;
	assert_int_equal(check(&by_list, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(known(&by_list, REVOKE_HARD), REVOKE_GOOD);
	ocsp_answer = ANSWER_NOTHING;
	assert_int_equal(check(&by_ocsp, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_int_equal(known(&by_ocsp, REVOKE_HARD), REVOKE_NO_ANSWER);
	assert_says(why, "503");
	assert_int_equal(n_ocsp + n_crl, 3);
	/* and the folder's list */
	testca_write(&tca, "crls/ca.crl", buf_bytes(&crl_leaf));
	load_crls();
	assert_int_equal(known(&leaf, REVOKE_SOFT), REVOKE_REVOKED);
	assert_int_equal(known(&by_ocsp, REVOKE_HARD), REVOKE_GOOD);
	assert_int_equal(n_ocsp + n_crl, 3);
}

/* the same certificate on many threads; a chain is one thread's alone */
static void *check_copy(void *arg)
{
	gnutls_x509_crt_t chain[2];
	gnutls_datum_t der;
	char text[REVOKE_WHY_MAX];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (gnutls_x509_crt_export2(i ? ca.crt : leaf.crt, GNUTLS_X509_FMT_DER, &der) < 0 ||
		    gnutls_x509_crt_init(&chain[i]) < 0 ||
		    gnutls_x509_crt_import(chain[i], &der, GNUTLS_X509_FMT_DER) < 0)
			abort();
		gnutls_free(der.data);
	}
	*(enum revoke_result *)arg = revoke_check(checker, chain, 2, REVOKE_HARD, event_now(),
						  text, sizeof(text));
	gnutls_x509_crt_deinit(chain[0]);
	gnutls_x509_crt_deinit(chain[1]);
	return NULL;
}

#define THREADS	8

static void run_threads(pthread_t *threads, enum revoke_result *results)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_copy, &results[i]), 0);
}

static void join_threads(pthread_t *threads, const enum revoke_result *results,
			 enum revoke_result expected)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], expected);
	}
}

static void threads_ask_once(void **state)
{
	enum revoke_result results[THREADS];
	pthread_t threads[THREADS];
	unsigned int i;

	(void)state;
	ocsp_answer = ANSWER_GOOD;
	run_threads(threads, results);
	join_threads(threads, results, REVOKE_GOOD);
	assert_int_equal(n_ocsp, 1);
	/* lists come and go meanwhile */
	testca_write(&tca, "crls/ca.crl", buf_bytes(&crl_leaf));
	load_crls();
	run_threads(threads, results);
	for (i = 0; i < 10; i++)
		load_crls();
	join_threads(threads, results, REVOKE_REVOKED);
}

static void stopping_lets_everybody_go(void **state)
{
	enum revoke_result results[THREADS];
	pthread_t threads[THREADS];
	uint64_t began;

	(void)state;
	ocsp_answer = crl_answer = ANSWER_HANG;
	run_threads(threads, results);
	while (!n_ocsp)
		usleep(1000);
	began = event_now();
	revoke_stop(checker);
	join_threads(threads, results, REVOKE_NO_ANSWER);
	assert_in_range(event_now() - began, 0, 2000);
	/* in soft mode, too: the daemon does not let somebody in because it is stopping */
	assert_int_equal(check(&leaf, REVOKE_SOFT), REVOKE_NO_ANSWER);
	assert_says(why, "the daemon is stopping");
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(modes_without_any_source),
		TEST(lists_of_the_folder),
		TEST(a_folder_is_refused_or_warned_of),
		TEST(a_list_of_an_intermediate),
		TEST(by_ocsp_responder),
		TEST(an_answer_without_date_is_not_kept),
		TEST(by_list_over_http),
		TEST(wrong_answers_are_none),
		TEST(who_failed_is_left_alone_for_a_while),
		TEST(a_check_has_an_end),
		TEST(other_urls_are_not_followed),
		TEST(what_is_known_is_not_asked),
		TEST(threads_ask_once),
		TEST(stopping_lets_everybody_go),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
