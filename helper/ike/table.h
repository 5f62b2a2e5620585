/* SPDX-License-Identifier: GPL-2.0 */
/* Hash tables of links inside their objects; they grow, and putting never fails. */
#ifndef IKE_TABLE_H
#define IKE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define IKE_TABLE_FEW	64

struct ike_link {
	struct ike_link *next, **at;	/* @at NULL: in no table */
	uint32_t hash;
};

struct ike_table {
	struct ike_link **heads, *few[IKE_TABLE_FEW];
	size_t size, n;
};

void ike_table_init(struct ike_table *t);
void ike_table_free(struct ike_table *t);
void ike_table_put(struct ike_table *t, struct ike_link *link, uint32_t hash);
void ike_table_del(struct ike_table *t, struct ike_link *link);
/* Iterates over the entries with this hash; the caller compares their keys. */
struct ike_link *ike_table_first(const struct ike_table *t, uint32_t hash);
struct ike_link *ike_table_next(const struct ike_link *link);
/* without @key nobody can choose what has the same hash */
uint32_t ike_hash(uint64_t key, const void *p, size_t len);

#endif
