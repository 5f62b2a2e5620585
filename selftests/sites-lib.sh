# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after lib.sh by the tests on two sites: nfipsec in one gateway, and in
# the other strongSwan with the kernel's own xfrm, or nothing but routing.
#
#	 site-a              gw-a (nfipsec)                  gw-b (strongSwan)           site-b
#	+-----------+       +------------------------+      +------------------------+       +-----------+
#	| 10.1.0.10 |-------| 10.1.0.1     192.0.2.1 |======| 192.0.2.2     10.2.0.1 |-------| 10.2.0.10 |
#	+-----------+ lan   +------------------------+ wan  +------------------------+  lan  +-----------+
#
# A check runs in a subshell, so what must outlast it (process numbers, marks of
# the counters) is in files of $WORK. strongSwan keeps to files below its own folder (STRONGSWAN_CONF, SWANCTL_DIR, a
# vici socket of its own), so that it needs no mount namespace.

SITE_A=10.1.0.10 GW_A=192.0.2.1 NET_A=10.1.0.0/24
SITE_B=10.2.0.10 GW_B=192.0.2.2 NET_B=10.2.0.0/24
ID_A=hq.example.com ID_B=branch.example.com
NET6_A=fd01::/64 NET6_B=fd02::/64
SITE6_A=fd01::10 SITE6_B=fd02::10
GW6_A=2001:db8::1 GW6_B=2001:db8::2
PSK="correct horse battery staple"
WORK=$(mktemp -d /tmp/nfipsec-test.XXXXXX)
SWAN=$WORK/swan			# strongSwan's folder
CONF=$WORK/nfipsec.conf		# nfipsec's; its secrets lie beside it
SOCK=$WORK/nfipsecd.sock
VICI=unix://$SWAN/vici
NFIPSEC=$NFIPSEC_BIN/nfipsec
NFIPSECD=$NFIPSEC_BIN/nfipsecd
TOOLS=$SELFTESTS/tools

# what is worth reading when all went well, too; check shows a command's output only when it fails
exec 3>&1
note() { echo "# $*" >&3; }

bail()
{
	echo "Bail out! $*"
	exit $KSFT_FAIL
}

# ---- processes that outlast a check ----

# started NAME COMMAND...: in the background, its number in a file
started()
{
	local name=$1

	shift
	"$@" 3>&- </dev/null &
	echo $! >"$WORK/$name.pid"
	disown $!
}

# resident NAME TO FROM COMMAND...: one that is told lines on its stdin and answers on its stdout,
# by these descriptors of the script; what it complains of is in NAME.err
resident()
{
	mkfifo "$WORK/$1.to" "$WORK/$1.from" && eval "exec $2<>'$WORK/$1.to' $3<>'$WORK/$1.from'" || return
	"${@:4}" <"$WORK/$1.to" >"$WORK/$1.from" 2>"$WORK/$1.err" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
	echo $! >"$WORK/$1.pid"
	disown $!
	on_exit "stopped $1 TERM"
}

running() { test -s "$WORK/$1.pid" && kill -0 "$(cat "$WORK/$1.pid")"; }
ended() { ! running "$1"; }

# stopped NAME SIGNAL: and gone
stopped()
{
	test -s "$WORK/$1.pid" || return 0
	kill "-$2" "$(cat "$WORK/$1.pid")" 2>/dev/null
	wait_for 20 ended "$1" || return
	rm -f "$WORK/$1.pid"
}

daemon_pid() { cat "$WORK/daemon.pid"; }

in_site_a() { ip netns exec site-a "$@"; }
in_site_b() { ip netns exec site-b "$@"; }
in_gw_a() { ip netns exec gw-a "$@"; }
in_gw_b() { ip netns exec gw-b "$@"; }

# ---- the topology ----

