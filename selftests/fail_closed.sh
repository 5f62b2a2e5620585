#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Protect means protect or drop. What is seen on the wan between two gateways
# (the picture is in sites-lib.sh; here gw-b only routes) while policies
# come, change and go, the daemon dies, and clear text arrives that should not.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

CLEAR="net $NET_A and net $NET_B"	# never outside once it is to be protected

quick_ping() { in_site_a ping -n -q -c "${1:-2}" -i 0.1 -W 1 $SITE_B >"$WORK/ping" 2>&1; }

load() { in_gw_a "$NFIPSEC" load --no-daemon "$1" >"$WORK/load" 2>&1; }

PROTECT="10 protect ip from $NET_A to $NET_B"

# is the capture quiet? A capture that saw nothing at all proves nothing, so a
# marker goes through it first
capture_marked()
{
	capture_start gw-b wan "($CLEAR) or (udp port 9)" &&
		in_gw_a bash -c "echo marker >/dev/udp/$GW_B/9" &&
		wait_for 20 grep -q "$GW_B.9: UDP" "$WORK/wire"
}

wire_quiet()
{
	in_gw_a bash -c "echo marker >/dev/udp/$GW_B/9" 2>"$WORK/marker"
	wait_for 20 two_markers || return
	capture_stop
	grep -v "$GW_B.9: UDP" "$WORK/wire" | grep -q . || return 0
	note "seen outside: $(grep -v "$GW_B.9: UDP" "$WORK/wire" | head -n 3)"
	return 1
}

two_markers() { test "$(grep -c "$GW_B.9: UDP" "$WORK/wire")" -ge 2; }

good_ping() { in_site_a ping -n -q -c 2 -i 0.1 -W 20 $SITE_B >"$WORK/ping" 2>&1; }

without_policy() { good_ping; }

# a stream of packets meets a load and many reloads
no_gap()
{
	local i held

	policy "$WORK/one.conf" "$PROTECT"
	policy "$WORK/two.conf" "5 bypass tcp from any to 10.99.0.0/16 port 22" \
		"10 protect udp from $NET_A to $NET_B" "11 protect ip from 10.1.0.0/16 to 10.2.0.0/16" \
		"20 discard ip from any to 10.98.0.0/16"
	started stream ip netns exec site-a ping -n -q -i 0.01 $SITE_B >"$WORK/ping" 2>&1
	load "$WORK/one.conf" || return
	capture_marked || return
	mark_stats
	for i in 1 2 3 4; do
		load "$WORK/two.conf" && load "$WORK/one.conf" || return
	done
	held=$(stat held)
	stopped stream INT
	note "$held packets came by during 8 reloads"
	so test "$held" -gt 20 && wire_quiet
}

held_is_bounded()
{
	mark_stats
	quick_ping 1
	in_site_a ping -n -q -f -c 200 -W 1 $SITE_B >"$WORK/ping" 2>&1
	note "$(counted | tr '\n' ';')"
	test $(($(stat held) - $(stat out_no_sa_overflow))) -le 64 && test "$(stat out_no_sa_overflow)" -ge 137
}

# the daemon runs, its peer is silent; then it is killed
daemon_killed()
{
	START=on-traffic policy "$CONF" "$PROTECT"
	daemon_start && capture_marked || return
	quick_ping
	daemon_kill
	mark_stats
	quick_ping
	so test "$(stat held)" = 2 && wire_quiet
}

# a clean end of the daemon leaves the policy
daemon_ended()
{
	daemon_start && capture_marked || return
	daemon_stop
	quick_ping
	wire_quiet && in_gw_a "$NFIPSEC" show policy | grep -q protect
}

rmmod_refused()
{
	rmmod nfipsec >"$WORK/rmmod" 2>&1 && return 1
	grep -qi 'in use\|busy' "$WORK/rmmod" && test -d /sys/module/nfipsec
}

cleartext_forwarded()
{
	mark_stats
	in_site_b ping -n -q -c 3 -i 0.1 -W 1 $SITE_A >"$WORK/ping" 2>&1 && return 1
	note "$(counted | tr '\n' ';')"
	test "$(stat in_cleartext)" = 3
}

