// SPDX-License-Identifier: GPL-2.0
/* AUTH data by method: published vectors, both ways, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/abstract.h>

#include "crypto/crypto.h"
#include "hex.h"
#include "pki.h"
#include "v2/v2.h"

#define BIT(hash)	(1u << (hash))
#define ALL		(BIT(CERT_SHA256) | BIT(CERT_SHA384) | BIT(CERT_SHA512) | BIT(CERT_IDENTITY))

static const struct bytes abc = { (const uint8_t *)"abc", 3 };

static size_t hex_to(uint8_t *out, size_t max, const char *text)
{
	struct buf b = hex_buf(text);
	size_t len = b.len;

	assert_true(len <= max);
	if (len)
		memcpy(out, b.p, len);
	buf_free(&b);
	return len;
}

/* RFC 4754 8: SubjectPublicKeyInfo around the point, and r | s for "abc" */
static const struct {
	uint8_t method;
	const char *spki, *x, *y, *sig;
} rfc4754[] = {
	{ WIRE_AUTH_ECDSA_256, "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
	  "2442A5CC0ECD015FA3CA31DC8E2BBC70BF42D60CBCA20085E0822CB04235E970",
	  "6FC98BD7E50211A4A27102FA3549DF79EBCB4BF246B80945CDDFE7D509BBFD7D",
	  "CB28E0999B9C7715FD0A80D8E47A77079716CBBF917DD72E97566EA1C066957C"
	  "86FA3BB4E26CAD5BF90B7F81899256CE7594BB1EA0C89212748BFF3B3D5B0315" },
	{ WIRE_AUTH_ECDSA_384, "3076301006072a8648ce3d020106052b8104002203620004",
	  "96281BF8DD5E0525CA049C048D345D3082968D10FEDF5C5ACA0C64E6465A97EA"
	  "5CE10C9DFEC21797415710721F437922",
	  "447688BA94708EB6E2E4D59F6AB6D7EDFF9301D249FE49C33096655F5D502FAD"
	  "3D383B91C5E7EDAA2B714CC99D5743CA",
	  "FB017B914E29149432D8BAC29A514640B46F53DDAB2C69948084E2930F1C8F7E"
	  "08E07C9C63F2D21A07DCB56A6AF56EB3B263A1305E057F984D38726A1B468741"
	  "09F417BCA112674C528262A40A629AF1CBB9F516CE0FA7D2FF630863A00E8B9F" },
	{ WIRE_AUTH_ECDSA_521, "30819b301006072a8648ce3d020106052b8104002303818600 04",
	  "0151518F1AF0F563517EDD5485190DF95A4BF57B5CBA4CF2A9A3F6474725A35F"
	  "7AFE0A6DDEB8BEDBCD6A197E592D40188901CECD650699C9B5E456AEA5ADD19052A8",
	  "006F3B142EA1BFFF7E2837AD44C9E4FF6D2D34C73184BBAD90026DD5E6E85317"
	  "D9DF45CAD7803C6C20035B2F3FF63AFF4E1BA64D1C077577DA3F4286C58F0AEAE643",
	  "0154FD3836AF92D0DCA57DD5341D3053988534FDE8318FC6AAAAB68E2E6F4339"
	  "B19F2F281A7E0B22C269D93CF8794A9278880ED7DBB8D9362CAEACEE544320552251"
	  "017705A7030290D1CEB605A9A1BB03FF9CDD521E87A696EC926C8C10C8362DF4"
	  "975367101F67D1CF9BCCBF2F3D239534FA509E70AAC851AE01AAC68D62F866472660" },
};

/*
 * RFC 7427 3: of a hash that is longer than the curve's order the leftmost bits count, as
 * X9.62 says. RFC 6979 A.2.5: P-256, SHA-384 and SHA-512 of "sample"; r and s in DER.
 */
