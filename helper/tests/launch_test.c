// SPDX-License-Identifier: GPL-2.0
/* The launcher of updown commands, a real process with real commands. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/event.h"
#include "core/log.h"
#include "sys/launch.h"

#define ENV(verb)	"PLUTO_VERB=" verb "\0PLUTO_CONNECTION=p/t"
#define WAIT_MS		20000	/* longer than any command; a test does not wait for it unless it fails */

/* not in /tmp: others can write there, so no command is run from it */
static char dir[] = "/var/lib/launch-test.XXXXXX";
static const struct launch_limits usual = { .running = 4, .waiting = 100, .ms = WAIT_MS, .stop_ms = WAIT_MS };

struct reports {
	unsigned int n, failed;
	char text[64][1100];
};

static void on_report(bool failed, const char *text, void *arg)
{
	struct reports *r = arg;

	assert_true(r->n < 64);
	snprintf(r->text[r->n++], sizeof(r->text[0]), "%s", text);
	r->failed += failed;
}

/* until there are so many reports */
static void wait_for(struct launch *l, struct reports *r, unsigned int n)
{
	struct pollfd pfd = { .fd = launch_fd(l), .events = POLLIN };

	while (r->n < n) {
		assert_int_equal(poll(&pfd, 1, 2 * WAIT_MS), 1);
		assert_true(launch_read(l, on_report, r));
	}
}

static const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

/* a command of that name */
static const char *script(const char *name, const char *text)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", dir, text);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
	return path;
}

static char *content(const char *name)
{
	static char text[8192];
	FILE *f = fopen(path_of(name), "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static struct launch *start(const struct launch_limits *limits, const char *command)
{
	char err[256];
	struct launch *l = launch_start(limits, err, sizeof(err));

	assert_non_null(l);
	launch_allow_begin(l);
	if (command)
		launch_allow(l, command);
	launch_allow_end(l);
	return l;
}

static void run_env(struct launch *l, const char *tunnel, const char *command, const char *env,
		    size_t len)
{
	assert_true(launch_run(l, tunnel, command, (struct bytes){ (const uint8_t *)env, len }));
}

static void run(struct launch *l, const char *tunnel, const char *command)
{
	static const char env[] = ENV("up-client");

	run_env(l, tunnel, command, env, sizeof(env));
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

/* PLUTO_ variables and PATH, CAP_NET_ADMIN alone, no way to more, no descriptor and no input */
static void what_it_gets(void **state)
{
	const char *command = script("record", "cat /proc/self/status >status; ls /proc/self/fd >fds; cat >input; tr '\\0' '\\n' </proc/$$/environ >environ; echo $#");
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };
	char want[512];

	(void)state;
	setenv("LD_LIBRARY_PATH", "/tmp", 1);
	run(l, "p/t", command);
	wait_for(l, &r, 1);
	snprintf(want, sizeof(want), "p/t: updown %s up-client: done: 0", command);
	assert_string_equal(r.text[0], want);
	assert_int_equal(r.failed, 0);
	assert_string_equal(content("environ"), "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nPLUTO_VERB=up-client\nPLUTO_CONNECTION=p/t\n");
	assert_string_equal(content("input"), "");
	has(content("status"), "CapEff:\t0000000000001000\n");
	has(content("status"), "CapBnd:\t0000000000001000\n");
	has(content("status"), "NoNewPrivs:\t1\n");
	/* 3: of ls itself */
	assert_string_equal(content("fds"), "0\n1\n2\n3\n");
	launch_stop(l, on_report, &r);
	unsetenv("LD_LIBRARY_PATH");
}

static void failures(void **state)
{
	const char *command = script("fail", "printf 'no \\033[2J luck\\nsecond\\n' >&2; exit 3");
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };

	(void)state;
	run(l, "p/t", command);
	wait_for(l, &r, 1);
	assert_int_equal(r.failed, 1);
	has(r.text[0], ": exit status 3: no ");
	assert_null(strchr(r.text[0], '\033'));
	assert_null(strstr(r.text[0], "second"));
	command = script("fail", "kill -9 $$");
	run(l, "p/t", command);
	wait_for(l, &r, 2);
	has(r.text[1], ": ended by signal 9");
	/* an endless line, and much of it, is read and dropped */
	command = script("fail", "head -c 300000 /dev/zero | tr '\\0' x");
	run(l, "p/t", command);
	wait_for(l, &r, 3);
	has(r.text[2], ": done: xxxx");
	assert_true(strlen(r.text[2]) < 400);
	command = script("fail", "");
	assert_int_equal(truncate(command, 0), 0);
	run(l, "p/t", command);
	wait_for(l, &r, 4);
	has(r.text[3], "exit status 126: Exec format error");
	launch_stop(l, on_report, &r);
}

static bool has_ended(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return true;
	if (!fgets(text, sizeof(text), f))
		strcpy(text, ") Z ");
	fclose(f);
	/* nobody has reaped it yet */
	return strstr(text, ") Z ") != NULL;
}

/* a signal takes effect when the process runs next */
static bool is_gone(const char *pid_file)
{
	pid_t pid = atoi(content(pid_file));
	int i;

	assert_true(pid > 1);
	for (i = 0; i < 1000 && !has_ended(pid); i++)
		usleep(10000);
	return i < 1000;
}

/* what hangs is killed with all that it started, and the next command of the tunnel runs */
static void hanging(void **state)
{
	static const struct launch_limits limits = { .running = 4, .waiting = 10, .ms = 500, .stop_ms = WAIT_MS };
	const char *command = script("hang", "[ -e pid ] && exit; trap '' TERM; sleep 1000 & echo $! >pid; echo begun; wait");
	struct launch *l = start(&limits, command);
	struct reports r = { .n = 0 };

	(void)state;
	run(l, "p/t", command);
	run(l, "p/t", command);
	wait_for(l, &r, 2);
	has(r.text[0], ": killed, because it ran for ");
	has(r.text[0], ": begun");
	has(r.text[1], ": done");
	assert_true(is_gone("pid"));
	launch_stop(l, on_report, &r);
}

/* what a command leaves in the background is killed */
static void background(void **state)
{
	const char *command = script("background", "sleep 1000 & echo $! >pid2");
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };

	(void)state;
	run(l, "p/t", command);
	wait_for(l, &r, 1);
	assert_true(is_gone("pid2"));
	launch_stop(l, on_report, &r);
}

