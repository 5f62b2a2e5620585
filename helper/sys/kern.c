// SPDX-License-Identifier: GPL-2.0
/* Commands to the module and events from it, over generic netlink. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/nfipsec.h>

#include "sys/kern_attr.h"

#define DUMP_TRIES	5
#define EVENT_BURST	256		/* messages a call, so that others get their turn */
#define EVENT_RCVBUF	(1 << 20)

const char kern_not_loaded[] = "the nfipsec module is not loaded (modprobe nfipsec)";

struct kern {
	struct nl_sock *cmd, *ev;
	int family;
	uint32_t group;		/* joined by @ev, so that it can be left */
	char error[256];
};

/* one command under way */
struct call {
	struct kern *k;
	bool done, has_extack, interrupted;
	int err;
	struct nl_msg **msgs;	/* answers, held until the last is there */
	unsigned int n, cap;
};

__attribute__((format(printf, 3, 4)))
static int fail(struct kern *k, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->error, sizeof(k->error), fmt, ap);
	va_end(ap);
	return err;
}

const char *kern_error(const struct kern *k)
{
	return k->error;
}

/* ---- answers ---- */

/* the kernel's own words: the attributes after struct nlmsgerr, or after NLMSG_DONE's int */
static void extack_read(struct call *c, struct nlmsghdr *hdr, size_t skip)
{
	struct nlattr *a;
	int rem;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || skip > (size_t)nlmsg_datalen(hdr))
		return;
	a = (struct nlattr *)((char *)nlmsg_data(hdr) + skip);
	rem = nlmsg_datalen(hdr) - skip;
	for (; nla_ok(a, rem); a = nla_next(a, &rem)) {
		if (nla_type(a) != NLMSGERR_ATTR_MSG || !nla_len(a))
			continue;
		snprintf(c->k->error, sizeof(c->k->error), "%.*s",
			 (int)strnlen(nla_data(a), nla_len(a)), (const char *)nla_data(a));
		c->has_extack = true;
	}
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)((char *)err - NLMSG_HDRLEN);
	size_t skip = NLMSG_ALIGN(sizeof(*err));
	struct call *c = arg;

	(void)from;
	/* the request's payload is echoed unless capped, as we ask; believe the flag */
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > NLMSG_HDRLEN)
		skip += NLMSG_ALIGN(err->msg.nlmsg_len - NLMSG_HDRLEN);
	c->err = err->error;
	extack_read(c, hdr, skip);
	c->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct call *c = arg;

	(void)msg;
	c->done = true;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct call *c = arg;
	int err = 0;

	/* a dump that fails says so here */
	if (nlmsg_datalen(hdr) >= (int)sizeof(err))
		memcpy(&err, nlmsg_data(hdr), sizeof(err));
	if (err < 0) {
		c->err = err;
		extack_read(c, hdr, NLMSG_ALIGN(sizeof(err)));
	}
	c->done = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct call *c = arg;

	(void)msg;
	/* read on to the end, so that the socket is clean for the next try */
	c->interrupted = true;
	return NL_OK;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct call *c = arg;
	struct nl_msg **msgs;

	if (c->n == c->cap) {
		unsigned int cap = c->cap ? c->cap * 2 : 16;

		msgs = reallocarray(c->msgs, cap, sizeof(*msgs));
		if (!msgs) {
			c->err = -ENOMEM;
			return NL_OK;
		}
		c->msgs = msgs;
		c->cap = cap;
	}
	nlmsg_get(msg);
	c->msgs[c->n++] = msg;
	return NL_OK;
}

static void call_reset(struct call *c)
{
	while (c->n)
		nlmsg_free(c->msgs[--c->n]);
	c->done = c->has_extack = c->interrupted = false;
	c->err = 0;
}

static void call_free(struct call *c)
{
	call_reset(c);
	free(c->msgs);
	c->msgs = NULL;
	c->cap = 0;
}

/* ---- requests ---- */

static struct nl_msg *msg_new(struct kern *k, int cmd, int flags, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(size + NLMSG_HDRLEN + GENL_HDRLEN);

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, k->family, 0, flags, cmd,
				NFIPSEC_GENL_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	if (!msg)
		fail(k, -ENOMEM, "out of memory");
	return msg;
}

