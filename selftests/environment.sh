#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfipsec among what else a host has: offloads, other namespaces, devices and addresses that
# come and go, VRFs, marks, rp_filter, NAT, nftables, neighbours, options and extension
# headers. nfipsec is in gw-a, xfrm in gw-b (the picture is in sites-lib.sh), and echo.py asks
# over the tunnel for pings, datagrams and TCP.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

tunnel()
{
	place_set "$1"
	mark_stats
	tunnel_load "${@:2}" && suite_add "${SUITE:-aes128gcm16}"
}

# ask NETNS ADDRESS: all there is to ask
ask()
{
	local to=6 from=7 answer=

	case $1 in gw-a) to=8 from=9 ;; esac
	echo "$2" >&$to
	read -r -t $((30 * NFIPSEC_TIME_FACTOR)) answer <&$from
	[[ $answer = "ok "* ]] && return
	echo "$1: $answer"
	cat "$WORK/$1.err"
	counted
	return 1
}

# ask_all: by who is forwarded, and by a socket of the gateway itself
ask_all() { ask site-a "$1" && ask gw-a "$1"; }

# beside what was too big, since to ask is also to probe
no_other_drops()
{
	local out

	out=$(drops | grep -v '^out_too_big ')
	[ -z "$out" ] || note "dropped:" $out
	[ -z "$out" ]
}

pings() { in_site_a ping -n -q -c 3 -i 0.1 -W "${2:-20}" "$1" >"$WORK/ping" 2>&1; }
pings_fail() { ! pings "$1" 1; }

# a stream of echo requests from site-a, and its end; what came back does not matter
stream() { started stream ip netns exec site-a ping -n -q -i 0.02 "$1" >"$WORK/stream" 2>&1; }
stream_ends() { stopped stream INT; }

# ---- offloads ----

offloads()	# FEATURE ON-OR-OFF...
{
	local where ns

	for where in site-a:lan gw-a:lan gw-a:wan gw-b:wan gw-b:lan site-b:lan; do
		ns=${where%:*}
		ip netns exec "$ns" ethtool -K "${where#*:}" "$@" >"$WORK/ethtool" 2>&1 || { cat "$WORK/ethtool"; return 1; }
	done
}

with_offloads()
{
	local status=0

	offloads "$@" && tunnel tunnel:4in4 && ask_all $SITE_B && tunnel tunnel:6in4 && ask_all $SITE6_B || status=1
	offloads gro off rx-gro-list off tso on gso on tx on
	return $status
}

# ---- namespaces ----

# pair_up LEFT RIGHT KEY: nfipsec on both sides of a wire, always with the same addresses and SPIs
pair_up()
{
	local ns me=1 you=2 key=$3 out=0x1001 in=0x2002 swap

	ip netns add "$1" && ip netns add "$2" && on_exit "ip netns del $1 2>/dev/null; ip netns del $2 2>/dev/null" || return
	ip -n "$1" link add wire type veth peer name wire netns "$2" || return
	for ns in "$1" "$2"; do
		ip -n "$ns" link set lo up
		ip -n "$ns" link set wire up
		ip -n "$ns" addr add 192.0.2.$me/24 dev wire
		ip -n "$ns" addr add 10.$me.0.1/32 dev lo
		ip -n "$ns" route add 10.$you.0.0/24 via 192.0.2.$you src 10.$me.0.1
		cat >"$WORK/$ns.conf" <<-END
			access-list branch {
				10 protect ip from 10.$me.0.0/24 to 10.$you.0.0/24
			}
			peer branch {
				local address 192.0.2.$me
				remote address 192.0.2.$you
				auth psk
				ike aes128gcm16-prfsha256-x25519
				tunnel lan { access-list branch  esp aes128gcm16  start manual }
			}
		END
		(umask 077 && echo "psk 192.0.2.$me 192.0.2.$you \"$PSK\"" >"$WORK/secrets")
		ip netns exec "$ns" "$NFIPSEC" load --no-daemon "$WORK/$ns.conf" || return
		for dir in out:$out in:$in; do
			ip netns exec "$ns" "$NFIPSEC" sa add "${dir%:*}" tunnel branch/lan spi "${dir#*:}" local 192.0.2.$me \
				remote 192.0.2.$you encr aes128gcm16 key "$key" || return
		done
		swap=$me me=$you you=$swap
		swap=$out out=$in in=$swap
	done
}

