// SPDX-License-Identifier: GPL-2.0
/*
 * AH: RFC 4302 2.
 *
 *	+-------------------------------+
 *	| IP header, options or         |  authenticated, what changes
 *	| extension headers             |  on the way taken as zero
 *	+-------------------------------+
 *	| next header | length | 0      |  length in words of 32 bits, less 2
 *	| SPI                           |
 *	| sequence number, low half     |
 *	| ICV, as zeros                 |
 *	+-------------------------------+
 *	| payload                       |
 *	+-------------------------------+
 */
#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "ah.h"
#include "crypto.h"
#include "sa.h"

/* headers in front of AH that we make sense of; longer chains are nobody's */
#define HEAD_MAX 256

struct ah_header {
	u8	next_header;
	u8	len;
	__be16	reserved;
	__be32	spi;
	__be32	seq;
	u8	icv[];
};

/* RFC 4302 2.2: a multiple of 32 bits, with IPv6 of 64 */
unsigned int nfipsec_ah_len(const struct nfipsec_alg *alg, u8 family)
{
	return ALIGN(AH_FIXED_LEN + alg->icv_len, family == AF_INET ? 4 : 8);
}

/* ---- what changes on the way: RFC 4302 3.3.3.1 and appendix A ---- */

/* appendix A1; what it does not know is zeroed */
static bool option4_immutable(u8 type)
{
	switch (type) {
	case IPOPT_SEC:
	case 0x85:		/* extended security, RFC 1108 */
	case IPOPT_CIPSO:
	case IPOPT_RA:
	case 0x95:		/* sender directed multi-destination delivery, RFC 1770 */
		return true;
	}
	return false;
}

static int mask_options4(struct iphdr *ip, unsigned int head)
{
	unsigned int at, len;

	for (at = sizeof(*ip); at < head; at += len) {
		u8 *opt = (u8 *)ip + at;

		if (*opt == IPOPT_END)
			return 0;
		len = 1;
		if (*opt == IPOPT_NOOP)
			continue;
		if (at + 2 > head || opt[1] < 2 || at + opt[1] > head)
			return -EINVAL;
		len = opt[1];
		if (option4_immutable(*opt))
			continue;
		/* the receiver is who the route ends at; it sees its own address there */
		if ((*opt == IPOPT_LSRR || *opt == IPOPT_SSRR) && len >= 7 && opt[2] <= len)
			memcpy(&ip->daddr, opt + len - 4, 4);
		memset(opt, 0, len);
	}
	return 0;
}

static int mask_mutable4(u8 *data, unsigned int head)
{
	struct iphdr *ip = (struct iphdr *)data;

	ip->tos = 0;
	ip->frag_off = 0;
	ip->ttl = 0;
	ip->check = 0;
	return mask_options4(ip, head);
}

/* RFC 4302 3.3.3.1.2.2: the third bit of an option's type says whether its data changes */
static int mask_options6(u8 *opts, unsigned int len)
{
	unsigned int at = sizeof(struct ipv6_opt_hdr), n;

	while (at < len) {
		if (opts[at] == IPV6_TLV_PAD1) {
			at++;
			continue;
		}
		if (at + 2 > len || at + 2 + opts[at + 1] > len)
			return -EINVAL;
		n = opts[at + 1];
		if (opts[at] & 0x20)
			memset(opts + at + 2, 0, n);
		at += 2 + n;
	}
	return 0;
}

