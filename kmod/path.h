/* SPDX-License-Identifier: GPL-2.0 */
/* The two pipelines and their steps. */
#ifndef _NFIPSEC_PATH_H
#define _NFIPSEC_PATH_H

#include "sa.h"

/* what a pipeline step decided; hook.c alone turns it into NF_* */
enum nfipsec_verdict {
	NFIPSEC_VERDICT_PASS,		/* not ours: the stack goes on */
	NFIPSEC_VERDICT_REDIRECTED,	/* dst and dev now are nfipsec0's: the stack goes on */
	NFIPSEC_VERDICT_STOLEN,		/* the skb is ours or freed */
	NFIPSEC_VERDICT_DROP,		/* drop and count @reason */
};

/* output.c */
enum nfipsec_verdict nfipsec_output_classify(struct nfipsec_net *nn, struct sk_buff *skb,
					     enum nfipsec_stat *reason);
/* from ndo_start_xmit and from the queue; takes the skb. @tunnel is held by its dst or caller */
void nfipsec_output(struct nfipsec_tunnel *tunnel, struct sk_buff *skb);
/* with the SA known; takes the skb (GSO or not) */
void nfipsec_output_sa(struct nfipsec_sa *sa, struct sk_buff *skb);

/* input.c */
enum nfipsec_verdict nfipsec_input(struct nfipsec_net *nn, struct sk_buff *skb,
				   enum nfipsec_stat *reason);
/* anything that did not arrive on nfipsec0: what must be protected is dropped */
enum nfipsec_verdict nfipsec_input_cleartext(struct nfipsec_net *nn, struct sk_buff *skb,
					     enum nfipsec_stat *reason);

/* dev.c: the tunnel's route to nfipsec0, created on first use; RCU read side, NULL for no memory */
struct nfipsec_route *nfipsec_dev_route(struct nfipsec_tunnel *tunnel);
void nfipsec_dev_route_drop(struct nfipsec_tunnel *tunnel);

#endif
