/* SPDX-License-Identifier: GPL-2.0 */
/* The AH packet format: RFC 4302 2. */
#ifndef _NFIPSEC_AH_H
#define _NFIPSEC_AH_H

#include <linux/skbuff.h>

#include "nfipsec.h"

struct nfipsec_alg;
struct nfipsec_sa;

#define AH_FIXED_LEN	12	/* up to the ICV */
#define AH_SPI_AT	4
#define AH_SEQ_AT	8

/* octets of the header in packets we make */
unsigned int nfipsec_ah_len(const struct nfipsec_alg *alg, u8 family);
void nfipsec_ah_encapsulate(const struct nfipsec_sa *sa, struct sk_buff *skb, u64 seq,
			    u8 next_header);
int nfipsec_ah_seal(const struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head, u64 seq);
/* before the ICV: NFIPSEC_STAT_UNSPEC, or why it cannot be an AH packet of this SA */
enum nfipsec_stat nfipsec_ah_check(const struct nfipsec_sa *sa, struct sk_buff *skb,
				   unsigned int head);
int nfipsec_ah_verify(const struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head, u64 seq);
void nfipsec_ah_strip(struct sk_buff *skb, u8 *next_header);

#endif
