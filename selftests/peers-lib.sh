# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after sites-lib.sh by the tests with more than one kind of peer in gw-b:
# strongSwan, libreswan and OpenIKED by the same words. What a test wants of both ends is in
#
#	peer		strongswan, libreswan, openiked
#	outer		4 or 6, the family of IKE and ESP
#	auth		psk, or the kind of key in both certificates (tools/pki.py)
#	ike esp		proposals in our words
#	start		when we begin: on-traffic, manual
#	there_begins	yes: OpenIKED, which has no command for that, begins when it is started
#	life ike_life	seconds of our SAs, and of OpenIKED's; empty: as usual
#
# and each peer has the functions PEER_version, _conf, _start, _stop, _kill, _initiate,
# _rekey, _rekey_ike, _delete, _log.

. "$SELFTESTS/traffic-lib.sh"

outer=4 auth=psk ike=aes128gcm16-prfsha256-x25519 esp=aes128gcm16 start=on-traffic there_begins=no
life='' ike_life='' dpd=30s
PKI=$WORK/pki

us() { if [ "$outer" = 4 ]; then echo $GW_A; else echo $GW6_A; fi; }

# the peer's own address, and as each end sees the other: not the same where a NAT is between them
at_there='' seen_here='' seen_there=''
them()
{
	if [ -n "$at_there" ]; then
		echo "$at_there"
	elif [ "$outer" = 4 ]; then
		echo $GW_B
	else
		echo $GW6_B
	fi
}
remote_here() { echo "${seen_here:-$(them)}"; }
remote_there() { echo "${seen_there:-$(us)}"; }

there() { "${peer}_$1" "${@:2}"; }

# certificates of one CA for both ends, of each kind that is asked for
peers_pki()	# KIND...
{
	local kind specs=(root,ca)

	for kind; do
		specs+=("a-$kind,key=$kind,issuer=root,san=$ID_A" "b-$kind,key=$kind,issuer=root,san=$ID_B")
	done
	"$TOOLS/pki.py" "$PKI" "${specs[@]}"
}

# ---- nfipsec ----

here_conf()
{
	local dir

	nf_conf "$ike" "$esp" "$PSK" "$start" "$dpd"
	sed -i -e "s/local  address [^ ]*/local  address $(us)/" \
		-e "s/remote address [^ ]*/remote address $(remote_here)/" \
		${life:+-e "s/mode tunnel/mode tunnel\n\t\tlifetime ${life}s/"} \
		${ike_life:+-e "s/auth psk/auth psk\n\tike-lifetime ${ike_life}s/"} "$CONF"
	[ "$auth" != psk ] || return 0
	sed -i 's/auth psk/auth cert/' "$CONF"
	for dir in certs private cacerts; do rm -rf "${WORK:?}/$dir" && mkdir "$WORK/$dir" || return; done
	cp "$PKI/a-$auth.pem" "$WORK/certs/" && cp -p "$PKI/a-$auth.key" "$WORK/private/" &&
		cp "$PKI/root.pem" "$WORK/cacerts/"
}

# ---- strongSwan, by sites-lib.sh's functions ----

strongswan_version() { dpkg-query -W -f 'strongSwan ${Version}\n' charon-systemd; }

strongswan_conf()
{
	GW_A=$(remote_there) GW_B=$(them) swan_conf "$ike" "$esp"
	[ "$auth" != psk ] || return 0
	mkdir -p "$SWAN"/{x509,x509ca,private} &&
		cp "$PKI/b-$auth.pem" "$SWAN/x509/" && cp "$PKI/b-$auth.key" "$SWAN/private/" &&
		cp "$PKI/root.pem" "$SWAN/x509ca/" &&
		sed -i 's/auth = psk/auth = pubkey/' "$SWAN/swanctl.conf" &&
		sed -i 's/load = random/load = random x509 pem pkcs1 pkcs8 pubkey constraints/' \
			"$SWAN/strongswan.conf"
}

