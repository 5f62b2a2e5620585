/* SPDX-License-Identifier: GPL-2.0 */
/* Packets of an SA as a peer would make them, byte by byte, and wrong ones on demand. */
#ifndef NFIPSEC_TOOLS_WIRE_H
#define NFIPSEC_TOOLS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nettle/gcm.h>
#include <nettle/hmac.h>

enum { PROTO_ICMP = 1, PROTO_IPIP = 4, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_IPV6 = 41,
       PROTO_ROUTING = 43, PROTO_FRAGMENT = 44, PROTO_ESP = 50, PROTO_AH = 51,
       PROTO_ICMPV6 = 58, PROTO_NONE = 59, PROTO_DSTOPTS = 60 };

#define WIRE_ETH	14
#define WIRE_FRAME_MAX	(WIRE_ETH + 65535 + 256)
#define WIRE_ICV	16	/* of both AES-GCM-16 and HMAC-SHA2-256-128 */
#define WIRE_PORT	7000	/* of what transport mode carries */

/* repeatable: the same seed gives the same packets */
struct rng { uint64_t state; };
uint64_t rng_next(struct rng *r);
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(rng_next(r) >> 32) % n;
}

void rng_fill(struct rng *r, void *to, size_t len);

struct sa {
	int family;			/* of the outer addresses, 4 or 6 */
	uint8_t proto;			/* ESP or AH */
	bool transport, udp, esn, null;	/* null: NULL with HMAC, not AES-GCM */
	uint32_t spi;
	uint64_t seq;			/* last one used */
	uint8_t key[20], mac_key[32];
	struct gcm_aes128_ctx gcm;
	struct hmac_sha256_ctx hmac;
};

/* an Ethernet frame; @l4 is where the outer IP header and its options end */
struct frame {
	uint8_t data[WIRE_FRAME_MAX];
	size_t len, l4;
};

/* receiver's and sender's outer addresses, as on the wire */
extern const uint8_t wire_to4[4], wire_from4[4], wire_to6[16], wire_from6[16];

void sa_init(struct sa *sa);
size_t sa_iv_len(const struct sa *sa);

uint16_t wire_sum(const void *data, size_t len, uint32_t start);
static inline void put16(uint8_t *p, uint32_t v) { p[0] = v >> 8; p[1] = v; }
static inline void put32(uint8_t *p, uint32_t v) { put16(p, v >> 16); put16(p + 2, v); }

/* the checksum of the IPv4 header at @ip, set */
void wire_ip_sum(uint8_t *ip);
/* what tunnel mode carries: a whole packet of @family with @len octets behind its upper header */
size_t wire_inner(struct rng *r, uint8_t *to, int family, uint8_t proto, size_t len);
/* what transport mode carries */
size_t wire_datagram(struct rng *r, uint8_t *to, const struct sa *sa, size_t len);
/* RFC 4303 2.4: padding and trailer behind @len octets; the new length */
size_t wire_pad(uint8_t *plain, size_t len, uint8_t next_header);

/* an outer header with @extra octets of options or extension headers, whose last is followed by
 * @next; wire_close() sets the lengths when all is there */
void wire_open(struct frame *f, const struct sa *sa, uint8_t next, const uint8_t *extra,
	       size_t extra_len);
void wire_close(struct frame *f);
/* ESP around @len octets of plain text with its trailer, behind what the frame has */
void wire_esp(struct frame *f, struct sa *sa, uint64_t seq, const uint8_t *plain, size_t len);
/* AH around @len octets of @next_header; closes the frame, which the ICV covers */
void wire_ah(struct frame *f, struct sa *sa, uint64_t seq, uint8_t next_header,
	     const uint8_t *payload, size_t len);
/* the ICV of the AH at @l4 of a closed frame, again */
void wire_ah_seal(struct frame *f, struct sa *sa, uint64_t seq);

#endif
