#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A user without privileges, in namespaces of his own, does what he likes with policies, SAs, sockets,
# packet rings, queues, rules and devices (tools/local_user.py). The kernel must survive that, and
# keep nothing: complaints and leaks are the runner's to find.
#
#	NFIPSEC_USER_SECONDS=300 does it for five minutes, NFIPSEC_SEED=N repeats a run, roughly: the
#	processes race

. "$(dirname "$0")/lib.sh"

SECONDS_=${NFIPSEC_USER_SECONDS:-20}
SEED=${NFIPSEC_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

abuse()
{
	setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urn \
		"$SELFTESTS/tools/local_user.py" --seed "$SEED" --seconds "$SECONDS_" >"$out" 2>&1
	status=$?
	sed 's/^/# /' "$out" >&3
	return $status
}

# each thing was done, not only tried
each_was_done()
{
	local name

	for name in $(sed -n 's/.*def do_\([a-z_]*\).*/\1/p' "$SELFTESTS/tools/local_user.py"); do
		so grep -q "[ :]$name [1-9][0-9]*+" "$out" || return
	done
}

# what the dead namespaces had goes in the background
unloads() { wait_for 60 rmmod nfipsec; }

exec 3>&1
out=$(mktemp /tmp/nfipsec-user.XXXXXX)
chmod 666 "$out"
on_exit "rm -f $out"
ktap_plan 4
on_exit unload_module
load_module || { echo "Bail out! the module does not load"; exit $KSFT_FAIL; }
[ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null || echo 1)" = 1 ] || sysctl -qw kernel.unprivileged_userns_clone=1
echo "# seed $SEED, $SECONDS_ s"
check "$SECONDS_ s of a local user, seed $SEED" abuse
check "each thing was done at least once" each_was_done
check "the module goes" unloads
check "and comes" load_module
ktap_exit
