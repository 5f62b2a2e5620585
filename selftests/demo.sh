#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `make demo` shows, in the VM: a tunnel with strongSwan that comes up on the
# first ping, what is seen of it inside and outside, what strict stops, and how it goes.
# From the first packet to the last nothing of the inner networks is on the outer wire in clear.
# The picture of the two sites is in sites-lib.sh.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

# the payload of the pings, so that the clear text can be read: "clear as day  :)"
PATTERN=636c65617220617320646179203a2920
TITLE=0

title()
{
	TITLE=$((TITLE + 1))
	printf '\n== %s. %s\n\n' $TITLE "$1"
}

shell() { printf '  %s $ %s\n' "$1" "${*:2}"; }
indent() { sed -u 's/^/    /'; }
tagged() { sed -u "s/^/    $(printf %-6s "$1")| /"; }

fail()
{
	local file

	echo
	for file in daemon up down load ping watch.err swan/log; do
		test -s "$WORK/$file" || continue
		echo "    $file:"
		tail -n 15 "$WORK/$file" | indent
	done
	run_exit_commands
	echo
	echo "The demo FAILED: $1."
	exit 1
}

watching() { in_gw_a ss -xH state established | grep -q "$SOCK"; }

# one packet of the ping as tcpdump sees it on this device, with its octets
dump_start()	# NAME DEVICE FILTER
{
	started "$1" ip netns exec gw-a timeout $((30 * NFIPSEC_TIME_FACTOR)) tcpdump -U -l -n -t -X -c 1 -i "$2" "$3" \
		>"$WORK/$1" 2>"$WORK/$1.err"
	wait_for 10 grep -q 'listening on' "$WORK/$1.err"
}

on_exit unload_module
load_module || fail "the module does not load"
on_exit sites_down
sites_up || fail "the two sites do not come up"

title "Two sites, and a gateway each: nfipsec here, strongSwan there"
cat <<END
     site-a                    gw-a                       gw-b                    site-b
    $SITE_A ---- 10.1.0.1 nfipsec $GW_A ====== $GW_B strongSwan 10.2.0.1 ---- $SITE_B

    Linux $(uname -r), strongSwan $(dpkg-query -W -f '${Version}' strongswan-swanctl), four network namespaces
END

nf_conf aes256gcm16-prfsha384-ecp384 aes256gcm16
sed -i "s,to $NET_B,& strict," "$CONF"
swan_conf aes256gcm16-prfsha384-ecp384 aes256gcm16
swan_start || fail "strongSwan does not start"
shell gw-a cat /etc/nfipsec/nfipsec.conf
indent <"$CONF"
started daemon ip netns exec gw-a "$NFIPSECD" --no-config --socket "$SOCK" >"$WORK/daemon" 2>&1
wait_for 20 daemon_ready || fail "nfipsecd does not start"
echo
shell gw-a nfipsec load /etc/nfipsec/nfipsec.conf
nf load "$CONF" >"$WORK/load" 2>&1 || fail "the configuration is refused"
indent <"$WORK/load"
# not gw-b's wan, which also shows what its xfrm decrypted
capture_start gw-a wan "net $NET_A or net $NET_B" || fail "tcpdump does not start"

title "The first ping: held, ACQUIRE, IKEv2, and it is not lost"
shell gw-a nfipsec watch
shell site-a ping -i 0.1 -c 10 $SITE_B
echo
started watch ip netns exec gw-a "$NFIPSEC" --socket "$SOCK" watch > >(tagged watch) 2>"$WORK/watch.err"
wait_for 10 watching || fail "nfipsec watch does not connect"
mark_stats
in_site_a ping -n -i 0.1 -c 10 -W 30 -p $PATTERN $SITE_B 2>&1 | tee "$WORK/ping" | grep --line-buffered -E 'bytes from|packets' | tagged ping
grep -q ' 10 received, 0% packet loss' "$WORK/ping" || fail "pings were lost"
echo
echo "    $(stat held) packets were held while IKE negotiated, $(stat released) released, 0 lost."

title "The security associations"
shell gw-a nfipsec show sas
in_gw_a "$NFIPSEC" show sas 2>&1 | indent
two_sas_here || fail "there are not two SAs"
echo
shell gw-b swanctl --list-sas
swanctl --list-sas 2>&1 | indent
sas_there || fail "strongSwan has not two SAs"

title "One packet, outside and inside"
dump_start outside wan "ip proto 50 and src host $GW_A" && dump_start inside nfipsec0 "icmp and src host $SITE_A" ||
	fail "tcpdump does not start"
in_site_a ping -n -q -c 1 -W 10 -p $PATTERN $SITE_B >"$WORK/ping" || fail "the ping was lost"
wait_for 30 ended outside && wait_for 30 ended inside || fail "tcpdump saw no packet"
shell gw-a tcpdump -ni wan
indent <"$WORK/outside"
echo
shell gw-a tcpdump -ni nfipsec0
indent <"$WORK/inside"
grep -q 'ESP' "$WORK/outside" && grep -q 'ICMP echo request' "$WORK/inside" || fail "these are not ESP and ICMP"
# the pattern is nowhere in what left
grep -q 'clear.as.day' <(tr -d '\n' <"$WORK/outside") && fail "the clear text is seen outside"

title "The gateway's own packets: strict stops what would leave in clear"
shell gw-a ping -c 1 $SITE_B
in_gw_a ping -n -c 1 -W 1 $SITE_B 2>&1 | grep -E 'not permitted|bytes from|packets' | indent
echo
shell gw-a nfipsec explain out icmp $GW_A $SITE_B
nf explain out icmp $GW_A $SITE_B >"$WORK/explained" 2>&1
indent <"$WORK/explained"
grep -q '^strict: ' "$WORK/explained" || fail "strict does not take the packet"
echo
shell gw-a ping -I 10.1.0.1 -c 1 $SITE_B
in_gw_a ping -n -I 10.1.0.1 -c 1 -W 10 $SITE_B >"$WORK/ping" 2>&1 || fail "the ping from the gateway's inner address was lost"
grep -E 'bytes from|packets' "$WORK/ping" | indent

title "The end"
shell gw-a nfipsec down branch
nf down branch >"$WORK/down" 2>&1 || fail "nfipsec down fails"
wait_for 10 no_sas || fail "SAs are left"
echo
shell gw-a nfipsec show sas
in_gw_a "$NFIPSEC" show sas 2>&1 | indent
shell gw-b swanctl --list-sas
swanctl --list-sas 2>&1 | indent
stopped watch TERM
capture_stop
[ ! -s "$WORK/wire" ] || fail "in clear on the outer wire: $(head -n 3 "$WORK/wire")"
run_exit_commands
echo
echo "The demo succeeded: the tunnel came up on the first ping, lost none of ten, nothing left in clear, and no SA is left on either side (${SECONDS} s)."
