// SPDX-License-Identifier: GPL-2.0
/*
 * The secrets file: `psk [TYPE] LOCAL [TYPE] REMOTE "secret"`, `key FILE "passphrase"`. No message
 * contains a part of a secret. The parser zeroises each copy.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "conf/scan.h"
#include "core/trusted.h"
#include "conf/parse.h"
#include "conf/lex.h"
#include "pki/token.h"
#include "wire/wire.h"

int conf_yylex(CONF_YYSTYPE *value, CONF_YYLTYPE *at, yyscan_t scanner);

#define SECRETS_FILE_MAX (1u << 20)

struct reader {
	yyscan_t scanner;
	CONF_YYSTYPE value;
	CONF_YYLTYPE at;
	int token;
};

static void next(struct reader *r)
{
	memset(&r->value, 0, sizeof(r->value));
	r->token = conf_yylex(&r->value, &r->at, r->scanner);
}

static bool is_name(int token)
{
	return token == WORD || token == STRING || conf_scan_keyword_name(token);
}

static uint8_t *wiped(uint8_t *p, size_t len)
{
	explicit_bzero(p, len);
	free(p);
	return NULL;
}

static uint8_t *from_hex(const char *p, size_t len, size_t *out_len)
{
	uint8_t *out;

	if (!len || !(out = malloc(len)))
		return NULL;
	if (!hex_decode(p, len, out))
		return wiped(out, len);
	*out_len = len / 2;
	return out;
}

static uint8_t *from_base64(const char *p, size_t len, size_t *out_len)
{
	gnutls_datum_t in = { (unsigned char *)p, len }, decoded = { NULL, 0 };
	uint8_t *out = NULL;

	if (!len || gnutls_base64_decode2(&in, &decoded) < 0)
		return NULL;
	if (decoded.size)
		out = malloc(decoded.size);
	if (out) {
		memcpy(out, decoded.data, decoded.size);
		*out_len = decoded.size;
	}
	gnutls_memset(decoded.data, 0, decoded.size);
	gnutls_free(decoded.data);
	return out;
}

/* a quoted text as it is; a word 0x... is hex and 0s... base64, as strongSwan's */
static uint8_t *secret_value(int token, struct conf_word w, size_t *len)
{
	uint8_t *out;

	if (token == WORD && w.len > 2 && !memcmp(w.p, "0x", 2))
		return from_hex(w.p + 2, w.len - 2, len);
	if (token == WORD && w.len > 2 && !memcmp(w.p, "0s", 2))
		return from_base64(w.p + 2, w.len - 2, len);
	if (token != STRING || !w.len)
		return NULL;
	out = malloc(w.len);
	if (out)
		memcpy(out, w.p, w.len);
	*len = w.len;
	return out;
}

/* The URI is not repeated in the error: what is wrong with it may be a PIN. */
static bool is_token(const struct reader *r, const char *uri, const char *path,
		     struct conf_error *err)
{
	size_t off = 0;
	char why[200];

	return token_uri_check(uri, false, &off, why, sizeof(why)) ||
	       conf_fail(err, path, r->at.first_line,
			 r->at.first_column + (r->token == STRING) + off, "expected %s", why);
}

/* key FILE "passphrase", or key URI "PIN" */
static bool one_passphrase(struct conf *conf, struct reader *r, const char *path,
			   struct conf_error *err)
{
	struct conf_passphrase *more, *p;

	more = reallocarray(conf->passphrases, conf->n_passphrases + 1, sizeof(*more));
	if (!more)
		return conf_fail(err, path, r->at.first_line, r->at.first_column, "out of memory");
	conf->passphrases = more;
	p = &conf->passphrases[conf->n_passphrases++];
	memset(p, 0, sizeof(*p));
	next(r);
	if (!is_name(r->token))
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected the name of a file of private/, or the PKCS#11 URI of a token");
	p->file = strndup(r->value.word.p, r->value.word.len);
	if (p->file && token_is_uri(p->file) && !is_token(r, p->file, path, err))
		return false;
	next(r);
	if (r->token != STRING)
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected the passphrase or PIN: \"text\"");
	if (p->file && token_is_uri(p->file) &&
	    (!r->value.word.len || r->value.word.len > TOKEN_PIN_MAX))
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected a PIN of 1 to %u characters", TOKEN_PIN_MAX);
	p->text = strndup(r->value.word.p, r->value.word.len);
	if (!p->file || !p->text)
		return conf_fail(err, path, r->at.first_line, r->at.first_column, "out of memory");
	next(r);
	return true;
}

