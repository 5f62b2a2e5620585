// SPDX-License-Identifier: GPL-2.0
/* What the kernel's routing says. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <linux/nfipsec.h>

#include "pki/query.h"
#include "sys/route.h"

static bool get_addr(struct nlattr *a, uint8_t family, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	out->family = family;
	if (!a || nla_len(a) != (int)addr_len(out))
		return false;
	memcpy(out->a, nla_data(a), addr_len(out));
	return true;
}

/* ---- addresses ---- */

struct addrs {
	struct addr_own *p;
	unsigned int n;
};

static bool is_wanted(const struct addr_own *a)
{
	return strcmp(a->dev, "lo") && strcmp(a->dev, NFIPSEC_DEV_NAME) &&
	       !addr_is_link_local(&a->addr);
}

static int one_addr(struct nlmsghdr *hdr, void *arg)
{
	const struct ifaddrmsg *ifa = nlmsg_data(hdr);
	struct nlattr *tb[IFA_MAX + 1];
	struct addr_own a = { .prefix_len = 0 }, *more;
	struct addrs *addrs = arg;

	if (hdr->nlmsg_type != RTM_NEWADDR || nlmsg_datalen(hdr) < (int)sizeof(*ifa) ||
	    nlmsg_parse(hdr, sizeof(*ifa), tb, IFA_MAX, NULL) < 0 ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return 0;
	a.prefix_len = ifa->ifa_prefixlen;
	if (!get_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family, &a.addr) ||
	    !if_indextoname(ifa->ifa_index, a.dev) || !is_wanted(&a))
		return 0;
	more = reallocarray(addrs->p, addrs->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	addrs->p = more;
	more[addrs->n++] = a;
	return 0;
}

int route_addrs(struct addr_own **out, unsigned int *n)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
	struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
	struct addrs addrs = { NULL, 0 };
	int ret = -ENOMEM;

	if (msg && !nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO))
		ret = query_ask(NETLINK_ROUTE, msg, one_addr, &addrs);
	nlmsg_free(msg);
	if (ret) {
		free(addrs.p);
		return ret;
	}
	*out = addrs.p;
	*n = addrs.n;
	return 0;
}

/* ---- routes ---- */

static bool dev_is_up(const char *dev)
{
	struct ifreq req = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	memcpy(req.ifr_name, dev, strnlen(dev, sizeof(req.ifr_name) - 1));
	up = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &req) && req.ifr_flags & IFF_UP &&
	     req.ifr_flags & IFF_RUNNING;
	if (fd >= 0)
		close(fd);
	return up;
}

static int one_route(struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *tb[RTA_MAX + 1];
	struct route_answer *a = arg;

	if (hdr->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(hdr) < (int)sizeof(*rtm) ||
	    nlmsg_parse(hdr, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return -EPROTO;
	a->type = rtm->rtm_type;
	if (tb[RTA_OIF] && if_indextoname(nla_get_u32(tb[RTA_OIF]), a->oif))
		a->oif_up = dev_is_up(a->oif);
	if (!get_addr(tb[RTA_GATEWAY], rtm->rtm_family, &a->gateway))
		a->gateway.family = 0;
	return 0;
}

static bool put_query(struct nl_msg *msg, const struct route_query *q)
{
	struct rtmsg rtm = { .rtm_family = q->dst.family };
	size_t len = addr_len(&q->dst);
	bool ports = q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP;
	uint16_t sport = htons(q->sport), dport = htons(q->dport);

	rtm.rtm_dst_len = 8 * len;
	rtm.rtm_src_len = addr_len(&q->src) ? 8 * len : 0;
	return !nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) &&
	       !nla_put(msg, RTA_DST, len, q->dst.a) &&
	       (!addr_len(&q->src) || !nla_put(msg, RTA_SRC, len, q->src.a)) &&
	       (!*q->iif || !nla_put_u32(msg, RTA_IIF, if_nametoindex(q->iif))) &&
	       (!ports || (!nla_put_u8(msg, RTA_IP_PROTO, q->proto) &&
			   (!sport || !nla_put(msg, RTA_SPORT, sizeof(sport), &sport)) &&
			   (!dport || !nla_put(msg, RTA_DPORT, sizeof(dport), &dport))));
}

int route_get(const struct route_query *query, struct route_answer *a)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int ret = -ENOMEM;

	memset(a, 0, sizeof(*a));
	if (msg && put_query(msg, query))
		ret = query_ask(NETLINK_ROUTE, msg, one_route, a);
	nlmsg_free(msg);
	return ret;
}

/* ---- routes of tunnels ---- */

