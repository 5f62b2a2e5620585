// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors and redirects, judged by the packet that they quote: RFC 4301 6. A router's
 * own address is often in no access list and in no SA's selectors, while the quotation is
 * protected traffic.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>

#include "path.h"

/* how many addresses of this host are compared with access lists and SAs for one error */
#define SOURCES_MAX 16

/* ---- what a message quotes ---- */

/**
 * struct quote - the packet that an ICMP message quotes
 * @pkt: its selectors. A quotation without ports matches as a fragment does.
 * @redirect: the message is a redirect, else an error
 */
struct quote {
	struct nfipsec_pkt	pkt;
	bool			redirect;
};

/*
 * Returns the offset from skb->data of the packet in the "redirected header" option of ND,
 * or 0 without that option.
 */
static unsigned int redirect_quotation6(struct sk_buff *skb, unsigned int at)
{
	unsigned int len;

	for (at += sizeof(struct rd_msg); pskb_may_pull(skb, at + 8); at += len) {
		len = skb->data[at + 1] * 8;
		if (skb->data[at] == ND_OPT_REDIRECT_HDR)
			return at + 8;
		if (!len)
			break;
	}
	return 0;
}

/* Returns the offset from skb->data of the quotation in @pkt, or 0 for another message. */
static unsigned int quotation_offset(struct sk_buff *skb, const struct nfipsec_pkt *pkt,
				     bool *redirect)
{
	unsigned int at = skb_network_offset(skb) + pkt->h.upper;
	u8 type = ntohs(pkt->sport) >> 8;

	/* a fragment has no type */
	if (!pkt->ports)
		return 0;
	if (pkt->family == AF_INET && pkt->h.proto == IPPROTO_ICMP) {
		*redirect = type == ICMP_REDIRECT;
		return icmp_is_err(type) ? at + sizeof(struct icmphdr) : 0;
	}
	if (pkt->family == AF_INET6 && pkt->h.proto == IPPROTO_ICMPV6) {
		*redirect = type == NDISC_REDIRECT;
		if (*redirect)
			return redirect_quotation6(skb, at);
		return type & ICMPV6_INFOMSG_MASK ? 0 : at + sizeof(struct icmp6hdr);
	}
	return 0;
}

/*
 * Fills @q from the IP header on, at @at from skb->data. A quotation may end anywhere
 * (RFC 792 has 8 octets behind the IP header). If the upper layer or the ports are missing,
 * protect and discard entries match by the rest, as they match a fragment. Returns false if
 * the addresses are missing.
 */
static bool quoted_parse(struct sk_buff *skb, unsigned int at, u8 family, struct nfipsec_pkt *q)
{
	unsigned int len;
	const u8 *upper;

	memset(q, 0, sizeof(*q));
	if (!pskb_may_pull(skb, at + nfipsec_ip_len(family)) ||
	    skb->data[at] >> 4 != (family == AF_INET ? 4 : 6))
		return false;
	nfipsec_pkt_addrs(skb, at, q);
	if (nfipsec_pkt_headers(skb, at, &q->h)) {
		q->h = (struct nfipsec_headers){ .fragment = true, .opaque = true };
		return true;
	}
	len = nfipsec_pkt_ports_len(q->h.proto);
	if (q->h.fragment || !len)
		return true;
	if (!pskb_may_pull(skb, at + q->h.upper + len)) {
		q->h.fragment = true;
		return true;
	}
	upper = skb->data + at + q->h.upper;
	q->ports = true;
	q->sport = get_unaligned((__be16 *)upper);
	if (len == 4)
		q->dport = get_unaligned((__be16 *)(upper + 2));
	return true;
}

/* False: @pkt is no ICMP error or redirect, or quotes nothing that has addresses. */
static bool parse_quotation(struct sk_buff *skb, const struct nfipsec_pkt *pkt, struct quote *quote)
{
	unsigned int at = quotation_offset(skb, pkt, &quote->redirect);

	return at && quoted_parse(skb, at, pkt->family, &quote->pkt);
}

/*
 * Returns the entry that protects or discards @out, a packet as outbound packets look. No
 * entry takes packets of the tunnels themselves, and routers report about them in clear.
 */
