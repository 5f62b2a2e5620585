// SPDX-License-Identifier: GPL-2.0
/* IKE_SA_INIT, both roles: RFC 7296 1.2, 2.6, 2.7, 2.23. */
#include <stdio.h>
#include <string.h>

#include "v2/v2.h"

/* a half-open SA keeps the request for AUTH, which hashes it; RFC 7296 2 wants 3000 octets taken */
#define REQUEST_MAX	10240
#define RESPONSE_MAX	10240

static const struct bytes none = { NULL, 0 };

/* ---- the message ---- */

static void put_proposals(struct wire_writer *w, const struct conf_peer *conf)
{
	struct ike_proposal p[CONF_PROPOSALS_MAX];
	unsigned int i;

	for (i = 0; i < conf->n_ike; i++) {
		p[i] = conf->ike[i];
		p[i].number = i + 1;
		p[i].spi_len = 0;	/* RFC 7296 3.3.1: the header has it */
	}
	wire_put_sa(w, p, conf->n_ike);
}

/* RFC 7383 2.3: with who says so as well */
#define NO_NAT_TRAVERSAL \
	"the peer offers no NAT traversal: expected it, or no `encapsulation udp` in its block"

static void note_fragmentation(struct ike_sa *sa, const struct wire_msg *msg)
{
	struct wire_notification n;

	sa->fragments = sa->peer->conf->fragment_size &&
			v2_find_notify(msg, WIRE_N_FRAGMENTATION_SUPPORTED, &n);
}

/* RFC 7296 2.6: the cookie first, all else as it was */
static void send_request(struct ike_sa *sa)
{
	struct wire_hdr hdr = { .spi_i = sa->spi_i, .major = 2, .exchange = WIRE_IKE_SA_INIT,
				.flags = WIRE_FLAG_INITIATOR };
	struct wire_writer w;
	struct wire_msg told;
	struct buf msg;
	uint8_t bad;

	buf_init(&msg);
	wire_open(&w, &msg, &hdr);
	if (sa->cookie.len)
		wire_put_notify(&w, 0, none, WIRE_N_COOKIE, buf_bytes(&sa->cookie));
	put_proposals(&w, sa->peer->conf);
	v2_kex_put(&sa->kex, &w);
	wire_put_nonce(&w, buf_bytes(&sa->ni));
	if (sa->peer->conf->fragment_size)
		wire_put_notify(&w, 0, none, WIRE_N_FRAGMENTATION_SUPPORTED, none);
	sa->natt_forced = sa->peer->conf->force_udp;
	ike_natt_put(sa, &w);
	v2_put_announcements(sa, &w);
	wire_finish(&msg);
	if (msg.failed || !buf_copy(&sa->init_req, buf_bytes(&msg))) {
		buf_free(&msg);
		ike_sa_fail(sa, "cannot build the IKE_SA_INIT request: out of memory");
		return;
	}
	sa->state = IKE_STATE_INIT_SENT;
	wire_v2_decode(buf_bytes(&msg), &told, &bad);
	v2_report(sa, false, WIRE_IKE_SA_INIT, false, 0, msg.len, &told);
	ike_retrans_start(sa, &msg, WIRE_IKE_SA_INIT);
	buf_free(&msg);
}

/* ---- initiator ---- */

static void dh_made(struct ike_sa *sa, struct ike_job_dh *job)
{
	if (v2_kex_made(&sa->kex, job))
		send_request(sa);
	else
		ike_sa_fail(sa, "cannot make a key of DH group %u", job->group);
}

static void make_dh(struct ike_sa *sa, uint16_t group)
{
	sa->state = IKE_STATE_NEW;
	if (!v2_kex_make(sa, &sa->kex, group, dh_made, 0))
		ike_sa_fail(sa, "out of memory");
}

/* Logs once what the peer's block lacks: only another configuration can bring it. */
static void not_begun(struct ike_tunnel *tun, const char *text)
{
	if (!tun->peer->conf->lacks || !tun->failures)
		ike_report_not_begun(tun, text);
	ike_tunnel_failed(tun, text);
}

