// SPDX-License-Identifier: GPL-2.0
/* Signatures. */
#include <stdio.h>
#include <string.h>

#include "pki/cert_priv.h"
#include "pki/token.h"

static gnutls_digest_algorithm_t digest_of(enum cert_hash hash)
{
	switch (hash) {
	case CERT_SHA1:
		return GNUTLS_DIG_SHA1;
	case CERT_SHA256:
		return GNUTLS_DIG_SHA256;
	case CERT_SHA384:
		return GNUTLS_DIG_SHA384;
	case CERT_SHA512:
		return GNUTLS_DIG_SHA512;
	default:
		return GNUTLS_DIG_UNKNOWN;
	}
}

static const struct {
	enum cert_key_type key;
	enum cert_hash hash;
	gnutls_sign_algorithm_t sign;
} signs[] = {
	{ CERT_RSA, CERT_SHA1, GNUTLS_SIGN_RSA_SHA1 },
	{ CERT_RSA, CERT_SHA256, GNUTLS_SIGN_RSA_SHA256 },
	{ CERT_RSA, CERT_SHA384, GNUTLS_SIGN_RSA_SHA384 },
	{ CERT_RSA, CERT_SHA512, GNUTLS_SIGN_RSA_SHA512 },
	{ CERT_RSA_PSS, CERT_SHA256, GNUTLS_SIGN_RSA_PSS_SHA256 },
	{ CERT_RSA_PSS, CERT_SHA384, GNUTLS_SIGN_RSA_PSS_SHA384 },
	{ CERT_RSA_PSS, CERT_SHA512, GNUTLS_SIGN_RSA_PSS_SHA512 },
	{ CERT_ECDSA, CERT_SHA256, GNUTLS_SIGN_ECDSA_SHA256 },
	{ CERT_ECDSA, CERT_SHA384, GNUTLS_SIGN_ECDSA_SHA384 },
	{ CERT_ECDSA, CERT_SHA512, GNUTLS_SIGN_ECDSA_SHA512 },
	{ CERT_ED25519, CERT_IDENTITY, GNUTLS_SIGN_EDDSA_ED25519 },
	{ CERT_ED448, CERT_IDENTITY, GNUTLS_SIGN_EDDSA_ED448 },
};

