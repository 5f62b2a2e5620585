// SPDX-License-Identifier: GPL-2.0
/* AUTH data of signatures, by method: RFC 7296 2.15 and 3.8, RFC 4754, RFC 7427, RFC 8420. */
#include <stdio.h>
#include <string.h>

#include "v2/v2.h"

#define BIT(hash)	(1u << (hash))
#define SIG_MAX		8192

/* Methods with one algorithm each. A Digital Signature (14) names its algorithm. */
static const struct method {
	uint8_t id;
	const char *name;
	enum cert_key_type key;
	unsigned int bits;	/* of the curve; 0: any key */
	struct cert_alg alg;
} methods[] = {
	{ WIRE_AUTH_RSA, "RSA signature", CERT_RSA, 0, { CERT_RSA, CERT_SHA1, 0, false } },
	{ WIRE_AUTH_ECDSA_256, "ECDSA with SHA-256 on P-256", CERT_ECDSA, 256,
	  { CERT_ECDSA, CERT_SHA256, 0, true } },
	{ WIRE_AUTH_ECDSA_384, "ECDSA with SHA-384 on P-384", CERT_ECDSA, 384,
	  { CERT_ECDSA, CERT_SHA384, 0, true } },
	{ WIRE_AUTH_ECDSA_521, "ECDSA with SHA-512 on P-521", CERT_ECDSA, 521,
	  { CERT_ECDSA, CERT_SHA512, 0, true } },
};

/* Signature algorithms by key, in order of preference: RFC 8247 4.2. */
static const struct cert_alg offers[] = {
	{ CERT_RSA_PSS, CERT_SHA256, 32, false }, { CERT_RSA_PSS, CERT_SHA384, 48, false },
	{ CERT_RSA_PSS, CERT_SHA512, 64, false },
	{ CERT_RSA, CERT_SHA256, 0, false }, { CERT_RSA, CERT_SHA384, 0, false },
	{ CERT_RSA, CERT_SHA512, 0, false },
	{ CERT_ECDSA, CERT_SHA256, 0, false }, { CERT_ECDSA, CERT_SHA384, 0, false },
	{ CERT_ECDSA, CERT_SHA512, 0, false },
	{ CERT_ED25519, CERT_IDENTITY, 0, false }, { CERT_ED448, CERT_IDENTITY, 0, false },
};

static const struct method *method_of(uint8_t id)
{
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (methods[i].id == id)
			return &methods[i];
	return NULL;
}

bool v2_sig_is_known(uint8_t method)
{
	return method == WIRE_AUTH_SIGNATURE || method_of(method);
}

const char *v2_auth_method_str(uint8_t method)
{
	const struct method *m = method_of(method);

	if (method == WIRE_AUTH_PSK)
		return "a pre-shared key";
	if (method == WIRE_AUTH_SIGNATURE)
		return "a digital signature";
	return m ? m->name : "a method that we do not know";
}

void v2_sig_name(const struct cert_alg *alg, const struct cert_pub *pub, char *out, size_t len)
{
	static const char *const hashes[] = {
		[CERT_SHA1] = "-sha1", [CERT_SHA256] = "-sha256", [CERT_SHA384] = "-sha384",
		[CERT_SHA512] = "-sha512", [CERT_IDENTITY] = "",
	};
	static const char *const keys[] = {
		[CERT_RSA] = "rsa", [CERT_RSA_PSS] = "rsa-pss", [CERT_ED25519] = "ed25519",
		[CERT_ED448] = "ed448",
	};

	if (alg->key == CERT_ECDSA)
		snprintf(out, len, "ecdsa-p%u%s", cert_pub_bits(pub), hashes[alg->hash]);
	else
		snprintf(out, len, "%s%s", keys[alg->key], hashes[alg->hash]);
}

/* the hash that is as strong as the curve; RSA has none of its own */
static bool hash_suits(const struct cert_pub *pub, const struct cert_alg *alg)
{
	if (cert_pub_type(pub) != CERT_ECDSA)
		return true;
	return alg->hash == (cert_pub_bits(pub) == 256 ? CERT_SHA256 :
			     cert_pub_bits(pub) == 384 ? CERT_SHA384 : CERT_SHA512);
}

static bool key_suits(const struct v2_signer *signer, const struct cert_alg *alg)
{
	enum cert_key_type type = cert_pub_type(cert_key_pub(signer->key));

	if (!cert_key_can(signer->key, alg->key))
		return false;
	if (type != CERT_RSA)
		return alg->key == type;
	/* PSS, unless the token has only the other one, and the configuration leaves the choice */
	if (signer->rsa == CONF_RSA_PKCS1 ||
	    (signer->rsa == CONF_RSA_ANY && !cert_key_can(signer->key, CERT_RSA_PSS)))
		return alg->key == CERT_RSA;
	return alg->key == CERT_RSA_PSS;
}

/* NULL: the peer can verify none of what our key can make */
static const struct cert_alg *choose(const struct v2_signer *signer)
{
	const struct cert_alg *second = NULL;
	size_t i;

	for (i = 0; i < sizeof(offers) / sizeof(*offers); i++) {
		if (!(signer->hashes & BIT(offers[i].hash)) || !key_suits(signer, &offers[i]))
			continue;
		if (hash_suits(cert_key_pub(signer->key), &offers[i]))
			return &offers[i];
		if (!second)
			second = &offers[i];
	}
	return second;
}

