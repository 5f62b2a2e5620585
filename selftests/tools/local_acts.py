# SPDX-License-Identifier: GPL-2.0
"""
What a local user without any capability does on a gateway: sockets of each family and type with
options, control messages, sizes and ports at random. local_user.py judges what leaves.

Each method do_NAME of User is one action. An OSError means that the kernel refused it.
"""
import array
import ctypes
import errno
import fcntl
import os
import random
import socket
import struct

import nfnl

# linux/in.h, in6.h, socket.h, udp.h, tcp.h, errqueue.h: numbers that Python does not name
SO_ZEROCOPY, SO_TXTIME, SO_MARK, SO_RCVBUFFORCE, SO_PRIORITY = 60, 61, 36, 33, 12
SO_TIMESTAMPING, SO_DONTROUTE, SO_BINDTOIFINDEX, SO_ATTACH_FILTER = 37, 5, 62, 26
MSG_ZEROCOPY, MSG_ERRQUEUE, MSG_FASTOPEN, MSG_CONFIRM, MSG_OOB = 0x4000000, 0x2000, 0x20000000, 0x800, 1
MSG_MORE, MSG_DONTROUTE, MSG_PROBE = 0x8000, 4, 0x10
UDP_CORK, UDP_ENCAP, UDP_NO_CHECK6_TX, UDP_SEGMENT, UDP_GRO = 1, 100, 101, 103, 104
IP_OPTIONS, IP_HDRINCL, IP_RETOPTS, IP_PKTINFO, IP_MTU_DISCOVER, IP_RECVERR, IP_FREEBIND = 4, 3, 7, 8, 10, 11, 15
IP_IPSEC_POLICY, IP_XFRM_POLICY, IP_TRANSPARENT, IP_UNICAST_IF, IP_NODEFRAG, IP_MULTICAST_ALL = 16, 17, 19, 50, 22, 49
IPV6_UNICAST_IF, IPV6_XFRM_POLICY, IPV6_TRANSPARENT, IPV6_FREEBIND, IPV6_AUTOFLOWLABEL = 76, 35, 75, 78, 70
IPV6_PKTINFO, IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RTHDR, IPV6_DSTOPTS, IPV6_PATHMTU = 50, 54, 55, 57, 59, 61
IPV6_2292PKTINFO, IPV6_2292HOPOPTS, IPV6_2292DSTOPTS, IPV6_2292RTHDR, IPV6_2292PKTOPTIONS = 2, 3, 4, 5, 6
IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_DONTFRAG, IPV6_MTU, IPV6_FLOWLABEL_MGR = 23, 25, 62, 24, 32
TCP_REPAIR, TCP_ULP, TCP_MD5SIG, TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE = 19, 31, 14, 23, 30, 34
UDPLITE, SCTP, DCCP, MPTCP = 136, 132, 33, 262
SIOCGIFCONF, SIOCSIFADDR, SIOCSIFFLAGS, SIOCADDRT = 0x8912, 0x8916, 0x8914, 0x890b
PR_SET_NO_NEW_PRIVS = 38

NOBODY = 65534
TOKEN = b"CLEAR"			# in each packet of the stranger
STRANGER, STRANGER6 = "192.0.2.66", "2001:db8::66"	# the address of routers that the stranger invents
PORTS = [7, 500, 4500, 7001, 7002, 7003]
SIZES = [0, 1, 8, 100, 1000, *range(1360, 1480, 7), 1472, 1473, 3000, 9000, 20000, 65000]
FROM = {4: ["", "10.1.0.1", "10.1.0.1", "192.0.2.1", "127.0.0.1", "10.1.0.10", "10.2.0.10", "255.255.255.255"],
	6: ["", "fd01::1", "fd01::1", "2001:db8::1", "::1", "fd01::10", "fd02::10"]}
