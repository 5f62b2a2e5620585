#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Opens what nfipsec sends and makes what it must open, with ipsec.py and with scapy, and
writes what tshark needs to open the same.

usage: oracle.py vectors	ipsec.py against what the RFCs print, and scapy against ipsec.py
       oracle.py wire SHAPE...	in gw-b, see oracle.sh: every suite of each shape
       oracle.py tshark FOLDER	what tshark is to find in FOLDER's capture, and whether it did

Prints "ok NAME" or "not ok NAME: why" a line.
"""
import ctypes
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True	# the checkout stays clean
import ipsec
from ipsec import AH, ESP, IPIP, IPV6, UDP, Bad, Sa

SLOW = int(os.environ.get("NFIPSEC_TIME_FACTOR", "1"))
failed = 0


def report(name, why=None):
	global failed
	failed += why is not None
	print("ok " + name if why is None else "not ok %s: %s" % (name, why), flush=True)


def expect(condition, why):
	if not condition:
		raise Bad(why)


# ---- the oracle itself ----

PUBLISHED = [
	# name, suite, ESN, key and salt, high half, packet, text with its trailer
	("draft-mcgrew-gcm-test-01, case 1", "aes128gcm16", True, "4c80cdefbb5d10da906ac73c3613a6342e443b68",
	 0x87654321, "00004321000000004956ed7e3b244cfefecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
	 "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732459018148f6cbe72"
	 "2fd04796562dfdb4", "45000048699a000080114db7c0a80102c0a801010a9bf15638d30100000100000000"
	 "0000045f736970045f7564700373697009637962657263697479"
	 "02646b000021000101020201"),
	("draft-mcgrew-gcm-test-01, case 15", "aes128gmac", False, "4c80cdefbb5d10da906ac73c3613a63422433c64",
	 0, "0000432100000007000000000000000045000030da3a00008001df3bc0a80005c0a800010800c6cd0200070061626364"
	 "65666768696a6b6c6d6e6f707172737401020201f2a9a836e155106aa8dcd618e4099aaa",
	 "45000030da3a00008001df3bc0a80005c0a800010800c6cd020007006162636465666768696a6b6c6d6e6f7071727374"
	 "01020201"),
	("RFC 7634 appendix A", "chacha20poly1305", False,
	 "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", 0,
	 "01020304000000051011121314151617240394 28b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
	 "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
	 "9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43",
	 "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f10111213"
	 "1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204"),
]

# without integrity in the RFCs: key and salt, IV, text, cipher text
CIPHERS = [
	("RFC 3602 4, case 5", "aes128", "90d382b410eeba7ad938c46cec1a82bf", "e96e8c08ab465763fd098d45dd3ff893",
	 "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
	 "28292a2b2c2d2e2f30313233343536370102030405060708090a0b0c0d0e0e01",
	 "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52"
	 "775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6"),
	("RFC 3686 6, vector 3", "aes128ctr", "7691be035e5020a8ac6e618529f9a0dc00e0017b", "27777f3f4a1786f0",
	 bytes(range(36)).hex(), "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f"),
	("RFC 3686 6, vector 9", "aes256ctr",
	 "ff7a617ce69148e4f1726e2f43581de2aa62d9f805532edff1eed687fb54153d001cc5b7", "51a51d70a1c11148",
	 bytes(range(36)).hex(), "eb6c52821d0bbbf7ce7594462aca4faab407df866569fd07f48cc0b583d6071f1ec0e6b8"),
]

MACS = [
	("RFC 3566 4.6, case 6", "aesxcbc", bytes(range(16)).hex(), bytes(range(34)).hex(), "becbb3bccdb518a30677d548"),
	("RFC 3566 4.6, case 7", "aesxcbc", bytes(range(16)).hex(), bytes(1000).hex(), "f0dafee895db30253761103b"),
	("RFC 4494 3.1, case 3", "aescmac", "2b7e151628aed2a6abf7158809cf4f3c",
	 "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
	 "dfa66747de9ae63030ca3261"),
	("RFC 4868 2.7.2, AUTH256-4", "sha256", bytes(range(1, 33)).hex(), "cd" * 50, "372efcf9b40b35c2115b1346903d2ef4"),
	("RFC 2202 3, case 5", "sha1", "0c" * 20, b"Test With Truncation".hex(), "4c1a03424b55e07fe7f27be1"),
]


def keyed(suite, spi, octets, **words):
	salt = ipsec.encr(suite.partition("-")[0]).salt_len
	return Sa(suite, spi, key=octets[:len(octets) - salt], salt=octets[len(octets) - salt:], **words)


def vectors():
	octets = bytes.fromhex
	for name, suite, esn, key, high, packet, text in PUBLISHED:
		packet, text = octets(packet), octets(text)
		sa = keyed(suite, struct.unpack_from("!I", packet)[0], octets(key), esn=esn)
		why = None
		try:
			seq, payload, next_header = sa.open(packet, high)
			pad = text[-2]
			expect((payload, next_header) == (text[:-2 - pad], text[-1]), "another text")
		except Bad as e:
			why = e
		report(name, why)
	for name, suite, key, iv, text, cipher in CIPHERS:
		e, key = ipsec.encr(suite), octets(key)
		args = key[:e.key_len], key[e.key_len:], octets(iv)
		good = e.seal(*args, octets(text), b"") == octets(cipher) and \
			e.open(*args, octets(cipher), b"") == octets(text)
		report(name, None if good else "another text")
	for name, integ, key, data, icv in MACS:
		_, length, mac, _ = ipsec.INTEGS[integ]
		report(name, None if mac(octets(key), octets(data))[:length] == octets(icv) else "another ICV")
	# Where scapy 2.5.0 is known to have nothing or to be wrong, Scapy.sa() says so.
	for suite in ESP_SUITES:
		for esn in (False, True):
			twice(suite, esn)
	for integ in AH_SUITES:
		twice(integ, False, AH)


def twice(suite, esn, proto=ESP):
	"""scapy and ipsec.py open what the other makes"""
	sa = Sa(suite, 0x1001, esn, proto)
	scapy = Scapy.of(sa)
	if not scapy:
		return
	why = None
	seq = 0x500000007 if esn else 7
	a, b = bytes((10, 1, 0, 1)), bytes((10, 2, 0, 1))
	inner = ipsec.ipv4(a, b, UDP, ipsec.udp(a, b, 1, 2, b"there and back"))
	outer = ipsec.ipv4(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), proto, b"")
	try:
		if proto == AH:
			expect(sa.check(scapy.seal(outer, inner, seq))[1][20:] == inner, "ours of theirs: another packet")
			expect(scapy.open(sa.protect(inner, seq, outer), seq) == inner, "theirs of ours: another packet")
		else:
			expect(sa.open(scapy.seal(outer, inner, seq)[20:], seq >> 32)[1] == inner, "ours of theirs")
			sealed = ipsec.with_payload(outer, ESP, sa.seal(seq, inner, IPIP))
			expect(scapy.open(sealed, seq) == inner, "theirs of ours")
	except Bad as e:
		why = e
	report("scapy agrees: %s%s%s" % ("AH " if proto == AH else "", suite, ", ESN" if esn else ""), why)


class Scapy:
	"""A SA of scapy's, by one of ipsec.py"""
	ENCR = {"null": "NULL", "des-cbc": "DES", "3des-cbc": "3DES", "aes-cbc": "AES-CBC", "aes-ctr": "AES-CTR",
		"aes-gcm-16": "AES-GCM", "aes-ccm-16": "AES-CCM", "chacha20-poly1305": "CHACHA20-POLY1305"}
	INTEG = {"": None, "md5": "HMAC-MD5-96", "sha1": "HMAC-SHA1-96", "sha256": "SHA2-256-128",
		 "sha384": "SHA2-384-192", "sha512": "SHA2-512-256", "aescmac": "AES-CMAC-96"}

	@classmethod
	def of(cls, sa):
		"""
		None where scapy 2.5.0 is no judge: it has no GMAC, XCBC, Camellia, implicit IV or short
		ICV, and with ESN it does not append the high half to what a separate ICV is made of.
		"""
		if sa.integ not in cls.INTEG or (sa.proto == ESP and sa.encr.id not in cls.ENCR) or \
		   (sa.integ and sa.esn):
			return None
		return cls(sa)

	def __init__(self, sa):
		self.sa = sa

	def their(self, tunnel, seq):
		from scapy.layers import inet, inet6, ipsec as theirs
		self.ip = {4: inet.IP, 6: inet6.IPv6}
		words = {}
		if self.sa.proto == ESP:
			words.update(crypt_algo=self.ENCR[self.sa.encr.id], crypt_key=self.sa.key + self.sa.salt)
		if self.sa.integ:
			words.update(auth_algo=self.INTEG[self.sa.integ], auth_key=self.sa.integ_key)
		if tunnel:
			words["tunnel_header"] = self.ip[tunnel[0] >> 4](tunnel)
		return theirs.SecurityAssociation(theirs.AH if self.sa.proto == AH else theirs.ESP, spi=self.sa.spi,
						  esn_en=self.sa.esn, esn=seq >> 32, **words)

	def seal(self, tunnel, inner, seq):
		"""the whole packet"""
		sa = self.their(tunnel, seq)
		return bytes(sa.encrypt(self.ip[inner[0] >> 4](inner), seq_num=seq & 0xffffffff))

	def open(self, packet, seq, tunnel=True):
		family = packet[0] >> 4
		sa = self.their(packet[:20 if family == 4 else 40] if tunnel else None, seq)
		try:
			return bytes(sa.decrypt(self.ip[family](packet)))
		except Exception as e:	# theirs are of many kinds
			raise Bad("scapy: %s" % type(e).__name__)


