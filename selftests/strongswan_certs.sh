#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Certificates and raw public keys against strongSwan (the picture is in
# sites-lib.sh): each kind of key with either as the initiator, intermediate
# CAs on both sides, another way of authentication each way, the methods that
# are older than RFC 7427, and who is not trusted is refused with a reason.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes256gcm16-prfsha384-ecp384
ESP=aes256gcm16
PKI=$WORK/pki

# root and other are CAs, middle is one below root; a- is for us, b- for strongSwan
new_pki()
{
	local kind specs=(root,ca other,ca middle,issuer=root,ca
		a-middle,issuer=middle,san=$ID_A b-middle,issuer=middle,san=$ID_B
		a-other,issuer=other,san=$ID_A b-other,issuer=other,san=$ID_B)

	for kind in rsa ec256 ec384 ed25519; do
		specs+=("a-$kind,key=$kind,issuer=root,san=$ID_A" "b-$kind,key=$kind,issuer=root,san=$ID_B")
	done
	"$TOOLS/pki.py" "$PKI" "${specs[@]}"
}

# ---- both ends ----

# put DIR FILE...: the folder has these alone
put()
{
	local dir=$1 file

	rm -rf "$dir" && mkdir -p "$dir" || return
	for file in "${@:2}"; do cp -p "$PKI/$file" "$dir/${file##*/}" || return; done
}

# ours WORDS [FILE...]: what the block of the peer says of authentication; the files by their kind
ours()
{
	local words=$1 file certs=() private=() cas=()

	shift
	for file; do
		case $file in
		*.key) private+=("$file") ;;
		root.pem|other.pem|middle.pem) cas+=("$file") ;;
		*) certs+=("$file") ;;
		esac
	done
	put "$WORK/certs" "${certs[@]}" && put "$WORK/private" "${private[@]}" &&
		put "$WORK/cacerts" "${cas[@]}" || return
	nf_conf $IKE $ESP "$PSK" manual
	sed -i "s/auth psk/$words/" "$CONF"
	if [ -n "${token-}" ]; then
		echo "pkcs11-provider /usr/lib/softhsm/libsofthsm2.so" >>"$CONF"
		echo "key pkcs11:token=gw \"$token\"" >>"$WORK/secrets"
	fi
	if running daemon; then nf load "$CONF" >"$WORK/load"; else daemon_start; fi
}

# theirs LOCAL REMOTE [FILE...]: settings of swanctl, and the files; with without_ids the subjects are the IDs
theirs()
{
	local local=$1 remote=$2 file dir

	shift 2
	rm -rf "$SWAN"/{x509,x509ca,private,pubkey}
	mkdir -p "$SWAN"/{x509,x509ca,private,pubkey}
	for file; do
		case $file in
		*.key) dir=private ;;
		*.pub) dir=pubkey ;;
		root.pem|other.pem|middle.pem) dir=x509ca ;;
		*) dir=x509 ;;
		esac
		cp "$PKI/$file" "$SWAN/$dir/$file" || return
	done
	sed -e "/local {/,/}/s/auth = psk/$local/" -e "/remote {/,/}/s/auth = psk/$remote/" \
		${without_ids:+-e '/^id = /d'} \
		"$SWAN/psk.conf" >"$SWAN/swanctl.conf"
	swanctl --load-all --clear --file "$SWAN/swanctl.conf" --noprompt >"$SWAN/load" 2>&1 || { cat "$SWAN/load"; return 1; }
}

# what the operator's command says is enough on our side: each program start costs time here
nothing_up() { test -z "$(ip -n gw-b xfrm state)"; }

all_down()
{
	nf down branch >"$WORK/down" 2>&1 && wait_for 10 nothing_up
}

shown() { cat "$WORK"/up.* "$WORK/initiate" 2>/dev/null; tail -n 30 "$WORK/daemon" "$SWAN/log"; return 1; }

