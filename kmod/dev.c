// SPDX-License-Identifier: GPL-2.0
/*
 * nfipsec0, and the routes that lead protected packets to it.
 *
 * A route is an rtable or rt6_info that knows its tunnel (struct nfipsec_route). The
 * hook puts it on the packet, and the stack fragments, or answers "fragmentation
 * needed" or "packet too big", by the tunnel's MTU before the packet gets here, still
 * one GSO packet.
 */
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/ipv6_route.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_route.h>

#include "path.h"

/* ---- routes ---- */

static unsigned int route_mtu(const struct dst_entry *dst)
{
	return dst_metric_raw(dst, RTAX_MTU) ?: dst->dev->mtu;
}

static unsigned int route4_advmss(const struct dst_entry *dst)
{
	return route_mtu(dst) - sizeof(struct iphdr) - sizeof(struct tcphdr);
}

static unsigned int route6_advmss(const struct dst_entry *dst)
{
	return route_mtu(dst) - sizeof(struct ipv6hdr) - sizeof(struct tcphdr);
}

/*
 * From an RCU callback, when the last packet with this route is gone. The caller, and what
 * is left of the route, need this module no longer than the callback runs, and the module's
 * exit waits for callbacks.
 */
static void route_destroy(struct dst_entry *dst)
{
	nfipsec_tunnel_put(container_of(dst, struct nfipsec_route, dst)->tunnel);
	module_put(THIS_MODULE);
}

/* Whoever kept a route for longer than it was given for: it leads nowhere any more. */
static struct dst_entry *route_check(struct dst_entry *dst, u32 cookie)
{
	return NULL;
}

static void route_update_pmtu(struct dst_entry *dst, struct sock *sk, struct sk_buff *skb, u32 mtu,
			      bool confirm_neigh)
{
	/* the outer path is where the MTU comes from, see mtu.c */
}

static void route_redirect(struct dst_entry *dst, struct sock *sk, struct sk_buff *skb)
{
}

static struct dst_ops route4_ops = {
	.family = AF_INET,
	.check = route_check,
	.mtu = route_mtu,
	.default_advmss = route4_advmss,
	.destroy = route_destroy,
	.update_pmtu = route_update_pmtu,
	.redirect = route_redirect,
};

static struct dst_ops route6_ops = {
	.family = AF_INET6,
	.check = route_check,
	.mtu = route_mtu,
	.default_advmss = route6_advmss,
	.destroy = route_destroy,
	.update_pmtu = route_update_pmtu,
	.redirect = route_redirect,
};

/* of routes that lead whole packets here */
static struct dst_metrics whole_metrics = {
	.metrics[RTAX_MTU - 1] = IP_MAX_MTU,
};

bool nfipsec_dev_route_is_ours(const struct dst_entry *dst)
{
	return dst && (dst->ops == &route4_ops || dst->ops == &route6_ops);
}

static bool is_ip6(enum nfipsec_route_kind kind)
{
	return kind == NFIPSEC_ROUTE_IP6 || kind == NFIPSEC_ROUTE_IP6_NO_MTU;
}

static bool has_no_mtu(enum nfipsec_route_kind kind)
{
	return kind == NFIPSEC_ROUTE_IP4_NO_MTU || kind == NFIPSEC_ROUTE_IP6_NO_MTU;
}

/* the rest of struct rtable and struct rt6_info is not the allocator's business */
static void route4_init(struct rtable *rt, struct net *net)
{
	memset_after(rt, 0, dst);
	rt->rt_type = RTN_UNICAST;
	rt->rt_genid = rt_genid_ipv4(net);
	rt->dst.output = ip_output;
}

/* a gateway, so that all destinations have one neighbour, which needs no resolution */
static void route6_init(struct rt6_info *rt)
{
	memset_after(rt, 0, dst);
	rt->rt6i_flags = RTF_UP | RTF_GATEWAY;
	rt->dst.output = ip6_output;
}

static struct nfipsec_route *route_create(struct nfipsec_tunnel *tunnel,
					  enum nfipsec_route_kind kind)
{
	struct dst_metrics *metrics = &tunnel->metrics[is_ip6(kind)];
	struct nfipsec_route *route;

	if (has_no_mtu(kind))
		metrics = &whole_metrics;
	/* a socket's error queue may hold a packet, and so its route, for as long as it likes */
	if (!try_module_get(THIS_MODULE))
		return NULL;
	route = nfipsec_compat_dst_alloc(is_ip6(kind) ? &route6_ops : &route4_ops, tunnel->nn->dev,
					 DST_NOXFRM | DST_NOPOLICY | DST_NOCOUNT);
	if (!route) {
		module_put(THIS_MODULE);
		return NULL;
	}
	if (is_ip6(kind))
		route6_init(&route->rt6);
	else
		route4_init(&route->rt4, tunnel->nn->net);
	refcount_inc(&tunnel->ref);
	route->tunnel = tunnel;
	route->no_mtu = has_no_mtu(kind);
	dst_init_metrics(&route->dst, metrics->metrics, true);
	return route;
}

