#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# explain asks the running kernel and the daemon, and check looks at this host's addresses: in
# gw-a (the picture is in sites-lib.sh; gw-b only routes), IPv4 and IPv6, forwarded and local.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

explain_says() { so output_matches "$1" nf explain "${@:2}"; }

# route STATE FLOW...: of the JSON, too
route()
{
	so test "$(nf explain "${@:2}" --json | jq -r .route.state)" = "$1"
}

both_routes()
{
	explain_says '^route: the route from lan to 10.2.0.10 goes by wan via 192.0.2.2' out icmp $SITE_A $SITE_B &&
		route ok out icmp $SITE_A $SITE_B && route ok out icmp 10.1.0.1 $SITE_B &&
		route ok out icmpv6 $SITE6_A $SITE6_B && route ok out icmpv6 fd01::1 $SITE6_B &&
		route local in icmp $SITE_B 10.1.0.1 && route ok in icmp $SITE_B $SITE_A
}

without_route()
{
	explain_says '^route: there is no route from 10.1.0.10 on lan to 10.3.0.1 \(Network is unreachable' \
		out icmp $SITE_A 10.3.0.1 && route none out icmpv6 $SITE6_A fd03::1 || return
	ip -n gw-a route add blackhole 10.3.0.0/16 && explain_says 'is a blackhole, so' out icmp 10.1.0.1 10.3.0.1 &&
		explain_says 'is a blackhole, or' out icmp $SITE_A 10.3.0.1 &&
		ip -n gw-a route add prohibit fd03::/64 && explain_says 'is prohibited' out icmpv6 fd01::1 fd03::1 &&
		explain_says 'is prohibited' out icmpv6 $SITE6_A fd03::1
}

without_forwarding()
{
	in_gw_a sysctl -qw net.ipv4.conf.lan.forwarding=0 net.ipv6.conf.all.forwarding=0
	explain_says 'does not forward what comes by lan \(net.ipv4.conf.lan.forwarding = 0' out icmp $SITE_A $SITE_B &&
		route forwarding-off out icmpv6 $SITE6_A $SITE6_B &&
		route ok out icmp 10.1.0.1 $SITE_B || return
	in_gw_a sysctl -qw net.ipv4.conf.lan.forwarding=1 net.ipv6.conf.all.forwarding=1
}

device_down()
{
	ip -n gw-b link set wan down
	explain_says '^route: the route to 10.2.0.10 goes by wan, which is down' out icmp 10.1.0.1 $SITE_B || return
	ip -n gw-b link set wan up
	ip -n gw-b route add $NET_A via $GW_A
	wait_for 20 route ok out icmp 10.1.0.1 $SITE_B
}

with_nat()
{
	! nf explain out icmp $SITE_A $SITE_B | grep '^nat:' || return
	in_gw_a nft -f - <<-END
		table ip nat { chain post { type nat hook postrouting priority 100; oifname wan masquerade; }; }
		table ip6 other { chain pre { type nat hook prerouting priority -100; }; }
	END
	explain_says '^nat: .*rule handle 2 of ip nat post \(masquerade\) changes this source' out icmp $SITE_A $SITE_B &&
		! nf explain out icmpv6 $SITE6_A $SITE6_B | grep '^nat:' || return
	in_gw_a nft -f - <<-END
		flush ruleset
		table ip nat { chain post { type nat hook postrouting priority 100; meta mark 1 masquerade; }; }
	END
	explain_says '^nat: .*the rules of ip nat post may change the source' out icmp $SITE_A $SITE_B || return
	in_gw_a nft flush ruleset
}

no_daemon() { explain_says '^daemon: no nfipsecd listens' out icmp $SITE_A $SITE_B; }

manual_start()
{
	nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" manual
	daemon_start && explain_says 'tunnel branch/lan waits for nfipsec up \(start manual' out icmp $SITE_A $SITE_B
}

on_traffic()
{
	nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16
	nf load "$CONF" && explain_says '^daemon: nfipsecd listens: tunnel branch/lan is' out icmp $SITE_A $SITE_B
}

