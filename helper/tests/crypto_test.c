// SPDX-License-Identifier: GPL-2.0
/*
 * Known answers of the crypto wrapper. Where no RFC has one, the answer was
 * computed with an independent implementation, Python's hmac and cryptography
 * (OpenSSL); the rows say so.
 */
#include <gmp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ike/alg.h"
#include "sys/crypto.h"
#include "sys/dh.h"
#include "tests/hex.h"

/* RFC 4231 4.2 to 4.8 by number of the case (5 is about a cut output); RFC 4868 2.7 has the same */
static const struct {
	unsigned int number;
	uint16_t prf;
	const char *key, *data, *mac;
} hmac_rows[] = {
	{ 1, 5, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ 1, 6, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9"
	  "076ede7f4af152e8b2fa9cb6" },
	{ 1, 7, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7"
	  "d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	{ 2, 5, "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ 2, 6, "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca"
	  "5e69e2c78b3239ecfab21649" },
	{ 2, 7, "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75"
	  "c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	{ 3, 5, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ 3, 6, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39d"
	  "c13814b94e3ab6e101a34f27" },
	{ 3, 7, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e8482"
	  "79a722c806b485a47e67c807b946a337bee8942674278859e13292fb" },
	{ 4, 5, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ 4, 6, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23"
	  "c4a7d679ccf8a386c674cffb" },
	{ 4, 7, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	  "cdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	  "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c1"
	  "1aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd" },
	{ 6, 5, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ 6, 6, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab"
	  "4030fe8296248df163f44952" },
	{ 6, 7, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037"
	  "e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" },
	{ 7, 5, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468616e2062"
	  "6c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f63"
	  "6b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173"
	  "686564206265666f7265206265696e6720757365642062792074686520484d414320616c"
	  "676f726974686d2e",
	  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
	{ 7, 6, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468616e2062"
	  "6c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f63"
	  "6b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173"
	  "686564206265666f7265206265696e6720757365642062792074686520484d414320616c"
	  "676f726974686d2e",
	  "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31"
	  "e799176d3860e6110c46523e" },
	{ 7, 7, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "5468697320697320612074657374207573696e672061206c6172676572207468616e2062"
	  "6c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f63"
	  "6b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173"
	  "686564206265666f7265206265696e6720757365642062792074686520484d414320616c"
	  "676f726974686d2e",
	  "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac"
	  "3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58" },
};

static void prf_is_that_of_rfc_4231(void **state)
{
	uint8_t out[CRYPTO_HASH_MAX];
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof(hmac_rows) / sizeof(hmac_rows[0]); i++) {
		struct buf key = hex_buf(hmac_rows[i].key), data = hex_buf(hmac_rows[i].data);
		struct buf mac = hex_buf(hmac_rows[i].mac);

		assert_int_equal(crypto_prf_len(hmac_rows[i].prf), mac.len);
		for (cut = 0; cut <= data.len; cut += 7) {
			const struct bytes parts[] = { { data.p, cut },
						       { NULL, 0 },
						       { data.p + cut, data.len - cut } };

			memset(out, 0, sizeof(out));
			assert_true(crypto_prf(hmac_rows[i].prf, buf_bytes(&key), parts, 3, out));
			assert_memory_equal(out, mac.p, mac.len);
		}
		buf_free(&key);
		buf_free(&data);
		buf_free(&mac);
	}
	assert_int_equal(crypto_prf_len(2), 0);
	assert_false(crypto_prf(2, (struct bytes){ NULL, 0 }, NULL, 0, out));
}

/* hmac.new(b"", b"", hashlib.sha256) of Python */
static void prf_takes_an_empty_key(void **state)
{
	struct buf want = hex_buf("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	uint8_t out[CRYPTO_HASH_MAX];

	(void)state;
	assert_true(crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ NULL, 0 }, NULL, 0, out));
	assert_memory_equal(out, want.p, want.len);
	buf_free(&want);
}

