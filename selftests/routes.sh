#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `route yes` of a tunnel: the routes of gw-a to the far networks, with real traffic over them.
# nfipsec in gw-a and strongSwan in gw-b (the picture is in sites-lib.sh), IPv4 and IPv6 inside.
# gw-a has no other route to the far networks than its default route to gw-b.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

STRICT="	10 protect ip from $NET_A to $NET_B strict
	20 protect ip from $NET6_A to $NET6_B strict"
IKE=aes256gcm16-prfsha384-ecp384 ESP=aes256gcm16

# conf SETTINGS OF THE TUNNEL [ENTRIES]
conf()
{
	cat >"$CONF" <<-END
		access-list branch {
		${2:-$STRICT}
		}
		peer branch {
			local  address $GW_A id fqdn $ID_A
			remote address $GW_B id fqdn $ID_B
			auth psk
			ike $IKE
			tunnel lan { access-list branch  esp $ESP  $1 }
		}
	END
}

load() { conf "$@" && nf load "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }; }

# routes [WORDS FOR IP ROUTE...]: those of the daemon, one a line
routes()
{
	{ ip -n gw-a route show "$@" proto 73 && ip -n gw-a -6 route show "$@" proto 73; } |
		sed -E 's/ *(metric 1024|pref medium|scope link|proto 73|linkdown) */ /g; s/ +/ /g; s/ $//'
}
has_routes() { [ "$(routes "${@:2}")" = "$1" ] || because "expected '$1', found: $(routes "${@:2}")"; }
no_routes() { [ -z "$(routes table all)" ] || because "left: $(routes table all)"; }

BOTH="$NET_B dev nfipsec0 src 10.1.0.1
$NET6_B dev nfipsec0"

# pinged NETNS ADDRESS
pinged()
{
	ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 30 "${@:3}" "$2" >"$WORK/ping" 2>&1 && grep -q ' 3 received' "$WORK/ping" ||
		because "no answer to ping ${*:2} in $1: $(tail -n 3 "$WORK/ping")"
}
silent()
{
	! ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 1 "${@:3}" "$2" >"$WORK/ping" 2>&1 || because "ping ${*:2} in $1 is answered"
}

clear_start() { capture_start gw-a wan "(ip and net $NET_B) or (ip6 and net $NET6_B)" -Q out; }
no_clear() { capture_stop; [ ! -s "$WORK/wire" ] || because "in clear: $(head -n 3 "$WORK/wire")"; }

up() { nf up branch >"$WORK/up" 2>&1 || { cat "$WORK/up"; return 1; }; }
down() { nf down branch >"$WORK/down" 2>&1 || { cat "$WORK/down"; return 1; }; }

# Down: no route. The gateway's own packets have the source of the way out, which no entry has.
before()
{
	clear_start && no_routes && silent gw-a $SITE_B && silent gw-a $SITE6_B && no_clear
}

# The gateway's own packets need no -I now. Forwarded ones take the same way.
while_up()
{
	clear_start && up && has_routes "$BOTH" && pinged gw-a $SITE_B && pinged gw-a $SITE6_B && pinged site-a $SITE_B &&
		pinged site-b $SITE_A && pinged site-a $SITE6_B && pinged site-b 10.1.0.1 && pinged site-b $SITE6_A && no_clear && no_drops &&
		[ "$(nf show peers --json | jq -c '.peers[0].tunnels[0].routes | sort')" = "[\"$NET_B\",\"$NET6_B\"]" ] &&
		nf show peers | grep -q "route to $NET_B by nfipsec0"
}

# The route has the MTU of nfipsec0, and the hook that of the tunnel.
sizes()
{
	tcp && tcp -R && clear_start && in_gw_a ping -n -q -c 2 -i 0.2 -W 30 -s 3000 $SITE_B >"$WORK/ping" &&
		head -c 300000 /dev/urandom >"$WORK/sent" || return
	started receive ip netns exec site-b socat -u TCP-LISTEN:7000 "CREATE:$WORK/received"
	wait_for 10 listens site-b 7000 && in_gw_a socat -u "FILE:$WORK/sent" TCP:$SITE_B:7000 && wait_for 20 ended receive &&
		cmp "$WORK/sent" "$WORK/received" && no_clear
}

after()
{
	clear_start && down && no_routes && silent gw-a $SITE_B && silent gw-a $SITE6_B && no_clear
}

# The module opens the tunnel for what comes; a packet from elsewhere on the route is dropped.
foreign()
{
	load "start manual route yes" && up && mark_stats && silent gw-a $SITE_B -I $GW_A && [ "$(stat out_no_entry)" = 0 ] &&
		[ "$(stat out_discard)" = 3 ] || because "$(counted)"
	load "start manual route yes" "	10 protect ip from $NET_A to $NET_B" && up && clear_start && mark_stats &&
		silent gw-a $SITE_B -I $GW_A && no_clear && { [ "$(stat out_no_entry)" = 3 ] || because "$(counted)"; }
}

on_traffic()
{
	down && load "route yes source 10.1.0.1" && has_routes "$BOTH" && no_sas_here && clear_start && pinged gw-a $SITE_B &&
		pinged gw-a $SITE6_B && no_clear && down && has_routes "$BOTH"
}

# Killed, the daemon leaves routes and SAs. The next one is never without them.
crash()
{
	pinged gw-a $SITE_B && daemon_kill && has_routes "$BOTH" && pinged gw-a $SITE_B &&
		ip -n gw-a route add 10.77.0.0/16 dev nfipsec0 proto 73 && ip -n gw-a route add 10.78.0.0/16 dev nfipsec0 || return
	started monitor ip -n gw-a monitor route >"$WORK/monitor" 2>&1
	daemon_start && wait_for 20 has_routes "$BOTH" && pinged gw-a $SITE_B && stopped monitor TERM &&
		{ ! grep "Deleted $NET_B" "$WORK/monitor" || because "it was absent"; } && grep -q 'Deleted 10.77.0.0/16' "$WORK/monitor" &&
		ip -n gw-a route del 10.78.0.0/16 dev nfipsec0
}

# The kernel removes them with the device, and with their source.
device()
{
	ip -n gw-a link set nfipsec0 down && no_routes && ip -n gw-a link set nfipsec0 up && wait_for 10 has_routes "$BOTH" &&
		ip -n gw-a addr del 10.1.0.1/24 dev lan && ip -n gw-a addr add 10.1.0.1/24 dev lan && wait_for 10 has_routes "$BOTH" &&
		pinged gw-a $SITE_B && pinged site-a $SITE_B
}

reload()
{
	load "route yes table 77" && has_routes "$NET_B dev nfipsec0
$NET6_B dev nfipsec0" table 77 && has_routes "" && load "route no" && no_routes && load "route yes source 10.1.0.1" && has_routes "$BOTH"
}

stop()
{
	daemon_stop && no_routes && daemon_start && has_routes "$BOTH" && nf unload && no_routes && nf load "$CONF" >"$WORK/load" &&
		has_routes "$BOTH"
}

refused()
{
	load "route yes source 10.1.0.77" && grep -q 'found source 10.1.0.77, expected an address of this host' "$WORK/daemon" &&
		no_routes_v4 || return
	load "route no" && ip -n gw-a route add $NET_B via $GW_B && load "route yes" &&
		grep -q "no route to $NET_B in table 254: the table has another route to it" "$WORK/daemon" && no_routes_v4 &&
		ip -n gw-a route show $NET_B | grep -q "via $GW_B" && ip -n gw-a route del $NET_B && load "route yes" &&
		has_routes "$NET_B dev nfipsec0
$NET6_B dev nfipsec0" || return
	conf "route yes" "	10 protect ip from $NET_A to any strict"
	output_matches 'found a route in the main table for entry 10, which is to any, expected .route yes table N.' nf check "$CONF"
}
no_routes_v4() { [ -z "$(ip -n gw-a route show proto 73)" ]; }

# All of it by the tunnel, in a table of its own: IKE and ESP go by the main one, and still do when they are rekeyed.
default_route()
{
	down && load "route yes table 100 source 10.1.0.1" "	5 bypass ip from any to $NET_A
	10 protect ip from $NET_A to any strict" && sed -i -e 's,local_ts = .*,local_ts = 0.0.0.0/0,' -e "s,remote_ts = .*,remote_ts = $NET_A," \
		"$SWAN/swanctl.conf" && swan_load && ip -n gw-a rule add from $NET_A lookup 100 &&
		has_routes "default dev nfipsec0 src 10.1.0.1" table 100 && clear_start && pinged site-a $SITE_B && pinged gw-a $SITE_B -I 10.1.0.1 &&
		pinged site-b $SITE_A && no_clear && nf up branch --verify >"$WORK/verify" 2>&1 || { cat "$WORK/verify"; return 1; }
	pinged site-a $SITE_B && ip -n gw-a rule del from $NET_A lookup 100
}

ktap_plan 12
sites_begin
sites_ipv6 || bail "no IPv6"
ip -n gw-a route del $NET_B && ip -n gw-a route del $NET6_B && ip -n gw-a route add default via $GW_B &&
	ip -n gw-a route add default via $GW6_B || bail "no default route"
swan_conf $IKE $ESP &&
	sed -i -e "s,local_ts = .*,local_ts = $NET_B\,$NET6_B," -e "s,remote_ts = .*,remote_ts = $NET_A\,$NET6_A," "$SWAN/swanctl.conf" &&
	swan_start || bail "$(tail -n 5 "$SWAN/load")"
(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
conf "start manual  route yes source 10.1.0.1"
daemon_start || bail "$(tail -n 5 "$WORK/daemon")"
counted_check "down: no route, and nothing in clear" before
counted_check "up: routes, and the gateway's own packets are in the tunnel" while_up
counted_check "all sizes, TCP" sizes
counted_check "down again" after
counted_check "a packet on the route that no entry protects is dropped" foreign
counted_check "start on-traffic: the first packet has a route" on_traffic
counted_check "the daemon is killed" crash
counted_check "the device or the source goes" device
counted_check "reload" reload
counted_check "stop, unload" stop
counted_check "routes that are refused" refused
counted_check "a default route in a table of its own" default_route
ktap_exit
