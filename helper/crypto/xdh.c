// SPDX-License-Identifier: GPL-2.0
/* Curve25519 and Curve448, on nettle: RFC 7748, RFC 8031. */
#include <nettle/curve25519.h>
#include <nettle/curve448.h>

#include "crypto/alg.h"
#include "crypto/crypto.h"
#include "crypto/dh_groups.h"

bool xdh_public(uint16_t group, struct bytes private, uint8_t *out)
{
	if (group == DH_X448)
		curve448_mul_g(out, private.p);
	else
		curve25519_mul_g(out, private.p);
	return true;
}

/* any octets are a public value; a point of small order gives a secret of zeros: RFC 8031 3.2 */
bool xdh_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out)
{
	static const uint8_t zero[CURVE448_SIZE];

	if (group == DH_X448)
		curve448_mul(out, private.p, peer);
	else
		curve25519_mul(out, private.p, peer);
	return !crypto_equal(out, zero, private.len);
}
