// SPDX-License-Identifier: GPL-2.0
/* IP addresses, endpoints and traffic selectors. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/addr.h"

size_t addr_len(const struct addr *a)
{
	switch (a->family) {
	case AF_INET:
		return 4;
	case AF_INET6:
		return 16;
	}
	return 0;
}

bool addr_parse(const char *s, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, s, out->a) == 1)
		out->family = AF_INET;
	else if (inet_pton(AF_INET6, s, out->a) == 1)
		out->family = AF_INET6;
	else
		return false;
	return true;
}

const char *addr_str(const struct addr *a, char *out, size_t len)
{
	if (!addr_len(a) || !inet_ntop(a->family, a->a, out, len))
		snprintf(out, len, "any");
	return out;
}

const char *endpoint_str(const struct endpoint *e, char *out, size_t len)
{
	char s[ADDR_STRLEN];

	snprintf(out, len, "%s[%u]", addr_str(&e->addr, s, sizeof(s)), e->port);
	return out;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && !memcmp(a->a, b->a, addr_len(a));
}

bool addr_is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->a[0] == 0xfe && (a->a[1] & 0xc0) == 0x80;
}

/* of one family; the order of the addresses as numbers */
int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->a, b->a, addr_len(a));
}

void ts_from_prefix(const struct addr *net, unsigned int prefix_len, struct ts *out)
{
	unsigned int i;

	memset(out, 0, sizeof(*out));
	out->port_max = 65535;
	out->min = out->max = *net;
	for (i = 0; i < addr_len(net) * 8; i++) {
		uint8_t bit = 0x80 >> i % 8;

		if (i < prefix_len)
			continue;
		out->min.a[i / 8] &= ~bit;
		out->max.a[i / 8] |= bit;
	}
}

bool ts_equal(const struct ts *a, const struct ts *b)
{
	return a->proto == b->proto && a->port_min == b->port_min && a->port_max == b->port_max &&
	       addr_equal(&a->min, &b->min) && addr_equal(&a->max, &b->max);
}

bool ts_contains(const struct ts *outer, const struct ts *inner)
{
	return outer->min.family == inner->min.family &&
	       (!outer->proto || outer->proto == inner->proto) &&
	       outer->port_min <= inner->port_min && outer->port_max >= inner->port_max &&
	       addr_cmp(&outer->min, &inner->min) <= 0 && addr_cmp(&outer->max, &inner->max) >= 0;
}

/**
 * ts_intersect - what two selectors have in common
 * @a: one
 * @b: the other
 * @out: filled; may be one of them
 *
 * Return: false when that is nothing.
 */
bool ts_intersect(const struct ts *a, const struct ts *b, struct ts *out)
{
	struct ts t = *a;

	if (a->min.family != b->min.family || (a->proto && b->proto && a->proto != b->proto))
		return false;
	if (!t.proto)
		t.proto = b->proto;
	if (b->port_min > t.port_min)
		t.port_min = b->port_min;
	if (b->port_max < t.port_max)
		t.port_max = b->port_max;
	if (addr_cmp(&b->min, &t.min) > 0)
		t.min = b->min;
	if (addr_cmp(&b->max, &t.max) < 0)
		t.max = b->max;
	if (t.port_min > t.port_max || addr_cmp(&t.min, &t.max) > 0)
		return false;
	*out = t;
	return true;
}

/* the length when [min, max] is a prefix, else -1 */
static int prefix_len(const struct ts *t)
{
	unsigned int bits = addr_len(&t->min) * 8, len, i;

	for (len = 0; len < bits; len++)
		if ((t->min.a[len / 8] ^ t->max.a[len / 8]) & (0x80 >> len % 8))
			break;
	for (i = len; i < bits; i++) {
		uint8_t bit = 0x80 >> i % 8;

		if ((t->min.a[i / 8] & bit) || !(t->max.a[i / 8] & bit))
			return -1;
	}
	return len;
}

static const char *proto_str(uint8_t proto, char *out, size_t len)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_SCTP:
		return "sctp";
	}
	snprintf(out, len, "%u", proto);
	return out;
}

/* RFC 7296 3.13.1: ICMP type and code stand in the two octets of the port */
static void ports_str(const struct ts *t, char *out, size_t len)
{
	bool icmp = t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;
	unsigned int lo = t->port_min, hi = t->port_max;

	if (!lo && hi == 65535)
		*out = '\0';
	else if (icmp && lo >> 8 == hi >> 8 && !(lo & 0xff) && (hi & 0xff) == 0xff)
		snprintf(out, len, " type %u", lo >> 8);
	else if (icmp && lo == hi)
		snprintf(out, len, " type %u code %u", lo >> 8, lo & 0xff);
	else if (icmp)
		snprintf(out, len, " type %u code %u to type %u code %u", lo >> 8, lo & 0xff, hi >> 8,
			 hi & 0xff);
	else if (lo == hi)
		snprintf(out, len, " port %u", lo);
	else
		snprintf(out, len, " port %u-%u", lo, hi);
}

const char *ts_str(const struct ts *t, char *out, size_t len)
{
	char proto[16] = "", lo[ADDR_STRLEN], hi[ADDR_STRLEN], where[2 * ADDR_STRLEN + 8], port[48];
	int prefix = prefix_len(t);

	addr_str(&t->min, lo, sizeof(lo));
	addr_str(&t->max, hi, sizeof(hi));
	if (!addr_len(&t->min) || prefix == 0)
		snprintf(where, sizeof(where), "any");
	else if (prefix == (int)addr_len(&t->min) * 8)
		snprintf(where, sizeof(where), "%s", lo);
	else if (prefix > 0)
		snprintf(where, sizeof(where), "%s/%d", lo, prefix);
	else
		snprintf(where, sizeof(where), "%s-%s", lo, hi);
	ports_str(t, port, sizeof(port));
	if (t->proto)
		snprintf(out, len, "%s %s%s", proto_str(t->proto, proto, sizeof(proto)), where, port);
	else
		snprintf(out, len, "%s%s", where, port);
	return out;
}
