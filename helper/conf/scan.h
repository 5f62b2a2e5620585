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

/* what the parser builds, and where it says why not */
struct conf_parse {
	struct conf *conf;
	const struct conf_scan *scan;
	const char *path;
	struct conf_error *err;		/* the first one counts */
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

/* credentials.c: sets @peer->lacks, of which the first counts; false: out of memory */
bool conf_lacks(struct conf_peer *peer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* zeroised; they are needed no longer than to read the keys */
void conf_passphrases_free(struct conf *conf);

/* check.c: what one block cannot see; fills in defaults */
bool conf_check(struct conf *conf, struct conf_error *err);

/* values.c: words to values; on failure the message says what was expected */
bool conf_value_df(struct conf_word w, enum conf_df *out);
bool conf_value_dscp(struct conf_word w, int *out);	/* -1: "copy" */
bool conf_value_fragmentation(struct conf_word w, uint16_t *out);	/* 0: no */
bool conf_value_encapsulation(struct conf_word w, bool *force_udp);
bool conf_value_mark(struct conf_word w, uint32_t *out);	/* 1.., or 0x1.. */
bool conf_value_number(struct conf_word w, uint64_t max, uint64_t *out);
bool conf_value_duration(struct conf_word w, uint64_t *seconds);	/* 30s 10m 4h 1d */
bool conf_value_size(struct conf_word w, uint64_t *bytes);		/* 64KB 512MB 4GB, of 1024 */
bool conf_value_proto(struct conf_word w, uint8_t *proto);
bool conf_value_range(struct conf_word w, struct ts *ts, const char **expected);
bool conf_value_ports(struct conf_word w, struct ts *ts);
bool conf_value_auth_rsa(struct conf_word w, enum conf_rsa *out);
bool conf_value_revocation(struct conf_word w, enum conf_revocation *out);
bool conf_value_id(uint8_t type, struct conf_word w, struct conf_id *id);
bool conf_value_copy(struct conf_word w, char *out, size_t len);	/* false: too long */
void conf_id_free(struct conf_id *id);

#endif
