#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that come before their SA. The daemon installs no SA before its peer is authenticated:
# a stranger who answers IKE_SA_INIT in the peer's place gets nothing in. The module queues ESP and
# AH with an announced SPI, within bounds, and opens the packets when the SA is installed (the
# picture is in sites-lib.sh; gw-b has strongSwan, the stranger, or xfrm with the same keys).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

MEBI=1048576
PORT=9999

# ---- who announces, sends, and receives ----

announcer_start()
{
	local ready

	resident announcer 6 7 ip netns exec "${1:-gw-a}" "$TOOLS/await.py" &&
		read -r -t $((20 * NFIPSEC_TIME_FACTOR)) ready <&7 && test "$ready" = ready
}

announcer_stop() { stopped announcer TERM; rm -f "$WORK/announcer.to" "$WORK/announcer.from"; }

# announce ANSWER WORDS...: what the module answers
announce()
{
	local answer=

	echo "${*:2}" >&6
	read -r -t $((60 * NFIPSEC_TIME_FACTOR)) answer <&7
	test "$answer" = "$1" || because "${*:2}: $answer, expected $1"
}

# receiver NETNS [FAMILY]: all that comes to PORT, a line each, in $WORK/received
receiver()
{
	rm -f "$WORK/received"
	started receiver ip netns exec "$1" socat -u "UDP${2:-4}-RECV:$PORT" "CREATE:$WORK/received" \
		>"$WORK/receiver" 2>&1
	wait_for 10 receives "$1" $PORT
}

receives() { ip netns exec "$1" ss -Hlun "sport = :$2" | grep -q .; }

# numbers NETNS ADDRESS FIRST LAST: a datagram with a line for each number
numbers()
{
	ip netns exec "$1" python3 - "${@:2}" $PORT <<-'END'
		import socket, sys
		address, first, last, port = sys.argv[1], *map(int, sys.argv[2:])
		with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
		    for n in range(first, last + 1):
		        s.sendto(b"%d\n" % n, (address, port))
	END
}

# esp COUNT SIZE SPI...: to gw-a, nothing that any key opens
esp()
{
	ip netns exec gw-b python3 - ${TO:-$GW_A} "$@" <<-'END'
		import socket, struct, sys
		address, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		with socket.socket(socket.AF_INET, socket.SOCK_RAW, 50) as s:
		    for n in range(1, count + 1):
		        for spi in sys.argv[4:]:
		            s.sendto(struct.pack("!II", int(spi, 0), n).ljust(size, b"x"), (address, 0))
	END
}

stat_is() { test "$(stat "$1")" = "$2"; }
stats_are() { so stat_is "$1" "$2" || because "$(counted | tr '\n' ';')"; }

# ---- a stranger ----

has_sa() { in_gw_a "$NFIPSEC" show sas | grep -i "$1"; }
stranger_done() { test -s "$WORK/stranger" && ended stranger; }

# the daemon begins, and the stranger is whom it finds at the peer's address
stranger_gets_nothing()
{
	local spi

	mark_stats
	receiver site-a || return
	started stranger ip netns exec gw-b "$TOOLS/stranger.py" $GW_B 50 $SITE_B $SITE_A $PORT \
		>"$WORK/stranger" 2>"$WORK/stranger.err"
	wait_for 10 receives gw-b 500 || return
	daemon_start || return
	wait_for 60 stranger_done || because "$(cat "$WORK/stranger.err")" || return
	spi=$(cat "$WORK/stranger")
	sleep 1
	note "SPI $spi, $(counted | tr '\n' ';')"
	so fails has_sa "$spi" && so test ! -s "$WORK/received" && stats_are in_packets 0 &&
		stats_are in_held 50 || return
	# The module drops the packets of the stranger when the negotiation ends.
	daemon_stop && stats_are in_held_aged 50
}

first_start()
{
	nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" at-load
	stranger_gets_nothing
}

# the tunnel is up, the daemon dies, and only its successor meets the stranger
after_a_restart()
{
	swan_conf aes128gcm16-prfsha256-x25519 aes128gcm16
	swan_start && daemon_start && wait_for 20 two_sas_here || return
	# The receiver works: it gets a packet of the real peer.
	receiver site-a && numbers site-b $SITE_A 1 1 && so wait_for 5 grep -qx 1 "$WORK/received" &&
		stopped receiver TERM || return
	daemon_kill && swan_kill && stranger_gets_nothing
}

# ---- a peer ----

