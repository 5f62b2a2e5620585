// SPDX-License-Identifier: GPL-2.0
/*
 * The headers of random packets, of which is known how they were put together; then the
 * same packets cut off at every octet, of which is known where they are still whole
 * enough. Each lies partly in a page, at a place that is random too.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": test: " fmt
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/tcp.h>

#include "pkt.h"
#include "tests.h"

#define PACKETS	24
#define ROOM	512

/* a packet, and what is to be found: @need octets of it, without which it is malformed */
struct built {
	u8			data[ROOM];
	unsigned int		len, need;
	struct nfipsec_pkt	pkt;
};

static u32 any_of(struct rnd_state *rnd, u32 n)
{
	return prandom_u32_state(rnd) % n;
}

static u8 upper_proto(struct rnd_state *rnd, u8 family)
{
	static const u8 some[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_ESP, IPPROTO_AH,
		IPPROTO_GRE, IPPROTO_NONE,
	};
	u8 proto = some[any_of(rnd, ARRAY_SIZE(some))];

	return family == AF_INET6 && proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : proto;
}

/* random octets behind the last header, and what they say as ports */
static void add_upper(struct rnd_state *rnd, struct built *b)
{
	struct nfipsec_pkt *pkt = &b->pkt;
	u8 *upper = b->data + b->len;

	b->need = b->len;
	prandom_bytes_state(rnd, upper, 24);
	b->len += 24;
	if (pkt->h.fragment)
		return;
	switch (pkt->h.proto) {
	case IPPROTO_TCP:
		b->need += 14;
		pkt->syn = upper[13] & 2;
		break;
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		b->need += 4;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		b->need += 2;
		break;
	default:
		return;
	}
	pkt->ports = true;
	pkt->sport = htons(upper[0] << 8 | upper[1]);
	if (pkt->h.proto != IPPROTO_ICMP && pkt->h.proto != IPPROTO_ICMPV6)
		pkt->dport = htons(upper[2] << 8 | upper[3]);
}

static void build4(struct rnd_state *rnd, struct built *b)
{
	static const u16 offsets[] = { 0, 0, IP_DF, IP_MF, 1, IP_MF | 1, 0x1fff, IP_DF | IP_MF };
	struct nfipsec_headers *h = &b->pkt.h;
	struct iphdr *ip = (struct iphdr *)b->data;
	u16 offset = offsets[any_of(rnd, ARRAY_SIZE(offsets))];

	prandom_bytes_state(rnd, b->data, 60);
	ip->version = 4;
	ip->ihl = 5 + any_of(rnd, 11);
	ip->frag_off = htons(offset);
	ip->protocol = upper_proto(rnd, AF_INET);
	b->pkt.family = AF_INET;
	b->pkt.saddr.ip = ip->saddr;
	b->pkt.daddr.ip = ip->daddr;
	h->proto = ip->protocol;
	h->fragment = offset & 0x3fff;
	h->upper = h->insert = ip->ihl * 4;
	h->upper_next = h->insert_next = 9;
	b->len = ip->ihl * 4;
	add_upper(rnd, b);
}

static bool is_extension(u8 type)
{
	return type == NEXTHDR_HOP || type == NEXTHDR_ROUTING || type == NEXTHDR_DEST ||
	       type == NEXTHDR_FRAGMENT;
}

/* the next header, of @type, is at the end; the one before names it at @named_at */
static void add_extension(struct rnd_state *rnd, struct built *b, u8 type, unsigned int *named_at,
			  bool *later)
{
	/* the offset, two reserved bits, M */
	static const u16 offsets[] = { 0, 1, 8, 0x50, 0x51, 0xfff8, 6 };
	unsigned int len = type == NEXTHDR_FRAGMENT ? 8 : 8 * (1 + any_of(rnd, 4));
	u8 *at = b->data + b->len;
	u16 offset;

	b->data[*named_at] = type;
	prandom_bytes_state(rnd, at, len);
	if (type == NEXTHDR_FRAGMENT) {
		offset = offsets[any_of(rnd, ARRAY_SIZE(offsets))];
		*(__be16 *)(at + 2) = htons(offset);
		b->pkt.h.fragment |= offset & 0xfff9;
		*later = offset & 0xfff8;
	} else {
		at[1] = len / 8 - 1;
	}
	if (type == NEXTHDR_HOP || type == NEXTHDR_ROUTING) {
		b->pkt.h.insert = b->len + len;
		b->pkt.h.insert_next = b->len;
	}
	*named_at = b->len;
	b->len += len;
}