static void order(void **state)
{
	const char *command = script("order", "mkdir lock || echo two >>order.out; sleep 0.01; echo $PLUTO_VERB >>order.out; rmdir lock");
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };
	char env[64], want[256] = "";
	int i, n;

	(void)state;
	for (i = 0; i < 20; i++) {
		n = snprintf(env, sizeof(env), "PLUTO_VERB=%d", i);
		run_env(l, "p/t", command, env, n + 1);
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "%d\n", i);
	}
	wait_for(l, &r, 20);
	assert_int_equal(r.failed, 0);
	assert_string_equal(content("order.out"), want);
	launch_stop(l, on_report, &r);
}

/* four tunnels at the same time, each waits for the others; the fifth waits for a place */
static void at_the_same_time(void **state)
{
	const char *command = script("together", "mkdir -p t; touch t/$$; n=$(ls t | wc -l); [ $n -le 4 ] || exit 9\n"
				     "i=0; while [ ! -e all ] && [ $(ls t | wc -l) -lt 4 ] && [ $i -lt 1000 ]; do sleep 0.01; i=$((i + 1)); done\n"
				     "touch all; sleep 0.1; rm t/$$; [ $i -lt 1000 ]");
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };
	char tunnel[16];
	int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		snprintf(tunnel, sizeof(tunnel), "p/%d", i);
		run(l, tunnel, command);
	}
	wait_for(l, &r, 12);
	assert_int_equal(r.failed, 0);
	launch_stop(l, on_report, &r);
}

static void refused(struct launch *l, const char *command, const char *why)
{
	struct reports r = { .n = 0 };

	run(l, "p/t", command);
	wait_for(l, &r, 1);
	assert_int_equal(r.failed, 1);
	has(r.text[0], why);
}

