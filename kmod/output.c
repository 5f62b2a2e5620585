// SPDX-License-Identifier: GPL-2.0
/*
 * Outbound: the hook classifies and redirects; the stack comes back through
 * nfipsec0; then SA, split, sequence numbers, ESP, outer header, and out.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/dsfield.h>
#include <net/ip.h>
#include <net/lwtunnel.h>

#include "ah.h"
#include "esp.h"
#include "path.h"

static void count_hit(const struct nfipsec_entry *entry)
{
	this_cpu_inc(entry->count->out_packets);
}

/*
 * Transport mode is for whole packets (RFC 4303 3.3.4), and an SA with ports does not
 * take fragments (RFC 4301 7): there the outer packet is fragmented, if any.
 */
static enum nfipsec_route_kind route_kind(const struct nfipsec_entry *entry,
					  const struct nfipsec_pkt *pkt)
{
	bool no_mtu = entry->tunnel->mode == NFIPSEC_MODE_TRANSPORT || pkt->guest ||
		     (nfipsec_sel_has_ports(&entry->sel) && !pkt->h.fragment);

	if (pkt->family == AF_INET)
		return no_mtu ? NFIPSEC_ROUTE_IP4_NO_MTU : NFIPSEC_ROUTE_IP4;
	return no_mtu ? NFIPSEC_ROUTE_IP6_NO_MTU : NFIPSEC_ROUTE_IP6;
}

/* reassembled for us: the stack would cut it again as it came */
static void forget_fragments(struct sk_buff *skb, u8 family)
{
	if (family == AF_INET) {
		IPCB(skb)->frag_max_size = 0;
		IPCB(skb)->flags &= ~IPSKB_FRAG_PMTU;
	} else {
		IP6CB(skb)->frag_max_size = 0;
	}
}

/*
 * Listeners on this host have their copy of a local sender's multicast. IPv4's was made
 * before this hook. IPv6 would make it behind the hook and for the members of groups on
 * nfipsec0; so it is made here, and for the sender's device.
 */
static void loop_back6(struct nfipsec_net *nn, struct sk_buff *skb, struct sock *sk)
{
	struct sk_buff *copy;

	/* the stack clones behind conntrack's confirm */
	if (!sk || !sk_mc_loop(sk) || !nfipsec_hook_confirm(skb))
		return;
	copy = skb_clone(skb, GFP_ATOMIC);
	if (copy)
		dev_loopback_xmit(nn->net, sk, copy);
}

/*
 * With net.netfilter.nf_hooks_lwtunnel, segment routing calls POST_ROUTING for a packet that it
 * is about to encapsulate, and reads its own state from the dst of the packet afterwards. So
 * that dst must stay.
 */
static bool must_keep_dst(const struct sk_buff *skb)
{
	const struct lwtunnel_state *state = skb_dst(skb)->lwtstate;

	return state && state->type == LWTUNNEL_ENCAP_SEG6;
}

static enum nfipsec_verdict protect_packet(struct nfipsec_net *nn,
					   const struct nfipsec_entry *entry,
					   struct sk_buff *skb, const struct nfipsec_pkt *pkt,
					   struct sock *sk, enum nfipsec_stat *reason)
{
	struct nfipsec_route *route;

