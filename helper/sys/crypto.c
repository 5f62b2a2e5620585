// SPDX-License-Identifier: GPL-2.0
/* Hashes, PRFs and the SK payload's ciphers on GnuTLS. Diffie-Hellman is in dh.c. */
#include <gmp.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ike/alg.h"
#include "sys/crypto.h"
#include "sys/dh.h"

#define SALT_LEN	4	/* RFC 5282 7.1 */
#define GCM_IV_LEN	8
#define GCM_NONCE_LEN	(SALT_LEN + GCM_IV_LEN)
#define GCM_ICV_LEN	16
#define CBC_BLOCK	16
#define PRF_PLUS_ROUNDS	255	/* RFC 7296 2.13: one octet counts them */

/*
 * The IV of AES-GCM. A counter of the process never repeats under one key, for
 * no key outlives the process; a random IV could (RFC 5282 3.1, RFC 4106 3.1).
 */
static atomic_uint_fast64_t gcm_iv;

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

/* ---- PRF ---- */

static gnutls_mac_algorithm_t prf_mac(uint16_t prf)
{
	switch (prf) {
	case PRF_HMAC_SHA2_256:
		return GNUTLS_MAC_SHA256;
	case PRF_HMAC_SHA2_384:
		return GNUTLS_MAC_SHA384;
	case PRF_HMAC_SHA2_512:
		return GNUTLS_MAC_SHA512;
	default:
		return GNUTLS_MAC_UNKNOWN;
	}
}

static gnutls_mac_algorithm_t integ_mac(uint16_t integ)
{
	switch (integ) {
	case INTEG_HMAC_SHA2_256_128:
		return GNUTLS_MAC_SHA256;
	case INTEG_HMAC_SHA2_384_192:
		return GNUTLS_MAC_SHA384;
	case INTEG_HMAC_SHA2_512_256:
		return GNUTLS_MAC_SHA512;
	default:
		return GNUTLS_MAC_UNKNOWN;
	}
}

static bool hmac(gnutls_mac_algorithm_t mac, struct bytes key, const struct bytes *parts,
		 unsigned int n, uint8_t *out)
{
	/* an empty key is a key (NULL is not one to GnuTLS) */
	const void *k = key.len ? (const void *)key.p : "";
	gnutls_hmac_hd_t h;
	unsigned int i;
	int err = 0;

	if (mac == GNUTLS_MAC_UNKNOWN || gnutls_hmac_init(&h, mac, k, key.len) < 0)
		return false;
	for (i = 0; i < n && !err; i++)
		if (parts[i].len)
			err = gnutls_hmac(h, parts[i].p, parts[i].len);
	/* the last step gives the result out and wipes the state */
	gnutls_hmac_deinit(h, out);
	if (err)
		crypto_wipe(out, gnutls_hmac_get_len(mac));
	return !err;
}

/**
 * crypto_prf_len() - output length, which is the preferred key length too: RFC 4868 2.1.2
 * @prf: transform ID
 *
 * Return: octets, 0 for an unknown PRF.
 */
size_t crypto_prf_len(uint16_t prf)
{
	gnutls_mac_algorithm_t mac = prf_mac(prf);

	return mac == GNUTLS_MAC_UNKNOWN ? 0 : gnutls_hmac_get_len(mac);
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
	return hmac(prf_mac(prf), key, parts, n, out);
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

/* ---- the SK payload ---- */

/* what the key's length says about the cipher; GCM keys have the salt at their end */
static gnutls_cipher_algorithm_t cipher_of(uint16_t encr, size_t key_len)
{
	static const struct {
		uint16_t encr;
		size_t key_len;
		gnutls_cipher_algorithm_t cipher;
	} row[] = {
		{ ENCR_AES_CBC, 16, GNUTLS_CIPHER_AES_128_CBC },
		{ ENCR_AES_CBC, 24, GNUTLS_CIPHER_AES_192_CBC },
		{ ENCR_AES_CBC, 32, GNUTLS_CIPHER_AES_256_CBC },
		{ ENCR_AES_GCM_16, 16 + SALT_LEN, GNUTLS_CIPHER_AES_128_GCM },
		{ ENCR_AES_GCM_16, 24 + SALT_LEN, GNUTLS_CIPHER_AES_192_GCM },
		{ ENCR_AES_GCM_16, 32 + SALT_LEN, GNUTLS_CIPHER_AES_256_GCM },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].encr == encr && row[i].key_len == key_len)
			return row[i].cipher;
	return GNUTLS_CIPHER_UNKNOWN;
}

