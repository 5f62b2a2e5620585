// SPDX-License-Identifier: GPL-2.0
/* Netlink attributes of linux/nfipsec.h to and from plain structs. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/nfipsec.h>

#include "sys/kern_attr.h"

/* ---- put ---- */

/*
 * Strict validation in the kernel wants NLA_F_NESTED on every nest; old
 * nla_nest_start() leaves it to the caller.
 */
static struct nlattr *nest_start(struct nl_msg *msg, int type)
{
	return nla_nest_start(msg, NLA_F_NESTED | type);
}

static bool put_addr(struct nl_msg *msg, int type, const struct addr *a)
{
	size_t len = addr_len(a);

	/* family 0 is "any": said by leaving the attribute out */
	return !len || !nla_put(msg, type, len, a->a);
}

static bool put_u8(struct nl_msg *msg, int type, uint8_t v)
{
	return !nla_put_u8(msg, type, v);
}

static bool put_be16(struct nl_msg *msg, int type, uint16_t v)
{
	return !nla_put_u16(msg, type, htons(v));
}

/* 0 is the kernel's default: no limit, no such key */
static bool put_u64_unless_0(struct nl_msg *msg, int type, uint64_t v)
{
	return !v || !nla_put_u64(msg, type, v);
}

static void addr_any(uint8_t family, struct addr *min, struct addr *max)
{
	memset(min, 0, sizeof(*min));
	memset(max, 0, sizeof(*max));
	min->family = max->family = family;
	memset(max->a, 0xff, addr_len(max));
}

