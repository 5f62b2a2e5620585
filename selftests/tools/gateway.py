#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
What else a gateway does with a packet: NAT, the daemon's ports, multicast, VRFs, raw
sockets. `gateway.py CASE`, a function of this file with "case_" before its name. nfipsec is
in gw-a (the picture is in sites-lib.sh). Says what is wrong and exits 1, or exits 0.
"""
import os
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
from boundary import (NAMES, NETS, Gateway, Wire, addr, af, enter, esp, expect, ip, listener, main, octets, outer,
		      received)
from ipsec import ESP, UDP, ipv4, ipv6, udp

CLEAR = {"in-cleartext": 1}
NOBODY = 65534


def nft(rules):
	subprocess.run(["ip", "netns", "exec", "gw-a", "nft", "-f", "-"], input=rules, text=True, check=True)


def packet(family, src, dst, sport, dport, data):
	make = ipv4 if family == 4 else ipv6
	src, dst = octets(src), octets(dst)
	return make(src, dst, UDP, udp(src, dst, sport, dport, data))


def has(data, family=None):
	"""A packet with @data in clear."""
	return lambda p: data in p and (family is None or p[0] >> 4 == family)


def judged(gw, wire, s, what, sent, data, dropped):
	gw.mark()
	wire.send(sent)
	got = received(s, 0.3 if dropped else 3)
	expect((got == data) != dropped, "%s: %s" % (what, "arrived" if got else "did not arrive: %r" % gw.counted()))
	gw.counts(CLEAR if dropped else {}, what)


# ---- NAT: the addresses on the wire are the ones that count ----

PUBLIC = {4: "10.1.0.200", 6: "fd01::200"}	# of gw-a, inside what is protected
OUTSIDE = {4: "192.0.2.77", 6: "2001:db8::77"}	# of gw-a, outside
FAR = {4: "198.51.100.9", 6: "2001:db8:9::9"}	# nobody protects what goes there


def case_dnat():
	"""Clear text to a protected address that DNAT leads elsewhere; and to another that it leads inside."""
	for family in (4, 6):
		gw, wire = Gateway(), Wire()
		gw.policy(4, NETS[family])
		gw.sa(4)
		word = "ip" if family == 4 else "ip6"
		inside = NAMES["site-a"][family]
		target = inside if family == 4 else "[%s]" % inside
		nft("""
			table %s nat {
				chain pre {
					type nat hook prerouting priority dstnat;
					%s daddr { %s, %s } udp dport 53 dnat to %s:5556
				}
			}
		""" % (word, word, PUBLIC[family], OUTSIDE[family], target))
		try:
			s = listener("site-a", family, 5556)
			far = NAMES["site-b"][family]
			judged(gw, wire, s, "IPv%d to a protected address" % family,
			       packet(family, far, PUBLIC[family], 999, 53, b"clear"), b"clear", True)
			# what no entry protects on the wire may be led anywhere
			judged(gw, wire, s, "IPv%d to an open address" % family,
			       packet(family, FAR[family], OUTSIDE[family], 999, 53, b"open"), b"open", False)
			# and what it becomes behind NAT does not make it a protected one
			judged(gw, wire, s, "IPv%d to an open address, from a protected network" % family,
			       packet(family, far, OUTSIDE[family], 999, 53, b"far"), b"far", False)
			s.close()
		finally:
			nft("delete table %s nat" % word)
		gw.nf.do("policy-set")


def case_snat():
	"""The host inside has another address than the entry, and NAT gives it the entry's."""
	for family in (4, 6):
		gw, wire = Gateway(), Wire()
		sel = (PUBLIC[family], PUBLIC[family]) + NETS[family][2:]
		gw.policy(4, sel)
		gw.sa(4)
		gw.sa(4, dir="out", spi=0x1001)
		word = "ip" if family == 4 else "ip6"
		far = NAMES["site-b"][family]
		nft("""
			table %s nat {
				chain post {
					type nat hook postrouting priority srcnat;
					%s daddr %s snat to %s
				}
			}
		""" % (word, word, far, PUBLIC[family]))
		try:
			s = listener("site-a", family, 5555)
			wire.drain()
			s.sendto(b"asked", (far, 7))
			what = "IPv%d with an address of NAT" % family
			expect(wire.seen(lambda p: p[0] >> 4 == 4 and p[9] == ESP, 3), what + ": no ESP")
			judged(gw, wire, s, what + ", an answer in clear", packet(family, far, PUBLIC[family], 7, 5555, b"clear"),
			       b"clear", True)
			s.close()
		finally:
			nft("delete table %s nat" % word)
		gw.nf.do("policy-set")