static void build6(struct rnd_state *rnd, struct built *b)
{
	static const u8 types[] = { NEXTHDR_HOP, NEXTHDR_ROUTING, NEXTHDR_DEST, NEXTHDR_FRAGMENT };
	struct ipv6hdr *ip6 = (struct ipv6hdr *)b->data;
	struct nfipsec_headers *h = &b->pkt.h;
	unsigned int n = any_of(rnd, 6), named_at = offsetof(struct ipv6hdr, nexthdr);
	bool later = false;

	prandom_bytes_state(rnd, b->data, sizeof(*ip6));
	ip6->version = 6;
	ip6->hop_limit = any_of(rnd, 2) ? 255 : 64;
	b->pkt.family = AF_INET6;
	b->pkt.saddr.ip6 = ip6->saddr;
	b->pkt.daddr.ip6 = ip6->daddr;
	b->len = sizeof(*ip6);
	h->insert = b->len;
	h->insert_next = named_at;
	while (n-- && !later)
		add_extension(rnd, b, types[any_of(rnd, ARRAY_SIZE(types))], &named_at, &later);
	/* in a later fragment there is only the middle of what is named */
	if (later && any_of(rnd, 2))
		h->proto = types[any_of(rnd, ARRAY_SIZE(types))];
	else
		h->proto = upper_proto(rnd, AF_INET6);
	h->opaque = is_extension(h->proto);
	b->data[named_at] = h->proto;
	h->upper = b->len;
	h->upper_next = named_at;
	add_upper(rnd, b);
	b->pkt.on_link = b->pkt.ports && h->proto == IPPROTO_ICMPV6 && ip6->hop_limit == 255 &&
			 b->data[h->upper] >= NDISC_ROUTER_SOLICITATION &&
			 b->data[h->upper] <= NDISC_REDIRECT;
}

/* @len octets of it behind @nhoff others, @linear of all in the head and the rest in a page */
static struct sk_buff *packet(const struct built *b, unsigned int nhoff, unsigned int len,
			      unsigned int linear)
{
	struct sk_buff *skb = alloc_skb(ROOM, GFP_KERNEL);
	struct page *page;

	if (!skb)
		return NULL;
	linear = min(linear, len);
	memset(skb_put(skb, nhoff), 0x5a, nhoff);
	skb_put_data(skb, b->data, linear);
	if (linear == len)
		return skb;
	page = alloc_page(GFP_KERNEL);
	if (!page) {
		kfree_skb(skb);
		return NULL;
	}
	memcpy(page_address(page), b->data + linear, len - linear);
	skb_add_rx_frag(skb, 0, page, 0, len - linear, PAGE_SIZE);
	return skb;
}

static bool same_headers(const struct nfipsec_headers *a, const struct nfipsec_headers *b)
{
	return a->proto == b->proto && a->fragment == b->fragment && a->opaque == b->opaque &&
	       a->upper == b->upper && a->upper_next == b->upper_next && a->insert == b->insert &&
	       a->insert_next == b->insert_next;
}

static bool same(const struct nfipsec_pkt *a, const struct nfipsec_pkt *b)
{
	return a->family == b->family && a->ports == b->ports && a->syn == b->syn &&
	       a->on_link == b->on_link && a->guest == b->guest &&
	       a->sport == b->sport && a->dport == b->dport &&
	       same_headers(&a->h, &b->h) &&
	       nfipsec_addr_equal(a->family, &a->saddr, &b->saddr) &&
	       nfipsec_addr_equal(a->family, &a->daddr, &b->daddr);
}

static bool parse(const struct built *b, unsigned int nhoff, unsigned int len, unsigned int linear)
{
	struct sk_buff *skb = packet(b, nhoff, len, linear);
	struct nfipsec_pkt pkt;
	int err;
	bool ok;

	if (!nfipsec_expect(skb, "no memory"))
		return false;
	/* whatever the parser leaves alone is wrong */
	memset(&pkt, 0xa5, sizeof(pkt));
	err = nfipsec_pkt_parse(skb, nhoff, &pkt);
	if (len < b->need)
		ok = nfipsec_expect(err == -EINVAL, "%u of %u octets, %u in the head: %d", len,
				    b->need, linear, err);
	else
		ok = nfipsec_expect(!err && same(&pkt, &b->pkt), "%u octets, %u in the head: %d",
				    len, linear, err);
	if (!ok)
		print_hex_dump(KERN_ERR, "", DUMP_PREFIX_OFFSET, 32, 1, b->data, b->len, false);
	kfree_skb(skb);
	return ok;
}

