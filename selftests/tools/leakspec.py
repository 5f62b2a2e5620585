# SPDX-License-Identifier: GPL-2.0
"""
Of the leak harness: the model, which says what must be true of every packet, and the generator
of gateways.
"""
import collections
import functools
import ipaddress
import random
import re

from packet import ICMP, ICMPV6, NAMES, TCP, UDP, ip_text, number

# ---- the model: what must be true of every packet ----


class Entry(collections.namedtuple("Entry", "action tunnel family proto local remote lport rport")):
	"""Of an access list; ends are (least, greatest)."""

	def takes(self, p):
		return p.family == self.family and self.proto in (None, p.proto) and \
			self.local[0] <= p.src <= self.local[1] and self.remote[0] <= p.dst <= self.remote[1] and \
			port_in(self.lport, p.sport) and port_in(self.rport, p.dport)

	def __str__(self):
		def end(pair, ports):
			text = "-".join(ip_text(self.family, n) for n in (pair if pair[0] != pair[1] else pair[:1]))
			return text + ("" if ports is None else " port %d-%d" % ports)
		return "%s%s %s from %s to %s" % (self.action, "" if self.tunnel is None else " (tunnel %d)" % self.tunnel,
						  NAMES[self.proto], end(self.local, self.lport), end(self.remote, self.rport))


def port_in(ports, port):
	return ports is None or port is not None and ports[0] <= port <= ports[1]


def first(policy, p):
	"""The first entry that takes a packet decides."""
	return next((entry for entry in policy if entry.takes(p)), None)


def outbound(p):
	"""As whose packet one that leaves is judged: an ICMP error goes the way of what it quotes, back."""
	return p.quote.mirrored() if p.quote else p


def inbound(p):
	"""As whose packet one that arrives is judged: entries are written for packets that leave."""
	return outbound(p).mirrored()


def refused(entry):
	"""May no packet that this entry takes be in clear?"""
	return entry is not None and entry.action != "bypass"


# ---- the generator ----

HOSTS = {	# of each family: behind lan0 and lan1, the gateway's own, what NAT makes of them, beyond the WAN
	4: {"lan": ["10.1.0.10", "10.1.0.11", "10.1.0.77", "10.3.0.10"], "own": ["10.1.0.1", "192.0.2.1", "198.51.100.1"],
	    "nat": ["10.9.0.1", "10.1.0.99"], "far": ["10.2.0.10", "10.2.5.5", "10.4.0.10", "203.0.113.9", "192.0.2.2"]},
	6: {"lan": ["fd01::10", "fd01::11", "fd01::77", "fd03::10"], "own": ["fd01::1", "2001:db8::1", "2001:db8:1::1"],
	    "nat": ["fd09::1", "fd01::99"], "far": ["fd02::10", "fd02::5:5", "fd04::10", "2001:db8:ffff::9", "2001:db8::2"]},
}
LOCAL = {4: ["10.1.0.0/24"] * 4 + ["10.1.0.10/32", "10.3.0.0/24", "10.0.0.0/8", "10.9.0.0/24", "192.0.2.1/32", "0.0.0.0/0"],
	 6: ["fd01::/64"] * 4 + ["fd01::10/128", "fd03::/64", "fd00::/8", "fd09::/64", "2001:db8::1/128", "::/0"]}
REMOTE = {4: ["10.2.0.0/16"] * 4 + ["10.2.0.10/32", "10.2.5.0/24", "10.4.0.0/16", "203.0.113.0/24", "192.0.2.2/32", "239.1.0.0/16", "0.0.0.0/0"],
	  6: ["fd02::/64"] * 4 + ["fd02::10/128", "fd02::5:0/112", "fd04::/64", "2001:db8:ffff::/64", "2001:db8::2/128", "ff1e::/16", "::/0"]}
GROUPS = {4: "239.1.1.1", 6: "ff1e::1:1"}
ENDS = [("192.0.2.1", "192.0.2.2"), ("198.51.100.1", "198.51.100.2"), ("192.0.2.1", "203.0.113.77"),
	("2001:db8::1", "2001:db8::2"), ("2001:db8:1::1", "2001:db8:1::2")]
PORTS = [7, 53, 500, 4500, 5000]
DEVICES = ("lan0", "lan1", "wan0", "wan1")