# ---- on the wire ----

ESP_SUITES = """
aes128gcm16 aes192gcm12 aes256gcm8 aes256gcm16 aes128ccm16 aes192ccm12 aes256ccm8 aes256ccm16
chacha20poly1305 aes128gmac aes192gmac aes256gmac
aes128gcm16iiv aes256gcm16iiv aes128ccm16iiv chacha20poly1305iiv
aes128-sha256 aes192-sha384 aes256-sha512 aes128-sha1 aes128-md5 aes256-aesxcbc aes192-aescmac
aes128ctr-sha256 aes192ctr-sha1 aes256ctr-aesxcbc camellia128-sha256 camellia192-sha1 camellia256-aescmac
3des-sha1 des-md5 null-sha256 null-aescmac
""".split()
FEW_ESP_SUITES = "aes256gcm16 chacha20poly1305iiv aes256-sha512 camellia128-aesxcbc null-sha1".split()
AH_SUITES = "md5 sha1 sha256 sha384 sha512 aesxcbc aescmac".split()

SIZES = 1, 2, 3, 4, 5, 14, 15, 16, 17, 61, 700
A4, B4 = "192.0.2.1", "192.0.2.2"		# outer
A6, B6 = "2001:db8::1", "2001:db8::2"
IN_A4, IN_B4 = "10.1.0.1", "10.2.0.1"		# inner
IN_A6, IN_B6 = "2001:db8:1::1", "2001:db8:2::1"


