// SPDX-License-Identifier: GPL-2.0
/* Sets the libraries up, and checks that they compute what they should. */
#include <gmp.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/alg.h"
#include "crypto/crypto.h"
#include "crypto/dh.h"
#include "crypto/dh_groups.h"
#include "crypto/sk_crypt.h"

/*
 * GMP's memory holds private exponents and shared secrets, also in its
 * temporaries: what is given back is wiped. GMP cannot go on without memory.
 */
static void *gmp_get(size_t len)
{
	void *p = malloc(len);

	if (!p)
		abort();
	return p;
}

static void gmp_put(void *p, size_t len)
{
	if (!p)
		return;
	explicit_bzero(p, len);
	free(p);
}

static void *gmp_resize(void *p, size_t old_len, size_t len)
{
	void *q = gmp_get(len);

	if (p)
		memcpy(q, p, old_len < len ? old_len : len);
	gmp_put(p, old_len);
	return q;
}

/* RFC 4231 4.3 (test case 2) */
static bool test_prf(void)
{
	static const uint8_t want[4] = { 0x5b, 0xdc, 0xc1, 0x46 };
	const char data[] = "what do ya want for nothing?";
	const struct bytes part = { (const uint8_t *)data, sizeof(data) - 1 };
	uint8_t out[CRYPTO_HASH_MAX];

	return crypto_prf(PRF_HMAC_SHA2_256, (struct bytes){ (const uint8_t *)"Jefe", 4 }, &part, 1,
			  out) && !memcmp(out, want, sizeof(want));
}

static bool test_sk(uint16_t encr, size_t key_len)
{
	static const uint8_t key[36] = { 1, 2, 3 }, text[] = "nfipsec";
	const struct bytes k = { key, key_len }, ik = { key, 32 }, clear = { text, sizeof(text) };
	struct buf sealed, out;
	bool ok;

	buf_init(&sealed);
	buf_init(&out);
	ok = crypto_sk_seal(encr, k, INTEG_HMAC_SHA2_256_128, ik, clear, clear, &sealed) &&
	     sealed.len == crypto_sk_len(encr, INTEG_HMAC_SHA2_256_128, clear.len) &&
	     crypto_sk_open(encr, k, INTEG_HMAC_SHA2_256_128, ik, clear, buf_bytes(&sealed), &out) &&
	     bytes_equal(clear, buf_bytes(&out));
	if (ok) {
		sealed.p[sealed.len - 1] ^= 1;
		ok = !crypto_sk_open(encr, k, INTEG_HMAC_SHA2_256_128, ik, clear,
				     buf_bytes(&sealed), &out);
	}
	buf_free(&sealed);
	buf_free(&out);
	return ok;
}

/**
 * crypto_init() - set the libraries up and see that they compute what they should
 *
 * Before any other thread and any other use of GMP.
 *
 * Return: false when they do not.
 */
bool crypto_init(void)
{
	mp_set_memory_functions(gmp_get, gmp_resize, gmp_put);
	if (gnutls_global_init() < 0)
		return false;
	if (brainpool_init() && sk_init() && test_prf() && test_sk(ENCR_AES_GCM_16, 16 + 4) &&
	    test_sk(ENCR_AES_CBC, 32) && dh_self_test())
		return true;
	gnutls_global_deinit();
	return false;
}

/**
 * crypto_exit() - give the libraries' state back
 */
void crypto_exit(void)
{
	gnutls_global_deinit();
}
