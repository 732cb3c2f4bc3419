#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up what the programs of a coverage build have run, and prints lines and branches of each module.

    summary.py BUILD                 modules, and the files of those that have a bar
    summary.py BUILD --files PREFIX  every file below PREFIX
    summary.py BUILD --gaps FILE     the lines of FILE that did not run, and the branches that went one way only
    summary.py BUILD --unexplained   the lines of storage/ and metadata/ that did not run and that no entry of uncovered.md speaks of, and the
                                     entries that speak of no such line

Branches of assertions do not count: the way that is not taken is a bug, so no test may take it. An assertion is found by its text
in the source, `assert(`, up to its closing bracket. Nothing else is left out.

The exit status is 1 where a module is below its bar.
"""
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BARS = {"storage": (95.0, 85.0), "metadata": (95.0, 85.0)}  # lines, branches, in percent
MODULES = ("storage", "metadata/postgres", "metadata", "api/core", "api/http", "api/s3", "api")  # the first that a path begins with


class Counts:
    """What ran of one file: times by line, and times by line and branch."""

    def __init__(self):
        self.lines = collections.Counter()
        self.known = set()
        self.branches = {}
        self.functions = {}

    def add(self, document):
        for line in document["lines"]:
            number = line["line_number"]
            self.known.add(number)
            self.lines[number] += line["count"]
            taken = [branch["count"] for branch in line["branches"]]
            before = self.branches.get(number)
            if before is None or len(before) != len(taken):
                if before is None or sum(map(bool, taken)) > sum(map(bool, before)):
                    self.branches[number] = taken
            else:
                self.branches[number] = [one + other for one, other in zip(before, taken)]
        for function in document["functions"]:
            self.functions.setdefault(function["start_line"], function["name"])


def documents(note):
    """What gcov says of one object file."""
    told = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", note], capture_output=True, cwd=os.path.dirname(note), check=False)
    found = []
    for line in told.stdout.splitlines():
        if line.startswith(b"{"):
            found += json.loads(line)["files"]
    return found


def gather(build):
    """Path in the tree -> Counts, over all object files of the build."""
    notes = [os.path.join(folder, name) for folder, _, names in os.walk(build) for name in names if name.endswith(".gcno")]
    files = collections.defaultdict(Counts)
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        for found in threads.map(documents, notes):
            for document in found:
                path = os.path.relpath(os.path.join(build, document["file"]), ROOT)
                # What an object file that was left behind comes from may be gone.
                if path.startswith(("storage/", "metadata/", "api/")) and os.path.exists(os.path.join(ROOT, path)):
                    files[path].add(document)
    return files


def assertions(path):
    """The lines on which assertions stand."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    found = set()
    for match in re.finditer(r"\bassert\(", text):
        depth, at = 1, match.end()
        while depth > 0 and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        first = text.count("\n", 0, match.start()) + 1
        found.update(range(first, first + text.count("\n", match.start(), at) + 1))
    return found


def figures(path, counts):
    """(lines, lines that ran, branches, branches that were taken)"""
    asserted = assertions(path)
    branches = [taken for line, list_ in counts.branches.items() if line not in asserted for taken in list_]
    return len(counts.known), sum(1 for line in counts.known if counts.lines[line]), len(branches), sum(1 for taken in branches if taken)


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, sums):
    return f"{name:44} {sums[0]:6} {percent(sums[1], sums[0]):6.1f} % {sums[2]:6} {percent(sums[3], sums[2]):6.1f} %"


def module(path):
    return next(name for name in MODULES if path.startswith(name + "/"))


def lines_not_run(path, counts):
    """(number, function, text) of each."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read().splitlines()
    function = ""
    for number, text in enumerate(source, 1):
        function = counts.functions.get(number, function)
        if number in counts.known and not counts.lines[number]:
            yield number, function, text.strip()


def show_gaps(path, counts):
    asserted = assertions(path)
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        source = file.read().splitlines()
    function = ""
    for number, text in enumerate(source, 1):
        if number in counts.functions:
            function = counts.functions[number]
        taken = counts.branches.get(number, [])
        if number in counts.known and not counts.lines[number]:
            print(f"{path}:{number}: {function}: never:   {text.strip()}")
        elif number not in asserted and 0 in taken:
            print(f"{path}:{number}: {function}: {sum(map(bool, taken))} of {len(taken)}:  {text.strip()}")


def entries():
    """Of uncovered.md: [(what the path begins with, the function or None, what the line has in it)], None where a cell says "any"."""
    with open(os.path.join(ROOT, "tests/coverage/uncovered.md"), encoding="utf-8") as file:
        rows = [re.split(r" (?<!\\)\| ", line.strip("| \n")) for line in file if line.startswith("| `")]
    return [(row[0].strip("`"), None if row[1] == "any" else row[1].strip("`"), None if row[2] == "any" else row[2].strip("`").replace("\\|", "|")) for row in rows]


def explains(entry, path, function, text):
    return path.startswith(entry[0]) and entry[1] in (None, function) and (entry[2] is None or entry[2] in text)


def show_unexplained(files):
    """Whether each line that did not run has its entry, and each entry its line."""
    known, used, missing = entries(), set(), 0
    for path in sorted(files):
        if path.startswith("api/"):
            continue
        for number, function, text in lines_not_run(path, files[path]):
            fitting = [entry for entry in known if explains(entry, path, function, text)]
            used.update(fitting)
            if not fitting:
                missing += 1
                print(f"{path}:{number}: {function}: {text}")
    stale = [entry for entry in known if entry not in used]
    for entry in stale:
        print(f"all of this ran: {entry}")
    print(f"uncovered.md: {len(known)} entries, {len(stale)} of which say nothing any more; {missing} lines without one")
    return missing == 0 and not stale


def main():
    build = os.path.abspath(sys.argv[1])
    files = gather(build)
    if len(sys.argv) > 2 and sys.argv[2] == "--unexplained":
        return 0 if show_unexplained(files) else 1
    if len(sys.argv) > 3 and sys.argv[2] == "--gaps":
        for path in sorted(files):
            if path.startswith(sys.argv[3]):
                show_gaps(path, files[path])
        return 0
    prefix = sys.argv[3] if len(sys.argv) > 3 else None
    modules = collections.defaultdict(lambda: [0, 0, 0, 0])
    print(f"{'':44} {'lines':>6} {'ran':>8} {'branches':>6} {'taken':>8}")
    for path in sorted(files):
        sums = figures(path, files[path])
        modules[module(path)] = [one + other for one, other in zip(modules[module(path)], sums)]
        if path.startswith(prefix) if prefix else module(path) in BARS:
            print(row(path, sums))
    print()
    low = False
    for name in MODULES:
        if name in modules:
            print(row(name, modules[name]))
            lines, branches = BARS.get(name, (0, 0))
            low |= percent(modules[name][1], modules[name][0]) < lines or percent(modules[name][3], modules[name][2]) < branches
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
