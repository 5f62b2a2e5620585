// SPDX-License-Identifier: GPL-2.0
/* Entries that are right and hardly meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "conf/warn.h"
#include "sys/udp.h"

#define PEER	"peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk tunnel t { access-list a } }\n"
#define HOSTS	"peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk tunnel t { access-list a mode transport } }\n"

struct seen {
	unsigned int n;
	char text[8][600];
};

static void on_warning(const char *text, void *arg)
{
	struct seen *s = arg;

	if (s->n < 8)
		snprintf(s->text[s->n], sizeof(s->text[0]), "%s", text);
	s->n++;
}

static struct addr_own at(const char *addr, uint8_t len, const char *dev)
{
	struct addr_own a = { .prefix_len = len };

	assert_true(addr_parse(addr, &a.addr));
	snprintf(a.dev, sizeof(a.dev), "%s", dev);
	return a;
}

static void warnings(const char *text, struct seen *s)
{
	struct addr_own addrs[] = {
		at("10.1.0.1", 24, "lan"), at("192.0.2.1", 24, "wan"), at("fd01::1", 64, "lan"),
		at("10.77.0.1", 32, "dummy"),
	};
	struct conf_host host = { addrs, sizeof(addrs) / sizeof(*addrs), udp_is_local };
	struct conf_error err = { .text = "" };
	struct conf *conf = conf_parse(text, strlen(text), "c", &err);

	if (!conf)
		fail_msg("%s", err.text);
	memset(s, 0, sizeof(*s));
	conf_warn(conf, &host, on_warning, s);
	conf_free(conf);
}

static void nothing(const char *text)
{
	struct seen s;

	warnings(text, &s);
	if (s.n)
		fail_msg("%s", s.text[0]);
}

static void one(const char *text, const char *want)
{
	struct seen s;

	warnings(text, &s);
	if (s.n != 1 || strcmp(s.text[0], want))
		fail_msg("%u warnings: '%s', expected '%s'", s.n, s.text[0], want);
}

static void usual_ones(void **state)
{
	(void)state;
	nothing("access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
		"20 discard ip from any to 10.2.0.0/16 }" PEER);
	nothing("access-list a { 10 protect ip from fd01::/48 to fd02::/48 }" PEER);
	/* a hub, whose branches are part of one prefix */
	nothing("access-list a { 5 bypass ip from 10.1.0.0/24 to 10.1.0.0/24\n"
		"10 protect ip from 10.1.0.0/16 to 10.0.0.0/8 }" PEER);
	/* a laptop's address inside, and all that it sends */
	nothing("access-list a { 10 protect ip from 10.77.0.1 to any }" PEER);
	nothing("access-list a { 10 protect ip from 192.0.2.1 to 192.0.2.2 }" HOSTS);
	nothing("access-list a { 10 protect tcp from 10.1.0.0/16 to 10.2.0.0/16\n"
		"20 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }" PEER);
}

static void hidden_entries(void **state)
{
	(void)state;
	one("access-list a {\n10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n"
	    "20 bypass tcp from 10.1.0.0/24 to 10.2.0.9 port 22\n}" PEER,
	    "c:3:1: warning: entry 20 takes no packet, because entry 10 on line 2 takes all of its packets; "
	    "expected a number below 10");
	one("access-list b {\n10 discard ip from any to 10.0.0.0/8\n}\n"
	    "access-list a {\n10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}" PEER,
	    "c:5:1: warning: entry 10 takes no packet, because entry 10 of access-list b on line 2 takes all "
	    "of its packets; expected access-list a before that list");
	/* one line from any to any is two entries */
	one("access-list b { 1 bypass udp from any to any\n2 discard udp from any to any }\n"
	    "access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }" PEER,
	    "c:2:1: warning: entry 2 takes no packet, because entry 1 on line 1 takes all of its packets; "
	    "expected a number below 1");
}

