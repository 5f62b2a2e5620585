# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after sites-lib.sh by the tests in which traffic goes on while something happens to
# its SAs. No packet may be lost but by the peer's own doing, which its kernel counts, or the
# module. Traffic lasts as long as what happens, however slow the machine is:
#
#	unharmed COMMAND...	pings meanwhile; says what was not as it should be

# NETNS ADDRESS: who pings whom, one a line
streams() { printf '%s\n' "site-a $SITE_B" "site-b $SITE_A"; }

# xfrm without an SA for a moment, in the middle of its daemon's rekey; OpenIKED answers before its kernel has one
lost_by_xfrm()
{
	local also=

	[ "${peer:-}" != openiked ] || also='|InNoStates'
	in_gw_b awk '$1 ~ /^Xfrm(AcquireError|OutNoStates|OutStateExpired|OutStateInvalid'$also')$/ { n += $2 }
		END { print n + 0 }' /proc/net/xfrm_stat
}

# A responder may use the new SA as soon as it has answered (RFC 7296 2.8), and one whose kernel has it before
# that may be early: its packets come with an SPI that we have no keys for yet. And a slow one is late: it
# sends by what it has already agreed to delete.
lost_by_peer() { echo $(($(lost_by_xfrm) + $(stat in_unknown_spi))); }

# of a stream by its number: the newest answer, and how many are missing up to an answer
newest() { tail -n 20 "$WORK/stream.$1" | sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' | sort -n | tail -n 1; }
missing()
{
	awk -v upto="$2" '/icmp_seq=[0-9]+ ttl/ { sub(/.*icmp_seq=/, ""); if ($1 <= upto && !seen[$1]++) n++ }
		END { print upto - n }' "$WORK/stream.$1"
}
answered() { test "$(($(newest "$1")))" -ge "$2"; }

# 50 pings a second in each stream, until traffic_end
traffic_begin()
{
	local ns address n=0

	rm -f "$WORK"/stream.*
	lost_by_peer >"$WORK/traffic.lost" && stat in_unknown_spi >"$WORK/traffic.unknown" || return
	while read -r ns address; do
		: >"$WORK/stream.$n"
		started stream$n ip netns exec "$ns" ping -n -i 0.02 "$address" >"$WORK/stream.$n" 2>&1
		n=$((n + 1))
	done <<<"$(streams)"
	while [ $((n--)) -gt 0 ]; do
		wait_for 30 answered $n 1 || { because "no ping is answered in stream $n"; traffic_stop; return 1; }
	done
}

traffic_stop()
{
	local file

	for file in "$WORK"/stream.*; do stopped "stream${file##*.}" INT || return; done
}

# All that was sent up to now is answered a second later, or lost.
traffic_end()
{
	local file n last sent=0 lost=0 excused unknown status=0

	for file in "$WORK"/stream.*; do
		n=${file##*.}
		last=$(newest "$n")
		wait_for 30 answered "$n" $((last + 50)) ||
			{ because "no ping is answered any more in stream $n, after number $last"; status=1; }
		sent=$((sent + last))
		lost=$((lost + $(missing "$n" "$last")))
	done
	traffic_stop || status=1
	excused=$(($(lost_by_peer) - $(cat "$WORK/traffic.lost")))
	unknown=$(($(stat in_unknown_spi) - $(cat "$WORK/traffic.unknown")))
	note "of $sent pings $lost lost, $excused packets by the peer: $((excused - unknown)) xfrm without SA," \
		"$unknown with an SPI that we do not have"
	[ $lost -le $excused ] || { because "$lost of $sent pings lost, $excused by the peer"; status=1; }
	[ $unknown -le $((20 + sent / 10)) ] || { because "$unknown packets came by SAs that we do not have: too many"; status=1; }
	return $status
}

unharmed()
{
	local status=0

	traffic_begin || return
	so "$@" || status=1
	traffic_end || status=1
	no_drops || status=1
	return $status
}
