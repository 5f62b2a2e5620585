// SPDX-License-Identifier: GPL-2.0
/*
 * IKE_AUTH, both roles: RFC 7296 1.2, 2.15, 2.21.2. Each end authenticates in its
 * own way. A pre-shared key is dealt with at once; signatures and certificates go
 * through authjob.c, and the exchange goes on when the job comes back.
 */
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

static bool our_psk_auth(const struct ike_sa *sa, struct buf *auth)
{
	const struct conf_secret *secret;
	struct wire_id id;
	struct buf body;
	uint8_t *out;
	bool ok;

	secret = ike_id_secret(sa->ike->conf, sa->peer->conf, &sa->local.addr, &sa->remote_id,
			       &sa->remote.addr);
	out = buf_extend(auth, sa->keys.prf_len);
	if (!secret || !out)
		return false;
	our_id(sa, &id);
	buf_init(&body);
	id_body(&id, &body);
	ok = !body.failed && v2_psk_auth(sa, (struct bytes){ secret->psk, secret->len },
					 sa->initiator, buf_bytes(&body), out);
	buf_free(&body);
	return ok;
}

/* for a job: what our signature is over */
static bool add_sign(struct v2_auth_job *job)
{
	struct wire_id id;
	struct buf body;
	bool ok;

	our_id(job->sa, &id);
	buf_init(&body);
	id_body(&id, &body);
	ok = !body.failed && v2_auth_job_sign(job, buf_bytes(&body));
	buf_free(&body);
	return ok;
}

static bool their_auth_is_good(const struct ike_sa *sa, const struct conf_secret *secret,
			       struct bytes id, struct bytes auth)
{
	uint8_t want[CRYPTO_HASH_MAX];
	bool ok;

	ok = auth.len == sa->keys.prf_len &&
	     v2_psk_auth(sa, (struct bytes){ secret->psk, secret->len }, !sa->initiator, id,
			 want) && crypto_equal(want, auth.p, auth.len);
	crypto_wipe(want, sizeof(want));
	return ok;
}

/* the same words whether we find out or the peer says so */
static void auth_failed_text(const struct ike_sa *sa, const char *how, char *out, size_t len)
{
	char addr[ADDR_STRLEN], us[IKE_ID_NAMED_STRLEN], them[IKE_ID_NAMED_STRLEN];

	ike_note_ids(sa);
	snprintf(out, len, "authentication failed with %s: %s (we are %s, it is %s)",
		 addr_str(ike_asker(sa), addr, sizeof(addr)), how,
		 ike_sa_id_named(sa, true, us, sizeof(us)),
		 ike_sa_id_named(sa, false, them, sizeof(them)));
}

static const char *wanted_str(const struct ike_sa *sa)
{
	switch (sa->peer->conf->remote_auth) {
	case CONF_AUTH_CERT:
		return "a certificate";
	case CONF_AUTH_PUBKEY:
		return "its public key";
	default:
		return "a pre-shared key";
	}
}

static void wrong_method(const struct ike_sa *sa, uint8_t method, char *out, size_t len)
{
	ike_note(sa->ike, "authentication", v2_auth_method_str(method), wanted_str(sa));
	snprintf(out, len, "it authenticates by method %u (%s), expected %s", method,
		 v2_auth_method_str(method), wanted_str(sa));
}

static const struct conf_secret *secret_of(const struct ike_sa *sa)
{
	return ike_id_secret(sa->ike->conf, sa->peer->conf, &sa->local.addr, &sa->remote_id,
			     &sa->remote.addr);
}

/* is it who it says, by a pre-shared key? @how: why not */
static bool psk_is_good(const struct ike_sa *sa, struct bytes id, const struct wire_auth *auth,
			char *how, size_t len)
{
	const struct conf_secret *secret = secret_of(sa);

	if (!secret)
		snprintf(how, len, "no pre-shared key for it is in the secrets file");
	else if (auth->method != WIRE_AUTH_PSK)
		wrong_method(sa, auth->method, how, len);
	else if (!their_auth_is_good(sa, secret, id, auth->data))
		snprintf(how, len, "the pre-shared keys differ");
	else
		return true;
	return false;
}

/* NULL: @how says why this cannot even be tried */
static struct v2_auth_job *verify_job(struct v2_in *in, const struct wire_id *id,
				      struct bytes id_body, const struct wire_auth *auth,
				      void (*done)(struct ike_sa *sa, struct v2_auth_job *job),
				      char *how, size_t len)
{
	struct ike_sa *sa = in->sa;
	struct v2_auth_job *job;

	if (!v2_sig_is_known(auth->method)) {
		wrong_method(sa, auth->method, how, len);
		return NULL;
	}
	if (sa->peer->conf->remote_auth == CONF_AUTH_PUBKEY &&
	    !conf_remote_pub(sa->ike->conf, sa->peer->conf, &sa->remote_id)) {
		snprintf(how, len, "no public key for it is in certs/");
		return NULL;
	}
	job = v2_auth_job_new(sa, in, done);
	if (job && v2_auth_job_verify(job, id, id_body, auth))
		return job;
	if (job)
		v2_auth_job_free(job);
	snprintf(how, len, "no certificates are loaded, or out of memory");
	return NULL;
}

