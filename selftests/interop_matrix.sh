#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfipsec with strongSwan, libreswan and OpenIKED (the picture is in sites-lib.sh): who begins, how they
# authenticate, the key exchange, the cipher, a NAT between them or none, IPv4 and IPv6 outside, such that
# any two of these choices meet in a row (tools/pairs.py). In each row UDP flows both ways while either end
# rekeys every few seconds, at times both at once, and no packet is lost.
#
# The table is short in `make check`. NFIPSEC_INTEROP=long: more of everything and for longer;
# NFIPSEC_INTEROP="libreswan we psk modp2048 cbc none 4 ..." is that row alone.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/natt-lib.sh"
. "$(dirname "$0")/peers-lib.sh"
. "$(dirname "$0")/libreswan-lib.sh"
. "$(dirname "$0")/openiked-lib.sh"

seconds=8
FACTORS="
peer strongswan libreswan openiked
begins we they
auth psk ec256
group x25519 modp2048 ecp384
cipher gcm cbc
nat none nat
outer 4 6
"
LONG="
peer strongswan libreswan openiked
begins we they
auth psk rsa ec256 ec384
group x25519 modp2048 modp3072 ecp256 ecp384 ecp521
cipher gcm gcm256 cbc cbc512 chacha
nat none nat
outer 4 6
"
# The NAT is of IPv4. OpenIKED has PF_KEY, by which Linux knows no AEAD, and takes an SA for packets
# of no other family than its own addresses are (openiked.sh has IPv6 in IPv6).
NEVER="
not nat=nat outer=6
not peer=openiked outer=6
not peer=openiked cipher=gcm
not peer=openiked cipher=gcm256
not peer=openiked cipher=chacha
"
case ${NFIPSEC_INTEROP:-} in
long) FACTORS=$LONG seconds=20 ;;
esac

# the words of a row to both proposals
proposals()	# GROUP CIPHER
{
	local hash=sha256

	case $1 in
	ecp384) hash=sha384 ;;
	ecp521) hash=sha512 ;;
	esac
	case $2 in
	gcm) ike=aes128gcm16-prf$hash-$1 esp=aes128gcm16 ;;
	gcm256) ike=aes256gcm16-prf$hash-$1 esp=aes256gcm16 ;;
	cbc) ike=aes128-$hash-$1 esp=aes128-sha384-$1 ;;
	cbc512) ike=aes256-sha512-$1 esp=aes256-sha512 ;;
	chacha) ike=chacha20poly1305-prf$hash-$1 esp=chacha20poly1305 ;;
	esac
}

# by which addresses the ends know each other
ends()	# NAT OUTER
{
	outer=$2 at_there='' seen_here='' seen_there=''
	[ "$1" = nat ] || return
	# the one who begins is behind the NAT of the other
	at_there=$BRANCH
	seen_here=$BRANCH seen_there=$ISP_B
	[ "$begins" = we ] || seen_here=$ISP_A seen_there=$GW_A
}

flow()	# NETNS TO PORT NAME
{
	ip netns exec "$1" iperf3 -u -b 400k -l 800 -c "$2" -p "$3" -t "$seconds" -J \
		--connect-timeout 20000 >"$WORK/$4" 2>&1
}

# datagrams that came and found no room, since iperf3 got no CPU to read them
unread()
{
	local ns

	for ns in site-a site-b; do
		ip netns exec $ns awk '/^Udp: [0-9]/ { print $6 }' /proc/net/snmp
	done | awk '{ n += $1 } END { print n + 0 }'
}

# of both flows
total() { jq -s "map(.end.sum.$1) | add" "$WORK/there.json" "$WORK/back.json"; }

# who has commands for it rekeys once a second, both kinds; at times together with us
they_rekey()
{
	local end=$((SECONDS + seconds - 1)) n=0

	while [ $SECONDS -lt $end ]; do
		case $((n++ % 3)) in
		2) there rekey_ike >"$WORK/command" 2>&1 ;;
		*) there rekey >"$WORK/command" 2>&1 ;;
		esac
		sleep 1
	done
}

lost_elsewhere() { echo $(($(lost_by_peer) + $(unread))); }