static bool every_length(struct rnd_state *rnd, const struct built *b)
{
	unsigned int len;
	bool ok = true;

	for (len = 0; len <= b->len && ok; len++)
		ok = parse(b, any_of(rnd, 2) * 14, len, any_of(rnd, b->len));
	return ok;
}

/* Octets that make a good packet malformed: RFC 791 3.1, RFC 8200 3. */
static bool malformed(struct rnd_state *rnd, struct built *b)
{
	static const u8 firsts[] = { 0x44, 0x40, 0x05, 0x15, 0x55, 0x75, 0xf5 };
	unsigned int i;
	bool ok = true;

	memset(b, 0, sizeof(*b));
	build4(rnd, b);
	b->need = UINT_MAX;
	for (i = 0; i < ARRAY_SIZE(firsts) && ok; i++) {
		b->data[0] = firsts[i];
		ok = parse(b, 0, b->len, b->len);
	}
	return ok;
}

/* extension headers without end */
static bool endless(void)
{
	unsigned int len = 8192, i, err;
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL);
	struct nfipsec_pkt pkt;

	if (!nfipsec_expect(skb, "no memory"))
		return false;
	skb_put_zero(skb, len);
	skb->data[0] = 0x60;
	for (i = offsetof(struct ipv6hdr, nexthdr); i < len; i = i < 40 ? 40 : i + 8)
		skb->data[i] = NEXTHDR_DEST;
	err = nfipsec_pkt_parse(skb, 0, &pkt);
	kfree_skb(skb);
	return nfipsec_expect(err == -EINVAL, "%d", err);
}

static __sum16 tcp_sum(struct sk_buff *skb)
{
	unsigned int len = skb->len - sizeof(struct iphdr);

	return csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, len, IPPROTO_TCP,
				 csum_partial(skb->data + sizeof(struct iphdr), len, 0));
}

/* a SYN with @nops in front of its MSS, so at an even or an odd offset */
static bool clamped(unsigned int nops, u16 mss, unsigned int mtu, u16 expected)
{
	struct sk_buff *skb = alloc_skb(ROOM, GFP_KERNEL);
	struct tcphdr *tcp;
	struct iphdr *ip;
	u8 *opt;
	bool ok;

	if (!nfipsec_expect(skb, "no memory"))
		return false;
	ip = skb_put_zero(skb, sizeof(*ip));
	skb_reset_network_header(skb);
	*ip = (struct iphdr){
		.version = 4, .ihl = 5, .protocol = IPPROTO_TCP,
		.saddr = htonl(0x0a010001), .daddr = htonl(0x0a020001),
	};
	tcp = skb_put_zero(skb, sizeof(*tcp));
	tcp->syn = 1;
	tcp->source = htons(4711);
	tcp->doff = (sizeof(*tcp) + nops + TCPOLEN_MSS + 3) / 4;
	opt = skb_put_zero(skb, tcp->doff * 4 - sizeof(*tcp));
	memset(opt, TCPOPT_NOP, nops);
	opt[nops] = TCPOPT_MSS;
	opt[nops + 1] = TCPOLEN_MSS;
	opt[nops + 2] = mss >> 8;
	opt[nops + 3] = mss;
	tcp->check = tcp_sum(skb);
	nfipsec_pkt_clamp_mss(skb, sizeof(*ip), mtu);
	opt = skb->data + sizeof(*ip) + sizeof(*tcp) + nops;
	ok = nfipsec_expect((opt[2] << 8 | opt[3]) == expected && !tcp_sum(skb),
			    "%u in front, MSS %u, MTU %u: %u, checksum %x", nops, mss, mtu,
			    opt[2] << 8 | opt[3], tcp_sum(skb));
	kfree_skb(skb);
	return ok;
}

bool nfipsec_test_pkt(void)
{
	struct built *b = kmalloc(sizeof(*b), GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int i;
	bool ok = nfipsec_expect(b, "no memory");

	prandom_seed_state(&rnd, 8200);	/* the same each time: a failure can be looked into */
	for (i = 0; i < PACKETS && ok; i++) {
		memset(b, 0, sizeof(*b));
		if (i % 4)
			build6(&rnd, b);
		else
			build4(&rnd, b);
		ok = every_length(&rnd, b);
		cond_resched();
	}
	ok = ok && malformed(&rnd, b) && endless();
	for (i = 0; i < 4 && ok; i++)
		ok = clamped(i, 1460, 1400, 1360) && clamped(i, 1200, 1400, 1200) &&
		     clamped(i, 0xffff, 576, 536);
	kfree(b);
	return ok;
}
