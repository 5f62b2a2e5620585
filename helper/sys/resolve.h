/* SPDX-License-Identifier: GPL-2.0 */
/* DNS names to addresses, by the resolver of the system. */
#ifndef SYS_RESOLVE_H
#define SYS_RESOLVE_H

#include "core/addr.h"

struct resolver;

struct resolver *resolver_new(void);	/* NULL: out of memory */
/*
 * Any thread; returns within RESOLVE_MAX_S seconds. The addresses of @name, at most @max, of @family (0:
 * both), each once. Returns their number; 0: @err says why there is none.
 */
#define RESOLVE_MAX_S	20
unsigned int resolve_name(struct resolver *r, const char *name, uint8_t family, struct addr *out,
			  unsigned int max, char *err, size_t err_len);
/* Makes resolve_name() return at once in each thread, from now on. */
void resolver_stop(struct resolver *r);
void resolver_free(struct resolver *r);	/* nobody waits; NULL is fine */

#endif
