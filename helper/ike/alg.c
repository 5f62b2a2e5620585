// SPDX-License-Identifier: GPL-2.0
/* The table of algorithms: IANA "IKEv2 Parameters", with the names of proposals. */
#include <stdio.h>
#include <string.h>

#include "ike/alg.h"

#define CIPHER(_id, bits, _name, len, iv, icv, _block, ...) \
	{ .type = IKE_TRANSFORM_ENCR, .id = _id, .key_bits = bits, .name = _name, .key_len = len, \
	  .iv_len = iv, .icv_len = icv, .block = _block, ##__VA_ARGS__ }
#define CBC(bits) CIPHER(ENCR_AES_CBC, bits, "aes" #bits, bits / 8, 16, 0, 16)
#define CAMELLIA(bits) \
	CIPHER(ENCR_CAMELLIA_CBC, bits, "camellia" #bits, bits / 8, 16, 0, 16, .esp_only = true)
/* RFC 3686 5.1: the key is followed by 4 octets of nonce */
#define CTR(bits) \
	CIPHER(ENCR_AES_CTR, bits, "aes" #bits "ctr", bits / 8 + 4, 8, 0, 1, .esp_only = true)
/* RFC 4106 8.1: the key is followed by 4 octets of salt; RFC 5282: no block to pad to */
#define GCM16(bits) \
	CIPHER(ENCR_AES_GCM_16, bits, "aes" #bits "gcm16", bits / 8 + 4, 8, 16, 1, .aead = true)
#define GCM(bits, icv) \
	CIPHER(ENCR_AES_GCM_##icv, bits, "aes" #bits "gcm" #icv, bits / 8 + 4, 8, icv, 1, \
	       .aead = true, .esp_only = true)
/* RFC 4309 7.1: 3 octets of salt */
#define CCM(bits, icv) \
	CIPHER(ENCR_AES_CCM_##icv, bits, "aes" #bits "ccm" #icv, bits / 8 + 3, 8, icv, 1, \
	       .aead = true, .esp_only = true)
/* RFC 8750: the sequence number is the IV, which is not sent; salts as without */
#define GCM_IIV(bits) \
	CIPHER(ENCR_AES_GCM_16_IIV, bits, "aes" #bits "gcm16iiv", bits / 8 + 4, 0, 16, 1, \
	       .aead = true, .esp_only = true)
#define CCM_IIV(bits) \
	CIPHER(ENCR_AES_CCM_16_IIV, bits, "aes" #bits "ccm16iiv", bits / 8 + 3, 0, 16, 1, \
	       .aead = true, .esp_only = true)
/* RFC 4543 5.4 */
#define GMAC(bits) \
	CIPHER(ENCR_AES_GMAC, bits, "aes" #bits "gmac", bits / 8 + 4, 8, 16, 1, .aead = true, \
	       .esp_only = true)
/* RFC 4868 2.1: a key of the hash's length, the output of integrity cut to half */
#define PRF(bits) \
	{ .type = IKE_TRANSFORM_PRF, .id = PRF_HMAC_SHA2_##bits, .name = "prfsha" #bits, \
	  .key_len = bits / 8 }
#define MAC(_id, _name, len, icv, ...) \
	{ .type = IKE_TRANSFORM_INTEG, .id = _id, .name = _name, .key_len = len, .icv_len = icv, \
	  ##__VA_ARGS__ }
#define SHA2(bits, half) MAC(INTEG_HMAC_SHA2_##bits##_##half, "sha" #bits, bits / 8, half / 8)
#define DH(_id, _name) { .type = IKE_TRANSFORM_DH, .id = _id, .name = _name }
#define ESN(_id, _name) { .type = IKE_TRANSFORM_ESN, .id = _id, .name = _name }

/* "none" rows are found by number only: no word of a proposal asks for nothing */
static const struct ike_alg algs[] = {
	CBC(128), CBC(192), CBC(256),
	GCM16(128), GCM16(192), GCM16(256),
	GCM(128, 12), GCM(192, 12), GCM(256, 12), GCM(128, 8), GCM(192, 8), GCM(256, 8),
	CCM(128, 16), CCM(192, 16), CCM(256, 16), CCM(128, 12), CCM(192, 12), CCM(256, 12),
	CCM(128, 8), CCM(192, 8), CCM(256, 8),
	CTR(128), CTR(192), CTR(256), CAMELLIA(128), CAMELLIA(192), CAMELLIA(256),
	CIPHER(ENCR_CHACHA20_POLY1305, 0, "chacha20poly1305", 32 + 4, 8, 16, 1, .aead = true,
	       .esp_only = true),				/* RFC 7634 2 */
	GCM_IIV(128), GCM_IIV(192), GCM_IIV(256), CCM_IIV(128), CCM_IIV(192), CCM_IIV(256),
	CIPHER(ENCR_CHACHA20_POLY1305_IIV, 0, "chacha20poly1305iiv", 32 + 4, 0, 16, 1, .aead = true,
	       .esp_only = true),
	GMAC(128), GMAC(192), GMAC(256),
	CIPHER(ENCR_NULL, 0, "null", 0, 0, 0, 1, .esp_only = true),
	CIPHER(ENCR_3DES_CBC, 0, "3des", 24, 8, 0, 8, .esp_only = true),
	CIPHER(ENCR_DES_CBC, 0, "des", 8, 8, 0, 8, .esp_only = true, .weak = true),
	PRF(256), PRF(384), PRF(512),
	SHA2(256, 128), SHA2(384, 192), SHA2(512, 256),
	MAC(INTEG_AES_XCBC_96, "aesxcbc", 16, 12, .esp_only = true),
	MAC(INTEG_AES_CMAC_96, "aescmac", 16, 12, .esp_only = true),
	MAC(INTEG_HMAC_SHA1_96, "sha1", 20, 12, .esp_only = true),
	MAC(INTEG_HMAC_MD5_96, "md5", 16, 12, .esp_only = true, .weak = true),
	{ .type = IKE_TRANSFORM_INTEG, .id = INTEG_NONE, .name = "none" },
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
	{ "aes128gcm96", "aes128gcm12" }, { "aes128gcm64", "aes128gcm8" },
	{ "aes192gcm96", "aes192gcm12" }, { "aes192gcm64", "aes192gcm8" },
	{ "aes256gcm96", "aes256gcm12" }, { "aes256gcm64", "aes256gcm8" },
	{ "aes128ccm128", "aes128ccm16" }, { "aes128ccm96", "aes128ccm12" },
	{ "aes128ccm64", "aes128ccm8" }, { "aes192ccm128", "aes192ccm16" },
	{ "aes192ccm96", "aes192ccm12" }, { "aes192ccm64", "aes192ccm8" },
	{ "aes256ccm128", "aes256ccm16" }, { "aes256ccm96", "aes256ccm12" },
	{ "aes256ccm64", "aes256ccm8" },
	{ "sha", "sha1" },
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
	{ IKE_TRANSFORM_ENCR, 7, "blowfish", "" },
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
	{ IKE_TRANSFORM_ENCR, 29, "aes", "ccm16iiv" },
	{ IKE_TRANSFORM_ENCR, 30, "aes", "gcm16iiv" },
	{ IKE_TRANSFORM_PRF, 1, "prfmd5", "" },
	{ IKE_TRANSFORM_PRF, 2, "prfsha1", "" },
	{ IKE_TRANSFORM_PRF, 4, "prfaesxcbc", "" },
	{ IKE_TRANSFORM_PRF, 8, "prfaescmac", "" },
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
 * @proto: PROTO_*
 * @type: enum ike_transform_type
 * @out: room for "aes128, aes192, ..."
 * @len: its size
 *
 * Return: @out.
 */
const char *ike_alg_list(uint8_t proto, uint8_t type, char *out, size_t len)
{
	size_t i, at = 0;

	if (len)
		*out = '\0';
	for (i = 0; i < COUNT(algs); i++) {
		if (algs[i].type != type || !strcmp(algs[i].name, "none") || algs[i].weak ||
		    (algs[i].esp_only && proto == PROTO_IKE) || at >= len)
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