static bool put_sel(struct nl_msg *msg, int type, const struct ts *src, const struct ts *dst)
{
	struct addr smin = src->min, smax = src->max, dmin = dst->min, dmax = dst->max;
	uint8_t proto = src->proto ? src->proto : dst->proto;
	struct nlattr *nest;

	/* "any" takes the family of the other end, the module wants one family */
	if (!smin.family)
		addr_any(dmin.family ? dmin.family : AF_INET, &smin, &smax);
	if (!dmin.family)
		addr_any(smin.family, &dmin, &dmax);

	nest = nest_start(msg, type);
	if (!nest)
		return false;
	if (proto && !put_u8(msg, NFIPSEC_A_SEL_PROTO, proto))
		return false;
	if (!put_addr(msg, NFIPSEC_A_SEL_SADDR_MIN, &smin) ||
	    !put_addr(msg, NFIPSEC_A_SEL_SADDR_MAX, &smax) ||
	    !put_addr(msg, NFIPSEC_A_SEL_DADDR_MIN, &dmin) ||
	    !put_addr(msg, NFIPSEC_A_SEL_DADDR_MAX, &dmax))
		return false;
	if ((src->port_min != 0 || src->port_max != 65535) &&
	    (!put_be16(msg, NFIPSEC_A_SEL_SPORT_MIN, src->port_min) ||
	     !put_be16(msg, NFIPSEC_A_SEL_SPORT_MAX, src->port_max)))
		return false;
	if ((dst->port_min != 0 || dst->port_max != 65535) &&
	    (!put_be16(msg, NFIPSEC_A_SEL_DPORT_MIN, dst->port_min) ||
	     !put_be16(msg, NFIPSEC_A_SEL_DPORT_MAX, dst->port_max)))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

static bool put_sa_crypto(struct nl_msg *msg, const struct kern_sa *sa)
{
	/* AH has no such thing */
	if ((sa->proto != IPPROTO_AH && nla_put_u16(msg, NFIPSEC_A_SA_ENCR, sa->encr)) ||
	    (sa->encr_key.len &&
	     nla_put(msg, NFIPSEC_A_SA_ENCR_KEY, sa->encr_key.len, sa->encr_key.p)) ||
	    nla_put_u16(msg, NFIPSEC_A_SA_INTEG, sa->integ))
		return false;
	if (sa->integ_key.len &&
	    nla_put(msg, NFIPSEC_A_SA_INTEG_KEY, sa->integ_key.len, sa->integ_key.p))
		return false;
	return true;
}

static bool put_sa_limits(struct nl_msg *msg, const struct kern_sa *sa)
{
	return put_u64_unless_0(msg, NFIPSEC_A_SA_SOFT_SECONDS, sa->soft_seconds) &&
	       put_u64_unless_0(msg, NFIPSEC_A_SA_HARD_SECONDS, sa->hard_seconds) &&
	       put_u64_unless_0(msg, NFIPSEC_A_SA_SOFT_BYTES, sa->soft_bytes) &&
	       put_u64_unless_0(msg, NFIPSEC_A_SA_HARD_BYTES, sa->hard_bytes) &&
	       put_u64_unless_0(msg, NFIPSEC_A_SA_SOFT_PACKETS, sa->soft_packets) &&
	       put_u64_unless_0(msg, NFIPSEC_A_SA_HARD_PACKETS, sa->hard_packets);
}

bool kern_attr_put_sa(struct nl_msg *msg, const struct kern_sa *sa, enum kern_sa_part part)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_SA);
	unsigned int i;

	if (!nest)
		return false;
	if (!put_u8(msg, NFIPSEC_A_SA_PROTO, sa->proto) ||
	    nla_put_u32(msg, NFIPSEC_A_SA_SPI, htonl(sa->spi)) ||
	    !put_u8(msg, NFIPSEC_A_SA_DIR, sa->dir) ||
	    !put_addr(msg, NFIPSEC_A_SA_LOCAL, &sa->local) ||
	    !put_addr(msg, NFIPSEC_A_SA_REMOTE, &sa->remote))
		return false;
	if (part == KERN_SA_ALL) {
		if (!put_u8(msg, NFIPSEC_A_SA_MODE, sa->mode) ||
		    nla_put_string(msg, NFIPSEC_A_SA_TUNNEL, sa->tunnel) ||
		    !put_sa_crypto(msg, sa))
			return false;
		if (sa->encap_local &&
		    (!put_be16(msg, NFIPSEC_A_SA_ENCAP_LOCAL_PORT, sa->encap_local) ||
		     !put_be16(msg, NFIPSEC_A_SA_ENCAP_REMOTE_PORT, sa->encap_remote)))
			return false;
		if (sa->orig_remote.family &&
		    (!put_addr(msg, NFIPSEC_A_SA_ORIG_LOCAL, &sa->orig_local) ||
		     !put_addr(msg, NFIPSEC_A_SA_ORIG_REMOTE, &sa->orig_remote)))
			return false;
		if (sa->esn && nla_put_flag(msg, NFIPSEC_A_SA_ESN))
			return false;
		if (!put_u64_unless_0(msg, NFIPSEC_A_SA_SEQ, sa->seq))
			return false;
		/* the receiver's matter alone */
		if (sa->dir == NFIPSEC_DIR_IN && sa->replay_window &&
		    nla_put_u32(msg, NFIPSEC_A_SA_REPLAY_WINDOW, sa->replay_window))
			return false;
		for (i = 0; i < sa->n_sels; i++)
			if (!put_sel(msg, NFIPSEC_A_SA_SELECTOR, &sa->sels[i].src,
				     &sa->sels[i].dst))
				return false;
		if (!put_sa_limits(msg, sa))
			return false;
	}
	nla_nest_end(msg, nest);
	return true;
}

bool kern_attr_put_sa_tunnel(struct nl_msg *msg, const char *tunnel)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_SA);

	if (!nest || nla_put_string(msg, NFIPSEC_A_SA_TUNNEL, tunnel))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

const char *kern_attr_tunnel_name(const struct conf_tunnel *t, char *out, size_t len)
{
	snprintf(out, len, "%s/%s", t->peer->name, t->name);
	return out;
}

