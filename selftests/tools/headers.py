#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What the headers of protected packets look like, inside and outside, and what happens to
packets that are held, changed and sent again on the way.

It has sockets in all namespaces of sites-lib.sh and does what it is told a line at a time on
stdin; each line is answered by one, "ok" or "failed" and what. Between the gateways are
wires without a router, so what gw-a sends is seen on gw-b's wan as it left.

  out FROM FAMILY [tos=N] [ttl=N] [df=N] [size=N] [count=N]
	UDP from site-a or gw-a to the other side, a payload of so many octets; answered by the
	first outer packet and the inner one: "ok outer tos=0x0 ttl=64 df=0 packets=1
	frags=0 len=1234 inner tos=0x0 ttl=62"; with count=N by the lengths of all N, each once
  ecn FAMILY
	all of RFC 6040 figure 4 on packets from site-b, in what arrives at site-a
  replay FAMILY WINDOW
	the window's edges; the counters are for others to see
  fragments FAMILY
	packets from site-b in fragments of the outer packet
  pmtu FROM FAMILY
	what site-a or gw-a, by its address on the lan, learns of the way to site-b
  mss FAMILY
	a connection from site-a; answered by what site-b and site-a see: "ok 1398 1398"

For ecn, replay and fragments the packets as they are must not reach gw-a: those with a
TTL of 64 are to be dropped there, and are sent again with 63.
"""
import ctypes
import os
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
from ipsec import checksum

import echo

CLONE_NEWNET = 0x40000000
ETH_P_ALL, PACKET_OUTGOING = 3, 4
IP_HDRINCL = 3
UDP, TCP, ICMP6, FRAGMENT = 17, 6, 58, 44
WAIT = 5 * int(os.environ.get("NFIPSEC_TIME_FACTOR", "1"))
PORT = 9
HOSTS = {
	("site-a", 4): "10.1.0.10", ("site-b", 4): "10.2.0.10", ("gw-a", 4): "192.0.2.1", ("gw-b", 4): "192.0.2.2",
	("site-a", 6): "fd01::10", ("site-b", 6): "fd02::10", ("gw-a", 6): "2001:db8::1", ("gw-b", 6): "2001:db8::2",
}
LAN = {("site-a", 4): "10.1.0.10", ("site-a", 6): "fd01::10", ("gw-a", 4): "10.1.0.1", ("gw-a", 6): "fd01::1"}
OTHER = {"site-a": "site-b", "site-b": "site-a", "gw-a": "gw-b"}
GATEWAYS = bytes((192, 0, 2)), bytes((198, 51, 100)), bytes((0x20, 0x01, 0x0d, 0xb8))
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
	pass


def enter(ns):
	with open("/run/netns/" + ns) as f:
		if libc.setns(f.fileno(), CLONE_NEWNET):
			raise OSError(ctypes.get_errno(), "setns " + ns)


def af(family):
	return socket.AF_INET if family == 4 else socket.AF_INET6


def tap(ns, dev):
	enter(ns)
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
	s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)	# SO_RCVBUFFORCE
	s.bind((dev, ETH_P_ALL))
	s.setblocking(False)
	return s


def raw(ns, family):
	enter(ns)
	s = socket.socket(af(family), socket.SOCK_RAW, socket.IPPROTO_RAW)
	if family == 4:
		s.setsockopt(socket.IPPROTO_IP, IP_HDRINCL, 1)
	return s


def sink(ns, family):
	enter(ns)
	s = socket.socket(af(family), socket.SOCK_DGRAM)
	if family == 6:
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
	s.bind(("", PORT))
	s.setblocking(False)
	return s


def packet(family, src, dst, sport, tos=0, ttl=64, df=0, size=64):
	src, dst = socket.inet_pton(af(family), src), socket.inet_pton(af(family), dst)
	udp = struct.pack("!HHHH", sport, PORT, 8 + size, 0) + bytes(i & 0xff for i in range(size))
	pseudo = src + dst + struct.pack("!II", len(udp), UDP)
	udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xffff) + udp[8:]
	if family == 6:
		return struct.pack("!IHBB", 6 << 28 | tos << 20, len(udp), UDP, ttl) + src + dst + udp
	head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(udp), 0, 0x4000 * df, ttl, UDP, 0, src, dst)
	return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


class Header:
	"""What is to be seen of an IP packet."""

	def __init__(self, data):
		self.data = data
		self.ok = len(data) >= 20 and data[0] >> 4 in (4, 6)
		if not self.ok:
			return
		self.six = data[0] >> 4 == 6
		if self.six:
			self.tos, self.ttl, self.df = struct.unpack("!H", data[:2])[0] >> 4 & 0xff, data[7], 0
			self.proto, self.len, self.head = data[6], 40 + struct.unpack("!H", data[4:6])[0], 40
			self.src, self.dst = data[8:24], data[24:40]
			self.fragment = self.later = False
			if self.proto == FRAGMENT:
				self.proto, offset = data[40], struct.unpack("!H", data[42:44])[0]
				self.fragment, self.later, self.head = True, bool(offset & 0xfff8), 48
		else:
			self.tos, self.ttl, self.df = data[1], data[8], data[6] >> 6 & 1
			self.proto, self.len, self.head = data[9], struct.unpack("!H", data[2:4])[0], (data[0] & 15) * 4
			self.src, self.dst = data[12:16], data[16:20]
			offset = struct.unpack("!H", data[6:8])[0]
			self.fragment, self.later = bool(offset & 0x3fff), bool(offset & 0x1fff)

	def protected(self):
		"""Between the gateways; xfrm's inner packets are seen on its wan, too."""
		return self.ok and self.src.startswith(GATEWAYS) and (self.later or self.proto in (50, 51) or (
			self.proto == UDP and self.data[self.head:self.head + 4] == b"\x11\x94" * 2))

	def port(self):
		"""The source port of what we sent."""
		if not self.ok or self.proto != UDP or self.later:
			return None
		sport, dport = struct.unpack("!HH", self.data[self.head:self.head + 4])
		return sport if dport == PORT else None


