// SPDX-License-Identifier: GPL-2.0
/*
 * Who could change a file: its owner, its writers, whoever can rename it, or replace a folder or a
 * symbolic link on the path to it. All of them must be root or the user that this process runs as.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/trusted.h"

#define LINKS_MAX	40	/* as the kernel follows, path_resolution(7) */

/**
 * struct walk - a path, followed from the root folder
 * @done: the folders so far, without symbolic links; empty: the root folder
 * @rest: what follows them
 * @links: symbolic links met
 * @no_sticky: a folder in which others may write is refused, with the sticky bit as well
 * @err: takes the reason of a refusal
 * @err_len: room there
 */
struct walk {
	char done[PATH_MAX], rest[PATH_MAX];
	unsigned int links;
	bool no_sticky;
	char *err;
	size_t err_len;
};

static bool has_owner(const struct stat *st, const char *path, char *err, size_t err_len)
{
	if (!st->st_uid || st->st_uid == geteuid())
		return true;
	snprintf(err, err_len, "%s: found owner %u, expected root", path, st->st_uid);
	return false;
}

/**
 * trusted_stat - can nobody else write an object?
 * @st: of the object
 * @path: its name, for @err
 * @err: gets the reason of a refusal
 * @err_len: room there
 *
 * Write permission of the group is refused whichever group it is: with an access control list, the
 * bits of the group are the list's mask (acl(5)), and say that somebody else may write.
 *
 * Return: true: only its owner can, who is root or the user of this process
 */
bool trusted_stat(const struct stat *st, const char *path, char *err, size_t err_len)
{
	if (!has_owner(st, path, err, err_len))
		return false;
	if (!(st->st_mode & 022))
		return true;
	snprintf(err, err_len, "%s: found mode %04o, expected %04o: others could change what is trusted",
		 path, st->st_mode & 07777, st->st_mode & 07777 & ~022);
	return false;
}

static bool fail(const struct walk *w, const char *path, int error)
{
	snprintf(w->err, w->err_len, "%s: %s", *path ? path : "/", strerror(error));
	return false;
}

/*
 * A folder on the path. Others may write in one with the sticky bit, as /tmp: they can neither
 * remove nor rename what belongs to root, and the owner of each following component is looked at.
 */
static bool is_safe_folder(const struct walk *w, const char *path, const struct stat *st)
{
	if (st->st_mode & S_ISVTX && !w->no_sticky)
		return has_owner(st, path, w->err, w->err_len);
	return trusted_stat(st, path, w->err, w->err_len);
}

/* the next component of @w->rest is put behind @w->done; false: it is too long */
static bool step(struct walk *w)
{
	size_t at = strlen(w->done), len;
	char *rest = w->rest + strspn(w->rest, "/");

	len = strcspn(rest, "/");
	if (at + len + 2 > sizeof(w->done))
		return fail(w, w->done, ENAMETOOLONG);
	if (len == 2 && !strncmp(rest, "..", 2)) {
		if (at)
			*strrchr(w->done, '/') = 0;
	} else if (len && !(len == 1 && *rest == '.')) {
		w->done[at] = '/';
		memcpy(w->done + at + 1, rest, len);
		w->done[at + 1 + len] = 0;
	}
	memmove(w->rest, rest + len, strlen(rest + len) + 1);
	return true;
}

/* @w->done is a symbolic link: its target takes its place */
static bool follow(struct walk *w)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(w->done, target, sizeof(target) - 1);

	if (n < 0)
		return fail(w, w->done, errno);
	target[n] = 0;
	if (++w->links > LINKS_MAX)
		return fail(w, w->done, ELOOP);
	memcpy(rest, w->rest, sizeof(rest));
	if (snprintf(w->rest, sizeof(w->rest), "%s/%s", target, rest) >= (int)sizeof(w->rest))
		return fail(w, w->done, ENAMETOOLONG);
	if (*target == '/')
		*w->done = 0;
	else
		*strrchr(w->done, '/') = 0;
	return true;
}

static bool begin(struct walk *w, const char *path)
{
	char cwd[PATH_MAX] = "";

	if (*path != '/' && !getcwd(cwd, sizeof(cwd)))
		return fail(w, path, errno);
	if (snprintf(w->rest, sizeof(w->rest), "%s/%s", cwd, path) >= (int)sizeof(w->rest))
		return fail(w, path, ENAMETOOLONG);
	return true;
}

static bool is_at_end(const struct walk *w)
{
	return !w->rest[strspn(w->rest, "/")];
}

/* every folder and link before the end, and @st of what is there */
static bool walk(struct walk *w, const char *path, struct stat *st)
{
	if (!begin(w, path))
		return false;
	if (lstat("/", st))
		return fail(w, "/", errno);
	while (!is_at_end(w)) {
		if (S_ISDIR(st->st_mode) && !is_safe_folder(w, *w->done ? w->done : "/", st))
			return false;
		if (!step(w))
			return false;
		if (lstat(*w->done ? w->done : "/", st))
			return fail(w, w->done, errno);
		if (!S_ISLNK(st->st_mode))
			continue;
		if (!has_owner(st, w->done, w->err, w->err_len) || !follow(w))
			return false;
		if (lstat(*w->done ? w->done : "/", st))
			return fail(w, w->done, errno);
	}
	return true;
}

/**
 * trusted_file - can nobody else change the file of a name?
 * @path: the name; relative ones start at the working directory
 * @err: gets the name and reason of a refusal
 * @err_len: room there
 *
 * Looks at each folder and symbolic link on the path, and at the file itself. Whoever may change
 * none of them cannot change the answer before the file is opened either.
 *
 * Return: true: only root, or the user of this process, can
 */
bool trusted_file(const char *path, char *err, size_t err_len)
{
	struct walk w = { .err = err, .err_len = err_len };
	struct stat st;

	return walk(&w, path, &st) && trusted_stat(&st, *w.done ? w.done : "/", err, err_len);
}

/**
 * trusted_command - can nobody else change, or put, the command of a name?
 * @path: the name
 * @err: gets the name and reason of a refusal
 * @err_len: room there
 *
 * As trusted_file(), but a folder such as /tmp is refused: every user, and so every process of root
 * that was taken over and may write nowhere else, can put a file there.
 *
 * Return: true: only root, or the user of this process, can write in any folder on the path
 */
bool trusted_command(const char *path, char *err, size_t err_len)
{
	struct walk w = { .no_sticky = true, .err = err, .err_len = err_len };
	struct stat st;

	return walk(&w, path, &st) && trusted_stat(&st, *w.done ? w.done : "/", err, err_len);
}

/**
 * trusted_folder - can nobody else add to, or change, the folder of a name?
 * @path: the name
 * @err: gets the name and reason of a refusal
 * @err_len: room there
 *
 * The sticky bit is no excuse here: every file in this folder is read.
 *
 * Return: true: only root, or the user of this process, can
 */
bool trusted_folder(const char *path, char *err, size_t err_len)
{
	return trusted_file(path, err, err_len);
}
