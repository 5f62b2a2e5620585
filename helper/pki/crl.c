// SPDX-License-Identifier: GPL-2.0
/* A certificate revocation list. Decoded by GnuTLS, and where that stops, by its own libtasn1. */
#include <gnutls/x509-ext.h>
#include <libtasn1.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pki/crl.h"

#define OID_REASON		"2.5.29.21"
#define OID_IDP			"2.5.29.28"
#define OID_AUTHORITY_KEY	"2.5.29.35"
#define OID_MAX			128
#define SERIAL_MAX		64
#define KEY_ID_LEN		32
#define TRIM_FROM	1000	/* entries */
#define NAMES_MAX		16	/* of a distribution point */

#define TAG_BOOLEAN		1
#define TAG_INTEGER		2
#define TAG_OCTET_STRING	4
#define TAG_OID			6
#define TAG_ENUMERATED		10
#define TAG_SEQUENCE		16
#define TAG_UTC_TIME		23
#define TAG_GENERALIZED_TIME	24

/* one certificate that is revoked; its serial number is in crl->serials */
struct entry {
	uint32_t at;
	uint8_t len;
	int8_t reason;
	time_t since;
};

/**
 * struct crl - one CRL
 * @raw: until it is verified
 * @key: who verified it: SHA-256 of the SubjectPublicKeyInfo; only if @verified
 * @name: name of the issuer, for people
 * @entries: sorted by serial number
 * @unusable: has what we cannot judge: RFC 5280 5.2: must not be used; NULL: none
 * @points: the distribution point's URLs, if it says which it is for
 * @cap_entries: room in @entries
 * @dn: name of the issuer in DER
 * @has_point: the CRL names a distribution point
 * @n_entries: number of @entries
 * @n_points: number of @points
 * @next_update: nextUpdate of the CRL; -1: none
 * @only_cas: onlyContainsCACerts of RFC 5280 5.2.5
 * @only_users: onlyContainsUserCerts of RFC 5280 5.2.5
 * @refs: references
 * @serials: serial numbers of @entries
 * @some_reasons: onlySomeReasons of RFC 5280 5.2.5
 * @this_update: thisUpdate of the CRL
 * @verified: a CA certificate verified the signature
 */
struct crl {
	atomic_uint refs;
	gnutls_x509_crl_t raw;
	bool verified;
	uint8_t key[KEY_ID_LEN];
	char name[256];
	gnutls_datum_t dn;
	time_t this_update, next_update;
	struct entry *entries;
	size_t n_entries, cap_entries;
	struct buf serials;
	const char *unusable;
	bool only_users, only_cas, some_reasons, has_point;
	char *points[NAMES_MAX];
	unsigned int n_points;
};

const char *crl_reason_name(int reason)
{
	static const char *const names[] = {
		[0] = "unspecified", [1] = "key compromise", [2] = "CA compromise",
		[3] = "affiliation changed", [4] = "superseded", [5] = "cessation of operation",
		[6] = "certificate hold", [8] = "removed from CRL", [9] = "privilege withdrawn",
		[10] = "AA compromise",
	};

	if (reason < 0 || (size_t)reason >= sizeof(names) / sizeof(names[0]) || !names[reason])
		return "not said";
	return names[reason];
}

/* ---- DER, where GnuTLS has no function for it ---- */

struct element {
	unsigned int class, tag;
	struct bytes content, whole;
};

/* takes one element off @in; false: none, or broken */
static bool der_next(struct bytes *in, struct element *e)
{
	int tag_len, len_len;
	unsigned char class;
	unsigned long tag;
	long len;

	if (!in->len || in->len > INT_MAX ||
	    asn1_get_tag_der(in->p, in->len, &class, &tag_len, &tag) || tag > UINT_MAX)
		return false;
	len = asn1_get_length_der(in->p + tag_len, in->len - tag_len, &len_len);
	if (len < 0 || (size_t)len > in->len - tag_len - len_len)
		return false;
	e->class = class;
	e->tag = tag;
	e->whole = (struct bytes){ in->p, tag_len + len_len + len };
	e->content = (struct bytes){ in->p + tag_len + len_len, len };
	in->p += e->whole.len;
	in->len -= e->whole.len;
	return true;
}