bool kern_attr_put_tunnel(struct nl_msg *msg, const struct conf_tunnel *t)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_TUNNEL);
	char name[NFIPSEC_NAME_MAX + 1];

	if (!nest ||
	    nla_put_string(msg, NFIPSEC_A_TUNNEL_NAME,
			   kern_attr_tunnel_name(t, name, sizeof(name))) ||
	    !put_addr(msg, NFIPSEC_A_TUNNEL_LOCAL, &t->peer->local) ||
	    !put_addr(msg, NFIPSEC_A_TUNNEL_REMOTE, &t->peer->remote) ||
	    !put_u8(msg, NFIPSEC_A_TUNNEL_MODE, t->mode) ||
	    (t->mtu && nla_put_u32(msg, NFIPSEC_A_TUNNEL_MTU, t->mtu)) ||
	    !put_u8(msg, NFIPSEC_A_TUNNEL_DF, t->df) ||
	    (t->dscp >= 0 && !put_u8(msg, NFIPSEC_A_TUNNEL_DSCP, t->dscp)) ||
	    (conf_tunnel_is_bundle(t) && nla_put_flag(msg, NFIPSEC_A_TUNNEL_BUNDLE)) ||
	    (t->tfc && !t->tfc_refused && nla_put_u32(msg, NFIPSEC_A_TUNNEL_TFC, t->tfc)) ||
	    (t->mark && nla_put_u32(msg, NFIPSEC_A_TUNNEL_MARK, t->mark)) ||
	    (*t->vrf && nla_put_string(msg, NFIPSEC_A_TUNNEL_VRF, t->vrf)))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

bool kern_attr_put_entry(struct nl_msg *msg, const char *list, const struct conf_entry *e,
			 const char *tunnel, bool standby)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_ENTRY);

	if (!nest ||
	    nla_put_string(msg, NFIPSEC_A_ENTRY_LIST, list) ||
	    nla_put_u32(msg, NFIPSEC_A_ENTRY_NUMBER, e->number) ||
	    !put_u8(msg, NFIPSEC_A_ENTRY_ACTION, e->action) ||
	    (tunnel && nla_put_string(msg, NFIPSEC_A_ENTRY_TUNNEL, tunnel)) ||
	    !put_sel(msg, NFIPSEC_A_ENTRY_SELECTOR, &e->src, &e->dst) ||
	    (standby && nla_put_flag(msg, NFIPSEC_A_ENTRY_STANDBY)))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

bool kern_attr_put_flow(struct nl_msg *msg, const struct kern_flow *flow)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_FLOW);

	if (!nest ||
	    !put_u8(msg, NFIPSEC_A_FLOW_DIR, flow->dir) ||
	    !put_u8(msg, NFIPSEC_A_FLOW_PROTO, flow->proto) ||
	    !put_addr(msg, NFIPSEC_A_FLOW_SADDR, &flow->src) ||
	    !put_addr(msg, NFIPSEC_A_FLOW_DADDR, &flow->dst) ||
	    !put_be16(msg, NFIPSEC_A_FLOW_SPORT, flow->sport) ||
	    !put_be16(msg, NFIPSEC_A_FLOW_DPORT, flow->dport))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

bool kern_attr_put_ends(struct nl_msg *msg, const struct kern_ends *ends)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_ENDS);

	if (!nest ||
	    !put_addr(msg, NFIPSEC_A_ENDS_LOCAL, &ends->local) ||
	    !put_addr(msg, NFIPSEC_A_ENDS_REMOTE, &ends->remote) ||
	    (ends->local_port && !put_be16(msg, NFIPSEC_A_ENDS_LOCAL_PORT, ends->local_port)) ||
	    (ends->remote_port && !put_be16(msg, NFIPSEC_A_ENDS_REMOTE_PORT, ends->remote_port)))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

