// SPDX-License-Identifier: GPL-2.0
/*
 * Sends wrong packets to an SA and looks where each of them ended.
 *
 *	packet-fuzz [--seed N] [--live] [--ring | --gso] SA KIND COUNT
 *
 * SA is esp4, esp6, udp4, udp6, ah4 or ah6, and after hyphens what else it is: x
 * (transport mode), null (NULL with HMAC, else AES-GCM), esn. The SA, with its
 * policy, is put into the namespace fuzz-to and taken away in the end; the
 * packets come from its neighbour, fuzz-from, over the device wire. KIND is a way
 * to be wrong, see mutate.c. Passes when the counters of nfipsec and of the stack
 * account for every packet sent, and where the kind knows it, for its cause.
 *
 * --live: what is opened goes on into the stack there, and nfipsec's own counters
 * are all that is compared. --ring: packets come out of a mapped ring, so that all
 * but their Ethernet header is in a page fragment. --gso: what travels in UDP comes
 * from a socket that hands over many datagrams as one, and arrives as one.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "counts.h"
#include "mutate.h"

#define BATCH		64
#define GSO_MAX		60000
#define RING_FRAME	4096
#define RING_FRAMES	512
#define TUNNEL		"fuzz/sa"

static struct {
	int fd;
	struct genl genl;
	struct counter *counter;
	struct counts before;
	bool live;
	/* sendmmsg() */
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	uint8_t *buffers;
	unsigned int queued;
	/* the ring; NULL without one */
	uint8_t *ring;
	unsigned int slot;
	/* the UDP socket, -1 without one; octets of one datagram and of all that wait */
	int udp;
	size_t segment, waiting;
} run = { .udp = -1 };

/* ---- the way out ---- */

static void enter(const char *netns)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

/* what one CPU sends it receives, in that order, which replay and fragments depend on */
static void stay_on_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		err(1, "sched_setaffinity");
}

static void ring_open(void)
{
	struct tpacket_req req = {
		.tp_block_size = RING_FRAME * 16,
		.tp_block_nr = RING_FRAMES / 16,
		.tp_frame_size = RING_FRAME,
		.tp_frame_nr = RING_FRAMES,
	};
	int version = TPACKET_V2;

	if (setsockopt(run.fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(run.fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)))
		err(1, "ring");
	run.ring = mmap(NULL, RING_FRAME * RING_FRAMES, PROT_READ | PROT_WRITE, MAP_SHARED, run.fd, 0);
	if (run.ring == MAP_FAILED)
		err(1, "mmap");
}