def address(text):
	return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


# name: protocol, mode, inner family, outer family, words
SHAPES = {
	"esp-tunnel-44": (ESP, "tunnel", 4, 4), "esp-tunnel-66": (ESP, "tunnel", 6, 6),
	"esp-tunnel-46": (ESP, "tunnel", 4, 6), "esp-tunnel-64": (ESP, "tunnel", 6, 4),
	"esp-transport-4": (ESP, "transport", 4, 4), "esp-transport-6": (ESP, "transport", 6, 6),
	"udp-tunnel-44": (ESP, "tunnel", 4, 4, "udp"), "udp-transport-4": (ESP, "transport", 4, 4, "udp"),
	"udp-tunnel-66": (ESP, "tunnel", 6, 6, "udp"), "udp-transport-6": (ESP, "transport", 6, 6, "udp"),
	"ah-tunnel-44": (AH, "tunnel", 4, 4), "ah-tunnel-66": (AH, "tunnel", 6, 6),
	"ah-tunnel-46": (AH, "tunnel", 4, 6), "ah-tunnel-64": (AH, "tunnel", 6, 4),
	"ah-transport-4": (AH, "transport", 4, 4), "ah-transport-6": (AH, "transport", 6, 6),
	"ah-transport-4-options": (AH, "transport", 4, 4, "options"),
	"ah-transport-6-options": (AH, "transport", 6, 6, "options"),
	"bundle-tunnel-44": (ESP, "tunnel", 4, 4, "bundle"), "bundle-tunnel-66": (ESP, "tunnel", 6, 6, "bundle"),
	"bundle-transport-4": (ESP, "transport", 4, 4, "bundle"),
	"esp-tunnel-44-tfc": (ESP, "tunnel", 4, 4, "tfc"), "esp-tunnel-66-tfc": (ESP, "tunnel", 6, 6, "tfc"),
}
TFC = 1000	# octets that every packet of these shapes is padded to
ALL_SUITES = {"esp-tunnel-44", "ah-tunnel-44", "ah-transport-6"}


