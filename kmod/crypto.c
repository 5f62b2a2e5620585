// SPDX-License-Identifier: GPL-2.0
/*
 * The transforms of an SA and a packet's work on them, always synchronous.
 *
 * "rfc4106(gcm(aes))" on x86 is an asynchronous wrapper that hands the work to
 * another context when the FPU is taken. We take what is inside it, which may
 * only be called while the FPU is usable, and keep beside it a transform in plain
 * C for the rare packet that comes while it is not. So no packet ever waits and
 * none can overtake another.
 */
#include <crypto/aead.h>
#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <crypto/internal/simd.h>
#include <crypto/skcipher.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <asm/simd.h>

#include "crypto.h"
#include "esp.h"
#include "nfipsec.h"

struct nfipsec_crypto {
	const struct nfipsec_alg	*alg;
	bool				esn;
	/* AEAD, or cipher and mac; the fast ones may be missing */
	struct crypto_aead		*aead_fast, *aead;
	struct crypto_skcipher		*cipher_fast, *cipher;
	struct crypto_shash		*mac;
};

/* one packet's work; of the CPU, bottom halves off */
struct scratch {
	u8	aad[ESP_AAD_MAX];
	u8	iv[16];
	u8	request[1024] __aligned(CRYPTO_MINALIGN);
};

static DEFINE_PER_CPU(struct scratch *, scratch);

static const struct nfipsec_alg algs[] = {
	/* RFC 4106 */
	{ .encr = NFIPSEC_ENCR_AES_GCM_16, .iv_len = 8, .icv_len = 16, .block = 4, .salt_len = 4 },
	/* RFC 3602, RFC 4868 */
	{ .encr = NFIPSEC_ENCR_AES_CBC, .integ = NFIPSEC_INTEG_HMAC_SHA2_256_128, .iv_len = 16,
	  .icv_len = 16, .block = 16, .integ_key_len = 32 },
};

static const struct nfipsec_alg *find_alg(u16 encr, u16 integ)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(algs); i++)
		if (algs[i].encr == encr && algs[i].integ == integ)
			return &algs[i];
	return NULL;
}

static bool fits(unsigned int request_size)
{
	return request_size <= sizeof_field(struct scratch, request);
}

