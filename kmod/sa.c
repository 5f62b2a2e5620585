// SPDX-License-Identifier: GPL-2.0
/* The life of a security association, apart from the indexes that find it. */
#include <linux/slab.h>

#include "sa.h"

/**
 * nfipsec_sa_create - an empty SA
 * @nn: its namespace
 * @gfp: how to allocate
 *
 * Return: one reference, for nfipsec_sa_put(); NULL for no memory. The caller
 * fills it and publishes it with nfipsec_sadb_insert().
 */
struct nfipsec_sa *nfipsec_sa_create(struct nfipsec_net *nn, gfp_t gfp)
{
	struct nfipsec_sa *sa = kzalloc(sizeof(*sa), gfp);

	if (!sa)
		return NULL;
	refcount_set(&sa->ref, 1);
	INIT_HLIST_NODE(&sa->hash);
	INIT_LIST_HEAD(&sa->link);
	INIT_LIST_HEAD(&sa->tunnel_link);
	spin_lock_init(&sa->replay.lock);
	sa->nn = nn;
	sa->born = jiffies;
	return sa;
}

/* After a grace period, on nfipsec_wq: freeing a transform may sleep. */
static void sa_free(struct work_struct *work)
{
	struct nfipsec_sa *sa = container_of(to_rcu_work(work), struct nfipsec_sa, free_work);

	nfipsec_crypto_free(sa->crypto);
	nfipsec_replay_free(&sa->replay);
	if (sa->tunnel)
		nfipsec_tunnel_put(sa->tunnel);
	kfree(sa->sels);
	kfree(sa);
}

/**
 * nfipsec_sa_put - give a reference back
 * @sa: not touched afterwards
 *
 * Any context. Readers under RCU that found the SA may go on until they leave.
 */
void nfipsec_sa_put(struct nfipsec_sa *sa)
{
	if (!refcount_dec_and_test(&sa->ref))
		return;
	INIT_RCU_WORK(&sa->free_work, sa_free);
	queue_rcu_work(nfipsec_wq, &sa->free_work);
}

/**
 * nfipsec_sa_match - may this SA carry the packet?
 * @sa: the SA
 * @pkt: the inner packet, as packets of the SA's direction look
 *
 * RFC 4301 5.1 (out) and 5.2 step 4 (in). No selectors: any packet.
 */
bool nfipsec_sa_match(const struct nfipsec_sa *sa, const struct nfipsec_pkt *pkt)
{
	unsigned int i;

	if (!sa->n_sels)
		return true;
	for (i = 0; i < sa->n_sels; i++)
		if (nfipsec_sel_match(&sa->sels[i], pkt))
			return true;
	return false;
}