	if (unlikely(!nfipsec_dev_is_up(nn, pkt->family))) {
		*reason = NFIPSEC_STAT_OUT_DEV_DOWN;
		return NFIPSEC_VERDICT_DROP;
	}
	route = nfipsec_dev_route(entry->tunnel, route_kind(entry, pkt));
	if (!route) {
		*reason = NFIPSEC_STAT_OUT_NO_MEMORY;
		return NFIPSEC_VERDICT_DROP;
	}
	if (unlikely(must_keep_dst(skb))) {
		*reason = NFIPSEC_STAT_OUT_LWTUNNEL;
		return NFIPSEC_VERDICT_DROP;
	}
	nfipsec_mtu_tell_route(entry->tunnel, skb);
	/* the stack will not look at its size; a local sender learns it from the errno */
	if (route->no_mtu) {
		forget_fragments(skb, pkt->family);
		if (nfipsec_mtu_check(entry->tunnel, skb) < 0) {
			*reason = NFIPSEC_STAT_OUT_TOO_BIG;
			return NFIPSEC_VERDICT_DROP;
		}
	}
	if (unlikely(pkt->syn))
		nfipsec_pkt_clamp_mss(skb, pkt->h.upper, nfipsec_tunnel_mtu(entry->tunnel));
	if (pkt->family == AF_INET6 && unlikely(ipv6_addr_is_multicast(&pkt->daddr.ip6)))
		loop_back6(nn, skb, sk);
	/*
	 * A reference, not a loan under RCU: between this hook and nfipsec0 a packet of UDP, a
	 * multicast one, or one from a VRF is in nobody's RCU section. The device queue would take
	 * one anyway. The tunnel may have given its route up, and the last reference be gone.
	 */
	if (!dst_hold_safe(&route->dst)) {
		*reason = NFIPSEC_STAT_OUT_NO_SA_FLUSHED;
		return NFIPSEC_VERDICT_DROP;
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, &route->dst);
	skb->dev = nn->dev;
	return NFIPSEC_VERDICT_REDIRECTED;
}

/**
 * nfipsec_output_classify - what becomes of a packet that leaves
 * @nn: the namespace
 * @skb: the packet, after routing and SNAT; skb->data at its IP header
 * @sk: the socket that the stack sends it for; NULL of a forwarded packet
 * @reason: why it is dropped, with NFIPSEC_VERDICT_DROP
 *
 * RFC 4301 5.1. RCU read side.
 *
 * Return: what the hook does with the packet.
 */
enum nfipsec_verdict nfipsec_output_classify(struct nfipsec_net *nn, struct sk_buff *skb,
					     struct sock *sk, enum nfipsec_stat *reason)
{
	const struct nfipsec_policy *policy = rcu_dereference(nn->policy);
	const struct nfipsec_entry *entry = NULL;
	struct nfipsec_pkt pkt;

	if (!policy->n_entries)
		return NFIPSEC_VERDICT_PASS;
	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		*reason = NFIPSEC_STAT_OUT_MALFORMED;
		return NFIPSEC_VERDICT_DROP;
	}
	if (unlikely(nfipsec_proto_is_icmp(pkt.h.proto))) {
		*reason = NFIPSEC_STAT_UNSPEC;
		entry = nfipsec_icmp_output(nn, policy, skb, &pkt, reason);
		if (*reason)
			return NFIPSEC_VERDICT_DROP;
	}
	/* without its neighbours the host would not even reach the peer */
	if (!entry && pkt.on_link)
		return NFIPSEC_VERDICT_PASS;
	if (!entry)
		entry = nfipsec_classify(policy, &pkt);
	if (!entry)
		return NFIPSEC_VERDICT_PASS;
	if (entry->action != NFIPSEC_ACTION_BYPASS &&
	    nfipsec_ike_is_sender(nn, skb))
		return NFIPSEC_VERDICT_PASS;
	if (unlikely(entry->standbys))
		entry = nfipsec_entry_active(entry, &pkt);
	count_hit(entry);
	switch (entry->action) {
	case NFIPSEC_ACTION_PROTECT:
		return protect_packet(nn, entry, skb, &pkt, sk, reason);
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
	struct nfipsec_bundle bundle;
	bool found;

	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_MALFORMED);
		return;
	}
	found = nfipsec_bundle_find(tunnel, &pkt, &bundle);
	if (unlikely(!found && nfipsec_icmp_is_guest(tunnel, skb, &pkt))) {
		if (nfipsec_icmp_find_out(tunnel, skb, &pkt, &bundle))
			nfipsec_output_bundle(&bundle, skb, &pkt.h);
		else
			nfipsec_drop(tunnel->nn, skb, NFIPSEC_STAT_OUT_ICMP_ERROR);
		return;
	}
	if (unlikely(!found || READ_ONCE(tunnel->held)))
		nfipsec_acquire_hold(tunnel, skb, &pkt);
	else
		nfipsec_output_bundle(&bundle, skb, &pkt.h);
}

