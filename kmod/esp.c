// SPDX-License-Identifier: GPL-2.0
/*
 * ESP: RFC 4303 2.
 *
 *	+-------------------------------+
 *	| SPI                           |  \           authenticated
 *	| sequence number, low half     |  | header        |
 *	+-------------------------------+  /               |
 *	| IV                            |                  |
 *	+-------------------------------+                  |
 *	| payload                       |  \               |
 *	| padding 1 2 3 ...             |  | encrypted     |
 *	| pad length    | next header   |  /               |
 *	+-------------------------------+                 -+-
 *	| ICV                           |
 *	+-------------------------------+
 */
#include "crypto.h"
#include "esp.h"
#include "sa.h"

unsigned int nfipsec_esp_tail(const struct nfipsec_alg *alg, unsigned int len)
{
	return ALIGN(len + ESP_TRAILER_LEN, alg->block) - len + alg->icv_len;
}

unsigned int nfipsec_esp_fit(const struct nfipsec_alg *alg, unsigned int room)
{
	unsigned int fixed = ESP_HDR_LEN + alg->iv_len + alg->icv_len;

	if (room < fixed + alg->block)
		return 0;
	return ALIGN_DOWN(room - fixed, alg->block) - ESP_TRAILER_LEN;
}

/**
 * nfipsec_esp_encapsulate - make an ESP packet of a payload
 * @sa: outbound SA
 * @skb: the payload, linear and not shared, with room at both ends
 * @seq: its sequence number
 * @next_header: what the payload is
 * @padded: octets it is padded to (TFC, RFC 4303 2.7), less for none
 *
 * Bottom halves off.
 *
 * Return: 0 or an error of the transform.
 */
int nfipsec_esp_encapsulate(struct nfipsec_sa *sa, struct sk_buff *skb, u64 seq, u8 next_header,
			    unsigned int padded)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(sa->crypto);
	unsigned int tail;
	unsigned int pad, i;
	__be32 *head;
	u8 *p;

	if (unlikely(padded > skb->len))
		__skb_put_zero(skb, padded - skb->len);
	tail = nfipsec_esp_tail(alg, skb->len);
	pad = tail - alg->icv_len - ESP_TRAILER_LEN;
	p = __skb_put(skb, tail);
	for (i = 0; i < pad; i++)
		p[i] = i + 1;
	p[pad] = pad;
	p[pad + 1] = next_header;
	head = __skb_push(skb, ESP_HDR_LEN + alg->iv_len);
	head[0] = sa->spi;
	head[1] = htonl(lower_32_bits(seq));
	return nfipsec_crypto_encrypt(sa->crypto, skb, seq);
}

enum nfipsec_stat nfipsec_esp_check(const struct nfipsec_sa *sa, unsigned int len)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(sa->crypto);
	unsigned int fixed = ESP_HDR_LEN + alg->iv_len + alg->icv_len;

	if (len < fixed + alg->block)
		return NFIPSEC_STAT_IN_TOO_SHORT;
	/* RFC 4303 2.4: payload and trailer end on a boundary of 4 octets and of the cipher */
	if ((len - fixed) % alg->block)
		return NFIPSEC_STAT_IN_NOT_ALIGNED;
	return NFIPSEC_STAT_UNSPEC;
}

/**
 * nfipsec_esp_strip - from an opened ESP packet to its payload
 * @sa: inbound SA
 * @skb: linear, from the ESP header to the ICV, checked and decrypted
 * @next_header: what the payload is
 *
 * Return: NFIPSEC_STAT_UNSPEC, or why it must be dropped.
 */
enum nfipsec_stat nfipsec_esp_strip(const struct nfipsec_sa *sa, struct sk_buff *skb,
				    u8 *next_header)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(sa->crypto);
	unsigned int head = ESP_HDR_LEN + alg->iv_len;
	unsigned int text = skb->len - head - alg->icv_len, pad, i;
	const u8 *p = skb->data + head + text;		/* behind the trailer */

	pad = p[-2];
	*next_header = p[-1];
	if (pad + ESP_TRAILER_LEN > text)
		return NFIPSEC_STAT_IN_BAD_PADDING;
	/* RFC 4303 2.4: the receiver SHOULD inspect the padding */
	p -= ESP_TRAILER_LEN + pad;
	for (i = 0; i < pad; i++)
		if (p[i] != i + 1)
			return NFIPSEC_STAT_IN_BAD_PADDING;
	__skb_pull(skb, head);
	__skb_trim(skb, text - ESP_TRAILER_LEN - pad);
	return NFIPSEC_STAT_UNSPEC;
}
