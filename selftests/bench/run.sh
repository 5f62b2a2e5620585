#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs paths.sh in the VM that counts instructions as time: the table on stdout,
# the same as JSON in build/bench.json (or BENCH_JSON=FILE).
#
# usage: run.sh [--kernel NAME] [PATH...]
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
json=${BENCH_JSON:-$here/../../build/bench.json}
kernel=6.1
if [ "${1:-}" = --kernel ]; then
	kernel=$2
	shift 2
fi
mark=@bench.json@
mkdir -p "$(dirname "$json")"
"$here/../vm/run" --kernel "$kernel" --icount --timeout 1800 --test-timeout 1700 \
	--log "$(dirname "$json")/bench-console.log" --env BENCH_JSON_MARK=$mark \
	--env "BENCH_CLOCK=one instruction is one nanosecond" \
	--env "BENCH_SECONDS=${BENCH_SECONDS:-1}" --command "bench/paths.sh $*" |
	tr -d '\r' | awk -v mark=$mark -v json="$json.new" '
		$0 == mark { inside = !inside; if (inside) printf "" >json; next }
		inside { print >json; next }
		{ print; fflush() }'
mv "$json.new" "$json"
