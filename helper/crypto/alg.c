// SPDX-License-Identifier: GPL-2.0
/* The table of algorithms: IANA "IKEv2 Parameters", with the names of proposals. */
#include <stdio.h>
#include <string.h>

#include "crypto/alg.h"

#define CIPHER(_id, bits, _name, len, iv, icv, _block, ...) \
	{ .type = IKE_TRANSFORM_ENCR, .id = _id, .key_bits = bits, .name = _name, .key_len = len, \
	  .iv_len = iv, .icv_len = icv, .block = _block, ##__VA_ARGS__ }
#define CBC(bits) CIPHER(ENCR_AES_CBC, bits, "aes" #bits, bits / 8, 16, 0, 16)
#define CAMELLIA(bits) CIPHER(ENCR_CAMELLIA_CBC, bits, "camellia" #bits, bits / 8, 16, 0, 16)
/* RFC 3686 5.1, RFC 5930 3: the key is followed by 4 octets of nonce */
#define CTR(bits) CIPHER(ENCR_AES_CTR, bits, "aes" #bits "ctr", bits / 8 + 4, 8, 0, 1)
/* RFC 4106 8.1: the key is followed by 4 octets of salt; RFC 5282: no block to pad to */
#define GCM(bits, icv) \
	CIPHER(ENCR_AES_GCM_##icv, bits, "aes" #bits "gcm" #icv, bits / 8 + 4, 8, icv, 1, \
	       .aead = true)
/* RFC 4309 7.1, RFC 5282 7.1: 3 octets of salt */
#define CCM(bits, icv) \
	CIPHER(ENCR_AES_CCM_##icv, bits, "aes" #bits "ccm" #icv, bits / 8 + 3, 8, icv, 1, \
	       .aead = true)
/* RFC 8750: ESP's sequence number is the IV, which is not sent; salts as without */
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
/* a key of the output's length: RFC 4868 2.1, RFC 4434 2, RFC 4615 3 */
#define PRF(_id, _name, len, ...) \
	{ .type = IKE_TRANSFORM_PRF, .id = _id, .name = _name, .key_len = len, ##__VA_ARGS__ }
#define MAC(_id, _name, len, icv, ...) \
	{ .type = IKE_TRANSFORM_INTEG, .id = _id, .name = _name, .key_len = len, .icv_len = icv, \
	  ##__VA_ARGS__ }
/* RFC 4868 2.1: the output is cut to half */
#define SHA2(bits, half) MAC(INTEG_HMAC_SHA2_##bits##_##half, "sha" #bits, bits / 8, half / 8)
#define DH(_id, _name, ...) \
	{ .type = IKE_TRANSFORM_DH, .id = _id, .name = _name, ##__VA_ARGS__ }
#define ESN(_id, _name) { .type = IKE_TRANSFORM_ESN, .id = _id, .name = _name }

/* "none" rows are found by number only: no word of a proposal asks for nothing */
static const struct ike_alg algs[] = {
	CBC(128), CBC(192), CBC(256),
	GCM(128, 16), GCM(192, 16), GCM(256, 16),
	GCM(128, 12), GCM(192, 12), GCM(256, 12), GCM(128, 8), GCM(192, 8), GCM(256, 8),
	CCM(128, 16), CCM(192, 16), CCM(256, 16), CCM(128, 12), CCM(192, 12), CCM(256, 12),
	CCM(128, 8), CCM(192, 8), CCM(256, 8),
	CTR(128), CTR(192), CTR(256), CAMELLIA(128), CAMELLIA(192), CAMELLIA(256),
	CIPHER(ENCR_CHACHA20_POLY1305, 0, "chacha20poly1305", 32 + 4, 8, 16, 1,
	       .aead = true),					/* RFC 7634 2 */
	GCM_IIV(128), GCM_IIV(192), GCM_IIV(256), CCM_IIV(128), CCM_IIV(192), CCM_IIV(256),
	CIPHER(ENCR_CHACHA20_POLY1305_IIV, 0, "chacha20poly1305iiv", 32 + 4, 0, 16, 1, .aead = true,
	       .esp_only = true),
	GMAC(128), GMAC(192), GMAC(256),
	CIPHER(ENCR_NULL, 0, "null", 0, 0, 0, 1, .esp_only = true),
	CIPHER(ENCR_3DES_CBC, 0, "3des", 24, 8, 0, 8),
	CIPHER(ENCR_DES_CBC, 0, "des", 8, 8, 0, 8, .weak = true),
	PRF(PRF_HMAC_SHA2_256, "prfsha256", 32), PRF(PRF_HMAC_SHA2_384, "prfsha384", 48),
	PRF(PRF_HMAC_SHA2_512, "prfsha512", 64), PRF(PRF_AES128_XCBC, "prfaesxcbc", 16),
	PRF(PRF_AES128_CMAC, "prfaescmac", 16), PRF(PRF_HMAC_SHA1, "prfsha1", 20),
	PRF(PRF_HMAC_MD5, "prfmd5", 16, .weak = true),
	SHA2(256, 128), SHA2(384, 192), SHA2(512, 256),
	MAC(INTEG_AES_XCBC_96, "aesxcbc", 16, 12),
	MAC(INTEG_AES_CMAC_96, "aescmac", 16, 12),
	MAC(INTEG_HMAC_SHA1_96, "sha1", 20, 12),
	MAC(INTEG_HMAC_MD5_96, "md5", 16, 12, .weak = true),
	{ .type = IKE_TRANSFORM_INTEG, .id = INTEG_NONE, .name = "none" },
	DH(DH_X25519, "x25519"), DH(DH_X448, "x448"),
	DH(DH_ECP256, "ecp256"), DH(DH_ECP384, "ecp384"), DH(DH_ECP521, "ecp521"),
	DH(DH_MODP2048, "modp2048"), DH(DH_MODP3072, "modp3072"), DH(DH_MODP4096, "modp4096"),
	DH(DH_MODP6144, "modp6144"), DH(DH_MODP8192, "modp8192"),
	DH(DH_BP224, "ecp224bp"), DH(DH_BP256, "ecp256bp"), DH(DH_BP384, "ecp384bp"),
	DH(DH_BP512, "ecp512bp"),
	DH(DH_MODP768, "modp768", .weak = true), DH(DH_MODP1024, "modp1024", .weak = true),
	DH(DH_MODP1536, "modp1536", .weak = true),
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
	{ "curve25519", "x25519" }, { "curve448", "x448" },
	{ "prfsha", "prfsha1" },
	{ "sha2_256", "sha256" },
	{ "sha2_384", "sha384" },
	{ "sha2_512", "sha512" },
};

/* Algorithms that peers offer and nfipsec lacks, with names for the log alone. */
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
	{ IKE_TRANSFORM_ENCR, 24, "camellia", "ctr" },
	{ IKE_TRANSFORM_ENCR, 25, "camellia", "ccm8" },
	{ IKE_TRANSFORM_ENCR, 26, "camellia", "ccm12" },
	{ IKE_TRANSFORM_ENCR, 27, "camellia", "ccm16" },
	{ IKE_TRANSFORM_DH, 22, "modp1024s160", "" },
	{ IKE_TRANSFORM_DH, 23, "modp2048s224", "" },
	{ IKE_TRANSFORM_DH, 24, "modp2048s256", "" },
	{ IKE_TRANSFORM_DH, 25, "ecp192", "" },
	{ IKE_TRANSFORM_DH, 26, "ecp224", "" },
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

/**
 * ike_alg_cipher() - a cipher by the length of its key
 * @id: transform ID
 * @key_len: octets of key material, the salt included; 0: of any length, for what all have
 *
 * Return: the row, NULL for what we do not have.
 */
const struct ike_alg *ike_alg_cipher(uint16_t id, size_t key_len)
{
	size_t i;

	for (i = 0; i < COUNT(algs); i++)
		if (algs[i].type == IKE_TRANSFORM_ENCR && algs[i].id == id &&
		    (!key_len || algs[i].key_len == key_len))
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
 * Return: the PRF of the same hash or cipher, NULL if there is none.
 */
const struct ike_alg *ike_alg_prf_of_integ(const struct ike_alg *integ)
{
	static const struct {
		uint16_t integ, prf;
	} same[] = {
		{ INTEG_HMAC_SHA2_256_128, PRF_HMAC_SHA2_256 },
		{ INTEG_HMAC_SHA2_384_192, PRF_HMAC_SHA2_384 },
		{ INTEG_HMAC_SHA2_512_256, PRF_HMAC_SHA2_512 },
		{ INTEG_HMAC_SHA1_96, PRF_HMAC_SHA1 },
		{ INTEG_HMAC_MD5_96, PRF_HMAC_MD5 },
		{ INTEG_AES_XCBC_96, PRF_AES128_XCBC },
		{ INTEG_AES_CMAC_96, PRF_AES128_CMAC },
	};
	size_t i;

	for (i = 0; i < COUNT(same); i++)
		if (same[i].integ == integ->id)
			return ike_alg_find(IKE_TRANSFORM_PRF, same[i].prf, 0);
	return NULL;
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
