#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# nfipsec in one gateway and libreswan in the other (the picture is in sites-lib.sh):
# who begins, rekeys and deletes, with a pre-shared key and certificates; no packet is lost but by libreswan.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/peers-lib.sh"
. "$(dirname "$0")/libreswan-lib.sh"
peer=libreswan

both_begin()
{
	both_start && we_begin || return
	start=manual both_start && they_begin
}

# one after the other: its own command, and our lifetimes
rekeys()
{
	both_start && we_begin || return
	unharmed they_rekey_now && note "libreswan rekeyed the CHILD SA" &&
		unharmed they_rekey_now ike && note "libreswan rekeyed the IKE SA" && pings || told
}

ours()
{
	life=$1 ike_life=$2 both_start && we_begin && unharmed rekeyed_in_time "$3" && pings || told
}

ktap_plan 8
sites_begin
note "$(there version)"
peers_pki rsa ec256 >"$WORK/pki.log" 2>&1 || bail "no certificates"

check "we rekey the CHILD SA, no ping is lost" ours 10 '' child
check "we rekey the IKE SA, no ping is lost" ours '' 10 ike
check "libreswan deletes the IKE SA" they_delete
auth=rsa
check "RSA certificates: begun by either" both_begin
auth=ec256
check "ECDSA certificates: begun by either" both_begin
auth=psk
check "AES-GCM, x25519, pre-shared key: begun by either" both_begin
check "libreswan rekeys both SAs, no ping is lost" rekeys
check "our down leaves nothing there" we_delete
both_stop
ktap_exit
