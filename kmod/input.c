// SPDX-License-Identifier: GPL-2.0
/*
 * Inbound: SA, replay check, ICV and decryption, replay advance, ESP or AH and outer
 * header off, selectors, and to nfipsec0. RFC 4303 3.4, RFC 4302 3.4, RFC 4301 5.2.
 */
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "ah.h"
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

/* Decryption in place needs a linear packet without clones. Returns NULL without memory. */
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

/* a packet on its way from the wire to its inner packet */
struct rx_ctx {
	struct sk_buff			*skb;	/* at its outer IP header, then at the payload */
	const struct nfipsec_headers	*h;	/* of the outer packet; ESP, AH or UDP is @upper */
	bool				in_udp;
	bool				in_ah;	/* ESP that AH of a bundle was around */
	u64				seq;
	u8				next_header;
};

static unsigned int head_of(const struct rx_ctx *a)
{
	return a->h->upper + (a->in_udp ? sizeof(struct udphdr) : 0);
}

/* could it be, before anything is computed? */
static enum nfipsec_stat check_before_crypto(struct nfipsec_sa *sa, struct rx_ctx *a)
{
	unsigned int head = head_of(a), at = head + 4;
	enum nfipsec_stat reason;

	if (unlikely(sa->tunnel->bundle && sa->proto == IPPROTO_ESP && !a->in_ah))
		return NFIPSEC_STAT_IN_NO_BUNDLE;
	if (sa->proto == IPPROTO_ESP) {
		reason = nfipsec_esp_check(sa, a->skb->len - head);
	} else {
		reason = nfipsec_ah_check(sa, a->skb, head);
		at = head + AH_SEQ_AT;
	}
	if (reason)
		return reason;
	/* before decryption, so that a replayed packet costs an attacker more than us */
	a->seq = nfipsec_replay_expand(&sa->replay, get_unaligned_be32(a->skb->data + at),
				       sa->esn);
	return replay_reason(nfipsec_replay_check(&sa->replay, a->seq));
}

/* ICV, decryption, replay window; the packet is at its payload then */
static enum nfipsec_stat verify_and_decrypt(struct nfipsec_sa *sa, struct rx_ctx *a)
{
	enum nfipsec_stat reason;
	int err;

	if (sa->proto == IPPROTO_ESP) {
		__skb_pull(a->skb, head_of(a));
		err = nfipsec_crypto_decrypt(sa->crypto, a->skb, a->seq);
	} else {
		err = nfipsec_ah_verify(sa, a->skb, head_of(a), a->seq);
	}
	if (unlikely(err == -EBADMSG))
		return NFIPSEC_STAT_IN_BAD_ICV;
	if (unlikely(err))
		return err == -EINVAL && sa->proto == IPPROTO_AH ? NFIPSEC_STAT_IN_BAD_HEADER :
								   NFIPSEC_STAT_IN_CRYPTO;
	reason = replay_reason(nfipsec_replay_advance(&sa->replay, a->seq));
	if (reason)
		return reason;
	if (a->in_udp && sa->encap && a->seq == READ_ONCE(sa->replay.top))
		nfipsec_natt_follow(sa, a->skb, a->h->upper);
	if (sa->proto == IPPROTO_ESP)
		return nfipsec_esp_strip(sa, a->skb, &a->next_header);
	__skb_pull(a->skb, head_of(a));
	nfipsec_ah_strip(a->skb, &a->next_header);
	return NFIPSEC_STAT_UNSPEC;
}

/* Counts a drop on the SA, beside the counter of the namespace. */
static void count_on_sa(struct nfipsec_sa *sa, enum nfipsec_stat reason)
{
	switch (reason) {
	case NFIPSEC_STAT_IN_REPLAY:
	case NFIPSEC_STAT_IN_REPLAY_LATE:
		atomic64_inc(&sa->replayed);
		break;
	case NFIPSEC_STAT_IN_TOO_SHORT:
	case NFIPSEC_STAT_IN_NOT_ALIGNED:
	case NFIPSEC_STAT_IN_BAD_ICV:
	case NFIPSEC_STAT_IN_BAD_PADDING:
	case NFIPSEC_STAT_IN_BAD_HEADER:
	case NFIPSEC_STAT_IN_CRYPTO:
		atomic64_inc(&sa->invalid);
		break;
	default:
		break;
	}
}

/* from the wire to the payload */
static enum nfipsec_stat receive_protected(struct nfipsec_sa *sa, struct rx_ctx *a)
{
	enum nfipsec_stat reason = check_before_crypto(sa, a);
	struct sk_buff *own;

