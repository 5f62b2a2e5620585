// SPDX-License-Identifier: GPL-2.0
/* PKCS#11 URIs, RFC 7512: those that name a private key, or a token. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pki/token.h"

#define SCHEME		"pkcs11:"
#define VALUE_MAX	256

/* the path attributes of RFC 7512 2.3 that say which object on which token */
static const char *const names[] = {
	"token", "serial", "manufacturer", "model", "object", "id", "type",
};
#define N_NAMES (sizeof(names) / sizeof(*names))

/* one attribute; @value is decoded */
struct attr {
	size_t name;
	char value[VALUE_MAX];
	size_t len;
};

static bool fail(const char *uri, const char *at, size_t *off, char *why, size_t why_len,
		 const char *what)
{
	*off = at - uri;
	snprintf(why, why_len, "%s", what);
	return false;
}

/**
 * token_is_uri() - check whether a text is a PKCS#11 URI, and no name of a file
 * @text: the text
 *
 * Return: true if the scheme is pkcs11
 */
bool token_is_uri(const char *text)
{
	return !strncasecmp(text, SCHEME, sizeof(SCHEME) - 1);
}

static int digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* RFC 7512 2.3: pk11-pchar; the end of @p is at @end */
static const char *decode(const char *p, const char *end, struct attr *out)
{
	for (out->len = 0; p < end; p++) {
		char c = *p;

		if (out->len == sizeof(out->value))
			return p;
		if (c == '%') {
			if (end - p < 3 || !isxdigit((unsigned char)p[1]) ||
			    !isxdigit((unsigned char)p[2]))
				return p;
			c = digit(p[1]) << 4 | digit(p[2]);
			p += 2;
		} else if (!isalnum((unsigned char)c) && !strchr("-._~:[]@!$'()*+,=&", c)) {
			return p;
		}
		out->value[out->len++] = c;
	}
	return NULL;
}

/* the attribute from @p to @end; NULL: good, else the place of the error */
static const char *read_attr(const char *p, const char *end, struct attr *out, const char **what)
{
	const char *equal = memchr(p, '=', end - p), *bad;
	size_t i;

	*what = "an attribute such as token=hq";
	if (!equal)
		return p;
	for (i = 0; i < N_NAMES; i++)
		if (strlen(names[i]) == (size_t)(equal - p) && !memcmp(names[i], p, equal - p))
			break;
	*what = "one of the attributes token, serial, manufacturer, model, object, id and type";
	if (i == N_NAMES)
		return p;
	out->name = i;
	*what = "letters, digits, or % and two hexadecimal digits, at most 256 octets";
	bad = decode(equal + 1, end, out);
	if (bad)
		return bad;
	*what = "a value behind '='";
	return out->len ? NULL : equal;
}

static bool is_private(const struct attr *a)
{
	return strcmp(names[a->name], "type") ||
	       (a->len == 7 && !memcmp(a->value, "private", 7));
}

/* RFC 7512 2.4: a PIN in a URI is one in the configuration, which others may read */
static const char *query_error(const char *query)
{
	if (strstr(query, "pin-value") || strstr(query, "pin-source"))
		return "no PIN in the URI: the PIN stands in the secrets file: key URI \"PIN\"";
	if (strstr(query, "module-"))
		return "no module in the URI: 'pkcs11-provider PATH' names it";
	return "nothing behind '?'";
}

static bool check_whole(const char *uri, bool key, unsigned int seen, size_t *off, char *why,
			size_t why_len)
{
	/* a PIN must not be sent to any other token, where it counts as a wrong one */
	if (!(seen & 3))
		return fail(uri, uri, off, why, why_len, "the attribute token or serial, which names the token");
	if (key && !(seen & (1u << 4 | 1u << 5)))
		return fail(uri, uri, off, why, why_len, "the attribute object or id, which names the key");
	return true;
}

/**
 * token_uri_check() - check a PKCS#11 URI
 * @uri: the URI, of which token_is_uri() is true
 * @key: it names a private key; otherwise it may name a token alone
 * @off: gets the offset of the error
 * @why: gets what was expected there
 * @why_len: room there
 *
 * Return: true if it can be used
 */
bool token_uri_check(const char *uri, bool key, size_t *off, char *why, size_t why_len)
{
	const char *p = uri + sizeof(SCHEME) - 1, *query = strchr(uri, '?'), *bad, *what, *end;
	unsigned int seen = 0;
	struct attr a;

	if (strlen(uri) > TOKEN_URI_MAX)
		return fail(uri, uri, off, why, why_len, "a URI of at most 511 characters");
	if (query)
		return fail(uri, query, off, why, why_len, query_error(query));
	for (; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ';');
		if (!strncmp(p, "pin-", 4))
			return fail(uri, p, off, why, why_len, query_error(p));
		bad = read_attr(p, end, &a, &what);
		if (bad)
			return fail(uri, bad, off, why, why_len, what);
		if (seen & 1u << a.name)
			return fail(uri, p, off, why, why_len, "each attribute once (RFC 7512 2.3)");
		if (!is_private(&a))
			return fail(uri, p, off, why, why_len, "type=private, or no type");
		seen |= 1u << a.name;
	}
	return check_whole(uri, key, seen, off, why, why_len);
}

static bool has_attr(const char *uri, const struct attr *want)
{
	const char *p = uri + sizeof(SCHEME) - 1, *end, *what;
	struct attr a;

	for (; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ';');
		if (!read_attr(p, end, &a, &what) && a.name == want->name && a.len == want->len &&
		    !memcmp(a.value, want->value, a.len))
			return true;
	}
	return false;
}

/**
 * token_uri_has() - check whether a URI has all attributes of another one
 * @uri: the URI of a key
 * @part: the URI of a token, or of the key; both have passed token_uri_check()
 *
 * Values are compared decoded, so two spellings of one value are equal.
 *
 * Return: true if each attribute of @part is in @uri
 */
bool token_uri_has(const char *uri, const char *part)
{
	const char *p = part + sizeof(SCHEME) - 1, *end, *what;
	struct attr a;

	for (; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ';');
		if (read_attr(p, end, &a, &what) || !has_attr(uri, &a))
			return false;
	}
	return true;
}
