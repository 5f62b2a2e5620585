#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The first load after power-on, in gw-a (the picture is in sites-lib.sh; gw-b only routes): the
# policy before the daemon, a daemon whose credentials are broken, a configuration that is refused.
# Nothing of a protect entry is seen on the wan meanwhile, systemd hears READY=1 only when a policy is
# in force, and without one each command that shows something says so first.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

CLEAR="net $NET_A and net $NET_B"
STATUS=$WORK/status
SHOWN="peers sas policy tunnels stats"

# ---- systemd's end of sd_notify ----

notified() { grep -q "$1" "$WORK/notified"; }
not_notified() { ! notified "$1" || { cat "$WORK/notified"; because "systemd heard $1"; }; }

listen_begin()
{
	stopped notify TERM
	: >"$WORK/notified"
	rm -f "$WORK/notify"
	started notify socat -u "UNIX-RECV:$WORK/notify,unlink-close=0" "OPEN:$WORK/notified,append" >"$WORK/socat" 2>&1
	wait_for 20 test -S "$WORK/notify"
}

# daemon WORDS...: its exit status is in $STATUS when it has ended
daemon()
{
	rm -f "$STATUS" "$WORK/daemon.pid"
	listen_begin || return
	started launcher bash -c "ip netns exec gw-a env NOTIFY_SOCKET='$WORK/notify' '$NFIPSECD' --socket '$SOCK' $* &
		echo \$! >'$WORK/daemon.pid'; wait \$!; echo \$? >'$STATUS'" >"$WORK/daemon" 2>&1
	wait_for 20 test -s "$WORK/daemon.pid"
}

daemon_ended() { test -s "$STATUS"; }
status_is() { so wait_for 20 daemon_ended && so test "$(cat "$STATUS")" = "$1"; }
daemon_away() { stopped daemon TERM && stopped notify TERM && rm -f "$SOCK"; }

ready() { so wait_for 20 notified READY=1 && so grep -q 'is ready' "$WORK/daemon"; }

# ---- what leaves gw-a ----

marker() { in_gw_a bash -c "echo marker >/dev/udp/$GW_B/9" 2>"$WORK/marker"; }
markers() { test "$(grep -c "$GW_B.9: UDP" "$WORK/wire")" -ge "$1"; }

# nothing_clear: three pings of site-a are not seen on the wan; a marker shows that the capture works
nothing_clear()
{
	capture_start gw-b wan "($CLEAR) or (udp port 9)" || return
	marker
	so wait_for 20 markers 1 || return
	in_site_a ping -n -q -c 3 -i 0.3 -W 1 $SITE_B >"$WORK/ping" 2>&1
	marker
	so wait_for 20 markers 2 || return
	capture_stop
	! grep -v "$GW_B.9: UDP" "$WORK/wire" | grep . || because "clear packets were seen"
}

good_ping() { in_site_a ping -n -q -c 2 -i 0.1 -W 20 $SITE_B; }

entries() { in_gw_a "$NFIPSEC" show policy --json | jq '.policy | length'; }
in_force() { so test "$(entries)" = "$1"; }

# each command that shows something begins with that; JSON has it, too
says_first()
{
	local what out

	for what in $SHOWN; do
		out=$(nf show "$what" 2>&1 | head -n 1)
		[[ $out == "no policy is in force: "*$1* ]] || { because "show $what: $out"; return 1; }
	done
	out=$(nf explain icmp $SITE_A $SITE_B | head -n 1)
	[[ $out == "no policy is in force: "*$1* ]] || { because "explain: $out"; return 1; }
	for what in "show sas" "show policy" "show stats" "show tunnels" "explain icmp $SITE_A $SITE_B"; do
		# shellcheck disable=SC2086
		nf $what --json | jq -e --arg why "$1" '.no_policy | contains($why)' >"$WORK/jq" ||
			{ because "$what --json"; return 1; }
	done
}

says_nothing()
{
	local what

	for what in $SHOWN; do
		! nf show "$what" 2>&1 | grep 'no policy' || return
		! nf show "$what" --json 2>&1 | grep 'no_policy' || return
	done
}

unloaded() { policy_unload; }

# ---- the cases ----

before_the_daemon()
{
	in_gw_a "$NFIPSEC" load --no-daemon "$CONF" && in_force 1 && nothing_clear
}

broken_credentials()
{
	mkdir -p "$WORK/certs"
	echo "not a certificate" >"$WORK/certs/renewing.pem"
	daemon --config "$CONF" || return
	ready && in_force 1 && so grep -q 'renewing.pem: found no certificate' "$WORK/daemon" &&
		! nf show peers | grep 'cannot come up' && nothing_clear
}

# the same peer can be asked: it has its secret
goes_on() { nf show peers | grep -q '^branch:'; }

