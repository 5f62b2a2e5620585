// SPDX-License-Identifier: GPL-2.0
/*
 * Packets and messages that others published, opened: the right text comes out, and
 * with a bit wrong, other bits in each packet, nothing does. What opens them opens then
 * what we make of the same text.
 *
 * The ICVs come first. A message with its ICV is a packet of the NULL cipher to
 * nfipsec_crypto_decrypt(), whatever is in it. Ciphers are published without an ICV,
 * so theirs is made with an algorithm of which that was shown.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": test: " fmt
#include <linux/bottom_half.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "crypto.h"
#include "esp.h"
#include "tests.h"
#include "vectors.h"

#define ROOM 2048
#define STEP 13		/* from one bit that is turned over to the next: all take seconds */

static const char mac_key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

struct octets {
	u8		data[ROOM];
	unsigned int	len;
};

/* State of one test, too large for the stack. */
struct bench {
	struct octets	key, packet, text;
	struct sk_buff	*skb;
	unsigned int	first;		/* bit of the next packet that is turned over */
};

static bool unhex(const char *hex, struct octets *o)
{
	o->len = strlen(hex) / 2;
	return nfipsec_expect(o->len <= ROOM && !hex2bin(o->data, hex, o->len), "%s", hex);
}

static int decrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	int err;

	local_bh_disable();
	err = nfipsec_crypto_decrypt(c, skb, seq);
	local_bh_enable();
	return err;
}

static int encrypt(struct nfipsec_crypto *c, struct sk_buff *skb, u64 seq)
{
	int err;

	local_bh_disable();
	err = nfipsec_crypto_encrypt(c, skb, seq);
	local_bh_enable();
	return err;
}

static void fill(struct sk_buff *skb, const struct octets *o)
{
	skb_trim(skb, 0);
	skb_put_data(skb, o->data, o->len);
}

/* the whole packet opens, and with a bit other than it was does not */
static bool only_this_opens(struct nfipsec_crypto *c, struct bench *b, u64 seq, bool esn,
			    const char *name)
{
	int bit, err;
	bool ok = true;

	for (bit = b->first++ % STEP; bit < b->packet.len * 8 && ok; bit += STEP) {
		/* with ESN the low half is not taken from the packet: the caller has read it */
		if (esn && bit / 8 >= 4 && bit / 8 < ESP_HDR_LEN)
			continue;
		fill(b->skb, &b->packet);
		b->skb->data[bit / 8] ^= 1 << bit % 8;
		err = decrypt(c, b->skb, seq);
		ok = nfipsec_expect(err == -EBADMSG, "%s: bit %d: %d", name, bit, err);
	}
	fill(b->skb, &b->packet);
	err = decrypt(c, b->skb, seq);
	return ok && nfipsec_expect(!err, "%s: %d", name, err);
}

static struct nfipsec_crypto *null_cipher(u16 integ, const char *key, bool esn)
{
	u8 octets[64];
	unsigned int len = strlen(key) / 2;

	if (len > sizeof(octets) || hex2bin(octets, key, len))
		return ERR_PTR(-EINVAL);
	return nfipsec_crypto_create(NFIPSEC_ENCR_NULL, NULL, 0, integ, octets, len, esn, NULL);
}

/*
 * With ESN the last four octets of the message are not sent: they are the high half of
 * the sequence number (RFC 4303 2.2.1), which so is known to come last.
 */
static bool check_mac(const struct nfipsec_mac_vector *v, bool esn, struct bench *b)
{
	struct nfipsec_crypto *c = null_cipher(v->integ, v->key, esn);
	unsigned int sent;
	bool ok = nfipsec_expect(!IS_ERR(c), "%s: %ld", v->name, PTR_ERR(c));
	u64 seq = 0;

	if (!ok)
		return false;
	ok = unhex(v->message, &b->packet) && unhex(v->icv, &b->text);
	if (ok) {
		sent = b->packet.len - (esn ? 4 : 0);
		if (esn)
			seq = (u64)get_unaligned_be32(b->packet.data + sent) << 32;
		memcpy(b->packet.data + sent, b->text.data, b->text.len);
		b->packet.len = sent + b->text.len;
		ok = only_this_opens(c, b, seq, false, v->name);
	}
	if (ok && esn) {
		fill(b->skb, &b->packet);
		ok = nfipsec_expect(decrypt(c, b->skb, seq ^ (1ull << 32)) == -EBADMSG,
				    "%s: another high half", v->name);
	}
	nfipsec_crypto_free(c);
	return ok;
}

