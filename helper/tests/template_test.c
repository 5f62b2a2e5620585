// SPDX-License-Identifier: GPL-2.0
/* Templates: what a peer takes over, and what is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "wire/wire.h"

#define LIST(name) "access-list " name " { 1 protect ip from 10.1.0.0/16 to 10.2.0.0/16 }\n"

static struct conf *parse(const char *text)
{
	struct conf_error err;
	struct conf *conf = conf_parse(text, strlen(text), "f", &err);

	if (!conf)
		fail_msg("%s", err.text);
	return conf;
}

static void refused(const char *text, const char *want)
{
	struct conf_error err;

	assert_null(conf_parse(text, strlen(text), "f", &err));
	if (!strstr(err.text, want))
		fail_msg("'%s', expected '%s'", err.text, want);
}

/* each setting of a peer and of a tunnel, none of which is the default */
#define ALL_PEER \
	"local address 192.0.2.1 id fqdn hq.example.com\n" \
	"remote address 192.0.2.2 port 4501 id email *@example.com\n" \
	"local-auth cert remote-auth pubkey cert c.pem key k.pem ca ca.pem remote-key r.pem\n" \
	"rsa-signature pkcs1 revocation hard ike 3des-md5-modp768 aes128-sha256-x25519 allow-weak\n" \
	"ike-lifetime 8h reauth 1d dpd 10s fragmentation 1400 encapsulation udp\n"
#define ALL_TUNNEL \
	"esp null-md5 aes128gcm16 allow-weak mode tunnel child-sa per-entry lifetime 30m 4GB\n" \
	"start manual idle-timeout 10m mtu 1380 df clear dscp 46 tfc 1000 mark 42 vrf blue\n" \
	"replay-window 256 route yes table 7 source 10.1.0.1 updown \"/etc/up down\"\n"

static bool proposals_equal(const struct ike_proposal *a, unsigned int n_a,
			    const struct ike_proposal *b, unsigned int n_b)
{
	char s[256], t[256];
	unsigned int i;

	for (i = 0; i < n_a && i < n_b; i++)
		if (a[i].number != b[i].number ||
		    strcmp(ike_proposal_str(&a[i], s, sizeof(s)), ike_proposal_str(&b[i], t, sizeof(t))))
			return false;
	return n_a == n_b;
}

static void assert_id(const struct conf_id *a, const struct conf_id *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->len, b->len);
	assert_string_equal(a->text, b->text);
	assert_memory_equal(a->data, b->data, a->len);
}

static void assert_peers_equal(const struct conf_peer *a, const struct conf_peer *b)
{
	assert_true(addr_equal(&a->local, &b->local) && addr_equal(&a->remote, &b->remote));
	assert_int_equal(a->remote_port, 4501);
	assert_int_equal(b->remote_port, 4501);
	assert_id(&a->local_id, &b->local_id);
	assert_id(&a->remote_id, &b->remote_id);
	assert_int_equal(a->remote_id_any, b->remote_id_any);
	assert_int_equal(a->local_auth, b->local_auth);
	assert_int_equal(a->remote_auth, b->remote_auth);
	assert_string_equal(a->cert.name, b->cert.name);
	assert_string_equal(a->key.name, b->key.name);
	assert_string_equal(a->ca.name, b->ca.name);
	assert_string_equal(a->remote_key.name, b->remote_key.name);
	assert_int_equal(a->revocation, b->revocation);
	assert_int_equal(a->rsa, b->rsa);
	assert_true(proposals_equal(a->ike, a->n_ike, b->ike, b->n_ike));
	assert_int_equal(a->allow_weak, b->allow_weak);
	assert_int_equal(a->ike_lifetime, b->ike_lifetime);
	assert_int_equal(a->reauth, b->reauth);
	assert_int_equal(a->dpd, b->dpd);
	assert_int_equal(a->fragment_size, b->fragment_size);
	assert_int_equal(a->force_udp, b->force_udp);
	assert_int_equal(a->ike_version, b->ike_version);
}

