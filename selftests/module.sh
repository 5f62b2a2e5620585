#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module goes in and out, and its device is in each namespace while it is in.
. "$(dirname "$0")/lib.sh"

has_device() { ip -n "$1" link show dev nfipsec0; }
has_family() { ip netns exec "$1" "$NFIPSEC_BIN/nfipsec" show stats; }

ktap_plan 9
netns_add before
check "the module loads" load_module
check "a namespace made before has nfipsec0" has_device before
netns_add after
check "a namespace made later has it too" has_device after
check "the netlink family answers there" has_family after
check "the device goes up" ip -n after link set nfipsec0 up
check "a namespace with the device up goes" ip netns del after
check "the module unloads" unload_module
check_fails "and its device went with it" has_device before
check "it loads again" load_module
unload_module
ktap_exit
