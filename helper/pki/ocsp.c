// SPDX-License-Identifier: GPL-2.0
/* The question to an OCSP responder, and whether to believe the answer. Decoded by GnuTLS. */
#include <gnutls/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ocsp.h"

#define SINGLES_MAX	64	/* that are looked through for ours */
#define FRESH		3600	/* seconds, of a response that does not say how long it holds */

/* RFC 6960 4.1.1: names a certificate */
struct cert_id {
	gnutls_digest_algorithm_t digest;
	gnutls_datum_t name, key, serial;
};

struct ocsp {
	gnutls_ocsp_req_t req;
	gnutls_datum_t der, nonce;
	struct cert_id id;
};

static void cert_id_clear(struct cert_id *id)
{
	gnutls_free(id->name.data);
	gnutls_free(id->key.data);
	gnutls_free(id->serial.data);
	*id = (struct cert_id){ 0 };
}

static bool datum_equal(const gnutls_datum_t *a, const gnutls_datum_t *b)
{
	return a->size == b->size && a->size && !memcmp(a->data, b->data, a->size);
}

static bool cert_id_equal(const struct cert_id *a, const struct cert_id *b)
{
	return a->digest == b->digest && datum_equal(&a->name, &b->name) &&
	       datum_equal(&a->key, &b->key) && datum_equal(&a->serial, &b->serial);
}

struct ocsp *ocsp_new(gnutls_x509_crt_t cert, gnutls_x509_crt_t issuer)
{
	struct ocsp *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	/*
	 * SHA-1 only names the certificate here, nothing rests on it; RFC 5019
	 * 2.1.1 says that responders may know no other.
	 */
	if (gnutls_ocsp_req_init(&o->req) < 0 ||
	    gnutls_ocsp_req_add_cert(o->req, GNUTLS_DIG_SHA1, issuer, cert) < 0 ||
	    gnutls_ocsp_req_randomize_nonce(o->req) < 0 ||
	    gnutls_ocsp_req_get_nonce(o->req, NULL, &o->nonce) < 0 ||
	    gnutls_ocsp_req_get_cert_id(o->req, 0, &o->id.digest, &o->id.name, &o->id.key,
					&o->id.serial) < 0 ||
	    gnutls_ocsp_req_export(o->req, &o->der) < 0) {
		ocsp_free(o);
		return NULL;
	}
	return o;
}

void ocsp_free(struct ocsp *o)
{
	if (!o)
		return;
	if (o->req)
		gnutls_ocsp_req_deinit(o->req);
	cert_id_clear(&o->id);
	gnutls_free(o->nonce.data);
	gnutls_free(o->der.data);
	free(o);
}

struct bytes ocsp_request(const struct ocsp *o)
{
	return (struct bytes){ o->der.data, o->der.size };
}

void ocsp_cert_id(const struct ocsp *o, struct buf *out)
{
	buf_put(out, o->id.serial.data, o->id.serial.size);
	buf_put(out, o->id.name.data, o->id.name.size);
	buf_put(out, o->id.key.data, o->id.key.size);
}

/* RFC 6960 4.2.1: an error is not signed, and says nothing of a certificate */
static bool successful(gnutls_ocsp_resp_t resp, char *err, size_t err_len)
{
	static const char *const names[] = {
		[GNUTLS_OCSP_RESP_MALFORMEDREQUEST] = "malformed request",
		[GNUTLS_OCSP_RESP_INTERNALERROR] = "internal error",
		[GNUTLS_OCSP_RESP_TRYLATER] = "try later",
		[GNUTLS_OCSP_RESP_SIGREQUIRED] = "it wants signed requests",
		[GNUTLS_OCSP_RESP_UNAUTHORIZED] = "unauthorized",
	};
	int status = gnutls_ocsp_resp_get_status(resp);
	const char *name = NULL;

	if (status == GNUTLS_OCSP_RESP_SUCCESSFUL)
		return true;
	if (status > 0 && (size_t)status < sizeof(names) / sizeof(names[0]))
		name = names[status];
	snprintf(err, err_len, "the responder says: %s", name ? name : "an error without a name");
	return false;
}

/*
 * RFC 6960 4.2.2.2: the issuer itself, or a responder whose certificate the
 * issuer signed for that. GnuTLS looks for the latter in the response, wants it
 * in date, signed by the issuer and with the key purpose of OCSP signing.
 */
