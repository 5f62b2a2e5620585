// SPDX-License-Identifier: GPL-2.0
/* The life of a security association, apart from the indexes that find it. */
#include <linux/slab.h>

#include "ah.h"
#include "esp.h"
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

/**
 * nfipsec_ends_create - room for the ends of an SA
 * @gfp: how to allocate
 *
 * The caller fills it and gives it to an SA, or nfipsec_endpoints_free().
 *
 * Return: the ends, or NULL for no memory.
 */
struct nfipsec_endpoints *nfipsec_ends_create(gfp_t gfp)
{
	struct nfipsec_endpoints *ends = kzalloc(sizeof(*ends), gfp);

	if (ends && dst_cache_init(&ends->route, gfp)) {
		kfree(ends);
		return NULL;
	}
	return ends;
}

void nfipsec_endpoints_free(struct nfipsec_endpoints *ends)
{
	if (!ends)
		return;
	dst_cache_destroy(&ends->route);
	kfree(ends);
}

const struct nfipsec_endpoints *nfipsec_sa_ends(const struct nfipsec_sa *sa)
{
	return rcu_dereference_check(sa->ends, lockdep_is_held(&sa->nn->sa_lock) ||
					       lockdep_is_held(&sa->nn->config));
}

/* After a grace period, on nfipsec_wq: freeing a transform may sleep. */
static void sa_free(struct work_struct *work)
{
	struct nfipsec_sa *sa = container_of(to_rcu_work(work), struct nfipsec_sa, free_work);

	nfipsec_crypto_free(sa->crypto);
	nfipsec_replay_free(&sa->replay);
	if (sa->tunnel)
		nfipsec_tunnel_put(sa->tunnel);
	nfipsec_endpoints_free(rcu_dereference_protected(sa->ends, true));
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

/* is the packet one that the tunnel's own entries protect? */
static bool fits_tunnel(const struct nfipsec_sa *sa, const struct nfipsec_pkt *pkt)
{
	/* NULL when the namespace goes */
	const struct nfipsec_policy *policy = rcu_dereference(sa->nn->policy);
	const struct nfipsec_entry *entry;
	struct nfipsec_pkt mirror;

	if (!policy)
		return false;
	if (sa->dir == NFIPSEC_DIR_OUT)
		return nfipsec_classify_tunnel(policy, sa->tunnel, pkt);
	nfipsec_pkt_mirror(pkt, &mirror);
	entry = nfipsec_classify(policy, &mirror);
	if (!entry || !nfipsec_entry_of(entry, sa->tunnel))
		return false;
	/* RFC 4301 7: ports that a fragment has not are no ports of the entry */
	return !pkt->h.fragment || !nfipsec_sel_has_ports(&entry->sel);
}

/**
 * nfipsec_sa_match - may this SA carry the packet?
 * @sa: the SA
 * @pkt: the inner packet, as packets of the SA's direction look
 *
 * RFC 4301 5.1 (out) and 5.2 step 4 (in). An SA without selectors carries what the
 * entries of its tunnel protect, by the policy in force: a policy that changes while the
 * SA lives changes this, too. RCU read side.
 *
 * Return: true if the SA may carry it.
 */
bool nfipsec_sa_match(const struct nfipsec_sa *sa, const struct nfipsec_pkt *pkt)
{
	unsigned int i;

	if (!sa->n_sels)
		return fits_tunnel(sa, pkt);
	for (i = 0; i < sa->n_sels; i++)
		if (nfipsec_sel_match(&sa->sels[i], pkt))
			return true;
	return false;
}

/**
 * nfipsec_sa_header_len - octets between the IP header and the payload
 * @sa: the SA
 *
 * Return: the octets.
 */
unsigned int nfipsec_sa_header_len(const struct nfipsec_sa *sa)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(sa->crypto);

	if (sa->proto == IPPROTO_AH)
		return nfipsec_ah_len(alg, sa->family);
	return ESP_HDR_LEN + alg->iv_len + (sa->encap ? sizeof(struct udphdr) : 0);
}

/**
 * nfipsec_sa_inner_mtu - the largest packet an SA can carry
 * @sa: the SA
 * @ah: AH of a bundle, or NULL
 * @mtu: of the outer path
 *
 * Return: octets of the inner packet, its IP header included; 0 when there is no room.
 */
unsigned int nfipsec_sa_inner_mtu(const struct nfipsec_sa *sa, const struct nfipsec_sa *ah,
				  unsigned int mtu)
{
	unsigned int ip = nfipsec_ip_len(sa->family), taken = ip, fits;

	if (ah)
		taken += nfipsec_sa_header_len(ah);
	if (sa->proto == IPPROTO_AH)
		taken += nfipsec_sa_header_len(sa);
	else if (sa->encap)
		taken += sizeof(struct udphdr);
	if (mtu <= taken)
		return 0;
	fits = mtu - taken;
	if (sa->proto == IPPROTO_ESP)
		fits = nfipsec_esp_fit(nfipsec_crypto_alg(sa->crypto), fits);
	return sa->mode == NFIPSEC_MODE_TRANSPORT && fits ? fits + ip : fits;
}
