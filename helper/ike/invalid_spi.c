// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody says that the peer knows our SAs no more. Anybody may say so, and
 * RFC 7296 2.4 forbids to conclude anything from what is not protected; it is a
 * reason to ask the peer itself, and not often: whoever forges such messages
 * must not make us ask all the time.
 */
#include "ike/core.h"
#include "ike/version.h"

#define AGAIN_MS 10000

void ike_sa_test_liveness(struct ike_sa *sa, const struct endpoint *from)
{
	struct ike *ike = sa->ike;

	if (sa->state != IKE_STATE_ESTABLISHED || !addr_equal(&sa->remote.addr, &from->addr) ||
	    (sa->tested_at && ike->now - sa->tested_at < AGAIN_MS))
		return;
	sa->tested_at = ike->now;
	ike_count(ike, IKE_COUNT_SUSPECTED);
	/* a request that waits for its response asks the same */
	if (!sa->retrans.waiting && !sa->busy_out && !sa->tasks &&
	    ike_task_add(sa, IKE_TASK_LIVENESS, NULL, 0, NULL))
		sa->version->run(sa);
}

/**
 * ike_invalid_spi - tests an IKE SA because its peer seems to have lost a CHILD SA
 * @ike: this end
 * @from: address that the notification claims to be from; nothing proves it
 * @spi: outbound SPI, from the notification
 */
void ike_invalid_spi(struct ike *ike, const struct endpoint *from, uint32_t spi)
{
	struct ike_child *c = ike_child_of_peer(ike, &from->addr, spi);

	if (c)
		ike_sa_test_liveness(c->sa, from);
}
