// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of SAs (RFC 4301 4.4.2.1): at the soft one the helper is asked to rekey,
 * at the hard one the SA goes. Octets and packets are looked at with each batch,
 * seconds by one timer for the namespace, which also drops packets that were held or queued
 * for too long.
 */
#include <linux/rculist.h>

#include "sa.h"

#define LIFETIME_INTERVAL HZ

static bool is_over(u64 value, u64 limit)
{
	return limit && value >= limit;
}

static void expire_soft(struct nfipsec_sa *sa)
{
	if (!test_and_set_bit(NFIPSEC_SA_SOFT_SENT, &sa->flags))
		nfipsec_netlink_expire(sa, false);
}

static void expire_hard(struct nfipsec_sa *sa)
{
	if (test_and_set_bit(NFIPSEC_SA_HARD_SENT, &sa->flags))
		return;
	/* A listener that gets the event finds no SA; RCU keeps it for this function. */
	nfipsec_sadb_kill(sa);
	nfipsec_netlink_expire(sa, true);
}

/* The sequence numbers are used up: as dead as by any other limit. */
void nfipsec_lifetime_exhausted(struct nfipsec_sa *sa)
{
	expire_hard(sa);
}

/* As much as any other soft limit. */
void nfipsec_lifetime_runs_out(struct nfipsec_sa *sa)
{
	expire_soft(sa);
}

/**
 * nfipsec_lifetime_account - count a batch against the limits of its SA
 * @sa: the SA; RCU read side
 * @packets: how many
 * @bytes: inner octets of all
 *
 * Return: false when the hard limit had been reached before: drop the batch.
 */
bool nfipsec_lifetime_account(struct nfipsec_sa *sa, unsigned int packets, u64 bytes)
{
	const struct nfipsec_limits *l = &sa->limits;
	u64 p, b;

	if (unlikely(test_bit(NFIPSEC_SA_HARD_SENT, &sa->flags)))
		return false;
	p = atomic64_add_return(packets, &sa->packets);
	b = atomic64_add_return(bytes, &sa->bytes);
	if (READ_ONCE(sa->used) != jiffies)
		WRITE_ONCE(sa->used, jiffies);

	if (unlikely(is_over(b, l->hard_bytes) || is_over(p, l->hard_packets)))
		expire_hard(sa);
	else if (unlikely(is_over(b, l->soft_bytes) || is_over(p, l->soft_packets)))
		expire_soft(sa);
	return true;
}

static void check_seconds(struct nfipsec_sa *sa)
{
	u64 age = (jiffies - sa->born) / HZ;

	if (is_over(age, sa->limits.hard_seconds))
		expire_hard(sa);
	else if (is_over(age, sa->limits.soft_seconds))
		expire_soft(sa);
}

/* The flag of a pending work item is what keeps it from running twice over. */
void nfipsec_lifetime_start(struct nfipsec_net *nn)
{
	queue_delayed_work(nfipsec_wq, &nn->lifetime, LIFETIME_INTERVAL);
}

/*
 * Who makes the first SA or holds the first packet starts it, after publishing
 * that; so to look whether to go on is safe here, where it is no longer pending.
 */
static void lifetime_work(struct work_struct *work)
{
	struct nfipsec_net *nn = container_of(to_delayed_work(work), struct nfipsec_net, lifetime);
	struct nfipsec_tunnel *tunnel;
	struct nfipsec_sa *sa;
	bool more;

	rcu_read_lock();
	list_for_each_entry_rcu(sa, &nn->sas, link)
		check_seconds(sa);
	more = READ_ONCE(nn->sa_count);
	list_for_each_entry_rcu(tunnel, &nn->tunnels, link)
		more |= nfipsec_acquire_age(tunnel);
	rcu_read_unlock();
	more |= nfipsec_await_age(nn);
	if (more)
		nfipsec_lifetime_start(nn);
}

void nfipsec_lifetime_init_net(struct nfipsec_net *nn)
{
	INIT_DELAYED_WORK(&nn->lifetime, lifetime_work);
}

/* after the policy and the SAs are gone: nobody starts it again */
void nfipsec_lifetime_exit_net(struct nfipsec_net *nn)
{
	cancel_delayed_work_sync(&nn->lifetime);
}
