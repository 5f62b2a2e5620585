// SPDX-License-Identifier: GPL-2.0
/*
 * The compiled access lists. Entries are cut into blocks of BLOCK_ENTRIES; in each,
 * source and destination addresses have a sorted table of the points where the
 * set of matching entries changes, with that set as a bitmap. A look-up is two
 * binary searches and the AND of two bitmaps for each block; only the survivors,
 * in order, have protocol and ports compared. Cost grows with log(entries) within
 * a block and with entries / BLOCK_ENTRIES beyond, not with the length of the list.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "policy.h"

#define BLOCK_ENTRIES	1024

/* one dimension: @sets[i] holds for addresses from @from[i] to @from[i + 1] - 1 */
struct dimension {
	unsigned int	n;
	unsigned int	words;		/* of one set */
	u32		*from;
	unsigned long	*sets;
};

struct block {
	const struct nfipsec_entry	*entries;
	unsigned int			n;
	struct dimension		src, dst;
};

/* immutable once built */
struct nfipsec_classifier {
	unsigned int	n;
	struct block	blocks[];
};

static int compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

static void range_of(const struct nfipsec_sel *sel, bool dst, u32 *min, u32 *max)
{
	*min = dst ? sel->daddr_min : sel->saddr_min;
	*max = dst ? sel->daddr_max : sel->saddr_max;
}

static void dimension_free(struct dimension *d)
{
	kvfree(d->from);
	kvfree(d->sets);
}

static int dimension_build(struct dimension *d, const struct block *b, bool dst)
{
	unsigned int i, k, unique = 0;
	u32 min, max;

	d->words = BITS_TO_LONGS(b->n);
	d->from = kvmalloc_array(2 * b->n + 1, sizeof(*d->from), GFP_KERNEL);
	if (!d->from)
		return -ENOMEM;
	d->from[0] = 0;
	d->n = 1;
	for (i = 0; i < b->n; i++) {
		range_of(&b->entries[i].sel, dst, &min, &max);
		d->from[d->n++] = min;
		if (max != U32_MAX)
			d->from[d->n++] = max + 1;
	}
	sort(d->from, d->n, sizeof(*d->from), compare_u32, NULL);
	for (i = 1; i < d->n; i++)
		if (d->from[i] != d->from[unique])
			d->from[++unique] = d->from[i];
	d->n = unique + 1;

	d->sets = kvcalloc((size_t)d->n * d->words, sizeof(*d->sets), GFP_KERNEL);
	if (!d->sets)
		return -ENOMEM;
	for (i = 0; i < b->n; i++) {
		range_of(&b->entries[i].sel, dst, &min, &max);
		for (k = 0; k < d->n; k++)
			if (d->from[k] >= min && d->from[k] <= max)
				__set_bit(i, d->sets + (size_t)k * d->words);
	}
	return 0;
}

static const unsigned long *dimension_find(const struct dimension *d, u32 addr)
{
	unsigned int low = 0, high = d->n;	/* from[low] <= addr < from[high] */

	while (high - low > 1) {
		unsigned int mid = (low + high) / 2;

		if (d->from[mid] <= addr)
			low = mid;
		else
			high = mid;
	}
	return d->sets + (size_t)low * d->words;
}

/**
 * nfipsec_classifier_build - compile a list of entries
 * @entries: in order of match; must outlive the classifier
 * @n: how many, may be 0
 *
 * Sleeps. Return: NULL for no memory.
 */
struct nfipsec_classifier *nfipsec_classifier_build(const struct nfipsec_entry *entries,
						    unsigned int n)
{
	unsigned int blocks = DIV_ROUND_UP(n, BLOCK_ENTRIES), i;
	struct nfipsec_classifier *c;

	c = kvzalloc(struct_size(c, blocks, blocks), GFP_KERNEL);
	if (!c)
		return NULL;
	for (i = 0; i < blocks; i++) {
		struct block *b = &c->blocks[c->n++];

		b->entries = entries + i * BLOCK_ENTRIES;
		b->n = min_t(unsigned int, n - i * BLOCK_ENTRIES, BLOCK_ENTRIES);
		if (dimension_build(&b->src, b, false) || dimension_build(&b->dst, b, true)) {
			nfipsec_classifier_free(c);
			return NULL;
		}
		cond_resched();
	}
	return c;
}

void nfipsec_classifier_free(struct nfipsec_classifier *c)
{
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < c->n; i++) {
		dimension_free(&c->blocks[i].src);
		dimension_free(&c->blocks[i].dst);
	}
	kvfree(c);
}

/*
 * A fragment has no ports to compare (RFC 4301 7). It must not slip through an
 * entry made for some port, so a bypass entry with ports never takes it, while
 * protect and discard entries take it by addresses and protocol alone.
 */
static bool entry_match(const struct nfipsec_entry *e, const struct nfipsec_pkt *pkt)
{
	if (likely(!pkt->fragment))
		return nfipsec_sel_match(&e->sel, pkt);
	if (e->action == NFIPSEC_ACTION_BYPASS)
		return nfipsec_sel_match(&e->sel, pkt);
	return !e->sel.proto || e->sel.proto == pkt->proto;
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
	u32 saddr = ntohl(pkt->saddr.ip), daddr = ntohl(pkt->daddr.ip);
	const struct nfipsec_classifier *c = policy->index;
	unsigned int i, w;

	if (pkt->family != AF_INET)
		return NULL;
	for (i = 0; i < c->n; i++) {
		const struct block *b = &c->blocks[i];
		const unsigned long *src = dimension_find(&b->src, saddr);
		const unsigned long *dst = dimension_find(&b->dst, daddr);

		for (w = 0; w < b->src.words; w++) {
			unsigned long both = src[w] & dst[w];

			while (both) {
				unsigned int at = w * BITS_PER_LONG + __ffs(both);

				if (entry_match(&b->entries[at], pkt))
					return &b->entries[at];
				both &= both - 1;
			}
		}
	}
	return NULL;
}
