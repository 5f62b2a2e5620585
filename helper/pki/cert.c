// SPDX-License-Identifier: GPL-2.0
/* Certificates and keys: what they are, and the store that holds them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/cert_priv.h"

/* ---- public keys ---- */

static bool ecc_bits(gnutls_pubkey_t key, unsigned int *bits)
{
	gnutls_ecc_curve_t curve;

	if (gnutls_pubkey_export_ecc_raw(key, &curve, NULL, NULL) < 0)
		return false;
	switch (curve) {
	case GNUTLS_ECC_CURVE_SECP256R1:
		*bits = 256;
		return true;
	case GNUTLS_ECC_CURVE_SECP384R1:
		*bits = 384;
		return true;
	case GNUTLS_ECC_CURVE_SECP521R1:
		*bits = 521;
		return true;
	default:
		return false;
	}
}

/* which kind of key, and is it one that may sign? */
bool cert_pub_kind(struct cert_pub *pub, char *why, size_t why_len)
{
	int pk = gnutls_pubkey_get_pk_algorithm(pub->key, &pub->bits);

	switch (pk) {
	case GNUTLS_PK_RSA:
	case GNUTLS_PK_RSA_PSS:
		pub->type = pk == GNUTLS_PK_RSA ? CERT_RSA : CERT_RSA_PSS;
		if (pub->bits >= CERT_RSA_BITS_MIN && pub->bits <= CERT_RSA_BITS_MAX)
			return true;
		snprintf(why, why_len, "an RSA key of %u bits, expected %u to %u", pub->bits,
			 CERT_RSA_BITS_MIN, CERT_RSA_BITS_MAX);
		return false;
	case GNUTLS_PK_ECDSA:
		pub->type = CERT_ECDSA;
		if (ecc_bits(pub->key, &pub->bits))
			return true;
		break;
	case GNUTLS_PK_EDDSA_ED25519:
		pub->type = CERT_ED25519;
		pub->bits = 255;
		return true;
	case GNUTLS_PK_EDDSA_ED448:
		pub->type = CERT_ED448;
		pub->bits = 448;
		return true;
	default:
		break;
	}
	snprintf(why, why_len,
		 "a key of %s, expected RSA, ECDSA on P-256, P-384 or P-521, Ed25519 or Ed448",
		 pk > 0 ? gnutls_pk_get_name(pk) : "an unknown kind");
	return false;
}

bool cert_pub_fill(struct cert_pub *pub, char *why, size_t why_len)
{
	gnutls_datum_t der = { NULL, 0 };
	bool ok;

	if (!cert_pub_kind(pub, why, why_len))
		return false;
	if (gnutls_pubkey_export2(pub->key, GNUTLS_X509_FMT_DER, &der) < 0) {
		snprintf(why, why_len, "a public key that cannot be written");
		return false;
	}
	ok = buf_copy(&pub->spki, (struct bytes){ der.data, der.size }) &&
	     gnutls_hash_fast(GNUTLS_DIG_SHA1, der.data, der.size, pub->id) >= 0;
	gnutls_free(der.data);
	if (!ok)
		snprintf(why, why_len, "no memory");
	return ok;
}

void cert_pub_clear(struct cert_pub *pub)
{
	if (pub->key)
		gnutls_pubkey_deinit(pub->key);
	buf_free(&pub->spki);
	free(pub->file);
	memset(pub, 0, sizeof(*pub));
}

struct cert_pub *cert_pub_new(struct bytes spki)
{
	struct cert_pub *pub = calloc(1, sizeof(*pub));
	gnutls_datum_t d = { (unsigned char *)spki.p, spki.len };
	char why[CERT_TEXT_MAX];

	if (!pub)
		return NULL;
	buf_init(&pub->spki);
	if (gnutls_pubkey_init(&pub->key) < 0) {
		pub->key = NULL;
	} else if (gnutls_pubkey_import(pub->key, &d, GNUTLS_X509_FMT_DER) >= 0 &&
		   cert_pub_fill(pub, why, sizeof(why))) {
		return pub;
	}
	cert_pub_free(pub);
	return NULL;
}

void cert_pub_free(struct cert_pub *pub)
{
	if (!pub)
		return;
	cert_pub_clear(pub);
	free(pub);
}

bool cert_pub_is(const struct cert_pub *pub, struct bytes spki)
{
	return bytes_equal(buf_bytes(&pub->spki), spki);
}

const char *cert_pub_file(const struct cert_pub *pub)
{
	return pub->file;
}

enum cert_key_type cert_pub_type(const struct cert_pub *pub)
{
	return pub->type;
}

unsigned int cert_pub_bits(const struct cert_pub *pub)
{
	return pub->bits;
}

struct bytes cert_pub_spki(const struct cert_pub *pub)
{
	return buf_bytes(&pub->spki);
}

