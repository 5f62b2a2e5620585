// SPDX-License-Identifier: GPL-2.0
#include "mutate.h"

#include <string.h>

#define WINDOW 1024

/* plain text and upper payloads; one packet is in the making at a time */
static uint8_t plain[WIRE_FRAME_MAX];

static uint32_t below(struct stream *s, uint32_t n)
{
	return rng_below(&s->rng, n);
}

static bool one_in(struct stream *s, uint32_t n)
{
	return !below(s, n);
}

static void expect(struct stream *s, unsigned int stat)
{
	s->expect[stat]++;
}

/* ---- whole packets ---- */

/* the valid payload of the next packet, and what it is */
static size_t payload(struct stream *s, uint8_t *next, size_t len)
{
	static const uint8_t protos[2][3] = {
		{ PROTO_UDP, PROTO_TCP, PROTO_ICMP },
		{ PROTO_UDP, PROTO_TCP, PROTO_ICMPV6 },
	};
	int family = one_in(s, 4) ? 10 - s->sa.family : s->sa.family;

	if (s->sa.transport) {
		*next = PROTO_UDP;
		return wire_datagram(&s->rng, plain, &s->sa, len);
	}
	*next = family == 4 ? PROTO_IPIP : PROTO_IPV6;
	return wire_inner(&s->rng, plain, family, protos[family == 6][below(s, 3)], len);
}

/* what the outer IP header is followed by */
static uint8_t outer_next(const struct stream *s)
{
	return s->sa.udp ? PROTO_UDP : s->sa.proto;
}

static void open_frame(struct stream *s)
{
	wire_open(&s->frame, &s->sa, outer_next(s), NULL, 0);
}

/* @len octets of @plain as they are, but for AH's lack of a trailer */
static void seal(struct stream *s, uint64_t seq, size_t len, uint8_t next)
{
	if (s->sa.proto == PROTO_AH) {
		wire_ah(&s->frame, &s->sa, seq, next, plain, len);
	} else {
		wire_esp(&s->frame, &s->sa, seq, plain, len);
		wire_close(&s->frame);
	}
}

/* a packet that is right, in s->frame behind what open_frame() made */
static void right(struct stream *s, uint64_t seq, size_t size)
{
	uint8_t next;
	size_t len = payload(s, &next, size);

	if (s->sa.proto == PROTO_ESP)
		len = wire_pad(plain, len, next);
	seal(s, seq, len, next);
}

static void emit(struct stream *s)
{
	s->sent++;
	s->emit(s, &s->frame);
}

static void make_good(struct stream *s, unsigned long long i)
{
	open_frame(s);
	right(s, ++s->sa.seq, i % 16 == 15 ? below(s, 1300) : below(s, 64));
	expect(s, NFIPSEC_STAT_IN_PACKETS);
	emit(s);
}

/* larger than a page, up to the largest there is: not linear when it arrives */
static void make_big(struct stream *s, unsigned long long i)
{
	(void)i;
	open_frame(s);
	right(s, ++s->sa.seq, 4096 + below(s, one_in(s, 4) ? 61000 : 5000));
	expect(s, NFIPSEC_STAT_IN_PACKETS);
	emit(s);
}

/* ---- not authentic ---- */

/* a whole packet that is sent again and again, each time broken elsewhere */
static void template(struct stream *s, unsigned long long i)
{
	if (i % 64)
		return;
	open_frame(s);
	right(s, ++s->sa.seq, below(s, 80));
}

/* where ESP or AH begins */
static size_t begin(const struct stream *s)
{
	return s->frame.l4 + (s->sa.udp ? 8 : 0);
}

static void make_bits(struct stream *s, unsigned long long i)
{
	struct { size_t at; uint8_t with; } flips[8];
	unsigned int n = 1 + below(s, 8), j;

	template(s, i);
	for (j = 0; j < n; j++) {
		/* the SPI stays: which SA it is for is not the question here */
		do
			flips[j].at = begin(s) + below(s, s->frame.len - begin(s));
		while (flips[j].at - begin(s) < (s->sa.proto == PROTO_AH ? 8 : 4) &&
		       flips[j].at - begin(s) >= (s->sa.proto == PROTO_AH ? 4 : 0));
		flips[j].with = 1 << below(s, 8);
		s->frame.data[flips[j].at] ^= flips[j].with;
	}
	/* two may cancel each other out */
	s->frame.data[s->frame.len - 1] ^= 0x55;
	emit(s);
	s->frame.data[s->frame.len - 1] ^= 0x55;
	while (j--)
		s->frame.data[flips[j].at] ^= flips[j].with;
}

