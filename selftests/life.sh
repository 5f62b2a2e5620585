#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Days of virtual time with the lifetimes of an installation: CHILD SA 1 h, IKE SA 4 h,
# reauthentication 24 h, DPD 30 s. A gateway with nfipsec has three peers: strongSwan, libreswan
# and nfipsec. tools/pacer.c sends a datagram a second each way on each tunnel.
#
#	site-a    lan   gw-a           middle     gw-b strongSwan  192.0.2.2, .12, .13
#	10.1.0.2 ------ nfipsec ------ bridge --- gw-c libreswan   192.0.2.3           --- site-b
#	   to .13       192.0.2.1                 gw-d nfipsec     192.0.2.4
#
#	peer, tunnel	site-a		site-b
#	b		10.1.0.2	10.2.0.10	strongSwan
#	c		10.1.0.3	10.3.0.10	libreswan
#	d		10.1.0.4	10.4.0.10	nfipsec
#	expires		10.1.0.12	10.12.0.10	strongSwan at 192.0.2.12
#	revoked		10.1.0.13	10.13.0.10	strongSwan at 192.0.2.13
#
# Two more peers have a reauthentication of 3 h. A CRL revokes the certificate of one at the sample of
# hour 3; the certificate of the other expires after 5 h. nfipsec judges the certificates of connected
# peers again at both moments and disconnects the peers, whenever they reauthenticate.
#
# NFIPSEC_LIFE says how long: 7d by default, such as 26h or 30d. Below 8 h neither certificate
# comes to its end. The test runs in virtual time only.
#
# The memory that is compared is the median of five hourly samples: those from 2/7 of the life on
# (day 2 of 7, and both peers are gone), and the last five.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/sites-lib.sh"
. "$(dirname "$0")/peers-lib.sh"
. "$(dirname "$0")/libreswan-lib.sh"

LIFE=${NFIPSEC_LIFE:-7d}
# shellcheck disable=SC2034
LSW_NS=gw-c
IKE=aes128gcm16-prfsha256-x25519
ESP=aes128gcm16-x25519
CRL_AT=3 EXPIRES_AT=5 REAUTH=3		# hours
CRL_DAYS=3650
PACER=$NFIPSEC_TOOLS/pacer
OUT=$WORK/pacer.out
SAMPLES=$WORK/samples

# seconds DURATION: such as 7d, 26h, 90m
seconds()
{
	case $1 in
	*[!0-9]*[!smhd] | [!0-9]* | '') return 1 ;;
	*d) echo $((${1%d} * 86400)) ;;
	*h) echo $((${1%h} * 3600)) ;;
	*m) echo $((${1%m} * 60)) ;;
	*) echo "${1%s}" ;;
	esac
}

in_gw_c() { ip netns exec gw-c "$@"; }
in_gw_d() { ip netns exec gw-d "$@"; }
nf_d() { in_gw_d "$NFIPSEC" --socket "$WORK/d/sock" "$@"; }

# ---- the network ----

wan()	# NETNS ADDRESS...
{
	local ns=$1 address

	shift
	ip -n "$ns" link add wan type veth peer name "$ns" netns middle &&
		ip -n middle link set "$ns" master bridge up && ip -n "$ns" link set wan up || return
	for address; do ip -n "$ns" addr add "192.0.2.$address/24" dev wan || return; done
	ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1
}

# lan NETNS N: the tunnel to 10.N.0.10 in site-b, and from there to 10.1.0.N
lan()
{
	ip -n site-b link add "lan$2" type veth peer name "lan$2" netns "$1" &&
		ip -n "$1" addr add "10.$2.0.1/24" dev "lan$2" && ip -n "$1" link set "lan$2" up &&
		ip -n site-b addr add "10.$2.0.10/24" dev "lan$2" && ip -n site-b link set "lan$2" up &&
		ip -n site-b route add "10.1.0.$2" via "10.$2.0.1" &&
		ip -n gw-a route add "10.$2.0.0/24" via "192.0.2.$2" &&
		ip -n site-a addr add "10.1.0.$2/24" dev lan
}

# Makes a gateway with xfrm drop packets without an SA. The kernel has one policy for each selector,
# and the daemon deletes those of its tunnels: the selectors of the block policy are wider.
block()
{
	ip -n "$1" xfrm policy add dir out src 10.0.0.0/8 dst 10.1.0.0/16 action block priority 4000000000
}

