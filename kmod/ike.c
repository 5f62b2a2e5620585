// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's IKE sockets. A wide protect entry must not trap the negotiation that it
 * waits for. A port number proves nothing, since any local user may bind 4500 and any
 * host behind this gateway may send from it. So the daemon names its sockets over
 * netlink, and the module compares sockets.
 */
#include <linux/file.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_conntrack.h>

#include "netlink.h"
#include "path.h"

/* ports 500 and 4500 of both families, and as many while the daemon binds others */
#define SOCKETS_MAX 16

/**
 * struct ike_socket - a socket that the daemon named
 * @sk: the socket; a reference, so that no other socket gets its address
 * @addr: address that it is bound to
 * @port: port that it is bound to
 * @ip4: receives datagrams of IPv4
 * @ip6: receives datagrams of IPv6
 * @any: bound to no address
 */
struct ike_socket {
	struct sock		*sk;
	union nfipsec_addr	addr;
	__be16			port;
	bool			ip4, ip6;
	bool			any;
};

/**
 * struct nfipsec_ike - the sockets of a namespace; immutable, replaced as a whole
 * @rcu: frees the set and its references after a grace period
 * @portid: the netlink socket that named them; the set is deleted when it closes
 * @n: number of @sockets
 * @sockets: the sockets
 */
struct nfipsec_ike {
	struct rcu_head		rcu;
	u32			portid;
	unsigned int		n;
	struct ike_socket	sockets[];
};

/**
 * nfipsec_ike_is_sender - did one of the daemon's IKE sockets send this packet?
 * @nn: the namespace
 * @skb: a packet that leaves this host
 *
 * A forwarded packet has no socket. RCU read side.
 *
 * Return: true for a packet of a named socket.
 */
bool nfipsec_ike_is_sender(struct nfipsec_net *nn, const struct sk_buff *skb)
{
	const struct nfipsec_ike *ike = rcu_dereference(nn->ike);
	unsigned int i;

	if (!ike || !skb->sk)
		return false;
	for (i = 0; i < ike->n; i++)
		if (ike->sockets[i].sk == skb->sk)
			return true;
	return false;
}

/**
 * nfipsec_ike_is_receiver - does the daemon listen on an address and port?
 * @nn: the namespace
 * @family: AF_INET or AF_INET6
 * @addr: address of this host
 * @port: UDP port
 *
 * RCU read side.
 *
 * Return: true if a named socket is bound to them.
 */
bool nfipsec_ike_is_receiver(struct nfipsec_net *nn, u8 family, const union nfipsec_addr *addr,
			     __be16 port)
{
	const struct nfipsec_ike *ike = rcu_dereference(nn->ike);
	unsigned int i;

	for (i = 0; ike && i < ike->n; i++) {
		const struct ike_socket *s = &ike->sockets[i];

		/* a port whose socket was closed is anybody's */
		if (s->port == port && !sock_flag(s->sk, SOCK_DEAD) &&
		    (family == AF_INET ? s->ip4 : s->ip6) &&
		    (s->any || nfipsec_addr_equal(family, &s->addr, addr)))
			return true;
	}
	return false;
}

/**
 * nfipsec_ike_is_own - would the daemon send from an address and port?
 * @nn: the namespace
 * @family: AF_INET or AF_INET6
 * @addr: source address
 * @port: source port of UDP
 *
 * To explain a packet that does not exist and has no socket. RCU read side.
 *
 * Return: true if a named socket can have them.
 */
bool nfipsec_ike_is_own(struct nfipsec_net *nn, u8 family, const union nfipsec_addr *addr,
			__be16 port)
{
	return nfipsec_ike_is_receiver(nn, family, addr, port) &&
	       nfipsec_xmit_is_local(nn->net, family, addr);
}

/* Is @local this end of the tunnel? One without a fixed address takes any of the host's own. */
static bool is_end(const struct nfipsec_tunnel *tunnel, u8 family, const union nfipsec_addr *local,
		   const union nfipsec_addr *remote)
{
	if (tunnel->family && tunnel->family != family)
		return false;
	if (tunnel->has_remote && !nfipsec_addr_equal(family, &tunnel->remote, remote))
		return false;
	if (tunnel->has_local)
		return nfipsec_addr_equal(family, &tunnel->local, local);
	return nfipsec_xmit_is_local(tunnel->nn->net, family, local);
}

