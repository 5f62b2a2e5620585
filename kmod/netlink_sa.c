// SPDX-License-Identifier: GPL-2.0
/* SAs over netlink: add, delete, look up, flush, and the event of their end. */
#include <linux/slab.h>

#include "netlink.h"
#include "path.h"

const struct nla_policy nfipsec_nl_sa_policy[NFIPSEC_A_SA_MAX + 1] = {
	[NFIPSEC_A_SA_PROTO]		= { .type = NLA_U8 },
	[NFIPSEC_A_SA_SPI]		= { .type = NLA_U32 },
	[NFIPSEC_A_SA_DIR]		= NLA_POLICY_RANGE(NLA_U8, NFIPSEC_DIR_IN,
							   NFIPSEC_DIR_OUT),
	[NFIPSEC_A_SA_MODE]		= NLA_POLICY_RANGE(NLA_U8, NFIPSEC_MODE_TUNNEL,
							   NFIPSEC_MODE_TRANSPORT),
	[NFIPSEC_A_SA_TUNNEL]		= NFIPSEC_NL_NAME,
	[NFIPSEC_A_SA_LOCAL]		= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SA_REMOTE]		= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SA_ENCR]		= { .type = NLA_U16 },
	[NFIPSEC_A_SA_ENCR_KEY]		= NLA_POLICY_RANGE(NLA_BINARY, 1, NFIPSEC_KEY_MAX),
	[NFIPSEC_A_SA_INTEG]		= { .type = NLA_U16 },
	[NFIPSEC_A_SA_INTEG_KEY]	= NLA_POLICY_RANGE(NLA_BINARY, 1, NFIPSEC_KEY_MAX),
	[NFIPSEC_A_SA_ESN]		= { .type = NLA_FLAG },
	[NFIPSEC_A_SA_REPLAY_WINDOW]	= NLA_POLICY_RANGE(NLA_U32, NFIPSEC_WINDOW_MIN,
							   NFIPSEC_WINDOW_MAX),
	[NFIPSEC_A_SA_SELECTOR]		= NLA_POLICY_NESTED(nfipsec_nl_sel_policy),
	[NFIPSEC_A_SA_SOFT_SECONDS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_HARD_SECONDS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_SOFT_BYTES]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_HARD_BYTES]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_SOFT_PACKETS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_HARD_PACKETS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_SEQ]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_ENCAP_LOCAL_PORT]	= { .type = NLA_U16 },
	[NFIPSEC_A_SA_ENCAP_REMOTE_PORT] = { .type = NLA_U16 },
	[NFIPSEC_A_SA_ORIG_LOCAL]	= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_SA_ORIG_REMOTE]	= NFIPSEC_NL_ADDR,
};

const struct nla_policy nfipsec_nl_ends_policy[NFIPSEC_A_ENDS_MAX + 1] = {
	[NFIPSEC_A_ENDS_LOCAL]		= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_ENDS_REMOTE]		= NFIPSEC_NL_ADDR,
	[NFIPSEC_A_ENDS_LOCAL_PORT]	= { .type = NLA_U16 },
	[NFIPSEC_A_ENDS_REMOTE_PORT]	= { .type = NLA_U16 },
};

const struct nla_policy nfipsec_nl_dummy_policy[NFIPSEC_A_DUMMY_MAX + 1] = {
	[NFIPSEC_A_DUMMY_PACKETS]	= NLA_POLICY_RANGE(NLA_U32, 1, 1000),
	[NFIPSEC_A_DUMMY_BYTES]		= { .type = NLA_U32 },	/* by the MTU */
};

#define WINDOW_DEFAULT 1024

static int parse_nest(struct genl_info *info, struct nlattr **tb)
{
	if (!info->attrs[NFIPSEC_A_SA])
		return nfipsec_nl_missing(info->extack, NULL, NFIPSEC_A_SA,
					  "the attribute SA is missing");
	return nla_parse_nested(tb, NFIPSEC_A_SA_MAX, info->attrs[NFIPSEC_A_SA],
				nfipsec_nl_sa_policy, info->extack);
}

static int need_attr(struct genl_info *info, struct nlattr **tb, int type, const char *message)
{
	if (tb[type])
		return 0;
	return nfipsec_nl_missing(info->extack, info->attrs[NFIPSEC_A_SA], type, message);
}

