#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How a tunnel with strongSwan ends and comes back (the picture is in
# sites-lib.sh): down, the peer's DELETE, a peer that dies; and the two
# detours of IKE_SA_INIT, INVALID_KE_PAYLOAD and COOKIE.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16

one_ping() { in_site_a ping -n -q -c 1 -W 30 $SITE_B >"$WORK/ping"; }
is_up() { two_sas_here && sas_there; }

up_down()
{
	nf up branch >"$WORK/up" 2>&1 && is_up && one_ping || return
	nf down branch >"$WORK/down" 2>&1 && no_sas_here && wait_for 5 no_sas_there
}

up_down_tunnel()
{
	nf up branch/lan >"$WORK/up" 2>&1 && is_up || return
	nf down branch/lan >"$WORK/down" 2>&1 && no_sas_here && wait_for 5 no_esp_there
}

# the IKE SA may stay when only a CHILD SA was asked to go
no_esp_there() { test -z "$(ip -n gw-b xfrm state)"; }

their_delete()
{
	nf up branch >"$WORK/up" 2>&1 && is_up || return
	swanctl --terminate --ike hq --timeout 20 >"$WORK/terminate" 2>&1 && wait_for 5 no_sas
}

their_child_delete()
{
	nf up branch >"$WORK/up" 2>&1 && is_up || return
	swanctl --terminate --child lan --timeout 20 >"$WORK/terminate" 2>&1 && wait_for 5 no_sas_here &&
		no_esp_there
}

# protected all the same, and the next packet brings it back
comes_back()
{
	one_ping && is_up
}

# strongSwan dies without a word: DPD (RFC 7296 2.4) finds out, traffic brings it back
dpd()
{
	is_up || return
	swan_kill
	wait_for 60 no_sas_here || return
	note "$(grep -i 'branch' "$WORK/daemon" | tail -n 1)"
	swan_start && one_ping && is_up
}

# without its daemon the module goes on with the SAs it has, and a new daemon starts afresh
daemon_dies()
{
	is_up && daemon_kill || return
	capture_start gw-a wan "net $NET_A" || return
	in_site_a ping -n -q -c 5 -i 0.1 -W 5 $SITE_B >"$WORK/ping" || return
	capture_stop
	! grep -q . "$WORK/wire" && daemon_start && one_ping && wait_for 10 two_sas_here
}

# our first group is not one the peer takes: RFC 7296 1.2
invalid_ke()
{
	nf up branch >"$WORK/up" 2>&1 && is_up && grep -qi 'INVALID_KE_PAYLOAD\|INVAL_KE' "$SWAN/log"
}

half_open_there() { swanctl --stats | grep -q ' [1-9][0-9]* half-open'; }

cookie()
{
	# one half-open SA, and strongSwan asks everybody for a cookie
	in_gw_a /usr/bin/python3 "$TOOLS/ike-noise.py" --target $GW_B half_open >"$WORK/noise" &&
		wait_for 10 half_open_there || return
	nf up branch >"$WORK/up" 2>&1 && is_up && grep -q 'COOKIE' "$SWAN/log" ||
		{ cat "$WORK/up" "$WORK/noise"; return 1; }
}

restart()	# SWAN-OPTIONS...: anew, after nf_conf
{
	daemon_stop
	swan_stop
	policy_unload
	swan_conf aes128gcm16-prfsha256-x25519 $ESP "$PSK" "$@"
	swan_start && daemon_start
}

ktap_plan 10
sites_begin
nf_conf $IKE $ESP "$PSK" on-traffic 2s
restart || bail "the daemons do not start"
check "up and down leave no SA on either side" up_down
check "so do up and down of the tunnel alone" up_down_tunnel
check "strongSwan's DELETE of the IKE SA takes all with it" their_delete
check "the next packet brings it back" comes_back
check "strongSwan's DELETE of the CHILD SA takes both directions" their_child_delete
check "the next packet brings that back" comes_back
check "a peer that dies is found out, and comes back on traffic" dpd
check "the daemon dies: the SAs carry on, and a new one takes over" daemon_dies
nf_conf "aes128gcm16-prfsha256-ecp256-x25519" $ESP
restart || bail "the daemons do not start"
check "INVALID_KE_PAYLOAD: the peer's group is taken" invalid_ke
nf_conf $IKE $ESP
restart "cookie_threshold = 1" "cookie_threshold_ip = 1" "half_open_timeout = 300" || bail "the daemons do not start"
check "COOKIE: it is sent back" cookie
ktap_exit
