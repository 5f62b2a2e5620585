#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the operator is told when a tunnel does not come up, with strongSwan as
# the peer (the picture is in sites-lib.sh): `nfipsec up` fails with one
# line, and the daemon's log has one, that name the peer, what was offered and
# what was expected; and nothing is left behind.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes256gcm16-prfsha384-ecp384
ESP=aes256gcm16

# error_line PATTERN...: `nfipsec up` refuses with status 1 and one line on stderr
# that has each PATTERN, and so has the daemon's log, once
error_line()
{
	local status=0 line pattern

	nf up branch >"$WORK/up.out" 2>"$WORK/up.err" || status=$?
	test $status = 1 || { note "status $status"; return 1; }
	note "$(cat "$WORK/up.err")"
	test "$(wc -l <"$WORK/up.err")" = 1 || { note "not one line"; return 1; }
	line=$(cat "$WORK/up.err")
	for pattern in branch "$@"; do
		grep -Eqi -- "$pattern" <<<"$line" || { note "no '$pattern' in it"; return 1; }
	done
	logged_once "$@"
}

# logged_once PATTERN...: one line of the daemon's log has branch and all of them
logged_once()
{
	local out pattern

	out=$(grep -E 'branch' "$WORK/daemon")
	for pattern; do out=$(grep -Ei -- "$pattern" <<<"$out"); done
	test -n "$out" && test "$(wc -l <<<"$out")" = 1 && return
	note "the daemon's log:" "$(cat "$WORK/daemon")"
	return 1
}

wrong_psk()
{
	nf_conf $IKE $ESP "another secret" manual && daemon_start &&
		error_line 'AUTHENTICATION_FAILED|authentication' "$GW_B" "$ID_A" "$ID_B"
}

# strongSwan begins; ours is the responder who cannot verify
wrong_psk_responder()
{
	nf_conf $IKE $ESP "another secret" manual && daemon_start || return
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && return 1
	wait_for 20 logged_once 'authenticat|pre-shared' "$GW_B" "$ID_B"
}

no_proposal()
{
	nf_conf aes128-sha256-modp2048 $ESP "$PSK" manual && daemon_start &&
		error_line 'NO_PROPOSAL_CHOSEN|proposal' 'aes128-sha256' 'modp2048'
}

no_proposal_responder()
{
	nf_conf aes128-sha256-modp2048 $ESP "$PSK" manual && daemon_start || return
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && return 1
	wait_for 20 logged_once 'proposal' 'offered.*aes256gcm16' 'expected.*aes128'
}

no_child_proposal()
{
	nf_conf $IKE aes128-sha256 "$PSK" manual && daemon_start &&
		error_line 'NO_PROPOSAL_CHOSEN|proposal' 'aes128'
}

no_child_proposal_responder()
{
	nf_conf $IKE aes128-sha256 "$PSK" manual && daemon_start || return
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && return 1
	wait_for 20 logged_once 'proposal' 'offered.*aes256gcm16' 'expected.*aes128'
}

# selectors that have nothing in common: RFC 7296 2.9
no_selectors()
{
	nf_conf $IKE $ESP "$PSK" manual
	sed -i "s,to $NET_B,to 10.77.0.0/24," "$CONF"
	daemon_start && error_line 'TS_UNACCEPTABLE|selector' '10\.77\.0\.0'
}

# both sides of it are in the line: who reads it can say which is wrong
no_selectors_responder()
{
	nf_conf $IKE $ESP "$PSK" manual
	sed -i "s,to $NET_B,to 10.77.0.0/24," "$CONF"
	daemon_start || return
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && return 1
	wait_for 20 logged_once 'selectors' "offered.*$NET_A === $NET_B" "expected tunnel lan: $NET_A === 10\.77\.0\.0/24"
}

silent_peer()
{
	nf_conf $IKE $ESP "$PSK" manual && daemon_start && error_line 'answer' "$GW_B"
}

clean()
{
	daemon_stop
	wait_for 20 no_sas_here && policy_unload
}

ktap_plan 10
sites_begin
swan_conf $IKE $ESP
swan_start || bail "strongSwan does not start"
for name in wrong_psk wrong_psk_responder no_proposal no_proposal_responder \
		no_child_proposal no_child_proposal_responder no_selectors no_selectors_responder; do
	check "${name//_/ }: one clear line" $name
	clean
done
swan_stop
check "a peer that does not answer: one clear line" silent_peer
clean
check "no SA is left" no_sas_here
ktap_exit
