#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A NAT that changes its mind (the picture is in natt-lib.sh): the peer, or we, have
# another port from one packet to the next (RFC 7296 2.23); transport mode through it
# (RFC 7296 2.23.1); and the same over IPv6.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/natt-lib.sh"

port_here() { nf show peers --json | jq -e ".peers[0].ike_sas[0].remote | test(\"\\\\[$1[0-9]{4}\\\\]\")"; }

# an ESP packet of strongSwan's comes from another port: both SAs and the IKE SA follow
esp_moves_us()
{
	remap 30000-39999 || { cat "$WORK/conntrack"; return 1; }
	in_site_b ping -n -q -i 0.2 -c 20 -W 20 $SITE_A >"$WORK/ping"
	wait_for 20 in_udp_here '.encap_remote >= 30000 and .encap_remote < 40000' && port_here 3 &&
		in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping.back" &&
		grep -q 'the peer has moved' "$WORK/daemon" && no_drops ||
		{ cat "$WORK/ping" "$WORK/daemon"; nf show peers; return 1; }
	note "while it moved: $(grep transmitted "$WORK/ping")"
}

# and an IKE message does the same
ike_moves_us()
{
	remap 40000-49999 || return
	swanctl --rekey --child lan >"$WORK/rekey" 2>&1
	wait_for 20 port_here 4 && wait_for 20 in_udp_here '.encap_remote >= 40000' &&
		in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" && no_drops ||
		{ cat "$WORK/daemon" "$WORK/rekey"; nf show peers; return 1; }
}

# the NAT is in front of us: what we send tells strongSwan, which follows in its turn
they_follow()
{
	daemon_stop
	swan_stop
	policy_unload
	remap 20000-29999
	confs $BRANCH $ISP_B on-traffic
	swan_start && daemon_start || return
	in_site_a ping -n -q -i 0.1 -c 3 -W 30 $SITE_B >"$WORK/ping" && remap 30000-39999 || return
	wait_for 30 in_site_a ping -n -q -c 1 -W 1 $SITE_B &&
		in_site_b ping -n -q -i 0.1 -c 5 -W 20 $SITE_A >"$WORK/ping" && in_udp_here '.encap_remote == 4500' ||
		{ cat "$WORK/daemon"; tail -n 20 "$SWAN/log"; return 1; }
}

# transport mode through the NAT: each has its own idea of our address (RFC 7296 2.23.1),
# and the checksum inside is of the addresses that are not those outside
transport()
{
	daemon_stop
	swan_stop
	policy_unload
	confs $BRANCH $ISP_B on-traffic
	sed -i "s,protect ip .*,protect ip from $GW_A to $BRANCH,; s/mode tunnel/mode transport/" "$CONF"
	sed -i "s/_ts = .*/_ts = dynamic/; s/esp_proposals/mode = transport\n&/" "$SWAN/swanctl.conf"
	swan_start && daemon_start && in_gw_a ping -n -q -i 0.1 -c 5 -W 30 $BRANCH >"$WORK/ping" &&
		in_udp_here '.mode == "transport"' && test "$(ip -n gw-b xfrm state | grep -c 'mode transport')" = 2 ||
		{ cat "$WORK/daemon" "$WORK/ping"; tail -n 30 "$SWAN/log"; return 1; }
	in_gw_b iperf3 -s -1 -D -I "$WORK/iperf3.pid" >"$WORK/iperf3" 2>&1
	wait_for 10 listens gw-b 5201 || return
	in_gw_a iperf3 -c $BRANCH -n 1M -J >"$WORK/iperf3.json" 2>&1 && no_drops ||
		{ cat "$WORK/iperf3.json"; return 1; }
}

# the same over IPv6: a NAT of its own kind, and the same rules
nat66_up()
{
	local ns

	for ns in gw-a gw-b isp; do
		ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
			net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 || return
	done
	ip -n gw-a addr add $GW6_A/64 dev wan nodad &&
		ip -n isp addr add 2001:db8::fe/64 dev left nodad &&
		ip -n isp addr add $ISP6_B/64 dev right nodad &&
		ip -n gw-b addr add $BRANCH6/64 dev wan nodad &&
		ip -n gw-a route add default via 2001:db8::fe &&
		ip -n gw-b route add default via $ISP6_B &&
		ip netns exec isp sysctl -qw net.ipv6.conf.all.forwarding=1 &&
		ip netns exec isp nft -f - <<-END
			table ip6 nat {
				chain out {
					type nat hook postrouting priority srcnat;
					meta l4proto udp masquerade to :20000-29999 random
				}
			}
		END
}

over_ipv6()
{
	daemon_stop
	swan_stop
	policy_unload
	# an answer to the daemon that was there, which transport mode would have protected
	nat66_up && mark_stats || return
	GW_A=$GW6_A GW_B=$BRANCH6 nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16
	GW_A=$ISP6_B GW_B=$BRANCH6 swan_conf aes128gcm16-prfsha256-x25519 aes128gcm16
	swan_start && daemon_start || return
	in_site_a ping -n -q -i 0.1 -c 5 -W 30 $SITE_B >"$WORK/ping" &&
		in_site_b ping -n -q -i 0.1 -c 5 -W 20 $SITE_A >"$WORK/ping" &&
		in_udp_here ".encap_remote == 4500 and .remote == \"$BRANCH6\"" && in_udp_there && no_drops ||
		{ cat "$WORK/daemon"; tail -n 20 "$SWAN/log"; counted; return 1; }
}

ktap_plan 6
sites_begin
nat_up || bail "the NAT does not come up"
counted_check "strongSwan initiates from behind the NAT" they_initiate
counted_check "the NAT gives it another port: ESP tells, and we follow" esp_moves_us
counted_check "once more: IKE tells" ike_moves_us
counted_check "the NAT gives us another port: traffic goes on" they_follow
counted_check "transport mode through the NAT" transport
counted_check "over IPv6" over_ipv6
ktap_exit
