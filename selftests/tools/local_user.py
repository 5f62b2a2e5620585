#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
A local user without any capability, on a gateway that has policies (the picture is in sites-lib.sh):

	users (uid 65534)     gw-a  wan ====== wan  gw-b     stranger: clear packets, TOKEN in each
	3 processes           root: the judge of what leaves  xfrm, and echo on port 7 here and in site-b

Each process has a random generator of its own, from --seed, so that a run does the same actions
again. When they meet and how far each gets depends on the scheduler.

local_user.py [--open] --seed N --actions N
	--open		without policies, to see that the judge finds what it is to find
Prints findings, a line each, then sums. Status: 0, also with findings; 1: the run is void.
"""
import argparse
import collections
import ipaddress
import json
import os
import random
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
import boundary
import nfnl
from boundary import addr, enter, octets
from local_acts import NOBODY, PORTS, STRANGER, STRANGER6, TOKEN, User
from packet import ESP, ICMP, ICMPV6, IGMP, TCP, UDP, error_about, ip_packet, make, number, parse

USERS = 3
ETH_P_ALL, PACKET_OUTGOING, SOL_PACKET, PACKET_STATISTICS = 3, 4, 263, 6
SO_RCVBUFFORCE = 33
KEY, SALT = bytes.fromhex("6b2e91d7043cf58aa9c0137e5fd2864b"), b"salt"
HEAD = 160				# octets of a packet that the judge reads

# destinations that no packet on the wan may have, except in ESP of these SPIs
KEPT = [ipaddress.ip_network(net) for net in ("10.2.0.0/24", "fd02::/64", "192.0.2.2/32", "2001:db8::2/128", "239.2.0.0/16",
					      "ff05::2:0/112")]
SPIS = {"lan": (0x1001, 0x2002), "host4": (0x1101, 0x2102), "host6": (0x1201, 0x2202)}
OURS = {out for out, _ in SPIS.values()}

# name, mode, family of the ends, [(first and last source, first and last destination)]
TUNNELS = [
	("lan", "tunnel", 4, [boundary.NETS[4], boundary.NETS[6]]),
	("host4", "transport", 4, [("192.0.2.1",) * 2 + ("192.0.2.2",) * 2]),
	("host6", "transport", 6, [("2001:db8::1",) * 2 + ("2001:db8::2",) * 2]),
]
DISCARDED = [("0.0.0.0", "255.255.255.255", "10.2.0.0", "10.2.0.255"), ("::", "ffff:" * 7 + "ffff", "fd02::", "fd02::ffff:ffff:ffff:ffff"),
	     ("0.0.0.0", "255.255.255.255", "192.0.2.2", "192.0.2.2"), ("::", "ffff:" * 7 + "ffff", "2001:db8::2", "2001:db8::2"),
	     ("0.0.0.0", "255.255.255.255", "239.2.0.0", "239.2.255.255"), ("::", "ffff:" * 7 + "ffff", "ff05::2:0", "ff05::2:ffff")]
NAMES = ("saddr-min", "saddr-max", "daddr-min", "daddr-max")


# ---- the gateway ----


def policy(nf):
	what, n = [], 0
	for name, mode, ends, _ in TUNNELS:
		what.append(("tunnel", {"name": "peer/" + name, "local": addr("gw-a", ends), "remote": addr("gw-b", ends), "mode": mode}))
	for name, _, _, selectors in TUNNELS:
		for selector in selectors:
			n += 1
			what.append(("entry", {"list": "user", "number": n, "action": "protect", "tunnel": "peer/" + name,
					       "selector": dict(zip(NAMES, map(octets, selector)))}))
	for selector in DISCARDED:
		n += 1
		what.append(("entry", {"list": "user", "number": n, "action": "discard", "selector": dict(zip(NAMES, map(octets, selector)))}))
	nf.do("policy-set", what)
	for name, mode, ends, _ in TUNNELS:
		for way, spi in zip(("out", "in"), SPIS[name]):
			nf.do("sa-add", [("sa", {"proto": 50, "spi": spi, "dir": way, "mode": mode, "tunnel": "peer/" + name,
						 "local": addr("gw-a", ends), "remote": addr("gw-b", ends), "encr": "aes-gcm-16", "encr-key": KEY + SALT})])


def peer():
	"""The same in gw-b, by the kernel's own xfrm."""
	lines, key = [], "0x" + (KEY + SALT).hex()
	nets = {"lan": (("10.1.0.0/24", "10.2.0.0/24"), ("fd01::/64", "fd02::/64")), "host4": (("192.0.2.1", "192.0.2.2"),),
		"host6": (("2001:db8::1", "2001:db8::2"),)}
	for name, mode, ends, _ in TUNNELS:
		a, b = (boundary.NAMES[ns][ends] for ns in ("gw-a", "gw-b"))
		for src, dst, spi in ((a, b, SPIS[name][0]), (b, a, SPIS[name][1])):
			lines.append("xfrm state add src %s dst %s proto esp spi %#x mode %s replay-window 1024 aead rfc4106(gcm(aes)) %s 128%s"
				     % (src, dst, spi, mode, key, " flag af-unspec" if mode == "tunnel" else ""))
		for here, there in nets[name]:
			lines.append("xfrm policy add src %s dst %s dir out priority 10 tmpl src %s dst %s proto esp mode %s" % (there, here, b, a, mode))
			for way in ("in", "fwd"):
				lines.append("xfrm policy add src %s dst %s dir %s priority 10 tmpl src %s dst %s proto esp mode %s"
					     % (here, there, way, a, b, mode))
	for kind in (135, 136):
		lines.append("xfrm policy add src 2001:db8::1 dst 2001:db8::2 proto ipv6-icmp type %d dir in priority 1" % kind)
		lines.append("xfrm policy add src 2001:db8::2 dst 2001:db8::1 proto ipv6-icmp type %d dir out priority 1" % kind)
	subprocess.run(["ip", "-n", "gw-b", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def gateway(is_open):
	"""What root has there: policies, sockets of IKE, and sysctls that leave the user as much as there is."""
	enter("gw-a")
	subprocess.run(["sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0", "net.ipv4.ping_group_range=0 2147483647",
			"net.ipv4.tcp_fastopen=1539", "net.ipv4.conf.all.accept_source_route=1"], check=True)
	for to in ("192.0.2.77", "2001:db8::77"):
		boundary.ip("-n", "gw-a", "neigh", "replace", to, "lladdr", ":".join("%02x" % o for o in boundary.mac("gw-b", "wan")), "dev", "wan")
	for route in ("10.2.0.0/24 via 192.0.2.2 src 10.1.0.1", "239.0.0.0/8 dev wan"):
		boundary.ip("-n", "gw-a", "route", "replace", *route.split())
	boundary.ip("-n", "gw-a", "route", "replace", "fd02::/64", "via", "2001:db8::2", "src", "fd01::1")
	nf = nfnl.Nfipsec()
	ike = []
	for family in (4, 6):
		for port in (500, 4500):
			ike.append(boundary.listener("gw-a", family, port, boundary.NAMES["gw-a"][family]))
	if not is_open:
		policy(nf)
		peer()
		nf.do("ike-sockets", [("ike-fd", s.fileno()) for s in ike])
	return nf, ike


# ---- the judge ----


def leak(packet):
	"""None, or what a packet on the wire is that the policies keep from it"""
	p = parse(packet)
	dst = ipaddress.ip_address(packet[16:20] if p.family == 4 else packet[24:40])
	if not any(dst in net for net in KEPT) or p.proto == IGMP:
		return None
	# the first fragment alone has the SPI
	if p.proto == ESP and (p.offset or struct.unpack_from("!I", packet, p.at)[0] in OURS):
		return None
	if p.proto == ICMPV6 and p.kind in range(133, 138):	# neighbour discovery
		return None
	return "protocol %d to %s" % (p.proto, dst)


class Judge:
	def __init__(self):
		enter("gw-a")
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
		self.s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
		self.s.bind(("wan", ETH_P_ALL))
		self.s.settimeout(.1)
		self.count, self.leaks = collections.Counter(), collections.Counter()

	def read(self):
		"""One packet; False: there is none."""
		try:
			data, where = self.s.recvfrom(HEAD)
		except socket.timeout:
			return False
		if where[2] != PACKET_OUTGOING or where[1] not in (0x800, 0x86dd):
			return True
		packet = data[14:]
		found = leak(packet)
		if found:
			self.leaks[found] += 1
			if self.leaks.total() <= 5:
				print("leak: %s: %s" % (found, packet[:80].hex()))
		self.count["sealed" if parse(packet).proto == ESP else "clear"] += 1
		return True

	def lost(self):
		return struct.unpack("=II", self.s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]


# ---- the stranger on the wire ----


def forged(rng):
	"""A packet in clear that a policy protects, or an error about one."""
	family = rng.choice((4, 6))
	pairs = {4: (("10.2.0.10", "10.1.0.1"), ("10.2.0.10", "10.1.0.1"), ("10.2.0.1", "10.1.0.1"), ("192.0.2.2", "192.0.2.1")),
		 6: (("fd02::10", "fd01::1"), ("fd02::10", "fd01::1"), ("fd02::1", "fd01::1"), ("2001:db8::2", "2001:db8::1"))}
	src, dst = (number(a) for a in rng.choice(pairs[family]))
	sport, dport = rng.choice(PORTS), rng.choice(PORTS)
	kind = rng.randrange(7)
	if kind < 2:
		return make(family, src, dst, UDP, sport, dport, TOKEN * 3)
	if kind == 2:
		return make(family, src, dst, TCP, sport, dport, TOKEN * 3, flags=rng.choice((2, 2, 16, 24, 4)), seq=rng.getrandbits(32))
	if kind == 3:
		return make(family, src, dst, ICMP if family == 4 else ICMPV6, dport, 0, TOKEN * 3, reply=True)
	if kind == 4:
		spi = rng.choice([pair[1] for pair in SPIS.values()])
		return ip_packet(family, *(number(boundary.NAMES[ns][family]) for ns in ("gw-b", "gw-a")), ESP, struct.pack("!II", spi, rng.getrandbits(16)) + TOKEN * 9)
	quoted = make(family, dst, src, rng.choice((UDP, TCP)), dport, sport, TOKEN * 3)
	return error_about(family, number(STRANGER if family == 4 else STRANGER6), dst, *rng.choice(((3, 3), (3, 4), (11, 0)) if family == 4 else ((1, 4), (2, 0), (3, 0))),
			   quoted, TOKEN)


def stranger(seed, actions):
	"""Sends four packets for each action of a user, which is an octet to read from @actions."""
	rng, wire = random.Random(seed), boundary.Wire()
	while True:
		for _ in range(4 * len(os.read(actions, 16))):
			wire.send(forged(rng))


# ---- all of it ----


def child(function, *args):
	"""The process's number, and where it writes."""
	out, into = os.pipe()
	pid = os.fork()
	if pid:
		os.close(into)
		return pid, out
	os.close(out)
	status = 1
	try:
		os.write(into, json.dumps(function(*args)).encode())
		status = 0
	finally:
		sys.stdout.flush()
		os._exit(status)


def user(seed, actions, family, commands, told):
	one = User(seed, family, commands, KEY, told)
	one.drop_privileges()
	one.run(actions)
	return {"done": one.done, "tried": one.tried, "findings": one.findings, "answers": one.answers}


def end_of(users, judge):
	"""Judges until the users have ended, and two seconds longer."""
	left, end = dict(users), None
	while left or time.monotonic() < end or judge.read():
		judge.read()
		for pid in list(left):
			if os.waitpid(pid, os.WNOHANG)[0]:
				del left[pid]
				end = time.monotonic() + 2


def reports(users):
	for _, out in users:
		with os.fdopen(out, "rb") as f:
			text = f.read()
		yield json.loads(text) if text else None


def main():
	options = argparse.ArgumentParser()
	options.add_argument("--open", action="store_true")
	options.add_argument("--seed", type=int, required=True)
	options.add_argument("--actions", type=int, required=True)
	args = options.parse_args()
	nf, ike = gateway(args.open)
	judge = Judge()
	commands = list(nf.spec.commands.values())
	actions, told = os.pipe()
	wire = child(stranger, args.seed, actions)
	enter("gw-a")
	users = [child(user, args.seed * 10 + i, args.actions, nf.family, commands, told) for i in range(USERS)]
	end_of(users, judge)
	os.kill(wire[0], 15)
	os.waitpid(wire[0], 0)
	found, sums, done, void = collections.Counter(), collections.Counter(), collections.Counter(), False
	for report in reports(users):
		if report is None:
			void = True
			continue
		found.update(report["findings"])
		done.update(report["done"])
		sums.update(actions=sum(report["tried"].values()), answers=report["answers"])
	for what, n in sorted(found.items()):
		print("taken: %s (%d times)" % (what, n))
	for what, n in sorted(judge.leaks.items()):
		print("left: %s (%d times)" % (what, n))
	print("done: " + " ".join("%s %d" % pair for pair in sorted(done.items())))
	print("sums: leaks %d findings %d sealed %d clear %d lost %d %s" % (
		judge.leaks.total(), found.total(), judge.count["sealed"], judge.count["clear"], judge.lost(),
		" ".join("%s %d" % pair for pair in sorted(sums.items()))))
	for s in ike:
		s.close()
	if not args.open:
		nf.do("policy-set")
	return void


if __name__ == "__main__":
	sys.exit(main())
