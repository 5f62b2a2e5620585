#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# AH against xfrm, alone and around ESP, in all modes, families and algorithms (see
# matrix-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"
. "$(dirname "$0")/matrix-lib.sh"

combinations()
{
	local where suite esn n=0
	local -a ah

	read -ra ah <<<"$AH_SUITES"
	for where in $PLACES; do
		for esn in - esn; do
			echo "ah $where sha256 $esn -"
			echo "ah $where aesxcbc $esn -"
			echo "esp+ah $where aes256gcm16+sha256 $esn -"
			echo "esp+ah $where aes128-sha256+sha384 $esn -"
		done
	done
	for suite in $AH_SUITES; do
		[ $((n++ % 2)) = 0 ] && esn=- || esn=esn
		echo "ah $(place $n) $suite $esn -"
		echo "ah $(place $((n + 3))) $suite $esn -"
	done
	for suite in $ESP_SUITES; do
		[ $((n++ % 2)) = 0 ] && esn=- || esn=esn
		echo "esp+ah $(place $n) $suite+${ah[n % ${#ah[@]}]} $esn -"
	done
}

few_combinations()
{
	local where

	for where in $PLACES; do
		echo "ah $where sha256 - -"
		echo "esp+ah $where chacha20poly1305+aescmac esn -"
	done
	echo "ah transport:6 sha512 esn -"
	echo "esp+ah tunnel:4in6 aes128-sha256+sha1 - -"
}

matrix_run
