// SPDX-License-Identifier: GPL-2.0
/* Access lists and tunnels over netlink; ACQUIRE; explain. */
#include <linux/slab.h>
#include <net/inet_ecn.h>
#include <net/ip.h>

#include "netlink.h"
#include "path.h"

const struct nla_policy nfipsec_nl_tunnel_policy[NFIPSEC_A_TUNNEL_MAX + 1] = {
	[NFIPSEC_A_TUNNEL_NAME]		= NFIPSEC_NL_NAME,
	[NFIPSEC_A_TUNNEL_LOCAL]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_TUNNEL_REMOTE]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_TUNNEL_MODE]		= NLA_POLICY_RANGE(NLA_U8, NFIPSEC_MODE_TUNNEL,
							   NFIPSEC_MODE_TRANSPORT),
	[NFIPSEC_A_TUNNEL_MTU]		= NLA_POLICY_MIN(NLA_U32, IPV4_MIN_MTU),
	[NFIPSEC_A_TUNNEL_DF]		= NLA_POLICY_RANGE(NLA_U8, NFIPSEC_DF_COPY,
							   NFIPSEC_DF_CLEAR),
	[NFIPSEC_A_TUNNEL_DSCP]		= NLA_POLICY_RANGE(NLA_U8, 0, 63),
	[NFIPSEC_A_TUNNEL_BUNDLE]	= { .type = NLA_FLAG },
	[NFIPSEC_A_TUNNEL_TFC]		= { .type = NLA_U32 },
	[NFIPSEC_A_TUNNEL_MARK]		= { .type = NLA_U32 },
	[NFIPSEC_A_TUNNEL_VRF]		= { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1 },
};

const struct nla_policy nfipsec_nl_entry_policy[NFIPSEC_A_ENTRY_MAX + 1] = {
	[NFIPSEC_A_ENTRY_LIST]		= NFIPSEC_NL_NAME,
	[NFIPSEC_A_ENTRY_NUMBER]	= { .type = NLA_U32 },
	[NFIPSEC_A_ENTRY_ACTION]	= NLA_POLICY_RANGE(NLA_U8, NFIPSEC_ACTION_BYPASS,
							   NFIPSEC_ACTION_DISCARD),
	[NFIPSEC_A_ENTRY_TUNNEL]	= NFIPSEC_NL_NAME,
	[NFIPSEC_A_ENTRY_SELECTOR]	= NLA_POLICY_NESTED(nfipsec_nl_sel_policy),
	[NFIPSEC_A_ENTRY_STANDBY]	= { .type = NLA_FLAG },
};

const struct nla_policy nfipsec_nl_flow_policy[NFIPSEC_A_FLOW_MAX + 1] = {
	[NFIPSEC_A_FLOW_DIR]		= NLA_POLICY_RANGE(NLA_U8, NFIPSEC_DIR_IN,
							   NFIPSEC_DIR_OUT),
	[NFIPSEC_A_FLOW_PROTO]		= { .type = NLA_U8 },
	[NFIPSEC_A_FLOW_SADDR]		= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_FLOW_DADDR]		= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_FLOW_SPORT]		= { .type = NLA_U16 },
	[NFIPSEC_A_FLOW_DPORT]		= { .type = NLA_U16 },
};

/* ---- replace ---- */

/* a policy on its way in; nfipsec_net.config is held throughout */
struct transaction {
	struct nfipsec_net	*nn;
	struct netlink_ext_ack	*extack;
	struct nfipsec_tunnel	**tunnels;	/* a reference each */
	struct nfipsec_tunnel_set *sets;	/* what each is to get with the commit */
	unsigned int		n_tunnels;
	struct nfipsec_policy	*policy;
};

/* all that a tunnel keeps while it is published */
static bool is_same_tunnel(const struct nfipsec_tunnel *a, const struct nfipsec_tunnel *b)
{
	return a->mode == b->mode && a->bundle == b->bundle && a->mark == b->mark &&
	       !strcmp(a->vrf, b->vrf) && a->family == b->family &&
	       a->has_local == b->has_local && a->has_remote == b->has_remote &&
	       nfipsec_addr_equal(a->family, &a->local, &b->local) &&
	       nfipsec_addr_equal(a->family, &a->remote, &b->remote);
}

static int no_memory(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "no memory for this policy");
	return -ENOMEM;
}

