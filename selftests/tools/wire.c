// SPDX-License-Identifier: GPL-2.0
#include "wire.h"

#include <string.h>

const uint8_t wire_to4[4] = { 192, 0, 2, 1 }, wire_from4[4] = { 192, 0, 2, 2 };
const uint8_t wire_to6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
const uint8_t wire_from6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };

static const uint8_t ethernet[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

/* splitmix64, by its published constants */
uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void rng_fill(struct rng *r, void *to, size_t len)
{
	uint8_t *p = to;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t v = rng_next(r);

		memcpy(p, &v, 8);
	}
	while (len--)
		*p++ = rng_next(r);
}

void sa_init(struct sa *sa)
{
	size_t i;

	for (i = 0; i < sizeof(sa->key); i++)
		sa->key[i] = i + 1;
	for (i = 0; i < sizeof(sa->mac_key); i++)
		sa->mac_key[i] = 0xa0 + i;
	gcm_aes128_set_key(&sa->gcm, sa->key);
	hmac_sha256_set_key(&sa->hmac, sizeof(sa->mac_key), sa->mac_key);
}

size_t sa_iv_len(const struct sa *sa)
{
	return sa->proto == PROTO_ESP && !sa->null ? 8 : 0;
}

uint16_t wire_sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *p = data;
	uint32_t sum = start;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

void wire_ip_sum(uint8_t *ip)
{
	put16(ip + 10, 0);
	put16(ip + 10, wire_sum(ip, (ip[0] & 15) * 4, 0));
}

/* the checksum of an upper header, @at its octets, over the pseudo header too */
static void upper_sum(uint8_t *upper, size_t len, size_t at, uint8_t proto, const uint8_t *addrs,
		      size_t addrs_len)
{
	uint32_t pseudo = (uint16_t)~wire_sum(addrs, addrs_len, proto + len);

	put16(upper + at, 0);
	if (proto == PROTO_ICMP)
		pseudo = 0;
	put16(upper + at, wire_sum(upper, len, pseudo) ?: 0xffff);
}

/* an upper header and @len octets behind it */
static size_t upper(struct rng *r, uint8_t *to, uint8_t proto, size_t len, uint16_t port,
		    const uint8_t *addrs, size_t addrs_len)
{
	static const uint8_t mss[] = { 1, 1, 2, 4, 0x23, 0x28, 1, 0 };
	size_t head = 8, at = 2;

	memset(to, 0, 28);
	switch (proto) {
	case PROTO_UDP:
		put16(to, port);
		put16(to + 2, port);
		put16(to + 4, head + len);
		at = 6;
		break;
	case PROTO_TCP:
		/* every other one is a SYN with an MSS */
		put16(to, port);
		put16(to + 2, port);
		put32(to + 4, rng_next(r));
		to[13] = 0x10;
		head = 20;
		if (rng_below(r, 2)) {
			memcpy(to + 20, mss, sizeof(mss));
			to[13] = 2;
			head = 28;
		}
		to[12] = head / 4 << 4;
		put16(to + 14, 1000);
		at = 16;
		break;
	case PROTO_ICMPV6:
		to[0] = 129;		/* echo reply: nobody answers */
		break;
	}
	rng_fill(r, to + head, len);
	upper_sum(to, head + len, at, proto, addrs, addrs_len);
	return head + len;
}

size_t wire_inner(struct rng *r, uint8_t *to, int family, uint8_t proto, size_t len)
{
	size_t head = family == 4 ? 20 : 40, n;

	memset(to, 0, head);
	if (family == 4) {
		static const uint8_t addrs[8] = { 10, 2, 0, 10, 10, 1, 0, 1 };

		memcpy(to + 12, addrs, sizeof(addrs));
		to[14] = rng_next(r);
		n = upper(r, to + head, proto, len, WIRE_PORT, to + 12, 8);
		to[0] = 0x45;
		put16(to + 2, head + n);
		put16(to + 4, rng_next(r));
		to[8] = 64;
		to[9] = proto;
		wire_ip_sum(to);
	} else {
		memcpy(to + 8, wire_from6, 16);
		memcpy(to + 24, wire_to6, 16);
		to[8 + 5] = 2;		/* 2001:db8:2::2 to 2001:db8:1::1 */
		to[24 + 5] = 1;
		n = upper(r, to + head, proto, len, WIRE_PORT, to + 8, 32);
		to[0] = 0x60;
		put16(to + 4, n);
		to[6] = proto;
		to[7] = 64;
	}
	return head + n;
}

size_t wire_datagram(struct rng *r, uint8_t *to, const struct sa *sa, size_t len)
{
	uint8_t addrs[32];
	size_t n = sa->family == 4 ? 4 : 16;

	memcpy(addrs, sa->family == 4 ? wire_from4 : wire_from6, n);
	memcpy(addrs + n, sa->family == 4 ? wire_to4 : wire_to6, n);
	return upper(r, to, PROTO_UDP, len, WIRE_PORT, addrs, 2 * n);
}

size_t wire_pad(uint8_t *plain, size_t len, uint8_t next_header)
{
	size_t pad = -(len + 2) & 3, i;

	for (i = 0; i < pad; i++)
		plain[len + i] = i + 1;
	plain[len + pad] = pad;
	plain[len + pad + 1] = next_header;
	return len + pad + 2;
}