# On each wire only ESP, IKE and ARP may pass.
wires()
{
	ip netns exec middle nft -f - <<-END
		table netdev wires {
			counter seen_esp { }
			counter seen_ike { }
			counter seen_other { }
			set others {
				type ipv4_addr . ipv4_addr . inet_proto
				flags dynamic
				size 64
			}
			chain seen {
				type filter hook ingress devices = { gw-a, gw-b, gw-c, gw-d } priority 0;
				ip protocol esp counter name seen_esp accept
				udp sport 500 udp dport 500 counter name seen_ike accept
				ether type arp accept
				counter name seen_other add @others { ip saddr . ip daddr . ip protocol } drop
			}
		}
	END
}

on_wires()	# NAME
{
	ip netns exec middle nft -j list counter netdev wires "seen_$1" | jq '.nftables[] | .counter // empty | .packets'
}

network()
{
	local ns

	for ns in site-a site-b gw-a gw-b gw-c gw-d middle; do
		ip netns add $ns && ip -n $ns link set lo up || return
		ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 || return
	done
	ip -n middle link add name bridge type bridge && ip -n middle link set bridge up &&
		wan gw-a 1 && wan gw-b 2 12 13 && wan gw-c 3 && wan gw-d 4 || return
	ip -n site-a link add lan type veth peer name lan netns gw-a &&
		ip -n gw-a addr add 10.1.0.1/24 dev lan && ip -n gw-a link set lan up &&
		ip -n site-a link set lan up || return
	lan gw-b 2 && lan gw-c 3 && lan gw-d 4 && lan gw-b 12 && lan gw-b 13 || return
	ip -n site-a route add default via 10.1.0.1
	for ns in b c d; do ip -n gw-$ns route add $NET_A via $GW_A || return; done
	block gw-b && block gw-c && wires
}

# ---- certificates ----

# The day 0.2 is 4.8 hours from now.
days() { awk -v h="$1" 'BEGIN { printf "%.6f", h / 24 }'; }

new_pki()
{
	local long=days=-1:3650

	"$TOOLS/pki.py" "$PKI" root,ca,$long "a,issuer=root,san=$ID_A,$long" \
		"b,issuer=root,san=b.example.com,$long" "b-ec256,issuer=root,san=c.example.com,$long" \
		"d,issuer=root,san=d.example.com,$long" "revoked,issuer=root,san=revoked.example.com,$long" \
		"expires,issuer=root,san=expires.example.com,days=-1:$(days $EXPIRES_AT)"
}

# Puts a CRL into gw-a's folder and makes the daemon load it.
crl_appears()
{
	cat >"$PKI/ca.cnf" <<-END
		[ca]
		default_ca = root
		[root]
		database = $PKI/index
		default_md = sha256
		default_crl_days = $CRL_DAYS
		certificate = $PKI/root.pem
		private_key = $PKI/root.key
	END
	printf 'R\t450101000000Z\t%sZ,keyCompromise\t%s\tunknown\t/CN=revoked\n' "$(date -u +%y%m%d%H%M%S)" \
		"$(openssl x509 -in "$PKI/revoked.pem" -noout -serial | cut -d= -f2)" >"$PKI/index"
	openssl ca -config "$PKI/ca.cnf" -gencrl -out "$WORK/crls/root.pem" 2>"$WORK/gencrl" && nf load "$CONF"
}

# folders FOLDER NAME: of a daemon with this certificate
folders()
{
	mkdir -p "$1"/{certs,private,cacerts,crls} && cp "$PKI/$2.pem" "$1/certs" &&
		cp -p "$PKI/$2.key" "$1/private" && cp "$PKI/root.pem" "$1/cacerts"
}

# ---- the daemons ----

# peer_conf NAME NET LOCAL LOCAL-ID REMOTE REMOTE-ID OWN-NET START REAUTH
peer_conf()
{
	cat <<-END
		access-list $1 { 10 protect ip from $7 to $2 }
		peer $1 {
			local  address $3 id fqdn $4
			remote address $5 id fqdn $6
			auth cert
			ike $IKE
			ike-lifetime 4h  reauth $9  dpd 30s
			tunnel t { access-list $1  esp $ESP  lifetime 1h  start $8 }
		}
	END
}

here()
{
	folders "$WORK" a || return
	{
		peer_conf b 10.2.0.0/24 $GW_A $ID_A $GW_B b.example.com $NET_A at-load 24h
		peer_conf c 10.3.0.0/24 $GW_A $ID_A 192.0.2.3 c.example.com $NET_A at-load 24h
		peer_conf d 10.4.0.0/24 $GW_A $ID_A 192.0.2.4 d.example.com $NET_A at-load 24h
		peer_conf expires 10.12.0.0/24 $GW_A $ID_A 192.0.2.12 expires.example.com $NET_A on-traffic ${REAUTH}h
		peer_conf revoked 10.13.0.0/24 $GW_A $ID_A 192.0.2.13 revoked.example.com $NET_A on-traffic ${REAUTH}h
	} >"$CONF"
	daemon_start
}

