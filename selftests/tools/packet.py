# SPDX-License-Identifier: GPL-2.0
"""
IP packets as octets: what is in them, and how to make them, their answers, errors about
them, and their fragments.
"""
import ipaddress
import re
import struct

from ipsec import checksum
from netlab import octets

TCP, UDP, ICMP, ICMPV6, ESP, FRAGMENT, IGMP = 6, 17, 1, 58, 50, 44, 2
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmp6", ESP: "esp", None: "ip"}
SYN, ACK, PSH, RST = 2, 16, 8, 4
TOKEN = re.compile(rb"<([0-9a-f]{8})>")
ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}
ECHO = {ICMP: (8, 0), ICMPV6: (128, 129)}
EXTENSIONS = (0, 43, 60)


class Packet:
	"""An IP packet's selectors, and its octets; @quote is the packet that an ICMP error is about."""
	__slots__ = ("family", "src", "dst", "proto", "sport", "dport", "offset", "more", "ident", "at", "kind", "quote", "data")

	def __str__(self):
		def end(address, port):
			return "%s%s" % (ip_text(self.family, address), "" if port is None else " port %d" % port)
		what = NAMES.get(self.proto, str(self.proto))
		if self.kind is not None:
			what += " type %d" % self.kind
		if self.offset or self.more:
			what += " fragment at %d" % self.offset
		out = "%s %s -> %s" % (what, end(self.src, self.sport), end(self.dst, self.dport))
		return out + (" about (%s)" % self.quote if self.quote else "")

	def mirrored(self):
		m = Packet()
		m.family, m.proto, m.offset, m.more, m.ident = self.family, self.proto, self.offset, self.more, self.ident
		m.src, m.dst, m.sport, m.dport = self.dst, self.src, self.dport, self.sport
		m.at, m.kind, m.quote, m.data = self.at, self.kind, None, self.data
		return m


def ip_text(family, number):
	return str((ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address)(number))


def number(address):
	return int.from_bytes(octets(address), "big")


def parse(data):
	"""None for what is no IP packet."""
	p = Packet()
	p.data, p.sport, p.dport, p.kind, p.quote = data, None, None, None, None
	p.offset = p.more = p.ident = 0
	if len(data) >= 20 and data[0] >> 4 == 4:
		p.family, p.at, p.proto = 4, (data[0] & 15) * 4, data[9]
		p.ident, frag = struct.unpack_from("!HH", data, 4)
		p.offset, p.more = (frag & 0x1fff) * 8, frag >> 13 & 1
		p.src, p.dst = struct.unpack_from("!II", data, 12)
	elif len(data) >= 40 and data[0] >> 4 == 6:
		p.family, p.at, p.proto = 6, 40, data[6]
		p.src, p.dst = (int.from_bytes(data[n:n + 16], "big") for n in (8, 24))
		while p.proto in EXTENSIONS or p.proto == FRAGMENT and not p.offset:
			if len(data) < p.at + 8:
				return p
			if p.proto == FRAGMENT:
				frag, p.ident = struct.unpack_from("!HI", data, p.at + 2)
				p.offset, p.more = frag & 0xfff8, frag & 1
			p.proto, p.at = data[p.at], p.at + (8 if p.proto == FRAGMENT else (data[p.at + 1] + 1) * 8)
	else:
		return None
	if p.offset:
		return p
	if p.proto in (TCP, UDP) and len(data) >= p.at + 4:
		p.sport, p.dport = struct.unpack_from("!HH", data, p.at)
	elif p.proto in ERRORS and len(data) > p.at:
		p.kind = data[p.at]
		if p.kind in ERRORS[p.proto] and p.kind != 5:
			p.quote = parse(data[p.at + 8:])
	return p


def ip_packet(family, src, dst, proto, payload, ttl=64, frag=None, ident=0):
	"""@frag: (offset, more)"""
	offset, more = frag or (0, 0)
	if family == 4:
		head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(payload), ident, more << 13 | offset // 8, ttl, proto, 0, src, dst)
		return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
	if frag:
		payload = struct.pack("!BBHI", proto, 0, offset | more, ident) + payload
		proto = FRAGMENT
	return struct.pack("!IHBB", 6 << 28, len(payload), proto, ttl) + \
		src.to_bytes(16, "big") + dst.to_bytes(16, "big") + payload


def with_checksum(family, src, dst, proto, payload):
	at = CHECKSUM_AT[proto]
	pseudo = b""
	if proto != ICMP:
		size = 4 if family == 4 else 16
		pseudo = src.to_bytes(size, "big") + dst.to_bytes(size, "big") + struct.pack("!II", len(payload), proto)
	value = checksum(pseudo + payload)
	if proto == UDP:
		value = value or 0xffff
	return payload[:at] + struct.pack("!H", value) + payload[at + 2:]


def make(family, src, dst, proto, sport, dport, data, ttl=64, flags=SYN, seq=1000, ack=0, reply=False):
	"""A whole packet; of an echo @sport is the identifier."""
	if proto == UDP:
		payload = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
	elif proto == TCP:
		payload = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 0xffff, 0, 0) + data
	elif proto in ECHO:
		payload = struct.pack("!BBHHH", ECHO[proto][reply], 0, 0, sport & 0xffff, 1) + data
	else:
		return ip_packet(family, src, dst, proto, data, ttl)
	return ip_packet(family, src, dst, proto, with_checksum(family, src, dst, proto, payload), ttl)


def error_about(family, src, dst, kind, code, quoted, token, ttl=64):
	"""An ICMP error; the token is at the end of what it quotes."""
	proto = ICMP if family == 4 else ICMPV6
	p = parse(quoted)
	head = quoted[:p.at + 8].ljust(p.at + 8, b"\0")
	rest = 1300 if (proto, kind) in ((ICMP, 3), (ICMPV6, 2)) and code in (4, 0) else 0
	payload = struct.pack("!BBHI", kind, code, 0, rest) + head + token
	return ip_packet(family, src, dst, proto, with_checksum(family, src, dst, proto, payload), ttl)


def answer(p, token, ttl=64):
	"""What the other end says to the packet @p, or None."""
	if p.offset:
		return None
	if p.proto == UDP:
		return make(p.family, p.dst, p.src, UDP, p.dport, p.sport, token, ttl)
	if p.proto == TCP:
		seq, ack, offset, flags = struct.unpack_from("!IIBB", p.data, p.at + 4)
		if flags & RST:
			return None
		size = len(p.data) - p.at - (offset >> 4) * 4 + bool(flags & SYN)
		back = SYN | ACK if flags & (SYN | ACK) == SYN else PSH | ACK
		return make(p.family, p.dst, p.src, TCP, p.dport, p.sport, token, ttl,
			    flags=back, seq=ack if flags & ACK else 5000, ack=seq + size & 0xffffffff)
	if p.proto in ECHO and p.kind == ECHO[p.proto][0]:
		ident = struct.unpack_from("!H", p.data, p.at + 4)[0]
		return make(p.family, p.dst, p.src, p.proto, ident, 0, token, ttl, reply=True)
	return None


def fragments(packet, ident, size, token):
	"""@packet in fragments of @size octets, a token at the begin of each but the first."""
	p = parse(packet)
	payload, out = packet[p.at:], []
	for offset in range(0, len(payload), size):
		part = payload[offset:offset + size]
		if offset:
			part = (token + part)[:max(len(part), len(token))]
		more = offset + size < len(payload)
		ttl = packet[8] if p.family == 4 else packet[7]
		out.append(ip_packet(p.family, p.src, p.dst, p.proto, part, ttl, (offset, int(more)), ident))
	return out