# ---- IKE: whose socket, not which port ----


def any_of(family):
	return ("0.0.0.0", "255.255.255.255") if family == 4 else ("::", "ffff:" * 7 + "ffff")


def as_nobody(run):
	"""In a child without privileges: whether the module would mistake its packets."""
	pid = os.fork()
	if not pid:
		os.setgroups([])
		os.setgid(NOBODY)
		os.setuid(NOBODY)
		run()
		os._exit(0)
	expect(os.waitpid(pid, 0)[1] == 0, "the other user's sender failed")


def case_ports():
	"""Port 4500 of another user, of a host behind us, and after the daemon has gone."""
	for family in (4, 6):
		gw, wire = Gateway(), Wire()
		gw.policy(family, any_of(family) * 2)
		to = NAMES["gw-b"][family]
		what = "IPv%d" % family
		gw.mark()
		enter("gw-a")

		def send(port, data):
			s = socket.socket(af(family), socket.SOCK_DGRAM)
			s.bind(("", port))
			s.sendto(data, (to, 4500))

		wire.drain()
		as_nobody(lambda: send(4500, b"another user"))
		expect(not wire.seen(has(b"another user"), 0.3), what + ": another user's packet left in clear")
		# of a host behind us, masqueraded
		word = "ip" if family == 4 else "ip6"
		nft("""
			table %s nat {
				chain post {
					type nat hook postrouting priority srcnat;
					oifname wan masquerade
				}
			}
		""" % word)
		try:
			s = listener("site-a", family, 4500)
			s.sendto(b"behind us", (to, 4500))
			expect(not wire.seen(has(b"behind us"), 0.3), what + ": a masqueraded packet left in clear")
			s.close()
			# the daemon's own, whatever NAT makes of its port
			s = listener("gw-a", family, 4500)
			gw.nf.do("ike-sockets", [("ike-fd", s.fileno())])
			s.sendto(b"the daemon", (to, 4500))
			sent = wire.seen(has(b"the daemon"), 3)
			expect(sent, what + ": the daemon's packet did not leave")
			src, dst = addr("gw-b", family), addr("gw-a", family)
			make = ipv4 if family == 4 else ipv6
			head = 20 if family == 4 else 40
			port = struct.unpack("!H", sent[head:head + 2])[0]
			wire.send(make(src, dst, UDP, udp(src, dst, 4500, port, b"an answer")))
			expect(received(s, 3) == b"an answer", what + ": the daemon got no answer: %r" % gw.counted())
		finally:
			nft("delete table %s nat" % word)
		gw.mark()
		wire.send(make(src, dst, UDP, udp(src, dst, 4500, 7777, b"clear")))
		gw.counts(CLEAR, what + ": to another port")
		# a socket that was named and is closed leaves its port to anybody
		s.close()
		other = listener("gw-a", family, 4500)
		gw.mark()
		wire.send(make(src, dst, UDP, udp(src, dst, 4500, 4500, b"clear")))
		gw.counts(CLEAR, what + ": to the port of a closed socket")
		other.close()
		# and so do all when the netlink socket closes that named them
		s = listener("gw-a", family, 4500)
		gw.nf.do("ike-sockets", [("ike-fd", s.fileno())])
		gw.nf.sock.s.close()
		gw = Gateway()
		wire.drain()
		s.sendto(b"no longer named", (to, 4500))
		expect(not wire.seen(has(b"no longer named"), 0.3), what + ": a socket that nobody names any more sent in clear")
		s.close()
		s = listener("gw-a", family, 4500)
		wire.drain()
		s.sendto(b"a successor", (to, 4500))
		expect(not wire.seen(has(b"a successor"), 0.3), what + ": the successor's packet left in clear")
		gw.mark()
		wire.send(make(src, dst, UDP, udp(src, dst, 4500, 4500, b"clear")))
		gw.counts(CLEAR, what + ": to the successor")
		s.close()
		gw.nf.do("policy-set")