/* keys do not stay in freed memory */
static void msg_wipe(struct nl_msg *msg)
{
	explicit_bzero(nlmsg_hdr(msg), nlmsg_get_max_size(msg));
	nlmsg_free(msg);
}

static int resolve(struct kern *k, char *err, size_t err_len)
{
	int family = genl_ctrl_resolve(k->cmd, NFIPSEC_GENL_NAME), group;

	if (family == -NLE_OBJ_NOTFOUND) {
		snprintf(err, err_len, "%s", kern_not_loaded);
		return -ENOENT;
	}
	if (family < 0) {
		snprintf(err, err_len, "generic netlink: %s", nl_geterror(family));
		return -EIO;
	}
	k->family = family;
	if (!k->ev)
		return 0;
	group = genl_ctrl_resolve_grp(k->cmd, NFIPSEC_GENL_NAME, NFIPSEC_MCGRP_EVENTS);
	if (group < 0) {
		snprintf(err, err_len, "the nfipsec module has no multicast group %s",
			 NFIPSEC_MCGRP_EVENTS);
		return -ENOENT;
	}
	if (k->group == (uint32_t)group)
		return 0;
	if (k->group)
		nl_socket_drop_membership(k->ev, k->group);
	k->group = 0;
	group = nl_socket_add_membership(k->ev, group) < 0 ? -1 : group;
	if (group < 0) {
		snprintf(err, err_len, "cannot listen to the module's events: %s",
			 strerror(errno));
		return -EPERM;
	}
	k->group = group;
	return 0;
}

static int send_and_wait(struct call *c, struct nl_msg *msg, struct nl_cb *cb)
{
	struct kern *k = c->k;
	int ret;

	errno = 0;
	ret = nl_send_auto(k->cmd, msg);
	if (ret < 0)
		return fail(k, errno ? -errno : -EIO, "cannot send to the module: %s",
			    nl_geterror(ret));
	while (!c->done) {
		ret = nl_recvmsgs(k->cmd, cb);
		if (ret < 0 && !c->done && ret != -NLE_DUMP_INTR)
			return fail(k, -EIO, "no answer from the module: %s", nl_geterror(ret));
	}
	return c->err;
}

static struct nl_cb *cb_new(struct call *c)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, c);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, c);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, c);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, c);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, c);
	return cb;
}

/*
 * Sends @msg, waits for the last answer, wipes and frees @msg. The answers are
 * in @c, which the caller frees whatever the outcome.
 */
static int call(struct kern *k, struct call *c, struct nl_msg *msg)
{
	bool dump = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP, again = false;
	struct nl_cb *cb;
	int ret, tries;

	memset(c, 0, sizeof(*c));
	c->k = k;
	k->error[0] = 0;
	cb = cb_new(c);
	if (!cb) {
		msg_wipe(msg);
		return fail(k, -ENOMEM, "out of memory");
	}
	for (tries = 1;; tries++) {
		int family = k->family;

		call_reset(c);
		nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
		nlmsg_hdr(msg)->nlmsg_type = family;
		ret = send_and_wait(c, msg, cb);
		if (!ret && c->interrupted && dump) {
			if (tries < DUMP_TRIES)
				continue;
			ret = fail(k, -EINTR, "it kept changing while it was read");
			break;
		}
		if (ret != -ENOENT || c->has_extack || again)
			break;
		/* the family's number is not known: the module went, or went and came back */
		if (resolve(k, k->error, sizeof(k->error)) || k->family == family)
			break;
		again = true;
	}
	if (ret < 0 && !k->error[0])
		fail(k, ret, "%s%s", strerror(-ret),
		     ret == -EPERM ? " (CAP_NET_ADMIN is needed)" : "");
	nl_cb_put(cb);
	msg_wipe(msg);
	return ret;
}

static int no_room(struct kern *k, struct nl_msg *msg)
{
	msg_wipe(msg);
	return fail(k, -EMSGSIZE, "the request is too long for one message");
}

/* a command whose answer is only done or refused */
static int command(struct kern *k, struct nl_msg *msg)
{
	struct call c;
	int ret = call(k, &c, msg);

	call_free(&c);
	return ret;
}