/* ---- identities ---- */

/*
 * Kinds of keys besides enum wire_id_type, for a word without a type. It may be an fqdn or an
 * email, which ignore case, or a key-id, which does not.
 */
enum { TEXT_FOLDED = 0xf0, TEXT_EXACT = 0xf1 };

static bool put_key(struct conf_secret_end *end, struct buf *b)
{
	struct conf_secret_key *key = &end->key[end->n];

	key->p = b->failed ? NULL : malloc(b->len);
	if (key->p) {
		memcpy(key->p, b->p, b->len);
		key->len = b->len;
		end->n++;
	}
	buf_free(b);
	return key->p;
}

/*
 * Writes the canonical form of a DN. A DN that cannot be parsed equals only itself: the 0 is no tag
 * of a canonical form.
 */
static void put_dn(struct buf *b, struct bytes der)
{
	struct buf canon;

	buf_init(&canon);
	if (cert_dn_canon(der, &canon)) {
		buf_put(b, canon.p, canon.len);
	} else {
		buf_put_u8(b, 0);
		buf_put_bytes(b, der);
	}
	buf_free(&canon);
}

/* Adds the key of an identity. Keys are equal if ike_id_match() says that the identities are. */
static bool add_key(struct conf_secret_end *end, uint8_t kind, struct bytes octets)
{
	struct buf b;
	size_t i;

	buf_init(&b);
	buf_put_u8(&b, kind);
	if (kind == WIRE_ID_DN)
		put_dn(&b, octets);
	else if (kind == WIRE_ID_FQDN || kind == WIRE_ID_EMAIL || kind == TEXT_FOLDED)
		for (i = 0; i < octets.len; i++)
			buf_put_u8(&b, tolower(octets.p[i]));
	else
		buf_put_bytes(&b, octets);
	return put_key(end, &b);
}

/* Makes the keys of the lines that can name @id: first with its type, then without a type. */
static bool keys_of_id(const struct conf_id *id, struct conf_secret_end *end)
{
	struct bytes octets = { id->data, id->len };

	end->n = 0;
	if (!add_key(end, id->type, octets))
		return false;
	if (id->type == WIRE_ID_FQDN || id->type == WIRE_ID_EMAIL)
		return add_key(end, TEXT_FOLDED, octets);
	return id->type != WIRE_ID_KEY || add_key(end, TEXT_EXACT, octets);
}

/* One identity of a line, being parsed. */
struct end_reader {
	struct reader *r;
	const char *path, *which;
	struct conf_error *err;
	uint8_t type;		/* 0: the line has no type */
	struct conf_word word;
	bool quoted;
};

#define FAIL_END(e, ...) \
	conf_fail((e)->err, (e)->path, (e)->r->at.first_line, (e)->r->at.first_column, __VA_ARGS__)

static uint8_t type_of_token(int token)
{
	static const struct { int token; uint8_t type; } types[] = {
		{ FQDN, WIRE_ID_FQDN }, { EMAIL, WIRE_ID_EMAIL }, { IPV4, WIRE_ID_IPV4 },
		{ IPV6, WIRE_ID_IPV6 }, { KEY_ID, WIRE_ID_KEY }, { DN, WIRE_ID_DN },
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].token == token)
			return types[i].type;
	return 0;
}

static bool word_is(struct conf_word w, const char *text)
{
	return (size_t)w.len == strlen(text) && !memcmp(w.p, text, w.len);
}

static bool is_any(const struct end_reader *e)
{
	return !e->type && (word_is(e->word, "any") || word_is(e->word, "%any"));
}

/* Guesses the type of an identity without one: an address, a key-id in hexadecimal or a DN. */
static uint8_t type_by_look(const struct end_reader *e)
{
	char text[256], why[200];
	struct addr a;
	struct buf der;
	bool is_dn, stars;

	if (!e->quoted && e->word.len > 1 && !memcmp(e->word.p, "0x", 2))
		return WIRE_ID_KEY;
	if (!conf_value_copy(e->word, text, sizeof(text)))
		return 0;
	if (addr_parse(text, &a))
		return a.family == AF_INET ? WIRE_ID_IPV4 : WIRE_ID_IPV6;
	if (!strchr(text, '='))
		return 0;
	buf_init(&der);
	is_dn = cert_dn_parse(text, &der, &stars, why, sizeof(why));
	buf_free(&der);
	return is_dn ? WIRE_ID_DN : 0;
}

