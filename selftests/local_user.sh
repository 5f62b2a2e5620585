#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A local user without any capability, on a gateway that has policies: he can neither send
# protected traffic in clear, nor receive what came in clear, nor read a key, nor change anything
# (tools/local_user.py; the picture is in sites-lib.sh). What the kernel complains of is the runner's
# to find.
#
#	NFIPSEC_USER_ACTIONS=N is how much each of three processes does; NFIPSEC_SEED=random makes them
#	do something else

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

ACTIONS=${NFIPSEC_USER_ACTIONS:-${NFIPSEC_SLOW:+100}}
ACTIONS=${ACTIONS:-600}
SEED=$(test_seed)
OUT=$WORK/user

# act [--open] ACTIONS
act()
{
	"$TOOLS/local_user.py" --seed "$SEED" "${@:1:$#-1}" --actions "${!#}" >"$OUT" 2>&1
	echo $? >"$OUT.status"
	sed 's/^/# /' "$OUT" >&3
}

# sum NAME: of the line of sums
sum() { sed -n "s/^sums:.* $1 \([0-9]*\).*/\1/p" "$OUT"; }

# whole: the processes ended by themselves, and the judge saw each packet
whole()
{
	so test "$(cat "$OUT.status")" = 0 && so test "$(sum lost)" = 0
}

found() { whole && so test "$(sum "$1")" -gt 0; }
found_none()
{
	whole || return
	grep -E "^(leak|taken|left): " "$OUT"
	so test "$(sum "$1")" = 0
}

# each action succeeded at least once, but a namespace where the kernel lets this user have none
each_was_done()
{
	local name

	whole || return
	while read -r name; do
		[ $name != namespace ] || [ $namespaces = yes ] || continue
		so grep -q "^done:.* $name [1-9]" "$OUT" || return
	done < <(sed -n 's/.*def do_\([a-z_]*\).*/\1/p' "$TOOLS/local_acts.py")
}

# at least so many for each hundred actions
busy() { so test "$(sum "$1")" -ge $(($(sum actions) * $2 / 100)); }
traffic() { whole && busy sealed 20 && busy clear 2 && busy answers 1; }

ktap_plan 7
sites_begin
sites_ipv6 || bail "no IPv6"
started echo-b ip netns exec site-b "$TOOLS/echo.py" serve 7
started echo-gw ip netns exec gw-b "$TOOLS/echo.py" serve 7
wait_for 20 listens site-b 7 && wait_for 20 listens gw-b 7 || bail "no echo"
namespaces=yes
setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Un true 2>"$WORK/unshare" || namespaces=no
note "namespaces of a user: $namespaces; seed $SEED, 3 times $ACTIONS actions"
act --open $((ACTIONS / 10 + 40))
check "without policies packets leave in clear" found leaks
check "without policies packets in clear are received" found findings
act "$ACTIONS"
check "nothing protected left in clear" found_none leaks
check "nothing in clear was received, and nothing privileged was allowed" found_none findings
check "each action was done" each_was_done
check "traffic of each sort passed" traffic
stopped echo-b TERM
stopped echo-gw TERM
sites_down
check "the module goes" unload_module
ktap_exit
