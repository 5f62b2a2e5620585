// SPDX-License-Identifier: GPL-2.0
/* A datagram: which SA is it for, and is it worth looking at? RFC 7296 2.1, 2.5, 2.6, 2.21.4. */
#include "ike/core.h"
#include "v2/v2.h"

#define INIT_REPEATS_MAX	10	/* an initiator repeats IKE_SA_INIT less often while we keep it */

static const struct bytes none = { NULL, 0 };

/* IKE_SA_INIT requests have no SPI of ours yet */
static void init_request(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
			 const struct endpoint *remote, struct bytes raw)
{
	struct ike_sa *sa;

	if (hdr->spi_r || hdr->msgid || !(hdr->flags & WIRE_FLAG_INITIATOR)) {
		ike_count(ike, IKE_COUNT_MALFORMED);
		return;
	}
	sa = ike_sa_find_init(ike, hdr->spi_i, remote);
	if (sa) {
		ike_count(ike, IKE_COUNT_DUPLICATE);
		/* RFC 7296 2.1: the identical octets for the identical request */
		if (sa->state == IKE_STATE_HALF_OPEN && sa->init_repeats < INIT_REPEATS_MAX &&
		    bytes_equal(buf_bytes(&sa->init_req), raw)) {
			sa->init_repeats++;
			ike_send(sa, local, remote, buf_bytes(&sa->init_resp));
		}
		return;
	}
	if (ike->closing) {
		ike_count(ike, IKE_COUNT_HALF_OPEN_LIMIT);
		return;
	}
	if (!ike_limit_half_open(ike, &remote->addr)) {
		ike_count(ike, IKE_COUNT_ADDRESS_LIMIT);
		return;
	}
	if (!ike_limit_may_begin(ike, &remote->addr)) {
		ike_count(ike, IKE_COUNT_AUTH_LIMIT);
		return;
	}
	v2_init_request(ike, local, remote, raw);
}

static bool for_sa(const struct ike_sa *sa, const struct wire_hdr *hdr)
{
	bool from_initiator = hdr->flags & WIRE_FLAG_INITIATOR;

	if (from_initiator == sa->initiator)
		return false;
	if (sa->initiator)
		/* until its first answer we do not know the responder's SPI */
		return hdr->spi_i == sa->spi_i && (!sa->spi_r || hdr->spi_r == sa->spi_r);
	return hdr->spi_i == sa->spi_i && hdr->spi_r == sa->spi_r;
}

/* RFC 7296 2.21.4: only requests are answered, and not many */
static void unknown_spi(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
			const struct endpoint *remote, struct bytes raw)
{
	ike_count(ike, IKE_COUNT_UNKNOWN_SPI);
	/* RFC 7296 1.5: that is not answered */
	if (hdr->exchange == WIRE_INFORMATIONAL && ike_invalid_spi(ike, remote, raw))
		return;
	if (!(hdr->flags & WIRE_FLAG_RESPONSE) && hdr->exchange > WIRE_IKE_SA_INIT &&
	    hdr->exchange <= WIRE_INFORMATIONAL)
		v2_stray_notify(ike, hdr, local, remote, WIRE_N_INVALID_IKE_SPI, none);
}

static void sa_message(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
		       const struct endpoint *remote, struct bytes raw)
{
	struct v2_in in = { .local = local, .remote = remote, .raw = raw };
	struct ike_sa *sa;
	uint8_t bad;

	sa = ike_sa_find(ike, hdr->flags & WIRE_FLAG_INITIATOR ? hdr->spi_r : hdr->spi_i);
	if (!sa || !for_sa(sa, hdr)) {
		unknown_spi(ike, hdr, local, remote, raw);
		return;
	}
	/* nothing outside SK counts once there are keys, so a bad chain proves nothing */
	if ((sa->state < IKE_STATE_ESTABLISHED && raw.len > IKE_STRANGER_MSG_MAX) ||
	    wire_v2_decode(raw, &in.outer, &bad) != WIRE_OK) {
		ike_count(ike, IKE_COUNT_MALFORMED);
		return;
	}
	in.sa = ike_sa_get(sa);
	buf_init(&in.clear);
	v2_input(&in);
	buf_free(&in.clear);
	ike_sa_put(sa);
}

/*
 * RFC 7296 2.5, 1.5: who asks in a later version is told which one we speak. IKEv1 has
 * no answer that it would understand, so that only the operator learns of it.
 */
static void other_version(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
			  const struct endpoint *remote)
{
	char from[ENDPOINT_STRLEN];

	ike_count(ike, IKE_COUNT_VERSION);
	if (hdr->flags & WIRE_FLAG_RESPONSE || (hdr->major < 2 && hdr->spi_r))
		return;
	ike_report_stranger(ike, NULL, IKE_CAUSE_VERSION, &remote->addr, "%s begins in IKEv%u, expected IKEv2",
			    endpoint_str(remote, from, sizeof(from)), hdr->major);
	if (hdr->major > 2)
		v2_stray_notify(ike, hdr, local, remote, WIRE_N_INVALID_MAJOR_VERSION, none);
}

void ike_input(struct ike *ike, const struct endpoint *local, const struct endpoint *remote,
	       struct bytes msg, uint64_t now)
{
	struct wire_hdr hdr;
	enum wire_err err;

	ike->now = now;
	ike_count(ike, IKE_COUNT_RECEIVED);
	err = wire_hdr_decode(msg, &hdr);
	if (err && err != WIRE_VERSION) {
		ike_count(ike, IKE_COUNT_MALFORMED);
		return;
	}
	if (hdr.major != 2) {
		other_version(ike, &hdr, local, remote);
		return;
	}
	if (hdr.exchange == WIRE_IKE_SA_INIT && !(hdr.flags & WIRE_FLAG_RESPONSE))
		init_request(ike, &hdr, local, remote, msg);
	else
		sa_message(ike, &hdr, local, remote, msg);
}
