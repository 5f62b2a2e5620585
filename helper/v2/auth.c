// SPDX-License-Identifier: GPL-2.0
/* IKE_AUTH with a pre-shared key, both roles: RFC 7296 1.2, 2.15, 2.21.2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "v2/v2.h"

static const struct bytes none = { NULL, 0 };

/* the body of an ID payload: type, three reserved octets, data */
static void id_body(const struct wire_id *id, struct buf *b)
{
	static const uint8_t reserved[3];

	buf_put_u8(b, id->type);
	buf_put(b, reserved, sizeof(reserved));
	buf_put_bytes(b, id->data);
}

static void our_id(const struct ike_sa *sa, struct wire_id *id)
{
	ike_id_local(&sa->peer->conf->local_id, &sa->local.addr, id);
}

static bool our_auth(const struct ike_sa *sa, uint8_t *auth)
{
	const struct conf_secret *secret;
	struct wire_id id;
	struct buf body;
	bool ok;

	secret = ike_id_secret(sa->ike->conf, sa->peer->conf, &sa->local.addr, &sa->remote_id,
			       &sa->remote.addr);
	if (!secret)
		return false;
	our_id(sa, &id);
	buf_init(&body);
	id_body(&id, &body);
	ok = !body.failed && v2_psk_auth(sa, (struct bytes){ secret->psk, secret->len },
					 sa->initiator, buf_bytes(&body), auth);
	buf_free(&body);
	return ok;
}

static bool their_auth_is_good(const struct ike_sa *sa, const struct conf_secret *secret,
			       struct bytes id, struct bytes auth)
{
	uint8_t want[CRYPTO_HASH_MAX];
	bool ok;

	ok = v2_psk_auth(sa, (struct bytes){ secret->psk, secret->len }, !sa->initiator, id,
			 want) &&
	     auth.len == sa->keys.prf_len && crypto_equal(want, auth.p, auth.len);
	crypto_wipe(want, sizeof(want));
	return ok;
}

/* the same words whether we find out or the peer says so */
static void auth_failed_text(const struct ike_sa *sa, const char *how, char *out, size_t len)
{
	char addr[ADDR_STRLEN], us[300], them[300];

	snprintf(out, len, "authentication failed with %s: %s (we are '%s', it is '%s')",
		 addr_str(&sa->remote.addr, addr, sizeof(addr)), how,
		 ike_sa_id_str(sa, true, us, sizeof(us)),
		 ike_sa_id_str(sa, false, them, sizeof(them)));
}

/* ---- initiator ---- */

/* RFC 7296 2.4: true only when no other SA with this peer is there */
static bool is_only_sa(const struct ike_sa *sa)
{
	const struct ike_sa *s;

	for (s = sa->ike->sas; s; s = s->next)
		if (s != sa && s->peer == sa->peer && s->state == IKE_STATE_ESTABLISHED)
			return false;
	return true;
}

static struct ike_task *first_child_task(struct ike_sa *sa)
{
	struct ike_task *t = ike_task_take(sa);

	while (t && !t->tun) {
		free(t);
		t = ike_task_take(sa);
	}
	return t;
}

static void put_request(struct ike_sa *sa, struct ike_child *child, const uint8_t *auth,
			struct v2_out *out)
{
	const struct conf_peer *conf = sa->peer->conf;
	struct wire_id id;

	our_id(sa, &id);
	wire_put_id(&out->w, WIRE_PLD_IDI, id.type, id.data);
	if (is_only_sa(sa))
		v2_put_notify(out, WIRE_N_INITIAL_CONTACT, none);
	if (conf->remote_id.type)
		wire_put_id(&out->w, WIRE_PLD_IDR, conf->remote_id.type,
			    (struct bytes){ conf->remote_id.data, conf->remote_id.len });
	wire_put_auth(&out->w, WIRE_AUTH_PSK, (struct bytes){ auth, sa->keys.prf_len });
	v2_child_put_sa(child, out);
	v2_child_put_ts(child, out);
}

