#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE: how many initiations a responder handles in a second of its CPU time, nfipsecd and charon under
# the same load one after the other, with a pre-shared key and with certificates (ECDSA on P-256), and
# what memory a pair of IKE SA and CHILD SA takes in each; then many tunnels from one configuration
# block. The load is helper/bench/ike-load, our own core as thousands of initiators, each with an
# address, an identity and a certificate of its own (the picture is in ike-lib.sh).
#
# The CPU time is the kernel's part, too: what the installation of the SAs costs in netlink is in
# it, for both.
#
# usage: ike.sh [INITIATIONS [TUNNELS]]	default 200, 500; TUNNELS 0: none

. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/bench-lib.sh"
. "$(dirname "$0")/ike-lib.sh"

INITIATIONS=${1:-200}
TUNNELS=${2:-500}
AUTHS=${IKE_AUTHS-psk cert}
SOCK=$STATE/nfipsecd.sock

# beside the daemon's configuration are its folders
nfipsecd_start()
{
	local auth=$1 folder=$STATE

	[ "$auth" = psk ] || folder=$PKI/server
	cat >"$folder/nfipsec.conf" <<-END
		limits { cookies-from 1000000 }
		access-list clients { 10 protect ip from 10.1.0.0/16 to 10.128.0.0/10 }
		peer clients {
			local address 192.0.2.1 id fqdn hq.example.com
			remote address any id any
			auth $auth
			ike $IKE
			dpd 0s
			ike-lifetime 1d
			tunnel lan { access-list clients esp $ESP start manual lifetime 1d }
		}
	END
	(umask 077 && echo 'psk any any "load"' >"$folder/secrets")
	# not by in_a: in the background that is a shell, and the number would be the shell's
	ip netns exec $A "$NFIPSEC_BIN/nfipsecd" --config "$folder/nfipsec.conf" --socket "$SOCK" >"$STATE/daemon" 2>&1 &
	echo $! >"$STATE/pid"
	wait_for 500 nfipsecd_ready
}

nfipsecd_ready() { in_a "$NFIPSEC_BIN/nfipsec" --socket "$SOCK" show peers; }
nfipsecd_pairs() { in_a "$NFIPSEC_BIN/nfipsec" show sas --json | jq '.sas | length / 2'; }
charon_pairs() { in_a ip xfrm state | awk '/^src/ { n++ } END { print n / 2 }'; }

# one NAME AUTH
one()
{
	local name=$1 auth=$2 pairs status

	if ! "${name}_start" "$auth" kernel-netlink; then
		echo "# $name does not start" >&2
		cat "$STATE/daemon" "$STATE/charon" "$STATE/swanctl" >&2
		return 1
	fi
	measured "$name" "$auth" "$INITIATIONS"
	status=$?
	pairs=$("${name}_pairs")
	[ $status = 0 ] || tail -n 5 "$STATE/daemon" >&2
	[ "$pairs" = $((INITIATIONS + WARM)) ] || { echo "# $name, $auth: $pairs pairs" >&2; status=1; }
	responder_stop
	in_a ip xfrm state flush && in_a ip xfrm policy flush && return $status
}

# TUNNELS from one block, while the responder goes on from one to the next; and what it takes to see them
many()
{
	local ms octets began

	nfipsecd_start psk || return
	ms=$(cpu) octets=$(rss)
	load psk "$TUNNELS" 1 || return
	RESULT[many,ms]=$(awk -v a="$(cpu)" -v b="$ms" 'BEGIN { print a - b }')
	RESULT[many,octets]=$((($(rss) - octets) / TUNNELS))
	echo "# $TUNNELS tunnels: $(cat "$STATE/load"), CPU ${RESULT[many,ms]} ms, pairs $(nfipsecd_pairs)" >&2
	test "$(nfipsecd_pairs)" = "$TUNNELS" || return
	began=$(date +%s%N)
	in_a "$NFIPSEC_BIN/nfipsec" show sas >"$STATE/shown" || return
	RESULT[show_sas]=$((($(date +%s%N) - began) / 1000000))
	began=$(date +%s%N)
	in_a "$NFIPSEC_BIN/nfipsec" --socket "$SOCK" show peers >"$STATE/shown" || return
	RESULT[show_peers]=$((($(date +%s%N) - began) / 1000000))
	responder_stop
}

