# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after sites-lib.sh by the tests with manual keys: nfipsec in gw-a, the kernel's own
# xfrm in gw-b, and the same keys typed into both.
#
# A suite is named as in a proposal: aes128gcm16, aes128-sha256; sha256 alone for AH; and
# aes128gcm16+sha256 is ESP, and AH around it.

SPI_OUT=0x1001 SPI_IN=0x2002		# of ESP, or of AH alone
SPI_AH_OUT=0x3003 SPI_AH_IN=0x4004	# of AH around ESP
KEY8=0123456789abcdef
KEY16=000102030405060708090a0b0c0d0e0f
KEY24=${KEY16}1011121314151617
KEY32=${KEY16}101112131415161718191a1b1c1d1e1f
KEY48=$KEY32$KEY16
KEY64=$KEY32$KEY32
SALT=f0f1f2f3

# each encryption once at least, each length of key and ICV
ESP_SUITES="
aes128gcm16 aes192gcm12 aes256gcm8 aes256gcm16
aes128ccm16 aes192ccm12 aes256ccm8
chacha20poly1305 aes128gmac aes256gmac
aes128-sha256 aes192-sha384 aes256-sha512
aes128ctr-sha256 aes256ctr-sha1
camellia128-aesxcbc camellia256-aescmac
3des-sha1 des-md5 null-sha256
"
AH_SUITES="md5 sha1 aesxcbc aescmac sha256 sha384 sha512"

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
	null)      echo '- enc ecb(cipher_null) ""' ;;
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

# ---- the tunnel; a test sets these for its next one ----

OUTER_A=$GW_A OUTER_B=$GW_B		# the ends of the SAs
INNER_A=$NET_A INNER_B=$NET_B		# what is protected
PROTO=esp				# esp, ah, or esp+ah: AH around ESP
MODE=tunnel				# or transport
ESN=					# anything: extended sequence numbers
ENCAP=					# the UDP port of both ends
WINDOW=1024				# of our replay check

# place_set MODE:FAMILIES: the tunnel, and who there is to ask whom
place_set()
{
	MODE=${1%:*}
	case $1 in
	*in4|transport:4) OUTER_A=$GW_A OUTER_B=$GW_B ;;
	*)		  OUTER_A=$GW6_A OUTER_B=$GW6_B ;;
	esac
	case $1 in
	transport:*)	INNER_A=$OUTER_A INNER_B=$OUTER_B asked=$OUTER_B asker=gw-a ;;
	tunnel:4in*)	INNER_A=$NET_A INNER_B=$NET_B asked=$SITE_B asker=site-a ;;
	tunnel:6in*)	INNER_A=$NET6_A INNER_B=$NET6_B asked=$SITE6_B asker=site-a ;;
	esac
}

# what is typed in, a line each: for nfipsec to a shell, for xfrm to `ip -batch`; a process
# for each takes longer than what is tested
HERE=$WORK/here THERE=$WORK/there

# sa_here DIRECTION PROTOCOL MODE SPI WORDS...
sa_here()
{
	echo "'$NFIPSEC' sa add $1 proto $2 mode $3 tunnel branch/lan spi $4 local $OUTER_A remote $OUTER_B ${*:5}" \
		>>"$HERE"
}

# sa_there SOURCE DESTINATION PROTOCOL MODE SPI WORDS...
sa_there()
{
	local sel=

	# xfrm wants to know the family of what is inside
	if [ "$4" = tunnel ]; then
		sel="sel src $INNER_B dst $INNER_A"
		[ "$1" = "$OUTER_B" ] || sel="sel src $INNER_A dst $INNER_B"
	elif [ "$MODE" = tunnel ]; then
		sel="flag af-unspec"
	fi
	# or it would pad AH to 64 bits in IPv4, too, which RFC 4302 3.3.3.2.1 does not
	[ "$3" != ah ] || [[ $1 = *:* ]] || sel+=" flag align4"
	echo "xfrm state add src $1 dst $2 proto $3 spi $5 mode $4 replay-window 1024 ${*:6} $sel" >>"$THERE"
}

