# SPDX-License-Identifier: GPL-2.0
"""
ESP and AH written a second time, plainly and from the RFCs, with OpenSSL's ciphers:
what nfipsec makes must open here, and what is made here must open there. Nothing of
it is fast. `esp-oracle.py vectors` compares it with what the RFCs print.
"""
import hashlib
import hmac
import os
import re
import struct
import warnings

warnings.filterwarnings("ignore")	# that DES and Camellia are old, we know
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.cmac import CMAC

ESP, AH, UDP, IPIP, IPV6, NONE = 50, 51, 17, 4, 41, 59
HOPOPTS, ROUTING, DSTOPTS = 0, 43, 60


class Bad(Exception):
	"""Not a packet of this SA."""


# ---- integrity: (length of the key, of the ICV, how) ----


def hmac_of(digest):
	return lambda key, data: hmac.new(key, data, digest).digest()


def aes_cmac(key, data):
	c = CMAC(algorithms.AES(key))
	c.update(data)
	return c.finalize()


def aes_xcbc(key, data):
	"""RFC 3566 4.1"""
	def aes(k, block):
		e = Cipher(algorithms.AES(k), modes.ECB()).encryptor()
		return e.update(block) + e.finalize()

	def xor(a, b):
		return bytes(x ^ y for x, y in zip(a, b))

	k1, k2, k3 = (aes(key, bytes((n,)) * 16) for n in (1, 2, 3))
	blocks = [data[i:i + 16] for i in range(0, len(data), 16)] or [b""]
	last, state = blocks.pop(), bytes(16)
	for block in blocks:
		state = aes(k1, xor(state, block))
	if len(last) == 16:
		return aes(k1, xor(xor(state, last), k2))
	return aes(k1, xor(xor(state, (last + b"\x80").ljust(16, b"\0")), k3))


INTEGS = {
	"md5": (16, 12, hmac_of("md5"), "hmac-md5-96"),
	"sha1": (20, 12, hmac_of("sha1"), "hmac-sha1-96"),
	"sha256": (32, 16, hmac_of("sha256"), "hmac-sha2-256-128"),
	"sha384": (48, 24, hmac_of("sha384"), "hmac-sha2-384-192"),
	"sha512": (64, 32, hmac_of("sha512"), "hmac-sha2-512-256"),
	"aesxcbc": (16, 12, aes_xcbc, "aes-xcbc-96"),
	"aescmac": (16, 12, aes_cmac, "aes-cmac-96"),
}

# ---- encryption ----


class Encr:
	"""@icv_len is 0 where integrity stands beside it; @id names it in the specification"""
	key_len = salt_len = iv_len = icv_len = 0
	block = 4

	def iv(self, seq):
		return os.urandom(self.iv_len)


class Null(Encr):
	id = "null"

	def seal(self, key, salt, iv, text, aad):
		return text

	open = seal


class Cbc(Encr):
	def __init__(self, algorithm, key_len, block, id):
		self.algorithm, self.key_len, self.id = algorithm, key_len, id
		self.block = self.iv_len = block

	def run(self, op, data):
		return op.update(data) + op.finalize()

	def seal(self, key, salt, iv, text, aad):
		return self.run(Cipher(self.algorithm(key), modes.CBC(iv)).encryptor(), text)

	def open(self, key, salt, iv, data, aad):
		return self.run(Cipher(self.algorithm(key), modes.CBC(iv)).decryptor(), data)


class Ctr(Encr):
	"""RFC 3686 4: nonce, IV, and a counter that begins with 1"""
	salt_len, iv_len, id = 4, 8, "aes-ctr"

	def __init__(self, key_len):
		self.key_len = key_len

	def iv(self, seq):
		return struct.pack("!Q", seq)

	def seal(self, key, salt, iv, text, aad):
		e = Cipher(algorithms.AES(key), modes.CTR(salt + iv + b"\0\0\0\1")).encryptor()
		return e.update(text) + e.finalize()

	open = seal


