#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
ICMP errors and the packets that they quote: `icmp-errors.py CASE FAMILY`, a function of this
file with "case_" before its name, and 4 or 6. nfipsec is in gw-a. This script is the peer in
gw-b, octet by octet, and a router in site-a (the picture is in sites-lib.sh). It says what is
wrong and exits 1, or exits 0.
"""
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
from boundary import (ETH_P_ALL, FRAGMENT, ICMP, ICMPV6, KEY, NAMES, NETS, SALT, SPI, Gateway, Wire,
		      addr, enter, esp, expect, ip, listener, mac, main, octets, outer, set_in)
from ipsec import DSTOPTS, ESP, HOPOPTS, UDP, Sa, checksum, extension, ipv4, ipv6, udp

TCP = 6
SPI_OUT = 0x1001
WAIT = 30	# seconds for what must come; it comes at once, unless the machine is slow
OUT = Sa("aes128gcm16", SPI_OUT, key=KEY, salt=SALT)
ROUTER = {4: "172.16.1.2", 6: "fd16::2"}	# in no access list
ELSEWHERE = {4: "172.16.9.9", 6: "fd16:9::9"}	# neither
NOBODY = {4: "10.1.0.77", 6: "fd01::77"}	# in site A, and not there
# (type, code) of the errors, by their names in RFC 792 and RFC 4443
UNREACHABLE = {4: (3, 1), 6: (1, 3)}
PORT = {4: (3, 3), 6: (1, 4)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}
TIME = {4: (11, 0), 6: (3, 0)}
PROBLEM = {4: (12, 0), 6: (4, 0)}
REDIRECT = {4: (5, 1), 6: (137, 0)}


# ---- packets ----


def proto_icmp(family):
	return ICMP if family == 4 else ICMPV6


def make(src, dst, proto, payload, **more):
	return (ipv4 if len(src) == 4 else ipv6)(src, dst, proto, payload, **more)


def icmp(src, dst, kind, body, rest=0):
	"""An ICMP message from @src to @dst with @body behind its 8 octets; @rest: of these the last 4."""
	family = 4 if len(src) == 4 else 6
	message = struct.pack("!BBHI", *kind, 0, rest) + body
	pseudo = b"" if family == 4 else src + dst + struct.pack("!II", len(message), ICMPV6)
	message = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
	return make(src, dst, proto_icmp(family), message)


def redirect(src, dst, quoted, to):
	"""RFC 792, RFC 4861 4.5, 4.6.3"""
	if len(src) == 4:
		return icmp(src, dst, REDIRECT[4], quoted, struct.unpack("!I", to)[0])
	quoted += bytes(-len(quoted) % 8)
	option = struct.pack("!BBHI", 4, 1 + len(quoted) // 8, 0, 0) + quoted
	packet = icmp(src, dst, REDIRECT[6], to + octets("fd02::1") + option)
	return packet[:7] + b"\xff" + packet[8:]


def datagram(src, dst, sport=9, dport=7, data=b"x" * 64, **more):
	return make(src, dst, UDP, udp(src, dst, sport, dport, data), **more)


def segment(src, dst, sport=9, dport=7):
	return make(src, dst, TCP, struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x10, 1000, 0, 0))


def cut(packet, n):
	"""The IP header and @n octets behind it."""
	return packet[:(20 if packet[0] >> 4 == 4 else 40) + n]


def fragment(src, dst, offset, data=b"x" * 64):
	if len(src) == 4:
		return ipv4(src, dst, UDP, data, frag=0x2000 | offset // 8)
	return ipv6(src, dst, FRAGMENT, struct.pack("!BBHI", UDP, 0, offset | 1, 1) + data)


def message_of(packet):
	"""(ICMP's octets, whether its checksum and the IP header's are right), or None for another packet"""
	if packet[0] >> 4 == 4:
		if packet[9] != ICMP:
			return None
		head = (packet[0] & 15) * 4
		return packet[head:], checksum(packet[:head]) == 0 and checksum(packet[head:]) == 0
	if packet[6] != ICMPV6:
		return None
	pseudo = packet[8:40] + struct.pack("!II", len(packet) - 40, ICMPV6)
	return packet[40:], checksum(pseudo + packet[40:]) == 0


def is_discovery(packet):
	"""Neighbour discovery, and multicast listener discovery, which has a hop-by-hop option (RFC 2710 3)."""
	if packet[0] >> 4 != 6:
		return False
	at = 48 if packet[6] == HOPOPTS and packet[40] == ICMPV6 else 40
	return (at == 48 or packet[6] == ICMPV6) and 130 <= packet[at] <= 143 and packet[at] != 137


def ends(packet):
	return (packet[12:16], packet[16:20]) if packet[0] >> 4 == 4 else (packet[8:24], packet[24:40])


def quoted(packet):
	"""what an error quotes"""
	return message_of(packet)[0][8:]


# ---- places ----


class Lan:
	"""A router in site-a: what it writes and sees on its wire to gw-a."""

	def __init__(self):
		enter("site-a")
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
		self.s.bind(("lan", ETH_P_ALL))
		self.head = mac("gw-a", "lan") + mac("site-a", "lan")

	send, seen, drain = Wire.send, Wire.seen, Wire.drain


class Peer(Wire):
	"""gw-b: opens ESP, and remembers what came in clear."""

	def next(self, seconds, wanted=lambda p: True):
		"""The next packet out of ESP that @wanted likes, or None."""
		def is_wanted(packet):
			if packet[0] >> 4 == 4 and packet[9] == ESP:
				self.inner = OUT.open(packet[20:])[1]
				return wanted(self.inner)
			if not is_discovery(packet):
				self.clear.append(packet)
			return False
		return self.inner if self.seen(is_wanted, seconds) else None

	def drain(self):
		super().drain()
		self.clear = []


class Site:
	"""gw-a with a policy, and both ends of its tunnel"""

	def __init__(self, family):
		set_in("gw-a", "ipv4.icmp_ratelimit=0", "ipv4.icmp_msgs_per_sec=100000", "ipv6.icmp.ratelimit=0",
		       "ipv4.conf.all.rp_filter=0", "ipv4.conf.lan.rp_filter=0", "ipv4.conf.wan.rp_filter=0",
		       "ipv4.conf.all.send_redirects=0")
		self.family = family
		self.gw, self.lan, self.peer = Gateway(), Lan(), Peer()
		ip("-n", "gw-a", "route", "replace", ELSEWHERE[family], "dev", "wan", "via",
		   NAMES["gw-b"][family])
		self.at = {name: addr(name, family) for name in NAMES}
		self.at.update(router=octets(ROUTER[family]), elsewhere=octets(ELSEWHERE[family]),
			       nobody=octets(NOBODY[family]))
		self.drain()

	def drain(self):
		self.lan.drain()
		self.peer.drain()

	def policy(self, *entries, sels=None, mode="tunnel"):
		"""@entries: (action, four addresses, more of the selector); @sels: of the SAs, as outbound packets look"""
		names = ("saddr-min", "saddr-max", "daddr-min", "daddr-max")
		gw, out = self.gw, []
		for number, (action, addrs, more) in enumerate(entries, 1):
			entry = {"list": "branch", "number": number, "action": action,
				 "selector": {**dict(zip(names, map(octets, addrs))), **more}}
			if action == "protect":
				entry["tunnel"] = "peer/lan"
			out.append(("entry", entry))
		tunnel = {"name": "peer/lan", "local": addr("gw-a", 4), "remote": addr("gw-b", 4), "mode": mode}
		gw.nf.do("sa-flush")
		gw.nf.do("policy-set", [("tunnel", tunnel)] + out)
		sels = [dict(zip(names, map(octets, s))) for s in sels or ()]
		gw.seq = 0
		self.sa("out", SPI_OUT, sels)
		turn = dict(zip(names, names[2:] + names[:2]))
		self.sa("in", SPI, [{turn[k]: v for k, v in s.items()} for s in sels])
		gw.mark()

	def sa(self, dir, spi, sels):
		self.gw.nf.do("sa-add", [("sa", list({
			"proto": 50, "spi": spi, "dir": dir, "mode": "tunnel", "tunnel": "peer/lan",
			"local": addr("gw-a", 4), "remote": addr("gw-b", 4), "encr": "aes-gcm-16",
			"encr-key": KEY + SALT}.items()) + [("selector", s) for s in sels])])

	def narrow_sas(self, more):
		"""The SAs again, with @more in their selectors."""
		names = ("saddr-min", "saddr-max", "daddr-min", "daddr-max")
		sel = {**dict(zip(names, map(octets, NETS[self.family]))), **more}
		turn = {"saddr": "daddr", "daddr": "saddr", "sport": "dport", "dport": "sport"}
		self.gw.nf.do("sa-flush")
		self.gw.seq = 0
		self.sa("out", SPI_OUT, [sel])
		self.sa("in", SPI, [{turn.get(k[:5], k[:5]) + k[5:]: v for k, v in sel.items()}])

	def unset_out(self):
		self.gw.nf.do("sa-del", [("sa", {"proto": 50, "spi": SPI_OUT, "dir": "out", "remote": addr("gw-b", 4)})])

	def by_tunnel(self, packet):
		self.peer.send(outer(4, ESP, esp(self.gw, packet)))

	def error_out(self, what):
		"""The next ICMP message out of the tunnel, with nothing beside it in clear."""
		got = self.peer.next(WAIT, message_of)
		expect(got, "%s: no error came by the tunnel: %r" % (what, self.gw.counted()))
		self.peer.next(0.1, lambda p: False)
		expect(not self.peer.clear, "%s: in clear: %r" % (what, [p.hex() for p in self.peer.clear]))
		expect(message_of(got)[1], what + ": a checksum is wrong")
		return got

	def done(self):
		self.gw.nf.do("policy-set")


def whole(family):
	return ("protect", NETS[family], {})


def only(address):
	return (address, address)


# ---- errors of the gateway itself ----


def provoke(site, src):
	"""(what, packet from the tunnel, the error that answers it)"""
	f, at = site.family, site.at
	yield "time exceeded", datagram(src, at["site-a"], **({"ttl": 1} if f == 4 else {"hops": 1})), TIME[f]
	yield "nobody there", datagram(src, at["nobody"]), UNREACHABLE[f]
	yield "no port", datagram(src, at["lan"], dport=99), PORT[f]
	yield "too big", datagram(src, at["site-a"], data=b"x" * 1380, **({"frag": 0x4000} if f == 4 else {})), TOO_BIG[f]
	if f == 4:
		yield "a bad option", ipv4(src, at["site-a"], UDP, udp(src, at["site-a"], 9, 7, b"x"), options=b"\x07\x03\x01\x00"), \
			PROBLEM[f]
	else:
		yield "a bad option", ipv6(src, at["lan"], DSTOPTS, extension(UDP, b"\x9e\0") + udp(src, at["lan"], 9, 7, b"x")), (4, 2)


def narrow(site, on):
	for ns in ("gw-a", "site-a"):
		ip("-n", ns, "link", "set", "lan", "mtu", "1300" if on else "1500")
	site.drain()


def own_errors(site, expected_source, counts):
	narrow(site, True)
	try:
		for what, packet, kind in provoke(site, site.at["site-b"]):
			site.drain()
			site.gw.mark()
			site.by_tunnel(packet)
			got = site.error_out(what)
			expect(tuple(message_of(got)[0][:2]) == kind, "%s: the error is %r" % (what, message_of(got)[0][:2]))
			expect(ends(got) == (expected_source, site.at["site-b"]),
			       "%s: from %s to %s" % (what, *(e.hex() for e in ends(got))))
			expect(ends(quoted(got)) == ends(packet), what + ": it quotes another packet")
			site.gw.counts(counts, what)
	finally:
		narrow(site, False)


def case_own(family):
	"""The device to the peer has an address that the tunnel does not take; the LAN's has one."""
	site = Site(family)
	for sels in (None, [NETS[family]]):
		site.policy(whole(family), sels=sels)
		own_errors(site, site.at["lan"], {"in-packets": 1, "out-packets": 1})
	site.done()


