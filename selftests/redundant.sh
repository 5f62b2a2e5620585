#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Redundant tunnels: gw-a has two peers for the same networks, as a cloud offers them, one with
# nfipsec and one with strongSwan. They are killed in turn, by DELETE and without a word, again and
# again, while datagrams go both ways each 20 ms. NFIPSEC_REDUNDANT_ROUNDS says how often.
#
#	                                                 +--------------------------+
#	                                           +-----| 192.0.2.3 gw-c, nfipsec  |-----+
#	 site-a            gw-a (nfipsec)          |     +--------------------------+ .3  |   site-b
#	+-----------+     +--------------------+   |                                      |  +-----------+
#	| 10.1.0.10 |-----| 10.1.0.1 192.0.2.1 |---+ middle                          far  +--| 10.2.0.10 |
#	| 10.1.0.11 |     +--------------------+   |                                      |  +-----------+
#	+-----------+                              |     +--------------------------+ .1  |
#	                                           +-----| 192.0.2.2 gw-b, strongSwan |---+
#	                                                 +--------------------------+
#
# site-b answers to 10.1.0.10 by gw-c and to 10.1.0.11 by gw-b, whichever tunnel gw-a sends by.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

ROUNDS=${NFIPSEC_REDUNDANT_ROUNDS:-10}
SILENT=${NFIPSEC_REDUNDANT_SILENT:-2}
IKE=aes128gcm16-prfsha256-x25519 ESP=aes128gcm16
GW_C=192.0.2.3 ID_C=second.example.com

in_gw_c() { ip netns exec gw-c "$@"; }
nf_c() { in_gw_c "$NFIPSEC" --socket "$WORK/c.sock" "$@"; }

# in place of that of sites-lib.sh
sites_up()
{
	local ns

	for ns in site-a gw-a gw-b gw-c site-b middle far; do
		ip netns add $ns && ip -n $ns link set lo up || return
		ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 2>"$WORK/sysctl.log" || true
	done
	for ns in middle far; do
		ip -n $ns link add name bridge type bridge && ip -n $ns link set bridge up || return
	done
	ip -n site-a link add lan type veth peer name lan netns gw-a || return
	for ns in gw-a gw-b gw-c; do
		ip -n $ns link add wan type veth peer name $ns netns middle && ip -n middle link set $ns master bridge up &&
			ip -n $ns link set wan up && ip netns exec $ns sysctl -qw net.ipv4.ip_forward=1 || return
	done
	for ns in gw-b gw-c site-b; do
		ip -n $ns link add lan type veth peer name $ns netns far && ip -n far link set $ns master bridge up || return
	done
	for ns in site-a gw-a gw-b gw-c site-b; do ip -n $ns link set lan up || return; done
	ip -n site-a addr add $SITE_A/24 dev lan && ip -n site-a addr add 10.1.0.11/24 dev lan &&
		ip -n gw-a addr add 10.1.0.1/24 dev lan && ip -n gw-a addr add $GW_A/24 dev wan &&
		ip -n gw-b addr add $GW_B/24 dev wan && ip -n gw-b addr add 10.2.0.1/24 dev lan &&
		ip -n gw-c addr add $GW_C/24 dev wan && ip -n gw-c addr add 10.2.0.3/24 dev lan &&
		ip -n site-b addr add $SITE_B/24 dev lan || return
	ip -n site-a route add default via 10.1.0.1 && ip -n gw-a route add $NET_B via $GW_B &&
		ip -n gw-b route add $NET_A via $GW_A && ip -n gw-c route add $NET_A via $GW_A &&
		ip -n site-b route add $SITE_A via 10.2.0.3 && ip -n site-b route add 10.1.0.11 via 10.2.0.1
}

# conf PRIORITY-OF-GW-C PRIORITY-OF-GW-B
conf()
{
	cat >"$CONF" <<-END
		access-list second { 10 protect ip from $NET_A to $NET_B }
		access-list branch { 10 protect ip from $NET_A to $NET_B }
		template cloud { local address $GW_A id fqdn $ID_A auth psk ike $IKE dpd 2s tunnel { esp $ESP } }
		peer second from cloud {
			remote address $GW_C id fqdn $ID_C
			tunnel lan { access-list second priority $1 }
		}
		peer branch from cloud {
			remote address $GW_B id fqdn $ID_B
			tunnel lan { access-list branch priority $2 }
		}
	END
	(umask 077 && echo "psk $ID_A any \"$PSK\"" >"$WORK/secrets")
}