static bool no_pattern(struct end_reader *e)
{
	return FAIL_END(e, "expected the %s identity without '*', or any", e->which);
}

static bool text_end(struct end_reader *e, struct conf_secret_end *end)
{
	struct bytes octets = { (const uint8_t *)e->word.p, e->word.len };

	if (!octets.len || octets.len > 255)
		return FAIL_END(e, "expected the %s identity of at most 255 characters", e->which);
	if (octets.len > 1 && *octets.p == '*' && (octets.p[1] == '.' || octets.p[1] == '@'))
		return no_pattern(e);
	return (add_key(end, TEXT_FOLDED, octets) && add_key(end, TEXT_EXACT, octets)) ||
	       FAIL_END(e, "out of memory");
}

/* Reads an identity with a type. The word may be a misplaced secret, so no error contains it. */
static bool typed_end(struct end_reader *e, uint8_t type, struct conf_secret_end *end)
{
	struct conf_id id = { 0 };
	char expected[600];
	bool ok = conf_value_id(type, e->word, e->quoted, &id, expected, sizeof(expected));

	if (!ok)
		FAIL_END(e, "expected the %s identity: %s", e->which,
			 type == WIRE_ID_DN ? "a distinguished name such as \"C=DE, O=Example, CN=hq\"" :
			 expected);
	else if (conf_id_is_pattern(&id))
		ok = no_pattern(e);
	else
		ok = add_key(end, type, (struct bytes){ id.data, id.len }) ||
		     FAIL_END(e, "out of memory");
	conf_id_free(&id);
	return ok;
}

/* Returns the identity as written, with quotes only if they make a text of 0x. */
static char *end_text(const struct end_reader *e)
{
	bool quotes = e->quoted && e->word.len > 1 && !memcmp(e->word.p, "0x", 2);
	char *text;

	if (asprintf(&text, "%s%s%s%.*s%s", e->type ? wire_id_type_str(e->type) : "",
		     e->type ? " " : "", quotes ? "\"" : "", e->word.len, e->word.p,
		     quotes ? "\"" : "") < 0)
		return NULL;
	return text;
}

static bool one_end(struct end_reader *e, char **text, struct conf_secret_end *end)
{
	uint8_t type;

	next(e->r);
	e->type = type_of_token(e->r->token);
	if (e->type)
		next(e->r);
	if (!is_name(e->r->token))
		return FAIL_END(e, "expected the %s identity", e->which);
	e->word = e->r->value.word;
	e->quoted = e->r->token == STRING;
	*text = end_text(e);
	if (!*text)
		return FAIL_END(e, "out of memory");
	if (is_any(e))
		return true;
	if ((!e->type || e->type == WIRE_ID_FQDN) && e->word.len && *e->word.p == '@')
		return FAIL_END(e, "expected the %s identity without '@': in strongSwan and libreswan it says that the name is not to be resolved, and it is no part of the identity",
				e->which);
	type = e->type ? e->type : type_by_look(e);
	return type ? typed_end(e, type, end) : text_end(e, end);
}

/* ---- secrets ---- */

static struct conf_secret *new_secret(struct conf *conf)
{
	struct conf_secret *more;

	if (conf_array_is_full(conf->n_secrets)) {
		more = reallocarray(conf->secrets, conf->n_secrets ? conf->n_secrets * 2 : 1,
				    sizeof(*more));
		if (!more)
			return NULL;
		conf->secrets = more;
	}
	more = &conf->secrets[conf->n_secrets++];
	memset(more, 0, sizeof(*more));
	return more;
}

/* @path: a name from conf_keep_name() */
static bool one_secret(struct conf *conf, struct reader *r, const char *path,
		       struct conf_error *err)
{
	struct end_reader local = { .r = r, .path = path, .which = "local", .err = err };
	struct end_reader remote = { .r = r, .path = path, .which = "remote", .err = err };
	struct conf_secret *s;
	struct conf_word w;