#define NEED(type, name) \
	need_attr(info, tb, NFIPSEC_A_SA_##type, "the attribute " name " is missing")

static int get_limits(struct nlattr **tb, struct nfipsec_limits *l, struct netlink_ext_ack *extack)
{
	const struct { u64 *to; int type; } all[] = {
		{ &l->soft_seconds, NFIPSEC_A_SA_SOFT_SECONDS },
		{ &l->hard_seconds, NFIPSEC_A_SA_HARD_SECONDS },
		{ &l->soft_bytes, NFIPSEC_A_SA_SOFT_BYTES },
		{ &l->hard_bytes, NFIPSEC_A_SA_HARD_BYTES },
		{ &l->soft_packets, NFIPSEC_A_SA_SOFT_PACKETS },
		{ &l->hard_packets, NFIPSEC_A_SA_HARD_PACKETS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		*all[i].to = tb[all[i].type] ? nla_get_u64(tb[all[i].type]) : 0;
	for (i = 0; i < ARRAY_SIZE(all); i += 2) {
		if (*all[i + 1].to && *all[i].to > *all[i + 1].to) {
			NFIPSEC_ERR_ATTR(extack, tb[all[i].type],
					 "soft limit above the hard one", ": %llu, %llu",
					 *all[i].to, *all[i + 1].to);
			return -EINVAL;
		}
	}
	return 0;
}

/* Of an SA that is handed over: it goes on from there, and what came until then is old. */
static int get_seq(struct nfipsec_sa *sa, const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	u64 seq = attr ? nla_get_u64(attr) : 0;

	if (!seq)
		return 0;
	if (seq > nfipsec_seq_limit(sa)) {
		NFIPSEC_ERR_ATTR(extack, attr, "expected a sequence number of this SA",
				 ", found %llu", seq);
		return -ERANGE;
	}
	if (sa->dir == NFIPSEC_DIR_IN)
		nfipsec_replay_resume(&sa->replay, seq);
	else
		atomic64_set(&sa->seq, seq);
	return 0;
}

static int get_selectors(struct nfipsec_sa *sa, const struct nlattr *nest,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem, err;

	nla_for_each_nested(attr, nest, rem)
		n += nla_type(attr) == NFIPSEC_A_SA_SELECTOR;
	if (!n)
		return 0;
	if (n > NFIPSEC_SEL_MAX) {
		NFIPSEC_ERR_ATTR(extack, nest, "at most 64 selectors", ", found %u", n);
		return -E2BIG;
	}
	sa->sels = kcalloc(n, sizeof(*sa->sels), GFP_KERNEL_ACCOUNT);
	if (!sa->sels)
		return -ENOMEM;
	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != NFIPSEC_A_SA_SELECTOR)
			continue;
		err = nfipsec_nl_get_sel(attr, &sa->sels[sa->n_sels++], extack);
		if (err)
			return err;
	}
	return 0;
}

/* which SA, as RFC 4301 4.1 names one: by the SPI of the receiving end, and its address */
static int get_id(struct genl_info *info, struct nlattr **tb, struct nfipsec_sa_id *id)
{
	struct netlink_ext_ack *extack = info->extack;
	bool in;

	if (NEED(PROTO, "PROTO") || NEED(SPI, "SPI") || NEED(DIR, "DIR"))
		return -EINVAL;
	memset(id, 0, sizeof(*id));
	id->proto = nla_get_u8(tb[NFIPSEC_A_SA_PROTO]);
	id->spi = nla_get_be32(tb[NFIPSEC_A_SA_SPI]);
	id->dir = nla_get_u8(tb[NFIPSEC_A_SA_DIR]);
	if (id->proto != IPPROTO_ESP && id->proto != IPPROTO_AH) {
		NFIPSEC_ERR_ATTR(extack, tb[NFIPSEC_A_SA_PROTO],
				 "expected protocol 50 (ESP) or 51 (AH)", ", found %u", id->proto);
		return -EPROTONOSUPPORT;
	}
	/* RFC 4303 2.1, RFC 4302 2.4: 1 to 255 are reserved, 0 is for local use */
	if (ntohl(id->spi) <= 255) {
		NFIPSEC_ERR_ATTR(extack, tb[NFIPSEC_A_SA_SPI],
				 "SPIs up to 255 are reserved (RFC 4303 2.1)", ", found %u",
				 ntohl(id->spi));
		return -EINVAL;
	}
	in = id->dir == NFIPSEC_DIR_IN;
	if (in ? NEED(LOCAL, "LOCAL") : NEED(REMOTE, "REMOTE"))
		return -EINVAL;
	return nfipsec_nl_get_addr(tb[in ? NFIPSEC_A_SA_LOCAL : NFIPSEC_A_SA_REMOTE], &id->family,
				   &id->addr, extack);
}

static bool is_unicast(u8 family, const union nfipsec_addr *addr)
{
	if (family == AF_INET)
		return !ipv4_is_zeronet(addr->ip) && !ipv4_is_multicast(addr->ip) &&
		       !ipv4_is_lbcast(addr->ip);
	return !ipv6_addr_any(&addr->ip6) && !ipv6_addr_is_multicast(&addr->ip6);
}

/* an outer address; unicast, or the outer packets would go to more than the peer */
static int get_end(const struct nlattr *attr, u8 family, union nfipsec_addr *addr,
		   struct netlink_ext_ack *extack)
{
	int err = nfipsec_nl_get_addr(attr, &family, addr, extack);

	if (err || is_unicast(family, addr))
		return err;
	if (family == AF_INET)
		NFIPSEC_ERR_ATTR(extack, attr, "expected a unicast address", ", found %pI4",
				 &addr->ip);
	else
		NFIPSEC_ERR_ATTR(extack, attr, "expected a unicast address", ", found %pI6c",
				 &addr->ip6);
	return -EINVAL;
}

/* both ports of UDP encapsulation, or none */
static int get_ports(const struct nlattr *local, const struct nlattr *remote,
		     struct nfipsec_endpoints *ends, struct netlink_ext_ack *extack)
{
	if (!local && !remote)
		return 0;
	ends->local_port = local ? nla_get_be16(local) : 0;
	ends->remote_port = remote ? nla_get_be16(remote) : 0;
	if (ends->local_port && ends->remote_port)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, local ?: remote,
			    "UDP encapsulation wants both ports, which are not 0");
	return -EINVAL;
}

