#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Checks of the netlink interface and what it controls: `netlink-test.py CASE`, a
function of this file with "case_" before its name. Runs in a namespace that
netlink.sh has made; says what is wrong and exits 1, or exits 0.

	10.1.0.1 -- d0 (dummy: takes everything, answers nothing) -- 10.2.0.0/24
	192.0.2.1, the tunnel's local end                         -- 192.0.2.2, its remote end
"""
import errno
import os
import random
import re
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import nfnl
from nfnl import NESTED, Refused, attr

SLOW = int(os.environ.get("NFIPSEC_TIME_FACTOR", "1"))
KEY, SALT = bytes(range(16)), b"salt"
QUEUE_MAX = 64

# ---- well-formed objects ----


def tunnel(name="peer/lan", **over):
	return {"name": name, "local": "192.0.2.1", "remote": "192.0.2.2", "mode": "tunnel", **over}


def sel(src=("10.1.0.0", "10.1.0.255"), dst=("10.2.0.0", "10.2.0.255"), **over):
	return {"saddr-min": src[0], "saddr-max": src[1], "daddr-min": dst[0], "daddr-max": dst[1], **over}


def entry(number=10, action="protect", selector=None, **over):
	e = {"list": "branch", "number": number, "action": action, "selector": selector or sel()}
	if action == "protect":
		e["tunnel"] = "peer/lan"
	return {**e, **over}


def policy(tunnels=None, entries=None):
	return [("tunnel", t) for t in ([tunnel()] if tunnels is None else tunnels)] + \
	       [("entry", e) for e in ([entry()] if entries is None else entries)]


# a second tunnel for the same packets
SPARE = tunnel("spare/lan", remote="192.0.2.3")
PAIR = [tunnel(), SPARE]


def standby(number=20, **over):
	return entry(number, **{"tunnel": "spare/lan", "list": "spare", "standby": True, **over})


def sa(spi=0x1000, dir="out", **over):
	return {"proto": 50, "spi": spi, "dir": dir, "mode": "tunnel", "tunnel": "peer/lan",
		"local": "192.0.2.1", "remote": "192.0.2.2", "encr": "aes-gcm-16",
		"encr-key": KEY + SALT, **over}


def cbc(spi=0x1001, **over):
	return {**sa(spi, encr="aes-cbc"), "encr-key": KEY, "integ": "hmac-sha2-256-128",
		"integ-key": bytes(32), **over}


def without(d, *names):
	return {k: v for k, v in d.items() if k not in names}


def name_of(s):
	"""What names an SA, of a request or of a report."""
	return {k: s[k] for k in ("proto", "spi", "dir", "local" if s["dir"] in ("in", 1) else "remote")}


# ---- tools ----


def expect(condition, text):
	if not condition:
		raise AssertionError(text)


def equal(found, expected, what):
	expect(found == expected, "%s: found %r, expected %r" % (what, found, expected))


def until(what, condition, seconds=10):
	end = time.monotonic() + seconds * SLOW
	while not condition():
		expect(time.monotonic() < end, "not within %d s: %s" % (seconds * SLOW, what))
		time.sleep(0.05)


def refused(nf, what, err, text, command, values=(), raw=None):
	try:
		nf.do(command, values, raw)
	except Refused as e:
		expect(e.errno == err, "%s: %s, expected %s" % (what, e, errno.errorcode[err]))
		expect(e.text and re.search(text, e.text), "%s: text %r, expected /%s/" % (what, e.text, text))
		return e
	raise AssertionError("%s: was not refused" % what)


def counted(nf, before):
	now = nf.stats()
	return {k: now[k] - before[k] for k in now if now[k] != before[k]}


def udp():
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("10.1.0.1", 5000))
	s.connect(("10.2.0.2", 6000))
	return s


class Wire:
	"""What leaves through d0."""

	def __init__(self):
		# only sockets for every protocol are shown what leaves
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
		self.s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
		self.s.bind(("d0", 3))

	def packets(self, quiet=0.5):
		self.s.settimeout(quiet * SLOW)
		out = []
		while True:
			try:
				data, where = self.s.recvfrom(1 << 16)
			except socket.timeout:
				return out
			if where[1] == 0x0800:
				out.append(data)

	def clear(self, **kw):
		return [p for p in self.packets(**kw) if p[9] != 50]

	def opened(self, **kw):
		"""The payloads of the UDP datagrams inside ESP, in order; RFC 4303 2, RFC 4106."""
		from cryptography.hazmat.primitives.ciphers.aead import AESGCM
		out = []
		for p in self.packets(**kw):
			expect(p[9] == 50, "clear text on the wire: " + p.hex())
			esp = p[20:]
			inner = AESGCM(KEY).decrypt(SALT + esp[8:16], esp[16:], esp[:8])
			out.append(inner[28:struct.unpack("!H", inner[2:4])[0]])
		return out


# ---- the interface ----


def case_types():
	"""What the kernel's own policies say of each attribute is what the specification says."""
	nf = nfnl.Nfipsec()
	ctrl = nfnl.CTRL
	kinds = {1: "flag", 2: "u8", 3: "u16", 4: "u32", 5: "u64", 10: "binary", 11: "string",
		 12: "string", 13: "nest"}
	where = {}		# index of a policy -> set of the specification
	policies, ops = {}, {}
	for _, top in nf.sock.dump(ctrl["family"], ctrl["getpolicy"],
				   attr(ctrl["id"], struct.pack("=H", nf.family))):
		for kind, data in top:
			if kind == ctrl["op_policy"]:
				for op, which in nfnl.parse(data):
					for _, index in nfnl.parse(which):
						ops[op] = nfnl.number(index)
			elif kind == ctrl["policy"]:
				for index, attrs in nfnl.parse(data):
					for number, info in nfnl.parse(attrs):
						policies.setdefault(index, {})[number] = dict(nfnl.parse(info))
	where.update({index: "nfipsec" for index in ops.values()})
	listed = {op["name"] for op in nf.spec.y["operations"]["list"] if "event" not in op}
	equal({n for n, v in nf.spec.commands.items() if v in ops}, listed, "commands with a policy")
	seen, todo = set(), list(where)
	while todo:
		index = todo.pop()
		if index in seen or index not in policies:
			continue
		seen.add(index)
		names = {n: (name, a) for name, (n, a) in nf.spec.sets[where[index]].items()}
		for number, info in policies[index].items():
			name, a = names[number]
			kind = kinds.get(nfnl.number(info[1]))
			what = "%s.%s" % (where[index], name)
			equal(kind, a["type"], what)
			if kind == "nest":
				where[nfnl.number(info[8])] = a["nested-attributes"]
				todo.append(nfnl.number(info[8]))
			if "max-len" in a.get("checks", {}):
				limit = nf.spec.constants["NFIPSEC_" + nfnl.c_name(a["checks"]["max-len"])]
				equal(nfnl.number(info[7]), limit, what + " longest")
			for key, bound in (("min", 4), ("max", 5)):
				if key in a.get("checks", {}):
					equal(nfnl.number(info[bound]), a["checks"][key], what + " " + key)
	expect({"sa", "sel", "tunnel", "entry", "flow"} <= set(where.values()), "sets seen: %r" % where)


