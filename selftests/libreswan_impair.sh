#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A hostile peer: libreswan breaks the protocol on purpose, one way for each row of the table
# (`whack --impair`). Where RFC 7296 says to bear with it the tunnel comes up and carries packets; else
# it is refused, our log says why, and no SA is in the module. After each the same two daemons without the
# impairment bring the tunnel up.
#
# What `whack --impair help` of libreswan 4.10 has besides, so that the list is whole:
#
#	of IKEv1		bust-mi2 bust-mr2 drop-i2 drop-xauth-r0 send-no-xauth-r0 send-no-main-r2
#				ikev1-del-with-notify v1-hash-check v1-hash-exchange v1-hash-payload
#	of TCP (RFC 8229)	tcp-use-blocking-write tcp-skip-setsockopt-espintcp
#	when it sends again	suppress-retransmits delete-on-retransmit timeout-on-retransmit
#	its timers, by hand	event-v2-rekey event-v2-liveness event-sa-replace (rekey and liveness here do that)
#				send-keepalive trigger ignore-soft-expire ignore-hard-expire event-check-crls
#	its own checks, limits	allow-dns-insecure allow-null-none emitting force-fips log-rate-limit proposal-parser
#				sa-creation send-key-size-check revival
#
# and what has no row, though it does concern us:
#
#	rekey-respond-supernet	what it answers to our rekey we refuse (2.9, 2.9.2) and delete, and our SA stays; but libreswan
#	rekey-respond-subnet	took its own for replaced, and carries nothing until the tunnel is set up again
#	event-v2-reauth		begins with an IKE_AUTH without a CHILD SA, which is malformed without RFC 6023
#	send-no-delete		we find out as we do of a peer that died (2.4), after more than 30 s
#	ike-responder-spi ignore-v2-ike-auth-child send-pkcs7-thingie	not tried
#
# replay-* and corrupt-encrypted change what libreswan receives, not what it sends: it takes our messages twice, in
# another order or not at all, and answers accordingly. What it does not understand we send again.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/peers-lib.sh"
. "$(dirname "$0")/libreswan-lib.sh"
peer=libreswan

# Who begins: we, they, both; or what happens to a tunnel that is up: rekey, rekey-ike, liveness (all
# by libreswan), ours (our rekey), down (they take it down); with -late the impairment is over while they
# still send again. Outcome: up, refused, or kept: whatever becomes of the rekey, the tunnel stays. Then the section
# of RFC 7296, what our log or their command must say (a regular expression of one word; "-": nothing in particular),
# and the impairments.
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
rekey	up	2.9.2	-	rekey-initiate-supernet
rekey	kept	2.9.2	narrower.than	rekey-initiate-subnet
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
rekey	up	2.1	-	jacob-two-two
rekey	up	2.1	-	replay-duplicates
rekey	up	2.1	-	replay-forward
rekey	up	2.1	-	replay-backward
rekey	up	2.1	-	replay-encrypted
rekey-ike	up	2.1	-	jacob-two-two
rekey-ike	up	2.1	-	replay-duplicates
rekey-ike	up	2.1	-	replay-forward
rekey-ike	up	2.1	-	replay-backward
rekey-ike	up	2.1	-	replay-encrypted
ours	up	2.1	-	jacob-two-two
ours	up	2.1	-	replay-duplicates
ours	up	2.1	-	replay-forward
ours	up	2.1	-	replay-backward
ours	up	2.1	-	replay-encrypted
rekey	up	2.1	-	drop-incoming:1
rekey	up	2.1	-	drop-outgoing:1
rekey-ike	up	2.1	-	drop-incoming:1
rekey-ike	up	2.1	-	drop-outgoing:1
ours	up	2.1	-	drop-incoming:2
ours	up	2.1	-	drop-outgoing:2
both	up	2.1	-	corrupt-encrypted replay-encrypted
rekey	up	2.1	-	corrupt-encrypted replay-encrypted
rekey-ike	up	2.1	-	corrupt-encrypted replay-encrypted
ours	up	2.1	-	corrupt-encrypted replay-encrypted
we	refused	2.1	-	corrupt-encrypted
rekey-late	up	2.1	-	corrupt-encrypted
rekey-ike-late	up	2.1	-	corrupt-encrypted
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
logged() { { new_log; cat "$WORK/command"; } | grep -Eq -- "$1"; }

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

on_a_tunnel()	# WHAT OUTCOME PATTERN
{
	local spi ike_spi

	spi=$(spi_out)
	ike_spi=$(ike_spi)
	case $1 in
	rekey) whack_for 5 --rekey-ipsec >"$WORK/command" 2>&1 ;;
	rekey-late) whack --name hq --rekey-ipsec --asynchronous >"$WORK/command" 2>&1 && sleep 3 && unimpair ;;
	rekey-ike) whack --name hq --rekey-ike --asynchronous >"$WORK/command" 2>&1 ;;
	rekey-ike-late) whack --name hq --rekey-ike --asynchronous >"$WORK/command" 2>&1 && sleep 3 && unimpair ;;
	liveness) whack --impair "initiate-v2-liveness:$(their_ike_state)" >"$WORK/command" 2>&1 ;;
	ours) nf_for 5 up branch --verify >"$WORK/command" 2>&1 ;;
	esac
	case $1-$2 in
	rekey-up|rekey-late-up|ours-up) wait_for 10 rekeyed_from "$spi" && carries ;;
	rekey-ike-up|rekey-ike-late-up) wait_for 10 ike_rekeyed_from "$ike_spi" && carries ;;
	*-kept) { [ "$3" = - ] || wait_for 10 logged "$3"; } && carries ;;
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
	*) nf up branch >"$WORK/up" 2>&1 && impair "$@" && on_a_tunnel "$who" "$outcome" "$pattern" ;;
	esac
	status=$?
	[ $status = 0 ] || shown
	# the same daemons without it
	unimpair && all_down && running daemon && running lsw && nf_for 20 up branch >"$WORK/up" 2>&1 &&
		one_ping && and_back && all_down || { echo "afterwards:"; shown; return 1; }
	[ "$outcome" = up ] || note "$(new_log | grep -av 'is up\|up: ' | head -n 3 | cut -c1-200)"
	return $status
}

case ${NFIPSEC_IMPAIR:-} in
'') ;;
long) TABLE+=$MORE ;;
*) TABLE=$(grep -E -- "$NFIPSEC_IMPAIR" <<<"$TABLE$MORE") ;;
esac
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
