#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What senders have of their packets, whoever they are: the slot of a ring, an error queue. A
# user in a namespace of his own can have all of it.
#
#	 one namespace, "sender"
#	+-------------------------------------------------+
#	| vrf0: v0 10.1.0.1, fd01::1 ... v1               |
#	|       d0 192.0.2.1, the way to the peer         |
#	+-------------------------------------------------+

. "$(dirname "$0")/lib.sh"
NFIPSEC=$NFIPSEC_BIN/nfipsec
WORK=$(mktemp -d /tmp/nfipsec-test.XXXXXX)
on_exit "rm -rf $WORK"

in_sender() { ip netns exec sender "$@"; }

sender_up()
{
	netns_add sender || return
	in_sender sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.default.accept_dad=0
	ip -n sender link add vrf0 type vrf table 10 || ktap_skip_all VRF
	ip -n sender link add v0 type veth peer name v1 &&
		ip -n sender link add d0 type dummy &&
		ip -n sender link set v0 master vrf0 || return
	for device in vrf0 v0 v1 d0; do ip -n sender link set $device up || return; done
	ip -n sender addr add 10.1.0.1/24 dev v0 &&
		ip -n sender addr add fd01::1/64 dev v0 nodad &&
		ip -n sender addr add 192.0.2.1/24 dev d0 &&
		ip -n sender route add 10.2.0.0/24 via 10.1.0.2 table 10 &&
		ip -n sender route add fd02::/64 via fd01::2 table 10 &&
		ip -n sender route add 10.3.0.0/24 via 192.0.2.2 &&
		ip -n sender addr add fd03::1/64 dev d0 nodad &&
		ip -n sender neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent &&
		ip -n sender neigh add fd01::2 lladdr 02:00:00:00:00:02 dev v0 nud permanent &&
		ip -n sender neigh add fd03::2 lladdr 02:00:00:00:00:03 dev d0 nud permanent &&
		ip -n sender neigh add 192.0.2.2 lladdr 02:00:00:00:00:03 dev d0 nud permanent
}

policy_load()
{
	cat >"$WORK/nfipsec.conf" <<-END
		access-list branch {
			10 protect ip from 10.1.0.0/24 to 10.2.0.0/24
			20 protect ip from fd01::/64 to fd02::/64
			30 protect ip from any to 10.3.0.0/24
			40 protect ip from any to fd03::2
		}
		peer branch {
			local address 192.0.2.1
			remote address 192.0.2.2
			auth psk
			ike aes128gcm16-prfsha256-x25519
			tunnel lan {
				access-list branch
				esp aes128gcm16
				start manual
			}
		}
	END
	(umask 077 && echo 'psk 192.0.2.1 192.0.2.2 "correct horse battery staple"' >"$WORK/secrets")
	in_sender "$NFIPSEC" load --no-daemon "$WORK/nfipsec.conf"
}

sa_add()
{
	in_sender "$NFIPSEC" sa flush && in_sender "$NFIPSEC" sa add out proto esp mode tunnel \
		tunnel branch/lan spi 0x1001 local 192.0.2.1 remote 192.0.2.2 encr aes128gcm16 \
		key 0x000102030405060708090a0b0c0d0e0ff0f1f2f3
}

stat() { in_sender "$NFIPSEC" show stats --json | jq -r ".stats.$1"; }

# one of the ring goes through the tunnel, and its slot comes back
ring_sends()
{
	local before

	before=$(stat out_packets)
	so in_sender "$SELFTESTS/tools/ring.py" vrf0 "$1" "$2" && so test "$(stat out_packets)" = $((before + 1))
}

# the same while there is no SA: the slot need not wait for one
ring_held()
{
	local before

	in_sender "$NFIPSEC" sa flush
	before=$(stat held)
	so in_sender "$SELFTESTS/tools/ring.py" vrf0 "$1" "$2" && so test "$(stat held)" = $((before + 1)) &&
		so sa_add
}

error_queue()
{
	local pid

	mkfifo "$WORK/keep" || return
	in_sender "$SELFTESTS/tools/errqueue.py" "$1" <"$WORK/keep" >"$WORK/kept" 2>&1 &
	pid=$!
	exec 6>"$WORK/keep"
	rm "$WORK/keep"
	wait_for 20 grep -q kept "$WORK/kept" || { cat "$WORK/kept"; return 1; }
	so in_sender "$NFIPSEC" unload || return
	# without any policy: the packet alone keeps the module
	so fails unload_module
	exec 6>&-
	wait $pid
	so wait_for 20 unload_module && so load_module && so policy_load && so sa_add
}

ktap_plan 6
on_exit unload_module
load_module
sender_up
policy_load
sa_add
check "a ring of AF_PACKET through a tunnel, IPv4" ring_sends 10.1.0.5 10.2.0.10
check "a ring of AF_PACKET through a tunnel, IPv6" ring_sends fd01::5 fd02::10
check "a ring's packet is held, its slot is not, IPv4" ring_held 10.1.0.5 10.2.0.10
check "a ring's packet is held, its slot is not, IPv6" ring_held fd01::5 fd02::10
check "a packet in an error queue keeps the module, IPv4" error_queue 10.3.0.1
check "a packet in an error queue keeps the module, IPv6" error_queue fd03::2
in_sender "$NFIPSEC" unload
ip netns del sender
ktap_exit
