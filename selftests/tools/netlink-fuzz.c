// SPDX-License-Identifier: GPL-2.0
/*
 * Sends netlink messages that are wrong in every way, and right ones in between,
 * so that there is something to go wrong with.
 *
 *	netlink-fuzz [--seed N] COUNT
 *
 * In the network namespace it is started in. A message is written as it should be,
 * by the ABI, and on the way each attribute may be left out, come twice, with another
 * type, length or value; then octets of the whole may change, or its end be cut off.
 * Meanwhile one process dumps, one listens to events, and one sends packets that
 * the policies of the moment may want protected. At the end SAs and policy are gone.
 * Passes when every message was answered and each command was accepted at least once.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/nfipsec.h>

#include "counts.h"
#include "wire.h"

#define TUNNELS 4
#define SPIS	8

static struct rng rng;
static unsigned int noise;	/* of a thousand attributes, how many become wrong */
static struct genl sock;
static unsigned long long answers, accepted[256], refused[256], errors[256];
static double took[256];

static uint32_t below(uint32_t n) { return rng_below(&rng, n); }
static bool one_in(uint32_t n) { return !below(n); }
static bool wrong(void) { return below(1000) < noise; }

/* ---- attributes, right or wrong ---- */

static void put(struct genl_msg *m, uint16_t type, const void *data, size_t len)
{
	uint8_t copy[300];
	size_t n = len;

	if (!wrong()) {
		genl_put(m, type, data, len);
		return;
	}
	memset(copy, 0, sizeof(copy));
	if (len)
		memcpy(copy, data, len);
	switch (below(7)) {
	case 0:
		return;
	case 1:
		genl_put(m, type, copy, n);
		break;
	case 2:
		type = below(70);
		break;
	case 3:
		n = below(one_in(4) ? sizeof(copy) : 20);
		break;
	case 4:
		rng_fill(&rng, copy, n);
		break;
	case 5:
		type |= one_in(2) ? NLA_F_NESTED : NLA_F_NET_BYTEORDER;
		break;
	case 6:
		if (n)
			copy[below(n)] ^= 1 << below(8);
		break;
	}
	genl_put(m, type, copy, n);
}

static void put_u8(struct genl_msg *m, uint16_t type, uint8_t value) { put(m, type, &value, 1); }
static void put_u16(struct genl_msg *m, uint16_t type, uint16_t value) { put(m, type, &value, 2); }
static void put_u32(struct genl_msg *m, uint16_t type, uint32_t value) { put(m, type, &value, 4); }
static void put_u64(struct genl_msg *m, uint16_t type, uint64_t value) { put(m, type, &value, 8); }
static void put_be16(struct genl_msg *m, uint16_t type, uint16_t v) { put_u16(m, type, htons(v)); }
static void put_be32(struct genl_msg *m, uint16_t type, uint32_t v) { put_u32(m, type, htonl(v)); }

static void put_text(struct genl_msg *m, uint16_t type, const char *text)
{
	put(m, type, text, strlen(text) + 1);
}

static size_t nest(struct genl_msg *m, uint16_t type)
{
	if (wrong())
		type = below(12);
	return genl_nest(m, type);
}

static void nest_end(struct genl_msg *m, size_t at)
{
	genl_nest_end(m, at);
	/* so that it is nested in itself, or in what comes behind it */
	if (wrong())
		((struct nlattr *)(m->data + at))->nla_len = below(m->len - at + 40);
}

static void put_addr(struct genl_msg *m, uint16_t type, bool six, unsigned int last)
{
	uint8_t a[16] = { 192, 0, 2, last };

	if (six) {
		memcpy(a, wire_to6, 16);
		a[15] = last;
	}
	put(m, type, a, six ? 16 : 4);
}

static void put_name(struct genl_msg *m, uint16_t type)
{
	char name[] = "fuzz/0";

	name[5] += below(wrong() ? 9 : TUNNELS);
	put_text(m, type, name);
}