void v2_auth_start(struct ike_sa *sa)
{
	struct ike_task *t = first_child_task(sa);
	uint8_t auth[CRYPTO_HASH_MAX];
	struct ike_child *child;
	char err[IKE_TEXT_MAX];
	struct v2_out out;

	if (!t) {
		ike_sa_kill(sa, "not wanted any more");
		return;
	}
	child = ike_child_new(sa, t->tun, true);
	if (child) {
		child->nego->first = true;
		child->entry = t->entry;
		sa->nego = child;
		if (!v2_child_offer(child, t->has_flow ? &t->flow : NULL, err, sizeof(err))) {
			free(t);
			ike_sa_fail(sa, "%s", err);
			return;
		}
	}
	free(t);
	if (!child || !our_auth(sa, auth)) {
		ike_sa_fail(sa, "cannot compute AUTH: no pre-shared key, or out of memory");
		return;
	}
	sa->state = IKE_STATE_AUTH_SENT;
	v2_out_init(&out);
	put_request(sa, child, auth, &out);
	crypto_wipe(auth, sizeof(auth));
	v2_request(sa, WIRE_IKE_AUTH, &out);
}

static void refused(struct ike_sa *sa, uint16_t type)
{
	char text[IKE_TEXT_MAX], addr[ADDR_STRLEN];

	if (type == WIRE_N_AUTHENTICATION_FAILED) {
		auth_failed_text(sa, "the peer says AUTHENTICATION_FAILED, so the pre-shared keys "
				 "differ or it does not know these IDs", text, sizeof(text));
		ike_sa_fail(sa, "%s", text);
		return;
	}
	ike_sa_fail(sa, "%s refuses IKE_AUTH: %s",
		    addr_str(&sa->remote.addr, addr, sizeof(addr)),
		    type ? wire_notify_str(type) : "neither IDr and AUTH nor a reason");
}

/* IDr and AUTH; false: the SA is gone */
static bool verify_responder(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	const struct wire_payload *idr = wire_find(&in->inner, WIRE_PLD_IDR);
	const struct conf_peer *conf = sa->peer->conf;
	char text[IKE_TEXT_MAX], got[300], want[300];
	const struct conf_secret *secret;
	struct wire_auth auth;
	struct wire_id id;

	if (wire_id_decode(idr->body, &id) != WIRE_OK ||
	    wire_auth_decode(wire_find(&in->inner, WIRE_PLD_AUTH)->body, &auth) != WIRE_OK) {
		ike_sa_fail(sa, "its IKE_AUTH response is malformed");
		return false;
	}
	if (!ike_id_match(&conf->remote_id, NULL, id.type, id.data)) {
		v2_auth_failed_notify(sa);
		ike_sa_fail(sa, "its ID is '%s', expected '%s'",
			    ike_id_str(id.type, id.data, got, sizeof(got)),
			    ike_sa_id_str(sa, false, want, sizeof(want)));
		return false;
	}
	secret = ike_id_secret(sa->ike->conf, conf, &sa->local.addr, &sa->remote_id,
			       &sa->remote.addr);
	if (!ike_id_set(&sa->remote_id, id.type, id.data) || !secret) {
		ike_sa_fail(sa, "no pre-shared key any more, or out of memory");
		return false;
	}
	if (auth.method == WIRE_AUTH_PSK && their_auth_is_good(sa, secret, idr->body, auth.data))
		return true;
	v2_auth_failed_notify(sa);
	snprintf(got, sizeof(got), "it authenticates by method %u, expected a pre-shared key",
		 auth.method);
	auth_failed_text(sa, auth.method == WIRE_AUTH_PSK ? "the pre-shared keys differ" : got,
			 text, sizeof(text));
	ike_sa_fail(sa, "%s", text);
	return false;
}

/* RFC 7296 1.2: the IKE SA stands though its first CHILD SA may not */
static void first_child(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct ike_child *child = sa->nego;
	struct wire_notification n;
	char err[IKE_TEXT_MAX];
	uint16_t error;

	sa->nego = NULL;
	if (!child)
		return;
	if (!child->tun) {
		/* nobody wants it any more; the peer has it nevertheless */
		ike_child_delete(child, "not wanted any more");
		return;
	}
	error = v2_find_error(&in->inner, &n);
	if (error || !wire_find(&in->inner, WIRE_PLD_SA)) {
		v2_child_refused(child, error, err, sizeof(err));
		v2_child_failed(child, false, err);
	} else if (!v2_child_accept(child, in, err, sizeof(err)) ||
		   !v2_child_install(child, true, true, none, buf_bytes(&sa->ni),
				     buf_bytes(&sa->nr), err, sizeof(err))) {
		v2_child_failed(child, true, err);
	} else {
		ike_child_up(child);
	}
}

