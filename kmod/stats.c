// SPDX-License-Identifier: GPL-2.0
/* Counters: one for every reason for which a packet can end here. */
#include "nfipsec.h"
#include "trace.h"

int nfipsec_stats_create(struct nfipsec_net *nn)
{
	int cpu;

	nn->stats = alloc_percpu_gfp(struct nfipsec_stats, GFP_KERNEL_ACCOUNT);
	if (!nn->stats)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(nn->stats, cpu)->syncp);
	return 0;
}

void nfipsec_stats_destroy(struct nfipsec_net *nn)
{
	free_percpu(nn->stats);
}

/* the same with bottom halves off, as on the packet path */
void nfipsec_stat_add_bh(struct nfipsec_net *nn, enum nfipsec_stat stat, u64 n)
{
	struct nfipsec_stats *s = this_cpu_ptr(nn->stats);

	u64_stats_update_begin(&s->syncp);
	s->count[stat] += n;
	u64_stats_update_end(&s->syncp);
}

/**
 * nfipsec_stat_add - count
 * @nn: the namespace
 * @stat: which counter
 * @n: by how much
 *
 * Any context but hard interrupts.
 */
void nfipsec_stat_add(struct nfipsec_net *nn, enum nfipsec_stat stat, u64 n)
{
	local_bh_disable();
	nfipsec_stat_add_bh(nn, stat, n);
	local_bh_enable();
}

u64 nfipsec_stat_read(struct nfipsec_net *nn, enum nfipsec_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct nfipsec_stats *s = per_cpu_ptr(nn->stats, cpu);
		unsigned int start;
		u64 count;

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			count = s->count[stat];
		} while (u64_stats_fetch_retry(&s->syncp, start));
		sum += count;
	}
	return sum;
}

/* for those who watch the drops of all the kernel */
static enum skb_drop_reason kernel_reason(enum nfipsec_stat reason)
{
	switch (reason) {
	case NFIPSEC_STAT_OUT_NO_MEMORY:
	case NFIPSEC_STAT_IN_NO_MEMORY:
		return SKB_DROP_REASON_NOMEM;
	case NFIPSEC_STAT_OUT_TOO_BIG:
		return SKB_DROP_REASON_PKT_TOO_BIG;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}

/**
 * nfipsec_drop - the only way to drop a packet: counted, traced, freed
 * @nn: the namespace
 * @skb: the packet, gone afterwards
 * @reason: why
 */
void nfipsec_drop(struct nfipsec_net *nn, struct sk_buff *skb, enum nfipsec_stat reason)
{
	nfipsec_stat_add(nn, reason, 1);
	trace_nfipsec_drop(nn->dev, skb, reason);
	kfree_skb_reason(skb, kernel_reason(reason));
}
