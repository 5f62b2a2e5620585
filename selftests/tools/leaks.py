#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
The leak harness. Makes random gateways, sends random traffic through each of them, and judges
every packet on every wire by a model of ten lines: nothing that an access list protects leaves in
clear, nothing that it protects is taken in clear.

	leaks.py [--seed N] [--gateways N] [--blind] [--reduce] [--show]

Gateway number i is made from seed N + i alone, so the seed that a finding names repeats it.
--blind leaves the policy to the model and gives the kernel none: the harness must find much then.
--reduce takes part after part from a gateway as long as the finding stays, and prints what is left.

	                         the gateway, a namespace of its own
	   wire      lan0       +-----------------------------------+      wan0        wire
	 ------------ 10.1.0.0/24 |  access lists, SAs, NAT, flow     | 192.0.2.0/24 ------------
	   wire      lan1       |  tables, queues, marks, VRFs,     |      wan1        wire
	 ------------ 10.3.0.0/24 |  policy routing, sockets          | 198.51.100.0/24 ---------
	                         +-----------------------------------+

The harness is all that is around the gateway: hosts, routers, the tunnels' peers and the attacker.
It writes packets to the wires and to the gateway's own sockets, and reads what the gateway sends.
ESP is without encryption (RFC 2410) and with HMAC-SHA-256, so the harness opens and makes it fast.
Each packet that the harness makes carries a token, by which it is known after NAT and inside ESP.

Parts, in this order: packets, the model, the generator (spec), the gateway (Gateway), what is seen
(Gateway.settle, emerged, clear, delivered), the actions (Traffic), the reducer, the sums.
"""
import argparse
import collections
import functools
import hmac
import ipaddress
import os
import random
import re
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import nfnl
from netlab import Namespace, Nftables, Queue, Rtnetlink, Wire, af, inside, octets, sysctl

TCP, UDP, ICMP, ICMPV6, ESP, FRAGMENT, IGMP = 6, 17, 1, 58, 50, 44, 2
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmp6", ESP: "esp", None: "ip"}
SYN, ACK, PSH, RST, FIN = 2, 16, 8, 4, 1
TOKEN = re.compile(rb"<([0-9a-f]{8})>")

# ---- packets ----

ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
ECHO = {ICMP: (8, 0), ICMPV6: (128, 129)}
EXTENSIONS = (0, 43, 60)


class Packet:
	"""An IP packet's selectors, and its octets; @quote is the packet that an ICMP error is about."""
	__slots__ = ("family", "src", "dst", "proto", "sport", "dport", "offset", "more", "ident", "at", "kind", "quote", "data")

	def __str__(self):
		def end(address, port):
			return "%s%s" % (ip_text(self.family, address), "" if port is None else " port %d" % port)
		what = NAMES.get(self.proto, str(self.proto))
		if self.kind is not None:
			what += " type %d" % self.kind
		if self.offset or self.more:
			what += " fragment at %d" % self.offset
		out = "%s %s -> %s" % (what, end(self.src, self.sport), end(self.dst, self.dport))
		return out + (" about (%s)" % self.quote if self.quote else "")

	def mirrored(self):
		m = Packet()
		m.family, m.proto, m.offset, m.more, m.ident = self.family, self.proto, self.offset, self.more, self.ident
		m.src, m.dst, m.sport, m.dport = self.dst, self.src, self.dport, self.sport
		m.at, m.kind, m.quote, m.data = self.at, self.kind, None, self.data
		return m


def ip_text(family, number):
	return str((ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address)(number))


def number(address):
	return int.from_bytes(octets(address), "big")


def parse(data):
	"""None for what is no IP packet."""
	p = Packet()
	p.data, p.sport, p.dport, p.kind, p.quote = data, None, None, None, None
	p.offset = p.more = p.ident = 0
	if len(data) >= 20 and data[0] >> 4 == 4:
		p.family, p.at, p.proto = 4, (data[0] & 15) * 4, data[9]
		p.ident, frag = struct.unpack_from("!HH", data, 4)
		p.offset, p.more = (frag & 0x1fff) * 8, frag >> 13 & 1
		p.src, p.dst = struct.unpack_from("!II", data, 12)
	elif len(data) >= 40 and data[0] >> 4 == 6:
		p.family, p.at, p.proto = 6, 40, data[6]
		p.src, p.dst = (int.from_bytes(data[n:n + 16], "big") for n in (8, 24))
		while p.proto in EXTENSIONS or p.proto == FRAGMENT and not p.offset:
			if len(data) < p.at + 8:
				return p
			if p.proto == FRAGMENT:
				frag, p.ident = struct.unpack_from("!HI", data, p.at + 2)
				p.offset, p.more = frag & 0xfff8, frag & 1
			p.proto, p.at = data[p.at], p.at + (8 if p.proto == FRAGMENT else (data[p.at + 1] + 1) * 8)
	else:
		return None
	if p.offset:
		return p
	if p.proto in (TCP, UDP) and len(data) >= p.at + 4:
		p.sport, p.dport = struct.unpack_from("!HH", data, p.at)
	elif p.proto in ERRORS and len(data) > p.at:
		p.kind = data[p.at]
		if p.kind in ERRORS[p.proto] and p.kind != 5:
			p.quote = parse(data[p.at + 8:])
	return p


def checksum(data):
	if len(data) % 2:
		data += b"\0"
	total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
	while total >> 16:
		total = (total & 0xffff) + (total >> 16)
	return ~total & 0xffff


def ip_packet(family, src, dst, proto, payload, ttl=64, frag=None, ident=0):
	"""@frag: (offset, more)"""
	offset, more = frag or (0, 0)
	if family == 4:
		head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(payload), ident, more << 13 | offset // 8, ttl, proto, 0, src, dst)
		return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
	if frag:
		payload = struct.pack("!BBHI", proto, 0, offset | more, ident) + payload
		proto = FRAGMENT
	return struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + \
		src.to_bytes(16, "big") + dst.to_bytes(16, "big") + payload


def with_checksum(family, src, dst, proto, payload):
	at = CHECKSUM_AT[proto]
	pseudo = b""
	if proto != ICMP:
		size = 4 if family == 4 else 16
		pseudo = src.to_bytes(size, "big") + dst.to_bytes(size, "big") + struct.pack("!II", len(payload), proto)
	value = checksum(pseudo + payload)
	if proto == UDP:
		value = value or 0xffff
	return payload[:at] + struct.pack("!H", value) + payload[at + 2:]


def make(family, src, dst, proto, sport, dport, data, ttl=64, flags=SYN, seq=1000, ack=0, reply=False):
	"""A whole packet; of an echo @sport is the identifier."""
	if proto == UDP:
		payload = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
	elif proto == TCP:
		payload = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 0xffff, 0, 0) + data
	elif proto in ECHO:
		payload = struct.pack("!BBHHH", ECHO[proto][reply], 0, 0, sport & 0xffff, 1) + data
	else:
		return ip_packet(family, src, dst, proto, data, ttl)
	return ip_packet(family, src, dst, proto, with_checksum(family, src, dst, proto, payload), ttl)