/* octets of the parts of a sealed payload */
struct shape {
	size_t iv, text, icv;
};

/* RFC 7296 3.14: the pad length octet is always there; RFC 5282 3: an AEAD needs no padding */
static bool shape_of(uint16_t encr, uint16_t integ, size_t clear_len, struct shape *s)
{
	const struct ike_alg *mac;

	switch (encr) {
	case ENCR_AES_GCM_16:
		*s = (struct shape){ GCM_IV_LEN, clear_len + 1, GCM_ICV_LEN };
		return true;
	case ENCR_AES_CBC:
		mac = ike_alg_find(IKE_TRANSFORM_INTEG, integ, 0);
		if (!mac || !mac->icv_len)
			return false;
		*s = (struct shape){ CBC_BLOCK,
				     (clear_len + 1 + CBC_BLOCK - 1) / CBC_BLOCK * CBC_BLOCK,
				     mac->icv_len };
		return true;
	default:
		return false;
	}
}

/**
 * crypto_sk_len() - what sealing adds
 * @encr: transform ID
 * @integ: transform ID, not looked at with an AEAD
 * @clear_len: octets of the inner payloads
 *
 * Return: IV, ciphertext and ICV together; 0 for an unknown algorithm.
 */
size_t crypto_sk_len(uint16_t encr, uint16_t integ, size_t clear_len)
{
	struct shape s;

	return shape_of(encr, integ, clear_len, &s) ? s.iv + s.text + s.icv : 0;
}

static void gcm_nonce(struct bytes key, const uint8_t *iv, uint8_t nonce[GCM_NONCE_LEN])
{
	memcpy(nonce, key.p + key.len - SALT_LEN, SALT_LEN);
	memcpy(nonce + SALT_LEN, iv, GCM_IV_LEN);
}

/* in place; the IV stands before @text and the ICV goes or stands behind it */
static bool gcm(bool seal, struct bytes key, struct bytes aad, uint8_t *text, size_t text_len)
{
	gnutls_cipher_algorithm_t cipher = cipher_of(ENCR_AES_GCM_16, key.len);
	const gnutls_datum_t k = { (void *)(uintptr_t)key.p, (unsigned int)(key.len - SALT_LEN) };
	const giovec_t auth = { (void *)(uintptr_t)aad.p, aad.len };
	const giovec_t data = { text, text_len };
	uint8_t nonce[GCM_NONCE_LEN], *icv = text + text_len;
	size_t icv_len = GCM_ICV_LEN;
	gnutls_aead_cipher_hd_t h;
	int err;

	if (cipher == GNUTLS_CIPHER_UNKNOWN || gnutls_aead_cipher_init(&h, cipher, &k) < 0)
		return false;
	gcm_nonce(key, text - GCM_IV_LEN, nonce);
	if (seal)
		err = gnutls_aead_cipher_encryptv2(h, nonce, sizeof(nonce), &auth, 1, &data, 1,
						   icv, &icv_len);
	else
		err = gnutls_aead_cipher_decryptv2(h, nonce, sizeof(nonce), &auth, 1, &data, 1,
						   icv, icv_len);
	gnutls_aead_cipher_deinit(h);
	crypto_wipe(nonce, sizeof(nonce));
	return err == 0 && icv_len == GCM_ICV_LEN;
}

static bool cbc(bool seal, struct bytes key, uint8_t *text, size_t text_len)
{
	gnutls_cipher_algorithm_t cipher = cipher_of(ENCR_AES_CBC, key.len);
	const gnutls_datum_t k = { (void *)(uintptr_t)key.p, (unsigned int)key.len };
	const gnutls_datum_t iv = { text - CBC_BLOCK, CBC_BLOCK };
	gnutls_cipher_hd_t h;
	int err;

	if (cipher == GNUTLS_CIPHER_UNKNOWN || gnutls_cipher_init(&h, cipher, &k, &iv) < 0)
		return false;
	err = seal ? gnutls_cipher_encrypt(h, text, text_len) :
		     gnutls_cipher_decrypt(h, text, text_len);
	gnutls_cipher_deinit(h);
	return err == 0;
}