ENDS = ("ends", {"local": "192.0.2.1", "remote": "192.0.2.9"})


def case_refusals():
	nf = nfnl.Nfipsec()
	nf.do("policy-set", policy())
	E = errno
	table = [
		# policy
		("tunnel without a name", E.EINVAL, "wants a name", "policy-set",
		 policy([without(tunnel(), "name")], [])),
		("tunnel without a mode", E.EINVAL, "wants a mode", "policy-set",
		 policy([without(tunnel(), "mode")], [])),
		("empty name", E.EINVAL, "visible ASCII", "policy-set", policy([tunnel("")], [])),
		("name with a space", E.EINVAL, "visible ASCII", "policy-set", policy([tunnel("a b")], [])),
		("name not terminated", E.EINVAL, ".", "policy-set", policy([tunnel(b"x" * 64)], [])),
		("name of 64", None, ".", "policy-set", policy([tunnel("x" * 64)], [])),
		("mode 3", E.ERANGE, ".", "policy-set", policy([tunnel(mode=3)], [])),
		("ends of two families", E.EAFNOSUPPORT, "of one family", "policy-set",
		 policy([tunnel(remote=bytes(16))], [])),
		("VRF of 16 octets", None, ".", "policy-set", policy([tunnel(vrf="x" * 16)], [])),
		("address of 3", E.ERANGE, ".", "policy-set", policy([tunnel(remote=bytes(3))], [])),
		("MTU 67", E.ERANGE, ".", "policy-set", policy([tunnel(mtu=67)], [])),
		("DF 4", E.ERANGE, ".", "policy-set", policy([tunnel(df=4)], [])),
		("DSCP 64", E.ERANGE, ".", "policy-set", policy([tunnel(dscp=64)], [])),
		("two tunnels of a name", E.EEXIST, "same name", "policy-set",
		 policy([tunnel(), tunnel(remote="192.0.2.3")], [])),
		("protect without a tunnel", E.EINVAL, "wants a tunnel", "policy-set",
		 policy(entries=[without(entry(), "tunnel")])),
		("bypass with a tunnel", E.EINVAL, "only a protect", "policy-set",
		 policy(entries=[entry(action="bypass", tunnel="peer/lan")])),
		("unknown tunnel", E.ENOENT, "no tunnel of this name", "policy-set",
		 policy(entries=[entry(tunnel="peer/wan")])),
		("the old policy's tunnel", E.ENOENT, "no tunnel of this name", "policy-set",
		 policy([], [entry()])),
		("action 4", E.ERANGE, ".", "policy-set", policy(entries=[entry(action=4)])),
		("addresses turned round", E.EINVAL, "ends before", "policy-set",
		 policy(entries=[entry(selector=sel(("10.1.0.9", "10.1.0.8")))])),
		("ports turned round", E.EINVAL, "ends before", "policy-set",
		 policy(entries=[entry(selector=sel(proto=6, **{"dport-min": 80, "dport-max": 79}))])),
		("ports of no protocol", E.EINVAL, "want a protocol", "policy-set",
		 policy(entries=[entry(selector=sel(**{"dport-min": 80, "dport-max": 80}))])),
		("selector of two families", E.EAFNOSUPPORT, "of one family", "policy-set",
		 policy(entries=[entry(selector=sel(("10.1.0.0", bytes(16))))])),
		("reported attribute set", E.EINVAL, ".", "policy-set", policy([tunnel(queued=1)], [])),
		("standby of nothing", E.EINVAL, "behind the one that it stands by", "policy-set",
		 policy(entries=[entry(standby=True)])),
		("standby of a bypass", E.EINVAL, "behind the one that it stands by", "policy-set",
		 policy(PAIR, [entry(9, "bypass"), standby()])),
		("bypass as a standby", E.EINVAL, "behind the one that it stands by", "policy-set",
		 policy(PAIR, [entry(), entry(20, "bypass", standby=True)])),
		("standby with another destination", E.EINVAL, "selector of the entry before", "policy-set",
		 policy(PAIR, [entry(), standby(selector=sel(dst=("10.2.0.0", "10.2.0.254")))])),
		("standby with a port", E.EINVAL, "selector of the entry before", "policy-set",
		 policy(PAIR, [entry(), standby(selector=sel(proto=6, **{"dport-min": 80, "dport-max": 80}))])),
		("standby of the same tunnel", E.EINVAL, "tunnel of its own", "policy-set",
		 policy(PAIR, [entry(), standby(tunnel="peer/lan")])),
		("two standbys of one tunnel", E.EINVAL, "tunnel of its own", "policy-set",
		 policy(PAIR, [entry(), standby(), standby(30)])),
		("standby in transport mode", E.EINVAL, "for tunnel mode", "policy-set",
		 policy([tunnel(), SPARE, tunnel("peer/host", mode="transport")],
			[entry(), standby(), standby(30, tunnel="peer/host")])),
		("standby of transport mode", E.EINVAL, "for tunnel mode", "policy-set",
		 policy([tunnel(mode="transport"), SPARE], [entry(), standby()])),
		("eight standbys", E.EINVAL, "at most 7", "policy-set",
		 policy([tunnel("p/%d" % i) for i in range(9)],
			[entry(tunnel="p/0")] + [standby(i, tunnel="p/%d" % i) for i in range(1, 9)])),
		("active set", E.EINVAL, ".", "policy-set", policy(entries=[entry(active=True)])),
		("an SA in a policy", E.EINVAL, ".", "policy-set", [("sa", sa())]),
		# the last of a thousand is wrong, all is refused
		("late mistake", E.ENOENT, "no tunnel of this name", "policy-set",
		 policy(entries=[entry(n) for n in range(1000)] + [entry(tunnel="x")])),
		# SAs
		("nothing", E.EINVAL, "SA is missing", "sa-add", []),
		("protocol 6", E.EPROTONOSUPPORT, "expected protocol 50", "sa-add", [("sa", sa(proto=6))]),
		("AH with a cipher", E.EINVAL, "does not encrypt", "sa-add", [("sa", sa(proto=51))]),
		("AH without a MAC", E.EINVAL, "expected INTEG", "sa-add",
		 [("sa", without(sa(proto=51), "encr", "encr-key"))]),
		("AH in UDP", E.EINVAL, "cannot pass a NAT", "sa-add",
		 [("sa", sa(proto=51, **{"encap-local-port": 4500, "encap-remote-port": 4500}))]),
		("SPI 255", E.EINVAL, "up to 255", "sa-add", [("sa", sa(255))]),
		("SPI 0", E.EINVAL, "up to 255", "sa-add", [("sa", sa(0))]),
		("direction 3", E.ERANGE, ".", "sa-add", [("sa", sa(dir=3))]),
		("direction 0", E.ERANGE, ".", "sa-add", [("sa", sa(dir=0))]),
		("transport", E.EINVAL, "as the tunnel has it", "sa-add", [("sa", sa(mode="transport"))]),
		("unknown tunnel", E.ENOENT, "no tunnel of this name", "sa-add", [("sa", sa(tunnel="x"))]),
		("two families", E.EAFNOSUPPORT, "of one family", "sa-add", [("sa", sa(local=bytes(16)))]),
		("any IPv6", E.EINVAL, "unicast", "sa-add",
		 [("sa", sa(local=bytes(15) + b"\1", remote=bytes(16)))]),
		("multicast", E.EINVAL, "unicast", "sa-add", [("sa", sa(remote="224.0.0.1"))]),
		("unknown cipher", None, ".", "sa-add", [("sa", sa(encr=99))]),
		("key of 19", None, ".", "sa-add", [("sa", sa(**{"encr-key": bytes(19)}))]),
		("key of 28 (AES-192)", None, ".", "sa-add", [("sa", sa(**{"encr-key": bytes(27)}))]),
		("key of 0", E.ERANGE, ".", "sa-add", [("sa", sa(**{"encr-key": b""}))]),
		("key of 129", E.ERANGE, ".", "sa-add", [("sa", sa(**{"encr-key": bytes(129)}))]),
		("AEAD with integrity", None, ".", "sa-add",
		 [("sa", sa(integ="hmac-sha2-256-128", **{"integ-key": bytes(32)}))]),
		("AEAD with an integrity key", None, ".", "sa-add", [("sa", sa(**{"integ-key": bytes(32)}))]),
		("CBC without integrity", None, ".", "sa-add", [("sa", without(cbc(), "integ", "integ-key"))]),
		("integrity key of 31", None, ".", "sa-add", [("sa", cbc(**{"integ-key": bytes(31)}))]),
		("window of 31", E.ERANGE, ".", "sa-add", [("sa", sa(dir="in", **{"replay-window": 31}))]),
		("window of 4097", E.ERANGE, ".", "sa-add", [("sa", sa(dir="in", **{"replay-window": 4097}))]),
		("window outbound", E.EINVAL, "inbound", "sa-add", [("sa", sa(**{"replay-window": 64}))]),
		("soft above hard", E.EINVAL, "soft limit above", "sa-add",
		 [("sa", sa(**{"soft-bytes": 3, "hard-bytes": 2}))]),
		("one port of two", E.EINVAL, "both ports", "sa-add", [("sa", sa(**{"encap-local-port": 4500}))]),
		("port 0", E.EINVAL, "both ports", "sa-add",
		 [("sa", sa(**{"encap-local-port": 4500, "encap-remote-port": 0}))]),
		("one original address of two", E.EINVAL, "both original addresses", "sa-add",
		 [("sa", sa(dir="in", **{"encap-local-port": 4500, "encap-remote-port": 4500, "orig-local": "10.0.0.1"}))]),
		("original addresses in tunnel mode", E.EINVAL, "transport mode", "sa-add",
		 [("sa", sa(dir="in", **{"encap-local-port": 4500, "encap-remote-port": 4500, "orig-local": "10.0.0.1",
					 "orig-remote": "10.0.0.2"}))]),
		("NULL with a key", E.EINVAL, "wrong length of ENCR_KEY", "sa-add", [("sa", cbc(encr="null"))]),
		("DES with a key of 16", E.EINVAL, "wrong length of ENCR_KEY", "sa-add",
		 [("sa", cbc(encr="des-cbc"))]),
		("65 selectors", E.E2BIG, "at most 64", "sa-add",
		 [("sa", list(sa().items()) + [("selector", sel())] * 65)]),
		("an empty selector", E.EINVAL, "all four", "sa-add", [("sa", sa(selector={}))]),
		("reported attribute set", E.EINVAL, ".", "sa-add", [("sa", sa(bytes=7))]),
		("33 bits, not extended", E.ERANGE, "sequence number of this SA", "sa-add", [("sa", sa(seq=1 << 32))]),
		("64 bits", E.ERANGE, "sequence number of this SA", "sa-add", [("sa", sa(seq=1 << 63, esn=True))]),
		("no such SA", E.ENOENT, "no SA with this", "sa-del", [("sa", name_of(sa(0x7777)))]),
		("no such SA", E.ENOENT, "no SA with this", "sa-get", [("sa", name_of(sa(0x7777)))]),
		("no such tunnel", E.ENOENT, "no tunnel of this name", "sa-flush", [("sa", {"tunnel": "x"})]),
		("a name that is no text", E.EINVAL, "visible ASCII", "sa-flush",
		 [("sa", {"tunnel": b"\xff\x1b[2J\0"})]),
		("moved nowhere", E.EINVAL, "ENDS is missing", "sa-move", [("sa", name_of(sa(0x7777)))]),
		("moved halfway", E.EINVAL, "LOCAL and REMOTE", "sa-move",
		 [("sa", name_of(sa(0x7777))), ("ends", {"local": "192.0.2.1"})]),
		("no such SA", E.ENOENT, "no SA with this", "sa-move", [("sa", name_of(sa(0x7777))), ENDS]),
		("no such SA", E.ENOENT, "no SA with this", "dummy-send", [("sa", name_of(sa(0x7777)))]),
		("1001 dummies", E.ERANGE, ".", "dummy-send",
		 [("sa", name_of(sa(0x7777))), ("dummy", {"packets": 1001})]),
		("nothing announced", E.EINVAL, "SA is missing", "spi-await", []),
		("SPI 255 announced", E.EINVAL, "up to 255", "spi-await", [("sa", name_of(sa(255, dir="in")))]),
		("announced outbound", E.EINVAL, "of inbound SAs", "spi-await", [("sa", name_of(sa(0x7777)))]),
		("no such announcement", E.ENOENT, "no announcement with this", "spi-forget",
		 [("sa", name_of(sa(0x7777, dir="in")))]),
		("nothing to explain", E.EINVAL, "FLOW is missing", "explain", []),
		("half a flow", E.EINVAL, "both addresses", "explain", [("flow", {"proto": 6, "saddr": "10.1.0.1"})]),
		("attributes for the counters", E.EINVAL, ".", "stats-get", [("sa", {})]),
		("unknown at the top", E.EINVAL, ".", "stats-get", None, attr(40, b"")),
	]
	for what, err, text, command, values, *raw in table:
		try:
			refused(nf, command + ": " + what, err or errno.EINVAL, text, command, values, *raw)
		except AssertionError:
			if err is not None:
				raise
			# whose choice of number is not part of the interface
			try:
				nf.do(command, values)
			except Refused as e:
				expect(e.text, "%s: %s: refused without a word" % (command, what))
			else:
				raise
	# each attribute that is missing is named to programs, too
	for name in ("proto", "spi", "dir", "mode", "tunnel", "local", "remote", "encr", "encr-key"):
		e = refused(nf, "SA without " + name, errno.EINVAL, "missing", "sa-add",
			    [("sa", without(sa(), name))])
		if e.missing is not None:
			equal(e.missing, nf.spec.sets["sa"][name][0], "the missing attribute, " + name)
	for name in ("list", "number", "action", "selector"):
		refused(nf, "entry without " + name, errno.EINVAL, "wants a list", "policy-set",
			policy(entries=[without(entry(), name)]))
	# two selectors in one entry: which of them would protect?
	two = list(entry().items()) + [("selector", sel(("10.3.0.0", "10.3.0.1")))]
	refused(nf, "two selectors", errno.EINVAL, "one selector", "policy-set", policy(entries=[two]))
	nf.do("sa-add", [("sa", sa())])
	refused(nf, "SPI twice", errno.EEXIST, "exists", "sa-add", [("sa", sa())])
	refused(nf, "into UDP", errno.EINVAL, "for all its life", "sa-move",
		[("sa", name_of(sa())), ("ends", dict(ENDS[1], **{"local-port": 1, "remote-port": 2}))])
	refused(nf, "to another family", errno.EAFNOSUPPORT, "of one family", "sa-move",
		[("sa", name_of(sa())), ("ends", {"local": bytes(16), "remote": bytes(16)})])
	refused(nf, "to a group", errno.EINVAL, "unicast", "sa-move",
		[("sa", name_of(sa())), ("ends", dict(ENDS[1], remote="224.0.0.1"))])
	equal(len(nf.sas()), 1, "SAs after all refusals")
	equal(len(nf.entries()), 1, "entries after all refusals")
	nf.do("policy-set")
	equal((nf.sas(), nf.entries(), nf.tunnels()), ([], [], {}), "after an empty policy")


