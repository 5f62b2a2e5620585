#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Single connections with fixed ports, and packets that claim to belong to them.

usage: flows.py serve PORT
	answers TCP and UDP, IPv4 and IPv6, with the same octets, until it is killed
       flows.py keep PROTOCOL LOCAL REMOTE PORT
	one connection from PORT of LOCAL to PORT of REMOTE. Each line on stdin is a number of
	octets, which are sent and must come back; each is answered by a line, "ok" or "failed" and
	the reason
       flows.py forge DEVICE MAC PROTOCOL SOURCE DESTINATION PORT TTL
	one packet from PORT to PORT, to the station MAC
"""
import os
import selectors
import socket
import struct
import sys

FACTOR = int(os.environ.get("NFIPSEC_TIME_FACTOR", "1"))
DATAGRAM = 1200
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP


def checksum(data):
	words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
	total = sum(words)
	total = (total >> 16) + (total & 0xffff)
	return ~(total + (total >> 16)) & 0xffff


def family(address):
	return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(port):
	ready = selectors.DefaultSelector()
	for fam in socket.AF_INET, socket.AF_INET6:
		for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
			sock = socket.socket(fam, kind)
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			if fam == socket.AF_INET6:
				sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
			sock.bind(("", port))
			if kind == socket.SOCK_STREAM:
				sock.listen()
			ready.register(sock, selectors.EVENT_READ, kind)
	while True:
		for key, _ in ready.select():
			sock = key.fileobj
			try:
				if key.data == socket.SOCK_DGRAM:
					sock.sendto(*sock.recvfrom(65536))
				elif key.data == socket.SOCK_STREAM:
					ready.register(sock.accept()[0], selectors.EVENT_READ, "connection")
				elif data := sock.recv(65536):
					sock.sendall(data)
				else:
					ready.unregister(sock)
					sock.close()
			except OSError:
				if key.data == "connection":
					ready.unregister(sock)
					sock.close()


def exchange_tcp(sock, data):
	"""at most 16 KB on the way, so that nobody waits for the other's buffers"""
	for at in range(0, len(data), 16384):
		part = data[at:at + 16384]
		sock.sendall(part)
		back = b""
		while len(back) < len(part):
			got = sock.recv(len(part) - len(back))
			if not got:
				return "failed: the connection was closed"
			back += got
		if back != part:
			return "failed: other octets came back"
	return "ok"


def exchange_udp(sock, data):
	sock.settimeout(2 * FACTOR)
	for at in range(0, len(data), DATAGRAM):
		part = data[at:at + DATAGRAM]
		for _ in range(10):
			sock.send(part)
			try:
				while sock.recv(65536) != part:
					pass
				break
			except OSError:
				pass
		else:
			return f"failed: no answer to octet {at}"
	return "ok"


def keep(protocol, local, remote, port):
	tcp = protocol == "tcp"
	sock = socket.socket(family(local), socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
	sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	sock.settimeout(30 * FACTOR)
	try:
		sock.bind((local, port))
		sock.connect((remote, port))
	except OSError as error:
		print(f"failed: {error}", flush=True)
		return
	for line in sys.stdin:
		try:
			answer = (exchange_tcp if tcp else exchange_udp)(sock, os.urandom(int(line)))
		except OSError as error:
			answer = f"failed: {error}"
		print(answer, flush=True)


def forge(device, mac, protocol, source, destination, port, ttl):
	fam = family(source)
	source, destination = socket.inet_pton(fam, source), socket.inet_pton(fam, destination)
	number, data = (TCP if protocol == "tcp" else UDP), b"forged"
	if number == TCP:
		upper, at = struct.pack("!HHIIBBHHH", port, port, 1, 1, 0x50, 0x10, 1000, 0, 0) + data, 16
	else:
		upper, at = struct.pack("!HHHH", port, port, 8 + len(data), 0) + data, 6
	pseudo = source + destination + struct.pack("!II", len(upper), number)
	upper = upper[:at] + struct.pack("!H", checksum(pseudo + upper)) + upper[at + 2:]
	if fam == socket.AF_INET:
		ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(upper), 1, 0, ttl, number, 0) + source + destination
		ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
	else:
		ip = struct.pack("!IHBB", 6 << 28, len(upper), number, ttl) + source + destination
	sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	sock.bind((device, 0))
	sock.send(bytes.fromhex(mac.replace(":", "")) + sock.getsockname()[4] +
		  (b"\x08\x00" if fam == socket.AF_INET else b"\x86\xdd") + ip + upper)


match sys.argv[1:]:
	case ["serve", port]:
		serve(int(port))
	case ["keep", protocol, local, remote, port]:
		keep(protocol, local, remote, int(port))
	case ["forge", device, mac, protocol, source, destination, port, ttl]:
		forge(device, mac, protocol, source, destination, int(port), int(ttl))
	case _:
		sys.exit(__doc__)
