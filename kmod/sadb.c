// SPDX-License-Identifier: GPL-2.0
/* The indexes of SAs: by SPI, outbound ones by tunnel too, all in one list. */
#include <linux/jhash.h>
#include <linux/netlink.h>
#include <linux/rculist.h>

#include "sa.h"
#include "trace.h"

/* SPIs are random where IKE chose them; by hand they may be 0x1000, 0x2000 ... */
static u32 spi_key(__be32 spi)
{
	return jhash_1word((__force u32)spi, 0);
}

static bool addr_equal(u8 family, const union nfipsec_addr *a, const union nfipsec_addr *b)
{
	return family == AF_INET ? a->ip == b->ip : ipv6_addr_equal(&a->ip6, &b->ip6);
}

/**
 * nfipsec_sadb_find_in - the SA of an arriving packet
 * @nn: the namespace
 * @proto: IPPROTO_ESP
 * @spi: from its header
 * @family: of @local
 * @local: its destination
 *
 * RFC 4301 4.1: SPI and protocol, then the destination. RCU read side.
 */
struct nfipsec_sa *nfipsec_sadb_find_in(struct nfipsec_net *nn, u8 proto, __be32 spi, u8 family,
					const union nfipsec_addr *local)
{
	return nfipsec_sadb_find(nn, NFIPSEC_DIR_IN, proto, spi, family, local);
}

/**
 * nfipsec_sadb_find_out - the newest SA of a tunnel that may carry a packet
 * @tunnel: the tunnel
 * @pkt: the packet
 *
 * RCU read side.
 */
struct nfipsec_sa *nfipsec_sadb_find_out(struct nfipsec_tunnel *tunnel,
					 const struct nfipsec_pkt *pkt)
{
	struct nfipsec_sa *sa;

	list_for_each_entry_rcu(sa, &tunnel->sas_out, tunnel_link) {
		if (nfipsec_sa_match(sa, pkt))
			return sa;
	}
	return NULL;
}

/**
 * nfipsec_sadb_find - one SA, by what names it
 * @nn: the namespace
 * @dir: direction
 * @proto: IPPROTO_ESP
 * @spi: its SPI
 * @family: of @addr
 * @addr: local address of an inbound SA, remote address of an outbound one
 *
 * RCU read side.
 */
struct nfipsec_sa *nfipsec_sadb_find(struct nfipsec_net *nn, u8 dir, u8 proto, __be32 spi,
				     u8 family, const union nfipsec_addr *addr)
{
	struct nfipsec_sa *sa;

	hash_for_each_possible_rcu(nn->sa_by_spi, sa, hash, spi_key(spi)) {
		if (sa->spi == spi && sa->dir == dir && sa->proto == proto &&
		    sa->family == family &&
		    addr_equal(family, dir == NFIPSEC_DIR_IN ? &sa->local : &sa->remote, addr))
			return sa;
	}
	return NULL;
}

/* RFC 4301 4.1: the receiver chose an SPI that is unique for it; out, (SPI, destination) is */
static bool taken(const struct nfipsec_sa *sa)
{
	lockdep_assert_held(&sa->nn->sa_lock);
	return nfipsec_sadb_find(sa->nn, sa->dir, sa->proto, sa->spi, sa->family,
				 sa->dir == NFIPSEC_DIR_IN ? &sa->local : &sa->remote);
}

static void count(const struct nfipsec_sa *sa, int by)
{
	struct nfipsec_net *nn = sa->nn;

	lockdep_assert_held(&nn->sa_lock);
	WRITE_ONCE(nn->sa_count, nn->sa_count + by);
	if (sa->dir == NFIPSEC_DIR_IN && sa->encap_local_port)
		WRITE_ONCE(nn->encap_count, nn->encap_count + by);
}

/**
 * nfipsec_sadb_insert - publish an SA
 * @sa: complete; the indexes take a reference of their own
 * @extack: for the refusal
 *
 * nfipsec_net.config is held, so that the tunnel does not retire meanwhile.
 * Return: 0, or -EEXIST for an SPI in use.
 */
int nfipsec_sadb_insert(struct nfipsec_sa *sa, struct netlink_ext_ack *extack)
{
	struct nfipsec_net *nn = sa->nn;
	int err = 0;

	lockdep_assert_held(&nn->config);
	spin_lock_bh(&nn->sa_lock);
	rcu_read_lock();
	if (taken(sa)) {
		NL_SET_ERR_MSG(extack, "an SA with this SPI and address exists");
		err = -EEXIST;
		goto out;
	}
	refcount_inc(&sa->ref);
	hash_add_rcu(nn->sa_by_spi, &sa->hash, spi_key(sa->spi));
	if (sa->dir == NFIPSEC_DIR_OUT)
		list_add_rcu(&sa->tunnel_link, &sa->tunnel->sas_out);
	list_add_tail_rcu(&sa->link, &nn->sas);
	count(sa, 1);
	WRITE_ONCE(nn->generation, nn->generation + 1);
	trace_nfipsec_sa_add(sa);
	nfipsec_lifetime_start(nn);
out:
	rcu_read_unlock();
	spin_unlock_bh(&nn->sa_lock);
	return err;
}

/**
 * nfipsec_sadb_kill - unpublish an SA
 * @sa: an SA the caller holds or found under RCU
 *
 * Return: true for the one caller that did it. Packets that found it before go
 * on until they leave their RCU section.
 */
bool nfipsec_sadb_kill(struct nfipsec_sa *sa)
{
	struct nfipsec_net *nn = sa->nn;
	bool mine;

	spin_lock_bh(&nn->sa_lock);
	mine = !test_and_set_bit(NFIPSEC_SA_DEAD, &sa->flags);
	if (mine) {
		hash_del_rcu(&sa->hash);
		if (sa->dir == NFIPSEC_DIR_OUT)
			list_del_rcu(&sa->tunnel_link);
		list_del_rcu(&sa->link);
		count(sa, -1);
		WRITE_ONCE(nn->generation, nn->generation + 1);
		trace_nfipsec_sa_kill(sa);
	}
	spin_unlock_bh(&nn->sa_lock);
	if (mine)
		nfipsec_sa_put(sa);
	return mine;
}

/**
 * nfipsec_sadb_flush - unpublish many
 * @nn: the namespace
 * @tunnel: those of this tunnel, or NULL for all
 *
 * Return: how many.
 */
unsigned int nfipsec_sadb_flush(struct nfipsec_net *nn, const struct nfipsec_tunnel *tunnel)
{
	struct nfipsec_sa *sa;
	unsigned int n = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(sa, &nn->sas, link) {
		if ((!tunnel || sa->tunnel == tunnel) && nfipsec_sadb_kill(sa))
			n++;
	}
	rcu_read_unlock();
	return n;
}
