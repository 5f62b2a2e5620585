/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private keys on a PKCS#11 token. A provider is a foreign shared object, so the daemon never loads
 * it: it sends each request to the signer (sys/signer.c), and waits with a limit.
 */
#ifndef PKI_TOKEN_H
#define PKI_TOKEN_H

#include <stdatomic.h>

#include "pki/cert.h"

#define TOKEN_URI_MAX	511	/* octets of a URI */
#define TOKEN_PIN_MAX	255
#define TOKEN_PATH_MAX	1023	/* of the provider's name */
#define TOKEN_DATA_MAX	70000	/* of what is signed: an IKE message and a little more */
#define TOKEN_REPLY_MAX	2048
#define TOKEN_MS	10000	/* a request of the token that runs longer is killed */
#define TOKEN_WAIT_MS	15000	/* the daemon's limit: for earlier requests, and its own */
#define TOKEN_LOAD_MS	5000	/* the same for all keys while the daemon loads the configuration */

/**
 * struct token_key - where a private key is, and how to log in there
 * @provider: absolute path of the shared object
 * @uri: RFC 7512
 * @pin: of the user of the token
 * @refused: the token refused @pin; further tries could lock it. Any thread sets it; NULL: none
 */
struct token_key {
	const char *provider, *uri, *pin;
	atomic_bool *refused;
};

enum token_status {
	TOKEN_OK = 1,
	TOKEN_FAILED,	/* the text says why */
	TOKEN_NO_LOGIN,	/* likewise, and the same PIN is not to be tried again */
	TOKEN_MISFIT,	/* the key on the token is another one */
};

/* ---- token_uri.c ---- */
bool token_is_uri(const char *text);
bool token_uri_check(const char *uri, bool key, size_t *off, char *why, size_t why_len);
bool token_uri_has(const char *uri, const char *part);

/* ---- token.c: the daemon's end. Slow; any thread ---- */
void token_use(int fd);		/* socket to the signer; -1: there is none */
bool token_has_signer(void);
enum token_status token_probe(const struct token_key *key, struct bytes spki, unsigned int ms,
			      unsigned int *can, char *err, size_t err_len);
enum token_status token_sign(const struct token_key *key, struct bytes spki, unsigned int sign,
			     struct bytes data, struct buf *out, char *err, size_t err_len);

/* ---- token_do.c: what a process of the signer does. @reply gets the whole message ---- */
void token_do(struct bytes request, struct buf *reply);
/* the message of a request that has no other reply */
void token_reply_failed(struct bytes request, const char *text, struct buf *reply);

/*
 * A request has the number (4), TOKEN_OP_* (1), the signature algorithm of GnuTLS (4), and five
 * strings, each with its length (4): provider, URI, PIN, SubjectPublicKeyInfo, data.
 *
 * A reply has the number (4), enum token_status (1), the kinds of signatures, a bit for each enum
 * cert_key_type (4), and a signature or text.
 */
#define TOKEN_OP_PROBE	'P'
#define TOKEN_OP_SIGN	'S'
#define TOKEN_REPLY_HEAD 9

#endif
