// SPDX-License-Identifier: GPL-2.0
/* A policy comes into force whatever its credentials are like, and each peer says what it lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "pki.h"

#define LISTS	"access-list l { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n" \
		"access-list m { 10 protect ip from 10.1.0.0/16 to 10.3.0.0/16 }\n"
#define PSK	"peer shared { local id fqdn a.example.com remote address 192.0.2.2 id fqdn b.example.com\n" \
		"auth psk tunnel t { access-list l } }\n"
#define CERT(words) \
		"peer signed { local id fqdn a.example.com remote address 192.0.2.3 id fqdn c.example.com\n" \
		"auth cert " words " tunnel t { access-list m } }\n"

struct broken {
	unsigned int n;
	char text[4096];
};

static void on_broken(const char *text, void *arg)
{
	struct broken *b = arg;

	b->n++;
	snprintf(b->text, sizeof(b->text), "%s", text);
}

static struct conf *parse(const char *dir, const char *text)
{
	struct conf_error err = { .text = "" };
	struct conf *conf;
	char path[300];

	snprintf(path, sizeof(path), "%s/c", dir);
	conf = conf_parse(text, strlen(text), path, &err);
	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

static struct conf *load_good(const char *dir, const char *text, struct broken *b)
{
	struct conf *conf = parse(dir, text);

	memset(b, 0, sizeof(*b));
	assert_true(conf_credentials_load_good(conf, on_broken, b));
	return conf;
}

/* conf_credentials_load(), for a load over a configuration in force, refuses the same files */
static void refused(const char *dir, const char *text, const char *want)
{
	struct conf *conf = parse(dir, text);
	struct conf_error err = { .text = "" };

	assert_false(conf_credentials_load(conf, &err));
	if (!strstr(err.text, want))
		fail_msg("'%s', expected '%s'", err.text, want);
	conf_free(conf);
}

static void lacks(const struct conf *conf, const char *peer, const char *want)
{
	const char *is = conf_peer_find(conf, peer)->lacks;

	if (!want ? is != NULL : !is || !strstr(is, want))
		fail_msg("%s lacks '%s', expected '%s'", peer, is ? is : "nothing",
			 want ? want : "nothing");
}

static struct pki *site(const char **dir, const char *secrets, unsigned int mode)
{
	struct pki *pki = pki_new();

	pki_make(pki, &(struct pki_spec){ .name = "ca", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .issuer = "ca",
					  .san = { "dns:a.example.com" } });
	*dir = pki_site(pki, "d", "a", "ca");
	if (secrets)
		pki_put_file(pki, "d", ".", "secrets", secrets, strlen(secrets), mode);
	return pki;
}

#define SECRET	"psk a.example.com b.example.com \"hunter2\"\n"

static void whole(void **state)
{
	struct conf_error err = { .text = "" };
	struct broken b;
	struct conf *conf;
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0600);

	(void)state;
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 0);
	lacks(conf, "shared", NULL);
	lacks(conf, "signed", NULL);
	conf_free(conf);
	conf = parse(dir, LISTS PSK CERT(""));
	assert_true(conf_credentials_load(conf, &err));
	lacks(conf, "shared", NULL);
	lacks(conf, "signed", NULL);
	conf_free(conf);
	pki_free(pki);
}

/* the line of the other end's file */
static void ends_exchanged(void **state)
{
	static const char other[] = "psk b.example.com a.example.com \"hunter2\"\n";
	const char *dir;
	struct pki *pki = site(&dir, other, 0600);
	struct conf *conf;
	struct broken b;

	(void)state;
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 0);
	lacks(conf, "shared", "no pre-shared key for fqdn 'a.example.com' and fqdn 'b.example.com' is in the secrets file, "
	      "but one with the ends exchanged: expected psk a.example.com b.example.com, ours first");
	assert_null(strstr(conf_peer_find(conf, "shared")->lacks, "hunter2"));
	conf_free(conf);
	pki_put_file(pki, "d", ".", "secrets", "psk c d \"x\"\n", 12, 0600);
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_string_equal(conf_peer_find(conf, "shared")->lacks,
			    "no pre-shared key for fqdn 'a.example.com' and fqdn 'b.example.com' is in the secrets file");
	conf_free(conf);
	pki_free(pki);
}

/* a key is there, and of another certificate */
static void key_of_another(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0600);
	struct conf *conf;
	struct broken b;

	(void)state;
	conf = load_good(dir, LISTS PSK CERT("cert a.pem"), &b);
	lacks(conf, "signed", NULL);
	conf_free(conf);
	pki_make(pki, &(struct pki_spec){ .name = "o", .issuer = "ca", .san = { "dns:a.example.com" } });
	pki_put_cert(pki, "d", "certs", "o");
	conf = load_good(dir, LISTS PSK CERT("cert o.pem"), &b);
	lacks(conf, "signed", "found 'o.pem', expected its private key in ");
	lacks(conf, "signed", "/private; what is there does not fit it: a.");
	conf_free(conf);
	pki_free(pki);
}

