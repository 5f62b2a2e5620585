/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's routing says, over rtnetlink. */
#ifndef SYS_ROUTE_H
#define SYS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

#define ROUTE_DEV_MAX	16

/* an address of this host, and the network it is in */
struct route_addr {
	struct addr addr;
	uint8_t prefix_len;
	char dev[ROUTE_DEV_MAX];
};

/* a packet; @iif empty: of this host's own making; ports in host order */
struct route_query {
	struct addr src, dst;
	uint8_t proto;
	uint16_t sport, dport;
	char iif[ROUTE_DEV_MAX];
};

struct route_answer {
	uint8_t type;			/* RTN_* */
	char oif[ROUTE_DEV_MAX];	/* empty: none */
	struct addr gateway;		/* family 0: on the link */
	bool oif_up;			/* and has a carrier */
};

/* all but for loop-back and link-local ones; @out is the caller's to free; 0 or -errno */
int route_addrs(struct route_addr **out, unsigned int *n);
/* 0 or the kernel's -errno, such as -ENETUNREACH */
int route_get(const struct route_query *q, struct route_answer *a);
/* net.ipv4.conf.DEV.forwarding or that of IPv6; 1, 0, or -errno */
int route_forwarding(uint8_t family, const char *dev);

#endif