sites_up()
{
	local ns

	for ns in site-a gw-a gw-b site-b; do
		ip netns add $ns || return
		ip -n $ns link set lo up || return
		ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 2>"$WORK/sysctl.log" || true
	done
	ip -n site-a link add lan type veth peer name lan netns gw-a &&
		ip -n site-b link add lan type veth peer name lan netns gw-b &&
		ip -n gw-a link add wan type veth peer name wan netns gw-b || return
	ip -n site-a addr add $SITE_A/24 dev lan
	ip -n gw-a addr add 10.1.0.1/24 dev lan
	ip -n gw-a addr add $GW_A/24 dev wan
	ip -n gw-b addr add $GW_B/24 dev wan
	ip -n gw-b addr add 10.2.0.1/24 dev lan
	ip -n site-b addr add $SITE_B/24 dev lan
	for ns in site-a site-b gw-a gw-b; do ip -n $ns link set lan up || return; done
	ip -n gw-a link set wan up && ip -n gw-b link set wan up || return
	in_gw_a sysctl -qw net.ipv4.ip_forward=1 && in_gw_b sysctl -qw net.ipv4.ip_forward=1 || return
	ip -n site-a route add default via 10.1.0.1
	ip -n site-b route add default via 10.2.0.1
	ip -n gw-a route add $NET_B via $GW_B
	ip -n gw-b route add $NET_A via $GW_A
}

# the same with IPv6 beside it, for the tests that want that
sites_ipv6()
{
	local ns

	for ns in site-a gw-a gw-b site-b; do
		ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
			net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 || return
	done
	for ns in gw-a gw-b; do ip netns exec $ns sysctl -qw net.ipv6.conf.all.forwarding=1 || return; done
	ip -n site-a addr add $SITE6_A/64 dev lan nodad &&
		ip -n gw-a addr add fd01::1/64 dev lan nodad &&
		ip -n gw-a addr add $GW6_A/64 dev wan nodad &&
		ip -n gw-b addr add $GW6_B/64 dev wan nodad &&
		ip -n gw-b addr add fd02::1/64 dev lan nodad &&
		ip -n site-b addr add $SITE6_B/64 dev lan nodad &&
		ip -n site-a route add default via fd01::1 &&
		ip -n site-b route add default via fd02::1 &&
		ip -n gw-a route add $NET6_B via $GW6_B &&
		ip -n gw-b route add $NET6_A via $GW6_A
}

# all that was made, in the order that lets the module go
sites_down()
{
	local ns pid

	capture_stop
	daemon_stop
	swan_stop
	for ns in site-a gw-a gw-b site-b; do
		test -e /run/netns/$ns || continue
		if [ $ns = gw-a ] && module_loaded; then policy_unload; fi
		for pid in $(ip netns pids $ns); do kill "$pid" 2>/dev/null; done
		ip netns del $ns
	done
	rm -rf "$WORK"
}

# the module and the topology, and both away at the end
sites_begin()
{
	on_exit unload_module
	load_module || bail "the module does not load"
	on_exit sites_down
	sites_up || bail "the topology does not come up"
}

# ---- strongSwan in gw-b ----