bool kern_attr_put_dummy(struct nl_msg *msg, uint32_t packets, uint32_t bytes)
{
	struct nlattr *nest = nest_start(msg, NFIPSEC_A_DUMMY);

	if (!nest || nla_put_u32(msg, NFIPSEC_A_DUMMY_PACKETS, packets) ||
	    nla_put_u32(msg, NFIPSEC_A_DUMMY_BYTES, bytes))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

bool kern_attr_put_ike_fds(struct nl_msg *msg, const int *fds, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (nla_put_u32(msg, NFIPSEC_A_IKE_FD, fds[i]))
			return false;
	return true;
}

/* ---- get ---- */

static const struct nla_policy top_policy[NFIPSEC_A_MAX + 1] = {
	[NFIPSEC_A_SA]		= { .type = NLA_NESTED },
	[NFIPSEC_A_TUNNEL]	= { .type = NLA_NESTED },
	[NFIPSEC_A_ENTRY]	= { .type = NLA_NESTED },
	[NFIPSEC_A_STATS]	= { .type = NLA_NESTED },
	[NFIPSEC_A_FLOW]	= { .type = NLA_NESTED },
	[NFIPSEC_A_ENDS]	= { .type = NLA_NESTED },
	[NFIPSEC_A_DUMMY]	= { .type = NLA_NESTED },
};

static const struct nla_policy sa_policy[NFIPSEC_A_SA_MAX + 1] = {
	[NFIPSEC_A_SA_PROTO]		= { .type = NLA_U8 },
	[NFIPSEC_A_SA_SPI]		= { .type = NLA_U32 },
	[NFIPSEC_A_SA_DIR]		= { .type = NLA_U8 },
	[NFIPSEC_A_SA_MODE]		= { .type = NLA_U8 },
	[NFIPSEC_A_SA_TUNNEL]		= { .type = NLA_NUL_STRING },
	[NFIPSEC_A_SA_ENCR]		= { .type = NLA_U16 },
	[NFIPSEC_A_SA_INTEG]		= { .type = NLA_U16 },
	[NFIPSEC_A_SA_ESN]		= { .type = NLA_FLAG },
	[NFIPSEC_A_SA_REPLAY_WINDOW]	= { .type = NLA_U32 },
	[NFIPSEC_A_SA_SELECTOR]		= { .type = NLA_NESTED },
	[NFIPSEC_A_SA_SOFT_SECONDS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_HARD_SECONDS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_SOFT_BYTES]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_HARD_BYTES]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_SOFT_PACKETS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_HARD_PACKETS]	= { .type = NLA_U64 },
	[NFIPSEC_A_SA_SEQ]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_BYTES]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_PACKETS]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_REPLAYED]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_INVALID]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_AGE]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_IDLE]		= { .type = NLA_U64 },
	[NFIPSEC_A_SA_EXPIRE_HARD]	= { .type = NLA_FLAG },
};

static const struct nla_policy sel_policy[NFIPSEC_A_SEL_MAX + 1] = {
	[NFIPSEC_A_SEL_PROTO]		= { .type = NLA_U8 },
	[NFIPSEC_A_SEL_SPORT_MIN]	= { .type = NLA_U16 },
	[NFIPSEC_A_SEL_SPORT_MAX]	= { .type = NLA_U16 },
	[NFIPSEC_A_SEL_DPORT_MIN]	= { .type = NLA_U16 },
	[NFIPSEC_A_SEL_DPORT_MAX]	= { .type = NLA_U16 },
};

static const struct nla_policy tunnel_policy[NFIPSEC_A_TUNNEL_MAX + 1] = {
	[NFIPSEC_A_TUNNEL_NAME]		= { .type = NLA_NUL_STRING },
	[NFIPSEC_A_TUNNEL_MODE]		= { .type = NLA_U8 },
	[NFIPSEC_A_TUNNEL_MTU]		= { .type = NLA_U32 },
	[NFIPSEC_A_TUNNEL_QUEUED]	= { .type = NLA_U32 },
	[NFIPSEC_A_TUNNEL_QUEUE_DROPS]	= { .type = NLA_U64 },
	[NFIPSEC_A_TUNNEL_ACQUIRES]	= { .type = NLA_U64 },
	[NFIPSEC_A_TUNNEL_BUNDLE]	= { .type = NLA_FLAG },
	[NFIPSEC_A_TUNNEL_TFC]		= { .type = NLA_U32 },
	[NFIPSEC_A_TUNNEL_MARK]		= { .type = NLA_U32 },
	[NFIPSEC_A_TUNNEL_VRF]		= { .type = NLA_NUL_STRING },
};