/*
 * RFC 7296 2.23 permits port 4500 from the first message on. Only there both ends expect the non-ESP
 * marker: a peer at a port other than 500 cannot tell IKE from ESP in UDP without it.
 */
static void first_ports(const struct conf_peer *conf, struct endpoint *local,
			struct endpoint *remote)
{
	remote->port = conf->remote_port ? conf->remote_port : IKE_PORT;
	local->port = remote->port == IKE_PORT ? IKE_PORT : IKE_NATT_PORT;
}

/* Where the successor of an IKE SA begins: at the same place, unless it is to move to another. */
static bool successor_endpoints(const struct ike_sa *old, struct endpoint *local,
				struct endpoint *remote, char *err, size_t err_len)
{
	char addr[ADDR_STRLEN];

	*local = old->local;
	*remote = old->remote;
	if (!old->move_to.family)
		return true;
	first_ports(old->peer->conf, local, remote);
	remote->addr = old->move_to;
	if (old->peer->conf->local.family ||
	    old->ike->ops->local_addr(&old->peer->conf->egress, &remote->addr, &local->addr,
				      old->ike->user))
		return true;
	snprintf(err, err_len, "no route to %s", addr_str(&remote->addr, addr, sizeof(addr)));
	return false;
}

static enum ike_pick endpoints(struct ike_peer *peer, const struct ike_sa *old,
			       struct endpoint *local, struct endpoint *remote, char *err,
			       size_t err_len)
{
	const struct conf_peer *conf = peer->conf;
	char addr[ADDR_STRLEN];

	memset(local, 0, sizeof(*local));
	memset(remote, 0, sizeof(*remote));
	if (old)
		return successor_endpoints(old, local, remote, err, err_len) ? IKE_PICK_READY :
		       IKE_PICK_FAILED;
	first_ports(conf, local, remote);
	if (conf->local.family && peer->ike->ops->is_local &&
	    !peer->ike->ops->is_local(&conf->local, peer->ike->user)) {
		addr_str(&conf->local, addr, sizeof(addr));
		ike_note(peer->ike, "local address", NULL, addr);
		snprintf(err, err_len, "local address %s is no address of this host", addr);
		return IKE_PICK_FAILED;
	}
	return ike_remote_pick(peer, &remote->addr, &local->addr, err, err_len);
}

/* found out before a message is sent, since it is sure to fail */
static bool has_credentials(struct ike_peer *peer, const struct endpoint *local,
		       const struct endpoint *remote, char *err, size_t err_len)
{
	const struct conf_peer *conf = peer->conf;
	char us[IKE_ID_NAMED_STRLEN], them[IKE_ID_NAMED_STRLEN];
	struct wire_id l, r;

	if (conf->lacks) {
		snprintf(err, err_len, "%s", conf->lacks);
		return false;
	}
	if ((conf->local_auth == CONF_AUTH_CERT && !conf->n_own) ||
	    (conf->local_auth == CONF_AUTH_PUBKEY && !conf->own_key)) {
		snprintf(err, err_len, "no certificate or key of ours is loaded");
		return false;
	}
	if (conf->local_auth != CONF_AUTH_PSK && conf->remote_auth != CONF_AUTH_PSK)
		return true;
	if (ike_id_secret(peer->ike->conf, conf, &local->addr, NULL, &remote->addr))
		return true;
	ike_id_local(&conf->local_id, &local->addr, &l);
	ike_id_local(&conf->remote_id, &remote->addr, &r);
	ike_id_str(l.type, l.data, us, sizeof(us));
	ike_id_str(r.type, r.data, them, sizeof(them));
	conf_secret_lack(peer->ike->conf,
			 &(struct conf_id){ .type = l.type, .text = us, .data = (uint8_t *)l.data.p,
					    .len = l.data.len },
			 &(struct conf_id){ .type = r.type, .text = them, .data = (uint8_t *)r.data.p,
					    .len = r.data.len }, err, err_len);
	return false;
}

