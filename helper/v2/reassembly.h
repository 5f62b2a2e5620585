/* SPDX-License-Identifier: GPL-2.0 */
/* One message put together from its fragments: RFC 7383 2.6. Pure: no time, no keys, no SA. */
#ifndef V2_REASSEMBLY_H
#define V2_REASSEMBLY_H

#include "core/buf.h"
#include "wire/wire.h"

/* enough for the largest message in datagrams of 256 octets */
#define V2_FRAGMENTS_MAX	600
/* Octets that each fragment counts beside its own, so that empty ones cost, too. */
#define V2_FRAGMENT_COST	64

struct v2_part;

/**
 * struct v2_reassembly - the fragments of one message, opened
 * @total: of the message; 0: there is none
 * @have: how many of them are here
 * @first: type of the first payload, known with the first fragment
 * @octets: of the datagrams, together
 * @longest: the largest of them
 * @held: memory, against the limit
 */
struct v2_reassembly {
	uint32_t msgid;
	uint8_t exchange, first;
	uint16_t total, have;
	size_t clear, octets, longest, held;
	struct v2_part *parts;
};

/* A fragment: its headers' fields, and its decrypted content. */
struct v2_fragment {
	uint32_t msgid;
	uint8_t exchange, first;
	uint16_t number, total;
	size_t octets;			/* of its datagram */
	struct bytes clear;
};

enum v2_reassembled { V2_FRAGMENT_REFUSED, V2_FRAGMENT_KEPT, V2_MESSAGE_WHOLE };

void v2_reassembly_init(struct v2_reassembly *r);
void v2_reassembly_free(struct v2_reassembly *r);
bool v2_reassembly_wants(const struct v2_reassembly *r, const struct v2_fragment *f);
enum v2_reassembled v2_reassembly_add(struct v2_reassembly *r, const struct v2_fragment *f,
				      size_t limit);
bool v2_reassembly_join(const struct v2_reassembly *r, struct buf *out);

#endif
