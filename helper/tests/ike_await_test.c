// SPDX-License-Identifier: GPL-2.0
/*
 * No SA before authentication. A host that answers IKE_SA_INIT knows the keys of the IKE SA and of
 * its first CHILD SA without any secret. The module queues the packets with the SPI that the
 * initiator has offered, and decrypts none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike/core.h"
#include "ike_bend.h"

/* on the path between two peers, with another secret than theirs */
static const struct world_conf stranger = { .psk = "not the secret" };

static unsigned int inbound(const struct node *n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < WORLD_SAS; i++)
		sum += n->sas[i].used && n->sas[i].dir == NFIPSEC_DIR_IN;
	return sum;
}

/* the SPI that IKE_AUTH of the node offers; fails the test if the node has sent no IKE_AUTH */
static uint32_t offered(struct node *n)
{
	const struct ike_sa *sa = n->ike->sas;

	while (sa && sa->state != IKE_STATE_AUTH_SENT)
		sa = sa->next;
	assert_non_null(sa);
	assert_non_null(sa->negotiation);
	return sa->negotiation->spi_in;
}

/* IKE_SA_INIT, answered by the stranger in B's place, and IKE_AUTH, which is under way */
static void stranger_answers(struct world *w)
{
	node_restart(&w->b);
	world_load(&w->b, &stranger);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(world_sent(w, &w->a), 1);
}

/* A has queued for its offer, has the SAs that it had, and in the end no others */
static void nothing_comes_of_it(struct world *w, unsigned int before)
{
	uint32_t spi = offered(&w->a);
	unsigned int i;

	assert_int_equal(inbound(&w->a), before);
	assert_true(node_awaits(&w->a, spi));
	world_deliver(w);
	world_run(w, 100);
	assert_false(node_awaits(&w->a, spi));
	for (i = 0; i < WORLD_SAS; i++)
		assert_false(w->a.sas[i].used && w->a.sas[i].spi == spi);
	assert_int_equal(node_count(&w->a, IKE_EVENT_CHILD_UP), before);
}

static void at_the_first_start(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	node_up(&w->a, NULL);
	stranger_answers(w);
	nothing_comes_of_it(w, 0);
	assert_non_null(node_line(&w->a, IKE_EVENT_ERROR, "AUTHENTICATION_FAILED"));
	world_free(w);
}

static void after_a_restart(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_crash(&w->a);
	node_adopt(&w->a);
	stranger_answers(w);
	nothing_comes_of_it(w, 1);
	ike_shutdown(w->a.ike, w->now);
	world_free(w);
}

static void at_reauthentication(void **state)
{
	static const struct world_conf a = { .extra_peer = "reauth 1h\n ike-lifetime 0s\n dpd 0s\n",
					     .extra_tunnel = "lifetime 1d\n" };
	static const struct world_conf b = { .extra_peer = "ike-lifetime 0s\n dpd 0s\n",
					     .extra_tunnel = "lifetime 1d\n" };
	struct world *w = world_up(&a, &b);

	(void)state;
	while (!node_ike_sas(&w->a, "init-sent")) {
		assert_true(w->now < 2 * 3600 * 1000 + 1000000);
		w->now += 1000;
		ike_tick(w->a.ike, w->now);
	}
	stranger_answers(w);
	nothing_comes_of_it(w, 1);
	ike_shutdown(w->a.ike, w->now);
	world_free(w);
}

/* the stranger goes on without a word of AUTH: it answers with an SA payload and selectors alone */
static void auth_is_missing(void **state)
{
	struct world *w = world_new(NULL, NULL);
	struct bend m;
	struct packet p;

	(void)state;
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	world_step(w, &w->a);
	/* B's answer, without AUTH */
	p = w->queue[0];
	w->n_queue = 0;
	assert_true(bend_open(w, &p, &m));
	bend_remove(&m, bend_find(&m, WIRE_PLD_AUTH));
	bend_send(w, &m, &p);
	free(p.data);
	assert_int_equal(node_awaited(&w->a), 1);
	world_step(w, &w->b);
	assert_int_equal(inbound(&w->a), 0);
	assert_int_equal(node_awaited(&w->a), 0);
	w->cut = true;
	world_free(w);
}

/* a peer that is what it says: the announcement ends with the SA */
static void ends_with_the_sa(void **state)
{
	struct world *w = world_new(NULL, NULL);
	uint32_t spi;

	(void)state;
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	assert_int_equal(node_awaited(&w->a), 0);
	world_step(w, &w->b);
	spi = offered(&w->a);
	assert_true(node_awaits(&w->a, spi));
	assert_int_equal(node_awaited(&w->b), 0);
	world_deliver(w);
	world_is_up(w);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_IN)->spi, spi);
	assert_int_equal(node_awaited(&w->a), 0);
	world_free(w);
}

/* a response with Diffie-Hellman waits for a job, and ESP of the peer does not */
static void create_child_sa(void **state)
{
	static const struct world_conf pfs = { .esp = "aes128gcm16-x25519" };
	struct world *w = world_up(&pfs, &pfs);
	uint32_t spi;

	(void)state;
	ike_child_rekey(w->a.ike->sas->children);
	assert_int_equal(world_sent(w, &w->a), 1);
	assert_non_null(w->a.ike->sas->negotiation);
	spi = w->a.ike->sas->negotiation->spi_in;
	assert_true(node_awaits(&w->a, spi));
	world_deliver(w);
	assert_int_equal(node_awaited(&w->a), 0);
	world_run(w, 10000);
	assert_int_equal(node_newest(&w->a, NFIPSEC_DIR_IN)->spi, spi);
	world_free(w);
}

/* the peer refuses the CHILD SA, or never answers */
static void ends_without_an_sa(void **state)
{
	static const struct world_conf other = { .esp = "aes256-sha256" };
	struct world *w = world_new(NULL, &other);

	(void)state;
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(node_awaited(&w->a), 1);
	world_deliver(w);
	assert_int_equal(node_awaited(&w->a), 0);
	assert_int_equal(inbound(&w->a), 0);
	node_down(&w->a, NULL);
	world_run(w, 1000);
	node_up(&w->a, NULL);
	world_step(w, &w->a);
	world_step(w, &w->b);
	assert_int_equal(node_awaited(&w->a), 1);
	w->cut = true;
	world_run(w, 400000);
	assert_int_equal(node_awaited(&w->a), 0);
	world_free(w);
}

/* the module takes no more announcements, or none at all: the tunnel comes up all the same */
static void module_refuses(void **state)
{
	struct world *w = world_new(NULL, NULL);

	(void)state;
	w->a.refuse_await = ENOSPC;
	node_up(&w->a, NULL);
	world_deliver(w);
	world_is_up(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_the_first_start),
		cmocka_unit_test(after_a_restart),
		cmocka_unit_test(at_reauthentication),
		cmocka_unit_test(auth_is_missing),
		cmocka_unit_test(ends_with_the_sa),
		cmocka_unit_test(create_child_sa),
		cmocka_unit_test(ends_without_an_sa),
		cmocka_unit_test(module_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