static void put_range(struct genl_msg *m, uint16_t type, bool six, unsigned int net)
{
	uint8_t min[16] = { 10, net }, max[16] = { 10, net, 255, 255 };

	if (six) {
		memcpy(min, wire_to6, 16);
		min[5] = net;
		memcpy(max, min, 16);
		memset(max + 6, 0xff, 10);
	}
	put(m, type, min, six ? 16 : 4);
	put(m, type + 1, max, six ? 16 : 4);
}

static void put_sel(struct genl_msg *m, uint16_t type, bool six, bool in)
{
	static const uint8_t protos[] = { 0, 0, 1, 6, 17, 58, 132 };
	size_t at = nest(m, type);
	uint8_t proto = protos[below(sizeof(protos))];

	if (proto || one_in(2))
		put_u8(m, NFIPSEC_A_SEL_PROTO, proto);
	put_range(m, NFIPSEC_A_SEL_SADDR_MIN, six, 1 + in);
	put_range(m, NFIPSEC_A_SEL_DADDR_MIN, six, 2 - in);
	if (proto && one_in(2)) {
		put_be16(m, NFIPSEC_A_SEL_SPORT_MIN, below(1000));
		put_be16(m, NFIPSEC_A_SEL_SPORT_MAX, 1000 + below(64000));
		put_be16(m, NFIPSEC_A_SEL_DPORT_MIN, below(1000));
		put_be16(m, NFIPSEC_A_SEL_DPORT_MAX, 1000 + below(64000));
	}
	nest_end(m, at);
}

/* ---- commands ---- */

static const struct { uint16_t encr, key, integ, integ_key; } suites[] = {
	{ NFIPSEC_ENCR_AES_GCM_16, 20, 0, 0 },
	{ NFIPSEC_ENCR_AES_GCM_8, 36, 0, 0 },
	{ NFIPSEC_ENCR_AES_CCM_12, 19, 0, 0 },
	{ NFIPSEC_ENCR_CHACHA20_POLY1305, 36, 0, 0 },
	{ NFIPSEC_ENCR_NULL_AUTH_AES_GMAC, 20, 0, 0 },
	{ NFIPSEC_ENCR_AES_GCM_16_IIV, 20, 0, 0 },
	{ NFIPSEC_ENCR_AES_CBC, 16, NFIPSEC_INTEG_HMAC_SHA2_256_128, 32 },
	{ NFIPSEC_ENCR_AES_CTR, 20, NFIPSEC_INTEG_HMAC_SHA1_96, 20 },
	{ NFIPSEC_ENCR_CAMELLIA_CBC, 32, NFIPSEC_INTEG_AES_CMAC_96, 16 },
	{ NFIPSEC_ENCR_NULL, 0, NFIPSEC_INTEG_HMAC_SHA2_512_256, 64 },
	{ 0, 0, NFIPSEC_INTEG_HMAC_SHA2_384_192, 48 },
	{ 0, 0, NFIPSEC_INTEG_AES_XCBC_96, 16 },
};

/* what names an SA; a few only, so that they meet again */
static void put_sa_key(struct genl_msg *m, bool ah, bool in, bool six)
{
	put_u8(m, NFIPSEC_A_SA_PROTO, ah ? 51 : 50);
	put_be32(m, NFIPSEC_A_SA_SPI, 0x1000 + below(SPIS));
	put_u8(m, NFIPSEC_A_SA_DIR, in ? NFIPSEC_DIR_IN : NFIPSEC_DIR_OUT);
	put_addr(m, NFIPSEC_A_SA_LOCAL, six, 1);
	put_addr(m, NFIPSEC_A_SA_REMOTE, six, 2);
}

static void put_limits(struct genl_msg *m)
{
	unsigned int i;

	for (i = NFIPSEC_A_SA_SOFT_SECONDS; i <= NFIPSEC_A_SA_HARD_PACKETS; i++)
		if (one_in(3))
			put_u64(m, i, one_in(3) ? rng_next(&rng) : below(100));
}

