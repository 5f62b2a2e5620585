// SPDX-License-Identifier: GPL-2.0
/* Addresses and selectors; intersection against a naive model. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/addr.h"

static struct ts net(const char *addr, unsigned int prefix_len)
{
	struct addr a;
	struct ts t;

	assert_true(addr_parse(addr, &a));
	ts_from_prefix(&a, prefix_len, &t);
	return t;
}

static void parses_and_prints(void **state)
{
	static const char *const good[] = { "192.0.2.1", "0.0.0.0", "2001:db8::1", "::" };
	static const char *const bad[] = { "", "192.0.2", "192.0.2.256", "192.0.2.1/24", "2001:::1",
					   "fe80::1%eth0", "any", " 192.0.2.1" };
	char s[ENDPOINT_STRLEN];
	struct endpoint e;
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(addr_parse(good[i], &a));
		assert_string_equal(addr_str(&a, s, sizeof(s)), good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(addr_parse(bad[i], &a));
	memset(&a, 0, sizeof(a));
	assert_string_equal(addr_str(&a, s, sizeof(s)), "any");
	assert_true(addr_parse("192.0.2.1", &e.addr));
	e.port = 4500;
	assert_string_equal(endpoint_str(&e, s, sizeof(s)), "192.0.2.1[4500]");
	assert_int_equal(addr_len(&e.addr), 4);
}

static void link_local(void **state)
{
	static const struct { const char *addr; bool link_local; } all[] = {
		{ "fe80::", true }, { "fe80::1", true }, { "febf::1", true }, { "fec0::1", false },
		{ "fe7f::1", false }, { "2001:db8::1", false }, { "::", false }, { "169.254.0.1", false },
	};
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_true(addr_parse(all[i].addr, &a));
		assert_int_equal(addr_is_link_local(&a), all[i].link_local);
	}
}

static void addresses_have_an_order(void **state)
{
	struct addr a, b, c;

	(void)state;
	addr_parse("10.0.0.255", &a);
	addr_parse("10.0.1.0", &b);
	addr_parse("::", &c);
	assert_true(addr_cmp(&a, &b) < 0);
	assert_true(addr_cmp(&b, &a) > 0);
	assert_true(addr_equal(&a, &a));
	assert_false(addr_equal(&a, &b));
	assert_true(addr_cmp(&b, &c) < 0);
}

static void prefixes_become_ranges(void **state)
{
	char s[ADDR_STRLEN];
	struct ts t = net("10.1.2.3", 15);

	(void)state;
	assert_string_equal(addr_str(&t.min, s, sizeof(s)), "10.0.0.0");
	assert_string_equal(addr_str(&t.max, s, sizeof(s)), "10.1.255.255");
	assert_int_equal(t.port_min, 0);
	assert_int_equal(t.port_max, 65535);
	t = net("2001:db8:1:2::3", 33);
	assert_string_equal(addr_str(&t.min, s, sizeof(s)), "2001:db8::");
	assert_string_equal(addr_str(&t.max, s, sizeof(s)), "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
	t = net("192.0.2.1", 32);
	assert_true(addr_equal(&t.min, &t.max));
}

static void selectors_in_words(void **state)
{
	char s[TS_STRLEN];
	struct ts t = net("10.1.0.0", 16);

	(void)state;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "10.1.0.0/16");
	t = net("192.0.2.9", 32);
	t.proto = IPPROTO_TCP;
	t.port_min = t.port_max = 22;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "tcp 192.0.2.9 port 22");
	t.proto = IPPROTO_UDP;
	t.port_max = 1000;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "udp 192.0.2.9 port 22-1000");
	t.max.a[3] = 12;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "udp 192.0.2.9-192.0.2.12 port 22-1000");
	t = net("2001:db8::", 32);
	t.proto = IPPROTO_ICMPV6;
	t.port_min = 128 << 8;
	t.port_max = 128 << 8 | 255;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "icmpv6 2001:db8::/32 type 128");
	t = net("192.0.2.9", 32);
	t.proto = IPPROTO_ICMP;
	t.port_min = t.port_max = 3 << 8 | 4;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "icmp 192.0.2.9 type 3 code 4");
	t.proto = 89;
	t.port_min = 0;
	t.port_max = 65535;
	assert_string_equal(ts_str(&t, s, sizeof(s)), "89 192.0.2.9");
}

/* all selectors over 2 protocols, 4 ports and 4 addresses; the model asks packet by packet */
static bool model_takes(const struct ts *t, uint8_t proto, unsigned int port, unsigned int host)
{
	return (!t->proto || t->proto == proto) && port >= t->port_min && port <= t->port_max &&
	       host >= t->min.a[3] && host <= t->max.a[3];
}

static unsigned int all_selectors(struct ts *out)
{
	static const uint8_t protos[] = { 0, IPPROTO_TCP, IPPROTO_UDP };
	unsigned int n = 0, p, a, b, c, d;

	for (p = 0; p < 3; p++)
		for (a = 0; a < 3; a++)
			for (b = a; b < 3; b++)
				for (c = 0; c < 3; c++)
					for (d = c; d < 3; d++) {
						struct ts t = net("10.0.0.0", 32);

						t.proto = protos[p];
						t.port_min = (uint16_t)a;
						t.port_max = (uint16_t)b;
						t.min.a[3] = (uint8_t)c;
						t.max.a[3] = (uint8_t)d;
						out[n++] = t;
					}
	return n;
}

static void compare(const struct ts *a, const struct ts *b)
{
	bool any = false, contains = true, found;
	struct ts both;
	unsigned int proto, port, host;

	found = ts_intersect(a, b, &both);
	for (proto = 5; proto < 18; proto++)
		for (port = 0; port < 4; port++)
			for (host = 0; host < 4; host++) {
				bool in_a = model_takes(a, (uint8_t)proto, port, host);
				bool in_b = model_takes(b, (uint8_t)proto, port, host);

				any |= in_a && in_b;
				contains &= in_a || !in_b;
				assert_int_equal(found && model_takes(&both, (uint8_t)proto, port, host),
						 in_a && in_b);
			}
	assert_int_equal(found, any);
	assert_int_equal(ts_contains(a, b), contains);
}

static void intersection_is_that_of_the_model(void **state)
{
	static struct ts all[3 * 36];
	unsigned int n = all_selectors(all), i, k;

	(void)state;
	assert_int_equal(n, 3 * 36);
	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++)
			compare(&all[i], &all[k]);
}

static void families_do_not_meet(void **state)
{
	struct ts a = net("0.0.0.0", 0), b = net("::", 0), out;

	(void)state;
	assert_false(ts_intersect(&a, &b, &out));
	assert_false(ts_contains(&a, &b));
	assert_false(ts_equal(&a, &b));
	assert_true(ts_intersect(&a, &a, &a));
	assert_true(ts_equal(&a, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_prints),
		cmocka_unit_test(link_local),
		cmocka_unit_test(addresses_have_an_order),
		cmocka_unit_test(prefixes_become_ranges),
		cmocka_unit_test(selectors_in_words),
		cmocka_unit_test(intersection_is_that_of_the_model),
		cmocka_unit_test(families_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
