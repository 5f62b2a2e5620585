# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after sites-lib.sh: OpenIKED in gw-b, in strongSwan's place. Its package is
# unpacked and not installed (vm/peer); the user that it insists on and its folder are in
# an /etc of its own. The functions openiked_* are those that peers-lib.sh wants of a peer.

IKED=$WORK/iked
IKED_ETC=$IKED/etc/iked		# where it has /etc/iked
IKED_ROOT=${NFIPSEC_PEERS:-/var/cache/nfipsec/peers}/openiked/root

# iked_conf passive|active AUTH IKESA CHILDSA [WORDS...]: in OpenIKED's words, AUTH may be empty.
# On Linux, CHILD SA proposals of AEAD ciphers are left out without a word, and hmac-sha2-256
# is refused when IKE_AUTH has already been answered: PF_KEY there has neither as RFCs have it.
iked_conf()
{
	mkdir -p "$IKED"
	(umask 077 && cat >"$IKED/iked.conf") <<-END
		set dpd_check_interval 60
		ikev2 "hq" $1 esp from $NET_B to $NET_A local $GW_B peer $GW_A \\
			ikesa $3 childsa $4 srcid $ID_B dstid $ID_A ${*:5} $2
	END
}

ikectl() { ip netns exec gw-b "$IKED_ROOT/usr/sbin/ikectl" -s "$IKED/sock" "$@"; }

iked_version() { echo "OpenIKED $(cat "${IKED_ROOT%/root}/version")"; }

# how often it had its configuration whole; what was half negotiated then, it forgets
iked_configured() { grep -c 'config_getstatic: nattport' "$IKED/log"; }
iked_ready() { test "$(iked_configured)" -gt "$1" && ikectl show sa; }

# The kernel answers each SADB_REGISTER with all algorithms that it has, and to know them it tries
# to load a module for every name that it knows: a minute and more here, while iked stands still
# in its write. So what is needed is loaded before, and while it starts no module is.
iked_modules()
{
	local key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f ends

	test -e /proc/net/pfkey || modprobe af_key || return
	for ends in "$GW_A $GW_B" "$GW6_A $GW6_B"; do
		# shellcheck disable=SC2086 # two words
		set -- $ends
		ip -n gw-b xfrm state add src "$1" dst "$2" proto esp spi 0x100 mode tunnel \
			enc 'cbc(aes)' 0x$key auth-trunc 'hmac(sha512)' 0x$key$key 256 || return
	done
	xfrm_flush && cat /proc/sys/kernel/modprobe >"$WORK/modprobe" && sysctl -qw kernel.modprobe=
}

modules_again() { test ! -s "$WORK/modprobe" || sysctl -qw "kernel.modprobe=$(cat "$WORK/modprobe")"; }

# after iked_conf; KEY, CERTIFICATE and CA are files
iked_start()
{
	local status

	mkdir -p "$IKED_ETC/"{private,certs,ca,crls,pubkeys/{fqdn,ipv4,ipv6,ufqdn}} "$IKED/etc.work" /var/empty &&
		cp "$1" "$IKED_ETC/private/local.key" && cp "$2" "$IKED_ETC/certs/" && cp "$3" "$IKED_ETC/ca/" &&
		openssl pkey -in "$1" -pubout -out "$IKED_ETC/local.pub" &&
		{ cat /etc/passwd && echo '_iked:x:65500:65500::/var/empty:/usr/sbin/nologin'; } >"$IKED/etc/passwd" &&
		{ cat /etc/group && echo '_iked:x:65500:'; } >"$IKED/etc/group" && iked_modules || return
	# the mount is of this process alone
	started iked ip netns exec gw-b sh -c "
		mount -t overlay -o lowerdir=/etc,upperdir=$IKED/etc,workdir=$IKED/etc.work etc /etc && exec \"\$@\"" \
		sh "$IKED_ROOT/usr/sbin/iked" -d -vvv -f "$IKED/iked.conf" -s "$IKED/sock" >"$IKED/log" 2>&1
	wait_for 40 iked_ready 0
	status=$?
	modules_again && return $status
}

# iked_conf again, while SAs are up
iked_load()
{
	local before

	before=$(iked_configured)
	ikectl reload >"$IKED/reload" && wait_for 10 iked_ready "$before"
}

iked_stop() { stopped iked TERM && xfrm_flush; }

# ---- by the words of peers-lib.sh ----

# a proposal of ours in its words: aes128-sha384-x25519 is enc aes-128 auth hmac-sha2-384 group curve25519
iked_words()	# IKE|ESP PROPOSAL
{
	local word words=()

	for word in ${2//-/ }; do
		case $word in
		aes*gcm16) word=${word%gcm16} words+=(enc "aes-${word#aes}-gcm") ;;
		aes*) words+=(enc "aes-${word#aes}") ;;
		prfsha*) words+=(prf "hmac-sha2-${word#prfsha}") ;;
		sha*)
			words+=(auth "hmac-sha2-${word#sha}")
			[ "$1" != ike ] || words+=(prf "hmac-sha2-${word#sha}")
			;;
		x25519) words+=(group curve25519) ;;
		*) words+=(group "$word") ;;
		esac
	done
	[ "$1" = ike ] || words+=(noesn)
	echo "${words[*]}"
}

# of the configuration: the key that it insists on though it authenticates by the PSK
iked_cert() { if [ "$auth" = psk ]; then echo b-ec256; else echo "b-$auth"; fi; }

openiked_version() { iked_version; }

openiked_conf()
{
	local begins=passive how=''

	[ "$there_begins" = no ] || begins=active
	[ "$auth" != psk ] || how="psk \"$PSK\""
	GW_A=$(remote_there) GW_B=$(them) iked_conf $begins "$how" "$(iked_words ike "$ike")" \
		"$(iked_words esp "$esp")" ${ike_life:+ikelifetime "$ike_life"} ${life:+lifetime "$life" bytes 0}
}

openiked_start()
{
	# when both ends rekey it may drop what it had its kernel choose an SPI for, and the kernel waits for that SA
	in_gw_b sysctl -qw net.core.xfrm_acq_expires=5 &&
		iked_start "$PKI/$(iked_cert).key" "$PKI/$(iked_cert).pem" "$PKI/root.pem"
}
openiked_stop() { iked_stop && rm -rf "${IKED:?}" && in_gw_b sysctl -qw net.core.xfrm_acq_expires=30; }
openiked_kill() { stopped iked KILL && xfrm_flush; }
# no command begins, but its configuration can say that it does
openiked_initiate() { sed -i 's/^ikev2 "hq" passive/ikev2 "hq" active/' "$IKED/iked.conf" && iked_load; }
# nor does one rekey: the lifetimes do
openiked_rekey() { :; }
openiked_rekey_ike() { :; }
openiked_delete() { ikectl reset id "FQDN/$ID_A"; }
openiked_log() { grep -E 'spi=|fail|pfkey|error|invalid|ikev2_(info|ctl)' "$IKED/log"; }