we_begin()
{
	nf up branch >"$WORK/up.out" 2>"$WORK/up.err" && wait_for 20 sas_there || { shown; return 1; }
	all_down
}

they_begin()
{
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 &&
		sas_there || { shown; return 1; }
	all_down
}

both() { we_begin && they_begin; }

# what was refused: we begin and are told why, PATTERN
refused_up()
{
	nf up branch >"$WORK/up.out" 2>"$WORK/up.err" && return 1
	note "$(cat "$WORK/up.err")"
	grep -Eq -- "$1" "$WORK/up.err" || { shown; return 1; }
	wait_for 10 nothing_up
}

# they begin, are told AUTHENTICATION_FAILED and no more, and our log says why
refused_initiate()
{
	: >"$SWAN/log"
	swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 && return 1
	grep -q 'AUTH_FAILED' "$WORK/initiate" || { shown; return 1; }
	grep -Eq -- "$1" "$WORK/daemon" || { shown; return 1; }
	wait_for 10 nothing_up
}

# ---- the checks ----

kind()
{
	ours "auth cert" "a-$1.pem" "a-$1.key" root.pem &&
		theirs "auth = pubkey\n certs = b-$1.pem" "auth = pubkey" "b-$1.pem" "b-$1.key" root.pem && both
}

# a token of SoftHSM with two keys; the daemon has the variable from its start
new_token()
{
	local kind

	mkdir "$WORK/tokens" && echo "directories.tokendir = $WORK/tokens" >"$SOFTHSM2_CONF" || return
	softhsm2-util --init-token --free --label gw --so-pin 12345678 --pin 4711 >"$WORK/softhsm" || return
	for kind in rsa ec256; do
		openssl pkcs8 -topk8 -nocrypt -in "$PKI/a-$kind.key" -out "$WORK/$kind.p8" &&
			softhsm2-util --import "$WORK/$kind.p8" --token gw --label "$kind" --pin 4711 \
				--id "$([ $kind = rsa ] && echo 01 || echo 02)" >>"$WORK/softhsm" &&
			rm "$WORK/$kind.p8" || return
	done
}

# the key is on the token alone
on_token()
{
	local token=4711

	ours "auth cert\n cert a-$1.pem key pkcs11:token=gw;object=$1" "a-$1.pem" root.pem &&
		theirs "auth = pubkey\n certs = b-$1.pem" "auth = pubkey" "b-$1.pem" "b-$1.key" root.pem && both
}

# the policy is in force, and the peer says what the token has said
wrong_pin()
{
	local token=4712

	ours "auth cert\n cert a-rsa.pem key pkcs11:token=gw;object=rsa" a-rsa.pem root.pem &&
		nf show peers >"$WORK/peers" && grep -q 'the token refuses the PIN' "$WORK/peers" &&
		! grep -rq 4712 "$WORK/peers" "$WORK/daemon" && refused_up 'the token refuses the PIN'
}

# strongSwan signs with PKCS#1 v1.5 unless it is told; we with RSASSA-PSS unless we are
pss() { grep -Eq 'RSA_EMSA_PSS|rsassa-pss|RSA/PSS' "$SWAN/log"; }

middle()
{
	ours "auth cert" a-middle.pem a-middle.key root.pem middle.pem &&
		theirs "auth = pubkey\n certs = b-middle.pem" "auth = pubkey" b-middle.pem b-middle.key root.pem middle.pem &&
		both
}

# each has the root alone, and learns the intermediate CA from the other's CERT payloads
middle_received()
{
	ours "auth cert\n ca root.pem" a-middle.pem a-middle.key root.pem &&
		cat "$PKI/middle.pem" >>"$WORK/certs/a-middle.pem" && nf load "$CONF" >"$WORK/load" &&
		theirs "auth = pubkey\n certs = b-ec256.pem" "auth = pubkey" b-ec256.pem b-ec256.key root.pem && both
}