def error_about(family, src, dst, kind, code, quoted, token, ttl=64):
	"""An ICMP error; the token is at the end of what it quotes."""
	proto = ICMP if family == 4 else ICMPV6
	p = parse(quoted)
	head = quoted[:p.at + 8].ljust(p.at + 8, b"\0")
	rest = 1300 if (proto, kind) in ((ICMP, 3), (ICMPV6, 2)) and code in (4, 0) else 0
	payload = struct.pack("!BBHI", kind, code, 0, rest) + head + token
	return ip_packet(family, src, dst, proto, with_checksum(family, src, dst, proto, payload), ttl)


def answer(p, token, ttl=64):
	"""What the other end says to the packet @p, or None."""
	if p.offset:
		return None
	if p.proto == UDP:
		return make(p.family, p.dst, p.src, UDP, p.dport, p.sport, token, ttl)
	if p.proto == TCP:
		seq, ack, offset, flags = struct.unpack_from("!IIBB", p.data, p.at + 4)
		if flags & RST:
			return None
		size = len(p.data) - p.at - (offset >> 4) * 4 + bool(flags & SYN)
		back = SYN | ACK if flags & (SYN | ACK) == SYN else PSH | ACK
		return make(p.family, p.dst, p.src, TCP, p.dport, p.sport, token, ttl,
			    flags=back, seq=ack if flags & ACK else 5000, ack=seq + size & 0xffffffff)
	if p.proto in ECHO and p.kind == ECHO[p.proto][0]:
		ident = struct.unpack_from("!H", p.data, p.at + 4)[0]
		return make(p.family, p.dst, p.src, p.proto, ident, 0, token, ttl, reply=True)
	return None


def fragments(packet, ident, size, token):
	"""@packet in fragments of @size octets, a token at the begin of each but the first."""
	p = parse(packet)
	payload, out = packet[p.at:], []
	for offset in range(0, len(payload), size):
		part = payload[offset:offset + size]
		if offset:
			part = (token + part)[:max(len(part), len(token))]
		more = offset + size < len(payload)
		ttl = packet[8] if p.family == 4 else packet[7]
		out.append(ip_packet(p.family, p.src, p.dst, p.proto, part, ttl, (offset, int(more)), ident))
	return out


# ---- the model: what must be true of every packet ----


class Entry(collections.namedtuple("Entry", "action tunnel family proto local remote lport rport")):
	"""Of an access list; ends are (least, greatest)."""

	def takes(self, p):
		return p.family == self.family and self.proto in (None, p.proto) and \
			self.local[0] <= p.src <= self.local[1] and self.remote[0] <= p.dst <= self.remote[1] and \
			port_in(self.lport, p.sport) and port_in(self.rport, p.dport)

	def __str__(self):
		def end(pair, ports):
			text = "-".join(ip_text(self.family, n) for n in (pair if pair[0] != pair[1] else pair[:1]))
			return text + ("" if ports is None else " port %d-%d" % ports)
		return "%s%s %s from %s to %s" % (self.action, "" if self.tunnel is None else " (tunnel %d)" % self.tunnel,
						  NAMES[self.proto], end(self.local, self.lport), end(self.remote, self.rport))


def port_in(ports, port):
	return ports is None or port is not None and ports[0] <= port <= ports[1]


def first(policy, p):
	"""The first entry that takes a packet decides."""
	return next((entry for entry in policy if entry.takes(p)), None)


def outbound(p):
	"""As whose packet one that leaves is judged: an ICMP error goes the way of what it quotes, back."""
	return p.quote.mirrored() if p.quote else p


def inbound(p):
	"""As whose packet one that arrives is judged: entries are written for packets that leave."""
	return outbound(p).mirrored()


def refused(entry):
	"""May no packet that this entry takes be in clear?"""
	return entry is not None and entry.action != "bypass"


# ---- the generator ----

HOSTS = {	# of each family: behind lan0 and lan1, the gateway's own, what NAT makes of them, beyond the WAN
	4: {"lan": ["10.1.0.10", "10.1.0.11", "10.1.0.77", "10.3.0.10"], "own": ["10.1.0.1", "192.0.2.1", "198.51.100.1"],
	    "nat": ["10.9.0.1", "10.1.0.99"], "far": ["10.2.0.10", "10.2.5.5", "10.4.0.10", "203.0.113.9", "192.0.2.2"]},
	6: {"lan": ["fd01::10", "fd01::11", "fd01::77", "fd03::10"], "own": ["fd01::1", "2001:db8::1", "2001:db8:1::1"],
	    "nat": ["fd09::1", "fd01::99"], "far": ["fd02::10", "fd02::5:5", "fd04::10", "2001:db8:ffff::9", "2001:db8::2"]},
}
LOCAL = {4: ["10.1.0.0/24"] * 4 + ["10.1.0.10/32", "10.3.0.0/24", "10.0.0.0/8", "10.9.0.0/24", "192.0.2.1/32", "0.0.0.0/0"],
	 6: ["fd01::/64"] * 4 + ["fd01::10/128", "fd03::/64", "fd00::/8", "fd09::/64", "2001:db8::1/128", "::/0"]}
REMOTE = {4: ["10.2.0.0/16"] * 4 + ["10.2.0.10/32", "10.2.5.0/24", "10.4.0.0/16", "203.0.113.0/24", "192.0.2.2/32", "239.1.0.0/16", "0.0.0.0/0"],
	  6: ["fd02::/64"] * 4 + ["fd02::10/128", "fd02::5:0/112", "fd04::/64", "2001:db8:ffff::/64", "2001:db8::2/128", "ff1e::/16", "::/0"]}
