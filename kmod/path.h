/* SPDX-License-Identifier: GPL-2.0 */
/* The two pipelines and their steps. */
#ifndef _NFIPSEC_PATH_H
#define _NFIPSEC_PATH_H

#include "sa.h"

struct nf_hook_state;

/* Verdict of a pipeline step; hook.c alone turns it into NF_*. */
enum nfipsec_verdict {
	NFIPSEC_VERDICT_PASS,		/* not ours: the stack goes on */
	NFIPSEC_VERDICT_REDIRECTED,	/* dst and dev now are nfipsec0's: the stack goes on */
	NFIPSEC_VERDICT_DROP,		/* count the reason and drop */
};

/* hook.c */
bool nfipsec_hook_confirm(struct sk_buff *skb);

/* output.c */
enum nfipsec_verdict nfipsec_output_classify(struct nfipsec_net *nn, struct sk_buff *skb,
					     struct sock *sk, enum nfipsec_stat *reason);
void nfipsec_output(struct nfipsec_tunnel *tunnel, struct sk_buff *skb);
void nfipsec_output_bundle(const struct nfipsec_bundle *bundle, struct sk_buff *skb,
			   const struct nfipsec_headers *h);
/* a dummy packet with @bytes of payload: RFC 4303 2.6; 0 or an errno */
int nfipsec_output_dummy(const struct nfipsec_bundle *bundle, unsigned int bytes);

/* input.c */
bool nfipsec_input_spi(struct sk_buff *skb, const struct nfipsec_headers *h, __be32 *spi);
struct nfipsec_sa *nfipsec_input_find(struct nfipsec_net *nn, struct sk_buff *skb,
				      const struct nfipsec_headers *h);
void nfipsec_input(struct nfipsec_sa *sa, struct sk_buff *skb, const struct nfipsec_headers *h);
void nfipsec_input_open(struct nfipsec_sa *sa, struct sk_buff *skb,
			const struct nfipsec_headers *h);
/* may the packet be opened, by its destination options? Otherwise it is gone */
bool nfipsec_input_options(struct nfipsec_net *nn, struct sk_buff *skb,
			   const struct nfipsec_headers *h);
/* where a packet that arrived in clear is judged */
enum nfipsec_when {
	NFIPSEC_BEFORE_NAT,	/* PRE_ROUTING, as it was on the wire */
	NFIPSEC_LOCAL_IN,
	NFIPSEC_FORWARD,
};
bool nfipsec_input_is_left(struct nfipsec_net *nn, struct sk_buff *skb);
enum nfipsec_verdict nfipsec_input_check_cleartext(struct nfipsec_net *nn, struct sk_buff *skb,
						   enum nfipsec_when when,
						   enum nfipsec_stat *reason);

/* await.c: inbound packets whose SA is not installed yet */
struct nfipsec_awaited;
bool nfipsec_await_is_announced(struct nfipsec_net *nn, struct sk_buff *skb,
				const struct nfipsec_headers *h);
struct nfipsec_awaited *nfipsec_await_find(struct nfipsec_net *nn, struct sk_buff *skb,
					   const struct nfipsec_headers *h, struct nfipsec_sa **sa);
void nfipsec_await_hold(struct nfipsec_net *nn, struct nfipsec_awaited *a, struct sk_buff *skb);

/* ike.c: the daemon's IKE sockets */
bool nfipsec_ike_is_sender(struct nfipsec_net *nn, const struct sk_buff *skb);
bool nfipsec_ike_is_receiver(struct nfipsec_net *nn, u8 family, const union nfipsec_addr *addr,
			     __be16 port);
bool nfipsec_ike_is_own(struct nfipsec_net *nn, u8 family, const union nfipsec_addr *addr,
			__be16 port);
bool nfipsec_ike_is_outer(struct nfipsec_net *nn, const struct nfipsec_pkt *pkt);
bool nfipsec_ike_may_be_outer(struct nfipsec_net *nn, struct sk_buff *skb,
			      const struct nfipsec_pkt *pkt);

/* icmp.c: ICMP errors, by the packet that they quote */
const struct nfipsec_entry *nfipsec_icmp_output(struct nfipsec_net *nn,
						const struct nfipsec_policy *policy,
						struct sk_buff *skb, struct nfipsec_pkt *pkt,
						enum nfipsec_stat *reason);
bool nfipsec_icmp_is_guest(const struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			   const struct nfipsec_pkt *pkt);
bool nfipsec_icmp_find_out(const struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			   const struct nfipsec_pkt *pkt, struct nfipsec_bundle *bundle);
bool nfipsec_icmp_fits(const struct nfipsec_sa *sa, struct sk_buff *skb,
		       const struct nfipsec_pkt *pkt);
bool nfipsec_icmp_quotes_outer(struct nfipsec_net *nn, struct sk_buff *skb,
			       const struct nfipsec_pkt *pkt);
enum nfipsec_stat nfipsec_icmp_check_cleartext(struct nfipsec_net *nn,
					       const struct nfipsec_policy *policy,
					       struct sk_buff *skb, const struct nfipsec_pkt *pkt);

/* dev.c: the tunnel's route to nfipsec0 */
struct nfipsec_route *nfipsec_dev_route(struct nfipsec_tunnel *tunnel,
					enum nfipsec_route_kind kind);
void nfipsec_dev_routes_drop(struct nfipsec_tunnel *tunnel);
bool nfipsec_dev_route_is_ours(const struct dst_entry *dst);
bool nfipsec_dev_is_up(const struct nfipsec_net *nn, u8 family);
void nfipsec_dev_count_tx(struct nfipsec_net *nn, unsigned int packets, unsigned int bytes);
void nfipsec_dev_count_rx(struct nfipsec_net *nn, unsigned int bytes);

