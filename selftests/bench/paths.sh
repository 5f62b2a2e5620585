#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How many bits and packets a second: plain, xfrm, WireGuard and nfipsec side by
# side in one boot. Meant for the VM that counts instructions as time (make
# bench); there a figure repeats to the digit, and only ratios are of interest.
#
#	  bench-a                            bench-b
#	+--------------------+             +--------------------+
#	| 10.1.0.1 on lo     |             | 10.2.0.1 on lo     |
#	|          198.51.100.1 ---- veth ---- 198.51.100.2     |
#	+--------------------+   MTU 1500  +--------------------+
#
# Every path but plain carries 10.1.0.1 <-> 10.2.0.1; all ciphers are AES-128-GCM
# with a 16 octet ICV, WireGuard's is its own. iperf3 runs for BENCH_SECONDS each.
#
# usage: paths.sh [PATH...]	paths: plain xfrm nfipsec wireguard xfrm-offload
# With BENCH_JSON_MARK=WORD the figures follow as JSON between two lines of that word.

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"

OUTER_A=198.51.100.1
OUTER_B=198.51.100.2
INNER_A=10.1.0.1
INNER_B=10.2.0.1
PATHS=${*:-plain xfrm nfipsec wireguard xfrm-offload}

sites_up()
{
	local ns

	for ns in $A $B; do
		ip netns add $ns || return
		ip -n $ns link set lo up
		ip netns exec $ns sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	done
	ip -n $A link add veth-a type veth peer name veth-b netns $B || return
	ip -n $A addr add $OUTER_A/24 dev veth-a
	ip -n $B addr add $OUTER_B/24 dev veth-b
	ip -n $A addr add $INNER_A/32 dev lo
	ip -n $B addr add $INNER_B/32 dev lo
	ip -n $A link set veth-a up
	ip -n $B link set veth-b up
	ip -n $A route add $INNER_B via $OUTER_B src $INNER_A
	ip -n $B route add $INNER_A via $OUTER_A src $INNER_B
}

sites_down()
{
	local ns

	for ns in $A $B; do
		if ip netns exec $ns true 2>/dev/null; then
			nfipsec_down $ns
			for pid in $(ip netns pids $ns); do kill "$pid"; done
			ip netns del $ns
		fi
	done
}

plain_up() { :; }

xfrm_up()
{
	local ns

	for ns in $A $B; do
		xfrm_states $ns $OUTER_A $OUTER_B || return
	done
	xfrm_policies $A out $INNER_A $INNER_B $OUTER_A $OUTER_B &&
		xfrm_policies $A in $INNER_B $INNER_A $OUTER_B $OUTER_A &&
		xfrm_policies $B out $INNER_B $INNER_A $OUTER_B $OUTER_A &&
		xfrm_policies $B in $INNER_A $INNER_B $OUTER_A $OUTER_B
}

xfrm_policies()
{
	ip -n "$1" xfrm policy add src "$3" dst "$4" dir "$2" tmpl src "$5" dst "$6" proto esp mode tunnel
}

xfrm-offload_up()
{
	modprobe esp4_offload && xfrm_up
}

wireguard_up()
{
	local key_a key_b

	modprobe wireguard || return
	key_a=$(wg genkey)
	key_b=$(wg genkey)
	wireguard_end $A "$key_a" "$key_b" $OUTER_B $INNER_B &&
		wireguard_end $B "$key_b" "$key_a" $OUTER_A $INNER_A &&
		ip -n $A route replace $INNER_B dev wg0 src $INNER_A &&
		ip -n $B route replace $INNER_A dev wg0 src $INNER_B
}

wireguard_end()
{
	ip -n "$1" link add wg0 type wireguard &&
		echo "$2" >"$STATE/key" &&
		ip netns exec "$1" wg set wg0 listen-port 51820 private-key "$STATE/key" \
			peer "$(echo "$3" | wg pubkey)" endpoint "$4:51820" allowed-ips "$5/32" &&
		ip -n "$1" link set wg0 up
}

nfipsec_up()
{
	load_module &&
		nfipsec_end $A $OUTER_A $OUTER_B $INNER_A/32 $INNER_B/32 $SPI_AB $SPI_BA &&
		nfipsec_end $B $OUTER_B $OUTER_A $INNER_B/32 $INNER_A/32 $SPI_BA $SPI_AB
}

nfipsec_down()	# NETNS
{
	module_loaded || return 0
	ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" sa flush && ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" unload
}

