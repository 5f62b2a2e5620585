// SPDX-License-Identifier: GPL-2.0
/* The control socket: lines of JSON from several clients at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/event.h"
#include "core/log.h"
#include "core/printable.h"
#include "core/version.h"
#include "daemon/ctl.h"

#define READ_CHUNK	16384
#define PEER_NAME_MAX	64

struct text {
	char *p;
	size_t len, cap;
};

/**
 * struct client - one connection
 * @in: octets of requests not taken yet
 * @out: octets of answers not written yet, from @out_at on
 * @watching: gets every event
 * @wait: the up or down it waits for; further requests stay in @in meanwhile
 * @wait_peer: whose events it gets while it waits
 * @dead: to be freed from the loop, when nobody is inside any more
 * @ended: the client sends no more; what it asked is answered yet
 * @ctl: the control socket
 * @fd: the connection
 * @io: watches @fd
 * @next: in the list of the control socket
 * @out_at: octets of @out already sent
 */
struct client {
	struct client *next;
	struct ctl *ctl;
	int fd;
	struct event_io *io;
	struct text in, out;
	size_t out_at;
	bool watching, dead, ended;
	struct wait *wait;
	char wait_peer[PEER_NAME_MAX];
};

/* belongs to the waiter, since a client may go before it is called */
struct wait {
	struct client *client;
};

struct ctl {
	struct event_loop *loop;
	const struct ctl_ops *ops;
	void *user;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct event_io *io;
	struct event_timer *later;	/* from the loop: free the dead, take requests that waited */
	struct client *clients;
	unsigned int n_clients;
};

static bool text_put(struct text *t, const char *p, size_t len)
{
	if (t->cap - t->len < len) {
		size_t cap = (t->len + len) * 2;
		char *more = realloc(t->p, cap);

		if (!more)
			return false;
		t->p = more;
		t->cap = cap;
	}
	memcpy(t->p + t->len, p, len);
	t->len += len;
	return true;
}

static void text_cut(struct text *t, size_t n)
{
	memmove(t->p, t->p + n, t->len - n);
	t->len -= n;
}

/* ---- the end of a client ---- */

static void client_free(struct client *c)
{
	if (c->wait)
		c->wait->client = NULL;
	event_io_free(c->io);
	close(c->fd);
	free(c->in.p);
	free(c->out.p);
	free(c);
}

static void client_kill(struct client *c)
{
	c->dead = true;
	event_timer_at(c->ctl->later, event_now());
}

static void clients_reap(struct ctl *ctl)
{
	struct client **at = &ctl->clients, *c;

	while ((c = *at)) {
		if (!c->dead) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		ctl->n_clients--;
		client_free(c);
	}
}

/* ---- writing ---- */

static void client_interest(struct client *c)
{
	/* while it waits nothing more is read: a full socket is the client's own matter */
	bool reads = !c->ended && (!c->wait || c->in.len < CTL_LINE_MAX);

	event_io_set(c->io, (reads ? EVENT_READ : 0) |
			    (c->out.len > c->out_at ? EVENT_WRITE : 0));
}

static void client_flush(struct client *c)
{
	ssize_t n;

	while (!c->dead && c->out_at < c->out.len) {
		n = send(c->fd, c->out.p + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL);
		if (n > 0) {
			c->out_at += n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
				client_kill(c);
			break;
		}
	}
	if (c->out_at == c->out.len) {
		c->out.len = c->out_at = 0;
		if (c->ended && !c->wait && !memchr(c->in.p ? c->in.p : "", '\n', c->in.len))
			client_kill(c);
	}
	if (!c->dead)
		client_interest(c);
}

static void client_send(struct client *c, const json_t *line)
{
	char *text;
	size_t len;

	if (c->dead)
		return;
	text = json_dumps(line, JSON_COMPACT);
	if (!text) {
		client_kill(c);
		return;
	}
	len = strlen(text);
	text[len++] = '\n';	/* where the NUL was */
	/* one answer to who has read the last is never too long; what piles up is */
	if (c->out.len > c->out_at && c->out.len - c->out_at + len > CTL_UNREAD_MAX) {
		log_limited(LOG_LEVEL_WARN, "control-slow", "control: a client does not read its answers, dropped");
		client_kill(c);
		free(text);
		return;
	}
	if (c->out_at) {
		text_cut(&c->out, c->out_at);
		c->out_at = 0;
	}
	if (text_put(&c->out, text, len))
		client_flush(c);
	else
		client_kill(c);
	free(text);
}