static bool put_route(struct nl_msg *msg, const struct route_entry *e, bool del)
{
	struct rtmsg rtm = {
		.rtm_family = e->dst.family, .rtm_dst_len = e->prefix_len,
		.rtm_protocol = ROUTE_PROTOCOL, .rtm_type = RTN_UNICAST,
		.rtm_table = e->table < 256 ? e->table : RT_TABLE_UNSPEC,
		.rtm_scope = del ? RT_SCOPE_NOWHERE : e->dst.family == AF_INET ?
			     RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
	};
	unsigned int dev = if_nametoindex(NFIPSEC_DEV_NAME);

	return !nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) &&
	       !nla_put(msg, RTA_DST, addr_len(&e->dst), e->dst.a) &&
	       !nla_put_u32(msg, RTA_TABLE, e->table) && !nla_put_u32(msg, RTA_OIF, dev) &&
	       (del || !e->source.family ||
		!nla_put(msg, RTA_PREFSRC, addr_len(&e->source), e->source.a));
}

/* Only an acknowledgement comes. */
static int no_answer(struct nlmsghdr *hdr, void *arg)
{
	(void)hdr;
	(void)arg;
	return 0;
}

int route_change(const struct route_entry *e, enum route_change how)
{
	static const int flags[] = {
		[ROUTE_ADD] = NLM_F_CREATE | NLM_F_EXCL, [ROUTE_REPLACE] = NLM_F_CREATE | NLM_F_REPLACE,
		[ROUTE_DEL] = 0,
	};
	bool del = how == ROUTE_DEL;
	struct nl_msg *msg;
	int ret = -ENOMEM;

	/* without the device the kernel has no route to it, and RTA_OIF 0 would name every device */
	if (!if_nametoindex(NFIPSEC_DEV_NAME))
		return del ? 0 : -ENODEV;
	msg = nlmsg_alloc_simple(del ? RTM_DELROUTE : RTM_NEWROUTE,
				 NLM_F_REQUEST | NLM_F_ACK | flags[how]);
	if (msg && put_route(msg, e, del))
		ret = query_ask(NETLINK_ROUTE, msg, no_answer, NULL);
	nlmsg_free(msg);
	return del && ret == -ESRCH ? 0 : ret;
}

struct dump {
	unsigned int dev;
	void (*each)(const struct route_entry *e, void *arg);
	void *arg;
};

static int dumped(struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *tb[RTA_MAX + 1];
	struct dump *d = arg;
	struct route_entry e = { .prefix_len = 0 };

	if (hdr->nlmsg_type != RTM_NEWROUTE || nlmsg_datalen(hdr) < (int)sizeof(*rtm) ||
	    nlmsg_parse(hdr, sizeof(*rtm), tb, RTA_MAX, NULL) < 0 ||
	    rtm->rtm_protocol != ROUTE_PROTOCOL || rtm->rtm_type != RTN_UNICAST ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    !tb[RTA_OIF] || nla_get_u32(tb[RTA_OIF]) != d->dev)
		return 0;
	/* 0.0.0.0/0 and ::/0 have no RTA_DST */
	if (!get_addr(tb[RTA_DST], rtm->rtm_family, &e.dst))
		e.dst = (struct addr){ .family = rtm->rtm_family };
	if (!get_addr(tb[RTA_PREFSRC], rtm->rtm_family, &e.source))
		e.source.family = 0;
	e.prefix_len = rtm->rtm_dst_len;
	e.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	d->each(&e, d->arg);
	return 0;
}

int route_dump(void (*each)(const struct route_entry *e, void *arg), void *arg)
{
	struct dump d = { if_nametoindex(NFIPSEC_DEV_NAME), each, arg };
	struct rtmsg rtm = { .rtm_family = AF_UNSPEC };
	struct nl_msg *msg;
	int ret = -ENOMEM;

	if (!d.dev)
		return 0;
	msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
	if (msg && !nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO))
		ret = query_ask(NETLINK_ROUTE, msg, dumped, &d);
	nlmsg_free(msg);
	return ret;
}

int route_watch_open(void)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK |
				    RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&self, sizeof(self))) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

/* What changed does not matter. ENOBUFS says that more did. */
void route_watch_read(int fd)
{
	char msg[8192];

	while (recv(fd, msg, sizeof(msg), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

int route_forwarding(uint8_t family, const char *dev)
{
	char path[128];
	int c;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding",
		 family == AF_INET6 ? "ipv6" : "ipv4", dev);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	c = fgetc(f);
	fclose(f);
	return c == '1' ? 1 : c == '0' ? 0 : -EIO;
}