static int get_end(const struct nlattr *attr, u8 *family, bool *has, union nfipsec_addr *addr,
		   struct netlink_ext_ack *extack)
{
	*has = attr;
	return attr ? nfipsec_nl_get_addr(attr, family, addr, extack) : 0;
}

/* Attributes that are constant while the tunnel is published. */
static int get_constants(struct nlattr **tb, struct nfipsec_tunnel *tunnel,
			 struct netlink_ext_ack *extack)
{
	int err;

	tunnel->mode = nla_get_u8(tb[NFIPSEC_A_TUNNEL_MODE]);
	tunnel->bundle = nla_get_flag(tb[NFIPSEC_A_TUNNEL_BUNDLE]);
	if (tb[NFIPSEC_A_TUNNEL_MARK])
		tunnel->mark = nla_get_u32(tb[NFIPSEC_A_TUNNEL_MARK]);
	if (tb[NFIPSEC_A_TUNNEL_VRF])
		nla_strscpy(tunnel->vrf, tb[NFIPSEC_A_TUNNEL_VRF], sizeof(tunnel->vrf));
	err = get_end(tb[NFIPSEC_A_TUNNEL_LOCAL], &tunnel->family, &tunnel->has_local,
		      &tunnel->local, extack);
	if (err)
		return err;
	return get_end(tb[NFIPSEC_A_TUNNEL_REMOTE], &tunnel->family, &tunnel->has_remote,
		       &tunnel->remote, extack);
}

static struct nfipsec_tunnel *transaction_find(const struct transaction *t, const char *name)
{
	unsigned int i;

	for (i = 0; i < t->n_tunnels; i++)
		if (!strcmp(t->tunnels[i]->name, name))
			return t->tunnels[i];
	return NULL;
}

static void get_set(struct nlattr **tb, struct nfipsec_tunnel_set *set)
{
	*set = (struct nfipsec_tunnel_set){ .df = NFIPSEC_DF_COPY, .tos_copied = 0xff };
	if (tb[NFIPSEC_A_TUNNEL_MTU])
		set->mtu = nla_get_u32(tb[NFIPSEC_A_TUNNEL_MTU]);
	if (tb[NFIPSEC_A_TUNNEL_DF])
		set->df = nla_get_u8(tb[NFIPSEC_A_TUNNEL_DF]);
	if (tb[NFIPSEC_A_TUNNEL_DSCP]) {
		set->tos = nla_get_u8(tb[NFIPSEC_A_TUNNEL_DSCP]) << 2;
		set->tos_copied = INET_ECN_MASK;
	}
	if (tb[NFIPSEC_A_TUNNEL_TFC])
		set->tfc = nla_get_u32(tb[NFIPSEC_A_TUNNEL_TFC]);
}

/* A tunnel that is as it was keeps its object, and so its SAs and held packets. */
static int add_tunnel(struct transaction *t, const struct nlattr *nest)
{
	struct nlattr *tb[NFIPSEC_A_TUNNEL_MAX + 1];
	struct nfipsec_tunnel *new, *old;
	char name[NFIPSEC_NAME_MAX + 1];
	int err;

	err = nla_parse_nested(tb, NFIPSEC_A_TUNNEL_MAX, nest, nfipsec_nl_tunnel_policy,
			       t->extack);
	if (err)
		return err;
	if (!tb[NFIPSEC_A_TUNNEL_NAME])
		return nfipsec_nl_missing(t->extack, nest, NFIPSEC_A_TUNNEL_NAME,
					  "a tunnel wants a name");
	if (!tb[NFIPSEC_A_TUNNEL_MODE])
		return nfipsec_nl_missing(t->extack, nest, NFIPSEC_A_TUNNEL_MODE,
					  "a tunnel wants a mode");
	err = nfipsec_nl_get_name(tb[NFIPSEC_A_TUNNEL_NAME], name, t->extack);
	if (err)
		return err;
	if (transaction_find(t, name)) {
		NFIPSEC_ERR_ATTR(t->extack, tb[NFIPSEC_A_TUNNEL_NAME],
				 "two tunnels of the same name", ": %.40s", name);
		return -EEXIST;
	}

	new = nfipsec_tunnel_create(t->nn, name, GFP_KERNEL_ACCOUNT);
	if (!new)
		return no_memory(t->extack);
	err = get_constants(tb, new, t->extack);
	/* IKE's own, large with certificates, come in fragments before there is any SA */
	if (!err && new->family != AF_INET)
		err = nfipsec_hook_defrag(t->nn, AF_INET6);
	if (err) {
		nfipsec_tunnel_put(new);
		return err;
	}

	old = nfipsec_tunnel_find(t->nn, new->name);
	if (old && is_same_tunnel(old, new) && nfipsec_tunnel_get(old)) {
		nfipsec_tunnel_put(new);
		new = old;
	}
	get_set(tb, &t->sets[t->n_tunnels]);
	t->tunnels[t->n_tunnels++] = new;
	return 0;
}

