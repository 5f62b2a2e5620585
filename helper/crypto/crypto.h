/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Crypto primitives, which are used in sys/ alone (GnuTLS; nettle/hogweed, GMP and
 * libgcrypt for what it does not offer). Algorithms by IANA number: crypto/alg.h.
 * All return false on failure and leave no secret behind. Thread-safe.
 */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "core/buf.h"

#define CRYPTO_HASH_MAX	64

bool crypto_init(void);				/* self-test of the library; once */
void crypto_exit(void);
bool crypto_random(void *out, size_t len);	/* for keys and nonces */
bool crypto_equal(const void *a, const void *b, size_t len);	/* constant time */
void crypto_wipe(void *p, size_t len);

size_t crypto_prf_len(uint16_t prf);		/* output and preferred key length; 0: unknown */
bool crypto_prf(uint16_t prf, struct bytes key, const struct bytes *parts, unsigned int n,
		uint8_t *out);
/* RFC 7296 2.13 */
bool crypto_prf_plus(uint16_t prf, struct bytes key, struct bytes seed, uint8_t *out, size_t len);
bool crypto_sha1(struct bytes data, uint8_t out[20]);	/* NAT detection only: RFC 7296 2.23 */

/*
 * The SK payload: RFC 7296 3.14, RFC 5282, RFC 5930. @aad is the message from the IKE
 * header up to the IV; seal appends IV, ciphertext (padding added) and ICV to
 * @out; open takes IV .. ICV and appends the clear payloads, padding removed.
 * @integ_key is empty with an AEAD; a salt is the last octets of the key.
 */
bool crypto_sk_seal(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
		    struct bytes aad, struct bytes clear, struct buf *out);
bool crypto_sk_open(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
		    struct bytes aad, struct bytes sealed, struct buf *out);
/* octets that seal appends for @clear_len; the SK length must be in the AAD already */
size_t crypto_sk_len(uint16_t encr, uint16_t integ, size_t clear_len);

struct crypto_dh;				/* one ephemeral private key */
struct crypto_dh *crypto_dh_new(uint16_t group);	/* generates; slow for modp */
void crypto_dh_free(struct crypto_dh *dh);
uint16_t crypto_dh_group(const struct crypto_dh *dh);
struct bytes crypto_dh_public(const struct crypto_dh *dh);	/* as the KE payload carries it */
/* checks the peer's value (RFC 6989 2) and appends g^ir to @out, padded to the group's size */
bool crypto_dh_shared(struct crypto_dh *dh, struct bytes peer, struct buf *out);
size_t crypto_dh_public_len(uint16_t group);	/* 0: unknown group */

#endif
