#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Wrong netlink messages, many of them, over every command, while others dump,
# listen and send. At the end all is as if nothing had been: a policy loads, an SA
# carries, the module goes. Leaks and complaints of the kernel are the runner's to find.
#
#	 nl-a (nfipsec)                        nl-b (nfipsec)
#	+-----------------------+             +-----------------------+
#	| 10.1.0.1    192.0.2.1 |-------------| 192.0.2.2    10.2.0.1 |
#	+-----------------------+     wan     +-----------------------+
#
# NFIPSEC_FUZZ_MESSAGES is how many, NFIPSEC_FUZZ_SEED what they are made from.

. "$(dirname "$0")/lib.sh"

if [ -z "$NFIPSEC_SLOW" ]; then
	MESSAGES=${NFIPSEC_FUZZ_MESSAGES:-20000}
else
	MESSAGES=${NFIPSEC_FUZZ_MESSAGES:-10000}
fi
SEED=${NFIPSEC_FUZZ_SEED:-$(test_seed)}
KEY=000102030405060708090a0b0c0d0e0f10111213

in_a() { ip netns exec nl-a "$@"; }
in_b() { ip netns exec nl-b "$@"; }

topology()
{
	netns_add nl-a && netns_add nl-b &&
		ip -n nl-a link add wan type veth peer name wan netns nl-b &&
		ip -n nl-a link add fuzz0 type vrf table 100 || return
	ip -n nl-a addr add 192.0.2.1/24 dev wan && ip -n nl-b addr add 192.0.2.2/24 dev wan &&
		ip -n nl-a addr add 2001:db8::1/64 dev wan nodad &&
		ip -n nl-b addr add 2001:db8::2/64 dev wan nodad &&
		ip -n nl-a addr add 10.1.0.1/24 dev lo && ip -n nl-b addr add 10.2.0.1/24 dev lo &&
		ip -n nl-a link set wan up && ip -n nl-b link set wan up && ip -n nl-a link set fuzz0 up || return
	ip -n nl-a route add 10.2.0.0/16 via 192.0.2.2 src 10.1.0.1 &&
		ip -n nl-b route add 10.1.0.0/16 via 192.0.2.1 src 10.2.0.1
}

# load NETNS LOCAL REMOTE FROM TO
load()
{
	cat >"$conf" <<-END
		access-list all {
			10 protect ip from $4 to $5
		}
		peer other {
			local address $2
			remote address $3
			auth psk
			ike aes128gcm16-prfsha256-x25519
			tunnel lan {
				access-list all
				esp aes128gcm16
				start manual
			}
		}
	END
	ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" load --no-daemon "$conf"
}

# sa NETNS DIRECTION SPI LOCAL REMOTE
sa()
{
	ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" sa add "$2" tunnel other/lan spi "$3" local "$4" remote "$5" \
		encr aes128gcm16 key 0x$KEY
}

fuzz() { in_a "$NFIPSEC_TOOLS/netlink-fuzz" --seed "$SEED" "$MESSAGES" 2>&1 | sed 's/^/# /' >&3; return "${PIPESTATUS[0]}"; }
nothing_left() { in_a "$NFIPSEC_BIN/nfipsec" show sas --json | jq -e '.sas == []'; }

carries()
{
	load nl-a 192.0.2.1 192.0.2.2 10.1.0.0/24 10.2.0.0/24 && load nl-b 192.0.2.2 192.0.2.1 10.2.0.0/24 10.1.0.0/24 &&
		sa nl-a in 0x1001 192.0.2.1 192.0.2.2 && sa nl-b in 0x2002 192.0.2.2 192.0.2.1 &&
		sa nl-a out 0x2002 192.0.2.1 192.0.2.2 && sa nl-b out 0x1001 192.0.2.2 192.0.2.1 &&
		in_a ping -n -q -c 5 -i 0.2 -W 10 10.2.0.1 &&
		in_a "$NFIPSEC_BIN/nfipsec" show sas --json | jq -e '[.sas[].packets] == [5, 5]'
}

unloads() { in_a "$NFIPSEC_BIN/nfipsec" unload && in_b "$NFIPSEC_BIN/nfipsec" unload && rmmod nfipsec; }

exec 3>&1
conf=$(mktemp /tmp/nfipsec-fuzz.XXXXXX)
on_exit "rm -f $conf"
ktap_plan 5
on_exit unload_module
if ! load_module || ! topology; then
	echo "Bail out! no module or no topology"
	exit $KSFT_FAIL
fi
began=$SECONDS
check "$MESSAGES messages, seed $SEED" fuzz
echo "# $((SECONDS - began)) s"
check "no SA is left" nothing_left
check "a policy and SAs carry" carries
check "the module goes" unloads
check "and comes" load_module
ip netns del nl-a
ip netns del nl-b
ktap_exit