static void sa_add(struct genl_msg *m)
{
	unsigned int suite = below(sizeof(suites) / sizeof(suites[0])), n;
	bool ah = !suites[suite].encr, in = one_in(2), six = one_in(4);
	uint8_t key[64];
	size_t at = nest(m, NFIPSEC_A_SA);

	rng_fill(&rng, key, sizeof(key));
	put_sa_key(m, ah, in, six);
	put_u8(m, NFIPSEC_A_SA_MODE, one_in(4) ? NFIPSEC_MODE_TRANSPORT : NFIPSEC_MODE_TUNNEL);
	put_name(m, NFIPSEC_A_SA_TUNNEL);
	if (!ah)
		put_u16(m, NFIPSEC_A_SA_ENCR, suites[suite].encr);
	if (suites[suite].key)
		put(m, NFIPSEC_A_SA_ENCR_KEY, key, suites[suite].key);
	if (suites[suite].integ) {
		put_u16(m, NFIPSEC_A_SA_INTEG, suites[suite].integ);
		put(m, NFIPSEC_A_SA_INTEG_KEY, key, suites[suite].integ_key);
	}
	if (one_in(3))
		put(m, NFIPSEC_A_SA_ESN, NULL, 0);
	if (in && one_in(2))
		put_u32(m, NFIPSEC_A_SA_REPLAY_WINDOW, 32 << below(8));
	if (one_in(2))
		put_limits(m);
	if (!ah && one_in(4)) {
		put_be16(m, NFIPSEC_A_SA_ENCAP_LOCAL_PORT, 4500);
		put_be16(m, NFIPSEC_A_SA_ENCAP_REMOTE_PORT, 4500 + below(3));
	}
	for (n = one_in(20) ? below(70) : below(3); n; n--)
		put_sel(m, NFIPSEC_A_SA_SELECTOR, one_in(3), in);
	nest_end(m, at);
}

static void sa_key(struct genl_msg *m)
{
	size_t at = nest(m, NFIPSEC_A_SA);

	put_sa_key(m, one_in(8), one_in(2), one_in(4));
	nest_end(m, at);
}

static void sa_flush(struct genl_msg *m)
{
	size_t at;

	if (one_in(4))
		return;
	at = nest(m, NFIPSEC_A_SA);
	put_name(m, NFIPSEC_A_SA_TUNNEL);
	nest_end(m, at);
}

static void put_tunnel(struct genl_msg *m, unsigned int i)
{
	char name[] = "fuzz/0";
	bool six = i % 4 == 3;
	size_t at = nest(m, NFIPSEC_A_TUNNEL);

	name[5] += i;
	put_text(m, NFIPSEC_A_TUNNEL_NAME, name);
	put_u8(m, NFIPSEC_A_TUNNEL_MODE,
	       one_in(8) ? NFIPSEC_MODE_TRANSPORT : NFIPSEC_MODE_TUNNEL);
	if (one_in(2)) {
		put_addr(m, NFIPSEC_A_TUNNEL_LOCAL, six, 1);
		put_addr(m, NFIPSEC_A_TUNNEL_REMOTE, six, 2);
	}
	if (one_in(3))
		put_u32(m, NFIPSEC_A_TUNNEL_MTU, 1280 + below(1000));
	if (one_in(3))
		put_u8(m, NFIPSEC_A_TUNNEL_DF, 1 + below(3));
	if (one_in(3))
		put_u8(m, NFIPSEC_A_TUNNEL_DSCP, below(64));
	if (one_in(8))
		put(m, NFIPSEC_A_TUNNEL_BUNDLE, NULL, 0);
	if (one_in(8))
		put_u32(m, NFIPSEC_A_TUNNEL_TFC, below(2000));
	if (one_in(8))
		put_u32(m, NFIPSEC_A_TUNNEL_MARK, below(16));
	if (one_in(8))
		put_text(m, NFIPSEC_A_TUNNEL_VRF, one_in(2) ? "fuzz0" : "none");
	nest_end(m, at);
}

