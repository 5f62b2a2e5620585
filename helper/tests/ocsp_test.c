// SPDX-License-Identifier: GPL-2.0
/* OCSP: our questions to openssl's responder, and its answers, right and wrong: RFC 6960. */
#include <gnutls/ocsp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pki/ocsp.h"
#include "tests/testca.h"

#define DAY	86400
#define BY_CA	"-rsigner ca.pem -rkey ca.key"

static struct testca tca;
static struct testca_cert ca, impostor, other_ca, leaf, other, unknown;
static struct testca_cert delegate, no_purpose, expired, stranger, of_impostor;
static struct ocsp *question;
static struct buf response;
static struct revocation said;
static char err[256];

static int setup(void **state)
{
	(void)state;
	testca_open(&tca);
	testca_make(&tca, &(struct testca_spec){ .name = "ca", .ca = true }, &ca);
	testca_make(&tca, &(struct testca_spec){ .name = "impostor", .dn = "ca", .ca = true },
		    &impostor);
	testca_make(&tca, &(struct testca_spec){ .name = "otherca", .ca = true }, &other_ca);
	testca_make(&tca, &(struct testca_spec){ .name = "leaf", .issuer = &ca }, &leaf);
	testca_make(&tca, &(struct testca_spec){ .name = "other", .issuer = &ca }, &other);
	testca_make(&tca, &(struct testca_spec){ .name = "unknown", .issuer = &ca }, &unknown);
	testca_make(&tca, &(struct testca_spec){ .name = "delegate", .issuer = &ca,
						 .ocsp_signing = true }, &delegate);
	testca_make(&tca, &(struct testca_spec){ .name = "nopurpose", .issuer = &ca }, &no_purpose);
	testca_make(&tca, &(struct testca_spec){ .name = "expired", .issuer = &ca, .expired = true,
						 .ocsp_signing = true }, &expired);
	testca_make(&tca, &(struct testca_spec){ .name = "stranger", .issuer = &other_ca,
						 .ocsp_signing = true }, &stranger);
	testca_make(&tca, &(struct testca_spec){ .name = "ofimpostor", .issuer = &impostor,
						 .ocsp_signing = true }, &of_impostor);
	testca_index(&tca, "good.txt", &leaf, NULL);
	testca_index(&tca, "good.txt", &other, NULL);
	testca_index(&tca, "bad.txt", &leaf, "keyCompromise");
	testca_index(&tca, "bad.txt", &other, "");
	buf_init(&response);
	question = ocsp_new(leaf.crt, ca.crt);
	testca_write(&tca, "req.der", ocsp_request(question));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ocsp_free(question);
	buf_free(&response);
	testca_free(&ca);
	testca_free(&impostor);
	testca_free(&other_ca);
	testca_free(&leaf);
	testca_free(&other);
	testca_free(&unknown);
	testca_free(&delegate);
	testca_free(&no_purpose);
	testca_free(&expired);
	testca_free(&stranger);
	testca_free(&of_impostor);
	testca_close(&tca);
	return 0;
}

/* openssl answers the request in @req, as @signer, by @index */
static void answered(const char *index, const char *req, const char *signer, const char *more)
{
	testca_run(&tca, "openssl ocsp -index %s -CA ca.pem -reqin %s %s -respout resp.der %s "
		   ">openssl.log 2>&1 || { cat openssl.log; exit 1; }", index, req, signer, more);
	testca_read(&tca, "resp.der", &response);
}

static bool judged_at(int seconds)
{
	*err = '\0';
	said = (struct revocation){ 0 };
	return ocsp_judge(question, ca.crt, buf_bytes(&response), time(NULL) + seconds, &said, err,
			  sizeof(err));
}

static void refused(const char *why)
{
	assert_false(judged_at(0));
	assert_string_equal(err, why);
}

static void good_and_revoked(void **state)
{
	(void)state;
	answered("good.txt", "req.der", BY_CA, "-ndays 2");
	assert_true(judged_at(0));
	assert_false(said.revoked);
	assert_in_range(said.until - time(NULL), 2 * DAY - 60, 2 * DAY);
	answered("bad.txt", "req.der", BY_CA, "-ndays 2");
	assert_true(judged_at(0));
	assert_true(said.revoked);
	assert_int_equal(said.since, 1735787045);
	assert_string_equal(crl_reason_name(said.reason), "key compromise");
	/* the responder's own certificate: without, and named by its key */
	answered("good.txt", "req.der", BY_CA, "-ndays 2 -resp_no_certs -resp_key_id");
	assert_true(judged_at(0));
}

static void who_may_answer(void **state)
{
	static const char refusal[] = "the responder is not authorised by the CA";

	(void)state;
	answered("good.txt", "req.der", "-rsigner delegate.pem -rkey delegate.key", "-ndays 1");
	assert_true(judged_at(0));
	answered("good.txt", "req.der", "-rsigner delegate.pem -rkey delegate.key",
		 "-ndays 1 -resp_key_id");
	assert_true(judged_at(0));
	/* a certificate of the same CA is not enough */
	answered("good.txt", "req.der", "-rsigner nopurpose.pem -rkey nopurpose.key", "-ndays 1");
	refused(refusal);
	answered("good.txt", "req.der", "-rsigner leaf.pem -rkey leaf.key", "-ndays 1");
	refused(refusal);
	answered("good.txt", "req.der", "-rsigner stranger.pem -rkey stranger.key", "-ndays 1");
	refused(refusal);
	answered("good.txt", "req.der", "-rsigner ofimpostor.pem -rkey ofimpostor.key", "-ndays 1");
	refused(refusal);
	answered("good.txt", "req.der", "-rsigner impostor.pem -rkey impostor.key", "-ndays 1");
	refused(refusal);
	answered("good.txt", "req.der", "-rsigner expired.pem -rkey expired.key", "-ndays 1");
	refused("the responder's certificate is out of date");
	/* the delegate's certificate has to come with it */
	answered("good.txt", "req.der", "-rsigner delegate.pem -rkey delegate.key",
		 "-ndays 1 -resp_no_certs");
	refused("its signature is wrong");
	answered("good.txt", "req.der", BY_CA, "-ndays 1 -badsig");
	refused("its signature is wrong");
}

