/* SPDX-License-Identifier: GPL-2.0 */
/* The configuration's grammar; the words are in lex.l, what spans blocks in check.c. */
%define api.pure full
%define api.prefix {conf_yy}
%define parse.error custom
%define parse.lac full
%locations
%parse-param { struct conf_parse *parse } { void *scanner }
%lex-param { void *scanner }

%code requires {
#include "conf/scan.h"
}

/* flex knows these types by bison's plain names only */
%code provides {
#ifndef YYSTYPE
#define YYSTYPE CONF_YYSTYPE
#define YYLTYPE CONF_YYLTYPE
#endif
}

%code {
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>

#include <linux/rtnetlink.h>

#include "pki/token.h"
#include "wire/wire.h"

int conf_yylex(CONF_YYSTYPE *value, CONF_YYLTYPE *at, void *scanner);

/* bison calls this only for want of memory; syntax errors have their own report */
static void conf_yyerror(const CONF_YYLTYPE *at, struct conf_parse *parse, void *scanner,
			 const char *message)
{
	(void)scanner;
	conf_fail(parse->err, parse->path, at->first_line, at->first_column, "%s", message);
}

/* in an action: refuses the word at @at */
#define REFUSE(at, ...) do { \
	conf_fail(parse->err, parse->path, (at).first_line, (at).first_column, __VA_ARGS__); \
	YYABORT; \
} while (0)
#define FOUND(word, at, expected) \
	REFUSE(at, "found '%.*s', expected %s", (word).len, (word).p, expected)
#define NEED(condition, word, at, expected) do { \
	if (!(condition)) \
		FOUND(word, at, expected); \
} while (0)
/* one more element of an array; what it holds is zeroed */
#define APPEND(array, n) ({ \
	if (conf_array_is_full(n)) { \
		void *_more = reallocarray(array, (n) ? (n) * 2 : 1, sizeof(*(array))); \
		if (!_more) \
			YYNOMEM; \
		(array) = _more; \
	} \
	memset(&(array)[n], 0, sizeof(*(array))); \
	&(array)[(n)++]; \
})

#define PLACE(at) ((struct conf_place){ parse->path, (at).first_line, (at).first_column })
#define PEER_HAS(what) (parse->peer->given |= 1u << PEER_HAS_ ## what)
#define TUNNEL_HAS(what) (parse->tunnel->given |= 1u << TUNNEL_HAS_ ## what)

#define NAME_EXPECTED "a name of at most 31 characters"
#define DURATION_EXPECTED "a duration such as 30s, 10m, 4h or 1d"

/* a URI may have a PIN, which is wrong there: no error repeats it */
static bool no_uri(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w)
{
	char start[8];

	return !conf_value_copy((struct conf_word){ w.p, w.len < 7 ? w.len : 7 }, start, sizeof(start)) ||
	       !token_is_uri(start) ||
	       conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			 "found a PKCS#11 URI, expected the name of a file without its folder");
}

static bool file_name(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
		      struct conf_file *to)
{
	if (!no_uri(parse, at, w))
		return false;
	if (!w.len || memchr(w.p, '/', w.len))
		return conf_fail(parse->err, parse->path, at->first_line, at->first_column,
				 "found '%.*s', expected the name of a file without its folder",
				 w.len, w.p);
	free(to->name);
	to->name = strndup(w.p, w.len);
	to->at = PLACE(*at);
	return to->name || conf_fail(parse->err, parse->path, at->first_line, at->first_column,
				     "out of memory");
}

static bool token_uri(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
		      struct conf_file *to)
{
	/* the word of a string begins behind its quote */
	size_t off = 0, quote = w.p[-1] == '"';
	char why[200];

	free(to->name);
	to->name = strndup(w.p, w.len);
	to->at = PLACE(*at);
	if (!to->name)
		return conf_fail(parse->err, parse->path, at->first_line, at->first_column,
				 "out of memory");
	return token_uri_check(to->name, true, &off, why, sizeof(why)) ||
	       conf_fail(parse->err, parse->path, at->first_line, at->first_column + quote + off,
			 "found a PKCS#11 URI, expected %s", why);
}

/* Sets the value of `key`: a file, or a key on a token. */
static bool key_name(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
		     struct conf_file *to)
{
	char start[8];

	if (w.len >= 7 && conf_value_copy((struct conf_word){ w.p, 7 }, start, sizeof(start)) &&
	    token_is_uri(start))
		return token_uri(parse, at, w, to);
	return file_name(parse, at, w, to);
}

