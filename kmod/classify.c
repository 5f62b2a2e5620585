// SPDX-License-Identifier: GPL-2.0
/*
 * The compiled access lists. Entries are cut into blocks of BLOCK_ENTRIES; in each,
 * every dimension (addresses and ports) has a sorted table of the points where the
 * set of matching entries changes, with that set as a bitmap. A look-up is a binary
 * search in each dimension and the AND of their bitmaps, 64 entries a word; only the
 * survivors, in order, are compared in full. A dimension in which no entry of the
 * block is choosy costs nothing. Cost grows with log(entries) within a block, and
 * beyond with the number of blocks, not with the length of the list. Memory for a
 * block is at most 4 tables of 2 * BLOCK_ENTRIES + 1 bitmaps of BLOCK_ENTRIES bits.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "policy.h"

#define BLOCK_ENTRIES	1024
#define WALK_ENTRIES	4

/* one dimension: @sets[i] holds for numbers from @from[i] to @from[i + 1] - 1 */
struct dimension {
	unsigned int	n;
	unsigned int	words;		/* of one set */
	struct nfipsec_num *from;
	unsigned long	*sets;
};

enum { SADDR, DADDR, SPORT, DPORT, N_DIMENSIONS };

struct block {
	const struct nfipsec_entry	*entries;
	unsigned int			n;
	struct dimension		dims[N_DIMENSIONS];
};

/* immutable once built */
struct nfipsec_classifier {
	unsigned int	n;
	struct block	blocks[];
};

static int compare_nums(const void *a, const void *b)
{
	const struct nfipsec_num *x = a, *y = b;

	return !nfipsec_num_le(*y, *x) ? -1 : !nfipsec_num_le(*x, *y);
}

static struct nfipsec_num port_num(u16 port)
{
	return (struct nfipsec_num){ 0, port };
}

static void range_of(const struct nfipsec_sel *sel, unsigned int which, struct nfipsec_num *min,
		     struct nfipsec_num *max)
{
	switch (which) {
	case SADDR:
		*min = sel->saddr_min;
		*max = sel->saddr_max;
		break;
	case DADDR:
		*min = sel->daddr_min;
		*max = sel->daddr_max;
		break;
	case SPORT:
		*min = port_num(sel->sport_min);
		*max = port_num(sel->sport_max);
		break;
	case DPORT:
		*min = port_num(sel->dport_min);
		*max = port_num(sel->dport_max);
		break;
	}
}

/* the next number, false behind the last */
static bool next_value(unsigned int which, struct nfipsec_num *num)
{
	bool port = which == SPORT || which == DPORT;

	if (port && num->low == U16_MAX)
		return false;
	if (!++num->low && !++num->high)
		return false;
	return true;
}

static void dimension_free(struct dimension *d)
{
	kvfree(d->from);
	kvfree(d->sets);
}

/* the last i with from[i] <= @value; from[0] is 0 */
static unsigned int dimension_at(const struct dimension *d, struct nfipsec_num value)
{
	unsigned int low = 0, high = d->n;	/* from[low] <= value < from[high] */

	while (high - low > 1) {
		unsigned int mid = (low + high) / 2;

		if (nfipsec_num_le(d->from[mid], value))
			low = mid;
		else
			high = mid;
	}
	return low;
}

static const unsigned long *dimension_find(const struct dimension *d, struct nfipsec_num value)
{
	return d->sets + (size_t)dimension_at(d, value) * d->words;
}

static int dimension_build(struct dimension *d, const struct block *b, unsigned int which)
{
	unsigned int i, k, unique = 0;
	struct nfipsec_num min, max;

	d->words = BITS_TO_LONGS(b->n);
	d->from = kvmalloc_array(2 * b->n + 1, sizeof(*d->from), GFP_KERNEL_ACCOUNT);
	if (!d->from)
		return -ENOMEM;
	d->from[0] = (struct nfipsec_num){};
	d->n = 1;
	for (i = 0; i < b->n; i++) {
		range_of(&b->entries[i].sel, which, &min, &max);
		d->from[d->n++] = min;
		if (next_value(which, &max))
			d->from[d->n++] = max;
	}
	sort(d->from, d->n, sizeof(*d->from), compare_nums, NULL);
	for (i = 1; i < d->n; i++)
		if (compare_nums(&d->from[i], &d->from[unique]))
			d->from[++unique] = d->from[i];
	d->n = unique + 1;

	d->sets = kvcalloc((size_t)d->n * d->words, sizeof(*d->sets), GFP_KERNEL_ACCOUNT);
	if (!d->sets)
		return -ENOMEM;
	for (i = 0; i < b->n; i++) {
		range_of(&b->entries[i].sel, which, &min, &max);
		for (k = dimension_at(d, min); k < d->n && nfipsec_num_le(d->from[k], max); k++)
			__set_bit(i, d->sets + (size_t)k * d->words);
	}
	return 0;
}

static int block_build(struct block *b)
{
	unsigned int which;
	int err = 0;

	for (which = 0; which < N_DIMENSIONS && !err; which++) {
		err = dimension_build(&b->dims[which], b, which);
		cond_resched();
	}
	return err;
}

/**
 * nfipsec_classifier_build - compile a list of entries
 * @entries: in order of match; must outlive the classifier
 * @n: how many, may be 0
 *
 * Sleeps.
 *
 * Return: NULL for no memory.
 */
