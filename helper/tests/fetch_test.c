// SPDX-License-Identifier: GPL-2.0
/* Fetching by HTTP: what is fetched, and what is refused. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/event.h"
#include "pki/fetch.h"
#include "sys/priv.h"
#include "tests/http_server.h"

#define MAX	1000

static struct http_server *server;
static struct fetch *fetcher;
static char err[256];

static void say(struct http_reply *reply, const char *text)
{
	buf_put(&reply->body, text, strlen(text));
}

static enum http_do handler(const struct http_request *req, struct http_reply *reply, void *arg)
{
	char fill[MAX + 1];

	(void)arg;
	memset(fill, 'x', sizeof(fill));
	if (!strcmp(req->path, "/doc")) {
		say(reply, "document");
	} else if (!strcmp(req->path, "/post")) {
		say(reply, req->method);
		say(reply, " ");
		say(reply, req->content_type);
		say(reply, " ");
		buf_put_bytes(&reply->body, req->body);
	} else if (!strncmp(req->path, "/to?", 4)) {
		reply->status = 302;
		snprintf(reply->location, sizeof(reply->location), "%s", req->path + 4);
	} else if (!strcmp(req->path, "/full")) {
		buf_put(&reply->body, fill, MAX);
	} else if (!strcmp(req->path, "/big")) {
		buf_put(&reply->body, fill, MAX + 1);
	} else if (!strcmp(req->path, "/flood")) {
		return HTTP_FLOOD;
	} else if (!strcmp(req->path, "/hang")) {
		return HTTP_HANG;
	} else if (!strcmp(req->path, "/short")) {
		say(reply, "beginning");
		return HTTP_SHORT;
	} else {
		reply->status = 404;
		say(reply, "no such page");
	}
	return HTTP_REPLY;
}

static int setup(void **state)
{
	(void)state;
	server = http_server_new(handler, NULL);
	fetcher = fetch_new();
	*err = '\0';
	return fetcher ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fetch_free(fetcher);
	http_server_free(server);
	return 0;
}

static bool get_url(const char *url, struct buf *out, unsigned int timeout_ms)
{
	struct fetch_request req = { .url = url, .max = MAX, .timeout_ms = timeout_ms };

	return fetch(fetcher, &req, out, err, sizeof(err));
}

static bool get_from(const char *host, const char *path, struct buf *out, unsigned int timeout_ms)
{
	char url[512];

	snprintf(url, sizeof(url), "http://%s:%u%s", host, http_server_port(server), path);
	return get_url(url, out, timeout_ms);
}

static bool get(const char *path, struct buf *out)
{
	return get_from("127.0.0.1", path, out, 5000);
}

static void assert_text(const struct buf *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->p, text, b->len);
}

static void gets_and_posts(void **state)
{
	static const uint8_t body[] = "\0question";
	struct fetch_request req = { .body = { body, 9 }, .content_type = "a/b", .max = MAX,
				     .timeout_ms = 5000 };
	char url[128];
	struct buf b;

	(void)state;
	buf_init(&b);
	assert_true(get("/doc", &b));
	assert_text(&b, "document");
	/* what was in the buffer before is gone */
	assert_true(get("/doc", &b));
	assert_text(&b, "document");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/post", http_server_port(server));
	req.url = url;
	assert_true(fetch(fetcher, &req, &b, err, sizeof(err)));
	assert_int_equal(b.len, 18);
	assert_memory_equal(b.p, "POST a/b \0question", 18);
	buf_free(&b);
}

static void other_schemes_are_refused(void **state)
{
	static const char *const urls[] = {
		"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "/etc/passwd", "",
		"dict://127.0.0.1/x", "ldap://127.0.0.1/x", "http:/127.0.0.1", "127.0.0.1/x",
		"http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/\xc3\xa4",
	};
	size_t i;
	struct buf b;

	(void)state;
	buf_init(&b);
	for (i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_false(fetch_url_ok(urls[i]));
		assert_false(get_url(urls[i], &b, 1000));
		assert_string_equal(err, "not a URL of http: or https:");
	}
	assert_true(fetch_url_ok("HTTP://example.com/"));
	assert_true(fetch_url_ok("https://example.com/"));
	/* passwords are sent nowhere */
	assert_false(get_from("user:password@127.0.0.1", "/doc", &b, 1000));
	assert_int_equal(http_server_count(server), 0);
	buf_free(&b);
}

