#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Manual SAs, no IKE: nfipsec in one gateway, and in the other the kernel's own
# xfrm with the same keys typed in (the picture is in sites-lib.sh). What one
# makes the other must open, right to the byte, or it is dropped and counted.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

SPI_OUT=0x1001 SPI_IN=0x2002
KEY8=0123456789abcdef
KEY16=000102030405060708090a0b0c0d0e0f
KEY24=${KEY16}1011121314151617
KEY32=${KEY16}101112131415161718191a1b1c1d1e1f
KEY48=$KEY32$KEY16
KEY64=$KEY32$KEY32
SALT=f0f1f2f3

# encryption and its key, as nfipsec and as ip xfrm name them, with the integrity that AEADs bring
encr_words()
{
	local bits key

	case $1 in
	aes*|camellia*)
		bits=${1#aes} bits=${bits#camellia} bits=${bits:0:3}
		case $bits in 128) key=$KEY16 ;; 192) key=$KEY24 ;; 256) key=$KEY32 ;; esac
		;;
	esac
	case $1 in
	aes*gcm*)  echo "$key$SALT aead rfc4106(gcm(aes)) 0x$key$SALT $((${1#*gcm} * 8))" ;;
	aes*ccm*)  echo "$key${SALT:0:6} aead rfc4309(ccm(aes)) 0x$key${SALT:0:6} $((${1#*ccm} * 8))" ;;
	aes*gmac)  echo "$key$SALT aead rfc4543(gcm(aes)) 0x$key$SALT 128" ;;
	aes*ctr)   echo "$key$SALT enc rfc3686(ctr(aes)) 0x$key$SALT" ;;
	aes*)      echo "$key enc cbc(aes) 0x$key" ;;
	camellia*) echo "$key enc cbc(camellia) 0x$key" ;;
	chacha20poly1305) echo "$KEY32$SALT aead rfc7539esp(chacha20,poly1305) 0x$KEY32$SALT 128" ;;
	3des)      echo "$KEY24 enc cbc(des3_ede) 0x$KEY24" ;;
	des)       echo "$KEY8 enc cbc(des) 0x$KEY8" ;;
	null)      echo "- enc ecb(cipher_null) EMPTY" ;;
	esac
}

integ_words()
{
	case $1 in
	md5)      echo "$KEY16 auth-trunc hmac(md5) 0x$KEY16 96" ;;
	sha1)     echo "$KEY16$SALT auth-trunc hmac(sha1) 0x$KEY16$SALT 96" ;;
	aesxcbc)  echo "$KEY16 auth-trunc xcbc(aes) 0x$KEY16 96" ;;
	aescmac)  echo "$KEY16 auth-trunc cmac(aes) 0x$KEY16 96" ;;
	sha256)   echo "$KEY32 auth-trunc hmac(sha256) 0x$KEY32 128" ;;
	sha384)   echo "$KEY48 auth-trunc hmac(sha384) 0x$KEY48 192" ;;
	sha512)   echo "$KEY64 auth-trunc hmac(sha512) 0x$KEY64 256" ;;
	esac
}

# each algorithm once at least, each length of key and ICV
SUITES="
aes128gcm16 aes192gcm12 aes256gcm8 aes256gcm16
aes128ccm16 aes192ccm12 aes256ccm8
chacha20poly1305 aes128gmac aes256gmac
aes128-sha256 aes192-sha384 aes256-sha512
aes128ctr-sha256 aes256ctr-sha1
camellia128-aesxcbc camellia256-aescmac
3des-sha1 des-md5 null-sha256
"

# a kernel that is slow looks for other mistakes: each way through the code once
[ "$NFIPSEC_TIME_FACTOR" = 1 ] || SUITES="
aes256gcm16 aes192ccm12 chacha20poly1305 aes128gmac
aes256-sha512 camellia256-aescmac des-md5 null-sha256
"

# sa_here DIRECTION SPI WORDS...
sa_here()
{
	in_gw_a "$NFIPSEC" sa add "$1" tunnel branch/lan spi "$2" local $GW_A remote $GW_B "${@:3}"
}

# sa_there SOURCE DESTINATION SPI WORDS...
sa_there()
{
	ip -n gw-b xfrm state add src "$1" dst "$2" proto esp spi "$3" mode tunnel replay-window 1024 "${@:4}"
}