	if (r->token == KEY)
		return one_passphrase(conf, r, path, err);
	if (r->token != PSK)
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected psk LOCAL-ID REMOTE-ID \"SECRET\" or key FILE \"PASSPHRASE\"");
	s = new_secret(conf);
	if (!s)
		return conf_fail(err, path, r->at.first_line, r->at.first_column, "out of memory");
	s->at = (struct conf_place){ path, r->at.first_line, r->at.first_column };
	if (!one_end(&local, &s->local_id, &s->local) ||
	    !one_end(&remote, &s->remote_id, &s->remote))
		return false;
	next(r);
	w = r->value.word;
	s->quoted_octets = r->token == STRING && w.len > 2 &&
			   (!memcmp(w.p, "0x", 2) || !memcmp(w.p, "0s", 2));
	s->psk = secret_value(r->token, w, &s->len);
	if (!s->psk)
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected the secret: \"text\", 0xHEX or 0sBASE64");
	next(r);
	return true;
}

/* ---- search ---- */

/* NULL: any */
static int key_cmp(const struct conf_secret_key *a, const struct conf_secret_key *b)
{
	size_t least;
	int ret;

	if (!a || !b)
		return (a != NULL) - (b != NULL);
	least = a->len < b->len ? a->len : b->len;
	ret = memcmp(a->p, b->p, least);
	return ret ? ret : (a->len > b->len) - (a->len < b->len);
}

static int keys_cmp(const struct conf_secret_entry *e, const struct conf_secret_key *local,
		    const struct conf_secret_key *remote)
{
	int ret = key_cmp(e->remote, remote);

	return ret ? ret : key_cmp(e->local, local);
}

/* of two for the same the first that was written comes first */
static int entry_cmp(const void *a, const void *b)
{
	const struct conf_secret_entry *x = a, *y = b;
	int ret = keys_cmp(x, y->local, y->remote);

	return ret ? ret : (x->secret > y->secret) - (x->secret < y->secret);
}

static const struct conf_secret_key *key_at(const struct conf_secret_end *end, unsigned int i)
{
	return end->n ? &end->key[i] : NULL;
}

static void add_entries(struct conf *conf, const struct conf_secret *s)
{
	unsigned int i = 0, k;

	do {
		k = 0;
		do {
			conf->secrets_by_id[conf->n_secrets_by_id++] = (struct conf_secret_entry){
				key_at(&s->local, i), key_at(&s->remote, k), s };
		} while (++k < s->remote.n);
	} while (++i < s->local.n);
}

static void mark_same(struct conf *conf)
{
	const struct conf_secret_entry *first = conf->secrets_by_id, *e;
	struct conf_secret *s;
	unsigned int i;

	for (i = 1; i < conf->n_secrets_by_id; i++) {
		e = &conf->secrets_by_id[i];
		s = &conf->secrets[e->secret - conf->secrets];
		if (keys_cmp(e, first->local, first->remote))
			first = e;
		else if (s != first->secret && !s->same)
			s->same = first->secret;
	}
}

/* for thousands of peers with a secret each */
static bool sort_secrets(struct conf *conf)
{
	unsigned int i;

	free(conf->secrets_by_id);
	conf->n_secrets_by_id = 0;
	conf->secrets_by_id = calloc(4 * (size_t)conf->n_secrets + 1, sizeof(*conf->secrets_by_id));
	if (!conf->secrets_by_id)
		return false;
	for (i = 0; i < conf->n_secrets; i++) {
		conf->secrets[i].same = NULL;
		add_entries(conf, &conf->secrets[i]);
	}
	qsort(conf->secrets_by_id, conf->n_secrets_by_id, sizeof(*conf->secrets_by_id), entry_cmp);
	mark_same(conf);
	return true;
}

/**
 * conf_secrets_parse - add secrets to a configuration
 * @conf: gets them
 * @data: the text; the caller's to zeroise
 * @len: octets
 * @path: its name, for errors
 * @err: where and what was expected, without what was found
 */
bool conf_secrets_parse(struct conf *conf, const char *data, size_t len, const char *path,
			struct conf_error *err)
{
	struct conf_scan scan = { .line = 1, .column = 1 };
	struct reader r = { 0 };
	const char *name = conf_keep_name(conf, path);
	char *text = malloc(len + 2);
	bool ok = false;

