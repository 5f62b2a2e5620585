// SPDX-License-Identifier: GPL-2.0
/* Any octets to the control socket, in pieces; the first octet says how they are cut. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/event.h"
#include "core/log.h"
#include "daemon/ctl.h"

static struct event_loop *loop;
static struct ctl *ctl;
static struct sockaddr_un name = { .sun_family = AF_UNIX };
static ctl_waiter_t waiting;
static void *waiting_arg;

static bool fake_load(const char *path, char *err, size_t err_len, void *user)
{
	(void)user;
	snprintf(err, err_len, "%s: refused", path ? path : "nothing");
	return false;
}

static void settle(void)
{
	ctl_waiter_t waiter = waiting;

	waiting = NULL;
	if (waiter)
		waiter(waiting_arg, NULL);
}

static void fake_up(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		    void *user)
{
	(void)tunnel;
	(void)user;
	/* one waits, so that both ways are walked */
	if (waiting) {
		waiter(arg, peer);
		return;
	}
	waiting = waiter;
	waiting_arg = arg;
}

static json_t *fake_show(const char *what, void *user)
{
	(void)user;
	return json_string(what);
}

static const struct ctl_ops ops = {
	.load = fake_load, .up = fake_up, .down = fake_up, .verify = fake_up,
	.show = fake_show,
};

static void ignore_line(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

/* takes the socket's name away again */
static void clean_up(void)
{
	ctl_close(ctl);
	event_loop_free(loop);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char err[256];

	(void)argc;
	(void)argv;
	log_set_sink(ignore_line, NULL);
	snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/ctl_fuzz.%d", getpid());
	loop = event_loop_new();
	ctl = loop ? ctl_open(loop, name.sun_path, &ops, NULL, err, sizeof(err)) : NULL;
	if (!ctl)
		abort();
	atexit(clean_up);
	return 0;
}

static void spin(void)
{
	int i;

	for (i = 0; i < 4; i++)
		event_loop_step(loop, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at, n, step = size ? data[0] % 64 + 1 : 1;
	json_t *event = json_pack("{s:s}", "event", "error");
	char answer[4096];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)))
		abort();
	for (at = 1; at < size; at += n) {
		n = size - at < step ? size - at : step;
		if (send(fd, data + at, n, MSG_NOSIGNAL) < 0)
			break;
		event_loop_step(loop, false);
	}
	spin();
	ctl_event(ctl, "peer", event);
	settle();
	spin();
	while (recv(fd, answer, sizeof(answer), 0) > 0)
		;
	close(fd);
	spin();
	settle();
	spin();
	json_decref(event);
	return 0;
}
