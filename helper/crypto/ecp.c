// SPDX-License-Identifier: GPL-2.0
/* ECDH on NIST's curves, with hogweed: constant time for the private key. RFC 5903. */
#include <gmp.h>
#include <nettle/bignum.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>

#include "crypto/alg.h"
#include "crypto/dh_groups.h"

static const struct ecc_curve *curve_of(uint16_t group)
{
	switch (group) {
	case DH_ECP256:
		return nettle_get_secp_256r1();
	case DH_ECP384:
		return nettle_get_secp_384r1();
	case DH_ECP521:
		return nettle_get_secp_521r1();
	default:
		return NULL;
	}
}

static void number_read(mpz_t z, const uint8_t *p, size_t len)
{
	mpz_import(z, len, 1, 1, 1, 0, p);
}

/* false when the private key is not in [1, order - 1] */
static bool scalar_get(const struct ecc_curve *curve, struct bytes private, struct ecc_scalar *s)
{
	bool ok;
	mpz_t z;

	if (!curve)
		return false;
	ecc_scalar_init(s, curve);
	mpz_init(z);
	number_read(z, private.p, private.len);
	ok = ecc_scalar_set(s, z);
	mpz_clear(z);
	if (!ok)
		ecc_scalar_clear(s);
	return ok;
}

/* zeros in front where a coordinate is shorter; @y_out NULL: x alone */
static void point_write(const struct ecc_point *p, size_t len, uint8_t *x_out, uint8_t *y_out)
{
	mpz_t x, y;

	mpz_init(x);
	mpz_init(y);
	ecc_point_get(p, x, y);
	nettle_mpz_get_str_256(len, x_out, x);
	if (y_out)
		nettle_mpz_get_str_256(len, y_out, y);
	mpz_clear(x);
	mpz_clear(y);
}

bool ecp_public(uint16_t group, struct bytes private, uint8_t *out)
{
	const struct ecc_curve *curve = curve_of(group);
	struct ecc_scalar s;
	struct ecc_point p;

	if (!scalar_get(curve, private, &s))
		return false;
	ecc_point_init(&p, curve);
	ecc_point_mul_g(&p, &s);
	point_write(&p, private.len, out, out + private.len);
	ecc_point_clear(&p);
	ecc_scalar_clear(&s);
	return true;
}

/*
 * RFC 6989 2.3: both coordinates below the field's prime and the point on the
 * curve, which ecc_point_set() checks; the order is prime, so nothing more.
 */
bool ecp_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out)
{
	const struct ecc_curve *curve = curve_of(group);
	size_t len = private.len;
	struct ecc_scalar s;
	struct ecc_point p;
	mpz_t x, y;
	bool ok;

	if (!scalar_get(curve, private, &s))
		return false;
	mpz_init(x);
	mpz_init(y);
	ecc_point_init(&p, curve);
	number_read(x, peer, len);
	number_read(y, peer + len, len);
	ok = ecc_point_set(&p, x, y);
	if (ok) {
		ecc_point_mul(&p, &s, &p);
		point_write(&p, len, out, NULL);
	}
	mpz_clear(x);
	mpz_clear(y);
	ecc_point_clear(&p);
	ecc_scalar_clear(&s);
	return ok;
}