/* a step for who watches */
static void tell_verified(const struct ike_sa *sa, const struct v2_auth_job *job)
{
	if (job->verify)
		ike_report(sa->ike, IKE_EVENT_EXCHANGE, sa->name, NULL, NULL,
			   "its signature verifies: %s, key of %s '%s'", v2_sigalg_str(&job->used),
			   job->pub ? "the file" : "the certificate of",
			   job->pub ? cert_pub_file(job->pub) : job->subject);
}

/* ---- how it was shown, for people ---- */

static void prove(struct ike_auth_info *proof, const struct cert_alg *alg,
		  const struct cert_pub *pub,
		  const char *key, time_t not_after)
{
	char how[sizeof(proof->how)];

	v2_sig_name(alg, pub, how, sizeof(how));
	ike_auth_info_set(proof, how, key, not_after);
}

/* @job: the job that signed AUTH; NULL: AUTH is from a pre-shared key */
static void we_proved(struct ike_sa *sa, const struct v2_auth_job *job)
{
	const struct cert *cert;

	if (!job) {
		ike_auth_info_set(&sa->our_auth_info, "psk", NULL, 0);
		return;
	}
	cert = job->own;
	prove(&sa->our_auth_info, &job->made, cert_key_pub(job->signer.key),
	      cert ? cert_subject(cert) : cert_key_file(job->signer.key),
	      cert ? cert_not_after(cert) : 0);
}

/* @job: that verified; NULL: none did; false: out of memory */
static bool they_proved(struct ike_sa *sa, const struct v2_auth_job *job)
{
	if (!job) {
		ike_auth_info_set(&sa->their_auth_info, "psk", NULL, 0);
		return true;
	}
	if (job->pub) {
		prove(&sa->their_auth_info, &job->used, job->pub, cert_pub_file(job->pub), 0);
		return true;
	}
	prove(&sa->their_auth_info, &job->used, cert_chain_pub(job->chain), job->subject,
	      cert_chain_not_after(job->chain));
	return ike_recheck_begin(sa, job->store, job->chain, job->until);
}

/* ---- initiator ---- */

