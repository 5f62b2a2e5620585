#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Checksums inside tunnels: `checksums.py CASE FAMILY`, a function of this file with "case_" before
its name and the inner IP version. gw-a has nfipsec; this script writes the peer's ESP to the
wire in gw-b (the picture is in sites-lib.sh). In the damaged packets one octet has changed after
their sender made the checksum and before the peer encrypted them, so their ICV is right.
Prints what is wrong and exits 1, or exits 0.
"""
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
from boundary import (ICMP, ICMPV6, KEY, NETS, SALT, SPI, Gateway, Wire, addr, af, enter, esp, expect, listener, main,
		      octets, outer, received)
from ipsec import UDP, Sa, checksum, ipv4, ipv6, udp

TCP = 6
UDP_SEGMENT = 103		# linux/udp.h
DPORT, SPORT = 7, 9
OUT = Sa("aes128gcm16", 0x1001, key=KEY, salt=SALT)


def pseudo(src, dst, proto, length):
	return src + dst + (struct.pack("!HH", proto, length) if len(src) == 4 else struct.pack("!II", length, proto))


def ip(src, dst, proto, payload):
	return (ipv4 if len(src) == 4 else ipv6)(src, dst, proto, payload)


def damaged(payload):
	"""The last octet has changed."""
	return payload[:-1] + bytes((payload[-1] ^ 0x20,))


def echo_request(src, dst, data):
	kind = 8 if len(src) == 4 else 128
	body = struct.pack("!BBHHH", kind, 0, 0, 0x6e66, 1) + data
	covered = body if len(src) == 4 else pseudo(src, dst, ICMPV6, len(body)) + body
	return body[:2] + struct.pack("!H", checksum(covered)) + body[4:]


def tcp(src, dst, sport, dport, seq, ack, flags, data=b""):
	body = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 8192, 0, 0) + data
	return body[:16] + struct.pack("!H", checksum(pseudo(src, dst, TCP, len(body)) + body)) + body[18:]


def csum_errors(proto, family):
	"""What the stack has counted in gw-a."""
	enter("gw-a")
	if family == 6 and proto != "Tcp":
		with open("/proc/net/snmp6") as f:
			return sum(int(l.split()[1]) for l in f if l.split()[0] == proto + "6InCsumErrors")
	with open("/proc/net/snmp") as f:
		lines = [l.split() for l in f if l.startswith(proto + ":")]
	return int(lines[1][lines[0].index("InCsumErrors")])


def counts_error(proto, family, before, what):
	end = time.monotonic() + 5
	while csum_errors(proto, family) == before and time.monotonic() < end:
		time.sleep(0.05)
	expect(csum_errors(proto, family) == before + 1, what + ": the stack has counted no wrong checksum")


def gateway(family, ends=4, encap=False):
	gw = Gateway()
	gw.policy(ends, NETS[family])
	gw.sa(ends, **({"encap-local-port": 4500, "encap-remote-port": 4500} if encap else {}))
	return gw


def case_udp(family):
	gw, wire = gateway(family), Wire()
	src, dst = addr("site-b", family), addr("lan", family)
	s = listener("gw-a", family, DPORT)
	for data, bad in ((b"one", False), (b"two", True), (b"three", False)):
		before = csum_errors("Udp", family)
		packet = udp(src, dst, SPORT, DPORT, data)
		wire.send(outer(4, 50, esp(gw, ip(src, dst, UDP, damaged(packet) if bad else packet))))
		if bad:
			counts_error("Udp", family, before, "a damaged datagram")
			expect(received(s, 0.2) is None, "a damaged datagram was delivered")
		else:
			expect(received(s, 3) == data, "a good datagram was not delivered")
	gw.nf.do("policy-set")


def case_icmp(family):
	gw, wire = gateway(family), Wire()
	gw.sa(4, "out", 0x1001)
	src, dst = addr("site-b", family), addr("lan", family)
	proto = ICMP if family == 4 else ICMPV6
	for bad in (False, True):
		before = csum_errors("Icmp", family)
		packet = echo_request(src, dst, b"nfipsec!")
		gw.mark()
		wire.send(outer(4, 50, esp(gw, ip(src, dst, proto, damaged(packet) if bad else packet))))
		if bad:
			counts_error("Icmp", family, before, "a damaged echo request")
		gw.counts({"in-packets": 1} if bad else {"in-packets": 1, "out-packets": 1}, "echo, damaged %r" % bad)
	gw.nf.do("policy-set")


def case_tcp(family):
	"""A connection by hand: what GRO puts together is of segments that were whole."""
	gw, wire = gateway(family), Wire()
	gw.sa(4, "out", 0x1001)
	src, dst = addr("site-b", family), addr("lan", family)
	enter("gw-a")
	s = socket.socket(af(family), socket.SOCK_STREAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("", DPORT))
	s.listen(4)

	def send(*segments):
		for body in segments:
			wire.send(outer(4, 50, esp(gw, ip(src, dst, TCP, body))))

	before = csum_errors("Tcp", family)
	send(damaged(tcp(src, dst, SPORT, DPORT, 99, 0, 2)))
	counts_error("Tcp", family, before, "a damaged SYN")
	wire.drain()
	send(tcp(src, dst, SPORT, DPORT, 100, 0, 2))
	answer = wire.seen(lambda p: p[0] >> 4 == 4 and p[9] == 50, 3)
	expect(answer, "no answer to a SYN")
	inner = OUT.open(answer[20:])[1]
	theirs = struct.unpack("!I", inner[20 if family == 4 else 40:][4:8])[0] + 1
	data = (b"a" * 1000, b"b" * 1000, b"c" * 1000, b"d" * 1000)
	segments = [tcp(src, dst, SPORT, DPORT, 101 + 1000 * i, theirs, 0x10, d) for i, d in enumerate(data)]
	before = csum_errors("Tcp", family)
	send(segments[0], segments[1], damaged(segments[2]), segments[3])
	s.settimeout(5)
	conn = s.accept()[0]
	counts_error("Tcp", family, before, "a damaged segment")
	conn.settimeout(1)
	got = b""
	try:
		while True:
			got += conn.recv(1 << 16)
	except socket.timeout:
		pass
	expect(got == b"".join(data[:2]), "%d octets were delivered, 2000 expected" % len(got))
	send(segments[2])
	conn.settimeout(5)
	while len(got) < 4000:
		got += conn.recv(1 << 16)
	expect(got == b"".join(data), "what was delivered at last is not what was sent")
	gw.nf.do("policy-set")


def case_forwarded(family):
	"""What was damaged before is recognizably damaged behind us."""
	gw, wire = gateway(family), Wire()
	src, dst = addr("site-b", family), addr("site-a", family)
	enter("site-a")
	s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800 if family == 4 else 0x86dd))
	s.bind(("lan", 0x800 if family == 4 else 0x86dd))
	s.settimeout(3)
	app = listener("site-a", family, DPORT)
	proto = ICMP if family == 4 else ICMPV6
	for what, kind, body in (("UDP", UDP, udp(src, dst, SPORT, DPORT, b"data of UDP")),
				 ("ICMP", proto, echo_request(src, dst, b"nfipsec!")),
				 ("TCP", TCP, tcp(src, dst, SPORT, DPORT, 100, 0, 0x10, b"e" * 1000))):
		for bad in (True, False):
			sent = damaged(body) if bad else body
			wire.send(outer(4, 50, esp(gw, ip(src, dst, kind, sent))))
			if kind == TCP:
				# of one stream, for GRO
				more = tcp(src, dst, SPORT, DPORT, 1100, 0, 0x10, b"f" * 1000)
				wire.send(outer(4, 50, esp(gw, ip(src, dst, kind, damaged(more) if bad else more))))
			head = 20 if family == 4 else 40
			while True:
				try:
					got = s.recv(1 << 16)
				except socket.timeout:
					raise AssertionError("%s, damaged %r: it was not forwarded" % (what, bad)) from None
				at = got[9] if family == 4 else got[6]
				if at == kind and got[head:] == sent:
					break
				# a good one may have a new checksum, in a GSO packet of several
				if at == kind and not bad and kind == TCP:
					break
				expect(at != kind or not bad or len(got) != head + len(sent),
				       "%s, damaged: its checksum is not the sender's any more" % what)
	expect(received(app, 2) == b"data of UDP", "the good datagram did not arrive")
	expect(received(app, 0.2) is None, "the damaged datagram arrived, too")
	gw.nf.do("policy-set")


def in_udp(gw, ends, *packets):
	"""From a socket of gw-b, all packets in one GSO packet, which the veth hands on whole."""
	enter("gw-b")
	s = socket.socket(af(ends), socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("", 4500))
	s.connect((socket.inet_ntop(af(ends), addr("gw-a", ends)), 4500))
	if len(packets) > 1:
		s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(packets[0]))
	s.send(b"".join(packets))
	s.close()


def case_in_udp(family):
	"""What was found out of the outer checksum says nothing of the inner one: GSO, conntrack."""
	src, dst = addr("site-b", family), addr("lan", family)
	s = listener("gw-a", family, DPORT)
	wire = Wire()
	for ends in (4, 6):
		gw = gateway(family, ends, encap=True)
		for many in (False, True):
			before = csum_errors("Udp", family)
			data = (b"one", b"two", b"xyz")
			bodies = [udp(src, dst, SPORT, DPORT, d) for d in data]
			packets = [esp(gw, ip(src, dst, UDP, b)) for b in (bodies[0], damaged(bodies[1]), bodies[2])]
			if many:
				in_udp(gw, ends, *packets)
			else:
				for p in packets:
					wire.send(outer(ends, UDP, udp(addr("gw-b", ends), addr("gw-a", ends), 4500, 4500, p)))
			what = "over IPv%d, GSO %r" % (ends, many)
			counts_error("Udp", family, before, what)
			expect(received(s, 3) == b"one", what + ": the first")
			expect(received(s, 3) == b"xyz", what + ": the third")
			expect(received(s, 0.1) is None, what + ": a damaged datagram was delivered")
		gw.nf.do("policy-set")


def case_transport_nat(family):
	"""Transport mode through a NAT: RFC 3948 3.1.2"""
	us, them = addr("gw-a", family), addr("gw-b", family)
	real = {4: (b"\xcb\0\x71\1", b"\x0a\x63\x63\x63"), 6: (octets("2001:db8:77::1"), octets("fd99::99"))}[family]
	gw, wire = Gateway(), Wire()
	s = listener("gw-a", family, DPORT)
	tunnel = {"name": "peer/lan", "local": us, "remote": them, "mode": "transport"}
	entry = {"list": "branch", "number": 10, "action": "protect", "tunnel": "peer/lan", "selector": {
		"saddr-min": us, "saddr-max": us, "daddr-min": them, "daddr-max": them}}
	sa = Sa("aes128gcm16", SPI, key=KEY, salt=SALT)
	for known in (True, False):
		gw.nf.do("policy-set")
		gw.nf.do("policy-set", [("tunnel", tunnel), ("entry", entry)])
		gw.seq = 0
		gw.sa(family, mode="transport", **{"encap-local-port": 4500, "encap-remote-port": 4500},
		      **({"orig-local": real[0], "orig-remote": real[1]} if known else {}))
		for made_with, expected in ((real, known), ((us, them), not known)):
			for data, bad in ((b"odd", False), (b"even", False), (b"damaged", True)):
				before = csum_errors("Udp", family)
				body = udp(made_with[1], made_with[0], SPORT, DPORT, data)
				sealed = sa.seal(gw.next(), damaged(body) if bad else body, UDP)
				wire.send(outer(family, UDP, udp(them, us, 4500, 4500, sealed)))
				what = "original addresses known %r, used %r, damaged %r" % (known, made_with == real, bad)
				if expected and not bad:
					expect(received(s, 3) == data, what + ": it was not delivered")
				else:
					counts_error("Udp", family, before, what)
					expect(received(s, 0.1) is None, what + ": it was delivered")
	gw.nf.do("policy-set")


if __name__ == "__main__":
	main(globals(), __doc__)