GROUPS = {4: "239.1.1.1", 6: "ff1e::1:1"}
ENDS = [("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "198.51.100.2"), ("192.0.2.1", "203.0.113.77"),
	("2001:db8::1", "2001:db8::2"), ("2001:db8:1::1", "2001:db8:1::2")]
PORTS = [7, 53, 500, 4500, 5000]
DEVICES = ("lan0", "lan1", "wan0", "wan1")

# rules of nftables: (chain, text); {N} is replaced by a choice of POOL[N]
CHAINS = {
	"pre_raw": "type filter hook prerouting priority raw;", "out_raw": "type filter hook output priority raw;",
	"pre_mangle": "type filter hook prerouting priority mangle;", "out_route": "type route hook output priority mangle;",
	"pre_nat": "type nat hook prerouting priority dstnat;", "out_nat": "type nat hook output priority -100;",
	"in_nat": "type nat hook input priority 100;",
	"input": "type filter hook input priority {P};", "forward": "type filter hook forward priority {P};",
	"output": "type filter hook output priority {P};", "post": "type filter hook postrouting priority {P};",
	"pre": "type filter hook prerouting priority {P};", "post_nat": "type nat hook postrouting priority srcnat;",
}
MATCHES = ["", "", "", "meta l4proto udp", "meta l4proto tcp", "meta l4proto { icmp, icmpv6 }", "ip saddr 10.1.0.0/24", "ip daddr 10.2.0.0/16",
	   "ip6 saddr fd01::/64", "ip6 daddr fd02::/64", "udp dport { 7, 5000 }", "udp sport 4500", "meta l4proto esp", "ct state new",
	   "ct state established", "ct direction reply", 'iifname "wan0"', 'iifname "nfipsec0"']
RULES = [
	(6, "post_nat", 'oifname "wan0" {M} masquerade'), (3, "post_nat", "{M} masquerade"),
	(2, "post_nat", 'oifname "wan0" meta l4proto udp masquerade to :4500'),
	(4, "post_nat", "ip saddr 10.1.0.0/24 {M4} snat ip to {S4}"), (2, "post_nat", "ip6 saddr fd01::/64 {M6} snat ip6 to {S6}"),
	(3, "post_nat", "ip saddr 10.3.0.0/24 snat ip to 10.1.0.99"), (1, "post_nat", "ip daddr 10.1.0.0/24 snat ip to 10.2.0.10"),
	(4, "pre_nat", "ip daddr {S4} {M4} dnat ip to {D4}"), (2, "pre_nat", "ip6 daddr {S6} {M6} dnat ip6 to {D6}"),
	(3, "pre_nat", "ip daddr {F4} {M4} dnat ip to {D4}"), (2, "pre_nat", "ip daddr 192.0.2.1 udp dport 7 dnat ip to {D4}"),
	(2, "pre_nat", "ip daddr {D4} udp dport 53 dnat ip to {D4}:5000"), (1, "pre_nat", "ip6 daddr {F6} dnat ip6 to {D6}"),
	(2, "out_nat", "ip daddr {F4} {M4} dnat ip to {F4}"), (1, "out_nat", "ip6 daddr {F6} dnat ip6 to {F6}"),
	(1, "in_nat", "ip saddr {F4} snat ip to {F4}"),
	(9, "forward", "{M} flow add @f"), (3, "forward", "ct state established flow add @f"),
	(2, "input", "{M} queue flags bypass to 0"), (3, "forward", "{M} queue flags bypass to 0"), (2, "output", "{M} queue flags bypass to 0"),
	(3, "post", "{M} queue flags bypass to 0"), (2, "pre", "{M} queue flags bypass to 0"), (1, "pre_raw", "{MR} queue flags bypass to 0"),
	(3, "pre_raw", "{MR} notrack"), (2, "out_raw", "{MR} notrack"),
	(3, "pre_mangle", "{M} meta mark set 1"), (3, "out_route", "{M} meta mark set 1"), (1, "out_route", "ip daddr {F4} ip daddr set {F4}"),
	(1, "post", "ip saddr 10.1.0.0/24 ip saddr set {S4}"), (1, "pre_raw", "ip saddr {F4} ip saddr set {F4}"),
	(1, "pre_raw", "ip daddr {S4} ip daddr set {D4}"), (1, "forward", "ip daddr {F4} ip daddr set {F4}"),
	(2, "forward", "{M} reject"), (1, "input", "{M} reject"), (1, "forward", "ip daddr {F4} meta l4proto tcp reject with tcp reset"),
	(1, "output", "{M} reject"), (1, "pre", "meta l4proto udp {M} reject"),
	(1, "pre_mangle", "ip ttl set 1"), (1, "pre_mangle", "ip6 hoplimit set 1"), (1, "forward", "tcp flags syn tcp option maxseg size set 500"),
	(1, "pre_mangle", "fib saddr . mark . iif oif missing drop"),
]
POOL = {"S4": ["10.9.0.1", "10.1.0.99", "192.0.2.1", "203.0.113.200"], "S6": ["fd09::1", "fd01::99", "2001:db8::1"],
	"D4": ["10.1.0.10", "10.1.0.11", "10.3.0.10", "10.1.0.1", "10.2.0.10"], "D6": ["fd01::10", "fd01::11", "fd01::1"],
	"F4": HOSTS[4]["far"], "F6": HOSTS[6]["far"], "M": MATCHES, "MR": [m for m in MATCHES if not m.startswith("ct")],
	"M4": ["", "", "meta l4proto udp", "ip daddr 10.2.0.0/16", 'iifname "wan0"', "meta mark 0"], "M6": ["", "", "meta l4proto udp"],
	"P": ["-301", "-200", "-150", "-99", "0", "0", "10", "100", "200", "300", "2147483646"]}
IP_RULES = [("mark", 1), ("iif", "lan0"), ("iif", "nfipsec0"), ("source", ("10.1.0.0", 24)), ("source", ("fd01::", 64)), ("source", ("192.0.2.1", 32))]
# routes beside the plain ones: (prefix, length, device, next hop, kind); None: the device is nfipsec0 or there is none
ROUTES = [("10.4.0.0", 16, "wan1", "198.51.100.2", 1), ("fd04::", 64, "wan1", "2001:db8:1::2", 1), ("10.2.0.0", 16, "wan1", "198.51.100.2", 1),
	  ("10.2.5.0", 24, None, None, 7), ("10.4.0.0", 16, None, None, 8), ("fd04::", 64, None, None, 7),
	  ("10.2.0.0", 16, "nfipsec0", None, 1), ("fd02::", 64, "nfipsec0", None, 1), ("10.2.0.0", 17, "lan1", "10.3.0.10", 1)]
SYSCTLS = [("ipv4/conf/{D}/rp_filter", 1), ("ipv4/conf/{D}/rp_filter", 2), ("ipv4/conf/{D}/accept_local", 1), ("ipv4/ip_early_demux", 0),
	   ("netfilter/nf_conntrack_checksum", 0), ("ipv4/conf/{D}/forwarding", 0), ("ipv4/icmp_errors_use_inbound_ifaddr", 1),
	   ("ipv4/ip_forward_use_pmtu", 1), ("ipv4/ip_no_pmtu_disc", 1), ("ipv6/conf/all/forwarding", 0), ("ipv4/conf/all/route_localnet", 1)]


def pick(rng, weighted):
	return rng.choices(weighted, [w[0] for w in weighted])[0][1:]


@functools.lru_cache(maxsize=None)
def net_range(prefix):
	net = ipaddress.ip_network(prefix)
	return int(net[0]), int(net[-1])


class Spec:
	"""Everything about a gateway, in lists from which the reducer may take away."""
	LISTS = ("actions", "rules", "ip_rules", "routes", "sysctls", "entries", "second", "options")

	def __init__(self, seed):
		rng = random.Random(seed)
		self.seed = seed
		self.options = [name for name, share in (("lan1", .3), ("wan1", .4), ("vrf-lan", .12), ("vrf-wan", .08), ("vrf-own", .05),
							 ("early", .15), ("flow-hw", 0)) if rng.random() < share]
		self.sysctls = [(name.replace("{D}", rng.choice(("all", "lan0", "wan0", "nfipsec0"))), value)
				for name, value in rng.sample(SYSCTLS, rng.choice((0, 0, 1, 2)))]
		self.tunnels = [self.tunnel(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
		self.entries = self.access_list(rng)
		self.second = self.access_list(rng) if rng.random() < .2 else []
		if self.second and rng.random() < .5:
			self.second = self.entries + self.second
		self.rules = [self.rule(rng) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4)))]
		self.priorities = {chain: rng.choice(POOL["P"]) for chain in CHAINS}
		self.flow_devices = rng.choice((("lan0", "wan0"), ("lan0", "lan1", "wan0", "wan1"), ("wan0",), ("lan0",), ("lan0", "wan0", "nfipsec0")))
		self.ip_rules = rng.sample(IP_RULES, rng.choice((0, 0, 0, 1, 2)))
		self.table = rng.choice((("wan1", "198.51.100.2", "2001:db8:1::2"), ("wan0", "192.0.2.2", "2001:db8::2"), ("lan1", "10.3.0.10", "fd03::10")))
		self.routes = rng.sample(ROUTES, rng.choice((0, 0, 0, 1, 2)))
		self.actions = [self.action(rng) for _ in range(rng.randint(8, 20))]
		if self.second:
			self.actions.insert(rng.randrange(len(self.actions)), ("reload", {}))
		if "early" in self.options:
			self.actions.insert(rng.randrange(len(self.actions)), ("load", {}))

	def tunnel(self, rng):
		local, remote = rng.choice(ENDS + ENDS[:1] * 4 + ENDS[3:4])
		transport = rng.random() < .15
		return {"local": local, "remote": remote, "mode": "transport" if transport else "tunnel", "encap": rng.random() < .2,
			"sa": rng.random() < .85}

	def access_list(self, rng):
		out = []
		for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6))):
			family, plain = rng.choice((4, 4, 6)), not out and rng.random() < .5
			local, remote = net_range(rng.choice(LOCAL[family][:plain or None])), net_range(rng.choice(REMOTE[family][:plain or None]))
			proto = None if plain else rng.choice((None, None, None, None, UDP, TCP, ICMP if family == 4 else ICMPV6))
			lport = rport = None
			if proto in (UDP, TCP):
				ports = [None, None, (rng.choice(PORTS),) * 2, (1024, 65535), (0, 1023)]
				lport, rport = rng.choice(ports), rng.choice(ports)
			action, tunnel = "protect" if plain else rng.choice(("protect",) * 6 + ("bypass",) * 2 + ("discard",) * 2), None
			if action == "protect":
				tunnel = rng.randrange(len(self.tunnels))
				t = self.tunnels[tunnel]
				if t["mode"] == "transport":
					family = 6 if ":" in t["local"] else 4
					local, remote = (number(t["local"]),) * 2, (number(t["remote"]),) * 2
					proto = proto if proto in (None, UDP, TCP) else None
			out.append(Entry(action, tunnel, family, proto, local, remote, lport, rport))
		# the idiom of the guide: what the tunnel does not take goes nowhere
		for e in [e for e in out if e.action == "protect"]:
			if rng.random() < .15:
				out.append(e._replace(action="discard", tunnel=None, local=net_range("0.0.0.0/0" if e.family == 4 else "::/0"), lport=None))
		return out

	def rule(self, rng):
		chain, text = pick(rng, RULES)
		for name in re.findall(r"\{(\w+)\}", text):
			if name in POOL:
				text = text.replace("{%s}" % name, rng.choice(POOL[name]), 1)
		return chain, re.sub(" +", " ", text).strip()

	def hosts(self, family, *kinds):
		return [number(h) for kind in kinds for h in HOSTS[family][kind]]

	def action(self, rng):
		kind = rng.choices(("flow", "attack", "quote", "group", "wait", "nfipsec0", "mtu"), (60, 22, 14, 3, 1, .5, .5))[0]
		if kind == "flow":
			return kind, self.flow(rng)
		if kind in ("attack", "quote"):
			return kind, {"which": rng.randrange(100), "wire": rng.choice(("wan0", "wan0", "wan0", "wan1", "lan0", "lan1")), "how": rng.randrange(100),
				      "code": rng.randrange(100), "from": rng.randrange(100)}
		return kind, {"family": rng.choice((4, 6)), "from": rng.choice(("own", "wan0", "lan0")), "value": rng.choice((1280, 1400, 900))}

	def flow(self, rng):
		"""One direction of a conversation, most often one that an entry takes."""
		entry = rng.choice(self.entries + self.second) if rng.random() < .75 else None
		family = entry.family if entry else rng.choice((4, 4, 6))
		local = self.hosts(family, "lan", "lan", "lan", "own", "nat")
		remote = self.hosts(family, "far") + [number(HOSTS[family]["far"][0])] * 3
		proto, lport, rport = rng.choice((UDP, UDP, UDP, TCP, TCP, ICMP, ICMP, 47)), rng.choice(PORTS + [1025, 40000]), rng.choice(PORTS)
		if entry:
			local = [a for a in local if entry.local[0] <= a <= entry.local[1]] or local
			remote = [a for a in remote if entry.remote[0] <= a <= entry.remote[1]] or remote
			if entry.proto:
				proto = entry.proto
			if entry.lport and rng.random() < .9:
				lport = rng.randint(*entry.lport)
			if entry.rport and rng.random() < .9:
				rport = rng.randint(*entry.rport)
		if proto in (ICMP, ICMPV6):
			proto = ICMP if family == 4 else ICMPV6
		local, remote = rng.choice(local), rng.choice(remote)
		if family == 4 and rng.random() < .1:
			local = number(rng.choice(HOSTS[4]["nat"] + HOSTS[4]["own"]))
		place = rng.choices(("lan", "own", "wan", "tunnel"), (45, 20, 15, 20))[0]
		out = {"place": place, "family": family, "proto": proto, "local": local, "remote": remote, "lport": lport, "rport": rport,
		       "rounds": rng.choice((1, 2, 4, 6)), "ttl": rng.choice((64,) * 8 + (1, 2)), "size": rng.choice((20,) * 6 + (600, 1400, 1440)),
		       "cut": rng.random() < .12, "tunnel": rng.randrange(len(self.tunnels)), "wire": rng.choice(("0", "0", "0", "1")),
		       "bound": rng.random() < .5, "code": rng.randrange(100)}
		if entry and entry.tunnel is not None and rng.random() < .9:
			out["tunnel"] = entry.tunnel
		return out

	def ruleset(self):
		chains = collections.OrderedDict()
		for chain, text in self.rules:
			chains.setdefault(chain, []).append(text)
		out = ""
		if any("@f" in text for _, text in self.rules):
			devices = [d for d in self.flow_devices if self.has(d)]
			out += "flowtable f { hook ingress priority 0; devices = { %s }; }\n" % ", ".join(devices)
		for chain, texts in chains.items():
			out += "chain %s { %s %s; }\n" % (chain, CHAINS[chain].replace("{P}", self.priorities[chain]), "; ".join(texts))
		return "table inet t {\n%s}\n" % out if out else ""

	def has(self, device):
		return device not in ("lan1", "wan1") or device in self.options

	def policy(self, entries):
		return entries

	def text(self):
		out = ["options: " + " ".join(self.options)]
		out += ["tunnel %d: %s" % (i, t) for i, t in enumerate(self.tunnels)]
		out += [str(e) for e in self.entries]
		out += ["second: " + str(e) for e in self.second]
		out += self.ruleset().splitlines()
		out += ["ip rule %s %s -> via %s" % (*r, self.table[0]) for r in self.ip_rules]
		out += ["route %s/%d dev %s via %s kind %d" % r for r in self.routes]
		out += ["sysctl %s=%s" % s for s in self.sysctls]
		for kind, a in self.actions:
			a = dict(a)
			for end in ("local", "remote"):
				if end in a:
					a[end] = ip_text(a["family"], a[end])
			out.append("%s %s" % (kind, " ".join("%s=%s" % i for i in a.items())))
		return "\n".join("  " + line for line in out)


