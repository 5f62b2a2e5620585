#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bad ESP from the wire (the picture is in sites-lib.sh; gw-b only routes): what is
# short, badly padded, of the wrong kind, forged or replayed is dropped and counted
# by its cause. Whether the kernel stayed well, the runner tells.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

GCM_KEY=000102030405060708090a0b0c0d0e0f01020304
CBC_KEY=00112233445566778899aabbccddeeff
MAC_KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
SPI=0x00abcdef

# ---- ESP: one sender in gw-b, told on its stdin what to send ----

craft_args()	# gcm|cbc
{
	echo --src $GW_B --dst $GW_A --spi $SPI --inner-src $SITE_B --inner-dst 10.1.0.1
	case $1 in
	gcm) echo --key $GCM_KEY ;;
	gcm-esn) echo --key $GCM_KEY --esn ;;
	gcm-udp) echo --key $GCM_KEY --udp ;;
	cbc) echo --key $CBC_KEY --mac-key $MAC_KEY ;;
	esac
}

# descriptors 7 and 8 are its stdin and stdout
craft_start()
{
	mkfifo "$WORK/to" "$WORK/from" && exec 7<>"$WORK/to" 8<>"$WORK/from" || return
	# shellcheck disable=SC2046 # options
	ip netns exec gw-b /usr/bin/python3 "$TOOLS/esp-craft.py" $(craft_args "$1") \
		<"$WORK/to" >"$WORK/from" 2>"$WORK/craft" 3>&- 7>&- 8<&- &
	echo $! >"$WORK/craft.pid"
}

craft_stop()
{
	stopped craft TERM
	exec 7>&- 8<&-
	rm -f "$WORK/to" "$WORK/from"
}

craft()	# KIND[:SEQ]...
{
	local answer

	mark_stats
	echo "$*" >&7
	read -r -t $((30 * NFIPSEC_TIME_FACTOR)) answer <&8 && test "$answer" = sent && return
	note "esp-craft: $(cat "$WORK/craft")"
	return 1
}

# becomes COUNTER KIND...: each of the packets ends in this counter and in no other;
# with none, they are not for us to count
becomes()
{
	local counter=$1 expected

	shift
	expected=${counter:+$counter $#}
	craft "$@" || return
	wait_for 20 counted_are "$expected" && return
	note "$*: $(counted | tr '\n' ';')"
	return 1
}

counted_are() { test "$(counted)" = "$1"; }

sa_up()	# gcm|cbc|gcm-esn|gcm-udp
{
	local alg

	case $1 in
	gcm) alg="encr aes128gcm16 key 0x$GCM_KEY" ;;
	gcm-esn) alg="encr aes128gcm16 key 0x$GCM_KEY esn" ;;
	gcm-udp) alg="encr aes128gcm16 key 0x$GCM_KEY encap-local 4500 encap-remote 4500" ;;
	cbc) alg="encr aes128 key 0x$CBC_KEY integ sha256 integ-key 0x$MAC_KEY" ;;
	esac
	in_gw_a "$NFIPSEC" sa flush >"$WORK/flush" &&
		in_gw_a "$NFIPSEC" sa add in spi $SPI tunnel branch/lan local $GW_A remote $GW_B \
			src $NET_B dst $NET_A $alg
}

good() { becomes in_packets good:1 good:2 good:40; }
short() { becomes in_too_short header_only short && becomes '' half_header; }
unaligned() { becomes in_not_aligned unaligned; }
forged() { becomes in_bad_icv bad_icv bad_cipher_text wrong_key random_body; }
padding() { becomes in_bad_padding bad_pad_bytes pad_too_long; }
next_header() { becomes in_bad_next_header next_header_udp next_header_255; }
dummy() { becomes in_dummy dummy; }
selector() { becomes in_selector selector; }

inner()
{
	becomes in_bad_inner inner_ipv6_as_ipv4 inner_ihl_long inner_ihl_short \
		inner_longer_than_packet inner_empty inner_truncated inner_bad_checksum
}

other_spi() { becomes in_unknown_spi other_spi; }

