#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A flow table of nftables in gw-a (the picture is in sites-lib.sh), with lan and wan in it.
# Packets of a connection that is in the table pass no hook that judges them, so what an
# access list protects or discards must stay out of it: nothing leaves in clear, and nothing
# clear comes in. The peer is the kernel's own xfrm with manual SAs.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

FLOWS=$TOOLS/flows.py
PORT=7007
FORGED_TTL=99		# of packets that we write ourselves; nothing else has it

# family_set 4|6: who talks to whom
family_set()
{
	case $1 in
	4) place_set tunnel:4in4; local_a=$SITE_A remote_b=$SITE_B open_b=$GW_B one_less="ip[8] = $((FORGED_TTL - 1))" ;;
	6) place_set tunnel:6in6; local_a=$SITE6_A remote_b=$SITE6_B open_b=$GW6_B one_less="ip6[7] = $((FORGED_TTL - 1))" ;;
	esac
}

# table_load PRIORITY [WORDS]: each forwarded connection goes into the table as soon as it can
table_load()
{
	in_gw_a nft -f - <<-END
		table inet ft
		delete table inet ft
		table inet ft {
			flowtable f {
				hook ingress priority 0
				devices = { lan, wan }
				$2
			}
			chain forward {
				type filter hook forward priority $1
				meta l4proto { tcp, udp } flow add @f
			}
		}
	END
}

# The filter of a capture for one connection in clear. The payload of ESP is no match.
in_clear() { echo "host $remote_b and port $PORT"; }

in_table() { in_gw_a conntrack -L -f "ipv$family" -p "$1" 2>/dev/null | grep "port=$PORT" | grep -q OFFLOAD; }
in_no_table() { ! in_table "$1"; }

# keep_start PROTOCOL REMOTE, then exchange OCTETS: one connection from site-a
keep_start() { resident keep 6 7 ip netns exec site-a "$FLOWS" keep "$1" "$local_a" "$2" "$PORT"; }
keep_stop() { stopped keep TERM; rm -f "$WORK/keep.to" "$WORK/keep.from"; in_gw_a conntrack -F 2>/dev/null; }

exchange()
{
	local answer=

	echo "$1" >&6
	read -r -t $((60 * NFIPSEC_TIME_FACTOR)) answer <&7
	[ "$answer" = ok ] || because "$1 octets there and back: ${answer:-no answer}"
}

# forged PROTOCOL: a packet as if site-b had answered in clear; it must not reach site-a
forged()
{
	local mac

	mac=$(in_gw_a cat /sys/class/net/wan/address)
	capture_start site-a lan "$one_less" || return
	mark_stats
	in_gw_b "$FLOWS" forge wan "$mac" "$1" "$remote_b" "$local_a" $PORT $FORGED_TTL || return
	wait_for 10 counted_one in_cleartext || because "a clear packet was not counted: $(counted | tr '\n' ';')" || return
	wire_quiet
}
counted_one() { test "$(stat "$1")" = 1; }

# wire_quiet: ends the capture; tcpdump may write an empty line at its end
wire_quiet()
{
	capture_stop
	grep -q . "$WORK/wire" || return 0
	because "seen in clear: $(head -n 3 "$WORK/wire")"
}

# ---- checks ----

# what no list names goes into the table: the rest of this test means something
others_are_in()
{
	local status=0

	keep_start "$1" "$open_b" || return
	exchange 65536 && exchange 65536 || status=1
	in_table "$1" || because "not in the table: $(in_gw_a conntrack -L 2>/dev/null)" || status=1
	keep_stop
	return $status
}

protected()
{
	local status=0

	capture_start gw-a wan "$(in_clear)" || return
	mark_stats
	keep_start "$1" "$remote_b" || return
	exchange 1048576 || status=1
	so in_no_table "$1" || status=1
	so no_drops || status=1
	[ "$(stat out_packets)" -gt 700 ] && [ "$(stat in_packets)" -gt 700 ] ||
		because "too few packets in the tunnel: $(counted | tr '\n' ';')" || status=1
	wire_quiet || status=1
	forged "$1" || status=1
	exchange 65536 || status=1
	keep_stop
	return $status
}

# The connection is in the table, in clear, before there is a policy.
policy_comes()
{
	local status=0

	policy_unload && xfrm_flush || return
	keep_start "$1" "$remote_b" || return
	exchange 65536 && exchange 65536 && so in_table "$1" || status=1
	capture_start gw-a wan "$(in_clear)" || return
	tunnel_load && suite_add aes128gcm16 || status=1
	exchange 65536 || status=1
	so in_no_table "$1" || status=1
	wire_quiet || status=1
	forged "$1" || status=1
	keep_stop
	return $status
}

