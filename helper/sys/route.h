/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's routing says, over rtnetlink. */
#ifndef SYS_ROUTE_H
#define SYS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"

#define ROUTE_DEV_MAX	ADDR_DEV_MAX

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

/* Routes of the daemon have this rtm_protocol, which no other program in iproute2's list has. */
#define ROUTE_PROTOCOL	73

/**
 * struct route_entry - a route to nfipsec0
 * @dst: first address of the network
 * @source: preferred source; family 0: none
 * @table: routing table
 * @prefix_len: length of the network's prefix in bits
 */
struct route_entry {
	struct addr dst, source;
	uint32_t table;
	uint8_t prefix_len;
};

enum route_change { ROUTE_ADD, ROUTE_REPLACE, ROUTE_DEL };

/**
 * route_change() - change the kernel's routes to nfipsec0
 * @e: the route
 * @how: ROUTE_ADD refuses a network that has a route of the same metric; ROUTE_DEL removes only a
 *	route of this daemon, and it is no error if there is none
 *
 * Return: 0 or -errno
 */
int route_change(const struct route_entry *e, enum route_change how);
/* Calls @each for the routes with ROUTE_PROTOCOL to nfipsec0. Returns 0 or -errno. */
int route_dump(void (*each)(const struct route_entry *e, void *arg), void *arg);
/* A socket that is readable when devices or addresses change; -errno. */
int route_watch_open(void);
void route_watch_read(int fd);

/* all but for loop-back and link-local ones; @out is the caller's to free; 0 or -errno */
int route_addrs(struct addr_own **out, unsigned int *n);
/* 0 or the kernel's -errno, such as -ENETUNREACH */
int route_get(const struct route_query *q, struct route_answer *a);
/* net.ipv4.conf.DEV.forwarding or that of IPv6; 1, 0, or -errno */
int route_forwarding(uint8_t family, const char *dev);

#endif
