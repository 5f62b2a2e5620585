// SPDX-License-Identifier: GPL-2.0
/* Parses identities and prints them in messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/scan.h"
#include "wire/wire.h"

#define ID_MAX	255	/* characters of a word */

/* An identity being parsed, and the buffer for the reason of a refusal. */
struct reader {
	uint8_t type;
	struct conf_word word;
	bool quoted;
	struct conf_id *id;
	char *expected;
	size_t expected_len;
};

#define EXPECT(r, ...) \
	(snprintf((r)->expected, (r)->expected_len, __VA_ARGS__), false)

void conf_id_free(struct conf_id *id)
{
	free(id->text);
	free(id->data);
	memset(id, 0, sizeof(*id));
}

bool conf_id_is_pattern(const struct conf_id *id)
{
	if (id->type == WIRE_ID_DN)
		return id->stars;
	return (id->type == WIRE_ID_FQDN || id->type == WIRE_ID_EMAIL) && id->len &&
	       id->data[0] == '*';
}

static bool set_data(struct reader *r, const void *p, size_t len)
{
	r->id->data = malloc(len);
	if (!r->id->data)
		return EXPECT(r, "more memory");
	memcpy(r->id->data, p, len);
	r->id->len = len;
	return true;
}

static bool read_addr(struct reader *r)
{
	uint8_t family = r->type == WIRE_ID_IPV4 ? AF_INET : AF_INET6;
	char text[ADDR_STRLEN];
	struct addr a;

	if (!conf_value_copy(r->word, text, sizeof(text)) || !addr_parse(text, &a) ||
	    a.family != family)
		return EXPECT(r, "an %s address", family == AF_INET ? "IPv4" : "IPv6");
	return set_data(r, a.a, addr_len(&a));
}

static bool read_dn(struct reader *r)
{
	char text[ID_MAX + 1], why[200];
	struct buf der;
	bool ok;

	conf_value_copy(r->word, text, sizeof(text));
	buf_init(&der);
	if (strlen(text) != (size_t)r->word.len)
		ok = EXPECT(r, "a distinguished name without octets 0");
	else if (!cert_dn_parse(text, &der, &r->id->stars, why, sizeof(why)))
		ok = EXPECT(r, "a distinguished name such as C=DE, O=Example, CN=hq: %s", why);
	else
		ok = set_data(r, der.p, der.len);
	buf_free(&der);
	return ok;
}

/* Reads a key ID: hexadecimal after 0x without quotes, else text. */
static bool read_key_id(struct reader *r)
{
	const char *p = r->word.p;
	uint8_t octets[ID_MAX];
	int len = r->word.len;

	if (r->quoted || len < 2 || memcmp(p, "0x", 2))
		return set_data(r, p, len);
	if (len == 2 || !hex_decode(p + 2, len - 2, octets))
		return EXPECT(r, "an even number of hexadecimal digits behind 0x, or a text in quotes");
	return set_data(r, octets, len / 2 - 1);
}

/* Reads a domain name. A pattern has `*` as its whole first label. */
static bool read_fqdn(struct reader *r)
{
	struct conf_word w = r->word;

	if (*w.p == '@' && w.len > 1)
		return EXPECT(r, "%.*s without '@': in strongSwan and libreswan it says that the name is not to be resolved, and it is no part of the identity",
			      w.len - 1, w.p + 1);
	if (*w.p == '@')
		return EXPECT(r, "a name such as hq.example.com");
	if (memchr(w.p, '*', w.len) &&
	    (w.len < 3 || memcmp(w.p, "*.", 2) || memchr(w.p + 1, '*', w.len - 1)))
		return EXPECT(r, "'*' in place of the whole first label, as in *.example.com");
	return set_data(r, w.p, w.len);
}

/* Reads an email address. A pattern has `*` as all that precedes the @. */
static bool read_email(struct reader *r)
{
	struct conf_word w = r->word;

	if (!memchr(w.p, '@', w.len) || *w.p == '@')
		return EXPECT(r, "an address such as anna@example.com, or *@example.com for everybody there");
	if (memchr(w.p, '*', w.len) &&
	    (w.len < 3 || memcmp(w.p, "*@", 2) || memchr(w.p + 1, '*', w.len - 1)))
		return EXPECT(r, "'*' in place of all before the '@', as in *@example.com");
	return set_data(r, w.p, w.len);
}

static bool read_id(struct reader *r)
{
	switch (r->type) {
	case WIRE_ID_IPV4:
	case WIRE_ID_IPV6:
		return read_addr(r);
	case WIRE_ID_DN:
		return read_dn(r);
	case WIRE_ID_KEY:
		return read_key_id(r);
	case WIRE_ID_EMAIL:
		return read_email(r);
	default:
		return read_fqdn(r);
	}
}

/**
 * conf_value_id - parses an identity
 * @type: enum wire_id_type
 * @w: the word of the configuration
 * @quoted: the word is in quotes, so 0x begins a text
 * @id: gets the identity; the caller calls conf_id_free() even after a refusal
 * @expected: gets the expected syntax after a refusal
 * @expected_len: size of @expected
 *
 * The ID payload (RFC 7296 3.5) contains the text itself. Addresses, distinguished names and
 * hexadecimal key IDs are converted.
 *
 * Return: false if the word is refused
 */
bool conf_value_id(uint8_t type, struct conf_word w, bool quoted, struct conf_id *id,
		   char *expected, size_t expected_len)
{
	struct reader r = { type, w, quoted, id, expected, expected_len };

	if (w.len > ID_MAX || !w.len)
		return EXPECT(&r, "an identity of at most %u characters", ID_MAX);
	if (!read_id(&r))
		return false;
	id->type = type;
	id->text = strndup(w.p, w.len);
	return id->text || EXPECT(&r, "more memory");
}

const char *conf_id_str(const struct conf_id *id, char *out, size_t len)
{
	snprintf(out, len, "%s '%s'", wire_id_type_str(id->type), id->text);
	return out;
}
