#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The headers of protected packets, their sizes, and what is learned of a path: TOS, TTL, DF
# (RFC 4301 5.1.2, 8.1), ECN in both directions (RFC 6040), replay windows of each size,
# fragments outside, traffic flow confidentiality, MTU and MSS. nfipsec in gw-a, xfrm in gw-b
# (the picture is in sites-lib.sh); headers.py sends, looks at the wires, holds packets back
# and sends them again.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

TUNNELS="tunnel:4in4 tunnel:6in4 tunnel:4in6 tunnel:6in6"
# a slow kernel looks for other mistakes
[ -z "$NFIPSEC_SLOW" ] || TUNNELS="tunnel:4in4 tunnel:6in6"

wires_start() { resident wires 6 7 "$TOOLS/headers.py" && wires_answer; }

wires_answer()
{
	answer=
	read -r -t $((15 * NFIPSEC_TIME_FACTOR)) answer <&7
	[[ $answer = ok* ]]
}

wire() { echo "$*" >&6; wires_answer || { echo "$*: $answer"; tail -n 3 "$WORK/wires.err"; return 1; }; }

# says PATTERN COMMAND...: of headers.py
says()
{
	wire "${@:2}" || return
	# shellcheck disable=SC2053	# a pattern
	[[ ${answer#ok } = $1 ]] && return
	echo "${*:2}: ${answer#ok }, expected $1"
	return 1
}

# tunnel MODE:FAMILIES WORDS...: with new SAs
tunnel()
{
	place_set "$1"
	tunnel_load "${@:2}" && suite_add aes128gcm16
}

# what the sites have learned of paths; the gateways are not to need it
forget()
{
	local ns

	for ns in site-a site-b "$@"; do
		ip -n $ns route flush cache
		ip -n $ns -6 route flush cache
	done
}

inner_family() { case $1 in tunnel:4in*|*:4) echo 4 ;; *) echo 6 ;; esac; }

# what comes from gw-b is for headers.py to hold
hold()
{
	in_gw_a nft -f - <<-END
		table inet hold {
			chain in {
				type filter hook prerouting priority raw;
				meta l4proto esp ip ttl 64 drop
				meta l4proto esp ip6 hoplimit 64 drop
			}
		}
	END
}

let_go() { in_gw_a nft delete table inet hold; }

# ---- checks ----

copied()
{
	local f

	f=$(inner_family "$1")
	tunnel "$1" && says "outer tos=0xb9 ttl=64 * inner tos=0xb9 ttl=38" out site-a "$f" tos=0xb9 ttl=40 &&
		says "outer tos=0x3 ttl=64 * inner tos=0x3 ttl=253" out site-a "$f" tos=3 ttl=255 &&
		tunnel "$1" dscp 10 && says "outer tos=0x2a ttl=64 * inner tos=0xba ttl=62" out site-a "$f" tos=0xba
}

ecn_in() { tunnel "$1" && wire ecn "$(inner_family "$1")"; }

# nobody but their sender fragments IPv6 packets, and outer ones carry them as a link does
df_of_ipv6()
{
	tunnel tunnel:6in4 df copy && says "* df=1 packets=1 frags=0 *" out site-a 6 &&
		tunnel tunnel:6in4 df "set" && says "* df=1 packets=1 frags=0 *" out site-a 6 &&
		tunnel tunnel:6in4 df clear && says "* df=0 packets=1 frags=0 *" out site-a 6
}

# dropped: twice the newest and the oldest of the window; left of it one, and number 1
windows()
{
	local f

	f=$(inner_family "$1")
	shift
	for WINDOW; do
		tunnel_load && suite_add aes128gcm16 && mark_stats && wire replay "$f" "$WINDOW" || return
		[ "$(stat in_replay)" = 2 ] && [ "$(stat in_replay_late)" = 2 ] && continue
		counted
		return 1
	done
}

replayed()
{
	place_set "$1"
	windows "$@"
}

in_fragments()
{
	tunnel "$1" && wire fragments "$(inner_family "$1")"
}

# past_2_32 [SUITE [PROTO]]: SAs of both directions go beyond 2^32 packets; ours are told to begin
# before, and xfrm's have numbers of their own for what they send and what they have seen
past_2_32()
{
	local PROTO=${3:-esp}

	place_set "$1"
	WINDOW=64 ESN=yes tunnel_load && WINDOW=64 ESN=yes suite_write "$2" || return
	sed -i "s/\$/ seq 0xfffffff0/; 1s/ seq .*//" "$HERE"
	sed -i "/spi $SPI_IN /s/\$/ replay-oseq 0xfffffff0/; /spi $SPI_OUT /s/\$/ replay-seq 0xfffffff0/" "$THERE"
	typed_in && mark_stats || return
	in_site_a ping -n -q -i 0.02 -c 40 -W 5 "$SITE_B" >"$WORK/ping" || { cat "$WORK/ping"; counted; xfrm_errors; return 1; }
	no_drops && in_gw_a "$NFIPSEC" show sas --json | jq -e '[.sas[].seq] | min > 4294967296'
}

# without ESN nothing comes after 2^32 - 1, and what waits for other SAs goes by those
ends_at_2_32()
{
	place_set tunnel:4in4
	tunnel_load && suite_write aes128gcm16 && sed -i "/ spi $SPI_OUT /s/\$/ seq 0xfffffffd/" "$HERE" &&
		sed -i "/spi $SPI_OUT /s/\$/ replay-seq 0xfffffffd/" "$THERE" && typed_in && mark_stats || return
	in_site_a ping -n -q -i 0.2 -c 4 -W 1 "$SITE_B" >"$WORK/ping"
	grep -q ' 2 received' "$WORK/ping" || { cat "$WORK/ping"; return 1; }
	counted
	[ "$(stat out_packets)" = 2 ] && [ "$(stat out_seq_overflow)" = 1 ] && [ "$(stat held)" = 1 ] &&
		in_gw_a "$NFIPSEC" show sas --json | jq -e '[.sas[].dir] == ["in"]'
}

# ---- sizes ----

all_of_one_size()
{
	local f

	f=$(inner_family "$1")
	forget
	mark_stats
	tunnel "$1" tfc 1000 && says "10[0-9][0-9]" out site-a "$f" count=20 size=900 &&
		says "10[0-9][0-9] 1[23][0-9][0-9]" out site-a "$f" count=2 size=1200 &&
		tunnel "$1" tfc mtu && says "1[45][0-9][0-9]" out site-a "$f" count=20 size=1300 && no_drops
}

dummies()
{
	tunnel "$1" && mark_stats && capture_start gw-b wan "src host $OUTER_A and (proto 50 or ip6 proto 50)" || return
	in_gw_a "$NFIPSEC" sa dummy out spi $SPI_OUT local "$OUTER_A" remote "$OUTER_B" packets 5 bytes 333 || return
	capture_stop
	[ "$(grep -c 'ESP(' "$WORK/wire")" = 5 ] || { cat "$WORK/wire"; return 1; }
	[ "$(grep -o 'length [0-9]*' "$WORK/wire" | sort -u | wc -l)" = 1 ] || { cat "$WORK/wire"; return 1; }
	# and the next packet that says something is taken
	says "outer * inner tos=*" out site-a "$(inner_family "$1")" && no_drops
}

# the MSS that each side sees offered is that of the tunnel's MTU
clamped()
{
	local f mtu head=40

	f=$(inner_family "$1")
	[ "$f" = 4 ] || head=60
	tunnel "$1" && says "*" pmtu site-a "$f" || return
	forget
	mtu=${answer#ok }
	says "$((mtu - head)) $((mtu - head))" mss "$f"
}

# RFC 4303 3.3.4, RFC 4301 7: the packet is encrypted whole, and the outer one fragmented
whole_in_transport()
{
	tunnel "$1" && says "outer * packets=1 frags=3 * inner whole" out gw-a "$(inner_family "$1")" size=4000
}

# (an IPv6 datagram that was reassembled is too big for gw-b to send on to site-b)
# gw-b cannot fragment IPv6 for its lan, and says so in clear about a protected packet
too_big_refused() { test "$(drops)" = "in_icmp_error 1"; }

whole_for_ports()
{
	local f inner=whole dropped=no_drops

	f=$(inner_family "$1")
	[ "$f" = 4 ] || { inner=none; dropped="wait_for 10 too_big_refused"; }
	forget
	mark_stats
	place_set "$1"
	ENTRY="udp from $INNER_A to $INNER_B port 9" tunnel "$1" &&
		says "outer * packets=1 frags=3 * inner $inner" out site-a "$f" size=4000 &&
		says "outer * packets=1 frags=0 * inner tos=*" out site-a "$f" size=1000 && $dropped
}

# ---- paths ----

# by the MTU of the device; a wider one is noticed with the next packet that leaves
follows_device()
{
	local f from mtu

	f=$(inner_family "$1")
	for from in site-a gw-a; do
		tunnel "$1" && says "[0-9]*" pmtu $from "$f" || return
		mtu=${answer#ok }
		ip -n gw-a link set wan mtu 1400
		says "$((mtu - 100))" pmtu $from "$f" || { ip -n gw-a link set wan mtu 1500; return 1; }
		ip -n gw-a link set wan mtu 1500
		says "*" out site-a "$f" && says "$mtu" pmtu $from "$f" || return
	done
}

# a router between the gateways, with a narrow way on
router_up()
{
	ip netns add isp && on_exit 'ip netns del isp 2>/dev/null' || return
	ip -n gw-b link set wan down
	ip -n gw-b addr flush dev wan
	ip -n gw-b link set wan netns isp
	ip -n isp link set wan name left
	ip -n isp link add right type veth peer name wan netns gw-b || return
	ip netns exec isp sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	ip -n isp addr add 192.0.2.254/24 dev left
	ip -n isp addr add 2001:db8::fe/64 dev left nodad
	ip -n isp addr add 198.51.100.254/24 dev right
	ip -n isp addr add 2001:db8:1::fe/64 dev right nodad
	ip -n gw-b addr add 198.51.100.2/24 dev wan
	ip -n gw-b addr add 2001:db8:1::2/64 dev wan nodad
	ip -n isp link set left up
	ip -n isp link set right up
	ip -n gw-b link set wan up
	GW_B=198.51.100.2 GW6_B=2001:db8:1::2
	ip -n gw-a route add $GW_B via 192.0.2.254
	ip -n gw-a route add $GW6_B via 2001:db8::fe
	ip -n gw-a route replace $NET_B via 192.0.2.254
	ip -n gw-a route replace $NET6_B via 2001:db8::fe
	ip -n gw-b route add default via 198.51.100.254
	ip -n gw-b route add default via 2001:db8:1::fe
}

# narrow MODE:FAMILIES MTU-OF-THE-WAY: what is learned, by who forwards and who is local
narrow()
{
	local f from most

	f=$(inner_family "$1")
	ip -n isp route replace 198.51.100.0/24 dev right mtu "$2"
	ip -n isp -6 route replace 2001:db8:1::/64 dev right metric 256 mtu "$2"
	for from in site-a gw-a; do
		forget gw-a
		# what a tunnel has learned goes with it
		policy_unload
		tunnel "$1" && says "[0-9]*" pmtu $from "$f" || return
		most=$(($2 - 54))
		[[ $1 = *in4 ]] || most=$(($2 - 74))
		[ "$f" = 4 ] || [ $most -ge 1280 ] || most=1280
		[ "${answer#ok }" = $most ] || { echo "$from: an MTU of ${answer#ok }, expected $most"; return 1; }
	done
}

read -ra tunnels <<<"$TUNNELS"
ktap_plan $((${#tunnels[@]} * 10 + 9))
sites_begin
sites_ipv6 || bail "no IPv6"
shell_start && wires_start || bail "headers.py does not start: $(cat "$WORK/wires.err")"
for ns in site-a site-b gw-b; do ip netns exec $ns sysctl -qw net.ipv4.icmp_ratelimit=0; done
started serve ip netns exec site-b "$TOOLS/echo.py" serve 7
wait_for 10 listens site-b 7 || bail "nobody answers"
for where in $TUNNELS; do
	check "$where: TOS is copied or set, TTL is our own" copied "$where"
	check "$where: the MSS is clamped" clamped "$where"
	check "$where: the MTU of the device is followed" follows_device "$where"
	check "$where: TFC makes all packets of one size" all_of_one_size "$where"
	check "$where: dummies" dummies "$where"
	check "$where: an entry with ports has datagrams whole" whole_for_ports "$where"
done
check "df copy, set and clear for IPv6 in IPv4" df_of_ipv6
for where in transport:4 transport:6; do
	check "$where: datagrams go whole" whole_in_transport $where
done
check "ESN past 2^32, with an AEAD" past_2_32 tunnel:4in4 aes128gcm16
check "ESN past 2^32, with an ICV beside" past_2_32 tunnel:4in4 aes128-sha256
check "ESN past 2^32, AH" past_2_32 tunnel:4in4 sha256 ah
check "numbers of 32 bits end" ends_at_2_32
hold || bail "nothing is held"
for where in $TUNNELS; do
	check "$where: ECN inwards" ecn_in "$where"
	check "$where: fragments of the outer packet" in_fragments "$where"
done
check "replay windows of 32, 64, 1024, 4096" replayed tunnel:4in4 32 64 1024 4096
check "replay window of 64, IPv6" replayed tunnel:6in6 64
let_go
router_up || bail "no router"
for where in $TUNNELS; do
	check "$where: a path of 1400 octets is learned" narrow "$where" 1400
	check "$where: a path of 1300 octets is learned" narrow "$where" 1300
done
stopped serve TERM
sas_flush
ktap_exit