# the window is 1024 packets wide: RFC 4303 3.4.3
replay()
{
	becomes in_packets good:100 && becomes in_replay good:100 good:40 && becomes in_packets good:99 &&
		becomes in_packets good:5000 && becomes in_replay_late good:3976 good:100 &&
		becomes in_packets good:3977 && becomes in_replay good:3977
}

# what is not authentic moves no window
forged_does_not_advance()
{
	becomes in_bad_icv bad_icv:900000 && becomes in_packets good:4900 && becomes in_packets good:5001
}

extended_sequence()
{
	becomes in_packets good:0xfffffff0 && becomes in_packets good:0x100000005 &&
		becomes in_replay good:0x100000005 && becomes in_packets good:0xfffffff5
}

# GRO and GSO go by ports, not by SAs: what is not for the SA goes its way alone
batch()
{
	craft batch good:60 good:61 bad_icv:62 other_spi:63 good:60 good:64 || return
	wait_for 20 counted_are "in_packets 3
in_replay 1
in_bad_icv 1" && return
	note "$(counted | tr '\n' ';')"
	return 1
}

# and what begins with somebody else's may go on with ours
mixed_batch()
{
	craft batch other_spi:70 good:71 good:72 && wait_for 5 counted_are "in_packets 2" && return
	note "$(counted | tr '\n' ';')"
	return 1
}

# the MSS is lowered, also where the outer checksum was left to a device
syn_in_udp()
{
	# whose tunnel knows its MTU
	in_gw_a "$NFIPSEC" sa add out spi 0x1001 tunnel branch/lan local $GW_A remote $GW_B encr aes128gcm16 \
		key 0x$GCM_KEY encap-local 4500 encap-remote 4500 || return
	capture_start site-a lan "tcp" -vv && craft syn:80 && wait_for 5 grep -q 'mss' "$WORK/wire" || return
	capture_stop
	grep -E 'cksum 0x[0-9a-f]+ \(correct\).*mss 1[0-9]+' "$WORK/wire" && return
	cat "$WORK/wire"
	return 1
}

fuzz()
{
	mark_stats
	# shellcheck disable=SC2046 # options
	in_gw_b /usr/bin/python3 "$TOOLS/esp-craft.py" $(craft_args "$1") --fuzz 400 --start 6000 >"$WORK/fuzz" 2>&1 || return
	wait_for 20 all_counted 400
	note "$(counted | tr '\n' ';')"
	all_counted 400 && test "$(stat in_packets)" = 0 && test "$(stat in_bad_icv)" -gt 50
}

all_counted() { test "$(counted | awk '{ n += $2 } END { print n + 0 }')" = "$1"; }

esp()	# gcm|cbc
{
	craft_start "$1"
	check "$1: good packets are taken" good
	check "$1: short" short
	case $1 in
	cbc) check "$1: not whole blocks" unaligned ;;
	*) check "$1: not aligned" unaligned ;;
	esac
	check "$1: forged" forged
	check "$1: bad padding" padding
	check "$1: wrong next header" next_header
	check "$1: a dummy is dropped in silence" dummy
	check "$1: bad inner packets" inner
	check "$1: an inner packet outside of the selectors" selector
	check "$1: an SPI of nobody is left to others" other_spi
	check "$1: replayed and late" replay
	check "$1: a forged number moves no window" forged_does_not_advance
	craft_stop
	check "$1: 400 packets with flipped and missing octets" fuzz "$1"
}

ktap_plan 33
sites_begin
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16
in_gw_a "$NFIPSEC" load --no-daemon "$CONF" || bail "the policy does not load"
for cipher in gcm cbc; do
	sa_up $cipher || bail "no manual SA"
	esp $cipher
done
sa_up gcm-esn || bail "no manual SA"
craft_start gcm-esn
check "extended sequence numbers go on after 2^32" extended_sequence
craft_stop
sa_up gcm-udp || bail "no manual SA"
craft_start gcm-udp
check "in UDP: good packets are taken" good
check "in UDP: forged" forged
check "in UDP: a batch is taken apart" batch
check "in UDP: a batch of many" mixed_batch
check "in UDP: a SYN has its checksum right" syn_in_udp
craft_stop
check "in UDP: 400 packets with flipped and missing octets" fuzz gcm-udp
in_gw_a "$NFIPSEC" sa flush >"$WORK/flush"
ktap_exit
