#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A certificate of strongSwan's is revoked (the picture is in sites-lib.sh): by a
# CRL in the folder, by one over HTTP, by openssl's OCSP responder, which is found
# by its name; and what soft and hard make of a responder that is not there. The
# servers run in gw-b; the daemon asks under its filter of system calls.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes256gcm16-prfsha384-ecp384
ESP=aes256gcm16
PKI=$WORK/pki
OCSP_NAME=ocsp.example.com
OCSP_URL=http://$OCSP_NAME:8080
CRL_URL=http://$GW_B:8081/root.crl

# ---- the CA ----

new_pki()
{
	"$TOOLS/pki.py" "$PKI" root,ca a,issuer=root,san=$ID_A b-plain,issuer=root,san=$ID_B \
		b-crl,issuer=root,san=$ID_B,crl=$CRL_URL b-ocsp,issuer=root,san=$ID_B,ocsp=$OCSP_URL || return
	cat >"$PKI/ca.cnf" <<-END
		[ca]
		default_ca = root
		[root]
		database = $PKI/index
		default_md = sha256
		default_crl_days = 1
		certificate = $PKI/root.pem
		private_key = $PKI/root.key
	END
}

serial() { openssl x509 -in "$PKI/$1.pem" -noout -serial | cut -d= -f2; }

# revoked [NAME]: openssl's index, all others good; and the CRL by it, in DER
revoked()
{
	local name

	for name in b-plain b-crl b-ocsp; do
		if [ "$name" = "$1" ]; then
			printf 'R\t350101000000Z\t250102030405Z,keyCompromise\t%s\tunknown\t/CN=%s\n' "$(serial $name)" $name
		else
			printf 'V\t350101000000Z\t\t%s\tunknown\t/CN=%s\n' "$(serial $name)" $name
		fi
	done >"$PKI/index"
	openssl ca -config "$PKI/ca.cnf" -gencrl -out "$PKI/crl.pem" &&
		mkdir -p "$WORK/www" && openssl crl -in "$PKI/crl.pem" -outform DER -out "$WORK/www/root.crl"
}

# ---- who is asked ----

responder_start()
{
	started responder ip netns exec gw-b openssl ocsp -port 8080 -index "$PKI/index" -CA "$PKI/root.pem" \
		-rsigner "$PKI/root.pem" -rkey "$PKI/root.key" -ndays 1 >"$WORK/responder" 2>&1
	wait_for 10 listens gw-b 8080
}

responder_stop() { stopped responder TERM; }

# takes connections and says nothing
silence_start()
{
	started responder ip netns exec gw-b socat TCP4-LISTEN:8080,fork,reuseaddr EXEC:"sleep 60" >"$WORK/silence" 2>&1
	wait_for 10 listens gw-b 8080
}

dns_ready() { grep -q ready "$WORK/dns"; }

servers()
{
	revoked || return
	started http ip netns exec gw-b busybox httpd -f -p 8081 -h "$WORK/www" >"$WORK/http" 2>&1
	started dns ip netns exec gw-b "$TOOLS/dns.py" $GW_B $GW_B >"$WORK/dns" 2>&1
	wait_for 10 listens gw-b 8081 && wait_for 20 dns_ready && responder_start
}

# ---- the peers ----

# ours MODE [CRL-FILE]
ours()
{
	rm -rf "$WORK"/{certs,private,cacerts,crls}
	mkdir -p "$WORK"/{certs,private,cacerts,crls} && cp "$PKI/a.pem" "$WORK/certs" && cp -p "$PKI/a.key" "$WORK/private" &&
		cp "$PKI/root.pem" "$WORK/cacerts" || return
	[ -z "$2" ] || cp "$2" "$WORK/crls/root.crl" || return
	nf_conf $IKE $ESP "$PSK" manual
	sed -i "s/auth psk/auth cert\n revocation $1/" "$CONF"
	if running daemon; then nf load "$CONF" >"$WORK/load"; else daemon_start; fi
}

# theirs NAME: strongSwan's certificate
theirs()
{
	rm -rf "$SWAN"/{x509,x509ca,private}
	mkdir -p "$SWAN"/{x509,x509ca,private} && cp "$PKI/$1.pem" "$SWAN/x509" && cp "$PKI/$1.key" "$SWAN/private" &&
		cp "$PKI/root.pem" "$SWAN/x509ca" || return
	sed -e "/local {/,/}/s/auth = psk/auth = pubkey\n certs = $1.pem/" -e "/remote {/,/}/s/auth = psk/auth = pubkey/" \
		"$SWAN/psk.conf" >"$SWAN/swanctl.conf"
	swanctl --load-all --clear --file "$SWAN/swanctl.conf" --noprompt >"$SWAN/load" 2>&1 || { cat "$SWAN/load"; return 1; }
}

