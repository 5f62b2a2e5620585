#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfipsec beside xfrm, with esp4_offload and esp6_offload and without, for each protocol,
# mode, family and with UDP encapsulation, in one boot. Meant for the VM that counts
# instructions as time (run.sh --all).
#
#	  bench-a                            bench-b
#	+--------------------+             +--------------------+
#	| 10.1.0.1 on lo     |             | 10.2.0.1 on lo     |
#	| 2001:db8:1::1      |             | 2001:db8:2::1      |
#	|  198.51.100.1 ------------ veth ------------ .2       |
#	|  2001:db8::1       |             |  2001:db8::2       |
#	+--------------------+   MTU 1500  +--------------------+
#
# The inner addresses are those of tunnel mode; in transport mode the outer ones talk.
# UDP datagrams are 1380 octets in IPv4 and 1340 in IPv6: no packet is a fragment.
#
# usage: matrix.sh [ROW...]	such as gcm-tunnel-4 or cbc-transport-4-udp; without, all

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"

KEY16=000102030405060708090a0b0c0d0e0f
KEY32=${KEY16}101112131415161718191a1b1c1d1e1f
SALT=01020304
ALL_ROWS=$(for alg in gcm cbc chacha ah; do
	for way in tunnel-4 tunnel-6 transport-4 transport-6 tunnel-4-udp transport-4-udp; do
		case $alg-$way in ah-*-udp) ;; *) echo $alg-$way ;; esac
	done
done)
ROWS=${*:-$ALL_ROWS}
declare -A RESULT		# RESULT[row,path,tcp|udp]: bits a second

# row ROW: its words
row()
{
	IFS=- read -r alg mode family encap <<<"$1"
	proto=esp length=1380
	if [ "$family" = 4 ]; then
		outer_a=198.51.100.1 outer_b=198.51.100.2 inner_a=10.1.0.1 inner_b=10.2.0.1 bits=32
	else
		outer_a=2001:db8::1 outer_b=2001:db8::2 inner_a=2001:db8:1::1 inner_b=2001:db8:2::1 bits=128
		length=1340
	fi
	if [ "$mode" = transport ]; then
		inner_a=$outer_a inner_b=$outer_b
	fi
	case $alg in
	gcm)
		proposal="esp aes128gcm16" ours="encr aes128gcm16 key 0x$KEY16$SALT"
		theirs=(aead 'rfc4106(gcm(aes))' 0x$KEY16$SALT 128)
		;;
	cbc)
		proposal="esp aes128-sha256" ours="encr aes128 key 0x$KEY16 integ sha256 integ-key 0x$KEY32"
		theirs=(enc 'cbc(aes)' 0x$KEY16 auth-trunc 'hmac(sha256)' 0x$KEY32 128)
		;;
	chacha)
		proposal="esp chacha20poly1305" ours="encr chacha20poly1305 key 0x$KEY32$SALT"
		theirs=(aead 'rfc7539esp(chacha20,poly1305)' 0x$KEY32$SALT 128)
		;;
	ah)
		proto=ah proposal="ah sha256" ours="proto ah integ sha256 integ-key 0x$KEY32"
		theirs=(auth-trunc 'hmac(sha256)' 0x$KEY32 128)
		# RFC 4302 3.3.3.2.1; in IPv4 xfrm pads to 64 bits unless it is told
		[ "$family" = 6 ] || theirs+=(flag align4)
		;;
	esac
	ours+=" mode $mode"
	if [ -n "$encap" ]; then
		ours+=" encap-local 4500 encap-remote 4500"
		theirs+=(encap espinudp 4500 4500 0.0.0.0)
	fi
}

