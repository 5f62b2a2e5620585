// SPDX-License-Identifier: GPL-2.0
/* The configuration: what it means, and what is said of one that means nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "wire/wire.h"

/* the example of the user guide */
static const char example[] =
	"# /etc/nfipsec/nfipsec.conf\n"
	"access-list branch {\n"
	"    10 protect ip  from 10.1.0.0/16 to 10.2.0.0/16\n"
	"    20 bypass  tcp from any to 192.0.2.9 port 22\n"
	"    30 discard ip  from 10.1.0.0/16 to 10.9.0.0/16\n"
	"}\n"
	"peer branch {\n"
	"    ike-version 2                                  # 1 or 2\n"
	"    local  address 192.0.2.1    id fqdn hq.example.com\n"
	"    remote address 198.51.100.1 id fqdn branch.example.com\n"
	"    auth psk\n"
	"    ike aes256gcm16-prfsha384-ecp384 aes128-sha256-modp3072\n"
	"    ike-lifetime 4h\n"
	"    dpd 30s\n"
	"    tunnel lan {\n"
	"        access-list branch\n"
	"        esp aes256gcm16-ecp384\n"
	"        mode tunnel\n"
	"        lifetime 1h 4GB\n"
	"        start on-traffic\n"
	"        idle-timeout 10m\n"
	"    }\n"
	"}\n";

static struct conf *parse(const char *text)
{
	struct conf_error err;
	struct conf *conf = conf_parse(text, strlen(text), "f", &err);

	if (!conf)
		print_message("%s\n", err.text);
	assert_non_null(conf);
	return conf;
}

static void assert_addr(const struct addr *a, const char *expected)
{
	char s[ADDR_STRLEN];

	assert_string_equal(addr_str(a, s, sizeof(s)), expected);
}

static void example_has_its_meaning(void **state)
{
	struct conf *conf = parse(example);
	const struct conf_entry *e = conf->lists[0].entries;
	const struct conf_peer *p = &conf->peers[0];
	const struct conf_tunnel *t = &p->tunnels[0];
	char s[256];

	(void)state;
	assert_int_equal(conf->n_lists, 1);
	assert_int_equal(conf->lists[0].n, 3);
	assert_int_equal(e[0].action, CONF_PROTECT);
	assert_string_equal(ts_str(&e[0].src, s, sizeof(s)), "10.1.0.0/16");
	assert_int_equal(e[1].action, CONF_BYPASS);
	assert_string_equal(ts_str(&e[1].src, s, sizeof(s)), "tcp any");
	assert_string_equal(ts_str(&e[1].dst, s, sizeof(s)), "tcp 192.0.2.9 port 22");
	assert_int_equal(e[2].action, CONF_DISCARD);
	assert_int_equal(e[2].number, 30);

	assert_int_equal(conf->n_peers, 1);
	assert_addr(&p->local, "192.0.2.1");
	assert_addr(&p->remote, "198.51.100.1");
	assert_int_equal(p->local_id.type, WIRE_ID_FQDN);
	assert_string_equal(p->local_id.text, "hq.example.com");
	assert_int_equal(p->n_ike, 2);
	assert_int_equal(p->ike_lifetime, 4 * 3600);
	assert_int_equal(p->dpd, 30);
	assert_int_equal(p->n_tunnels, 1);
	assert_ptr_equal(t->list, &conf->lists[0]);
	assert_ptr_equal(t->peer, p);
	assert_int_equal(t->lifetime_seconds, 3600);
	assert_int_equal(t->lifetime_bytes, 4ull << 30);
	assert_int_equal(t->idle_timeout, 600);
	assert_int_equal(t->start, CONF_START_ON_TRAFFIC);
	conf_free(conf);
}

static void defaults_are_filled_in(void **state)
{
	struct conf *conf = parse("access-list a { 1 protect ip from 10.0.0.1 to 10.0.0.2 }\n"
				  "peer p { local address 192.0.2.1 remote address 192.0.2.2 auth psk\n"
				  " tunnel t { access-list a } }");
	const struct conf_peer *p = &conf->peers[0];

	(void)state;
	assert_true(p->n_ike > 1);
	assert_true(p->tunnels[0].n_esp > 1);
	assert_int_equal(p->local_id.type, WIRE_ID_IPV4);
	assert_string_equal(p->local_id.text, "192.0.2.1");
	assert_string_equal(p->remote_id.text, "192.0.2.2");
	assert_int_equal(p->fragment_size, 1280);
	assert_int_equal(p->tunnels[0].replay_window, 1024);
	assert_int_equal(p->tunnels[0].lifetime_seconds, 3600);
	conf_free(conf);
}

/* entries are matched by number, wherever they stand in the file */
static void entries_are_sorted(void **state)
{
	struct conf *conf = parse("access-list a { 20 discard ip from any to any 10 bypass icmp from any to any }");

	(void)state;
	assert_int_equal(conf->lists[0].entries[0].number, 10);
	assert_int_equal(conf->lists[0].entries[1].number, 20);
	conf_free(conf);
}

#define HOSTS "access-list a { 1 protect ip from 192.0.2.1 to 192.0.2.2 }\n"
#define LIST "access-list a { 1 protect ip from 10.0.0.1 to 10.0.0.2 }\n"
#define PEER(items) "peer p { local address 192.0.2.1 remote address 192.0.2.2 " items " }\n"

static void fragmentation(void **state)
{
	static const struct { const char *word; unsigned int size; } words[] = {
		{ "yes", 1280 }, { "no", 0 }, { "256", 256 }, { "576", 576 }, { "65535", 65535 },
	};
	struct conf *conf;
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		snprintf(text, sizeof(text), LIST "peer p { remote address 192.0.2.2 fragmentation %s"
			 " tunnel t { access-list a } }", words[i].word);
		conf = parse(text);
		assert_int_equal(conf->peers[0].fragment_size, words[i].size);
		conf_free(conf);
	}
}

static void encapsulation(void **state)
{
	static const struct { const char *words; bool udp; } all[] = {
		{ "", false }, { "encapsulation auto", false }, { "encapsulation udp", true },
	};
	struct conf *conf;
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		snprintf(text, sizeof(text), LIST "peer p { remote address 192.0.2.2 %s"
			 " tunnel t { access-list a } }", all[i].words);
		conf = parse(text);
		assert_int_equal(conf->peers[0].force_udp, all[i].udp);
		conf_free(conf);
	}
}

