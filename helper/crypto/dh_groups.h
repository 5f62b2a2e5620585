/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kinds of groups behind crypto/dh.c. @private is of the group's full length.
 * _public() is false for a private key that is none of the group; _shared()
 * checks the peer's public value (RFC 6989 2), and is false when that is no good.
 */
#ifndef CRYPTO_DH_GROUPS_H
#define CRYPTO_DH_GROUPS_H

#include "core/buf.h"

#define DH_PUBLIC_MAX	1024	/* modp8192 */

/* modp.c: RFC 2409 6, RFC 3526; @out is of the prime's length */
bool modp_public(uint16_t group, struct bytes private, uint8_t *out);
bool modp_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out);

/* ecp.c: RFC 5903 7, public values are x|y, the secret is x */
bool ecp_public(uint16_t group, struct bytes private, uint8_t *out);
bool ecp_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out);

/* brainpool.c: RFC 6954 2.3, as RFC 5903 */
bool brainpool_init(void);
bool brainpool_public(uint16_t group, struct bytes private, uint8_t *out);
bool brainpool_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out);

/* xdh.c: RFC 8031 */
bool xdh_public(uint16_t group, struct bytes private, uint8_t *out);
bool xdh_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out);

#endif
