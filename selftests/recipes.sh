#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What README and the user guide tell people to do does not leak. Each recipe runs word by word,
# taken out of the document, on machines with the addresses that the documents use:
#
#	site-a 10.1.0.10 --- 10.1.0.1 gw-a 192.0.2.1 ===== net ===== 198.51.100.1 gw-b 10.2.0.1 --- 10.2.0.10 site-b
#	                                                   |||
#	                                      203.0.113.7 anna (a laptop)
#
# and the same in IPv6: 2001:db8:1::/48, 2001:db8::1, 2001:db8::2, 2001:db8:2::/48. net, the
# Internet, routes the inner networks as well, so that a packet in clear arrives and is answered.
# A capture on all wires of net fails a check when it sees an address of an inner network.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/documents-lib.sh"

GATEWAY_B=198.51.100.1
NET6_A=2001:db8:1::/48 NET6_B=2001:db8:2::/48
SITE6_A=2001:db8:1::10 SITE6_B=2001:db8:2::10
GW6_A=2001:db8::1 GW6_B=2001:db8::2
INNER="(ip and net 10.0.0.0/8) or (ip6 and (net $NET6_A or net $NET6_B))"
PROGRAMS=$WORK/bin	# in front of PATH: what stands in for the machine's own, see programs()

# ---- machines: a network namespace, and /etc/nfipsec and /run/nfipsec of its own ----

machine()
{
	ip netns add "$1" && ip -n "$1" link set lo up || return
	in_machine_settings "$1" || return
	started "machine-$1" ip netns exec "$1" unshare -m sh -c '
		mount --make-rprivate / && mkdir -p /etc/nfipsec /run/nfipsec &&
		mount -t tmpfs -o mode=700 tmpfs /etc/nfipsec && mount -t tmpfs -o mode=700 tmpfs /run/nfipsec &&
		: >"$1" && exec sleep infinity' sh "$WORK/machine-$1.ready" >"$WORK/machine-$1" 2>&1
	wait_for 20 test -e "$WORK/machine-$1.ready"
}

# DAD would make addresses wait; an address stays when its link goes, or the one in front of it
in_machine_settings()
{
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.all.keep_addr_on_down=1 net.ipv6.conf.default.keep_addr_on_down=1 \
		net.ipv4.conf.all.promote_secondaries=1
}

# at MACHINE COMMAND...
at()
{
	nsenter -t "$(cat "$WORK/machine-$1.pid")" -m -n -r -w -- \
		env PATH="$PROGRAMS:$NFIPSEC_BIN:$PATH" NFIPSEC_KO="$NFIPSEC_KO" "${@:2}" 3>&-
}

# The Internet's end of a machine's wire: MACHINE DEVICE ADDRESS [IPV6-ADDRESS]
wire()
{
	ip -n "$1" link add wan type veth peer name "$2" netns net &&
		ip -n net link set "$2" up && ip -n net addr add "$3" dev "$2" || return
	[ -z "${4:-}" ] || ip -n net -6 addr add "$4" dev "$2"
	ip -n "$1" link set wan up
}

# GATEWAY SITE NET: its LAN with one host
lan()
{
	ip -n "$2" link add lan type veth peer name lan netns "$1" &&
		ip -n "$1" addr add "10.$3.0.1/16" dev lan && ip -n "$1" addr add "2001:db8:$3::1/48" dev lan &&
		ip -n "$2" addr add "10.$3.0.10/16" dev lan && ip -n "$2" addr add "2001:db8:$3::10/48" dev lan &&
		ip -n "$1" link set lan up && ip -n "$2" link set lan up &&
		ip -n "$2" route add default via "10.$3.0.1" && ip -n "$2" -6 route add default via "2001:db8:$3::1"
}

# what DHCP and router advertisements give
routes_a() { ip -n gw-a route replace default via 192.0.2.254 && ip -n gw-a -6 route replace default via fe80::a dev wan; }
routes_b() { ip -n gw-b route replace default via 198.51.100.254 && ip -n gw-b -6 route replace default via fe80::b dev wan; }
routes_anna() { ip -n anna route replace default via 203.0.113.254; }