def case_own_near(family):
	"""Of two addresses that the tunnel takes, the one in the network of the quoted destination."""
	site = Site(family)
	net = ("10.0.0.0", "10.1.255.255") if family == 4 else ("fd00::", "fd01::ffff")
	other = "10.0.0.1/24" if family == 4 else "fd00::1/64"
	ip("-n", "gw-a", "link", "add", "other", "type", "dummy")
	ip("-n", "gw-a", "link", "set", "other", "up")
	ip("-n", "gw-a", "addr", "add", other, "dev", "other", *(("nodad",) if family == 6 else ()))
	try:
		site.policy(("protect", net + NETS[family][2:], {}))
		own_errors(site, site.at["lan"], {"in-packets": 1, "out-packets": 1})
	finally:
		ip("-n", "gw-a", "link", "del", "other")
	site.done()


def expired(site, **more):
	"""From the tunnel, and gw-a is the last hop that it may reach."""
	return datagram(site.at["site-b"], site.at["site-a"], **{"ttl" if site.family == 4 else "hops": 1}, **more)


def case_own_guest(family):
	"""
	No source of the gateway fits: RFC 4301 6.2 has the SA of the quoted packet carry the error.
	Without one it is dropped.
	"""
	site = Site(family)
	host = only(NAMES["site-a"][family]) + only(NAMES["site-b"][family])
	# which source the stack chose: with IPv6 the LAN's
	for what, entry, sels, source in (("hosts", ("protect", host, {}), [host], "gw-a" if family == 4 else "lan"),
					  ("one protocol", ("protect", NETS[family], {"proto": UDP}), [NETS[family]], "lan")):
		site.policy(entry, sels=sels)
		if what == "one protocol":
			site.narrow_sas({"proto": UDP})
		site.drain()
		site.gw.mark()
		site.by_tunnel(expired(site))
		got = site.error_out(what)
		expect(ends(got)[0] == site.at[source], "%s: from %s" % (what, ends(got)[0].hex()))
		site.gw.counts({"in-packets": 1, "out-packets": 1}, what)
	# the way back is gone
	site.unset_out()
	site.drain()
	site.gw.mark()
	site.by_tunnel(expired(site))
	site.gw.counts({"in-packets": 1, "out-icmp-error": 1}, "without an SA")
	expect(not site.peer.next(0.3) and not site.peer.clear, "without an SA something left")
	site.done()