# rules of nftables: (chain, text); {N} is replaced by a choice of POOL[N]
CHAINS = {
	"pre_raw": "type filter hook prerouting priority raw;", "out_raw": "type filter hook output priority raw;",
	"pre_mangle": "type filter hook prerouting priority mangle;", "out_route": "type route hook output priority mangle;",
	"pre_nat": "type nat hook prerouting priority dstnat;", "out_nat": "type nat hook output priority -100;",
	"in_nat": "type nat hook input priority 100;",
	"input": "type filter hook input priority {P};", "forward": "type filter hook forward priority {P};",
	"output": "type filter hook output priority {P};", "post": "type filter hook postrouting priority {P};",
	"pre": "type filter hook prerouting priority {P};", "post_nat": "type nat hook postrouting priority srcnat;",
}
MATCHES = ["", "", "", "meta l4proto udp", "meta l4proto tcp", "meta l4proto { icmp, icmpv6 }", "ip saddr 10.1.0.0/24", "ip daddr 10.2.0.0/16",
	   "ip6 saddr fd01::/64", "ip6 daddr fd02::/64", "udp dport { 7, 5000 }", "udp sport 4500", "meta l4proto esp", "ct state new",
	   "ct state established", "ct direction reply", 'iifname "wan0"', 'iifname "nfipsec0"']
RULES = [
	(6, "post_nat", 'oifname "wan0" {M} masquerade'), (3, "post_nat", "{M} masquerade"),
	(2, "post_nat", 'oifname "wan0" meta l4proto udp masquerade to :4500'),
	(4, "post_nat", "ip saddr 10.1.0.0/24 {M4} snat ip to {S4}"), (2, "post_nat", "ip6 saddr fd01::/64 {M6} snat ip6 to {S6}"),
	(3, "post_nat", "ip saddr 10.3.0.0/24 snat ip to 10.1.0.99"), (1, "post_nat", "ip daddr 10.1.0.0/24 snat ip to 10.2.0.10"),
	(4, "pre_nat", "ip daddr {S4} {M4} dnat ip to {D4}"), (2, "pre_nat", "ip6 daddr {S6} {M6} dnat ip6 to {D6}"),
	(3, "pre_nat", "ip daddr {F4} {M4} dnat ip to {D4}"), (2, "pre_nat", "ip daddr 192.0.2.1 udp dport 7 dnat ip to {D4}"),
	(2, "pre_nat", "ip daddr {D4} udp dport 53 dnat ip to {D4}:5000"), (1, "pre_nat", "ip6 daddr {F6} dnat ip6 to {D6}"),
	(2, "out_nat", "ip daddr {F4} {M4} dnat ip to {F4}"), (1, "out_nat", "ip6 daddr {F6} dnat ip6 to {F6}"),
	(1, "in_nat", "ip saddr {F4} snat ip to {F4}"),
	(9, "forward", "{M} flow add @f"), (3, "forward", "ct state established flow add @f"),
	(2, "input", "{M} queue flags bypass to 0"), (3, "forward", "{M} queue flags bypass to 0"), (2, "output", "{M} queue flags bypass to 0"),
	(3, "post", "{M} queue flags bypass to 0"), (2, "pre", "{M} queue flags bypass to 0"), (1, "pre_raw", "{MR} queue flags bypass to 0"),
	(3, "pre_raw", "{MR} notrack"), (2, "out_raw", "{MR} notrack"),
	(3, "pre_mangle", "{M} meta mark set 1"), (3, "out_route", "{M} meta mark set 1"), (1, "out_route", "ip daddr {F4} ip daddr set {F4}"),
	(1, "post", "ip saddr 10.1.0.0/24 ip saddr set {S4}"), (1, "pre_raw", "ip saddr {F4} ip saddr set {F4}"),
	(1, "pre_raw", "ip daddr {S4} ip daddr set {D4}"), (1, "forward", "ip daddr {F4} ip daddr set {F4}"),
	(2, "forward", "{M} reject"), (1, "input", "{M} reject"), (1, "forward", "ip daddr {F4} meta l4proto tcp reject with tcp reset"),
	(1, "output", "{M} reject"), (1, "pre", "meta l4proto udp {M} reject"),
	(1, "pre_mangle", "ip ttl set 1"), (1, "pre_mangle", "ip6 hoplimit set 1"), (1, "forward", "tcp flags syn tcp option maxseg size set 500"),
	(1, "pre_mangle", "fib saddr . mark . iif oif missing drop"),
]
POOL = {"S4": ["10.9.0.1", "10.1.0.99", "192.0.2.1", "203.0.113.200"], "S6": ["fd09::1", "fd01::99", "2001:db8::1"],
	"D4": ["10.1.0.10", "10.1.0.11", "10.3.0.10", "10.1.0.1", "10.2.0.10"], "D6": ["fd01::10", "fd01::11", "fd01::1"],
	"F4": HOSTS[4]["far"], "F6": HOSTS[6]["far"], "M": MATCHES, "MR": [m for m in MATCHES if not m.startswith("ct")],
	"M4": ["", "", "meta l4proto udp", "ip daddr 10.2.0.0/16", 'iifname "wan0"', "meta mark 0"], "M6": ["", "", "meta l4proto udp"],
	"P": ["-301", "-200", "-150", "-99", "0", "0", "10", "100", "200", "300", "2147483646"]}