static const struct { const char *text, *error; } refused[] = {
	{ "access-list a { 10 protext ip from any to any }",
	  "f:1:20: found 'protext', expected bypass, protect or discard" },
	{ "acess-list a { }", "f:1:1: found 'acess-list', expected end of file, access-list, peer, include, template, pkcs11-provider or limits" },
	{ "access-list a { 10 bypass ip from any to any",
	  "f:1:45: found the end of the file, expected a word, '}', strict or port" },
	{ "access-list a { ten bypass ip from any to any }",
	  "f:1:17: found 'ten', expected the number of an entry or '}'" },
	{ "access-list a { 1 bypass foo from any to any }",
	  "f:1:26: found 'foo', expected ip, tcp, udp, icmp, icmpv6, sctp or a protocol's number" },
	{ "access-list a { 1 bypass ip from 10.0.0.300 to any }",
	  "f:1:34: found '10.0.0.300', expected any, an address, a prefix such as 10.1.0.0/16 or 2001:db8::/32, or a range of two addresses of one family" },
	{ "access-list a { 1 bypass ip from 10.1.0.1/16 to any }",
	  "f:1:34: found '10.1.0.1/16', expected a prefix whose address has no bit set behind its length" },
	{ "access-list a { 1 bypass ip from 10.0.0.9-10.0.0.1 to any }",
	  "f:1:34: found '10.0.0.9-10.0.0.1', expected a range whose end is not before its beginning" },
	{ "access-list a { 1 bypass ip from 2001:db8::1/33 to any }",
	  "f:1:34: found '2001:db8::1/33', expected a prefix whose address has no bit set behind its length" },
	{ "access-list a { 1 bypass ip from 10.0.0.1-2001:db8::1 to any }",
	  "f:1:34: found '10.0.0.1-2001:db8::1', expected any, an address, a prefix such as 10.1.0.0/16 or 2001:db8::/32, or a range of two addresses of one family" },
	{ "access-list a { 1 bypass ip from 10.0.0.1 to 2001:db8::1 }",
	  "f:1:46: found an IPv6 address, expected an IPv4 one, as before 'to'" },
	{ "access-list a { 1 bypass ip from 2001:db8::1 to 10.0.0.1 }",
	  "f:1:49: found an IPv4 address, expected an IPv6 one, as before 'to'" },
	{ "access-list a { 1 bypass icmp from any to 2001:db8::1 }",
	  "f:1:26: found 'icmp', expected icmpv6 between IPv6 addresses" },
	{ "access-list a { 1 bypass 58 from 10.0.0.1 to any }",
	  "f:1:26: found '58', expected icmp between IPv4 addresses" },
	{ "access-list a { 1 bypass icmpv6 from any port 1 to any }",
	  "f:1:17: entry 1: found a port, expected tcp, udp or sctp with it" },
	{ "access-list a { 1 discard ip from 10.0.0.1 to 10.0.0.2 strict }",
	  "f:1:56: found 'strict', expected it behind a protect entry alone" },
	{ "access-list a { 1 protect ip strict from 10.0.0.1 to 10.0.0.2 }",
	  "f:1:30: found 'strict', expected from" },
	{ "access-list a { 1 protect ip from 10.0.0.1 to 10.0.0.2 strict }\n"
	  "access-list b { 7 bypass ip from any to any }",
	  "f:2:17: entry 7: found a bypass of all that 'strict' of entry 1 of access-list 'a' would drop, expected a narrower one" },
	{ "access-list a { 1 bypass tcp from any port 70000 to any }",
	  "f:1:44: found '70000', expected a port such as 22, or a range such as 5000-5010" },
	{ "access-list a { 1 bypass ip from any port 22 to any }",
	  "f:1:17: entry 1: found a port, expected tcp, udp or sctp with it" },
	{ "access-list a {\n 1 bypass ip from any to any\n 1 discard ip from any to any }",
	  "f:3:2: found a second entry 1, expected a number of its own" },
	{ "access-list a { }\naccess-list a { }",
	  "f:2:13: found a second access-list 'a', expected a name of its own" },
	{ LIST, "f:1:17: found a protect entry, expected a tunnel with access-list 'a'" },
	{ LIST PEER("ike-version 1 tunnel t { access-list a }"),
	  "f:2:71: found '1', expected 2: this version carries IKEv2 only" },
	{ LIST PEER("auth rsa tunnel t { access-list a }"),
	  "f:2:64: found 'rsa', expected psk, cert or pubkey" },
	{ LIST PEER("auth cert local id key-id x tunnel t { access-list a }"),
	  "f:2:64: found cert with a local key-id, expected an id that a certificate can have: fqdn, email, ipv4, ipv6 or dn" },
	{ LIST PEER("remote-auth cert remote id key-id x tunnel t { access-list a }"),
	  "f:2:71: found cert with a remote key-id, expected an id that a certificate can have: fqdn, email, ipv4, ipv6 or dn" },
	{ LIST PEER("local id fqdn *.example.com tunnel t { access-list a }"),
	  "f:2:73: found '*.example.com', expected an identity without '*'" },
	{ LIST PEER("remote id fqdn a.*.example.com tunnel t { access-list a }"),
	  "f:2:74: found 'a.*.example.com', expected '*' in place of the whole first label, as in *.example.com" },
	{ LIST PEER("remote id dn \"no name\" tunnel t { access-list a }"),
	  "f:2:72: found 'no name', expected a distinguished name such as C=DE, O=Example, CN=hq: 'no name' has no '='" },
	{ LIST PEER("cert certs/a.pem tunnel t { access-list a }"),
	  "f:2:64: found 'certs/a.pem', expected the name of a file without its folder" },
	{ LIST PEER("revocation always tunnel t { access-list a }"),
	  "f:2:70: found 'always', expected off, soft or hard" },
	{ LIST PEER("rsa-signature v2 tunnel t { access-list a }"),
	  "f:2:73: found 'v2', expected pss or pkcs1" },
	{ LIST PEER("fragmentation 255 tunnel t { access-list a }"),
	  "f:2:73: found '255', expected yes, no or a number of octets from 256 to 65535" },
	{ LIST PEER("fragmentation on tunnel t { access-list a }"),
	  "f:2:73: found 'on', expected yes, no or a number of octets from 256 to 65535" },
	{ LIST PEER("encapsulation yes tunnel t { access-list a }"),
	  "f:2:73: found 'yes', expected auto or udp" },
	{ LIST PEER("encapsulation udp tunnel t { access-list a ah sha256 }"),
	  "f:2:73: found encapsulation udp with the tunnel t, which has ah alone, expected esp in it: AH cannot go in UDP" },
	{ LIST PEER("tunnel t { access-list b }"),
	  "f:2:82: found 'b', expected the name of an access-list" },
	{ LIST PEER("tunnel t { access-list a mode both }"),
	  "f:2:89: found 'both', expected tunnel or transport" },
	{ LIST PEER("tunnel t { access-list a mode transport }"),
	  "f:1:17: entry 1: found a source without the peer's local address 192.0.2.1, expected it there: tunnel 't' is in transport mode" },
	{ HOSTS PEER("tunnel t { access-list a mode transport tfc mtu }"),
	  "f:2:89: found transport with tfc, expected tunnel: padding is for whole packets" },
	{ LIST PEER("tunnel t { access-list a ah sha256 tfc 1000 }"),
	  "f:2:84: found ah with tfc, expected esp: only ESP can pad" },
	{ LIST PEER("tunnel t { access-list a esp aes128gcm16 ah sha256 }"),
	  "f:2:100: found ah beside esp, expected 'start manual' with them: IKEv2 cannot negotiate both, keys are set by hand" },
	{ LIST PEER("tunnel t { access-list a ah aes128 }"),
	  "f:2:87: \"aes128\" (encryption) has no place in an AH proposal" },
	{ LIST PEER("tunnel t { access-list a ah modp2048 }"),
	  "f:2:87: lacks integrity, expected one of sha256, sha384, sha512, aesxcbc, aescmac, sha1" },
	{ LIST PEER("tunnel t { access-list a tfc 0 }"),
	  "f:2:88: found '0', expected mtu or a number of octets from 1 to 65535" },
	{ LIST PEER("tunnel t { access-list a mark 0x }"),
	  "f:2:89: found '0x', expected a mark such as 42 or 0x2a, not 0" },
	{ LIST PEER("tunnel t { access-list a mark 4294967296 }"),
	  "f:2:89: found '4294967296', expected a mark such as 42 or 0x2a, not 0" },
	{ LIST PEER("tunnel t { access-list a vrf sixteen-letters- }"),
	  "f:2:88: found 'sixteen-letters-', expected the name of a device, of at most 15 characters" },
	{ LIST PEER("tunnel t { access-list a updown etc/updown }"),
	  "f:2:91: found 'etc/updown', expected the absolute path of an executable file, of at most 255 characters" },
	{ LIST PEER("tunnel t { access-list a updown \"\" }"),
	  "f:2:91: found '', expected the absolute path of an executable file, of at most 255 characters" },
	{ LIST PEER("tunnel t { access-list a route maybe }"),
	  "f:2:90: found 'maybe', expected yes or no" },
	{ LIST PEER("tunnel t { access-list a route no table 7 }"),
	  "f:2:93: found 'table', expected 'route yes' before it" },
	{ LIST PEER("tunnel t { access-list a route no source 10.0.0.1 }"),
	  "f:2:93: found 'source', expected 'route yes' before it" },
	{ LIST PEER("tunnel t { access-list a route yes table 255 }"),
	  "f:2:100: found '255', expected the number of a routing table, not 0 or 255" },
	{ LIST PEER("tunnel t { access-list a route yes table 4294967296 }"),
	  "f:2:100: found '4294967296', expected the number of a routing table, not 0 or 255" },
	{ LIST PEER("tunnel t { access-list a route yes source 10.0.0.0/8 }"),
	  "f:2:101: found '10.0.0.0/8', expected one address" },
	{ "access-list a { 1 protect ip from 192.0.2.1 to 192.0.2.2 }\n" PEER("tunnel t { access-list a mode transport route yes }"),
	  "f:2:105: found route yes in transport mode, expected mode tunnel: the peer has a route already" },
	{ "access-list a { 1 protect ip from 10.0.0.0/8 to any }\n" PEER("tunnel t { access-list a route yes }"),
	  "f:2:90: found a route in the main table for entry 1, which is to any, expected 'route yes table N': the route "
	  "would lead IKE and ESP to 192.0.2.2, the address of peer 'p', into the tunnel" },
	{ "access-list a { 1 protect ip from 10.0.0.0/8 to any }\n"
	  "peer p { local address 192.0.2.1 remote address any tunnel t { access-list a route yes } }\n",
	  "f:2:84: found a route in the main table for entry 1, which is to any, expected 'route yes table N': the route "
	  "would lead IKE and ESP to peer 'p', which may have any address, into the tunnel" },
	{ "access-list a { 1 protect ip from 10.0.0.0/8 to any }\n"
	  "peer p { local address 192.0.2.1 remote address gw.example.com tunnel t { access-list a route yes } }\n",
	  "f:2:95: found a route in the main table for entry 1, which is to any, expected 'route yes table N': the route "
	  "would lead IKE and ESP to gw.example.com, the address of peer 'p', into the tunnel" },
	{ LIST "access-list b { 1 protect tcp from 10.0.0.0/8 to 192.0.2.0/24 port 80 }\n"
	  PEER("tunnel t { access-list a }") "peer q { remote address 198.51.100.1 tunnel t { access-list b route yes table 254 } }",
	  "f:4:69: found a route in the main table for entry 1, which is to 192.0.2.0/24, expected 'route yes table N': the route "
	  "would lead IKE and ESP to 192.0.2.2, the address of peer 'p', into the tunnel" },
	{ LIST PEER("ike aes128gcm16iiv-prfsha256-x25519 tunnel t { access-list a }"),
	  "f:2:63: \"aes128gcm16iiv\" is not for IKE itself, expected one of aes128, aes192, aes256, "
	  "aes128gcm16, aes192gcm16, aes256gcm16, aes128gcm12, aes192gcm12, aes256gcm12, aes128gcm8, "
	  "aes192gcm8, aes256gcm8, aes128ccm16, aes192ccm16, aes256ccm16, aes128ccm12, aes192ccm12, "
	  "aes256ccm12, aes128ccm8, aes192ccm8, aes256ccm8, aes128ctr, aes192ctr, aes256ctr, "
	  "camellia128, camellia192, camellia256, chacha20poly1305, 3des" },
	{ LIST "peer p { local address 192.0.2.1 remote address 2001:db8::2 tunnel t { access-list a } }",
	  "f:2:6: peer 'p': found a local and a remote address of two families, expected one" },
	{ LIST PEER("tunnel t { access-list a } tunnel u { access-list a }"),
	  "f:2:109: found 'a', expected an access-list of its own: tunnel 't' of peer 'p' has it" },
	{ LIST PEER("tunnel t { access-list a lifetime 3x }"),
	  "f:2:93: found '3x', expected a duration such as 30s, 10m, 4h or 1d, or a size such as 500MB or 4GB" },
	{ LIST PEER("tunnel t { access-list a replay-window 5 }"),
	  "f:2:98: found '5', expected a number of packets from 32 to 4096" },
	{ LIST PEER(""), "f:2:6: peer 'p' has no tunnel, expected one" },
	{ LIST "peer p { local address 2001:db8::1\n remote address fe80::2%eth0 tunnel t { access-list a } }",
	  "f:3:17: found 'fe80::2%eth0', expected an address that is not link-local: those mean nothing "
	  "without a device, which SAs have not" },
	{ LIST "peer p { local address fe80::1 tunnel t { access-list a } }",
	  "f:2:24: found 'fe80::1', expected an address that is not link-local: those mean nothing "
	  "without a device, which SAs have not" },
	{ LIST "peer p { local address 2001:db8::1%eth0 tunnel t { access-list a } }",
	  "f:2:24: found '2001:db8::1%eth0', expected any, an address, a prefix such as 10.1.0.0/16 or "
	  "2001:db8::/32, or a range of two addresses of one family" },
	{ LIST "peer p { remote address fe80::/10 tunnel t { access-list a } }",
	  "f:2:25: found 'fe80::/10', expected one address" },
	{ LIST "peer p { local address any remote address any tunnel t { access-list a start at-load } }",
	  "f:2:54: found start at-load, expected a peer with an address to begin with" },
	{ LIST "peer p { remote address 192.0.2.2 -gw.example.com id any tunnel t { access-list a } }",
	  "f:2:35: found '-gw.example.com', expected an address, a prefix, or a DNS name of letters, "
	  "digits, hyphens and dots" },
	{ LIST "peer p { remote address 192.0.2.2 192.0.2.300 id any tunnel t { access-list a } }",
	  "f:2:35: found '192.0.2.300', expected any, an address, a prefix such as 10.1.0.0/16 or "
	  "2001:db8::/32, or a range of two addresses of one family" },
	{ LIST "peer p { remote address any 192.0.2.2 tunnel t { access-list a } }",
	  "f:2:29: found '192.0.2.2', expected "
	  "'}', tunnel, port, ike-version, local, remote, address, id, auth, cert, ike, ike-lifetime, local-auth, "
	  "remote-auth, ca, key, remote-key, rsa-signature, revocation, reauth, dpd, fragmentation, "
	  "encapsulation, prefer-first or allow-weak" },
	{ LIST "peer p { remote address 192.0.2.2 any tunnel t { access-list a } }",
	  "f:2:35: found 'any', expected a word, "
	  "'}', tunnel, port, ike-version, local, remote, address, id, auth, cert, ike, ike-lifetime, local-auth, "
	  "remote-auth, ca, key, remote-key, rsa-signature, revocation, reauth, dpd, fragmentation, "
	  "encapsulation, prefer-first or allow-weak" },
	{ LIST "peer p { remote address 192.0.2.2 gw.example.com tunnel t { access-list a } }",
	  "f:2:35: found several remote addresses without an id, expected one, as in: remote address ... "
	  "id fqdn branch.example.com" },
	{ LIST "peer p { remote address 192.0.2.2 192.0.2.0/24 id any tunnel t { access-list a } }",
	  "f:2:35: found a range beside an address or a name with an id that fits several peers, expected "
	  "a block of its own for the range" },
	{ LIST "peer p { local address 192.0.2.1 remote address 192.0.2.2 2001:db8::2 id key-id x tunnel t { access-list a } }",
	  "f:2:59: found a remote address of another family than the local one, expected one" },
	{ LIST "peer p { remote address 192.0.2.2 prefer-first 5m tunnel t { access-list a } }",
	  "f:2:35: found prefer-first, expected several remote addresses or names with it" },
	{ LIST "peer p { remote address 192.0.2.2 port 0 tunnel t { access-list a } }",
	  "f:2:40: found '0', expected a port from 1 to 65535" },
	{ LIST "peer p { remote address 192.0.2.2 port 65536 tunnel t { access-list a } }",
	  "f:2:40: found '65536', expected a port from 1 to 65535" },
	{ LIST "peer p { remote port 4501-4502 address 192.0.2.2 tunnel t { access-list a } }",
	  "f:2:22: found '4501-4502', expected a port from 1 to 65535" },
	{ LIST "peer p { remote address any port 4501 tunnel t { access-list a } }",
	  "f:2:29: found a remote port, expected a remote address or name with it: the daemon does not "
	  "begin with any or a range" },
	{ LIST "peer p { remote address 192.0.2.0/24 port 4501 tunnel t { access-list a } }",
	  "f:2:38: found a remote port, expected a remote address or name with it: the daemon does not "
	  "begin with any or a range" },
	{ LIST "peer p { local port 4501 remote address 192.0.2.2 tunnel t { access-list a } }",
	  "f:2:16: found 'port', expected address or id" },
	{ LIST "peer p { remote address 192.0.2.0/24 tunnel t { access-list a start at-load } }",
	  "f:2:45: found start at-load, expected a peer with an address to begin with" },
	{ LIST "peer p { remote address 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9 "
	  "1.1.2.1 1.1.2.2 1.1.2.3 1.1.2.4 1.1.2.5 1.1.2.6 1.1.2.7 1.1.2.8 tunnel t { access-list a } }",
	  "f:2:153: found '1.1.2.8', expected at most 16 remote addresses" },
	{ "peer \"p", "f:1:6: found a string without its end, expected a word" },
	{ "peer \001 {", NULL },
	{ "access-list aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa { }",
	  "f:1:13: found 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', expected a name of at most 31 characters" },
};