def case_own_entry(family):
	"""With an entry that takes the error by its own addresses, and without an SA, it waits like any packet."""
	site = Site(family)
	at = site.at
	site.policy(whole(family))
	site.unset_out()
	site.gw.mark()
	site.by_tunnel(expired(site))
	site.gw.counts({"in-packets": 1, "held": 1, "acquire-lost": 1}, "no SA")
	site.sa("out", SPI_OUT, [])
	got = site.error_out("released")
	expect(ends(got)[0] == at["lan"], "released from %s" % ends(got)[0].hex())
	site.done()


def case_own_discard(family):
	"""Traffic that a discard entry forbids has no errors, either."""
	site = Site(family)
	# an SA without selectors would not take what is discarded
	site.policy(("discard", NETS[family], {"proto": UDP, "sport-min": 7, "sport-max": 7}), whole(family),
		    sels=[NETS[family]])
	site.by_tunnel(expired(site))
	site.gw.counts({"in-packets": 1, "out-discard": 1}, "discarded")
	site.drain()
	site.gw.mark()
	site.by_tunnel(expired(site, dport=8))
	site.error_out("another port")
	site.done()


# ---- errors that are forwarded ----

TUNNEL, CLEAR = "in the tunnel", "in clear"


def quotations(site):
	"""(what, destination of the error, quotation, what becomes of it)"""
	f, at = site.family, site.at
	src, dst = at["site-b"], at["nobody"]
	whole_one = datagram(src, dst)
	yield "a datagram", src, whole_one, TUNNEL
	yield "8 octets of a segment", src, cut(segment(src, dst), 8), TUNNEL
	yield "an IP header", src, cut(whole_one, 0), TUNNEL
	yield "half an IP header", src, whole_one[:12], CLEAR
	yield "nothing", src, b"", CLEAR
	yield "the other family", src, b"\x60" + whole_one[1:] if f == 4 else b"\x45" + whole_one[1:], CLEAR
	yield "a first fragment", src, fragment(src, dst, 0), TUNNEL
	yield "a later fragment", src, fragment(src, dst, 512), TUNNEL
	yield "an ICMP error", src, icmp(src, dst, PORT[f], datagram(dst, src)), TUNNEL
	yield "what is not protected", src, datagram(src, at["elsewhere"]), CLEAR
	yield "somebody else's", at["gw-b"], whole_one, "out-icmp-error"
	yield "IKE", at["gw-b"], datagram(at["gw-b"], at["gw-a"], 500, 500), CLEAR
	yield "ESP", at["gw-b"], make(at["gw-b"], at["gw-a"], ESP, struct.pack("!II", 77, 1) + bytes(64)), CLEAR
	if f == 6:
		chain = ipv6(src, dst, DSTOPTS, extension(UDP, b"\x1e\6abcdef") + udp(src, dst, 9, 7, b"x"))
		yield "options", src, chain, TUNNEL
		yield "options that end early", src, chain[:44], TUNNEL
	else:
		chain = ipv4(src, dst, UDP, udp(src, dst, 9, 7, b"x"), options=b"\1" * 8)
		yield "options", src, chain, TUNNEL
		yield "options that end early", src, chain[:22], TUNNEL


