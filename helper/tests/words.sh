#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Is each word that the programs take, or print to be read by others, in its manual page and in
# --help, and nothing in the pages that is not there? Does the code say what the user guide has in its
# tables of messages?
#
#   words.sh BUILD ROOT
#
# The words come from the sources' own tables, and those of algorithms from what nfipsec says
# when it is given a wrong one. In the pages they are marked: Cm a word, Fl an option.
set -eu
build=$1 root=$2
helper=$root/helper man=$root/Documentation/man
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# marked MACRO PAGE: the words behind it
marked() {
	awk -v want="$1" '/^\./ {
		sub(/^\./, "")
		macro = ""
		for (i = 1; i <= NF; i++) {
			if ($i ~ /^[A-Z][a-z]$/)
				macro = $i
			else if (macro == want && $i ~ /^-?-?[a-z][-a-z0-9_]*$/)
				print want == "Fl" ? "-" $i : $i
		}
	}' "$2" | sort -u
}

# all words of a page, without what it is written in
text() { sed -e 's/^\.[A-Z][a-z] //' -e 's/\\(dq/ /g' "$1" | tr -cs 'A-Za-z0-9_-' '\n' | sort -u; }

# examples PAGE: the words between .Bd and .Ed
examples() { sed -n '/^\.Bd/,/^\.Ed/p' "$1" | tr -cs 'A-Za-z0-9_-' '\n' | sort -u; }

# strings FILE...: what stands in quotes and is one word
strings() { grep -oh '"[-A-Za-z0-9_]*"' "$@" | tr -d '"' | sort -u; }

# table START FILE: the first strings of its rows
table() { sed -n "/$1/,/^};/p" "$2" | grep -o '{ "[^"]*"' | tr -d '{ "' | sort -u; }

# lacks WHAT WORDS IN: those of WORDS that are not there; nothing to look for is a fault of this script
lacks() {
	test -s "$work/$2" || echo "$1: no words found"
	for word in $(comm -23 "$work/$2" "$work/$3"); do
		echo "$1: $word"
	done
	cat "$work/$2" >>"$work/all"
}

# messages GUIDE: the fixed parts of those in the first column
messages() {
	awk '/^\| (message|what is said) / { on = 1; next }
		!/^\|/ { on = 0 }
		on && !/^\| ---/ { split($0, cell, "|"); print cell[2] }' "$1" |
		sed -E -e 's/`//g' -e "s/'[^']*'|\.\.\.|[;,:] |\b[A-Z]\b|[0-9]+|[()]/\n/g" |
		sed -E -e 's/^[ :,;]*//' -e 's/[ :,;]*$//' | grep '.....' | sort -u
}

