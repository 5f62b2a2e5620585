// SPDX-License-Identifier: GPL-2.0
/* Converts the text of distinguished names to DER, and DER to a canonical form. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pki/cert_priv.h"
#include "wire/wire.h"

#define AVAS_MAX	8	/* in one RDN */
#define RDNS_MAX	32

enum { OID = 0x06, UTF8 = 0x0c, PRINTABLE = 0x13, IA5 = 0x16, SEQUENCE = 0x30, SET = 0x31 };

/**
 * struct attribute - a type of attribute
 * @name: a name of the type; case does not matter, and a type may have several rows
 * @oid: content of its OBJECT IDENTIFIER
 * @oid_len: octets of @oid
 * @tag: string type by RFC 5280 appendix A.1 or PKCS #9; 0: PrintableString or UTF8String
 */
struct attribute {
	const char *name, *oid;
	uint8_t oid_len, tag;
};

#define X520(name, number, tag)	{ name, "\x55\x04" number, 3, tag }
#define PKCS9(name, number)	{ name, "\x2a\x86\x48\x86\xf7\x0d\x01\x09" number, 9, IA5 }
#define COSINE(name, number, tag) { name, "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01" number, 10, tag }

static const struct attribute attributes[] = {
	X520("CN", "\x03", 0), X520("commonName", "\x03", 0),
	X520("surname", "\x04", 0),
	X520("serialNumber", "\x05", PRINTABLE),
	X520("C", "\x06", PRINTABLE), X520("countryName", "\x06", PRINTABLE),
	X520("L", "\x07", 0), X520("localityName", "\x07", 0),
	/* Windows shows S for stateOrProvinceName */
	X520("ST", "\x08", 0), X520("S", "\x08", 0), X520("stateOrProvinceName", "\x08", 0),
	X520("street", "\x09", 0), X520("streetAddress", "\x09", 0),
	X520("O", "\x0a", 0), X520("organizationName", "\x0a", 0),
	X520("OU", "\x0b", 0), X520("organizationalUnitName", "\x0b", 0),
	X520("title", "\x0c", 0), X520("T", "\x0c", 0),
	X520("description", "\x0d", 0),
	X520("businessCategory", "\x0f", 0),
	X520("postalCode", "\x11", 0),
	X520("name", "\x29", 0),
	X520("givenName", "\x2a", 0), X520("GN", "\x2a", 0), X520("G", "\x2a", 0),
	X520("initials", "\x2b", 0),
	X520("generationQualifier", "\x2c", 0),
	X520("dnQualifier", "\x2e", PRINTABLE),
	X520("pseudonym", "\x41", 0),
	X520("organizationIdentifier", "\x61", 0),
	PKCS9("E", "\x01"), PKCS9("email", "\x01"), PKCS9("emailAddress", "\x01"),
	PKCS9("unstructuredName", "\x02"), PKCS9("unstructuredAddress", "\x08"),
	COSINE("UID", "\x01", 0), COSINE("userId", "\x01", 0),
	COSINE("DC", "\x19", IA5), COSINE("domainComponent", "\x19", IA5),
};

/* The rest of the text, from @p on, and the buffer for the reason of a refusal. */
struct reader {
	const char *p;
	bool stars;
	char *why;
	size_t why_len;
};

__attribute__((format(printf, 2, 3)))
static bool refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->why_len, fmt, ap);
	va_end(ap);
	return false;
}

/* Writes a TLV of at most 65535 octets. */
static void put_tlv(struct buf *b, uint8_t tag, const void *p, size_t len)
{
	b->failed |= len > 0xffff;
	buf_put_u8(b, tag);
	if (len > 0xff) {
		buf_put_u8(b, 0x82);
		buf_put_u16(b, len);
	} else {
		if (len > 0x7f)
			buf_put_u8(b, 0x81);
		buf_put_u8(b, len);
	}
	buf_put(b, p, len);
}

static void skip_spaces(struct reader *r)
{
	while (*r->p == ' ')
		r->p++;
}

/* ---- types ---- */

/* Writes one number of an OID: seven bits an octet, the highest first. */
static void put_arc(struct buf *b, uint32_t v)
{
	int shift;

	for (shift = 28; shift; shift -= 7)
		if (v >> shift)
			buf_put_u8(b, 0x80 | (v >> shift & 0x7f));
	buf_put_u8(b, v & 0x7f);
}

