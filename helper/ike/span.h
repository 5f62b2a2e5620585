/* SPDX-License-Identifier: GPL-2.0 */
/* The addresses of peers that CHILD SAs carry, in a tree: found among those of thousands of peers. */
#ifndef IKE_SPAN_H
#define IKE_SPAN_H

#include "sys/kern.h"

#define IKE_SPANS	2	/* of IPv4 and of IPv6 */

struct ike_child;
struct ike_sa;

/**
 * struct ike_span - the smallest range with all peer addresses of one family of some selectors
 * @left: spans that begin before this one
 * @right: spans that begin behind this one
 * @min: first address; family 0: the span is in no tree
 * @max: last address
 * @top: highest @max of the span and of all below it
 * @weight: random, higher than that of the spans below
 * @child: CHILD SA with the selectors; NULL: @sa remembers them (client.c)
 * @sa: IKE SA that remembers them, or NULL
 */
struct ike_span {
	struct ike_span *left, *right;
	struct addr min, max, top;
	uint32_t weight;
	struct ike_child *child;
	struct ike_sa *sa;
};

/* Returns false to end the search. */
typedef bool (*ike_span_fn)(const struct ike_span *span, void *arg);

void ike_spans_put(struct ike_span **root, struct ike_span spans[IKE_SPANS],
		   const struct kern_sel *sels, unsigned int n);
void ike_spans_drop(struct ike_span **root, struct ike_span spans[IKE_SPANS]);
bool ike_spans_search(const struct ike_span *root, const struct addr *min, const struct addr *max,
		      ike_span_fn fn, void *arg);

#endif
