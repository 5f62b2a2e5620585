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
	struct nfipsec_alg		alg;
	bool				esn;
	bool				counter_iv;	/* the IV is to be unique, no more */
	bool				implicit_iv;	/* and not sent: RFC 8750 */
	/* AEAD, or cipher and mac, the NULL cipher being none; the fast ones may be missing */
	struct crypto_aead		*aead_fast, *aead;
	struct crypto_skcipher		*cipher_fast, *cipher;
	struct crypto_shash		*mac;
};

#define AEAD_IV_LEN 8

/* one packet's work; of the CPU, bottom halves off */
struct scratch {
	u8	aad[ESP_AAD_MAX];	/* and the IV, which the kernel's transforms want behind */
	u8	iv[16];
	u8	request[1024] __aligned(CRYPTO_MINALIGN);
};

static DEFINE_PER_CPU(struct scratch *, scratch);

/*
 * Names are the kernel's; @fast is what the wrapper @name has inside. @salt octets
 * stand at the end of the key (RFC 4106 8.1, RFC 4309 7.1, RFC 3686 5.1, RFC 7634 2,
 * RFC 4543 5.4), and @keys lists how long the rest may be.
 */
struct cipher {
	u16		id;
	const char	*name, *fast;
	u8		iv_len, icv_len, block, salt;
	bool		aead, counter_iv;
	u8		keys[3];
};

#define AES_KEYS { 16, 24, 32 }
#define AES_AEAD(_id, _iv, _name, _fast, _icv, _salt)					\
	{ .id = _id, .name = _name, .fast = _fast, .iv_len = _iv, .icv_len = _icv,	\
	  .block = 4, .salt = _salt, .aead = true, .counter_iv = true, .keys = AES_KEYS }
#define GCM(_id, _iv, _icv) \
	AES_AEAD(_id, _iv, "rfc4106(gcm(aes))", "__rfc4106(gcm(aes))", _icv, 4)
#define CCM(_id, _iv, _icv) AES_AEAD(_id, _iv, "rfc4309(ccm(aes))", NULL, _icv, 3)
#define CHACHA(_id, _iv)								\
	{ .id = _id, .name = "rfc7539esp(chacha20,poly1305)", .iv_len = _iv, .icv_len = 16,	\
	  .block = 4, .salt = 4, .aead = true, .counter_iv = true, .keys = { 32 } }
#define CBC(_id, _alg, _fast, _block, ...)						\
	{ .id = _id, .name = "cbc(" _alg ")", .fast = _fast, .iv_len = _block,		\
	  .block = _block, .keys = __VA_ARGS__ }

static const struct cipher ciphers[] = {
	CBC(NFIPSEC_ENCR_DES_CBC, "des", NULL, 8, { 8 }),
	CBC(NFIPSEC_ENCR_3DES_CBC, "des3_ede", NULL, 8, { 24 }),
	CBC(NFIPSEC_ENCR_AES_CBC, "aes", "__cbc(aes)", 16, AES_KEYS),
	CBC(NFIPSEC_ENCR_CAMELLIA_CBC, "camellia", "__cbc(camellia)", 16, AES_KEYS),
	{ .id = NFIPSEC_ENCR_NULL, .block = 4 },
	{ .id = 0, .block = 4 },		/* AH */
	{ .id = NFIPSEC_ENCR_AES_CTR, .name = "rfc3686(ctr(aes))", .iv_len = 8, .block = 4,
	  .salt = 4, .counter_iv = true, .keys = AES_KEYS },
	CCM(NFIPSEC_ENCR_AES_CCM_8, 8, 8),
	CCM(NFIPSEC_ENCR_AES_CCM_12, 8, 12),
	CCM(NFIPSEC_ENCR_AES_CCM_16, 8, 16),
	CCM(NFIPSEC_ENCR_AES_CCM_16_IIV, 0, 16),
	GCM(NFIPSEC_ENCR_AES_GCM_8, 8, 8),
	GCM(NFIPSEC_ENCR_AES_GCM_12, 8, 12),
	GCM(NFIPSEC_ENCR_AES_GCM_16, 8, 16),
	GCM(NFIPSEC_ENCR_AES_GCM_16_IIV, 0, 16),
	AES_AEAD(NFIPSEC_ENCR_NULL_AUTH_AES_GMAC, 8, "rfc4543(gcm(aes))", NULL, 16, 4),
	CHACHA(NFIPSEC_ENCR_CHACHA20_POLY1305, 8),
	CHACHA(NFIPSEC_ENCR_CHACHA20_POLY1305_IIV, 0),
};