static void set_local_auth(const struct conf_place *at, uint8_t auth, struct conf_peer *peer)
{
	peer->local_auth = auth;
	peer->local_auth_at = *at;
	peer->given |= 1u << PEER_HAS_LOCAL_AUTH;
}

static void set_remote_auth(const struct conf_place *at, uint8_t auth, struct conf_peer *peer)
{
	peer->remote_auth = auth;
	peer->remote_auth_at = *at;
	peer->given |= 1u << PEER_HAS_REMOTE_AUTH;
}

/* what one end of an entry may be */
static bool end_value(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
		      struct ts *ts)
{
	const char *expected;

	return conf_value_range(w, ts, &expected) ||
	       conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			 "found '%.*s', expected %s", w.len, w.p, expected);
}

/* one end of a peer; fe80::1%eth0 is refused by a word of its own, not as no address at all */
static bool peer_addr(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
		      struct addr *out)
{
	const char *scope = memchr(w.p, '%', w.len), *expected;
	struct conf_word bare = { w.p, scope ? scope - w.p : w.len };
	struct ts ts;

	if (!conf_value_range(bare, &ts, &expected) || (scope && !addr_is_link_local(&ts.min)))
		return end_value(parse, at, w, &ts);
	expected = "one address";
	if (addr_is_link_local(&ts.min) && addr_equal(&ts.min, &ts.max)) {
		expected = "an address that is not link-local: those mean nothing without a device, which SAs have not";
	} else if (addr_equal(&ts.min, &ts.max)) {
		*out = ts.min;
		return true;
	}
	return conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			 "found '%.*s', expected %s", w.len, w.p, expected);
}

static bool is_named(const struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w)
{
	return conf_value_host(w) ||
	       conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			 "found '%.*s', expected an address, a prefix, or a DNS name of letters, digits, hyphens and dots",
			 w.len, w.p);
}

/* one value of `remote address` */
static bool remote_value(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
			 struct conf_remote *r)
{
	struct addr addr;
	const char *expected;

	r->at = PLACE(*at);
	if (conf_value_is_host(w)) {
		r->type = CONF_REMOTE_NAME;
		r->name = is_named(parse, at, w) ? strndup(w.p, w.len) : NULL;
		return r->name || conf_fail(parse->err, parse->path, at->first_line,
					    at->first_column, "out of memory");
	}
	if (conf_value_range(w, &r->range, &expected) &&
	    !addr_equal(&r->range.min, &r->range.max) && !addr_is_link_local(&r->range.min)) {
		r->type = CONF_REMOTE_RANGE;
		return true;
	}
	if (!peer_addr(parse, at, w, &addr))
		return false;
	r->type = CONF_REMOTE_ADDR;
	ts_from_prefix(&addr, 8 * addr_len(&addr), &r->range);
	return true;
}

static bool identity(struct conf_parse *parse, const CONF_YYLTYPE *at, uint8_t type,
		     struct conf_word w, bool quoted, struct conf_id *id)
{
	char expected[600];

	conf_id_free(id);
	return conf_value_id(type, w, quoted, id, expected, sizeof(expected)) ||
	       conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			 "found '%.*s', expected %s", w.len, w.p, expected);
}

static bool local_id(struct conf_parse *parse, const CONF_YYLTYPE *at, uint8_t type,
		     struct conf_word w, bool quoted)
{
	if (!identity(parse, at, type, w, quoted, &parse->peer->local_id))
		return false;
	PEER_HAS(LOCAL_ID);
	return !conf_id_is_pattern(&parse->peer->local_id) ||
	       conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			 "found '%.*s', expected an identity without '*'", w.len, w.p);
}

static bool remote_id(struct conf_parse *parse, const CONF_YYLTYPE *at, uint8_t type,
		      struct conf_word w, bool quoted)
{
	parse->peer->remote_id_any = false;
	PEER_HAS(REMOTE_ID);
	return identity(parse, at, type, w, quoted, &parse->peer->remote_id);
}

static bool proposal(struct conf_parse *parse, const CONF_YYLTYPE *at, struct conf_word w,
		     uint8_t proto, struct ike_proposal *to, unsigned int *n)
{
	char text[256], err[1600];
	size_t off = 0;

	if (*n == CONF_PROPOSALS_MAX)
		return conf_fail(parse->err, parse->path, at->first_line, at->first_column,
				 "found '%.*s', expected at most %u proposals", w.len, w.p,
				 CONF_PROPOSALS_MAX);
	if (!conf_value_copy(w, text, sizeof(text)))
		return conf_fail(parse->err, parse->path, at->first_line, at->first_column,
				 "found a proposal of %d characters, expected at most 255", w.len);
	if (!ike_proposal_parse(text, proto, &to[*n], err, sizeof(err), &off))
		return conf_fail(parse->err, parse->path, at->first_line, at->first_column + off,
				 "%s", err);
	to[*n].number = *n + 1;
	(*n)++;
	return true;
}
}