static void wire_socket(bool ring)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("wire") };
	int size = 64 << 20, bypass = 1;
	unsigned int i;

	run.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (run.fd < 0 || !to.sll_ifindex || bind(run.fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "packet socket");
	if (setsockopt(run.fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(run.fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)))
		err(1, "packet socket");
	if (ring)
		ring_open();
	run.buffers = malloc(BATCH * WIRE_FRAME_MAX);
	if (!run.buffers)
		err(1, "buffers");
	for (i = 0; i < BATCH; i++) {
		run.iov[i].iov_base = run.buffers + i * WIRE_FRAME_MAX;
		run.msgs[i].msg_hdr.msg_iov = &run.iov[i];
		run.msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

static void flush(void)
{
	unsigned int done = 0;

	while (done < run.queued) {
		int n = sendmmsg(run.fd, run.msgs + done, run.queued - done, 0);

		if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
			err(1, "sendmmsg of %zu octets", run.iov[done].iov_len);
		if (n > 0)
			done += n;
	}
	run.queued = 0;
}

static void emit(struct stream *s, const struct frame *f)
{
	(void)s;
	memcpy(run.iov[run.queued].iov_base, f->data, f->len);
	run.iov[run.queued].iov_len = f->len;
	if (++run.queued == BATCH)
		flush();
}

static struct tpacket2_hdr *slot(unsigned int i)
{
	return (struct tpacket2_hdr *)(run.ring + i * RING_FRAME);
}

static void ring_flush(void)
{
	if (send(run.fd, NULL, 0, 0) < 0)
		err(1, "ring");
}

static void udp_socket(int family)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(4500) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(4500) };
	struct sockaddr *a = family == 4 ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
	socklen_t len = family == 4 ? sizeof(a4) : sizeof(a6);
	void *at = family == 4 ? (void *)&a4.sin_addr : (void *)&a6.sin6_addr;
	size_t n = family == 4 ? 4 : 16;

	run.udp = socket(a->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(at, family == 4 ? wire_from4 : wire_from6, n);
	if (run.udp < 0 || bind(run.udp, a, len))
		err(1, "UDP socket");
	memcpy(at, family == 4 ? wire_to4 : wire_to6, n);
	if (connect(run.udp, a, len))
		err(1, "UDP socket");
}

static void gso_flush(void)
{
	int size = run.segment;

	if (!run.waiting)
		return;
	if (setsockopt(run.udp, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) ||
	    send(run.udp, run.buffers, run.waiting, 0) != (ssize_t)run.waiting)
		err(1, "UDP of %zu octets in segments of %d", run.waiting, size);
	run.waiting = 0;
}

/* those of one length together, without the headers that the socket makes */
static void gso_emit(struct stream *s, const struct frame *f)
{
	size_t len = f->len - f->l4 - 8;

	(void)s;
	if (len != run.segment || run.waiting + len > GSO_MAX || run.waiting / len == BATCH)
		gso_flush();
	run.segment = len;
	memcpy(run.buffers + run.waiting, f->data + f->l4 + 8, len);
	run.waiting += len;
}

/* ---- accounts ---- */

static void since(struct counts *c)
{
	unsigned int i;

	counter_read(run.counter, c);
	for (i = 0; i <= NFIPSEC_STAT_MAX; i++)
		c->nfipsec[i] -= run.before.nfipsec[i];
	for (i = 0; i < STACK_COUNTS; i++)
		c->stack[i] -= run.before.stack[i];
}

/* inbound, and the end of a packet or that it was left to others */
static bool is_end(unsigned int stat)
{
	const char *name = nfipsec_stat_name(stat);

	return name && !strncmp(name, "in_", 3);
}

/* those that no datagram was made of, or that it was made of beside the first */
static long long fragments(const struct counts *c)
{
	return c->stack[STACK_REASM_REQDS] - c->stack[STACK_REASM_OKS];
}

static long long accounted(const struct counts *c, const struct stream *s)
{
	long long n = 0;
	unsigned int i;

	for (i = NFIPSEC_STAT_UNSPEC + 1; i < NFIPSEC_STAT_PAD; i++)
		if (is_end(i))
			n += c->nfipsec[i];
	/* the ones inside the ones that were opened, which are for nobody here */
	if (run.live)
		return n - c->nfipsec[NFIPSEC_STAT_IN_UNKNOWN_SPI];
	for (i = STACK_HDR; i <= STACK_NO_ROUTE; i++)
		n += c->stack[i];
	for (i = STACK_UNKNOWN_PROTO; i <= STACK_XFRM; i++)
		n += c->stack[i];
	/* those went on, and were counted there too */
	n -= c->nfipsec[NFIPSEC_STAT_IN_UNKNOWN_SPI];
	/* IPv6 counts fragments only where the stack puts them together, and not netfilter */
	n += s->sa.family == 4 ? fragments(c) : (long long)s->absorbed;
	return n + s->silent;
}

static void print(const struct counts *c)
{
	unsigned int i;

	for (i = NFIPSEC_STAT_UNSPEC + 1; i < NFIPSEC_STAT_PAD; i++)
		if (c->nfipsec[i])
			printf(" %s %lld", nfipsec_stat_name(i), c->nfipsec[i]);
	for (i = 0; i < STACK_COUNTS; i++)
		if (c->stack[i])
			printf(" %s %lld", stack_count_name(i), c->stack[i]);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* until all are accounted for, or none more comes for a while */
static long long settle(const struct stream *s, struct counts *c)
{
	double last = now();
	long long n = -1, before = -1;

	while (n != (long long)s->sent && now() - last < 5) {
		if (n != before)
			last = now();
		before = n;
		since(c);
		n = accounted(c, s);
		if (n != (long long)s->sent)
			usleep(20000);
	}
	return n;
}

/* before a slot is used again, what was in it must be read: veth lets go of it too early */
static void ring_emit(struct stream *s, const struct frame *f)
{
	struct tpacket2_hdr *h = slot(run.slot);
	struct counts c;

	if (f->len > RING_FRAME - TPACKET2_HDRLEN)
		errx(1, "too long for the ring");
	memcpy((uint8_t *)h + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), f->data, f->len);
	h->tp_len = f->len;
	__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	if (++run.slot < RING_FRAMES)
		return;
	run.slot = 0;
	ring_flush();
	settle(s, &c);
}

/* ---- the SA ---- */

static void put_addrs(struct genl_msg *m, bool four, uint16_t local, uint16_t remote)
{
	genl_put(m, local, four ? wire_to4 : wire_to6, four ? 4 : 16);
	genl_put(m, remote, four ? wire_from4 : wire_from6, four ? 4 : 16);
}

static void put_sel(struct genl_msg *m, uint16_t type, uint8_t proto, const char *from,
		    const char *to, unsigned int len)
{
	uint8_t a[16], b[16];
	unsigned int host;
	int family = strchr(from, ':') ? AF_INET6 : AF_INET;
	size_t size = family == AF_INET ? 4 : 16, nest = genl_nest(m, type);

	if (inet_pton(family, from, a) != 1 || inet_pton(family, to, b) != 1)
		errx(1, "no addresses: %s, %s", from, to);
	genl_put_u8(m, NFIPSEC_A_SEL_PROTO, proto);
	genl_put(m, NFIPSEC_A_SEL_SADDR_MIN, a, size);
	genl_put(m, NFIPSEC_A_SEL_DADDR_MIN, b, size);
	for (host = len / 8; host < size; host++)
		a[host] = b[host] = 0xff;
	genl_put(m, NFIPSEC_A_SEL_SADDR_MAX, a, size);
	genl_put(m, NFIPSEC_A_SEL_DADDR_MAX, b, size);
	genl_nest_end(m, nest);
}

/* both families are carried in a tunnel, and between the ends UDP in transport mode; in: as
 * packets arrive */
static void put_sels(struct genl_msg *m, uint16_t type, const struct sa *sa, bool in)
{
	static const char *const nets[2][2] = {
		{ "10.2.0.0", "10.1.0.0" }, { "2001:db8:2::", "2001:db8:1::" },
	};
	static const char *const hosts[2][2] = {
		{ "192.0.2.2", "192.0.2.1" }, { "2001:db8::2", "2001:db8::1" },
	};
	unsigned int i;

	if (sa->transport) {
		i = sa->family == 6;
		put_sel(m, type, PROTO_UDP, hosts[i][!in], hosts[i][in], i ? 128 : 32);
		return;
	}
	for (i = 0; i < 2; i++)
		put_sel(m, type, 0, nets[i][!in], nets[i][in], i ? 48 : 16);
}

static void policy_set(const struct sa *sa)
{
	static struct genl_msg m;
	uint16_t mode = sa->transport ? NFIPSEC_MODE_TRANSPORT : NFIPSEC_MODE_TUNNEL;
	size_t nest;
	int i, error;

	genl_begin(&m, run.genl.family, NFIPSEC_CMD_POLICY_SET, NLM_F_ACK);
	nest = genl_nest(&m, NFIPSEC_A_TUNNEL);
	genl_put_string(&m, NFIPSEC_A_TUNNEL_NAME, TUNNEL);
	genl_put_u8(&m, NFIPSEC_A_TUNNEL_MODE, mode);
	put_addrs(&m, sa->family == 4, NFIPSEC_A_TUNNEL_LOCAL, NFIPSEC_A_TUNNEL_REMOTE);
	genl_nest_end(&m, nest);
	for (i = 0; i < (sa->transport ? 1 : 2); i++) {
		nest = genl_nest(&m, NFIPSEC_A_ENTRY);
		genl_put_string(&m, NFIPSEC_A_ENTRY_LIST, "fuzz");
		genl_put_u32(&m, NFIPSEC_A_ENTRY_NUMBER, 10 * (i + 1));
		genl_put_u8(&m, NFIPSEC_A_ENTRY_ACTION, NFIPSEC_ACTION_PROTECT);
		genl_put_string(&m, NFIPSEC_A_ENTRY_TUNNEL, TUNNEL);
		/* of transport mode only the port that carries the payload: not UDP 4500 */
		if (sa->transport) {
			size_t sel;
			uint16_t port = htons(WIRE_PORT);

			sel = m.len;
			put_sels(&m, NFIPSEC_A_ENTRY_SELECTOR, sa, false);
			genl_put(&m, NFIPSEC_A_SEL_SPORT_MIN, &port, 2);
			genl_put(&m, NFIPSEC_A_SEL_SPORT_MAX, &port, 2);
			genl_nest_end(&m, sel);
		} else {
			put_sel(&m, NFIPSEC_A_ENTRY_SELECTOR, 0, i ? "2001:db8:1::" : "10.1.0.0",
				i ? "2001:db8:2::" : "10.2.0.0", i ? 48 : 16);
		}
		genl_nest_end(&m, nest);
	}
	error = genl_ask(&run.genl, &m);
	if (error)
		errx(1, "the policy is refused: %s", strerror(-error));
}

static void sa_add(const struct sa *sa)
{
	static struct genl_msg m;
	uint16_t port = htons(4500);
	bool ah = sa->proto == PROTO_AH;
	uint32_t spi = htonl(sa->spi);
	size_t nest;
	int error;

	genl_begin(&m, run.genl.family, NFIPSEC_CMD_SA_ADD, NLM_F_ACK);
	nest = genl_nest(&m, NFIPSEC_A_SA);
	genl_put_u8(&m, NFIPSEC_A_SA_PROTO, sa->proto);
	genl_put(&m, NFIPSEC_A_SA_SPI, &spi, sizeof(spi));
	genl_put_u8(&m, NFIPSEC_A_SA_DIR, NFIPSEC_DIR_IN);
	genl_put_u8(&m, NFIPSEC_A_SA_MODE,
		    sa->transport ? NFIPSEC_MODE_TRANSPORT : NFIPSEC_MODE_TUNNEL);
	genl_put_string(&m, NFIPSEC_A_SA_TUNNEL, TUNNEL);
	put_addrs(&m, sa->family == 4, NFIPSEC_A_SA_LOCAL, NFIPSEC_A_SA_REMOTE);
	if (!ah)
		genl_put_u16(&m, NFIPSEC_A_SA_ENCR,
			     sa->null ? NFIPSEC_ENCR_NULL : NFIPSEC_ENCR_AES_GCM_16);
	if (!ah && !sa->null)
		genl_put(&m, NFIPSEC_A_SA_ENCR_KEY, sa->key, sizeof(sa->key));
	if (ah || sa->null) {
		genl_put_u16(&m, NFIPSEC_A_SA_INTEG, NFIPSEC_INTEG_HMAC_SHA2_256_128);
		genl_put(&m, NFIPSEC_A_SA_INTEG_KEY, sa->mac_key, sizeof(sa->mac_key));
	}
	if (sa->esn)
		genl_put(&m, NFIPSEC_A_SA_ESN, NULL, 0);
	if (sa->udp) {
		genl_put(&m, NFIPSEC_A_SA_ENCAP_LOCAL_PORT, &port, sizeof(port));
		genl_put(&m, NFIPSEC_A_SA_ENCAP_REMOTE_PORT, &port, sizeof(port));
	}
	put_sels(&m, NFIPSEC_A_SA_SELECTOR, sa, true);
	genl_nest_end(&m, nest);
	error = genl_ask(&run.genl, &m);
	if (error)
		errx(1, "the SA is refused: %s", strerror(-error));
}

/* no policy, and so no SA */
static void policy_clear(void)
{
	static struct genl_msg m;
	int error;

	genl_begin(&m, run.genl.family, NFIPSEC_CMD_POLICY_SET, NLM_F_ACK);
	error = genl_ask(&run.genl, &m);
	if (error)
		errx(1, "the policy does not go: %s", strerror(-error));
}

/*
 * What nfipsec0 was given and lost. The device goes with the policy, and so do its counters.
 */
static unsigned long long device_drops(void)
{
	unsigned long long bytes, packets, errors, drops;
	char line[512];
	FILE *f;

	enter("fuzz-to");
	f = fopen("/proc/thread-self/net/dev", "r");
	if (!f)
		err(1, "/proc/thread-self/net/dev");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " " NFIPSEC_DEV_NAME ": %llu %llu %llu %llu", &bytes, &packets,
			   &errors, &drops) == 4) {
			fclose(f);
			return drops;
		}
	}
	errx(1, "no device " NFIPSEC_DEV_NAME);
}

