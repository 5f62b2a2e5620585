// SPDX-License-Identifier: GPL-2.0
/*
 * A treap: a search tree by the first address and a heap by a random weight. Its depth is that of a
 * balanced tree, whatever addresses the peers choose. Each span knows the highest address below it.
 */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "ike/span.h"

static int order(const struct ike_span *a, const struct ike_span *b)
{
	int c = addr_cmp(&a->min, &b->min);

	return c ? c : (uintptr_t)a < (uintptr_t)b ? -1 : a != b;
}

static void raise_top(struct ike_span *s, const struct ike_span *below)
{
	if (below && addr_cmp(&below->top, &s->top) > 0)
		s->top = below->top;
}

static struct ike_span *update(struct ike_span *s)
{
	s->top = s->max;
	raise_top(s, s->left);
	raise_top(s, s->right);
	return s;
}

static void split(struct ike_span *tree, const struct ike_span *at, struct ike_span **before,
		  struct ike_span **behind)
{
	if (!tree) {
		*before = *behind = NULL;
	} else if (order(tree, at) < 0) {
		split(tree->right, at, &tree->right, behind);
		*before = update(tree);
	} else {
		split(tree->left, at, before, &tree->left);
		*behind = update(tree);
	}
}

static struct ike_span *merge(struct ike_span *before, struct ike_span *behind)
{
	if (!before || !behind)
		return before ? before : behind;
	if (before->weight > behind->weight) {
		before->right = merge(before->right, behind);
		return update(before);
	}
	behind->left = merge(before, behind->left);
	return update(behind);
}

static struct ike_span *insert(struct ike_span *tree, struct ike_span *s)
{
	if (!tree || s->weight > tree->weight) {
		split(tree, s, &s->left, &s->right);
		return update(s);
	}
	if (order(s, tree) < 0)
		tree->left = insert(tree->left, s);
	else
		tree->right = insert(tree->right, s);
	return update(tree);
}

static struct ike_span *take_out(struct ike_span *tree, struct ike_span *s)
{
	int c = order(s, tree);

	if (!c)
		return merge(tree->left, tree->right);
	if (c < 0)
		tree->left = take_out(tree->left, s);
	else
		tree->right = take_out(tree->right, s);
	return update(tree);
}

/**
 * ike_spans_drop() - takes spans out of a tree
 * @root: the tree
 * @spans: spans in it or in none
 */
void ike_spans_drop(struct ike_span **root, struct ike_span spans[IKE_SPANS])
{
	unsigned int i;

	for (i = 0; i < IKE_SPANS; i++) {
		if (spans[i].min.family)
			*root = take_out(*root, &spans[i]);
		spans[i].min.family = 0;
	}
}

/**
 * ike_spans_put() - puts the peer's addresses of some selectors into a tree
 * @root: the tree
 * @spans: gets them; @child or @sa is set; those that were in the tree leave it
 * @sels: selectors, as outbound packets look
 * @n: number of @sels
 *
 * A caller finds the span of a family, not each selector, and checks the selectors itself. So it
 * takes no memory and cannot fail.
 */
void ike_spans_put(struct ike_span **root, struct ike_span spans[IKE_SPANS],
		   const struct kern_sel *sels, unsigned int n)
{
	struct ike_span *s;
	unsigned int i;

	ike_spans_drop(root, spans);
	for (i = 0; i < n; i++) {
		s = &spans[sels[i].dst.min.family == AF_INET6];
		if (!s->min.family || addr_cmp(&sels[i].dst.min, &s->min) < 0)
			s->min = sels[i].dst.min;
		if (s->min.family != s->max.family || addr_cmp(&sels[i].dst.max, &s->max) > 0)
			s->max = sels[i].dst.max;
	}
	for (i = 0; i < IKE_SPANS; i++) {
		s = &spans[i];
		if (!s->min.family)
			continue;
		crypto_random(&s->weight, sizeof(s->weight));
		*root = insert(*root, s);
	}
}

/**
 * ike_spans_search() - finds the spans that have an address in common with a range
 * @root: the tree; @fn does not change it
 * @min: first address of the range
 * @max: last address of the range, of the same family
 * @fn: called for each such span
 * @arg: for @fn
 *
 * Return: false: @fn ended the search.
 */
bool ike_spans_search(const struct ike_span *root, const struct addr *min, const struct addr *max,
		      ike_span_fn fn, void *arg)
{
	if (!root || addr_cmp(&root->top, min) < 0)
		return true;
	if (!ike_spans_search(root->left, min, max, fn, arg))
		return false;
	if (addr_cmp(&root->min, max) > 0)
		return true;
	if (addr_cmp(&root->max, min) >= 0 && !fn(root, arg))
		return false;
	return ike_spans_search(root->right, min, max, fn, arg);
}