cleartext_local()
{
	mark_stats
	in_gw_b ping -n -q -c 3 -i 0.1 -W 1 -I 10.2.0.1 10.1.0.1 >"$WORK/ping" 2>&1 && return 1
	test "$(stat in_cleartext)" = 3
}

# what the list does not name goes on as before, both ways
others_pass()
{
	in_gw_a ping -n -q -c 2 -i 0.1 -W 20 $GW_B >"$WORK/ping" &&
		in_gw_b ping -n -q -c 2 -i 0.1 -W 20 $GW_A >"$WORK/ping"
}

# ---- first match wins ----

# udp_to PORT: one datagram from the site; what became of it?
fate()
{
	mark_stats
	capture_start gw-b wan "udp port $1 or udp port 9" || return
	in_site_a bash -c "echo x >/dev/udp/$SITE_B/$1" || return
	in_gw_a bash -c "echo marker >/dev/udp/$GW_B/9"
	wait_for 20 grep -q "$GW_B.9: UDP" "$WORK/wire" || return
	capture_stop
	if grep -q "$SITE_B.$1: " "$WORK/wire"; then echo passed
	elif test "$(stat held)" = 1; then echo held
	elif test "$(stat out_discard)" = 1; then echo discarded
	else echo lost
	fi
}

fates()	# PORT FATE...
{
	local got

	while test $# -gt 0; do
		got=$(fate "$1")
		test "$got" = "$2" || { note "port $1: $got, not $2"; return 1; }
		shift 2
	done
}

explained()	# PORT WORD: the command says the same
{
	in_gw_a "$NFIPSEC" explain out udp $SITE_A:1234 "$SITE_B:$1" >"$WORK/explain" 2>&1
	grep -qi "$2" "$WORK/explain" || { note "$(cat "$WORK/explain")"; return 1; }
}

first_match()
{
	policy "$WORK/order.conf" \
		"10 bypass  udp from $NET_A to $NET_B port 7000" \
		"20 discard udp from $NET_A to $NET_B port 7000-7009" \
		"30 protect udp from $NET_A to $NET_B port 7000-7019" \
		"40 discard udp from 10.1.0.10/32 to $NET_B port 7030" \
		"50 bypass  udp from any to any port 7030-7040"
	load "$WORK/order.conf" || { note "$(cat "$WORK/load")"; return 1; }
	fates 7000 passed 7001 discarded 7009 discarded 7010 held 7019 held 7020 passed \
		7030 discarded 7031 passed 7041 passed &&
		explained 7000 bypass && explained 7005 discard && explained 7015 protect
}

order_matters()
{
	policy "$WORK/order.conf" \
		"10 protect udp from $NET_A to $NET_B" \
		"20 bypass  udp from $NET_A to $NET_B port 7000"
	load "$WORK/order.conf" && fates 7000 held || return
	policy "$WORK/order.conf" \
		"20 protect udp from $NET_A to $NET_B" \
		"10 bypass  udp from $NET_A to $NET_B port 7000"
	load "$WORK/order.conf" && fates 7000 passed 7001 held
}

# ---- refusals ----

in_force() { in_gw_a "$NFIPSEC" show policy --json | jq -S 'del(.. | .out_packets?, .in_packets?)'; }

refused()	# LINE COLUMN-OR-EMPTY: as `load` told it
{
	grep -Eq "bad\.conf:$1:[0-9]+: " "$WORK/load" && test "$(wc -l <"$WORK/load")" = 1 && return
	note "$(cat "$WORK/load")"
	return 1
}

refused_load()
{
	local before

	load "$WORK/one.conf" || return
	before=$(in_force)
	test -n "$before" || return
	policy "$WORK/bad.conf" "10 protect ip from 10.1.0.0/33 to $NET_B"
	load "$WORK/bad.conf" && return 1
	refused 2 && test "$(in_force)" = "$before" || return
	policy "$WORK/bad.conf" "$PROTECT" "10 bypass ip from any to any"
	load "$WORK/bad.conf" && return 1
	refused 3 && test "$(in_force)" = "$before" || return
	policy "$WORK/bad.conf" "$PROTECT"
	sed -i 's/aes128gcm16$/aes129gcm16/' "$WORK/bad.conf"
	load "$WORK/bad.conf" && return 1
	refused 12 && test "$(in_force)" = "$before"
}

