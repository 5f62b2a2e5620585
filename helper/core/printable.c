// SPDX-License-Identifier: GPL-2.0
/*
 * Peers, CAs, servers and other programs choose octets that this program prints. A terminal obeys
 * control characters, a log splits at newlines, and a bidirectional override reorders what the
 * operator reads. Each path to a reader passes through this file.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/printable.h"

#define REPLACEMENT	'?'

/*
 * The octets of the UTF-8 sequence at @p, at most @n octets long (RFC 3629 4); 0: it is not valid.
 * @code is the character.
 */
static size_t utf8_next(const uint8_t *p, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
		     p[0] < 0xf5 ? 4 : 0;
	size_t i;

	if (!len || len > n)
		return 0;
	*code = len == 1 ? p[0] : p[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/*
 * Control characters (C0, DEL, C1), line and paragraph separators, and the characters that a reader
 * does not see: marks and overrides of direction, joiners, fillers, tags and noncharacters.
 */
static bool is_harmful(uint32_t code)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{ 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x034f, 0x034f },
		{ 0x061c, 0x061c }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
		{ 0xfdd0, 0xfdef }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	return (code & 0xfffe) == 0xfffe;
}

/**
 * printable_copy - copy octets as text that a terminal, a log and JSON can take
 * @p: octets from outside, which may contain NUL
 * @n: how many
 * @out: valid UTF-8 with a NUL at its end; may be @p
 * @len: room at @out; longer text is cut between two characters
 *
 * Replaces each harmful character, and each octet that is not part of valid UTF-8, by one '?'.
 *
 * Return: @out
 */
char *printable_copy(const void *p, size_t n, char *out, size_t len)
{
	const uint8_t *from = p;
	size_t at = 0, used;
	uint32_t code;

	if (!len)
		return out;
	while (n) {
		used = utf8_next(from, n, &code);
		if (at + (used ? used : 1) >= len)
			break;
		if (!used || is_harmful(code)) {
			out[at++] = REPLACEMENT;
		} else {
			memmove(out + at, from, used);
			at += used;
		}
		from += used ? used : 1;
		n -= used ? used : 1;
	}
	out[at] = 0;
	return out;
}

/**
 * printable - make a text harmless where it stands
 * @s: the text, which never gets longer
 *
 * Return: @s
 */
char *printable(char *s)
{
	size_t n = strlen(s);

	return printable_copy(s, n, s, n + 1);
}

/**
 * printable_json - a JSON string of a text from outside
 * @s: the text, which need not be UTF-8; NULL: an empty one
 *
 * Return: a new reference; NULL without memory
 */
json_t *printable_json(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	char *copy = malloc(n + 1);
	json_t *string;

	if (!copy)
		return NULL;
	string = json_string(printable_copy(s ? s : "", n, copy, n + 1));
	free(copy);
	return string;
}

static void string_clean(json_t *string)
{
	size_t n = json_string_length(string);
	char *copy = malloc(n + 1);

	if (copy)
		json_string_set(string, printable_copy(json_string_value(string), n, copy, n + 1));
	else
		json_string_set(string, "");
	free(copy);
}

static bool is_clean(const char *s, size_t n)
{
	uint32_t code;
	size_t used;

	for (; n; s += used, n -= used) {
		used = utf8_next((const uint8_t *)s, n, &code);
		if (!used || is_harmful(code))
			return false;
	}
	return true;
}

/**
 * printable_json_tree - make every string below a JSON value harmless
 * @value: the tree, changed in place; may be NULL; its depth is what json_loads() or this program built
 *
 * Members whose names are harmful are removed: no program of ours makes them.
 */
void printable_json_tree(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;
	void *tmp;

	if (!value)
		return;
	switch (json_typeof(value)) {
	case JSON_STRING:
		if (!is_clean(json_string_value(value), json_string_length(value)))
			string_clean(value);
		break;
	case JSON_ARRAY:
		json_array_foreach(value, i, member)
			printable_json_tree(member);
		break;
	case JSON_OBJECT:
		json_object_foreach_safe(value, tmp, key, member) {
			if (is_clean(key, strlen(key)))
				printable_json_tree(member);
			else
				json_object_del(value, key);
		}
		break;
	default:
		break;
	}
}

/**
 * printable_vprint - print formatted text with its arguments made harmless
 * @to: the stream
 * @fmt: as printf's; a newline is printed only if it ends @fmt
 * @ap: arguments
 */
void printable_vprint(FILE *to, const char *fmt, va_list ap)
{
	size_t n = strlen(fmt);
	bool line = n && fmt[n - 1] == '\n';
	char *text;
	int len = vasprintf(&text, fmt, ap);

	if (len < 0) {
		fputs("out of memory\n", to);
		return;
	}
	if (line)
		text[len - 1] = 0;
	fputs(printable_copy(text, len - line, text, len + 1), to);
	if (line)
		fputc('\n', to);
	free(text);
}

/**
 * printable_print - print formatted text with its arguments made harmless
 * @to: the stream
 * @fmt: as printf's; a newline is printed only if it ends @fmt
 */
void printable_print(FILE *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printable_vprint(to, fmt, ap);
	va_end(ap);
}