static void drop_list(struct nfipsec_net *nn, struct sk_buff *list, enum nfipsec_stat reason)
{
	struct sk_buff *skb, *next;

	skb_list_walk_safe(list, skb, next) {
		skb_mark_not_on_list(skb);
		nfipsec_drop(nn, skb, reason);
	}
}

/* State that all packets of a batch share. */
struct batch {
	const struct nfipsec_bundle	*bundle;
	struct dst_entry		*dst;		/* of the outer packets */
	const struct nfipsec_headers	*h;		/* of each inner packet */
	bool				fragment;	/* outer packets exceed the path MTU */
	unsigned int			padded;		/* what inner packets are padded to */
	struct nfipsec_outer		outer;		/* tunnel mode */
	u64				seq, ah_seq;
};

/* from the inner packet to the outer one */
static int encapsulate(struct batch *b, struct sk_buff *skb)
{
	struct nfipsec_sa *sa = b->bundle->sa;
	bool transport = sa->mode == NFIPSEC_MODE_TRANSPORT;
	bool ip4 = ip_hdr(skb)->version == 4;
	unsigned int head;
	u8 next, tos = 0;
	int err = 0;

	if (transport) {
		next = nfipsec_mode_transport_encap(skb, b->h, nfipsec_sa_header_len(sa));
		head = b->h->insert;
	} else {
		next = ip4 ? IPPROTO_IPIP : IPPROTO_IPV6;
		tos = ip4 ? ip_hdr(skb)->tos : ipv6_get_dsfield(ipv6_hdr(skb));
		head = nfipsec_ip_len(sa->family);
	}
	if (sa->proto == IPPROTO_ESP)
		err = nfipsec_esp_encapsulate(sa, skb, b->seq, next, b->padded);
	else
		nfipsec_ah_encapsulate(sa, skb, b->seq, next);
	if (sa->encap)
		nfipsec_natt_encapsulate(sa, skb);
	if (transport)
		nfipsec_mode_transport_finish(skb, b->h, sa->encap ? IPPROTO_UDP : sa->proto,
					      b->fragment);
	else
		nfipsec_mode_encapsulate(&b->outer, skb, tos);
	if (sa->proto == IPPROTO_AH)
		err = nfipsec_ah_seal(sa, skb, head, b->seq);
	else if (sa->encap && sa->family == AF_INET6)
		nfipsec_natt_checksum(skb, head);
	b->seq++;
	return err;
}

/* AH of a bundle, in transport mode around the ESP packet that encapsulate() made */
static int encapsulate_ah(struct batch *b, struct sk_buff *skb)
{
	struct nfipsec_sa *ah = b->bundle->ah;
	struct nfipsec_headers h;
	u64 seq = b->ah_seq++;
	u8 next;

	if (nfipsec_pkt_headers(skb, 0, &h))
		return -EINVAL;
	next = nfipsec_mode_transport_encap(skb, &h, nfipsec_sa_header_len(ah));
	nfipsec_ah_encapsulate(ah, skb, seq, next);
	nfipsec_mode_transport_finish(skb, &h, IPPROTO_AH, b->fragment);
	return nfipsec_ah_seal(ah, skb, h.insert, seq);
}

/* one packet of the batch, from clear text to the wire; its octets, or 0 when it was dropped */
static unsigned int protect_and_xmit_one(struct batch *b, struct sk_buff *skb)
{
	struct nfipsec_sa *sa = b->bundle->sa;
	unsigned int len = skb->len;
	int err = encapsulate(b, skb);

	if (!err && b->bundle->ah)
		err = encapsulate_ah(b, skb);
	if (unlikely(err)) {
		nfipsec_drop(sa->nn, skb, err == -EINVAL ? NFIPSEC_STAT_OUT_MALFORMED :
							   NFIPSEC_STAT_OUT_CRYPTO);
		return 0;
	}
	/* no length of IP can say it */
	if (unlikely(skb->len > IP_MAX_MTU)) {
		nfipsec_drop(sa->nn, skb, NFIPSEC_STAT_OUT_TOO_BIG);
		return 0;
	}
	nfipsec_xmit(sa, b->dst, skb);
	return len;
}

