// SPDX-License-Identifier: GPL-2.0
/* Templates: a peer without a setting gets that of its template. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"

/* A member of struct conf_peer or struct conf_tunnel that one setting fills. */
struct part {
	unsigned int setting;	/* bit number of the setting */
	size_t at, len;
};

#define PEER(setting, member) \
	{ PEER_HAS_ ## setting, offsetof(struct conf_peer, member), \
	  sizeof(((struct conf_peer *)0)->member) }
#define TUNNEL(setting, member) \
	{ TUNNEL_HAS_ ## setting, offsetof(struct conf_tunnel, member), \
	  sizeof(((struct conf_tunnel *)0)->member) }

/* take_id(), take_file() and conf_remotes_copy() copy what is allocated. */
static const struct part peer_parts[] = {
	PEER(LOCAL, local), PEER(REMOTE_ID, remote_id_any),
	PEER(LOCAL_AUTH, local_auth), PEER(LOCAL_AUTH, local_auth_at),
	PEER(REMOTE_AUTH, remote_auth), PEER(REMOTE_AUTH, remote_auth_at),
	PEER(RSA, rsa), PEER(REVOCATION, revocation), PEER(IKE, n_ike), PEER(IKE, ike),
	PEER(IKE_LIFETIME, ike_lifetime), PEER(REAUTH, reauth), PEER(DPD, dpd),
	PEER(WEAK, allow_weak), PEER(FRAGMENT, fragment_size),
	PEER(ENCAPSULATION, force_udp), PEER(ENCAPSULATION, encapsulation_at),
	PEER(PREFER_FIRST, prefer_first), PEER(PREFER_FIRST, prefer_first_at),
	PEER(REMOTE_PORT, remote_port), PEER(REMOTE_PORT, remote_port_at),
};

static const struct part tunnel_parts[] = {
	TUNNEL(ESP_AH, n_esp), TUNNEL(ESP_AH, esp), TUNNEL(ESP_AH, n_ah), TUNNEL(ESP_AH, ah),
	TUNNEL(ESP_AH, ah_at), TUNNEL(MODE, mode), TUNNEL(MODE, mode_at),
	TUNNEL(CHILD_SA, child_sa), TUNNEL(LIFETIME, lifetime_seconds),
	TUNNEL(LIFETIME, lifetime_bytes), TUNNEL(WEAK, allow_weak), TUNNEL(START, start),
	TUNNEL(IDLE, idle_timeout), TUNNEL(REPLAY, replay_window), TUNNEL(MTU, mtu),
	TUNNEL(DF, df), TUNNEL(DSCP, dscp), TUNNEL(TFC, tfc), TUNNEL(MARK, mark), TUNNEL(MARK, mark_at),
	TUNNEL(VRF, vrf), TUNNEL(PRIORITY, priority), TUNNEL(PRIORITY, priority_at),
	TUNNEL(ROUTE, route),
	TUNNEL(UPDOWN, updown), TUNNEL(UPDOWN, updown_at),
};

void conf_peer_init(struct conf_peer *peer)
{
	peer->dpd = 30;
	peer->fragment_size = CONF_FRAGMENT_DEFAULT;
	peer->revocation = CONF_REVOCATION_SOFT;
	peer->ike_lifetime = 4 * 3600;
	peer->ike_version = 2;
}

void conf_tunnel_init(struct conf_tunnel *t)
{
	t->mode = CONF_MODE_TUNNEL;
	t->lifetime_seconds = 3600;
	t->replay_window = 1024;
	t->df = CONF_DF_COPY;
	t->start = CONF_START_UNSET;
	t->dscp = -1;
}

/* ---- take over ---- */

static void take_parts(const struct part *parts, size_t n, uint32_t wanted, void *to,
		       const void *from)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wanted & 1u << parts[i].setting)
			memcpy((char *)to + parts[i].at, (const char *)from + parts[i].at,
			       parts[i].len);
}

static bool take_file(bool wanted, struct conf_file *to, const struct conf_file *from)
{
	if (!wanted)
		return true;
	to->at = from->at;
	to->name = strdup(from->name);
	return to->name;
}

/* Copies an identity. For `remote id any`, peer_parts copies remote_id_any instead. */
static bool take_id(bool wanted, struct conf_id *to, const struct conf_id *from)
{
	if (!wanted || !from->type)
		return true;
	*to = *from;
	to->text = strdup(from->text);
	to->data = malloc(from->len);
	if (to->data)
		memcpy(to->data, from->data, from->len);
	return to->text && to->data;
}

