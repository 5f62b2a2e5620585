#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A hostile peer: libreswan breaks the protocol on purpose, one way for each row of the table
# (`whack --impair`). Where RFC 7296 says to bear with it the tunnel comes up and carries packets; else
# it is refused, our log says why, and no SA is in the module. After each the same two daemons without the
# impairment bring the tunnel up.
#
# Left out are those of IKEv1, of TCP and those that change nothing on the wire
# (timers, checks and limits of libreswan's own).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/peers-lib.sh"
. "$(dirname "$0")/libreswan-lib.sh"
peer=libreswan

# Who begins: we, they, both; or what happens to a tunnel that is up: rekey, rekey-ike, reauth, liveness (all
# by libreswan), ours (our rekey), down (they take it down). Outcome: up, refused, or kept: whatever
# becomes of the rekey, the tunnel stays. Then the section of RFC 7296, what our log must say ("-": nothing
# in particular), and the impairments.
TABLE="
both	up	2.1	-	jacob-two-two
both	up	2.1	-	replay-duplicates
both	up	2.1	-	replay-forward
both	up	2.1	-	replay-backward
both	up	2.1	-	replay-encrypted
both	up	2.1	-	drop-incoming:1
both	up	2.1	-	drop-outgoing:1
both	up	2.5	-	minor-version-bump
they	refused	2.5	-	major-version-bump
both	up	3.1	-	send-bogus-isakmp-flag
both	up	3.2	-	send-bogus-payload-flag
both	up	3.3	-	send-nonzero-reserved
both	up	2.15	-	send-nonzero-reserved-id
they	up	3.5	-	send-no-idr
both	up	2.6	-	send-bogus-dcookie
both	up	2.5	-	add-unknown-v2-payload-to:IKE_SA_INIT
both	up	2.5	-	add-unknown-v2-payload-to-sk:IKE_AUTH
rekey	up	2.5	-	add-unknown-v2-payload-to-sk:CREATE_CHILD_SA
liveness	up	2.5	-	add-unknown-v2-payload-to-sk:INFORMATIONAL
they	refused	2.5	-	add-unknown-v2-payload-to-sk:IKE_AUTH unknown-v2-payload-critical
rekey	kept	2.5	-	add-unknown-v2-payload-to-sk:CREATE_CHILD_SA unknown-v2-payload-critical
they	refused	3.3.5	-	ike-key-length-attribute:DUPLICATE
they	refused	3.3.5	-	child-key-length-attribute:EMPTY
they	refused	3.4	-	ke-payload:1
they	refused	1.2	-	omit-v2-ike-auth-child
they	refused	2.21.2	-	force-v2-auth-method:NULL
we	refused	2.2	-	bad-ikev2-auth-xchg
"
# with NFIPSEC_IMPAIR=long these, too
MORE="
both	up	2.5	-	add-unknown-v2-payload-to:IKE_AUTH
we	refused	2.5	-	add-unknown-v2-payload-to:IKE_SA_INIT unknown-v2-payload-critical
they	refused	2.5	-	add-unknown-v2-payload-to:IKE_SA_INIT unknown-v2-payload-critical
we	refused	2.5	-	add-unknown-v2-payload-to-sk:IKE_AUTH unknown-v2-payload-critical
they	refused	3.1	-	ike-initiator-spi:0
they	refused	3.3.5	-	ike-key-length-attribute:OMIT
they	refused	3.3.5	-	ike-key-length-attribute:EMPTY
they	refused	3.3.5	-	ike-key-length-attribute:0
we	refused	3.3.5	-	ike-key-length-attribute:192
they	refused	3.3.5	-	child-key-length-attribute:OMIT
they	refused	3.3.5	-	child-key-length-attribute:DUPLICATE
we	refused	3.3.5	-	child-key-length-attribute:0
they	refused	3.4	-	ke-payload:OMIT
they	refused	3.4	-	ke-payload:EMPTY
we	refused	3.4	-	ke-payload:OMIT
we	refused	3.4	-	ke-payload:EMPTY
we	refused	3.4	-	ke-payload:0
they	up	3.3.6	-	ikev2-add-ike-transform:130536
they	refused	3.3.6	-	ikev2-add-ike-transform:6488065
we	refused	3.3.6	-	ikev2-add-ike-transform:6488065
they	up	3.3.6	-	ikev2-add-child-transform:130536
they	refused	3.3.6	-	ikev2-add-child-transform:6488065
both	up	3.3.3	-	v2-proposal-integ:allow-none
they	refused	3.3.3	-	v2-proposal-dh:omit
both	up	1.2	-	childless-ikev2-supported
both	up	2.15	-	omit-v2n-signature-hash-algorithms
both	up	2.15	-	ignore-v2n-signature-hash-algorithms
they	refused	1.2	-	send-no-ikev2-auth
"

impair()
{
	local word

	for word; do whack --impair "$word" >>"$WORK/command" 2>&1 || { cat "$WORK/command"; return 1; }; done
}
# and without beginning again by itself what failed, at any later moment
unimpair() { whack --impair none >"$WORK/command" 2>&1 && whack --impair revival >>"$WORK/command" 2>&1; }

