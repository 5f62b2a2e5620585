// SPDX-License-Identifier: GPL-2.0
/* Text of peers and others becomes harmless in the log, in JSON and in names of certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"
#include "core/printable.h"
#include "ike/core.h"
#include "ike_world.h"

static void one(const char *text, const char *expected)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_string_equal(printable(copy), expected);
	/* Printable text stays as it is. */
	assert_string_equal(printable(copy), expected);
}

static void control_characters(void **state)
{
	(void)state;
	one("", "");
	one("a.example.com ~", "a.example.com ~");
	one("a\nb\rc\td\033[2Je\177f", "a?b?c?d?[2Je?f");
	/* C1: CSI is U+009B, NEL is U+0085 */
	one("a\xc2\x9b" "2J\xc2\x85" "b", "a?2J?b");
	/* overrides, isolates and marks of direction; separators of lines; what nobody sees */
	one("\xe2\x80\xae" "gpj\xe2\x80\xac", "?gpj?");
	one("\xe2\x81\xa6x\xe2\x81\xa9 \xe2\x80\x8f \xd8\x9c", "?x? ? ?");
	one("a\xe2\x80\xa8" "b\xe2\x80\xa9" "c\xe2\x80\x8b" "d\xef\xbb\xbf", "a?b?c?d?");
	one("\xf3\xa0\x81\x81 \xef\xbf\xbf", "? ?");
}

/* UTF-8 of a character from U+0080 on */
static void put_utf8(uint32_t code, char *out)
{
	unsigned int n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, i;

	for (i = n; --i; code >>= 6)
		out[i] = 0x80 | (code & 0x3f);
	out[0] = (0xf00 >> n) | code;
	out[n] = 0;
}

/* each of @from to @to is replaced, and neither of their neighbours */
static void replaced(uint32_t from, uint32_t to)
{
	char text[5];
	uint32_t code;

	for (code = from; code <= to; code++) {
		put_utf8(code, text);
		if (strcmp(printable(text), "?"))
			fail_msg("U+%04X is not replaced", code);
	}
	for (code = from - 1; code <= to + 1; code += to + 2 - from) {
		put_utf8(code, text);
		if (code >= 0x80 && !strcmp(printable(text), "?"))
			fail_msg("U+%04X is replaced", code);
	}
}

/* the characters that a reader does not see, or that move others */
static void invisible(void **state)
{
	uint32_t plane;

	(void)state;
	replaced(0x80, 0x9f);		/* C1 */
	replaced(0xad, 0xad);		/* SOFT HYPHEN */
	replaced(0x34f, 0x34f);		/* COMBINING GRAPHEME JOINER */
	replaced(0x61c, 0x61c);		/* ARABIC LETTER MARK */
	replaced(0x115f, 0x1160);	/* fillers of Hangul */
	replaced(0x17b4, 0x17b5);	/* inherent vowels of Khmer */
	replaced(0x180b, 0x180f);	/* variation selectors of Mongolian */
	replaced(0x200b, 0x200f);	/* zero width, marks of direction */
	replaced(0x2028, 0x202e);	/* separators, embeddings, overrides */
	replaced(0x2060, 0x206f);	/* joiner, invisible operators, isolates */
	replaced(0x3164, 0x3164);	/* HANGUL FILLER */
	replaced(0xfdd0, 0xfdef);	/* noncharacters */
	replaced(0xfe00, 0xfe0f);	/* variation selectors */
	replaced(0xfeff, 0xfeff);	/* ZERO WIDTH NO-BREAK SPACE */
	replaced(0xffa0, 0xffa0);	/* HALFWIDTH HANGUL FILLER */
	replaced(0xfff0, 0xfffb);	/* reserved, interlinear annotation */
	replaced(0x1bca0, 0x1bca3);	/* format controls of shorthand */
	replaced(0x1d173, 0x1d17a);	/* and of music */
	replaced(0xdfffe, 0xe0fff);	/* noncharacters, tags, variation selectors */
	for (plane = 0; plane < 16; plane++)
		if (plane != 0xd)
			replaced(plane << 16 | 0xfffe, plane << 16 | 0xffff);
}

