// SPDX-License-Identifier: GPL-2.0
/* Is there a NAT between us? RFC 7296 2.23. */
#include "ike/core.h"

#define KEEPALIVE_MS 20000

static const uint16_t detection[] = {
	WIRE_N_NAT_DETECTION_SOURCE_IP, WIRE_N_NAT_DETECTION_DESTINATION_IP,
};

bool ike_natt_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e, uint8_t out[20])
{
	struct buf b;
	bool ok;

	buf_init(&b);
	buf_put_u64(&b, spi_i);
	buf_put_u64(&b, spi_r);
	buf_put(&b, e->addr.a, addr_len(&e->addr));
	buf_put_u16(&b, e->port);
	ok = !b.failed && crypto_sha1(buf_bytes(&b), out);
	buf_free(&b);
	return ok;
}

void ike_natt_put(struct wire_writer *w, uint64_t spi_i, uint64_t spi_r,
		  const struct endpoint *local, const struct endpoint *remote)
{
	const struct endpoint *ends[] = { local, remote };
	uint8_t hash[20];
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (ike_natt_hash(spi_i, spi_r, ends[i], hash))
			wire_put_notify(w, 0, (struct bytes){ NULL, 0 }, detection[i],
					(struct bytes){ hash, sizeof(hash) });
}

/* a sender of several addresses sends several of them, any of which may match */
static bool matches(const struct wire_msg *msg, uint16_t type, const struct endpoint *e,
		    bool *present)
{
	struct wire_notification n;
	uint8_t hash[20];
	unsigned int i;

	*present = false;
	if (!ike_natt_hash(msg->hdr.spi_i, msg->hdr.spi_r, e, hash))
		return false;
	for (i = 0; i < msg->n; i++) {
		if (msg->pld[i].type != WIRE_PLD_NOTIFY ||
		    wire_notify_decode(msg->pld[i].body, &n) != WIRE_OK || n.type != type)
			continue;
		*present = true;
		if (bytes_equal(n.data, (struct bytes){ hash, sizeof(hash) }))
			return true;
	}
	return false;
}

void ike_natt_detect(struct ike_sa *sa, const struct wire_msg *msg, const struct endpoint *local,
		     const struct endpoint *remote)
{
	bool there;

	/* a peer that sends none does not know of NATs */
	sa->nat_ours = !matches(msg, WIRE_N_NAT_DETECTION_DESTINATION_IP, local, &there) && there;
	sa->natt = (!matches(msg, WIRE_N_NAT_DETECTION_SOURCE_IP, remote, &there) && there) ||
		   sa->nat_ours;
}

/* RFC 3948 4: so that the NAT in front of us does not forget the peer's way back */
static void keepalive_due(struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, keepalive);

	sa->ike->ops->keepalive(&sa->local, &sa->remote, sa->ike->user);
	ike_timer_set(&sa->ike->timers, t, sa->ike->now + KEEPALIVE_MS);
}

void ike_natt_keepalive(struct ike_sa *sa)
{
	if (!sa->nat_ours)
		return;
	sa->keepalive.fn = keepalive_due;
	ike_timer_set(&sa->ike->timers, &sa->keepalive, sa->ike->now + KEEPALIVE_MS);
}
