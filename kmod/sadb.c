// SPDX-License-Identifier: GPL-2.0
/* The indexes of SAs: by SPI, outbound ones by tunnel too, all in one list. */
#include <linux/netlink.h>
#include <linux/rculist.h>

#include "sa.h"
#include "trace.h"

/* its ends may change: RCU read side, or sa_lock */
static bool has_id(const struct nfipsec_sa *sa, const struct nfipsec_sa_id *id)
{
	const struct nfipsec_endpoints *ends = nfipsec_sa_ends(sa);

	return sa->spi == id->spi && sa->dir == id->dir && sa->proto == id->proto &&
	       sa->family == id->family &&
	       nfipsec_addr_equal(id->family,
				  id->dir == NFIPSEC_DIR_IN ? &ends->local : &ends->remote,
				  &id->addr);
}

/*
 * A gateway of ten thousand road warriors has an SA to each in one tunnel, and each
 * packet of theirs would be compared with all of them.
 */
static const struct rhashtable_params host_params = {
	.key_len = offsetofend(struct nfipsec_sa_host, tunnel),
	.key_offset = offsetof(struct nfipsec_sa, host),
	.head_offset = offsetof(struct nfipsec_sa, host_link),
	.automatic_shrinking = true,
};

/**
 * nfipsec_sadb_init_net - empty indexes
 * @nn: the namespace
 *
 * Return: 0, or -ENOMEM.
 */
int nfipsec_sadb_init_net(struct nfipsec_net *nn)
{
	hash_init(nn->sa_by_spi);
	return rhltable_init(&nn->sa_to_host, &host_params);
}

/**
 * nfipsec_sadb_exit_net - the indexes go
 * @nn: the namespace, without an SA
 */
void nfipsec_sadb_exit_net(struct nfipsec_net *nn)
{
	rhltable_destroy(&nn->sa_to_host);
}

/**
 * nfipsec_sadb_find - one SA, by what names it
 * @nn: the namespace
 * @id: its name
 *
 * RCU read side.
 *
 * Return: the SA, or NULL if there is none.
 */
struct nfipsec_sa *nfipsec_sadb_find(struct nfipsec_net *nn, const struct nfipsec_sa_id *id)
{
	struct nfipsec_sa *sa;

	hash_for_each_possible_rcu(nn->sa_by_spi, sa, hash, nfipsec_spi_key(id->spi)) {
		if (has_id(sa, id))
			return sa;
	}
	return NULL;
}

/**
 * nfipsec_sa_id_in - makes the ID of the SA of an inbound packet
 * @id: set
 * @skb: the packet; its network header is the outer IP header
 * @proto: IPPROTO_ESP or IPPROTO_AH
 * @spi: from its header
 */
void nfipsec_sa_id_in(struct nfipsec_sa_id *id, const struct sk_buff *skb, u8 proto, __be32 spi)
{
	*id = (struct nfipsec_sa_id){ .dir = NFIPSEC_DIR_IN, .proto = proto, .spi = spi };
	if (ip_hdr(skb)->version == 4) {
		id->family = AF_INET;
		id->addr.ip = ip_hdr(skb)->daddr;
	} else {
		id->family = AF_INET6;
		id->addr.ip6 = ipv6_hdr(skb)->daddr;
	}
}

/**
 * nfipsec_sadb_find_in - the SA of an arriving packet
 * @nn: the namespace
 * @skb: the packet; its network header is the outer IP header
 * @proto: IPPROTO_ESP or IPPROTO_AH
 * @spi: from its header
 *
 * RFC 4301 4.1: SPI and protocol, then the destination. RCU read side.
 *
 * Return: the SA, or NULL if there is none.
 */
struct nfipsec_sa *nfipsec_sadb_find_in(struct nfipsec_net *nn, const struct sk_buff *skb,
					u8 proto, __be32 spi)
{
	struct nfipsec_sa_id id;

	nfipsec_sa_id_in(&id, skb, proto, spi);
	return nfipsec_sadb_find(nn, &id);
}

