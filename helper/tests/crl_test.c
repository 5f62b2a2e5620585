// SPDX-License-Identifier: GPL-2.0
/* CRLs: by GnuTLS and by openssl, right and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pki/crl.h"
#include "tests/testca.h"

#define DAY	86400

static struct testca tca;
static struct testca_cert ca, impostor, no_crls, inter, leaf, other;
static struct buf data;
static char err[256];

static int setup(void **state)
{
	(void)state;
	testca_open(&tca);
	buf_init(&data);
	testca_make(&tca, &(struct testca_spec){ .name = "ca", .ca = true }, &ca);
	/* the same name, another key */
	testca_make(&tca, &(struct testca_spec){ .name = "impostor", .dn = "ca", .ca = true }, &impostor);
	testca_make(&tca, &(struct testca_spec){ .name = "nocrls", .ca = true, .no_crl_sign = true },
		 &no_crls);
	testca_make(&tca, &(struct testca_spec){ .name = "inter", .ca = true, .issuer = &ca,
					   .crl_url = "http://ca.example/1.crl" }, &inter);
	testca_make(&tca, &(struct testca_spec){ .name = "leaf", .issuer = &ca,
					   .crl_url = "http://ca.example/1.crl" }, &leaf);
	testca_make(&tca, &(struct testca_spec){ .name = "other", .issuer = &ca,
					   .crl_url = "http://ca.example/2.crl" }, &other);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	testca_free(&ca);
	testca_free(&impostor);
	testca_free(&no_crls);
	testca_free(&inter);
	testca_free(&leaf);
	testca_free(&other);
	buf_free(&data);
	testca_close(&tca);
	return 0;
}

static struct crl *parsed(void)
{
	struct crl *crl;

	assert_int_equal(crl_parse(buf_bytes(&data), &crl, 1, err, sizeof(err)), 1);
	return crl;
}

static struct crl *verified(void)
{
	struct crl *crl = parsed();

	if (!crl_verify(crl, ca.crt, err, sizeof(err)))
		fail_msg("%s", err);
	return crl;
}

static bool says(const struct crl *crl, const struct testca_cert *cert, struct revocation *r)
{
	*err = '\0';
	return crl_ask(crl, cert->crt, time(NULL), r, err, sizeof(err));
}

static void says_who_is_revoked(void **state)
{
	static const gnutls_x509_crt_fmt_t fmts[] = { GNUTLS_X509_FMT_DER, GNUTLS_X509_FMT_PEM };
	struct revocation r;
	struct crl *crl;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		testca_crl(&ca, &leaf, -60, DAY, fmts[i], &data);
		crl = verified();
		assert_true(says(crl, &leaf, &r));
		assert_true(r.revoked);
		assert_in_range(time(NULL) - r.since, 60, 120);
		assert_int_equal(r.reason, -1);
		assert_true(says(crl, &other, &r));
		assert_false(r.revoked);
		assert_in_range(r.until - time(NULL), DAY - 120, DAY);
		crl_put(crl);
	}
	testca_crl(&ca, NULL, -60, DAY, GNUTLS_X509_FMT_DER, &data);
	crl = verified();
	assert_true(says(crl, &leaf, &r));
	assert_false(r.revoked);
	crl_put(crl);
}

static void times_count(void **state)
{
	static const struct {
		int this, next;
		bool good;
		const char *why;
	} t[] = {
		{ -2 * DAY, -DAY, false, "it is out of date" },
		{ -DAY, 0, false, "it does not say until when it holds" },
		{ DAY, 2 * DAY, false, "it is from the future" },
		/* clocks differ a little */
		{ 60, DAY, true, "" },
		{ -DAY, -60, true, "" },
	};
	struct revocation r;
	struct crl *crl;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		testca_crl(&ca, &leaf, t[i].this, t[i].next, GNUTLS_X509_FMT_DER, &data);
		crl = verified();
		assert_int_equal(says(crl, &other, &r), t[i].good);
		assert_string_equal(err, t[i].why);
		/* who is on it stays on it */
		assert_true(says(crl, &leaf, &r));
		assert_true(r.revoked);
		crl_put(crl);
	}
}