d_ready() { test -S "$WORK/d/sock" && nf_d show peers; }

nfipsec_there()
{
	folders "$WORK/d" d || return
	peer_conf a $NET_A 192.0.2.4 d.example.com $GW_A $ID_A 10.4.0.0/24 on-traffic 24h >"$WORK/d/nfipsec.conf"
	started d ip netns exec gw-d "$NFIPSECD" --config "$WORK/d/nfipsec.conf" --socket "$WORK/d/sock" \
		>"$WORK/d/log" 2>&1
	wait_for 20 d_ready
}

swan_connection()	# NAME ADDRESS NET
{
	cat <<-END
		$1 {
			version = 2
			mobike = no
			local_addrs = $2
			remote_addrs = $GW_A
			proposals = $IKE
			dpd_delay = 30s
			rekey_time = 216m
			over_time = 24m
			local {
				auth = pubkey
				certs = $1.pem
				id = $1.example.com
			}
			remote {
				auth = pubkey
				id = $ID_A
			}
			children {
				$1 {
					local_ts = $3
					remote_ts = $NET_A
					esp_proposals = $ESP
					rekey_time = 54m
					life_time = 1h
					rand_time = 6m
				}
			}
		}
	END
}

strongswan_there()
{
	local name

	swan_conf $IKE $ESP
	sed -i -e 's/ vici$/ pem pkcs1 pkcs8 x509 pubkey constraints vici/' -e 's/default = 1/default = 0/' \
		-e 's/ike = 2/ike = 1/' "$SWAN/strongswan.conf"
	mkdir -p "$SWAN"/{x509,x509ca,private} && cp "$PKI/root.pem" "$SWAN/x509ca" || return
	for name in b expires revoked; do
		cp "$PKI/$name.pem" "$SWAN/x509" && cp "$PKI/$name.key" "$SWAN/private" || return
	done
	{
		echo "connections {"
		swan_connection b $GW_B 10.2.0.0/24
		swan_connection expires 192.0.2.12 10.12.0.0/24
		swan_connection revoked 192.0.2.13 10.13.0.0/24
		echo "}"
	} >"$SWAN/swanctl.conf"
	swan_start
}

libreswan_there()
{
	auth=ec256 at_there=192.0.2.3 ID_B=c.example.com NET_B=10.3.0.0/24 ike=$IKE esp=$ESP
	lsw_lines=(ikelifetime=4h salifetime=1h rekeymargin=6m dpddelay=30 dpdtimeout=150 dpdaction=hold)
	libreswan_conf && libreswan_start
}

tell()
{
	tail -n 15 "$WORK/daemon" "$WORK/d/log" "$SWAN/log" "$LSW/log"
	nf show peers
	return 1
}

daemons()
{
	so strongswan_there && so libreswan_there && so nfipsec_there && so here || tell
}

one_ping() { in_site_a ping -n -q -c 1 -W 2 -I "10.1.0.$1" "10.$1.0.10" >"$WORK/ping"; }

all_up()
{
	local n

	so nf up expires && so nf up revoked && so wait_for 30 at_rest 5 || { tell; return 1; }
	for n in 2 3 4 12 13; do so wait_for 10 one_ping $n || { tell; return 1; }; done
}

# ---- samples ----

states() { "$1" ip xfrm state | grep -c '^src'; }
module_sas() { "$1" "$NFIPSEC" show sas --json | jq '.sas | length'; }

# at_rest TUNNELS: of each tunnel that is up one IKE SA and one pair of SAs, at both ends
at_rest()
{
	local more=$((2 * ($1 - 3)))

	nf show peers --json >"$WORK/peers" &&
		jq -e --argjson n "$1" '[.peers[] | [(.ike_sas | length), ([.tunnels[].children[]] | length)]] as $p |
			($p[0:3] == [[1, 1], [1, 1], [1, 1]]) and ([$p[] | select(. == [1, 1])] | length == $n) and
			([$p[] | select(. != [1, 1] and . != [0, 0])] == [])' "$WORK/peers" >"$WORK/jq" || return
	printf '%s %s %s %s\n' "$(module_sas in_gw_a)" "$(states in_gw_b)" "$(states in_gw_c)" "$(module_sas in_gw_d)" >"$WORK/sas"
	test "$(cat "$WORK/sas")" = "$((6 + more)) $((2 + more)) 2 2"
}

