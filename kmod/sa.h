/* SPDX-License-Identifier: GPL-2.0 */
/* Security associations: life, indexes, replay window, limits. */
#ifndef _NFIPSEC_SA_H
#define _NFIPSEC_SA_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/udp.h>
#include <linux/workqueue.h>
#include <net/dst_cache.h>

#include "crypto.h"
#include "pkt.h"
#include "policy.h"

/**
 * struct nfipsec_replay - RFC 4303 3.4.3 and appendix A
 * @lock: protects the rest
 * @top: highest authenticated sequence number (64 bits with ESN)
 * @window: width in packets, constant
 * @words: number of words in @bits, constant
 * @bits: ring of @window bits rounded up to a power of two plus one word
 */
struct nfipsec_replay {
	spinlock_t	lock;
	u64		top;
	u32		window;
	u32		words;
	unsigned long	*bits;
};

enum nfipsec_replay_result {
	NFIPSEC_REPLAY_OK,
	NFIPSEC_REPLAY_SEEN,
	NFIPSEC_REPLAY_LATE,
};

/* 0: no limit */
struct nfipsec_limits {
	u64 soft_seconds, hard_seconds;
	u64 soft_bytes, hard_bytes;
	u64 soft_packets, hard_packets;
};

/**
 * struct nfipsec_endpoints - where the packets of an SA go to and come from
 * @rcu: frees the ends after they were replaced
 * @route: of the outer packets (out only); per CPU, bottom halves off
 * @local: outer address of this host
 * @remote: outer address of the peer
 * @local_port: UDP port of this host with UDP encapsulation, else 0
 * @remote_port: UDP port of the peer with UDP encapsulation, else 0
 *
 * Immutable but for @route; replaced whole when the SA moves, freed by RCU.
 */
struct nfipsec_endpoints {
	struct rcu_head		rcu;
	struct dst_cache	route;
	union nfipsec_addr	local, remote;
	__be16			local_port, remote_port;
};

/* Identifies an SA: RFC 4301 4.1. */
struct nfipsec_sa_id {
	u8			dir;
	u8			proto;
	u8			family;
	__be32			spi;
	union nfipsec_addr	addr;	/* local of an inbound SA, remote of an outbound one */
};

/* sa->flags bits */
enum {
	NFIPSEC_SA_DEAD,	/* unpublished; packets that still hold it are dropped */
	NFIPSEC_SA_SOFT_SENT,	/* the soft event is out */
	NFIPSEC_SA_HARD_SENT,
	NFIPSEC_SA_RELEASING,	/* its packets queue up behind those that came before it (in) */
};

/* by what an outbound SA is found whose packets all have one destination */
struct nfipsec_sa_host {
	struct nfipsec_num		daddr;
	const struct nfipsec_tunnel	*tunnel;
};

/**
 * struct nfipsec_sa - one direction of a security association
 * @ref: the indexes hold one together; each packet in asynchronous crypto one
 * @hash: in nfipsec_net.sa_by_spi; RCU, under sa_lock
 * @link: in nfipsec_net.sas; RCU, under sa_lock
 * @tunnel_link: in nfipsec_tunnel.sas_out (out only); RCU, under sa_lock
 * @host_link: in nfipsec_net.sa_to_host, if @host has a tunnel (out only); RCU, under sa_lock
 * @inexact_link: in nfipsec_tunnel.sas_inexact, if it has none (out only); RCU, under sa_lock
 * @host: key of @host_link; constant
 * @number: the newer the higher; set at publication
 * @seq: last sequence number used (out); atomic
 * @replay: its own lock (in)
 * @bytes: octets of inner packets; atomic
 * @packets: inner packets; atomic
 * @replayed: packets that were replayed or left of the window (in); atomic
 * @invalid: packets with a wrong ICV or padding (in); atomic
 * @used: jiffies of the last packet; WRITE_ONCE
 * @born: jiffies of the creation; constant
 * @flags: atomic bits
 * @nn: the namespace; constant
 * @tunnel: the tunnel, a reference; constant
 * @spi: SPI; constant
 * @proto: IPPROTO_ESP or IPPROTO_AH; constant
 * @dir: enum nfipsec_dir; constant
 * @mode: enum nfipsec_mode; constant
 * @family: AF_INET or AF_INET6, of the outer addresses; constant
 * @esn: extended sequence numbers; constant
 * @encap: UDP encapsulation (RFC 3948); constant
 * @has_orig: @orig_local and @orig_remote are set (in); constant
 * @orig_local: address of this host as the peer knows it, with which it makes checksums; constant
 * @orig_remote: the peer's own address behind its NAT, the same; constant
 * @n_sels: number of @sels; constant
 * @sels: selectors of packets in direction @dir; constant
 * @crypto: keys and transforms; constant
 * @limits: soft and hard lifetimes; constant
 * @free_work: frees the SA after a grace period, where it may sleep
 * @ends: RCU, replaced under sa_lock
 * @mapping_next: jiffies before which no further SA_MAPPING is sent; WRITE_ONCE
 */
