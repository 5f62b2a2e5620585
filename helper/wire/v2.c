// SPDX-License-Identifier: GPL-2.0
/*
 * The chain of IKEv2 payloads: walked and written. Each begins with the generic
 * header, RFC 7296 3.2:
 *
 *	+---------------+-+-------------+-------------------------------+
 *	| Next Payload  |C|  RESERVED   |  Payload Length (this too)    |
 *	+---------------+-+-------------+-------------------------------+
 */
#include <string.h>

#include "wire/wire.h"

#define GENERIC_LEN	4
#define SKF_HEAD_LEN	4
#define CRITICAL	0x80
#define AT_NEXT		16	/* of the IKE header */
#define AT_LENGTH	24

static bool known(uint8_t type)
{
	return (type >= WIRE_PLD_SA && type <= WIRE_PLD_EAP) || type == WIRE_PLD_SKF;
}

static bool encrypted(uint8_t type)
{
	return type == WIRE_PLD_SK || type == WIRE_PLD_SKF;
}

/**
 * wire_v2_walk() - find the payloads of a chain
 * @first: type of the first, as whatever stands before the chain names it
 * @body: the chain, all of it
 * @msg: n and pld are set, also on error: what was found before it
 * @bad: the type of an unknown critical payload
 *
 * Each step takes at least the four octets of a generic header, so it ends.
 *
 * Return: WIRE_OK when the chain fills @body exactly.
 */
enum wire_err wire_v2_walk(uint8_t first, struct bytes body, struct wire_msg *msg, uint8_t *bad)
{
	uint8_t type = first;
	size_t at = 0;

	msg->n = 0;
	*bad = WIRE_PLD_NONE;
	while (type != WIRE_PLD_NONE) {
		struct wire_payload *pld = &msg->pld[msg->n];
		size_t len;

		if (body.len - at < GENERIC_LEN)
			return WIRE_TRUNCATED;
		len = get_u16(body.p + at + 2);
		if (len < GENERIC_LEN)
			return WIRE_SYNTAX;
		if (len > body.len - at)
			return WIRE_TRUNCATED;
		/*
		 * RFC 7296 2.5, 3.2: the critical bit counts for types that we do not
		 * know only; those without it are passed on to be ignored.
		 */
		if (!known(type) && (body.p[at + 1] & CRITICAL)) {
			*bad = type;
			return WIRE_CRITICAL;
		}
		if (msg->n == WIRE_PAYLOADS_MAX)
			return WIRE_TOO_MANY;
		pld->type = type;
		pld->critical = body.p[at + 1] & CRITICAL;
		pld->next = body.p[at];
		pld->body = (struct bytes){ body.p + at + GENERIC_LEN, len - GENERIC_LEN };
		msg->n++;
		at += len;
		/* RFC 7296 3.14: SK is the last payload; its next is the first inside */
		type = encrypted(type) ? WIRE_PLD_NONE : pld->next;
	}
	return at == body.len ? WIRE_OK : WIRE_SYNTAX;
}

/**
 * wire_v2_decode() - header and chain of one datagram
 * @raw: the datagram, without the non-ESP marker; @msg points into it
 * @msg: hdr is filled even on error, where there are enough octets
 * @bad: the type of an unknown critical payload
 *
 * Return: WIRE_OK, or the first thing wrong.
 */
enum wire_err wire_v2_decode(struct bytes raw, struct wire_msg *msg, uint8_t *bad)
{
	enum wire_err err;

	msg->n = 0;
	*bad = WIRE_PLD_NONE;
	err = wire_hdr_decode(raw, &msg->hdr);
	if (err)
		return err;
	if (msg->hdr.major != 2)
		return WIRE_SYNTAX;
	return wire_v2_walk(msg->hdr.next, (struct bytes){ raw.p + WIRE_HDR_LEN,
							   raw.len - WIRE_HDR_LEN }, msg, bad);
}

/**
 * wire_find() - the first payload of a type
 * @msg: the message, or the inside of SK
 * @type: payload type
 *
 * Return: the payload or NULL.
 */
const struct wire_payload *wire_find(const struct wire_msg *msg, uint8_t type)
{
	unsigned int i;

	for (i = 0; i < msg->n; i++)
		if (msg->pld[i].type == type)
			return &msg->pld[i];
	return NULL;
}

/**
 * wire_open() - begin a message
 * @w: the writer
 * @b: an empty buffer
 * @hdr: the header; the first payload's type is put in as it is written
 */
void wire_open(struct wire_writer *w, struct buf *b, const struct wire_hdr *hdr)
{
	struct wire_hdr h = *hdr;

	h.next = WIRE_PLD_NONE;
	*w = (struct wire_writer){ .b = b, .next_at = AT_NEXT };
	wire_hdr_encode(b, &h);
}