strongswan_start() { swan_start; }
strongswan_stop() { swan_stop && rm -rf "${SWAN:?}"; }
strongswan_kill() { swan_kill; }
strongswan_initiate() { swanctl --initiate --child lan --timeout 40; }
strongswan_rekey() { swanctl --rekey --child lan; }
strongswan_rekey_ike() { swanctl --rekey --ike hq; }
strongswan_delete() { swanctl --terminate --ike hq --timeout 40; }
strongswan_log() { cat "$SWAN/log"; }

# ---- what is to be seen with any of them ----

no_esp_there() { test -z "$(ip -n gw-b xfrm state)"; }
no_esp() { no_sas_here && no_esp_there; }
up_here_and_there() { two_sas_here && sas_there; }

# IKE SAs that we have
ike_sas() { nf show peers --json | jq -r '[.peers[].ike_sas[]] | length'; }
one_ike_sa() { test "$(ike_sas)" = 1; }

spi_out() { in_gw_a "$NFIPSEC" show sas --json | jq -r '.sas[] | select(.dir == "out") | .spi'; }
ike_spi() { nf show peers --json | jq -r '.peers[].ike_sas[] | "\(.spi_i)\(.spi_r)"'; }

# only the one pair there is now, and it is not the one of then
rekeyed_from() { two_sas_here && test "$(spi_out)" != "$1"; }
ike_rekeyed_from() { one_ike_sa && test "$(ike_spi)" != "$1"; }

# what to read when something went wrong
told()
{
	tail -n 25 "$WORK/daemon"
	there log | tail -n 40
	cat "$WORK"/{ping,ping.back,initiate,command} 2>/dev/null
	counted
	in_gw_b grep -v '\s0$' /proc/net/xfrm_stat
	return 1
}

# peers_start: restarts both, as the variables say
both_start()
{
	both_stop
	mark_stats
	so there conf && so here_conf && so there start && so daemon_start || told
}

both_stop()
{
	daemon_stop
	there stop
	policy_unload >"$WORK/unload" 2>&1
	no_esp || { in_gw_a "$NFIPSEC" show sas; ip -n gw-b xfrm state; return 1; }
}

# five pings each way, all answered
pings()
{
	in_site_a ping -n -q -i 0.1 -c 5 -W 20 $SITE_B >"$WORK/ping" 2>&1 &&
		grep -q ' 0% packet loss' "$WORK/ping" &&
		in_site_b ping -n -q -i 0.1 -c 5 -W 20 $SITE_A >"$WORK/ping.back" 2>&1 &&
		grep -q ' 0% packet loss' "$WORK/ping.back"
}

we_begin()
{
	so pings && so wait_for 10 up_here_and_there && no_drops || told
}

they_begin()
{
	so there initiate >"$WORK/initiate" 2>&1 && so wait_for 20 up_here_and_there && so pings &&
		so test "$(stat held)" = 0 && no_drops || told
}

# they_rekey_now [ike]: by command
they_rekey_now()
{
	local spi

	if [ "$1" = ike ]; then
		spi=$(ike_spi)
		there rekey_ike >"$WORK/command" 2>&1 && wait_for 20 ike_rekeyed_from "$spi"
	else
		spi=$(spi_out)
		there rekey >"$WORK/command" 2>&1 && wait_for 20 rekeyed_from "$spi"
	fi
}

# rekeyed_in_time [ike]: by whom the lifetimes say
rekeyed_in_time()
{
	local spi

	if [ "$1" = ike ]; then
		spi=$(ike_spi)
		wait_for 40 ike_rekeyed_from "$spi"
	else
		spi=$(spi_out)
		wait_for 40 rekeyed_from "$spi"
	fi
}

no_ike_sa() { test "$(ike_sas)" = 0; }

# of a tunnel that is up
they_delete()
{
	so up_here_and_there && so there delete >"$WORK/command" 2>&1 && so wait_for 20 no_esp &&
		so wait_for 10 no_ike_sa || told
}

we_delete()
{
	so up_here_and_there && so nf down branch >"$WORK/command" 2>&1 && so wait_for 20 no_esp || told
}

# it dies without a word, DPD (RFC 7296 2.4) finds out, and traffic brings it back
they_die()
{
	both_start && we_begin && there kill || return
	so wait_for 60 no_sas_here && so there start && so pings && so wait_for 10 up_here_and_there || told
}