static bool authorised(gnutls_ocsp_resp_t resp, gnutls_x509_crt_t issuer, char *err, size_t err_len)
{
	unsigned int bad = 0;
	const char *why;

	if (gnutls_ocsp_resp_verify_direct(resp, issuer, &bad, 0) < 0)
		why = "its signature cannot be checked";
	else if (!bad)
		return true;
	else if (bad & (GNUTLS_OCSP_VERIFY_SIGNER_NOT_FOUND | GNUTLS_OCSP_VERIFY_UNTRUSTED_SIGNER |
			GNUTLS_OCSP_VERIFY_SIGNER_KEYUSAGE_ERROR))
		why = "the responder is not authorised by the CA";
	else if (bad & (GNUTLS_OCSP_VERIFY_CERT_EXPIRED | GNUTLS_OCSP_VERIFY_CERT_NOT_ACTIVATED))
		why = "the responder's certificate is out of date";
	else if (bad & GNUTLS_OCSP_VERIFY_INSECURE_ALGORITHM)
		why = "its signature is by a weak algorithm";
	else
		why = "its signature is wrong";
	snprintf(err, err_len, "%s", why);
	return false;
}

/* RFC 6960 4.4.1. Many responders sign ahead and have none; then the times have to do */
static bool nonce_right(const struct ocsp *o, gnutls_ocsp_resp_t resp, bool *has, char *err,
			size_t err_len)
{
	gnutls_datum_t nonce = { 0 };
	int ret = gnutls_ocsp_resp_get_nonce(resp, NULL, &nonce);
	bool same;

	*has = false;
	if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return true;
	same = ret >= 0 && datum_equal(&nonce, &o->nonce);
	gnutls_free(nonce.data);
	*has = same;
	if (!same)
		snprintf(err, err_len, "it has another nonce: it answers an older question");
	return same;
}

struct single {
	unsigned int status;
	time_t this_update, next_update, since;
	unsigned int reason;
};

/* of all that is answered, what we asked */
static bool find_single(const struct ocsp *o, gnutls_ocsp_resp_t resp, struct single *s)
{
	struct cert_id id;
	unsigned int i;
	bool same;
	int ret;

	for (i = 0; i < SINGLES_MAX; i++) {
		id = (struct cert_id){ 0 };
		ret = gnutls_ocsp_resp_get_single(resp, i, &id.digest, &id.name, &id.key,
						  &id.serial, &s->status, &s->this_update,
						  &s->next_update, &s->since, &s->reason);
		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return false;
		if (ret < 0)
			continue;
		same = cert_id_equal(&id, &o->id);
		cert_id_clear(&id);
		if (same)
			return true;
	}
	return false;
}

/* RFC 6960 4.2.2.1, 3.2 (5) and (6) */
static bool in_time(const struct single *s, bool has_nonce, time_t now, char *err, size_t err_len)
{
	const char *why = NULL;

	if (s->this_update == -1 || s->this_update > now + CRL_SKEW)
		why = "it is from the future";
	else if (s->next_update != -1 && s->next_update < now - CRL_SKEW)
		why = "it is out of date";
	else if (s->next_update == -1 && !has_nonce && s->this_update < now - FRESH)
		why = "it is old, and does not say until when it holds";
	if (why)
		snprintf(err, err_len, "%s", why);
	return !why;
}

static bool judge(const struct ocsp *o, gnutls_ocsp_resp_t resp, gnutls_x509_crt_t issuer,
		  time_t now, struct revocation *out, char *err, size_t err_len)
{
	struct single s;
	bool has_nonce;

	if (!successful(resp, err, err_len) || !authorised(resp, issuer, err, err_len) ||
	    !nonce_right(o, resp, &has_nonce, err, err_len))
		return false;
	if (!find_single(o, resp, &s)) {
		snprintf(err, err_len, "it is about another certificate");
		return false;
	}
	if (!in_time(&s, has_nonce, now, err, err_len))
		return false;
	if (s.status != GNUTLS_OCSP_CERT_GOOD && s.status != GNUTLS_OCSP_CERT_REVOKED) {
		snprintf(err, err_len, "the responder does not know the certificate");
		return false;
	}
	*out = (struct revocation){ .revoked = s.status == GNUTLS_OCSP_CERT_REVOKED,
				    .until = s.next_update == -1 ? now : s.next_update,
				    .reason = -1 };
	if (out->revoked) {
		out->since = s.since;
		/* GnuTLS: 0 where it is not said, or is unspecified */
		out->reason = s.reason ? (int)s.reason : -1;
	}
	return true;
}

bool ocsp_judge(const struct ocsp *o, gnutls_x509_crt_t issuer, struct bytes response, time_t now,
		struct revocation *out, char *err, size_t err_len)
{
	const gnutls_datum_t der = { (unsigned char *)response.p, response.len };
	gnutls_ocsp_resp_t resp;
	bool ok = false;

	if (gnutls_ocsp_resp_init(&resp) < 0) {
		snprintf(err, err_len, "out of memory");
		return false;
	}
	if (gnutls_ocsp_resp_import2(resp, &der, GNUTLS_X509_FMT_DER) < 0)
		snprintf(err, err_len, "not an OCSP response");
	else
		ok = judge(o, resp, issuer, now, out, err, err_len);
	gnutls_ocsp_resp_deinit(resp);
	return ok;
}
