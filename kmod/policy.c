// SPDX-License-Identifier: GPL-2.0
/* The store of access lists and tunnels, and its replacement as one transaction. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "path.h"
#include "policy.h"
#include "sa.h"

/* ---- tunnels ---- */

/**
 * nfipsec_tunnel_create - a tunnel, not yet part of a policy
 * @nn: its namespace
 * @name: "peer/tunnel", at most NFIPSEC_NAME_MAX
 * @gfp: how to allocate
 *
 * Return: one reference, NULL for no memory.
 */
struct nfipsec_tunnel *nfipsec_tunnel_create(struct nfipsec_net *nn, const char *name, gfp_t gfp)
{
	struct nfipsec_tunnel *tunnel = kzalloc(sizeof(*tunnel), gfp);

	if (!tunnel)
		return NULL;
	INIT_LIST_HEAD(&tunnel->link);
	INIT_LIST_HEAD(&tunnel->sas_out);
	INIT_LIST_HEAD(&tunnel->sas_inexact);
	refcount_set(&tunnel->ref, 1);
	spin_lock_init(&tunnel->lock);
	__skb_queue_head_init(&tunnel->queue);
	tunnel->acquire_next = jiffies;
	tunnel->nn = nn;
	strscpy(tunnel->name, name, sizeof(tunnel->name));
	return tunnel;
}

/* false: already dying */
bool nfipsec_tunnel_get(struct nfipsec_tunnel *tunnel)
{
	return refcount_inc_not_zero(&tunnel->ref);
}

/* Any context: the last reference may be a dst's, given back from an RCU callback. */
void nfipsec_tunnel_put(struct nfipsec_tunnel *tunnel)
{
	if (!refcount_dec_and_test(&tunnel->ref))
		return;
	WARN_ON_ONCE(!skb_queue_empty(&tunnel->queue));
	WARN_ON_ONCE(!list_empty(&tunnel->sas_out));
	kfree_rcu(tunnel, rcu);
}

/**
 * nfipsec_tunnel_find - a tunnel of the policy in force, by name
 * @nn: the namespace
 * @name: "peer/tunnel"
 *
 * RCU read side, or nfipsec_net.config held.
 *
 * Return: the tunnel without a reference, or NULL if there is none.
 */
struct nfipsec_tunnel *nfipsec_tunnel_find(struct nfipsec_net *nn, const char *name)
{
	struct nfipsec_tunnel *tunnel;

	list_for_each_entry_rcu(tunnel, &nn->tunnels, link, lockdep_is_held(&nn->config)) {
		if (!strcmp(tunnel->name, name))
			return tunnel;
	}
	return NULL;
}

/* The tunnel left the policy: no entry leads to it any more once readers are gone. */
static void tunnel_retire(struct nfipsec_tunnel *tunnel)
{
	struct nfipsec_net *nn = tunnel->nn;

	list_del_rcu(&tunnel->link);
	nfipsec_sadb_flush(nn, tunnel);
	nfipsec_acquire_flush(tunnel);
	nfipsec_dev_routes_drop(tunnel);
	nfipsec_tunnel_put(tunnel);
}

/* ---- the snapshot ---- */

/**
 * nfipsec_policy_alloc - room for a policy
 * @n_entries: how many entries
 * @gfp: how to allocate
 *
 * The caller fills the entries (each PROTECT one with a reference to its tunnel)
 * and hands it to nfipsec_policy_commit(), or frees it.
 *
 * Return: the policy, or NULL for no memory.
 */
struct nfipsec_policy *nfipsec_policy_alloc(unsigned int n_entries, gfp_t gfp)
{
	struct nfipsec_policy *policy = kzalloc(sizeof(*policy), gfp);
	unsigned int i;

	if (!policy)
		return NULL;
	policy->entries = kvcalloc(n_entries, sizeof(*policy->entries), gfp);
	if (n_entries && !policy->entries)
		goto fail;
	policy->n_entries = n_entries;
	for (i = 0; i < n_entries; i++) {
		policy->entries[i].count = alloc_percpu_gfp(struct nfipsec_entry_count, gfp);
		if (!policy->entries[i].count)
			goto fail;
	}
	return policy;

fail:
	nfipsec_policy_free(policy);
	return NULL;
}

void nfipsec_policy_free(struct nfipsec_policy *policy)
{
	unsigned int i;

	for (i = 0; i < policy->n_entries; i++) {
		free_percpu(policy->entries[i].count);
		if (policy->entries[i].tunnel)
			nfipsec_tunnel_put(policy->entries[i].tunnel);
	}
	nfipsec_classifier_free(policy->index);
	kvfree(policy->entries);
	kfree(policy);
}

static void policy_free_work(struct work_struct *work)
{
	nfipsec_policy_free(container_of(to_rcu_work(work), struct nfipsec_policy, free_work));
}

