// SPDX-License-Identifier: GPL-2.0
/* ESP in UDP: through a NAT (RFC 7296 2.23, RFC 3948), and without one by `encapsulation udp`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/core.h"
#include "ike_bend.h"
#include "ike_world.h"

static const struct world_conf udp = { .extra_peer = " encapsulation udp\n" };

static unsigned int through_nat(struct world *w, const struct packet *p, unsigned int n)
{
	struct packet other = *p;

	(void)n;
	/* 500 -> 1500, 4500 -> 5500 */
	if (addr_equal(&p->from.addr, &w->a.addr))
		other.from.port += 1000;
	else
		other.to.port -= 1000;
	world_send(w, &other);
	return 0;
}

static void encaps(const struct node *n, uint16_t local, uint16_t remote)
{
	const struct fake_sa *sa;

	for (sa = n->sas; sa < n->sas + WORLD_SAS; sa++) {
		if (!sa->used)
			continue;
		assert_int_equal(sa->encap_local, local);
		assert_int_equal(sa->encap_remote, remote);
	}
}

/* a NAT in front of A: RFC 7296 2.23, and keepalives by whom it is in front of (RFC 3948 4) */
static void nat(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	w->filter = through_nat;
	node_up(&w->a, NULL);
	world_run(w, 1000);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
	encaps(&w->a, 4500, 4500);
	encaps(&w->b, 4500, 5500);
	world_run(w, 61000);
	assert_int_equal(w->a.keepalives, 3);
	assert_int_equal(w->b.keepalives, 0);
	node_down(&w->a, NULL);
	world_run(w, 1000);
	world_nothing_left(w);
	world_run(w, 60000);
	assert_int_equal(w->a.keepalives, 3);
	world_free(w);
}

/* ESP in UDP for both ends, keepalives by the one that is configured so, and the same after rekeying */
static void udp_is_forced(void **state)
{
	struct world *w;
	struct node *n;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = world_new(i ? NULL : &udp, i ? &udp : NULL);
		n = i ? &w->b : &w->a;
		node_up(&w->a, NULL);
		world_run(w, 1000);
		assert_string_equal(w->a.up_error, "");
		world_is_up(w);
		encaps(&w->a, 4500, 4500);
		encaps(&w->b, 4500, 4500);
		world_run(w, 61000);
		assert_int_equal(n->keepalives, 3);
		assert_int_equal(w->a.keepalives + w->b.keepalives, 3);
		/* the IKE SA is rekeyed before four hours have passed, the CHILD SA before one has */
		world_run(w, 4 * 3600 * 1000);
		world_is_up(w);
		encaps(&w->a, 4500, 4500);
		encaps(&w->b, 4500, 4500);
		assert_true(n->keepalives > 4 * 3600 / 20 - 10);
		world_free(w);
	}
}

static bool from_responder;

/* IKE_SA_INIT of one end goes on without its NAT_DETECTION notifications */
static unsigned int without_detection(struct world *w, const struct packet *p, unsigned int n)
{
	struct bend m;

	(void)n;
	if (addr_equal(&p->from.addr, &w->b.addr) != from_responder || !bend_open(w, p, &m)) {
		world_send(w, p);
		return 0;
	}
	if (m.hdr.exchange == WIRE_IKE_SA_INIT) {
		bend_remove(&m, bend_find_notify(&m, WIRE_N_NAT_DETECTION_SOURCE_IP));
		bend_remove(&m, bend_find_notify(&m, WIRE_N_NAT_DETECTION_DESTINATION_IP));
	}
	bend_send(w, &m, p);
	return 0;
}

/* a peer that does not know of NAT traversal cannot take ESP in UDP: no SA, and the reason */
static void the_peer_cannot(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		w = world_new(i ? NULL : &udp, i ? &udp : NULL);
		from_responder = !i;
		w->filter = without_detection;
		node_up(&w->a, NULL);
		world_run(w, 1000);
		assert_non_null(node_line(i ? &w->b : &w->a, IKE_EVENT_ERROR,
					  "the peer offers no NAT traversal"));
		world_run(w, 300000);
		world_nothing_left(w);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nat),
		cmocka_unit_test(udp_is_forced),
		cmocka_unit_test(the_peer_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