# early FAMILY PROTOCOL [ENCAP]: the peer sends before its SA is installed here, and after
early()
{
	local to=$SITE_A spi=$SPI_IN suite=aes128gcm16 what

	PROTO=$2 ENCAP=$3
	place_set "tunnel:${1}in$1"
	[ "$1" = 4 ] || to=$SITE6_A
	[ "$PROTO" != ah ] || suite=sha256
	policy_unload && tunnel_load || return
	suite_write $suite
	what=$(grep 'sa add in' "$HERE")
	sed -i '/sa add in/d' "$HERE" && typed_in && receiver site-a "$1" && mark_stats || return
	announce ok await "$PROTO" "$spi" "$OUTER_A" || return
	numbers site-b $to 1 40
	so wait_for 5 stat_is in_held 40 || because "$(counted | tr '\n' ';')" || return
	so test ! -s "$WORK/received" || return
	echo "$what" >"$HERE" && : >"$THERE" && typed_in || return
	numbers site-b $to 41 60
	wait_for 5 grep -qx 60 "$WORK/received"
	so cmp "$WORK/received" <(seq 60) || because "received: $(tr '\n' ' ' <"$WORK/received")" || return
	stats_are in_packets 60 && stats_are in_held_aged 0 && stats_are in_unknown_spi 0 &&
		so announce EEXIST await "$PROTO" "$spi" "$OUTER_A"
}

# every check that other packets meet: what comes twice is opened once, and what is forged never
checked()
{
	place_set tunnel:4in4
	PROTO=esp ENCAP=
	policy_unload && tunnel_load && suite_write aes128gcm16 && receiver site-a && mark_stats || return
	announce ok await esp $SPI_IN $GW_A || return
	capture_start gw-b wan "esp" -x || return
	sed '/sa add in/d' "$HERE" >"$WORK/without" && sed -n '/sa add in/p' "$HERE" >"$WORK/with"
	cp "$WORK/without" "$HERE" && typed_in && numbers site-b $SITE_A 1 1 || return
	esp 2 64 $SPI_IN
	so wait_for 5 stat_is in_held 3 || return
	capture_stop
	cp "$WORK/with" "$HERE" && : >"$THERE" && typed_in || return
	wait_for 5 grep -qx 1 "$WORK/received" || because "nothing is received" || return
	# sequence number 1 of the forged packets is a replay, and the ICV of number 2 is wrong
	stats_are in_packets 1 && stats_are in_replay 1 && stats_are in_bad_icv 1
}

# ---- bounds ----

queue_begin()
{
	policy_unload
	place_set tunnel:4in4
	PROTO=esp ENCAP=
	tunnel_load && mark_stats
}

packets()
{
	queue_begin && announce ok await esp 0x5000 $GW_A && esp 600 64 0x5000 && stats_are in_held 512 &&
		stats_are in_held_overflow 88 && stats_are in_unknown_spi 0
}

octets()
{
	local held

	queue_begin && announce ok await esp 0x5000 $GW_A && esp 40 60000 0x5000 || return
	held=$(stat in_held)
	note "queued $held of 40, $(counted | tr '\n' ';')"
	so test "$held" -ge 4 && so test $((held * 60000)) -le $MEBI && stats_are in_held_overflow $((40 - held))
}

octets_of_all()
{
	local held i

	queue_begin || return
	for i in $(seq 20); do announce ok await esp $((0x5000 + i)) $GW_A || return; done
	# shellcheck disable=SC2046	# a word each
	esp 15 60000 $(seq $((0x5001)) $((0x5000 + 20))) || return
	held=$(stat in_held)
	note "queued $held of 300, $(counted | tr '\n' ';')"
	so test "$held" -ge 40 && so test $((held * 60000)) -le $((8 * MEBI)) &&
		stats_are in_held_overflow $((300 - held)) || return
	# another SPI has its share nevertheless
	announce ok await esp 0x6000 $GW_A && esp 1 1000 0x6000 && stats_are in_held $((held + 1)) &&
		announce ok forget esp 0x6000 $GW_A || return
	# all is given back: as many fit once more
	for i in $(seq 20); do announce ok forget esp $((0x5000 + i)) $GW_A || return; done
	stats_are in_held_aged $((held + 1)) && announce ok await esp 0x5000 $GW_A && mark_stats && esp 4 60000 0x5000 &&
		stats_are in_held 4
}

# a packet of UDP GSO, with eight datagrams of ESP
segments()
{
	queue_begin && announce ok await esp 0x5000 $GW_A && ip netns exec gw-b python3 - $GW_A <<-'END' &&
		import socket, struct, sys
		UDP_SEGMENT = 103
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 64)
		    s.sendto(b"".join(struct.pack("!II", 0x5000, n).ljust(64, b"x") for n in range(8)), (sys.argv[1], 4500))
	END
		stats_are in_held 8
}

spis()
{
	queue_begin && announce ok fill 1024 $GW_A && announce ENOSPC await esp 0x5000 $GW_A &&
		announce EEXIST await esp 0x10000 $GW_A && announce ok forget esp 0x10000 $GW_A &&
		announce ENOENT forget esp 0x10000 $GW_A && announce ok await esp 0x5000 $GW_A
}

# ---- ends ----