static bool dotted_oid(struct reader *r, const char *name, size_t len, struct buf *oid)
{
	const char *p = name, *end = name + len;
	uint32_t first = 0, v;
	unsigned int n;

	for (n = 0; p < end; n++) {
		char *next;
		unsigned long long whole = *p >= '0' && *p <= '9' ? strtoull(p, &next, 10) : ~0ull;

		/* X.660 A.5: three roots, of which two have 40 arcs */
		if (whole > UINT32_MAX - 80 || (!n && whole > 2) || (n == 1 && first < 2 && whole > 39))
			break;
		v = whole;
		if (n)
			put_arc(oid, n == 1 ? first * 40 + v : v);
		first = v;
		p = next;
		if (p == end && n)
			return true;
		if (p == end || *p++ != '.')
			break;
	}
	return refuse(r, "'%.*s' is no type of attribute", (int)len, name);
}

static const struct attribute *find_attribute(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (strlen(attributes[i].name) == len && !strncasecmp(attributes[i].name, name, len))
			return &attributes[i];
	return NULL;
}

/* Reads TYPE and '='. @tag gets the string type; 0: the value decides. */
static bool read_type(struct reader *r, struct buf *oid, uint8_t *tag)
{
	const struct attribute *a;
	const char *name;
	size_t len;

	skip_spaces(r);
	name = r->p;
	len = strcspn(name, "=,+");
	if (name[len] != '=')
		return refuse(r, "'%.*s' has no '='", (int)len, name);
	r->p += len + 1;
	while (len && name[len - 1] == ' ')
		len--;
	*tag = 0;
	if (*name >= '0' && *name <= '9')
		return dotted_oid(r, name, len, oid);
	if (len == 2 && !strncasecmp(name, "SN", 2))
		return refuse(r, "SN is a surname to some programs and a serial number to others: write surname or serialNumber");
	a = find_attribute(name, len);
	if (!a)
		return refuse(r, "'%.*s' is no type of attribute that has a name here: write its OID, as 2.5.4.3",
			      (int)len, name);
	buf_put(oid, a->oid, a->oid_len);
	*tag = a->tag;
	return true;
}

/* ---- values ---- */

static bool is_end(char c)
{
	return !c || c == ',' || c == '+';
}

/* Reads an escape of RFC 4514 3: a special character or two hexadecimal digits. */
static bool read_escape(struct reader *r, struct buf *text)
{
	uint8_t octet;

	r->p++;
	if (isxdigit((unsigned char)*r->p) && isxdigit((unsigned char)r->p[1])) {
		hex_decode(r->p, 2, &octet);
		buf_put_u8(text, octet);
		r->p += 2;
		return octet || refuse(r, "a value has no octet 0");
	}
	/* '"' too, though the file can only have it as two digits */
	if (!*r->p || !strchr(" ,+\"\\<>;=#*/", *r->p))
		return refuse(r, "a backslash stands before one of , + \\ < > ; = # * / and spaces, or two hexadecimal digits");
	buf_put_u8(text, *r->p++);
	return true;
}

/* Reads a value. @solid gets the length of @text without trailing spaces. */
static bool read_text(struct reader *r, struct buf *text, size_t *solid)
{
	for (*solid = 0; !is_end(*r->p);) {
		bool space = *r->p == ' ';

		if (*r->p == '\\') {
			if (!read_escape(r, text))
				return false;
		} else if (*r->p == ';' || *r->p == '*') {
			return refuse(r, *r->p == ';' ? "a comma is between the parts: write \\; for the letter" :
				      "'*' is the whole value of a pattern: write \\* for the letter");
		} else {
			buf_put_u8(text, *r->p++);
		}
		if (!space)
			*solid = text->len;
	}
	return *solid || refuse(r, "a value is empty");
}

/* X.680 41.4 */
static bool is_printable_string(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!p[i] || p[i] > 0x7f || (!isalnum(p[i]) && !strchr(" '()+,-./:=?", p[i])))
			return false;
	return true;
}

static bool is_ascii(const uint8_t *p, size_t len)
{
	while (len && *p < 0x80) {
		p++;
		len--;
	}
	return !len;
}