static void put_entry(struct genl_msg *m, unsigned int number, unsigned int tunnels)
{
	char name[] = "fuzz/0";
	unsigned int action = 1 + below(3);
	size_t at = nest(m, NFIPSEC_A_ENTRY);

	put_text(m, NFIPSEC_A_ENTRY_LIST, "list");
	put_u32(m, NFIPSEC_A_ENTRY_NUMBER, number);
	if (!tunnels && action == NFIPSEC_ACTION_PROTECT)
		action = NFIPSEC_ACTION_BYPASS;
	put_u8(m, NFIPSEC_A_ENTRY_ACTION, action);
	if (action == NFIPSEC_ACTION_PROTECT) {
		name[5] += below(tunnels);
		put_text(m, NFIPSEC_A_ENTRY_TUNNEL, name);
	}
	put_sel(m, NFIPSEC_A_ENTRY_SELECTOR, one_in(4), false);
	nest_end(m, at);
}

static void policy_set(struct genl_msg *m)
{
	unsigned int tunnels = one_in(8) ? below(TUNNELS) : TUNNELS, entries = one_in(8) ? below(100) : below(6), i;

	for (i = 0; i < tunnels; i++)
		put_tunnel(m, i);
	for (i = 0; i < entries; i++)
		put_entry(m, i * 10, tunnels);
}

static void nothing(struct genl_msg *m)
{
	if (wrong())
		put_u32(m, below(9), rng_next(&rng));
}

static void explain(struct genl_msg *m)
{
	bool six = one_in(4);
	size_t at = nest(m, NFIPSEC_A_FLOW);
	uint8_t a[16] = { 10, 1, 0, 1 };

	put_u8(m, NFIPSEC_A_FLOW_DIR, 1 + below(2));
	put_u8(m, NFIPSEC_A_FLOW_PROTO, one_in(2) ? 17 : below(256));
	if (six)
		memcpy(a, wire_to6, 16);
	a[six ? 5 : 1] = 1;
	put(m, NFIPSEC_A_FLOW_SADDR, a, six ? 16 : 4);
	a[six ? 5 : 1] = 2;
	put(m, NFIPSEC_A_FLOW_DADDR, a, six ? 16 : 4);
	if (one_in(2)) {
		put_be16(m, NFIPSEC_A_FLOW_SPORT, below(65536));
		put_be16(m, NFIPSEC_A_FLOW_DPORT, below(65536));
	}
	nest_end(m, at);
}

static void sa_move(struct genl_msg *m)
{
	bool six = one_in(4);
	size_t at;

	sa_key(m);
	at = nest(m, NFIPSEC_A_ENDS);
	put_addr(m, NFIPSEC_A_ENDS_LOCAL, six, 1 + below(2));
	put_addr(m, NFIPSEC_A_ENDS_REMOTE, six, 2 + below(2));
	if (one_in(4)) {
		put_be16(m, NFIPSEC_A_ENDS_LOCAL_PORT, 4500);
		put_be16(m, NFIPSEC_A_ENDS_REMOTE_PORT, 4500 + below(9));
	}
	nest_end(m, at);
}

static void dummy_send(struct genl_msg *m)
{
	size_t at;

	sa_key(m);
	at = nest(m, NFIPSEC_A_DUMMY);
	put_u32(m, NFIPSEC_A_DUMMY_PACKETS, 1 + below(3));
	put_u32(m, NFIPSEC_A_DUMMY_BYTES, below(1000));
	nest_end(m, at);
}

