#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does each link of the documents lead to a file or a heading of the tree?
#
#   links.sh ROOT
#
# The anchor of a heading is made as on GitHub: lower case, spaces as hyphens, without other marks.
set -eu
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# anchors FILE
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}

# links FILE: the targets of [text](target), a line each; code blocks have none
links() {
	grep -v '^    [^ ]' "$1" | tr '\n' ' ' | grep -oE '\]\([^()[:space:]]+\)' | sed -e 's/^](//' -e 's/)$//'
}

n=0
for page in *.md NEWS Documentation/*.md selftests/vm/*.md; do
	links "$page" >"$work/links" || continue
	while read -r target; do
		case $target in
		*://*) continue ;;
		esac
		n=$((n + 1))
		file=${target%%#*} anchor=
		case $target in
		*'#'*) anchor=${target#*#} ;;
		esac
		if [ -z "$file" ]; then file=$page; else file=$(dirname "$page")/$file; fi
		if [ ! -e "$file" ]; then
			echo "$page: found the link $target, but no file $file"
		elif [ -n "$anchor" ]; then
			anchors "$file" >"$work/anchors"
			grep -qxF -- "$anchor" "$work/anchors" ||
				echo "$page: found the link $target, but no such heading in $file"
		fi
	done <"$work/links"
	echo "$n" >"$work/n"
done >"$work/bad"
if [ -s "$work/bad" ]; then cat "$work/bad"; exit 1; fi
test "$(cat "$work/n")" -ge 20 || { echo "only $(cat "$work/n") links found"; exit 1; }
echo "$(cat "$work/n") links"