def forwarded(site, what, packet, expected):
	site.drain()
	site.gw.mark()
	site.lan.send(packet)
	want = {TUNNEL: {"out-packets": 1}, CLEAR: {}}.get(expected, {expected: 1})
	got = site.peer.next(WAIT if expected == TUNNEL else 0.3)
	if expected == CLEAR:
		end = time.monotonic() + WAIT
		while not site.peer.clear and time.monotonic() < end:
			site.peer.next(0.1)
	site.gw.counts(want, what)
	expect((got is not None) == (expected == TUNNEL), "%s: by the tunnel came %r" % (what, got))
	expect(bool(site.peer.clear) == (expected == CLEAR), "%s: in clear came %r" % (what, site.peer.clear))
	if expected == TUNNEL:
		at = 8 if packet[0] >> 4 == 4 else 7
		hop = bytes((packet[at if at == 7 else 8] - 1,))
		expect(ends(got) == ends(packet) and message_of(got) == message_of(packet) and got[at:at + 1] == hop,
		       "%s: it has changed: %s, %s" % (what, packet.hex(), got.hex()))


def case_forwarded(family):
	"""Errors of a router behind the gateway."""
	site = Site(family)
	router = site.at["router"]
	for sels in (None, [NETS[family]]):
		site.policy(whole(family), sels=sels)
		for kind in (UNREACHABLE, TOO_BIG, TIME, PROBLEM):
			forwarded(site, "a datagram, %r" % (kind[family],),
				  icmp(router, site.at["site-b"], kind[family], datagram(site.at["site-b"], site.at["nobody"])),
				  TUNNEL)
		for what, dst, quote, expected in quotations(site):
			# an SA without selectors takes it
			if expected == "out-icmp-error" and not sels:
				continue
			forwarded(site, what, icmp(router, dst, PORT[family], quote), expected)
	src, dst = site.at["site-b"], site.at["nobody"]
	echo = {4: (8, 0), 6: (128, 0)}[family]
	forwarded(site, "an echo request", icmp(router, src, echo, datagram(src, dst)), CLEAR)
	if family == 4:		# no router forwards those of IPv6
		forwarded(site, "a redirect", redirect(router, src, datagram(src, dst), octets("10.1.0.3")), "out-redirect")
		forwarded(site, "one about other packets", redirect(router, src, datagram(src, site.at["elsewhere"]),
								      octets("10.1.0.3")), CLEAR)
	large = icmp(router, src, PORT[family], datagram(src, dst, data=b"x" * 1400))
	site.drain()
	site.gw.mark()
	site.lan.send(large)
	site.gw.counts({"out-packets": 1} if family == 4 else {"out-too-big": 1}, "larger than the tunnel")
	site.done()


