/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generic netlink without a library, for the fuzzers: they must be able to say
 * wrong things, and quickly.
 */
#ifndef NFIPSEC_TOOLS_GENL_H
#define NFIPSEC_TOOLS_GENL_H

#include <stddef.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

/* a message being written, or an answer being read */
struct genl_msg {
	union {
		struct nlmsghdr nlh;
		uint8_t data[65536];
	};
	size_t len;
};

struct genl {
	int fd;
	uint16_t family;
	uint32_t group;		/* the family's one multicast group */
	uint32_t seq;
};

/* in the network namespace of the caller; a family that is missing ends the program */
void genl_open(struct genl *g, const char *family);

/* to the events of the family */
void genl_listen(struct genl *g);

void genl_begin(struct genl_msg *m, uint16_t family, uint8_t cmd, uint16_t flags);
void genl_put(struct genl_msg *m, uint16_t type, const void *data, size_t len);
void genl_put_u8(struct genl_msg *m, uint16_t type, uint8_t value);
void genl_put_u16(struct genl_msg *m, uint16_t type, uint16_t value);
void genl_put_u32(struct genl_msg *m, uint16_t type, uint32_t value);
void genl_put_string(struct genl_msg *m, uint16_t type, const char *value);
/* the offset of the nest, for genl_nest_end() */
size_t genl_nest(struct genl_msg *m, uint16_t type);
void genl_nest_end(struct genl_msg *m, size_t nest);

/* sends @m and reads the one answer or acknowledgement over it: 0 or -errno */
int genl_ask(struct genl *g, struct genl_msg *m);

/* the attribute @type among @len octets at @data, NULL for none */
const struct nlattr *genl_find(const void *data, size_t len, uint16_t type);

#endif