/**
 * v2_initiate - begin an IKE SA
 * @peer: with whom
 * @tun: for its CHILD SA
 * @flow: the packet that asked, or NULL
 * @replaces: our SPI of the IKE SA that it takes over from; 0: none
 */
void v2_initiate(struct ike_peer *peer, struct ike_tunnel *tun, const struct kern_flow *flow,
		 uint64_t replaces)
{
	struct ike *ike = peer->ike;
	struct ike_sa *sa, *old = replaces ? ike_sa_find(ike, replaces) : NULL;
	struct endpoint local, remote;
	enum ike_pick pick;
	char err[IKE_TEXT_MAX];

	pick = endpoints(peer, old, &local, &remote, err, sizeof(err));
	if (pick == IKE_PICK_WAIT) {
		tun->resolving = true;
		return;
	}
	if (pick == IKE_PICK_TOLD) {
		ike_tunnel_failed(tun, err);
		return;
	}
	if (pick == IKE_PICK_FAILED || !has_credentials(peer, &local, &remote, err, sizeof(err))) {
		not_begun(tun, err);
		return;
	}
	sa = ike_sa_new(ike, peer, true);
	if (!sa) {
		not_begun(tun, "out of memory");
		return;
	}
	sa->local = local;
	sa->remote = remote;
	sa->replaces = replaces;
	sa->called = !old || old->called;
	sa->called_at = !old ? peer->at : old->move_to.family ? ike_remote_first(peer) :
			old->called_at;
	tun->sa = sa;
	if (!ike_tunnel_ask(sa, tun, flow) || !v2_new_nonce(&sa->ni)) {
		ike_sa_fail(sa, "out of memory");
		return;
	}
	make_dh(sa, v2_kex_first(peer->conf->ike, peer->conf->n_ike, NULL));
}

static void group_name(uint16_t group, char *out, size_t len)
{
	ike_transform_str(&(struct ike_transform){ IKE_TRANSFORM_DH, group, 0 }, out, len);
}

/*
 * Repeats IKE_SA_INIT with the group that the peer asks for, if we offered it (RFC 7296 1.2). The
 * network may duplicate the response, and a peer may answer a duplicate request (RFC 7296 2.1).
 * Such a copy asks for the group that the last request already has, and changes nothing.
 */
static void other_group(struct ike_sa *sa, const struct wire_notification *n)
{
	char addr[ADDR_STRLEN], theirs[IKE_TRANSFORM_STRLEN], ours[IKE_TRANSFORM_STRLEN];
	uint16_t group;

	if (n->data.len != 2)
		return;
	if (get_u16(n->data.p) == sa->kex.group) {
		sa->kex.insists = true;
		return;
	}
	group = v2_kex_other_group(&sa->kex, sa->peer->conf->ike, sa->peer->conf->n_ike, n);
	if (group == DH_NONE) {
		group_name(get_u16(n->data.p), theirs, sizeof(theirs));
		group_name(sa->kex.group, ours, sizeof(ours));
		ike_note(sa->ike, "DH group", theirs, ours);
		ike_sa_fail(sa, "%s wants DH group %s (INVALID_KE_PAYLOAD); offered %s",
			    addr_str(&sa->remote.addr, addr, sizeof(addr)), theirs, ours);
		return;
	}
	ike_retrans_stop(sa);
	make_dh(sa, group);
}

static void with_cookie(struct ike_sa *sa, struct bytes cookie)
{
	/* RFC 7296 2.6: 1 to 64 octets */
	if (!cookie.len || cookie.len > 64)
		return;
	/* a copy: this host has sent the request with this cookie, and retransmits it */
	if (bytes_equal(cookie, buf_bytes(&sa->cookie)))
		return;
	ike_retrans_stop(sa);
	if (++sa->cookies > IKE_RESTARTS_MAX)
		ike_sa_fail(sa, "it demands one cookie after the other");
	else if (!buf_copy(&sa->cookie, cookie))
		ike_sa_fail(sa, "out of memory");
	else
		send_request(sa);
}

