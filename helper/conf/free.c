// SPDX-License-Identifier: GPL-2.0
/* Frees a configuration. Secrets and passphrases are zeroised. */
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"
#include "pki/revoke.h"

void conf_secret_end_free(struct conf_secret_end *end)
{
	while (end->n)
		free(end->key[--end->n].p);
}

void conf_secret_free(struct conf_secret *s)
{
	if (s->psk)
		explicit_bzero(s->psk, s->len);
	free(s->psk);
	free(s->local_id);
	free(s->remote_id);
	conf_secret_end_free(&s->local);
	conf_secret_end_free(&s->remote);
}

void conf_passphrases_free(struct conf *conf)
{
	unsigned int i;

	for (i = 0; i < conf->n_passphrases; i++) {
		struct conf_passphrase *p = &conf->passphrases[i];

		if (p->text) {
			explicit_bzero(p->text, strlen(p->text));
			free(p->text);
		}
		free(p->file);
	}
	free(conf->passphrases);
	conf->passphrases = NULL;
	conf->n_passphrases = 0;
}

static void peer_free(struct conf_peer *p)
{
	conf_id_free(&p->local_id);
	conf_id_free(&p->remote_id);
	conf_remotes_free(p);
	free(p->tunnels);
	free(p->cert.name);
	free(p->key.name);
	free(p->ca.name);
	free(p->remote_key.name);
	free(p->lacks);
}

void conf_free(struct conf *conf)
{
	unsigned int i, k;

	if (!conf)
		return;
	for (i = 0; i < conf->n_lists; i++)
		free(conf->lists[i].entries);
	for (i = 0; i < conf->n_peers; i++)
		peer_free(&conf->peers[i]);
	for (i = 0; i < conf->n_templates; i++)
		peer_free(&conf->templates[i].peer);
	for (i = 0; i < conf->n_files; i++)
		free(conf->files[i]);
	for (k = 0; k < conf->n_secrets; k++)
		conf_secret_free(&conf->secrets[k]);
	conf_passphrases_free(conf);
	cert_store_put(conf->certs);
	revoke_crls_free(conf->crls);
	free(conf->lists);
	free(conf->groups);
	free(conf->members);
	free(conf->peers);
	free(conf->templates);
	free(conf->files);
	free(conf->lists_by_name);
	free(conf->peers_by_name);
	free(conf->secrets);
	free(conf->secrets_by_id);
	free(conf->provider.name);
	free(conf->path);
	free(conf);
}