class Aead(Encr):
	"""With @implicit the sequence number is the IV and not sent: RFC 8750"""
	def __init__(self, make, key_len, salt_len, icv_len, id, implicit=False):
		self.make, self.key_len, self.salt_len, self.icv_len, self.id = make, key_len, salt_len, icv_len, id
		self.implicit = implicit
		self.iv_len = 0 if implicit else 8

	def iv(self, seq):
		return b"" if self.implicit else struct.pack("!Q", seq)

	def nonce(self, salt, iv, aad):
		# RFC 8750 2: without ESN the high half is 0
		return salt + (aad[4:].rjust(8, b"\0") if self.implicit else iv)

	def seal(self, key, salt, iv, text, aad):
		return self.make(key).encrypt(self.nonce(salt, iv, aad), text, aad)

	def open(self, key, salt, iv, data, aad):
		try:
			return self.make(key).decrypt(self.nonce(salt, iv, aad), data, aad)
		except InvalidTag:
			raise Bad("ICV")


class Gmac(Aead):
	"""RFC 4543 3.3: header, IV and text are authenticated, and none is encrypted"""
	def seal(self, key, salt, iv, text, aad):
		return text + AESGCM(key).encrypt(salt + iv, b"", aad + iv + text)

	def open(self, key, salt, iv, data, aad):
		text, icv = data[:-16], data[-16:]
		if AESGCM(key).encrypt(salt + iv, b"", aad + iv + text) != icv:
			raise Bad("ICV")
		return text


class ShortGcm:
	"""OpenSSL's AEAD interface gives 16 octets of ICV; shorter ones are their beginning (RFC 4106 6)"""
	def __init__(self, key, length):
		self.key, self.length = key, length

	def encrypt(self, nonce, text, aad):
		return AESGCM(self.key).encrypt(nonce, text, aad)[:len(text) + self.length]

	def decrypt(self, nonce, data, aad):
		d = Cipher(algorithms.AES(self.key), modes.GCM(nonce, data[-self.length:], self.length)).decryptor()
		d.authenticate_additional_data(aad)
		return d.update(data[:-self.length]) + d.finalize()


def encr(name):
	"""From a name as in the proposals, with "iiv" behind it for an implicit IV."""
	fixed = {
		"null": Null(),
		"des": Cbc(lambda key: algorithms.TripleDES(key * 3), 8, 8, "des-cbc"),
		"3des": Cbc(algorithms.TripleDES, 24, 8, "3des-cbc"),
		"chacha20poly1305": Aead(ChaCha20Poly1305, 32, 4, 16, "chacha20-poly1305"),
		"chacha20poly1305iiv": Aead(ChaCha20Poly1305, 32, 4, 16, "chacha20-poly1305-iiv", True),
	}
	if name in fixed:
		return fixed[name]
	m = re.fullmatch(r"(aes|camellia)(128|192|256)(ctr|gmac|gcm|ccm)?(8|12|16)?(iiv)?", name)
	family, bits, mode, icv, implicit = m.groups()
	size, icv = int(bits) // 8, int(icv or 16)
	if family == "camellia":
		return Cbc(algorithms.Camellia, size, 16, "camellia-cbc")
	if not mode:
		return Cbc(algorithms.AES, size, 16, "aes-cbc")
	if mode == "ctr":
		return Ctr(size)
	if mode == "gmac":
		return Gmac(None, size, 4, 16, "null-auth-aes-gmac")
	id = "aes-%s-%d%s" % (mode, icv, "-iiv" if implicit else "")
	if mode == "ccm":
		return Aead(lambda key: AESCCM(key, icv), size, 3, icv, id, bool(implicit))
	return Aead(AESGCM if icv == 16 else lambda key: ShortGcm(key, icv), size, 4, icv, id, bool(implicit))


# ---- SAs ----


