// SPDX-License-Identifier: GPL-2.0
/*
 * Ciphers of the SK payload. CBC, GCM and ChaCha20-Poly1305 are GnuTLS's; it has no
 * CTR, and CCM not for every key: these are nettle's.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <nettle/aes.h>
#include <nettle/ccm.h>
#include <nettle/ctr.h>
#include <nettle/nettle-meta.h>
#include <string.h>

#include "crypto/cipher.h"

#define SALT_MAX	4
#define IV_MAX		16
#define NONCE_MAX	(SALT_MAX + 8)

struct cipher {
	uint16_t encr, key_bits;
	gnutls_cipher_algorithm_t gnutls;
	const struct nettle_cipher *nettle;
};

#define GNUTLS(encr, bits, cipher)	{ encr, bits, GNUTLS_CIPHER_##cipher, NULL }
#define GCM(icv) \
	GNUTLS(ENCR_AES_GCM_##icv, 128, AES_128_GCM), \
	GNUTLS(ENCR_AES_GCM_##icv, 192, AES_192_GCM), \
	GNUTLS(ENCR_AES_GCM_##icv, 256, AES_256_GCM)
#define NETTLE(encr) \
	{ encr, 128, GNUTLS_CIPHER_UNKNOWN, &nettle_aes128 }, \
	{ encr, 192, GNUTLS_CIPHER_UNKNOWN, &nettle_aes192 }, \
	{ encr, 256, GNUTLS_CIPHER_UNKNOWN, &nettle_aes256 }

static const struct cipher ciphers[] = {
	GNUTLS(ENCR_AES_CBC, 128, AES_128_CBC),
	GNUTLS(ENCR_AES_CBC, 192, AES_192_CBC),
	GNUTLS(ENCR_AES_CBC, 256, AES_256_CBC),
	GNUTLS(ENCR_CAMELLIA_CBC, 128, CAMELLIA_128_CBC),
	GNUTLS(ENCR_CAMELLIA_CBC, 192, CAMELLIA_192_CBC),
	GNUTLS(ENCR_CAMELLIA_CBC, 256, CAMELLIA_256_CBC),
	GNUTLS(ENCR_3DES_CBC, 0, 3DES_CBC),
	GNUTLS(ENCR_DES_CBC, 0, DES_CBC),
	GCM(8), GCM(12), GCM(16),
	GNUTLS(ENCR_CHACHA20_POLY1305, 0, CHACHA20_POLY1305),
	NETTLE(ENCR_AES_CTR),
	NETTLE(ENCR_AES_CCM_8), NETTLE(ENCR_AES_CCM_12), NETTLE(ENCR_AES_CCM_16),
};

static const struct cipher *cipher_of(const struct ike_alg *alg)
{
	size_t i;

	for (i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].encr == alg->id && ciphers[i].key_bits == alg->key_bits)
			return &ciphers[i];
	return NULL;
}

bool cipher_known(const struct ike_alg *alg)
{
	return alg->type == IKE_TRANSFORM_ENCR && cipher_of(alg);
}

/* the last octets of the key material: RFC 5282 7.1, RFC 5930 3, RFC 7634 2 */
static size_t salt_len(const struct ike_alg *alg)
{
	switch (alg->id) {
	case ENCR_AES_CCM_8:
	case ENCR_AES_CCM_12:
	case ENCR_AES_CCM_16:
		return 3;
	default:
		return alg->block == 1 ? 4 : 0;
	}
}

/* salt | IV */
static size_t nonce_of(const struct ike_alg *alg, struct bytes key, const uint8_t *text,
		       uint8_t nonce[NONCE_MAX])
{
	size_t salt = salt_len(alg);

	memcpy(nonce, key.p + key.len - salt, salt);
	memcpy(nonce + salt, text - alg->iv_len, alg->iv_len);
	return salt + alg->iv_len;
}

/* ---- GnuTLS ---- */

static bool aead(const struct cipher *c, const struct ike_alg *alg, bool seal, struct bytes key,
		 struct bytes aad, uint8_t *text, size_t len)
{
	const gnutls_datum_t k = { (void *)(uintptr_t)key.p,
				   (unsigned int)(key.len - salt_len(alg)) };
	const giovec_t auth = { (void *)(uintptr_t)aad.p, aad.len };
	const giovec_t data = { text, len };
	size_t icv_len = alg->icv_len, nonce_len;
	gnutls_aead_cipher_hd_t h;
	uint8_t nonce[NONCE_MAX];
	int err;

