// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration's and the secrets' grammar, fed with anything. What follows a form feed
 * is another file that the first one may include: conf.d/0, conf.d/1 and so on, to conf.d/9.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"

#define FILES_MAX	10
#define SEPARATOR	0x0c

struct input {
	const uint8_t *file[FILES_MAX];
	size_t len[FILES_MAX];
	unsigned int n;
};

static bool list(const char *folder, const char *pattern, void *arg, struct conf_names *names,
		 char *err, size_t err_len)
{
	const struct input *in = arg;
	unsigned int i;
	char name[2];

	snprintf(err, err_len, "%s: there is only conf.d", folder);
	if (strcmp(folder, "conf.d"))
		return false;
	/* backwards, as a folder has no order */
	for (i = in->n; i--;) {
		snprintf(name, sizeof(name), "%u", i);
		if (!fnmatch(pattern, name, FNM_PERIOD | FNM_NOESCAPE) &&
		    !conf_names_add(names, name))
			return false;
	}
	return true;
}

static bool read_one(const char *path, void *arg, struct conf_text *text, char *err, size_t err_len)
{
	const struct input *in = arg;
	unsigned int i;

	snprintf(err, err_len, "%s: not there", path);
	if (strncmp(path, "conf.d/", 7) || path[7] < '0' || path[7] > '9' || path[8])
		return false;
	i = path[7] - '0';
	if (i >= in->n)
		return false;
	text->data = calloc(in->len[i] + 2, 1);
	if (!text->data)
		return false;
	memcpy(text->data, in->file[i], in->len[i]);
	text->len = in->len[i];
	text->ino = i + 1;
	return true;
}

/* the length of the first file; those behind it are put into @in */
static size_t split(const uint8_t *data, size_t len, struct input *in)
{
	const uint8_t *end = data + len, *at = memchr(data, SEPARATOR, len), *next;
	size_t first = at ? (size_t)(at - data) : len;

	for (; at && in->n < FILES_MAX; at = next) {
		at++;
		next = memchr(at, SEPARATOR, end - at);
		in->file[in->n] = at;
		in->len[in->n++] = (next ? next : end) - at;
	}
	return first;
}

static void parse_conf(const uint8_t *data, size_t len)
{
	struct input in = { .n = 0 };
	const struct conf_reader reader = { .list = list, .read = read_one, .arg = &in };
	struct conf_error err;
	size_t first = split(data, len, &in);
	struct conf *conf = conf_parse_with((const char *)data, first, "f", &reader, &err);

	if (!conf && !*err.text)
		abort();	/* a refusal that says nothing */
	conf_free(conf);
	/* all of it as one text, which includes nothing */
	conf = conf_parse((const char *)data, len, "f", &err);
	if (!conf && !*err.text)
		abort();
	conf_free(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf empty = { 0 }, *secrets;
	struct conf_error err;

	if (len)
		parse_conf(data, len);
	secrets = malloc(sizeof(*secrets));
	if (!secrets)
		return 0;
	*secrets = empty;
	if (!conf_secrets_parse(secrets, (const char *)data, len, "fuzz", &err) && !*err.text)
		abort();
	conf_free(secrets);
	return 0;
}
