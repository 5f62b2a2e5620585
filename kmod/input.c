// SPDX-License-Identifier: GPL-2.0
/*
 * Inbound: SA, replay check, ICV and decryption, replay advance, ESP and outer
 * header off, selectors, and to nfipsec0. RFC 4303 3.4, RFC 4301 5.2.
 */
#include <linux/ip.h>
#include <net/ip.h>

#include "esp.h"
#include "path.h"

static enum nfipsec_stat replay_reason(enum nfipsec_replay_result result)
{
	switch (result) {
	case NFIPSEC_REPLAY_OK:
		return NFIPSEC_STAT_UNSPEC;
	case NFIPSEC_REPLAY_SEEN:
		return NFIPSEC_STAT_IN_REPLAY;
	case NFIPSEC_REPLAY_LATE:
		break;
	}
	return NFIPSEC_STAT_IN_REPLAY_LATE;
}

/* what is decrypted in place must be linear and nobody else's; NULL for no memory */
static struct sk_buff *own_linear(struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (likely(!skb_cloned(skb) && !skb_is_nonlinear(skb)))
		return skb;
	if (!skb_cloned(skb) && !skb_has_frag_list(skb) && !skb_has_shared_frag(skb))
		return skb_linearize(skb) ? NULL : skb;
	copy = skb_copy(skb, GFP_ATOMIC);
	if (copy)
		consume_skb(skb);
	return copy;
}

/* ICV, decryption, replay window; @skb from the ESP header to the ICV */
static enum nfipsec_stat open_esp(struct nfipsec_sa *sa, struct sk_buff *skb, u64 seq)
{
	int err = nfipsec_crypto_decrypt(sa->crypto, skb, seq);

	if (unlikely(err)) {
		atomic64_inc(&sa->invalid);
		return err == -EBADMSG ? NFIPSEC_STAT_IN_BAD_ICV : NFIPSEC_STAT_IN_CRYPTO;
	}
	return replay_reason(nfipsec_replay_advance(&sa->replay, seq));
}

/* from the opened ESP packet to an inner packet that may pass */
static enum nfipsec_stat unwrap(struct nfipsec_sa *sa, struct sk_buff *skb,
				const struct iphdr *outer)
{
	enum nfipsec_stat reason;
	struct nfipsec_pkt pkt;
	u8 next_header;

	reason = nfipsec_esp_strip(sa, skb, &next_header);
	if (reason)
		return reason;
	/* RFC 4303 2.6: dummy packets say nothing */
	if (next_header == IPPROTO_NONE)
		return NFIPSEC_STAT_IN_DUMMY;
	if (next_header != IPPROTO_IPIP)
		return NFIPSEC_STAT_IN_BAD_NEXT_HEADER;
	reason = nfipsec_mode_unwrap(skb, outer);
	if (reason)
		return reason;
	if (nfipsec_pkt_parse(skb, 0, &pkt))
		return NFIPSEC_STAT_IN_BAD_INNER;
	if (!nfipsec_sa_match(sa, &pkt))
		return NFIPSEC_STAT_IN_SELECTOR;
	if (!nfipsec_lifetime_account(sa, 1, skb->len))
		return NFIPSEC_STAT_IN_EXPIRED;
	if (unlikely(pkt.syn))
		nfipsec_pkt_clamp_mss(skb, nfipsec_tunnel_mtu(sa->tunnel));
	return NFIPSEC_STAT_UNSPEC;
}

/**
 * nfipsec_input_find - whose ESP packet is this?
 * @nn: the namespace
 * @skb: at its outer IP header, defragmented
 *
 * Return: the SA; NULL for an SPI that is not ours, so that xfrm or another daemon
 * may have it. RCU read side.
 */
struct nfipsec_sa *nfipsec_input_find(struct nfipsec_net *nn, struct sk_buff *skb)
{
	unsigned int head = ip_hdrlen(skb);
	union nfipsec_addr local;
	struct nfipsec_sa *sa;