class Wires:
	def __init__(self):
		self.wan = tap("gw-b", "wan")
		self.lan = {"site-a": tap("site-a", "lan"), "site-b": tap("site-b", "lan")}
		self.raws = {(ns, f): raw(ns, f) for ns in ("site-a", "site-b", "gw-a") for f in (4, 6)}
		self.sinks = {(ns, f): sink(ns, f) for ns in ("site-a", "site-b", "gw-b") for f in (4, 6)}
		self.sport = 20000

	def taken(self, s, outgoing=False):
		"""What the tap has now."""
		while True:
			try:
				data, where = s.recvfrom(1 << 16)
			except BlockingIOError:
				return
			if (where[2] == PACKET_OUTGOING) == outgoing and where[1] in (0x800, 0x86dd):
				yield Header(data[14:])

	def drain(self):
		for s in (self.wan, *self.lan.values()):
			for outgoing in (False, True):
				for _ in self.taken(s, outgoing):
					pass
		for s in self.sinks.values():
			try:
				while True:
					s.recv(1 << 16)
			except OSError:
				pass

	def send(self, ns, family, **fields):
		self.sport += 1
		to = HOSTS[OTHER[ns], family]
		data = packet(family, HOSTS[ns, family], to, self.sport, **fields)
		self.raws[ns, family].sendto(data, (to, 0))
		return self.sport

	def arrives(self, ns, sport, wait=WAIT):
		"""The inner packet on a site's lan; None when it does not come."""
		end = time.monotonic() + wait
		while True:
			for h in self.taken(self.lan[ns]):
				if h.port() == sport:
					return h
			left = end - time.monotonic()
			if left <= 0:
				return None
			select.select([self.lan[ns]], [], [], left)

	def outer(self, wait=WAIT):
		"""All outer packets until the last one's fragments have come."""
		end, seen = time.monotonic() + wait, []
		while time.monotonic() < end:
			seen += [h for h in self.taken(self.wan) if h.protected()]
			if seen:
				end = min(end, time.monotonic() + 0.05)
			select.select([self.wan], [], [], max(0, min(0.05, end - time.monotonic())))
		return seen

	def out(self, ns, family, count="1", **fields):
		family, fields = int(family), {k: int(v, 0) for k, v in fields.items()}
		if count != "1":
			return self.lengths(ns, family, int(count), fields)
		self.drain()
		size = fields.get("size", 64)
		if size > 1400:
			# a raw socket sends what fits the device alone
			sport = self.send_large(ns, family, size)
		else:
			sport = self.send(ns, family, **fields)
		where = OTHER[ns]
		if where.startswith("site") and size <= 1400:
			inner = self.arrives(where, sport)
			told = "inner tos=%#x ttl=%d" % (inner.tos, inner.ttl) if inner else "inner none"
		else:
			told = "inner %s" % self.got(where, family, size)
		outer = self.outer()
		if not outer:
			raise Failed("nothing outside, " + told)
		o = outer[0]
		return "outer tos=%#x ttl=%d df=%d packets=%d frags=%d len=%d %s" % (
			o.tos, o.ttl, o.df, sum(not h.later for h in outer), sum(h.fragment for h in outer), o.len, told)

	def got(self, ns, family, size):
		s = self.sinks[ns, family]
		if not select.select([s], [], [], WAIT)[0]:
			return "none"
		return "whole" if s.recv(1 << 16) == bytes(i & 0xff for i in range(size)) else "other octets"

	def send_large(self, ns, family, size):
		enter(ns)
		self.sport += 1
		with socket.socket(af(family), socket.SOCK_DGRAM) as s:
			level, option = (socket.IPPROTO_IP, 10) if family == 4 else (socket.IPPROTO_IPV6, 23)
			s.setsockopt(level, option, 0)		# may be fragmented
			s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
			s.bind(("", self.sport))
			s.sendto(bytes(i & 0xff for i in range(size)), (HOSTS[OTHER[ns], family], PORT))
		return self.sport

	def lengths(self, ns, family, count, fields):
		"""Of @count packets of growing payload."""
		self.drain()
		most = fields.pop("size")
		for i in range(count):
			sport = self.send(ns, family, size=1 + (most - 1) * i // (count - 1), **fields)
			if not self.arrives(OTHER[ns], sport):
				raise Failed("one of %d octets did not arrive" % (1 + (most - 1) * i // (count - 1)))
		return " ".join(str(n) for n in sorted({h.len for h in self.outer()}))

	# ---- from gw-b, held, changed, sent again ----

	def held(self, family, count=1, **fields):
		"""Outer packets, in order, that gw-a has dropped; and the ports of what is in them."""
		self.drain()
		frames, ports = [], []
		for i in range(count):
			ports.append(self.send("site-b", family, **fields))
			if i % 64 == 63 or i == count - 1:
				frames += self.frames(i + 1 - len(frames))
		return frames, ports

	def frames(self, count):
		end, seen = time.monotonic() + WAIT, []
		while len(seen) < count:
			try:
				data, where = self.wan.recvfrom(1 << 16)
				if where[2] == PACKET_OUTGOING and where[1] in (0x800, 0x86dd) and Header(data[14:]).protected():
					seen.append(data)
			except BlockingIOError:
				if time.monotonic() > end:
					raise Failed("%d of %d packets left gw-b" % (len(seen), count)) from None
				select.select([self.wan], [], [], 0.1)
		return seen

	@staticmethod
	def changed(frame, tos=None):
		"""As a router would send it on, one hop further; @tos: and what it set."""
		head = bytearray(frame[14:])
		if head[0] >> 4 == 6:
			word = struct.unpack("!I", head[:4])[0]
			if tos is not None:
				word = word & ~(0xff << 20) | tos << 20
			head[:4] = struct.pack("!I", word)
			head[7] = 63
		else:
			if tos is not None:
				head[1] = tos
			head[8] = 63
			head[10:12] = b"\0\0"
			head[10:12] = struct.pack("!H", checksum(bytes(head[:20])))
		return frame[:14] + bytes(head)

	def again(self, frame, port, wait=WAIT, tos=None):
		self.wan.send(self.changed(frame, tos))
		return self.arrives("site-a", port, wait)

	def ecn(self, family):
		family = int(family)
		for inner in range(4):
			for outer in range(4):
				(frame,), (port,) = self.held(family, tos=0xb8 | inner)
				expected = inner
				if outer == 3:
					expected = 3 if inner else None
				elif outer == 1 and inner == 2:
					expected = 1
				# the DSCP outside says something of the way, and stays outside
				came = self.again(frame, port, WAIT if expected is not None else 0.2, 0x28 | outer)
				got = came.tos if came else None
				if got != (None if expected is None else 0xb8 | expected):
					raise Failed("ECN %d outside and %d inside: %s" % (outer, inner, got))
		return ""

	def replay(self, family, window):
		window = int(window)
		frames, ports = self.held(int(family), window + 2)

		def take(i, expected):
			came = self.again(frames[i], ports[i], WAIT if expected else 0.2)
			if bool(came) != expected:
				raise Failed("number %d of %d, window %d: %s" % (i + 1, len(frames), window, "taken" if came else "dropped"))

		last = window + 1
		take(last, True)		# the newest: the window is those before it
		take(last, False)
		take(last - window + 1, True)	# the oldest of the window
		take(last - window, False)	# left of it
		take(last - window + 1, False)
		take(last - 1, True)
		take(0, False)
		return ""

	def fragments(self, family):
		"""In two, the later one first."""
		(frame,), (port,) = self.held(int(family), size=1000)
		data = self.changed(frame)
		ether, head, body = data[:14], data[14:], b""
		if head[0] >> 4 == 6:
			head, body = head[:40], head[40:]
			cut = 600

			def part(offset, more, piece):
				h = head[:4] + struct.pack("!HB", len(piece) + 8, FRAGMENT) + head[7:]
				return h + struct.pack("!BBHI", head[6], 0, offset | more, 0x6e66) + piece
		else:
			head, body = head[:20], head[20:]
			cut = 600

			def part(offset, more, piece):
				h = head[:2] + struct.pack("!HHH", 20 + len(piece), 0x6e66, more << 13 | offset >> 3) + \
					head[8:10] + b"\0\0" + head[12:]
				return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + piece
		self.wan.send(ether + part(cut, 0, body[cut:]))
		self.wan.send(ether + part(0, 1, body[:cut]))
		if not self.arrives("site-a", port):
			raise Failed("a packet in fragments did not arrive")
		return ""

	def pmtu(self, ns, family):
		enter(ns)
		return echo.Asker(HOSTS["site-b", int(family)], 7).path_mtu(LAN[ns, int(family)])

	def mss(self, family):
		family = int(family)
		self.drain()
		enter("site-b")
		listener = socket.socket(af(family), socket.SOCK_STREAM)
		listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		listener.bind((HOSTS["site-b", family], 7777))
		listener.listen()
		enter("site-a")
		with listener, socket.create_connection((HOSTS["site-b", family], 7777), WAIT):
			pass
		seen = []
		for ns in ("site-b", "site-a"):
			for h in self.taken(self.lan[ns]):
				t = h.data[h.head:]
				if h.proto == TCP and t[13] & 2:
					opt = t[20:(t[12] >> 4) * 4]
					at = opt.find(b"\x02\x04")
					seen.append(struct.unpack("!H", opt[at + 2:at + 4])[0])
					break
		return " ".join(map(str, seen))


def main():
	wires = Wires()
	print("ok", flush=True)
	for line in sys.stdin:
		what, *args = line.split()
		words = dict(a.split("=") for a in args if "=" in a)
		try:
			print("ok", getattr(wires, what)(*[a for a in args if "=" not in a], **words), flush=True)
		except (Failed, echo.Failed, OSError) as e:
			print("failed", e, flush=True)


main()
