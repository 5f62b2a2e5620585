#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Two ends of a few tunnels, whose SAs and policies are changed all the time: the
helpers of both sides in one process, without IKE.

	churn.py [--rough] [--seed N] NETNS-A NETNS-B SECONDS OPERATION...

The operations are the methods of Churn whose names begin with "op_"; one after
another, at random, for so long. At the end the policies of both sides are whole and
each tunnel has fresh SAs. --rough: others do the same at the same time, so that
what was there a moment ago may be gone, and what was not may be.
"""
import argparse
import ctypes
import errno
import os
import random
import socket
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import nfnl
from nfnl import Refused

ENDS = {4: (("192.0.2.1", "192.0.2.11"), ("192.0.2.2", "192.0.2.12")),
	6: (("2001:db8::1", "2001:db8::11"), ("2001:db8::2", "2001:db8::12"))}

# outer family, protocol, mode, what it carries from A to B
TUNNELS = {
	"st/four": (4, 50, "tunnel", ("10.1.0.0", "10.1.0.255", "10.2.0.0", "10.2.0.255", 0)),
	"st/six": (6, 50, "tunnel", ("2001:db8:1::", "2001:db8:1::ffff", "2001:db8:2::", "2001:db8:2::ffff", 0)),
	"st/ah": (4, 51, "tunnel", ("10.1.1.0", "10.1.1.255", "10.2.1.0", "10.2.1.255", 0)),
	"st/x": (4, 50, "transport", ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", 1)),
}

ESP = (
	dict(encr="aes-gcm-16", encr_key=20), dict(encr="aes-gcm-16-iiv", encr_key=36),
	dict(encr="chacha20-poly1305", encr_key=36), dict(encr="aes-ccm-12", encr_key=19),
	dict(encr="aes-cbc", encr_key=16, integ="hmac-sha2-256-128", integ_key=32),
	dict(encr="aes-ctr", encr_key=20, integ="aes-cmac-96", integ_key=16),
	dict(encr="null", encr_key=0, integ="hmac-sha1-96", integ_key=20),
)
AH = (dict(integ="hmac-sha2-256-128", integ_key=32), dict(integ="aes-xcbc-96", integ_key=16))


def packed(address):
	return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def in_netns(name):
	fd = os.open("/run/netns/" + name, os.O_RDONLY)
	if ctypes.CDLL(None, use_errno=True).setns(fd, nfnl.CLONE_NEWNET):
		raise OSError(ctypes.get_errno(), "setns " + name)
	os.close(fd)
	return nfnl.Nfipsec(timeout=60)


class Churn:
	def __init__(self, a, b, rng, rough):
		self.sides = (in_netns(a), in_netns(b))
		self.rng, self.rough = rng, rough
		self.done = {}
		# tunnel -> [(inbound SA, side)], of both directions
		self.sas = {name: [] for name in TUNNELS}
		# which of its addresses each side has for now
		self.at = {name: [0, 0] for name in TUNNELS}

	def do(self, side, command, values=()):
		try:
			self.sides[side].do(command, values)
			return True
		except Refused as e:
			if self.rough and e.errno in (errno.ENOENT, errno.EEXIST):
				return False
			raise

	# ---- what there is ----

	def selector(self, name, swap):
		smin, smax, dmin, dmax, proto = TUNNELS[name][3]
		if swap:
			smin, smax, dmin, dmax = dmin, dmax, smin, smax
		return {"proto": proto, "saddr-min": packed(smin), "saddr-max": packed(smax),
			"daddr-min": packed(dmin), "daddr-max": packed(dmax)}

	def policy(self, names, more=0):
		"""On both sides: these tunnels with their entries, and some entries that matter to nobody."""
		for side in (0, 1):
			values = [("tunnel", {"name": n, "mode": TUNNELS[n][2]}) for n in names]
			for i in range(more):
				net = "10.%d.%d." % (100 + i % 100, i // 100)
				values.append(("entry", {"list": "more", "number": i, "action": ("bypass", "discard")[i % 2],
							 "selector": {"saddr-min": packed(net + "0"), "saddr-max": packed(net + "255"),
								      "daddr-min": packed("10.9.0.0"), "daddr-max": packed("10.9.9.9")}}))
			values += [("entry", {"list": "st", "number": i, "action": "protect", "tunnel": n,
					      "selector": self.selector(n, side)}) for i, n in enumerate(names)]
			self.do(side, "policy-set", values)
		for n in set(TUNNELS) - set(names):
			self.sas[n] = []

	def named(self, name, spi, side, direction, at):
		family, proto = TUNNELS[name][:2]
		return {"proto": proto, "spi": spi, "dir": direction, "local": packed(ENDS[family][side][at[side]]),
			"remote": packed(ENDS[family][1 - side][at[1 - side]])}

	def sa_add(self, name, side):
		"""From the other side to @side: in there first, so that nothing arrives too early."""
		proto, mode = TUNNELS[name][1:3]
		suite = self.rng.choice(AH if proto == 51 else ESP)
		words = {k: v for k, v in suite.items() if not k.endswith("_key")}
		for key in ("encr_key", "integ_key"):
			if suite.get(key):
				words[key.replace("_", "-")] = self.rng.randbytes(suite[key])
		if self.rng.random() < .5:
			words["esn"] = True
		spi = self.rng.randrange(0x1000, 1 << 32)
		at = list(self.at[name])
		for where, direction in ((side, "in"), (1 - side, "out")):
			self.do(where, "sa-add", [("sa", {**self.named(name, spi, where, direction, at), "mode": mode,
							  "tunnel": name, **words})])
		return (spi, side, at)

	def sa_del(self, name, sa):
		spi, side, at = sa
		self.do(1 - side, "sa-del", [("sa", self.named(name, spi, 1 - side, "out", at))])
		self.do(side, "sa-del", [("sa", self.named(name, spi, side, "in", at))])

	def fresh(self, name):
		old, self.sas[name] = self.sas[name], [self.sa_add(name, side) for side in (0, 1)]
		return old

	# ---- operations ----

	def op_rekey(self):
		name = self.rng.choice(list(TUNNELS))
		for sa in self.fresh(name):
			self.sa_del(name, sa)

	def op_flush(self):
		"""All of it or one tunnel, on one side or both; then again."""
		names = list(TUNNELS)
		name = self.rng.choice(names + [None])
		for side in self.rng.choice(((0,), (1,), (0, 1))):
			self.do(side, "sa-flush", [("sa", {"tunnel": name})] if name else [])
		for n in [name] if name else names:
			old = self.fresh(n)
			self.rough, rough = True, self.rough
			for sa in old:
				self.sa_del(n, sa)
			self.rough = rough

	def op_policy(self):
		"""Whole, or without a tunnel that is in use, or none; and whole again."""
		names = self.rng.sample(list(TUNNELS), self.rng.randint(0, len(TUNNELS)))
		self.policy(names, self.rng.choice((0, 3, 200)))
		self.policy(list(TUNNELS), self.rng.choice((0, 3, 200)))
		for n in TUNNELS:
			if not self.sas[n]:
				self.fresh(n)

	def op_move(self):
		"""Both ends of a tunnel mode SA to other addresses, RFC 4555."""
		name = self.rng.choice([n for n in TUNNELS if TUNNELS[n][2] == "tunnel"])
		family = TUNNELS[name][0]
		to = [self.rng.randrange(2), self.rng.randrange(2)]
		for i, (spi, side, at) in enumerate(self.sas[name]):
			for where, direction in ((side, "in"), (1 - side, "out")):
				self.do(where, "sa-move", [
					("sa", self.named(name, spi, where, direction, at)),
					("ends", {"local": packed(ENDS[family][where][to[where]]),
						  "remote": packed(ENDS[family][1 - where][to[1 - where]])})])
			self.sas[name][i] = (spi, side, to)
		self.at[name] = to

	def op_dummy(self):
		name = self.rng.choice([n for n in TUNNELS if TUNNELS[n][1] == 50])
		for spi, side, at in self.sas[name]:
			self.do(1 - side, "dummy-send", [("sa", self.named(name, spi, 1 - side, "out", at)),
							 ("dummy", {"packets": 3, "bytes": 500})])

	def op_dump(self):
		nf = self.rng.choice(self.sides)
		nf.sock.dump(nf.family, nf.spec.commands[self.rng.choice(("sa-get", "policy-get", "tunnel-get"))])
		nf.stats()

	def run(self, seconds, operations):
		end = time.monotonic() + seconds
		while time.monotonic() < end:
			name = self.rng.choice(operations)
			getattr(self, "op_" + name)()
			self.done[name] = self.done.get(name, 0) + 1

	def whole(self):
		for side in (0, 1):
			self.do(side, "sa-flush")
		self.policy(list(TUNNELS))
		self.at = {name: [0, 0] for name in TUNNELS}
		for name in TUNNELS:
			self.fresh(name)


def main():
	ap = argparse.ArgumentParser(description=__doc__)
	ap.add_argument("--rough", action="store_true")
	ap.add_argument("--seed", type=int, default=1)
	ap.add_argument("a")
	ap.add_argument("b")
	ap.add_argument("seconds", type=float)
	ap.add_argument("operation", nargs="*")
	args = ap.parse_args()
	churn = Churn(args.a, args.b, random.Random(args.seed), args.rough)
	churn.whole()
	churn.run(args.seconds if args.operation else 0, args.operation)
	churn.whole()
	print(", ".join("%s %d" % item for item in sorted(churn.done.items())) or "set up")


if __name__ == "__main__":
	main()