static void assert_tunnels_equal(const struct conf_tunnel *a, const struct conf_tunnel *b)
{
	assert_true(proposals_equal(a->esp, a->n_esp, b->esp, b->n_esp));
	assert_true(proposals_equal(a->ah, a->n_ah, b->ah, b->n_ah));
	assert_int_equal(a->allow_weak, b->allow_weak);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->child_sa, b->child_sa);
	assert_int_equal(a->lifetime_seconds, b->lifetime_seconds);
	assert_int_equal(a->lifetime_bytes, b->lifetime_bytes);
	assert_int_equal(a->start, b->start);
	assert_int_equal(a->idle_timeout, b->idle_timeout);
	assert_int_equal(a->replay_window, b->replay_window);
	assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->df, b->df);
	assert_int_equal(a->dscp, b->dscp);
	assert_int_equal(a->tfc, b->tfc);
	assert_int_equal(a->mark, b->mark);
	assert_string_equal(a->vrf, b->vrf);
	assert_string_equal(a->updown, "/etc/up down");
	assert_string_equal(b->updown, "/etc/up down");
	assert_int_equal(a->route.on, b->route.on);
	assert_int_equal(a->route.table, b->route.table);
	assert_true(addr_equal(&a->route.source, &b->route.source));
}

static void everything_is_taken_over(void **state)
{
	/* p has all of it itself, q by a template that comes later */
	struct conf *conf = parse(LIST("l") LIST("m")
		"peer p {\n" ALL_PEER "tunnel t { access-list l\n" ALL_TUNNEL "} }\n"
		"peer q from t { tunnel u { access-list m } }\n"
		"template t {\n" ALL_PEER "tunnel {\n" ALL_TUNNEL "} }\n");

	(void)state;
	assert_int_equal(conf->n_peers, 2);
	assert_peers_equal(&conf->peers[0], &conf->peers[1]);
	assert_tunnels_equal(conf->peers[0].tunnels, conf->peers[1].tunnels);
	assert_string_equal(conf->peers[1].name, "q");
	assert_string_equal(conf->peers[1].tunnels[0].name, "u");
	assert_null(conf_peer_find(conf, "t"));
	conf_free(conf);
}

static void own_statements_win(void **state)
{
	/* p has a template of which nothing is left */
	struct conf *conf = parse(LIST("l") LIST("m")
		"template other { local address 192.0.2.9 id fqdn other.example.com\n"
		"remote address any port 500 id any auth psk cert o.pem key o.pem ca o.pem remote-key o.pem\n"
		"rsa-signature pss revocation off ike aes256-sha512-modp2048 aes256-sha1-modp2048\n"
		"ike-lifetime 1h reauth 2h dpd 3s fragmentation no encapsulation auto\n"
		"tunnel { ah sha512 mode transport child-sa per-tunnel lifetime 5m\n"
		"start on-traffic idle-timeout 1m mtu 600 df set dscp 1 tfc mtu mark 1 vrf red\n"
		"replay-window 64 route no updown /x } }\n"
		"peer p from other {\n" ALL_PEER "tunnel t { access-list l\n" ALL_TUNNEL "} }\n"
		"peer q {\n" ALL_PEER "tunnel t { access-list m\n" ALL_TUNNEL "} }\n");

	(void)state;
	assert_peers_equal(&conf->peers[0], &conf->peers[1]);
	assert_tunnels_equal(conf->peers[0].tunnels, conf->peers[1].tunnels);
	conf_free(conf);
}

static void defaults_win_over_nothing(void **state)
{
	/* an empty template leaves the defaults, and each tunnel its own settings */
	struct conf *conf = parse(LIST("l") LIST("m") LIST("n") LIST("o")
		"template empty { tunnel { } }\n"
		"template headers { tunnel { ah sha512 sha256 } }\n"
		"peer r from headers { remote address 192.0.2.3 tunnel t { access-list o } }\n"
		"template lifetimes { tunnel { lifetime 30m 4GB } tunnel { mtu 1000 } }\n"
		"peer p from empty { remote address 192.0.2.1 tunnel t { access-list l } }\n"
		"peer q from lifetimes { remote address 192.0.2.2\n"
		"tunnel t { access-list m lifetime 1h }\n"
		"tunnel u { access-list n mtu 1200 } }\n");
	const struct conf_peer *r = &conf->peers[0], *p = &conf->peers[1], *q = &conf->peers[2];

	(void)state;
	assert_int_equal(r->tunnels[0].n_ah, 2);
	assert_int_equal(r->tunnels[0].n_esp, 0);
	assert_int_equal(r->tunnels[0].ah_at.line, 6);
	assert_int_equal(p->dpd, 30);
	assert_int_equal(p->tunnels[0].lifetime_seconds, 3600);
	assert_int_equal(p->tunnels[0].n_esp, 2);
	/* one statement is one setting */
	assert_int_equal(q->tunnels[0].lifetime_seconds, 3600);
	assert_int_equal(q->tunnels[0].lifetime_bytes, 0);
	assert_int_equal(q->tunnels[0].mtu, 1000);
	assert_int_equal(q->tunnels[1].lifetime_seconds, 1800);
	assert_int_equal(q->tunnels[1].lifetime_bytes, 4ull << 30);
	assert_int_equal(q->tunnels[1].mtu, 1200);
	conf_free(conf);
}