static const struct command {
	const char *name;
	uint8_t cmd;
	uint16_t flags;
	unsigned int weight;
	void (*write)(struct genl_msg *m);
} commands[] = {
	{ "sa-add", NFIPSEC_CMD_SA_ADD, NLM_F_ACK, 30, sa_add },
	{ "sa-del", NFIPSEC_CMD_SA_DEL, NLM_F_ACK, 10, sa_key },
	{ "sa-get", NFIPSEC_CMD_SA_GET, NLM_F_ACK, 8, sa_key },
	{ "sa-dump", NFIPSEC_CMD_SA_GET, NLM_F_DUMP, 3, nothing },
	{ "sa-flush", NFIPSEC_CMD_SA_FLUSH, NLM_F_ACK, 1, sa_flush },
	{ "policy-set", NFIPSEC_CMD_POLICY_SET, NLM_F_ACK, 3, policy_set },
	{ "policy-get", NFIPSEC_CMD_POLICY_GET, NLM_F_DUMP, 3, nothing },
	{ "tunnel-get", NFIPSEC_CMD_TUNNEL_GET, NLM_F_DUMP, 3, nothing },
	{ "stats-get", NFIPSEC_CMD_STATS_GET, NLM_F_ACK, 3, nothing },
	{ "explain", NFIPSEC_CMD_EXPLAIN, NLM_F_ACK, 10, explain },
	{ "sa-move", NFIPSEC_CMD_SA_MOVE, NLM_F_ACK, 8, sa_move },
	{ "dummy-send", NFIPSEC_CMD_DUMMY_SEND, NLM_F_ACK, 8, dummy_send },
	{ "spi-await", NFIPSEC_CMD_SPI_AWAIT, NLM_F_ACK, 10, sa_key },
	{ "spi-forget", NFIPSEC_CMD_SPI_FORGET, NLM_F_ACK, 5, sa_key },
	/* events, and what is not there */
	{ NULL, NFIPSEC_CMD_ACQUIRE, NLM_F_ACK, 1, explain },
	{ NULL, NFIPSEC_CMD_MAX + 1, NLM_F_ACK, 1, sa_key },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static unsigned int pick(void)
{
	unsigned int total = 0, i, at;

	for (i = 0; i < COMMANDS; i++)
		total += commands[i].weight;
	at = below(total);
	for (i = 0; at >= commands[i].weight; i++)
		at -= commands[i].weight;
	return i;
}

/* ---- to the kernel and back ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* until the answer to @seq is there; a dump has many parts */
static void read_answer(uint32_t seq, unsigned int command)
{
	static uint8_t buffer[1 << 16];
	const struct nlmsghdr *h;
	ssize_t n;
	size_t left;

	for (;;) {
		n = recv(sock.fd, buffer, sizeof(buffer), 0);
		if (n < 0)
			err(1, "no answer to %s, message %u", commands[command].name ?: "?", seq);
		h = (const struct nlmsghdr *)buffer;
		for (left = n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			int error = 0;

			if (h->nlmsg_seq != seq ||
			    (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE))
				continue;
			/* both begin with the error */
			if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
				error = *(const int *)NLMSG_DATA(h);
			answers++;
			if (error < 0) {
				refused[command]++;
				errors[-error & 255]++;
			} else {
				accepted[command]++;
			}
			return;
		}
	}
}

/* octets, and where it ends */
static void spoil(struct genl_msg *m)
{
	unsigned int n;

	for (n = 1 + below(4); n; n--)
		m->data[NLMSG_HDRLEN + below(m->len - NLMSG_HDRLEN)] = rng_next(&rng);
	if (one_in(2))
		m->len = NLMSG_HDRLEN + GENL_HDRLEN + below(m->len - NLMSG_HDRLEN - GENL_HDRLEN + 1);
}

static void send_one(void)
{
	static struct genl_msg m;
	unsigned int i = pick();
	uint8_t cmd = commands[i].cmd;

	noise = one_in(4) ? 0 : one_in(2) ? 20 : 200;
	genl_begin(&m, sock.family, cmd, commands[i].flags);
	commands[i].write(&m);
	if (noise && one_in(4))
		spoil(&m);
	/* the command stays, or there would be no telling which was accepted */
	((struct genlmsghdr *)NLMSG_DATA(&m.nlh))->cmd = cmd;
	if (noise && one_in(50))
		m.nlh.nlmsg_flags |= NLM_F_DUMP | (rng_next(&rng) & 0xf00);
	m.nlh.nlmsg_len = m.len;
	m.nlh.nlmsg_seq = ++sock.seq;
	took[i] -= now();
	if (send(sock.fd, m.data, m.len, 0) < 0)
		err(1, "netlink");
	read_answer(sock.seq, i);
	took[i] += now();
}

/* ---- beside it ---- */

#define CHILDREN 3
static pid_t children[CHILDREN];

static void dump_on(void)
{
	unsigned int i;

	for (i = 0;; i++) {
		static const unsigned int dumps[] = { 3, 6, 7 };
		static struct genl_msg m;
		const struct command *c = &commands[dumps[i % 3]];

		genl_begin(&m, sock.family, c->cmd, c->flags);
		m.nlh.nlmsg_len = m.len;
		m.nlh.nlmsg_seq = ++sock.seq;
		if (send(sock.fd, m.data, m.len, 0) < 0)
			err(1, "netlink");
		read_answer(sock.seq, dumps[i % 3]);
		usleep(2000);
	}
}

static void send_on(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char text[1200] = "";
	unsigned int i;

	for (i = 0;; i++) {
		to.sin_port = htons(1 + i % 2000);
		to.sin_addr.s_addr = htonl(0x0a020000 | (1 + i % 250));
		/* a discard entry says EPERM, and that is as well */
		sendto(fd, text, i % sizeof(text), 0, (struct sockaddr *)&to, sizeof(to));
		usleep(2000);
	}
}

static void listen_on(void)
{
	static uint8_t buffer[1 << 16];

	genl_listen(&sock);
	/* more of them than there is room for, or none for a while, is no error */
	while (recv(sock.fd, buffer, sizeof(buffer), 0) >= 0 || errno == ENOBUFS || errno == EAGAIN)
		;
	err(1, "events");
}

static void child(unsigned int i, void (*run)(void))
{
	children[i] = fork();
	if (children[i] < 0)
		err(1, "fork");
	if (children[i])
		return;
	genl_open(&sock, NFIPSEC_GENL_NAME);
	run();
}

/* each runs until now, or something went wrong in it */
static int children_stop(void)
{
	int status, failed = 0;
	unsigned int i;

	for (i = 0; i < CHILDREN; i++) {
		if (kill(children[i], SIGTERM) || waitpid(children[i], &status, 0) < 0)
			err(1, "child");
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM) {
			printf("the process beside it, %u, ended early: status %#x\n", i, status);
			failed = 1;
		}
	}
	return failed;
}