static void refusals(void **state)
{
	const char *command = script("refused", "touch ran");
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };

	(void)state;
	refused(l, "/bin/true", "refused: the configuration does not have it");
	assert_int_equal(chmod(command, 0775), 0);
	refused(l, command, "found mode 0775, expected 0755: others could change what is trusted");
	assert_int_equal(chmod(command, 0644), 0);
	refused(l, command, "it is no executable file");
	assert_int_equal(chmod(command, 0755), 0);
	assert_int_equal(chown(command, 12345, 0), 0);
	refused(l, command, "found owner 12345, expected root");
	assert_int_equal(unlink(command), 0);
	refused(l, command, "No such file or directory");
	/* until the end both configurations hold, then the new one */
	command = script("refused", "");
	launch_allow_begin(l);
	launch_allow(l, "/bin/true");
	run(l, "p/t", command);
	wait_for(l, &r, 1);
	launch_allow_end(l);
	refused(l, command, "refused: the configuration does not have it");
	run(l, "p/t", "/bin/true");
	wait_for(l, &r, 2);
	assert_int_equal(r.failed, 0);
	launch_allow_begin(l);
	launch_allow(l, "bin/true");
	launch_allow_end(l);
	refused(l, "bin/true", "bin/true is no absolute path");
	launch_stop(l, on_report, &r);
	assert_int_equal(access(path_of("ran"), F_OK), -1);
}

/* a daemon that was taken over: the form is checked, too */
static void malformed(void **state)
{
	const char *command = script("malformed", "echo \"$PLUTO_VERB\" >>malformed.out");
	static const char preload[] = "PLUTO_VERB=1\0LD_PRELOAD=/tmp/x", name[] = "PLUTO_=1", open[] = { 'P', 'L', 'U', 'T', 'O', '_', 'X', '=', '1' },
			  control[] = "PLUTO_VERB=a\nb\033c";
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };
	char many[64 * 12], *p = many;
	int i;

	(void)state;
	run_env(l, "p/t", command, preload, sizeof(preload));
	run_env(l, "p/t", command, name, sizeof(name));
	run_env(l, "p/t", command, open, sizeof(open));
	run_env(l, "p/t", command, "", 0);
	for (i = 0; i < 64; i++)
		p += sprintf(p, "PLUTO_A%02d=1", i) + 1;
	run_env(l, "p/t", command, many, p - many);
	run_env(l, "0123456789012345678901234567890123456789012345678901234567890123456789", command,
		control, sizeof(control));
	assert_false(launch_run(l, "p/t", command, (struct bytes){ (const uint8_t *)many, LAUNCH_MSG_MAX }));
	run_env(l, "p/t", command, control, sizeof(control));
	wait_for(l, &r, 1);
	launch_stop(l, on_report, &r);
	assert_int_equal(r.n, 1);
	assert_string_equal(content("malformed.out"), "a?b?c\n");
}

static void too_many(void **state)
{
	static const struct launch_limits limits = { .running = 1, .waiting = 3, .ms = WAIT_MS, .stop_ms = WAIT_MS };
	const char *command = script("many", "i=0; while [ ! -e go ] && [ $i -lt 1000 ]; do sleep 0.01; i=$((i + 1)); done");
	struct launch *l = start(&limits, command);
	struct reports r = { .n = 0 };
	int i;

	(void)state;
	run(l, "p/0", command);
	/* it runs once this one is refused, or waits: then so do three others */
	for (i = 0; i < 10; i++)
		run(l, "p/1", command);
	wait_for(l, &r, 6);
	assert_int_equal(r.failed, r.n);
	has(r.text[0], "not run: too many commands wait");
	close(creat(path_of("go"), 0644));
	launch_stop(l, on_report, &r);
	assert_int_equal(r.n, 11);
	assert_true(r.failed == 7 || r.failed == 6 || r.failed == 8);
}

/* at the end of the daemon those that wait still run, for a time */
static void stop(void **state)
{
	static const struct launch_limits limits = { .running = 1, .waiting = 10, .ms = WAIT_MS, .stop_ms = 300 };
	const char *command = script("stop", "sleep 0.05; echo $PLUTO_VERB >>stop.out"), *hang;
	struct launch *l = start(&usual, command);
	struct reports r = { .n = 0 };
	uint64_t begun;
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		run(l, "p/t", command);
	launch_stop(l, on_report, &r);
	assert_int_equal(r.n, 5);
	assert_int_equal(r.failed, 0);
	hang = script("hang2", "sleep 1000");
	l = start(&limits, hang);
	run(l, "p/t", hang);
	run(l, "p/t", hang);
	r.n = r.failed = 0;
	begun = event_now();
	launch_stop(l, on_report, &r);
	assert_true(event_now() - begun < WAIT_MS / 2);
	assert_int_equal(r.failed, 2);
	has(r.text[0], "not run: nfipsecd ends");
	has(r.text[1], ": killed, because it ran for ");
	launch_stop(NULL, on_report, &r);
}

