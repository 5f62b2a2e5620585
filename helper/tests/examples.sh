#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does `nfipsec check` take each configuration that the documentation shows?
#
#   examples.sh BUILD ROOT
#
# A configuration is an example that begins with access-list, peer, template or limits; one without the
# lists of its peers gets those of the example before it, and one with lists alone gets peers.
# One that only uses a template gets that of the example before it. The folder conf.d is there, and empty.
# The certificates are those that the user guide's own commands make.
set -eu
build=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# blocks FILE: each example of it in a file of its own, called by its line
blocks() {
	awk -v out="$work/$(basename "$1")" -v page="$1" '
	page ~ /\.[0-9]$/ {
		if (/^\.Ed/) file = ""
		if (file) print >file
		if (/^\.Bd -literal/) file = sprintf("%s.%04d", out, NR + 1)
		next
	}
	/^    / {
		if (!file) file = sprintf("%s.%04d", out, NR)
		print substr($0, 5) >file
		next
	}
	/./ { file = "" }
	file { print "" >file }' "$1"
}

# begins FILE REGEX: its first line
begins() { head -n 1 "$1" | grep -Eq "^($2)"; }

mkdir -p "$work/etc/conf.d" "$work/etc/cacerts" "$work/etc/certs" "$work/etc/private" "$work/ca"
for page in README.md Documentation/user-guide.md Documentation/man/nfipsec.conf.5; do
	blocks "$root/$page"
done

# the CA of the guide, and what it gives to the gateway
made=0
for file in "$work"/user-guide.md.*; do
	grep -Eq '^ *(openssl|install) ' "$file" || continue
	sed -e "s,/etc/nfipsec,$work/etc,g" "$file" >"$file.sh"
	(cd "$work/ca" && sh -eu "$file.sh") >"$work/openssl" 2>&1 || { echo "$file:"; cat "$work/openssl"; exit 1; }
	made=$((made + 1))
done
test $made -gt 0 || { echo "the user guide makes no certificates"; exit 1; }
# what the other machines that it shows would have
cp -n "$work"/ca/*.pem "$work"/ca/*.pub "$work/etc/certs/"
cp -n "$work"/ca/*.key "$work/etc/private/"
rm "$work/etc/certs/ca.pem" "$work/etc/private/ca.key"

confs=0 secrets=0 bad=0 before=/dev/null template=/dev/null
try() {
	"$build/nfipsec" check "$work/etc/nfipsec.conf" >"$work/said" 2>&1 && return
	echo "$1"
	cat "$work/said"
	bad=$((bad + 1))
}
for file in "$work"/*.[0-9][0-9][0-9][0-9]; do
	name=${file#"$work/"}
	if begins "$file" '(access-list|peer|template) [^ ]+ \{|limits \{'; then
		confs=$((confs + 1))
		rm -f "$work/etc/secrets"
		{
			grep -q '^template' "$file" || ! grep -q '^peer [^ ]* from' "$file" || cat "$template"
			begins "$file" template || grep -q '^access-list' "$file" || sed -n '/^access-list/,/^}/p' "$before"
			cat "$file"
			grep -q '^peer' "$file" || sed -n 's/^access-list \([^ ]*\).*/\1/p' "$file" | while read -r list; do
				echo "peer $list { auth psk tunnel lan { access-list $list } }"
			done
		} >"$work/etc/nfipsec.conf"
		! grep -q '^access-list' "$file" || before=$file
		! begins "$file" template || template=$file
		try "$name"
	elif begins "$file" '(psk|key) '; then
		secrets=$((secrets + 1))
		(umask 077 && cat "$file" >"$work/etc/secrets")
		try "$name"
	fi
done
[ $confs -ge 8 ] && [ $secrets -ge 2 ] || { echo "only $confs configurations and $secrets files of secrets found"; exit 1; }
test $bad -eq 0 || exit 1
echo "$confs configurations, $secrets files of secrets"