raw_keys()
{
	ours "auth pubkey\n cert a-ec256.pub\n remote-key b-ec256.pub" a-ec256.pub b-ec256.pub a-ec256.key &&
		theirs "auth = pubkey\n pubkeys = b-ec256.pub" "auth = pubkey\n pubkeys = a-ec256.pub" \
			a-ec256.pub b-ec256.pub b-ec256.key && both
}

cert_and_psk()
{
	ours "local-auth cert\n remote-auth psk" a-ec256.pem a-ec256.key root.pem &&
		theirs "auth = psk" "auth = pubkey" root.pem && both
}

psk_and_cert()
{
	ours "local-auth psk\n remote-auth cert" root.pem &&
		theirs "auth = pubkey\n certs = b-ec256.pem" "auth = psk" b-ec256.pem b-ec256.key root.pem && both
}

dn_ids()
{
	local without_ids=yes

	ours "auth cert\n local id dn \"C=XX, O=Test, CN=a-ec256\" remote id dn \"C=XX, O=Test, CN=b-ec256\"" \
		a-ec256.pem a-ec256.key root.pem || return
	theirs "auth = pubkey\n certs = b-ec256.pem" "auth = pubkey" b-ec256.pem b-ec256.key root.pem && both
}

# ours is from a CA that strongSwan does not trust
not_trusted()
{
	ours "auth cert" a-other.pem a-other.key root.pem &&
		theirs "auth = pubkey\n certs = b-ec256.pem" "auth = pubkey" b-ec256.pem b-ec256.key root.pem &&
		refused_up 'AUTHENTICATION_FAILED, so it does not trust our certificate'
}

# theirs is
trusts_not()
{
	ours "auth cert" a-ec256.pem a-ec256.key root.pem &&
		theirs "auth = pubkey\n certs = b-other.pem" "auth = pubkey" b-other.pem b-other.key other.pem root.pem &&
		refused_up "CN=b-other', issued by 'C=XX, O=Test, CN=other', does not lead to a CA" &&
		refused_initiate "CN=b-other', issued by 'C=XX, O=Test, CN=other', does not lead to a CA"
}

# RFC 7296's own methods, with a peer that announces no hash
old_methods()
{
	swan_stop && sed -i 's/load_modular = no/load_modular = no\n\tsignature_authentication = no/' "$SWAN/strongswan.conf" &&
		swan_start && kind rsa && grep -q "authentication of '$ID_A' with RSA signature" "$SWAN/log" && kind ec256
}

ktap_plan 20
sites_begin
check "a certification authority" new_pki
note "it took $SECONDS s"
swan_conf $IKE $ESP
sed -i 's/ vici$/ pem pkcs1 pkcs8 x509 pubkey constraints vici/' "$SWAN/strongswan.conf"
cp "$SWAN/swanctl.conf" "$SWAN/psk.conf"
swan_start || bail "strongSwan does not start"
export SOFTHSM2_CONF=$WORK/softhsm2.conf
check "a token" new_token
check "RSA, either begins" kind rsa
check "and we sign with RSASSA-PSS" pss
check "ECDSA on P-256, either begins" kind ec256
check "ECDSA on P-384, either begins" kind ec384
check "Ed25519, either begins" kind ed25519
check "an intermediate CA that both know" middle
check "an intermediate CA that is sent" middle_received
check "raw public keys" raw_keys
check "we have a certificate, strongSwan a pre-shared key" cert_and_psk
check "we have a pre-shared key, strongSwan a certificate" psk_and_cert
check "distinguished names as identities" dn_ids
check "a certificate of a CA that strongSwan does not trust" not_trusted
check "a certificate of a CA that we do not trust" trusts_not
check "RSA on a token, either begins" on_token rsa
check "ECDSA on a token, either begins" on_token ec256
check "a wrong PIN of the token" wrong_pin
check "the methods before RFC 7427" old_methods
check "no SA is left" no_sas
daemon_stop
ktap_exit