static void policy_free_later(struct nfipsec_policy *policy)
{
	INIT_RCU_WORK(&policy->free_work, policy_free_work);
	queue_rcu_work(nfipsec_wq, &policy->free_work);
}

/*
 * While there is something to protect the module cannot be removed but by force:
 * without it the packets would leave in clear.
 */
static int hold_module(struct nfipsec_net *nn, bool hold)
{
	lockdep_assert_held(&nn->config);
	if (hold == nn->holds_module)
		return 0;
	if (hold && !try_module_get(THIS_MODULE))
		return -EBUSY;
	if (!hold)
		module_put(THIS_MODULE);
	nn->holds_module = hold;
	return 0;
}

/**
 * nfipsec_policy_commit - replace the policy, all of it or nothing
 * @nn: the namespace; nfipsec_net.config is held
 * @new: filled; its look-up structure is built here
 * @tunnels: every tunnel of the new policy: ones in force now that stay, and new ones;
 *	a reference to each
 * @n: how many
 * @extack: for the refusal
 *
 * On success @new and the references are taken; on failure nothing has changed.
 * One pointer swap is the commit: a packet sees the old policy or the new one.
 *
 * Return: 0 or an errno.
 */
int nfipsec_policy_commit(struct nfipsec_net *nn, struct nfipsec_policy *new,
			  struct nfipsec_tunnel **tunnels, unsigned int n,
			  struct netlink_ext_ack *extack)
{
	struct nfipsec_policy *old;
	struct nfipsec_tunnel *tunnel, *next;
	LIST_HEAD(retired);
	unsigned int i;
	int err;

	lockdep_assert_held(&nn->config);
	new->index = nfipsec_classifier_build(new->entries, new->n_entries);
	if (!new->index) {
		NL_SET_ERR_MSG(extack, "no memory for the look-up of these entries");
		return -ENOMEM;
	}
	/* all of it before the first entry, and away after the last */
	if (new->n_entries || n) {
		err = nfipsec_netns_raise(nn, extack);
		if (err)
			return err;
	}
	if (new->n_protect && hold_module(nn, true)) {
		NL_SET_ERR_MSG(extack, "the module is being removed");
		return -EBUSY;
	}

	list_for_each_entry(tunnel, &nn->tunnels, link)
		tunnel->stays = false;
	for (i = 0; i < n; i++) {
		tunnels[i]->stays = true;
		if (list_empty(&tunnels[i]->link))
			list_add_tail_rcu(&tunnels[i]->link, &nn->tunnels);
		else	/* the list has its reference already */
			nfipsec_tunnel_put(tunnels[i]);
	}
	old = rcu_replace_pointer(nn->policy, new, lockdep_is_held(&nn->config));
	/* at once, or packets that go by a standby overtake them */
	nfipsec_standby_release(nn, NULL);
	list_for_each_entry_safe(tunnel, next, &nn->tunnels, link) {
		if (!tunnel->stays)
			tunnel_retire(tunnel);
	}
	spin_lock_bh(&nn->sa_lock);
	WRITE_ONCE(nn->generation, nn->generation + 1);
	spin_unlock_bh(&nn->sa_lock);
	if (!new->n_protect)
		hold_module(nn, false);
	policy_free_later(old);
	nfipsec_flow_policy(nn);
	return 0;
}

/* no entry that a packet could match, and no tunnel that an SA could belong to */
bool nfipsec_policy_is_empty(struct nfipsec_net *nn)
{
	const struct nfipsec_policy *policy;

	policy = rcu_dereference_protected(nn->policy, lockdep_is_held(&nn->config));
	return !policy->n_entries && list_empty(&nn->tunnels);
}

/* the empty policy: all traffic passes */
int nfipsec_policy_init_net(struct nfipsec_net *nn)
{
	struct nfipsec_policy *policy = nfipsec_policy_alloc(0, GFP_KERNEL_ACCOUNT);

	if (!policy)
		return -ENOMEM;
	policy->index = nfipsec_classifier_build(NULL, 0);
	if (!policy->index) {
		nfipsec_policy_free(policy);
		return -ENOMEM;
	}
	RCU_INIT_POINTER(nn->policy, policy);
	return 0;
}

/* The hooks are gone and readers with them; only held packets and SAs are left. */
void nfipsec_policy_exit_net(struct nfipsec_net *nn)
{
	struct nfipsec_tunnel *tunnel, *next;

	mutex_lock(&nn->config);
	nfipsec_sadb_flush(nn, NULL);
	list_for_each_entry_safe(tunnel, next, &nn->tunnels, link)
		tunnel_retire(tunnel);
	policy_free_later(rcu_replace_pointer(nn->policy, NULL, true));
	hold_module(nn, false);
	mutex_unlock(&nn->config);
}