static void send_ok(struct client *c, json_t *data)
{
	json_t *line = json_pack("{s:b}", "ok", 1);

	printable_json_tree(data);
	if (data)
		json_object_set_new(line, "data", data);
	client_send(c, line);
	json_decref(line);
}

static void send_text(struct client *c, bool ok, const char *key, const char *text)
{
	json_t *line = json_pack("{s:b,s:o}", "ok", ok, key, printable_json(text));

	client_send(c, line);
	json_decref(line);
}

static void send_error(struct client *c, const char *error)
{
	send_text(c, false, "error", error);
}

void ctl_event(struct ctl *ctl, const char *peer, json_t *event)
{
	struct client *c;

	printable_json_tree(event);
	for (c = ctl->clients; c; c = c->next)
		if (c->watching || (c->wait && peer && !strcmp(c->wait_peer, peer)))
			client_send(c, event);
}

/* ---- requests ---- */

static void on_outcome(void *arg, const char *error)
{
	struct wait *w = arg;
	struct client *c = w->client;

	free(w);
	if (!c)
		return;
	c->wait = NULL;
	if (error)
		send_error(c, error);
	else
		send_ok(c, NULL);
	/* requests that came meanwhile are taken from the loop, not from inside the core */
	event_timer_at(c->ctl->later, event_now());
}

static const char *member(const json_t *req, const char *key)
{
	return json_string_value(json_object_get(req, key));
}

static void request_load(struct client *c, const json_t *req)
{
	const char *path = member(req, "path");
	char err[1024] = "";

	/* the client's working directory is not ours */
	if (path && path[0] != '/')
		send_error(c, "load: the path must be absolute");
	else if (!c->ctl->ops->load(path, err, sizeof(err), c->ctl->user))
		send_error(c, err);
	else if (*err)
		send_text(c, true, "warning", err);
	else
		send_ok(c, NULL);
}

static void request_unload(struct client *c, const json_t *req)
{
	char err[1024] = "";

	if (c->ctl->ops->unload(member(req, "netns"), err, sizeof(err), c->ctl->user))
		send_ok(c, NULL);
	else
		send_error(c, err);
}

static void request_updown(struct client *c, const json_t *req, bool up)
{
	const char *peer = member(req, "peer"), *tunnel = member(req, "tunnel");
	const struct ctl_ops *ops = c->ctl->ops;
	struct wait *w;

	if (!peer || !*peer || strlen(peer) >= sizeof(c->wait_peer)) {
		send_error(c, up ? "up: which peer?" : "down: which peer?");
		return;
	}
	w = malloc(sizeof(*w));
	if (!w) {
		send_error(c, "out of memory");
		return;
	}
	w->client = c;
	c->wait = w;
	snprintf(c->wait_peer, sizeof(c->wait_peer), "%s", peer);
	if (up && json_is_true(json_object_get(req, "verify")))
		ops->verify(peer, tunnel, on_outcome, w, c->ctl->user);
	else
		(up ? ops->up : ops->down)(peer, tunnel, on_outcome, w, c->ctl->user);
}

static void request_show(struct client *c, const json_t *req)
{
	const char *what = member(req, "what");
	json_t *data = what ? c->ctl->ops->show(what, c->ctl->user) : NULL;

	if (data)
		send_ok(c, data);
	else
		send_error(c, "show: the daemon knows of peers and failures only");
}

static void request(struct client *c, const char *line, size_t len)
{
	json_error_t where;
	json_t *req = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
	const char *cmd = member(req, "cmd");

	if (!req)
		send_error(c, "the request is not JSON");
	else if (!cmd)
		send_error(c, "the request has no \"cmd\"");
	else if (!strcmp(cmd, "load"))
		request_load(c, req);
	else if (!strcmp(cmd, "unload"))
		request_unload(c, req);
	else if (!strcmp(cmd, "up"))
		request_updown(c, req, true);
	else if (!strcmp(cmd, "down"))
		request_updown(c, req, false);
	else if (!strcmp(cmd, "show"))
		request_show(c, req);
	else if (!strcmp(cmd, "watch"))
		c->watching = true;
	else if (!strcmp(cmd, "version"))
		send_ok(c, json_pack("{s:s}", "version", NFIPSEC_VERSION));
	else
		send_error(c, "unknown \"cmd\"; expected load, unload, up, down, show, watch or version");
	json_decref(req);
}

/* ---- reading ---- */

/* whole lines, one request at a time */
static void client_input(struct client *c)
{
	size_t at = 0;

	while (!c->dead && !c->wait && !c->watching && at < c->in.len) {
		const char *start = c->in.p + at;
		const char *end = memchr(start, '\n', c->in.len - at);

		if (!end)
			break;
		at += end + 1 - start;
		request(c, start, end - start);
	}
	if (c->watching)
		at = c->in.len;
	if (at)
		text_cut(&c->in, at);
	if (!c->dead && !c->wait && c->in.len >= CTL_LINE_MAX) {
		send_error(c, "the request is too long");
		client_kill(c);
	}
}

