// SPDX-License-Identifier: GPL-2.0
/* Names in certificates, and whether they are the identity that a peer claims: RFC 4945 3.1. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/printable.h"
#include "pki/cert_priv.h"
#include "wire/wire.h"

#define AVAS_MAX	8	/* in one RDN of several */

/* ---- distinguished names ---- */

/* names are printed between quotes, which they must not close */
static void unquote(char *s)
{
	for (; *s; s++)
		if (*s == '\'')
			*s = '?';
}

const char *cert_dn_str(struct bytes der, char *out, size_t len)
{
	gnutls_datum_t d = { (unsigned char *)der.p, der.len }, text = { NULL, 0 };
	gnutls_x509_dn_t dn;
	size_t at;

	if (!len)
		return out;
	*out = 0;
	if (gnutls_x509_dn_init(&dn) < 0)
		return out;
	if (gnutls_x509_dn_import(dn, &d) >= 0 &&
	    gnutls_x509_dn_get_str2(dn, &text, GNUTLS_X509_DN_FLAG_COMPAT) >= 0) {
		/* Logs and terminals get octets of an unauthenticated peer. */
		unquote(printable_copy(text.data, text.size, out, len));
		for (at = 1; *out && out[at] && strlen(out) + 1 < len; at++)
			if (out[at - 1] == ',' && (at == 1 || out[at - 2] != '\\')) {
				memmove(out + at + 1, out + at, strlen(out + at) + 1);
				out[at++] = ' ';
			}
	}
	gnutls_free(text.data);
	gnutls_x509_dn_deinit(dn);
	if (!*out)
		snprintf(out, len, "a DN that cannot be read");
	return out;
}

bool cert_ava_is_text(const struct cert_ava *ava)
{
	/* UTF8String, PrintableString, T61String, IA5String */
	return ava->tag == 12 || ava->tag == 19 || ava->tag == 20 || ava->tag == 22;
}

static bool is_space(struct bytes b, size_t i)
{
	return i < b.len && b.p[i] == ' ';
}

static struct bytes trimmed(struct bytes b)
{
	while (b.len && *b.p == ' ') {
		b.p++;
		b.len--;
	}
	while (b.len && b.p[b.len - 1] == ' ')
		b.len--;
	return b;
}

/* RFC 5280 7.1: case, and white space at the ends and beyond one, say nothing */
static bool text_equal(struct bytes a, struct bytes b)
{
	size_t i = 0, k = 0;

	a = trimmed(a);
	b = trimmed(b);
	while (i < a.len && k < b.len) {
		if (tolower(a.p[i]) != tolower(b.p[k]))
			return false;
		if (a.p[i] == ' ') {
			while (is_space(a, i + 1))
				i++;
			while (is_space(b, k + 1))
				k++;
		}
		i++;
		k++;
	}
	return i == a.len && k == b.len;
}

bool cert_ava_read(struct bytes *set, struct cert_ava *out)
{
	struct bytes whole, seq;
	uint8_t tag;

	return wire_der_next(set, &tag, &whole, &seq) && tag == 0x30 &&
	       wire_der_next(&seq, &tag, &whole, &out->oid) && tag == 0x06 &&
	       wire_der_next(&seq, &out->tag, &whole, &out->value) && !seq.len;
}

static bool ava_equal(const struct cert_ava *a, const struct cert_ava *b)
{
	if (!bytes_equal(a->oid, b->oid))
		return false;
	if (cert_ava_is_text(a) && cert_ava_is_text(b))
		return text_equal(a->value, b->value);
	return a->tag == b->tag && bytes_equal(a->value, b->value);
}

/* @star: an attribute of a pattern whose value `*` matches any text */
static bool star_match(const struct cert_ava *star, const struct cert_ava *b)
{
	return bytes_equal(star->oid, b->oid) && cert_ava_is_text(b) && trimmed(b->value).len;
}

