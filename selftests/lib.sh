# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For every kselftest script of nfipsec: KTAP output, polling, the module.
#
#	. "$(dirname "$0")/lib.sh"
#	ktap_plan 2
#	check "the module loads" load_module
#	check_fails "a second time it does not" insmod "$NFIPSEC_KO"
#	ktap_exit
#
# A script cleans up with `on_exit COMMAND`; the last registered runs first.

NFIPSEC_TIME_FACTOR=${NFIPSEC_TIME_FACTOR:-1}	# how much longer to wait than on a stock kernel
NFIPSEC_SLOW=${NFIPSEC_SLOW:-}			# 1: the kernel is slow, do less of each thing
SELFTESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CHECKOUT=$(dirname "$SELFTESTS")
NFIPSEC_BIN=${NFIPSEC_BIN:-$CHECKOUT/build/helper}
NFIPSEC_TOOLS=${NFIPSEC_TOOLS:-$CHECKOUT/build/selftests}
NFIPSEC_KO=${NFIPSEC_KO:-$CHECKOUT/build/modules/$(uname -r)/nfipsec.ko}

KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4
ktap_count=0 ktap_failed=0 ktap_planned=0
exit_commands=()

run_exit_commands()
{
	local i

	for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
		eval "${exit_commands[i]}"
	done
	exit_commands=()
}
trap run_exit_commands EXIT

on_exit() { exit_commands+=("$*"); }

# why a check fails comes before all else that it prints, wherever that goes
ktap_why=$(mktemp /tmp/nfipsec-why.XXXXXX)
on_exit "rm -f $ktap_why"
because() { echo "$*" >>"$ktap_why"; return 1; }

# so COMMAND...: one of a check's many conditions
so()
{
	local status

	"$@"
	status=$?
	[ $status -eq 0 ] || because "failed: $*"
	return $status
}

ktap_plan()
{
	ktap_planned=$1
	echo "TAP version 13"
	echo "1..$1"
}

ktap_ok() { echo "ok $((++ktap_count)) $*"; }
ktap_fail() { ktap_failed=$((ktap_failed + 1)); echo "not ok $((++ktap_count)) $*"; }
ktap_skip() { echo "ok $((++ktap_count)) $1 # SKIP $2"; }

# the whole script cannot run for want of something in the kernel, the only skip
# that the test VM lets pass: what else a test needs, `make deps` installs
ktap_skip_all()
{
	echo "1..0 # SKIP this kernel lacks $*"
	exit $KSFT_SKIP
}

# counts, and ends the script with the status kselftest wants
ktap_exit()
{
	if [ "$ktap_count" -ne "$ktap_planned" ]; then
		echo "# planned $ktap_planned, ran $ktap_count"
		ktap_failed=$((ktap_failed + 1))
	fi
	echo "# totals: pass:$((ktap_count - ktap_failed)) fail:$ktap_failed"
	[ "$ktap_failed" -eq 0 ] && exit $KSFT_PASS
	exit $KSFT_FAIL
}

# check NAME COMMAND...: passes when the command does; shows its output when not
check()
{
	local name=$1 output status
	shift

	: >"$ktap_why"
	output=$("$@" 2>&1)
	status=$?
	if [ $status -eq 0 ]; then
		ktap_ok "$name"
	else
		ktap_fail "$name"
		echo "# $* -> $status"
		sed 's/^/# /' "$ktap_why"
		[ -z "$output" ] || sed 's/^/#   /' <<<"$output"
	fi
	return $status
}

fails() { ! "$@"; }
check_fails()
{
	local name=$1
	shift

	check "$name" fails "$@"
}

# check_grep NAME REGEXP COMMAND...: the output, stderr included, has a line that matches
output_matches()
{
	local regexp=$1 output
	shift

	output=$("$@" 2>&1)
	echo "$output"
	grep -qE -- "$regexp" <<<"$output"
}
check_grep()
{
	local name=$1
	shift

	check "$name" output_matches "$@"
}

# pause SECONDS: a sleep without a process, which costs a user-mode kernel ten milliseconds
exec {ktap_never}<> <(:)
pause() { read -rt "$1" -u "$ktap_never" || :; }

# wait_for SECONDS COMMAND...: polls every 100 ms, after a second every half; the seconds are those of a
# kernel without checkers
wait_for()
{
	local end=$((SECONDS + $1 * NFIPSEC_TIME_FACTOR)) polls=0
	shift

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		pause "0.$((++polls < 10 ? 1 : 5))"
	done
}

# policy FILE ENTRY...: a configuration with an access list of these entries, and its secrets in
# $WORK. It initiates as $START says, else not at all.
policy()
{
	local file=$1 local=${GW_A:-192.0.2.1} remote=${GW_B:-192.0.2.2} entry

	shift
	{
		echo "access-list branch {"
		for entry; do echo "	$entry"; done
		cat <<-END
			}
			peer branch {
				local address $local
				remote address $remote
				auth psk
				ike aes128gcm16-prfsha256-x25519
				dpd 30s
				tunnel lan {
					access-list branch
					esp aes128gcm16
					start ${START:-manual}
				}
			}
		END
	} >"$file"
	(umask 077 && echo "psk $local $remote \"${PSK:-correct horse battery staple}\"" >"$WORK/secrets")
}

netns_add()
{
	ip netns add "$1" && ip -n "$1" link set lo up
	on_exit "ip netns del $1 2>/dev/null"
}

# with what nfipsec.ko links to, where the kernel has that as modules
load_module()
{
	[ -d /sys/module/nfipsec ] && return
	modinfo -F depends "$NFIPSEC_KO" | tr , '\n' | while read -r needed; do
		[ -z "$needed" ] || modprobe "$needed" || return
	done
	insmod "$NFIPSEC_KO"
}

# The seed of a random test. It is the same in each run, so that a change alone decides whether the
# test fails; NFIPSEC_SEED=N is another one, and NFIPSEC_SEED=random draws one.
test_seed()
{
	if [ "${NFIPSEC_SEED:-}" = random ]; then
		od -An -N4 -tu4 /dev/urandom | tr -d ' '
	else
		echo "${NFIPSEC_SEED:-1}"
	fi
}

unload_module()
{
	[ -d /sys/module/nfipsec ] || return 0
	rmmod nfipsec
}

module_loaded() { [ -d /sys/module/nfipsec ]; }