# prints the number of tunnels that the pacer has not given up
tunnels_up() { echo $((5 - $(grep -c ' is silent$' "$OUT"))); }

# A sample may meet a rekeying: half a minute later the old SAs are gone.
one_pair_each()
{
	local i

	for i in 1 2 3 4 5 6; do
		at_rest "$(tunnels_up)" && return
		sleep 15
	done
	{
		echo "hour $1: $(tunnels_up) tunnels; SAs in gw-a, gw-b, gw-c, gw-d: $(cat "$WORK/sas")"
		jq -c '.peers[] | [.name, [.ike_sas[] | .state], [.tunnels[].children[]]]' "$WORK/peers"
	} >>"$WORK/not-at-rest"
}

rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$(cat "$WORK/$1.pid")/status"; }

# a line: hour, KB of nfipsecd in gw-a and gw-d, of the slab, of its unreclaimable part
sample()
{
	local hour=$1

	one_pair_each "$hour"
	# the kernel caches dentries and inodes of deleted files and of processes that have ended
	echo 2 >/proc/sys/vm/drop_caches
	sleep 1
	echo "$hour $(rss daemon) $(rss d) $(awk '$1 == "Slab:" || $1 == "SUnreclaim:" { printf "%s ", $2 }' /proc/meminfo)" \
		>>"$SAMPLES"
}

# Runs the pacer, and takes a sample a minute before each full hour.
live()
{
	local began now hour=0 n tunnels=()

	for n in 2:b 3:c 4:d 12:expires 13:revoked; do
		tunnels+=("${n#*:}:site-a/10.1.0.${n%:*}:site-b/10.${n%:*}.0.10")
	done
	began=$(cut -d. -f1 /proc/uptime)
	started pacer "$PACER" "$life" "${tunnels[@]}" >"$OUT" 2>&1
	while running pacer; do
		hour=$((hour + 1))
		[ $hour -ne $((CRL_AT + 1)) ] || crl_appears >"$WORK/load" 2>&1 || because "the CRL does not load" || tell
		now=$(cut -d. -f1 /proc/uptime)
		if [ $((hour * 3600)) -gt "$life" ]; then
			sleep $((began + life + 10 - now))
			wait_for 10 ended pacer
			break
		fi
		sleep $((began + hour * 3600 - now - 60))
		sample $hour
		[ $((hour % 24)) -ne 0 ] || note "day $((hour / 24)): $(tail -n 1 "$SAMPLES")"
	done
	grep -q '^total' "$OUT" || { cat "$OUT"; return 1; }
}

# ---- checks ----

# carried TUNNEL: each datagram arrived once, in time
carried()
{
	grep "^total $1 " "$OUT" | while read -r line; do note "$line"; done
	awk -v name="$1" '$1 == "total" && $2 == name { n++
			if ($5 < 60 || $7 || $9 || $11 || $13) bad = 1 }
		END { exit n != 2 || bad }' "$OUT" && return
	grep " $1 " "$OUT" | head -n 20
	tell
}

nothing_in_clear()
{
	note "on the wires: $(on_wires esp) ESP, $(on_wires ike) IKE, $(on_wires other) others"
	so test "$(on_wires other)" = 0 || { ip netns exec middle nft list set netdev wires others; return 1; }
	so test "$(on_wires esp)" -ge "$(awk '$1 == "total" { n += $5 - $7 } END { print n }' "$OUT")"
}

# lines PATTERN: of the daemon's log
lines() { grep -Ec -- "$1" "$WORK/daemon"; }

# renewed PEER: as often as the lifetimes want, and not more than three times as often
renewed()
{
	local children rekeyed authenticated

	children=$(lines "^<6>$1/t: CHILD SA with .* (up|rekeyed)")
	rekeyed=$(lines "^<6>$1: IKE SA with .* rekeyed: ")
	authenticated=$(lines "^<6>$1: IKE SA with .* up: ")
	note "$1: $children CHILD SAs, $rekeyed IKE SAs by rekeying, $authenticated by authentication"
	so test "$children" -ge $((1 + life / 3600)) && so test "$children" -le $((3 * (2 + life / 3000))) &&
		so test $((rekeyed + authenticated)) -ge $((1 + life / 14400)) &&
		so test "$rekeyed" -le $((3 * (1 + life / 12000))) &&
		so test "$authenticated" -ge $((1 + life / 86400)) &&
		so test "$authenticated" -le $((3 * (1 + life / 72000)))
}

all_renewed() { so renewed b && so renewed c && so renewed d; }

