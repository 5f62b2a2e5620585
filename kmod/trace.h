/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: perf trace -e 'nfipsec:*' */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nfipsec

#if !defined(_NFIPSEC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _NFIPSEC_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

#include "sa.h"

/* the names of the counters, for tools that format the events themselves too */
#define nfipsec_stat_enum(id, name) TRACE_DEFINE_ENUM(NFIPSEC_STAT_##id);
#define nfipsec_stat_symbol(id, name) { NFIPSEC_STAT_##id, name },
NFIPSEC_STATS(nfipsec_stat_enum)

TRACE_EVENT(nfipsec_drop,
	TP_PROTO(const struct net_device *dev, const struct sk_buff *skb, unsigned int reason),
	TP_ARGS(dev, skb, reason),
	TP_STRUCT__entry(
		__field(const void *, skb)
		__field(unsigned int, len)
		__field(unsigned int, reason)
		__field(int, ifindex)
	),
	TP_fast_assign(
		__entry->skb = skb;
		__entry->len = skb->len;
		__entry->reason = reason;
		__entry->ifindex = dev ? dev->ifindex : 0;
	),
	TP_printk("ifindex=%d skb=%p len=%u reason=%s", __entry->ifindex, __entry->skb,
		  __entry->len,
		  __print_symbolic(__entry->reason, NFIPSEC_STATS(nfipsec_stat_symbol)
				   { NFIPSEC_STAT_UNSPEC, "unspec" }))
);

DECLARE_EVENT_CLASS(nfipsec_sa,
	TP_PROTO(const struct nfipsec_sa *sa),
	TP_ARGS(sa),
	TP_STRUCT__entry(
		__field(u32, spi)
		__field(u8, dir)
		__array(char, tunnel, NFIPSEC_NAME_MAX + 1)
	),
	TP_fast_assign(
		__entry->spi = ntohl(sa->spi);
		__entry->dir = sa->dir;
		memcpy(__entry->tunnel, sa->tunnel->name, sizeof(__entry->tunnel));
	),
	TP_printk("tunnel=%s dir=%s spi=0x%08x", __entry->tunnel,
		  __entry->dir == NFIPSEC_DIR_IN ? "in" : "out", __entry->spi)
);

DEFINE_EVENT(nfipsec_sa, nfipsec_sa_add,
	TP_PROTO(const struct nfipsec_sa *sa), TP_ARGS(sa));
DEFINE_EVENT(nfipsec_sa, nfipsec_sa_kill,
	TP_PROTO(const struct nfipsec_sa *sa), TP_ARGS(sa));

TRACE_EVENT(nfipsec_acquire,
	TP_PROTO(const struct nfipsec_tunnel *tunnel, int err),
	TP_ARGS(tunnel, err),
	TP_STRUCT__entry(
		__array(char, tunnel, NFIPSEC_NAME_MAX + 1)
		__field(int, err)
	),
	TP_fast_assign(
		memcpy(__entry->tunnel, tunnel->name, sizeof(__entry->tunnel));
		__entry->err = err;
	),
	TP_printk("tunnel=%s err=%d", __entry->tunnel, __entry->err)
);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