const uint8_t *cert_pub_id(const struct cert_pub *pub)
{
	return pub->id;
}

const char *cert_pub_str(const struct cert_pub *pub, char *out, size_t len)
{
	switch (pub->type) {
	case CERT_RSA:
	case CERT_RSA_PSS:
		snprintf(out, len, "RSA %u", pub->bits);
		break;
	case CERT_ECDSA:
		snprintf(out, len, "ECDSA P-%u", pub->bits);
		break;
	case CERT_ED25519:
		snprintf(out, len, "Ed25519");
		break;
	case CERT_ED448:
		snprintf(out, len, "Ed448");
		break;
	}
	return out;
}

/* ---- private keys ---- */

void cert_key_free(struct cert_key *key)
{
	if (!key)
		return;
	/* GnuTLS zeroises what it frees of a private key */
	if (key->key)
		gnutls_privkey_deinit(key->key);
	cert_pub_clear(&key->pub);
	if (key->pin)
		explicit_bzero(key->pin, strlen(key->pin));
	free(key->pin);
	free(key->provider);
	if (key->owns_login)
		free(key->no_login);
	free(key->file);
	free(key);
}

const struct cert_pub *cert_key_pub(const struct cert_key *key)
{
	return &key->pub;
}

const char *cert_key_file(const struct cert_key *key)
{
	return key->file;
}

/* ---- certificates ---- */

void cert_free(struct cert *cert)
{
	if (!cert)
		return;
	if (cert->crt)
		gnutls_x509_crt_deinit(cert->crt);
	cert_pub_clear(&cert->pub);
	buf_free(&cert->der);
	buf_free(&cert->subject_der);
	free(cert->file);
	free(cert);
}

const char *cert_subject_of(gnutls_x509_crt_t crt, char *out, size_t len)
{
	gnutls_datum_t dn = { NULL, 0 };

	snprintf(out, len, "without subject");
	if (gnutls_x509_crt_get_raw_dn(crt, &dn) >= 0) {
		cert_dn_str((struct bytes){ dn.data, dn.size }, out, len);
		gnutls_free(dn.data);
	}
	return out;
}

static bool fill(struct cert *cert, char *why, size_t why_len)
{
	gnutls_datum_t der = { NULL, 0 }, dn = { NULL, 0 };
	bool ok;

	snprintf(why, why_len, "no memory");
	if (gnutls_pubkey_init(&cert->pub.key) < 0) {
		cert->pub.key = NULL;
		return false;
	}
	if (gnutls_pubkey_import_x509(cert->pub.key, cert->crt, 0) < 0) {
		snprintf(why, why_len, "a certificate with a key of an unknown kind");
		return false;
	}
	if (!cert_pub_fill(&cert->pub, why, why_len))
		return false;
	snprintf(why, why_len, "no memory");
	ok = gnutls_x509_crt_export2(cert->crt, GNUTLS_X509_FMT_DER, &der) >= 0 &&
	     gnutls_x509_crt_get_raw_dn(cert->crt, &dn) >= 0 &&
	     buf_copy(&cert->der, (struct bytes){ der.data, der.size }) &&
	     buf_copy(&cert->subject_der, (struct bytes){ dn.data, dn.size });
	gnutls_free(der.data);
	gnutls_free(dn.data);
	cert_subject_of(cert->crt, cert->subject, sizeof(cert->subject));
	cert->self_signed = gnutls_x509_crt_check_issuer(cert->crt, cert->crt);
	cert->is_ca = gnutls_x509_crt_get_ca_status(cert->crt, NULL) == 1;
	return ok;
}

struct cert *cert_new(gnutls_x509_crt_t crt, const char *file, char *why, size_t why_len)
{
	struct cert *cert = calloc(1, sizeof(*cert));

	if (!cert) {
		gnutls_x509_crt_deinit(crt);
		snprintf(why, why_len, "no memory");
		return NULL;
	}
	cert->crt = crt;
	buf_init(&cert->der);
	buf_init(&cert->subject_der);
	buf_init(&cert->pub.spki);
	cert->file = strdup(file);
	if (cert->file && fill(cert, why, why_len))
		return cert;
	cert_free(cert);
	return NULL;
}

struct gnutls_x509_crt_int *cert_crt(const struct cert *cert)
{
	return cert->crt;
}

const char *cert_file(const struct cert *cert)
{
	return cert->file;
}

const char *cert_subject(const struct cert *cert)
{
	return cert->subject;
}

struct bytes cert_der(const struct cert *cert)
{
	return buf_bytes(&cert->der);
}

struct bytes cert_subject_der(const struct cert *cert)
{
	return buf_bytes(&cert->subject_der);
}

const struct cert_pub *cert_pub(const struct cert *cert)
{
	return &cert->pub;
}

const struct cert_key *cert_own_key(const struct cert *cert)
{
	return cert->key;
}

