#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The word strict of a protect entry: what it drops, what it lets pass, and how that is seen.
# nfipsec in gw-a and strongSwan in gw-b (the picture is in sites-lib.sh), IPv4 and IPv6 inside.
# A host with an address that no entry has, 172.16.0.5 and 2001:db8:5::5, is behind gw-a as well.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

OTHER=172.16.0.5 OTHER6=2001:db8:5::5

# conf ENTRIES [MORE LISTS]
conf()
{
	{
		printf 'access-list branch {\n%s\n}\n%s\n' "$1" "${2:-}"
		cat <<-END
			peer branch {
				local  address $GW_A id fqdn $ID_A
				remote address $GW_B id fqdn $ID_B
				auth psk
				ike aes256gcm16-prfsha384-ecp384
				tunnel lan { access-list branch  esp aes256gcm16 }
			}
		END
	} >"$CONF"
}

# Both ends: our lists, and what is theirs of it
begin()
{
	conf "$@"
	(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
	daemon_stop && swan_stop || return
	swan_conf aes256gcm16-prfsha384-ecp384 aes256gcm16 &&
		sed -i -e "s,local_ts = .*,local_ts = $NET_B\,$NET6_B," -e "s,remote_ts = .*,remote_ts = $NET_A\,$NET6_A," \
			"$SWAN/swanctl.conf" && swan_start && daemon_start || { tail -n 20 "$WORK/daemon" "$SWAN/load"; return 1; }
}

STRICT="	10 protect ip from $NET_A to $NET_B strict
	20 protect ip from $NET6_A to $NET6_B strict"

# pinged NETNS ADDRESS [WORDS FOR PING...]
pinged()
{
	ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 30 "${@:3}" "$2" >"$WORK/ping" 2>&1 && grep -q ' 3 received' "$WORK/ping" ||
		because "no answer to ping ${*:2} in $1: $(tail -n 3 "$WORK/ping")"
}

silent()
{
	! ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 1 "${@:3}" "$2" >"$WORK/ping" 2>&1 || because "ping ${*:2} in $1 is answered"
}

# counts NAME N: since mark_stats
counts() { [ "$(stat "$1")" = "$2" ] || because "expected $1 $2, counted: $(counted)"; }

# hits NUMBER FAMILY in|out: of the entry that strict stands for
hits()
{
	nf show policy --json | jq --argjson n "$1" --arg family "$2" --arg dir "$3_packets" \
		'.policy[] | select(.strict and .number == $n and .family == $family) | .[$dir]'
}

# has_hits NUMBER FAMILY in|out N
has_hits() { so test "$(hits "$1" "$2" "$3")" = "$4"; }

# What gw-a sends to the far network in clear. (gw-b's wan also shows what its xfrm decrypted.)
clear_start() { capture_start gw-a wan "(ip and net $NET_B) or (ip6 and net $NET6_B)" -Q out; }
no_clear() { capture_stop; [ ! -s "$WORK/wire" ] || because "in clear: $(head -n 3 "$WORK/wire")"; }

tunnel()
{
	clear_start && pinged site-a $SITE_B && pinged site-b $SITE_A && pinged site-a $SITE6_B && pinged site-b $SITE6_A &&
		pinged gw-a $SITE_B -I 10.1.0.1 && pinged gw-a $SITE6_B -I fd01::1 && no_clear && no_drops
}

# the order of match, and the same number
shown()
{
	nf show policy >"$WORK/policy" && cut -d ' ' -f 1-8 "$WORK/policy" >"$WORK/lines" &&
		diff - "$WORK/lines" <<-END && [ "$(grep -c ' strict ' "$WORK/policy")" = 2 ] || { cat "$WORK/policy"; return 1; }
			branch 10 protect ip from $NET_A to $NET_B
			branch 20 protect ip from $NET6_A to $NET6_B
			branch 10 discard ip from any to $NET_B
			branch 20 discard ip from any to $NET6_B
		END
	[ "$(nf show policy --json | jq -c '[.policy[].strict]')" = '[false,false,true,true]' ]
}

# local senders learn of it (but the ping of Debian 12 does not print the error that it gets)
own()
{
	clear_start && silent gw-a $SITE_B && silent gw-a $SITE6_B &&
		so output_matches 'Operation not permitted' in_gw_a bash -c "echo >/dev/udp/$SITE_B/9" &&
		so output_matches 'Operation not permitted' in_gw_a bash -c "echo >/dev/udp/$SITE6_B/9" &&
		no_clear && counts out_discard 8 && has_hits 10 ipv4 out 4 && has_hits 20 ipv6 out 4
}

forwarded()
{
	clear_start && silent site-a $SITE_B -I $OTHER && silent site-a $SITE6_B -I $OTHER6 && no_clear &&
		counts out_discard 6 && has_hits 10 ipv4 out 7
}

# what comes in clear: to the gateway, to a host of no entry, and to one of the entry
inbound()
{
	silent gw-b $GW_A -I 10.2.0.1 && silent gw-b $OTHER -I 10.2.0.1 && silent gw-b $GW6_A -I fd02::1 &&
		silent gw-b $OTHER6 -I fd02::1 && counts in_discard 12 && has_hits 10 ipv4 in 6 && has_hits 20 ipv6 in 6 || return
	# by its own packets, past xfrm
	mark_stats
	in_gw_b ip xfrm policy flush && silent gw-b $SITE_A -I 10.2.0.1 && counts in_cleartext 3
}

explained()
{
	output_matches 'strict: no entry takes this packet, and entry 10 lets nothing else go there: it is dropped' \
		nf explain out icmp $GW_A $SITE_B &&
		output_matches 'entry 20 lets nothing else come from there' nf explain in icmpv6 $SITE6_B $GW6_A &&
		output_matches 'protect: .* tunnel branch/lan' nf explain out icmp $SITE_A $SITE_B &&
		output_matches 'no entry matches' nf explain out icmp $GW_A 192.0.2.9 &&
		[ "$(nf explain --json out icmp $GW_A $SITE_B | jq .entry.strict)" = true ]
}

others() { pinged gw-a $GW_B && pinged gw-a $GW6_B && pinged site-a $GW_B -I $OTHER; }

# in whichever list, whatever its number
exceptions()
{
	begin "$STRICT" "access-list rest {
		5 bypass icmp from any to $SITE_B
		6 bypass icmpv6 from any to $SITE6_B
	}" && pinged site-a $SITE_B && pinged gw-a $SITE_B && pinged gw-a $SITE6_B && silent gw-a 10.2.0.1
}

