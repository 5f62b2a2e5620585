#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Well-formed and malformed ESP packets of one manual SA, from a raw socket.

Everything is given on the command line: the SA as `nfipsec sa add` takes it,
and then the packets to send in order, each KIND[:SEQ]. Without SEQ the next
number after the highest sent is used. The kinds are the methods of Kinds. With
--udp they travel in UDP (RFC 3948), and after the word "batch" all of them in
one GSO packet, which a veth hands on whole.
Only packets whose ICV is right can show what happens after decryption, so the
real cipher is used (RFC 4106 for AES-GCM, RFC 3602 + RFC 4868 for CBC).
"""
import argparse
import hashlib
import hmac
import os
import random
import socket
import struct
import sys

sys.dont_write_bytecode = True	# the checkout stays clean
from ipsec import checksum

ESP = 50
NATT_PORT = 4500
UDP_SEGMENT = 103			# linux/udp.h
IPIP, NONE = 4, 59			# next headers, RFC 4303 2.6


def ipv4(src, dst, proto, payload, **wrong):
	"""An IPv4 packet; @wrong replaces fields of its header with lies."""
	head = struct.pack("!BBHHHBBH4s4s",
			   wrong.get("ver_ihl", 0x45), 0, wrong.get("tot_len", 20 + len(payload)),
			   0x1234, wrong.get("frag_off", 0), 64, proto, 0,
			   socket.inet_aton(src), socket.inet_aton(dst))
	head = head[:10] + struct.pack("!H", wrong.get("check", checksum(head))) + head[12:]
	return head + payload


def echo_reply(sequence):
	"""Something that nobody answers."""
	body = struct.pack("!BBHHH", 0, 0, 0, 0x6e66, sequence) + b"nfipsec!" * 4
	return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def pad(data, next_header, block):
	"""RFC 4303 2.4: 1, 2, 3 ... so that pad length and next header end a block."""
	n = -(len(data) + 2) % max(block, 4)
	return data + bytes(range(1, n + 1)) + bytes((n, next_header))


def syn(src, dst, mss):
	"""A TCP SYN that offers @mss."""
	body = struct.pack("!HHIIBBHHH", 1, 2, 3, 0, 6 << 4, 2, 1024, 0, 0) + struct.pack("!BBH", 2, 4, mss)
	pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!HH", 6, len(body))
	return body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]


class Gcm:
	block, icv_len = 4, 16

	def __init__(self, key, _mac_key, esn):
		from cryptography.hazmat.primitives.ciphers.aead import AESGCM
		self.key, self.salt, self.esn = AESGCM(key[:-4]), key[-4:], esn

	def seal(self, spi, seq, plain):
		head = struct.pack("!II", spi, seq & 0xffffffff)
		aad = struct.pack("!IQ", spi, seq) if self.esn else head
		iv = struct.pack("!Q", seq)
		return head + iv + self.key.encrypt(self.salt + iv, plain, aad)


class CbcHmac:
	block, icv_len = 16, 16

	def __init__(self, key, mac_key, esn):
		self.key, self.mac_key, self.esn = key, mac_key, esn

	def seal(self, spi, seq, plain):
		from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
		iv = os.urandom(16)
		enc = Cipher(algorithms.AES(self.key), modes.CBC(iv)).encryptor()
		plain += bytes(-len(plain) % 16)	# only a malformed kind leaves it odd
		packet = struct.pack("!II", spi, seq & 0xffffffff) + iv + enc.update(plain) + enc.finalize()
		high = struct.pack("!I", seq >> 32) if self.esn else b""
		return packet + hmac.new(self.mac_key, packet + high, hashlib.sha256).digest()[:16]


class Kinds:
	"""Each returns the payload of the outer IP packet."""

	def __init__(self, args):
		self.args = args
		self.cipher = (CbcHmac if args.mac_key else Gcm)(args.key, args.mac_key, args.esn)

	def inner(self, **wrong):
		return ipv4(self.args.inner_src, self.args.inner_dst, 1, echo_reply(1), **wrong)

	def seal(self, seq, plain):
		return self.cipher.seal(self.args.spi, seq, plain)

	def padded(self, data, next_header=IPIP):
		return pad(data, next_header, self.cipher.block)

	def good(self, seq):
		return self.seal(seq, self.padded(self.inner()))

	def syn(self, seq):
		args = self.args
		return self.seal(seq, self.padded(ipv4(args.inner_src, "10.1.0.10", 6, syn(args.inner_src, "10.1.0.10", 8960))))

	def dummy(self, seq):
		return self.seal(seq, self.padded(os.urandom(40), NONE))

	def header_only(self, seq):
		return self.good(seq)[:8]

	def short(self, seq):
		return self.good(seq)[:20]

	def half_header(self, seq):
		return self.good(seq)[:5]

	def unaligned(self, seq):
		packet = self.good(seq)
		return packet[:-self.cipher.icv_len - 1] + packet[-self.cipher.icv_len:]

	def bad_icv(self, seq):
		packet = bytearray(self.good(seq))
		packet[-1] ^= 1
		return bytes(packet)

	def bad_cipher_text(self, seq):
		packet = bytearray(self.good(seq))
		packet[40] ^= 0x80
		return bytes(packet)

	def wrong_key(self, seq):
		mac_key = bytes(reversed(self.args.mac_key)) if self.args.mac_key else None
		other = type(self.cipher)(bytes(reversed(self.args.key)), mac_key, self.args.esn)
		return other.seal(self.args.spi, seq, self.padded(self.inner()))

	def random_body(self, seq):
		return self.good(seq)[:8] + os.urandom(96)

	def bad_pad_bytes(self, seq):
		# as long as a whole block more, so that there are bytes to be wrong
		n = -(len(self.inner()) + 2) % 16 + 16
		return self.seal(seq, self.inner() + bytes((0xee,)) * n + bytes((n, IPIP)))

	def pad_too_long(self, seq):
		return self.seal(seq, self.padded(self.inner())[:-2] + bytes((255, IPIP)))

	def next_header_udp(self, seq):
		return self.seal(seq, self.padded(self.inner(), 17))

	def next_header_255(self, seq):
		return self.seal(seq, self.padded(self.inner(), 255))

	def inner_ipv6_as_ipv4(self, seq):
		return self.seal(seq, self.padded(self.inner(ver_ihl=0x65)))

	def inner_ihl_long(self, seq):
		return self.seal(seq, self.padded(self.inner(ver_ihl=0x4f)[:40]))

	def inner_ihl_short(self, seq):
		return self.seal(seq, self.padded(self.inner(ver_ihl=0x42)))

	def inner_longer_than_packet(self, seq):
		return self.seal(seq, self.padded(self.inner(tot_len=1400)))

	def inner_bad_checksum(self, seq):
		return self.seal(seq, self.padded(self.inner(check=0xdead)))

	def inner_empty(self, seq):
		return self.seal(seq, self.padded(b""))

	def inner_truncated(self, seq):
		return self.seal(seq, self.padded(self.inner()[:12]))

	def selector(self, seq):
		return self.seal(seq, self.padded(ipv4("172.16.66.6", self.args.inner_dst, 1, echo_reply(1))))

	def other_spi(self, seq):
		return struct.pack("!I", self.args.spi ^ 0x01010101) + self.good(seq)[4:]


def spi(text):
	return int(text, 0)


def main():
	ap = argparse.ArgumentParser(description=__doc__)
	ap.add_argument("--src", required=True, help="outer source")
	ap.add_argument("--dst", required=True, help="outer destination")
	ap.add_argument("--spi", required=True, type=spi)
	ap.add_argument("--key", required=True, type=bytes.fromhex, help="with the salt, AES-GCM")
	ap.add_argument("--mac-key", type=bytes.fromhex, help="makes it AES-CBC + HMAC-SHA2-256-128")
	ap.add_argument("--esn", action="store_true")
	ap.add_argument("--inner-src", required=True)
	ap.add_argument("--inner-dst", required=True)
	ap.add_argument("--udp", action="store_true")
	ap.add_argument("--fuzz", type=int, default=0, help="beside: so many packets with flipped octets")
	ap.add_argument("--start", type=int, default=1, help="first sequence number of --fuzz")
	ap.add_argument("--seed", type=int, default=1)
	ap.add_argument("kind", nargs="*", help="KIND[:SEQ]; none: lines of them on stdin, each answered")
	args = ap.parse_args()

	kinds = Kinds(args)
	if args.udp:
		sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	else:
		sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, ESP)
	sock.bind((args.src, NATT_PORT if args.udp else 0))
	to = (args.dst, NATT_PORT if args.udp else 0)
	last = 0

	def packet(word):
		nonlocal last
		name, _, number = word.partition(":")
		seq = int(number, 0) if number else last + 1
		last = max(last, seq)
		return getattr(kinds, name)(seq)

	def send(words):
		batch = words[:1] == ["batch"]
		packets = [packet(word) for word in words[batch:]]
		if batch:
			sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(packets[0]))
			packets = [b"".join(packets)]
		for data in packets:
			sock.sendto(data, to)
		if batch:
			sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)

	send(args.kind)
	if not args.kind and not args.fuzz:
		for line in sys.stdin:
			send(line.split())
			print("sent", flush=True)
		return 0
	rng = random.Random(args.seed)
	for i in range(args.fuzz):
		whole = kinds.good(args.start + i)
		bad = bytearray(whole)
		while bad == whole:
			bad = bytearray(whole)
			for _ in range(rng.randint(1, 4)):
				bad[rng.randrange(8, len(bad))] ^= rng.randrange(256)
			if rng.random() < .5:
				bad = bad[:rng.randint(8, len(bad))]
		sock.sendto(bytes(bad), to)
	print("sent", len(args.kind) + args.fuzz)
	return 0


if __name__ == "__main__":
	sys.exit(main())