static const struct nfipsec_entry *entry_of_quotation(struct nfipsec_net *nn,
						      const struct nfipsec_policy *policy,
						      const struct nfipsec_pkt *out)
{
	const struct nfipsec_entry *entry = nfipsec_classify(policy, out);
	struct nfipsec_pkt in;

	if (!entry || entry->action == NFIPSEC_ACTION_BYPASS)
		return NULL;
	nfipsec_pkt_mirror(out, &in);
	return nfipsec_ike_is_outer(nn, &in) ? NULL : entry;
}

/**
 * nfipsec_icmp_quotes_outer - is an ICMP error about the tunnels' own packets?
 * @nn: the namespace
 * @skb: the error
 * @pkt: the same
 *
 * RCU read side.
 *
 * Return: true if the error quotes a packet of an outbound SA, IKE of the daemon, or ESP or
 * AH between the outer addresses of a tunnel.
 */
bool nfipsec_icmp_quotes_outer(struct nfipsec_net *nn, struct sk_buff *skb,
			       const struct nfipsec_pkt *pkt)
{
	struct nfipsec_pkt in;
	struct quote quote;
	unsigned int at = quotation_offset(skb, pkt, &quote.redirect);

	if (!at || quote.redirect)
		return false;
	if (nfipsec_mtu_is_quoted(nn, skb, at))
		return true;
	if (!quoted_parse(skb, at, pkt->family, &quote.pkt))
		return false;
	nfipsec_pkt_mirror(&quote.pkt, &in);
	return nfipsec_ike_is_outer(nn, &in);
}

/* ---- out: the source of this host's own errors ---- */

/* how a tunnel takes a packet, from worst to best */
enum fit {
	FIT_NOT,	/* only by what the packet quotes */
	FIT_ADDRESSES,	/* the same, and the entry has the packet's addresses */
	FIT_ENTRY,	/* an entry of the tunnel takes the packet */
	FIT_SA,		/* an SA of the tunnel does */
};

/* the best source so far */
struct source {
	const struct nfipsec_policy	*policy;
	const struct nfipsec_entry	*entry;
	const struct nfipsec_pkt	*quoted;
	struct nfipsec_pkt		pkt;	/* the error, with the source that is tried */
	union nfipsec_addr		best;
	unsigned int			rank;
	unsigned int			tried;
};

static enum fit fit_of(const struct source *s)
{
	const struct nfipsec_tunnel *tunnel = s->entry->tunnel;
	const struct nfipsec_entry *own;
	struct nfipsec_bundle bundle;

	/* one without selectors takes what its entries take */
	if (nfipsec_bundle_find(tunnel, &s->pkt, &bundle) && bundle.sa->n_sels)
		return FIT_SA;
	own = nfipsec_classify(s->policy, &s->pkt);
	if (own && nfipsec_entry_of(own, tunnel))
		return FIT_ENTRY;
	return nfipsec_sel_match_addrs(&s->entry->sel, &s->pkt) ? FIT_ADDRESSES : FIT_NOT;
}

/* @near: in the network of the quoted packet's destination. Among equals those are better. */
static void source_try(struct source *s, const union nfipsec_addr *addr, bool near)
{
	unsigned int rank;

	s->pkt.saddr = *addr;
	if (s->tried >= SOURCES_MAX || !nfipsec_sel_match_addrs(&s->entry->sel, &s->pkt))
		return;
	s->tried++;
	rank = 2 * fit_of(s) + near;
	if (rank <= s->rank)
		return;
	s->rank = rank;
	s->best = *addr;
}

static void sources_try4(struct source *s, const struct net_device *dev)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa;

	if (!in_dev)
		return;
	in_dev_for_each_ifa_rcu(ifa, in_dev) {
		const union nfipsec_addr addr = { .ip = ifa->ifa_local };

		if (!ipv4_is_loopback(addr.ip))
			source_try(s, &addr, inet_ifa_match(s->quoted->daddr.ip, ifa));
	}
}

static void sources_try6(struct source *s, const struct net_device *dev)
{
	const struct inet6_dev *idev = __in6_dev_get(dev);
	const struct inet6_ifaddr *ifp;

	if (!idev)
		return;
	list_for_each_entry_rcu(ifp, &idev->addr_list, if_list) {
		const union nfipsec_addr addr = { .ip6 = ifp->addr };

		if (!(READ_ONCE(ifp->flags) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
		    !(ipv6_addr_type(&addr.ip6) & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL)))
			source_try(s, &addr, ipv6_prefix_equal(&s->quoted->daddr.ip6, &addr.ip6,
							       ifp->prefix_len));
	}
}

