// SPDX-License-Identifier: GPL-2.0
/* Algorithms and proposals: words in and out, choosing, differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/alg.h"

static struct ike_proposal parse(const char *s, uint8_t proto)
{
	struct ike_proposal p;
	char err[512] = "";
	size_t off = 0;

	if (!ike_proposal_parse(s, proto, &p, err, sizeof(err), &off))
		fail_msg("%s: %s at %zu", s, err, off);
	return p;
}

static void refused(const char *s, uint8_t proto, const char *why, size_t where)
{
	struct ike_proposal p;
	char err[512] = "";
	size_t off = 999;

	assert_false(ike_proposal_parse(s, proto, &p, err, sizeof(err), &off));
	if (!strstr(err, why) || off != where)
		fail_msg("%s: \"%s\" at %zu, expected \"%s\" at %zu", s, err, off, why, where);
}

static bool has(const struct ike_proposal *p, uint8_t type, uint16_t id, uint16_t bits)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == type && p->t[i].id == id && p->t[i].key_bits == bits)
			return true;
	return false;
}

static void names_and_sizes(void **state)
{
	static const struct {
		const char *name;
		uint8_t type;
		uint16_t id, bits, key_len;
		uint8_t iv, icv;
		bool aead;
	} row[] = {
		{ "aes128", 1, 12, 128, 16, 16, 0, false },
		{ "aes192", 1, 12, 192, 24, 16, 0, false },
		{ "aes256", 1, 12, 256, 32, 16, 0, false },
		{ "aes128gcm16", 1, 20, 128, 20, 8, 16, true },
		{ "aes192gcm128", 1, 20, 192, 28, 8, 16, true },
		{ "aes256gcm16", 1, 20, 256, 36, 8, 16, true },
		{ "prfsha256", 2, 5, 0, 32, 0, 0, false },
		{ "prfsha384", 2, 6, 0, 48, 0, 0, false },
		{ "prfsha512", 2, 7, 0, 64, 0, 0, false },
		{ "sha256", 3, 12, 0, 32, 0, 16, false },
		{ "sha384", 3, 13, 0, 48, 0, 24, false },
		{ "sha512", 3, 14, 0, 64, 0, 32, false },
		{ "modp2048", 4, 14, 0, 0, 0, 0, false },
		{ "modp3072", 4, 15, 0, 0, 0, 0, false },
		{ "modp4096", 4, 16, 0, 0, 0, 0, false },
		{ "ecp256", 4, 19, 0, 0, 0, 0, false },
		{ "ecp384", 4, 20, 0, 0, 0, 0, false },
		{ "ecp521", 4, 21, 0, 0, 0, 0, false },
		{ "x25519", 4, 31, 0, 0, 0, 0, false },
		{ "curve25519", 4, 31, 0, 0, 0, 0, false },
		{ "x448", 4, 32, 0, 0, 0, 0, false }, { "curve448", 4, 32, 0, 0, 0, 0, false },
		{ "modp768", 4, 1, 0, 0, 0, 0, false }, { "modp1024", 4, 2, 0, 0, 0, 0, false },
		{ "modp1536", 4, 5, 0, 0, 0, 0, false }, { "modp6144", 4, 17, 0, 0, 0, 0, false },
		{ "modp8192", 4, 18, 0, 0, 0, 0, false }, { "ecp224bp", 4, 27, 0, 0, 0, 0, false },
		{ "ecp256bp", 4, 28, 0, 0, 0, 0, false }, { "ecp384bp", 4, 29, 0, 0, 0, 0, false },
		{ "ecp512bp", 4, 30, 0, 0, 0, 0, false },
		{ "prfmd5", 2, 1, 0, 16, 0, 0, false }, { "prfsha1", 2, 2, 0, 20, 0, 0, false },
		{ "prfaesxcbc", 2, 4, 0, 16, 0, 0, false }, { "prfaescmac", 2, 8, 0, 16, 0, 0, false },
		{ "esn", 5, 1, 0, 0, 0, 0, false },
		{ "noesn", 5, 0, 0, 0, 0, 0, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct ike_alg *a = ike_alg_by_name(row[i].name, strlen(row[i].name));

		assert_non_null(a);
		assert_int_equal(a->type, row[i].type);
		assert_int_equal(a->id, row[i].id);
		assert_int_equal(a->key_bits, row[i].bits);
		assert_int_equal(a->key_len, row[i].key_len);
		assert_int_equal(a->iv_len, row[i].iv);
		assert_int_equal(a->icv_len, row[i].icv);
		assert_int_equal(a->aead, row[i].aead);
		assert_ptr_equal(ike_alg_find(a->type, a->id, a->key_bits), a);
	}
	assert_null(ike_alg_by_name("none", 4));
	assert_null(ike_alg_by_name("aes", 3));
	assert_null(ike_alg_by_name("", 0));
	/* RFC 8247 2.4 */
	assert_null(ike_alg_by_name("modp2048s256", 12));
	assert_null(ike_alg_find(IKE_TRANSFORM_DH, 24, 0));
	assert_null(ike_alg_by_name("AES128", 6));
	assert_null(ike_alg_find(IKE_TRANSFORM_ENCR, ENCR_AES_CBC, 0));
	assert_null(ike_alg_find(IKE_TRANSFORM_PRF, PRF_HMAC_SHA2_256, 256));
}