# ---- the gateway ----

KEY = bytes(range(32))


def esp_of(p):
	"""What may be ESP in a packet, by itself or in UDP."""
	esp = p.data[p.at:] if p.proto == ESP else p.data[p.at + 8:] if p.proto == UDP and not p.offset else b""
	return esp if len(esp) > 26 else b""


def is_sealed(esp):
	return len(esp) > 26 and hmac.digest(KEY, esp[:-16], "sha256")[:16] == esp[-16:]


class Tunnel:
	"""The peer's end: opens what the gateway sends, seals what is for it."""

	def __init__(self, index, spec):
		self.index, self.spec = index, spec
		self.spi_out, self.spi_in = 0x1000 + index, 0x2000 + index
		self.family = 6 if ":" in spec["local"] else 4
		self.local, self.remote = number(spec["local"]), number(spec["remote"])
		self.seq, self.installed = 0, False
		self.wire = "wan1" if spec["local"] in ("198.51.100.1", "2001:db8:1::1") else "wan0"

	def addressed(self, packet):
		"""What of @packet the tunnel can carry; in transport mode it goes from the peer to the gateway."""
		if self.spec["mode"] == "tunnel":
			return packet
		p = parse(packet)
		payload = packet[p.at:]
		if p.proto in (TCP, UDP, ICMP, ICMPV6):
			at = CHECKSUM_AT[p.proto]
			payload = with_checksum(p.family, self.remote, self.local, p.proto, payload[:at] + b"\0\0" + payload[at + 2:])
		return ip_packet(p.family, self.remote, self.local, p.proto, payload)

	def seal(self, packet):
		"""The ESP packet from the peer."""
		p = parse(packet)
		self.seq += 1
		if self.spec["mode"] == "transport":
			payload, kind = packet[p.at:], p.proto
		else:
			payload, kind = packet, 4 if p.family == 4 else 41
		pad = -(len(payload) + 2) % 4
		esp = struct.pack("!II", self.spi_in, self.seq) + payload + bytes(range(1, pad + 1)) + bytes((pad, kind))
		esp += hmac.digest(KEY, esp, "sha256")[:16]
		proto = ESP
		if self.spec["encap"]:
			esp, proto = struct.pack("!HHHH", 4500, 4500, 8 + len(esp), 0) + esp, UDP
			if self.family == 6:
				esp = with_checksum(6, self.remote, self.local, UDP, esp)
		return ip_packet(self.family, self.remote, self.local, proto, esp)

	def open(self, p, esp):
		"""The inner packet, or None. NAT may have changed the outer addresses."""
		if not is_sealed(esp):
			return None
		payload, pad, kind = esp[8:-16], esp[-18], esp[-17]
		payload = payload[:len(payload) - 2 - pad]
		if kind in (4, 41):
			return parse(payload)
		return parse(ip_packet(p.family, p.src, p.dst, kind, payload))


