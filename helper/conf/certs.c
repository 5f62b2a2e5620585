// SPDX-License-Identifier: GPL-2.0
/* Which certificates and keys a peer's block means: found at load, so that errors come then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"
#include "core/event.h"
#include "crypto/crypto.h"
#include "pki/revoke.h"
#include "pki/token.h"
#include "wire/wire.h"

#define EXPIRES_SOON	(14 * 86400)

/**
 * struct certs - one load of the folders
 * @conf: the configuration
 * @dir: the folder of the configuration
 * @err: the first error
 * @broken: takes the error of each file that is passed over; NULL: such a file fails the load
 * @arg: argument of @broken
 * @passed_over: the first file that was passed over, and why; empty: none
 * @until: time until which the load waits for tokens
 */
struct certs {
	struct conf *conf;
	char *dir;
	struct conf_error *err;
	cert_broken_t broken;
	void *arg;
	char passed_over[CERT_ERROR_MAX];
	uint64_t until;
};

#define FAIL_AT(c, where, ...) \
	conf_fail_at((c)->err, &(where), __VA_ARGS__)

/* ---- ours ---- */

static bool fits_id(const struct cert *cert, const struct conf_id *id, char *why, size_t len)
{
	return !id->type || cert_has_id(cert, id->type, (struct bytes){ id->data, id->len }, why,
					len);
}

/* Names the keys of private/ for a message, as none of them fits the certificate. */
static const char *other_keys(const struct certs *c, char *out, size_t len)
{
	const struct cert_key *key;
	unsigned int i;
	size_t at = 0;

	*out = '\0';
	for (i = 0; (key = cert_store_key_at(c->conf->certs, i)) && i < 4 && at < len; i++)
		at += snprintf(out + at, len - at, "%s%s", i ? ", " : "; what is there does not fit it: ",
			       cert_key_file(key));
	return out;
}

/* ---- a key on a token ---- */

static bool on_token(const struct conf_peer *p)
{
	return p->key.name && token_is_uri(p->key.name);
}

static struct conf_passphrase *pin_of(const struct conf *conf, const char *uri)
{
	unsigned int i;

	for (i = 0; i < conf->n_passphrases; i++)
		if (token_is_uri(conf->passphrases[i].file) &&
		    token_uri_has(uri, conf->passphrases[i].file))
			return &conf->passphrases[i];
	return NULL;
}

static bool probe(struct certs *c, struct conf_peer *p, struct conf_passphrase *pin,
		  const struct cert_pub *pub)
{
	const struct token_key where = { c->conf->provider.name, p->key.name, pin->text, NULL };
	uint64_t now = event_now();
	char why[CERT_TEXT_MAX] = "";

	switch (cert_store_token(c->conf->certs, &where, pub, now < c->until ? c->until - now : 0,
				 &p->own_key, why, sizeof(why))) {
	case CERT_TOKEN_GOOD:
		return true;
	case CERT_TOKEN_MISFIT:
		return FAIL_AT(c, p->cert.at, "found '%s', expected its private key on the token; what is there does not fit it: %s",
			       p->cert.name, p->key.name);
	case CERT_TOKEN_NO_LOGIN:
		/* other keys on that token would each cost a try */
		pin->refused = true;
		/* fall through */
	case CERT_TOKEN_LACKS:
		return conf_lacks(p, "the private key %s: %s", p->key.name, why);
	default:
		return FAIL_AT(c, p->key.at, "out of memory");
	}
}

/* A token that is not there is no reason to refuse a policy: the peer lacks its key. */
static bool token_key(struct certs *c, struct conf_peer *p, const struct cert_pub *pub)
{
	struct conf_passphrase *pin = pin_of(c->conf, p->key.name);

	if (!pin)
		return conf_lacks(p, "the private key %s: no PIN for it is in the secrets file, expected key %s \"PIN\"",
				  p->key.name, p->key.name);
	if (pin->refused)
		return conf_lacks(p, "the private key %s: the token refuses the PIN of the secrets file",
				  p->key.name);
	return probe(c, p, pin, pub);
}

