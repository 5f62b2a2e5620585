#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does each unit start a program where `make install` puts it?
#
#   units.sh: in helper/
set -eu
n=0 failed=0
for unit in systemd/*.service; do
	while read -r dir program; do
		n=$((n + 1))
		grep -qF "\$(DESTDIR)\$($dir)/$program" Makefile && continue
		echo "$unit: starts $program in $dir, which does not get it"
		failed=$((failed + 1))
	done <<-END
		$(sed -n 's,^Exec[A-Z][A-Za-z]*=@\([a-z]*\)@/\([a-z]*\).*,\1 \2,p' "$unit")
	END
done
echo "the units: $n programs, $failed of them not where make install puts them"
[ "$n" -ge 2 ] && [ "$failed" -eq 0 ]