static void refused(struct ike_sa *sa, uint16_t type)
{
	char addr[ADDR_STRLEN], offered[400];

	addr_str(&sa->remote.addr, addr, sizeof(addr));
	ike_proposals_str(sa->peer->conf->ike, sa->peer->conf->n_ike, offered, sizeof(offered));
	ike_note_proposals(sa->ike, sa->peer->conf->ike, sa->peer->conf->n_ike, NULL, 0);
	if (type == WIRE_N_NO_PROPOSAL_CHOSEN)
		ike_sa_fail(sa, "%s accepts no IKE proposal of ours (NO_PROPOSAL_CHOSEN): offered %s; "
			    "what it expects it does not say, its log may", addr, offered);
	else
		ike_sa_fail(sa, "%s refuses IKE_SA_INIT: %s; offered %s", addr,
			    wire_notify_str(type), offered);
}

static void shared_made(struct ike_sa *sa, struct ike_job_dh *job)
{
	sa->busy_out = false;
	if (!job->ok) {
		ike_sa_fail(sa, "its public value of DH group %u is not valid", job->group);
		return;
	}
	if (!v2_keys(sa, buf_bytes(&job->shared), NULL)) {
		ike_sa_fail(sa, "cannot derive the keys of the IKE SA");
		return;
	}
	v2_auth_start(sa);
}

/* A malformed response proves nothing; the genuine one may still arrive. */
static bool take_answer(struct ike_sa *sa, struct v2_in *in, struct wire_ke *ke)
{
	struct wire_sa chosen;
	struct bytes nonce;

	if (wire_sa_decode(wire_find(&in->inner, WIRE_PLD_SA)->body, &chosen) != WIRE_OK ||
	    wire_nonce_decode(wire_find(&in->inner, WIRE_PLD_NONCE)->body, &nonce) != WIRE_OK ||
	    !in->outer.hdr.spi_r || chosen.n != 1 ||
	    !ike_proposal_accept(sa->peer->conf->ike, sa->peer->conf->n_ike, &chosen.p[0]) ||
	    !v2_kex_take(&sa->kex, &in->inner, &chosen.p[0], ke)) {
		ike_count(sa->ike, IKE_COUNT_MALFORMED);
		return false;
	}
	sa->prop = chosen.p[0];
	sa->spi_r = in->outer.hdr.spi_r;
	return buf_copy(&sa->nr, nonce) && buf_copy(&sa->init_resp, in->raw);
}

void v2_init_response(struct v2_in *in)
{
	struct ike_sa *sa = in->sa;
	struct wire_notification n;
	struct wire_ke ke;
	uint16_t error;

	if (!addr_equal(&in->remote->addr, &sa->remote.addr) || in->raw.len > RESPONSE_MAX)
		return;
	if (v2_find_notify(&in->inner, WIRE_N_COOKIE, &n)) {
		with_cookie(sa, n.data);
		return;
	}
	error = v2_find_error(&in->inner, &n);
	if (error == WIRE_N_INVALID_KE_PAYLOAD)
		other_group(sa, &n);
	else if (error)
		refused(sa, error);
	if (error || !take_answer(sa, in, &ke))
		return;
	v2_take_hashes(sa, &in->inner);
	if (!v2_take_certreq(sa, &in->inner)) {
		ike_sa_fail(sa, "out of memory");
		return;
	}
	if (!ike_natt_detect(sa, &in->inner, in->local, in->remote)) {
		ike_sa_fail(sa, NO_NAT_TRAVERSAL);
		return;
	}
	note_fragmentation(sa, &in->inner);
	/* RFC 7296 2.23: from IKE_AUTH on, unless `remote port` began at such a port */
	if (sa->natt && sa->local.port != IKE_NATT_PORT)
		sa->local.port = sa->remote.port = IKE_NATT_PORT;
	v2_answered(sa);
	sa->busy_out = true;
	if (!v2_kex_share(sa, &sa->kex, &ke, shared_made, 0))
		ike_sa_fail(sa, "out of memory");
}

