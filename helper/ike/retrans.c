// SPDX-License-Identifier: GPL-2.0
/* Our outstanding request, repeated until it is answered: RFC 7296 2.1, 2.4. */
#include "ike/core.h"
#include "ike/version.h"

#define BACKOFF_PERCENT	180
#define JITTER_PERCENT	10
#define SMALLER_AT	2	/* the repetition that goes in smaller fragments */

/* the wait after try @tries (0: the first) */
static uint64_t wait_ms(const struct ike *ike, unsigned int tries)
{
	uint64_t ms = ike->limits.retrans_first, spread;
	uint32_t r = 0;

	while (tries--)
		ms = ms * BACKOFF_PERCENT / 100;
	spread = ms * JITTER_PERCENT / 100;
	/* two ends or many peers that lost the same packet shall not meet again */
	if (spread && crypto_random(&r, sizeof(r)))
		ms = ms - spread + r % (2 * spread + 1);
	return ms ? ms : 1;
}

/* the header says where one ends and the next begins */
bool ike_datagram(struct bytes *rest, struct bytes *one)
{
	struct wire_hdr hdr;

	wire_hdr_decode(*rest, &hdr);
	if (hdr.length < WIRE_HDR_LEN || hdr.length > rest->len)
		return false;
	*one = (struct bytes){ rest->p, hdr.length };
	*rest = (struct bytes){ rest->p + hdr.length, rest->len - hdr.length };
	return true;
}

void ike_send(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote,
	      struct bytes msg)
{
	struct bytes one;

	while (ike_datagram(&msg, &one)) {
		ike_count(sa->ike, IKE_COUNT_SENT);
		sa->ike->ops->send(&sa->egress, local, remote, one, sa->ike->user);
	}
}

static void expired(struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, retrans.timer);
	struct ike_retrans *r = &sa->retrans;
	unsigned int tries = ike_remote_tries(sa, sa->ike->limits.retrans_tries);

	/* a DELETE is a courtesy: who does not answer two more of them is not there */
	if (r->tries - r->cut_at >= (sa->state == IKE_STATE_DELETING && tries > 2 ? 2 : tries)) {
		sa->version->unanswered(sa);
		return;
	}
	r->tries++;
	ike_count(sa->ike, IKE_COUNT_RETRANSMITTED);
	/* RFC 7383 2.5.2: then the timers start over */
	if (r->tries == SMALLER_AT && sa->version->smaller(sa, &r->msg))
		r->cut_at = r->tries;
	/* the identical octets, all fragments: RFC 7296 2.1, RFC 7383 2.6.1 */
	ike_send(sa, &sa->local, &sa->remote, buf_bytes(&r->msg));
	ike_timer_set(&sa->ike->timers, t, sa->ike->now + wait_ms(sa->ike, r->tries - r->cut_at));
}

void ike_retrans_init(struct ike_retrans *r)
{
	buf_init(&r->msg);
	r->timer.fn = expired;
}

void ike_retrans_start(struct ike_sa *sa, struct buf *msg, uint8_t exchange)
{
	struct ike_retrans *r = &sa->retrans;

	buf_free(&r->msg);
	r->msg = *msg;
	buf_init(msg);
	r->exchange = exchange;
	r->waiting = true;
	r->tries = r->cut_at = 0;
	r->started = sa->ike->now;
	ike_send(sa, &sa->local, &sa->remote, buf_bytes(&r->msg));
	ike_timer_set(&sa->ike->timers, &r->timer, sa->ike->now + wait_ms(sa->ike, 0));
}

void ike_retrans_stop(struct ike_sa *sa)
{
	sa->retrans.waiting = false;
	ike_timer_off(&sa->ike->timers, &sa->retrans.timer);
	buf_free(&sa->retrans.msg);
}