# unsaid GUIDE: those messages that no string of the sources has
unsaid() {
	cat "$helper"/*/*.c | perl -0pe 's/"\s*\n\s*"//g' >"$work/sources"
	messages "$1" >"$work/messages"
	test -s "$work/messages" || echo "no messages found in the user guide"
	cat "$work/messages" >>"$work/all"
	while read -r message; do
		grep -qF -- "$message" "$work/sources" || echo "in the user guide, but never said: $message"
	done <"$work/messages"
}

# which algorithms nfipsec names for PROTO, in the page's way: aesN for three lengths of a key
algorithms() {
	case $1 in
	ike) peer='ike xyzzy' tunnel='' ;;
	*) peer='' tunnel="$1 xyzzy" ;;
	esac
	echo "access-list a { 1 protect ip from any to any }
		peer p { remote address 192.0.2.2 $peer tunnel t { access-list a $tunnel } }" >"$work/conf"
	"$build/nfipsec" check "$work/conf" 2>&1 | sed 's/.*expected one of //' | tr -s ', ' '\n'
}
with_n() { sed -E 's/(aes|camellia)(128|192|256)/\1N/' | sort -u; }

page=$man/nfipsec.conf.5
table 'keywords\[\]' "$helper/conf/parse.y" >"$work/keywords"
strings "$helper/conf/values.c" | grep -vx 0x >"$work/values"
{ strings "$helper/conf/values.c" "$helper/conf/secrets.c"; cat "$work/keywords"; } | sort -u >"$work/conf.words"
marked Cm "$page" >"$work/conf.marked"
text "$page" >"$work/conf.text"
examples "$page" >"$work/conf.examples"
for proto in ike esp ah; do algorithms $proto; done | with_n >"$work/algorithms"
{ table 'aliases\[\]' "$helper/crypto/alg.c"; sed -n 's/.*"\(.*\)".*\.weak = true.*/\1/p' "$helper/crypto/alg.c"; } |
	with_n >"$work/algorithms.more"

page=$man/nfipsec.8
strings "$helper"/cli/*.c "$helper/crypto/alg.c" >"$work/cli.strings"
table 'commands\[\]' "$helper/cli/main.c" >"$work/commands"
table 'verbs\[\]' "$helper/cli/sa.c" >"$work/verbs"
cat "$helper/cli/main.c" "$helper/cli/explain.c" "$helper/cli/policy.c" "$helper/cli/sa.c" |
	grep -o 'strcmp([][a-z0-9]*, "[^"]*")' >"$work/strcmp"
strings "$work/strcmp" | grep -v ^- >"$work/cli.words"
grep -oh '"--[a-z-]*"' "$helper"/cli/*.c | tr -d '"' | sort -u >"$work/cli.options"
sed -n '/event_names\[\]/,/^};/p' "$helper/daemon/daemon.c" >"$work/event_names"
strings "$work/event_names" >"$work/events"
sed -n '/define NFIPSEC_STATS/,/^enum/p' "$root/include/uapi/linux/nfipsec.h" >"$work/stats.x"
strings "$work/stats.x" >"$work/stats"
sed -n '/define IKE_COUNTERS/,/^enum/p' "$helper/ike/core.h" >"$work/counters.x"
strings "$work/counters.x" >"$work/counters"
strings "$helper/ike/show.c" "$helper/ike/ike.c" "$helper/ike/remote.c" "$helper/ike/verify.c" "$helper/daemon/daemon.c" >"$work/json"
{ marked Cm "$page"; marked Fl "$page"; } | sort -u >"$work/cli.marked"
text "$page" >"$work/cli.text"
{ cat "$work/cli.strings" "$work/cli.words" "$work/cli.options" "$work/events" "$work/stats" "$work/counters" \
	"$work/json" "$work/keywords"; table 'verbs\[\]' "$helper/cli/sa.c"; echo -; } | sort -u >"$work/cli.there"
"$build/nfipsec" check --help | tr -cs 'a-z-' '\n' | sort -u >"$work/cli.help"

page=$man/nfipsecd.8
table 'longs\[\]' "$helper/daemon/main.c" | sed 's/^/--/' | sort -u >"$work/daemon.options"
marked Fl "$page" >"$work/daemon.marked"
"$build/nfipsecd" --help | tr -cs 'a-z-' '\n' | sort -u >"$work/daemon.help"

: >"$work/all"
bad=$(
	lacks 'not marked in nfipsec.conf(5)' keywords conf.marked
	lacks 'in no example of nfipsec.conf(5)' keywords conf.examples
	lacks 'not in nfipsec.conf(5)' values conf.text
	lacks 'not in nfipsec.conf(5)' algorithms conf.text
	lacks 'not in nfipsec.conf(5)' algorithms.more conf.text
	lacks 'in nfipsec.conf(5), but not in helper/conf' conf.marked conf.words
	lacks 'not marked in nfipsec(8)' commands cli.marked
	lacks 'not in nfipsec --help' commands cli.help
	lacks 'not marked in nfipsec(8)' verbs cli.marked
	lacks 'not in nfipsec(8)' cli.words cli.text
	lacks 'not marked in nfipsec(8)' cli.options cli.marked
	lacks 'not in nfipsec --help' cli.options cli.help
	lacks 'event not marked in nfipsec(8)' events cli.marked
	lacks 'counter not marked in nfipsec(8)' stats cli.marked
	lacks 'counter not marked in nfipsec(8)' counters cli.marked
	lacks 'in nfipsec(8), but not in helper/cli' cli.marked cli.there
	lacks 'not in nfipsecd(8)' daemon.options daemon.marked
	lacks 'not in nfipsecd --help' daemon.options daemon.help
	lacks 'in nfipsecd(8), but not in helper/daemon/main.c' daemon.marked daemon.options
	unsaid "$root/Documentation/user-guide.md"
)
test -z "$bad" || { echo "$bad"; exit 1; }
echo "$(sort -u "$work/all" | wc -l) words and messages"
