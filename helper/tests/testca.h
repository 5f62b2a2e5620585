/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A CA, certificates and CRLs made by GnuTLS, and files of them for openssl,
 * which is the OCSP responder and the second maker of CRLs. Aborts if it cannot.
 */
#ifndef TESTS_TESTCA_H
#define TESTS_TESTCA_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <time.h>

#include "core/buf.h"

struct testca {
	char dir[64];
	unsigned int serial;
};

struct testca_cert {
	const char *name;	/* files in the folder: NAME.pem, NAME.key */
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

/* what a certificate is to have; @issuer NULL: self-signed */
struct testca_spec {
	const char *name;
	const struct testca_cert *issuer;
	bool ca, no_crl_sign, ocsp_signing, expired;
	const char *ocsp_url, *crl_url;
	const char *dn;		/* NULL: CN=@name */
};

void testca_open(struct testca *tca);
void testca_close(struct testca *tca);	/* the folder goes */
void testca_make(struct testca *tca, const struct testca_spec *spec, struct testca_cert *out);
void testca_free(struct testca_cert *cert);

/* @revoked: NULL: an empty list; times in seconds from now; @next 0: none */
void testca_crl(const struct testca_cert *ca, const struct testca_cert *revoked, int this, int next,
	     gnutls_x509_crt_fmt_t fmt, struct buf *out);

void testca_write(const struct testca *tca, const char *file, struct bytes data);
void testca_read(const struct testca *tca, const char *file, struct buf *out);
/*
 * openssl's index.txt of a CA: @how "V", or "R" with the reason, and the certificate; written again with
 * the first. Revoked: since 2025-01-02 03:04:05.
 */
void testca_index(const struct testca *tca, const char *file, const struct testca_cert *cert,
	       const char *revoked_for);
/* a shell command in the folder */
void testca_run(const struct testca *tca, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
