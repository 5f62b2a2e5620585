#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
What is judged where the protected and the open side of a gateway meet: `boundary.py CASE`,
a function of this file with "case_" before its name. nfipsec is in gw-a; what it gets is
written to the wire in gw-b, octet by octet (the picture is in sites-lib.sh). Says what is
wrong and exits 1, or exits 0.
"""
import ctypes
import json
import select
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import nfnl
from ipsec import AH, DSTOPTS, ESP, HOPOPTS, IPIP, IPV6, ROUTING, UDP, Sa, extension, immutable, ipv4, ipv6, routing, udp

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PACKET_OUTGOING, ETH_P_ALL = 4, 3
FRAGMENT, ICMP, ICMPV6 = 44, 1, 58
KEY, SALT = bytes(range(16)), b"salt"
SPI = 0x2002
NAMES = {
	"gw-a": {4: "192.0.2.1", 6: "2001:db8::1"},	# the ends of the tunnel
	"gw-b": {4: "192.0.2.2", 6: "2001:db8::2"},
	"lan": {4: "10.1.0.1", 6: "fd01::1"},		# of gw-a
	"site-a": {4: "10.1.0.10", 6: "fd01::10"},
	"site-b": {4: "10.2.0.10", 6: "fd02::10"},
}
NETS = {4: ("10.1.0.0", "10.1.0.255", "10.2.0.0", "10.2.0.255"),
	6: ("fd01::", "fd01::ffff:ffff:ffff:ffff", "fd02::", "fd02::ffff:ffff:ffff:ffff")}


def octets(address):
	return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def addr(name, family):
	return octets(NAMES[name][family])


def af(family):
	return socket.AF_INET if family == 4 else socket.AF_INET6


def enter(ns):
	with open("/run/netns/" + ns) as f:
		if libc.setns(f.fileno(), CLONE_NEWNET):
			raise OSError(ctypes.get_errno(), "setns " + ns)


def expect(condition, text):
	if not condition:
		raise AssertionError(text)


def mac(ns, dev):
	out = subprocess.run(["ip", "-n", ns, "-j", "link", "show", dev], check=True, stdout=subprocess.PIPE).stdout
	return bytes.fromhex(json.loads(out)[0]["address"].replace(":", ""))


def set_in(ns, *names):
	enter(ns)
	for name in names:
		path, value = name.split("=")
		with open("/proc/sys/net/" + path.replace(".", "/"), "w") as f:
			f.write(value)


def ip(*words):
	subprocess.run(["ip", *words], check=True)


# ---- gw-a: nfipsec, and who listens ----


class Gateway:
	def __init__(self):
		enter("gw-a")
		self.nf = nfnl.Nfipsec()
		self.seq = 0

	def policy(self, ends, sel, **over):
		"""@ends: of which family; @sel: four addresses of what is protected"""
		tunnel = {"name": "peer/lan", "local": addr("gw-a", ends), "remote": addr("gw-b", ends), "mode": "tunnel"}
		names = ("saddr-min", "saddr-max", "daddr-min", "daddr-max")
		entry = {"list": "branch", "number": 10, "action": "protect", "tunnel": "peer/lan",
			 "selector": {**dict(zip(names, map(octets, sel))), **over}}
		self.nf.do("sa-flush")
		self.nf.do("policy-set", [("tunnel", tunnel), ("entry", entry)])

	def sa(self, ends, dir="in", spi=SPI, **over):
		self.nf.do("sa-add", [("sa", {
			"proto": 50, "spi": spi, "dir": dir, "mode": "tunnel", "tunnel": "peer/lan", "local": addr("gw-a", ends),
			"remote": addr("gw-b", ends), "encr": "aes-gcm-16", "encr-key": KEY + SALT, **over})])

	def next(self):
		self.seq += 1
		return self.seq

	def mark(self):
		self.before = self.nf.stats()

	def counted(self):
		now = self.nf.stats()
		return {k: now[k] - self.before[k] for k in now if now[k] != self.before[k]}

	def counts(self, expected, what, also=()):
		end = time.monotonic() + 30
		while True:
			got = {k: v for k, v in self.counted().items() if k not in also}
			if got == expected or time.monotonic() > end:
				break
			time.sleep(0.05)
		expect(got == expected, "%s: counted %r, expected %r" % (what, got, expected))


def listener(ns, family, port, address=""):
	enter(ns)
	s = socket.socket(af(family), socket.SOCK_DGRAM)
	s.bind((address, port))
	return s


def received(s, seconds):
	s.settimeout(seconds)
	try:
		return s.recv(1 << 16)
	except socket.timeout:
		return None


# ---- gw-b: the wire ----


class Wire:
	def __init__(self):
		enter("gw-b")
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
		self.s.bind(("wan", ETH_P_ALL))
		self.head = mac("gw-a", "wan") + mac("gw-b", "wan")

	def send(self, packet):
		self.s.send(self.head + struct.pack("!H", 0x800 if packet[0] >> 4 == 4 else 0x86dd) + packet)

	def seen(self, wanted, seconds):
		"""The first packet from gw-a that @wanted likes, or None."""
		end = time.monotonic() + seconds
		while time.monotonic() < end:
			if not select.select([self.s], [], [], max(0, end - time.monotonic()))[0]:
				return None
			data, where = self.s.recvfrom(1 << 16)
			if where[2] != PACKET_OUTGOING and where[1] in (0x800, 0x86dd) and wanted(data[14:]):
				return data[14:]
		return None

	def drain(self):
		while self.seen(lambda p: True, 0.01):
			pass


def esp(gw, inner, sa=Sa("aes128gcm16", SPI, key=KEY, salt=SALT)):
	return sa.seal(gw.next(), inner, IPIP if inner[0] >> 4 == 4 else IPV6)


def outer(family, proto, payload):
	make = ipv4 if family == 4 else ipv6
	return make(addr("gw-b", family), addr("gw-a", family), proto, payload)


# ---- options and extension headers: RFC 8200 4 ----


def chain(parts, proto, payload):
	"""(next header, octets): @parts, (kind, options or the rest of a routing header), before @payload"""
	for kind, body in reversed(parts):
		payload = (bytes((proto,)) + body[1:] if kind == ROUTING else extension(proto, body)) + payload
		proto = kind
	return proto, payload


def ah_packet(sa, seq, parts, inner):
	"""AH behind all of them"""
	length = sa.ah_len(6)
	head = struct.pack("!BBHII", IPV6, length // 4 - 2, 0, sa.spi, seq)
	proto, rest = chain(parts, AH, head + bytes(length - 12) + inner)
	packet = outer(6, proto, rest)
	at = len(packet) - len(inner) - length + 12
	icv = sa.icv(immutable(packet), seq)
	return packet[:at] + icv + packet[at + len(icv):]


ADDRESS = socket.inet_pton(socket.AF_INET6, "2001:db8::77")
TAKEN, REFUSED, NOT_OURS = {"in-packets": 1}, {"in-bad-header": 1}, {}
# what stands before ESP, AH or UDP; what becomes of the packet; where the option is of which its sender is told
OPTIONS = [
	("nothing", [], TAKEN, None),
	("padding", [(DSTOPTS, b"")], TAKEN, None),
	("an option to skip", [(DSTOPTS, b"\x1e\0")], TAKEN, None),
	("one for which to discard", [(DSTOPTS, b"\x5e\0")], REFUSED, None),
	("one of which to tell", [(DSTOPTS, b"\x1e\1x\x9e\0")], REFUSED, 45),
	("one of which to tell who is one", [(DSTOPTS, b"\xde\0")], REFUSED, 42),
	("the same behind hop-by-hop options", [(HOPOPTS, b""), (DSTOPTS, b"\x9e\0")], REFUSED, 50),
	("the same before a routing header", [(DSTOPTS, b"\x9e\0"), (ROUTING, routing(0, 0, 0, [ADDRESS]))], REFUSED, 42),
	("one that does not end", [(DSTOPTS, b"\x1e\x40")], REFUSED, None),
	("one of which to tell, that does not end", [(DSTOPTS, b"\x9e\x40")], REFUSED, None),
	("more than the stack takes", [(DSTOPTS, b"\x1e\0" * 9)], REFUSED, None),
	("padding that says something", [(DSTOPTS, b"\1\4abcd")], REFUSED, None),
	("hop-by-hop, to skip", [(HOPOPTS, b"\x1e\0")], TAKEN, None),
	("hop-by-hop, for which to discard", [(HOPOPTS, b"\x5e\0")], NOT_OURS, None),
	("hop-by-hop, of which to tell", [(HOPOPTS, b"\x9e\0")], NOT_OURS, 42),
	("a routing header at its end", [(ROUTING, routing(0, 0, 0, [ADDRESS]))], TAKEN, None),
	("one of a type nobody knows, at its end", [(ROUTING, routing(0, 99, 0, [ADDRESS]))], TAKEN, None),
	("a routing header that goes on", [(ROUTING, routing(0, 99, 1, [ADDRESS]))], NOT_OURS, 42),
]


def problem(packet):
	"""ICMPv6 parameter problem"""
	return packet[0] >> 4 == 6 and packet[6] == ICMPV6 and packet[40] == 4


def options(proto):
	gw, wire = Gateway(), Wire()
	set_in("gw-a", "ipv6.icmp.ratelimit=0")
	gw.policy(6, NETS[6])
	mac_sa = Sa("sha256", SPI, proto=AH)
	if proto == AH:
		gw.nf.do("sa-add", [("sa", {
			"proto": 51, "spi": SPI, "dir": "in", "mode": "tunnel", "tunnel": "peer/lan", "local": addr("gw-a", 6),
			"remote": addr("gw-b", 6), "integ": "hmac-sha2-256-128", "integ-key": mac_sa.integ_key})])
	elif proto == UDP:
		gw.sa(6, **{"encap-local-port": 4500, "encap-remote-port": 4500})
	else:
		gw.sa(6)
	s = listener("gw-a", 6, 7)
	for what, parts, counts, told in OPTIONS:
		data = what.encode()
		inner = ipv6(addr("site-b", 6), addr("lan", 6), UDP, udp(addr("site-b", 6), addr("lan", 6), 9, 7, data))
		wire.drain()
		gw.mark()
		if proto == AH:
			wire.send(ah_packet(mac_sa, gw.next(), parts, inner))
		else:
			payload = esp(gw, inner)
			if proto == UDP:
				payload = udp(addr("gw-b", 6), addr("gw-a", 6), 4500, 4500, payload)
			wire.send(outer(6, *chain(parts, proto, payload)))
		got = wire.seen(problem, 2 if told else 0.2)
		gw.counts(counts, what, also=("in-unknown-spi",))
		expect(received(s, 2 if counts == TAKEN else 0.01) == (data if counts == TAKEN else None), what + ": what arrived")
		at = got and struct.unpack("!I", got[44:48])[0]
		expect(at == told, "%s: told of offset %r, expected %r" % (what, at, told))
	gw.nf.do("policy-set")


def case_options_esp():
	options(ESP)


def case_options_udp():
	options(UDP)


def case_options_ah():
	options(AH)


# ---- fragments: RFC 4301 7 ----


def pieces(family, src, dst, payload, ident):
	"""Two fragments of a UDP datagram, the first of 800 octets."""
	out = []
	for at, part, more in ((0, payload[:800], 1), (800, payload[800:], 0)):
		if family == 4:
			out.append(ipv4(src, dst, UDP, part, frag=more << 13 | at // 8, ident=ident))
		else:
			out.append(ipv6(src, dst, FRAGMENT, struct.pack("!BBHI", UDP, 0, at | more, ident) + part))
	return out


def fragments(family, to):
	"""Whose checksum says nothing: words that change their places do not change it."""
	gw, wire = Gateway(), Wire()
	gw.policy(4, NETS[family])
	gw.sa(4)
	ns, name = ("gw-a", "lan") if to == "gw-a" else (to, to)
	s = listener(ns, family, 7)
	src, dst = addr("site-b", family), addr(name, family)
	good = b"0" * 800 + b"good" * 100 + b"evil" * 100
	evil = b"0" * 800 + b"evil" * 100 + b"good" * 100
	orders = {"a forged one first": "fab", "a forged one between": "afb", "the forged one is the first": "Fba", "none": "ba"}
	for ident, (what, order) in enumerate(orders.items(), 0x100):
		genuine = pieces(family, src, dst, udp(src, dst, 9, 7, good), ident)
		forged = pieces(family, src, dst, udp(src, dst, 9, 7, evil), ident)
		for which in order:
			if which in "ab":
				wire.send(outer(4, ESP, esp(gw, genuine["ab".index(which)])))
			else:
				wire.send(forged["Ff".index(which)])
			time.sleep(0.05)
		got = received(s, 3)
		expect(got == good, "%s: %s" % (what, got and "what arrived is not what was sent" or "nothing arrived"))
		expect(received(s, 0.05) is None, what + ": and more arrived")
	gw.nf.do("policy-set")


def case_fragments():
	for family in (4, 6):
		for to in ("gw-a", "site-a"):
			try:
				fragments(family, to)
			except AssertionError as e:
				raise AssertionError("IPv%d to %s: %s" % (family, to, e)) from None


# ---- what of IKE goes in clear ----


def case_ike_fragments():
	"""Over IPv6, before there is any SA."""
	gw, wire = Gateway(), Wire()
	gw.policy(6, ("::", "ffff:" * 7 + "ffff") * 2)
	s = listener("gw-a", 6, 500)
	gw.nf.do("ike-sockets", [("ike-fd", s.fileno())])
	src, dst = addr("gw-b", 6), addr("gw-a", 6)
	data = bytes(range(256)) * 5
	gw.mark()
	for piece in pieces(6, src, dst, udp(src, dst, 500, 500, data), 0x77):
		wire.send(piece)
	expect(received(s, 3) == data, "a message of IKE in fragments did not arrive: %r" % gw.counted())
	gw.nf.do("policy-set")


def case_ike_ports():
	"""Our socket says that it is IKE, not the peer's port."""
	gw, wire = Gateway(), Wire()
	for family in (4, 6):
		any_ = ("0.0.0.0", "255.255.255.255") if family == 4 else ("::", "ffff:" * 7 + "ffff")
		gw.policy(family, any_ * 2)
		src, dst = addr("gw-b", family), addr("gw-a", family)
		s = {port: listener("gw-a", family, port) for port in (500, 4500, 7777)}
		gw.nf.do("ike-sockets", [("ike-fd", s[port].fileno()) for port in (500, 4500)])
		make = ipv4 if family == 4 else ipv6
		for sport, dport, expected in ((500, 500, True), (1024, 500, True), (1024, 4500, True), (500, 7777, False),
					       (4500, 7777, False), (1024, 7777, False)):
			what = "IPv%d, from port %d to %d" % (family, sport, dport)
			gw.mark()
			wire.send(make(src, dst, UDP, udp(src, dst, sport, dport, b"x")))
			gw.counts({} if expected else {"in-cleartext": 1}, what)
			expect((received(s[dport], 2 if expected else 0.05) is not None) == expected, what)
		to = NAMES["gw-b"][family]
		for sport, dport, expected in ((500, 500, True), (500, 1024, True), (7777, 500, False), (7777, 1024, False)):
			what = "IPv%d out, from port %d to %d" % (family, sport, dport)
			wire.drain()
			s[sport].sendto(b"y", (to, dport))
			head = 20 if family == 4 else 40
			got = wire.seen(lambda p: p[9 if head == 20 else 6] == UDP and
					p[head:head + 4] == struct.pack("!HH", sport, dport), 2 if expected else 0.3)
			expect((got is not None) == expected, what)
		for one in s.values():
			one.close()
	gw.nf.do("policy-set")


