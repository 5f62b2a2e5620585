// SPDX-License-Identifier: GPL-2.0
/* SKEYSEED and the keys of an IKE SA: RFC 7296 2.13, 2.14, 2.18. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "v2/v2.h"
#include "tests/hex.h"

static struct ike_sa *sa_of(const char *ni, const char *nr, const char *proposal)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));
	char err[256];
	size_t off;

	assert_non_null(sa);
	sa->ni = hex_buf(ni);
	sa->nr = hex_buf(nr);
	sa->spi_i = 0x34c9e7c188868785;
	sa->spi_r = 0x3ff77d760d2b2199;
	assert_true(ike_proposal_parse(proposal, PROTO_IKE, &sa->prop, err, sizeof(err), &off));
	return sa;
}

static void sa_end(struct ike_sa *sa)
{
	buf_free(&sa->ni);
	buf_free(&sa->nr);
	free(sa);
}

static void take(struct buf *b, const uint8_t *p, size_t len)
{
	buf_put(b, p, len);
}

/* in the order in which they are cut from prf+ */
static void keys_are(const struct ike_keys *k, const char *hex)
{
	struct buf want = hex_buf(hex), all;

	buf_init(&all);
	take(&all, k->d, k->prf_len);
	take(&all, k->ai, k->integ_len);
	take(&all, k->ar, k->integ_len);
	take(&all, k->ei, k->encr_len);
	take(&all, k->er, k->encr_len);
	take(&all, k->pi, k->prf_len);
	take(&all, k->pr, k->prf_len);
	assert_int_equal(all.len, want.len);
	assert_memory_equal(all.p, want.p, want.len);
	buf_free(&all);
	buf_free(&want);
}

/*
 * NIST CAVS for IKEv2, HMAC-SHA1: the DKM of 132 octets is just the keys of aes128-sha1. It has
 * SKEYSEED of a rekeyed SA, 63e81194...; what follows from that was computed by Python's hmac.
 */
static void keys_are_those_of_nist(void **state)
{
	struct buf g = hex_buf("4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52");
	struct buf g_new = hex_buf("863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330");
	struct ike_sa *sa = sa_of("32b50d5f4a3763f3", "9206a04b26564cb1", "aes128-sha1-x25519");
	struct ike_keys old;

	(void)state;
	assert_true(v2_keys(sa, buf_bytes(&g), NULL));
	keys_are(&sa->keys,
		"a14293677cc80ff8f9cc0eee30d895da9d8f405666e30ef0dfcb63c634a46002a2a63080"
		"e514a062768b76606f9fa5e992204fc5a670bde3f10d6b027113936a5c55b648a194ae58"
		"7b0088d52204b702c979fa280870d2ed41efa9c549fd11198af1670b143d384bd275c5f5"
		"94cf266b05ebadca855e4249520a441a81157435a7a56cc4");
	old = sa->keys;
	assert_true(v2_keys(sa, buf_bytes(&g_new), &old));
	keys_are(&sa->keys,
		"25bed3c6e133ce57281cd88cc2de69f5df7316cec5561803d967d94f599f630f4b2908e5"
		"593bde5789be2017d6ea7832ca65f86d3105f9875ee18209cb658fcb7ae3ede88f725c30"
		"138b1818e6f4b3eddcdf439bd54c43476b533d3f7f749f82ca284209b74f001b5585840a"
		"39a10571759dafaff736ac3de46235506e1e683d157b3de9");
	sa_end(sa);
	buf_free(&g);
	buf_free(&g_new);
}

/*
 * Each PRF with nonces of 32 octets, of which those of AES take but 8 for SKEYSEED (RFC 7296
 * 2.14): written out in Python with hmac, and cryptography for AES.
 */