# NAT in front: the wire has other addresses than the connection began with
translated()
{
	local status=0 ip=ip ask=10.9.0.10

	[ "$family" = 4 ] || { ip=ip6 ask=fd09::10; }
	in_gw_a nft -f - <<-END || return
		table $ip tr {
			chain pre {
				type nat hook prerouting priority dstnat
				$ip daddr $ask dnat to $remote_b
			}
		}
	END
	capture_start gw-a wan "$(in_clear)" || return
	keep_start "$1" $ask || return
	exchange 262144 || status=1
	so in_no_table "$1" || status=1
	wire_quiet || status=1
	in_gw_a nft delete table $ip tr
	keep_stop
	return $status
}

# The outer packets of a tunnel device are protected: newer kernels make them in the flow table.
encapsulated()
{
	local status=0

	policy_unload && sas_flush || return
	modprobe -q ipip
	ip -n gw-a link add ipip type ipip local $GW_A remote $GW_B && ip -n gw-a link set ipip up &&
		ip -n gw-b link add ipip type ipip local $GW_B remote $GW_A && ip -n gw-b link set ipip up &&
		ip -n gw-a route replace $NET_B dev ipip && ip -n gw-b route replace $NET_A dev ipip || status=1
	place_set transport:4
	ENTRY="4 from $GW_A to $GW_B" tunnel_load && suite_add aes128gcm16 || status=1
	capture_start gw-a wan "ip proto 4" || return
	mark_stats
	keep_start "$1" "$remote_b" || return
	exchange 262144 || status=1
	so in_no_table "$1" || status=1
	[ "$(stat out_packets)" -gt 200 ] || because "too few packets in the tunnel: $(counted | tr '\n' ';')" || status=1
	wire_quiet || status=1
	keep_stop
	ip -n gw-a link del ipip && ip -n gw-b link del ipip
	ip -n gw-a route add $NET_B via $GW_B && ip -n gw-b route add $NET_A via $GW_A || status=1
	return $status
}

# A list that discards later than the connection began
discarded()
{
	local status=0

	policy_unload && xfrm_flush || return
	keep_start udp "$remote_b" || return
	exchange 65536 && so in_table udp || status=1
	cat >"$WORK/discard.conf" <<-END
		access-list none {
			10 discard udp from $INNER_A to $INNER_B port $PORT
		}
	END
	capture_start gw-a wan "$(in_clear)" || return
	mark_stats
	in_gw_a "$NFIPSEC" load --no-daemon "$WORK/discard.conf" || status=1
	if exchange 1000; then because "it was not discarded" || status=1; else : >"$ktap_why"; fi
	[ "$(stat out_discard)" -gt 0 ] || because "nothing was counted" || status=1
	wire_quiet || status=1
	keep_stop
	return $status
}

# Only whether they are there: where they are modules, the first table loads them, after the policy.
if ! modprobe -q -n -a nft_flow_offload nf_flow_table_inet && ! zgrep -q NFT_FLOW_OFFLOAD=y /proc/config.gz; then
	ktap_skip_all "flow tables"
fi
ktap_plan 23
sites_begin
sites_ipv6 || bail "no IPv6"
shell_start || bail "no shell in gw-a"
for ns in gw-b site-b; do
	started "serve-$ns" ip netns exec $ns "$FLOWS" serve $PORT
	on_exit "stopped serve-$ns TERM"
	wait_for 10 listens $ns $PORT || bail "no server in $ns"
done
for family in 4 6; do
	family_set $family
	tunnel_load && suite_add aes128gcm16 || bail "no tunnel"
	for proto in tcp udp; do
		table_load filter || bail "no flow table"
		check "IPv$family, $proto: what no list names is in the table" others_are_in $proto
		check "IPv$family, $proto: what is protected is not, and passes" protected $proto
		check "IPv$family, $proto: translated on the way" translated $proto
		table_load -1000 counter || bail "no flow table"
		check "IPv$family, $proto: a table with counters, a rule in front of most" protected $proto
	done
	table_load filter
	for proto in tcp udp; do
		check "IPv$family, $proto: a policy comes while it is in the table" policy_comes $proto
	done
	check "IPv$family: a list comes that discards what is in the table" discarded
done
family=4
family_set 4
check "the outer packets of an ipip device are protected" encapsulated tcp
ktap_exit
