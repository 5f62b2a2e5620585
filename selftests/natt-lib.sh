# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after sites-lib.sh by natt.sh and natt_moves.sh.
#
# A NAT between the gateways, which gives other addresses and other ports to what
# goes through it either way: RFC 7296 2.23, RFC 3948. strongSwan in gw-b.
#
#	 gw-a (nfipsec)     isp: masquerades both ways       gw-b (strongSwan)
#	+-----------+      +---------------------------+      +--------------+
#	| 192.0.2.1 |======| 192.0.2.254  198.51.100.1 |======| 198.51.100.2 |
#	+-----------+ wan  +---------------------------+  wan +--------------+
#
# The rest of the picture is in sites-lib.sh.

ISP_A=192.0.2.254 ISP_B=198.51.100.1
BRANCH=198.51.100.2
ISP6_B=2001:db8:1::1 BRANCH6=2001:db8:1::2

nat_up()
{
	ip netns add isp && on_exit 'ip netns del isp' || return
	ip -n gw-a link del wan
	ip -n gw-a link add wan type veth peer name left netns isp &&
		ip -n gw-b link add wan type veth peer name right netns isp || return
	ip -n gw-a addr add $GW_A/24 dev wan
	ip -n gw-b addr add $BRANCH/24 dev wan
	ip -n isp addr add $ISP_A/24 dev left
	ip -n isp addr add $ISP_B/24 dev right
	ip -n gw-a link set wan up
	ip -n gw-b link set wan up
	ip -n isp link set left up
	ip -n isp link set right up
	ip -n gw-a route add default via $ISP_A
	ip -n gw-b route add default via $ISP_B
	ip netns exec isp sysctl -qw net.ipv4.ip_forward=1
	ip netns exec isp nft -f - <<-END
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat;
				meta l4proto udp masquerade to :20000-29999 random
			}
		}
	END
}

# remap FROM-TO: the NAT forgets what it knew, and gives ports of another range from now on
remap()
{
	ip netns exec isp nft flush chain ip nat out &&
		ip netns exec isp nft add rule ip nat out meta l4proto udp masquerade to ":$1" random &&
		ip netns exec isp conntrack -D -p udp >"$WORK/conntrack" 2>&1
}

# our conf's remote address, strongSwan's remote address, then words for nf_conf
confs()
{
	GW_B=$1 nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" "$3"
	GW_B=$BRANCH swan_conf aes128gcm16-prfsha256-x25519 aes128gcm16
	sed -i "s/remote_addrs = .*/remote_addrs = $2/" "$SWAN/swanctl.conf"
}

# the NAT is in front of strongSwan, and we see its port: not 4500
they_initiate()
{
	daemon_stop
	swan_stop
	confs $ISP_A $GW_A manual
	swan_start && daemon_start &&
		swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 ||
		{ cat "$WORK/initiate" "$WORK/daemon"; return 1; }
	wait_for 20 in_udp_here '.encap_remote >= 20000' && in_udp_there &&
		in_site_b ping -n -q -i 0.1 -c 5 -W 20 $SITE_A >"$WORK/ping" &&
		in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" && no_drops
}
