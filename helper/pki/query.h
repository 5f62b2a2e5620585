/* SPDX-License-Identifier: GPL-2.0 */
/* One netlink request to a part of the kernel that is not the module. */
#ifndef PKI_QUERY_H
#define PKI_QUERY_H

#include <netlink/msg.h>

/*
 * Sends @msg over a socket of its own, and calls @each for each message of the answer until it
 * returns something else than 0. Returns that, 0, or the kernel's -errno.
 */
int query_ask(int protocol, struct nl_msg *msg, int (*each)(struct nlmsghdr *hdr, void *arg), void *arg);

#endif
