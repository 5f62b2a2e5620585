#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfipsec0 as an administrator may treat it: set down, its MTU changed, routed to. nfipsec in
# gw-a, xfrm in gw-b, keys by hand (the picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

touch "$WORK/xfrm-errors"

# place FAMILY: a tunnel for IPv4 or IPv6, over IPv4, with its SAs
place()
{
	place_set "tunnel:${1}in4"
	if [ "$1" = 4 ]; then
		here=$SITE_A there=$SITE_B own=10.1.0.1 clear="net $NET_A and net $NET_B"
		nowhere=10.9.0.1 nowhere_net=10.9.0.0/24 inner=$NET_B
	else
		here=$SITE6_A there=$SITE6_B own=fd01::1 clear="net $NET6_A and net $NET6_B"
		nowhere=fd09::1 nowhere_net=fd09::/64 inner=$NET6_B
	fi
	# whatever a check that failed left behind
	capture_stop
	! ip -n gw-a link show nfipsec0 >/dev/null 2>&1 || nfipsec0 up
	tunnel_load && suite_add aes128gcm16 && pings site-b "$here" && mark_stats
}

pings() { ip netns exec "$1" ping -n -q -c 2 -i 0.1 -W 20 "${@:2}" >"$WORK/ping" 2>&1; }
no_pings() { ! ip netns exec "$1" ping -n -q -c 3 -i 0.1 -W 1 "${@:2}" >"$WORK/ping" 2>&1; }

nfipsec0() { ip -n gw-a link set nfipsec0 "$@"; }

# A capture that saw nothing at all proves nothing, so a marker passes through it at the end.
# Nobody listens on the marker's port: an ICMP error about it is no traffic of the test.
MARKER='\.5: UDP|udp port 5( |,|$)'
watch_start() { capture_start "$1" "$2" "($3) or (udp port 5)"; }

quiet()	# NETNS ADDRESS: who sends the marker
{
	ip netns exec "$1" bash -c "echo marker >/dev/udp/$2/5"
	wait_for 20 grep -q '\.5: UDP' "$WORK/wire" || return
	capture_stop
	! grep -vE "$MARKER" "$WORK/wire" | grep -q . && return
	because "seen: $(grep -vE "$MARKER" "$WORK/wire" | head -n 3)"
}

# what comes out of the tunnel goes to nobody, and is counted
down_in()
{
	so place "$1" || return
	nfipsec0 down
	watch_start site-a lan "host $here and (icmp or icmp6 or udp)" || return
	so no_pings site-b "$here" && so no_pings site-b "$own" &&
		so in_site_b bash -c "echo hi >/dev/udp/$here/4000" &&
		so wait_for 20 counts in_dev_down 7 && so quiet gw-a $SITE_A || return
	so test "$(stat in_packets)" = 0
	nfipsec0 up
	so pings site-b "$here"
}

counts() { test "$(stat "$1")" -ge "$2"; }

down_out()
{
	so place "$1" || return
	nfipsec0 down
	watch_start gw-b wan "esp or ($clear)" || return
	so no_pings site-a "$there" && so no_pings gw-a -I "$own" "$there" &&
		so counts out_dev_down 6 && so quiet gw-a $GW_B || return
	nfipsec0 up
	so pings site-a "$there" && so pings gw-a -I "$own" "$there"
}

# held when it is set down: not sent while it is
down_held()
{
	so place "$1" && so sas_flush || return
	so no_pings site-a "$there" && so counts held 3 || return
	nfipsec0 down
	watch_start gw-b wan "esp or ($clear)" || return
	so suite_add aes128gcm16 && so counts out_dev_down 3 && so quiet gw-a $GW_B || return
	nfipsec0 up
	so pings site-a "$there"
}

conf() { in_gw_a cat "/proc/sys/net/$1/conf/nfipsec0/$2"; }

settings()
{
	so test "$(conf ipv6 addr_gen_mode)" = 1 && so test "$(conf ipv6 accept_ra)" = 0 &&
		so test "$(conf ipv6 accept_redirects)" = 0 && so test "$(conf ipv4 accept_redirects)" = 0 &&
		so test "$(conf ipv4 send_redirects)" = 0 && so test -z "$(ip -n gw-a -6 addr show dev nfipsec0)"
}