/* the packet was published without an ICV: the NULL cipher leaves all else as it is */
static bool add_icv(struct bench *b, u64 seq)
{
	struct nfipsec_crypto *c = null_cipher(NFIPSEC_INTEG_HMAC_SHA2_256_128, mac_key, false);
	unsigned int icv_len;
	int err;

	if (!nfipsec_expect(!IS_ERR(c), "%ld", PTR_ERR(c)))
		return false;
	icv_len = nfipsec_crypto_alg(c)->icv_len;
	fill(b->skb, &b->packet);
	skb_put_zero(b->skb, icv_len);
	err = encrypt(c, b->skb, seq);
	b->packet.len += icv_len;
	memcpy(b->packet.data, b->skb->data, b->packet.len);
	nfipsec_crypto_free(c);
	return nfipsec_expect(!err, "%d", err);
}

static bool text_is_right(const struct nfipsec_crypto *c, const struct bench *b, const char *name)
{
	return nfipsec_expect(!memcmp(b->skb->data + ESP_HDR_LEN + nfipsec_crypto_alg(c)->iv_len,
				      b->text.data, b->text.len),
			      "%s: another text", name);
}

/* the same text under another number, there and back; an IV that came before would be wrong */
static bool ours_opens(struct nfipsec_crypto *c, const struct nfipsec_esp_vector *v,
		       struct bench *b)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(c);
	u64 seq = v->esn ? (v->seq ^ 0x100) : (u32)~v->seq;
	struct sk_buff *skb = b->skb;
	int err;

	skb_trim(skb, 0);
	skb_put_data(skb, b->packet.data, 4);
	put_unaligned_be32(lower_32_bits(seq), skb_put(skb, 4));
	skb_put_zero(skb, alg->iv_len);
	skb_put_data(skb, b->text.data, b->text.len);
	skb_put_zero(skb, alg->icv_len);
	err = encrypt(c, skb, seq);
	if (!nfipsec_expect(!err, "%s: %d", v->name, err))
		return false;
	if (alg->iv_len &&
	    !nfipsec_expect(memcmp(skb->data + ESP_HDR_LEN, b->packet.data + ESP_HDR_LEN,
				   alg->iv_len),
			    "%s: the IV of another packet", v->name))
		return false;
	err = decrypt(c, skb, seq);
	return nfipsec_expect(!err, "%s: ours: %d", v->name, err) && text_is_right(c, b, v->name);
}

static bool check_esp(const struct nfipsec_esp_vector *v, struct bench *b)
{
	struct nfipsec_crypto *c;
	struct octets *integ_key;
	bool ok, aead;

	if (!unhex(v->key, &b->key) || !unhex(v->packet, &b->packet))
		return false;
	c = nfipsec_crypto_create(v->encr, b->key.data, b->key.len, 0, NULL, 0, v->esn, NULL);
	aead = !IS_ERR(c);
	if (!aead) {
		integ_key = &b->text;
		ok = unhex(mac_key, integ_key);
		c = nfipsec_crypto_create(v->encr, b->key.data, b->key.len,
					  NFIPSEC_INTEG_HMAC_SHA2_256_128, integ_key->data,
					  integ_key->len, v->esn, NULL);
		if (!nfipsec_expect(!IS_ERR(c), "%s: %ld", v->name, PTR_ERR(c)))
			return false;
	}
	ok = unhex(v->text, &b->text) && (aead || add_icv(b, v->seq)) &&
	     only_this_opens(c, b, v->seq, v->esn, v->name) && text_is_right(c, b, v->name) &&
	     ours_opens(c, v, b);
	nfipsec_crypto_free(c);
	return ok;
}

bool nfipsec_test_crypto(void)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);
	const struct nfipsec_mac_vector *mac;
	const struct nfipsec_esp_vector *esp;
	bool ok;

	if (b)
		b->skb = alloc_skb(ROOM, GFP_KERNEL);
	ok = nfipsec_expect(b && b->skb, "no memory");
	for (mac = nfipsec_mac_vectors; mac->name && ok; mac++) {
		ok = check_mac(mac, false, b) &&
		     (strlen(mac->message) / 2 < ESP_HDR_LEN + 4 || check_mac(mac, true, b));
		cond_resched();
	}
	for (esp = nfipsec_esp_vectors; esp->name && ok; esp++) {
		ok = check_esp(esp, b);
		cond_resched();
	}
	if (b)
		kfree_skb(b->skb);
	kfree(b);
	return ok;
}
