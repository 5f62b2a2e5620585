// SPDX-License-Identifier: GPL-2.0
/* The configuration as a whole: read, find, free. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/lex.h"
#include "conf/parse.h"
#include "conf/scan.h"
#include "pki/revoke.h"

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

bool conf_fail_at(struct conf_error *err, const struct conf_place *at, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return conf_fail(err, at->file, at->line, at->column, "%s", text);
}

const char *conf_keep_name(struct conf *conf, const char *path)
{
	char **more;

	if (conf_array_is_full(conf->n_files)) {
		more = reallocarray(conf->files, conf->n_files ? conf->n_files * 2 : 1,
				    sizeof(*more));
		if (!more)
			return NULL;
		conf->files = more;
	}
	conf->files[conf->n_files] = strdup(path);
	return conf->files[conf->n_files] ? conf->files[conf->n_files++] : NULL;
}

/**
 * conf_parse_text - parse the blocks of one file
 * @outer: the file that includes it, or what the first file starts with
 * @text: the text, with two NULs behind it; flex writes to it
 * @path: its name, for errors
 *
 * Return: false: @outer->err says why.
 */
bool conf_parse_text(const struct conf_parse *outer, struct conf_text *text, const char *path)
{
	struct conf_scan scan = { .line = 1, .column = 1 };
	struct conf_parse parse = {
		.conf = outer->conf, .scan = &scan, .err = outer->err, .reader = outer->reader,
		.text = text, .path = conf_keep_name(outer->conf, path),
		.outer = outer->text ? outer : NULL, .depth = outer->depth + 1,
	};
	yyscan_t scanner;
	int ret;

	if (!parse.path || conf_yylex_init_extra(&scan, &scanner))
		return conf_fail(parse.err, path, 1, 1, "out of memory");
	ret = conf_yy_scan_buffer(text->data, text->len + 2, scanner) ?
	      conf_yyparse(&parse, scanner) : 2;
	conf_yylex_destroy(scanner);
	return !ret || conf_fail(parse.err, path, scan.line, scan.column, "out of memory");
}

static struct conf *conf_new(const char *path)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->path = strdup(path);
	conf->limits = (struct conf_limits){
		.cookies_from = CONF_COOKIES_FROM,
		.half_open = CONF_HALF_OPEN,
		.half_open_per_addr = CONF_HALF_OPEN_PER_ADDR,
		.inits_per_addr = CONF_INITS_PER_ADDR,
	};
	if (conf->path)
		return conf;
	free(conf);
	return NULL;
}

static struct conf *parse_first(struct conf_text *text, const char *path,
				const struct conf_reader *reader, struct conf_error *err)
{
	struct conf *conf = conf_new(path);
	struct conf_parse outer = { .conf = conf, .err = err, .reader = reader };

	*err->text = 0;
	if (!conf) {
		conf_fail(err, path, 1, 1, "out of memory");
		return NULL;
	}
	conf->octets = text->len;
	if (conf_parse_text(&outer, text, path) && conf_check(conf, err))
		return conf;
	conf_free(conf);
	return NULL;
}

/**
 * conf_parse_with - parses a configuration that may include files
 * @data: the text
 * @len: octets
 * @path: name of the text, for errors and for the folder of included files
 * @reader: reads the included files; NULL: `include` is refused
 * @err: "path:line:column: found X, expected Y"
 *
 * Return: the configuration without secrets, for conf_free(); NULL when refused.
 */
struct conf *conf_parse_with(const char *data, size_t len, const char *path,
			     const struct conf_reader *reader, struct conf_error *err)
{
	struct conf_text text = { .data = calloc(len + 2, 1), .len = len };
	struct conf *conf;

	*err->text = 0;
	if (!text.data) {
		conf_fail(err, path, 1, 1, "out of memory");
		return NULL;
	}
	if (len)
		memcpy(text.data, data, len);
	conf = parse_first(&text, path, reader, err);
	conf_text_free(&text);
	return conf;
}

struct conf *conf_parse(const char *data, size_t len, const char *path, struct conf_error *err)
{
	return conf_parse_with(data, len, path, NULL, err);
}

struct conf *conf_load(const char *path, struct conf_error *err)
{
	struct conf *conf = NULL;
	struct conf_text text;

	if (conf_file_read(path, &text, err->text, sizeof(err->text)))
		conf = parse_first(&text, path, &conf_files, err);
	conf_text_free(&text);
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

static void peer_free(struct conf_peer *p)
{
	conf_id_free(&p->local_id);
	conf_id_free(&p->remote_id);
	conf_remotes_free(p);
	free(p->tunnels);
	free(p->cert.name);
	free(p->key.name);
	free(p->ca.name);
	free(p->remote_key.name);
	free(p->lacks);
}

void conf_free(struct conf *conf)
{
	unsigned int i, k;

	if (!conf)
		return;
	for (i = 0; i < conf->n_lists; i++)
		free(conf->lists[i].entries);
	for (i = 0; i < conf->n_peers; i++)
		peer_free(&conf->peers[i]);
	for (i = 0; i < conf->n_templates; i++)
		peer_free(&conf->templates[i].peer);
	for (i = 0; i < conf->n_files; i++)
		free(conf->files[i]);
	for (k = 0; k < conf->n_secrets; k++)
		conf_secret_free(&conf->secrets[k]);
	conf_passphrases_free(conf);
	cert_store_put(conf->certs);
	revoke_crls_free(conf->crls);
	free(conf->lists);
	free(conf->groups);
	free(conf->members);
	free(conf->peers);
	free(conf->templates);
	free(conf->files);
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