class Shape:
	def __init__(self, name):
		self.name = name
		self.proto, self.mode, self.inner, self.outer, *words = SHAPES[name]
		self.udp, self.options, self.bundle = ("udp" in words), ("options" in words), ("bundle" in words)
		self.tfc = "tfc" in words
		self.a, self.b = (A4, B4) if self.outer == 4 else (A6, B6)
		if self.mode == "transport":
			self.in_a, self.in_b = self.a, self.b
		else:
			self.in_a, self.in_b = (IN_A4, IN_B4) if self.inner == 4 else (IN_A6, IN_B6)

	def suites(self):
		if self.proto == AH:
			return AH_SUITES if self.name in ALL_SUITES else ["sha256", "aesxcbc", "sha512"]
		if self.bundle:
			return ["aes256gcm16", "aes128-sha256"]
		return ESP_SUITES if self.name in ALL_SUITES and SLOW == 1 else FEW_ESP_SUITES


class Frames:
	"""The wire's far end, where nobody but we answer."""

	def __init__(self, device, mac_there):
		self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
		self.s.bind((device, 3))
		self.here = self.s.getsockname()[4]
		self.there = bytes.fromhex(mac_there.replace(":", ""))
		self.kept = []		# (seconds, frame)

	def packet(self, protos, seconds=5):
		"""the next IP packet of these protocols, from over there"""
		end = time.monotonic() + seconds * SLOW
		while True:
			left = end - time.monotonic()
			if left <= 0 or not select.select([self.s], [], [], left)[0]:
				raise Bad("nothing came")
			frame, where = self.s.recvfrom(1 << 16)
			if where[2] == socket.PACKET_OUTGOING or frame[12:14] not in (b"\x08\0", b"\x86\xdd"):
				continue
			packet = frame[14:]
			proto = packet[9] if packet[0] >> 4 == 4 else packet[ipsec.upper(packet)[1]]
			if proto in protos:
				self.kept.append((time.time(), frame))
				return packet

	def drain(self):
		while select.select([self.s], [], [], 0)[0]:
			self.s.recv(1 << 16)

	def send(self, packet):
		kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
		self.s.send(self.there + self.here + kind + packet)

	def pcap(self, path):
		with open(path, "wb") as f:
			f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
			for when, frame in self.kept:
				f.write(struct.pack("<IIII", int(when), int(when % 1 * 1e6), len(frame), len(frame)) + frame)


def enter(netns):
	libc = ctypes.CDLL(None, use_errno=True)
	with open("/run/netns/" + netns) as f:
		if libc.setns(f.fileno(), 0x40000000):
			raise OSError(ctypes.get_errno(), "setns")