/* over the message from its header to the end of the ciphertext: RFC 7296 3.14 */
static bool cbc_icv(uint16_t integ, struct bytes key, struct bytes aad, struct bytes sealed,
		    uint8_t icv[CRYPTO_HASH_MAX])
{
	const struct bytes parts[] = { aad, sealed };

	return hmac(integ_mac(integ), key, parts, 2, icv);
}

/* gives room that held secrets back to the buffer's end */
static void drop_tail(struct buf *b, size_t len)
{
	if (b->len <= len)
		return;
	crypto_wipe(b->p + len, b->len - len);
	b->len = len;
}

/* a view into a buffer that has grown since */
static struct bytes follow(struct bytes v, const uint8_t *old, size_t old_len, const uint8_t *now)
{
	if (v.len && old && (uintptr_t)v.p >= (uintptr_t)old &&
	    (uintptr_t)v.p + v.len <= (uintptr_t)old + old_len)
		v.p = now + ((uintptr_t)v.p - (uintptr_t)old);
	return v;
}

static bool seal_room(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
		      struct bytes aad, const struct shape *s, uint8_t *room)
{
	uint8_t icv[CRYPTO_HASH_MAX], *text = room + s->iv;
	uint64_t iv;
	size_t i;
	bool ok;

	if (encr == ENCR_AES_GCM_16) {
		iv = atomic_fetch_add(&gcm_iv, 1);
		for (i = 0; i < GCM_IV_LEN; i++)
			room[i] = (uint8_t)(iv >> (8 * i));
		return gcm(true, key, aad, text, s->text);
	}
	/* RFC 7296 3.14: unpredictable for CBC */
	if (!crypto_random(room, s->iv) || !cbc(true, key, text, s->text))
		return false;
	ok = cbc_icv(integ, integ_key, aad, (struct bytes){ room, s->iv + s->text }, icv);
	if (ok)
		memcpy(text + s->text, icv, s->icv);
	crypto_wipe(icv, sizeof(icv));
	return ok;
}

/**
 * crypto_sk_seal() - encrypt and authenticate: IV, ciphertext and ICV of an SK payload
 * @encr: transform ID
 * @key: cipher key, the salt at its end with an AEAD
 * @integ: transform ID, not looked at with an AEAD
 * @integ_key: integrity key
 * @aad: the message from the IKE header up to the IV; may be all of @out
 * @clear: the inner payloads, not of @out
 * @out: crypto_sk_len() octets are appended; as before on failure
 *
 * Return: whether it worked.
 */
bool crypto_sk_seal(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
		    struct bytes aad, struct bytes clear, struct buf *out)
{
	uintptr_t old = (uintptr_t)out->p;
	size_t len = out->len;
	uint8_t *room, *text;
	struct shape s;

	if (!shape_of(encr, integ, clear.len, &s) ||
	    cipher_of(encr, key.len) == GNUTLS_CIPHER_UNKNOWN)
		return false;
	room = buf_extend(out, s.iv + s.text + s.icv);
	if (!room)
		return false;
	aad = follow(aad, (const uint8_t *)old, len, out->p);
	text = room + s.iv;
	if (clear.len)
		memcpy(text, clear.p, clear.len);
	/* the padding itself is zero already: its content is ours to choose */
	text[s.text - 1] = (uint8_t)(s.text - 1 - clear.len);
	if (seal_room(encr, key, integ, integ_key, aad, &s, room))
		return true;
	drop_tail(out, len);
	return false;
}

static bool open_room(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
		      struct bytes aad, const struct shape *s, uint8_t *room)
{
	uint8_t icv[CRYPTO_HASH_MAX], *text = room + s->iv;
	bool ok;

	if (encr == ENCR_AES_GCM_16)
		return gcm(false, key, aad, text, s->text);
	/* the ICV first: nothing is decrypted that the peer did not write */
	ok = cbc_icv(integ, integ_key, aad, (struct bytes){ room, s->iv + s->text }, icv) &&
	     crypto_equal(icv, text + s->text, s->icv);
	crypto_wipe(icv, sizeof(icv));
	return ok && cbc(false, key, text, s->text);
}

/**
 * crypto_sk_open() - check and decrypt an SK payload
 * @encr: transform ID
 * @key: cipher key, the salt at its end with an AEAD
 * @integ: transform ID, not looked at with an AEAD
 * @integ_key: integrity key
 * @aad: the message from the IKE header up to the IV
 * @sealed: IV, ciphertext and ICV
 * @out: the inner payloads are appended, padding removed; as before on failure
 *
 * Return: false for a wrong ICV, impossible lengths or padding, or no memory.
 */