%union {
	struct conf_word word;
	uint64_t number;
	struct ts ts;
	uint8_t byte;
}

%token <word> WORD "a word" STRING "a string" UNFINISHED "a string without its end" BAD "an odd character"
%token <word> '{' "'{'" '}' "'}'"
%token <word> ACCESS_LIST "access-list" PEER "peer" TUNNEL "tunnel" INCLUDE "include" TEMPLATE "template"
%token <word> BYPASS "bypass" PROTECT "protect" DISCARD "discard" STRICT "strict" FROM "from" TO "to" ANY "any" PORT "port"
%token <word> IKE_VERSION "ike-version" LOCAL "local" REMOTE "remote" ADDRESS "address"
%token <word> ID "id" FQDN "fqdn" EMAIL "email" IPV4 "ipv4" IPV6 "ipv6" KEY_ID "key-id"
%token <word> AUTH "auth" PSK "psk" CERT "cert" IKE "ike" ESP "esp" AH "ah" IKE_LIFETIME "ike-lifetime"
%token <word> DN "dn" PUBKEY "pubkey" LOCAL_AUTH "local-auth" REMOTE_AUTH "remote-auth" CA "ca" KEY "key"
%token <word> REMOTE_KEY "remote-key" RSA_SIGNATURE "rsa-signature" REVOCATION "revocation"
%token <word> REAUTH "reauth" DPD "dpd" MODE "mode" TRANSPORT "transport" LIFETIME "lifetime" START "start"
%token <word> FRAGMENTATION "fragmentation" ENCAPSULATION "encapsulation" PREFER_FIRST "prefer-first"
%token <word> ON_TRAFFIC "on-traffic" AT_LOAD "at-load" MANUAL "manual" IDLE_TIMEOUT "idle-timeout"
%token <word> REPLAY_WINDOW "replay-window" ALLOW_WEAK "allow-weak"
%token <word> PKCS11_PROVIDER "pkcs11-provider"
%token <word> LIMITS "limits" COOKIES_FROM "cookies-from" HALF_OPEN "half-open"
%token <word> HALF_OPEN_PER_ADDRESS "half-open-per-address" STARTS_PER_ADDRESS "starts-per-address"
%token <word> CHILD_SA "child-sa" PER_TUNNEL "per-tunnel" PER_ENTRY "per-entry"
%token <word> MTU "mtu" DF "df" DSCP "dscp" TFC "tfc" MARK "mark" VRF "vrf" PRIORITY "priority"
%token <word> ROUTE "route" TABLE "table" SOURCE "source" UPDOWN "updown"

%type <byte> action strict id_type start mode child_sa auth
%type <word> text
%type <ts> end
%type <number> duration count

%%

file:
	%empty
|	file list
|	file peer
|	file template
|	file LIMITS '{' limits '}'
|	file PKCS11_PROVIDER text {
		struct conf_file *to = &parse->conf->provider;

		NEED($3.len > 1 && $3.len <= TOKEN_PATH_MAX && *$3.p == '/', $3, @3,
		     "the absolute path of a shared object");
		if (to->name)
			REFUSE(@2, "found a second pkcs11-provider, expected one");
		to->name = strndup($3.p, $3.len);
		to->at = PLACE(@3);
		if (!to->name)
			YYNOMEM;
	}
|	file INCLUDE text {
		if (!conf_include(parse, &PLACE(@3), $3))
			YYABORT;
	}
;

limits:
	%empty
|	limits limit
;

limit:
	COOKIES_FROM count	{ parse->conf->limits.cookies_from = $2; }
|	HALF_OPEN count	{ parse->conf->limits.half_open = $2; }
|	HALF_OPEN_PER_ADDRESS count	{ parse->conf->limits.half_open_per_addr = $2; }
|	STARTS_PER_ADDRESS count	{
		/* a token each millisecond is the finest there is */
		if ($2 > 1000)
			REFUSE(@2, "found %lu, expected 1 to 1000 a second", (unsigned long)$2);
		parse->conf->limits.inits_per_addr = $2;
	}
;

