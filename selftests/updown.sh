#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `updown COMMAND` of a tunnel: what the command gets, its limits, and what the log says of it.
# nfipsec in gw-a and strongSwan in gw-b (the picture is in sites-lib.sh). The daemon has its
# system call filter here, which the launcher has not.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes256gcm16-prfsha384-ecp384 ESP=aes256gcm16
# no command is run below /tmp, where others can write
SAFE=$(mktemp -d /var/lib/nfipsec-updown.XXXXXX)
on_exit "rm -rf $SAFE"
COMMAND=$SAFE/updown
# $(reboot), a newline, an escape sequence, and a letter
HOSTILE=24287265626f6f74290a1b5b324a41

# conf [ID OF THE PEER [COMMAND]]
conf()
{
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ip from $NET_A to $NET_B strict
		}
		peer branch {
			local  address $GW_A id fqdn $ID_A
			remote address $GW_B id ${1:-fqdn $ID_B}
			auth psk
			ike $IKE
			tunnel lan { access-list branch  esp $ESP  start manual  updown "${2:-$COMMAND}" }
		}
	END
	(umask 077 && printf 'psk %s any "%s"\n' $ID_A "$PSK" >"$WORK/secrets")
}

# command LINES...: what the command does
command()
{
	printf '#!/bin/sh\n%s\n' "$@" >"$COMMAND.new" && chmod 755 "$COMMAND.new" && mv "$COMMAND.new" "$COMMAND"
}

record() { command 'env >>'"$WORK"'/env' 'grep -E "^(Cap(Eff|Bnd)|NoNewPrivs|Seccomp):" /proc/self/status >>'"$WORK"'/env' 'echo end >>'"$WORK"'/env'; }

load() { conf "$@" && nf load "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }; }
up() { nf up branch >"$WORK/up" 2>&1 || { cat "$WORK/up"; return 1; }; }
down() { nf down branch >"$WORK/down" 2>&1 || { cat "$WORK/down"; return 1; }; }
pinged() { in_site_a ping -n -q -c 3 -i 0.2 -W 30 $SITE_B >"$WORK/ping" 2>&1 && grep -q ' 3 received' "$WORK/ping"; }

has_run() { [ "$(grep -cx end "$WORK/env" 2>/dev/null)" = "$1" ]; }
has() { grep -qxF -- "$1" "$WORK/env" || { cat "$WORK/env"; because "no line '$1'"; }; }
logged() { grep -q -- "$1" "$WORK/daemon"; }

up_and_down()
{
	rm -f "$WORK/env"
	up && wait_for 20 has_run 1 && has PLUTO_VERB=up-client && has PLUTO_CONNECTION=branch/lan && has PLUTO_ME=$GW_A && has PLUTO_PEER=$GW_B &&
		has PLUTO_MY_ID=$ID_A && has PLUTO_PEER_ID=$ID_B && has PLUTO_MY_CLIENT=$NET_A && has PLUTO_PEER_CLIENT=$NET_B &&
		has PLUTO_PROTO=esp && has PLUTO_INTERFACE=nfipsec0 && pinged || return
	rm "$WORK/env"
	down && wait_for 20 has_run 1 && has PLUTO_VERB=down-client && has PLUTO_PEER_CLIENT=$NET_B
}

# CAP_NET_ADMIN is bit 12
few_rights()
{
	has "CapEff:	0000000000001000" && has "CapBnd:	0000000000001000" && has "NoNewPrivs:	1" && has "Seccomp:	0" &&
		! grep -Ev '^(PLUTO_[A-Z_]*|PATH|PWD)=|^(CapEff|CapBnd|NoNewPrivs|Seccomp):|^end$' "$WORK/env"
}

# The peer rekeys and takes the tunnel down.
of_the_peer()
{
	rm -f "$WORK/env"
	up && wait_for 20 has_run 1 && swanctl --rekey --child lan >"$WORK/rekey" 2>&1 && pinged && has_run 1 &&
		swanctl --terminate --ike hq >"$WORK/terminate" 2>&1 && wait_for 20 has_run 2 && has PLUTO_VERB=down-client
}

fails()
{
	command 'printf "it does\033[2J not work\nmore\n" >&2; exit 4'
	up && wait_for 20 logged 'branch/lan: updown .* up-client: exit status 4: it does.* not work$' && pinged && ! grep -q "$(printf '\033')" "$WORK/daemon" &&
		down
}

no_hanging() { ! in_gw_a pgrep -f 'sleep 7654' >"$WORK/pgrep"; }
hanging() { ! no_hanging; }

# Nothing waits for it, and it is killed with all that it started.
hangs()
{
	command 'sleep 7654 & sleep 7654'
	up && pinged && wait_for 20 hanging && wait_for 60 no_hanging && wait_for 20 logged 'updown .* up-client: killed, because it ran for 3[0-9]* ms' && pinged &&
		command 'exit 0' && down
}

# Another user could change it: not run, and the tunnel works.
others_write()
{
	record
	rm -f "$WORK/env"
	chmod 777 "$COMMAND" && up && wait_for 20 logged 'up-client: refused: .*/updown: found mode 0777, expected 0755' && pinged && chmod 755 "$COMMAND" &&
		[ ! -e "$WORK/env" ] && down && wait_for 20 has_run 1 && conf "" /bin/nothing &&
		output_matches "warning: updown /bin/nothing would not be run: No such file" nf check "$CONF" && conf
}

# An identity is one variable, whatever is in it.
hostile()
{
	rm -f "$WORK/env"
	sed -i "s/id = $ID_B/id = \"@#$HOSTILE\"/" "$SWAN/swanctl.conf" && sed -i "s/id-b = .*/id-b = \"@#$HOSTILE\"/" "$SWAN/swanctl.conf" && swan_load &&
		load "key-id 0x$HOSTILE" && up && wait_for 20 has_run 1 && note "$(grep -a PEER_ID "$WORK/env")" &&
		[ "$(grep -ac PLUTO_PEER_ID= "$WORK/env")" = 1 ] && ! LC_ALL=C grep -aq '[^ -~	]' "$WORK/env" && has PLUTO_VERB=up-client && pinged
}

launcher_gone() { ! in_gw_a pgrep -x nfipsec-updown >"$WORK/pgrep"; }

# Stopping runs it, and nothing stays; killed, the daemon runs nothing more.
stops()
{
	rm -f "$WORK/env"
	daemon_stop && has_run 1 && has PLUTO_VERB=down-client && launcher_gone || return
	daemon_start && up && wait_for 20 has_run 2 && daemon_kill && wait_for 20 launcher_gone && has_run 2
}

ktap_plan 8
sites_begin
swan_conf $IKE $ESP && swan_start || bail "$(tail -n 5 "$SWAN/load")"
chmod 755 "$WORK"
record
conf
daemon_start || bail "$(tail -n 5 "$WORK/daemon")"
counted_check "up and down, with strongSwan's variables" up_and_down
counted_check "CAP_NET_ADMIN alone, and no other variable" few_rights
counted_check "the peer rekeys, and takes the tunnel down" of_the_peer
counted_check "a failure is in the log, with the first line of output" fails
counted_check "a command that hangs is killed" hangs
counted_check "a command that others can change is not run" others_write
counted_check "a hostile identity" hostile
counted_check "the end of the daemon" stops
ktap_exit
