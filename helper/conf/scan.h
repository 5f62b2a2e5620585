/* SPDX-License-Identifier: GPL-2.0 */
/* What the lexer, the parser and the reader of secrets share. */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/* a word where it stands in the text; not terminated */
struct conf_word {
	const char *p;
	int len;
};

struct conf_scan {
	unsigned int line, column;	/* of what comes next */
	struct conf_word last;		/* the newest token, for errors */
};

#define CONF_FILE_MAX	(16u << 20)	/* octets of all files together */
#define CONF_FILES_MAX	10000
#define CONF_DEPTH_MAX	8

/* The text of one file. */
struct conf_text {
	char *data;		/* with two NULs behind it */
	size_t len;
	uint64_t dev, ino;	/* of the file; @ino 0: the text is not from a file */
	char *folder;		/* start of included names; NULL: the folder of the file's name */
};

struct conf_names {
	char **name;
	unsigned int n;
};

/* Reads included files, from the file system or a fuzzer's input. @err: the reason of a failure. */
struct conf_reader {
	/* adds the names of @folder that match @pattern, in any order */
	bool (*list)(const char *folder, const char *pattern, void *arg, struct conf_names *names,
		     char *err, size_t err_len);
	bool (*read)(const char *path, void *arg, struct conf_text *text, char *err, size_t err_len);
	void *arg;
};

/* The state of the parser for one file. */
struct conf_parse {
	struct conf *conf;
	const struct conf_scan *scan;
	const char *path;		/* name of the file, an element of conf->files */
	struct conf_error *err;		/* the first one counts */
	const struct conf_reader *reader;	/* NULL: `include` is refused */
	const struct conf_text *text;
	const struct conf_parse *outer;	/* the file that includes this one, NULL: none */
	unsigned int depth;		/* 1: the first file */
	struct conf_list *list;		/* the block being read */
	struct conf_peer *peer;
	struct conf_tunnel *tunnel;
};

/* an array that grows by one, whose room is the power of two that takes it */
static inline bool conf_array_is_full(unsigned int n)
{
	return !(n & (n - 1));
}

int conf_scan_keyword(const char *text, int len);	/* its token, 0: none */
const char *conf_scan_keyword_name(int token);		/* NULL: no keyword */
_Noreturn void conf_scan_fatal(const char *msg);

