// SPDX-License-Identifier: GPL-2.0
/* Warnings about entries that are valid, and that the administrator hardly meant. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "conf/warn.h"
#include "core/trusted.h"

#define PAIRS_MAX	(50u << 20)	/* comparisons of entries: a list of 10,000, in a second */

struct warner {
	const struct conf *conf;
	const struct conf_host *host;
	conf_warn_t warn;
	void *arg;
};

/* an entry with its list, in the order of match */
struct place {
	const struct conf_list *list;
	const struct conf_entry *e;
};

__attribute__((format(printf, 3, 4)))
static void say(const struct warner *w, const struct conf_place *at, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n = snprintf(text, sizeof(text), "%s:%u:%u: warning: ", at->file, at->line, at->column);

	if (n < 0 || (size_t)n >= sizeof(text))
		return;
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	w->warn(text, w->arg);
}

static bool entry_in(const struct conf_entry *in, const struct conf_entry *out)
{
	return ts_contains(&out->src, &in->src) && ts_contains(&out->dst, &in->dst);
}

static bool addr_in(const struct addr *a, const struct ts *ts)
{
	return a->family == ts->min.family && addr_cmp(&ts->min, a) <= 0 && addr_cmp(a, &ts->max) <= 0;
}

static bool overlap(const struct ts *a, const struct ts *b)
{
	return a->min.family == b->min.family && addr_cmp(&a->min, &b->max) <= 0 &&
	       addr_cmp(&b->min, &a->max) <= 0;
}

/* the whole family, as `any` is */
static bool is_any(const struct ts *ts)
{
	struct addr zero = { .family = ts->min.family };
	struct ts all;

	ts_from_prefix(&zero, 0, &all);
	return addr_equal(&all.min, &ts->min) && addr_equal(&all.max, &ts->max);
}

/* ---- entries that an earlier one hides ---- */

static struct place *places_new(const struct conf *conf, unsigned int *n)
{
	struct place *places;
	unsigned int i, k;

	for (i = 0, *n = 0; i < conf->n_lists; i++)
		*n += conf->lists[i].n;
	places = calloc(*n + 1, sizeof(*places));
	for (i = 0, *n = 0; places && i < conf->n_lists; i++)
		for (k = 0; k < conf->lists[i].n; k++)
			places[(*n)++] = (struct place){ &conf->lists[i], &conf->lists[i].entries[k] };
	return places;
}

static void hidden(const struct warner *w, const struct place *p, const struct place *by)
{
	bool other_file = by->e->at.file != p->e->at.file;

	if (p->list != by->list && p->e->action == CONF_PROTECT && by->e->action == CONF_PROTECT &&
	    entry_in(by->e, p->e))
		say(w, &p->e->at, "entry %u takes no packet, because entry %u of access-list %s on line %u%s%s is for the same packets; expected 'priority' in both tunnels, or one of the entries alone",
		    p->e->number, by->e->number, by->list->name, by->e->at.line,
		    other_file ? " of " : "", other_file ? by->e->at.file : "");
	else if (p->list == by->list)
		say(w, &p->e->at, "entry %u takes no packet, because entry %u on line %u takes all of its packets; expected a number below %u",
		    p->e->number, by->e->number, by->e->at.line, by->e->number);
	else
		say(w, &p->e->at, "entry %u takes no packet, because entry %u of access-list %s on line %u%s%s takes all of its packets; expected access-list %s before that list",
		    p->e->number, by->e->number, by->list->name, by->e->at.line,
		    other_file ? " of " : "", other_file ? by->e->at.file : "", p->list->name);
}

static void warn_hidden(const struct warner *w, const struct place *places, unsigned int n)
{
	unsigned long long pairs = 0;
	unsigned int i, k;

	for (i = 0; i < n && pairs < PAIRS_MAX; i++) {
		/* a line from any to any is two entries */
		if (i && places[i].list == places[i - 1].list &&
		    places[i].e->at.line == places[i - 1].e->at.line &&
		    places[i].e->at.column == places[i - 1].e->at.column)
			continue;
		/* redundant tunnels: the group is where its first member is */
		if (places[i].e->group && places[i].e->group->first->e != places[i].e)
			continue;
		for (k = 0; k < i && !entry_in(places[i].e, places[k].e); k++)
			;
		pairs += k;
		if (k < i)
			hidden(w, &places[i], &places[k]);
	}
}

static bool has_group(const struct conf_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->entries[i].group)
			return true;
	return false;
}

/* a tunnel with `priority` that has no other one beside it, perhaps by a slip in an address */
static void warn_alone(const struct warner *w)
{
	unsigned int i;

	for (i = 0; i < w->conf->n_lists; i++) {
		const struct conf_tunnel *t = w->conf->lists[i].user;

		if (t && t->priority && !has_group(t->list))
			say(w, &t->priority_at, "priority %u has no effect, because no other tunnel with priority has a protect entry of access-list %s; expected the same entry in both lists",
			    t->priority, t->list->name);
	}
}

