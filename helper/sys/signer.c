// SPDX-License-Identifier: GPL-2.0
/*
 * The signer. It never loads a provider itself: it forks a process for each request, which loads
 * the provider, signs and ends. When its time is over, the signer kills it. So a PIN is in the
 * memory of the signer for one request only. A token that hangs, or a provider that crashes, ends
 * one request.
 */
#include <cap-ng.h>
#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/event.h"
#include "pki/token.h"
#include "sys/priv.h"
#include "sys/signer.h"

#define REQUEST_MAX	(2 * TOKEN_DATA_MAX + TOKEN_PATH_MAX + TOKEN_URI_MAX + TOKEN_PIN_MAX + 64)

/**
 * struct signer - the daemon's end
 * @fd: socket to the signer
 */
struct signer {
	int fd;
};

/* ---- the other process ---- */

/* A provider is foreign code: it reads files and talks to daemons such as pcscd, and no more. */
static const int refused[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl),
	SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(unshare), SCMP_SYS(setns),
	SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
	SCMP_SYS(open_by_handle_at), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load), SCMP_SYS(pidfd_getfd),
};

static int filter_fill(scmp_filter_ctx ctx)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < sizeof(refused) / sizeof(*refused); i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	/* no network: a socket of any family but AF_UNIX is refused */
	if (!ret)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	return ret ? ret : seccomp_load(ctx);
}

/**
 * signer_confine() - give up privileges for good
 * @err: gets the reason of a failure
 * @err_len: room there
 *
 * The process has no capability, no socket but those of AF_UNIX, and starts no program.
 *
 * Return: true if nothing of that is left
 */
bool signer_confine(char *err, size_t err_len)
{
	capng_select_t what = CAPNG_SELECT_CAPS;
	scmp_filter_ctx ctx;
	int ret = -ENOMEM;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || capng_get_caps_process()) {
		snprintf(err, err_len, "capabilities: %s", strerror(errno));
		return false;
	}
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		what = CAPNG_SELECT_BOTH;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(what)) {
		snprintf(err, err_len, "capabilities: %s", strerror(errno));
		return false;
	}
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (ctx) {
		ret = filter_fill(ctx);
		seccomp_release(ctx);
	}
	if (ret)
		snprintf(err, err_len, "seccomp: %s", strerror(-ret));
	return !ret;
}

/* A process that the provider forks stays in the process group, which the signer kills. */
static bool stay_in_group(void)
{
	scmp_filter_ctx ctx;
	bool ok;

	if (setpgid(0, 0))
		return false;
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	ok = ctx && !seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setsid), 0) &&
	     !seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setpgid), 0) &&
	     !seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return ok;
}

/* In a process of its own, and in a process group of its own. */
_Noreturn static void carry_out(struct bytes request, int fd)
{
	struct buf reply;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!stay_in_group())
		_exit(1);
	buf_init(&reply);
	token_do(request, &reply);
	if (reply.len > TOKEN_REPLY_MAX)
		token_reply_failed(request, "the signature is too long", &reply);
	(void)send(fd, reply.p, reply.len, MSG_NOSIGNAL);
	buf_free(&reply);
	_exit(0);
}

/* Returns the length of the reply, or 0: none; the daemon's end closes the socket when it ends. */
static ssize_t await(int fd, int daemon, unsigned int ms, uint8_t *reply)
{
	struct pollfd pfd[2] = { { .fd = fd, .events = POLLIN }, { .fd = daemon, .events = 0 } };
	uint64_t now, until = event_now() + ms;
	ssize_t n = 0;

	while ((now = event_now()) < until) {
		if (poll(pfd, 2, until - now) < 0 && errno != EINTR)
			return 0;
		if (pfd[0].revents) {
			n = recv(fd, reply, TOKEN_REPLY_MAX, MSG_DONTWAIT);
			return n < 0 ? 0 : n;
		}
		if (pfd[1].revents)
			return 0;
	}
	errno = ETIMEDOUT;
	return -1;
}

static void reap(pid_t pid)
{
	/* neither it nor a process that the provider has forked outlives the request */
	kill(pid, SIGKILL);
	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void handle(int daemon, struct bytes request, unsigned int ms)
{
	uint8_t got[TOKEN_REPLY_MAX];
	struct buf reply;
	pid_t pid = -1;
	ssize_t n = 0;
	int fd[2];

	buf_init(&reply);
	if (!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd)) {
		pid = fork();
		if (!pid) {
			close(daemon);
			close(fd[0]);
			carry_out(request, fd[1]);
		}
		close(fd[1]);
		if (pid > 0) {
			n = await(fd[0], daemon, ms, got);
			reap(pid);
		}
		close(fd[0]);
	}
	if (n > 0)
		buf_put(&reply, got, n);
	else
		token_reply_failed(request, n < 0 ? "the token does not answer in time" :
				   pid < 0 ? "the signer has no process for it" :
				   "the provider has crashed", &reply);
	(void)send(daemon, reply.p, reply.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&reply);
}

static void prepare(int fd)
{
	char err[256];
	int i;

	prctl(PR_SET_NAME, "nfipsec-signer");
	/* the end of the daemon ends it; a terminal's signals reach both processes */
	for (i = 1; i < NSIG; i++)
		signal(i, i == SIGINT || i == SIGTERM || i == SIGHUP || i == SIGPIPE ? SIG_IGN : SIG_DFL);
	if (fd > 3)
		close_range(3, fd - 1, 0);
	close_range(fd + 1, ~0U, 0);
	/* the locks of memory are not inherited */
	priv_protect_memory();
	if (chdir("/") || !signer_confine(err, sizeof(err)))
		_exit(1);
}

_Noreturn static void signer_run(int fd, unsigned int ms)
{
	static uint8_t request[REQUEST_MAX];
	ssize_t n;

	prepare(fd);
	while ((n = recv(fd, request, sizeof(request), 0)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			handle(fd, (struct bytes){ request, n }, ms);
		explicit_bzero(request, sizeof(request));
	}
	_exit(0);
}

/* ---- the daemon ---- */

/**
 * signer_start() - fork the signer
 * @ms: limit in time of one request
 * @err: gets the reason of a failure
 * @err_len: room there
 *
 * The caller has one thread, and no secret in its memory.
 *
 * Return: the daemon's end, or NULL
 */
struct signer *signer_start(unsigned int ms, char *err, size_t err_len)
{
	struct signer *s = calloc(1, sizeof(*s));
	int fd[2], size = 1 << 19;
	pid_t pid;

	if (s && !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd)) {
		/* less than that is no reason to stop */
		(void)setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		pid = fork();
		if (!pid) {
			close(fd[0]);
			signer_run(fd[1], ms);
		}
		close(fd[1]);
		s->fd = fd[0];
		if (pid > 0)
			return s;
		close(fd[0]);
	}
	snprintf(err, err_len, "the signer of PKCS#11 tokens: %s", strerror(errno));
	free(s);
	return NULL;
}

int signer_fd(const struct signer *s)
{
	return s->fd;
}

/**
 * signer_stop() - let the signer end, and what it does
 * @s: the signer, or NULL
 */
void signer_stop(struct signer *s)
{
	if (!s)
		return;
	/* the filter of the daemon has no wait4(): the signer ends when its socket is closed */
	close(s->fd);
	free(s);
}
