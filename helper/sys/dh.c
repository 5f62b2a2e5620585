// SPDX-License-Identifier: GPL-2.0
/*
 * Diffie-Hellman for IKE, which GnuTLS does not offer raw: MODP on GMP, elliptic
 * curves on hogweed. Private keys are kept as octets and become numbers only
 * while they are used; GMP's memory is wiped as it is freed (see crypto_init()).
 */
#include <gmp.h>
#include <nettle/bignum.h>
#include <nettle/curve25519.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <stdlib.h>
#include <string.h>

#include "ike/alg.h"
#include "sys/dh.h"

/*
 * Private exponents are of 512 bits: twice the strength of any of these primes
 * by the larger estimate of RFC 3526 8 (480 bits for 4096).
 */
#define EXPONENT_LEN	64
#define PRIVATE_MAX	66	/* ecp521 */
#define PUBLIC_MAX	512	/* modp4096 */

/* RFC 3526 3, 4, 5: 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + c); the generator is 2 */
static const char modp2048[] =
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
	"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
	"3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF";
static const char modp3072[] =
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
	"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
	"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
	"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
	"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
	"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
	"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";
static const char modp4096[] =
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
	"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
	"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
	"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
	"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
	"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
	"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A92108011A723C12A787E6D7"
	"88719A10BDBA5B2699C327186AF4E23C1A946834B6150BDA2583E9CA2AD44CE8"
	"DBBBC2DB04DE8EF92E8EFC141FBECAA6287C59474E6BC05D99B2964FA090C3A2"
	"233BA186515BE7ED1F612970CEE2D7AFB81BDD762170481CD0069127D5B05AA9"
	"93B4EA988D8FDDC186FFB7DC90A6C08F4DF435C934063199FFFFFFFFFFFFFFFF";

struct group {
	uint16_t id;
	size_t public_len, private_len, shared_len;
	const char *prime;				/* MODP */
	const struct ecc_curve *(*curve)(void);		/* ECP */
	uint8_t top_mask;				/* of a private key's first octet */
};

/* RFC 5903 7: an ECP group's public value is x|y, its shared secret x alone */
static const struct group groups[] = {
	{ DH_MODP2048, 256, EXPONENT_LEN, 256, modp2048, NULL, 0xff },
	{ DH_MODP3072, 384, EXPONENT_LEN, 384, modp3072, NULL, 0xff },
	{ DH_MODP4096, 512, EXPONENT_LEN, 512, modp4096, NULL, 0xff },
	{ DH_ECP256, 64, 32, 32, NULL, nettle_get_secp_256r1, 0xff },
	{ DH_ECP384, 96, 48, 48, NULL, nettle_get_secp_384r1, 0xff },
	{ DH_ECP521, 132, 66, 66, NULL, nettle_get_secp_521r1, 0x01 },
	{ DH_X25519, CURVE25519_SIZE, CURVE25519_SIZE, CURVE25519_SIZE, NULL, NULL, 0xff },
};

struct crypto_dh {
	const struct group *group;
	uint8_t private[PRIVATE_MAX];
	uint8_t public[PUBLIC_MAX];
};