/* ---- responder ---- */

static void reply(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
		  const struct endpoint *remote, uint16_t type, struct bytes data)
{
	struct wire_hdr h = { .spi_i = hdr->spi_i, .spi_r = hdr->spi_r, .major = 2,
			      .exchange = hdr->exchange, .msgid = hdr->msgid,
			      .flags = WIRE_FLAG_RESPONSE |
				       (~hdr->flags & WIRE_FLAG_INITIATOR) };
	struct wire_writer w;
	struct egress by;
	struct buf msg;

	buf_init(&msg);
	wire_open(&w, &msg, &h);
	wire_put_notify(&w, 0, none, type, data);
	wire_finish(&msg);
	if (!msg.failed) {
		ike_count(ike, IKE_COUNT_SENT);
		by = ike_egress_to(ike, &local->addr, &remote->addr);
		ike->ops->send(&by, local, remote, buf_bytes(&msg), ike->user);
	}
	buf_free(&msg);
}

/* RFC 7296 1.5, 2.21.4: such answers must be limited */
void v2_stray_notify(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
		     const struct endpoint *remote, uint16_t type, struct bytes data)
{
	if (ike_limit_notify(ike, &remote->addr))
		reply(ike, hdr, local, remote, type, data);
	else
		ike_count(ike, IKE_COUNT_NOTIFY_LIMITED);
}

/* a request that is decoded, and nothing kept of it yet */
struct init_request {
	struct ike *ike;
	const struct endpoint *local, *remote;
	struct bytes raw, nonce;
	struct wire_msg msg;
	struct wire_sa sa;
	struct wire_ke ke;
};

static void reply_to(const struct init_request *r, uint16_t type, struct bytes data)
{
	reply(r->ike, &r->msg.hdr, r->local, r->remote, type, data);
}

/* of payloads that are there; SA takes time, and is read when there is a cookie or none is demanded */
static enum wire_err decode_bodies(struct init_request *r)
{
	enum wire_err err = wire_ke_decode(wire_find(&r->msg, WIRE_PLD_KE)->body, &r->ke);

	return err ? err : wire_nonce_decode(wire_find(&r->msg, WIRE_PLD_NONCE)->body, &r->nonce);
}

static bool decode_sa(struct init_request *r)
{
	if (wire_is_read(wire_sa_decode(wire_find(&r->msg, WIRE_PLD_SA)->body, &r->sa)))
		return true;
	ike_count(r->ike, IKE_COUNT_MALFORMED);
	return false;
}

static bool decode(struct init_request *r)
{
	enum wire_err err;
	uint8_t bad;

	if (r->raw.len > REQUEST_MAX) {
		ike_count(r->ike, IKE_COUNT_MALFORMED);
		return false;
	}
	err = wire_v2_decode(r->raw, &r->msg, &bad);
	if (!err)
		err = wire_rules_check(&r->msg, WIRE_IKE_SA_INIT, false, &bad);
	if (!err)
		err = decode_bodies(r);
	if (!err)
		return true;
	ike_count(r->ike, IKE_COUNT_MALFORMED);
	if (err == WIRE_CRITICAL)
		v2_stray_notify(r->ike, &r->msg.hdr, r->local, r->remote,
				WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD, (struct bytes){ &bad, 1 });
	return false;
}

