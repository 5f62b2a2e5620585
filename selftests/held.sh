#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a namespace can have held for want of an SA: so many octets for a tunnel, so many for all,
# charged to the sockets that sent it, and in nobody's way. gw-b only routes (the picture is in
# sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

TUNNELS=20
MEBI=1048576

# a tunnel for UDP to each of some addresses of the other site, and one for the rest of it
policy_load()
{
	local i

	{
		for i in $(seq $TUNNELS); do
			echo "access-list a$i {"
			echo "	10 protect udp from any to 10.2.0.$((100 + i)) port 9"
			echo "	20 protect udp from any to fd02::$((100 + i)) port 9"
			echo "}"
		done
		echo "peer branch {"
		echo "	local address $GW_A"
		echo "	remote address $GW_B"
		echo "	auth psk"
		echo "	ike aes128gcm16-prfsha256-x25519"
		for i in $(seq $TUNNELS); do
			echo "	tunnel t$i { access-list a$i  esp aes128gcm16  start manual }"
		done
		echo "}"
	} >"$CONF"
	(umask 077 && echo "psk $GW_A $GW_B \"$PSK\"" >"$WORK/secrets")
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF"
}

queued() { in_gw_a "$NFIPSEC" show tunnels --json | jq "[.tunnels[] | select(.name | test(\"$1\")) | .queued] | add"; }

# large NETNS COUNT ADDRESS...: datagrams of 60000 octets to each
large()
{
	ip netns exec "$1" python3 - "${@:2}" <<-'END'
		import socket, sys
		for address in sys.argv[2:]:
		    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
		        for _ in range(int(sys.argv[1])):
		            s.sendto(b"x" * 60000, (address, 9))
	END
}

# a tunnel's queue: forwarded datagrams, which nobody here is charged for
one_tunnel()
{
	local held

	policy_unload && policy_load && mark_stats
	large site-a 40 "$1" || return
	held=$(queued 't1$')
	note "held $held of 40, $(counted | tr '\n' ';')"
	so test "$held" -ge 4 && so test $((held * 60000)) -le $MEBI && so test "$(stat out_no_sa_overflow)" = $((40 - held))
}

# all of them: what the first ones took the last cannot have
all_tunnels()
{
	local held

	policy_unload && policy_load && mark_stats
	# shellcheck disable=SC2046	# an address each
	large site-a 20 $(seq -f "$1%g" 101 $((100 + TUNNELS))) || return
	held=$(queued .)
	note "held $held, $(counted | tr '\n' ';')"
	so test $((held * 60000)) -le $((16 * MEBI)) && so test "$held" -ge 50 && so test "$(stat out_no_sa_limit)" -gt 0
}

# The first tunnel's queue is full before the socket has its share. The next ones have what is
# left of it, the last of them by one packet more, and then there is nothing for the others.
charged()
{
	policy_unload && policy_load && mark_stats || return
	so in_gw_a "$TOOLS/charge.py" "$@" && so test "$(stat out_no_sa_limit)" -gt 0 ||
		because "$(counted | tr '\n' ';')"
}

# who has closed the socket, and the namespace, is not kept: packets are held for 30 seconds
namespace_goes()
{
	local began

	ip netns add short && ip -n short link set lo up &&
		ip -n short link add v0 type veth peer name held-v1 netns gw-b || return
	ip -n short addr add "$1" dev v0 nodad 2>/dev/null || ip -n short addr add "$1" dev v0 || return
	ip -n short link set v0 up && ip -n gw-b link set held-v1 up || return
	cat >"$WORK/short.conf" <<-END
		access-list a {
			10 protect udp from any to any port 9
		}
		peer b {
			local address 192.0.2.77
			remote address 192.0.2.78
			auth psk
			ike aes128gcm16-prfsha256-x25519
			tunnel t { access-list a  esp aes128gcm16  start manual }
		}
	END
	(umask 077 && echo "psk 192.0.2.77 192.0.2.78 \"$PSK\"" >>"$WORK/secrets")
	ip netns exec short "$NFIPSEC" load --no-daemon "$WORK/short.conf" || return
	ip netns exec short bash -c "echo x >/dev/udp/$2/9" || return
	so test "$(ip netns exec short "$NFIPSEC" show stats --json | jq .stats.held)" = 1 || return
	began=$SECONDS
	ip netns del short
	so wait_for 60 fails ip -n gw-b link show held-v1 || return
	note "gone after $((SECONDS - began)) s"
	so test $((SECONDS - began)) -lt $((20 * NFIPSEC_TIME_FACTOR))
}

ktap_plan 8
sites_begin
sites_ipv6 || bail "no IPv6"
ip -n gw-a -6 route replace fd02::/64 via $GW6_B
check "a tunnel holds no more than a MiB, IPv4" one_tunnel 10.2.0.101
check "a tunnel holds no more than a MiB, IPv6" one_tunnel fd02::101
check "all tunnels hold no more than 16 MiB, IPv4" all_tunnels 10.2.0.
check "all tunnels hold no more than 16 MiB, IPv6" all_tunnels fd02::
check "a socket is charged, and can send to others, IPv4" charged 10.2.0.10{1,2,3,4,5} $GW_B
check "a socket is charged, and can send to others, IPv6" charged fd02::10{1,2,3,4,5} $GW6_B
check "a namespace goes, whatever is held, IPv4" namespace_goes 192.0.2.77/24 192.0.2.99
check "a namespace goes, whatever is held, IPv6" namespace_goes 2001:db8:77::1/64 2001:db8:77::2
ktap_exit