machines()
{
	local ns

	for ns in site-a gw-a net gw-b site-b anna; do machine $ns || return; done
	wire gw-a wan-a 192.0.2.254/24 fe80::a/64 && wire gw-b wan-b 198.51.100.254/24 fe80::b/64 &&
		wire anna road 203.0.113.254/24 && lan gw-a site-a 1 && lan gw-b site-b 2 || return
	ip -n gw-a addr add $GW_A/24 dev wan && ip -n gw-a addr add $GW6_A/128 dev wan && routes_a &&
		ip -n gw-b addr add $GATEWAY_B/24 dev wan && ip -n gw-b addr add $GW6_B/128 dev wan && routes_b &&
		ip -n anna addr add 203.0.113.7/24 dev wan && routes_anna || return
	for ns in gw-a gw-b net; do
		ip netns exec $ns sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || return
	done
	ip -n net route add 10.1.0.0/16 via $GW_A && ip -n net route add 10.2.0.0/16 via $GATEWAY_B &&
		ip -n net route add 10.99.0.0/16 via 203.0.113.7 &&
		ip -n net -6 route add $GW6_A/128 dev wan-a && ip -n net -6 route add $GW6_B/128 dev wan-b &&
		ip -n net -6 route add $NET6_A via $GW6_A && ip -n net -6 route add $NET6_B via $GW6_B
}

machines_down()
{
	local ns pid

	capture_stop
	for ns in gw-a gw-b anna; do clean $ns; done
	for ns in site-a gw-a net gw-b site-b anna; do
		test -e /run/netns/$ns || continue
		for pid in $(ip netns pids $ns); do kill "$pid" 2>/dev/null; done
		ip netns del $ns
	done
	rm -rf "$WORK"
}