class Sa:
	"""
	@suite: as in the proposals, such as "aes256gcm16" or "aes128-sha256", of AH "sha256"
	@key, @salt, @integ_key: made up where they are not given
	"""
	def __init__(self, suite, spi, esn=False, proto=ESP, key=None, salt=None, integ_key=None):
		self.suite, self.spi, self.esn, self.proto = suite, spi, esn, proto
		name, _, integ = suite.partition("-")
		if proto == AH:
			name, integ = "null", suite
		self.encr = encr(name)
		self.key = os.urandom(self.encr.key_len) if key is None else key
		self.salt = os.urandom(self.encr.salt_len) if salt is None else salt
		self.integ = integ
		self.integ_key, self.icv_len = b"", self.encr.icv_len
		if integ:
			length, self.icv_len, self.mac, self.integ_id = INTEGS[integ]
			self.integ_key = os.urandom(length) if integ_key is None else integ_key

	def icv(self, data, seq):
		"""RFC 4303 2.2.1, RFC 4302 2.5.1: with ESN the high half comes last"""
		if self.esn:
			data += struct.pack("!I", seq >> 32)
		return self.mac(self.integ_key, data)[:self.icv_len]

	def aad(self, seq):
		"""RFC 4106 5"""
		return struct.pack("!IQ" if self.esn else "!II", self.spi, seq)

	def padded(self, payload, next_header, extra=0):
		"""RFC 4303 2.4: 1, 2, 3 ...; @extra whole blocks more than are needed"""
		n = -(len(payload) + 2) % self.encr.block + extra * self.encr.block
		return payload + bytes(range(1, n + 1)) + bytes((n, next_header))

	def seal(self, seq, payload, next_header, extra=0):
		"""an ESP packet, without the IP header"""
		e = self.encr
		iv = e.iv(seq)
		head = struct.pack("!II", self.spi, seq & 0xffffffff)
		packet = head + iv + e.seal(self.key, self.salt, iv, self.padded(payload, next_header, extra),
					    self.aad(seq))
		return packet + self.icv(packet, seq) if self.integ else packet

	def open(self, packet, high=0):
		"""(sequence number, payload, next header)"""
		e = self.encr
		spi, seq = struct.unpack_from("!II", packet)
		seq |= high << 32
		if spi != self.spi:
			raise Bad("SPI %#x" % spi)
		if self.integ:
			packet, icv = packet[:-self.icv_len], packet[-self.icv_len:]
			if icv != self.icv(packet, seq):
				raise Bad("ICV")
		iv, data = packet[8:8 + e.iv_len], packet[8 + e.iv_len:]
		if (len(data) - e.icv_len) % e.block:
			raise Bad("not whole blocks")
		text = e.open(self.key, self.salt, iv, data, self.aad(seq))
		n, next_header = text[-2:]
		if text[-2 - n:-2] != bytes(range(1, n + 1)):
			raise Bad("padding")
		return seq, text[:-2 - n], next_header

	# ---- AH: RFC 4302 2, 3.3.3 ----

	def ah_len(self, family):
		"""whole words of 32 bits, of 64 in IPv6: 2.2, 3.3.3.2.1"""
		unit = 8 if family == 6 else 4
		return (12 + self.icv_len + unit - 1) // unit * unit

	def protect(self, packet, seq, tunnel=None):
		"""
		The whole packet with AH in it; with @tunnel, an IP header without payload, it is
		put behind that first.
		"""
		if tunnel:
			packet = with_payload(tunnel, IPIP if packet[0] >> 4 == 4 else IPV6, packet)
		family = packet[0] >> 4
		at, named_at = upper(packet, AH)
		length = self.ah_len(family)
		ah = struct.pack("!BBHII", packet[named_at], length // 4 - 2, 0, self.spi, seq & 0xffffffff)
		packet = packet[:named_at] + bytes((AH,)) + packet[named_at + 1:]
		packet = packet[:at] + ah + bytes(length - 12) + packet[at:]
		packet = with_length(packet)
		icv = self.icv(immutable(packet), seq)
		return packet[:at + 12] + icv + packet[at + 12 + len(icv):]

	def check(self, packet, high=0):
		"""(sequence number, the packet without AH): the other way"""
		at, named_at = upper(packet, AH)
		if packet[named_at] != AH:
			raise Bad("no AH but %d" % packet[named_at])
		next_header, words, reserved, spi, seq = struct.unpack_from("!BBHII", packet, at)
		seq |= high << 32
		length = (words + 2) * 4
		if spi != self.spi or length != self.ah_len(packet[0] >> 4) or reserved:
			raise Bad("AH: SPI %#x, %d octets, reserved %d" % (spi, length, reserved))
		icv = packet[at + 12:at + 12 + self.icv_len]
		blank = packet[:at + 12] + bytes(self.icv_len) + packet[at + 12 + self.icv_len:]
		if self.icv(immutable(blank), seq) != icv:
			raise Bad("ICV")
		packet = packet[:named_at] + bytes((next_header,)) + packet[named_at + 1:]
		return seq, with_length(packet[:at] + packet[at + length:])


# ---- IP ----


def checksum(data):
	if len(data) % 2:
		data += b"\0"
	total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
	while total >> 16:
		total = (total & 0xffff) + (total >> 16)
	return ~total & 0xffff


def ipv4(src, dst, proto, payload, options=b"", tos=0, ttl=64, frag=0, ident=0x1234):
	options += bytes(-len(options) % 4)
	head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, tos,
			   20 + len(options) + len(payload), ident, frag, ttl, proto, 0, src, dst) + options
	return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, next_header, payload, flow=0, hops=64):
	return struct.pack("!IHBB16s16s", 6 << 28 | flow, len(payload), next_header, hops, src, dst) + payload


