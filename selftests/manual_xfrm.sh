#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Manual SAs, no IKE: nfipsec in one gateway, and in the other the kernel's own
# xfrm with the same keys typed in (the picture is in sites-lib.sh). What one
# makes the other must open, right to the byte, or it is dropped and counted.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

SUITES=$ESP_SUITES
# a kernel that is slow looks for other mistakes: each way through the code once
[ -z "$NFIPSEC_SLOW" ] || SUITES="
aes256gcm16 aes192ccm12 chacha20poly1305 aes128gmac
aes256-sha512 camellia256-aescmac des-md5 null-sha256
"

# of every size there and back
datagrams() { in_site_a "$TOOLS/echo.py" ask $SITE_B 7 && clean; }

# transfer FROM TO ADDRESS: many segments, the same octets at the end
transfer()
{
	rm -f "$WORK/received"
	started receive ip netns exec "$2" socat -u TCP-LISTEN:7000 "CREATE:$WORK/received"
	wait_for 10 listens "$2" 7000 &&
		ip netns exec "$1" socat -u "FILE:$WORK/sent" "TCP:$3:7000" &&
		wait_for 20 ended receive && cmp "$WORK/sent" "$WORK/received"
}

tcp_both_ways()
{
	transfer site-a site-b $SITE_B && transfer site-b site-a $SITE_A && clean
}

counters()
{
	local packets

	packets=$(in_gw_a "$NFIPSEC" show sas --json | jq '[.sas[].packets] | min')
	note "$packets packets at least in each SA"
	test "$packets" -gt 100
}

# RFC 7296 2.23: each end may choose UDP or not for what it sends, at any time. xfrm does
# not take what it did not choose itself, so that the echoes end there.
echoes_arrive()
{
	in_site_b ping -n -q -c 3 -i 0.1 -W 1 $SITE_A >"$WORK/ping" && return 1
	test "$(stat in_packets)" = 3 && test "$(stat out_packets)" = 3 && no_drops
}

bare_for_udp()
{
	mark_stats
	ENCAP=4500 suite_write aes128gcm16 && sed -i 's/encap espinudp.* 0.0.0.0//' "$THERE" && typed_in &&
		echoes_arrive
}

udp_for_bare()
{
	mark_stats
	ENCAP=4500 suite_write aes128gcm16 && sed -i 's/ encap-local 4500 encap-remote 4500//' "$HERE" &&
		typed_in && echoes_arrive
}

# headers WORDS EXPECTED: with these words in the tunnel, TOS and DF outside of a packet with DF
# and of one without, both with TOS 0xb9 (DSCP 46, ECT(1)) inside
headers()
{
	nf_conf aes128gcm16-prfsha256-x25519 "aes128gcm16 $1" "$PSK" manual
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }
	capture_start gw-a wan "src host $GW_A and proto 50" -v || return
	in_site_a ping -n -q -c 1 -W 20 -Q 0xb9 -M "do" $SITE_B >"$WORK/ping" &&
		in_site_a ping -n -q -c 1 -W 20 -Q 0xb9 -M dont $SITE_B >"$WORK/ping" || return
	capture_stop
	sed -n 's/.*tos \(0x[0-9a-f]*\).*flags \[\([^]]*\)\], proto ESP.*/\1 \2/p' "$WORK/wire" >"$WORK/headers"
	note "$1: $(paste -sd, "$WORK/headers")"
	test "$(paste -sd, "$WORK/headers")" = "$2"
}

headers_as_said()
{
	suite_add aes128gcm16 && headers "" "0xb9 DF,0xb9 none" && headers "df set" "0xb9 DF,0xb9 DF" &&
		headers "df clear dscp 10" "0x29 none,0x29 none" && headers "dscp 0 df copy" "0x1 DF,0x1 none" || return
	headers "mtu 1000" "0xb9 DF,0xb9 none" && test "$(tunnel_mtu)" = 1000
}

is_called_weak() { in_gw_a "$NFIPSEC" show sas --json | jq -e '[.sas[].weak] | all'; }

suite()
{
	mark_stats
	suite_add "$1" && two_sas_here && sas_there && datagrams && tcp_both_ways && counters && ESN=yes suite_add "$1" && two_sas_here && sas_there && datagrams
}

# shellcheck disable=SC2086	# words
set -- $SUITES
ktap_plan $(($# + 4))
sites_begin
head -c $((NFIPSEC_SLOW ? 32768 : 131072)) /dev/urandom >"$WORK/sent"
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" manual
shell_start || bail "no shell in gw-a"
policies_there || bail "xfrm takes no policy"
in_gw_a "$NFIPSEC" load --no-daemon "$CONF" >"$WORK/load" 2>&1 || bail "the policy does not load: $(cat "$WORK/load")"
xfrm_errors >"$WORK/xfrm-errors"
started echo ip netns exec site-b "$TOOLS/echo.py" serve 7
for suite; do
	check "$suite, with and without ESN" suite "$suite"
	if [ "$suite" = des-md5 ]; then check "DES is called weak" is_called_weak; fi
	sas_flush
done
check "df, dscp and mtu are as the tunnel says" headers_as_said
sas_flush
check "bare ESP for an SA in UDP is taken" bare_for_udp
sas_flush
check "and ESP in UDP for an SA without" udp_for_bare
sas_flush
stopped echo TERM
ktap_exit
