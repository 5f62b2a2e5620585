#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IKE messages in fragments, RFC 7383, with strongSwan (the picture is in sites-lib.sh), on a
# path that loses IP fragments, too. Access lists of fourteen entries make IKE_AUTH and
# CREATE_CHILD_SA longer than 600 octets.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"

IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16
N=14

# confs OURS THEIRS [WORDS FOR THE CONNECTION]: largest IP datagrams with IKE, "no", and what else
confs()
{
	local i entries="" here="" there=""

	for ((i = 0; i < N; i++)); do
		entries+="$((10 + i)) protect ip from 10.1.$i.0/24 to 10.2.$i.0/24\n"
		here+="${here:+,}10.2.$i.0/24"
		there+="${there:+,}10.1.$i.0/24"
	done
	nf_conf $IKE $ESP "$PSK" manual
	sed -i -e "s|.*protect ip.*|$entries|" -e "s|auth psk|auth psk\nfragmentation $1|" "$CONF"
	swan_conf $IKE $ESP "$PSK" "fragment_size = $2"
	sed -i -e "s|local_ts = .*|local_ts = $here|" -e "s|remote_ts = .*|remote_ts = $there|" \
		-e "s|mobike = no|mobike = no\n${3:-}|" "$SWAN/swanctl.conf"
}

begin()
{
	confs "$@" && swan_start && daemon_start
}

end()
{
	daemon_stop
	policy_unload
	swan_stop
}

ike_count() { nf show peers --json | jq -r ".ike.$1"; }

sees_ike() { capture_start gw-a wan "udp port 500" -v -t; }

# longest FROM: octets of the largest IP datagram with IKE that it sent
longest()
{
	awk -v from="$1.500" '
		/^IP / { sub(/.*length /, ""); len = $0 + 0 }
		index($1, from) == 1 && len > max { max = len }
		END { print max + 0 }' "$WORK/wire"
}

pings() { in_site_a ping -n -q -c 3 -i 0.1 -W 20 $SITE_B >"$WORK/ping"; }

gone() { nf down branch >"$WORK/down" && wait_for 20 no_sas; }

we_initiate()
{
	so sees_ike && so nf up branch >"$WORK/up" && so two_sas_here && so wait_for 20 sas_there && so pings
	local status=$?

	capture_stop
	test $status = 0 || { cat "$WORK/up" "$WORK/daemon"; return 1; }
}

they_initiate()
{
	so sees_ike && so swanctl --initiate --child lan --timeout 40 >"$WORK/initiate" 2>&1 &&
		so wait_for 20 two_sas_here && so pings
	local status=$?

	capture_stop
	test $status = 0 || { cat "$WORK/initiate" "$WORK/daemon"; return 1; }
}

# in_fragments MOST OF-OURS OF-THEIRS: what was seen outside, and what was kept here
in_fragments()
{
	local ours theirs kept

	ours=$(longest $GW_A) theirs=$(longest $GW_B) kept=$(ike_count fragment)
	note "longest datagrams: ours $ours, theirs $theirs; $kept fragments of theirs"
	test "$ours" -le "$1" && test "$ours" -gt "$2" && test "$theirs" -gt "$3" && test "$kept" -ge 2
}

small_ones()
{
	we_initiate && in_fragments 300 270 270 && test "$(ike_count fragment_refused)" = 0
}

small_ones_of_theirs()
{
	gone && they_initiate && in_fragments 300 270 270
}

more_fragments() { test "$(ike_count fragment)" -gt "$1"; }

# CREATE_CHILD_SA by either side; the old SAs go and the new ones carry
rekeys()
{
	local before

	before=$(ike_count fragment)
	so swanctl --rekey --child lan >"$WORK/rekey" 2>&1 && so wait_for 20 more_fragments "$before" &&
		so wait_for 20 two_sas_here && so pings && no_drops
}

small_path()
{
	ip -n gw-a link set wan mtu 576 && ip -n gw-b link set wan mtu 576 || return
	# before the kernel puts them together
	for ns in gw-a gw-b; do
		ip netns exec $ns nft -f - <<-END || return
			table netdev lost {
				chain fragments {
					type filter hook ingress device wan priority 0; policy accept;
					ip frag-off & 0x3fff != 0 counter drop
				}
			}
		END
	done
}

lost_fragments() { ip netns exec $1 nft -j list chain netdev lost fragments | jq '[.. | .counter? | values | .packets] | add'; }

lost_there() { test "$(lost_fragments gw-b)" -ge "$1"; }

# what goes whole does not arrive, nor does its repetition
lost_when_whole()
{
	started up ip netns exec gw-a "$NFIPSEC" --socket "$SOCK" up branch >"$WORK/up" 2>&1
	so wait_for 30 lost_there 4 && so running up && so no_sas_here || { cat "$WORK/up" "$WORK/daemon"; return 1; }
	stopped up TERM
}

fragmented_again()
{
	we_initiate || return
	note "IP fragments of ours that were lost: $(lost_fragments gw-b)"
	in_fragments 576 550 400
}

as_small_as_theirs()
{
	gone && they_initiate && in_fragments 500 460 460
}

not_agreed()
{
	we_initiate || return
	note "longest datagram of ours: $(longest $GW_A)"
	test "$(longest $GW_A)" -gt 576 && test "$(ike_count fragment)" = 0
}

ktap_plan 8
sites_begin
begin 300 300
counted_check "IKE_AUTH in fragments of 300 octets both ways, we initiate" small_ones
counted_check "CREATE_CHILD_SA in fragments" rekeys
counted_check "strongSwan initiates" small_ones_of_theirs
end
begin yes 0 "fragmentation = no"
counted_check "strongSwan does not: whole messages" not_agreed
end
check "a path of 576 octets that loses IP fragments" small_path
begin no 500
counted_check "whole messages do not pass it" lost_when_whole
end
begin yes 500
counted_check "an unanswered request is fragmented again" fragmented_again
counted_check "an answer is cut as small as its request" as_small_as_theirs
end
ktap_exit