#define TWO(a, b) \
	"access-list a {\n10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list b {\n10 protect " \
	"ip from 10.1.0.0/16 to 10.2.0.0/16\n}\n" \
	"peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk tunnel t { access-list a " a " } }\n" \
	"peer q { local address 192.0.2.1 remote address 192.0.2.3 auth psk tunnel t { access-list b " b " } }\n"

static void redundant_tunnels(void **state)
{
	(void)state;
	nothing(TWO("priority 2", "priority 1"));
	one(TWO("", ""),
	    "c:5:1: warning: entry 10 takes no packet, because entry 10 of access-list a on line 2 is for the same "
	    "packets; expected 'priority' in both tunnels, or one of the entries alone");
	/* a group that something before it hides is named once */
	one("access-list x { 1 discard ip from any to 10.0.0.0/8 }\n" TWO("priority 2", "priority 1"),
	    "c:3:1: warning: entry 10 takes no packet, because entry 1 of access-list x on line 1 takes all of its "
	    "packets; expected access-list a before that list");
	one("access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
	    "peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk\ntunnel t { access-list a priority 4 } }\n",
	    "c:3:35: warning: priority 4 has no effect, because no other tunnel with priority has a protect entry of "
	    "access-list a; expected the same entry in both lists");
}

static void exchanged_ends(void **state)
{
	(void)state;
	one("access-list a { 10 protect ip from 10.2.0.0/16 to 10.1.0.0/16 }" PEER,
	    "c:1:17: warning: entry 10: found to 10.1.0.0/16, where this host itself is (10.1.0.1 on lan); "
	    "expected the ends exchanged: from 10.1.0.0/16 to 10.2.0.0/16");
	one("access-list a { 10 protect tcp from fd02::/48 to fd01::/48 port 22 }" PEER,
	    "c:1:17: warning: entry 10: found to fd01::/48 port 22, where this host itself is (fd01::1 on lan); "
	    "expected the ends exchanged: from fd01::/48 port 22 to fd02::/48");
}

/* the gateway's answers to its own LAN */
static void cut_off(void **state)
{
	(void)state;
	one("access-list a { 10 protect ip from 10.1.0.0/16 to any }" PEER,
	    "c:1:17: warning: entry 10 also takes what this host's 10.1.0.1 sends to its own network 10.1.0.0/24 "
	    "on lan; expected an earlier entry: bypass ip from 10.1.0.0/24 to 10.1.0.0/24");
	one("access-list a { 5 bypass tcp from 10.1.0.0/24 to 10.1.0.0/24\n"
	    "10 protect ip from 10.1.0.0/16 to any }" PEER,
	    "c:2:1: warning: entry 10 also takes what this host's 10.1.0.1 sends to its own network 10.1.0.0/24 "
	    "on lan; expected an earlier entry: bypass ip from 10.1.0.0/24 to 10.1.0.0/24");
	nothing("access-list a { 5 bypass ip from 10.1.0.0/24 to 10.1.0.0/24\n"
		"10 protect ip from 10.1.0.0/16 to any }" PEER);
}

static void secrets(void **state)
{
	static const char text[] = "psk a b \"0x0123\"\n"
		"psk a c \"0sAQID\"\n"
		"psk a d 0x0123\n"
		"psk any any \"0\"\n"
		"psk A fqdn b \"fine: it has a type\"\n"
		" psk a C \"hunter2\"\n"
		"psk %any any \"hunter2\"\n"
		"psk 2001:db8::1 dn \"C=DE, CN=x\" \"1\"\n"
		"psk ipv6 2001:DB8:0::1 \"c=de,cn=X\" \"hunter2\"\n";
	static const char *const want[] = {
		"s:1:1: warning: the secret for a and b is a text that begins with 0x or 0s, because it stands in quotes; "
		"expected no quotes around hexadecimal or base64",
		"s:2:1: warning: the secret for a and c is a text that begins with 0x or 0s, because it stands in quotes; "
		"expected no quotes around hexadecimal or base64",
		"s:6:2: warning: the secret for a and C is never used, because line 2 has the same identities; "
		"expected one line for a pair",
		"s:7:1: warning: the secret for %any and any is never used, because line 4 has the same identities; "
		"expected one line for a pair",
		"s:9:1: warning: the secret for ipv6 2001:DB8:0::1 and c=de,cn=X is never used, because line 8 has the same "
		"identities; expected one line for a pair",
	};
	static const char peer[] = "access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }" PEER;
	struct conf_error err;
	struct conf *conf = conf_parse(peer, strlen(peer), "c", &err);
	struct seen s = { .n = 0 };
	unsigned int i;

	(void)state;
	assert_non_null(conf);
	assert_true(conf_secrets_parse(conf, text, strlen(text), "s", &err));
	conf_warn(conf, &(struct conf_host){ 0 }, on_warning, &s);
	conf_free(conf);
	assert_int_equal(s.n, 5);
	for (i = 0; i < 5; i++)
		assert_string_equal(s.text[i], want[i]);
}

