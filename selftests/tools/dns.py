#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Answers every question for an address with one and the same: dns.py OWN-ADDRESS ANSWER"""
import socket
import struct
import sys

own, answer = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((own, 53))
print("ready", flush=True)
while True:
    query, peer = sock.recvfrom(1500)
    end = 12
    while query[end]:
        end += query[end] + 1
    end += 5
    record = b""
    if query[end - 4:end - 2] == b"\0\1":  # A
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(answer)
    head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if record else 0, 0, 0)
    sock.sendto(head + query[12:end] + record, peer)
