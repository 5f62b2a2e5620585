// SPDX-License-Identifier: GPL-2.0
/* The bodies of IKEv2 payloads but SA: RFC 7296 3.4 to 3.13; the SA payload is in v2_sa.c. */
#include <netinet/in.h>
#include <string.h>

#include "wire/wire.h"
#include "wire/v2_writer.h"

static struct bytes rest(struct bytes b, size_t at)
{
	return (struct bytes){ b.p + at, b.len - at };
}

/*
 * KE, RFC 7296 3.4:
 *	+-------------------------------+-------------------------------+
 *	|   Diffie-Hellman Group Num    |           RESERVED            |
 *	+-------------------------------+-------------------------------+
 *	~                       Key Exchange Data                       ~
 */

/**
 * wire_ke_decode() - Key Exchange
 * @body: the payload
 * @out: group and public value; whether it has the group's length is for the
 *	crypto to say, which knows the group
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_ke_decode(struct bytes body, struct wire_ke *out)
{
	if (body.len < 4)
		return WIRE_TRUNCATED;
	if (body.len == 4)
		return WIRE_SYNTAX;
	out->group = get_u16(body.p);
	out->data = rest(body, 4);
	return WIRE_OK;
}

/**
 * wire_put_ke() - Key Exchange
 * @w: the writer
 * @group: DH group
 * @data: public value
 */
void wire_put_ke(struct wire_writer *w, uint16_t group, struct bytes data)
{
	wire_begin(w, WIRE_PLD_KE);
	buf_put_u16(w->b, group);
	buf_put_u16(w->b, 0);
	buf_put_bytes(w->b, data);
	wire_end(w);
}

/*
 * IDi, IDr, RFC 7296 3.5, and AUTH, 3.8:
 *	+---------------+-----------------------------------------------+
 *	| Type / Method |                   RESERVED                    |
 *	+---------------+-----------------------------------------------+
 *	~                             Data                              ~
 */

static enum wire_err id_len_fits(size_t len, size_t max)
{
	return len && len <= max ? WIRE_OK : WIRE_SYNTAX;
}

/*
 * A DN is a SEQUENCE of SETs of attributes (X.501). Libraries need a time that grows with the square
 * of the number of attributes. This function accepts a malformed DN: the comparison with the
 * configured DNs rejects it at no cost.
 */
static bool dn_fits(struct bytes dn)
{
	struct bytes whole, sets, set, attr;
	unsigned int n = 0;
	uint8_t tag;

	if (!wire_der_next(&dn, &tag, &whole, &sets))
		return true;
	while (sets.len) {
		if (!wire_der_next(&sets, &tag, &whole, &set))
			return true;
		while (wire_der_next(&set, &tag, &whole, &attr))
			if (++n > WIRE_DN_PARTS_MAX)
				return false;
	}
	return true;
}

/**
 * wire_id_decode() - Identification
 * @body: the payload
 * @out: type and octets
 *
 * Anybody may send one, and it is compared, printed and hashed: no longer than names are.
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_id_decode(struct bytes body, struct wire_id *out)
{
	if (body.len < 4)
		return WIRE_TRUNCATED;
	out->type = body.p[0];
	out->data = rest(body, 4);
	switch (out->type) {
	case WIRE_ID_IPV4:
		return out->data.len == 4 ? WIRE_OK : WIRE_SYNTAX;
	case WIRE_ID_IPV6:
		return out->data.len == 16 ? WIRE_OK : WIRE_SYNTAX;
	case WIRE_ID_FQDN:
		return id_len_fits(out->data.len, WIRE_ID_NAME_MAX);
	case WIRE_ID_EMAIL:
		return id_len_fits(out->data.len, WIRE_ID_EMAIL_MAX);
	case WIRE_ID_DN:
		if (out->data.len <= WIRE_ID_MAX && !dn_fits(out->data))
			return WIRE_SYNTAX;
		return id_len_fits(out->data.len, WIRE_ID_MAX);
	default:
		return id_len_fits(out->data.len, WIRE_ID_MAX);
	}
}

static void put_typed(struct wire_writer *w, uint8_t pld_type, uint8_t type, struct bytes data)
{
	wire_begin(w, pld_type);
	buf_put_u8(w->b, type);
	buf_put(w->b, "\0\0", 3);
	buf_put_bytes(w->b, data);
	wire_end(w);
}

/**
 * wire_put_id() - Identification
 * @w: the writer
 * @pld_type: WIRE_PLD_IDI or WIRE_PLD_IDR
 * @id_type: enum wire_id_type
 * @data: octets
 */
