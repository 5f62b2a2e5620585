// SPDX-License-Identifier: GPL-2.0
/* Gives a datagram to its version of IKE: RFC 7296 2.5. */
#include "ike/core.h"
#include "ike/version.h"

/*
 * RFC 7296 2.5, 1.5: an initiator of a later version gets the version of this host as the answer. One of
 * IKEv1 would not understand any answer, so only the operator gets a line.
 */
static void other_version(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
			  const struct endpoint *remote)
{
	char from[ENDPOINT_STRLEN];

	ike_count(ike, IKE_COUNT_VERSION);
	if (hdr->flags & WIRE_FLAG_RESPONSE || (hdr->major < 2 && hdr->spi_r))
		return;
	ike_report_unauthenticated(ike, NULL, IKE_CAUSE_VERSION, &remote->addr,
				   "%s begins in IKEv%u, expected IKEv2",
				   endpoint_str(remote, from, sizeof(from)), hdr->major);
	if (hdr->major > v2_version.major)
		v2_version.refuse(ike, hdr, local, remote);
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
	if (hdr.major == v2_version.major)
		v2_version.message(ike, &hdr, local, remote, msg);
	else
		other_version(ike, &hdr, local, remote);
}