/* the new SA's ends, which are its own at once */
static int get_ends(struct genl_info *info, struct nlattr **tb, struct nfipsec_sa *sa)
{
	struct nfipsec_endpoints *ends;
	int err;

	if (NEED(LOCAL, "LOCAL") || NEED(REMOTE, "REMOTE"))
		return -EINVAL;
	ends = nfipsec_ends_create(GFP_KERNEL_ACCOUNT);
	if (!ends)
		return -ENOMEM;
	RCU_INIT_POINTER(sa->ends, ends);
	err = get_end(tb[NFIPSEC_A_SA_LOCAL], sa->family, &ends->local, info->extack);
	if (!err)
		err = get_end(tb[NFIPSEC_A_SA_REMOTE], sa->family, &ends->remote, info->extack);
	if (!err)
		err = get_ports(tb[NFIPSEC_A_SA_ENCAP_LOCAL_PORT],
				tb[NFIPSEC_A_SA_ENCAP_REMOTE_PORT], ends, info->extack);
	sa->encap = ends->local_port;
	if (!err && sa->encap && sa->proto != IPPROTO_ESP) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[NFIPSEC_A_SA_PROTO],
				    "expected ESP: AH cannot pass a NAT (RFC 3948 1)");
		err = -EINVAL;
	}
	return err;
}

/* the addresses with which the peer makes checksums: RFC 3948 3.1.2 */
static int get_orig(struct nfipsec_sa *sa, struct nlattr **tb, struct netlink_ext_ack *extack)
{
	const struct nlattr *local = tb[NFIPSEC_A_SA_ORIG_LOCAL];
	const struct nlattr *remote = tb[NFIPSEC_A_SA_ORIG_REMOTE];
	int err;

	if (!local && !remote)
		return 0;
	if (!local || !remote || sa->dir != NFIPSEC_DIR_IN || !sa->encap ||
	    sa->mode != NFIPSEC_MODE_TRANSPORT) {
		NL_SET_ERR_MSG_ATTR(extack, local ?: remote,
				    "both original addresses, inbound, in transport mode and UDP");
		return -EINVAL;
	}
	err = get_end(local, sa->family, &sa->orig_local, extack);
	if (!err)
		err = get_end(remote, sa->family, &sa->orig_remote, extack);
	sa->has_orig = !err;
	return err;
}

static int get_crypto(struct nfipsec_sa *sa, struct genl_info *info, struct nlattr **tb)
{
	const struct nlattr *key = tb[NFIPSEC_A_SA_ENCR_KEY];
	const struct nlattr *integ_key = tb[NFIPSEC_A_SA_INTEG_KEY];
	bool ah = sa->proto == IPPROTO_AH;
	u16 encr = tb[NFIPSEC_A_SA_ENCR] ? nla_get_u16(tb[NFIPSEC_A_SA_ENCR]) : 0;

	if (ah && (encr || key)) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[NFIPSEC_A_SA_ENCR] ?: key,
				    "AH does not encrypt, expected no ENCR");
		return -EINVAL;
	}
	if (!ah && !encr)
		return nfipsec_nl_missing(info->extack, info->attrs[NFIPSEC_A_SA],
					  NFIPSEC_A_SA_ENCR, "the attribute ENCR is missing");
	if (!ah && encr != NFIPSEC_ENCR_NULL && NEED(ENCR_KEY, "ENCR_KEY"))
		return -EINVAL;
	sa->crypto = nfipsec_crypto_create(encr, key ? nla_data(key) : NULL, key ? nla_len(key) : 0,
					   tb[NFIPSEC_A_SA_INTEG] ?
						nla_get_u16(tb[NFIPSEC_A_SA_INTEG]) : 0,
					   integ_key ? nla_data(integ_key) : NULL,
					   integ_key ? nla_len(integ_key) : 0, sa->esn,
					   info->extack);
	if (IS_ERR(sa->crypto)) {
		int err = PTR_ERR(sa->crypto);

		sa->crypto = NULL;
		return err;
	}
	return 0;
}

