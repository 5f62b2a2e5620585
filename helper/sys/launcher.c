// SPDX-License-Identifier: GPL-2.0
/*
 * The launcher: the process that runs the updown commands. It verifies each request of the daemon:
 * only root can change the file, and the environment has only PLUTO_ variables. It passes no argument,
 * and starts no shell. It also refuses a command that the configuration does not have, but the daemon
 * says which commands those are. So a daemon that was taken over can have any file run that passes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/event.h"
#include "core/printable.h"
#include "core/trusted.h"
#include "sys/launch.h"
#include "sys/priv.h"

#define ENV_MAX		64	/* variables of one command */
#define TUNNEL_MAX	64
#define READS_MAX	16	/* of one command's output, before the launcher looks at all others */
#define MESSAGES_MAX	256	/* of the daemon, likewise */
#define UPS_MAX		65536	/* `up` commands that are remembered until their `down` */
#define UPS_HASH	4096

enum verb { VERB_OTHER, VERB_UP, VERB_DOWN };

/**
 * struct wanted - a command that waits
 * @next: the next one
 * @verb: the first octets of PLUTO_VERB
 * @hash: of what an `up` and its `down` have in common
 * @head: octets of tunnel and command in @msg
 * @tail: where @msg goes on behind the verb
 * @len: octets of @msg
 * @msg: tunnel, command and environment, each string with a NUL
 */
struct wanted {
	struct wanted *next;
	enum verb verb;
	uint64_t hash;
	size_t head, tail, len;
	char msg[];
};

/**
 * struct running - a command that runs
 * @what: its request; NULL: the place is free
 * @pid: its process, and process group
 * @out: its output
 * @until: time at which it is killed
 * @killed: the time is over
 * @len: octets of @line
 * @ended: @line is complete
 * @line: its first line of output
 */
struct running {
	struct wanted *what;
	pid_t pid;
	int out;
	uint64_t until;
	bool killed, ended;
	size_t len;
	char line[LAUNCH_LINE_MAX];
};

struct allowed {
	char *command;
	unsigned int round;
};

/**
 * struct launcher - all of it
 * @limits: as the daemon said
 * @fd: socket to the daemon
 * @signals: says that a command has ended
 * @open: the daemon is there
 * @stop_at: time at which all commands are killed
 * @first: commands that wait, the oldest first
 * @end: where the next one is put
 * @n_waiting: number of them
 * @ups: copies of each `up` that was taken, and has had no `down` yet
 * @n_ups: number of them
 * @running: @limits.running places
 * @allowed: commands of the configuration
 * @n_allowed: number of them
 * @round: number of the last configuration
 */
struct launcher {
	struct launch_limits limits;
	int fd, signals;
	bool open;
	uint64_t stop_at;
	struct wanted *first, **end;
	unsigned int n_waiting;
	struct wanted *ups[UPS_HASH];
	unsigned int n_ups;
	struct running running[LAUNCH_RUNNING_MAX];
	struct allowed allowed[LAUNCH_COMMANDS_MAX];
	unsigned int n_allowed, round;
};

static const char *tunnel_of(const struct wanted *w)
{
	return w->msg;
}

static const char *command_of(const struct wanted *w)
{
	return w->msg + strlen(w->msg) + 1;
}

static const char *env_of(const struct wanted *w)
{
	const char *command = command_of(w);

	return command + strlen(command) + 1;
}

