#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Manual SAs, no IKE: nfipsec in one gateway, and in the other the kernel's own
# xfrm with the same keys typed in (the picture is in sites-lib.sh). What one
# makes the other must open, right to the byte, or it is dropped and counted.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

SPI_OUT=0x1001 SPI_IN=0x2002
KEY16=0x000102030405060708090a0b0c0d0e0f
KEY32=${KEY16}101112131415161718191a1b1c1d1e1f
HMAC=0xa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf
SALT=f0f1f2f3

# name, then the algorithms as nfipsec and as ip xfrm have them
SUITES="
aes128gcm16	encr aes128gcm16 key $KEY16$SALT		aead rfc4106(gcm(aes)) $KEY16$SALT 128
aes256gcm16	encr aes256gcm16 key $KEY32$SALT		aead rfc4106(gcm(aes)) $KEY32$SALT 128
aes128-sha256	encr aes128 key $KEY16 integ sha256 integ-key $HMAC	enc cbc(aes) $KEY16 auth-trunc hmac(sha256) $HMAC 128
aes256-sha256	encr aes256 key $KEY32 integ sha256 integ-key $HMAC	enc cbc(aes) $KEY32 auth-trunc hmac(sha256) $HMAC 128
"

# sa_here DIRECTION SPI WORDS...
sa_here()
{
	in_gw_a "$NFIPSEC" sa add "$1" tunnel branch/lan spi "$2" local $GW_A remote $GW_B "${@:3}"
}

# sa_there SOURCE DESTINATION SPI WORDS...
sa_there()
{
	ip -n gw-b xfrm state add src "$1" dst "$2" proto esp spi "$3" mode tunnel replay-window 64 "${@:4}"
}

# our words and xfrm's, each one string
sas_add()
{
	local ours theirs

	read -ra ours <<<"$1"
	read -ra theirs <<<"$2"
	sa_here out $SPI_OUT "${ours[@]}" && sa_here in $SPI_IN "${ours[@]}" &&
		sa_there $GW_A $GW_B $SPI_OUT "${theirs[@]}" && sa_there $GW_B $GW_A $SPI_IN "${theirs[@]}" &&
		two_sas_here && sas_there
}

policies_there()
{
	ip -n gw-b xfrm policy add src $NET_B dst $NET_A dir out tmpl src $GW_B dst $GW_A proto esp mode tunnel &&
		ip -n gw-b xfrm policy add src $NET_A dst $NET_B dir fwd tmpl src $GW_A dst $GW_B proto esp mode tunnel &&
		ip -n gw-b xfrm policy add src $NET_A dst $NET_B dir in tmpl src $GW_A dst $GW_B proto esp mode tunnel
}

sas_flush()
{
	in_gw_a "$NFIPSEC" sa flush && ip -n gw-b xfrm state flush
}

# what xfrm has to complain about, every counter that is not 0
xfrm_errors() { ip netns exec gw-b awk '$2 != 0' /proc/net/xfrm_stat; }

clean()
{
	local errors

	no_drops || return
	errors=$(xfrm_errors)
	test -z "$errors" || note "xfrm: $errors"
	test "$errors" = "$(cat "$WORK/xfrm-errors")"
}

pings()
{
	local size

	for size in 0 1 2 3 64 1400 4000 9000; do
		in_site_a ping -n -q -c 2 -i 0.02 -W 10 -s $size $SITE_B >"$WORK/ping" ||
			{ note "size $size"; return 1; }
	done
	clean
}

# transfer FROM TO ADDRESS: half a megabyte, the same at the end
transfer()
{
	rm -f "$WORK/received"
	started receive ip netns exec "$2" socat -u TCP-LISTEN:7000 "CREATE:$WORK/received"
	wait_for 10 listens "$2" 7000 &&
		ip netns exec "$1" socat -u "FILE:$WORK/sent" "TCP:$3:7000" &&
		wait_for 20 ended receive && cmp "$WORK/sent" "$WORK/received"
}

tcp_both_ways()
{
	transfer site-a site-b $SITE_B && transfer site-b site-a $SITE_A && clean
}

counters()
{
	local packets

	packets=$(in_gw_a "$NFIPSEC" show sas --json | jq '[.sas[].packets] | min')
	note "$packets packets at least in each SA"
	test "$packets" -gt 10
}

ktap_plan 28
sites_begin
head -c 524288 /dev/urandom >"$WORK/sent"
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" manual
policies_there || bail "xfrm takes no policy"
in_gw_a "$NFIPSEC" load --no-daemon "$CONF" >"$WORK/load" 2>&1 || bail "the policy does not load: $(cat "$WORK/load")"
xfrm_errors >"$WORK/xfrm-errors"
while IFS=$'\t' read -r name ours theirs; do
	test -n "$name" || continue
	for esn in "" esn; do
		mark_stats
		check "$name${esn:+ $esn}: the SAs are taken" \
			sas_add "$ours${esn:+ esn}" "$theirs${esn:+ flag esn}"
		check "$name${esn:+ $esn}: ping of many sizes" pings
		check "$name${esn:+ $esn}: TCP both ways" tcp_both_ways
		test -n "$esn" || check "$name: the SAs have counted" counters
		sas_flush
	done
done < <(tr -s '\t' <<<"$SUITES")
ktap_exit