/* RFC 7296 2.13 written out in Python with hmac; key 00..1f, seed "nonce-i nonce-r spi-i spi-r" */
static const struct {
	uint16_t prf;
	size_t len;
	const char *out;
} prf_plus_rows[] = {
	{ 5, 100, "d167110a97b3bc59ef039721244062302c74308ab43ff7cdfbed1897d4f06962459da1f3"
	  "37e6342dbb80885af917d4b942fd27871ae16bb1d760a750dd5709f05b05eda565d2f534"
	  "e3f5e98803aa91e7377f0dfaeb92761add2e2afc28c06b7b9bc6b831" },
	{ 6, 96, "23294fecedd36594c16ffe0f4666430eefd846272c86830f50a4eaa3e82cb6b0a5593dfd"
	  "e6989d30ea4a1bbe61c4456ed8ee20344678b8c76a85c2ce4a0b551122e3449b1e2eda42"
	  "6e1440ca621ec7ed07bae66b0bfcb3c15c62edcec9657ece" },
	{ 7, 130, "28093cc37cd1a11b456e505976ac50313a564990cc5265130b926b7c21790402e603d88e"
	  "47e8882f72f0fa5062570f80bbe647fface6bd4a2f408095b26b4a49d45a8b1a7f46365a"
	  "4bcd79ebb39e00cb1373e66a3e9f6be7a1c328e27ca61aff5e97f1ba8ab4a205f5596263"
	  "66efea314ff714e54ef97e0402b774a86620e46ffb9a" },
};

static void prf_plus_known_answers(void **state)
{
	static const char seed_text[] = "nonce-i nonce-r spi-i spi-r";
	const struct bytes seed = { (const uint8_t *)seed_text, sizeof(seed_text) - 1 };
	static uint8_t key_octets[32], out[255 * 32 + 1];
	const struct bytes key = { key_octets, sizeof(key_octets) };
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(key_octets); i++)
		key_octets[i] = (uint8_t)i;
	for (i = 0; i < sizeof(prf_plus_rows) / sizeof(prf_plus_rows[0]); i++) {
		struct buf want = hex_buf(prf_plus_rows[i].out);

		assert_int_equal(want.len, prf_plus_rows[i].len);
		/* each length is a head of the longest */
		for (len = 0; len <= want.len; len++) {
			memset(out, 0xee, len + 1);
			assert_true(crypto_prf_plus(prf_plus_rows[i].prf, key, seed, out, len));
			assert_memory_equal(out, want.p, len);
			assert_int_equal(out[len], 0xee);
		}
		buf_free(&want);
	}
	assert_true(crypto_prf_plus(PRF_HMAC_SHA2_256, key, seed, out, 255 * 32));
	assert_false(crypto_prf_plus(PRF_HMAC_SHA2_256, key, seed, out, 255 * 32 + 1));
	assert_false(crypto_prf_plus(99, key, seed, out, 1));
}

static void sha1_of_abc(void **state)
{
	struct buf want = hex_buf("a9993e364706816aba3e25717850c26c9cd0d89d");	/* FIPS 180-1 */
	uint8_t out[20];

	(void)state;
	assert_true(crypto_sha1((struct bytes){ (const uint8_t *)"abc", 3 }, out));
	assert_memory_equal(out, want.p, sizeof(out));
	buf_free(&want);
}

/*
 * Messages sealed by Python's cryptography: a header, one SK payload, in it one
 * Notify, with padding of several lengths. The AAD is the header with the
 * generic one of SK. GCM keys are followed by their salt.
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
		/* CBC: authentic, and then rubbish comes out, or padding that cannot be */
		if (sk_rows[i].encr == ENCR_AES_GCM_16)
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