struct nfipsec_classifier *nfipsec_classifier_build(const struct nfipsec_entry *entries,
						    unsigned int n)
{
	unsigned int blocks = DIV_ROUND_UP(n, BLOCK_ENTRIES), i;
	struct nfipsec_classifier *c;

	c = kvzalloc(struct_size(c, blocks, blocks), GFP_KERNEL_ACCOUNT);
	if (!c)
		return NULL;
	for (i = 0; i < blocks; i++) {
		struct block *b = &c->blocks[c->n++];

		b->entries = entries + i * BLOCK_ENTRIES;
		b->n = min_t(unsigned int, n - i * BLOCK_ENTRIES, BLOCK_ENTRIES);
		if (block_build(b)) {
			nfipsec_classifier_free(c);
			return NULL;
		}
	}
	return c;
}

void nfipsec_classifier_free(struct nfipsec_classifier *c)
{
	unsigned int i, which;

	if (!c)
		return;
	for (i = 0; i < c->n; i++)
		for (which = 0; which < N_DIMENSIONS; which++)
			dimension_free(&c->blocks[i].dims[which]);
	kvfree(c);
}

/*
 * A fragment has no ports to compare (RFC 4301 7). It must not slip through an
 * entry made for some port, so a bypass entry with ports never takes it, while
 * protect and discard entries take it by addresses and protocol alone.
 */
static bool entry_match(const struct nfipsec_entry *e, const struct nfipsec_pkt *pkt)
{
	if (likely(!pkt->h.fragment) || e->action == NFIPSEC_ACTION_BYPASS)
		return nfipsec_sel_match(&e->sel, pkt);
	return (!e->sel.proto || e->sel.proto == pkt->h.proto || pkt->h.opaque) &&
	       nfipsec_sel_match_addrs(&e->sel, pkt);
}

/* so short that to walk it is quicker than to search */
static const struct nfipsec_entry *block_walk(const struct block *b, const struct nfipsec_pkt *pkt)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		if (entry_match(&b->entries[i], pkt))
			return &b->entries[i];
	return NULL;
}

/* the first entry of a block that matches */
static const struct nfipsec_entry *block_find(const struct block *b, const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_num keys[N_DIMENSIONS] = {
		[SADDR] = nfipsec_addr_num(pkt->family, &pkt->saddr),
		[DADDR] = nfipsec_addr_num(pkt->family, &pkt->daddr),
		[SPORT] = port_num(ntohs(pkt->sport)),
		[DPORT] = port_num(ntohs(pkt->dport)),
	};
	const unsigned long *sets[N_DIMENSIONS];
	unsigned int n = 0, which, w, k;

	for (which = 0; which < (pkt->ports ? N_DIMENSIONS : SPORT); which++)
		if (b->dims[which].n > 1)
			sets[n++] = dimension_find(&b->dims[which], keys[which]);
	for (w = 0; w < BITS_TO_LONGS(b->n); w++) {
		unsigned long left = ~0UL;

		if (w == BITS_TO_LONGS(b->n) - 1)
			left = BITMAP_LAST_WORD_MASK(b->n);
		for (k = 0; k < n; k++)
			left &= sets[k][w];
		for (; left; left &= left - 1) {
			const struct nfipsec_entry *e;

			e = &b->entries[w * BITS_PER_LONG + __ffs(left)];
			if (entry_match(e, pkt))
				return e;
		}
	}
	return NULL;
}

/**
 * nfipsec_classify - the first entry that matches
 * @policy: the snapshot
 * @pkt: the packet, as outbound packets look
 *
 * Return: NULL when none does. RCU read side.
 */
const struct nfipsec_entry *nfipsec_classify(const struct nfipsec_policy *policy,
					     const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_classifier *c = policy->index;
	const struct nfipsec_entry *e = NULL;
	unsigned int i;

	if (c->n == 1 && c->blocks[0].n <= WALK_ENTRIES)
		return block_walk(&c->blocks[0], pkt);
	for (i = 0; i < c->n && !e; i++)
		e = block_find(&c->blocks[i], pkt);
	return e;
}

/**
 * nfipsec_classify_tunnel - the entry of a tunnel that protects a packet
 * @policy: the snapshot
 * @tunnel: the tunnel
 * @pkt: the packet, as outbound packets look
 *
 * The first entry that matches decides. A fragment may be of a packet that passed by an
 * earlier entry with other ports, which fragments have not (RFC 4301 7): any entry of the
 * tunnel that takes the fragment will do. RCU read side.
 *
 * Return: the entry, perhaps a standby, or NULL if no entry of @tunnel takes the packet.
 */
const struct nfipsec_entry *nfipsec_classify_tunnel(const struct nfipsec_policy *policy,
						    const struct nfipsec_tunnel *tunnel,
						    const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_entry *e = nfipsec_classify(policy, pkt);
	unsigned int i;

	if (e)
		e = nfipsec_entry_of(e, tunnel);
	if (e)
		return e;
	for (i = 0; pkt->h.fragment && i < policy->n_entries; i++)
		if (policy->entries[i].tunnel == tunnel && entry_match(&policy->entries[i], pkt))
			return &policy->entries[i];
	return NULL;
}
