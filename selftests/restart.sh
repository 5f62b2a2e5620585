#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a restart costs, with strongSwan as the peer (the picture is in
# sites-lib.sh): nfipsecd killed with -9 and started again loses no packet, the
# SAs of the run before go when others have taken their place, and when the
# peer is killed and started again the tunnel comes back by itself.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/traffic-lib.sh"

IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16

spis() { in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas[].spi' | sort; }
renewed() { two_sas_here && ! spis | grep -qxFf "$WORK/spis"; }
adopted() { grep -q '2 SAs of an earlier run carry on' "$WORK/daemon"; }
one_ping() { in_site_a ping -n -q -c 1 -W 30 $SITE_B >"$WORK/ping"; }

kill_and_start()
{
	local began=$SECONDS

	spis >"$WORK/spis" && so daemon_kill && so daemon_start && so adopted && so wait_for 40 renewed || return
	note "the SAs were renewed after $((SECONDS - began)) s"
}

killed_twice() { kill_and_start && kill_and_start; }

no_packet_lost()
{
	so one_ping && mark_stats && unharmed killed_twice || { tail -n 30 "$WORK/daemon" "$SWAN/log"; return 1; }
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
	so daemon_start && so fails adopted && so one_ping && so wait_for 40 renewed
}

# the daemon ends as it should: no SA is left, so none is taken over
graceful()
{
	so daemon_stop && so no_sas_here && so daemon_start && so fails adopted && so one_ping && so wait_for 30 two_sas_here
}

# it forgot all without a word; it begins as it is started, and says INITIAL_CONTACT
peer_begins_anew()
{
	so one_ping && spis >"$WORK/spis" && so swan_kill && so swan_start && so wait_for 60 renewed &&
		so wait_for 10 sas_there && so one_ping
}

ktap_plan 5
sites_begin
nf_conf $IKE $ESP "$PSK" at-load 2s
swan_conf $IKE "$ESP,aes128-sha256"
swan_start && daemon_start && wait_for 30 two_sas_here || bail "the tunnel does not come up"
check "kill -9 and another daemon, twice: no packet is lost" no_packet_lost
check "the peer was not told that it may forget its SAs" no_initial_contact
check "SAs that the configuration would not make any more are removed" changed
check "a daemon that ends leaves none" graceful
sed -i "s/esp_proposals = .*/&\n\t\t\t\t\t\tstart_action = start/" "$SWAN/swanctl.conf"
check "the peer is killed and started again: the tunnel is back" peer_begins_anew
ktap_exit