static void seals(void **state)
{
	const struct bytes key = { (const uint8_t *)"0123456789abcdef0123", 20 };
	const struct bytes none = { NULL, 0 };
	struct buf a, b;

	(void)state;
	seals_what_opens(ENCR_AES_GCM_16, 20, INTEG_NONE, 0);
	seals_what_opens(ENCR_AES_GCM_16, 28, INTEG_NONE, 0);
	seals_what_opens(ENCR_AES_GCM_16, 36, INTEG_NONE, 0);
	seals_what_opens(ENCR_AES_CBC, 16, INTEG_HMAC_SHA2_256_128, 32);
	seals_what_opens(ENCR_AES_CBC, 24, INTEG_HMAC_SHA2_384_192, 48);
	seals_what_opens(ENCR_AES_CBC, 32, INTEG_HMAC_SHA2_512_256, 64);
	assert_int_equal(crypto_sk_len(ENCR_AES_GCM_16, 0, 10), 8 + 11 + 16);
	assert_int_equal(crypto_sk_len(ENCR_AES_CBC, INTEG_HMAC_SHA2_256_128, 15), 16 + 16 + 16);
	assert_int_equal(crypto_sk_len(ENCR_AES_CBC, INTEG_HMAC_SHA2_256_128, 16), 16 + 32 + 16);
	assert_int_equal(crypto_sk_len(ENCR_AES_CBC, INTEG_NONE, 16), 0);
	assert_int_equal(crypto_sk_len(3, INTEG_NONE, 16), 0);
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

/* RFC 5903 8.1 to 8.3: private keys and public values of both, and the shared x */
static const struct {
	uint16_t group;
	const char *i, *r, *gi, *gr, *x;
} ecp_rows[] = {
	{ 19,
	  "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	  "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
	  "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a046"
	  "1cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
	  "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca"
	  "366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
	  "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de" },
	{ 20,
	  "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b5380"
	  "41e649ee3faef896783ab194",
	  "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312"
	  "916b8ed2960e4bd55a7448fc",
	  "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808"
	  "acb4bdb4c88732aee95f41aa9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ad"
	  "a024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
	  "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a"
	  "0336def96fda41d0774a3571dcfbec7aacf3196472169e838430367f66eebe3c6e70c416"
	  "dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
	  "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d6031355"
	  "69b9e9d09cf5d4a270f59746" },
	{ 21,
	  "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a3"
	  "0fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
	  "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d60"
	  "0b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
	  "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42"
	  "e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e017cae20b664"
	  "1d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799d"
	  "c75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
	  "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356"
	  "436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f015c68226383"
	  "956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2ae"
	  "bb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
	  "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73"
	  "ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea" },
};

static void one_side(uint16_t group, const char *private, const char *public, const char *peer,
		     const char *shared)
{
	struct buf k = hex_buf(private), p = hex_buf(public), y = hex_buf(peer), z = hex_buf(shared);
	struct crypto_dh *dh = dh_from_private(group, buf_bytes(&k));
	struct buf out;

	buf_init(&out);
	assert_non_null(dh);
	assert_int_equal(crypto_dh_group(dh), group);
	assert_int_equal(crypto_dh_public_len(group), y.len);
	if (p.len)
		assert_true(bytes_equal(crypto_dh_public(dh), buf_bytes(&p)));
	assert_true(crypto_dh_shared(dh, buf_bytes(&y), &out));
	assert_true(bytes_equal(buf_bytes(&out), buf_bytes(&z)));
	crypto_dh_free(dh);
	buf_free(&k);
	buf_free(&p);
	buf_free(&y);
	buf_free(&z);
	buf_free(&out);
}

static void ecp_is_that_of_rfc_5903(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ecp_rows) / sizeof(ecp_rows[0]); i++) {
		one_side(ecp_rows[i].group, ecp_rows[i].i, ecp_rows[i].gi, ecp_rows[i].gr, ecp_rows[i].x);
		one_side(ecp_rows[i].group, ecp_rows[i].r, ecp_rows[i].gr, ecp_rows[i].gi, ecp_rows[i].x);
	}
}

