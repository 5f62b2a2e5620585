// SPDX-License-Identifier: GPL-2.0
/* What an IKE SA still wants to ask its peer, one request after the other. */
#include <stdlib.h>

#include "ike/core.h"

void ike_tasks_init(struct ike_sa *sa)
{
	sa->tasks = NULL;
	sa->tasks_end = &sa->tasks;
}

static void append(struct ike_sa *sa, struct ike_task *t)
{
	t->next = NULL;
	*sa->tasks_end = t;
	sa->tasks_end = &t->next;
	sa->n_tasks++;
}

struct ike_task *ike_task_add(struct ike_sa *sa, enum ike_task_type type, struct ike_tunnel *tun,
			      uint32_t spi, const struct kern_flow *flow)
{
	struct ike_task *t;

	if (sa->n_tasks >= IKE_TASKS_MAX)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->type = type;
	t->tun = tun;
	t->spi = spi;
	if (flow) {
		t->flow = *flow;
		t->has_flow = true;
	}
	append(sa, t);
	return t;
}

struct ike_task *ike_task_take(struct ike_sa *sa)
{
	struct ike_task *t = sa->tasks;

	if (t) {
		sa->tasks = t->next;
		sa->n_tasks--;
		if (!sa->tasks)
			sa->tasks_end = &sa->tasks;
	}
	return t;
}

/* all but what was about @old itself */
void ike_tasks_move(struct ike_sa *sa, struct ike_sa *old)
{
	struct ike_task *t;

	while ((t = ike_task_take(old)))
		if (t->type == IKE_TASK_LIVENESS || t->type == IKE_TASK_REKEY)
			free(t);
		else
			append(sa, t);
}

bool ike_task_queued(const struct ike_sa *sa, enum ike_task_type type, uint32_t spi)
{
	const struct ike_task *t;

	for (t = sa->tasks; t; t = t->next)
		if (t->type == type && t->spi == spi)
			return true;
	return false;
}

/* further CHILD SAs for a tunnel, not those that take over from another */
const struct ike_task *ike_task_of(const struct ike_sa *sa, const struct ike_tunnel *tun)
{
	const struct ike_task *t;

	for (t = sa->tasks; t && (t->tun != tun || t->spi); t = t->next)
		;
	return t;
}

/* the tunnel's configuration goes, or its operator does not want it any more */
void ike_sa_drop_tunnel(struct ike_sa *sa, struct ike_tunnel *tun)
{
	struct ike_task **at = &sa->tasks, *t;

	while ((t = *at)) {
		if (t->tun != tun) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		sa->n_tasks--;
		free(t);
	}
	sa->tasks_end = at;
}