static void words_become_transforms(void **state)
{
	struct ike_proposal p = parse("aes256gcm16-prfsha384-ecp384", PROTO_IKE);

	(void)state;
	assert_int_equal(p.n, 3);
	assert_int_equal(p.proto, PROTO_IKE);
	assert_true(has(&p, IKE_TRANSFORM_ENCR, ENCR_AES_GCM_16, 256));
	assert_true(has(&p, IKE_TRANSFORM_PRF, PRF_HMAC_SHA2_384, 0));
	assert_true(has(&p, IKE_TRANSFORM_DH, DH_ECP384, 0));

	/* integrity implies the PRF, in the same order; one that is named stands instead */
	p = parse("aes128-aes256-sha512-sha256-x25519-modp2048", PROTO_IKE);
	assert_int_equal(p.n, 8);
	assert_int_equal(p.t[0].key_bits, 128);
	assert_int_equal(p.t[1].key_bits, 256);
	assert_int_equal(p.t[2].id, PRF_HMAC_SHA2_512);
	assert_int_equal(p.t[3].id, PRF_HMAC_SHA2_256);
	p = parse("modp2048-sha256-prfsha512-aes128", PROTO_IKE);
	assert_int_equal(p.n, 4);
	assert_int_equal(ike_proposal_get(&p, IKE_TRANSFORM_PRF)->id, PRF_HMAC_SHA2_512);
	assert_int_equal(p.t[0].type, IKE_TRANSFORM_ENCR);

	p = parse("aes128gcm16", PROTO_ESP);
	assert_int_equal(p.n, 3);
	assert_int_equal(p.t[1].id, ESN_YES);
	assert_int_equal(p.t[2].id, ESN_NO);
	p = parse("aes128-sha256-modp2048-noesn", PROTO_ESP);
	assert_int_equal(p.n, 4);
	assert_int_equal(ike_proposal_get(&p, IKE_TRANSFORM_ESN)->id, ESN_NO);
	assert_int_equal(ike_proposal_get(&p, IKE_TRANSFORM_DH)->id, DH_MODP2048);
	ike_proposal_drop(&p, IKE_TRANSFORM_DH);
	assert_int_equal(p.n, 3);
	assert_null(ike_proposal_get(&p, IKE_TRANSFORM_DH));
	p = parse("sha256", PROTO_AH);
	assert_int_equal(p.n, 3);
}