static const struct group *group_find(uint16_t id)
{
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

static void number_read(mpz_t z, const uint8_t *p, size_t len)
{
	mpz_import(z, len, 1, 1, 1, 0, p);
}

/* zeros in front where the number is shorter: RFC 7296 2.14, 3.4 */
static void number_write(const mpz_t z, uint8_t *p, size_t len)
{
	nettle_mpz_get_str_256(len, p, z);
}

/* ---- MODP ---- */

/* @base^private mod p, in a time that does not depend on the private key */
static void modp_power(const struct crypto_dh *dh, const mpz_t base, const mpz_t p, uint8_t *out)
{
	mpz_t x, r;

	mpz_init(x);
	mpz_init(r);
	number_read(x, dh->private, dh->group->private_len);
	mpz_powm_sec(r, base, x, p);
	number_write(r, out, dh->group->public_len);
	mpz_clear(x);
	mpz_clear(r);
}

static bool modp_public(struct crypto_dh *dh)
{
	mpz_t p, g;

	mpz_init_set_str(p, dh->group->prime, 16);
	mpz_init_set_ui(g, 2);
	modp_power(dh, g, p, dh->public);
	mpz_clear(p);
	mpz_clear(g);
	return true;
}

/* RFC 6989 2.1: 1 < y < p - 1 */
static bool modp_shared(const struct crypto_dh *dh, const uint8_t *peer, uint8_t *out)
{
	mpz_t p, y, last;
	bool ok;

	mpz_init_set_str(p, dh->group->prime, 16);
	mpz_init(y);
	mpz_init(last);
	number_read(y, peer, dh->group->public_len);
	mpz_sub_ui(last, p, 1);
	ok = mpz_cmp_ui(y, 1) > 0 && mpz_cmp(y, last) < 0;
	if (ok)
		modp_power(dh, y, p, out);
	mpz_clear(p);
	mpz_clear(y);
	mpz_clear(last);
	return ok;
}

/* ---- elliptic curves over primes ---- */

/* false when the private key is not in [1, order - 1] */
static bool ecp_scalar(const struct crypto_dh *dh, struct ecc_scalar *s)
{
	bool ok;
	mpz_t z;

	ecc_scalar_init(s, dh->group->curve());
	mpz_init(z);
	number_read(z, dh->private, dh->group->private_len);
	ok = ecc_scalar_set(s, z);
	mpz_clear(z);
	if (!ok)
		ecc_scalar_clear(s);
	return ok;
}

/* @y_out NULL: x alone */
static void ecp_write(const struct ecc_point *p, size_t len, uint8_t *x_out, uint8_t *y_out)
{
	mpz_t x, y;

	mpz_init(x);
	mpz_init(y);
	ecc_point_get(p, x, y);
	number_write(x, x_out, len);
	if (y_out)
		number_write(y, y_out, len);
	mpz_clear(x);
	mpz_clear(y);
}

static bool ecp_public(struct crypto_dh *dh)
{
	size_t len = dh->group->shared_len;
	struct ecc_scalar s;
	struct ecc_point p;

	if (!ecp_scalar(dh, &s))
		return false;
	ecc_point_init(&p, dh->group->curve());
	ecc_point_mul_g(&p, &s);
	ecp_write(&p, len, dh->public, dh->public + len);
	ecc_point_clear(&p);
	ecc_scalar_clear(&s);
	return true;
}

/*
 * RFC 6989 2.3: both coordinates below the field's prime and the point on the
 * curve, which ecc_point_set() checks; the order is prime, so nothing more.
 */
static bool ecp_shared(const struct crypto_dh *dh, const uint8_t *peer, uint8_t *out)
{
	size_t len = dh->group->shared_len;
	struct ecc_scalar s;
	struct ecc_point p;
	mpz_t x, y;
	bool ok;

	if (!ecp_scalar(dh, &s))
		return false;
	mpz_init(x);
	mpz_init(y);
	ecc_point_init(&p, dh->group->curve());
	number_read(x, peer, len);
	number_read(y, peer + len, len);
	ok = ecc_point_set(&p, x, y);
	if (ok) {
		ecc_point_mul(&p, &s, &p);
		ecp_write(&p, len, out, NULL);
	}
	mpz_clear(x);
	mpz_clear(y);
	ecc_point_clear(&p);
	ecc_scalar_clear(&s);
	return ok;
}

/* ---- Curve25519: RFC 8031 ---- */

static bool x25519_shared(const struct crypto_dh *dh, const uint8_t *peer, uint8_t *out)
{
	static const uint8_t zero[CURVE25519_SIZE];

	curve25519_mul(out, dh->private, peer);
	/* a point of small order: RFC 8031 3.2, RFC 7748 6.1 */
	return !crypto_equal(out, zero, sizeof(zero));
}

/* ---- all of them ---- */

/* false when the private key is not one of the group's */
static bool make_public(struct crypto_dh *dh)
{
	if (dh->group->prime)
		return modp_public(dh);
	if (dh->group->curve)
		return ecp_public(dh);
	curve25519_mul_g(dh->public, dh->private);
	return true;
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

	if (!dh)
		return NULL;
	dh->group = g;
	do {
		if (!crypto_random(dh->private, g->private_len)) {
			crypto_dh_free(dh);
			return NULL;
		}
		dh->private[0] &= g->top_mask;
		/* of full length, so that the time of powers is always the same */
		if (g->prime)
			dh->private[0] |= 0x80;
		/* an ECP key above the order is drawn anew: at worst every other one */
	} while (!make_public(dh));
	return dh;
}

/**
 * dh_from_private() - the public value of a private key that is given: known-answer tests
 * @group: transform ID
 * @private: big-endian and of full length, for x25519 as RFC 7748 writes it
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
	uint8_t shared[PUBLIC_MAX];
	bool ok;

	if (peer.len != g->public_len)
		return false;
	if (g->prime)
		ok = modp_shared(dh, peer.p, shared);
	else if (g->curve)
		ok = ecp_shared(dh, peer.p, shared);
	else
		ok = x25519_shared(dh, peer.p, shared);
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
	static const uint16_t ids[] = { DH_X25519, DH_ECP256, DH_MODP2048 };
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
