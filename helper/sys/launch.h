/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs the updown commands of tunnels. The daemon drops its privileges, so a second process runs
 * them: the launcher. The daemon forks it before it reads a secret. Messages have a bounded length.
 */
#ifndef SYS_LAUNCH_H
#define SYS_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

#define LAUNCH_MSG_MAX		16384	/* octets of one message */
#define LAUNCH_COMMANDS_MAX	512	/* different commands, of an old and a new configuration */
#define LAUNCH_RUNNING_MAX	8	/* commands that run at the same time */
#define LAUNCH_WAITING_MAX	4096	/* commands that wait */
#define LAUNCH_TUNNEL_MAX	256	/* those of one tunnel */
#define LAUNCH_MS		30000	/* a command that runs longer is killed */
#define LAUNCH_STOP_MS		20000	/* the same for all of them at the end of the daemon */
#define LAUNCH_LINE_MAX		200	/* octets of a command's first line of output */

/**
 * struct launch_limits - limits of the launcher
 * @running: commands at the same time
 * @waiting: commands that wait; a `down` whose `up` was taken is not refused beyond that
 * @tunnel: those of one tunnel, likewise; 0: LAUNCH_TUNNEL_MAX
 * @ms: time of one command
 * @stop_ms: time of all commands after the daemon has ended
 */
struct launch_limits {
	unsigned int running, waiting, tunnel;
	uint64_t ms, stop_ms;
};

struct launch;

/* @failed: the command failed or was refused. @text is printable. */
typedef void (*launch_report_t)(bool failed, const char *text, void *arg);

struct launch *launch_start(const struct launch_limits *limits, char *err, size_t err_len);
int launch_fd(const struct launch *l);
void launch_allow_begin(struct launch *l);
void launch_allow(struct launch *l, const char *command);
void launch_allow_end(struct launch *l);
bool launch_run(struct launch *l, const char *tunnel, const char *command, struct bytes env);
bool launch_read(struct launch *l, launch_report_t report, void *arg);
void launch_stop(struct launch *l, launch_report_t report, void *arg);

/* launcher.c: the other process. @fd: its end of the socket pair */
_Noreturn void launcher_run(int fd, const struct launch_limits *limits);

/* the first octet of a message to the launcher; then strings, each with a NUL */
enum launch_msg {
	LAUNCH_BEGIN = 'B',	/* commands that do not follow are refused from LAUNCH_END on */
	LAUNCH_ALLOW = 'A',	/* command */
	LAUNCH_END = 'E',
	LAUNCH_RUN = 'R',	/* tunnel, command, environment */
	/* messages from the launcher */
	LAUNCH_GOOD = 'G',	/* text */
	LAUNCH_FAILED = 'F',	/* text */
};

#endif
