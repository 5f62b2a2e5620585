#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway does more with a packet than protect it. Whatever NAT, VRFs, user space and other
# users do, an entry takes a packet by its addresses on the wire. gateway.py has the cases;
# gw-a has nfipsec (the picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

gateway() { "$TOOLS/gateway.py" "$1"; }

ktap_plan 8
sites_begin
sites_ipv6 || bail "no IPv6"
check "clear text in front of DNAT" gateway dnat
check "clear text in front of SNAT" gateway snat
check "IKE passes by its socket, not by its port" gateway ports
check "nothing but IKE sockets can be named" gateway names
check "multicast, IGMP and MLD" gateway multicast
check "a VRF" gateway vrf
check "verdicts from user space" gateway nfqueue
check "a raw socket that writes another version" gateway version
ktap_exit