# swan_conf IKE-PROPOSAL ESP-PROPOSAL [PSK [OPTION-OF-CHARON...]]
# A CPU of a VM that its host makes wait sends what it has after the next hundred packets of the
# other CPU: a replay window of 32, strongSwan's own, would lose them (XfrmInStateSeqError).
swan_conf()
{
	local ike=$1 esp=$2 psk=${3:-$PSK} option

	shift $(($# < 3 ? $# : 3))
	mkdir -p "$SWAN"
	{
		cat <<-END
			charon-systemd {
				load_modular = no
				load = random nonce openssl kdf hmac sha2 aes gcm gmp curve25519 socket-default kernel-netlink vici
				install_routes = no
				retransmit_tries = 3
				retransmit_timeout = 2
				plugins {
					vici {
						socket = $VICI
					}
				}
				filelog {
					log {
						path = $SWAN/log
						default = 1
						ike = 2
						flush_line = yes
					}
				}
		END
		for option; do echo "	$option"; done
		echo "}"
	} >"$SWAN/strongswan.conf"
	cat >"$SWAN/swanctl.conf" <<-END
		connections {
			hq {
				version = 2
				mobike = no
				local_addrs = $GW_B
				remote_addrs = $GW_A
				proposals = $ike
				dpd_delay = 0
				local {
					auth = psk
					id = $ID_B
				}
				remote {
					auth = psk
					id = $ID_A
				}
				children {
					lan {
						local_ts = $NET_B
						remote_ts = $NET_A
						esp_proposals = $esp
						replay_window = 1024
					}
				}
			}
		}
		secrets {
			ike-hq {
				id-a = $ID_A
				id-b = $ID_B
				secret = "$psk"
			}
		}
	END
}

swanctl()
{
	SWANCTL_DIR=$SWAN STRONGSWAN_CONF=$SWAN/strongswan.conf \
		ip netns exec gw-b swanctl "$1" --uri "$VICI" "${@:2}"
}

swan_ready() { swanctl --stats; }

# after swan_conf
swan_start()
{
	started swan env STRONGSWAN_CONF="$SWAN/strongswan.conf" ip netns exec gw-b charon-systemd \
		>"$SWAN/out" 2>&1
	wait_for 20 swan_ready && swan_load
}

swan_load()
{
	swanctl --load-all --file "$SWAN/swanctl.conf" --noprompt >"$SWAN/load" 2>&1
}

swan_stop() { stopped swan TERM && xfrm_flush; }
swan_kill() { stopped swan KILL && xfrm_flush; }	# without a word to the peer

xfrm_flush()
{
	test -e /run/netns/gw-b || return 0
	ip -n gw-b xfrm state flush && ip -n gw-b xfrm policy flush
}

# ---- what is seen on a wire ----

# capture_start NETNS DEVICE [FILTER [WORDS FOR TCPDUMP...]]: until capture_stop, lines in $WORK/wire
capture_start()
{
	started capture ip netns exec "$1" tcpdump --immediate-mode -U -l -n -i "$2" "${@:4}" ${3:+"$3"} >"$WORK/wire" 2>"$WORK/tcpdump"
	wait_for 10 grep -q 'listening on' "$WORK/tcpdump"
}

# tcpdump reads what is in its ring before it ends on SIGINT, and prints an empty line then
capture_stop()
{
	test -s "$WORK/capture.pid" || return 0
	stopped capture INT && sed -i '/^$/d' "$WORK/wire"
}

# listens NETNS PORT: TCP
listens() { ip netns exec "$1" ss -Hltn "sport = :$2" | grep -q .; }

# ---- nfipsec in gw-a ----

nf() { ip netns exec gw-a "$NFIPSEC" --socket "$SOCK" "$@"; }

# nf_conf IKE-PROPOSALS ESP-PROPOSALS [PSK [START [DPD]]]
nf_conf()
{
	cat >"$CONF" <<-END
		access-list branch {
			10 protect ip from $NET_A to $NET_B
		}
		peer branch {
			ike-version 2
			local  address $GW_A id fqdn $ID_A
			remote address $GW_B id fqdn $ID_B
			auth psk
			ike $1
			dpd ${5:-30s}
			tunnel lan {
				access-list branch
				esp $2
				mode tunnel
				start ${4:-on-traffic}
			}
		}
	END
	(umask 077 && echo "psk $ID_A $ID_B \"${3:-$PSK}\"" >"$WORK/secrets")
}

daemon_ready() { test -S "$SOCK" && nf show peers; }

# after nf_conf
daemon_start()
{
	started daemon ip netns exec gw-a "$NFIPSECD" --config "$CONF" --socket "$SOCK" >"$WORK/daemon" 2>&1
	wait_for 20 daemon_ready
}

daemon_stop() { stopped daemon TERM; }
daemon_kill() { stopped daemon KILL && rm -f "$SOCK"; }

policy_unload() { in_gw_a "$NFIPSEC" unload; }

sas() { in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas | length'; }

no_sas_here() { test "$(sas)" = 0; }
two_sas_here() { test "$(sas)" = 2; }
no_sas_there() { test -z "$(ip -n gw-b xfrm state)" && test -z "$(swanctl --list-sas)"; }
no_sas() { no_sas_here && no_sas_there; }
sas_there() { test "$(ip -n gw-b xfrm state | grep -c '^src')" = 2; }

# what the module has counted since mark_stats, one "name number" a line
mark_stats() { in_gw_a "$NFIPSEC" show stats --json >"$WORK/stats.mark"; }

counted()
{
	in_gw_a "$NFIPSEC" show stats --json | jq -r --slurpfile mark "$WORK/stats.mark" \
		'.stats | to_entries[] | .value -= $mark[0].stats[.key] | select(.value != 0) | "\(.key) \(.value)"'
}

# stat NAME: since mark_stats
stat()
{
	counted | awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }'
}

# packets that ended in the module and should not have
drops()
{
	counted | grep -Ev '^(out_packets|in_packets|held|released|acquire_sent|in_held|in_unknown_spi) '
}

no_drops()
{
	local out

	out=$(drops)
	[ -n "$out" ] || return 0
	note "dropped:" $out
	because "dropped in the module:" $out
}

# ten pings 100 ms apart, none lost, the first of them held. That they leave in order is
# for netlink.sh to see: on their way back two CPUs may swap them.
ten_pings()
{
	local held

	in_site_a ping -n -i 0.1 -c 10 -W 30 $SITE_B >"$WORK/ping"
	held=$(stat held)
	if ! grep -q '10 packets transmitted, 10 received, 0% packet loss' "$WORK/ping"; then
		cat "$WORK/ping" "$WORK/daemon"
		return 1
	fi
	note "held $held, the first reply after $(sed -n 's/.*icmp_seq=1 .*time=//p' "$WORK/ping")"
	test "$held" -ge 1 && test "$(stat released)" = "$held"
}

# the MTU that the stack tells a sender who may not fragment
tunnel_mtu()
{
	in_site_a ping -n -c 2 -i 0.2 -W 5 -M do -s 1472 $SITE_B 2>&1 | sed -n 's/.*[mM][tT][uU] *= *\([0-9]*\).*/\1/p' | head -n 1
}

# tcp [WORDS FOR IPERF3...]: what was in flight when the sender ended is not counted by the
# receiver, and that all octets arrive whole is for manual_xfrm.sh to see
tcp()
{
	local what

	in_site_b iperf3 -s -1 -D -I "$WORK/iperf3.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens site-b 5201 || return
	in_site_a iperf3 -c $SITE_B -n 8M -J "$@" >"$WORK/iperf3.json" 2>&1 ||
		{ cat "$WORK/iperf3.json" "$WORK/iperf3"; return 1; }
	what=$(jq -r '.end | "\(.sum_received.bytes) bytes received of \(.sum_sent.bytes), \(.sum_sent.retransmits) segments sent again"' \
		"$WORK/iperf3.json") || return
	note "iperf3 $*: $what"
	jq -e '.end.sum_received.bytes >= 8388608 * 0.75' "$WORK/iperf3.json" >"$WORK/jq" && no_drops
}

tcp_there() { tcp; }
tcp_back() { tcp -R; }

# in_udp_here CONDITION: both SAs, and the peer's port is so
in_udp_here()
{
	in_gw_a "$NFIPSEC" show sas --json >"$WORK/sas"
	jq -e ".sas | length == 2 and all(.[]; .encap_local == 4500 and $1)" "$WORK/sas" || { cat "$WORK/sas"; return 1; }
}
in_udp_there() { test "$(ip -n gw-b xfrm state | grep -c 'encap type espinudp')" = 2; }

# a check with its own count
counted_check() { mark_stats; check "$@"; }
