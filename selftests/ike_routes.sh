#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE takes the route that the tunnel says: by `mark`. nfipsec in gw-a and strongSwan in gw-b (the
# picture is in sites-lib.sh). gw-a reaches gw-b's address only by a table that the mark chooses.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

# of gw-b, behind no network of gw-a; of gw-a, and the other one that the main table would choose
FAR=203.0.113.9 NEAR=203.0.113.1
FAR6=2001:db8:9::9 NEAR6=2001:db8:9::1
IKE=aes256gcm16-prfsha384-ecp384 ESP=aes256gcm16
MARK=0x2a

# conf LOCAL REMOTE SETTINGS OF THE TUNNEL [OF THE PEER]
conf()
{
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ip from $NET_A to $NET_B
		}
		peer branch {
			local  address $1 id fqdn $ID_A
			remote address $2 id fqdn $ID_B
			auth psk
			ike $IKE
			$4
			tunnel lan { access-list branch  esp $ESP  start manual  $3 }
		}
	END
}
load() { conf "$@" && nf load "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }; }
up() { nf up branch >"$WORK/up" 2>&1 || { cat "$WORK/up"; return 1; }; }
down() { nf down branch >"$WORK/down" 2>&1; }

pinged()
{
	ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 30 "$2" >"$WORK/ping" 2>&1 && grep -q ' 3 received' "$WORK/ping" ||
		because "no answer to ping $2 in $1: $(tail -n 3 "$WORK/ping")"
}
both_ways() { pinged site-a $SITE_B && pinged site-b $SITE_A; }
ike_local() { nf show peers --json | jq -r '.peers[0].ike_sas[0].local'; }
swan_peer() { sed -i -e "s,local_addrs = .*,local_addrs = $1," -e "s,remote_addrs = .*,remote_addrs = $2," "$SWAN/swanctl.conf" && swan_load; }

no_way()
{
	load any $FAR "" && ! up && grep -q "no route to $FAR" "$WORK/up"
}

shown()
{
	[ "$(nf show peers --json | jq '.peers[0].ike_sas[0].mark')" = $((MARK)) ] && nf show peers --detail >"$WORK/show" &&
		grep -q ", mark $MARK" "$WORK/show" || because "$(nf show peers --json | jq -c '.peers[0].ike_sas'; cat "$WORK/show")"
}

initiate_and_end()
{
	load any $FAR "mark $MARK" && up && [ "$(ike_local)" = "${NEAR}[500]" ] && both_ways && nf up branch --verify >"$WORK/verify" 2>&1 ||
		{ cat "$WORK/verify" "$WORK/up"; nf show peers; return 1; }
	shown && goodbye
}

gone_there() { [ -z "$(swanctl --list-sas)" ] || because "strongSwan still has: $(swanctl --list-sas | head -n 2)"; }
goodbye() { down && wait_for 20 gone_there; }

swan_up() { swanctl --initiate --child lan --timeout 20 >"$WORK/initiate" 2>&1; }
respond()
{
	swan_up || { cat "$WORK/initiate"; return 1; }
	both_ways && goodbye
}

# ESP in UDP, and an address that is named
forced_udp()
{
	load $NEAR $FAR "mark $MARK" "encapsulation udp" && up && both_ways && goodbye
}

ipv6()
{
	swan_peer $FAR6 $NEAR6 && load any $FAR6 "" && ! up && load any $FAR6 "mark $MARK" && up && [ "$(ike_local)" = "${NEAR6}[500]" ] &&
		both_ways && goodbye && respond && swan_peer $FAR $NEAR
}

# the answer to a stranger takes the way of the block that its address fits
stranger()
{
	load $NEAR $FAR "mark $MARK" && sed -i "s/proposals = $IKE/proposals = aes128-sha256-modp2048/" "$SWAN/swanctl.conf" && swan_load || return
	! swan_up && grep -q 'NO_PROPOSAL_CHOSEN' "$WORK/initiate" || { cat "$WORK/initiate"; return 1; }
}

ktap_plan 6
sites_begin
sites_ipv6 || bail "no IPv6"
{
	ip -n gw-b addr add $FAR/32 dev lo && ip -n gw-a addr add $NEAR/32 dev lo && ip -n gw-b route add $NEAR via $GW_A &&
		ip -n gw-b addr add $FAR6/128 dev lo nodad && ip -n gw-a addr add $NEAR6/128 dev lo nodad &&
		ip -n gw-b route add $NEAR6 via $GW6_A &&
		ip -n gw-a route add $FAR via $GW_B src $NEAR table 100 && ip -n gw-a route add $FAR6 via $GW6_B src $NEAR6 table 100 &&
		ip -n gw-a rule add fwmark $MARK lookup 100 && ip -n gw-a -6 rule add fwmark $MARK lookup 100
} || bail "no policy routing"
swan_conf $IKE $ESP && swan_start && swan_peer $FAR $NEAR || bail "$(tail -n 5 "$SWAN/load")"
(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
conf any $FAR ""
daemon_start || bail "$(tail -n 5 "$WORK/daemon")"
counted_check "without the mark there is no route" no_way
counted_check "by the mark: up, the address of that route, rekeyed, down" initiate_and_end
counted_check "the peer initiates" respond
counted_check "encapsulation udp" forced_udp
counted_check "IPv6" ipv6
counted_check "the answer to a stranger" stranger
ktap_exit