def case_malformed():
	"""Lengths and nests that lie."""
	nf = nfnl.Nfipsec()
	nf.do("policy-set", policy())
	top = {n: v[0] for n, v in nf.spec.sets["nfipsec"].items()}
	body = nf.encode("sa", sa())
	wholes = {
		"nest longer than the message": struct.pack("=HH", 4 + len(body) + 40, top["sa"] | NESTED) + body,
		"nest cut": attr(top["sa"] | NESTED, body[:-3]),
		"attribute of 3 octets": attr(top["sa"] | NESTED, struct.pack("=HH", 3, 1)),
		"attribute of 0 octets": attr(top["sa"] | NESTED, struct.pack("=HH", 0, 1)),
		"inner longer than its nest": attr(top["sa"] | NESTED, struct.pack("=HH", 400, 2) + bytes(4)),
		"nest without its flag": attr(top["sa"], body),
		"flag with octets": attr(top["sa"] | NESTED, body + attr(12, b"yes!")),
		"u32 of 3 octets": attr(top["sa"] | NESTED, attr(2, b"123")),
		"u8 of 2 octets": attr(top["sa"] | NESTED, attr(1, b"12")),
		"unknown in a nest": attr(top["sa"] | NESTED, body + attr(60, b"")),
		"the largest type": attr(top["sa"] | NESTED, body + attr(0x3fff, b"")),
		"rubbish after the nest": attr(top["sa"] | NESTED, body) + b"abc",
		"selector in selector": attr(top["sa"] | NESTED, body + attr(14 | NESTED, attr(14 | NESTED, b""))),
	}
	for what, raw in wholes.items():
		for command in ("sa-add", "sa-del", "sa-get", "sa-flush"):
			refused(nf, "%s: %s" % (command, what), errno.EINVAL, ".", command, raw=raw) \
				if "octets" not in what else any_refusal(nf, what, command, raw)
	for n in (1000, 16000):
		for name in ("entry", "tunnel"):
			any_refusal(nf, "%d empty %s nests" % (n, name), "policy-set",
				    attr(top[name] | NESTED, b"") * n)
	any_refusal(nf, "16000 selectors", "sa-add",
		    attr(top["sa"] | NESTED, (body + attr(14 | NESTED, b"") * 16000)[:65528]))
	equal((len(nf.entries()), nf.sas()), (1, []), "the policy in force")
	nf.do("policy-set")


