// SPDX-License-Identifier: GPL-2.0
/*
 * The secrets file: `psk LOCAL REMOTE "secret"`, `key FILE "passphrase"`. Nothing of a secret is ever
 * shown, not in an error either, and every copy is zeroised.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "conf/scan.h"
#include "core/trusted.h"
#include "conf/parse.h"
#include "conf/lex.h"

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

/* key FILE "passphrase" */
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
				 "expected the name of a file of private/");
	p->file = strndup(r->value.word.p, r->value.word.len);
	next(r);
	if (r->token != STRING)
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected the passphrase: \"text\"");
	p->text = strndup(r->value.word.p, r->value.word.len);
	if (!p->file || !p->text)
		return conf_fail(err, path, r->at.first_line, r->at.first_column, "out of memory");
	next(r);
	return true;
}

static bool one_secret(struct conf *conf, struct reader *r, const char *path,
		       struct conf_error *err)
{
	struct conf_secret *more, *s;
	char **ids[2];
	int i;

	if (r->token == KEY)
		return one_passphrase(conf, r, path, err);
	if (r->token != PSK)
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected psk LOCAL-ID REMOTE-ID \"SECRET\" or key FILE \"PASSPHRASE\"");
	if (conf_array_is_full(conf->n_secrets)) {
		more = reallocarray(conf->secrets, conf->n_secrets ? conf->n_secrets * 2 : 1,
				    sizeof(*more));
		if (!more)
			return conf_fail(err, path, r->at.first_line, r->at.first_column,
					 "out of memory");
		conf->secrets = more;
	}
	s = &conf->secrets[conf->n_secrets++];
	memset(s, 0, sizeof(*s));
	ids[0] = &s->local_id;
	ids[1] = &s->remote_id;
	for (i = 0; i < 2; i++) {
		next(r);
		if (!is_name(r->token))
			return conf_fail(err, path, r->at.first_line, r->at.first_column,
					 "expected the %s identity", i ? "remote" : "local");
		*ids[i] = strndup(r->value.word.p, r->value.word.len);
		if (!*ids[i])
			return conf_fail(err, path, r->at.first_line, r->at.first_column,
					 "out of memory");
	}
	next(r);
	s->psk = secret_value(r->token, r->value.word, &s->len);
	if (!s->psk)
		return conf_fail(err, path, r->at.first_line, r->at.first_column,
				 "expected the secret: \"text\", 0xHEX or 0sBASE64");
	next(r);
	return true;
}

/* as they are compared: NULL for any */
static const char *named(const char *id)
{
	return strcmp(id, "any") && strcmp(id, "%any") ? id : NULL;
}

static int name_cmp(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int ids_cmp(const struct conf_secret *s, const char *local, const char *remote)
{
	int ret = name_cmp(named(s->remote_id), remote);

	return ret ? ret : name_cmp(named(s->local_id), local);
}

/* of two for the same the first that was written comes first */
static int secret_cmp(const void *a, const void *b)
{
	const struct conf_secret *x = *(const struct conf_secret *const *)a;
	const struct conf_secret *y = *(const struct conf_secret *const *)b;
	int ret = ids_cmp(x, named(y->local_id), named(y->remote_id));

	return ret ? ret : (x > y) - (x < y);
}

/* for thousands of peers with a secret each */
static bool sort_secrets(struct conf *conf)
{
	unsigned int i;

	free(conf->secrets_by_id);
	conf->secrets_by_id = calloc(conf->n_secrets + 1, sizeof(struct conf_secret *));
	if (!conf->secrets_by_id)
		return false;
	for (i = 0; i < conf->n_secrets; i++)
		conf->secrets_by_id[i] = &conf->secrets[i];
	qsort(conf->secrets_by_id, conf->n_secrets, sizeof(*conf->secrets_by_id), secret_cmp);
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
	char *text = malloc(len + 2);
	bool ok = false;

	*err->text = 0;
	if (!text || conf_yylex_init_extra(&scan, &r.scanner)) {
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
			ok = one_secret(conf, &r, path, err);
	}
	ok = ok && (sort_secrets(conf) || conf_fail(err, path, 1, 1, "out of memory"));
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
static const struct conf_secret *find_secret(const struct conf *conf, const char *local,
					     const char *remote)
{
	unsigned int n = conf->secrets_by_id ? conf->n_secrets : 0, from = 0, to = n, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (ids_cmp(conf->secrets_by_id[at], local, remote) < 0)
			from = at + 1;
		else
			to = at;
	}
	if (from == n || ids_cmp(conf->secrets_by_id[from], local, remote))
		return NULL;
	return conf->secrets_by_id[from];
}

/**
 * conf_secret_find - the pre-shared key of two identities
 * @conf: the configuration
 * @local: ours
 * @remote: the peer's
 *
 * The most specific wins: both named, then the remote one, then the local one,
 * then any.
 *
 * Return: NULL when there is none.
 */
const struct conf_secret *conf_secret_find(const struct conf *conf, const struct conf_id *local,
					   const struct conf_id *remote)
{
	const char *locals[] = { local->text, NULL }, *remotes[] = { remote->text, NULL };
	const struct conf_secret *s;
	unsigned int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < 2; k++) {
			s = find_secret(conf, locals[k], remotes[i]);
			if (s)
				return s;
		}
	return NULL;
}
