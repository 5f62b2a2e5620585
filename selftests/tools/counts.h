/* SPDX-License-Identifier: GPL-2.0 */
/* Where packets ended: nfipsec's counters and those of the stack around it. */
#ifndef NFIPSEC_TOOLS_COUNTS_H
#define NFIPSEC_TOOLS_COUNTS_H

#include <linux/nfipsec.h>

#include "genl.h"

enum stack_count {
	/* before the hook: an IPv4 or IPv6 header that is not valid, or not for this host */
	STACK_HDR, STACK_ADDR, STACK_DISCARD, STACK_TRUNCATED, STACK_NO_ROUTE,
	STACK_REASM_REQDS, STACK_REASM_OKS,
	/* behind it: what nfipsec left to others */
	STACK_UNKNOWN_PROTO, STACK_UDP, STACK_UDP_NO_PORT, STACK_UDP_ERROR, STACK_XFRM,
	/* no CPU's backlog had room */
	STACK_SOFTNET,
	STACK_COUNTS
};

struct counts {
	long long nfipsec[NFIPSEC_STAT_MAX + 1], stack[STACK_COUNTS];
};

struct counter;

/* in the network namespace of the caller, and for its device @dev */
struct counter *counter_open(struct genl *g, int family, const char *dev);
void counter_read(struct counter *c, struct counts *now);

const char *nfipsec_stat_name(unsigned int stat);
const char *stack_count_name(unsigned int count);

#endif
