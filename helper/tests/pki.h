/* SPDX-License-Identifier: GPL-2.0 */
/* A small certification authority, in a folder of its own that goes with it. */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H

#include <gnutls/x509.h>

#include "core/buf.h"

struct pki;

/* kinds of keys: "rsa", "rsa1024", "p256", "p384", "p521", "ed25519", "ed448", "p224" */
struct pki_key;

/**
 * struct pki_spec - a certificate
 * @issuer: name of the one that signs; NULL: itself
 * @dn: default "C=XX,O=Test,CN=<name>"
 * @san: "dns:a.example.com", "email:x@example.com", "ip:192.0.2.1", ... ended by NULL
 * @san_der: these names instead, in DER
 * @ca: is it one? with @pathlen, -1: none
 * @usage: GnuTLS key usage; 0: none
 * @eku: OID, NULL: none
 * @from, @until: seconds from now; both 0: from an hour ago to an hour on
 * @permit_dns: name constraint
 * @critical_oid: a critical extension nobody knows
 * @sha1: signed so
 * @ocsp_url: of its responder
 */
struct pki_spec {
	const char *name, *issuer, *key, *dn;
	const char *san[4];
	struct bytes san_der;
	bool ca;
	int pathlen;
	unsigned int usage;
	const char *eku, *permit_dns, *critical_oid, *ocsp_url;
	long from, until;
	bool sha1;
};

struct pki *pki_new(void);
void pki_free(struct pki *pki);
const char *pki_dir(const struct pki *pki);		/* a new folder in it below */
/* made and kept by name, in no folder */
void pki_make(struct pki *pki, const struct pki_spec *spec);
struct bytes pki_der(const struct pki *pki, const char *name);
/* writes DIR/SUB/NAME.pem, DIR is created; returns DIR's path, which the pki keeps */
const char *pki_folder(struct pki *pki, const char *dir);
void pki_put_cert(struct pki *pki, const char *dir, const char *sub, const char *name);
void pki_put_key(struct pki *pki, const char *dir, const char *name, const char *passphrase);
/* writes DIR/private/NAME.p12: the key and certificate of @name, and the certificate of @ca */
void pki_put_p12(struct pki *pki, const char *dir, const char *name, const char *ca,
		 const char *passphrase);
void pki_put_pub(struct pki *pki, const char *dir, const char *name, const char *file);
void pki_put_file(struct pki *pki, const char *dir, const char *sub, const char *file,
		  const void *data, size_t len, unsigned int mode);
/* the usual: root "ca", and for @name its certificate with key in @dir, "ca" in cacerts/ */
const char *pki_site(struct pki *pki, const char *dir, const char *name, const char *ca);

#endif
