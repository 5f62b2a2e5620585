#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The same load as ike.sh on the machine itself, whose CPU is a real one: the VM's is emulated, where
# neither multiplication nor vector instructions cost what they cost. No module is loaded. So in
# nfipsecd's place is its core alone (`ike-load serve`), which installs no SA, has one thread and no
# control socket; and charon has its SAs in user space (kernel-libipsec), whose part of the time
# cannot be told from IKE's. Only the time in the programs themselves is compared, not the kernel's for
# them. Root, and two namespaces.
#
# usage: ike-native.sh [INITIATIONS]	default 1000

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"
. "$(dirname "$0")/ike-lib.sh"

INITIATIONS=${1:-1000}

core_start()
{
	rm -f "$STATE/stdin" && mkfifo "$STATE/stdin" || return
	# shellcheck disable=SC2046
	ip netns exec $A "$LOAD" --ike $IKE --esp $ESP $(auth_words "$1") serve 192.0.2.1 <>"$STATE/stdin" >"$STATE/daemon" 2>&1 &
	echo $! >"$STATE/pid"
	wait_for 30 core_ready
}

core_ready() { in_a ss -Hlun 'sport = :500' | grep -q .; }

one()	# NAME AUTH
{
	local status

	"$1_start" "$2" "kernel-libipsec kernel-netlink" || { cat "$STATE/daemon" "$STATE/charon" "$STATE/swanctl" >&2; return 1; }
	measured "$1" "$2" "$INITIATIONS"
	status=$?
	responder_stop
	return $status
}

us() { awk -v n="$INITIATIONS" -v ms="${1:-0}" 'BEGIN { if (ms) printf "%.0f", ms * 1000 / n; else printf "-" }'; }

on_exit 'rm -rf "$STATE"'
# the address: kernel-libipsec wants one for its routes
net_make && ip -n $A addr add 10.1.0.1/16 dev lo || exit 1
on_exit responder_stop
status=0
pki_make "$INITIATIONS" || exit 1
echo "| responder | PSK: us in the program | ECDSA P-256 |"
echo "| --- | ---: | ---: |"
for name in charon core; do
	for auth in psk cert; do
		one $name $auth || status=1
		responder_stop
	done
	echo "| $name | $(us "${RESULT[$name,psk,user]:-}") | $(us "${RESULT[$name,cert,user]:-}") |"
done
for auth in psk cert; do
	echo "$auth: the core to charon: $(ratio "${RESULT[charon,$auth,user]:-0}" "${RESULT[core,$auth,user]:-0}") times the rate"
done
exit $status