void v2_auth_response(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct wire_notification n;

	if (!wire_find(&in->inner, WIRE_PLD_IDR) || !wire_find(&in->inner, WIRE_PLD_AUTH)) {
		refused(sa, v2_find_error(&in->inner, &n));
		return;
	}
	if (!verify_responder(in))
		return;
	ike_sa_established(sa);
	first_child(in);
}

/* ---- responder ---- */

struct auth_request {
	const struct wire_payload *idi;
	struct wire_id id_i, id_r;
	struct wire_auth auth;
	bool has_idr;
};

static bool decode(struct v2_in *in, struct auth_request *r)
{
	const struct wire_payload *idr = wire_find(&in->inner, WIRE_PLD_IDR);

	r->idi = wire_find(&in->inner, WIRE_PLD_IDI);
	r->has_idr = idr;
	return wire_id_decode(r->idi->body, &r->id_i) == WIRE_OK &&
	       (!idr || wire_id_decode(idr->body, &r->id_r) == WIRE_OK) &&
	       wire_auth_decode(wire_find(&in->inner, WIRE_PLD_AUTH)->body, &r->auth) == WIRE_OK;
}

/* by address, IDs, and the proposal that IKE_SA_INIT chose before the ID was known */
static struct ike_peer *find_peer(const struct ike_sa *sa, const struct auth_request *r)
{
	struct ike_proposal same;
	struct ike_peer *p = NULL;

	while ((p = ike_peer_by_addr(sa->ike, &sa->local.addr, &sa->remote.addr, p))) {
		if (ike_id_match(&p->conf->remote_id, NULL, r->id_i.type, r->id_i.data) &&
		    (!r->has_idr || ike_id_match(&p->conf->local_id, &sa->local.addr,
						 r->id_r.type, r->id_r.data)) &&
		    /* its number is that of the initiator's list and says nothing here */
		    ike_proposal_select(p->conf->ike, p->conf->n_ike, &sa->prop, 1, false, &same))
			return p;
	}
	return NULL;
}

static void reject(struct v2_in *in, const char *text)
{
	struct ike_sa *sa = in->sa;

	v2_respond_notify(sa, WIRE_IKE_AUTH, in->outer.hdr.msgid, WIRE_N_AUTHENTICATION_FAILED,
			  none);
	ike_report_stranger(sa->ike, sa->peer, "%s", text);
	ike_sa_fail_quiet(sa, text);
}

static void reject_id(struct v2_in *in, const struct auth_request *r)
{
	struct ike_sa *sa = in->sa;
	char text[IKE_TEXT_MAX], addr[ADDR_STRLEN], i[300], us[300] = "", want_i[300], want_r[300];

	if (r->has_idr)
		ike_id_str(r->id_r.type, r->id_r.data, us, sizeof(us));
	snprintf(text, sizeof(text), "no peer at %s has these IDs: it says it is '%s'%s%s%s, "
		 "expected '%s' and '%s' for us",
		 addr_str(&sa->remote.addr, addr, sizeof(addr)),
		 ike_id_str(r->id_i.type, r->id_i.data, i, sizeof(i)),
		 r->has_idr ? " and calls us '" : "", us, r->has_idr ? "'" : "",
		 ike_sa_id_str(sa, false, want_i, sizeof(want_i)),
		 ike_sa_id_str(sa, true, want_r, sizeof(want_r)));
	reject(in, text);
}