# suite_add SUITE [ESN]: both SAs on both sides
suite_add()
{
	local encr=${1%-*} integ= key ours theirs

	[ "$encr" = "$1" ] || integ=${1#*-}
	read -r key theirs <<<"$(encr_words "$encr")"
	ours=(encr "$encr")
	[ "$key" = - ] || ours+=(key "0x$key")
	if [ -n "$integ" ]; then
		ours+=(integ "$integ" integ-key "0x$(integ_words "$integ" | cut -d' ' -f1)")
		theirs+=" $(integ_words "$integ" | cut -d' ' -f2-)"
	fi
	[ -z "${2:-}" ] || { ours+=(esn); theirs+=" flag esn"; }
	read -ra theirs <<<"$theirs"
	theirs=("${theirs[@]/EMPTY/}")
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

# of every size there and back
datagrams() { in_site_a "$TOOLS/udp-echo.py" ask $SITE_B 7 && clean; }

# transfer FROM TO ADDRESS: up to half a megabyte, the same at the end
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
	test "$packets" -gt 100
}

# what was to come in UDP and did not: RFC 3948 3
bare_for_udp()
{
	mark_stats
	sa_here in $SPI_IN encr aes128gcm16 key 0x$KEY16$SALT encap-local 4500 encap-remote 4500 &&
		sa_there $GW_B $GW_A $SPI_IN aead 'rfc4106(gcm(aes))' 0x$KEY16$SALT 128 || return
	in_site_b ping -n -q -c 3 -i 0.1 -W 1 $SITE_A >"$WORK/ping" && return 1
	test "$(stat in_wrong_encap)" = 3 && test "$(stat in_packets)" = 0
}

# headers WORDS EXPECTED: with these words in the tunnel, TOS and DF outside of a packet with DF
# and of one without, both with TOS 0xb9 (DSCP 46, ECT(1)) inside
headers()
{
	nf_conf aes128gcm16-prfsha256-x25519 "aes128gcm16 $1" "$PSK" manual
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }
	capture_start gw-a wan "src host $GW_A and proto 50" -v || return
	in_site_a ping -n -q -c 1 -W 5 -Q 0xb9 -M "do" $SITE_B >"$WORK/ping" &&
		in_site_a ping -n -q -c 1 -W 5 -Q 0xb9 -M dont $SITE_B >"$WORK/ping" || return
	capture_stop
	sed -n 's/.*tos \(0x[0-9a-f]*\).*flags \[\([^]]*\)\], proto ESP.*/\1 \2/p' "$WORK/wire" >"$WORK/headers"
	note "$1: $(paste -sd, "$WORK/headers")"
	test "$(paste -sd, "$WORK/headers")" = "$2"
}

headers_as_said()
{
	suite_add aes128gcm16 && headers "" "0xb9 DF,0xb9 none" && headers "df set" "0xb9 DF,0xb9 DF" &&
		headers "df clear dscp 10" "0x29 none,0x29 none" && headers "dscp 0 df copy" "0x1 DF,0x1 none" || return
	headers "mtu 1000" "0xb9 DF,0xb9 none" && test "$(tunnel_mtu)" = 1000
}

is_called_weak() { in_gw_a "$NFIPSEC" show sas --json | jq -e '[.sas[].weak] | all'; }

suite()
{
	mark_stats
	suite_add "$1" && datagrams && tcp_both_ways && counters && sas_flush && suite_add "$1" esn && datagrams
}

# shellcheck disable=SC2086	# words
set -- $SUITES
ktap_plan $(($# + 3))
sites_begin
head -c $((524288 / NFIPSEC_TIME_FACTOR)) /dev/urandom >"$WORK/sent"
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" manual
policies_there || bail "xfrm takes no policy"
in_gw_a "$NFIPSEC" load --no-daemon "$CONF" >"$WORK/load" 2>&1 || bail "the policy does not load: $(cat "$WORK/load")"
xfrm_errors >"$WORK/xfrm-errors"
started echo ip netns exec site-b "$TOOLS/udp-echo.py" serve 7
for suite; do
	check "$suite, with and without ESN" suite "$suite"
	if [ "$suite" = des-md5 ]; then check "DES is called weak" is_called_weak; fi
	sas_flush
done
check "df, dscp and mtu are as the tunnel says" headers_as_said
sas_flush
check "bare ESP for an SA in UDP is dropped" bare_for_udp
sas_flush
stopped echo TERM
ktap_exit
