// SPDX-License-Identifier: GPL-2.0
/* A CA, certificates and CRLs for tests. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/testca.h"

#define HOUR	3600

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "testca: %s failed\n", what);
	abort();
}

#define DO(call)	must((call) >= 0, #call)

void testca_run(const struct testca *tca, const char *fmt, ...)
{
	char cmd[2048];
	va_list ap;
	int n = snprintf(cmd, sizeof(cmd), "cd %s && ", tca->dir);

	va_start(ap, fmt);
	vsnprintf(cmd + n, sizeof(cmd) - n, fmt, ap);
	va_end(ap);
	must(!system(cmd), cmd);
}

void testca_open(struct testca *tca)
{
	*tca = (struct testca){ .dir = "/tmp/revoke_test.XXXXXX", .serial = 0x1000 };
	must(mkdtemp(tca->dir), "mkdtemp");
}

void testca_close(struct testca *tca)
{
	testca_run(tca, "rm -rf %s", tca->dir);
}

static FILE *open_in(const struct testca *tca, const char *file, const char *mode)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", tca->dir, file);
	f = fopen(path, mode);
	must(f, path);
	return f;
}

void testca_write(const struct testca *tca, const char *file, struct bytes data)
{
	FILE *f = open_in(tca, file, "w");

	must(fwrite(data.p, 1, data.len, f) == data.len && !fclose(f), file);
}

void testca_read(const struct testca *tca, const char *file, struct buf *out)
{
	FILE *f = open_in(tca, file, "r");
	uint8_t block[4096];
	size_t n;

	out->len = 0;
	while ((n = fread(block, 1, sizeof(block), f)))
		buf_put(out, block, n);
	fclose(f);
}

static void write_datum(const struct testca *tca, const char *name, const char *end,
			gnutls_datum_t *data)
{
	char file[128];

	snprintf(file, sizeof(file), "%s.%s", name, end);
	testca_write(tca, file, (struct bytes){ data->data, data->size });
	gnutls_free(data->data);
}

static void set_usage(gnutls_x509_crt_t crt, const struct testca_spec *spec)
{
	gnutls_datum_t url;

	DO(gnutls_x509_crt_set_basic_constraints(crt, spec->ca, -1));
	if (spec->ca)
		DO(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN |
						 (spec->no_crl_sign ? 0 : GNUTLS_KEY_CRL_SIGN)));
	else
		DO(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
	if (spec->ocsp_signing)
		DO(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_OCSP_SIGNING, 0));
	if (spec->ocsp_url) {
		url = (gnutls_datum_t){ (unsigned char *)spec->ocsp_url, strlen(spec->ocsp_url) };
		DO(gnutls_x509_crt_set_authority_info_access(crt, GNUTLS_IA_OCSP_URI, &url));
	}
	if (spec->crl_url)
		DO(gnutls_x509_crt_set_crl_dist_points2(crt, GNUTLS_SAN_URI, spec->crl_url,
							strlen(spec->crl_url), 0));
}

void testca_make(struct testca *tca, const struct testca_spec *spec, struct testca_cert *out)
{
	const struct testca_cert *issuer = spec->issuer ? spec->issuer : out;
	time_t now = time(NULL), from = now - 10 * HOUR;
	uint8_t serial[2] = { tca->serial >> 8, tca->serial };
	char dn[128];
	uint8_t id[64];
	size_t id_len = sizeof(id);
	gnutls_datum_t pem;

	tca->serial++;
	out->name = spec->name;
	DO(gnutls_x509_privkey_init(&out->key));
	DO(gnutls_x509_privkey_generate(out->key, GNUTLS_PK_ECDSA,
					GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	DO(gnutls_x509_crt_init(&out->crt));
	DO(gnutls_x509_crt_set_version(out->crt, 3));
	DO(gnutls_x509_crt_set_serial(out->crt, serial, sizeof(serial)));
	DO(gnutls_x509_crt_set_activation_time(out->crt, from));
	DO(gnutls_x509_crt_set_expiration_time(out->crt, spec->expired ? now - HOUR :
								      now + 100 * HOUR));
	snprintf(dn, sizeof(dn), "CN=%s", spec->dn ? spec->dn : spec->name);
	DO(gnutls_x509_crt_set_dn(out->crt, dn, NULL));
	DO(gnutls_x509_crt_set_key(out->crt, out->key));
	DO(gnutls_x509_crt_get_key_id(out->crt, 0, id, &id_len));
	DO(gnutls_x509_crt_set_subject_key_id(out->crt, id, id_len));
	set_usage(out->crt, spec);
	DO(gnutls_x509_crt_sign2(out->crt, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0));
	DO(gnutls_x509_crt_export2(out->crt, GNUTLS_X509_FMT_PEM, &pem));
	/* GnuTLS takes some things only from what was read */
	gnutls_x509_crt_deinit(out->crt);
	DO(gnutls_x509_crt_init(&out->crt));
	DO(gnutls_x509_crt_import(out->crt, &pem, GNUTLS_X509_FMT_PEM));
	write_datum(tca, spec->name, "pem", &pem);
	DO(gnutls_x509_privkey_export2_pkcs8(out->key, GNUTLS_X509_FMT_PEM, NULL,
					     GNUTLS_PKCS_PLAIN, &pem));
	write_datum(tca, spec->name, "key", &pem);
}

void testca_free(struct testca_cert *cert)
{
	gnutls_x509_crt_deinit(cert->crt);
	gnutls_x509_privkey_deinit(cert->key);
}

void testca_crl(const struct testca_cert *ca, const struct testca_cert *revoked, int this, int next,
	     gnutls_x509_crt_fmt_t fmt, struct buf *out)
{
	time_t now = time(NULL);
	gnutls_x509_crl_t crl;
	gnutls_datum_t data;

	DO(gnutls_x509_crl_init(&crl));
	DO(gnutls_x509_crl_set_version(crl, 2));
	DO(gnutls_x509_crl_set_number(crl, "\1", 1));
	DO(gnutls_x509_crl_set_this_update(crl, now + this));
	if (next)
		DO(gnutls_x509_crl_set_next_update(crl, now + next));
	if (revoked)
		DO(gnutls_x509_crl_set_crt(crl, revoked->crt, now + this));
	DO(gnutls_x509_crl_sign2(crl, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
	DO(gnutls_x509_crl_export2(crl, fmt, &data));
	out->len = 0;
	buf_put(out, data.data, data.size);
	gnutls_free(data.data);
	gnutls_x509_crl_deinit(crl);
}

void testca_index(const struct testca *tca, const char *file, const struct testca_cert *cert,
	       const char *revoked_for)
{
	char revoked[64] = "";
	uint8_t serial[8];
	size_t len = sizeof(serial);
	FILE *f = open_in(tca, file, "a");

	DO(gnutls_x509_crt_get_serial(cert->crt, serial, &len));
	if (revoked_for)
		snprintf(revoked, sizeof(revoked), "250102030405Z%s%s", *revoked_for ? "," : "",
			 revoked_for);
	must(len == 2 && fprintf(f, "%c\t350101000000Z\t%s\t%02X%02X\tunknown\t/CN=%s\n",
				 revoked_for ? 'R' : 'V', revoked, serial[0], serial[1],
				 cert->name) > 0 && !fclose(f), file);
}