/* Reads "#" and a value in DER (RFC 4514 2.4). */
static bool read_hex(struct reader *r, struct buf *value)
{
	struct bytes rest, whole, body;
	size_t at = value->len;
	uint8_t octet, tag;

	for (r->p++; isxdigit((unsigned char)*r->p) && isxdigit((unsigned char)r->p[1]); r->p += 2) {
		hex_decode(r->p, 2, &octet);
		buf_put_u8(value, octet);
	}
	skip_spaces(r);
	if (value->failed)
		return false;
	rest = (struct bytes){ value->p + at, value->len - at };
	if (!is_end(*r->p) || !wire_der_next(&rest, &tag, &whole, &body) || rest.len ||
	    tag == CERT_DN_STAR)
		return refuse(r, "behind # the hexadecimal digits of a value in DER are expected: write \\# for the letter");
	return true;
}

static bool is_star(const struct reader *r)
{
	const char *p = r->p;

	if (*p++ != '*')
		return false;
	while (*p == ' ')
		p++;
	return is_end(*p);
}

static bool put_string(struct reader *r, uint8_t tag, const uint8_t *p, size_t len,
		       struct buf *value)
{
	bool printable = is_printable_string(p, len);

	if (!tag)
		tag = printable ? PRINTABLE : UTF8;
	if (tag == PRINTABLE && !printable)
		return refuse(r, "this value may have letters, digits and ' ( ) + , - . / : = ? alone");
	if (tag == IA5 && !is_ascii(p, len))
		return refuse(r, "this value may have ASCII characters alone");
	put_tlv(value, tag, p, len);
	return true;
}

/* Reads a value. A star is written as an ASN.1 NULL, which no attribute has. */
static bool read_value(struct reader *r, uint8_t tag, struct buf *value)
{
	struct buf text;
	size_t solid;
	bool ok;

	skip_spaces(r);
	if (*r->p == '#')
		return read_hex(r, value);
	if (is_star(r)) {
		put_tlv(value, CERT_DN_STAR, NULL, 0);
		r->stars = true;
		r->p++;
		skip_spaces(r);
		return true;
	}
	buf_init(&text);
	ok = read_text(r, &text, &solid) && !text.failed && put_string(r, tag, text.p, solid, value);
	buf_free(&text);
	return ok;
}

/* ---- the whole ---- */

static bool read_ava(struct reader *r, struct buf *ava)
{
	struct buf oid, body;
	uint8_t tag;
	bool ok;

	buf_init(&oid);
	buf_init(&body);
	ok = read_type(r, &oid, &tag);
	if (ok) {
		put_tlv(&body, OID, oid.p, oid.len);
		ok = read_value(r, tag, &body) && !body.failed && !oid.failed;
	}
	if (ok)
		put_tlv(ava, SEQUENCE, body.p, body.len);
	buf_free(&oid);
	buf_free(&body);
	return ok;
}

static int buf_cmp(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	size_t least = x->len < y->len ? x->len : y->len;
	int ret = least ? memcmp(x->p, y->p, least) : 0;

	return ret ? ret : (x->len > y->len) - (x->len < y->len);
}

/* Writes the elements of a SET OF in the order of their octets (X.690 11.6). */
static void put_sorted(struct buf *out, struct buf *parts, unsigned int n)
{
	unsigned int i;

	qsort(parts, n, sizeof(*parts), buf_cmp);
	for (i = 0; i < n; i++) {
		buf_put(out, parts[i].p, parts[i].len);
		out->failed |= parts[i].failed;
	}
}

/* Reads TYPE=VALUE, or several of them joined by '+'. */
static bool read_rdn(struct reader *r, struct buf *rdns)
{
	struct buf avas[AVAS_MAX], body;
	unsigned int n = 0, i;
	bool ok = true, more = true;

	buf_init(&body);
	while (ok && more) {
		if (n == AVAS_MAX) {
			ok = refuse(r, "more than %u attributes are in one part", AVAS_MAX);
			break;
		}
		buf_init(&avas[n]);
		ok = read_ava(r, &avas[n++]);
		more = ok && *r->p == '+';
		r->p += more;
	}
	if (ok) {
		put_sorted(&body, avas, n);
		put_tlv(rdns, SET, body.p, body.len);
		ok = !body.failed;
	}
	for (i = 0; i < n; i++)
		buf_free(&avas[i]);
	buf_free(&body);
	return ok;
}