count:
	WORD {
		NEED(conf_value_number($1, 1000000, &$$) && $$, $1, @1, "a number from 1 to 1000000");
	}
;

list:
	ACCESS_LIST WORD {
		parse->list = APPEND(parse->conf->lists, parse->conf->n_lists);
		NEED(conf_value_copy($2, parse->list->name, sizeof(parse->list->name)), $2, @2,
		     NAME_EXPECTED);
		parse->list->at = PLACE(@2);
	} '{' entries '}'
;

entries:
	%empty
|	entries entry
;

entry:
	WORD action WORD FROM end TO end strict {
		struct conf_entry *e = APPEND(parse->list->entries, parse->list->n);
		uint64_t number;
		uint8_t proto, family;

		NEED(conf_value_number($1, UINT32_MAX, &number), $1, @1, "the number of an entry or '}'");
		NEED(conf_value_proto($3, &proto), $3, @3,
		     "ip, tcp, udp, icmp, icmpv6, sctp or a protocol's number");
		/* a packet has one family; "any" takes the other end's */
		family = $5.min.family;
		if (family && $7.min.family && family != $7.min.family)
			REFUSE(@7, "found an IPv%c address, expected an IPv%c one, as before 'to'",
			       family == AF_INET ? '6' : '4', family == AF_INET ? '4' : '6');
		if (!family)
			family = $7.min.family;
		NEED(proto != IPPROTO_ICMP || family != AF_INET6, $3, @3, "icmpv6 between IPv6 addresses");
		NEED(proto != IPPROTO_ICMPV6 || family != AF_INET, $3, @3, "icmp between IPv4 addresses");
		if ($8 && $2 != CONF_PROTECT)
			REFUSE(@8, "found 'strict', expected it behind a protect entry alone");
		e->number = number;
		e->action = $2;
		e->strict = $8;
		e->src = $5;
		e->dst = $7;
		e->src.proto = e->dst.proto = proto;
		e->at = PLACE(@1);
	}
;

strict:
	%empty	{ $$ = false; }
|	STRICT	{ $$ = true; }
;

action:
	BYPASS	{ $$ = CONF_BYPASS; }
|	PROTECT	{ $$ = CONF_PROTECT; }
|	DISCARD	{ $$ = CONF_DISCARD; }
;

end:
	ANY {
		/* of which family is seen where the entry is whole */
		memset(&$$, 0, sizeof($$));
		$$.port_max = 65535;
	}
|	WORD {
		if (!end_value(parse, &@1, $1, &$$))
			YYABORT;
	}
|	end PORT WORD {
		$$ = $1;
		NEED(conf_value_ports($3, &$$), $3, @3, "a port such as 22, or a range such as 5000-5010");
	}
;

peer:
	PEER WORD {
		parse->peer = APPEND(parse->conf->peers, parse->conf->n_peers);
		NEED(conf_value_copy($2, parse->peer->name, sizeof(parse->peer->name)) &&
		     !memchr($2.p, '/', $2.len), $2, @2, NAME_EXPECTED " without '/'");
		parse->peer->at = PLACE(@2);
		conf_peer_init(parse->peer);
	} from_template '{' peer_items '}'
;

from_template:
	%empty
|	FROM WORD {
		NEED(conf_value_copy($2, parse->peer->template_name,
				     sizeof(parse->peer->template_name)), $2, @2, NAME_EXPECTED);
		parse->peer->template_at = PLACE(@2);
	}
;

template:
	TEMPLATE WORD {
		struct conf_template *t = APPEND(parse->conf->templates, parse->conf->n_templates);

		NEED(conf_value_copy($2, t->peer.name, sizeof(t->peer.name)), $2, @2, NAME_EXPECTED);
		t->peer.at = PLACE(@2);
		conf_peer_init(&t->peer);
		conf_tunnel_init(&t->tunnel);
		parse->peer = &t->peer;
		parse->tunnel = &t->tunnel;
	} '{' template_items '}'
;

template_items:
	%empty
|	template_items peer_setting
|	template_items TUNNEL '{' tunnel_settings '}'
|	template_items TUNNEL WORD {
		FOUND($3, @3, "'{': the tunnel block of a template has no name, it is for each tunnel of a peer");
	}
;

peer_items:
	%empty
|	peer_items peer_setting
|	peer_items tunnel
;

peer_setting:
	IKE_VERSION WORD	{ NEED($2.len == 1 && *$2.p == '2', $2, @2, "2: this version carries IKEv2 only"); }