# of the same protocol and ports only
narrow()
{
	begin "	10 protect icmp from $NET_A to $NET_B strict" && pinged site-a $SITE_B && silent gw-a $SITE_B &&
		in_gw_a bash -c "! echo >/dev/tcp/$SITE_B/9" 2>"$WORK/tcp" && grep -q 'refused' "$WORK/tcp"
}

# the peer's own address and our own network are at the far end
far_end_is_wide()
{
	begin "	5 bypass ip from any to 10.1.0.0/16
	6 bypass ip from any to fd01::/16
	10 protect ip from $NET_A to 0.0.0.0-223.255.255.255 strict
	20 protect ip from $NET6_A to any strict" && mark_stats && tunnel && pinged gw-a $SITE_A && pinged gw-a $SITE6_A &&
		silent gw-a $GW_B && silent site-a $GW_B -I $OTHER && silent gw-b $GW_A &&
		nf down branch >"$WORK/down" 2>&1 && swanctl --initiate --child lan --timeout 20 >"$WORK/up" 2>&1 && pinged site-b $SITE_A
}

refused()
{
	conf "$STRICT" 'access-list rest { 7 bypass ip from any to any }'
	output_matches 'entry 7: found a bypass of all that .strict. of entry 10 of access-list .branch. would drop' nf load "$CONF"
}

ktap_plan 11
sites_begin
sites_ipv6 || bail "no IPv6"
ip -n site-a addr add $OTHER/32 dev lan && ip -n site-a addr add $OTHER6/128 dev lan nodad &&
	ip -n gw-a route add $OTHER via $SITE_A && ip -n gw-a route add $OTHER6 via $SITE6_A &&
	ip -n gw-b route add $OTHER via $GW_A && ip -n gw-b route add $OTHER6 via $GW6_A || bail "no other host"
begin "$STRICT" || bail "$(tail -n 5 "$WORK/daemon")"
counted_check "the tunnel's packets pass, and none is in clear" tunnel
counted_check "show policy" shown
counted_check "packets of the gateway itself" own
counted_check "packets of a host that no entry has" forwarded
counted_check "packets that come in clear" inbound
counted_check "explain" explained
counted_check "packets to others" others
counted_check "bypass entries are exceptions" exceptions
counted_check "other protocols" narrow
counted_check "the far end has the peer's address, and our network" far_end_is_wide
counted_check "a bypass of all that strict would drop is refused" refused
ktap_exit