static void client_read(struct client *c)
{
	char chunk[READ_CHUNK];
	ssize_t n;

	n = recv(c->fd, chunk, sizeof(chunk), 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		/* it may have shut down its writing half only; but who watches or is gone is gone */
		c->ended = true;
		if (n < 0 || c->watching)
			client_kill(c);
		return;
	}
	if (!text_put(&c->in, chunk, n))
		client_kill(c);
}

static void on_client(unsigned int events, void *arg)
{
	struct client *c = arg;

	if (!c->dead && events & EVENT_READ && !c->ended)
		client_read(c);
	if (!c->dead)
		client_input(c);
	if (!c->dead)
		client_flush(c);
}

static void on_later(void *arg)
{
	struct ctl *ctl = arg;
	struct client *c;

	for (c = ctl->clients; c; c = c->next) {
		if (c->dead)
			continue;
		client_input(c);
		client_flush(c);
	}
	clients_reap(ctl);
}

static bool peer_allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static void on_accept(unsigned int events, void *arg)
{
	struct ctl *ctl = arg;
	struct client *c;
	int fd;

	(void)events;
	fd = accept4(ctl->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!peer_allowed(fd)) {
		log_limited(LOG_LEVEL_WARN, "control-refused", "control: refused a client that is not root");
		close(fd);
		return;
	}
	if (ctl->n_clients == CTL_CLIENTS_MAX) {
		log_limited(LOG_LEVEL_WARN, "control-full", "control: refused a client, %u are there", ctl->n_clients);
		close(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->ctl = ctl;
	c->fd = fd;
	c->io = event_io_new(ctl->loop, fd, EVENT_READ, on_client, c);
	if (!c->io) {
		close(fd);
		free(c);
		return;
	}
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->n_clients++;
}

/* ---- the socket ---- */

/* a name left by a daemon that died is taken over, one of a daemon that lives is not */
static bool path_clear(const struct sockaddr_un *un, char *err, size_t err_len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;
	struct stat st;

	if (fd < 0) {
		snprintf(err, err_len, "UNIX socket: %s", strerror(errno));
		return false;
	}
	ret = connect(fd, (const struct sockaddr *)un, sizeof(*un));
	close(fd);
	if (!ret) {
		snprintf(err, err_len, "%s: another nfipsecd is running", un->sun_path);
		return false;
	}
	if (!lstat(un->sun_path, &st) && S_ISSOCK(st.st_mode))
		unlink(un->sun_path);
	return true;
}

static void parent_make(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = 0;
	/* bind() reports what is wrong with the folder. */
	if (mkdir(dir, 0700) && errno != EEXIST)
		log_debug("%s: %s", dir, strerror(errno));
}

static int socket_listen(const char *path, char *err, size_t err_len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, ret;

	if (strlen(path) >= sizeof(un.sun_path)) {
		snprintf(err, err_len, "%s: the name is too long for a socket", path);
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path));
	parent_make(path);
	if (!path_clear(&un, err, err_len))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		snprintf(err, err_len, "UNIX socket: %s", strerror(errno));
		return -1;
	}
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (ret || listen(fd, 16)) {
		snprintf(err, err_len, "%s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

struct ctl *ctl_open(struct event_loop *loop, const char *path, const struct ctl_ops *ops,
		     void *user, char *err, size_t err_len)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	if (!ctl) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	ctl->loop = loop;
	ctl->ops = ops;
	ctl->user = user;
	ctl->fd = socket_listen(path, err, err_len);
	if (ctl->fd < 0) {
		free(ctl);
		return NULL;
	}
	snprintf(ctl->path, sizeof(ctl->path), "%s", path);
	ctl->io = event_io_new(loop, ctl->fd, EVENT_READ, on_accept, ctl);
	ctl->later = event_timer_new(loop, on_later, ctl);
	if (!ctl->io || !ctl->later) {
		snprintf(err, err_len, "out of memory");
		ctl_close(ctl);
		return NULL;
	}
	return ctl;
}

void ctl_close(struct ctl *ctl)
{
	struct client *c;

	if (!ctl)
		return;
	while ((c = ctl->clients)) {
		ctl->clients = c->next;
		client_free(c);
	}
	event_timer_free(ctl->later);
	event_io_free(ctl->io);
	unlink(ctl->path);
	close(ctl->fd);
	free(ctl);
}