|	LOCAL local_items
|	REMOTE remote_items
|	AUTH auth {
		set_local_auth(&PLACE(@2), $2, parse->peer);
		set_remote_auth(&PLACE(@2), $2, parse->peer);
	}
|	LOCAL_AUTH auth		{ set_local_auth(&PLACE(@2), $2, parse->peer); }
|	REMOTE_AUTH auth	{ set_remote_auth(&PLACE(@2), $2, parse->peer); }
|	CERT text {
		if (!file_name(parse, &@2, $2, &parse->peer->cert))
			YYABORT;
		PEER_HAS(CERT);
	}
|	KEY text {
		if (!key_name(parse, &@2, $2, &parse->peer->key))
			YYABORT;
		PEER_HAS(KEY);
	}
|	CA text {
		if (!file_name(parse, &@2, $2, &parse->peer->ca))
			YYABORT;
		PEER_HAS(CA);
	}
|	REMOTE_KEY text {
		if (!file_name(parse, &@2, $2, &parse->peer->remote_key))
			YYABORT;
		PEER_HAS(REMOTE_KEY);
	}
|	RSA_SIGNATURE WORD {
		NEED(conf_value_auth_rsa($2, &parse->peer->rsa), $2, @2, "pss or pkcs1");
		PEER_HAS(RSA);
	}
|	REVOCATION WORD {
		NEED(conf_value_revocation($2, &parse->peer->revocation), $2, @2,
		     "off, soft or hard");
		PEER_HAS(REVOCATION);
	}
|	IKE ike_proposals	{ PEER_HAS(IKE); }
|	IKE_LIFETIME duration	{ parse->peer->ike_lifetime = $2; PEER_HAS(IKE_LIFETIME); }
|	REAUTH duration		{ parse->peer->reauth = $2; PEER_HAS(REAUTH); }
|	DPD duration		{ parse->peer->dpd = $2; PEER_HAS(DPD); }
|	PREFER_FIRST duration	{
		parse->peer->prefer_first = $2;
		parse->peer->prefer_first_at = PLACE(@1);
		PEER_HAS(PREFER_FIRST);
	}
|	ALLOW_WEAK		{ parse->peer->allow_weak = true; PEER_HAS(WEAK); }
|	FRAGMENTATION WORD {
		NEED(conf_value_fragmentation($2, &parse->peer->fragment_size), $2, @2,
		     "yes, no or a number of octets from 256 to 65535");
		PEER_HAS(FRAGMENT);
	}
|	ENCAPSULATION WORD {
		NEED(conf_value_encapsulation($2, &parse->peer->force_udp), $2, @2, "auto or udp");
		parse->peer->encapsulation_at = PLACE(@2);
		PEER_HAS(ENCAPSULATION);
	}
;

auth:
	PSK		{ $$ = CONF_AUTH_PSK; }
|	CERT		{ $$ = CONF_AUTH_CERT; }
|	PUBKEY		{ $$ = CONF_AUTH_PUBKEY; }
;

text:
	WORD
|	STRING
;

local_items:
	local_item
|	local_items local_item
;

local_item:
	ADDRESS ANY {
		memset(&parse->peer->local, 0, sizeof(parse->peer->local));
		PEER_HAS(LOCAL);
	}
|	ADDRESS WORD {
		if (!peer_addr(parse, &@2, $2, &parse->peer->local))
			YYABORT;
		PEER_HAS(LOCAL);
	}
|	ID id_type WORD {
		if (!local_id(parse, &@3, $2, $3, false))
			YYABORT;
	}
|	ID id_type STRING {
		if (!local_id(parse, &@3, $2, $3, true))
			YYABORT;
	}
;

remote_items:
	remote_item
|	remote_items remote_item
;

remote_item:
	ADDRESS {
		conf_remotes_free(parse->peer);
		PEER_HAS(REMOTE);
	} remote_addresses
|	PORT WORD {
		uint64_t port;

		NEED(conf_value_number($2, 65535, &port) && port, $2, @2, "a port from 1 to 65535");
		/* 500 is what a block without a port has */
		parse->peer->remote_port = port == 500 ? 0 : (uint16_t)port;
		parse->peer->remote_port_at = PLACE(@1);
		PEER_HAS(REMOTE_PORT);
	}
|	ID ANY {
		conf_id_free(&parse->peer->remote_id);
		parse->peer->remote_id_any = true;
		PEER_HAS(REMOTE_ID);
	}
|	ID id_type WORD {
		if (!remote_id(parse, &@3, $2, $3, false))
			YYABORT;
	}