IP_RULES = [("mark", 1), ("iif", "lan0"), ("iif", "nfipsec0"), ("source", ("10.1.0.0", 24)), ("source", ("fd01::", 64)), ("source", ("192.0.2.1", 32))]
# routes beside the plain ones: (prefix, length, device, next hop, kind); None: the device is nfipsec0 or there is none
ROUTES = [("10.4.0.0", 16, "wan1", "198.51.100.2", 1), ("fd04::", 64, "wan1", "2001:db8:1::2", 1), ("10.2.0.0", 16, "wan1", "198.51.100.2", 1),
	  ("10.2.5.0", 24, None, None, 7), ("10.4.0.0", 16, None, None, 8), ("fd04::", 64, None, None, 7),
	  ("10.2.0.0", 16, "nfipsec0", None, 1), ("fd02::", 64, "nfipsec0", None, 1), ("10.2.0.0", 17, "lan1", "10.3.0.10", 1)]
SYSCTLS = [("ipv4/conf/{D}/rp_filter", 1), ("ipv4/conf/{D}/rp_filter", 2), ("ipv4/conf/{D}/accept_local", 1), ("ipv4/ip_early_demux", 0),
	   ("netfilter/nf_conntrack_checksum", 0), ("ipv4/conf/{D}/forwarding", 0), ("ipv4/icmp_errors_use_inbound_ifaddr", 1),
	   ("ipv4/ip_forward_use_pmtu", 1), ("ipv4/ip_no_pmtu_disc", 1), ("ipv6/conf/all/forwarding", 0), ("ipv4/conf/all/route_localnet", 1)]


def pick(rng, weighted):
	return rng.choices(weighted, [w[0] for w in weighted])[0][1:]


@functools.lru_cache(maxsize=None)
def net_range(prefix):
	net = ipaddress.ip_network(prefix)
	return int(net[0]), int(net[-1])