GROUPS = {4: ["239.2.0.1", "239.9.0.1"], 6: ["ff05::2:1", "ff05::9:1"]}
TO = {4: ["10.2.0.10"] * 6 + ["10.2.0.1", "10.2.0.255", "192.0.2.2", "192.0.2.2", *["192.0.2.77"] * 4, *GROUPS[4],
				"255.255.255.255", "192.0.2.255", "127.0.0.1", "10.1.0.1", "10.1.0.10"],
      6: ["fd02::10"] * 6 + ["fd02::1", "2001:db8::2", "2001:db8::2", *["2001:db8::77"] * 4, *GROUPS[6], "ff02::1",
			     "::1", "fd01::1", "fd01::10", "::ffff:10.2.0.10", "::ffff:192.0.2.2"]}
DEVICES = [b"wan", b"lan", b"lo", b"nfipsec0", b"vrf0", b"none"]
KEPT = 30				# sockets
LOOKED_AT = ["/proc/net/" + name for name in (
	"udp", "udp6", "tcp", "tcp6", "raw", "icmp", "snmp", "netstat", "dev", "route", "ipv6_route", "netlink", "packet", "protocols",
	"ptype", "xfrm_stat", "nf_conntrack", "sockstat", "dev_snmp6/nfipsec0")] + [
	"/proc/modules", "/proc/crypto", "/proc/keys", "/proc/slabinfo", "/proc/kallsyms", "/proc/self/net/nfnetlink",
	"/sys/module/nfipsec/sections/.data", "/sys/kernel/tracing/events/nfipsec/enable", "/sys/kernel/debug/tracing/trace",
	"/dev/kmsg", "/proc/kmsg", "/proc/kcore", "/dev/mem"]

libc = ctypes.CDLL(None, use_errno=True)


def v4(address):
	return socket.inet_pton(socket.AF_INET, address)


def v6(address):
	return socket.inet_pton(socket.AF_INET6, address)


class Finding(Exception):
	"""The user had what he must not have."""