static void errors_say_where_and_what(void **state)
{
	struct conf_error err;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		assert_null(conf_parse(refused[i].text, strlen(refused[i].text), "f", &err));
		if (refused[i].error)
			assert_string_equal(err.text, refused[i].error);
		else
			assert_memory_equal(err.text, "f:1:", 4);
	}
}

/* a proposal's error stands at the word in it that is wrong */
static void proposals_are_checked(void **state)
{
	static const char text[] = LIST PEER("ike aes256gcm16-prfsha384-ecp999 tunnel t { access-list a }");
	struct conf_error err;

	(void)state;
	assert_null(conf_parse(text, strlen(text), "f", &err));
	assert_memory_equal(err.text, "f:2:85: ", 8);
	assert_non_null(strstr(err.text, "ecp999"));
}

static void headers_are_as_said(void **state)
{
	static const char text[] = LIST PEER("tunnel t { access-list a df clear dscp 46 mtu 1280 }");
	static const char plain[] = LIST PEER("tunnel t { access-list a dscp copy df copy }");
	static const char *const bad[] = {
		LIST PEER("tunnel t { access-list a df maybe }"),
		LIST PEER("tunnel t { access-list a dscp 64 }"),
		LIST PEER("tunnel t { access-list a mtu 575 }"),
		LIST PEER("tunnel t { access-list a mtu 65536 }"),
	};
	struct conf *conf = parse(text);
	const struct conf_tunnel *t = &conf->peers[0].tunnels[0];
	struct conf_error err;
	size_t i;

	(void)state;
	assert_int_equal(t->df, CONF_DF_CLEAR);
	assert_int_equal(t->dscp, 46);
	assert_int_equal(t->mtu, 1280);
	conf_free(conf);
	conf = parse(plain);
	t = &conf->peers[0].tunnels[0];
	assert_int_equal(t->df, CONF_DF_COPY);
	assert_int_equal(t->dscp, -1);
	assert_int_equal(t->mtu, 0);
	conf_free(conf);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(conf_parse(bad[i], strlen(bad[i]), "f", &err));
		assert_non_null(strstr(err.text, "expected"));
	}
}

