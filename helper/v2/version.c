// SPDX-License-Identifier: GPL-2.0
/* Defines struct ike_version of IKEv2, and finds the IKE SA of a message: RFC 7296 2.1, 2.6, 2.21.4. */
#include "ike/version.h"
#include "v2/v2.h"

#define INIT_REPEATS_MAX	10	/* an initiator repeats IKE_SA_INIT less often while we keep it */

/* An IKE_SA_INIT request has no SPI of ours. */
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

/* RFC 7296 1.5: INVALID_SPI outside an IKE SA has the SPI of an ESP or AH packet that the peer cannot open. */
static bool invalid_spi(struct ike *ike, const struct endpoint *from, struct bytes raw)
{
	struct wire_notification n;
	struct wire_msg msg;
	uint8_t bad;

	if (wire_v2_decode(raw, &msg, &bad) != WIRE_OK ||
	    !v2_find_notify(&msg, WIRE_N_INVALID_SPI, &n))
		return false;
	if (n.data.len == 4)
		ike_invalid_spi(ike, from, get_u32(n.data.p));
	return true;
}

/* RFC 7296 2.21.4: only requests are answered, and not many */
static void unknown_spi(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
			const struct endpoint *remote, struct bytes raw)
{
	ike_count(ike, IKE_COUNT_UNKNOWN_SPI);
	/* RFC 7296 1.5: INVALID_SPI gets no answer */
	if (hdr->exchange == WIRE_INFORMATIONAL && invalid_spi(ike, remote, raw))
		return;
	if (!(hdr->flags & WIRE_FLAG_RESPONSE) && hdr->exchange > WIRE_IKE_SA_INIT &&
	    hdr->exchange <= WIRE_INFORMATIONAL)
		v2_stray_notify(ike, hdr, local, remote, WIRE_N_INVALID_IKE_SPI,
				(struct bytes){ NULL, 0 });
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
	/* Once there are keys, payloads outside SK prove nothing: a malformed one is dropped. */
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

static void message(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
		    const struct endpoint *remote, struct bytes raw)
{
	if (hdr->exchange == WIRE_IKE_SA_INIT && !(hdr->flags & WIRE_FLAG_RESPONSE))
		init_request(ike, hdr, local, remote, raw);
	else
		sa_message(ike, hdr, local, remote, raw);
}

/* RFC 7296 2.5, 1.5 */
static void refuse_later_version(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
				 const struct endpoint *remote)
{
	v2_stray_notify(ike, hdr, local, remote, WIRE_N_INVALID_MAJOR_VERSION, (struct bytes){ NULL, 0 });
}

static void free_sa(struct ike_sa *sa)
{
	v2_answers_free(sa);
	ike_kex_clear(&sa->kex);
}

const struct ike_version v2_version = {
	.major = 2,
	.initiate = v2_initiate,
	.message = message,
	.refuse = refuse_later_version,
	.run = v2_run,
	.is_answering = v2_is_answering,
	.unanswered = v2_unanswered,
	.smaller = v2_smaller,
	.datagram_max = v2_datagram_max,
	.renew = v2_renew,
	.reauthenticate = v2_reauthenticate,
	.goodbye = v2_goodbye,
	.child_failed = v2_child_failed,
	.killed = v2_frags_free,
	.free = free_sa,
};
