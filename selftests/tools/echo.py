#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
What comes back from the other end, compared octet by octet: echo requests, datagrams
of many sizes, TCP.

usage: echo.py serve PORT		UDP and TCP, IPv4 and IPv6, until it is killed
       echo.py ask ADDRESS PORT	[SIZE...]
					datagrams of these payloads, or of many; exit status 1,
					and the size, when one does not come back
       echo.py options ADDRESS PORT
					datagrams with IPv4 options or IPv6 extension headers
       echo.py asker PORT		an ADDRESS a line on stdin, each answered by a line:
					"ok MTU", or "failed" and what
"""
import errno
import os
import random
import selectors
import socket
import struct
import sys
import threading
import time

# linux/in.h, linux/in6.h, linux/errqueue.h
IP_MTU_DISCOVER, IP_RECVERR, IPV6_MTU_DISCOVER, IPV6_RECVERR = 10, 11, 23, 25
PMTUDISC_DONT, PMTUDISC_PROBE = 0, 3
MSG_ERRQUEUE = 0x2000

# every length of padding there is, the sizes about one packet, and fragments
IPV6_HOPOPTS, IPV6_DSTOPTS, UDP_SEGMENT = 54, 59, 103

# router alert, record route, timestamps, and two of them; each to a word of 32 bits
ROUTER_ALERT = bytes((148, 4, 0, 0))
RECORD_ROUTE = bytes((7, 19, 4)) + bytes(17)
TIMESTAMPS = bytes((68, 20, 5, 0)) + bytes(16)
OPTIONS4 = [((socket.IPPROTO_IP, socket.IP_OPTIONS, o),) for o in (
	ROUTER_ALERT, RECORD_ROUTE, TIMESTAMPS, bytes((1, 1, 1, 1)) + TIMESTAMPS, RECORD_ROUTE + ROUTER_ALERT)]
# options for experiments (RFC 4727) that all may skip: 0x1e stays as it is, 0x3e may change on the way
STAYS, CHANGES = bytes((0x1e, 4)) + b"stay", bytes((0x3e, 4)) + b"vary"


def header6(option, *data):
	"""Linux takes no more than 7 octets of padding in a row."""
	data = b"".join(data)
	data += bytes((1, -(len(data) + 4) % 8)) + bytes(-(len(data) + 4) % 8)
	return socket.IPPROTO_IPV6, option, bytes((0, (len(data) + 2) // 8 - 1)) + data


OPTIONS6 = [
	(header6(IPV6_HOPOPTS),), (header6(IPV6_HOPOPTS, STAYS, CHANGES),),
	(header6(IPV6_DSTOPTS),), (header6(IPV6_DSTOPTS, STAYS, CHANGES),),
	(header6(IPV6_HOPOPTS, CHANGES, STAYS), header6(IPV6_DSTOPTS, STAYS, CHANGES)),
]

SIZES = [*range(1, 34), 255, 256, *range(1370, 1450, 3), 1472, 1473, 4000, 9000, 30000, 65000]
WAIT = 3 * int(os.environ.get("NFIPSEC_TIME_FACTOR", "1"))
LINK_MTU = 1500
TCP_OCTETS = 60000


class Failed(Exception):
	pass


class Silence(Failed):
	pass


def family_of(address):
	return socket.AF_INET6 if ":" in address else socket.AF_INET


def head_len(family):
	return (40 if family == socket.AF_INET6 else 20) + 8


def udp(family, discover):
	"""With @discover PMTUDISC_DONT, what is too long is fragmented at the first try."""
	s = socket.socket(family, socket.SOCK_DGRAM)
	if family == socket.AF_INET6:
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		s.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover)
	else:
		s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
	for size in (socket.SO_RCVBUF, socket.SO_SNDBUF):
		s.setsockopt(socket.SOL_SOCKET, size, 1 << 20)
	return s


def families():
	return [socket.AF_INET] + [socket.AF_INET6] * os.path.exists("/proc/net/if_inet6")


def serve_tcp(listener):
	while True:
		s, _ = listener.accept()
		try:
			while data := s.recv(1 << 16):
				s.sendall(data)
		except OSError:
			pass	# the asker tells
		s.close()


def serve(port):
	ready = selectors.DefaultSelector()
	for family in families():
		s = udp(family, PMTUDISC_DONT)
		s.bind(("", port))
		ready.register(s, selectors.EVENT_READ)
		t = socket.socket(family, socket.SOCK_STREAM)
		t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		if family == socket.AF_INET6:
			t.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		t.bind(("", port))
		t.listen()
		threading.Thread(target=serve_tcp, args=(t,), daemon=True).start()
	while True:
		for key, _ in ready.select():
			try:
				data, peer = key.fileobj.recvfrom(1 << 16)
				key.fileobj.sendto(data, peer)
			except OSError:
				pass	# an ICMP error about an earlier one; the asker tells


class Asker:
	def __init__(self, address, port):
		self.address, self.port, self.family = address, port, family_of(address)
		self.six = self.family == socket.AF_INET6
		self.rnd = random.Random(1)

	def udp(self, discover, source=""):
		s = udp(self.family, discover)
		s.bind((source, 0))
		s.connect((self.address, self.port))
		s.settimeout(WAIT)
		return s

	def datagram(self, s, size):
		"""
		A router tells an IPv6 sender what is too big and drops it, so the first may be lost
		on either way, and then they know.
		"""
		tries = 3 if self.six and size > 1200 else 1
		data = self.rnd.randbytes(size)
		for left in reversed(range(tries)):
			if left:
				s.settimeout(WAIT / 10)
			else:
				s.settimeout(WAIT)
			try:
				s.send(data)
				back = s.recv(1 << 16)
			except OSError as e:
				if left:
					continue
				raise Failed("UDP, %d octets: %s" % (size, e)) from e
			if back != data:
				raise Failed("UDP, %d octets: not what was sent" % size)
			return

	def datagrams(self, sizes):
		with self.udp(PMTUDISC_DONT) as s:
			for size in sizes:
				self.datagram(s, size)

	def options(self):
		for options in OPTIONS6 if self.six else OPTIONS4:
			with self.udp(PMTUDISC_DONT) as s:
				for option in options:
					s.setsockopt(*option)
				try:
					for size in (1, 64, 1000):
						self.datagram(s, size)
				except Failed as e:
					raise Failed("%s, with %s" % (e, " ".join(o[2].hex() for o in options))) from e

	def segments(self):
		"""UDP GSO: one packet down to where it is taken apart, 20 datagrams beyond."""
		each = 1100
		data = self.rnd.randbytes(20 * each)
		with self.udp(PMTUDISC_DONT) as s:
			s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, each)
			try:
				s.send(data)
			except OSError as e:
				if e.errno == errno.EIO:	# the device does no checksums, and so no segments
					return
				raise
			try:
				back = [s.recv(1 << 16) for _ in range(20)]
			except OSError as e:
				raise Failed("UDP in segments: %s" % e) from e
		if sorted(back) != sorted(data[i:i + each] for i in range(0, len(data), each)):
			raise Failed("UDP in segments: not what was sent")

	def ping(self, size):
		"""With a socket that leaves the checksum to the kernel."""
		s = socket.socket(self.family, socket.SOCK_DGRAM,
				  socket.IPPROTO_ICMPV6 if self.six else socket.IPPROTO_ICMP)
		with s:
			s.settimeout(WAIT)
			s.connect((self.address, 0))
			data = self.rnd.randbytes(size)
			s.send(struct.pack("!BBHHH", 128 if self.six else 8, 0, 0, 0, 1) + data)
			try:
				back = s.recv(1 << 16)
			except OSError as e:
				raise Failed("ping, %d octets: %s" % (size, e)) from e
			if back[8:] != data:
				raise Failed("ping, %d octets: not what was sent" % size)

	def tcp(self):
		data = self.rnd.randbytes(TCP_OCTETS)
		back = b""
		try:
			with socket.create_connection((self.address, self.port), WAIT) as s:
				s.sendall(data)
				s.shutdown(socket.SHUT_WR)
				while more := s.recv(1 << 16):
					back += more
		except OSError as e:
			raise Failed("TCP, after %d octets: %s" % (len(back), e)) from e
		if back != data:
			raise Failed("TCP: not what was sent")

	def told(self, s, size, wait=WAIT):
		"""A datagram that may not be fragmented: the MTU that its sender is told, or None if it came back."""
		end = time.monotonic() + wait
		data = self.rnd.randbytes(size)
		try:
			s.send(data)
		except OSError as e:
			if e.errno != errno.EMSGSIZE:	# at once, but the error has the number
				raise Failed("UDP with DF, %d octets: %s" % (size, e)) from e
		s.settimeout(0)
		while time.monotonic() < end:
			try:
				_, control, _, _ = s.recvmsg(0, 512, MSG_ERRQUEUE)
				for _, _, error in control:
					number, _, _, _, _, mtu = struct.unpack_from("=IBBBBI", error)
					if number == errno.EMSGSIZE:
						return mtu
			except OSError:
				pass
			try:
				if s.recv(1 << 16) == data:
					return None
				raise Failed("UDP with DF, %d octets: not what was sent" % size)
			except OSError:
				time.sleep(0.002)
		raise Silence("UDP with DF, %d octets: no answer, and no word of an MTU" % size)

	def prober(self, source=""):
		s = self.udp(PMTUDISC_PROBE, source)
		s.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVERR, 1) if self.six else
			       (socket.IPPROTO_IP, IP_RECVERR, 1)))
		return s

	def path_mtu(self, source):
		"""
		The MTU of a way with a router on it: what is too big for that is lost, and nobody knows
		why but who sent the outer packet. The next one's sender is told.
		"""
		size = LINK_MTU
		with self.prober(source) as s:
			for _ in range(8):
				try:
					mtu = self.told(s, size - head_len(self.family), WAIT / 10)
				except Silence:
					continue
				if not mtu:
					return size
				size = mtu
		raise Failed("%d octets neither pass nor are called too big" % size)

	def mtu(self):
		"""The MTU as senders are told; what is so long passes, one octet more does not."""
		with self.prober() as s:
			mtu = self.told(s, LINK_MTU - head_len(self.family))
			if not mtu:
				raise Failed("%d octets with DF passed" % LINK_MTU)
			# the answer may be too long for the other side, which then learns it
			for left in (1, 0):
				try:
					again = self.told(s, mtu - head_len(self.family))
					break
				except Failed:
					if not (left and self.six):
						raise
			if again:
				raise Failed("the MTU was told as %d, and then as %d" % (mtu, again))
			again = self.told(s, mtu + 1 - head_len(self.family))
			if again != mtu:
				raise Failed("the MTU was told as %d, and one octet more had: %s" % (mtu, again))
			return mtu

	def all(self):
		for size in (1, 56):
			self.ping(size)
		self.datagrams((1, 64))
		mtu = self.mtu()
		if mtu < (1280 if self.six else 576):
			raise Failed("an MTU of %d" % mtu)
		inside = mtu - head_len(self.family)
		self.datagrams((inside - 1, inside, inside + 1, 9000, 65000))
		self.segments()
		self.tcp()
		return mtu


def asker(port):
	# sockets for ping
	with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
		f.write("0 0")
	for line in sys.stdin:
		try:
			print("ok", Asker(line.strip(), port).all(), flush=True)
		except (Failed, OSError) as e:
			print("failed", e, flush=True)


def main(what, *args):
	if what == "serve":
		serve(int(args[0]))
	elif what == "asker":
		asker(int(args[0]))
	elif what == "options":
		try:
			Asker(args[0], int(args[1])).options()
		except Failed as e:
			return str(e)
	else:
		try:
			Asker(args[0], int(args[1])).datagrams([int(a) for a in args[2:]] or SIZES)
		except Failed as e:
			return str(e)
	return 0


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]))