static unsigned int count_nested(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem;

	nla_for_each_nested(attr, nest, rem)
		n += nla_type(attr) == type;
	return n;
}

static int get_tunnel(struct transaction *t, struct nfipsec_entry *entry,
		      const struct nlattr *attr, const struct nlattr *action)
{
	struct nfipsec_tunnel *tunnel;

	if (entry->action != NFIPSEC_ACTION_PROTECT) {
		if (!attr)
			return 0;
		NL_SET_ERR_MSG_ATTR(t->extack, attr, "only a protect entry has a tunnel");
		return -EINVAL;
	}
	if (!attr) {
		NL_SET_ERR_MSG_ATTR(t->extack, action, "a protect entry wants a tunnel");
		return -EINVAL;
	}
	tunnel = transaction_find(t, nla_data(attr));
	if (!tunnel || !nfipsec_tunnel_get(tunnel))
		return nfipsec_nl_no_tunnel(t->extack, attr);
	entry->tunnel = tunnel;
	t->policy->n_protect++;
	return 0;
}

static bool same_num(struct nfipsec_num a, struct nfipsec_num b)
{
	return a.high == b.high && a.low == b.low;
}

static bool same_selector(const struct nfipsec_sel *a, const struct nfipsec_sel *b)
{
	return a->family == b->family && a->proto == b->proto && a->sport_min == b->sport_min &&
	       a->sport_max == b->sport_max && a->dport_min == b->dport_min &&
	       a->dport_max == b->dport_max && same_num(a->saddr_min, b->saddr_min) &&
	       same_num(a->saddr_max, b->saddr_max) && same_num(a->daddr_min, b->daddr_min) &&
	       same_num(a->daddr_max, b->daddr_max);
}

/* why @entry cannot be the next standby of @first; NULL if it can */
static const char *standby_fault(const struct nfipsec_entry *first,
				 const struct nfipsec_entry *entry)
{
	if (!first || first->action != NFIPSEC_ACTION_PROTECT ||
	    entry->action != NFIPSEC_ACTION_PROTECT)
		return "a standby is a protect entry behind the one that it stands by";
	if (!same_selector(&first->sel, &entry->sel))
		return "a standby has the selector of the entry before it";
	if (nfipsec_entry_of(first, entry->tunnel))
		return "a standby has a tunnel of its own";
	/* the hook chose the MTU, and whether the stack may fragment, by another tunnel's */
	if (first->tunnel->mode != NFIPSEC_MODE_TUNNEL ||
	    entry->tunnel->mode != NFIPSEC_MODE_TUNNEL)
		return "a standby is for tunnel mode";
	if (first->standbys == NFIPSEC_STANDBYS_MAX)
		return "an entry has at most 7 standbys";
	return NULL;
}

/* A standby joins the entry before it, or that whose standby that is. */
static int get_standby(struct transaction *t, struct nfipsec_entry *entry,
		       const struct nlattr *attr)
{
	struct nfipsec_entry *first = NULL;
	const char *fault;

	if (!attr)
		return 0;
	if (entry > t->policy->entries)
		first = entry - 1 - (entry - 1)->place;
	fault = standby_fault(first, entry);
	if (fault) {
		/* a text of this module, which stays while a request is answered */
		t->extack->_msg = fault;
		NL_SET_BAD_ATTR(t->extack, attr);
		return -EINVAL;
	}
	entry->place = ++first->standbys;
	t->policy->n_standbys++;
	return 0;
}