static void sa_parse(struct sa *sa, char *words)
{
	static const char *const protos[] = { "esp", "udp", "ah" };
	char *word = strtok(words, "-");
	size_t i, len = strlen(word);

	sa->family = word[len - 1] - '0';
	word[len - 1] = 0;
	for (i = 0; i < 3 && strcmp(word, protos[i]); i++)
		;
	if (i == 3 || (sa->family != 4 && sa->family != 6))
		errx(2, "no SA: %s", word);
	sa->proto = i == 2 ? PROTO_AH : PROTO_ESP;
	sa->udp = i == 1;
	while ((word = strtok(NULL, "-"))) {
		if (!strcmp(word, "x"))
			sa->transport = true;
		else if (!strcmp(word, "null"))
			sa->null = true;
		else if (!strcmp(word, "esn"))
			sa->esn = true;
		else
			errx(2, "no SA: %s", word);
	}
	sa->spi = 0x1000000 | sa->family << 8 | sa->proto;
	sa_init(sa);
}

/* ---- all of it ---- */

static void send_all(struct stream *s, const struct kind *kind, unsigned long long count)
{
	unsigned long long i;

	for (i = 0; s->sent < count; i++)
		kind->make(s, i);
	if (run.ring)
		ring_flush();
	else if (run.udp >= 0)
		gso_flush();
	else
		flush();
}

