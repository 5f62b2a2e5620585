// SPDX-License-Identifier: GPL-2.0
/* The sockets of IKE. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
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

static const struct {
	int family;
	uint16_t port;
} sockets[UDP_SOCKETS] = {
	{ AF_INET, UDP_PORT_IKE }, { AF_INET, UDP_PORT_NATT },
	{ AF_INET6, UDP_PORT_IKE }, { AF_INET6, UDP_PORT_NATT },
};

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

/* room for an address of either family and a mark */
union control {
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint32_t))];
	struct cmsghdr align;
};

struct sockaddr_any {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

static void to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_any *out)
{
	memset(out, 0, sizeof(*out));
	out->sa.sa_family = a->family;
	if (a->family == AF_INET6) {
		out->in6.sin6_port = htons(port);
		memcpy(&out->in6.sin6_addr, a->a, sizeof(out->in6.sin6_addr));
		out->len = sizeof(out->in6);
	} else {
		out->in.sin_port = htons(port);
		memcpy(&out->in.sin_addr, a->a, sizeof(out->in.sin_addr));
		out->len = sizeof(out->in);
	}
}

static void from_sockaddr(const struct sockaddr_any *sa, struct endpoint *e)
{
	memset(e, 0, sizeof(*e));
	e->addr.family = sa->sa.sa_family;
	if (sa->sa.sa_family == AF_INET6) {
		e->port = ntohs(sa->in6.sin6_port);
		memcpy(e->addr.a, &sa->in6.sin6_addr, sizeof(sa->in6.sin6_addr));
	} else {
		e->port = ntohs(sa->in.sin_port);
		memcpy(e->addr.a, &sa->in.sin_addr, sizeof(sa->in.sin_addr));
	}
}

/*
 * Replies leave from the address that was asked, whatever the routes say (RFC 7296
 * 2.11); big IKE messages go in IP fragments rather than nowhere.
 */
static bool set_options(int fd, int family)
{
	int one = 1, dont = family == AF_INET6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT;

	if (family == AF_INET6)
		return !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) &&
		       !setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) &&
		       !setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont, sizeof(dont));
	return !setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) &&
	       !setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont));
}

/* -1: and why in @err, which stays empty where the host has no IPv6 */
static int socket_open(int family, uint16_t port, char *err, size_t err_len)
{
	const struct addr any = { .family = family };
	struct sockaddr_any self;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		if (family != AF_INET6 || errno != EAFNOSUPPORT)
			snprintf(err, err_len, "UDP socket: %s", strerror(errno));
		return -1;
	}
	if (!set_options(fd, family)) {
		snprintf(err, err_len, "UDP port %u: %s", port, strerror(errno));
		close(fd);
		return -1;
	}
	/* no SO_REUSEADDR: two IKE daemons on one port would each get half of the messages */
	to_sockaddr(&any, port, &self);
	if (bind(fd, &self.sa, self.len)) {
		if (family != AF_INET6 || errno != EADDRNOTAVAIL)
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
		*err = '\0';
		udp->fd[i] = socket_open(sockets[i].family, sockets[i].port, err, err_len);
		if (udp->fd[i] < 0 && *err) {
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

/* where it was sent to; false: not said, or a group, which IKE is not for */
static bool local_of(struct msghdr *mh, uint16_t port, struct endpoint *local)
{
	struct in6_pktinfo info6;
	struct in_pktinfo info;
	struct cmsghdr *cm;

	memset(local, 0, sizeof(*local));
	local->port = port;
	for (cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(cm), sizeof(info));
			local->addr.family = AF_INET;
			memcpy(local->addr.a, &info.ipi_addr, sizeof(info.ipi_addr));
			return !IN_MULTICAST(ntohl(info.ipi_addr.s_addr)) &&
			       info.ipi_addr.s_addr != htonl(INADDR_BROADCAST);
		}
		if (cm->cmsg_level == IPPROTO_IPV6 && cm->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(cm), sizeof(info6));
			local->addr.family = AF_INET6;
			memcpy(local->addr.a, &info6.ipi6_addr, sizeof(info6.ipi6_addr));
			return !IN6_IS_ADDR_MULTICAST(&info6.ipi6_addr);
		}
	}
	return false;
}

/* false: nothing more to read */
static bool read_one(struct udp *udp, unsigned int i, udp_input_t input, void *arg)
{
	union control control;
	struct sockaddr_any from;
	struct iovec iov = { .iov_base = udp->buf, .iov_len = sizeof(udp->buf) };
	struct msghdr mh = {
		.msg_name = &from, .msg_namelen = sizeof(from.in6),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct endpoint local, remote;
	struct bytes msg;
	ssize_t n;

	memset(&from, 0, sizeof(from));
	n = recvmsg(udp->fd[i], &mh, 0);
	if (n < 0)
		return errno == EINTR;
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || from.sa.sa_family != sockets[i].family)
		return true;
	from_sockaddr(&from, &remote);
	/* nor from nowhere, nor from where no answer leads without the name of a device */
	if (!local_of(&mh, sockets[i].port, &local) || !remote.port ||
	    addr_is_link_local(&remote.addr) || addr_is_link_local(&local.addr))
		return true;
	msg = (struct bytes){ udp->buf, n };
	if (local.port == UDP_PORT_NATT && !udp_strip_marker(&msg))
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

/* @mh: msg_controllen is what is used of its msg_control so far */
static void put_control(struct msghdr *mh, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *cm = (struct cmsghdr *)((char *)mh->msg_control + mh->msg_controllen);

	cm->cmsg_level = level;
	cm->cmsg_type = type;
	cm->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cm), data, len);
	mh->msg_controllen += CMSG_SPACE(len);
}

