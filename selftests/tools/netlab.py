# SPDX-License-Identifier: GPL-2.0
"""
Network namespaces, links, routes, nftables rules, queues and wires by system calls alone: no
process is started, because a fork costs more than a whole gateway on a user-mode kernel.
"""
import contextlib
import ctypes
import errno
import os
import re
import socket
import struct

import nfnl
from nfnl import ACK, NESTED, REQUEST, attr, parse

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
CREATE, REPLACE, EXCL = 0x400, 0x100, 0x200
NLMSG_ERROR = 2


def call(result, what):
	if result < 0:
		raise OSError(ctypes.get_errno(), what + ": " + os.strerror(ctypes.get_errno()))


def octets(address):
	return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def af(family):
	return socket.AF_INET if family == 4 else socket.AF_INET6


# ---- namespaces ----


class Namespace:
	"""A network namespace that lives as long as its descriptor and the sockets in it."""

	def __init__(self, new=True):
		home = os.open("/proc/thread-self/ns/net", os.O_RDONLY) if new else -1
		if new:
			call(libc.unshare(CLONE_NEWNET), "unshare")
		self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
		if new:
			call(libc.setns(home, CLONE_NEWNET), "setns")
			os.close(home)

	def enter(self):
		call(libc.setns(self.fd, CLONE_NEWNET), "setns")

	def close(self):
		os.close(self.fd)


@contextlib.contextmanager
def inside(namespace, home):
	namespace.enter()
	try:
		yield
	finally:
		home.enter()


def sysctl(name, value):
	"""In the present namespace; a kernel without this variable has nothing to set."""
	with contextlib.suppress(FileNotFoundError):
		fd = os.open("/proc/sys/net/" + name, os.O_WRONLY)
		try:
			os.write(fd, str(value).encode())
		finally:
			os.close(fd)


# ---- rtnetlink: messages are collected, then sent at once ----

RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, RTM_NEWRULE = 16, 17, 20, 24, 28, 32
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 10, 18, 28
IFF_UP, IFF_NOARP = 1, 0x80
NUD_PERMANENT = 0x80
IFA_F_NODAD = 2


def u32(value):
	return struct.pack("=I", value)


def text(value):
	return value.encode() + b"\0"


class Rtnetlink:
	"""Of the namespace in which it is made."""

	def __init__(self):
		self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
		self.s.settimeout(20)
		self.s.bind((0, 0))
		self.waiting, self.seq = [], 0

	def close(self):
		self.s.close()

	def add(self, kind, body, flags=CREATE | REPLACE):
		self.waiting.append((kind, flags, body))

	def flush(self):
		"""The kernel answers the last message, and each that it refuses."""
		if not self.waiting:
			return
		data, first = b"", self.seq + 1
		for kind, flags, body in self.waiting:
			self.seq += 1
			flags |= REQUEST | (ACK if self.seq - first == len(self.waiting) - 1 else 0)
			data += struct.pack("=IHHII", 16 + len(body), kind, flags, self.seq, 0) + body + b"\0" * (-len(body) % 4)
		sent, self.waiting = self.waiting, []
		self.s.send(data)
		while True:
			data = self.s.recv(1 << 16)
			while data:
				size, kind, _flags, seq, _pid = struct.unpack_from("=IHHII", data)
				error = struct.unpack_from("=i", data, 16)[0] if kind == NLMSG_ERROR else 0
				data = data[(size + 3) & ~3:]
				if error:
					what = sent[seq - first] if seq >= first else "an earlier message"
					raise OSError(-error, "rtnetlink: %s: %r" % (os.strerror(-error), what))
				if seq == self.seq:
					return

	# each of these waits for flush()

	def link(self, index, up=None, name=None, **attrs):
		flags = IFF_UP if up else 0
		body = struct.pack("=BxHiII", 0, 0, index, flags, IFF_UP if up is not None else 0)
		self.add(RTM_NEWLINK, body + (attr(IFLA_IFNAME, text(name)) if name else b"") + link_attrs(attrs), 0)

	def new_link(self, kind, name, index, data=b"", **attrs):
		info = attr(1, text(kind)) + (attr(2 | NESTED, data) if data else b"")
		body = struct.pack("=BxHiII", 0, 0, index, 0, 0) + attr(IFLA_IFNAME, text(name)) + link_attrs(attrs)
		self.add(RTM_NEWLINK, body + attr(IFLA_LINKINFO | NESTED, info), CREATE | EXCL)

	def veth(self, name, index, mac, peer, peer_index, peer_mac, peer_ns):
		other = struct.pack("=BxHiII", 0, 0, peer_index, 0, 0) + attr(IFLA_IFNAME, text(peer)) + \
			link_attrs({"mac": peer_mac}) + attr(IFLA_NET_NS_FD, u32(peer_ns))
		self.new_link("veth", name, index, attr(1 | NESTED, other), mac=mac)

	def delete_link(self, index):
		self.add(RTM_DELLINK, struct.pack("=BxHiII", 0, 0, index, 0, 0), 0)

	def address(self, index, address, length):
		data = octets(address)
		family = af(4 if len(data) == 4 else 6)
		body = struct.pack("=BBBBi", family, length, IFA_F_NODAD, 0, index)
		self.add(RTM_NEWADDR, body + attr(2, data) + attr(1, data))

	def neighbour(self, index, address, mac):
		data = octets(address)
		body = struct.pack("=BxHiHBB", af(4 if len(data) == 4 else 6), 0, index, NUD_PERMANENT, 0, 0)
		self.add(RTM_NEWNEIGH, body + attr(1, data) + attr(2, mac))

	def route(self, prefix, length, index, via=None, table=254, kind=1):
		data = octets(prefix)
		scope = 253 if len(data) == 4 and kind == 1 and not via else 0		# the link
		body = struct.pack("=BBBBBBBBI", af(4 if len(data) == 4 else 6), length, 0, 0, 0, 4, scope, kind, 0)
		body += attr(1, data) + attr(15, u32(table)) + (attr(4, u32(index)) if index else b"")
		self.add(RTM_NEWROUTE, body + (attr(5, octets(via)) if via else b""))

	def rule(self, family, priority, table, mark=None, iif=None, source=None):
		prefix, length = source or ("", 0)
		body = struct.pack("=BBBBBBBBI", af(family), 0, length, 0, 0, 0, 0, 1, 0)
		body += attr(6, u32(priority)) + attr(15, u32(table))
		if mark is not None:
			body += attr(10, u32(mark)) + attr(16, u32(0xffffffff))
		if iif:
			body += attr(3, text(iif))
		if length:
			body += attr(2, octets(prefix))
		self.add(RTM_NEWRULE, body, CREATE)


