// SPDX-License-Identifier: GPL-2.0
/*
 * What really passes a tunnel: ICMP echoes that may not be fragmented, from this
 * host to one behind the peer. RFC 792, RFC 4443 4.1.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/nfipsec.h>

#include "cli/cli.h"

#define PROBE_SMALL	128	/* octets, the IP header included */
#define PROBE_TRIES	3
#define PROBE_WAIT_MS	700
#define PROBE_MAX	65535

union sock {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/**
 * struct probe - an open socket for echoes to one address
 * @head: octets of the IP header
 * @id: in our echoes, for raw sockets see everybody's
 * @fd: the socket
 * @packet: buffer for one packet
 * @seq: sequence number of the last echo
 * @error: errno of the last echo that could not be sent, except EMSGSIZE and ENOBUFS; 0: none
 * @six: IPv6
 * @to: the address probed
 */
struct probe {
	int fd;
	bool six;
	size_t head;
	uint16_t id, seq;
	int error;
	struct addr to;
	uint8_t *packet;
};

static socklen_t sock_of(const struct addr *a, union sock *s)
{
	memset(s, 0, sizeof(*s));
	s->sa.sa_family = a->family;
	if (a->family == AF_INET6) {
		memcpy(&s->in6.sin6_addr, a->a, 16);
		return sizeof(s->in6);
	}
	memcpy(&s->in.sin_addr, a->a, 4);
	return sizeof(s->in);
}

static bool addr_of(const struct sockaddr *sa, struct addr *a)
{
	const union sock *s = (const union sock *)sa;

	memset(a, 0, sizeof(*a));
	if (!sa || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return false;
	a->family = sa->sa_family;
	if (a->family == AF_INET6)
		memcpy(a->a, &s->in6.sin6_addr, 16);
	else
		memcpy(a->a, &s->in.sin_addr, 4);
	return true;
}

/* does @tunnel protect an echo between the two, and can it now? */
static bool is_protected(struct kern *k, const char *tunnel, const struct addr *from,
			 const struct addr *to)
{
	struct kern_flow flow = { .dir = NFIPSEC_DIR_OUT, .src = *from, .dst = *to,
				  .proto = to->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP };
	struct kern_sa *sa = calloc(1, sizeof(*sa));
	bool found = false, found_sa = false;
	struct kern_entry entry;
	int ret = sa ? kern_explain(k, &flow, &entry, &found, sa, &found_sa) : -1;

	free(sa);
	return !ret && found && found_sa && !strcmp(entry.tunnel, tunnel);
}

/* an address of this host from which the tunnel carries an echo to @to */
static bool find_source(struct kern *k, const char *tunnel, const struct addr *to,
			struct addr *from)
{
	struct ifaddrs *all, *i;
	bool ok = false;

	if (getifaddrs(&all))
		return false;
	for (i = all; i && !ok; i = i->ifa_next)
		ok = addr_of(i->ifa_addr, from) && from->family == to->family &&
		     is_protected(k, tunnel, from, to);
	freeifaddrs(all);
	return ok;
}

static bool probe_open(struct probe *p, const struct addr *from, const struct addr *to)
{
	int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE, on = 1, ret;
	union sock s;

	memset(p, 0, sizeof(*p));
	p->six = to->family == AF_INET6;
	p->head = p->six ? 40 : 20;
	p->to = *to;
	p->id = getpid();
	p->packet = calloc(1, PROBE_MAX);
	p->fd = socket(to->family, SOCK_RAW | SOCK_CLOEXEC, p->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (p->fd < 0 || !p->packet)
		return false;
	/* the size is ours to say, and DF is set, whatever was learned of the path before */
	ret = p->six ? setsockopt(p->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6)) ||
		       setsockopt(p->fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on)) :
		       setsockopt(p->fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4));
	return !ret && !bind(p->fd, &s.sa, sock_of(from, &s));
}

static void probe_close(struct probe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->packet);
}

static uint16_t checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