static void long_hashes_are_cut(void **state)
{
	static const struct { enum cert_hash hash; const char *sig; } row[] = {
		{ CERT_SHA384, "3044" "0220"
		  "0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719" "0220"
		  "4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954" },
		{ CERT_SHA512, "3045" "022100"
		  "8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00" "0220"
		  "2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE" },
	};
	static const struct bytes sample = { (const uint8_t *)"sample", 6 };
	uint8_t spki[256], sig[256];
	struct cert_pub *pub;
	size_t i, len;

	(void)state;
	len = hex_to(spki, sizeof(spki), rfc4754[0].spki);
	len += hex_to(spki + len, sizeof(spki) - len,
		      "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
		      "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
	pub = cert_pub_new((struct bytes){ spki, len });
	assert_non_null(pub);
	for (i = 0; i < 2; i++) {
		struct cert_alg alg = { .key = CERT_ECDSA, .hash = row[i].hash };

		len = hex_to(sig, sizeof(sig), row[i].sig);
		assert_true(cert_verify(pub, &alg, sample, (struct bytes){ sig, len }));
		sig[len - 1] ^= 1;
		assert_false(cert_verify(pub, &alg, sample, (struct bytes){ sig, len }));
	}
	cert_pub_free(pub);
}

static void ecdsa_of_rfc4754(void **state)
{
	uint8_t spki[256], sig[256];
	char err[CERT_ERROR_MAX];
	struct wire_auth auth;
	struct cert_pub *pub;
	struct cert_alg alg;
	size_t i, len;

	(void)state;
	for (i = 0; i < 3; i++) {
		len = hex_to(spki, sizeof(spki), rfc4754[i].spki);
		len += hex_to(spki + len, sizeof(spki) - len, rfc4754[i].x);
		len += hex_to(spki + len, sizeof(spki) - len, rfc4754[i].y);
		pub = cert_pub_new((struct bytes){ spki, len });
		assert_non_null(pub);
		len = hex_to(sig, sizeof(sig), rfc4754[i].sig);
		auth = (struct wire_auth){ rfc4754[i].method, { sig, len } };
		assert_true(v2_sig_check(pub, 0, &auth, abc, &alg, err, sizeof(err)));
		sig[len - 1] ^= 1;
		assert_false(v2_sig_check(pub, 0, &auth, abc, &alg, err, sizeof(err)));
		assert_non_null(strstr(err, "does not verify"));
		sig[len - 1] ^= 1;
		auth.data.len--;
		assert_false(v2_sig_check(pub, 0, &auth, abc, &alg, err, sizeof(err)));
		/* the method of another curve */
		auth = (struct wire_auth){ rfc4754[(i + 1) % 3].method, { sig, len } };
		assert_false(v2_sig_check(pub, 0, &auth, abc, &alg, err, sizeof(err)));
		assert_non_null(strstr(err, "which its key (ECDSA P-"));
		cert_pub_free(pub);
	}
}

/* RFC 7427 A, RFC 8420 A */
static const struct {
	struct cert_alg alg;
	const char *der;
} identifiers[] = {
	{ { CERT_RSA, CERT_SHA1, 0, false }, "300d06092a864886f70d0101050500" },
	{ { CERT_RSA, CERT_SHA256, 0, false }, "300d06092a864886f70d01010b0500" },
	{ { CERT_RSA, CERT_SHA384, 0, false }, "300d06092a864886f70d01010c0500" },
	{ { CERT_RSA, CERT_SHA512, 0, false }, "300d06092a864886f70d01010d0500" },
	{ { CERT_ECDSA, CERT_SHA1, 0, false }, "300906072a8648ce3d0401" },
	{ { CERT_ECDSA, CERT_SHA256, 0, false }, "300a06082a8648ce3d040302" },
	{ { CERT_ECDSA, CERT_SHA384, 0, false }, "300a06082a8648ce3d040303" },
	{ { CERT_ECDSA, CERT_SHA512, 0, false }, "300a06082a8648ce3d040304" },
	{ { CERT_RSA_PSS, CERT_SHA256, 32, false },
	  "304106092a864886f70d01010a3034a00f300d06096086480165030402010500"
	  "a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120" },
	{ { CERT_ED25519, CERT_IDENTITY, 0, false }, "300506032b6570" },
	{ { CERT_ED448, CERT_IDENTITY, 0, false }, "300506032b6571" },
};

static void algorithm_identifiers(void **state)
{
	uint8_t der[128];
	struct cert_alg got;
	char why[200];
	struct buf b;
	size_t i, len, cut;

	(void)state;
	for (i = 0; i < sizeof(identifiers) / sizeof(*identifiers); i++) {
		len = hex_to(der, sizeof(der), identifiers[i].der);
		buf_init(&b);
		assert_true(v2_sigalg_encode(&identifiers[i].alg, &b));
		assert_int_equal(b.len, len);
		assert_memory_equal(b.p, der, len);
		buf_free(&b);
		assert_true(v2_sigalg_decode((struct bytes){ der, len }, &got, why, sizeof(why)));
		assert_int_equal(got.key, identifiers[i].alg.key);
		assert_int_equal(got.hash, identifiers[i].alg.hash);
		assert_int_equal(got.salt, identifiers[i].alg.salt);
		for (cut = 0; cut < len; cut++)
			assert_false(v2_sigalg_decode((struct bytes){ der, cut }, &got, why,
						      sizeof(why)));
	}
}

static bool decodes(const char *hex, struct cert_alg *alg, char *why)
{
	uint8_t der[256];
	size_t len = hex_to(der, sizeof(der), hex);

	return v2_sigalg_decode((struct bytes){ der, len }, alg, why, 200);
}

static void odd_identifiers(void **state)
{
	struct cert_alg alg;
	char why[200];

	(void)state;
	/* RSA's NULL may be missing, what stands in its place may not be another thing */
	assert_true(decodes("300b06092a864886f70d01010b", &alg, why));
	assert_false(decodes("300e06092a864886f70d01010b020100", &alg, why));
	assert_non_null(strstr(why, "parameters of RSA"));
	/* ECDSA and EdDSA have none */
	assert_false(decodes("300c06082a8648ce3d0403020500", &alg, why));
	assert_false(decodes("300706032b65700500", &alg, why));
	/* RSASSA-PSS with nothing said is SHA-1: RFC 4055 3.1 */
	assert_true(decodes("300d06092a864886f70d01010a3000", &alg, why));
	assert_int_equal(alg.hash, CERT_SHA1);
	assert_int_equal(alg.salt, 20);
	assert_false(decodes("300b06092a864886f70d01010a", &alg, why));
	/* two hashes */
	assert_false(decodes("302006092a864886f70d01010a3013a011300f06096086480165030402010500"
			     "0500", &alg, why));
	assert_false(decodes("3041" "06092a864886f70d01010a3034a00f300d06096086480165030402010500"
			     "a11c301a06092a864886f70d010108300d06096086480165030402020500a203020120",
			     &alg, why));
	/* hashes without NULL, as some write them */
	assert_true(decodes("303d06092a864886f70d01010a3030a00d300b0609608648016503040201"
			    "a11a301806092a864886f70d010108300b0609608648016503040201a203020120",
			    &alg, why));
	assert_int_equal(alg.salt, 32);
	/* DSA */
	assert_false(decodes("300b0609608648016503040302", &alg, why));
	assert_non_null(strstr(why, "0x608648016503040302"));
	assert_false(decodes("", &alg, why));
	assert_false(decodes("0500", &alg, why));
}

struct keys {
	struct pki *pki;
	struct cert_store *store;
};

static void load(struct keys *k, const char *kind)
{
	char err[CERT_ERROR_MAX];
	const char *dir;

	k->pki = pki_new();
	pki_make(k->pki, &(struct pki_spec){ .name = "x", .key = kind });
	dir = pki_site(k->pki, "d", "x", NULL);
	k->store = cert_store_load(dir, NULL, 0, err, sizeof(err));
	if (!k->store)
		fail_msg("%s", err);
}

static void unload(struct keys *k)
{
	cert_store_put(k->store);
	pki_free(k->pki);
}

struct way {
	const char *kind;
	uint32_t hashes;
	enum conf_rsa rsa;
	uint8_t method;
	struct cert_alg alg;
	const char *name;
};

static const struct way ways[] = {
	{ "rsa", 0, CONF_RSA_ANY, WIRE_AUTH_RSA, { CERT_RSA, CERT_SHA1, 0, false }, "rsa-sha1" },
	{ "rsa", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE, { CERT_RSA_PSS, CERT_SHA256, 32, false }, "rsa-pss-sha256" },
	{ "rsa", BIT(CERT_SHA384), CONF_RSA_PSS, WIRE_AUTH_SIGNATURE,
	  { CERT_RSA_PSS, CERT_SHA384, 48, false }, "rsa-pss-sha384" },
	{ "rsa", BIT(CERT_SHA512), CONF_RSA_ANY, WIRE_AUTH_SIGNATURE,
	  { CERT_RSA_PSS, CERT_SHA512, 64, false }, "rsa-pss-sha512" },
	{ "rsa", ALL, CONF_RSA_PKCS1, WIRE_AUTH_SIGNATURE, { CERT_RSA, CERT_SHA256, 0, false }, "rsa-sha256" },
	{ "rsa", BIT(CERT_SHA512), CONF_RSA_PKCS1, WIRE_AUTH_SIGNATURE,
	  { CERT_RSA, CERT_SHA512, 0, false }, "rsa-sha512" },
	{ "rsapss", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE,
	  { CERT_RSA_PSS, CERT_SHA256, 32, false }, "rsa-pss-sha256" },
	{ "p256", 0, CONF_RSA_ANY, WIRE_AUTH_ECDSA_256, { CERT_ECDSA, CERT_SHA256, 0, true }, "ecdsa-p256-sha256" },
	{ "p384", 0, CONF_RSA_ANY, WIRE_AUTH_ECDSA_384, { CERT_ECDSA, CERT_SHA384, 0, true }, "ecdsa-p384-sha384" },
	{ "p521", 0, CONF_RSA_ANY, WIRE_AUTH_ECDSA_521, { CERT_ECDSA, CERT_SHA512, 0, true }, "ecdsa-p521-sha512" },
	{ "p256", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE, { CERT_ECDSA, CERT_SHA256, 0, false }, "ecdsa-p256-sha256" },
	{ "p384", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE, { CERT_ECDSA, CERT_SHA384, 0, false }, "ecdsa-p384-sha384" },
	{ "p521", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE, { CERT_ECDSA, CERT_SHA512, 0, false }, "ecdsa-p521-sha512" },
	/* not the curve's own hash, but one that the peer has */
	{ "p384", BIT(CERT_SHA256), CONF_RSA_ANY, WIRE_AUTH_SIGNATURE,
	  { CERT_ECDSA, CERT_SHA256, 0, false }, "ecdsa-p384-sha256" },
	{ "ed25519", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE,
	  { CERT_ED25519, CERT_IDENTITY, 0, false }, "ed25519" },
	{ "ed448", ALL, CONF_RSA_ANY, WIRE_AUTH_SIGNATURE, { CERT_ED448, CERT_IDENTITY, 0, false }, "ed448" },
};

static void one_way(const struct way *way)
{
	const struct cert_pub *pub;
	struct wire_auth auth;
	struct v2_signer s;
	struct cert_alg alg, made;
	char err[CERT_ERROR_MAX], name[sizeof(((struct ike_auth_info *)0)->how)];
	struct keys k;
	struct buf b;

	load(&k, way->kind);
	s = (struct v2_signer){ .key = cert_store_key(k.store, "x.pem"),
					.hashes = way->hashes, .rsa = way->rsa };
	pub = cert_key_pub(s.key);
	buf_init(&b);
	assert_true(v2_sig_make(&s, abc, &made, &auth.method, &b));
	assert_int_equal(auth.method, way->method);
	auth.data = buf_bytes(&b);
	if (!v2_sig_check(pub, way->hashes, &auth, abc, &alg, err, sizeof(err)))
		fail_msg("%s: %s", way->kind, err);
	assert_int_equal(alg.key, way->alg.key);
	assert_int_equal(alg.hash, way->alg.hash);
	assert_int_equal(alg.salt, way->alg.salt);
	assert_int_equal(alg.raw, way->alg.raw);
	/* who signed, and who verified, call it the same */
	v2_sig_name(&alg, pub, name, sizeof(name));
	assert_string_equal(name, way->name);
	v2_sig_name(&made, pub, name, sizeof(name));
	assert_string_equal(name, way->name);
	/* another message, another octet */
	assert_false(v2_sig_check(pub, way->hashes, &auth, (struct bytes){ abc.p, 2 }, &alg, err,
				  sizeof(err)));
	assert_non_null(strstr(err, "does not verify"));
	b.p[b.len / 2 + 20] ^= 0x10;
	assert_false(v2_sig_check(pub, way->hashes, &auth, abc, &alg, err, sizeof(err)));
	buf_free(&b);
	unload(&k);
}

static void every_method_both_ways(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		one_way(&ways[i]);
}

/* SHA-1 is refused where better is known */
static void sha1_is_refused(void **state)
{
	static const struct cert_alg sha1 = { CERT_RSA, CERT_SHA1, 0, false };
	char err[CERT_ERROR_MAX];
	struct wire_auth auth;
	const struct cert_key *key;
	struct cert_alg alg;
	struct keys k;
	struct buf b;

	(void)state;
	load(&k, "rsa");
	key = cert_store_key(k.store, "x.pem");
	buf_init(&b);
	buf_put_u8(&b, 15);
	assert_true(v2_sigalg_encode(&sha1, &b) && cert_sign(key, &sha1, abc, &b, NULL, 0));
	auth = (struct wire_auth){ WIRE_AUTH_SIGNATURE, buf_bytes(&b) };
	assert_false(v2_sig_check(cert_key_pub(key), ALL, &auth, abc, &alg, err, sizeof(err)));
	assert_non_null(strstr(err, "RSA PKCS#1 v1.5 with SHA-1, which is broken"));
	/* the same signature by method 1, from one that announced hashes and one that did not */
	auth = (struct wire_auth){ WIRE_AUTH_RSA, { b.p + 16, b.len - 16 } };
	assert_true(v2_sig_check(cert_key_pub(key), 0, &auth, abc, &alg, err, sizeof(err)));
	assert_false(v2_sig_check(cert_key_pub(key), ALL, &auth, abc, &alg, err, sizeof(err)));
	assert_non_null(strstr(err, "though it knows RFC 7427"));
	buf_free(&b);
	unload(&k);
}

/* GnuTLS signs with no salt shorter than the hash */
static void salts_of_others(void **state)
{
	gnutls_datum_t in = { (unsigned char *)"abc", 3 }, sig, der;
	struct cert_alg alg = { CERT_RSA_PSS, CERT_SHA256, 32, false };
	gnutls_x509_privkey_t x;
	gnutls_x509_spki_t spki;
	gnutls_privkey_t key;
	gnutls_pubkey_t pub_key;
	struct cert_pub *pub;

	(void)state;
	for (alg.salt = 32; alg.salt < 70; alg.salt += 18) {
		gnutls_x509_spki_init(&spki);
		gnutls_x509_spki_set_rsa_pss_params(spki, GNUTLS_DIG_SHA256, alg.salt);
		gnutls_x509_privkey_init(&x);
		assert_int_equal(gnutls_x509_privkey_generate(x, GNUTLS_PK_RSA, 2048, 0), 0);
		gnutls_privkey_init(&key);
		gnutls_privkey_import_x509(key, x, 0);
		gnutls_pubkey_init(&pub_key);
		gnutls_pubkey_import_privkey(pub_key, key, 0, 0);
		gnutls_pubkey_export2(pub_key, GNUTLS_X509_FMT_DER, &der);
		assert_int_equal(gnutls_privkey_set_spki(key, spki, 0), 0);
		assert_int_equal(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_RSA_PSS_SHA256, 0, &in,
							   &sig), 0);
		pub = cert_pub_new((struct bytes){ der.data, der.size });
		assert_non_null(pub);
		assert_true(cert_verify(pub, &alg, abc, (struct bytes){ sig.data, sig.size }));
		alg.salt++;
		assert_false(cert_verify(pub, &alg, abc, (struct bytes){ sig.data, sig.size }));
		alg.salt--;
		cert_pub_free(pub);
		gnutls_free(sig.data);
		gnutls_free(der.data);
		gnutls_pubkey_deinit(pub_key);
		gnutls_privkey_deinit(key);
		gnutls_x509_privkey_deinit(x);
		gnutls_x509_spki_deinit(spki);
	}
}