/* as many as the launcher has places for, and they run until there is a file "go" */
static const char *blocking(const char *name)
{
	static char path[256];

	unlink(path_of("go"));
	snprintf(path, sizeof(path), "%s",
		 script(name, "i=0; echo $PLUTO_VERB $PLUTO_N >>blocking.out\n"
			"while [ ! -e go ] && [ $i -lt 2000 ]; do sleep 0.01; i=$((i + 1)); done"));
	return path;
}

static void run_pair(struct launch *l, const char *tunnel, const char *command, const char *verb, int i)
{
	char env[64];
	int n = snprintf(env, sizeof(env), "PLUTO_VERB=%s-client%cPLUTO_N=%d", verb, 0, i);

	run_env(l, tunnel, command, env, n + 1);
}

/* the first command of the tunnel runs, so that all others wait */
static void wait_until_running(const char *file)
{
	const char *path = path_of(file);
	int i;

	for (i = 0; i < 1000 && access(path, F_OK); i++)
		usleep(10000);
	assert_true(i < 1000);
}

/* One peer asks for thousands of commands: those of another tunnel run. */
static void one_tunnel_asks_for_all(void **state)
{
	static const struct launch_limits limits = { .running = 2, .waiting = 40, .tunnel = 10, .ms = WAIT_MS, .stop_ms = WAIT_MS };
	const char *command = blocking("hostile");
	struct launch *l = start(&limits, command);
	struct reports r = { .n = 0 };
	int i;

	(void)state;
	unlink(path_of("blocking.out"));
	run_pair(l, "hostile/t", command, "up", 0);
	wait_until_running("blocking.out");
	for (i = 1; i <= 60; i++)
		run_pair(l, "hostile/t", command, "up", i);
	wait_for(l, &r, 50);
	has(r.text[0], "hostile/t: updown ");
	has(r.text[0], "not run: too many commands wait");
	r.n = r.failed = 0;
	run_pair(l, "b/t", command, "down", 1);
	run_pair(l, "b/t", command, "up", 77);
	close(creat(path_of("go"), 0644));
	launch_stop(l, on_report, &r);
	assert_int_equal(r.failed, 0);
	assert_int_equal(r.n, 13);
	has(content("blocking.out"), "down-client 1\n");
	has(content("blocking.out"), "up-client 77\n");
}

/* the limit of one tunnel that main() does not give */
static void usual_limit(void **state)
{
	static const struct launch_limits limits = { .running = 1, .waiting = 4096, .ms = WAIT_MS, .stop_ms = 100 };
	const char *command = blocking("usual");
	struct launch *l = start(&limits, command);
	static struct reports r;
	int i;

	(void)state;
	r.n = 0;
	unlink(path_of("blocking.out"));
	run_pair(l, "p/t", command, "up", 0);
	wait_until_running("blocking.out");
	for (i = 0; i < LAUNCH_TUNNEL_MAX + 3; i++)
		run_pair(l, "p/t", command, "up", i);
	wait_for(l, &r, 3);
	has(r.text[2], "too many commands wait");
	/* they all go again, so that none has to be reported at the end */
	for (i = 0; i < LAUNCH_TUNNEL_MAX; i++) {
		run_pair(l, "p/t", command, "down", i);
		wait_for(l, &r, 1);
		has(r.text[r.n - 1], i ? "not run: the selectors went down while it waited" : "");
		r.n = 0;
	}
	close(creat(path_of("go"), 0644));
	launch_stop(l, on_report, &r);
}

