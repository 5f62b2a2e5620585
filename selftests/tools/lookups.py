#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
By what SAs, routes and senders are found: `lookups.py CASE FAMILY`, a function of this file with
"case_" before its name and an IP version. gw-a has nfipsec; what it gets is written to the wire
in gw-b (the picture is in sites-lib.sh). Prints what is wrong and exits 1, or exits 0.
"""
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True	# the checkout stays clean
from boundary import (ICMP, NETS, Gateway, Wire, addr, af, enter, esp, expect, listener, main, octets, outer,
		      pieces, received)
from ipsec import ESP, UDP, checksum, ipv4, ipv6, udp


def tunnel(name, ends=4, **over):
	return ("tunnel", {"name": name, "local": addr("gw-a", ends), "remote": addr("gw-b", ends), "mode": "tunnel", **over})


def entry(number, action, sel, name=None, **over):
	names = ("saddr-min", "saddr-max", "daddr-min", "daddr-max")
	out = {"list": "branch", "number": number, "action": action, "selector": {**dict(zip(names, map(octets, sel))), **over}}
	if name:
		out["tunnel"] = name
	return ("entry", out)


def net(family, n):
	"""What is protected in the direction of site-b, in net @n: 2 is its own"""
	near = NETS[family][:2]
	return near + (("10.%d.0.0" % n, "10.%d.0.255" % n) if family == 4 else ("fd0%d::" % n, "fd0%d::ffff" % n))


def host(family, n):
	return octets("10.%d.0.10" % n if family == 4 else "fd0%d::10" % n)


def ip(src, dst, payload):
	return (ipv4 if len(src) == 4 else ipv6)(src, dst, UDP, payload)


# ---- a manual SA without selectors ----


def case_no_selectors(family):
	"""It takes what its tunnel's entries say, by the policy in force."""
	gw, wire = Gateway(), Wire()
	dst = addr("lan", family)
	ports = {port: listener("gw-a", family, port) for port in (7, 99)}

	def policy(*entries):
		gw.nf.do("policy-set", [tunnel("peer/lan"), tunnel("peer/other"), *entries])

	def arrives(n, port, expected, what):
		gw.mark()
		wire.send(outer(4, ESP, esp(gw, ip(host(family, n), dst, udp(host(family, n), dst, 9, port, b"x")))))
		gw.counts({"in-packets": 1} if expected else {"in-selector": 1}, what)
		expect((received(ports[port], 3 if expected else 0.1) is not None) == expected, what)

	policy(entry(10, "discard", net(family, 2), proto=17, **{"sport-min": 0, "sport-max": 65535, "dport-min": 9, "dport-max": 9,
								  "saddr-min": dst, "saddr-max": dst}),
	       entry(20, "protect", net(family, 2), "peer/lan"),
	       entry(30, "protect", net(family, 3), "peer/other"))
	gw.sa(4)
	arrives(2, 99, False, "an earlier entry discards it")
	policy(entry(20, "protect", net(family, 2), "peer/lan"), entry(30, "protect", net(family, 3), "peer/other"))
	arrives(2, 7, True, "its own tunnel's")
	arrives(3, 7, False, "another tunnel's")
	arrives(4, 7, False, "nobody's")
	# nobody knows the ports of a fragment: an entry with ports takes it first, and an SA takes it by none
	policy(entry(10, "protect", net(family, 2), "peer/other", proto=17, **{"sport-min": 0, "sport-max": 65535, "dport-min": 9,
									      "dport-max": 9, "saddr-min": dst, "saddr-max": dst}),
	       entry(20, "protect", net(family, 2), "peer/lan"))
	data = bytes(1000)
	gw.mark()
	for piece in pieces(family, host(family, 2), dst, udp(host(family, 2), dst, 8, 7, data), 0x55):
		wire.send(outer(4, ESP, esp(gw, piece)))
	gw.counts({"in-selector": 2}, "a datagram in fragments, behind an entry with ports")
	policy(entry(20, "protect", net(family, 2), "peer/lan"))
	for piece in pieces(family, host(family, 2), dst, udp(host(family, 2), dst, 8, 7, data), 0x56):
		wire.send(outer(4, ESP, esp(gw, piece)))
	expect(received(ports[7], 3) == data, "a datagram in fragments: %r" % gw.counted())
	# the SA lives on, under another policy
	policy(entry(20, "protect", net(family, 4), "peer/lan"), entry(30, "protect", net(family, 2), "peer/other"))
	arrives(2, 7, False, "it is another tunnel's now")
	arrives(4, 7, True, "it is its tunnel's now")
	# outbound: what was held for one tunnel, and is another's by now
	policy(entry(20, "protect", net(family, 2), "peer/lan"))
	enter("gw-a")
	s = socket.socket(af(family), socket.SOCK_DGRAM)
	s.bind((socket.inet_ntop(af(family), dst), 0))
	gw.mark()
	s.sendto(b"held", (socket.inet_ntop(af(family), host(family, 2)), 7))
	gw.counts({"held": 1}, "without an SA", also=("acquire-sent", "acquire-lost"))
	policy(entry(20, "protect", net(family, 4), "peer/lan"), entry(30, "protect", net(family, 2), "peer/other"))
	wire.drain()
	gw.mark()
	gw.sa(4, "out", 0x1001)
	expect(not wire.seen(lambda p: p[0] >> 4 == 4 and p[9] == ESP, 1), "what is another tunnel's by now left by this one's SA")
	expect("out-packets" not in gw.counted(), "it was counted as sent: %r" % gw.counted())
	gw.nf.do("policy-set")