class World:
	def __init__(self, folder):
		self.folder = folder
		with open(folder + "/mac") as f:
			self.wire = Frames("wan", f.read().strip())
		enter("gw-a")
		import nfnl
		self.nf = nfnl.Nfipsec()
		self.spi = 0x1000
		self.rnd = random.Random(1)
		self.told = []		# for tshark: SPI, UDP payload, line of its table

	# ---- SAs ----

	def policy(self, shape):
		a, b = address(shape.in_a), address(shape.in_b)
		tunnel = {"name": "peer/t", "local": address(shape.a), "remote": address(shape.b), "mode": shape.mode}
		if shape.bundle:
			tunnel["bundle"] = True
		if shape.tfc:
			tunnel["tfc"] = TFC
		selector = {"saddr-min": a, "saddr-max": a, "daddr-min": b, "daddr-max": b, "proto": UDP}
		self.nf.do("policy-set", [("tunnel", tunnel), ("entry", {
			"list": "l", "number": 10, "action": "protect", "tunnel": "peer/t", "selector": selector})])

	def add(self, shape, sa, direction, **over):
		words = {"proto": sa.proto, "spi": sa.spi, "dir": direction, "mode": shape.mode, "tunnel": "peer/t",
			 "local": address(shape.a), "remote": address(shape.b)}
		if sa.proto == ESP:
			words["encr"] = sa.encr.id
			if sa.key:
				words["encr-key"] = sa.key + sa.salt
		if sa.integ:
			words["integ"], words["integ-key"] = sa.integ_id, sa.integ_key
		if sa.esn:
			words["esn"] = True
		if shape.udp:
			words["encap-local-port"] = words["encap-remote-port"] = 4500
		self.nf.do("sa-add", [("sa", {**words, **over})])

	def pair(self, shape, suite, esn, proto):
		self.spi += 2
		pair = Sa(suite, self.spi, esn, proto), Sa(suite, self.spi + 1, esn, proto)
		over = {"mode": "transport"} if shape.bundle and proto == AH else {}
		self.add(shape, pair[0], "out", **over)
		self.add(shape, pair[1], "in", **over)
		return pair

	# ---- one packet ----

	def socket(self, shape):
		s = socket.socket(socket.AF_INET if shape.inner == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
		s.bind((shape.in_a, 7000))
		s.connect((shape.in_b, 7001))
		s.settimeout(5 * SLOW)
		if shape.options and shape.inner == 4:
			# router alert, which stays, and a record of the route, which does not
			s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x94\x04\0\0\x07\x07\x04\0\0\0\0\x01")
		elif shape.options:
			# hop-by-hop: one that may change on the way and one that may not; routing is for others
			s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS,
				     ipsec.extension(0, b"\x3e\x04may!\x1e\x04not!"))
			s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, ipsec.extension(0, b"\x3e\x04may!"))
		return s

	def sent(self, shape, sas, seq, data):
		"""What came of @data on the wire is the @seq'th of its SA, and inside is what was sent."""
		packet = self.wire.packet({ESP, AH, UDP})
		ends = slice(12, 20) if packet[0] >> 4 == 4 else slice(8, 40)
		expect(packet[ends] == address(shape.a) + address(shape.b), "outer addresses")
		if packet[0] >> 4 == 4:
			expect(ipsec.checksum(packet[:(packet[0] & 15) * 4]) == 0, "outer checksum")
		for sa in sas:
			if sa.proto == AH:
				found, packet = sa.check(packet)
				if shape.mode == "tunnel" and not shape.bundle:
					packet = self.unwrapped(packet)
			else:
				found, packet = self.opened(shape, sa, packet)
			expect(found == seq, "sequence number %d, expected %d" % (found, seq))
		inner = packet
		expect(inner[0] >> 4 == shape.inner, "version %d inside" % (inner[0] >> 4))
		at, named_at = (lambda p: ((p[0] & 15) * 4, 9) if p[0] >> 4 == 4 else last_header(p))(inner)
		expect(inner[named_at] == UDP, "next header %d" % inner[named_at])
		a, b = address(shape.in_a), address(shape.in_b)
		expect(inner[at:] == ipsec.udp(a, b, 7000, 7001, data), "UDP inside")
		if shape.inner == 4:
			expect(ipsec.checksum(inner[:at]) == 0 and inner[12:20] == a + b and
			       inner[2:4] == struct.pack("!H", len(inner)), "IP header inside")
		else:
			expect(inner[8:40] == a + b and inner[4:6] == struct.pack("!H", len(inner) - 40), "IP header inside")

	def unwrapped(self, packet):
		at, named_at = ipsec.upper(packet)
		expect(packet[named_at] in (IPIP, IPV6), "next header %d of a tunnel" % packet[named_at])
		return packet[at:]

	def opened(self, shape, sa, packet):
		at, named_at = ipsec.upper(packet)
		if shape.udp:
			expect(packet[named_at] == UDP, "no UDP outside")
			sport, dport, length, check = struct.unpack_from("!HHHH", packet, at)
			expect((sport, dport, length) == (4500, 4500, len(packet) - at), "UDP outside")
			# RFC 3948 2.1; in IPv6 none is for tunnels that say so (RFC 6936), or it is right
			expect(check == 0 or ipsec.udp(address(shape.a), address(shape.b), 4500, 4500,
						       packet[at + 8:]) == packet[at:], "checksum of UDP outside")
			at += 8
		else:
			expect(packet[named_at] == ESP, "protocol %d outside" % packet[named_at])
		seq, payload, next_header = sa.open(packet[at:])
		if shape.mode == "tunnel":
			expect(next_header == (IPIP if shape.inner == 4 else IPV6), "next header %d" % next_header)
			if shape.tfc:
				expect(len(payload) == TFC, "%d octets with TFC padding" % len(payload))
				payload = payload[:total(payload)]
			return seq, payload
		end = at - 8 if shape.udp else at
		head = packet[:named_at] + bytes((next_header,)) + packet[named_at + 1:end]
		return seq, ipsec.with_length(head + payload)

	def inner(self, shape, data):
		"""from the other end"""
		a, b = address(shape.in_a), address(shape.in_b)
		datagram = ipsec.udp(b, a, 7001, 7000, data)
		if shape.inner == 4:
			options = b"\x94\x04\0\0\x07\x07\x04\0\0\0\0\x01" if shape.options else b""
			return ipsec.ipv4(b, a, UDP, datagram, options, tos=0xb8, ttl=7)
		if not shape.options:
			return ipsec.ipv6(b, a, UDP, datagram, flow=0x12345, hops=7)
		# before AH: hop-by-hop, destination options for each hop, routing; behind it: for the last
		chain = ipsec.extension(UDP, b"\x3e\x04may!")
		chain = ipsec.routing(ipsec.DSTOPTS, 0, 0, [address("2001:db8::99")]) + chain
		chain = ipsec.extension(ipsec.ROUTING, b"\x3e\x02ab\x1e\x01c") + chain
		chain = ipsec.extension(ipsec.DSTOPTS, b"\x05\x02\0\0\x3e\x04may!") + chain
		return ipsec.ipv6(b, a, ipsec.HOPOPTS, chain + datagram, flow=0x12345, hops=7)

	def outer(self, shape):
		a, b = address(shape.a), address(shape.b)
		return ipsec.ipv4(b, a, 0, b"") if shape.outer == 4 else ipsec.ipv6(b, a, 0, b"")

	def made(self, shape, sas, seq, inner, extra=0, tfc=b""):
		"""What they would send of @inner. @sas: the outermost first."""
		packet = inner
		for sa in reversed(sas):
			tunnel = shape.mode == "tunnel" and sa is sas[-1]
			if sa.proto == AH:
				packet = sa.protect(packet, seq, self.outer(shape) if tunnel else None)
				continue
			if tunnel:
				sealed = sa.seal(seq, packet + tfc, IPIP if shape.inner == 4 else IPV6, extra)
				head = self.outer(shape)
			else:
				at, named_at = ipsec.upper(packet)
				sealed = sa.seal(seq, packet[at:], packet[named_at], extra)
				head = packet[:at]
			if shape.udp:
				a, b = address(shape.a), address(shape.b)
				sealed = ipsec.udp(b, a, 4500, 4500, sealed) if shape.outer == 6 else \
					struct.pack("!HHHH", 4500, 4500, len(sealed) + 8, 0) + sealed
			packet = ipsec.with_payload(head, UDP if shape.udp else ESP, sealed)
		return packet

	# ---- a suite ----

	def out(self, shape, s, sas):
		scapy = Scapy.of(sas[0]) if len(sas) == 1 and not shape.udp else None
		for seq, size in enumerate(SIZES, 1):
			data = self.rnd.randbytes(size)
			s.send(data)
			self.sent(shape, sas, seq, data)
			if scapy:
				packet = self.wire.kept[-1][1][14:]
				found = scapy.open(packet, seq, shape.mode == "tunnel")
				# with TFC padding behind it, where there is some
				expect(found[:total(found)].endswith(data), "scapy finds another packet")
			if shape.proto == ESP and not shape.bundle and not shape.udp and not sas[0].esn:
				self.told.append((sas[0], shape, data))

	def back(self, shape, s, sas):
		numbers = [1, 2, 9, 3, 1000, 1001]
		if sas[0].esn:
			# nearly around, around, and one from before
			numbers += [0xfffffff0, 0x100000005, 0xfffffff5, 0x100000006]
		scapy = Scapy.of(sas[0]) if len(sas) == 1 and not shape.udp and not shape.options else None
		for i, seq in enumerate(numbers):
			data = self.rnd.randbytes(SIZES[i % len(SIZES)])
			inner = self.inner(shape, data)
			if scapy and i % 2:
				packet = scapy.seal(self.outer(shape) if shape.mode == "tunnel" else None, inner, seq)
			else:
				packet = self.made(shape, sas, seq, inner, extra=i % 3,
						   tfc=bytes(100) if shape.proto == ESP and i == 4 else b"")
			self.wire.send(packet)
			try:
				expect(s.recv(1 << 16) == data, "number %d: another payload" % seq)
			except socket.timeout:
				raise Bad("number %d (%s) was not delivered" % (seq, "scapy" if scapy and i % 2 else "ours"))
		# and one with a bit wrong, the last of its ICV
		packet = bytearray(self.made(shape, sas, numbers[-1] + 1, self.inner(shape, b"never")))
		if sas[0].proto == AH:
			packet[ipsec.upper(packet)[0] + 12 + sas[0].icv_len - 1] ^= 1
		else:
			packet[-1] ^= 1
		self.wire.send(bytes(packet))
		self.until(lambda: self.counts(sas[0])["invalid"] == 1, "the forged packet was not counted")
		expect(not select.select([s], [], [], 0)[0], "the forged packet was delivered")
		for sa in sas:
			expect(self.counts(sa)["packets"] == len(numbers), "%d packets counted, expected %d" % (
				self.counts(sa)["packets"], len(numbers)))

	def dummies(self, shape, out, back):
		"""RFC 4303 2.6: sent when we are told to, and dropped in silence"""
		name = {"proto": ESP, "spi": out.spi, "dir": "out", "remote": address(shape.b)}
		self.nf.do("dummy-send", [("sa", name), ("dummy", {"packets": 3, "bytes": 100})])
		for i in range(3):
			packet = self.wire.packet({ESP})
			seq, payload, next_header = out.open(packet[ipsec.upper(packet)[0]:])
			expect((seq, next_header, len(payload)) == (len(SIZES) + 1 + i, ipsec.NONE, 100),
			       "dummy %d: number %d, next header %d, %d octets" % (i, seq, next_header, len(payload)))
		before = self.nf.stats()["in-dummy"]
		sealed = back.seal(2000 if not back.esn else 0x100000100, os.urandom(77), ipsec.NONE)
		self.wire.send(ipsec.with_payload(self.outer(shape), ESP, sealed))
		self.until(lambda: self.nf.stats()["in-dummy"] == before + 1, "the dummy was not counted")

	def until(self, condition, why):
		end = time.monotonic() + 5 * SLOW
		while not condition():
			expect(time.monotonic() < end, why)
			time.sleep(0.02)

	def counts(self, sa):
		return next(s for s in self.nf.sas() if s["spi"] == sa.spi)

	def suite(self, shape, suite, esn):
		self.nf.do("sa-flush")
		pairs = [self.pair(shape, suite, esn, shape.proto)]
		if shape.bundle:
			pairs.insert(0, self.pair(shape, "sha256", esn, AH))
		before = self.nf.stats()
		with self.socket(shape) as s:
			self.wire.drain()
			self.out(shape, s, [out for out, _ in pairs])
			self.back(shape, s, [back for _, back in pairs])
		if shape.tfc:
			self.dummies(shape, *pairs[0])
		now = self.nf.stats()
		odd = {k: now[k] - before[k] for k in now if now[k] != before[k] and
		       k not in ("out-packets", "in-packets", "in-bad-icv", "in-dummy")}
		expect(not odd, "counted: %s" % odd)

	def shape(self, name):
		shape = Shape(name)
		try:
			self.policy(shape)
		except Exception as e:
			report("%s: the policy" % name, e)
			return
		for suite in shape.suites():
			for esn in (False, True):
				why = None
				try:
					self.suite(shape, suite, esn)
				except Bad as e:
					why = str(e)
				except Exception as e:
					why = "%s, %s" % (e, traceback.format_exc().splitlines()[-2].strip())
				report("%s: %s%s" % (name, suite, ", ESN" if esn else ""), why)
		self.nf.do("sa-flush")
		self.nf.do("policy-set", [])


