// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of one datagram of an unauthenticated peer for the main thread, counted and not timed.
 * The dearest costs at most 20 times the cheapest that is accepted. Diffie-Hellman runs on other
 * threads and does not count.
 *
 * The unit is about a nanosecond: a basic block of our own code is one. What other libraries do has
 * the weights below, which were measured once. Table: Documentation/ike-walk.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "pki.h"

#define FACTOR		20

#define ALLOCATION	30
#define HASH_BLOCK	200	/* 64 octets of an HMAC or SHA-1 */
#define SK_FIXED	1000
#define SK_BLOCK	60	/* 64 octets sealed or opened */
#define DN_ATTRIBUTE	7000	/* GnuTLS reads and prints it */
#define CERT_PARSE	40000
#define CERT_VERIFY	100000
#define LINE		20000	/* for those who watch, and the log */

/* ---- counted ---- */

static bool counting;
static struct {
	uint64_t blocks, allocations, hashed, sealed, dns, certs, verified, lines;
} count;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	if (counting)
		count.blocks++;
}

static uint64_t cost(void)
{
	return count.blocks + count.allocations * ALLOCATION + count.hashed * HASH_BLOCK +
	       count.sealed + count.dns * DN_ATTRIBUTE + count.certs * CERT_PARSE +
	       count.verified * CERT_VERIFY + count.lines * LINE;
}

#define COUNT(member, n)			\
	do {					\
		if (counting)			\
			count.member += (n);	\
	} while (0)

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
	COUNT(allocations, 1);
	return __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	/* it is set to zero, too */
	COUNT(allocations, 1 + n * size / 1024);
	return __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
	COUNT(allocations, 1);
	return __real_realloc(p, n);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	COUNT(allocations, 1);
	return __real_reallocarray(p, n, size);
}

static uint64_t blocks_of(size_t len)
{
	return len / 64 + 1;
}

bool __real_crypto_prf(uint16_t prf, struct bytes key, const struct bytes *parts, unsigned int n,
		       uint8_t *out);
bool __wrap_crypto_prf(uint16_t prf, struct bytes key, const struct bytes *parts, unsigned int n,
		       uint8_t *out);
bool __wrap_crypto_prf(uint16_t prf, struct bytes key, const struct bytes *parts, unsigned int n,
		       uint8_t *out)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		len += parts[i].len;
	/* the two keys of HMAC, and its second hash */
	COUNT(hashed, 3 + blocks_of(len));
	return __real_crypto_prf(prf, key, parts, n, out);
}

bool __real_crypto_prf_plus(uint16_t prf, struct bytes key, struct bytes seed, uint8_t *out, size_t len);
bool __wrap_crypto_prf_plus(uint16_t prf, struct bytes key, struct bytes seed, uint8_t *out, size_t len);
bool __wrap_crypto_prf_plus(uint16_t prf, struct bytes key, struct bytes seed, uint8_t *out, size_t len)
{
	COUNT(hashed, (len / 32 + 1) * (3 + blocks_of(seed.len + 33)));
	return __real_crypto_prf_plus(prf, key, seed, out, len);
}

bool __real_crypto_sha1(struct bytes data, uint8_t out[20]);
bool __wrap_crypto_sha1(struct bytes data, uint8_t out[20]);
bool __wrap_crypto_sha1(struct bytes data, uint8_t out[20])
{
	COUNT(hashed, blocks_of(data.len));
	return __real_crypto_sha1(data, out);
}

bool __real_crypto_sk_open(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
			   struct bytes aad, struct bytes body, struct buf *clear);
bool __wrap_crypto_sk_open(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
			   struct bytes aad, struct bytes body, struct buf *clear);
bool __wrap_crypto_sk_open(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
			   struct bytes aad, struct bytes body, struct buf *clear)
{
	COUNT(sealed, SK_FIXED + SK_BLOCK * blocks_of(aad.len + body.len));
	return __real_crypto_sk_open(encr, key, integ, integ_key, aad, body, clear);
}

bool __real_crypto_sk_seal(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
			   struct bytes aad, struct bytes clear, struct buf *msg);
bool __wrap_crypto_sk_seal(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
			   struct bytes aad, struct bytes clear, struct buf *msg);
bool __wrap_crypto_sk_seal(uint16_t encr, struct bytes key, uint16_t integ, struct bytes integ_key,
			   struct bytes aad, struct bytes clear, struct buf *msg)
{
	COUNT(sealed, SK_FIXED + SK_BLOCK * blocks_of(aad.len + clear.len));
	return __real_crypto_sk_seal(encr, key, integ, integ_key, aad, clear, msg);
}

