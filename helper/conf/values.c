// SPDX-License-Identifier: GPL-2.0
/* Words of the configuration to values. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/scan.h"
#include "wire/wire.h"

static bool is(struct conf_word w, const char *name)
{
	return strlen(name) == (size_t)w.len && !memcmp(w.p, name, w.len);
}

bool conf_value_copy(struct conf_word w, char *out, size_t len)
{
	if ((size_t)w.len >= len || !w.len)
		return false;
	memcpy(out, w.p, w.len);
	out[w.len] = 0;
	return true;
}

/* digits only; the rest of the word in *rest */
static bool digits(struct conf_word w, uint64_t max, uint64_t *out, struct conf_word *rest)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < w.len && w.p[i] >= '0' && w.p[i] <= '9'; i++) {
		unsigned int digit = w.p[i] - '0';

		if (v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (!i)
		return false;
	*out = v;
	*rest = (struct conf_word){ w.p + i, w.len - i };
	return true;
}

bool conf_value_number(struct conf_word w, uint64_t max, uint64_t *out)
{
	struct conf_word rest;

	return digits(w, max, out, &rest) && !rest.len;
}

bool conf_value_mark(struct conf_word w, uint32_t *out)
{
	char s[12], *end;
	uint64_t n;

	if (!conf_value_copy(w, s, sizeof(s)) || *s < '0' || *s > '9')
		return false;
	n = strtoull(s, &end, strncmp(s, "0x", 2) ? 10 : 16);
	if (*end || !n || n > UINT32_MAX)
		return false;
	*out = n;
	return true;
}

bool conf_value_df(struct conf_word w, enum conf_df *out)
{
	static const char *const names[] = {
		[CONF_DF_COPY] = "copy", [CONF_DF_SET] = "set", [CONF_DF_CLEAR] = "clear",
	};
	enum conf_df df;

	for (df = CONF_DF_COPY; df <= CONF_DF_CLEAR; df++) {
		if (is(w, names[df])) {
			*out = df;
			return true;
		}
	}
	return false;
}

static int one_of(struct conf_word w, const char *const *names, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (is(w, names[i]))
			return i;
	return -1;
}

bool conf_value_auth_rsa(struct conf_word w, enum conf_rsa *out)
{
	static const char *const names[] = { "any", "pss", "pkcs1" };
	int i = one_of(w, names, 3);

	*out = i;
	return i >= 0;
}

bool conf_value_revocation(struct conf_word w, enum conf_revocation *out)
{
	static const char *const names[] = { "off", "soft", "hard" };
	int i = one_of(w, names, 3);

	*out = i;
	return i >= 0;
}

bool conf_value_fragmentation(struct conf_word w, uint16_t *out)
{
	uint64_t size;

	if (is(w, "yes"))
		size = CONF_FRAGMENT_DEFAULT;
	else if (is(w, "no"))
		size = 0;
	else if (!conf_value_number(w, 65535, &size) || size < CONF_FRAGMENT_MIN)
		return false;
	*out = size;
	return true;
}

bool conf_value_encapsulation(struct conf_word w, bool *force_udp)
{
	static const char *const names[] = { "auto", "udp" };
	int i = one_of(w, names, 2);

	*force_udp = i == 1;
	return i >= 0;
}

bool conf_value_yes(struct conf_word w, bool *out)
{
	static const char *const names[] = { "no", "yes" };
	int i = one_of(w, names, 2);

	*out = i == 1;
	return i >= 0;
}

bool conf_value_dscp(struct conf_word w, int *out)
{
	uint64_t dscp;

	if (is(w, "copy")) {
		*out = -1;
		return true;
	}
	if (!conf_value_number(w, 63, &dscp))
		return false;
	*out = dscp;
	return true;
}

static bool with_unit(struct conf_word w, const char *const *units, const uint64_t *factors,
		      unsigned int n, uint64_t *out)
{
	struct conf_word rest;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!digits(w, INT64_MAX / factors[i], out, &rest) || !is(rest, units[i]))
			continue;
		*out *= factors[i];
		return true;
	}
	return false;
}

