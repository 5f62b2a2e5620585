#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Sockets that hand ESP in UDP to xfrm (RFC 3948), IPv4 and IPv6, until it is killed.

usage: espinudp.py PORT
"""
import signal
import socket
import sys

UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2		# linux/udp.h
socks = []
for family in socket.AF_INET, socket.AF_INET6:
	s = socket.socket(family, socket.SOCK_DGRAM)
	if family == socket.AF_INET6:
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
	s.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
	s.bind(("", int(sys.argv[1])))
	socks.append(s)
signal.pause()
