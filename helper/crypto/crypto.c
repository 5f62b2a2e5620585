// SPDX-License-Identifier: GPL-2.0
/*
 * Random octets, comparison, zeroisation. PRFs and integrity are in mac.c, ciphers in cipher.c, the
 * SK payload in sk_crypt.c, Diffie-Hellman in dh.c, the set-up of the libraries in setup.c.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>

#include "crypto/crypto.h"

/**
 * crypto_random() - octets for keys and nonces
 * @out: where to
 * @len: how many
 *
 * Return: false when there are none; @out is zero then.
 */
bool crypto_random(void *out, size_t len)
{
	if (gnutls_rnd(GNUTLS_RND_KEY, out, len) == 0)
		return true;
	crypto_wipe(out, len);
	return false;
}

/**
 * crypto_equal() - compare in a time that does not depend on the content
 * @a: one
 * @b: other
 * @len: octets of each
 *
 * Return: whether they are equal.
 */
bool crypto_equal(const void *a, const void *b, size_t len)
{
	return gnutls_memcmp(a, b, len) == 0;
}

/**
 * crypto_wipe() - zeroise, never optimised away
 * @p: octets
 * @len: how many
 */
void crypto_wipe(void *p, size_t len)
{
	if (len)
		gnutls_memset(p, 0, len);
}

/**
 * crypto_sha1() - NAT detection hashes, no use in security: RFC 7296 2.23
 * @data: the input
 * @out: 20 octets
 *
 * Return: false for no memory.
 */
bool crypto_sha1(struct bytes data, uint8_t out[20])
{
	return gnutls_hash_fast(GNUTLS_DIG_SHA1, data.p, data.len, out) == 0;
}