pair_pings() { ip netns exec "$1" ping -n -q -c 3 -i 0.1 -W 20 10.2.0.1 >"$WORK/ping"; }
pair_packets() { ip netns exec "$1" "$NFIPSEC" show stats --json | jq '.stats.in_packets'; }

same_spis()
{
	pair_up x-a x-b 0x$KEY16$SALT && pair_up y-a y-b 0x${KEY16:16}${KEY16:0:16}$SALT && tunnel tunnel:4in4 &&
		pair_pings x-a && pair_pings y-a && ask site-a $SITE_B && pair_pings x-a &&
		[ "$(pair_packets x-a)" = 6 ] && [ "$(pair_packets y-a)" = 3 ]
}

netns_goes()
{
	started flood ip netns exec x-a ping -n -q -i 0.02 10.2.0.1 >"$WORK/flood" 2>&1
	wait_for 10 pair_busy x-b 50 || return
	ip netns del x-b || return
	stopped flood KILL
	ip netns del x-a && pair_pings y-a && ip netns del y-a && ip netns del y-b
}

pair_busy() { [ "$(pair_packets "$1")" -gt "$2" ]; }

# ---- devices and addresses ----

nfipsec0_stays()
{
	! ip -n gw-a link del nfipsec0 && ! ip -n gw-a link set nfipsec0 netns gw-b && tunnel tunnel:4in4 &&
		pings $SITE_B
}

# nothing in clear meanwhile, and the tunnel is back at once
nfipsec0_down()
{
	tunnel tunnel:4in4 && pings $SITE_B && capture_start gw-b wan "not esp and net $NET_A" -Q in || return
	stream $SITE_B
	ip -n gw-a link set nfipsec0 down
	pings_fail $SITE_B || return
	ip -n gw-a link set nfipsec0 up
	pings $SITE_B || return
	stream_ends
	capture_stop
	# of what gw-b has opened its own tap tells, too
	! grep -v ' ICMP echo request' "$WORK/wire" | grep -q .
}

# the wire is cut, and another laid
wan_goes()
{
	tunnel tunnel:4in4 && stream $SITE_B && pings $SITE_B || return
	ip -n gw-a link del wan || return
	pings_fail $SITE_B || return
	ip -n gw-a link add wan type veth peer name wan netns gw-b &&
		ip -n gw-a addr add $GW_A/24 dev wan && ip -n gw-a addr add $GW6_A/64 dev wan nodad &&
		ip -n gw-b addr add $GW_B/24 dev wan && ip -n gw-b addr add $GW6_B/64 dev wan nodad &&
		ip -n gw-a link set wan up && ip -n gw-b link set wan up &&
		ip -n gw-a route add $NET_B via $GW_B src 10.1.0.1 && ip -n gw-b route add $NET_A via $GW_A &&
		ip -n gw-a route add $NET6_B via $GW6_B src fd01::1 && ip -n gw-b route add $NET6_A via $GW6_A || return
	pings $SITE_B && stream_ends
}

address_goes()
{
	tunnel tunnel:4in4 && stream $SITE_B && pings $SITE_B || return
	mark_stats
	ip -n gw-a addr del $GW_A/24 dev wan || return
	pings_fail $SITE_B || return
	ip -n gw-a addr add $GW_A/24 dev wan && ip -n gw-a route replace $NET_B via $GW_B src 10.1.0.1 || return
	pings $SITE_B && stream_ends
}

rmmod_refused() { tunnel tunnel:4in4 && pings $SITE_B && ! rmmod nfipsec && pings $SITE_B; }

# what was protected goes in clear only after the administrator unloaded the policy
rmmod_under_traffic()
{
	stream $SITE_B
	policy_unload && ip -n gw-b xfrm state flush && ip -n gw-b xfrm policy flush && rmmod nfipsec || return
	pings $SITE_B && load_module && tunnel tunnel:4in4 && pings $SITE_B && stream_ends
}

# ---- routes ----

