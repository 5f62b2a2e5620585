/* SPDX-License-Identifier: GPL-2.0 */
/* The question to an OCSP responder, and whether to believe the answer: RFC 6960. No I/O. */
#ifndef PKI_OCSP_H
#define PKI_OCSP_H

#include "pki/crl.h"

#define OCSP_REQUEST_TYPE	"application/ocsp-request"

struct ocsp;

/* about @cert of @issuer, with a nonce of its own; NULL: out of memory, or what the library refuses */
struct ocsp *ocsp_new(gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer);
void ocsp_free(struct ocsp *ocsp);
struct bytes ocsp_request(const struct ocsp *ocsp);	/* in DER, to be posted */
/* Appends the CertID of this certificate to @out. */
void ocsp_cert_id(const struct ocsp *ocsp, struct buf *out);

/**
 * ocsp_judge() - does this response, by whoever may say so, answer the question?
 * @issuer: as ocsp_new() got it
 * @out: until when it holds; not after @now: to be asked again each time
 * @err: filled with the reason of a failure
 * @err_len: octets of @err
 *
 * Return: false: it does not; @err says why.
 */
bool ocsp_judge(const struct ocsp *ocsp, gnutls_x509_crt_t issuer, struct bytes response,
		time_t now, struct revocation *out, char *err, size_t err_len);

#endif