/* @proto 0: either */
static struct nfipsec_sa *newest_sa(const struct nfipsec_tunnel *tunnel, u8 proto)
{
	struct nfipsec_sa *sa;

	list_for_each_entry_rcu(sa, &tunnel->sas_out, tunnel_link) {
		if (!proto || sa->proto == proto)
			return sa;
	}
	return NULL;
}

static bool sa_carries(const struct nfipsec_sa *sa, const struct nfipsec_pkt *pkt, u8 proto)
{
	return (!proto || sa->proto == proto) && nfipsec_sa_match(sa, pkt);
}

/* of those whose packets all go where this one does */
static struct nfipsec_sa *newest_to_host(const struct nfipsec_tunnel *tunnel,
					 const struct nfipsec_pkt *pkt, u8 proto)
{
	struct nfipsec_sa_host host = {
		.daddr = nfipsec_addr_num(pkt->family, &pkt->daddr),
		.tunnel = tunnel,
	};
	struct nfipsec_sa *sa, *found = NULL;
	struct rhlist_head *list, *link;

	list = rhltable_lookup(&tunnel->nn->sa_to_host, &host, host_params);
	rhl_for_each_entry_rcu(sa, link, list, host_link) {
		if (sa_carries(sa, pkt, proto) && (!found || sa->number > found->number))
			found = sa;
	}
	return found;
}

/* the newest that may carry the packet */
static struct nfipsec_sa *newest_for(const struct nfipsec_tunnel *tunnel,
				     const struct nfipsec_pkt *pkt, u8 proto)
{
	struct nfipsec_sa *sa = newest_sa(tunnel, proto), *to_host;

	/* most tunnels have no other */
	if (!sa || nfipsec_sa_match(sa, pkt))
		return sa;
	to_host = newest_to_host(tunnel, pkt, proto);
	list_for_each_entry_rcu(sa, &tunnel->sas_inexact, inexact_link) {
		if (sa_carries(sa, pkt, proto))
			return to_host && to_host->number > sa->number ? to_host : sa;
	}
	return to_host;
}

/**
 * nfipsec_sadb_find_out - what carries a packet of a tunnel
 * @tunnel: the tunnel
 * @pkt: the packet; NULL for the newest SA, whatever it may carry
 * @bundle: filled with the newest SA that may
 *
 * RCU read side.
 *
 * Return: false when there is none, or half of a bundle.
 */
bool nfipsec_sadb_find_out(const struct nfipsec_tunnel *tunnel, const struct nfipsec_pkt *pkt,
			   struct nfipsec_bundle *bundle)
{
	u8 proto = tunnel->bundle ? IPPROTO_ESP : 0;

	bundle->sa = pkt ? newest_for(tunnel, pkt, proto) : newest_sa(tunnel, proto);
	/* of a bundle's AH the packet is ESP, which ESP's selectors have let pass */
	bundle->ah = tunnel->bundle ? newest_sa(tunnel, IPPROTO_AH) : NULL;
	return bundle->sa && (bundle->ah || !tunnel->bundle);
}

/* RFC 4301 4.1: the receiver chose an SPI that is unique for it; out, (SPI, destination) is */
static bool is_address_pair_taken(const struct nfipsec_sa *sa, const struct nfipsec_endpoints *ends)
{
	struct nfipsec_sa_id id = {
		.dir = sa->dir,
		.proto = sa->proto,
		.family = sa->family,
		.spi = sa->spi,
		.addr = sa->dir == NFIPSEC_DIR_IN ? ends->local : ends->remote,
	};
	const struct nfipsec_sa *other;

	lockdep_assert_held(&sa->nn->sa_lock);
	other = nfipsec_sadb_find(sa->nn, &id);
	return other && other != sa;
}

