// SPDX-License-Identifier: GPL-2.0
/* Reads the files of a configuration: the main file and the included ones. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/scan.h"
#include "core/trusted.h"

#define WILDCARDS	"*?["

void conf_text_free(struct conf_text *text)
{
	free(text->data);
	free(text->folder);
	memset(text, 0, sizeof(*text));
}

void conf_names_free(struct conf_names *names)
{
	while (names->n)
		free(names->name[--names->n]);
	free(names->name);
	names->name = NULL;
}

bool conf_names_add(struct conf_names *names, const char *name)
{
	char **more;

	if (conf_array_is_full(names->n)) {
		more = reallocarray(names->name, names->n ? names->n * 2 : 1, sizeof(*more));
		if (!more)
			return false;
		names->name = more;
	}
	names->name[names->n] = strdup(name);
	return names->name[names->n++];
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, slash - path);
}

/* ---- the file system ---- */

/* Reads all of @fd and appends the two NULs that flex needs. Returns false and sets errno. */
static bool read_all(int fd, struct conf_text *text)
{
	char *more;
	ssize_t n;

	for (;;) {
		more = realloc(text->data, text->len + 65536 + 2);
		if (!more)
			return false;
		text->data = more;
		n = read(fd, text->data + text->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text->len += n;
		if (!n)
			break;
		if (text->len > CONF_FILE_MAX) {
			errno = EFBIG;
			return false;
		}
	}
	memset(text->data + text->len, 0, 2);
	return true;
}

/* An included name starts at the folder of the including file, not at that of a link to it. */
static bool folder_behind_link(const char *path, struct conf_text *text)
{
	struct stat st;
	char *real;

	if (lstat(path, &st) || !S_ISLNK(st.st_mode))
		return true;
	real = realpath(path, NULL);
	text->folder = real ? folder_of(real) : NULL;
	free(real);
	return text->folder;
}

static bool read_fd(int fd, const char *path, bool regular, struct conf_text *text, char *err,
		    size_t err_len)
{
	struct stat st;

	if (fstat(fd, &st)) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		return false;
	}
	text->dev = st.st_dev;
	text->ino = st.st_ino;
	if (regular && !S_ISREG(st.st_mode)) {
		snprintf(err, err_len, "%s: found no regular file, expected one", path);
		return false;
	}
	if (read_all(fd, text))
		return true;
	snprintf(err, err_len, "%s: %s", path, strerror(errno));
	return false;
}

static bool read_path(const char *path, int flags, struct conf_text *text, char *err,
		      size_t err_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	bool ok;

	if (fd < 0) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		return false;
	}
	ok = read_fd(fd, path, flags, text, err, err_len);
	close(fd);
	if (ok && !folder_behind_link(path, text)) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		ok = false;
	}
	return ok;
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

bool conf_file_read(const char *path, struct conf_text *text, char *err, size_t err_len)
{
	memset(text, 0, sizeof(*text));
	return (is_descriptor(path) || trusted_file(path, err, err_len)) &&
	       read_path(path, 0, text, err, err_len);
}

/* Reads an included file. With O_NONBLOCK the daemon does not wait for the writer of a FIFO. */
static bool read_included(const char *path, void *arg, struct conf_text *text, char *err,
			  size_t err_len)
{
	(void)arg;
	memset(text, 0, sizeof(*text));
	return trusted_file(path, err, err_len) &&
	       read_path(path, O_NONBLOCK, text, err, err_len);
}

static bool list_entries(DIR *dir, const char *pattern, struct conf_names *names)
{
	struct dirent *e;

	for (errno = 0; (e = readdir(dir)); errno = 0)
		if (!fnmatch(pattern, e->d_name, FNM_PERIOD | FNM_NOESCAPE) &&
		    !conf_names_add(names, e->d_name))
			return false;
	return !errno;
}

/*
 * A user with write access to the folder could remove a file. Traffic of its protect entries would
 * then pass in clear.
 */
static bool list_folder(const char *folder, const char *pattern, void *arg,
			struct conf_names *names, char *err, size_t err_len)
{
	DIR *dir;
	bool ok;

	(void)arg;
	if (!trusted_folder(folder, err, err_len))
		return false;
	dir = opendir(folder);
	ok = dir && list_entries(dir, pattern, names);
	if (!ok)
		snprintf(err, err_len, "%s: %s", folder, strerror(errno));
	if (dir)
		closedir(dir);
	return ok;
}

const struct conf_reader conf_files = { .list = list_folder, .read = read_included };

/* ---- include ---- */

/* An `include` statement: its place and its name. */
struct include {
	struct conf_parse *parse;
	struct conf_place at;
	struct conf_word word;
};