static void refusals_say_what_and_where(void **state)
{
	(void)state;
	refused("aes128-sha257-modp2048", PROTO_IKE, "unknown algorithm \"sha257\", expected one of aes128",
		7);
	refused("aes256gcm16-ecp384", PROTO_IKE,
		"\"aes256gcm16\" wants a PRF beside it, expected one of prfsha256, prfsha384, prfsha512", 0);
	refused("aes256gcm16-sha384-ecp384", PROTO_IKE, "brings its own integrity, found \"sha384\"", 0);
	refused("aes128-sha256", PROTO_IKE, "lacks a DH group, expected one of x25519, x448, ecp256", 0);
	refused("sha256-modp2048", PROTO_IKE, "lacks encryption", 0);
	refused("modp2048-aes128-prfsha256", PROTO_IKE, "lacks integrity beside \"aes128\"", 9);
	refused("aes128-aes128gcm16-sha256", PROTO_ESP, "cannot stand beside", 7);
	refused("aes128gcm16-prfsha256", PROTO_ESP, "\"prfsha256\" (PRF) has no place in an ESP", 12);
	refused("aes128-sha256-modp2048-esn", PROTO_IKE, "has no place in an IKE", 23);
	refused("aes128", PROTO_ESP, "lacks integrity", 0);
	refused("aes128-sha256", PROTO_AH, "has no place in an AH", 0);
	refused("modp2048", PROTO_AH, "lacks integrity, expected", 0);
	refused("aes128-sha256-aes128", PROTO_ESP, "a second time", 14);
	refused("", PROTO_ESP, "found nothing", 0);
	refused("aes128--sha256", PROTO_ESP, "found nothing", 7);
	refused("aes128-sha256-", PROTO_ESP, "found nothing", 14);
	refused("none", PROTO_ESP, "unknown algorithm \"none\"", 0);
	refused("aes128gmac-prfsha256-x25519", PROTO_IKE,
		"\"aes128gmac\" is not for IKE itself, expected one of aes128", 0);
	refused("chacha20poly1305-sha256", PROTO_ESP, "brings its own integrity", 0);
	refused("null", PROTO_ESP, "lacks integrity beside \"null\"", 0);
}

/* the octets of key that an SA takes: key, salt or nonce, integrity; IANA's numbers */
static void esp_has_the_modules_algorithms(void **state)
{
	static const struct {
		const char *words;
		uint16_t encr, bits, key_len, integ, integ_len;
		bool weak;
	} row[] = {
		{ "aes192gcm12", 19, 192, 28, 0, 0, false },
		{ "aes256gcm64", 18, 256, 36, 0, 0, false },
		{ "aes128ccm128", 16, 128, 19, 0, 0, false },
		{ "aes192ccm12", 15, 192, 27, 0, 0, false },
		{ "aes256ccm8", 14, 256, 35, 0, 0, false },
		{ "aes128gmac", 21, 128, 20, 0, 0, false },
		{ "chacha20poly1305", 28, 0, 36, 0, 0, false },
		{ "aes128ccm16iiv", 29, 128, 19, 0, 0, false },
		{ "aes192gcm16iiv", 30, 192, 28, 0, 0, false },
		{ "aes256gcm16iiv", 30, 256, 36, 0, 0, false },
		{ "chacha20poly1305iiv", 31, 0, 36, 0, 0, false },
		{ "aes256ctr-sha384", 13, 256, 36, 13, 48, false },
		{ "camellia192-sha512", 23, 192, 24, 14, 64, false },
		{ "3des-sha1", 3, 0, 24, 2, 20, false },
		{ "null-aesxcbc", 11, 0, 0, 5, 16, false },
		{ "aes128-aescmac", 12, 128, 16, 8, 16, false },
		{ "des-sha256", 2, 0, 8, 12, 32, true },
		{ "aes128-md5", 12, 128, 16, 1, 16, true },
	};
	const struct ike_transform *encr, *integ;
	const struct ike_alg *alg;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ike_proposal p = parse(row[i].words, PROTO_ESP);

		encr = ike_proposal_get(&p, IKE_TRANSFORM_ENCR);
		assert_non_null(encr);
		assert_int_equal(encr->id, row[i].encr);
		assert_int_equal(encr->key_bits, row[i].bits);
		alg = ike_alg_find(IKE_TRANSFORM_ENCR, encr->id, encr->key_bits);
		assert_int_equal(alg->key_len, row[i].key_len);
		integ = ike_proposal_get(&p, IKE_TRANSFORM_INTEG);
		assert_int_equal(integ ? integ->id : 0, row[i].integ);
		if (integ)
			assert_int_equal(ike_alg_find(IKE_TRANSFORM_INTEG, integ->id, 0)->key_len,
					 row[i].integ_len);
		assert_int_equal(!!ike_proposal_weak(&p), row[i].weak);
	}
}

