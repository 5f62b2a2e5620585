// SPDX-License-Identifier: GPL-2.0
/* Identities: how they are written, which secret is theirs, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ike/core.h"
#include "pki/cert.h"

#define TEXT	"access-list l { 1 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n" \
		"peer p { local id fqdn hq.example.com remote address 192.0.2.2 id %s tunnel t { access-list l } }\n"

static struct conf *try_id(const char *id, struct conf_error *err)
{
	char text[700];

	snprintf(text, sizeof(text), TEXT, id);
	return conf_parse(text, strlen(text), "f", err);
}

static struct conf *with_id(const char *id)
{
	struct conf_error err;
	struct conf *conf = try_id(id, &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

static void refused(const char *id, const char *want)
{
	struct conf_error err;

	assert_null(try_id(id, &err));
	if (!strstr(err.text, want))
		fail_msg("%s: '%s', expected '%s'", id, err.text, want);
}

/* ---- how they are written ---- */

static void key_ids(void **state)
{
	static const struct { const char *written, *octets; size_t len; } rows[] = {
		{ "key-id laboratory", "laboratory", 10 },
		{ "key-id \"two words\"", "two words", 9 },
		{ "key-id 0x00ffAb", "\x00\xff\xab", 3 },
		/* a text that looks like octets */
		{ "key-id \"0x00ff\"", "0x00ff", 6 },
		{ "key-id @lab", "@lab", 4 },
	};
	struct conf *conf;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		conf = with_id(rows[i].written);
		assert_int_equal(conf->peers[0].remote_id.len, rows[i].len);
		assert_memory_equal(conf->peers[0].remote_id.data, rows[i].octets, rows[i].len);
		conf_free(conf);
	}
	refused("key-id 0xabc", "found '0xabc', expected an even number of hexadecimal digits behind 0x");
	refused("key-id 0xgh", "found '0xgh', expected an even number of hexadecimal digits behind 0x");
	refused("key-id 0x", "found '0x', expected an even number of hexadecimal digits behind 0x");
}

