// SPDX-License-Identifier: GPL-2.0
/* Certificates: folders at load, identities, and chains that are and are not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "pki.h"
#include "pki/cert.h"
#include "wire/wire.h"

#define SIGN		GNUTLS_KEY_DIGITAL_SIGNATURE
#define CA(n, i, p)	{ .name = n, .issuer = i, .ca = true, .pathlen = p }

static char err[CERT_ERROR_MAX];

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/* ---- chains ---- */

/**
 * struct chain - what is made, and what comes of it
 * @made: in this order
 * @trusted: names in cacerts/
 * @sent: names in CERT payloads
 * @want: NULL: believed; else a part of the error
 */
struct chain {
	const char *what;
	struct pki_spec made[12];
	const char *trusted[4], *sent[12];
	uint8_t id_type;
	const char *id;
	const char *want;
};

#define ID	WIRE_ID_FQDN, "x.example.com"
#define X(i, ...) { .name = "x", .issuer = i, .san = { "dns:x.example.com" }, __VA_ARGS__ }

static const struct chain chains[] = {
	{ "one below the root", { CA("ca", NULL, -1), X("ca",) }, { "ca" }, { "x" }, ID, NULL },
	{ "an intermediate that is sent", { CA("ca", NULL, -1), CA("mid", "ca", -1), X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, NULL },
	{ "an intermediate of cacerts", { CA("ca", NULL, -1), CA("mid", "ca", -1), X("mid",) },
	  { "ca", "mid" }, { "x" }, ID, NULL },
	{ "an intermediate alone is no anchor",
	  { CA("ca", NULL, -1), CA("mid", "ca", -1), X("mid",) },
	  { "mid" }, { "x" }, ID, "does not lead to a CA of cacerts/" },
	{ "the root is sent, too, and others",
	  { CA("ca", NULL, -1), CA("mid", "ca", -1), CA("no", NULL, -1), X("mid",) },
	  { "ca" }, { "x", "no", "ca", "mid" }, ID, NULL },
	{ "nobody we know", { CA("ca", NULL, -1), CA("bad", NULL, -1), X("bad",) },
	  { "ca" }, { "x", "bad" }, ID,
	  "'C=XX, O=Test, CN=x', issued by 'C=XX, O=Test, CN=bad', does not lead to a CA" },
	{ "self-signed", { CA("ca", NULL, -1), X(NULL,) }, { "ca" }, { "x" }, ID, "does not lead" },
	{ "of the right name with another key",
	  { CA("ca", NULL, -1), { .name = "liar", .dn = "CN=ca,O=Test,C=XX", .ca = true,
				  .pathlen = -1 }, X("liar",) },
	  { "ca" }, { "x" }, ID, "'C=XX, O=Test, CN=x' is not signed by the CA that it names" },
	{ "expired", { CA("ca", NULL, -1), X("ca", .from = -7200, .until = -3600) },
	  { "ca" }, { "x" }, ID, "the certificate of 'C=XX, O=Test, CN=x' expired on 2" },
	{ "not yet", { CA("ca", NULL, -1), X("ca", .from = 3600, .until = 7200) },
	  { "ca" }, { "x" }, ID, "is not valid before 2" },
	{ "an intermediate that expired",
	  { CA("ca", NULL, -1), { .name = "mid", .issuer = "ca", .ca = true, .pathlen = -1,
				  .from = -7200, .until = -3600 }, X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, "'C=XX, O=Test, CN=mid' expired" },
	{ "a root that expired",
	  { { .name = "ca", .ca = true, .pathlen = -1, .from = -7200, .until = -3600 }, X("ca",) },
	  { "ca" }, { "x" }, ID, "'C=XX, O=Test, CN=ca' expired" },
	{ "issued by what is no CA",
	  { CA("ca", NULL, -1), { .name = "mid", .issuer = "ca" }, X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, "'C=XX, O=Test, CN=mid' is no CA" },
	{ "a CA that may not sign certificates",
	  { CA("ca", NULL, -1), { .name = "mid", .issuer = "ca", .ca = true, .pathlen = -1,
				  .usage = GNUTLS_KEY_CRL_SIGN }, X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, "may not sign certificates" },
	{ "path length 0 with a CA below",
	  { CA("ca", NULL, 0), CA("mid", "ca", -1), X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, "has a path length of 0, and 1 CAs are below it" },
	{ "path length 1 with one below",
	  { CA("ca", NULL, 1), CA("mid", "ca", 0), X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, NULL },
	{ "path length in the middle",
	  { CA("ca", NULL, -1), CA("m1", "ca", 0), CA("m2", "m1", -1), X("m2",) },
	  { "ca" }, { "x", "m2", "m1" }, ID, "'C=XX, O=Test, CN=m1' has a path length of 0" },
	{ "eight in all",
	  { CA("ca", NULL, -1), CA("m1", "ca", -1), CA("m2", "m1", -1), CA("m3", "m2", -1),
	    CA("m4", "m3", -1), CA("m5", "m4", -1), CA("m6", "m5", -1), X("m6",) },
	  { "ca" }, { "x", "m1", "m2", "m3", "m4", "m5", "m6" }, ID, NULL },
	{ "nine in all",
	  { CA("ca", NULL, -1), CA("m1", "ca", -1), CA("m2", "m1", -1), CA("m3", "m2", -1),
	    CA("m4", "m3", -1), CA("m5", "m4", -1), CA("m6", "m5", -1), CA("m7", "m6", -1),
	    X("m7",) },
	  { "ca" }, { "x", "m1", "m2", "m3", "m4", "m5", "m6", "m7" }, ID,
	  "has more than 8 certificates" },
	{ "within the name constraints",
	  { { .name = "ca", .ca = true, .pathlen = -1, .permit_dns = "example.com" }, X("ca",) },
	  { "ca" }, { "x" }, ID, NULL },
	{ "outside of the name constraints",
	  { { .name = "ca", .ca = true, .pathlen = -1, .permit_dns = "example.org" }, X("ca",) },
	  { "ca" }, { "x" }, ID, "'C=XX, O=Test, CN=x' breaks a constraint" },
	{ "outside of an intermediate's",
	  { CA("ca", NULL, -1), { .name = "mid", .issuer = "ca", .ca = true, .pathlen = -1,
				  .permit_dns = "example.org" }, X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, "'C=XX, O=Test, CN=x' breaks a constraint" },
	{ "key usage that signs", { CA("ca", NULL, -1), X("ca", .usage = SIGN) },
	  { "ca" }, { "x" }, ID, NULL },
	{ "nonRepudiation", { CA("ca", NULL, -1), X("ca", .usage = GNUTLS_KEY_NON_REPUDIATION) },
	  { "ca" }, { "x" }, ID, NULL },
	{ "key usage that does not",
	  { CA("ca", NULL, -1), X("ca", .usage = GNUTLS_KEY_KEY_ENCIPHERMENT) },
	  { "ca" }, { "x" }, ID, "may not sign: its keyUsage" },
	{ "for servers", { CA("ca", NULL, -1), X("ca", .eku = GNUTLS_KP_TLS_WWW_SERVER) },
	  { "ca" }, { "x" }, ID, NULL },
	{ "for clients", { CA("ca", NULL, -1), X("ca", .eku = GNUTLS_KP_TLS_WWW_CLIENT) },
	  { "ca" }, { "x" }, ID, NULL },
	{ "ipsecIKE", { CA("ca", NULL, -1), X("ca", .eku = "1.3.6.1.5.5.7.3.17") },
	  { "ca" }, { "x" }, ID, NULL },
	{ "iKEIntermediate", { CA("ca", NULL, -1), X("ca", .eku = "1.3.6.1.5.5.8.2.2") },
	  { "ca" }, { "x" }, ID, NULL },
	{ "for anything", { CA("ca", NULL, -1), X("ca", .eku = GNUTLS_KP_ANY) },
	  { "ca" }, { "x" }, ID, NULL },
	{ "for mail", { CA("ca", NULL, -1), X("ca", .eku = GNUTLS_KP_EMAIL_PROTECTION) },
	  { "ca" }, { "x" }, ID, "is not for IKE: its extendedKeyUsage" },
	{ "a critical extension", { CA("ca", NULL, -1), X("ca", .critical_oid = "1.2.3.4.5") },
	  { "ca" }, { "x" }, ID, "a critical extension that we do not know" },
	{ "one in an intermediate",
	  { CA("ca", NULL, -1), { .name = "mid", .issuer = "ca", .ca = true, .pathlen = -1,
				  .critical_oid = "1.2.3.4.5" }, X("mid",) },
	  { "ca" }, { "x", "mid" }, ID,
	  "'C=XX, O=Test, CN=mid' has a critical extension that we do not know" },
	{ "signed with SHA-1", { CA("ca", NULL, -1), X("ca", .sha1 = true) },
	  { "ca" }, { "x" }, ID, "signed with a broken algorithm" },
	{ "a weak key", { CA("ca", NULL, -1), X("ca", .key = "rsa1024") },
	  { "ca" }, { "x" }, ID, "has an RSA key of 1024 bits, expected 2048 to 8192" },
	{ "a weak key of an intermediate",
	  { CA("ca", NULL, -1), { .name = "mid", .issuer = "ca", .ca = true, .pathlen = -1,
				  .key = "rsa1024" }, X("mid",) },
	  { "ca" }, { "x", "mid" }, ID, "'C=XX, O=Test, CN=mid' has an RSA key of 1024 bits" },
	{ "a curve that we do not take", { CA("ca", NULL, -1), X("ca", .key = "p224") },
	  { "ca" }, { "x" }, ID, "expected RSA, ECDSA on P-256" },
	{ "another name", { CA("ca", NULL, -1), X("ca",) },
	  { "ca" }, { "x" }, WIRE_ID_FQDN, "y.example.com",
	  "not for its ID: the certificate of 'C=XX, O=Test, CN=x' is for dNSName 'x.example.com'" },
	{ "the name in the subject alone", { CA("ca", NULL, -1),
	    { .name = "x", .issuer = "ca", .dn = "CN=x.example.com" } },
	  { "ca" }, { "x" }, ID, "is for no subjectAltName" },
	{ "no certificate at all", { CA("ca", NULL, -1) }, { "ca" }, { NULL }, ID,
	  "it sent no certificate" },
};

static void one_chain(const struct chain *c)
{
	struct cert_claim claim = { .id_type = c->id_type, .id = text(c->id), .now = time(NULL) };
	struct bytes sent[12];
	struct cert_store *store;
	struct cert_chain *chain;
	struct pki *pki = pki_new();
	unsigned int i, n;

	for (i = 0; i < 12 && c->made[i].name; i++)
		pki_make(pki, &c->made[i]);
	for (i = 0; i < 4 && c->trusted[i]; i++)
		pki_put_cert(pki, "d", "cacerts", c->trusted[i]);
	store = cert_store_load(pki_folder(pki, "d"), NULL, 0, err, sizeof(err));
	if (!store)
		fail_msg("%s: %s", c->what, err);
	for (i = 0; i < 12 && c->sent[i]; i++)
		sent[i] = pki_der(pki, c->sent[i]);
	claim.store = store;
	claim.received = sent;
	claim.n_received = i;
	chain = cert_chain_verify(&claim, err, sizeof(err));
	if (c->want && chain)
		fail_msg("%s: was believed", c->what);
	if (!c->want && !chain)
		fail_msg("%s: %s", c->what, err);
	if (c->want && !strstr(err, c->want))
		fail_msg("%s: '%s', expected '%s'", c->what, err, c->want);
	if (chain) {
		assert_non_null(cert_chain_crts(chain, &n));
		assert_true(n >= 2);
	} else {
		assert_true(*err);
	}
	cert_chain_free(chain);
	cert_store_put(store);
	pki_free(pki);
}

static void chains_are_judged(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(chains) / sizeof(*chains); i++)
		one_chain(&chains[i]);
}

/* `ca FILE` trusts that one and no other, also where it is no root */
static void one_ca_is_trusted(void **state)
{
	struct cert_claim claim = { .id_type = WIRE_ID_FQDN, .id = text("x.example.com"),
				    .now = time(NULL), .n_received = 1 };
	struct gnutls_x509_crt_int *const *crts, *top;
	struct pki *pki = pki_new();
	struct cert_store *store;
	struct cert_chain *chain;
	struct bytes sent;
	unsigned int n;

	(void)state;
	pki_make(pki, &(struct pki_spec)CA("ca", NULL, -1));
	pki_make(pki, &(struct pki_spec)CA("mid", "ca", -1));
	pki_make(pki, &(struct pki_spec)CA("other", NULL, -1));
	pki_make(pki, &(struct pki_spec)X("mid",));
	pki_put_cert(pki, "d", "cacerts", "ca");
	pki_put_cert(pki, "d", "cacerts", "mid");
	pki_put_cert(pki, "d", "cacerts", "other");
	store = cert_store_load(pki_folder(pki, "d"), NULL, 0, err, sizeof(err));
	assert_non_null(store);
	sent = pki_der(pki, "x");
	claim.store = store;
	claim.received = &sent;
	claim.ca = cert_store_ca(store, "mid.pem");
	chain = cert_chain_verify(&claim, err, sizeof(err));
	assert_non_null(chain);
	crts = cert_chain_crts(chain, &n);
	assert_int_equal(n, 2);
	/* another thread may be reading the store's */
	top = crts[1];
	assert_ptr_not_equal(top, cert_crt(claim.ca));
	assert_true(gnutls_x509_crt_equals(top, cert_crt(claim.ca)));
	assert_ptr_equal(cert_chain_crts(chain, &n)[1], top);
	cert_chain_free(chain);
	claim.ca = cert_store_ca(store, "other.pem");
	assert_null(cert_chain_verify(&claim, err, sizeof(err)));
	assert_non_null(strstr(err, "does not lead to the CA 'C=XX, O=Test, CN=other'"));
	cert_store_put(store);
	pki_free(pki);
}

/* CAs of one name that all issued each other: the search ends */
static void maze(void **state)
{
	struct cert_claim claim = { .id_type = WIRE_ID_FQDN, .id = text("x.example.com"),
				    .now = time(NULL) };
	struct bytes sent[CERT_RECEIVED_MAX];
	struct pki *pki = pki_new();
	struct cert_store *store;
	char name[16];
	unsigned int i;

	(void)state;
	pki_make(pki, &(struct pki_spec)CA("ca", NULL, -1));
	for (i = 0; i < CERT_RECEIVED_MAX - 1; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		pki_make(pki, &(struct pki_spec){ .name = name, .dn = "CN=m", .ca = true,
						  .pathlen = -1 });
	}
	pki_make(pki, &(struct pki_spec)X("m0",));
	sent[0] = pki_der(pki, "x");
	for (i = 1; i < CERT_RECEIVED_MAX; i++) {
		snprintf(name, sizeof(name), "m%u", i - 1);
		sent[i] = pki_der(pki, name);
	}
	store = cert_store_load(pki_site(pki, "d", NULL, "ca"), NULL, 0, err, sizeof(err));
	claim.store = store;
	claim.received = sent;
	claim.n_received = CERT_RECEIVED_MAX;
	assert_null(cert_chain_verify(&claim, err, sizeof(err)));
	assert_non_null(strstr(err, "the chain of the certificate of 'C=XX, O=Test, CN=x' has more than 8"));
	cert_store_put(store);
	pki_free(pki);
}

/* intermediates of one name, and the last of them is the one that signed */
static void many_ways_up(void **state)
{
	struct cert_claim claim = { .id_type = WIRE_ID_FQDN, .id = text("x.example.com"),
				    .now = time(NULL) };
	struct bytes sent[CERT_RECEIVED_MAX];
	struct pki *pki = pki_new();
	struct cert_store *store;
	struct cert_chain *chain;
	char name[16];
	unsigned int i, n;

	(void)state;
	pki_make(pki, &(struct pki_spec)CA("ca", NULL, -1));
	for (i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		pki_make(pki, &(struct pki_spec){ .name = name, .dn = "CN=m", .issuer = "ca",
						  .ca = true, .pathlen = -1 });
	}
	pki_make(pki, &(struct pki_spec)X("m5",));
	store = cert_store_load(pki_site(pki, "d", NULL, "ca"), NULL, 0, err, sizeof(err));
	claim.store = store;
	claim.received = sent;
	sent[0] = pki_der(pki, "x");
	/* found among six, not looked for among more than can be wanted */
	for (n = 0; n < 2; n++) {
		for (i = 0; i < 6 + 6 * n; i++) {
			snprintf(name, sizeof(name), "m%u", n ? (i + 6) % 12 : i);
			sent[1 + i] = pki_der(pki, name);
		}
		claim.n_received = 1 + i;
		chain = cert_chain_verify(&claim, err, sizeof(err));
		if (!chain && !n)
			fail_msg("%s", err);
		cert_chain_free(chain);
	}
	assert_non_null(strstr(err, "'C=XX, O=Test, CN=x' is not signed by the CA that it names"));
	cert_store_put(store);
	pki_free(pki);
}

static void garbage_certs(void **state)
{
	struct cert_claim claim = { .id_type = WIRE_ID_FQDN, .id = text("x.example.com"),
				    .now = time(NULL) };
	struct pki *pki = pki_new();
	struct cert_store *store;
	struct cert_chain *chain;
	struct bytes sent[3];
	unsigned int len;
	uint8_t *copy;

	(void)state;
	pki_make(pki, &(struct pki_spec)CA("ca", NULL, -1));
	pki_make(pki, &(struct pki_spec)X("ca",));
	store = cert_store_load(pki_site(pki, "d", NULL, "ca"), NULL, 0, err, sizeof(err));
	claim.store = store;
	claim.received = sent;
	sent[0] = text("this is no certificate");
	claim.n_received = 1;
	assert_null(cert_chain_verify(&claim, err, sizeof(err)));
	assert_non_null(strstr(err, "first CERT payload holds no X.509 certificate"));
	sent[0] = (struct bytes){ NULL, 0 };
	assert_null(cert_chain_verify(&claim, err, sizeof(err)));
	/* behind a good one it does no harm */
	sent[0] = pki_der(pki, "x");
	sent[1] = text("nor is this");
	sent[2] = (struct bytes){ NULL, 0 };
	claim.n_received = 3;
	chain = cert_chain_verify(&claim, err, sizeof(err));
	assert_non_null(chain);
	cert_chain_free(chain);
	/* cut short anywhere */
	claim.n_received = 1;
	for (len = 0; len < pki_der(pki, "x").len; len += 7) {
		copy = malloc(len + 1);
		memcpy(copy, pki_der(pki, "x").p, len);
		sent[0] = (struct bytes){ copy, len };
		assert_null(cert_chain_verify(&claim, err, sizeof(err)));
		free(copy);
	}
	cert_store_put(store);
	pki_free(pki);
}

/* ---- identities ---- */

static bool dn_encode(const char *text, struct buf *der)
{
	char why[200];
	bool stars;

	return cert_dn_parse(text, der, &stars, why, sizeof(why));
}

static void identities(void **state)
{
	static const struct { uint8_t type; const char *id; size_t len; bool is; } ids[] = {
		{ WIRE_ID_FQDN, "hq.example.com", 14, true },
		{ WIRE_ID_FQDN, "HQ.Example.COM", 14, true },
		{ WIRE_ID_FQDN, "hq.example.co", 13, false },
		{ WIRE_ID_FQDN, "a.wild.example.com", 18, false },
		{ WIRE_ID_FQDN, "*.wild.example.com", 18, true },
		{ WIRE_ID_FQDN, "joe@example.com", 15, false },
		{ WIRE_ID_EMAIL, "joe@example.com", 15, true },
		{ WIRE_ID_EMAIL, "joe@EXAMPLE.com", 15, true },
		{ WIRE_ID_EMAIL, "Joe@example.com", 15, false },
		{ WIRE_ID_EMAIL, "hq.example.com", 14, false },
		{ WIRE_ID_IPV4, "\xc0\x00\x02\x01", 4, true },
		{ WIRE_ID_IPV4, "\xc0\x00\x02\x02", 4, false },
		{ WIRE_ID_IPV6, "\xc0\x00\x02\x01", 4, true },
		{ WIRE_ID_KEY, "hq.example.com", 14, false },
		{ 10, "hq.example.com", 14, false },
	};
	static const char *const others[] = { "C=XX, O=Test, CN=y", "C=XX, O=Test", "CN=x",
					      "C=XX, O=Test, CN=x, CN=x" };
	struct pki *pki = pki_new();
	const struct cert *cert;
	struct cert_store *store;
	size_t i;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "x", .san = { "dns:hq.example.com",
			"dns:*.wild.example.com", "email:joe@example.com", "ip:192.0.2.1" } });
	store = cert_store_load(pki_site(pki, "d", "x", NULL), NULL, 0, err, sizeof(err));
	cert = cert_store_cert(store, "x.pem");
	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (cert_has_id(cert, ids[i].type, (struct bytes){ (const uint8_t *)ids[i].id,
				ids[i].len }, err, sizeof(err)) != ids[i].is)
			fail_msg("%u %s", ids[i].type, ids[i].id);
	assert_true(cert_has_id(cert, WIRE_ID_DN, cert_subject_der(cert), err, sizeof(err)));
	/* the whole subject, and no other */
	for (i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct buf dn;

		buf_init(&dn);
		assert_true(dn_encode(others[i], &dn));
		if (cert_has_id(cert, WIRE_ID_DN, buf_bytes(&dn), err, sizeof(err)))
			fail_msg("%s", others[i]);
		buf_free(&dn);
	}
	cert_store_put(store);
	pki_free(pki);
}

/* RFC 5280 4.2.1.6: a CA that looks at the end of a name, and we at its beginning */
static void names_with_nul(void **state)
{
	static const char names[] = "\x30\x5e"
				    "\x82\x19hq.example.com\0.other.net"
				    "\x81\x1a" "joe@example.com\0.other.net"
				    "\x82\x10" "end.example.com\0"
				    "\x82\x0dx.example.com"
				    "\x87\x04\xc0\x00\x02\x01";
	static const struct { uint8_t type; const char *id; size_t len; bool is; } ids[] = {
		{ WIRE_ID_FQDN, "hq.example.com", 14, false },
		{ WIRE_ID_FQDN, "hq.example.com\0.other.net", 25, false },
		{ WIRE_ID_EMAIL, "joe@example.com", 15, false },
		{ WIRE_ID_FQDN, "end.example.com", 15, false },
		{ WIRE_ID_FQDN, "x.example.com", 13, true },
		{ WIRE_ID_IPV4, "\xc0\x00\x02\x01", 4, true },
	};
	struct pki *pki = pki_new();
	const struct cert *cert;
	struct cert_store *store;
	size_t i;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "x", .san_der = { (const uint8_t *)names,
								    sizeof(names) - 1 } });
	store = cert_store_load(pki_site(pki, "d", "x", NULL), NULL, 0, err, sizeof(err));
	cert = cert_store_cert(store, "x.pem");
	for (i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (cert_has_id(cert, ids[i].type, (struct bytes){ (const uint8_t *)ids[i].id,
				ids[i].len }, err, sizeof(err)) != ids[i].is)
			fail_msg("%u %s", ids[i].type, ids[i].id);
	cert_store_put(store);
	pki_free(pki);
}

static bool dn_equal(const char *a, const char *b)
{
	struct buf x, y;
	bool ok;

	buf_init(&x);
	buf_init(&y);
	assert_true(dn_encode(a, &x) && dn_encode(b, &y));
	ok = cert_dn_equal(buf_bytes(&x), buf_bytes(&y));
	buf_free(&x);
	buf_free(&y);
	return ok;
}

/* for AddressSanitizer: nothing is read behind a name that ends too early */
static void name_ends(void)
{
	static const char *const texts[] = { "", "C", "O=", "O=\\", "O=\\a", "O=#", "O=#0", "O=a,", "O=a+", "2." };
	struct buf der;
	char *text;
	size_t i;

	buf_init(&der);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		text = strdup(texts[i]);
		assert_false(dn_encode(text, &der));
		free(text);
	}
	buf_free(&der);
}

static void distinguished_names(void **state)
{
	/* C=CH, O=strongSwan, CN=moon: as openssl writes it */
	static const uint8_t moon[] = {
		0x30, 0x31, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 'C', 'H',
		0x31, 0x13, 0x30, 0x11, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x0a, 's', 't', 'r', 'o',
		'n', 'g', 'S', 'w', 'a', 'n', 0x31, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x04, 0x03,
		0x0c, 0x04, 'm', 'o', 'o', 'n',
	};
	char out[CERT_TEXT_MAX];
	struct buf der;

	(void)state;
	/* PrintableString and UTF8String are no difference */
	buf_init(&der);
	assert_true(dn_encode("C=CH, O=strongSwan, CN=moon", &der));
	assert_true(cert_dn_equal(buf_bytes(&der), (struct bytes){ moon, sizeof(moon) }));
	buf_free(&der);
	assert_string_equal(cert_dn_str((struct bytes){ moon, sizeof(moon) }, out, sizeof(out)),
			    "C=CH, O=strongSwan, CN=moon");
	assert_true(dn_equal("C=CH, O=strongSwan", "C=ch,O=STRONGSWAN"));
	assert_true(dn_equal("O=a  b,CN=x", "O=A B,CN=x"));
	assert_false(dn_equal("C=CH, O=x", "O=x, C=CH"));
	assert_false(dn_equal("C=CH, O=x", "C=CH, O=x, CN=y"));
	assert_false(dn_equal("O=x", "OU=x"));
	assert_false(dn_equal("O=ab", "O=abc"));
	buf_init(&der);
	assert_false(dn_encode("", &der));
	assert_false(dn_encode("hq.example.com", &der));
	assert_false(dn_encode("C=CH, nonsense=x", &der));
	buf_free(&der);
	name_ends();
	assert_string_equal(cert_dn_str((struct bytes){ moon, 20 }, out, sizeof(out)),
			    "a DN that cannot be read");
	assert_false(cert_dn_equal((struct bytes){ moon, 20 }, (struct bytes){ moon, 21 }));
	assert_false(cert_dn_equal((struct bytes){ moon, 0 }, (struct bytes){ moon, 0 }));
}

/* ---- folders ---- */

static struct pki *pki;

static int folders_begin(void **state)
{
	(void)state;
	pki = pki_new();
	pki_make(pki, &(struct pki_spec)CA("ca", NULL, -1));
	pki_make(pki, &(struct pki_spec)X("ca",));
	return 0;
}

static int folders_end(void **state)
{
	(void)state;
	pki_free(pki);
	return 0;
}

static struct cert_store *load(const char *dir)
{
	return cert_store_load(pki_folder(pki, dir), NULL, 0, err, sizeof(err));
}

static void refused(const char *dir, const char *part)
{
	struct cert_store *store = load(dir);

	if (store)
		fail_msg("%s was taken, expected '%s'", dir, part);
	if (!strstr(err, part))
		fail_msg("'%s', expected '%s'", err, part);
}

static void broken_files_fail_the_load(void **state)
{
	(void)state;
	pki_put_file(pki, "e1", "certs", "x.pem", "nonsense", 8, 0644);
	refused("e1", "e1/certs/x.pem: found no certificate (");
	pki_put_file(pki, "e2", "cacerts", "ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n", 33, 0644);
	refused("e2", "e2/cacerts/ca.pem: found no certificate (");
	pki_put_cert(pki, "e3", "cacerts", "x");
	refused("e3", "e3/cacerts/x.pem: found the certificate of 'C=XX, O=Test, CN=x', which is no CA");
	pki_put_file(pki, "e4", "private", "x.pem", "nonsense", 8, 0600);
	refused("e4", "e4/private/x.pem: found no private key (");
	pki_put_file(pki, "e6", "certs", "x.pem", "", 0, 0644);
	refused("e6", "e6/certs/x.pem: found 0 octets, expected 1 to 1048576");
}

static void private_keys_are_private(void **state)
{
	(void)state;
	pki_put_key(pki, "m", "x", NULL);
	pki_put_file(pki, "m", "private", "y.pem", "x", 1, 0640);
	refused("m", "m/private/y.pem: found mode 0640, expected 0600: others could read the private key");
}

static void encrypted_keys_want_a_passphrase(void **state)
{
	struct cert_passphrase pass[] = { { "other.pem", "no" }, { "x.pem", "sesame" } };
	struct cert_store *store;

	(void)state;
	pki_put_cert(pki, "p", "certs", "x");
	pki_put_key(pki, "p", "x", "sesame");
	refused("p", "p/private/x.pem: found an encrypted private key, expected its passphrase in the secrets file: key x.pem \"PASSPHRASE\"");
	store = cert_store_load(pki_folder(pki, "p"), pass, 2, err, sizeof(err));
	assert_non_null(store);
	assert_non_null(cert_own_key(cert_store_cert(store, "x.pem")));
	cert_store_put(store);
	pass[1].text = "simsalabim";
	assert_null(cert_store_load(pki_folder(pki, "p"), pass, 2, err, sizeof(err)));
	assert_non_null(strstr(err, "its passphrase in the secrets file does not open"));
	assert_null(strstr(err, "simsalabim"));
}

/* the key and the certificates of a PKCS#12 file, which make nobody trusted */
static void pkcs12(void **state)
{
	struct cert_passphrase pass = { "x.p12", "sesame" };
	struct cert_store *store;
	const struct cert *cert;
	struct bytes chain[CERT_CHAIN_MAX];

	(void)state;
	pki_put_p12(pki, "p12", "x", "ca", "sesame");
	refused("p12", "p12/private/x.p12: found an encrypted PKCS#12 file, expected its passphrase in the secrets file: key x.p12 \"PASSPHRASE\"");
	store = cert_store_load(pki_folder(pki, "p12"), &pass, 1, err, sizeof(err));
	assert_non_null(store);
	cert = cert_store_cert(store, "x.p12");
	assert_non_null(cert);
	assert_true(bytes_equal(cert_der(cert), pki_der(pki, "x")));
	assert_ptr_equal(cert_own_key(cert), cert_store_key(store, "x.p12"));
	assert_int_equal(cert_to_send(cert, chain), 1);
	assert_null(cert_store_anchor_at(store, 0));
	assert_null(cert_store_ca_at(store, 0));
	cert_store_put(store);
	pass.text = "simsalabim";
	assert_null(cert_store_load(pki_folder(pki, "p12"), &pass, 1, err, sizeof(err)));
	assert_non_null(strstr(err, "found a PKCS#12 file that its passphrase in the secrets file does not open"));
	assert_null(strstr(err, "simsalabim"));
}

static void pkcs12_of_any_kind(void **state)
{
	struct cert_store *store;

	(void)state;
	/* without a passphrase */
	pki_put_p12(pki, "p12e", "x", "ca", "");
	store = cert_store_load(pki_folder(pki, "p12e"), NULL, 0, err, sizeof(err));
	assert_non_null(store);
	assert_non_null(cert_own_key(cert_store_cert(store, "x.p12")));
	cert_store_put(store);
	pki_put_file(pki, "p12b", "private", "x.pfx", "words", 5, 0600);
	assert_null(cert_store_load(pki_folder(pki, "p12b"), NULL, 0, err, sizeof(err)));
	assert_non_null(strstr(err, "p12b/private/x.pfx: found no PKCS#12 file ("));
	pki_put_file(pki, "p12m", "private", "x.p12", "words", 5, 0640);
	refused("p12m", "p12m/private/x.p12: found mode 0640, expected 0600: others could read the private key");
	/* elsewhere it is none of ours */
	pki_put_file(pki, "p12c", "certs", "x.p12", "words", 5, 0644);
	store = cert_store_load(pki_folder(pki, "p12c"), NULL, 0, err, sizeof(err));
	assert_non_null(store);
	cert_store_put(store);
}

static void forms_and_names(void **state)
{
	struct cert_store *store;
	struct bytes der = pki_der(pki, "x");

	(void)state;
	/* DER, other endings, and what is none of ours */
	pki_put_file(pki, "f", "certs", "x.crt", der.p, der.len, 0644);
	pki_put_file(pki, "f", "certs", "README", "words", 5, 0644);
	pki_put_file(pki, "f", "certs", ".pem", "words", 5, 0644);
	pki_put_file(pki, "f", "certs", "x.pem~", "words", 5, 0644);
	pki_put_key(pki, "f", "x", NULL);
	pki_put_pub(pki, "f", "x", "raw.pub");
	store = load("f");
	if (!store)
		fail_msg("%s", err);
	assert_non_null(cert_store_cert(store, "x.crt"));
	assert_non_null(cert_own_key(cert_store_cert(store, "x.crt")));
	assert_null(cert_store_cert_at(store, 1));
	assert_non_null(cert_store_pub(store, "raw.pub"));
	assert_null(cert_store_pub(store, "x.crt"));
	assert_string_equal(cert_subject(cert_store_cert(store, "x.crt")), "C=XX, O=Test, CN=x");
	cert_store_put(store);
	/* nothing there is nothing wrong */
	store = cert_store_load("/nowhere", NULL, 0, err, sizeof(err));
	assert_non_null(store);
	assert_null(cert_store_anchor_at(store, 0));
	cert_store_put(store);
}

/* what goes with ours, and which of ours a CA is asked for */
static void ours_to_send(void **state)
{
	struct bytes out[CERT_CHAIN_MAX], id;
	struct pki *p = pki_new();
	struct cert_store *store;
	const struct cert *cert;

	(void)state;
	pki_make(p, &(struct pki_spec)CA("ca", NULL, -1));
	pki_make(p, &(struct pki_spec)CA("mid", "ca", -1));
	pki_make(p, &(struct pki_spec)CA("other", NULL, -1));
	pki_make(p, &(struct pki_spec)X("mid",));
	pki_put_cert(p, "d", "cacerts", "mid");
	pki_put_cert(p, "d", "cacerts", "other");
	store = cert_store_load(pki_site(p, "d", "x", "ca"), NULL, 0, err, sizeof(err));
	cert = cert_store_cert(store, "x.pem");
	assert_int_equal(cert_to_send(cert, out), 2);
	assert_true(bytes_equal(out[0], pki_der(p, "x")));
	assert_true(bytes_equal(out[1], pki_der(p, "mid")));
	id = (struct bytes){ cert_pub_id(cert_pub(cert_store_ca(store, "ca.pem"))), 20 };
	assert_true(cert_is_from(cert, id));
	id = (struct bytes){ cert_pub_id(cert_pub(cert_store_ca(store, "mid.pem"))), 20 };
	assert_true(cert_is_from(cert, id));
	id = (struct bytes){ cert_pub_id(cert_pub(cert_store_ca(store, "other.pem"))), 20 };
	assert_false(cert_is_from(cert, id));
	assert_false(cert_is_from(cert, (struct bytes){ NULL, 0 }));
	cert_store_put(store);
	pki_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_are_judged),
		cmocka_unit_test(one_ca_is_trusted),
		cmocka_unit_test(maze),
		cmocka_unit_test(many_ways_up),
		cmocka_unit_test(garbage_certs),
		cmocka_unit_test(identities),
		cmocka_unit_test(names_with_nul),
		cmocka_unit_test(distinguished_names),
		cmocka_unit_test(broken_files_fail_the_load),
		cmocka_unit_test(private_keys_are_private),
		cmocka_unit_test(encrypted_keys_want_a_passphrase),
		cmocka_unit_test(pkcs12),
		cmocka_unit_test(pkcs12_of_any_kind),
		cmocka_unit_test(forms_and_names),
		cmocka_unit_test(ours_to_send),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, folders_begin, folders_end);
}
