#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `remote port`: nfipsec in gw-a, and strongSwan in gw-b with other ports than 500 and 4500 (the picture
# is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes256gcm16-prfsha384-ecp384 ESP=aes256gcm16
# charon.port and charon.port_nat_t
PORT=1500 PORT_NATT=1501

# conf LOCAL REMOTE PORT [SETTINGS OF THE PEER]; PORT may be empty
conf()
{
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ip from $NET_A to $NET_B
		}
		peer branch {
			local  address $1 id fqdn $ID_A
			remote address $2 ${3:+port $3} id fqdn $ID_B
			auth psk
			ike $IKE
			$4
			tunnel lan { access-list branch  esp $ESP  start manual }
		}
	END
}
load() { conf "$@" && nf load "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }; }
up() { nf up branch >"$WORK/up" 2>&1 || { cat "$WORK/up"; tail -n 5 "$WORK/daemon" "$SWAN/log"; return 1; }; }
gone_there() { [ -z "$(swanctl --list-sas)" ] || because "strongSwan still has: $(swanctl --list-sas | head -n 2)"; }
goodbye() { nf down branch >"$WORK/down" 2>&1 && wait_for 20 gone_there; }

pinged()
{
	ip netns exec "$1" ping -n -q -c 5 -i 0.2 -W 30 "$2" >"$WORK/ping" 2>&1 && grep -q ' 5 received' "$WORK/ping" ||
		because "no answer to ping $2 in $1: $(tail -n 3 "$WORK/ping")"
}
both_ways() { pinged site-a $SITE_B && pinged site-b $SITE_A; }

# ends LOCAL REMOTE: of the IKE SA
ends()
{
	local is

	is=$(nf show peers --json | jq -r '.peers[0].ike_sas[0] | .local + " " + .remote')
	[ "$is" = "$1 $2" ] || because "found $is, expected $1 $2"
}
# rekeys the IKE SA and the CHILD SA
rekeyed() { nf up branch --verify >"$WORK/verify" 2>&1 || { cat "$WORK/verify"; return 1; }; }

# on_the_wire N: the capture has N datagrams with ESP, and IKE by the two ports alone. Nothing is in clear.
on_the_wire()
{
	local other

	capture_stop
	[ "$(grep -c "$1" "$WORK/wire")" -ge 20 ] || because "$(head -n 20 "$WORK/wire")" || return
	other=$(grep -v -e ' ARP' -e "$GW_A > $GW_B: ESP" -e "$GW_B > $GW_A: ESP" \
		-e "$GW_A.4500 > $GW_B.$PORT_NATT: " -e "$GW_B.$PORT_NATT > $GW_A.4500: " "$WORK/wire")
	[ -z "$other" ] || because "expected no other packet than $(echo "$other" | head -n 5)"
}

# Nobody listens on port 500 there.
without()
{
	load any $GW_B "" && ! nf up branch >"$WORK/up" 2>&1 && grep -q 'does not answer' "$WORK/up" || { cat "$WORK/up"; return 1; }
}

initiate()
{
	load any $GW_B $PORT_NATT && capture_start gw-a wan "host $GW_A or net $NET_A" && up &&
		ends "${GW_A}[4500]" "${GW_B}[$PORT_NATT]" && both_ways && rekeyed && both_ways &&
		ends "${GW_A}[4500]" "${GW_B}[$PORT_NATT]" && goodbye && on_the_wire ': ESP(' && no_drops
}

esp_in_udp()
{
	load $GW_A $GW_B $PORT_NATT "encapsulation udp" && capture_start gw-a wan "host $GW_A or net $NET_A" && up && both_ways &&
		in_udp_here ".encap_remote == $PORT_NATT" && rekeyed && both_ways &&
		wait_for 20 in_udp_here ".encap_remote == $PORT_NATT" &&
		goodbye && on_the_wire 'UDP-encap: ESP(' && ! grep -q ' > [0-9.]*: ESP' "$WORK/wire" && no_drops
}

# strongSwan has the non-ESP marker at this port, too, unless the other end is 500.
first_port()
{
	load any $GW_B $PORT && up && ends "${GW_A}[4500]" "${GW_B}[$PORT]" && both_ways && rekeyed && both_ways && goodbye && no_drops
}

respond()
{
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 || { cat "$WORK/initiate"; return 1; }
	ends "${GW_A}[500]" "${GW_B}[$PORT]" && both_ways && goodbye && no_drops
}

# A load with another port ends the SAs, and the next ones have it.
reload()
{
	load any $GW_B $PORT && up && both_ways && load any $GW_B $PORT_NATT && wait_for 20 gone_there && up &&
		ends "${GW_A}[4500]" "${GW_B}[$PORT_NATT]" && both_ways && goodbye
}

ipv6()
{
	sed -i -e "s,local_addrs = .*,local_addrs = $GW6_B," -e "s,remote_addrs = .*,remote_addrs = $GW6_A," "$SWAN/swanctl.conf" &&
		swan_load && load any $GW6_B $PORT_NATT && up && ends "${GW6_A}[4500]" "${GW6_B}[$PORT_NATT]" && both_ways && goodbye
}

ktap_plan 7
sites_begin
sites_ipv6 || bail "no IPv6"
swan_conf $IKE $ESP "$PSK" "port = $PORT" "port_nat_t = $PORT_NATT" && swan_start || bail "$(tail -n 5 "$SWAN/load")"
(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
conf any $GW_B ""
daemon_start || bail "$(tail -n 5 "$WORK/daemon")"
counted_check "remote port: up, rekeyed, down, nothing else on the wire" initiate
counted_check "remote port, encapsulation udp" esp_in_udp
counted_check "remote port, the first port of strongSwan" first_port
counted_check "the peer initiates from its port" respond
counted_check "a load with another port" reload
counted_check "IPv6" ipv6
counted_check "without remote port nobody answers" without
ktap_exit
