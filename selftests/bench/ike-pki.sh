#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Certificates for ike-load --certs: one CA, hq.example.com for the responder, and one for each
# initiator with a key of its own; all are ECDSA on P-256.
#
# usage: ike-pki.sh DIR FIRST COUNT [FIRST COUNT...]	c1.example.com has the number 1
set -eu

dir=$1
all=$dir/all
specs=("root,ca" "hq,issuer=root,san=hq.example.com")
shift
while [ $# -gt 0 ]; do
	for ((i = $1; i < $1 + $2; i++)); do specs+=("c$i,issuer=root,san=c$i.example.com"); done
	shift 2
done
rm -rf "$dir" && mkdir -p "$dir"/{clients,server}/{certs,private,cacerts}
"$(dirname "$0")/../tools/pki.py" "$all" "${specs[@]}"
mv "$all"/hq.pem "$dir/server/certs" && mv "$all"/hq.key "$dir/server/private"
mv "$all"/c*.pem "$dir/clients/certs" && mv "$all"/c*.key "$dir/clients/private"
cp "$all"/root.pem "$dir/server/cacerts" && mv "$all"/root.pem "$dir/clients/cacerts"
rm -r "$all"
