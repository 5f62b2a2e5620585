#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SAs are added, deleted, rekeyed, flushed and moved, policies replaced, namespaces
# made and removed, the module unloaded and loaded, all under traffic. Then
# everything is set up again and carries, and everything goes. The kernel's
# complaints and leaks are the runner's to find.
#
#	 st-a (nfipsec)                          st-b (nfipsec)
#	+-------------------------+             +-------------------------+
#	| 10.1.0.1   192.0.2.1/11 |-------------| 192.0.2.2/12   10.2.0.1 |
#	| 10.1.1.1                |     wan     |                10.2.1.1 |
#	| 2001:db8:1::1           |             |           2001:db8:2::1 |
#	+-------------------------+             +-------------------------+
#
# The tunnels are in tools/churn.py. NFIPSEC_STRESS_SECONDS is for how long things are
# changed; to begin and to end takes as much again where the kernel is slow.

. "$(dirname "$0")/lib.sh"

if [ -z "$NFIPSEC_SLOW" ]; then
	TIME=${NFIPSEC_STRESS_SECONDS:-15}
else
	TIME=${NFIPSEC_STRESS_SECONDS:-40}
fi
SEED=${NFIPSEC_FUZZ_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
CHURN=$SELFTESTS/tools/churn.py
PINGED="10.2.0.1 10.2.1.1 192.0.2.2 2001:db8:2::1"	# one through each tunnel

in_a() { ip netns exec st-a "$@"; }
in_b() { ip netns exec st-b "$@"; }
part() { echo $((TIME * $1 / 100 > 0 ? TIME * $1 / 100 : 1)); }

side_up()
{
	local ns=$1 own=$2 other=$3 net=$4 to=$5

	ip -n "$ns" addr add 192.0.2.$own/24 dev wan && ip -n "$ns" addr add 192.0.2.1$own/24 dev wan &&
		ip -n "$ns" addr add 2001:db8::$own/64 dev wan nodad &&
		ip -n "$ns" addr add 2001:db8::1$own/64 dev wan nodad &&
		ip -n "$ns" addr add 10.$net.0.1/24 dev lo && ip -n "$ns" addr add 10.$net.1.1/24 dev lo &&
		ip -n "$ns" addr add 2001:db8:$net::1/64 dev lo nodad && ip -n "$ns" link set wan up || return
	ip -n "$ns" route add 10.$to.0.0/24 via 192.0.2.$other src 10.$net.0.1 &&
		ip -n "$ns" route add 10.$to.1.0/24 via 192.0.2.$other src 10.$net.1.1 &&
		ip -n "$ns" -6 route add 2001:db8:$to::/64 via 2001:db8::$other src 2001:db8:$net::1
}

pair_up()
{
	netns_add "$1" && netns_add "$2" && ip -n "$1" link add wan type veth peer name wan netns "$2" &&
		side_up "$1" 1 2 1 2 && side_up "$2" 2 1 2 1
}

# ---- traffic, until traffic_stop ----

# in_background NETNS COMMAND: again and again
in_background()
{
	ip netns exec "$1" nice -n 19 bash -c "while :; do $2; sleep 0.1; done" >/dev/null 2>&1 </dev/null 3>&- &
	disown $!
}

traffic_start()
{
	in_background st-b "iperf3 -s"
	# not all the CPU there is: the ones that change things want some, too
	in_background st-a "iperf3 -c 10.2.0.1 -b 20M -t 3"
	in_background st-a "iperf3 -c 10.2.0.1 -p 5202 -u -b 1M -t 3 -R"
	in_background st-b "iperf3 -s -p 5202"
	in_background st-a "iperf3 -c 2001:db8:2::1 -p 5203 -b 10M -t 3 -R"
	in_background st-b "iperf3 -s -p 5203"
	in_background st-a "ping -n -q -i 0.05 -s 1000 10.2.1.1 -w 3"
	in_background st-a "ping -n -q -i 0.05 -s 3000 192.0.2.2 -w 3"
}

# of this namespace and no other: each process is one that traffic_start began
traffic_stop()
{
	local ns pid

	for ns in st-a st-b; do
		test -e /run/netns/$ns || continue
		for pid in $(ip netns pids $ns); do kill -KILL "$pid" 2>/dev/null; done
		wait_for 20 nobody_in $ns || return
	done
}

nobody_in() { test -z "$(ip netns pids "$1")"; }

churn()
{
	local out status

	out=$("$CHURN" --seed "$SEED" "${@:3}" st-a st-b "$1" $2 2>&1)
	status=$?
	echo "# churn: $out" >&3
	return $status
}

# each tunnel carries five of five
carries()
{
	local to

	for to in $PINGED; do
		in_a ping -n -q -c 5 -i 0.1 -W $((5 * NFIPSEC_TIME_FACTOR)) "$to" >"$work/ping" 2>&1 &&
			grep -q '5 received' "$work/ping" || { cat "$work/ping"; return 1; }
	done
}

packets() { in_a "$NFIPSEC_BIN/nfipsec" show stats --json | jq '.stats.in_packets'; }

arrived_since() { test "$(packets)" -gt "$1"; }

# On a busy machine the senders need longer to start than the first check lasts.
traffic_flows()
{
	local before

	before=$(packets) && traffic_start && wait_for 30 arrived_since "$before"
}

# during what follows packets arrived, too
busy()
{
	local before after round

	before=$(packets) || return
	# on a busy machine few packets arrive in the time of one round
	for round in 1 2 3; do
		"$@" || return
		after=$(packets) || return
		echo "# round $round: $((after - before)) packets arrived in st-a meanwhile" >&3
		[ $((after - before)) -le 20 ] || return 0
	done
	return 1
}

# two that know nothing of each other
all_at_once()
{
	local one two

	churn "$(part 20)" "rekey flush policy dump dummy" --rough &
	one=$!
	SEED=$((SEED + 1)) churn "$(part 20)" "rekey flush policy dump dummy" --rough &
	two=$!
	wait $one && wait $two
}

# namespaces that go with SAs, policies, held packets and packets under way
namespaces()
{
	local end=$((SECONDS + $(part 15))) n=0 pid

	while [ $SECONDS -lt $end ] || [ $n -eq 0 ]; do
		pair_up st-c st-d || return
		"$CHURN" --seed $n st-c st-d 0 >"$work/out" 2>&1 || { cat "$work/out"; return 1; }
		ip netns exec st-c ping -n -q -f 10.2.0.1 >/dev/null 2>&1 3>&- &
		pid=$!
		ip netns exec st-c ping -n -q -c 1 -W 20 10.2.0.1 >/dev/null || return
		# what is held for want of an SA, too
		[ $((n % 2)) = 0 ] || ip netns exec st-c "$NFIPSEC_BIN/nfipsec" sa flush >/dev/null
		ip netns del st-d && ip netns del st-c
		kill $pid && wait $pid
		n=$((n + 1))
	done
	echo "# $n pairs of namespaces" >&3
}

module_unload()
{
	in_a "$NFIPSEC_BIN/nfipsec" unload && in_b "$NFIPSEC_BIN/nfipsec" unload && rmmod nfipsec
}

# protect entries keep it; without them it goes, whatever is under way
module()
{
	local end=$((SECONDS + $(part 15))) n=0

	while [ $SECONDS -lt $end ] || [ $n -eq 0 ]; do
		if rmmod nfipsec 2>"$work/out"; then
			echo "rmmod with protect entries loaded"
			return 1
		fi
		module_unload && load_module && churn 0 "" || return
		n=$((n + 1))
	done
	echo "# $n times" >&3
}

exec 3>&1
work=$(mktemp -d /tmp/nfipsec-stress.XXXXXX)
on_exit "rm -rf $work"
ktap_plan 11
on_exit unload_module
if ! load_module || ! pair_up st-a st-b; then
	echo "Bail out! no module or no topology"
	exit $KSFT_FAIL
fi
on_exit traffic_stop
echo "# seed $SEED, $TIME s"
check "the tunnels are set up" churn 0 ""
check "each carries" carries
traffic_flows || echo "# no traffic yet: $(packets) packets"
check "rekeyed under traffic" busy churn "$(part 20)" "rekey rekey rekey dump"
check "moved, and dummies sent" busy churn "$(part 5)" "move dummy rekey"
check "flushed under traffic" busy churn "$(part 10)" "flush"
check "policies replaced under traffic" busy churn "$(part 10)" "policy"
check "all of it at once, twice" busy all_at_once
check "namespaces removed with tunnels in use" busy namespaces
check "the module unloaded and loaded under traffic" module
traffic_stop
churn 0 "" >/dev/null
check "set up again, each carries" carries
check "all goes" module_unload
ip netns del st-a
ip netns del st-b
ktap_exit
