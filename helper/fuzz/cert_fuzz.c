// SPDX-License-Identifier: GPL-2.0
/*
 * What a stranger sends to authenticate: CERT payloads, names, AUTH data of the
 * Digital Signature. The first octet says what the rest is. A certificate made at
 * random hardly gets beyond its first octets, so one mode takes a good one, from
 * a CA that is trusted, and changes octets of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "crypto/crypto.h"
#include "pki/cert.h"
#include "pki/cert_priv.h"
#include "v2/v2.h"

enum mode { MODE_CERTS, MODE_CHANGED, MODE_NAME, MODE_ALGORITHM, MODE_AUTH, MODE_P12, MODES };

static struct cert_store *store;
static gnutls_datum_t good;
static struct cert_pub *pub;

#define check(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			abort(); \
		} \
	} while (0)

static const uint8_t id[] = "x.example.com";

static gnutls_x509_crt_t make(gnutls_privkey_t key, const char *dn, bool ca)
{
	const char *bad;
	gnutls_x509_crt_t crt;
	gnutls_pubkey_t p;

	check(gnutls_x509_crt_init(&crt) >= 0 && gnutls_pubkey_init(&p) >= 0);
	check(gnutls_pubkey_import_privkey(p, key, 0, 0) >= 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_dn(crt, dn, &bad);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 86400);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 864000);
	gnutls_x509_crt_set_pubkey(crt, p);
	if (ca)
		gnutls_x509_crt_set_basic_constraints(crt, 1, -1);
	else
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, id, sizeof(id) - 1, 0);
	gnutls_pubkey_deinit(p);
	return crt;
}

/* the store reads folders: one is made, and gone again */
static void load(gnutls_x509_crt_t ca)
{
	char dir[] = "/tmp/nfipsec-fuzz.XXXXXX", path[64], err[CERT_ERROR_MAX];
	gnutls_datum_t pem;
	FILE *f;

	check(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/cacerts", dir);
	check(!mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/cacerts/ca.pem", dir);
	check(gnutls_x509_crt_export2(ca, GNUTLS_X509_FMT_PEM, &pem) >= 0);
	f = fopen(path, "w");
	check(f && fwrite(pem.data, 1, pem.size, f) == pem.size && !fclose(f));
	gnutls_free(pem.data);
	store = cert_store_load(dir, NULL, 0, err, sizeof(err));
	check(store);
	unlink(path);
	snprintf(path, sizeof(path), "%s/cacerts", dir);
	rmdir(path);
	rmdir(dir);
}

static void begin(void)
{
	gnutls_x509_crt_t ca, crt;
	gnutls_datum_t spki;
	gnutls_privkey_t key;
	gnutls_pubkey_t p;

	check(crypto_init() && gnutls_privkey_init(&key) >= 0);
	check(gnutls_privkey_generate(key, GNUTLS_PK_ECDSA,
				      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) >= 0);
	ca = make(key, "CN=ca", true);
	check(gnutls_x509_crt_privkey_sign(ca, ca, key, GNUTLS_DIG_SHA256, 0) >= 0);
	crt = make(key, "CN=x", false);
	check(gnutls_x509_crt_privkey_sign(crt, ca, key, GNUTLS_DIG_SHA256, 0) >= 0);
	check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &good) >= 0);
	load(ca);
	check(gnutls_pubkey_init(&p) >= 0 && gnutls_pubkey_import_privkey(p, key, 0, 0) >= 0);
	check(gnutls_pubkey_export2(p, GNUTLS_X509_FMT_DER, &spki) >= 0);
	pub = cert_pub_new((struct bytes){ spki.data, spki.size });
	check(pub);
	gnutls_free(spki.data);
	gnutls_pubkey_deinit(p);
	gnutls_x509_crt_deinit(ca);
	gnutls_x509_crt_deinit(crt);
	gnutls_privkey_deinit(key);
}

static bool verify(const struct bytes *certs, unsigned int n)
{
	struct cert_claim claim = { .store = store, .received = certs, .n_received = n,
				    .id_type = WIRE_ID_FQDN, .id = { id, sizeof(id) - 1 },
				    .now = time(NULL) };
	char err[CERT_ERROR_MAX];
	struct cert_chain *chain = cert_chain_verify(&claim, err, sizeof(err));

	/* a refusal says why */
	check(chain || *err);
	cert_chain_free(chain);
	return chain;
}