|	ID id_type STRING {
		if (!remote_id(parse, &@3, $2, $3, true))
			YYABORT;
	}
;

remote_addresses:
	ANY
|	remote_list
;

remote_list:
	remote_address
|	remote_list remote_address
;

remote_address:
	WORD {
		struct conf_peer *peer = parse->peer;

		if (peer->n_remotes == CONF_REMOTES_MAX)
			REFUSE(@1, "found '%.*s', expected at most %u remote addresses", $1.len, $1.p,
			       CONF_REMOTES_MAX);
		if (!remote_value(parse, &@1, $1, APPEND(peer->remotes, peer->n_remotes)))
			YYABORT;
	}
;

id_type:
	FQDN	{ $$ = WIRE_ID_FQDN; }
|	EMAIL	{ $$ = WIRE_ID_EMAIL; }
|	IPV4	{ $$ = WIRE_ID_IPV4; }
|	IPV6	{ $$ = WIRE_ID_IPV6; }
|	KEY_ID	{ $$ = WIRE_ID_KEY; }
|	DN	{ $$ = WIRE_ID_DN; }
;

ike_proposals:
	ike_proposal
|	ike_proposals ike_proposal
;

ike_proposal:
	WORD {
		if (!proposal(parse, &@1, $1, PROTO_IKE, parse->peer->ike, &parse->peer->n_ike))
			YYABORT;
	}
;

tunnel:
	TUNNEL WORD {
		parse->tunnel = APPEND(parse->peer->tunnels, parse->peer->n_tunnels);
		NEED(conf_value_copy($2, parse->tunnel->name, sizeof(parse->tunnel->name)) &&
		     !memchr($2.p, '/', $2.len), $2, @2, NAME_EXPECTED " without '/'");
		parse->tunnel->at = PLACE(@2);
		conf_tunnel_init(parse->tunnel);
	} '{' tunnel_items '}'
;

tunnel_items:
	%empty
|	tunnel_items access_list
|	tunnel_items tunnel_setting
;

/* of a template */
tunnel_settings:
	%empty
|	tunnel_settings tunnel_setting
|	tunnel_settings ACCESS_LIST {
		FOUND($2, @2, "it in the tunnel of a peer: an access-list belongs to one tunnel");
	}
;

access_list:
	ACCESS_LIST WORD {
		NEED(conf_value_copy($2, parse->tunnel->list_name, sizeof(parse->tunnel->list_name)),
		     $2, @2, NAME_EXPECTED);
		parse->tunnel->list_at = PLACE(@2);
	}
;

tunnel_setting:
	ESP esp_proposals	{ TUNNEL_HAS(ESP_AH); }
|	AH {
		parse->tunnel->ah_at = PLACE(@1);
	} ah_proposals		{ TUNNEL_HAS(ESP_AH); }
|	MODE mode {
		parse->tunnel->mode = $2;
		parse->tunnel->mode_at = PLACE(@2);
		TUNNEL_HAS(MODE);
	}
|	CHILD_SA child_sa	{ parse->tunnel->child_sa = $2; TUNNEL_HAS(CHILD_SA); }
|	LIFETIME lifetimes	{ TUNNEL_HAS(LIFETIME); }
|	ALLOW_WEAK	{ parse->tunnel->allow_weak = true; TUNNEL_HAS(WEAK); }
|	START start	{ parse->tunnel->start = $2; TUNNEL_HAS(START); }
|	IDLE_TIMEOUT duration	{ parse->tunnel->idle_timeout = $2; TUNNEL_HAS(IDLE); }
|	REPLAY_WINDOW WORD {
		uint64_t window;

		NEED(conf_value_number($2, 4096, &window) && window >= 32, $2, @2,
		     "a number of packets from 32 to 4096");
		parse->tunnel->replay_window = window;
		TUNNEL_HAS(REPLAY);
	}
|	MTU WORD {
		uint64_t mtu;

		NEED(conf_value_number($2, 65535, &mtu) && mtu >= 576, $2, @2,
		     "a number of octets from 576 to 65535");
		parse->tunnel->mtu = mtu;
		TUNNEL_HAS(MTU);
	}
|	DF WORD {
		NEED(conf_value_df($2, &parse->tunnel->df), $2, @2, "copy, set or clear");
		TUNNEL_HAS(DF);
	}
|	DSCP WORD {
		NEED(conf_value_dscp($2, &parse->tunnel->dscp), $2, @2,
		     "copy or a number from 0 to 63");
		TUNNEL_HAS(DSCP);
	}
