// SPDX-License-Identifier: GPL-2.0
/*
 * The SA payload: RFC 7296 3.3. Proposals, in them transforms, in them attributes:
 *
 *	+---------------+---------------+-------------------------------+
 *	| Last (0) / 2  |   RESERVED    |       Proposal Length         |
 *	+---------------+---------------+---------------+---------------+
 *	| Proposal Num  |  Protocol ID  |    SPI Size   |Num Transforms |
 *	+---------------+---------------+---------------+---------------+
 *	~                              SPI                              ~
 *	+---------------+---------------+-------------------------------+
 *	| Last (0) / 3  |   RESERVED    |       Transform Length        |
 *	+---------------+---------------+---------------+---------------+
 *	|Transform Type |   RESERVED    |          Transform ID         |
 *	+---------------+---------------+-------------------------------+
 *	|1|    Attribute Type (14)      |      Key Length in bits       |
 *	+-+-----------------------------+-------------------------------+
 */
#include <string.h>

#include "wire/wire.h"
#include "wire/v2_writer.h"

#define HEAD_LEN	8	/* of a proposal, of a transform */
#define MORE_PROPOSALS	2
#define MORE_TRANSFORMS	3
#define ATTR_TV		0x8000
#define ATTR_KEY_LENGTH	(ATTR_TV | 14)
#define ADDKE_FIRST	6	/* types of RFC 9370 2.2.1: additional key exchanges 1 to 7 */
#define ADDKE_LAST	12

/* RFC 7296 3.3.6: with an attribute that we do not know, the transform cannot be chosen */
static enum wire_err attrs_decode(struct bytes b, uint16_t *key_bits, bool *usable)
{
	bool seen = false;
	size_t at = 0, len;
	uint16_t type;

	*key_bits = 0;
	*usable = true;
	for (; at < b.len; at += len) {
		if (b.len - at < 4)
			return WIRE_TRUNCATED;
		type = get_u16(b.p + at);
		len = type & ATTR_TV ? 4 : 4 + (size_t)get_u16(b.p + at + 2);
		if (len > b.len - at)
			return WIRE_TRUNCATED;
		if (type != ATTR_KEY_LENGTH || seen) {
			*usable = false;
			continue;
		}
		seen = true;
		*key_bits = get_u16(b.p + at + 2);
	}
	return WIRE_OK;
}

/*
 * Makes room for one more: a transform that we do not have goes, of a type that
 * keeps another such. The last of a type stays, for a type without transforms
 * would count as not demanded. Those we have are fewer than there is room.
 */
static void evict_foreign(struct ike_proposal *p)
{
	unsigned int i, k;

	for (i = p->n; i-- > 1;) {
		if (ike_alg_find(p->t[i].type, p->t[i].id, p->t[i].key_bits))
			continue;
		for (k = 0; k < i; k++) {
			if (p->t[k].type != p->t[i].type ||
			    ike_alg_find(p->t[k].type, p->t[k].id, p->t[k].key_bits))
				continue;
			memmove(&p->t[i], &p->t[i + 1], (p->n - i - 1) * sizeof(p->t[0]));
			p->n--;
			return;
		}
	}
}

static bool has_type(const struct ike_proposal *p, uint8_t type)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

/*
 * The proposals and transforms that the decoder may still read of an SA payload. Beyond these
 * limits it sets @full and checks only the lengths. @more_kes: a proposal has additional key exchanges.
 */
struct room {
	unsigned int proposals, transforms;
	bool full, more_kes;
};

static enum wire_err transform_decode(struct bytes t, struct ike_proposal *p, struct room *room,
				      bool *usable)
{
	uint16_t id = get_u16(t.p + 6), key_bits;
	uint8_t type = t.p[4];
	enum wire_err err;
	bool ok;

	err = attrs_decode((struct bytes){ t.p + HEAD_LEN, t.len - HEAD_LEN }, &key_bits, &ok);
	if (err)
		return err;
	/* RFC 7296 3.3.6: a type that we do not know spoils the whole proposal */
	if (type < IKE_TRANSFORM_ENCR || type > IKE_TRANSFORM_ESN) {
		room->more_kes |= type >= ADDKE_FIRST && type <= ADDKE_LAST;
		*usable = false;
		return WIRE_OK;
	}
	if (!ok) {
		id = IKE_TRANSFORM_UNUSABLE;
		key_bits = 0;
	}
	if (p->n == IKE_PROPOSAL_TRANSFORMS) {
		/* one more that we do not have changes nothing where there is one of its type */
		if (has_type(p, type) && !ike_alg_find(type, id, key_bits))
			return WIRE_OK;
		evict_foreign(p);
	}
	/* given twice is the same as given once */
	ike_proposal_add(p, type, id, key_bits);
	return WIRE_OK;
}

static enum wire_err transforms_decode(struct bytes b, unsigned int n, struct ike_proposal *p,
				       struct room *room, bool *usable)
{
	enum wire_err err;
	unsigned int i;
	size_t at = 0;

	for (i = 0; i < n; i++) {
		struct bytes t;

		if (b.len - at < HEAD_LEN)
			return WIRE_TRUNCATED;
		t = (struct bytes){ b.p + at, get_u16(b.p + at + 2) };
		if (t.len < HEAD_LEN)
			return WIRE_SYNTAX;
		if (t.len > b.len - at)
			return WIRE_TRUNCATED;
		if (t.p[0] != (i + 1 < n ? MORE_TRANSFORMS : 0))
			return WIRE_SYNTAX;
		at += t.len;
		if (!room->proposals || !room->transforms) {
			room->full = true;
			continue;
		}
		room->transforms--;
		err = transform_decode(t, p, room, usable);
		if (err)
			return err;
	}
	return at == b.len ? WIRE_OK : WIRE_SYNTAX;
}

