# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after lib.sh by the tests that run what the documents show.

README=${NFIPSEC_DOCUMENTS:-$CHECKOUT}/README.md
GUIDE=${NFIPSEC_DOCUMENTS:-$CHECKOUT}/Documentation/user-guide.md

# block FILE REGEXP...: prints the first code block of FILE that has a line for each REGEXP
block()
{
	awk '
	function ends() {
		for (i = 2; i < ARGC && block != ""; i++)
			if (block !~ "(^|\n)" want[i])
				block = ""
		if (block != "") {
			printf "%s", block
			done = 1
			exit
		}
	}
	BEGIN { for (i = 2; i < ARGC; i++) { want[i] = ARGV[i]; ARGV[i] = "" } }
	/^    / || (/^$/ && block != "") { block = block substr($0, 5) "\n"; next }
	{ ends(); block = "" }
	END { if (!done) { ends(); exit !done } }' "$@" && return
	because "$(basename "$1") has no code block with ${*:2}"
}

# says FILE TEXT: in its prose, perhaps over two lines
says() { tr -s '[:space:]' ' ' <"$1" | grep -qF -- "$2" || because "$(basename "$1") does not say $2"; }
