// SPDX-License-Identifier: GPL-2.0
/* What of port 4500 is IKE (RFC 3948 2.2, 2.3), and the mark of what the sockets send. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/udp.h"

static bool strip(const char *p, size_t len, struct bytes *msg)
{
	*msg = (struct bytes){ (const uint8_t *)p, len };
	return udp_strip_marker(msg);
}

static void marker_says_ike(void **state)
{
	struct bytes msg;

	(void)state;
	assert_true(strip("\0\0\0\0ike", 7, &msg));
	assert_int_equal(msg.len, 3);
	assert_memory_equal(msg.p, "ike", 3);
	/* nothing behind it is for the IKE decoder to refuse */
	assert_true(strip("\0\0\0\0", 4, &msg));
	assert_int_equal(msg.len, 0);
}

static void all_else_is_not_ike(void **state)
{
	struct bytes msg;

	(void)state;
	assert_false(strip("\xff", 1, &msg));			/* keepalive */
	assert_false(strip("", 0, &msg));
	assert_false(strip("\0\0\0", 3, &msg));
	assert_false(strip("\0\0\1\0esp", 7, &msg));		/* an SPI */
}

/* ---- sockets, in a network namespace of this process ---- */

static bool may;	/* this user may have one */

static int set_up(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET))
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	may = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return 0;
}

static struct endpoint at(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(addr_parse(addr, &e.addr));
	return e;
}

/* one that learns the mark of what arrives: by loop-back it still has that of its sender */
static int receiver(int family, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_false(family == AF_INET ? bind(fd, (struct sockaddr *)&four, sizeof(four)) :
					 bind(fd, (struct sockaddr *)&six, sizeof(six)));
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVMARK, &one, sizeof(one)))
		return fd;
	close(fd);
	return -1;
}

static uint32_t received(int fd, size_t *len)
{
	char room[CMSG_SPACE(sizeof(uint32_t))] __attribute__((aligned(8)));
	uint8_t data[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			     .msg_controllen = sizeof(room) };
	ssize_t n = recvmsg(fd, &mh, 0);
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	uint32_t mark;

	assert_true(n > 0);
	assert_non_null(cm);
	assert_int_equal(cm->cmsg_type, SO_MARK);
	memcpy(&mark, CMSG_DATA(cm), sizeof(mark));
	*len = n;
	return mark;
}

static void sent_with_mark(void **state)
{
	static const struct {
		int family;
		const char *addr;
	} families[] = { { AF_INET, "127.0.0.1" }, { AF_INET6, "::1" } };
	struct egress marked = { .mark = 0x8000002a }, plain = { 0 };
	struct bytes msg = { (const uint8_t *)"ike", 3 };
	struct udp *udp;
	char err[256];
	unsigned int i;
	size_t len;

	(void)state;
	if (!may)
		skip();
	udp = udp_open(err, sizeof(err));
	assert_non_null(udp);
	for (i = 0; i < 2; i++) {
		struct endpoint ike = at(families[i].addr, 500), natt = at(families[i].addr, 4500);
		struct endpoint to = at(families[i].addr, 1500);
		int fd = receiver(families[i].family, 1500);

		if (fd < 0)
			skip();
		assert_int_equal(udp_send(udp, &marked, &ike, &to, msg), 0);
		assert_int_equal(received(fd, &len), marked.mark);
		assert_int_equal(len, 3);
		assert_int_equal(udp_send(udp, &marked, &natt, &to, msg), 0);
		assert_int_equal(received(fd, &len), marked.mark);
		assert_int_equal(len, 7);
		assert_int_equal(udp_send_keepalive(udp, &marked, &natt, &to), 0);
		assert_int_equal(received(fd, &len), marked.mark);
		assert_int_equal(len, 1);
		/* it is the datagram's, not the socket's */
		assert_int_equal(udp_send(udp, &plain, &ike, &to, msg), 0);
		assert_int_equal(received(fd, &len), 0);
		close(fd);
	}
	udp_close(udp);
}

static void local_addr_by_mark(void **state)
{
	struct egress marked = { .mark = 7 }, plain = { 0 };
	struct endpoint to = at("127.0.0.7", 500);
	struct addr local;

	(void)state;
	if (!may)
		skip();
	assert_true(udp_local_addr(&plain, &to.addr, &local));
	assert_true(udp_local_addr(&marked, &to.addr, &local));
	to = at("192.0.2.1", 500);
	assert_false(udp_local_addr(&marked, &to.addr, &local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marker_says_ike),
		cmocka_unit_test(all_else_is_not_ike),
		cmocka_unit_test(sent_with_mark),
		cmocka_unit_test(local_addr_by_mark),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
