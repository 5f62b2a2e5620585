/* SPDX-License-Identifier: GPL-2.0 */
/* The configuration as plain structs: what conf/ produces and everybody reads. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "core/addr.h"
#include "crypto/alg.h"
#include "pki/cert.h"

#define CONF_NAME_MAX		31	/* a peer's or tunnel's name; "peer/tunnel" fits the module's 63 */
#define CONF_PROPOSALS_MAX	16
#define CONF_CERTS_MAX		8	/* certificates of our own that a peer may get */
#define CONF_REMOTES_MAX	16	/* values of `remote address` */
#define CONF_HOST_MAX		253	/* characters of a DNS name: RFC 1035 2.3.4, without the last dot */
#define CONF_GROUP_MAX		8	/* tunnels for the same packets: an entry and 7 standbys */
#define CONF_PRIORITY_MAX	255
#define CONF_VRF_MAX		15	/* of a device's name */
#define CONF_UPDOWNS_MAX	256	/* different updown commands of a configuration */
#define CONF_UPDOWN_MAX		255	/* of an updown command */
#define CONF_FRAGMENT_DEFAULT	1280	/* what each IPv6 path takes, and nearly each IPv4 one */
#define CONF_FRAGMENT_MIN	256
#define CONF_TFC_MTU		65535	/* `tfc mtu`: the module takes the MTU where that is less */

/* A place in a file. conf.c keeps the file name for the life of the configuration. */
struct conf_place {
	const char *file;
	unsigned int line, column;
};

enum conf_action { CONF_BYPASS = 1, CONF_PROTECT, CONF_DISCARD };	/* = enum nfipsec_action */
/* unset: while the file is read */
enum conf_start { CONF_START_ON_TRAFFIC, CONF_START_AT_LOAD, CONF_START_MANUAL, CONF_START_UNSET };
enum conf_df { CONF_DF_COPY = 1, CONF_DF_SET, CONF_DF_CLEAR };	/* = enum nfipsec_df */
enum conf_child { CONF_CHILD_PER_TUNNEL, CONF_CHILD_PER_ENTRY };
enum conf_mode { CONF_MODE_TUNNEL = 1, CONF_MODE_TRANSPORT };	/* = enum nfipsec_mode */
enum conf_auth { CONF_AUTH_PSK, CONF_AUTH_CERT, CONF_AUTH_PUBKEY };
enum conf_revocation { CONF_REVOCATION_OFF, CONF_REVOCATION_SOFT, CONF_REVOCATION_HARD };
enum conf_rsa { CONF_RSA_ANY, CONF_RSA_PSS, CONF_RSA_PKCS1 };	/* any: as the peer does, else PSS */

/*
 * One line of an access list, of one family; selectors as outbound packets look. A line from any
 * to any is two, with the same number.
 */
struct conf_entry {
	uint32_t number;
	enum conf_action action;
	bool strict;		/* protect: nothing else goes to @dst, see conf_strict_discard() */
	struct ts src, dst;	/* both carry the protocol */
	const struct conf_group *group;	/* with the same entry of other tunnels; NULL: alone */
	struct conf_place at;
};

struct conf_list {
	char name[CONF_NAME_MAX + 1];
	unsigned int n;
	struct conf_entry *entries;	/* sorted by number */
	const struct conf_tunnel *user;	/* whose list it is */
	struct conf_place at;
};

/* One entry of a group; @order: its place in the order of match */
struct conf_member {
	const struct conf_list *list;
	struct conf_entry *e;
	unsigned int order;
};

/*
 * Protect entries with one selector, of several tunnels with `priority`, the best first. The
 * policy has all of them at the place of @first, which is the first one in the file.
 */
struct conf_group {
	unsigned int n;
	struct conf_member *members;	/* of conf->members */
	const struct conf_member *first;
};

struct conf_id {
	uint8_t type;		/* enum wire_id_type; 0: any (remote only) */
	char *text;		/* as written: "hq.example.com" */
	uint8_t *data;		/* as the ID payload carries it */
	size_t len;
	bool stars;		/* the DN has a value `*` */
};

/* the name of a file, as written, and where */
struct conf_file {
	char *name;		/* NULL: not given */
	struct conf_place at;
};