class Spec:
	"""Everything about a gateway, in lists from which the reducer may take away."""
	LISTS = ("actions", "rules", "ip_rules", "routes", "sysctls", "entries", "second", "options")

	def __init__(self, seed):
		rng = random.Random(seed)
		self.seed = seed
		self.options = [name for name, share in (("lan1", .3), ("wan1", .4), ("vrf-lan", .12), ("vrf-wan", .08), ("vrf-own", .05),
							 ("early", .15), ("ike", .3)) if rng.random() < share]
		self.sysctls = [(name.replace("{D}", rng.choice(("all", "lan0", "wan0", "nfipsec0"))), value)
				for name, value in rng.sample(SYSCTLS, rng.choice((0, 0, 1, 2)))]
		self.tunnels = [self.tunnel(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
		self.entries = self.access_list(rng)
		self.second = self.access_list(rng) if rng.random() < .2 else []
		if self.second and rng.random() < .5:
			self.second = self.entries + self.second
		self.rules = [self.rule(rng) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4)))]
		self.priorities = {chain: rng.choice(POOL["P"]) for chain in CHAINS}
		self.flow_devices = rng.choice((("lan0", "wan0"), ("lan0", "lan1", "wan0", "wan1"), ("wan0",), ("lan0",), ("lan0", "wan0", "nfipsec0")))
		self.ip_rules = rng.sample(IP_RULES, rng.choice((0, 0, 0, 1, 2)))
		self.table = rng.choice((("wan1", "198.51.100.2", "2001:db8:1::2"), ("wan0", "192.0.2.2", "2001:db8::2"), ("lan1", "10.3.0.10", "fd03::10")))
		self.routes = rng.sample(ROUTES, rng.choice((0, 0, 0, 1, 2)))
		self.actions = [self.action(rng) for _ in range(rng.randint(8, 20))]
		if self.second:
			self.actions.insert(rng.randrange(len(self.actions)), ("reload", {}))
		if "early" in self.options:
			self.actions.insert(rng.randrange(len(self.actions)), ("load", {}))

	def tunnel(self, rng):
		local, remote = rng.choice(ENDS + ENDS[:1] * 4 + ENDS[3:4])
		transport = rng.random() < .15
		return {"local": local, "remote": remote, "mode": "transport" if transport else "tunnel", "encap": rng.random() < .2,
			"sa": rng.random() < .85}

	def access_list(self, rng):
		out = []
		for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6))):
			family, plain = rng.choice((4, 4, 6)), not out and rng.random() < .5
			local, remote = net_range(rng.choice(LOCAL[family][:plain or None])), net_range(rng.choice(REMOTE[family][:plain or None]))
			proto = None if plain else rng.choice((None, None, None, None, UDP, TCP, ICMP if family == 4 else ICMPV6))
			lport = rport = None
			if proto in (UDP, TCP):
				ports = [None, None, (rng.choice(PORTS),) * 2, (1024, 65535), (0, 1023)]
				lport, rport = rng.choice(ports), rng.choice(ports)
			action, tunnel = "protect" if plain else rng.choice(("protect",) * 6 + ("bypass",) * 2 + ("discard",) * 2), None
			if action == "protect":
				tunnel = rng.randrange(len(self.tunnels))
				t = self.tunnels[tunnel]
				if t["mode"] == "transport":
					family = 6 if ":" in t["local"] else 4
					local, remote = (number(t["local"]),) * 2, (number(t["remote"]),) * 2
					proto = proto if proto in (None, UDP, TCP) else None
			out.append(Entry(action, tunnel, family, proto, local, remote, lport, rport))
		# the idiom of the guide: what the tunnel does not take goes nowhere
		for e in [e for e in out if e.action == "protect"]:
			if rng.random() < .15:
				out.append(e._replace(action="discard", tunnel=None, local=net_range("0.0.0.0/0" if e.family == 4 else "::/0"), lport=None))
		return out

	def rule(self, rng):
		chain, text = pick(rng, RULES)
		for name in re.findall(r"\{(\w+)\}", text):
			if name in POOL:
				text = text.replace("{%s}" % name, rng.choice(POOL[name]), 1)
		return chain, re.sub(" +", " ", text).strip()

	def hosts(self, family, *kinds):
		return [number(h) for kind in kinds for h in HOSTS[family][kind]]

	def action(self, rng):
		kind = rng.choices(("flow", "attack", "quote", "mix", "group", "wait", "nfipsec0", "mtu"), (60, 22, 14, 5, 3, 1, .5, .5))[0]
		if kind == "flow":
			return kind, self.flow(rng)
		if kind in ("attack", "quote", "mix"):
			return kind, {"which": rng.randrange(100), "wire": rng.choice(("wan0", "wan0", "wan0", "wan1", "lan0", "lan1")), "how": rng.randrange(100),
				      "code": rng.randrange(100), "from": rng.randrange(100)}
		return kind, {"family": rng.choice((4, 6)), "from": rng.choice(("own", "wan0", "lan0")), "value": rng.choice((1280, 1400, 900))}

	def flow(self, rng):
		"""One direction of a conversation, most often one that an entry takes."""
		entry = rng.choice(self.entries + self.second) if rng.random() < .75 else None
		family = entry.family if entry else rng.choice((4, 4, 6))
		local = self.hosts(family, "lan", "lan", "lan", "own", "nat")
		remote = self.hosts(family, "far") + [number(HOSTS[family]["far"][0])] * 3
		proto, lport, rport = rng.choice((UDP, UDP, UDP, TCP, TCP, ICMP, ICMP, 47)), rng.choice(PORTS + [1025, 40000]), rng.choice(PORTS)
		if entry:
			local = [a for a in local if entry.local[0] <= a <= entry.local[1]] or local
			remote = [a for a in remote if entry.remote[0] <= a <= entry.remote[1]] or remote
			if entry.proto:
				proto = entry.proto
			if entry.lport and rng.random() < .9:
				lport = rng.randint(*entry.lport)
			if entry.rport and rng.random() < .9:
				rport = rng.randint(*entry.rport)
		if proto in (ICMP, ICMPV6):
			proto = ICMP if family == 4 else ICMPV6
		local, remote = rng.choice(local), rng.choice(remote)
		if family == 4 and rng.random() < .1:
			local = number(rng.choice(HOSTS[4]["nat"] + HOSTS[4]["own"]))
		place = rng.choices(("lan", "own", "wan", "tunnel"), (45, 20, 15, 20))[0]
		out = {"place": place, "family": family, "proto": proto, "local": local, "remote": remote, "lport": lport, "rport": rport,
		       "rounds": rng.choice((1, 2, 4, 6)), "ttl": rng.choice((64,) * 8 + (1, 2)), "size": rng.choice((20,) * 6 + (600, 1400, 1440)),
		       "cut": rng.random() < .12, "tunnel": rng.randrange(len(self.tunnels)), "wire": rng.choice(("0", "0", "0", "1")),
		       "bound": rng.random() < .5, "code": rng.randrange(100)}
		if entry and entry.tunnel is not None and rng.random() < .9:
			out["tunnel"] = entry.tunnel
		if "ike" in self.options and rng.random() < .2:
			out.update(self.ike(rng))
		return out

	def ike(self, rng):
		"""What looks like IKE, from whom it may come and from others."""
		t = rng.choice(self.tunnels)
		place, family = rng.choice(("own", "own", "wan", "lan")), 6 if ":" in t["local"] else 4
		local = rng.choice(HOSTS[family]["lan"]) if place == "lan" else t["local"]
		return {"place": place, "family": family, "proto": UDP, "local": number(local), "remote": number(t["remote"]),
			"lport": rng.choice((500, 4500, 4500)), "rport": rng.choice((500, 4500))}

	def is_rewritten(self, packet):
		"""Does a rule without state give the packet another destination, behind the hook that saw the one of the wire?"""
		return any(chain == "pre_raw" and "ip daddr set" in text and packet.family == 4 for chain, text in self.rules)

	def ruleset(self):
		chains = collections.OrderedDict()
		for chain, text in self.rules:
			chains.setdefault(chain, []).append(text)
		out = ""
		if any("@f" in text for _, text in self.rules):
			devices = [d for d in self.flow_devices if self.has(d)]
			out += "flowtable f { hook ingress priority 0; devices = { %s }; }\n" % ", ".join(devices)
		for chain, texts in chains.items():
			out += "chain %s { %s %s; }\n" % (chain, CHAINS[chain].replace("{P}", self.priorities[chain]), "; ".join(texts))
		return "table inet t {\n%s}\n" % out if out else ""

	def has(self, device):
		return device not in ("lan1", "wan1") or device in self.options

	def policy(self, entries):
		return entries

	def text(self):
		out = ["options: " + " ".join(self.options)]
		out += ["tunnel %d: %s" % (i, t) for i, t in enumerate(self.tunnels)]
		out += [str(e) for e in self.entries]
		out += ["second: " + str(e) for e in self.second]
		out += self.ruleset().splitlines()
		out += ["ip rule %s %s -> via %s" % (*r, self.table[0]) for r in self.ip_rules]
		out += ["route %s/%d dev %s via %s kind %d" % r for r in self.routes]
		out += ["sysctl %s=%s" % s for s in self.sysctls]
		for kind, a in self.actions:
			a = dict(a)
			for end in ("local", "remote"):
				if end in a:
					a[end] = ip_text(a["family"], a[end])
			out.append("%s %s" % (kind, " ".join("%s=%s" % i for i in a.items())))
		return "\n".join("  " + line for line in out)
