#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each algorithm that the IKE SA may have, once, against strongSwan (the picture is in
# sites-lib.sh): begun by one and the other in turn, and a ping through ESP with each. A row
# has what no other has, a cipher with its integrity, a PRF, a group, as long as there are
# such; its connection in strongSwan has these alone, so what comes up has them.
#
# With the plugins loaded here strongSwan 5.9.8 of Debian 12 lacks nothing of what we have.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

ROWS="
aes128-sha256-prfsha256-modp768
aes192-sha384-prfsha384-modp1024
aes256-sha512-prfsha512-modp1536
aes128-sha1-prfsha1-modp2048
aes128-md5-prfmd5-modp3072
aes128-aesxcbc-prfaesxcbc-modp4096
aes128-aescmac-prfaescmac-modp6144
aes128ctr-sha256-modp8192
aes192ctr-sha1-ecp256
aes256ctr-aesxcbc-ecp384
camellia128-sha256-ecp521
camellia192-sha384-ecp224bp
camellia256-aescmac-ecp256bp
3des-sha1-ecp384bp
des-md5-ecp512bp
aes128gcm8-prfsha256-x25519
aes192gcm8-prfsha384-x448
aes256gcm8-prfaesxcbc-x25519
aes128gcm12-prfaescmac-x25519
aes192gcm12-prfsha1-x25519
aes256gcm12-prfmd5-x25519
aes128gcm16-prfsha512-x25519
aes192gcm16-prfsha256-x25519
aes256gcm16-prfsha384-x25519
aes128ccm8-prfsha256-x25519
aes192ccm8-prfsha256-x25519
aes256ccm8-prfsha256-x25519
aes128ccm12-prfsha256-x25519
aes192ccm12-prfsha256-x25519
aes256ccm12-prfsha256-x25519
aes128ccm16-prfsha256-x25519
aes192ccm16-prfsha256-x25519
aes256ccm16-prfsha256-x25519
chacha20poly1305-prfsha256-x25519
"

# a connection for each row; which one answers, its proposal says
swan_conf_all()
{
	local n=0 row

	swan_conf none none
	sed -i -e 's/^\(load = \).*/\1random nonce openssl gcrypt kdf hmac sha1 sha2 md5 aes ctr ccm gcm cmac xcbc chapoly gmp curve25519 socket-default kernel-netlink vici/' \
		-e 's/^load_modular = no$/&\ndh_exponent_ansi_x9_42 = no/' "$SWAN/strongswan.conf"
	{
		echo "connections {"
		for row in $ROWS; do
			n=$((n + 1))
			cat <<-END
				c$n {
					version = 2
					mobike = no
					local_addrs = $GW_B
					remote_addrs = $GW_A
					proposals = $row
					dpd_delay = 0
					local {
						auth = psk
						id = $ID_B
					}
					remote {
						auth = psk
						id = $ID_A
					}
					children {
						c$n {
							local_ts = $NET_B
							remote_ts = $NET_A
							esp_proposals = aes128gcm16
						}
					}
				}
			END
		done
		echo "}"
		sed -n '/^secrets/,$p' "$SWAN/swanctl.conf"
	} >"$SWAN/all.conf"
	mv "$SWAN/all.conf" "$SWAN/swanctl.conf"
}

# as the daemon writes it: an implied PRF is not named
up_with()
{
	grep -qE "IKE SA with .* up: ($1|$(sed -E 's/-prf[a-z0-9]+//' <<<"$1"))," "$WORK/daemon"
}

# loading another proposal deletes the SAs of the last one, with a word to the peer
one_row()
{
	local n=$1 row=$2 begun=$SECONDS up

	nf_conf "$row" aes128gcm16 "$PSK" manual
	sed -i 's/^auth psk$/&\nallow-weak/' "$CONF"
	nf load "$CONF" >"$WORK/load" 2>&1 || { cat "$WORK/load"; return 1; }
	if [ $((n % 2)) = 1 ]; then
		up="nf up branch"
	else
		up="swanctl --initiate --child c$n --ike c$n --timeout 40"
	fi
	$up >"$WORK/up" 2>&1 && wait_for 20 up_with "$row" || { cat "$WORK/up" "$WORK/daemon"; return 1; }
	in_site_a ping -n -q -c 1 -W 20 $SITE_B || return
	test $((SECONDS - begun)) -lt 4 || note "$((SECONDS - begun)) s for $row"
}

ktap_plan $(($(wc -w <<<"$ROWS") + 3))
sites_begin
swan_conf_all
swan_start || bail "strongSwan does not start: $(cat "$SWAN/out" "$SWAN/load")"
nf_conf aes128gcm16-prfsha256-x25519 aes128gcm16 "$PSK" manual
daemon_start || bail "the daemon does not start"
mark_stats
n=0
for row in $ROWS; do
	n=$((n + 1))
	check "$row, begun by $([ $((n % 2)) = 1 ] && echo us || echo strongSwan)" one_row $n "$row"
done
check "nothing is dropped" no_drops
check "weak ones are warned of" \
	grep -q 'branch: modp768 is weak (RFC 8247) and allowed by allow-weak' "$WORK/daemon"
daemon_stop
check "the daemon's end leaves no SA on either side" wait_for 10 no_sas
note "$SECONDS s"
ktap_exit