	if (!reason) {
		own = own_linear(a->skb);
		if (!own)
			return NFIPSEC_STAT_IN_NO_MEMORY;
		a->skb = own;
		/* Checksum offload and its result concern the outer packet. */
		own->ip_summed = CHECKSUM_NONE;
		reason = verify_and_decrypt(sa, a);
	}
	if (unlikely(reason))
		count_on_sa(sa, reason);
	return reason;
}

/* AH of a bundle has been opened: on to the SA of the ESP packet in it, in @sa */
static enum nfipsec_stat receive_bundled_esp(struct nfipsec_sa **sa, struct rx_ctx *a)
{
	struct nfipsec_sa *esp;

	if (a->next_header != IPPROTO_ESP || a->skb->len < ESP_HDR_LEN)
		return NFIPSEC_STAT_IN_NO_BUNDLE;
	if (!nfipsec_lifetime_account(*sa, 1, a->skb->len))
		return NFIPSEC_STAT_IN_EXPIRED;
	nfipsec_mode_transport_decap(a->skb, a->h, IPPROTO_ESP);
	esp = nfipsec_sadb_find_in((*sa)->nn, a->skb, IPPROTO_ESP,
				   *(__be32 *)(a->skb->data + a->h->upper));
	if (!esp || esp->tunnel != (*sa)->tunnel)
		return NFIPSEC_STAT_IN_NO_BUNDLE;
	*sa = esp;
	a->in_ah = true;
	return receive_protected(esp, a);
}

/* from the payload to an inner packet that may pass */
static enum nfipsec_stat decapsulate(struct nfipsec_sa *sa, struct rx_ctx *a,
				     struct nfipsec_pkt *pkt)
{
	struct sk_buff *skb = a->skb;
	enum nfipsec_stat reason;

	/* RFC 4303 2.6: dummy packets say nothing */
	if (sa->proto == IPPROTO_ESP && a->next_header == IPPROTO_NONE)
		return NFIPSEC_STAT_IN_DUMMY;
	if (sa->mode == NFIPSEC_MODE_TUNNEL) {
		reason = nfipsec_mode_decapsulate(skb, a->next_header);
		if (reason)
			return reason;
	} else {
		nfipsec_mode_transport_decap(skb, a->h, a->next_header);
	}
	if (nfipsec_pkt_parse(skb, 0, pkt))
		return NFIPSEC_STAT_IN_BAD_INNER;
	if (!nfipsec_sa_match(sa, pkt) && !nfipsec_icmp_fits(sa, skb, pkt))
		return NFIPSEC_STAT_IN_SELECTOR;
	if (!nfipsec_lifetime_account(sa, 1, skb->len))
		return NFIPSEC_STAT_IN_EXPIRED;
	if (a->in_udp && sa->mode == NFIPSEC_MODE_TRANSPORT)
		nfipsec_natt_fix_checksum(sa, skb, pkt);
	if (unlikely(pkt->syn))
		nfipsec_pkt_clamp_mss(skb, pkt->h.upper, nfipsec_tunnel_mtu(sa->tunnel));
	return NFIPSEC_STAT_UNSPEC;
}

/**
 * nfipsec_input_spi - reads the SPI of an ESP or AH packet
 * @skb: at its outer IP header, defragmented
 * @h: its headers
 * @spi: set
 *
 * Return: false for a packet that ends before its sequence number.
 */
bool nfipsec_input_spi(struct sk_buff *skb, const struct nfipsec_headers *h, __be32 *spi)
{
	unsigned int at = h->upper + (h->proto == IPPROTO_AH ? AH_SPI_AT : 0);

	if (!pskb_may_pull(skb, at + ESP_HDR_LEN))
		return false;
	*spi = *(const __be32 *)(skb->data + at);
	return true;
}

/**
 * nfipsec_input_find - finds the SA of an ESP or AH packet, or of ESP in UDP
 * @nn: the namespace
 * @skb: at its outer IP header, defragmented
 * @h: its headers
 *
 * Return: the SA; NULL for an SPI that is not ours, so that xfrm or another daemon
 * may have it, and for other protocols. RCU read side.
 */
struct nfipsec_sa *nfipsec_input_find(struct nfipsec_net *nn, struct sk_buff *skb,
				      const struct nfipsec_headers *h)
{
	__be32 spi;

	switch (h->proto) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		if (!nfipsec_input_spi(skb, h, &spi))
			return NULL;
		return nfipsec_sadb_find_in(nn, skb, h->proto, spi);
	case IPPROTO_UDP:
		return nfipsec_natt_find(nn, skb, h);
	}
	return NULL;
}

/* RFC 8200 4.2: what its type wants done with an option that we do not know */
enum option_action {
	OPTION_SKIP,
	OPTION_DISCARD,
	OPTION_TELL,		/* discard, and the sender is told */
	OPTION_TELL_UNICAST,
};