/* sequence numbers and limits for the batch; UNSPEC, or why it must be dropped */
static enum nfipsec_stat reserve_seq_and_lifetime(struct nfipsec_sa *sa, unsigned int packets,
						  u64 bytes, u64 *seq)
{
	if (nfipsec_seq_take(sa, packets, seq)) {
		nfipsec_lifetime_exhausted(sa);
		return NFIPSEC_STAT_OUT_SEQ_OVERFLOW;
	}
	/* an eighth is left: of 32 bits, 50 s of 10 million packets each */
	if (unlikely(*seq > nfipsec_seq_limit(sa) / 8 * 7))
		nfipsec_lifetime_runs_out(sa);
	if (!nfipsec_lifetime_account(sa, packets, bytes))
		return NFIPSEC_STAT_OUT_EXPIRED;
	return NFIPSEC_STAT_UNSPEC;
}

/* the packets of @list, all of them or none */
static enum nfipsec_stat protect_and_xmit_list(struct batch *b, struct sk_buff *list,
					       unsigned int packets)
{
	const struct nfipsec_bundle *bundle = b->bundle;
	struct nfipsec_net *nn = bundle->sa->nn;
	unsigned int bytes = 0, sent = 0;
	enum nfipsec_stat reason;
	struct sk_buff *skb, *next;

	skb_list_walk_safe(list, skb, next)
		bytes += skb->len;
	reason = reserve_seq_and_lifetime(bundle->sa, packets, bytes, &b->seq);
	if (!reason && bundle->ah)
		reason = reserve_seq_and_lifetime(bundle->ah, packets, bytes, &b->ah_seq);
	if (unlikely(reason))
		return reason;
	if (bundle->sa->mode == NFIPSEC_MODE_TUNNEL)
		nfipsec_mode_outer(&b->outer, bundle->sa, b->dst, list, packets, b->fragment);
	bytes = 0;
	skb_list_walk_safe(list, skb, next) {
		unsigned int len;

		skb_mark_not_on_list(skb);
		len = protect_and_xmit_one(b, skb);
		bytes += len;
		sent += !!len;
	}
	nfipsec_dev_count_tx(nn, sent, bytes);
	return NFIPSEC_STAT_UNSPEC;
}

/* TFC, RFC 4303 2.7: only where the inner packet says its own length */
static unsigned int padded_len(const struct nfipsec_sa *sa)
{
	u32 tfc = READ_ONCE(sa->tunnel->set.tfc);

	if (likely(!tfc) || sa->mode != NFIPSEC_MODE_TUNNEL || sa->proto != IPPROTO_ESP)
		return 0;
	return min(tfc, nfipsec_tunnel_mtu(sa->tunnel));
}

static unsigned int head_len(const struct batch *b)
{
	const struct nfipsec_bundle *bundle = b->bundle;
	unsigned int room = nfipsec_sa_header_len(bundle->sa) + LL_RESERVED_SPACE(b->dst->dev);

	if (bundle->sa->mode == NFIPSEC_MODE_TUNNEL)
		room += nfipsec_ip_len(bundle->sa->family);
	if (bundle->ah)
		room += nfipsec_sa_header_len(bundle->ah);
	return room;
}

static unsigned int tail_len(const struct batch *b)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(b->bundle->sa->crypto);

	if (b->bundle->sa->proto != IPPROTO_ESP)
		return 0;
	return alg->block + ESP_TRAILER_LEN + alg->icv_len + b->padded;
}

/**
 * nfipsec_output_bundle - protect and send, the SA being known
 * @bundle: outbound SA; RCU read side
 * @skb: the packet, maybe a GSO packet; taken
 * @h: its headers
 *
 * Everything that can be done once is done once for all segments of a batch.
 * Bottom halves off.
 */
