/* SPDX-License-Identifier: GPL-2.0 */
/* The CRLs of the crls/ folder, as pki/revoke.c uses them; loading is in revoke.h. */
#ifndef PKI_REVOKE_CRLS_H
#define PKI_REVOKE_CRLS_H

#include "pki/crl.h"
#include "pki/revoke.h"

/* from any thread */
struct revoke_crls *revoke_crls_get(struct revoke_crls *crls);
void revoke_crls_put(struct revoke_crls *crls);

/**
 * revoke_crls_ask() - what they say of a certificate
 * @file: whose it was
 * @err: filled with the reason of a failure
 * @err_len: octets of @err
 *
 * Thread-safe.
 *
 * Return: false: nothing; @err, if not empty, says why of the last that could have.
 */
bool revoke_crls_ask(struct revoke_crls *crls, gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer,
		     time_t now, struct revocation *out, const char **file, char *err,
		     size_t err_len);

#endif
