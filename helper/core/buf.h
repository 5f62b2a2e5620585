/* SPDX-License-Identifier: GPL-2.0 */
/* Octet strings: a borrowed view, and a growing buffer. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a view of octets somebody else owns */
struct bytes {
	const uint8_t *p;
	size_t len;
};

/* owned octets; growth past the limit or out of memory sets @failed and drops what is written */
struct buf {
	uint8_t *p;
	size_t len, cap;
	bool failed;
};

void buf_init(struct buf *b);
void buf_free(struct buf *b);			/* zeroises, then frees; may be called twice */
void buf_put(struct buf *b, const void *p, size_t len);
void buf_put_bytes(struct buf *b, struct bytes v);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);	/* network order */
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void *buf_extend(struct buf *b, size_t len);	/* zeroed room at the end, NULL when failed */
void buf_set_u16(struct buf *b, size_t at, uint16_t v);	/* overwrite, e.g. a length */
void buf_set_u32(struct buf *b, size_t at, uint32_t v);
struct bytes buf_bytes(const struct buf *b);
bool buf_copy(struct buf *b, struct bytes v);	/* replaces the content */

uint16_t get_u16(const uint8_t *p);
uint32_t get_u32(const uint8_t *p);
uint64_t get_u64(const uint8_t *p);
/* an even number of hexadecimal digits, of either case; @out has len / 2 octets */
bool hex_decode(const char *text, size_t len, uint8_t *out);
bool bytes_equal(struct bytes a, struct bytes b);	/* not for secrets: see crypto_equal() */

#endif