static bool spi_len_fits(uint8_t proto, uint8_t len)
{
	/* RFC 7296 3.3.1: none in IKE_SA_INIT, 8 when an IKE SA is rekeyed */
	return proto == PROTO_IKE ? !len || len == 8 : len == 4;
}

static enum wire_err proposal_decode(struct bytes b, struct ike_proposal *p, struct room *room,
				     bool *usable)
{
	size_t spi_len = b.p[6];
	enum wire_err err;

	if (room->proposals)
		memset(p, 0, sizeof(*p));
	p->n = 0;
	p->number = b.p[4];
	p->proto = b.p[5];
	if (b.len - HEAD_LEN < spi_len)
		return WIRE_TRUNCATED;
	*usable = p->proto >= PROTO_IKE && p->proto <= PROTO_ESP;
	if (*usable) {
		if (!spi_len_fits(p->proto, (uint8_t)spi_len))
			return WIRE_SYNTAX;
		p->spi_len = (uint8_t)spi_len;
		memcpy(p->spi, b.p + HEAD_LEN, spi_len);
	}
	err = transforms_decode((struct bytes){ b.p + HEAD_LEN + spi_len,
						b.len - HEAD_LEN - spi_len }, b.p[7], p, room, usable);
	if (!p->n)
		*usable = false;
	return err;
}

/**
 * wire_sa_decode() - Security Association
 * @body: the payload
 * @out: the proposals that can be understood, in the peer's order; none is no error
 *
 * Return: WIRE_OK, WIRE_TOO_MANY when there are more than @out has room for, or more transforms
 * than WIRE_TRANSFORMS_MAX, or what is wrong.
 */
enum wire_err wire_sa_decode(struct bytes body, struct wire_sa *out)
{
	struct room room = { WIRE_PROPOSALS_MAX, WIRE_TRANSFORMS_MAX, false, false };
	enum wire_err err;
	unsigned int number = 0;
	size_t at = 0;

	out->n = 0;
	out->more_kes = false;
	if (!body.len)
		return WIRE_SYNTAX;
	while (at < body.len) {
		struct ike_proposal p;
		struct bytes b;
		bool usable;

		if (body.len - at < HEAD_LEN)
			return WIRE_TRUNCATED;
		b = (struct bytes){ body.p + at, get_u16(body.p + at + 2) };
		if (b.len < HEAD_LEN)
			return WIRE_SYNTAX;
		if (b.len > body.len - at)
			return WIRE_TRUNCATED;
		at += b.len;
		if (b.p[0] != (at < body.len ? MORE_PROPOSALS : 0))
			return WIRE_SYNTAX;
		err = proposal_decode(b, &p, &room, &usable);
		if (err)
			return err;
		/* RFC 7296 3.3.1: each one more than the one before; an answer has its own */
		if (!p.number || (number && p.number != number + 1))
			return WIRE_SYNTAX;
		out->more_kes = room.more_kes;
		number = p.number;
		/* beyond the limit, the decoder read this proposal in part or not at all */
		if (!usable || room.full)
			continue;
		out->p[out->n++] = p;
		room.proposals--;
	}
	return room.full ? WIRE_TOO_MANY : WIRE_OK;
}

static void put_transform(struct buf *b, const struct ike_transform *t, bool last)
{
	buf_put_u8(b, last ? 0 : MORE_TRANSFORMS);
	buf_put_u8(b, 0);
	buf_put_u16(b, t->key_bits ? HEAD_LEN + 4 : HEAD_LEN);
	buf_put_u8(b, t->type);
	buf_put_u8(b, 0);
	buf_put_u16(b, t->id);
	if (t->key_bits) {
		buf_put_u16(b, ATTR_KEY_LENGTH);
		buf_put_u16(b, t->key_bits);
	}
}

/**
 * wire_put_sa() - Security Association
 * @w: the writer
 * @p: the proposals; number 0 stands for the place in the list, from 1
 * @n: how many, at least 1
 */
void wire_put_sa(struct wire_writer *w, const struct ike_proposal *p, unsigned int n)
{
	unsigned int i, k;
	size_t at;

	if (!n || n > UINT8_MAX)
		w->b->failed = true;
	wire_begin(w, WIRE_PLD_SA);
	for (i = 0; i < n; i++) {
		if (p[i].n > IKE_PROPOSAL_TRANSFORMS || p[i].spi_len > sizeof(p[i].spi)) {
			w->b->failed = true;
			return;
		}
		at = w->b->len;
		buf_put_u8(w->b, i + 1 < n ? MORE_PROPOSALS : 0);
		buf_put_u8(w->b, 0);
		buf_put_u16(w->b, 0);
		buf_put_u8(w->b, p[i].number ? p[i].number : (uint8_t)(i + 1));
		buf_put_u8(w->b, p[i].proto);
		buf_put_u8(w->b, p[i].spi_len);
		buf_put_u8(w->b, (uint8_t)p[i].n);
		buf_put(w->b, p[i].spi, p[i].spi_len);
		for (k = 0; k < p[i].n; k++)
			put_transform(w->b, &p[i].t[k], k + 1 == p[i].n);
		buf_set_u16(w->b, at + 2, (uint16_t)(w->b->len - at));
	}
	wire_end(w);
}
