#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs paths.sh, or with --all matrix.sh, --gateways gateways.sh, --sas sas.sh, --ike ike.sh, in
# the VM that counts instructions as time: the table on stdout, the same as JSON in
# build/bench.json (or BENCH_JSON=FILE).
#
# usage: run.sh [--kernel NAME] [--all | --gateways | --sas | --ike] [PATH or ROW...]
set -eu -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
json=${BENCH_JSON:-$here/../../build/bench.json}
kernel=6.1
script=paths.sh
while :; do
	case ${1:-} in
	--kernel) kernel=$2; shift ;;
	--all) script=matrix.sh ;;
	--gateways) script=gateways.sh ;;
	--sas) script=sas.sh ;;
	--ike) script=ike.sh; make -s -C "$here/../../helper" bench-tools ;;
	*) break ;;
	esac
	shift
done
mark=@bench.json@
mkdir -p "$(dirname "$json")"

# each line as it comes, but for those between two marks, which are the JSON
sort_lines()
{
	local line inside=

	while IFS= read -r line; do
		line=${line%$'\r'}
		if [ "$line" = $mark ]; then
			inside=$([ -n "$inside" ] || echo 1)
			[ -z "$inside" ] || : >"$json.new"
		elif [ -n "$inside" ]; then
			echo "$line" >>"$json.new"
		else
			echo "$line"
		fi
	done
}

# The guest's time flies while it waits for the disk: only the host's says when it is too long.
# Where instructions are the clock, that has no jitter, and to collect it may fail at any time.
"$here/../vm/run" --kernel "$kernel" --icount --timeout 3600 --test-timeout 1000000 \
	--append module_blacklist=jitterentropy_rng \
	--log "$(dirname "$json")/bench-console.log" --env BENCH_JSON_MARK=$mark \
	--env "BENCH_CLOCK=one instruction is one nanosecond" \
	--env "BENCH_SECONDS=${BENCH_SECONDS:-1}" --env "BENCH_PATHS=${BENCH_PATHS:-}" --command "bench/$script $*" |
	sort_lines
mv "$json.new" "$json"