static struct crypto_aead *aead_create(const char *name, u32 type, u32 mask, const u8 *key,
				       unsigned int key_len, unsigned int icv_len)
{
	struct crypto_aead *tfm = crypto_alloc_aead(name, type, mask);
	int err;

	if (IS_ERR(tfm))
		return tfm;
	err = fits(sizeof(struct aead_request) + crypto_aead_reqsize(tfm)) ? 0 : -E2BIG;
	if (!err)
		err = crypto_aead_setkey(tfm, key, key_len);
	if (!err)
		err = crypto_aead_setauthsize(tfm, icv_len);
	if (err) {
		crypto_free_aead(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

static struct crypto_skcipher *cipher_create(const char *name, u32 type, u32 mask, const u8 *key,
					     unsigned int key_len)
{
	struct crypto_skcipher *tfm = crypto_alloc_skcipher(name, type, mask);
	int err;

	if (IS_ERR(tfm))
		return tfm;
	err = fits(sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm)) ? 0 : -E2BIG;
	if (!err)
		err = crypto_skcipher_setkey(tfm, key, key_len);
	if (err) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

/* ERR_PTR to NULL: the fast transform is welcome, not needed */
#define OPTIONAL(tfm) ({ typeof(tfm) _tfm = (tfm); IS_ERR(_tfm) ? NULL : _tfm; })

static int create_aead(struct nfipsec_crypto *c, const u8 *key, unsigned int key_len)
{
	c->aead_fast = OPTIONAL(aead_create("__rfc4106(gcm(aes))", CRYPTO_ALG_INTERNAL,
					    CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC, key, key_len,
					    c->alg->icv_len));
	c->aead = aead_create("rfc4106(gcm(aes))", 0, CRYPTO_ALG_ASYNC, key, key_len,
			      c->alg->icv_len);
	if (IS_ERR(c->aead)) {
		int err = PTR_ERR(c->aead);

		c->aead = NULL;
		return err;
	}
	return 0;
}

static int create_cipher_and_mac(struct nfipsec_crypto *c, const u8 *key, unsigned int key_len,
				 const u8 *integ_key, unsigned int integ_key_len)
{
	c->cipher_fast = OPTIONAL(cipher_create("__cbc(aes)", CRYPTO_ALG_INTERNAL,
						CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC, key,
						key_len));
	c->cipher = cipher_create("cbc(aes)", 0, CRYPTO_ALG_ASYNC, key, key_len);
	if (IS_ERR(c->cipher)) {
		int err = PTR_ERR(c->cipher);

		c->cipher = NULL;
		return err;
	}
	c->mac = crypto_alloc_shash("hmac(sha256)", 0, 0);
	if (IS_ERR(c->mac)) {
		int err = PTR_ERR(c->mac);

		c->mac = NULL;
		return err;
	}
	return crypto_shash_setkey(c->mac, integ_key, integ_key_len);
}

static bool aes_key_len(unsigned int len)
{
	return len == 16 || len == 24 || len == 32;
}

/**
 * nfipsec_crypto_create - the transforms of an SA
 * @encr: enum nfipsec_encr
 * @key: its key, then the salt where the algorithm has one
 * @key_len: octets of both
 * @integ: enum nfipsec_integ, 0 with an AEAD
 * @integ_key: its key
 * @integ_key_len: octets
 * @esn: 64-bit sequence numbers (RFC 4304)
 * @extack: says what was wrong
 *
 * Sleeps. Return: an ERR_PTR on failure.
 */
struct nfipsec_crypto *nfipsec_crypto_create(u16 encr, const u8 *key, unsigned int key_len,
					     u16 integ, const u8 *integ_key,
					     unsigned int integ_key_len, bool esn,
					     struct netlink_ext_ack *extack)
{
	const struct nfipsec_alg *alg = find_alg(encr, integ);
	struct nfipsec_crypto *c;
	int err;

	if (!alg) {
		NL_SET_ERR_MSG(extack,
			       "expected ENCR 20 (AES-GCM-16), or 12 (AES-CBC) with INTEG 12 (HMAC-SHA2-256-128)");
		return ERR_PTR(-EOPNOTSUPP);
	}
	if (key_len < alg->salt_len || !aes_key_len(key_len - alg->salt_len)) {
		NL_SET_ERR_MSG(extack,
			       "expected an AES key of 16, 24 or 32 octets, with GCM and 4 octets of salt");
		return ERR_PTR(-EINVAL);
	}
	if (integ_key_len != alg->integ_key_len) {
		NL_SET_ERR_MSG(extack, "expected an integrity key of 32 octets, none with an AEAD");
		return ERR_PTR(-EINVAL);
	}
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->alg = alg;
	c->esn = esn;
	err = alg->integ ? create_cipher_and_mac(c, key, key_len, integ_key, integ_key_len) :
			   create_aead(c, key, key_len);
	if (err) {
		NL_SET_ERR_MSG(extack, "this kernel does not offer the algorithm");
		nfipsec_crypto_free(c);
		return ERR_PTR(err);
	}
	return c;
}

/* The transforms zero their keys. Sleeps. */
void nfipsec_crypto_free(struct nfipsec_crypto *c)
{
	if (!c)
		return;
	crypto_free_aead(c->aead_fast);
	crypto_free_aead(c->aead);
	crypto_free_skcipher(c->cipher_fast);
	crypto_free_skcipher(c->cipher);
	crypto_free_shash(c->mac);
	kfree(c);
}

const struct nfipsec_alg *nfipsec_crypto_alg(const struct nfipsec_crypto *c)
{
	return c->alg;
}

/*
 *	 0 1 2 3 4 5 6 7	RFC 4106 5
 *	+-------+-------+-------+
 *	|  SPI  |  seq  |       |   without ESN: as the packet has it, the IV behind
 *	+-------+-------+-------+
 *	|  SPI  |seq hi |seq lo |   with ESN: made here, the IV behind
 *	+-------+-------+-------+
 * The kernel's rfc4106 takes the IV as the end of the associated data.
 */
static int run_aead(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq, bool encrypt)
{
	struct scratch *s = this_cpu_read(scratch);
	struct aead_request *req = (void *)s->request;
	bool fast = c->aead_fast && crypto_simd_usable();
	unsigned int head = ESP_HDR_LEN + c->alg->iv_len;
	unsigned int text = skb->len - head - (encrypt ? c->alg->icv_len : 0);
	unsigned int aad = head;
	struct scatterlist sg[2];

	aead_request_set_tfm(req, fast ? c->aead_fast : c->aead);
	aead_request_set_callback(req, 0, NULL, NULL);
	if (c->esn) {
		memcpy(s->aad, skb->data, 4);
		put_unaligned_be64(seq, s->aad + 4);
		memcpy(s->aad + 12, skb->data + ESP_HDR_LEN, c->alg->iv_len);
		aad += 4;
		sg_init_table(sg, 2);
		sg_set_buf(&sg[0], s->aad, aad);
		sg_set_buf(&sg[1], skb->data + head, skb->len - head);
	} else {
		sg_init_one(sg, skb->data, skb->len);
	}
	aead_request_set_ad(req, aad);
	aead_request_set_crypt(req, sg, sg, text, skb->data + ESP_HDR_LEN);
	return encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
}

static int run_cipher(struct nfipsec_crypto *c, struct sk_buff *skb, bool encrypt)
{
	struct scratch *s = this_cpu_read(scratch);
	struct skcipher_request *req = (void *)s->request;
	bool fast = c->cipher_fast && crypto_simd_usable();
	unsigned int head = ESP_HDR_LEN + c->alg->iv_len;
	unsigned int text = skb->len - head - c->alg->icv_len;
	struct scatterlist sg;

	memcpy(s->iv, skb->data + ESP_HDR_LEN, c->alg->iv_len);
	sg_init_one(&sg, skb->data + head, text);
	skcipher_request_set_tfm(req, fast ? c->cipher_fast : c->cipher);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, &sg, &sg, text, s->iv);
	return encrypt ? crypto_skcipher_encrypt(req) : crypto_skcipher_decrypt(req);
}

/* RFC 4303 2.2.1: with ESN the high half follows the packet and is not sent */
static int run_mac(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq, u8 *icv)
{
	SHASH_DESC_ON_STACK(desc, c->mac);
	__be32 high = htonl(upper_32_bits(seq));
	unsigned int len = skb->len - c->alg->icv_len;
	int err;

	desc->tfm = c->mac;
	if (!c->esn)
		return crypto_shash_digest(desc, skb->data, len, icv);
	err = crypto_shash_init(desc);
	if (!err)
		err = crypto_shash_update(desc, skb->data, len);
	return err ?: crypto_shash_finup(desc, (u8 *)&high, sizeof(high), icv);
}

/**
 * nfipsec_crypto_encrypt - protect a packet in place
 * @c: the SA's transforms
 * @skb: linear and not shared: ESP header, room for the IV, payload and trailer, room
 *	for the ICV
 * @seq: its 64-bit sequence number
 *
 * Bottom halves off. Return: 0 or an error of the transform.
 */
int nfipsec_crypto_encrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	u8 *iv = skb->data + ESP_HDR_LEN;
	u8 icv[32];
	int err;

	if (c->aead) {
		/* RFC 4106 3.1: unique under the key; the sequence number is, and nothing else
		 * uses this salt and key
		 */
		put_unaligned_be64(seq, iv);
		return run_aead(c, skb, seq, true);
	}
	/* RFC 3602 3: not to be foreseen */
	put_unaligned(get_random_u64(), (u64 *)iv);
	put_unaligned(get_random_u64(), (u64 *)(iv + 8));
	err = run_cipher(c, skb, true);
	if (!err)
		err = run_mac(c, skb, seq, icv);
	if (!err)
		memcpy(skb_tail_pointer(skb) - c->alg->icv_len, icv, c->alg->icv_len);
	return err;
}

/**
 * nfipsec_crypto_decrypt - check and open a packet in place
 * @c: the SA's transforms
 * @skb: linear and not shared: from the ESP header to the ICV
 * @seq: the 64-bit sequence number it stands for
 *
 * Bottom halves off. Return: -EBADMSG when the ICV is wrong; the payload is not
 * to be looked at then.
 */
int nfipsec_crypto_decrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	u8 icv[32];
	int err;

	if (c->aead)
		return run_aead(c, skb, seq, false);
	err = run_mac(c, skb, seq, icv);
	if (err)
		return err;
	if (crypto_memneq(icv, skb_tail_pointer(skb) - c->alg->icv_len, c->alg->icv_len))
		return -EBADMSG;
	return run_cipher(c, skb, false);
}

/* every algorithm of the table once, with keys of zeros */
static void __init warm_up(void)
{
	static const u8 zeros[36];
	struct nfipsec_crypto *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(algs); i++) {
		c = nfipsec_crypto_create(algs[i].encr, zeros, 32 + algs[i].salt_len,
					  algs[i].integ, zeros, algs[i].integ_key_len, false, NULL);
		if (!IS_ERR(c))
			nfipsec_crypto_free(c);
	}
}

int __init nfipsec_crypto_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct scratch *s = kzalloc_node(sizeof(*s), GFP_KERNEL, cpu_to_node(cpu));

		if (!s) {
			nfipsec_crypto_exit();
			return -ENOMEM;
		}
		per_cpu(scratch, cpu) = s;
	}
	/* the fast transforms have internal names that load no module by themselves */
	request_module("crypto-aes");
	request_module("crypto-sha256");
	/*
	 * Loading and self-testing the algorithms takes seconds on a slow machine.
	 * It happens now, not while the first packet waits; what is missing is told
	 * to who asks for it.
	 */
	warm_up();
	return 0;
}

void nfipsec_crypto_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree_sensitive(per_cpu(scratch, cpu));
}
