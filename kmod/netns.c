// SPDX-License-Identifier: GPL-2.0
/*
 * The state of one network namespace: made with it, gone with it. What others can see of
 * it, nfipsec0 and the hooks, is there while there is a policy.
 */
#include <linux/netlink.h>
#include <net/net_namespace.h>

#include "nfipsec.h"
#include "policy.h"
#include "sa.h"

unsigned int nfipsec_netns_id __read_mostly;

static LIST_HEAD(namespaces);
static DEFINE_MUTEX(namespaces_lock);	/* protects namespaces; taken before nfipsec_net.config */

/**
 * nfipsec_netns_for_each - call a function for each namespace
 * @function: the function; it is called with nfipsec_net.config held
 *
 * Process context.
 */
void nfipsec_netns_for_each(void (*function)(struct nfipsec_net *nn))
{
	struct nfipsec_net *nn;

	mutex_lock(&namespaces_lock);
	list_for_each_entry(nn, &namespaces, link) {
		mutex_lock(&nn->config);
		function(nn);
		mutex_unlock(&nn->config);
	}
	mutex_unlock(&namespaces_lock);
}

/**
 * nfipsec_netns_raise - nfipsec0 and the hooks, for a policy that is to come
 * @nn: the namespace; nfipsec_net.config is held, and the policy in force is empty
 * @extack: for the refusal
 *
 * The device first, since the hooks look at nfipsec_net.dev. Takes RTNL.
 *
 * Return: 0, also when they are there; or an errno, and nothing has changed.
 */
int nfipsec_netns_raise(struct nfipsec_net *nn, struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&nn->config);
	if (nn->dev)
		return 0;
	err = nfipsec_dev_create(nn);
	if (err == -EEXIST) {
		NL_SET_ERR_MSG(extack, "there is a device of the name nfipsec0, which is not ours");
		return err;
	}
	if (!err) {
		err = nfipsec_hook_register(nn->net);
		if (err)
			nfipsec_dev_destroy(nn);
	}
	if (err)
		NL_SET_ERR_MSG(extack, "no memory for nfipsec0 and the hooks");
	return err;
}

/**
 * nfipsec_netns_lower - nothing of ours is seen in the namespace any more
 * @nn: the namespace; nfipsec_net.config is held, the policy is empty, and so there is no
 *	tunnel, no SA and no held packet
 *
 * Unpublish: no packet enters by the hooks. Wait: those that are in a hook may look at the
 * device. Drop: packets that are queued for announced SPIs. Then the device, with the packets
 * in its gro_cells, which waits until nobody transmits on it and until routes that are not held
 * have given the module back. A packet that still has a route of ours goes to the black hole.
 * Takes RTNL.
 */
void nfipsec_netns_lower(struct nfipsec_net *nn)
{
	lockdep_assert_held(&nn->config);
	if (nn->dev) {
		nfipsec_hook_unregister(nn->net);
		synchronize_net();
		nfipsec_await_flush(nn);
		/* It may be dropping queued packets, which name the device. */
		nfipsec_lifetime_exit_net(nn);
		nfipsec_dev_destroy(nn);
	}
	nfipsec_hook_defrag_stop(nn);
}

static int __net_init netns_init(struct net *net)
{
	struct nfipsec_net *nn = nfipsec_net(net);
	int err;

	nn->net = net;
	mutex_init(&nn->config);
	spin_lock_init(&nn->sa_lock);
	spin_lock_init(&nn->await_lock);
	hash_init(nn->awaited);
	INIT_LIST_HEAD(&nn->tunnels);
	INIT_LIST_HEAD(&nn->sas);
	/* Netlink compares consistent dumps with this number, where 0 means "not set". */
	nn->generation = 1;
	nn->blind_next = jiffies;

	err = nfipsec_sadb_init_net(nn);
	if (err)
		return err;
	err = nfipsec_stats_create(nn);
	if (err)
		goto out_sadb;
	err = nfipsec_policy_init_net(nn);
	if (err)
		goto out_stats;
	nfipsec_lifetime_init_net(nn);
	mutex_lock(&namespaces_lock);
	list_add_tail(&nn->link, &namespaces);
	mutex_unlock(&namespaces_lock);
	return 0;

out_stats:
	nfipsec_stats_destroy(nn);
out_sadb:
	nfipsec_sadb_exit_net(nn);
	return err;
}

/*
 * Unpublish: no packet enters by the hooks after this. The core waits for readers of
 * RCU between here and netns_exit(), so packets that were in a hook are out of it.
 */
static void __net_exit netns_pre_exit(struct net *net)
{
	struct nfipsec_net *nn = nfipsec_net(net);

	mutex_lock(&nn->config);
	if (nn->dev)
		nfipsec_hook_unregister(net);
	nfipsec_hook_defrag_stop(nn);
	mutex_unlock(&nn->config);
}

/*
 * Drain: tunnels retire, their held packets are dropped (each has a dst, and so a
 * tunnel), SAs are unpublished, announced SPIs end with what is queued for them, and with
 * nothing left to time the timer stops.
 * Drop: nfipsec0, with the packets in its gro_cells, then the counters.
 * Who may outlive this: packets under way that have a tunnel's route (they hold the
 * tunnel, and hand their packet to a tunnel that is dead), and what RCU or nfipsec_wq
 * has yet to free. Neither looks at struct nfipsec_net but for the counters, which
 * unregister_netdevice() in nfipsec_dev_destroy() has made them leave alone by
 * waiting until nobody transmits on nfipsec0. main.c waits for the rest.
 */
static void __net_exit netns_exit(struct net *net)
{
	struct nfipsec_net *nn = nfipsec_net(net);

	mutex_lock(&namespaces_lock);
	list_del(&nn->link);
	mutex_unlock(&namespaces_lock);
	nfipsec_policy_exit_net(nn);
	nfipsec_ike_exit_net(nn);
	mutex_lock(&nn->config);
	nfipsec_await_flush(nn);
	mutex_unlock(&nn->config);
	nfipsec_lifetime_exit_net(nn);
	mutex_lock(&nn->config);
	if (nn->dev)
		nfipsec_dev_destroy(nn);
	mutex_unlock(&nn->config);
	nfipsec_stats_destroy(nn);
	nfipsec_sadb_exit_net(nn);
}

static struct pernet_operations netns_ops = {
	.init = netns_init,
	.pre_exit = netns_pre_exit,
	.exit = netns_exit,
	.id = &nfipsec_netns_id,
	.size = sizeof(struct nfipsec_net),
};

int nfipsec_netns_init(void)
{
	return register_pernet_device(&netns_ops);
}

void nfipsec_netns_exit(void)
{
	unregister_pernet_device(&netns_ops);
}