static const struct nla_policy entry_policy[NFIPSEC_A_ENTRY_MAX + 1] = {
	[NFIPSEC_A_ENTRY_LIST]		= { .type = NLA_NUL_STRING },
	[NFIPSEC_A_ENTRY_NUMBER]	= { .type = NLA_U32 },
	[NFIPSEC_A_ENTRY_ACTION]	= { .type = NLA_U8 },
	[NFIPSEC_A_ENTRY_TUNNEL]	= { .type = NLA_NUL_STRING },
	[NFIPSEC_A_ENTRY_SELECTOR]	= { .type = NLA_NESTED },
	[NFIPSEC_A_ENTRY_OUT_PACKETS]	= { .type = NLA_U64 },
	[NFIPSEC_A_ENTRY_IN_PACKETS]	= { .type = NLA_U64 },
	[NFIPSEC_A_ENTRY_STANDBY]	= { .type = NLA_FLAG },
	[NFIPSEC_A_ENTRY_ACTIVE]	= { .type = NLA_FLAG },
};

static const struct nla_policy flow_policy[NFIPSEC_A_FLOW_MAX + 1] = {
	[NFIPSEC_A_FLOW_DIR]	= { .type = NLA_U8 },
	[NFIPSEC_A_FLOW_PROTO]	= { .type = NLA_U8 },
	[NFIPSEC_A_FLOW_SPORT]	= { .type = NLA_U16 },
	[NFIPSEC_A_FLOW_DPORT]	= { .type = NLA_U16 },
	[NFIPSEC_A_FLOW_TUNNEL]	= { .type = NLA_NUL_STRING },
	[NFIPSEC_A_FLOW_LIST]	= { .type = NLA_NUL_STRING },
	[NFIPSEC_A_FLOW_NUMBER]	= { .type = NLA_U32 },
};

static const struct nla_policy ends_policy[NFIPSEC_A_ENDS_MAX + 1] = {
	[NFIPSEC_A_ENDS_LOCAL_PORT]	= { .type = NLA_U16 },
	[NFIPSEC_A_ENDS_REMOTE_PORT]	= { .type = NLA_U16 },
};

static const char *const stat_names[NFIPSEC_STAT_MAX + 1] = {
#define X(id, name) [NFIPSEC_STAT_##id] = name,
	NFIPSEC_STATS(X)
#undef X
};

/* absent: any */
static bool get_addr(const struct nlattr *a, struct addr *out)
{
	memset(out, 0, sizeof(*out));
	if (!a)
		return true;
	switch (nla_len(a)) {
	case 4:
		out->family = AF_INET;
		break;
	case 16:
		out->family = AF_INET6;
		break;
	default:
		return false;
	}
	memcpy(out->a, nla_data(a), nla_len(a));
	return true;
}

static uint64_t get_u64_or_0(const struct nlattr *a)
{
	return a ? nla_get_u64(a) : 0;
}

static uint32_t get_u32_or_0(const struct nlattr *a)
{
	return a ? nla_get_u32(a) : 0;
}

static uint8_t get_u8_or_0(const struct nlattr *a)
{
	return a ? nla_get_u8(a) : 0;
}

static uint16_t get_be16(const struct nlattr *a, uint16_t absent)
{
	return a ? ntohs(nla_get_u16(a)) : absent;
}

static void get_name(const struct nlattr *a, char *out, size_t len)
{
	out[0] = 0;
	if (a)
		snprintf(out, len, "%s", nla_get_string(a));
}

