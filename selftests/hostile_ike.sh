#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bad IKE from the wire (the picture is in sites-lib.sh): messages that are cut,
# grown, looping, random or forged reach a daemon on UDP 500 and 4500, and change
# nothing for anybody; a tunnel with strongSwan comes up all the same.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

noise() { ip netns exec "${1:-gw-b}" /usr/bin/python3 "$TOOLS/ike-noise.py" --target $GW_A "${@:2}" >"$WORK/noise" 2>&1; }

alive() { running daemon && nf show peers >"$WORK/peers" 2>&1; }

memory_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(daemon_pid)/status"; }

ike_noise()	# KIND...
{
	noise gw-b "$@" || { note "$(tail -n 3 "$WORK/noise")"; return 1; }
	note "$(tail -n 1 "$WORK/noise"), the daemon has $(memory_kb) KiB"
	wait_for 20 alive
}

# nothing of it made an SA, and memory does not grow with what is thrown at it
ike_noise_leaves_nothing()
{
	local before after

	no_sas_here || return
	before=$(memory_kb)
	noise gw-b flood random_bytes || return
	noise gw-b flood random_bytes || return
	wait_for 20 alive || return
	after=$(memory_kb)
	note "before $before KiB, after $after KiB"
	test $((after - before)) -lt 8192
}

tunnel_comes_up()
{
	swan_conf aes128gcm16-prfsha256-x25519 aes128gcm16
	swan_start && in_site_a ping -n -q -c 3 -i 0.2 -W 30 $SITE_B >"$WORK/ping" && two_sas_here
}

# one who knows the SPIs of the live IKE SA, and the peer's address and port
live_noise()
{
	local spis

	spis=$(nf show peers --json | jq -r '[.. | .spi_i?, .spi_r? | select(. != null)] | .[0:2] | join(" ")')
	test "$(wc -w <<<"$spis")" = 2 || return
	noise gw-b --spoof $GW_B --live $spis || { note "$(tail -n 3 "$WORK/noise")"; return 1; }
	note "$(tail -n 1 "$WORK/noise")"
	wait_for 20 alive && two_sas_here && in_site_a ping -n -q -c 3 -i 0.2 -W 20 $SITE_B >"$WORK/ping" &&
		test "$(grep -c . <<<"$(swanctl --list-sas)")" -gt 0
}

clean_down() { nf down branch >"$WORK/down" 2>&1 && no_sas_here; }

ktap_plan 9
sites_begin
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16
daemon_start || bail "nfipsecd does not start"
check "truncated and oversized messages" ike_noise truncated oversized
check "loops, lying headers, random octets" ike_noise looping headers random_bytes
check "values that are no group elements" ike_noise elements
check "the same on port 4500" ike_noise --port 4500 looping headers random_bytes
check "a flood of half-open SAs" ike_noise flood
check "nothing of it stays" ike_noise_leaves_nothing
check "a tunnel comes up all the same" tunnel_comes_up
check "forged messages of the live SA change nothing" live_noise
check "and it ends as it should" clean_down
ktap_exit
