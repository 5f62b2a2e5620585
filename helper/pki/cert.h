/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Certificates, raw public keys, private keys, and signatures by them: the only
 * user of X.509 (GnuTLS). A store is what the folders hold at one load; it does
 * not change, so jobs on other threads read it while they hold a reference.
 */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <time.h>

#include "core/buf.h"

#define CERT_KEY_ID_LEN		20	/* SHA-1 of a SubjectPublicKeyInfo: RFC 7296 3.7 */
#define CERT_CHAIN_MAX		8	/* from the peer's certificate to the trusted CA's */
#define CERT_RECEIVED_MAX	16
#define CERT_TEXT_MAX		256
#define CERT_ERROR_MAX		700
#define CERT_RSA_BITS_MIN	2048
#define CERT_RSA_BITS_MAX	8192	/* a stranger's larger one only costs time */
#define CERT_DIGEST_LEN		32

struct gnutls_x509_crt_int;	/* gnutls_x509_crt_t */

struct cert;
struct cert_key;
struct cert_pub;
struct cert_store;
struct cert_chain;

/* IANA's IKEv2 hash algorithms: RFC 7427 7, RFC 8420 3 */
enum cert_hash { CERT_SHA1 = 1, CERT_SHA256, CERT_SHA384, CERT_SHA512, CERT_IDENTITY };

enum cert_key_type { CERT_RSA = 1, CERT_RSA_PSS, CERT_ECDSA, CERT_ED25519, CERT_ED448 };

/**
 * struct cert_alg - how a signature is made
 * @key: kind of key; CERT_RSA_PSS: RSASSA-PSS, by an RSA key of either kind
 * @hash: what is signed of the message
 * @salt: octets, of RSASSA-PSS
 * @raw: ECDSA: r and s side by side (RFC 4754), not in DER
 */
struct cert_alg {
	enum cert_key_type key;
	enum cert_hash hash;
	unsigned int salt;
	bool raw;
};

/* of an encrypted private key; @file without folder */
struct cert_passphrase {
	const char *file, *text;
};

/* ---- cert.c, cert_load.c: the folders certs, cacerts and private of @dir ---- */
/*
 * Missing folders count as empty. Returns NULL with the file, and what was found and expected,
 * in @err.
 */
struct cert_store *cert_store_load(const char *dir, const struct cert_passphrase *pass,
				   unsigned int n_pass, char *err, size_t err_len);
/* @text: a file that could not be used, what was found there and what was expected */
typedef void (*cert_broken_t)(const char *text, void *arg);
/* likewise, but a broken file only calls @broken; NULL: out of memory */
struct cert_store *cert_store_load_good(const char *dir, const struct cert_passphrase *pass,
					unsigned int n_pass, cert_broken_t broken, void *arg);
struct cert_store *cert_store_get(struct cert_store *store);	/* one thread counts */
void cert_store_put(struct cert_store *store);			/* NULL does nothing */
/* by the file's name without folder, or number; NULL: none */
const struct cert *cert_store_cert(const struct cert_store *store, const char *file);
const struct cert *cert_store_cert_at(const struct cert_store *store, unsigned int i);
const struct cert *cert_store_ca(const struct cert_store *store, const char *file);
const struct cert *cert_store_ca_at(const struct cert_store *store, unsigned int i);
const struct cert *cert_store_anchor_at(const struct cert_store *store, unsigned int i);
const struct cert_pub *cert_store_pub(const struct cert_store *store, const char *file);
const struct cert_pub *cert_store_pub_at(const struct cert_store *store, unsigned int i);
const struct cert_key *cert_store_key(const struct cert_store *store, const char *file);
const struct cert_key *cert_store_key_at(const struct cert_store *store, unsigned int i);
const struct cert_key *cert_store_key_of(const struct cert_store *store,
					 const struct cert_pub *pub);

struct gnutls_x509_crt_int *cert_crt(const struct cert *cert);
const char *cert_file(const struct cert *cert);
const char *cert_subject(const struct cert *cert);	/* "C=CH, O=Example, CN=hq" */
struct bytes cert_der(const struct cert *cert);
struct bytes cert_subject_der(const struct cert *cert);
const struct cert_pub *cert_pub(const struct cert *cert);
const struct cert_key *cert_own_key(const struct cert *cert);	/* NULL: not ours */
time_t cert_not_after(const struct cert *cert);
/* Certificates to send: its own, then its CAs without the self-signed one. */
unsigned int cert_to_send(const struct cert *cert, struct bytes out[CERT_CHAIN_MAX]);
/* is it from one of these CAs? @hashes: of CERTREQ, key IDs side by side */
bool cert_is_from(const struct cert *cert, struct bytes hashes);

