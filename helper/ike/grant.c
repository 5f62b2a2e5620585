// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the parts of a tunnel's access list that have no SA. A responder may grant less than the
 * initiator proposes (RFC 7296 2.9). So a tunnel may be up without an SA for all its entries.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/printable.h"
#include "ike/core.h"

#define PIECES_MAX	512	/* parts of one entry that the search compares */
#define SHOWN_MAX	8	/* parts that a message names */

/* a pair of selectors that has an SA */
struct grant {
	const struct kern_sel *sel;
	uint32_t entry;		/* number of the SA's entry, with `child-sa per-entry` */
};

/**
 * struct search - the search for parts of an access list without an SA
 * @grants: pairs of selectors that have an SA
 * @n: number of @grants
 * @left: parts that the search may still compare
 * @missing: gets a text for each part without an SA; NULL: the first one ends the search
 * @entry: number of the current entry
 * @found: a part has no SA
 */
struct search {
	struct grant *grants;
	unsigned int n, left;
	json_t *missing;
	uint32_t entry;
	bool found;
};

static bool sel_contains(const struct kern_sel *outer, const struct kern_sel *inner)
{
	return ts_contains(&outer->src, &inner->src) && ts_contains(&outer->dst, &inner->dst);
}

static bool sel_meets(const struct kern_sel *a, const struct kern_sel *b)
{
	struct ts both;

	return ts_intersect(&a->src, &b->src, &both) && ts_intersect(&a->dst, &b->dst, &both);
}

static unsigned int collect(const struct ike_tunnel *tun, struct grant *out)
{
	const struct ike_child *c;
	const struct ike_sa *sa;
	unsigned int i, n = 0;

	for (sa = tun->peer->sas; sa; sa = sa->peer_next)
		for (c = sa->children; c; c = c->next)
			for (i = 0; c->tun == tun && c->state == IKE_CHILD_UP && i < c->n_sels; i++, n++)
				if (out)
					out[n] = (struct grant){ &c->sels[i], c->entry };
	return n;
}

static bool search_begin(struct search *s, const struct ike_tunnel *tun, json_t *missing)
{
	*s = (struct search){ .missing = missing, .n = collect(tun, NULL) };
	s->grants = calloc(s->n + 1, sizeof(*s->grants));
	if (s->grants)
		collect(tun, s->grants);
	return s->grants;
}

/* Increments (@by 1) or decrements (@by -1) an address. */
static void step(struct addr *a, int by)
{
	size_t i = addr_len(a);

	while (i--) {
		a->a[i] += by;
		if (a->a[i] != (by > 0 ? 0 : 0xff))
			return;
	}
}

/* Moves the part of @ts on one side of @cut to @out. */
static bool split_ts(struct ts *ts, const struct ts *cut, struct ts *out)
{
	*out = *ts;
	if (addr_cmp(&ts->min, &cut->min) < 0) {
		ts->min = out->max = cut->min;
		step(&out->max, -1);
	} else if (addr_cmp(&cut->max, &ts->max) < 0) {
		ts->max = out->min = cut->max;
		step(&out->min, 1);
	} else if (ts->port_min < cut->port_min) {
		ts->port_min = cut->port_min;
		out->port_max = cut->port_min - 1;
	} else if (cut->port_max < ts->port_max) {
		ts->port_max = cut->port_max;
		out->port_min = cut->port_max + 1;
	} else {
		return false;
	}
	return true;
}

/*
 * Moves a part of @piece outside of @cut to @out. Returns false if only the protocols differ: no
 * selector describes all protocols but one.
 */
static bool split(struct kern_sel *piece, const struct kern_sel *cut, struct kern_sel *out)
{
	*out = *piece;
	return split_ts(&piece->src, &cut->src, &out->src) ||
	       split_ts(&piece->dst, &cut->dst, &out->dst);
}

static void found(struct search *s, const struct kern_sel *piece)
{
	char src[TS_STRLEN], dst[TS_STRLEN], text[2 * TS_STRLEN + 40];

	s->found = true;
	if (!s->missing || json_array_size(s->missing) >= SHOWN_MAX)
		return;
	snprintf(text, sizeof(text), "entry %u: %s === %s", s->entry,
		 ts_str(&piece->src, src, sizeof(src)), ts_str(&piece->dst, dst, sizeof(dst)));
	json_array_append_new(s->missing, json_string(text));
}