static int put_ends(struct sk_buff *skb, const struct nfipsec_sa *sa)
{
	const struct nfipsec_endpoints *ends = nfipsec_sa_ends(sa);

	if (nfipsec_nl_put_addr(skb, NFIPSEC_A_SA_LOCAL, sa->family, &ends->local) ||
	    nfipsec_nl_put_addr(skb, NFIPSEC_A_SA_REMOTE, sa->family, &ends->remote))
		return -EMSGSIZE;
	if (sa->encap &&
	    (nla_put_be16(skb, NFIPSEC_A_SA_ENCAP_LOCAL_PORT, ends->local_port) ||
	     nla_put_be16(skb, NFIPSEC_A_SA_ENCAP_REMOTE_PORT, ends->remote_port)))
		return -EMSGSIZE;
	if (sa->has_orig &&
	    (nfipsec_nl_put_addr(skb, NFIPSEC_A_SA_ORIG_LOCAL, sa->family, &sa->orig_local) ||
	     nfipsec_nl_put_addr(skb, NFIPSEC_A_SA_ORIG_REMOTE, sa->family, &sa->orig_remote)))
		return -EMSGSIZE;
	return 0;
}

/*
 * The SA does what its tunnel says: its mode, or in a bundle ESP of that mode and AH
 * in transport mode.
 */
static int check_mode(const struct nfipsec_sa *sa, const struct nlattr *mode,
		      struct netlink_ext_ack *extack)
{
	u8 expected = sa->tunnel->mode;

	if (sa->tunnel->bundle && sa->proto == IPPROTO_AH)
		expected = NFIPSEC_MODE_TRANSPORT;
	if (sa->mode == expected)
		return 0;
	if (expected == NFIPSEC_MODE_TUNNEL)
		NL_SET_ERR_MSG_ATTR(extack, mode, "expected tunnel mode, as the tunnel has it");
	else
		NL_SET_ERR_MSG_ATTR(extack, mode, "expected transport mode, as the tunnel has it");
	return -EINVAL;
}

static int read_sa(struct nfipsec_sa *sa, struct genl_info *info, struct nlattr **tb)
{
	struct netlink_ext_ack *extack = info->extack;
	struct nfipsec_tunnel *tunnel;
	struct nfipsec_sa_id id;
	int err;

	err = get_id(info, tb, &id);
	if (err)
		return err;
	sa->proto = id.proto;
	sa->spi = id.spi;
	sa->dir = id.dir;
	sa->family = id.family;
	err = get_ends(info, tb, sa);
	if (err)
		return err;
	if (NEED(MODE, "MODE") || NEED(TUNNEL, "TUNNEL"))
		return -EINVAL;
	sa->mode = nla_get_u8(tb[NFIPSEC_A_SA_MODE]);
	tunnel = nfipsec_tunnel_find(sa->nn, nla_data(tb[NFIPSEC_A_SA_TUNNEL]));
	if (!tunnel || !nfipsec_tunnel_get(tunnel))
		return nfipsec_nl_no_tunnel(extack, tb[NFIPSEC_A_SA_TUNNEL]);
	sa->tunnel = tunnel;
	err = check_mode(sa, tb[NFIPSEC_A_SA_MODE], extack);
	if (!err)
		err = get_orig(sa, tb, extack);
	if (err)
		return err;
	sa->esn = nla_get_flag(tb[NFIPSEC_A_SA_ESN]);
	if (tb[NFIPSEC_A_SA_REPLAY_WINDOW] && sa->dir != NFIPSEC_DIR_IN) {
		NL_SET_ERR_MSG_ATTR(extack, tb[NFIPSEC_A_SA_REPLAY_WINDOW],
				    "a replay window belongs to an inbound SA");
		return -EINVAL;
	}
	err = get_limits(tb, &sa->limits, extack);
	if (!err)
		err = get_selectors(sa, info->attrs[NFIPSEC_A_SA], extack);
	if (!err && sa->dir == NFIPSEC_DIR_IN)
		err = nfipsec_replay_init(&sa->replay, tb[NFIPSEC_A_SA_REPLAY_WINDOW] ?
					  nla_get_u32(tb[NFIPSEC_A_SA_REPLAY_WINDOW]) :
					  WINDOW_DEFAULT, GFP_KERNEL_ACCOUNT);
	if (!err)
		err = get_seq(sa, tb[NFIPSEC_A_SA_SEQ], extack);
	if (!err && sa->dir == NFIPSEC_DIR_IN && sa->family == AF_INET6)
		err = nfipsec_hook_defrag(sa->nn, AF_INET6);
	if (!err)
		err = get_crypto(sa, info, tb);
	return err;
}

