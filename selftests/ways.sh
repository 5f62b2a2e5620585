#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ways through the host that are not simply in by one device and out by another one (the
# picture is in sites-lib.sh; a namespace "box" beside it). On each way what an access list
# protects leaves protected or not at all, and what comes in clear is refused. The table of
# all ways is in Documentation/packet-walk.md. The peer is the kernel's own xfrm.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

FLOWS=$TOOLS/flows.py
FORGED_TTL=99
BOX=10.1.0.20 BOX6=fd01::20

# family_set 4|6: who talks to whom
family_set()
{
	case $1 in
	4) place_set tunnel:4in4; local_a=$SITE_A remote_b=$SITE_B box=$BOX ;;
	6) place_set tunnel:6in6; local_a=$SITE6_A remote_b=$SITE6_B box=$BOX6 ;;
	esac
}

# What gw-a sends: on gw-b xfrm shows the opened packets on the wan, too.
wire_start() { capture_start gw-a wan "host $remote_b" -Q out; }
wire_quiet()
{
	capture_stop
	grep -q . "$WORK/wire" || return 0	# tcpdump may write an empty line at its end
	because "seen in clear: $(head -n 3 "$WORK/wire")"
}

# protected_from NETNS: pings leave as ESP; whether their answers come back is not asked
protected_from()
{
	mark_stats
	wire_start || return
	ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 2 "$remote_b" >"$WORK/ping" 2>&1
	wire_quiet || return
	[ "$(stat out_packets)" -ge 3 ] || because "not protected: $(counted | tr '\n' ';')"
}

answered()
{
	mark_stats
	wire_start || return
	in_site_a ping -n -q -c 3 -i 0.2 -W 20 "$remote_b" >"$WORK/ping" 2>&1 ||
		because "no answer: $(counted | tr '\n' ';')" || return
	wire_quiet && [ "$(stat out_packets)" = 3 ] && [ "$(stat in_packets)" = 3 ]
}

# forged_refused ADDRESS NETNS DEVICE: a clear packet from the wan to ADDRESS does not arrive
forged_refused()
{
	local mac

	mac=$(in_gw_a cat /sys/class/net/wan/address)
	capture_start "$2" "$3" "host $remote_b and udp port 7007" || return
	mark_stats
	in_gw_b "$FLOWS" forge wan "$mac" udp "$remote_b" "$1" 7007 $FORGED_TTL || return
	wait_for 10 counted_one in_cleartext || because "not counted: $(counted | tr '\n' ';')" || return
	wire_quiet
}
counted_one() { test "$(stat "$1")" = 1; }
counted_out() { test "$(stat out_packets)" = "$1"; }

box_add() { ip netns add box && ip -n box link set lo up; }
box_del() { ip netns del box 2>/dev/null; true; }

# ---- ipvlan ----

# In L3 modes the packets of the other namespace go through the stack of this one.
ipvlan()
{
	local status=0

	box_add || return
	ip -n gw-a link add box link wan type ipvlan mode "$1" && ip -n gw-a link set box netns box &&
		ip -n box addr add $BOX/32 dev box && ip -n box addr add $BOX6/128 dev box nodad &&
		ip -n box link set box up && ip -n box route add default dev box &&
		ip -n box -6 route add default dev box || status=1
	for family in 4 6; do
		family_set $family
		place_up && protected_from box || status=1
		[ "$1" = l3 ] || forged_refused "$box" box box || status=1
	done
	box_del
	return $status
}

# ---- macvlan ----

macvlan()
{
	local status=0

	ip -n gw-a link add mv link wan type macvlan mode bridge && ip -n gw-a link set mv up &&
		ip -n gw-a route replace $NET_B via $GW_B dev mv onlink &&
		ip -n gw-a route replace $GW6_B dev mv &&
		ip -n gw-a route replace $NET6_B via $GW6_B dev mv || status=1
	for family in 4 6; do
		family_set $family
		place_up && answered || status=1
	done
	ip -n gw-a link del mv
	ip -n gw-a route replace $NET_B via $GW_B dev wan && ip -n gw-a route replace $NET6_B via $GW6_B dev wan
	return $status
}