/* padding of more than 7 octets or not of zeros is a covert channel: RFC 4942 2.1.9.5 */
static bool padding_ok(const u8 *opt, unsigned int len, unsigned int *padding)
{
	*padding += len;
	return *padding <= 7 && (len <= 2 || !memchr_inv(opt + 2, 0, len - 2));
}

/*
 * One header of destination options, at @at from the IP header, @end behind it: 0, or
 * the offset of the option for which the packet must be discarded.
 */
static unsigned int forbidden_option(const struct net *net, const u8 *data, unsigned int at,
				     unsigned int end)
{
	int most = READ_ONCE(net->ipv6.sysctl.max_dst_opts_cnt);
	unsigned int padding = 0, len;
	int count = 0;

	if (end - at > READ_ONCE(net->ipv6.sysctl.max_dst_opts_len))
		return at;
	for (at += sizeof(struct ipv6_opt_hdr); at < end; at += len) {
		const u8 *opt = data + at;

		len = 1;
		if (*opt != IPV6_TLV_PAD1) {
			if (at + 2 > end || at + 2 + opt[1] > end)
				return at;
			len = 2 + opt[1];
		}
		if (*opt == IPV6_TLV_PAD1 || *opt == IPV6_TLV_PADN) {
			if (!padding_ok(opt, len, &padding))
				return at;
			continue;
		}
		padding = 0;
		/* negative: none that is unknown, and all are */
		if (*opt >> 6 != OPTION_SKIP || ++count > most)
			return at;
	}
	return 0;
}

/* does the sender learn of it? Not what is malformed, which no option's type speaks of */
static bool is_told(const struct net *net, const struct sk_buff *skb,
		    const struct nfipsec_headers *h, unsigned int at)
{
	const struct ipv6hdr *ip6 = ipv6_hdr(skb);

	if (READ_ONCE(net->ipv6.sysctl.max_dst_opts_cnt) < 0)
		return false;
	switch (skb->data[at] >> 6) {
	case OPTION_TELL:
		break;
	case OPTION_TELL_UNICAST:
		if (!ipv6_addr_is_multicast(&ip6->daddr))
			break;
		fallthrough;
	default:
		return false;
	}
	return at + 2 <= h->upper && at + 2 + skb->data[at + 1] <= h->upper;
}

/**
 * nfipsec_input_options - the destination options in front of ESP, AH or UDP
 * @nn: the namespace
 * @skb: at its IPv6 header, for an SA of ours; taken when the answer is false
 * @h: its headers
 *
 * The stack looks at hop-by-hop options before any hook, and at these behind ours, which
 * takes the packet: so we do as it would, within its limits (RFC 8200 4.2). A routing
 * header without segments left says nothing to us, whatever its type (RFC 8200 4.4).
 *
 * Return: true to continue with @skb; false if @skb was consumed.
 */
bool nfipsec_input_options(struct nfipsec_net *nn, struct sk_buff *skb,
			   const struct nfipsec_headers *h)
{
	unsigned int at = sizeof(struct ipv6hdr), next = offsetof(struct ipv6hdr, nexthdr), end;
	unsigned int bad = 0;

	for (; at < h->upper && !bad; next = at, at = end) {
		u8 type = skb->data[next];

		end = at + sizeof(struct frag_hdr);
		if (type != NEXTHDR_FRAGMENT)
			end = at + ipv6_optlen((const struct ipv6_opt_hdr *)(skb->data + at));
		if (type == NEXTHDR_DEST)
			bad = forbidden_option(nn->net, skb->data, at, end);
	}
	if (!bad)
		return true;
	if (is_told(nn->net, skb, h, bad))
		icmpv6_send(skb, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION, bad);
	nfipsec_drop(nn, skb, NFIPSEC_STAT_IN_BAD_HEADER);
	return false;
}

/**
 * nfipsec_input - open an ESP or AH packet
 * @sa: whose it is
 * @skb: at its outer IP header; taken
 * @h: its headers
 *
 * RCU read side, bottom halves off.
 */
void nfipsec_input(struct nfipsec_sa *sa, struct sk_buff *skb, const struct nfipsec_headers *h)
{
	struct rx_ctx a = { .skb = skb, .h = h, .in_udp = h->proto == IPPROTO_UDP };
	struct nfipsec_net *nn = sa->nn;
	enum nfipsec_stat reason;
	struct nfipsec_pkt pkt;

	nfipsec_assert_bh_off();
	reason = receive_protected(sa, &a);
	if (!reason && sa->tunnel->bundle && sa->proto == IPPROTO_AH)
		reason = receive_bundled_esp(&sa, &a);
	if (!reason)
		reason = decapsulate(sa, &a, &pkt);
	if (reason)
		nfipsec_drop(nn, a.skb, reason);
	else
		nfipsec_deliver(nn, a.skb, pkt.h.proto);
}