|	TFC WORD {
		uint64_t octets;

		NEED(conf_value_number($2, CONF_TFC_MTU, &octets) && octets, $2, @2,
		     "mtu or a number of octets from 1 to 65535");
		parse->tunnel->tfc = octets;
		TUNNEL_HAS(TFC);
	}
|	TFC MTU	{ parse->tunnel->tfc = CONF_TFC_MTU; TUNNEL_HAS(TFC); }
|	MARK WORD {
		NEED(conf_value_mark($2, &parse->tunnel->mark), $2, @2,
		     "a mark such as 42 or 0x2a, not 0");
		parse->tunnel->mark_at = PLACE(@2);
		TUNNEL_HAS(MARK);
	}
|	VRF WORD {
		NEED(conf_value_copy($2, parse->tunnel->vrf, sizeof(parse->tunnel->vrf)), $2, @2,
		     "the name of a device, of at most 15 characters");
		TUNNEL_HAS(VRF);
	}
|	PRIORITY WORD {
		uint64_t priority;

		NEED(conf_value_number($2, CONF_PRIORITY_MAX, &priority) && priority, $2, @2,
		     "a number from 1 to 255, of which 1 is the best");
		parse->tunnel->priority = priority;
		parse->tunnel->priority_at = PLACE(@2);
		TUNNEL_HAS(PRIORITY);
	}
|	UPDOWN text {
		/* the environment of the command is what it gets: there is no shell for arguments */
		NEED($2.len && *$2.p == '/' &&
		     conf_value_copy($2, parse->tunnel->updown, sizeof(parse->tunnel->updown)), $2, @2,
		     "the absolute path of an executable file, of at most 255 characters");
		parse->tunnel->updown_at = PLACE(@2);
		TUNNEL_HAS(UPDOWN);
	}
|	ROUTE WORD {
		parse->tunnel->route = (struct conf_route){ .table = RT_TABLE_MAIN, .at = PLACE(@2) };
		NEED(conf_value_yes($2, &parse->tunnel->route.on), $2, @2, "yes or no");
		TUNNEL_HAS(ROUTE);
	} route_options
;

route_options:
	%empty
|	route_options TABLE WORD {
		uint64_t table;

		if (!parse->tunnel->route.on)
			FOUND($2, @2, "'route yes' before it");
		NEED(conf_value_number($3, UINT32_MAX, &table) && table && table != RT_TABLE_LOCAL,
		     $3, @3, "the number of a routing table, not 0 or 255");
		parse->tunnel->route.table = table;
	}
|	route_options SOURCE WORD {
		if (!parse->tunnel->route.on)
			FOUND($2, @2, "'route yes' before it");
		if (!peer_addr(parse, &@3, $3, &parse->tunnel->route.source))
			YYABORT;
	}
;

child_sa:
	PER_TUNNEL	{ $$ = CONF_CHILD_PER_TUNNEL; }
|	PER_ENTRY	{ $$ = CONF_CHILD_PER_ENTRY; }
;

mode:
	TUNNEL		{ $$ = CONF_MODE_TUNNEL; }
|	TRANSPORT	{ $$ = CONF_MODE_TRANSPORT; }
;

ah_proposals:
	ah_proposal
|	ah_proposals ah_proposal
;

ah_proposal:
	WORD {
		if (!proposal(parse, &@1, $1, PROTO_AH, parse->tunnel->ah, &parse->tunnel->n_ah))
			YYABORT;
	}
;

esp_proposals:
	esp_proposal
|	esp_proposals esp_proposal
;

esp_proposal:
	WORD {
		if (!proposal(parse, &@1, $1, PROTO_ESP, parse->tunnel->esp, &parse->tunnel->n_esp))
			YYABORT;
	}
;

lifetimes:
	lifetime
|	lifetimes lifetime
;

lifetime:
	WORD {
		uint64_t v;

		if (conf_value_duration($1, &v))
			parse->tunnel->lifetime_seconds = v;
		else if (conf_value_size($1, &v))
			parse->tunnel->lifetime_bytes = v;
		else
			FOUND($1, @1, DURATION_EXPECTED ", or a size such as 500MB or 4GB");
	}
;

start:
	ON_TRAFFIC	{ $$ = CONF_START_ON_TRAFFIC; }
|	AT_LOAD		{ $$ = CONF_START_AT_LOAD; }
|	MANUAL		{ $$ = CONF_START_MANUAL; }
;

duration:
	WORD		{ NEED(conf_value_duration($1, &$$), $1, @1, DURATION_EXPECTED); }
;

%%