void wire_put_id(struct wire_writer *w, uint8_t pld_type, uint8_t id_type, struct bytes data)
{
	put_typed(w, pld_type, id_type, data);
}

/**
 * wire_auth_decode() - Authentication
 * @body: the payload
 * @out: method and octets
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_auth_decode(struct bytes body, struct wire_auth *out)
{
	if (body.len < 4)
		return WIRE_TRUNCATED;
	if (body.len == 4)
		return WIRE_SYNTAX;
	out->method = body.p[0];
	out->data = rest(body, 4);
	return WIRE_OK;
}

/**
 * wire_put_auth() - Authentication
 * @w: the writer
 * @method: enum wire_auth_method
 * @data: octets
 */
void wire_put_auth(struct wire_writer *w, uint8_t method, struct bytes data)
{
	put_typed(w, WIRE_PLD_AUTH, method, data);
}

/*
 * CERT, RFC 7296 3.6, and CERTREQ, 3.7:
 *	+---------------+
 *	| Cert Encoding |  Certificate Data / Certification Authority ~
 *	+---------------+-----------------------------------------------+
 */

/**
 * wire_cert_decode() - Certificate or Certificate Request
 * @body: the payload
 * @out: encoding and octets; a request may have none (RFC 7670 3)
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_cert_decode(struct bytes body, struct wire_cert *out)
{
	if (!body.len)
		return WIRE_TRUNCATED;
	out->encoding = body.p[0];
	out->data = rest(body, 1);
	return WIRE_OK;
}

/**
 * wire_put_cert() - Certificate or Certificate Request
 * @w: the writer
 * @pld_type: WIRE_PLD_CERT or WIRE_PLD_CERTREQ
 * @encoding: enum wire_cert_encoding
 * @data: octets
 */
void wire_put_cert(struct wire_writer *w, uint8_t pld_type, uint8_t encoding, struct bytes data)
{
	wire_begin(w, pld_type);
	buf_put_u8(w->b, encoding);
	buf_put_bytes(w->b, data);
	wire_end(w);
}

/**
 * wire_nonce_decode() - Nonce: RFC 7296 3.9, 16 to 256 octets
 * @body: the payload
 * @out: the nonce
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_nonce_decode(struct bytes body, struct bytes *out)
{
	if (body.len < WIRE_NONCE_MIN || body.len > WIRE_NONCE_MAX)
		return WIRE_SYNTAX;
	*out = body;
	return WIRE_OK;
}

/**
 * wire_put_nonce() - Nonce
 * @w: the writer
 * @nonce: the nonce
 */
void wire_put_nonce(struct wire_writer *w, struct bytes nonce)
{
	wire_put_raw(w, WIRE_PLD_NONCE, false, nonce);
}

/*
 * Notify, RFC 7296 3.10:
 *	+---------------+---------------+-------------------------------+
 *	|  Protocol ID  |   SPI Size    |      Notify Message Type      |
 *	+---------------+---------------+-------------------------------+
 *	~                     SPI, then Notification Data               ~
 */

/**
 * wire_notify_decode() - Notify
 * @body: the payload
 * @out: its parts; the protocol is 0 without an SPI, whatever was sent
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_notify_decode(struct bytes body, struct wire_notification *out)
{
	size_t spi_len;

	if (body.len < 4)
		return WIRE_TRUNCATED;
	spi_len = body.p[1];
	if (body.len - 4 < spi_len)
		return WIRE_TRUNCATED;
	/* RFC 7296 3.10: "If the SPI field is empty, this field ... MUST be ignored" */
	out->proto = spi_len ? body.p[0] : 0;
	out->type = get_u16(body.p + 2);
	out->spi = (struct bytes){ body.p + 4, spi_len };
	out->data = rest(body, 4 + spi_len);
	return WIRE_OK;
}