def total(packet):
	"""what an IP header says of its packet's length, whatever follows"""
	return struct.unpack_from("!H", packet, 2)[0] if packet[0] >> 4 == 4 else \
		40 + struct.unpack_from("!H", packet, 4)[0]


def last_header(packet):
	"""as ipsec.upper(), but behind everything"""
	named_at, at = 6, 40
	while packet[named_at] in (ipsec.HOPOPTS, ipsec.ROUTING, ipsec.DSTOPTS):
		named_at, at = at, at + (packet[at + 1] + 1) * 8
	return at, named_at


# ---- tshark ----

TSHARK_ENCR = {"null": "NULL", "des-cbc": "DES-CBC [RFC2405]", "3des-cbc": "TripleDES-CBC [RFC2451]",
	       "aes-cbc": "AES-CBC [RFC3602]", "aes-ctr": "AES-CTR [RFC3686]",
	       "aes-gcm-8": "AES-GCM with 8 octet ICV [RFC4106]", "aes-gcm-12": "AES-GCM with 12 octet ICV [RFC4106]",
	       "aes-gcm-16": "AES-GCM with 16 octet ICV [RFC4106]"}
TSHARK_INTEG = {"": "NULL", "md5": "HMAC-MD5-96 [RFC2403]", "sha1": "HMAC-SHA-1-96 [RFC2404]",
		"sha256": "HMAC-SHA-256-128 [RFC4868]", "sha384": "HMAC-SHA-384-192 [RFC4868]",
		"sha512": "HMAC-SHA-512-256 [RFC4868]"}