static gnutls_sign_algorithm_t sign_of(const struct cert_alg *alg)
{
	size_t i;

	for (i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (signs[i].key == alg->key && signs[i].hash == alg->hash)
			return signs[i].sign;
	return GNUTLS_SIGN_UNKNOWN;
}

/* an RSA key makes both kinds of signature, one that says RSASSA-PSS only that */
static bool key_fits(const struct cert_pub *pub, const struct cert_alg *alg)
{
	return pub->type == alg->key || (pub->type == CERT_RSA && alg->key == CERT_RSA_PSS);
}

static size_t field_len(const struct cert_pub *pub)
{
	return (pub->bits + 7) / 8;
}

/* r and s in DER to octet strings of the field's length: RFC 4754 3 */
static bool to_raw(const struct cert_pub *pub, const gnutls_datum_t *der, struct buf *out)
{
	gnutls_datum_t r = { NULL, 0 }, s = { NULL, 0 }, *v[] = { &r, &s };
	size_t len = field_len(pub), i;
	bool ok = gnutls_decode_rs_value(der, &r, &s) >= 0;

	for (i = 0; ok && i < 2; i++) {
		unsigned char *p = v[i]->data;
		size_t n = v[i]->size;
		uint8_t *to;

		for (; n && !*p; n--)	/* a sign octet of DER */
			p++;
		ok = n <= len && (to = buf_extend(out, len));
		if (ok && n)
			memcpy(to + len - n, p, n);
	}
	gnutls_free(r.data);
	gnutls_free(s.data);
	return ok;
}

static bool from_raw(const struct cert_pub *pub, struct bytes raw, gnutls_datum_t *der)
{
	size_t len = field_len(pub);
	gnutls_datum_t r = { (unsigned char *)raw.p, len }, s = { (unsigned char *)raw.p + len, len };

	return raw.len == 2 * len && gnutls_encode_rs_value(der, &r, &s) >= 0;
}

/* Verifies a signature of a token, which may hold another key by now, before it is sent. */
static bool is_good(const struct cert_key *key, const struct cert_alg *alg, struct bytes data,
		    struct bytes sig, char *err, size_t err_len)
{
	if (cert_verify(&key->pub, alg, data, sig))
		return true;
	snprintf(err, err_len, "the signature of %s does not verify with the public key of the certificate",
		 key->file);
	return false;
}

static bool sign_on_token(const struct cert_key *key, const struct cert_alg *alg, struct bytes data,
			  struct buf *out, char *err, size_t err_len)
{
	const struct token_key where = { key->provider, key->file, key->pin, key->no_login };
	char why[CERT_TEXT_MAX] = "";
	enum token_status status;
	gnutls_datum_t der;
	struct buf sig, raw;
	bool ok;

	buf_init(&sig);
	buf_init(&raw);
	status = token_sign(&where, buf_bytes(&key->pub.spki), sign_of(alg), data, &sig, why,
			    sizeof(why));
	ok = status == TOKEN_OK;
	if (!ok)
		snprintf(err, err_len, "%s: %s", key->file, why);
	der = (gnutls_datum_t){ sig.p, sig.len };
	ok = ok && (!alg->raw || to_raw(&key->pub, &der, &raw)) &&
	     is_good(key, alg, data, buf_bytes(alg->raw ? &raw : &sig), err, err_len);
	if (ok)
		buf_put_bytes(out, buf_bytes(alg->raw ? &raw : &sig));
	buf_free(&sig);
	buf_free(&raw);
	return ok && !out->failed;
}

bool cert_sign(const struct cert_key *key, const struct cert_alg *alg, struct bytes data,
	       struct buf *out, char *err, size_t err_len)
{
	gnutls_datum_t in = { (unsigned char *)data.p, data.len }, sig = { NULL, 0 };
	gnutls_sign_algorithm_t sign = sign_of(alg);
	bool ok = true;

	/* GnuTLS makes the salt as long as the hash, which is what RFC 7427 A.4 names */
	if (!key_fits(&key->pub, alg) || sign == GNUTLS_SIGN_UNKNOWN)
		return false;
	if (!key->key)
		return sign_on_token(key, alg, data, out, err, err_len);
	if (gnutls_privkey_sign_data2(key->key, sign, 0, &in, &sig) < 0)
		return false;
	if (alg->raw)
		ok = to_raw(&key->pub, &sig, out);
	else
		buf_put(out, sig.data, sig.size);
	ok = ok && !out->failed;
	gnutls_free(sig.data);
	return ok;
}

/* the key as one whose signatures have a salt of that length */
static gnutls_pubkey_t with_salt(const struct cert_pub *pub, const struct cert_alg *alg)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_spki_t spki;
	gnutls_pubkey_t key;

	if (gnutls_pubkey_init(&key) < 0)
		return NULL;
	if (gnutls_x509_spki_init(&spki) < 0) {
		gnutls_pubkey_deinit(key);
		return NULL;
	}
	gnutls_x509_spki_set_rsa_pss_params(spki, digest_of(alg->hash), alg->salt);
	if (gnutls_pubkey_export2(pub->key, GNUTLS_X509_FMT_DER, &der) < 0 ||
	    gnutls_pubkey_import(key, &der, GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_pubkey_set_spki(key, spki, 0) < 0) {
		gnutls_pubkey_deinit(key);
		key = NULL;
	}
	gnutls_free(der.data);
	gnutls_x509_spki_deinit(spki);
	return key;
}

bool cert_verify(const struct cert_pub *pub, const struct cert_alg *alg, struct bytes data,
		 struct bytes sig)
{
	gnutls_datum_t in = { (unsigned char *)data.p, data.len };
	gnutls_datum_t s = { (unsigned char *)sig.p, sig.len }, der = { NULL, 0 };
	gnutls_sign_algorithm_t sign = sign_of(alg);
	/* which hash may be is the caller's decision: SHA-1 only in method 1 */
	unsigned int flags = alg->hash == CERT_SHA1 ? GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1 : 0;
	gnutls_pubkey_t key = pub->key;
	bool ok;

	if (!key_fits(pub, alg) || sign == GNUTLS_SIGN_UNKNOWN || !sig.len)
		return false;
	if (alg->raw) {
		if (!from_raw(pub, sig, &der))
			return false;
		s = der;
	}
	if (alg->key == CERT_RSA_PSS && pub->type == CERT_RSA)
		key = with_salt(pub, alg);
	ok = key && gnutls_pubkey_verify_data2(key, sign, flags, &in, &s) >= 0;
	if (key && key != pub->key)
		gnutls_pubkey_deinit(key);
	gnutls_free(der.data);
	return ok;
}
