// SPDX-License-Identifier: GPL-2.0
/*
 * What comes back from a fetch: OCSP responses and CRLs. The first octet says
 * what the rest is: a whole one, or the part that is signed. The latter is signed
 * here, with a CA's key that everybody knows, so that mutation gets behind the
 * signature. The whole ones of the corpus are signed with it, too, and say that
 * the certificate is revoked: nothing made of them may say that it is good.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ocsp.h"

enum mode { MODE_OCSP, MODE_CRL, MODE_OCSP_PART, MODE_CRL_PART, MODES };

#define FROM	1577836800	/* 2020 to 2050: the certificates; now: the corpus */
#define TO	2524608000
#define NOW	1795589894
#define CRLS	3

static gnutls_x509_crt_t ca, leaf;
static gnutls_privkey_t ca_key;
static struct ocsp *question;

#define check(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			abort(); \
		} \
	} while (0)

/* P-256 with the private key 1: the public one is the curve's generator (SEC 2 2.4.2) */
static gnutls_x509_privkey_t key_one(void)
{
	static uint8_t x[] = {
		0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4,
		0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45,
		0xd8, 0x98, 0xc2, 0x96,
	};
	static uint8_t y[] = {
		0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f,
		0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68,
		0x37, 0xbf, 0x51, 0xf5,
	};
	static uint8_t k[] = { 1 };
	const gnutls_datum_t dx = { x, sizeof(x) }, dy = { y, sizeof(y) }, dk = { k, sizeof(k) };
	gnutls_x509_privkey_t key;

	check(gnutls_x509_privkey_init(&key) >= 0);
	check(gnutls_x509_privkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_SECP256R1, &dx, &dy,
						 &dk) >= 0);
	return key;
}

/* the same octets each time, as the corpus has them */
static gnutls_x509_crt_t make(gnutls_x509_privkey_t key, const char *dn, uint8_t serial,
			      gnutls_x509_crt_t issuer)
{
	static const char url[] = "http://ca.example/1.crl";
	gnutls_x509_crt_t crt, read;
	gnutls_datum_t der;

	check(gnutls_x509_crt_init(&crt) >= 0 && gnutls_x509_crt_init(&read) >= 0);
	check(gnutls_x509_crt_set_version(crt, 3) >= 0);
	check(gnutls_x509_crt_set_serial(crt, &serial, 1) >= 0);
	check(gnutls_x509_crt_set_activation_time(crt, FROM) >= 0);
	check(gnutls_x509_crt_set_expiration_time(crt, TO) >= 0);
	check(gnutls_x509_crt_set_dn(crt, dn, NULL) >= 0);
	check(gnutls_x509_crt_set_key(crt, key) >= 0);
	check(gnutls_x509_crt_set_basic_constraints(crt, !issuer, -1) >= 0);
	check(gnutls_x509_crt_set_crl_dist_points2(crt, GNUTLS_SAN_URI, url, sizeof(url) - 1,
						   0) >= 0);
	check(gnutls_x509_crt_privkey_sign(crt, issuer ? issuer : crt, ca_key, GNUTLS_DIG_SHA256,
					   GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE) >= 0);
	/* GnuTLS takes some things only from what was read */
	check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) >= 0);
	check(gnutls_x509_crt_import(read, &der, GNUTLS_X509_FMT_DER) >= 0);
	gnutls_free(der.data);
	gnutls_x509_crt_deinit(crt);
	return read;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	gnutls_x509_privkey_t key = key_one();

	(void)argc;
	(void)argv;
	check(gnutls_privkey_init(&ca_key) >= 0);
	check(gnutls_privkey_import_x509(ca_key, key, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE) >= 0);
	ca = make(key, "CN=ca", 1, NULL);
	leaf = make(key, "CN=leaf", 2, ca);
	question = ocsp_new(leaf, ca);
	check(question);
	return 0;
}

/* a DER element around what is in @b */
static void wrap(struct buf *b, uint8_t tag)
{
	struct buf out;

	buf_init(&out);
	buf_put_u8(&out, tag);
	buf_put_u8(&out, 0x83);
	buf_put_u8(&out, b->len >> 16);
	buf_put_u16(&out, b->len);
	buf_put_bytes(&out, buf_bytes(b));
	buf_copy(b, buf_bytes(&out));
	buf_free(&out);
}

/* SEQUENCE { @part, ecdsa-with-SHA256, signature } */
static void sign(struct bytes part, struct buf *out)
{
	static const uint8_t alg[] = { 0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
	const gnutls_datum_t data = { (unsigned char *)part.p, part.len };
	gnutls_datum_t sig;

	check(gnutls_privkey_sign_data2(ca_key, GNUTLS_SIGN_ECDSA_SHA256,
					 GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE, &data, &sig) >= 0);
	buf_put_bytes(out, part);
	buf_put(out, alg, sizeof(alg));
	buf_put_u8(out, 3);
	buf_put_u8(out, sig.size + 1);
	buf_put_u8(out, 0);
	buf_put(out, sig.data, sig.size);
	gnutls_free(sig.data);
	wrap(out, 0x30);
}

/* RFC 6960 4.2.1: a BasicOCSPResponse in an OCSPResponse */
static void wrap_ocsp(struct buf *b)
{
	static const uint8_t type[] = { 6, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 1 };
	static const uint8_t status[] = { 10, 1, 0 };
	struct buf out;

	buf_init(&out);
	wrap(b, 4);
	buf_put(&out, type, sizeof(type));
	buf_put_bytes(&out, buf_bytes(b));
	wrap(&out, 0x30);
	wrap(&out, 0xa0);
	b->len = 0;
	buf_put(b, status, sizeof(status));
	buf_put_bytes(b, buf_bytes(&out));
	wrap(b, 0x30);
	buf_free(&out);
}

static void one_ocsp(struct bytes in, bool whole)
{
	struct revocation said = { .reason = -1 };
	char err[256];

	if (!ocsp_judge(question, ca, in, NOW, &said, err, sizeof(err)))
		return;
	check(!whole || said.revoked);
	check(crl_reason_name(said.reason));
}

static void one_crl(struct bytes in, bool whole)
{
	struct revocation said;
	struct crl *crls[CRLS];
	unsigned int i, n;
	char err[256];

	n = crl_parse(in, crls, CRLS, err, sizeof(err));
	for (i = 0; i < n; i++) {
		check(!crl_ask(crls[i], leaf, NOW, &said, err, sizeof(err)));
		if (crl_is_of(crls[i], ca) && crl_verify(crls[i], ca, err, sizeof(err))) {
			crl_is_current(crls[i], NOW, err, sizeof(err));
			if (crl_ask(crls[i], leaf, NOW, &said, err, sizeof(err)))
				check(!whole || said.revoked);
		}
		crl_put(crls[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data + 1, size - 1 };
	struct buf made;

	/* three octets of length are enough for what the fetch lets through */
	if (!size || size > 1 << 20)
		return 0;
	buf_init(&made);
	switch (data[0] % MODES) {
	case MODE_OCSP:
		one_ocsp(rest, true);
		break;
	case MODE_CRL:
		one_crl(rest, true);
		break;
	case MODE_OCSP_PART:
		sign(rest, &made);
		wrap_ocsp(&made);
		one_ocsp(buf_bytes(&made), false);
		break;
	case MODE_CRL_PART:
		sign(rest, &made);
		one_crl(buf_bytes(&made), false);
		break;
	}
	buf_free(&made);
	return 0;
}