	if (!pskb_may_pull(skb, head + ESP_HDR_LEN))
		return NULL;
	local.ip = ip_hdr(skb)->daddr;
	sa = nfipsec_sadb_find_in(nn, IPPROTO_ESP, *(__be32 *)(skb->data + head), AF_INET,
				  &local);
	if (!sa)
		nfipsec_stat_add(nn, NFIPSEC_STAT_IN_UNKNOWN_SPI, 1);
	return sa;
}

/**
 * nfipsec_input - open an ESP packet
 * @sa: whose it is
 * @skb: at its outer IP header; taken
 * @head: where its ESP header is, behind IP and perhaps UDP
 *
 * RCU read side, bottom halves off.
 */
void nfipsec_input(struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head)
{
	struct nfipsec_net *nn = sa->nn;
	enum nfipsec_stat reason;
	struct sk_buff *own;
	u64 seq;

	/* RFC 3948 3: what was negotiated to be in UDP is in UDP */
	if (unlikely(!sa->encap_local_port != (ip_hdr(skb)->protocol == IPPROTO_ESP))) {
		reason = NFIPSEC_STAT_IN_WRONG_ENCAP;
		goto drop;
	}
	reason = nfipsec_esp_check(sa, skb->len - head);
	if (reason) {
		atomic64_inc(&sa->invalid);
		goto drop;
	}
	/* before decryption, so that a replayed packet costs an attacker more than us */
	seq = nfipsec_replay_expand(&sa->replay, get_unaligned_be32(skb->data + head + 4),
				    sa->esn);
	reason = replay_reason(nfipsec_replay_check(&sa->replay, seq));
	if (reason)
		goto replayed;
	own = own_linear(skb);
	if (!own) {
		reason = NFIPSEC_STAT_IN_NO_MEMORY;
		goto drop;
	}
	skb = own;
	__skb_pull(skb, head);
	reason = open_esp(sa, skb, seq);
	if (reason == NFIPSEC_STAT_IN_REPLAY || reason == NFIPSEC_STAT_IN_REPLAY_LATE)
		goto replayed;
	if (!reason)
		reason = unwrap(sa, skb, (const struct iphdr *)skb_network_header(skb));
	if (reason)
		goto drop;
	nfipsec_deliver(nn, skb);
	return;

replayed:
	atomic64_inc(&sa->replayed);
drop:
	nfipsec_drop(nn, skb, reason);
}

/**
 * nfipsec_input_cleartext - a packet that did not come out of nfipsec0
 * @nn: the namespace
 * @skb: at its IP header
 * @reason: why it is dropped
 *
 * What an access list, read from the other side, says must come protected, and
 * did not, is dropped (RFC 4301 5.2). RCU read side.
 */
enum nfipsec_verdict nfipsec_input_cleartext(struct nfipsec_net *nn, struct sk_buff *skb,
					     enum nfipsec_stat *reason)
{
	const struct nfipsec_policy *policy = rcu_dereference(nn->policy);
	const struct nfipsec_entry *entry;
	struct nfipsec_pkt pkt, mirror;

	if (!policy->n_entries)
		return NFIPSEC_VERDICT_PASS;
	/* what cannot be parsed cannot be sorted; the stack itself has seen worse */
	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		*reason = NFIPSEC_STAT_IN_CLEARTEXT;
		return NFIPSEC_VERDICT_DROP;
	}
	nfipsec_pkt_mirror(&pkt, &mirror);
	entry = nfipsec_classify(policy, &mirror);
	if (!entry || entry->action == NFIPSEC_ACTION_BYPASS || nfipsec_policy_is_ike(nn, &pkt))
		return NFIPSEC_VERDICT_PASS;
	this_cpu_inc(entry->count->in_packets);
	*reason = entry->action == NFIPSEC_ACTION_PROTECT ? NFIPSEC_STAT_IN_CLEARTEXT :
							    NFIPSEC_STAT_IN_DISCARD;
	return NFIPSEC_VERDICT_DROP;
}
