/* SPDX-License-Identifier: GPL-2.0 */
/* Octets of tests, written as people read them. */
#ifndef TESTS_HEX_H
#define TESTS_HEX_H

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

static inline int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* appends; blanks between octets are skipped */
static inline void hex_put(struct buf *b, const char *s)
{
	while (*s) {
		int hi = hex_digit(s[0]), lo;

		if (*s == ' ' || *s == '\n' || *s == '\t') {
			s++;
			continue;
		}
		lo = hex_digit(s[1]);
		if (hi < 0 || lo < 0)
			abort();
		buf_put_u8(b, (uint8_t)(hi << 4 | lo));
		s += 2;
	}
}

static inline struct buf hex_buf(const char *s)
{
	struct buf b;

	buf_init(&b);
	hex_put(&b, s);
	return b;
}

/* a copy of exactly this size on the heap, so that ASan sees a read beyond it */
static inline uint8_t *tight(struct bytes v)
{
	uint8_t *p = malloc(v.len ? v.len : 1);

	if (!p)
		abort();
	if (v.len)
		memcpy(p, v.p, v.len);
	return p;
}

#endif
