#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ESP against xfrm, in all modes, families and algorithms (see matrix-lib.sh): an AEAD and a
# cipher beside a MAC in every way there is to combine, the other algorithms each in two.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"
. "$(dirname "$0")/matrix-lib.sh"

combinations()
{
	local where suite esn in_udp n=0

	for where in $PLACES; do
		for esn in - esn; do
			for suite in aes256gcm16 aes128-sha256; do
				echo "esp $where $suite $esn -"
				echo "esp $where $suite $esn udp"
			done
		done
	done
	for suite in $ESP_SUITES; do
		[ $((n++ % 2)) = 0 ] && esn=- || esn=esn
		in_udp=$(place $((n + 3)))
		case $suite in
		aes256gcm16|aes128-sha256) continue ;;
		# xfrm drops ESP in UDP over IPv6 when it is shorter than 48 octets, UDP included
		null-*) in_udp=transport:4 ;;
		esac
		echo "esp $(place $n) $suite $esn -"
		echo "esp $in_udp $suite $esn udp"
	done
}

few_combinations()
{
	local where

	for where in $PLACES; do
		echo "esp $where aes256gcm16 - -"
		echo "esp $where aes128-sha256 esn udp"
	done
	echo "esp transport:4 aes128gmac - -"
	echo "esp tunnel:6in6 aes192ccm12 esn -"
	echo "esp tunnel:6in4 chacha20poly1305 - udp"
	echo "esp tunnel:4in4 null-sha256 esn -"
}

matrix_run