/* keys are as long as the hash (RFC 4868 2.1.1), or the cipher's; the output is cut to @icv_len */
static const struct mac {
	u16		id;
	const char	*name;
	u8		key_len, icv_len;
} macs[] = {
	{ NFIPSEC_INTEG_HMAC_MD5_96, "hmac(md5)", 16, 12 },		/* RFC 2403 */
	{ NFIPSEC_INTEG_HMAC_SHA1_96, "hmac(sha1)", 20, 12 },		/* RFC 2404 */
	{ NFIPSEC_INTEG_AES_XCBC_96, "xcbc(aes)", 16, 12 },		/* RFC 3566 */
	{ NFIPSEC_INTEG_AES_CMAC_96, "cmac(aes)", 16, 12 },		/* RFC 4494 */
	{ NFIPSEC_INTEG_HMAC_SHA2_256_128, "hmac(sha256)", 32, 16 },	/* RFC 4868 */
	{ NFIPSEC_INTEG_HMAC_SHA2_384_192, "hmac(sha384)", 48, 24 },
	{ NFIPSEC_INTEG_HMAC_SHA2_512_256, "hmac(sha512)", 64, 32 },
};

static const struct cipher *find_cipher(u16 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].id == id)
			return &ciphers[i];
	return NULL;
}

static const struct mac *find_mac(u16 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(macs); i++)
		if (macs[i].id == id)
			return &macs[i];
	return NULL;
}

static bool request_fits(unsigned int request_size)
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
	err = request_fits(sizeof(struct aead_request) + crypto_aead_reqsize(tfm)) ? 0 : -E2BIG;
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
	err = request_fits(sizeof(struct skcipher_request) + crypto_skcipher_reqsize(tfm)) ? 0 :
	      -E2BIG;
	if (!err)
		err = crypto_skcipher_setkey(tfm, key, key_len);
	if (err) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

/*
 * Fast transforms that this machine has not. To ask for one runs modprobe, for a template
 * by that name, and would for each SA. Bits are only ever set.
 */
static DECLARE_BITMAP(not_fast, ARRAY_SIZE(ciphers));

#define FAST_MASK (CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC | CRYPTO_NOLOAD)

static bool may_be_fast(const struct cipher *cipher)
{
	return cipher->fast && !test_bit(cipher - ciphers, not_fast);
}

/* ERR_PTR to NULL: the fast transform is welcome, not needed */
static void *fast_or_null(const struct cipher *cipher, void *tfm)
{
	if (!IS_ERR(tfm))
		return tfm;
	if (PTR_ERR(tfm) == -ENOENT)
		set_bit(cipher - ciphers, not_fast);
	return NULL;
}

/* the plain one first: it brings the modules that may have the fast one, too */
static int create_aead(struct nfipsec_crypto *c, const struct cipher *cipher, const u8 *key,
		       unsigned int key_len)
{
	struct crypto_aead *tfm;

	tfm = aead_create(cipher->name, 0, CRYPTO_ALG_ASYNC, key, key_len, cipher->icv_len);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	c->aead = tfm;
	if (may_be_fast(cipher))
		c->aead_fast = fast_or_null(cipher, aead_create(cipher->fast, CRYPTO_ALG_INTERNAL,
								FAST_MASK, key, key_len,
								cipher->icv_len));
	return 0;
}