def case_forwarded_ports(family):
	"""Entries with ports, and quotations without them."""
	site = Site(family)
	f, at = family, site.at
	router, src, dst = at["router"], at["site-b"], at["nobody"]
	sel = {"proto": UDP, "sport-min": 7, "sport-max": 7}
	site.policy(("bypass", NETS[f], {"proto": TCP, "sport-min": 22, "sport-max": 22}), ("protect", NETS[f], sel),
		    sels=[NETS[f]])
	for what, quote, expected in (
			("its port", datagram(src, dst), TUNNEL),
			("8 octets", cut(datagram(src, dst), 8), TUNNEL),
			("another port", datagram(src, dst, dport=8), CLEAR),
			("another protocol", segment(src, dst), CLEAR),
			("no ports", cut(datagram(src, dst), 0), TUNNEL),
			("a later fragment", fragment(src, dst, 512), TUNNEL)):
		forwarded(site, what, icmp(router, src, PORT[f], quote), expected)
	# no SA takes what has no ports
	site.narrow_sas(sel)
	forwarded(site, "its port, narrow SA", icmp(router, src, PORT[f], datagram(src, dst)), TUNNEL)
	forwarded(site, "no ports, narrow SA", icmp(router, src, PORT[f], cut(datagram(src, dst), 0)), "out-icmp-error")
	site.done()