static void malformed_auth(void **state)
{
	static const struct { uint8_t octets[8]; size_t len; } bad[] = {
		{ { 0 }, 1 }, { { 0, 1, 2 }, 3 }, { { 255, 0x30 }, 2 },
		{ { 7, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 }, 8 },
		{ { 2, 0x30, 0, 1 }, 4 }, { { 4, 5, 0, 5, 0, 1 }, 6 },
	};
	char err[CERT_ERROR_MAX];
	struct wire_auth auth;
	struct cert_alg alg;
	struct keys k;
	size_t i;

	(void)state;
	load(&k, "ed25519");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		auth = (struct wire_auth){ WIRE_AUTH_SIGNATURE, { bad[i].octets, bad[i].len } };
		assert_false(v2_sig_check(cert_key_pub(cert_store_key(k.store, "x.pem")), ALL,
					  &auth, abc, &alg, err, sizeof(err)));
		assert_non_null(strstr(err, "malformed"));
	}
	auth.method = 200;
	assert_false(v2_sig_check(cert_key_pub(cert_store_key(k.store, "x.pem")), ALL, &auth, abc,
				  &alg, err, sizeof(err)));
	assert_non_null(strstr(err, "method 200"));
	unload(&k);
}

/* an Ed25519 key has no method but the Digital Signature */
static void no_method_for_the_key(void **state)
{
	struct v2_signer s = { .hashes = 0 };
	struct cert_alg made;
	struct keys k;
	uint8_t method;
	struct buf b;

	(void)state;
	load(&k, "ed25519");
	s.key = cert_store_key(k.store, "x.pem");
	buf_init(&b);
	assert_false(v2_sig_make(&s, abc, &made, &method, &b));
	s.hashes = BIT(CERT_SHA256);
	assert_false(v2_sig_make(&s, abc, &made, &method, &b));
	buf_free(&b);
	unload(&k);
}

