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
is_up() { so wait_for 10 two_sas_here && so wait_for 10 sas_there; }

told() { tail -n 20 "$WORK/daemon" "$SWAN/log"; cat "$WORK"/{up,terminate} 2>/dev/null; return 1; }

up_down()
{
	so nf up branch >"$WORK/up" 2>&1 && is_up && so one_ping &&
		so nf down branch >"$WORK/down" 2>&1 && so no_sas_here && so wait_for 20 no_sas_there || told
}

up_down_tunnel()
{
	so nf up branch/lan >"$WORK/up" 2>&1 && is_up &&
		so nf down branch/lan >"$WORK/down" 2>&1 && so no_sas_here && so wait_for 20 no_esp_there || told
}

# the IKE SA may stay when only a CHILD SA was asked to go
no_esp_there() { test -z "$(ip -n gw-b xfrm state)"; }

their_delete()
{
	so nf up branch >"$WORK/up" 2>&1 && is_up &&
		so swanctl --terminate --ike hq --timeout 40 >"$WORK/terminate" 2>&1 && so wait_for 20 no_sas || told
}

their_child_delete()
{
	so nf up branch >"$WORK/up" 2>&1 && is_up &&
		so swanctl --terminate --child lan --timeout 40 >"$WORK/terminate" 2>&1 &&
		so wait_for 20 no_sas_here && so wait_for 20 no_esp_there || told
}

# protected all the same, and the next packet brings it back
comes_back()
{
	so one_ping && is_up || told
}

# strongSwan dies without a word: DPD (RFC 7296 2.4) finds out, traffic brings it back
dpd()
{
	is_up || return
	swan_kill
	so wait_for 60 no_sas_here || told || return
	note "$(grep -i 'branch' "$WORK/daemon" | tail -n 1)"
	so swan_start && so one_ping && is_up || told
}

read_metrics='import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
list(read(open(sys.argv[1]).read()))'

# of daemon and module, by a parser that is not ours
metrics_are_read()
{
	is_up && nf metrics >"$WORK/metrics" && so /usr/bin/python3 -c "$read_metrics" "$WORK/metrics" &&
		so grep -qx 'nfipsec_tunnel_up{peer="branch",tunnel="lan"} 1' "$WORK/metrics" &&
		so grep -q '^nfipsec_module_events_total{counter="out_packets"} [1-9]' "$WORK/metrics"
}

# the daemon deletes its SAs at the peer as well, and the load after that is a first one
unload_is_told()
{
	is_up && so nf show peers branch/lan >"$WORK/up" && so nf unload && so no_sas_here &&
		so wait_for 20 no_sas_there && so output_matches 'no peer is called' fails nf show peers branch &&
		so nf load "$CONF" && so fails nf show peers branch/lan >"$WORK/up" && so one_ping && is_up || told
}

# without its daemon the module goes on with the SAs it has, and a new daemon starts afresh
daemon_dies()
{
	is_up && so daemon_kill && so capture_start gw-a wan "net $NET_A" &&
		so in_site_a ping -n -q -c 5 -i 0.1 -W 20 $SITE_B >"$WORK/ping" || told || return
	capture_stop
	so fails grep . "$WORK/wire" && so daemon_start && so one_ping && so wait_for 30 two_sas_here || told
}

# our first group is not one the peer takes: RFC 7296 1.2
invalid_ke()
{
	so nf up branch >"$WORK/up" 2>&1 && is_up && so grep -qi 'INVALID_KE_PAYLOAD\|INVAL_KE' "$SWAN/log" || told
}

half_open_there() { swanctl --stats | grep -q ' [1-9][0-9]* half-open'; }

cookie()
{
	# strongSwan compares the time in a cookie with "now - random offset - 10 s" as an unsigned
	# number, and refuses each cookie as long as that is negative: in its first seconds, which on a
	# host that has just started may be all the test takes.
	sleep 12
	# one half-open SA, and strongSwan asks everybody for a cookie
	in_gw_a /usr/bin/python3 "$TOOLS/ike-noise.py" --target $GW_B half_open >"$WORK/noise" &&
		so wait_for 20 half_open_there || { cat "$WORK/noise"; return 1; }
	so nf up branch >"$WORK/up" 2>&1 && is_up && so grep -q 'COOKIE' "$SWAN/log" || told
}

restart()	# SWAN-OPTIONS...: after nf_conf
{
	daemon_stop
	swan_stop
	policy_unload
	swan_conf aes128gcm16-prfsha256-x25519 $ESP "$PSK" "$@"
	swan_start && daemon_start
}

ktap_plan 12
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
check "the metrics of both are OpenMetrics" metrics_are_read
check "nfipsec unload tells the daemon, and the daemon the peer" unload_is_told
check "the daemon dies: the SAs carry on, and a new one takes over" daemon_dies
nf_conf "aes128gcm16-prfsha256-ecp256-x25519" $ESP
restart || bail "the daemons do not start"
check "INVALID_KE_PAYLOAD: the peer's group is taken" invalid_ke
nf_conf $IKE $ESP
restart "cookie_threshold = 1" "cookie_threshold_ip = 1" "half_open_timeout = 300" || bail "the daemons do not start"
check "COOKIE: it is sent back" cookie
ktap_exit
