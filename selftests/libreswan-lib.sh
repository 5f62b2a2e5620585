# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after peers-lib.sh: libreswan in gw-b, in strongSwan's place. Its package is
# unpacked and not installed (vm/peer), so its programs are called by their paths, and
# all that it reads and writes is in a folder of its own.

LSW=$WORK/libreswan
LSW_NS=gw-b		# network namespace of its daemon
LSW_BIN=${NFIPSEC_PEERS:-/var/cache/nfipsec/peers}/libreswan/root/usr/libexec/ipsec
lsw_lines=()		# more lines for the connection

# a proposal in libreswan's words: aes128gcm16-prfsha256-x25519 is aes_gcm128-sha2_256;dh31
lsw_words()
{
	sed -E -e 's/(aes[0-9]*)gcm16/\1_gcm/; s/aes([0-9]+)_gcm/aes_gcm\1/; s/chacha20poly1305/chacha20_poly1305/' \
		-e 's/-(prf)?sha([0-9]+)/-sha2_\2/' \
		-e 's/-modp2048/;dh14/; s/-modp3072/;dh15/; s/-modp4096/;dh16/; s/-ecp256/;dh19/' \
		-e 's/-ecp384/;dh20/; s/-ecp521/;dh21/; s/-x25519/;dh31/' <<<"$1"
}

libreswan_version() { "$LSW_BIN/pluto" --version | cut -d' ' -f1-2; }

libreswan_conf()
{
	local line pfs=no how=(authby=secret)

	[[ $(lsw_words "$esp") != *\;* ]] || pfs=yes
	case $auth in
	rsa) how=("authby=rsa-sha2" "leftcert=b-$auth" "leftsendcert=always") ;;
	ec*) how=("authby=ecdsa" "leftcert=b-$auth" "leftsendcert=always") ;;
	esac
	mkdir -p "$LSW/ipsec.d"
	{
		echo "config setup"
		echo "conn hq"
		for line in "left=$(them)" "leftid=@$ID_B" "leftsubnet=$NET_B" "leftupdown=%disabled" \
			"right=$(remote_there)" "rightid=@$ID_A" "rightsubnet=$NET_A" ikev2=insist "${how[@]}" \
			"ike=$(lsw_words "$ike")" "esp=$(lsw_words "$esp")" pfs=$pfs mobike=no narrowing=no \
			retransmit-interval=500 replay-window=1024 auto=add "${lsw_lines[@]}"; do
			echo "	$line"
		done
	} >"$LSW/ipsec.conf"
	(umask 077 && echo "@$ID_B @$ID_A : PSK \"$PSK\"" >"$LSW/secrets")
}

# the key database, where a test with certificates puts its own
lsw_nss()
{
	local db=sql:$LSW/nss

	rm -rf "$LSW/nss" && mkdir -p "$LSW/nss" && certutil -N -d "$db" --empty-password || return
	[ "$auth" != psk ] || return 0
	certutil -A -d "$db" -n root -t CT,, -i "$PKI/root.pem" &&
		openssl pkcs12 -export -passout pass:x -name "b-$auth" -in "$PKI/b-$auth.pem" \
			-inkey "$PKI/b-$auth.key" -out "$LSW/b.p12" &&
		pk12util -i "$LSW/b.p12" -d "$db" -W x
}

whack() { ip netns exec "$LSW_NS" "$LSW_BIN/whack" --ctlsocket "$LSW/pluto.ctl" "$@"; }
lsw_ready() { test -S "$LSW/pluto.ctl" && whack --briefstatus; }

# after libreswan_conf
libreswan_start()
{
	lsw_nss >"$LSW/certutil" 2>&1 || return
	# it insists on that folder; the mounts are of this process alone
	started lsw ip netns exec "$LSW_NS" sh -c "mount -t tmpfs libexec /usr/libexec && mkdir /usr/libexec/ipsec &&
			mount --bind '$LSW_BIN' /usr/libexec/ipsec && exec \"\$@\"" \
		sh "$LSW_BIN/pluto" --nofork --stderrlog --log-no-audit --no-dnssec --config "$LSW/ipsec.conf" \
		--secretsfile "$LSW/secrets" --ipsecdir "$LSW/ipsec.d" --nssdir "sql:$LSW/nss" --rundir "$LSW" \
		--dumpdir "$LSW" --nhelpers 1 >"$LSW/log" 2>&1
	wait_for 20 lsw_ready && lsw_load
}

# Loads the connection again; the peers to which it was up get a DELETE.
lsw_load()
{
	whack --name hq --delete >"$LSW/delete" 2>&1
	whack --listen >"$LSW/listen" 2>&1 &&
		ip netns exec "$LSW_NS" "$LSW_BIN/addconn" --config "$LSW/ipsec.conf" --ctlsocket "$LSW/pluto.ctl" hq \
			>"$LSW/load" 2>&1
}

libreswan_stop() { stopped lsw TERM && xfrm_flush; }
libreswan_kill() { stopped lsw KILL && rm -f "$LSW/pluto.ctl" "$LSW/pluto.pid" && xfrm_flush; }
libreswan_initiate() { whack --name hq --initiate; }
libreswan_rekey() { whack --name hq --rekey-ipsec --asynchronous; }
libreswan_rekey_ike() { whack --name hq --rekey-ike --asynchronous; }
libreswan_delete() { whack --name hq --terminate; }
libreswan_log() { cat "$LSW/log" "$LSW"/{load,certutil} 2>/dev/null; }