/* "path:line:column: ..."; keeps the first error; false, for `return conf_fail(...)` */
bool conf_fail(struct conf_error *err, const char *path, unsigned int line, unsigned int column,
	       const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* the same, of a place that is kept */
bool conf_fail_at(struct conf_error *err, const struct conf_place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* credentials.c: sets @peer->lacks, of which the first counts; false: out of memory */
bool conf_lacks(struct conf_peer *peer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* conf.c: Copies a file name for the life of the configuration. NULL: out of memory. */
const char *conf_keep_name(struct conf *conf, const char *path);

/* secrets.c */
void conf_secret_end_free(struct conf_secret_end *end);
void conf_secret_free(struct conf_secret *s);

/* zeroised; they are needed no longer than to read the keys */
void conf_passphrases_free(struct conf *conf);

/* files.c */
extern const struct conf_reader conf_files;
bool conf_file_read(const char *path, struct conf_text *text, char *err, size_t err_len);
bool conf_include(struct conf_parse *parse, const struct conf_place *at, struct conf_word word);
bool conf_names_add(struct conf_names *names, const char *name);
void conf_names_free(struct conf_names *names);
void conf_text_free(struct conf_text *text);

/* conf.c: Changes only the conf and err of @outer. flex changes @text. */
bool conf_parse_text(const struct conf_parse *outer, struct conf_text *text, const char *path);
struct conf *conf_parse_with(const char *data, size_t len, const char *path,
			     const struct conf_reader *reader, struct conf_error *err);

/*
 * template.c: the bit of each setting that a block may have. A block without a setting gets that of
 * its template.
 */
enum conf_peer_setting {
	PEER_HAS_LOCAL, PEER_HAS_REMOTE, PEER_HAS_LOCAL_ID, PEER_HAS_REMOTE_ID,
	PEER_HAS_LOCAL_AUTH, PEER_HAS_REMOTE_AUTH, PEER_HAS_CERT, PEER_HAS_KEY, PEER_HAS_CA,
	PEER_HAS_REMOTE_KEY, PEER_HAS_RSA, PEER_HAS_REVOCATION, PEER_HAS_IKE,
	PEER_HAS_IKE_LIFETIME, PEER_HAS_REAUTH, PEER_HAS_DPD, PEER_HAS_WEAK, PEER_HAS_FRAGMENT,
	PEER_HAS_ENCAPSULATION, PEER_HAS_PREFER_FIRST, PEER_HAS_REMOTE_PORT,
};

enum conf_tunnel_setting {
	TUNNEL_HAS_ESP_AH, TUNNEL_HAS_MODE, TUNNEL_HAS_CHILD_SA, TUNNEL_HAS_LIFETIME,
	TUNNEL_HAS_WEAK, TUNNEL_HAS_START, TUNNEL_HAS_IDLE, TUNNEL_HAS_REPLAY, TUNNEL_HAS_MTU,
	TUNNEL_HAS_DF, TUNNEL_HAS_DSCP, TUNNEL_HAS_TFC, TUNNEL_HAS_MARK, TUNNEL_HAS_VRF,
	TUNNEL_HAS_PRIORITY, TUNNEL_HAS_ROUTE, TUNNEL_HAS_UPDOWN,
};

void conf_peer_init(struct conf_peer *peer);	/* defaults; @peer is zeroed */
void conf_tunnel_init(struct conf_tunnel *t);
bool conf_templates_apply(struct conf *conf, struct conf_error *err);

/* remote.c */
void conf_remotes_free(struct conf_peer *peer);
bool conf_remotes_copy(struct conf_peer *to, const struct conf_peer *from);

/* group.c: the entries of redundant tunnels */
bool conf_groups_make(struct conf *conf, struct conf_error *err);

/* check.c: what one block cannot see; fills in defaults */
bool conf_check(struct conf *conf, struct conf_error *err);

/* values.c: words to values; on failure the message says what was expected */
bool conf_value_df(struct conf_word w, enum conf_df *out);
bool conf_value_dscp(struct conf_word w, int *out);	/* -1: "copy" */
bool conf_value_fragmentation(struct conf_word w, uint16_t *out);	/* 0: no */
bool conf_value_encapsulation(struct conf_word w, bool *force_udp);
bool conf_value_yes(struct conf_word w, bool *out);
bool conf_value_mark(struct conf_word w, uint32_t *out);	/* 1.., or 0x1.. */
bool conf_value_number(struct conf_word w, uint64_t max, uint64_t *out);
bool conf_value_duration(struct conf_word w, uint64_t *seconds);	/* 30s 10m 4h 1d */
bool conf_value_size(struct conf_word w, uint64_t *bytes);		/* 64KB 512MB 4GB, of 1024 */
bool conf_value_proto(struct conf_word w, uint8_t *proto);
bool conf_value_range(struct conf_word w, struct ts *ts, const char **expected);
bool conf_value_host(struct conf_word w);	/* RFC 1123 2.1 */
bool conf_value_is_host(struct conf_word w);
bool conf_value_ports(struct conf_word w, struct ts *ts);
bool conf_value_auth_rsa(struct conf_word w, enum conf_rsa *out);
bool conf_value_revocation(struct conf_word w, enum conf_revocation *out);
/* @quoted: the word is in quotes, so 0x begins a text */
bool conf_value_id(uint8_t type, struct conf_word w, bool quoted, struct conf_id *id,
		   char *expected, size_t expected_len);
bool conf_value_copy(struct conf_word w, char *out, size_t len);	/* false: too long */
void conf_id_free(struct conf_id *id);

#endif
