#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Random gateways under random traffic: on every wire every packet is judged by a model of ten
# lines (tools/leaks.py, whose head has the picture). A seed is printed with each finding:
#
#	NFIPSEC_SEED=N NFIPSEC_GATEWAYS=1 repeats the gateway of a finding
#	NFIPSEC_GATEWAYS=100000 makes more of them than the usual 300
#	NFIPSEC_REDUCE=1 prints each gateway of a finding without what the finding does not need

. "$(dirname "$0")/lib.sh"

GATEWAYS=${NFIPSEC_GATEWAYS:-${NFIPSEC_SLOW:+50}}
GATEWAYS=${GATEWAYS:-300}
SEED=$(test_seed)
out=$(mktemp /tmp/nfipsec-leaks.XXXXXX)
on_exit "rm -f $out"

# harness OPTIONS...: what it prints is shown at once, for the seed if it does not end
harness()
{
	{ "$SELFTESTS/tools/leaks.py" "$@" 2>&1; echo $? >"$out.status"; } | tee "$out" | sed -u 's/^/# /' >&3
}
on_exit "rm -f $out.status"

ended() { so test "$(cat "$out.status")" -le 1 && so grep -q '^leak: ' "$out"; }

# found KIND: in how many gateways
found() { sed -n "s/^$1: \([0-9]*\) gateways$/\1/p" "$out"; }
found_some() { so test "$(found "$1")" -gt 0; }
found_none()
{
	ended || return
	grep "^NFIPSEC_SEED=[0-9]* $1: " "$out"
	so test "$(found "$1")" = 0
}

# sum NAME: of the line of sums
sum() { sed -n "s/.* $1 \([0-9]*\).*/\1/p" "$out"; }

# at least so many for each gateway, in hundredths; a few gateways say nothing of the average
busy()
{
	local name least

	ended || return
	[ "$GATEWAYS" -ge 50 ] || return 0
	for name in "${!LEAST[@]}"; do
		least=$((LEAST[$name] * GATEWAYS / 100))
		so test "$(sum "$name")" -ge "$least" || return
	done
}
declare -A LEAST=([packets]=1000 [carried]=80 [opened]=60 [clear]=300 [passed]=400 [quoted]=20)

exec 3>&1
ktap_plan 8
on_exit unload_module
load_module || { echo "Bail out! the module does not load"; exit $KSFT_FAIL; }
harness --blind --seed "$SEED" --gateways 30 --most 0
check "without a policy the harness finds leaks" found_some leak
check "without a policy the harness finds clear packets that were taken" found_some intrusion
harness --seed "$SEED" --gateways "$GATEWAYS" ${NFIPSEC_REDUCE:+--reduce}
check "nothing protected left in clear" found_none leak
check "nothing clear was taken for protected" found_none intrusion
check "no tunnel carried what is not for it" found_none astray
check "nothing was taken from a tunnel that may not send it" found_none foreign
check "traffic of every sort passed" busy
check "the module goes" unload_module
ktap_exit
