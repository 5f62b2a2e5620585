// SPDX-License-Identifier: GPL-2.0
/*
 * getaddrinfo() follows nsswitch.conf, and may block for half a minute: nobody can stop it. So each
 * call has a thread of its own. The caller waits for a limited time. A thread that it no longer
 * waits for frees its own result when it ends, or ends with the process.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "sys/resolve.h"

#define CALLS_MAX	16	/* threads, also those that nobody waits for */
#define NAME_LEN	256
#define ADDRS_MAX	32

/**
 * struct resolver - the calls of one daemon
 * @refs: the owner and each thread
 * @lock: protects all members, and those of each call
 * @wake: a call is over, or @stopped is set
 * @n_calls: threads that run
 * @stopped: resolver_stop() was called
 */
struct resolver {
	unsigned int refs;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned int n_calls;
	bool stopped;
};

/**
 * struct call - one getaddrinfo()
 * @r: the resolver; a reference
 * @name: the argument
 * @family: of the wanted addresses; 0: both
 * @over: the result is there
 * @abandoned: nobody waits, the thread frees the call
 * @ret: of getaddrinfo()
 * @system: errno for EAI_SYSTEM
 * @n: number of @addrs
 * @addrs: result
 */
struct call {
	struct resolver *r;
	char name[NAME_LEN];
	int family;
	bool over, abandoned;
	int ret, system;
	unsigned int n;
	struct addr addrs[ADDRS_MAX];
};

/**
 * resolver_new() - makes a resolver
 *
 * Return: the resolver, for resolver_free(); NULL: out of memory.
 */
struct resolver *resolver_new(void)
{
	struct resolver *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (!r)
		return NULL;
	r->refs = 1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

/* Drops a reference. The caller holds the lock, and has none afterwards. */
static void put_locked(struct resolver *r)
{
	bool last = !--r->refs;

	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void add(struct call *c, const struct sockaddr *sa)
{
	struct addr a = { .family = sa->sa_family };
	unsigned int i;

	if (sa->sa_family == AF_INET)
		memcpy(a.a, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(a.a, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	else
		return;
	for (i = 0; i < c->n; i++)
		if (addr_equal(&c->addrs[i], &a))
			return;
	if (c->n < ADDRS_MAX)
		c->addrs[c->n++] = a;
}

static void *call_main(void *arg)
{
	struct call *c = arg;
	struct resolver *r = c->r;
	/* a datagram socket: one result for each address, in the order of RFC 6724 */
	const struct addrinfo hints = { .ai_family = c->family ? c->family : AF_UNSPEC,
					.ai_socktype = SOCK_DGRAM };
	struct addrinfo *list = NULL, *i;
	bool abandoned;

	c->ret = getaddrinfo(c->name, NULL, &hints, &list);
	c->system = errno;
	for (i = c->ret ? NULL : list; i; i = i->ai_next)
		add(c, i->ai_addr);
	if (!c->ret)
		freeaddrinfo(list);
	pthread_mutex_lock(&r->lock);
	c->over = true;
	abandoned = c->abandoned;
	r->n_calls--;
	pthread_cond_broadcast(&r->wake);
	put_locked(r);
	if (abandoned)
		free(c);
	return NULL;
}

/* The lock is held. */
static bool start(struct call *c)
{
	struct resolver *r = c->r;
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r->refs++;
	r->n_calls++;
	ok = !pthread_create(&thread, &attr, call_main, c);
	pthread_attr_destroy(&attr);
	if (!ok) {
		r->refs--;
		r->n_calls--;
	}
	return ok;
}

/* The lock is held. False: there is no result within the time. */
static bool wait_for(struct call *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RESOLVE_MAX_S;
	while (!c->over && !c->r->stopped)
		if (pthread_cond_timedwait(&c->r->wake, &c->r->lock, &until) == ETIMEDOUT)
			break;
	return c->over;
}

static unsigned int result(const struct call *c, struct addr *out, unsigned int max, char *err,
			   size_t err_len)
{
	unsigned int n = c->n < max ? c->n : max;

	if (c->ret == EAI_SYSTEM)
		snprintf(err, err_len, "%s", strerror(c->system));
	else if (c->ret)
		snprintf(err, err_len, "%s", gai_strerror(c->ret));
	else if (!n)
		snprintf(err, err_len, "it has no address");
	memcpy(out, c->addrs, n * sizeof(*out));
	return n;
}

/**
 * resolve_name() - resolves a name
 * @r: the resolver
 * @name: the name
 * @family: AF_INET, AF_INET6 or 0 for both
 * @out: gets the addresses
 * @max: the most that fit in @out
 * @err: gets the reason of a failure
 * @err_len: size of @err
 *
 * Blocks for at most RESOLVE_MAX_S seconds, and not after resolver_stop(). Any thread.
 *
 * Return: the number of addresses; 0: none, see @err.
 */
unsigned int resolve_name(struct resolver *r, const char *name, uint8_t family, struct addr *out,
			  unsigned int max, char *err, size_t err_len)
{
	struct call *c = calloc(1, sizeof(*c));
	unsigned int n = 0;

	if (!c || strlen(name) >= sizeof(c->name)) {
		snprintf(err, err_len, "%s", c ? "the name is too long" : "out of memory");
		free(c);
		return 0;
	}
	c->r = r;
	c->family = family;
	snprintf(c->name, sizeof(c->name), "%s", name);
	pthread_mutex_lock(&r->lock);
	if (r->stopped || r->n_calls >= CALLS_MAX || !start(c)) {
		snprintf(err, err_len, "%s", r->stopped ? "the daemon ends" :
			 "too many names are being resolved");
	} else if (wait_for(c)) {
		n = result(c, out, max, err, err_len);
	} else {
		snprintf(err, err_len, "the resolver does not answer within %u s", RESOLVE_MAX_S);
		c->abandoned = true;
		c = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	free(c);
	return n;
}

/**
 * resolver_stop() - ends the waiting of all callers
 * @r: the resolver
 */
void resolver_stop(struct resolver *r)
{
	pthread_mutex_lock(&r->lock);
	r->stopped = true;
	pthread_cond_broadcast(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

/**
 * resolver_free() - gives the resolver up
 * @r: the resolver, or NULL; nobody waits in resolve_name()
 *
 * Threads that still run have references of their own.
 */
void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	put_locked(r);
}