static void assert_entry(const struct conf_entry *e, unsigned int number, const char *src,
			 const char *dst, int family)
{
	char s[TS_STRLEN];

	assert_int_equal(e->number, number);
	assert_string_equal(ts_str(&e->src, s, sizeof(s)), src);
	assert_string_equal(ts_str(&e->dst, s, sizeof(s)), dst);
	assert_int_equal(e->src.min.family, family);
	assert_int_equal(e->src.max.family, family);
	assert_int_equal(e->dst.min.family, family);
	assert_int_equal(e->dst.max.family, family);
}

/* "any" has the family of the other end; between two of them it has both */
static void any_is_of_both_families(void **state)
{
	struct conf *conf = parse("access-list a {\n"
				  " 10 bypass tcp from any port 1 to 2001:db8:1::/48\n"
				  " 20 discard ip from any to any\n"
				  " 30 bypass ip from 2001:db8::1-2001:db8::9 to any\n"
				  " 40 bypass icmp from any to any\n"
				  " 50 bypass ipv6-icmp from any to any\n"
				  " 60 bypass tcp from any to 10.0.0.0/8 }");
	const struct conf_list *list = &conf->lists[0];

	(void)state;
	assert_int_equal(list->n, 7);
	assert_entry(&list->entries[0], 10, "tcp any port 1", "tcp 2001:db8:1::/48", AF_INET6);
	assert_entry(&list->entries[1], 20, "any", "any", AF_INET);
	assert_entry(&list->entries[2], 20, "any", "any", AF_INET6);
	assert_entry(&list->entries[3], 30, "2001:db8::1-2001:db8::9", "any", AF_INET6);
	assert_entry(&list->entries[4], 40, "icmp any", "icmp any", AF_INET);
	assert_entry(&list->entries[5], 50, "icmpv6 any", "icmpv6 any", AF_INET6);
	assert_entry(&list->entries[6], 60, "tcp any", "tcp 10.0.0.0/8", AF_INET);
	conf_free(conf);
}