static bool der_universal(struct bytes *in, unsigned int tag, struct bytes *content)
{
	unsigned int want = tag == TAG_SEQUENCE ? ASN1_CLASS_STRUCTURED : ASN1_CLASS_UNIVERSAL;
	struct bytes try = *in;
	struct element e;

	if (!der_next(&try, &e) || e.class != want || e.tag != tag)
		return false;
	*in = try;
	*content = e.content;
	return true;
}

/* DEFAULT FALSE */
static bool der_true(struct bytes content)
{
	return content.len == 1 && content.p[0];
}

/* ---- reasons: RFC 5280 5.3. GnuTLS tells of an entry the serial number and the date ---- */

/* where the entries begin, or nothing where there are none; false: broken */
static bool find_entries(struct bytes der, struct bytes *entries)
{
	struct bytes list, tbs, skip;

	*entries = (struct bytes){ 0 };
	if (!der_universal(&der, TAG_SEQUENCE, &list) || !der_universal(&list, TAG_SEQUENCE, &tbs))
		return false;
	/* version, signature, issuer, thisUpdate, nextUpdate */
	der_universal(&tbs, TAG_INTEGER, &skip);
	if (!der_universal(&tbs, TAG_SEQUENCE, &skip) || !der_universal(&tbs, TAG_SEQUENCE, &skip))
		return false;
	while (der_universal(&tbs, TAG_UTC_TIME, &skip) ||
	       der_universal(&tbs, TAG_GENERALIZED_TIME, &skip))
		;
	der_universal(&tbs, TAG_SEQUENCE, entries);
	return true;
}

/*
 *   revokedCertificates SEQUENCE OF SEQUENCE {
 *        userCertificate         CertificateSerialNumber,
 *        revocationDate          Time,
 *        crlEntryExtensions      Extensions OPTIONAL }
 */
static bool entry_reason(struct crl *crl, struct bytes *entries, struct entry *out)
{
	static const uint8_t oid_reason[] = { 0x55, 0x1d, 0x15 };
	struct bytes entry, skip, exts, ext, oid, critical, value, reason;

	if (!der_universal(entries, TAG_SEQUENCE, &entry) ||
	    !der_universal(&entry, TAG_INTEGER, &skip) ||
	    !(der_universal(&entry, TAG_UTC_TIME, &skip) ||
	      der_universal(&entry, TAG_GENERALIZED_TIME, &skip)))
		return false;
	if (!entry.len)
		return true;
	if (!der_universal(&entry, TAG_SEQUENCE, &exts))
		return false;
	while (der_universal(&exts, TAG_SEQUENCE, &ext)) {
		critical = (struct bytes){ 0 };
		if (!der_universal(&ext, TAG_OID, &oid))
			return false;
		der_universal(&ext, TAG_BOOLEAN, &critical);
		if (!der_universal(&ext, TAG_OCTET_STRING, &value))
			return false;
		if (!bytes_equal(oid, (struct bytes){ oid_reason, sizeof(oid_reason) })) {
			if (der_true(critical))
				crl->unusable = "an entry has a critical extension";
		} else if (der_universal(&value, TAG_ENUMERATED, &reason) && reason.len == 1 &&
			   reason.p[0] <= INT8_MAX) {
			out->reason = reason.p[0];
		}
	}
	return !exts.len;
}

/* ---- entries ---- */

/* numbers with different leading zeros are one */
static struct bytes serial_of(const uint8_t *p, size_t len)
{
	while (len > 1 && !*p) {
		p++;
		len--;
	}
	return (struct bytes){ p, len };
}