# whack_for SECONDS WORDS...: it waits for the outcome, of which there may be none
whack_for()
{
	timeout "$1" ip netns exec gw-b "$LSW_BIN/whack" --ctlsocket "$LSW/pluto.ctl" --name hq "${@:2}"
}
nf_for() { timeout "$1" ip netns exec gw-a "$NFIPSEC" --socket "$SOCK" "${@:2}"; }

mark_log() { wc -l <"$WORK/daemon" >"$WORK/daemon.mark"; }
new_log() { tail -n +$(($(cat "$WORK/daemon.mark") + 1)) "$WORK/daemon"; }
logged() { new_log | grep -Eq -- "$1"; }

one_ping() { in_site_a ping -n -q -c 1 -W 10 $SITE_B >"$WORK/ping" 2>&1; }
and_back() { in_site_b ping -n -q -c 1 -W 10 $SITE_A >"$WORK/ping.back" 2>&1; }
carries() { wait_for 10 up_here_and_there && one_ping && and_back; }

# libreswan's number of the IKE SA
their_ike_state() { whack --showstates | sed -n 's/^[0-9]* #\([0-9]*\):.*ESTABLISHED_IKE_SA.*/\1/p' | tail -n 1; }

# all gone at both ends, whatever there is
all_down()
{
	nf down branch >"$WORK/down" 2>&1
	whack_for 5 --terminate >"$WORK/terminate" 2>&1
	wait_for 10 no_esp
}

# begun WHO OUTCOME PATTERN: with the impairment on
begun()
{
	local seconds=20

	[ "$2" = up ] || seconds=4
	if [ "$1" = we ]; then
		nf_for $seconds up branch >"$WORK/up" 2>&1
	else
		whack_for $seconds --initiate >"$WORK/initiate" 2>&1
	fi
	if [ "$2" = up ]; then
		carries
	else
		{ [ "$3" = - ] || wait_for 5 logged "$3"; } && no_sas_here
	fi
}

on_a_tunnel()	# WHAT OUTCOME
{
	local spi ike_spi

	spi=$(spi_out)
	ike_spi=$(ike_spi)
	case $1 in
	rekey) whack_for 5 --rekey-ipsec >"$WORK/command" 2>&1 ;;
	rekey-ike) whack --name hq --rekey-ike --asynchronous >"$WORK/command" 2>&1 ;;
	reauth) whack --impair "event-v2-reauth:$(their_ike_state)" >"$WORK/command" 2>&1 ;;
	liveness) whack --impair "initiate-v2-liveness:$(their_ike_state)" >"$WORK/command" 2>&1 ;;
	ours) nf_for 5 up branch --verify >"$WORK/command" 2>&1 ;;
	esac
	case $1-$2 in
	rekey-up) wait_for 10 rekeyed_from "$spi" && carries ;;
	rekey-ike-up) wait_for 10 ike_rekeyed_from "$ike_spi" && carries ;;
	*) carries ;;
	esac
}

shown()
{
	cat "$WORK/up" "$WORK/initiate" "$WORK/command"
	new_log | tail -n 20
	tail -n 30 "$LSW/log"
}

row()
{
	local who=$1 outcome=$2 pattern=$3 status=0

	shift 3
	mark_log
	: >"$WORK/command"
	case $who in
	we|they) impair "$@" && begun "$who" "$outcome" "$pattern" ;;
	both)
		impair "$@" && begun we "$outcome" "$pattern" && all_down && begun they "$outcome" "$pattern" ;;
	down)
		nf up branch >"$WORK/up" 2>&1 && impair "$@" && whack_for 5 --terminate >"$WORK/terminate" 2>&1
		wait_for 30 no_sas_here ;;
	*) nf up branch >"$WORK/up" 2>&1 && impair "$@" && on_a_tunnel "$who" "$outcome" ;;
	esac
	status=$?
	[ $status = 0 ] || shown
	# the same daemons without it
	unimpair && all_down && running daemon && running lsw && nf_for 20 up branch >"$WORK/up" 2>&1 &&
		one_ping && and_back && all_down || { echo "afterwards:"; shown; return 1; }
	[ "$outcome" = up ] || note "$(new_log | grep -av 'is up\|up: ' | head -n 3 | cut -c1-200)"
	return $status
}

[ "${NFIPSEC_IMPAIR:-}" != long ] || TABLE+=$MORE
rows=$(grep -c . <<<"$TABLE")
ktap_plan $((rows + 1))
sites_begin
note "$(there version)"
start=manual dpd=2s
both_start >"$WORK/started" || { cat "$WORK/started"; bail "the daemons do not start"; }
unimpair || bail "libreswan takes no impairment"
daemon_was=$(daemon_pid)
while read -r who outcome section pattern words; do
	# shellcheck disable=SC2086
	[ -z "$who" ] ||
		check "$who, $words: $outcome (RFC 7296 $section)" row "$who" "$outcome" "$pattern" $words </dev/null
done <<<"$TABLE"
check "the daemon is the one that was started" test "$(daemon_pid)" = "$daemon_was"
both_stop
ktap_exit