# the wan in a table of its own, the lan in main's
in_vrf()
{
	local status=0

	ip -n gw-a link add red type vrf table 100 && ip -n gw-a link set red up && ip -n gw-a link set wan master red || return
	ip -n gw-a addr add $GW6_A/64 dev wan nodad 2>"$WORK/addr"
	# so that what is to be protected leaves by some way
	ip -n gw-a link add away type dummy && ip -n gw-a link set away up &&
		ip -n gw-a route replace $NET_B dev away src 10.1.0.1 && ip -n gw-a route replace $NET6_B dev away src fd01::1 || return
	for where in tunnel:4in4 tunnel:6in6; do
		tunnel $where vrf red && ask_all "$asked" && no_other_drops || status=1
	done
	ip -n gw-a link del away
	ip -n gw-a link del red
	ip -n gw-a addr add $GW6_A/64 dev wan nodad 2>"$WORK/addr"
	ip -n gw-a route replace $NET_B via $GW_B src 10.1.0.1
	ip -n gw-a route replace $NET6_B via $GW6_B src fd01::1
	return $status
}

# only what has the mark finds the peer
by_mark()
{
	local where status=0

	ip -n gw-a rule add fwmark 42 table 100 && ip -n gw-a -6 rule add fwmark 42 table 100 &&
		ip -n gw-a route add $GW_B/32 dev wan table 100 && ip -n gw-a route add blackhole $GW_B/32 &&
		ip -n gw-a route add $GW6_B/128 dev wan table 100 && ip -n gw-a route add blackhole $GW6_B/128 || return
	for where in tunnel:4in4 tunnel:6in6; do
		tunnel $where && pings_fail "$asked" && tunnel $where mark 42 && ask site-a "$asked" || status=1
	done
	ip -n gw-a route del blackhole $GW_B/32
	ip -n gw-a route del blackhole $GW6_B/128
	ip -n gw-a rule del fwmark 42
	ip -n gw-a -6 rule del fwmark 42
	return $status
}

strict_rp_filter()
{
	local status=0

	in_gw_a sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.nfipsec0.rp_filter=1
	tunnel tunnel:4in4 && ask_all $SITE_B && tunnel tunnel:4in6 && ask_all $SITE_B || status=1
	in_gw_a sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.nfipsec0.rp_filter=0
	return $status
}

# ---- netfilter ----

# what NAT makes of a packet is what the access list sees, and the answer finds back
snat_before()
{
	local status=0

	ip -n site-a addr add 10.9.0.10/32 dev lan
	ip -n gw-a route add 10.9.0.10/32 dev lan
	in_gw_a nft -f - <<-END
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat;
				ip saddr 10.9.0.0/24 snat to 10.1.0.1
			}
		}
	END
	tunnel tunnel:4in4 && mark_stats &&
		in_site_a ping -n -q -c 3 -i 0.1 -W 20 -I 10.9.0.10 $SITE_B >"$WORK/ping" && [ "$(stat out_packets)" = 3 ] || status=1
	in_gw_a nft delete table ip nat
	ip -n gw-a route del 10.9.0.10/32 dev lan
	ip -n site-a addr del 10.9.0.10/32 dev lan
	return $status
}

# masquerading that leaves out the other site, as gateways do
nat_exemption()
{
	local status=0

	in_gw_a nft -f - <<-END
		table inet nat {
			chain out {
				type nat hook postrouting priority srcnat;
				ip daddr $NET_B accept
				ip6 daddr $NET6_B accept
				oifname wan masquerade
			}
		}
	END
	tunnel tunnel:4in4 && ask_all $SITE_B && no_other_drops && pings $GW_B &&
		tunnel tunnel:6in6 && ask_all $SITE6_B || status=1
	in_gw_a nft delete table inet nat
	return $status
}

# rules see what was opened as coming from nfipsec0
nft_sees()
{
	local status=0

	in_gw_a nft -f - <<-END
		table inet see {
			counter in4 {}
			counter in6 {}
			chain forward {
				type filter hook forward priority filter;
				iifname nfipsec0 meta nfproto ipv4 counter name in4
				iifname nfipsec0 meta nfproto ipv6 counter name in6
				iifname wan ip saddr $NET_B drop
				iifname nfipsec0 udp sport 8 drop
			}
		}
	END
	tunnel tunnel:4in4 && pings $SITE_B && [ "$(nft_counter in4)" = 3 ] && tunnel tunnel:6in6 && pings $SITE6_B &&
		[ "$(nft_counter in6)" = 3 ] || status=1
	in_gw_a nft delete table inet see
	return $status
}

