// SPDX-License-Identifier: GPL-2.0
/* The configuration as a whole: read, find, free. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"
#include "conf/parse.h"
#include "conf/lex.h"
#include "core/trusted.h"
#include "sys/revoke.h"

#define CONF_FILE_MAX (16u << 20)

bool conf_fail(struct conf_error *err, const char *path, unsigned int line, unsigned int column,
	       const char *fmt, ...)
{
	va_list ap;
	int n;

	if (*err->text)		/* what comes later may only follow from it */
		return false;
	n = snprintf(err->text, sizeof(err->text), "%s:%u:%u: ", path, line, column);
	if (n < 0 || (size_t)n >= sizeof(err->text))
		return false;
	va_start(ap, fmt);
	vsnprintf(err->text + n, sizeof(err->text) - n, fmt, ap);
	va_end(ap);
	return false;
}

/* flex has no other way out for want of memory */
_Noreturn void conf_scan_fatal(const char *msg)
{
	fprintf(stderr, "configuration: %s\n", msg);
	abort();
}

static bool parse_text(struct conf *conf, char *text, size_t len, struct conf_error *err)
{
	struct conf_scan scan = { .line = 1, .column = 1 };
	struct conf_parse parse = { .conf = conf, .scan = &scan, .path = conf->path, .err = err };
	yyscan_t scanner;
	int ret;

	if (conf_yylex_init_extra(&scan, &scanner))
		return conf_fail(err, conf->path, 1, 1, "out of memory");
	/* the text ends with the two NULs that flex wants and is ours */
	ret = conf_yy_scan_buffer(text, len + 2, scanner) ? conf_yyparse(&parse, scanner) : 2;
	conf_yylex_destroy(scanner);
	return !ret || conf_fail(err, conf->path, scan.line, scan.column, "out of memory");
}

/**
 * conf_parse - a configuration from text
 * @data: the text
 * @len: octets
 * @path: its name, for errors
 * @err: "path:line:column: found X, expected Y"
 *
 * Return: the configuration without secrets, for conf_free(); NULL when refused.
 */
struct conf *conf_parse(const char *data, size_t len, const char *path, struct conf_error *err)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	char *text = malloc(len + 2);

	*err->text = 0;
	if (!conf || !text || !(conf->path = strdup(path))) {
		conf_fail(err, path, 1, 1, "out of memory");
		goto fail;
	}
	if (len)
		memcpy(text, data, len);
	text[len] = text[len + 1] = 0;
	conf->limits = (struct conf_limits){
		.cookies_from = CONF_COOKIES_FROM,
		.half_open = CONF_HALF_OPEN,
		.half_open_per_addr = CONF_HALF_OPEN_PER_ADDR,
		.inits_per_addr = CONF_INITS_PER_ADDR,
	};
	if (!parse_text(conf, text, len, err) || !conf_check(conf, err))
		goto fail;
	free(text);
	return conf;

fail:
	free(text);
	conf_free(conf);
	return NULL;
}

/* the whole file; NULL and errno */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *data = NULL;

	*len = 0;
	if (!f)
		return NULL;
	for (;;) {
		char *more = realloc(data, *len + 65536);
		size_t n;

		if (!more || *len > CONF_FILE_MAX) {
			errno = more ? EFBIG : ENOMEM;
			data = more ? more : data;
			break;
		}
		data = more;
		n = fread(data + *len, 1, 65536, f);
		*len += n;
		if (ferror(f))
			break;
		if (!n) {
			fclose(f);
			return data;
		}
	}
	free(data);
	fclose(f);
	return NULL;
}

/* Does the path name a descriptor that the caller has opened, such as a pipe of its shell? */
static bool is_descriptor(const char *path)
{
	static const char fds[] = "/dev/fd/";

	if (!strcmp(path, "/dev/stdin"))
		return true;
	if (strncmp(path, fds, strlen(fds)))
		return false;
	path += strlen(fds);
	return *path && !path[strspn(path, "0123456789")];
}

struct conf *conf_load(const char *path, struct conf_error *err)
{
	struct conf *conf;
	size_t len;
	char *data;

	if (!is_descriptor(path) && !trusted_file(path, err->text, sizeof(err->text)))
		return NULL;
	data = read_file(path, &len);
	if (!data) {
		snprintf(err->text, sizeof(err->text), "%s: %s", path, strerror(errno));
		return NULL;
	}
	conf = conf_parse(data, len, path, err);
	free(data);
	return conf;
}

