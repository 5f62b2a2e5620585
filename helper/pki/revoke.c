// SPDX-License-Identifier: GPL-2.0
/* Is a certificate revoked? Who is asked, in which order, and what is made of the answers. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "core/log.h"
#include "pki/fetch.h"
#include "pki/ocsp.h"
#include "pki/revoke.h"
#include "pki/revoke_cache.h"
#include "pki/revoke_crls.h"

#define FETCH_MS	5000
#define CHECK_MS	10000
#define RETRY_MS	30000
#define OCSP_MAX	(64u << 10)
#define URLS_MAX	4	/* of one kind in one certificate */
#define EXTS_MAX	32	/* looked through for them */
#define NOTES_MAX	400
#define NAME_MAX_LEN	300
#define KEY_ID_LEN	32

/**
 * struct revoke - everything that is known
 * @lock: protects @crls and @stopped
 * @crls: of the folder; whoever asks them takes a reference
 */
struct revoke {
	pthread_mutex_t lock;
	struct revoke_crls *crls;
	bool stopped;
	struct fetch *fetch;
	struct revoke_cache *cache;
	struct revoke_limits limits;
};

/**
 * struct check - one certificate of one chain
 * @deadline: of event_now(), for the whole chain
 * @wait: may it ask the network? If not, @unasked says that it would have to
 * @notes: why those who were asked did not answer
 * @source: who gave the answer
 * @until: when the first of the answers about the chain ends; 0: none yet
 * @unsaid: about one certificate there was none
 */
struct check {
	struct revoke *r;
	struct revoke_crls *crls;
	uint64_t deadline;
	bool wait, unasked;
	gnutls_x509_crt_t cert, issuer;
	char notes[NOTES_MAX];
	char source[FETCH_URL_MAX + 32];
	struct revocation says;
	time_t until;
	bool unsaid;
};

struct revoke *revoke_new(void)
{
	struct revoke *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->limits = (struct revoke_limits){ .fetch_ms = FETCH_MS, .check_ms = CHECK_MS,
					    .retry_ms = RETRY_MS };
	r->fetch = fetch_new();
	r->cache = revoke_cache_new();
	if (!r->fetch || !r->cache) {
		revoke_free(r);
		return NULL;
	}
	return r;
}

