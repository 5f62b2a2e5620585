#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a restart costs, with strongSwan as the peer (the picture is in
# sites-lib.sh): nfipsecd killed with -9 and started again loses no packet, the
# SAs of the run before go when others have taken their place, and when the
# peer is killed and started again the tunnel comes back by itself.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16

spis() { in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas[].spi' | sort; }
renewed() { two_sas_here && ! spis | grep -qxFf "$WORK/spis"; }
adopted() { grep -q '2 SAs of an earlier run carry on' "$WORK/daemon"; }
one_ping() { in_site_a ping -n -q -c 1 -W 30 $SITE_B >"$WORK/ping"; }

# traffic_start: 100 datagrams a second from a to b, and pings from b to a
traffic_start()
{
	in_site_b iperf3 -s -1 -D -I "$WORK/iperf3.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens site-b 5201 || return
	started iperf ip netns exec site-a iperf3 -u -c $SITE_B -t "$1" -b 800K -l 1000 -J >"$WORK/iperf3.json" 2>&1
	started ping ip netns exec site-b ping -n -q -i 0.05 $SITE_A >"$WORK/ping-b"
}

none_lost()
{
	note "datagrams: $(jq -r '.end.sum | "\(.packets), lost \(.lost_packets)"' "$WORK/iperf3.json")"
	note "$(grep transmitted "$WORK/ping-b")"
	jq -e '.end.sum.packets > 500 and .end.sum.lost_packets == 0' "$WORK/iperf3.json" >"$WORK/jq" &&
		# the last answer may be on its way when ping ends
		awk '/transmitted/ { seen = 1; bad = $1 < 100 || $1 - $4 > 1 } END { exit !seen || bad }' "$WORK/ping-b"
}

kill_and_start()
{
	local began=$SECONDS

	spis >"$WORK/spis" && daemon_kill && daemon_start && adopted && wait_for 30 renewed || return
	note "the SAs were renewed after $((SECONDS - began)) s"
}

no_packet_lost()
{
	one_ping && mark_stats && traffic_start 30 || return
	sleep 0.5
	kill_and_start && kill_and_start || { cat "$WORK/daemon"; return 1; }
	wait_for 60 ended iperf && stopped ping INT || return
	rm -f "$WORK/iperf.pid"
	note "dropped in the module: $(drops | tr '\n' ' ')"
	none_lost
}

# the peer was not told to forget: RFC 7296 2.4
no_initial_contact()
{
	! grep -q 'N(INIT_CONTACT)' <<<"$(sed -n '/carry on/,$p' "$WORK/daemon")" &&
		test "$(grep -c 'deleting duplicate IKE_SA\|INITIAL_CONTACT' "$SWAN/log")" = 0
}

# another algorithm is configured by the time the daemon is back
changed()
{
	spis >"$WORK/spis" && daemon_kill || return
	sed -i "s/esp $ESP/esp aes128-sha256/" "$CONF"
	daemon_start && ! adopted && one_ping && wait_for 20 renewed
}

# the daemon ends as it should: no SA is left, so none is taken over
graceful()
{
	daemon_stop && no_sas_here && daemon_start && ! adopted && one_ping && wait_for 10 two_sas_here
}

# it forgot all without a word; it begins as it is started, and says INITIAL_CONTACT
peer_begins_anew()
{
	one_ping && spis >"$WORK/spis" && swan_kill && swan_start && wait_for 30 renewed && sas_there && one_ping
}

ktap_plan 5
sites_begin
nf_conf $IKE $ESP "$PSK" at-load 2s
swan_conf $IKE "$ESP,aes128-sha256"
swan_start && daemon_start && wait_for 10 two_sas_here || bail "the tunnel does not come up"
check "kill -9 and another daemon, twice: no packet is lost" no_packet_lost
check "the peer was not told that it may forget its SAs" no_initial_contact
check "SAs that the configuration would not make any more are removed" changed
check "a daemon that ends leaves none" graceful
sed -i "s/esp_proposals = .*/&\n\t\t\t\t\t\tstart_action = start/" "$SWAN/swanctl.conf"
check "the peer is killed and begins anew: the tunnel is back" peer_begins_anew
ktap_exit
