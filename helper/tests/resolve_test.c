// SPDX-License-Identifier: GPL-2.0
/* The resolver: names of this machine alone, so that no name server is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/resolve.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static unsigned int asked, blocked, left;
static bool open_gate;

static void add(struct addrinfo **list, uint8_t last)
{
	struct sockaddr_in *sa = calloc(1, sizeof(*sa));
	struct addrinfo *i = calloc(1, sizeof(*i));

	sa->sin_family = AF_INET;
	sa->sin_addr.s_addr = htonl(0xc0000200 | last);
	i->ai_family = AF_INET;
	i->ai_addr = (struct sockaddr *)sa;
	i->ai_next = *list;
	*list = i;
}

/* in place of the system's: "slow" blocks until the gate opens, "gw" has two addresses, one of them twice */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	assert_null(service);
	assert_int_equal(hints->ai_socktype, SOCK_DGRAM);
	pthread_mutex_lock(&lock);
	asked++;
	if (!strcmp(name, "slow")) {
		blocked++;
		pthread_cond_broadcast(&wake);
		while (!open_gate)
			pthread_cond_wait(&wake, &lock);
		left++;
		pthread_cond_broadcast(&wake);
	}
	pthread_mutex_unlock(&lock);
	if (strcmp(name, "gw"))
		return EAI_NONAME;
	*res = NULL;
	add(res, 2);
	add(res, 1);
	add(res, 1);
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list; list = next) {
		next = list->ai_next;
		free(list->ai_addr);
		free(list);
	}
}

static void answers(void **state)
{
	struct resolver *r = resolver_new();
	struct addr out[4];
	char err[128] = "", s[ADDR_STRLEN], name[400];

	(void)state;
	assert_non_null(r);
	assert_int_equal(resolve_name(r, "gw", 0, out, 4, err, sizeof(err)), 2);
	assert_string_equal(addr_str(&out[0], s, sizeof(s)), "192.0.2.1");
	assert_string_equal(addr_str(&out[1], s, sizeof(s)), "192.0.2.2");
	assert_int_equal(resolve_name(r, "gw", AF_INET, out, 1, err, sizeof(err)), 1);
	assert_int_equal(resolve_name(r, "nobody", 0, out, 4, err, sizeof(err)), 0);
	assert_string_equal(err, "Name or service not known");
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(resolve_name(r, name, 0, out, 4, err, sizeof(err)), 0);
	assert_string_equal(err, "the name is too long");
	resolver_free(r);
	resolver_free(NULL);
}

static void *wait_for_it(void *r)
{
	struct addr out[4];
	char err[128] = "";

	assert_int_equal(resolve_name(r, "slow", 0, out, 4, err, sizeof(err)), 0);
	assert_string_equal(err, "the resolver does not answer within 20 s");
	return NULL;
}

/* exit does not wait for a resolver that blocks, and its threads are bounded */
static void stops(void **state)
{
	struct resolver *r = resolver_new();
	pthread_t threads[16];
	struct addr out[4];
	char err[128] = "";
	unsigned int i;

	(void)state;
	for (i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_for_it, r), 0);
	pthread_mutex_lock(&lock);
	while (blocked < 16)
		pthread_cond_wait(&wake, &lock);
	asked = 0;
	pthread_mutex_unlock(&lock);
	assert_int_equal(resolve_name(r, "gw", 0, out, 4, err, sizeof(err)), 0);
	assert_string_equal(err, "too many names are being resolved");
	resolver_stop(r);
	for (i = 0; i < 16; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(resolve_name(r, "gw", 0, out, 4, err, sizeof(err)), 0);
	assert_string_equal(err, "the daemon ends");
	assert_int_equal(asked, 0);
	resolver_free(r);
	/* those that nobody waits for free what they have */
	pthread_mutex_lock(&lock);
	open_gate = true;
	pthread_cond_broadcast(&wake);
	while (left < 16)
		pthread_cond_wait(&wake, &lock);
	pthread_mutex_unlock(&lock);
	usleep(100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers), cmocka_unit_test(stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