static void look(struct search *s, struct kern_sel piece)
{
	const struct kern_sel *g;
	struct kern_sel part;
	unsigned int i;

	for (i = 0; i < s->n && !(s->found && !s->missing); i++) {
		g = s->grants[i].sel;
		if (sel_contains(g, &piece))
			return;
		if (!sel_meets(g, &piece))
			continue;
		if (!s->left)
			break;
		while (s->left && split(&piece, g, &part)) {
			s->left--;
			look(s, part);
		}
		if (sel_contains(g, &piece))
			return;
	}
	found(s, &piece);
}

/* In transport mode and for clients, SAs need not cover the list, so the search skips them. */
static bool is_judged(const struct ike_tunnel *tun)
{
	return tun->n_up && tun->conf->mode != CONF_MODE_TRANSPORT && !ike_has_clients(tun->peer) &&
	       !ike_orphans_of(tun) && !conf_tunnel_is_bundle(tun->conf);
}

/* With a CHILD SA for each entry, checks whether an entry has one. An idle entry has none. */
static bool is_asked_for(const struct search *s, const struct ike_tunnel *tun, uint32_t entry)
{
	unsigned int i;

	for (i = 0; ike_tunnel_per_entry(tun) && i < s->n; i++)
		if (s->grants[i].entry == entry)
			return true;
	return !ike_tunnel_per_entry(tun);
}

static bool look_at_all(const struct ike_tunnel *tun, json_t *missing)
{
	const struct conf_list *list = tun->conf->list;
	struct search s;
	unsigned int i;

	/* without memory, the function reports no missing part */
	if (!is_judged(tun) || !search_begin(&s, tun, missing))
		return false;
	for (i = 0; i < list->n && !(s.found && !missing); i++) {
		if (list->entries[i].action != CONF_PROTECT ||
		    !is_asked_for(&s, tun, list->entries[i].number))
			continue;
		s.entry = list->entries[i].number;
		s.left = PIECES_MAX;
		look(&s, (struct kern_sel){ .src = list->entries[i].src,
					    .dst = list->entries[i].dst });
	}
	free(s.grants);
	return s.found;
}

/**
 * ike_grant_missing - finds the parts of a tunnel's access list without an SA
 * @tun: the tunnel
 *
 * Return: an array of at most 8 texts, a new reference; empty while the tunnel is down
 */
json_t *ike_grant_missing(const struct ike_tunnel *tun)
{
	json_t *missing = json_array();

	look_at_all(tun, missing);
	return missing;
}

/* Appends the granted selectors as "A === B, C === D". */
static size_t put_granted(const struct ike_tunnel *tun, char *out, size_t len, size_t at)
{
	char src[TS_STRLEN], dst[TS_STRLEN];
	struct search s;
	unsigned int i;

	if (!search_begin(&s, tun, NULL))
		return at;
	for (i = 0; i < s.n && i < SHOWN_MAX && at < len; i++)
		at += snprintf(out + at, len - at, "%s %s === %s", i ? "," : "",
			       ts_str(&s.grants[i].sel->src, src, sizeof(src)),
			       ts_str(&s.grants[i].sel->dst, dst, sizeof(dst)));
	free(s.grants);
	return at;
}

/**
 * ike_grant_str - prints the granted selectors, and the parts without an SA, in one line
 * @tun: a tunnel that is up
 * @out: gets the line
 * @len: size of @out
 *
 * Return: @out, empty if the whole access list has SAs
 */
const char *ike_grant_str(const struct ike_tunnel *tun, char *out, size_t len)
{
	json_t *missing = ike_grant_missing(tun), *one;
	size_t at, k;

	*out = '\0';
	if (json_array_size(missing)) {
		at = snprintf(out, len, "the peer granted only a part of access-list %s:",
			      tun->conf->list->name);
		at = put_granted(tun, out, len, at);
		json_array_foreach(missing, k, one)
			if (at < len)
				at += snprintf(out + at, len - at, "%s %s", k ? "," : "; no SA for",
					       json_string_value(one));
	}
	json_decref(missing);
	return out;
}
