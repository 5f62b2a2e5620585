#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfipsec in one gateway and strongSwan in the other (the picture is in
# sites-lib.sh): a packet brings the tunnel up and is not lost, or
# strongSwan begins; with an AEAD and with CBC + HMAC; and then the tunnel
# carries TCP both ways, of the right size.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

# name, IKE and ESP proposals
SUITES="
aead-ecp384	aes256gcm16-prfsha384-ecp384	aes256gcm16
aead-x25519	aes128gcm16-prfsha256-x25519	aes128gcm16
cbc-modp2048	aes128-sha256-modp2048		aes128-sha256
cbc-modp3072	aes256-sha256-modp3072		aes256-sha256
"

we_initiate()
{
	nf_conf "$1" "$2" && so daemon_start && ten_pings && so two_sas_here && so wait_for 20 sas_there && no_drops
}

they_initiate()
{
	nf_conf "$1" "$2" "$PSK" manual && so daemon_start &&
		so swanctl --initiate --child lan --timeout $((40 * NFIPSEC_TIME_FACTOR)) >"$WORK/initiate" 2>&1 &&
		so wait_for 20 two_sas_here && so wait_for 20 sas_there &&
		so in_site_b ping -n -q -i 0.1 -c 5 -W 20 $SITE_A >"$WORK/ping" &&
		so in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" &&
		so test "$(stat held)" = 0 && no_drops || { cat "$WORK/initiate"; tail -n 20 "$WORK/daemon" "$SWAN/log"; return 1; }
}

# seen outside: ESP only, both ways. At gw-a: xfrm shows on gw-b's wan what it decrypted
only_esp_outside()
{
	capture_start gw-a wan "host $GW_A or net $NET_A" || return
	in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" || return
	capture_stop
	test "$(grep -c "$GW_A > $GW_B: ESP" "$WORK/wire")" = 5 &&
		test "$(grep -c "$GW_B > $GW_A: ESP" "$WORK/wire")" = 5 &&
		! grep -q 'ICMP' "$WORK/wire"
}

right_mtu()
{
	local mtu longest

	in_site_a ip route flush cache
	mtu=$(tunnel_mtu)
	test -n "$mtu" || return
	note "the tunnel's MTU is $mtu"
	in_site_a ip route flush cache
	capture_start gw-b wan "src host $GW_A and proto 50" || return
	in_site_a ping -n -q -c 1 -W 10 -M do -s $((mtu - 28)) $SITE_B >"$WORK/ping" || return
	capture_stop
	in_site_a ping -n -c 1 -W 2 -M do -s $((mtu - 27)) $SITE_B >"$WORK/ping" 2>&1 && return 1
	grep -qi "mtu *= *$mtu" "$WORK/ping" || return
	# what it became outside fits the wire, whole, and little is given away
	grep -q 'frag' "$WORK/wire" && return 1
	longest=$(sed -n 's/.*ESP.*length \([0-9]*\).*/\1/p' "$WORK/wire" | sort -n | tail -n 1)
	note "which makes $((longest + 20)) octets outside"
	test $((longest + 20)) -le 1500 && test $((longest + 20)) -gt 1436
}

# forwarded SYN packets are clamped in both directions
right_mss()
{
	local mtu mss

	mtu=$(tunnel_mtu)
	test -n "$mtu" || return
	capture_start site-b lan "tcp[tcpflags] & tcp-syn != 0" || return
	in_site_b iperf3 -s -1 -D -I "$WORK/iperf3.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens site-b 5201 || return
	in_site_a iperf3 -c $SITE_B -n 64K >"$WORK/iperf3" 2>&1 || return
	capture_stop
	mss=$(sed -n "s/.*$SITE_A.* > $SITE_B.*Flags \[S\].*mss \([0-9]*\).*/\1/p" "$WORK/wire" | sort -u)
	note "MSS of the SYN at the far end: $mss"
	test "$mss" = $((mtu - 40))
}

# a datagram too large for the tunnel, that may be fragmented, arrives
fragments()
{
	in_site_a ping -n -q -c 3 -i 0.1 -W 20 -s 4000 $SITE_B >"$WORK/ping" &&
		in_site_b ping -n -q -c 3 -i 0.1 -W 20 -s 4000 $SITE_A >"$WORK/ping" && no_drops
}