/* false: it cannot even leave */
static bool probe_send(struct probe *p, size_t size)
{
	size_t len = size - p->head;
	uint8_t *m = p->packet;
	union sock s;
	socklen_t s_len = sock_of(&p->to, &s);

	memset(m, 0, len);
	m[0] = p->six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	put16(m + 4, p->id);
	put16(m + 6, ++p->seq);
	/* of ICMPv6 the kernel makes the checksum */
	if (!p->six)
		put16(m + 2, checksum(m, len));
	return sendto(p->fd, m, len, 0, &s.sa, s_len) == (ssize_t)len;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* the whole echo came back */
static bool is_answer(const struct probe *p, ssize_t n, size_t size)
{
	size_t at = p->six ? 0 : p->head, len = size - p->head;
	const uint8_t *m = p->packet + at;

	if (n < 0 || (size_t)n != at + len)
		return false;
	return m[0] == (p->six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
	       (m[4] << 8 | m[5]) == p->id && (m[6] << 8 | m[7]) == p->seq;
}

/* does an IP packet of @size octets pass, there and back? */
static bool passes(struct probe *p, size_t size)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	uint64_t end;
	int tries;

	for (tries = 0; tries < PROBE_TRIES; tries++) {
		if (!probe_send(p, size)) {
			/* ENOBUFS: the queue of a device is full, so the next try may succeed */
			if (errno != EMSGSIZE && errno != ENOBUFS)
				p->error = errno;
			if (errno != ENOBUFS)
				return false;
		}
		end = now_ms() + PROBE_WAIT_MS;
		while (now_ms() < end && poll(&pfd, 1, end - now_ms()) > 0)
			if (is_answer(p, recv(p->fd, p->packet, PROBE_MAX, 0), size))
				return true;
	}
	return false;
}

/* the largest of them that passes, when @low does and @high does not */
static size_t largest(struct probe *p, size_t low, size_t high)
{
	size_t middle;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (passes(p, middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void say_unsent(const struct probe *p, const char *from, const char *to, char *text,
		       size_t len)
{
	snprintf(text, len, "no echo can be sent from %s to %s: %s", from, to,
		 p->error == ENETUNREACH || p->error == EHOSTUNREACH ?
		 "this host has no route to it (ip route get)" : strerror(p->error));
}

static bool judge(struct probe *p, const char *from, const char *to, uint32_t mtu, size_t *found,
		  char *text, size_t len)
{
	if (passes(p, mtu)) {
		*found = mtu;
		snprintf(text, len, "%u octets to %s and back, as the module has it", mtu, to);
		return true;
	}
	if (!passes(p, PROBE_SMALL)) {
		if (p->error) {
			say_unsent(p, from, to, text, len);
			return false;
		}
		snprintf(text, len, "%s does not answer an echo through the tunnel at all", to);
		return false;
	}
	*found = largest(p, PROBE_SMALL, mtu);
	snprintf(text, len, "only %zu octets pass to %s and back, the module has %u: expected %u; "
		 "say `mtu %zu` in the tunnel, or repair the path", *found, to, mtu, mtu, *found);
	return false;
}

/**
 * cli_probe_mtu - does the MTU that the module has for a tunnel really pass?
 * @k: the module
 * @tunnel: "peer/tunnel", which is up
 * @to: whom to ask
 * @mtu: of the tunnel
 * @found: gets what passes, 0: nothing
 * @text: gets the result in words
 * @len: room there
 */
bool cli_probe_mtu(struct kern *k, const char *tunnel, const struct addr *to, uint32_t mtu,
		   size_t *found, char *text, size_t len)
{
	char a[ADDR_STRLEN], b[ADDR_STRLEN];
	struct addr from;
	struct probe p;
	bool ok;

	*found = 0;
	addr_str(to, a, sizeof(a));
	if (mtu < PROBE_SMALL) {
		snprintf(text, len, "the module has an MTU of %u", mtu);
		return false;
	}
	if (!find_source(k, tunnel, to, &from)) {
		snprintf(text, len, "the tunnel carries no echo from here to %s: expected an address of its access list on this host", a);
		return false;
	}
	ok = probe_open(&p, &from, to);
	if (ok)
		ok = judge(&p, addr_str(&from, b, sizeof(b)), a, mtu, found, text, len);
	else
		snprintf(text, len, "no socket for echoes: %s", strerror(errno));
	probe_close(&p);
	return ok;
}