# ---- a bridge, and the hooks of IP called for its frames ----

# The wan becomes a port of a bridge that has its addresses.
bridge_begin()
{
	ip -n gw-a link add bridge0 type bridge && ip -n gw-a link set bridge0 address "$(in_gw_a cat /sys/class/net/wan/address)" &&
		ip -n gw-a addr flush dev wan && ip -n gw-a link set wan master bridge0 && ip -n gw-a link set bridge0 up &&
		ip -n gw-a addr add $GW_A/24 dev bridge0 && ip -n gw-a addr add $GW6_A/64 dev bridge0 nodad &&
		ip -n gw-a route replace $NET_B via $GW_B && ip -n gw-a route replace $NET6_B via $GW6_B || return
	in_gw_a sysctl -qw net.bridge.bridge-nf-call-iptables="$1" net.bridge.bridge-nf-call-ip6tables="$1"
}

bridge_end()
{
	ip -n gw-a link del bridge0
	ip -n gw-a addr add $GW_A/24 dev wan
	ip -n gw-a addr add $GW6_A/64 dev wan nodad
	ip -n gw-a route replace $NET_B via $GW_B
	ip -n gw-a route replace $NET6_B via $GW6_B
}

# Frames between two other hosts are bridged, whatever addresses they have.
bridged_passes()
{
	local mac

	mac=$(in_gw_b cat /sys/class/net/wan/address)
	capture_start gw-b wan "host $box and udp port 7007" || return
	ip netns exec box "$FLOWS" forge box "$mac" udp "$box" "$remote_b" 7007 64 || return
	wait_for 10 grep -q . "$WORK/wire" || because "a bridged frame was lost: $(counted | tr '\n' ';')"
	capture_stop
}

bridged()
{
	local status=0

	bridge_begin "$1" && box_add && ip -n gw-a link add port type veth peer name box netns box &&
		ip -n gw-a link set port master bridge0 up && ip -n box link set box up || status=1
	echo 'table inet track { chain pre { type filter hook prerouting priority 0; ct state new accept; }; }' |
		in_gw_a nft -f - || status=1
	for family in 4 6; do
		family_set $family
		place_up && answered && forged_refused "$local_a" site-a lan && bridged_passes || status=1
	done
	in_gw_a nft delete table inet track
	bridge_end
	box_del
	return $status
}

# ---- what only some kernels have ----

# A route that encapsulates for segment routing, and the hooks called for the inner packet:
# seg6 needs its own dst afterwards, so what is to be protected can only be dropped.
segment_routing()
{
	local status=0

	family_set 6
	place_up || return
	ip -n gw-a -6 route replace $NET6_B encap seg6 mode encap segs $GW6_B dev wan || return
	in_gw_a sysctl -qw net.netfilter.nf_hooks_lwtunnel=1 || status=1
	for from in site-a gw-a; do
		mark_stats
		wire_start || return
		ip netns exec $from ping -n -q -c 2 -i 0.2 -W 1 -I "$([ $from = gw-a ] && echo fd01::1 || echo $SITE6_A)" \
			$SITE6_B >"$WORK/ping" 2>&1
		wire_quiet || status=1
		[ "$(stat out_lwtunnel)" = 2 ] || because "not counted: $(counted | tr '\n' ';')" || status=1
	done
	ip -n gw-a route replace $NET6_B via $GW6_B
	return $status
}

