#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors are judged by the packet that they quote (RFC 4301 6): errors about protected
# traffic leave by its tunnel and are taken from it, and in clear nobody may report about it.
#
# First icmp-errors.py writes the packets itself; gw-a has nfipsec (the picture is in sites-lib.sh).
# Then gw-b has the kernel's own xfrm. At last both gateways have nfipsec, and site-a becomes a
# router, whose address is in no access list, with a host behind it:
#
#	 deep-a                site-a                          gw-a               gw-b
#	+-----------+ mtu 1300 +------------------------+     +-------------+    +---------
#	| 10.1.0.10 |----------| 10.1.0.1    172.16.1.2 |-----| 172.16.1.1  |====|
#	+-----------+ deep     +------------------------+ lan +-------------+    +---------

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

# crafted CASE: of both families
crafted()
{
	"$TOOLS/icmp-errors.py" "$1" 4 && "$TOOLS/icmp-errors.py" "$1" 6
}

# ---- who asks, in a check of one family ----

# family_set FAMILY
family_set()
{
	family=$1
	case $1 in
	4)
		place_set tunnel:4in4
		site_a=$SITE_A site_b=$SITE_B nobody=10.1.0.77 lan_a=10.1.0.1 router=172.16.1.2
		;;
	6)
		place_set tunnel:6in6
		site_a=$SITE6_A site_b=$SITE6_B nobody=fd01::77 lan_a=fd01::1 router=fd16::2
		;;
	esac
}

# Errors and redirects in clear. Neighbour discovery is none.
CLEAR="icmp or (icmp6 and (ip6[40] < 128 or ip6[40] == 137))"
nothing_in_clear()
{
	capture_stop
	! grep . "$WORK/wire" || because "in clear: $(head -n 3 "$WORK/wire")"
}

# says WHAT WHERE WORDS FOR PING...: ping in WHERE hears WHAT, a regular expression
says()
{
	ip netns exec "$2" ping -n -c 1 -W 40 "${@:3}" >"$WORK/ping" 2>&1
	grep -qE "$1" "$WORK/ping" || { cat "$WORK/ping"; because "ping heard no '$1'"; }
}

# lan_mtu MTU: of the wire in site A
lan_mtu() { ip -n gw-a link set lan mtu "$1" && ip -n site-a link set lan mtu "$1"; }

# ---- gw-b with xfrm ----

# what site-b hears of the gateway there, by the tunnel
errors_to_xfrm()
{
	family_set "$1"
	mark_stats
	tunnel_load && suite_add aes128gcm16 || return
	in_site_b ping -n -q -c 1 -W 20 "$site_a" >"$WORK/ping" || return
	capture_start gw-a wan "$CLEAR" || return
	says "From $lan_a.* (Time to live|Time) exceeded" site-b -t 2 "$site_a" &&
		says "From $lan_a.* Destination.*(Host Unreachable|unreachable: Address unreachable)" site-b "$nobody" || return
	ip -n gw-a route add prohibit "$nobody"
	says "From $lan_a.* (Packet filtered|.*Administratively prohibited)" site-b "$nobody" || return
	ip -n gw-a route del prohibit "$nobody"
	# more than behind the router later: site-b remembers it
	lan_mtu 1360
	says "From $lan_a.*mtu *= *1360" site-b -M "do" -s 1340 "$site_a"
	local status=$?
	lan_mtu 1500
	[ $status = 0 ] && nothing_in_clear && so test "$(stat out_icmp_error)" = 0
}

# What the gateway tells its own LAN does not go into a tunnel: the way there, and too big for it.
lan_hears()
{
	family_set "$1"
	tunnel_load && suite_add aes128gcm16 || return
	ip -n site-a "-$1" route flush cache
	mark_stats
	says "From $lan_a.* (Time to live|Time) exceeded" site-a -t 1 "$site_b" &&
		says "mtu *= *14[0-9][0-9]" site-a -M "do" -s 1450 "$site_b" &&
		so test "$(stat out_icmp_error)" = 0 && so test "$(stat in_icmp_error)" = 0
}

# ---- errors in clear, injected on the wire, about a connection that is there ----

connection()
{
	family_set "$1"
	tunnel_load && suite_add aes128gcm16 && mark_stats || return
	"$TOOLS/icmp-inject.py" "$site_a" "$site_b" && so test "$(stat in_icmp_error)" -ge 4
}

# ---- nfipsec in both gateways, a router in site A ----

in_deep_a() { ip netns exec deep-a "$@"; }

