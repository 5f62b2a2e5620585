/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of rekeying have in common, on top of the world of two cores. */
#ifndef TESTS_REKEY_WORLD_H
#define TESTS_REKEY_WORLD_H

#include "ike_world.h"

#define REKEY_LIFE_MS	6000000ULL	/* "100m": both ends rekey between 88 and 99 percent of it */

/* the IKE SA has this lifetime, or none; nothing else is sent without being asked for */
extern const struct world_conf rekey_both, rekey_never;

/* with a tunnel u beside the one that is up */
struct world *rekey_two(void);
void rekey_u_up(struct world *w);
void rekey_child(struct node *n);	/* its request is on its way */
/* one of each at either end, nothing else, and both can be rekeyed by both; frees @w */
void rekey_settles(struct world *w);

#endif