def any_refusal(nf, what, command, raw):
	try:
		nf.do(command, raw=raw)
	except Refused as e:
		expect(e.text, "%s: refused without a word: %s" % (what, e))
		return
	raise AssertionError("%s: was not refused" % what)


def mutate(rnd, data, others):
	data = bytearray(data)
	for _ in range(rnd.choice((1, 1, 1, 2, 3, 8))):
		at = rnd.randrange(len(data) + 1) if data else 0
		how = rnd.randrange(8)
		if how == 0 and data:
			data[at % len(data)] = rnd.randrange(256)
		elif how == 1 and data:
			data[at % len(data)] ^= 1 << rnd.randrange(8)
		elif how == 2:
			del data[at:]
		elif how == 3:
			del data[at:at + rnd.randrange(1, 40)]
		elif how == 4:
			data[at:at] = rnd.randbytes(rnd.randrange(1, 40))
		elif how == 5:		# a length
			struct.pack_into("=H", data, at & ~3, rnd.choice((0, 3, 4, 5, 255, 65535))) \
				if (at & ~3) + 2 <= len(data) else None
		elif how == 6:		# a piece twice
			piece = data[at & ~3:(at & ~3) + 4 * rnd.randrange(1, 20)]
			data[at & ~3:at & ~3] = piece
		else:
			other = rnd.choice(others)
			data += other[(rnd.randrange(len(other) + 1)) & ~3:]
	return bytes(data[:60000])


def case_random(seconds=25):
	"""Valid messages with mistakes in them: an answer to each, and words to each refusal."""
	nf = nfnl.Nfipsec()
	rnd = random.Random(20)
	many = list(sa().items()) + [("selector", sel())] * 3
	valid = [(c, nf.encode("nfipsec", v)) for c, v in (
		("sa-add", [("sa", sa())]), ("sa-add", [("sa", cbc())]), ("sa-add", [("sa", many)]),
		("sa-add", [("sa", sa(dir="in", esn=True, **{"replay-window": 128, "hard-seconds": 9}))]),
		("sa-del", [("sa", name_of(sa()))]), ("sa-get", [("sa", name_of(sa()))]),
		("sa-flush", [("sa", {"tunnel": "peer/lan"})]), ("policy-set", policy()),
		("policy-set", policy([tunnel(), tunnel("b/c")], [entry(1), entry(2, "bypass", sel(proto=17, **{
			"sport-min": 1, "sport-max": 9})), entry(3, "discard")])),
		("explain", [("flow", {"proto": 6, "saddr": "10.1.0.1", "daddr": "10.2.0.1", "dport": 80})]))]
	raws = [raw for _, raw in valid]
	end, n, done, silent = time.monotonic() + seconds, 0, 0, {}
	while n < 20000:
		if n % 200 == 0:
			if time.monotonic() >= end:
				break
			nf.do("policy-set", policy())
			nf.do("sa-flush")
		command, raw = rnd.choice(valid)
		try:
			nf.do(command, raw=mutate(rnd, raw, raws))
			done += 1
		except Refused as e:
			if not e.text:
				silent[command, e.errno] = silent.get((command, e.errno), 0) + 1
		n += 1
	print("# %d messages, %d of them accepted" % (n, done))
	expect(n > 200, "only %d messages in %d s" % (n, seconds))
	equal(silent, {}, "refusals without a word")
	nf.do("policy-set")
	equal((nf.sas(), nf.entries(), nf.tunnels()), ([], [], {}), "after an empty policy")


