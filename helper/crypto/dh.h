/* SPDX-License-Identifier: GPL-2.0 */
/* Diffie-Hellman for the self-test and for known-answer tests; all others use crypto/crypto.h. */
#ifndef CRYPTO_DH_H
#define CRYPTO_DH_H

#include "crypto/crypto.h"

/* with a private key that is given, big-endian but for x25519 and x448 */
struct crypto_dh *dh_from_private(uint16_t group, struct bytes private);
bool dh_self_test(void);

#endif
