// SPDX-License-Identifier: GPL-2.0
/* Redundant tunnels: entries of several tunnels with `priority` for the same packets. */
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"

static int number_cmp(unsigned int a, unsigned int b)
{
	return (a > b) - (a < b);
}

static int ts_cmp(const struct ts *a, const struct ts *b)
{
	int ret = number_cmp(a->min.family, b->min.family);

	ret = ret ? ret : number_cmp(a->proto, b->proto);
	ret = ret ? ret : addr_cmp(&a->min, &b->min);
	ret = ret ? ret : addr_cmp(&a->max, &b->max);
	ret = ret ? ret : number_cmp(a->port_min, b->port_min);
	return ret ? ret : number_cmp(a->port_max, b->port_max);
}

static int selector_cmp(const struct conf_entry *a, const struct conf_entry *b)
{
	int ret = ts_cmp(&a->src, &b->src);

	return ret ? ret : ts_cmp(&a->dst, &b->dst);
}

/* by selector, then the best tunnel first, then as the module would match them */
static int member_cmp(const void *a, const void *b)
{
	const struct conf_member *x = a, *y = b;
	int ret = selector_cmp(x->e, y->e);

	ret = ret ? ret : number_cmp(x->list->user->priority, y->list->user->priority);
	return ret ? ret : number_cmp(x->order, y->order);
}

/* Collects the protect entries of tunnels with `priority`, sorted. */
static bool members_new(struct conf *conf, unsigned int *n)
{
	unsigned int i, k, order = 0, total = 0;

	for (i = 0; i < conf->n_lists; i++)
		total += conf->lists[i].n;
	conf->members = calloc(total + 1, sizeof(*conf->members));
	conf->groups = calloc(total + 1, sizeof(*conf->groups));
	if (!conf->members || !conf->groups)
		return false;
	for (i = 0, *n = 0; i < conf->n_lists; i++) {
		struct conf_list *list = &conf->lists[i];

		for (k = 0; k < list->n; k++, order++)
			if (list->user && list->user->priority && list->entries[k].action == CONF_PROTECT)
				conf->members[(*n)++] = (struct conf_member){
					list, &list->entries[k], order };
	}
	qsort(conf->members, *n, sizeof(*conf->members), member_cmp);
	return true;
}

static bool add(struct conf_group *g, const struct conf_member *m, struct conf_error *err)
{
	const struct conf_tunnel *t = m->list->user, *before;
	unsigned int i;

	/* a repetition in the same list takes no packet, which warn.c says */
	for (i = 0; i < g->n; i++)
		if (g->members[i].list == m->list)
			return true;
	if (g->n == CONF_GROUP_MAX)
		return conf_fail_at(err, &t->priority_at,
				    "found one more tunnel for the packets of entry %u, expected at most %u",
				    m->e->number, CONF_GROUP_MAX);
	before = g->n ? g->members[g->n - 1].list->user : NULL;
	if (before && before->priority == t->priority)
		return conf_fail_at(err, &t->priority_at,
				    "found priority %u, expected a number of its own: tunnel '%s' of peer '%s' has it for the packets of entry %u, too",
				    t->priority, before->name, before->peer->name, m->e->number);
	/* the group overwrites members that add() has passed: @m is at this place or behind it */
	g->members[g->n++] = *m;
	return true;
}

static void finish(struct conf *conf, struct conf_group *g)
{
	unsigned int i;

	if (g->n < 2)
		return;
	g->first = &g->members[0];
	for (i = 0; i < g->n; i++) {
		g->members[i].e->group = g;
		if (g->members[i].order < g->first->order)
			g->first = &g->members[i];
	}
	conf->n_groups++;
}

/**
 * conf_groups_make() - find the entries of redundant tunnels
 * @conf: the configuration; its lists know their tunnels, and are of one family an entry
 * @err: gets the first error
 *
 * Protect entries of tunnels with `priority` make a group if their selectors are the same. Any
 * other overlap is no group: there the first entry takes the packets.
 *
 * Return: false with the reason in @err
 */
bool conf_groups_make(struct conf *conf, struct conf_error *err)
{
	unsigned int i, k, n;

	if (!members_new(conf, &n))
		return conf_fail(err, conf->path, 1, 1, "out of memory");
	for (i = 0; i < n; i = k) {
		struct conf_group *g = &conf->groups[conf->n_groups];
		const struct conf_entry *e = conf->members[i].e;

		*g = (struct conf_group){ .members = &conf->members[i] };
		for (k = i; k < n && !selector_cmp(e, conf->members[k].e); k++)
			if (!add(g, &conf->members[k], err))
				return false;
		finish(conf, g);
	}
	return true;
}