/* RFC 7296 2.6: under load only who shows that he receives at his address gets state */
static bool cookie_satisfied(const struct init_request *r)
{
	uint8_t cookie[IKE_COOKIE_LEN];
	struct wire_notification n;

	if (ike_limit_unproved(r->ike))
		return true;
	if (v2_find_notify(&r->msg, WIRE_N_COOKIE, &n)) {
		if (ike_cookie_check(r->ike, n.data, r->nonce, &r->remote->addr, r->msg.hdr.spi_i)) {
			if (ike_limit_take(r->ike, &r->remote->addr))
				return true;
			ike_count(r->ike, IKE_COUNT_ADDRESS_LIMIT);
			return false;
		}
		ike_count(r->ike, IKE_COUNT_COOKIE_WRONG);
	}
	ike_count(r->ike, IKE_COUNT_COOKIE_DEMANDED);
	if (ike_cookie_make(r->ike, r->nonce, &r->remote->addr, r->msg.hdr.spi_i, cookie))
		reply_to(r, WIRE_N_COOKIE, (struct bytes){ cookie, sizeof(cookie) });
	return false;
}

static void no_peer(const struct init_request *r)
{
	char from[ENDPOINT_STRLEN], to[ADDR_STRLEN];

	ike_count(r->ike, IKE_COUNT_NO_PEER);
	ike_report_unauthenticated(r->ike, NULL, IKE_CAUSE_NO_PEER, &r->remote->addr,
				   "no peer is configured for %s (to %s)",
				   endpoint_str(r->remote, from, sizeof(from)),
				   addr_str(&r->local->addr, to, sizeof(to)));
	reply_to(r, WIRE_N_NO_PROPOSAL_CHOSEN, none);
}

static bool same_proposals(const struct conf_peer *a, const struct conf_peer *b)
{
	return a->n_ike == b->n_ike && !memcmp(a->ike, b->ike, a->n_ike * sizeof(a->ike[0]));
}

/* Until the ID arrives, the addresses and the proposal choose the block. */
static struct ike_peer *choose_peer(const struct init_request *r, struct ike_proposal *chosen)
{
	struct ike_peer *first, *p;
	char diff[640], addr[ADDR_STRLEN];

	first = ike_peer_by_addr(r->ike, &r->local->addr, &r->remote->addr, NULL);
	if (!first) {
		no_peer(r);
		return NULL;
	}
	for (p = first; p; p = ike_peer_by_addr(r->ike, &r->local->addr, &r->remote->addr, p)) {
		/* many blocks have the same proposals, which need not be refused again for each */
		if (p != first && same_proposals(p->conf, first->conf))
			continue;
		/*
		 * RFC 7296 1.2, 2.6: anybody on the way can have the initiator try another group by
		 * a forged INVALID_KE_PAYLOAD. So the group that came decides nothing here.
		 */
		if (ike_proposal_select(p->conf->ike, p->conf->n_ike, r->sa.p, r->sa.n, false,
					chosen))
			return p;
	}
	if (ike_hears_unauthenticated(r->ike, IKE_CAUSE_PROPOSAL, &r->remote->addr)) {
		ike_note_proposals(r->ike, first->conf->ike, first->conf->n_ike, r->sa.p, r->sa.n);
		ike_report_unauthenticated(r->ike, first, IKE_CAUSE_PROPOSAL, &r->remote->addr,
					   "no common IKE proposal with %s: %s%s",
					   addr_str(&r->remote->addr, addr, sizeof(addr)),
					   ike_proposal_diff(first->conf->ike, first->conf->n_ike,
							     r->sa.p,
							     r->sa.n, diff, sizeof(diff)),
					   v2_kex_more(&r->sa));
	} else {
		ike_unheard(r->ike, IKE_CAUSE_PROPOSAL);
	}
	reply_to(r, WIRE_N_NO_PROPOSAL_CHOSEN, none);
	return NULL;
}