/* ---- entries and the addresses of this host ---- */

static void network_of(const struct addr_own *a, struct ts *ts)
{
	struct addr base = a->addr;
	unsigned int bit;

	for (bit = a->prefix_len; bit < 8 * addr_len(&base); bit++)
		base.a[bit / 8] &= ~(0x80 >> (bit % 8));
	ts_from_prefix(&base, a->prefix_len, ts);
}

static const struct addr_own *own_in(const struct warner *w, const struct ts *ts)
{
	unsigned int i;

	for (i = 0; i < w->host->n_addrs; i++)
		if (addr_in(&w->host->addrs[i].addr, ts))
			return &w->host->addrs[i];
	return NULL;
}

static bool is_transport(const struct place *p)
{
	return p->list->user && p->list->user->mode == CONF_MODE_TRANSPORT;
}

/* true: the host's own network is where the peer's is expected */
static bool warn_exchanged(const struct warner *w, const struct place *p)
{
	const struct addr_own *own = own_in(w, &p->e->dst);
	char to[TS_STRLEN], from[TS_STRLEN], addr[ADDR_STRLEN];
	struct ts src = p->e->src, dst = p->e->dst;

	if (!own || is_any(&p->e->dst) || own_in(w, &p->e->src))
		return false;
	src.proto = dst.proto = 0;
	ts_str(&src, from, sizeof(from));
	ts_str(&dst, to, sizeof(to));
	say(w, &p->e->at, "entry %u: found to %s, where this host itself is (%s on %s); expected the ends exchanged: from %s to %s",
	    p->e->number, to, addr_str(&own->addr, addr, sizeof(addr)), own->dev, to, from);
	return true;
}

/* is what this host and its own network send to each other taken before that entry? */
static bool let_pass(const struct place *places, unsigned int i, const struct addr_own *own,
		     const struct ts *net)
{
	struct conf_entry local = { 0 };
	unsigned int k;

	ts_from_prefix(&own->addr, 8 * addr_len(&own->addr), &local.src);
	local.dst = *net;
	for (k = 0; k < i; k++)
		if (places[k].e->action != CONF_PROTECT && entry_in(&local, places[k].e))
			return true;
	return false;
}

/* from 10.1.0.0/16 to any: the answers of the gateway to its own LAN go into the tunnel, too */
static void warn_cut_off(const struct warner *w, const struct place *places, unsigned int i)
{
	const struct conf_entry *e = places[i].e;
	char addr[ADDR_STRLEN], net[TS_STRLEN];
	struct ts ts;
	unsigned int k;

	for (k = 0; k < w->host->n_addrs; k++) {
		const struct addr_own *own = &w->host->addrs[k];

		network_of(own, &ts);
		if (own->prefix_len >= 8 * addr_len(&own->addr) || !addr_in(&own->addr, &e->src) ||
		    !overlap(&ts, &e->dst) || let_pass(places, i, own, &ts))
			continue;
		ts_str(&ts, net, sizeof(net));
		say(w, &e->at, "entry %u also takes what this host's %s sends to its own network %s on %s; expected an earlier entry: bypass ip from %s to %s",
		    e->number, addr_str(&own->addr, addr, sizeof(addr)), net, own->dev, net, net);
		return;
	}
}

/* ---- routes ---- */

/* Is the source of the routes in no entry? Without an entry of its family the routes have none. */
static bool source_is_outside(const struct conf_tunnel *t)
{
	const struct addr *source = &t->route.source;
	unsigned int i;

	for (i = 0; i < t->list->n; i++)
		if (t->list->entries[i].action == CONF_PROTECT &&
		    addr_in(source, &t->list->entries[i].src))
			return false;
	return source->family;
}

/* The list of addresses has no loop-back ones, which are good sources as well. */
static bool is_own(const struct warner *w, const struct addr *a)
{
	unsigned int i;

	for (i = 0; i < w->host->n_addrs; i++)
		if (addr_equal(&w->host->addrs[i].addr, a))
			return true;
	return !w->host->n_addrs || w->host->is_local(a);
}

static const struct conf_entry *not_strict(const struct conf_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->entries[i].action == CONF_PROTECT && !list->entries[i].strict)
			return &list->entries[i];
	return NULL;
}

static void warn_route(const struct warner *w, const struct conf_tunnel *t)
{
	const struct conf_entry *open = not_strict(t->list);
	char source[ADDR_STRLEN];

	addr_str(&t->route.source, source, sizeof(source));
	if (source_is_outside(t))
		say(w, &t->route.at, "found source %s, which is in no protect entry of access-list %s; expected an address of one, because the tunnel takes no packet from %s",
		    source, t->list->name, source);
	else if (t->route.source.family && !is_own(w, &t->route.source))
		say(w, &t->route.at, "found source %s, expected an address of this host: without it there is no route",
		    source);
	if (open)
		say(w, &open->at, "entry %u: expected 'strict', because of route yes in tunnel %s: while there is no route, this host sends from another address, in clear",
		    open->number, t->name);
}

