// SPDX-License-Identifier: GPL-2.0
/* The values of `remote address`: addresses, names and ranges, in order of preference. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"

#define LABEL_MAX	63	/* RFC 1123 2.1, RFC 1035 2.3.4 */

/* RFC 1123 2.1: a label has letters, digits and hyphens, and no hyphen at either end. */
static bool is_label(const char *p, size_t len)
{
	size_t i;

	if (!len || len > LABEL_MAX || p[0] == '-' || p[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!isascii((unsigned char)p[i]) || (!isalnum((unsigned char)p[i]) && p[i] != '-'))
			return false;
	return true;
}

/* Finds the last label. A dot may follow it: the resolver then appends no domain. */
static struct conf_word last_label(struct conf_word w)
{
	int end = w.len && w.p[w.len - 1] == '.' ? w.len - 1 : w.len, start = end;

	while (start && w.p[start - 1] != '.')
		start--;
	return (struct conf_word){ w.p + start, end - start };
}

/**
 * conf_value_is_host() - tells a name from an address
 * @w: a word; need not be valid as either
 *
 * RFC 1123 2.1: the last label of a name is not all digits, and that of an IPv4 address is.
 *
 * Return: true if the word can only be meant as a name.
 */
bool conf_value_is_host(struct conf_word w)
{
	struct conf_word last = last_label(w);
	int i;

	for (i = 0; i < w.len; i++)
		if (w.p[i] == ':' || w.p[i] == '/' || w.p[i] == '%')
			return false;
	for (i = 0; i < last.len; i++)
		if (!isdigit((unsigned char)last.p[i]))
			return true;
	return false;
}

/**
 * conf_value_host() - checks the syntax of a host name (RFC 1123 2.1)
 * @w: a word
 *
 * Return: true for a name of at most 253 characters with valid labels.
 */
bool conf_value_host(struct conf_word w)
{
	int start, end, len = w.len && w.p[w.len - 1] == '.' ? w.len - 1 : w.len;

	if (len > CONF_HOST_MAX || !conf_value_is_host(w))
		return false;
	for (start = 0; start <= len; start = end + 1) {
		for (end = start; end < len && w.p[end] != '.'; end++)
			;
		if (!is_label(w.p + start, end - start))
			return false;
	}
	return true;
}

/* Frees the list of remote addresses. */
void conf_remotes_free(struct conf_peer *peer)
{
	unsigned int i;

	for (i = 0; i < peer->n_remotes; i++)
		free(peer->remotes[i].name);
	free(peer->remotes);
	peer->remotes = NULL;
	peer->n_remotes = 0;
}

/**
 * conf_remotes_copy() - copies the list of remote addresses
 * @to: a peer without a list
 * @from: the peer or template that has it
 *
 * Return: false: out of memory.
 */
bool conf_remotes_copy(struct conf_peer *to, const struct conf_peer *from)
{
	unsigned int i;

	to->n_remotes = 0;
	to->remotes = calloc(from->n_remotes + 1, sizeof(*to->remotes));
	if (!to->remotes)
		return false;
	for (i = 0; i < from->n_remotes; i++) {
		to->remotes[i] = from->remotes[i];
		if (from->remotes[i].name)
			to->remotes[i].name = strdup(from->remotes[i].name);
		to->n_remotes++;
		if (from->remotes[i].name && !to->remotes[i].name)
			return false;
	}
	return true;
}

/**
 * conf_peer_initiates() - checks whether this host can initiate to a peer
 * @peer: the peer
 *
 * Return: true if the list has an address or a name. `any` and ranges only respond.
 */
bool conf_peer_initiates(const struct conf_peer *peer)
{
	unsigned int i;

	for (i = 0; i < peer->n_remotes; i++)
		if (peer->remotes[i].type != CONF_REMOTE_RANGE)
			return true;
	return false;
}

/**
 * conf_remote_has() - checks an address against one value of the list
 * @r: the value
 * @a: the address
 *
 * Return: true if the value is this address or a range that contains it. Never true for a name.
 */
bool conf_remote_has(const struct conf_remote *r, const struct addr *a)
{
	return r->type != CONF_REMOTE_NAME && r->range.min.family == a->family &&
	       addr_cmp(&r->range.min, a) <= 0 && addr_cmp(a, &r->range.max) <= 0;
}

/**
 * conf_peer_may_have() - checks whether a peer may have an address
 * @peer: the peer
 * @a: the address
 *
 * The configuration does not know the addresses of a name, so a list with a name may have each.
 *
 * Return: false if neither an address nor a range of the list is @a, and there is no name.
 */
bool conf_peer_may_have(const struct conf_peer *peer, const struct addr *a)
{
	unsigned int i;

	for (i = 0; i < peer->n_remotes; i++)
		if (peer->remotes[i].type == CONF_REMOTE_NAME ||
		    conf_remote_has(&peer->remotes[i], a))
			return true;
	return !peer->n_remotes;
}

/**
 * conf_remote_str() - prints one value of the list
 * @r: the value
 * @out: gets the text
 * @len: size of @out; CONF_HOST_MAX + 2 is enough
 *
 * Return: @out
 */
const char *conf_remote_str(const struct conf_remote *r, char *out, size_t len)
{
	if (r->type == CONF_REMOTE_NAME)
		snprintf(out, len, "%s", r->name);
	else
		ts_str(&r->range, out, len);
	return out;
}

/**
 * conf_remotes_str() - prints the list of remote addresses
 * @peer: the peer
 * @out: gets the text
 * @len: size of @out
 *
 * Return: @out: "any", or the values with spaces between them
 */
const char *conf_remotes_str(const struct conf_peer *peer, char *out, size_t len)
{
	char one[CONF_HOST_MAX + 2];
	unsigned int i;
	size_t at = 0;

	snprintf(out, len, "any");
	for (i = 0; i < peer->n_remotes && at < len; i++)
		at += snprintf(out + at, len - at, "%s%s", i ? " " : "",
			       conf_remote_str(&peer->remotes[i], one, sizeof(one)));
	return out;
}

static bool remote_same(const struct conf_remote *a, const struct conf_remote *b)
{
	if (a->type != b->type)
		return false;
	return a->type == CONF_REMOTE_NAME ? !strcmp(a->name, b->name) :
	       ts_equal(&a->range, &b->range);
}

/**
 * conf_remotes_same() - compares two lists of remote addresses
 * @a: one peer
 * @b: the other peer
 *
 * Return: true if both have the same values in the same order.
 */
bool conf_remotes_same(const struct conf_peer *a, const struct conf_peer *b)
{
	unsigned int i;

	if (a->n_remotes != b->n_remotes)
		return false;
	for (i = 0; i < a->n_remotes; i++)
		if (!remote_same(&a->remotes[i], &b->remotes[i]))
			return false;
	return true;
}