# flowed BEFORE WORDS: of what flowed nothing is lost but by the peer
flowed()
{
	local lost packets excused=$(($(lost_elsewhere) - $1))

	packets=$(total packets) lost=$(total lost_packets)
	# of which some are lost at rekeyings that no counter of its kernel tells of
	[ "$peer" != openiked ] || excused=$((excused + packets / 200))
	note "${*:2} : $packets packets, $lost lost, $excused by the peer or not read ($(unread)); $(rekeys) times up"
	[[ $packets =~ ^[0-9]+$ && $lost =~ ^-?[0-9]+$ ]] ||
		because "iperf3: $(jq -r .error "$WORK/there.json" "$WORK/back.json" | xargs)" || return
	so test "$packets" -gt $((seconds * 50)) && so test "$lost" -le "$excused" && so test "$excused" -le $((packets / 10))
}

rekeys() { grep -c 'CHILD SA.*up\|rekeyed' "$WORK/daemon"; }

four_sas_here() { test "$(sas)" = 4; }

# With libreswan there are two pairs now and then, after both ends have rekeyed in the same moment. Which of
# them is one too many is closed from here after ten seconds, if the peer does not rekey it before that.
one_pair_is_left()
{
	so wait_for 20 two_sas_here && return
	[ "$peer" = libreswan ] && so wait_for 20 four_sas_here && note "libreswan keeps two pairs"
}

# a check is a subshell, so what it started is in a file
last_stop()
{
	local peer

	[ -s "$WORK/last-peer" ] || return 0
	read -r peer <"$WORK/last-peer"
	both_stop
}

row()
{
	local begins=$2 nat=$6 before

	# the row before had another peer, maybe
	so last_stop || return
	peer=$1 auth=$3
	echo "$peer" >"$WORK/last-peer"
	proposals "$4" "$5"
	ends "$nat" "$7"
	# half of a life is left when it is renewed: time for any of the groups
	start=manual life=8 ike_life=12
	both_start || return
	if [ "$begins" = we ]; then
		so nf up branch >"$WORK/up" 2>&1 || { cat "$WORK/up"; told; return 1; }
	else
		so there initiate >"$WORK/initiate" 2>&1 || { told; return 1; }
	fi
	so wait_for 20 up_here_and_there && so pings || told || return
	in_site_b iperf3 -s -D -p 5201 -I "$WORK/iperf3-b.pid" >"$WORK/iperf3" 2>&1
	in_site_a iperf3 -s -D -p 5202 -I "$WORK/iperf3-a.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens site-b 5201 && wait_for 10 listens site-a 5202 || return
	before=$(lost_elsewhere)
	started there flow site-a $SITE_B 5201 there.json
	started back flow site-b $SITE_A 5202 back.json
	they_rekey
	so wait_for 60 ended there && so wait_for 60 ended back
	kill "$(cat "$WORK/iperf3-a.pid")" "$(cat "$WORK/iperf3-b.pid")"
	flowed "$before" "$@" && no_drops && one_pair_is_left || told || return
	# libreswan initiates again an SA that it initiated and we delete
	if [ "$begins" = we ]; then nf down branch; else there delete; fi >"$WORK/command" 2>&1
	so wait_for 20 no_esp || told
}

rows=$(printf '%s\n' "$FACTORS" "$NEVER" | "$TOOLS/pairs.py" 2>"$WORK/pairs" | sort -s -r -k6,6)
case ${NFIPSEC_INTEROP:-long} in
long) ;;
*) rows=$NFIPSEC_INTEROP ;;
esac
nat_is_there=no
ktap_plan "$(wc -l <<<"$rows")"
sites_begin
on_exit modules_again
sites_ipv6 || bail "IPv6 does not come up"
note "$(cat "$WORK/pairs")"
peers_pki rsa ec256 ec384 >"$WORK/pki.log" 2>&1 || bail "no certificates"
for peer in strongswan libreswan openiked; do note "$(there version)"; done
while read -r words; do
	if [[ $words == *" nat "* && $nat_is_there = no ]]; then
		last_stop
		nat_up || bail "the NAT does not come up"
		nat_is_there=yes
	fi
	# shellcheck disable=SC2086
	check "$words" row $words </dev/null
done <<<"$rows"
last_stop
ktap_exit
