/* SPDX-License-Identifier: GPL-2.0 */
/* Access lists, the tunnels their protect entries name, and the look-up. */
#ifndef _NFIPSEC_POLICY_H
#define _NFIPSEC_POLICY_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <net/ip6_fib.h>
#include <net/ip_fib.h>
#include <net/route.h>

#include "pkt.h"

/* which of a tunnel's routes: by the inner family, and by who fragments */
enum nfipsec_route_kind {
	NFIPSEC_ROUTE_IP4,	/* the stack, in front of nfipsec0 */
	NFIPSEC_ROUTE_IP6,
	NFIPSEC_ROUTE_IP4_NO_MTU,	/* nobody: the outer packet will be fragmented */
	NFIPSEC_ROUTE_IP6_NO_MTU,
	NFIPSEC_ROUTES,
};

/**
 * struct nfipsec_route - a dst that leads to nfipsec0 and one tunnel
 * @dst: the part that the stack sees; first, for container_of() in ndo_start_xmit
 * @rt4: the same for inner IPv4
 * @rt6: the same for inner IPv6
 * @tunnel: the tunnel; a reference, held until the dst is destroyed (dev.c owns the dst_ops)
 * @no_mtu: the stack sees no MTU
 */
struct nfipsec_route {
	union {
		struct dst_entry	dst;
		struct rtable		rt4;
		struct rt6_info		rt6;
	};
	struct nfipsec_tunnel	*tunnel;
	bool			no_mtu;
};

/* Settings of a tunnel's outer packets, which a load may change. */
struct nfipsec_tunnel_set {
	u32	mtu;		/* of inner packets; 0: from the outer path */
	u8	df;		/* enum nfipsec_df */
	u8	tos;		/* of the outer header, where tos_copied has no bit */
	u8	tos_copied;	/* from the inner header; ECN's two bits always */
	u32	tfc;		/* inner packets are padded to so many octets, at most to the MTU */
};

/* the TOS that all outer packets have, without ECN; 0 where each packet brings its own DSCP */
static inline u8 nfipsec_set_tos(const struct nfipsec_tunnel_set *set)
{
	return READ_ONCE(set->tos_copied) & 0xfc ? 0 : READ_ONCE(set->tos) & 0xfc;
}

/**
 * struct nfipsec_tunnel - what protect entries point to and SAs belong to
 * @link: in nfipsec_net.tunnels; RCU, changed under nfipsec_net.config
 * @ref: the policy holds one, each SA one, each route one
 * @rcu: frees the tunnel after its last reference
 * @nn: the namespace; constant
 * @name: name in the policy; constant
 * @family: AF_INET or AF_INET6, of the outer addresses; constant
 * @mode: enum nfipsec_mode; constant
 * @bundle: ESP, and AH around it; constant
 * @mark: fwmark of the outer packets and their route; constant
 * @vrf: device whose table routes the outer packets, empty for the main table; constant
 * @has_local: @local is set; constant
 * @has_remote: @remote is set; constant
 * @local: outer address of this host; constant
 * @remote: outer address of the peer; constant
 * @set: from the configuration, may change while published; WRITE_ONCE of each
 * @mtu: the largest inner packet that needs no fragments; WRITE_ONCE
 * @learned_mtu: of the outer path, as a router said; 0 for none; WRITE_ONCE
 * @learned_until: jiffies from which it counts no more; WRITE_ONCE
 * @metrics: what the stack reads of it, for inner IPv4 and IPv6; WRITE_ONCE
 * @routes: the cached routes to nfipsec0; RCU, replaced under @lock
 * @stays: mark of a transaction; under nfipsec_net.config
 * @sas_out: outbound SAs, newest first; RCU list, changed under nfipsec_net.sa_lock
 * @sas_inexact: those of them that nfipsec_net.sa_to_host does not have; the same
 * @lock: protects the rest
 * @held: packets are held, or are being released: whatever comes queues up
 *	behind them. Read without the lock as a hint.
 * @releasing: a CPU empties @queue. Read without the lock as a hint
 * @again: an SA came while @releasing, perhaps for packets that were tried before
 * @queue: packets held for want of an SA, at most NFIPSEC_QUEUE_MAX
 * @queue_memory: octets of memory (truesize) of @queue, at most NFIPSEC_QUEUE_MEMORY unless
 *	one packet alone is larger
 * @acquire_next: jiffies before which no further ACQUIRE is sent
 * @acquires: ACQUIRE events sent
 * @queue_drops: packets that a newer one displaced from the full @queue
 * @dead: no longer in the policy; new packets are not queued
 *
 * Members marked constant do not change while the tunnel is published. A policy that
 * changes one creates a new tunnel.
 */
struct nfipsec_tunnel {
	struct list_head		link;
	refcount_t			ref;
	struct rcu_head			rcu;
	struct nfipsec_net		*nn;
	char				name[NFIPSEC_NAME_MAX + 1];
	u8				family;
	u8				mode;
	bool				bundle;
	u32				mark;
	char				vrf[IFNAMSIZ];
	bool				has_local, has_remote;
	union nfipsec_addr		local, remote;
	bool				stays;
	struct nfipsec_tunnel_set	set;
	u32				mtu;
	u32				learned_mtu;
	unsigned long			learned_until;
	struct dst_metrics		metrics[2];
	struct nfipsec_route __rcu	*routes[NFIPSEC_ROUTES];
	struct list_head		sas_out;
	struct list_head		sas_inexact;
	spinlock_t			lock;
	bool				held;
	bool				releasing;
	bool				again;
	struct sk_buff_head		queue;
	unsigned int			queue_memory;
	unsigned long			acquire_next;
	u64				acquires;
	u64				queue_drops;
	bool				dead;
};

