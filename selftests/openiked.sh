#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# OpenIKED in gw-b (the picture is in sites-lib.sh), by PSK and by certificates: either end
# begins, rekeys the CHILD SA and the IKE SA, and deletes; and the same outside over IPv6.
#
# No packet is lost but those that OpenIKED's side loses. It answers IKE_AUTH, and after a
# rekeying of its own asks us to delete the old CHILD SA, before it gives its kernel the new
# one; and a packet of its may be under way when the SA of it is deleted. xfrm and we count
# these, and there may be few.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/openiked-lib.sh"

IKESA='auth hmac-sha2-256 enc aes-128 prf hmac-sha2-256 group curve25519'
CHILDSA='enc aes-256 auth hmac-sha2-512 noesn'
PKI=$WORK/pki

# here [WORDS OF THE PEER [LIFETIME]]: also restarts the daemon
here()
{
	daemon_stop
	nf_conf aes128-sha256-x25519 aes256-sha512
	sed -i -e "s/dpd .*/&\n\t${1:-}/" -e "s/mode tunnel/&\n\t\tlifetime ${2:-1h}/" "$CONF"
	daemon_start
}

# there passive|active [WORDS...]
there()
{
	iked_conf "$1" "psk \"$PSK\"" "$IKESA" "$CHILDSA" "${@:2}" && iked_load
}

esp_there() { ip -n gw-b xfrm state | grep -c 'proto esp'; }
both_there() { test "$(esp_there)" = 2; }
both_up() { two_sas_here && both_there; }
none_there() { test "$(esp_there)" = 0 && ! ikectl show sa | grep -q ESTABLISHED; }
none() { no_sas_here && none_there; }

# in our log: how often
told_us() { grep -c "$1" "$WORK/daemon"; }

# what to read when it went wrong
told()
{
	cat "$WORK/daemon" "$WORK/ping"
	counted
	in_gw_b grep -v '\s0$' /proc/net/xfrm_stat
	grep -E 'spi=|fail|pfkey|error|invalid|ikev2_(info|ctl)' "$IKED/log" | tail -n 60
	return 1
}

# what xfrm did not let through
xfrm_errors() { in_gw_b awk '{ n += $2 } END { print n + 0 }' /proc/net/xfrm_stat; }

lost() { awk '/packets transmitted/ { n += $1 - $4 } END { print n + 0 }' "$@"; }

# pings SITE ADDRESS: ten, and xfrm drops those that are lost, the first ones
pings()
{
	local errors lost

	errors=$(xfrm_errors)
	ip netns exec "$1" ping -n -i 0.1 -c 10 -W 5 "$2" >"$WORK/ping"
	errors=$(($(xfrm_errors) - errors)) lost=$(lost "$WORK/ping")
	test "$lost" = 0 || note "$lost pings lost, errors of xfrm $errors"
	test "$lost" -le "$errors" && test "$lost" -le 5 && grep -q icmp_seq=10 "$WORK/ping" || told
}

we_begin() { pings site-a $SITE_B && test "$(stat held)" -ge 1 && test "$(stat released)" = "$(stat held)" && both_up && no_drops || told; }

# rekeyed IKE CHILD: so often at least
rekeyed() { test "$(told_us 'IKE SA with .* rekeyed:')" -ge "$1" && test "$(told_us 'CHILD SA with .* up')" -gt "$2"; }

# busy SECONDS MAY-LOSE: pings both ways, while an IKE SA and a CHILD SA are rekeyed;
# so many may be lost for each CHILD SA, and by the other end alone
busy()
{
	local errors unknown lost way

	errors=$(xfrm_errors)
	mark_stats
	started busy ip netns exec site-a ping -n -q -i 0.1 -c $(($1 * 10)) -W 10 "$SITE_B" >"$WORK/busy"
	started busy-back ip netns exec site-b ping -n -q -i 0.1 -c $(($1 * 10)) -W 10 "$SITE_A" >"$WORK/busy-back"
	for way in busy busy-back; do wait_for $(($1 + 40)) ended $way || return; done
	errors=$(($(xfrm_errors) - errors)) unknown=$(stat in_unknown_spi) lost=$(lost "$WORK/busy"*)
	note "of $(($1 * 10)) pings each way $lost lost, $unknown came by an SA that was deleted, errors of xfrm $errors;" \
		"IKE SAs rekeyed: $(told_us 'IKE SA with .* rekeyed:'), CHILD SAs up: $(told_us 'CHILD SA with .* up')"
	rekeyed 1 1 && test "$lost" -le $((unknown + errors)) &&
		test "$lost" -le $(($2 * $(told_us 'CHILD SA with .* up'))) && no_drops && wait_for 10 both_up ||
		{ cat "$WORK/busy"*; told; }
}

