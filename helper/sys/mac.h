/* SPDX-License-Identifier: GPL-2.0 */
/* Integrity of the SK payload, for sys/sk.c; PRFs are in sys/crypto.h. */
#ifndef SYS_MAC_H
#define SYS_MAC_H

#include "sys/crypto.h"

/* @out: CRYPTO_HASH_MAX octets, of which the ICV is the head; false: unknown, or a wrong key length */
bool mac_integ(uint16_t integ, struct bytes key, const struct bytes *parts, unsigned int n,
	       uint8_t *out);

#endif
