// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody says that the peer knows our SAs no more. Anybody may say so, and
 * RFC 7296 2.4 forbids to conclude anything from what is not protected; it is a
 * reason to ask the peer itself, and not often: whoever forges such messages
 * must not make us ask all the time.
 */
#include "ike/core.h"
#include "v2/v2.h"

#define AGAIN_MS 10000

void ike_sa_suspect(struct ike_sa *sa, const struct endpoint *from)
{
	struct ike *ike = sa->ike;

	if (sa->state != IKE_STATE_ESTABLISHED || !addr_equal(&sa->remote.addr, &from->addr) ||
	    (sa->suspected && ike->now - sa->suspected < AGAIN_MS))
		return;
	sa->suspected = ike->now;
	ike_count(ike, IKE_COUNT_SUSPECTED);
	/* a request that waits for its response asks the same */
	if (!sa->retrans.waiting && !sa->busy_out && !sa->tasks &&
	    ike_task_add(sa, IKE_TASK_LIVENESS, NULL, 0, NULL))
		v2_run(sa);
}

/* RFC 7296 1.5: one-way, with the SPI of an ESP or AH packet that it cannot open */
bool ike_invalid_spi(struct ike *ike, const struct endpoint *from, struct bytes raw)
{
	struct wire_notification n;
	struct wire_msg msg;
	struct ike_child *c;
	uint8_t bad;

	if (wire_v2_decode(raw, &msg, &bad) != WIRE_OK ||
	    !v2_find_notify(&msg, WIRE_N_INVALID_SPI, &n))
		return false;
	if (n.data.len != 4)
		return true;
	c = ike_child_of_peer(ike, &from->addr, get_u32(n.data.p));
	if (c)
		ike_sa_suspect(c->sa, from);
	return true;
}