/* cut at each octet in turn, the outer header saying so */
static void make_cut(struct stream *s, unsigned long long i)
{
	size_t whole, from;

	template(s, i);
	whole = s->frame.len;
	from = s->frame.l4;
	s->frame.len = from + i % (whole - from);
	/* UDP's own length is too long then, or right */
	if (s->sa.udp && one_in(s, 2))
		put16(s->frame.data + from + 4, s->frame.len - from);
	wire_close(&s->frame);
	emit(s);
	s->frame.len = whole;
	if (s->sa.udp)
		put16(s->frame.data + from + 4, whole - from);
	wire_close(&s->frame);
}

static void make_random(struct stream *s, unsigned long long i)
{
	size_t len = below(s, 200);

	(void)i;
	open_frame(s);
	rng_fill(&s->rng, s->frame.data + s->frame.len, len);
	if (s->sa.proto == PROTO_AH) {
		if (len >= 8)
			put32(s->frame.data + s->frame.len + 4, s->sa.spi);
		/* mostly of a length that makes sense */
		if (len && !one_in(s, 4))
			s->frame.data[s->frame.len + 1] = s->sa.family == 4 ? 5 : 6;
	} else if (len >= 4) {
		put32(s->frame.data + s->frame.len, s->sa.spi);
	}
	s->frame.len += len;
	if (s->sa.udp)
		put16(s->frame.data + s->frame.l4 + 4, s->frame.len - s->frame.l4);
	wire_close(&s->frame);
	emit(s);
}

/* ---- replayed and late ---- */

static void make_replay(struct stream *s, unsigned long long i)
{
	uint64_t *top = &s->sa.seq;
	unsigned int way = i ? below(s, 4) : 0;

	open_frame(s);
	switch (way) {
	case 0:
		*top += WINDOW + below(s, one_in(s, 100) ? 1 << 20 : 8);
		right(s, *top, 8);
		expect(s, NFIPSEC_STAT_IN_PACKETS);
		break;
	case 1:
		right(s, *top, 8);
		expect(s, NFIPSEC_STAT_IN_REPLAY);
		break;
	case 2:
		/* with ESN a number left of the window is read as one of the next 2^32 */
		right(s, *top - WINDOW - below(s, *top > 4096 ? 2048 : 1), 8);
		expect(s, s->sa.esn ? NFIPSEC_STAT_IN_BAD_ICV : NFIPSEC_STAT_IN_REPLAY_LATE);
		break;
	case 3:
		/* one in the window that has not been there, and the same once more */
		*top += 2;
		right(s, *top, 8);
		expect(s, NFIPSEC_STAT_IN_PACKETS);
		emit(s);
		open_frame(s);
		right(s, *top - 1, 8);
		expect(s, NFIPSEC_STAT_IN_PACKETS);
		emit(s);
		expect(s, NFIPSEC_STAT_IN_REPLAY);
		break;
	}
	emit(s);
}

/* ---- behind a good ICV ---- */

/* netfilter looks for fragment headers behind AH too, and does not count what it finds */
static bool seen_through(const struct stream *s)
{
	return s->sa.proto == PROTO_AH && s->sa.family == 6;
}

/*
 * Random extension headers in front of what is @next, which becomes the first of them.
 * Outside a fragment header is one of a packet that is whole (RFC 6946), and lengths lie
 * only where they do not make up headers of what is not: fragments are not counted where
 * netfilter puts them together, and have a kind of their own.
 */