static void each_type_says_what_it_wants(void **state)
{
	static const struct { const char *written, *want; } rows[] = {
		{ "fqdn @hq.example.com", "found '@hq.example.com', expected hq.example.com without '@'" },
		{ "fqdn @", "found '@', expected a name" },
		{ "email @example.com", "found '@example.com', expected an address such as anna@example.com" },
		{ "email example.com", "found 'example.com', expected an address such as anna@example.com" },
		{ "fqdn a.*.com", "expected '*' in place of the whole first label, as in *.example.com" },
		{ "fqdn *", "expected '*' in place of the whole first label" },
		{ "email a*@example.com", "expected '*' in place of all before the '@'" },
		{ "ipv4 2001:db8::1", "found '2001:db8::1', expected an IPv4 address" },
		{ "ipv6 hq.example.com", "found 'hq.example.com', expected an IPv6 address" },
		{ "dn \"C=DE, X=y\"", "'X' is no type of attribute that has a name here" },
		{ "dn \"C=DE, SN=1\"", "write surname or serialNumber" },
		{ "dn hq.example.com", "'hq.example.com' has no '='" },
		{ "dn \"/C=DE/O=x\"", "the parts have commas between them, not slashes" },
		{ "dn \"C=DE; O=x\"", "a comma is between the parts" },
		{ "dn \"C=DE, O=\"", "a value is empty" },
		{ "dn \"C=DE, O=x\\y\"", "a backslash stands before one of" },
		{ "dn \"C=DE, O=x\\\"", "a backslash stands before one of" },
		{ "dn \"C=DE, O=x\\00y\"", "a value has no octet 0" },
		{ "dn \"C=DE, CN=*.example.com\"", "'*' is the whole value of a pattern" },
		{ "dn \"C=D_, O=x\"", "this value may have letters, digits" },
		{ "dn \"E=m\xc3\xbcller@example.com\"", "ASCII characters alone" },
		{ "dn \"O=x, CN=#0c05\"", "the hexadecimal digits of a value in DER" },
		{ "dn \"O=x, CN=#0500\"", "the hexadecimal digits of a value in DER" },
		{ "dn \"O=x, 3.2=y\"", "'3.2' is no type of attribute" },
		{ "dn \"O=x,\"", "'' has no '='" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refused(rows[i].written, rows[i].want);
}

static void assert_der(const char *text, const char *der, size_t len)
{
	char id[300], got[600] = "";
	struct conf *conf;
	size_t i;

	snprintf(id, sizeof(id), "dn \"%s\"", text);
	conf = with_id(id);
	for (i = 0; i < conf->peers[0].remote_id.len; i++)
		sprintf(got + 2 * i, "%02x", conf->peers[0].remote_id.data[i]);
	if (conf->peers[0].remote_id.len != len || memcmp(conf->peers[0].remote_id.data, der, len))
		fail_msg("%s is %s", text, got);
	conf_free(conf);
}

#define DER(text, octets) assert_der(text, octets, sizeof(octets) - 1)

static void names_become_der(void **state)
{
	(void)state;
#define EMAIL "0\x18\x31\x16\x30\x14\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01\x16\x07" "a@b.com"
	DER("E=a@b.com", EMAIL);
	DER("emailAddress=a@b.com", EMAIL);
	DER(" email = a@b.com ", EMAIL);
#define STATE "0\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x08\x13\x02" "By"
	DER("S=By", STATE);
	DER("ST=By", STATE);
	DER("st=By", STATE);
	DER("2.5.4.8=By", STATE);
	DER("2.5.4.8=#13024279", STATE);
	/* X.690 11.6: UID's longer type sorts it behind CN, whichever is written first */
#define TWO "0\x22\x31\x20\x30\x0a\x06\x03\x55\x04\x03\x13\x03" "Bob" \
	"\x30\x12\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01\x13\x04" "0042"
	DER("CN=Bob+UID=0042", TWO);
	DER("UID=0042 + CN=Bob", TWO);
	/* RFC 4514 2.4 */
	DER("O=a\\, b", "0\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x13\x04" "a, b");
	DER("O=a\\2c b", "0\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x13\x04" "a, b");
	DER("O=a\\+b", "0\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x13\x03" "a+b");
	DER("O=a=b", "0\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x13\x03" "a=b");
	DER("O=\\#1", "0\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x0c\x02" "#1");
	DER("O=\\*", "0\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01" "*");
	DER("O=a\\ ", "0\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x13\x02" "a ");
	DER("O=M\\C3\\BC", "0\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x0c\x03" "M\xc3\xbc");
	/* RFC 5280 appendix A.1: of DC and E IA5String */
	DER("DC=x", "0\x13\x31\x11\x30\x0f\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19\x16\x01" "x");
}

static bool matches(const char *id, const char *other)
{
	struct conf *a = with_id(id), *b = with_id(other);
	const struct conf_id *with = &b->peers[0].remote_id;
	bool ok = ike_id_match(&a->peers[0].remote_id, NULL, with->type,
			       (struct bytes){ with->data, with->len });

	conf_free(a);
	conf_free(b);
	return ok;
}

static void stars_in_names(void **state)
{
	static const char star[] = "dn \"C=DE, O=Example, CN=*\"";
	struct conf *conf = with_id(star);

	(void)state;
	assert_true(conf_id_is_pattern(&conf->peers[0].remote_id));
	conf_free(conf);
	assert_true(matches(star, "dn \"C=DE, O=Example, CN=hq\""));
	assert_true(matches(star, "dn \"C=de, O=EXAMPLE, CN=a b\""));
	/* the name itself: another's pattern is no identity */
	assert_false(matches(star, star));
	assert_true(matches(star, "dn \"C=DE, O=Example, CN=\\*\""));
	assert_false(matches(star, "dn \"C=DE, O=Other, CN=hq\""));
	assert_false(matches(star, "dn \"C=DE, O=Example\""));
	assert_false(matches(star, "dn \"C=DE, O=Example, OU=hq\""));
	assert_false(matches(star, "dn \"C=DE, O=Example, CN=hq, CN=hq\""));
	assert_false(matches(star, "dn \"C=DE, O=Example, CN=hq+UID=7\""));
	assert_false(matches(star, "fqdn hq.example.com"));
	assert_true(matches("dn \"O=x, CN=*+UID=7\"", "dn \"O=x, UID=7+CN=hq\""));
	assert_false(matches("dn \"O=x, CN=*+UID=7\"", "dn \"O=x, UID=8+CN=hq\""));
	assert_true(matches("dn \"O=x, CN=*+CN=b\"", "dn \"O=x, CN=b+CN=a\""));
	/* an escaped one is a letter */
	assert_false(matches("dn \"O=x, CN=\\*\"", "dn \"O=x, CN=hq\""));
	/* our own is one */
	refused("fqdn x local id dn \"C=DE, CN=*\"", "expected an identity without '*'");
}

/* the order in one part is that of the octets, of which upper and lower case are a part */
static void parts_of_several(void **state)
{
	(void)state;
	assert_true(matches("dn \"CN=a+CN=B\"", "dn \"CN=A+CN=b\""));
	assert_true(matches("dn \"O=x, UID=7+CN=hq\"", "dn \"O=x, CN=HQ+UID=7\""));
	assert_false(matches("dn \"CN=a+CN=a\"", "dn \"CN=a+CN=b\""));
	assert_false(matches("dn \"CN=a+CN=b\"", "dn \"CN=a\""));
}

/* ---- which secret is theirs ---- */

static struct conf *with_secrets(const char *secrets)
{
	struct conf *conf = with_id("fqdn hq.example.com");
	struct conf_error err;

	if (!conf_secrets_parse(conf, secrets, strlen(secrets), "s", &err))
		fail_msg("%s", err.text);
	return conf;
}

/* the secret for hq.example.com and a peer that says it is @id; NULL: none */
static const char *secret_of(const struct conf *conf, const char *id)
{
	static char text[64];
	struct conf *other = with_id(id);
	struct conf_id said = { 0 }, *remote = &other->peers[0].remote_id;
	const struct conf_secret *s;

	/* as it comes from the wire */
	assert_true(ike_id_set(&said, remote->type, (struct bytes){ remote->data, remote->len }));
	s = conf_secret_find(conf, &conf->peers[0].local_id, &said);
	snprintf(text, sizeof(text), "%.*s", s ? (int)s->len : 0, s ? (const char *)s->psk : "");
	/* the configured identity finds the same secret */
	assert_ptr_equal(conf_secret_find(conf, &conf->peers[0].local_id, remote), s);
	ike_id_clear(&said);
	conf_free(other);
	return s ? text : NULL;
}

static void assert_secret(const char *line, const char *id, bool there)
{
	char text[400];
	struct conf *conf;

	snprintf(text, sizeof(text), "psk hq.example.com %s \"x\"\n", line);
	conf = with_secrets(text);
	if (!secret_of(conf, id) == there)
		fail_msg("%s %s the secret of %s", id, there ? "has not" : "has", line);
	conf_free(conf);
}

/* An ID_DN payload with the canonical form of a DN, which is no DN itself, has no secret. */
static void canonical_form_is_no_name(void **state)
{
	struct conf *conf = with_secrets("psk hq.example.com dn \"C=DE, CN=hq\" \"x\"\n");
	struct conf *other = with_id("dn \"C=DE, CN=hq\"");
	const struct conf_id *dn = &other->peers[0].remote_id;
	struct conf_id said = { 0 };
	struct buf canon;

	(void)state;
	buf_init(&canon);
	assert_true(cert_dn_canon((struct bytes){ dn->data, dn->len }, &canon));
	assert_non_null(conf_secret_find(conf, &conf->peers[0].local_id, dn));
	assert_true(ike_id_set(&said, WIRE_ID_DN, buf_bytes(&canon)));
	assert_null(conf_secret_find(conf, &conf->peers[0].local_id, &said));
	ike_id_clear(&said);
	buf_free(&canon);
	conf_free(other);
	conf_free(conf);
}

static void secrets_are_found_by_octets(void **state)
{
	static const struct { const char *line, *id; bool there; } rows[] = {
		{ "laboratory", "key-id laboratory", true },
		{ "key-id laboratory", "key-id laboratory", true },
		{ "key-id 0x6c6162", "key-id lab", true },
		{ "lab", "key-id 0x6c6162", true },
		{ "0x00ff", "key-id 0x00ff", true },
		{ "0x00FF", "key-id 0x00ff", true },
		{ "\"0x00ff\"", "key-id 0x00ff", false },
		{ "\"0x00ff\"", "key-id \"0x00ff\"", true },
		{ "key-id Lab", "key-id lab", false },
		{ "Lab", "key-id lab", false },
		/* domain names have no case */
		{ "Branch.example.com", "fqdn branch.Example.com", true },
		{ "fqdn Branch.example.com", "fqdn branch.Example.com", true },
		{ "Anna@example.com", "email anna@Example.com", true },
		/* one address, two ways to write it */
		{ "2001:db8:0::1", "ipv6 2001:db8::1", true },
		{ "ipv6 2001:db8:0::1", "ipv6 2001:db8::1", true },
		{ "192.0.2.1", "ipv4 192.0.2.1", true },
		{ "\"C=DE,O=Example\"", "dn \"c=DE,  o=Example\"", true },
		{ "dn \"C=DE, ST=By, E=a@b.com\"", "dn \"C=de, S=BY, emailAddress=a@b.com\"", true },
		{ "\"CN=a+UID=7\"", "dn \"uid=7+cn=A\"", true },
		{ "\"O=a  b\"", "dn \"O= A B \"", true },
		/* another type is another identity */
		{ "fqdn lab", "key-id lab", false },
		{ "key-id lab", "fqdn lab", false },
		{ "email anna@example.com", "fqdn anna@example.com", false },
		{ "192.0.2.1", "fqdn 192.0.2.1", false },
		{ "192.0.2.1", "key-id 0xc0000201", false },
		{ "fqdn 192.0.2.1", "fqdn 192.0.2.1", true },
		{ "\"C=DE\"", "key-id \"C=DE\"", false },
		{ "key-id \"C=DE\"", "key-id \"C=DE\"", true },
		{ "dn \"C=DE, O=a\"", "dn \"C=DE, O=b\"", false },
		/* a host that is called as a type is */
		{ "\"email\"", "fqdn \"email\"", true },
		{ "any", "key-id 0x00", true },
		{ "%any", "dn \"O=x\"", true },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_secret(rows[i].line, rows[i].id, rows[i].there);
}

static void the_most_specific_wins(void **state)
{
	struct conf *conf = with_secrets(
		"psk any any \"1\"\n"
		"psk hq.example.com any \"2\"\n"
		"psk any lab \"3\"\n"
		"psk any key-id lab \"4\"\n"
		"psk hq.example.com lab \"5\"\n"
		"psk fqdn HQ.example.com fqdn lab \"6\"\n");

	(void)state;
	/* both named, though the type is not */
	assert_string_equal(secret_of(conf, "key-id lab"), "5");
	assert_string_equal(secret_of(conf, "fqdn lab"), "6");
	assert_string_equal(secret_of(conf, "email lab@lab"), "2");
	conf_free(conf);
	conf = with_secrets("psk any any \"1\"\npsk any lab \"3\"\npsk any key-id lab \"4\"\n"
			    "psk hq.example.com any \"2\"\n");
	assert_string_equal(secret_of(conf, "key-id lab"), "4");
	assert_string_equal(secret_of(conf, "fqdn lab"), "3");
	assert_string_equal(secret_of(conf, "fqdn other"), "2");
	conf_free(conf);
}

static void bad_lines_say_where(void **state)
{
	static const struct { const char *line, *want; } rows[] = {
		{ "psk any @hunter2 \"x\"", "s:1:9: expected the remote identity without '@'" },
		{ "psk @hunter2 any \"x\"", "s:1:5: expected the local identity without '@'" },
		{ "psk any fqdn @hunter2 \"x\"", "s:1:14: expected the remote identity without '@'" },
		{ "psk any ipv4 hunter2 \"x\"", "s:1:14: expected the remote identity: an IPv4 address" },
		{ "psk any dn hunter2 \"x\"", "s:1:12: expected the remote identity: a distinguished name" },
		{ "psk any 0xhunter2 \"x\"", "s:1:9: expected the remote identity: an even number of hexadecimal digits" },
		{ "psk any dn \"C=DE, CN=*\" \"x\"", "s:1:12: expected the remote identity without '*'" },
		{ "psk any \"C=DE, CN=*\" \"x\"", "s:1:9: expected the remote identity without '*'" },
		{ "psk any fqdn *.hunter2 \"x\"", "s:1:14: expected the remote identity without '*'" },
		{ "psk any fqdn", "s:1:13: expected the remote identity" },
		{ "psk fqdn \"hunter2\"", "s:1:19: expected the remote identity" },
	};
	struct conf *conf = with_id("fqdn a");
	struct conf_error err;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_false(conf_secrets_parse(conf, rows[i].line, strlen(rows[i].line), "s", &err));
		if (strncmp(err.text, rows[i].want, strlen(rows[i].want)))
			fail_msg("%s: '%s', expected '%s'", rows[i].line, err.text, rows[i].want);
		assert_null(strstr(err.text, "hunter2"));
	}
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_ids),
		cmocka_unit_test(each_type_says_what_it_wants),
		cmocka_unit_test(names_become_der),
		cmocka_unit_test(stars_in_names),
		cmocka_unit_test(parts_of_several),
		cmocka_unit_test(canonical_form_is_no_name),
		cmocka_unit_test(secrets_are_found_by_octets),
		cmocka_unit_test(the_most_specific_wins),
		cmocka_unit_test(bad_lines_say_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
