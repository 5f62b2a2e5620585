// SPDX-License-Identifier: GPL-2.0
/* Private keys on tokens, as keys of a store. */
#include <stdlib.h>
#include <string.h>

#include "pki/cert_priv.h"
#include "pki/token.h"

#define CAN_ALL	(~0U)

static bool copy_pub(struct cert_key *key, const struct cert_pub *pub)
{
	struct cert_pub *copy = cert_pub_new(buf_bytes(&pub->spki));

	if (!copy)
		return false;
	key->pub = *copy;
	free(copy);
	return true;
}

/* Keys with one PIN share the flag of its refusal. The store frees its keys together. */
static void share_login(const struct cert_store *store, struct cert_key *key)
{
	unsigned int i;

	for (i = 0; i < store->n_tokens; i++)
		if (!strcmp(store->tokens[i]->provider, key->provider) &&
		    !strcmp(store->tokens[i]->pin, key->pin)) {
			key->no_login = store->tokens[i]->no_login;
			return;
		}
	key->no_login = calloc(1, sizeof(*key->no_login));
	key->owns_login = true;
}

static struct cert_key *key_new(const struct cert_store *store, const struct token_key *where,
				const struct cert_pub *pub)
{
	struct cert_key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	buf_init(&key->pub.spki);
	key->file = strdup(where->uri);
	key->provider = strdup(where->provider);
	key->pin = strdup(where->pin);
	if (key->provider && key->pin)
		share_login(store, key);
	if (key->file && key->provider && key->pin && key->no_login && copy_pub(key, pub))
		return key;
	cert_key_free(key);
	return NULL;
}

/* a key that several peers have is asked for once */
static const struct cert_key *find(const struct cert_store *store, const struct token_key *where,
				   const struct cert_pub *pub)
{
	unsigned int i;

	for (i = 0; i < store->n_tokens; i++)
		if (!strcmp(store->tokens[i]->file, where->uri) &&
		    cert_pub_is(&store->tokens[i]->pub, buf_bytes(&pub->spki)))
			return store->tokens[i];
	return NULL;
}

static bool append(struct cert_store *store, struct cert_key *key)
{
	struct cert_key **more = reallocarray(store->tokens, store->n_tokens + 1, sizeof(*more));

	if (!more)
		return false;
	store->tokens = more;
	store->tokens[store->n_tokens++] = key;
	return true;
}

/**
 * cert_store_token() - put a key on a token into a store
 * @store: the store, which no other thread has yet
 * @where: where the key is
 * @pub: the public key that it must have
 * @ms: limit in time
 * @out: gets the key, which the store owns
 * @err: gets the error of the token
 * @err_len: room there
 *
 * A process without a signer, such as `nfipsec check`, takes the key for granted.
 *
 * Return: CERT_TOKEN_GOOD, or why there is no key
 */
enum cert_token cert_store_token(struct cert_store *store, const struct token_key *where,
				 const struct cert_pub *pub, unsigned int ms,
				 const struct cert_key **out, char *err, size_t err_len)
{
	enum token_status status = TOKEN_OK;
	unsigned int can = CAN_ALL;
	struct cert_key *key;

	*out = find(store, where, pub);
	if (*out)
		return CERT_TOKEN_GOOD;
	if (token_has_signer())
		status = token_probe(where, buf_bytes(&pub->spki), ms, &can, err, err_len);
	if (status != TOKEN_OK)
		return status == TOKEN_MISFIT ? CERT_TOKEN_MISFIT :
		       status == TOKEN_NO_LOGIN ? CERT_TOKEN_NO_LOGIN : CERT_TOKEN_LACKS;
	key = key_new(store, where, pub);
	if (!key || !append(store, key)) {
		cert_key_free(key);
		return CERT_TOKEN_NO_MEMORY;
	}
	key->can = can;
	*out = key;
	return CERT_TOKEN_GOOD;
}

/* Checks whether signatures of a key wait for another process. */
bool cert_key_waits(const struct cert_key *key)
{
	return !key->key;
}

/* Checks whether a key makes a kind of signature: a token may lack it. */
bool cert_key_can(const struct cert_key *key, enum cert_key_type type)
{
	return key->key || key->can & 1u << type;
}