#define FAIL(i, format, ...) \
	conf_fail_at((i)->parse->err, &(i)->at, format, (i)->word.len, (i)->word.p, ##__VA_ARGS__)

static bool is_being_read(const struct conf_parse *parse, const struct conf_text *text)
{
	for (; parse; parse = parse->outer)
		if (parse->text->ino && parse->text->ino == text->ino &&
		    parse->text->dev == text->dev)
			return true;
	return false;
}

static bool may_read(struct include *i, const char *path, const struct conf_text *text)
{
	struct conf *conf = i->parse->conf;

	if (is_being_read(i->parse, text))
		return FAIL(i, "include '%.*s': found %s, which is the file of this line or includes that, expected another",
			    path);
	if (conf->n_files >= CONF_FILES_MAX)
		return FAIL(i, "include '%.*s': expected at most %u files in all", CONF_FILES_MAX);
	conf->octets += text->len;
	return conf->octets <= CONF_FILE_MAX ||
	       FAIL(i, "include '%.*s': found more than %u MB with %s, expected at most that in all files",
		    CONF_FILE_MAX >> 20, path);
}

static bool include_file(struct include *i, const char *folder, const char *name)
{
	const struct conf_reader *reader = i->parse->reader;
	struct conf_text text = { .len = 0 };
	char path[PATH_MAX], why[1600];
	bool ok;

	if (snprintf(path, sizeof(path), "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", name) >=
	    (int)sizeof(path))
		return FAIL(i, "include '%.*s': the path is too long");
	ok = reader->read(path, reader->arg, &text, why, sizeof(why)) ||
	     FAIL(i, "include '%.*s': %s", why);
	ok = ok && may_read(i, path, &text) && conf_parse_text(i->parse, &text, path);
	conf_text_free(&text);
	return ok;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool include_pattern(struct include *i, const char *folder, const char *pattern)
{
	const struct conf_reader *reader = i->parse->reader;
	struct conf_names names = { .n = 0 };
	char why[1600];
	bool ok = reader->list(folder, pattern, reader->arg, &names, why, sizeof(why)) ||
		  FAIL(i, "include '%.*s': %s", why);
	unsigned int k;

	if (ok && names.n)
		qsort(names.name, names.n, sizeof(*names.name), by_name);
	for (k = 0; ok && k < names.n; k++)
		ok = include_file(i, folder, names.name[k]);
	conf_names_free(&names);
	return ok;
}

static bool include_in(struct include *i, const char *folder, const char *name)
{
	if (strpbrk(name, WILDCARDS))
		return include_pattern(i, folder, name);
	return include_file(i, folder, name);
}

/* Reads @dir/@name, where @dir is relative to the folder of the including file. */
static bool include_beside(struct include *i, const char *dir, const char *name)
{
	const struct conf_parse *parse = i->parse;
	char path[PATH_MAX], *folder;
	int n;

	if (is_descriptor(parse->path))
		return FAIL(i, "found '%.*s', expected a name that begins with '/': this configuration is not in a folder");
	folder = parse->text->folder ? strdup(parse->text->folder) : folder_of(parse->path);
	if (!folder)
		return FAIL(i, "include '%.*s': out of memory");
	if (!*dir)
		n = snprintf(path, sizeof(path), "%s", folder);
	else if (!strcmp(folder, "."))
		n = snprintf(path, sizeof(path), "%s", dir);
	else
		n = snprintf(path, sizeof(path), "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", dir);
	free(folder);
	return n < (int)sizeof(path) ? include_in(i, path, name) :
				       FAIL(i, "include '%.*s': the path is too long");
}

/**
 * conf_include - reads the files that an `include` names
 * @parse: the file that has it
 * @at: place of the name
 * @word: the name; wildcards are in its last component alone
 *
 * The function reads the files of a pattern in the order of the octets of their names. Their blocks
 * replace the `include`. A pattern may match no file. A name without wildcards must exist.
 *
 * Return: false with the reason in @parse->err
 */
bool conf_include(struct conf_parse *parse, const struct conf_place *at, struct conf_word word)
{
	struct include i = { parse, *at, word };
	char text[PATH_MAX], *slash;

	if (!parse->reader)
		return FAIL(&i, "found include '%.*s', expected none: this text is not that of a file");
	if (parse->depth == CONF_DEPTH_MAX)
		return FAIL(&i, "found include '%.*s' in a file at depth %u, expected at most that",
			    CONF_DEPTH_MAX);
	if (!conf_value_copy(word, text, sizeof(text)) || strlen(text) != (size_t)word.len ||
	    text[word.len - 1] == '/')
		return FAIL(&i, "found '%.*s', expected the name of a file, or a pattern such as \"conf.d/*.conf\"");
	slash = strrchr(text, '/');
	if (!slash)
		return include_beside(&i, "", text);
	*slash = 0;
	if (strpbrk(text, WILDCARDS))
		return FAIL(&i, "found '%.*s', expected wildcards behind the last '/' alone");
	if (slash == text)
		return include_in(&i, "/", slash + 1);
	return *text == '/' ? include_in(&i, text, slash + 1) : include_beside(&i, text, slash + 1);
}
