#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Judges that share no code with the kernel: every algorithm, mode and family opened and
# made by tools/ipsec.py and where it can by scapy, and what went over the wire opened
# by tshark with the keys. First they are themselves compared with what the RFCs print.
#
#	 gw-a (nfipsec)                                   gw-b
#	+----------------------------------+             +-----------------------------+
#	| 10.1.0.1, 2001:db8:1::1 on lo    |     wan     | no addresses: oracle.py     |
#	|        192.0.2.1, 2001:db8::1 ===================  reads and writes frames   |
#	+----------------------------------+             +-----------------------------+
#
# usage: oracle.sh [SHAPE...]	such as esp-tunnel-44; without, all of them

. "$(dirname "$0")/lib.sh"

WORK=$(mktemp -d /tmp/nfipsec-oracle.XXXXXX)
ORACLE=$SELFTESTS/tools/oracle.py
on_exit 'rm -rf "$WORK"'

wire_up()
{
	local ns mac

	for ns in gw-a gw-b; do
		ip netns exec $ns sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
	done
	ip netns exec gw-b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip -n gw-a link add wan type veth peer name wan netns gw-b || return
	# frames are to be as they go over a wire
	ip netns exec gw-a ethtool -K wan tx off >"$WORK/ethtool"
	mac=$(ip -n gw-b -j link show wan | jq -r '.[0].address')
	ip -n gw-a -j link show wan | jq -r '.[0].address' >"$WORK/mac"
	ip -n gw-b link set wan arp off up && ip -n gw-a link set wan up || return
	ip -n gw-a addr add 192.0.2.1/24 dev wan
	ip -n gw-a addr add 2001:db8::1/64 dev wan nodad
	ip -n gw-a addr add 10.1.0.1/32 dev lo
	ip -n gw-a addr add 2001:db8:1::1/128 dev lo nodad
	ip -n gw-a neigh add 192.0.2.2 lladdr "$mac" dev wan nud permanent
	ip -n gw-a neigh add 2001:db8::2 lladdr "$mac" dev wan nud permanent
	ip -n gw-a route add 10.2.0.0/24 via 192.0.2.2 src 10.1.0.1
	ip -n gw-a -6 route add 2001:db8:2::/64 via 2001:db8::2 src 2001:db8:1::1
}

# each line of the oracle is a check; that it came to its end is one more
judge()	# NAME WORDS...
{
	local name=$1 line
	shift

	while read -r line; do
		case $line in
		"ok "*) ktap_ok "${line#ok }" ;;
		"not ok "*) ktap_fail "${line#not ok }" ;;
		*) echo "# $line" ;;
		esac
	done < <("$@" 2>&1; echo "$?" >"$WORK/status")
	check "$name came to its end" grep -q '^[01]$' "$WORK/status"
}

echo "TAP version 13"
on_exit unload_module
load_module || exit $KSFT_FAIL
# not in a check, whose subshell would keep what on_exit is told to itself
netns_add gw-a && netns_add gw-b || exit $KSFT_FAIL
check "the wire is up" wire_up
judge "the vectors" "$ORACLE" vectors
export WORK
judge "the wire" ip netns exec gw-b "$ORACLE" wire "$@"
judge "tshark" "$ORACLE" tshark "$WORK"
ktap_planned=$ktap_count
echo "1..$ktap_planned"
ktap_exit
