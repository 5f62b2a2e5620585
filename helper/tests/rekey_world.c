// SPDX-License-Identifier: GPL-2.0
/* See rekey_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "rekey_world.h"

/* the CHILD SAs are not due while an IKE SA is rekeyed, whose life is 100 minutes */
#define LONG	"lifetime 7d\n"

const struct world_conf rekey_both = { .extra_peer = "ike-lifetime 100m\n dpd 0s\n", .extra_tunnel = LONG };
const struct world_conf rekey_never = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n", .extra_tunnel = LONG };
static const struct world_conf two = {
	.extra_peer = "ike-lifetime 100m\n dpd 0s\n",
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n" LONG "}\n", .extra_tunnel = LONG,
	.entries = "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.11.0.0/16 to 10.12.0.0/16\n",
};
static const struct world_conf two_there = {
	.extra_peer = "ike-lifetime 100m\n dpd 0s\n",
	.tunnels = "tunnel u {\n access-list l2\n esp aes128gcm16\n" LONG "}\n", .extra_tunnel = LONG,
	.entries = "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\naccess-list l2 {\n"
		   "10 protect ip from 10.12.0.0/16 to 10.11.0.0/16\n",
};

struct world *rekey_two(void)
{
	struct world *w = world_new(&two, &two_there);

	node_up(&w->a, "t");
	world_deliver(w);
	world_is_up(w);
	return w;
}

void rekey_u_up(struct world *w)
{
	node_up(&w->a, "u");
	world_deliver(w);
	assert_int_equal(node_sas(&w->a), 4);
	assert_int_equal(node_sas(&w->b), 4);
}

void rekey_child(struct node *n)
{
	node_expire(n, node_newest(n, NFIPSEC_DIR_OUT), false);
}

/* of both ends, with the IKE SA that there is */
static void works(struct world *w)
{
	struct node *ends[] = { &w->a, &w->b };
	unsigned int i;
	uint32_t spi;

	for (i = 0; i < 2; i++) {
		w->now += 1000;
		spi = node_newest(&w->a, NFIPSEC_DIR_OUT)->spi;
		rekey_child(ends[i]);
		world_run(w, 1000);
		assert_int_not_equal(node_newest(&w->a, NFIPSEC_DIR_OUT)->spi, spi);
	}
}

void rekey_settles(struct world *w)
{
	/* longer than any leftover may live */
	world_run(w, 200000);
	world_is_up(w);
	works(w);
	world_is_up(w);
	assert_int_equal(node_ike_sas(&w->a, NULL), 1);
	assert_int_equal(node_ike_sas(&w->b, NULL), 1);
	w->strict = false;
	world_free(w);
}