static size_t chain(struct stream *s, uint8_t *to, size_t room, uint8_t *next, bool outside)
{
	static const uint8_t kinds[] = { 0, PROTO_DSTOPTS, PROTO_ROUTING, PROTO_FRAGMENT };
	unsigned int n = 1 + below(s, 4), j;
	uint8_t type = kinds[below(s, 4)], first = type;
	size_t at = 0;

	for (j = 0; j < n; j++) {
		uint8_t after = j + 1 < n ? kinds[1 + below(s, 3)] : *next;
		size_t len = type == PROTO_FRAGMENT ? 8 : 8 * (1 + below(s, 3));

		if (at + len > room)
			break;
		memset(to + at, 0, len);
		to[at] = after;
		if (type == PROTO_FRAGMENT) {
			if (!outside && one_in(s, 2))
				put16(to + at + 2, rng_next(&s->rng) & 0xfff9);
			put32(to + at + 4, rng_next(&s->rng));
		} else {
			to[at + 1] = len / 8 - 1;
			if (type == PROTO_ROUTING) {
				/* of 2, 3 and 4 the stack counts some twice and some not at all; 253
				 * is nobody's, RFC 4727 3.4 */
				to[at + 2] = one_in(s, 2) ? 0 : 253;
				to[at + 3] = one_in(s, 3) ? below(s, 4) : 0;
			} else {
				/* one PadN for all of it, or anything */
				to[at + 2] = 1;
				to[at + 3] = len - 4;
				if (one_in(s, 8))
					rng_fill(&s->rng, to + at + 2, len - 2);
			}
			if ((!outside || (j + 1 == n && s->sa.proto == PROTO_ESP)) && one_in(s, 8))
				to[at + 1] = rng_next(&s->rng);
		}
		at += len;
		type = after;
	}
	*next = at ? first : *next;
	return at;
}

/*
 * ICMP errors and redirects, mostly of a router that no selector has. The innermost one quotes
 * the packet at @plain, of @len octets, with its ends exchanged. Each quotation may end anywhere,
 * and may be of another error. Returns the new length.
 */
static size_t quote(struct stream *s, size_t len, bool four)
{
	static const uint8_t types[2][5] = { { 3, 4, 5, 11, 12 }, { 1, 2, 3, 4, 137 } };
	size_t head = four ? 20 : 40, size = four ? 4 : 16, at = four ? 12 : 8;
	uint8_t *p = plain, *quoted = p + head + 8, swapped[32];
	unsigned int depth = 1 + below(s, 3);

	while (depth--) {
		if (one_in(s, 2))
			len = below(s, len + 1);
		memmove(quoted, p, len);
		memcpy(swapped, p + at + size, size);
		memcpy(swapped + size, p + at, size);
		if (len >= head)
			memcpy(quoted + at, swapped, 2 * size);
		if (!one_in(s, 4))
			rng_fill(&s->rng, p + at, size);
		memset(p + head, 0, 8);
		p[head] = types[!four][below(s, 5)];
		p[head + 1] = below(s, 6);
		put16(p + head + 6, rng_next(&s->rng));
		len += head + 8;
		if (four) {
			put16(p + 2, len);
			put16(p + 6, 0);
			p[9] = PROTO_ICMP;
			put16(p + head + 2, wire_sum(p + head, len - head, 0));
		} else {
			put16(p + 4, len - 40);
			p[6] = PROTO_ICMPV6;
		}
	}
	return len;
}

