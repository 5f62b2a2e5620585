// SPDX-License-Identifier: GPL-2.0
/*
 * ECDH on the Brainpool curves, with libgcrypt: hogweed has none of them. RFC 6954.
 *
 * The scalar lies in libgcrypt's secure memory, for then it multiplies by
 * double-and-add-always: what is left to a timer is the scalar's length in bits.
 * Keys here are for one exchange, so that tells nothing that could be summed up.
 * Memory of its numbers is wiped as it is freed.
 */
#include <gcrypt.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/dh_groups.h"

#define SECURE_MEMORY	65536	/* of all threads together; grows */

/**
 * brainpool_init() - set libgcrypt up, before any thread; more than once is no harm
 *
 * Return: false when it is another library than the one compiled for.
 */
bool brainpool_init(void)
{
	if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P))
		return true;
	if (!gcry_check_version(GCRYPT_VERSION))
		return false;
	/* whether it can be locked depends on the limits; the daemon locks all of its memory */
	gcry_control(GCRYCTL_DISABLE_SECMEM_WARN);
	gcry_control(GCRYCTL_AUTO_EXPAND_SECMEM, SECURE_MEMORY);
	gcry_control(GCRYCTL_INIT_SECMEM, SECURE_MEMORY, 0);
	gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
	return gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P);
}

static const char *curve_of(uint16_t group)
{
	switch (group) {
	case DH_BP224:
		return "brainpoolP224r1";
	case DH_BP256:
		return "brainpoolP256r1";
	case DH_BP384:
		return "brainpoolP384r1";
	case DH_BP512:
		return "brainpoolP512r1";
	default:
		return NULL;
	}
}

static gcry_mpi_t number_read(const uint8_t *p, size_t len)
{
	gcry_mpi_t z;

	return gcry_mpi_scan(&z, GCRYMPI_FMT_USG, p, len, NULL) ? NULL : z;
}

/* zeros in front where the number is shorter */
static bool number_write(gcry_mpi_t z, uint8_t *out, size_t len)
{
	size_t n = (gcry_mpi_get_nbits(z) + 7) / 8;

	if (n > len)
		return false;
	memset(out, 0, len - n);
	return !gcry_mpi_print(GCRYMPI_FMT_USG, out + len - n, n, NULL, z);
}

/* a number read out of secure memory is secure itself */
static gcry_mpi_t secret_read(struct bytes v)
{
	uint8_t *copy = gcry_malloc_secure(v.len);
	gcry_mpi_t z = NULL;

	if (!copy)
		return NULL;
	memcpy(copy, v.p, v.len);
	z = number_read(copy, v.len);
	gcry_free(copy);
	return z;
}

/* NULL when the private key is not in [1, order - 1] */
static gcry_mpi_t scalar_get(gcry_ctx_t ctx, struct bytes private)
{
	gcry_mpi_t order = gcry_mpi_ec_get_mpi("n", ctx, 1), z = secret_read(private);

	if (!z || !order || gcry_mpi_cmp_ui(z, 0) <= 0 || gcry_mpi_cmp(z, order) >= 0) {
		gcry_mpi_release(z);
		z = NULL;
	}
	gcry_mpi_release(order);
	return z;
}

/* @len octets of x, and of y when it is wanted */
static bool point_write(gcry_mpi_point_t p, gcry_ctx_t ctx, size_t len, uint8_t *out, bool want_y)
{
	gcry_mpi_t x = gcry_mpi_snew(0), y = gcry_mpi_snew(0);
	bool ok;

	/* refuses the point at infinity */
	ok = !gcry_mpi_ec_get_affine(x, y, p, ctx) && number_write(x, out, len) &&
	     (!want_y || number_write(y, out + len, len));
	gcry_mpi_release(x);
	gcry_mpi_release(y);
	return ok;
}

/* @point times the private key */
static bool multiply(gcry_ctx_t ctx, struct bytes private, gcry_mpi_point_t point, uint8_t *out,
		     bool want_y)
{
	gcry_mpi_t scalar = point ? scalar_get(ctx, private) : NULL;
	gcry_mpi_point_t product;
	bool ok;

	if (!scalar)
		return false;
	product = gcry_mpi_point_new(0);
	gcry_mpi_ec_mul(product, scalar, point, ctx);
	ok = point_write(product, ctx, private.len, out, want_y);
	gcry_mpi_point_release(product);
	gcry_mpi_release(scalar);
	return ok;
}

bool brainpool_public(uint16_t group, struct bytes private, uint8_t *out)
{
	gcry_mpi_point_t base;
	gcry_ctx_t ctx;
	bool ok;

	if (gcry_mpi_ec_new(&ctx, NULL, curve_of(group)))
		return false;
	base = gcry_mpi_ec_get_point("g", ctx, 1);
	ok = multiply(ctx, private, base, out, true);
	gcry_mpi_point_release(base);
	gcry_ctx_release(ctx);
	return ok;
}

/* NULL for no point of the curve. RFC 6989 2.3; the order is prime, so nothing more. */
static gcry_mpi_point_t point_read(gcry_ctx_t ctx, const uint8_t *p, size_t len)
{
	gcry_mpi_t x = number_read(p, len), y = number_read(p + len, len);
	gcry_mpi_t one = gcry_mpi_set_ui(NULL, 1), prime = gcry_mpi_ec_get_mpi("p", ctx, 1);
	gcry_mpi_point_t point = NULL;

	if (x && y && prime && gcry_mpi_cmp(x, prime) < 0 && gcry_mpi_cmp(y, prime) < 0) {
		point = gcry_mpi_point_set(NULL, x, y, one);
		if (!gcry_mpi_ec_curve_point(point, ctx)) {
			gcry_mpi_point_release(point);
			point = NULL;
		}
	}
	gcry_mpi_release(x);
	gcry_mpi_release(y);
	gcry_mpi_release(one);
	gcry_mpi_release(prime);
	return point;
}

bool brainpool_shared(uint16_t group, struct bytes private, const uint8_t *peer, uint8_t *out)
{
	gcry_mpi_point_t point;
	gcry_ctx_t ctx;
	bool ok;

	if (gcry_mpi_ec_new(&ctx, NULL, curve_of(group)))
		return false;
	point = point_read(ctx, peer, private.len);
	ok = multiply(ctx, private, point, out, false);
	gcry_mpi_point_release(point);
	gcry_ctx_release(ctx);
	return ok;
}
