#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE: how many initiations a responder handles in a second of its CPU time, nfipsecd and charon under
# the same load one after the other, and what memory a pair of IKE SA and CHILD SA takes in each; then
# many tunnels from one configuration block. The load is helper/bench/ike-load, our own core as
# thousands of initiators, each with an address and an identity of its own.
#
#	bench-b: ike-load, all of 10.64.0.0/10 -------- 192.0.2.1: the responder, bench-a
#
# CPU time is what /proc/PID/stat has of all threads of the daemon, kernel's part too: what the
# installation of the SAs costs in netlink is in it, for both.
#
# usage: ike.sh [INITIATIONS [TUNNELS]]	default 1000, 10000

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"

INITIATIONS=${1:-1000}
TUNNELS=${2:-10000}
WARM=50
IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16
LOAD=$NFIPSEC_BIN/bench/ike-load
SOCK=$STATE/nfipsecd.sock
VICI=unix://$STATE/vici

load() { in_b "$LOAD" --ike $IKE --esp $ESP --psk load "$@" udp 192.0.2.1 "${COUNT:?}"; }

# ---- the responders; each leaves its number in $STATE/pid ----

nfipsecd_start()
{
	cat >"$STATE/nfipsec.conf" <<-END
		limits { cookies-from 1000000 }
		access-list clients { 10 protect ip from 10.1.0.0/16 to 10.64.0.0/10 }
		peer clients {
			local address 192.0.2.1 id fqdn hq.example.com
			remote address any id any
			auth psk
			ike $IKE
			dpd 0s
			ike-lifetime 1d
			tunnel lan { access-list clients esp $ESP start manual lifetime 1d }
		}
	END
	(umask 077 && echo 'psk any any "load"' >"$STATE/secrets")
	# not by in_a: in the background that is a shell, and the number would be the shell's
	ip netns exec $A "$NFIPSEC_BIN/nfipsecd" --config "$STATE/nfipsec.conf" --socket "$SOCK" >"$STATE/daemon" 2>&1 &
	echo $! >"$STATE/pid"
	wait_for 500 nfipsecd_ready
}

nfipsecd_ready() { in_a "$NFIPSEC_BIN/nfipsec" --socket "$SOCK" show peers; }
nfipsecd_pairs() { in_a "$NFIPSEC_BIN/nfipsec" show sas --json | jq '.sas | length / 2'; }

# without what is for watching it, and its tables as large as its manual wants them for so many
charon_start()
{
	cat >"$STATE/strongswan.conf" <<-END
		charon-systemd {
			load_modular = no
			load = random nonce openssl kdf hmac sha2 aes gcm gmp curve25519 socket-default kernel-netlink vici
			install_routes = no
			dos_protection = no
			ikesa_table_size = 4096
			ikesa_table_segments = 64
			journal {
				default = -1
			}
			plugins {
				vici {
					socket = $VICI
				}
			}
		}
	END
	cat >"$STATE/swanctl.conf" <<-END
		connections {
			clients {
				version = 2
				mobike = no
				local_addrs = 192.0.2.1
				proposals = $IKE
				dpd_delay = 0
				local {
					auth = psk
					id = hq.example.com
				}
				remote {
					auth = psk
				}
				children {
					lan {
						local_ts = 10.1.0.0/16
						remote_ts = 10.64.0.0/10
						esp_proposals = $ESP
					}
				}
			}
		}
		secrets {
			ike-all {
				secret = load
			}
		}
	END
	ip netns exec $A env STRONGSWAN_CONF="$STATE/strongswan.conf" charon-systemd >"$STATE/charon" 2>&1 &
	echo $! >"$STATE/pid"
	wait_for 500 swanctl --stats && swanctl --load-all --file "$STATE/swanctl.conf" --noprompt >"$STATE/swanctl" 2>&1
}

swanctl()
{
	SWANCTL_DIR=$STATE STRONGSWAN_CONF=$STATE/strongswan.conf in_a swanctl "$1" --uri "$VICI" "${@:2}"
}

charon_pairs() { in_a ip xfrm state | awk '/^src/ { n++ } END { print n / 2 }'; }

responder_stop()
{
	local pid

	test -s "$STATE/pid" || return 0
	pid=$(cat "$STATE/pid")
	kill -TERM "$pid" && wait_for 500 gone "$pid"
	rm "$STATE/pid"
}

gone() { ! kill -0 "$1"; }

# milliseconds of CPU, of all threads
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000 / hz }' "/proc/$(cat "$STATE/pid")/stat"; }
# octets in memory
rss() { awk '$1 == "VmRSS:" { print $2 * 1024 }' "/proc/$(cat "$STATE/pid")/status"; }

