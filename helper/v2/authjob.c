// SPDX-License-Identifier: GPL-2.0
/*
 * Signatures and chains of certificates on another thread. The message that is
 * being answered is kept with the job, and so is the store, whatever becomes of
 * the configuration; the SA may be dead when the job comes back.
 *
 *	verify_and_sign -- as far as it is known, nothing is revoked -------> done
 *	       |                                                               ^
 *	       +-- the network is to be asked --> ask (waits) --> sign --------+
 *	       |                                                               |
 *	       +-- our key is on a token --> sign (waits) ---------------------+
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki/token.h"
#include "v2/v2.h"

/* a message that outlives its datagram */
struct kept {
	struct v2_in in;
	struct endpoint local, remote;
};

/* The payloads of SK point into @clear, which moves to the copy. The datagram is not read again. */
static struct v2_in *keep(struct v2_in *in)
{
	struct kept *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	k->in = *in;
	k->local = *in->local;
	k->remote = *in->remote;
	k->in.local = &k->local;
	k->in.remote = &k->remote;
	k->in.raw = (struct bytes){ NULL, 0 };
	k->in.outer.n = 0;
	buf_init(&in->clear);
	in->inner.n = 0;
	return &k->in;
}

/* ---- on any thread; touches only the job ---- */

static bool not_revoked(struct v2_auth_job *j, uint64_t since)
{
	enum ike_revocation says = ike_revocation_check(j->ops, j->user, j->chain, j->revocation,
							since, &j->until, j->error,
							sizeof(j->error));

	j->must_ask = says == IKE_REVOCATION_UNASKED;
	return says != IKE_REVOCATION_BAD;
}

/* the signature before the network is asked: who cannot sign makes us send nothing */
static bool verify_chain(struct v2_auth_job *j)
{
	j->claim.now = ike_wall(j->ops, j->user);
	j->chain = cert_chain_verify(&j->claim, j->error, sizeof(j->error));
	if (!j->chain)
		return false;
	snprintf(j->subject, sizeof(j->subject), "%s", cert_chain_subject(j->chain));
	return v2_sig_check(cert_chain_pub(j->chain), j->signer.hashes, &j->theirs,
			    buf_bytes(&j->their_octets), &j->used, j->error, sizeof(j->error)) &&
	       not_revoked(j, 0);
}

static bool verify_raw(struct v2_auth_job *j)
{
	unsigned int i;

	for (i = 0; i < j->claim.n_received; i++) {
		if (cert_pub_is(j->pub, j->received[i]))
			continue;
		snprintf(j->error, sizeof(j->error), "the raw public key that it sent is not the one in certs/%s",
			 cert_pub_file(j->pub));
		return false;
	}
	return v2_sig_check(j->pub, j->signer.hashes, &j->theirs, buf_bytes(&j->their_octets),
			    &j->used, j->error, sizeof(j->error));
}

/* the error of a token names the key */
static void sign_failed(struct v2_auth_job *j)
{
	static const char what[] = "we cannot sign with ";
	size_t head = sizeof(what) - 1, len = strnlen(j->error, sizeof(j->error) - 1 - head);

	memmove(j->error + head, j->error, len);
	memcpy(j->error, what, head);
	j->error[head + len] = 0;
}

static void sign(void *arg)
{
	struct v2_auth_job *j = arg;

	/* an answer is padded as what it answers: that, the peer surely knows */
	if (j->signer.rsa == CONF_RSA_ANY && j->used.key == CERT_RSA &&
	    cert_key_can(j->signer.key, CERT_RSA))
		j->signer.rsa = CONF_RSA_PKCS1;
	*j->error = 0;
	j->signer.err = j->error;
	j->signer.err_len = sizeof(j->error);
	j->ok = v2_sig_make(&j->signer, buf_bytes(&j->our_octets), &j->made, &j->method,
			    &j->auth);
	if (!j->ok && *j->error)
		sign_failed(j);
	else if (!j->ok)
		snprintf(j->error, sizeof(j->error), "we cannot sign with %s: the peer takes no signature that this key can make",
			 cert_key_file(j->signer.key));
}

static void verify_and_sign(void *arg)
{
	struct v2_auth_job *j = arg;

	j->ok = true;
	if (j->verify)
		j->ok = j->pub ? verify_raw(j) : verify_chain(j);
	if (j->ok && j->sign && !j->must_ask && !cert_key_waits(j->signer.key))
		sign(j);
}

/* the only one that waits */
static void ask(void *arg)
{
	struct v2_auth_job *j = arg;

	j->ok = not_revoked(j, j->since);
}

/* ---- on the main one ---- */

static void done(void *arg)
{
	struct v2_auth_job *j = arg;
	struct ike_sa *sa = j->sa;

	ike_sa_get(sa);
	if (!sa->dead)
		j->done(sa, j);
	v2_auth_job_free(j);
	if (!sa->dead)
		v2_run(sa);
	ike_sa_put(sa);
}