/* ---- open and close ---- */

static struct nl_sock *sock_open(char *err, size_t err_len)
{
	struct nl_sock *sk = nl_socket_alloc();
	int one = 1, ret;

	if (!sk) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	nl_socket_disable_auto_ack(sk);		/* the flags say where an ACK is wanted */
	ret = genl_connect(sk);
	if (ret < 0) {
		snprintf(err, err_len, "generic netlink: %s", nl_geterror(ret));
		nl_socket_free(sk);
		return NULL;
	}
	/* words for a refusal; and no echo of the request, which may hold keys */
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return sk;
}

static struct nl_sock *event_sock_open(char *err, size_t err_len)
{
	struct nl_sock *sk = sock_open(err, err_len);
	int size = EVENT_RCVBUF, fd;

	if (!sk)
		return NULL;
	nl_socket_disable_seq_check(sk);	/* events are nobody's answer */
	nl_socket_set_nonblocking(sk);
	fd = nl_socket_get_fd(sk);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return sk;
}

struct kern *kern_open(bool events, char *err, size_t err_len)
{
	struct kern *k = calloc(1, sizeof(*k));

	if (!k) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	k->cmd = sock_open(err, err_len);
	if (!k->cmd)
		goto out;
	if (events) {
		k->ev = event_sock_open(err, err_len);
		if (!k->ev)
			goto out;
	}
	if (resolve(k, err, err_len))
		goto out;
	return k;
out:
	kern_close(k);
	return NULL;
}

void kern_close(struct kern *k)
{
	if (!k)
		return;
	if (k->ev)
		nl_socket_free(k->ev);
	if (k->cmd)
		nl_socket_free(k->cmd);
	free(k);
}

/* ---- security associations ---- */

#define SA_MSG_SIZE	(KERN_SEL_MAX * 160 + 1024)

static int sa_command(struct kern *k, int cmd, const struct kern_sa *sa, enum kern_sa_part part)
{
	struct nl_msg *msg = msg_new(k, cmd, NLM_F_REQUEST | NLM_F_ACK, SA_MSG_SIZE);

	if (!msg)
		return -ENOMEM;
	if (!kern_attr_put_sa(msg, sa, part))
		return no_room(k, msg);
	return command(k, msg);
}

int kern_sa_add(struct kern *k, const struct kern_sa *sa)
{
	return sa_command(k, NFIPSEC_CMD_SA_ADD, sa, KERN_SA_ALL);
}

int kern_sa_del(struct kern *k, const struct kern_sa *sa)
{
	return sa_command(k, NFIPSEC_CMD_SA_DEL, sa, KERN_SA_KEYS_ONLY);
}

/* the SA by its key, and what is to become of it */
static int sa_command_with(struct kern *k, int cmd, const struct kern_sa *sa,
			   const struct kern_ends *ends, const uint32_t *dummy)
{
	struct nl_msg *msg = msg_new(k, cmd, NLM_F_REQUEST | NLM_F_ACK, 512);

	if (!msg)
		return -ENOMEM;
	if (!kern_attr_put_sa(msg, sa, KERN_SA_KEYS_ONLY) ||
	    (ends && !kern_attr_put_ends(msg, ends)) ||
	    (dummy && !kern_attr_put_dummy(msg, dummy[0], dummy[1])))
		return no_room(k, msg);
	return command(k, msg);
}

int kern_sa_move(struct kern *k, const struct kern_sa *sa, const struct kern_ends *to)
{
	return sa_command_with(k, NFIPSEC_CMD_SA_MOVE, sa, to, NULL);
}

int kern_sa_dummy(struct kern *k, const struct kern_sa *sa, uint32_t packets, uint32_t bytes)
{
	const uint32_t dummy[] = { packets, bytes };

	return sa_command_with(k, NFIPSEC_CMD_DUMMY_SEND, sa, NULL, dummy);
}

static int malformed(struct kern *k)
{
	return fail(k, -EPROTO, "the module's answer is malformed");
}