deep_up()
{
	ip netns add deep-a && on_exit "ip netns del deep-a" && ip -n deep-a link set lo up || return
	ip netns exec deep-a sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	in_site_a sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || return
	# for the last crafted errors the router was behind the wan
	ip -n gw-a route flush "172.16.1.2" && ip -n gw-a -6 route flush fd16::2 || return
	ip -n gw-a addr flush dev lan scope global && ip -n site-a addr flush dev lan scope global || return
	ip -n site-a link add deep mtu 1300 type veth peer name deep mtu 1300 netns deep-a || return
	ip -n gw-a addr add 172.16.1.1/24 dev lan && ip -n site-a addr add 172.16.1.2/24 dev lan &&
		ip -n gw-a addr add fd16::1/64 dev lan nodad && ip -n site-a addr add fd16::2/64 dev lan nodad &&
		ip -n site-a addr add 10.1.0.1/24 dev deep && ip -n deep-a addr add $SITE_A/24 dev deep &&
		ip -n site-a addr add fd01::1/64 dev deep nodad && ip -n deep-a addr add $SITE6_A/64 dev deep nodad &&
		ip -n site-a link set deep up && ip -n deep-a link set deep up || return
	ip -n site-a route replace default via 172.16.1.1 && ip -n deep-a route replace default via 10.1.0.1 &&
		ip -n gw-a route replace $NET_A via 172.16.1.2 || return
	# when the wire has a carrier
	wait_for 20 ip -n deep-a route replace default via fd01::1 &&
		wait_for 20 ip -n site-a route replace default via fd16::1 &&
		wait_for 20 ip -n gw-a route replace $NET6_A via fd16::2 || return
	# what comes out of a tunnel is to pass rp_filter, so there is a way back
	ip -n gw-b route replace default via $GW_A && ip -n gw-b route replace default via $GW6_A
}

# the other gateway, in gw-b, with the ends exchanged
nfipsec_there()
{
	ip -n gw-b xfrm policy flush && ip -n gw-b xfrm state flush || return
	sed "s|from $INNER_A to $INNER_B|from $INNER_B to $INNER_A|
		s|local address .*|local address $OUTER_B|; s|remote address .*|remote address $OUTER_A|" \
		"$CONF" >"$WORK/there.conf"
	in_gw_b "$NFIPSEC" load --no-daemon "$WORK/there.conf" || return
	sed "s|sa add out|sa add OUT|; s|sa add in|sa add out|; s|sa add OUT|sa add in|
		s|local $OUTER_A remote $OUTER_B|local $OUTER_B remote $OUTER_A|" "$HERE" >"$WORK/there.sh"
	in_gw_b bash -e "$WORK/there.sh"
}

pair_load()
{
	family_set "$1"
	tunnel_conf
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF" && suite_write aes128gcm16 && in_shell "$HERE" && nfipsec_there || return
	in_site_b ping -n -q -c 1 -W 20 "$site_a" >"$WORK/ping"
}

pair_unload() { in_gw_b "$NFIPSEC" unload; }

# Packet too big of a router that no selector has: by gw-a's tunnel to gw-b, which takes it.
from_outside()
{
	pair_load "$1" || return
	mark_stats
	capture_start gw-a wan "$CLEAR" || return
	says "From $router.*mtu *= *1300" site-b -M "do" -s 1300 "$site_a" &&
		says "From $router.* (Time to live|Time) exceeded" site-b -t 3 "$site_a" &&
		says "From $router.* Destination.*(Host Unreachable|unreachable: Address unreachable)" site-b "$nobody" || return
	nothing_in_clear && so test "$(stat out_icmp_error)" = 0 && ip netns exec gw-b "$NFIPSEC" show stats --json |
		jq -e '.stats.in_selector == 0 and .stats.in_icmp_error == 0'
}

# The sender learns the MTU of the whole way, so that a transfer comes to its end.
transfer()
{
	family_set "$1"
	rm -f "$WORK/got"
	head -c 300000 /dev/urandom >"$WORK/sent"
	started got ip netns exec deep-a socat -u "TCP$1-LISTEN:7000" "CREATE:$WORK/got" >"$WORK/got.out" 2>&1
	wait_for 20 listens deep-a 7000 || return
	local to=$site_a
	[ "$1" = 4 ] || to="[$site_a]"
	# the SYN's MSS is of the links at the ends, of which deep-a's is narrow: let it offer more
	timeout $((60 * NFIPSEC_TIME_FACTOR)) ip netns exec site-b socat -u "FILE:$WORK/sent" "TCP$1:$to:7000" &&
		wait_for 20 ended got && cmp "$WORK/sent" "$WORK/got" && return
	cat "$WORK/got.out"
	stopped got KILL
	return 1
}

ktap_plan 21
sites_begin
sites_ipv6 || bail "no IPv6"
shell_start
check "the gateway's errors have a source that the tunnel takes" crafted own
check "the source is one of the quoted packet's network" crafted own_near
check "without such a source the SA of the quoted packet takes them" crafted own_guest
check "with one and without an SA they wait" crafted own_entry
check "none about discarded traffic" crafted own_discard
check "a router's errors are forwarded by the quoted packet's tunnel" crafted forwarded
check "entries with ports, quotations without" crafted forwarded_ports
check "no error about protected traffic comes in clear" crafted clear
check "but those about the tunnel's packets do" crafted outer
check "NAT: judged as on the wire" crafted nat
check "by the tunnel errors of routers outside the selectors come in" crafted tunnel
for family in 4 6; do
	check "IPv$family: xfrm's site hears the gateway's errors, by the tunnel" errors_to_xfrm $family
	check "IPv$family: the gateway's own LAN hears it" lan_hears $family
	check "IPv$family: errors in clear do not disturb a connection" connection $family
done
deep_up || bail "no router"
for family in 4 6; do
	check "IPv$family: both gateways, errors of a router outside the selectors" from_outside $family
	check "IPv$family: a transfer by a narrow wire behind the router" transfer $family
	pair_unload
done
ktap_exit
