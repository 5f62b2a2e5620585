/* SPDX-License-Identifier: GPL-2.0 */
/* What nftables has, over nfnetlink: only its chains that change sources. */
#ifndef SYS_NFT_H
#define SYS_NFT_H

#include <stdbool.h>
#include <stdint.h>

struct nft_chain {
	uint8_t family;		/* NFPROTO_* */
	char table[64], name[64];
};

/* base chains of type nat in the postrouting hook; 0 or -errno, also where there is no nftables */
int nft_nat_chains(void (*each)(const struct nft_chain *c, void *arg), void *arg);
const char *nft_family_name(uint8_t family);		/* as nft writes it */
bool nft_family_has(uint8_t family, uint8_t af);	/* are its packets of AF_INET, AF_INET6? */

#endif
