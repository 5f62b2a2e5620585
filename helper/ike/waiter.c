// SPDX-License-Identifier: GPL-2.0
/* Those who wait for an outcome: one waiter may wait for several tunnels or SAs. */
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

struct ike_waiter *ike_waiter_new(ike_waiter_t waiter, void *arg)
{
	struct ike_waiter *op = calloc(1, sizeof(*op));

	if (!op) {
		if (waiter)
			waiter(arg, "out of memory");
		return NULL;
	}
	op->pending = 1;
	op->waiter = waiter;
	op->arg = arg;
	return op;
}

bool ike_waiter_add(struct ike_waiter_list *list, struct ike_waiter *op)
{
	struct ike_waiter **more = reallocarray(list->ops, list->n + 1,
						sizeof(struct ike_waiter *));

	if (!more)
		return false;
	list->ops = more;
	list->ops[list->n++] = op;
	op->pending++;
	return true;
}

/* of several errors the first is told */
void ike_waiter_done(struct ike_waiter *op, const char *error)
{
	if (error && !op->error)
		op->error = strdup(error);
	if (--op->pending)
		return;
	if (op->waiter)
		op->waiter(op->arg, op->error);
	free(op->error);
	free(op);
}

void ike_waiters_done(struct ike_waiter_list *list, const char *error)
{
	struct ike_waiter_list mine = *list;
	unsigned int i;

	memset(list, 0, sizeof(*list));
	for (i = 0; i < mine.n; i++)
		ike_waiter_done(mine.ops[i], error);
	free(mine.ops);
}