static bool connects(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static int listener(const char *addr, unsigned int *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, addr, &sin.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* No other scheme is followed, and its server sees no connection. */
static void redirects_stay_with_http(void **state)
{
	static const char *const schemes[] = {
		"ftp", "ftps", "FTP", "dict", "gopher", "imap", "ldap", "mqtt", "pop3", "rtsp", "scp",
		"sftp", "smb", "smtp", "telnet", "tftp", "ws", "unknown",
	};
	static const char refused[] = "redirected to a URL that is not of http: or https:";
	unsigned int port;
	int fd = listener("127.0.0.1", &port);
	char path[128];
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b);
	assert_true(get("/to?/doc", &b));
	assert_text(&b, "document");
	assert_false(get("/to?file:///etc/hostname", &b));
	assert_string_equal(err, refused);
	assert_int_equal(b.len, 0);
	assert_false(get("/to?/to?file:///etc/hostname", &b));
	assert_string_equal(err, refused);
	assert_int_equal(b.len, 0);
	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		snprintf(path, sizeof(path), "/to?%s://127.0.0.1:%u/x", schemes[i], port);
		assert_false(get(path, &b));
		assert_string_equal(err, refused);
		assert_int_equal(b.len, 0);
	}
	assert_false(connects(fd, 0));
	assert_false(get("/to?/to?/to?/to?/to?/doc", &b));
	close(fd);
	buf_free(&b);
}

static void what_is_not_there_is_no_document(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	assert_false(get("/missing", &b));
	assert_non_null(strstr(err, "404"));
	assert_false(get("/short", &b));
	/* nobody listens there */
	assert_false(get_url("http://127.0.0.1:1/", &b, 1000));
	assert_false(get_url("http://name.invalid/", &b, 1000));
	buf_free(&b);
}

static void size_and_time_are_limited(void **state)
{
	uint64_t began;
	struct buf b;

	(void)state;
	buf_init(&b);
	assert_true(get("/full", &b));
	assert_int_equal(b.len, MAX);
	assert_false(get("/big", &b));
	assert_string_equal(err, "more than 1000 octets");
	assert_false(get("/flood", &b));
	assert_string_equal(err, "more than 1000 octets");
	assert_true(b.len <= MAX);
	began = event_now();
	assert_false(get_from("127.0.0.1", "/hang", &b, 300));
	assert_in_range(event_now() - began, 250, 3000);
	buf_free(&b);
}

static void the_environment_is_not_asked(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	assert_true(get("/doc", &b));
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	buf_free(&b);
}

static void *hang(void *arg)
{
	struct buf b;

	buf_init(&b);
	*(bool *)arg = get_from("127.0.0.1", "/hang", &b, 60000);
	buf_free(&b);
	return NULL;
}

/* true: it ended at once, without a document */
static bool stop_ends_it(void)
{
	unsigned int before = http_server_count(server);
	uint64_t began;
	pthread_t thread;
	bool got;

	if (pthread_create(&thread, NULL, hang, &got))
		return false;
	while (http_server_count(server) == before)
		usleep(1000);
	began = event_now();
	fetch_stop(fetcher);
	pthread_join(thread, NULL);
	return event_now() - began < 900 && !got && !strcmp(err, "the daemon is stopping");
}

static void stopping_ends_what_is_under_way(void **state)
{
	struct buf b;

	(void)state;
	assert_true(stop_ends_it());
	buf_init(&b);
	assert_false(get("/doc", &b));
	assert_string_equal(err, "the daemon is stopping");
	assert_int_equal(http_server_count(server), 1);
	buf_free(&b);
}

/* ---- one at a time of each host ---- */

struct asker {
	char url[64];
	unsigned int timeout_ms, again_ms;
	uint64_t deadline;
	bool got;
	char why[256];
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	struct fetch_request req = { .url = a->url, .max = MAX, .timeout_ms = a->timeout_ms,
				     .deadline = a->deadline, .again_ms = a->again_ms };
	struct buf b;

	buf_init(&b);
	a->got = fetch(fetcher, &req, &b, a->why, sizeof(a->why));
	buf_free(&b);
	return NULL;
}

/* an answer without a body, after which curl has what it came for */
static void answer(int fd)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	int s = accept(fd, NULL, NULL);

	assert_true(s >= 0);
	assert_int_equal(write(s, text, sizeof(text) - 1), sizeof(text) - 1);
	shutdown(s, SHUT_WR);
	while (read(s, &(char[256]){ 0 }, 256) > 0)
		;
	close(s);
}