def link_attrs(attrs):
	out = b""
	for name, value in attrs.items():
		if name == "mac":
			out += attr(IFLA_ADDRESS, value)
		elif name == "mtu":
			out += attr(IFLA_MTU, u32(value))
		elif name == "master":
			out += attr(IFLA_MASTER, u32(value))
		else:
			raise ValueError(name)
	return out


# ---- nftables, by the library that nft is made of ----


class Nftables:
	"""Of the namespace in which it is made."""
	lib = None

	def __init__(self):
		if not Nftables.lib:
			lib = Nftables.lib = ctypes.CDLL("libnftables.so.1")
			lib.nft_ctx_new.restype = ctypes.c_void_p
			lib.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
			for function in (lib.nft_ctx_free, lib.nft_ctx_buffer_error, lib.nft_ctx_get_error_buffer):
				function.argtypes = (ctypes.c_void_p,)
			lib.nft_run_cmd_from_buffer.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
		self.ctx = self.lib.nft_ctx_new(0)
		self.lib.nft_ctx_buffer_error(self.ctx)

	def run(self, script):
		if self.lib.nft_run_cmd_from_buffer(self.ctx, script.encode()):
			raise OSError(errno.EINVAL, "nft: %s: %s" % (script, self.lib.nft_ctx_get_error_buffer(self.ctx).decode()))

	def close(self):
		self.lib.nft_ctx_free(self.ctx)


# ---- NFQUEUE: a reader that accepts ----


class Queue:
	"""Of the namespace in which it is made."""

	def __init__(self, number=0):
		self.number = number
		self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
		self.s.bind((0, 0))
		self.s.setblocking(False)
		self.config(attr(1, struct.pack("=BBH", 1, 0, 0)))		# bind
		self.config(attr(2, struct.pack("!IB", 0xffff, 2)))		# copy the packet
		self.verdicts = 0

	def close(self):
		self.s.close()

	def message(self, kind, body):
		body = struct.pack("=BBH", 0, 0, socket.htons(self.number)) + body
		return struct.pack("=IHHII", 16 + len(body), 3 << 8 | kind, REQUEST, 0, 0) + body

	def config(self, body):
		self.s.send(self.message(2, body))

	def accept(self):
		"""Everything that waits; says how many there were."""
		count = 0
		while True:
			try:
				data = self.s.recv(1 << 17)
			except BlockingIOError:
				return count
			while len(data) >= 16:
				size, kind = struct.unpack_from("=IH", data)
				if kind == 3 << 8:
					head = dict(parse(data[20:size]))[1]
					self.s.send(self.message(1, attr(2, struct.pack("!I", 1) + head[:4])))
					count += 1
					self.verdicts += 1
				data = data[(size + 3) & ~3:]


# ---- wires ----

PACKET_OUTGOING = 4
PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
ETH_P_ALL = 3


class Wire:
	"""The far end of a veth: what is written here arrives at the gateway, and what it sends is read here."""

	def __init__(self, name, gateway_mac, host_mac):
		self.name = name
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
		self.s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
		self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
		self.s.bind((name, ETH_P_ALL))
		self.head = gateway_mac + host_mac

	def close(self):
		self.s.close()

	def send(self, packet, to=None):
		frame = (to + self.head[6:] if to else self.head) + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet
		try:
			self.s.send(frame)
		except OSError as error:
			if error.errno not in (errno.ENETDOWN, errno.ENOBUFS, errno.ENXIO, errno.EMSGSIZE):
				raise

	def seen(self):
		"""The IP packets since the last call."""
		out = []
		while True:
			try:
				data = self.s.recv(1 << 17)
			except BlockingIOError:
				return out
			except OSError:		# the device went down
				continue
			if data[12:14] in (b"\x08\0", b"\x86\xdd"):
				out.append(data[14:])