# ---- errors that come in clear ----


def clear_errors(site):
	"""(what, packet from the wire, counter)"""
	f, at = site.family, site.at
	a, b, far, gw = at["site-a"], at["site-b"], at["elsewhere"], at["lan"]
	for kind in (UNREACHABLE, PORT, TOO_BIG, TIME, PROBLEM):
		yield "about the site's, %r" % (kind[f],), icmp(far, a, kind[f], datagram(a, b), 576), "in-icmp-error"
		yield "about the gateway's, %r" % (kind[f],), icmp(far, gw, kind[f], datagram(gw, b), 576), "in-icmp-error"
	yield "8 octets", icmp(far, a, PORT[f], cut(segment(a, b), 8)), "in-icmp-error"
	yield "an IP header", icmp(far, a, PORT[f], cut(segment(a, b), 0)), "in-icmp-error"
	yield "a later fragment", icmp(far, a, PORT[f], fragment(a, b, 512)), "in-icmp-error"
	yield "an ICMP error", icmp(far, a, PORT[f], icmp(a, b, PORT[f], datagram(b, a))), "in-icmp-error"
	yield "for another", icmp(far, a, PORT[f], datagram(at["nobody"], b)), "in-icmp-error"
	yield "a redirect", redirect(at["gw-b"], gw, datagram(gw, b), at["gw-b"]), "in-icmp-error"
	yield "from a protected address", icmp(at["site-b"], a, PORT[f], datagram(a, far)), "in-cleartext"
	yield "about other traffic", icmp(far, a, PORT[f], datagram(a, far)), None
	yield "half an IP header", icmp(far, a, PORT[f], datagram(a, b)[:12]), None
	yield "the other family", icmp(far, a, PORT[f], bytes((datagram(a, b)[0] ^ 0x20,)) + datagram(a, b)[1:]), None
	yield "no error", icmp(far, a, {4: (8, 0), 6: (128, 0)}[f], datagram(a, b)), None


