#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Announces SPIs to nfipsec, and keeps the netlink socket open until its standard input ends.

Commands, a line each; the answer to each is a line, "ok" or the name of an errno:

	await|forget esp|ah SPI ADDRESS
	fill COUNT ADDRESS	announces ESP with the SPIs from 0x10000 on, COUNT of them
"""
import errno
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nfnl
from netlab import octets


def announce(nf, what, proto, spi, address):
	nf.do("spi-" + what, [("sa", {"proto": {"esp": 50, "ah": 51}[proto], "spi": spi, "dir": "in",
				      "local": octets(address)})])


def main():
	nf = nfnl.Nfipsec()
	print("ready", flush=True)
	for line in sys.stdin:
		words = line.split()
		try:
			if words[0] == "fill":
				for i in range(int(words[1])):
					announce(nf, "await", "esp", 0x10000 + i, words[2])
			else:
				announce(nf, words[0], words[1], int(words[2], 0), words[3])
			print("ok", flush=True)
		except nfnl.Refused as e:
			print(errno.errorcode[e.errno], flush=True)


main()