/* `up` that waits and its `down` are both not run; any difference makes them strangers */
static void up_and_down_cancel(void **state)
{
	static const struct launch_limits limits = { .running = 1, .waiting = 40, .tunnel = 5, .ms = WAIT_MS, .stop_ms = WAIT_MS };
	const char *command = blocking("cancel");
	struct launch *l = start(&limits, command);
	struct reports r = { .n = 0 };
	int i;

	(void)state;
	unlink(path_of("blocking.out"));
	run_pair(l, "p/t", command, "up", 0);
	wait_until_running("blocking.out");
	for (i = 1; i < 31; i++) {
		run_pair(l, "p/t", command, "up", i);
		run_pair(l, "p/t", command, "down", i);
	}
	wait_for(l, &r, 30);
	assert_int_equal(r.failed, 0);
	has(r.text[0], "up-client: not run: the selectors went down while it waited");
	r.n = 0;
	run_pair(l, "p/t", command, "up", 50);
	run_pair(l, "p/t", command, "down", 51);
	run_pair(l, "p/u", command, "down", 50);
	run_pair(l, "p/t", command, "up", 52);
	run_pair(l, "p/t", command, "down", 52);
	/* what has begun is ended */
	run_pair(l, "p/t", command, "down", 0);
	close(creat(path_of("go"), 0644));
	launch_stop(l, on_report, &r);
	assert_int_equal(r.failed, 0);
	assert_string_equal(content("blocking.out"), "up-client 0\nup-client 50\ndown-client 51\ndown-client 50\ndown-client 0\n");
}

/* The limits are over: a `down` is taken once if its `up` was, and no other is. */
static void down_has_a_place(void **state)
{
	static const struct launch_limits limits = { .running = 1, .waiting = 6, .tunnel = 4, .ms = WAIT_MS, .stop_ms = WAIT_MS };
	const char *command = blocking("place");
	struct launch *l = start(&limits, command);
	struct reports r = { .n = 0 };
	int i;

	(void)state;
	unlink(path_of("blocking.out"));
	close(creat(path_of("go"), 0644));
	for (i = 0; i < 3; i++)
		run_pair(l, "p/t", command, "up", i);
	wait_for(l, &r, 3);
	assert_int_equal(unlink(path_of("go")), 0);
	assert_int_equal(unlink(path_of("blocking.out")), 0);
	run_pair(l, "p/t", command, "up", 10);
	wait_until_running("blocking.out");
	for (i = 11; i < 15; i++)
		run_pair(l, "p/t", command, "up", i);
	r.n = 0;
	run_pair(l, "p/t", command, "up", 20);
	wait_for(l, &r, 1);
	has(r.text[0], "up-client: not run: too many commands wait");
	run_pair(l, "p/t", command, "down", 20);
	wait_for(l, &r, 2);
	has(r.text[1], "down-client: not run: too many commands wait");
	r.n = r.failed = 0;
	for (i = 0; i < 3; i++)
		run_pair(l, "p/t", command, "down", i);
	run_pair(l, "p/t", command, "down", 2);
	wait_for(l, &r, 1);
	has(r.text[0], "down-client: not run: too many commands wait");
	r.n = r.failed = 0;
	close(creat(path_of("go"), 0644));
	launch_stop(l, on_report, &r);
	assert_int_equal(r.n, 8);
	assert_int_equal(r.failed, 0);
	has(content("blocking.out"), "up-client 14\ndown-client 0\ndown-client 1\ndown-client 2\n");
}

/* Anybody can put a file in a folder such as /tmp, and a process of root that was taken over, too. */
static void sticky_folders(void **state)
{
	const char *command = script("sticky", "");
	struct launch *l = start(&usual, command);
	char link[256];

	(void)state;
	assert_int_equal(chmod(dir, 01777), 0);
	refused(l, command, "refused: /var/lib/launch-test.");
	refused(l, command, ": found mode 1777, expected 1755: others could change what is trusted");
	assert_int_equal(chmod(dir, 01775), 0);
	refused(l, command, ": found mode 1775, expected 1755");
	assert_int_equal(chmod(dir, 0755), 0);
	/* and by way of a link */
	assert_int_equal(mkdir(path_of("open"), 0755), 0);
	assert_int_equal(chmod(path_of("open"), 01777), 0);
	command = script("open/command", "");
	snprintf(link, sizeof(link), "%s", path_of("sticky-link"));
	assert_int_equal(symlink(command, link), 0);
	launch_allow_begin(l);
	launch_allow(l, link);
	launch_allow_end(l);
	refused(l, link, "/open: found mode 1777, expected 1755");
	launch_stop(l, NULL, NULL);
}