static void words_come_back(void **state)
{
	static const struct {
		uint8_t proto;
		const char *in, *out;
	} row[] = {
		{ PROTO_IKE, "aes256gcm16-prfsha384-ecp384", NULL },
		{ PROTO_IKE, "aes128-aes256-sha256-sha512-x25519-modp4096", NULL },
		{ PROTO_IKE, "aes128-sha256-prfsha512-modp2048", NULL },
		{ PROTO_IKE, "aes128-sha256-prfsha256-modp2048", "aes128-sha256-modp2048" },
		{ PROTO_ESP, "aes128gcm128", "aes128gcm16" },
		{ PROTO_ESP, "aes128gcm16-curve25519", "aes128gcm16-x25519" },
		{ PROTO_ESP, "aes128-sha256-noesn", NULL },
		{ PROTO_ESP, "aes128-sha256-esn", NULL },
		{ PROTO_ESP, "aes128-sha256-noesn-esn", NULL },
		{ PROTO_ESP, "aes128-sha256-esn-noesn", "aes128-sha256" },
		{ PROTO_AH, "sha256-sha384", NULL },
	};
	char s[256], cut[16];
	struct ike_proposal p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		p = parse(row[i].in, row[i].proto);
		assert_string_equal(ike_proposal_str(&p, s, sizeof(s)),
				    row[i].out ? row[i].out : row[i].in);
	}
	p = parse("aes256gcm16-prfsha384-ecp384", PROTO_IKE);
	assert_string_equal(ike_proposal_str(&p, cut, sizeof(cut)), "aes256gcm16-...");
	/* what only a peer can say */
	memset(&p, 0, sizeof(p));
	p.proto = PROTO_IKE;
	ike_proposal_add(&p, IKE_TRANSFORM_ENCR, 28, 0);
	ike_proposal_add(&p, IKE_TRANSFORM_ENCR, 13, 192);
	ike_proposal_add(&p, IKE_TRANSFORM_ENCR, 999, 128);
	ike_proposal_add(&p, IKE_TRANSFORM_INTEG, 777, 0);
	ike_proposal_add(&p, IKE_TRANSFORM_INTEG, INTEG_NONE, 0);
	ike_proposal_add(&p, IKE_TRANSFORM_DH, IKE_TRANSFORM_UNUSABLE, 0);
	assert_string_equal(ike_proposal_str(&p, s, sizeof(s)),
			    "chacha20poly1305-aes192ctr-encryption 999/128-integrity 777-"
			    "DH group with unknown attributes");
}

static bool choose(const char *ours, struct ike_proposal theirs, bool ignore_dh, char *out)
{
	struct ike_proposal o = parse(ours, theirs.proto), chosen;
	bool ok = ike_proposal_select(&o, 1, &theirs, 1, ignore_dh, &chosen);

	ike_proposal_str(&chosen, out, 256);
	return ok;
}