/* no memory: false. ICMPv6's checksum has the addresses in it, ICMP's has not. */
static bool source_set(struct sk_buff *skb, struct nfipsec_pkt *pkt, const union nfipsec_addr *addr)
{
	unsigned int at = skb_network_offset(skb), upper = at + pkt->h.upper;

	if (skb_ensure_writable(skb, upper + sizeof(struct icmphdr)))
		return false;
	if (pkt->family == AF_INET) {
		struct iphdr *ip = (struct iphdr *)(skb->data + at);

		csum_replace4(&ip->check, ip->saddr, addr->ip);
		ip->saddr = addr->ip;
	} else {
		struct ipv6hdr *ip6 = (struct ipv6hdr *)(skb->data + at);
		struct icmp6hdr *icmp6 = (struct icmp6hdr *)(skb->data + upper);

		inet_proto_csum_replace16(&icmp6->icmp6_cksum, skb, ip6->saddr.s6_addr32,
					  addr->ip6.s6_addr32, true);
		ip6->saddr = addr->ip6;
	}
	pkt->saddr = *addr;
	return true;
}

/*
 * Returns how the tunnel of @entry takes an error that quotes @quoted, and in @best with
 * which source. The module changes the source of this host's own errors only: for these the
 * stack chose the address of the device that leads to the peer, often in no access list.
 */
static enum fit choose_source(struct nfipsec_net *nn, const struct nfipsec_policy *policy,
			      const struct nfipsec_entry *entry, const struct nfipsec_pkt *quoted,
			      const struct nfipsec_pkt *pkt, union nfipsec_addr *best)
{
	struct source s = {
		.policy = policy, .entry = entry, .quoted = quoted, .pkt = *pkt, .best = pkt->saddr,
	};
	const struct net_device *dev;

	/* the stack's choice is as good as a near one */
	s.rank = 2 * fit_of(&s) + 1;
	if (s.rank / 2 < FIT_SA && nfipsec_xmit_is_local(nn->net, pkt->family, &pkt->saddr)) {
		for_each_netdev_rcu(nn->net, dev) {
			if (pkt->family == AF_INET)
				sources_try4(&s, dev);
			else
				sources_try6(&s, dev);
		}
	}
	*best = s.best;
	return s.rank / 2;
}

/* ---- the judgements ---- */

/**
 * nfipsec_icmp_output - the entry that decides about an ICMP error which leaves
 * @nn: the namespace
 * @policy: its policy
 * @skb: the packet, after SNAT; skb->data at its IP header
 * @pkt: the same; its source is changed, where this host made the error
 * @reason: set when the packet must be dropped
 *
 * RFC 4301 6.2: an error belongs to the traffic of the packet that it quotes, turned round,
 * and goes into the tunnel of that. The module drops a redirect about protected traffic: the
 * stack sends one to a host on the wire of the gateway's next hop (RFC 1812 5.2.7.2, RFC 4861
 * 8), because the stack does not know of the tunnel. RCU read side.
 *
 * Return: the entry; NULL when the quotation decides nothing.
 */
const struct nfipsec_entry *nfipsec_icmp_output(struct nfipsec_net *nn,
						const struct nfipsec_policy *policy,
						struct sk_buff *skb, struct nfipsec_pkt *pkt,
						enum nfipsec_stat *reason)
{
	const struct nfipsec_entry *entry, *own;
	union nfipsec_addr source;
	struct nfipsec_pkt back;
	struct quote quote;
	enum fit fit;

	if (!parse_quotation(skb, pkt, &quote))
		return NULL;
	nfipsec_pkt_mirror(&quote.pkt, &back);
	entry = entry_of_quotation(nn, policy, &back);
	if (quote.redirect && (entry || entry_of_quotation(nn, policy, &quote.pkt))) {
		*reason = NFIPSEC_STAT_OUT_REDIRECT;
		return NULL;
	}
	if (!entry || entry->action != NFIPSEC_ACTION_PROTECT)
		return entry;
	fit = choose_source(nn, policy, entry, &quote.pkt, pkt, &source);
	if (fit < FIT_ENTRY) {
		/* RFC 4301 6.2: the quotation's SA is for errors that no entry carries */
		own = nfipsec_classify(policy, pkt);
		if (own && own->action == NFIPSEC_ACTION_PROTECT)
			return own;
		pkt->guest = true;
	}
	if (!nfipsec_addr_equal(pkt->family, &source, &pkt->saddr) &&
	    !source_set(skb, pkt, &source))
		*reason = NFIPSEC_STAT_OUT_NO_MEMORY;
	return entry;
}