/* @len octets of an inner packet, made worse; the new length */
static size_t worsen(struct stream *s, size_t len, uint8_t *next)
{
	uint8_t *p = plain;
	bool four = *next == PROTO_IPIP, packet = four || *next == PROTO_IPV6;
	size_t head = !packet ? 0 : four ? 20 : 40, n, j;
	uint8_t first;

	switch (below(s, 13)) {
	case 0:
		do
			*next = rng_next(&s->rng);
		while (seen_through(s) && (*next == 0 || *next == PROTO_ROUTING || *next == PROTO_FRAGMENT ||
					   *next == PROTO_AH || *next == PROTO_DSTOPTS));
		return len;
	case 1:
		for (j = 1 + below(s, 8); j; j--)
			p[below(s, len)] ^= 1 << below(s, 8);
		break;
	case 2:
		for (j = 1 + below(s, 4); j; j--)
			p[below(s, len < 60 ? len : 60)] = rng_next(&s->rng);
		break;
	case 3:		/* lengths */
		if (four)
			put16(p + 2, one_in(s, 2) ? rng_next(&s->rng) : below(s, len + 8));
		else if (packet)
			put16(p + 4, one_in(s, 2) ? rng_next(&s->rng) : below(s, len + 8));
		else
			put16(p + 4, below(s, len + 8));
		break;
	case 4:
		if (packet)
			p[0] = rng_next(&s->rng);
		else
			*next = PROTO_TCP;
		break;
	case 5:		/* cut short */
		len = below(s, len);
		break;
	case 6:		/* TFC padding, RFC 4303 2.7 */
		n = below(s, 400);
		rng_fill(&s->rng, p + len, n);
		return len + n;
	case 7:		/* a TCP header of any length with any options */
		memset(p + head, 0, 60);
		rng_fill(&s->rng, p + head + 20, 40);
		if (one_in(s, 2))
			memset(p + head + 20, 1, below(s, 40));
		if (one_in(s, 2)) {
			n = 20 + below(s, 37);
			p[head + n] = 2;
			p[head + n + 1] = one_in(s, 2) ? 4 : below(s, 6);
		}
		p[head + 12] = rng_next(&s->rng);
		p[head + 13] = 2;
		len = head + 20 + below(s, 41);
		if (four) {
			p[9] = PROTO_TCP;
			put16(p + 2, len);
		} else if (packet) {
			p[6] = PROTO_TCP;
			put16(p + 4, len - 40);
		} else {
			*next = PROTO_TCP;
		}
		break;
	case 8:		/* one fragment of many */
		if (four)
			put16(p + 6, rng_next(&s->rng));
		else
			*next = PROTO_FRAGMENT;
		break;
	case 9:		/* options, extension headers */
		if (four) {
			n = 4 * (1 + below(s, 10));
			memmove(p + 20 + n, p + 20, len - 20);
			rng_fill(&s->rng, p + 20, n);
			p[0] = 0x45 + n / 4;
			len += n;
			put16(p + 2, len);
		} else {
			first = packet ? p[6] : *next;
			memmove(p + head + 96, p + head, len - head);
			n = chain(s, p + head, 96, &first, !packet && seen_through(s));
			memmove(p + head + n, p + head + 96, len - head);
			len += n;
			if (packet) {
				p[6] = first;
				put16(p + 4, len - 40);
			} else {
				*next = first;
			}
		}
		break;
	case 10:
		*next = PROTO_NONE;
		return len;
	case 11:	/* any protocol; nothing but a header */
		if (four)
			p[9] = rng_next(&s->rng);
		else if (packet)
			p[6] = rng_next(&s->rng);
		if (one_in(s, 2))
			len = head;
		break;
	case 12:
		if (packet)
			len = quote(s, len, four);
		break;
	}
	/* what has a bad checksum is not looked at further */
	if (four && len >= 20 && (size_t)(p[0] & 15) * 4 <= len && (p[0] & 15) >= 5 && !one_in(s, 4))
		wire_ip_sum(p);
	return len;
}

static void make_inside(struct stream *s, unsigned long long i)
{
	uint8_t next;
	size_t len = payload(s, &next, below(s, 120)), whole;

	(void)i;
	if (!one_in(s, 8))
		len = worsen(s, len, &next);
	open_frame(s);
	/* ECN outside, RFC 6040 */
	if (s->sa.family == 4)
		s->frame.data[WIRE_ETH + 1] = rng_next(&s->rng);
	else
		s->frame.data[WIRE_ETH + 1] = rng_next(&s->rng) & 0xf0;
	if (s->sa.proto == PROTO_AH) {
		if (seen_through(s) && next == PROTO_FRAGMENT)
			next = PROTO_DSTOPTS;
		seal(s, ++s->sa.seq, len, next);
		if (one_in(s, 8)) {
			/* its own length, its reserved octets */
			s->frame.data[s->frame.l4 + 1 + below(s, 3)] = rng_next(&s->rng);
			wire_ah_seal(&s->frame, &s->sa, s->sa.seq);
		}
		emit(s);
		return;
	}
	whole = wire_pad(plain, len, next);
	if (one_in(s, 8))
		plain[whole - 2] = rng_next(&s->rng);
	if (one_in(s, 16))
		plain[below(s, whole)] ^= 1 << below(s, 8);
	if (one_in(s, 16))
		whole = below(s, whole);
	seal(s, ++s->sa.seq, whole, next);
	emit(s);
}

/* ---- the outer header ---- */