static void chooses_by_our_order(void **state)
{
	struct ike_proposal ours[2], theirs[2], chosen;
	char s[256];

	(void)state;
	assert_true(choose("aes256-aes128-sha512-sha256-ecp256-modp2048",
			   parse("aes128-aes256-sha256-sha512-modp2048-ecp256", PROTO_IKE), false, s));
	assert_string_equal(s, "aes256-sha512-ecp256");

	ours[0] = parse("aes256gcm16-prfsha384-ecp384", PROTO_IKE);
	ours[1] = parse("aes128-sha256-modp3072", PROTO_IKE);
	theirs[0] = parse("aes128-sha256-modp3072", PROTO_IKE);
	theirs[1] = parse("aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp384", PROTO_IKE);
	theirs[0].number = 1;
	theirs[1].number = 2;
	theirs[1].spi_len = 8;
	memcpy(theirs[1].spi, "ABCDEFGH", 8);
	assert_true(ike_proposal_select(ours, 2, theirs, 2, false, &chosen));
	assert_int_equal(chosen.number, 2);
	assert_int_equal(chosen.spi_len, 8);
	assert_memory_equal(chosen.spi, "ABCDEFGH", 8);
	assert_int_equal(chosen.n, 3);
	assert_string_equal(ike_proposal_str(&chosen, s, sizeof(s)), "aes256gcm16-prfsha384-ecp384");
	assert_true(ike_proposal_accept(theirs, 2, &chosen));
	chosen.number = 1;
	assert_false(ike_proposal_accept(theirs, 2, &chosen));
}

static void key_length_and_protocol_count(void **state)
{
	struct ike_proposal p = parse("aes128gcm16", PROTO_ESP), ours, chosen;
	char s[256];

	(void)state;
	assert_false(choose("aes256gcm16", p, false, s));
	assert_true(choose("aes128gcm16", p, false, s));
	assert_string_equal(s, "aes128gcm16-esn");
	ours = p;
	p.proto = PROTO_AH;
	assert_false(ike_proposal_select(&ours, 1, &p, 1, false, &chosen));
	/* without a Key Length at all */
	p = ours;
	p.t[0].key_bits = 0;
	assert_false(ike_proposal_select(&ours, 1, &p, 1, false, &chosen));
}

static void leaving_out_is_none(void **state)
{
	struct ike_proposal p = parse("aes128gcm16-noesn", PROTO_ESP);
	char s[256];

	(void)state;
	/* integrity "none" said aloud beside an AEAD is answered aloud, and is not integrity */
	ike_proposal_add(&p, IKE_TRANSFORM_INTEG, INTEG_NONE, 0);
	assert_true(choose("aes128gcm16", p, false, s));
	assert_null(ike_proposal_get(&p, IKE_TRANSFORM_INTEG));
	/* integrity demanded beside an AEAD */
	ike_proposal_drop(&p, IKE_TRANSFORM_INTEG);
	ike_proposal_add(&p, IKE_TRANSFORM_INTEG, INTEG_HMAC_SHA2_256_128, 0);
	assert_false(choose("aes128gcm16", p, false, s));
	/* one that we do not know is demanded as well */
	ike_proposal_drop(&p, IKE_TRANSFORM_INTEG);
	ike_proposal_add(&p, IKE_TRANSFORM_INTEG, IKE_TRANSFORM_UNUSABLE, 0);
	assert_false(choose("aes128gcm16", p, false, s));
	/* a cipher without integrity is never taken */
	p = parse("aes128-sha256", PROTO_ESP);
	ike_proposal_drop(&p, IKE_TRANSFORM_INTEG);
	assert_false(choose("aes128-sha256", p, false, s));
	/* no ESN transform: 32-bit sequence numbers */
	p = parse("aes128gcm16", PROTO_ESP);
	ike_proposal_drop(&p, IKE_TRANSFORM_ESN);
	assert_true(choose("aes128gcm16", p, false, s));
	assert_false(choose("aes128gcm16-esn", p, false, s));
}

