// SPDX-License-Identifier: GPL-2.0
/* Key material: RFC 7296 2.14 (IKE SA), 2.15 (AUTH), 2.17 (CHILD SA), 2.18 (rekeyed IKE SA). */
#include <string.h>

#include "v2/v2.h"

#define KEYMAT_MAX (7 * IKE_KEY_MAX)

static const char key_pad[] = "Key Pad for IKEv2";

static void take(uint8_t *to, size_t len, const uint8_t **from)
{
	memcpy(to, *from, len);
	*from += len;
}

static bool lengths(struct ike_sa *sa)
{
	const struct ike_transform *encr = ike_proposal_get(&sa->prop, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(&sa->prop, IKE_TRANSFORM_INTEG);
	const struct ike_transform *prf = ike_proposal_get(&sa->prop, IKE_TRANSFORM_PRF);
	const struct ike_alg *e, *a = NULL;
	struct ike_keys *k = &sa->keys;

	if (!encr || !prf)
		return false;
	e = ike_alg_find(IKE_TRANSFORM_ENCR, encr->id, encr->key_bits);
	if (integ && integ->id != INTEG_NONE)
		a = ike_alg_find(IKE_TRANSFORM_INTEG, integ->id, integ->key_bits);
	if (!e || (!a && !e->aead))
		return false;
	k->prf = prf->id;
	k->prf_len = crypto_prf_len(prf->id);
	k->encr_len = e->key_len;
	k->integ_len = a ? a->key_len : 0;
	return k->prf_len && k->prf_len <= IKE_KEY_MAX && k->encr_len <= IKE_KEY_MAX &&
	       k->integ_len <= IKE_KEY_MAX;
}

/*
 * The nonces are the key of the PRF. Of those of AES only the first 64 bits of either
 * are taken, and only here: RFC 7296 2.14. A nonce has 16 octets at least (2.10).
 */
static bool nonce_key(const struct ike_sa *sa, struct buf *key)
{
	struct bytes ni = buf_bytes(&sa->ni), nr = buf_bytes(&sa->nr);

	if (sa->keys.prf == PRF_AES128_XCBC || sa->keys.prf == PRF_AES128_CMAC) {
		ni.len = ni.len < 8 ? ni.len : 8;
		nr.len = nr.len < 8 ? nr.len : 8;
	}
	buf_put_bytes(key, ni);
	buf_put_bytes(key, nr);
	return !key->failed;
}

/*
 * SKEYSEED = prf(Ni | Nr, g^ir)
 * rekeying:  prf(SK_d (old), g^ir | Ni | Nr), with the old SA's prf
 */
static bool skeyseed(const struct ike_sa *sa, struct bytes shared, const struct ike_keys *old,
		     struct bytes nonces, uint8_t *out)
{
	struct bytes parts[] = { shared, nonces };
	struct buf key;
	bool ok;

	if (old)
		return crypto_prf(old->prf, (struct bytes){ old->d, old->prf_len }, parts, 2, out);
	buf_init(&key);
	ok = nonce_key(sa, &key) &&
	     crypto_prf(sa->keys.prf, buf_bytes(&key), parts, 1, out);
	buf_free(&key);
	return ok;
}

/**
 * v2_keys - SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr
 * @sa: has the proposal, the nonces and both SPIs
 * @shared: g^ir
 * @old: keys of the IKE SA that this one takes over from, or NULL
 */
bool v2_keys(struct ike_sa *sa, struct bytes shared, const struct ike_keys *old)
{
	uint8_t mat[KEYMAT_MAX], seed_key[CRYPTO_HASH_MAX];
	struct ike_keys *k = &sa->keys;
	struct buf seed;
	const uint8_t *at = mat;
	size_t len;
	bool ok;

	if (!lengths(sa))
		return false;
	len = 3u * k->prf_len + 2u * k->integ_len + 2u * k->encr_len;
	buf_init(&seed);
	buf_put_bytes(&seed, buf_bytes(&sa->ni));
	buf_put_bytes(&seed, buf_bytes(&sa->nr));
	ok = !seed.failed && skeyseed(sa, shared, old, buf_bytes(&seed), seed_key);
	buf_put_u64(&seed, sa->spi_i);
	buf_put_u64(&seed, sa->spi_r);
	/* the seed key of a rekeyed SA has the length of the old SA's prf: RFC 7296 2.18 */
	ok = ok && !seed.failed &&
	     crypto_prf_plus(k->prf, (struct bytes){ seed_key, old ? old->prf_len : k->prf_len },
			     buf_bytes(&seed), mat, len);
	if (ok) {
		take(k->d, k->prf_len, &at);
		take(k->ai, k->integ_len, &at);
		take(k->ar, k->integ_len, &at);
		take(k->ei, k->encr_len, &at);
		take(k->er, k->encr_len, &at);
		take(k->pi, k->prf_len, &at);
		take(k->pr, k->prf_len, &at);
	}
	buf_free(&seed);
	crypto_wipe(mat, sizeof(mat));
	crypto_wipe(seed_key, sizeof(seed_key));
	return ok;
}

/**
 * v2_child_keys - KEYMAT = prf+(SK_d, [g^ir] | Ni | Nr)
 * @child: has the proposal
 * @shared: g^ir, empty without a KE payload
 * @ni: nonces of the exchange that made it
 * @nr: the responder's
 * @in: gets the keys of what comes in
 * @out: gets the keys of what goes out
 *
 * The initiator's direction first, in each the encryption key before the
 * integrity key.
 */
bool v2_child_keys(const struct ike_child *child, struct bytes shared, struct bytes ni,
		   struct bytes nr, struct ike_child_keys *in, struct ike_child_keys *out)
{
	const struct ike_transform *encr = ike_proposal_get(&child->prop, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(&child->prop, IKE_TRANSFORM_INTEG);
	const struct ike_alg *e = NULL, *a = NULL;
	const struct ike_keys *k = &child->sa->keys;
	struct ike_child_keys *to_r = child->initiator ? out : in;
	struct ike_child_keys *to_i = child->initiator ? in : out;
	uint8_t mat[4 * IKE_KEY_MAX];
	const uint8_t *at = mat;
	struct buf seed;
	bool ok;

	if (encr)
		e = ike_alg_find(IKE_TRANSFORM_ENCR, encr->id, encr->key_bits);
	if (integ && integ->id != INTEG_NONE)
		a = ike_alg_find(IKE_TRANSFORM_INTEG, integ->id, integ->key_bits);
	/* AH has integrity alone */
	if (ike_child_proto(child) == PROTO_AH ? !a || e : !e || (!a && !e->aead))
		return false;
	in->encr_len = out->encr_len = e ? e->key_len : 0;
	in->integ_len = out->integ_len = a ? a->key_len : 0;
	if (in->encr_len > IKE_KEY_MAX || in->integ_len > IKE_KEY_MAX)
		return false;
	buf_init(&seed);
	buf_put_bytes(&seed, shared);
	buf_put_bytes(&seed, ni);
	buf_put_bytes(&seed, nr);
	ok = !seed.failed &&
	     crypto_prf_plus(k->prf, (struct bytes){ k->d, k->prf_len }, buf_bytes(&seed), mat,
			     2u * (in->encr_len + in->integ_len));
	if (ok) {
		take(to_r->encr, to_r->encr_len, &at);
		take(to_r->integ, to_r->integ_len, &at);
		take(to_i->encr, to_i->encr_len, &at);
		take(to_i->integ, to_i->integ_len, &at);
	}
	buf_free(&seed);
	crypto_wipe(mat, sizeof(mat));
	return ok;
}

/**
 * v2_signed_octets - his first message | the other's nonce | prf(SK_pi or SK_pr, id)
 * @sa: has both IKE_SA_INIT messages, nonces and keys
 * @initiator: whose AUTH
 * @id: body of his ID payload, its reserved octets as they were sent
 * @out: gets them
 */
bool v2_signed_octets(const struct ike_sa *sa, bool initiator, struct bytes id, struct buf *out)
{
	const struct ike_keys *k = &sa->keys;
	uint8_t maced[CRYPTO_HASH_MAX];
	bool ok;

	ok = crypto_prf(k->prf, (struct bytes){ initiator ? k->pi : k->pr, k->prf_len }, &id, 1,
			maced);
	if (ok) {
		buf_put_bytes(out, buf_bytes(initiator ? &sa->init_req : &sa->init_resp));
		buf_put_bytes(out, buf_bytes(initiator ? &sa->nr : &sa->ni));
		buf_put(out, maced, k->prf_len);
	}
	crypto_wipe(maced, sizeof(maced));
	return ok && !out->failed;
}

/**
 * v2_psk_auth - prf(prf(secret, "Key Pad for IKEv2"), <signed octets>)
 * @sa: has both IKE_SA_INIT messages, nonces and keys
 * @psk: the shared secret
 * @initiator: whose AUTH
 * @id: body of his ID payload
 * @out: gets keys.prf_len octets
 */
bool v2_psk_auth(const struct ike_sa *sa, struct bytes psk, bool initiator, struct bytes id,
		 uint8_t *out)
{
	const struct ike_keys *k = &sa->keys;
	struct bytes pad = { (const uint8_t *)key_pad, sizeof(key_pad) - 1 };
	uint8_t key[CRYPTO_HASH_MAX];
	struct bytes octets;
	struct buf b;
	bool ok;

	buf_init(&b);
	ok = v2_signed_octets(sa, initiator, id, &b) && crypto_prf(k->prf, psk, &pad, 1, key);
	octets = buf_bytes(&b);
	ok = ok && crypto_prf(k->prf, (struct bytes){ key, k->prf_len }, &octets, 1, out);
	buf_free(&b);
	crypto_wipe(key, sizeof(key));
	return ok;
}