static void the_ca_must_have_signed_it(void **state)
{
	struct revocation r;
	struct crl *crl;

	(void)state;
	testca_crl(&impostor, NULL, -60, DAY, GNUTLS_X509_FMT_DER, &data);
	crl = parsed();
	assert_true(crl_is_of(crl, ca.crt));
	assert_false(crl_verify(crl, ca.crt, err, sizeof(err)));
	assert_string_equal(err, "its signature is wrong");
	/* and unverified it says nothing */
	assert_false(says(crl, &leaf, &r));
	/* once it is known whose it is, it is nobody else's */
	assert_true(crl_verify(crl, impostor.crt, err, sizeof(err)));
	assert_true(crl_verify(crl, impostor.crt, err, sizeof(err)));
	assert_false(crl_verify(crl, ca.crt, err, sizeof(err)));
	assert_string_equal(err, "it is signed with another key of its CA");
	assert_false(crl_verify(crl, inter.crt, err, sizeof(err)));
	crl_put(crl);
	testca_crl(&no_crls, NULL, -60, DAY, GNUTLS_X509_FMT_DER, &data);
	crl = parsed();
	assert_false(crl_verify(crl, no_crls.crt, err, sizeof(err)));
	assert_string_equal(err, "its CA may not sign CRLs");
	crl_put(crl);
	/* out of date and by somebody else: the one does not hide the other */
	testca_crl(&impostor, &leaf, -2 * DAY, -DAY, GNUTLS_X509_FMT_DER, &data);
	crl = parsed();
	assert_false(crl_verify(crl, ca.crt, err, sizeof(err)));
	crl_put(crl);
	testca_crl(&impostor, &leaf, DAY, 2 * DAY, GNUTLS_X509_FMT_DER, &data);
	crl = parsed();
	assert_false(crl_verify(crl, ca.crt, err, sizeof(err)));
	crl_put(crl);
	/* one bit of what is signed */
	testca_crl(&ca, &leaf, -60, DAY, GNUTLS_X509_FMT_DER, &data);
	data.p[data.len / 2] ^= 1;
	if (crl_parse(buf_bytes(&data), &crl, 1, err, sizeof(err))) {
		assert_false(crl_verify(crl, ca.crt, err, sizeof(err)));
		crl_put(crl);
	}
}

/* openssl makes what GnuTLS cannot: reasons, issuing distribution points */
static void by_openssl(const char *extensions)
{
	static const char conf[] =
		"[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\n"
		"crlnumber=crlnumber\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid:always\n";
	struct buf text;

	buf_init(&text);
	buf_put(&text, conf, sizeof(conf) - 1);
	buf_put(&text, extensions, strlen(extensions));
	testca_write(&tca, "ca.cnf", buf_bytes(&text));
	buf_free(&text);
	testca_run(&tca, "echo 01 >crlnumber; rm -f index.txt");
	testca_index(&tca, "index.txt", &other, "keyCompromise");
	testca_index(&tca, "index.txt", &inter, "cessationOfOperation");
	testca_run(&tca, "openssl ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key -crldays 1 "
		"-out x.crl 2>openssl.log || { cat openssl.log; exit 1; }");
	testca_read(&tca, "x.crl", &data);
}

static void reasons_are_told(void **state)
{
	struct revocation r;
	struct crl *crl;

	(void)state;
	by_openssl("");
	crl = verified();
	assert_true(says(crl, &other, &r));
	assert_true(r.revoked);
	assert_string_equal(crl_reason_name(r.reason), "key compromise");
	assert_int_equal(r.since, 1735787045);
	assert_true(says(crl, &inter, &r));
	assert_string_equal(crl_reason_name(r.reason), "cessation of operation");
	assert_true(says(crl, &leaf, &r));
	assert_false(r.revoked);
	assert_string_equal(crl_reason_name(-1), "not said");
	assert_string_equal(crl_reason_name(7), "not said");
	assert_string_equal(crl_reason_name(127), "not said");
	crl_put(crl);
}

