#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink interface: refusals, malformed messages, who may; the policy as a
# transaction; what is held for want of an SA; the module's reference. The
# checks themselves, and a picture, are in tools/netlink-test.py.
. "$(dirname "$0")/lib.sh"

TOOL=$SELFTESTS/tools/netlink-test.py

nl_case() { ip netns exec "${2:-nl}" "$TOOL" "$1"; }

netns_make()
{
	netns_add "$1" && ip -n "$1" link add d0 type dummy && ip -n "$1" link set d0 up &&
		ip -n "$1" addr add 10.1.0.1/24 dev d0 && ip -n "$1" addr add 192.0.2.1/24 dev d0 &&
		ip -n "$1" route add 10.2.0.0/24 dev d0 && ip -n "$1" route add default dev d0
}

rmmod_refused() { fails rmmod nfipsec && module_loaded; }
rmmod_allowed() { rmmod nfipsec && fails module_loaded && load_module; }

# the namespace goes with a policy, SAs and held packets in it
netns_goes()
{
	netns_make gone && nl_case load gone && rmmod_refused || return
	ip netns exec gone bash -c 'for i in 1 2 3; do echo x >/dev/udp/10.2.0.2/9; done'
	ip netns del gone
	wait_for 20 rmmod nfipsec && load_module
}

on_exit unload_module
if ! load_module; then
	echo "Bail out! the module does not load"
	exit $KSFT_FAIL
fi
netns_make nl || { echo "Bail out! no namespace"; exit $KSFT_FAIL; }
netns_make age || { echo "Bail out! no namespace"; exit $KSFT_FAIL; }
aged=$(mktemp /tmp/nfipsec-aged.XXXXXX)
on_exit "rm -f $aged"
nl_case age age >"$aged" 2>&1 &	# takes 30 s, beside the others
aging=$!

ktap_plan 23
check "the kernel's policies are as specified" nl_case types
check "each refusal says what is wrong" nl_case refusals
check "malformed messages are refused" nl_case malformed
check "mutated messages are answered" nl_case random
check "no command is for everyone" nl_case unprivileged
check "keys are never told" nl_case keys
check "a policy is one transaction" nl_case transaction
check "dumps are whole and in order" nl_case dumps
check "half a bundle" nl_case bundle
check "explain says what the data path does" nl_case explain
check "held packets: 64, then the oldest goes" nl_case queue
check "held packets go first and in order" nl_case order
check "nobody sends from the queue for ever" nl_case release
check "ACQUIRE comes once a second" nl_case acquire
check "the best tunnel with an SA takes the packets" nl_case standby
check "limits end an SA" nl_case expire
check "sequence numbers are used once" nl_case sequence
check "no policy load opens a gap" nl_case closed
wait $aging
status=$?
check "held packets grow old" bash -c "cat $aged; exit $status"
nl_case load
check "rmmod is refused while protect entries are loaded" rmmod_refused
nl_case load-bypass
check "bypass and discard entries do not keep the module" rmmod_allowed
nl_case load && nl_case clear
check "nor does a policy that is gone" rmmod_allowed
check "a namespace that goes lets the module go" netns_goes
ktap_exit