const struct cert_pub *cert_key_pub(const struct cert_key *key);
const char *cert_key_file(const struct cert_key *key);
const char *cert_pub_file(const struct cert_pub *pub);
enum cert_key_type cert_pub_type(const struct cert_pub *pub);
unsigned int cert_pub_bits(const struct cert_pub *pub);
struct bytes cert_pub_spki(const struct cert_pub *pub);
const uint8_t *cert_pub_id(const struct cert_pub *pub);	/* CERT_KEY_ID_LEN octets */
const char *cert_pub_str(const struct cert_pub *pub, char *out, size_t len);	/* "RSA 2048" */

/* ---- cert_dn.c: distinguished names as text ---- */
#define CERT_DN_STAR	0x05	/* tag of a value `*` in a pattern */
bool cert_dn_parse(const char *text, struct buf *der, bool *stars, char *why, size_t why_len);
bool cert_dn_canon(struct bytes der, struct buf *out);

/* ---- cert_id.c: identities. RFC 4945 3.1 ---- */
const char *cert_dn_str(struct bytes der, char *out, size_t len);
bool cert_dn_equal(struct bytes a, struct bytes b);	/* RFC 5280 7.1 */
/* Matches a name with a pattern. Each star of the pattern matches any value of its type. */
bool cert_dn_match(struct bytes pattern, struct bytes dn);
/* false: @err says what the certificate has in place of it */
bool cert_has_id(const struct cert *cert, uint8_t type, struct bytes id, char *err,
		 size_t err_len);

/* ---- cert_chain.c ---- */
#define CERT_ALSO_MAX	8	/* other blocks that differ only in `ca` */

/**
 * struct cert_claim - what a peer says of itself
 * @store: CAs, and certificates of peers that send none
 * @ca: trusted alone; NULL: all self-signed ones of cacerts/
 * @also: CAs of other blocks that may be those of the peer
 * @n_also: number of @also
 * @any: such a block has no `ca` and trusts all self-signed CAs of cacerts/
 * @received: CERT payloads of X.509 certificates, its own first
 * @now: the time
 */
struct cert_claim {
	const struct cert_store *store;
	const struct cert *ca;
	const struct cert *also[CERT_ALSO_MAX];
	unsigned int n_also;
	bool any;
	const struct bytes *received;
	unsigned int n_received;
	uint8_t id_type;
	struct bytes id;
	time_t now;
};
/* slow; any thread. NULL: @err says which check failed, and of which certificate */
struct cert_chain *cert_chain_verify(const struct cert_claim *claim, char *err, size_t err_len);
void cert_chain_free(struct cert_chain *chain);		/* before the store and what was received */
/* the peer's first, the trusted CA last; copies, so no other thread reads them; NULL: no memory */
struct gnutls_x509_crt_int *const *cert_chain_crts(struct cert_chain *chain, unsigned int *n);
/* without its SubjectPublicKeyInfo and ID */
const struct cert_pub *cert_chain_pub(const struct cert_chain *chain);
const char *cert_chain_subject(const struct cert_chain *chain);
time_t cert_chain_not_after(const struct cert_chain *chain);	/* the peer's own */
time_t cert_chain_until(const struct cert_chain *chain);	/* the first notAfter of all */
/* as above in DER, borrowed from the claim and the store; how many */
unsigned int cert_chain_der(const struct cert_chain *chain, struct bytes out[CERT_CHAIN_MAX]);

/* ---- cert_token.c: private keys on tokens ---- */
struct token_key;
enum cert_token { CERT_TOKEN_GOOD, CERT_TOKEN_LACKS, CERT_TOKEN_NO_LOGIN, CERT_TOKEN_MISFIT,
		  CERT_TOKEN_NO_MEMORY };
/* @pub: the key that it must have; @ms: limit in time; @out: the store's; else @err has the token's error */
enum cert_token cert_store_token(struct cert_store *store, const struct token_key *where,
				 const struct cert_pub *pub, unsigned int ms,
				 const struct cert_key **out, char *err, size_t err_len);
bool cert_key_waits(const struct cert_key *key);	/* its signatures wait for a token */
bool cert_key_can(const struct cert_key *key, enum cert_key_type type);

/* ---- cert_sig.c: slow; any thread. @err: a token's error, or as it was ---- */
bool cert_sign(const struct cert_key *key, const struct cert_alg *alg, struct bytes data,
	       struct buf *out, char *err, size_t err_len);
bool cert_verify(const struct cert_pub *pub, const struct cert_alg *alg, struct bytes data,
		 struct bytes sig);
/* CERT payload of encoding 15, RFC 7670: is it this key? */
bool cert_pub_is(const struct cert_pub *pub, struct bytes spki);
/* a public key from SubjectPublicKeyInfo in DER; NULL: not one that we can use */
struct cert_pub *cert_pub_new(struct bytes spki);
void cert_pub_free(struct cert_pub *pub);

#endif