# traffic of the gateway's own inner address: local output, not forwarding
from_the_gateway()
{
	in_gw_a ping -n -q -c 3 -i 0.1 -W 20 -I 10.1.0.1 $SITE_B >"$WORK/ping" && no_drops
}

strict_rp_filter()
{
	local status

	in_gw_a sysctl -qw net.ipv4.conf.all.rp_filter=1
	in_site_a ping -n -q -c 3 -i 0.1 -W 20 $SITE_B >"$WORK/ping" &&
		in_site_b ping -n -q -c 3 -i 0.1 -W 20 10.1.0.1 >"$WORK/ping"
	status=$?
	in_gw_a sysctl -qw net.ipv4.conf.all.rp_filter=0
	return $status
}

per_suite()
{
	local name=$1 ike=$2 esp=$3

	swan_conf "$ike" "$esp"
	swan_start || return
	counted_check "$name: we initiate on the first ping, none of ten is lost" we_initiate "$ike" "$esp"
	case $name in
	aead-ecp384)
		counted_check "$name: only ESP is seen outside" only_esp_outside
		counted_check "$name: the tunnel's MTU is right" right_mtu
		counted_check "$name: forwarded TCP is clamped to it" right_mss
		counted_check "$name: fragmented datagrams arrive" fragments
		counted_check "$name: the gateway's own traffic goes too" from_the_gateway
		counted_check "$name: strict rp_filter does no harm" strict_rp_filter
		;;
	cbc-modp2048)
		counted_check "$name: only ESP is seen outside" only_esp_outside
		counted_check "$name: the tunnel's MTU is right" right_mtu
		;;
	esac
	case $name in
	aead-ecp384|cbc-modp2048)
		counted_check "$name: iperf3 there" tcp_there
		counted_check "$name: iperf3 back" tcp_back
		;;
	esac
	daemon_stop
	counted_check "$name: the daemon's end leaves no SA on either side" wait_for 20 no_sas
	counted_check "$name: strongSwan initiates" they_initiate "$ike" "$esp"
	daemon_stop
	policy_unload
	swan_stop
}

# `encapsulation udp`: the peer is told of a NAT that is not there
force_udp() { sed -i 's/auth psk/encapsulation udp &/' "$CONF" && so grep -q 'encapsulation udp' "$CONF"; }

# each is in UDP on the wire, and the firewall between the gateways would know the flow
pings_in_udp()
{
	so wait_for 20 in_udp_here '.encap_remote == 4500' && so wait_for 20 in_udp_there || return
	capture_start gw-a wan "host $GW_A" || return
	so in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" || return
	capture_stop
	so test "$(grep -c "$GW_A.4500 > $GW_B.4500: UDP-encap: ESP" "$WORK/wire")" = 5 &&
		so test "$(grep -c "$GW_B.4500 > $GW_A.4500: UDP-encap: ESP" "$WORK/wire")" = 5 &&
		so fails grep -q ': ESP(' <(grep -v UDP-encap "$WORK/wire") && no_drops
}

we_initiate_in_udp()
{
	nf_conf "$@" && force_udp && so daemon_start && ten_pings && pings_in_udp &&
		nf show peers >"$WORK/peers" && so grep -q 'NAT: none, UDP by configuration' "$WORK/peers"
}

they_initiate_in_udp()
{
	daemon_stop
	nf_conf "$@" "$PSK" manual && force_udp && so daemon_start &&
		so swanctl --initiate --child lan --timeout $((40 * NFIPSEC_TIME_FACTOR)) >"$WORK/initiate" 2>&1 &&
		pings_in_udp
}

in_udp()
{
	swan_conf "$@" && swan_start || return
	counted_check "encapsulation udp: we initiate, ESP is in UDP both ways" we_initiate_in_udp "$@"
	counted_check "encapsulation udp: strongSwan initiates" they_initiate_in_udp "$@"
	daemon_stop
	policy_unload
	swan_stop
}

ktap_plan 26
sites_begin
while read -r name ike esp; do
	test -z "$name" || per_suite "$name" "$ike" "$esp" </dev/null
done <<<"$SUITES"
in_udp aes128gcm16-prfsha256-x25519 aes128gcm16
ktap_exit