static bool get_sel(struct nlattr *nest, struct ts *src, struct ts *dst)
{
	struct nlattr *tb[NFIPSEC_A_SEL_MAX + 1];

	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	if (nla_parse_nested(tb, NFIPSEC_A_SEL_MAX, nest, sel_policy) < 0)
		return false;
	if (!get_addr(tb[NFIPSEC_A_SEL_SADDR_MIN], &src->min) ||
	    !get_addr(tb[NFIPSEC_A_SEL_SADDR_MAX], &src->max) ||
	    !get_addr(tb[NFIPSEC_A_SEL_DADDR_MIN], &dst->min) ||
	    !get_addr(tb[NFIPSEC_A_SEL_DADDR_MAX], &dst->max))
		return false;
	src->proto = dst->proto = get_u8_or_0(tb[NFIPSEC_A_SEL_PROTO]);
	src->port_min = get_be16(tb[NFIPSEC_A_SEL_SPORT_MIN], 0);
	src->port_max = get_be16(tb[NFIPSEC_A_SEL_SPORT_MAX], 65535);
	dst->port_min = get_be16(tb[NFIPSEC_A_SEL_DPORT_MIN], 0);
	dst->port_max = get_be16(tb[NFIPSEC_A_SEL_DPORT_MAX], 65535);
	return true;
}

bool kern_attr_parse(struct nlmsghdr *hdr, struct nlattr *tb[])
{
	/* the generic netlink header stands before the attributes */
	return nlmsg_parse(hdr, 4, tb, NFIPSEC_A_MAX, top_policy) >= 0;
}

bool kern_attr_get_sa(struct nlattr *nest, struct kern_sa *sa)
{
	struct nlattr *tb[NFIPSEC_A_SA_MAX + 1], *a;
	int rem;

	memset(sa, 0, sizeof(*sa));
	if (!nest || nla_parse_nested(tb, NFIPSEC_A_SA_MAX, nest, sa_policy) < 0)
		return false;
	if (!tb[NFIPSEC_A_SA_PROTO] || !tb[NFIPSEC_A_SA_SPI] || !tb[NFIPSEC_A_SA_DIR])
		return false;
	sa->proto = nla_get_u8(tb[NFIPSEC_A_SA_PROTO]);
	sa->spi = ntohl(nla_get_u32(tb[NFIPSEC_A_SA_SPI]));
	sa->dir = nla_get_u8(tb[NFIPSEC_A_SA_DIR]);
	sa->mode = get_u8_or_0(tb[NFIPSEC_A_SA_MODE]);
	get_name(tb[NFIPSEC_A_SA_TUNNEL], sa->tunnel, sizeof(sa->tunnel));
	if (!get_addr(tb[NFIPSEC_A_SA_LOCAL], &sa->local) ||
	    !get_addr(tb[NFIPSEC_A_SA_REMOTE], &sa->remote))
		return false;
	if (tb[NFIPSEC_A_SA_ENCR])
		sa->encr = nla_get_u16(tb[NFIPSEC_A_SA_ENCR]);
	if (tb[NFIPSEC_A_SA_INTEG])
		sa->integ = nla_get_u16(tb[NFIPSEC_A_SA_INTEG]);
	if (tb[NFIPSEC_A_SA_ENCAP_LOCAL_PORT])
		sa->encap_local = ntohs(nla_get_u16(tb[NFIPSEC_A_SA_ENCAP_LOCAL_PORT]));
	if (tb[NFIPSEC_A_SA_ENCAP_REMOTE_PORT])
		sa->encap_remote = ntohs(nla_get_u16(tb[NFIPSEC_A_SA_ENCAP_REMOTE_PORT]));
	if (tb[NFIPSEC_A_SA_ORIG_LOCAL] && tb[NFIPSEC_A_SA_ORIG_REMOTE] &&
	    (!get_addr(tb[NFIPSEC_A_SA_ORIG_LOCAL], &sa->orig_local) ||
	     !get_addr(tb[NFIPSEC_A_SA_ORIG_REMOTE], &sa->orig_remote)))
		return false;
	sa->esn = tb[NFIPSEC_A_SA_ESN];
	sa->replay_window = get_u32_or_0(tb[NFIPSEC_A_SA_REPLAY_WINDOW]);
	sa->soft_seconds = get_u64_or_0(tb[NFIPSEC_A_SA_SOFT_SECONDS]);
	sa->hard_seconds = get_u64_or_0(tb[NFIPSEC_A_SA_HARD_SECONDS]);
	sa->soft_bytes = get_u64_or_0(tb[NFIPSEC_A_SA_SOFT_BYTES]);
	sa->hard_bytes = get_u64_or_0(tb[NFIPSEC_A_SA_HARD_BYTES]);
	sa->soft_packets = get_u64_or_0(tb[NFIPSEC_A_SA_SOFT_PACKETS]);
	sa->hard_packets = get_u64_or_0(tb[NFIPSEC_A_SA_HARD_PACKETS]);
	sa->seq = get_u64_or_0(tb[NFIPSEC_A_SA_SEQ]);
	sa->bytes = get_u64_or_0(tb[NFIPSEC_A_SA_BYTES]);
	sa->packets = get_u64_or_0(tb[NFIPSEC_A_SA_PACKETS]);
	sa->replayed = get_u64_or_0(tb[NFIPSEC_A_SA_REPLAYED]);
	sa->invalid = get_u64_or_0(tb[NFIPSEC_A_SA_INVALID]);
	sa->age = get_u64_or_0(tb[NFIPSEC_A_SA_AGE]);
	sa->idle = get_u64_or_0(tb[NFIPSEC_A_SA_IDLE]);
	sa->expired_hard = tb[NFIPSEC_A_SA_EXPIRE_HARD];

	/* it repeats, so the table above holds only the last */
	nla_for_each_nested(a, nest, rem) {
		struct kern_sel *sel;

		if (nla_type(a) != NFIPSEC_A_SA_SELECTOR)
			continue;
		if (sa->n_sels == KERN_SEL_MAX)
			return false;
		sel = &sa->sels[sa->n_sels++];
		if (!get_sel(a, &sel->src, &sel->dst))
			return false;
	}
	return true;
}

