// SPDX-License-Identifier: GPL-2.0
/*
 * The IKE header, the same in both versions: RFC 7296 3.1
 *
 *	 0                   1                   2                   3
 *	+---------------------------------------------------------------+
 *	|                    IKE SA Initiator's SPI (8)                 |
 *	+---------------------------------------------------------------+
 *	|                    IKE SA Responder's SPI (8)                 |
 *	+---------------+-------+-------+---------------+---------------+
 *	| Next Payload  | Major | Minor | Exchange Type |     Flags     |
 *	+---------------+-------+-------+---------------+---------------+
 *	|                           Message ID                          |
 *	+---------------------------------------------------------------+
 *	|                             Length                            |
 *	+---------------------------------------------------------------+
 */
#include <string.h>

#include "wire/wire.h"

#define AT_NEXT		16
#define AT_VERSION	17
#define AT_EXCHANGE	18
#define AT_FLAGS	19
#define AT_MSGID	20
#define AT_LENGTH	24

/**
 * wire_hdr_decode() - check and read the header
 * @msg: the whole datagram, without the non-ESP marker
 * @hdr: the header; filled whenever there are enough octets for it, so that
 *	an error can be answered
 *
 * Return: WIRE_VERSION for a major version above 2; version 1 is the caller's
 * to sort out.
 */
enum wire_err wire_hdr_decode(struct bytes msg, struct wire_hdr *hdr)
{
	memset(hdr, 0, sizeof(*hdr));
	if (msg.len < WIRE_HDR_LEN)
		return WIRE_TRUNCATED;
	hdr->spi_i = get_u64(msg.p);
	hdr->spi_r = get_u64(msg.p + 8);
	hdr->next = msg.p[AT_NEXT];
	hdr->major = msg.p[AT_VERSION] >> 4;
	hdr->minor = msg.p[AT_VERSION] & 0xf;
	hdr->exchange = msg.p[AT_EXCHANGE];
	hdr->flags = msg.p[AT_FLAGS];
	hdr->msgid = get_u32(msg.p + AT_MSGID);
	hdr->length = get_u32(msg.p + AT_LENGTH);
	/* RFC 7296 2.5: before anything else, for what follows may look otherwise there */
	if (hdr->major > 2)
		return WIRE_VERSION;
	if (hdr->length > msg.len)
		return WIRE_TRUNCATED;
	/* a UDP datagram is one message: octets behind it belong to nobody */
	if (hdr->length != msg.len || msg.len > WIRE_MSG_MAX)
		return WIRE_SYNTAX;
	/* RFC 7296 3.1: "This value MUST NOT be zero" */
	if (!hdr->spi_i || !hdr->major)
		return WIRE_SYNTAX;
	return WIRE_OK;
}

/**
 * wire_hdr_encode() - append the header
 * @b: the message
 * @hdr: the header; its length is written as it stands
 */
void wire_hdr_encode(struct buf *b, const struct wire_hdr *hdr)
{
	buf_put_u64(b, hdr->spi_i);
	buf_put_u64(b, hdr->spi_r);
	buf_put_u8(b, hdr->next);
	buf_put_u8(b, (uint8_t)(hdr->major << 4 | (hdr->minor & 0xf)));
	buf_put_u8(b, hdr->exchange);
	buf_put_u8(b, hdr->flags);
	buf_put_u32(b, hdr->msgid);
	buf_put_u32(b, hdr->length);
}

/**
 * wire_finish() - the message is complete: set its length
 * @b: the message
 */
void wire_finish(struct buf *b)
{
	if (b->len > WIRE_MSG_MAX)
		b->failed = true;
	buf_set_u32(b, AT_LENGTH, (uint32_t)b->len);
}