grow_old()
{
	queue_begin && announce ok await esp 0x5000 $GW_A && esp 5 64 0x5000 && stats_are in_held 5 || return
	sleep 5
	esp 2 64 0x5000 && stats_are in_held_aged 0 || return
	so wait_for 10 stat_is in_held_aged 5 && so wait_for 10 stat_is in_held_aged 7 || return
	# the SPI is announced still
	esp 1 64 0x5000 && stats_are in_held 8 && announce ok forget esp 0x5000 $GW_A && stats_are in_held_aged 8 &&
		esp 1 64 0x5000 && stats_are in_unknown_spi 1
}

others_pass()
{
	queue_begin && announce ok await esp 0x5000 $GW_A && announce ok await ah 0x5001 $GW_A &&
		announce ok await esp 0x5002 192.0.2.77 && esp 3 64 0x5001 0x5002 0x5003 &&
		stats_are in_held 0 && stats_are in_unknown_spi 9
}

announcer_closes()
{
	queue_begin && announce ok await esp 0x5000 $GW_A && esp 5 64 0x5000 && stats_are in_held 5 || return
	announcer_stop
	so wait_for 5 stat_is in_held_aged 5 && esp 1 64 0x5000 && stats_are in_unknown_spi 1
}

device_goes()
{
	local began

	queue_begin && announce ok await esp 0x5000 192.0.2.65 || return
	ip -n gw-a link add x type veth peer name x netns gw-b &&
		ip -n gw-a addr add 192.0.2.65/30 dev x && ip -n gw-b addr add 192.0.2.66/30 dev x &&
		ip -n gw-a link set x up && ip -n gw-b link set x up || return
	TO=192.0.2.65 esp 5 64 0x5000 && stats_are in_held 5 || return
	began=$SECONDS
	so ip -n gw-a link del x || return
	so test $((SECONDS - began)) -lt $((5 * NFIPSEC_TIME_FACTOR)) && stats_are in_held_aged 0
}

policy_goes()
{
	queue_begin && announce ok await esp 0x5000 $GW_A && esp 5 64 0x5000 && stats_are in_held 5 || return
	so policy_unload && stats_are in_held_aged 5 && announce ENOENT await esp 0x5000 $GW_A
}

# without a policy nothing keeps the module, and with packets queued for another namespace neither
namespace_goes()
{
	local began

	ip netns add short && ip -n short link set lo up &&
		ip -n short link add v0 type veth peer name held-v1 netns gw-b || return
	ip -n short addr add 192.0.2.69/30 dev v0 && ip -n gw-b addr add 192.0.2.70/30 dev held-v1 &&
		ip -n short link set v0 up && ip -n gw-b link set held-v1 up || return
	place_set tunnel:4in4
	tunnel_conf && ip netns exec short "$NFIPSEC" load --no-daemon "$CONF" || return
	announcer_start short && announce ok await esp 0x5000 192.0.2.69 && TO=192.0.2.69 esp 5 64 0x5000 || return
	so test "$(ip netns exec short "$NFIPSEC" show stats --json | jq .stats.in_held)" = 5 || return
	# only the namespace's end is left to free them
	began=$SECONDS
	ip netns del short
	announcer_stop
	so wait_for 60 fails ip -n gw-b link show held-v1 || return
	note "gone after $((SECONDS - began)) s"
	so test $((SECONDS - began)) -lt $((20 * NFIPSEC_TIME_FACTOR))
}

module_goes()
{
	so policy_unload && so unload_module && so load_module
}

ktap_plan 19
sites_begin
sites_ipv6 || bail "no IPv6"
shell_start || bail "no shell in gw-a"
check "a stranger who answers IKE_SA_INIT gets no packet in" first_start
stopped receiver TERM
check "nor does he after a restart of the daemon" after_a_restart
stopped receiver TERM
xfrm_flush
announcer_start || bail "nobody announces: $(cat "$WORK/announcer.err")"
started espinudp ip netns exec gw-b "$TOOLS/espinudp.py" 4500
check "ESP of a peer that comes before its SA is delivered, in order" early 4 esp
stopped receiver TERM
check "over IPv6, too" early 6 esp
stopped receiver TERM
check "and ESP in UDP" early 4 esp 4500
stopped receiver TERM
check "ESP in UDP over IPv6" early 6 esp 4500
stopped receiver TERM
check "and AH" early 4 ah
stopped receiver TERM
check "replays and forged packets among them are not" checked
stopped receiver TERM
ip -n gw-b xfrm policy flush
check "at most 512 packets are queued for an SPI" packets
check "and at most 1 MiB" octets
check "and 8 MiB for all SPIs, with a share for each" octets_of_all
check "each datagram of a GSO packet is queued" segments
check "at most 1024 SPIs are announced" spis
check "packets are dropped after 10 s, and when the announcement ends" grow_old
check "an SPI that is not announced is left to others" others_pass
check "a device that goes does not wait for its packets" device_goes
check "a policy that goes drops them" policy_goes
check "a netlink socket that closes ends its announcements" announcer_closes
check "a namespace that goes does not wait for its packets, nor does the module" eval 'namespace_goes && module_goes'
ktap_exit
