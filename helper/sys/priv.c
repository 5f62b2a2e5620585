// SPDX-License-Identifier: GPL-2.0
/* Least privilege. */
#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "core/log.h"
#include "sys/priv.h"

void priv_protect_memory(void)
{
	struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		log_warn("cannot forbid being traced: %s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &none))
		log_warn("cannot forbid core files: %s", strerror(errno));
#ifndef NFIPSEC_SANITIZED
	{
		struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

		/*
		 * Only where the limit can be lifted: with a limit and
		 * MCL_FUTURE, an allocation beyond it would fail later.
		 */
		if (setrlimit(RLIMIT_MEMLOCK, &all) ||
		    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
			log_debug("memory is not locked: %s", strerror(errno));
	}
#endif
}

bool priv_drop_capabilities(bool inherit, char *err, size_t err_len)
{
	capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | (inherit ? CAPNG_BOUNDING_SET : 0);
	capng_select_t what = CAPNG_SELECT_CAPS;

	if (capng_get_caps_process()) {
		snprintf(err, err_len, "cannot read the process's capabilities: %s", strerror(errno));
		return false;
	}
	/* the bounding set can be cut only by who may; without it NO_NEW_PRIVS still holds */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		what = CAPNG_SELECT_BOTH;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, sets, CAP_NET_ADMIN, -1) ||
	    capng_apply(what)) {
		snprintf(err, err_len, "cannot drop capabilities: %s", strerror(errno));
		return false;
	}
	return true;
}

#ifndef NFIPSEC_SANITIZED

static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect),
	SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(mlock2),
	/* files: configuration, secrets, the control socket's name */
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(readv),
	SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(fcntl),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(ioctl),
	SCMP_SYS(fadvise64), SCMP_SYS(flock),
	/* sockets; socket() itself by family, below */
	SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
	/* the event loop */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_create), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(eventfd2), SCMP_SYS(pipe2),
	SCMP_SYS(signalfd4), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	/* time, random */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
	/* threads and signals */
	SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
	SCMP_SYS(get_robust_list), SCMP_SYS(rseq), SCMP_SYS(set_tid_address),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigpending), SCMP_SYS(sigaltstack), SCMP_SYS(tgkill), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* getuid() and the like */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(getrlimit), SCMP_SYS(prlimit64), SCMP_SYS(prctl), SCMP_SYS(umask),
	SCMP_SYS(getcpu),
};

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static int filter_fill(scmp_filter_ctx ctx)
{
	size_t i;
	int ret;

	/* the kernel's audit log then names what was refused */
	ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	/* an old kernel or library without that is no reason to go without the filter */
	if (ret && ret != -EOPNOTSUPP)
		return ret;
	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
		if (ret)
			return ret;
	}
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, families[i]));
		if (ret)
			return ret;
	}
	/* libcurl's threads wake each other through one (pki/fetch.c) */
	ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1,
			       SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (ret)
		return ret;
	return seccomp_load(ctx);
}

static bool filter_syscalls(char *err, size_t err_len)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	if (!ctx) {
		snprintf(err, err_len, "seccomp: out of memory");
		return false;
	}
	ret = filter_fill(ctx);
	seccomp_release(ctx);
	if (ret) {
		snprintf(err, err_len, "seccomp: %s", strerror(-ret));
		return false;
	}
	return true;
}

#else

/* the sanitizers read /proc, start processes and trace themselves */
static bool filter_syscalls(char *err, size_t err_len)
{
	(void)err;
	(void)err_len;
	return true;
}

#endif

bool priv_drop(char *err, size_t err_len)
{
	return priv_drop_capabilities(false, err, err_len) && filter_syscalls(err, err_len);
}