# Programs of the recipes that would build, install, or never end.
programs()
{
	mkdir -p "$PROGRAMS" || return
	printf '#!/bin/sh\n' | tee "$PROGRAMS"/{make,modprobe,ping} >"$PROGRAMS/systemctl"
	echo '[ -d "/sys/module/$1" ] || insmod "$NFIPSEC_KO"' >>"$PROGRAMS/modprobe"
	echo 'exec /bin/ping -n -c 3 -i 0.2 -W 20 "$@"' >>"$PROGRAMS/ping"
	cat >>"$PROGRAMS/systemctl" <<-'END'
		pid=/run/nfipsec/pid
		started()
		{
			[ ! -e $pid ] || return 0
			nfipsecd </dev/null >>/run/nfipsec/log 2>&1 &
			echo $! >$pid
			tries=0
			until nfipsec show peers >/run/nfipsec/peers 2>&1; do
				kill -0 "$(cat $pid)" && [ $((tries += 1)) -lt 400 ] || return 1
				sleep 0.1
			done
		}
		stopped()
		{
			[ -e $pid ] || return 0
			kill "-$1" "$(cat $pid)"
			while kill -0 "$(cat $pid)" 2>/dev/null; do sleep 0.1; done
			rm -f $pid /run/nfipsec/nfipsecd.sock
		}
		case "$*" in
		daemon-reload) ;;
		'start nfipsecd' | 'enable --now nfipsecd') started ;;
		'stop nfipsecd') stopped TERM ;;
		'restart nfipsecd') stopped TERM && started ;;
		'kill -s KILL nfipsecd') stopped KILL && started ;;
		*) echo "systemctl $*?" >&2; exit 1 ;;
		esac
	END
	chmod +x "$PROGRAMS"/*
}

# ---- recipes ----

# recipe MACHINE FILE REGEXP...: runs the commands of this block
recipe()
{
	block "${@:2}" >"$WORK/recipe" || return
	at "$1" env -C "$WORK" bash -eux "$WORK/recipe" >"$WORK/recipe.out" 2>&1 </dev/null && return
	because "a command of this recipe fails on $1:" "$(tail -n 5 "$WORK/recipe.out")"
}

# file MACHINE NAME: standard input becomes /etc/nfipsec/NAME
file() { at "$1" sh -c "umask 077; cat >/etc/nfipsec/$2"; }

# the branch's files are the same with the two ends exchanged
exchanged()
{
	sed -e 's/\<192\.0\.2\.1\>/@/g; s/\<198\.51\.100\.1\>/192.0.2.1/g; s/@/198.51.100.1/g' \
		-e 's/\<2001:db8::1\>/@/g; s/\<2001:db8::2\>/2001:db8::1/g; s/@/2001:db8::2/g' \
		-e 's/\<2001:db8:1::/@/g; s/\<2001:db8:2::/2001:db8:1::/g; s/@/2001:db8:2::/g' \
		-e 's/\<10\.1\./@/g; s/\<10\.2\./10.1./g; s/@/10.2./g' -e 's/\<hq\./@/g; s/\<branch\./hq./g; s/@/branch./g'
}

# both_ends FILE REGEXP...: this configuration and the secret of the same document
both_ends()
{
	block "$@" | file gw-a nfipsec.conf && block "$1" 'psk hq' | file gw-a secrets &&
		block "$@" | exchanged | file gw-b nfipsec.conf && block "$1" 'psk hq' | exchanged | file gw-b secrets
}

# the daemon, the policy and the files of a machine
clean()
{
	local log=$WORK/log.$1

	at "$1" systemctl stop nfipsecd && at "$1" sh -c 'cat /run/nfipsec/log; rm -f /run/nfipsec/log' >"$log" 2>&1
	! module_loaded || at "$1" nfipsec unload || return
	at "$1" sh -c 'rm -rf /etc/nfipsec/*; nft flush ruleset; ip xfrm state flush; ip xfrm policy flush
		ip route flush type blackhole; ip -6 route flush type blackhole'
}

# ---- what is seen ----

# watched COMMAND...: meanwhile nothing of the inner networks is on any wire of the Internet
watched()
{
	local status

	capture_start net any "$INNER" || return
	"$@"
	status=$?
	capture_stop
	[ ! -s "$WORK/wire" ] || because "in clear on the wire: $(head -n 3 "$WORK/wire")"
	[ $status -eq 0 ] || { tail -n 20 "$WORK"/log.* "$WORK/ping"; status=1; }
	[ ! -s "$WORK/wire" ] && [ $status -eq 0 ]
}

# a recipe, and then the machines as they were
recipe_check()
{
	check "$1" watched "${@:2}"
	for machine in gw-a gw-b anna; do clean $machine; done
	routes_a
	routes_b
}

# pinged MACHINE ADDRESS [WORDS FOR PING...]: each of three is answered
pinged()
{
	at "$1" /bin/ping -n -q -c 3 -i 0.2 -W 30 "${@:3}" "$2" >"$WORK/ping" 2>&1 && grep -q ' 3 received' "$WORK/ping" ||
		because "no answer to ping ${*:2} on $1: $(tail -n 3 "$WORK/ping")"
}

# stopped_here MACHINE ADDRESS [WORDS FOR PING...]: none is answered
stopped_here()
{
	! at "$1" /bin/ping -n -q -c 3 -i 0.2 -W 1 "${@:3}" "$2" >"$WORK/ping" 2>&1 || because "ping ${*:2} on $1 is answered"
}

there_and_back() { pinged site-a $SITE_B && pinged site-b $SITE_A; }
there_and_back6() { pinged site-a $SITE6_B && pinged site-b $SITE6_A; }

# what should be stopped, typed on the gateway
own_packets() { stopped_here gw-a $SITE_B && stopped_here gw-b $SITE_A; }
own_packets6() { stopped_here gw-a $SITE6_B && stopped_here gw-b $SITE6_A; }

# ---- the capture ----

# that it sees what is in clear, of each kind
without_policy()
{
	local seen

	capture_start net any "$INNER" || return
	there_and_back && there_and_back6 && pinged gw-a $SITE_B && pinged gw-a $SITE6_B
	seen=$?
	capture_stop
	[ $seen -eq 0 ] && grep -q "$SITE_A > $SITE_B" "$WORK/wire" && grep -q "$SITE6_B > $SITE6_A" "$WORK/wire" &&
		grep -q "$GW_A > $SITE_B" "$WORK/wire" && grep -q "$GW6_A > $SITE6_B" "$WORK/wire"
}

# ---- README ----

branch_ready() { at gw-b systemctl start nfipsecd || because "$(at gw-b tail -n 5 /run/nfipsec/log)"; }

readme_files() { both_ends "$README" 'access-list branch' 'peer branch'; }

quick_start()
{
	readme_files && branch_ready && recipe gw-a "$README" 'modprobe nfipsec' && recipe gw-a "$README" 'ip route [a-z]* blackhole' &&
		recipe gw-a "$README" 'ping ' && there_and_back
}

# and what else there is on the gateway
quick_start_and_more()
{
	quick_start && own_packets &&
		so output_matches 'Operation not permitted' at gw-a bash -c "echo >/dev/udp/$SITE_B/9" || return
	# a host whose address is in no list, behind the gateway
	ip -n site-a addr add 172.16.0.5/32 dev lo && ip -n gw-a route add 172.16.0.5 via $SITE_A &&
		stopped_here site-a $SITE_B -I 172.16.0.5 || return
	# the gateway's packets to all others go on
	pinged gw-a $GATEWAY_B && pinged gw-a 203.0.113.7
}

# traffic of all kinds in the background while COMMAND... runs
during()
{
	local status

	started from-lan ip netns exec site-a ping -n -i 0.1 $SITE_B >"$WORK/from-lan" 2>&1
	started from-gateway ip netns exec gw-a sh -c "while :; do ping -n -c 20 -i 0.1 $SITE_B; sleep 0.1; done" >"$WORK/from-gw" 2>&1
	started from-branch ip netns exec site-b ping -n -i 0.1 $SITE_A >"$WORK/from-branch" 2>&1
	"$@"
	status=$?
	stopped from-lan TERM && stopped from-gateway TERM && stopped from-branch TERM && return $status
}

# meanwhile the default route leads to the Internet what came out of the tunnel
link_down_and_up()
{
	ip -n gw-a link set wan down && sleep 2 && ip -n gw-a link set wan up && sleep 1 && routes_a && sleep 2 &&
		ip -n gw-a link set lan down && sleep 1 && ip -n gw-a link set lan up && sleep 1
}

quick_start_links() { quick_start && during link_down_and_up && there_and_back; }

# the WAN's goes and comes back; the LAN gets another one
addresses_change()
{
	ip -n gw-a addr del $GW_A/24 dev wan && ip -n gw-a addr add 192.0.2.77/24 dev wan && routes_a && sleep 3 &&
		ip -n gw-a addr del 192.0.2.77/24 dev wan && ip -n gw-a addr add $GW_A/24 dev wan && routes_a && sleep 1 &&
		ip -n gw-a addr add 10.1.200.1/16 dev lan && ip -n gw-a addr del 10.1.0.1/16 dev lan &&
		ip -n site-a route replace default via 10.1.200.1 && sleep 1
}

addresses_back()
{
	ip -n gw-a addr replace 10.1.0.1/16 dev lan
	ip -n gw-a addr del 10.1.200.1/16 dev lan
	ip -n site-a route replace default via 10.1.0.1
}

quick_start_addresses()
{
	local status

	quick_start && during addresses_change && pinged site-a $SITE_B
	status=$?
	addresses_back
	return $status
}

daemon_stops() { at gw-a systemctl stop nfipsecd && sleep 2 && at gw-a systemctl start nfipsecd && sleep 1; }
quick_start_daemon() { quick_start && during daemon_stops && there_and_back; }

# each command of the table that ends by itself
questions()
{
	local command n=0

	quick_start || return
	while read -r command; do
		at gw-a sh -c "$command" >"$WORK/answer" 2>&1 && n=$((n + 1)) ||
			because "'$command' fails: $(tail -n 2 "$WORK/answer")"
	done < <(sed -n 's/^| `\(nfipsec [^`]*\)` |.*/\1/p' "$README" | grep -v '^nfipsec watch')
	[ $n -ge 7 ] && [ ! -s "$ktap_why" ]
}