static bool take_peer(struct conf_peer *to, const struct conf_peer *from)
{
	uint32_t wanted = from->given & ~to->given;

#define WANTED(setting) (wanted & 1u << PEER_HAS_ ## setting)
	take_parts(peer_parts, sizeof(peer_parts) / sizeof(*peer_parts), wanted, to, from);
	return (!WANTED(REMOTE) || conf_remotes_copy(to, from)) &&
	       take_id(WANTED(LOCAL_ID), &to->local_id, &from->local_id) &&
	       take_id(WANTED(REMOTE_ID), &to->remote_id, &from->remote_id) &&
	       take_file(WANTED(CERT), &to->cert, &from->cert) &&
	       take_file(WANTED(KEY), &to->key, &from->key) &&
	       take_file(WANTED(CA), &to->ca, &from->ca) &&
	       take_file(WANTED(REMOTE_KEY), &to->remote_key, &from->remote_key);
#undef WANTED
}

static void take_tunnel(struct conf_tunnel *to, const struct conf_tunnel *from)
{
	take_parts(tunnel_parts, sizeof(tunnel_parts) / sizeof(*tunnel_parts),
		   from->given & ~to->given, to, from);
}

/* ---- find ---- */

static int template_cmp(const void *a, const void *b)
{
	const struct conf_template *x = *(const struct conf_template *const *)a;
	const struct conf_template *y = *(const struct conf_template *const *)b;
	int ret = strcmp(x->peer.name, y->peer.name);

	return ret ? ret : (x > y) - (x < y);
}

static int name_cmp(const void *key, const void *element)
{
	return strcmp(key, (*(const struct conf_template *const *)element)->peer.name);
}

/* Counts the letters to insert, remove or replace: the Levenshtein distance. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[CONF_NAME_MAX + 1], i, k, diagonal, best;

	for (k = 0; k <= strlen(b); k++)
		row[k] = k;
	for (i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (k = 0; b[k]; k++) {
			best = diagonal + (a[i] != b[k]);
			diagonal = row[k + 1];
			if (best > diagonal + 1)
				best = diagonal + 1;
			if (best > row[k] + 1)
				best = row[k] + 1;
			row[k + 1] = best;
		}
	}
	return row[strlen(b)];
}

static bool unknown(const struct conf *conf, const struct conf_peer *peer, struct conf_error *err)
{
	const struct conf_template *nearest = NULL;
	unsigned int i, d, least = 0;

	for (i = 0; i < conf->n_templates; i++) {
		d = distance(peer->template_name, conf->templates[i].peer.name);
		if (nearest && d >= least)
			continue;
		nearest = &conf->templates[i];
		least = d;
	}
	if (!nearest)
		return conf_fail_at(err, &peer->template_at, "found '%s', expected the name of a template: there is none",
				    peer->template_name);
	return conf_fail_at(err, &peer->template_at, "found '%s', expected the name of a template, the nearest is '%s'",
			    peer->template_name, nearest->peer.name);
}

static bool apply_to(struct conf_peer *peer, const struct conf_template *t)
{
	unsigned int i;

	if (!take_peer(peer, &t->peer))
		return false;
	for (i = 0; i < peer->n_tunnels; i++)
		take_tunnel(&peer->tunnels[i], &t->tunnel);
	return true;
}

static bool apply_sorted(struct conf *conf, struct conf_template **sorted, struct conf_error *err)
{
	struct conf_template **t;
	unsigned int i;

	for (i = 1; i < conf->n_templates; i++)
		if (!strcmp(sorted[i]->peer.name, sorted[i - 1]->peer.name))
			return conf_fail_at(err, &sorted[i]->peer.at, "found a second template '%s', expected a name of its own",
					    sorted[i]->peer.name);
	for (i = 0; i < conf->n_peers; i++) {
		struct conf_peer *peer = &conf->peers[i];

		if (!*peer->template_name)
			continue;
		t = bsearch(peer->template_name, sorted, conf->n_templates, sizeof(*sorted),
			    name_cmp);
		if (!t)
			return unknown(conf, peer, err);
		if (!apply_to(peer, *t))
			return conf_fail_at(err, &peer->at, "out of memory");
	}
	return true;
}

/**
 * conf_templates_apply - gives each peer the settings of its template
 * @conf: the parsed configuration; a template may follow the peers that name it
 * @err: gets the first error
 *
 * Return: false with the reason in @err
 */
bool conf_templates_apply(struct conf *conf, struct conf_error *err)
{
	struct conf_template **sorted = calloc(conf->n_templates + 1, sizeof(*sorted));
	unsigned int i;
	bool ok;

	if (!sorted)
		return conf_fail(err, conf->path, 1, 1, "out of memory");
	for (i = 0; i < conf->n_templates; i++)
		sorted[i] = &conf->templates[i];
	qsort(sorted, conf->n_templates, sizeof(struct conf_template *), template_cmp);
	ok = apply_sorted(conf, sorted, err);
	free(sorted);
	return ok;
}
