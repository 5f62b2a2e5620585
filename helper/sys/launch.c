// SPDX-License-Identifier: GPL-2.0
/* The daemon's end of the launcher of updown commands. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event.h"
#include "core/log.h"
#include "core/printable.h"
#include "sys/launch.h"

#define SEND_WAIT_MS	100	/* for room in the socket; the launcher reads at once */
#define STOP_MORE_MS	2000	/* the launcher ends itself before the daemon stops waiting */

/**
 * struct launch - the daemon's end
 * @fd: socket to the launcher
 * @limits: the launcher's limits
 */
struct launch {
	int fd;
	struct launch_limits limits;
};

static bool start(struct launch *l, int fd[2])
{
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (!pid) {
		close(fd[0]);
		launcher_run(fd[1], &l->limits);
	}
	close(fd[1]);
	l->fd = fd[0];
	return true;
}

/**
 * launch_start() - fork the launcher
 * @limits: its limits
 * @err: gets the reason of a failure
 * @err_len: room there
 *
 * The caller has one thread, no secret in its memory, and its privileges.
 *
 * Return: the daemon's end, or NULL
 */
struct launch *launch_start(const struct launch_limits *limits, char *err, size_t err_len)
{
	struct launch *l = calloc(1, sizeof(*l));
	int fd[2], size = 1 << 20;

	if (l && !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd)) {
		/* less than that is no reason to stop */
		(void)setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		l->limits = *limits;
		if (start(l, fd))
			return l;
		close(fd[0]);
		close(fd[1]);
	}
	snprintf(err, err_len, "the launcher of updown commands: %s", strerror(errno));
	free(l);
	return NULL;
}

int launch_fd(const struct launch *l)
{
	return l->fd;
}

static bool send_msg(struct launch *l, const void *p, size_t len)
{
	struct pollfd pfd = { .fd = l->fd, .events = POLLOUT };

	if (send(l->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	return errno == EAGAIN && poll(&pfd, 1, SEND_WAIT_MS) == 1 &&
	       send(l->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void tell(struct launch *l, const void *p, size_t len, const char *command)
{
	if (!send_msg(l, p, len))
		log_limited(LOG_LEVEL_ERROR, "updown-allow", "the launcher does not learn which updown commands the configuration has%s%s: %s",
			    *command ? ", such as " : "", command, strerror(errno));
}

/* The commands of both configurations are allowed until launch_allow_end(). */
void launch_allow_begin(struct launch *l)
{
	static const char type = LAUNCH_BEGIN;

	tell(l, &type, 1, "");
}

void launch_allow(struct launch *l, const char *command)
{
	char msg[1024];
	int n = snprintf(msg, sizeof(msg), "%c%s", LAUNCH_ALLOW, command);

	if (n > 0 && (size_t)n < sizeof(msg))
		tell(l, msg, n + 1, command);
	else
		log_limited(LOG_LEVEL_ERROR, "updown-allow", "updown %.100s... will not be run: the name is too long", command);
}

void launch_allow_end(struct launch *l)
{
	static const char type = LAUNCH_END;

	tell(l, &type, 1, "");
}

/**
 * launch_run() - run a command, after all others of its tunnel
 * @l: the launcher
 * @tunnel: name of the tunnel
 * @command: absolute path; the launcher refuses it unless it is allowed
 * @env: strings such as PLUTO_VERB=up-client, each with a NUL
 *
 * Return: false if the launcher does not take it
 */
bool launch_run(struct launch *l, const char *tunnel, const char *command, struct bytes env)
{
	char *msg = malloc(LAUNCH_MSG_MAX);
	bool ok = false;
	int n;

	if (!msg)
		return false;
	n = snprintf(msg, LAUNCH_MSG_MAX, "%c%s%c%s", LAUNCH_RUN, tunnel, 0, command);
	if (n > 0 && n + 1 + env.len <= LAUNCH_MSG_MAX) {
		memcpy(msg + n + 1, env.p, env.len);
		ok = send_msg(l, msg, n + 1 + env.len);
	}
	free(msg);
	return ok;
}

/**
 * launch_read() - read the launcher's reports
 * @l: the launcher
 * @report: gets each of them
 * @arg: argument of @report
 *
 * Return: false if the launcher has ended
 */
bool launch_read(struct launch *l, launch_report_t report, void *arg)
{
	char msg[1024], text[1024];
	ssize_t n;

	while ((n = recv(l->fd, msg, sizeof(msg), MSG_DONTWAIT)) > 0) {
		printable_copy(msg + 1, n - 1, text, sizeof(text));
		report(*msg != LAUNCH_GOOD, text, arg);
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/**
 * launch_stop() - wait until the commands that are left have run, and free
 * @l: the launcher, or NULL
 * @report: gets the last reports
 * @arg: argument of @report
 */
void launch_stop(struct launch *l, launch_report_t report, void *arg)
{
	struct pollfd pfd = { .events = POLLIN };
	uint64_t end, now;

	if (!l)
		return;
	pfd.fd = l->fd;
	shutdown(l->fd, SHUT_WR);
	end = event_now() + l->limits.stop_ms + STOP_MORE_MS;
	while (launch_read(l, report, arg)) {
		now = event_now();
		if (now >= end || poll(&pfd, 1, end - now) == 0)
			break;
	}
	close(l->fd);
	free(l);
}