/* RFC 7427 3: length of the AlgorithmIdentifier, it, and the signature */
static bool make_digital(const struct v2_signer *signer, const struct cert_alg *alg,
			 struct bytes octets, struct buf *auth)
{
	struct buf id;
	bool ok;

	buf_init(&id);
	ok = v2_sigalg_encode(alg, &id);
	buf_put_u8(auth, id.len);
	buf_put_bytes(auth, buf_bytes(&id));
	buf_free(&id);
	return ok && cert_sign(signer->key, alg, octets, auth, signer->err, signer->err_len) &&
	       !auth->failed;
}

/**
 * v2_sig_make - AUTH by our private key
 * @signer: the key, and what the peer takes
 * @octets: v2_signed_octets()
 * @used: gets how
 * @method: gets the method
 * @auth: gets the data
 *
 * A peer that announced hashes gets a Digital Signature by one of them, or none
 * (RFC 7427 3, 4); another one the method of the key's own kind: RSA with SHA-1, or ECDSA.
 */
bool v2_sig_make(const struct v2_signer *signer, struct bytes octets, struct cert_alg *used,
		 uint8_t *method, struct buf *auth)
{
	const struct cert_pub *pub = cert_key_pub(signer->key);
	const struct cert_alg *alg = signer->hashes ? choose(signer) : NULL;
	size_t i;

	if (alg) {
		*method = WIRE_AUTH_SIGNATURE;
		*used = *alg;
		return make_digital(signer, alg, octets, auth);
	}
	for (i = 0; !signer->hashes && i < sizeof(methods) / sizeof(*methods); i++) {
		const struct method *m = &methods[i];

		if (m->key != cert_pub_type(pub) || (m->bits && m->bits != cert_pub_bits(pub)) ||
		    !cert_key_can(signer->key, m->key))
			continue;
		*method = m->id;
		*used = m->alg;
		return cert_sign(signer->key, &m->alg, octets, auth, signer->err,
				 signer->err_len);
	}
	return false;
}

static bool refuse(char *err, size_t err_len, const char *what)
{
	snprintf(err, err_len, "%s", what);
	return false;
}

static bool check_digital(const struct cert_pub *pub, struct bytes data, struct bytes octets,
			  struct cert_alg *alg, char *err, size_t err_len)
{
	char key[32];
	size_t n;

	if (!data.len || data.len > SIG_MAX)
		return refuse(err, err_len, "its AUTH payload is malformed");
	n = data.p[0];
	if (!n || data.len <= 1 + n)
		return refuse(err, err_len, "its AUTH payload is malformed");
	if (!v2_sigalg_decode((struct bytes){ data.p + 1, n }, alg, err, err_len))
		return false;
	/* RFC 8247 4.2 */
	if (alg->hash == CERT_SHA1) {
		snprintf(err, err_len, "it signed with %s, which is broken, expected SHA-256 or stronger",
			 v2_sigalg_str(alg));
		return false;
	}
	if (cert_verify(pub, alg, octets, (struct bytes){ data.p + 1 + n, data.len - 1 - n }))
		return true;
	snprintf(err, err_len, "its signature (%s) does not verify with its key (%s)",
		 v2_sigalg_str(alg), cert_pub_str(pub, key, sizeof(key)));
	return false;
}

/* RFC 7296 3.8: the hash of method 1 is in the signature; whichever, SHA-1 is expected */
static bool check_rsa(const struct cert_pub *pub, struct bytes data, struct bytes octets,
		      struct cert_alg *alg)
{
	static const enum cert_hash hashes[] = { CERT_SHA1, CERT_SHA256, CERT_SHA384, CERT_SHA512 };
	size_t i;

	for (i = 0; i < sizeof(hashes) / sizeof(*hashes); i++) {
		*alg = (struct cert_alg){ .key = CERT_RSA, .hash = hashes[i] };
		if (cert_verify(pub, alg, octets, data))
			return true;
	}
	return false;
}

bool v2_sig_check(const struct cert_pub *pub, uint32_t hashes, const struct wire_auth *auth,
		  struct bytes octets, struct cert_alg *alg, char *err, size_t err_len)
{
	const struct method *m = method_of(auth->method);
	char key[32];
	bool ok;

	if (auth->method == WIRE_AUTH_SIGNATURE)
		return check_digital(pub, auth->data, octets, alg, err, err_len);
	if (!m) {
		snprintf(err, err_len, "it offered authentication method %u, expected a signature",
			 auth->method);
		return false;
	}
	if (m->key != cert_pub_type(pub) || (m->bits && m->bits != cert_pub_bits(pub))) {
		snprintf(err, err_len, "it signed by method %u (%s), which its key (%s) cannot",
			 m->id, m->name, cert_pub_str(pub, key, sizeof(key)));
		return false;
	}
	*alg = m->alg;
	ok = m->id == WIRE_AUTH_RSA ? check_rsa(pub, auth->data, octets, alg) :
				      cert_verify(pub, alg, octets, auth->data);
	if (!ok) {
		snprintf(err, err_len, "its signature (method %u, %s) does not verify with its key (%s)",
			 m->id, m->name, cert_pub_str(pub, key, sizeof(key)));
		return false;
	}
	/* SHA-1 is for those that know nothing better */
	if (alg->hash == CERT_SHA1 && hashes)
		return refuse(err, err_len, "it signed with RSA and SHA-1 (method 1) though it knows RFC 7427, expected a digital signature with SHA-256 or stronger");
	return true;
}
