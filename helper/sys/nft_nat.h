/* SPDX-License-Identifier: GPL-2.0 */
/* Decides whether nftables changes the source of the first packet of a connection. */
#ifndef SYS_NFT_NAT_H
#define SYS_NFT_NAT_H

#include "core/addr.h"
#include "sys/nft.h"
#include "sys/route.h"

/*
 * @iif, @oif: names of devices; empty @iif with @iif_known: a packet of this host itself
 * @sport, @dport: in host order
 */
struct nft_flow {
	struct addr src, dst;
	uint8_t proto;
	bool ports_known, iif_known;
	uint16_t sport, dport;
	char iif[ROUTE_DEV_MAX], oif[ROUTE_DEV_MAX];
};

enum nft_nat {
	NFT_NAT_KEEPS,		/* the packet keeps its source */
	NFT_NAT_CHANGES,	/* a rule gives it another one */
	NFT_NAT_UNSURE,		/* a rule depends on what is not known here */
};

/* @masquerade: @to is an address of the outgoing device; else @to has family 0 if it is unknown */
struct nft_change {
	const struct nft_rule *rule;
	bool masquerade;
	struct addr to;
};

enum nft_nat nft_nat(const struct nft_rules *rules, const struct nft_flow *flow, struct nft_change *change);

#endif