one_pair() { test ! -s "$WORK/not-at-rest" || { head -n 40 "$WORK/not-at-rest"; return 1; }; }

# median COLUMN FIRST-HOUR LAST-HOUR
median()
{
	awk -v c="$1" -v first="$2" -v last="$3" '$1 >= first && $1 <= last { print $c }' "$SAMPLES" |
		sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# as_before NAME COLUMN: the last median is at most 2 % above the first
as_before()
{
	local hours=$((life / 3600)) first then now

	first=$((hours * 2 / 7 < 7 && hours > 12 ? 7 : hours * 2 / 7))
	then=$(median "$2" $first $((first + 4))) now=$(median "$2" $((hours - 4)) "$hours")
	note "$1: $then KB in hours $first to $((first + 4)), $now KB in the last five"
	test -n "$then" && test $((now * 100)) -le $((then * 102)) || { cat "$SAMPLES"; return 1; }
}

# silent_at TUNNEL HOUR: the first loss is within 6 minutes of HOUR, and nothing arrives after it
silent_at()
{
	local lost hour

	lost=$(sed -n "s/^\([0-9]*\)d \([0-9:]*\) .* $1 forth: number [0-9]* is lost/\1 \2/p" "$OUT" | head -n 1)
	note "$1: the first loss at day ${lost:-: none}"
	hour=$(awk '{ split($2, t, ":"); print $1 * 24 + t[1] + t[2] / 60 }' <<<"$lost")
	grep -q " $1 is silent" "$OUT" && ! grep -q " $1 .*arrives again" "$OUT" &&
		awk -v h="$hour" -v at="$2" 'BEGIN { exit !(h > at - 0.1 && h < at + 0.1) }' ||
		{ grep " $1 " "$OUT"; grep "$1" "$WORK/daemon" | grep -v waits | tail -n 10; return 1; }
}

# refused PEER PATTERN: neither end can initiate, and nfipsec prints the reason
refused()
{
	nf up "$1" >"$WORK/up" 2>&1 && { cat "$WORK/up"; return 1; }
	note "$(tail -n 1 "$WORK/up")"
	so grep -Eq -- "$2" "$WORK/up" || { cat "$WORK/up"; return 1; }
	swanctl --initiate --child "$1" --timeout 40 >"$WORK/initiate" 2>&1 && { cat "$WORK/initiate"; return 1; }
	so grep -q AUTH_FAILED "$WORK/initiate" || { cat "$WORK/initiate"; return 1; }
}

revoked() { silent_at revoked $CRL_AT && refused revoked 'CN=revoked.* is revoked since'; }
expired() { silent_at expires $EXPIRES_AT && refused expires 'CN=expires.*(expired|no longer valid|not valid)'; }

cleanup()
{
	local ns

	stopped pacer TERM
	daemon_stop
	stopped d TERM
	stopped swan TERM
	stopped lsw TERM
	policy_unload
	in_gw_d "$NFIPSEC" unload
	for ns in site-a site-b gw-a gw-b gw-c gw-d middle; do ip netns del $ns; done
	rm -rf "$WORK"
}

[ "${NFIPSEC_TIME:-real}" != real ] || ktap_skip_all "virtual time"
life=$(seconds "$LIFE") || bail "NFIPSEC_LIFE=$LIFE is no duration"
ktap_plan 15
on_exit unload_module
load_module || bail "the module does not load"
on_exit cleanup
network || bail "the network does not come up"
note "$LIFE; $(strongswan_version); $(libreswan_version)"
check "a certification authority" new_pki
check "the daemons start" daemons
check "five tunnels come up" all_up
check "the gateways live for $LIFE" live
check "strongSwan: each datagram arrives once, in time" carried b
check "libreswan: each datagram arrives once, in time" carried c
check "nfipsec: each datagram arrives once, in time" carried d
check "nothing in clear on the wires" nothing_in_clear
check "one IKE SA and one pair of SAs a tunnel, whenever it is sampled" one_pair
check "SAs are rekeyed and reauthenticated as often as their lifetimes want" all_renewed
if [ "$life" -ge $((8 * 3600)) ]; then
	check "a CRL revokes a certificate: the peer is disconnected, and refused" revoked
	check "a certificate expires: the peer is disconnected, and refused" expired
else
	ktap_skip "a CRL revokes a certificate" "less than 8 hours"
	ktap_skip "a certificate expires" "less than 8 hours"
fi
check "nfipsecd's memory does not grow" as_before "nfipsecd in gw-a" 2
check "nor does that of the nfipsec peer" as_before "nfipsecd in gw-d" 3
check "nor does the kernel's slab" as_before "slab" 4
ktap_exit