int __real_gnutls_x509_dn_import(gnutls_x509_dn_t dn, const gnutls_datum_t *data);
int __wrap_gnutls_x509_dn_import(gnutls_x509_dn_t dn, const gnutls_datum_t *data);
int __wrap_gnutls_x509_dn_import(gnutls_x509_dn_t dn, const gnutls_datum_t *data)
{
	static const uint8_t oid[] = { 0x06, 0x03, 0x55 };
	unsigned int i;

	for (i = 0; i + sizeof(oid) <= data->size; i++)
		COUNT(dns, !memcmp(data->data + i, oid, sizeof(oid)));
	return __real_gnutls_x509_dn_import(dn, data);
}

int __real_gnutls_x509_crt_import(gnutls_x509_crt_t crt, const gnutls_datum_t *data,
				  gnutls_x509_crt_fmt_t fmt);
int __wrap_gnutls_x509_crt_import(gnutls_x509_crt_t crt, const gnutls_datum_t *data,
				  gnutls_x509_crt_fmt_t fmt);
int __wrap_gnutls_x509_crt_import(gnutls_x509_crt_t crt, const gnutls_datum_t *data,
				  gnutls_x509_crt_fmt_t fmt)
{
	COUNT(certs, 1);
	return __real_gnutls_x509_crt_import(crt, data, fmt);
}

int __real_gnutls_x509_crt_list_verify(const gnutls_x509_crt_t *certs, unsigned int n_certs,
				       const gnutls_x509_crt_t *cas, unsigned int n_cas,
				       const gnutls_x509_crl_t *crls, unsigned int n_crls,
				       unsigned int flags, unsigned int *verify);
int __wrap_gnutls_x509_crt_list_verify(const gnutls_x509_crt_t *certs, unsigned int n_certs,
				       const gnutls_x509_crt_t *cas, unsigned int n_cas,
				       const gnutls_x509_crl_t *crls, unsigned int n_crls,
				       unsigned int flags, unsigned int *verify);
int __wrap_gnutls_x509_crt_list_verify(const gnutls_x509_crt_t *certs, unsigned int n_certs,
				       const gnutls_x509_crt_t *cas, unsigned int n_cas,
				       const gnutls_x509_crl_t *crls, unsigned int n_crls,
				       unsigned int flags, unsigned int *verify)
{
	COUNT(verified, 1);
	return __real_gnutls_x509_crt_list_verify(certs, n_certs, cas, n_cas, crls, n_crls, flags,
						  verify);
}

/* ---- a datagram ---- */

static struct bend m;
static uint64_t cheapest, dearest;
static char dearest_name[80];

/* Jobs run on another thread, and count there; what their done() does is the main thread's. */
static struct {
	uint64_t certs, verified;
} worker;

static void aside(const struct ike_job *job, void *user)
{
	bool was = counting;
	uint64_t certs = count.certs, verified = count.verified;

	(void)user;
	counting = was && !job->stranger;
	job->run(job->arg);
	worker.certs += count.certs - certs;
	worker.verified += count.verified - verified;
	counting = was;
	job->done(job->arg);
}

/* the certificates that a stranger's job looks at */
static void look_aside(const struct ike_job *job, void *user)
{
	uint64_t certs = count.certs, verified = count.verified, blocks = count.blocks;
	uint64_t allocations = count.allocations;
	bool was = counting;

	(void)user;
	counting = true;
	job->run(job->arg);
	worker.certs += count.certs - certs;
	worker.verified += count.verified - verified;
	count.certs = certs;
	count.verified = verified;
	count.blocks = blocks;
	count.allocations = allocations;
	counting = was;
	job->done(job->arg);
}

/* @data arrives at @n; what that costs, with the events that it makes */
static uint64_t arrives(struct node *n, const struct packet *p, struct bytes data)
{
	unsigned int i, events = 0;

	memset(&count, 0, sizeof(count));
	for (i = 0; i <= IKE_EVENT_ERROR; i++)
		events -= n->n_events[i];
	counting = true;
	ike_input(n->ike, &p->to, &p->from, data, n->w->now);
	counting = false;
	for (i = 0; i <= IKE_EVENT_ERROR; i++)
		events += n->n_events[i];
	count.lines = events;
	return cost();
}