/**
 * nfipsec_icmp_is_guest - is an ICMP error in a tunnel by its quotation alone?
 * @tunnel: the tunnel; the caller found no SA for the packet
 * @skb: the packet
 * @pkt: the same
 *
 * RFC 4301 6.2: for such an error no SA is made. RCU read side.
 *
 * Return: true for an error that no entry of the tunnel takes by its own addresses.
 */
bool nfipsec_icmp_is_guest(const struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			   const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_policy *policy = rcu_dereference(tunnel->nn->policy);
	const struct nfipsec_entry *entry;
	bool redirect;

	if (!policy || !quotation_offset(skb, pkt, &redirect))
		return false;
	entry = nfipsec_classify(policy, pkt);
	return !entry || !nfipsec_entry_of(entry, tunnel);
}

/* Turned round, @quote's packet is of the traffic that an error to @daddr belongs to. */
static bool swap_quotation(const struct quote *quote, const struct nfipsec_pkt *pkt,
			   struct nfipsec_pkt *back)
{
	if (quote->redirect ||
	    !nfipsec_addr_equal(pkt->family, &pkt->daddr, &quote->pkt.saddr))
		return false;
	nfipsec_pkt_mirror(&quote->pkt, back);
	return true;
}

/**
 * nfipsec_icmp_find_out - the SA of the traffic that an ICMP error belongs to
 * @tunnel: the tunnel
 * @skb: the error, at its IP header
 * @pkt: the same
 * @bundle: filled
 *
 * RFC 4301 6.2. Transport mode keeps the error's own source, and its peer would not know
 * whose that is. RCU read side.
 *
 * Return: false if there is none.
 */
bool nfipsec_icmp_find_out(const struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			   const struct nfipsec_pkt *pkt, struct nfipsec_bundle *bundle)
{
	struct nfipsec_pkt back;
	struct quote quote;

	return tunnel->mode == NFIPSEC_MODE_TUNNEL && parse_quotation(skb, pkt, &quote) &&
	       swap_quotation(&quote, pkt, &back) && nfipsec_bundle_find(tunnel, &back, bundle);
}

/**
 * nfipsec_icmp_fits - may an SA have carried an ICMP error that its selectors do not match?
 * @sa: inbound SA
 * @skb: the opened packet, at its IP header
 * @pkt: the same
 *
 * RFC 4301 6.2: a router behind the peer has any address, and its errors are taken when
 * they quote a packet that went by the SA's counterpart. RCU read side.
 *
 * Return: true if the quotation, turned round, matches the SA's selectors.
 */
bool nfipsec_icmp_fits(const struct nfipsec_sa *sa, struct sk_buff *skb,
		       const struct nfipsec_pkt *pkt)
{
	struct nfipsec_pkt back;
	struct quote quote;

	return sa->mode == NFIPSEC_MODE_TUNNEL && parse_quotation(skb, pkt, &quote) &&
	       swap_quotation(&quote, pkt, &back) && nfipsec_sa_match(sa, &back);
}

/**
 * nfipsec_icmp_check_cleartext - an ICMP error that came in clear, by what it quotes
 * @nn: the namespace
 * @policy: its policy
 * @skb: at its IP header
 * @pkt: the same
 *
 * No router has seen a protected packet in clear: an error or a redirect about one is
 * forged, or came around the tunnel. Bottom halves off, RCU read side.
 *
 * Return: NFIPSEC_STAT_UNSPEC, or why the packet must be dropped.
 */
enum nfipsec_stat nfipsec_icmp_check_cleartext(struct nfipsec_net *nn,
					       const struct nfipsec_policy *policy,
					       struct sk_buff *skb, const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_entry *entry;
	struct quote quote;

	if (!parse_quotation(skb, pkt, &quote))
		return NFIPSEC_STAT_UNSPEC;
	nfipsec_flow_untranslate(skb, &quote.pkt);
	entry = entry_of_quotation(nn, policy, &quote.pkt);
	if (!entry)
		return NFIPSEC_STAT_UNSPEC;
	this_cpu_inc(entry->count->in_packets);
	return entry->action == NFIPSEC_ACTION_PROTECT ? NFIPSEC_STAT_IN_ICMP_ERROR :
							 NFIPSEC_STAT_IN_DISCARD;
}
