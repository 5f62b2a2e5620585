/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is a certificate revoked? Asks, in this order: the CRLs of the crls/ folder,
 * the OCSP responder that the certificate names (RFC 6960), the CRL at the
 * place that the certificate names (RFC 5280 4.2.1.13). A check first goes by
 * what is known already; where that is not enough it says so, and another may
 * wait for the network for seconds, on a thread that nobody else needs.
 */
#ifndef PKI_REVOKE_H
#define PKI_REVOKE_H

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define REVOKE_WHY_MAX	768

enum revoke_mode {
	REVOKE_OFF,		/* nobody is asked */
	REVOKE_SOFT,		/* no answer: taken for good, with a line in the log */
	REVOKE_HARD,		/* no answer: refused */
};

enum revoke_result {
	REVOKE_GOOD,		/* each certificate is good, or the mode lets it pass */
	REVOKE_REVOKED,		/* one is revoked */
	REVOKE_NO_ANSWER,	/* nobody knows about one, and the mode is hard */
	REVOKE_UNASKED,		/* with REVOKE_KNOWN: the network is to be asked */
};

struct revoke;
struct revoke_crls;

/**
 * revoke_new() - with no CRL and an empty cache
 *
 * To be called while there is one thread.
 *
 * Return: NULL when out of memory.
 */
struct revoke *revoke_new(void);

/**
 * revoke_stop() - the daemon goes: whoever waits for an answer gets none, now and from now on
 *
 * From any thread, while checks run; to be called before the workers are waited for.
 */
void revoke_stop(struct revoke *r);

/* no check may be running; NULL is fine */
void revoke_free(struct revoke *r);

/**
 * revoke_crls_load() - read the CRLs of a folder, PEM (*.pem, *.crl) or DER (*.crl, *.der)
 * @dir: a folder that is not there is an empty one
 * @cas: the CA certificates of the configuration; a CRL that none of them signed is warned of. It is
 *	 used for nothing but a CA that a peer sends with a chain that ends at one of @cas.
 * @err: filled with the reason of a failure
 * @err_len: octets of @err
 *
 * Changes nothing that is in use, so that a load may still be refused for another reason.
 * Return: NULL with the reason in @err where a file cannot be read or is no CRL.
 */
struct revoke_crls *revoke_crls_load(const char *dir, const gnutls_x509_crt_t *cas,
				     unsigned int n_cas, char *err, size_t err_len);
void revoke_crls_free(struct revoke_crls *crls);

#define REVOKE_DIGEST_LEN	32
/* of all files of the folder, in their order; zeros: there is none */
void revoke_crls_digest(const struct revoke_crls *crls, uint8_t out[REVOKE_DIGEST_LEN]);

/**
 * revoke_set_crls() - use these from now on, in place of those before
 * @crls: NULL: none; the caller's stay the caller's
 *
 * What was learned from the network is forgotten, so that loading the
 * configuration is how an operator has it fetched again. While checks run, too.
 */
void revoke_set_crls(struct revoke *r, struct revoke_crls *crls);

#define REVOKE_KNOWN	0

/**
 * revoke_check() - is one of these certificates revoked?
 * @chain: validated: the peer's first, each signed by the next, the trust anchor last. The anchor
 *	   itself is not asked about.
 * @since: of event_now(): since when somebody waits for the answer, which is where the limit in time
 *	   begins; REVOKE_KNOWN: goes by the folder and by answers of a while ago, and never waits
 * @why: unless REVOKE_GOOD: which certificate, since when, for what reason, and who says so;
 *	 for the operator, never for the peer. REVOKE_WHY_MAX is enough.
 *
 * Thread-safe. The chain is used by this thread alone meanwhile.
 */
enum revoke_result revoke_check(struct revoke *r, const gnutls_x509_crt_t *chain, unsigned int n,
				enum revoke_mode mode, uint64_t since, char *why, size_t why_len);

/*
 * Likewise. @until: with REVOKE_GOOD, the first nextUpdate of the answers, of time(2); 0: there was
 * no answer, or none about one of the certificates
 */
enum revoke_result revoke_check_until(struct revoke *r, const gnutls_x509_crt_t *chain,
				      unsigned int n, enum revoke_mode mode, uint64_t since,
				      time_t *until, char *why, size_t why_len);

/* limits that tests change; defaults in revoke.c */
struct revoke_limits {
	unsigned int fetch_ms;	/* one answer of one source, name look-up and all */
	unsigned int check_ms;	/* all sources of all certificates of a chain */
	unsigned int retry_ms;	/* a source that failed is not asked again for so long */
};
void revoke_set_limits(struct revoke *r, const struct revoke_limits *limits);

#endif
