#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs paths.sh, or with --all matrix.sh, or with --sas sas.sh, in the VM that counts
# instructions as time: the table on stdout, the same as JSON in build/bench.json (or
# BENCH_JSON=FILE).
#
# usage: run.sh [--kernel NAME] [--all | --sas] [PATH or ROW...]
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
json=${BENCH_JSON:-$here/../../build/bench.json}
kernel=6.1
script=paths.sh
while :; do
	case ${1:-} in
	--kernel) kernel=$2; shift ;;
	--all) script=matrix.sh ;;
	--sas) script=sas.sh ;;
	*) break ;;
	esac
	shift
done
mark=@bench.json@
# the guest's time flies while it waits for the disk: only the host's says when it is too long
mkdir -p "$(dirname "$json")"
"$here/../vm/run" --kernel "$kernel" --icount --timeout 3600 --test-timeout 1000000 \
	--log "$(dirname "$json")/bench-console.log" --env BENCH_JSON_MARK=$mark \
	--env "BENCH_CLOCK=one instruction is one nanosecond" \
	--env "BENCH_SECONDS=${BENCH_SECONDS:-1}" --env "BENCH_PATHS=${BENCH_PATHS:-}" --command "bench/$script $*" |
	stdbuf -oL tr -d '\r' | awk -v mark=$mark -v json="$json.new" '
		$0 == mark { inside = !inside; if (inside) printf "" >json; next }
		inside { print >json; next }
		{ print; fflush() }'
mv "$json.new" "$json"
