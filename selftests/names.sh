#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Several remote addresses and DNS names, with strongSwan as the peer (the picture is in
# sites-lib.sh). gw-b has a second address, 192.0.2.12. 192.0.2.9 is nobody's. The names are in the
# hosts file of gw-a's namespace, which `ip netns exec` puts in the place of /etc/hosts.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/modes-lib.sh"

NOBODY=192.0.2.9 SECOND=192.0.2.12
NAME=branch.example.net
HOSTS=/etc/netns/gw-a/hosts

# here REMOTE START [SETTING...]
here()
{
	local remote=$1 start=$2

	shift 2
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ip from $NET_A to $NET_B
		}
		peer branch {
			local  address $GW_A id fqdn $ID_A
			remote address $remote id fqdn $ID_B
			auth psk
			ike $IKE
			$*
			tunnel lan {
				access-list branch
				esp aes128gcm16
				start $start
			}
		}
	END
	(umask 077 && echo "psk $ID_A $ID_B \"$PSK\"" >"$WORK/secrets")
}

# there: strongSwan, at any of its addresses
there()
{
	swan_conf $IKE aes128gcm16
	sed -i "s/local_addrs = .*/local_addrs = %any/" "$SWAN/swanctl.conf"
}

hosts() { printf '127.0.0.1 localhost\n%s\n' "$*" >$HOSTS; }

told() { nf show peers; tail -n 20 "$WORK/daemon"; tail -n 20 "$SWAN/log"; return 1; }

# sa_to ADDR: both SAs are with that address, and there are no others
sa_to() { test "$(nf show sas --json | jq -c '[.sas[].remote]')" = "[\"$1\",\"$1\"]"; }

ping_through() { in_site_a ping -n -q -c 3 -i 0.2 -W 30 $SITE_B >"$WORK/ping" && so test "$(lost)" = 0; }

# restart_daemon REMOTE START [SETTING...]: another daemon
restart_daemon()
{
	daemon_stop
	wait_for 20 no_sas || { swan_stop; swan_start; }
	here "$@"
	daemon_start
}

# no packet is lost, and none leaves in clear
first_is_dead()
{
	restart_daemon "$NOBODY $GW_B" on-traffic || return
	capture_start gw-a wan "net $NET_B" || return
	ping_through && so sa_to $GW_B || { told; return; }
	capture_stop
	so test ! -s <(grep . "$WORK/wire") || { cat "$WORK/wire"; return 1; }
	grep -q "$NOBODY\[500\] does not answer: 3 tries" "$WORK/daemon" || told
}

# the first address works again: the tunnel goes back to it, nothing is lost
back()
{
	restart_daemon "$SECOND $GW_B" at-load "prefer-first 10s" || return
	wait_for 20 sa_to $GW_B || { told; return; }
	in_gw_b ip address add $SECOND/24 dev wan || return
	in_site_a ping -n -q -i 0.1 -c 250 -W 5 $SITE_B >"$WORK/ping"
	so test "$(lost)" = 0 && wait_for 20 sa_to $SECOND || told
}

of_a_name()
{
	hosts "$GW_B $NAME"
	restart_daemon $NAME on-traffic || return
	ping_through && so sa_to $GW_B || { told; return; }
	nf show peers | grep -q "name $NAME: $GW_B, resolved" || told
}

# the name changes: the SAs stay, and the next IKE SA goes to the new address
name_changes()
{
	local spi

	spi=$(spi_out)
	hosts "$SECOND $NAME"
	sleep 70
	nf show peers | grep -q "name $NAME: $SECOND, resolved" && so sa_to $GW_B &&
		so test "$(spi_out)" = "$spi" || { told; return; }
	so nf down branch && wait_for 20 no_sas && ping_through && so sa_to $SECOND || told
}

# it has no address: the packets wait, the reason is said once, and then it has one
unknown_name()
{
	hosts "$GW_B other.example.net"
	restart_daemon $NAME at-load || return
	wait_for 20 grep -q "cannot resolve $NAME: " "$WORK/daemon" || { told; return; }
	sleep 10
	so test "$(grep -c "cannot resolve $NAME: " "$WORK/daemon")" = 1 || { told; return; }
	nf show peers | grep -q "cannot resolve" && fails nf show peers branch >/dev/null || { told; return; }
	hosts "$GW_B $NAME"
	wait_for 60 sa_to $GW_B || told
}

they_initiate() { swanctl --initiate --child lan >"$WORK/initiate" 2>&1; }

# gw-b initiates from 192.0.2.2
range_responds()
{
	restart_daemon "192.0.2.0/24" on-traffic || return
	so they_initiate && so sa_to $GW_B && ping_through || { cat "$WORK/initiate"; told; return; }
	restart_daemon "192.0.2.8-192.0.2.99" on-traffic || return
	fails they_initiate && so no_sas_here && grep -q "no peer is configured for $GW_B" "$WORK/daemon" || told
}

name_responds()
{
	hosts "$GW_B $NAME"
	restart_daemon "$NOBODY $NAME" manual || return
	wait_for 20 resolved_here
	so they_initiate && so sa_to $GW_B || { cat "$WORK/initiate"; told; return; }
	hosts "192.0.2.77 $NAME"
	restart_daemon "$NOBODY $NAME" manual || return
	wait_for 20 resolved_here
	fails they_initiate && so no_sas_here || told
}
resolved_here() { nf show peers --json | jq -e '.peers[].remotes[] | select(.name) | .addresses[0]'; }

# another list that has the address of the peer
load_keeps()
{
	local spi

	hosts "$GW_B $NAME"
	restart_daemon "$GW_B $NOBODY" at-load || return
	wait_for 20 sa_to $GW_B || { told; return; }
	spi=$(spi_out)
	here "$NAME 192.0.2.77 $GW_B" at-load
	so nf load "$CONF" && sleep 3 && so sa_to $GW_B && so test "$(spi_out)" = "$spi" || { told; return; }
	here "192.0.2.77 $NOBODY" manual
	so nf load "$CONF" && wait_for 20 no_sas_here || told
}

ktap_plan 9
mkdir -p /etc/netns/gw-a || ktap_skip_all "/etc/netns cannot be made"
on_exit "rm -rf /etc/netns/gw-a"
hosts
sites_begin
there
swan_start || bail "strongSwan does not start"
check "the first address is dead: the second is tried, no packet is lost" first_is_dead
check "back to the first address without loss" back
check "the peer is found by its name" of_a_name
check "the name changes: the SAs stay, the next ones go there" name_changes
check "a name without an address is told once, and tried again" unknown_name
check "a prefix responds to its addresses alone" range_responds
check "a name responds to its addresses alone" name_responds
check "a load of another list with the peer's address ends no SA" load_keeps
daemon_stop
check "the daemon's end leaves no SA" wait_for 20 no_sas
ktap_exit
