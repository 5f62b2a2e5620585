#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Transport mode between the gateways, over IPv4 and IPv6, by ESP and by AH; strongSwan
# is the peer (the picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/modes-lib.sh"

SUITES="
transport-4	4 transport	esp aes128gcm16
transport-6	6 transport	esp aes256gcm16
ah-transport-4	4 transport	ah  sha512
ah-transport-6	6 transport	ah  sha256
"

ktap_plan 22
all_suites
ktap_exit