	if (gnutls_aead_cipher_init(&h, c->gnutls, &k) < 0)
		return false;
	nonce_len = nonce_of(alg, key, text, nonce);
	if (seal)
		err = gnutls_aead_cipher_encryptv2(h, nonce, nonce_len, &auth, 1, &data, 1,
						   text + len, &icv_len);
	else
		err = gnutls_aead_cipher_decryptv2(h, nonce, nonce_len, &auth, 1, &data, 1,
						   text + len, icv_len);
	gnutls_aead_cipher_deinit(h);
	crypto_wipe(nonce, sizeof(nonce));
	return err == 0 && icv_len == alg->icv_len;
}

static bool cbc(const struct cipher *c, const struct ike_alg *alg, bool seal, struct bytes key,
		uint8_t *text, size_t len)
{
	const gnutls_datum_t k = { (void *)(uintptr_t)key.p, (unsigned int)key.len };
	const gnutls_datum_t iv = { text - alg->iv_len, alg->iv_len };
	gnutls_cipher_hd_t h;
	int err;

	if (gnutls_cipher_init(&h, c->gnutls, &k, &iv) < 0)
		return false;
	err = seal ? gnutls_cipher_encrypt(h, text, len) : gnutls_cipher_decrypt(h, text, len);
	gnutls_cipher_deinit(h);
	return err == 0;
}

/* ---- nettle ---- */

union block_cipher {
	struct aes128_ctx aes128;
	struct aes192_ctx aes192;
	struct aes256_ctx aes256;
};

static bool ccm(const struct cipher *c, const struct ike_alg *alg, bool seal, struct bytes key,
		struct bytes aad, uint8_t *text, size_t len)
{
	uint8_t nonce[NONCE_MAX];
	union block_cipher ctx;
	size_t nonce_len;
	bool ok = true;

	c->nettle->set_encrypt_key(&ctx, key.p);
	nonce_len = nonce_of(alg, key, text, nonce);
	if (seal)
		ccm_encrypt_message(&ctx, c->nettle->encrypt, nonce_len, nonce, aad.len, aad.p,
				    alg->icv_len, len + alg->icv_len, text, text);
	else
		ok = ccm_decrypt_message(&ctx, c->nettle->encrypt, nonce_len, nonce, aad.len, aad.p,
					 alg->icv_len, len, text, text);
	crypto_wipe(&ctx, sizeof(ctx));
	crypto_wipe(nonce, sizeof(nonce));
	return ok;
}

/* both ways the same; RFC 3686 4: the block's counter begins with 1 */
static bool ctr(const struct cipher *c, const struct ike_alg *alg, struct bytes key, uint8_t *text,
		size_t len)
{
	uint8_t counter[AES_BLOCK_SIZE] = { 0 };
	union block_cipher ctx;

	c->nettle->set_encrypt_key(&ctx, key.p);
	nonce_of(alg, key, text, counter);
	counter[AES_BLOCK_SIZE - 1] = 1;
	ctr_crypt(&ctx, c->nettle->encrypt, AES_BLOCK_SIZE, counter, len, text, text);
	crypto_wipe(&ctx, sizeof(ctx));
	crypto_wipe(counter, sizeof(counter));
	return true;
}

/* ---- all of them ---- */

static bool run(const struct ike_alg *alg, bool seal, struct bytes key, struct bytes aad,
		uint8_t *text, size_t len)
{
	const struct cipher *c = cipher_of(alg);

	if (!c || key.len != alg->key_len)
		return false;
	if (!alg->aead)
		return c->nettle ? ctr(c, alg, key, text, len) : cbc(c, alg, seal, key, text, len);
	return c->nettle ? ccm(c, alg, seal, key, aad, text, len) :
			   aead(c, alg, seal, key, aad, text, len);
}

bool cipher_seal(const struct ike_alg *alg, struct bytes key, struct bytes aad, uint8_t *text,
		 size_t len)
{
	return run(alg, true, key, aad, text, len);
}

bool cipher_open(const struct ike_alg *alg, struct bytes key, struct bytes aad, uint8_t *text,
		 size_t len)
{
	return run(alg, false, key, aad, text, len);
}
