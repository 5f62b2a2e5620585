// SPDX-License-Identifier: GPL-2.0
/*
 * The SK payload: RFC 7296 3.14, RFC 5282, RFC 5930.
 *
 *	| IV | inner payloads | padding | pad length | ICV |
 *	       <-------- encrypted, text ---------->
 */
#include <stdatomic.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/cipher.h"
#include "crypto/mac.h"
#include "crypto/sk_crypt.h"

/*
 * The IV of AEADs and of counter mode. A counter of the process never repeats under
 * one key, for no key outlives the process; a random IV could (RFC 5282 3.1, RFC 4106
 * 3.1, RFC 3686 3.1, RFC 7634 2).
 */
static atomic_uint_fast64_t counter_iv;

/* of a block cipher in CBC it is unpredictable: RFC 7296 3.14 */
static bool iv_is_counted(const struct ike_alg *encr)
{
	return encr->block == 1;
}

bool sk_init(void)
{
	uint64_t iv;

	if (!crypto_random(&iv, sizeof(iv)))
		return false;
	atomic_store(&counter_iv, iv);
	return true;
}

/* octets of the parts of a sealed payload */
struct shape {
	const struct ike_alg *encr;
	size_t iv, text, icv;
};

/*
 * RFC 7296 3.14: the pad length octet is always there; nothing to pad to with an AEAD
 * (RFC 5282 3) and in counter mode (RFC 5930 2.3). @key_len 0: any.
 */
static bool shape_of(uint16_t encr, size_t key_len, uint16_t integ, size_t clear_len,
		     struct shape *s)
{
	const struct ike_alg *alg = ike_alg_cipher(encr, key_len), *mac;

	if (!alg || !cipher_known(alg))
		return false;
	s->encr = alg;
	s->iv = alg->iv_len;
	s->text = (clear_len + 1 + alg->block - 1) / alg->block * alg->block;
	s->icv = alg->icv_len;
	if (alg->aead)
		return true;
	mac = ike_alg_find(IKE_TRANSFORM_INTEG, integ, 0);
	s->icv = mac ? mac->icv_len : 0;
	return s->icv;
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

	return shape_of(encr, 0, integ, clear_len, &s) ? s.iv + s.text + s.icv : 0;
}

/* over the message from its header to the end of the ciphertext: RFC 7296 3.14 */
static bool separate_icv(uint16_t integ, struct bytes key, struct bytes aad, struct bytes sealed,
			 uint8_t icv[CRYPTO_HASH_MAX])
{
	const struct bytes parts[] = { aad, sealed };

	return mac_integ(integ, key, parts, 2, icv);
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

static bool put_iv(const struct ike_alg *encr, uint8_t *out)
{
	uint64_t iv;
	size_t i;

	if (!iv_is_counted(encr))
		return crypto_random(out, encr->iv_len);
	iv = atomic_fetch_add(&counter_iv, 1);
	for (i = 0; i < encr->iv_len; i++)
		out[i] = (uint8_t)(iv >> (8 * i));
	return true;
}

static bool seal_room(const struct shape *s, struct bytes key, uint16_t integ,
		      struct bytes integ_key, struct bytes aad, uint8_t *room)
{
	uint8_t icv[CRYPTO_HASH_MAX], *text = room + s->iv;
	bool ok;

	if (!put_iv(s->encr, room) || !cipher_seal(s->encr, key, aad, text, s->text))
		return false;
	if (s->encr->aead)
		return true;
	ok = separate_icv(integ, integ_key, aad, (struct bytes){ room, s->iv + s->text }, icv);
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

	if (!key.len || !shape_of(encr, key.len, integ, clear.len, &s))
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
	if (seal_room(&s, key, integ, integ_key, aad, room))
		return true;
	drop_tail(out, len);
	return false;
}

static bool open_room(const struct shape *s, struct bytes key, uint16_t integ,
		      struct bytes integ_key, struct bytes aad, uint8_t *room)
{
	uint8_t icv[CRYPTO_HASH_MAX], *text = room + s->iv;
	bool ok;

	if (s->encr->aead)
		return cipher_open(s->encr, key, aad, text, s->text);
	/* the ICV first: nothing is decrypted that the peer did not write */
	ok = separate_icv(integ, integ_key, aad, (struct bytes){ room, s->iv + s->text }, icv) &&
	     crypto_equal(icv, text + s->text, s->icv);
	crypto_wipe(icv, sizeof(icv));
	return ok && cipher_open(s->encr, key, aad, text, s->text);
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

	if (!key.len || !shape_of(encr, key.len, integ, 0, &s))
		return false;
	/* the shape of nothing is the least there can be */
	if (sealed.len < s.iv + s.text + s.icv)
		return false;
	s.text = sealed.len - s.iv - s.icv;
	if (s.text % s.encr->block)
		return false;
	buf_init(&work);
	buf_put_bytes(&work, sealed);
	if (!work.failed && open_room(&s, key, integ, integ_key, aad, work.p)) {
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