/*
 * the discard entry that `strict` adds, and the bypass entries that the checker accepts beside it
 */
static void strict_implies_a_discard(void **state)
{
	struct conf *conf = parse("access-list a {\n"
				  " 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16 strict\n"
				  " 20 protect tcp from 10.1.0.1 port 80 to 10.3.0.0-10.3.0.9 port 1-99 strict\n"
				  " 30 protect ip from 2001:db8:1::/48 to any strict\n"
				  " 40 protect ip from 10.1.0.0/16 to 10.4.0.0/16\n"
				  " 50 bypass icmp from any to 10.2.0.0/15\n"
				  " 60 bypass ip from any to 10.2.0.9\n"
				  " 70 bypass ip from 10.0.0.0/8 to any\n"
				  "}\n"
				  "peer p { auth psk tunnel t { access-list a } }");
	const struct conf_entry *e = conf->lists[0].entries;
	struct conf_entry out;

	(void)state;
	assert_int_equal(conf->lists[0].n, 7);
	assert_int_equal(e[0].action, CONF_PROTECT);
	assert_true(conf_strict_discard(&e[0], &out));
	assert_int_equal(out.action, CONF_DISCARD);
	assert_entry(&out, 10, "any", "10.2.0.0/16", AF_INET);
	assert_true(conf_strict_discard(&e[1], &out));
	assert_entry(&out, 20, "tcp any", "tcp 10.3.0.0-10.3.0.9 port 1-99", AF_INET);
	assert_true(conf_strict_discard(&e[2], &out));
	assert_entry(&out, 30, "any", "any", AF_INET6);
	assert_false(conf_strict_discard(&out, &out));
	assert_false(conf_strict_discard(&e[3], &out));
	conf_free(conf);
}

static void ipv6_peers_are_named_by_address(void **state)
{
	struct conf *conf = parse("access-list a { 1 protect ip from 2001:db8::1 to 2001:db8::2 }\n"
				  "peer p { local address 2001:db8::1 remote address 2001:db8::2\n"
				  " tunnel t { access-list a mode transport } }");
	const struct conf_peer *p = &conf->peers[0];

	(void)state;
	assert_addr(&p->local, "2001:db8::1");
	assert_int_equal(p->local_id.type, WIRE_ID_IPV6);
	assert_int_equal(p->local_id.len, 16);
	assert_memory_equal(p->local_id.data, p->local.a, 16);
	assert_string_equal(p->remote_id.text, "2001:db8::2");
	assert_int_equal(p->tunnels[0].mode, CONF_MODE_TRANSPORT);
	conf_free(conf);
}

static void protocols_and_bundles(void **state)
{
	static const char ah[] = LIST PEER("tunnel t { access-list a ah sha256 aesxcbc-modp2048 }");
	static const char both[] =
		LIST PEER("tunnel t { access-list a esp aes128gcm16iiv ah sha256 start manual }");
	struct conf *conf = parse(ah);
	const struct conf_tunnel *t = &conf->peers[0].tunnels[0];
	const struct ike_proposal *p;
	unsigned int n;
	char s[64];

	(void)state;
	p = conf_tunnel_proposals(t, &n);
	assert_int_equal(n, 2);
	assert_int_equal(t->n_esp, 0);
	assert_int_equal(p[0].proto, PROTO_AH);
	assert_int_equal(p[1].number, 2);
	assert_string_equal(ike_proposal_str(&p[1], s, sizeof(s)), "aesxcbc-modp2048");
	assert_null(ike_proposal_get(&p[1], IKE_TRANSFORM_ENCR));
	assert_non_null(ike_proposal_get(&p[1], IKE_TRANSFORM_ESN));
	assert_false(conf_tunnel_is_bundle(t));
	conf_free(conf);

	conf = parse(both);
	t = &conf->peers[0].tunnels[0];
	assert_true(conf_tunnel_is_bundle(t));
	assert_int_equal(t->esp[0].t[0].id, ENCR_AES_GCM_16_IIV);
	conf_free(conf);
}

