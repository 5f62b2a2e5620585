# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by ike.sh and ike-native.sh behind ../lib.sh and bench-lib.sh: two namespaces, the load,
# charon as the responder, and what a responder costs. AUTH is psk or cert.
#
#	bench-b: ike-load, all of 10.64.0.0/10 -------- 192.0.2.1: the responder, bench-a
#
# CPU time is what /proc/PID/stat has of all threads of the daemon.

WARM=50
IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16
LOAD=$NFIPSEC_BIN/bench/ike-load
PKI=$STATE/pki
VICI=unix://$STATE/vici

# numbers of the initiators: 1 and on warm a daemon up, 1000 and on are measured
pki_make() { "$SELFTESTS/bench/ike-pki.sh" "$PKI" 1 "$WARM" 1000 "$1"; }

# auth_words AUTH: what ike-load is told of it
auth_words() { [ "$1" = psk ] && echo "--psk load" || echo "--certs $PKI"; }

# load AUTH COUNT FIRST
load()
{
	# shellcheck disable=SC2046
	in_b "$LOAD" --ike $IKE --esp $ESP $(auth_words "$1") --first "$3" udp 192.0.2.1 "$2" >"$STATE/load" ||
		{ cat "$STATE/load" >&2; return 1; }
}

net_make()
{
	netns_add $A && netns_add $B &&
		ip link add veth netns $A type veth peer name veth netns $B &&
		ip -n $A addr add 192.0.2.1/24 dev veth && ip -n $B addr add 192.0.2.2/24 dev veth &&
		ip -n $A link set veth up && ip -n $B link set veth up &&
		ip -n $B route add local 10.64.0.0/10 dev lo && ip -n $A route add 10.64.0.0/10 via 192.0.2.2
}

# charon_start AUTH PLUGINS: without what is for watching it, its tables as large as its manual
# wants them for so many; its number comes to $STATE/pid
charon_start()
{
	local auth=$1

	[ "$auth" = psk ] || auth=pubkey
	rm -rf "$STATE"/{x509,x509ca,private} && mkdir "$STATE"/{x509,x509ca,private} || return
	if [ "$auth" != psk ]; then
		cp "$PKI"/server/certs/* "$STATE/x509" && cp "$PKI"/server/cacerts/* "$STATE/x509ca" &&
			cp "$PKI"/server/private/* "$STATE/private" || return
	fi
	cat >"$STATE/strongswan.conf" <<-END
		charon-systemd {
			load_modular = no
			load = random nonce openssl x509 pubkey pem pkcs1 pkcs8 constraints kdf hmac sha2 aes gcm gmp curve25519 socket-default $2 vici
			install_routes = no
			dos_protection = no
			ikesa_table_size = 4096
			ikesa_table_segments = 64
			journal {
				default = -1
			}
			plugins {
				vici {
					socket = $VICI
				}
			}
		}
	END
	cat >"$STATE/swanctl.conf" <<-END
		connections {
			clients {
				version = 2
				mobike = no
				local_addrs = 192.0.2.1
				proposals = $IKE
				dpd_delay = 0
				local {
					auth = $auth
					$([ "$auth" = psk ] || echo "certs = hq.pem")
					id = hq.example.com
				}
				remote {
					auth = $auth
				}
				children {
					lan {
						local_ts = 10.1.0.0/16
						remote_ts = 10.128.0.0/10
						esp_proposals = $ESP
					}
				}
			}
		}
		secrets {
			ike-all {
				secret = load
			}
		}
	END
	# not by in_a: in the background that is a shell, and the number would be the shell's
	ip netns exec $A env STRONGSWAN_CONF="$STATE/strongswan.conf" charon-systemd >"$STATE/charon" 2>&1 &
	echo $! >"$STATE/pid"
	wait_for 500 swanctl --stats && swanctl --load-all --file "$STATE/swanctl.conf" --noprompt >"$STATE/swanctl" 2>&1
}

swanctl()
{
	SWANCTL_DIR=$STATE STRONGSWAN_CONF=$STATE/strongswan.conf in_a swanctl "$1" --uri "$VICI" "${@:2}"
}

responder_stop()
{
	local pid

	test -s "$STATE/pid" || return 0
	pid=$(cat "$STATE/pid")
	kill -TERM "$pid" && wait_for 500 gone "$pid"
	rm "$STATE/pid"
}

gone() { ! kill -0 "$1"; }

# milliseconds of CPU, of all threads: in the program itself, and in the kernel for it
cpu_user() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print $12 * 1000 / hz }' "/proc/$(cat "$STATE/pid")/stat"; }
cpu() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000 / hz }' "/proc/$(cat "$STATE/pid")/stat"; }
# octets in memory
rss() { awk '$1 == "VmRSS:" { print $2 * 1024 }' "/proc/$(cat "$STATE/pid")/status"; }

declare -A RESULT

# measured NAME AUTH N: NAME_start AUTH has started it; N initiations, some before that for what a
# daemon needs once
measured()
{
	local name=$1 auth=$2 n=$3 ms user octets

	load "$auth" "$WARM" 1 || return
	ms=$(cpu) user=$(cpu_user) octets=$(rss)
	load "$auth" "$n" 1000 || return
	RESULT[$name,$auth,ms]=$(awk -v a="$(cpu)" -v b="$ms" 'BEGIN { print a - b }')
	RESULT[$name,$auth,user]=$(awk -v a="$(cpu_user)" -v b="$user" 'BEGIN { print a - b }')
	RESULT[$name,$auth,octets]=$((($(rss) - octets) / n))
	echo "# $name, $auth: $(cat "$STATE/load"), CPU ${RESULT[$name,$auth,ms]} ms, of it in the program ${RESULT[$name,$auth,user]}" >&2
}

rate() { awk -v n="$2" -v ms="${1:-0}" 'BEGIN { if (ms) printf n < ms ? "%.1f" : "%.0f", n * 1000 / ms; else printf "-" }'; }