static void send_response(struct ike_sa *sa, const struct crypto_dh *dh)
{
	struct wire_hdr hdr = { .spi_i = sa->spi_i, .spi_r = sa->spi_r, .major = 2,
				.exchange = WIRE_IKE_SA_INIT, .flags = WIRE_FLAG_RESPONSE };
	struct buf *msg = &sa->init_resp;
	struct wire_writer w;
	struct wire_msg told;
	uint8_t bad;

	wire_open(&w, msg, &hdr);
	wire_put_sa(&w, &sa->prop, 1);
	wire_put_ke(&w, crypto_dh_group(dh), crypto_dh_public(dh));
	wire_put_nonce(&w, buf_bytes(&sa->nr));
	if (sa->fragments)
		wire_put_notify(&w, 0, none, WIRE_N_FRAGMENTATION_SUPPORTED, none);
	ike_natt_put(sa, &w);
	v2_put_announcements(sa, &w);
	wire_finish(msg);
	if (msg->failed) {
		ike_sa_kill(sa, "out of memory");
		return;
	}
	sa->state = IKE_STATE_HALF_OPEN;
	sa->next_in = 1;
	wire_v2_decode(buf_bytes(msg), &told, &bad);
	v2_report(sa, false, WIRE_IKE_SA_INIT, true, 0, msg->len, &told);
	ike_send(sa, &sa->local, &sa->remote, buf_bytes(msg));
}

static void answer_made(struct ike_sa *sa, struct ike_job_dh *job)
{
	if (!job->ok || !v2_keys(sa, buf_bytes(&job->shared), NULL)) {
		ike_count(sa->ike, IKE_COUNT_MALFORMED);
		ike_sa_kill(sa, "its public value is not valid");
		return;
	}
	send_response(sa, job->dh);
}

static void accept_request(const struct init_request *r, struct ike_peer *peer,
			   const struct ike_proposal *chosen)
{
	struct ike_sa *sa;

	/* The initiator has shown that it receives at its address. */
	if (!ike_half_open_make_room(r->ike))
		return;
	sa = ike_sa_new(r->ike, peer, false);
	if (!sa)
		return;
	sa->spi_i = r->msg.hdr.spi_i;
	sa->local = *r->local;
	sa->remote = *r->remote;
	sa->prop = *chosen;
	sa->prop.spi_len = 0;
	sa->natt_forced = peer->conf->force_udp;
	if (!ike_natt_detect(sa, &r->msg, r->local, r->remote)) {
		ike_sa_fail(sa, NO_NAT_TRAVERSAL);
		return;
	}
	note_fragmentation(sa, &r->msg);
	v2_take_hashes(sa, &r->msg);
	ike_sa_publish_init(sa);
	v2_report(sa, true, WIRE_IKE_SA_INIT, false, 0, r->raw.len, &r->msg);
	if (!v2_new_nonce(&sa->nr) || !buf_copy(&sa->ni, r->nonce) ||
	    !buf_copy(&sa->init_req, r->raw) ||
	    !ike_job_dh(sa, r->ke.group, NULL, r->ke.data, answer_made, 0))
		ike_sa_kill(sa, "out of memory");
}

/**
 * v2_init_request - somebody begins
 * @ike: the core
 * @local: where it came to
 * @remote: where it came from
 * @raw: the message; header sane, no SA knows it yet
 *
 * Until the request is accepted nothing is kept.
 */
void v2_init_request(struct ike *ike, const struct endpoint *local, const struct endpoint *remote,
		     struct bytes raw)
{
	struct init_request r = { .ike = ike, .local = local, .remote = remote, .raw = raw };
	struct ike_proposal chosen;
	struct ike_peer *peer;
	uint8_t group[2] = { 0, 0 };

	if (!decode(&r) || !cookie_satisfied(&r) || !decode_sa(&r))
		return;
	peer = choose_peer(&r, &chosen);
	if (!peer)
		return;
	if (v2_kex_wanted(&r.msg, &chosen, &r.ke, group) && r.ke.group)
		accept_request(&r, peer, &chosen);
	else if (r.ke.group == get_u16(group))
		ike_count(ike, IKE_COUNT_MALFORMED);
	else	/* RFC 7296 1.2: the group that we want */
		reply_to(&r, WIRE_N_INVALID_KE_PAYLOAD, (struct bytes){ group, sizeof(group) });
}