static void a_host_is_asked_one_at_a_time(void **state)
{
	struct asker a[3] = { 0 };
	unsigned int i, port, other_port;
	int fd = listener("127.0.0.1", &port), other = listener("127.0.0.2", &other_port);
	pthread_t threads[3];

	(void)state;
	for (i = 0; i < 2; i++)
		snprintf(a[i].url, sizeof(a[i].url), "http://%s:%u/%u", "127.0.0.1", port, i);
	snprintf(a[2].url, sizeof(a[2].url), "http://127.0.0.2:%u/", other_port);
	for (i = 0; i < 3; i++) {
		a[i].timeout_ms = 60000;
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &a[i]), 0);
	}
	/* other hosts are asked meanwhile */
	assert_true(connects(fd, 30000) && connects(other, 30000));
	answer(other);
	pthread_join(threads[2], NULL);
	assert_true(a[2].got);
	i = accept(fd, NULL, NULL);
	assert_false(connects(fd, 300));
	close(i);
	assert_true(connects(fd, 30000));
	answer(fd);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* one of them was hung up on */
	assert_int_equal(a[0].got + a[1].got, 1);
	close(fd);
	close(other);
}

/* one finds out that nobody answers, for all; a while later it is tried again */
static void who_is_silent_is_found_out_once(void **state)
{
	struct asker a[4] = { 0 };
	unsigned int i, silent = 0, port, n = 0;
	int fd = listener("127.0.0.1", &port);
	uint64_t began = event_now();
	pthread_t threads[4];

	(void)state;
	for (i = 0; i < 4; i++) {
		a[i] = (struct asker){ .timeout_ms = 300, .again_ms = 60000, .deadline = began + 30000 };
		snprintf(a[i].url, sizeof(a[i].url), "http://127.0.0.1:%u/ocsp", port);
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &a[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_false(a[i].got);
		silent += !strcmp(a[i].why, "it did not answer in time a moment ago");
	}
	assert_int_equal(silent, 3);
	ask(&a[0]);
	assert_string_equal(a[0].why, "it did not answer in time a moment ago");
	/* another place on that host, and a limit that was too short to say anything */
	snprintf(a[0].url, sizeof(a[0].url), "http://127.0.0.1:%u/list", port);
	a[0].deadline = event_now() + 50;
	for (i = 0; i < 2; i++) {
		ask(&a[0]);
		assert_null(strstr(a[0].why, "a moment ago"));
		a[0].deadline = event_now() + 50;
	}
	fetch_flush(fetcher);
	a[1].deadline = 0;
	ask(&a[1]);
	assert_null(strstr(a[1].why, "a moment ago"));
	while (connects(fd, 0)) {
		close(accept(fd, NULL, NULL));
		n++;
	}
	assert_int_equal(n, 4);
	close(fd);
}

static void waiting_for_others_has_an_end(void **state)
{
	struct asker first = { .timeout_ms = 60000 }, a = { .timeout_ms = 60000 };
	unsigned int port;
	int fd = listener("127.0.0.1", &port);
	pthread_t thread;

	(void)state;
	snprintf(first.url, sizeof(first.url), "http://127.0.0.1:%u/", port);
	snprintf(a.url, sizeof(a.url), "http://127.0.0.1:%u/x", port);
	assert_int_equal(pthread_create(&thread, NULL, ask, &first), 0);
	assert_true(connects(fd, 30000));
	a.deadline = event_now() + 200;
	ask(&a);
	assert_string_equal(a.why, "no time left: others ask 127.0.0.1");
	assert_true(event_now() >= a.deadline);
	/* no deadline, but the daemon's end */
	fetch_stop(fetcher);
	a.deadline = 0;
	ask(&a);
	assert_string_equal(a.why, "the daemon is stopping");
	pthread_join(thread, NULL);
	close(fd);
}

/* 0: all as with privileges */
static int unprivileged(void)
{
	struct buf b;
	int ret = 0;

	buf_init(&b);
	if (!priv_drop(err, sizeof(err)))
		ret = 2;
	else if (!get("/doc", &b))
		ret = 3;
	/* libcurl knows localhost by itself; all other names need a resolver, and its thread */
	else if (get_url("http://name.invalid/", &b, 20000) || !strstr(err, "resolve host"))
		ret = 4;
	else if (!stop_ends_it())
		ret = 5;
	if (ret)
		fprintf(stderr, "%s\n", err);
	buf_free(&b);
	return ret;
}

/* in a build without sanitizers the system calls are filtered, too */
static void works_without_privileges(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(unprivileged());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(t)	cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gets_and_posts),
		TEST(other_schemes_are_refused),
		TEST(redirects_stay_with_http),
		TEST(what_is_not_there_is_no_document),
		TEST(size_and_time_are_limited),
		TEST(the_environment_is_not_asked),
		TEST(stopping_ends_what_is_under_way),
		TEST(a_host_is_asked_one_at_a_time),
		TEST(who_is_silent_is_found_out_once),
		TEST(waiting_for_others_has_an_end),
		TEST(works_without_privileges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