def extension(next_header, options):
	"""Hop-by-hop or destination options, padded to units of 8 octets: RFC 8200 4.2"""
	need = -(2 + len(options)) % 8
	options += (b"", b"\0")[need] if need < 2 else bytes((1, need - 2)) + bytes(need - 2)
	return bytes((next_header, len(options) // 8)) + options


def routing(next_header, kind, left, addresses):
	"""RFC 8200 4.4, and as RFC 6275 6.4 has it"""
	return bytes((next_header, 2 * len(addresses), kind, left)) + bytes(4) + b"".join(addresses)


def udp(src, dst, sport, dport, data):
	"""of addresses of either family"""
	length = 8 + len(data)
	packet = struct.pack("!HHHH", sport, dport, length, 0) + data
	pseudo = src + dst + (struct.pack("!HH", UDP, length) if len(src) == 4 else struct.pack("!II", length, UDP))
	return packet[:6] + struct.pack("!H", checksum(pseudo + packet) or 0xffff) + packet[8:]


def with_payload(head, proto, payload):
	"""@head, an IP header alone, in front of @payload"""
	if head[0] >> 4 == 4:
		packet = head[:9] + bytes((proto,)) + head[10:] + payload
	else:
		packet = head[:6] + bytes((proto,)) + head[7:] + payload
	return with_length(packet)


def with_length(packet):
	"""its length, and with IPv4 its checksum, made right"""
	if packet[0] >> 4 == 6:
		return packet[:4] + struct.pack("!H", len(packet) - 40) + packet[6:]
	n = (packet[0] & 15) * 4
	head = packet[:2] + struct.pack("!H", len(packet)) + packet[4:10] + b"\0\0" + packet[12:n]
	return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[n:]


def upper(packet, stop=None):
	"""
	(where the upper layer begins, where it is named): behind what routers look at, RFC 4302
	3.1.1, so in IPv6 hop-by-hop options, routing, and destination options before routing
	"""
	if packet[0] >> 4 == 4:
		return (packet[0] & 15) * 4, 9
	at, named_at = 40, 6
	while packet[named_at] in (HOPOPTS, ROUTING, DSTOPTS):
		# destination options for the last one only are behind AH
		if packet[named_at] == DSTOPTS and packet[at] != ROUTING:
			break
		named_at, at = at, at + (packet[at + 1] + 1) * 8
	return at, named_at


def immutable(packet):
	"""The packet as the sender and the receiver both know it: RFC 4302 3.3.3.1, appendix A"""
	return immutable4(packet) if packet[0] >> 4 == 4 else immutable6(packet)


# copied flag, class and number as they stand in the packet: A1
KEPT4 = {0, 1, 130, 133, 134, 148, 149}


def immutable4(packet):
	n = (packet[0] & 15) * 4
	head = bytearray(packet[:n])
	head[1] = head[8] = 0				# TOS, TTL
	head[6:8] = head[10:12] = b"\0\0"		# flags and offset, checksum
	i = 20
	while i < n:
		kind = head[i]
		if kind == 0:
			break
		size = 1 if kind == 1 else head[i + 1]
		if size < 1 or i + size > n:
			raise Bad("option")
		if kind in (131, 137):			# source routes: the last hop is the destination
			head[16:20] = head[i + size - 4:i + size] if head[i + 2] <= size else head[16:20]
		if kind not in KEPT4:
			head[i:i + size] = bytes(size)
		i += size
	return bytes(head) + packet[n:]


def immutable6(packet):
	head = bytearray(packet)
	head[0:4] = b"\x60\0\0\0"			# traffic class and flow label
	head[7] = 0					# hop limit
	at, kind = 40, packet[6]
	while kind in (HOPOPTS, ROUTING, DSTOPTS):
		size = (packet[at + 1] + 1) * 8
		if kind != ROUTING:
			i = at + 2
			while i < at + size:
				if packet[i] == 0:
					i += 1
					continue
				n = packet[i + 1]
				if packet[i] & 0x20:	# may change on the way
					head[i + 2:i + 2 + n] = bytes(n)
				i += 2 + n
		kind, at = packet[at], at + size
	return bytes(head)
