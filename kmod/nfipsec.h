/* SPDX-License-Identifier: GPL-2.0 */
/* What every part of the module shares: the namespace's state, addresses, counters. */
#ifndef _NFIPSEC_H
#define _NFIPSEC_H

#include <linux/hashtable.h>
#include <linux/rhashtable.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/gro_cells.h>
#include <net/netns/generic.h>
#include <linux/nfipsec.h>

#include "compat.h"

#define NFIPSEC_SPI_HASH_BITS	10
#define NFIPSEC_AWAIT_HASH_BITS	6
#define NFIPSEC_QUEUE_MAX	64	/* packets a tunnel holds while it has no SA */
#define NFIPSEC_QUEUE_MEMORY	SZ_1M	/* octets of memory that they take */
#define NFIPSEC_HELD_MEMORY	SZ_16M	/* and those of all tunnels of a namespace */

struct nfipsec_ike;
struct nfipsec_policy;
struct nfipsec_sa;
struct nfipsec_tunnel;

/* either family; @family says which */
union nfipsec_addr {
	__be32		ip;
	struct in6_addr	ip6;
};

struct nfipsec_stats {
	u64			count[__NFIPSEC_STAT_MAX];
	struct u64_stats_sync	syncp;
};

/**
 * struct nfipsec_net - all the state of one network namespace
 * @link: in the list of namespaces; under a mutex of netns.c
 * @net: the namespace; lives longer than this
 * @dev: nfipsec0, NULL while there is no policy. Changed under @config while the hooks are
 *	not registered and nobody is in one; so hooks, and what they call, find it set.
 * @config: protects every change of policy, tunnels and SAs; readers use RCU
 * @policy: the compiled policy; RCU, replaced under @config; never NULL
 * @tunnels: all tunnels of @policy by name; RCU list, changed under @config
 * @sa_lock: protects insertion and removal in the indexes of SAs and @sas (also
 *	taken by lifetime work); readers use RCU
 * @sa_by_spi: SAs of both directions by SPI; RCU
 * @sa_to_host: outbound SAs whose packets all have one destination, by tunnel and that;
 *	RCU, changed under @sa_lock
 * @sas: every SA, both directions; RCU list, changed under @sa_lock
 * @sas_made: the number of the newest; under @sa_lock
 * @sa_count: entries in @sas; under @sa_lock
 * @encap_count: inbound ones with UDP encapsulation; written under @sa_lock
 * @generation: of @policy and @sas, for consistent dumps; written under @sa_lock
 * @lifetime: the one timer, for the limits of SAs and the age of held packets;
 *	runs while there are any
 * @await_lock: protects announced SPIs and what is queued for them
 * @awaited: announced SPIs; RCU, changed under @await_lock
 * @await_count: entries in @awaited; written under @await_lock
 * @await_memory: octets of memory that packets queued for announced SPIs take; under
 *	@await_lock
 * @held_memory: octets of memory that held packets take, at most NFIPSEC_HELD_MEMORY; atomic
 * @blind_next: jiffies before which no ICMP message without SPI is compared with all SAs;
 *	WRITE_ONCE
 * @stats: per-CPU counters, bottom halves off to write
 * @ike: the daemon's IKE sockets; RCU, replaced under @config; NULL for none
 * @defrag4: IPv4 fragments are reassembled before routing; under @config
 * @defrag6: IPv6 fragments are reassembled before routing; under @config
 * @holds_module: a module reference is held, as protect entries are loaded;
 *	under @config
 */
struct nfipsec_net {
	struct list_head		link;
	struct net			*net;
	struct net_device		*dev;
	struct mutex			config;
	struct nfipsec_policy __rcu	*policy;
	struct list_head		tunnels;
	spinlock_t			sa_lock;
	DECLARE_HASHTABLE(sa_by_spi, NFIPSEC_SPI_HASH_BITS);
	struct rhltable			sa_to_host;
	struct list_head		sas;
	u64				sas_made;
	unsigned int			sa_count;
	unsigned int			encap_count;
	unsigned int			generation;
	struct delayed_work		lifetime;
	spinlock_t			await_lock;
	DECLARE_HASHTABLE(awaited, NFIPSEC_AWAIT_HASH_BITS);
	unsigned int			await_count;
	unsigned int			await_memory;
	atomic_t			held_memory;
	unsigned long			blind_next;
	struct nfipsec_stats __percpu	*stats;
	struct nfipsec_ike __rcu	*ike;
	bool				defrag4, defrag6;
	bool				holds_module;
};

/* private part of nfipsec0 */
struct nfipsec_dev {
	struct nfipsec_net	*nn;
	struct gro_cells	gro_cells;
};

/* The state of each CPU relies on bottom halves being off. Builds with tests check the callers. */
#ifdef NFIPSEC_SELFTEST
#define nfipsec_assert_bh_off() WARN_ON_ONCE(!in_softirq())
#else
#define nfipsec_assert_bh_off() do { } while (0)
#endif

/* main.c: frees that sleep, after a grace period (queue_rcu_work) */
extern struct workqueue_struct *nfipsec_wq;

/* netns.c */
extern unsigned int nfipsec_netns_id;

/**
 * nfipsec_net - the module's state of a namespace
 * @net: the namespace
 *
 * Valid from the namespace's init to its exit.
 *
 * Return: the state, never NULL.
 */
static inline struct nfipsec_net *nfipsec_net(const struct net *net)
{
	return net_generic(net, nfipsec_netns_id);
}

int nfipsec_netns_raise(struct nfipsec_net *nn, struct netlink_ext_ack *extack);
void nfipsec_netns_lower(struct nfipsec_net *nn);
void nfipsec_netns_for_each(void (*function)(struct nfipsec_net *nn));
int nfipsec_netns_init(void);
void nfipsec_netns_exit(void);

/* dev.c */
int nfipsec_dev_create(struct nfipsec_net *nn);
void nfipsec_dev_destroy(struct nfipsec_net *nn);
int nfipsec_dev_init(void);
void nfipsec_dev_exit(void);

/* hook.c */
int nfipsec_hook_register(struct net *net);
void nfipsec_hook_unregister(struct net *net);
int nfipsec_hook_defrag(struct nfipsec_net *nn, u8 family);
void nfipsec_hook_defrag_stop(struct nfipsec_net *nn);

/* flow.c */
int nfipsec_flow_init(void);
void nfipsec_flow_exit(void);

/* await.c */
void nfipsec_await_closed(struct nfipsec_net *nn, u32 portid);
void nfipsec_await_flush(struct nfipsec_net *nn);

/* ike.c */
int nfipsec_ike_init(void);
void nfipsec_ike_exit(void);
void nfipsec_ike_exit_net(struct nfipsec_net *nn);

/* netlink.c */
int nfipsec_netlink_init(void);
void nfipsec_netlink_exit(void);

/* stats.c */
int nfipsec_stats_create(struct nfipsec_net *nn);
void nfipsec_stats_destroy(struct nfipsec_net *nn);
void nfipsec_stat_add(struct nfipsec_net *nn, enum nfipsec_stat stat, u64 n);
void nfipsec_stat_add_bh(struct nfipsec_net *nn, enum nfipsec_stat stat, u64 n);
u64 nfipsec_stat_read(struct nfipsec_net *nn, enum nfipsec_stat stat);
/* The only way to drop a packet: counted, traced, freed. */
void nfipsec_drop(struct nfipsec_net *nn, struct sk_buff *skb, enum nfipsec_stat reason);

#endif
