#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module goes in and out; its device and its hooks are in each namespace with a policy, and in
# no other.
. "$(dirname "$0")/lib.sh"
NFIPSEC=$NFIPSEC_BIN/nfipsec
WORK=$(mktemp -d /tmp/nfipsec-test.XXXXXX)
on_exit "rm -rf $WORK"

# the module of another build than the programs would have another version
loads()
{
	so load_module && so output_matches "^nfipsec $(cat /sys/module/nfipsec/version)\$" "$NFIPSEC" --version
}

has_device() { ip -n "$1" link show dev nfipsec0; }
index() { ip -n "$1" -j link show dev nfipsec0 | jq '.[0].ifindex'; }
# where the kernel tells of hooks at all
hooks() { ip netns exec "$1" nft list hooks 2>/dev/null | grep -c '\[nfipsec\]'; }
hooks_told() { ip netns exec "$1" nft list hooks 2>/dev/null | grep -q hook; }
nothing() { so fails has_device "$1" && so test "$(hooks "$1")" = 0; }

# the shows work where nothing is
shows()
{
	local what

	for what in stats policy tunnels sas; do
		so ip netns exec "$1" "$NFIPSEC" show $what || return
	done
	so ip netns exec "$1" "$NFIPSEC" explain out udp 10.1.0.1:1 10.2.0.1:2
}

load() { ip netns exec "$1" "$NFIPSEC" load --no-daemon "$WORK/$2.conf"; }
unload() { ip netns exec "$1" "$NFIPSEC" unload; }

with_policy()
{
	so load before one && so has_device before && so nothing after || return
	! hooks_told before || so test "$(hooks before)" -ge 9
}

# what an administrator has done to the device outlasts another policy
device_stays()
{
	local was

	was=$(index before)
	ip -n before addr add 10.99.0.1/32 dev nfipsec0
	so load before two && so test "$(index before)" = "$was" &&
		so output_matches 10.99.0.1 ip -n before addr show dev nfipsec0
}

# refused in the middle, with fragments being reassembled for the entry with a port
refused()
{
	ip -n after link add nfipsec0 type dummy || return
	so fails load after one && so output_matches 'a device of the name' load after one || return
	ip -n after link del nfipsec0
	so nothing after && so load after one && so has_device after && so unload after && so nothing after
}

gone_again() { so unload before && so nothing before && so shows before; }

# with a packet on its way into the tunnel, again and again
many_times()
{
	local rounds=20

	[ -z "$NFIPSEC_SLOW" ] || rounds=3
	ip -n before link add d0 type dummy 2>/dev/null
	ip -n before addr add 10.1.0.1/16 dev d0 && ip -n before link set d0 up &&
		ip -n before route add 10.2.0.0/16 via 10.1.0.2 || return
	ip netns exec before ping -n -q -i 0.02 10.2.0.1 >"$WORK/ping" 2>&1 &
	for _ in $(seq $rounds); do
		so load before one && so unload before || break
	done
	kill $!
	wait $!
	so nothing before
}

policy "$WORK/one.conf" "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16" "20 discard udp from any to any port 77"
policy "$WORK/two.conf" "10 protect ip from 10.3.0.0/16 to 10.4.0.0/16"

ktap_plan 15
netns_add before
check "the module loads, with the version of nfipsec" loads
netns_add after
check "a namespace made before has nothing of it" nothing before
check "a namespace made later has nothing of it" nothing after
check "the netlink family answers there" shows after
check "with a policy there is nfipsec0, in this namespace" with_policy
check "with another policy it is the same" device_stays
check "rmmod is refused with a protect entry" fails unload_module
check "without a policy it is gone" gone_again
check "it comes and goes under traffic" many_times
check "a policy that is refused leaves nothing" refused
load after one
check "a namespace with a policy goes" ip netns del after
wait_for 20 unload_module
check "the module unloads" fails module_loaded
check "and leaves nothing" nothing before
check "it loads again" load_module
check "and unloads" unload_module
ktap_exit