/* RFC 7296 2.4: true only when no other SA with this peer is there */
static bool is_only_sa(const struct ike_sa *sa)
{
	const struct ike_sa *s;

	for (s = sa->peer->sas; s; s = s->peer_next)
		if (s != sa && s->state == IKE_STATE_ESTABLISHED)
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

/*
 * Which of its identities we want: RFC 7296 1.2. One of many has no name of its own
 * yet. Many a peer compares DNs octet by octet, and there are several ways to write
 * one: it is sent as a certificate in certs/ has it, or the peer chooses by itself.
 */
static void put_idr(const struct ike_sa *sa, struct v2_out *out)
{
	const struct conf_id *id = &sa->peer->conf->remote_id;
	struct bytes data = { id->data, id->len };
	const struct cert_store *certs = sa->ike->conf->certs;
	const struct cert *cert = NULL;
	unsigned int i;

	if (!id->type || conf_id_is_pattern(id))
		return;
	if (id->type == WIRE_ID_DN) {
		for (i = 0; certs && (cert = cert_store_cert_at(certs, i)); i++)
			if (cert_dn_equal(cert_subject_der(cert), data))
				break;
		if (!cert)
			return;
		data = cert_subject_der(cert);
	}
	wire_put_id(&out->w, WIRE_PLD_IDR, id->type, data);
}

static void put_request(struct ike_sa *sa, struct ike_child *child, const struct v2_auth_job *job,
			uint8_t method, struct bytes auth, struct v2_out *out)
{
	const struct conf_peer *conf = sa->peer->conf;
	struct wire_id id;

	our_id(sa, &id);
	wire_put_id(&out->w, WIRE_PLD_IDI, id.type, id.data);
	v2_put_certs(job, &out->w);
	/* SAs of an earlier run are in use until this CHILD SA is up. */
	if (is_only_sa(sa) && !ike_orphans_of_peer(sa->peer))
		v2_put_notify(out, WIRE_N_INITIAL_CONTACT, none);
	v2_put_certreq(sa->ike->conf, conf, &out->w);
	put_idr(sa, out);
	wire_put_auth(&out->w, method, auth);
	v2_child_put_sa(child, out);
	v2_child_put_ts(child, out);
	v2_put_window(sa, out);
}

/* @job: the job that signed AUTH; NULL: AUTH is from a pre-shared key */
static void send_request(struct ike_sa *sa, const struct v2_auth_job *job, uint8_t method,
			 struct bytes auth)
{
	struct ike_child *child;
	char err[IKE_TEXT_MAX];
	struct ike_task *t;
	struct v2_out out;

	if (ike_unique_peer_won(sa))
		return;
	t = first_child_task(sa);
	if (!t) {
		ike_sa_kill(sa, "not wanted any more");
		return;
	}
	child = ike_child_new(sa, t->tun, true);
	if (child) {
		child->negotiation->first = true;
		child->negotiation->has_flow = t->has_flow;
		child->negotiation->flow = t->flow;
		child->entry = t->entry;
		child->negotiation->has_flow = t->has_flow;
		child->negotiation->flow = t->flow;
		sa->negotiation = child;
		if (!v2_child_offer(child, t->has_flow ? &t->flow : NULL, err, sizeof(err))) {
			free(t);
			ike_sa_fail(sa, "%s", err);
			return;
		}
	}
	free(t);
	if (!child) {
		ike_sa_fail(sa, "out of memory");
		return;
	}
	ike_await(child);
	sa->state = IKE_STATE_AUTH_SENT;
	v2_out_init(&out);
	put_request(sa, child, job, method, auth, &out);
	v2_request(sa, WIRE_IKE_AUTH, &out);
}

static void request_signed(struct ike_sa *sa, struct v2_auth_job *job)
{
	sa->busy_out = false;
	if (!job->ok) {
		ike_sa_fail(sa, "%s", job->error);
		return;
	}
	we_proved(sa, job);
	send_request(sa, job, job->method, buf_bytes(&job->auth));
}

static void sign_request(struct ike_sa *sa)
{
	struct v2_auth_job *job = v2_auth_job_new(sa, NULL, request_signed);

	if (!job || !add_sign(job)) {
		if (job)
			v2_auth_job_free(job);
		ike_sa_fail(sa, "cannot compute AUTH: no private key is loaded, or out of memory");
		return;
	}
	sa->busy_out = true;
	v2_auth_job_submit(job);
}

void v2_auth_start(struct ike_sa *sa)
{
	struct buf auth;

	if (sa->peer->conf->local_auth != CONF_AUTH_PSK) {
		sign_request(sa);
		return;
	}
	we_proved(sa, NULL);
	buf_init(&auth);
	if (our_psk_auth(sa, &auth))
		send_request(sa, NULL, WIRE_AUTH_PSK, buf_bytes(&auth));
	else
		ike_sa_fail(sa, "cannot compute AUTH: no pre-shared key, or out of memory");
	buf_free(&auth);
}

static void refused(struct ike_sa *sa, uint16_t type)
{
	char text[IKE_TEXT_MAX], addr[ADDR_STRLEN];

	if (type == WIRE_N_AUTHENTICATION_FAILED) {
		auth_failed_text(sa, sa->peer->conf->local_auth == CONF_AUTH_PSK ?
				 "the peer says AUTHENTICATION_FAILED, so the pre-shared keys "
				 "differ or it does not know these IDs" :
				 "the peer says AUTHENTICATION_FAILED, so it does not trust our "
				 "certificate or key, or does not know these IDs",
				 text, sizeof(text));
		ike_sa_fail(sa, "%s", text);
		return;
	}
	ike_note_ids(sa);
	ike_sa_fail(sa, "%s refuses IKE_AUTH: %s",
		    addr_str(&sa->remote.addr, addr, sizeof(addr)),
		    type ? wire_notify_str(type) : "neither IDr and AUTH nor a reason");
}

/* RFC 7296 2.21.2: the peer has the SA already, and is told that it is not to */
static void not_believed(struct ike_sa *sa, const char *how)
{
	struct ike_tunnel *tun;
	char text[IKE_TEXT_MAX];

	/* the orphans belong to an identity that the peer can no longer prove */
	for (tun = sa->peer->tunnels; tun; tun = tun->next)
		ike_orphans_drop(sa->ike, tun);
	v2_auth_failed_notify(sa);
	auth_failed_text(sa, how, text, sizeof(text));
	ike_sa_fail(sa, "%s", text);
}

/* the ID is one that we want; false: the SA is gone */
static bool take_idr(struct v2_in *in, struct wire_id *id, struct wire_auth *auth)
{
	struct ike_sa *sa = in->sa;
	char got[IKE_ID_NAMED_STRLEN], want[IKE_ID_NAMED_STRLEN];
	struct wire_id expected;

	if (wire_id_decode(wire_find(&in->inner, WIRE_PLD_IDR)->body, id) != WIRE_OK ||
	    wire_auth_decode(wire_find(&in->inner, WIRE_PLD_AUTH)->body, auth) != WIRE_OK) {
		ike_sa_fail(sa, "its IKE_AUTH response is malformed");
		return false;
	}
	if (!ike_id_match(&sa->peer->conf->remote_id, NULL, id->type, id->data)) {
		v2_auth_failed_notify(sa);
		ike_id_local(&sa->peer->conf->remote_id, NULL, &expected);
		ike_note_id(sa->ike, "identity of the peer", id, &expected);
		ike_sa_fail(sa, "its ID is %s, expected %s",
			    ike_id_named(id->type, id->data, got, sizeof(got)),
			    ike_sa_id_named(sa, false, want, sizeof(want)));
		return false;
	}
	if (!ike_id_set(&sa->remote_id, id->type, id->data)) {
		ike_sa_fail(sa, "out of memory");
		return false;
	}
	return true;
}

/* RFC 7296 1.2: the IKE SA stands though its first CHILD SA may not */
static void first_child(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct ike_child *child = sa->negotiation;
	struct wire_notification n;
	char err[IKE_TEXT_MAX];
	uint16_t error;

	sa->negotiation = NULL;
	if (!child)
		return;
	if (!child->tun) {
		/* nobody wants it any more; the peer has it nevertheless */
		ike_child_delete(child, "not wanted any more");
		return;
	}
	error = v2_find_error(&in->inner, &n);
	if (error && v2_child_by_entries(child, &n))
		return;
	if (error || !wire_find(&in->inner, WIRE_PLD_SA)) {
		v2_child_refused(child, error ? &n : NULL, err, sizeof(err));
		v2_child_failed(child, false, err);
	} else if (!v2_child_accept(child, in, err, sizeof(err)) ||
		   !v2_child_install(child, true, true, none, buf_bytes(&sa->ni),
				     buf_bytes(&sa->nr), err, sizeof(err))) {
		v2_child_failed(child, true, err);
	} else {
		ike_child_up(child);
	}
}

static void accept_responder(struct v2_in *in)
{
	buf_free(&in->sa->certreq);
	ike_sa_established(in->sa);
	ike_unique_authenticated(in->sa);
	first_child(in);
}

/* RFC 7296 2.21.2: with one of these the responder has no IKE SA, whatever stands beside it */
static bool is_of_ike_sa(uint16_t error)
{
	return error == WIRE_N_INVALID_SYNTAX || error == WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD ||
	       error == WIRE_N_AUTHENTICATION_FAILED;
}

static void response_verified(struct ike_sa *sa, struct v2_auth_job *job)
{
	sa->busy_out = false;
	if (!job->ok) {
		not_believed(sa, job->error);
		return;
	}
	tell_verified(sa, job);
	if (they_proved(sa, job))
		accept_responder(job->in);
	else
		not_believed(sa, "out of memory");
}

void v2_auth_response(struct v2_in *in)
{
	const struct wire_payload *idr = wire_find(&in->inner, WIRE_PLD_IDR);
	struct ike_sa *sa = in->sa;
	struct wire_notification n;
	uint16_t error = v2_find_error(&in->inner, &n);
	struct v2_auth_job *job;
	struct wire_auth auth;
	struct wire_id id;
	char how[200];

	if (!idr || !wire_find(&in->inner, WIRE_PLD_AUTH) || is_of_ike_sa(error)) {
		refused(sa, error);
		return;
	}
	if (!take_idr(in, &id, &auth))
		return;
	if (sa->peer->conf->remote_auth == CONF_AUTH_PSK) {
		if (!psk_is_good(sa, idr->body, &auth, how, sizeof(how))) {
			not_believed(sa, how);
			return;
		}
		they_proved(sa, NULL);
		accept_responder(in);
		return;
	}
	job = verify_job(in, &id, idr->body, &auth, response_verified, how, sizeof(how));
	if (!job) {
		not_believed(sa, how);
		return;
	}
	sa->busy_out = true;
	v2_auth_job_submit(job);
}

/* ---- responder ---- */

struct auth_request {
	const struct wire_payload *idi;
	struct wire_id id_i, id_r;
	struct wire_auth auth;
	bool has_idr;
	uint8_t encoding;	/* of the first CERT payload; 0: none */
};

/*
 * What it wants may be refused beside IDr and AUTH, what cannot be read may not: in
 * IKE_AUTH INVALID_SYNTAX has the peer drop the IKE SA (RFC 7296 2.21.2).
 */
static bool child_can_be_read(const struct wire_msg *msg)
{
	struct wire_sa sa;
	struct wire_ts ts;

	return wire_is_read(wire_sa_decode(wire_find(msg, WIRE_PLD_SA)->body, &sa)) &&
	       wire_is_read(wire_ts_decode(wire_find(msg, WIRE_PLD_TSI)->body, &ts)) &&
	       wire_is_read(wire_ts_decode(wire_find(msg, WIRE_PLD_TSR)->body, &ts));
}

static bool decode(struct v2_in *in, struct auth_request *r)
{
	const struct wire_payload *idr = wire_find(&in->inner, WIRE_PLD_IDR);
	const struct wire_payload *cert = wire_find(&in->inner, WIRE_PLD_CERT);
	struct wire_cert c;

	r->idi = wire_find(&in->inner, WIRE_PLD_IDI);
	r->has_idr = idr;
	r->encoding = cert && wire_cert_decode(cert->body, &c) == WIRE_OK ? c.encoding : 0;
	return child_can_be_read(&in->inner) && wire_id_decode(r->idi->body, &r->id_i) == WIRE_OK &&
	       (!idr || wire_id_decode(idr->body, &r->id_r) == WIRE_OK) &&
	       wire_auth_decode(wire_find(&in->inner, WIRE_PLD_AUTH)->body, &r->auth) == WIRE_OK;
}

/* is the AUTH of the kind that this peer's is to be? */
static bool auth_fits(const struct conf_peer *conf, const struct auth_request *r)
{
	if (r->auth.method == WIRE_AUTH_PSK || conf->remote_auth == CONF_AUTH_PSK)
		return r->auth.method == WIRE_AUTH_PSK && conf->remote_auth == CONF_AUTH_PSK;
	return !r->encoding ||
	       (r->encoding == WIRE_CERT_RAW_KEY) == (conf->remote_auth == CONF_AUTH_PUBKEY);
}

/* a peer of this very name comes before one of many, and that before anybody */
static unsigned int id_rank(const struct conf_id *id)
{
	return !id->type ? 1 : conf_id_is_pattern(id) ? 2 : 3;
}

static bool peer_fits(const struct ike_sa *sa, const struct auth_request *r,
		      const struct conf_peer *conf)
{
	struct ike_proposal same;

	return ike_id_match(&conf->remote_id, NULL, r->id_i.type, r->id_i.data) &&
	       (!r->has_idr || ike_id_match(&conf->local_id, &sa->local.addr, r->id_r.type,
					    r->id_r.data)) &&
	       /* its number is that of the initiator's list and says nothing here */
	       ike_proposal_select(conf->ike, conf->n_ike, &sa->prop, 1, false, &same);
}

/*
 * By address, IDs, and the proposal that IKE_SA_INIT chose before the ID was known.
 * Of several, one that expects this kind of AUTH, then by its ID, then by address.
 */
static struct ike_peer *find_peer(const struct ike_sa *sa, const struct auth_request *r)
{
	struct ike_peer *p = NULL, *best = NULL;
	unsigned int rank, best_rank = 0;

	while ((p = ike_peer_by_addr(sa->ike, &sa->local.addr, &sa->remote.addr, p))) {
		if (!peer_fits(sa, r, p->conf))
			continue;
		rank = id_rank(&p->conf->remote_id) + (auth_fits(p->conf, r) ? 4 : 0);
		if (rank > best_rank) {
			best = p;
			best_rank = rank;
		}
	}
	return best;
}

/* of a request with IDi, which is well-formed */
static void claimed_id(const struct v2_in *in, struct wire_id *id)
{
	wire_id_decode(wire_find(&in->inner, WIRE_PLD_IDI)->body, id);
}

static bool is_heard(const struct v2_in *in)
{
	return ike_hears_unauthenticated(in->sa->ike, IKE_CAUSE_AUTH, ike_asker(in->sa));
}

/* @text: NULL: the limit on lines is reached, so the caller has composed none */
static void reject(struct v2_in *in, const char *text)
{
	struct ike_sa *sa = in->sa;

	v2_respond_notify(sa, WIRE_IKE_AUTH, in->outer.hdr.msgid, WIRE_N_AUTHENTICATION_FAILED,
			  none);
	if (text) {
		ike_note_sa(sa);
		ike_report_unauthenticated(sa->ike, sa->peer, IKE_CAUSE_AUTH, ike_asker(sa), "%s",
					   text);
	} else {
		ike_unheard(sa->ike, IKE_CAUSE_AUTH);
	}
	ike_sa_fail_quiet(sa, "authentication failed");
}

/* the initiator could not prove what it claims; the address that IKE_SA_INIT was answered to pays */
static void count_failure(const struct v2_in *in)
{
	struct wire_id id;

	claimed_id(in, &id);
	ike_limit_failed(in->sa->ike, &in->sa->asker, &id);
}

/**
 * v2_auth_may_try - is an IKE_AUTH request to be looked at?
 * @in: the request, opened and with the right payloads
 *
 * Return: false: too many have failed from the address that began the SA. The peer
 *	repeats its request, and is heard when the time is over.
 */
bool v2_auth_may_try(const struct v2_in *in)
{
	char addr[ADDR_STRLEN];
	struct wire_id id;

	if (wire_id_decode(wire_find(&in->inner, WIRE_PLD_IDI)->body, &id) != WIRE_OK ||
	    ike_limit_may_claim(in->sa->ike, &in->sa->asker, &id))
		return true;
	ike_count(in->sa->ike, IKE_COUNT_AUTH_LIMIT);
	ike_report_unauthenticated(in->sa->ike, in->sa->peer, IKE_CAUSE_AUTH_LIMIT, &in->sa->asker,
				   "%s failed to authenticate too often: one try in 10 s with one identity is looked at, one in 2 s with any",
				   addr_str(&in->sa->asker, addr, sizeof(addr)));
	return false;
}

static void reject_id(struct v2_in *in, const struct auth_request *r)
{
	struct ike_sa *sa = in->sa;
	char text[IKE_TEXT_MAX], addr[ADDR_STRLEN], i[IKE_ID_NAMED_STRLEN];
	char us[IKE_ID_NAMED_STRLEN] = "", want_i[IKE_ID_NAMED_STRLEN], want_r[IKE_ID_NAMED_STRLEN];
	struct wire_id ours, theirs;

	count_failure(in);
	if (!is_heard(in)) {
		reject(in, NULL);
		return;
	}
	if (r->has_idr)
		ike_id_named(r->id_r.type, r->id_r.data, us, sizeof(us));
	ike_id_local(&sa->peer->conf->local_id, &sa->local.addr, &ours);
	ike_note_id(sa->ike, "our identity", r->has_idr ? &r->id_r : NULL, &ours);
	theirs = (struct wire_id){ sa->peer->conf->remote_id.type,
				   { sa->peer->conf->remote_id.data, sa->peer->conf->remote_id.len } };
	ike_note_id(sa->ike, "identity of the peer", &r->id_i, theirs.type ? &theirs : NULL);
	snprintf(text, sizeof(text), "no peer at %s has these IDs: it says it is %s%s%s, "
		 "expected %s and %s for us",
		 addr_str(ike_asker(sa), addr, sizeof(addr)),
		 ike_id_named(r->id_i.type, r->id_i.data, i, sizeof(i)),
		 r->has_idr ? " and calls us " : "", us,
		 ike_sa_id_named(sa, false, want_i, sizeof(want_i)),
		 ike_sa_id_named(sa, true, want_r, sizeof(want_r)));
	reject(in, text);
}

static void reject_auth(struct v2_in *in, const char *how)
{
	char text[IKE_TEXT_MAX];

	if (!is_heard(in)) {
		ike_notes_drop(in->sa->ike);
		reject(in, NULL);
		return;
	}
	auth_failed_text(in->sa, how, text, sizeof(text));
	reject(in, text);
}

/* the same where it is the peer that failed, and not we that lack something */
static void reject_peer(struct v2_in *in, const char *how)
{
	count_failure(in);
	reject_auth(in, how);
}

/* which peer it says it is; false: answered, and the SA is gone */
static bool identify(struct v2_in *in, const struct auth_request *r)
{
	struct ike_sa *sa = in->sa;
	struct ike_peer *peer = find_peer(sa, r);

	if (!peer) {
		reject_id(in, r);
		return false;
	}
	ike_sa_set_peer(sa, peer);
	memcpy(sa->name, peer->conf->name, sizeof(sa->name));
	if (!ike_id_set(&sa->remote_id, r->id_i.type, r->id_i.data)) {
		ike_sa_kill(sa, "out of memory");
		return false;
	}
	return true;
}

/*
 * RFC 7296 2.4: the peer knows of no other SA, what we have is of an earlier life
 * of his. Not so what was established after he began this one: both began at once.
 */
static bool is_of_earlier_life(const struct ike_sa *old, const struct ike_sa *sa)
{
	return old != sa && old->state == IKE_STATE_ESTABLISHED && old->peer == sa->peer &&
	       old->auth_seq < sa->created_seq;
}

static void initial_contact(struct ike_sa *sa)
{
	struct ike_sa *old = NULL;

	while ((old = ike_sa_of_id(sa->ike, &sa->remote_id, old)))
		if (is_of_earlier_life(old, sa)) {
			ike_sa_kill(old, "the peer started again");
			/* others may have gone with it */
			old = NULL;
		}
	ike_orphans_contact(sa);
}

static void put_response(struct ike_sa *sa, struct ike_child *child, uint16_t error,
			 const struct v2_auth_job *job, uint8_t method, struct bytes auth,
			 struct v2_out *out)
{
	struct wire_id id;

	our_id(sa, &id);
	v2_out_init(out);
	wire_put_id(&out->w, WIRE_PLD_IDR, id.type, id.data);
	v2_put_certs(job, &out->w);
	wire_put_auth(&out->w, method, auth);
	if (child) {
		v2_child_put_sa(child, out);
		v2_child_put_ts(child, out);
	} else {
		v2_put_notify(out, error, none);
	}
	v2_put_window(sa, out);
}

/* Logs that this host ignores a CP payload (RFC 7296 3.15.4). The peer may disconnect then. */
static void tell_cp(const struct v2_in *in)
{
	const struct ike_sa *sa = in->sa;
	char addr[ADDR_STRLEN];

	if (wire_find(&in->inner, WIRE_PLD_CP))
		ike_report(sa->ike, IKE_EVENT_ERROR, sa->name, NULL, NULL,
			   "%s asks for a configuration payload (CP), such as an address, which nfipsec ignores: "
			   "expected a peer with addresses of its own",
			   addr_str(&sa->remote.addr, addr, sizeof(addr)));
}

/* Accepts an authenticated initiator. @auth: our AUTH; @job: the job that signed it, or NULL */
static void accept_initiator(struct v2_in *in, const struct v2_auth_job *job, uint8_t method,
			     struct bytes auth)
{
	struct ike_sa *sa = in->sa;
	struct ike_child *child = NULL;
	struct wire_notification n;
	char err[IKE_TEXT_MAX];
	struct wire_id id;
	struct v2_out out;
	uint16_t error;

	claimed_id(in, &id);
	ike_limit_proved(sa->ike, &sa->asker, &id);
	if (v2_find_notify(&in->inner, WIRE_N_INITIAL_CONTACT, &n))
		initial_contact(sa);
	ike_sa_established(sa);
	tell_cp(in);
	ike_unique_authenticated(sa);
	error = v2_child_select(in, true, NULL, &child);
	/* The inbound SA is installed before the response, because the peer may send at once. */
	if (child && !v2_child_install(child, true, false, none, buf_bytes(&sa->ni),
				       buf_bytes(&sa->nr), err, sizeof(err))) {
		v2_child_failed(child, false, err);
		child = NULL;
		error = WIRE_N_NO_PROPOSAL_CHOSEN;
	}
	put_response(sa, child, error, job, method, auth, &out);
	buf_free(&sa->certreq);
	v2_respond(sa, WIRE_IKE_AUTH, in->outer.hdr.msgid, &out);
	if (!child)
		return;
	if (v2_child_install(child, false, true, none, buf_bytes(&sa->ni), buf_bytes(&sa->nr), err,
			     sizeof(err)))
		ike_child_up(child);
	else
		v2_child_failed(child, true, err);
}

static void accept_with_psk(struct v2_in *in)
{
	struct buf auth;

	we_proved(in->sa, NULL);
	buf_init(&auth);
	if (our_psk_auth(in->sa, &auth))
		accept_initiator(in, NULL, WIRE_AUTH_PSK, buf_bytes(&auth));
	else
		reject_auth(in, "no pre-shared key for it is in the secrets file, or out of memory");
	buf_free(&auth);
}

static void accept_both_psk(struct v2_in *in)
{
	they_proved(in->sa, NULL);
	accept_with_psk(in);
}

/* ---- responder: blocks that differ only in `ca` ---- */

static bool same_id(const struct conf_id *a, const struct conf_id *b)
{
	return a->type == b->type &&
	       bytes_equal((struct bytes){ a->data, a->len }, (struct bytes){ b->data, b->len });
}

/* Checks whether two blocks authenticate in the same way, except for the CA of the peer. */
static bool differ_in_ca(const struct conf_peer *a, const struct conf_peer *b)
{
	return a->remote_auth == CONF_AUTH_CERT && b->remote_auth == CONF_AUTH_CERT &&
	       a->local_auth == b->local_auth && same_id(&a->local_id, &b->local_id) &&
	       same_id(&a->remote_id, &b->remote_id) && a->revocation == b->revocation &&
	       a->rsa == b->rsa && a->n_own == b->n_own &&
	       !memcmp(a->own, b->own, a->n_own * sizeof(a->own[0])) &&
	       a->own_key == b->own_key && !a->lacks && !b->lacks;
}

/* Finds the next block with these addresses that differs only in `ca`. @prev NULL: the first */
static struct ike_peer *next_by_ca(const struct ike_sa *sa, const struct auth_request *r,
				   struct ike_peer *prev)
{
	struct ike_peer *p = prev;

	while ((p = ike_peer_by_addr(sa->ike, &sa->local.addr, &sa->remote.addr, p)))
		if (p != sa->peer && differ_in_ca(p->conf, sa->peer->conf) &&
		    peer_fits(sa, r, p->conf))
			return p;
	return NULL;
}

/* Lets the chain of the peer lead to the CA of each such block. */
static void allow_cas(const struct auth_request *r, struct v2_auth_job *job)
{
	struct cert_claim *claim = &job->claim;
	struct ike_peer *p = NULL;

	while ((p = next_by_ca(job->sa, r, p)))
		if (!p->conf->trusted)
			claim->any = true;
		else if (claim->n_also < CERT_ALSO_MAX)
			claim->also[claim->n_also++] = p->conf->trusted;
}

static bool trusts(const struct conf_peer *conf, struct bytes anchor)
{
	return conf->trusted && bytes_equal(cert_der(conf->trusted), anchor);
}

/*
 * Selects the block by the CA at the end of the chain: one with this `ca`, or else one without
 * `ca`. Returns false if a load has removed that block.
 */
static bool settle_ca(struct ike_sa *sa, const struct v2_auth_job *job)
{
	struct ike_peer *p = NULL, *any = sa->peer->conf->trusted ? NULL : sa->peer;
	struct bytes der[CERT_CHAIN_MAX];
	struct auth_request r;

	if (!job->claim.n_also && !job->claim.any)
		return true;
	der[0] = der[cert_chain_der(job->chain, der) - 1];
	if (trusts(sa->peer->conf, der[0]))
		return true;
	if (!decode(job->in, &r))
		return false;
	while ((p = next_by_ca(sa, &r, p)) && !trusts(p->conf, der[0]))
		if (!p->conf->trusted && !any)
			any = p;
	p = p ? p : any;
	if (!p)
		return false;
	ike_sa_set_peer(sa, p);
	memcpy(sa->name, p->conf->name, sizeof(sa->name));
	return true;
}

static void request_verified(struct ike_sa *sa, struct v2_auth_job *job)
{
	if (!job->ok) {
		reject_peer(job->in, job->error);
		return;
	}
	tell_verified(sa, job);
	if (job->chain && !settle_ca(sa, job)) {
		reject_peer(job->in, "its CA is not that of the configuration any more");
		return;
	}
	if (!they_proved(sa, job->verify ? job : NULL)) {
		reject_auth(job->in, "out of memory");
		return;
	}
	if (sa->peer->conf->local_auth == CONF_AUTH_PSK) {
		accept_with_psk(job->in);
		return;
	}
	we_proved(sa, job);
	accept_initiator(job->in, job, job->method, buf_bytes(&job->auth));
}

/* their AUTH, ours, or both take a job */
static void start_job(struct v2_in *in, const struct auth_request *r)
{
	struct ike_sa *sa = in->sa;
	const struct conf_peer *conf = sa->peer->conf;
	struct v2_auth_job *job;
	char how[200];

	if (conf->remote_auth == CONF_AUTH_PSK) {
		job = v2_auth_job_new(sa, in, request_verified);
		snprintf(how, sizeof(how), "out of memory");
	} else {
		job = verify_job(in, &r->id_i, r->idi->body, &r->auth, request_verified, how,
				 sizeof(how));
		if (job && !job->pub)
			allow_cas(r, job);
	}
	if (job && conf->local_auth != CONF_AUTH_PSK && !add_sign(job)) {
		/* the message is the job's */
		reject_auth(job->in, "we have no private key loaded, or no memory");
		v2_auth_job_free(job);
		return;
	}
	if (!job) {
		reject_peer(in, how);
		return;
	}
	v2_auth_job_submit(job);
}

/* Rejects EAP: an initiator asks for it by omitting AUTH (RFC 7296 2.16, 2.21.2). */
static void reject_eap(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct wire_id id;
	char how[200];

	if (wire_id_decode(wire_find(&in->inner, WIRE_PLD_IDI)->body, &id) == WIRE_OK &&
	    !ike_id_set(&sa->remote_id, id.type, id.data)) {
		ike_sa_kill(sa, "out of memory");
		return;
	}
	snprintf(how, sizeof(how), "it asks for EAP, which nfipsec does not have, expected %s",
		 wanted_str(sa));
	reject_auth(in, how);
}

void v2_auth_request(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	const struct conf_peer *conf;
	struct auth_request r;
	char how[200];

	if (!wire_find(&in->inner, WIRE_PLD_AUTH)) {
		reject_eap(in);
		return;
	}
	if (!decode(in, &r)) {
		ike_count(sa->ike, IKE_COUNT_MALFORMED);
		v2_respond_notify(sa, WIRE_IKE_AUTH, in->outer.hdr.msgid, WIRE_N_INVALID_SYNTAX,
				  none);
		ike_sa_fail(sa, "its IKE_AUTH request is malformed");
		return;
	}
	if (!identify(in, &r))
		return;
	conf = sa->peer->conf;
	if (conf->lacks)
		reject_auth(in, conf->lacks);
	else if (conf->remote_auth == CONF_AUTH_PSK &&
		 !psk_is_good(sa, r.idi->body, &r.auth, how, sizeof(how)))
		reject_peer(in, how);
	else if (conf->remote_auth == CONF_AUTH_PSK && conf->local_auth == CONF_AUTH_PSK)
		accept_both_psk(in);
	else if (!v2_take_certreq(sa, &in->inner))
		reject_auth(in, "out of memory");
	else
		start_job(in, &r);
}