bool crypto_sk_open(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
		    struct bytes aad, struct bytes sealed, struct buf *out)
{
	struct buf work;
	struct shape s;
	bool ok = false;
	size_t pad;

	if (!shape_of(encr, integ, 0, &s) || cipher_of(encr, key.len) == GNUTLS_CIPHER_UNKNOWN)
		return false;
	/* the shape of nothing is the least there can be */
	if (sealed.len < s.iv + s.text + s.icv)
		return false;
	s.text = sealed.len - s.iv - s.icv;
	if (encr == ENCR_AES_CBC && s.text % CBC_BLOCK)
		return false;
	buf_init(&work);
	buf_put_bytes(&work, sealed);
	if (!work.failed && open_room(encr, key, integ, integ_key, aad, &s, work.p)) {
		/* authenticated, but the peer may still be wrong */
		pad = work.p[s.iv + s.text - 1];
		if (pad < s.text) {
			buf_put(out, work.p + s.iv, s.text - 1 - pad);
			ok = !out->failed;
		}
	}
	buf_free(&work);
	return ok;
}

/* ---- set-up ---- */

/*
 * GMP's memory holds private exponents and shared secrets, also in its
 * temporaries: what is given back is wiped. GMP cannot go on without memory.
 */
static void *gmp_get(size_t len)
{
	void *p = malloc(len);

	if (!p)
		abort();
	return p;
}

static void gmp_put(void *p, size_t len)
{
	if (!p)
		return;
	explicit_bzero(p, len);
	free(p);
}

static void *gmp_resize(void *p, size_t old_len, size_t len)
{
	void *q = gmp_get(len);

	if (p)
		memcpy(q, p, old_len < len ? old_len : len);
	gmp_put(p, old_len);
	return q;
}

/* RFC 4231 4.3 (test case 2) */
static bool test_prf(void)
{
	static const uint8_t want[4] = { 0x5b, 0xdc, 0xc1, 0x46 };
	const char data[] = "what do ya want for nothing?";
	const struct bytes part = { (const uint8_t *)data, sizeof(data) - 1 };
	uint8_t out[CRYPTO_HASH_MAX];

	return crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ (const uint8_t *)"Jefe", 4 }, &part, 1,
			  out) && !memcmp(out, want, sizeof(want));
}

static bool test_sk(uint16_t encr, size_t key_len)
{
	static const uint8_t key[36] = { 1, 2, 3 }, text[] = "nfipsec";
	const struct bytes k = { key, key_len }, ik = { key, 32 }, clear = { text, sizeof(text) };
	struct buf sealed, out;
	bool ok;

	buf_init(&sealed);
	buf_init(&out);
	ok = crypto_sk_seal(encr, k, INTEG_HMAC_SHA2_256_128, ik, clear, clear, &sealed) &&
	     sealed.len == crypto_sk_len(encr, INTEG_HMAC_SHA2_256_128, clear.len) &&
	     crypto_sk_open(encr, k, INTEG_HMAC_SHA2_256_128, ik, clear, buf_bytes(&sealed), &out) &&
	     bytes_equal(clear, buf_bytes(&out));
	if (ok) {
		sealed.p[sealed.len - 1] ^= 1;
		ok = !crypto_sk_open(encr, k, INTEG_HMAC_SHA2_256_128, ik, clear,
				     buf_bytes(&sealed), &out);
	}
	buf_free(&sealed);
	buf_free(&out);
	return ok;
}

/**
 * crypto_init() - set the libraries up and see that they compute what they should
 *
 * Before any other thread and any other use of GMP.
 *
 * Return: false when they do not.
 */
bool crypto_init(void)
{
	uint64_t iv;

	mp_set_memory_functions(gmp_get, gmp_resize, gmp_put);
	if (gnutls_global_init() < 0)
		return false;
	if (!crypto_random(&iv, sizeof(iv))) {
		gnutls_global_deinit();
		return false;
	}
	atomic_store(&gcm_iv, iv);
	if (test_prf() && test_sk(ENCR_AES_GCM_16, 16 + SALT_LEN) && test_sk(ENCR_AES_CBC, 32) &&
	    dh_self_test())
		return true;
	gnutls_global_deinit();
	return false;
}

/**
 * crypto_exit() - give the libraries' state back
 */
void crypto_exit(void)
{
	gnutls_global_deinit();
}