static int compare(struct stream *s, const struct kind *kind, long long n, const struct counts *c)
{
	const unsigned int *stat;
	int status = 0;

	if (n != (long long)s->sent) {
		printf("%lld packets are accounted for, %llu were sent\n", n, s->sent);
		status = 1;
	}
	if (s->absorbed && s->sa.family == 4 && fragments(c) != (long long)s->absorbed) {
		printf("expected %llu fragments without a datagram of their own\n", s->absorbed);
		status = 1;
	}
	for (stat = kind->exact; *stat; stat++) {
		if (c->nfipsec[*stat] == s->expect[*stat])
			continue;
		printf("expected %s %lld\n", nfipsec_stat_name(*stat), s->expect[*stat]);
		status = 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "live", no_argument, NULL, 'l' },
		{ "ring", no_argument, NULL, 'r' },
		{ "gso", no_argument, NULL, 'g' },
		{},
	};
	static struct stream s;
	const struct kind *kind;
	unsigned long long seed = 1, drops;
	struct counts c;
	bool ring = false, gso = false;
	double began;
	long long n;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'l':
			run.live = true;
			break;
		case 'r':
			ring = true;
			break;
		case 'g':
			gso = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 3)
		errx(2, "usage: packet-fuzz [--seed N] [--live] [--ring | --gso] SA KIND COUNT");
	kind = kind_find(argv[optind + 1]);
	if (!kind)
		errx(2, "no kind: %s", argv[optind + 1]);
	printf("seed %llu %s %s:", seed, argv[optind], kind->name);
	sa_parse(&s.sa, argv[optind]);
	s.rng.state = seed;
	s.emit = ring ? ring_emit : gso ? gso_emit : emit;
	if (gso && !s.sa.udp)
		errx(2, "--gso wants an SA in UDP");

	stay_on_cpu();
	enter("fuzz-to");
	genl_open(&run.genl, NFIPSEC_GENL_NAME);
	run.counter = counter_open(&run.genl, s.sa.family, "wire");
	enter("fuzz-from");
	wire_socket(ring);
	if (gso)
		udp_socket(s.sa.family);
	policy_set(&s.sa);
	sa_add(&s.sa);
	counter_read(run.counter, &run.before);
	began = now();
	send_all(&s, kind, strtoull(argv[optind + 2], NULL, 0));
	n = settle(&s, &c);
	printf(" sent %llu in %.1f s:", s.sent, now() - began);
	print(&c);
	printf("\n");
	status = compare(&s, kind, n, &c);
	drops = device_drops();
	if (drops) {
		printf("%s dropped %llu\n", NFIPSEC_DEV_NAME, drops);
		status = 1;
	}
	policy_clear();
	return status;
}
