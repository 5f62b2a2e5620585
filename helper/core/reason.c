// SPDX-License-Identifier: GPL-2.0
/* Why a network namespace has no policy. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/printable.h"
#include "core/reason.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

/* a cookie is never given twice, other than the number of an inode */
bool reason_netns(char out[REASON_NETNS_LEN])
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0)
		return false;
	ret = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
	close(fd);
	snprintf(out, REASON_NETNS_LEN, "%" PRIu64, cookie);
	return !ret;
}

bool reason_run_path(const char *name, char *out, size_t len)
{
	char cookie[REASON_NETNS_LEN];

	return reason_netns(cookie) &&
	       snprintf(out, len, REASON_DIR "/%s.%s", name, cookie) < (int)len;
}

void reason_dir_make(void)
{
	/* systemd makes it for the units; without them it may not be there yet */
	if (mkdir(REASON_DIR, 0700) && errno != EEXIST)
		log_debug(REASON_DIR ": %s", strerror(errno));
}

void reason_set(const char *text)
{
	char path[128];
	char *clean;
	ssize_t n;
	int fd;

	if (!reason_run_path("no-policy", path, sizeof(path)))
		return;
	if (unlink(path) && errno != ENOENT)
		log_debug("%s: %s", path, strerror(errno));
	if (!text)
		return;
	reason_dir_make();
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	clean = strdup(text);
	n = fd < 0 || !clean ? -1 : write(fd, printable(clean), strlen(clean));
	if (n < 0)
		log_debug("%s: %s", path, strerror(errno));
	free(clean);
	if (fd >= 0)
		close(fd);
}

bool reason_get(char *out, size_t len)
{
	char path[128];
	ssize_t n;
	int fd;

	if (!reason_run_path("no-policy", path, sizeof(path)))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	n = read(fd, out, len - 1);
	close(fd);
	if (n <= 0)
		return false;
	out[n] = 0;
	printable(out);
	return true;
}
