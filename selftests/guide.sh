#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the user guide shows works as it stands there: the configurations of both ends, the CA,
# keys by hand, and rules of nftables. Only the addresses and folders are those of the test (the
# picture is in sites-lib.sh).

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/peers-lib.sh"
. "$(dirname "$0")/openiked-lib.sh"
. "$(dirname "$0")/documents-lib.sh"

# example REGEXP...: the first one of the guide that has a line for each of them, in our places
example()
{
	block "$GUIDE" "$@" >"$WORK/example" &&
		sed -e "s/198\.51\.100\.1/$GW_B/g" -e 's,10\.\([12]\)\.0\.0/16,10.\1.0.0/24,g' -e "s,/etc/nfipsec,$WORK,g" "$WORK/example"
}

# ours REGEXP...: that configuration, and the secret of all the others
ours()
{
	daemon_stop
	example "$@" >"$CONF" && (umask 077 && example 'psk hq' >"$WORK/secrets")
}

shown() { tail -n 25 "$WORK/daemon" "$SWAN/log" "$WORK/ping" "$WORK/load" 2>/dev/null; counted; return 1; }

up() { daemon_start && ten_pings && two_sas_here && sas_there && no_drops || shown; }

# ---- the other end ----

# swan REGEXP...: and the daemon with the lines that a test needs
swan()
{
	swan_stop
	swan_conf '' '' && example "$@" >"$SWAN/swanctl.conf" && swan_start
}

strongswan_psk()
{
	ours 'access-list branch' '    ike aes256' && swan 'connections' && up
}

# which answers before its kernel has the SAs, so the first packets may be lost
openiked()
{
	local status=0

	ours 'access-list branch' '    ike aes256' && says "$GUIDE" 'ike aes128-sha256-x25519' && says "$GUIDE" 'esp aes256-sha512' &&
		sed -i -e 's/ike aes256.*/ike aes128-sha256-x25519/' -e 's/esp aes256gcm16/esp aes256-sha512/' "$CONF" &&
		mkdir -p "$IKED" && (umask 077 && example 'ikev2 "hq"' >"$IKED/iked.conf") &&
		iked_start "$WORK/ca/branch.key" "$WORK/ca/branch.pem" "$WORK/ca/ca.pem" && daemon_start || { tail -n 20 "$IKED/log"; return 1; }
	in_site_a ping -n -q -c 10 -i 0.1 -W 10 $SITE_B >"$WORK/ping"
	two_sas_here && wait_for 10 sas_there && in_site_a ping -n -q -c 3 -i 0.1 -W 10 $SITE_B >"$WORK/ping" ||
		{ tail -n 20 "$IKED/log"; shown; status=1; }
	daemon_stop
	iked_stop
	return $status
}

# ---- certificates ----

# swan_with_cert NAME: in place of the secret
swan_with_cert()
{
	swan_stop
	strongswan_conf && example 'connections' | sed 's/auth = psk/auth = pubkey/' >"$SWAN/swanctl.conf" &&
		sed -i 's/load = random/load = random x509 pem pkcs1 pkcs8 pubkey constraints/' "$SWAN/strongswan.conf" &&
		rm -rf "$SWAN"/{x509,x509ca,private} && mkdir "$SWAN"/{x509,x509ca,private} &&
		cp "$WORK/ca/$1.pem" "$SWAN/x509/" && cp "$WORK/ca/$1.key" "$SWAN/private/" && cp "$WORK/ca/ca.pem" "$SWAN/x509ca/"
}

# in_ca REGEXP...: commands of the guide
in_ca() { example "$@" >"$WORK/ca.sh" && (cd "$WORK/ca" && bash -eu "$WORK/ca.sh") >"$WORK/ca.out" 2>&1 || { cat "$WORK/ca.out"; return 1; }; }

certificates()
{
	ours 'peer branch' '    auth cert' && { example 'access-list branch' '    ike aes256' | sed '/^}/q'; cat "$CONF"; } >"$CONF.new" &&
		mv "$CONF.new" "$CONF" && in_ca 'install -m 644 ca.pem' || return
	swan_with_cert branch && swan_start && up
}

# the CA takes the certificate of the branch back
revoked()
{
	nf down branch >"$WORK/down" 2>&1
	in_ca 'openssl ca .*-revoke' && nf load "$CONF" >"$WORK/load" 2>&1 || return
	nf up branch >"$WORK/ping" 2>&1 && return 1
	note "$(tail -n 1 "$WORK/ping")"
	grep -q 'is revoked since' "$WORK/ping" || shown
}

# ---- many peers ----

