#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Where the protected and the open side meet: what the stack has judged of a packet before
# nfipsec takes it and what nfipsec must (options, extension headers), fragments of both sides
# that look alike, what of IKE may go in clear, redirects. boundary.py writes the packets to
# the wire of gw-b; gw-a has nfipsec (the picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

boundary() { "$TOOLS/boundary.py" "$1"; }

ktap_plan 7
sites_begin
sites_ipv6 || bail "no IPv6"
# first: what a namespace has once begun to reassemble it always does
check "IKE in fragments over IPv6" boundary ike_fragments
check "IKE is what the named sockets send and receive" boundary ike_ports
check "fragments in clear meet none that are protected" boundary fragments
check "destination options, ESP" boundary options_esp
check "destination options, ESP in UDP" boundary options_udp
check "destination options, AH" boundary options_ah
check "no redirect around a tunnel" boundary redirects
ktap_exit
