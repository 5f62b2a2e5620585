#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Are the tests and files that a table of requirements names there?
#
#   must_table.sh TABLE.md ROOT
#
# Each row of four cells ends with its tests: `NAME_test:FUNCTION`, which must be run by
# helper/tests/NAME_test.c, `NAME.sh` of selftests, perhaps with `:FUNCTION` of it, or
# `NAME_fuzz`. The third cell names files of helper/ or kmod/. No cell is empty.
set -eu
table=$1 root=$2

rows=$(grep -c '^| [0-9]' "$table" || :)
test "$rows" -gt 0 || { echo "$table has no rows"; exit 1; }

# cell N of each row, with the row's line in front of each word in backquotes
words() {
	awk -F '|' -v cell="$1" '/^\| [0-9]/ {
		n = split($cell, part, "`")
		for (i = 2; i <= n; i += 2)
			print NR, part[i]
	}' "$table"
}

bad=$(
	awk -F '|' '/^\| [0-9]/ {
		if (NF != 6)
			print "line " NR ": " NF - 2 " cells, not 4"
		for (i = 2; i < NF; i++)
			if ($i !~ /[^ ]/)
				print "line " NR ": cell " i - 1 " is empty"
		if ($4 !~ /`/ && $4 !~ /not built/)
			print "line " NR ": no file"
		if ($5 !~ /`/)
			print "line " NR ": no test"
	}' "$table"
	words 4 | while read -r line file; do
		test -e "$root/helper/$file" || test -e "$root/$file" ||
			echo "line $line: no file $file"
	done
	words 5 | while read -r line name; do
		unit=${name%%:*} function=${name#*:}
		case $name in
		*_test:*) grep -qs "cmocka_unit_test.*($function)" "$root/helper/tests/$unit.c" ;;
		*.sh:*) grep -qs "^$function()" "$root/selftests/$unit" ;;
		*.sh) test -e "$root/selftests/$name" ;;
		*_fuzz) test -e "$root/helper/fuzz/$name.c" ;;
		*) false ;;
		esac || echo "line $line: no test $name"
	done
)
test -z "$bad" || { echo "$bad"; exit 1; }
echo "$rows rows, $(words 5 | wc -l) tests named, $(words 5 | cut -d ' ' -f 2 | sort -u | wc -l) of them different"