int kern_sa_get(struct kern *k, struct kern_sa *sa)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_SA_GET, NLM_F_REQUEST | NLM_F_ACK, SA_MSG_SIZE);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct call c;
	int ret;

	if (!msg)
		return -ENOMEM;
	if (!kern_attr_put_sa(msg, sa, KERN_SA_KEYS_ONLY))
		return no_room(k, msg);
	ret = call(k, &c, msg);
	if (!ret && (!c.n || !kern_attr_parse(nlmsg_hdr(c.msgs[0]), tb) ||
		     !kern_attr_get_sa(tb[NFIPSEC_A_SA], sa)))
		ret = malformed(k);
	call_free(&c);
	return ret;
}

int kern_sa_dump(struct kern *k, void (*each)(const struct kern_sa *sa, void *arg), void *arg)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_SA_GET, NLM_F_REQUEST | NLM_F_DUMP, 0);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct kern_sa *sa;
	unsigned int i;
	struct call c;
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = call(k, &c, msg);
	sa = ret ? NULL : malloc(sizeof(*sa));
	if (!ret && !sa)
		ret = fail(k, -ENOMEM, "out of memory");
	for (i = 0; !ret && i < c.n; i++) {
		if (kern_attr_parse(nlmsg_hdr(c.msgs[i]), tb) &&
		    kern_attr_get_sa(tb[NFIPSEC_A_SA], sa))
			each(sa, arg);
		else
			ret = malformed(k);
	}
	free(sa);
	call_free(&c);
	return ret;
}

int kern_sa_flush(struct kern *k, const char *tunnel)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_SA_FLUSH, NLM_F_REQUEST | NLM_F_ACK, 256);

	if (!msg)
		return -ENOMEM;
	if (tunnel && !kern_attr_put_sa_tunnel(msg, tunnel))
		return no_room(k, msg);
	return command(k, msg);
}

/* ---- IKE ---- */

/**
 * kern_ike_sockets() - name the sockets whose packets are IKE
 * @k: the module; the sockets are forgotten when it is closed
 * @fds: file descriptors of UDP sockets that are bound to a port
 * @n: number of @fds
 *
 * Return: 0 or a negative errno.
 */
int kern_ike_sockets(struct kern *k, const int *fds, unsigned int n)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_IKE_SOCKETS, NLM_F_REQUEST | NLM_F_ACK,
				     n * nla_total_size(sizeof(uint32_t)));
	int ret;

	if (!msg)
		return -ENOMEM;
	if (!kern_attr_put_ike_fds(msg, fds, n))
		return no_room(k, msg);
	ret = command(k, msg);
	if (ret == -EOPNOTSUPP)
		return fail(k, ret, "the nfipsec module is older than nfipsecd: it takes no IKE sockets "
			    "(make install, and load the new module)");
	return ret;
}

/**
 * kern_spi_await() - announce an inbound SPI, or cancel that
 * @k: the module; its announcements end when it is closed
 * @sa: proto, spi, dir, local
 * @on: true to announce: until the SA is installed the module queues its packets unopened
 *
 * Return: 0 or a negative errno.
 */
int kern_spi_await(struct kern *k, const struct kern_sa *sa, bool on)
{
	return sa_command_with(k, on ? NFIPSEC_CMD_SPI_AWAIT : NFIPSEC_CMD_SPI_FORGET, sa, NULL,
			       NULL);
}

/* ---- policy ---- */

/* which tunnel a list's protect entries belong to */
static const struct conf_tunnel *list_tunnel(const struct conf *conf, const struct conf_list *list)
{
	unsigned int i, j;

	for (i = 0; i < conf->n_peers; i++)
		for (j = 0; j < conf->peers[i].n_tunnels; j++)
			if (conf->peers[i].tunnels[j].list == list)
				return &conf->peers[i].tunnels[j];
	return NULL;
}

static size_t policy_size(const struct conf *conf)
{
	size_t size = 0;
	unsigned int i;

	for (i = 0; i < conf->n_peers; i++)
		size += conf->peers[i].n_tunnels * (size_t)KERN_ATTR_TUNNEL_MAX;
	/* twice: each may be strict */
	for (i = 0; i < conf->n_lists; i++)
		size += 2 * conf->lists[i].n * (size_t)KERN_ATTR_ENTRY_MAX;
	return size;
}