static int serial_cmp(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.p, b.p, a.len);
}

static struct bytes entry_serial(const struct crl *crl, const struct entry *e)
{
	return (struct bytes){ crl->serials.p + e->at, e->len };
}

static int entry_cmp(const void *a, const void *b, void *arg)
{
	return serial_cmp(entry_serial(arg, a), entry_serial(arg, b));
}

static struct entry *entry_add(struct crl *crl, struct bytes serial)
{
	size_t cap = crl->cap_entries ? crl->cap_entries * 2 : 16;
	struct entry *more, *e;

	if (crl->n_entries == crl->cap_entries) {
		more = reallocarray(crl->entries, cap, sizeof(*more));
		if (!more)
			return NULL;
		crl->entries = more;
		crl->cap_entries = cap;
	}
	e = &crl->entries[crl->n_entries++];
	*e = (struct entry){ .at = crl->serials.len, .len = serial.len, .reason = -1 };
	buf_put_bytes(&crl->serials, serial);
	return crl->serials.failed ? NULL : e;
}

static bool read_entries(struct crl *crl, struct bytes der)
{
	gnutls_x509_crl_iter_t iter = NULL;
	uint8_t serial[SERIAL_MAX];
	struct bytes entries;
	struct entry *e;
	size_t len;
	time_t since;
	int ret;

	if (!find_entries(der, &entries))
		return false;
	for (;;) {
		len = sizeof(serial);
		ret = gnutls_x509_crl_iter_crt_serial(crl->raw, &iter, serial, &len, &since);
		if (ret < 0)
			break;
		e = entry_add(crl, serial_of(serial, len));
		if (!e || !entry_reason(crl, &entries, e)) {
			ret = GNUTLS_E_ASN1_DER_ERROR;
			break;
		}
		e->since = since;
	}
	gnutls_x509_crl_iter_deinit(iter);
	/* both readers saw the same list to its end, or it is not one to trust */
	if (ret != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || entries.len)
		return false;
	if (crl->n_entries)
		qsort_r(crl->entries, crl->n_entries, sizeof(*crl->entries), entry_cmp, crl);
	return true;
}

/* ---- extensions: RFC 5280 5.2 ---- */

/* URLs of @point, a DistributionPointName, by GnuTLS's reader for the same in a certificate */
static bool read_point(struct crl *crl, struct bytes point)
{
	gnutls_x509_crl_dist_points_t dp;
	gnutls_datum_t der, name;
	struct buf list, one;
	unsigned int i, type, reasons;
	bool ok = false;

	if (point.len > 0x7f00 || gnutls_x509_crl_dist_points_init(&dp) < 0)
		return false;
	/* CRLDistributionPoints: SEQUENCE OF SEQUENCE { distributionPoint [0] } */
	buf_init(&one);
	buf_put_u8(&one, 0x30);
	buf_put_u8(&one, 0x82);
	buf_put_u16(&one, point.len);
	buf_put_bytes(&one, point);
	buf_init(&list);
	buf_put_u8(&list, 0x30);
	buf_put_u8(&list, 0x82);
	buf_put_u16(&list, one.len);
	buf_put_bytes(&list, buf_bytes(&one));
	der = (gnutls_datum_t){ list.p, list.len };
	if (!list.failed && !one.failed && gnutls_x509_ext_import_crl_dist_points(&der, dp, 0) >= 0)
		ok = true;
	for (i = 0; ok && crl->n_points < NAMES_MAX; i++) {
		if (gnutls_x509_crl_dist_points_get(dp, i, &type, &name, &reasons) < 0)
			break;
		if (type != GNUTLS_SAN_URI)
			continue;
		crl->points[crl->n_points] = strndup((char *)name.data, name.size);
		if (crl->points[crl->n_points])
			crl->n_points++;
	}
	gnutls_x509_crl_dist_points_deinit(dp);
	buf_free(&list);
	buf_free(&one);
	return ok;
}

