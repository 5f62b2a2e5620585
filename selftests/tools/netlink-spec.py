#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Does Documentation/netlink/specs/nfipsec.yaml say what include/uapi/linux/nfipsec.h
says? Every constant of the one is in the other, with the same value, and the
specification uses no name that it does not define. Needs no kernel.
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True	# the checkout stays clean
import nfnl

HEADER = os.path.join(nfnl.HERE, "../../include/uapi/linux/nfipsec.h")
problems = []


def check(condition, text):
	if not condition:
		problems.append(text)


def preprocessed(*options):
	return subprocess.run(["cc", "-E", "-P", *options, HEADER], check=True, text=True,
			      stdout=subprocess.PIPE).stdout


def header_enums():
	"""name -> value of every enumerator, __..._MAX among them"""
	out = {}
	for body in re.findall(r"\benum\s+\w+\s*\{(.*?)\}", preprocessed(), re.S):
		value = 0
		for item in filter(None, (i.strip() for i in body.split(","))):
			name, _, given = (p.strip() for p in item.partition("="))
			value = int(given, 0) if given else value
			out[name] = value
			value += 1
	return out


def header_defines():
	return dict(re.findall(r"^#define (NFIPSEC_\w+) (.+)$", preprocessed("-dM"), re.M))


def compare_constants(spec):
	enums, defines = header_enums(), header_defines()
	for name, value in spec.constants.items():
		found = enums.get(name)
		if name in defines:
			found = int(defines[name], 0)
		check(found == value, "%s: %s in the specification, %s in the header" % (name, value, found))
	for name in enums:
		if not re.match(r"__\w+_MAX$|\w+_UNSPEC$", name):
			check(name in spec.constants, "%s is only in the header" % name)
	for name, value in spec.last.items():
		check(enums.get("__" + name) == value + 1,
		      "%s: %d in the specification, %s in the header" %
		      (name, value, enums.get("__" + name, 0) - 1))
		check(name in defines, "the header has no %s" % name)
	known = set(spec.constants) | set(spec.last)
	known |= {nfnl.c_name(spec.y[k]) for k in ("c-family-name", "c-version-name")}
	known |= {nfnl.c_name(g["c-define-name"]) for g in spec.y["mcast-groups"]["list"]}
	known |= {"NFIPSEC_DEV_NAME"}		# no part of the protocol
	for name in defines:
		check(name in known, "%s is only in the header" % name)
	strings = {"c-family-name": '"%s"' % spec.family, "c-version-name": str(spec.y["version"])}
	for key, value in strings.items():
		name = nfnl.c_name(spec.y[key])
		check(defines.get(name) == value, "%s: %s in the header" % (name, defines.get(name)))
	for g in spec.y["mcast-groups"]["list"]:
		name = nfnl.c_name(g["c-define-name"])
		check(defines.get(name) == '"%s"' % g["name"], "%s: %s in the header" % (name, defines.get(name)))


def references(spec):
	enums = {d["name"] for d in spec.y["definitions"] if d["type"] == "enum"}
	for where, attrs in spec.sets.items():
		for name, (_, a) in attrs.items():
			check(a["type"] != "nest" or a.get("nested-attributes") in spec.sets,
			      "%s.%s: no such set" % (where, name))
			check(a.get("enum", next(iter(enums))) in enums, "%s.%s: no such enum" % (where, name))
	for op in spec.y["operations"]["list"]:
		attrs = spec.sets[op["attribute-set"]]
		used = [op.get("event")]
		for kind in ("do", "dump"):
			used += [op.get(kind, {}).get(way) for way in ("request", "reply")]
		for name in (n for u in used if u for n in u["attributes"]):
			check(name in attrs, "%s: no attribute %s" % (op["name"], name))
		check("event" in op or "uns-admin-perm" in op.get("flags", ()), "%s for everyone?" % op["name"])


spec = nfnl.Spec()
compare_constants(spec)
references(spec)
for p in problems:
	print(p)
print("%d constants compared, %d problems" % (len(spec.constants), len(problems)))
sys.exit(bool(problems))
