// SPDX-License-Identifier: GPL-2.0
/* A small HTTP server for tests of what fetches. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/http_server.h"

#define REQUEST_MAX	65536

struct http_server {
	int fd, wake[2];
	unsigned int port;
	atomic_uint *count;		/* shared with forked children */
	pthread_t thread;
	http_handler_t handler;
	void *arg;
};

/* false: the server is to end */
static bool wait_readable(struct http_server *s, int fd)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = s->wake[0], .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		;
	return !p[1].revents;
}

static const char *header(const char *head, const char *name)
{
	const char *p = strcasestr(head, name);

	return p ? p + strlen(name) : "";
}

/* the whole request in @text; NULL: none */
static char *read_request(struct http_server *s, int fd, char *text, size_t *len)
{
	char *end = NULL;
	size_t want = 0;
	ssize_t n;

	for (*len = 0; *len < REQUEST_MAX;) {
		if (!wait_readable(s, fd))
			return NULL;
		n = recv(fd, text + *len, REQUEST_MAX - *len, 0);
		if (n <= 0)
			return NULL;
		*len += n;
		text[*len] = '\0';
		if (!end) {
			end = strstr(text, "\r\n\r\n");
			if (end)
				want = end + 4 - text + atoi(header(text, "\r\nContent-Length:"));
		}
		if (end && *len >= want)
			return end + 4;
	}
	return NULL;
}

static void send_all(int fd, const void *p, size_t len)
{
	const char *at = p;
	ssize_t n;

	while (len) {
		n = send(fd, at, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		at += n;
		len -= n;
	}
}

static void flood(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	char block[4096];

	memset(block, 'x', sizeof(block));
	send_all(fd, head, sizeof(head) - 1);
	while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
		;
}

static void reply_with(int fd, const struct http_reply *r, size_t more)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n%s%s%s\r\n",
			 r->status, r->body.len + more, *r->location ? "Location: " : "",
			 r->location, *r->location ? "\r\n" : "");

	send_all(fd, head, n);
	send_all(fd, r->body.p, r->body.len);
}

static void serve(struct http_server *s, int fd)
{
	char *text = malloc(REQUEST_MAX + 1), *body;
	struct http_request req = { .method = "" };
	struct http_reply reply = { .status = 200 };
	char octet;
	size_t len;

	buf_init(&reply.body);
	body = text ? read_request(s, fd, text, &len) : NULL;
	if (body && sscanf(text, "%7s %255s", req.method, req.path) == 2) {
		sscanf(header(text, "\r\nContent-Type: "), "%63[^\r]", req.content_type);
		req.body = (struct bytes){ (uint8_t *)body, text + len - body };
		(*s->count)++;
		switch (s->handler(&req, &reply, s->arg)) {
		case HTTP_REPLY:
			reply_with(fd, &reply, 0);
			break;
		case HTTP_HANG:
			while (wait_readable(s, fd) && recv(fd, &octet, 1, 0) > 0)
				;
			break;
		case HTTP_FLOOD:
			flood(fd);
			break;
		case HTTP_SHORT:
			reply_with(fd, &reply, 100);
			break;
		}
	}
	buf_free(&reply.body);
	free(text);
}

static void *server_main(void *arg)
{
	struct http_server *s = arg;
	int fd;

	while (wait_readable(s, s->fd)) {
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		serve(s, fd);
		close(fd);
	}
	return NULL;
}

struct http_server *http_server_new(http_handler_t handler, void *arg)
{
	struct sockaddr_in self = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http_server *s = calloc(1, sizeof(*s));
	socklen_t len = sizeof(self);

	if (!s)
		abort();
	s->count = mmap(NULL, sizeof(*s->count), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->count == MAP_FAILED)
		abort();
	s->handler = handler;
	s->arg = arg;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&self, len) || listen(s->fd, 16) ||
	    getsockname(s->fd, (struct sockaddr *)&self, &len) || pipe(s->wake) ||
	    pthread_create(&s->thread, NULL, server_main, s))
		abort();
	s->port = ntohs(self.sin_port);
	return s;
}

void http_server_free(struct http_server *s)
{
	if (write(s->wake[1], "", 1) != 1)
		abort();
	pthread_join(s->thread, NULL);
	close(s->wake[0]);
	close(s->wake[1]);
	close(s->fd);
	munmap(s->count, sizeof(*s->count));
	free(s);
}

unsigned int http_server_port(const struct http_server *s)
{
	return s->port;
}

unsigned int http_server_count(const struct http_server *s)
{
	return *s->count;
}
