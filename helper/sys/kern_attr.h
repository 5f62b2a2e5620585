/* SPDX-License-Identifier: GPL-2.0 */
/* Netlink attributes of linux/nfipsec.h to and from plain structs; no sockets. Used by kern.c. */
#ifndef SYS_KERN_ATTR_H
#define SYS_KERN_ATTR_H

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "sys/kern.h"

/* Parts of an SA that a message contains. */
enum kern_sa_part { KERN_SA_KEYS_ONLY, KERN_SA_ALL };

/* all: false when the message has no room */
bool kern_attr_put_sa(struct nl_msg *msg, const struct kern_sa *sa, enum kern_sa_part part);
bool kern_attr_put_sa_tunnel(struct nl_msg *msg, const char *tunnel);
bool kern_attr_put_tunnel(struct nl_msg *msg, const struct conf_tunnel *t);
bool kern_attr_put_entry(struct nl_msg *msg, const char *list, const struct conf_entry *e,
			 const char *tunnel, bool standby);
bool kern_attr_put_flow(struct nl_msg *msg, const struct kern_flow *flow);
bool kern_attr_put_ends(struct nl_msg *msg, const struct kern_ends *ends);
bool kern_attr_put_dummy(struct nl_msg *msg, uint32_t packets, uint32_t bytes);
bool kern_attr_put_ike_fds(struct nl_msg *msg, const int *fds, unsigned int n);
/* an upper bound of what a tunnel and an entry append, each */
#define KERN_ATTR_TUNNEL_MAX	256
#define KERN_ATTR_ENTRY_MAX	384

/* "peer/tunnel" */
const char *kern_attr_tunnel_name(const struct conf_tunnel *t, char *out, size_t len);

/* the top level of a message; false: malformed */
bool kern_attr_parse(struct nlmsghdr *hdr, struct nlattr *tb[]);
/* from a nest; false: malformed or without what must be there */
bool kern_attr_get_sa(struct nlattr *nest, struct kern_sa *sa);
bool kern_attr_get_tunnel(struct nlattr *nest, struct kern_tunnel *t);
bool kern_attr_get_entry(struct nlattr *nest, struct kern_entry *e);
bool kern_attr_get_ends(struct nlattr *nest, struct kern_ends *ends);
bool kern_attr_get_flow(struct nlattr *nest, struct kern_flow *f);
/* each counter that is there, in the header's order */
bool kern_attr_get_stats(struct nlattr *nest,
			 void (*each)(const struct kern_stat *s, void *arg), void *arg);

#endif