nft_counter() { in_gw_a nft -j list counter inet see "$1" | jq '.nftables[] | .counter? | values | .packets'; }

# conntrack on the gateway: what answers is known, the rest is not let in
stateful()
{
	local status=0

	in_gw_a nft -f - <<-END
		table inet state {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				iifname lan accept
			}
		}
	END
	tunnel tunnel:4in4 && ask site-a $SITE_B && ! in_site_b ping -n -q -c 2 -i 0.1 -W 1 $SITE_A >"$WORK/ping" &&
		tunnel tunnel:6in6 && ask site-a $SITE6_B || status=1
	in_gw_a nft delete table inet state
	return $status
}

# ---- neighbours ----

# an entry for everything: the peer's and the lan's neighbours are found all the same
wide_entry()
{
	local ns

	place_set "$1"
	tunnel_conf
	sed -i "s|10 protect .*|5 bypass ip from any to $INNER_A\n10 protect ip from any to any|" "$CONF" || return
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF" && policies_there && suite_add aes128gcm16 || return
	for ns in site-a gw-a gw-b; do ip -n $ns neigh flush all; done
	pings "$asked" && ask site-a "$asked"
}

# ---- options and extension headers ----

# in transport mode they are part of what is protected, or in the way of it
with_options()
{
	local address

	SUITE=$3
	PROTO=$2
	tunnel "$1" || return
	mark_stats
	for address in "$OUTER_B" "$OUTER_A"; do
		if [ "$address" = "$OUTER_B" ]; then set -- in_gw_a; else set -- in_gw_b; fi
		"$1" "$TOOLS/echo.py" options "$address" 7 || { counted; xfrm_errors; return 1; }
	done
	no_drops
}

# in tunnel mode they are inside
options_inside()
{
	PROTO=$2 tunnel "$1" || return
	in_site_a "$TOOLS/echo.py" options "$asked" 7 && no_drops
}

ktap_plan 31
sites_begin
sites_ipv6 || bail "no IPv6"
# our own packets to the other site have an address that is protected
ip -n gw-a route replace $NET_B via $GW_B src 10.1.0.1
ip -n gw-a route replace $NET6_B via $GW6_B src fd01::1
shell_start || bail "no shell in gw-a"
for ns in site-b gw-a gw-b; do started serve-$ns ip netns exec $ns "$TOOLS/echo.py" serve 7; done
resident site-a 6 7 ip netns exec site-a "$TOOLS/echo.py" asker 7 &&
	resident gw-a 8 9 ip netns exec gw-a "$TOOLS/echo.py" asker 7 || bail "nobody asks"
for ns in site-b gw-a gw-b; do wait_for 10 listens $ns 7 || bail "nobody answers in $ns"; done

check "offloads as a veth has them" with_offloads tso on
check "no offloads" with_offloads tso off gso off tx off
check "GRO" with_offloads gro on
check "GRO by lists of fragments" with_offloads gro on rx-gro-list on
check "strict rp_filter" strict_rp_filter
check "SNAT before" snat_before
check "masquerading, and exemption from it" nat_exemption
check "nftables sees nfipsec0" nft_sees
check "a stateful filter on the gateway" stateful
for where in tunnel:4in4 tunnel:6in4 tunnel:6in6 tunnel:4in6; do
	check "an entry from any to any, $where" wide_entry $where
done
for where in transport:4 transport:6; do
	check "options, ESP, $where" with_options $where esp aes128gcm16
	check "options, AH, $where" with_options $where ah sha256
	check "options, ESP and AH, $where" with_options $where esp+ah aes128gcm16+sha256
done
PROTO=esp SUITE=
for where in tunnel:4in4 tunnel:6in6; do check "options inside, $where" options_inside $where esp; done
check "a VRF for the outer packets" in_vrf
check "a mark for the outer packets" by_mark
check "the same SPIs in many namespaces" same_spis
check "a namespace goes under traffic" netns_goes
check "nfipsec0 cannot go" nfipsec0_stays
check "nfipsec0 goes down under traffic" nfipsec0_down
check "the device goes under traffic" wan_goes
check "the address goes under traffic" address_goes
check "rmmod is refused" rmmod_refused
check "unload and rmmod under traffic" rmmod_under_traffic
stream_ends
sas_flush
ktap_exit