/* who it is, and that it is who it says; false: answered, and the SA is gone */
static bool verify_initiator(struct v2_in *in, const struct auth_request *r)
{
	struct ike_sa *sa = in->sa;
	struct ike_peer *peer = find_peer(sa, r);
	const struct conf_secret *secret;
	char text[IKE_TEXT_MAX], how[200];

	if (!peer) {
		reject_id(in, r);
		return false;
	}
	sa->peer = peer;
	memcpy(sa->name, peer->conf->name, sizeof(sa->name));
	if (!ike_id_set(&sa->remote_id, r->id_i.type, r->id_i.data)) {
		ike_sa_kill(sa, "out of memory");
		return false;
	}
	secret = ike_id_secret(sa->ike->conf, peer->conf, &sa->local.addr, &sa->remote_id,
			       &sa->remote.addr);
	if (secret && r->auth.method == WIRE_AUTH_PSK &&
	    their_auth_is_good(sa, secret, r->idi->body, r->auth.data))
		return true;
	if (!secret)
		snprintf(how, sizeof(how), "no pre-shared key for it is in the secrets file");
	else if (r->auth.method != WIRE_AUTH_PSK)
		snprintf(how, sizeof(how), "it offered authentication method %u, expected a "
			 "pre-shared key", r->auth.method);
	else
		snprintf(how, sizeof(how), "the pre-shared keys differ");
	auth_failed_text(sa, how, text, sizeof(text));
	reject(in, text);
	return false;
}

static bool same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a->peer == b->peer && a->remote_id.type == b->remote_id.type &&
	       bytes_equal((struct bytes){ a->remote_id.data, a->remote_id.len },
			   (struct bytes){ b->remote_id.data, b->remote_id.len });
}

/*
 * RFC 7296 2.4: the peer knows of no other SA, what we have is of an earlier life
 * of his. Not so what was established after he began this one: both began at once.
 */
static void initial_contact(struct ike_sa *sa)
{
	struct ike_sa *old, *next;

	for (old = sa->ike->sas; old; old = next) {
		next = old->next;
		if (old != sa && old->state == IKE_STATE_ESTABLISHED && same_peer(old, sa) &&
		    old->established < sa->created)
			ike_sa_kill(old, "the peer began anew");
	}
}

static void put_response(struct ike_sa *sa, struct ike_child *child, uint16_t error,
			 const uint8_t *auth, struct v2_out *out)
{
	struct wire_id id;

	our_id(sa, &id);
	v2_out_init(out);
	wire_put_id(&out->w, WIRE_PLD_IDR, id.type, id.data);
	wire_put_auth(&out->w, WIRE_AUTH_PSK, (struct bytes){ auth, sa->keys.prf_len });
	if (child) {
		v2_child_put_sa(child, out);
		v2_child_put_ts(child, out);
	} else {
		v2_put_notify(out, error, none);
	}
}

void v2_auth_request(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct ike_child *child = NULL;
	uint8_t auth[CRYPTO_HASH_MAX];
	struct wire_notification n;
	char err[IKE_TEXT_MAX];
	struct auth_request r;
	struct v2_out out;
	uint16_t error;

	if (!decode(in, &r)) {
		v2_respond_notify(sa, WIRE_IKE_AUTH, in->outer.hdr.msgid, WIRE_N_INVALID_SYNTAX,
				  none);
		ike_sa_fail(sa, "its IKE_AUTH request is malformed");
		return;
	}
	if (!verify_initiator(in, &r))
		return;
	if (!our_auth(sa, auth)) {
		ike_sa_kill(sa, "out of memory");
		return;
	}
	if (v2_find_notify(&in->inner, WIRE_N_INITIAL_CONTACT, &n))
		initial_contact(sa);
	ike_sa_established(sa);
	error = v2_child_select(in, true, NULL, &child);
	/* what it sends at once finds its SA: inbound before the answer */
	if (child && !v2_child_install(child, true, false, none, buf_bytes(&sa->ni),
				       buf_bytes(&sa->nr), err, sizeof(err))) {
		v2_child_failed(child, false, err);
		child = NULL;
		error = WIRE_N_NO_PROPOSAL_CHOSEN;
	}
	put_response(sa, child, error, auth, &out);
	crypto_wipe(auth, sizeof(auth));
	v2_respond(sa, WIRE_IKE_AUTH, in->outer.hdr.msgid, &out);
	if (!child)
		return;
	if (v2_child_install(child, false, true, none, buf_bytes(&sa->ni), buf_bytes(&sa->nr), err,
			     sizeof(err)))
		ike_child_up(child);
	else
		v2_child_failed(child, true, err);
}