static void routes(void **state)
{
	static const char text[] = LIST PEER("tunnel t { access-list a route yes source 10.0.0.1 table 7 }"
					     " tunnel u { access-list b route yes } tunnel v { access-list c route yes table 5 route no }"
					     " tunnel w { access-list d route yes table 100 }")
		"access-list b { 1 protect ip from 10.0.0.3 to 10.0.0.4 }\n"
		"access-list c { 1 protect ip from 10.0.0.5 to 10.0.0.6 }\n"
		"access-list d { 1 protect ip from 10.0.0.7 to any }\n";
	struct conf *conf = parse(text);
	const struct conf_tunnel *t = conf->peers[0].tunnels;

	(void)state;
	assert_true(t[0].route.on);
	assert_int_equal(t[0].route.table, 7);
	assert_addr(&t[0].route.source, "10.0.0.1");
	assert_true(t[1].route.on);
	assert_int_equal(t[1].route.table, 254);
	assert_int_equal(t[1].route.source.family, 0);
	/* the last statement counts */
	assert_false(t[2].route.on);
	assert_int_equal(t[3].route.table, 100);
	conf_free(conf);
}

static void tfc_mark_and_vrf(void **state)
{
	static const char text[] = LIST PEER("tunnel t { access-list a tfc 1000 mark 0x2a vrf red }"
					     " tunnel u { access-list b tfc mtu mark 42 child-sa per-entry }")
		"access-list b { 1 protect ip from 10.0.0.3 to 10.0.0.4 }";
	struct conf *conf = parse(text);
	const struct conf_tunnel *t = conf->peers[0].tunnels;

	(void)state;
	assert_int_equal(t[0].child_sa, CONF_CHILD_PER_TUNNEL);
	assert_int_equal(t[1].child_sa, CONF_CHILD_PER_ENTRY);
	assert_int_equal(t[0].tfc, 1000);
	assert_int_equal(t[0].mark, 42);
	assert_string_equal(t[0].vrf, "red");
	assert_int_equal(t[1].tfc, CONF_TFC_MTU);
	assert_int_equal(t[1].mark, 42);
	assert_string_equal(t[1].vrf, "");
	conf_free(conf);
}

static void limits(void **state)
{
	static const char text[] = "limits { cookies-from 5 half-open 100000 starts-per-address 1000 }";
	struct conf_error err;
	struct conf *conf = conf_parse(text, strlen(text), "f", &err);

	(void)state;
	assert_non_null(conf);
	assert_int_equal(conf->limits.cookies_from, 5);
	assert_int_equal(conf->limits.half_open, 100000);
	assert_int_equal(conf->limits.half_open_per_addr, CONF_HALF_OPEN_PER_ADDR);
	assert_int_equal(conf->limits.inits_per_addr, 1000);
	conf_free(conf);
	assert_null(conf_parse("limits { half-open 0 }", 22, "f", &err));
	assert_string_equal(err.text, "f:1:20: found '0', expected a number from 1 to 1000000");
}

static void weak_algorithms_want_a_word(void **state)
{
	static const char bad[] = LIST PEER("tunnel t { access-list a esp aes128gcm16 des-sha256 }");
	static const char good[] =
		LIST PEER("tunnel t { access-list a esp aes128gcm16 des-sha256 allow-weak }");
	static const char bad_ah[] = LIST PEER("tunnel t { access-list a ah sha256 md5 }");
	static const char good_ah[] = LIST PEER("tunnel t { access-list a ah md5 allow-weak }");
	static const char bad_ike[] =
		LIST PEER("ike aes128-sha256-modp1024 tunnel t { access-list a }");
	static const char good_ike[] =
		LIST PEER("allow-weak ike aes128-sha256-modp1024 tunnel t { access-list a }");
	static const char wrong_word[] =
		LIST PEER("ike aes128-sha256-modp1024 tunnel t { access-list a allow-weak }");
	static const char other_word[] =
		LIST PEER("allow-weak tunnel t { access-list a esp aes128-sha256-modp768 }");
	struct conf_error err;

	(void)state;
	assert_null(conf_parse(bad, strlen(bad), "f", &err));
	assert_memory_equal(err.text, "f:2:", 4);
	assert_non_null(strstr(err.text, "found des, which is weak (RFC 8221)"));
	assert_non_null(strstr(err.text, "allow-weak"));
	conf_free(parse(good));
	assert_null(conf_parse(bad_ah, strlen(bad_ah), "f", &err));
	assert_non_null(strstr(err.text, "found md5, which is weak (RFC 8221)"));
	conf_free(parse(good_ah));
	/* the word of the peer is for IKE, that of the tunnel for ESP and AH */
	assert_null(conf_parse(bad_ike, strlen(bad_ike), "f", &err));
	assert_string_equal(err.text, "f:2:6: peer 'p': found modp1024, which is weak (RFC 8247), "
			    "expected another or 'allow-weak'");
	conf_free(parse(good_ike));
	assert_null(conf_parse(wrong_word, strlen(wrong_word), "f", &err));
	assert_non_null(strstr(err.text, "found modp1024"));
	assert_null(conf_parse(other_word, strlen(other_word), "f", &err));
	assert_non_null(strstr(err.text, "found modp768, which is weak (RFC 8221)"));
}

/* every prefix of a right text is right or refused, and never more than that */
static void truncated_texts_are_refused(void **state)
{
	struct conf_error err;
	struct conf *conf;
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(example); len++) {
		char *exact = malloc(len ? len : 1);	/* for AddressSanitizer */

		memcpy(exact, example, len);
		conf = conf_parse(exact, len, "f", &err);
		assert_true(conf || *err.text);
		conf_free(conf);
		free(exact);
	}
}

/* parses a peer with this list; NULL: it is refused */
static struct conf *with_remotes(const char *remotes)
{
	struct conf_error err;
	char text[2048];

	snprintf(text, sizeof(text), "access-list a { 1 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"
		 "template t { remote address %s }\n"
		 "peer p from t { tunnel t { access-list a } }", remotes);
	return conf_parse(text, strlen(text), "f", &err);
}