sites_up()
{
	local ns mac_a mac_b

	for ns in $A $B; do
		netns_add $ns || return
		ip netns exec $ns sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	done
	ip -n $A link add veth-a type veth peer name veth-b netns $B || return
	ip -n $A addr add 198.51.100.1/24 dev veth-a
	ip -n $B addr add 198.51.100.2/24 dev veth-b
	ip -n $A addr add 2001:db8::1/64 dev veth-a nodad
	ip -n $B addr add 2001:db8::2/64 dev veth-b nodad
	ip -n $A addr add 10.1.0.1/32 dev lo
	ip -n $B addr add 10.2.0.1/32 dev lo
	ip -n $A addr add 2001:db8:1::1/128 dev lo nodad
	ip -n $B addr add 2001:db8:2::1/128 dev lo nodad
	ip -n $A link set veth-a up
	ip -n $B link set veth-b up
	# xfrm would protect neighbour discovery between the ends of transport mode, too
	mac_a=$(ip -n $A -j link show veth-a | jq -r '.[0].address')
	mac_b=$(ip -n $B -j link show veth-b | jq -r '.[0].address')
	ip -n $A neigh add 2001:db8::2 lladdr "$mac_b" dev veth-a nud permanent
	ip -n $B neigh add 2001:db8::1 lladdr "$mac_a" dev veth-b nud permanent
	ip -n $A route add 10.2.0.1 via 198.51.100.2 src 10.1.0.1
	ip -n $B route add 10.1.0.1 via 198.51.100.1 src 10.2.0.1
	ip -n $A -6 route add 2001:db8:2::1 via 2001:db8::2 src 2001:db8:1::1
	ip -n $B -6 route add 2001:db8:1::1 via 2001:db8::1 src 2001:db8:2::1
}

# ---- one path ----

xfrm_up()
{
	local ns

	for ns in $A $B; do
		ip -n $ns xfrm state add src $outer_a dst $outer_b proto $proto spi $SPI_AB mode $mode \
			replay-window 32 "${theirs[@]}" || return
		ip -n $ns xfrm state add src $outer_b dst $outer_a proto $proto spi $SPI_BA mode $mode \
			replay-window 32 "${theirs[@]}" || return
	done
	xfrm_policy $A out $inner_a $inner_b $outer_a $outer_b &&
		xfrm_policy $A in $inner_b $inner_a $outer_b $outer_a &&
		xfrm_policy $B out $inner_b $inner_a $outer_b $outer_a &&
		xfrm_policy $B in $inner_a $inner_b $outer_a $outer_b || return
	[ -z "$encap" ] || { udp_socket $A && udp_socket $B; }
}

xfrm_policy()	# NETNS DIRECTION SOURCE DESTINATION OUTER-SOURCE OUTER-DESTINATION
{
	local ends=(src "$5" dst "$6")

	[ $mode = tunnel ] || ends=()
	# the UDP of transport mode is between the very addresses that are protected
	[ "$mode$encap" != transportudp ] ||
		ip -n "$1" xfrm policy add src "$3" dst "$4" proto udp dport 4500 dir "$2" priority 1 || return
	ip -n "$1" xfrm policy add src "$3" dst "$4" dir "$2" priority 2 tmpl "${ends[@]}" proto $proto mode $mode
}

# what hands UDP 4500 to xfrm: socket option UDP_ENCAP of UDP, ESPINUDP
udp_socket()	# NETNS
{
	ip netns exec "$1" /usr/bin/python3 -c '
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4500))
s.setsockopt(socket.IPPROTO_UDP, 100, 2)
signal.pause()' &
	echo $! >>"$STATE/sockets"
	wait_for 100 udp_listens "$1"
}

udp_listens() { ip netns exec "$1" ss -Hlun 'sport = :4500' | grep -q .; }

xfrm_down()
{
	local ns pid

	for ns in $A $B; do
		ip -n $ns xfrm state flush
		ip -n $ns xfrm policy flush
	done
	test -e "$STATE/sockets" || return 0
	while read -r pid; do kill "$pid"; done <"$STATE/sockets"
	rm "$STATE/sockets"
}

nfipsec_end()	# NETNS LOCAL REMOTE INNER_LOCAL INNER_REMOTE SPI_OUT SPI_IN
{
	local in_netns=(ip netns exec "$1" "$NFIPSEC_BIN/nfipsec") dir spi

	policy_load "$1" "$2" "$3" "$4/$bits" "$5/$bits" "$proposal" mode "$mode" || return
	for dir in out in; do
		spi=$([ $dir = out ] && echo "$6" || echo "$7")
		# shellcheck disable=SC2086	# words
		"${in_netns[@]}" sa add $dir tunnel bench/t spi "$spi" local "$2" remote "$3" $ours || return
	done
}

nfipsec_up()
{
	load_module &&
		nfipsec_end $A $outer_a $outer_b $inner_a $inner_b $SPI_AB $SPI_BA &&
		nfipsec_end $B $outer_b $outer_a $inner_b $inner_a $SPI_BA $SPI_AB
}

nfipsec_down()
{
	local ns

	for ns in $A $B; do
		ip netns exec $ns "$NFIPSEC_BIN/nfipsec" sa flush && ip netns exec $ns "$NFIPSEC_BIN/nfipsec" unload
	done
	unload_module		# its hooks are in the way of the others
}