/* Finds an unused attribute of @b that matches, and marks it as used. */
static bool take_match(const struct cert_ava *a, bool star, const struct cert_ava *b,
		       unsigned int n, bool *used)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!used[i] && (star ? star_match(a, &b[i]) : ava_equal(a, &b[i]))) {
			used[i] = true;
			return true;
		}
	return false;
}

static bool read_avas(struct bytes set, struct cert_ava avas[AVAS_MAX], unsigned int *n)
{
	for (*n = 0; set.len && *n < AVAS_MAX; (*n)++)
		if (!cert_ava_read(&set, &avas[*n]))
			return false;
	return *n && !set.len;
}

/*
 * Their order says nothing: X.690 11.6 sorts them by octets, of which upper and lower case, and the
 * type of string, are a part. A star takes what no other takes.
 */
static bool sets_match(struct bytes a, struct bytes b, bool stars)
{
	struct cert_ava x[AVAS_MAX], y[AVAS_MAX];
	bool used[AVAS_MAX] = { false }, star;
	unsigned int n, m, i, pass;

	if (!read_avas(a, x, &n) || !read_avas(b, y, &m) || n != m)
		return false;
	for (pass = 0; pass <= stars; pass++)
		for (i = 0; i < n; i++) {
			star = stars && x[i].tag == CERT_DN_STAR;
			if (star == pass && !take_match(&x[i], star, y, n, used))
				return false;
		}
	return true;
}

/*
 * The comparison ends at the first part that differs. So the length of the configured name bounds
 * the cost of a DN from an unauthenticated peer. The function allocates nothing, because each
 * IKE_AUTH compares a DN with the names of many peers.
 */
static bool dns_match(struct bytes a, struct bytes b, bool stars)
{
	struct bytes whole, sets_a, sets_b, set_a, set_b;
	uint8_t tag_a, tag_b;

	if (!wire_der_next(&a, &tag_a, &whole, &sets_a) || tag_a != 0x30 || a.len ||
	    !wire_der_next(&b, &tag_b, &whole, &sets_b) || tag_b != 0x30 || b.len || !sets_a.len)
		return false;
	while (sets_a.len && sets_b.len)
		if (!wire_der_next(&sets_a, &tag_a, &whole, &set_a) || tag_a != 0x31 ||
		    !wire_der_next(&sets_b, &tag_b, &whole, &set_b) || tag_b != 0x31 ||
		    !sets_match(set_a, set_b, stars))
			return false;
	return !sets_a.len && !sets_b.len;
}

bool cert_dn_equal(struct bytes a, struct bytes b)
{
	return a.len && b.len && (bytes_equal(a, b) || dns_match(a, b, false));
}

bool cert_dn_match(struct bytes pattern, struct bytes dn)
{
	return dns_match(pattern, dn, true);
}

/* ---- identities ---- */

static unsigned int san_of(uint8_t type)
{
	switch (type) {
	case WIRE_ID_FQDN:
		return GNUTLS_SAN_DNSNAME;
	case WIRE_ID_EMAIL:
		return GNUTLS_SAN_RFC822NAME;
	default:
		return GNUTLS_SAN_IPADDRESS;
	}
}

/* RFC 5280 7.5: who is at a host may care for case, the host does not */
static bool email_equal(struct bytes a, struct bytes b)
{
	const uint8_t *at = memrchr(a.p, '@', a.len);
	size_t local;

	if (a.len != b.len || !at)
		return false;
	local = at - a.p;
	return !memcmp(a.p, b.p, local) &&
	       !strncasecmp((const char *)a.p + local, (const char *)b.p + local, a.len - local);
}

/* no wildcards: RFC 4945 3.1.2 */
static bool name_equal(uint8_t type, struct bytes name, struct bytes id)
{
	switch (type) {
	case WIRE_ID_FQDN:
		return name.len == id.len &&
		       !strncasecmp((const char *)name.p, (const char *)id.p, id.len);
	case WIRE_ID_EMAIL:
		return email_equal(name, id);
	default:
		return bytes_equal(name, id);
	}
}

static void append(char *out, size_t len, const char *text)
{
	size_t at = strlen(out);

	if (at < len)
		snprintf(out + at, len - at, "%s", text);
}