static void dh_of_a_child_sa(void **state)
{
	struct ike_proposal pfs = parse("aes128gcm16-ecp256", PROTO_ESP), chosen, ours;
	struct ike_proposal bare = parse("aes128gcm16", PROTO_ESP), none = bare;
	char s[256];

	(void)state;
	ike_proposal_add(&none, IKE_TRANSFORM_DH, DH_NONE, 0);
	assert_false(choose("aes128gcm16", pfs, false, s));
	assert_false(choose("aes128gcm16-ecp256", bare, false, s));
	assert_false(choose("aes128gcm16-ecp256", none, false, s));
	assert_true(choose("aes128gcm16", none, false, s));
	assert_true(choose("aes128gcm16-ecp256", pfs, false, s));
	/* the first one: RFC 7296 1.2 */
	assert_true(choose("aes128gcm16", pfs, true, s));
	assert_string_equal(s, "aes128gcm16-esn");
	assert_true(choose("aes128gcm16-ecp256", bare, true, s));
	assert_string_equal(s, "aes128gcm16-esn");
	ours = pfs;
	assert_true(ike_proposal_select(&ours, 1, &none, 1, true, &chosen));
	assert_true(has(&chosen, IKE_TRANSFORM_DH, DH_NONE, 0));
	assert_null(ike_proposal_get(&chosen, IKE_TRANSFORM_DH));
}

static void answers_are_checked(void **state)
{
	struct ike_proposal offer = parse("aes128-aes256-sha256-modp2048-ecp256", PROTO_IKE), answer;

	(void)state;
	answer = parse("aes256-sha256-ecp256", PROTO_IKE);
	answer.number = 1;
	assert_true(ike_proposal_accept(&offer, 1, &answer));
	/* two of a type */
	ike_proposal_add(&answer, IKE_TRANSFORM_DH, DH_MODP2048, 0);
	assert_false(ike_proposal_accept(&offer, 1, &answer));
	/* a type left out */
	ike_proposal_drop(&answer, IKE_TRANSFORM_DH);
	assert_false(ike_proposal_accept(&offer, 1, &answer));
	/* what was not offered */
	answer = parse("aes192-sha256-ecp256", PROTO_IKE);
	answer.number = 1;
	assert_false(ike_proposal_accept(&offer, 1, &answer));
	/* one more type than was offered */
	answer = parse("aes256-sha256-ecp256", PROTO_IKE);
	answer.number = 1;
	ike_proposal_add(&answer, IKE_TRANSFORM_ESN, ESN_NO, 0);
	assert_false(ike_proposal_accept(&offer, 1, &answer));
	/* nothing at all */
	memset(&answer, 0, sizeof(answer));
	answer.proto = PROTO_IKE;
	answer.number = 1;
	assert_false(ike_proposal_accept(&offer, 1, &answer));
}