/**
 * nfipsec_dev_route - a route of the tunnel to nfipsec0, made on first use
 * @tunnel: the tunnel
 * @kind: which
 *
 * RCU read side, and the route is borrowed for as long.
 *
 * Return: NULL for no memory, or when the tunnel has left the policy.
 */
struct nfipsec_route *nfipsec_dev_route(struct nfipsec_tunnel *tunnel,
					enum nfipsec_route_kind kind)
{
	struct nfipsec_route *route = rcu_dereference(tunnel->routes[kind]);

	if (likely(route))
		return route;
	nfipsec_mtu_update(tunnel);
	spin_lock_bh(&tunnel->lock);
	route = rcu_dereference_protected(tunnel->routes[kind], lockdep_is_held(&tunnel->lock));
	if (!route && !tunnel->dead) {
		route = route_create(tunnel, kind);
		rcu_assign_pointer(tunnel->routes[kind], route);
	}
	spin_unlock_bh(&tunnel->lock);
	return route;
}

/* Packets that have a route keep it; the device does not wait for them. */
void nfipsec_dev_routes_drop(struct nfipsec_tunnel *tunnel)
{
	enum nfipsec_route_kind kind;
	struct nfipsec_route *route;

	for (kind = 0; kind < NFIPSEC_ROUTES; kind++) {
		spin_lock_bh(&tunnel->lock);
		route = rcu_replace_pointer(tunnel->routes[kind], NULL,
					    lockdep_is_held(&tunnel->lock));
		spin_unlock_bh(&tunnel->lock);
		if (!route)
			continue;
		dst_dev_put(&route->dst);
		dst_release(&route->dst);
	}
}

/* ---- the device ---- */

static netdev_tx_t dev_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct dst_entry *dst = skb_dst(skb);

	/* past the hook, which has no tunnel for it: a packet socket, tc, a bridge */
	if (unlikely(!nfipsec_dev_route_is_ours(dst))) {
		struct nfipsec_dev *nd = netdev_priv(dev);

		DEV_STATS_INC(dev, tx_dropped);
		nfipsec_drop(nd->nn, skb, NFIPSEC_STAT_OUT_NO_ENTRY);
		return NETDEV_TX_OK;
	}
	nfipsec_output(container_of(dst, struct nfipsec_route, dst)->tunnel, skb);
	return NETDEV_TX_OK;
}

static int dev_init(struct net_device *dev)
{
	struct nfipsec_dev *nd = netdev_priv(dev);
	int err;

	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (!dev->tstats)
		return -ENOMEM;
	err = gro_cells_init(&nd->gro_cells, dev);
	if (err)
		free_percpu(dev->tstats);
	return err;
}

static void dev_uninit(struct net_device *dev)
{
	struct nfipsec_dev *nd = netdev_priv(dev);

	gro_cells_destroy(&nd->gro_cells);
	free_percpu(dev->tstats);
}

static const struct net_device_ops dev_ops = {
	.ndo_init = dev_init,
	.ndo_uninit = dev_uninit,
	.ndo_start_xmit = dev_xmit,
	.ndo_get_stats64 = dev_get_tstats64,
};

static const struct device_type dev_type = { .name = "nfipsec" };

static void dev_setup(struct net_device *dev)
{
	dev->netdev_ops = &dev_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	/* netpoll would transmit with interrupts off */
	dev->priv_flags |= IFF_NO_QUEUE | IFF_DISABLE_NETPOLL;
	nfipsec_compat_dev_flags(dev);
	dev->hw_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA |
			   NETIF_F_GSO_SOFTWARE;
	dev->features |= dev->hw_features;
	/* the tunnels' MTUs are in their routes; this one is only not to be in the way */
	dev->mtu = IP_MAX_MTU;
	/* with less IPv6 would leave the device, and what it is told here be forgotten */
	dev->min_mtu = IPV6_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU;
	/* outer headers, ESP, IV and the Ethernet below; padding, trailer and ICV */
	dev->needed_headroom = sizeof(struct ipv6hdr) + sizeof(struct udphdr) + 8 + 16 +
			       LL_MAX_HEADER;
	dev->needed_tailroom = 16 + 2 + 32;
	/* ndo_start_xmit finds the tunnel by the dst */
	netif_keep_dst(dev);
	SET_NETDEV_DEVTYPE(dev, &dev_type);
}