/*
 *   IssuingDistributionPoint ::= SEQUENCE {
 *        distributionPoint          [0] DistributionPointName OPTIONAL,
 *        onlyContainsUserCerts      [1] BOOLEAN DEFAULT FALSE,
 *        onlyContainsCACerts        [2] BOOLEAN DEFAULT FALSE,
 *        onlySomeReasons            [3] ReasonFlags OPTIONAL,
 *        indirectCRL                [4] BOOLEAN DEFAULT FALSE,
 *        onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
 */
static bool read_idp(struct crl *crl, struct bytes der)
{
	struct element e;
	struct bytes seq;

	if (!der_universal(&der, TAG_SEQUENCE, &seq))
		return false;
	while (der_next(&seq, &e)) {
		if (!(e.class & ASN1_CLASS_CONTEXT_SPECIFIC))
			return false;
		switch (e.tag) {
		case 0:
			crl->has_point = true;
			if (!read_point(crl, e.whole))
				return false;
			break;
		case 1:
			crl->only_users = der_true(e.content);
			break;
		case 2:
			crl->only_cas = der_true(e.content);
			break;
		case 3:
			crl->some_reasons = true;
			break;
		case 4:
			if (der_true(e.content))
				crl->unusable = "it is an indirect CRL";
			break;
		case 5:
			if (der_true(e.content))
				crl->unusable = "it is for attribute certificates";
			break;
		default:
			return false;
		}
	}
	return !seq.len;
}

static bool read_extensions(struct crl *crl)
{
	gnutls_datum_t data;
	unsigned int i, critical;
	char oid[OID_MAX];
	size_t len;
	bool ok;
	int ret;

	for (i = 0;; i++) {
		len = sizeof(oid);
		ret = gnutls_x509_crl_get_extension_info(crl->raw, i, oid, &len, &critical);
		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return true;
		if (ret < 0)
			return false;
		if (!strcmp(oid, OID_IDP)) {
			if (gnutls_x509_crl_get_extension_data2(crl->raw, i, &data) < 0)
				return false;
			ok = read_idp(crl, (struct bytes){ data.data, data.size });
			gnutls_free(data.data);
			if (!ok)
				return false;
		} else if (critical && strcmp(oid, OID_AUTHORITY_KEY)) {
			/* among them a delta CRL's */
			crl->unusable = "it has a critical extension that we do not know";
		}
	}
}

/* ---- a whole one ---- */

static bool digest(struct crl *crl)
{
	gnutls_datum_t der = { 0 };
	size_t len = sizeof(crl->name);
	bool ok;

	crl->this_update = gnutls_x509_crl_get_this_update(crl->raw);
	crl->next_update = gnutls_x509_crl_get_next_update(crl->raw);
	if (gnutls_x509_crl_get_raw_issuer_dn(crl->raw, &crl->dn) < 0)
		return false;
	if (gnutls_x509_crl_get_issuer_dn(crl->raw, crl->name, &len) < 0)
		snprintf(crl->name, sizeof(crl->name), "(a long name)");
	if (gnutls_x509_crl_export2(crl->raw, GNUTLS_X509_FMT_DER, &der) < 0)
		return false;
	ok = read_extensions(crl) && read_entries(crl, (struct bytes){ der.data, der.size });
	gnutls_free(der.data);
	return ok;
}

static struct crl *crl_new(gnutls_x509_crl_t raw)
{
	struct crl *crl = calloc(1, sizeof(*crl));

	if (!crl) {
		gnutls_x509_crl_deinit(raw);
		return NULL;
	}
	atomic_init(&crl->refs, 1);
	buf_init(&crl->serials);
	crl->raw = raw;
	if (digest(crl))
		return crl;
	crl_put(crl);
	return NULL;
}

struct crl *crl_get(struct crl *crl)
{
	atomic_fetch_add(&crl->refs, 1);
	return crl;
}

