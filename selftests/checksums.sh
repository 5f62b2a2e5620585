#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The checksum inside: an octet that was damaged before the peer encrypted it reaches no
# application, neither here nor behind us. checksums.py is the peer; gw-a has nfipsec (the
# picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

checksums() { "$TOOLS/checksums.py" "$@"; }

# conntrack verifies the outer checksum, and marks the packet as verified
track() { in_gw_a nft -f - <<<'table inet track { chain pre { type filter hook prerouting priority 0; ct state new accept; }; }'; }

ktap_plan 13
sites_begin
sites_ipv6 || bail "no IPv6"
for family in 4 6; do
	check "UDP, IPv$family" checksums udp $family
	check "ICMP, IPv$family" checksums icmp $family
	check "TCP and GRO, IPv$family" checksums tcp $family
	check "forwarded, IPv$family" checksums forwarded $family
	[ $family = 6 ] || check "connection tracking is on" track
	check "in UDP, IPv$family" checksums in_udp $family
	check "transport mode through a NAT, IPv$family" checksums transport_nat $family
done
ktap_exit
