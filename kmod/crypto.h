/* SPDX-License-Identifier: GPL-2.0 */
/* Algorithms of an SA and the work of one packet on them. */
#ifndef _NFIPSEC_CRYPTO_H
#define _NFIPSEC_CRYPTO_H

#include <linux/types.h>

struct netlink_ext_ack;
struct sk_buff;

/* Properties of an SA's algorithms that the wire format depends on. */
struct nfipsec_alg {
	u16	encr;		/* enum nfipsec_encr, 0: AH */
	u16	integ;		/* enum nfipsec_integ, 0 with an AEAD */
	u8	iv_len;		/* octets on the wire */
	u8	icv_len;
	u8	block;		/* what payload and trailer are padded to, at least 4 */
};

struct nfipsec_crypto;			/* the transforms; opaque outside crypto.c */

struct nfipsec_crypto *nfipsec_crypto_create(u16 encr, const u8 *key, unsigned int key_len,
					     u16 integ, const u8 *integ_key,
					     unsigned int integ_key_len, bool esn,
					     struct netlink_ext_ack *extack);
void nfipsec_crypto_free(struct nfipsec_crypto *crypto);	/* sleeps */
const struct nfipsec_alg *nfipsec_crypto_alg(const struct nfipsec_crypto *crypto);
int nfipsec_crypto_encrypt(struct nfipsec_crypto *crypto, struct sk_buff *skb, u64 seq);
int nfipsec_crypto_decrypt(struct nfipsec_crypto *crypto, struct sk_buff *skb, u64 seq);
int nfipsec_crypto_mac(const struct nfipsec_crypto *crypto, const u8 *data, unsigned int len,
		       u64 seq, u8 *icv);
int nfipsec_crypto_init(void);
void nfipsec_crypto_exit(void);

#endif
