# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after sites-lib.sh by the tests of what a tunnel can be, negotiated with
# strongSwan: strongswan_modes.sh between the sites, strongswan_hosts.sh between the
# gateways. A suite is a name, the family outside, mode, protocol and proposal; each
# is begun by either end, some are rekeyed by either end, and no packet is lost.

. "$SELFTESTS/traffic-lib.sh"

IKE=aes128gcm16-prfsha256-x25519

# of the suite under way
ends() { if [ "$outer" = 4 ]; then us=$GW_A them=$GW_B; else us=$GW6_A them=$GW6_B; fi; }

entries()
{
	if [ "$mode" = transport ]; then
		echo "10 protect ip from $us to $them"
	else
		echo "10 protect ip from $NET_A to $NET_B"
		echo "20 protect ip from $NET6_A to $NET6_B"
	fi
}

# here START [LIFETIME]
here()
{
	cat >"$CONF" <<-END
		access-list branch {
			$(entries)
		}
		peer branch {
			local  address $us id fqdn $ID_A
			remote address $them id fqdn $ID_B
			auth psk
			ike $IKE
			tunnel lan {
				access-list branch
				$proto $proposal
				mode $mode
				start $1
				lifetime ${2:-1h}
			}
		}
	END
	(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
}

# there [MODE]
there()
{
	local local_ts="$NET_B, $NET6_B" remote_ts="$NET_A, $NET6_A"

	if [ "$mode" = transport ]; then local_ts=$them remote_ts=$us; fi
	GW_A=$us GW_B=$them NET_A=$remote_ts NET_B=$local_ts swan_conf $IKE "$proposal"
	sed -i "s/esp_proposals = \(.*\)/${proto}_proposals = \1\nmode = ${1:-$mode}/" "$SWAN/swanctl.conf"
}

# pings COUNT: to each address that is protected, by who may
pings()
{
	if [ "$mode" = transport ]; then
		in_gw_a ping -n -i 0.1 -c "$1" -W 30 "$them" >"$WORK/ping"
	else
		in_site_a ping -n -i 0.1 -c "$1" -W 30 $SITE_B >"$WORK/ping" &&
			in_site_a ping -n -i 0.1 -c "$1" -W 30 $SITE6_B >"$WORK/ping6"
	fi
}

pings_back()
{
	if [ "$mode" = transport ]; then
		in_gw_b ping -n -i 0.1 -c "$1" -W 30 "$us" >"$WORK/ping"
	else
		in_site_b ping -n -i 0.1 -c "$1" -W 30 $SITE_A >"$WORK/ping" &&
			in_site_b ping -n -i 0.1 -c "$1" -W 30 $SITE6_A >"$WORK/ping6"
	fi
}

# for unharmed: each address that is protected
streams()
{
	case ${mode:-}${outer:-} in
	transport*) echo "gw-a $them" ;;
	tunnel*) printf '%s\n' "site-a $SITE_B" "site-a $SITE6_B" ;;
	*) printf '%s\n' "site-a $SITE_B" "site-b $SITE_A" ;;
	esac
}