/* xmit.c: the outer path */
struct dst_entry *nfipsec_xmit_route(const struct nfipsec_sa *sa);
int nfipsec_xmit_oif(const struct nfipsec_tunnel *tunnel);
struct dst_entry *nfipsec_xmit_lookup(const struct nfipsec_tunnel *tunnel,
				      const struct nfipsec_sa *sa, u8 family,
				      const struct nfipsec_endpoints *ends);
void nfipsec_xmit(const struct nfipsec_sa *sa, struct dst_entry *dst, struct sk_buff *skb);
bool nfipsec_xmit_is_outer(const struct sk_buff *skb);
bool nfipsec_xmit_is_local(struct net *net, u8 family, const union nfipsec_addr *addr);

/* mtu.c: how large an inner packet may be */
void nfipsec_mtu_follow(const struct nfipsec_bundle *bundle, const struct dst_entry *dst);
void nfipsec_mtu_update(struct nfipsec_tunnel *tunnel);
/* does it fit the tunnel? 0; 1 when the outer packet may be fragmented; -EMSGSIZE, told */
int nfipsec_mtu_check(struct nfipsec_tunnel *tunnel, struct sk_buff *skb);
bool nfipsec_mtu_is_quoted(struct nfipsec_net *nn, struct sk_buff *skb, unsigned int quoted);
/* a local sender's route to its peer learns what fits */
void nfipsec_mtu_tell_route(struct nfipsec_tunnel *tunnel, struct sk_buff *skb);
void nfipsec_mtu_icmp4(struct nfipsec_net *nn, struct sk_buff *skb);
void nfipsec_mtu_icmp6(struct nfipsec_net *nn, struct sk_buff *skb, unsigned int head);

/* mode.c: tunnel mode */
struct nfipsec_outer {			/* what is the same for a batch */
	union {
		struct iphdr	ip;
		struct ipv6hdr	ip6;
	};
	u8	family;
	u8	tos;
	u8	tos_copied;	/* the bits of TOS that are each packet's own */
	bool	df;		/* nobody may fragment it */
};
void nfipsec_mode_outer(struct nfipsec_outer *outer, const struct nfipsec_sa *sa,
			struct dst_entry *dst, const struct sk_buff *inner,
			unsigned int packets, bool fragment);
void nfipsec_mode_encapsulate(struct nfipsec_outer *outer, struct sk_buff *skb, u8 inner_tos);
enum nfipsec_stat nfipsec_mode_decapsulate(struct sk_buff *skb, u8 next_header);
/* transport mode */
u8 nfipsec_mode_transport_encap(struct sk_buff *skb, const struct nfipsec_headers *h,
				unsigned int room);
void nfipsec_mode_transport_finish(struct sk_buff *skb, const struct nfipsec_headers *h, u8 proto,
				   bool fragment);
void nfipsec_mode_transport_decap(struct sk_buff *skb, const struct nfipsec_headers *h,
				  u8 next_header);

/* natt.c */
void nfipsec_natt_encapsulate(const struct nfipsec_sa *sa, struct sk_buff *skb);
void nfipsec_natt_checksum(struct sk_buff *skb, unsigned int head);
void nfipsec_natt_fix_checksum(const struct nfipsec_sa *sa, struct sk_buff *skb,
			       const struct nfipsec_pkt *pkt);
void nfipsec_natt_follow(struct nfipsec_sa *sa, const struct sk_buff *skb, unsigned int head);
struct nfipsec_sa *nfipsec_natt_find(struct nfipsec_net *nn, struct sk_buff *skb,
				     const struct nfipsec_headers *h);
bool nfipsec_natt_spi(struct sk_buff *skb, const struct nfipsec_headers *h, __be32 *spi);
void nfipsec_natt_input(struct nfipsec_sa *sa, struct sk_buff *skb,
			const struct nfipsec_headers *h);
/* a GSO packet that begins with what is not ours, and may go on with what is */
bool nfipsec_natt_is_mixed(const struct sk_buff *skb, const struct nfipsec_headers *h);
void nfipsec_natt_open_many(struct nfipsec_net *nn, struct sk_buff *skb,
			    const struct nfipsec_headers *h);

/* batch.c */
bool nfipsec_batch_has_sender(const struct sk_buff *skb);
struct sk_buff *nfipsec_batch_split(struct sk_buff *skb, unsigned int head, unsigned int tail,
				    unsigned int *packets);

/* flow.c */
void nfipsec_flow_forward(struct nfipsec_net *nn, struct sk_buff *skb,
			  const struct nf_hook_state *state);
void nfipsec_flow_policy(struct nfipsec_net *nn);
/* the ends that a packet had on the wire before NAT */
void nfipsec_flow_untranslate(const struct sk_buff *skb, struct nfipsec_pkt *quoted);
void nfipsec_flow_answer(const struct sk_buff *skb, const struct nfipsec_pkt *pkt,
			 struct nfipsec_pkt *answer);

/* rpfilter.c */
void nfipsec_rpfilter_begin(struct sk_buff *skb);
void nfipsec_rpfilter_end(struct sk_buff *skb);

/* deliver.c */
void nfipsec_deliver(struct nfipsec_net *nn, struct sk_buff *skb, u8 proto);
void nfipsec_deliver_route(struct nfipsec_net *nn, struct sk_buff *skb);
void nfipsec_deliver_route6(struct nfipsec_net *nn, struct sk_buff *skb);

#endif
