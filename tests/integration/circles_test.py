#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Calls run downwards: files that call each other in a circle can only be understood together. Which file uses a symbol of which other
is what the compiler wrote into the object files; a circle is a strongly connected component of that graph (Tarjan's algorithm)."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import BUILD, check, done

# Of all files in circles, and in the largest one: what is there has a reason, more of it needs one.
SHARE_PERCENT_MAX = 25
CIRCLE_FILES_MAX = 6


def object_files():
    for module in ("storage", "metadata", "api"):
        for folder, _, files in os.walk(os.path.join(BUILD, module)):
            yield from (os.path.join(folder, name) for name in files if name.endswith(".c.o"))


def source_of(path):
    """build/api/s3/CMakeFiles/sluice_s3.dir/op_get.c.o -> api/s3/op/op_get.c"""
    before, after = os.path.relpath(path, BUILD).split("/CMakeFiles/")
    return f"{before}/{after.split('/', 1)[1]}"[:-2]


def read_symbols(path):
    """What the file defines for others, and what it wants of others."""
    defined, wanted = set(), set()
    for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U":
            wanted.add(name)
        elif kind in "TDBRC":
            defined.add(name)
    return defined, wanted


def read_graph():
    symbols = {source_of(path): read_symbols(path) for path in object_files()}
    home = {name: source for source, (defined, _) in symbols.items() for name in defined}
    return {source: {home[name] for name in wanted if name in home} - {source} for source, (_, wanted) in symbols.items()}


def find_circles(graph):
    """The strongly connected components of more than one file."""
    index, low, stack, circles = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                circles.append(sorted(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in index:
            visit(node)
    return sorted(circles, key=len, reverse=True)


def main():
    sys.setrecursionlimit(10000)
    check(find_circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}) == [["a", "b", "c"]],
          "a circle of three is found, and what only leads to it or away from it is left out")
    graph = read_graph()
    check(all(any(source.startswith(module + "/") and graph[source] for source in graph) for module in ("storage", "metadata", "api")),
          "the graph has files of all modules and arrows between them")
    circles = find_circles(graph)
    for circle in circles:
        print(f"# {len(circle)}: {' '.join(circle)}")
    share = 100 * sum(map(len, circles)) / len(graph)
    check(share < SHARE_PERCENT_MAX, f"less than {SHARE_PERCENT_MAX} % of the files are in circles", f"{share:.1f} % of {len(graph)}")
    largest = len(circles[0]) if circles else 0
    check(largest <= CIRCLE_FILES_MAX, f"no circle has more than {CIRCLE_FILES_MAX} files", f"{largest}")
    done()


main()