/**
 * struct conf_route - routes to the remote networks of a tunnel
 * @on: the daemon installs them
 * @table: routing table
 * @source: preferred source; family 0: the kernel selects it
 * @at: place of the setting
 */
struct conf_route {
	bool on;
	uint32_t table;
	struct addr source;
	struct conf_place at;
};

struct conf_tunnel {
	char name[CONF_NAME_MAX + 1];
	struct conf_peer *peer;
	struct conf_list *list;
	char list_name[CONF_NAME_MAX + 1];	/* as written; @list is found by it */
	struct conf_place list_at;
	unsigned int n_esp, n_ah;	/* with both a bundle: ESP, and AH around it */
	struct ike_proposal esp[CONF_PROPOSALS_MAX], ah[CONF_PROPOSALS_MAX];
	bool allow_weak;		/* algorithms that RFC 8221 advises against */
	enum conf_mode mode;
	enum conf_child child_sa;	/* one for the whole access list, or one for each entry */
	uint64_t lifetime_seconds, lifetime_bytes;	/* 0: none; default 1h, none */
	enum conf_start start;
	uint64_t idle_timeout;		/* seconds, 0: none */
	uint32_t replay_window;		/* packets, default 1024 */
	uint32_t mtu;			/* of inner packets, 0: from the outer path */
	enum conf_df df;		/* default: copied */
	int dscp;			/* 0 to 63, -1: copied */
	uint32_t tfc;			/* octets that inner packets are padded to, 0: not */
	bool tfc_refused;		/* set by the daemon: the peer does not take that */
	uint32_t mark;			/* of the outer packet and its route, 0: none */
	struct conf_place mark_at;
	char vrf[CONF_VRF_MAX + 1];	/* device whose table routes the outer packet, "": none */
	uint8_t priority;		/* among tunnels for the same packets, 1 is best; 0: none */
	struct conf_route route;
	char updown[CONF_UPDOWN_MAX + 1];	/* absolute path of a command, "": none */
	struct conf_place updown_at;
	struct conf_place mode_at, ah_at, priority_at;	/* for errors */
	uint32_t given;			/* bits of the settings in the block itself: template.c */
	struct conf_place at;
};

enum conf_remote_type { CONF_REMOTE_ADDR, CONF_REMOTE_NAME, CONF_REMOTE_RANGE };

/**
 * struct conf_remote - one value of `remote address`
 * @type: an address, a DNS name, or a range that only responds
 * @range: addresses; of CONF_REMOTE_ADDR both ends are the address; unused for a name
 * @name: CONF_REMOTE_NAME: as written, valid by RFC 1123; else NULL
 * @at: the place of the value
 */
struct conf_remote {
	enum conf_remote_type type;
	struct ts range;
	char *name;
	struct conf_place at;
};

struct conf_peer {
	char name[CONF_NAME_MAX + 1];
	uint8_t ike_version;		/* 2 */
	struct addr local;		/* family 0: any */
	/* where the peer is, in order of preference; none: any */
	unsigned int n_remotes;
	struct conf_remote *remotes;
	struct addr remote;		/* the address, if @remotes is this one alone; else family 0 */
	uint16_t remote_port;		/* of IKE, where the daemon begins; 0: 500 */
	struct conf_place remote_port_at;
	uint64_t prefer_first;		/* seconds, 0: never */
	struct conf_place prefer_first_at;
	struct conf_id local_id, remote_id;	/* default: the address */
	bool remote_id_any;			/* `id any`: whoever has the secret */
	enum conf_auth local_auth, remote_auth;
	struct conf_place local_auth_at, remote_auth_at;
	struct conf_file cert, key, ca, remote_key;	/* @key may be the URI of a key on a token */
	enum conf_revocation revocation;
	enum conf_rsa rsa;
	/* certs.c: what these mean, of conf->certs; the first of @own is the usual one */
	const struct cert *own[CONF_CERTS_MAX];
	unsigned int n_own;
	const struct cert_key *own_key;		/* of auth pubkey, or on a token */
	const struct cert *trusted;		/* NULL: all of cacerts/ */
	const struct cert_pub *remote_pub;	/* NULL: by the peer's ID */
	uint8_t cert_digest[CERT_DIGEST_LEN];	/* of all of these */
	char *lacks;		/* the credentials that it lacks, and why; NULL: it has them */
	unsigned int n_ike;
	struct ike_proposal ike[CONF_PROPOSALS_MAX];
	bool allow_weak;		/* in @ike, those that RFC 8247 advises against */
	uint64_t ike_lifetime;		/* seconds, default 4h */
	uint64_t reauth;		/* seconds, 0: never */
	uint64_t dpd;			/* seconds, 0: off, default 30 */
	/* RFC 7383: IP datagrams with IKE in them are no larger; 0: IKE does not fragment */
	uint16_t fragment_size;
	bool force_udp;			/* encapsulate ESP in UDP even without a NAT */
	struct conf_place encapsulation_at;
	struct egress egress;		/* of IKE: check.c takes it from the first tunnel */
	unsigned int n_tunnels;
	struct conf_tunnel *tunnels;
	char template_name[CONF_NAME_MAX + 1];	/* empty: the peer has no template */
	struct conf_place template_at;
	uint32_t given;			/* bits of the settings in the block itself: template.c */
	struct conf_place at;
};