static void count_out_sas(const struct nfipsec_sa *sa, int by)
{
	struct nfipsec_net *nn = sa->nn;

	lockdep_assert_held(&nn->sa_lock);
	WRITE_ONCE(nn->sa_count, nn->sa_count + by);
	if (sa->dir == NFIPSEC_DIR_IN && sa->encap)
		WRITE_ONCE(nn->encap_count, nn->encap_count + by);
}

/* do all packets of an SA have one destination? */
static bool to_one_host(const struct nfipsec_sa *sa)
{
	const struct nfipsec_sel *sel = sa->sels;

	return sa->n_sels == 1 && sel->daddr_min.high == sel->daddr_max.high &&
	       sel->daddr_min.low == sel->daddr_max.low;
}

/* where the packets of its tunnel find it */
static void insert_out(struct nfipsec_sa *sa)
{
	struct nfipsec_net *nn = sa->nn;

	list_add_rcu(&sa->tunnel_link, &sa->tunnel->sas_out);
	if (to_one_host(sa)) {
		sa->host.tunnel = sa->tunnel;
		sa->host.daddr = sa->sels->daddr_min;
		if (!rhltable_insert(&nn->sa_to_host, &sa->host_link, host_params))
			return;
		/* no memory for it: found like the others, if not as soon */
		sa->host.tunnel = NULL;
	}
	list_add_rcu(&sa->inexact_link, &sa->tunnel->sas_inexact);
}

static void remove_out(struct nfipsec_sa *sa)
{
	list_del_rcu(&sa->tunnel_link);
	if (sa->host.tunnel)
		rhltable_remove(&sa->nn->sa_to_host, &sa->host_link, host_params);
	else
		list_del_rcu(&sa->inexact_link);
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
	if (is_address_pair_taken(sa, nfipsec_sa_ends(sa))) {
		NL_SET_ERR_MSG(extack, "an SA with this SPI and address exists");
		err = -EEXIST;
		goto out;
	}
	refcount_inc(&sa->ref);
	hash_add_rcu(nn->sa_by_spi, &sa->hash, nfipsec_spi_key(sa->spi));
	sa->number = ++nn->sas_made;
	if (sa->dir == NFIPSEC_DIR_OUT)
		insert_out(sa);
	list_add_tail_rcu(&sa->link, &nn->sas);
	count_out_sas(sa, 1);
	WRITE_ONCE(nn->generation, nn->generation + 1);
	trace_nfipsec_sa_add(sa);
	nfipsec_lifetime_start(nn);
out:
	rcu_read_unlock();
	spin_unlock_bh(&nn->sa_lock);
	return err;
}

/* when no packet looks at them any more */
static void ends_free_rcu(struct rcu_head *rcu)
{
	nfipsec_endpoints_free(container_of(rcu, struct nfipsec_endpoints, rcu));
}

/**
 * nfipsec_sadb_move - other ends for an SA
 * @sa: an SA the caller found under RCU
 * @ends: of the SA's family; taken on success
 * @extack: for the refusal
 *
 * Return: 0; -ENOENT when the SA is dead, -EEXIST when its name would be taken.
 */
int nfipsec_sadb_move(struct nfipsec_sa *sa, struct nfipsec_endpoints *ends,
		      struct netlink_ext_ack *extack)
{
	struct nfipsec_net *nn = sa->nn;
	struct nfipsec_endpoints *old;
	int err = 0;

	spin_lock_bh(&nn->sa_lock);
	if (test_bit(NFIPSEC_SA_DEAD, &sa->flags)) {
		err = -ENOENT;
	} else if (is_address_pair_taken(sa, ends)) {
		NL_SET_ERR_MSG(extack, "an SA with this SPI and address exists");
		err = -EEXIST;
	} else {
		old = rcu_replace_pointer(sa->ends, ends, lockdep_is_held(&nn->sa_lock));
		call_rcu(&old->rcu, ends_free_rcu);
		WRITE_ONCE(nn->generation, nn->generation + 1);
	}
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
			remove_out(sa);
		list_del_rcu(&sa->link);
		count_out_sas(sa, -1);
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