/*
 * IPv6 is not to give it an address, nor to look for routers through it; and of redirects it
 * neither believes nor sends any, since what is behind it routes do not say. IPv6 works on it
 * where it works in the namespace at all, whatever new devices get: else the stack would drop
 * in silence what was opened. RTNL is held, the device not up yet.
 */
static void set_defaults(struct net_device *dev)
{
	struct in_device *in4 = __in_dev_get_rtnl(dev);
#if IS_ENABLED(CONFIG_IPV6)
	struct inet6_dev *in6 = __in6_dev_get(dev);

	if (in6) {
		in6->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;
		in6->cnf.accept_ra = 0;
		in6->cnf.accept_redirects = 0;
		in6->cnf.disable_ipv6 = dev_net(dev)->ipv6.devconf_all->disable_ipv6;
	}
#endif
	if (in4) {
		IN_DEV_CONF_SET(in4, ACCEPT_REDIRECTS, 0);
		IN_DEV_CONF_SET(in4, SEND_REDIRECTS, 0);
	}
}

/**
 * nfipsec_dev_is_up - does nfipsec0 take packets of this family?
 * @nn: the namespace; in a hook, or where else the device is there
 * @family: of the inner packet
 *
 * What is false here must be dropped with a reason: the stack would drop it without one, or
 * take it although the device is down. RCU read side.
 *
 * Return: false when it was set down, or IPv6 is disabled on it.
 */
bool nfipsec_dev_is_up(const struct nfipsec_net *nn, u8 family)
{
#if IS_ENABLED(CONFIG_IPV6)
	const struct inet6_dev *in6;

	if (family == AF_INET6) {
		in6 = __in6_dev_get(nn->dev);
		if (!in6 || READ_ONCE(in6->cnf.disable_ipv6))
			return false;
	}
#endif
	return netif_running(nn->dev);
}

/**
 * nfipsec_dev_create - nfipsec0 of a namespace, up
 * @nn: the namespace; nfipsec_net.config is held, or nobody else knows of it
 *
 * Return: 0 or an errno.
 */
int nfipsec_dev_create(struct nfipsec_net *nn)
{
	struct net_device *dev;
	struct nfipsec_dev *nd;
	int err;

	dev = alloc_netdev(sizeof(*nd), NFIPSEC_DEV_NAME, NET_NAME_PREDICTABLE, dev_setup);
	if (!dev)
		return -ENOMEM;
	dev_net_set(dev, nn->net);
	nd = netdev_priv(dev);
	nd->nn = nn;
	/* when it is up packets may come to it */
	nn->dev = dev;
	rtnl_lock();
	err = register_netdevice(dev);
	if (!err) {
		set_defaults(dev);
		err = dev_open(dev, NULL);
	}
	if (err && dev->reg_state == NETREG_REGISTERED)
		unregister_netdevice(dev);
	rtnl_unlock();
	if (err) {
		nn->dev = NULL;
		free_netdev(dev);
	}
	return err;
}

/**
 * nfipsec_dev_destroy - nfipsec0 goes
 * @nn: the namespace; its hooks are gone, and so are its tunnels
 *
 * Those who have found a tunnel or an SA under RCU and may look at the device are waited
 * for by its unregistering.
 */
void nfipsec_dev_destroy(struct nfipsec_net *nn)
{
	struct net_device *dev = nn->dev;

	unregister_netdev(dev);
	nn->dev = NULL;
	free_netdev(dev);
}

void nfipsec_dev_count_tx(struct nfipsec_net *nn, unsigned int packets, unsigned int bytes)
{
	dev_sw_netstats_tx_add(nn->dev, packets, bytes);
	nfipsec_stat_add_bh(nn, NFIPSEC_STAT_OUT_PACKETS, packets);
}

void nfipsec_dev_count_rx(struct nfipsec_net *nn, unsigned int bytes)
{
	dev_sw_netstats_rx_add(nn->dev, bytes);
	nfipsec_stat_add_bh(nn, NFIPSEC_STAT_IN_PACKETS, 1);
}

int __init nfipsec_dev_init(void)
{
	route4_ops.kmem_cachep = kmem_cache_create("nfipsec_route", sizeof(struct nfipsec_route), 0,
						   SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT, NULL);
	route6_ops.kmem_cachep = route4_ops.kmem_cachep;
	return route4_ops.kmem_cachep ? 0 : -ENOMEM;
}

/* after rcu_barrier(): destroyed routes are freed by an RCU callback */
void nfipsec_dev_exit(void)
{
	kmem_cache_destroy(route4_ops.kmem_cachep);
}