/**
 * wire_open_inner() - begin a chain without header, for the inside of SK
 * @w: the writer
 * @b: an empty buffer
 * @first: gets the type of the first payload
 */
void wire_open_inner(struct wire_writer *w, struct buf *b, uint8_t *first)
{
	*first = WIRE_PLD_NONE;
	*w = (struct wire_writer){ .b = b, .first = first };
}

static void name_next(struct wire_writer *w, uint8_t type)
{
	if (w->first)
		*w->first = type;
	else if (!w->b->failed && w->next_at < w->b->len)
		w->b->p[w->next_at] = type;
	w->first = NULL;
	w->next_at = w->b->len;
}

/**
 * wire_begin() - the generic header of one payload; wire_end() sets its length
 * @w: the writer
 * @pld_type: its type
 */
void wire_begin(struct wire_writer *w, uint8_t pld_type)
{
	name_next(w, pld_type);
	w->body_at = w->b->len;
	buf_put_u8(w->b, WIRE_PLD_NONE);
	buf_put_u8(w->b, 0);
	buf_put_u16(w->b, 0);
}

/**
 * wire_end() - the payload is complete
 * @w: the writer
 */
void wire_end(struct wire_writer *w)
{
	size_t len = w->b->len - w->body_at;

	if (len > UINT16_MAX)
		w->b->failed = true;
	buf_set_u16(w->b, w->body_at + 2, (uint16_t)len);
}

/**
 * wire_put_raw() - a payload whose body is at hand
 * @w: the writer
 * @pld_type: its type
 * @critical: the critical bit
 * @body: what follows the generic header
 */
void wire_put_raw(struct wire_writer *w, uint8_t pld_type, bool critical, struct bytes body)
{
	wire_begin(w, pld_type);
	if (critical && !w->b->failed)
		w->b->p[w->body_at + 1] = CRITICAL;
	buf_put_bytes(w->b, body);
	wire_end(w);
}

/* the lengths count what is sealed already: they are in the AAD */
static void count_sealed(struct wire_writer *w, uint8_t first_inside, size_t sealed_len)
{
	struct buf *b = w->b;

	if (b->failed || sealed_len > WIRE_MSG_MAX || b->len + sealed_len > WIRE_MSG_MAX) {
		b->failed = true;
		return;
	}
	b->p[w->body_at] = first_inside;
	buf_set_u16(b, w->body_at + 2, (uint16_t)(b->len - w->body_at + sealed_len));
	buf_set_u32(b, AT_LENGTH, (uint32_t)(b->len + sealed_len));
}

/**
 * wire_put_sk() - the head of the last payload, sealed_len octets of which follow
 * @w: the writer, opened with wire_open()
 * @first_inside: type of the first payload inside
 * @sealed_len: crypto_sk_len() of the inside
 */
void wire_put_sk(struct wire_writer *w, uint8_t first_inside, size_t sealed_len)
{
	wire_begin(w, WIRE_PLD_SK);
	count_sealed(w, first_inside, sealed_len);
}

/*
 * The Encrypted Fragment payload, RFC 7383 2.5:
 *
 *	+---------------+-+-------------+-------------------------------+
 *	| Next Payload  |C|  RESERVED   |         Payload Length        |
 *	+---------------+-+-------------+-------------------------------+
 *	|        Fragment Number        |        Total Fragments        |
 *	+-------------------------------+-------------------------------+
 *	|           IV, encrypted content, ICV: as in SK                |
 */

/**
 * wire_put_skf() - the same for a fragment of the inside
 * @w: the writer, opened with wire_open()
 * @first_inside: type of the first payload inside, in the first fragment only
 * @number: which fragment, from 1 to @total
 * @total: how many there are
 * @sealed_len: crypto_sk_len() of this fragment
 */
void wire_put_skf(struct wire_writer *w, uint8_t first_inside, uint16_t number, uint16_t total,
		  size_t sealed_len)
{
	wire_begin(w, WIRE_PLD_SKF);
	buf_put_u16(w->b, number);
	buf_put_u16(w->b, total);
	count_sealed(w, number == 1 ? first_inside : WIRE_PLD_NONE, sealed_len);
}

/**
 * wire_skf_decode() - the head of a fragment
 * @body: what follows the generic header
 * @out: @sealed points into @body
 *
 * Return: WIRE_SYNTAX for numbers that RFC 7383 2.5 forbids.
 */
enum wire_err wire_skf_decode(struct bytes body, struct wire_skf *out)
{
	if (body.len < SKF_HEAD_LEN)
		return WIRE_TRUNCATED;
	out->number = get_u16(body.p);
	out->total = get_u16(body.p + 2);
	out->sealed = (struct bytes){ body.p + SKF_HEAD_LEN, body.len - SKF_HEAD_LEN };
	/* neither may be zero, which is said by this of the total, too */
	return out->number && out->number <= out->total ? WIRE_OK : WIRE_SYNTAX;
}