bool kern_attr_get_tunnel(struct nlattr *nest, struct kern_tunnel *t)
{
	struct nlattr *tb[NFIPSEC_A_TUNNEL_MAX + 1];

	memset(t, 0, sizeof(*t));
	if (!nest || nla_parse_nested(tb, NFIPSEC_A_TUNNEL_MAX, nest, tunnel_policy) < 0 ||
	    !tb[NFIPSEC_A_TUNNEL_NAME])
		return false;
	get_name(tb[NFIPSEC_A_TUNNEL_NAME], t->name, sizeof(t->name));
	t->mode = get_u8_or_0(tb[NFIPSEC_A_TUNNEL_MODE]);
	t->mtu = get_u32_or_0(tb[NFIPSEC_A_TUNNEL_MTU]);
	t->queued = get_u32_or_0(tb[NFIPSEC_A_TUNNEL_QUEUED]);
	t->queue_drops = get_u64_or_0(tb[NFIPSEC_A_TUNNEL_QUEUE_DROPS]);
	t->acquires = get_u64_or_0(tb[NFIPSEC_A_TUNNEL_ACQUIRES]);
	t->bundle = tb[NFIPSEC_A_TUNNEL_BUNDLE];
	t->tfc = get_u32_or_0(tb[NFIPSEC_A_TUNNEL_TFC]);
	t->mark = get_u32_or_0(tb[NFIPSEC_A_TUNNEL_MARK]);
	get_name(tb[NFIPSEC_A_TUNNEL_VRF], t->vrf, sizeof(t->vrf));
	return get_addr(tb[NFIPSEC_A_TUNNEL_LOCAL], &t->local) &&
	       get_addr(tb[NFIPSEC_A_TUNNEL_REMOTE], &t->remote);
}