/* per-entry hit counters, per CPU (bottom halves off) */
struct nfipsec_entry_count {
	u64 out_packets, in_packets;
};

/**
 * struct nfipsec_entry - one line of an access list; immutable but for @count
 * @list: name of the access list
 * @number: number of the line in @list
 * @action: enum nfipsec_action
 * @sel: selector of outbound packets; inbound ones are mirrored first
 * @tunnel: the tunnel, a reference; NFIPSEC_ACTION_PROTECT only
 * @standbys: number of standbys; they follow this entry and have the same selector. The first
 *	tunnel of the row that has an SA carries the packet
 * @place: of a standby, its distance from the entry that it stands by for; else 0
 * @count: hit counters
 */
struct nfipsec_entry {
	char					list[NFIPSEC_NAME_MAX + 1];
	u32					number;
	u8					action;
	struct nfipsec_sel			sel;
	struct nfipsec_tunnel			*tunnel;
	u8					standbys;
	u8					place;
	struct nfipsec_entry_count __percpu	*count;
};

/**
 * struct nfipsec_policy - a read-only snapshot, replaced as a whole
 * @free_work: frees the policy after a grace period
 * @n_entries: number of @entries
 * @n_protect: number of @entries with NFIPSEC_ACTION_PROTECT
 * @n_standbys: number of @entries that are standbys
 * @entries: in order of match
 * @index: what classify.c compiled from them
 */
struct nfipsec_policy {
	struct rcu_work			free_work;
	unsigned int			n_entries;
	unsigned int			n_protect;
	unsigned int			n_standbys;
	struct nfipsec_entry		*entries;
	struct nfipsec_classifier	*index;
};

/* policy.c */
struct nfipsec_policy *nfipsec_policy_alloc(unsigned int n_entries, gfp_t gfp);
/* @new and the references to the @n tunnels are its own from here on, on success alone */
int nfipsec_policy_commit(struct nfipsec_net *nn, struct nfipsec_policy *new,
			  struct nfipsec_tunnel **tunnels, unsigned int n,
			  struct netlink_ext_ack *extack);
void nfipsec_policy_free(struct nfipsec_policy *policy);
bool nfipsec_policy_is_empty(struct nfipsec_net *nn);	/* nn->config is held */
int nfipsec_policy_init_net(struct nfipsec_net *nn);	/* the empty policy: pass all */
void nfipsec_policy_exit_net(struct nfipsec_net *nn);

/* the largest inner packet that needs no fragments */
static inline u32 nfipsec_tunnel_mtu(const struct nfipsec_tunnel *tunnel)
{
	return READ_ONCE(tunnel->mtu);
}

struct nfipsec_tunnel *nfipsec_tunnel_create(struct nfipsec_net *nn, const char *name, gfp_t gfp);
/* under RCU or nn->config */
struct nfipsec_tunnel *nfipsec_tunnel_find(struct nfipsec_net *nn, const char *name);
bool nfipsec_tunnel_get(struct nfipsec_tunnel *tunnel);	/* false: already dying */
void nfipsec_tunnel_put(struct nfipsec_tunnel *tunnel);

/* classify.c: pure. First entry that matches, NULL for none. RCU read side. */
struct nfipsec_classifier *nfipsec_classifier_build(const struct nfipsec_entry *entries,
						    unsigned int n);
void nfipsec_classifier_free(struct nfipsec_classifier *c);
const struct nfipsec_entry *nfipsec_classify(const struct nfipsec_policy *policy,
					     const struct nfipsec_pkt *pkt);
/* the protect entry of @tunnel that decides about the packet */
const struct nfipsec_entry *nfipsec_classify_tunnel(const struct nfipsec_policy *policy,
						    const struct nfipsec_tunnel *tunnel,
						    const struct nfipsec_pkt *pkt);

/* acquire.c */
/* drops what was held for too long; true while something is held */
bool nfipsec_acquire_age(struct nfipsec_tunnel *tunnel);
/* takes the skb: holds it, and asks for an SA or sends what is held */
void nfipsec_acquire_hold(struct nfipsec_tunnel *tunnel, struct sk_buff *skb,
			  const struct nfipsec_pkt *pkt);
/* an outbound SA came: send what is held, in order */
void nfipsec_acquire_release(struct nfipsec_tunnel *tunnel);
/* the tunnel goes: drop what is held */
void nfipsec_acquire_flush(struct nfipsec_tunnel *tunnel);
/* standby.c: entries of several tunnels for the same packets */
struct nfipsec_bundle;
const struct nfipsec_entry *nfipsec_entry_of(const struct nfipsec_entry *first,
					     const struct nfipsec_tunnel *tunnel);
const struct nfipsec_entry *nfipsec_entry_best(const struct nfipsec_entry *first,
					       const struct nfipsec_pkt *pkt,
					       struct nfipsec_bundle *bundle);
const struct nfipsec_entry *nfipsec_entry_active(const struct nfipsec_entry *first,
						 const struct nfipsec_pkt *pkt);
bool nfipsec_entry_is_active(const struct nfipsec_entry *e);
bool nfipsec_bundle_find(const struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt,
			 struct nfipsec_bundle *bundle);
void nfipsec_standby_release(struct nfipsec_net *nn, const struct nfipsec_tunnel *tunnel);
/* netlink_policy.c: multicast ACQUIRE; GFP_ATOMIC; 0 or -ESRCH when nobody listens */
int nfipsec_netlink_acquire(struct nfipsec_tunnel *tunnel, const struct nfipsec_entry *entry,
			    const struct nfipsec_pkt *pkt);

#endif
