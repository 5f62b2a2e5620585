// SPDX-License-Identifier: GPL-2.0
/* Names of a configuration: its files, and its lists, peers and tunnels by their names. */
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"

const char *conf_keep_name(struct conf *conf, const char *path)
{
	char **more;

	if (conf_array_is_full(conf->n_files)) {
		more = reallocarray(conf->files, conf->n_files ? conf->n_files * 2 : 1,
				    sizeof(*more));
		if (!more)
			return NULL;
		conf->files = more;
	}
	conf->files[conf->n_files] = strdup(path);
	return conf->files[conf->n_files] ? conf->files[conf->n_files++] : NULL;
}

static int list_cmp(const void *a, const void *b)
{
	const struct conf_list *x = *(const struct conf_list *const *)a;
	const struct conf_list *y = *(const struct conf_list *const *)b;
	int ret = strcmp(x->name, y->name);

	return ret ? ret : (x > y) - (x < y);
}

static int peer_cmp(const void *a, const void *b)
{
	const struct conf_peer *x = *(const struct conf_peer *const *)a;
	const struct conf_peer *y = *(const struct conf_peer *const *)b;
	int ret = strcmp(x->name, y->name);

	return ret ? ret : (x > y) - (x < y);
}

bool conf_sort_names(struct conf *conf)
{
	unsigned int i;

	conf->lists_by_name = calloc(conf->n_lists + 1, sizeof(struct conf_list *));
	conf->peers_by_name = calloc(conf->n_peers + 1, sizeof(struct conf_peer *));
	if (!conf->lists_by_name || !conf->peers_by_name)
		return false;
	for (i = 0; i < conf->n_lists; i++)
		conf->lists_by_name[i] = &conf->lists[i];
	for (i = 0; i < conf->n_peers; i++)
		conf->peers_by_name[i] = &conf->peers[i];
	qsort(conf->lists_by_name, conf->n_lists, sizeof(*conf->lists_by_name), list_cmp);
	qsort(conf->peers_by_name, conf->n_peers, sizeof(*conf->peers_by_name), peer_cmp);
	return true;
}

struct conf_peer *conf_peer_find(const struct conf *conf, const char *name)
{
	unsigned int from = 0, to = conf->n_peers, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (strcmp(conf->peers_by_name[at]->name, name) < 0)
			from = at + 1;
		else
			to = at;
	}
	return from < conf->n_peers && !strcmp(conf->peers_by_name[from]->name, name) ?
	       conf->peers_by_name[from] : NULL;
}

struct conf_list *conf_list_find(const struct conf *conf, const char *name)
{
	unsigned int from = 0, to = conf->n_lists, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (strcmp(conf->lists_by_name[at]->name, name) < 0)
			from = at + 1;
		else
			to = at;
	}
	return from < conf->n_lists && !strcmp(conf->lists_by_name[from]->name, name) ?
	       conf->lists_by_name[from] : NULL;
}

struct conf_tunnel *conf_tunnel_find(const struct conf_peer *peer, const char *name)
{
	unsigned int i;

	for (i = 0; i < peer->n_tunnels; i++)
		if (!strcmp(peer->tunnels[i].name, name))
			return &peer->tunnels[i];
	return NULL;
}
