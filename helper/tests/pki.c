// SPDX-License-Identifier: GPL-2.0
/* A small certification authority: see pki.h. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/pkcs12.h>

#include "core/buf.h"
#include "pki.h"

#define PKI_MAX	32

struct entry {
	char name[64];
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t der;
};

struct pki {
	char dir[64];
	char *folders[PKI_MAX];
	unsigned int n_folders;
	struct entry entries[PKI_MAX];
	unsigned int n;
};

#define ok(call) assert_true((call) >= 0)

struct pki *pki_new(void)
{
	struct pki *pki = calloc(1, sizeof(*pki));

	assert_non_null(pki);
	strcpy(pki->dir, "/tmp/nfipsec-pki.XXXXXX");
	assert_non_null(mkdtemp(pki->dir));
	return pki;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void pki_free(struct pki *pki)
{
	unsigned int i;

	nftw(pki->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (i = 0; i < pki->n; i++) {
		gnutls_x509_crt_deinit(pki->entries[i].crt);
		gnutls_x509_privkey_deinit(pki->entries[i].key);
		gnutls_free(pki->entries[i].der.data);
	}
	for (i = 0; i < pki->n_folders; i++)
		free(pki->folders[i]);
	free(pki);
}

static struct entry *find(const struct pki *pki, const char *name)
{
	unsigned int i;

	for (i = 0; i < pki->n; i++)
		if (!strcmp(pki->entries[i].name, name))
			return (struct entry *)&pki->entries[i];
	fail_msg("no certificate '%s'", name);
	return NULL;
}

static void make_key(gnutls_x509_privkey_t *key, const char *kind)
{
	static const struct { const char *name; int pk; unsigned int bits; } kinds[] = {
		{ "rsa", GNUTLS_PK_RSA, 2048 }, { "rsa1024", GNUTLS_PK_RSA, 1024 },
		{ "rsapss", GNUTLS_PK_RSA_PSS, 2048 },
		{ "p224", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP224R1) },
		{ "p256", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1) },
		{ "p384", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1) },
		{ "p521", GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1) },
		{ "ed25519", GNUTLS_PK_EDDSA_ED25519, 0 }, { "ed448", GNUTLS_PK_EDDSA_ED448, 0 },
	};
	size_t i;

	ok(gnutls_x509_privkey_init(key));
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, kind)) {
			ok(gnutls_x509_privkey_generate(*key, kinds[i].pk, kinds[i].bits, 0));
			return;
		}
	fail_msg("no kind of key '%s'", kind);
}

static void put_san(gnutls_x509_crt_t crt, const char *san)
{
	const char *value = strchr(san, ':') + 1;
	uint8_t a[16];

	if (!strncmp(san, "dns:", 4)) {
		ok(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, value,
							strlen(value), GNUTLS_FSAN_APPEND));
	} else if (!strncmp(san, "email:", 6)) {
		ok(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_RFC822NAME, value,
							strlen(value), GNUTLS_FSAN_APPEND));
	} else {
		int six = strchr(value, ':') != NULL;

		assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, value, a), 1);
		ok(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, a, six ? 16 : 4,
							GNUTLS_FSAN_APPEND));
	}
}

static void put_extensions(gnutls_x509_crt_t crt, const struct pki_spec *s)
{
	gnutls_x509_name_constraints_t nc;
	unsigned int i;

	for (i = 0; i < 4 && s->san[i]; i++)
		put_san(crt, s->san[i]);
	if (s->san_der.len)
		ok(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", s->san_der.p,
							s->san_der.len, 0));
	if (s->ca)
		ok(gnutls_x509_crt_set_basic_constraints(crt, 1, s->pathlen));
	if (s->usage)
		ok(gnutls_x509_crt_set_key_usage(crt, s->usage));
	if (s->eku)
		ok(gnutls_x509_crt_set_key_purpose_oid(crt, s->eku, 0));
	if (s->critical_oid)
		ok(gnutls_x509_crt_set_extension_by_oid(crt, s->critical_oid, "\x05\x00", 2, 1));
	if (s->ocsp_url) {
		gnutls_datum_t d = { (unsigned char *)s->ocsp_url, strlen(s->ocsp_url) };

		ok(gnutls_x509_crt_set_authority_info_access(crt, GNUTLS_IA_OCSP_URI, &d));
	}
	if (s->permit_dns) {
		gnutls_datum_t d = { (unsigned char *)s->permit_dns, strlen(s->permit_dns) };

		ok(gnutls_x509_name_constraints_init(&nc));
		ok(gnutls_x509_name_constraints_add_permitted(nc, GNUTLS_SAN_DNSNAME, &d));
		ok(gnutls_x509_crt_set_name_constraints(crt, nc, 1));
		gnutls_x509_name_constraints_deinit(nc);
	}
}

static void sign(struct pki *pki, struct entry *e, const struct pki_spec *s)
{
	struct entry *issuer = s->issuer ? find(pki, s->issuer) : e;
	gnutls_digest_algorithm_t hash = GNUTLS_DIG_SHA256;
	int pk = gnutls_x509_privkey_get_pk_algorithm(issuer->key);
	gnutls_privkey_t key;

	if (s->sha1)
		hash = GNUTLS_DIG_SHA1;
	if (pk == GNUTLS_PK_EDDSA_ED25519)
		hash = GNUTLS_DIG_SHA512;
	if (pk == GNUTLS_PK_EDDSA_ED448)
		hash = GNUTLS_DIG_SHAKE_256;
	ok(gnutls_privkey_init(&key));
	ok(gnutls_privkey_import_x509(key, issuer->key, 0));
	ok(gnutls_x509_crt_privkey_sign(e->crt, issuer->crt, key, hash, 0));
	gnutls_privkey_deinit(key);
}

void pki_make(struct pki *pki, const struct pki_spec *s)
{
	struct entry *e = &pki->entries[pki->n++];
	time_t now = time(NULL);
	uint8_t serial = pki->n;
	const char *bad;
	char dn[160];

	assert_true(pki->n < PKI_MAX);
	snprintf(e->name, sizeof(e->name), "%s", s->name);
	make_key(&e->key, s->key ? s->key : "p256");
	snprintf(dn, sizeof(dn), "CN=%s,O=Test,C=XX", s->name);
	ok(gnutls_x509_crt_init(&e->crt));
	ok(gnutls_x509_crt_set_version(e->crt, 3));
	ok(gnutls_x509_crt_set_serial(e->crt, &serial, 1));
	ok(gnutls_x509_crt_set_dn(e->crt, s->dn ? s->dn : dn, &bad));
	ok(gnutls_x509_crt_set_activation_time(e->crt, now + (s->until ? s->from : -3600)));
	ok(gnutls_x509_crt_set_expiration_time(e->crt, now + (s->until ? s->until : 3600)));
	ok(gnutls_x509_crt_set_key(e->crt, e->key));
	put_extensions(e->crt, s);
	sign(pki, e, s);
	ok(gnutls_x509_crt_export2(e->crt, GNUTLS_X509_FMT_DER, &e->der));
}

struct bytes pki_der(const struct pki *pki, const char *name)
{
	const struct entry *e = find(pki, name);

	return (struct bytes){ e->der.data, e->der.size };
}

const char *pki_folder(struct pki *pki, const char *dir)
{
	static const char *const subs[] = { "", "/certs", "/cacerts", "/private" };
	char path[256];
	unsigned int i;

	for (i = 0; i < pki->n_folders; i++)
		if (!strcmp(pki->folders[i] + strlen(pki->dir) + 1, dir))
			return pki->folders[i];
	assert_true(pki->n_folders < PKI_MAX);
	assert_true(asprintf(&pki->folders[i], "%s/%s", pki->dir, dir) > 0);
	pki->n_folders++;
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", pki->dir, dir, subs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return pki->folders[pki->n_folders - 1];
}

void pki_put_file(struct pki *pki, const char *dir, const char *sub, const char *file,
		  const void *data, size_t len, unsigned int mode)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", pki_folder(pki, dir), sub, file);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void put_pem(struct pki *pki, const char *dir, const char *sub, const char *file,
		    gnutls_datum_t *pem, unsigned int mode)
{
	pki_put_file(pki, dir, sub, file, pem->data, pem->size, mode);
	gnutls_free(pem->data);
}

void pki_put_cert(struct pki *pki, const char *dir, const char *sub, const char *name)
{
	gnutls_datum_t pem;
	char file[80];

	snprintf(file, sizeof(file), "%s.pem", name);
	ok(gnutls_x509_crt_export2(find(pki, name)->crt, GNUTLS_X509_FMT_PEM, &pem));
	put_pem(pki, dir, sub, file, &pem, 0644);
}

void pki_put_key(struct pki *pki, const char *dir, const char *name, const char *passphrase)
{
	gnutls_datum_t pem;
	char file[80];

	snprintf(file, sizeof(file), "%s.pem", name);
	ok(gnutls_x509_privkey_export2_pkcs8(find(pki, name)->key, GNUTLS_X509_FMT_PEM, passphrase,
					     passphrase ? GNUTLS_PKCS_PBES2_AES_256 :
							  GNUTLS_PKCS_PLAIN, &pem));
	put_pem(pki, dir, "private", file, &pem, 0600);
}

static void put_bag(gnutls_pkcs12_t p12, gnutls_pkcs12_bag_t bag, const char *passphrase)
{
	ok(gnutls_pkcs12_bag_encrypt(bag, passphrase, GNUTLS_PKCS_PBES2_AES_256));
	ok(gnutls_pkcs12_set_bag(p12, bag));
	gnutls_pkcs12_bag_deinit(bag);
}

void pki_put_p12(struct pki *pki, const char *dir, const char *name, const char *ca,
		 const char *passphrase)
{
	gnutls_pkcs12_bag_t bag;
	gnutls_datum_t id = { (unsigned char *)"1", 1 }, der;
	gnutls_pkcs12_t p12;
	char file[80];
	int at;

	snprintf(file, sizeof(file), "%s.p12", name);
	ok(gnutls_pkcs12_init(&p12));
	ok(gnutls_pkcs12_bag_init(&bag));
	at = gnutls_pkcs12_bag_set_crt(bag, find(pki, name)->crt);
	ok(at);
	ok(gnutls_pkcs12_bag_set_key_id(bag, at, &id));
	ok(gnutls_pkcs12_bag_set_crt(bag, find(pki, ca)->crt));
	put_bag(p12, bag, passphrase);
	ok(gnutls_x509_privkey_export2_pkcs8(find(pki, name)->key, GNUTLS_X509_FMT_DER, NULL,
					     GNUTLS_PKCS_PLAIN, &der));
	ok(gnutls_pkcs12_bag_init(&bag));
	at = gnutls_pkcs12_bag_set_data(bag, GNUTLS_BAG_PKCS8_KEY, &der);
	ok(at);
	gnutls_free(der.data);
	ok(gnutls_pkcs12_bag_set_key_id(bag, at, &id));
	put_bag(p12, bag, passphrase);
	ok(gnutls_pkcs12_generate_mac(p12, passphrase));
	ok(gnutls_pkcs12_export2(p12, GNUTLS_X509_FMT_DER, &der));
	pki_put_file(pki, dir, "private", file, der.data, der.size, 0600);
	gnutls_free(der.data);
	gnutls_pkcs12_deinit(p12);
}

void pki_put_pub(struct pki *pki, const char *dir, const char *name, const char *file)
{
	gnutls_pubkey_t key;
	gnutls_datum_t pem;

	ok(gnutls_pubkey_init(&key));
	ok(gnutls_pubkey_import_x509(key, find(pki, name)->crt, 0));
	ok(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_PEM, &pem));
	gnutls_pubkey_deinit(key);
	put_pem(pki, dir, "certs", file, &pem, 0644);
}

const char *pki_site(struct pki *pki, const char *dir, const char *name, const char *ca)
{
	if (name) {
		pki_put_cert(pki, dir, "certs", name);
		pki_put_key(pki, dir, name, NULL);
	}
	if (ca)
		pki_put_cert(pki, dir, "cacerts", ca);
	return pki_folder(pki, dir);
}