/**
 * wire_put_notify() - Notify
 * @w: the writer
 * @proto: PROTO_*, 0 without SPI
 * @spi: the SPI, may be empty
 * @type: enum wire_notify
 * @data: notification data, may be empty
 */
void wire_put_notify(struct wire_writer *w, uint8_t proto, struct bytes spi, uint16_t type,
		     struct bytes data)
{
	if (spi.len > UINT8_MAX)
		w->b->failed = true;
	wire_begin(w, WIRE_PLD_NOTIFY);
	buf_put_u8(w->b, proto);
	buf_put_u8(w->b, (uint8_t)spi.len);
	buf_put_u16(w->b, type);
	buf_put_bytes(w->b, spi);
	buf_put_bytes(w->b, data);
	wire_end(w);
}

/*
 * Delete, RFC 7296 3.11:
 *	+---------------+---------------+-------------------------------+
 *	|  Protocol ID  |   SPI Size    |          Num of SPIs          |
 *	+---------------+---------------+-------------------------------+
 *	~               SPIs, one behind the other                      ~
 */

/**
 * wire_delete_decode() - Delete
 * @body: the payload
 * @out: its parts; no SPIs for the IKE SA itself
 *
 * Return: WIRE_OK, or what is wrong.
 */
enum wire_err wire_delete_decode(struct bytes body, struct wire_delete *out)
{
	if (body.len < 4)
		return WIRE_TRUNCATED;
	out->proto = body.p[0];
	out->spi_len = body.p[1];
	out->n = get_u16(body.p + 2);
	out->spis = rest(body, 4);
	switch (out->proto) {
	case PROTO_IKE:
		/* the SPIs are those of the header; a count is meaningless */
		if (out->spi_len || out->spis.len)
			return WIRE_SYNTAX;
		out->n = 0;
		return WIRE_OK;
	case PROTO_AH:
	case PROTO_ESP:
		if (out->spi_len != 4)
			return WIRE_SYNTAX;
		break;
	default:
		break;
	}
	if (out->spis.len < (size_t)out->spi_len * out->n)
		return WIRE_TRUNCATED;
	return out->spis.len == (size_t)out->spi_len * out->n ? WIRE_OK : WIRE_SYNTAX;
}

/**
 * wire_put_delete() - Delete
 * @w: the writer
 * @proto: PROTO_*
 * @spi_len: octets of one SPI, 0 for PROTO_IKE
 * @spis: SPIs, one behind the other
 */
void wire_put_delete(struct wire_writer *w, uint8_t proto, uint8_t spi_len, struct bytes spis)
{
	size_t n = spi_len ? spis.len / spi_len : 0;

	if (spi_len ? spis.len % spi_len || n > UINT16_MAX : spis.len)
		w->b->failed = true;
	wire_begin(w, WIRE_PLD_DELETE);
	buf_put_u8(w->b, proto);
	buf_put_u8(w->b, spi_len);
	buf_put_u16(w->b, (uint16_t)n);
	buf_put_bytes(w->b, spis);
	wire_end(w);
}

/*
 * TSi, TSr, RFC 7296 3.13: the number of selectors, 3 octets reserved, then each:
 *	+---------------+---------------+-------------------------------+
 *	|   TS Type     |IP Protocol ID |       Selector Length         |
 *	+---------------+---------------+-------------------------------+
 *	|           Start Port          |            End Port           |
 *	+-------------------------------+-------------------------------+
 *	~              Starting Address, then Ending Address            ~
 */
#define TS_HEAD		4
#define TS_IPV4		7
#define TS_IPV6		8