__attribute__((format(printf, 4, 5)))
static void report(const struct launcher *l, const struct wanted *w, bool failed, const char *fmt, ...)
{
	const char *verb = strchr(env_of(w), '=');
	char msg[1000];
	va_list ap;
	int n;

	n = snprintf(msg, sizeof(msg), "%c%s: updown %s %s: ", failed ? LAUNCH_FAILED : LAUNCH_GOOD,
		     tunnel_of(w), command_of(w), verb ? verb + 1 : "");
	if (n < 0 || (size_t)n >= sizeof(msg))
		return;
	va_start(ap, fmt);
	vsnprintf(msg + n, sizeof(msg) - n, fmt, ap);
	va_end(ap);
	/* without a daemon nobody hears it */
	(void)send(l->fd, msg, strlen(msg), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- what the daemon asks ---- */

static void not_allowed(const struct launcher *l, const char *command, const char *why)
{
	char msg[600];
	int n = snprintf(msg, sizeof(msg), "%cupdown %.400s will not be run: %s", LAUNCH_FAILED, command, why);

	if (n > 0 && (size_t)n < sizeof(msg))
		(void)send(l->fd, msg, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void allow(struct launcher *l, const char *command)
{
	unsigned int i;

	for (i = 0; i < l->n_allowed && strcmp(l->allowed[i].command, command); i++)
		;
	if (i == sizeof(l->allowed) / sizeof(l->allowed[0])) {
		not_allowed(l, command, "too many different commands");
		return;
	}
	if (i == l->n_allowed) {
		l->allowed[i].command = strdup(command);
		if (!l->allowed[i].command) {
			not_allowed(l, command, "out of memory");
			return;
		}
		l->n_allowed++;
	}
	l->allowed[i].round = l->round;
}

static void forget_others(struct launcher *l)
{
	unsigned int i, n = 0;

	for (i = 0; i < l->n_allowed; i++) {
		if (l->allowed[i].round == l->round)
			l->allowed[n++] = l->allowed[i];
		else
			free(l->allowed[i].command);
	}
	l->n_allowed = n;
}

static bool is_allowed(const struct launcher *l, const char *command)
{
	unsigned int i;

	for (i = 0; i < l->n_allowed; i++)
		if (!strcmp(l->allowed[i].command, command))
			return true;
	return false;
}

static bool name_is_good(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return !strncmp(s, "PLUTO_", 6) && n > 6 && s[n] == '=';
}

/* Checks the form, and makes control characters harmless a second time. */
static bool is_well_formed(struct wanted *w)
{
	char *p, *end = w->msg + w->len;
	unsigned int n = 0;

	if (!w->len || end[-1] || strlen(w->msg) >= TUNNEL_MAX)
		return false;
	for (p = w->msg; p < end; p += strlen(p) + 1, n++) {
		if (n > 1 && !name_is_good(p))
			return false;
		for (char *c = p; *c; c++)
			if ((unsigned char)*c < 32 || *c == 127)
				*c = '?';
	}
	return n > 2 && n < ENV_MAX;
}

/* FNV-1a */
static uint64_t hash_of(uint64_t h, const char *p, size_t len)
{
	for (; len; len--, p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3;
	return h;
}

/* What @w is: all of it but "up" or "down" names the pair of selectors. */
static void classify(struct wanted *w)
{
	static const char up[] = "PLUTO_VERB=up-", down[] = "PLUTO_VERB=down-";
	const char *env = env_of(w);

	w->head = env - w->msg;
	w->tail = w->head;
	w->verb = VERB_OTHER;
	if (!strncmp(env, up, sizeof(up) - 1)) {
		w->verb = VERB_UP;
		w->tail += sizeof(up) - 1;
	} else if (!strncmp(env, down, sizeof(down) - 1)) {
		w->verb = VERB_DOWN;
		w->tail += sizeof(down) - 1;
	}
	w->hash = hash_of(hash_of(0xcbf29ce484222325, w->msg, w->head), w->msg + w->tail, w->len - w->tail);
}

static struct wanted *wanted_new(const char *msg, size_t len)
{
	struct wanted *w = calloc(1, sizeof(*w) + len);

	if (!w)
		return NULL;
	w->len = len;
	memcpy(w->msg, msg, len);
	if (!is_well_formed(w)) {
		free(w);
		return NULL;
	}
	classify(w);
	return w;
}

static bool is_up_of(const struct wanted *up, const struct wanted *down)
{
	return up->verb == VERB_UP && down->verb == VERB_DOWN && up->hash == down->hash &&
	       up->head == down->head && up->len - up->tail == down->len - down->tail &&
	       !memcmp(up->msg, down->msg, up->head) &&
	       !memcmp(up->msg + up->tail, down->msg + down->tail, up->len - up->tail);
}

/* Without memory or room for it, the limits hold for its `down`. */
static void remember_up(struct launcher *l, const struct wanted *w)
{
	struct wanted **at = &l->ups[w->hash % UPS_HASH], *copy;

	if (w->verb != VERB_UP || l->n_ups >= UPS_MAX)
		return;
	copy = malloc(sizeof(*copy) + w->len);
	if (!copy)
		return;
	memcpy(copy, w, sizeof(*w) + w->len);
	copy->next = *at;
	*at = copy;
	l->n_ups++;
}

/* Returns whether the `up` of @down was taken; it is not any more. */
static bool forget_up(struct launcher *l, const struct wanted *down)
{
	struct wanted **at = &l->ups[down->hash % UPS_HASH], *w;

	for (; (w = *at); at = &w->next) {
		if (!is_up_of(w, down))
			continue;
		*at = w->next;
		free(w);
		l->n_ups--;
		return true;
	}
	return false;
}

/* Returns whether the `up` of @down waited: it does not any more, and neither is to be run. */
static bool cancel_up(struct launcher *l, const struct wanted *down)
{
	struct wanted **at = &l->first, *w;

	if (down->verb != VERB_DOWN)
		return false;
	while ((w = *at) && !is_up_of(w, down))
		at = &w->next;
	if (!w)
		return false;
	*at = w->next;
	if (!*at)
		l->end = at;
	l->n_waiting--;
	report(l, w, false, "not run: the selectors went down while it waited");
	free(w);
	return true;
}

/* One tunnel, and so one peer, cannot take the places of all others. */
static bool has_room(const struct launcher *l, const struct wanted *w)
{
	const struct wanted *other;
	unsigned int n = 0;

	if (l->n_waiting >= l->limits.waiting)
		return false;
	for (other = l->first; other; other = other->next)
		n += !strcmp(tunnel_of(other), tunnel_of(w));
	return n < l->limits.tunnel;
}

static void want(struct launcher *l, const char *msg, size_t len)
{
	struct wanted *w = wanted_new(msg, len);
	bool was_up;

	if (!w)
		return;
	/* the daemon bounds the pairs that a peer has up, and so what is taken without room */
	was_up = w->verb == VERB_DOWN && forget_up(l, w);
	if (!is_allowed(l, command_of(w))) {
		report(l, w, true, "refused: the configuration does not have it");
		free(w);
	} else if (cancel_up(l, w)) {
		free(w);
	} else if (!was_up && !has_room(l, w)) {
		report(l, w, true, "not run: too many commands wait");
		free(w);
	} else {
		remember_up(l, w);
		*l->end = w;
		l->end = &w->next;
		l->n_waiting++;
	}
}

static void handle(struct launcher *l, const char *msg, size_t len)
{
	switch (*msg) {
	case LAUNCH_BEGIN:
		l->round++;
		break;
	case LAUNCH_ALLOW:
		if (len > 1 && !msg[len - 1])
			allow(l, msg + 1);
		break;
	case LAUNCH_END:
		forget_others(l);
		break;
	case LAUNCH_RUN:
		want(l, msg + 1, len - 1);
		break;
	}
}

static void read_daemon(struct launcher *l)
{
	static char msg[LAUNCH_MSG_MAX];
	unsigned int i;
	ssize_t n = 1;

	for (i = 0; i < MESSAGES_MAX && (n = recv(l->fd, msg, sizeof(msg), MSG_DONTWAIT)) > 0; i++)
		handle(l, msg, n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		l->open = false;
		l->stop_at = event_now() + l->limits.stop_ms;
	}
}

/* ---- commands ---- */

/* Only root can change the file, and write in each folder on the path to it. */
static bool is_trusted(const char *command, char *err, size_t err_len)
{
	struct stat st;

	if (*command != '/') {
		snprintf(err, err_len, "%s is no absolute path", command);
		return false;
	}
	if (stat(command, &st)) {
		snprintf(err, err_len, "%s", strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111)) {
		snprintf(err, err_len, "it is no executable file");
		return false;
	}
	return trusted_command(command, err, err_len);
}

/* In the new process. Its own session is its process group as well. */
_Noreturn static void execute(const struct wanted *w, int out)
{
	char *argv[2] = { (char *)command_of(w), NULL };
	char *env[ENV_MAX + 2] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" };
	const char *p, *end = w->msg + w->len;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), i;
	sigset_t none;

	for (p = env_of(w), i = 1; p < end && i <= ENV_MAX; p += strlen(p) + 1)
		env[i++] = (char *)p;
	env[i] = NULL;
	setsid();
	for (i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
		execve(argv[0], argv, env);
	dprintf(2, "%s\n", strerror(errno));
	_exit(126);
}

static void start(struct launcher *l, struct running *r, struct wanted *w)
{
	char err[512] = "";
	int out[2] = { -1, -1 };
	pid_t pid = -1;

	if (is_trusted(command_of(w), err, sizeof(err)) && !pipe2(out, O_CLOEXEC)) {
		pid = fork();
		if (!pid)
			execute(w, out[1]);
	}
	if (pid < 0) {
		report(l, w, true, "refused: %s", *err ? err : strerror(errno));
		if (out[0] >= 0)
			close(out[0]);
		free(w);
	} else {
		*r = (struct running){ .what = w, .pid = pid, .out = out[0],
				       .until = event_now() + l->limits.ms };
		fcntl(r->out, F_SETFL, O_NONBLOCK);
	}
	if (out[1] >= 0)
		close(out[1]);
}

static bool tunnel_runs(const struct launcher *l, const char *tunnel)
{
	unsigned int i;

	for (i = 0; i < l->limits.running; i++)
		if (l->running[i].what && !strcmp(tunnel_of(l->running[i].what), tunnel))
			return true;
	return false;
}

/* Starts what may start: one command of a tunnel at a time, in the order of the requests. */
static void start_some(struct launcher *l)
{
	struct wanted **at = &l->first, *w;
	unsigned int i;

	for (i = 0; i < l->limits.running; i++) {
		if (l->running[i].what)
			continue;
		while (*at && tunnel_runs(l, tunnel_of(*at)))
			at = &(*at)->next;
		w = *at;
		if (!w)
			return;
		*at = w->next;
		if (!*at)
			l->end = at;
		l->n_waiting--;
		start(l, &l->running[i], w);
		/* a refused one leaves its place free */
		if (!l->running[i].what)
			i--;
	}
}

/* A command that writes without an end does not keep the launcher from all others. */
static void read_output(struct running *r)
{
	char text[512];
	unsigned int reads;
	ssize_t n = 1;
	size_t i;

	for (reads = 0; reads < READS_MAX && (n = read(r->out, text, sizeof(text))) > 0; reads++) {
		for (i = 0; i < (size_t)n && !r->ended; i++) {
			r->ended = text[i] == '\n' || r->len + 1 == sizeof(r->line);
			if (!r->ended)
				r->line[r->len++] = text[i];
		}
	}
	/* the command closed its output, or a background process has it no more */
	if (n == 0) {
		close(r->out);
		r->out = -1;
	}
}

static void finish(struct launcher *l, struct running *r, int status)
{
	const char *colon = r->len ? ": " : "";

	if (r->out >= 0)
		read_output(r);
	if (r->out >= 0)
		close(r->out);
	if (r->killed)
		report(l, r->what, true, "killed, because it ran for %llu ms%s%.*s",
		       (unsigned long long)(event_now() - (r->until - l->limits.ms)), colon,
		       (int)r->len, r->line);
	else if (WIFSIGNALED(status))
		report(l, r->what, true, "ended by signal %d%s%.*s", WTERMSIG(status), colon,
		       (int)r->len, r->line);
	else if (WEXITSTATUS(status))
		report(l, r->what, true, "exit status %d%s%.*s", WEXITSTATUS(status), colon,
		       (int)r->len, r->line);
	else
		report(l, r->what, false, "done%s%.*s", colon, (int)r->len, r->line);
	free(r->what);
	r->what = NULL;
}

static void reap(struct launcher *l)
{
	struct signalfd_siginfo info;
	siginfo_t child;
	unsigned int i;
	int status;

	while (read(l->signals, &info, sizeof(info)) > 0)
		;
	for (;;) {
		child.si_pid = 0;
		if (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) || !child.si_pid)
			return;
		/* ends the processes of its group before waitpid() frees the number of the group */
		kill(-child.si_pid, SIGKILL);
		if (waitpid(child.si_pid, &status, 0) != child.si_pid)
			return;
		for (i = 0; i < l->limits.running; i++)
			if (l->running[i].what && l->running[i].pid == child.si_pid)
				finish(l, &l->running[i], status);
	}
}

/* Returns the time until the next command is due to be killed, for poll(). */
static int kill_late(struct launcher *l)
{
	uint64_t now = event_now(), next = now + 60000;
	bool stop = !l->open && now >= l->stop_at;
	unsigned int i;

	for (i = 0; i < l->limits.running; i++) {
		struct running *r = &l->running[i];

		if (!r->what)
			continue;
		if ((stop || now >= r->until) && !r->killed) {
			r->killed = true;
			kill(-r->pid, SIGKILL);
			/* it may not have called setsid() yet */
			kill(r->pid, SIGKILL);
		} else if (!r->killed && r->until < next) {
			next = r->until;
		}
	}
	if (!l->open && !stop && l->stop_at < next)
		next = l->stop_at;
	return next - now;
}

static void drop_waiting(struct launcher *l)
{
	struct wanted *w;

	while ((w = l->first)) {
		l->first = w->next;
		report(l, w, true, "not run: nfipsecd ends");
		free(w);
	}
	l->end = &l->first;
	l->n_waiting = 0;
}

static bool has_work(const struct launcher *l)
{
	unsigned int i;

	for (i = 0; i < l->limits.running; i++)
		if (l->running[i].what)
			return true;
	return l->open || l->first;
}

static void round_of(struct launcher *l)
{
	struct pollfd pfd[2 + LAUNCH_RUNNING_MAX];
	unsigned int i;
	int ms = kill_late(l);

	pfd[0] = (struct pollfd){ .fd = l->open ? l->fd : -1, .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = l->signals, .events = POLLIN };
	for (i = 0; i < l->limits.running; i++)
		pfd[2 + i] = (struct pollfd){ .fd = l->running[i].what ? l->running[i].out : -1,
					      .events = POLLIN };
	poll(pfd, 2 + l->limits.running, ms);
	for (i = 0; i < l->limits.running; i++)
		if (l->running[i].what && l->running[i].out >= 0 && pfd[2 + i].revents)
			read_output(&l->running[i]);
	reap(l);
	if (l->open)
		read_daemon(l);
	if (!l->open && event_now() >= l->stop_at)
		drop_waiting(l);
	start_some(l);
}

static void prepare(struct launcher *l)
{
	char err[256];
	sigset_t child;
	int i;

	prctl(PR_SET_NAME, "nfipsec-updown");
	/* the daemon says when to end; a terminal's signals reach both processes */
	for (i = 1; i < NSIG; i++)
		if (i != SIGCHLD)
			signal(i, i == SIGINT || i == SIGTERM || i == SIGHUP || i == SIGPIPE ?
			       SIG_IGN : SIG_DFL);
	if (l->fd > 3)
		close_range(3, l->fd - 1, 0);
	close_range(l->fd + 1, ~0U, 0);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	l->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (chdir("/") || l->signals < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    !priv_drop_capabilities(true, err, sizeof(err)))
		_exit(1);
}

void launcher_run(int fd, const struct launch_limits *limits)
{
	static struct launcher l;

	l.limits = *limits;
	if (l.limits.running > LAUNCH_RUNNING_MAX)
		l.limits.running = LAUNCH_RUNNING_MAX;
	if (!l.limits.tunnel)
		l.limits.tunnel = LAUNCH_TUNNEL_MAX;
	l.fd = fd;
	l.open = true;
	l.end = &l.first;
	prepare(&l);
	while (has_work(&l))
		round_of(&l);
	_exit(0);
}