static bool named_cert(struct certs *c, struct conf_peer *p)
{
	const struct cert *cert = cert_store_cert(c->conf->certs, p->cert.name);
	char why[CERT_ERROR_MAX], id[CONF_ID_STRLEN];

	if (!cert)
		return FAIL_AT(c, p->cert.at, "found '%s', expected a file with a certificate in %s/certs",
			       p->cert.name, c->dir);
	if (on_token(p) && !token_key(c, p, cert_pub(cert)))
		return false;
	if (!on_token(p) && !cert_own_key(cert))
		return FAIL_AT(c, p->cert.at, "found '%s', expected its private key in %s/private%s",
			       p->cert.name, c->dir, other_keys(c, why, sizeof(why)));
	if (!fits_id(cert, &p->local_id, why, sizeof(why)))
		return FAIL_AT(c, p->cert.at, "found '%s', expected a certificate for our id %s: %s",
			       p->cert.name, conf_id_str(&p->local_id, id, sizeof(id)), why);
	p->own[p->n_own++] = cert;
	return true;
}

/* of several, what the peer asks for decides: RFC 7296 3.7 */
static bool any_cert(struct certs *c, struct conf_peer *p)
{
	char why[CERT_ERROR_MAX] = "none is there", id[CONF_ID_STRLEN];
	const struct cert *cert;
	unsigned int i;

	for (i = 0; (cert = cert_store_cert_at(c->conf->certs, i)); i++)
		if (cert_own_key(cert) && fits_id(cert, &p->local_id, why, sizeof(why)) &&
		    p->n_own < CONF_CERTS_MAX)
			p->own[p->n_own++] = cert;
	if (p->n_own)
		return true;
	if (p->local_id.type)
		return FAIL_AT(c, p->local_auth_at, "found cert, expected a certificate for our id %s in %s/certs and its private key in %s/private: %s",
			       conf_id_str(&p->local_id, id, sizeof(id)), c->dir, c->dir, why);
	return FAIL_AT(c, p->local_auth_at, "found cert, expected a certificate in %s/certs and its private key in %s/private",
		       c->dir, c->dir);
}

/* without an id it is the certificate's subject; one that is a DN is sent as the CA wrote it */
static bool id_of_cert(struct certs *c, struct conf_peer *p)
{
	struct bytes dn = cert_subject_der(p->own[0]);
	struct conf_id *id = &p->local_id;

	if (id->type && id->type != WIRE_ID_DN)
		return true;
	/* without one, other certificates are another's */
	if (!id->type)
		p->n_own = 1;
	conf_id_free(id);
	id->type = WIRE_ID_DN;
	id->text = strdup(cert_subject(p->own[0]));
	id->data = malloc(dn.len + 1);
	if (!id->text || !id->data)
		return FAIL_AT(c, p->local_auth_at, "out of memory");
	memcpy(id->data, dn.p, dn.len);
	id->len = dn.len;
	return true;
}

static bool own_key(struct certs *c, struct conf_peer *p)
{
	const struct cert_pub *pub;

	if (p->key.name && !on_token(p)) {
		p->own_key = cert_store_key(c->conf->certs, p->key.name);
		return p->own_key ||
		       FAIL_AT(c, p->key.at, "found '%s', expected a file with a private key in %s/private",
			       p->key.name, c->dir);
	}
	if (p->cert.name) {
		pub = cert_store_pub(c->conf->certs, p->cert.name);
		if (!pub)
			return FAIL_AT(c, p->cert.at, "found '%s', expected a file with our public key in %s/certs",
				       p->cert.name, c->dir);
		if (on_token(p))
			return token_key(c, p, pub);
		p->own_key = cert_store_key_of(c->conf->certs, pub);
		return p->own_key ||
		       FAIL_AT(c, p->cert.at, "found '%s', expected its private key in %s/private",
			       p->cert.name, c->dir);
	}
	p->own_key = cert_store_key_at(c->conf->certs, 0);
	if (!p->own_key)
		return FAIL_AT(c, p->local_auth_at, "found pubkey, expected a private key in %s/private",
			       c->dir);
	if (cert_store_key_at(c->conf->certs, 1))
		return FAIL_AT(c, p->local_auth_at, "found pubkey and several private keys in %s/private, expected 'key FILE' to name one",
			       c->dir);
	return true;
}