static void make_header(struct stream *s, unsigned long long i)
{
	uint8_t *ip = s->frame.data + WIRE_ETH;
	bool four = s->sa.family == 4;
	size_t whole;
	uint8_t saved[64];

	template(s, i);
	whole = s->frame.len;
	memcpy(saved, ip, sizeof(saved));
	switch (below(s, 7)) {
	case 0:
		ip[0] = rng_next(&s->rng);
		/* what is no option is taken for one; options have a kind of their own */
		if (four)
			memset(ip + 20, 1, 40);
		break;
	case 1:
		put16(ip + (four ? 2 : 4), rng_next(&s->rng));
		break;
	case 2:
		put16(ip + (four ? 2 : 4), below(s, whole - WIRE_ETH + 8));
		break;
	case 3:
		if (four)
			put16(ip + 6, rng_next(&s->rng) & 0xe000);
		else
			put16(ip + 4, 0);
		break;
	case 4:
		ip[four ? 8 : 7] = below(s, 2);
		break;
	case 5:
		s->frame.len = WIRE_ETH + below(s, whole - WIRE_ETH);
		break;
	case 6:
		ip[1] = rng_next(&s->rng);
		break;
	}
	if (four && (ip[0] & 15) >= 5 && !one_in(s, 3))
		wire_ip_sum(ip);
	emit(s);
	memcpy(ip, saved, sizeof(saved));
	s->frame.len = whole;
}

static void make_options(struct stream *s, unsigned long long i)
{
	static const struct {
		uint8_t len, octets[16];
		char then;		/* g: goes on, b: bad, s: source routes are not taken */
	} options[] = {
		{ 4, { 1, 1, 1, 1 }, 'g' },
		{ 4, { 0 }, 'g' },
		{ 4, { 148, 4, 0, 0 }, 'g' },
		{ 12, { 7, 11, 4 }, 'g' },
		{ 12, { 68, 12, 5, 0 }, 'g' },
		{ 12, { 68, 12, 5, 1 }, 'g' },
		{ 8, { 1, 1, 1, 0xde, 4, 1, 2 }, 'g' },
		{ 8, { 131, 7, 4, 192, 0, 2, 1 }, 's' },
		{ 8, { 137, 7, 4, 192, 0, 2, 1 }, 's' },
		{ 4, { 7, 0, 4, 0 }, 'b' },
		{ 4, { 7, 1, 4, 0 }, 'b' },
		{ 4, { 7, 40, 4, 0 }, 'b' },
		{ 8, { 7, 7, 1, 0 }, 'b' },
		{ 4, { 1, 1, 1, 7 }, 'b' },
		{ 8, { 68, 7, 4, 0 }, 'b' },
		{ 8, { 131, 7, 3, 0 }, 'b' },
		{ 8, { 131, 2, 4, 0 }, 'b' },
	};
	unsigned int n = below(s, sizeof(options) / sizeof(options[0]));

	(void)i;
	wire_open(&s->frame, &s->sa, outer_next(s), options[n].octets, options[n].len);
	right(s, ++s->sa.seq, 20);
	if (options[n].then == 'g')
		expect(s, NFIPSEC_STAT_IN_PACKETS);
	if (options[n].then == 's')
		s->silent++;
	emit(s);
}

static void make_exthdr(struct stream *s, unsigned long long i)
{
	uint8_t extra[96], first = outer_next(s);
	size_t len = chain(s, extra, sizeof(extra), &first, true);

	(void)i;
	wire_open(&s->frame, &s->sa, first, extra, len);
	right(s, ++s->sa.seq, 20);
	emit(s);
}

/* UDP that lies about its length; keepalives and IKE, which are not for us; RFC 3948 2 */
static void make_lengths(struct stream *s, unsigned long long i)
{
	uint8_t *udp;

	(void)i;
	open_frame(s);
	right(s, ++s->sa.seq, below(s, 80));
	udp = s->frame.data + s->frame.l4;
	switch (below(s, 4)) {
	case 0:
		put16(udp + 4, rng_next(&s->rng));
		break;
	case 1:
		put16(udp + 4, below(s, s->frame.len - s->frame.l4));
		break;
	case 2:
		/* the ESP packet is only so long, and that is what fails */
		put16(udp + 4, 16 + below(s, 40));
		break;
	case 3:
		open_frame(s);
		rng_fill(&s->rng, s->frame.data + s->frame.len, 32);
		if (one_in(s, 2)) {
			s->frame.data[s->frame.len] = 0xff;
			s->frame.len += 1;
		} else {
			put32(s->frame.data + s->frame.len, 0);
			s->frame.len += 32;
		}
		put16(udp + 4, s->frame.len - s->frame.l4);
		wire_close(&s->frame);
		break;
	}
	emit(s);
}

/* ---- fragments ---- */

struct piece { uint32_t from, len; bool more; };

