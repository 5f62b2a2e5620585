#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A NAT between the gateways (the picture is in natt-lib.sh), which gives other addresses
# and other ports to what goes through it either way: RFC 7296 2.23, RFC 3948.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/natt-lib.sh"

we_initiate()
{
	confs $BRANCH $ISP_B on-traffic
	swan_start && daemon_start && ten_pings && in_udp_here '.encap_remote == 4500' && in_udp_there && no_drops
}

only_udp_outside()
{
	capture_start gw-a wan "host $GW_A or net $NET_A" || return
	in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" || return
	capture_stop
	test "$(grep -c "$GW_A.4500 > $BRANCH.4500: UDP-encap: ESP" "$WORK/wire")" = 5 &&
		test "$(grep -c "$BRANCH.4500 > $GW_A.4500: UDP-encap: ESP" "$WORK/wire")" = 5 &&
		! grep -q 'ICMP\|: ESP(' <(grep -v UDP-encap "$WORK/wire")
}

# 8 octets less than without UDP
right_mtu()
{
	local mtu

	mtu=$(tunnel_mtu)
	note "the tunnel's MTU is $mtu"
	test "$mtu" = 1438 && in_site_a ping -n -q -c 2 -i 0.1 -M "do" -s $((mtu - 28)) -W 20 $SITE_B >"$WORK/ping"
}

# RFC 3948 4: nothing else is said, and the NAT is to remember
keepalive()
{
	capture_start gw-a wan "src host $GW_A and udp port 4500 and udp[4:2] = 9" || return
	wait_for 60 grep -q 'isakmp-nat-keep-alive' "$WORK/wire" || return
	capture_stop
}

nothing_is_left()
{
	nf down branch >"$WORK/down" && wait_for 20 no_sas
}

ktap_plan 8
sites_begin
nat_up || bail "the NAT does not come up"
counted_check "we initiate on the first ping, none of ten is lost" we_initiate
counted_check "only ESP in UDP is seen outside" only_udp_outside
counted_check "the tunnel's MTU is right" right_mtu
counted_check "iperf3 there" tcp_there
counted_check "iperf3 back" tcp_back
counted_check "the NAT is kept awake" keepalive
counted_check "down leaves no SA on either side" nothing_is_left
counted_check "strongSwan initiates from behind the NAT" they_initiate
ktap_exit