they_rekey() { busy 13 3; }
we_rekey() { busy 15 1; }

they_delete()
{
	ikectl reset id "FQDN/$ID_A" >"$WORK/reset" && wait_for 15 none && pings site-a $SITE_B
}

we_delete() { nf down branch >"$WORK/down" && wait_for 15 none || told; }

they_begin()
{
	there active && wait_for 20 both_up && pings site-b $SITE_A && test "$(told_us 'waits')" = 0 && we_delete
}

# the picture in IPv6: a subshell's own
over_ipv6()
{
	(
		# shellcheck disable=SC2030
		NET_A=$NET6_A NET_B=$NET6_B GW_A=$GW6_A GW_B=$GW6_B
		there passive && here && pings site-a $SITE6_B && both_up && we_delete
	)
}

with_certificates()
{
	mkdir -p "$WORK"/{certs,private,cacerts} && cp "$PKI/a.pem" "$WORK/certs" && cp "$PKI/root.pem" "$WORK/cacerts" &&
		cp -p "$PKI/a.key" "$WORK/private" && iked_conf "$1" '' "$IKESA" "$CHILDSA" && iked_load || return
	daemon_stop
	nf_conf aes128-sha256-x25519 aes256-sha512
	sed -i 's/auth psk/auth cert/' "$CONF"
	daemon_start
}

certs_we_begin() { with_certificates passive && pings site-a $SITE_B && we_delete || told; }
certs_they_begin() { with_certificates active && wait_for 20 both_up && pings site-b $SITE_A && we_delete || told; }

ktap_plan 10
sites_begin
on_exit modules_again
sites_ipv6 || bail "no IPv6"
iked_version | sed 's/^/# /'
"$TOOLS/pki.py" "$PKI" root,ca a,key=ec256,issuer=root,san=$ID_A b,key=ec256,issuer=root,san=$ID_B ||
	bail "no certificates"
iked_conf passive "psk \"$PSK\"" "$IKESA" "$CHILDSA" ikelifetime 12 lifetime 8 bytes 0
on_exit iked_stop
iked_start "$PKI/b.key" "$PKI/b.pem" "$PKI/root.pem" || { cat "$IKED/log"; bail "iked does not start"; }
# until it has given its kernel the policies, nothing goes in clear
# shellcheck disable=SC2031
for nets in "$NET_B $NET_A" "$NET6_B $NET6_A"; do
	ip -n gw-b xfrm policy add src "${nets% *}" dst "${nets#* }" dir out action block priority 1000 || bail "no policy"
done
here
counted_check "PSK: we begin" we_begin
check "OpenIKED rekeys CHILD SAs and the IKE SA" they_rekey
check "OpenIKED deletes the IKE SA; the next packet has another" they_delete
check "we delete the IKE SA" we_delete
there passive && here "ike-lifetime 16s" 8s && in_site_a ping -n -q -i 0.2 -c 10 -W 30 $SITE_B >"$WORK/ping" ||
	{ told; bail "no tunnel"; }
check "we rekey CHILD SAs and the IKE SA" we_rekey
daemon_stop && here
check "OpenIKED begins" they_begin
check "IPv6 outside and inside" over_ipv6
check "certificates: we begin" certs_we_begin
check "certificates: OpenIKED begins" certs_they_begin
daemon_stop
check "nothing is left" wait_for 10 none
ktap_exit
