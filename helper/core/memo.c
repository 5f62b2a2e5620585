// SPDX-License-Identifier: GPL-2.0
/* What one run of the daemon leaves for the next: ike/memo.c says what it is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memo.h"
#include "core/reason.h"
#include "core/trusted.h"

#define MEMO_OCTETS_MAX	(64u << 20)

bool memo_write(struct bytes data)
{
	char path[128];
	ssize_t n;
	int fd;

	if (!reason_run_path("peers", path, sizeof(path)))
		return false;
	if (unlink(path) && errno != ENOENT)
		log_debug("%s: %s", path, strerror(errno));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	n = fd < 0 ? -1 : write(fd, data.p, data.len);
	if (fd >= 0)
		close(fd);
	if (n == (ssize_t)data.len)
		return true;
	log_debug("%s: %s", path, strerror(errno));
	unlink(path);
	return false;
}

static bool read_all(int fd, struct buf *out)
{
	struct stat st;
	uint8_t *p;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MEMO_OCTETS_MAX)
		return false;
	p = buf_extend(out, st.st_size);
	return p && read(fd, p, st.st_size) == st.st_size;
}

bool memo_read(struct buf *out)
{
	char path[128], err[256];
	bool ok;
	int fd;

	if (!reason_run_path("peers", path, sizeof(path)))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	ok = trusted_file(path, err, sizeof(err));
	if (!ok)
		log_warn("%s; not used", err);
	ok = ok && read_all(fd, out);
	close(fd);
	return ok;
}
