/* SPDX-License-Identifier: GPL-2.0 */
/* The chains of nftables that change sources, and the rules of their tables. */
#ifndef SYS_NFT_H
#define SYS_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_NAME	256	/* octets of a name, the last one is 0 */
#define NFT_KEY		64	/* octets of an element's key */

/* a base chain of type nat in the postrouting hook */
struct nft_chain {
	uint8_t family;		/* NFPROTO_* */
	int32_t priority;	/* of the hook */
	char table[NFT_NAME], name[NFT_NAME];
};

/* @expressions: as the kernel has them, a run of NFTA_LIST_ELEM */
struct nft_rule {
	uint8_t family;
	char table[NFT_NAME], chain[NFT_NAME];
	uint64_t handle;
	void *expressions;
	size_t len;
};

struct nft_element {
	uint8_t key[NFT_KEY];
	size_t len;
	uint32_t flags;		/* NFT_SET_ELEM_* */
};

/* @unclear: nft_nat() cannot judge some of its elements */
struct nft_set {
	uint8_t family;
	char table[NFT_NAME], name[NFT_NAME];
	struct nft_element *elements;
	unsigned int n;
	bool unclear;
};

/* @chains are in the order in which a packet meets them, @rules in that of each chain */
struct nft_rules {
	struct nft_chain *chains;
	struct nft_rule *rules;
	struct nft_set *sets;
	unsigned int n_chains, n_rules, n_sets;
};

int nft_rules_load(struct nft_rules *rules);
void nft_rules_free(struct nft_rules *rules);
const char *nft_family_name(uint8_t family);		/* as nft writes it */
bool nft_family_has(uint8_t family, uint8_t af);	/* are its packets of AF_INET, AF_INET6? */

#endif