static void x25519_is_that_of_rfc_7748(void **state)
{
	static const char a[] = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
	static const char ga[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
	static const char b[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
	static const char gb[] = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
	static const char k[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

	(void)state;
	/* 6.1, then 5.2, whose second row has the high bit of u set */
	one_side(DH_X25519, a, ga, gb, k);
	one_side(DH_X25519, b, gb, ga, k);
	one_side(DH_X25519, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "",
		 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	one_side(DH_X25519, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "",
		 "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		 "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

/* arctan(1 / n) in units of 2^-bits */
static void arctan_inverse(mpz_t sum, unsigned long n, unsigned long bits)
{
	unsigned long k;
	mpz_t x, term;

	mpz_init(x);
	mpz_init(term);
	mpz_ui_pow_ui(x, 2, bits);
	mpz_tdiv_q_ui(x, x, n);
	mpz_set(sum, x);
	for (k = 3; mpz_sgn(x); k += 2) {
		mpz_tdiv_q_ui(x, x, n * n);
		mpz_tdiv_q_ui(term, x, k);
		if (k % 4 == 3)
			mpz_sub(sum, sum, term);
		else
			mpz_add(sum, sum, term);
	}
	mpz_clear(x);
	mpz_clear(term);
}

/* RFC 3526: p = 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + c), with pi by Machin's formula */
static void prime_by_formula(mpz_t p, unsigned long n, unsigned long c)
{
	const unsigned long guard = 64;
	mpz_t t;

	mpz_init(t);
	arctan_inverse(p, 5, n - 130 + guard);
	arctan_inverse(t, 239, n - 130 + guard);
	mpz_mul_ui(p, p, 16);
	mpz_submul_ui(p, t, 4);
	mpz_tdiv_q_2exp(p, p, guard);
	mpz_add_ui(p, p, c);
	mpz_mul_2exp(p, p, 64);
	mpz_ui_pow_ui(t, 2, n);
	mpz_add(p, p, t);
	mpz_ui_pow_ui(t, 2, n - 64);
	mpz_sub(p, p, t);
	mpz_sub_ui(p, p, 1);
	mpz_clear(t);
}

/* @v as a public value of @len octets */
static bool modp_try(struct crypto_dh *dh, const mpz_t v, size_t len, struct buf *out)
{
	uint8_t octets[512] = { 0 };
	size_t n = (mpz_sizeinbase(v, 2) + 7) / 8;

	assert_true(n <= len);
	if (mpz_sgn(v))
		mpz_export(octets + len - n, NULL, 1, 1, 1, 0, v);
	buf_free(out);
	return crypto_dh_shared(dh, (struct bytes){ octets, len }, out);
}

/*
 * The primes themselves are not visible. 2^x mod p is our public value, so with
 * p - 2 from the peer the secret is it or p minus it: that ties p to the formula.
 */
static void modp_is_that_of_rfc_3526(void **state)
{
	static const struct {
		uint16_t group;
		unsigned long bits, c;
	} row[] = {
		{ DH_MODP2048, 2048, 124476 },
		{ DH_MODP3072, 3072, 1690314 },
		{ DH_MODP4096, 4096, 240904 },
	};
	mpz_t p, v, mine, shared;
	struct buf out;
	size_t i;

	(void)state;
	mpz_inits(p, v, mine, shared, NULL);
	buf_init(&out);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct crypto_dh *dh = crypto_dh_new(row[i].group);
		size_t len = row[i].bits / 8;
		struct bytes public;

		assert_non_null(dh);
		public = crypto_dh_public(dh);
		assert_int_equal(public.len, len);
		prime_by_formula(p, row[i].bits, row[i].c);
		assert_true(mpz_probab_prime_p(p, 10));
		mpz_import(mine, len, 1, 1, 1, 0, public.p);
		mpz_sub_ui(v, p, 2);
		assert_true(modp_try(dh, v, len, &out));
		assert_int_equal(out.len, len);
		mpz_import(shared, len, 1, 1, 1, 0, out.p);
		if (mpz_cmp(shared, mine)) {
			mpz_add(shared, shared, mine);
			assert_int_equal(mpz_cmp(shared, p), 0);
		}
		mpz_set_ui(v, 2);
		assert_true(modp_try(dh, v, len, &out));
		assert_true(bytes_equal(buf_bytes(&out), public));
		/* RFC 6989 2.1: not 0, 1, p - 1, p, nor above */
		mpz_set_ui(v, 0);
		assert_false(modp_try(dh, v, len, &out));
		mpz_set_ui(v, 1);
		assert_false(modp_try(dh, v, len, &out));
		mpz_sub_ui(v, p, 1);
		assert_false(modp_try(dh, v, len, &out));
		assert_false(modp_try(dh, p, len, &out));
		mpz_add_ui(v, p, 2);
		assert_false(modp_try(dh, v, len, &out));
		crypto_dh_free(dh);
	}
	mpz_clears(p, v, mine, shared, NULL);
	buf_free(&out);
}

static void two_sides_agree(void **state)
{
	static const uint16_t groups[] = { DH_MODP2048, DH_MODP3072, DH_MODP4096, DH_ECP256,
					   DH_ECP384, DH_ECP521, DH_X25519 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct crypto_dh *a = crypto_dh_new(groups[i]), *b = crypto_dh_new(groups[i]);
		struct bytes pa, pb;
		struct buf sa, sb;

		assert_non_null(a);
		assert_non_null(b);
		pa = crypto_dh_public(a);
		pb = crypto_dh_public(b);
		assert_int_equal(pa.len, crypto_dh_public_len(groups[i]));
		assert_false(bytes_equal(pa, pb));
		buf_init(&sa);
		buf_init(&sb);
		assert_true(crypto_dh_shared(a, pb, &sa));
		assert_true(crypto_dh_shared(b, pa, &sb));
		assert_true(bytes_equal(buf_bytes(&sa), buf_bytes(&sb)));
		/* one octet less, one more: RFC 7296 3.4 */
		assert_false(crypto_dh_shared(a, (struct bytes){ pb.p, pb.len - 1 }, &sa));
		buf_put_bytes(&sb, pb);
		buf_put_u8(&sb, 0);
		assert_false(crypto_dh_shared(a, buf_bytes(&sb), &sa));
		assert_false(crypto_dh_shared(a, (struct bytes){ NULL, 0 }, &sa));
		buf_free(&sa);
		buf_free(&sb);
		crypto_dh_free(a);
		crypto_dh_free(b);
	}
	assert_null(crypto_dh_new(2));
	assert_null(crypto_dh_new(DH_NONE));
	assert_int_equal(crypto_dh_public_len(2), 0);
	crypto_dh_free(NULL);
}

static void bad_points_are_refused(void **state)
{
	static const uint16_t groups[] = { DH_ECP256, DH_ECP384, DH_ECP521 };
	/* order 8 on Curve25519, and u = 1 of order 4: RFC 7748 6.1 */
	static const char *const small[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	uint8_t point[132];
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out);
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct crypto_dh *a = crypto_dh_new(groups[i]), *b = crypto_dh_new(groups[i]);
		size_t len = crypto_dh_public_len(groups[i]);
		struct bytes bad = { point, len };

		/* off the curve; the origin; coordinates above the prime */
		memcpy(point, crypto_dh_public(b).p, len);
		point[len - 1] ^= 1;
		assert_false(crypto_dh_shared(a, bad, &out));
		memset(point, 0, sizeof(point));
		assert_false(crypto_dh_shared(a, bad, &out));
		memset(point, 0xff, sizeof(point));
		assert_false(crypto_dh_shared(a, bad, &out));
		/* private keys 0 and above the order */
		assert_null(dh_from_private(groups[i], (struct bytes){ point, len / 2 }));
		memset(point, 0, sizeof(point));
		assert_null(dh_from_private(groups[i], (struct bytes){ point, len / 2 }));
		crypto_dh_free(a);
		crypto_dh_free(b);
	}
	for (i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		struct crypto_dh *a = crypto_dh_new(DH_X25519);
		struct buf u = hex_buf(small[i]);

		assert_false(crypto_dh_shared(a, buf_bytes(&u), &out));
		buf_free(&u);
		crypto_dh_free(a);
	}
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void small_things(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	(void)state;
	assert_true(crypto_random(a, sizeof(a)));
	assert_false(crypto_equal(a, b, sizeof(a)));
	crypto_wipe(a, sizeof(a));
	assert_true(crypto_equal(a, b, sizeof(a)));
	assert_true(crypto_equal(a, b, 0));
	crypto_wipe(NULL, 0);
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
		cmocka_unit_test(prf_is_that_of_rfc_4231),
		cmocka_unit_test(prf_takes_an_empty_key),
		cmocka_unit_test(prf_plus_known_answers),
		cmocka_unit_test(sha1_of_abc),
		cmocka_unit_test(opens_what_others_sealed),
		cmocka_unit_test(impossible_padding_is_refused),
		cmocka_unit_test(seals),
		cmocka_unit_test(ecp_is_that_of_rfc_5903),
		cmocka_unit_test(x25519_is_that_of_rfc_7748),
		cmocka_unit_test(modp_is_that_of_rfc_3526),
		cmocka_unit_test(two_sides_agree),
		cmocka_unit_test(bad_points_are_refused),
		cmocka_unit_test(small_things),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
