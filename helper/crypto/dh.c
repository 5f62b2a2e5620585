// SPDX-License-Identifier: GPL-2.0
/*
 * Diffie-Hellman for IKE: keys and the table of groups. GnuTLS does not offer it
 * raw; who computes is said in dh_groups.h.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/dh.h"
#include "crypto/dh_groups.h"

/*
 * Private exponents of MODP have twice the strength of the prime by the larger
 * estimate of RFC 3526 8: 480 bits for 4096, 620 for 8192.
 */
#define EXPONENT_LEN	64
#define EXPONENT_LONG	80
#define PRIVATE_MAX	80
#define DRAWS_MAX	128	/* of a private key: at worst every other one is above the order */

struct kind {
	bool (*public)(uint16_t group, struct bytes private, uint8_t *out);
	bool (*shared)(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out);
	/* of full length, so that the time of powers is always the same */
	bool full_length;
};

static const struct kind modp = { modp_public, modp_shared, true };
static const struct kind ecp = { ecp_public, ecp_shared, false };
static const struct kind brainpool = { brainpool_public, brainpool_shared, false };
static const struct kind xdh = { xdh_public, xdh_shared, false };

struct group {
	uint16_t id;
	size_t public_len, private_len, shared_len;
	const struct kind *kind;
	uint8_t top_mask;				/* of a private key's first octet */
};

static const struct group groups[] = {
	{ DH_MODP768, 96, EXPONENT_LEN, 96, &modp, 0xff },
	{ DH_MODP1024, 128, EXPONENT_LEN, 128, &modp, 0xff },
	{ DH_MODP1536, 192, EXPONENT_LEN, 192, &modp, 0xff },
	{ DH_MODP2048, 256, EXPONENT_LEN, 256, &modp, 0xff },
	{ DH_MODP3072, 384, EXPONENT_LEN, 384, &modp, 0xff },
	{ DH_MODP4096, 512, EXPONENT_LEN, 512, &modp, 0xff },
	{ DH_MODP6144, 768, EXPONENT_LONG, 768, &modp, 0xff },
	{ DH_MODP8192, 1024, EXPONENT_LONG, 1024, &modp, 0xff },
	{ DH_ECP256, 64, 32, 32, &ecp, 0xff },
	{ DH_ECP384, 96, 48, 48, &ecp, 0xff },
	{ DH_ECP521, 132, 66, 66, &ecp, 0x01 },
	{ DH_BP224, 56, 28, 28, &brainpool, 0xff },
	{ DH_BP256, 64, 32, 32, &brainpool, 0xff },
	{ DH_BP384, 96, 48, 48, &brainpool, 0xff },
	{ DH_BP512, 128, 64, 64, &brainpool, 0xff },
	{ DH_X25519, 32, 32, 32, &xdh, 0xff },
	{ DH_X448, 56, 56, 56, &xdh, 0xff },
};

struct crypto_dh {
	const struct group *group;
	uint8_t private[PRIVATE_MAX];
	uint8_t public[DH_PUBLIC_MAX];
};