/**
 * nfipsec_ike_is_outer - does an arriving packet belong to the tunnels themselves?
 * @nn: the namespace
 * @pkt: a packet for this host, with the addresses that it has at LOCAL_IN
 *
 * ESP and AH between the outer addresses of a tunnel (an SPI that is not ours may be
 * xfrm's), and UDP from a peer to a socket that the daemon named. A fragment is neither:
 * the stack has reassembled what it delivers to this host. RCU read side.
 *
 * Return: true for such a packet, which no protect entry is to take.
 */
bool nfipsec_ike_is_outer(struct nfipsec_net *nn, const struct nfipsec_pkt *pkt)
{
	const struct nfipsec_tunnel *tunnel;

	if (pkt->h.fragment)
		return false;
	switch (pkt->h.proto) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		break;
	case IPPROTO_UDP:
		if (nfipsec_ike_is_receiver(nn, pkt->family, &pkt->daddr, pkt->dport))
			break;
		fallthrough;
	default:
		return false;
	}
	list_for_each_entry_rcu(tunnel, &nn->tunnels, link)
		if (is_end(tunnel, pkt->family, &pkt->daddr, &pkt->saddr))
			return true;
	return false;
}

/* Is the packet an answer to an IKE message whose source this host's own NAT has translated? */
static bool is_reply_behind_nat(struct nfipsec_net *nn, const struct sk_buff *skb)
{
	struct nf_conntrack_tuple tuple;
	union nfipsec_addr addr;

	/* before conntrack has seen the packet, this is the tuple of the other direction */
	if (skb_nfct(skb) || !nf_ct_get_tuple_skb(&tuple, skb) ||
	    tuple.src.l3num != NFPROTO_IPV4 || tuple.dst.protonum != IPPROTO_UDP)
		return false;
	addr.ip = tuple.src.u3.ip;
	return nfipsec_ike_is_receiver(nn, AF_INET, &addr, tuple.src.u.udp.port);
}

/**
 * nfipsec_ike_may_be_outer - may an arriving packet belong to the tunnels themselves?
 * @nn: the namespace
 * @skb: the packet at PRE_ROUTING, before conntrack; skb->data at its IP header
 * @pkt: the same
 *
 * Nobody knows yet whether the packet is for this host. LOCAL_IN and FORWARD judge what
 * this function lets pass. RCU read side.
 *
 * Return: true if LOCAL_IN or FORWARD is to decide.
 */
bool nfipsec_ike_may_be_outer(struct nfipsec_net *nn, struct sk_buff *skb,
			      const struct nfipsec_pkt *pkt)
{
	if (pkt->h.fragment)
		return false;
	switch (pkt->h.proto) {
	case IPPROTO_ESP:
	case IPPROTO_AH:
		return true;
	case IPPROTO_UDP:
		return nfipsec_ike_is_receiver(nn, pkt->family, &pkt->daddr, pkt->dport) ||
		       nfipsec_natt_find(nn, skb, &pkt->h) || nfipsec_natt_is_mixed(skb, &pkt->h) ||
		       nfipsec_await_is_announced(nn, skb, &pkt->h) ||
		       (pkt->family == AF_INET && is_reply_behind_nat(nn, skb));
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return nfipsec_icmp_quotes_outer(nn, skb, pkt);
	}
	return false;
}

/* ---- netlink ---- */

static int socket_describe(struct ike_socket *s, struct sock *sk, const struct net *net)
{
	const struct inet_sock *inet = inet_sk(sk);

	if ((sk->sk_family != AF_INET && sk->sk_family != AF_INET6) ||
	    sk->sk_type != SOCK_DGRAM || sk->sk_protocol != IPPROTO_UDP)
		return -EPROTOTYPE;
	if (!net_eq(sock_net(sk), net))
		return -EXDEV;
	if (!inet->inet_num)
		return -ENOTCONN;
	s->port = htons(inet->inet_num);
	s->ip4 = sk->sk_family == AF_INET;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		s->ip6 = true;
		s->addr.ip6 = sk->sk_v6_rcv_saddr;
		s->any = ipv6_addr_any(&s->addr.ip6);
		s->ip4 = s->any && !ipv6_only_sock(sk);
		return 0;
	}
