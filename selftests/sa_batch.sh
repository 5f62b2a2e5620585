#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many SAs by one process: nfipsec sa batch. What it takes is in the module, and the line
# that it does not take is named.

. "$(dirname "$0")/lib.sh"

NFIPSEC=$NFIPSEC_BIN/nfipsec
WORK=$(mktemp -d /tmp/nfipsec-batch.XXXXXX)
KEY=0x000102030405060708090a0b0c0d0e0f01020304

in_gw() { ip netns exec gw "$NFIPSEC" "$@"; }
sas() { in_gw show sas --json | jq '.sas | length'; }

policy()
{
	cat >"$WORK/conf" <<-END
		access-list l {
			10 protect ip from 10.1.0.0/16 to 10.2.0.0/16
		}
		peer p {
			local address 192.0.2.1
			remote address 192.0.2.2
			auth psk
			ike aes128gcm16-prfsha256-x25519
			tunnel t {
				access-list l
				esp aes128gcm16
				start manual
			}
		}
	END
	in_gw load --no-daemon "$WORK/conf"
}

line() { echo "add $1 tunnel p/t spi $2 local 192.0.2.1 remote 192.0.2.2 encr aes128gcm16 key $KEY"; }

many()
{
	local i

	{
		echo "# half of them inbound"
		for ((i = 1; i <= 500; i++)); do
			line in $((0x1000 + i))
			line out $((0x2000 + i))
		done
		echo
	} >"$WORK/batch"
	in_gw sa batch "$WORK/batch" && test "$(sas)" = 1000
}

# and what came before it stays
stops_at()	# LINE-NUMBER LINES...
{
	local number=$1 output
	shift

	in_gw sa flush
	output=$(printf '%s\n' "$@" | in_gw sa batch - 2>&1) && return 1
	echo "$output"
	grep -q "line $number of -" <<<"$output" && test "$(sas)" = $((number - 1))
}

deletes()
{
	in_gw sa flush
	{ line in 0x1001; line in 0x1002; echo "del in spi 0x1001 local 192.0.2.1 remote 192.0.2.2"; } |
		in_gw sa batch - && test "$(in_gw show sas --json | jq -c '[.sas[].spi]')" = '["0x00001002"]'
}

# by which SA goes what is for 10.2.0.HOST?
goes_by()	# HOST SPI
{
	local spi

	spi=$(in_gw explain out icmp 10.1.0.1 "10.2.0.$1" --json | jq -r .sa.spi)
	test $((spi)) = $(($2)) || because "to 10.2.0.$1 by ${spi:-none}, expected $2"
}

# one tunnel with an SA to each of many hosts, and some for all: the newest that fits
by_host()
{
	local i

	in_gw sa flush
	{
		line out 0x1000
		for ((i = 1; i <= 200; i++)); do
			echo "$(line out $((0x2000 + i))) src 10.1.0.0/16 dst 10.2.0.$i/32"
		done
		echo "$(line out 0x3007) src 10.1.0.0/16 dst 10.2.0.7/32"
		echo "$(line out 0x3008) src 10.1.0.0/16 dst 10.2.0.8/32 sel-proto tcp"
	} | in_gw sa batch - || return
	goes_by 1 0x2001 && goes_by 200 0x20c8 && goes_by 7 0x3007 && goes_by 8 0x2008 && goes_by 201 0x1000 || return
	line out 0x4000 | in_gw sa batch - && goes_by 1 0x4000 && goes_by 7 0x4000 && goes_by 201 0x4000 || return
	# the newest of all fits neither, so what is for one host and what is for all are compared
	printf '%s src 10.1.0.0/16 dst 10.2.0.%s/32\n' "$(line out 0x4001)" 250 "$(line out 0x4002)" 3 | in_gw sa batch - &&
		goes_by 1 0x4000 && goes_by 250 0x4001 && goes_by 3 0x4002 || return
	printf 'del out spi %s local 192.0.2.1 remote 192.0.2.2\n' 0x4000 0x3007 0x2001 | in_gw sa batch - &&
		goes_by 7 0x2007 && goes_by 1 0x1000 && goes_by 2 0x2002
}

ktap_plan 7
on_exit unload_module
on_exit 'rm -rf "$WORK"'
load_module && netns_add gw && policy || exit $KSFT_FAIL
on_exit 'in_gw sa flush && in_gw unload'
check "a thousand SAs" many
check "a refused line ends it" stops_at 3 "$(line in 0x1001)" "$(line out 0x1001)" "$(line in 0x1001)" "$(line in 0x1003)"
check "a line that is none ends it" stops_at 2 "$(line in 0x1001)" "add in spi" "$(line in 0x1003)"
check "a word that is none ends it" stops_at 1 "frobnicate"
check "SAs are deleted, too" deletes
check "each host's packets go by its own SA" by_host
check_fails "a file that is not there" in_gw sa batch "$WORK/none"
ktap_exit
