#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# GRE, VXLAN, IPIP and their like between the gateways, and their packets protected: how much
# fits is found out by who sends through them. nfipsec is in gw-a and xfrm in gw-b (the picture
# is in sites-lib.sh), so each check is made of both.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/xfrm-lib.sh"

OVER_A=10.100.0.1 OVER_B=10.100.0.2	# of the devices
HOST_A=10.111.0.1 HOST_B=10.112.0.1	# behind them

# transfer FROM TO SOURCE ADDRESS: many segments, the same octets at the end
transfer()
{
	rm -f "$WORK/received"
	started receive ip netns exec "$2" socat -u TCP-LISTEN:7000,reuseaddr "CREATE:$WORK/received"
	wait_for 10 listens "$2" 7000 || return
	timeout $((120 * NFIPSEC_TIME_FACTOR)) ip netns exec "$1" socat -u "FILE:$WORK/sent" "TCP:$4:7000,bind=$3" &&
		wait_for 20 ended receive && cmp "$WORK/sent" "$WORK/received" && return
	because "no transfer from $1 to $2"
	stopped receive TERM
	return 1
}

# encap_up KIND: a device "enc" in both gateways, whose packets are protected
encap_up()
{
	local kind=$1 a b words=

	case $where in
	tunnel:4*) a=10.1.0.1 b=10.2.0.1 ;;
	tunnel:6*) a=fd01::1 b=fd02::1 ;;
	*) a=$OUTER_A b=$OUTER_B ;;
	esac
	case $kind in
	vxlan) words="id 7 dstport 4789" ;;
	esac
	ip -n gw-a link add enc type $kind local $a remote $b $words &&
		ip -n gw-b link add enc type $kind local $b remote $a $words || return
	ip -n gw-a addr add $OVER_A/24 dev enc
	ip -n gw-b addr add $OVER_B/24 dev enc
	ip -n gw-a link set enc up && ip -n gw-b link set enc up &&
		ip -n gw-a route add $HOST_B via $OVER_B dev enc && ip -n gw-b route add $HOST_A via $OVER_A dev enc
}

# what was learned of the last one is not for the next
encap_down()
{
	local ns

	for ns in gw-a gw-b; do
		ip -n $ns link del enc
		ip netns exec $ns ip route flush cache
		ip netns exec $ns ip -6 route flush cache
	done
}

# of ICMP, so that the packet has the size of the device's MTU
full() { echo $(($(ip -n "$1" -j link show enc | jq '.[].mtu') - 28)); }

# told FROM ADDRESS: a datagram that nobody may fragment and that does not fit the tunnel, but the
# device: who sends it is told how much fits, by the way first and then by the tunnel, and that fits
told()
{
	local out mtu size i

	size=$(full "$1")
	for i in 1 2 3; do
		out=$(ip netns exec "$1" ping -n -c 4 -i 0.3 -W 2 -M "do" -s "$size" "$2" 2>&1)
		mtu=$(sed -n 's/.*[mM][tT][uU] *= *\([0-9]*\).*/\1/p' <<<"$out" | tail -n 1)
		note "$kind, $where, $1: of $((size + 28)) octets, the MTU is ${mtu:-not told}"
		[ -n "$mtu" ] && [ "$mtu" -ge 1280 ] || break
		size=$((mtu - 28))
		ip netns exec "$1" ping -n -q -c 3 -i 0.1 -W 5 -M "do" -s $size "$2" >"$WORK/ping" 2>&1 && return
	done
	echo "$out"
	because "$1 was not told"
}

# large FROM ADDRESS: it arrives, in fragments of the outer packet
large() { ip netns exec "$1" ping -n -q -c 3 -i 0.2 -W 5 -s "$(full "$1")" "$2" >"$WORK/ping" 2>&1 || because "a large ping of $1's is lost"; }

# over IPv6 in transport mode the outer packets and those inside have one route
one_way()
{
	if [ $where = transport:6 ]; then large "$1" "$2"; else told "$1" "$2"; fi
}

# behind FROM TO: a transfer between hosts. VXLAN tells only the route of what it carries, by which
# IPv4 does not forward, and over IPv6 nobody fragments: so it is without any IPsec, and with xfrm
behind()
{
	local source=$HOST_A address=$HOST_B

	[ "$1" = site-a ] || source=$HOST_B address=$HOST_A
	[[ $kind:$where = vxlan:*:6* ]] || transfer "$1" "$2" $source $address
}

encapsulated()
{
	local kind=$1 status=0

	place_set $where && tunnel_load && suite_add aes128gcm16 && encap_up $kind || return
	note "$kind, $where: the tunnel's MTU is $(in_gw_a "$NFIPSEC" show tunnels --json | jq '.tunnels[0].mtu')"
	transfer gw-a gw-b $OVER_A $OVER_B && transfer gw-b gw-a $OVER_B $OVER_A && behind site-a site-b &&
		behind site-b site-a && one_way gw-a $OVER_B && one_way gw-b $OVER_A || status=1
	# and when the ping comes first
	encap_down && encap_up $kind && one_way gw-a $OVER_B && behind site-a site-b || status=1
	encap_down
	return $status
}

# the kinds that this kernel has, of those over the family
kinds()
{
	local kind

	for kind in "$@"; do
		if [ $kind = vxlan ]; then set -- id 9 dstport 4790; else set --; fi
		ip -n gw-a link add try type $kind "$@" 2>/dev/null || continue
		ip -n gw-a link del try
		echo $kind
	done
}

sites_begin
sites_ipv6 || bail "no IPv6"
shell_start || bail "no shell in gw-a"
head -c 100000 /dev/urandom >"$WORK/sent"
# not to be kept busy by RTO: the devices need no route of their own to the other gateway
ip -n gw-a route replace $NET_B via $GW_B src 10.1.0.1
ip -n gw-b route replace $NET_A via $GW_A src 10.2.0.1
ip -n site-a addr add $HOST_A/32 dev lo
ip -n site-b addr add $HOST_B/32 dev lo
ip -n gw-a route add $HOST_A via $SITE_A
ip -n gw-b route add $HOST_B via $SITE_B
KINDS4=$(kinds gre ipip vxlan)
KINDS6=$(kinds ip6gre vxlan)
ktap_plan $((2 * $(wc -w <<<"$KINDS4") + 2 * $(wc -w <<<"$KINDS6")))
for where in tunnel:4in4 transport:4; do
	for kind in $KINDS4; do check "$kind, $where" encapsulated $kind; done
done
for where in tunnel:6in6 transport:6; do
	for kind in $KINDS6; do check "$kind, $where" encapsulated $kind; done
done
ktap_exit