static int create_cipher(struct nfipsec_crypto *c, const struct cipher *cipher, const u8 *key,
			 unsigned int key_len)
{
	struct crypto_skcipher *tfm;

	if (!cipher->name)
		return 0;
	tfm = cipher_create(cipher->name, 0, CRYPTO_ALG_ASYNC, key, key_len);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	c->cipher = tfm;
	if (may_be_fast(cipher))
		c->cipher_fast = fast_or_null(cipher, cipher_create(cipher->fast,
								    CRYPTO_ALG_INTERNAL, FAST_MASK,
								    key, key_len));
	return 0;
}

static int create_mac(struct nfipsec_crypto *c, const struct mac *mac, const u8 *key)
{
	int err;

	c->mac = crypto_alloc_shash(mac->name, 0, 0);
	if (!IS_ERR(c->mac))
		return crypto_shash_setkey(c->mac, key, mac->key_len);
	err = PTR_ERR(c->mac);
	c->mac = NULL;
	return err;
}

static bool key_fits(const struct cipher *cipher, unsigned int len)
{
	unsigned int i;

	if (!cipher->name)
		return !len;
	for (i = 0; i < ARRAY_SIZE(cipher->keys); i++)
		if (cipher->keys[i] && len == cipher->keys[i] + cipher->salt)
			return true;
	return false;
}

/* the rows of the two algorithms, if they go together and their keys fit */
static int find_algs(u16 encr, unsigned int key_len, u16 integ, unsigned int integ_key_len,
		     const struct cipher **cipher, const struct mac **mac,
		     struct netlink_ext_ack *extack)
{
	*cipher = find_cipher(encr);
	*mac = find_mac(integ);
	if (!*cipher) {
		NL_SET_ERR_MSG(extack, "unknown ENCR, expected one of enum nfipsec_encr");
		return -EOPNOTSUPP;
	}
	if (integ && !*mac) {
		NL_SET_ERR_MSG(extack, "unknown INTEG, expected one of enum nfipsec_integ");
		return -EOPNOTSUPP;
	}
	if ((*cipher)->aead && (integ || integ_key_len)) {
		NL_SET_ERR_MSG(extack, "this ENCR has integrity of its own, expected no INTEG");
		return -EINVAL;
	}
	if (!(*cipher)->aead && !integ) {
		NL_SET_ERR_MSG(extack, "expected INTEG: of AH, or beside this ENCR (RFC 8221 3)");
		return -EINVAL;
	}
	if (!key_fits(*cipher, key_len)) {
		NL_SET_ERR_MSG(extack,
			       "wrong length of ENCR_KEY, which is the key and, where there is one, the salt");
		return -EINVAL;
	}
	if (*mac && integ_key_len != (*mac)->key_len) {
		NL_SET_ERR_MSG(extack, "wrong length of INTEG_KEY, expected that of the hash");
		return -EINVAL;
	}
	return 0;
}

/**
 * nfipsec_crypto_create - the transforms of an SA
 * @encr: enum nfipsec_encr, 0 for AH
 * @key: its key, then the salt where the algorithm has one
 * @key_len: octets of both
 * @integ: enum nfipsec_integ, 0 with an AEAD
 * @integ_key: its key
 * @integ_key_len: octets
 * @esn: 64-bit sequence numbers (RFC 4304)
 * @extack: says what was wrong
 *
 * Sleeps.
 *
 * Return: an ERR_PTR on failure.
 */
struct nfipsec_crypto *nfipsec_crypto_create(u16 encr, const u8 *key, unsigned int key_len,
					     u16 integ, const u8 *integ_key,
					     unsigned int integ_key_len, bool esn,
					     struct netlink_ext_ack *extack)
{
	const struct cipher *cipher;
	const struct mac *mac;
	struct nfipsec_crypto *c;
	int err;

