// SPDX-License-Identifier: GPL-2.0
/*
 * The SK payload: what others sealed, what we seal, and what must not open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/alg.h"
#include "crypto/crypto.h"
#include "tests/hex.h"
/*
 * Messages sealed by Python's cryptography: a header, one SK payload, in it one
 * Notify, with padding of several lengths. The AAD is the header with the
 * generic one of SK. Keys are followed by their salt. Single DES is 3DES with three
 * times the same key; XCBC is written out over AES in ECB mode.
 */
static const struct {
	uint16_t encr, integ;
	const char *key, *integ_key, *aad, *sealed;
} sk_rows[] = {
	{ 20, 0, "404142434445464748494a4b4c4d4e4fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b74e47ae15e199827854045e1212b4dbd044d6440fa04a78694dbb3a57"
	  "20" },
	{ 20, 0, "404142434445464748494a4b4c4d4e4fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004c29000030",
	  "b0b1b2b3b4b5b6b74e47ae15e199827854045e121346498427033230324a88ce6f1d905a"
	  "09d38e02e6e119f3" },
	{ 20, 0, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b708f4fc1f55f4e8b2491483f56847d41fae072576d76db942a050a987"
	  "74" },
	{ 20, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b7b6536d7a306a6b6568d161090d6e97a721e066ae3ff7781e1e751607"
	  "95" },
	{ 12, 12, "404142434445464748494a4b4c4d4e4f",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "010203040506070811121314151617182e202508000000020000005029000034",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf1c1638b700722b5b28b766579f13ae36d36e6189"
	  "459e96ec0ded0e2e26b87953" },
	{ 12, 13, "404142434445464748494a4b4c4d4e4f5051525354555657",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3"
	  "a4a5a6a7a8a9aaabacadaeaf",
	  "010203040506070811121314151617182e20250800000002000000582900003c",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf73b208c8229cec829f23548097b46e27fa777d2b"
	  "b17f013e68ea6e1b1a8fa4f3fce9fcfd48997536" },
	{ 12, 14, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3"
	  "a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf",
	  "010203040506070811121314151617182e202508000000020000006029000044",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf8952a14d78edac6a9a142a2475431c7830fb31b5"
	  "37534951dea21e77042e9646735187336190e8193246e6e414aefc82" },
	{ 12, 12, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "010203040506070811121314151617182e202508000000020000006029000044",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf8a83a6c9bfc9b440039f574b2e2a4817220d3ad5"
	  "bbe320661a0adef171efa903792154fb8ce0cc0756deea6c8ba6f73a" },
	{ 18, 0, "404142434445464748494a4b4c4d4e4fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000003d29000021",
	  "b0b1b2b3b4b5b6b74e47ae15e199827854045e12126ae708b3427d2703" },
	{ 19, 0, "404142434445464748494a4b4c4d4e4fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b74e47ae15e199827854045e121284a288a6c14852f153b5d95a" },
	{ 18, 0, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000003d29000021",
	  "b0b1b2b3b4b5b6b708f4fc1f55f4e8b2491483f56821327d4aaa200c7a" },
	{ 19, 0, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b708f4fc1f55f4e8b2491483f568800b4d6854fd6b4e5dc941b9" },
	{ 18, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000003d29000021",
	  "b0b1b2b3b4b5b6b7b6536d7a306a6b6568d161090d80dedf15b07c1248" },
	{ 19, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b7b6536d7a306a6b6568d161090d0c5ad15807b4e90739fd92e0" },
	{ 14, 0, "404142434445464748494a4b4c4d4e4fa1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000003d29000021",
	  "b0b1b2b3b4b5b6b7c67a7eeffdc6d0fc8888398976d7939aaea2250433" },
	{ 14, 0, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000003d29000021",
	  "b0b1b2b3b4b5b6b7de2232679d7d374eccd38a476e1586943e906a9871" },
	{ 14, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000003d29000021",
	  "b0b1b2b3b4b5b6b78bf1e6437e41f5d7fb2d18b8ea5b0a5f197c8be7c8" },
	{ 15, 0, "404142434445464748494a4b4c4d4e4fa1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b7c67a7eeffdc6d0fc88883989760e068feff658fa909a959ce3" },
	{ 15, 0, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b7de2232679d7d374eccd38a476ef1383a83eb2095f547cb1251" },
	{ 15, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b78bf1e6437e41f5d7fb2d18b8ead321de6f531731ab5360e066" },
	{ 16, 0, "404142434445464748494a4b4c4d4e4fa1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b7c67a7eeffdc6d0fc888839897678f1ba1f29833261e71c379193900a"
	  "89" },
	{ 16, 0, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b7de2232679d7d374eccd38a476ebe4352abe694b5673c4eb48b7d1b9a"
	  "2a" },
	{ 16, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b78bf1e6437e41f5d7fb2d18b8eae9b774c7183aa27e0bbf45f9469e5d"
	  "23" },
	{ 28, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004529000029",
	  "b0b1b2b3b4b5b6b742dce869df42190e84f6a48f1a6678e720dec10778f6386a7cb8083d"
	  "e0" },
	{ 28, 0, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3a4",
	  "",
	  "010203040506070811121314151617182e202508000000020000004a2900002e",
	  "b0b1b2b3b4b5b6b742dce869df42190e84f6a48f1a28208cc9b939dc6cc06e7b78be9dfa"
	  "a94705772806" },
	{ 13, 2, "404142434445464748494a4b4c4d4e4fa1a2a3a4",
	  "808182838485868788898a8b8c8d8e8f90919293",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b79d9410129e3b3a89a5cb7a4008a2a9c024ba8c575b0b533633" },
	{ 13, 5, "404142434445464748494a4b4c4d4e4f5051525354555657a1a2a3a4",
	  "808182838485868788898a8b8c8d8e8f",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b79156155207a3ff6659d21c66c5ed08d910f23172c455c9ce92" },
	{ 13, 8, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5fa1a2a3a4",
	  "808182838485868788898a8b8c8d8e8f",
	  "010203040506070811121314151617182e202508000000020000004129000025",
	  "b0b1b2b3b4b5b6b7a628e00a1e88ce520443a7fbf8dff753da47c31b5bc72726d3" },
	{ 12, 2, "404142434445464748494a4b4c4d4e4f",
	  "808182838485868788898a8b8c8d8e8f90919293",
	  "010203040506070811121314151617182e202508000000020000004c29000030",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf7fbb68fda15057324eb8a91e597c1c09dc2d1c69"
	  "e7a16949fec35cf1" },
	{ 12, 5, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
	  "808182838485868788898a8b8c8d8e8f",
	  "010203040506070811121314151617182e202508000000020000004c29000030",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf45429df764aee0e631e0f146ef3df70def8a2ea5"
	  "bc29db53e3d63232" },
	{ 12, 8, "404142434445464748494a4b4c4d4e4f",
	  "808182838485868788898a8b8c8d8e8f",
	  "010203040506070811121314151617182e202508000000020000004c29000030",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf7fbb68fda15057324eb8a91e597c1c098a32b123"
	  "fefc3ef9f7e93ee3" },
	{ 12, 1, "404142434445464748494a4b4c4d4e4f",
	  "808182838485868788898a8b8c8d8e8f",
	  "010203040506070811121314151617182e202508000000020000004c29000030",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf7fbb68fda15057324eb8a91e597c1c093de6de05"
	  "0f0f67727cf94273" },
	{ 23, 12, "404142434445464748494a4b4c4d4e4f",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
	  "010203040506070811121314151617182e202508000000020000005029000034",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf5228c64a5716a251bcb20815c80516581b97b8b8"
	  "71d2d9cf5a83b382c2d8ec15" },
	{ 23, 13, "404142434445464748494a4b4c4d4e4f5051525354555657",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3"
	  "a4a5a6a7a8a9aaabacadaeaf",
	  "010203040506070811121314151617182e20250800000002000000582900003c",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf82346ce57b95545461bf2ae92e6324b4d6c41c4e"
	  "d82711dfeb1754ba78d8d058693f36c7067d6036" },
	{ 23, 14, "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3"
	  "a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf",
	  "010203040506070811121314151617182e202508000000020000006029000044",
	  "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf18930542207e65d5720bbb47d2317f9f6fabef3a"
	  "766bc63e0977483db6b1d9f6d3582ed6aa016d92565f7074fa1f3f02" },
	{ 3, 2, "404142434445464748494a4b4c4d4e4f5051525354555657",
	  "808182838485868788898a8b8c8d8e8f90919293",
	  "010203040506070811121314151617182e202508000000020000004429000028",
	  "b0b1b2b3b4b5b6b78b2e1e19b7b11f2a2b0ec17d38aa4e57e03963e3c04be7d18cb97271" },
	{ 2, 1, "4041424344454647",
	  "808182838485868788898a8b8c8d8e8f",
	  "010203040506070811121314151617182e202508000000020000004429000028",
	  "b0b1b2b3b4b5b6b7e58cc4f09d1a317f7a5faa05bd6360da7fcd225842e78050f03e5ac7" },
};
#define SK_INSIDE "0000000c 0000 4000 61626364"

static bool open_sk(size_t row, struct bytes key, struct bytes ikey, struct bytes aad,
		    struct bytes sealed, struct buf *out)
{
	uint8_t *copy = tight(sealed);
	bool ok;

	buf_free(out);
	buf_put(out, "kept", 4);
	ok = crypto_sk_open(sk_rows[row].encr, key, sk_rows[row].integ, ikey, aad,
			    (struct bytes){ copy, sealed.len }, out);
	free(copy);
	if (!ok)
		assert_int_equal(out->len, 4);
	assert_memory_equal(out->p, "kept", 4);
	return ok;
}

static void opens_what_others_sealed(void **state)
{
	struct buf inside = hex_buf(SK_INSIDE), out;
	size_t i, k;

	(void)state;
	buf_init(&out);
	for (i = 0; i < sizeof(sk_rows) / sizeof(sk_rows[0]); i++) {
		struct buf key = hex_buf(sk_rows[i].key), ikey = hex_buf(sk_rows[i].integ_key);
		struct buf aad = hex_buf(sk_rows[i].aad), sealed = hex_buf(sk_rows[i].sealed);
		const struct bytes k_ = buf_bytes(&key), ik = buf_bytes(&ikey);

		assert_true(open_sk(i, k_, ik, buf_bytes(&aad), buf_bytes(&sealed), &out));
		assert_int_equal(out.len, 4 + inside.len);
		assert_memory_equal(out.p + 4, inside.p, inside.len);
		/* one bit anywhere */
		for (k = 0; k < aad.len; k++) {
			aad.p[k] ^= 0x10;
			assert_false(open_sk(i, k_, ik, buf_bytes(&aad), buf_bytes(&sealed), &out));
			aad.p[k] ^= 0x10;
		}
		for (k = 0; k < sealed.len; k++) {
			sealed.p[k] ^= 1;
			assert_false(open_sk(i, k_, ik, buf_bytes(&aad), buf_bytes(&sealed), &out));
			sealed.p[k] ^= 1;
		}
		key.p[key.len - 1] ^= 1;
		/* CBC, CTR: authentic, and then rubbish comes out, or padding that cannot be */
		if (ike_alg_cipher(sk_rows[i].encr, key.len)->aead)
			assert_false(open_sk(i, k_, ik, buf_bytes(&aad), buf_bytes(&sealed), &out));
		key.p[key.len - 1] ^= 1;
		/* cut at every length */
		for (k = 0; k < sealed.len; k++)
			assert_false(open_sk(i, k_, ik, buf_bytes(&aad), (struct bytes){ sealed.p, k },
					     &out));
		/* a key that is none */
		assert_false(open_sk(i, (struct bytes){ key.p, key.len - 1 }, ik, buf_bytes(&aad),
				     buf_bytes(&sealed), &out));
		assert_false(open_sk(i, (struct bytes){ NULL, 0 }, ik, buf_bytes(&aad),
				     buf_bytes(&sealed), &out));
		buf_free(&key);
		buf_free(&ikey);
		buf_free(&aad);
		buf_free(&sealed);
	}
	buf_free(&inside);
	buf_free(&out);
}

/* authentic, but the pad length octet counts more than there is: sealed by Python's cryptography */
static void impossible_padding_is_refused(void **state)
{
	struct buf key = hex_buf("404142434445464748494a4b4c4d4e4fa1a2a3a4"), out;
	struct buf aad = hex_buf("010203040506070811121314151617182e202508000000020000004529000029");
	struct buf sealed = hex_buf("b0b1b2b3b4b5b6b74e47ae15e199827854045e121f5b9e1f2dae54d420a7be9cb721551d"
		"7e");

	(void)state;
	buf_init(&out);
	assert_false(crypto_sk_open(ENCR_AES_GCM_16, buf_bytes(&key), 0, (struct bytes){ NULL, 0 },
				    buf_bytes(&aad), buf_bytes(&sealed), &out));
	assert_int_equal(out.len, 0);
	buf_free(&key);
	buf_free(&aad);
	buf_free(&sealed);
	buf_free(&out);
}

static void seals_what_opens(uint16_t encr, size_t key_len, uint16_t integ, size_t ikey_len)
{
	static const uint8_t octets[300] = { 7, 7, 7 };
	const struct bytes key = { octets, key_len }, ikey = { octets + 40, ikey_len };
	struct buf msg, out;
	size_t len, aad_len = 32;

	for (len = 0; len < 256; len += len < 40 ? 1 : 29) {
		buf_init(&msg);
		buf_init(&out);
		buf_put(&msg, octets, aad_len);
		/* the AAD is the buffer that grows */
		assert_true(crypto_sk_seal(encr, key, integ, ikey, buf_bytes(&msg),
					   (struct bytes){ octets, len }, &msg));
		assert_int_equal(msg.len, aad_len + crypto_sk_len(encr, integ, len));
		assert_true(crypto_sk_open(encr, key, integ, ikey, (struct bytes){ msg.p, aad_len },
					   (struct bytes){ msg.p + aad_len, msg.len - aad_len }, &out));
		assert_int_equal(out.len, len);
		if (len)
			assert_memory_equal(out.p, octets, len);
		buf_free(&msg);
		buf_free(&out);
	}
}

/* each cipher that IKE may have, with each integrity beside those that want one */
static void seals_with_all(void **state)
{
	static const char *const words[] = {
		"aes128", "aes192", "aes256", "aes128ctr", "aes192ctr", "aes256ctr", "camellia128",
		"camellia192", "camellia256", "3des", "des", "aes128gcm8", "aes192gcm8",
		"aes256gcm8", "aes128gcm12", "aes192gcm12", "aes256gcm12", "aes128gcm16",
		"aes192gcm16", "aes256gcm16", "aes128ccm8", "aes192ccm8", "aes256ccm8",
		"aes128ccm12", "aes192ccm12", "aes256ccm12", "aes128ccm16", "aes192ccm16",
		"aes256ccm16", "chacha20poly1305",
	};
	static const char *const integs[] = {
		"sha256", "sha384", "sha512", "sha1", "md5", "aesxcbc", "aescmac",
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct ike_alg *c = ike_alg_by_name(words[i], strlen(words[i])), *a;

		assert_non_null(c);
		assert_false(c->esp_only);
		assert_int_equal(c->weak, !strcmp(words[i], "des"));
		if (c->aead) {
			seals_what_opens(c->id, c->key_len, INTEG_NONE, 0);
			continue;
		}
		for (k = 0; k < sizeof(integs) / sizeof(integs[0]); k++) {
			a = ike_alg_by_name(integs[k], strlen(integs[k]));
			assert_non_null(a);
			seals_what_opens(c->id, c->key_len, a->id, a->key_len);
		}
	}
}

/* RFC 7634 B: the one example of an SK payload that an RFC has */
static void chacha_is_that_of_rfc_7634(void **state)
{
	struct buf key = hex_buf("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
				 "a0a1a2a3");
	struct buf aad = hex_buf("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029");
	struct buf sealed = hex_buf("1011121314151617 610394701f8d017f7c12924889"
				    "6b71bfe25236efd7cdc67066906315b2");
	struct buf inside = hex_buf("0000000c000040010000000a"), out;

	(void)state;
	buf_init(&out);
	assert_true(crypto_sk_open(ENCR_CHACHA20_POLY1305, buf_bytes(&key), 0,
				   (struct bytes){ NULL, 0 }, buf_bytes(&aad), buf_bytes(&sealed),
				   &out));
	assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&inside)));
	buf_free(&key);
	buf_free(&aad);
	buf_free(&sealed);
	buf_free(&inside);
	buf_free(&out);
}

static void seals(void **state)
{
	const struct bytes key = { (const uint8_t *)"0123456789abcdef0123", 20 };
	const struct bytes none = { NULL, 0 };
	struct buf a, b;

	(void)state;
	assert_int_equal(crypto_sk_len(ENCR_AES_GCM_16, 0, 10), 8 + 11 + 16);
	assert_int_equal(crypto_sk_len(ENCR_AES_CBC, INTEG_HMAC_SHA2_256_128, 15), 16 + 16 + 16);
	assert_int_equal(crypto_sk_len(ENCR_AES_CBC, INTEG_HMAC_SHA2_256_128, 16), 16 + 32 + 16);
	assert_int_equal(crypto_sk_len(ENCR_AES_CBC, INTEG_NONE, 16), 0);
	assert_int_equal(crypto_sk_len(ENCR_3DES_CBC, INTEG_HMAC_SHA1_96, 15), 8 + 16 + 12);
	assert_int_equal(crypto_sk_len(ENCR_3DES_CBC, INTEG_HMAC_SHA1_96, 16), 8 + 24 + 12);
	assert_int_equal(crypto_sk_len(ENCR_AES_CTR, INTEG_AES_XCBC_96, 16), 8 + 17 + 12);
	assert_int_equal(crypto_sk_len(ENCR_AES_CTR, INTEG_NONE, 16), 0);
	assert_int_equal(crypto_sk_len(ENCR_AES_CCM_8, INTEG_NONE, 16), 8 + 17 + 8);
	/* what only ESP has */
	assert_int_equal(crypto_sk_len(ENCR_NULL, INTEG_HMAC_SHA1_96, 16), 0);
	assert_int_equal(crypto_sk_len(ENCR_AES_GMAC, INTEG_NONE, 16), 0);
	assert_int_equal(crypto_sk_len(ENCR_AES_GCM_16_IIV, INTEG_NONE, 16), 0);
	assert_int_equal(crypto_sk_len(7, INTEG_HMAC_SHA1_96, 16), 0);
	/* never the same IV twice */
	buf_init(&a);
	buf_init(&b);
	assert_true(crypto_sk_seal(ENCR_AES_GCM_16, key, 0, none, key, none, &a));
	assert_true(crypto_sk_seal(ENCR_AES_GCM_16, key, 0, none, key, none, &b));
	assert_memory_not_equal(a.p, b.p, 8);
	/* CBC without integrity is refused, and nothing is left behind */
	assert_false(crypto_sk_seal(ENCR_AES_CBC, (struct bytes){ key.p, 16 }, INTEG_NONE, none, key,
				    none, &b));
	assert_int_equal(b.len, a.len);
	buf_free(&a);
	buf_free(&b);
}

/* RFC 7296 3.14: of a block cipher nobody can tell the next IV from those before */
static void ivs_of_cbc_are_unpredictable(void **state)
{
	static const struct { uint16_t encr; size_t key_len, iv_len; } row[] = {
		{ ENCR_AES_CBC, 16, 16 }, { ENCR_CAMELLIA_CBC, 32, 16 }, { ENCR_3DES_CBC, 24, 8 },
	};
	static const uint8_t octets[64] = { 3, 1, 4, 1, 5, 9, 2, 6 };
	uint8_t iv[16][16];
	size_t i, k, n, at;
	struct buf b;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (k = 0; k < 16; k++) {
			buf_init(&b);
			assert_true(crypto_sk_seal(row[i].encr, (struct bytes){ octets, row[i].key_len },
						   INTEG_HMAC_SHA2_256_128,
						   (struct bytes){ octets, 32 },
						   (struct bytes){ octets, 32 },
						   (struct bytes){ octets, 10 }, &b));
			memcpy(iv[k], b.p, row[i].iv_len);
			buf_free(&b);
		}
		/* neither counted nor like another: each octet of it differs among 16 */
		for (at = 0; at < row[i].iv_len; at++) {
			for (k = 1, n = 0; k < 16; k++)
				n += iv[k][at] != iv[k - 1][at];
			assert_true(n > 8);
		}
	}
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init() ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_what_others_sealed),
		cmocka_unit_test(chacha_is_that_of_rfc_7634),
		cmocka_unit_test(impossible_padding_is_refused),
		cmocka_unit_test(seals_with_all),
		cmocka_unit_test(seals),
		cmocka_unit_test(ivs_of_cbc_are_unpredictable),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