static void emit_piece(struct stream *s, const struct frame *whole, const struct piece *p)
{
	struct frame *f = &s->frame;
	uint8_t *ip = f->data + WIRE_ETH;
	size_t head = s->sa.family == 4 ? 20 : 40, have = whole->len - WIRE_ETH - head;

	memcpy(f->data, whole->data, WIRE_ETH + head);
	f->len = WIRE_ETH + head;
	if (s->sa.family == 4) {
		put16(ip + 6, (p->more ? 0x2000 : 0) | p->from / 8);
	} else {
		memset(ip + 40, 0, 8);
		ip[40] = ip[6];
		ip[6] = PROTO_FRAGMENT;
		put16(ip + 42, p->from | p->more);
		put32(ip + 44, s->sa.seq);
		f->len += 8;
	}
	if (p->from + p->len <= have)
		memcpy(f->data + f->len, whole->data + WIRE_ETH + head + p->from, p->len);
	else
		memset(f->data + f->len, 0xee, p->len);
	f->len += p->len;
	wire_close(f);
	emit(s);
}

static void make_fragments(struct stream *s, unsigned long long i)
{
	static struct frame whole;
	uint32_t have, a, b, j, n = 3;
	struct piece p[4];
	bool complete = true;

	open_frame(s);
	/* AH covers the identification */
	s->sa.seq++;
	if (s->sa.family == 4)
		put16(s->frame.data + WIRE_ETH + 4, s->sa.seq);
	right(s, s->sa.seq, 64 + below(s, 200));
	whole.len = s->frame.len;
	whole.l4 = s->frame.l4;
	memcpy(whole.data, s->frame.data, whole.len);
	have = whole.len - whole.l4;
	a = 8 * (1 + below(s, 5));
	b = a + 8 * (1 + below(s, 5));
	p[0] = (struct piece){ 0, a, true };
	p[1] = (struct piece){ a, b - a, true };
	p[2] = (struct piece){ b, have - b, false };
	switch (i % 8) {
	case 0:
		break;
	case 1:
		p[0] = p[2];
		p[2] = (struct piece){ 0, a, true };
		break;
	case 2:		/* 8 octets: SPI and sequence number, or only the UDP header */
		p[0].len = 8;
		p[1] = (struct piece){ 8, b - 8, true };
		break;
	case 3:		/* no end */
		n = 2;
		complete = false;
		break;
	case 4:		/* no beginning */
		p[0] = p[2];
		n = 2;
		complete = false;
		break;
	case 5:		/* overlapping: RFC 5722, RFC 1858 */
		p[1].from = a - 8;
		p[1].len = b - a + 8 + 8;
		complete = false;
		break;
	case 6:		/* one twice */
		p[3] = p[2];
		p[2] = p[1];
		n = 4;
		break;
	case 7:		/* the end lies beyond the largest packet */
		p[2] = (struct piece){ s->sa.family == 4 ? 65528 : 65000, 64, false };
		complete = false;
		break;
	}
	for (j = 0; j < n; j++)
		emit_piece(s, &whole, &p[j]);
	s->absorbed += complete ? n - 1 : n;
	if (complete)
		expect(s, NFIPSEC_STAT_IN_PACKETS);
}

static const struct kind kinds[] = {
	{ "good", make_good, { NFIPSEC_STAT_IN_PACKETS } },
	{ "big", make_big, { NFIPSEC_STAT_IN_PACKETS } },
	{ "bits", make_bits, { NFIPSEC_STAT_IN_PACKETS } },
	{ "cut", make_cut, { NFIPSEC_STAT_IN_PACKETS } },
	{ "random", make_random, { NFIPSEC_STAT_IN_PACKETS } },
	{ "replay", make_replay, { NFIPSEC_STAT_IN_PACKETS, NFIPSEC_STAT_IN_REPLAY,
				   NFIPSEC_STAT_IN_REPLAY_LATE, NFIPSEC_STAT_IN_BAD_ICV } },
	{ "inside", make_inside, { 0 } },
	{ "header", make_header, { 0 } },
	{ "options", make_options, { NFIPSEC_STAT_IN_PACKETS } },
	{ "exthdr", make_exthdr, { 0 } },
	{ "lengths", make_lengths, { 0 } },
	{ "fragments", make_fragments, { NFIPSEC_STAT_IN_PACKETS } },
};

const struct kind *kind_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}
