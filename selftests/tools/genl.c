// SPDX-License-Identifier: GPL-2.0
#include "genl.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

void genl_begin(struct genl_msg *m, uint16_t family, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *genl = NLMSG_DATA(&m->nlh);

	memset(m->data, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	m->nlh.nlmsg_type = family;
	m->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	genl->cmd = cmd;
	genl->version = 1;
	m->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

void genl_put(struct genl_msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(m->data + m->len);

	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(m->data))
		errx(1, "a netlink message became too long");
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy(a + 1, data, len);
	memset((uint8_t *)(a + 1) + len, 0, NLA_ALIGN(len) - len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void genl_put_u8(struct genl_msg *m, uint16_t type, uint8_t value)
{
	genl_put(m, type, &value, sizeof(value));
}

void genl_put_u16(struct genl_msg *m, uint16_t type, uint16_t value)
{
	genl_put(m, type, &value, sizeof(value));
}

void genl_put_u32(struct genl_msg *m, uint16_t type, uint32_t value)
{
	genl_put(m, type, &value, sizeof(value));
}

void genl_put_string(struct genl_msg *m, uint16_t type, const char *value)
{
	genl_put(m, type, value, strlen(value) + 1);
}

size_t genl_nest(struct genl_msg *m, uint16_t type)
{
	size_t at = m->len;

	genl_put(m, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void genl_nest_end(struct genl_msg *m, size_t nest)
{
	((struct nlattr *)(m->data + nest))->nla_len = m->len - nest;
}

int genl_ask(struct genl *g, struct genl_msg *m)
{
	const struct nlmsgerr *e = NLMSG_DATA(&m->nlh);
	uint32_t seq = ++g->seq;
	ssize_t n;

	m->nlh.nlmsg_len = m->len;
	m->nlh.nlmsg_seq = seq;
	if (send(g->fd, m->data, m->len, 0) < 0)
		err(1, "netlink");
	do {
		n = recv(g->fd, m->data, sizeof(m->data), 0);
		if (n < (ssize_t)NLMSG_HDRLEN)
			err(1, "no answer from netlink");
	} while (m->nlh.nlmsg_seq != seq);
	m->len = m->nlh.nlmsg_len;
	return m->nlh.nlmsg_type == NLMSG_ERROR ? e->error : 0;
}

const struct nlattr *genl_find(const void *data, size_t len, uint16_t type)
{
	const struct nlattr *a = data;

	while (len >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= len) {
		size_t whole = NLA_ALIGN(a->nla_len);

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		if (whole >= len)
			break;
		a = (const struct nlattr *)((const uint8_t *)a + whole);
		len -= whole;
	}
	return NULL;
}

void genl_open(struct genl *g, const char *family)
{
	static struct genl_msg m;
	struct timeval patience = { .tv_sec = 60 };
	const struct nlattr *id, *groups, *group;
	const void *attrs = m.data + NLMSG_HDRLEN + GENL_HDRLEN;
	size_t len;
	int error;

	memset(g, 0, sizeof(*g));
	g->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (g->fd < 0 || setsockopt(g->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		err(1, "netlink socket");
	genl_begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	genl_put_string(&m, CTRL_ATTR_FAMILY_NAME, family);
	error = genl_ask(g, &m);
	if (error)
		errx(1, "no generic netlink family %s: %s", family, strerror(-error));
	len = m.len - NLMSG_HDRLEN - GENL_HDRLEN;
	id = genl_find(attrs, len, CTRL_ATTR_FAMILY_ID);
	if (!id)
		errx(1, "generic netlink family %s has no number", family);
	g->family = *(const uint16_t *)(id + 1);
	groups = genl_find(attrs, len, CTRL_ATTR_MCAST_GROUPS);
	/* a list of groups, counted from 1 */
	group = groups ? genl_find(groups + 1, groups->nla_len - NLA_HDRLEN, 1) : NULL;
	id = group ? genl_find(group + 1, group->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID) : NULL;
	if (!id)
		errx(1, "generic netlink family %s has no multicast group", family);
	g->group = *(const uint32_t *)(id + 1);
}

void genl_listen(struct genl *g)
{
	if (setsockopt(g->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &g->group, sizeof(g->group)))
		err(1, "multicast group");
}
