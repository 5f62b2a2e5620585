/* SPDX-License-Identifier: GPL-2.0 */
/* IP addresses, endpoints and address ranges of either family. */
#ifndef CORE_ADDR_H
#define CORE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr {
	uint8_t family;		/* AF_INET, AF_INET6; 0: none / any */
	uint8_t a[16];		/* network order; 4 octets used for AF_INET, the rest 0 */
};

struct endpoint {
	struct addr addr;
	uint16_t port;		/* host order */
};

/**
 * struct egress - what chooses the route of a datagram beside its addresses
 * @mark: firewall mark, 0: none
 */
struct egress {
	uint32_t mark;
};

#define ADDR_DEV_MAX	16

/**
 * struct addr_own - an address of this host
 * @addr: the address
 * @prefix_len: length of the prefix of its network, in bits
 * @dev: name of its device
 */
struct addr_own {
	struct addr addr;
	uint8_t prefix_len;
	char dev[ADDR_DEV_MAX];
};

/* one traffic selector: RFC 7296 3.13.1; ports and addresses inclusive, ports host order */
struct ts {
	uint8_t proto;		/* 0: any */
	uint16_t port_min, port_max;
	struct addr min, max;	/* of one family */
};

#define ADDR_STRLEN	46
#define ENDPOINT_STRLEN	64
#define TS_STRLEN	128

bool addr_parse(const char *s, struct addr *out);
const char *addr_str(const struct addr *a, char *out, size_t len);	/* returns @out */
const char *endpoint_str(const struct endpoint *e, char *out, size_t len);	/* 192.0.2.1[500] */
bool addr_equal(const struct addr *a, const struct addr *b);
/* fe80::/10, which means something only beside a device: RFC 4291 2.5.6 */
bool addr_is_link_local(const struct addr *a);
int addr_cmp(const struct addr *a, const struct addr *b);
size_t addr_len(const struct addr *a);		/* 4, 16 or 0 */
void ts_from_prefix(const struct addr *net, unsigned int prefix_len, struct ts *out); /* any proto, ports */
bool ts_equal(const struct ts *a, const struct ts *b);
bool ts_contains(const struct ts *outer, const struct ts *inner);
bool ts_intersect(const struct ts *a, const struct ts *b, struct ts *out);	/* false: empty */
/* "10.1.0.0/16", "tcp 192.0.2.9 port 22"; ranges that are no prefix as a-b */
const char *ts_str(const struct ts *t, char *out, size_t len);

#endif
