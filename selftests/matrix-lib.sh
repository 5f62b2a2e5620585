# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after xfrm-lib.sh by the tests that walk what xfrm and nfipsec both offer, one
# against the other: protocol, mode, families, algorithm, extended sequence numbers, UDP
# encapsulation. nfipsec is in gw-a, xfrm in gw-b (the picture is in sites-lib.sh). In tunnel
# mode site-a asks site-b, in transport mode gw-a asks gw-b; echo.py compares what comes back:
# pings, datagrams of 1 octet to 65000, one octet around the MTU, which must be what senders
# are told, UDP in segments, and TCP. What is dropped on either side, and not for the MTU,
# fails a combination.
#
# MATRIX_ONLY=REGEXP walks what it matches alone.

PLACES="tunnel:4in4 tunnel:6in4 tunnel:4in6 tunnel:6in6 transport:4 transport:6"

# where N: one of the places, in turn
place() { set -- $(($1 % 6 + 1)) $PLACES; echo "${@:$1 + 1:1}"; }

# in an order that changes the tunnel seldom
chosen()
{
	if [ -z "$NFIPSEC_SLOW" ]; then combinations; else few_combinations; fi |
		awk '!seen[$0]++' | sort -s -k1,1 -k2,2r | grep -E -- "${MATRIX_ONLY:-.}"
}

# ---- who asks and who answers: one process for each namespace, all the time ----

# all there is to ask; what is told is the MTU
ask()
{
	local to=6 from=7 answer=

	[ "$asker" = site-a ] || to=8 from=9
	echo "$asked" >&$to
	read -r -t $((30 * NFIPSEC_TIME_FACTOR)) answer <&$from
	echo "$answer" >"$WORK/answer"
	[[ $answer = "ok "* ]] && return
	echo "asker: $answer"
	cat "$WORK/$asker.err"
	return 1
}

# ---- what both sides count and should not, since the last time it was asked ----

# one "name number" a line, those of xfrm with capitals. "no policy is in force" is no counter.
complaints()
{
	in_shell "$WORK/stats" || return
	grep -hE '^[A-Za-z_0-9]+[[:space:]]+[0-9]+$' "$WORK/stats.out" "/proc/$xfrm/net/xfrm_stat" |
		grep -Ev '^(out_packets|in_packets|held|released|acquire_sent|in_held|in_unknown_spi|out_too_big) '
}

declare -A seen
mark_complaints()
{
	local name number

	while read -r name number; do seen[$name]=$number; done < <(complaints)
}

complained()
{
	local name number lines=0 status=1

	while read -r name number; do
		lines=$((lines + 1))
		[ "$number" != "${seen[$name]}" ] || continue
		echo "$name $((number - ${seen[$name]}))"
		status=0
	done < <(complaints)
	test $lines = ${#seen[@]} || { echo "$lines counters, and ${#seen[@]} before"; status=0; }
	return $status
}

takes_udp() { ip netns exec gw-b ss -Hlun6 'sport = :4500' | grep -q .; }

combination()
{
	local status=0

	suite_add "$1" && ask || status=1
	! complained || status=1
	return $status
}

tunnel_unlike_last()
{
	[ "$PROTO $MODE $OUTER_A $INNER_A" != "$last" ] || return 0
	last="$PROTO $MODE $OUTER_A $INNER_A"
	tunnel_load
}

# walks what combinations() of the script prints, or few_combinations() where the kernel is slow:
# a combination a line, PROTO MODE:FAMILIES SUITE ESN UDP, the last two or "-"
matrix_run()
{
	local ns last= line where suite esn udp begin mtu
	local -a all

	mapfile -t all < <(chosen)
	ktap_plan ${#all[@]}
	sites_begin
	sites_ipv6 || bail "no IPv6"
	shell_start || bail "no shell in gw-a"
	for ns in site-b gw-b; do started serve-$ns ip netns exec $ns "$TOOLS/echo.py" serve 7; done
	# xfrm's way in for ESP in UDP
	started espinudp ip netns exec gw-b "$TOOLS/espinudp.py" 4500
	resident site-a 6 7 ip netns exec site-a "$TOOLS/echo.py" asker 7 &&
		resident gw-a 8 9 ip netns exec gw-a "$TOOLS/echo.py" asker 7 || bail "nobody asks"
	wait_for 10 listens site-b 7 && wait_for 10 listens gw-b 7 && wait_for 10 takes_udp || bail "nobody answers"
	xfrm=$(<"$WORK/espinudp.pid")
	echo "'$NFIPSEC' show stats" >"$WORK/stats"
	mark_complaints
	last=
	for line in "${all[@]}"; do
		read -r PROTO where suite esn udp <<<"$line"
		place_set "$where"
		ESN=${esn#-} ENCAP=
		[ "$udp" = - ] || ENCAP=4500
		tunnel_unlike_last >"$WORK/load" 2>&1 || note "$line: $(<"$WORK/load")"
		begin=${EPOCHREALTIME/./}
		if check "$line" combination "$suite"; then
			read -r _ mtu <"$WORK/answer"
			note "MTU $mtu, $(((${EPOCHREALTIME/./} - begin) / 1000)) ms"
		else
			mark_complaints
		fi
	done
	sas_flush
	ktap_exit
}
