#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `nfipsec up --verify` with strongSwan as the peer (the picture is in
# sites-lib.sh): all is well; groups for PFS that differ, which IKE_AUTH does
# not show; a path that loses large packets.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes128gcm16-prfsha256-x25519

# verify STATUS WORDS...: what it prints is in $WORK/verify
verify()
{
	local status=0

	nf up branch --verify "${@:2}" >"$WORK/verify" 2>"$WORK/verify.err" || status=$?
	test $status = "$1" && return
	note "status $status, expected $1"
	cat "$WORK/verify" "$WORK/verify.err" "$WORK/daemon"
	return 1
}

# step NAME ok|FAILED PATTERN...: its line
step()
{
	local line pattern

	line=$(grep -E "^branch/lan +$1 +$2 " "$WORK/verify")
	note "$line"
	for pattern in "${@:3}"; do
		grep -Eq -- "$pattern" <<<"$line" || { note "no '$pattern'"; cat "$WORK/verify"; return 1; }
	done
}

mtu() { nf show tunnels --json | jq -r '.tunnels[0].mtu'; }

well()
{
	verify 0 --probe $SITE_B && step up ok aes128gcm16 && step liveness ok "$GW_B answers" &&
		step rekey ok 'PFS, group ecp256' && step mtu ok "^.*$(mtu) octets to $SITE_B"
}

# a second time what is up is used
json()
{
	verify 0 --json && jq -e '.ok and ([.steps[].step] == ["up", "liveness", "rekey", "mtu"]) and
		(.steps[1].ms >= 0) and (.steps[3].probed == false) and (.steps[3].mtu > 1000)' \
		"$WORK/verify" >"$WORK/jq" &&
		test "$(grep -c 'IKE SA with .* up:' "$WORK/daemon")" = 1
}

one_ping() { in_site_a ping -n -q -c 1 -W 30 $SITE_B >"$WORK/ping"; }

# other_group PROPOSAL-OF-STRONGSWAN
other_group()
{
	nf down branch >"$WORK/down" 2>&1 || return
	sed -i "s/esp_proposals = .*/esp_proposals = $1/" "$SWAN/swanctl.conf"
	swan_load && verify 1 && step up ok && step rekey FAILED 'groups? for PFS' 'ours ecp256' &&
		step liveness ok && one_ping
}

# the peer's device takes no more than 1300 octets, and tells nobody
black_hole()
{
	local passes

	nf down branch >"$WORK/down" 2>&1
	sed -i "s/esp_proposals = .*/esp_proposals = aes128gcm16-ecp256/" "$SWAN/swanctl.conf"
	swan_load && ip -n gw-b link set wan mtu 1300 && verify 1 --probe $SITE_B &&
		step mtu FAILED "the module has $(mtu)" || return
	passes=$(sed -n 's/.*only \([0-9]*\) octets pass.*/\1/p' "$WORK/verify")
	test "$passes" -gt 1200 && test "$passes" -lt 1300 && rekeyed_well
}

rekeyed_well() { step rekey ok 'PFS, group ecp256'; }

nobody_answers_echo()
{
	ip -n gw-b link set wan mtu 1500
	verify 1 --probe 10.2.0.99 && step mtu FAILED '10\.2\.0\.99 does not answer' &&
		verify 1 --probe 10.99.0.1 && step mtu FAILED 'carries no echo'
}

ktap_plan 6
sites_begin
nf_conf $IKE aes128gcm16-ecp256 "$PSK" manual
swan_conf $IKE aes128gcm16-ecp256
swan_start && daemon_start || bail "the daemons do not start"
check "all is well: up, liveness, rekey, mtu" well
check "the same in JSON, and no SA was set up again" json
check "a peer without PFS: the rekeying fails, the tunnel stays" other_group aes128gcm16
check "a peer with another group: the same, and both sides are named" other_group aes128gcm16-ecp384
check "a path that loses large packets: what passes is found" black_hole
check "an address that does not answer, and one that is not behind the tunnel" nobody_answers_echo
ktap_exit