/*
 * The message the keys came in, all of it: what is refused may hold keys too. What
 * the core refuses by the attribute policy, before us, is no SA and stays as it is.
 */
static void wipe_message(struct genl_info *info)
{
	memzero_explicit((u8 *)info->genlhdr + GENL_HDRLEN,
			 nlmsg_len(info->nlhdr) - GENL_HDRLEN);
}

static int add_sa(struct nfipsec_net *nn, struct genl_info *info, struct nlattr **tb)
{
	struct nfipsec_sa *sa = nfipsec_sa_create(nn, GFP_KERNEL_ACCOUNT);
	struct nfipsec_sa_id id;
	int err;

	if (!sa) {
		NL_SET_ERR_MSG(info->extack, "no memory for an SA");
		return -ENOMEM;
	}
	/* so that the tunnel does not retire between here and the insertion */
	mutex_lock(&nn->config);
	err = read_sa(sa, info, tb);
	if (!err && sa->dir == NFIPSEC_DIR_IN)
		nfipsec_await_begin(sa, &id);
	if (!err)
		err = nfipsec_sadb_insert(sa, info->extack);
	if (!err && sa->dir == NFIPSEC_DIR_IN)
		nfipsec_await_release(sa, &id);
	if (!err && sa->dir == NFIPSEC_DIR_OUT) {
		/* at once, or packets that go by this tunnel overtake what others hold */
		nfipsec_standby_release(nn, sa->tunnel);
		nfipsec_mtu_update(sa->tunnel);
		nfipsec_acquire_release(sa->tunnel);
	}
	mutex_unlock(&nn->config);
	nfipsec_sa_put(sa);
	return err;
}

int nfipsec_nl_sa_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tb[NFIPSEC_A_SA_MAX + 1];
	int err;

	err = parse_nest(info, tb);
	if (!err)
		err = add_sa(nfipsec_net(genl_info_net(info)), info, tb);
	wipe_message(info);
	return err;
}

/* calls with the SA that the message names, under RCU */
static int with_sa(struct genl_info *info, int (*then)(struct nfipsec_sa *sa, void *arg), void *arg)
{
	struct nfipsec_net *nn = nfipsec_net(genl_info_net(info));
	struct nlattr *tb[NFIPSEC_A_SA_MAX + 1];
	struct nfipsec_sa_id id;
	struct nfipsec_sa *sa;
	int err;

	err = parse_nest(info, tb);
	if (!err)
		err = get_id(info, tb, &id);
	if (err)
		return err;
	rcu_read_lock();
	sa = nfipsec_sadb_find(nn, &id);
	err = sa ? then(sa, arg) : -ENOENT;
	rcu_read_unlock();
	if (!sa || (err == -ENOENT && !info->extack->_msg))
		NFIPSEC_ERR_ATTR(info->extack, tb[NFIPSEC_A_SA_SPI],
				 "no SA with this SPI and address", ": 0x%08x", ntohl(id.spi));
	return err;
}

static int then_kill(struct nfipsec_sa *sa, void *arg)
{
	return nfipsec_sadb_kill(sa) ? 0 : -ENOENT;
}

int nfipsec_nl_sa_del(struct sk_buff *skb, struct genl_info *info)
{
	return with_sa(info, then_kill, NULL);
}

static int get_awaited_id(struct genl_info *info, struct nfipsec_sa_id *id)
{
	struct nlattr *tb[NFIPSEC_A_SA_MAX + 1];
	int err = parse_nest(info, tb);

	if (!err)
		err = get_id(info, tb, id);
	if (err || id->dir == NFIPSEC_DIR_IN)
		return err;
	NL_SET_ERR_MSG_ATTR(info->extack, tb[NFIPSEC_A_SA_DIR],
			    "only packets of inbound SAs are queued");
	return -EINVAL;
}

/**
 * nfipsec_nl_spi_await - NFIPSEC_CMD_SPI_AWAIT
 * @skb: the message
 * @info: its attributes
 *
 * Process context.
 *
 * Return: 0 or an errno.
 */
int nfipsec_nl_spi_await(struct sk_buff *skb, struct genl_info *info)
{
	struct nfipsec_sa_id id;
	int err = get_awaited_id(info, &id);

	return err ?: nfipsec_await_add(nfipsec_net(genl_info_net(info)), &id, info->snd_portid,
					info->extack);
}

/**
 * nfipsec_nl_spi_forget - NFIPSEC_CMD_SPI_FORGET
 * @skb: the message
 * @info: its attributes
 *
 * Process context.
 *
 * Return: 0 or an errno.
 */