# A copy that nftables sends elsewhere is a packet of this host.
duplicated()
{
	local status=0

	family_set 4
	place_up || return
	in_gw_a nft -f - <<-END || return
		table ip twice {
			chain forward { type filter hook forward priority 0; ip daddr $SITE_B dup to $GW_B device wan; }
		}
	END
	mark_stats
	wire_start || status=1
	in_site_a ping -n -q -c 3 -i 0.2 -W 20 $SITE_B >"$WORK/ping" 2>&1 || status=1
	wire_quiet || status=1
	[ "$(stat out_packets)" = 6 ] || because "$(counted | tr '\n' ';')" || status=1
	in_gw_a nft delete table ip twice
	return $status
}

# An answer of the firewall in the name of another host is a packet of this host, too.
rejected()
{
	local to=$local_a status=0

	[ "$family" = 4 ] || to="[$local_a]"
	place_up && in_gw_a nft -f - <<-END || return
		table inet refuse {
			chain forward {
				type filter hook forward priority 0;
				iifname nfipsec0 tcp dport 9 reject with tcp reset
				iifname nfipsec0 udp dport 9 reject
			}
		}
	END
	mark_stats
	wire_start || status=1
	in_site_b socat -u OPEN:/dev/null "TCP$family:$to:9,connect-timeout=20" >"$WORK/reset" 2>&1
	grep -q 'Connection refused' "$WORK/reset" || because "no reset: $(cat "$WORK/reset")" || status=1
	echo refused | in_site_b socat -u - "UDP$family-SENDTO:$to:9"
	wait_for 10 counted_out 2 || because "not by the tunnel: $(counted | tr '\n' ';')" || status=1
	wire_quiet || status=1
	in_gw_a nft delete table inet refuse
	return $status
}

# Traffic shaping of what comes in: the packets go by another device and come back.
shaped()
{
	local status=0

	ip -n gw-a link add ifb type ifb && ip -n gw-a link set ifb up &&
		in_gw_a tc qdisc add dev wan ingress &&
		in_gw_a tc filter add dev wan parent ffff: matchall action mirred egress redirect dev ifb || status=1
	for family in 4 6; do
		family_set $family
		place_up && answered && forged_refused "$local_a" site-a lan || status=1
	done
	in_gw_a tc qdisc del dev wan ingress
	ip -n gw-a link del ifb
	return $status
}

# ---- all of it ----

# place_up: the tunnel of the family
place_up() { tunnel_load && suite_add aes128gcm16; }

# optional NAME "MODULE/SYMBOL..." COMMAND...: skipped where the kernel has neither the module
# nor CONFIG_SYMBOL built in
optional()
{
	local name=$1 what

	for what in $2; do
		modprobe -q "${what%/*}" || zgrep -qs "CONFIG_${what#*/}=y" /proc/config.gz ||
			{ ktap_skip "$name" "this kernel lacks ${what%/*}"; return; }
	done
	check "$name" "${@:3}"
}

ktap_plan 10
sites_begin
on_exit box_del
sites_ipv6 || bail "no IPv6"
shell_start || bail "no shell in gw-a"
optional "ipvlan, L3" ipvlan/IPVLAN ipvlan l3
optional "ipvlan, L3S" ipvlan/IPVLAN ipvlan l3s
optional "macvlan" macvlan/MACVLAN macvlan
optional "a bridge" br_netfilter/BRIDGE_NETFILTER bridged 0
optional "a bridge, br_netfilter on" br_netfilter/BRIDGE_NETFILTER bridged 1
optional "a copy by nftables" nft_dup_ipv4/NFT_DUP_IPV4 duplicated
for family in 4 6; do
	family_set $family
	check "what nftables answers by reject, IPv$family" rejected
done
optional "ingress by way of ifb" "ifb/IFB act_mirred/NET_ACT_MIRRED cls_matchall/NET_CLS_MATCHALL" shaped
if in_gw_a ip -6 route add fd0f::/64 encap seg6 mode encap segs $GW6_B dev wan 2>"$WORK/seg6"; then
	check "segment routing with hooks" segment_routing
else
	ktap_skip "segment routing with hooks" "this kernel lacks seg6"
fi
ktap_exit