def case_clear(family):
	"""No router saw a protected packet in clear: who says so lies."""
	site = Site(family)
	site.policy(whole(family))
	ip("-n", "site-a", "route", "replace", ELSEWHERE[family], "via", NAMES["lan"][family])
	for what, packet, reason in clear_errors(site):
		site.drain()
		site.gw.mark()
		site.peer.send(packet)
		got = site.lan.seen(lambda p: message_of(p) and not is_discovery(p) and message_of(p) == message_of(packet),
				    0.2 if reason else WAIT)
		site.gw.counts({reason: 1} if reason else {}, what)
		expect(bool(got) == (reason is None), "%s: arrived: %r" % (what, got))
	site.policy(("discard", NETS[family], {}))
	a, b = site.at["site-a"], site.at["site-b"]
	site.peer.send(icmp(site.at["elsewhere"], a, PORT[family], datagram(a, b)))
	site.gw.counts({"in-discard": 1}, "about discarded traffic")
	site.policy(("bypass", NETS[family], {"proto": UDP, "dport-min": 7, "dport-max": 7}), whole(family))
	site.drain()
	for what, quote, reason in (("its port", datagram(a, b), None), ("another", datagram(a, b, dport=8), "in-icmp-error"),
				    ("no port", cut(datagram(a, b), 0), "in-icmp-error"),
				    # the stack reads ports there, whatever the offset says
				    ("a later fragment", fragment(a, b, 512, udp(a, b, 9, 7, b"x")), "in-icmp-error")):
		site.gw.mark()
		packet = icmp(site.at["elsewhere"], a, PORT[family], quote)
		site.peer.send(packet)
		got = site.lan.seen(lambda p: message_of(p) == message_of(packet), 0.2 if reason else WAIT)
		site.gw.counts({reason: 1} if reason else {}, "bypass of a port, " + what)
		expect(bool(got) == (reason is None), "bypass of a port, %s: arrived: %r" % (what, got))
	site.done()


def mtu(site):
	return site.gw.nf.tunnels()["peer/lan"]["mtu"]


def case_outer(family):
	"""What routers say of the tunnels' own packets is in clear, and is listened to."""
	site = Site(family)
	gw, f, at = site.gw, family, site.at
	gw.policy(f, NETS[f])
	gw.sa(f, "out", SPI_OUT)
	before = mtu(site)
	head = struct.pack("!II", SPI_OUT, 1) + bytes(64)
	gw.mark()
	site.peer.send(icmp(at["gw-b"], at["gw-a"], TOO_BIG[f], make(at["gw-a"], at["gw-b"], ESP, head), 1400))
	site.peer.send(icmp(at["gw-b"], at["gw-a"], PORT[f], datagram(at["gw-a"], at["gw-b"], 500, 500)))
	# the MTU follows with the next packet
	enter("gw-a")
	end = time.monotonic() + WAIT
	while mtu(site) == before and time.monotonic() < end:
		site.lan.send(datagram(at["site-a"], at["site-b"]))
		time.sleep(0.1)
	expect(mtu(site) == before - 100, "the tunnel's MTU is %d, was %d" % (mtu(site), before))
	counted = gw.counted()
	expect(not set(counted) - {"out-packets"}, "counted %r" % counted)
	site.done()


def case_nat(family):
	"""Judged as on the wire: what conntrack translates behind that does not count."""
	site = Site(family)
	f, at = family, site.at
	word, pool = ("ip", "10.9.0.1") if f == 4 else ("ip6", "fd09::1")
	entry = only(pool) + NETS[f][2:]
	rules = "table inet nat { chain post { type nat hook postrouting priority 100; " \
		"%s daddr %s snat %s to %%s; }; }" % (word, NAMES["site-b"][f], word)
	far = at["elsewhere"]
	s = listener("site-a", f, 9, NAMES["site-a"][f])
	try:
		enter("gw-a")
		subprocess.run(["nft", rules % pool], check=True)
		site.policy(("protect", entry, {}))
		s.sendto(b"x", (NAMES["site-b"][f], 7))
		sent = site.peer.next(WAIT)
		expect(sent and ends(sent)[0] == octets(pool), "the flow is not in the tunnel: %r" % sent)
		for what, packet, reason in (
				("protected on the wire", icmp(far, octets(pool), PORT[f], sent), "in-icmp-error"),):
			site.drain()
			site.gw.mark()
			site.peer.send(packet)
			site.gw.counts({reason: 1}, what)
			expect(not site.lan.seen(lambda p: message_of(p) and not is_discovery(p), 0.3), what + ": arrived")
		subprocess.run(["ip", "netns", "exec", "gw-a", "nft", "delete", "table", "inet", "nat"], check=True)
		subprocess.run(["ip", "netns", "exec", "gw-a", "conntrack", "-F"], check=True, stderr=subprocess.DEVNULL)
		# protected before NAT, not behind it
		enter("gw-a")
		subprocess.run(["nft", rules % NAMES["gw-a"][f]], check=True)
		site.policy(whole(f))
		site.drain()
		s.sendto(b"x", (NAMES["site-b"][f], 7))
		end = time.monotonic() + WAIT
		while not site.peer.clear and time.monotonic() < end:
			site.peer.next(0.1)
		expect(site.peer.clear, "the translated flow is not in clear")
		packet = icmp(far, at["gw-a"], PORT[f], site.peer.clear[0])
		site.drain()
		site.gw.mark()
		site.peer.send(packet)
		expect(site.lan.seen(lambda p: message_of(p) and not is_discovery(p), WAIT),
		       "not protected on the wire: did not arrive: %r" % site.gw.counted())
	finally:
		subprocess.run(["ip", "netns", "exec", "gw-a", "nft", "delete", "table", "inet", "nat"], check=False)
	site.done()