static void submit(struct v2_auth_job *job, void (*run)(void *arg), void (*done_fn)(void *arg),
		   bool waits)
{
	job->job = (struct ike_job){ .run = run, .done = done_fn, .arg = job, .waits = waits };
	ike_job_submit(job->sa, &job->job);
}

static void signed_now(void *arg)
{
	struct v2_auth_job *j = arg;

	ike_job_over(j->sa, &j->job);
	done(j);
}

static void asked(void *arg)
{
	struct v2_auth_job *j = arg;

	ike_job_over(j->sa, &j->job);
	if (j->ok && j->sign && !j->sa->dead)
		submit(j, sign, signed_now, cert_key_waits(j->signer.key));
	else
		done(j);
}

static void verified(void *arg)
{
	struct v2_auth_job *j = arg;

	ike_job_over(j->sa, &j->job);
	if (j->ok && j->must_ask && !j->sa->dead)
		submit(j, ask, asked, true);
	else if (j->ok && j->sign && cert_key_waits(j->signer.key) && !j->sa->dead)
		submit(j, sign, signed_now, true);
	else
		done(j);
}

void v2_auth_job_free(struct v2_auth_job *job)
{
	struct ike_sa *sa = job->sa;

	if (job->in) {
		buf_free(&job->in->clear);
		free(job->in);
	}
	buf_free(&job->their_octets);
	buf_free(&job->our_octets);
	buf_free(&job->auth);
	cert_chain_free(job->chain);
	cert_store_put(job->store);
	free(job);
	ike_sa_put(sa);
}

struct v2_auth_job *v2_auth_job_new(struct ike_sa *sa, struct v2_in *in,
				    void (*done_fn)(struct ike_sa *sa, struct v2_auth_job *job))
{
	struct v2_auth_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->since = sa->ike->now;
	j->done = done_fn;
	buf_init(&j->their_octets);
	buf_init(&j->our_octets);
	buf_init(&j->auth);
	if (in) {
		j->in = keep(in);
		if (!j->in) {
			free(j);
			return NULL;
		}
	}
	if (sa->ike->conf->certs)
		j->store = cert_store_get(sa->ike->conf->certs);
	j->signer.hashes = sa->sig_hashes;
	j->ops = sa->ike->ops;
	j->user = sa->ike->user;
	j->sa = ike_sa_get(sa);
	return j;
}

/* the payloads of one encoding, as many as are read */
static void take_certs(struct v2_auth_job *j, uint8_t encoding)
{
	const struct wire_msg *msg = &j->in->inner;
	struct wire_cert cert;
	unsigned int i;

	for (i = 0; i < msg->n && j->claim.n_received < CERT_RECEIVED_MAX; i++)
		if (msg->pld[i].type == WIRE_PLD_CERT &&
		    wire_cert_decode(msg->pld[i].body, &cert) == WIRE_OK &&
		    cert.encoding == encoding)
			j->received[j->claim.n_received++] = cert.data;
	j->claim.received = j->received;
}

bool v2_auth_job_verify(struct v2_auth_job *job, const struct wire_id *id, struct bytes id_body,
			const struct wire_auth *auth)
{
	const struct conf_peer *conf = job->sa->peer->conf;

	job->verify = true;
	job->theirs = *auth;
	job->revocation = conf->revocation;
	job->claim.store = job->store;
	job->claim.ca = conf->trusted;
	job->claim.id_type = id->type;
	job->claim.id = id->data;
	if (conf->remote_auth == CONF_AUTH_PUBKEY)
		job->pub = conf_remote_pub(job->sa->ike->conf, conf, &job->sa->remote_id);
	take_certs(job, job->pub ? WIRE_CERT_RAW_KEY : WIRE_CERT_X509);
	return job->store && (job->pub || conf->remote_auth == CONF_AUTH_CERT) &&
	       v2_signed_octets(job->sa, !job->sa->initiator, id_body, &job->their_octets);
}

bool v2_auth_job_sign(struct v2_auth_job *job, struct bytes id_body)
{
	const struct conf_peer *conf = job->sa->peer->conf;

	job->sign = true;
	job->signer.rsa = conf->rsa;
	if (conf->local_auth == CONF_AUTH_CERT)
		job->own = v2_own_cert(job->sa);
	/*
	 * With a certificate, @own_key is its key on a token. While the token lacks it, a file that has the
	 * same key does not sign in its place.
	 */
	job->signer.key = conf->own_key;
	if (!job->signer.key && job->own && !(conf->key.name && token_is_uri(conf->key.name)))
		job->signer.key = cert_own_key(job->own);
	return job->signer.key &&
	       v2_signed_octets(job->sa, job->sa->initiator, id_body, &job->our_octets);
}

void v2_auth_job_submit(struct v2_auth_job *job)
{
	submit(job, verify_and_sign, verified, false);
}