int nfipsec_nl_spi_forget(struct sk_buff *skb, struct genl_info *info)
{
	struct nfipsec_sa_id id;
	int err = get_awaited_id(info, &id);

	if (err)
		return err;
	err = nfipsec_await_cancel(nfipsec_net(genl_info_net(info)), &id);
	if (err)
		NL_SET_ERR_MSG(info->extack, "no announcement with this SPI and address");
	return err;
}

struct move {
	struct nlattr		*tb[NFIPSEC_A_ENDS_MAX + 1];
	struct nfipsec_endpoints	*ends;
	struct netlink_ext_ack	*extack;
};

static int then_move(struct nfipsec_sa *sa, void *arg)
{
	struct move *m = arg;
	int err;

	err = get_end(m->tb[NFIPSEC_A_ENDS_LOCAL], sa->family, &m->ends->local, m->extack);
	if (!err)
		err = get_end(m->tb[NFIPSEC_A_ENDS_REMOTE], sa->family, &m->ends->remote,
			      m->extack);
	if (!err)
		err = get_ports(m->tb[NFIPSEC_A_ENDS_LOCAL_PORT],
				m->tb[NFIPSEC_A_ENDS_REMOTE_PORT], m->ends, m->extack);
	if (err)
		return err;
	if (sa->encap != !!m->ends->local_port) {
		NL_SET_ERR_MSG(m->extack,
			       "an SA goes in UDP or not for all its life, expected ports as before");
		return -EINVAL;
	}
	err = nfipsec_sadb_move(sa, m->ends, m->extack);
	if (!err)
		m->ends = NULL;
	return err;
}

int nfipsec_nl_sa_move(struct sk_buff *skb, struct genl_info *info)
{
	struct move m = { .extack = info->extack };
	int err;

	if (!info->attrs[NFIPSEC_A_ENDS])
		return nfipsec_nl_missing(info->extack, NULL, NFIPSEC_A_ENDS,
					  "the attribute ENDS is missing");
	err = nla_parse_nested(m.tb, NFIPSEC_A_ENDS_MAX, info->attrs[NFIPSEC_A_ENDS],
			       nfipsec_nl_ends_policy, info->extack);
	if (err)
		return err;
	if (!m.tb[NFIPSEC_A_ENDS_LOCAL] || !m.tb[NFIPSEC_A_ENDS_REMOTE])
		return nfipsec_nl_missing(info->extack, info->attrs[NFIPSEC_A_ENDS],
					  m.tb[NFIPSEC_A_ENDS_LOCAL] ? NFIPSEC_A_ENDS_REMOTE :
								       NFIPSEC_A_ENDS_LOCAL,
					  "ENDS wants LOCAL and REMOTE");
	m.ends = nfipsec_ends_create(GFP_KERNEL_ACCOUNT);
	if (!m.ends)
		return -ENOMEM;
	err = with_sa(info, then_move, &m);
	nfipsec_endpoints_free(m.ends);
	return err;
}

struct dummy {
	u32			packets, bytes;
	struct netlink_ext_ack	*extack;
};

static int then_dummy(struct nfipsec_sa *sa, void *arg)
{
	const struct dummy *d = arg;
	struct nfipsec_bundle bundle;
	int err = 0;
	u32 i;

	if (sa->dir != NFIPSEC_DIR_OUT || sa->proto != IPPROTO_ESP) {
		NL_SET_ERR_MSG(d->extack, "dummy packets go by an outbound SA of ESP");
		return -EINVAL;
	}
	if (!nfipsec_sadb_find_out(sa->tunnel, NULL, &bundle)) {
		NL_SET_ERR_MSG(d->extack, "the bundle has no SA of AH");
		return -ENOENT;
	}
	bundle.sa = sa;
	local_bh_disable();
	for (i = 0; i < d->packets && !err; i++)
		err = nfipsec_output_dummy(&bundle, d->bytes);
	local_bh_enable();
	if (err == -EMSGSIZE)
		NL_SET_ERR_MSG(d->extack, "more octets than the tunnel's MTU");
	else if (err)
		NL_SET_ERR_MSG(d->extack, "not sent, the counters say why");
	return err;
}

int nfipsec_nl_dummy_send(struct sk_buff *skb, struct genl_info *info)
{
	struct dummy d = { .packets = 1, .extack = info->extack };
	struct nlattr *tb[NFIPSEC_A_DUMMY_MAX + 1] = {};
	int err = 0;

	if (info->attrs[NFIPSEC_A_DUMMY])
		err = nla_parse_nested(tb, NFIPSEC_A_DUMMY_MAX, info->attrs[NFIPSEC_A_DUMMY],
				       nfipsec_nl_dummy_policy, info->extack);
	if (err)
		return err;
	if (tb[NFIPSEC_A_DUMMY_PACKETS])
		d.packets = nla_get_u32(tb[NFIPSEC_A_DUMMY_PACKETS]);
	if (tb[NFIPSEC_A_DUMMY_BYTES])
		d.bytes = nla_get_u32(tb[NFIPSEC_A_DUMMY_BYTES]);
	return with_sa(info, then_dummy, &d);
}