def case_names():
	"""What is no IKE socket cannot be named."""
	import nfnl
	gw = Gateway()
	tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
	unbound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	foreign = listener("gw-b", 4, 4500)
	enter("gw-a")
	for what, fd in (("TCP", tcp.fileno()), ("no port", unbound.fileno()), ("another namespace", foreign.fileno()),
			 ("no socket", os.open("/dev/null", os.O_RDONLY)), ("nothing", 12345)):
		try:
			gw.nf.do("ike-sockets", [("ike-fd", fd)])
		except nfnl.Refused as e:
			expect(e.text, what + ": refused without a word")
			continue
		expect(False, what + ": taken")
	s = listener("gw-a", 4, 4500)
	gw.nf.do("ike-sockets", [("ike-fd", s.fileno())] * 16)
	try:
		gw.nf.do("ike-sockets", [("ike-fd", s.fileno())] * 17)
	except nfnl.Refused:
		return
	expect(False, "17 sockets: taken")


# ---- multicast ----


def case_multicast():
	"""A wide entry leaves IGMP and MLD alone; the host hears its own multicast once, and it leaves protected."""
	groups = {4: "239.1.1.1", 6: "ff05::1:1"}
	for family in (4, 6):
		gw, wire = Gateway(), Wire()
		gw.policy(4, (NAMES["gw-a"][family],) * 2 + any_of(family))
		gw.sa(4, dir="out", spi=0x1001)
		enter("gw-a")
		index = socket.if_nametoindex("wan")
		wire.drain()
		gw.mark()
		s = socket.socket(af(family), socket.SOCK_DGRAM)
		s.bind(("", 5000))
		if family == 4:
			s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
				     octets(groups[4]) + octets("0.0.0.0") + struct.pack("=i", index))
			s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, octets(groups[4]) + octets("0.0.0.0") +
				     struct.pack("=i", index))
			joined = lambda p: p[0] >> 4 == 4 and p[9] == 2
		else:
			s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, octets(groups[6]) + struct.pack("=i", index))
			s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
			joined = lambda p: p[0] >> 4 == 6 and b"\x3a\0\x05\x02\0\0" in p[40:48]
		what = "IPv%d" % family
		expect(wire.seen(joined, 5), what + ": the group was not joined on the wire: %r" % gw.counted())
		gw.mark()
		s.sendto(b"to the group", (groups[family], 5000))
		expect(received(s, 3) == b"to the group", what + ": this host did not hear itself")
		expect(received(s, 0.2) is None, what + ": this host heard itself twice")
		gw.counts({"out-packets": 1}, what)
		expect(not wire.seen(has(b"to the group"), 0.2), what + ": it left in clear")
		s.close()
		gw.nf.do("policy-set")


# ---- VRF ----


def heard(family, device, src, dst, ns):
	"""Does a datagram from @src, bound to @device of gw-a, reach @ns?"""
	s = listener(ns, family, 6000)
	if ns == "gw-a":
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
	enter("gw-a")
	c = socket.socket(af(family), socket.SOCK_DGRAM)
	c.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
	c.bind((src, 0))
	c.sendto(b"in a VRF", (dst, 6000))
	got = received(s, 1)
	s.close()
	return got == b"in a VRF"


def case_vrf():
	"""The lan in a VRF: the host's own packets there are judged once, and what stays on the host is not."""
	subprocess.run(["modprobe", "-q", "vrf"], check=False)
	ip("-n", "gw-a", "link", "add", "vrf0", "type", "vrf", "table", "10")
	ip("-n", "gw-a", "link", "set", "vrf0", "up")
	ip("-n", "gw-a", "link", "set", "lan", "master", "vrf0")
	ip("-n", "gw-a", "-6", "addr", "replace", "fd01::1/64", "dev", "lan", "nodad")
	time.sleep(1)
	try:
		for family in (4, 6):
			gw = Gateway()
			here, there = NAMES["lan"][family], NAMES["site-a"][family]
			what = "IPv%d" % family
			gw.policy(4, any_of(family) * 2)
			gw.mark()
			expect(heard(family, "vrf0", here, here, "gw-a"), what + ": the host does not reach itself: %r" % gw.counted())
			expect(not heard(family, "vrf0", here, there, "site-a"), what + ": it left in clear")
			gw.counts({"held": 1, "acquire-lost": 1}, what + ": held")
			gw.nf.do("policy-set")
			expect(heard(family, "vrf0", here, there, "site-a"), what + ": without a policy it does not arrive")
			# out of the tunnel and into the VRF
			gw.policy(4, NETS[family])
			ip("-n", "gw-a", "link", "set", "nfipsec0", "master", "vrf0")
			gw.sa(4)
			wire = Wire()
			s = listener("site-a", family, 5555)
			gw.mark()
			far = NAMES["site-b"][family]
			wire.send(outer(4, ESP, esp(gw, packet(family, far, there, 9, 5555, b"opened"))))
			expect(received(s, 3) == b"opened", what + ": not opened into the VRF: %r" % gw.counted())
			s.close()
			gw.nf.do("policy-set")
	finally:
		ip("-n", "gw-a", "link", "del", "vrf0")