row()	# NAME
{
	echo "| $1 | $(rate "${RESULT[$1,psk,ms]:-}" "$INITIATIONS") | $(rate "${RESULT[$1,cert,ms]:-}" "$INITIATIONS") | ${RESULT[$1,psk,octets]:--} | ${RESULT[$1,cert,octets]:--} |"
}

json_of()	# NAME
{
	jq -n -M --argjson psk_ms "${RESULT[$1,psk,ms]:-null}" --argjson cert_ms "${RESULT[$1,cert,ms]:-null}" \
		--argjson psk_octets "${RESULT[$1,psk,octets]:-null}" --argjson cert_octets "${RESULT[$1,cert,octets]:-null}" \
		'{psk: {ms: $psk_ms, octets: $psk_octets}, cert: {ms: $cert_ms, octets: $cert_octets}}'
}

on_exit 'rm -rf "$STATE"'
cpu_ciphers gcm ctr seqiv esp4 xfrm_user || exit 1
net_make || exit 1
on_exit unload_module
load_module || exit 1
on_exit 'in_a "$NFIPSEC_BIN/nfipsec" unload'
on_exit responder_stop
status=0
for auth in $AUTHS; do
	[ "$auth" = psk ] || pki_make "$INITIATIONS" || exit 1
	one nfipsecd "$auth" || status=1
	responder_stop
	one charon "$auth" || status=1
	responder_stop
done
[ "$TUNNELS" = 0 ] || many || status=1

echo
echo "Linux $(uname -r), $(command swanctl --help 2>&1 | sed -n '1s/ swanctl//p'), $IKE, $ESP, $INITIATIONS initiations, $(nproc) CPU${BENCH_CLOCK:+, $BENCH_CLOCK}:"
echo
echo "| responder | PSK: initiations a CPU second | ECDSA P-256 | PSK: octets of a pair (RSS) | ECDSA P-256 |"
echo "| --- | ---: | ---: | ---: | ---: |"
row charon
row nfipsecd
echo
for auth in $AUTHS; do
	echo "$auth: nfipsecd to charon: $(ratio "${RESULT[charon,$auth,ms]:-0}" "${RESULT[nfipsecd,$auth,ms]:-0}") times the rate."
done
[ "$TUNNELS" = 0 ] ||
	echo "$TUNNELS tunnels from one block: $(rate "${RESULT[many,ms]:-}" "$TUNNELS") a CPU second, ${RESULT[many,octets]:--} octets each; show sas ${RESULT[show_sas]:--} ms, show peers ${RESULT[show_peers]:--} ms."
if [ -n "${BENCH_JSON_MARK:-}" ]; then
	echo "$BENCH_JSON_MARK"
	jq -n -M --argjson n "$INITIATIONS" --argjson tunnels "$TUNNELS" \
		--argjson nfipsecd "$(json_of nfipsecd)" --argjson charon "$(json_of charon)" \
		--argjson many "${RESULT[many,ms]:-null}" --argjson many_octets "${RESULT[many,octets]:-null}" \
		--argjson show_sas "${RESULT[show_sas]:-null}" --argjson show_peers "${RESULT[show_peers]:-null}" \
		'{initiations: $n, nfipsecd: $nfipsecd, charon: $charon,
		  tunnels: {n: $tunnels, ms: $many, octets: $many_octets, show_sas_ms: $show_sas, show_peers_ms: $show_peers}}'
	echo "$BENCH_JSON_MARK"
fi
exit $status
