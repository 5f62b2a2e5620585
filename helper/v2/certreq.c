// SPDX-License-Identifier: GPL-2.0
/* Certificates and what is said of them: RFC 7296 3.6 and 3.7, RFC 7427 4, RFC 7670. */
#include <stdlib.h>
#include <string.h>

#include "v2/v2.h"

#define CERTREQ_MAX	64	/* CAs, beyond which we name none: any certificate may be tried */
#define CERTREQ_TAKEN	256	/* CAs of the peer that are kept */
#define HASHES_TAKEN	64	/* of its hash algorithms; IANA has 7 */

static const struct bytes none = { NULL, 0 };

/* ---- what we can verify ---- */

/* SHA-1 is left out, RFC 8247 4.2 */
static void put_hashes(struct wire_writer *w)
{
	static const uint8_t hashes[] = { 0, CERT_SHA256, 0, CERT_SHA384, 0, CERT_SHA512,
					  0, CERT_IDENTITY };

	wire_put_notify(w, 0, none, WIRE_N_SIGNATURE_HASH_ALGORITHMS,
			(struct bytes){ hashes, sizeof(hashes) });
}

/* a peer that announces what we do not know has announced all the same */
static void take_hashes(struct ike_sa *sa, struct bytes data)
{
	size_t i;
	uint16_t hash;

	sa->sig_hashes = 1;
	for (i = 0; i + 2 <= data.len && i < 2 * HASHES_TAKEN; i += 2) {
		hash = get_u16(data.p + i);
		if (hash && hash < 32)
			sa->sig_hashes |= 1u << hash;
	}
}

/* ---- whom we trust ---- */

static void put_cas(const struct conf *conf, const struct conf_peer *peer, struct wire_writer *w)
{
	const struct cert *ca = peer->trusted;
	unsigned int i;
	struct buf ids;

	buf_init(&ids);
	if (ca) {
		buf_put(&ids, cert_pub_id(cert_pub(ca)), CERT_KEY_ID_LEN);
	} else {
		for (i = 0; (ca = cert_store_anchor_at(conf->certs, i)); i++)
			buf_put(&ids, cert_pub_id(cert_pub(ca)), CERT_KEY_ID_LEN);
		if (i > CERTREQ_MAX)
			ids.len = 0;
	}
	if (!ids.failed)
		wire_put_cert(w, WIRE_PLD_CERTREQ, WIRE_CERT_X509, buf_bytes(&ids));
	buf_free(&ids);
}

void v2_put_certreq(const struct conf *conf, const struct conf_peer *peer, struct wire_writer *w)
{
	if (!conf->certs)
		return;
	if (peer->remote_auth == CONF_AUTH_CERT)
		put_cas(conf, peer, w);
	else if (peer->remote_auth == CONF_AUTH_PUBKEY)
		wire_put_cert(w, WIRE_PLD_CERTREQ, WIRE_CERT_RAW_KEY, none);
}

/* the responder does not know yet who it is: what any peer at these addresses may need, once */
static void put_certreqs(struct ike_sa *sa, struct wire_writer *w)
{
	const struct conf_peer *done[16];
	struct ike_peer *p = NULL;
	unsigned int n = 0, i;

	while (n < 16 &&
	       (p = ike_peer_by_addr(sa->ike, &sa->local.addr, &sa->remote.addr, p))) {
		for (i = 0; i < n; i++)
			if (done[i]->remote_auth == p->conf->remote_auth &&
			    done[i]->trusted == p->conf->trusted)
				break;
		if (i < n)
			continue;
		done[n++] = p->conf;
		v2_put_certreq(sa->ike->conf, p->conf, w);
	}
}

void v2_put_announcements(struct ike_sa *sa, struct wire_writer *w)
{
	put_hashes(w);
	if (!sa->initiator)
		put_certreqs(sa, w);
}

void v2_take_hashes(struct ike_sa *sa, const struct wire_msg *msg)
{
	struct wire_notification n;

	if (v2_find_notify(msg, WIRE_N_SIGNATURE_HASH_ALGORITHMS, &n))
		take_hashes(sa, n.data);
}

bool v2_take_certreq(struct ike_sa *sa, const struct wire_msg *msg)
{
	struct wire_cert req;
	unsigned int i;

	buf_free(&sa->certreq);
	for (i = 0; i < msg->n; i++)
		if (msg->pld[i].type == WIRE_PLD_CERTREQ &&
		    wire_cert_decode(msg->pld[i].body, &req) == WIRE_OK &&
		    req.encoding == WIRE_CERT_X509 && !(req.data.len % CERT_KEY_ID_LEN) &&
		    sa->certreq.len + req.data.len <= CERTREQ_TAKEN * CERT_KEY_ID_LEN)
			buf_put_bytes(&sa->certreq, req.data);
	return !sa->certreq.failed;
}

/* ---- what we send ---- */

/* RFC 7296 3.7: a request is a hint; where none of ours fits it, the usual one goes */
const struct cert *v2_own_cert(const struct ike_sa *sa)
{
	const struct conf_peer *conf = sa->peer->conf;
	unsigned int i;

	if (!conf->n_own)
		return NULL;
	for (i = 0; i < conf->n_own; i++)
		if (cert_is_from(conf->own[i], buf_bytes(&sa->certreq)))
			return conf->own[i];
	return conf->own[0];
}

/*
 * Writes the CERT payloads. The certificate of the signing key comes first (RFC 7296 3.6). A load
 * may have replaced that certificate since the job signed, so the job keeps it.
 */
void v2_put_certs(const struct v2_auth_job *job, struct wire_writer *w)
{
	struct bytes chain[CERT_CHAIN_MAX];
	unsigned int i, n;

	if (!job)
		return;
	if (!job->own) {
		wire_put_cert(w, WIRE_PLD_CERT, WIRE_CERT_RAW_KEY,
			      cert_pub_spki(cert_key_pub(job->signer.key)));
		return;
	}
	n = cert_to_send(job->own, chain);
	for (i = 0; i < n; i++)
		wire_put_cert(w, WIRE_PLD_CERT, WIRE_CERT_X509, chain[i]);
}
