// SPDX-License-Identifier: GPL-2.0
/* The module's way in and, in exact reverse, its way out. */
#include <linux/module.h>
#include <net/genetlink.h>

#include "crypto.h"
#include "nfipsec.h"
#include "nfipsec_version.h"
#include "policy.h"
#include "sa.h"

#ifdef NFIPSEC_SELFTEST
#include "tests/tests.h"
#else
static inline int nfipsec_tests_run(void)
{
	return 0;
}
#endif

struct workqueue_struct *nfipsec_wq;

static int __init nfipsec_init(void)
{
	int err;

	nfipsec_wq = alloc_workqueue("nfipsec", WQ_UNBOUND, 0);
	if (!nfipsec_wq)
		return -ENOMEM;
	err = nfipsec_crypto_init();
	if (err)
		goto out_wq;
	err = nfipsec_tests_run();
	if (err)
		goto out_crypto;
	err = nfipsec_dev_init();
	if (err)
		goto out_crypto;
	err = nfipsec_netns_init();
	if (err)
		goto out_dev;
	err = nfipsec_flow_init();
	if (err)
		goto out_netns;
	err = nfipsec_ike_init();
	if (err)
		goto out_flow;
	err = nfipsec_netlink_init();
	if (err)
		goto out_ike;
	return 0;

out_ike:
	nfipsec_ike_exit();
out_flow:
	nfipsec_flow_exit();
out_netns:
	nfipsec_netns_exit();
out_dev:
	nfipsec_dev_exit();
out_crypto:
	nfipsec_crypto_exit();
out_wq:
	destroy_workqueue(nfipsec_wq);
	return err;
}

/*
 * By now no netns has protect entries (they hold the module), or the removal is
 * forced. Netlink goes first, so that nobody adds; then each netns unpublishes
 * and drains. What they dropped waits for RCU, then for the workqueue (freeing a
 * transform sleeps), and what that drops (tunnels, routes) for RCU again.
 */
static void __exit nfipsec_exit(void)
{
	nfipsec_netlink_exit();
	nfipsec_ike_exit();
	nfipsec_flow_exit();
	nfipsec_netns_exit();
	rcu_barrier();
	destroy_workqueue(nfipsec_wq);
	rcu_barrier();
	nfipsec_dev_exit();
	nfipsec_crypto_exit();
}

module_init(nfipsec_init);
module_exit(nfipsec_exit);
MODULE_LICENSE("GPL");
MODULE_VERSION(NFIPSEC_VERSION);
MODULE_DESCRIPTION("IPsec by netfilter and access lists");
MODULE_ALIAS_GENL_FAMILY(NFIPSEC_GENL_NAME);