static bool ours(struct certs *c, struct conf_peer *p)
{
	switch (p->local_auth) {
	case CONF_AUTH_CERT:
		return (p->cert.name ? named_cert(c, p) : any_cert(c, p)) && id_of_cert(c, p);
	case CONF_AUTH_PUBKEY:
		return own_key(c, p);
	default:
		return true;
	}
}

/* ---- the peer's ---- */

static bool trusted_ca(struct certs *c, struct conf_peer *p)
{
	if (p->ca.name) {
		p->trusted = cert_store_ca(c->conf->certs, p->ca.name);
		return p->trusted ||
		       FAIL_AT(c, p->ca.at, "found '%s', expected a file with a CA's certificate in %s/cacerts",
			       p->ca.name, c->dir);
	}
	return cert_store_anchor_at(c->conf->certs, 0) ||
	       FAIL_AT(c, p->remote_auth_at, "found cert, expected a self-signed CA's certificate in %s/cacerts",
		       c->dir);
}

const struct cert_pub *conf_remote_pub(const struct conf *conf, const struct conf_peer *peer,
				       const struct conf_id *remote)
{
	static const char *const ends[] = { ".pem", ".pub", ".der" };
	const struct cert_pub *pub = NULL;
	char file[320];
	size_t i;

	if (peer->remote_pub)
		return peer->remote_pub;
	for (i = 0; !pub && conf->certs && remote->text && i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(file, sizeof(file), "%s%s", remote->text, ends[i]);
		pub = cert_store_pub(conf->certs, file);
	}
	return pub;
}

static bool remote_pub(struct certs *c, struct conf_peer *p)
{
	if (p->remote_key.name) {
		p->remote_pub = cert_store_pub(c->conf->certs, p->remote_key.name);
		return p->remote_pub ||
		       FAIL_AT(c, p->remote_key.at, "found '%s', expected a file with a public key in %s/certs",
			       p->remote_key.name, c->dir);
	}
	/* who serves many learns their identities when they come */
	if (!p->remote_id.type || conf_id_is_pattern(&p->remote_id))
		return true;
	p->remote_pub = conf_remote_pub(c->conf, p, &p->remote_id);
	return p->remote_pub ||
	       FAIL_AT(c, p->remote_auth_at, "found pubkey, expected 'remote-key FILE' or the peer's public key in %s/certs/%s.pem",
		       c->dir, p->remote_id.text);
}

static bool theirs(struct certs *c, struct conf_peer *p)
{
	switch (p->remote_auth) {
	case CONF_AUTH_CERT:
		return trusted_ca(c, p);
	case CONF_AUTH_PUBKEY:
		return remote_pub(c, p);
	default:
		return true;
	}
}

/* ---- has it changed? ---- */

static bool digest_add(uint8_t digest[CERT_DIGEST_LEN], struct bytes part)
{
	uint8_t out[CRYPTO_HASH_MAX];
	bool ok = crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ digest, CERT_DIGEST_LEN }, &part, 1,
			     out);

	if (ok)
		memcpy(digest, out, CERT_DIGEST_LEN);
	return ok;
}