def for_tshark(world):
	"""A capture, a table of SAs, and what is to be found."""
	world.wire.pcap(world.folder + "/capture")
	table, told = {}, []
	for sa, shape, data in world.told:
		if sa.encr.id not in TSHARK_ENCR or sa.integ not in TSHARK_INTEG:
			continue
		row = ("IPv%d" % shape.outer, shape.a, shape.b, "0x%08x" % sa.spi, TSHARK_ENCR[sa.encr.id],
		       "0x" + (sa.key + sa.salt).hex() if sa.key else "", TSHARK_INTEG[sa.integ],
		       "0x" + sa.integ_key.hex() if sa.integ else "")
		table[sa.spi] = ",".join('"%s"' % word for word in row)
		told.append((sa.spi, "%s %s" % (shape.name, sa.suite), data.hex()))
	os.mkdir(world.folder + "/wireshark")
	with open(world.folder + "/wireshark/esp_sa", "w") as f:
		f.write("\n".join(table.values()) + "\n")
	with open(world.folder + "/told", "w") as f:
		json.dump(told, f)


def tshark(folder):
	with open(folder + "/told") as f:
		told = json.load(f)
	out = subprocess.run(["tshark", "-r", folder + "/capture", "-n",
			      "-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE",
			      "-Y", "esp", "-T", "fields", "-e", "esp.spi", "-e", "esp.icv_good", "-e", "udp.payload"],
			     env={**os.environ, "WIRESHARK_CONFIG_DIR": folder + "/wireshark"},
			     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
	if out.returncode:
		report("tshark", out.stderr)
		return
	found = {}
	for line in out.stdout.splitlines():
		spi, good, payload = (line + "\t\t").split("\t")[:3]
		found.setdefault(int(spi.split(",")[0], 0), []).append((good, payload.split(",")[-1].replace(":", "")))
	expected = {}
	for spi, name, data in told:
		expected.setdefault((spi, name), []).append(data)
	for (spi, name), datas in expected.items():
		have = found.get(spi, [])
		why = None
		# dummies have none
		payloads = [payload for _, payload in have if payload]
		if payloads != datas:
			why = "%d of %d payloads, and %d others" % (
				sum(d in payloads for d in datas), len(datas), sum(p not in datas for p in payloads))
		elif not all(good in ("1", "True") for good, _ in have):
			why = "ICV: %s" % sorted({good for good, _ in have})
		report("tshark opens %s" % name, why)


def main(command, *words):
	if command == "vectors":
		vectors()
	elif command == "tshark":
		tshark(*words)
	else:
		world = World(os.environ["WORK"])
		for name in words or SHAPES:
			world.shape(name)
		for_tshark(world)
	return failed > 0


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]))
