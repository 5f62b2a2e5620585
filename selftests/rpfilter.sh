#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a firewall and the stack judge by the device that a packet came by: reverse path checks,
# and forwarding from single devices. nfipsec is in gw-a and xfrm in gw-b (the picture is in
# sites-lib.sh), and the same is set in both: decrypted traffic passes here as it does there.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

gateways() { local ns; for ns in gw-a gw-b; do ip netns exec $ns "$@" || return; done; }

tunnel_up() { : >"$WORK/ping"; place_set "$1" && tunnel_load && suite_add aes128gcm16; }

# addresses WHERE: of the other side, and of the gateways in it
addresses()
{
	case $1 in
	tunnel:4*) far=$SITE_B near=$SITE_A gw_far=10.2.0.1 gw_near=10.1.0.1 ;;
	tunnel:6*) far=$SITE6_B near=$SITE6_A gw_far=fd02::1 gw_near=fd01::1 ;;
	esac
}

ping_some() { ip netns exec "$1" ping -n -q -c 3 -i 0.1 -W 2 "${@:2}" >>"$WORK/ping" 2>&1; }

# both ways, to hosts behind the gateways and to the gateways
forwarded() { ping_some site-a $far && ping_some site-b $near || { cat "$WORK/ping"; return 1; }; }
local_too()
{
	forwarded && ping_some site-b $gw_near && ping_some site-a $gw_far && ping_some gw-a -I $gw_near $far &&
		ping_some gw-b -I $gw_far $near || { cat "$WORK/ping"; return 1; }
}

# rules TEXT PRIORITY: in prerouting of both gateways, behind a rule that counts what they drop
rules()
{
	gateways nft -f - <<-END
		table inet rp {
			counter dropped { }
			chain pre { type filter hook prerouting priority $2; $1 }
			chain local_in { type filter hook input priority 0; iifname nfipsec0 meta pkttype != host drop; }
			chain forwarded { type filter hook forward priority 0; iifname nfipsec0 meta pkttype != host drop; }
		}
	END
}
no_rules() { gateways nft delete table inet rp; }

# what a host may not send by our LAN is dropped all the same
spoofed()
{
	local n

	ip -n site-a addr add $1 dev lan ${2:+$2}
	in_site_a ping -n -q -c 1 -W 1 -I "${1%/*}" $3 >"$WORK/spoofed" 2>&1
	ip -n site-a addr del $1 dev lan
	n=$(in_gw_a nft -j list counter inet rp dropped | jq '.nftables[].counter? | select(.) | .packets')
	note "$n packets dropped by the check"
	test "$n" -ge 1
}

# checked PLACE TEXT PRIORITY
checked()
{
	local status=0

	addresses "$1"
	tunnel_up "$1" && rules "$2" "$3" || return
	local_too || status=1
	if [ $status = 0 ] && [ "$(in_gw_a nft -j list counter inet rp dropped | jq '.nftables[].counter? | select(.) | .packets')" != 0 ]; then
		because "the check dropped packets of the tunnel"
		status=1
	fi
	case $1 in
	tunnel:4*) spoofed 203.0.113.77/32 "" 10.1.0.1 || status=1 ;;
	*) spoofed 2001:db8:77::77/128 nodad fd01::1 || status=1 ;;
	esac
	no_rules
	return $status
}

FIREWALLD='meta nfproto ipv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; fib saddr . mark . iif oif missing counter name dropped drop;'
NIXOS='icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; fib saddr . mark . iif oif exists accept; counter name dropped drop;'

captured_on_nfipsec0()
{
	addresses tunnel:4in4
	tunnel_up tunnel:4in4 && capture_start gw-a nfipsec0 "icmp and src host $SITE_B" || return
	ping_some site-a $SITE_B
	capture_stop
	test "$(grep -c "$SITE_B > $SITE_A: ICMP echo reply" "$WORK/wire")" = 3
}

by_device()
{
	local status=0

	addresses tunnel:4in4
	tunnel_up tunnel:4in4 || return
	gateways sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.wan.forwarding=1 net.ipv4.conf.lan.forwarding=1
	local_too || status=1
	# here and there: what came by wan is not forwarded any more
	in_gw_a sysctl -qw net.ipv4.conf.wan.forwarding=0
	fails ping_some site-b $near && fails ping_some site-a $far || { because "forwarded, and wan is not to be"; status=1; }
	ping_some site-b $gw_near || { because "the gateway itself is not reached"; status=1; }
	in_gw_a sysctl -qw net.ipv4.conf.wan.forwarding=1
	in_gw_b sysctl -qw net.ipv4.conf.wan.forwarding=0
	fails ping_some site-a $far || { because "xfrm forwarded, and wan is not to be"; status=1; }
	gateways sysctl -qw net.ipv4.ip_forward=1
	# where all forward, who wants nothing forwarded out of tunnels says so of nfipsec0
	in_gw_a sysctl -qw net.ipv4.conf.nfipsec0.forwarding=0
	fails ping_some site-b $near || { because "forwarded, and nfipsec0 is not to be"; status=1; }
	in_gw_a sysctl -qw net.ipv4.conf.nfipsec0.forwarding=1
	forwarded || status=1
	return $status
}

by_device_strictly()
{
	local status=0

	addresses tunnel:4in4
	tunnel_up tunnel:4in4 || return
	gateways sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.wan.forwarding=1 net.ipv4.conf.lan.forwarding=1 \
		net.ipv4.conf.all.rp_filter=1
	local_too || status=1
	gateways sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
	return $status
}

by_device6()
{
	local status=0

	addresses tunnel:6in4
	tunnel_up tunnel:6in4 || return
	gateways sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv6.conf.wan.force_forwarding=1 net.ipv6.conf.lan.force_forwarding=1
	local_too || status=1
	in_gw_a sysctl -qw net.ipv6.conf.wan.force_forwarding=0
	fails ping_some site-b $near || { because "forwarded, and wan is not to be"; status=1; }
	gateways sysctl -qw net.ipv6.conf.wan.force_forwarding=0 net.ipv6.conf.lan.force_forwarding=0 net.ipv6.conf.all.forwarding=1
	return $status
}

ktap_plan 10
sites_begin
sites_ipv6 || bail "no IPv6"
shell_start || bail "no shell in gw-a"
# both gateways' own packets to the other site have an address that is protected
ip -n gw-a route replace $NET_B via $GW_B src 10.1.0.1
ip -n gw-a route replace $NET6_B via $GW6_B src fd01::1
ip -n gw-b route replace $NET_A via $GW_A src 10.2.0.1
ip -n gw-b route replace $NET6_A via $GW6_A src fd02::1
for where in tunnel:4in4 tunnel:6in4 tunnel:6in6; do
	check "firewalld's reverse path check, $where" checked $where "$FIREWALLD" -290
done
for where in tunnel:4in4 tunnel:6in4; do
	check "a check that wants a route, behind mangle, $where" checked $where "$NIXOS" -140
done
check "the same behind filter" checked tunnel:6in4 "$FIREWALLD" 10
check "nfipsec0 can be captured" captured_on_nfipsec0
check "forwarding by device" by_device
check "forwarding by device, and strict rp_filter" by_device_strictly
if [ -e /proc/sys/net/ipv6/conf/lo/force_forwarding ]; then
	check "forwarding by device, IPv6" by_device6
else
	ktap_skip "forwarding by device, IPv6" "this kernel forwards IPv6 from all devices or none"
fi
ktap_exit