/* everything that authentication with this peer hangs on */
static bool digest(struct certs *c, struct conf_peer *p)
{
	const struct cert_store *store = c->conf->certs;
	struct bytes chain[CERT_CHAIN_MAX];
	const struct cert_pub *pub;
	const struct cert *ca;
	unsigned int i, k, n;
	bool ok = true;

	memset(p->cert_digest, 0, sizeof(p->cert_digest));
	for (i = 0; i < p->n_own; i++) {
		n = cert_to_send(p->own[i], chain);
		for (k = 0; k < n; k++)
			ok = ok && digest_add(p->cert_digest, chain[k]);
	}
	if (p->own_key)
		ok = ok && digest_add(p->cert_digest, cert_pub_spki(cert_key_pub(p->own_key)));
	if (on_token(p))
		ok = ok && digest_add(p->cert_digest, (struct bytes){ (uint8_t *)p->key.name,
								      strlen(p->key.name) });
	if (p->trusted)
		ok = ok && digest_add(p->cert_digest, cert_der(p->trusted));
	for (i = 0; p->remote_auth == CONF_AUTH_CERT && !p->trusted &&
	     (ca = cert_store_anchor_at(store, i)); i++)
		ok = ok && digest_add(p->cert_digest, cert_der(ca));
	if (p->remote_pub)
		ok = ok && digest_add(p->cert_digest, cert_pub_spki(p->remote_pub));
	for (i = 0; p->remote_auth == CONF_AUTH_PUBKEY && !p->remote_pub &&
	     (pub = cert_store_pub_at(store, i)); i++)
		ok = ok && digest_add(p->cert_digest, cert_pub_spki(pub));
	return ok || FAIL_AT(c, p->local_auth_at, "the digest of the certificates cannot be made");
}

/* ---- will it be of use? ---- */

/* a certificate whose private key this host has, in a file or on a token */
static bool is_ours(const struct conf *conf, const struct cert *cert)
{
	unsigned int i;

	for (i = 0; i < conf->n_peers; i++)
		if (conf->peers[i].n_own && conf->peers[i].own[0] == cert)
			return true;
	return cert_own_key(cert) != NULL;
}

bool conf_certs_warning(const struct conf *conf, unsigned int i, time_t now, char *out, size_t len)
{
	const struct cert *cert, *ca = NULL;
	unsigned int n = 0;
	char until[32];
	struct tm tm;
	time_t end;

	*out = 0;
	while (conf->certs && cert_store_cert_at(conf->certs, n))
		n++;
	cert = conf->certs && i < n ? cert_store_cert_at(conf->certs, i) : NULL;
	if (conf->certs && i >= n)
		cert = ca = cert_store_anchor_at(conf->certs, i - n);
	if (!cert)
		return false;
	end = cert_not_after(cert);
	if ((!ca && !is_ours(conf, cert)) || end > now + EXPIRES_SOON || !gmtime_r(&end, &tm))
		return true;
	strftime(until, sizeof(until), "%Y-%m-%d %H:%M UTC", &tm);
	snprintf(out, len, "%s/%s: the certificate of '%s' %s %s", ca ? "cacerts" : "certs",
		 cert_file(cert), cert_subject(cert), end < now ? "expired on" : "expires on", until);
	return true;
}

/* ---- the whole ---- */

static void pass_over(const char *text, void *arg)
{
	struct certs *c = arg;

	if (!*c->passed_over)
		snprintf(c->passed_over, sizeof(c->passed_over), "%s", text);
	c->broken(text, c->arg);
}

static bool load_store(struct certs *c)
{
	struct conf *conf = c->conf;
	struct cert_passphrase *pass = calloc(conf->n_passphrases + 1, sizeof(*pass));
	unsigned int i;

	if (!pass)
		return conf_fail(c->err, conf->path, 1, 1, "out of memory");
	for (i = 0; i < conf->n_passphrases; i++)
		pass[i] = (struct cert_passphrase){ conf->passphrases[i].file,
						    conf->passphrases[i].text };
	cert_store_put(conf->certs);
	if (c->broken)
		conf->certs = cert_store_load_good(c->dir, pass, conf->n_passphrases, pass_over, c);
	else
		conf->certs = cert_store_load(c->dir, pass, conf->n_passphrases, c->err->text,
					      sizeof(c->err->text));
	free(pass);
	return conf->certs;
}