# how many of all pings got no answer
lost() { sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' "$WORK/ping"* | awk '{ n += $1 - $2 } END { print n + 0 }'; }
none_lost() { so test "$(lost)" = 0; }

# both SAs are what they should be, here and there
as_asked()
{
	in_gw_a "$NFIPSEC" show sas --json >"$WORK/sas"
	jq -e --arg p "$proto" --arg m "$mode" --arg r "$them" \
		'.sas | length == 2 and all(.[]; .proto == $p and .mode == $m and .remote == $r)' \
		"$WORK/sas" >"$WORK/jq" || { cat "$WORK/sas"; return 1; }
	test "$(ip -n gw-b xfrm state | grep -c "proto $proto .* mode $mode")" = 2 ||
		{ ip -n gw-b xfrm state; return 1; }
}

# what to read when it went wrong
told()
{
	counted
	in_gw_b grep -v '\s0$' /proc/net/xfrm_stat
	tail -n 20 "$WORK/daemon"
	tail -n 30 "$SWAN/log" | grep -v '\[NET\]\|\[ENC\]'
	cat "$WORK/ping"* 2>/dev/null
	return 1
}

we_initiate()
{
	here on-traffic
	daemon_start || return
	rm -f "$WORK/ping"*
	so pings 10 && none_lost && so as_asked && no_drops || told
}

# only the protocol is seen outside, both ways
nothing_else_outside()
{
	local word=ESP

	[ "$proto" = esp ] || word=AH
	capture_start gw-a wan "host $us or net $NET_A or net $NET6_A" || { cat "$WORK/tcpdump"; return 1; }
	pings 3 || { cat "$WORK/ping"*; return 1; }
	capture_stop
	test "$(grep -c "$us > $them: $word" "$WORK/wire")" -ge 3 &&
		test "$(grep -c "$them > $us: $word" "$WORK/wire")" -ge 3 || { cat "$WORK/wire" "$WORK/tcpdump"; return 1; }
	# tcpdump ends with an empty line
	! grep -v "> \($us\|$them\): $word\|ARP\|neighbor\|isakmp\|^$" "$WORK/wire"
}

they_initiate()
{
	daemon_stop
	policy_unload
	here manual
	rm -f "$WORK/ping"*
	so daemon_start && mark_stats && so swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 ||
		{ cat "$WORK/initiate"; told; return 1; }
	so wait_for 20 as_asked && so pings_back 5 && none_lost && so pings 5 && none_lost && no_drops || told
}

spi_out() { in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas[] | select(.dir == "out") | .spi' | sort; }
rekeyed_from() { test "$(sas)" = 2 && test "$(spi_out)" != "$1"; }

they_rekey_now()
{
	local spi

	spi=$(spi_out)
	so swanctl --rekey --child lan >"$WORK/rekey" 2>&1 && so wait_for 20 rekeyed_from "$spi"
}

they_rekey() { unharmed they_rekey_now || told; }

we_rekey_now()
{
	local spi

	spi=$(spi_out)
	wait_for 30 rekeyed_from "$spi"
}

# the soft limit is a little below the lifetime
we_rekey()
{
	daemon_stop
	so wait_for 20 no_sas_there || return
	here on-traffic 10s
	# what a daemon could have been asked for while there was none is not of interest
	so daemon_start && mark_stats && so pings 1 && unharmed we_rekey_now || told
}

tcp_inside()
{
	local to=$SITE6_B

	[ "$outer" = 6 ] && to=$SITE_B
	in_site_b iperf3 -s -1 -D -I "$WORK/iperf3.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens site-b 5201 || return
	# what is still on its way at the end the receiver does not count: small buffers have little of it
	in_site_a iperf3 -c "$to" -n 2M -w 128K -J >"$WORK/iperf3.json" 2>&1 || { cat "$WORK/iperf3.json"; return 1; }
	so jq -e '.end.sum_received.bytes >= 2097152 * 0.75' "$WORK/iperf3.json" >"$WORK/jq" && no_drops
}

# whoever wrote `mode transport` wants no tunnel: said so, and no SA is left
declined()
{
	local status

	daemon_stop
	here manual
	there tunnel
	swan_load && daemon_start || return
	nf up branch >"$WORK/up" 2>&1
	status=$?
	test $status = 1 && grep -q 'chose tunnel mode: offered transport mode' "$WORK/up" &&
		wait_for 20 no_sas_here && wait_for 20 no_esp_there || { cat "$WORK/up"; return 1; }
}

not_asked_for()
{
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && return 1
	grep -q 'NO_PROPOSAL_CHOSEN\|NO_PROP' "$WORK/initiate" &&
		grep -q 'no common mode with .*: offered tunnel, expected transport' "$WORK/daemon" &&
		no_sas_here
}

no_esp_there() { test -z "$(ip -n gw-b xfrm state)"; }

per_suite()
{
	local name=$1 outer=$2 mode=$3 proto=$4 proposal=$5 us them

	ends
	there
	swan_start || bail "strongSwan does not start"
	counted_check "$name: we initiate on the first ping, none is lost" we_initiate
	counted_check "$name: nothing else is seen outside" nothing_else_outside
	case $name in
	tunnel-*|ah-tunnel-6) counted_check "$name: TCP of the other family inside" tcp_inside ;;
	esac
	counted_check "$name: strongSwan initiates, packets go both ways" they_initiate
	# of ESP and of AH; what is outside is the same to a rekeying
	case $name in
	tunnel-4|ah-tunnel-6|transport-4|ah-transport-4)
		counted_check "$name: strongSwan rekeys, no ping is lost" they_rekey
		counted_check "$name: we rekey, no ping is lost" we_rekey
		;;
	esac
	if [ "$name" = transport-4 ]; then
		counted_check "$name: tunnel mode in its place is refused" declined
		counted_check "$name: and not granted" not_asked_for
	fi
	daemon_stop
	check "$name: the daemon's end leaves no SA" wait_for 20 no_sas
	policy_unload
	swan_stop
}

# on the gateways the neighbours are known: xfrm would protect their solicitation, too
neighbours()
{
	local mac_a mac_b

	mac_a=$(in_gw_a cat /sys/class/net/wan/address)
	mac_b=$(in_gw_b cat /sys/class/net/wan/address)
	ip -n gw-a neigh replace $GW6_B lladdr "$mac_b" dev wan nud permanent &&
		ip -n gw-b neigh replace $GW6_A lladdr "$mac_a" dev wan nud permanent
}

# of $SUITES, one a line
all_suites()
{
	local suite

	sites_begin
	sites_ipv6 && neighbours || bail "IPv6 does not come up"
	while read -r suite; do
		# shellcheck disable=SC2086
		[ -z "$suite" ] || per_suite $suite
	done <<<"$SUITES"
}
