#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The description of the netlink family says what the header says. Wants no module.
. "$(dirname "$0")/lib.sh"

# one word wrong in a copy of the specification must be noticed
wrong()
{
	local dir

	dir=$(mktemp -d /tmp/nfipsec-spec.XXXXXX) || return
	mkdir -p "$dir/selftests" "$dir/Documentation/netlink/specs"
	cp -r "$SELFTESTS/tools" "$dir/selftests/"
	cp -r "$CHECKOUT/include" "$dir/"
	sed "$1" "$CHECKOUT/Documentation/netlink/specs/nfipsec.yaml" \
		>"$dir/Documentation/netlink/specs/nfipsec.yaml"
	"$dir/selftests/tools/netlink-spec.py"
	local status=$?
	rm -rf "$dir"
	return $status
}

ktap_plan 5
check "the specification and the header agree" "$SELFTESTS/tools/netlink-spec.py"
check_fails "another value is noticed" wrong 's/value: 4096/value: 4095/'
check_fails "another name is noticed" wrong 's/name: encr-key/name: encr-kee/'
check_fails "a value too few is noticed" wrong 's/entries: \[ in, out \]/entries: [ in ]/'
check_fails "another order is noticed" wrong 's/\[ bypass, protect, discard \]/[ protect, bypass, discard ]/'
ktap_exit