/**
 * nfipsec_input_open - decapsulates an ESP or AH packet, or each segment of a GSO packet in UDP
 * @sa: SA of the packet, from nfipsec_input_find()
 * @skb: at its outer IP header; taken
 * @h: its headers
 *
 * RCU read side, bottom halves off.
 */
void nfipsec_input_open(struct nfipsec_sa *sa, struct sk_buff *skb,
			const struct nfipsec_headers *h)
{
	if (h->proto == IPPROTO_UDP)
		nfipsec_natt_input(sa, skb, h);
	else
		nfipsec_input(sa, skb, h);
}

/* Is the packet for the tunnels themselves, as far as is known where it is judged? */
static bool is_outer(struct nfipsec_net *nn, struct sk_buff *skb, const struct nfipsec_pkt *pkt,
		     enum nfipsec_when when)
{
	switch (when) {
	case NFIPSEC_BEFORE_NAT:
		return nfipsec_ike_may_be_outer(nn, skb, pkt);
	case NFIPSEC_LOCAL_IN:
		return nfipsec_ike_is_outer(nn, pkt);
	case NFIPSEC_FORWARD:
		break;
	}
	return false;
}

/**
 * nfipsec_input_is_left - did PRE_ROUTING leave this packet to the later hooks?
 * @nn: the namespace
 * @skb: at its IP header, at LOCAL_IN or FORWARD
 *
 * RCU read side.
 *
 * Return: true for a packet that may belong to the tunnels themselves.
 */
bool nfipsec_input_is_left(struct nfipsec_net *nn, struct sk_buff *skb)
{
	struct nfipsec_pkt pkt;
	__be32 spi;

	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt) ||
	    nfipsec_ike_may_be_outer(nn, skb, &pkt))
		return true;
	/* its SPI may have been announced when PRE_ROUTING looked */
	return pkt.h.proto == IPPROTO_UDP && !pkt.h.fragment && nfipsec_natt_spi(skb, &pkt.h, &spi);
}

/**
 * nfipsec_input_check_cleartext - judge a packet that arrived in clear
 * @nn: the namespace
 * @skb: at its IP header
 * @when: where on its way it is
 * @reason: why it is dropped
 *
 * A packet that must come protected by an access list, read from the other side, and came
 * in clear is dropped (RFC 4301 5.2). It is judged by its addresses on the wire: before
 * NAT by its own, behind NAT by conntrack's tuple. RCU read side.
 *
 * Return: NFIPSEC_VERDICT_PASS, or NFIPSEC_VERDICT_DROP with @reason set.
 */
enum nfipsec_verdict nfipsec_input_check_cleartext(struct nfipsec_net *nn, struct sk_buff *skb,
						   enum nfipsec_when when,
						   enum nfipsec_stat *reason)
{
	const struct nfipsec_policy *policy = rcu_dereference(nn->policy);
	const struct nfipsec_entry *entry;
	struct nfipsec_pkt pkt, answer;

	if (!policy->n_entries)
		return NFIPSEC_VERDICT_PASS;
	/* A packet that does not parse matches no entry for certain, so it is dropped. */
	if (nfipsec_pkt_parse(skb, skb_network_offset(skb), &pkt)) {
		*reason = NFIPSEC_STAT_IN_CLEARTEXT;
		return NFIPSEC_VERDICT_DROP;
	}
	/* LOCAL_IN looks up the SA of ESP and AH, so PRE_ROUTING does not */
	if (when == NFIPSEC_BEFORE_NAT && !pkt.h.fragment &&
	    (pkt.h.proto == IPPROTO_ESP || pkt.h.proto == IPPROTO_AH))
		return NFIPSEC_VERDICT_PASS;
	if (unlikely(nfipsec_proto_is_icmp(pkt.h.proto))) {
		*reason = nfipsec_icmp_check_cleartext(nn, policy, skb, &pkt);
		if (unlikely(*reason))
			return is_outer(nn, skb, &pkt, when) ? NFIPSEC_VERDICT_PASS :
							       NFIPSEC_VERDICT_DROP;
	}
	if (pkt.on_link)
		return NFIPSEC_VERDICT_PASS;
	/* at PRE_ROUTING, too: a VRF calls that again behind NAT */
	nfipsec_flow_answer(skb, &pkt, &answer);
	entry = nfipsec_classify(policy, &answer);
	if (!entry || entry->action == NFIPSEC_ACTION_BYPASS || is_outer(nn, skb, &pkt, when))
		return NFIPSEC_VERDICT_PASS;
	this_cpu_inc(entry->count->in_packets);
	*reason = entry->action == NFIPSEC_ACTION_PROTECT ? NFIPSEC_STAT_IN_CLEARTEXT :
							    NFIPSEC_STAT_IN_DISCARD;
	return NFIPSEC_VERDICT_DROP;
}