# ---- the guide ----

guide_files() { both_ends "$GUIDE" 'access-list branch' 'peer branch'; }

guide_tunnel()
{
	guide_files && branch_ready && at gw-a nfipsec check /etc/nfipsec/nfipsec.conf && at gw-a systemctl start nfipsecd &&
		there_and_back && own_packets
}

# the command to change it, while traffic goes on
load() { recipe gw-a "$GUIDE" 'nfipsec check' 'nfipsec load' && sleep 1 && recipe gw-a "$GUIDE" 'nfipsec check' 'nfipsec load'; }
guide_load() { guide_tunnel && during load && there_and_back; }

# as people have it, before they hear of us
masquerade() { at gw-a nft -f -; }

masqueraded()
{
	masquerade && guide_files && branch_ready && at gw-a systemctl start nfipsecd && recipe gw-a "$GUIDE" 'nft [^#]*postrouting' &&
		there_and_back && own_packets && pinged site-a 203.0.113.7
}

masquerade_ip()
{
	masqueraded <<-END
		table ip nat {
			chain postrouting { type nat hook postrouting priority srcnat; oifname wan masquerade; }
		}
	END
}

masquerade_inet()
{
	masqueraded <<-END
		table inet mine {
			chain out { type nat hook postrouting priority srcnat + 10; meta nfproto ipv4 oifname wan counter masquerade; }
			chain late { type nat hook postrouting priority 300; ip saddr 10.0.0.0/8 oifname wan masquerade; }
		}
	END
}