def as_nobody(function):
	pid = os.fork()
	if pid == 0:
		status = 1
		try:
			os.setgroups([])
			os.setgid(65534)
			os.setuid(65534)
			function()
			status = 0
		except AssertionError as e:
			print("# " + str(e))
		finally:
			sys.stdout.flush()
			os._exit(status)
	equal(os.waitpid(pid, 0)[1], 0, "the child's status")


def case_unprivileged():
	def nobody():
		nf = nfnl.Nfipsec()
		for command in (op["name"] for op in nf.spec.y["operations"]["list"] if "event" not in op):
			for ask in (nf.do, nf.dump):
				try:
					ask(command)
				except Refused as e:
					expect(e.errno == errno.EPERM or
					       (e.errno == errno.EOPNOTSUPP and ask == nf.dump or
						e.errno == errno.EOPNOTSUPP and command in ("policy-get", "tunnel-get")),
					       "%s: %s" % (command, e))
				else:
					raise AssertionError("%s: for everyone" % command)
		try:
			nf.listen()
		except PermissionError:
			return
		raise AssertionError("events for everyone")

	def own_namespace():
		try:
			nfnl.unshare(nfnl.CLONE_NEWUSER | nfnl.CLONE_NEWNET)
		except OSError as e:
			print("# no namespace of an own user: %s" % errno.errorcode[e.errno])
			return
		nf = nfnl.Nfipsec()
		nf.listen()
		nf.do("policy-set", policy())
		equal(len(nf.entries()), 1, "entries in a namespace of the user's own")

	# which nobody may not be able to read
	nfnl.the_spec()
	as_nobody(nobody)
	as_nobody(own_namespace)


def case_keys():
	"""No answer, dump or event has a key in it, or the salt."""
	nf = nfnl.Nfipsec()
	key = os.urandom(16)
	nf.do("policy-set", policy())
	nf.do("sa-add", [("sa", sa(**{"encr-key": key + SALT}))])
	nf.do("sa-add", [("sa", sa(0x1002, "in", **{"encr-key": key + SALT}))])
	for s in nf.sas() + [dict(dict(nf.do("sa-get", [("sa", name_of(sa()))])[0])["sa"])]:
		expect(not {"encr-key", "integ-key"} & set(s), "keys are told")
	heard = []
	recv = nf.sock.s.recv

	class Tap:
		def __getattr__(self, name):
			return getattr(sock, name)

		def recv(self, n):
			heard.append(recv(n))
			return heard[-1]
	sock, nf.sock.s = nf.sock.s, Tap()
	nf.sas()
	nf.do("sa-get", [("sa", name_of(sa()))])
	# an echo of the request, which a socket gets unless it asks for less
	sock.setsockopt(nfnl.SOL_NETLINK, nfnl.CAP_ACK, 0)
	refused(nf, "again", errno.EEXIST, "exists", "sa-add", [("sa", sa(**{"encr-key": key + SALT}))])
	expect(heard and not any(key[:8] in h or key[8:] in h for h in heard), "a key in an answer")
	nf.do("policy-set")


# ---- policy and SAs ----


def case_transaction():
	nf = nfnl.Nfipsec()
	a, b, c = tunnel("p/a"), tunnel("p/b", remote="192.0.2.3"), tunnel("p/c", remote="192.0.2.4")
	lists = [entry(i, tunnel=t) for i, t in ((1, "p/a"), (2, "p/b"), (3, "p/c"))]
	nf.do("policy-set", policy([a, b, c], lists))
	for i, t in enumerate((a, b, c)):
		for d in ("in", "out"):
			nf.do("sa-add", [("sa", sa(0x1000 + i, d, tunnel=t["name"], remote=t["remote"]))])
	equal(len(nf.sas()), 6, "SAs")

	def owners():
		return sorted({s["tunnel"] for s in nf.sas()})

	# the same again: nothing goes
	nf.do("policy-set", policy([c, b, a], lists[::-1]))
	equal((owners(), len(nf.sas())), (["p/a", "p/b", "p/c"], 6), "owners of SAs")
	equal([e["number"] for e in nf.entries()], [3, 2, 1], "the order of entries")
	# a refused one: nothing goes, whatever came before the mistake
	refused(nf, "unknown tunnel", errno.ENOENT, "no tunnel", "policy-set",
		policy([tunnel("p/a", remote="192.0.2.9")], [entry(1, tunnel="p/a"), entry(2, tunnel="p/z")]))
	equal((owners(), len(nf.sas()), len(nf.entries())), (["p/a", "p/b", "p/c"], 6, 3), "after a refusal")
	# an MTU is no reason to lose SAs; another remote end is; and what is not there any more goes
	nf.do("policy-set", policy([{**a, "mtu": 1000}, {**b, "remote": "192.0.2.5"}],
				   [entry(1, tunnel="p/a"), entry(2, tunnel="p/b")]))
	equal((owners(), len(nf.sas())), (["p/a"], 2), "owners of SAs")
	equal(nf.tunnels()["p/a"]["mtu"], 1000, "the MTU that was set")
	nf.do("policy-set", policy([a], [entry(1, tunnel="p/a")]))
	expect(nf.tunnels()["p/a"]["mtu"] > 1000, "the MTU stays when it is not set any more")
	equal(len(nf.sas()), 2, "SAs")
	nf.do("sa-del", [("sa", name_of(sa(0x1000, "out", remote=a["remote"])))])
	equal([s["dir"] for s in nf.sas()], [nf.spec.enum("dir", "in")], "directions left")
	nf.do("sa-flush", [("sa", {"tunnel": "p/a"})])
	equal(nf.sas(), [], "SAs after a flush")
	nf.do("policy-set")


