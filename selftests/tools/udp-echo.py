#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Datagrams of many sizes there and back, each compared octet by octet.

usage: udp-echo.py serve PORT		answers until it is killed
       udp-echo.py ask ADDRESS PORT	exit status 1, and the size, when one does not come back
"""
import random
import socket
import sys

IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0	# linux/in.h

# every length of padding there is, the sizes about one packet, and fragments
SIZES = [*range(1, 34), 255, 256, *range(1370, 1450, 3), 1472, 1473, 4000, 9000, 30000, 65000]


def udp():
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	# what is too long is fragmented, at the first try
	s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
	return s


def serve(port):
	s = udp()
	s.bind(("", port))
	while True:
		data, peer = s.recvfrom(1 << 16)
		s.sendto(data, peer)


def ask(address, port):
	s = udp()
	s.connect((address, port))
	s.settimeout(10)
	rnd = random.Random(1)
	for size in SIZES:
		data = rnd.randbytes(size)
		s.send(data)
		try:
			back = s.recv(1 << 16)
		except OSError as e:
			return "%d octets: %s" % (size, e)
		if back != data:
			return "%d octets: not what was sent" % size
	return None


if sys.argv[1] == "serve":
	serve(int(sys.argv[2]))
sys.exit(ask(sys.argv[2], int(sys.argv[3])))
