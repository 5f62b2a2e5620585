/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels we support (6.1 .. 6.12), and nothing else. */
#ifndef _NFIPSEC_COMPAT_H
#define _NFIPSEC_COMPAT_H

#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <net/dst.h>
#include <net/flow.h>
#include <net/genetlink.h>
#include <net/inet_dscp.h>

/*
 * What the module keeps for each CPU (crypto requests, nesting depth, counters, routes) is
 * its own while bottom halves are off. On PREEMPT_RT local_bh_disable() takes a lock of the
 * CPU, which comes to the same, unless the kernel is configured without that lock.
 */
#if defined(CONFIG_PREEMPT_RT) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0) && \
	!defined(CONFIG_PREEMPT_RT_NEEDS_BH_LOCK)
#error "nfipsec on PREEMPT_RT wants a kernel with CONFIG_PREEMPT_RT_NEEDS_BH_LOCK=y"
#endif

/* 6.12 moved the second; hex2bin() has had a header of its own since, too */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/hex.h>
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* 6.5 moved GSO out of netdevice.h */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

/* 6.12 made "no lock around ndo_start_xmit" and "stays in its netns" bits of the device */
static inline void nfipsec_compat_dev_flags(struct net_device *dev)
{
#ifdef NETIF_F_LLTX
	dev->features |= NETIF_F_LLTX;
#else
	dev->lltx = true;
#endif
#ifdef NETIF_F_NETNS_LOCAL
	dev->features |= NETIF_F_NETNS_LOCAL;
#else
	dev->netns_immutable = true;
#endif
}

/* 6.5 took the initial reference out of the arguments: it always is one */
static inline void *nfipsec_compat_dst_alloc(struct dst_ops *ops, struct net_device *dev,
					     unsigned short flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return dst_alloc(ops, dev, 1, DST_OBSOLETE_NONE, flags);
#else
	return dst_alloc(ops, dev, DST_OBSOLETE_NONE, flags);
#endif
}

/*
 * 6.13 gave ip_route_input_noref() the DSCP in place of the TOS, and masks no ECN out of it
 * any more.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define nfipsec_compat_route_tos(ip) ip4h_dscp(ip)
#else
#define nfipsec_compat_route_tos(ip) ((ip)->tos)
#endif

/* Newer kernels keep the DSCP, of a type of its own, where flowi4 had the TOS. */
static inline void nfipsec_compat_flow4_tos(struct flowi4 *fl4, u8 tos)
{
#ifdef flowi4_dscp
	fl4->flowi4_dscp = inet_dsfield_to_dscp(tos);
#else
	fl4->flowi4_tos = tos;
#endif
}

/* 6.17 lets IPv6 be forwarded from single devices */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define NFIPSEC_FORCE_FORWARDING true
#define nfipsec_compat_force_forwarding(in6) READ_ONCE((in6)->cnf.force_forwarding)
#else
#define NFIPSEC_FORCE_FORWARDING false
#define nfipsec_compat_force_forwarding(in6) ((in6) && false)
#endif

/* 6.7 made "wants errors queued" an atomic flag of the socket */
#ifdef inet6_test_bit
#define nfipsec_compat_recverr6(sk) inet6_test_bit(RECVERR6, sk)
#else
#define nfipsec_compat_recverr6(sk) (inet6_sk(sk)->recverr)
#endif

/* 6.7, and what got it backported, has flags of their own for multicast groups */
#ifdef GENL_MCAST_CAP_NET_ADMIN
#define NFIPSEC_GENL_GROUP_FLAGS GENL_MCAST_CAP_NET_ADMIN
#else
#define NFIPSEC_GENL_GROUP_FLAGS GENL_UNS_ADMIN_PERM
#endif

/*
 * 6.3 has extack messages with what was found in them; before, there is the text
 * alone (and the offending attribute). 80 octets is all that the core keeps.
 */
#ifdef NL_SET_ERR_MSG_ATTR_FMT
#define NFIPSEC_ERR_ATTR(extack, attr, text, found, args...) \
	NL_SET_ERR_MSG_ATTR_FMT(extack, attr, text found, ##args)
#else
#define NFIPSEC_ERR_ATTR(extack, attr, text, found, args...) \
	NL_SET_ERR_MSG_ATTR(extack, attr, text)
#endif

#endif