conf_c()
{
	mkdir "$WORK/c"
	cat >"$WORK/c/nfipsec.conf" <<-END
		access-list hq { 10 protect ip from $NET_B to $NET_A }
		peer hq {
			local address $GW_C id fqdn $ID_C
			remote address $GW_A id fqdn $ID_A
			auth psk  ike $IKE
			tunnel lan { access-list hq  esp $ESP  start manual }
		}
	END
	(umask 077 && echo "psk $ID_C any \"$PSK\"" >"$WORK/c/secrets")
}

c_ready() { test -S "$WORK/c.sock" && nf_c show peers; }
c_start()
{
	started c ip netns exec gw-c "$NFIPSECD" --config "$WORK/c/nfipsec.conf" --socket "$WORK/c.sock" >"$WORK/c.log" 2>&1
	wait_for 20 c_ready
}

c_down()
{
	local ns

	stopped gaps TERM
	stopped c TERM
	if module_loaded; then nf_c unload; fi
	for ns in gw-c middle far; do ip netns del $ns; done
}

# of second and branch: active, standby, or down
both() { nf show peers --json | jq -r '[("second", "branch") as $n | .peers[] | select(.name == $n) |
	.tunnels[0].role // "down"] | join(" ")'; }
roles() { test "$(both)" = "$*"; }
roles_up() { roles active standby || roles standby active; }
# which tunnel the module says
carries() { in_gw_a "$NFIPSEC" show policy --json | jq -r '.policy[] | select(.active) | .list'; }
carries_is() { test "$(carries)" = "$1"; }
# packets that went by a list
hits() { in_gw_a "$NFIPSEC" show policy --json | jq ".policy[] | select(.list == \"$1\") | .out_packets"; }
used_since() { test "$(hits "$1")" -gt "$2"; }

gaps() { echo "$*" >&6 && read -r answer <&7 && echo "$answer"; }
# to site-b; 10.1.0.10 by gw-c; 10.1.0.11 by gw-b
gap() { cut -d ' ' -f "$1" <<<"$2" | cut -d / -f "$3"; }

settle() { sleep 0.5; }

show_all()
{
	nf show peers
	in_gw_a "$NFIPSEC" show policy
	in_gw_a "$NFIPSEC" show sas
	tail -n 30 "$WORK/daemon"
	tail -n 20 "$WORK/c.log" "$SWAN/log"
	counted
	return 1
}

comes_up()
{
	so wait_for 30 roles active standby && so carries_is second || show_all
}

delete_c() { nf_c down hq >"$WORK/down" 2>&1; }
delete_b() { swanctl --terminate --ike hq --timeout 20 >"$WORK/down" 2>&1; }

# killed OTHER FLOW COMMAND...: the best one's peer deletes the tunnel, traffic goes by the other one and
# comes back. FLOW comes by the peer that deletes.
killed()
{
	local other=$1 flow=$2 i before what lost most=0 sum=0

	shift 2
	for ((i = 1; i <= ROUNDS; i++)); do
		gaps mark >"$WORK/mark"
		before=$(hits "$other")
		so "$@" && so wait_for 20 used_since "$other" "$before" && sleep 1 && so wait_for 20 roles_up && settle || show_all || return
		what=$(gaps lost)
		lost=$(gap 1 "$what" 2)
		[ "$lost" -le 50 ] || { because "round $i: lost $what"; return 1; }
		# the other one's peer never stopped sending
		[ "$(gap $((5 - flow)) "$what" 2)" = 0 ] || { because "round $i: inbound by the standby: $what"; return 1; }
		sum=$((sum + lost)) && ((lost <= most)) || most=$lost
	done
	note "$ROUNDS times: $sum datagrams of 20 ms lost, at most $most at once"
}

exchanged()
{
	local spis what

	spis=$(in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas[].spi' | sort)
	gaps mark >"$WORK/mark"
	conf 2 1
	so nf load "$CONF" && so roles standby active && so carries_is branch && settle || show_all || return
	what=$(gaps lost)
	test "$what" = "$(sed 's,/[^ ]*,/0/0,g' <<<"$what")" || { because "lost $what"; return 1; }
	test "$spis" = "$(in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas[].spi' | sort)" || because "SAs went"
}

died() { sed -n "$1,\$p" "$WORK/daemon" | grep -q 'does not answer any more'; }

# silent WIRE OTHER: the best one's wire is cut. What is sent before the daemon knows is lost.
silent()
{
	local wire=$1 other=$2 i from known what

	for ((i = 1; i <= SILENT; i++)); do
		from=$(($(wc -l <"$WORK/daemon") + 1))
		ip -n middle link set "$wire" down
		so wait_for 90 died $from || show_all || return
		known=$(gaps clock)
		so carries_is "$other" && sleep 2 || show_all || return
		what=$(gaps since "$known")
		[ "$(gap 1 "$what" 2)" = 0 ] || { because "round $i: lost after the daemon knew: $what"; return 1; }
		known=$(gaps clock)
		ip -n middle link set "$wire" up
		so wait_for 90 roles_up && so fails carries_is "$other" && sleep 1 || show_all || return
		what=$(gaps since "$known")
		[ "$(gap 1 "$what" 2)" = 0 ] || { because "round $i: lost on the way back: $what"; return 1; }
	done
}

# All are dead: packets are held for whichever comes back first, and it is the worse one.
all_dead()
{
	local held what known

	mark_stats
	ip -n middle link set gw-b down && ip -n middle link set gw-c down
	so wait_for 120 no_sas_here && sleep 1 || show_all || return
	held=$(in_gw_a "$NFIPSEC" show tunnels --json | jq '[.tunnels[].queued] | max')
	[ "$held" -gt 0 ] || { because "nothing is held"; show_all; return 1; }
	in_gw_a "$NFIPSEC" explain udp $SITE_A $SITE_B:6000 >"$WORK/explain"
	so grep -q 'tunnel branch/lan has no SA' "$WORK/explain" && so grep -q 'standby: neither has tunnel second/lan' "$WORK/explain" ||
		{ cat "$WORK/explain"; return 1; }
	known=$(gaps clock)
	ip -n middle link set gw-c up
	so wait_for 120 roles active down && so carries_is second || show_all || return
	sleep 1
	what=$(gaps since "$known")
	# the newest 64 waited, and all since then went
	[ "$(stat released)" -gt 0 ] || { because "nothing was released: $what"; return 1; }
	in_gw_a "$NFIPSEC" explain udp $SITE_A $SITE_B:6000 >"$WORK/explain"
	so grep -q 'because no tunnel of better priority' "$WORK/explain" || { cat "$WORK/explain"; return 1; }
	known=$(gaps clock)
	ip -n middle link set gw-b up
	so wait_for 120 roles standby active && so carries_is branch && sleep 1 || show_all || return
	what=$(gaps since "$known")
	[ "$(gap 1 "$what" 2)" = 0 ] || because "lost on the way back: $what"
}

metrics_tell()
{
	nf metrics >"$WORK/metrics"
	grep -q '^nfipsec_tunnel_active{peer="branch",tunnel="lan"} 1$' "$WORK/metrics" &&
		grep -q '^nfipsec_tunnel_active{peer="second",tunnel="lan"} 0$' "$WORK/metrics"
}

nothing_in_clear()
{
	capture_stop
	test ! -s "$WORK/wire" || { head -n 20 "$WORK/wire"; return 1; }
	# and what another gateway does send in clear is not taken
	test "$(in_gw_a "$NFIPSEC" show stats --json | jq .stats.in_cleartext)" -gt 0
}

ktap_plan 8
sites_begin
on_exit c_down
conf 1 2 && conf_c && swan_conf $IKE $ESP || bail "no configuration"
c_start && swan_start || bail "the peers do not start"
# xfrm without a policy sends in clear: what is for 10.1.0.11 by gw-b is strongSwan's
capture_start gw-a wan 'src net 10.1.0.0/24 or dst host 10.1.0.10' || bail "no capture"
daemon_start || bail "the daemon does not start"
check "both tunnels come up by themselves, and the better one carries" comes_up
resident gaps 6 7 "$TOOLS/gaps.py" site-a/$SITE_A:site-b/$SITE_B site-b/$SITE_B:site-a/$SITE_A site-b/$SITE_B:site-a/10.1.0.11
mark_stats
check "nfipsec deletes the better one $ROUNDS times: traffic moves and comes back" killed branch 2 delete_c
check "a load exchanges the priorities: no packet and no SA is lost" exchanged
check "strongSwan deletes the better one $ROUNDS times: traffic moves and comes back" killed second 3 delete_b
check "the better one dies silently $SILENT times: traffic moves when DPD tells" silent gw-b second
check "both are dead: packets are held, and go by the one that is back first" all_dead
check "metrics tell which one is active" metrics_tell
check "nothing left in clear" nothing_in_clear
ktap_exit
