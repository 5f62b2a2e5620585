// SPDX-License-Identifier: GPL-2.0
/* The table of algorithms: IANA "IKEv2 Parameters", with the names of proposals. */
#include <stdio.h>
#include <string.h>

#include "ike/alg.h"

#define CBC(bits) \
	{ IKE_TRANSFORM_ENCR, ENCR_AES_CBC, bits, "aes" #bits, bits / 8, 16, 0, 16, false }
/* RFC 4106 8.1: the key is followed by 4 octets of salt; RFC 5282: no block to pad to */
#define GCM(bits) \
	{ IKE_TRANSFORM_ENCR, ENCR_AES_GCM_16, bits, "aes" #bits "gcm16", bits / 8 + 4, 8, 16, 1, true }
/* RFC 4868 2.1: a key of the hash's length, the output of integrity cut to half */
#define PRF(bits) \
	{ IKE_TRANSFORM_PRF, PRF_HMAC_SHA2_##bits, 0, "prfsha" #bits, bits / 8, 0, 0, 0, false }
#define INTEG(bits, half) \
	{ IKE_TRANSFORM_INTEG, INTEG_HMAC_SHA2_##bits##_##half, 0, "sha" #bits, bits / 8, 0, \
	  half / 8, 0, false }
#define DH(id, name) { IKE_TRANSFORM_DH, id, 0, name, 0, 0, 0, 0, false }
#define ESN(id, name) { IKE_TRANSFORM_ESN, id, 0, name, 0, 0, 0, 0, false }

/* "none" rows are found by number only: no word of a proposal asks for nothing */
static const struct ike_alg algs[] = {
	CBC(128), CBC(192), CBC(256),
	GCM(128), GCM(192), GCM(256),
	PRF(256), PRF(384), PRF(512),
	INTEG(256, 128), INTEG(384, 192), INTEG(512, 256),
	{ IKE_TRANSFORM_INTEG, INTEG_NONE, 0, "none", 0, 0, 0, 0, false },
	DH(DH_X25519, "x25519"),
	DH(DH_ECP256, "ecp256"), DH(DH_ECP384, "ecp384"), DH(DH_ECP521, "ecp521"),
	DH(DH_MODP2048, "modp2048"), DH(DH_MODP3072, "modp3072"), DH(DH_MODP4096, "modp4096"),
	DH(DH_NONE, "none"),
	ESN(ESN_YES, "esn"), ESN(ESN_NO, "noesn"),
};

static const struct {
	const char *word, *name;
} aliases[] = {
	{ "aes128gcm128", "aes128gcm16" },
	{ "aes192gcm128", "aes192gcm16" },
	{ "aes256gcm128", "aes256gcm16" },
	{ "curve25519", "x25519" },
	{ "sha2_256", "sha256" },
	{ "sha2_384", "sha384" },
	{ "sha2_512", "sha512" },
};

/* what peers offer and we do not have: only named, so that the log can be read */
static const struct {
	uint8_t type;
	uint16_t id;
	const char *name, *suffix;	/* the key length stands between them */
} foreign[] = {
	{ IKE_TRANSFORM_ENCR, 2, "des", "" },
	{ IKE_TRANSFORM_ENCR, 3, "3des", "" },
	{ IKE_TRANSFORM_ENCR, 7, "blowfish", "" },
	{ IKE_TRANSFORM_ENCR, 11, "null", "" },
	{ IKE_TRANSFORM_ENCR, 12, "aes", "" },
	{ IKE_TRANSFORM_ENCR, 13, "aes", "ctr" },
	{ IKE_TRANSFORM_ENCR, 14, "aes", "ccm8" },
	{ IKE_TRANSFORM_ENCR, 15, "aes", "ccm12" },
	{ IKE_TRANSFORM_ENCR, 16, "aes", "ccm16" },
	{ IKE_TRANSFORM_ENCR, 18, "aes", "gcm8" },
	{ IKE_TRANSFORM_ENCR, 19, "aes", "gcm12" },
	{ IKE_TRANSFORM_ENCR, 20, "aes", "gcm16" },
	{ IKE_TRANSFORM_ENCR, 21, "aes", "gmac" },
	{ IKE_TRANSFORM_ENCR, 23, "camellia", "" },
	{ IKE_TRANSFORM_ENCR, 28, "chacha20poly1305", "" },
	{ IKE_TRANSFORM_PRF, 1, "prfmd5", "" },
	{ IKE_TRANSFORM_PRF, 2, "prfsha1", "" },
	{ IKE_TRANSFORM_PRF, 4, "prfaesxcbc", "" },
	{ IKE_TRANSFORM_PRF, 8, "prfaescmac", "" },
	{ IKE_TRANSFORM_INTEG, 1, "md5", "" },
	{ IKE_TRANSFORM_INTEG, 2, "sha1", "" },
	{ IKE_TRANSFORM_INTEG, 5, "aesxcbc", "" },
	{ IKE_TRANSFORM_INTEG, 8, "aescmac", "" },
	{ IKE_TRANSFORM_DH, 1, "modp768", "" },
	{ IKE_TRANSFORM_DH, 2, "modp1024", "" },
	{ IKE_TRANSFORM_DH, 5, "modp1536", "" },
	{ IKE_TRANSFORM_DH, 17, "modp6144", "" },
	{ IKE_TRANSFORM_DH, 18, "modp8192", "" },
	{ IKE_TRANSFORM_DH, 25, "ecp192", "" },
	{ IKE_TRANSFORM_DH, 26, "ecp224", "" },
	{ IKE_TRANSFORM_DH, 27, "ecp224bp", "" },
	{ IKE_TRANSFORM_DH, 28, "ecp256bp", "" },
	{ IKE_TRANSFORM_DH, 29, "ecp384bp", "" },
	{ IKE_TRANSFORM_DH, 30, "ecp512bp", "" },
	{ IKE_TRANSFORM_DH, 32, "x448", "" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/**
 * ike_alg_find() - an algorithm by its numbers
 * @type: enum ike_transform_type
 * @id: transform ID
 * @key_bits: the Key Length attribute, 0 when absent
 *
 * Return: the row, NULL for what we do not have.
 */
const struct ike_alg *ike_alg_find(uint8_t type, uint16_t id, uint16_t key_bits)
{
	size_t i;

	for (i = 0; i < COUNT(algs); i++)
		if (algs[i].type == type && algs[i].id == id && algs[i].key_bits == key_bits)
			return &algs[i];
	return NULL;
}

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}

/**
 * ike_alg_by_name() - an algorithm by the word of a proposal
 * @word: the word, need not end in NUL
 * @len: its length
 *
 * Return: the row ("sha256": that of integrity), NULL for an unknown word.
 */
const struct ike_alg *ike_alg_by_name(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < COUNT(aliases); i++) {
		if (word_is(word, len, aliases[i].word)) {
			word = aliases[i].name;
			len = strlen(word);
			break;
		}
	}
	for (i = 0; i < COUNT(algs); i++)
		if (word_is(word, len, algs[i].name) && strcmp(algs[i].name, "none"))
			return &algs[i];
	return NULL;
}

/**
 * ike_alg_prf_of_integ() - the PRF that "sha256" in an IKE proposal stands for as well
 * @integ: an integrity algorithm
 *
 * Return: the PRF with the same hash, NULL if there is none.
 */
const struct ike_alg *ike_alg_prf_of_integ(const struct ike_alg *integ)
{
	switch (integ->id) {
	case INTEG_HMAC_SHA2_256_128:
		return ike_alg_find(IKE_TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
	case INTEG_HMAC_SHA2_384_192:
		return ike_alg_find(IKE_TRANSFORM_PRF, PRF_HMAC_SHA2_384, 0);
	case INTEG_HMAC_SHA2_512_256:
		return ike_alg_find(IKE_TRANSFORM_PRF, PRF_HMAC_SHA2_512, 0);
	default:
		return NULL;
	}
}

/**
 * ike_alg_list() - the words that a proposal may have, for messages
 * @type: enum ike_transform_type
 * @out: room for "aes128, aes192, ..."
 * @len: its size
 *
 * Return: @out.
 */
const char *ike_alg_list(uint8_t type, char *out, size_t len)
{
	size_t i, at = 0;

	if (len)
		*out = '\0';
	for (i = 0; i < COUNT(algs); i++) {
		if (algs[i].type != type || !strcmp(algs[i].name, "none") || at >= len)
			continue;
		at += (size_t)snprintf(out + at, len - at, "%s%s", at ? ", " : "", algs[i].name);
	}
	return out;
}

/**
 * ike_transform_str() - for people, also what we do not have
 * @t: the transform
 * @out: room of IKE_TRANSFORM_STRLEN
 * @len: its size
 *
 * Return: @out: "aes256gcm16", "camellia128", "encryption 250".
 */
const char *ike_transform_str(const struct ike_transform *t, char *out, size_t len)
{
	const struct ike_alg *alg = ike_alg_find(t->type, t->id, t->key_bits);
	char bits[8] = "";
	size_t i;

	if (alg) {
		snprintf(out, len, "%s", alg->name);
		return out;
	}
	if (t->id == IKE_TRANSFORM_UNUSABLE) {
		snprintf(out, len, "%s with unknown attributes", ike_transform_type_str(t->type));
		return out;
	}
	if (t->key_bits)
		snprintf(bits, sizeof(bits), "%u", t->key_bits);
	for (i = 0; i < COUNT(foreign); i++) {
		if (foreign[i].type == t->type && foreign[i].id == t->id) {
			snprintf(out, len, "%s%s%s", foreign[i].name, bits, foreign[i].suffix);
			return out;
		}
	}
	snprintf(out, len, "%s %u%s%s", ike_transform_type_str(t->type), t->id, *bits ? "/" : "",
		 bits);
	return out;
}

/**
 * ike_transform_type_str() - for people
 * @type: enum ike_transform_type
 *
 * Return: "encryption", "PRF", ...
 */
const char *ike_transform_type_str(uint8_t type)
{
	switch (type) {
	case IKE_TRANSFORM_ENCR:
		return "encryption";
	case IKE_TRANSFORM_PRF:
		return "PRF";
	case IKE_TRANSFORM_INTEG:
		return "integrity";
	case IKE_TRANSFORM_DH:
		return "DH group";
	case IKE_TRANSFORM_ESN:
		return "sequence numbers";
	default:
		return "transform of unknown type";
	}
}