/* A block of settings for several peers. The template is no peer itself. */
struct conf_template {
	struct conf_peer peer;		/* settings of a peer; its name is that of the template */
	struct conf_tunnel tunnel;	/* settings for each tunnel of the peers */
};

/* The type and canonical octets of an identity, for comparison. */
struct conf_secret_key {
	uint8_t *p;
	size_t len;
};

/* One identity of a secret. @n is 0 for `any`. An identity without a type has several keys. */
struct conf_secret_end {
	struct conf_secret_key key[2];
	unsigned int n;
};

struct conf_secret {
	char *local_id, *remote_id;	/* as written, with the type; "any" or "%any" matches all */
	struct conf_secret_end local, remote;
	uint8_t *psk;			/* zeroised on free */
	size_t len;
	bool quoted_octets;		/* the secret is a quoted text that begins with 0x or 0s */
	const struct conf_secret *same;	/* an earlier line for the same identities; NULL: none */
	struct conf_place at;
};

/* An index entry for conf_secret_find(). A key is NULL for any identity. */
struct conf_secret_entry {
	const struct conf_secret_key *local, *remote;
	const struct conf_secret *secret;
};

/* what strangers may have of us; defaults below */
struct conf_limits {
	uint32_t cookies_from;		/* half-open IKE SAs from which cookies are demanded */
	uint32_t half_open, half_open_per_addr;
	uint32_t inits_per_addr;	/* IKE_SA_INITs a second, when cookies are demanded */
};
#define CONF_COOKIES_FROM	32
#define CONF_HALF_OPEN		2048
#define CONF_HALF_OPEN_PER_ADDR	64
#define CONF_INITS_PER_ADDR	20

/* of an encrypted file in private/, or the PIN of a token, whose URI is @file */
struct conf_passphrase {
	char *file;
	char *text;		/* zeroised on free */
	bool refused;		/* a token refused it, at this load */
};

struct conf {
	char *path;
	unsigned int n_files;
	char **files;			/* names of @path and of the included files */
	size_t octets;			/* size of all @files together */
	struct conf_limits limits;
	struct conf_file provider;	/* absolute path of the PKCS#11 provider */
	unsigned int n_lists;
	struct conf_list *lists;	/* in the file's order: the order of match */
	unsigned int n_peers;
	struct conf_peer *peers;
	unsigned int n_templates;
	struct conf_template *templates;
	unsigned int n_groups;
	struct conf_group *groups;
	struct conf_member *members;	/* of all groups */
	struct conf_list **lists_by_name;	/* sorted, as the next */
	struct conf_peer **peers_by_name;
	unsigned int n_secrets;
	struct conf_secret *secrets;
	unsigned int n_secrets_by_id;
	struct conf_secret_entry *secrets_by_id;	/* sorted */
	unsigned int n_passphrases;
	struct conf_passphrase *passphrases;
	struct cert_store *certs;	/* NULL before conf_certs_load(), as the next */
	struct revoke_crls *crls;
};