static int add_entry(struct transaction *t, struct nfipsec_entry *entry, const struct nlattr *nest)
{
	static const int needed[] = {
		NFIPSEC_A_ENTRY_LIST, NFIPSEC_A_ENTRY_NUMBER, NFIPSEC_A_ENTRY_ACTION,
		NFIPSEC_A_ENTRY_SELECTOR,
	};
	struct nlattr *tb[NFIPSEC_A_ENTRY_MAX + 1];
	unsigned int i;
	int err;

	err = nla_parse_nested(tb, NFIPSEC_A_ENTRY_MAX, nest, nfipsec_nl_entry_policy, t->extack);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!tb[needed[i]])
			return nfipsec_nl_missing(t->extack, nest, needed[i],
						  "an entry wants a list, a number, an action and a selector");
	/* the last of two would silently leave open what the first was to protect */
	if (count_nested(nest, NFIPSEC_A_ENTRY_SELECTOR) > 1) {
		NL_SET_ERR_MSG_ATTR(t->extack, nest, "an entry has one selector");
		return -EINVAL;
	}
	err = nfipsec_nl_get_name(tb[NFIPSEC_A_ENTRY_LIST], entry->list, t->extack);
	if (err)
		return err;
	entry->number = nla_get_u32(tb[NFIPSEC_A_ENTRY_NUMBER]);
	entry->action = nla_get_u8(tb[NFIPSEC_A_ENTRY_ACTION]);
	err = nfipsec_nl_get_sel(tb[NFIPSEC_A_ENTRY_SELECTOR], &entry->sel, t->extack);
	if (err)
		return err;
	err = nfipsec_hook_defrag(t->nn, entry->sel.family);
	if (err) {
		NL_SET_ERR_MSG(t->extack, "fragments cannot be reassembled");
		return err;
	}
	err = get_tunnel(t, entry, tb[NFIPSEC_A_ENTRY_TUNNEL], tb[NFIPSEC_A_ENTRY_ACTION]);
	return err ?: get_standby(t, entry, tb[NFIPSEC_A_ENTRY_STANDBY]);
}

/* Attributes that repeat: genl_info's table has only the last of each. */
static unsigned int count_attrs(struct genl_info *info, int type)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		n += nla_type(attr) == type;
	return n;
}

static int read_policy(struct transaction *t, struct genl_info *info)
{
	unsigned int n = 0;
	const struct nlattr *attr;
	int rem, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != NFIPSEC_A_TUNNEL)
			continue;
		err = add_tunnel(t, attr);
		if (err)
			return err;
	}
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != NFIPSEC_A_ENTRY)
			continue;
		err = add_entry(t, &t->policy->entries[n++], attr);
		if (err)
			return err;
	}
	return 0;
}

/* a tunnel that stays keeps its SAs, but not what is no longer set */
static void set_tunnels(struct transaction *t)
{
	bool tos = false;
	unsigned int i;

	for (i = 0; i < t->n_tunnels; i++) {
		struct nfipsec_tunnel_set *set = &t->tunnels[i]->set;
		bool mtu = set->mtu != t->sets[i].mtu;

		tos |= nfipsec_set_tos(set) != nfipsec_set_tos(&t->sets[i]);

		WRITE_ONCE(set->mtu, t->sets[i].mtu);
		WRITE_ONCE(set->df, t->sets[i].df);
		WRITE_ONCE(set->tos, t->sets[i].tos);
		WRITE_ONCE(set->tos_copied, t->sets[i].tos_copied);
		WRITE_ONCE(set->tfc, t->sets[i].tfc);
		if (mtu)
			nfipsec_mtu_update(t->tunnels[i]);
	}
	if (!tos)
		return;
	/* the cached outer routes were looked up with it; whoever looks up now reads the new one */
	synchronize_net();
	rt_genid_bump_all(t->nn->net);
}

static int transaction_alloc(struct transaction *t, struct genl_info *info)
{
	unsigned int n = count_attrs(info, NFIPSEC_A_TUNNEL) ?: 1;

	t->policy = nfipsec_policy_alloc(count_attrs(info, NFIPSEC_A_ENTRY), GFP_KERNEL_ACCOUNT);
	t->tunnels = kvcalloc(n, sizeof(*t->tunnels), GFP_KERNEL_ACCOUNT);
	t->sets = kvcalloc(n, sizeof(*t->sets), GFP_KERNEL_ACCOUNT);
	return t->policy && t->tunnels && t->sets ? 0 : no_memory(t->extack);
}