static void clear(void)
{
	static struct genl_msg m;
	static const uint8_t cmds[] = { NFIPSEC_CMD_SA_FLUSH, NFIPSEC_CMD_POLICY_SET };
	unsigned int i;
	int error;

	for (i = 0; i < sizeof(cmds); i++) {
		genl_begin(&m, sock.family, cmds[i], NLM_F_ACK);
		error = genl_ask(&sock, &m);
		if (error)
			errx(1, "command %u to clear all: %s", cmds[i], strerror(-error));
	}
}

static int report(unsigned long long count)
{
	int status = 0;
	unsigned int i;

	for (i = 0; i < COMMANDS; i++) {
		if (!commands[i].name)
			continue;
		printf("%s: %llu accepted, %llu refused, %.1f s\n", commands[i].name, accepted[i],
		       refused[i], took[i]);
		if (!accepted[i] || !refused[i]) {
			printf("%s was never %s\n", commands[i].name, accepted[i] ? "refused" : "accepted");
			status = 1;
		}
	}
	printf("errors:");
	for (i = 1; i < 256; i++)
		if (errors[i])
			printf(" %s %llu", strerrorname_np(i) ?: "?", errors[i]);
	printf("\n");
	if (answers != count) {
		printf("%llu answers to %llu messages\n", answers, count);
		status = 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' }, {} };
	unsigned long long seed = 1, count, i;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 's')
			return 2;
		seed = strtoull(optarg, NULL, 0);
	}
	if (argc - optind != 1)
		errx(2, "usage: netlink-fuzz [--seed N] COUNT");
	count = strtoull(argv[optind], NULL, 0);
	printf("seed %llu, %llu messages\n", seed, count);
	fflush(stdout);
	rng.state = seed;
	child(0, dump_on);
	child(1, send_on);
	child(2, listen_on);
	genl_open(&sock, NFIPSEC_GENL_NAME);
	for (i = 0; i < count; i++)
		send_one();
	status = children_stop();
	clear();
	return report(count) | status;
}