static void note(const char *name, uint64_t c)
{
	printf("%9llu  %5.1f  %s (%llu allocations, %llu hash blocks, %llu DN parts, %llu lines)\n",
	       (unsigned long long)c, cheapest ? (double)c / cheapest : 1.0, name,
	       (unsigned long long)count.allocations, (unsigned long long)count.hashed,
	       (unsigned long long)count.dns, (unsigned long long)count.lines);
	if (c <= dearest)
		return;
	dearest = c;
	snprintf(dearest_name, sizeof(dearest_name), "%s", name);
}

/* the message that @m has become, to B */
static void costs(struct world *w, const char *name, const struct packet *like)
{
	uint8_t *data;
	size_t len;

	assert_true(bend_seal(w, &m, &data, &len));
	bend_free(&m);
	note(name, arrives(&w->b, like, (struct bytes){ data, len }));
	free(data);
}

static struct world *asked(const struct world_conf *a, const struct world_conf *b, struct packet *like)
{
	struct world *w = world_new(a, b);

	w->job = aside;
	w->cut = true;
	node_up(&w->a, NULL);
	*like = w->a.log[0];
	assert_true(bend_open(w, like, &m));
	return w;
}

static void over(struct world *w)
{
	w->cut = true;
	w->job = NULL;
	world_free(w);
}

static const struct world_conf anybody = { .remote = "any", .remote_id = "any" };

/* ---- IKE_SA_INIT ---- */

/* transforms that nobody has, one proposal after the other, until the payload has @len octets */
static void put_transforms(struct buf *b, size_t len)
{
	unsigned int number = 1, i;
	size_t at;

	while (b->len + 8 + 255 * 8 <= len) {
		at = b->len;
		buf_put_u8(b, 2);
		buf_put(b, "\0\0\0", 3);
		buf_put_u8(b, number++);
		buf_put(b, "\1\0\xff", 3);
		for (i = 0; i < 255; i++) {
			buf_put_u8(b, i < 254 ? 3 : 0);
			buf_put(b, "\0\0\x8", 3);
			buf_put_u8(b, (uint8_t)(1 + i / 64));
			buf_put_u8(b, 0);
			/* each another one; some that we have, late in our table */
			buf_put_u16(b, i % 3 ? 1024 + i : i);
		}
		buf_set_u16(b, at + 2, (uint16_t)(b->len - at));
		b->p[at + 8 + 255 * 8 - 8] = 0;
		if (b->len + 8 + 255 * 8 > len)
			b->p[at] = 0;
	}
}

