#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Everything is renewed all the time, by us and by strongSwan, and by both at once (the
# picture is in sites-lib.sh), while pings and a stream of datagrams go through the
# tunnel: none is lost, but those that strongSwan's side loses itself (xfrm's
# XfrmAcquireError, at a rekeying of its own). A delay on the wire between the gateways
# makes requests cross.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/modes-lib.sh"

ESP=aes128gcm16-x25519
DELAY=300	# ms, each way

# here IKE-LIFETIME LIFETIME REAUTH
here()
{
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ip from $NET_A to $NET_B
		}
		peer branch {
			local  address $GW_A id fqdn $ID_A
			remote address $GW_B id fqdn $ID_B
			auth psk
			ike $IKE
			ike-lifetime $1
			reauth $3
			tunnel lan {
				access-list branch
				esp $ESP
				lifetime $2
			}
		}
	END
	(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
}

# there IKE-REKEY-TIME REKEY-TIME: at these very seconds, and with time enough afterwards
there()
{
	swan_conf $IKE $ESP "$PSK" "make_before_break = yes"
	sed -i "s/^\( *\)proposals = .*/&\n\1rekey_time = $1\n\1over_time = 10m\n\1rand_time = 0s/
		s/^\( *\)esp_proposals = .*/&\n\1rekey_time = $2\n\1life_time = 10m\n\1rand_time = 0s/" \
		"$SWAN/swanctl.conf"
}

# begin SWAN-IKE SWAN-CHILD HERE-IKE HERE-CHILD HERE-REAUTH: up, with the first ping
begin()
{
	daemon_stop
	swan_stop
	policy_unload
	there "$1" "$2"
	here "$3" "$4" "$5"
	swan_start && daemon_start && in_site_a ping -n -q -c 1 -W 30 $SITE_B >"$WORK/ping" && mark_stats
}

slow_wire()
{
	local ns

	for ns in gw-a gw-b; do ip netns exec $ns tc qdisc "$1" dev wan root ${2:+netem delay ${DELAY}ms limit 10000} || return; done
}

# in our log: how often
told_us() { grep -c "$1" "$WORK/daemon"; }
told_them() { grep -c "$1" "$SWAN/log"; }

one_ike_sa()
{
	test "$(nf show peers --json | jq '[.peers[].ike_sas[] | select(.state == "established")] | length')" = 1 &&
		test "$(swanctl --list-sas | grep -c ESTABLISHED)" = 1
}

one_of_each() { two_sas_here && sas_there && one_ike_sa; }

# while_busy SECONDS COMMAND...: pings both ways and datagrams from a to b all the while
while_busy()
{
	local seconds=$1 status errors lost sent

	shift
	errors=$(acquire_errors)
	rm -f "$WORK/ping"*
	started ping ip netns exec site-a ping -n -q -i 0.05 -c $((seconds * 20)) -W 10 $SITE_B >"$WORK/ping"
	started ping-back ip netns exec site-b ping -n -q -i 0.05 -c $((seconds * 20)) -W 10 $SITE_A >"$WORK/ping-back"
	in_site_b iperf3 -s -1 -D -I "$WORK/iperf3.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens site-b 5201 || return
	started iperf ip netns exec site-a iperf3 -c $SITE_B -u -b 500k -l 500 -t "$seconds" -J >"$WORK/iperf3.json"
	"$@"
	status=$?
	wait_for $((seconds * 2 + 30)) ended iperf && wait_for 30 ended ping && wait_for 30 ended ping-back || return
	errors=$(($(acquire_errors) - errors))
	sent=$(jq .end.sum.packets "$WORK/iperf3.json")
	note "of $((seconds * 20)) pings each way $(lost) lost, of $sent datagrams" \
		"$(jq .end.sum.lost_packets "$WORK/iperf3.json"); XfrmAcquireError $errors"
	test $status = 0 && test "$(lost)" -le "$errors" && test "$sent" -gt 0 &&
		jq -e '.end.sum.lost_packets == 0' "$WORK/iperf3.json" >"$WORK/jq" && no_drops &&
		wait_for 20 one_of_each || { jq .end.sum "$WORK/iperf3.json"; told; }
}

