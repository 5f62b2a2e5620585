// SPDX-License-Identifier: GPL-2.0
/* INFORMATIONAL: DELETE, liveness, errors. RFC 7296 1.4, 2.4, 2.21. */
#include <string.h>

#include "v2/v2.h"

static const struct bytes none = { NULL, 0 };

static void put_delete(struct v2_out *out, uint8_t proto, const struct buf *spis)
{
	if (spis->len && !spis->failed)
		wire_put_delete(&out->w, proto, 4, buf_bytes(spis));
}

/* ---- we ask ---- */

void v2_delete_child_start(struct ike_sa *sa, uint32_t spi)
{
	struct ike_child *child = ike_child_find(sa, spi);
	struct v2_out out;
	struct buf spis;

	if (!child)
		return;
	sa->deleting_spi = spi;
	buf_init(&spis);
	buf_put_u32(&spis, spi);
	v2_out_init(&out);
	put_delete(&out, ike_child_proto(child), &spis);
	v2_request(sa, WIRE_INFORMATIONAL, &out);
	buf_free(&spis);
}

void v2_delete_ike_start(struct ike_sa *sa)
{
	struct v2_out out;

	sa->delete_sent = true;
	v2_out_init(&out);
	wire_put_delete(&out.w, PROTO_IKE, 0, none);
	v2_request(sa, WIRE_INFORMATIONAL, &out);
}

/* RFC 7296 2.4: an empty message, to be answered by one */
void v2_liveness_start(struct ike_sa *sa)
{
	struct v2_out out;

	v2_out_init(&out);
	v2_request(sa, WIRE_INFORMATIONAL, &out);
}

/* one message, once; nobody waits for what comes back */
static void send_last(struct ike_sa *sa, struct v2_out *out)
{
	/* the peer most likely has the request that it did not answer yet */
	uint32_t msgid = sa->next_out + (sa->retrans.waiting ? 1 : 0);
	struct wire_msg told;
	struct buf msg;
	uint8_t bad;

	buf_init(&msg);
	if (v2_seal(sa, WIRE_INFORMATIONAL, false, msgid, out, &msg)) {
		wire_v2_walk(out->first, buf_bytes(&out->body), &told, &bad);
		v2_report(sa, false, WIRE_INFORMATIONAL, false, msgid, msg.len, &told);
		ike_send(sa, &sa->local, &sa->remote, buf_bytes(&msg));
	}
	buf_free(&msg);
	v2_out_free(out);
}

void v2_goodbye(struct ike_sa *sa)
{
	struct v2_out out;

	v2_out_init(&out);
	wire_put_delete(&out.w, PROTO_IKE, 0, none);
	send_last(sa, &out);
}

void v2_auth_failed_notify(struct ike_sa *sa)
{
	struct v2_out out;

	v2_out_init(&out);
	v2_put_notify(&out, WIRE_N_AUTHENTICATION_FAILED, none);
	send_last(sa, &out);
}

void v2_info_response(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct ike_child *child;

	if (sa->delete_sent) {
		ike_unique_closed(sa);
		ike_sa_kill(sa, "deleted");
		return;
	}
	child = sa->deleting_spi ? ike_child_find(sa, sa->deleting_spi) : NULL;
	sa->deleting_spi = 0;
	if (child && child->state == IKE_CHILD_DELETING)
		ike_child_free(child, "deleted");
}

/* ---- the peer asks ---- */

/**
 * struct wish - what a request wants done, once it is answered
 * @ike: the request deletes the IKE SA
 * @auth_failed: the initiator could not authenticate us
 * @children: list of the CHILD SAs that the request deletes, by their wish_next
 * @end: end of @children
 * @ours: our inbound SPIs of @children, for the response: of ESP and of AH
 */
struct wish {
	bool ike, auth_failed;
	struct ike_child *children, **end;
	struct buf ours[2];
};

static void wish_init(struct wish *w)
{
	*w = (struct wish){ .end = &w->children };
	buf_init(&w->ours[0]);
	buf_init(&w->ours[1]);
}

/* Unmarks the CHILD SAs of a request that this host does not carry out. */
static void wish_drop_children(struct wish *w)
{
	struct ike_child *c;

	for (c = w->children; c; c = c->wish_next)
		c->wished = false;
	w->children = NULL;
}

static void wish_free(struct wish *w)
{
	buf_free(&w->ours[0]);
	buf_free(&w->ours[1]);
}

