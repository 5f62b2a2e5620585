// SPDX-License-Identifier: GPL-2.0
/* The sockets of IKE. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/udp.h"

#define MARKER_LEN	4
#define READ_BURST	64
#define DATAGRAM_MAX	65536

struct udp {
	int fd[UDP_SOCKETS];
	uint8_t buf[DATAGRAM_MAX];
};

static const uint16_t ports[UDP_SOCKETS] = { UDP_PORT_IKE, UDP_PORT_NATT };

/*
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        non-ESP marker: 0, where ESP has its SPI               |  RFC 3948 2.2
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        IKE header ...
 */
static const uint8_t marker[MARKER_LEN];

bool udp_strip_marker(struct bytes *msg)
{
	/* the NAT keepalive, one octet 0xff (RFC 3948 2.3), is too short to pass here */
	if (msg->len < MARKER_LEN || memcmp(msg->p, marker, MARKER_LEN))
		return false;
	msg->p += MARKER_LEN;
	msg->len -= MARKER_LEN;
	return true;
}

static int socket_open(uint16_t port, char *err, size_t err_len)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, dont = IP_PMTUDISC_DONT;

	if (fd < 0) {
		snprintf(err, err_len, "UDP socket: %s", strerror(errno));
		return -1;
	}
	/* replies leave from the address that was asked, whatever the routes say: RFC 7296 2.11 */
	if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) ||
	    /* big IKE messages go in IP fragments rather than nowhere */
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont))) {
		snprintf(err, err_len, "UDP port %u: %s", port, strerror(errno));
		close(fd);
		return -1;
	}
	/* no SO_REUSEADDR: two IKE daemons on one port would each get half of the messages */
	if (bind(fd, (struct sockaddr *)&any, sizeof(any))) {
		snprintf(err, err_len, "UDP port %u: %s%s", port, strerror(errno),
			 errno == EADDRINUSE ? " (is another IKE daemon running?)" : "");
		close(fd);
		return -1;
	}
	return fd;
}

struct udp *udp_open(char *err, size_t err_len)
{
	struct udp *udp = malloc(sizeof(*udp));
	unsigned int i;

	if (!udp) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	for (i = 0; i < UDP_SOCKETS; i++)
		udp->fd[i] = -1;
	for (i = 0; i < UDP_SOCKETS; i++) {
		udp->fd[i] = socket_open(ports[i], err, err_len);
		if (udp->fd[i] < 0) {
			udp_close(udp);
			return NULL;
		}
	}
	return udp;
}

void udp_close(struct udp *udp)
{
	unsigned int i;

	if (!udp)
		return;
	for (i = 0; i < UDP_SOCKETS; i++)
		if (udp->fd[i] >= 0)
			close(udp->fd[i]);
	free(udp);
}

int udp_fd(const struct udp *udp, unsigned int i)
{
	return udp->fd[i];
}

static void endpoint_from_in(struct endpoint *e, const struct in_addr *a, uint16_t port)
{
	memset(e, 0, sizeof(*e));
	e->addr.family = AF_INET;
	memcpy(e->addr.a, a, sizeof(*a));
	e->port = port;
}

/* false: nothing more to read */
static bool read_one(struct udp *udp, unsigned int i, udp_input_t input, void *arg)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
	struct sockaddr_in from = { 0 };
	struct iovec iov = { .iov_base = udp->buf, .iov_len = sizeof(udp->buf) };
	struct msghdr mh = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct endpoint local = { 0 }, remote;
	struct in_pktinfo info;
	struct cmsghdr *cm;
	struct bytes msg;
	ssize_t n;

	n = recvmsg(udp->fd[i], &mh, 0);
	if (n < 0)
		return errno == EINTR;
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || from.sin_family != AF_INET)
		return true;
	for (cm = CMSG_FIRSTHDR(&mh); cm; cm = CMSG_NXTHDR(&mh, cm)) {
		if (cm->cmsg_level != IPPROTO_IP || cm->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(cm), sizeof(info));
		endpoint_from_in(&local, &info.ipi_addr, ports[i]);
	}
	/* IKE is between two hosts: not to groups, nor from nowhere */
	if (!local.addr.family || IN_MULTICAST(ntohl(info.ipi_addr.s_addr)) ||
	    info.ipi_addr.s_addr == htonl(INADDR_BROADCAST) || !from.sin_port)
		return true;
	endpoint_from_in(&remote, &from.sin_addr, ntohs(from.sin_port));
	msg = (struct bytes){ udp->buf, n };
	if (ports[i] == UDP_PORT_NATT && !udp_strip_marker(&msg))
		return true;
	input(&local, &remote, msg, arg);
	return true;
}

void udp_read(struct udp *udp, unsigned int i, udp_input_t input, void *arg)
{
	unsigned int n;

	for (n = 0; n < READ_BURST && read_one(udp, i, input, arg); n++)
		;
}

static int send_parts(struct udp *udp, const struct endpoint *local,
		      const struct endpoint *remote, struct iovec *parts, size_t n)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(remote->port) };
	struct msghdr mh = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = n,
	};
	struct in_pktinfo info = { 0 };
	struct cmsghdr *cm;

	if (remote->addr.family != AF_INET)
		return -EAFNOSUPPORT;
	memcpy(&to.sin_addr, remote->addr.a, sizeof(to.sin_addr));
	if (local->addr.family == AF_INET) {
		memcpy(&info.ipi_spec_dst, local->addr.a, sizeof(info.ipi_spec_dst));
		mh.msg_control = &control;
		mh.msg_controllen = sizeof(control);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = IPPROTO_IP;
		cm->cmsg_type = IP_PKTINFO;
		cm->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cm), &info, sizeof(info));
	}
	/* what the kernel does not take now is lost like any datagram: IKE sends again */
	if (sendmsg(udp->fd[local->port == UDP_PORT_NATT], &mh, 0) < 0)
		return -errno;
	return 0;
}

int udp_send(struct udp *udp, const struct endpoint *local, const struct endpoint *remote,
	     struct bytes msg)
{
	bool natt = local->port == UDP_PORT_NATT;
	struct iovec parts[2] = {
		{ .iov_base = (void *)marker, .iov_len = MARKER_LEN },
		{ .iov_base = (void *)msg.p, .iov_len = msg.len },
	};

	return send_parts(udp, local, remote, natt ? parts : parts + 1, natt ? 2 : 1);
}

int udp_send_keepalive(struct udp *udp, const struct endpoint *local, const struct endpoint *remote)
{
	uint8_t octet = 0xff;
	struct iovec part = { .iov_base = &octet, .iov_len = 1 };

	return send_parts(udp, local, remote, &part, 1);
}

bool udp_local_addr(const struct addr *remote, struct addr *local)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(UDP_PORT_IKE) };
	struct sockaddr_in self;
	socklen_t len = sizeof(self);
	bool ok = false;
	int fd;

	if (remote->family != AF_INET)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	memcpy(&to.sin_addr, remote->a, sizeof(to.sin_addr));
	/* connecting sends nothing, but looks the route up */
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	    !getsockname(fd, (struct sockaddr *)&self, &len)) {
		memset(local, 0, sizeof(*local));
		local->family = AF_INET;
		memcpy(local->a, &self.sin_addr, sizeof(self.sin_addr));
		ok = true;
	}
	close(fd);
	return ok;
}
