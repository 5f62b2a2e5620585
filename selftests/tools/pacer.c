// SPDX-License-Identifier: GPL-2.0
/*
 * pacer SECONDS TUNNEL...: sends a numbered UDP datagram each second in both directions of each
 * tunnel, and counts losses, duplicates and delays.
 *
 * In a user-mode kernel a system call costs more than a packet. The pacer serves all network
 * namespaces by one socket each: it sends all datagrams of a second by one call, and reads
 * those of many seconds by one. The kernel stamps each datagram when it arrives.
 *
 *	TUNNEL	NAME:NETNS/ADDRESS:NETNS/ADDRESS	(IPv4)
 *
 * The pacer writes a line when a run of losses begins and ends, and one for each direction at
 * the end. A tunnel that has lost each datagram of GIVE_UP seconds is paced no more. The
 * pacer ends after SECONDS of the monotonic clock, or on SIGTERM.
 *
 *	each second		settle the oldest number -> send the next number
 *	each RECEIVE_EVERY	receive
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT = 7007,
	RECEIVE_BATCH = 128,
	WINDOW = 64,		/* a datagram is lost when it is missing after so many seconds */
	RECEIVE_EVERY = 25,	/* seconds; less than WINDOW by as much as a datagram may be late */
	GIVE_UP = 120,		/* seconds of loss in both directions */
	TUNNELS = 16,
	/* In virtual time the work of a busy machine delays datagrams, too: 480 ms were seen. */
	LATE_MS = 5000,
};

#define MAGIC 0x70616365u
#define NS_PER_S 1000000000ll

/* payload of a datagram, in the byte order of the host: this process is both ends */
struct note {
	uint32_t magic;
	uint32_t stream;
	uint64_t number;
	int64_t sent_ns;	/* CLOCK_REALTIME */
};

/**
 * struct stream - one direction of a tunnel
 * @name: tunnel and direction, for the reports
 * @number: number of the last datagram that was sent
 * @seen: bit N: number @number - N has arrived
 * @lost: datagrams missing after WINDOW seconds
 * @run: losses since the last datagram that arrived
 * @duplicates: datagrams that arrived again
 * @late: datagrams that took more than LATE_MS
 * @unsent: datagrams that the stack refused
 * @slowest_ns: the longest delay
 * @note: payload of the next datagram
 * @from: address of this end
 * @to: address of the other end
 * @iov: location of @note
 * @control: control message that sets the source address @from
 */
struct stream {
	char name[128];
	uint64_t number;
	uint64_t seen;
	uint64_t lost;
	uint64_t run;
	uint64_t duplicates;
	uint64_t late;
	uint64_t unsent;
	int64_t slowest_ns;
	struct note note;
	struct sockaddr_in from;
	struct sockaddr_in to;
	struct iovec iov;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

/**
 * struct endpoint - the socket of a namespace, for all tunnels that end there
 * @netns: the namespace's name
 * @fd: the socket
 * @streams: directions that start in the namespace
 * @n: number of @streams
 */
struct endpoint {
	char netns[32];
	int fd;
	struct stream *streams[TUNNELS];
	unsigned int n;
};

/* the streams 2N and 2N + 1 are tunnel N's directions */
static struct stream streams[2 * TUNNELS];
static bool silent[TUNNELS];
static struct endpoint endpoints[2 * TUNNELS];
static unsigned int n_tunnels, n_endpoints;
static struct timespec began;
static int64_t began_real_ns;	/* CLOCK_REALTIME at @began */
static volatile sig_atomic_t ended;

static void on_term(int number)
{
	(void)number;
	ended = 1;
}

static int64_t to_ns(const struct timespec *t)
{
	return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return to_ns(&t);
}

/* Begins a line with the time since the start and the time of day. */
static void print_time(int64_t ago_s)
{
	int64_t s = (now_ns(CLOCK_MONOTONIC) - to_ns(&began)) / NS_PER_S - ago_s;
	time_t day = time(NULL) - ago_s;
	struct tm tm;
	char text[32];

	gmtime_r(&day, &tm);
	strftime(text, sizeof(text), "%F %T", &tm);
	printf("%" PRId64 "d %02d:%02d:%02d (%s) ", s / 86400, (int)(s / 3600 % 24),
	       (int)(s / 60 % 60), (int)(s % 60), text);
}

static void print_totals(const struct stream *s)
{
	printf("total %s: sent %" PRIu64 " lost %" PRIu64 " duplicates %" PRIu64 " late %" PRIu64
	       " unsent %" PRIu64 " slowest %" PRId64 " us\n",
	       s->name, s->number, s->lost, s->duplicates, s->late, s->unsent,
	       s->slowest_ns / 1000);
}

/* ---- receiving ---- */

static int64_t stamp_of(struct msghdr *msg)
{
	struct cmsghdr *c;
	struct timespec t;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		return to_ns(&t);
	}
	return now_ns(CLOCK_REALTIME);
}