static void wish_child(struct wish *w, struct ike_child *child)
{
	/* the request names the CHILD SA twice */
	if (child->wished)
		return;
	child->wished = true;
	child->wish_next = NULL;
	*w->end = child;
	w->end = &child->wish_next;
	/* RFC 7296 1.4.1: both delete it at once, then ours is named in our own request */
	if (child->state == IKE_CHILD_UP)
		buf_put_u32(&w->ours[ike_child_proto(child) == PROTO_AH], child->spi_in);
}

/* while the IKE SA is rekeyed, the two ends need not agree yet on which of them has it */
static struct ike_child *find_child(struct ike_sa *sa, uint8_t proto, uint32_t spi)
{
	struct ike_sa *other = sa->from ? sa->from : sa->heir ? ike_sa_find(sa->ike, sa->heir) : NULL;
	struct ike_child *child = ike_child_find_out(sa, proto, spi);

	return child || !other ? child : ike_child_find_out(other, proto, spi);
}

static bool read_delete(struct ike_sa *sa, struct bytes body, struct wish *w)
{
	struct ike_child *child;
	struct wire_delete d;
	unsigned int i;

	if (wire_delete_decode(body, &d) != WIRE_OK)
		return false;
	if (d.proto == PROTO_IKE)
		w->ike = true;
	for (i = 0; d.proto != PROTO_IKE && d.spi_len == 4 && i < d.n; i++) {
		/* the SPIs are those that the sender expects: outbound ones for us */
		child = find_child(sa, d.proto, get_u32(d.spis.p + 4 * i));
		if (child)
			wish_child(w, child);
	}
	return true;
}

static bool read_wish(struct v2_in *in, struct wish *w)
{
	struct wire_notification n;
	unsigned int i;

	for (i = 0; i < in->inner.n; i++)
		if (in->inner.pld[i].type == WIRE_PLD_DELETE &&
		    !read_delete(in->sa, in->inner.pld[i].body, w))
			return false;
	w->auth_failed = v2_find_notify(&in->inner, WIRE_N_AUTHENTICATION_FAILED, &n);
	return true;
}

static void says_auth_failed(struct ike_sa *sa)
{
	char addr[ADDR_STRLEN], us[IKE_ID_NAMED_STRLEN], them[IKE_ID_NAMED_STRLEN];

	ike_note_ids(sa);
	ike_sa_fail(sa, "authentication failed with %s: the peer says AUTHENTICATION_FAILED, so the "
		    "pre-shared keys differ (we are %s, it is %s)",
		    addr_str(&sa->remote.addr, addr, sizeof(addr)),
		    ike_sa_id_named(sa, true, us, sizeof(us)),
		    ike_sa_id_named(sa, false, them, sizeof(them)));
}

/*
 * Who has the answer to its DELETE closes what it receives by, at once (RFC 7296 1.4.1); so what is
 * still to be sent goes by another SA before that, if there is one.
 */
static void stop_sending(struct ike_sa *sa, const struct wish *w)
{
	struct ike_child *c;

	for (c = w->children; c; c = c->wish_next)
		ike_child_stop_sending(c);
	/* of an IKE SA that the peer has rekeyed they go on */
	if (!w->ike || (sa->rekey_in && sa->rekey_in->keyed))
		return;
	for (c = sa->children; c; c = c->next)
		ike_child_stop_sending(c);
}

static void grant(struct ike_sa *sa, struct wish *w)
{
	struct ike_child *c, *next;

	if (w->ike || w->auth_failed)
		wish_drop_children(w);
	if (w->ike) {
		v2_rekey_peer_won(sa);
		ike_sa_kill(sa, "deleted by the peer");
		return;
	}
	if (w->auth_failed) {
		says_auth_failed(sa);
		return;
	}
	for (c = w->children; c; c = next) {
		next = c->wish_next;
		ike_child_free(c, "deleted by the peer");
	}
}

void v2_info_request(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	uint32_t msgid = in->outer.hdr.msgid;
	struct v2_out out;
	struct wish w;

	wish_init(&w);
	if (!read_wish(in, &w)) {
		wish_drop_children(&w);
		v2_respond_notify(sa, WIRE_INFORMATIONAL, msgid, WIRE_N_INVALID_SYNTAX, none);
		ike_sa_fail(sa, "its DELETE is malformed");
		wish_free(&w);
		return;
	}
	stop_sending(sa, &w);
	/* An unknown request gets an empty response: RFC 7296 1.4. */
	v2_out_init(&out);
	if (!w.ike) {
		put_delete(&out, PROTO_ESP, &w.ours[0]);
		put_delete(&out, PROTO_AH, &w.ours[1]);
	}
	v2_respond(sa, WIRE_INFORMATIONAL, msgid, &out);
	grant(sa, &w);
	wish_free(&w);
}