static void put_pktinfo(struct msghdr *mh, const struct addr *local)
{
	struct in6_pktinfo info6 = { 0 };
	struct in_pktinfo info = { 0 };

	memcpy(&info6.ipi6_addr, local->a, sizeof(info6.ipi6_addr));
	memcpy(&info.ipi_spec_dst, local->a, sizeof(info.ipi_spec_dst));
	if (local->family == AF_INET6)
		put_control(mh, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	else
		put_control(mh, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static int socket_for(const struct udp *udp, int family, uint16_t port)
{
	unsigned int i;

	for (i = 0; i < UDP_SOCKETS; i++)
		if (sockets[i].family == family &&
		    (sockets[i].port == UDP_PORT_NATT) == (port == UDP_PORT_NATT))
			return udp->fd[i];
	return -1;
}

static int send_parts(struct udp *udp, const struct egress *by, const struct endpoint *local,
		      const struct endpoint *remote, struct iovec *parts, size_t n)
{
	int fd = socket_for(udp, remote->addr.family, local->port);
	union control control = { { 0 } };
	struct msghdr mh = { .msg_iov = parts, .msg_iovlen = n, .msg_control = &control };
	struct sockaddr_any to;

	if (fd < 0)
		return -EAFNOSUPPORT;
	to_sockaddr(&remote->addr, remote->port, &to);
	mh.msg_name = &to;
	mh.msg_namelen = to.len;
	if (local->addr.family == remote->addr.family)
		put_pktinfo(&mh, &local->addr);
	/* the kernel takes it from who has CAP_NET_ADMIN (sys/priv.c) */
	if (by->mark)
		put_control(&mh, SOL_SOCKET, SO_MARK, &by->mark, sizeof(by->mark));
	/* IKE retransmits a datagram that the kernel refuses, like any lost one. */
	if (sendmsg(fd, &mh, 0) < 0)
		return -errno;
	return 0;
}

int udp_send(struct udp *udp, const struct egress *by, const struct endpoint *local,
	     const struct endpoint *remote, struct bytes msg)
{
	bool natt = local->port == UDP_PORT_NATT;
	struct iovec parts[2] = {
		{ .iov_base = (void *)marker, .iov_len = MARKER_LEN },
		{ .iov_base = (void *)msg.p, .iov_len = msg.len },
	};

	return send_parts(udp, by, local, remote, natt ? parts : parts + 1, natt ? 2 : 1);
}

int udp_send_keepalive(struct udp *udp, const struct egress *by, const struct endpoint *local,
		       const struct endpoint *remote)
{
	uint8_t octet = 0xff;
	struct iovec part = { .iov_base = &octet, .iov_len = 1 };

	return send_parts(udp, by, local, remote, &part, 1);
}

/* Checks the addresses of all devices, also in a VRF. bind() uses only one routing table. */
static bool has_addr(const struct addr *addr)
{
	struct ifaddrs *all, *i;
	struct sockaddr_any sa;
	struct endpoint e;
	bool found = false;

	if (getifaddrs(&all))
		return true;
	for (i = all; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != addr->family)
			continue;
		memset(&sa, 0, sizeof(sa));
		memcpy(&sa.sa, i->ifa_addr, addr->family == AF_INET6 ? sizeof(sa.in6) : sizeof(sa.in));
		from_sockaddr(&sa, &e);
		found = addr_equal(&e.addr, addr);
	}
	freeifaddrs(all);
	return found;
}

/**
 * udp_is_local - checks whether this host may send from an address
 * @addr: the address
 *
 * A route of the type local can make an address local without a device.
 *
 * Return: false if bind() refuses the address and no device has it
 */
bool udp_is_local(const struct addr *addr)
{
	struct sockaddr_any self;
	bool refused;
	int fd;

	fd = socket(addr->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	to_sockaddr(addr, 0, &self);
	refused = bind(fd, &self.sa, self.len) && errno == EADDRNOTAVAIL;
	close(fd);
	return !refused || has_addr(addr);
}

/* Without the mark the host might choose another route, and an address that is wrong for this one. */
static bool route_like(int fd, const struct egress *by)
{
	return !by->mark || !setsockopt(fd, SOL_SOCKET, SO_MARK, &by->mark, sizeof(by->mark));
}

/**
 * udp_local_addr() - the source address that the host chooses
 * @by: of the datagrams
 * @remote: where they go
 * @local: gets the address
 *
 * Return: false if there is no route, or the kernel takes no mark from this process
 */
bool udp_local_addr(const struct egress *by, const struct addr *remote, struct addr *local)
{
	struct sockaddr_any to, self;
	struct endpoint e;
	bool ok = false;
	int fd;

	if (!addr_len(remote))
		return false;
	fd = socket(remote->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	to_sockaddr(remote, UDP_PORT_IKE, &to);
	memset(&self, 0, sizeof(self));
	self.len = sizeof(self.in6);
	/* connecting sends nothing, but looks the route up */
	if (route_like(fd, by) && !connect(fd, &to.sa, to.len) &&
	    !getsockname(fd, &self.sa, &self.len)) {
		from_sockaddr(&self, &e);
		*local = e.addr;
		ok = true;
	}
	close(fd);
	return ok;
}
