/* SPDX-License-Identifier: GPL-2.0 */
/* The two pipelines and their steps. */
#ifndef _NFIPSEC_PATH_H
#define _NFIPSEC_PATH_H

#include "sa.h"

/* what a pipeline step decided; hook.c alone turns it into NF_* */
enum nfipsec_verdict {
	NFIPSEC_VERDICT_PASS,		/* not ours: the stack goes on */
	NFIPSEC_VERDICT_REDIRECTED,	/* dst and dev now are nfipsec0's: the stack goes on */
	NFIPSEC_VERDICT_DROP,		/* count the reason and drop */
};

/* output.c */
enum nfipsec_verdict nfipsec_output_classify(struct nfipsec_net *nn, struct sk_buff *skb,
					     enum nfipsec_stat *reason);
void nfipsec_output(struct nfipsec_tunnel *tunnel, struct sk_buff *skb);
void nfipsec_output_sa(struct nfipsec_sa *sa, struct sk_buff *skb);

/* input.c */
struct nfipsec_sa *nfipsec_input_find(struct nfipsec_net *nn, struct sk_buff *skb);
void nfipsec_input(struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head);
enum nfipsec_verdict nfipsec_input_cleartext(struct nfipsec_net *nn, struct sk_buff *skb,
					     enum nfipsec_stat *reason);

/* dev.c: the tunnel's route to nfipsec0 */
struct nfipsec_route *nfipsec_dev_route(struct nfipsec_tunnel *tunnel);
void nfipsec_dev_route_drop(struct nfipsec_tunnel *tunnel);
bool nfipsec_dev_route_is_ours(const struct dst_entry *dst);
void nfipsec_dev_count_tx(struct nfipsec_net *nn, unsigned int packets, unsigned int bytes);
void nfipsec_dev_count_rx(struct nfipsec_net *nn, unsigned int bytes);

/* xmit.c: the outer path */
struct rtable *nfipsec_xmit_route(struct nfipsec_tunnel *tunnel, const struct nfipsec_sa *sa);
void nfipsec_xmit_mtu(struct nfipsec_tunnel *tunnel, const struct nfipsec_sa *sa,
		      const struct rtable *rt);
void nfipsec_dev_mtu_update(struct nfipsec_tunnel *tunnel);
bool nfipsec_xmit_too_big(struct nfipsec_tunnel *tunnel, struct sk_buff *skb);
void nfipsec_xmit_icmp(struct nfipsec_net *nn, struct sk_buff *skb);
void nfipsec_xmit(struct nfipsec_net *nn, struct rtable *rt, struct sk_buff *skb);
bool nfipsec_xmit_is_outer(const struct sk_buff *skb);

/* mode.c: tunnel mode headers */
struct nfipsec_outer {			/* what is the same for a batch */
	struct iphdr	ip;
	u8		tos_copied;	/* the bits of TOS that are each packet's own */
};
void nfipsec_mode_outer(struct nfipsec_outer *outer, struct net *net, const struct nfipsec_sa *sa,
			const struct rtable *rt, const struct iphdr *inner, unsigned int packets);
void nfipsec_mode_wrap(struct nfipsec_outer *outer, struct sk_buff *skb, u8 inner_tos);
enum nfipsec_stat nfipsec_mode_unwrap(struct sk_buff *skb, const struct iphdr *outer);

/* natt.c */
void nfipsec_natt_wrap(const struct nfipsec_sa *sa, struct sk_buff *skb);
struct nfipsec_sa *nfipsec_natt_find(struct nfipsec_net *nn, struct sk_buff *skb);
void nfipsec_natt_input(struct nfipsec_sa *sa, struct sk_buff *skb);

/* batch.c */
struct sk_buff *nfipsec_batch_split(struct sk_buff *skb, unsigned int head, unsigned int tail,
				    unsigned int *packets);

/* deliver.c */
void nfipsec_deliver(struct nfipsec_net *nn, struct sk_buff *skb);
void nfipsec_deliver_route(struct nfipsec_net *nn, struct sk_buff *skb);

#endif
