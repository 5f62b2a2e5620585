/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of sys/cert* share. */
#ifndef PKI_CERT_PRIV_H
#define PKI_CERT_PRIV_H

#include <stdatomic.h>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/pkcs12.h>
#include <gnutls/x509.h>

#include "pki/cert.h"

#define CERT_FILE_MAX	(1u << 20)

/* An attribute of a DN. */
struct cert_ava {
	struct bytes oid, value;
	uint8_t tag;		/* of @value */
};

/* cert_id.c: Reads the next attribute of @set. Returns false at the end of @set. */
bool cert_ava_read(struct bytes *set, struct cert_ava *out);
bool cert_ava_is_text(const struct cert_ava *ava);

/* @bits: of RSA's modulus, or of the curve's name */
struct cert_pub {
	char *file;
	gnutls_pubkey_t key;
	enum cert_key_type type;
	unsigned int bits;
	struct buf spki;
	uint8_t id[CERT_KEY_ID_LEN];
};

/**
 * struct cert_key - a private key
 * @file: name of its file, or URI of a key on a token
 * @key: the key; NULL: it is on a token
 * @pub: its public key; for a token that of the certificate
 * @provider: shared object of the token
 * @pin: PIN of the token, zeroised on free
 * @no_login: the token refused the PIN: each further try could lock it. Any thread sets it. Keys of
 *	a store with one PIN share it
 * @owns_login: the key frees @no_login
 * @can: kinds of signatures that the token makes, a bit for each enum cert_key_type
 */
struct cert_key {
	char *file;
	gnutls_privkey_t key;
	struct cert_pub pub;
	char *provider, *pin;
	atomic_bool *no_login;
	bool owns_login;
	unsigned int can;
};

/* @key: the private key that fits it; @issuer: by its name; both of the same store, or NULL */
struct cert {
	char *file;
	gnutls_x509_crt_t crt;
	struct buf der, subject_der;
	char subject[CERT_TEXT_MAX];
	struct cert_pub pub;
	const struct cert_key *key;
	const struct cert *issuer;
	bool self_signed, is_ca;
};

struct cert_list {
	struct cert **p;
	unsigned int n;
};

/**
 * struct cert_store - the folders at one load
 * @certs: certs/, a file's first is the one that its name means
 * @cas: cacerts/
 * @pubs: public keys of certs/
 * @keys: private keys of private/
 * @tokens: private keys on tokens
 * @n_tokens: number of @tokens
 */
struct cert_store {
	unsigned int refs;
	struct cert_list certs, cas;
	struct cert_pub **pubs;
	unsigned int n_pubs;
	struct cert_key **keys;
	unsigned int n_keys;
	struct cert_key **tokens;
	unsigned int n_tokens;
};

/**
 * struct cert_p12 - a PKCS#12 file
 * @key: its private key; NULL: there is none
 * @chain: the certificate of @key, and those of CAs above it
 * @n_chain: number of @chain
 * @extra: other certificates
 * @n_extra: number of @extra
 */
struct cert_p12 {
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t *chain, *extra;
	unsigned int n_chain, n_extra;
};

/* cert_p12.c */
int cert_p12_read(struct bytes data, bool pem, const char *pass, struct cert_p12 *out);
void cert_p12_free(struct cert_p12 *p12);

/* cert.c; what is half-made is freed likewise */
void cert_free(struct cert *cert);
void cert_key_free(struct cert_key *key);
/* takes @crt, also when it fails; @why: what was found */
struct cert *cert_new(gnutls_x509_crt_t crt, const char *file, char *why, size_t why_len);
/* fills @pub from its key; false: not of a kind or size that we take, @why says it */
bool cert_pub_fill(struct cert_pub *pub, char *why, size_t why_len);
/* the same without what is only for looking at it and comparing it: @spki and @id */
bool cert_pub_kind(struct cert_pub *pub, char *why, size_t why_len);
void cert_pub_clear(struct cert_pub *pub);
/* the store is whole */
void cert_store_find_issuers(struct cert_store *store);
const char *cert_subject_of(gnutls_x509_crt_t crt, char *out, size_t len);

/* cert_id.c */
bool cert_crt_has_id(gnutls_x509_crt_t crt, uint8_t type, struct bytes id, char *err,
		     size_t err_len);

#endif