void wire_open(struct frame *f, const struct sa *sa, uint8_t next, const uint8_t *extra,
	       size_t extra_len)
{
	uint8_t *ip = f->data + WIRE_ETH;
	size_t head = sa->family == 4 ? 20 : 40;

	memcpy(f->data, ethernet, sizeof(ethernet));
	put16(f->data + 12, sa->family == 4 ? 0x0800 : 0x86dd);
	memset(ip, 0, head);
	if (sa->family == 4) {
		ip[0] = 0x40 | (20 + extra_len) / 4;
		put16(ip + 6, 0x4000);
		ip[8] = 64;
		ip[9] = next;
		memcpy(ip + 12, wire_from4, 4);
		memcpy(ip + 16, wire_to4, 4);
	} else {
		ip[0] = 0x60;
		ip[6] = next;
		ip[7] = 64;
		memcpy(ip + 8, wire_from6, 16);
		memcpy(ip + 24, wire_to6, 16);
	}
	if (extra_len)
		memcpy(ip + head, extra, extra_len);
	f->l4 = f->len = WIRE_ETH + head + extra_len;
	if (sa->udp) {
		put16(f->data + f->len, 4500);
		put16(f->data + f->len + 2, 4500);
		put32(f->data + f->len + 4, 0);
		f->len += 8;
	}
}

void wire_close(struct frame *f)
{
	uint8_t *ip = f->data + WIRE_ETH;

	if (f->data[12] == 0x08) {
		put16(ip + 2, f->len - WIRE_ETH);
		wire_ip_sum(ip);
	} else {
		put16(ip + 4, f->len - WIRE_ETH - 40);
	}
}

static void icv_of(struct sa *sa, uint64_t seq, const uint8_t *data, size_t len, uint8_t *icv)
{
	uint8_t high[4];

	hmac_sha256_update(&sa->hmac, len, data);
	if (sa->esn) {
		put32(high, seq >> 32);
		hmac_sha256_update(&sa->hmac, sizeof(high), high);
	}
	hmac_sha256_digest(&sa->hmac, WIRE_ICV, icv);
}

void wire_esp(struct frame *f, struct sa *sa, uint64_t seq, const uint8_t *plain, size_t len)
{
	uint8_t *esp = f->data + f->len, aad[12], nonce[12];
	size_t text = 8 + sa_iv_len(sa);

	put32(esp, sa->spi);
	put32(esp + 4, seq);
	if (sa->null) {
		memcpy(esp + text, plain, len);
		icv_of(sa, seq, esp, text + len, esp + text + len);
	} else {
		put32(esp + 8, seq >> 32);
		put32(esp + 12, seq);
		memcpy(nonce, sa->key + 16, 4);
		memcpy(nonce + 4, esp + 8, 8);
		gcm_aes128_set_iv(&sa->gcm, sizeof(nonce), nonce);
		put32(aad, sa->spi);
		if (sa->esn)
			put32(aad + 4, seq >> 32);
		put32(aad + (sa->esn ? 8 : 4), seq);
		gcm_aes128_update(&sa->gcm, sa->esn ? 12 : 8, aad);
		gcm_aes128_encrypt(&sa->gcm, len, esp + text, plain);
		gcm_aes128_digest(&sa->gcm, WIRE_ICV, esp + text + len);
	}
	f->len += text + len + WIRE_ICV;
	if (sa->udp)
		put16(f->data + f->l4 + 4, f->len - f->l4);
}

/* RFC 4302 A1: what may change on the way is 0 for the ICV */
static void mutable_ipv4(uint8_t *ip)
{
	size_t head = (ip[0] & 15) * 4, at = 20, n;

	ip[1] = ip[6] = ip[7] = ip[8] = ip[10] = ip[11] = 0;
	while (at < head && ip[at] != 0) {
		n = 1;
		if (ip[at] != 1) {
			n = at + 1 < head ? ip[at + 1] : 2;
			if (n < 2 || at + n > head)
				return;
			/* the two security options, CIPSO, router alert and SDM stay */
			if (ip[at] != 130 && ip[at] != 133 && ip[at] != 134 && ip[at] != 148 &&
			    ip[at] != 149)
				memset(ip + at, 0, n);
		}
		at += n;
	}
}

void wire_ah_seal(struct frame *f, struct sa *sa, uint64_t seq)
{
	static uint8_t copy[WIRE_FRAME_MAX];
	uint8_t *ip = copy + WIRE_ETH, *icv = f->data + f->l4 + 12;

	memcpy(copy, f->data, f->len);
	if (sa->family == 4) {
		mutable_ipv4(ip);
	} else {
		ip[0] &= 0xf0;
		ip[1] = ip[2] = ip[3] = ip[7] = 0;
	}
	memset(copy + f->l4 + 12, 0, WIRE_ICV);
	icv_of(sa, seq, ip, f->len - WIRE_ETH, icv);
}

void wire_ah(struct frame *f, struct sa *sa, uint64_t seq, uint8_t next_header,
	     const uint8_t *payload, size_t len)
{
	/* RFC 4302 2.6: whole 64-bit words in IPv6 */
	size_t head = sa->family == 4 ? 28 : 32;
	uint8_t *ah = f->data + f->len;

	memset(ah, 0, head);
	ah[0] = next_header;
	ah[1] = head / 4 - 2;
	put32(ah + 4, sa->spi);
	put32(ah + 8, seq);
	memcpy(ah + head, payload, len);
	f->len += head + len;
	wire_close(f);
	wire_ah_seal(f, sa, seq);
}
