# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Sourced by run: boots a user-mode kernel, a process of this machine. The caller's variables
# are those of run.

# uml_boot: in the background, its number in $vm
uml_boot()
{
	local append travel pin=()

	case $time in
	virtual) travel=time-travel ;;
	free) travel=time-travel=inf-cpu ;;
	real) travel= ;;
	esac
	append="mem=${memory}M root=/dev/root rootfstype=hostfs rootflags=/ ro init=$here/uml-init"
	append+=" con0=null,fd:3 con1=null,fd:4 con2=null,fd:5 con=null umid=$(basename "$job") uml_dir=$job/"
	append+=" loglevel=6 log_buf_len=8M panic=-1 oops=panic panic_on_warn=1 noreboot seccomp=auto dummy.numdummies=0 fb_tunnels=none"
	append+=" nfipsec.job=$job nfipsec.checkout=$checkout nfipsec.cache=$cache nfipsec.root=$root"
	# a machine with fewer CPUs than the caller thinks has no such CPU
	[ -z "$cpu" ] || ! taskset -c "$cpu" true 2>/dev/null || pin=(taskset -c "$cpu")
	# in a session of its own, so that all processes of the guest end with it
	# shellcheck disable=SC2086
	setsid "${pin[@]}" timeout -s KILL "$timeout" "$dir/linux" $travel $append $words \
		3>>"$job/console" 4>&1 5>"$job/result" </dev/null >>"$job/console" 2>&1 &
	vm=$!
}

# can a user-mode kernel run here? The reason why not, if not.
uml_refused()
{
	[ "$(uname -m)" = x86_64 ] || { echo "user-mode Linux runs on x86_64 only"; return 0; }
	return 1
}
