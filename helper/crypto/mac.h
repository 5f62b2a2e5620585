/* SPDX-License-Identifier: GPL-2.0 */
/* Integrity of the SK payload, for crypto/sk_crypt.c; PRFs are in crypto/crypto.h. */
#ifndef CRYPTO_MAC_H
#define CRYPTO_MAC_H

#include "crypto/crypto.h"

/* @out: CRYPTO_HASH_MAX octets, of which the ICV is the head; false: unknown, or a wrong key length */
bool mac_integ(uint16_t integ, struct bytes key, const struct bytes *parts, unsigned int n,
	       uint8_t *out);

#endif
