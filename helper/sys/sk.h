/* SPDX-License-Identifier: GPL-2.0 */
/* Set-up of the SK payload, for crypto_init(); all others use sys/crypto.h. */
#ifndef SYS_SK_H
#define SYS_SK_H

#include <stdbool.h>

bool sk_init(void);

#endif