#define ROUTED(route) \
	"peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk tunnel t { access-list a\n" route " } }\n"
#define STRICT	"access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 strict }\n"

static void routes(void **state)
{
	(void)state;
	nothing(STRICT ROUTED("route yes"));
	nothing(STRICT ROUTED("route yes source 10.1.0.1"));
	/* no address of a device, and yet local */
	nothing("access-list a { 10 protect ip from 127.0.0.0/8 to 10.2.0.0/16 strict }\n"
		ROUTED("route yes source 127.0.0.1"));
	nothing("access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n" ROUTED("route no"));
	one("access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n" ROUTED("route yes"),
	    "c:1:17: warning: entry 10: expected 'strict', because of route yes in tunnel t: while there is no route, this host sends from another address, in clear");
	one(STRICT ROUTED("route yes source 192.0.2.1"),
	    "c:3:7: warning: found source 192.0.2.1, which is in no protect entry of access-list a; expected an address of one, because the tunnel takes no packet from 192.0.2.1");
	one(STRICT ROUTED("route yes source 10.1.77.1"),
	    "c:3:7: warning: found source 10.1.77.1, expected an address of this host: without it there is no route");
}

#define MARKED(first, second) \
	"access-list a { 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n" \
	"access-list b { 10 protect ip from 10.1.0.0/16 to 10.3.0.0/16 }\n" \
	"peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk\n" \
	"tunnel x { access-list a " first " }\n tunnel y { access-list b " second " } }\n"

static void marks(void **state)
{
	(void)state;
	nothing(MARKED("mark 7", "mark 7"));
	nothing(MARKED("mark 7", ""));
	one(MARKED("mark 7", "mark 8"),
	    "c:5:32: warning: found mark 8, expected a tunnel in a peer block of its own: IKE of peer p follows its first tunnel, x, with mark 7");
	one(MARKED("", "mark 8"),
	    "c:5:32: warning: found mark 8, expected a tunnel in a peer block of its own: IKE of peer p follows its first tunnel, x, with no mark");
}

static void updowns(void **state)
{
	(void)state;
	nothing(STRICT ROUTED("updown /bin/true"));
	one(STRICT ROUTED("updown /nowhere/updown"),
	    "c:3:8: warning: updown /nowhere/updown would not be run: No such file or directory; expected an executable file that only root can change");
	one(STRICT ROUTED("updown /etc/passwd"),
	    "c:3:8: warning: updown /etc/passwd would not be run: it is no executable file; expected an executable file that only root can change");
	one(STRICT ROUTED("updown /tmp"),
	    "c:3:8: warning: updown /tmp would not be run: it is no executable file; expected an executable file that only root can change");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_ones),
		cmocka_unit_test(hidden_entries),
		cmocka_unit_test(redundant_tunnels),
		cmocka_unit_test(exchanged_ends),
		cmocka_unit_test(cut_off),
		cmocka_unit_test(secrets),
		cmocka_unit_test(routes),
		cmocka_unit_test(marks),
		cmocka_unit_test(updowns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