	err = find_algs(encr, key_len, integ, integ_key_len, &cipher, &mac, extack);
	if (err)
		return ERR_PTR(err);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->alg = (struct nfipsec_alg){
		.encr = encr,
		.integ = integ,
		.iv_len = cipher->iv_len,
		.icv_len = mac ? mac->icv_len : cipher->icv_len,
		.block = cipher->block,
	};
	c->esn = esn;
	c->counter_iv = cipher->counter_iv;
	c->implicit_iv = cipher->aead && !cipher->iv_len;
	err = cipher->aead ? create_aead(c, cipher, key, key_len) :
			     create_cipher(c, cipher, key, key_len);
	if (!err && mac)
		err = create_mac(c, mac, integ_key);
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
	return &c->alg;
}

/*
 *	 0 1 2 3 4 5 6 7	RFC 4106 5
 *	+-------+-------+-------+
 *	|  SPI  |  seq  |       |   without ESN: as the packet has it, the IV behind
 *	+-------+-------+-------+
 *	|  SPI  |seq hi |seq lo |   with ESN: made here, the IV behind
 *	+-------+-------+-------+
 * The kernel's rfc4106 takes the IV as the end of the associated data, and so do
 * rfc4309, rfc4543 and rfc7539esp; all have the same packet. An implicit IV is the
 * 64-bit sequence number (RFC 8750 2), and not in the packet.
 */
static unsigned int make_aad(const struct nfipsec_crypto *c, struct scratch *s,
			     const struct sk_buff *skb, u64 seq)
{
	unsigned int len = c->esn ? 12 : ESP_HDR_LEN;

	memcpy(s->aad, skb->data, ESP_HDR_LEN);
	if (c->esn)
		put_unaligned_be64(seq, s->aad + 4);
	if (c->implicit_iv)
		put_unaligned_be64(seq, s->aad + len);
	else
		memcpy(s->aad + len, skb->data + ESP_HDR_LEN, c->alg.iv_len);
	return len;
}

static int run_aead(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq, bool encrypt)
{
	struct scratch *s = this_cpu_read(scratch);
	struct aead_request *req = (void *)s->request;
	bool fast = c->aead_fast && crypto_simd_usable();
	unsigned int head = ESP_HDR_LEN + c->alg.iv_len;
	unsigned int text = skb->len - head - (encrypt ? c->alg.icv_len : 0);
	u8 *iv = skb->data + ESP_HDR_LEN;
	struct scatterlist sg[2];
	unsigned int aad = head;

	aead_request_set_tfm(req, fast ? c->aead_fast : c->aead);
	aead_request_set_callback(req, 0, NULL, NULL);
	if (c->esn || c->implicit_iv) {
		aad = make_aad(c, s, skb, seq);
		iv = s->aad + aad;
		aad += AEAD_IV_LEN;
		sg_init_table(sg, 2);
		sg_set_buf(&sg[0], s->aad, aad);
		sg_set_buf(&sg[1], skb->data + head, skb->len - head);
	} else {
		sg_init_one(sg, skb->data, skb->len);
	}
	aead_request_set_ad(req, aad);
	aead_request_set_crypt(req, sg, sg, text, iv);
	return encrypt ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
}

static int run_cipher(struct nfipsec_crypto *c, struct sk_buff *skb, bool encrypt)
{
	struct scratch *s = this_cpu_read(scratch);
	struct skcipher_request *req = (void *)s->request;
	bool fast = c->cipher_fast && crypto_simd_usable();
	unsigned int head = ESP_HDR_LEN + c->alg.iv_len;
	unsigned int text = skb->len - head - c->alg.icv_len;
	struct scatterlist sg;

	if (!c->cipher)
		return 0;
	memcpy(s->iv, skb->data + ESP_HDR_LEN, c->alg.iv_len);
	sg_init_one(&sg, skb->data + head, text);
	skcipher_request_set_tfm(req, fast ? c->cipher_fast : c->cipher);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, &sg, &sg, text, s->iv);
	return encrypt ? crypto_skcipher_encrypt(req) : crypto_skcipher_decrypt(req);
}

/**
 * nfipsec_crypto_mac - the ICV of a packet
 * @c: an SA's transforms
 * @data: what it covers
 * @len: octets
 * @seq: the 64-bit sequence number
 * @icv: room for HASH_MAX_DIGESTSIZE; the SA's icv_len of them count
 *
 * Bottom halves off.
 *
 * Return: 0 or an error of the transform.
 */
