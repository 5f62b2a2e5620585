/* SPDX-License-Identifier: GPL-2.0 */
/* Versions of IKE. This header is the only door from ike/ to the rooms of the versions. */
#ifndef IKE_VERSION_H
#define IKE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/buf.h"
#include "sys/kern.h"
#include "wire/wire.h"

struct ike;
struct ike_peer;
struct ike_sa;
struct ike_child;
struct ike_tunnel;

/**
 * struct ike_version - what ike/ knows of a version of IKE
 * @major: major version of the IKE header
 * @initiate: initiates an IKE SA with a peer, for a tunnel and the flow that wants it (NULL: none);
 *	@replaces: our SPI of the IKE SA that the new one replaces, 0: none
 * @message: processes a message of this version; its header is decoded
 * @refuse: answers a message of a later major version with INVALID_MAJOR_VERSION
 * @run: starts the next task of an IKE SA, if its window is free
 * @is_answering: tells whether a response of an IKE SA is being made
 * @unanswered: ends a request that the peer has not answered after the last retransmission
 * @smaller: splits the request @msg of an IKE SA into smaller datagrams; false: it cannot
 * @datagram_max: octets that a message in one datagram may have
 * @renew: replaces an IKE SA at its soft limit
 * @reauthenticate: replaces an IKE SA, and authenticates the peer again
 * @goodbye: sends a DELETE of an IKE SA and awaits no response
 * @child_failed: reports that a CHILD SA failed, and frees it; @peer_has_it: the peer gets a DELETE
 * @killed: frees the incomplete messages of a dead IKE SA
 * @free: frees what the version keeps in an IKE SA
 *
 * The main thread calls all of them.
 */
struct ike_version {
	uint8_t major;
	void (*initiate)(struct ike_peer *peer, struct ike_tunnel *tun, const struct kern_flow *flow,
			 uint64_t replaces);
	void (*message)(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
			const struct endpoint *remote, struct bytes raw);
	void (*refuse)(struct ike *ike, const struct wire_hdr *hdr, const struct endpoint *local,
		       const struct endpoint *remote);
	void (*run)(struct ike_sa *sa);
	bool (*is_answering)(const struct ike_sa *sa);
	void (*unanswered)(struct ike_sa *sa);
	bool (*smaller)(struct ike_sa *sa, struct buf *msg);
	size_t (*datagram_max)(const struct ike_sa *sa);
	void (*renew)(struct ike_sa *sa);
	void (*reauthenticate)(struct ike_sa *sa);
	void (*goodbye)(struct ike_sa *sa);
	void (*child_failed)(struct ike_child *child, bool peer_has_it, const char *error);
	void (*killed)(struct ike_sa *sa);
	void (*free)(struct ike_sa *sa);
};

/* v2/version.c */
extern const struct ike_version v2_version;

#endif
