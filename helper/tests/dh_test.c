// SPDX-License-Identifier: GPL-2.0
/*
 * Diffie-Hellman: known answers of each group, and public values that must be refused.
 */
#include <gmp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/alg.h"
#include "crypto/crypto.h"
#include "crypto/dh.h"
#include "tests/hex.h"
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

/* RFC 6932 A.1 (224 bits), RFC 7027 A.1 to A.3: private keys and public values of both, and the shared x */
static const struct {
	uint16_t group;
	const char *i, *r, *gi, *gr, *x;
} bp_rows[] = {
	{ 27,
	  "7c4b7a2c8a4bad1fbb7d79cc0955db7c6a4660ca64cc4778159b495e",
	  "63976d4aae6cd0f6dd18defef55d96569d0507c03e74d6486ffa28fb",
	  "b104a67a6f6e85e14ec1825e1539e8ecdbbf584922367dd88c6bdcf246d782e7fdb5f60c"
	  "d8404301ac5949c58edb26bc68ba07695b750a94",
	  "2a97089a9296147b71b21a4b574e1278245b536f14d8c2b9d07a874e9b900d7c77a709a7"
	  "97276b8ca1ba61bb95b546fc29f862e44d59d25b",
	  "312dfd98783f9fb77b9704945a73beb6dccbe3b65d0f967dcab574eb" },
	{ 28,
	  "81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d",
	  "55e40bc41e37e3e2ad25c3c6654511ffa8474a91a0032087593852d3e7d76bd3",
	  "44106e913f92bc02a1705d9953a8414db95e1aaa49e81d9e85f929a8e3100be58ab4846f"
	  "11caccb73ce49cbdd120f5a900a69fd32c272223f789ef10eb089bdc",
	  "8d2d688c6cf93e1160ad04cc4429117dc2c41825e1e9fca0addd34e6f1b39f7b990c5752"
	  "0812be512641e47034832106bc7d3e8dd0e4c7f1136d7006547cec6a",
	  "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b" },
	{ 29,
	  "1e20f5e048a5886f1f157c74e91bde2b98c8b52d58e5003d57053fc4b0bd65d6f15eb5d1"
	  "ee1610df870795143627d042",
	  "032640bc6003c59260f7250c3db58ce647f98e1260acce4acda3dd869f74e01f8ba5e032"
	  "4309db6a9831497abac96670",
	  "68b665dd91c195800650cdd363c625f4e742e8134667b767b1b476793588f885ab698c85"
	  "2d4a6e77a252d6380fcaf06855bc91a39c9ec01dee36017b7d673a931236d2f1f5c83942"
	  "d049e3fa20607493e0d038ff2fd30c2ab67d15c85f7faa59",
	  "4d44326f269a597a5b58bba565da5556ed7fd9a8a9eb76c25f46db69d19dc8ce6ad18e40"
	  "4b15738b2086df37e71d1eb462d692136de56cbe93bf5fa3188ef58bc8a3a0ec6c1e151a"
	  "21038a42e9185329b5b275903d192f8d4e1f32fe9cc78c48",
	  "0bd9d3a7ea0b3d519d09d8e48d0785fb744a6b355e6304bc51c229fbbce239bbadf64037"
	  "15c35d4fb2a5444f575d4f42" },
	{ 30,
	  "16302ff0dbbb5a8d733dab7141c1b45acbc8715939677f6a56850a38bd87bd59b09e8027"
	  "9609ff333eb9d4c061231fb26f92eeb04982a5f1d1764cad57665422",
	  "230e18e1bcc88a362fa54e4ea3902009292f7f8033624fd471b5d8ace49d12cfabbc1996"
	  "3dab8e2f1eba00bffb29e4d72d13f2224562f405cb80503666b25429",
	  "0a420517e406aac0acdce90fcd71487718d3b953efd7fbec5f7f27e28c6149999397e91e"
	  "029e06457db2d3e640668b392c2a7e737a7f0bf04436d11640fd09fd72e6882e8db28aad"
	  "36237cd25d580db23783961c8dc52dfa2ec138ad472a0fcef3887cf62b623b2a87de5c58"
	  "8301ea3e5fc269b373b60724f5e82a6ad147fde7",
	  "9d45f66de5d67e2e6db6e93a59ce0bb48106097ff78a081de781cdb31fce8ccbaaea8dd4"
	  "320c4119f1e9cd437a2eab3731fa9668ab268d871deda55a5473199f2fdc313095bcdd5f"
	  "b3a91636f07a959c8e86b5636a1e930e8396049cb481961d365cc11453a06c719835475b"
	  "12cb52fc3c383bce35e27ef194512b71876285fa",
	  "a7927098655f1f9976fa50a9d566865dc530331846381c87256baf3226244b76d36403c0"
	  "24d7bbf0aa0803eaff405d3d24f11a9b5c0bef679fe1454b21c4cd1f" },
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

static void brainpool_is_that_of_rfc_7027(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bp_rows) / sizeof(bp_rows[0]); i++) {
		one_side(bp_rows[i].group, bp_rows[i].i, bp_rows[i].gi, bp_rows[i].gr, bp_rows[i].x);
		one_side(bp_rows[i].group, bp_rows[i].r, bp_rows[i].gr, bp_rows[i].gi, bp_rows[i].x);
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

static void x448_is_that_of_rfc_7748(void **state)
{
	static const char a[] = "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf5"
		"74a9419744897391006382a6f127ab1d9ac2d8c0a598726b";
	static const char ga[] = "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bb"
		"c836647241d953d40c5b12da88120d53177f80e532c41fa0";
	static const char b[] = "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120"
		"bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d";
	static const char gb[] = "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972"
		"fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609";
	static const char k[] = "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56"
		"fd2464c335543936521c24403085d59a449a5037514a879d";

	(void)state;
	/* 6.2, then the first of 5.2 */
	one_side(DH_X448, a, ga, gb, k);
	one_side(DH_X448, b, gb, ga, k);
	one_side(DH_X448, "3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121700a779c984c24f8"
		 "cdd78fbff44943eba368f54b29259a4f1c600ad3", "",
		 "06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9814dc031ddbdc38c19c6da25"
		 "83fa5429db94ada18aa7a7fb4ef8a086",
		 "ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239fe14fbaadeb445fc66a01b077"
		 "9d98223961111e21766282f73dd96b6f");
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

/* RFC 2409 6.1, 6.2, RFC 3526: p = 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + c), with pi by Machin's formula */
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
	uint8_t octets[1024] = { 0 };
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
		{ DH_MODP768, 768, 149686 },
		{ DH_MODP1024, 1024, 129093 },
		{ DH_MODP1536, 1536, 741804 },
		{ DH_MODP2048, 2048, 124476 },
		{ DH_MODP3072, 3072, 1690314 },
		{ DH_MODP4096, 4096, 240904 },
		{ DH_MODP6144, 6144, 929484 },
		{ DH_MODP8192, 8192, 4743158 },
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
		assert_true(mpz_probab_prime_p(p, 1));
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
	static const uint16_t groups[] = { DH_MODP768, DH_MODP1024, DH_MODP1536, DH_MODP2048,
					   DH_MODP3072, DH_MODP4096, DH_MODP6144, DH_MODP8192,
					   DH_ECP256, DH_ECP384, DH_ECP521, DH_BP224, DH_BP256,
					   DH_BP384, DH_BP512, DH_X25519, DH_X448 };
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
	/* RFC 8247 2.4 */
	for (i = 22; i <= 24; i++) {
		assert_null(crypto_dh_new(i));
		assert_int_equal(crypto_dh_public_len(i), 0);
	}
	assert_null(crypto_dh_new(DH_NONE));
	crypto_dh_free(NULL);
}

/*
 * RFC 8031 3.2, RFC 7748 5: the octets of a public value stand for a number modulo the
 * prime, also one that is not below it; X25519 does not look at its highest bit, X448 does.
 */
static void numbers_beyond_the_prime_are_taken(void **state)
{
	static const struct { uint16_t group; const char *u; bool base; } row[] = {
		/* the base point: 9, with another bit, and 9 more than the prime */
		{ DH_X25519, "0900000000000000000000000000000000000000000000000000000000000000", true },
		{ DH_X25519, "0900000000000000000000000000000000000000000000000000000000000080", true },
		{ DH_X25519, "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true },
		{ DH_X25519, "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", true },
		/* 5, and 5 more */
		{ DH_X448, "05000000000000000000000000000000000000000000000000000000"
			   "00000000000000000000000000000000000000000000000000000000", true },
		{ DH_X448, "04000000000000000000000000000000000000000000000000000000"
			   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff", true },
		{ DH_X448, "05000000000000000000000000000000000000000000000000000000"
			   "00000000000000000000000000000000000000000000000000000080", false },
	};
	struct buf u, out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct crypto_dh *dh = crypto_dh_new(row[i].group);

		u = hex_buf(row[i].u);
		buf_init(&out);
		assert_true(crypto_dh_shared(dh, buf_bytes(&u), &out));
		if (bytes_equal(buf_bytes(&out), crypto_dh_public(dh)) != row[i].base)
			fail_msg("row %zu", i);
		buf_free(&u);
		buf_free(&out);
		crypto_dh_free(dh);
	}
}

static void bad_points_are_refused(void **state)
{
	static const uint16_t groups[] = { DH_ECP256, DH_ECP384, DH_ECP521, DH_BP224, DH_BP256,
					   DH_BP384, DH_BP512 };
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
	/* 0, 1 and p - 1 of Curve448: RFC 7748 6.2 */
	for (i = 0; i < 3; i++) {
		struct crypto_dh *a = crypto_dh_new(DH_X448);
		uint8_t u[56] = { i == 1 };

		if (i == 2) {
			memset(u, 0xff, sizeof(u));
			u[0] = 0xfe;
			u[28] = 0xfe;
		}
		assert_false(crypto_dh_shared(a, (struct bytes){ u, sizeof(u) }, &out));
		crypto_dh_free(a);
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
		cmocka_unit_test(ecp_is_that_of_rfc_5903),
		cmocka_unit_test(brainpool_is_that_of_rfc_7027),
		cmocka_unit_test(x25519_is_that_of_rfc_7748),
		cmocka_unit_test(x448_is_that_of_rfc_7748),
		cmocka_unit_test(modp_is_that_of_rfc_3526),
		cmocka_unit_test(two_sides_agree),
		cmocka_unit_test(numbers_beyond_the_prime_are_taken),
		cmocka_unit_test(bad_points_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