def case_dumps():
	"""More than one message holds, in order, and what was set comes back."""
	nf = nfnl.Nfipsec()
	tunnels = [tunnel("p/%d" % i, remote="198.51.%d.%d" % (i >> 8, i & 255)) for i in range(300)]
	entries = [entry(i, tunnel="p/%d" % (i % 300), selector=sel(proto=6, **{"dport-min": i, "dport-max": i}))
		   for i in range(3000)]
	nf.do("policy-set", policy(tunnels, entries))
	equal(list(nf.tunnels()), [t["name"] for t in tunnels], "tunnels")
	equal([(e["number"], dict(e["selector"])["dport-min"]) for e in nf.entries()],
	      [(i, i) for i in range(3000)], "entries")
	for i in range(500):
		nf.do("sa-add", [("sa", sa(0x2000 + i, ("in", "out")[i % 2], tunnel="p/%d" % (i % 300)))])
	equal([s["spi"] for s in nf.sas()], [0x2000 + i for i in range(500)], "SPIs")
	nf.do("sa-flush")
	# one SA larger than a page, and a reader with little room
	sels = [sel(("10.1.0.%d" % i, "10.1.0.%d" % i)) for i in range(64)]
	for spi in range(0x3000, 0x3008):
		nf.do("sa-add", [("sa", list(sa(spi, tunnel="p/0").items()) + [("selector", s) for s in sels])])
	found = nf.dump("sa-get")
	equal([dict(m["sa"])["spi"] for m in found], list(range(0x3000, 0x3008)), "SPIs of large SAs")
	for m in found:
		got = [dict(v)["saddr-min"] for k, v in m["sa"] if k == "selector"]
		equal(got, [s["saddr-min"] for s in sels], "selectors")
	# the largest there is, as the first that a new reader is told
	name, ends = "p/" + "n" * 61, {"local": bytes(15) + b"\1", "remote": bytes(15) + b"\2"}
	nf.do("policy-set", policy([tunnel(name, mode="transport", **ends)], [entry(tunnel=name)]))
	sels = [sel((bytes(14) + bytes((1, i)), bytes(14) + bytes((2, i))), (bytes(16), b"\xff" * 16), proto=17,
		    **{"sport-min": 1, "sport-max": 2, "dport-min": 3, "dport-max": 4}) for i in range(64)]
	limits = {"%s-%s" % (a, b): 1 << 60 for a in ("soft", "hard") for b in ("seconds", "bytes", "packets")}
	large = {**sa(0x4000, "in", tunnel=name, mode="transport", esn=True, **ends, **limits), "encap-local-port": 4500,
		 "encap-remote-port": 4500, "orig-local": ends["local"], "orig-remote": ends["remote"]}
	nf.do("sa-add", [("sa", list(large.items()) + [("selector", s) for s in sels])])
	equal(len(nfnl.Socket().dump(nf.family, nf.spec.commands["sa-get"])), 1, "the largest SA")
	nf.do("policy-set")


def case_bundle():
	"""Half a bundle sends no dummies, and says for want of what."""
	nf = nfnl.Nfipsec()
	nf.do("policy-set", policy([tunnel(bundle=True)]))
	nf.do("sa-add", [("sa", sa())])
	refused(nf, "half a bundle", errno.ENOENT, "no SA of AH", "dummy-send", [("sa", name_of(sa())), ("dummy", {"packets": 1})])
	nf.do("policy-set")


def case_release():
	"""
	Who sends faster than what is held can be encrypted, by UDP GSO 40 packets at once, does not
	keep the one who added an SA.
	"""
	nf = nfnl.Nfipsec()
	nf.do("policy-set", policy())
	end = time.monotonic() + 8 * SLOW
	flooding = threading.Event()

	def flood():
		s = udp()
		s.setsockopt(socket.SOL_UDP, 103, 1000)		# UDP_SEGMENT
		# Each reading of the clock costs a user-mode kernel a timer, so there are few.
		while time.monotonic() < end:
			for _ in range(100):
				s.send(bytes(40000))
			flooding.set()

	sender = threading.Thread(target=flood)
	sender.start()
	flooding.wait()
	before = nf.stats()
	nf.do("sa-add", [("sa", cbc())])
	released = counted(nf, before).get("released", 0)
	end = 0
	sender.join()
	expect(released <= 256, "%d packets of 40 segments were sent from the queue at once" % released)
	nf.do("policy-set")


def case_explain():
	nf = nfnl.Nfipsec()
	nf.do("policy-set", policy(entries=[
		entry(10, "bypass", sel(proto=6, **{"dport-min": 22, "dport-max": 22})),
		entry(20), entry(30, "discard", sel(("0.0.0.0", "255.255.255.255")))]))
	nf.do("sa-add", [("sa", {**sa(0x1000), "selector": sel(proto=17)})])
	nf.do("sa-add", [("sa", {**sa(0x1001, "in"), "selector": sel(("10.2.0.0", "10.2.0.255"),
								     ("10.1.0.0", "10.1.0.255"))})])

	def told(proto, saddr, daddr, dir="out", **ports):
		reply = dict(nf.do("explain", [("flow", {"dir": dir, "proto": proto, "saddr": saddr,
							 "daddr": daddr, **ports})])[0])
		return (dict(reply["entry"])["number"] if "entry" in reply else None,
			dict(reply["sa"])["spi"] if "sa" in reply else None)

	equal(told(17, "10.1.0.1", "10.2.0.1", dport=9), (20, 0x1000), "UDP")
	equal(told(6, "10.1.0.1", "10.2.0.1", dport=80), (20, None), "TCP, which no SA takes")
	equal(told(6, "10.1.0.1", "10.2.0.1", dport=22), (10, None), "what is bypassed")
	equal(told(6, "10.9.0.1", "10.2.0.1", dport=80), (30, None), "what is discarded")
	equal(told(6, "10.9.0.1", "10.8.0.1", dport=80), (None, None), "what no entry names")
	equal(told(6, "10.2.0.1", "10.1.0.1", "in", sport=80, dport=9), (20, 0x1001), "inbound")
	# the key exchange of the daemon is never trapped, and nobody else's is let by
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("192.0.2.1", 500))
	nf.do("ike-sockets", [("ike-fd", s.fileno())])
	nf.do("policy-set", policy(entries=[entry(10, selector=sel(*(("0.0.0.0", "255.255.255.255"),) * 2))]))
	equal(told(17, "192.0.2.1", "192.0.2.2", sport=500, dport=500), (None, None), "IKE")
	equal(told(17, "192.0.2.1", "192.0.2.2", sport=53, dport=53)[0], 10, "UDP that is not IKE")
	equal(told(17, "10.1.0.1", "192.0.2.2", sport=500, dport=500)[0], 10, "IKE of others")
	nf.do("policy-set", policy([without(tunnel(), "local", "remote")],
				   [entry(10, selector=sel(*(("0.0.0.0", "255.255.255.255"),) * 2))]))
	equal(told(17, "192.0.2.1", "203.0.113.7", sport=500, dport=500), (None, None), "IKE with anyone")
	equal(told(17, "203.0.113.7", "192.0.2.1", "in", sport=500, dport=500), (None, None), "IKE of anyone")
	equal(told(17, "10.1.0.77", "203.0.113.7", sport=500, dport=500)[0], 10, "IKE that is forwarded")
	nf.do("ike-sockets")
	equal(told(17, "192.0.2.1", "203.0.113.7", sport=500, dport=500)[0], 10, "IKE of another process")
	nf.do("policy-set")


# ---- no SA yet ----