/* CAs, to say whose a CRL is; no memory: those that were found */
static gnutls_x509_crt_t *ca_list(const struct cert_store *store, unsigned int *n)
{
	gnutls_x509_crt_t *cas = NULL, *more;
	const struct cert *ca;

	for (*n = 0; (ca = cert_store_ca_at(store, *n)); (*n)++) {
		more = reallocarray(cas, *n + 1, sizeof(*cas));
		if (!more)
			break;
		cas = more;
		cas[*n] = cert_crt(ca);
	}
	return cas;
}

static bool load_crls(struct certs *c)
{
	struct conf *conf = c->conf;
	gnutls_x509_crt_t *cas;
	unsigned int n;
	char *dir;

	if (asprintf(&dir, "%s/crls", c->dir) < 0)
		return conf_fail(c->err, conf->path, 1, 1, "out of memory");
	cas = ca_list(conf->certs, &n);
	revoke_crls_free(conf->crls);
	conf->crls = revoke_crls_load(dir, cas, n, c->err->text, sizeof(c->err->text));
	free(cas);
	free(dir);
	return conf->crls;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, slash - path);
}

static bool of_peer(struct certs *c, struct conf_peer *p)
{
	return ours(c, p) && theirs(c, p) && digest(c, p);
}

/**
 * conf_certs_load - load the certificates and keys beside the configuration
 * @conf: with its secrets, for the passphrases
 * @err: the file that is broken, or the word of the configuration that finds nothing
 *
 * Return: false: refused, and why is in @err.
 */
bool conf_certs_load(struct conf *conf, struct conf_error *err)
{
	struct certs c = { .conf = conf, .dir = folder_of(conf->path), .err = err,
			   .until = event_now() + TOKEN_LOAD_MS };
	unsigned int i;
	bool ok;

	*err->text = 0;
	ok = c.dir ? load_store(&c) && load_crls(&c) :
		     conf_fail(err, conf->path, 1, 1, "out of memory");
	for (i = 0; ok && i < conf->n_peers; i++)
		ok = of_peer(&c, &conf->peers[i]);
	conf_passphrases_free(conf);
	free(c.dir);
	return ok;
}

/*
 * A list that cannot be read may name the peer's certificate: without it a revoked one would pass.
 * A peer whose certificates nobody asks about loses nothing.
 */
static bool needs_crls(const struct conf_peer *p)
{
	return p->remote_auth == CONF_AUTH_CERT && p->revocation != CONF_REVOCATION_OFF;
}

static bool uses_certs(const struct conf_peer *p)
{
	return p->local_auth != CONF_AUTH_PSK || p->remote_auth != CONF_AUTH_PSK;
}

static bool good_of_peer(struct certs *c, struct conf_peer *p, const char *crls)
{
	const char *also = *c->passed_over ? "; not used: " : "";

	*c->err->text = 0;
	if (!of_peer(c, p))
		return conf_lacks(p, "%s%s%s", c->err->text, also, c->passed_over);
	if (*crls && needs_crls(p))
		return conf_lacks(p, "%s", crls);
	return true;
}

/**
 * conf_certs_load_good - load what is usable of the certificates and keys
 * @conf: with its secrets, for the passphrases
 * @broken: takes the error of each file that is not used
 * @arg: argument of @broken
 *
 * A peer that does not find what it needs is marked: conf_peer.lacks says why.
 *
 * Return: false: out of memory.
 */
bool conf_certs_load_good(struct conf *conf, cert_broken_t broken, void *arg)
{
	struct conf_error err = { .text = "" }, crls = { .text = "" };
	struct certs c = { .conf = conf, .dir = folder_of(conf->path), .err = &err,
			   .broken = broken, .arg = arg, .until = event_now() + TOKEN_LOAD_MS };
	bool ok = c.dir && load_store(&c);
	unsigned int i;

	c.err = &crls;
	if (ok && !load_crls(&c))
		broken(crls.text, arg);
	c.err = &err;
	for (i = 0; ok && i < conf->n_peers; i++)
		if (uses_certs(&conf->peers[i]))
			ok = good_of_peer(&c, &conf->peers[i], crls.text);
	conf_passphrases_free(conf);
	free(c.dir);
	return ok;
}