/* an identity is not to be `any` as well as another: whoever has a secret would be taken */
static void identities_replace_any(void **state)
{
	struct conf *conf = parse(LIST("l") LIST("m") LIST("n")
		"template t { remote id any }\n"
		"template u { remote id fqdn u.example.com }\n"
		"peer p from t { remote address 192.0.2.2 id fqdn b.example.com tunnel t { access-list l } }\n"
		"peer q from t { remote address 192.0.2.3 tunnel t { access-list m } }\n"
		"peer r from u { remote id any tunnel t { access-list n } }\n");

	(void)state;
	assert_false(conf->peers[0].remote_id_any);
	assert_string_equal(conf->peers[0].remote_id.text, "b.example.com");
	assert_true(conf->peers[1].remote_id_any);
	assert_int_equal(conf->peers[1].remote_id.type, 0);
	assert_true(conf->peers[2].remote_id_any);
	assert_int_equal(conf->peers[2].remote_id.type, 0);
	conf_free(conf);
	/* nor in one block */
	conf = parse(LIST("l") "peer p { remote id any id ipv4 10.0.0.1 tunnel t { access-list l } }\n");
	assert_false(conf->peers[0].remote_id_any);
	conf_free(conf);
}

static void errors_say_where(void **state)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "template office { }\ntemplate home { }\npeer p from ofice { }",
		  "f:3:13: found 'ofice', expected the name of a template, the nearest is 'office'" },
		{ "template office { }\ntemplate home { }\npeer p from gone { }",
		  "f:3:13: found 'gone', expected the name of a template, the nearest is 'home'" },
		{ "template hobby { }\ntemplate home { }\npeer p from homee { }",
		  "f:3:13: found 'homee', expected the name of a template, the nearest is 'home'" },
		{ "template hxx { }\ntemplate home { }\npeer p from hme { }",
		  "f:3:13: found 'hme', expected the name of a template, the nearest is 'home'" },
		{ "peer p from t { }", "f:1:13: found 't', expected the name of a template: there is none" },
		{ "template a { }\n template b { }\n  template a { }",
		  "f:3:12: found a second template 'a', expected a name of its own" },
		{ "template t { tunnel lan { } }",
		  "f:1:21: found 'lan', expected '{': the tunnel block of a template has no name" },
		{ "template t { tunnel { mtu 1000 access-list l } }",
		  "f:1:32: found 'access-list', expected it in the tunnel of a peer" },
		{ "template t from u { }", "f:1:12: found 'from', expected '{'" },
		{ "template t { dpd soon }", "f:1:18: found 'soon', expected a duration" },
		{ "template t { access-list l { } }", "f:1:14: found 'access-list', expected " },
		{ "peer p { tunnel { } }", "f:1:17: found '{', expected a word" },
		{ "peer p from { }", "f:1:13: found '{', expected a word" },
		{ "template abcdefghijklmnopqrstuvwxyz123456 { }",
		  "f:1:10: found 'abcdefghijklmnopqrstuvwxyz123456', expected a name of at most 31" },
		/* of what a template brings, the place is there */
		{ LIST("l") "template t { tunnel { tfc mtu\nmode transport } }\n"
		  "peer p from t { remote address 192.0.2.1 tunnel t { access-list l } }",
		  "f:3:6: found transport with tfc" },
		{ LIST("l") "template t {\nlocal-auth cert local id key-id x }\n"
		  "peer p from t { remote address 192.0.2.1 tunnel t { access-list l } }",
		  "f:3:12: found cert with a local key-id" },
		/* and what is missing is so in the peer */
		{ "template t { }\npeer p from t { }", "f:2:6: peer 'p' has no tunnel" },
		{ LIST("l") "template t { ike 3des-md5-modp768 }\n"
		  "peer p from t { remote address 192.0.2.1 tunnel t { access-list l } }",
		  "f:3:6: peer 'p': found prfmd5, which is weak" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refused(rows[i].text, rows[i].want);
}

static void alone_is_no_peer(void **state)
{
	struct conf *conf = parse("template t {\n" ALL_PEER "tunnel {\n" ALL_TUNNEL "} }\n");

	(void)state;
	assert_int_equal(conf->n_peers, 0);
	assert_null(conf_peer_find(conf, "t"));
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_taken_over),
		cmocka_unit_test(own_statements_win),
		cmocka_unit_test(defaults_win_over_nothing),
		cmocka_unit_test(identities_replace_any),
		cmocka_unit_test(errors_say_where),
		cmocka_unit_test(alone_is_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