# ---- NFQUEUE: verdicts from user space ----

NFNL_QUEUE = 3 << 8
VERDICT, CONFIG = 1, 2


class Queue:
	"""Queue 0 of gw-a; whatever comes is accepted, in the context of this process."""

	def __init__(self):
		enter("gw-a")
		self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
		self.s.bind((0, 0))
		self.send(CONFIG, 1, struct.pack("=BBH", 1, 0, 0))	# bind
		self.send(CONFIG, 2, struct.pack("!IB", 64, 1))		# copy the metadata
		self.accepted = 0

	def send(self, kind, attribute, data):
		body = struct.pack("=BBH", 0, 0, 0) + struct.pack("=HH", 4 + len(data), attribute) + data + b"\0" * (-len(data) % 4)
		self.s.send(struct.pack("=IHHII", 16 + len(body), NFNL_QUEUE | kind, 1, 0, 0) + body)

	def accept(self, seconds):
		self.s.settimeout(seconds)
		try:
			data = self.s.recv(1 << 16)
		except socket.timeout:
			return False
		if struct.unpack("=H", data[4:6])[0] == NFNL_QUEUE:
			# the first attribute is the packet's header, which begins with its number
			self.accepted += 1
			self.send(VERDICT, 2, struct.pack("!I", 1) + data[24:28])
		return True


def case_nfqueue():
	"""Every other packet is decrypted, and protected, in process context."""
	gw, wire = Gateway(), Wire()
	gw.policy(4, NETS[4])
	gw.sa(4)
	gw.sa(4, dir="out", spi=0x1001)
	queue = Queue()
	nft("""
		table ip q {
			chain input {
				type filter hook input priority filter;
				ip protocol esp numgen inc mod 2 0 queue to 0
			}
			chain forward {
				type filter hook forward priority filter;
				udp dport 7 numgen inc mod 2 0 queue to 0
			}
		}
	""")
	try:
		s = listener("site-a", 4, 5555)
		far, near = NAMES["site-b"][4], NAMES["site-a"][4]
		gw.mark()
		for i in range(50):
			wire.send(outer(4, ESP, esp(gw, packet(4, far, near, 7, 5555, b"opened"))))
			s.sendto(b"protected", (far, 7))
			while queue.accept(0.05):
				pass
		gw.counts({"in-packets": 50, "out-packets": 50}, "queued")
		expect(queue.accepted == 50, "user space saw %d packets" % queue.accepted)
	finally:
		nft("delete table ip q")
	gw.nf.do("policy-set")


# ---- whose packets have whatever version they like ----


def case_version():
	"""A raw socket writes a header of another version than its own."""
	gw, wire = Gateway(), Wire()
	gw.policy(4, any_of(4) * 2)
	enter("gw-a")
	s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
	for first in (0x65, 0x05, 0xf5):
		gw.mark()
		wire.drain()
		p = bytearray(ipv4(addr("gw-a", 4), addr("gw-b", 4), UDP, b"SECRET" * 20))
		p[0] = first
		try:
			s.sendto(bytes(p), (NAMES["gw-b"][4], 0))
		except PermissionError:
			pass
		gw.counts({"out-malformed": 1}, "version %d" % (first >> 4))
		expect(not wire.seen(has(b"SECRET"), 0.2), "version %d left in clear" % (first >> 4))
	gw.nf.do("policy-set")


if __name__ == "__main__":
	main(globals(), __doc__)