refused_by_daemon()
{
	local before

	policy "$CONF" "$PROTECT"
	daemon_start || return
	before=$(in_force)
	policy "$WORK/bad.conf" "10 protect ip from $NET_A to"
	nf load "$WORK/bad.conf" >"$WORK/load" 2>&1 && return 1
	grep -q 'bad\.conf:[0-9]*:[0-9]*: ' "$WORK/load" && test "$(in_force)" = "$before" &&
		nf show peers >"$WORK/peers" && grep -q branch "$WORK/peers" || return
	daemon_stop
}

secrets_mode()
{
	policy "$CONF" "$PROTECT"
	chmod 644 "$WORK/secrets"
	daemon_start && nf show peers >"$WORK/peers" || return
	daemon_stop
	# the policy is in force all the same, and the peer says what it lacks
	grep -q 'cannot come up' "$WORK/peers" && grep 'secrets' "$WORK/daemon" | grep -q 'expected 0600'
}

# ---- others on the same host ----

xfrm_beside()
{
	local ns spi=0x3001 key=0x000102030405060708090a0b0c0d0e0f01020304

	ip -n gw-a addr add 10.50.0.1/32 dev lo
	ip -n gw-b addr add 10.60.0.1/32 dev lo
	for ns in gw-a gw-b; do
		ip -n $ns xfrm state add src $GW_A dst $GW_B proto esp spi $spi mode tunnel \
			aead 'rfc4106(gcm(aes))' $key 128 || return
		ip -n $ns xfrm state add src $GW_B dst $GW_A proto esp spi $spi mode tunnel \
			aead 'rfc4106(gcm(aes))' $key 128 || return
	done
	ip -n gw-a xfrm policy add src 10.50.0.1 dst 10.60.0.1 dir out tmpl src $GW_A dst $GW_B proto esp mode tunnel
	ip -n gw-a xfrm policy add src 10.60.0.1 dst 10.50.0.1 dir in tmpl src $GW_B dst $GW_A proto esp mode tunnel
	ip -n gw-b xfrm policy add src 10.60.0.1 dst 10.50.0.1 dir out tmpl src $GW_B dst $GW_A proto esp mode tunnel
	ip -n gw-b xfrm policy add src 10.50.0.1 dst 10.60.0.1 dir in tmpl src $GW_A dst $GW_B proto esp mode tunnel
	ip -n gw-a route add 10.60.0.1 via $GW_B src 10.50.0.1
	ip -n gw-b route add 10.50.0.1 via $GW_A src 10.60.0.1
	load "$WORK/one.conf" || return
	mark_stats
	in_gw_a ping -n -q -c 3 -i 0.1 -W 20 -I 10.50.0.1 10.60.0.1 >"$WORK/ping" || return
	note "$(counted | tr '\n' ';')"
	test "$(stat in_unknown_spi)" -ge 3
}

# ---- the end ----

unload_and_rmmod()
{
	so policy_unload && so good_ping && so rmmod nfipsec && so good_ping && so load_module && so good_ping
}

ktap_plan 17
sites_begin
check "without a policy all traffic passes" without_policy
check "load and reload open no gap" no_gap
check "what is held is bounded, the rest is counted" held_is_bounded
check "the daemon is killed: protect stays protect" daemon_killed
check "the daemon ends: protect stays protect" daemon_ended
check "rmmod is refused while protect entries are loaded" rmmod_refused
load "$WORK/one.conf" || bail "the policy does not load"
check "clear text that should be protected is not forwarded" cleartext_forwarded
check "clear text that should be protected is not taken in" cleartext_local
check "what the list does not name passes" others_pass
check "first match wins" first_match
check "the order is that of the numbers" order_matters
check "a refused load leaves the policy in force" refused_load
check "a load the daemon refuses leaves the policy in force" refused_by_daemon
check "secrets that others can read are refused" secrets_mode
check "ESP of xfrm in the same namespace is left to it" xfrm_beside
check "unload, and the module can go" unload_and_rmmod
check "no SA was ever there" no_sas_here
ktap_exit