void conf_passphrases_free(struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->n_passphrases; i++) {
		struct conf_passphrase *p = &conf->passphrases[i];

		if (p->text) {
			explicit_bzero(p->text, strlen(p->text));
			free(p->text);
		}
		free(p->file);
	}
	free(conf->passphrases);
	conf->passphrases = NULL;
	conf->n_passphrases = 0;
}

bool conf_has_entries(const struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->n_lists; i++)
		if (conf->lists[i].n)
			return true;
	return false;
}

void conf_free(struct conf *conf)
{
	unsigned int i, k;

	if (!conf)
		return;
	for (i = 0; i < conf->n_lists; i++)
		free(conf->lists[i].entries);
	for (i = 0; i < conf->n_peers; i++) {
		struct conf_peer *p = &conf->peers[i];

		conf_id_free(&p->local_id);
		conf_id_free(&p->remote_id);
		free(p->tunnels);
		free(p->cert.name);
		free(p->key.name);
		free(p->ca.name);
		free(p->remote_key.name);
		free(p->lacks);
	}
	for (k = 0; k < conf->n_secrets; k++) {
		struct conf_secret *s = &conf->secrets[k];

		if (s->psk) {
			explicit_bzero(s->psk, s->len);
			free(s->psk);
		}
		free(s->local_id);
		free(s->remote_id);
	}
	conf_passphrases_free(conf);
	cert_store_put(conf->certs);
	revoke_crls_free(conf->crls);
	free(conf->lists);
	free(conf->peers);
	free(conf->lists_by_name);
	free(conf->peers_by_name);
	free(conf->secrets);
	free(conf->secrets_by_id);
	free(conf->path);
	free(conf);
}

static int list_cmp(const void *a, const void *b)
{
	const struct conf_list *x = *(const struct conf_list *const *)a;
	const struct conf_list *y = *(const struct conf_list *const *)b;
	int ret = strcmp(x->name, y->name);

	return ret ? ret : (x > y) - (x < y);
}

static int peer_cmp(const void *a, const void *b)
{
	const struct conf_peer *x = *(const struct conf_peer *const *)a;
	const struct conf_peer *y = *(const struct conf_peer *const *)b;
	int ret = strcmp(x->name, y->name);

	return ret ? ret : (x > y) - (x < y);
}

bool conf_sort_names(struct conf *conf)
{
	unsigned int i;

	conf->lists_by_name = calloc(conf->n_lists + 1, sizeof(struct conf_list *));
	conf->peers_by_name = calloc(conf->n_peers + 1, sizeof(struct conf_peer *));
	if (!conf->lists_by_name || !conf->peers_by_name)
		return false;
	for (i = 0; i < conf->n_lists; i++)
		conf->lists_by_name[i] = &conf->lists[i];
	for (i = 0; i < conf->n_peers; i++)
		conf->peers_by_name[i] = &conf->peers[i];
	qsort(conf->lists_by_name, conf->n_lists, sizeof(*conf->lists_by_name), list_cmp);
	qsort(conf->peers_by_name, conf->n_peers, sizeof(*conf->peers_by_name), peer_cmp);
	return true;
}

struct conf_peer *conf_peer_find(const struct conf *conf, const char *name)
{
	unsigned int from = 0, to = conf->n_peers, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (strcmp(conf->peers_by_name[at]->name, name) < 0)
			from = at + 1;
		else
			to = at;
	}
	return from < conf->n_peers && !strcmp(conf->peers_by_name[from]->name, name) ?
	       conf->peers_by_name[from] : NULL;
}

struct conf_list *conf_list_find(const struct conf *conf, const char *name)
{
	unsigned int from = 0, to = conf->n_lists, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (strcmp(conf->lists_by_name[at]->name, name) < 0)
			from = at + 1;
		else
			to = at;
	}
	return from < conf->n_lists && !strcmp(conf->lists_by_name[from]->name, name) ?
	       conf->lists_by_name[from] : NULL;
}

struct conf_tunnel *conf_tunnel_find(const struct conf_peer *peer, const char *name)
{
	unsigned int i;

	for (i = 0; i < peer->n_tunnels; i++)
		if (!strcmp(peer->tunnels[i].name, name))
			return &peer->tunnels[i];
	return NULL;
}
