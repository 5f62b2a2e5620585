/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A certificate revocation list: RFC 5280 5. Kept as a sorted list of serial
 * numbers, since GnuTLS's tree of a large one takes thirty times its size.
 */
#ifndef PKI_CRL_H
#define PKI_CRL_H

#include <gnutls/x509.h>
#include <time.h>

#include "core/buf.h"

#define CRL_SKEW	300	/* seconds that clocks may differ */
/*
 * Larger ones are not to be parsed: libtasn1's time grows with the square of the
 * number of entries, to 2 s of CPU and 150 MB for these 24,000 or so.
 */
#define CRL_OCTETS_MAX	(1u << 20)

/* Status of a certificate by a CRL or an OCSP responder. */
struct revocation {
	bool revoked;
	time_t since;
	int reason;		/* CRLReason of RFC 5280 5.3.1; -1: not said */
	time_t until;		/* there is a newer answer from then on */
};

const char *crl_reason_name(int reason);

struct crl;

/**
 * crl_parse() - all CRLs of a file, PEM or DER
 * @out: one reference each
 * @err: filled with the reason of a failure
 * @err_len: octets of @err
 *
 * Return: how many; 0: @err says why.
 */
unsigned int crl_parse(struct bytes data, struct crl **out, unsigned int max, char *err,
		       size_t err_len);
struct crl *crl_get(struct crl *crl);		/* from any thread, as the next */
void crl_put(struct crl *crl);

/* is it by the CA of this name? */
bool crl_is_of(const struct crl *crl, gnutls_x509_crt_t issuer);
/*
 * Is it signed by this CA, which may sign CRLs? Who signed it is remembered:
 * not for two threads at a time.
 */
bool crl_verify(struct crl *crl, gnutls_x509_crt_t issuer, char *err, size_t err_len);
bool crl_is_verified(const struct crl *crl);
/* RFC 5280 5.1.2.4, 5.1.2.5; false: @err says which is wrong */
bool crl_is_current(const struct crl *crl, time_t now, char *err, size_t err_len);
time_t crl_next_update(const struct crl *crl);		/* -1: none */
const char *crl_issuer(const struct crl *crl);		/* the name, for people */

/**
 * crl_ask() - what it says of a certificate of its CA
 * @err: filled with the reason of a failure
 * @err_len: octets of @err
 *
 * Only after crl_verify(). A CRL that is out of date does not say that a certificate is good, but
 * one it says is revoked stays so (RFC 5280 3.3).
 *
 * Return: false: nothing; @err says why.
 */
bool crl_ask(const struct crl *crl, gnutls_x509_crt_t cert, time_t now, struct revocation *out,
	     char *err, size_t err_len);

#endif