static void take_note(const struct note *note, int64_t arrived_ns)
{
	struct stream *s = &streams[note->stream];
	int64_t delay = arrived_ns - note->sent_ns;
	uint64_t age = s->number - note->number;

	if (age >= WINDOW || s->seen & 1ull << age) {
		s->duplicates++;
		print_time(0);
		printf("%s: number %" PRIu64 " again\n", s->name, note->number);
		return;
	}
	s->seen |= 1ull << age;
	if (delay > s->slowest_ns)
		s->slowest_ns = delay;
	if (delay <= LATE_MS * 1000000ll)
		return;
	s->late++;
	print_time(0);
	printf("%s: number %" PRIu64 " took %" PRId64 " ms\n", s->name, note->number,
	       delay / 1000000);
}

/* Reads all datagrams of the socket. */
static void receive(const struct endpoint *e)
{
	struct note notes[RECEIVE_BATCH];
	struct iovec iov[RECEIVE_BATCH];
	struct mmsghdr msgs[RECEIVE_BATCH];
	char control[RECEIVE_BATCH][CMSG_SPACE(sizeof(struct timespec))];
	int i, n;

	do {
		for (i = 0; i < RECEIVE_BATCH; i++) {
			iov[i] = (struct iovec){ &notes[i], sizeof(notes[i]) };
			msgs[i].msg_hdr = (struct msghdr){
				.msg_iov = &iov[i], .msg_iovlen = 1,
				.msg_control = control[i], .msg_controllen = sizeof(control[i]),
			};
		}
		n = recvmmsg(e->fd, msgs, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
		for (i = 0; i < n; i++)
			if (msgs[i].msg_len == sizeof(struct note) && notes[i].magic == MAGIC &&
			    notes[i].stream < 2 * n_tunnels)
				take_note(&notes[i], stamp_of(&msgs[i].msg_hdr));
	} while (n == RECEIVE_BATCH);
}

/* ---- losses ---- */

/* Settles number @number - @age: it arrived, or is lost. */
static void settle(struct stream *s, unsigned int age)
{
	if (s->number <= age)
		return;
	if (!(s->seen & 1ull << age)) {
		s->lost++;
		if (!s->run++) {
			print_time(age);
			printf("%s: number %" PRIu64 " is lost\n", s->name, s->number - age);
		}
	} else if (s->run) {
		print_time(age);
		printf("%s: arrives again, after %" PRIu64 " losses\n", s->name, s->run);
		s->run = 0;
	}
}

/* Stops sending in a tunnel that has lost all datagrams of GIVE_UP seconds. */
static void check_silence(unsigned int tunnel)
{
	const struct stream *s = &streams[2 * tunnel];

	if (silent[tunnel] || s[0].run < GIVE_UP || s[1].run < GIVE_UP)
		return;
	silent[tunnel] = true;
	print_time(0);
	printf("%.*s is silent\n", (int)strcspn(s->name, " "), s->name);
}

/* ---- sending ---- */

static void prepare(struct stream *s)
{
	settle(s, WINDOW - 1);
	s->seen <<= 1;
	s->note.number = ++s->number;
}

static void send_all(const struct endpoint *e, int64_t now_real_ns)
{
	struct mmsghdr msgs[TUNNELS];
	unsigned int i, n = 0, sent = 0;
	struct stream *s;
	int done;

	for (i = 0; i < e->n; i++) {
		s = e->streams[i];
		if (silent[(s - streams) / 2])
			continue;
		prepare(s);
		s->note.sent_ns = now_real_ns;
		msgs[n++].msg_hdr = (struct msghdr){
			.msg_name = &s->to, .msg_namelen = sizeof(s->to),
			.msg_iov = &s->iov, .msg_iovlen = 1,
			.msg_control = s->control, .msg_controllen = sizeof(s->control),
		};
	}
	while (sent < n) {
		done = sendmmsg(e->fd, msgs + sent, n - sent, MSG_DONTWAIT);
		if (done > 0) {
			sent += done;
			continue;
		}
		s = &streams[((struct note *)msgs[sent].msg_hdr.msg_iov->iov_base)->stream];
		s->unsent++;
		sent++;
	}
}

/* ---- tunnels ---- */

static int open_socket(const char *netns)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	char path[64];
	int one = 1, ns, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		err(2, "%s", path);
	close(ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		err(2, "a socket in %s", netns);
	return fd;
}

/* Returns the namespace's endpoint, a new one if need be, and its address by @at. */
static struct endpoint *endpoint_get(char *text, struct sockaddr_in *at)
{
	char *slash = strchr(text, '/');
	struct endpoint *e;

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT) };
	if (!slash || (size_t)(slash - text) >= sizeof(e->netns) ||
	    inet_pton(AF_INET, slash + 1, &at->sin_addr) != 1)
		errx(2, "'%s' is not NETNS/ADDRESS", text);
	*slash = 0;
	for (e = endpoints; e < endpoints + n_endpoints; e++)
		if (!strcmp(e->netns, text))
			return e;
	n_endpoints++;
	strcpy(e->netns, text);
	e->fd = open_socket(text);
	return e;
}