def case_queue():
	"""At most 64 are held, the oldest goes first, and all is counted; a batch counts once."""
	nf, wire, s = nfnl.Nfipsec(), Wire(), udp()
	nf.do("policy-set", policy())
	before = nf.stats()
	for i in range(200):
		s.send(b"%05d" % i)
	equal(counted(nf, before), {"held": 200, "out-no-sa-overflow": 136, "acquire-lost": counted(nf, before)
				    .get("acquire-lost", 0)}, "counters")
	t = nf.tunnels()["peer/lan"]
	equal((t["queued"], t["queue-drops"], t["acquires"]), (QUEUE_MAX, 136, 0), "of the tunnel")
	equal(wire.clear(), [], "clear text on the wire")
	nf.do("sa-add", [("sa", sa())])
	equal(wire.opened(), [b"%05d" % i for i in range(136, 200)], "what was released")
	equal(nf.tunnels()["peer/lan"]["queued"], 0, "held")
	equal(counted(nf, before)["released"], QUEUE_MAX, "released")
	# a batch is held whole, and becomes packets when it is sent
	nf.do("sa-flush")
	before = nf.stats()
	s.setsockopt(socket.IPPROTO_UDP, 103, 100)	# UDP_SEGMENT
	s.send(b"".join(b"%0100d" % i for i in range(10)))
	equal(counted(nf, before)["held"], 1, "held for a batch of 10")
	nf.do("sa-add", [("sa", sa())])
	equal(wire.opened(), [b"%0100d" % i for i in range(10)], "the batch")
	equal(counted(nf, before)["out-packets"], 10, "packets of the batch")
	# a tunnel that goes takes what it holds along
	nf.do("sa-flush")
	before = nf.stats()
	s.setsockopt(socket.IPPROTO_UDP, 103, 0)
	s.send(b"x")
	nf.do("policy-set")
	equal(counted(nf, before).get("out-no-sa-flushed"), 1, "flushed")
	equal(wire.packets(), [], "on the wire")


def case_order():
	"""Packets that come while the held ones are released do not overtake them; none is lost."""
	nf, wire, s = nfnl.Nfipsec(), Wire(), udp()
	nf.do("policy-set", policy())
	for attempt in range(5):
		held, total = 40, 1000
		for i in range(held):
			s.send(b"%05d" % i)
		half = threading.Event()

		def more():
			for i in range(held, total):
				# no more than the queue takes before the SA is there
				if i == held + 10:
					half.set()
				s.send(b"%05d" % i)
				if i < held + 20:
					time.sleep(0.001)
		before = nf.stats()
		thread = threading.Thread(target=more)
		thread.start()
		half.wait()
		nf.do("sa-add", [("sa", sa(0x1000 + attempt))])
		thread.join()
		overflow = counted(nf, before).get("out-no-sa-overflow", 0)
		got = wire.opened()
		equal(got, sorted(got), "the order")
		equal(len(got) + overflow, total, "packets, those dropped for want of room included")
		nf.do("sa-flush")
	nf.do("policy-set")


def case_acquire():
	"""One event a second for a tunnel while packets come, with the packet that asks."""
	nf, s = nfnl.Nfipsec(), udp()
	ear = nfnl.Nfipsec()
	ear.listen()
	nf.do("policy-set", policy())
	began = time.monotonic()
	s.send(b"x")
	name, attrs = ear.event()
	flow = dict(dict(attrs)["flow"])
	equal((name, flow["tunnel"], flow["list"], flow["number"]), ("acquire", "peer/lan", "branch", 10), "event")
	equal((flow["proto"], flow["saddr"], flow["sport"], flow["daddr"], flow["dport"]),
	      (17, "10.1.0.1", 5000, "10.2.0.2", 6000), "the flow")
	while time.monotonic() < began + 3.5:
		s.send(b"x")
		time.sleep(0.01)
	passed = int(time.monotonic() - began)
	n = 1
	try:
		while True:
			ear.event(0.3)
			n += 1
	except socket.timeout:
		pass
	expect(3 <= n <= passed + 1, "%d events in %d s" % (n, passed))
	equal(nf.tunnels()["peer/lan"]["acquires"], n, "counted for the tunnel")
	nf.do("policy-set")


def expiry(ear):
	while True:
		name, attrs = ear.event()
		if name == "sa-expire":
			found = dict(dict(attrs)["sa"])
			return found["spi"], "expire-hard" in found


def case_standby():
	"""The best tunnel with an SA takes the packets; without any they are held, and all are asked."""
	nf, wire, s = nfnl.Nfipsec(), Wire(), udp()
	ear = nfnl.Nfipsec()
	ear.listen()
	best, spare = sa(0x1000), sa(0x1001, tunnel="spare/lan", remote="192.0.2.3")
	nf.do("policy-set", policy(PAIR, [entry(), standby()]))

	def active():
		return [e["list"] for e in nf.entries() if "active" in e]

	def told(dir="out"):
		ends = ("10.1.0.1", "10.2.0.2")[::1 if dir == "out" else -1]
		reply = dict(nf.do("explain", [("flow", {"dir": dir, "proto": 17, "saddr": ends[0],
							 "daddr": ends[1]})])[0])
		return dict(reply["entry"])["tunnel"], dict(reply["sa"])["spi"] if "sa" in reply else None

	def goes_to(text, remote):
		before = nf.stats()
		s.send(text)
		packets = wire.packets()
		equal([(p[9], socket.inet_ntoa(p[16:20])) for p in packets], [(50, remote)], text)
		equal(counted(nf, before), {"out-packets": 1}, text)

	def count(which):
		return [e["out-packets"] for e in nf.entries() if e["list"] == which][0]

	for i in range(3):
		s.send(b"%05d" % i)
	flows = [dict(dict(ear.event()[1])["flow"]) for _ in range(2)]
	equal([(f["tunnel"], f["list"], f["number"]) for f in flows],
	      [("peer/lan", "branch", 10), ("spare/lan", "spare", 20)], "who is asked for an SA")
	equal((active(), told()), ([], ("peer/lan", None)), "without an SA")
	equal(wire.clear(), [], "clear text on the wire")
	# what is held goes by whichever comes first
	nf.do("sa-add", [("sa", spare)])
	equal(wire.opened(), [b"%05d" % i for i in range(3)], "what was released")
	equal((active(), told()), (["spare"], ("spare/lan", 0x1001)), "with the standby's SA")
	goes_to(b"standby", "192.0.2.3")
	equal((count("branch"), count("spare")), (3, 1), "hits")
	# the better one has them back at once, and loses them at once
	for i in range(20):
		nf.do("sa-add", [("sa", best)])
		goes_to(b"best", "192.0.2.2")
		equal((active(), told()), (["branch"], ("peer/lan", 0x1000)), "with both SAs")
		nf.do("sa-del", [("sa", name_of(best))])
		goes_to(b"standby", "192.0.2.3")
	# an SA that does not take the packet is none
	nf.do("sa-add", [("sa", {**best, "selector": sel(proto=6)})])
	goes_to(b"standby", "192.0.2.3")
	equal(told(), ("spare/lan", 0x1001), "with an SA for others")
	nf.do("sa-add", [("sa", sa(0x2000, "in", tunnel="spare/lan", remote="192.0.2.3"))])
	equal(told("in"), ("spare/lan", 0x2000), "inbound")
	# the same policy again changes nothing; without the standby's entry its SA takes nothing
	nf.do("policy-set", policy(PAIR, [entry(), standby()]))
	goes_to(b"standby", "192.0.2.3")
	nf.do("policy-set", policy(PAIR, [entry()]))
	s.send(b"held")
	equal((wire.packets(), active(), told(), told("in")), ([], [], ("peer/lan", None), ("peer/lan", None)),
	      "without the entry")
	# a packet of that entry which waits is released by the standby, once there is one again
	nf.do("policy-set", policy(PAIR, [entry(), standby()]))
	s.send(b"next")
	equal(wire.opened(), [b"held", b"next"], "what was released")
	# the standby goes with packets, and with its policy
	nf.do("sa-flush")
	s.send(b"gone")
	nf.do("policy-set")
	equal(wire.packets(), [], "after the policy went")


