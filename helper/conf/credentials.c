// SPDX-License-Identifier: GPL-2.0
/* The secrets and certificates of a configuration, and what a peer lacks of them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/scan.h"

#define SECRETS_NAME	"secrets"

bool conf_lacks(struct conf_peer *peer, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (peer->lacks)
		return true;
	va_start(ap, fmt);
	n = vasprintf(&peer->lacks, fmt, ap);
	va_end(ap);
	if (n < 0)
		peer->lacks = NULL;
	return n >= 0;
}

static bool uses_psk(const struct conf_peer *p)
{
	return p->local_auth == CONF_AUTH_PSK || p->remote_auth == CONF_AUTH_PSK;
}

static bool any_uses_psk(const struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->n_peers; i++)
		if (uses_psk(&conf->peers[i]))
			return true;
	return false;
}

/*
 * Does the configuration name both identities? A responder for everyone learns the peer's in
 * IKE_AUTH. The daemon learns its own address, where the route chooses it, when it initiates.
 */
static bool has_both_ids(const struct conf_peer *p)
{
	return p->local_id.type && p->remote_id.type && !conf_id_is_pattern(&p->remote_id);
}

/* the quotes that the secrets file needs around an identity with spaces */
static const char *quote_of(const struct conf_id *id)
{
	return strchr(id->text, ' ') ? "\"" : "";
}

/**
 * conf_secret_lack - composes the message that two identities have no pre-shared key
 * @conf: the configuration, with its secrets
 * @local: identity of this host
 * @remote: identity of the peer
 * @out: gets the message
 * @len: size of @out
 *
 * If the file has the two identities in the order of the peer, the message says so.
 */
void conf_secret_lack(const struct conf *conf, const struct conf_id *local,
		      const struct conf_id *remote, char *out, size_t len)
{
	char us[CONF_ID_STRLEN], them[CONF_ID_STRLEN];
	int n = snprintf(out, len, "no pre-shared key for %s and %s is in the secrets file",
			 conf_id_str(local, us, sizeof(us)), conf_id_str(remote, them, sizeof(them)));

	if (n > 0 && (size_t)n < len && conf_secret_find(conf, remote, local))
		snprintf(out + n, len - n, ", but one with the ends exchanged: expected psk %s%s%s %s%s%s, ours first",
			 quote_of(local), local->text, quote_of(local), quote_of(remote),
			 remote->text, quote_of(remote));
}

/* @why: the secrets file as a whole is not there or not used; empty: it is */
static bool psk_of_peer(struct conf *conf, struct conf_peer *p, const char *why)
{
	char text[1100];

	if (!uses_psk(p))
		return true;
	if (*why)
		return conf_lacks(p, "%s", why);
	if (!has_both_ids(p) || conf_secret_find(conf, &p->local_id, &p->remote_id))
		return true;
	conf_secret_lack(conf, &p->local_id, &p->remote_id, text, sizeof(text));
	return conf_lacks(p, "%s", text);
}

static bool psk_of_peers(struct conf *conf, const char *why)
{
	unsigned int i;

	for (i = 0; i < conf->n_peers; i++)
		if (!psk_of_peer(conf, &conf->peers[i], why))
			return false;
	return true;
}

/* the file called secrets in the folder of @conf->path; caller frees */
static char *secrets_path(const struct conf *conf)
{
	const char *slash = strrchr(conf->path, '/');
	int dir_len = slash ? slash + 1 - conf->path : 0;
	char *path;

	if (asprintf(&path, "%.*s%s", dir_len, conf->path, SECRETS_NAME) < 0)
		return NULL;
	return path;
}

/* access lists and SAs by hand need no secrets; true: @err may say that there are none */
static bool load_secrets(struct conf *conf, struct conf_error *err)
{
	char *path = secrets_path(conf);
	bool ok = true;

	*err->text = 0;
	if (!path)
		return conf_fail(err, conf->path, 1, 1, "out of memory");
	if (access(path, F_OK) && errno == ENOENT) {
		if (any_uses_psk(conf))
			snprintf(err->text, sizeof(err->text),
				 "%s: not there, so no peer has a pre-shared key", path);
	} else {
		ok = conf_secrets_load(conf, path, err);
	}
	free(path);
	return ok;
}

/**
 * conf_credentials_load - load secrets and certificates, all or nothing
 * @conf: the configuration; its peers' lacks are set
 * @err: the file that is broken, or the word of the configuration that finds nothing
 *
 * A pre-shared key that is missing is no error here: the peer lacks it.
 *
 * Return: false: refused, and why is in @err.
 */
bool conf_credentials_load(struct conf *conf, struct conf_error *err)
{
	struct conf_error secrets;

	if (!load_secrets(conf, &secrets)) {
		*err = secrets;
		return false;
	}
	if (!conf_certs_load(conf, err))
		return false;
	return psk_of_peers(conf, secrets.text) ||
	       conf_fail(err, conf->path, 1, 1, "out of memory");
}

bool conf_credentials_load_good(struct conf *conf, cert_broken_t broken, void *arg)
{
	struct conf_error err;

	/* once for all peers, each of which says it, too */
	if (!load_secrets(conf, &err))
		broken(err.text, arg);
	return psk_of_peers(conf, err.text) && conf_certs_load_good(conf, broken, arg);
}