reload_is_refused()
{
	echo "access-list more { 1 discard ip from any to 10.9.0.0/16 }" >>"$CONF"
	so fails nf load "$CONF" && in_force 1 && so output_matches 'the last load was refused: .*renewing.pem' nf show peers
	rm -r "$WORK/certs"
	so nf load "$CONF" && in_force 2 && ! nf show peers | grep refused
}

open_secrets()
{
	chmod 644 "$WORK/secrets"
	daemon --config "$CONF" || return
	ready && in_force 1 && nothing_clear &&
		so output_matches 'cannot come up: .*/secrets:1:1: found mode 0644, expected 0600' nf show peers &&
		so test "$(nf show peers --json | jq -r '.peers[0].lacks' | grep -c 'mode 0644')" = 1 &&
		so output_matches 'found mode 0644' fails nf up branch
}

# by the file, by the peer, and by its tunnel: however many packets ask
said_once() { so test "$(grep -c 'mode 0644' "$WORK/daemon")" -le 3; }

mended()
{
	chmod 600 "$WORK/secrets"
	so nf load "$CONF" && ! nf show peers | grep 'cannot come up'
}

typo()
{
	sed -i 's/protect ip/protekt ip/' "$CONF"
	daemon --config "$CONF" || return
	status_is 78 && not_notified READY=1 && so notified 'STATUS=No policy is in force: .*nfipsec.conf:2:' &&
		so grep -q "no policy is in force: $CONF:2:" "$WORK/daemon"
}

typo_with_old_policy()
{
	daemon --config "$CONF" || return
	ready && in_force 1 && nothing_clear && so notified 'STATUS=The policy of an earlier load is in force' &&
		so output_matches "the last load was refused: $CONF:2:" nf show peers
}

no_config()
{
	daemon --no-config || return
	so wait_for 20 nf show peers && not_notified READY=1 && ! grep 'is ready' "$WORK/daemon" || return
	so nf load "$CONF" && ready
}

missing_file()
{
	daemon --config "$WORK/nowhere.conf" || return
	status_is 78 && not_notified READY=1 && says_first "$WORK/nowhere.conf: No such file"
}

empty_file()
{
	echo "# nothing yet" >"$WORK/empty.conf"
	daemon --config "$WORK/empty.conf" || return
	ready && says_first "$WORK/empty.conf has no entry"
}

# the other namespaces have nothing to do with what gw-a's configuration is like
elsewhere()
{
	output_matches '^no policy is in force: none was loaded since' ip netns exec gw-b "$NFIPSEC" show policy
}

without_module() { output_matches '^nfipsec: no policy is in force: the nfipsec module is not loaded' nf show policy; }

ktap_plan 26
sites_begin
on_exit "stopped notify TERM"
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16

check "without a policy the sites reach each other in clear" good_ping
check "and each command says first that there is none" says_first "none was loaded since the module was"
check "load --no-daemon puts the policy into force, and nothing leaves in clear" before_the_daemon
check "then no command says so any more" says_nothing
check "a daemon with a broken certificate that nobody needs is ready, with its policy" broken_credentials
check "and its peers lack nothing" goes_on
check "over a configuration in force such a load is refused" reload_is_refused
check "its policy stays when the daemon ends" daemon_away
check "nfipsec unload removes it" unloaded
check "and is the reason that is said then" says_first "nfipsec unload removed it"
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16
check "a daemon whose secrets all may read is ready, and its peer says what it lacks" open_secrets
check "the log says it once" said_once
check "a load with what was lacking brings the peer back" mended
check "the daemon ends" daemon_away
cp "$CONF" "$WORK/good.conf"
check "unloaded" unloaded
check "a daemon with a typo and no policy fails, never ready" typo
check "each command says where the typo is" says_first "$CONF:2:"
check "but not in another namespace" elsewhere
in_gw_a "$NFIPSEC" load --no-daemon "$WORK/good.conf"
check "with the policy of an earlier load it stays, and nothing leaves in clear" typo_with_old_policy
cp "$WORK/good.conf" "$CONF"
check "a right configuration brings the peers back" mended
daemon_away
policy_unload
check "without a configuration it is ready when one is loaded, not before" no_config
daemon_away
policy_unload
check "one whose file is missing fails" missing_file
sed 's/access-list branch$/access-list nowhere/' "$WORK/good.conf" >"$CONF"
check_fails "load --no-daemon refuses a configuration with an error" in_gw_a "$NFIPSEC" load --no-daemon "$CONF"
check "and each command says which" says_first "$CONF:12:"
check "an empty configuration is no policy either" empty_file
daemon_away
for ns in gw-a gw-b; do ip netns exec $ns "$NFIPSEC" unload; done
unload_module
check "without the module the commands say that" without_module
ktap_exit