shown() { cat "$WORK"/up.* "$WORK/initiate" 2>/dev/null; tail -n 20 "$WORK/daemon" "$SWAN/log" "$WORK/responder"; return 1; }

taken()
{
	nf up branch >"$WORK/up.out" 2>"$WORK/up.err" && two_sas_here || { shown; return 1; }
	nf down branch >"$WORK/down" 2>&1
	wait_for 20 no_sas_here
}

# refused PATTERN: we begin, and are told why
refused()
{
	if nf up branch >"$WORK/up.out" 2>"$WORK/up.err"; then shown; return 1; fi
	note "$(cat "$WORK/up.err")"
	grep -Eq -- "$1" "$WORK/up.err" && wait_for 20 no_sas_here || { shown; return 1; }
}

# they begin, and are told no more than AUTHENTICATION_FAILED
refused_there()
{
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && { shown; return 1; }
	grep -q AUTH_FAILED "$WORK/initiate" && ! grep -qi revoked "$SWAN/log" || { shown; return 1; }
}

# ---- the checks ----

good_by_file() { ours hard "$PKI/crl.pem" && theirs b-plain && taken; }

bad_by_file()
{
	revoked b-plain && ours soft "$PKI/crl.pem" &&
		refused "CN=b-plain.* is revoked since 2025-01-02 03:04:05 UTC, reason key compromise, says the CRL in .*/crls/root.crl" &&
		refused_there
}

not_asked() { ours off "$PKI/crl.pem" && taken; }

broken_file()
{
	echo garbage >"$WORK/garbage"
	ours hard "$WORK/garbage" 2>"$WORK/load.err" && return 1
	grep -q 'crls/root.crl: not a CRL' "$WORK/load.err" && ! "$NFIPSEC" check "$CONF" 2>"$WORK/load.err" &&
		grep -q 'crls/root.crl: not a CRL' "$WORK/load.err"
}

good_by_http() { revoked && ours hard && theirs b-crl && taken; }
bad_by_http() { revoked b-crl && ours soft && refused "CN=b-crl.* is revoked .*, says the CRL at $CRL_URL"; }

good_by_ocsp() { revoked && ours hard && theirs b-ocsp && taken; }

bad_by_ocsp()
{
	revoked b-ocsp && responder_stop && responder_start && ours soft &&
		refused "CN=b-ocsp.* reason key compromise, says the OCSP responder $OCSP_URL"
}

down_hard() { responder_stop && ours hard && refused "nobody says that the certificate of CN=b-ocsp.*OCSP at $OCSP_URL: "; }

down_soft()
{
	ours soft && taken && grep 'taken for good (revocation soft): OCSP at' "$WORK/daemon" | tail -n 1 >"$WORK/line" &&
		test -s "$WORK/line" && note "$(cat "$WORK/line")"
}

asked() { in_gw_a ss -Htn "dport = :8080" | grep -q ESTAB; }

# the daemon does not wait for an answer when it is to end
ends_at_once()
{
	local began

	silence_start && ours hard || return
	started up ip netns exec gw-a "$NFIPSEC" --socket "$SOCK" up branch >"$WORK/up.out" 2>"$WORK/up.err"
	wait_for 10 asked || { shown; return 1; }
	began=$(date +%s%3N)
	daemon_stop || return
	# which would wait for 5 s
	note "the daemon ended in $(($(date +%s%3N) - began)) ms"
	test $(($(date +%s%3N) - began)) -lt 4500
}

ktap_plan 13
sites_begin
on_exit "stopped responder TERM; stopped http TERM; stopped dns TERM; rm -rf /etc/netns/gw-a"
mkdir -p /etc/netns/gw-a && echo "nameserver $GW_B" >/etc/netns/gw-a/resolv.conf
check "a certification authority" new_pki
check "a web server, an OCSP responder, a name server" servers
swan_conf $IKE $ESP
sed -i 's/ vici$/ pem pkcs1 pkcs8 x509 pubkey constraints vici/' "$SWAN/strongswan.conf"
cp "$SWAN/swanctl.conf" "$SWAN/psk.conf"
swan_start || bail "strongSwan does not start"
check "good by a CRL in the folder" good_by_file
check "revoked by it: refused, either begins" bad_by_file
check "revocation off: taken" not_asked
check "a broken CRL in the folder fails the load, and nfipsec check" broken_file
check "good by a CRL over HTTP" good_by_http
check "revoked by it: refused" bad_by_http
check "good by OCSP, the responder found by its name" good_by_ocsp
check "revoked by it: refused" bad_by_ocsp
check "no responder, hard: refused" down_hard
check "no responder, soft: taken, and logged" down_soft
check "the daemon ends while it asks" ends_at_once
ktap_exit