void nfipsec_output_bundle(const struct nfipsec_bundle *bundle, struct sk_buff *skb,
			   const struct nfipsec_headers *h)
{
	struct nfipsec_tunnel *tunnel = bundle->sa->tunnel;
	struct batch b = { .bundle = bundle, .h = h };
	struct nfipsec_net *nn = tunnel->nn;
	enum nfipsec_stat reason;
	struct sk_buff *list;
	unsigned int packets;
	int size;

	/* Packets held meanwhile take this path later. */
	if (unlikely(!netif_running(nn->dev))) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_DEV_DOWN);
		return;
	}
	nfipsec_assert_bh_off();
	if (unlikely(h->fragment && bundle->sa->mode == NFIPSEC_MODE_TRANSPORT)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_FRAGMENT);
		return;
	}
	b.dst = nfipsec_xmit_route(bundle->sa);
	if (unlikely(!b.dst)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_ROUTE);
		return;
	}
	nfipsec_mtu_follow(bundle, b.dst);
	size = nfipsec_mtu_check(tunnel, skb);
	if (unlikely(size < 0)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_TOO_BIG);
		goto out;
	}
	b.fragment = size;
	b.padded = padded_len(bundle->sa);
	/* the inner packet's state is not the outer one's; its dst goes, and we are under RCU */
	skb_scrub_packet(skb, false);
	list = nfipsec_batch_split(skb, head_len(&b), tail_len(&b), &packets);
	if (IS_ERR(list)) {
		nfipsec_drop(nn, skb, NFIPSEC_STAT_OUT_NO_MEMORY);
		goto out;
	}
	reason = protect_and_xmit_list(&b, list, packets);
	if (unlikely(reason))
		drop_list(nn, list, reason);
out:
	dst_release(b.dst);
}

/**
 * nfipsec_output_dummy - a packet that says nothing: RFC 4303 2.6
 * @bundle: outbound SA of ESP; RCU read side
 * @bytes: of payload
 *
 * Bottom halves off.
 *
 * Return: 0, -EMSGSIZE when it does not fit the tunnel, -EAGAIN for any other reason,
 * which is counted.
 */
int nfipsec_output_dummy(const struct nfipsec_bundle *bundle, unsigned int bytes)
{
	struct nfipsec_sa *sa = bundle->sa;
	struct batch b = { .bundle = bundle };
	enum nfipsec_stat reason = NFIPSEC_STAT_OUT_NO_ROUTE;
	struct sk_buff *skb;
	int err;

	if (!netif_running(sa->nn->dev)) {
		nfipsec_stat_add(sa->nn, NFIPSEC_STAT_OUT_DEV_DOWN, 1);
		return -EAGAIN;
	}
	b.dst = nfipsec_xmit_route(sa);
	if (!b.dst)
		goto failed;
	nfipsec_mtu_follow(bundle, b.dst);
	err = -EMSGSIZE;
	if (bytes > nfipsec_tunnel_mtu(sa->tunnel))
		goto out;
	reason = NFIPSEC_STAT_OUT_NO_MEMORY;
	skb = alloc_skb(head_len(&b) + nfipsec_ip_len(sa->family) + bytes + tail_len(&b),
			GFP_ATOMIC);
	if (!skb)
		goto failed;
	skb_reserve(skb, head_len(&b) + nfipsec_ip_len(sa->family));
	skb_put_zero(skb, bytes);
	reason = reserve_seq_and_lifetime(sa, 1, bytes, &b.seq);
	if (!reason && bundle->ah)
		reason = reserve_seq_and_lifetime(bundle->ah, 1, bytes, &b.ah_seq);
	if (reason) {
		kfree_skb(skb);
		goto failed;
	}
	err = nfipsec_esp_encapsulate(sa, skb, b.seq, IPPROTO_NONE, 0);
	if (sa->encap)
		nfipsec_natt_encapsulate(sa, skb);
	nfipsec_mode_outer(&b.outer, sa, b.dst, NULL, 1, false);
	nfipsec_mode_encapsulate(&b.outer, skb, 0);
	if (sa->encap && sa->family == AF_INET6)
		nfipsec_natt_checksum(skb, nfipsec_ip_len(sa->family));
	if (!err && bundle->ah)
		err = encapsulate_ah(&b, skb);
	reason = NFIPSEC_STAT_OUT_CRYPTO;
	if (err) {
		kfree_skb(skb);
		goto failed;
	}
	nfipsec_xmit(sa, b.dst, skb);
	goto out;

failed:
	nfipsec_stat_add(sa->nn, reason, 1);
	err = -EAGAIN;
out:
	dst_release(b.dst);
	return err;
}
