// SPDX-License-Identifier: GPL-2.0
/* ESP in UDP: because of a NAT between the peers (RFC 7296 2.23), or by the configuration. */
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

/*
 * RFC 7296 2.23: the peer encapsulates ESP if the hash of our source does not match. IKEv2 has no
 * other request for that. So `encapsulation udp` sends the hash of an address that no host has.
 */
void ike_natt_put(const struct ike_sa *sa, struct wire_writer *w)
{
	const struct endpoint none = { .addr.family = sa->local.addr.family };
	const struct endpoint *ends[] = { sa->natt_forced ? &none : &sa->local, &sa->remote };
	uint8_t hash[20];
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (ike_natt_hash(sa->spi_i, sa->spi_r, ends[i], hash))
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

bool ike_natt_detect(struct ike_sa *sa, const struct wire_msg *msg, const struct endpoint *local,
		     const struct endpoint *remote)
{
	bool dst, src;

	/* a peer that sends none does not know of NATs */
	sa->nat_ours = !matches(msg, WIRE_N_NAT_DETECTION_DESTINATION_IP, local, &dst) && dst;
	sa->nat_theirs = !matches(msg, WIRE_N_NAT_DETECTION_SOURCE_IP, remote, &src) && src;
	sa->natt = sa->nat_theirs || sa->nat_ours || (sa->natt_forced && dst && src);
	return sa->natt || !sa->natt_forced;
}

/*
 * Each end knows itself by the address behind its NAT, and the other by the one
 * in front; the selectors of transport mode have one address, which is then the
 * one that the IKE SA has here. What has several is left as it is, and fits nothing.
 */
void ike_natt_substitute(const struct ike_sa *sa, struct wire_ts *local, struct wire_ts *remote)
{
	if (sa->nat_ours)
		ike_ts_substitute(local, &sa->local.addr);
	if (sa->nat_theirs)
		ike_ts_substitute(remote, &sa->remote.addr);
}

static bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

void ike_natt_follow(struct ike_sa *sa, const struct endpoint *to, const struct endpoint *from)
{
	bool up = sa->state >= IKE_STATE_ESTABLISHED;
	bool same_host = addr_equal(&sa->remote.addr, &from->addr);
	char was[ENDPOINT_STRLEN], is[ENDPOINT_STRLEN];
	struct ike_child *c;

	if (!addr_equal(&sa->local.addr, &to->addr) ||
	    (endpoint_equal(&sa->remote, from) && sa->local.port == to->port))
		return;
	/*
	 * Who is behind a NAT keeps to what he knows: otherwise anybody on the way
	 * could send him elsewhere. And only a NAT is a reason for another address.
	 */
	if ((up || !same_host) && sa->nat_ours)
		return;
	if (!same_host && !sa->nat_theirs)
		return;
	/* by port 500 no ESP comes */
	if (up && sa->natt && to->port != IKE_NATT_PORT)
		return;
	if (sa->natt)
		for (c = sa->children; c; c = c->next)
			ike_move(c, to, from);
	if (up && !endpoint_equal(&sa->remote, from))
		ike_report(sa->ike, IKE_EVENT_MOVED, sa->name, NULL, NULL,
			   "the peer has moved from %s to %s",
			   endpoint_str(&sa->remote, was, sizeof(was)),
			   endpoint_str(from, is, sizeof(is)));
	sa->local = *to;
	sa->remote = *from;
	/* no route may contain the peer's new address */
	for (c = same_host ? NULL : sa->children; c; c = c->next)
		ike_routes_child(c);
}

/* Sends a keepalive (RFC 3948 4), so that a NAT or firewall near us keeps its flow. */
static void keepalive_due(struct ike_timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, keepalive);

	sa->ike->ops->keepalive(&sa->egress, &sa->local, &sa->remote, sa->ike->user);
	ike_timer_set(&sa->ike->timers, t, sa->ike->now + KEEPALIVE_MS);
}

void ike_natt_keepalive(struct ike_sa *sa)
{
	if (!sa->nat_ours && !sa->natt_forced)
		return;
	sa->keepalive.fn = keepalive_due;
	ike_timer_set(&sa->ike->timers, &sa->keepalive, sa->ike->now + KEEPALIVE_MS);
}
