# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after ../lib.sh by the benches: iperf3 between two namespaces, each run on its
# own, a tunnel for keys by hand, and figures in a table.

BENCH_SECONDS=${BENCH_SECONDS:-1}
A=bench-a
B=bench-b
STATE=$(mktemp -d /tmp/nfipsec-bench.XXXXXX)

in_a() { ip netns exec $A "$@"; }
in_b() { ip netns exec $B "$@"; }

# udev would have loaded what the CPU has; without it gcm(aes) and sha256 are generic C code. One
# after another: with virtual time flying while the disk is read, what waits for another's
# self-test loses patience, and the kernel calls that a failed test.
cpu_ciphers()	# MODULES...
{
	local module

	for module in aesni_intel ghash_clmulni_intel sha256_ssse3 chacha_x86_64 poly1305_x86_64 "$@"; do
		modprobe -q "$module"
		wait_for 5000 all_tested || return
	done
}

all_tested() { ! grep -q '^selftest *: unknown' /proc/crypto; }

listens() { in_b ss -Hltn 'sport = :5201' | grep -q .; }

# iperf3's client in JSON; the server lives for one run
iperf()	# ARGUMENTS...
{
	in_b iperf3 -s -1 -D >"$STATE/server" 2>&1 && wait_for 500 listens &&
		in_a timeout 6000 iperf3 -J -t "$BENCH_SECONDS" "$@" >"$STATE/iperf.json" 2>"$STATE/iperf.err" && return
	echo "# iperf3 $*: $(jq -r '.error // empty' "$STATE/iperf.json") $(cat "$STATE/iperf.err")" >&2
	return 1
}

row_tcp()	# TARGET
{
	iperf -c "$1" && jq -r '.end.sum_received.bits_per_second | round' "$STATE/iperf.json"
}

# what arrived, and the packets of it
row_udp()	# TARGET LENGTH
{
	iperf -c "$1" -u -b 0 -l "$2" &&
		jq -r '.end.sum | (.packets - .lost_packets) / .seconds | round' "$STATE/iperf.json" >"$STATE/pps" &&
		echo $(($(cat "$STATE/pps") * $2 * 8)) "$(cat "$STATE/pps")"
}

mbit() { awk -v n="${1:-0}" 'BEGIN { printf n < 1e8 ? "%.1f" : "%.0f", n / 1e6 }'; }
ratio() { awk -v n="$1" -v base="$2" 'BEGIN { if (n && base) printf "%.2f", n / base; else printf "-" }'; }

# the policy of a tunnel for keys by hand; the words are the tunnel's, such as: esp aes128gcm16
policy_load()	# NETNS LOCAL REMOTE INNER_LOCAL INNER_REMOTE WORDS...
{
	cat >"$STATE/conf" <<-END
		access-list bench {
			10 protect ip from $4 to $5
		}
		peer bench {
			local address $2
			remote address $3
			auth psk
			ike aes128gcm16-prfsha256-x25519
			tunnel t {
				access-list bench
				${@:6}
				start manual
			}
		}
	END
	ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" load --no-daemon "$STATE/conf"
}

# ---- one path after another, with keys by hand ----

KEY=000102030405060708090a0b0c0d0e0f01020304	# AES-128 and its salt
SPI_AB=0x1001
SPI_BA=0x2002
declare -A RESULT		# RESULT[path,row]: bits a second; [path,row,pps]: packets a second

# the SAs of both directions
xfrm_states()	# NETNS ADDRESS_A ADDRESS_B
{
	xfrm_state "$1" "$2" "$3" $SPI_AB && xfrm_state "$1" "$3" "$2" $SPI_BA
}

xfrm_state()	# NETNS SOURCE DESTINATION SPI
{
	ip -n "$1" xfrm state add src "$2" dst "$3" proto esp spi "$4" mode tunnel \
		replay-window 32 aead 'rfc4106(gcm(aes))' 0x$KEY 128
}

# The two ends differ only in which address is whose.
nfipsec_end()	# NETNS LOCAL REMOTE NET REMOTE_NET SPI_OUT SPI_IN
{
	policy_load "$1" "$2" "$3" "$4" "$5" esp aes128gcm16 &&
		nfipsec_sa "$1" out "$6" "$2" "$3" && nfipsec_sa "$1" in "$7" "$2" "$3"
}

nfipsec_sa()	# NETNS DIRECTION SPI LOCAL REMOTE
{
	ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" sa add "$2" tunnel bench/t spi "$3" local "$4" remote "$5" \
		encr aes128gcm16 key 0x$KEY
}

# Calls sites_up, PATH_up, proof, measure and sites_down of the bench.
run_path()	# PATH
{
	local status=0

	echo "# $1" >&2
	sites_up && "$1_up" && proof "$1" && measure "$1" || status=$?
	test $status = 0 || echo "# $1 failed" >&2
	sites_down
	return $status
}