static void warn_routes(const struct warner *w)
{
	const struct conf *conf = w->conf;
	unsigned int i, k;

	for (i = 0; i < conf->n_peers; i++)
		for (k = 0; k < conf->peers[i].n_tunnels; k++)
			if (conf->peers[i].tunnels[k].route.on)
				warn_route(w, &conf->peers[i].tunnels[k]);
}

/* ---- the route of IKE ---- */

static const char *mark_str(uint32_t mark, char *out, size_t len)
{
	snprintf(out, len, mark ? "mark %u" : "no mark", mark);
	return out;
}

static void warn_egress(const struct warner *w, const struct conf_peer *p)
{
	const struct conf_tunnel *first = &p->tunnels[0], *t;
	char mark[16];

	for (t = first + 1; t < first + p->n_tunnels; t++)
		if (t->mark && t->mark != first->mark)
			say(w, &t->mark_at, "found mark %u, expected a tunnel in a peer block of its own: IKE of peer %s follows its first tunnel, %s, with %s",
			    t->mark, p->name, first->name, mark_str(first->mark, mark, sizeof(mark)));
}

/* ---- updown ---- */

static void warn_updown(const struct warner *w, const struct conf_tunnel *t)
{
	char err[600] = "it is no executable file";
	struct stat st;

	if (stat(t->updown, &st))
		snprintf(err, sizeof(err), "%s", strerror(errno));
	else if (S_ISREG(st.st_mode) && st.st_mode & 0111 && trusted_command(t->updown, err, sizeof(err)))
		return;
	say(w, &t->updown_at, "updown %s would not be run: %s; expected an executable file that only root can change",
	    t->updown, err);
}

static void warn_updowns(const struct warner *w)
{
	const struct conf *conf = w->conf;
	unsigned int i, k;

	for (i = 0; i < conf->n_peers; i++)
		for (k = 0; k < conf->peers[i].n_tunnels; k++)
			if (*conf->peers[i].tunnels[k].updown)
				warn_updown(w, &conf->peers[i].tunnels[k]);
}

/* ---- the provider of keys on tokens ---- */

static void warn_provider(const struct warner *w)
{
	const struct conf_file *p = &w->conf->provider;
	char err[600] = "it is no regular file";
	struct stat st;

	if (!p->name)
		return;
	if (stat(p->name, &st))
		snprintf(err, sizeof(err), "%s", strerror(errno));
	else if (S_ISREG(st.st_mode) && trusted_command(p->name, err, sizeof(err)))
		return;
	say(w, &p->at, "pkcs11-provider %s would not be loaded: %s; expected a shared object that only root can change",
	    p->name, err);
}

/* ---- secrets ---- */

/* Warns of doubtful lines of the secrets file. No warning contains a secret. */
static void warn_secrets(const struct warner *w)
{
	unsigned int i;

	for (i = 0; i < w->conf->n_secrets; i++) {
		const struct conf_secret *s = &w->conf->secrets[i];

		if (s->quoted_octets)
			say(w, &s->at, "the secret for %s and %s is a text that begins with 0x or 0s, because it stands in quotes; expected no quotes around hexadecimal or base64",
			    s->local_id, s->remote_id);
		if (s->same)
			say(w, &s->at, "the secret for %s and %s is never used, because line %u has the same identities; expected one line for a pair",
			    s->local_id, s->remote_id, s->same->at.line);
	}
}

/**
 * conf_warn() - look for entries that the administrator hardly meant
 * @conf: the configuration
 * @host: this host, as far as the caller knows it
 * @warn: gets each warning
 * @arg: argument of @warn
 *
 * An entry that several earlier ones hide together is not found, and of very long lists not all.
 */
void conf_warn(const struct conf *conf, const struct conf_host *host, conf_warn_t warn, void *arg)
{
	struct warner w = { conf, host, warn, arg };
	unsigned int i, n;
	struct place *places = places_new(conf, &n);

	warn_secrets(&w);
	warn_routes(&w);
	for (i = 0; i < conf->n_peers; i++)
		warn_egress(&w, &conf->peers[i]);
	warn_updowns(&w);
	warn_provider(&w);
	if (!places)
		return;
	warn_hidden(&w, places, n);
	warn_alone(&w);
	for (i = 0; i < n; i++)
		if (places[i].e->action == CONF_PROTECT && !is_transport(&places[i]) &&
		    !warn_exchanged(&w, &places[i]))
			warn_cut_off(&w, places, i);
	free(places);
}