static bool ts_read_addrs(struct bytes sel, struct ts *ts)
{
	size_t len = sel.p[0] == TS_IPV4 ? 4 : 16;

	if (sel.len != 8 + 2 * len)
		return false;
	ts->min.family = sel.p[0] == TS_IPV4 ? AF_INET : AF_INET6;
	ts->max.family = ts->min.family;
	memcpy(ts->min.a, sel.p + 8, len);
	memcpy(ts->max.a, sel.p + 8 + len, len);
	return addr_cmp(&ts->min, &ts->max) <= 0;
}

/*
 * Returns whether the selector can be served: not ports without a protocol, nor
 * OPAQUE ports (65535 to 0). Both are refused as selectors, so that the peer
 * gets TS_UNACCEPTABLE and keeps its IKE SA.
 */
static bool ts_servable(const struct ts *ts)
{
	if (ts->port_min > ts->port_max)
		return false;
	return ts->proto || (!ts->port_min && ts->port_max == UINT16_MAX);
}

/**
 * wire_ts_decode() - Traffic Selectors
 * @body: the payload
 * @out: those of IPv4 and IPv6 that can be served, in the peer's order
 *
 * Return: WIRE_OK, WIRE_TOO_MANY when there are more than @out has room for, or what
 * is wrong.
 */
enum wire_err wire_ts_decode(struct bytes body, struct wire_ts *out)
{
	enum wire_err result = WIRE_OK;
	unsigned int i, n;
	size_t at = 4;

	out->n = 0;
	if (body.len < 4)
		return WIRE_TRUNCATED;
	n = body.p[0];
	if (!n)
		return WIRE_SYNTAX;
	for (i = 0; i < n; i++) {
		struct bytes sel;
		struct ts ts;

		if (body.len - at < TS_HEAD)
			return WIRE_TRUNCATED;
		sel = (struct bytes){ body.p + at, get_u16(body.p + at + 2) };
		if (sel.len < TS_HEAD)
			return WIRE_SYNTAX;
		if (sel.len > body.len - at)
			return WIRE_TRUNCATED;
		at += sel.len;
		if (sel.p[0] != TS_IPV4 && sel.p[0] != TS_IPV6)
			continue;
		memset(&ts, 0, sizeof(ts));
		if (!ts_read_addrs(sel, &ts))
			return WIRE_SYNTAX;
		ts.proto = sel.p[1];
		ts.port_min = get_u16(sel.p + 4);
		ts.port_max = get_u16(sel.p + 6);
		if (ts.port_min > ts.port_max && !(ts.port_min == UINT16_MAX && !ts.port_max))
			return WIRE_SYNTAX;
		if (!ts_servable(&ts))
			continue;
		if (out->n < WIRE_TS_MAX)
			out->ts[out->n++] = ts;
		else
			result = WIRE_TOO_MANY;
	}
	return at == body.len ? result : WIRE_SYNTAX;
}

/**
 * wire_put_ts() - Traffic Selectors
 * @w: the writer
 * @pld_type: WIRE_PLD_TSI or WIRE_PLD_TSR
 * @ts: the selectors
 * @n: how many, 1 to 255
 */
void wire_put_ts(struct wire_writer *w, uint8_t pld_type, const struct ts *ts, unsigned int n)
{
	unsigned int i;

	if (!n || n > UINT8_MAX)
		w->b->failed = true;
	wire_begin(w, pld_type);
	buf_put_u8(w->b, (uint8_t)n);
	buf_put(w->b, "\0\0", 3);
	for (i = 0; i < n; i++) {
		size_t len = addr_len(&ts[i].min);

		if (!len || ts[i].max.family != ts[i].min.family)
			w->b->failed = true;
		buf_put_u8(w->b, len == 4 ? TS_IPV4 : TS_IPV6);
		buf_put_u8(w->b, ts[i].proto);
		buf_put_u16(w->b, (uint16_t)(8 + 2 * len));
		buf_put_u16(w->b, ts[i].port_min);
		buf_put_u16(w->b, ts[i].port_max);
		buf_put(w->b, ts[i].min.a, len);
		buf_put(w->b, ts[i].max.a, len);
	}
	wire_end(w);
}
