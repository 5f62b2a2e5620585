/* SPDX-License-Identifier: GPL-2.0 */
/* The ESP packet format: RFC 4303 2. */
#ifndef _NFIPSEC_ESP_H
#define _NFIPSEC_ESP_H

#include <linux/skbuff.h>

#include "nfipsec.h"

#define ESP_HDR_LEN	8	/* SPI and sequence number */
#define ESP_TRAILER_LEN	2	/* pad length and next header */
#define ESP_AAD_MAX	20	/* RFC 4106 5 with ESN, and the kernel's IV behind it */

struct nfipsec_alg;
struct nfipsec_sa;

/* octets that ESP adds to a payload of @len */
unsigned int nfipsec_esp_tail(const struct nfipsec_alg *alg, unsigned int len);
/* the largest payload whose ESP packet fits @room octets */
unsigned int nfipsec_esp_fit(const struct nfipsec_alg *alg, unsigned int room);
int nfipsec_esp_encapsulate(struct nfipsec_sa *sa, struct sk_buff *skb, u64 seq, u8 next_header,
			    unsigned int padded);
/* before decryption: NFIPSEC_STAT_UNSPEC, or why it cannot be an ESP packet of this SA */
enum nfipsec_stat nfipsec_esp_check(const struct nfipsec_sa *sa, unsigned int len);
/* after it: strips header and trailer */
enum nfipsec_stat nfipsec_esp_strip(const struct nfipsec_sa *sa, struct sk_buff *skb,
				    u8 *next_header);

#endif
