#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
charge.py ADDRESS... OTHER: a socket that sends more to each ADDRESS, whose tunnels have no SA, than
its buffer takes. It is charged for packets that are held, and can send to OTHER all the same.
"""
import fcntl
import socket
import struct
import sys

SIOCOUTQ = 0x5411

*addresses, other = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in other else socket.AF_INET, socket.SOCK_DGRAM)
s.setblocking(False)
try:
	for address in addresses:
		for _ in range(100):
			s.sendto(b"x" * 1200, (address, 9))
	charged = struct.unpack("i", fcntl.ioctl(s, SIOCOUTQ, b"\0" * 4))[0]
	s.sendto(b"x", (other, 9))
except BlockingIOError:
	sys.exit("the socket cannot send any more")
buffer = s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
print(f"charged {charged} of {buffer}")
if not buffer // 2 <= charged <= buffer * 7 // 8:
	sys.exit(1)