/* "dNSName 'hq.example.com'", printable whoever wrote it */
static void name_str(unsigned int san, struct bytes name, char *out, size_t len)
{
	const char *what = san == GNUTLS_SAN_DNSNAME ? "dNSName" :
			   san == GNUTLS_SAN_RFC822NAME ? "rfc822Name" : "iPAddress";
	char text[128] = "";

	if (san == GNUTLS_SAN_IPADDRESS) {
		if (name.len == 4 || name.len == 16)
			inet_ntop(name.len == 4 ? AF_INET : AF_INET6, name.p, text, sizeof(text));
	} else {
		unquote(printable_copy(name.p, name.len, text, sizeof(text)));
	}
	snprintf(out, len, "%s '%s'", what, text);
}

/* subject alternative name number @i; 0: no more, <0: one that does not concern us */
static int san_at(gnutls_x509_crt_t crt, unsigned int i, uint8_t *name, size_t *len,
		  unsigned int *type)
{
	int ret = gnutls_x509_crt_get_subject_alt_name2(crt, i, name, len, type, NULL);

	if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return 0;
	if (ret < 0)
		return -1;
	return *type == GNUTLS_SAN_DNSNAME || *type == GNUTLS_SAN_RFC822NAME ||
	       *type == GNUTLS_SAN_IPADDRESS ? 1 : -1;
}

static bool has_san(gnutls_x509_crt_t crt, uint8_t type, struct bytes id, char *has,
		    size_t has_len)
{
	unsigned int i, san, shown = 0;
	char one[192];
	uint8_t name[512];
	int ret;

	for (i = 0; i < 256; i++) {
		size_t len = sizeof(name) - 1;

		ret = san_at(crt, i, name, &len, &san);
		if (!ret)
			break;
		if (ret < 0)
			continue;
		/*
		 * RFC 5280 4.2.1.6: IA5String has no end but its length. A CA that let a NUL
		 * pass has read the whole name, and must not be heard to say its beginning.
		 */
		if (san != GNUTLS_SAN_IPADDRESS && memchr(name, '\0', len))
			continue;
		if (san == san_of(type) && name_equal(type, (struct bytes){ name, len }, id))
			return true;
		name_str(san, (struct bytes){ name, len }, one, sizeof(one));
		if (shown++ < 4) {
			append(has, has_len, shown > 1 ? ", " : "");
			append(has, has_len, one);
		}
	}
	return false;
}

bool cert_crt_has_id(gnutls_x509_crt_t crt, uint8_t type, struct bytes id, char *err,
		     size_t err_len)
{
	char has[400] = "", subject[CERT_TEXT_MAX];
	gnutls_datum_t dn = { NULL, 0 };
	bool ok = false;

	switch (type) {
	case WIRE_ID_DN:
		ok = gnutls_x509_crt_get_raw_dn(crt, &dn) >= 0 &&
		     cert_dn_equal((struct bytes){ dn.data, dn.size }, id);
		gnutls_free(dn.data);
		if (!ok)
			snprintf(err, err_len, "its subject is '%s'",
				 cert_subject_of(crt, subject, sizeof(subject)));
		return ok;
	case WIRE_ID_FQDN:
	case WIRE_ID_EMAIL:
	case WIRE_ID_IPV4:
	case WIRE_ID_IPV6:
		if (has_san(crt, type, id, has, sizeof(has)))
			return true;
		snprintf(err, err_len, "the certificate of '%s' is for %s",
			 cert_subject_of(crt, subject, sizeof(subject)),
			 *has ? has : "no subjectAltName");
		return false;
	default:
		/* RFC 4945 3.1: a key ID says nothing that a certificate could confirm */
		snprintf(err, err_len, "%s cannot be in a certificate", wire_id_type_str(type));
		return false;
	}
}

bool cert_has_id(const struct cert *cert, uint8_t type, struct bytes id, char *err, size_t err_len)
{
	return cert_crt_has_id(cert->crt, type, id, err, err_len);
}