void crl_put(struct crl *crl)
{
	if (!crl || atomic_fetch_sub(&crl->refs, 1) != 1)
		return;
	if (crl->raw)
		gnutls_x509_crl_deinit(crl->raw);
	while (crl->n_points)
		free(crl->points[--crl->n_points]);
	gnutls_free(crl->dn.data);
	free(crl->entries);
	buf_free(&crl->serials);
	free(crl);
}

unsigned int crl_parse(struct bytes data, struct crl **out, unsigned int max, char *err,
		       size_t err_len)
{
	const gnutls_datum_t in = { (unsigned char *)data.p, data.len };
	bool pem = data.len && memmem(data.p, data.len, "-----BEGIN", 10);
	unsigned int i, size = 0, n = 0;
	gnutls_x509_crl_t *raw = NULL;
	int ret;

	ret = gnutls_x509_crl_list_import2(&raw, &size, &in,
					   pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER, 0);
	if (ret < 0 || !size) {
		snprintf(err, err_len, "not a CRL: %s",
			 ret < 0 ? gnutls_strerror(ret) : "there is nothing in it");
		return 0;
	}
	for (i = 0; i < size; i++) {
		if (n < max && n == i)
			out[n] = crl_new(raw[i]);
		else
			gnutls_x509_crl_deinit(raw[i]);
		if (n < max && n == i && out[n])
			n++;
	}
	gnutls_free(raw);
	if (n == size)
		return n;
	snprintf(err, err_len, n == max ? "more than %u CRLs" : "not a CRL: number %u is broken",
		 n == max ? max : n + 1);
	while (n)
		crl_put(out[--n]);
	return 0;
}

bool crl_is_of(const struct crl *crl, gnutls_x509_crt_t issuer)
{
	gnutls_datum_t dn;
	bool same;

	if (gnutls_x509_crt_get_raw_dn(issuer, &dn) < 0)
		return false;
	same = bytes_equal((struct bytes){ dn.data, dn.size },
			   (struct bytes){ crl->dn.data, crl->dn.size });
	gnutls_free(dn.data);
	return same;
}

/* RFC 5280 6.3.3 (f): where it says what its key is for, cRLSign is among that */
static bool may_sign_crls(gnutls_x509_crt_t issuer)
{
	unsigned int usage, critical;
	int ret = gnutls_x509_crt_get_key_usage(issuer, &usage, &critical);

	if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return true;
	return ret >= 0 && usage & GNUTLS_KEY_CRL_SIGN;
}

/* when it is from is crl_ask()'s to judge: old ones still say who is revoked */
static bool only_time(unsigned int status)
{
	const unsigned int time_bits = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
				       GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;

	return !status || (status & time_bits && !(status & ~(time_bits | GNUTLS_CERT_INVALID)));
}

bool crl_verify(struct crl *crl, gnutls_x509_crt_t issuer, char *err, size_t err_len)
{
	uint8_t key[KEY_ID_LEN];
	size_t len = sizeof(key);
	unsigned int status = 0;

	if (gnutls_x509_crt_get_key_id(issuer, GNUTLS_KEYID_USE_SHA256, key, &len) < 0 ||
	    len != sizeof(key) || !crl_is_of(crl, issuer)) {
		snprintf(err, err_len, "it is by another CA, %s", crl->name);
		return false;
	}
	if (!may_sign_crls(issuer)) {
		snprintf(err, err_len, "its CA may not sign CRLs");
		return false;
	}
	if (crl->verified) {
		if (!memcmp(crl->key, key, sizeof(key)))
			return true;
		snprintf(err, err_len, "it is signed with another key of its CA");
		return false;
	}
	if (gnutls_x509_crl_verify(crl->raw, &issuer, 1, 0, &status) < 0 || !only_time(status)) {
		snprintf(err, err_len, "%s",
			 status & GNUTLS_CERT_INSECURE_ALGORITHM ?
				"its signature is by a weak algorithm" : "its signature is wrong");
		return false;
	}
	crl->verified = true;
	memcpy(crl->key, key, sizeof(key));
	gnutls_x509_crl_deinit(crl->raw);
	crl->raw = NULL;
	/* The allocator would keep the memory of a long list's tree. */
	if (crl->n_entries > TRIM_FROM)
		malloc_trim(0);
	return true;
}