int nfipsec_crypto_mac(const struct nfipsec_crypto *c, const u8 *data, unsigned int len, u64 seq,
		       u8 *icv)
{
	SHASH_DESC_ON_STACK(desc, c->mac);
	__be32 high = htonl(upper_32_bits(seq));
	int err;

	desc->tfm = c->mac;
	if (!c->esn)
		return crypto_shash_digest(desc, data, len, icv);
	/* RFC 4303 2.2.1, RFC 4302 2.5.1: the high half follows the packet and is not sent */
	err = crypto_shash_init(desc);
	if (!err)
		err = crypto_shash_update(desc, data, len);
	return err ?: crypto_shash_finup(desc, (u8 *)&high, sizeof(high), icv);
}

static int run_mac(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq, u8 *icv)
{
	return nfipsec_crypto_mac(c, skb->data, skb->len - c->alg.icv_len, seq, icv);
}

static int encrypt_and_mac(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	u8 icv[HASH_MAX_DIGESTSIZE];
	int err = run_cipher(c, skb, true);

	if (!err)
		err = run_mac(c, skb, seq, icv);
	if (!err)
		memcpy(skb_tail_pointer(skb) - c->alg.icv_len, icv, c->alg.icv_len);
	return err;
}

static int check_and_decrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	u8 icv[HASH_MAX_DIGESTSIZE];
	int err = run_mac(c, skb, seq, icv);

	if (err)
		return err;
	if (crypto_memneq(icv, skb_tail_pointer(skb) - c->alg.icv_len, c->alg.icv_len))
		return -EBADMSG;
	return run_cipher(c, skb, false);
}

/**
 * nfipsec_crypto_encrypt - protect a packet in place
 * @c: the SA's transforms
 * @skb: linear and not shared: ESP header, room for the IV, payload and trailer, room
 *	for the ICV
 * @seq: its 64-bit sequence number
 *
 * Bottom halves off.
 *
 * Return: 0 or an error of the transform.
 */
int nfipsec_crypto_encrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	u8 *iv = skb->data + ESP_HDR_LEN;
	unsigned int i;

	/*
	 * RFC 4106 3.1, RFC 3686 2.1: unique under the key; the sequence number is, and nothing
	 * else uses this salt and key. RFC 3602 3: not to be foreseen.
	 */
	if (c->implicit_iv)
		return run_aead(c, skb, seq, true);
	if (c->counter_iv)
		put_unaligned_be64(seq, iv);
	else
		for (i = 0; i < c->alg.iv_len; i += sizeof(u64))
			put_unaligned(get_random_u64(), (u64 *)(iv + i));
	return c->aead ? run_aead(c, skb, seq, true) : encrypt_and_mac(c, skb, seq);
}

/**
 * nfipsec_crypto_decrypt - check and open a packet in place
 * @c: the SA's transforms
 * @skb: linear and not shared: from the ESP header to the ICV
 * @seq: the 64-bit sequence number it stands for
 *
 * Bottom halves off.
 *
 * Return: -EBADMSG when the ICV is wrong; the payload is not to be looked at then.
 */
int nfipsec_crypto_decrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	return c->aead ? run_aead(c, skb, seq, false) : check_and_decrypt(c, skb, seq);
}

/* the usual ones once, with keys of zeros */
static void __init warm_up(void)
{
	static const u8 zeros[36];
	struct nfipsec_crypto *c;

	c = nfipsec_crypto_create(NFIPSEC_ENCR_AES_GCM_16, zeros, 36, 0, zeros, 0, false, NULL);
	if (!IS_ERR(c))
		nfipsec_crypto_free(c);
	c = nfipsec_crypto_create(NFIPSEC_ENCR_AES_CBC, zeros, 32, NFIPSEC_INTEG_HMAC_SHA2_256_128,
				  zeros, 32, false, NULL);
	if (!IS_ERR(c))
		nfipsec_crypto_free(c);
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
