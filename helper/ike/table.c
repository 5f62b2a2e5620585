// SPDX-License-Identifier: GPL-2.0
/* What is looked up among thousands: by a hash, in chains. */
#include <stdlib.h>
#include <string.h>

#include "ike/table.h"

void ike_table_init(struct ike_table *t)
{
	memset(t, 0, sizeof(*t));
	t->heads = t->few;
	t->size = IKE_TABLE_FEW;
}

/**
 * ike_table_free - no object is in it any more
 * @t: the table
 */
void ike_table_free(struct ike_table *t)
{
	if (t->heads != t->few)
		free(t->heads);
	ike_table_init(t);
}

static void put(struct ike_link **heads, size_t size, struct ike_link *link)
{
	struct ike_link **at = &heads[link->hash & (size - 1)];

	link->next = *at;
	if (link->next)
		link->next->at = &link->next;
	link->at = at;
	*at = link;
}

/* where there is no memory the chains become longer and that is all */
static void grow(struct ike_table *t)
{
	struct ike_link **heads = calloc(t->size * 2, sizeof(*heads)), *link, *next;
	size_t i;

	if (!heads)
		return;
	for (i = 0; i < t->size; i++) {
		for (link = t->heads[i]; link; link = next) {
			next = link->next;
			put(heads, t->size * 2, link);
		}
	}
	if (t->heads != t->few)
		free(t->heads);
	t->heads = heads;
	t->size *= 2;
}

/**
 * ike_table_put - an object is to be found
 * @t: the table
 * @link: the object's; in this table or in none
 * @hash: by this
 */
void ike_table_put(struct ike_table *t, struct ike_link *link, uint32_t hash)
{
	ike_table_del(t, link);
	if (t->n == t->size)
		grow(t);
	link->hash = hash;
	put(t->heads, t->size, link);
	t->n++;
}

/**
 * ike_table_del - an object is not to be found any more
 * @t: the table
 * @link: the object's; nothing happens if it is in no table
 */
void ike_table_del(struct ike_table *t, struct ike_link *link)
{
	if (!link->at)
		return;
	*link->at = link->next;
	if (link->next)
		link->next->at = link->at;
	link->at = NULL;
	t->n--;
}

static struct ike_link *with_hash(struct ike_link *link, uint32_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct ike_link *ike_table_first(const struct ike_table *t, uint32_t hash)
{
	return with_hash(t->heads[hash & (t->size - 1)], hash);
}

struct ike_link *ike_table_next(const struct ike_link *link)
{
	return with_hash(link->next, link->hash);
}

uint32_t ike_hash(uint64_t key, const void *p, size_t len)
{
	const uint8_t *octets = p;
	uint64_t h = key ^ len;
	size_t i;

	for (i = 0; i < len; i++) {
		h = (h ^ octets[i]) * 0x9e3779b97f4a7c15ULL;
		h = (h ^ h >> 32) + key;
	}
	h = (h ^ h >> 29) * (key | 1);
	return (uint32_t)(h ^ h >> 32);
}
