// SPDX-License-Identifier: GPL-2.0
/* Messages opened, changed and sealed again: see ike_bend.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ike/core.h"
#include "ike_bend.h"

static const struct bytes none = { NULL, 0 };

/* ---- keys ---- */

static const struct ike_sa *keys_in(const struct ike *ike, const struct wire_hdr *hdr)
{
	const struct ike_sa *sa;

	for (sa = ike->sas; sa; sa = sa->next)
		if (sa->spi_i == hdr->spi_i && sa->spi_r == hdr->spi_r && sa->keys.prf_len)
			return sa;
	return NULL;
}

static const struct ike_sa *keys_of(const struct world *w, const struct wire_hdr *hdr)
{
	const struct ike_sa *sa = keys_in(w->a.ike, hdr);

	return sa ? sa : keys_in(w->b.ike, hdr);
}

struct sk {
	uint16_t encr, integ;
	struct bytes encr_key, integ_key;
};

static void sk_of(const struct ike_sa *sa, const struct wire_hdr *hdr, struct sk *k)
{
	const struct ike_transform *encr = ike_proposal_get(&sa->prop, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(&sa->prop, IKE_TRANSFORM_INTEG);
	bool i = hdr->flags & WIRE_FLAG_INITIATOR;

	k->encr = encr->id;
	k->integ = integ ? integ->id : INTEG_NONE;
	k->encr_key = (struct bytes){ i ? sa->keys.ei : sa->keys.er, sa->keys.encr_len };
	k->integ_key = (struct bytes){ i ? sa->keys.ai : sa->keys.ar, sa->keys.integ_len };
}

/* ---- opened ---- */

static void put(struct bend *m, const struct wire_payload *pld)
{
	struct bend_pld *to = &m->pld[m->n++];

	to->type = pld->type;
	/* the second of the four octets in front of it */
	to->flags = pld->body.p[-3];
	buf_init(&to->body);
	buf_put_bytes(&to->body, pld->body);
}

static void put_all(struct bend *m, const struct wire_msg *msg)
{
	unsigned int i;

	for (i = 0; i < msg->n; i++)
		put(m, &msg->pld[i]);
}

static bool open_sk(const struct world *w, const struct packet *p, const struct wire_payload *sk,
		    struct bend *m)
{
	const struct ike_sa *sa = keys_of(w, &m->hdr);
	struct bytes aad = { p->data, (size_t)(sk->body.p - p->data) };
	struct wire_msg *inner;
	struct buf clear;
	struct sk k;
	uint8_t bad;
	bool ok;

	if (!sa)
		return false;
	sk_of(sa, &m->hdr, &k);
	buf_init(&clear);
	inner = calloc(1, sizeof(*inner));
	ok = crypto_sk_open(k.encr, k.encr_key, k.integ, k.integ_key, aad, sk->body, &clear) &&
	     wire_v2_walk(sk->next, buf_bytes(&clear), inner, &bad) == WIRE_OK;
	if (ok)
		put_all(m, inner);
	m->sealed = true;
	free(inner);
	buf_free(&clear);
	return ok;
}

bool bend_open(struct world *w, const struct packet *p, struct bend *m)
{
	struct wire_msg *outer = calloc(1, sizeof(*outer));
	const struct wire_payload *sk;
	uint8_t bad;
	bool ok;

	memset(m, 0, sizeof(*m));
	ok = wire_v2_decode((struct bytes){ p->data, p->len }, outer, &bad) == WIRE_OK;
	if (ok) {
		m->hdr = outer->hdr;
		sk = wire_find(outer, WIRE_PLD_SK);
		if (sk)
			ok = open_sk(w, p, sk, m);
		else
			put_all(m, outer);
	}
	free(outer);
	return ok;
}

void bend_free(struct bend *m)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		buf_free(&m->pld[i].body);
	m->n = 0;
}

/* ---- sealed ---- */

static uint8_t write_chain(const struct bend *m, struct buf *b)
{
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		buf_put_u8(b, i + 1 < m->n ? m->pld[i + 1].type : WIRE_PLD_NONE);
		buf_put_u8(b, m->pld[i].flags);
		buf_put_u16(b, (uint16_t)(4 + m->pld[i].body.len));
		if (m->pld[i].body.len > UINT16_MAX - 4)
			b->failed = true;
		buf_put_bytes(b, buf_bytes(&m->pld[i].body));
	}
	return m->n ? m->pld[0].type : WIRE_PLD_NONE;
}

static void seal_sk(const struct world *w, const struct bend *m, uint8_t first, struct bytes clear,
		    struct buf *msg)
{
	const struct ike_sa *sa = keys_of(w, &m->hdr);
	struct wire_writer writer;
	struct sk k;

	if (!sa) {
		msg->failed = true;
		return;
	}
	sk_of(sa, &m->hdr, &k);
	wire_open(&writer, msg, &m->hdr);
	wire_put_sk(&writer, first, crypto_sk_len(k.encr, k.integ, clear.len));
	if (!msg->failed)
		crypto_sk_seal(k.encr, k.encr_key, k.integ, k.integ_key, buf_bytes(msg), clear, msg);
}

