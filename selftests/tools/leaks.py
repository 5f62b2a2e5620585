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

Parts: packet.py, the octets; leakspec.py, the model and the generator of gateways; leakgate.py, the
gateway and what is seen of it; netlab.py, namespaces, links and rules by system calls; and here what
is done with a gateway (Traffic), the reducer and the sums.
"""
import argparse
import collections
import os
import random
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import nfnl
from leakgate import Gateway
from leakspec import GROUPS, HOSTS, Spec
from netlab import Namespace, af, inside, octets, sysctl
from packet import ECHO, ERRORS, ICMP, ICMPV6, TCP, UDP, answer, error_about, fragments, ip_text, make, number

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
		if proto == UDP and (family, lport) in gw.ike and code % 2:
			gw.note(token, "own", gw.ike[family, lport], None)
			self.send(gw.ike[family, lport], data, (ip_text(family, remote), rport))
			gw.settle()
			return
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

	def mix(self, which, wire, how, **_):
		"""One packet's fragments, some out of a tunnel and some in clear: together they are nothing."""
		events = [e for e in self.known if e.place == "tunnel" and e.where.installed and e.where.spec["mode"] == "tunnel"]
		if not events:
			return
		gw, (_, tunnel, p) = self.gw, events[which % len(events)]
		inner, clear, ident = gw.token(), gw.token(), gw.next_token
		head, rest = (inner, clear) if how % 2 else (clear, inner)
		packet = make(p.family, p.dst, p.src, UDP, p.dport or 7, p.sport or 7, head + b"x" * 200)
		pieces = fragments(packet, ident, 48, rest)
		inside_, outside = (pieces[:1], pieces[1:]) if how % 2 else (pieces[1:], pieces[:1])
		steps = [lambda: gw.inject_sealed(tunnel, inside_, inner, packet), lambda: gw.inject(wire, outside, clear, packet)]
		for step in steps if how % 4 < 2 else reversed(steps):
			step()

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
