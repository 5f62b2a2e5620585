// SPDX-License-Identifier: GPL-2.0
/*
 * Cookies without state: RFC 7296 2.6.
 *   cookie = version | HMAC(secret(version); Ni | IPi | SPIi)
 */
#include <string.h>

#include "ike/core.h"

#define ROTATE_MS 60000

static bool rotate(struct ike *ike)
{
	struct ike_cookie *c = &ike->cookie;

	if (c->used && ike->now - c->since < ROTATE_MS)
		return true;
	memcpy(c->secret[1], c->secret[0], sizeof(c->secret[1]));
	if (!crypto_random(c->secret[0], sizeof(c->secret[0])))
		return false;
	/* without a predecessor the one before must be nothing an attacker knows */
	if (!c->used && !crypto_random(c->secret[1], sizeof(c->secret[1])))
		return false;
	c->version++;
	c->since = ike->now;
	c->used = true;
	return true;
}

static bool compute(const uint8_t secret[32], struct bytes ni, const struct addr *from,
		    uint64_t spi_i, uint8_t out[32])
{
	uint8_t spi[8];
	unsigned int i;
	struct bytes parts[] = {
		ni, { from->a, addr_len(from) }, { spi, sizeof(spi) },
	};

	for (i = 0; i < 8; i++)
		spi[i] = spi_i >> (56 - 8 * i);
	return crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ secret, 32 }, parts, 3, out);
}

bool ike_cookie_make(struct ike *ike, struct bytes ni, const struct addr *from, uint64_t spi_i,
		     uint8_t out[IKE_COOKIE_LEN])
{
	if (!rotate(ike))
		return false;
	out[0] = ike->cookie.version;
	return compute(ike->cookie.secret[0], ni, from, spi_i, out + 1);
}

bool ike_cookie_check(struct ike *ike, struct bytes cookie, struct bytes ni,
		      const struct addr *from, uint64_t spi_i)
{
	uint8_t want[32];
	unsigned int age;

	if (cookie.len != IKE_COOKIE_LEN || !rotate(ike))
		return false;
	age = (uint8_t)(ike->cookie.version - cookie.p[0]);
	if (age > 1 || !compute(ike->cookie.secret[age], ni, from, spi_i, want))
		return false;
	return crypto_equal(want, cookie.p + 1, sizeof(want));
}
