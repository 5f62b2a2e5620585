// SPDX-License-Identifier: GPL-2.0
/*
 * AlgorithmIdentifier of a Digital Signature: RFC 7427 3 and appendix A, RFC 8420
 * appendix A. Written octet by octet as these have it; read with what others may
 * leave out.
 */
#include <stdio.h>
#include <string.h>

#include "v2/v2.h"

#define TAG_INTEGER	0x02
#define TAG_NULL	0x05
#define TAG_OID		0x06
#define TAG_SEQUENCE	0x30
#define TAG_CONTEXT(n)	(0xa0 + (n))

static const uint8_t oid_pss[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a };
static const uint8_t oid_mgf1[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08 };

/* RSASSA-PSS is apart: its parameters say the hash */
static const struct {
	struct cert_alg alg;
	const char *name;
	bool null_params;
	uint8_t oid_len, oid[9];
} algs[] = {
	{ { CERT_RSA, CERT_SHA1, 0, false }, "RSA PKCS#1 v1.5 with SHA-1", true,
	  9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05 } },
	{ { CERT_RSA, CERT_SHA256, 0, false }, "RSA PKCS#1 v1.5 with SHA-256", true,
	  9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b } },
	{ { CERT_RSA, CERT_SHA384, 0, false }, "RSA PKCS#1 v1.5 with SHA-384", true,
	  9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c } },
	{ { CERT_RSA, CERT_SHA512, 0, false }, "RSA PKCS#1 v1.5 with SHA-512", true,
	  9, { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d } },
	{ { CERT_ECDSA, CERT_SHA1, 0, false }, "ECDSA with SHA-1", false,
	  7, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01 } },
	{ { CERT_ECDSA, CERT_SHA256, 0, false }, "ECDSA with SHA-256", false,
	  8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 } },
	{ { CERT_ECDSA, CERT_SHA384, 0, false }, "ECDSA with SHA-384", false,
	  8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 } },
	{ { CERT_ECDSA, CERT_SHA512, 0, false }, "ECDSA with SHA-512", false,
	  8, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04 } },
	{ { CERT_ED25519, CERT_IDENTITY, 0, false }, "Ed25519", false, 3, { 0x2b, 0x65, 0x70 } },
	{ { CERT_ED448, CERT_IDENTITY, 0, false }, "Ed448", false, 3, { 0x2b, 0x65, 0x71 } },
};