int nfipsec_nl_policy_set(struct sk_buff *skb, struct genl_info *info)
{
	struct transaction t = {
		.nn = nfipsec_net(genl_info_net(info)),
		.extack = info->extack,
	};
	unsigned int i;
	int err;

	err = transaction_alloc(&t, info);
	if (err)
		goto out;
	mutex_lock(&t.nn->config);
	err = read_policy(&t, info);
	if (!err)
		err = nfipsec_policy_commit(t.nn, t.policy, t.tunnels, t.n_tunnels, t.extack);
	if (!err)	/* the list of tunnels has them now, and keeps them while we lock it */
		set_tunnels(&t);
	/* also what a refused policy had begun with */
	if (nfipsec_policy_is_empty(t.nn))
		nfipsec_netns_lower(t.nn);
	mutex_unlock(&t.nn->config);
out:
	if (err) {
		for (i = 0; i < t.n_tunnels; i++)
			nfipsec_tunnel_put(t.tunnels[i]);
		if (t.policy)
			nfipsec_policy_free(t.policy);
	}
	kvfree(t.sets);
	kvfree(t.tunnels);
	return err;
}

/* ---- report ---- */

/* @active: of several entries for the same packets, it is the one that takes them */
static int put_entry(struct sk_buff *skb, const struct nfipsec_entry *entry, bool active)
{
	struct nlattr *nest = nla_nest_start(skb, NFIPSEC_A_ENTRY);
	u64 out = 0, in = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct nfipsec_entry_count *c = per_cpu_ptr(entry->count, cpu);

		out += READ_ONCE(c->out_packets);
		in += READ_ONCE(c->in_packets);
	}
	if (!nest ||
	    nla_put_string(skb, NFIPSEC_A_ENTRY_LIST, entry->list) ||
	    nla_put_u32(skb, NFIPSEC_A_ENTRY_NUMBER, entry->number) ||
	    nla_put_u8(skb, NFIPSEC_A_ENTRY_ACTION, entry->action) ||
	    (entry->tunnel &&
	     nla_put_string(skb, NFIPSEC_A_ENTRY_TUNNEL, entry->tunnel->name)) ||
	    nfipsec_nl_put_sel(skb, NFIPSEC_A_ENTRY_SELECTOR, &entry->sel) ||
	    nla_put_u64_64bit(skb, NFIPSEC_A_ENTRY_OUT_PACKETS, out, NFIPSEC_A_ENTRY_PAD) ||
	    nla_put_u64_64bit(skb, NFIPSEC_A_ENTRY_IN_PACKETS, in, NFIPSEC_A_ENTRY_PAD) ||
	    (entry->place && nla_put_flag(skb, NFIPSEC_A_ENTRY_STANDBY)) ||
	    (active && nla_put_flag(skb, NFIPSEC_A_ENTRY_ACTIVE)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_tunnel(struct sk_buff *skb, struct nfipsec_tunnel *tunnel)
{
	struct nlattr *nest = nla_nest_start(skb, NFIPSEC_A_TUNNEL);
	u64 acquires, drops;
	u32 queued;

	spin_lock_bh(&tunnel->lock);
	acquires = tunnel->acquires;
	drops = tunnel->queue_drops;
	queued = skb_queue_len(&tunnel->queue);
	spin_unlock_bh(&tunnel->lock);
	if (!nest ||
	    nla_put_string(skb, NFIPSEC_A_TUNNEL_NAME, tunnel->name) ||
	    (tunnel->has_local &&
	     nfipsec_nl_put_addr(skb, NFIPSEC_A_TUNNEL_LOCAL, tunnel->family, &tunnel->local)) ||
	    (tunnel->has_remote &&
	     nfipsec_nl_put_addr(skb, NFIPSEC_A_TUNNEL_REMOTE, tunnel->family, &tunnel->remote)) ||
	    nla_put_u8(skb, NFIPSEC_A_TUNNEL_MODE, tunnel->mode) ||
	    (tunnel->bundle && nla_put_flag(skb, NFIPSEC_A_TUNNEL_BUNDLE)) ||
	    nla_put_u32(skb, NFIPSEC_A_TUNNEL_MTU, nfipsec_tunnel_mtu(tunnel)) ||
	    nla_put_u32(skb, NFIPSEC_A_TUNNEL_QUEUED, queued) ||
	    nla_put_u64_64bit(skb, NFIPSEC_A_TUNNEL_QUEUE_DROPS, drops, NFIPSEC_A_TUNNEL_PAD) ||
	    nla_put_u64_64bit(skb, NFIPSEC_A_TUNNEL_ACQUIRES, acquires, NFIPSEC_A_TUNNEL_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static void *dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &nfipsec_genl_family, NLM_F_MULTI, cmd);
}

/* cb->args[0]: entries already told; the generation tells when the policy changed meanwhile */
int nfipsec_nl_policy_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nfipsec_net *nn = nfipsec_net(sock_net(skb->sk));
	const struct nfipsec_policy *policy;
	void *hdr;

	rcu_read_lock();
	cb->seq = READ_ONCE(nn->generation);
	policy = rcu_dereference(nn->policy);
	while (cb->args[0] < policy->n_entries) {
		const struct nfipsec_entry *entry = &policy->entries[cb->args[0]];

		hdr = dump_put(skb, cb, NFIPSEC_CMD_POLICY_GET);
		if (!hdr)
			break;
		if (put_entry(skb, entry, nfipsec_entry_is_active(entry))) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		genlmsg_end(skb, hdr);
		cb->args[0]++;
	}
	rcu_read_unlock();
	return skb->len;
}

/* cb->args[0]: tunnels already told */
int nfipsec_nl_tunnel_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nfipsec_net *nn = nfipsec_net(sock_net(skb->sk));
	struct nfipsec_tunnel *tunnel;
	long at = 0;
	void *hdr;

	rcu_read_lock();
	cb->seq = READ_ONCE(nn->generation);
	list_for_each_entry_rcu(tunnel, &nn->tunnels, link) {
		if (at++ < cb->args[0])
			continue;
		hdr = dump_put(skb, cb, NFIPSEC_CMD_TUNNEL_GET);
		if (!hdr)
			break;
		if (put_tunnel(skb, tunnel)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		genlmsg_end(skb, hdr);
		cb->args[0]++;
	}
	rcu_read_unlock();
	return skb->len;
}

/* ---- one packet ---- */

static int put_flow(struct sk_buff *skb, const struct nfipsec_tunnel *tunnel,
		    const struct nfipsec_entry *entry, const struct nfipsec_pkt *pkt)
{
	struct nlattr *nest = nla_nest_start(skb, NFIPSEC_A_FLOW);

	if (!nest ||
	    nla_put_u8(skb, NFIPSEC_A_FLOW_DIR, NFIPSEC_DIR_OUT) ||
	    nla_put_u8(skb, NFIPSEC_A_FLOW_PROTO, pkt->h.proto) ||
	    nfipsec_nl_put_addr(skb, NFIPSEC_A_FLOW_SADDR, pkt->family, &pkt->saddr) ||
	    nfipsec_nl_put_addr(skb, NFIPSEC_A_FLOW_DADDR, pkt->family, &pkt->daddr) ||
	    (pkt->ports && (nla_put_be16(skb, NFIPSEC_A_FLOW_SPORT, pkt->sport) ||
			    nla_put_be16(skb, NFIPSEC_A_FLOW_DPORT, pkt->dport))) ||
	    nla_put_string(skb, NFIPSEC_A_FLOW_TUNNEL, tunnel->name) ||
	    nla_put_string(skb, NFIPSEC_A_FLOW_LIST, entry->list) ||
	    nla_put_u32(skb, NFIPSEC_A_FLOW_NUMBER, entry->number))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * nfipsec_netlink_acquire - ask for an SA
 * @tunnel: for this tunnel
 * @entry: the protect entry that matched
 * @pkt: the packet that asks, for the first selector of RFC 7296 2.9
 *
 * Packet path.
 *
 * Return: -ESRCH when nobody listens.
 */
int nfipsec_netlink_acquire(struct nfipsec_tunnel *tunnel, const struct nfipsec_entry *entry,
			    const struct nfipsec_pkt *pkt)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC);
	void *hdr;

	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put(msg, 0, 0, &nfipsec_genl_family, 0, NFIPSEC_CMD_ACQUIRE);
	if (!hdr || put_flow(msg, tunnel, entry, pkt)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_multicast_netns(&nfipsec_genl_family, tunnel->nn->net, msg, 0, 0,
				       GFP_ATOMIC);
}

static int get_flow(struct genl_info *info, struct nfipsec_pkt *pkt, u8 *dir)
{
	static const int needed[] = {
		NFIPSEC_A_FLOW_PROTO, NFIPSEC_A_FLOW_SADDR, NFIPSEC_A_FLOW_DADDR,
	};
	struct nlattr *tb[NFIPSEC_A_FLOW_MAX + 1];
	unsigned int i;
	int err;

	if (!info->attrs[NFIPSEC_A_FLOW])
		return nfipsec_nl_missing(info->extack, NULL, NFIPSEC_A_FLOW,
					  "the attribute FLOW is missing");
	err = nla_parse_nested(tb, NFIPSEC_A_FLOW_MAX, info->attrs[NFIPSEC_A_FLOW],
			       nfipsec_nl_flow_policy, info->extack);
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (!tb[needed[i]])
			return nfipsec_nl_missing(info->extack, info->attrs[NFIPSEC_A_FLOW],
						  needed[i],
						  "a flow wants a protocol and both addresses");
	pkt->h.proto = nla_get_u8(tb[NFIPSEC_A_FLOW_PROTO]);
	err = nfipsec_nl_get_addr(tb[NFIPSEC_A_FLOW_SADDR], &pkt->family, &pkt->saddr,
				  info->extack);
	if (!err)
		err = nfipsec_nl_get_addr(tb[NFIPSEC_A_FLOW_DADDR], &pkt->family, &pkt->daddr,
					  info->extack);
	pkt->ports = tb[NFIPSEC_A_FLOW_SPORT] || tb[NFIPSEC_A_FLOW_DPORT];
	pkt->sport = tb[NFIPSEC_A_FLOW_SPORT] ? nla_get_be16(tb[NFIPSEC_A_FLOW_SPORT]) : 0;
	pkt->dport = tb[NFIPSEC_A_FLOW_DPORT] ? nla_get_be16(tb[NFIPSEC_A_FLOW_DPORT]) : 0;
	*dir = tb[NFIPSEC_A_FLOW_DIR] ? nla_get_u8(tb[NFIPSEC_A_FLOW_DIR]) : NFIPSEC_DIR_OUT;
	return err;
}

/*
 * The SA that a packet of this entry is carried by; in: any inbound one that fits. Of several
 * entries for the same packets, *@entry becomes the one whose tunnel has it.
 */
static const struct nfipsec_sa *sa_of(struct nfipsec_net *nn, const struct nfipsec_entry **entry,
				      const struct nfipsec_pkt *pkt, u8 dir)
{
	const struct nfipsec_entry *first = *entry, *e;
	struct nfipsec_bundle bundle;
	struct nfipsec_sa *sa;

	if (dir == NFIPSEC_DIR_OUT) {
		e = nfipsec_entry_best(first, pkt, &bundle);
		*entry = e ?: first;
		return e ? bundle.sa : NULL;
	}
	list_for_each_entry_rcu(sa, &nn->sas, link) {
		e = sa->dir == dir ? nfipsec_entry_of(first, sa->tunnel) : NULL;
		if (e && nfipsec_sa_match(sa, pkt)) {
			*entry = e;
			return sa;
		}
	}
	return NULL;
}

int nfipsec_nl_explain(struct sk_buff *skb, struct genl_info *info)
{
	struct nfipsec_net *nn = nfipsec_net(genl_info_net(info));
	struct nfipsec_pkt pkt = {}, as_out;
	const struct nfipsec_entry *entry = NULL;
	const struct nfipsec_sa *sa = NULL;
	struct sk_buff *msg;
	void *hdr;
	u8 dir;
	int err;

	err = get_flow(info, &pkt, &dir);
	if (err)
		return err;
	as_out = pkt;
	if (dir == NFIPSEC_DIR_IN)
		nfipsec_pkt_mirror(&pkt, &as_out);
	msg = genlmsg_new(NFIPSEC_NL_MSG_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &nfipsec_genl_family, 0, NFIPSEC_CMD_EXPLAIN);
	if (!hdr) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	rcu_read_lock();
	/* the daemon's own IKE, which no entry is to take */
	if (as_out.h.proto != IPPROTO_UDP ||
	    !nfipsec_ike_is_own(nn, as_out.family, &as_out.saddr, as_out.sport))
		entry = nfipsec_classify(rcu_dereference(nn->policy), &as_out);
	if (entry && entry->tunnel)
		sa = sa_of(nn, &entry, &pkt, dir);
	if (entry)
		err = put_entry(msg, entry, sa && (entry->standbys || entry->place));
	if (!err && sa)
		err = nfipsec_nl_put_sa(msg, sa);
	rcu_read_unlock();
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}
