// SPDX-License-Identifier: GPL-2.0
/* Octet strings: big-endian access, and a buffer that grows and forgets. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/* nothing of ours is larger; a runaway writer stops here */
#define BUF_MAX (16u << 20)

void buf_init(struct buf *b)
{
	memset(b, 0, sizeof(*b));
}

/**
 * buf_free - zeroise and free
 * @b: empty afterwards, may be freed again or used again
 */
void buf_free(struct buf *b)
{
	if (b->p) {
		explicit_bzero(b->p, b->cap);
		free(b->p);
	}
	buf_init(b);
}

/* realloc() would leave the old octets behind, and they may be a key */
static bool grow(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->failed || more > BUF_MAX - b->len)
		goto fail;
	/* room for nothing is room too: NULL says failure only */
	if (b->p && b->len + more <= b->cap)
		return true;
	while (cap < b->len + more)
		cap *= 2;
	p = malloc(cap);
	if (!p)
		goto fail;
	if (b->p) {
		memcpy(p, b->p, b->len);
		explicit_bzero(b->p, b->cap);
		free(b->p);
	}
	b->p = p;
	b->cap = cap;
	return true;

fail:
	b->failed = true;
	return false;
}

/**
 * buf_extend - room at the end
 * @b: the buffer
 * @len: octets, zeroed
 *
 * Return: the room, valid until the buffer grows again; NULL when it cannot.
 */
void *buf_extend(struct buf *b, size_t len)
{
	void *room;

	if (!grow(b, len))
		return NULL;
	room = b->p + b->len;
	memset(room, 0, len);
	b->len += len;
	return room;
}

void buf_put(struct buf *b, const void *p, size_t len)
{
	void *room;

	if (!len)
		return;
	room = buf_extend(b, len);
	if (room)
		memcpy(room, p, len);
}

void buf_put_bytes(struct buf *b, struct bytes v)
{
	buf_put(b, v.p, v.len);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	uint8_t o[2] = { v >> 8, v };

	buf_put(b, o, sizeof(o));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	buf_put_u16(b, v >> 16);
	buf_put_u16(b, v);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	buf_put_u32(b, v >> 32);
	buf_put_u32(b, v);
}

void buf_set_u16(struct buf *b, size_t at, uint16_t v)
{
	if (b->failed)
		return;
	if (b->len < 2 || at > b->len - 2) {
		b->failed = true;
		return;
	}
	b->p[at] = v >> 8;
	b->p[at + 1] = v;
}

void buf_set_u32(struct buf *b, size_t at, uint32_t v)
{
	buf_set_u16(b, at, v >> 16);
	buf_set_u16(b, at + 2, v);
}

/**
 * buf_bytes - the content
 * @b: the buffer
 *
 * Return: a view, valid until the buffer changes; of nothing when the buffer has
 * failed, so that half a message is never sent.
 */
struct bytes buf_bytes(const struct buf *b)
{
	if (b->failed)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ b->p, b->len };
}

/**
 * buf_copy - replace the content
 * @b: what it held is zeroised
 * @v: what it holds then; may lie in @b itself
 *
 * Return: false for no memory.
 */
bool buf_copy(struct buf *b, struct bytes v)
{
	struct buf copy;

	buf_init(&copy);
	buf_put_bytes(&copy, v);
	buf_free(b);
	*b = copy;
	return !b->failed;
}

uint16_t get_u16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)get_u16(p) << 16 | get_u16(p + 2);
}

uint64_t get_u64(const uint8_t *p)
{
	return (uint64_t)get_u32(p) << 32 | get_u32(p + 4);
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/**
 * hex_decode - octets from their hexadecimal digits
 * @text: two digits for each, of either case, and nothing else
 * @len: of it
 * @out: room for @len / 2 octets; when this fails some may be written
 *
 * Return: whether @text is that.
 */
bool hex_decode(const char *text, size_t len, uint8_t *out)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = high << 4 | low;
	}
	return len % 2 == 0;
}
