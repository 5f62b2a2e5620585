/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Diffie-Hellman that costs nothing and protects nothing, in place of crypto/dh.c, which the linker does
 * not take from the library then: the public value is the private one repeated, the shared secret both
 * private ones xored. Values have the groups' lengths, both ends come to the same, and a value
 * of the wrong length is refused, as is zero (RFC 7748 6.1) and here our own.
 */
#ifndef FUZZ_FAKE_DH_H
#define FUZZ_FAKE_DH_H

#include <stdlib.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/dh.h"

#define FAKE_PRIVATE	32

static const struct fake_group {
	uint16_t id;
	size_t public_len;
} fake_groups[] = {
	{ DH_X25519, 32 }, { DH_ECP256, 64 }, { DH_ECP384, 96 }, { DH_MODP2048, 256 },
};

struct crypto_dh {
	uint16_t group;
	uint8_t private[FAKE_PRIVATE], public[256];
};

size_t crypto_dh_public_len(uint16_t group)
{
	size_t i;

	for (i = 0; i < sizeof(fake_groups) / sizeof(fake_groups[0]); i++)
		if (fake_groups[i].id == group)
			return fake_groups[i].public_len;
	return 0;
}

struct crypto_dh *dh_from_private(uint16_t group, struct bytes private)
{
	size_t i, len = crypto_dh_public_len(group);
	struct crypto_dh *dh = len && private.len == FAKE_PRIVATE ? calloc(1, sizeof(*dh)) : NULL;

	if (!dh)
		return NULL;
	dh->group = group;
	memcpy(dh->private, private.p, FAKE_PRIVATE);
	for (i = 0; i < len; i++)
		dh->public[i] = dh->private[i % FAKE_PRIVATE];
	return dh;
}

struct crypto_dh *crypto_dh_new(uint16_t group)
{
	uint8_t private[FAKE_PRIVATE];

	if (!crypto_random(private, sizeof(private)))
		return NULL;
	return dh_from_private(group, (struct bytes){ private, sizeof(private) });
}

void crypto_dh_free(struct crypto_dh *dh)
{
	free(dh);
}

uint16_t crypto_dh_group(const struct crypto_dh *dh)
{
	return dh->group;
}

struct bytes crypto_dh_public(const struct crypto_dh *dh)
{
	return (struct bytes){ dh->public, crypto_dh_public_len(dh->group) };
}

bool crypto_dh_shared(struct crypto_dh *dh, struct bytes peer, struct buf *out)
{
	static const uint8_t zero[sizeof(dh->public)];
	size_t i;

	if (peer.len != crypto_dh_public_len(dh->group) ||
	    !memcmp(peer.p, dh->public, peer.len) || !memcmp(peer.p, zero, peer.len))
		return false;
	for (i = 0; i < FAKE_PRIVATE; i++)
		buf_put_u8(out, dh->private[i] ^ peer.p[i]);
	return !out->failed;
}

bool dh_self_test(void)
{
	return true;
}

#endif