static void host_names(void **state)
{
	static const char label[] = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0";
	static const char *const good[] = { "gw", "gw.example.com", "3com.example", "1.2.3.a", "a-b.x--y.z",
					    "GW2.Example.COM", "gw.example.com.", "10-0-0-1.example", label };
	static const char *const bad[] = { "-a.b", "a-.b", "a..b", ".a", "a_b.c", "gw.example.com..", "a.b/c",
					   "\303\244.example", "a,b", "a@b", "999.1.1.1", "x*", "a%b", "." };
	char name[400] = "";
	struct conf *conf;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		conf = with_remotes(good[i]);
		if (!conf)
			fail_msg("%s is refused", good[i]);
		assert_int_equal(conf->peers[0].remotes[0].type, CONF_REMOTE_NAME);
		assert_string_equal(conf->peers[0].remotes[0].name, good[i]);
		assert_int_equal(conf->peers[0].remote.family, 0);
		assert_int_equal(conf->peers[0].remote_id.type, WIRE_ID_FQDN);
		assert_int_equal(conf->peers[0].remote_id.len, strcspn(good[i], "\n") - (i == 6));
		conf_free(conf);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (with_remotes(bad[i]))
			fail_msg("%s is taken", bad[i]);
	/* labels of 63 octets, names of 253 */
	snprintf(name, sizeof(name), "%sx", label);
	assert_null(with_remotes(name));
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	conf = with_remotes(name);
	assert_non_null(conf);
	conf_free(conf);
	snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
	assert_null(with_remotes(name));
}

static void remote_lists(void **state)
{
	struct conf *conf = with_remotes("192.0.2.2 gw.example.com 2001:db8::/32 192.0.2.7-192.0.2.9 id fqdn x");
	const struct conf_peer *p;
	char text[400];
	struct addr a;

	(void)state;
	assert_non_null(conf);
	p = &conf->peers[0];
	assert_int_equal(p->n_remotes, 4);
	assert_int_equal(p->remotes[0].type, CONF_REMOTE_ADDR);
	assert_int_equal(p->remotes[1].type, CONF_REMOTE_NAME);
	assert_int_equal(p->remotes[2].type, CONF_REMOTE_RANGE);
	assert_int_equal(p->remotes[3].type, CONF_REMOTE_RANGE);
	assert_true(conf_peer_initiates(p));
	assert_string_equal(conf_remotes_str(p, text, sizeof(text)),
			    "192.0.2.2 gw.example.com 2001:db8::/32 192.0.2.7-192.0.2.9");
	assert_true(addr_parse("192.0.2.8", &a) && conf_remote_has(&p->remotes[3], &a));
	assert_false(conf_remote_has(&p->remotes[2], &a) || conf_remote_has(&p->remotes[1], &a));
	assert_true(addr_parse("192.0.2.10", &a) && !conf_remote_has(&p->remotes[3], &a));
	assert_true(conf_peer_may_have(p, &a));
	conf_free(conf);
	conf = with_remotes("192.0.2.2");
	assert_string_equal(addr_str(&conf->peers[0].remote, text, sizeof(text)), "192.0.2.2");
	conf_free(conf);
	conf = with_remotes("192.0.2.0/24 2001:db8::/32");
	assert_false(conf_peer_initiates(&conf->peers[0]));
	assert_false(conf_peer_may_have(&conf->peers[0], &(struct addr){ .family = AF_INET }));
	conf_free(conf);
	conf = with_remotes("any");
	assert_false(conf_peer_initiates(&conf->peers[0]));
	assert_string_equal(conf_remotes_str(&conf->peers[0], text, sizeof(text)), "any");
	conf_free(conf);
}

static void secrets_are_found(void **state)
{
	static const char text[] = "# comment\n"
		"psk hq.example.com branch.example.com \"correct horse battery staple\"\n"
		"psk any branch.example.com 0x00ff\n"
		"psk any any 0sAQID\n"
		"key hq.pem \"open sesame\"\n";
	struct conf *conf = parse(example);
	struct conf_id us = conf->peers[0].local_id, them = conf->peers[0].remote_id, other = { 0 };
	struct conf_error err;
	const struct conf_secret *s;

	(void)state;
	assert_true(conf_secrets_parse(conf, text, strlen(text), "s", &err));
	assert_int_equal(conf->n_secrets, 3);
	s = conf_secret_find(conf, &us, &them);
	assert_int_equal(s->len, 28);
	assert_memory_equal(s->psk, "correct horse battery staple", 28);
	other.text = "somebody";
	s = conf_secret_find(conf, &other, &them);
	assert_int_equal(s->len, 2);
	assert_memory_equal(s->psk, "\x00\xff", 2);
	s = conf_secret_find(conf, &us, &other);
	assert_memory_equal(s->psk, "\x01\x02\x03", 3);
	assert_int_equal(conf->n_passphrases, 1);
	assert_string_equal(conf->passphrases[0].file, "hq.pem");
	assert_string_equal(conf->passphrases[0].text, "open sesame");
	conf_free(conf);
}

/* the rule as it is written, beside the search: both named, the remote one, the local one, any */
static const struct conf_secret *naive_find(const struct conf *conf, const char *local,
					    const char *remote)
{
	static const char *const kinds[][2] = { { "l", "r" }, { "any", "r" }, { "l", "any" },
						{ "any", "any" } };
	unsigned int i, k;

	for (k = 0; k < 4; k++) {
		const char *l = *kinds[k][0] == 'l' ? local : "any";
		const char *r = *kinds[k][1] == 'r' ? remote : "any";

		for (i = 0; i < conf->n_secrets; i++)
			if (!strcmp(conf->secrets[i].local_id, l) &&
			    !strcmp(conf->secrets[i].remote_id, r))
				return &conf->secrets[i];
	}
	return NULL;
}

