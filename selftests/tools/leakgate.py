# SPDX-License-Identifier: GPL-2.0
"""
Of the leak harness: a gateway in a namespace of its own, the peers of its tunnels, and what is
seen on its wires and by its sockets.
"""
import collections
import hmac
import select
import socket
import struct
import time

import nfnl
from leakspec import DEVICES, GROUPS, PORTS, first, inbound, outbound, refused
from netlab import Namespace, Nftables, Queue, Rtnetlink, Wire, af, inside, octets, sysctl
from packet import CHECKSUM_AT, ERRORS, ESP, ICMP, ICMPV6, IGMP, TCP, TOKEN, UDP, ip_packet, number, parse, with_checksum

KEY = bytes(range(32))


def esp_of(p):
	"""What may be ESP in a packet, by itself or in UDP."""
	esp = p.data[p.at:] if p.proto == ESP else p.data[p.at + 8:] if p.proto == UDP and not p.offset else b""
	return esp if len(esp) > 26 else b""


def is_sealed(esp):
	return len(esp) > 26 and hmac.digest(KEY, esp[:-16], "sha256")[:16] == esp[-16:]


class Tunnel:
	"""The peer's end: opens what the gateway sends, seals what is for it."""

	def __init__(self, index, spec):
		self.index, self.spec = index, spec
		self.spi_out, self.spi_in = 0x1000 + index, 0x2000 + index
		self.family = 6 if ":" in spec["local"] else 4
		self.local, self.remote = number(spec["local"]), number(spec["remote"])
		self.seq, self.installed = 0, False
		self.wire = "wan1" if spec["local"] in ("198.51.100.1", "2001:db8:1::1") else "wan0"

	def addressed(self, packet):
		"""What of @packet the tunnel can carry; in transport mode it goes from the peer to the gateway."""
		if self.spec["mode"] == "tunnel":
			return packet
		p = parse(packet)
		payload = packet[p.at:]
		if p.proto in (TCP, UDP, ICMP, ICMPV6):
			at = CHECKSUM_AT[p.proto]
			payload = with_checksum(p.family, self.remote, self.local, p.proto, payload[:at] + b"\0\0" + payload[at + 2:])
		return ip_packet(p.family, self.remote, self.local, p.proto, payload)

	def seal(self, packet):
		"""The ESP packet from the peer."""
		p = parse(packet)
		self.seq += 1
		if self.spec["mode"] == "transport":
			payload, kind = packet[p.at:], p.proto
		else:
			payload, kind = packet, 4 if p.family == 4 else 41
		pad = -(len(payload) + 2) % 4
		esp = struct.pack("!II", self.spi_in, self.seq) + payload + bytes(range(1, pad + 1)) + bytes((pad, kind))
		esp += hmac.digest(KEY, esp, "sha256")[:16]
		proto = ESP
		if self.spec["encap"]:
			esp, proto = struct.pack("!HHHH", 4500, 4500, 8 + len(esp), 0) + esp, UDP
			if self.family == 6:
				esp = with_checksum(6, self.remote, self.local, UDP, esp)
		return ip_packet(self.family, self.remote, self.local, proto, esp)

	def open(self, esp):
		"""The inner packet, or None. NAT may have changed the outer addresses."""
		if not is_sealed(esp):
			return None
		payload, pad, kind = esp[8:-16], esp[-18], esp[-17]
		payload = payload[:len(payload) - 2 - pad]
		if kind in (4, 41):
			return parse(payload)
		return parse(ip_packet(self.family, self.local, self.remote, kind, payload))


Event = collections.namedtuple("Event", "place where packet")	# "wire" name, "tunnel" Tunnel, "own" socket
Sent = collections.namedtuple("Sent", "place where packet")


class Finding(collections.namedtuple("Finding", "kind text")):
	pass


