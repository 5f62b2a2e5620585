#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Wrong packets from the wire, many of them: ESP, AH and ESP in UDP, over IPv4 and
# IPv6, in tunnel and transport mode. Each packet must be in a counter of nfipsec
# or of the stack around it; that the kernel stays well, the runner tells.
#
#	 fuzz-from                      fuzz-to (nfipsec)
#	+--------------------+ wire    +--------------------+
#	| 192.0.2.2          |---------| 192.0.2.1          |
#	| 2001:db8::2        |         | 2001:db8::1        |
#	+--------------------+         +--------------------+
#
# NFIPSEC_FUZZ_PACKETS is how many in all, NFIPSEC_FUZZ_SEED what they are made from,
# NFIPSEC_FUZZ_ONLY a regular expression of lines of the table. What each kind is,
# tools/mutate.c says.

. "$(dirname "$0")/lib.sh"

FUZZ=$NFIPSEC_TOOLS/packet-fuzz

# on a kernel with checkers what fits in the time; elsewhere a glance
if [ -z "$NFIPSEC_SLOW" ]; then
	PACKETS=${NFIPSEC_FUZZ_PACKETS:-40000}
else
	PACKETS=${NFIPSEC_FUZZ_PACKETS:-150000}
fi
SEED=${NFIPSEC_FUZZ_SEED:-$(test_seed)}

# SA, kind, parts of a thousand, options
TABLE="
esp4		good		10
esp4		bits		60
esp4		cut		50
esp4		random		30
esp4		replay		30
esp4		inside		110
esp4-null	inside		30
esp4-null-esn	replay		10
esp4		header		40
esp4		options		20
esp4		fragments	40
esp4		big		2
esp4		inside		20	--ring
esp4		cut		10	--ring
esp4		inside		20	--live
esp4-x		good		5
esp4-x		inside		40
esp4-x-esn	bits		10
udp4		cut		30
udp4		inside		30
udp4		lengths		30
udp4		fragments	10
udp4		bits		20	--gso
udp4-x		inside		20
udp4-x		good		5	--gso
ah4		good		5
ah4		bits		20
ah4		cut		20
ah4		inside		30
ah4		options		10
ah4		fragments	5
ah4-x		inside		20
ah4-x-esn	replay		5
esp6		good		5
esp6		bits		20
esp6		cut		20
esp6		inside		50
esp6		header		20
esp6		exthdr		20
esp6		fragments	20
esp6		big		2
esp6		inside		10	--ring
esp6		inside		10	--live
esp6-x		inside		20
udp6		cut		10
udp6		lengths		10
udp6		bits		10	--gso
udp6-x		inside		10
ah6		good		5
ah6		cut		10
ah6		inside		10
ah6		exthdr		5
ah6-x		inside		10
"

netns_make()
{
	local ns=$1

	netns_add "$ns" || return
	# what the kernel says of itself is not among what is sent
	ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.default.router_solicitations=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

topology()
{
	netns_make fuzz-from && netns_make fuzz-to &&
		ip -n fuzz-from link add wire address 02:00:00:00:00:02 mtu 65535 type veth \
			peer name wire address 02:00:00:00:00:01 mtu 65535 netns fuzz-to || return
	ip -n fuzz-from addr add 192.0.2.2/24 dev wire && ip -n fuzz-to addr add 192.0.2.1/24 dev wire &&
		ip -n fuzz-from addr add 2001:db8::2/64 dev wire nodad &&
		ip -n fuzz-to addr add 2001:db8::1/64 dev wire nodad || return
	ip -n fuzz-to addr add 10.1.0.1/16 dev lo && ip -n fuzz-to addr add 2001:db8:1::1/48 dev lo nodad || return
	ip -n fuzz-from link set wire up && ip -n fuzz-to link set wire up || return
	ip -n fuzz-to neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev wire nud permanent &&
		ip -n fuzz-to neigh replace 2001:db8::2 lladdr 02:00:00:00:00:02 dev wire nud permanent || return
	ip -n fuzz-to route add 10.2.0.0/16 via 192.0.2.2 && ip -n fuzz-to route add 2001:db8:2::/48 via 2001:db8::2 ||
		return
	# nothing is to be dropped for being too much at once, and what stays incomplete to go soon
	sysctl -qw net.core.netdev_max_backlog=100000
	ip netns exec fuzz-to sysctl -qw net.ipv4.ipfrag_time=2 net.ipv4.ipfrag_high_thresh=67108864 \
		net.ipv6.ip6frag_time=2 net.ipv6.ip6frag_high_thresh=67108864 \
		net.netfilter.nf_conntrack_frag6_timeout=2 net.netfilter.nf_conntrack_frag6_high_thresh=67108864
}

# drop_opened [MATCH]: drops the packets of nfipsec0 before the stack reads them
drop_opened()
{
	ip netns exec fuzz-to nft -f - <<-END
		table inet fuzz {
			chain opened {
				type filter hook prerouting priority -450
			}
		}
		flush chain inet fuzz opened
		add rule inet fuzz opened iifname "nfipsec0" $1 drop
	END
}

# so that the stack's counters count outer packets only
deliver_nothing() { drop_opened; }

# The stack counts what its GRE refuses as dropped by the device.
deliver_all() { drop_opened "meta l4proto gre"; }

# the second number, hexadecimal, of each CPU
backlog_drops()
{
	local _ dropped sum=0

	while read -r _ dropped _; do sum=$((sum + 16#$dropped)); done </proc/net/softnet_stat
	echo $sum
}

backlog() { test "$(backlog_drops)" = "$drops_before"; }

# fuzz SA KIND PARTS [OPTIONS...]
fuzz()
{
	local sa=$1 kind=$2 count=$((PACKETS * $3 / 1000)) out status

	case $* in *--live*) deliver_all || return ;; esac
	out=$("$FUZZ" --seed "$SEED" "${@:4}" "$sa" "$kind" "$count" 2>&1)
	status=$?
	case $* in *--live*) deliver_nothing || return ;; esac
	# a sum is worth reading when all went well, too
	sed 's/^/# /' <<<"$out" >&3
	return $status
}

exec 3>&1
mapfile -t lines < <(grep -E "${NFIPSEC_FUZZ_ONLY:-.}" <<<"$TABLE")
ktap_plan $((${#lines[@]} + 1))
on_exit unload_module
if ! load_module || ! topology || ! deliver_nothing; then
	echo "Bail out! no module or no topology"
	exit $KSFT_FAIL
fi
drops_before=$(backlog_drops)
began=$SECONDS
for line in "${lines[@]}"; do
	read -ra words <<<"$line"
	check "${words[0]} ${words[1]} ${words[*]:3}" fuzz "${words[@]}"
done
echo "# $PACKETS packets, seed $SEED, $((SECONDS - began)) s"
check "no CPU's backlog overflowed" backlog
ip netns del fuzz-from
ip netns del fuzz-to
ktap_exit