static void set_source(struct stream *s)
{
	struct in_pktinfo info = { .ipi_spec_dst = s->from.sin_addr };
	struct cmsghdr *c = (struct cmsghdr *)s->control;

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
}

static void stream_add(unsigned int index, const char *name, struct endpoint *e,
		       const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	struct stream *s = &streams[index];

	snprintf(s->name, sizeof(s->name), "%s %s", name, index % 2 ? "back" : "forth");
	s->from = *from;
	s->to = *to;
	s->note.magic = MAGIC;
	s->note.stream = index;
	s->iov = (struct iovec){ &s->note, sizeof(s->note) };
	set_source(s);
	e->streams[e->n++] = s;
}

static void tunnel_add(char *spec)
{
	char *save, *name = strtok_r(spec, ":", &save);
	char *one = strtok_r(NULL, ":", &save), *other = strtok_r(NULL, ":", &save);
	struct sockaddr_in at_a, at_b;
	struct endpoint *a, *b;

	if (!other || n_tunnels == TUNNELS)
		errx(2, "'%s' is no tunnel, or one too many", spec);
	a = endpoint_get(one, &at_a);
	b = endpoint_get(other, &at_b);
	if (a == b)
		errx(2, "both ends of %s are in %s", name, a->netns);
	stream_add(2 * n_tunnels, name, a, &at_a, &at_b);
	stream_add(2 * n_tunnels + 1, name, b, &at_b, &at_a);
	n_tunnels++;
}

static void receive_all(void)
{
	unsigned int i;

	for (i = 0; i < n_endpoints; i++)
		receive(&endpoints[i]);
}

/* Paces one second, whose number is @second. */
static void pace(int64_t second)
{
	unsigned int i;

	if (second % RECEIVE_EVERY == 0) {
		receive_all();
		for (i = 0; i < n_tunnels; i++)
			check_silence(i);
	}
	for (i = 0; i < n_endpoints; i++)
		send_all(&endpoints[i], began_real_ns + second * NS_PER_S);
}

/* Settles the last numbers of each stream and prints the totals. */
static void finish(void)
{
	unsigned int i;
	int age;

	for (i = 0; i < 2 * n_tunnels; i++) {
		for (age = WINDOW - 1; age >= 0; age--)
			settle(&streams[i], age);
		print_totals(&streams[i]);
	}
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	struct timespec next;
	int64_t second, seconds;
	int i;

	if (argc < 3)
		errx(2, "usage: pacer SECONDS NAME:NETNS/ADDRESS:NETNS/ADDRESS ...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &term, NULL);
	for (i = 2; i < argc; i++)
		tunnel_add(argv[i]);
	seconds = atoll(argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &began);
	began_real_ns = now_ns(CLOCK_REALTIME);
	next = began;
	for (second = 0; !ended && second < seconds; second++) {
		pace(second);
		next.tv_sec++;
		while (!ended && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL))
			;
	}
	/* the last datagrams are in flight */
	sleep(2);
	receive_all();
	finish();
	return 0;
}
