#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tunnels between the sites, with IPv4 and IPv6 inside of either, by ESP and by AH;
# strongSwan is the peer (the picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/modes-lib.sh"

SUITES="
tunnel-4	4 tunnel	esp aes128gcm16
tunnel-6	6 tunnel	esp aes256-sha256
ah-tunnel-6	6 tunnel	ah  sha256
"

ktap_plan 19
all_suites
ktap_exit
