#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
gaps.py FLOW...: a numbered UDP datagram each 20 ms in each FLOW, and which of them do not arrive.

	FLOW	NETNS/ADDRESS:NETNS/ADDRESS	from one socket to another, IPv4

Each line on the standard input is answered by one on the standard output. Datagrams of the last
300 ms are still on their way, and no answer counts them.

	mark		a period begins; answers "marked"
	lost		for each FLOW, of the period: sent/lost/longest gap in ms
	clock		the monotonic clock in ms
	since MS	as `lost`, of what was sent since then
"""
import ctypes
import os
import select
import socket
import struct
import sys
import time

EACH_MS, SETTLE_MS = 20, 300
CLONE_NEWNET = 0x40000000
PORT = 6000


def ms():
	return time.monotonic_ns() // 1000000


def in_netns(end):
	netns, address = end.split("/")
	fd = os.open("/run/netns/" + netns, os.O_RDONLY)
	if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
		sys.exit("setns %s: %s" % (netns, os.strerror(ctypes.get_errno())))
	os.close(fd)
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setblocking(False)
	return s, address


class Flow:
	def __init__(self, text, port):
		source, sink = text.split(":")
		self.sink, address = in_netns(sink)
		self.sink.bind((address, port))
		self.to = (address, port)
		self.source, address = in_netns(source)
		self.source.bind((address, port))
		self.sent, self.arrived = [], set()	# when each number was sent

	def send(self, now):
		try:
			self.source.sendto(struct.pack("!Q", len(self.sent)), self.to)
		except OSError:
			pass	# it counts as lost
		self.sent.append(now)

	def receive(self):
		try:
			while True:
				self.arrived.add(struct.unpack("!Q", self.sink.recv(8))[0])
		except BlockingIOError:
			pass

	def report(self, since):
		until = ms() - SETTLE_MS
		numbers = [n for n, at in enumerate(self.sent) if since <= at < until]
		longest = run = 0
		for n in numbers:
			run = 0 if n in self.arrived else run + 1
			longest = max(longest, run)
		lost = sum(n not in self.arrived for n in numbers)
		return "%d/%d/%d" % (len(numbers), lost, longest * EACH_MS)


def main():
	flows = [Flow(text, PORT + i) for i, text in enumerate(sys.argv[1:])]
	mark = due = ms()
	poll = select.poll()
	poll.register(sys.stdin, select.POLLIN)
	for f in flows:
		poll.register(f.sink, select.POLLIN)
	while True:
		ready = {fd for fd, _ in poll.poll(max(0, due - ms()))}
		for f in flows:
			f.receive()
		if ms() >= due:
			for f in flows:
				f.send(ms())
			due = max(due + EACH_MS, ms())
		if sys.stdin.fileno() not in ready:
			continue
		words = os.read(sys.stdin.fileno(), 100).decode().split()
		if not words:
			return
		if words[0] == "mark":
			mark = ms()
			answer = "marked"
		elif words[0] == "clock":
			answer = str(ms())
		else:
			answer = " ".join(f.report(int(words[1]) if words[0] == "since" else mark) for f in flows)
		print(answer, flush=True)


main()
