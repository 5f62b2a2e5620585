#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
A local user without privileges, in user and network namespaces of his own, against the kernel: he
is root there, so he may make policies, SAs, devices, rules, queues and packet sockets, and take
them away at any moment.

	setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urn local_user.py --seed N --seconds S

Several processes do it at once, in gateways that they share and in gateways of their own. Nothing
is judged here but that the kernel lives: what it says, what it leaks and whether the module goes
afterwards is for local_user.sh to see. The gateways and their traffic are those of leaks.py.
"""
import argparse
import collections
import mmap
import os
import random
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import leakgate
import leaks
import leakspec
import nfnl
from netlab import Namespace, Nftables, Queue, Rtnetlink, af, inside, octets, sysctl
from packet import ICMP, TCP, UDP, fragments, make, number

UDP_SEGMENT, UDP_ENCAP, UDP_GRO, SO_ZEROCOPY, SO_TXTIME, SO_TIMESTAMPING = 103, 100, 104, 60, 61, 37
MSG_ZEROCOPY, MSG_ERRQUEUE, MSG_MORE = 0x4000000, 0x2000, 0x8000
SOL_PACKET, RX_RING, TX_RING, VERSION, LOSS, FANOUT, BYPASS, VNET_HDR, COPY = 263, 5, 13, 10, 14, 18, 20, 15, 7
SHARED, PROCESSES, KEPT = 2, 3, 40


class User:
	"""One process; @shared: gateways that the others have, too."""

	def __init__(self, seed, home, shared):
		self.rng, self.home, self.shared, self.own = random.Random(seed), home, shared, []
		self.kept = collections.deque()		# sockets, rings and namespaces that outlive what they were made for
		self.done, self.refused = collections.Counter(), collections.Counter()
		self.seed = seed

	def gateway(self):
		while len(self.own) < 2:
			self.seed += 1000
			self.own.append(leakgate.Gateway(leakspec.Spec(self.seed), self.home))
		return self.rng.choice(self.own + self.shared)

	def run(self, seconds):
		end = time.monotonic() + seconds
		names = [n for n in dir(self) if n.startswith("do_")]
		while time.monotonic() < end:
			name = self.rng.choice(names)
			try:
				gw = self.gateway()
				with inside(gw.ns, self.home):
					getattr(self, name)(gw)
				self.done[name] += 1
			except (OSError, nfnl.Refused, ValueError, struct.error, StopIteration) as error:
				self.refused[name] += 1
				self.why = "%s: %s" % (name, error)
			if len(self.kept) > KEPT:
				self.drop(self.kept.popleft())
		for gw in self.own:
			self.drop(gw)
		while self.kept:
			self.drop(self.kept.popleft())

	@staticmethod
	def drop(thing):
		try:
			thing.close()
		except (OSError, BufferError):
			pass

	def keep(self, thing):
		self.kept.append(thing)
		return thing

	# -- what he does; each in the namespace of a gateway --

	def do_traffic(self, gw):
		"""As in leaks.py, unjudged."""
		spec = leakspec.Spec(self.rng.randrange(1 << 30))
		spec.tunnels = gw.spec.tunnels
		traffic = leaks.Traffic(gw)
		for kind, a in spec.actions:
			if "tunnel" in a:
				a["tunnel"] %= len(gw.tunnels)
			getattr(traffic, kind)(**a)
			gw.ns.enter()
		gw.findings.clear()

	def do_policy(self, gw):
		spec = leakspec.Spec(self.rng.randrange(1 << 30))
		entries = [e._replace(tunnel=e.tunnel if e.tunnel is None else e.tunnel % len(gw.tunnels)) for e in spec.entries]
		gw.load(self.rng.choice(([], entries, entries, gw.spec.entries)))

	def do_sas(self, gw):
		t = self.rng.choice(gw.tunnels)
		how = self.rng.randrange(5)
		if how == 0:
			gw.nf.do("sa-flush")
		elif how == 1:
			gw.nf.do("sa-del", [("sa", {"proto": 50, "spi": t.spi_out, "dir": "out", "remote": octets(t.spec["remote"])})])
		elif how == 2:
			gw.nf.do("sa-del", [("sa", {"proto": 50, "spi": t.spi_in, "dir": "in", "local": octets(t.spec["local"])})])
		else:
			t.spec["encap"] = self.rng.random() < .3
			gw.install(t)

	def do_netlink(self, gw):
		"""Octets that mean little, and dumps that nobody reads."""
		nf = nfnl.Nfipsec(timeout=1)
		command = self.rng.choice(list(nf.spec.commands.values()))
		size = self.rng.choice((0, 4, 40, 4000))
		nf.sock.send(nf.family, command, self.rng.randbytes(size), self.rng.choice((1, 5, 0x301)))
		if self.rng.random() < .3:
			nf.listen()
		self.keep(nf.sock.s)

	def do_socket(self, gw):
		"""A datagram with everything that a socket may want of its sending, and its errors unread."""
		rng, family = self.rng, self.rng.choice((4, 6))
		s = self.keep(socket.socket(af(family), rng.choice((socket.SOCK_DGRAM, socket.SOCK_DGRAM, socket.SOCK_STREAM))))
		s.setblocking(False)
		level = socket.IPPROTO_IP if family == 4 else socket.IPPROTO_IPV6
		for place, option, value in rng.sample((
				(socket.SOL_SOCKET, SO_TIMESTAMPING, 0x3ff), (level, 11 if family == 4 else 25, 1), (level, 10 if family == 4 else 23, rng.randrange(6)),
				(socket.SOL_SOCKET, SO_ZEROCOPY, 1), (socket.SOL_SOCKET, socket.SO_SNDBUF, rng.choice((2048, 1 << 20))), (17, UDP_SEGMENT, 500),
				(17, UDP_ENCAP, rng.choice((1, 2))), (17, UDP_GRO, 1), (socket.SOL_SOCKET, SO_TXTIME, rng.getrandbits(64)),
				(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), (socket.SOL_SOCKET, socket.SO_MARK, 1)), rng.randrange(6)):
			try:
				s.setsockopt(place, option, struct.pack("=q", value) if option == SO_TXTIME else value)
			except OSError:
				pass
		try:
			s.bind(("", rng.choice((0, 0, 500, 4500, 7))))
			if rng.random() < .3:
				s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, rng.choice((b"vrf0", b"nfipsec0", b"lan0", b"lo")))
		except OSError:
			pass
		to = rng.choice(leakspec.HOSTS[family]["far"] + leakspec.HOSTS[family]["own"] + [leakspec.GROUPS[family]]), rng.choice(leakspec.PORTS)
		if rng.random() < .6:
			s.connect_ex(to)
		for _ in range(rng.choice((1, 1, 5, 80))):
			flags = rng.choice((0, 0, MSG_ZEROCOPY, MSG_MORE, socket.MSG_CONFIRM))
			s.sendto(rng.randbytes(rng.choice((1, 100, 1400, 9000, 65000))), flags, to)
		if rng.random() < .2:
			s.recvmsg(2000, 2000, MSG_ERRQUEUE | socket.MSG_DONTWAIT)

	def do_ring(self, gw):
		"""A packet socket whose ring is the packets' memory."""
		rng = self.rng
		s = socket.socket(socket.AF_PACKET, rng.choice((socket.SOCK_RAW, socket.SOCK_DGRAM)), 0)
		s.setblocking(False)
		version = rng.randrange(3)
		s.setsockopt(SOL_PACKET, VERSION, version)
		for option in rng.sample((LOSS, BYPASS), rng.randrange(3)):
			s.setsockopt(SOL_PACKET, option, 1)
		kind = rng.choice((TX_RING, TX_RING, RX_RING))
		blocks, frame = rng.choice((1, 4)), 2048
		request = struct.pack("=IIII", 4096, blocks, frame, blocks * 2)
		s.setsockopt(SOL_PACKET, kind, request + (struct.pack("=III", 1, 0, 0) if version == 2 else b""))
		ring = mmap.mmap(s.fileno(), 4096 * blocks, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
		device = rng.choice([d for d in ("lan0", "wan0", "vrf0", "nfipsec0", "lo") if gw.if_index(d)])
		s.bind((device, rng.choice((0x0800, 0x86dd, 3))))
		family = rng.choice((4, 6))
		src, dst = (number(rng.choice(leakspec.HOSTS[family][k])) for k in ("lan", "far"))
		packet = make(family, src, dst, UDP, 7, 7, b"r" * rng.choice((1, 600, 1400)))
		if s.type == socket.SOCK_RAW:
			packet = gw.mac("lan0") + bytes((2, 0, 0, 0, 2, 0)) + (b"\x08\0" if family == 4 else b"\x86\xdd") + packet
		if kind == TX_RING:
			for i in range(blocks * 2):
				at = i * frame
				offset = (32, 32, 48)[version]
				ring[at + offset:at + offset + len(packet)] = packet
				if version == 0:
					ring[at:at + 16] = struct.pack("=QII", 1, len(packet), len(packet))
				elif version == 1:
					ring[at:at + 12] = struct.pack("=III", 1, len(packet), len(packet))
				else:
					ring[at:at + 24] = struct.pack("=IIIIII", 0, 0, 0, len(packet), len(packet), 1)
			to = (device, 0x0800 if family == 4 else 0x86dd, 0, 0, gw.mac("lan0"))
			for _ in range(2):
				s.sendto(b"", to)
		if rng.random() < .5:
			self.keep(s)
			self.keep(ring)
		elif rng.random() < .5:
			ring.close()
			s.close()
		else:
			s.close()
			self.keep(ring)

	def do_packet_socket(self, gw):
		"""Anything, to any device of the gateway, nfipsec0 included."""
		rng = self.rng
		s = self.keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
		s.setblocking(False)
		gso = rng.random() < .4
		device = rng.choice([d for d in ("lan0", "wan0", "vrf0", "nfipsec0", "lo") if gw.if_index(d)])
		if gso:
			s.setsockopt(SOL_PACKET, VNET_HDR, 1)
		s.bind((device, 3))
		family, t = rng.choice((4, 6)), rng.choice(gw.tunnels)
		src, dst = (number(rng.choice(leakspec.HOSTS[family][k])) for k in rng.choice((("lan", "far"), ("far", "lan"), ("own", "far"))))
		data = rng.randbytes(rng.choice((8, 900, 5000 if gso else 1400)))
		packet = make(family, src, dst, rng.choice((UDP, TCP, ICMP, 50, 51)), 7, rng.choice((7, 4500)), data)
		if rng.random() < .3:
			packet = t.seal(packet)
		if rng.random() < .3:
			at = rng.randrange(len(packet))
			packet = packet[:at] + rng.randbytes(1) + packet[at + 1:]
		frame = gw.mac("lan0") + bytes((2, 0, 0, 0, 2, 0)) + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet
		if gso:
			frame = struct.pack("=BBHHHH", rng.choice((0, 1)), rng.choice((0, 1, 3, 4, 5)), 54, rng.choice((100, 1400)), 34, 6) + frame
		s.send(frame)

	def do_wires(self, gw):
		"""From outside: sealed, damaged, or fragments that never end."""
		rng, t = self.rng, self.rng.choice(gw.tunnels)
		packet = t.seal(make(4, number("10.2.0.10"), number("10.1.0.10"), rng.choice((6, 17, 1)), 7, 7, rng.randbytes(1300)))
		if rng.random() < .5:
			at = rng.randrange(len(packet))
			packet = packet[:at] + rng.randbytes(1) + packet[at + 1:]
		pieces = fragments(packet, rng.randrange(1 << 16), 400, b"") if rng.random() < .5 else [packet]
		for piece in pieces[rng.randrange(2):]:
			gw.wires["wan0"].send(piece)

	def do_queue(self, gw):
		"""A reader that may leave packets waiting, and that may go while they wait."""
		rng = self.rng
		how = rng.randrange(4)
		if how == 0:
			gw.queue.accept()
		elif how == 1:
			self.keep(gw.queue)
			self.another_queue(gw, rng.randrange(2))
		elif how == 2:
			gw.queue.close()
			self.another_queue(gw, 0)
		else:
			data = gw.queue.s.recv(1 << 17)
			head = dict(nfnl.parse(data[20:]))[1]
			gw.queue.s.send(gw.queue.message(1, nfnl.attr(2, struct.pack("!I", rng.choice((0, 1, 1, 4, 2))) + head[:4])))

	@staticmethod
	def another_queue(gw, number):
		gw.queue = Queue(number)
		gw.watch(gw.queue.s, Queue.accept, gw.queue)

	def do_rules(self, gw):
		spec = leakspec.Spec(self.rng.randrange(1 << 30))
		for device in ("lan1", "wan1"):
			if device not in gw.devices and device in spec.options:
				spec.options.remove(device)
		gw.nft.run(self.rng.choice(("flush ruleset\n", "")) + spec.ruleset())

	def do_links(self, gw):
		"""Devices of any kind come, are tied to others, and go."""
		rng, net = self.rng, Rtnetlink()
		name = "x%d" % rng.randrange(6)
		index = gw.if_index(name)
		if index and rng.random() < .7:
			net.delete_link(index)
		elif not index:
			net.new_link(rng.choice(("dummy", "vrf", "bridge", "ipip", "gre", "vti", "xfrm", "ifb")), name, 0,
				     nfnl.attr(1, struct.pack("=I", 60 + rng.randrange(5))))
			net.flush()
			net.link(gw.if_index(name), up=True)
		target = gw.if_index(rng.choice(("nfipsec0", "nfipsec0", "wan0", "lan0", name)))
		if target:
			what = rng.randrange(5)
			if what == 0:
				net.link(target, up=False)
				net.link(target, up=True)
			elif what == 1:
				net.link(target, mtu=rng.choice((68, 1280, 1400, 65535)))
			elif what == 2:
				net.link(target, master=gw.if_index(rng.choice(("vrf0", "x0", "x1", "nowhere"))))
			elif what == 3:
				net.address(target, rng.choice(("10.2.0.1", "10.77.0.1", "fd02::1")), 24)
			else:
				net.delete_link(target)
		net.flush()
		net.close()

	def do_routes(self, gw):
		net = Rtnetlink()
		for prefix, length, device, via, kind in self.rng.sample(leakspec.ROUTES, 2):
			index = gw.if_index(device) if device else 0
			if index or not device:
				net.route(prefix, length, index, via, self.rng.choice(gw.tables), kind)
		net.flush()
		net.close()

	def do_sysctl(self, gw):
		name, value = self.rng.choice(leakspec.SYSCTLS)
		sysctl(name.replace("{D}", self.rng.choice(("all", "wan0", "nfipsec0"))), self.rng.choice((0, value)))

	def do_group(self, gw):
		for s in self.rng.sample(gw.sockets, 2):
			if s.type == socket.SOCK_DGRAM:
				family = 4 if s.family == socket.AF_INET else 6
				s.sendto(b"group", (leakspec.GROUPS[family], 7))

	def do_leave(self, gw):
		"""The namespace goes, or only its descriptor, while a socket of it stays."""
		if gw in self.own and self.rng.random() < .5:
			self.own.remove(gw)
			if self.rng.random() < .5 and gw.sockets:
				self.keep(gw.sockets.pop())
			gw.close()


def main():
	options = argparse.ArgumentParser()
	options.add_argument("--seed", type=int, required=True)
	options.add_argument("--seconds", type=int, default=20)
	args = options.parse_args()
	Namespace().enter()
	home = Namespace(new=False)
	sysctl("ipv6/conf/default/disable_ipv6", 1)
	nfnl.the_spec()
	shared = [leakgate.Gateway(leakspec.Spec(args.seed + i), home) for i in range(SHARED)]
	children = []
	for i in range(PROCESSES):
		pid = os.fork()
		if pid == 0:
			leakgate.Gateway.count += 1000 * (i + 1)
			user = User(args.seed + 100 * (i + 1), home, shared)
			user.run(args.seconds)
			print("process %d: " % i + ", ".join("%s %d+%d" % (n[3:], user.done[n], user.refused[n])
							    for n in sorted(set(user.done) | set(user.refused))), flush=True)
			os._exit(0)
		children.append(pid)
	bad = 0
	for pid in children:
		_, status = os.waitpid(pid, 0)
		if status:
			print("a process ended with status %#x" % status)
			bad += 1
	return bool(bad)


if __name__ == "__main__":
	sys.exit(main())