static const struct { const char *name; int token; } keywords[] = {
	{ "access-list", ACCESS_LIST }, { "peer", PEER }, { "tunnel", TUNNEL },
	{ "include", INCLUDE }, { "template", TEMPLATE }, { "bypass", BYPASS },
	{ "protect", PROTECT }, { "discard", DISCARD }, { "strict", STRICT }, { "from", FROM }, { "to", TO },
	{ "any", ANY }, { "port", PORT }, { "ike-version", IKE_VERSION }, { "local", LOCAL },
	{ "remote", REMOTE }, { "address", ADDRESS }, { "id", ID }, { "fqdn", FQDN },
	{ "email", EMAIL }, { "ipv4", IPV4 }, { "ipv6", IPV6 }, { "key-id", KEY_ID },
	{ "auth", AUTH }, { "psk", PSK }, { "cert", CERT }, { "ike", IKE }, { "esp", ESP },
	{ "ah", AH }, { "ike-lifetime", IKE_LIFETIME }, { "reauth", REAUTH }, { "dpd", DPD }, { "mode", MODE },
	{ "transport", TRANSPORT }, { "lifetime", LIFETIME }, { "start", START },
	{ "on-traffic", ON_TRAFFIC }, { "at-load", AT_LOAD }, { "manual", MANUAL },
	{ "idle-timeout", IDLE_TIMEOUT }, { "replay-window", REPLAY_WINDOW },
	{ "allow-weak", ALLOW_WEAK }, { "mtu", MTU }, { "df", DF }, { "dscp", DSCP },
	{ "tfc", TFC }, { "mark", MARK }, { "vrf", VRF }, { "priority", PRIORITY }, { "child-sa", CHILD_SA },
	{ "fragmentation", FRAGMENTATION }, { "encapsulation", ENCAPSULATION },
	{ "prefer-first", PREFER_FIRST },
	{ "limits", LIMITS }, { "cookies-from", COOKIES_FROM }, { "half-open", HALF_OPEN },
	{ "half-open-per-address", HALF_OPEN_PER_ADDRESS },
	{ "starts-per-address", STARTS_PER_ADDRESS },
	{ "per-tunnel", PER_TUNNEL }, { "per-entry", PER_ENTRY },
	{ "dn", DN }, { "pubkey", PUBKEY }, { "local-auth", LOCAL_AUTH },
	{ "remote-auth", REMOTE_AUTH }, { "ca", CA }, { "key", KEY }, { "remote-key", REMOTE_KEY },
	{ "rsa-signature", RSA_SIGNATURE }, { "revocation", REVOCATION },
	{ "route", ROUTE }, { "table", TABLE }, { "source", SOURCE },
	{ "updown", UPDOWN }, { "pkcs11-provider", PKCS11_PROVIDER },
};

int conf_scan_keyword(const char *text, int len)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strlen(keywords[i].name) == (size_t)len && !memcmp(keywords[i].name, text, len))
			return keywords[i].token;
	return 0;
}

const char *conf_scan_keyword_name(int token)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (keywords[i].token == token)
			return keywords[i].name;
	return NULL;
}

/* "a, b or c" of what the grammar takes here */
static void list_expected(const yypcontext_t *ctx, char *out, size_t len)
{
	yysymbol_kind_t expected[40];
	int n = yypcontext_expected_tokens(ctx, expected, 40), i;
	size_t at = 0;

	*out = 0;
	for (i = 0; i < n && at < len; i++)
		at += snprintf(out + at, len - at, "%s%s",
			       !i ? "" : i + 1 < n ? ", " : " or ", yysymbol_name(expected[i]));
	if (!n)
		snprintf(out, len, "something else");
}

static int yyreport_syntax_error(const yypcontext_t *ctx, struct conf_parse *parse, void *scanner)
{
	const CONF_YYLTYPE *at = yypcontext_location(ctx);
	yysymbol_kind_t token = yypcontext_token(ctx);
	char expected[400];

	(void)scanner;
	list_expected(ctx, expected, sizeof(expected));
	if (token == YYSYMBOL_YYEOF)
		conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			  "found the end of the file, expected %s", expected);
	else if (token == YYSYMBOL_UNFINISHED || token == YYSYMBOL_BAD || token == YYSYMBOL_STRING)
		conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			  "found %s, expected %s", yysymbol_name(token), expected);
	else
		conf_fail(parse->err, parse->path, at->first_line, at->first_column,
			  "found '%.*s', expected %s", parse->scan->last.len, parse->scan->last.p, expected);
	return 0;
}