# ---- one figure ----

measure()	# PATH
{
	local path=$1 target=$INNER_B large=1400 bps pps

	case $path in
	plain) target=$OUTER_B ;;
	wireguard) large=1380 ;;	# its MTU is 1420, and fragments are not what is measured
	esac
	# neighbours, routes, code pages: nothing of the first packet's work is measured
	in_a ping -n -q -c 3 -i 0.05 -W 5 "$target" >"$STATE/ping" || return
	bps=$(row_tcp "$target") || return
	RESULT[$path,tcp]=$bps
	read -r bps pps <<<"$(row_udp "$target" $large)" && test -n "$pps" || return
	RESULT[$path,udp1400]=$bps RESULT[$path,udp1400,pps]=$pps
	read -r bps pps <<<"$(row_udp "$target" 64)" && test -n "$pps" || return
	RESULT[$path,udp64]=$bps RESULT[$path,udp64,pps]=$pps
}

# a figure of a path that did not carry ESP (or WireGuard) is worth nothing
proof()	# PATH
{
	local filter

	case $1 in
	plain) filter="icmp" ;;
	wireguard) filter="udp port 51820" ;;
	*) filter="ip proto 50" ;;
	esac
	in_b timeout 600 tcpdump -n -c 1 -i veth-b "$filter" >"$STATE/dump" 2>"$STATE/dump.err" &
	# where instructions are the time, it flies while tcpdump is read from a busy host's disk
	wait_for 500 grep -q 'listening on' "$STATE/dump.err" || return
	in_a ping -n -q -c 2 -i 0.1 -W 5 "$([ "$1" = plain ] && echo $OUTER_B || echo $INNER_B)" >"$STATE/ping" || return
	wait $!
}

# ---- the answer ----

table()
{
	local path row

	echo "| path | TCP Mbit/s | x xfrm | UDP 1400 Mbit/s | packets/s | x xfrm | UDP 64 Mbit/s | packets/s | x xfrm |"
	echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for path in $PATHS; do
		test -n "${RESULT[$path,udp64]}" || continue
		printf '| %s | %s | %s' "$path" "$(mbit "${RESULT[$path,tcp]}")" \
			"$(ratio "${RESULT[$path,tcp]}" "${RESULT[xfrm,tcp]}")"
		for row in udp1400 udp64; do
			printf ' | %s | %s | %s' "$(mbit "${RESULT[$path,$row]}")" "${RESULT[$path,$row,pps]}" \
				"$(ratio "${RESULT[$path,$row]}" "${RESULT[xfrm,$row]}")"
		done
		echo " |"
	done
}

json()
{
	local path

	for path in $PATHS; do
		test -n "${RESULT[$path,udp64]}" || continue
		jq -n --arg path "$path" --argjson tcp "${RESULT[$path,tcp]}" \
			--argjson udp1400 "${RESULT[$path,udp1400]}" --argjson pps1400 "${RESULT[$path,udp1400,pps]}" \
			--argjson udp64 "${RESULT[$path,udp64]}" --argjson pps64 "${RESULT[$path,udp64,pps]}" \
			'{path: $path, tcp: {bits_per_second: $tcp},
			  udp_1400: {bits_per_second: $udp1400, packets_per_second: $pps1400},
			  udp_64: {bits_per_second: $udp64, packets_per_second: $pps64}}'
	done | jq -M -s --arg kernel "$(uname -r)" --argjson seconds "$BENCH_SECONDS" \
		--arg clock "${BENCH_CLOCK:-of this machine}" \
		'{kernel: $kernel, clock: $clock, cipher: "AES-128-GCM-16 (WireGuard: ChaCha20-Poly1305)",
		  seconds_each: $seconds, paths: .}'
}

cpu_ciphers
status=0
on_exit 'sites_down; unload_module; rm -rf "$STATE"'
for path in $PATHS; do
	run_path "$path" || status=1
done
echo
echo "Linux $(uname -r), two namespaces and a veth pair, AES-128-GCM-16, $BENCH_SECONDS s each:"
echo
table
echo
echo "xfrm is without esp4_offload, xfrm-offload with it. x xfrm: the ratio to xfrm. WireGuard's UDP 1400 is 1380."
if [ -n "${BENCH_JSON_MARK:-}" ]; then
	echo "$BENCH_JSON_MARK"
	json
	echo "$BENCH_JSON_MARK"
fi
exit $status