struct nfipsec_sa {
	struct hlist_node	hash;
	struct list_head	link;
	struct list_head	tunnel_link;
	union {
		struct rhlist_head	host_link;
		struct list_head	inexact_link;
	};
	struct nfipsec_sa_host	host;
	u64			number;
	refcount_t		ref;
	unsigned long		flags;

	struct nfipsec_net	*nn;
	struct nfipsec_tunnel	*tunnel;
	__be32			spi;
	u8			proto;
	u8			dir;
	u8			mode;
	u8			family;
	bool			esn;
	bool			encap;
	bool			has_orig;
	union nfipsec_addr	orig_local, orig_remote;
	struct nfipsec_endpoints __rcu *ends;
	unsigned int		n_sels;
	struct nfipsec_sel	*sels;

	struct nfipsec_crypto	*crypto;
	atomic64_t		seq ____cacheline_aligned_in_smp;
	struct nfipsec_replay	replay;
	atomic64_t		bytes, packets, replayed, invalid;
	unsigned long		used;
	unsigned long		born;
	unsigned long		mapping_next;
	struct nfipsec_limits	limits;
	struct rcu_work		free_work;
};

static inline unsigned int nfipsec_ip_len(u8 family)
{
	return family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* sa.c */
struct nfipsec_sa *nfipsec_sa_create(struct nfipsec_net *nn, gfp_t gfp);	/* one reference */
void nfipsec_sa_put(struct nfipsec_sa *sa);
struct nfipsec_endpoints *nfipsec_ends_create(gfp_t gfp);
void nfipsec_endpoints_free(struct nfipsec_endpoints *ends);	/* never published */
/* RCU read side, sa_lock, or not published yet */
const struct nfipsec_endpoints *nfipsec_sa_ends(const struct nfipsec_sa *sa);
/* octets between the IP header and the payload */
unsigned int nfipsec_sa_header_len(const struct nfipsec_sa *sa);
/* the largest inner packet whose outer one fits @mtu; @ah: AH of a bundle, or NULL */
unsigned int nfipsec_sa_inner_mtu(const struct nfipsec_sa *sa, const struct nfipsec_sa *ah,
				  unsigned int mtu);
/* does the packet fit one of its selectors? RFC 4301 5.1, 5.2 */
bool nfipsec_sa_match(const struct nfipsec_sa *sa, const struct nfipsec_pkt *pkt);

/* sadb.c: the RCU read side unless said otherwise */
int nfipsec_sadb_init_net(struct nfipsec_net *nn);
void nfipsec_sadb_exit_net(struct nfipsec_net *nn);	/* no SA is left */
struct nfipsec_sa *nfipsec_sadb_find(struct nfipsec_net *nn, const struct nfipsec_sa_id *id);
/* Hashes an SPI. Those of IKE are random; those of an operator may be 0x1000, 0x2000 and so on. */
static inline u32 nfipsec_spi_key(__be32 spi)
{
	return jhash_1word((__force u32)spi, 0);
}

void nfipsec_sa_id_in(struct nfipsec_sa_id *id, const struct sk_buff *skb, u8 proto, __be32 spi);
/* the SA of an arriving packet, whose destination is at the skb's network header */
struct nfipsec_sa *nfipsec_sadb_find_in(struct nfipsec_net *nn, const struct sk_buff *skb,
					u8 proto, __be32 spi);
/**
 * struct nfipsec_bundle - outbound SAs of a packet
 * @sa: SA of ESP or AH
 * @ah: SA of AH that protects the ESP packet again; NULL: the tunnel has no bundle
 */
struct nfipsec_bundle {
	struct nfipsec_sa	*sa;
	struct nfipsec_sa	*ah;
};
bool nfipsec_sadb_find_out(const struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt,
			   struct nfipsec_bundle *bundle);
/* from now on with these ends, taken on success; -ENOENT when it is dead */
int nfipsec_sadb_move(struct nfipsec_sa *sa, struct nfipsec_endpoints *ends,
		      struct netlink_ext_ack *extack);
int nfipsec_sadb_insert(struct nfipsec_sa *sa, struct netlink_ext_ack *extack);
bool nfipsec_sadb_kill(struct nfipsec_sa *sa);		/* unpublish once; true for who did */
unsigned int nfipsec_sadb_flush(struct nfipsec_net *nn, const struct nfipsec_tunnel *tunnel);

/* replay.c: pure but for the lock */
int nfipsec_replay_init(struct nfipsec_replay *r, u32 window, gfp_t gfp);
void nfipsec_replay_free(struct nfipsec_replay *r);
/* all numbers up to @top have been seen; before the window is in use */
void nfipsec_replay_resume(struct nfipsec_replay *r, u64 top);
/* the 64-bit number that @low (from the packet) stands for; RFC 4303 A2.2 */
u64 nfipsec_replay_expand(const struct nfipsec_replay *r, u32 low, bool esn);
enum nfipsec_replay_result nfipsec_replay_check(struct nfipsec_replay *r, u64 seq);
/* only after the ICV is good; checks again under the lock */
enum nfipsec_replay_result nfipsec_replay_advance(struct nfipsec_replay *r, u64 seq);
/* @n consecutive numbers, the first in *@first; -EOVERFLOW, never wraps: RFC 4303 3.3.3 */
int nfipsec_seq_take(struct nfipsec_sa *sa, unsigned int n, u64 *first);

/* the last number there is; with ESN 2^63 is out of reach, and keeps a late adder from wrapping */
static inline u64 nfipsec_seq_limit(const struct nfipsec_sa *sa)
{
	return sa->esn ? (u64)S64_MAX : U32_MAX;
}

/* await.c: announced SPIs, whose packets are queued until the SA is installed */
int nfipsec_await_add(struct nfipsec_net *nn, const struct nfipsec_sa_id *id, u32 portid,
		      struct netlink_ext_ack *extack);
int nfipsec_await_cancel(struct nfipsec_net *nn, const struct nfipsec_sa_id *id);
void nfipsec_await_begin(struct nfipsec_sa *sa, struct nfipsec_sa_id *id);
void nfipsec_await_release(struct nfipsec_sa *sa, const struct nfipsec_sa_id *id);
bool nfipsec_await_age(struct nfipsec_net *nn);

/* lifetime.c */
void nfipsec_lifetime_init_net(struct nfipsec_net *nn);
void nfipsec_lifetime_exit_net(struct nfipsec_net *nn);
/* there is something whose time runs: an SA, or a packet that is held; any context */
void nfipsec_lifetime_start(struct nfipsec_net *nn);
/* no sequence numbers are left: RFC 4303 3.3.3 */
void nfipsec_lifetime_exhausted(struct nfipsec_sa *sa);
/* few are left: time for another SA */
void nfipsec_lifetime_runs_out(struct nfipsec_sa *sa);
/* accounts a batch; false when the hard limit is reached and the packets must be dropped */
bool nfipsec_lifetime_account(struct nfipsec_sa *sa, unsigned int packets, u64 bytes);
/* netlink_sa.c: multicast SA_EXPIRE; GFP_ATOMIC */
void nfipsec_netlink_expire(struct nfipsec_sa *sa, bool hard);
/* the same of SA_MAPPING: @skb, genuine, with its headers at the network header, came by UDP */
void nfipsec_netlink_mapping(struct nfipsec_sa *sa, const struct sk_buff *skb,
			     const struct udphdr *udp);

#endif