static int mask_mutable6(u8 *data, unsigned int head)
{
	struct ipv6hdr *ip6 = (struct ipv6hdr *)data;
	unsigned int at = sizeof(*ip6), len;
	u8 type = ip6->nexthdr;
	int err;

	ip6_flow_hdr(ip6, 0, 0);
	ip6->hop_limit = 0;
	for (; at < head; at += len) {
		u8 *ext = data + at;

		if (at + sizeof(struct ipv6_opt_hdr) > head)
			return -EINVAL;
		len = ipv6_optlen((struct ipv6_opt_hdr *)ext);
		if (at + len > head)
			return -EINVAL;
		switch (type) {
		case NEXTHDR_HOP:
		case NEXTHDR_DEST:
			err = mask_options6(ext, len);
			if (err)
				return err;
			break;
		case NEXTHDR_ROUTING:
			/*
			 * As it arrives, it is authentic; how it will arrive depends on its type,
			 * and the types whose end could be foretold are gone (RFC 5095).
			 */
			if (((struct ipv6_rt_hdr *)ext)->segments_left)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
		type = *ext;
	}
	return 0;
}

/*
 * The ICV of a packet whose own ICV field is zero; @skb at its IP header. The headers
 * are masked where they are and put back, so that the hash takes all octets in one go.
 */
static int compute_icv(const struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head, u64 seq,
		       u8 *icv)
{
	u8 saved[HEAD_MAX];
	int err;

	if (head > HEAD_MAX)
		return -EINVAL;
	memcpy(saved, skb->data, head);
	err = sa->family == AF_INET ? mask_mutable4(skb->data, head) :
	      mask_mutable6(skb->data, head);
	if (!err)
		err = nfipsec_crypto_mac(sa->crypto, skb->data, skb->len, seq, icv);
	memcpy(skb->data, saved, head);
	return err;
}

/* ---- out ---- */

/**
 * nfipsec_ah_encapsulate - push an AH header, the ICV not yet filled in
 * @sa: outbound SA
 * @skb: the payload
 * @seq: its sequence number
 * @next_header: what the payload is
 */
void nfipsec_ah_encapsulate(const struct nfipsec_sa *sa, struct sk_buff *skb, u64 seq,
			    u8 next_header)
{
	unsigned int len = nfipsec_ah_len(nfipsec_crypto_alg(sa->crypto), sa->family);
	struct ah_header *ah = __skb_push(skb, len);

	memset(ah, 0, len);
	ah->next_header = next_header;
	ah->len = len / 4 - 2;
	ah->spi = sa->spi;
	ah->seq = htonl(lower_32_bits(seq));
}

/**
 * nfipsec_ah_seal - fill in the ICV
 * @sa: outbound SA
 * @skb: the packet from its IP header on, as it will leave, lengths included
 * @head: where AH begins
 * @seq: its 64-bit sequence number
 *
 * Bottom halves off.
 *
 * Return: -EINVAL for options that make no sense, or an error of the transform.
 */
int nfipsec_ah_seal(const struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head, u64 seq)
{
	struct ah_header *ah = (struct ah_header *)(skb->data + head);
	u8 icv[HASH_MAX_DIGESTSIZE];
	int err = compute_icv(sa, skb, head, seq, icv);

	if (!err)
		memcpy(ah->icv, icv, nfipsec_crypto_alg(sa->crypto)->icv_len);
	return err;
}

/* ---- in ---- */

/**
 * nfipsec_ah_check - could this be an AH packet of the SA?
 * @sa: inbound SA
 * @skb: at its IP header
 * @head: where AH begins
 *
 * Peers differ in how they align the header (RFC 4302 3.3.3.2.1 wants no more padding
 * than needed), so up to 4 octets more than ours are taken. The head may be reallocated.
 *
 * Return: NFIPSEC_STAT_UNSPEC if the packet may be AH of the SA, else the reason to drop it.
 */
enum nfipsec_stat nfipsec_ah_check(const struct nfipsec_sa *sa, struct sk_buff *skb,
				   unsigned int head)
{
	unsigned int least = AH_FIXED_LEN + nfipsec_crypto_alg(sa->crypto)->icv_len, len;

	if (!pskb_may_pull(skb, head + least))
		return NFIPSEC_STAT_IN_TOO_SHORT;
	len = (skb->data[head + 1] + 2) * 4;
	if (len < least || !pskb_may_pull(skb, head + len))
		return NFIPSEC_STAT_IN_TOO_SHORT;
	return len > ALIGN(least, 8) ? NFIPSEC_STAT_IN_NOT_ALIGNED : NFIPSEC_STAT_UNSPEC;
}

/**
 * nfipsec_ah_verify - is the ICV right?
 * @sa: inbound SA
 * @skb: linear and not shared, at its IP header, checked; the ICV in it is lost
 * @head: where AH begins
 * @seq: the 64-bit sequence number it stands for
 *
 * Bottom halves off.
 *
 * Return: -EBADMSG when it is not, -EINVAL for headers that make no sense.
 */
int nfipsec_ah_verify(const struct nfipsec_sa *sa, struct sk_buff *skb, unsigned int head, u64 seq)
{
	struct ah_header *ah = (struct ah_header *)(skb->data + head);
	unsigned int icv_len = nfipsec_crypto_alg(sa->crypto)->icv_len;
	u8 icv[HASH_MAX_DIGESTSIZE], theirs[HASH_MAX_DIGESTSIZE];
	int err;

	memcpy(theirs, ah->icv, icv_len);
	memset(ah->icv, 0, icv_len);
	err = compute_icv(sa, skb, head, seq, icv);
	if (err)
		return err;
	return crypto_memneq(icv, theirs, icv_len) ? -EBADMSG : 0;
}

/* from the header to the payload */
void nfipsec_ah_strip(struct sk_buff *skb, u8 *next_header)
{
	const struct ah_header *ah = (const struct ah_header *)skb->data;

	*next_header = ah->next_header;
	__skb_pull(skb, (ah->len + 2) * 4);
}