# ---- errors that come by the tunnel ----


def case_tunnel(family):
	"""RFC 4301 6.2: a router behind the peer has any address."""
	site = Site(family)
	f, at = family, site.at
	a, b, gw, router = at["site-a"], at["site-b"], at["lan"], at["router"]
	ip("-n", "gw-a", "route", "replace", ROUTER[f], "dev", "wan", "via", NAMES["gw-b"][f])
	taken, refused = {"in-packets": 1}, {"in-selector": 1}
	table = [(what, icmp(router, a, kind[f], datagram(a, b), 1280), taken) for what, kind in
		 (("unreachable", UNREACHABLE), ("too big", TOO_BIG), ("time exceeded", TIME), ("parameter problem", PROBLEM))]
	table += [
		("8 octets", icmp(router, a, PORT[f], cut(segment(a, b), 8)), taken),
		("an IP header", icmp(router, a, PORT[f], cut(segment(a, b), 0)), taken),
		("half an IP header", icmp(router, a, PORT[f], datagram(a, b)[:12]), refused),
		("nothing", icmp(router, a, PORT[f], b""), refused),
		("the other way round", icmp(router, a, PORT[f], datagram(b, a)), refused),
		("for another", icmp(router, a, PORT[f], datagram(gw, b)), refused),
		("other traffic", icmp(router, a, PORT[f], datagram(a, at["elsewhere"])), refused),
		("no error", icmp(router, a, {4: (8, 0), 6: (128, 0)}[f], datagram(a, b)), refused),
		("another protocol", datagram(router, a), refused),
		("a redirect", redirect(router, gw, datagram(gw, b), router), refused),
		("from inside", icmp(b, a, PORT[f], datagram(a, b)), taken),
	]
	for rp_filter in (0, 1) if f == 4 else (0,):
		set_in("gw-a", "ipv4.conf.all.rp_filter=%d" % rp_filter)
		site.policy(whole(f), sels=[NETS[f]])
		for what, packet, counts in table:
			site.drain()
			site.gw.mark()
			site.by_tunnel(packet)
			got = site.lan.seen(lambda p: message_of(p) and message_of(p) == message_of(packet),
					    WAIT if counts is taken else 0.2)
			site.gw.counts(counts, what)
			expect(bool(got) == (counts is taken), "%s: arrived: %r" % (what, got))
	set_in("gw-a", "ipv4.conf.all.rp_filter=0")
	site.narrow_sas({"proto": UDP, "dport-min": 7, "dport-max": 7})
	for what, quote, counts in (("its port", datagram(a, b), taken), ("8 octets", cut(datagram(a, b), 8), taken),
				    ("another port", datagram(a, b, dport=8), refused),
				    ("no port", cut(datagram(a, b), 0), refused),
				    ("a later fragment", fragment(a, b, 512, udp(a, b, 9, 7, b"x")), refused)):
		site.gw.mark()
		site.by_tunnel(icmp(router, a, PORT[f], quote))
		site.gw.counts(counts, "SA with ports, " + what)
	site.done()


main(globals(), __doc__)