void revoke_free(struct revoke *r)
{
	if (!r)
		return;
	revoke_cache_free(r->cache);
	fetch_free(r->fetch);
	revoke_crls_put(r->crls);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void revoke_stop(struct revoke *r)
{
	pthread_mutex_lock(&r->lock);
	r->stopped = true;
	pthread_mutex_unlock(&r->lock);
	fetch_stop(r->fetch);
	revoke_cache_stop(r->cache);
}

static bool is_stopped(struct revoke *r)
{
	bool stopped;

	pthread_mutex_lock(&r->lock);
	stopped = r->stopped;
	pthread_mutex_unlock(&r->lock);
	return stopped;
}

void revoke_set_limits(struct revoke *r, const struct revoke_limits *limits)
{
	r->limits = *limits;
}

void revoke_set_crls(struct revoke *r, struct revoke_crls *crls)
{
	struct revoke_crls *old;

	pthread_mutex_lock(&r->lock);
	old = r->crls;
	r->crls = revoke_crls_get(crls);
	pthread_mutex_unlock(&r->lock);
	revoke_crls_put(old);
	revoke_cache_flush(r->cache);
	fetch_flush(r->fetch);
}

/* ---- what is said to the operator ---- */

static void note(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(struct check *c, const char *fmt, ...)
{
	size_t at = strlen(c->notes);
	va_list ap;

	if (at && at + 3 < sizeof(c->notes)) {
		memcpy(c->notes + at, "; ", 3);
		at += 2;
	}
	va_start(ap, fmt);
	vsnprintf(c->notes + at, sizeof(c->notes) - at, fmt, ap);
	va_end(ap);
}

/* "CN=peer,O=Example (serial 0a1b)" */
static void cert_name(gnutls_x509_crt_t cert, char *out, size_t out_len)
{
	uint8_t serial[64];
	gnutls_datum_t dn = { 0 };
	size_t i, n = sizeof(serial), at;

	if (gnutls_x509_crt_get_serial(cert, serial, &n) < 0)
		n = 0;
	gnutls_x509_crt_get_dn3(cert, &dn, 0);
	snprintf(out, out_len, "%.200s (serial ", dn.data ? (char *)dn.data : "without a name");
	gnutls_free(dn.data);
	for (i = 0; i < n; i++) {
		at = strlen(out);
		snprintf(out + at, out_len - at, "%02x", serial[i]);
	}
	at = strlen(out);
	snprintf(out + at, out_len - at, ")");
}

static void date_name(time_t t, char *out, size_t out_len)
{
	struct tm tm;

	if (t <= 0 || !gmtime_r(&t, &tm) || !strftime(out, out_len, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, out_len, "a time that is not said");
}

static void say_revoked(const struct check *c, char *why, size_t why_len)
{
	char name[NAME_MAX_LEN], date[64];

	cert_name(c->cert, name, sizeof(name));
	date_name(c->says.since, date, sizeof(date));
	snprintf(why, why_len, "the certificate of %s is revoked since %s, reason %s, says %s",
		 name, date, crl_reason_name(c->says.reason), c->source);
}

/* ---- who is asked: CRLs of the folder ---- */

static bool by_folder(struct check *c)
{
	const char *file = NULL;
	char err[160];

	if (revoke_crls_ask(c->crls, c->cert, c->issuer, time(NULL), &c->says, &file, err,
			    sizeof(err))) {
		snprintf(c->source, sizeof(c->source), "the CRL in %s", file);
		return true;
	}
	if (*err)
		note(c, "CRL in %s: %s", file, err);
	return false;
}

/* ---- over the network ---- */

/* one question to one source */
struct ask {
	struct check *c;
	const char *url;
	struct ocsp *ocsp;
};

static bool ask_fetch(const struct ask *a, struct fetch_request *req, struct buf *out, char *err,
		      size_t err_len)
{
	const struct revoke_limits *limits = &a->c->r->limits;

	req->url = a->url;
	req->timeout_ms = limits->fetch_ms;
	req->deadline = a->c->deadline;
	req->again_ms = limits->retry_ms;
	return fetch(a->c->r->fetch, req, out, err, err_len);
}

static void ask_ocsp(void *arg, struct revoke_answer *out)
{
	struct ask *a = arg;
	struct fetch_request req = {
		.body = ocsp_request(a->ocsp), .content_type = OCSP_REQUEST_TYPE, .max = OCSP_MAX,
	};
	struct buf response;

	buf_init(&response);
	out->ok = ask_fetch(a, &req, &response, out->why, sizeof(out->why)) &&
		  ocsp_judge(a->ocsp, a->c->issuer, buf_bytes(&response), time(NULL), &out->says,
			     out->why, sizeof(out->why));
	out->until = out->says.until;
	buf_free(&response);
}

static void ask_crl(void *arg, struct revoke_answer *out)
{
	struct ask *a = arg;
	struct fetch_request req = { .max = CRL_OCTETS_MAX };
	struct buf data;

	buf_init(&data);
	out->ok = ask_fetch(a, &req, &data, out->why, sizeof(out->why)) &&
		  crl_parse(buf_bytes(&data), &out->crl, 1, out->why, sizeof(out->why)) &&
		  crl_verify(out->crl, a->c->issuer, out->why, sizeof(out->why));
	buf_free(&data);
	if (out->ok)
		out->until = crl_next_update(out->crl);
	else
		revoke_answer_clear(out);
}

static void ask(struct ask *a, struct bytes key, void (*how)(void *arg, struct revoke_answer *out),
		struct revoke_answer *out)
{
	struct revoke_question q = {
		.key = key, .ask = how, .arg = a, .deadline = a->c->deadline,
		.retry_ms = a->c->r->limits.retry_ms,
	};

	if (a->c->wait)
		revoke_cache_get(a->c->r->cache, &q, out);
	else if (!revoke_cache_peek(a->c->r->cache, key, out))
		a->c->unasked = true;
}

static bool by_ocsp_at(struct check *c, const char *url)
{
	struct ask a = { .c = c, .url = url, .ocsp = ocsp_new(c->cert, c->issuer) };
	struct revoke_answer answer;
	struct buf key;

	if (!a.ocsp) {
		note(c, "OCSP: the certificate fits into no request");
		return false;
	}
	buf_init(&key);
	ocsp_cert_id(a.ocsp, &key);
	buf_put(&key, url, strlen(url));
	ask(&a, buf_bytes(&key), ask_ocsp, &answer);
	buf_free(&key);
	ocsp_free(a.ocsp);
	if (answer.ok) {
		c->says = answer.says;
		snprintf(c->source, sizeof(c->source), "the OCSP responder %s", url);
	} else {
		note(c, "OCSP at %s: %s", url, answer.why);
	}
	revoke_answer_clear(&answer);
	return answer.ok;
}

static bool by_crl_at(struct check *c, const char *url)
{
	struct ask a = { .c = c, .url = url };
	struct revoke_answer answer;
	uint8_t id[KEY_ID_LEN];
	size_t len = sizeof(id);
	char err[160] = "";
	struct buf key;
	bool ok;

	/* a list counts for the CA whose signature was checked, so who that is belongs to its name */
	if (gnutls_x509_crt_get_key_id(c->issuer, GNUTLS_KEYID_USE_SHA256, id, &len) < 0)
		return false;
	buf_init(&key);
	buf_put(&key, id, len);
	buf_put(&key, url, strlen(url));
	ask(&a, buf_bytes(&key), ask_crl, &answer);
	buf_free(&key);
	/* the CA's name, too */
	ok = answer.ok && crl_verify(answer.crl, c->issuer, err, sizeof(err)) &&
	     crl_ask(answer.crl, c->cert, time(NULL), &c->says, err, sizeof(err));
	if (ok)
		snprintf(c->source, sizeof(c->source), "the CRL at %s", url);
	else
		note(c, "CRL at %s: %s", url, answer.ok ? err : answer.why);
	revoke_answer_clear(&answer);
	return ok;
}

/* false: not one to ask; said if it is a URL of another kind */
static bool url_take(struct check *c, const char *what, const void *p, size_t len, char *url)
{
	if (!len || len > FETCH_URL_MAX || memchr(p, '\0', len)) {
		note(c, "%s: a broken URL in the certificate", what);
		return false;
	}
	memcpy(url, p, len);
	url[len] = '\0';
	if (fetch_url_ok(url))
		return true;
	note(c, "%s at %s: not a URL of http: or https:", what, url);
	return false;
}

/* RFC 5280 4.2.2.1 */
static bool by_ocsp(struct check *c)
{
	char url[FETCH_URL_MAX + 1];
	unsigned int i, tried = 0;
	gnutls_datum_t uri;
	bool take;
	int ret;

	for (i = 0; i < EXTS_MAX && tried < URLS_MAX; i++) {
		ret = gnutls_x509_crt_get_authority_info_access(c->cert, i, GNUTLS_IA_OCSP_URI,
								&uri, NULL);
		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		/* another kind of access, as to the CA's certificate */
		if (ret < 0)
			continue;
		take = url_take(c, "OCSP", uri.data, uri.size, url);
		gnutls_free(uri.data);
		if (!take)
			continue;
		tried++;
		if (by_ocsp_at(c, url))
			return true;
		if (c->unasked)
			break;
	}
	return false;
}

/* RFC 5280 4.2.1.13 */
static bool by_crl(struct check *c)
{
	char url[FETCH_URL_MAX + 1], name[FETCH_URL_MAX + 1];
	unsigned int i, reasons, tried = 0;
	size_t len;
	int type;

	for (i = 0; i < EXTS_MAX && tried < URLS_MAX; i++) {
		len = sizeof(name);
		type = gnutls_x509_crt_get_crl_dist_points(c->cert, i, name, &len, &reasons, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		/* lists for some reasons only do not make a certificate good */
		if (type != GNUTLS_SAN_URI || reasons)
			continue;
		if (!url_take(c, "CRL", name, strnlen(name, len), url))
			continue;
		tried++;
		if (by_crl_at(c, url))
			return true;
		if (c->unasked)
			break;
	}
	return false;
}

/* ---- the decision ---- */

static bool somebody_says(struct check *c)
{
	return by_folder(c) || by_ocsp(c) || (!c->unasked && by_crl(c));
}

static void take_cert(struct check *c, const gnutls_x509_crt_t *chain, unsigned int i)
{
	c->cert = chain[i];
	c->issuer = chain[i + 1];
	c->notes[0] = '\0';
}

/* before anything is said to the operator, who is to read it once */
static bool must_ask(struct check *c, const gnutls_x509_crt_t *chain, unsigned int n)
{
	unsigned int i;

	for (i = n - 1; i--;) {
		take_cert(c, chain, i);
		if (somebody_says(c) && c->says.revoked)
			return false;
		if (c->unasked)
			return true;
	}
	return false;
}

static enum revoke_result check_one(struct check *c, enum revoke_mode mode, char *why,
				    size_t why_len)
{
	char name[NAME_MAX_LEN];

	if (somebody_says(c)) {
		if (!c->says.revoked) {
			if (!c->until || c->says.until < c->until)
				c->until = c->says.until;
			return REVOKE_GOOD;
		}
		say_revoked(c, why, why_len);
		return REVOKE_REVOKED;
	}
	/* it was known a moment ago */
	if (c->unasked)
		return REVOKE_UNASKED;
	cert_name(c->cert, name, sizeof(name));
	if (is_stopped(c->r)) {
		snprintf(why, why_len, "the daemon is stopping");
		return REVOKE_NO_ANSWER;
	}
	if (mode == REVOKE_HARD) {
		snprintf(why, why_len,
			 "nobody says that the certificate of %s is not revoked (revocation hard): %s",
			 name, *c->notes ? c->notes : "there is no CRL of its CA, and it names no source");
		return REVOKE_NO_ANSWER;
	}
	c->unsaid = true;
	if (*c->notes)
		log_limited(LOG_LEVEL_WARN, "revocation-soft",
			    "the certificate of %s is taken for good (revocation soft): %s", name,
			    c->notes);
	else
		log_limited(LOG_LEVEL_INFO, "revocation-none",
			    "the certificate of %s is taken for good (revocation soft): there is no CRL of its CA, and it names no source",
			    name);
	return REVOKE_GOOD;
}

static enum revoke_result check_chain(struct check *c, const gnutls_x509_crt_t *chain,
				      unsigned int n, enum revoke_mode mode, char *why,
				      size_t why_len)
{
	enum revoke_result result = REVOKE_GOOD;
	unsigned int i;

	if (!c->wait && must_ask(c, chain, n))
		return REVOKE_UNASKED;
	/* CAs first: what a revoked one signed, lists and responders among it, counts for nothing */
	for (i = n - 1; i-- && result == REVOKE_GOOD;) {
		take_cert(c, chain, i);
		result = check_one(c, mode, why, why_len);
	}
	return result;
}

enum revoke_result revoke_check(struct revoke *r, const gnutls_x509_crt_t *chain, unsigned int n,
				enum revoke_mode mode, uint64_t since, char *why, size_t why_len)
{
	time_t until;

	return revoke_check_until(r, chain, n, mode, since, &until, why, why_len);
}

enum revoke_result revoke_check_until(struct revoke *r, const gnutls_x509_crt_t *chain,
				      unsigned int n, enum revoke_mode mode, uint64_t since,
				      time_t *until, char *why, size_t why_len)
{
	enum revoke_result result;
	struct check *c;

	*why = '\0';
	*until = 0;
	if (mode == REVOKE_OFF || n < 2)
		return REVOKE_GOOD;
	c = calloc(1, sizeof(*c));
	if (!c) {
		snprintf(why, why_len, "out of memory");
		return REVOKE_NO_ANSWER;
	}
	c->r = r;
	c->wait = since != REVOKE_KNOWN;
	c->deadline = since + r->limits.check_ms;
	pthread_mutex_lock(&r->lock);
	c->crls = revoke_crls_get(r->crls);
	pthread_mutex_unlock(&r->lock);
	result = check_chain(c, chain, n, mode, why, why_len);
	if (!c->unsaid)
		*until = c->until;
	revoke_crls_put(c->crls);
	free(c);
	return result;
}