# anna is at the branch: her address inside, her certificate, and she begins
road()
{
	ours 'access-list road' || return
	ip -n gw-b addr add 10.99.0.7/32 dev lo && ip -n gw-a route add 10.99.0.0/16 via $GW_B && swan_with_cert anna.road &&
		sed -i -e 's/id = branch/id = anna.road/' -e 's,local_ts = .*,local_ts = 10.99.0.7/32,' "$SWAN/swanctl.conf" &&
		swan_start && daemon_start &&
		swanctl --initiate --child lan --timeout 20 >"$WORK/load" 2>&1 && wait_for 10 two_sas_here || { shown; return 1; }
	in_gw_b ping -n -q -c 3 -i 0.1 -W 10 -I 10.99.0.7 $SITE_A >"$WORK/ping" && no_drops || { shown; return 1; }
	ip -n gw-a route del 10.99.0.0/16
	ip -n gw-b addr del 10.99.0.7/32 dev lo
	daemon_stop
	swan_stop
}

# ---- keys by hand ----

# run NETNS FILE: with our programs
run() { ip netns exec "$1" env PATH="$NFIPSEC_BIN:$PATH" bash -eu "$2"; }

by_hand()
{
	swan_stop
	policy_unload >"$WORK/load" 2>&1
	mark_stats
	example 'access-list lab' >"$WORK/lab.conf" && example 'nfipsec load --no-daemon' >"$WORK/here" &&
		example 'ip xfrm state add' >"$WORK/there" && run gw-a "$WORK/here" && run gw-b "$WORK/there" || return
	in_site_a ping -n -q -c 3 -i 0.1 -W 10 $SITE_B >"$WORK/ping" && no_drops && test "$(stat out_packets)" = 3 || shown
}

# of the path with an MTU of 1500, and AES-GCM
mtu()
{
	says "$GUIDE" 'leaves 1446 over IPv4' && test "$(in_gw_a "$NFIPSEC" show tunnels --json | jq '.tunnels[0].mtu')" = 1446
}

# ---- nftables ----

# rules REGEXP...: a firewall that drops all else but what comes from the LAN and what answers it
firewall()
{
	in_gw_a nft -f - <<-END
		table inet filter {
			chain input { type filter hook input priority filter; policy drop; }
			chain output { type filter hook output priority filter; policy drop; }
			chain forward {
				type filter hook forward priority filter; policy drop;
				iifname lan accept
				ct state established,related accept
			}
		}
	END
	example 'nft insert rule inet filter input udp' >"$WORK/rules" &&
		example 'nft insert rule inet filter forward' >>"$WORK/rules" && run gw-a "$WORK/rules" &&
		ours 'access-list branch' '    ike aes256' && swan 'connections' && up &&
		in_site_b ping -n -q -c 3 -i 0.1 -W 5 $SITE_A >"$WORK/ping" && no_drops || shown
	in_gw_a nft delete table inet filter
}

clear_packets() { grep -c "$SITE_A > $SITE_B" "$WORK/wire"; }

# with the rule no clear packet leaves, policy or not, and it is in nobody's way
leak()
{
	local status=0

	example '  nft add table netdev leak' >"$WORK/rules" && run gw-a "$WORK/rules" &&
		in_site_a ping -n -q -c 3 -i 0.1 -W 5 $SITE_B >"$WORK/ping" || return
	daemon_stop
	swan_stop
	policy_unload || return
	capture_start gw-b wan "net $NET_A" || return
	in_site_a ping -n -q -c 3 -i 0.1 -W 1 $SITE_B >"$WORK/ping" && status=1
	capture_stop
	[ "$(clear_packets)" = 0 ] || status=1
	in_gw_a nft delete table netdev leak
	# that they would
	capture_start gw-b wan "net $NET_A" || return
	in_site_a ping -n -q -c 3 -i 0.1 -W 5 $SITE_B >"$WORK/ping"
	capture_stop
	[ "$(clear_packets)" = 3 ] && return $status
}

# ---- JSON ----

# each name in the JSON of a tunnel that is up is in the manual page
json_names()
{
	local what name

	for what in peers sas policy tunnels stats; do
		nf show $what --json >"$WORK/json" || return
		for name in $(jq -r '[.. | objects | keys[]] | unique[]' "$WORK/json"); do
			grep -qE "^\.(It )?Cm .*\b$name\b" "$CHECKOUT/Documentation/man/nfipsec.8" || { echo "$what: $name"; return 1; }
		done
	done
}

ktap_plan 11
sites_begin
mkdir -p "$WORK"/{ca,cacerts,certs,private}
counted_check "the CA of the guide" in_ca 'umask 077' 'openssl req'
counted_check "strongSwan, with the secret of the guide" strongswan_psk
counted_check "the names in JSON" json_names
counted_check "certificates" certificates
counted_check "a certificate is revoked" revoked
counted_check "one block for many" road
counted_check "OpenIKED" openiked
counted_check "keys by hand, and iproute2 at the other end" by_hand
counted_check "the MTU that is said" mtu
counted_check "rules for a firewall" firewall
counted_check "a rule against what leaves in clear" leak
ktap_exit