bool conf_value_duration(struct conf_word w, uint64_t *seconds)
{
	static const char *const units[] = { "s", "m", "h", "d" };
	static const uint64_t factors[] = { 1, 60, 3600, 86400 };

	return with_unit(w, units, factors, 4, seconds) && *seconds <= 100 * 365 * 86400ull;
}

bool conf_value_size(struct conf_word w, uint64_t *bytes)
{
	static const char *const units[] = { "KB", "MB", "GB", "TB" };
	static const uint64_t factors[] = { 1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40 };

	return with_unit(w, units, factors, 4, bytes);
}

bool conf_value_proto(struct conf_word w, uint8_t *proto)
{
	static const struct { const char *name; uint8_t proto; } names[] = {
		{ "ip", 0 }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
		{ "icmp", IPPROTO_ICMP }, { "icmpv6", IPPROTO_ICMPV6 },
		{ "ipv6-icmp", IPPROTO_ICMPV6 }, { "sctp", IPPROTO_SCTP },
	};
	uint64_t number;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (is(w, names[i].name)) {
			*proto = names[i].proto;
			return true;
		}
	}
	if (!conf_value_number(w, 255, &number) || !number)
		return false;
	*proto = number;
	return true;
}

static bool one_addr(struct conf_word w, struct addr *out)
{
	char s[ADDR_STRLEN];

	return conf_value_copy(w, s, sizeof(s)) && addr_parse(s, out);
}

/* splits at the first @sep; @right is empty where there is none */
static void split(struct conf_word w, char sep, struct conf_word *left, struct conf_word *right)
{
	const char *at = memchr(w.p, sep, w.len);

	*left = w;
	*right = (struct conf_word){ w.p + w.len, 0 };
	if (!at)
		return;
	left->len = at - w.p;
	*right = (struct conf_word){ at + 1, w.p + w.len - at - 1 };
}

/**
 * conf_value_range - an address, a prefix, or a range of addresses
 * @w: "10.1.0.10", "10.1.0.0/16" or "10.1.0.1-10.1.0.9"
 * @ts: filled, any protocol and port
 * @expected: on failure, what would have been right
 */
bool conf_value_range(struct conf_word w, struct ts *ts, const char **expected)
{
	struct conf_word left, right;
	struct addr a, b;
	uint64_t len;

	*expected = "any, an address, a prefix such as 10.1.0.0/16 or 2001:db8::/32, or a range of two addresses of one family";
	split(w, '/', &left, &right);
	if (right.len || left.len != w.len) {
		if (!one_addr(left, &a))
			return false;
		if (!conf_value_number(right, addr_len(&a) * 8, &len))
			return false;
		ts_from_prefix(&a, len, ts);
		*expected = "a prefix whose address has no bit set behind its length";
		if (!addr_equal(&ts->min, &a))
			return false;
	} else {
		split(w, '-', &left, &right);
		if (!one_addr(left, &a))
			return false;
		b = a;
		if (left.len != w.len && !one_addr(right, &b))
			return false;
		ts_from_prefix(&a, addr_len(&a) * 8, ts);
		ts->max = b;
		if (a.family != b.family)
			return false;
		*expected = "a range whose end is not before its beginning";
		if (addr_cmp(&a, &b) > 0)
			return false;
	}
	return true;
}

bool conf_value_ports(struct conf_word w, struct ts *ts)
{
	struct conf_word left, right;
	uint64_t min, max;

	split(w, '-', &left, &right);
	if (!conf_value_number(left, 65535, &min))
		return false;
	max = min;
	if (left.len != w.len && !conf_value_number(right, 65535, &max))
		return false;
	ts->port_min = min;
	ts->port_max = max;
	return min <= max;
}