/* behind all lists, so that strict entries drop only what no entry takes */
static bool put_strict(struct nl_msg *msg, const struct conf *conf)
{
	struct conf_entry rest;
	unsigned int i, j;

	for (i = 0; i < conf->n_lists; i++) {
		const struct conf_list *list = &conf->lists[i];

		for (j = 0; j < list->n; j++)
			if (conf_strict_discard(&list->entries[j], &rest) &&
			    !kern_attr_put_entry(msg, list->name, &rest, NULL, false))
				return false;
	}
	return true;
}

/* the entries of redundant tunnels, one behind the other, the best first */
static bool put_group(struct nl_msg *msg, const struct conf_group *g)
{
	char name[NFIPSEC_NAME_MAX + 1];
	unsigned int i;

	for (i = 0; i < g->n; i++) {
		const struct conf_member *m = &g->members[i];

		kern_attr_tunnel_name(m->list->user, name, sizeof(name));
		if (!kern_attr_put_entry(msg, m->list->name, m->e, name, i))
			return false;
	}
	return true;
}

/* tunnels first, since the entries name them; entries in the order of match */
static int policy_put(struct kern *k, struct nl_msg *msg, const struct conf *conf)
{
	char name[NFIPSEC_NAME_MAX + 1];
	unsigned int i, j;

	for (i = 0; i < conf->n_peers; i++)
		for (j = 0; j < conf->peers[i].n_tunnels; j++)
			if (!kern_attr_put_tunnel(msg, &conf->peers[i].tunnels[j]))
				return -EMSGSIZE;
	for (i = 0; i < conf->n_lists; i++) {
		const struct conf_list *list = &conf->lists[i];
		const struct conf_tunnel *t = list_tunnel(conf, list);

		if (t)
			kern_attr_tunnel_name(t, name, sizeof(name));
		for (j = 0; j < list->n; j++) {
			const struct conf_entry *e = &list->entries[j];
			bool protect = e->action == CONF_PROTECT;

			if (protect && !t)
				return fail(k, -EINVAL,
					    "access-list %s entry %u: protect, but no tunnel uses the list",
					    list->name, e->number);
			if (e->group && e->group->first->e != e)
				continue;
			if (!(e->group ? put_group(msg, e->group) :
			      kern_attr_put_entry(msg, list->name, e, protect ? name : NULL, false)))
				return -EMSGSIZE;
		}
	}
	return put_strict(msg, conf) ? 0 : -EMSGSIZE;
}

int kern_policy_set(struct kern *k, const struct conf *conf)
{
	size_t size = conf ? policy_size(conf) : 0;
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_POLICY_SET, NLM_F_REQUEST | NLM_F_ACK, size);
	int fd = nl_socket_get_fd(k->cmd), room = 0, want = size + 8192, ret;
	socklen_t len = sizeof(room);

	if (!msg)
		return -ENOMEM;
	ret = conf ? policy_put(k, msg, conf) : 0;
	if (ret == -EMSGSIZE)
		return no_room(k, msg);
	if (ret) {
		msg_wipe(msg);
		return ret;
	}
	/* one message, so that the module replaces the policy in one step; it must fit the socket */
	if (!getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) && room < want &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
	return command(k, msg);
}

static int by_name(const void *a, const void *b)
{
	const struct kern_entry *x = *(const struct kern_entry *const *)a;
	const struct kern_entry *y = *(const struct kern_entry *const *)b;
	int ret = strcmp(x->list, y->list);

	return ret ? ret : (x->number > y->number) - (x->number < y->number);
}

/*
 * A number is once in a list, so the discard entry with the number of a protect entry is the
 * one that the word strict stands for. The module does not know that word. false: no memory
 */
static bool mark_strict(struct kern_entry *entries, unsigned int n)
{
	const struct kern_entry **protect = calloc(n + 1, sizeof(*protect));
	unsigned int i, n_protect = 0;

	if (!protect)
		return false;
	for (i = 0; i < n; i++)
		if (entries[i].action == NFIPSEC_ACTION_PROTECT)
			protect[n_protect++] = &entries[i];
	qsort(protect, n_protect, sizeof(*protect), by_name);
	for (i = 0; i < n; i++) {
		const struct kern_entry *e = &entries[i];

		entries[i].strict = e->action == NFIPSEC_ACTION_DISCARD &&
				    bsearch(&e, protect, n_protect, sizeof(*protect), by_name);
	}
	free(protect);
	return true;
}