# without the exemption nothing passes, and nothing leaves
masquerade_forgotten()
{
	masquerade <<-END
		table ip nat {
			chain postrouting { type nat hook postrouting priority srcnat; oifname wan masquerade; }
		}
	END
	guide_files && branch_ready && at gw-a systemctl start nfipsecd && stopped_here site-a $SITE_B && own_packets
}

# a firewall that drops all that its rules do not take, and one that ends each chain with a rule
firewall() { at gw-a nft -f -; }
firewalled()
{
	local rule

	firewall && both_ends "$GUIDE" 'access-list both' && "$1" && branch_ready || return
	for rule in 'input udp' 'forward' 'input iifname'; do
		recipe gw-a "$GUIDE" "nft [a-z]* rule inet filter $rule" || return
	done
	at gw-a systemctl start nfipsecd && there_and_back && there_and_back6 && own_packets && own_packets6 &&
		pinged gw-a $SITE_B -I 10.1.0.1 && pinged site-b 10.1.0.1
}

ipv6_outside() { :; }
ipv4_outside()
{
	local ns

	for ns in gw-a gw-b; do
		at $ns sed -i "s/2001:db8::1 /$GW_A /; s/2001:db8::2 /$GATEWAY_B /" /etc/nfipsec/nfipsec.conf || return
	done
}

# without neighbours there is no IPv6
firewall_policy()
{
	firewalled ipv6_outside <<-END
		define nd = { nd-neighbor-solicit, nd-neighbor-advert }
		table inet filter {
			chain input { type filter hook input priority filter; policy drop; icmpv6 type \$nd accept; }
			chain forward { type filter hook forward priority filter; policy drop; }
			chain output { type filter hook output priority filter; policy drop; icmpv6 type \$nd accept; }
		}
	END
}

firewall_last_rule()
{
	firewalled ipv4_outside <<-END
		define nd = { nd-neighbor-solicit, nd-neighbor-advert }
		table inet filter {
			chain input { type filter hook input priority filter; icmpv6 type \$nd accept; drop; }
			chain forward { type filter hook forward priority filter; reject; }
			chain output { type filter hook output priority filter; icmpv6 type \$nd accept; reject; }
		}
	END
}

# nothing in clear from before the module is there until after it has gone
egress()
{
	block "$GUIDE" '  nft add table netdev leak' | sed 's/^  //' >"$WORK/egress" && at gw-a bash -eu "$WORK/egress" &&
		stopped_here site-a $SITE_B && stopped_here gw-a $SITE_B && guide_files && branch_ready &&
		at gw-a systemctl start nfipsecd && there_and_back || return
	# the other gateways hold the module
	at gw-b systemctl stop nfipsecd && at gw-b nfipsec unload && recipe gw-a "$GUIDE" 'systemctl stop nfipsecd.*rmmod nfipsec' &&
		branch_ready && pinged site-a $SITE_B
}

# ---- laptops ----

certificates() { mkdir -p "$WORK/ca" && block "$GUIDE" 'umask 077' 'openssl req' >"$WORK/ca.sh" && (cd "$WORK/ca" && bash -eu "$WORK/ca.sh") >"$WORK/ca.out" 2>&1; }

# MACHINE NAME: its certificate
gets_certificate()
{
	at "$1" mkdir -p /etc/nfipsec/{cacerts,certs,private} &&
		block "$GUIDE" 'install -m 644 ca.pem' | sed "s/\<hq\>/$2/" >"$WORK/install" && at "$1" env -C "$WORK/ca" bash -eu "$WORK/install"
}

road()
{
	certificates && gets_certificate gw-a hq && gets_certificate anna anna.road &&
		block "$GUIDE" 'access-list road' | file gw-a nfipsec.conf && block "$GUIDE" 'access-list hq' | file anna nfipsec.conf &&
		link_is_up && at gw-a systemctl start nfipsecd && at anna systemctl start nfipsecd &&
		pinged anna $SITE_A && pinged site-a 10.99.0.7
}

# the guide's script, as the network manager calls it
link_is_up() { recipe anna "$GUIDE" 'ip [^#]*10\.1\.0\.0/16 .*src 10\.99'; }

road_end()
{
	ip -n anna addr flush dev lo scope global
	ip -n anna addr flush dev wan
	ip -n anna addr add 203.0.113.7/24 dev wan
	routes_anna
}

laptop_traffic()
{
	local status

	started from-laptop ip netns exec anna sh -c "while :; do ping -n -c 20 -i 0.1 $SITE_A; sleep 0.1; done" >"$WORK/from-laptop" 2>&1
	started from-lan ip netns exec site-a ping -n -i 0.1 10.99.0.7 >"$WORK/from-lan" 2>&1
	"$@"
	status=$?
	stopped from-laptop TERM && stopped from-lan TERM && return $status
}