static void utf8(void **state)
{
	(void)state;
	one("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92", "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x94\x92");
	/* alone, cut off, overlong, a surrogate, beyond the last */
	one("\x80 \xff \xfe \xc3", "? ? ? ?");
	one("\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "?? ??? ????");
	one("\xed\xa0\x80 \xf4\x90\x80\x80 \xf5\x80\x80\x80", "??? ???? ????");
	one("\xe2\x82", "??");
}

static void length(void **state)
{
	char out[8];

	(void)state;
	assert_string_equal(printable_copy("a\0b", 3, out, sizeof(out)), "a?b");
	assert_string_equal(printable_copy("123456789", 9, out, sizeof(out)), "1234567");
	/* not half a character */
	assert_string_equal(printable_copy("12345\xe2\x82\xac", 8, out, sizeof(out)), "12345");
	memset(out, 'x', sizeof(out));
	printable_copy("abc", 3, out, 0);
	assert_int_equal(out[0], 'x');
}

static void json(void **state)
{
	json_t *tree = json_loads("{\"a\":[\"x\\u001b[2J\",{\"b\":\"\\u202e\"}],\"n\":1,\"k\\n\":\"v\",\"nul\":\"\\u0000\"}",
				  JSON_ALLOW_NUL, NULL);
	json_t *s = printable_json("\xff\n");
	char *text;

	(void)state;
	assert_non_null(tree);
	printable_json_tree(tree);
	text = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"a\":[\"x?[2J\",{\"b\":\"?\"}],\"n\":1,\"nul\":\"?\"}");
	assert_string_equal(json_string_value(s), "??");
	printable_json_tree(NULL);
	free(text);
	json_decref(tree);
	json_decref(s);
}

static char said[300];

static void sink(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(said, sizeof(said), "%s", line);
}

static void log_lines(void **state)
{
	(void)state;
	log_set_sink(sink, NULL);
	log_error("%s", "x\n<3>forged\033]0;t\a\xc2\x9b\xe2\x80\xae\xff");
	log_set_sink(NULL, NULL);
	assert_string_equal(said, "x?<3>forged?]0;t????");
}

/* one RDN: CN=@value, a UTF8String */
static size_t dn(uint8_t *out, const char *value)
{
	static const uint8_t cn[] = { 0x06, 0x03, 0x55, 0x04, 0x03 };
	size_t n = strlen(value), at = 0;

	out[at++] = 0x30;
	out[at++] = n + 11;
	out[at++] = 0x31;
	out[at++] = n + 9;
	out[at++] = 0x30;
	out[at++] = n + 7;
	memcpy(out + at, cn, sizeof(cn));
	at += sizeof(cn);
	out[at++] = 0x0c;
	out[at++] = n;
	memcpy(out + at, value, n);
	return at + n;
}

static void identities(void **state)
{
	static const uint8_t types[] = { WIRE_ID_FQDN, WIRE_ID_EMAIL, WIRE_ID_KEY, 0, 77 };
	static const char bad[] = "a\n\033[2J\xc2\x9b\xe2\x80\xae'\xff";
	struct bytes id = { (const uint8_t *)bad, strlen(bad) };
	char text[300], again[300];
	uint8_t der[100];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(types); i++) {
		ike_id_str(types[i], id, text, sizeof(text));
		assert_string_equal(printable(strcpy(again, text)), text);
		assert_null(strchr(text, '\''));
	}
	id = (struct bytes){ der, dn(der, "M\xc3\xbcller\n\xc2\x9b\xe2\x80\xae'") };
	assert_string_equal(ike_id_str(WIRE_ID_DN, id, text, sizeof(text)), "CN=M\xc3\xbcller????");
	id.len = dn(der, "x\033[2J");
	assert_string_equal(ike_id_str(WIRE_ID_DN, id, text, sizeof(text)), "CN=x?[2J");
}

/* The log, `watch` and a waiting command get the same harmless line of a peer. */
static void reports(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct node *n = &w->a;
	unsigned int before = n->n_lines;

	(void)state;
	ike_report(n->ike, IKE_EVENT_ERROR, "p", NULL, NULL, "%s", "x\ny\xc2\x9b");
	ike_report_unauthenticated(n->ike, NULL, IKE_CAUSE_MALFORMED, &n->addr, "%s",
				   "\xe2\x80\xae\nz");
	assert_int_equal(n->n_lines, before + 2);
	assert_string_equal(n->lines[before].text, "x?y?");
	assert_string_equal(n->lines[before + 1].text, "??z");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_characters),
		cmocka_unit_test(invisible),
		cmocka_unit_test(utf8),
		cmocka_unit_test(length),
		cmocka_unit_test(json),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(identities),
		cmocka_unit_test(reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
