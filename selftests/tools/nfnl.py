# SPDX-License-Identifier: GPL-2.0
"""
Generic netlink without a library, so that a test can say anything, wrong things
too, and the family's specification as the source of every number.
"""
import ctypes
import errno
import functools
import os
import socket
import struct

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = os.path.join(HERE, "../../Documentation/netlink/specs/nfipsec.yaml")

REQUEST, MULTI, ACK, DUMP_INTR, DUMP, CAPPED, ACK_TLVS = 1, 2, 4, 0x10, 0x300, 0x100, 0x200
NESTED = 0x8000
ERROR, DONE = 2, 3
SOL_NETLINK, ADD_MEMBERSHIP, CAP_ACK, EXT_ACK = 270, 1, 10, 11
CTRL = dict(family=0x10, getfamily=3, getpolicy=10, id=1, name=2, maxattr=5, mcgroups=7,
	    policy=8, op_policy=9)


def c_name(*parts):
	return "_".join(p.strip("-") for p in parts).replace("-", "_").upper()


class Spec:
	"""The specification: every constant by its C name, attribute sets and commands by name."""

	def __init__(self, path=SPEC):
		with open(path) as f:
			# ten times as fast, where it is built: a kernel with checkers is slow enough
			self.y = yaml.load(f, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
		self.family = self.y["name"]
		self.constants = {}
		self.sets = {}		# set -> name -> (number, description)
		self.commands = {}	# name -> number
		self.last = {}		# C name of ..._MAX -> value
		for d in self.y["definitions"]:
			self._definition(d)
		for s in self.y["attribute-sets"]:
			self._attributes(s)
		ops = self.y["operations"]
		for number, op in enumerate(ops["list"], 1):
			self.commands[op["name"]] = number
			self.constants[c_name(ops["name-prefix"], op["name"])] = number
		self.last[c_name(ops["name-prefix"], "max")] = len(self.commands)

	def _definition(self, d):
		if d["type"] == "const":
			self.constants[c_name(self.family, d["name"])] = d["value"]
			return
		value = d.get("value-start", 0)
		for e in d["entries"]:
			e = e if isinstance(e, dict) else {"name": e}
			value = e.get("value", value)
			self.constants[c_name(self.family, d["name"], e["name"])] = value
			value += 1

	def _attributes(self, s):
		attrs = self.sets[s["name"]] = {}
		for number, a in enumerate(s["attributes"], 1):
			attrs[a["name"]] = (number, a)
			self.constants[c_name(s["name-prefix"], a["name"])] = number
		self.last[c_name(s["name-prefix"], "max")] = len(attrs)

	def enum(self, name, entry):
		return self.constants[c_name(self.family, name, entry)]


def attr(kind, data):
	"""One attribute, padded; @data is octets."""
	return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def parse(data):
	"""[(kind without flags, octets)] of a run of attributes."""
	out = []
	while len(data) >= 4:
		n, kind = struct.unpack_from("=HH", data)
		if n < 4 or n > len(data):
			raise ValueError("attribute of %d octets, %d are left" % (n, len(data)))
		out.append((kind & 0x3fff, data[4:n]))
		data = data[(n + 3) & ~3:]
	return out


def number(data, order="little" if struct.pack("=H", 1)[0] else "big"):
	return int.from_bytes(data, order)


@functools.lru_cache(maxsize=None)
def the_spec():
	return Spec()


class Refused(Exception):
	"""The kernel's answer: .errno, .text (None when it gave none), .missing (attribute number)"""

	def __init__(self, err, text, missing):
		super().__init__("%s: %s" % (errno.errorcode.get(err, err), text))
		self.errno, self.text, self.missing = err, text, missing


class Socket:
	def __init__(self, timeout=20):
		self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
		for size, forced in ((socket.SO_SNDBUF, 32), (socket.SO_RCVBUF, 33)):
			try:
				self.s.setsockopt(socket.SOL_SOCKET, forced, 8 << 20)
			except PermissionError:
				self.s.setsockopt(socket.SOL_SOCKET, size, 1 << 17)
		self.s.setsockopt(SOL_NETLINK, EXT_ACK, 1)
		self.s.setsockopt(SOL_NETLINK, CAP_ACK, 1)
		self.s.settimeout(timeout)
		self.s.bind((0, 0))
		self.seq = 0

	def send(self, family, cmd, payload=b"", flags=REQUEST | ACK):
		self.seq += 1
		message = struct.pack("=BBH", cmd, 1, 0) + payload
		head = struct.pack("=IHHII", 16 + len(message), family, flags, self.seq, 0)
		self.s.sendto(head + message, (0, 0))

	def _refusal(self, flags, body, skip):
		err = -struct.unpack_from("=i", body)[0]
		text = missing = None
		if flags & ACK_TLVS:
			for kind, data in parse(body[skip:]):
				if kind == 1:
					text = data.rstrip(b"\0").decode("ascii")
					# it goes to a terminal
					if not text.isprintable():
						raise ValueError("not plain text: %r" % text)
				elif kind == 5:
					missing = number(data)
		return Refused(err, text, missing)

	def answers(self):
		"""The messages up to the acknowledgement: [(cmd, [(kind, data)])], interrupted or not."""
		out, self.interrupted = [], False
		while True:
			data = self.s.recv(1 << 20)
			while data:
				size, kind, flags, seq, _pid = struct.unpack_from("=IHHII", data)
				body, data = data[16:size], data[(size + 3) & ~3:]
				self.interrupted |= bool(flags & DUMP_INTR)
				if seq != self.seq:
					continue
				if kind == ERROR or kind == DONE:
					if struct.unpack_from("=i", body)[0]:
						skip = 20 if kind == ERROR else 4
						if kind == ERROR and not flags & CAPPED:
							skip = 4 + struct.unpack_from("=I", body, 4)[0]
						raise self._refusal(flags, body, skip)
					return out
				out.append((body[0], parse(body[4:])))

	def ask(self, family, cmd, payload=b"", flags=REQUEST | ACK):
		self.send(family, cmd, payload, flags)
		return self.answers()

	def dump(self, family, cmd, payload=b""):
		return self.ask(family, cmd, payload, REQUEST | DUMP)


class Nfipsec:
	"""The family, by the names of the specification."""

	def __init__(self, timeout=20):
		self.spec = the_spec()
		self.sock = Socket(timeout)
		reply = self.sock.ask(CTRL["family"], CTRL["getfamily"],
				      attr(CTRL["name"], self.spec.family.encode() + b"\0"))
		top = dict(reply[0][1])
		self.family = number(top[CTRL["id"]])
		self.groups = {}
		for _, group in parse(top[CTRL["mcgroups"]]):
			g = dict(parse(group))
			self.groups[g[1].rstrip(b"\0").decode()] = number(g[2])

	def listen(self, group="events"):
		self.sock.s.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, self.groups[group])

	def event(self, timeout=20):
		"""(name of the command, attributes) of the next event; socket.timeout when none comes"""
		self.sock.s.settimeout(timeout)
		data = self.sock.s.recv(1 << 16)
		names = {v: k for k, v in self.spec.commands.items()}
		return names[data[16]], self.decode("nfipsec", parse(data[20:]))

	def encode(self, where, values):
		"""
		Attributes of the set @where from [(name, value)] or a dict; octets are taken as they
		are, numbers and strings in the attribute's type, dicts and lists as nests.
		"""
		out = b""
		for name, value in values.items() if isinstance(values, dict) else values:
			kind, a = self.spec.sets[where][name]
			if isinstance(value, (dict, list)):
				out += attr(kind | NESTED, self.encode(a["nested-attributes"], value))
				continue
			out += attr(kind, self.scalar(a, value))
		return out

	def scalar(self, a, value):
		if isinstance(value, bytes):
			return value
		if a["type"] == "flag":
			return b""
		if a["type"] == "string":
			return value.encode() + b"\0"
		if a["type"] == "binary":
			return socket.inet_aton(value)
		if isinstance(value, str):
			value = self.spec.enum(a["enum"], value)
		return struct.pack({"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}[a["type"]]
				   if "byte-order" not in a else {"u16": ">H", "u32": ">I"}[a["type"]], value)

	def decode(self, where, attrs):
		"""[(name, value)] of attributes of the set @where"""
		names = {n: (name, a) for name, (n, a) in self.spec.sets[where].items()}
		out = []
		for kind, data in attrs:
			name, a = names[kind]
			if a["type"] == "pad":
				continue
			if a["type"] == "nest":
				value = self.decode(a["nested-attributes"], parse(data))
			elif a["type"] == "string":
				value = data.rstrip(b"\0").decode()
			elif a["type"] == "binary":
				value = socket.inet_ntoa(data) if len(data) == 4 else data
			elif a["type"] == "flag":
				value = True
			else:
				value = number(data, "big") if "byte-order" in a else number(data)
			out.append((name, value))
		return out

	def do(self, command, values=(), raw=None):
		payload = self.encode("nfipsec", values) if raw is None else raw
		out = self.sock.ask(self.family, self.spec.commands[command], payload)
		return [self.decode("nfipsec", attrs) for _, attrs in out]

	def dump(self, command):
		out = self.sock.dump(self.family, self.spec.commands[command])
		return [dict(self.decode("nfipsec", attrs)) for _, attrs in out]

	def stats(self):
		return dict(dict(self.do("stats-get")[0])["stats"])

	def tunnels(self):
		return {t["name"]: t for t in (dict(m["tunnel"]) for m in self.dump("tunnel-get"))}

	def sas(self):
		return [dict(m["sa"]) for m in self.dump("sa-get")]

	def entries(self):
		return [dict(m["entry"]) for m in self.dump("policy-get")]


CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def unshare(flags):
	libc = ctypes.CDLL(None, use_errno=True)
	if libc.unshare(flags):
		raise OSError(ctypes.get_errno(), "unshare")