bool crl_is_verified(const struct crl *crl)
{
	return crl->verified;
}

bool crl_is_current(const struct crl *crl, time_t now, char *err, size_t err_len)
{
	if (crl->this_update == -1 || crl->this_update > now + CRL_SKEW) {
		snprintf(err, err_len, "it is from the future");
		return false;
	}
	if (crl->next_update == -1) {
		snprintf(err, err_len, "it does not say until when it holds");
		return false;
	}
	if (crl->next_update < now - CRL_SKEW) {
		snprintf(err, err_len, "it is out of date");
		return false;
	}
	return true;
}

time_t crl_next_update(const struct crl *crl)
{
	return crl->next_update;
}

const char *crl_issuer(const struct crl *crl)
{
	return crl->name;
}

static const struct entry *entry_find(const struct crl *crl, struct bytes serial)
{
	size_t low = 0, high = crl->n_entries, mid;
	int cmp;

	while (low < high) {
		mid = low + (high - low) / 2;
		cmp = serial_cmp(serial, entry_serial(crl, &crl->entries[mid]));
		if (!cmp)
			return &crl->entries[mid];
		if (cmp < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* is the certificate's distribution point the one this list is for? RFC 5280 6.3.3 (b) */
static bool point_matches(const struct crl *crl, gnutls_x509_crt_t cert)
{
	unsigned int i, k, reasons;
	char url[1024];
	size_t len;
	int type;

	for (i = 0;; i++) {
		len = sizeof(url);
		type = gnutls_x509_crt_get_crl_dist_points(cert, i, url, &len, &reasons, NULL);
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue;
		if (type < 0)
			return false;
		if (type != GNUTLS_SAN_URI)
			continue;
		for (k = 0; k < crl->n_points; k++)
			if (strlen(crl->points[k]) == strnlen(url, len) &&
			    !strncmp(crl->points[k], url, len))
				return true;
	}
}

static bool covers(const struct crl *crl, gnutls_x509_crt_t cert, char *err, size_t err_len)
{
	unsigned int critical;
	bool ca = gnutls_x509_crt_get_ca_status(cert, &critical) > 0;
	const char *why = NULL;

	if (crl->only_users && ca)
		why = "it is not for certificates of CAs";
	else if (crl->only_cas && !ca)
		why = "it is for certificates of CAs";
	else if (crl->some_reasons)
		why = "it is for some reasons only";
	else if (crl->has_point && !point_matches(crl, cert))
		why = "it is for another distribution point";
	if (why)
		snprintf(err, err_len, "%s", why);
	return !why;
}

bool crl_ask(const struct crl *crl, gnutls_x509_crt_t cert, time_t now, struct revocation *out,
	     char *err, size_t err_len)
{
	const struct entry *e;
	uint8_t serial[SERIAL_MAX];
	size_t len = sizeof(serial);

	if (!crl->verified || crl->unusable) {
		snprintf(err, err_len, "%s", crl->unusable ? crl->unusable : "it is not verified");
		return false;
	}
	if (gnutls_x509_crt_get_serial(cert, serial, &len) < 0) {
		snprintf(err, err_len, "the certificate's serial number is too long");
		return false;
	}
	e = entry_find(crl, serial_of(serial, len));
	if (!e && (!crl_is_current(crl, now, err, err_len) || !covers(crl, cert, err, err_len)))
		return false;
	*out = (struct revocation){ .revoked = e != NULL, .since = e ? e->since : 0,
				    .reason = e ? e->reason : -1, .until = crl->next_update };
	return true;
}
