#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Do all files have the version of include/nfipsec_version.h?
#
#   version.sh BUILD ROOT
#
# The module and the programs include that file. DKMS, Debian's tools and the readers of NEWS cannot,
# so the files for them have a copy.
set -eu
build=$1 root=$2
version=$(sed -n 's/^#define NFIPSEC_VERSION[[:space:]]*"\([0-9][0-9.]*\)"$/\1/p' "$root/include/nfipsec_version.h")
test -n "$version" || { echo "include/nfipsec_version.h has no version"; exit 1; }
n=0 bad=

# is WHERE EXPECTED FOUND
is() {
	n=$((n + 1))
	test "$3" = "$2" || bad="$bad$1: found '$3', expected '$2'
"
}

# first FILE: its first line
first() { sed -n 1p "$root/$1"; }

is "nfipsec --version" "nfipsec $version" "$("$build/nfipsec" --version)"
is "nfipsecd --version" "nfipsecd $version" "$("$build/nfipsecd" --version)"
is kmod/main.c NFIPSEC_VERSION "$(sed -n 's/^MODULE_VERSION(\(.*\));$/\1/p' "$root/kmod/main.c")"
is dkms.conf "\"$version\"" "$(sed -n 's/^PACKAGE_VERSION=//p' "$root/dkms.conf")"
is NEWS "# nfipsec $version" "$(first NEWS)"
# Debian appends a revision
test ! -e "$root/debian/changelog" ||
	is debian/changelog "$version" "$(first debian/changelog | sed 's/^nfipsec (\([0-9.]*\).*/\1/')"
test -z "$bad" || { printf %s "$bad"; exit 1; }
echo "$version in $n places"