/* a reload from as many commands as there may be to as many others */
static void all_others(void **state)
{
	static char name[LAUNCH_COMMANDS_MAX + 1][256];
	struct launch *l = start(&usual, NULL);
	struct reports r = { .n = 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i <= LAUNCH_COMMANDS_MAX; i++)
		snprintf(name[i], sizeof(name[i]), "%s/other%u", dir, i);
	launch_allow_begin(l);
	for (i = 0; i < LAUNCH_COMMANDS_MAX / 2; i++)
		launch_allow(l, name[i]);
	launch_allow_end(l);
	launch_allow_begin(l);
	for (; i < LAUNCH_COMMANDS_MAX; i++)
		launch_allow(l, name[i]);
	refused(l, name[0], "No such file or directory");
	launch_allow_end(l);
	refused(l, name[0], "refused: the configuration does not have it");
	refused(l, name[LAUNCH_COMMANDS_MAX / 2], "No such file or directory");
	refused(l, name[LAUNCH_COMMANDS_MAX - 1], "No such file or directory");
	/* a daemon that checks nothing: what has no room is said */
	launch_allow_begin(l);
	for (i = 0; i <= LAUNCH_COMMANDS_MAX; i++)
		launch_allow(l, name[i]);
	wait_for(l, &r, 1);
	has(r.text[0], "/other512 will not be run: too many different commands");
	assert_int_equal(r.failed, 1);
	launch_stop(l, on_report, &r);
}

static void take_line(enum log_level level, const char *line, void *arg)
{
	(void)level;
	snprintf(arg, 512, "%s", line);
}

static void not_told(void **state)
{
	struct launch *l = start(&usual, NULL);
	char line[512] = "", name[2000];

	(void)state;
	log_set_sink(take_line, line);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = 0;
	launch_allow(l, name);
	has(line, "... will not be run: the name is too long");
	*line = 0;
	shutdown(launch_fd(l), SHUT_WR);
	launch_allow(l, "/bin/true");
	has(line, "the launcher does not learn which updown commands the configuration has, such as /bin/true: Broken pipe");
	*line = 0;
	launch_allow_end(l);
	has(line, "the launcher does not learn which updown commands the configuration has: Broken pipe");
	log_set_sink(NULL, NULL);
	launch_stop(l, NULL, NULL);
}

/* one that never stops to write is killed in its time, and others run meanwhile */
static void endless_output(void **state)
{
	static const struct launch_limits limits = { .running = 4, .waiting = 10, .ms = 10000, .stop_ms = WAIT_MS };
	char endless[256];
	const char *command;
	struct launch *l;
	struct reports r = { .n = 0 };

	(void)state;
	snprintf(endless, sizeof(endless), "%s", script("endless", "trap '' PIPE; touch endless.out\n"
		 "for i in 1 2 3; do yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx & done; wait"));
	command = script("quick", "");
	l = start(&limits, endless);
	launch_allow_begin(l);
	launch_allow(l, endless);
	launch_allow(l, command);
	launch_allow_end(l);
	run(l, "a/t", endless);
	wait_until_running("endless.out");
	usleep(100000);
	run(l, "b/t", command);
	wait_for(l, &r, 1);
	has(r.text[0], "b/t: ");
	has(r.text[0], ": done");
	wait_for(l, &r, 2);
	has(r.text[1], "a/t: ");
	has(r.text[1], ": killed, because it ran for 1");
	launch_stop(l, on_report, &r);
}

static int group_setup(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_IGN);
	/* CAP_NET_ADMIN is kept, so there must be one */
	if (geteuid() || !mkdtemp(dir))
		return -1;
	return chmod(dir, 0755);
}

static int group_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	signal(SIGCHLD, SIG_DFL);
	return system(command) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_gets),
		cmocka_unit_test(failures),
		cmocka_unit_test(hanging),
		cmocka_unit_test(background),
		cmocka_unit_test(order),
		cmocka_unit_test(at_the_same_time),
		cmocka_unit_test(refusals),
		cmocka_unit_test(malformed),
		cmocka_unit_test(too_many),
		cmocka_unit_test(one_tunnel_asks_for_all),
		cmocka_unit_test(usual_limit),
		cmocka_unit_test(up_and_down_cancel),
		cmocka_unit_test(down_has_a_place),
		cmocka_unit_test(sticky_folders),
		cmocka_unit_test(all_others),
		cmocka_unit_test(not_told),
		cmocka_unit_test(endless_output),
		cmocka_unit_test(stop),
	};

	if (geteuid()) {
		puts("needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