static void keys_of_each_prf(void **state)
{
	static const struct {
		uint16_t prf;
		const char *keys;
	} row[] = {
		{ 1,
		  "b4a03a0c0a98970fe0a30d661f2352a31f131ae75d573e0d15a80bae353719e0be7a669d"
		  "6ca08ba7066d9168b0c36dd89e01790a2e17b86811472d3489c35434217ad386214a37f0"
		  "ffdc1ca954b6e9e3851c547676342013" },
		{ 2,
		  "d839b0a8689c69d22b1961afcf3f5f27f871269bb9d23bb630e9bd610ca775aa9670460b"
		  "343a5c0c5377b296b56782d204e32721bed87ab473cf4d5d4185c97229bece0debb09a5d"
		  "a0a1d2f16eba9dba5730933f5c4f47e639ee7023498220b58999c40e" },
		{ 4,
		  "dbbe1d8c8f7da4a3eea67c6ddbb2425ccc2265620d0d8e6ec0523a1d84ef5b74d3f16e23"
		  "0575090bad7a5db706e8b312949e47094c42c723e4718eaf7d9683ab71f0510536db5566"
		  "de5a46ce3870bb6851054f4529f77613" },
		{ 5,
		  "ebcd762300091c5291537d8ce6152e86b366864d4f66b884f48191b0a37da815f075c45c"
		  "6292cf8afb41532079191aa98d5085dcfd5b0bbb50c8f256e366e0e09f86ce6f801dff0e"
		  "449948c04be4e97ad18ab056549b78869eae75464fdd52d5187b0efb1ac87c30a76d42fe"
		  "da0c07d97f90e3ef2472960aaa6e1a09128fb00e198cfda870412e19" },
		{ 6,
		  "6d0d4a706c315189240cf6922cbfcaeb38c998356d949bb61fd5995f09e7696fe22f2115"
		  "b25e9af6bdbcdae7261141d8fc794c9d1847dbb5cccff8e7aca1a3adfebbced09f8d8048"
		  "a968c3a1754a5599b2b8d5cb9ccfbf0b0b4961d93e4c77e5a8a690981ce529863981074d"
		  "6aab263160eb87705dd61bf62fa63247e178fbdb443baa16a4c984ba7b9ac562a419aa6c"
		  "f31f852fa875d7549a2d2ccec5ef90aa10bb0aea61df1961301adf227de1ff5de220649e"
		  "81e0b04c" },
		{ 7,
		  "26646279e63ab6ca6c451455affa639b70cf995b4aac9c17b53d435e3e96e0f55c502551"
		  "e5a378a075cae33d544f6265d9050c7988483411462a4d21de1c78f349a272e8f7cdc87d"
		  "3237d0076fd0ab0967716d28860d7dfaca6befae07decd250dd70c7ec980267e6babeb2f"
		  "7d55df261bc4b76d50057321dbf1c136a2c8c5ce3bb3e58c6702bf5f2903a7e02979ed67"
		  "6d5270c4f28810cb44192c27053ce20d2c92cd58e031ace3e7264695667b1874fa80a4cd"
		  "9f8ed3534dc920e87d9756b5521fde5fefbe2b1da69f6837779707b106d934b4e834844a"
		  "6d7792817b5706c00255e5d0e1ce207d" },
		{ 8,
		  "f63f829ab0234c10895a9a62721d0f05e6c819cf13d75ee816636c4e96f502a2fe297f88"
		  "f5c6e67df74c615fb37a7e78143d34f30485419cf712acc5f9a29f0490dba7f2649557e4"
		  "61326276c9c6a357e0a348b6c69f2d62" },
	};
	static const char ni[] = "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f";
	static const char nr[] = "505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f";
	struct buf g = hex_buf("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ike_sa *sa = sa_of(ni, nr, "aes128gcm16-prfsha256-x25519");

		ike_proposal_drop(&sa->prop, IKE_TRANSFORM_PRF);
		ike_proposal_add(&sa->prop, IKE_TRANSFORM_PRF, row[i].prf, 0);
		assert_true(v2_keys(sa, buf_bytes(&g), NULL));
		keys_are(&sa->keys, row[i].keys);
		sa_end(sa);
	}
	buf_free(&g);
}

/* RFC 7296 2.15: whose message, whose nonce, and whose key the ID is under */
static void auth_is_over_the_right_octets(void **state)
{
	static const char id[] = "\2\0\0\0a.example.com";
	struct ike_sa *sa = sa_of("01010101010101010101010101010101", "02020202020202020202020202020202",
				  "aes128gcm16-prfsha256-x25519");
	const struct bytes secret = { (const uint8_t *)"g^ir", 4 };
	const struct bytes id_octets = { (const uint8_t *)id, sizeof(id) - 1 };
	const struct bytes pad = { (const uint8_t *)"Key Pad for IKEv2", 17 };
	uint8_t mac[32], key[32], want_auth[32], auth[32];
	struct buf want, got;
	struct bytes octets;
	unsigned int i;

	(void)state;
	sa->init_req = hex_buf("aaaaaa");
	sa->init_resp = hex_buf("bbbbbbbb");
	assert_true(v2_keys(sa, secret, NULL));
	for (i = 0; i < 2; i++) {
		buf_init(&want);
		buf_init(&got);
		/* the initiator's: his request, the responder's nonce */
		buf_put_bytes(&want, buf_bytes(i ? &sa->init_req : &sa->init_resp));
		buf_put_bytes(&want, buf_bytes(i ? &sa->nr : &sa->ni));
		assert_true(crypto_prf(PRF_HMAC_SHA2_256,
				       (struct bytes){ i ? sa->keys.pi : sa->keys.pr, 32 },
				       &id_octets, 1, mac));
		buf_put(&want, mac, sizeof(mac));
		assert_true(v2_signed_octets(sa, i, id_octets, &got));
		assert_true(bytes_equal(buf_bytes(&got), buf_bytes(&want)));
		assert_true(crypto_prf(PRF_HMAC_SHA2_256, secret, &pad, 1, key));
		octets = buf_bytes(&want);
		assert_true(crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ key, 32 }, &octets, 1,
				       want_auth));
		assert_true(v2_psk_auth(sa, secret, i, id_octets, auth));
		assert_memory_equal(auth, want_auth, sizeof(auth));
		buf_free(&want);
		buf_free(&got);
	}
	buf_free(&sa->init_req);
	buf_free(&sa->init_resp);
	sa_end(sa);
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
		cmocka_unit_test(keys_are_those_of_nist),
		cmocka_unit_test(keys_of_each_prf),
		cmocka_unit_test(auth_is_over_the_right_octets),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