Event = collections.namedtuple("Event", "place where packet")	# "wire" name, "tunnel" Tunnel, "own" socket
Sent = collections.namedtuple("Sent", "place where packet")


class Finding(collections.namedtuple("Finding", "kind text")):
	pass


class Gateway:
	count = 0

	def __init__(self, spec, home, blind=False, patience=0):
		self.spec, self.home, self.blind, self.patience = spec, home, blind, patience
		self.findings, self.policy, self.sums = [], [], collections.Counter()
		self.events, self.sent, self.partial = {}, {}, {}
		self.tunnels = [Tunnel(i, t) for i, t in enumerate(spec.tunnels)]
		self.by_spi = {t.spi_out: t for t in self.tunnels}
		self.sockets, self.wires, self.conversations, self.next_token = [], {}, [], 0
		self.silent, self.poll, self.readers = [], select.epoll(), {}
		Gateway.count += 1
		self.ns = Namespace()
		self.links()
		with inside(self.ns, home):
			self.configure()

	def links(self):
		self.devices = [d for d in DEVICES if self.spec.has(d)]
		net = Rtnetlink()
		names = {}
		for i, device in enumerate(self.devices):
			names[device] = "%s.%d" % (device, Gateway.count)
			# the kernel takes the far end's number only if the near end has one, too
			net.veth(names[device], 1000 + 4 * Gateway.count + i, bytes((2, 0, 0, 0, 1, i)), device, self.index(device), self.mac(device), self.ns.fd)
		net.flush()
		net.close()
		net = Rtnetlink()
		for device in self.devices:
			index = socket.if_nametoindex(names[device])
			net.link(index, up=True)
			net.flush()
			self.wires[device] = Wire(names[device], self.mac(device), bytes((2, 0, 0, 0, 2, 0)))
			self.watch(self.wires[device].s, self.arrived, device)
		net.close()

	def index(self, device):
		return 10 + ("lan0", "lan1", "wan0", "wan1", "vrf0").index(device)

	def mac(self, device):
		return bytes((2, 0, 0, 0, 0, self.index(device)))

	# -- inside the namespace --

	def configure(self):
		spec = self.spec
		sysctl("ipv4/ip_forward", 1)
		for name in ("ipv6/conf/all/forwarding", "ipv4/udp_l3mdev_accept", "ipv4/tcp_l3mdev_accept", "ipv4/raw_l3mdev_accept",
			     "netfilter/nf_conntrack_tcp_be_liberal"):
			sysctl(name, 1)
		for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit", "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter",
			     "ipv6/conf/default/accept_dad", "ipv4/icmp_msgs_per_sec"):
			sysctl(name, 0 if name != "ipv4/icmp_msgs_per_sec" else 100000)
		sysctl("ipv6/conf/default/addr_gen_mode", 1)
		self.net = Rtnetlink()
		self.addresses()
		self.nf = None if self.blind else nfnl.Nfipsec()
		if "early" not in spec.options:
			self.load(spec.entries)
		self.nft = Nftables()
		script = spec.ruleset()
		self.queue = Queue()
		self.watch(self.queue.s, Queue.accept, self.queue)
		self.net.flush()
		for prefix, length, device, via, kind in spec.routes:
			if device and device not in self.devices and device != "nfipsec0":
				continue
			index = (self.if_index(device) if device == "nfipsec0" else self.index(device)) if device else 0
			if device and not index:
				continue
			for table in self.tables:
				self.net.route(prefix, length, index, via, table, kind)
		self.net.flush()
		if "vrf-own" in spec.options and self.vrf and self.if_index("nfipsec0"):
			self.net.link(self.if_index("nfipsec0"), master=self.index("vrf0"))
			self.net.flush()
		for name, value in spec.sysctls:
			sysctl(name, value)
		if script:
			self.nft.run(script)
		self.listeners()

	@staticmethod
	def if_index(name):
		try:
			return socket.if_nametoindex(name)
		except OSError:
			return 0

	def addresses(self):
		net, spec = self.net, self.spec
		net.link(1, up=True)
		enslaved = [d for d in self.devices if "vrf-" + d[:3] in spec.options]
		self.vrf = bool(enslaved) or "vrf-own" in spec.options
		self.tables = [254] + ([50] if self.vrf else [])
		if self.vrf:
			net.new_link("vrf", "vrf0", self.index("vrf0"), nfnl.attr(1, struct.pack("=I", 50)))
			net.link(self.index("vrf0"), up=True)
			for d in enslaved:
				net.link(self.index(d), master=self.index("vrf0"))
		nets = {"lan0": ("10.1.0", "fd01:"), "lan1": ("10.3.0", "fd03:"), "wan0": ("192.0.2", "2001:db8:"), "wan1": ("198.51.100", "2001:db8:1:")}
		for d in self.devices:
			four, six = nets[d]
			index = self.index(d)
			net.link(index, up=True)
			net.address(index, four + ".1", 24)
			net.address(index, six + ":1", 64)
			for host in (("10", "11", "99") if d.startswith("lan") else ("2",)):
				net.neighbour(index, "%s.%s" % (four, host), bytes((2, 0, 0, 0, 2, 0)))
				net.neighbour(index, "%s:%s" % (six, host), bytes((2, 0, 0, 0, 2, 0)))
			for table in self.tables:
				# across the VRF's border, too
				net.route(four + ".0", 24, index, None, table)
				net.route(six + ":", 64, index, None, table)
		for table in self.tables:
			net.route("0.0.0.0", 0, self.index("wan0"), "192.0.2.2", table)
			net.route("::", 0, self.index("wan0"), "2001:db8::2", table)
		device, four, six = spec.table
		if device in self.devices:
			net.route("0.0.0.0", 0, self.index(device), four, 101)
			net.route("::", 0, self.index(device), six, 101)
			for i, (what, value) in enumerate(spec.ip_rules):
				for family in (4, 6):
					if what != "source" or (":" in value[0]) == (family == 6):
						net.rule(family, 1000 + i, 101, **{what: value})
		net.flush()

	def listeners(self):
		for family in (4, 6):
			for proto in (UDP, TCP, ICMP if family == 4 else ICMPV6, 47):
				self.keep(socket.socket(af(family), socket.SOCK_RAW, proto))
			for port in PORTS:
				s = self.keep(socket.socket(af(family), socket.SOCK_DGRAM))
				if family == 6:
					s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
				s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
				s.bind(("", port))
			s = socket.socket(af(family), socket.SOCK_STREAM)
			if family == 6:
				s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
			s.bind(("", 7))
			s.listen(50)
			self.silent.append(s)
		self.join()

	def join(self):
		index = self.index("wan0")
		s4, s6 = (next(s for s in self.sockets if s.family == f and s.type == socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6))
		s4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUPS[4]) + bytes(4) + struct.pack("=i", index))
		s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, octets(GROUPS[6]) + struct.pack("=i", index))

	def keep(self, s):
		s.setblocking(False)
		self.sockets.append(s)
		self.watch(s, self.heard, s)
		return s

	def load(self, entries):
		"""The policy, in the model and, if that is not all, in the kernel; then the SAs."""
		self.settle() if self.policy else None
		self.policy = list(entries)
		if self.blind:
			return
		values = []
		for t in self.tunnels:
			values.append(("tunnel", {"name": "p/t%d" % t.index, "local": octets(t.spec["local"]), "remote": octets(t.spec["remote"]),
						  "mode": t.spec["mode"]}))
		for i, e in enumerate(entries):
			size = 4 if e.family == 4 else 16
			sel = {} if e.proto is None else {"proto": e.proto}
			for name, pair in (("saddr", e.local), ("daddr", e.remote)):
				sel[name + "-min"], sel[name + "-max"] = (n.to_bytes(size, "big") for n in pair)
			for name, pair in (("sport", e.lport), ("dport", e.rport)):
				if pair:
					sel[name + "-min"], sel[name + "-max"] = pair
			entry = {"list": "a", "number": i + 1, "action": e.action, "selector": sel}
			if e.tunnel is not None:
				entry["tunnel"] = "p/t%d" % e.tunnel
			values.append(("entry", entry))
		self.nf.do("policy-set", values)
		used = {e.tunnel for e in entries}
		for t in self.tunnels:
			if t.spec["sa"] and t.index in used and not t.installed:
				self.install(t)
				t.installed = True

	def install(self, t):
		for direction, spi in (("in", t.spi_in), ("out", t.spi_out)):
			sa = {"proto": 50, "spi": spi, "dir": direction, "mode": t.spec["mode"], "tunnel": "p/t%d" % t.index, "local": octets(t.spec["local"]),
			      "remote": octets(t.spec["remote"]), "encr": "null", "integ": "hmac-sha2-256-128", "integ-key": KEY}
			if t.spec["encap"]:
				sa["encap-local-port"] = sa["encap-remote-port"] = 4500
			self.nf.do("sa-add", [("sa", sa)])

	def close(self):
		for s in self.sockets + self.silent:
			s.close()
		for wire in self.wires.values():
			wire.close()
		self.queue.close()
		self.net.close()
		if self.nf:
			self.nf.sock.s.close()
		self.nft.close()
		self.poll.close()
		self.ns.close()

	# -- what is sent --

	def token(self):
		self.next_token += 1
		return b"<%08x>" % self.next_token

	def note(self, token, place, where, packet):
		self.sent[int(token[1:-1], 16)] = Sent(place, where, packet)

	def inject(self, wire, packets, token, whole=None, to=None):
		"""Writes to a wire what is one packet, or its fragments."""
		wire = wire if wire in self.wires else wire[:3] + "0"
		self.note(token, "wire", wire, parse(whole or packets[0]))
		for packet in packets:
			self.wires[wire].send(packet, to)
		self.settle()

	def inject_sealed(self, tunnel, packets, token, whole=None):
		wire = tunnel.wire if tunnel.wire in self.wires else "wan0"
		packets = [tunnel.addressed(packet) for packet in packets]
		whole = packets[0] if len(packets) == 1 else whole
		sealed = [tunnel.seal(packet) for packet in packets]
		if tunnel.installed:
			self.note(token, "tunnel", tunnel, parse(whole or packets[0]))
		else:		# the gateway cannot open it, so it is a packet like any other
			self.note(token, "wire", wire, parse(sealed[0]))
		for packet in sealed:
			self.wires[wire].send(packet)
		self.settle()

	# -- what is seen --

	def settle(self):
		"""Reads until there is nothing more: what the gateway does with a packet it does at once."""
		while True:
			ready = self.poll.poll(0)
			if not ready:
				return
			for fd, _ in ready:
				read, thing = self.readers[fd]
				read(thing)

	def watch(self, s, read, thing):
		self.poll.register(s.fileno(), select.EPOLLIN)
		self.readers[s.fileno()] = read, thing

	def arrived(self, device):
		for data in self.wires[device].seen():
			self.emerged(device, data)

	def heard(self, s):
		while True:
			try:
				data = s.recv(1 << 16)
			except BlockingIOError:
				return
			except OSError:
				data = b""
			if not data and s.type == socket.SOCK_STREAM:
				self.poll.unregister(s.fileno())	# reset, refused, or at its end: it would say so for ever
				return
			if not data:
				return
			quoting = s.type == socket.SOCK_RAW and s.proto in ERRORS and \
				data[(data[0] & 15) * 4 if s.proto == ICMP else 0] in ERRORS[s.proto]
			for token in TOKEN.findall(data):
				self.delivered(int(token, 16), "own", s, None, quoting)

	def emerged(self, wire, data):
		p = parse(data)
		if p is None:
			return
		if p.offset or p.more:
			p = self.reassembled(wire, p)
			if p is None:
				return
		esp = esp_of(p)
		tunnel = self.by_spi.get(int.from_bytes(esp[:4], "big"))
		inner = tunnel and tunnel.open(p, esp)
		if inner:
			self.carried(tunnel, inner)
		else:
			self.clear(wire, p)

	def reassembled(self, wire, p):
		key = wire, p.src, p.dst, p.ident, p.proto
		parts = self.partial.setdefault(key, [])
		parts.append(p)
		at, body = 0, b""
		for part in sorted(parts, key=lambda q: q.offset):
			if part.offset > at:
				return None
			body += part.data[part.at:][at - part.offset:]
			at = len(body)
		if part.more or parts[0].offset and not any(q.offset == 0 for q in parts):
			return None
		del self.partial[key]
		return parse(ip_packet(p.family, p.src, p.dst, p.proto, body))

	def housekeeping(self, p):
		"""What the host says to its link; no traffic for an access list."""
		return p.proto == IGMP or p.proto == ICMPV6 and p.kind in (130, 131, 132, 133, 134, 135, 136, 137, 143)

	def clear(self, wire, p):
		if self.housekeeping(p):
			return
		entry = first(self.policy, outbound(p))
		self.sums["clear"] += 1
		if refused(entry) and not self.ours(p.quote):
			self.finding("leak", "%s in clear on %s, which is for: %s" % (p, wire, entry))
		# what is still sealed was not taken, but sent on like any other packet
		if not is_sealed(esp_of(p)):
			self.tokens(p, "wire", wire)

	def carried(self, tunnel, p):
		self.sums["carried"] += 1
		# an error may go by its own addresses as well: RFC 4301 6.2
		entries = [first(self.policy, outbound(p)), first(self.policy, p)]
		if not p.offset and not p.more and not any(e and e.tunnel == tunnel.index for e in entries):
			self.finding("astray", "%s in tunnel %d, which is for: %s" % (p, tunnel.index, entries[0]))
		self.tokens(p, "tunnel", tunnel)

	def tokens(self, p, place, where):
		for token in TOKEN.findall(p.data):
			self.delivered(int(token, 16), place, where, p, p.quote is not None)

	def delivered(self, token, place, where, p, quoting):
		"""A packet of ours came through, as @p; or the gateway only quotes it."""
		sent = self.sent.get(token)
		if sent is None or quoting and not (sent.packet and sent.packet.quote):
			self.sums["quoted"] += 1
			return
		self.events[token] = Event(place, where, p)
		if sent.place == "own":
			return
		entry = first(self.policy, inbound(sent.packet))
		target = "%s %s" % (place, where.index if place == "tunnel" else where if place == "wire" else "")
		if sent.place == "wire":
			self.sums["passed"] += 1
			if refused(entry) and not self.ours(sent.packet.quote):
				self.finding("intrusion", "%s came in clear on %s and was taken, to %s as (%s), though: %s" % (
					sent.packet, sent.where, target, p, entry))
		elif sent.place == "tunnel":
			self.sums["opened"] += 1
			entries = [entry, first(self.policy, sent.packet.mirrored())]
			if not any(e and e.tunnel == sent.where.index for e in entries):
				self.finding("foreign", "%s came in tunnel %d and was taken, to %s as (%s), though: %s" % (
					sent.packet, sent.where.index, target, p, entry))

	def ours(self, quote):
		"""An error about our own ESP says something of the path, not of what is protected."""
		return quote and any({quote.src, quote.dst} == {t.local, t.remote} for t in self.tunnels) and \
			(quote.proto == ESP or quote.proto == UDP and quote.sport == quote.dport == 4500)

	def finding(self, kind, text):
		self.findings.append(Finding(kind, text))

	def finish(self):
		time.sleep(self.patience)
		self.settle()
		for parts in self.partial.values():		# whose first part is not there
			for p in parts:
				entry = first(self.policy, p)
				if refused(entry):
					self.finding("leak", "%s in clear on a wire, which is for: %s" % (p, entry))