int kern_policy_dump(struct kern *k, void (*each)(const struct kern_entry *e, void *arg), void *arg)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_POLICY_GET, NLM_F_REQUEST | NLM_F_DUMP, 0);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct kern_entry *entries = NULL;
	unsigned int i;
	struct call c;
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = call(k, &c, msg);
	if (!ret) {
		entries = calloc(c.n + 1, sizeof(*entries));
		ret = entries ? 0 : fail(k, -ENOMEM, "out of memory");
	}
	for (i = 0; !ret && i < c.n; i++)
		if (!kern_attr_parse(nlmsg_hdr(c.msgs[i]), tb) ||
		    !kern_attr_get_entry(tb[NFIPSEC_A_ENTRY], &entries[i]))
			ret = malformed(k);
	if (!ret && !mark_strict(entries, c.n))
		ret = fail(k, -ENOMEM, "out of memory");
	for (i = 0; !ret && i < c.n; i++)
		each(&entries[i], arg);
	free(entries);
	call_free(&c);
	return ret;
}

int kern_tunnel_dump(struct kern *k, void (*each)(const struct kern_tunnel *t, void *arg),
		     void *arg)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_TUNNEL_GET, NLM_F_REQUEST | NLM_F_DUMP, 0);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct kern_tunnel t;
	unsigned int i;
	struct call c;
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = call(k, &c, msg);
	for (i = 0; !ret && i < c.n; i++) {
		if (kern_attr_parse(nlmsg_hdr(c.msgs[i]), tb) &&
		    kern_attr_get_tunnel(tb[NFIPSEC_A_TUNNEL], &t))
			each(&t, arg);
		else
			ret = malformed(k);
	}
	call_free(&c);
	return ret;
}

static int first_entry(struct nl_msg *msg, void *arg)
{
	int *found = arg;

	*found = nlmsg_hdr(msg)->nlmsg_type >= NLMSG_MIN_TYPE;
	return NL_STOP;
}

/* the kernel's error number, for the callback's argument to keep */
static int first_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	(void)from;
	*(int *)arg = err->error;
	return NL_STOP;
}

/**
 * kern_policy_exists() - look whether the namespace has a policy
 * @k: the module
 *
 * Reads the first part of a dump alone, on a socket of its own: a policy may have thousands of
 * entries.
 *
 * Return: 1: it has an entry, 0: it has none, or a negative errno.
 */
int kern_policy_exists(struct kern *k)
{
	struct nl_sock *sk = sock_open(k->error, sizeof(k->error));
	struct nl_msg *msg = sk ? msg_new(k, NFIPSEC_CMD_POLICY_GET, NLM_F_REQUEST | NLM_F_DUMP, 0) :
				  NULL;
	struct nl_cb *cb = msg ? nl_cb_alloc(NL_CB_DEFAULT) : NULL;
	int found = 0, ret = -ENOMEM;

	if (cb) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, first_entry, &found);
		nl_cb_err(cb, NL_CB_CUSTOM, first_error, &found);
		ret = nl_send_auto(sk, msg);
		if (ret >= 0)
			ret = nl_recvmsgs(sk, cb);
		ret = ret < 0 && !found ? fail(k, -EIO, "generic netlink: %s", nl_geterror(ret)) : found;
		if (found < 0)
			ret = fail(k, found, "%s", strerror(-found));
		nl_cb_put(cb);
	}
	nlmsg_free(msg);
	if (sk)
		nl_socket_free(sk);
	return ret;
}

/* ---- statistics and explanations ---- */

int kern_stats(struct kern *k, void (*each)(const struct kern_stat *s, void *arg), void *arg)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_STATS_GET, NLM_F_REQUEST | NLM_F_ACK, 0);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct call c;
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = call(k, &c, msg);
	if (!ret && (!c.n || !kern_attr_parse(nlmsg_hdr(c.msgs[0]), tb) ||
		     !kern_attr_get_stats(tb[NFIPSEC_A_STATS], each, arg)))
		ret = malformed(k);
	call_free(&c);
	return ret;
}