static void stray_file(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0600);
	struct conf *conf;
	struct broken b;

	(void)state;
	pki_put_file(pki, "d", "certs", "renewing.pem", "not a certificate\n", 18, 0644);
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 1);
	assert_non_null(strstr(b.text, "/certs/renewing.pem: found no certificate"));
	lacks(conf, "shared", NULL);
	/* its own is there and found by its id */
	lacks(conf, "signed", NULL);
	conf_free(conf);
	conf = load_good(dir, LISTS PSK CERT("cert renewing.pem"), &b);
	lacks(conf, "shared", NULL);
	lacks(conf, "signed", "/c:6:16: found 'renewing.pem', expected a file with a certificate in ");
	lacks(conf, "signed", "; not used: ");
	lacks(conf, "signed", "/certs/renewing.pem: found no certificate");
	conf_free(conf);
	refused(dir, LISTS PSK CERT(""), "/certs/renewing.pem: found no certificate");
	pki_free(pki);
}

static void private_key_for_all_to_read(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0600);
	struct conf *conf;
	struct broken b;
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "chmod 644 %s/private/*", dir);
	assert_int_equal(system(path), 0);
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 1);
	lacks(conf, "shared", NULL);
	lacks(conf, "signed", "expected a certificate for our id fqdn 'a.example.com'");
	lacks(conf, "signed", "found mode 0644, expected 0600");
	assert_int_equal(conf_peer_find(conf, "signed")->n_own, 0);
	conf_free(conf);
	refused(dir, LISTS PSK CERT(""), "found mode 0644, expected 0600");
	pki_free(pki);
}

/* a list that nobody can read may have the peer's certificate on it */
static void broken_crl(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0600);
	struct conf *conf;
	struct broken b;

	(void)state;
	pki_folder(pki, "d/crls");
	pki_put_file(pki, "d", "crls", "x.pem", "garbage\n", 8, 0644);
	conf = load_good(dir, LISTS PSK CERT("revocation soft"), &b);
	assert_int_equal(b.n, 1);
	lacks(conf, "shared", NULL);
	lacks(conf, "signed", "/crls/x.pem: not a CRL");
	conf_free(conf);
	conf = load_good(dir, LISTS PSK CERT("revocation off"), &b);
	lacks(conf, "signed", NULL);
	conf_free(conf);
	refused(dir, LISTS PSK CERT("revocation off"), "/crls/x.pem: not a CRL");
	pki_free(pki);
}

static void secrets_for_all_to_read(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0644);
	struct conf *conf;
	struct broken b;

	(void)state;
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 1);
	assert_int_equal(conf->n_secrets, 0);
	lacks(conf, "shared", "/secrets:1:1: found mode 0644, expected 0600");
	lacks(conf, "signed", NULL);
	conf_free(conf);
	refused(dir, LISTS PSK CERT(""), "found mode 0644, expected 0600");
	pki_free(pki);
}

/* The parser uses no secret of a broken file, and its message has no secret. */
static void secrets_with_an_error(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET "psk a c hunter2\n", 0600);
	struct conf_id us = { .text = (char *)"a.example.com" }, them = { .text = (char *)"b.example.com" };
	struct conf *conf;
	struct broken b;

	(void)state;
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 1);
	assert_null(strstr(b.text, "hunter2"));
	lacks(conf, "shared", "/secrets:2:9: expected the secret");
	assert_null(conf_secret_find(conf, &us, &them));
	conf_free(conf);
	refused(dir, LISTS PSK CERT(""), "/secrets:2:9: expected the secret");
	pki_free(pki);
}

static void no_secret(void **state)
{
	static const char other[] = "psk a.example.com c.example.com \"hunter2\"\n";
	struct conf_error err = { .text = "" };
	const char *dir;
	struct pki *pki = site(&dir, other, 0600);
	struct conf *conf;
	struct broken b;

	(void)state;
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 0);
	lacks(conf, "shared", "no pre-shared key for fqdn 'a.example.com' and fqdn 'b.example.com' is in the secrets file");
	conf_free(conf);
	/* nor is that an error where something is in force */
	conf = parse(dir, LISTS PSK CERT(""));
	assert_true(conf_credentials_load(conf, &err));
	lacks(conf, "shared", "no pre-shared key for fqdn 'a.example.com' and fqdn 'b.example.com' is in the secrets file");
	conf_free(conf);
	pki_free(pki);
	pki = site(&dir, NULL, 0);
	conf = load_good(dir, LISTS PSK CERT(""), &b);
	assert_int_equal(b.n, 0);
	lacks(conf, "shared", "/secrets: not there, so no peer has a pre-shared key");
	lacks(conf, "signed", NULL);
	conf_free(conf);
	pki_free(pki);
}

/* a peer whose identity is learnt in IKE_AUTH lacks nothing yet */
static void peers_of_many(void **state)
{
	const char *dir;
	struct pki *pki = site(&dir, SECRET, 0600);
	struct conf *conf;
	struct broken b;

	(void)state;
	conf = load_good(dir, LISTS CERT("") "peer road { local id fqdn a.example.com remote address any id fqdn *.example.com\n"
			 "auth psk tunnel t { access-list l } }", &b);
	lacks(conf, "road", NULL);
	conf_free(conf);
	pki_free(pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(ends_exchanged),
		cmocka_unit_test(key_of_another),
		cmocka_unit_test(stray_file),
		cmocka_unit_test(private_key_for_all_to_read),
		cmocka_unit_test(broken_crl),
		cmocka_unit_test(secrets_for_all_to_read),
		cmocka_unit_test(secrets_with_an_error),
		cmocka_unit_test(no_secret),
		cmocka_unit_test(peers_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
