#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Three daemons, each a peer of each other, and two or all of them are restarted at
# the same moment, again and again: killed in one round, stopped in the next. Each
# time there is in the end one IKE SA and one CHILD SA for each pair, at both
# ends, whoever was first. NFIPSEC_MESH_ROUNDS says how often.
#
#	     +-----------------+ 10.3.0.1
#	     | c   192.0.2.3   |
#	     +--------+--------+
#	  - - - - - - + - - - - - - - - - - a bridge
#	+--------+--------+     +--------+--------+
#	| a   192.0.2.1   |     | b   192.0.2.2   |
#	+-----------------+     +-----------------+
#	  10.1.0.1                10.2.0.1

. "$(dirname "$0")/lib.sh"

ROUNDS=${NFIPSEC_MESH_ROUNDS:-6}
WORK=$(mktemp -d /tmp/nfipsec-test.XXXXXX)
NODES="1 2 3"

exec 3>&1
note() { echo "# $*" >&3; }

in_node() { ip netns exec "node$1" "${@:2}"; }
nf() { in_node "$1" "$NFIPSEC_BIN/nfipsec" --socket "$WORK/$1.sock" "${@:2}"; }

network()
{
	local n m

	ip netns add middle && ip -n middle link add name bridge type bridge && ip -n middle link set bridge up || return
	for n in $NODES; do
		ip netns add node$n || return
		ip -n node$n link add wan type veth peer name n$n netns middle || return
		ip -n middle link set n$n master bridge up && ip -n node$n link set wan up && ip -n node$n link set lo up || return
		ip -n node$n addr add 192.0.2.$n/24 dev wan && ip -n node$n addr add 10.$n.0.1/24 dev lo || return
	done
	for n in $NODES; do
		for m in $NODES; do
			[ $n = $m ] || ip -n node$n route add 10.$m.0.0/24 via 192.0.2.$m src 10.$n.0.1 || return
		done
	done
}

config()
{
	local n=$1 m

	mkdir -p "$WORK/$n"
	for m in $NODES; do
		[ $n = $m ] && continue
		cat <<-END
			access-list to$m { 10 protect ip from 10.$n.0.0/24 to 10.$m.0.0/24 }
			peer node$m {
				local address 192.0.2.$n id fqdn node$n.example.com
				remote address 192.0.2.$m id fqdn node$m.example.com
				auth psk
				ike aes128gcm16-prfsha256-x25519
				dpd 5s
				tunnel t { access-list to$m esp aes128gcm16 start at-load lifetime 10m }
			}
		END
	done >"$WORK/$n/nfipsec.conf"
	(umask 077 && echo "psk node$n.example.com any \"one for all\"" >"$WORK/$n/secrets")
}

# not by in_node: the number is to be the daemon's own
start()
{
	ip netns exec "node$1" "$NFIPSEC_BIN/nfipsecd" --config "$WORK/$1/nfipsec.conf" --socket "$WORK/$1.sock" \
		>>"$WORK/$1.log" 2>&1 3>&- </dev/null &
	echo $! >"$WORK/$1.pid"
	disown $!
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# end SIGNAL NODE...
end()
{
	local n signal=$1

	shift
	for n; do kill "-$signal" "$(cat "$WORK/$n.pid")" 2>/dev/null; done
	for n; do wait_for 20 gone "$(cat "$WORK/$n.pid")" || return; done
}

# two peers, of each one IKE SA and one CHILD SA, and nothing else in the module
whole()
{
	nf "$1" show peers --json >"$WORK/peers" 2>"$WORK/err" &&
		jq -e '[.peers[] | select(([.ike_sas[] | select(.state == "established")] | length) == 1 and
			([.ike_sas[] | select(.state != "established" and .state != "half-open")] | length) == 0 and
			([.tunnels[].children[]] | length) == 1 and .tunnels[0].state == "up")] | length == 2' \
			"$WORK/peers" >"$WORK/jq" &&
		test "$(in_node "$1" "$NFIPSEC_BIN/nfipsec" show sas --json | jq '.sas | length')" = 4
}

all_whole() { whole 1 && whole 2 && whole 3; }

# what one end sends by, the other one receives by
pairs()
{
	local n

	for n in $NODES; do in_node $n "$NFIPSEC_BIN/nfipsec" show sas --json; done |
		jq -es '[.[].sas[]] | ([.[] | select(.dir == "in") | .spi] | sort) ==
			([.[] | select(.dir == "out") | .spi] | sort)' >"$WORK/jq"
}

carries()
{
	in_node 1 ping -n -q -c 2 -i 0.1 -W 20 -I 10.1.0.1 10.2.0.1 >"$WORK/ping" &&
		in_node 3 ping -n -q -c 2 -i 0.1 -W 20 -I 10.3.0.1 10.2.0.1 >"$WORK/ping"
}

agreed() { all_whole && pairs; }

settled() { so wait_for 90 agreed && so carries; }

# what is there when it did not come to that
tell()
{
	local n

	for n in $NODES; do
		echo "---- node $n"
		nf $n show peers
		in_node $n "$NFIPSEC_BIN/nfipsec" show sas
		tail -n 40 "$WORK/$n.log"
	done
}

rounds()
{
	local i n signal which began slowest=0 starts=0

	for ((i = 1; i <= ROUNDS; i++)); do
		signal=KILL which="1 2"
		((i % 2)) || signal=TERM
		((i % 5)) || which=$NODES
		# shellcheck disable=SC2086
		end $signal $which || return
		for n in $which; do start "$n" && starts=$((starts + 1)); done
		began=$SECONDS
		settled || { echo "round $i, SIG$signal to $which"; tell; return 1; }
		((SECONDS - began > slowest)) && slowest=$((SECONDS - began))
		((i % 20)) || note "$i rounds in $SECONDS s"
	done
	test "$(cat "$WORK"/*.log | grep -c 'is ready')" = $((starts + 3)) || { echo "not each daemon started again"; return 1; }
	note "$ROUNDS rounds, the slowest took $slowest s to settle"
	note "two IKE SAs with one peer, and one was closed: $(cat "$WORK"/*.log | grep -c 'IKE SA .* down (another has taken its place)') times"
}

begin()
{
	local n

	for n in $NODES; do start $n; done
	settled || { tell; return 1; }
}

cleanup()
{
	local n

	# shellcheck disable=SC2086
	end TERM $NODES
	for n in $NODES; do in_node $n "$NFIPSEC_BIN/nfipsec" unload; done
	for n in node1 node2 node3 middle; do ip netns del $n; done
	rm -rf "$WORK"
}

ktap_plan 2
on_exit unload_module
load_module || { echo "Bail out! the module does not load"; exit $KSFT_FAIL; }
on_exit cleanup
network || { echo "Bail out! the network does not come up"; exit $KSFT_FAIL; }
for n in $NODES; do config $n; done
check "three daemons start at once: one IKE SA and one CHILD SA for each pair" begin
check "restarted at once $ROUNDS times, and each time there is one of each" rounds
ktap_exit