int kern_explain(struct kern *k, const struct kern_flow *flow, struct kern_entry *entry,
		 bool *found_entry, struct kern_sa *sa, bool *found_sa)
{
	struct nl_msg *msg = msg_new(k, NFIPSEC_CMD_EXPLAIN, NLM_F_REQUEST | NLM_F_ACK, 512);
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct call c;
	int ret;

	*found_entry = *found_sa = false;
	if (!msg)
		return -ENOMEM;
	if (!kern_attr_put_flow(msg, flow))
		return no_room(k, msg);
	ret = call(k, &c, msg);
	if (!ret && (!c.n || !kern_attr_parse(nlmsg_hdr(c.msgs[0]), tb)))
		ret = malformed(k);
	if (!ret && tb[NFIPSEC_A_ENTRY]) {
		*found_entry = kern_attr_get_entry(tb[NFIPSEC_A_ENTRY], entry);
		if (!*found_entry)
			ret = malformed(k);
	}
	if (!ret && tb[NFIPSEC_A_SA]) {
		*found_sa = kern_attr_get_sa(tb[NFIPSEC_A_SA], sa);
		if (!*found_sa)
			ret = malformed(k);
	}
	call_free(&c);
	return ret;
}

/* ---- events ---- */

int kern_event_fd(const struct kern *k)
{
	return k->ev ? nl_socket_get_fd(k->ev) : -1;
}

struct event_call {
	struct kern *k;
	const struct kern_events *ev;
	void *arg;
};

static int on_event(struct nl_msg *msg, void *arg)
{
	struct nlattr *tb[NFIPSEC_A_MAX + 1];
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct event_call *ec = arg;
	struct kern_flow flow;
	struct kern_ends ends;
	struct kern_sa sa;

	/* only the kernel's word counts; port 0 is the kernel */
	if (nlmsg_get_src(msg)->nl_pid || hdr->nlmsg_type != ec->k->family ||
	    !genlmsg_valid_hdr(hdr, 0) || !kern_attr_parse(hdr, tb))
		return NL_SKIP;
	switch (genlmsg_hdr(hdr)->cmd) {
	case NFIPSEC_CMD_ACQUIRE:
		if (ec->ev->acquire && kern_attr_get_flow(tb[NFIPSEC_A_FLOW], &flow))
			ec->ev->acquire(&flow, ec->arg);
		break;
	case NFIPSEC_CMD_SA_EXPIRE:
		if (ec->ev->expire && kern_attr_get_sa(tb[NFIPSEC_A_SA], &sa))
			ec->ev->expire(&sa, ec->arg);
		break;
	case NFIPSEC_CMD_SA_MAPPING:
		if (ec->ev->mapping && kern_attr_get_sa(tb[NFIPSEC_A_SA], &sa) &&
		    kern_attr_get_ends(tb[NFIPSEC_A_ENDS], &ends))
			ec->ev->mapping(&sa, &ends, ec->arg);
		break;
	}
	return NL_OK;
}

/* the socket's own setting does not count with a callback set of ours */
static int any_seq(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

int kern_event_read(struct kern *k, const struct kern_events *ev, void *arg)
{
	struct event_call ec = { .k = k, .ev = ev, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret, i;

	if (!cb)
		return fail(k, -ENOMEM, "out of memory");
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_event, &ec);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_seq, NULL);
	for (i = 0, ret = 0; i < EVENT_BURST && ret >= 0; i++) {
		errno = 0;
		ret = nl_recvmsgs(k->ev, cb);
		/* libnl calls ENOBUFS out of memory; what came before the gap is read on */
		if (ret == -NLE_NOMEM && errno == ENOBUFS) {
			if (ev->lost)
				ev->lost(arg);
			ret = 0;
		}
	}
	nl_cb_put(cb);
	if (ret < 0 && ret != -NLE_AGAIN)
		return fail(k, -EIO, "the module's events: %s", nl_geterror(ret));
	return 0;
}
