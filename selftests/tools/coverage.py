#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Sums what gcov says of a folder of objects: a line a file, and the functions that never ran.

usage: coverage.py --source DIR NAME OBJECTS

Files outside the source folder DIR, and those of tests, are left out.
"""
import argparse
import collections
import json
import os
import subprocess
import sys


class File:
    """What ran of one source file, summed over the objects that have code of it."""

    def __init__(self):
        self.lines = collections.Counter()
        self.branches = collections.Counter()
        self.functions = collections.Counter()

    def add(self, report):
        for line in report["lines"]:
            number = line["line_number"]
            self.lines[number] += line["count"]
            for index, branch in enumerate(line["branches"]):
                self.branches[number, index] += branch["count"]
        for function in report["functions"]:
            self.functions[function["name"], function["start_line"]] += function["execution_count"]


def share(counter):
    ran = sum(1 for count in counter.values() if count)
    return f"{ran:5}/{len(counter):<5} {100 * ran / len(counter) if counter else 100:3.0f} %"


def gcov(objects, notes):
    """The reports of all objects, by one gcov for each."""
    for path in notes:
        command = ["gcov", "--json-format", "--stdout", "--branch-counts", "--branch-probabilities", path]
        result = subprocess.run(command, cwd=objects, capture_output=True, check=True)
        for line in result.stdout.splitlines():
            yield json.loads(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True)
    parser.add_argument("name")
    parser.add_argument("objects")
    args = parser.parse_args()
    source = os.path.realpath(args.source)
    notes = [os.path.join(folder, name)
             for folder, _, names in os.walk(args.objects) for name in names if name.endswith(".gcno")]
    files = collections.defaultdict(File)
    for report in gcov(args.objects, sorted(notes)):
        for entry in report["files"]:
            path = os.path.realpath(os.path.join(report["current_working_directory"], entry["file"]))
            relative = os.path.relpath(path, source)
            if relative.startswith("..") or "/tests/" in f"/{relative}" or "/fuzz/" in f"/{relative}":
                continue
            files[relative].add(entry)
    if not files:
        sys.exit(f"coverage.py: no counts of {args.name} below {args.objects}")
    total = File()
    print(f"\n{args.name:32} {'lines':>16} {'branches':>17}")
    for path, entry in sorted(files.items()):
        print(f"{path:32} {share(entry.lines)} {share(entry.branches)}")
        total.lines.update({(path, line): count for line, count in entry.lines.items()})
        total.branches.update({(path, branch): count for branch, count in entry.branches.items()})
    print(f"{'all':32} {share(total.lines)} {share(total.branches)}")
    never = [(path, start, name) for path, entry in sorted(files.items())
             for (name, start), count in sorted(entry.functions.items(), key=lambda item: item[0][1]) if not count]
    print(f"\nfunctions of {args.name} that no test ran: {len(never)}")
    for path, start, name in never:
        print(f"  {path}:{start}: {name}")


if __name__ == "__main__":
    main()