/* @salt: as long as the hash */
static const struct {
	enum cert_hash hash;
	const char *name;
	uint8_t salt, oid_len, oid[9];
} hashes[] = {
	{ CERT_SHA1, "RSASSA-PSS with SHA-1", 20, 5, { 0x2b, 0x0e, 0x03, 0x02, 0x1a } },
	{ CERT_SHA256, "RSASSA-PSS with SHA-256", 32,
	  9, { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 } },
	{ CERT_SHA384, "RSASSA-PSS with SHA-384", 48,
	  9, { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02 } },
	{ CERT_SHA512, "RSASSA-PSS with SHA-512", 64,
	  9, { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03 } },
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static bool is_oid(struct bytes b, const uint8_t *oid, size_t len)
{
	return b.len == len && !memcmp(b.p, oid, len);
}

const char *v2_sigalg_str(const struct cert_alg *alg)
{
	size_t i;

	for (i = 0; alg->key == CERT_RSA_PSS && i < N(hashes); i++)
		if (hashes[i].hash == alg->hash)
			return hashes[i].name;
	for (i = 0; i < N(algs); i++)
		if (algs[i].alg.key == alg->key && algs[i].alg.hash == alg->hash)
			return algs[i].name;
	return "an unknown signature";
}

/* ---- writing: all lengths are below 128 ---- */

static void put(struct buf *b, uint8_t tag, const void *body, size_t len)
{
	buf_put_u8(b, tag);
	buf_put_u8(b, len);
	buf_put(b, body, len);
}

static void put_in(struct buf *b, uint8_t tag, struct buf *inner)
{
	put(b, tag, inner->p, inner->len);
	b->failed |= inner->failed;
	buf_free(inner);
	buf_init(inner);
}

/* SEQUENCE { hash, NULL } */
static void put_hash(struct buf *b, size_t hash)
{
	struct buf id;

	buf_init(&id);
	put(&id, TAG_OID, hashes[hash].oid, hashes[hash].oid_len);
	put(&id, TAG_NULL, NULL, 0);
	put_in(b, TAG_SEQUENCE, &id);
}

/* RFC 7427 A.4: [0] hash, [1] mgf1 with the same, [2] length of the salt */
static void put_pss(struct buf *out, size_t hash)
{
	struct buf params, part, mgf;

	buf_init(&params);
	buf_init(&part);
	buf_init(&mgf);
	put_hash(&part, hash);
	put_in(&params, TAG_CONTEXT(0), &part);
	put(&mgf, TAG_OID, oid_mgf1, sizeof(oid_mgf1));
	put_hash(&mgf, hash);
	put_in(&part, TAG_SEQUENCE, &mgf);
	put_in(&params, TAG_CONTEXT(1), &part);
	put(&part, TAG_INTEGER, &hashes[hash].salt, 1);
	put_in(&params, TAG_CONTEXT(2), &part);
	put(&part, TAG_OID, oid_pss, sizeof(oid_pss));
	put_in(&part, TAG_SEQUENCE, &params);
	put_in(out, TAG_SEQUENCE, &part);
}

bool v2_sigalg_encode(const struct cert_alg *alg, struct buf *out)
{
	struct buf id;
	size_t i;

	for (i = 0; alg->key == CERT_RSA_PSS && i < N(hashes); i++) {
		if (hashes[i].hash != alg->hash || hashes[i].salt != alg->salt)
			continue;
		put_pss(out, i);
		return !out->failed;
	}
	for (i = 0; i < N(algs); i++) {
		if (algs[i].alg.key != alg->key || algs[i].alg.hash != alg->hash)
			continue;
		buf_init(&id);
		put(&id, TAG_OID, algs[i].oid, algs[i].oid_len);
		if (algs[i].null_params)
			put(&id, TAG_NULL, NULL, 0);
		put_in(out, TAG_SEQUENCE, &id);
		return !out->failed;
	}
	return false;
}

/* ---- reading ---- */

/* one element of this tag; its body */
static bool take(struct bytes *in, uint8_t tag, struct bytes *body)
{
	struct bytes whole;
	uint8_t got;

	return in->len && in->p[0] == tag && wire_der_next(in, &got, &whole, body);
}

/* nothing, or NULL */
static bool no_params(struct bytes in)
{
	struct bytes body;

	return !in.len || (take(&in, TAG_NULL, &body) && !body.len && !in.len);
}

static bool take_hash(struct bytes in, enum cert_hash *out)
{
	struct bytes seq, oid;
	size_t i;

	if (!take(&in, TAG_SEQUENCE, &seq) || in.len || !take(&seq, TAG_OID, &oid) ||
	    !no_params(seq))
		return false;
	for (i = 0; i < N(hashes); i++) {
		if (is_oid(oid, hashes[i].oid, hashes[i].oid_len)) {
			*out = hashes[i].hash;
			return true;
		}
	}
	return false;
}

/* RFC 4055 3.1: what is left out is SHA-1, mgf1 with SHA-1 and 20 octets */
static bool take_pss(struct bytes in, struct cert_alg *alg)
{
	enum cert_hash hash = CERT_SHA1, mgf_hash = CERT_SHA1;
	struct bytes seq, part, mgf, oid, n;
	unsigned int salt = 20;

	if (!take(&in, TAG_SEQUENCE, &seq) || in.len)
		return false;
	if (take(&seq, TAG_CONTEXT(0), &part) && !take_hash(part, &hash))
		return false;
	if (take(&seq, TAG_CONTEXT(1), &part)) {
		if (!take(&part, TAG_SEQUENCE, &mgf) || part.len || !take(&mgf, TAG_OID, &oid) ||
		    !is_oid(oid, oid_mgf1, sizeof(oid_mgf1)) || !take_hash(mgf, &mgf_hash))
			return false;
	}
	if (take(&seq, TAG_CONTEXT(2), &part)) {
		if (!take(&part, TAG_INTEGER, &n) || part.len || !n.len || n.len > 2 ||
		    n.p[0] & 0x80)
			return false;
		salt = n.len == 1 ? n.p[0] : get_u16(n.p);
	}
	/* the trailer field has one value */
	if (take(&seq, TAG_CONTEXT(3), &part) &&
	    (!take(&part, TAG_INTEGER, &n) || part.len || n.len != 1 || n.p[0] != 1))
		return false;
	*alg = (struct cert_alg){ .key = CERT_RSA_PSS, .hash = hash, .salt = salt };
	return !seq.len && hash == mgf_hash;
}

bool v2_sigalg_decode(struct bytes der, struct cert_alg *alg, char *why, size_t why_len)
{
	struct bytes seq, oid;
	size_t i, at = 0;

	if (!take(&der, TAG_SEQUENCE, &seq) || der.len || !take(&seq, TAG_OID, &oid) || !oid.len) {
		snprintf(why, why_len, "its AlgorithmIdentifier is malformed");
		return false;
	}
	if (is_oid(oid, oid_pss, sizeof(oid_pss))) {
		if (take_pss(seq, alg))
			return true;
		snprintf(why, why_len, "its RSASSA-PSS parameters are malformed, or of hashes that we do not take");
		return false;
	}
	for (i = 0; i < N(algs); i++) {
		if (!is_oid(oid, algs[i].oid, algs[i].oid_len))
			continue;
		*alg = algs[i].alg;
		if (algs[i].null_params ? no_params(seq) : !seq.len)
			return true;
		snprintf(why, why_len, "the parameters of %s are not as they must be", algs[i].name);
		return false;
	}
	at = snprintf(why, why_len, "it signed with an algorithm that we do not know, OID 0x");
	for (i = 0; i < oid.len && i < 16 && at + 2 < why_len; i++)
		at += snprintf(why + at, why_len - at, "%02x", oid.p[i]);
	return false;
}