/* length of 2 octets and so many, again and again */
static void certs(struct bytes in)
{
	struct bytes list[CERT_RECEIVED_MAX];
	unsigned int n = 0;
	size_t len;

	while (in.len >= 2 && n < CERT_RECEIVED_MAX) {
		len = get_u16(in.p);
		if (len > in.len - 2)
			len = in.len - 2;
		list[n++] = (struct bytes){ in.p + 2, len };
		in = (struct bytes){ in.p + 2 + len, in.len - 2 - len };
	}
	verify(list, n);
}

/* where, 2 octets, and what is changed there */
static void changed(struct bytes in)
{
	uint8_t *copy = malloc(good.size);
	struct bytes der = { copy, good.size };
	bool same, taken;
	size_t i;

	check(copy);
	memcpy(copy, good.data, good.size);
	for (i = 0; i + 3 <= in.len; i += 3)
		copy[get_u16(in.p + i) % good.size] ^= in.p[i + 2];
	same = !memcmp(copy, good.data, good.size);
	taken = verify(&der, 1);
	/* all of it is signed, but for the lengths around and the signature's own form */
	check(!same || taken);
	free(copy);
}

/* equal names have one form, and each matches itself */
static void one_form(struct bytes a, struct bytes b)
{
	struct buf x, y;

	buf_init(&x);
	buf_init(&y);
	if (cert_dn_canon(a, &x) && cert_dn_canon(b, &y)) {
		check(cert_dn_equal(a, b) == bytes_equal(buf_bytes(&x), buf_bytes(&y)));
		check(!cert_dn_equal(a, b) || cert_dn_match(a, b) || memchr(a.p, CERT_DN_STAR, a.len));
	}
	buf_free(&x);
	buf_free(&y);
}

/* Each text that the parser accepts is a valid name. */
static void written(struct bytes in)
{
	char *text = strndup((const char *)in.p, in.len), why[200] = "";
	struct buf der, canon;
	bool stars;

	check(text);
	buf_init(&der);
	buf_init(&canon);
	if (cert_dn_parse(text, &der, &stars, why, sizeof(why))) {
		check(cert_dn_canon(buf_bytes(&der), &canon));
		check(cert_dn_match(buf_bytes(&der), buf_bytes(&der)) == !stars);
	} else {
		check(*why);
	}
	buf_free(&der);
	buf_free(&canon);
	free(text);
}

static void name(struct bytes in)
{
	char out[CERT_TEXT_MAX];
	size_t half = in.len / 2, i;
	struct bytes a = { in.p, half }, b = { in.p + half, in.len - half };

	one_form(a, b);
	one_form(in, in);
	written(in);

	cert_dn_str(in, out, sizeof(out));
	for (i = 0; out[i]; i++)
		check(out[i] >= ' ' && out[i] < 127 && out[i] != '\'');
	check(cert_dn_equal(a, b) == cert_dn_equal(b, a));
}

/* the first octet: in PEM or not; a file in private/, which root owns */
static void p12(struct bytes in)
{
	struct cert_p12 out;
	struct bytes data = { in.p + 1, in.len - 1 };

	if (!in.len)
		return;
	if (cert_p12_read(data, in.p[0] & 1, in.p[0] & 2 ? "x" : NULL, &out))
		check(!out.key && !out.chain && !out.extra);
	cert_p12_free(&out);
}

static void algorithm(struct bytes in)
{
	struct cert_alg alg, again;
	char why[200] = "";
	struct buf b;

	if (!v2_sigalg_decode(in, &alg, why, sizeof(why))) {
		check(*why);
		return;
	}
	check(*v2_sigalg_str(&alg));
	buf_init(&b);
	/* salts of other lengths are read and never written */
	if (v2_sigalg_encode(&alg, &b))
		check(v2_sigalg_decode(buf_bytes(&b), &again, why, sizeof(why)) &&
		      again.key == alg.key && again.hash == alg.hash && again.salt == alg.salt);
	buf_free(&b);
}

static void auth(struct bytes in)
{
	struct wire_auth a = { in.len ? in.p[0] : 0, { in.p + 1, in.len ? in.len - 1 : 0 } };
	char err[CERT_ERROR_MAX] = "";
	struct cert_alg alg;

	check(!v2_sig_check(pub, 1u << CERT_SHA256, &a, (struct bytes){ id, sizeof(id) }, &alg, err,
			    sizeof(err)));
	check(*err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const modes[MODES])(struct bytes in) = {
		[MODE_CERTS] = certs, [MODE_CHANGED] = changed, [MODE_NAME] = name,
		[MODE_ALGORITHM] = algorithm, [MODE_AUTH] = auth, [MODE_P12] = p12,
	};

	if (!store)
		begin();
	if (len)
		modes[data[0] % MODES]((struct bytes){ data + 1, len - 1 });
	return 0;
}
