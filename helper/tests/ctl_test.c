// SPDX-License-Identifier: GPL-2.0
/* The control socket, with clients in the same process and nothing behind it. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/event.h"
#include "core/log.h"
#include "daemon/ctl.h"

struct world {
	struct event_loop *loop;
	struct ctl *ctl;
	char dir[64], path[96];
	ctl_waiter_t waiter;
	void *waiter_arg;
	char loaded[64];
};

static bool fake_load(const char *path, char *err, size_t err_len, void *user)
{
	struct world *w = user;

	snprintf(w->loaded, sizeof(w->loaded), "%s", path ? path : "(again)");
	if (path && strstr(path, "bad")) {
		snprintf(err, err_len, "%s:3:7: found 'protekt', expected an action", path);
		return false;
	}
	return true;
}

static bool fake_unload(const char *netns, char *err, size_t err_len, void *user)
{
	struct world *w = user;

	snprintf(w->loaded, sizeof(w->loaded), "unloaded %s", netns ? netns : "");
	if (!netns)
		snprintf(err, err_len, "the module is busy");
	return netns;
}

static void fake_up(const char *peer, const char *tunnel, ctl_waiter_t waiter, void *arg,
		    void *user)
{
	struct world *w = user;

	(void)tunnel;
	if (!strcmp(peer, "nobody")) {
		waiter(arg, "no peer is called nobody");
		return;
	}
	w->waiter = waiter;
	w->waiter_arg = arg;
}

static json_t *fake_show(const char *what, void *user)
{
	(void)user;
	return strcmp(what, "peers") ? NULL : json_pack("{s:[]}", "peers");
}

static const struct ctl_ops ops = {
	.load = fake_load, .unload = fake_unload, .up = fake_up, .down = fake_up, .verify = fake_up,
	.show = fake_show,
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char err[256] = "";

	strcpy(w->dir, "/tmp/ctl_test.XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	/* the folder in between is made */
	snprintf(w->path, sizeof(w->path), "%s/run/sock", w->dir);
	w->loop = event_loop_new();
	w->ctl = ctl_open(w->loop, w->path, &ops, w, err, sizeof(err));
	if (!w->ctl)
		print_error("%s\n", err);
	*state = w;
	return w->ctl ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char run[96];

	ctl_close(w->ctl);
	event_loop_free(w->loop);
	snprintf(run, sizeof(run), "%s/run", w->dir);
	rmdir(run);
	rmdir(w->dir);
	free(w);
	return 0;
}