static bool read_rdns(struct reader *r, struct buf *rdns)
{
	unsigned int n;

	if (*r->p == '/')
		return refuse(r, "the parts have commas between them, not slashes");
	for (n = 0; n < RDNS_MAX; n++) {
		if (!read_rdn(r, rdns))
			return false;
		if (!*r->p)
			return true;
		r->p++;
	}
	return refuse(r, "it has more than %u parts", RDNS_MAX);
}

/**
 * cert_dn_parse - converts the text of a distinguished name to DER
 * @text: a name by RFC 4514, but with its parts in the order of the certificate, as openssl and
 *	strongSwan show them
 * @der: gets the name; a value `*` becomes CERT_DN_STAR without content
 * @stars: gets whether @text has a value `*`
 * @why: gets the reason of a refusal
 * @why_len: size of @why
 *
 * Return: false if @text is no name, or without memory
 */
bool cert_dn_parse(const char *text, struct buf *der, bool *stars, char *why, size_t why_len)
{
	struct reader r = { .p = text, .why = why, .why_len = why_len };
	struct buf rdns;
	bool ok;

	snprintf(why, why_len, "out of memory");
	buf_init(&rdns);
	ok = read_rdns(&r, &rdns) && !rdns.failed;
	if (ok)
		put_tlv(der, SEQUENCE, rdns.p, rdns.len);
	*stars = r.stars;
	buf_free(&rdns);
	return ok && !der->failed;
}

/* ---- one form for equal names ---- */

/* Folds case and spaces by RFC 5280 7.1, as cert_dn_equal() does. */
static void put_folded(struct buf *out, struct bytes text)
{
	size_t i;

	while (text.len && *text.p == ' ') {
		text.p++;
		text.len--;
	}
	for (i = 0; i < text.len; i++) {
		bool space = text.p[i] == ' ';

		/* keep one of several spaces, and none at the end */
		if (space && (i + 1 == text.len || text.p[i + 1] == ' '))
			continue;
		buf_put_u8(out, tolower(text.p[i]));
	}
}

static bool canon_ava(struct bytes *set, struct buf *out)
{
	struct cert_ava ava;
	struct buf text;

	if (!cert_ava_read(set, &ava))
		return false;
	put_tlv(out, OID, ava.oid.p, ava.oid.len);
	if (!cert_ava_is_text(&ava)) {
		put_tlv(out, ava.tag, ava.value.p, ava.value.len);
		return true;
	}
	buf_init(&text);
	put_folded(&text, ava.value);
	put_tlv(out, UTF8, text.p, text.len);
	out->failed |= text.failed;
	buf_free(&text);
	return true;
}

static bool canon_rdn(struct bytes set, struct buf *out)
{
	struct buf avas[AVAS_MAX], body;
	unsigned int n = 0, i;
	bool ok = set.len;

	buf_init(&body);
	while (ok && set.len && n < AVAS_MAX) {
		buf_init(&avas[n]);
		ok = canon_ava(&set, &avas[n++]);
	}
	ok = ok && !set.len;
	if (ok) {
		put_sorted(&body, avas, n);
		put_tlv(out, SET, body.p, body.len);
		out->failed |= body.failed;
	}
	for (i = 0; i < n; i++)
		buf_free(&avas[i]);
	buf_free(&body);
	return ok;
}

/**
 * cert_dn_canon - writes the canonical form of a distinguished name
 * @der: the name
 * @out: gets the form, only for comparison with other results of this function
 *
 * Return: false if @der is no name or has over AVAS_MAX attributes in one part, or without memory
 */
bool cert_dn_canon(struct bytes der, struct buf *out)
{
	struct bytes whole, sets, set;
	uint8_t tag;

	if (!wire_der_next(&der, &tag, &whole, &sets) || tag != SEQUENCE || der.len || !sets.len)
		return false;
	while (sets.len)
		if (!wire_der_next(&sets, &tag, &whole, &set) || tag != SET || !canon_rdn(set, out))
			return false;
	return !out->failed;
}