static void init_costs(void **state)
{
	struct packet like;
	struct world *w;
	unsigned int i;
	struct buf sa;

	(void)state;
	w = asked(NULL, &anybody, &like);
	costs(w, "IKE_SA_INIT, the smallest that is accepted", &like);
	assert_int_equal(w->b.ike->n_half_open, 1);
	cheapest = dearest;
	assert_true(bend_open(w, &like, &m));
	costs(w, "the same again", &like);
	assert_true(bend_open(w, &like, &m));
	m.hdr.spi_i++;
	for (i = 0; m.n < WIRE_PAYLOADS_MAX; i++)
		bend_notify(&m, 0, (struct bytes){ NULL, 0 }, i & 1 ? WIRE_N_NAT_DETECTION_SOURCE_IP :
			    WIRE_N_SIGNATURE_HASH_ALGORITHMS,
			    (struct bytes){ (const uint8_t *)"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20 });
	costs(w, "IKE_SA_INIT, 64 payloads", &like);
	for (i = 0; i < 2; i++) {
		struct ike_limits l = w->b.ike->limits;

		if (i) {
			l.cookie_threshold = 0;
			ike_set_limits(w->b.ike, &l);
		}
		assert_true(bend_open(w, &like, &m));
		m.hdr.spi_i += 2;
		buf_init(&sa);
		put_transforms(&sa, 9000);
		buf_free(&bend_find(&m, WIRE_PLD_SA)->body);
		bend_find(&m, WIRE_PLD_SA)->body = sa;
		costs(w, i ? "the same without the cookie that is demanded" :
		      "IKE_SA_INIT, 1000 transforms that nobody has", &like);
	}
	assert_true(bend_open(w, &like, &m));
	m.hdr.spi_i += 3;
	bend_notify(&m, 0, (struct bytes){ NULL, 0 }, WIRE_N_COOKIE,
		    (struct bytes){ (const uint8_t *)"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 33 });
	costs(w, "IKE_SA_INIT, a wrong cookie", &like);
	over(w);

	w = asked(NULL, NULL, &like);
	like.from.addr.a[3] = 99;
	costs(w, "IKE_SA_INIT from where no peer is", &like);
	assert_true(bend_open(w, &like, &m));
	m.hdr.major = 3;
	costs(w, "a later version", &like);
	assert_true(bend_open(w, &like, &m));
	m.hdr.spi_r = 77;
	m.hdr.exchange = WIRE_INFORMATIONAL;
	while (m.n < WIRE_PAYLOADS_MAX)
		bend_insert(&m, 0, WIRE_PLD_NOTIFY, false, (struct bytes){ m.pld[0].body.p, 8 });
	costs(w, "an unknown SPI", &like);
	over(w);
}

/* ---- IKE_AUTH ---- */

static void put_len(struct buf *b, uint8_t tag, size_t len)
{
	buf_put_u8(b, tag);
	buf_put_u8(b, 0x82);
	buf_put_u16(b, (uint16_t)len);
}

static void put_dn(struct buf *b, unsigned int n, size_t len)
{
	static const uint8_t oid[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
	size_t value = len / n - 11, i, k;

	buf_put(b, (const uint8_t[]){ WIRE_ID_DN, 0, 0, 0 }, 4);
	put_len(b, 0x30, n * (11 + value));
	for (i = 0; i < n; i++) {
		buf_put(b, (const uint8_t[]){ 0x31, (uint8_t)(9 + value), 0x30, (uint8_t)(7 + value) }, 4);
		buf_put(b, oid, 5);
		buf_put(b, (const uint8_t[]){ 0x0c, (uint8_t)value }, 2);
		for (k = 0; k < value; k++)
			buf_put_u8(b, 'a');
	}
}

/* up to IKE_AUTH of A, which is in @m and has not arrived */
static struct world *half_open(const struct world_conf *a, const struct world_conf *b,
			       struct packet *like)
{
	struct world *w = world_new(a, b);

	w->job = aside;
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(w->b.ike->n_half_open, 1);
	*like = w->a.log[1];
	world_lose(w, &w->a);
	assert_true(bend_open(w, like, &m));
	return w;
}

static void set_dn(uint8_t type, unsigned int n, size_t len)
{
	struct bend_pld *pld = bend_find(&m, type);

	if (!pld)
		return;
	buf_free(&pld->body);
	buf_init(&pld->body);
	put_dn(&pld->body, n, len);
}

/* as many selectors as a payload can have */
static void set_ts(uint8_t type)
{
	struct bend_pld *pld = bend_find(&m, type);
	unsigned int i;

	buf_free(&pld->body);
	buf_init(&pld->body);
	buf_put(&pld->body, "\xff\0\0\0", 4);
	for (i = 0; i < 255; i++) {
		buf_put(&pld->body, "\7\0\0\x10\0\0\xff\xff", 8);
		buf_put_u32(&pld->body, i << 8);
		buf_put_u32(&pld->body, i << 8 | 255);
	}
}

/* all at once, and padded to what a half-open SA may send */
static void worst_auth(size_t len, bool idr)
{
	static uint8_t fill[32768];
	struct buf sa;

	set_dn(WIRE_PLD_IDI, 32, 1008);
	if (idr)
		set_dn(WIRE_PLD_IDR, 32, 1008);
	set_ts(WIRE_PLD_TSI);
	set_ts(WIRE_PLD_TSR);
	buf_init(&sa);
	put_transforms(&sa, 9000);
	buf_free(&bend_find(&m, WIRE_PLD_SA)->body);
	bend_find(&m, WIRE_PLD_SA)->body = sa;
	bend_insert(&m, m.n, WIRE_PLD_VENDOR, false, (struct bytes){ fill, len });
}

#define FILL	(32768 - 9000 - 2 * (4 + 255 * 16) - 2 * 1030 - 1100)

static void auth_costs(void **state)
{
	static const struct world_conf wrong = { .psk = "guess" };
	static const struct world_conf dn = { .remote = "any",
					      .extra_peer = "remote id dn \"C=DE, O=Example, CN=a\"" };
	static const struct world_conf other = { .remote = "any", .remote_id = "x.example.com" };
	struct packet like;
	struct world *w;

	(void)state;
	w = half_open(&wrong, &anybody, &like);
	costs(w, "IKE_AUTH, a wrong pre-shared key", &like);
	over(w);
	w = half_open(NULL, &anybody, &like);
	worst_auth(FILL, false);
	costs(w, "IKE_AUTH, all payloads as large as may be, an identity that is taken", &like);
	over(w);
	w = half_open(NULL, &dn, &like);
	worst_auth(FILL, true);
	costs(w, "the same, an identity that is compared with a DN", &like);
	over(w);
	w = half_open(NULL, &other, &like);
	worst_auth(FILL, true);
	costs(w, "the same, an identity that nobody has", &like);
	over(w);
	w = half_open(NULL, &dn, &like);
	set_dn(WIRE_PLD_IDI, 2000, 26000);
	costs(w, "IKE_AUTH, a DN of 2000 attributes", &like);
	over(w);
	w = half_open(NULL, &anybody, &like);
	bend_find(&m, WIRE_PLD_TSI)->body.len = 3;
	costs(w, "IKE_AUTH, malformed", &like);
	over(w);
}

/* IKE_AUTH with a wrong MAC, of 32 KB and of 64 KB */
static void noise_costs(void **state)
{
	static uint8_t fill[65000];
	struct packet like;
	struct world *w;
	unsigned int i;
	uint8_t *data;
	size_t len;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = half_open(NULL, &anybody, &like);
		bend_insert(&m, m.n, WIRE_PLD_VENDOR, false, (struct bytes){ fill, i ? 60000 : 31000 });
		assert_true(bend_seal(w, &m, &data, &len));
		bend_free(&m);
		data[len - 1] ^= 1;
		note(i ? "IKE_AUTH of 60 KB" : "IKE_AUTH of 31 KB, not genuine",
		     arrives(&w->b, &like, (struct bytes){ data, len }));
		if (i)
			assert_int_equal(count.sealed, 0);
		free(data);
		over(w);
	}
}

/* ---- certificates: on another thread, and bounded there ---- */

static void certificate_costs(void **state)
{
	struct pki *pki = pki_new();
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert", .remote = "any", .remote_id = "any" };
	static uint8_t cas[256 * 20 + 1];
	struct bend_pld *cert, *auth;
	struct packet like;
	struct world *w;
	struct buf der;
	unsigned int i;
	bool others;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "ca", .key = "p256", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .key = "p256", .issuer = "ca",
					  .san = { "dns:a.example.com" } });
	pki_make(pki, &(struct pki_spec){ .name = "b", .key = "p256", .issuer = "ca",
					  .san = { "dns:b.example.com" } });
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	for (others = false;; others = true) {
		w = half_open(&a, &b, &like);
		cert = bend_find(&m, WIRE_PLD_CERT);
		assert_non_null(cert);
		buf_init(&der);
		buf_put_bytes(&der, buf_bytes(&cert->body));
		for (i = 0; i < 40; i++)
			bend_insert(&m, 2, WIRE_PLD_CERT, false, buf_bytes(&der));
		buf_free(&der);
		cas[0] = WIRE_CERT_X509;
		bend_insert(&m, 2, WIRE_PLD_CERTREQ, false, (struct bytes){ cas, sizeof(cas) });
		if (others) {
			/* not for its ID: then the others are not even read */
			buf_free(&bend_find(&m, WIRE_PLD_IDI)->body);
			buf_init(&bend_find(&m, WIRE_PLD_IDI)->body);
			buf_put(&bend_find(&m, WIRE_PLD_IDI)->body, "\2\0\0\0evil", 8);
		}
		auth = bend_find(&m, WIRE_PLD_AUTH);
		auth->body.p[auth->body.len - 1] ^= 1;
		memset(&worker, 0, sizeof(worker));
		w->job = look_aside;
		costs(w, others ? "IKE_AUTH, 41 certificates for another ID" :
		      "IKE_AUTH, 41 certificates, 256 CAs", &like);
		assert_int_equal(count.certs, 0);
		assert_int_equal(count.verified, 0);
		printf("           in the job: %llu certificates parsed, %llu chains verified\n",
		       (unsigned long long)worker.certs, (unsigned long long)worker.verified);
		assert_in_range(worker.certs, 1, others ? 1 : 16);
		assert_in_range(worker.verified, 0, others ? 0 : 16);
		over(w);
		if (others)
			break;
	}
	pki_free(pki);
}

static void the_dearest_is_bounded(void **state)
{
	(void)state;
	printf("the dearest: %s, %.1f times the cheapest that is accepted\n", dearest_name,
	       (double)dearest / cheapest);
	assert_true(cheapest > 1000);
	assert_true(dearest <= FACTOR * cheapest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(init_costs),
		cmocka_unit_test(auth_costs),
		cmocka_unit_test(noise_costs),
		cmocka_unit_test(certificate_costs),
		cmocka_unit_test(the_dearest_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