/* RFC 5280 5.2.5 */
static void says_nothing_beyond_its_scope(void **state)
{
	static const struct {
		const char *extensions;
		const char *why;	/* the leaf is not on it; "": good */
		bool usable;		/* for who is on it */
	} t[] = {
		{ "issuingDistributionPoint=critical,@i\n[i]\nonlyuser=TRUE\n", "", true },
		{ "issuingDistributionPoint=critical,@i\n[i]\nonlyCA=TRUE\n",
		  "it is for certificates of CAs", true },
		{ "issuingDistributionPoint=critical,@i\n[i]\nonlyAA=TRUE\n",
		  "it is for attribute certificates", false },
		{ "issuingDistributionPoint=critical,@i\n[i]\nindirectCRL=TRUE\n",
		  "it is an indirect CRL", false },
		{ "issuingDistributionPoint=critical,@i\n[i]\nonlysomereasons=keyCompromise\n",
		  "it is for some reasons only", true },
		{ "issuingDistributionPoint=critical,@i\n[i]\nfullname=URI:http://ca.example/1.crl\n",
		  "", true },
		{ "issuingDistributionPoint=critical,@i\n[i]\n"
		  "fullname=URI:http://ca.example/9.crl,URI:http://ca.example/1.crl\n", "", true },
		{ "issuingDistributionPoint=critical,@i\n[i]\nfullname=URI:http://ca.example/2.crl\n",
		  "it is for another distribution point", true },
		{ "2.5.29.27=critical,DER:020101\n",
		  "it has a critical extension that we do not know", false },
		{ "1.2.3.4=DER:0500\n", "", true },
	};
	struct revocation r;
	struct crl *crl;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		by_openssl(t[i].extensions);
		crl = verified();
		assert_int_equal(says(crl, &leaf, &r), !*t[i].why);
		assert_string_equal(err, t[i].why);
		assert_int_equal(says(crl, &other, &r), t[i].usable);
		crl_put(crl);
	}
}

static void many_entries_are_found(void **state)
{
	struct revocation r;
	struct crl *crl;

	(void)state;
	by_openssl("");
	/* serial numbers on both sides, of other lengths */
	testca_run(&tca, "for i in 01 7F 80 FF 0100 0FFF 2000 9000 FFFF 010000 7FFFFFFFFF; do printf "
		"'R\\t350101000000Z\\t250102030405Z\\t%%s\\tunknown\\t/CN=x\\n' $i >>index.txt; done; "
		"openssl ca -gencrl -config ca.cnf -cert ca.pem -keyfile ca.key -crldays 1 -out x.crl "
		"2>openssl.log");
	testca_read(&tca, "x.crl", &data);
	crl = verified();
	assert_true(says(crl, &other, &r) && r.revoked);
	assert_true(says(crl, &inter, &r) && r.revoked);
	assert_true(says(crl, &leaf, &r) && !r.revoked);
	crl_put(crl);
}

static void files_with_several(void **state)
{
	struct crl *list[4];
	struct buf all;

	(void)state;
	buf_init(&all);
	testca_crl(&ca, NULL, -60, DAY, GNUTLS_X509_FMT_PEM, &data);
	buf_put_bytes(&all, buf_bytes(&data));
	testca_crl(&impostor, &leaf, -60, DAY, GNUTLS_X509_FMT_PEM, &data);
	buf_put_bytes(&all, buf_bytes(&data));
	assert_int_equal(crl_parse(buf_bytes(&all), list, 4, err, sizeof(err)), 2);
	assert_true(crl_verify(list[0], ca.crt, err, sizeof(err)));
	assert_true(crl_verify(list[1], impostor.crt, err, sizeof(err)));
	crl_put(list[0]);
	crl_put(list[1]);
	assert_int_equal(crl_parse(buf_bytes(&all), list, 1, err, sizeof(err)), 0);
	assert_string_equal(err, "more than 1 CRLs");
	buf_free(&all);
}

static void what_is_cut_is_no_crl(void **state)
{
	struct crl *crl;
	size_t i;

	(void)state;
	by_openssl("issuingDistributionPoint=critical,@i\n[i]\nfullname=URI:http://ca.example/1.crl\n");
	testca_run(&tca, "openssl crl -in x.crl -outform DER -out x.der");
	testca_read(&tca, "x.der", &data);
	for (i = 0; i < data.len; i++)
		assert_int_equal(crl_parse((struct bytes){ data.p, i }, &crl, 1, err, sizeof(err)),
				 0);
	assert_int_equal(crl_parse((struct bytes){ (const uint8_t *)"garbage", 7 }, &crl, 1, err,
				   sizeof(err)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_who_is_revoked),
		cmocka_unit_test(times_count),
		cmocka_unit_test(the_ca_must_have_signed_it),
		cmocka_unit_test(reasons_are_told),
		cmocka_unit_test(says_nothing_beyond_its_scope),
		cmocka_unit_test(many_entries_are_found),
		cmocka_unit_test(files_with_several),
		cmocka_unit_test(what_is_cut_is_no_crl),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