# ---- a gateway on one wire ----


def is_redirect(packet):
	if packet[0] >> 4 == 4:
		return packet[9] == ICMP and packet[20] == 5
	return packet[6] == ICMPV6 and packet[40] == 137


def is_esp(packet):
	return packet[0] >> 4 == 4 and packet[9] == ESP


def case_redirects():
	"""What goes into the tunnel has no shorter way; what is not protected may."""
	gw, wire = Gateway(), Wire()
	set_in("gw-a", "ipv4.conf.all.send_redirects=1", "ipv4.conf.wan.send_redirects=1", "ipv4.icmp_ratelimit=0",
	       "ipv6.icmp.ratelimit=0")
	out = subprocess.run(["ip", "-n", "gw-b", "-j", "-6", "addr", "show", "dev", "wan", "scope", "link"], check=True,
			     stdout=subprocess.PIPE).stdout
	link_local = next(a["local"] for d in json.loads(out) for a in d.get("addr_info", []) if "local" in a)
	ip("-n", "gw-a", "addr", "add", "10.5.0.1/24", "dev", "wan")
	ip("-n", "gw-a", "addr", "add", "fd05::1/64", "dev", "wan", "nodad")
	ip("-n", "gw-a", "-6", "route", "replace", "fd02::/64", "via", link_local, "dev", "wan")
	for host in ("10.5.0.10/24", "10.5.0.11/24"):
		ip("-n", "gw-b", "addr", "add", host, "dev", "wan")
	for host in ("fd05::10/64", "fd05::11/64"):
		ip("-n", "gw-b", "addr", "add", host, "dev", "wan", "nodad")
	for family, net, hosts in ((4, ("10.5.0.0", "10.5.0.255"), ("10.5.0.10", "10.5.0.11")),
				   (6, ("fd05::", "fd05::ffff"), ("fd05::10", "fd05::11"))):
		gw.policy(4, net + NETS[family][2:])
		gw.sa(4, "out", 0x1001)
		dst = addr("site-b", family)
		for host in hosts:
			src = octets(host)
			make = ipv4 if family == 4 else ipv6
			wire.drain()
			gw.mark()
			wire.send(make(src, dst, UDP, udp(src, dst, 9, 7, b"x" * 40)))
			if host == hosts[0]:
				expect(wire.seen(is_esp, 3), "IPv%d: no ESP" % family)
				expect(not wire.seen(is_redirect, 0.5), "IPv%d: a redirect around the tunnel" % family)
				gw.counts({"out-packets": 1, "out-redirect": 1}, "IPv%d" % family)
				gw.nf.do("policy-set")
			else:
				expect(wire.seen(is_redirect, 3), "IPv%d, not protected: no redirect" % family)


def main(names, doc):
	"""`CASE [NUMBER...]` of the command line: the function of @names with "case_" before its name"""
	if len(sys.argv) < 2 or "case_" + sys.argv[1] not in names:
		sys.exit(doc)
	try:
		names["case_" + sys.argv[1]](*map(int, sys.argv[2:]))
	except (AssertionError, nfnl.Refused) as e:
		sys.exit(str(e))


if __name__ == "__main__":
	main(globals(), __doc__)