bool bend_seal(struct world *w, const struct bend *m, uint8_t **data, size_t *len)
{
	struct buf chain, msg;
	uint8_t first;
	bool ok;

	buf_init(&chain);
	buf_init(&msg);
	first = write_chain(m, &chain);
	if (chain.failed) {
		msg.failed = true;
	} else if (m->sealed) {
		seal_sk(w, m, first, buf_bytes(&chain), &msg);
	} else {
		wire_hdr_encode(&msg, &m->hdr);
		buf_put_bytes(&msg, buf_bytes(&chain));
		if (!msg.failed)
			msg.p[16] = first;
	}
	wire_finish(&msg);
	ok = !msg.failed;
	if (ok) {
		*data = malloc(msg.len);
		memcpy(*data, msg.p, msg.len);
		*len = msg.len;
	}
	buf_free(&chain);
	buf_free(&msg);
	return ok;
}

void bend_send(struct world *w, struct bend *m, const struct packet *like)
{
	struct packet p = *like;

	assert_true(bend_seal(w, m, &p.data, &p.len));
	world_send(w, &p);
	free(p.data);
	bend_free(m);
}

/* ---- changed ---- */

struct bend_pld *bend_find(struct bend *m, uint8_t type)
{
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->pld[i].type == type)
			return &m->pld[i];
	return NULL;
}

struct bend_pld *bend_find_notify(struct bend *m, uint16_t type)
{
	struct wire_notification n;
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->pld[i].type == WIRE_PLD_NOTIFY &&
		    wire_notify_decode(buf_bytes(&m->pld[i].body), &n) == WIRE_OK && n.type == type)
			return &m->pld[i];
	return NULL;
}

void bend_remove(struct bend *m, struct bend_pld *pld)
{
	buf_free(&pld->body);
	memmove(pld, pld + 1, (size_t)(&m->pld[m->n] - (pld + 1)) * sizeof(*pld));
	m->n--;
}

void bend_insert(struct bend *m, unsigned int at, uint8_t type, bool critical, struct bytes body)
{
	struct bend_pld *pld = &m->pld[at];

	assert_true(at <= m->n && m->n < BEND_MAX);
	memmove(pld + 1, pld, (m->n - at) * sizeof(*pld));
	m->n++;
	pld->type = type;
	pld->flags = critical ? 0x80 : 0;
	buf_init(&pld->body);
	buf_put_bytes(&pld->body, body);
}

/* what a writer made of one payload */
static void append(struct bend *m, uint8_t type, struct buf *b)
{
	assert_false(b->failed);
	bend_insert(m, m->n, type, false, (struct bytes){ b->p + 4, b->len - 4 });
	buf_free(b);
}

void bend_notify(struct bend *m, uint8_t proto, struct bytes spi, uint16_t type, struct bytes data)
{
	struct wire_writer w;
	struct buf b;
	uint8_t first;

	buf_init(&b);
	wire_open_inner(&w, &b, &first);
	wire_put_notify(&w, proto, spi, type, data);
	append(m, WIRE_PLD_NOTIFY, &b);
}

void bend_delete(struct bend *m, uint8_t proto, const uint32_t *spis, unsigned int n)
{
	struct wire_writer w;
	struct buf b, list;
	unsigned int i;
	uint8_t first;

	buf_init(&b);
	buf_init(&list);
	for (i = 0; i < n; i++)
		buf_put_u32(&list, spis[i]);
	wire_open_inner(&w, &b, &first);
	wire_put_delete(&w, proto, n ? 4 : 0, n ? buf_bytes(&list) : none);
	append(m, WIRE_PLD_DELETE, &b);
	buf_free(&list);
}

/* ---- of a node ---- */

struct ike_sa *bend_sa(struct node *n)
{
	struct ike_sa *sa, *found = NULL;

	for (sa = n->ike->sas; sa; sa = sa->next) {
		if (sa->state != IKE_STATE_ESTABLISHED)
			continue;
		assert_null(found);
		found = sa;
	}
	assert_non_null(found);
	return found;
}

void bend_new(struct node *from, struct bend *m, uint8_t exchange, bool response)
{
	struct ike_sa *sa = bend_sa(from);

	memset(m, 0, sizeof(*m));
	m->sealed = true;
	m->hdr = (struct wire_hdr){
		.spi_i = sa->spi_i, .spi_r = sa->spi_r, .major = 2, .exchange = exchange,
		.flags = (sa->initiator ? WIRE_FLAG_INITIATOR : 0) |
			 (response ? WIRE_FLAG_RESPONSE : 0),
		.msgid = response ? sa->next_in : sa->next_out,
	};
	/* the peer will have seen it: the core goes on behind it */
	if (!response)
		sa->next_out++;
}

void bend_send_from(struct node *from, struct bend *m)
{
	struct ike_sa *sa = bend_sa(from);
	struct packet like = { .from = sa->local, .to = sa->remote };

	bend_send(from->w, m, &like);
}

void bend_last(struct node *n, struct bend *m)
{
	assert_true(n->n_log > 0);
	assert_true(bend_open(n->w, &n->log[n->n_log - 1], m));
}

uint16_t bend_notify_type(const struct bend *m)
{
	struct wire_notification n;
	unsigned int i;

	for (i = 0; i < m->n; i++)
		if (m->pld[i].type == WIRE_PLD_NOTIFY &&
		    wire_notify_decode(buf_bytes(&m->pld[i].body), &n) == WIRE_OK)
			return n.type;
	return 0;
}
