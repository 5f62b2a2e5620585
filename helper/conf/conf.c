// SPDX-License-Identifier: GPL-2.0
/* Reads and parses a configuration as a whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/lex.h"
#include "conf/parse.h"
#include "conf/scan.h"
#include "pki/revoke.h"

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

bool conf_has_entries(const struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->n_lists; i++)
		if (conf->lists[i].n)
			return true;
	return false;
}