# the network manager brings the link back, with the route that it knows of
laptop_link()
{
	ip -n anna link set wan down && sleep 2 && ip -n anna link set wan up && sleep 1 && routes_anna && sleep 2 && link_is_up
}

# to another network, where address and next hop are others
laptop_moves()
{
	ip -n anna addr flush dev wan && ip -n anna addr add 198.18.0.7/24 dev wan &&
		ip -n anna route replace default via 198.18.0.254 && sleep 2 && link_is_up && recipe anna "$GUIDE" 'nfipsec down hq'
}

laptop_away()
{
	road && laptop_traffic laptop_link && pinged anna $SITE_A && laptop_traffic laptop_moves && pinged anna $SITE_A &&
		pinged site-a 10.99.0.7
}

laptop()
{
	local status

	ip -n net addr add 198.18.0.254/24 dev road && laptop_away
	status=$?
	ip -n net addr del 198.18.0.254/24 dev road
	road_end
	return $status
}

# ---- other recipes ----

# the kernel's own IPsec at the branch
by_hand()
{
	block "$GUIDE" 'access-list lab' | file gw-a lab.conf && recipe gw-a "$GUIDE" 'nfipsec load --no-daemon' &&
		recipe gw-b "$GUIDE" 'ip xfrm state add' && there_and_back && stopped_here gw-a $SITE_B
}

both_families()
{
	both_ends "$GUIDE" 'access-list both' && branch_ready && at gw-a systemctl start nfipsecd &&
		there_and_back && there_and_back6 && own_packets && own_packets6
}

hosts()
{
	local of

	for of in gw-a gw-b; do
		block "$GUIDE" 'access-list hosts' | if [ $of = gw-a ]; then cat; else exchanged; fi | file $of nfipsec.conf &&
			echo 'psk any any "correct horse battery staple"' | file $of secrets && at $of systemctl start nfipsecd || return
	done
	pinged gw-a $GW6_B -I $GW6_A && pinged gw-b $GW6_A -I $GW6_B
}

hosts_in_clear() { INNER="ip6 and host $GW6_A and host $GW6_B and ip6[6] = 58 and ip6[40] >= 128 and ip6[40] < 130"; watched hosts; }

daemon_dies() { recipe gw-a "$GUIDE" 'systemctl kill -s KILL nfipsecd' && sleep 2; }
guide_dies() { guide_tunnel && during daemon_dies && there_and_back; }

# the last recipe, up to its second line: without a policy packets are in clear
take_away()
{
	guide_tunnel && block "$GUIDE" 'systemctl stop nfipsecd  *#' 'nfipsec unload  *#' | head -n 1 >"$WORK/stop" &&
		at gw-a bash -eu "$WORK/stop" && stopped_here site-a $SITE_B && own_packets
}

ktap_plan 21
on_exit unload_module
load_module || bail "the module does not load"
on_exit machines_down
machines && programs || bail "the topology does not come up"
check "without a policy the capture sees packets in clear" without_policy
recipe_check "README: the quick start" quick_start
recipe_check "README: and whatever else is sent to the other side" quick_start_and_more
recipe_check "README: links go down and up" quick_start_links
recipe_check "README: addresses change" quick_start_addresses
recipe_check "README: the daemon stops" quick_start_daemon
recipe_check "README: the commands that answer questions" questions
recipe_check "guide: a peer, a tunnel, a secret" guide_tunnel
recipe_check "guide: a configuration is loaded" guide_load
recipe_check "guide: masquerading in table ip nat" masquerade_ip
recipe_check "guide: masquerading elsewhere, and later" masquerade_inet
recipe_check "guide: masquerading without the exemption" masquerade_forgotten
recipe_check "guide: a firewall with the policy drop" firewall_policy
recipe_check "guide: a firewall with a last rule" firewall_last_rule
recipe_check "guide: nothing leaves before the policy and after it" egress
recipe_check "guide: a laptop, its link down and up, another network" laptop
recipe_check "guide: keys by hand" by_hand
recipe_check "guide: IPv6 outside, both families inside" both_families
check "guide: two hosts in transport mode" hosts_in_clear
for machine in gw-a gw-b; do clean $machine; done
recipe_check "guide: a daemon dies" guide_dies
recipe_check "guide: the policy stays when the daemon is stopped" take_away
ktap_exit
