/* SPDX-License-Identifier: GPL-2.0 */
/* The SK payload's ciphers, for crypto/sk_crypt.c. */
#ifndef CRYPTO_CIPHER_H
#define CRYPTO_CIPHER_H

#include "crypto/alg.h"
#include "crypto/crypto.h"

/* is there one for this row of the table? */
bool cipher_known(const struct ike_alg *alg);
/*
 * In place: @alg->iv_len octets of IV stand before @text, and with an AEAD
 * @alg->icv_len octets of ICV go, or stand, behind it. @key: with its salt at the
 * end. @aad is looked at by an AEAD alone. Opening is false for a wrong ICV.
 */
bool cipher_seal(const struct ike_alg *alg, struct bytes key, struct bytes aad, uint8_t *text,
		 size_t len);
bool cipher_open(const struct ike_alg *alg, struct bytes key, struct bytes aad, uint8_t *text,
		 size_t len);

#endif