offload_up() { modprobe -a esp4_offload esp6_offload && xfrm_up; }
# states go after a while, and their modules after them
offload_down() { xfrm_down && wait_for 100 rmmod esp4_offload esp6_offload; }

# a figure of a path that did not carry it is worth nothing
proof()
{
	local filter="proto 50"

	[ $proto = esp ] || filter="proto 51"
	[ "$family" = 4 ] || filter="ip6 $filter"
	[ -z "$encap" ] || filter="udp port 4500"
	in_b timeout 600 tcpdump -n -c 2 -i veth-b "$filter" >"$STATE/dump" 2>"$STATE/dump.err" &
	# where instructions are the time, it flies while tcpdump is read from a busy host's disk
	wait_for 500 grep -q 'listening on' "$STATE/dump.err" || return
	in_a ping -n -q -c 2 -i 0.1 -W 5 $inner_b >"$STATE/ping" || { cat "$STATE/ping" >&2; return 1; }
	wait $!
}

measure()	# ROW PATH
{
	local bps pps

	row "$1"
	"$2_up" && proof && in_a ping -n -q -c 3 -i 0.05 -W 5 $inner_b >"$STATE/ping" &&
		bps=$(row_tcp $inner_b) && RESULT[$1,$2,tcp]=$bps &&
		read -r bps pps <<<"$(row_udp $inner_b $length)" && test -n "$pps" && RESULT[$1,$2,udp]=$bps
}

one_row()	# ROW
{
	local path status=0

	for path in $PATHS; do
		# neither of the modules knows AH
		case $path-$1 in offload-ah-*) continue ;; esac
		measure "$1" "$path" || { echo "# $1: $path failed" >&2; status=1; }
		echo "# $1 $path: tcp $(mbit "${RESULT[$1,$path,tcp]}") udp $(mbit "${RESULT[$1,$path,udp]}")" >&2
		"${path}_down" || status=1
	done
	return $status
}

# ---- the answer ----

table()
{
	local row kind most

	echo "| row | TCP xfrm | with offload | nfipsec | x | UDP xfrm | with offload | nfipsec | x |"
	echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for row in $ROWS; do
		printf '| %s' "$row"
		for kind in tcp udp; do
			most=$(printf '%s\n' "${RESULT[$row,xfrm,$kind]}" "${RESULT[$row,offload,$kind]}" | sort -n | tail -n 1)
			printf ' | %s | %s | %s | %s' "$(mbit "${RESULT[$row,xfrm,$kind]}")" \
				"$([ -n "${RESULT[$row,offload,$kind]}" ] && mbit "${RESULT[$row,offload,$kind]}" || echo -)" \
				"$(mbit "${RESULT[$row,nfipsec,$kind]}")" "$(ratio "${RESULT[$row,nfipsec,$kind]}" "$most")"
		done
		echo " |"
	done
}

json()
{
	local key

	for key in "${!RESULT[@]}"; do
		IFS=, read -r row path kind <<<"$key"
		jq -n --arg row "$row" --arg path "$path" --arg kind "$kind" --argjson bps "${RESULT[$key]}" \
			'{row: $row, path: $path, kind: $kind, bits_per_second: $bps}'
	done | jq -M -s --arg kernel "$(uname -r)" --argjson seconds "$BENCH_SECONDS" \
		--arg clock "${BENCH_CLOCK:-of this machine}" \
		'{kernel: $kernel, clock: $clock, seconds_each: $seconds, figures: sort_by(.row, .path, .kind)}'
}

cpu_ciphers gcm ctr seqiv authenc echainiv chacha20poly1305 esp4 esp6 ah4 ah6 xfrm_user || exit 1
status=0
on_exit 'rm -rf "$STATE"'
sites_up || exit 1
PATHS=${BENCH_PATHS:-xfrm offload nfipsec}
for row in $ROWS; do
	one_row "$row" || status=1
done
echo
echo "Linux $(uname -r), two namespaces and a veth pair, Mbit/s, $BENCH_SECONDS s each:"
echo
table
echo
echo "xfrm is without esp4_offload and esp6_offload. x: nfipsec's ratio to the better of xfrm's two."
if [ -n "${BENCH_JSON_MARK:-}" ]; then
	echo "$BENCH_JSON_MARK"
	json
	echo "$BENCH_JSON_MARK"
fi
exit $status
