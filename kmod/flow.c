// SPDX-License-Identifier: GPL-2.0
/*
 * Flow tables of nftables, whose packets pass no hook that judges them.
 *
 * A rule "flow add" in FORWARD puts a connection into a table. From then on the packets
 * of both directions go from the ingress of one device to the other device: they pass
 * neither PRE_ROUTING nor FORWARD nor POST_ROUTING. So a connection that an access list
 * protects or discards, in either direction, must never be in a table.
 *
 * The kernel puts no connection into a table that has IPS_NAT_CLASH. The bit says that a
 * connection shares its tuple with another one. Its one other effect is that conntrack never
 * calls such a connection ASSURED if it is UDP or GRE, so we do that instead.
 */
#include <linux/if_arp.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/workqueue.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>

#include "path.h"

#if IS_ENABLED(CONFIG_NF_CONNTRACK)

/* @pkt gets the ends of @tuple, or of the answer to it. ICMP has neither ports nor ends of them. */
static void set_ends(struct nfipsec_pkt *pkt, const struct nf_conntrack_tuple *tuple, bool answer)
{
	const union nf_inet_addr *src = answer ? &tuple->dst.u3 : &tuple->src.u3;
	const union nf_inet_addr *dst = answer ? &tuple->src.u3 : &tuple->dst.u3;

	if (pkt->family == AF_INET) {
		pkt->saddr.ip = src->ip;
		pkt->daddr.ip = dst->ip;
	} else {
		pkt->saddr.ip6 = src->in6;
		pkt->daddr.ip6 = dst->in6;
	}
	if (pkt->ports && nfipsec_pkt_ports_len(pkt->h.proto) == 4) {
		pkt->sport = answer ? tuple->dst.u.all : tuple->src.u.all;
		pkt->dport = answer ? tuple->src.u.all : tuple->dst.u.all;
	}
}

/*
 * The tuple of the packet's direction, which has the ends that the packet had on the wire. NULL
 * without NAT, or if the tuple is of another packet than @quoted says.
 */
static const struct nf_conntrack_tuple *translated_tuple(const struct sk_buff *skb, bool quoted)
{
	enum ip_conntrack_info info;
	const struct nf_conn *ct = nf_ct_get(skb, &info);

	if (likely(!ct || !(READ_ONCE(ct->status) & IPS_NAT_MASK)) ||
	    quoted != (info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY))
		return NULL;
	return nf_ct_tuple(ct, CTINFO2DIR(info));
}

/**
 * nfipsec_flow_untranslate - give the packet that an ICMP error quotes its ends on the wire
 * @skb: the error. It has the conntrack entry of the packet that it quotes, and goes in the
 *	other direction.
 * @quoted: the packet that it quotes
 *
 * Without NAT nothing changes. RCU read side.
 */
void nfipsec_flow_untranslate(const struct sk_buff *skb, struct nfipsec_pkt *quoted)
{
	const struct nf_conntrack_tuple *wire = translated_tuple(skb, true);

	if (unlikely(wire) && wire->dst.protonum == quoted->h.proto)
		set_ends(quoted, wire, true);
}

/**
 * nfipsec_flow_answer - make the packet that would answer a packet on the wire
 * @skb: the packet, whose ends conntrack may have translated since
 * @pkt: the same
 * @answer: set, with the ends that @skb had before NAT
 *
 * RCU read side.
 */
void nfipsec_flow_answer(const struct sk_buff *skb, const struct nfipsec_pkt *pkt,
			 struct nfipsec_pkt *answer)
{
	const struct nf_conntrack_tuple *wire = translated_tuple(skb, false);

	nfipsec_pkt_mirror(pkt, answer);
	if (unlikely(wire) && wire->dst.protonum == pkt->h.proto)
		set_ends(answer, wire, true);
}

/*
 * The kernel has flow tables. Without them FORWARD need not judge connections: two look-ups for
 * each packet. Never cleared, as a rule may keep the tables in use.
 */
static DEFINE_STATIC_KEY_FALSE(has_flow_tables);

/*
 * Does an access list protect or discard the packets that are the answer to @tuple? Once a
 * connection is confirmed, its NAT is settled, and a packet that arrives as tuple T of one
 * direction leaves as the answer to the tuple of the other direction. So the answers to
 * both tuples are all that the connection has on the wire, and inbound packets are
 * judged mirrored.
 */
static bool answer_is_listed(const struct nfipsec_policy *policy,
			     const struct nf_conntrack_tuple *tuple)
{
	const struct nfipsec_entry *entry;
	struct nfipsec_pkt pkt = {
		.family = tuple->src.l3num,
		.h.proto = tuple->dst.protonum,
		/* only these and GRE can be in a flow table */
		.ports = tuple->dst.protonum == IPPROTO_TCP || tuple->dst.protonum == IPPROTO_UDP,
	};

	set_ends(&pkt, tuple, true);
	entry = nfipsec_classify(policy, &pkt);
	return entry && entry->action != NFIPSEC_ACTION_BYPASS;
}

static bool is_listed(const struct nfipsec_policy *policy, const struct nf_conn *ct)
{
	return answer_is_listed(policy, &ct->tuplehash[IP_CT_DIR_ORIGINAL].tuple) ||
	       answer_is_listed(policy, &ct->tuplehash[IP_CT_DIR_REPLY].tuple);
}

/*
 * In newer kernels a flow table encapsulates and decapsulates the packets of these devices
 * itself, so that the outer packets pass no hook either.
 */
static bool is_tunnel(const struct net_device *dev)
{
	return dev->type == ARPHRD_TUNNEL || dev->type == ARPHRD_TUNNEL6;
}