static int put_limits(struct sk_buff *skb, const struct nfipsec_limits *l)
{
	const struct { u64 value; int type; } all[] = {
		{ l->soft_seconds, NFIPSEC_A_SA_SOFT_SECONDS },
		{ l->hard_seconds, NFIPSEC_A_SA_HARD_SECONDS },
		{ l->soft_bytes, NFIPSEC_A_SA_SOFT_BYTES },
		{ l->hard_bytes, NFIPSEC_A_SA_HARD_BYTES },
		{ l->soft_packets, NFIPSEC_A_SA_SOFT_PACKETS },
		{ l->hard_packets, NFIPSEC_A_SA_HARD_PACKETS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value && nla_put_u64_64bit(skb, all[i].type, all[i].value,
						      NFIPSEC_A_SA_PAD))
			return -EMSGSIZE;
	return 0;
}

static int put_counters(struct sk_buff *skb, const struct nfipsec_sa *sa)
{
	bool in = sa->dir == NFIPSEC_DIR_IN;
	u64 packets = atomic64_read(&sa->packets);
	unsigned long since = packets ? READ_ONCE(sa->used) : sa->born;
	const struct { u64 value; int type; } all[] = {
		{ in ? READ_ONCE(sa->replay.top) : atomic64_read(&sa->seq), NFIPSEC_A_SA_SEQ },
		{ atomic64_read(&sa->bytes), NFIPSEC_A_SA_BYTES },
		{ packets, NFIPSEC_A_SA_PACKETS },
		{ atomic64_read(&sa->replayed), NFIPSEC_A_SA_REPLAYED },
		{ atomic64_read(&sa->invalid), NFIPSEC_A_SA_INVALID },
		{ (jiffies - sa->born) / HZ, NFIPSEC_A_SA_AGE },
		{ (jiffies - since) / HZ, NFIPSEC_A_SA_IDLE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (nla_put_u64_64bit(skb, all[i].type, all[i].value, NFIPSEC_A_SA_PAD))
			return -EMSGSIZE;
	return 0;
}

static int put_sa(struct sk_buff *skb, const struct nfipsec_sa *sa, bool dead)
{
	const struct nfipsec_alg *alg = nfipsec_crypto_alg(sa->crypto);
	struct nlattr *nest = nla_nest_start(skb, NFIPSEC_A_SA);
	unsigned int i;

	if (!nest ||
	    nla_put_u8(skb, NFIPSEC_A_SA_PROTO, sa->proto) ||
	    nla_put_be32(skb, NFIPSEC_A_SA_SPI, sa->spi) ||
	    nla_put_u8(skb, NFIPSEC_A_SA_DIR, sa->dir) ||
	    nla_put_u8(skb, NFIPSEC_A_SA_MODE, sa->mode) ||
	    nla_put_string(skb, NFIPSEC_A_SA_TUNNEL, sa->tunnel->name) ||
	    put_ends(skb, sa) ||
	    (alg->encr && nla_put_u16(skb, NFIPSEC_A_SA_ENCR, alg->encr)) ||
	    nla_put_u16(skb, NFIPSEC_A_SA_INTEG, alg->integ) ||
	    (sa->esn && nla_put_flag(skb, NFIPSEC_A_SA_ESN)) ||
	    (sa->dir == NFIPSEC_DIR_IN &&
	     nla_put_u32(skb, NFIPSEC_A_SA_REPLAY_WINDOW, sa->replay.window)) ||
	    (dead && nla_put_flag(skb, NFIPSEC_A_SA_EXPIRE_HARD)) ||
	    put_limits(skb, &sa->limits) || put_counters(skb, sa))
		return -EMSGSIZE;
	for (i = 0; i < sa->n_sels; i++)
		if (nfipsec_nl_put_sel(skb, NFIPSEC_A_SA_SELECTOR, &sa->sels[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * nfipsec_nl_put_sa - all that may be told of an SA: never its keys
 * @skb: the message
 * @sa: the SA; RCU read side or a reference
 *
 * Return: 0 or an errno, if @skb has no room.
 */
int nfipsec_nl_put_sa(struct sk_buff *skb, const struct nfipsec_sa *sa)
{
	return put_sa(skb, sa, false);
}

static int then_put(struct nfipsec_sa *sa, void *arg)
{
	return nfipsec_nl_put_sa(arg, sa);
}

int nfipsec_nl_sa_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = genlmsg_new(NFIPSEC_NL_MSG_SIZE, GFP_KERNEL);
	void *hdr;
	int err;

	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &nfipsec_genl_family, 0, NFIPSEC_CMD_SA_GET);
	err = hdr ? with_sa(info, then_put, msg) : -EMSGSIZE;
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

/* one SA at least must fit, whatever the reader asked for at first */
int nfipsec_nl_sa_dump_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = NFIPSEC_NL_MSG_SIZE;
	return 0;
}

/* cb->args[0]: SAs already told */
int nfipsec_nl_sa_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nfipsec_net *nn = nfipsec_net(sock_net(skb->sk));
	struct nfipsec_sa *sa;
	long at = 0;
	void *hdr;

	rcu_read_lock();
	cb->seq = READ_ONCE(nn->generation);
	list_for_each_entry_rcu(sa, &nn->sas, link) {
		if (at++ < cb->args[0])
			continue;
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				  &nfipsec_genl_family, NLM_F_MULTI, NFIPSEC_CMD_SA_GET);
		if (!hdr)
			break;
		if (nfipsec_nl_put_sa(skb, sa)) {
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

int nfipsec_nl_sa_flush(struct sk_buff *skb, struct genl_info *info)
{
	struct nfipsec_net *nn = nfipsec_net(genl_info_net(info));
	struct nlattr *tb[NFIPSEC_A_SA_MAX + 1] = {};
	struct nfipsec_tunnel *tunnel = NULL;
	int err = 0;

	if (info->attrs[NFIPSEC_A_SA])
		err = parse_nest(info, tb);
	if (err)
		return err;
	mutex_lock(&nn->config);
	if (tb[NFIPSEC_A_SA_TUNNEL]) {
		tunnel = nfipsec_tunnel_find(nn, nla_data(tb[NFIPSEC_A_SA_TUNNEL]));
		if (!tunnel)
			err = nfipsec_nl_no_tunnel(info->extack, tb[NFIPSEC_A_SA_TUNNEL]);
	}
	if (!err)
		nfipsec_sadb_flush(nn, tunnel);
	mutex_unlock(&nn->config);
	return err;
}

/**
 * nfipsec_netlink_expire - tell that a limit of an SA is reached
 * @sa: the SA; RCU read side or a reference
 * @hard: it is dead now
 *
 * Any context but hard interrupts. Nobody listening is no error.
 */
void nfipsec_netlink_expire(struct nfipsec_sa *sa, bool hard)
{
	struct sk_buff *msg = genlmsg_new(NFIPSEC_NL_MSG_SIZE, GFP_ATOMIC);
	void *hdr;

	if (!msg)
		return;
	hdr = genlmsg_put(msg, 0, 0, &nfipsec_genl_family, 0, NFIPSEC_CMD_SA_EXPIRE);
	if (!hdr || put_sa(msg, sa, hard)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&nfipsec_genl_family, sa->nn->net, msg, 0, 0, GFP_ATOMIC);
}

static int put_came_from(struct sk_buff *skb, const struct nfipsec_sa *sa,
			 const struct sk_buff *packet, const struct udphdr *udp)
{
	union nfipsec_addr local = {}, remote = {};
	struct nlattr *nest = nla_nest_start(skb, NFIPSEC_A_ENDS);

	if (sa->family == AF_INET) {
		local.ip = ip_hdr(packet)->daddr;
		remote.ip = ip_hdr(packet)->saddr;
	} else {
		local.ip6 = ipv6_hdr(packet)->daddr;
		remote.ip6 = ipv6_hdr(packet)->saddr;
	}
	if (!nest || nfipsec_nl_put_addr(skb, NFIPSEC_A_ENDS_LOCAL, sa->family, &local) ||
	    nfipsec_nl_put_addr(skb, NFIPSEC_A_ENDS_REMOTE, sa->family, &remote) ||
	    nla_put_be16(skb, NFIPSEC_A_ENDS_LOCAL_PORT, udp->dest) ||
	    nla_put_be16(skb, NFIPSEC_A_ENDS_REMOTE_PORT, udp->source))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * nfipsec_netlink_mapping - tell that a peer's packets come from elsewhere
 * @sa: inbound SA; RCU read side
 * @skb: the packet, which was genuine; its network header is the outer IP header
 * @udp: its UDP header
 *
 * Packet path. Nobody listening is no error.
 */
void nfipsec_netlink_mapping(struct nfipsec_sa *sa, const struct sk_buff *skb,
			     const struct udphdr *udp)
{
	struct sk_buff *msg = genlmsg_new(NFIPSEC_NL_MSG_SIZE, GFP_ATOMIC);
	void *hdr;

	if (!msg)
		return;
	hdr = genlmsg_put(msg, 0, 0, &nfipsec_genl_family, 0, NFIPSEC_CMD_SA_MAPPING);
	if (!hdr || put_sa(msg, sa, false) || put_came_from(msg, sa, skb, udp)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&nfipsec_genl_family, sa->nn->net, msg, 0, 0, GFP_ATOMIC);
}