static void about_the_right_certificate(void **state)
{
	(void)state;
	/* one question for two is answered for both */
	testca_run(&tca, "openssl ocsp -issuer ca.pem -cert other.pem -cert leaf.pem -no_nonce "
		   "-reqout two.der");
	answered("good.txt", "two.der", BY_CA, "-ndays 1");
	assert_true(judged_at(0));
	testca_run(&tca, "openssl ocsp -issuer ca.pem -cert other.pem -no_nonce -reqout one.der");
	answered("good.txt", "one.der", BY_CA, "-ndays 1");
	refused("it is about another certificate");
	/* the same number of another CA of the same name */
	testca_run(&tca, "openssl ocsp -issuer impostor.pem -serial 0x1003 -no_nonce "
		   "-reqout one.der");
	testca_run(&tca, "openssl ocsp -index good.txt -CA impostor.pem -reqin one.der "
		   "-rsigner ca.pem -rkey ca.key -ndays 1 -respout resp.der >openssl.log 2>&1");
	testca_read(&tca, "resp.der", &response);
	refused("it is about another certificate");
}

static void a_nonce_must_be_ours(void **state)
{
	(void)state;
	testca_run(&tca, "openssl ocsp -issuer ca.pem -cert leaf.pem -nonce -reqout nonce.der");
	answered("good.txt", "nonce.der", BY_CA, "-ndays 1");
	refused("it has another nonce: it answers an older question");
	testca_run(&tca, "openssl ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout none.der");
	answered("good.txt", "none.der", BY_CA, "-ndays 1");
	assert_true(judged_at(0));
}

static void times_count(void **state)
{
	(void)state;
	answered("good.txt", "req.der", BY_CA, "-ndays 1");
	assert_true(judged_at(DAY + 60));
	assert_false(judged_at(DAY + 600));
	assert_string_equal(err, "it is out of date");
	assert_true(judged_at(-60));
	assert_false(judged_at(-600));
	assert_string_equal(err, "it is from the future");
	/* without nextUpdate: with our nonce it is an answer, and not kept */
	answered("good.txt", "req.der", BY_CA, "");
	assert_true(judged_at(0));
	assert_true(said.until <= time(NULL));
	testca_run(&tca, "openssl ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout none.der");
	answered("good.txt", "none.der", BY_CA, "");
	assert_true(judged_at(600));
	assert_false(judged_at(DAY));
	assert_string_equal(err, "it is old, and does not say until when it holds");
}

static void unknown_is_no_answer(void **state)
{
	struct ocsp *ours = question;

	(void)state;
	question = ocsp_new(unknown.crt, ca.crt);
	testca_write(&tca, "unknown.der", ocsp_request(question));
	answered("good.txt", "unknown.der", BY_CA, "-ndays 1");
	refused("the responder does not know the certificate");
	ocsp_free(question);
	question = ours;
}

static void errors_are_no_answer(void **state)
{
	static const struct {
		uint8_t status;
		const char *why;
	} t[] = {
		{ 1, "the responder says: malformed request" },
		{ 2, "the responder says: internal error" },
		{ 3, "the responder says: try later" },
		{ 5, "the responder says: it wants signed requests" },
		{ 6, "the responder says: unauthorized" },
		/* "successful", and nothing behind it */
		{ 0, NULL },
	};
	uint8_t der[] = { 0x30, 3, 10, 1, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		der[4] = t[i].status;
		response.len = 0;
		buf_put(&response, der, sizeof(der));
		assert_false(judged_at(0));
		if (t[i].why)
			assert_string_equal(err, t[i].why);
	}
	response.len = 0;
	buf_put(&response, "garbage", 7);
	refused("not an OCSP response");
}

static void what_is_cut_or_changed_is_no_answer(void **state)
{
	struct buf whole;
	size_t i;

	(void)state;
	answered("good.txt", "req.der", "-rsigner delegate.pem -rkey delegate.key", "-ndays 1");
	buf_init(&whole);
	buf_copy(&whole, buf_bytes(&response));
	for (i = 0; i < whole.len; i++) {
		response.len = i;
		assert_false(judged_at(0));
	}
	response.len = whole.len;
	/* a changed octet may spoil what is not signed, but never makes a revoked one good */
	answered("bad.txt", "req.der", BY_CA, "-ndays 1 -resp_no_certs");
	for (i = 0; i < response.len; i++) {
		response.p[i] ^= 0x41;
		assert_true(!judged_at(0) || said.revoked);
		response.p[i] ^= 0x41;
	}
	assert_true(judged_at(0));
	buf_free(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_and_revoked),
		cmocka_unit_test(who_may_answer),
		cmocka_unit_test(about_the_right_certificate),
		cmocka_unit_test(a_nonce_must_be_ours),
		cmocka_unit_test(times_count),
		cmocka_unit_test(unknown_is_no_answer),
		cmocka_unit_test(errors_are_no_answer),
		cmocka_unit_test(what_is_cut_or_changed_is_no_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