# ---- the route of the outer packets: ip rule ipproto, sport, dport, tos ----


def rules(ends, *words):
	"""Who has @words has a route to gw-b; others find none. Without any, all is as it was."""
	gw_b = socket.inet_ntop(af(ends), addr("gw-b", ends))
	base = ["ip", "-n", "gw-a", "-%d" % ends]
	for pref in ("100", "200"):
		subprocess.run(base + ["rule", "del", "pref", pref], stderr=subprocess.DEVNULL)
	if not words:
		return
	subprocess.run(base + ["route", "replace", gw_b, "dev", "wan", "table", "100"], check=True)
	subprocess.run(base + ["rule", "add", "pref", "100", *words, "lookup", "100"], check=True)
	subprocess.run(base + ["rule", "add", "pref", "200", "to", gw_b, "prohibit"], check=True)


def case_outer_route(ends):
	gw = Gateway()
	s = listener("gw-a", 4, 0, "10.1.0.1")

	def sa(kind):
		gw.nf.do("sa-flush")
		if kind == "ah":
			gw.nf.do("sa-add", [("sa", {"proto": 51, "spi": 0x1001, "dir": "out", "mode": "tunnel", "tunnel": "peer/lan",
						    "local": addr("gw-a", ends), "remote": addr("gw-b", ends),
						    "integ": "hmac-sha2-256-128", "integ-key": bytes(32)})])
		else:
			gw.sa(ends, "out", 0x1001, **({"encap-local-port": 4500, "encap-remote-port": 4501} if kind == "udp" else {}))

	def sent(expected, what):
		gw.mark()
		s.sendto(b"x", ("10.2.0.10", 7))
		gw.counts({"out-packets": 1} if expected else {"out-no-route": 1}, what)

	gw.nf.do("policy-set", [tunnel("peer/lan", ends), entry(10, "protect", net(4, 2), "peer/lan")])
	for words, fits in ((("ipproto", "esp"), "esp"), (("ipproto", "udp"), "udp"), (("ipproto", "ah"), "ah"),
			    (("ipproto", "udp", "sport", "4500"), "udp"), (("ipproto", "udp", "dport", "4501"), "udp"),
			    (("ipproto", "udp", "dport", "4500"), None)):
		rules(ends, *words)
		for kind in ("esp", "udp", "ah"):
			sa(kind)
			sent(kind == fits, "rule %s, %s over IPv%d" % (" ".join(words), kind, ends))
	# the DSCP, where the configuration fixes it, and when that changes while the SA lives
	rules(ends, "tos", "0x10")
	sa("esp")
	for dscp in (None, 4, 5, 4, None):
		gw.nf.do("policy-set", [tunnel("peer/lan", ends, **({} if dscp is None else {"dscp": dscp})),
					entry(10, "protect", net(4, 2), "peer/lan")])
		sent(dscp == 4, "rule tos 0x10, DSCP %r over IPv%d" % (dscp, ends))
	rules(ends)
	gw.nf.do("policy-set")


# ---- routers that quote 64 bits of the datagram: RFC 792 ----


def case_quoted_udp(_family):
	gw, wire = Gateway(), Wire()
	s = listener("gw-a", 4, 0, "10.1.0.1")
	sel = entry(10, "protect", net(4, 2), "peer/lan")
	us, them = addr("gw-a", 4), addr("gw-b", 4)

	def too_big(mtu, sport=4500, dport=4500, to=them, behind=b""):
		quoted = ipv4(us, to, UDP, struct.pack("!HHHH", sport, dport, 1400, 0) + behind)
		body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
		wire.send(ipv4(them, us, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:]))
		time.sleep(0.2)

	def mtu():
		"""as it is after the next packet"""
		gw.mark()
		s.sendto(b"x", ("10.2.0.10", 7))
		gw.counts({"out-packets": 1}, "a packet")
		return gw.nf.tunnels()["peer/lan"]["mtu"]

	def begin(*more, ports=(4500, 4500)):
		gw.nf.do("policy-set")
		gw.nf.do("policy-set", [tunnel("peer/lan"), sel, *more])
		gw.sa(4, "out", 0x1001, **{"encap-local-port": ports[0], "encap-remote-port": ports[1]})

	begin()
	whole = mtu()
	for what, words in (("another port of ours", {"sport": 4501}), ("another port of the peer's", {"dport": 500}),
			    ("another address", {"to": octets("192.0.2.77")}), ("an SPI that is not ours", {"behind": b"\0\0\x77\x77"})):
		too_big(1400, **words)
		expect(mtu() == whole, "%s: the MTU is %d, was %d" % (what, mtu(), whole))
	too_big(1400)
	expect(mtu() == whole - 100, "8 octets of UDP are quoted, 1400 fit: the MTU is %d, was %d" % (mtu(), whole))
	begin()
	too_big(600)
	expect(whole - 250 < mtu() < whole - 200, "what can be forged goes down to 1280: the MTU is %d, was %d" % (mtu(), whole))
	begin()
	too_big(600, behind=struct.pack("!I", 0x1001))
	expect(mtu() < 600, "with the SPI, 600 fit: the MTU is %d" % mtu())
	begin(tunnel("peer/other"), entry(20, "protect", net(4, 3), "peer/other"))
	gw.sa(4, "out", 0x1002, tunnel="peer/other", **{"encap-local-port": 4500, "encap-remote-port": 4500})
	too_big(1400)
	expect(mtu() == whole, "SAs of two tunnels have these ends: the MTU is %d, was %d" % (mtu(), whole))
	gw.nf.do("policy-set")


if __name__ == "__main__":
	main(globals(), __doc__)