static void one_secret_of_many_is_found(void **state)
{
	struct conf *conf = parse(example);
	struct conf_id local = { .type = WIRE_ID_FQDN }, remote = { .type = WIRE_ID_FQDN };
	char text[9000] = "", l[8], r[8];
	unsigned int i, k, seed = 1, at = 0;
	struct conf_error err;

	(void)state;
	for (i = 0; i < 200; i++) {
		seed = seed * 1103515245 + 12345;
		k = seed >> 16;
		snprintf(l, sizeof(l), k % 3 ? "l%u" : "any", k / 3 % 6);
		snprintf(r, sizeof(r), k % 5 ? "r%u" : "any", k / 18 % 25);
		at += snprintf(text + at, sizeof(text) - at, "psk %s %s \"%u\"\n", l, r, i);
		/* those of a second reading come to them */
		if (i == 30 || i == 199) {
			assert_true(conf_secrets_parse(conf, text, at, "s", &err));
			at = 0;
		}
	}
	assert_int_equal(conf->n_secrets, 200);
	local.text = l;
	local.data = (uint8_t *)l;
	remote.text = r;
	remote.data = (uint8_t *)r;
	for (i = 0; i < 8; i++)
		for (k = 0; k < 30; k++) {
			snprintf(l, sizeof(l), "l%u", i);
			snprintf(r, sizeof(r), "r%u", k);
			local.len = strlen(l);
			remote.len = strlen(r);
			assert_ptr_equal(conf_secret_find(conf, &local, &remote),
					 naive_find(conf, l, r));
		}
	conf_free(conf);
}

/* the names in no order; what is there twice is told of the second */
static void names_are_found_among_many(void **state)
{
	enum { N = 100 };
	struct conf_error err;
	struct conf *conf;
	unsigned int i, twice;
	char name[16], *text;
	size_t len;
	FILE *f;

	(void)state;
	for (twice = 0; twice < 3; twice++) {
		f = open_memstream(&text, &len);
		for (i = 0; i < N; i++) {
			unsigned int n = i * 37 % N;

			fprintf(f, "access-list l%u { 1 protect ip from 10.1.%u.0/24 to 10.2.0.0/16 }\n"
				"peer p%u { remote address 192.0.2.1 auth psk tunnel t { access-list l%u } }\n",
				twice == 1 && i == N - 1 ? 0 : n, n, twice == 2 && i == N - 1 ? 0 : n, n);
		}
		fclose(f);
		conf = conf_parse(text, len, "f", &err);
		free(text);
		if (twice) {
			assert_null(conf);
			assert_non_null(strstr(err.text, twice == 1 ? "f:199:13: found a second access-list 'l0'" :
							 "f:200:6: found a second peer 'p0'"));
			continue;
		}
		assert_non_null(conf);
		for (i = 0; i < N; i++) {
			snprintf(name, sizeof(name), "p%u", i);
			assert_string_equal(conf_peer_find(conf, name)->name, name);
			snprintf(name, sizeof(name), "l%u", i);
			assert_string_equal(conf_list_find(conf, name)->name, name);
		}
		assert_null(conf_peer_find(conf, "p"));
		assert_null(conf_peer_find(conf, "z"));
		assert_null(conf_list_find(conf, "l100"));
		conf_free(conf);
	}
}

static void secrets_errors_tell_no_secret(void **state)
{
	static const char *const bad[] = {
		"psk a b hunter2", "psk a b 0xhunter2", "psk a b \"\"", "hunter2 a b \"x\"",
		"psk a b \"hunter2", "psk a", "psk a b \"hunter2\" hunter2", "psk { b \"hunter2\"",
		"key hunter2", "key a hunter2", "key \"hunter2", "key a \"hunter2",
	};
	struct conf *conf = parse(example);
	struct conf_error err;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(conf_secrets_parse(conf, bad[i], strlen(bad[i]), "s", &err));
		assert_memory_equal(err.text, "s:1:", 4);
		assert_null(strstr(err.text, "hunter2"));
	}
	conf_free(conf);
}

static void secrets_of_others_are_refused(void **state)
{
	char path[] = "/tmp/nfipsec-secrets.XXXXXX";
	struct conf *conf = parse(example);
	struct conf_error err;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "psk a b \"c\"\n", 12), 12);
	assert_false(fchmod(fd, 0640));
	assert_false(conf_secrets_load(conf, path, &err));
	assert_non_null(strstr(err.text, "found mode 0640, expected 0600"));
	assert_false(fchmod(fd, 0600));
	assert_true(conf_secrets_load(conf, path, &err));
	assert_int_equal(conf->n_secrets, 1);
	close(fd);
	unlink(path);
	conf_free(conf);
}

/* The launcher has room for so many commands; the place of the first one beyond is said. */
static void many_updowns(void **state)
{
	char *text = malloc(600 * 200);
	struct conf_error err = { .text = "" };
	struct conf *conf;
	size_t at;
	int n, i;

	(void)state;
	assert_non_null(text);
	for (n = 256; n <= 257; n++) {
		/* the first command is in one more tunnel */
		for (i = 0, at = 0; i <= n; i++)
			at += sprintf(text + at, "access-list l%d { 1 protect ip from 10.%d.%d.0/24 to 10.2.0.0/16 }\n",
				      i, i / 256 + 3, i % 256);
		at += sprintf(text + at, "peer p { local address 192.0.2.1 remote address 192.0.2.2\n");
		for (i = 0; i <= n; i++)
			at += sprintf(text + at, "tunnel t%d { access-list l%d updown /x/%d }\n", i, i, i ? i - 1 : 0);
		sprintf(text + at, "}\n");
		conf = conf_parse(text, strlen(text), "f", &err);
		if (n == 256 && !conf)
			fail_msg("%s", err.text);
		if (n == 257 && (conf || strcmp(err.text, "f:517:39: found updown \"/x/256\" after 256 other commands, expected at most 256 different ones in all tunnels")))
			fail_msg("'%s'", conf ? "taken" : err.text);
		conf_free(conf);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_has_its_meaning),
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(entries_are_sorted),
		cmocka_unit_test(fragmentation),
		cmocka_unit_test(encapsulation),
		cmocka_unit_test(errors_say_where_and_what),
		cmocka_unit_test(proposals_are_checked),
		cmocka_unit_test(headers_are_as_said),
		cmocka_unit_test(any_is_of_both_families),
		cmocka_unit_test(strict_implies_a_discard),
		cmocka_unit_test(ipv6_peers_are_named_by_address),
		cmocka_unit_test(protocols_and_bundles),
		cmocka_unit_test(tfc_mark_and_vrf),
		cmocka_unit_test(routes),
		cmocka_unit_test(limits),
		cmocka_unit_test(weak_algorithms_want_a_word),
		cmocka_unit_test(truncated_texts_are_refused),
		cmocka_unit_test(secrets_are_found),
		cmocka_unit_test(one_secret_of_many_is_found),
		cmocka_unit_test(host_names),
		cmocka_unit_test(remote_lists),
		cmocka_unit_test(names_are_found_among_many),
		cmocka_unit_test(secrets_errors_tell_no_secret),
		cmocka_unit_test(secrets_of_others_are_refused),
		cmocka_unit_test(many_updowns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
