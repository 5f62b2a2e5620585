// SPDX-License-Identifier: GPL-2.0
/* One netlink request to a part of the kernel that is not the module. */
#include <errno.h>

#include <netlink/netlink.h>

#include "pki/query.h"

/* one request under way */
struct query {
	int (*each)(struct nlmsghdr *hdr, void *arg);
	void *arg;
	int err;
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct query *q = arg;

	if (!q->err)
		q->err = q->each(nlmsg_hdr(msg), q->arg);
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct query *q = arg;

	(void)from;
	q->err = err->error;
	return NL_STOP;
}

int query_ask(int protocol, struct nl_msg *msg, int (*each)(struct nlmsghdr *hdr, void *arg), void *arg)
{
	struct query q = { .each = each, .arg = arg };
	struct nl_sock *sk = nl_socket_alloc();
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret = -ENOMEM;

	if (sk && cb && !nl_connect(sk, protocol)) {
		nl_socket_disable_auto_ack(sk);
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &q);
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, &q);
		ret = nl_send_auto(sk, msg) < 0 || (nl_recvmsgs(sk, cb) < 0 && !q.err) ? -EIO : q.err;
	}
	nl_cb_put(cb);
	nl_socket_free(sk);
	return ret;
}
