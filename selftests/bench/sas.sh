#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many SAs: how long it takes to install them, by `nfipsec sa batch` and by `ip -batch` into
# xfrm, and what memory they take. Of one SA each allocation that stays is traced to who
# made it, so that the cipher's own part can be told from ours.
#
# usage: sas.sh [NUMBER]	default 10000, half of them inbound

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"

NUMBER=${1:-10000}
TRACING=/sys/kernel/tracing

batch_nfipsec()
{
	seq "$NUMBER" | awk -v key=$KEY '{
		print "add", $1 % 2 ? "in" : "out", "tunnel bench/t spi", 4096 + $1,
		      "local 192.0.2.1 remote 192.0.2.2 encr aes128gcm16 key 0x" key }'
}

batch_xfrm()
{
	seq "$NUMBER" | awk -v key=$KEY '{
		print "xfrm state add", $1 % 2 ? "src 192.0.2.2 dst 192.0.2.1" : "src 192.0.2.1 dst 192.0.2.2",
		      "proto esp spi", 4096 + $1,
		      "mode tunnel replay-window 1024 flag esn aead rfc4106(gcm(aes)) 0x" key " 128" }'
}

# what is free once all that was given back has come back
available()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "MemAvailable:" { print $2 * 1024 }' /proc/meminfo
}

# timed NAME COMMAND...: milliseconds and octets an SA, in RESULT
timed()
{
	local name=$1 began ended before
	shift

	before=$(available)
	began=$(date +%s%N)
	"$@" || { echo "# $name failed" >&2; return 1; }
	ended=$(date +%s%N)
	RESULT[$name]=$(((ended - began) / 1000000))
	RESULT[$name,octets]=$(((before - $(available)) / NUMBER))
}

xfrm_count() { ip netns exec $A ip xfrm state count | awk '{ print $4 }'; }
nfipsec_count() { in_a "$NFIPSEC_BIN/nfipsec" show sas --json | jq '.sas | length'; }

# octets of one SA of DIRECTION that stay, but for those of its ciphers
own_octets()
{
	local event

	echo 0 >$TRACING/tracing_on
	echo >$TRACING/trace
	for event in kmem/kmalloc kmem/kmem_cache_alloc kmem/kfree kmem/kmem_cache_free percpu/percpu_alloc_percpu; do
		echo 1 >$TRACING/events/$event/enable
	done
	echo 1 >$TRACING/tracing_on
	in_a "$NFIPSEC_BIN/nfipsec" sa add "$1" tunnel bench/t spi 0x$2 local 192.0.2.1 remote 192.0.2.2 \
		encr aes128gcm16 key 0x$KEY || return
	echo 0 >$TRACING/tracing_on
	echo 0 >$TRACING/events/enable
	grep -E 'call_site|percpu_alloc' $TRACING/trace >"$STATE/trace.$1"
	awk -v cpus="$(nproc)" '
		function field(name,    at) {
			at = match($0, name "=[^ ]*")
			return at ? substr($0, at + length(name) + 1, RLENGTH - length(name) - 1) : ""
		}
		# a cipher is made within nfipsec_crypto_create(), all else is ours
		/ (kmalloc|kmem_cache_alloc): / && /\[nfipsec\]/ && !/nfipsec_crypto/ {
			size[field("ptr")] = field("bytes_alloc")
			who[field("ptr")] = field("call_site")
		}
		/ (kfree|kmem_cache_free): / { delete size[field("ptr")] }
		# of dst_cache, for each CPU
		/percpu_alloc_percpu: / && /dst_cache/ { percpu += field("bytes_alloc") ? field("bytes_alloc") : field("size") }
		END {
			for (ptr in size) {
				printf "# %d octets by %s\n", size[ptr], who[ptr] >"/dev/stderr"
				total += size[ptr]
			}
			if (percpu)
				printf "# %d octets a CPU of dst_cache\n", percpu >"/dev/stderr"
			print total + percpu * cpus
		}' "$STATE/trace.$1"
}

declare -A RESULT
on_exit 'rm -rf "$STATE"'
cpu_ciphers gcm ctr seqiv esp4 xfrm_user || exit 1
netns_add $A || exit 1
on_exit unload_module
load_module || exit 1
policy_load $A 192.0.2.1 192.0.2.2 10.1.0.0/16 10.2.0.0/16 esp aes128gcm16 || exit 1
on_exit 'in_a "$NFIPSEC_BIN/nfipsec" sa flush; in_a "$NFIPSEC_BIN/nfipsec" unload'
batch_nfipsec >"$STATE/nfipsec"
batch_xfrm >"$STATE/xfrm"
status=0

# what each needs once, of modules and of pages of its program
in_a "$NFIPSEC_BIN/nfipsec" sa batch - <<<"$(head -n 4 "$STATE/nfipsec")" && in_a "$NFIPSEC_BIN/nfipsec" sa flush &&
	in_a ip -batch - <<<"$(head -n 4 "$STATE/xfrm")" && in_a ip xfrm state flush || exit 1

timed xfrm in_a ip -batch "$STATE/xfrm" && test "$(xfrm_count)" = "$NUMBER" || status=1
in_a ip xfrm state flush
timed nfipsec in_a "$NFIPSEC_BIN/nfipsec" sa batch "$STATE/nfipsec" && test "$(nfipsec_count)" = "$NUMBER" || status=1
in_a "$NFIPSEC_BIN/nfipsec" sa flush
out=$(own_octets out f001) && in=$(own_octets in f002) || status=1

echo
echo "Linux $(uname -r), $NUMBER SAs of AES-128-GCM-16 in one namespace:"
echo
echo "| | ms to install | octets an SA, ciphers too |"
echo "| --- | ---: | ---: |"
for name in xfrm nfipsec; do
	echo "| $name | ${RESULT[$name]} | ${RESULT[$name,octets]} |"
done
echo
echo "nfipsec to xfrm: $(ratio "${RESULT[nfipsec]}" "${RESULT[xfrm]}") of the time."
echo "Without its ciphers an SA of nfipsec takes $out octets (out), $in (in, window of 1024)."
if [ -n "${BENCH_JSON_MARK:-}" ]; then
	echo "$BENCH_JSON_MARK"
	jq -n -M --argjson n "$NUMBER" --argjson x "${RESULT[xfrm]:-null}" --argjson o "${RESULT[nfipsec]:-null}" \
		--argjson out "${out:-null}" --argjson in "${in:-null}" \
		'{sas: $n, xfrm_ms: $x, nfipsec_ms: $o, octets_out: $out, octets_in: $in}'
	echo "$BENCH_JSON_MARK"
fi
exit $status
