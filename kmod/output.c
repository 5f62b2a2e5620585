// SPDX-License-Identifier: GPL-2.0
/*
 * Outbound: the hook classifies and redirects; the stack comes back through
 * nfipsec0; then SA, split, sequence numbers, ESP, outer header, and out.
 */
#include <linux/ip.h>
#include <net/ip.h>

#include "esp.h"
#include "path.h"

static void count_hit(const struct nfipsec_entry *entry)
{
	this_cpu_inc(entry->count->out_packets);
}

static enum nfipsec_verdict protect(struct nfipsec_net *nn, struct nfipsec_tunnel *tunnel,
				    struct sk_buff *skb, const struct nfipsec_pkt *pkt,
				    enum nfipsec_stat *reason)
{
	struct nfipsec_route *route = nfipsec_dev_route(tunnel);

	if (!route) {
		*reason = NFIPSEC_STAT_OUT_NO_MEMORY;
		return NFIPSEC_VERDICT_DROP;
	}
	if (unlikely(pkt->syn))
		nfipsec_pkt_clamp_mss(skb, nfipsec_tunnel_mtu(tunnel));
	skb_dst_drop(skb);
	skb_dst_set_noref(skb, &route->rt.dst);
	skb->dev = nn->dev;
	return NFIPSEC_VERDICT_REDIRECTED;
}

/**
 * nfipsec_output_classify - what becomes of a packet that leaves
 * @nn: the namespace
 * @skb: the packet, after routing and SNAT; skb->data at its IP header
 * @reason: why it is dropped, with NFIPSEC_VERDICT_DROP
 *
 * RFC 4301 5.1. RCU read side.
 */
enum nfipsec_verdict nfipsec_output_classify(struct nfipsec_net *nn, struct sk_buff *skb,
					     enum nfipsec_stat *reason)
{
	const struct nfipsec_policy *policy = rcu_dereference(nn->policy);
	const struct nfipsec_entry *entry;
	struct nfipsec_pkt pkt;

	if (!policy->n_entries)
		return NFIPSEC_VERDICT_PASS;
	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		*reason = NFIPSEC_STAT_OUT_MALFORMED;
		return NFIPSEC_VERDICT_DROP;
	}
	entry = nfipsec_classify(policy, &pkt);
	if (!entry)
		return NFIPSEC_VERDICT_PASS;
	if (entry->action != NFIPSEC_ACTION_BYPASS && nfipsec_policy_is_ike(nn, &pkt))
		return NFIPSEC_VERDICT_PASS;
	count_hit(entry);
	switch (entry->action) {
	case NFIPSEC_ACTION_PROTECT:
		return protect(nn, entry->tunnel, skb, &pkt, reason);
	case NFIPSEC_ACTION_DISCARD:
		*reason = NFIPSEC_STAT_OUT_DISCARD;
		return NFIPSEC_VERDICT_DROP;
	}
	return NFIPSEC_VERDICT_PASS;
}

/**
 * nfipsec_output - a packet came to nfipsec0
 * @tunnel: whose route brought it
 * @skb: the packet, maybe a GSO packet; taken
 *
 * Bottom halves off, RCU read side.
 */
void nfipsec_output(struct nfipsec_tunnel *tunnel, struct sk_buff *skb)
{
	struct nfipsec_pkt pkt;
	struct nfipsec_sa *sa;

	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_MALFORMED);
		return;
	}
	sa = nfipsec_sadb_find_out(tunnel, &pkt);
	if (unlikely(!sa || READ_ONCE(tunnel->held)))
		nfipsec_acquire_hold(tunnel, skb, &pkt);
	else
		nfipsec_output_sa(sa, skb);
}

static void drop_list(struct nfipsec_net *nn, struct sk_buff *list, enum nfipsec_stat reason)
{
	struct sk_buff *skb, *next;

	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		nfipsec_drop(nn, skb, reason);
	}
}

/* one packet of the batch, from clear text to the wire; its octets, or 0 when it was dropped */
static unsigned int send(struct nfipsec_sa *sa, struct rtable *rt, struct nfipsec_outer *outer,
			 struct sk_buff *skb, u64 seq)
{
	unsigned int len = skb->len;
	u8 tos = ip_hdr(skb)->tos;

	if (unlikely(nfipsec_esp_wrap(sa, skb, seq, IPPROTO_IPIP))) {
		nfipsec_drop(sa->nn, skb, NFIPSEC_STAT_OUT_CRYPTO);
		return 0;
	}
	if (sa->encap_local_port)
		nfipsec_natt_wrap(sa, skb);
	nfipsec_mode_wrap(outer, skb, tos);
	nfipsec_xmit(sa->nn, rt, skb);
	return len;
}

/* sequence numbers and limits for the batch; UNSPEC, or why it must be dropped */
static enum nfipsec_stat admit(struct nfipsec_sa *sa, unsigned int packets, u64 bytes, u64 *seq)
{
	if (nfipsec_seq_take(sa, packets, seq)) {
		nfipsec_lifetime_exhausted(sa);
		return NFIPSEC_STAT_OUT_SEQ_OVERFLOW;
	}
	if (!nfipsec_lifetime_account(sa, packets, bytes))
		return NFIPSEC_STAT_OUT_EXPIRED;
	return NFIPSEC_STAT_UNSPEC;
}

/**
 * nfipsec_output_sa - protect and send, the SA being known
 * @sa: outbound SA; RCU read side
 * @skb: the packet, maybe a GSO packet; taken
 *
 * Everything that can be done once is done once for all segments of a batch.
 * Bottom halves off.
 */
void nfipsec_output_sa(struct nfipsec_sa *sa, struct sk_buff *skb)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(sa->crypto);
	struct nfipsec_tunnel *tunnel = sa->tunnel;
	struct nfipsec_net *nn = sa->nn;
	unsigned int packets, bytes = 0, sent = 0;
	struct sk_buff *list, *next;
	struct nfipsec_outer outer;
	enum nfipsec_stat reason;
	struct rtable *rt;
	u64 seq;

	rt = nfipsec_xmit_route(tunnel, sa);
	if (unlikely(!rt)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_ROUTE);
		return;
	}
	nfipsec_xmit_mtu(tunnel, sa, rt);
	if (unlikely(nfipsec_xmit_too_big(tunnel, skb))) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_TOO_BIG);
		goto out;
	}
	/* the inner packet's state is not the outer one's; its dst goes, and we are under RCU */
	skb_scrub_packet(skb, false);
	bytes = skb->len;
	list = nfipsec_batch_split(skb, nfipsec_sa_outer_len(sa) + ESP_HDR_LEN + alg->iv_len +
				   LL_RESERVED_SPACE(rt->dst.dev),
				   alg->block + ESP_TRAILER_LEN + alg->icv_len, &packets);
	if (IS_ERR(list)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_MEMORY);
		goto out;
	}
	reason = admit(sa, packets, bytes, &seq);
	if (unlikely(reason)) {
		drop_list(nn, list, reason);
		goto out;
	}
	nfipsec_mode_outer(&outer, nn->net, sa, rt, ip_hdr(list), packets);
	bytes = 0;
	skb_list_walk_safe(list, skb, next) {
		unsigned int len;

		skb_mark_not_on_list(skb);
		len = send(sa, rt, &outer, skb, seq++);
		bytes += len;
		sent += !!len;
	}
	nfipsec_dev_count_tx(nn, sent, bytes);
out:
	ip_rt_put(rt);
}
