#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Hostile IKE: what a daemon on UDP 500 and 4500 must survive and drop.

One valid IKE_SA_INIT request is built here (RFC 7296 1.2) and then broken in
every way: cut at each octet, grown, its lengths and next payloads made to lie
or to loop, its contents replaced by random ones; then numbers that are no
group elements, floods of half-open SAs from many ports, and, where the SPIs
of a live IKE SA are given, messages that claim to belong to it.
The sender is a raw socket when --spoof is given, so that the messages come
from the peer's own address and port.
"""
import argparse
import os
import random
import socket
import struct
import sys

SA, KE, IDI, AUTH, NONCE, NOTIFY, DELETE, VENDOR, SK, SKF = 33, 34, 35, 39, 40, 41, 42, 43, 46, 53
IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37
INITIATOR, VERSION, RESPONSE = 0x08, 0x10, 0x20
GROUP_LEN = {14: 256, 15: 384, 16: 512, 19: 64, 20: 96, 31: 32}
#: p of MODP 2048 begins and ends with 64 one bits (RFC 3526 3); p itself and p - 1 are no public values
MODP2048 = bytes.fromhex(
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
	"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
	"3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF")


def payload(next_type, body, critical=0, length=None):
	return struct.pack("!BBH", next_type, critical, 4 + len(body) if length is None else length) + body


def message(spi_i, spi_r, first, exchange, flags, mid, body, version=0x20, length=None):
	return struct.pack("!8s8sBBBBII", spi_i, spi_r, first, version, exchange, flags, mid,
			   28 + len(body) if length is None else length) + body


def transform(last, kind, number, key_bits=0):
	attr = struct.pack("!HH", 0x800e, key_bits) if key_bits else b""
	return struct.pack("!BBHBBH", 0 if last else 3, 0, 8 + len(attr), kind, 0, number) + attr


def proposals(group):
	suites = (
		[(1, 20, 256), (2, 6, 0), (4, group, 0)],
		[(1, 20, 128), (2, 5, 0), (4, group, 0)],
		[(1, 12, 128), (2, 5, 0), (3, 12, 0), (4, group, 0)],
	)
	out = b""
	for i, suite in enumerate(suites):
		body = b"".join(transform(j == len(suite) - 1, *t) for j, t in enumerate(suite))
		out += struct.pack("!BBHBBBB", 0 if i == len(suites) - 1 else 2, 0, 8 + len(body),
				   i + 1, 1, 0, len(suite)) + body
	return out


def sa_init(spi, group=31, public=None, nonce=None, extra=b"", sa=None):
	public = os.urandom(GROUP_LEN.get(group, 32)) if public is None else public
	nonce = os.urandom(32) if nonce is None else nonce
	body = payload(KE, proposals(group) if sa is None else sa)
	body += payload(NONCE, struct.pack("!HH", group, 0) + public)
	body += payload(NOTIFY if extra else 0, nonce) + extra
	return message(spi, bytes(8), SA, IKE_SA_INIT, INITIATOR, 0, body)


def truncated(_rng):
	whole = sa_init(os.urandom(8))
	for n in range(0, len(whole), 1 if len(whole) < 300 else 3):
		yield whole[:n]
		# and with a header that agrees with the cut
		if n >= 28:
			yield whole[:24] + struct.pack("!I", n) + whole[28:n]


def oversized(_rng):
	whole = sa_init(os.urandom(8))
	for length in (0, 1, 27, 28, 29, len(whole) - 1, len(whole) + 1, 65535, 65536, 0x7fffffff, 0xffffffff):
		yield whole[:24] + struct.pack("!I", length) + whole[28:]
	yield whole + b"\0" * 1000
	junk = payload(0, os.urandom(60000))
	yield sa_init(os.urandom(8), extra=payload(VENDOR, struct.pack("!BBH", 0, 0, 16389)) + junk)
	yield message(os.urandom(8), bytes(8), VENDOR, IKE_SA_INIT, INITIATOR, 0, payload(0, os.urandom(64000)))
	many = b"".join(payload(VENDOR, b"") for _ in range(12000)) + payload(0, b"")
	yield message(os.urandom(8), bytes(8), VENDOR, IKE_SA_INIT, INITIATOR, 0, many)
	many = b"".join(payload(NOTIFY, struct.pack("!BBH", 0, 0, 16388)) for _ in range(2000))
	yield message(os.urandom(8), bytes(8), NOTIFY, IKE_SA_INIT, INITIATOR, 0, many + payload(0, bytes(4)))
	# 255 proposals of 255 transforms' worth of claims
	body = b""
	for i in range(255):
		inner = b"".join(transform(j == 19, 1 + j % 5, 20, 256) for j in range(20))
		body += struct.pack("!BBHBBBB", 2 if i < 254 else 0, 0, 8 + len(inner), i + 1, 1, 0, 20) + inner
	yield sa_init(os.urandom(8), sa=body)


def looping(_rng):
	for length in (0, 1, 2, 3):		# a payload that never gets further
		body = payload(SA, b"", length=length) * 4
		yield message(os.urandom(8), bytes(8), SA, IKE_SA_INIT, INITIATOR, 0, body)
	for inner_len in (0, 1, 4, 7):		# a proposal, and a transform, likewise
		sa = struct.pack("!BBHBBBB", 2, 0, inner_len, 1, 1, 0, 4) + transform(1, 1, 20, 256)
		yield sa_init(os.urandom(8), sa=sa)
		sa = struct.pack("!BBHBBBB", 0, 0, 24, 1, 1, 0, 2) + struct.pack("!BBHBBH", 3, 0, inner_len, 1, 0, 20) * 2
		yield sa_init(os.urandom(8), sa=sa)
	for claim in (0, 1, 2, 200, 255):	# SPI sizes and transform counts that lie
		yield sa_init(os.urandom(8), sa=struct.pack("!BBHBBBB", 0, 0, 20, 1, 1, claim, 1) + transform(1, 1, 20, 256))
		yield sa_init(os.urandom(8), sa=struct.pack("!BBHBBBB", 0, 0, 20, 1, 1, 0, claim) + transform(1, 1, 20, 256))
	# each payload type as the next of itself, and twice
	for kind in range(1, 60):
		yield message(os.urandom(8), bytes(8), kind, IKE_SA_INIT, INITIATOR, 0, payload(kind, bytes(16)) * 30)


def headers(rng):
	whole = sa_init(os.urandom(8))
	for version in (0x00, 0x10, 0x11, 0x1f, 0x21, 0x2f, 0x30, 0xff):
		yield whole[:17] + bytes((version,)) + whole[18:]
	for exchange in (0, 2, 4, 33, 35, 36, 37, 38, 43, 44, 240, 255):
		yield whole[:18] + bytes((exchange,)) + whole[19:]
	for flags in range(0, 256, 8):
		yield whole[:19] + bytes((flags,)) + whole[20:]
	for mid in (1, 2, 0x7fffffff, 0xffffffff):
		yield whole[:20] + struct.pack("!I", mid) + whole[24:]
	yield bytes(8) + whole[8:]					# no initiator SPI: RFC 7296 3.1
	yield whole[:8] + os.urandom(8) + whole[16:]
	for _ in range(50):						# messages of SAs that never were
		kind = rng.choice((IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL))
		flags = rng.choice((0, INITIATOR, RESPONSE, INITIATOR | RESPONSE))
		yield message(os.urandom(8), os.urandom(8), SK, kind, flags, rng.randrange(4),
			      payload(IDI, os.urandom(rng.randrange(200))))


def elements(_rng):
	"""Public values and nonces that must be refused: RFC 6989, RFC 7748 6.1, RFC 7296 2.10."""
	number = int.from_bytes(MODP2048, "big")
	for value in (0, 1, number - 1, number, number + 1):
		yield sa_init(os.urandom(8), 14, value.to_bytes(256, "big"))
	for group, size in GROUP_LEN.items():
		for public in (bytes(size), b"\xff" * size, os.urandom(size), b"\x01".ljust(size, b"\0"),
			       os.urandom(size - 1), os.urandom(size + 1), b"", os.urandom(1)):
			yield sa_init(os.urandom(8), group, public)
	for group in (0, 1, 2, 5, 21, 28, 255, 65535):
		yield sa_init(os.urandom(8), group, os.urandom(128))
	for size in (0, 1, 15, 257, 4000):
		yield sa_init(os.urandom(8), nonce=os.urandom(size))
	yield sa_init(os.urandom(8), extra=payload(0, b"abcd", critical=0x80))
	yield sa_init(os.urandom(8), extra=payload(200, struct.pack("!BBH", 0, 0, 16388)) + payload(0, b"x", critical=0x80))
	yield sa_init(os.urandom(8), extra=payload(0, struct.pack("!BBH", 1, 255, 14)))		# SPI beyond the payload
	yield sa_init(os.urandom(8), extra=payload(0, struct.pack("!BBH", 0, 0, 16390)))	# an empty cookie
	yield sa_init(os.urandom(8), extra=payload(0, struct.pack("!BBH", 0, 0, 16390) + os.urandom(65)))


def random_bytes(rng):
	for _ in range(150):
		yield os.urandom(rng.randrange(0, 600))
	for _ in range(150):
		yield message(os.urandom(8), bytes(8), rng.choice((SA, KE, NONCE, SK, SKF, rng.randrange(256))),
			      IKE_SA_INIT, INITIATOR, 0, os.urandom(rng.randrange(0, 600)))
	for _ in range(300):
		whole = bytearray(sa_init(os.urandom(8)))
		for _ in range(rng.randint(1, 8)):
			whole[rng.randrange(16, len(whole))] = rng.randrange(256)
		yield bytes(whole)


def flood(rng):
	for _ in range(200):
		yield sa_init(os.urandom(8), rng.choice((14, 19, 20, 31)))


def half_open(_rng):
	yield sa_init(os.urandom(8))


def live(rng, spi_i, spi_r):
	"""Somebody who saw the SPIs but has no key."""
	for flags in (0, INITIATOR, RESPONSE, INITIATOR | RESPONSE):
		for kind in (IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL):
			for mid in (0, 1, 2, 3, 0xffffffff):
				yield message(spi_i, spi_r, SK, kind, flags, mid, payload(0, os.urandom(rng.choice((0, 1, 8, 24, 60, 200)))))
			yield message(spi_i, spi_r, DELETE, kind, flags, 2, payload(0, struct.pack("!BBH", 1, 0, 0)))
			yield message(spi_i, spi_r, 0, kind, flags, 2, b"")
			yield message(spi_i, spi_r, SKF, kind, flags, 2, payload(0, struct.pack("!HH", 1, 65535) + os.urandom(60)))
			yield message(spi_i, spi_r, SKF, kind, flags, 2, payload(0, struct.pack("!HH", 0, 0) + os.urandom(60)))
			yield message(spi_i, spi_r, NOTIFY, kind, flags, 1, payload(0, struct.pack("!BBH", 0, 0, 24)))


class Sender:
	"""Plain UDP, or raw IP from an address and port that are not ours to bind."""

	def __init__(self, target, port, spoof):
		self.target, self.port, self.spoof = target, port, spoof
		self.sent = self.count = 0
		if spoof:
			self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
			self.sock.bind((spoof, 0))
		else:
			self.again()

	def again(self):
		self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		self.count = 0

	def send(self, data):
		if self.port == 4500:
			data = bytes(4) + data		# the non-ESP marker, RFC 7296 2.23
		if self.spoof:
			data = struct.pack("!HHHH", self.port, self.port, 8 + len(data), 0) + data
		elif self.count >= 20:
			self.again()			# another source port
		try:
			self.sock.sendto(data, (self.target, 0 if self.spoof else self.port))
		except OSError:
			return				# too long for a datagram
		self.sent += 1
		self.count += 1


def main():
	kinds = (truncated, oversized, looping, headers, elements, random_bytes, flood, half_open)
	ap = argparse.ArgumentParser(description=__doc__)
	ap.add_argument("--port", type=int, default=500)
	ap.add_argument("--seed", type=int, default=1)
	ap.add_argument("--spoof", help="source address; the source port is then the target's")
	ap.add_argument("--live", nargs=2, type=bytes.fromhex, metavar=("SPI_I", "SPI_R"))
	ap.add_argument("--target", required=True)
	ap.add_argument("kind", nargs="*", help=" ".join(k.__name__ for k in kinds) + ", default all")
	args = ap.parse_args()

	rng = random.Random(args.seed)
	sender = Sender(args.target, args.port, args.spoof)
	for kind in kinds:
		if kind.__name__ not in args.kind and (args.kind or args.live or kind is half_open):
			continue
		before = sender.sent
		for data in kind(rng):
			sender.send(data)
		print("# %s: %d messages" % (kind.__name__, sender.sent - before))
	if args.live:
		for data in live(rng, *args.live):
			sender.send(data)
	if args.port == 4500:				# ESP-in-UDP of nobody, and a keepalive: RFC 3948
		for data in (b"", b"\xff", b"\0" * 3, os.urandom(4), os.urandom(100)):
			sender.sock.sendto(data, (args.target, args.port))
	print("sent", sender.sent)
	return 0


if __name__ == "__main__":
	sys.exit(main())