#endif
	s->addr.ip = inet->inet_rcv_saddr;
	s->any = !s->addr.ip;
	return 0;
}

static void ike_free(struct nfipsec_ike *ike)
{
	while (ike->n)
		sock_put(ike->sockets[--ike->n].sk);
	kfree(ike);
}

static void ike_free_rcu(struct rcu_head *rcu)
{
	ike_free(container_of(rcu, struct nfipsec_ike, rcu));
}

static int socket_get(const struct nlattr *attr, struct ike_socket *s, const struct net *net,
		      struct netlink_ext_ack *extack)
{
	struct socket *sock;
	int err;

	/* of the process that sent the message, which is the current one */
	sock = sockfd_lookup(nla_get_u32(attr), &err);
	if (!sock) {
		NFIPSEC_ERR_ATTR(extack, attr, "expected a file descriptor of a socket",
				 ", found %u", nla_get_u32(attr));
		return err;
	}
	err = socket_describe(s, sock->sk, net);
	if (!err) {
		sock_hold(sock->sk);
		s->sk = sock->sk;
	}
	sockfd_put(sock);
	if (err)
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "expected a UDP socket of this namespace, bound to a port");
	return err;
}

static void replace_sockets(struct nfipsec_net *nn, struct nfipsec_ike *new)
{
	struct nfipsec_ike *old;

	old = rcu_replace_pointer(nn->ike, new, lockdep_is_held(&nn->config));
	if (old)
		call_rcu(&old->rcu, ike_free_rcu);
}

/**
 * nfipsec_nl_ike_sockets - NFIPSEC_CMD_IKE_SOCKETS
 * @skb: the message
 * @info: its attributes
 *
 * Replaces the set of the namespace. The set is deleted when the netlink socket closes
 * that sent the message. Process context.
 *
 * Return: 0 or an errno.
 */
int nfipsec_nl_ike_sockets(struct sk_buff *skb, struct genl_info *info)
{
	struct nfipsec_net *nn = nfipsec_net(genl_info_net(info));
	const struct nlattr *attr;
	struct nfipsec_ike *new;
	int rem, err;

	new = kzalloc(struct_size(new, sockets, SOCKETS_MAX), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->portid = info->snd_portid;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != NFIPSEC_A_IKE_FD)
			continue;
		err = -E2BIG;
		if (new->n == SOCKETS_MAX) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr, "expected at most 16 sockets");
			goto fail;
		}
		err = socket_get(attr, &new->sockets[new->n], nn->net, info->extack);
		if (err)
			goto fail;
		new->n++;
	}
	mutex_lock(&nn->config);
	replace_sockets(nn, new);
	mutex_unlock(&nn->config);
	return 0;

fail:
	ike_free(new);
	return err;
}

/* The daemon is gone: another process may bind its ports now. */
static int netlink_released(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *gone = data;
	const struct nfipsec_ike *ike;
	struct nfipsec_net *nn;
	bool named;

	if (event != NETLINK_URELEASE || gone->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	nn = nfipsec_net(gone->net);
	nfipsec_await_closed(nn, gone->portid);
	/* most sockets that close have named nothing, and must not wait for @config */
	rcu_read_lock();
	ike = rcu_dereference(nn->ike);
	named = ike && ike->portid == gone->portid;
	rcu_read_unlock();
	if (!named)
		return NOTIFY_DONE;
	mutex_lock(&nn->config);
	if (rcu_dereference_protected(nn->ike, lockdep_is_held(&nn->config)) &&
	    rcu_dereference_protected(nn->ike, lockdep_is_held(&nn->config))->portid ==
	    gone->portid)
		replace_sockets(nn, NULL);
	mutex_unlock(&nn->config);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_nb = { .notifier_call = netlink_released };

int __init nfipsec_ike_init(void)
{
	return netlink_register_notifier(&netlink_nb);
}

void nfipsec_ike_exit(void)
{
	netlink_unregister_notifier(&netlink_nb);
}

/* The hooks are gone, and readers with them. */
void nfipsec_ike_exit_net(struct nfipsec_net *nn)
{
	mutex_lock(&nn->config);
	replace_sockets(nn, NULL);
	mutex_unlock(&nn->config);
}