lacking()
{
	daemon_stop
	chmod 644 "$WORK/secrets"
	daemon_start && explain_says 'peer branch cannot come up: .*mode 0644' out icmp $SITE_A $SITE_B || return
	chmod 600 "$WORK/secrets"
}

# an SA for one host of the two networks
narrow_sa()
{
	echo "add out tunnel branch/lan spi 0x1001 local $GW_A remote $GW_B encr aes128gcm16 \
		key 0x000102030405060708090a0b0c0d0e0f00010203 src 10.1.0.7/32 dst $NET_B" | tr -d '\\\n' |
		nf sa batch - || return
	explain_says 'leaves by this SA' out icmp 10.1.0.7 $SITE_B &&
		explain_says 'do not take it, by their selectors' out icmp $SITE_A $SITE_B &&
		explain_says '10.1.0.7 -> 10.2.0.0/24|10.1.0.7/32 -> 10.2.0.0/24' out icmp $SITE_A $SITE_B &&
		so test "$(nf explain out icmp $SITE_A $SITE_B --json | jq '.others | length')" = 1
}

# conf_of ENTRY...: and what check says of it
conf_of()
{
	{
		printf 'access-list a {\n'
		printf '%s\n' "$@"
		echo "}"
		echo "peer p { local address $GW_A remote address $GW_B auth psk tunnel t { access-list a } }"
	} >"$WORK/warned.conf"
	(cd "$WORK" && in_gw_a "$NFIPSEC" check warned.conf 2>&1 | grep -v 'pre-shared key')
}

warns() { so output_matches "$1" conf_of "${@:2}"; }

warnings()
{
	warns '^warned.conf:3:1: warning: entry 20 takes no packet, because entry 10 on line 2' \
		"10 protect ip from $NET_A to $NET_B" "20 bypass tcp from $NET_A to $NET_B port 22" &&
		warns '^warned.conf:2:1: warning: entry 10: found to 10.1.0.0/24, where this host itself is' \
			"10 protect ip from $NET_B to $NET_A" &&
		warns '^warned.conf:2:1: warning: entry 10: found to fd01::/64' "10 protect ip from $NET6_B to $NET6_A" &&
		warns "^warned.conf:2:1: warning: entry 10 also takes what this host's 10.1.0.1 sends to its own network" \
			"10 protect ip from $NET_A to any"
}

unwarned()
{
	conf_of "$@" >"$WORK/warned"
	so grep '^warned.conf: ok: ' "$WORK/warned" && ! grep warning "$WORK/warned"
}

no_warnings()
{
	unwarned "10 protect ip from $NET_A to $NET_B" "20 discard ip from any to $NET_B" &&
		unwarned "5 bypass ip from $NET_A to $NET_A" "10 protect ip from $NET_A to any"
}

# ---- rules that catch what is protected ----

# caught WARNING RULES: WARNING is a regular expression, or empty where none is to be
caught()
{
	{ echo "flush ruleset"; echo "$2"; } | in_gw_a nft -f - || return
	conf_of "10 protect ip from $NET_A to $NET_B strict" "20 protect ip from $NET6_A to $NET6_B" >"$WORK/warned"
	in_gw_a nft flush ruleset
	so grep '^warned.conf: ok: ' "$WORK/warned" || return
	if [ -n "$1" ]; then
		so output_matches "^warned.conf:2:1: warning: entry 10: found rule handle [0-9]+ of $1" cat "$WORK/warned"
	else
		! grep warning "$WORK/warned" || because "a false alarm with $2"
	fi
}

# post RULES: a chain for source NAT
post() { echo "table ip nat { chain post { type nat hook postrouting priority 100; $1; }; }"; }

MASQUERADE="oifname wan masquerade"
EXPECTED="expected a chain before it with the rule: ip daddr $NET_B snat ip to ip saddr"

