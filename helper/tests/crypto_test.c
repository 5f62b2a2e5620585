// SPDX-License-Identifier: GPL-2.0
/*
 * Known answers of PRFs, and what belongs to nothing else. Where no RFC has one, the answer was
 * computed with an independent implementation, Python's hmac and cryptography
 * (OpenSSL); the rows say so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/alg.h"
#include "crypto/crypto.h"
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
	/* RFC 2202 2 and 3 by number of the case */
	{ 1, 1, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  "9294727a3638bb1c13f48ef8158bfc9d" },
	{ 1, 2, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	  "4869205468657265",
	  "b617318655057264e28bc0b6fb378c8ef146be00" },
	{ 2, 1, "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "750c783e6ab0b503eaa86e310a5db738" },
	{ 2, 2, "4a656665",
	  "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ 3, 1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "56be34521d144c88dbb8c733f0e8b3f6" },
	{ 3, 2, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	  "dddddddddddddddddddddddddddd",
	  "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
	{ 6, 1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd" },
	{ 6, 2, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaa",
	  "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b65"
	  "79202d2048617368204b6579204669727374",
	  "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
};

static void hmac_is_that_of_rfc_4231_and_2202(void **state)
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
	assert_int_equal(crypto_prf_len(3), 0);
	assert_false(crypto_prf(3, (struct bytes){ NULL, 0 }, NULL, 0, out));
}

/*
 * RFC 3566 4.6 and RFC 4434 4 (XCBC), RFC 4493 4 and RFC 4615 4 (CMAC). They differ in
 * what they make of a short key: filled with zeros, or hashed.
 */
static const struct {
	uint16_t prf;
	const char *key, *data, *mac;
} aes_rows[] = {
	{ 4, "000102030405060708090a0b0c0d0e0f", "", "75f0251d528ac01c4573dfd584d79f29" },
	{ 4, "000102030405060708090a0b0c0d0e0f", "000102", "5b376580ae2f19afe7219ceef172756f" },
	{ 4, "000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f",
	  "d2a246fa349b68a79998a4394ff7a263" },
	{ 4, "000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f10111213",
	  "47f51b4564966215b8985c63055ed308" },
	{ 4, "000102030405060708090a0b0c0d0e0f",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "f54f0ec8d2b9f3d36807734bd5283fd4" },
	{ 4, "000102030405060708090a0b0c0d0e0f",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021",
	  "becbb3bccdb518a30677d5481fb6b4d8" },
	{ 4, "00010203040506070809", "000102030405060708090a0b0c0d0e0f10111213",
	  "0fa087af7d866e7653434e602fdde835" },
	{ 4, "000102030405060708090a0b0c0d0e0fedcb", "000102030405060708090a0b0c0d0e0f10111213",
	  "8cd3c93ae598a9803006ffb67c40e9e4" },
	{ 8, "2b7e151628aed2a6abf7158809cf4f3c", "", "bb1d6929e95937287fa37d129b756746" },
	{ 8, "2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a",
	  "070a16b46b4d4144f79bdd9dd04a287c" },
	{ 8, "2b7e151628aed2a6abf7158809cf4f3c",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
	  "dfa66747de9ae63030ca32611497c827" },
	{ 8, "2b7e151628aed2a6abf7158809cf4f3c",
	  "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	  "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
	  "51f0bebf7e3b9d92fc49741779363cfe" },
	{ 8, "000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f10111213",
	  "980ae87b5f4c9c5214f5b6a8455e4c2d" },
	{ 8, "00010203040506070809", "000102030405060708090a0b0c0d0e0f10111213",
	  "290d9e112edb09ee141fcf64c0b72f3d" },
	{ 8, "000102030405060708090a0b0c0d0e0fedcb", "000102030405060708090a0b0c0d0e0f10111213",
	  "84a348a4a45d235babfffc0d2b4da09a" },
};

static void aes_prfs_are_those_of_their_rfcs(void **state)
{
	uint8_t out[CRYPTO_HASH_MAX];
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof(aes_rows) / sizeof(aes_rows[0]); i++) {
		struct buf key = hex_buf(aes_rows[i].key), data = hex_buf(aes_rows[i].data);
		struct buf mac = hex_buf(aes_rows[i].mac);

		assert_int_equal(crypto_prf_len(aes_rows[i].prf), 16);
		for (cut = 0; cut <= data.len; cut++) {
			const struct bytes parts[] = { { data.p, cut },
						       { NULL, 0 },
						       { data.p + cut, data.len - cut } };

			memset(out, 0, sizeof(out));
			assert_true(crypto_prf(aes_rows[i].prf, buf_bytes(&key), parts, 3, out));
			assert_memory_equal(out, mac.p, mac.len);
		}
		buf_free(&key);
		buf_free(&data);
		buf_free(&mac);
	}
}

/* RFC 3566 4.6, test case 7 */
static void xcbc_of_a_thousand_zeros(void **state)
{
	struct buf key = hex_buf("000102030405060708090a0b0c0d0e0f");
	struct buf want = hex_buf("f0dafee895db30253761103b5d84528f");
	static const uint8_t zeros[1000];
	uint8_t out[CRYPTO_HASH_MAX];
	const struct bytes part = { zeros, sizeof(zeros) };

	(void)state;
	assert_true(crypto_prf(PRF_AES128_XCBC, buf_bytes(&key), &part, 1, out));
	assert_memory_equal(out, want.p, want.len);
	buf_free(&key);
	buf_free(&want);
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
		cmocka_unit_test(hmac_is_that_of_rfc_4231_and_2202),
		cmocka_unit_test(aes_prfs_are_those_of_their_rfcs),
		cmocka_unit_test(xcbc_of_a_thousand_zeros),
		cmocka_unit_test(prf_takes_an_empty_key),
		cmocka_unit_test(prf_plus_known_answers),
		cmocka_unit_test(sha1_of_abc),
		cmocka_unit_test(small_things),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