	*err->text = 0;
	if (!name || !text || conf_yylex_init_extra(&scan, &r.scanner)) {
		free(text);
		return conf_fail(err, path, 1, 1, "out of memory");
	}
	if (len)
		memcpy(text, data, len);
	text[len] = text[len + 1] = 0;
	if (conf_yy_scan_buffer(text, len + 2, r.scanner)) {
		ok = true;
		next(&r);
		while (ok && r.token)
			ok = one_secret(conf, &r, name, err);
	}
	ok = ok && (sort_secrets(conf) || conf_fail(err, path, 1, 1, "out of memory"));
	if (!ok)
		conf->n_secrets_by_id = 0;	/* reallocarray() may have moved the secrets */
	conf_yylex_destroy(r.scanner);
	explicit_bzero(text, len);
	free(text);
	return ok || conf_fail(err, path, 1, 1, "out of memory");
}

/* nobody else may even read it */
static bool is_private(int fd, const char *path, struct conf_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return conf_fail(err, path, 1, 1, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return conf_fail(err, path, 1, 1, "found no regular file, expected one");
	if (st.st_mode & 077)
		return conf_fail(err, path, 1, 1, "found mode %04o, expected 0600: others could read the secrets",
				 st.st_mode & 07777);
	if (st.st_size > SECRETS_FILE_MAX)
		return conf_fail(err, path, 1, 1, "found %lld octets, expected at most 1 MB",
				 (long long)st.st_size);
	return true;
}

bool conf_secrets_load(struct conf *conf, const char *path, struct conf_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *data = NULL;
	size_t len = 0;
	bool ok = false;

	*err->text = 0;
	if (fd < 0) {
		snprintf(err->text, sizeof(err->text), "%s: %s", path, strerror(errno));
		return false;
	}
	if (!is_private(fd, path, err) || !trusted_file(path, err->text, sizeof(err->text)))
		goto out;
	data = malloc(SECRETS_FILE_MAX);
	while (data && len < SECRETS_FILE_MAX) {
		ssize_t n = read(fd, data + len, SECRETS_FILE_MAX - len);

		if (n <= 0)
			break;
		len += n;
	}
	ok = data && conf_secrets_parse(conf, data, len, path, err);
out:
	if (data) {
		explicit_bzero(data, len);
		free(data);
	}
	close(fd);
	return ok;
}

/* NULL: any */
static const struct conf_secret *find_secret(const struct conf *conf,
					     const struct conf_secret_key *local,
					     const struct conf_secret_key *remote)
{
	unsigned int n = conf->n_secrets_by_id, from = 0, to = n, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (keys_cmp(&conf->secrets_by_id[at], local, remote) < 0)
			from = at + 1;
		else
			to = at;
	}
	if (from == n || keys_cmp(&conf->secrets_by_id[from], local, remote))
		return NULL;
	return conf->secrets_by_id[from].secret;
}

/* a key with a type comes before one without */
static const struct conf_secret *find_by_keys(const struct conf *conf,
					      const struct conf_secret_end *local,
					      const struct conf_secret_end *remote)
{
	const struct conf_secret *s = NULL;
	unsigned int i, k;

	for (k = 0; !s && k < remote->n; k++)
		for (i = 0; !s && i < local->n; i++)
			s = find_secret(conf, &local->key[i], &remote->key[k]);
	for (k = 0; !s && k < remote->n; k++)
		s = find_secret(conf, NULL, &remote->key[k]);
	for (i = 0; !s && i < local->n; i++)
		s = find_secret(conf, &local->key[i], NULL);
	return s ? s : find_secret(conf, NULL, NULL);
}

/**
 * conf_secret_find - the pre-shared key of two identities
 * @conf: the configuration
 * @local: ours
 * @remote: the peer's
 *
 * By types and octets, however they are written. The most specific wins: both named, then the
 * remote one, then the local one, then any.
 *
 * Return: NULL when there is none, or no memory.
 */
const struct conf_secret *conf_secret_find(const struct conf *conf, const struct conf_id *local,
					   const struct conf_id *remote)
{
	struct conf_secret_end l = { .n = 0 }, r = { .n = 0 };
	const struct conf_secret *s = NULL;

	if (keys_of_id(local, &l) && keys_of_id(remote, &r))
		s = find_by_keys(conf, &l, &r);
	conf_secret_end_free(&l);
	conf_secret_end_free(&r);
	return s;
}