nat_catches()
{
	caught "ip nat post \(masquerade\), .*from 10.1.0.2 to $NET_B another source.*$EXPECTED" "$(post "$MASQUERADE")" &&
		caught "ip nat post \(source NAT to $GW_A\)" "$(post "ip saddr 10.0.0.0/8 oif wan counter snat to $GW_A")" &&
		caught "ip nat post" "$(post "ip daddr { 10.3.0.0/16, 10.4.0.0/16 } return; $MASQUERADE")" &&
		caught "ip nat post" "$(post "ip daddr != { 10.3.0.0/16, 10.4.0.0-10.4.0.9 } masquerade")" &&
		caught "ip nat post" "$(post "meta l4proto udp masquerade")" &&
		caught "inet mine sub" "table inet mine {
			chain sub { ip daddr 10.9.0.0/16 return; ct state new masquerade; }
			chain post { type nat hook postrouting priority 50; meta nfproto ipv4 oifname \"w*\" jump sub; }
		}" || return
	# exemptions that exempt nothing: of the kernel's own IPsec, of nfipsec0, and of one chain alone
	caught "ip nat post" "$(post "rt ipsec exists return; $MASQUERADE")" &&
		caught "ip nat post" "$(post "oifname nfipsec0 return; $MASQUERADE")" &&
		caught "ip nat post" "$(post "$MASQUERADE"; post "$MASQUERADE; ip daddr $NET_B snat to ip saddr")" &&
		caught "ip nat post" "$(post "$MASQUERADE")
			table inet early { chain post { type nat hook postrouting priority 99; ip daddr $NET_B accept; }; }"
}

nat_exempts()
{
	caught "" "$(post "ip daddr $NET_B return; $MASQUERADE")" &&
		caught "" "$(post "ip daddr { 10.9.0.0/16, 10.2.0.0/16 } accept; $MASQUERADE")" &&
		caught "" "$(post "ip daddr 10.2.0.0-10.2.1.9 counter accept; $MASQUERADE")" &&
		caught "" "$(post "ip saddr 10.1.0.0/16 ip daddr 10.0.0.0/8 goto sub; $MASQUERADE; }; chain sub { counter")" &&
		caught "" "$(post "$MASQUERADE")
			table inet early { chain post { type nat hook postrouting priority 99; ip daddr $NET_B snat ip to ip saddr; }; }" || return
	# other ways, other packets, a source that is protected as well, and rules that nobody here can judge
	caught "" "$(post "oifname lan masquerade")" && caught "" "$(post "ip saddr 10.9.0.0/16 masquerade")" &&
		caught "" "table ip6 nat { chain post { type nat hook postrouting priority 100; oifname lan masquerade; }; }" &&
		caught "" "$(post "ip saddr $NET_A snat to 10.1.0.1")" && caught "" "$(post "meta mark 7 return; $MASQUERADE")" &&
		caught "" "$(post "tcp dport 80 masquerade")"
}

nat_catches_ipv6()
{
	in_gw_a nft -f - <<<"table inet nat { chain post { type nat hook postrouting priority 100; oifname wan meta nfproto ipv6 masquerade; }; }"
	warns "^warned.conf:2:1: warning: entry 10: found rule handle [0-9]+ of inet nat post \(masquerade\).*ip6 daddr $NET6_B snat ip6 to ip6 saddr" \
		"10 protect ip from $NET6_A to $NET6_B" || return
	in_gw_a nft flush ruleset
}

ktap_plan 15
sites_begin
sites_ipv6
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16
in_gw_a "$NFIPSEC" load --no-daemon "$CONF" || bail "the policy is refused"

check "the routes of forwarded and local packets, IPv4 and IPv6" both_routes
check "no route" without_route
check "forwarding is off" without_forwarding
check "the device is down" device_down
check "source NAT is there" with_nat
check "no daemon listens" no_daemon
check "an SA that does not take the packet, and its selectors" narrow_sa
check "a daemon that does not negotiate before nfipsec up" manual_start
check "one that does" on_traffic
check "one whose peer lacks its secret" lacking
check "check warns of entries that hardly mean what they say" warnings
check "and not of the usual ones" no_warnings
check "check warns of NAT that catches what is protected" nat_catches
check "the same, IPv6" nat_catches_ipv6
check "and not of NAT that does not" nat_exempts
ktap_exit