# ---- strongSwan rekeys the IKE SA ----

ike_up_is() { test "$(told_us 'IKE SA with .* rekeyed:')" = "$1" && one_ike_sa; }

they_rekey_ike_thrice()
{
	local i spi

	spi=$(spi_out)
	for i in 1 2 3; do
		swanctl --rekey --ike hq >"$WORK/rekey" 2>&1 && wait_for 20 ike_up_is $i || return
	done
	# its CHILD SA is the same
	test "$(spi_out)" = "$spi"
}

they_rekey_ike() { while_busy 6 they_rekey_ike_thrice; }

# ---- all at once ----

# `up --verify` asks for a sign of life, and rekeys when that has come. How long strongSwan's
# command takes to begin nobody knows: ours begins before it, with it and after it, in steps
# below the time in which both requests are on their way, until they have crossed.
child_by_both()
{
	local wait

	for wait in 0 0.3 0.6 0.9 1.2 1.6 2 2.5 3; do
		started there ip netns exec gw-b env SWANCTL_DIR="$SWAN" STRONGSWAN_CONF="$SWAN/strongswan.conf" \
			bash -c "sleep 0.5; swanctl --rekey --child lan --uri $VICI" >"$WORK/rekey"
		sleep $wait
		nf up branch --verify >"$WORK/verify" 2>&1 && wait_for 10 ended there &&
			wait_for 20 two_sas_here || { cat "$WORK/verify" "$WORK/rekey"; return 1; }
		test "$(told_them collision)" -lt 2 || return 0
	done
}

# the CHILD SA now, with PFS, and the IKE SA when it is due at both ends: here after 26.4 to 28.4 s
both_rekey_all()
{
	while_busy 33 child_by_both || return
	note "IKE SAs rekeyed: $(told_us 'IKE SA with .* rekeyed:'), CHILD SAs up: $(told_us 'CHILD SA with .* up')," \
		"by both ends at once: here $(told_us 'rekeyed by both ends'), lines of strongSwan's $(told_them collision)"
	test "$(told_us 'IKE SA with .* rekeyed:')" -ge 1 &&
		test "$(told_us 'CHILD SA with .* up')" -ge 3 &&
		test "$(told_them collision)" -ge 1 || told
}

# ---- by us alone ----

we_rekey_ike()
{
	while_busy 11 true && test "$(told_us 'IKE SA with .* rekeyed:')" -ge 1 &&
		test "$(told_us 'CHILD SA with .* up')" = 1 || told
}

# ---- authenticated anew ----

we_reauth()
{
	while_busy 12 true && test "$(told_us 'IKE SA with .* up:')" -ge 2 &&
		grep -q 'IKE SA with .* down (replaced)' "$WORK/daemon" || told
}

reauthed() { test "$(told_us 'IKE SA with .* up:')" -gt "$1" && one_of_each; }

they_reauth_now()
{
	local before

	before=$(told_us 'IKE SA with .* up:')
	swanctl --rekey --ike hq --reauth >"$WORK/rekey" 2>&1 && wait_for 20 reauthed "$before"
}

they_reauth() { while_busy 5 they_reauth_now; }

ktap_plan 6
sites_begin
begin 4h 1h 4h 1h 0s || { told; bail "no tunnel"; }
check "strongSwan rekeys the IKE SA three times, nothing is lost" they_rekey_ike
begin 4h 1h 10s 1h 0s || { told; bail "no tunnel"; }
check "we rekey the IKE SA, nothing is lost" we_rekey_ike
begin 4h 1h 4h 1h 10s || { told; bail "no tunnel"; }
check "we authenticate anew, nothing is lost" we_reauth
check "strongSwan authenticates anew, nothing is lost" they_reauth
slow_wire add netem || bail "no netem"
begin 27s 1h 30s 1h 0s || { told; bail "no tunnel"; }
check "both rekey IKE and CHILD SAs at the same time, nothing is lost" both_rekey_all
slow_wire del
daemon_stop
check "the daemon's end leaves no SA" wait_for 10 no_sas
ktap_exit