static int client(struct world *w)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(un.sun_path, w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static void spin(struct world *w)
{
	int i;

	for (i = 0; i < 20; i++)
		event_loop_step(w->loop, false);
}

static void say(struct world *w, int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	spin(w);
}

/* all that has come, as one string; "" when nothing has, "(end)" when closed */
static const char *hear(struct world *w, int fd)
{
	static char buf[65536];
	ssize_t n;

	spin(w);
	n = recv(fd, buf, sizeof(buf) - 1, 0);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return "(end)";
	buf[n < 0 ? 0 : n] = 0;
	return buf;
}

static void socket_is_for_root_only(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void second_daemon_is_refused(void **state)
{
	struct world *w = *state;
	char err[256];

	assert_null(ctl_open(w->loop, w->path, &ops, w, err, sizeof(err)));
	assert_non_null(strstr(err, "another nfipsecd is running"));
}

static void name_of_a_dead_daemon_is_taken_over(void **state)
{
	struct world *w = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char err[256], other[112];
	struct ctl *ctl;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(other, sizeof(other), "%s2", w->path);
	strcpy(un.sun_path, other);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	ctl = ctl_open(w->loop, other, &ops, w, err, sizeof(err));
	assert_non_null(ctl);
	ctl_close(ctl);
	assert_int_equal(access(other, F_OK), -1);
}

static void unload_answers(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	say(w, fd, "{\"cmd\":\"unload\",\"netns\":\"12\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n");
	assert_string_equal(w->loaded, "unloaded 12");
	say(w, fd, "{\"cmd\":\"unload\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":false,\"error\":\"the module is busy\"}\n");
	close(fd);
}

static void load_answers(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	say(w, fd, "{\"cmd\":\"load\",\"path\":\"/etc/x.conf\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n");
	assert_string_equal(w->loaded, "/etc/x.conf");
	say(w, fd, "{\"cmd\":\"load\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n");
	assert_string_equal(w->loaded, "(again)");
	say(w, fd, "{\"cmd\":\"load\",\"path\":\"/etc/bad\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":false,\"error\":\"/etc/bad:3:7: found 'protekt', "
				       "expected an action\"}\n");
	say(w, fd, "{\"cmd\":\"load\",\"path\":\"x.conf\"}\n");
	assert_non_null(strstr(hear(w, fd), "absolute"));
	close(fd);
}

static void bad_requests_are_answered(void **state)
{
	static const char *const bad[] = {
		"\n", "hello\n", "{\"cmd\":7}\n", "[]\n", "{\"cmd\":\"dance\"}\n",
		"{\"cmd\":\"up\"}\n", "{\"cmd\":\"up\",\"peer\":\"\"}\n",
		"{\"cmd\":\"show\"}\n", "{\"cmd\":\"show\",\"what\":\"sas\"}\n",
		"{\"cmd\":\"load\",\"cmd\":\"load\"}\n",
	};
	struct world *w = *state;
	int fd = client(w);
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say(w, fd, bad[i]);
		assert_memory_equal(hear(w, fd), "{\"ok\":false,", 12);
	}
	say(w, fd, "{\"cmd\":\"show\",\"what\":\"peers\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":true,\"data\":{\"peers\":[]}}\n");
	close(fd);
}

static void requests_in_pieces_and_in_a_row(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	say(w, fd, "{\"cmd\":");
	assert_string_equal(hear(w, fd), "");
	say(w, fd, "\"load\"}\n{\"cmd\":\"load\"}\n{\"cm");
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n{\"ok\":true}\n");
	say(w, fd, "d\":\"load\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n");
	close(fd);
}

static void up_streams_its_peers_events(void **state)
{
	struct world *w = *state;
	int fd = client(w), other = client(w);
	json_t *event = json_pack("{s:s}", "event", "exchange");

	say(w, fd, "{\"cmd\":\"up\",\"peer\":\"branch\"}\n{\"cmd\":\"load\"}\n");
	ctl_event(w->ctl, "branch", event);
	ctl_event(w->ctl, "elsewhere", event);
	ctl_event(w->ctl, NULL, event);
	assert_string_equal(hear(w, fd), "{\"event\":\"exchange\"}\n");
	assert_string_equal(hear(w, other), "");
	/* the next request is taken after the outcome */
	assert_string_equal(w->loaded, "");
	w->waiter(w->waiter_arg, NULL);
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n{\"ok\":true}\n");
	say(w, fd, "{\"cmd\":\"down\",\"peer\":\"nobody\"}\n");
	assert_string_equal(hear(w, fd), "{\"ok\":false,\"error\":\"no peer is called nobody\"}\n");
	json_decref(event);
	close(fd);
	close(other);
}

static void client_may_go_while_it_waits(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	say(w, fd, "{\"cmd\":\"up\",\"peer\":\"branch\"}\n");
	close(fd);
	spin(w);
	w->waiter(w->waiter_arg, NULL);
	spin(w);

	/* and the whole socket may go before the waiter is called */
	fd = client(w);
	say(w, fd, "{\"cmd\":\"up\",\"peer\":\"branch\"}\n");
	ctl_close(w->ctl);
	w->ctl = NULL;
	w->waiter(w->waiter_arg, "stopped");
	close(fd);
}

static void half_closed_client_gets_its_answer(void **state)
{
	struct world *w = *state;
	int fd = client(w);

	say(w, fd, "{\"cmd\":\"up\",\"peer\":\"branch\"}\n{\"cmd\":\"load\"}\n");
	shutdown(fd, SHUT_WR);
	spin(w);
	w->waiter(w->waiter_arg, NULL);
	assert_string_equal(hear(w, fd), "{\"ok\":true}\n{\"ok\":true}\n");
	assert_string_equal(hear(w, fd), "(end)");
	close(fd);
}

static void slow_watcher_is_dropped(void **state)
{
	struct world *w = *state;
	int fd = client(w), good = client(w);
	size_t sent = 0, size = 10000;
	char *big = malloc(size + 1);
	json_t *event;

	memset(big, 'x', size);
	big[size] = 0;
	event = json_pack("{s:s}", "event", big);
	say(w, fd, "{\"cmd\":\"watch\"}\n");
	say(w, good, "{\"cmd\":\"watch\"}\n");
	while (sent < 3 * CTL_UNREAD_MAX) {
		ctl_event(w->ctl, NULL, event);
		sent += size;
		assert_int_equal(strlen(hear(w, good)), size + 13);
	}
	/* the one that did not read finds what fitted, then the end */
	for (sent = 0; strcmp(hear(w, fd), "(end)"); sent++)
		assert_true(sent < 1000);
	ctl_event(w->ctl, NULL, event);
	assert_int_equal(strlen(hear(w, good)), size + 13);
	json_decref(event);
	free(big);
	close(fd);
	close(good);
}

static void endless_line_is_refused(void **state)
{
	struct world *w = *state;
	int fd = client(w), i;
	char junk[4096];

	memset(junk, 'a', sizeof(junk));
	for (i = 0; i < 2 * CTL_LINE_MAX / (int)sizeof(junk); i++) {
		if (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		spin(w);
	}
	assert_non_null(strstr(hear(w, fd), "too long"));
	assert_string_equal(hear(w, fd), "(end)");
	close(fd);
}

static void ignore_line(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(socket_is_for_root_only),
		TEST(second_daemon_is_refused),
		TEST(name_of_a_dead_daemon_is_taken_over),
		TEST(load_answers),
		TEST(unload_answers),
		TEST(bad_requests_are_answered),
		TEST(requests_in_pieces_and_in_a_row),
		TEST(up_streams_its_peers_events),
		TEST(client_may_go_while_it_waits),
		TEST(half_closed_client_gets_its_answer),
		TEST(slow_watcher_is_dropped),
		TEST(endless_line_is_refused),
	};

	log_set_sink(ignore_line, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