struct conf_error {
	char text[2048];			/* "file:line:column: found X, expected Y" */
};

/* parse.y + check.c: NULL and @err on refusal. Does not read secrets. */
struct conf *conf_parse(const char *data, size_t len, const char *path, struct conf_error *err);
struct conf *conf_load(const char *path, struct conf_error *err);
/* secrets.c: the file beside the configuration; refused unless owner root (or us), mode 0600 or less */
bool conf_secrets_load(struct conf *conf, const char *path, struct conf_error *err);
bool conf_secrets_parse(struct conf *conf, const char *data, size_t len, const char *path,
			struct conf_error *err);
/* certs.c: after the secrets; the folders certs, cacerts, private and crls beside the configuration */
bool conf_certs_load(struct conf *conf, struct conf_error *err);
bool conf_certs_load_good(struct conf *conf, cert_broken_t broken, void *arg);
/* credentials.c: both of these, from the files and folders beside @conf->path */
bool conf_credentials_load(struct conf *conf, struct conf_error *err);
/*
 * The same, so that a policy comes into force whatever its credentials are like: a broken file only
 * calls @broken, and each peer that misses something of it has .lacks. False: out of memory.
 */
bool conf_credentials_load_good(struct conf *conf, cert_broken_t broken, void *arg);
/*
 * What of ours, and of the CAs that are trusted, has expired or will within two weeks: false when
 * number @i is none; else @out is a line for it, or empty
 */
bool conf_certs_warning(const struct conf *conf, unsigned int i, time_t now, char *out, size_t len);
/* the public key that a peer with this ID must have; NULL: none is in certs/ */
const struct cert_pub *conf_remote_pub(const struct conf *conf, const struct conf_peer *peer,
				       const struct conf_id *remote);
bool conf_has_entries(const struct conf *conf);
void conf_free(struct conf *conf);

/* Checks for a pattern: `*.example.com`, `*@example.com` or a DN such as `CN=*`. */
bool conf_id_is_pattern(const struct conf_id *id);
/* remote.c: the values of `remote address` */
bool conf_peer_initiates(const struct conf_peer *peer);
bool conf_peer_may_have(const struct conf_peer *peer, const struct addr *a);
bool conf_remote_has(const struct conf_remote *r, const struct addr *a);
const char *conf_remote_str(const struct conf_remote *r, char *out, size_t len);
const char *conf_remotes_str(const struct conf_peer *peer, char *out, size_t len);
bool conf_remotes_same(const struct conf_peer *a, const struct conf_peer *b);
/* "fqdn 'hq.example.com'", for messages */
const char *conf_id_str(const struct conf_id *id, char *out, size_t len);
#define CONF_ID_STRLEN	320
/* the discard entry that a strict one stands for as well; false: @e is not strict */
bool conf_strict_discard(const struct conf_entry *e, struct conf_entry *out);
/* conf.c; by name, of two of one name the first; false: no memory */
bool conf_sort_names(struct conf *conf);
struct conf_peer *conf_peer_find(const struct conf *conf, const char *name);
struct conf_list *conf_list_find(const struct conf *conf, const char *name);
/* what IKE negotiates: of ESP or of AH */
static inline const struct ike_proposal *conf_tunnel_proposals(const struct conf_tunnel *t,
							       unsigned int *n)
{
	*n = t->n_esp ? t->n_esp : t->n_ah;
	return t->n_esp ? t->esp : t->ah;
}

/* RFC 7296 3.3: one protocol a proposal, so IKEv2 has no way to ask for both */
static inline bool conf_tunnel_is_bundle(const struct conf_tunnel *t)
{
	return t->n_esp && t->n_ah;
}

struct conf_tunnel *conf_tunnel_find(const struct conf_peer *peer, const char *name);
/* most specific: both IDs, then one of them, then any */
const struct conf_secret *conf_secret_find(const struct conf *conf, const struct conf_id *local,
					   const struct conf_id *remote);
/* Composes the message about a missing secret. */
void conf_secret_lack(const struct conf *conf, const struct conf_id *local,
		      const struct conf_id *remote, char *out, size_t len);

#endif