/* What conntrack does for UDP and GRE, and leaves undone with IPS_NAT_CLASH. */
static void set_assured(struct nf_conn *ct)
{
	if (!test_bit(IPS_SEEN_REPLY_BIT, &ct->status) || test_bit(IPS_ASSURED_BIT, &ct->status))
		return;
	if (nf_ct_protonum(ct) == IPPROTO_GRE ||
	    (nf_ct_protonum(ct) == IPPROTO_UDP && time_after(jiffies, ct->proto.udp.stream_ts)))
		set_bit(IPS_ASSURED_BIT, &ct->status);
}

/**
 * nfipsec_flow_forward - keep a connection out of the flow tables
 * @nn: the namespace
 * @skb: a forwarded packet, before any rule that could add its connection
 * @state: of the hook, FORWARD
 *
 * A connection that is in a table already, by a rule in front of this, is removed from
 * conntrack, which ends it in the table as well. RCU read side.
 */
void nfipsec_flow_forward(struct nfipsec_net *nn, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	const struct nfipsec_policy *policy = rcu_dereference(nn->policy);
	enum ip_conntrack_info info;
	struct nf_conn *ct;

	if (!static_branch_unlikely(&has_flow_tables) || !policy->n_entries)
		return;
	ct = nf_ct_get(skb, &info);
	/* the kernel adds none before it is confirmed, and its NAT may be yet to come */
	if (!ct || !nf_ct_is_confirmed(ct))
		return;
	if (!test_bit(IPS_NAT_CLASH_BIT, &ct->status)) {
		if (state->in != nn->dev && state->out != nn->dev && !is_tunnel(state->in) &&
		    !is_tunnel(state->out) && !is_listed(policy, ct))
			return;
		set_bit(IPS_NAT_CLASH_BIT, &ct->status);
	}
	set_assured(ct);
	if (unlikely(test_bit(IPS_OFFLOAD_BIT, &ct->status)))
		nf_ct_kill(ct);
}

/* Return: 1 to remove the connection from conntrack, and so from its flow table. */
static int keep_out(struct nf_conn *ct, void *data)
{
	if (!is_listed(data, ct))
		return 0;
	set_bit(IPS_NAT_CLASH_BIT, &ct->status);
	return test_bit(IPS_OFFLOAD_BIT, &ct->status);
}

/**
 * nfipsec_flow_policy - a new policy came into force
 * @nn: the namespace; nfipsec_net.config is held
 *
 * Connections that are in a flow table, and that the new policy protects or discards, are
 * removed from conntrack, and so from the table: the next packet makes a new one. Packets
 * in FORWARD that were judged by the old policy are waited for. A packet that waits in a
 * queue to user space was judged, too, so connections outside of the tables are
 * kept out as well. Sleeps.
 */
void nfipsec_flow_policy(struct nfipsec_net *nn)
{
	struct nfipsec_policy *policy;
	struct nf_ct_iter_data iter = { .net = nn->net };

	policy = rcu_dereference_protected(nn->policy, lockdep_is_held(&nn->config));
	/* Without flow tables no connection was set assured, so keep_out() must wait. */
	if (!static_key_enabled(&has_flow_tables) || !policy->n_entries)
		return;
	synchronize_rcu();
	iter.data = policy;
	nf_ct_iterate_cleanup_net(keep_out, &iter);
}

/* What passed FORWARD before has not been judged: it may wait in a queue to user space. */
static void flow_tables_work(struct work_struct *work)
{
	nfipsec_netns_for_each(nfipsec_flow_policy);
}

static DECLARE_WORK(new_flow_tables, flow_tables_work);

/*
 * The kernel loads nf_flow_table. No rule uses it before it is live, so that packets are judged
 * from here on. The rest waits for nfipsec_net.config, whose owner may wait for another module:
 * that is no wait for a notifier. Process context.
 */
static int module_changed(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *module = data;

	if ((state == MODULE_STATE_COMING || state == MODULE_STATE_LIVE) &&
	    !strcmp(module->name, "nf_flow_table") && !static_key_enabled(&has_flow_tables)) {
		static_branch_enable(&has_flow_tables);
		queue_work(nfipsec_wq, &new_flow_tables);
	}
	return NOTIFY_DONE;
}

static struct notifier_block module_nb = { .notifier_call = module_changed };

/* Checks whether nf_flow_table is built in, or a module that is loaded already. */
static bool flow_tables_loaded(void)
{
	if (IS_BUILTIN(CONFIG_NF_FLOW_TABLE))
		return true;
	if (!__symbol_get("flow_offload_add"))
		return false;
	__symbol_put("flow_offload_add");
	return true;
}

/**
 * nfipsec_flow_init - learn whether the kernel has flow tables, now and later
 *
 * The notifier comes first: a module that is loaded meanwhile is seen by one of the two. Process
 * context, before the first policy.
 *
 * Return: 0 or an errno.
 */
int __init nfipsec_flow_init(void)
{
	int err = register_module_notifier(&module_nb);

	if (!err && flow_tables_loaded())
		static_branch_enable(&has_flow_tables);
	return err;
}

/* Process context. */
void nfipsec_flow_exit(void)
{
	unregister_module_notifier(&module_nb);
	cancel_work_sync(&new_flow_tables);
}

#else

void nfipsec_flow_untranslate(const struct sk_buff *skb, struct nfipsec_pkt *quoted)
{
}

void nfipsec_flow_answer(const struct sk_buff *skb, const struct nfipsec_pkt *pkt,
			 struct nfipsec_pkt *answer)
{
	nfipsec_pkt_mirror(pkt, answer);
}

void nfipsec_flow_forward(struct nfipsec_net *nn, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
}

void nfipsec_flow_policy(struct nfipsec_net *nn)
{
}

int __init nfipsec_flow_init(void)
{
	return 0;
}

void nfipsec_flow_exit(void)
{
}

#endif
