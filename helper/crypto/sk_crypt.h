/* SPDX-License-Identifier: GPL-2.0 */
/* Set-up of the SK payload, for crypto_init(); all others use crypto/crypto.h. */
#ifndef CRYPTO_SK_CRYPT_H
#define CRYPTO_SK_CRYPT_H

#include <stdbool.h>

bool sk_init(void);

#endif
