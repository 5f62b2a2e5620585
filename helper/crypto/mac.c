// SPDX-License-Identifier: GPL-2.0
/*
 * Message authentication codes and the PRFs made of them. HMAC and CMAC are
 * GnuTLS's. No library of Debian has AES-XCBC-MAC: here it is a mode over
 * nettle's AES, strictly by RFC 3566 4.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <nettle/aes.h>
#include <nettle/memxor.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/mac.h"

#define AES_LEN		16	/* block, key and output of XCBC and CMAC */
#define PRF_PLUS_ROUNDS	255	/* RFC 7296 2.13: one octet counts them */

struct mac {
	uint16_t prf, integ;
	gnutls_mac_algorithm_t gnutls;	/* GNUTLS_MAC_UNKNOWN: XCBC */
	bool aes;			/* a key of one length */
};

static const struct mac macs[] = {
	{ PRF_HMAC_MD5, INTEG_HMAC_MD5_96, GNUTLS_MAC_MD5, false },
	{ PRF_HMAC_SHA1, INTEG_HMAC_SHA1_96, GNUTLS_MAC_SHA1, false },
	{ PRF_HMAC_SHA2_256, INTEG_HMAC_SHA2_256_128, GNUTLS_MAC_SHA256, false },
	{ PRF_HMAC_SHA2_384, INTEG_HMAC_SHA2_384_192, GNUTLS_MAC_SHA384, false },
	{ PRF_HMAC_SHA2_512, INTEG_HMAC_SHA2_512_256, GNUTLS_MAC_SHA512, false },
	{ PRF_AES128_CMAC, INTEG_AES_CMAC_96, GNUTLS_MAC_AES_CMAC_128, true },
	{ PRF_AES128_XCBC, INTEG_AES_XCBC_96, GNUTLS_MAC_UNKNOWN, true },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct mac *mac_of_prf(uint16_t prf)
{
	size_t i;

	for (i = 0; i < COUNT(macs); i++)
		if (macs[i].prf == prf)
			return &macs[i];
	return NULL;
}

/* ---- AES-XCBC-MAC: RFC 3566 4 ---- */

struct xcbc {
	struct aes128_ctx aes;			/* with K1 */
	uint8_t k2[AES_LEN], k3[AES_LEN];
	uint8_t e[AES_LEN], block[AES_LEN];
	size_t fill;				/* of @block, which waits for a follower */
};

static void xcbc_begin(struct xcbc *x, const uint8_t *key)
{
	uint8_t k1[AES_LEN], constant[AES_LEN];

	aes128_set_encrypt_key(&x->aes, key);
	memset(constant, 0x01, sizeof(constant));
	aes128_encrypt(&x->aes, AES_LEN, k1, constant);
	memset(constant, 0x02, sizeof(constant));
	aes128_encrypt(&x->aes, AES_LEN, x->k2, constant);
	memset(constant, 0x03, sizeof(constant));
	aes128_encrypt(&x->aes, AES_LEN, x->k3, constant);
	aes128_set_encrypt_key(&x->aes, k1);
	crypto_wipe(k1, sizeof(k1));
	memset(x->e, 0, sizeof(x->e));
	x->fill = 0;
}

/* E[i] = AES(K1, M[i] xor E[i-1]) */
static void xcbc_block(struct xcbc *x)
{
	memxor(x->e, x->block, AES_LEN);
	aes128_encrypt(&x->aes, AES_LEN, x->e, x->e);
	x->fill = 0;
}

static void xcbc_update(struct xcbc *x, struct bytes data)
{
	size_t n;

	while (data.len) {
		/* the last block, though full, is not known to be the last before one follows */
		if (x->fill == AES_LEN)
			xcbc_block(x);
		n = AES_LEN - x->fill < data.len ? AES_LEN - x->fill : data.len;
		memcpy(x->block + x->fill, data.p, n);
		x->fill += n;
		data.p += n;
		data.len -= n;
	}
}

/* the last block: K2 when it is full, else 10* behind it and K3 */
static void xcbc_end(struct xcbc *x, uint8_t *out)
{
	const uint8_t *k = x->k2;

	if (x->fill < AES_LEN) {
		k = x->k3;
		x->block[x->fill] = 0x80;
		memset(x->block + x->fill + 1, 0, AES_LEN - x->fill - 1);
	}
	memxor(x->block, k, AES_LEN);
	xcbc_block(x);
	memcpy(out, x->e, AES_LEN);
	crypto_wipe(x, sizeof(*x));
}

static bool xcbc(struct bytes key, const struct bytes *parts, unsigned int n, uint8_t *out)
{
	struct xcbc x;
	unsigned int i;

	if (key.len != AES_LEN)
		return false;
	xcbc_begin(&x, key.p);
	for (i = 0; i < n; i++)
		xcbc_update(&x, parts[i]);
	xcbc_end(&x, out);
	return true;
}

/* ---- all of them ---- */

static bool mac(const struct mac *m, struct bytes key, const struct bytes *parts, unsigned int n,
		uint8_t *out)
{
	/* an empty key is a key (NULL is not one to GnuTLS) */
	const void *k = key.len ? (const void *)key.p : "";
	gnutls_hmac_hd_t h;
	unsigned int i;
	int err = 0;

	if (m->gnutls == GNUTLS_MAC_UNKNOWN)
		return xcbc(key, parts, n, out);
	if ((m->aes && key.len != AES_LEN) || gnutls_hmac_init(&h, m->gnutls, k, key.len) < 0)
		return false;
	for (i = 0; i < n && !err; i++)
		if (parts[i].len)
			err = gnutls_hmac(h, parts[i].p, parts[i].len);
	/* the last step gives the result out and wipes the state */
	gnutls_hmac_deinit(h, out);
	if (err)
		crypto_wipe(out, gnutls_hmac_get_len(m->gnutls));
	return !err;
}

bool mac_integ(uint16_t integ, struct bytes key, const struct bytes *parts, unsigned int n,
	       uint8_t *out)
{
	size_t i;

	for (i = 0; i < COUNT(macs); i++)
		if (macs[i].integ == integ)
			return mac(&macs[i], key, parts, n, out);
	return false;
}

/**
 * crypto_prf_len() - output length, which is the preferred key length too: RFC 4868 2.1.2,
 *	RFC 4434 2, RFC 4615 3
 * @prf: transform ID
 *
 * Return: octets, 0 for an unknown PRF.
 */
size_t crypto_prf_len(uint16_t prf)
{
	const struct mac *m = mac_of_prf(prf);

	if (!m)
		return 0;
	return m->aes ? AES_LEN : gnutls_hmac_get_len(m->gnutls);
}

/*
 * A key of any length for a PRF that has keys of one. XCBC: a short one is
 * filled with zeros, a long one is hashed (RFC 4434 2); CMAC: either is hashed
 * (RFC 4615 3), with a key of zeros.
 */
static bool fit_key(const struct mac *m, struct bytes key, uint8_t fit[AES_LEN])
{
	static const uint8_t zeros[AES_LEN];

	if (key.len == AES_LEN || (key.len < AES_LEN && m->prf == PRF_AES128_XCBC)) {
		memset(fit, 0, AES_LEN);
		if (key.len)
			memcpy(fit, key.p, key.len);
		return true;
	}
	return mac(m, (struct bytes){ zeros, sizeof(zeros) }, &key, 1, fit);
}

/**
 * crypto_prf() - prf(key, part | part | ...)
 * @prf: transform ID
 * @key: of any length
 * @parts: the input
 * @n: how many
 * @out: crypto_prf_len() octets
 *
 * Return: false for an unknown PRF or no memory.
 */
bool crypto_prf(uint16_t prf, struct bytes key, const struct bytes *parts, unsigned int n,
		uint8_t *out)
{
	const struct mac *m = mac_of_prf(prf);
	uint8_t fit[AES_LEN];
	bool ok;

	if (!m)
		return false;
	if (!m->aes)
		return mac(m, key, parts, n, out);
	ok = fit_key(m, key, fit) && mac(m, (struct bytes){ fit, sizeof(fit) }, parts, n, out);
	crypto_wipe(fit, sizeof(fit));
	return ok;
}

/**
 * crypto_prf_plus() - prf+ (key, seed): T1 | T2 | ... with
 *	Tn = prf(key, Tn-1 | seed | n), RFC 7296 2.13
 * @prf: transform ID
 * @key: the key
 * @seed: the seed
 * @out: where to
 * @len: how many octets, at most 255 outputs of the PRF
 *
 * Return: false for an unknown PRF, too long an output, or no memory.
 */
bool crypto_prf_plus(uint16_t prf, struct bytes key, struct bytes seed, uint8_t *out, size_t len)
{
	size_t step = crypto_prf_len(prf), at, take;
	uint8_t t[CRYPTO_HASH_MAX], count = 0;
	struct bytes parts[3] = { { t, 0 }, seed, { &count, 1 } };
	bool ok = step && len <= step * PRF_PLUS_ROUNDS;

	for (at = 0; ok && at < len; at += take) {
		count++;
		ok = crypto_prf(prf, key, parts, 3, t);
		parts[0].len = step;
		take = len - at < step ? len - at : step;
		memcpy(out + at, t, take);
	}
	crypto_wipe(t, sizeof(t));
	if (!ok)
		crypto_wipe(out, len);
	return ok;
}