def case_expire():
	"""Soft limits tell once, hard ones end the SA; packets then are held again."""
	nf, s = nfnl.Nfipsec(), udp()
	ear = nfnl.Nfipsec()
	ear.listen()
	nf.do("policy-set", policy())
	nf.do("sa-add", [("sa", sa(**{"soft-packets": 2, "hard-packets": 4}))])

	def event():
		return expiry(ear)

	before = nf.stats()
	for _ in range(6):
		s.send(b"x")
	equal([event(), event()], [(0x1000, False), (0x1000, True)], "events")
	equal(nf.sas(), [], "SAs")
	got = counted(nf, before)
	equal((got["out-packets"], got["held"]), (4, 2), "sent and held")
	nf.do("sa-add", [("sa", sa(0x1005, "in", **{"soft-seconds": 1, "hard-seconds": 3}))])
	equal([event(), event()], [(0x1005, False), (0x1005, True)], "events")
	equal(nf.sas(), [], "SAs")
	nf.do("policy-set")


def case_sequence():
	"""
	RFC 4303 3.3.3: numbers of 32 bits are used up and never come again; that they run out is
	told before. Extended ones go on.
	"""
	nf, s, wire = nfnl.Nfipsec(), udp(), Wire()
	ear = nfnl.Nfipsec()
	ear.listen()
	nf.do("policy-set", policy())
	nf.do("sa-add", [("sa", sa(seq=0xdffffffe))])
	before = nf.stats()
	for _ in range(4):
		s.send(b"x")
	equal(expiry(ear), (0x1000, False), "an eighth is left")
	nf.do("sa-add", [("sa", sa(0x1001, seq=0xfffffffd))])
	for _ in range(4):
		s.send(b"x")
	equal([expiry(ear), expiry(ear)], [(0x1001, False), (0x1001, True)], "nothing is left")
	equal([a["spi"] for a in nf.sas()], [0x1000], "SAs that are left")
	got = counted(nf, before)
	# the fourth goes by the other SA, which has some
	equal((got["out-packets"], got["out-seq-overflow"]), (7, 1), "sent, and for want of a number not")
	nf.do("sa-flush")
	nf.do("sa-add", [("sa", sa(0x1002, esn=True, seq=0xfffffffd))])
	for _ in range(4):
		s.send(b"x")
	numbers = [struct.unpack("!II", p[20:28]) for p in wire.packets()]
	equal(numbers, [(0x1000, 0xdfffffff + i) for i in range(4)] + [(0x1001, 0xfffffffe), (0x1001, 0xffffffff)] +
	      [(0x1000, 0xe0000003)] + [(0x1002, n & 0xffffffff) for n in range(0xfffffffe, 0x100000002)],
	      "SPIs and numbers on the wire")
	equal(nf.sas()[0]["seq"], 0x100000001, "the last number")
	nf.do("sa-flush")
	nf.do("sa-add", [("sa", sa(0x1003, "in", seq=5000))])
	equal(nf.sas()[0]["seq"], 5000, "the highest number")
	nf.do("policy-set")


def case_age():
	"""What is held for 30 s goes."""
	nf, s = nfnl.Nfipsec(), udp()
	nf.do("policy-set", policy())
	before = nf.stats()
	s.send(b"x")
	time.sleep(20)
	equal(nf.tunnels()["peer/lan"]["queued"], 1, "held after 20 s")
	until("the packet goes", lambda: nf.tunnels()["peer/lan"]["queued"] == 0, 20)
	equal(counted(nf, before).get("out-no-sa-aged"), 1, "aged")
	nf.do("policy-set")


def case_closed():
	"""No daemon: what is to be protected is not seen in clear, in any moment of any load."""
	nf, wire, s = nfnl.Nfipsec(), Wire(), udp()
	s.send(b"before")
	equal(len(wire.clear()), 1, "clear text without a policy")
	nf.do("policy-set", policy())
	stop = threading.Event()

	def stream():
		while not stop.is_set():
			s.send(b"secret")
	thread = threading.Thread(target=stream)
	thread.start()
	other = policy([tunnel(remote="192.0.2.9")], [entry(1, "discard", sel(("10.9.0.0", "10.9.0.1"))), entry(2)])
	for _ in range(50):
		nf.do("policy-set", other)
		nf.do("policy-set", policy())
		try:
			nf.do("policy-set", policy(entries=[entry(tunnel="none")]))
		except Refused:
			pass
	stop.set()
	thread.join()
	equal(wire.clear(), [], "clear text during loads")
	nf.do("policy-set")
	s.send(b"after")
	equal(len(wire.clear()), 1, "clear text without a policy")


# ---- for netlink.sh ----


def case_load():
	nfnl.Nfipsec().do("policy-set", policy())


def case_load_bypass():
	nfnl.Nfipsec().do("policy-set", policy(entries=[entry(1, "bypass"), entry(2, "discard")]))


def case_clear():
	nfnl.Nfipsec().do("policy-set")


def main():
	case = globals().get("case_" + (sys.argv[1].replace("-", "_") if len(sys.argv) == 2 else ""))
	if not case:
		print("usage: netlink-test.py CASE\n" +
		      " ".join(n[5:] for n in globals() if n.startswith("case_")), file=sys.stderr)
		return 2
	try:
		if sys.argv[1] not in ("load", "load-bypass"):
			case_clear()	# whatever the case before left behind
		case()
	except (AssertionError, Refused, OSError) as e:
		import traceback
		print("%s: %s" % (type(e).__name__, e))
		at = traceback.extract_tb(e.__traceback__)
		print("at " + " < ".join("%s:%d" % (f.name, f.lineno) for f in at[::-1][:4]))
		return 1
	return 0


sys.exit(main())
