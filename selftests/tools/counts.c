// SPDX-License-Identifier: GPL-2.0
#include "counts.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const nfipsec_names[] = {
#define X(id, name) [NFIPSEC_STAT_##id] = name,
	NFIPSEC_STATS(X)
#undef X
};

/* as /proc/net has them: SNMP's tables for IPv4, one name a line for IPv6 */
static const char *const names[STACK_COUNTS][2] = {
	[STACK_HDR] = { "Ip:InHdrErrors", "Ip6InHdrErrors" },
	[STACK_ADDR] = { "Ip:InAddrErrors", "Ip6InAddrErrors" },
	[STACK_DISCARD] = { "Ip:InDiscards", "Ip6InDiscards" },
	[STACK_TRUNCATED] = { "IpExt:InTruncatedPkts", "Ip6InTruncatedPkts" },
	[STACK_NO_ROUTE] = { "IpExt:InNoRoutes", "Ip6InNoRoutes" },
	[STACK_REASM_REQDS] = { "Ip:ReasmReqds", "Ip6ReasmReqds" },
	[STACK_REASM_OKS] = { "Ip:ReasmOKs", "Ip6ReasmOKs" },
	[STACK_UNKNOWN_PROTO] = { "Ip:InUnknownProtos", "Ip6InUnknownProtos" },
	[STACK_UDP] = { "Udp:InDatagrams", "Udp6InDatagrams" },
	[STACK_UDP_NO_PORT] = { "Udp:NoPorts", "Udp6NoPorts" },
	[STACK_UDP_ERROR] = { "Udp:InErrors", "Udp6InErrors" },
	[STACK_XFRM] = { "XfrmIn", "XfrmIn" },
	[STACK_SOFTNET] = { "backlog", "backlog" },
};

struct counter {
	struct genl *genl;
	int family;			/* 0 or 1: the column of @names */
	int tables[2], lines[2], xfrm, softnet;
};

const char *nfipsec_stat_name(unsigned int stat)
{
	return nfipsec_names[stat];
}

const char *stack_count_name(unsigned int count)
{
	return names[count][0];
}

static int file_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* all of it, from the beginning again */
static char *file_read(int fd)
{
	static char text[65536];
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (lseek(fd, 0, SEEK_SET) < 0)
		err(1, "lseek");
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	if (n < 0)
		err(1, "/proc/net");
	text[len] = 0;
	return text;
}

static void add(struct counter *c, struct counts *now, const char *name, long long value)
{
	unsigned int i;

	for (i = 0; i < STACK_XFRM; i++)
		if (!strcmp(name, names[i][c->family]))
			now->stack[i] += value;
}

/* "Ip: A B" and "Ip: 1 2" */
static void read_table(struct counter *c, struct counts *now, int fd)
{
	char *text = file_read(fd), *head, *row, *word, *value, *end_head, *end_row, name[80];

	while ((head = strsep(&text, "\n")) && (row = strsep(&text, "\n"))) {
		char *table = strtok_r(head, " ", &end_head);

		strtok_r(row, " ", &end_row);
		while ((word = strtok_r(NULL, " ", &end_head)) &&
		       (value = strtok_r(NULL, " ", &end_row))) {
			snprintf(name, sizeof(name), "%s%s", table, word);
			add(c, now, name, atoll(value));
		}
	}
}

static void read_lines(struct counter *c, struct counts *now, int fd, const char *prefix)
{
	char *text = file_read(fd), *line, name[80];
	long long value;

	while ((line = strsep(&text, "\n"))) {
		if (sscanf(line, "%79s %lld", name, &value) != 2)
			continue;
		/* Ip6... of the one device, Udp6... of the namespace */
		if (prefix && strncmp(name, prefix, strlen(prefix)))
			continue;
		if (fd == c->xfrm)
			now->stack[STACK_XFRM] += value;
		else
			add(c, now, name, value);
	}
}

static void read_softnet(struct counter *c, struct counts *now)
{
	char *text = file_read(c->softnet), *line;
	unsigned int dropped;

	while ((line = strsep(&text, "\n")))
		if (sscanf(line, "%*x %x", &dropped) == 1)
			now->stack[STACK_SOFTNET] += dropped;
}

static void read_nfipsec(struct counter *c, struct counts *now)
{
	static struct genl_msg m;
	const struct nlattr *nest, *a;
	unsigned int i;
	int error;

	genl_begin(&m, c->genl->family, NFIPSEC_CMD_STATS_GET, 0);
	error = genl_ask(c->genl, &m);
	nest = error ? NULL : genl_find(m.data + NLMSG_HDRLEN + GENL_HDRLEN,
					m.len - NLMSG_HDRLEN - GENL_HDRLEN, NFIPSEC_A_STATS);
	if (!nest)
		errx(1, "no counters: %s", strerror(-error));
	for (i = NFIPSEC_STAT_UNSPEC + 1; i < NFIPSEC_STAT_PAD; i++) {
		a = genl_find(nest + 1, nest->nla_len - NLA_HDRLEN, i);
		if (!a)
			errx(1, "counter %s is missing", nfipsec_names[i]);
		memcpy(&now->nfipsec[i], a + 1, sizeof(now->nfipsec[i]));
	}
}

struct counter *counter_open(struct genl *g, int family, const char *dev)
{
	struct counter *c = calloc(1, sizeof(*c));
	char path[80];

	if (!c)
		err(1, "counters");
	c->genl = g;
	c->family = family == 6;
	c->tables[0] = c->tables[1] = c->lines[0] = c->lines[1] = -1;
	if (family == 4) {
		c->tables[0] = file_open("/proc/thread-self/net/snmp");
		c->tables[1] = file_open("/proc/thread-self/net/netstat");
	} else {
		snprintf(path, sizeof(path), "/proc/thread-self/net/dev_snmp6/%s", dev);
		c->lines[0] = file_open(path);
		c->lines[1] = file_open("/proc/thread-self/net/snmp6");
	}
	/* where xfrm counts nothing, it is not built */
	c->xfrm = open("/proc/thread-self/net/xfrm_stat", O_RDONLY | O_CLOEXEC);
	c->softnet = file_open("/proc/thread-self/net/softnet_stat");
	return c;
}

void counter_read(struct counter *c, struct counts *now)
{
	memset(now, 0, sizeof(*now));
	if (c->family) {
		read_lines(c, now, c->lines[0], "Ip6");
		read_lines(c, now, c->lines[1], "Udp6");
	} else {
		read_table(c, now, c->tables[0]);
		read_table(c, now, c->tables[1]);
	}
	if (c->xfrm >= 0)
		read_lines(c, now, c->xfrm, "XfrmIn");
	read_softnet(c, now);
	read_nfipsec(c, now);
}
