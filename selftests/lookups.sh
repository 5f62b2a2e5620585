#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# By what things are found: the tunnel of a packet that an SA without selectors carries, the
# route of outer packets, the tunnel that a router's complaint is about. lookups.py writes the
# packets; gw-a has nfipsec (the picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

lookups() { "$TOOLS/lookups.py" "$@"; }

ktap_plan 5
sites_begin
sites_ipv6 || bail "no IPv6"
for family in 4 6; do
	check "a manual SA without selectors takes its tunnel's entries alone, IPv$family" lookups no_selectors $family
	check "the outer route by protocol, ports and DSCP, IPv$family" lookups outer_route $family
done
check "a router quotes 8 octets of ESP in UDP" lookups quoted_udp 4
ktap_exit