# ---- the actions ----


class Traffic:
	"""What is done with a gateway."""

	def __init__(self, gateway):
		self.gw, self.spec = gateway, gateway.spec
		self.known = []		# the last event of each conversation

	def run(self):
		for kind, a in self.spec.actions:
			getattr(self, kind)(**a)

	def load(self):
		with inside(self.gw.ns, self.gw.home):
			self.gw.load(self.spec.entries)

	def reload(self):
		if self.gw.policy:
			with inside(self.gw.ns, self.gw.home):
				self.gw.load(self.spec.second)

	def nfipsec0(self, **_):
		with inside(self.gw.ns, self.gw.home):
			index = self.gw.if_index("nfipsec0")
			if index:
				self.gw.net.link(index, up=False)
				self.gw.net.flush()
				self.gw.net.link(index, up=True)
				self.gw.net.flush()

	def wait(self, **_):
		"""Till neighbours that do not answer are given up."""
		time.sleep(4 if os.environ.get("NFIPSEC_TIME") in ("virtual", "free") else 0)
		self.gw.settle()

	def mtu(self, value, **_):
		with inside(self.gw.ns, self.gw.home):
			self.gw.net.link(self.gw.index("wan0"), mtu=max(value, 1280))
			self.gw.net.flush()

	def group(self, family, **a):
		"""Multicast: from the gateway, or from a wire in clear."""
		gw, token, group = self.gw, self.gw.token(), GROUPS[family]
		if a["from"] == "own":
			with inside(gw.ns, gw.home):
				s = gw.keep(socket.socket(af(family), socket.SOCK_DGRAM))
				if family == 4:
					s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, bytes(8) + struct.pack("=i", gw.index("wan0")))
				else:
					s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, gw.index("wan0"))
				gw.note(token, "own", s, None)
				self.send(s, token, (group, 7))
			gw.settle()
			return
		src, dst = number(HOSTS[family]["far" if a["from"] == "wan0" else "lan"][0]), number(group)
		to = (b"\1\0\x5e" + octets(group)[1:]) if family == 4 else b"\x33\x33" + octets(group)[12:]
		gw.inject(a["from"], [make(family, src, dst, UDP, 7, 7, token)], token, to=to)

	@staticmethod
	def send(s, data, to):
		try:
			s.sendto(data, to)
		except OSError:
			pass

	def flow(self, place, family, proto, local, remote, lport, rport, rounds, ttl, size, cut, tunnel, wire, bound, code):
		gw, token = self.gw, self.gw.token()
		data = token + b"x" * (size - 10)
		if place == "own":
			self.own(family, proto, local, remote, lport, rport, ttl, data, token, bound, code)
		else:
			ends = (local, remote, lport, rport) if place == "lan" else (remote, local, rport, lport)
			packet = make(family, ends[0], ends[1], proto, ends[2], ends[3], data, ttl)
			packets = fragments(packet, gw.next_token, 496, token) if cut and size > 496 else [packet]
			if place == "tunnel":
				if gw.tunnels[tunnel].spec["mode"] == "transport" and (gw.tunnels[tunnel].family != family or len(packets) > 1):
					return
				gw.inject_sealed(gw.tunnels[tunnel], packets, token, packet)
			else:
				gw.inject(place + wire, packets, token, packet)
		self.converse(token, rounds)

	def own(self, family, proto, local, remote, lport, rport, ttl, data, token, bound, code):
		"""From a socket of the gateway."""
		gw, source = self.gw, ip_text(family, local)
		if proto not in (UDP, TCP):
			kind, number_ = (socket.SOCK_RAW, proto) if proto in ECHO else (socket.SOCK_RAW, 47)
		else:
			kind, number_ = (socket.SOCK_DGRAM if proto == UDP else socket.SOCK_STREAM), 0
		with inside(gw.ns, gw.home):
			s = socket.socket(af(family), kind, number_)
			s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			if gw.vrf and code % 2:
				s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"vrf0")
			if family == 4:
				s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
			else:
				s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
			try:
				s.bind((source if bound and source in HOSTS[family]["own"] else "", lport))
			except OSError:
				pass		# in use, or the gateway has no such address
			gw.keep(s)
			gw.note(token, "own", s, None)
			to = ip_text(family, remote)
			try:
				if proto == TCP:
					s.connect_ex((to, rport))
				elif proto in ECHO:
					s.sendto(make(family, 0, 0, proto, lport, 0, data)[20 if family == 4 else 40:], (to, 0))
				else:
					if code % 3 == 0:
						s.connect((to, rport))
						s.send(data)
					else:
						s.sendto(data, (to, rport))
			except OSError:
				pass
		gw.settle()

	def converse(self, token, rounds):
		"""Whoever sees the packet answers, in the same way as it came."""
		gw = self.gw
		for _ in range(rounds):
			event = gw.events.get(int(token[1:-1], 16))
			if event is None or event.packet is None or event.packet.quote:
				return
			self.known.append(event)
			token = gw.token()
			packet = answer(event.packet, token)
			if packet is None:
				return
			if event.place == "wire":
				gw.inject(event.where, [packet], token)
			else:
				gw.inject_sealed(event.where, [packet], token)

	def attack(self, which, wire, how, code, **_):
		"""In clear, what belongs to a conversation that was seen."""
		if not self.known:
			return
		gw, p, token = self.gw, self.known[which % len(self.known)].packet, self.gw.token()
		if how % 3 == 0:
			packet = make(p.family, p.src, p.dst, p.proto, p.sport or 7, p.dport or 7, token)
		else:
			packet = answer(p, token) or make(p.family, p.dst, p.src, p.proto, p.dport or 7, p.sport or 7, token)
		packets = fragments(packet, gw.next_token, 16, token) if how % 7 == 0 and len(packet) > 60 else [packet]
		gw.inject(wire, packets, token, packet)

	def quote(self, which, wire, how, code, **a):
		"""An ICMP error about a packet that was seen, in clear or from the tunnel that carried it."""
		if not self.known:
			return
		gw, event, token = self.gw, self.known[which % len(self.known)], self.gw.token()
		p = event.packet
		kind = (ERRORS[ICMP] if p.family == 4 else ERRORS[ICMPV6])[code % 4]
		if kind == 5:
			kind = 3
		routers = [number(h) for h in HOSTS[p.family]["far"]] + [p.dst]
		packet = error_about(p.family, routers[a["from"] % len(routers)], p.src, kind, code % 5, p.data, token)
		if how % 2 and event.place == "tunnel":
			gw.inject_sealed(event.where, [packet], token)
		else:
			gw.inject(wire, [packet], token)