class Gateway:
	count = 0

	def __init__(self, spec, home, blind=False, patience=0):
		self.spec, self.home, self.blind, self.patience = spec, home, blind, patience
		self.findings, self.policy, self.sums = [], [], collections.Counter()
		self.events, self.sent, self.partial = {}, {}, {}
		self.tunnels = [Tunnel(i, t) for i, t in enumerate(spec.tunnels)]
		self.by_spi = {t.spi_out: t for t in self.tunnels}
		self.sockets, self.wires, self.conversations, self.next_token = [], {}, [], 0
		self.ike = {}		# the daemon's sockets, by family and port
		self.asked = set()	# addresses and ports of IKE of the daemon, as seen on the wires
		self.silent, self.poll, self.readers = [], select.epoll(), {}
		Gateway.count += 1
		self.ns = Namespace()
		self.links()
		with inside(self.ns, home):
			self.configure()

	def links(self):
		self.devices = [d for d in DEVICES if self.spec.has(d)]
		net = Rtnetlink()
		names = {}
		for i, device in enumerate(self.devices):
			names[device] = "%s.%d" % (device, Gateway.count)
			# the kernel takes the far end's number only if the near end has one, too
			net.veth(names[device], 1000 + 4 * Gateway.count + i, bytes((2, 0, 0, 0, 1, i)), device, self.index(device), self.mac(device), self.ns.fd)
		net.flush()
		net.close()
		net = Rtnetlink()
		for device in self.devices:
			index = socket.if_nametoindex(names[device])
			net.link(index, up=True)
			net.flush()
			self.wires[device] = Wire(names[device], self.mac(device), bytes((2, 0, 0, 0, 2, 0)))
			self.watch(self.wires[device].s, self.arrived, device)
		net.close()

	def index(self, device):
		return 10 + ("lan0", "lan1", "wan0", "wan1", "vrf0").index(device)

	def mac(self, device):
		return bytes((2, 0, 0, 0, 0, self.index(device)))

	# -- inside the namespace --

	def configure(self):
		spec = self.spec
		sysctl("ipv4/ip_forward", 1)
		for name in ("ipv6/conf/all/forwarding", "ipv4/udp_l3mdev_accept", "ipv4/tcp_l3mdev_accept", "ipv4/raw_l3mdev_accept",
			     "netfilter/nf_conntrack_tcp_be_liberal"):
			sysctl(name, 1)
		for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit", "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter",
			     "ipv6/conf/default/accept_dad", "ipv4/icmp_msgs_per_sec"):
			sysctl(name, 0 if name != "ipv4/icmp_msgs_per_sec" else 100000)
		sysctl("ipv6/conf/default/addr_gen_mode", 1)
		self.net = Rtnetlink()
		self.addresses()
		self.nf = None if self.blind else nfnl.Nfipsec()
		if "early" not in spec.options:
			self.load(spec.entries)
		self.nft = Nftables()
		script = spec.ruleset()
		self.queue = Queue()
		self.watch(self.queue.s, Queue.accept, self.queue)
		self.net.flush()
		for prefix, length, device, via, kind in spec.routes:
			if device and device not in self.devices and device != "nfipsec0":
				continue
			index = (self.if_index(device) if device == "nfipsec0" else self.index(device)) if device else 0
			if device and not index:
				continue
			for table in self.tables:
				self.net.route(prefix, length, index, via, table, kind)
		self.net.flush()
		if "vrf-own" in spec.options and self.vrf and self.if_index("nfipsec0"):
			self.net.link(self.if_index("nfipsec0"), master=self.index("vrf0"))
			self.net.flush()
		for name, value in spec.sysctls:
			sysctl(name, value)
		if script:
			self.nft.run(script)
		self.listeners()

	@staticmethod
	def if_index(name):
		try:
			return socket.if_nametoindex(name)
		except OSError:
			return 0

	def addresses(self):
		net, spec = self.net, self.spec
		net.link(1, up=True)
		enslaved = [d for d in self.devices if "vrf-" + d[:3] in spec.options]
		self.vrf = bool(enslaved) or "vrf-own" in spec.options
		self.tables = [254] + ([50] if self.vrf else [])
		if self.vrf:
			net.new_link("vrf", "vrf0", self.index("vrf0"), nfnl.attr(1, struct.pack("=I", 50)))
			net.link(self.index("vrf0"), up=True)
			for d in enslaved:
				net.link(self.index(d), master=self.index("vrf0"))
		nets = {"lan0": ("10.1.0", "fd01:"), "lan1": ("10.3.0", "fd03:"), "wan0": ("192.0.2", "2001:db8:"), "wan1": ("198.51.100", "2001:db8:1:")}
		for d in self.devices:
			four, six = nets[d]
			index = self.index(d)
			net.link(index, up=True)
			net.address(index, four + ".1", 24)
			net.address(index, six + ":1", 64)
			for host in (("10", "11", "99") if d.startswith("lan") else ("2",)):
				net.neighbour(index, "%s.%s" % (four, host), bytes((2, 0, 0, 0, 2, 0)))
				net.neighbour(index, "%s:%s" % (six, host), bytes((2, 0, 0, 0, 2, 0)))
			for table in self.tables:
				# across the VRF's border, too
				net.route(four + ".0", 24, index, None, table)
				net.route(six + ":", 64, index, None, table)
		for table in self.tables:
			net.route("0.0.0.0", 0, self.index("wan0"), "192.0.2.2", table)
			net.route("::", 0, self.index("wan0"), "2001:db8::2", table)
		device, four, six = spec.table
		if device in self.devices:
			net.route("0.0.0.0", 0, self.index(device), four, 101)
			net.route("::", 0, self.index(device), six, 101)
			for i, (what, value) in enumerate(spec.ip_rules):
				for family in (4, 6):
					if what != "source" or (":" in value[0]) == (family == 6):
						net.rule(family, 1000 + i, 101, **{what: value})
		net.flush()

	def listeners(self):
		for family in (4, 6):
			for proto in (UDP, TCP, ICMP if family == 4 else ICMPV6, 47):
				self.keep(socket.socket(af(family), socket.SOCK_RAW, proto))
			for port in PORTS:
				s = self.keep(socket.socket(af(family), socket.SOCK_DGRAM))
				if family == 6:
					s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
				s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
				s.bind(("", port))
				if "ike" in self.spec.options and port in (500, 4500):
					self.ike[family, port] = s
			s = socket.socket(af(family), socket.SOCK_STREAM)
			if family == 6:
				s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
			s.bind(("", 7))
			s.listen(50)
			self.silent.append(s)
		if self.nf:
			self.nf.do("ike-sockets", [("ike-fd", s.fileno()) for s in self.ike.values()])
		self.join()

	def join(self):
		index = self.index("wan0")
		s4, s6 = (next(s for s in self.sockets if s.family == f and s.type == socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6))
		s4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUPS[4]) + bytes(4) + struct.pack("=i", index))
		s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, octets(GROUPS[6]) + struct.pack("=i", index))

	def keep(self, s):
		s.setblocking(False)
		if s.type == socket.SOCK_STREAM:
			# A FIN that nobody acknowledges would keep the namespace, and so the module, for two minutes.
			s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
		self.sockets.append(s)
		self.watch(s, self.heard, s)
		return s

	def load(self, entries):
		"""The policy, in the model and, if that is not all, in the kernel; then the SAs."""
		self.settle()
		self.incomplete()
		self.policy = list(entries)
		if self.blind:
			return
		values = []
		for t in self.tunnels:
			values.append(("tunnel", {"name": "p/t%d" % t.index, "local": octets(t.spec["local"]), "remote": octets(t.spec["remote"]),
						  "mode": t.spec["mode"]}))
		for i, e in enumerate(entries):
			size = 4 if e.family == 4 else 16
			sel = {} if e.proto is None else {"proto": e.proto}
			for name, pair in (("saddr", e.local), ("daddr", e.remote)):
				sel[name + "-min"], sel[name + "-max"] = (n.to_bytes(size, "big") for n in pair)
			for name, pair in (("sport", e.lport), ("dport", e.rport)):
				if pair:
					sel[name + "-min"], sel[name + "-max"] = pair
			entry = {"list": "a", "number": i + 1, "action": e.action, "selector": sel}
			if e.tunnel is not None:
				entry["tunnel"] = "p/t%d" % e.tunnel
			values.append(("entry", entry))
		self.nf.do("policy-set", values)
		used = {e.tunnel for e in entries}
		for t in self.tunnels:
			if t.spec["sa"] and t.index in used and not t.installed:
				self.install(t)
				t.installed = True

	def install(self, t):
		for direction, spi in (("in", t.spi_in), ("out", t.spi_out)):
			sa = {"proto": 50, "spi": spi, "dir": direction, "mode": t.spec["mode"], "tunnel": "p/t%d" % t.index, "local": octets(t.spec["local"]),
			      "remote": octets(t.spec["remote"]), "encr": "null", "integ": "hmac-sha2-256-128", "integ-key": KEY}
			if t.spec["encap"]:
				sa["encap-local-port"] = sa["encap-remote-port"] = 4500
			self.nf.do("sa-add", [("sa", sa)])

	def close(self):
		for s in self.sockets + self.silent:
			s.close()
		for wire in self.wires.values():
			wire.close()
		self.queue.close()
		self.net.close()
		if self.nf:
			self.nf.sock.s.close()
		self.nft.close()
		self.poll.close()
		self.ns.close()

	# -- what is sent --

	def token(self):
		self.next_token += 1
		return b"<%08x>" % self.next_token

	def note(self, token, place, where, packet):
		self.sent[int(token[1:-1], 16)] = Sent(place, where, packet)

	def inject(self, wire, packets, token, whole=None, to=None):
		"""Writes to a wire what is one packet, or its fragments."""
		wire = wire if wire in self.wires else wire[:3] + "0"
		self.note(token, "wire", wire, parse(whole or packets[0]))
		for packet in packets:
			self.wires[wire].send(packet, to)
		self.settle()

	def inject_sealed(self, tunnel, packets, token, whole=None):
		wire = tunnel.wire if tunnel.wire in self.wires else "wan0"
		packets = [tunnel.addressed(packet) for packet in packets]
		whole = packets[0] if len(packets) == 1 else whole
		sealed = [tunnel.seal(packet) for packet in packets]
		if tunnel.installed:
			self.note(token, "tunnel", tunnel, parse(whole or packets[0]))
		else:		# the gateway cannot open it, so it is a packet like any other
			self.note(token, "wire", wire, parse(sealed[0]))
		for packet in sealed:
			self.wires[wire].send(packet)
		self.settle()

	# -- what is seen --

	def settle(self):
		"""Reads until there is nothing more: what the gateway does with a packet it does at once."""
		while True:
			ready = self.poll.poll(0)
			if not ready:
				return
			for fd, _ in ready:
				read, thing = self.readers[fd]
				read(thing)

	def watch(self, s, read, thing):
		self.poll.register(s.fileno(), select.EPOLLIN)
		self.readers[s.fileno()] = read, thing

	def arrived(self, device):
		for data in self.wires[device].seen():
			self.emerged(device, data)

	def heard(self, s):
		while True:
			try:
				data = s.recv(1 << 16)
			except BlockingIOError:
				self.drain_errors(s)
				return
			except OSError:
				data = b""
			if not data and s.type == socket.SOCK_STREAM:
				self.poll.unregister(s.fileno())	# reset, refused, or at its end: it would say so for ever
				return
			if not data:
				return
			# ESP in UDP that DNAT has led away from its SA was not opened
			if any(is_sealed(data[at:]) for at in (0, 8, 28)):
				continue
			quoting = s.type == socket.SOCK_RAW and s.proto in ERRORS and \
				data[(data[0] & 15) * 4 if s.proto == ICMP else 0] in ERRORS[s.proto]
			for token in TOKEN.findall(data):
				self.delivered(int(token, 16), "own", s, None, quoting)

	@staticmethod
	def drain_errors(s):
		"""A rejected SYN leaves an ICMP error in the queue of errors; recv() does not take it, and epoll reports it for ever."""
		try:
			while True:
				s.recvmsg(1, 0, socket.MSG_ERRQUEUE)
		except OSError:
			pass

	def emerged(self, wire, data):
		p = parse(data)
		if p is None:
			return
		if p.offset or p.more:
			p = self.reassembled(wire, p)
			if p is None:
				return
		esp = esp_of(p)
		tunnel = self.by_spi.get(int.from_bytes(esp[:4], "big"))
		inner = tunnel and tunnel.open(esp)
		if inner:
			self.carried(tunnel, inner)
		else:
			self.clear(wire, p)

	def reassembled(self, wire, p):
		key = wire, p.src, p.dst, p.ident, p.proto
		parts = self.partial.setdefault(key, [])
		parts.append(p)
		at, body = 0, b""
		for part in sorted(parts, key=lambda q: q.offset):
			if part.offset > at:
				return None
			body += part.data[part.at:][at - part.offset:]
			at = len(body)
		if part.more or parts[0].offset and not any(q.offset == 0 for q in parts):
			return None
		del self.partial[key]
		return parse(ip_packet(p.family, p.src, p.dst, p.proto, body))

	def housekeeping(self, p):
		"""What the host says to its link; no traffic for an access list."""
		return p.proto == IGMP or p.proto == ICMPV6 and p.kind in (130, 131, 132, 133, 134, 135, 136, 137, 143)

	def clear(self, wire, p):
		if self.housekeeping(p):
			return
		entry = first(self.policy, outbound(p))
		self.sums["clear"] += 1
		if self.from_daemon(p):
			self.asked.add((p.src, p.dst, p.sport, p.dport))
		elif refused(entry) and not self.ours(p.quote):
			self.finding("leak", "%s in clear on %s, which is for: %s" % (p, wire, entry))
		# what is still sealed was not taken, but sent on like any other packet
		if not is_sealed(esp_of(p)):
			self.tokens(p, "wire", wire)

	def carried(self, tunnel, p):
		self.sums["carried"] += 1
		# an error may go by its own addresses as well: RFC 4301 6.2
		entries = [first(self.policy, outbound(p)), first(self.policy, p)]
		if not p.offset and not p.more and not any(e and e.tunnel == tunnel.index for e in entries):
			self.finding("astray", "%s in tunnel %d, which is for: %s" % (p, tunnel.index, entries[0]))
		self.tokens(p, "tunnel", tunnel)

	def tokens(self, p, place, where):
		for token in TOKEN.findall(p.data):
			self.delivered(int(token, 16), place, where, p, p.quote is not None)

	def delivered(self, token, place, where, p, quoting):
		"""A packet of ours came through, as @p; or the gateway only quotes it."""
		sent = self.sent.get(token)
		if sent is None or quoting and not (sent.packet and sent.packet.quote):
			self.sums["quoted"] += 1
			return
		self.events[token] = Event(place, where, p)
		if sent.place == "own":
			return
		entry = first(self.policy, inbound(sent.packet))
		target = "%s %s" % (place, where.index if place == "tunnel" else where if place == "wire" else "")
		if sent.place == "wire":
			self.sums["passed"] += 1
			daemon = (place == "own" or self.spec.is_rewritten(sent.packet)) and self.for_daemon(sent.packet)
			if refused(entry) and not self.ours(sent.packet.quote) and not daemon:
				self.finding("intrusion", "%s came in clear on %s and was taken, to %s as (%s), though: %s" % (
					sent.packet, sent.where, target, p, entry))
		elif sent.place == "tunnel":
			self.sums["opened"] += 1
			entries = [entry, first(self.policy, sent.packet.mirrored())]
			if not any(e and e.tunnel == sent.where.index for e in entries):
				self.finding("foreign", "%s came in tunnel %d and was taken, to %s as (%s), though: %s" % (
					sent.packet, sent.where.index, target, p, entry))

	def ours(self, quote):
		"""An error about our own ESP says something of the path, not of what is protected."""
		return quote and any({quote.src, quote.dst} == {t.local, t.remote} for t in self.tunnels) and \
			(quote.proto == ESP or quote.proto == UDP and (quote.sport == quote.dport == 4500 or (quote.family, quote.sport) in self.ike))

	def from_daemon(self, p):
		"""Is it IKE of the daemon? By the socket that sent it, not by its ports."""
		tokens = [int(token, 16) for token in TOKEN.findall(p.data)]
		return p.quote is None and bool(tokens) and all(t in self.sent and self.sent[t].where in self.ike.values() for t in tokens)

	def for_daemon(self, p):
		"""Is it IKE from a peer? NAT of the gateway may give the peer another address: the daemon has written to that."""
		return p.proto == UDP and (p.family, p.dport) in self.ike and (
			any((p.dst, p.src) == (t.local, t.remote) for t in self.tunnels) or
			(p.dst, p.src, p.dport, p.sport) in self.asked)

	def finding(self, kind, text):
		self.findings.append(Finding(kind, text))

	def finish(self):
		time.sleep(self.patience)
		self.settle()
		self.incomplete()

	def incomplete(self):
		"""Judges fragments whose others never came, by the policy that was in force."""
		for key, parts in self.partial.items():
			for p in parts:
				entry = first(self.policy, p)
				if refused(entry):
					self.finding("leak", "%s in clear on %s, which is for: %s" % (p, key[0], entry))
		self.partial.clear()