# measured NAME: RESULT of INITIATIONS; some before it, for what a daemon needs once
measured()
{
	local name=$1 ms octets

	${name}_start || { echo "# $name does not start" >&2; cat "$STATE/daemon" "$STATE/charon" >&2; return 1; }
	COUNT=$WARM load --first 1 >"$STATE/load" || { cat "$STATE/load" >&2; return 1; }
	ms=$(cpu) octets=$(rss)
	COUNT=$INITIATIONS load --first 1000 >"$STATE/load" || { cat "$STATE/load" >&2; return 1; }
	RESULT[$name,ms]=$(awk -v a="$(cpu)" -v b="$ms" 'BEGIN { print a - b }')
	RESULT[$name,octets]=$((($(rss) - octets) / INITIATIONS))
	echo "# $name: $(cat "$STATE/load"), CPU ${RESULT[$name,ms]} ms, pairs $(${name}_pairs)" >&2
	test "$(${name}_pairs)" = $((INITIATIONS + WARM)) || return
	responder_stop
	in_a ip xfrm state flush && in_a ip xfrm policy flush
}

# TUNNELS from one block, while the responder goes on from one to the next
many()
{
	local ms octets

	nfipsecd_start || return
	ms=$(cpu) octets=$(rss)
	COUNT=$TUNNELS load >"$STATE/load" || { cat "$STATE/load" >&2; return 1; }
	RESULT[many,ms]=$(awk -v a="$(cpu)" -v b="$ms" 'BEGIN { print a - b }')
	RESULT[many,octets]=$((($(rss) - octets) / TUNNELS))
	echo "# $TUNNELS tunnels: $(cat "$STATE/load"), CPU ${RESULT[many,ms]} ms, pairs $(nfipsecd_pairs)" >&2
	test "$(nfipsecd_pairs)" = "$TUNNELS" || return
	responder_stop
}

rate() { awk -v n="$2" -v ms="${RESULT[$1,ms]:-0}" 'BEGIN { if (ms) printf "%.0f", n * 1000 / ms; else printf "-" }'; }

declare -A RESULT
on_exit 'rm -rf "$STATE"'
cpu_ciphers gcm ctr seqiv esp4 xfrm_user || exit 1
netns_add $A && netns_add $B || exit 1
ip link add veth netns $A type veth peer name veth netns $B &&
	ip -n $A addr add 192.0.2.1/24 dev veth && ip -n $B addr add 192.0.2.2/24 dev veth &&
	ip -n $A link set veth up && ip -n $B link set veth up && ip -n $A link set lo up && ip -n $B link set lo up &&
	ip -n $B route add local 10.64.0.0/10 dev lo && ip -n $A route add 10.64.0.0/10 via 192.0.2.2 || exit 1
on_exit unload_module
load_module || exit 1
on_exit 'in_a "$NFIPSEC_BIN/nfipsec" unload'
on_exit responder_stop
status=0
measured nfipsecd || status=1
responder_stop
measured charon || status=1
responder_stop
many || status=1

echo
echo "Linux $(uname -r), $(command swanctl --version | head -n 1), PSK, $IKE, $ESP, $INITIATIONS initiations, $(nproc) CPU:"
echo
echo "| responder | initiations a CPU second | octets of a pair (RSS) |"
echo "| --- | ---: | ---: |"
for name in charon nfipsecd; do
	echo "| $name | $(rate $name "$INITIATIONS") | ${RESULT[$name,octets]:--} |"
done
echo
echo "nfipsecd to charon: $(ratio "${RESULT[charon,ms]:-0}" "${RESULT[nfipsecd,ms]:-0}") times the rate."
echo "$TUNNELS tunnels from one block: $(rate many "$TUNNELS") a CPU second, ${RESULT[many,octets]:--} octets each."
if [ -n "${BENCH_JSON_MARK:-}" ]; then
	echo "$BENCH_JSON_MARK"
	jq -n -M --argjson n "$INITIATIONS" --argjson tunnels "$TUNNELS" \
		--argjson nfipsecd "${RESULT[nfipsecd,ms]:-null}" --argjson charon "${RESULT[charon,ms]:-null}" \
		--argjson nfipsecd_octets "${RESULT[nfipsecd,octets]:-null}" \
		--argjson charon_octets "${RESULT[charon,octets]:-null}" --argjson many "${RESULT[many,ms]:-null}" \
		'{initiations: $n, nfipsecd_ms: $nfipsecd, charon_ms: $charon, nfipsecd_octets: $nfipsecd_octets,
		  charon_octets: $charon_octets, tunnels: $tunnels, tunnels_ms: $many}'
	echo "$BENCH_JSON_MARK"
fi
exit $status
