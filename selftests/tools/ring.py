#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# ring.py DEVICE SOURCE DESTINATION: one UDP packet out of a transmit ring of AF_PACKET. Ends
# well when the kernel gives the slot back.

import mmap
import socket
import struct
import sys
import time

PACKET_TX_RING, PACKET_VERSION, TPACKET_V2 = 13, 10, 1
TP_STATUS_AVAILABLE, TP_STATUS_SEND_REQUEST = 0, 1
HEADER = 32		# struct tpacket2_hdr, aligned

device, source, destination = sys.argv[1:]
data = b"x" * 600
udp = struct.pack("!HHHH", 1, 2, 8 + len(data), 0) + data
if ":" in source:
	ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
	protocol, packet = 0x86dd, struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + ends + udp
else:
	ends = socket.inet_aton(source) + socket.inet_aton(destination)
	head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + ends
	total = sum(struct.unpack("!10H", head))
	total = (total & 0xffff) + (total >> 16)
	head = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + head[12:]
	protocol, packet = 0x0800, head + udp
frame = b"\x02\0\0\0\0\1\x02\0\0\0\0\2" + struct.pack("!H", protocol) + packet

s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
s.setsockopt(263, PACKET_VERSION, struct.pack("I", TPACKET_V2))
s.setsockopt(263, PACKET_TX_RING, struct.pack("IIII", 4096, 1, 2048, 2))
ring = mmap.mmap(s.fileno(), 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
s.bind((device, protocol))
ring[HEADER:HEADER + len(frame)] = frame
ring[4:8] = struct.pack("I", len(frame))
ring[0:4] = struct.pack("I", TP_STATUS_SEND_REQUEST)
s.send(b"")
for _ in range(200):
	status = struct.unpack("I", ring[0:4])[0]
	if status == TP_STATUS_AVAILABLE:
		sys.exit(0)
	time.sleep(0.1)
sys.exit(f"the slot has status {status}")
