#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The CHILD SA and the IKE SA are renewed by us, by strongSwan, and by both at once (the
# picture is in sites-lib.sh), while pings go both ways through the tunnel: none is lost, but
# by strongSwan's side (traffic-lib.sh). For requests to cross they take their time on the
# wire, and strongSwan is told to begin when ours is on its way.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/modes-lib.sh"

ESP=aes128gcm16-x25519
DELAY=1500	# ms, each way

# here IKE-LIFETIME REAUTH: and no CHILD SA ends by itself
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
			reauth $2
			tunnel lan {
				access-list branch
				esp $ESP
				lifetime 1h
			}
		}
	END
	(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
}

# begin IKE-LIFETIME REAUTH: ours; up, with the first ping
begin()
{
	daemon_stop
	swan_stop
	policy_unload
	swan_conf $IKE $ESP "$PSK" "make_before_break = yes"
	here "$1" "$2"
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

ike_states() { nf show peers --json | jq -r '.peers[].ike_sas[].state'; }

one_ike_sa() { test "$(ike_states)" = established && test "$(swanctl --list-sas | grep -c ESTABLISHED)" = 1; }

one_of_each() { two_sas_here && sas_there && one_ike_sa; }

# none is lost, and at the end there is one of each
renewed_by() { unharmed "$@" && so wait_for 30 one_of_each || told; }

# ---- by strongSwan ----

ike_rekeyed() { test "$(told_us 'IKE SA with .* rekeyed:')" -ge "$1" && one_of_each; }

rekey_ike_thrice()
{
	local i spi

	spi=$(spi_out)
	for i in 1 2 3; do
		so swanctl --rekey --ike hq >"$WORK/rekey" 2>&1 && so wait_for 30 ike_rekeyed $i || return
	done
	# its CHILD SA is the same
	so test "$(spi_out)" = "$spi"
}

they_rekey_ike() { renewed_by rekey_ike_thrice; }

reauthed() { test "$(told_us 'IKE SA with .* up:')" -gt "$1" && one_of_each; }

reauth_now()
{
	local before

	before=$(told_us 'IKE SA with .* up:')
	so swanctl --rekey --ike hq --reauth >"$WORK/rekey" 2>&1 && so wait_for 30 reauthed "$before"
}

they_reauth() { renewed_by reauth_now; }

# ---- by us, when its time has come ----

we_rekey_ike() { renewed_by wait_for 40 ike_rekeyed 1 && so test "$(told_us 'CHILD SA with .* up')" = 1; }

replaced() { test "$(told_us 'IKE SA with .* down (replaced)')" -ge 1 && reauthed 1; }
we_reauth() { renewed_by wait_for 40 replaced; }

# ---- by both at once ----

# crossed WHAT: strongSwan says so; at its end, not only when it begins
crossed() { told_them "$1 rekey collision \(won\|lost\)"; }
child_under_way() { nf show peers --json | jq -e '.peers[].tunnels[].children[] | select(.state == "negotiating")'; }

# until the requests have crossed: `up --verify` asks for a sign of life and then rekeys
child_by_both()
{
	local i

	for i in 1 2 3 4 5 6 7 8; do
		started verify ip netns exec gw-a "$NFIPSEC" --socket "$SOCK" up branch --verify >"$WORK/verify" 2>&1
		wait_for 20 child_under_way
		so swanctl --rekey --child lan >"$WORK/rekey" 2>&1 && so wait_for 30 ended verify &&
			so wait_for 30 one_of_each || { cat "$WORK/verify" "$WORK/rekey"; return 1; }
		[ "$(crossed CHILD_SA)" -eq 0 ] || return 0
	done
	because "$i times both ends have rekeyed the CHILD SA, and their requests did not cross"
}

ike_under_way() { ike_states | grep -qvx "established\|deleting\|rekeyed"; }

# ours comes every five or six seconds
ike_by_both()
{
	local i spi

	spi=$(spi_out)
	for i in 1 2 3 4 5 6 7 8; do
		so wait_for 30 ike_under_way && so swanctl --rekey --ike hq >"$WORK/rekey" 2>&1 &&
			so wait_for 30 one_of_each || { cat "$WORK/rekey"; return 1; }
		[ "$(crossed IKE_SA)" -eq 0 ] || { so test "$(spi_out)" = "$spi"; return; }
	done
	because "$i times both ends have rekeyed the IKE SA, and their requests did not cross"
}

both_rekey_ike() { renewed_by ike_by_both && note "$(grep "IKE_SA rekey collision" "$SWAN/log" | tail -n 1)"; }

both_rekey_child() { renewed_by child_by_both && note "$(grep "CHILD_SA rekey collision" "$SWAN/log" | tail -n 1)"; }

ktap_plan 7
sites_begin
begin 4h 0s || { told; bail "no tunnel"; }
check "strongSwan rekeys the IKE SA three times, nothing is lost" they_rekey_ike
check "strongSwan reauthenticates, nothing is lost" they_reauth
slow_wire add netem || bail "no netem"
check "both rekey the CHILD SA at the same time, nothing is lost" both_rekey_child
begin 20s 0s || { told; bail "no tunnel"; }
check "both rekey the IKE SA at the same time, nothing is lost" both_rekey_ike
slow_wire del
begin 10s 0s || { told; bail "no tunnel"; }
check "we rekey the IKE SA, nothing is lost" we_rekey_ike
begin 4h 10s || { told; bail "no tunnel"; }
check "we reauthenticate, nothing is lost" we_reauth
daemon_stop
check "the daemon's end leaves no SA" wait_for 20 no_sas
ktap_exit