static const struct group *group_find(uint16_t id)
{
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

static struct bytes private_of(const struct crypto_dh *dh)
{
	return (struct bytes){ dh->private, dh->group->private_len };
}

/* false when the private key is not one of the group's */
static bool make_public(struct crypto_dh *dh)
{
	return dh->group->kind->public(dh->group->id, private_of(dh), dh->public);
}

/**
 * crypto_dh_new() - a fresh private key and its public value
 * @group: transform ID
 *
 * Return: the key, NULL for an unknown group, no memory or no randomness.
 */
struct crypto_dh *crypto_dh_new(uint16_t group)
{
	const struct group *g = group_find(group);
	struct crypto_dh *dh = g ? calloc(1, sizeof(*dh)) : NULL;
	unsigned int draws;

	if (!dh)
		return NULL;
	dh->group = g;
	for (draws = 0; draws < DRAWS_MAX && crypto_random(dh->private, g->private_len); draws++) {
		dh->private[0] &= g->top_mask;
		if (g->kind->full_length)
			dh->private[0] |= 0x80;
		if (make_public(dh))
			return dh;
	}
	crypto_dh_free(dh);
	return NULL;
}

/**
 * dh_from_private() - the public value of a private key that is given: known-answer tests
 * @group: transform ID
 * @private: big-endian and of full length, for x25519 and x448 as RFC 7748 writes it
 *
 * Return: the key, NULL when it is none of the group.
 */
struct crypto_dh *dh_from_private(uint16_t group, struct bytes private)
{
	const struct group *g = group_find(group);
	struct crypto_dh *dh = g ? calloc(1, sizeof(*dh)) : NULL;

	if (!dh)
		return NULL;
	dh->group = g;
	if (private.len != g->private_len) {
		crypto_dh_free(dh);
		return NULL;
	}
	memcpy(dh->private, private.p, private.len);
	if (!make_public(dh)) {
		crypto_dh_free(dh);
		return NULL;
	}
	return dh;
}

/**
 * crypto_dh_free() - wipe and free
 * @dh: the key, may be NULL
 */
void crypto_dh_free(struct crypto_dh *dh)
{
	if (!dh)
		return;
	crypto_wipe(dh, sizeof(*dh));
	free(dh);
}

/**
 * crypto_dh_group() - which group
 * @dh: the key
 *
 * Return: transform ID.
 */
uint16_t crypto_dh_group(const struct crypto_dh *dh)
{
	return dh->group->id;
}

/**
 * crypto_dh_public() - what the KE payload carries
 * @dh: the key
 *
 * Return: a view that lives as long as the key.
 */
struct bytes crypto_dh_public(const struct crypto_dh *dh)
{
	return (struct bytes){ dh->public, dh->group->public_len };
}

/**
 * crypto_dh_public_len() - length of a KE payload's data
 * @group: transform ID
 *
 * Return: octets, 0 for an unknown group.
 */
size_t crypto_dh_public_len(uint16_t group)
{
	const struct group *g = group_find(group);

	return g ? g->public_len : 0;
}

/**
 * crypto_dh_shared() - the shared secret
 * @dh: our key
 * @peer: the peer's public value, checked here: RFC 6989 2, RFC 7296 3.4
 * @out: the secret is appended, of the group's full length
 *
 * Return: false when the peer's value is no good; @out is as before then.
 */
bool crypto_dh_shared(struct crypto_dh *dh, struct bytes peer, struct buf *out)
{
	const struct group *g = dh->group;
	uint8_t shared[DH_PUBLIC_MAX];
	bool ok;

	if (peer.len != g->public_len)
		return false;
	ok = g->kind->shared(g->id, private_of(dh), peer.p, shared);
	if (ok)
		buf_put(out, shared, g->shared_len);
	crypto_wipe(shared, sizeof(shared));
	return ok && !out->failed;
}

/**
 * dh_self_test() - two keys of one group of each kind come to the same secret
 *
 * Return: whether they do.
 */
bool dh_self_test(void)
{
	static const uint16_t ids[] = { DH_X25519, DH_X448, DH_ECP256, DH_BP256, DH_MODP2048 };
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct crypto_dh *a = crypto_dh_new(ids[i]), *b = crypto_dh_new(ids[i]);
		struct buf sa, sb;

		buf_init(&sa);
		buf_init(&sb);
		ok = a && b && crypto_dh_shared(a, crypto_dh_public(b), &sa) &&
		     crypto_dh_shared(b, crypto_dh_public(a), &sb) && sa.len == sb.len &&
		     crypto_equal(sa.p, sb.p, sa.len);
		buf_free(&sa);
		buf_free(&sb);
		crypto_dh_free(a);
		crypto_dh_free(b);
	}
	return ok;
}