# pair_add PROTOCOL MODE SPI-OUT SPI-IN SUITE: one SA of each direction, on both sides
pair_add()
{
	local encr=${5%-*} integ= key words ours= theirs=

	if [ "$1" = ah ]; then
		encr= integ=$5
	elif [ "$encr" != "$5" ]; then
		integ=${5#*-}
	fi
	if [ -n "$encr" ]; then
		read -r key words <<<"$(encr_words "$encr")"
		ours+=" encr $encr" theirs+=" $words"
		[ "$key" = - ] || ours+=" key 0x$key"
	fi
	if [ -n "$integ" ]; then
		read -r key words <<<"$(integ_words "$integ")"
		ours+=" integ $integ integ-key 0x$key" theirs+=" $words"
	fi
	if [ "$1" = esp ] && [ -n "$ENCAP" ]; then
		ours+=" encap-local $ENCAP encap-remote $ENCAP"
		theirs+=" encap espinudp $ENCAP $ENCAP 0.0.0.0"
	fi
	[ -z "$ESN" ] || { ours+=" esn"; theirs+=" flag esn"; }
	sa_here out "$1" "$2" "$3" "$ours"
	sa_here in "$1" "$2" "$4" "$ours window $WINDOW"
	sa_there "$OUTER_A" "$OUTER_B" "$1" "$2" "$3" "$theirs"
	sa_there "$OUTER_B" "$OUTER_A" "$1" "$2" "$4" "$theirs"
}

# suite_write SUITE: all its SAs, instead of those there were; typed_in does it
suite_write()
{
	echo "'$NFIPSEC' sa flush" >"$HERE"
	echo "xfrm state flush" >"$THERE"
	case $PROTO in
	esp+ah)
		pair_add esp "$MODE" $SPI_OUT $SPI_IN "${1%+*}"
		pair_add ah transport $SPI_AH_OUT $SPI_AH_IN "${1#*+}"
		;;
	*)	pair_add $PROTO "$MODE" $SPI_OUT $SPI_IN "$1" ;;
	esac
}

# A shell in gw-a that stays: to make one for each line takes twice as long as what is tested.
# Its descriptors are 4 and 5.
shell_start()
{
	# shellcheck disable=SC2016	# for it to expand
	resident shell 4 5 ip netns exec gw-a bash -c \
		'while read -r file; do ( set -e; . "$file" ) >"$file.out" 2>&1; echo $?; done'
}

# in_shell FILE: what it prints is in FILE.out
in_shell()
{
	local status=

	echo "$1" >&4
	read -r -t $((20 * NFIPSEC_TIME_FACTOR)) status <&5 && [ "$status" = 0 ]
}

typed_in()
{
	in_shell "$HERE" && ip -n gw-b -batch "$THERE" && return
	tail -n 3 "$HERE.out"
	return 1
}

suite_add() { suite_write "$1" && typed_in; }

# tunnel_conf [WORDS]: the tunnel for nfipsec, without IKE; it protects ENTRY, where that is set
tunnel_conf()
{
	local what="esp aes128gcm16"

	[ $PROTO != ah ] || what="ah sha256"
	[ $PROTO != esp+ah ] || what+=" ah sha256"
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ${ENTRY:-ip from $INNER_A to $INNER_B}
		}
		peer branch {
			local address $OUTER_A
			remote address $OUTER_B
			auth psk
			ike aes128gcm16-prfsha256-x25519
			tunnel lan {
				access-list branch
				$what
				mode $MODE
				start manual
				$*
			}
		}
	END
	(umask 077 && echo "psk $OUTER_A $OUTER_B \"$PSK\"" >"$WORK/secrets")
}

# tunnel_load [WORDS]: that, and what answers it in gw-b
tunnel_load()
{
	tunnel_conf "$@"
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF" && policies_there
}

sas_flush() { in_gw_a "$NFIPSEC" sa flush && ip -n gw-b xfrm state flush; }

# policies_there: instead of all there were
policies_there()
{
	local to="src $OUTER_B dst $OUTER_A" from="src $OUTER_A dst $OUTER_B" out= in=

	case $PROTO in
	esp+ah)
		out="tmpl $to proto esp mode $MODE tmpl $to proto ah mode transport"
		in="tmpl $from proto esp mode $MODE tmpl $from proto ah mode transport"
		;;
	*)	out="tmpl $to proto $PROTO mode $MODE" in="tmpl $from proto $PROTO mode $MODE" ;;
	esac
	{
		echo "xfrm policy flush"
		echo "xfrm policy add src $INNER_B dst $INNER_A dir out priority 10 $out"
		echo "xfrm policy add src $INNER_A dst $INNER_B dir in priority 10 $in"
		echo "xfrm policy add src $INNER_A dst $INNER_B dir fwd priority 10 $in"
		if [ "$MODE" = transport ]; then
			# what must go in clear: ESP in UDP on its way to its socket, and who has an address
			echo "xfrm policy add src $INNER_A dst $INNER_B proto udp sport 4500 dport 4500 dir in priority 1"
			if [[ $INNER_A = *:* ]]; then
				for type in 135 136; do
					echo "xfrm policy add src $INNER_A dst $INNER_B proto ipv6-icmp type $type dir in priority 1"
					echo "xfrm policy add src $INNER_B dst $INNER_A proto ipv6-icmp type $type dir out priority 1"
				done
			fi
		fi
	} >"$THERE"
	ip -n gw-b -batch "$THERE"
}

# ---- what both sides have to complain about ----

# every counter of xfrm that is not 0
xfrm_errors() { ip netns exec gw-b awk '$2 != 0' /proc/net/xfrm_stat; }

clean()
{
	local errors

	no_drops || return
	errors=$(xfrm_errors)
	test -z "$errors" || note "xfrm: $errors"
	test "$errors" = "$(cat "$WORK/xfrm-errors")"
}