class User:
	"""One process. @key: octets that no answer of the kernel may show; @told: gets an octet for each action."""

	def __init__(self, seed, family, commands, key, told):
		self.rng, self.nf_family, self.commands, self.told = random.Random(seed), family, commands, told
		self.secrets = (key, key.hex().encode())
		self.sockets, self.done, self.tried, self.findings, self.answers = [], {}, {}, {}, 0

	@staticmethod
	def drop_privileges():
		os.setgroups([])
		os.setresgid(NOBODY, NOBODY, NOBODY)
		os.setresuid(NOBODY, NOBODY, NOBODY)
		libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

	def run(self, actions):
		names = [n for n in dir(self) if n.startswith("do_")]
		for _ in range(actions):
			name = self.rng.choice(names)
			short = name[3:]
			self.tried[short] = self.tried.get(short, 0) + 1
			try:
				getattr(self, name)()
				self.done[short] = self.done.get(short, 0) + 1
			except Finding as found:
				self.findings[str(found)] = self.findings.get(str(found), 0) + 1
			except (OSError, OverflowError):
				pass
			os.write(self.told, b"x")
			while len(self.sockets) > KEPT:
				self.sockets.pop(0).close()

	# ---- parts of actions ----

	def tries(self, function, *args):
		"""False where the kernel refuses."""
		try:
			function(*args)
			return True
		except (OSError, OverflowError):
			return False

	def refused(self, what, function, *args):
		if self.tries(function, *args):
			raise Finding("%s was allowed" % what)

	def family_of(self, s):
		return 4 if s.family == socket.AF_INET else 6

	def pick(self, *types):
		"""One of the user's sockets of IP, of these types."""
		some = [s for s in self.sockets if s.family in (socket.AF_INET, socket.AF_INET6) and (not types or s.type in types)]
		if not some:
			raise OSError(errno.EBADF, "no socket")
		return self.rng.choice(some)

	def far(self, family):
		return self.rng.choice(TO[family]), self.rng.choice(PORTS)

	def srh(self, address):
		"""A routing header of segment routing, RFC 8754 2, by way of @address."""
		return struct.pack("!BBBBBBH", 0, 4, 4, 1, 1, 0, 0) + v6("fd02::10") + v6(address)

	def header6(self):
		"""The options of a header, with padding or an option to skip."""
		return self.rng.choice((b"\0\0\1\4\0\0\0\0", b"\0\0\x1e\4stay", b"\0\0\x3e\4vary", b"\0\0\5\2\0\0\1\0", b"\0\1" + bytes(14)))

	def options4(self):
		hop = v4(self.rng.choice(TO[4]))
		return self.rng.choice((
			b"\x94\4\0\0", b"\7\7\4" + bytes(5), b"\x44\x0c\5\0" + bytes(8), b"\x83\7\4" + hop + b"\0", b"\x89\7\4" + hop + b"\0",
			b"\x83\x0b\4" + hop + v4("10.2.0.10") + b"\0", b"\1\1\1\1", b"\x86\6\0\0\0\1\0\0"))

	def routing6(self):
		hop = self.rng.choice(("fd02::10", "2001:db8::2", "2001:db8::77", "fd02::1"))
		return self.rng.choice((self.srh(hop), struct.pack("!BBBBI", 0, 2, 0, 1, 0) + v6(hop), struct.pack("!BBBBI", 0, 2, 2, 1, 0) + v6(hop)))

	def index(self):
		try:
			return socket.if_nametoindex(self.rng.choice(DEVICES).decode())
		except OSError:
			return self.rng.randrange(9)

	def an_option(self, s):
		"""(level, name, value) of one that anybody may set."""
		rng, sol, ip, ip6 = self.rng, socket.SOL_SOCKET, socket.IPPROTO_IP, socket.IPPROTO_IPV6
		four, six = rng.choice(FROM[4][1:]), rng.choice(FROM[6][1:])
		group4, group6 = v4(rng.choice(GROUPS[4])), v6(rng.choice(GROUPS[6]))
		some = [
			(sol, socket.SO_BINDTODEVICE, rng.choice(DEVICES)), (sol, SO_BINDTOIFINDEX, self.index()), (sol, socket.SO_BROADCAST, 1),
			(sol, SO_ZEROCOPY, 1), (sol, SO_TXTIME, struct.pack("=iI", rng.choice((1, 11)), rng.randrange(4))), (sol, SO_PRIORITY, rng.randrange(7)),
			(sol, socket.SO_SNDBUF, rng.choice((1, 4096, 1 << 20))), (sol, socket.SO_RCVBUF, rng.choice((1, 1 << 20))),
			(sol, SO_TIMESTAMPING, rng.getrandbits(12)), (sol, SO_DONTROUTE, rng.randrange(2)), (sol, socket.SO_REUSEADDR, 1),
			(sol, socket.SO_REUSEPORT, 1), (sol, socket.SO_LINGER, struct.pack("=ii", 1, 0)), (sol, socket.SO_KEEPALIVE, 1),
			(17, UDP_SEGMENT, rng.choice((1, 500, 1400, 1472))), (17, UDP_GRO, 1), (17, UDP_CORK, rng.randrange(2)),
			(17, UDP_ENCAP, rng.choice((1, 2, 3, 6))), (17, UDP_NO_CHECK6_TX, 1),
			(6, TCP_ULP, rng.choice((b"tls", b"espintcp", b"mptcp", b"smc"))), (6, TCP_FASTOPEN, 5), (6, TCP_FASTOPEN_CONNECT, 1),
			(6, TCP_FASTOPEN_NO_COOKIE, 1), (6, socket.TCP_NODELAY, 1), (6, socket.TCP_CORK, rng.randrange(2)), (6, socket.TCP_MAXSEG, rng.randrange(40, 9000)),
			(6, TCP_MD5SIG, struct.pack("=H2x4s120xBBHi80s", 2, v4("10.2.0.10"), 0, 0, 4, 0, b"word")),
			(6, socket.TCP_CONGESTION, rng.choice((b"reno", b"cubic", b"bbr"))), (6, socket.TCP_USER_TIMEOUT, rng.randrange(5000))]
		if s.family == socket.AF_INET:
			some += [(ip, IP_OPTIONS, self.options4())] * 4 + [
				(ip, IP_MTU_DISCOVER, rng.randrange(6)), (ip, IP_RECVERR, 1), (ip, IP_FREEBIND, 1), (ip, IP_PKTINFO, 1), (ip, IP_RETOPTS, 1),
				(ip, IP_UNICAST_IF, struct.pack("!I", self.index())), (ip, IP_MULTICAST_ALL, rng.randrange(2)), (ip, socket.IP_TOS, rng.randrange(256)),
				(ip, socket.IP_TTL, rng.choice((1, 2, 64, 255))), (ip, socket.IP_MULTICAST_TTL, rng.choice((0, 1, 9))),
				(ip, socket.IP_MULTICAST_LOOP, rng.randrange(2)), (ip, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), v4(four), self.index())),
				(ip, socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4si", group4, bytes(4), self.index())), (ip, IP_NODEFRAG, 1)]
		else:
			some += [(ip6, IPV6_RTHDR, self.routing6())] * 3 + [
				(ip6, IPV6_HOPOPTS, self.header6()), (ip6, IPV6_DSTOPTS, self.header6()), (ip6, IPV6_RTHDRDSTOPTS, self.header6()),
				(ip6, IPV6_2292PKTOPTIONS, self.control6()), (ip6, IPV6_2292PKTINFO, 1), (ip6, IPV6_2292RTHDR, 1), (ip6, IPV6_2292HOPOPTS, 1),
				(ip6, IPV6_2292DSTOPTS, 1), (ip6, IPV6_PATHMTU, 1), (ip6, IPV6_PKTINFO, v6(six) + struct.pack("=I", self.index())),
				(ip6, IPV6_MTU_DISCOVER, rng.randrange(6)), (ip6, IPV6_RECVERR, 1), (ip6, IPV6_DONTFRAG, rng.randrange(2)), (ip6, IPV6_FREEBIND, 1),
				(ip6, IPV6_MTU, rng.choice((1280, 1400, 9000))), (ip6, IPV6_UNICAST_IF, struct.pack("!I", self.index())), (ip6, IPV6_AUTOFLOWLABEL, 1),
				(ip6, socket.IPV6_V6ONLY, rng.randrange(2)), (ip6, socket.IPV6_TCLASS, rng.randrange(256)), (ip6, socket.IPV6_UNICAST_HOPS, rng.choice((1, 2, 64))),
				(ip6, socket.IPV6_MULTICAST_HOPS, rng.choice((0, 1, 9))), (ip6, socket.IPV6_MULTICAST_LOOP, rng.randrange(2)),
				(ip6, socket.IPV6_MULTICAST_IF, self.index()), (ip6, socket.IPV6_JOIN_GROUP, group6 + struct.pack("=i", self.index()))]
		return rng.choice(some)

	def control6(self):
		data = self.routing6()
		return struct.pack("=QII", 16 + len(data), socket.IPPROTO_IPV6, IPV6_2292RTHDR) + data

	def control(self, family):
		"""Control messages of one datagram."""
		rng, ip, ip6 = self.rng, socket.IPPROTO_IP, socket.IPPROTO_IPV6
		some = [(17, UDP_SEGMENT, struct.pack("=H", rng.choice((1, 200, 1400)))), (socket.SOL_SOCKET, SO_TXTIME, struct.pack("=Q", rng.getrandbits(60))),
			(socket.SOL_SOCKET, SO_MARK, struct.pack("=I", 1)), (socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("=I", 2))]
		if family == 4:
			some += [(ip, IP_PKTINFO, struct.pack("=i4s4s", self.index(), v4(rng.choice(FROM[4][1:])), bytes(4))), (ip, IP_RETOPTS, self.options4()),
				 (ip, socket.IP_TTL, struct.pack("=i", 1)), (ip, socket.IP_TOS, struct.pack("=i", 3))]
		else:
			some += [(ip6, rng.choice((IPV6_PKTINFO, IPV6_2292PKTINFO)), v6(rng.choice(FROM[6][1:])) + struct.pack("=I", self.index())),
				 (ip6, rng.choice((IPV6_RTHDR, IPV6_2292RTHDR)), self.routing6()), (ip6, rng.choice((IPV6_HOPOPTS, IPV6_2292HOPOPTS)), self.header6()),
				 (ip6, rng.choice((IPV6_DSTOPTS, IPV6_2292DSTOPTS)), self.header6()), (ip6, IPV6_DONTFRAG, struct.pack("=i", 1))]
		return rng.sample(some, rng.choice((0, 0, 1, 1, 2)))

	def payload(self):
		data = b"user" * (self.rng.choice(SIZES) // 4 + 1)
		# data, ESP in UDP, or IKE on port 4500
		return self.rng.choice((data, data, struct.pack("!II", 0x1001, 1) + data, bytes(4) + data))

	def saw(self, data, ancillary=(), offender=True):
		if TOKEN in data:
			raise Finding("a packet in clear was received")
		if data:
			self.answers += 1
		for _level, kind, value in ancillary:
			if offender and kind in (IP_RECVERR, IPV6_RECVERR) and (v4(STRANGER) in value or v6(STRANGER6) in value):
				raise Finding("an ICMP error in clear was received")

	def not_secret(self, data, where):
		for secret in self.secrets:
			if secret in data:
				raise Finding("a key is readable in %s" % where)

	# ---- actions ----

	def do_open(self):
		"""A socket of IP: options, an address, a peer, in an order of its own."""
		rng, family = self.rng, self.rng.choice((4, 6))
		kind, proto = rng.choice(((socket.SOCK_DGRAM, 0),) * 4 + ((socket.SOCK_STREAM, 0),) * 3 + (
			(socket.SOCK_DGRAM, 1 if family == 4 else 58), (socket.SOCK_DGRAM, UDPLITE), (socket.SOCK_STREAM, MPTCP),
			(socket.SOCK_SEQPACKET, SCTP), (6, DCCP)))
		s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, kind, proto)
		s.setblocking(False)
		self.sockets.append(s)
		steps = [lambda: s.setsockopt(*self.an_option(s))] * rng.randrange(5)
		steps += [lambda: s.bind((rng.choice(FROM[family]), rng.choice([0] + PORTS)))] * rng.choice((0, 1, 1, 1, 2))
		steps += [lambda: s.connect_ex(self.far(family))] * rng.choice((0, 1, 1))
		rng.shuffle(steps)
		for step in steps:
			self.tries(step)

	def do_options(self):
		s = self.pick()
		for _ in range(4):
			self.tries(lambda: s.setsockopt(*self.an_option(s)))

	def do_connect(self):
		"""Again, or to nowhere; with another address bound between."""
		s, rng = self.pick(), self.rng
		if rng.random() < .3:
			libc.connect(s.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
			self.tries(s.bind, (rng.choice(FROM[self.family_of(s)]), rng.choice([0] + PORTS)))
		s.connect_ex(self.far(self.family_of(s)))

	def do_send(self):
		s, rng = self.pick(), self.rng
		family = self.family_of(s)
		for _ in range(rng.choice((1, 1, 2, 8))):
			flags = rng.choice((0, 0, 0, MSG_ZEROCOPY, MSG_MORE, MSG_CONFIRM, MSG_DONTROUTE, MSG_OOB, MSG_PROBE, MSG_FASTOPEN))
			data = self.payload()
			if s.proto in (1, 58):
				data = bytes((8 if family == 4 else 128, 0)) + bytes(6) + data
			to = [] if rng.random() < .3 else [self.far(family)]
			self.tries(lambda: s.sendmsg([data], self.control(family), flags, *to))

	def do_datagram(self):
		"""By a socket of its own, with an option and control messages or none, so that most leave."""
		rng, family = self.rng, self.rng.choice((4, 6))
		s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM, rng.choice((0, 0, 0, UDPLITE)))
		s.setblocking(False)
		self.sockets.append(s)
		if rng.random() < .6:
			self.tries(lambda: s.setsockopt(*self.an_option(s)))
		self.tries(s.bind, (rng.choice(FROM[family][:4]), rng.choice([0] + PORTS)))
		to = self.far(family)
		if rng.random() < .3:
			self.tries(s.connect, to)
		for _ in range(rng.choice((1, 3))):
			s.sendmsg([self.payload()], self.control(family) if rng.random() < .4 else [], rng.choice((0, 0, MSG_ZEROCOPY)), to)

	def do_tcp(self):
		"""A connection to the echo of the other site, or to itself, and what may be sent by it."""
		rng, family = self.rng, self.rng.choice((4, 6))
		s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM, rng.choice((0, 0, MPTCP)))
		s.settimeout(.2)
		self.sockets.append(s)
		self.tries(s.bind, (rng.choice(FROM[family][1:4]), rng.choice((0, 0, *PORTS))))
		to = rng.choice(("10.2.0.10", "10.2.0.10", "192.0.2.2") if family == 4 else ("fd02::10", "fd02::10", "2001:db8::2")), 7
		if rng.random() < .3:
			self.tries(s.sendto, self.payload(), MSG_FASTOPEN, to)
		else:
			self.tries(s.connect, to)
			self.tries(s.send, self.payload(), rng.choice((0, MSG_ZEROCOPY, MSG_MORE, MSG_OOB)))
		if rng.random() < .5:
			self.tries(lambda: self.saw(s.recv(1 << 16)))
		s.setblocking(False)

	def do_listen(self):
		"""Accepts with data in the SYN, and a connection of the stranger is one that came in clear."""
		rng, family = self.rng, self.rng.choice((4, 6))
		s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_STREAM)
		s.setblocking(False)
		self.sockets.append(s)
		self.tries(s.setsockopt, 6, TCP_FASTOPEN, 5)
		s.bind((rng.choice(FROM[family][:4]), rng.choice(PORTS)))
		s.listen(5)

	def do_receive(self):
		for s in self.rng.sample(self.sockets, min(8, len(self.sockets))):
			for flags in (0, MSG_ERRQUEUE):
				try:
					data, ancillary, _flags, _from = s.recvmsg(1 << 12, 1 << 12, flags | socket.MSG_DONTWAIT)
				except OSError:
					continue
				# the quote of an error has the user's own octets
				self.saw(data, ancillary)

	def do_accept(self):
		"""A connection to itself is there, if no other one is."""
		listening = [s for s in self.sockets if s.type == socket.SOCK_STREAM and s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
		if not listening:
			self.do_listen()
			listening = self.sockets[-1:]
		s = self.rng.choice(listening)
		mine = socket.socket(s.family, socket.SOCK_STREAM)
		mine.setblocking(False)
		self.sockets.append(mine)
		mine.connect_ex(s.getsockname()[:2])
		self.tries(mine.send, self.payload())
		one, _ = s.accept()
		one.setblocking(False)
		self.sockets.append(one)
		self.saw(one.recv(1 << 12))

	def do_splice(self):
		"""Pages of files and pipes, not copies."""
		s, rng = self.pick(), self.rng
		if rng.random() < .5:
			fd = os.memfd_create("user")
			try:
				os.write(fd, self.payload())
				os.sendfile(s.fileno(), fd, rng.randrange(100), rng.choice(SIZES) + 1)
			finally:
				os.close(fd)
			return
		out, into = os.pipe()
		try:
			os.set_blocking(into, False)
			data = self.payload()[:60000]
			buffer = ctypes.create_string_buffer(data)
			if rng.random() < .5:
				iovec = struct.pack("=QQ", ctypes.addressof(buffer), len(data))
				libc.vmsplice(into, iovec, ctypes.c_ulong(1), rng.choice((0, 8)))
			else:
				os.write(into, data)
			os.splice(out, s.fileno(), len(data), flags=rng.choice((2, 6)))
		finally:
			os.close(out)
			os.close(into)

	def do_close(self):
		"""At odd times: unread, half, from another process, or while it is under way to one."""
		rng, s = self.rng, self.pick()
		self.sockets.remove(s)
		how = rng.randrange(5)
		if how == 0:
			self.tries(s.shutdown, rng.randrange(3))
		elif how == 1:
			self.tries(s.setsockopt, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, rng.randrange(2)))
		elif how == 2:
			self.tries(s.sendto, self.payload(), MSG_MORE, self.far(self.family_of(s)))
		elif how == 3:
			a, b = socket.socketpair()
			a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
			s.close()
			a.close()
			b.close()
		s.close()

	def do_unusual(self):
		"""Any family, type and protocol. Raw sockets and packet sockets are for the privileged."""
		rng = self.rng
		family, kind, proto = rng.randrange(1, 47), rng.choice((1, 2, 3, 3, 4, 5, 6, 10)), rng.choice((0, 1, 2, 50, 51, 255, rng.randrange(300)))
		try:
			s = socket.socket(family, kind, proto)
		except OSError:
			return
		s.setblocking(False)
		if family == socket.AF_PACKET or (family in (socket.AF_INET, socket.AF_INET6) and kind == socket.SOCK_RAW):
			raise Finding("socket(%d, %d, %d) was allowed" % (family, kind, proto))
		address = struct.pack("=H", family) + rng.randbytes(rng.randrange(30))
		for function in rng.sample((libc.bind, libc.connect), rng.randrange(3)):
			function(s.fileno(), address, len(address))
		self.tries(s.send, rng.randbytes(rng.choice((1, 16, 100))), socket.MSG_DONTWAIT)
		s.close()

	def do_privileges(self):
		"""What the kernel must refuse without a capability."""
		rng, family = self.rng, self.rng.choice((4, 6))
		s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, self.rng.choice((socket.SOCK_DGRAM, socket.SOCK_STREAM)))
		self.privileges(s, rng.randrange(8))
		s.close()

	def privileges(self, s, which):
		ip, ip6, sol = socket.IPPROTO_IP, socket.IPPROTO_IPV6, socket.SOL_SOCKET
		policy = bytes(168)
		if which == 0:
			self.refused("SO_MARK", s.setsockopt, sol, SO_MARK, self.rng.getrandbits(31))
		elif which == 1:
			self.refused("SO_PRIORITY 7", s.setsockopt, sol, SO_PRIORITY, 7)
		elif which == 2:
			self.refused("IP_TRANSPARENT", s.setsockopt, *((ip, IP_TRANSPARENT, 1) if s.family == socket.AF_INET else (ip6, IPV6_TRANSPARENT, 1)))
		elif which == 3:
			self.refused("IP_XFRM_POLICY", s.setsockopt, *((ip, IP_XFRM_POLICY, policy) if s.family == socket.AF_INET else (ip6, IPV6_XFRM_POLICY, policy)))
		elif which == 4:
			self.refused("SO_RCVBUFFORCE", s.setsockopt, sol, SO_RCVBUFFORCE, 1 << 20)
		elif which == 5 and s.type == socket.SOCK_STREAM:
			self.refused("TCP_REPAIR", s.setsockopt, 6, TCP_REPAIR, 1)
		elif which == 6:
			self.refused("IP_HDRINCL", s.setsockopt, ip, IP_HDRINCL, 1)
		else:
			request = self.rng.choice((b"wan", b"nfipsec0")).ljust(16, b"\0") + struct.pack("=HH4s16x", 2, 0, v4("10.2.0.10"))
			self.refused("SIOCSIF*", fcntl.ioctl, s, self.rng.choice((SIOCSIFADDR, SIOCSIFFLAGS, SIOCADDRT)), request)

	def nfipsec_message(self, sock):
		"""Any command of the family, with octets that mean something or nothing."""
		rng = self.rng
		body = b"".join(nfnl.attr(rng.randrange(12) | rng.choice((0, nfnl.NESTED)), rng.randbytes(rng.choice((0, 1, 4, 40)))) for _ in range(rng.randrange(4)))
		flags = rng.choice((nfnl.REQUEST | nfnl.ACK, nfnl.REQUEST | nfnl.DUMP))
		sock.send(self.nf_family, rng.choice(self.commands), body, flags)
		got = sock.s.recv(1 << 16)
		self.not_secret(got, "netlink")
		kind, = struct.unpack_from("=H", got, 4)
		code = -struct.unpack_from("=i", got, 16)[0] if kind in (nfnl.ERROR, nfnl.DONE) else 0
		if code not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOENT):
			raise Finding("the family answers to everyone: message type %d, error %d" % (kind, code))

	def do_nfipsec(self):
		self.nfipsec_message(nfnl.Socket(timeout=5))

	def do_netlink(self):
		"""A message to any protocol and family of netlink, and what dumps show."""
		rng = self.rng
		s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, rng.choice((0, 4, 6, 12, 16, rng.randrange(23))))
		s.settimeout(.05)
		body = rng.choice((bytes(20), rng.randbytes(24), struct.pack("=BxH", 2, 0) + rng.randbytes(28)))
		kind = rng.choice((16, 17, 18, 20, 22, 24, 26, 28, 30, 32, 36, 0x10, 0x12, 0x14, 0x18, 0x600, 0xa00, rng.randrange(100)))
		s.send(struct.pack("=IHHII", 16 + len(body), kind, rng.choice((5, 0x301, 0x405, 0x605)), 1, 0) + body)
		for _ in range(5):
			try:
				self.not_secret(s.recv(1 << 16), "netlink")
			except socket.timeout:
				break
		s.close()

	def do_look(self):
		"""What is readable shows no key."""
		with open(self.rng.choice(LOOKED_AT), "rb", buffering=0) as f:
			os.set_blocking(f.fileno(), False)
			self.not_secret(f.read(1 << 18) or b"", f.name)

	def do_namespace(self):
		"""Root in namespaces of his own, where that is permitted; sockets of the gateway give no right to it."""
		mine = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_STREAM)]
		netlink, route = nfnl.Socket(timeout=5), nfnl.Socket(timeout=5)
		gateway = os.open("/proc/self/ns/net", os.O_RDONLY)
		pid = os.fork()
		if pid == 0:
			status = 0
			try:
				nfnl.unshare(nfnl.CLONE_NEWUSER | nfnl.CLONE_NEWNET)
				self.rng.seed(os.getpid())
				for s in mine:
					for which in range(7):
						self.privileges(s, which)
				self.nfipsec_message(netlink)
				self.veth_to(os.getppid())
				self.refused("setns() to the gateway", self.enter, gateway)
			except Finding as found:
				os.write(2, ("local user: %s\n" % found).encode())
				status = 1
			except OSError:
				status = 2
			finally:
				os._exit(status)
		for s in (*mine, netlink.s, route.s):
			s.close()
		os.close(gateway)
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		if status == 1:
			raise Finding("a right by a namespace of his own")
		if status:
			raise OSError(errno.EPERM, "no namespace")

	@staticmethod
	def enter(fd):
		if libc.setns(fd, nfnl.CLONE_NEWNET):
			raise OSError(ctypes.get_errno(), "setns")

	def veth_to(self, pid):
		"""A pair of devices, one of them in the gateway: refused."""
		s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
		s.settimeout(5)
		peer = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + nfnl.attr(3, b"thief\0") + nfnl.attr(19, struct.pack("=I", pid))
		info = nfnl.attr(1, b"veth\0") + nfnl.attr(2, nfnl.attr(1, peer))
		body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + nfnl.attr(3, b"mine\0") + nfnl.attr(18, info)
		s.send(struct.pack("=IHHII", 16 + len(body), 16, 0x605, 1, 0) + body)
		if not struct.unpack_from("=i", s.recv(1 << 14), 16)[0]:
			raise Finding("a device in the gateway's namespace was made")