/* the hash or cipher of integrity is that of the PRF, where none is named */
static void integrity_implies_the_prf(void **state)
{
	static const struct {
		const char *words;
		uint16_t integ, prf;
		bool weak;
	} row[] = {
		{ "aes128-sha256-x25519", 12, 5, false }, { "aes128-sha384-x25519", 13, 6, false },
		{ "aes128-sha512-x25519", 14, 7, false }, { "aes128-sha1-x25519", 2, 2, false },
		{ "aes128-aesxcbc-x25519", 5, 4, false }, { "aes128-aescmac-x25519", 8, 8, false },
		{ "aes128-md5-x25519", 1, 1, true },
		{ "aes128-sha256-prfmd5-x25519", 12, 1, true },
		{ "aes128-sha256-modp1024", 12, 5, true }, { "des-sha256-x25519", 12, 5, true },
		{ "aes128-sha256-modp1536", 12, 5, true }, { "3des-sha1-modp768", 2, 2, true },
		{ "3des-sha1-modp2048", 2, 2, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ike_proposal p = parse(row[i].words, PROTO_IKE);

		assert_int_equal(ike_proposal_get(&p, IKE_TRANSFORM_INTEG)->id, row[i].integ);
		assert_int_equal(ike_proposal_get(&p, IKE_TRANSFORM_PRF)->id, row[i].prf);
		assert_int_equal(!!ike_proposal_weak(&p), row[i].weak);
	}
}

static const char *diff(const char *ours, const char *theirs, uint8_t proto)
{
	static char out[512];
	struct ike_proposal o = parse(ours, proto), t = parse(theirs, proto);

	return ike_proposal_diff(&o, 1, &t, 1, out, sizeof(out));
}

static void differences_in_words(void **state)
{
	struct ike_proposal o[2], t[2];
	char out[512];

	(void)state;
	assert_string_equal(diff("aes128gcm16", "aes256gcm16", PROTO_ESP),
			    "encryption: offered aes256gcm16, expected aes128gcm16");
	assert_string_equal(diff("aes256gcm16-prfsha384-ecp384", "aes128-sha256-modp2048", PROTO_IKE),
			    "encryption: offered aes128, expected aes256gcm16; "
			    "PRF: offered prfsha256, expected prfsha384; "
			    "DH group: offered modp2048, expected ecp384");
	assert_string_equal(diff("aes128-sha256-sha384", "aes128-sha512-noesn", PROTO_ESP),
			    "integrity: offered sha512, expected sha256 sha384");
	assert_string_equal(diff("aes128gcm16-esn-x25519", "aes128gcm16-noesn", PROTO_ESP),
			    "DH group: offered none, expected x25519; "
			    "sequence numbers: offered noesn, expected esn");
	/* each type meets, though in different proposals */
	o[0] = parse("aes128-sha256", PROTO_ESP);
	o[1] = parse("aes256-sha512", PROTO_ESP);
	t[0] = parse("aes128-sha512", PROTO_ESP);
	t[1] = parse("aes256-sha256", PROTO_ESP);
	assert_string_equal(ike_proposal_diff(o, 2, t, 2, out, sizeof(out)),
			    "integrity: offered sha512, expected sha256; nearest to aes128-sha256");
	/* the closest two are looked at, wherever they stand */
	o[0] = parse("aes256gcm16-prfsha384-ecp384", PROTO_IKE);
	o[1] = parse("aes128-sha256-modp3072", PROTO_IKE);
	t[0] = parse("3des-sha1-modp1024", PROTO_IKE);
	t[1] = parse("aes128-sha256-modp2048", PROTO_IKE);
	assert_string_equal(ike_proposal_diff(o, 2, t, 2, out, sizeof(out)),
			    "DH group: offered modp2048, expected modp3072; "
			    "nearest to aes128-sha256-modp3072");
	assert_string_equal(ike_proposal_diff(o, 1, NULL, 0, out, sizeof(out)),
			    "proposals: offered nothing that can be used, "
			    "expected aes256gcm16-prfsha384-ecp384");
	/* what does not fit is cut, and the difference comes first */
	ike_proposal_diff(o, 2, t, 2, out, 60);
	assert_string_equal(out, "DH group: offered modp2048, expected modp3072; nearest t...");
}

static void room_is_bounded(void **state)
{
	struct ike_proposal p;
	unsigned int i;

	(void)state;
	memset(&p, 0, sizeof(p));
	for (i = 0; i < 3 * IKE_PROPOSAL_TRANSFORMS; i++)
		ike_proposal_add(&p, (uint8_t)(1 + i % 5), (uint16_t)(100 + i), 0);
	assert_int_equal(p.n, IKE_PROPOSAL_TRANSFORMS);
	for (i = 1; i < p.n; i++)
		assert_true(p.t[i - 1].type <= p.t[i].type);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_sizes),
		cmocka_unit_test(words_become_transforms),
		cmocka_unit_test(refusals_say_what_and_where),
		cmocka_unit_test(esp_has_the_modules_algorithms),
		cmocka_unit_test(words_come_back),
		cmocka_unit_test(chooses_by_our_order),
		cmocka_unit_test(key_length_and_protocol_count),
		cmocka_unit_test(leaving_out_is_none),
		cmocka_unit_test(dh_of_a_child_sa),
		cmocka_unit_test(answers_are_checked),
		cmocka_unit_test(integrity_implies_the_prf),
		cmocka_unit_test(differences_in_words),
		cmocka_unit_test(room_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
