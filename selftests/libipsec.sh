#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Another data plane: strongSwan's kernel-libipsec in gw-b, ESP in userspace behind a
# tun device, which shares nothing with xfrm (the picture is in sites-lib.sh). It
# always has ESP in UDP, NAT or not.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

# name, IKE and ESP proposals
SUITES="
aead	aes256gcm16-prfsha384-ecp384	aes256gcm16
cbc	aes128-sha256-modp2048		aes128-sha256
"
PLUGINS="random nonce openssl kdf hmac sha2 aes gcm gmp curve25519 socket-default kernel-libipsec kernel-netlink vici"

in_udp()
{
	in_gw_a "$NFIPSEC" show sas --json |
		jq -e '.sas | length == 2 and all(.[]; .encap_local == 4500 and .encap_remote == 4500)'
}

# its SAs are not in the kernel, and its way to us is its tun device
not_xfrm()
{
	test -z "$(ip -n gw-b xfrm state)" && ip -n gw-b route get $SITE_A from $SITE_B iif lan | grep -q 'dev ipsec0'
}

we_initiate()
{
	nf_conf "$1" "$2" && daemon_start && ten_pings && in_udp && not_xfrm && no_drops
}

they_initiate()
{
	nf_conf "$1" "$2" "$PSK" manual && daemon_start &&
		swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 ||
		{ cat "$WORK/initiate" "$WORK/daemon"; return 1; }
	wait_for 20 in_udp && not_xfrm &&
		in_site_b ping -n -q -i 0.1 -c 5 -W 20 $SITE_A >"$WORK/ping" &&
		in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" && no_drops
}

only_udp_outside()
{
	capture_start gw-a wan "host $GW_A or net $NET_A" || return
	in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" || return
	capture_stop
	test "$(grep -c "$GW_A.4500 > $GW_B.4500: UDP-encap: ESP" "$WORK/wire")" = 5 &&
		test "$(grep -c "$GW_B.4500 > $GW_A.4500: UDP-encap: ESP" "$WORK/wire")" = 5 &&
		! grep -q 'ICMP' "$WORK/wire"
}

# ping compares what comes back; every length of padding, and more than its device takes
sizes()
{
	local size

	for size in {0..18} 64 255 1000 1371 1372 1373 1400 4000; do
		in_site_a ping -n -q -c 1 -W 20 -M dont -s $size $SITE_B >"$WORK/ping" || { cat "$WORK/ping"; return 1; }
	done
	no_drops
}

no_sas_left() { no_sas_here && test -z "$(swanctl --list-sas)"; }

per_suite()
{
	local name=$1 ike=$2 esp=$3

	swan_conf "$ike" "$esp" "$PSK" "load = $PLUGINS" "install_routes = yes"
	swan_start || bail "strongSwan does not start: $(cat "$SWAN/out")"
	counted_check "$name: we initiate on the first ping, none of ten is lost" we_initiate "$ike" "$esp"
	counted_check "$name: only ESP in UDP is seen outside" only_udp_outside
	counted_check "$name: packets of every size there and back" sizes
	counted_check "$name: iperf3 there" tcp_there
	counted_check "$name: iperf3 back" tcp_back
	daemon_stop
	counted_check "$name: the daemon's end leaves no SA on either side" wait_for 20 no_sas_left
	counted_check "$name: strongSwan initiates" they_initiate "$ike" "$esp"
	daemon_stop
	policy_unload
	swan_stop
}

modprobe -q tun
test -e /dev/net/tun || ktap_skip_all "a tun device"

ktap_plan 14
sites_begin
while read -r name ike esp; do
	test -z "$name" || per_suite "$name" "$ike" "$esp" </dev/null
done <<<"$SUITES"
ktap_exit
