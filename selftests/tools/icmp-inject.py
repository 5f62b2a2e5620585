#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
`icmp-inject.py SITE-A SITE-B`: a TCP connection and a UDP socket in site-a with those addresses,
and ICMP errors in clear about what they have sent, written to the wire in gw-b as by a router
(the picture is in sites-lib.sh). Says which of them did harm and exits 1, or exits 0.
"""
import json
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from boundary import ETH_P_ALL, ICMP, ICMPV6, Wire, af, enter, expect, octets

from ipsec import checksum, ipv4, ipv6


def error(family, src, dst, kind, quoted, mtu):
	message = struct.pack("!BBHI", *kind, 0, mtu) + quoted[:500]
	pseudo = b"" if family == 4 else src + dst + struct.pack("!II", len(message), ICMPV6)
	message = message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]
	return (ipv4 if family == 4 else ipv6)(src, dst, ICMP if family == 4 else ICMPV6, message)


def path_mtu(there):
	out = subprocess.run(["ip", "-n", "site-a", "-j", "route", "get", there], check=True, stdout=subprocess.PIPE).stdout
	return [m["mtu"] for r in json.loads(out) for m in r.get("metrics", []) if "mtu" in m]


def sent_by(s, proto, family):
	"""The newest packet of @proto in what @s has seen leave."""
	newest, end = None, time.monotonic() + 10
	while time.monotonic() < end:
		try:
			data, where = s.recvfrom(1 << 16)
		except BlockingIOError:
			if newest:
				return newest
			time.sleep(0.05)
			continue
		packet = data[14:]
		if where[2] == 4 and where[1] in (0x800, 0x86dd) and packet[9 if family == 4 else 6] == proto and \
				packet[0] >> 4 == family:
			newest = packet
	raise AssertionError("site-a sent nothing")


def main():
	here, there = sys.argv[1:]
	family = 6 if ":" in here else 4
	wire = Wire()
	router = octets("192.0.2.99" if family == 4 else "2001:db8::99")
	enter("site-b")
	server = socket.create_server((there, 7001), family=af(family))
	# or site-b would rightly refuse
	sink = socket.socket(af(family), socket.SOCK_DGRAM)
	sink.bind((there, 9))
	enter("site-a")
	lan = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
	lan.bind(("lan", ETH_P_ALL))
	lan.setblocking(False)
	client = socket.create_connection((there, 7001), 20)
	ear = server.accept()[0]
	dgram = socket.socket(af(family), socket.SOCK_DGRAM)
	dgram.connect((there, 9))
	kinds = {4: {"port unreachable": (3, 3), "too big": (3, 4)}, 6: {"port unreachable": (1, 4), "too big": (2, 0)}}[family]
	before = path_mtu(there)
	for what, kind in kinds.items():
		mtu = (576 if family == 4 else 1280) if what == "too big" else 0
		for proto, send in ((6, client), (17, dgram)):
			send.send(b"x" * 100)
			quoted = sent_by(lan, proto, family)
			wire.send(error(family, router, octets(here), kind, quoted, mtu))
	time.sleep(1)
	expect(path_mtu(there) == before, "the path MTU is %r now, was %r" % (path_mtu(there), before))
	expect(not dgram.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "the socket of UDP has an error")
	expect(not client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "the connection has an error")
	client.send(b"end")
	client.shutdown(socket.SHUT_WR)
	ear.settimeout(20)
	got = b""
	while True:
		part = ear.recv(4096)
		if not part:
			break
		got += part
	expect(got == b"x" * 200 + b"end", "%d octets arrived" % len(got))


try:
	main()
except AssertionError as e:
	print(e)
	sys.exit(1)
