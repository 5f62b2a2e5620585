#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How many bits and packets a second two gateways forward between two hosts: plain, with a
# policy that has no entry for the traffic (unlisted), with xfrm and with nfipsec, side by side
# in one boot. Meant for the VM that counts instructions as time (run.sh --gateways).
#
#	  bench-a          bench-gw-a                bench-gw-b          bench-b
#	+----------+     +------------+            +------------+     +----------+
#	| 10.1.0.2 | --- | 10.1.0.1   |            | 10.2.0.1   | --- | 10.2.0.2 |
#	|          |     | 192.0.2.1  | ---------- | 192.0.2.2  |     |          |
#	+----------+     +------------+  MTU 1500  +------------+     +----------+
#
# Each gateway tracks connections, as an ordinary one does. UDP datagrams have 1380 and 64
# octets: no packet is a fragment.
#
# usage: gateways.sh [PATH...]	paths: plain unlisted xfrm nfipsec
# With BENCH_JSON_MARK=WORD the figures follow as JSON between two lines of that word.

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"

GW_A=bench-gw-a GW_B=bench-gw-b
WAN_A=192.0.2.1 WAN_B=192.0.2.2
NET_A=10.1.0.0/24 NET_B=10.2.0.0/24
HOST_B=10.2.0.2
PATHS=${*:-plain unlisted xfrm nfipsec}

# side_up HOST GATEWAY NET: NET is 10.1.0 or 10.2.0
side_up()
{
	local ns

	for ns in "$1" "$2"; do
		netns_add "$ns" || return
		ip netns exec "$ns" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	done
	ip -n "$1" link add lan type veth peer name lan netns "$2" || return
	ip -n "$1" addr add "$3.2/24" dev lan
	ip -n "$2" addr add "$3.1/24" dev lan
	ip -n "$1" link set lan up
	ip -n "$2" link set lan up
	ip -n "$1" route add default via "$3.1"
	ip netns exec "$2" sysctl -qw net.ipv4.ip_forward=1
	ip netns exec "$2" nft -f - <<-END
		table ip bench {
			chain forward {
				type filter hook forward priority 0; policy accept;
				ct state established,related accept
			}
		}
	END
}

sites_up()
{
	side_up $A $GW_A 10.1.0 && side_up $B $GW_B 10.2.0 || return
	ip -n $GW_A link add wan type veth peer name wan netns $GW_B || return
	ip -n $GW_A addr add $WAN_A/24 dev wan
	ip -n $GW_B addr add $WAN_B/24 dev wan
	ip -n $GW_A link set wan up
	ip -n $GW_B link set wan up
	ip -n $GW_A route add $NET_B via $WAN_B
	ip -n $GW_B route add $NET_A via $WAN_A
}

sites_down()
{
	local ns pid

	for ns in $A $GW_A $GW_B $B; do
		ip netns exec $ns true 2>/dev/null || continue
		if [[ $ns = *gw* ]] && module_loaded; then
			ip netns exec $ns "$NFIPSEC_BIN/nfipsec" sa flush && ip netns exec $ns "$NFIPSEC_BIN/nfipsec" unload
		fi
		for pid in $(ip netns pids $ns); do kill "$pid"; done
		ip netns del $ns
	done
	unload_module
}

plain_up() { :; }

# a policy for networks that no host here has
unlisted_up()
{
	load_module &&
		policy_load $GW_A $WAN_A $WAN_B 10.81.0.0/24 10.82.0.0/24 esp aes128gcm16 &&
		policy_load $GW_B $WAN_B $WAN_A 10.82.0.0/24 10.81.0.0/24 esp aes128gcm16
}

xfrm_up()
{
	local ns

	for ns in $GW_A $GW_B; do
		xfrm_states $ns $WAN_A $WAN_B || return
	done
	xfrm_policies $GW_A $NET_A $NET_B $WAN_A $WAN_B && xfrm_policies $GW_B $NET_B $NET_A $WAN_B $WAN_A
}

xfrm_policies()	# NETNS NET REMOTE-NET LOCAL REMOTE
{
	ip -n "$1" xfrm policy add src "$2" dst "$3" dir out tmpl src "$4" dst "$5" proto esp mode tunnel &&
		ip -n "$1" xfrm policy add src "$3" dst "$2" dir fwd tmpl src "$5" dst "$4" proto esp mode tunnel
}

nfipsec_up()
{
	load_module &&
		nfipsec_end $GW_A $WAN_A $WAN_B $NET_A $NET_B $SPI_AB $SPI_BA &&
		nfipsec_end $GW_B $WAN_B $WAN_A $NET_B $NET_A $SPI_BA $SPI_AB
}

# The packets on the wire are the path's own.
proof()	# PATH
{
	local filter="ip proto 50"

	case $1 in
	plain | unlisted) filter="icmp" ;;
	esac
	ip netns exec $GW_B timeout 600 tcpdump -n -c 2 -i wan "$filter" >"$STATE/dump" 2>"$STATE/dump.err" &
	wait_for 500 grep -q 'listening on' "$STATE/dump.err" || return
	in_a ping -n -q -c 2 -i 0.1 -W 5 $HOST_B >"$STATE/ping" || return
	wait $!
}

measure()	# PATH
{
	local path=$1 length bps pps

	# The first packets look up neighbours and routes: none of that is measured.
	in_a ping -n -q -c 3 -i 0.05 -W 5 $HOST_B >"$STATE/ping" || return
	RESULT[$path,tcp]=$(row_tcp $HOST_B) && test -n "${RESULT[$path,tcp]}" || return
	for length in 1380 64; do
		read -r bps pps <<<"$(row_udp $HOST_B $length)" && test -n "$pps" || return
		RESULT[$path,udp$length]=$bps RESULT[$path,udp$length,pps]=$pps
	done
}

table()
{
	local path row

	echo "| path | TCP Mbit/s | x plain | UDP 1380 packets/s | x plain | UDP 64 packets/s | x plain |"
	echo "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
	for path in $PATHS; do
		test -n "${RESULT[$path,udp64]}" || continue
		printf '| %s | %s | %s' "$path" "$(mbit "${RESULT[$path,tcp]}")" \
			"$(ratio "${RESULT[$path,tcp]}" "${RESULT[plain,tcp]}")"
		for row in udp1380 udp64; do
			printf ' | %s | %s' "${RESULT[$path,$row,pps]}" "$(ratio "${RESULT[$path,$row]}" "${RESULT[plain,$row]}")"
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
			--argjson pps1380 "${RESULT[$path,udp1380,pps]}" --argjson pps64 "${RESULT[$path,udp64,pps]}" \
			'{path: $path, tcp: {bits_per_second: $tcp}, udp_1380: {packets_per_second: $pps1380},
			  udp_64: {packets_per_second: $pps64}}'
	done | jq -M -s --arg kernel "$(uname -r)" --argjson seconds "$BENCH_SECONDS" \
		--arg clock "${BENCH_CLOCK:-of this machine}" \
		'{kernel: $kernel, clock: $clock, cipher: "AES-128-GCM-16", seconds_each: $seconds, paths: .}'
}

cpu_ciphers
status=0
on_exit 'sites_down; rm -rf "$STATE"'
for path in $PATHS; do
	run_path "$path" || status=1
done
echo
echo "Linux $(uname -r), two hosts behind two gateways, AES-128-GCM-16, $BENCH_SECONDS s each:"
echo
table
if [ -n "${BENCH_JSON_MARK:-}" ]; then
	echo "$BENCH_JSON_MARK"
	json
	echo "$BENCH_JSON_MARK"
fi
exit $status
