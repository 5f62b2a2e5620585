// SPDX-License-Identifier: GPL-2.0
/* The file that the daemon leaves for its next run: only root may read or change it. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/memo.h"
#include "core/reason.h"

#define NOBODY	65534

static char path[128];		/* empty: this user may not have a /run of its own */
static const struct bytes text = { (const uint8_t *)"digests", 7 };

/* a /run and a network namespace of this process alone */
static int set_up(void **state)
{
	(void)state;
	umask(0);
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") ||
	    !reason_run_path("peers", path, sizeof(path)))
		*path = 0;
	else
		reason_dir_make();
	return 0;
}

static unsigned int mode_of(const char *name)
{
	struct stat st;

	assert_false(lstat(name, &st));
	return st.st_mode;
}

static bool reads(void)
{
	struct buf out;
	bool ok;

	buf_init(&out);
	ok = memo_read(&out);
	if (ok)
		assert_true(bytes_equal(buf_bytes(&out), text));
	buf_free(&out);
	return ok;
}

static void private(void **state)
{
	(void)state;
	if (!*path)
		skip();
	assert_false(reads());
	assert_true(memo_write(text));
	assert_int_equal(mode_of(path), S_IFREG | 0600);
	assert_int_equal(mode_of(REASON_DIR), S_IFDIR | 0700);
	assert_true(reads());
	assert_true(memo_write(text));
	assert_true(reads());
}

static void changed_by_others(void **state)
{
	(void)state;
	if (!*path)
		skip();
	assert_true(memo_write(text));
	assert_false(chmod(path, 0620));
	assert_false(reads());
	assert_false(chmod(path, 0600));
	assert_false(chown(path, NOBODY, -1));
	assert_false(reads());
	assert_false(chown(path, 0, -1));
	assert_false(chmod(REASON_DIR, 0777));
	assert_false(reads());
	assert_false(chmod(REASON_DIR, 0700));
	assert_true(reads());
}

/* A file or link that lies there is neither written to nor read. */
static void prepared(void **state)
{
	(void)state;
	if (!*path)
		skip();
	assert_true(memo_write(text));
	assert_false(rename(path, REASON_DIR "/other"));
	assert_false(symlink(REASON_DIR "/other", path));
	assert_false(reads());
	assert_false(truncate(REASON_DIR "/other", 0));
	assert_true(memo_write(text));
	assert_int_equal(mode_of(path), S_IFREG | 0600);
	assert_true(reads());
	assert_false(truncate(REASON_DIR "/other", 1));
	assert_false(unlink(path));
	assert_false(mkfifo(path, 0600));
	assert_false(reads());
	assert_false(unlink(path));
	assert_false(close(open(path, O_CREAT | O_WRONLY, 0644)));
	assert_true(memo_write(text));
	assert_int_equal(mode_of(path), S_IFREG | 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private),
		cmocka_unit_test(changed_by_others),
		cmocka_unit_test(prepared),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
