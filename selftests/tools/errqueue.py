#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
#
# errqueue.py ADDRESS: sends a UDP packet with SOF_TIMESTAMPING_TX_SCHED, so that a copy of it,
# with its route, waits in the error queue of the socket. Says so, and keeps the socket until its
# stdin ends.

import select
import socket
import struct
import sys

TX_SCHED, SOFTWARE, SO_TIMESTAMPING = 1 << 8, 1 << 4, 37

address = sys.argv[1]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("I", TX_SCHED | SOFTWARE))
s.sendto(b"x", (address, 7))
poll = select.poll()
poll.register(s, 0)
if not poll.poll(20000):
	sys.exit("nothing is in the error queue")
print("kept", flush=True)
sys.stdin.read()
