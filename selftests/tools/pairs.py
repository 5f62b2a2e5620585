#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Rows in which each pair of values of any two factors meets at least once.

    pairs.py <TABLE

TABLE has a line "NAME VALUE VALUE ..." for each factor, and for what cannot be together lines
"not NAME=VALUE NAME=VALUE". Prints the values, a row a line, always the same for the same table.
At the end "# N rows, M pairs" on stderr.
"""
import itertools
import sys


def read(lines):
    factors, never = {}, set()
    for words in map(str.split, lines):
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "not":
            never.add(frozenset(tuple(w.split("=")) for w in words[1:]))
        else:
            factors[words[0]] = words[1:]
    return factors, never


def main():
    factors, never = read(sys.stdin)
    names = list(factors)

    def allowed(row):
        items = set(row.items())
        return not any(rule <= items for rule in never)

    def completes(row):
        """the first way to fill the rest, or None"""
        if not allowed(row):
            return None
        left = [n for n in names if n not in row]
        if not left:
            return row
        for value in factors[left[0]]:
            full = completes({**row, left[0]: value})
            if full:
                return full
        return None

    def pairs(row):
        return {frozenset(p) for p in itertools.combinations(row.items(), 2)}

    left = []
    for a, b in itertools.combinations(names, 2):
        for va, vb in itertools.product(factors[a], factors[b]):
            if completes({a: va, b: vb}):
                left.append({a: va, b: vb})
    total, rows = len(left), []
    while left:
        # begin with a pair that is still to be met, then take what meets the most others
        row = dict(left[0])
        todo = {frozenset(p.items()) for p in left}
        for name in names:
            if name in row:
                continue
            choices = [{**row, name: v} for v in factors[name] if completes({**row, name: v})]
            row = max(choices, key=lambda r: len(pairs(r) & todo))
        met = pairs(row)
        left = [p for p in left if frozenset(p.items()) not in met]
        rows.append(row)
    for row in sorted(rows, key=lambda r: [factors[n].index(r[n]) for n in names]):
        print(*(row[n] for n in names))
    print(f"# {len(rows)} rows, {total} pairs", file=sys.stderr)


main()