# ---- a run ----


def run(spec, home, blind=False, patience=0):
	gw = Gateway(spec, home, blind, patience)
	try:
		Traffic(gw).run()
		gw.finish()
	finally:
		gw.close()
	return gw


def still(spec, home, kind, blind):
	try:
		return any(f.kind == kind for f in run(spec, home, blind).findings)
	except OSError:
		return False


def reduce(spec, home, kind, blind):
	"""Takes away what the finding does not need."""
	shrunk = True
	while shrunk:
		shrunk = False
		for name in spec.LISTS:
			i = len(getattr(spec, name)) - 1
			while i >= 0:
				whole = getattr(spec, name)
				setattr(spec, name, whole[:i] + whole[i + 1:])
				if still(spec, home, kind, blind):
					shrunk = True
				else:
					setattr(spec, name, whole)
				i -= 1
	return spec


def main():
	options = argparse.ArgumentParser()
	options.add_argument("--seed", type=int, default=None)
	options.add_argument("--gateways", type=int, default=1000)
	options.add_argument("--blind", action="store_true")
	options.add_argument("--reduce", action="store_true")
	options.add_argument("--show", action="store_true")
	options.add_argument("--most", type=int, default=20, help="findings to print")
	args = options.parse_args()
	seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
	patience = 0.001 if os.environ.get("NFIPSEC_KERNEL", "").startswith("uml") else 0.02
	Namespace().enter()
	home = Namespace(new=False)
	sysctl("ipv6/conf/default/disable_ipv6", 1)
	nfnl.the_spec()
	sums, kinds, bad, began = collections.Counter(), collections.Counter(), 0, time.monotonic()
	print("seed %d, %d gateways" % (seed, args.gateways), flush=True)
	for i in range(args.gateways):
		spec = Spec(seed + i)
		if args.show:
			print(spec.text(), flush=True)
		try:
			gw = run(spec, home, args.blind, patience)
		except Exception as error:
			print("gateway of seed %d: %s: %s\n%s" % (seed + i, type(error).__name__, error, spec.text()), flush=True)
			raise
		sums.update(gw.sums)
		sums["packets"] += gw.next_token
		if gw.findings:
			bad += 1
			for kind in {f.kind for f in gw.findings}:
				kinds[kind] += 1
				if bad <= args.most:
					text = next(f.text for f in gw.findings if f.kind == kind)
					print("NFIPSEC_SEED=%d %s: %s" % (seed + i, kind, text), flush=True)
					if args.reduce:
						print(reduce(Spec(seed + i), home, kind, args.blind).text(), flush=True)
		if i % 20 == 19:
			time.sleep(.05)		# namespaces go away
	print("%d s; %s" % (time.monotonic() - began, ", ".join("%s %d" % s for s in sorted(sums.items()))))
	for kind in ("leak", "astray", "intrusion", "foreign"):
		print("%s: %d gateways" % (kind, kinds[kind]))
	return bool(bad)


if __name__ == "__main__":
	sys.exit(main())
