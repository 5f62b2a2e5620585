/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the netlink interface share. */
#ifndef _NFIPSEC_NETLINK_H
#define _NFIPSEC_NETLINK_H

#include <net/genetlink.h>

#include "sa.h"

extern struct genl_family nfipsec_genl_family;

extern const struct nla_policy nfipsec_nl_sa_policy[NFIPSEC_A_SA_MAX + 1];
extern const struct nla_policy nfipsec_nl_ends_policy[NFIPSEC_A_ENDS_MAX + 1];
extern const struct nla_policy nfipsec_nl_dummy_policy[NFIPSEC_A_DUMMY_MAX + 1];
extern const struct nla_policy nfipsec_nl_sel_policy[NFIPSEC_A_SEL_MAX + 1];
extern const struct nla_policy nfipsec_nl_tunnel_policy[NFIPSEC_A_TUNNEL_MAX + 1];
extern const struct nla_policy nfipsec_nl_entry_policy[NFIPSEC_A_ENTRY_MAX + 1];
extern const struct nla_policy nfipsec_nl_flow_policy[NFIPSEC_A_FLOW_MAX + 1];

#define NFIPSEC_NL_ADDR NLA_POLICY_RANGE(NLA_BINARY, 4, 16)
#define NFIPSEC_NL_NAME { .type = NLA_NUL_STRING, .len = NFIPSEC_NAME_MAX }

/* the largest message: an SA with all its attributes, and 64 selectors of 124 octets each */
#define NFIPSEC_NL_MSG_SIZE (12 * 1024)

/* netlink.c: attributes that several objects have */
int nfipsec_nl_missing(struct netlink_ext_ack *extack, const struct nlattr *nest, int type,
		       const char *message);
int nfipsec_nl_get_name(const struct nlattr *attr, char *name, struct netlink_ext_ack *extack);
int nfipsec_nl_no_tunnel(struct netlink_ext_ack *extack, const struct nlattr *attr);
int nfipsec_nl_get_addr(const struct nlattr *attr, u8 *family, union nfipsec_addr *addr,
			struct netlink_ext_ack *extack);
int nfipsec_nl_put_addr(struct sk_buff *skb, int type, u8 family, const union nfipsec_addr *addr);
int nfipsec_nl_get_sel(const struct nlattr *nest, struct nfipsec_sel *sel,
		       struct netlink_ext_ack *extack);
int nfipsec_nl_put_sel(struct sk_buff *skb, int type, const struct nfipsec_sel *sel);

/* netlink_sa.c */
int nfipsec_nl_sa_add(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_sa_del(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_sa_get(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_sa_dump_start(struct netlink_callback *cb);
int nfipsec_nl_sa_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nfipsec_nl_sa_flush(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_sa_move(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_dummy_send(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_spi_await(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_spi_forget(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_put_sa(struct sk_buff *skb, const struct nfipsec_sa *sa);

/* ike.c */
int nfipsec_nl_ike_sockets(struct sk_buff *skb, struct genl_info *info);

/* netlink_policy.c */
int nfipsec_nl_policy_set(struct sk_buff *skb, struct genl_info *info);
int nfipsec_nl_policy_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nfipsec_nl_tunnel_dump(struct sk_buff *skb, struct netlink_callback *cb);
int nfipsec_nl_explain(struct sk_buff *skb, struct genl_info *info);

#endif