# IPv6 stays on it, without an address, whatever its MTU
mtu_and_back()
{
	so place "$1" && so settings || return
	nfipsec0 mtu 1280 && so settings && so pings site-a "$there" || return
	nfipsec0 mtu 1000 2>/dev/null && return 1
	nfipsec0 down && nfipsec0 up && nfipsec0 mtu 65535 && so settings && so pings site-a "$there" &&
		so pings site-b "$here" && no_drops
}

# new devices of the namespace get no IPv6: this one does
ipv6_off_by_default()
{
	so place 6 && policy_unload || return
	in_gw_a sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	so place 6
	in_gw_a sysctl -qw net.ipv6.conf.default.disable_ipv6=0
	in_gw_a sysctl -qw net.ipv6.conf.nfipsec0.disable_ipv6=1
	so no_pings site-b "$here" && so no_pings site-a "$there" && so counts in_dev_down 3 &&
		so counts out_dev_down 3 || return
	in_gw_a sysctl -qw net.ipv6.conf.nfipsec0.disable_ipv6=0
	so settings && so pings site-b "$here"
}

# a route to nfipsec0 instead of the one to the peer: the entry decides, as always
route_by_hand()
{
	so place "$1" && ip -n gw-a route replace "$inner" dev nfipsec0 || return
	so pings site-a "$there" && so pings gw-a -I "$own" "$there" && so pings site-b "$here" && no_drops
	status=$?
	# and the sender is told of the tunnel's MTU
	so told site-a "$there" || status=1
	if [ "$1" = 4 ]; then ip -n gw-a route replace "$inner" via $GW_B; else ip -n gw-a route replace "$inner" via $GW6_B; fi
	return $status
}

told()
{
	ip netns exec "$1" ping -n -c 2 -i 0.2 -W 20 -M "do" -s 1450 "$2" 2>&1 | grep -qi 'mtu *= *14[0-9][0-9]'
}

# where no entry protects it nothing leaves
route_wrong()
{
	so place "$1" && ip -n gw-a route add "$nowhere_net" dev nfipsec0 || return
	watch_start gw-b wan "esp or host $nowhere" || return
	so no_pings site-a "$nowhere" && so no_pings gw-a -I "$own" "$nowhere" &&
		so test "$(stat out_no_entry)" = 6 && so quiet gw-a $GW_B
	status=$?
	ip -n gw-a route del "$nowhere_net" dev nfipsec0
	return $status
}

# a frame that a packet socket puts on the device, past routes and hooks
frame_by_hand()
{
	so place 4 || return
	watch_start gw-b wan "esp or ($clear)" || return
	in_gw_a /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
s.sendto(bytes.fromhex("4500001c000040004011000000000000000000000007000700080000"), ("nfipsec0", 0x0800))
' && so counts out_no_entry 1 && so quiet gw-a $GW_B
}

# its own stack has nothing to say on it that would look like somebody's mistake
says_nothing()
{
	so place 6 || return
	sleep 5
	so test "$(in_gw_a "$NFIPSEC" show stats --json | jq .stats.out_no_entry)" = "$(jq .stats.out_no_entry "$WORK/stats.first")"
}

ktap_plan 17
sites_begin
sites_ipv6 || bail "no IPv6"
shell_start
in_gw_a "$NFIPSEC" show stats --json >"$WORK/stats.first"
check "the device says nothing by itself" says_nothing
check "down: nothing comes in, IPv4" down_in 4
check "down: nothing comes in, IPv6" down_in 6
check "down: nothing goes out, IPv4" down_out 4
check "down: nothing goes out, IPv6" down_out 6
check "down: what is held stays, IPv4" down_held 4
check "down: what is held stays, IPv6" down_held 6
check "its MTU changes and changes back, IPv4" mtu_and_back 4
check "its MTU changes and changes back, IPv6" mtu_and_back 6
check "IPv6 is off by default, and switched off" ipv6_off_by_default
check "a route to it by hand, IPv4" route_by_hand 4
check "a route to it by hand, IPv6" route_by_hand 6
check "a wrong route to it, IPv4" route_wrong 4
check "a wrong route to it, IPv6" route_wrong 6
check "a frame that a packet socket sends" frame_by_hand
check "all of it works in the end, IPv4" place 4
check "all of it works in the end, IPv6" place 6
ktap_exit