/*
 * RFC 7427 3, 4: with who announced hashes no other method than 14, and no hash but his:
 * where there is none that both know, there is no signature.
 */
static void no_older_method_for_who_announces(void **state)
{
	static const char *const kinds[] = { "rsa", "p256", "p384", "p521", "ed25519" };
	/* nothing that we know, and SHA-1 */
	static const uint32_t hashes[] = { BIT(0), BIT(0) | BIT(CERT_SHA1) };
	struct cert_alg made;
	struct v2_signer s;
	unsigned int i, h;
	struct keys k;
	uint8_t method;
	struct buf b;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		load(&k, kinds[i]);
		for (h = 0; h < 2; h++) {
			s = (struct v2_signer){ .key = cert_store_key(k.store, "x.pem"),
						.hashes = hashes[h] };
			buf_init(&b);
			if (v2_sig_make(&s, abc, &made, &method, &b))
				fail_msg("%s signs by method %u", kinds[i], method);
			buf_free(&b);
		}
		unload(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecdsa_of_rfc4754),
		cmocka_unit_test(long_hashes_are_cut),
		cmocka_unit_test(algorithm_identifiers),
		cmocka_unit_test(odd_identifiers),
		cmocka_unit_test(every_method_both_ways),
		cmocka_unit_test(sha1_is_refused),
		cmocka_unit_test(salts_of_others),
		cmocka_unit_test(malformed_auth),
		cmocka_unit_test(no_method_for_the_key),
		cmocka_unit_test(no_older_method_for_who_announces),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