time_t cert_not_after(const struct cert *cert)
{
	return gnutls_x509_crt_get_expiration_time(cert->crt);
}

/* ---- the store ---- */

struct cert_store *cert_store_get(struct cert_store *store)
{
	store->refs++;
	return store;
}

static void list_free(struct cert_list *list)
{
	while (list->n)
		cert_free(list->p[--list->n]);
	free(list->p);
}

void cert_store_put(struct cert_store *store)
{
	if (!store || --store->refs)
		return;
	list_free(&store->certs);
	list_free(&store->cas);
	while (store->n_pubs)
		cert_pub_free(store->pubs[--store->n_pubs]);
	while (store->n_keys)
		cert_key_free(store->keys[--store->n_keys]);
	while (store->n_tokens)
		cert_key_free(store->tokens[--store->n_tokens]);
	free(store->pubs);
	free(store->keys);
	free(store->tokens);
	free(store);
}

static const struct cert *by_file(const struct cert_list *list, const char *file)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (!strcmp(list->p[i]->file, file))
			return list->p[i];
	return NULL;
}

const struct cert *cert_store_cert(const struct cert_store *store, const char *file)
{
	return by_file(&store->certs, file);
}

const struct cert *cert_store_cert_at(const struct cert_store *store, unsigned int i)
{
	return i < store->certs.n ? store->certs.p[i] : NULL;
}

const struct cert *cert_store_ca(const struct cert_store *store, const char *file)
{
	return by_file(&store->cas, file);
}

const struct cert *cert_store_ca_at(const struct cert_store *store, unsigned int i)
{
	return i < store->cas.n ? store->cas.p[i] : NULL;
}

const struct cert *cert_store_anchor_at(const struct cert_store *store, unsigned int i)
{
	unsigned int k;

	for (k = 0; k < store->cas.n; k++)
		if (store->cas.p[k]->self_signed && !i--)
			return store->cas.p[k];
	return NULL;
}

const struct cert_pub *cert_store_pub(const struct cert_store *store, const char *file)
{
	unsigned int i;

	for (i = 0; i < store->n_pubs; i++)
		if (!strcmp(store->pubs[i]->file, file))
			return store->pubs[i];
	return NULL;
}

const struct cert_pub *cert_store_pub_at(const struct cert_store *store, unsigned int i)
{
	return i < store->n_pubs ? store->pubs[i] : NULL;
}

const struct cert_key *cert_store_key(const struct cert_store *store, const char *file)
{
	unsigned int i;

	for (i = 0; i < store->n_keys; i++)
		if (!strcmp(store->keys[i]->file, file))
			return store->keys[i];
	return NULL;
}

const struct cert_key *cert_store_key_at(const struct cert_store *store, unsigned int i)
{
	return i < store->n_keys ? store->keys[i] : NULL;
}

const struct cert_key *cert_store_key_of(const struct cert_store *store,
					 const struct cert_pub *pub)
{
	unsigned int i;

	for (i = 0; i < store->n_keys; i++)
		if (!memcmp(store->keys[i]->pub.id, pub->id, CERT_KEY_ID_LEN))
			return store->keys[i];
	return NULL;
}

/* by name; whether its signature is right is for who verifies */
static const struct cert *find_issuer(const struct cert_store *store, const struct cert *cert)
{
	const struct cert_list *lists[] = { &store->certs, &store->cas };
	unsigned int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < lists[i]->n; k++)
			if (lists[i]->p[k] != cert && lists[i]->p[k]->is_ca &&
			    gnutls_x509_crt_check_issuer(cert->crt, lists[i]->p[k]->crt))
				return lists[i]->p[k];
	return NULL;
}

void cert_store_find_issuers(struct cert_store *store)
{
	const struct cert_list *lists[] = { &store->certs, &store->cas };
	unsigned int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < lists[i]->n; k++)
			lists[i]->p[k]->issuer = find_issuer(store, lists[i]->p[k]);
}

unsigned int cert_to_send(const struct cert *cert, struct bytes out[CERT_CHAIN_MAX])
{
	unsigned int n = 0;

	out[n++] = cert_der(cert);
	while (n < CERT_CHAIN_MAX && !cert->self_signed && (cert = cert->issuer) &&
	       !cert->self_signed)
		out[n++] = cert_der(cert);
	return n;
}

bool cert_is_from(const struct cert *cert, struct bytes hashes)
{
	unsigned int depth;
	size_t at;

	for (depth = 0; cert && depth < CERT_CHAIN_MAX; depth++) {
		for (at = 0; at + CERT_KEY_ID_LEN <= hashes.len; at += CERT_KEY_ID_LEN)
			if (!memcmp(hashes.p + at, cert->pub.id, CERT_KEY_ID_LEN))
				return true;
		cert = cert->self_signed ? NULL : cert->issuer;
	}
	return false;
}