bool kern_attr_get_entry(struct nlattr *nest, struct kern_entry *e)
{
	struct nlattr *tb[NFIPSEC_A_ENTRY_MAX + 1];

	memset(e, 0, sizeof(*e));
	if (!nest || nla_parse_nested(tb, NFIPSEC_A_ENTRY_MAX, nest, entry_policy) < 0 ||
	    !tb[NFIPSEC_A_ENTRY_LIST] || !tb[NFIPSEC_A_ENTRY_ACTION])
		return false;
	get_name(tb[NFIPSEC_A_ENTRY_LIST], e->list, sizeof(e->list));
	get_name(tb[NFIPSEC_A_ENTRY_TUNNEL], e->tunnel, sizeof(e->tunnel));
	e->number = get_u32_or_0(tb[NFIPSEC_A_ENTRY_NUMBER]);
	e->action = nla_get_u8(tb[NFIPSEC_A_ENTRY_ACTION]);
	e->out_packets = get_u64_or_0(tb[NFIPSEC_A_ENTRY_OUT_PACKETS]);
	e->in_packets = get_u64_or_0(tb[NFIPSEC_A_ENTRY_IN_PACKETS]);
	e->standby = tb[NFIPSEC_A_ENTRY_STANDBY];
	e->active = tb[NFIPSEC_A_ENTRY_ACTIVE];
	return !tb[NFIPSEC_A_ENTRY_SELECTOR] ||
	       get_sel(tb[NFIPSEC_A_ENTRY_SELECTOR], &e->src, &e->dst);
}

bool kern_attr_get_flow(struct nlattr *nest, struct kern_flow *f)
{
	struct nlattr *tb[NFIPSEC_A_FLOW_MAX + 1];

	memset(f, 0, sizeof(*f));
	if (!nest || nla_parse_nested(tb, NFIPSEC_A_FLOW_MAX, nest, flow_policy) < 0)
		return false;
	f->dir = get_u8_or_0(tb[NFIPSEC_A_FLOW_DIR]);
	f->proto = get_u8_or_0(tb[NFIPSEC_A_FLOW_PROTO]);
	f->sport = get_be16(tb[NFIPSEC_A_FLOW_SPORT], 0);
	f->dport = get_be16(tb[NFIPSEC_A_FLOW_DPORT], 0);
	get_name(tb[NFIPSEC_A_FLOW_TUNNEL], f->tunnel, sizeof(f->tunnel));
	get_name(tb[NFIPSEC_A_FLOW_LIST], f->list, sizeof(f->list));
	f->number = get_u32_or_0(tb[NFIPSEC_A_FLOW_NUMBER]);
	return get_addr(tb[NFIPSEC_A_FLOW_SADDR], &f->src) &&
	       get_addr(tb[NFIPSEC_A_FLOW_DADDR], &f->dst);
}

bool kern_attr_get_ends(struct nlattr *nest, struct kern_ends *ends)
{
	struct nlattr *tb[NFIPSEC_A_ENDS_MAX + 1];

	memset(ends, 0, sizeof(*ends));
	if (!nest || nla_parse_nested(tb, NFIPSEC_A_ENDS_MAX, nest, ends_policy) < 0)
		return false;
	ends->local_port = get_be16(tb[NFIPSEC_A_ENDS_LOCAL_PORT], 0);
	ends->remote_port = get_be16(tb[NFIPSEC_A_ENDS_REMOTE_PORT], 0);
	return get_addr(tb[NFIPSEC_A_ENDS_LOCAL], &ends->local) &&
	       get_addr(tb[NFIPSEC_A_ENDS_REMOTE], &ends->remote);
}

bool kern_attr_get_stats(struct nlattr *nest,
			 void (*each)(const struct kern_stat *s, void *arg), void *arg)
{
	struct nlattr *tb[NFIPSEC_STAT_MAX + 1];
	struct kern_stat s;
	int i;

	if (!nest || nla_parse_nested(tb, NFIPSEC_STAT_MAX, nest, NULL) < 0)
		return false;
	for (i = 1; i <= NFIPSEC_STAT_MAX; i++) {
		if (!tb[i] || !stat_names[i] || nla_len(tb[i]) != sizeof(uint64_t))
			continue;
		s.name = stat_names[i];
		s.value = nla_get_u64(tb[i]);
		each(&s, arg);
	}
	return true;
}
