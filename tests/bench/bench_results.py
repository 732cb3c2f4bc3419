# SPDX-License-Identifier: MIT
"""What was measured: JSON lines, and medians and ratios out of them. Whether the lines were written a moment ago or last week
makes no difference.

    {"machine": {...}}                                                                     once
    {"skipped": "nginx", "reason": "..."}                                                  what was left out
    {"group": "small", "path": "GET 4 KiB", "connections": 32, "order": 7, "server": "sluice", "floor": "floor",
     "round": 0, "figures": {...}}
    {"group": "objects", "path": "objects", "objects": 1000, "server": "sluice", "round": 0, "figures": {...}}
    {"group": "size", "path": "size", "server": "sluice", "round": 0, "figures": {...}}"""
import json
import statistics

ORDER = ("floor", "floor+sync", "sluice", "relaxed", "standard", "signed", "signed-relaxed", "nginx", "nginx-corked", "lighttpd")


class Path:
    """One line of the tables: a path with so many connections, or with so many objects."""

    def __init__(self, record):
        self.group, self.name, self.connections, self.objects = record["group"], record["path"], record.get("connections"), record.get("objects")
        self.order = record.get("order", 0)
        self.floors = {} # server: the column it is compared with
        self.runs = {} # figure: {server: {(round, turn): value}}

    def add(self, record):
        self.floors[record["server"]] = record.get("floor", "floor")
        for figure, value in record["figures"].items():
            self.runs.setdefault(figure, {}).setdefault(record["server"], {})[record["round"], record.get("turn", 0)] = value

    def median(self, figure, server):
        values = self.runs.get(figure, {}).get(server)
        return statistics.median(values.values()) if values else None

    def ratios(self, figure, server, reference):
        """server : reference, turn by turn, for what happens to the machine meanwhile happens to both."""
        values, base = self.runs.get(figure, {}).get(server, {}), self.runs.get(figure, {}).get(reference, {})
        return [values[number] / base[number] for number in values if base.get(number)]

    def ratio(self, figure, server, reference):
        found = self.ratios(figure, server, reference)
        return statistics.median(found) if found else None

    def servers(self):
        return {server for values in self.runs.values() for server in values}


class Results:
    def __init__(self):
        self.machine, self.skipped, self.paths, self.rounds = {}, {}, {}, 0

    def add(self, record):
        if "machine" in record:
            self.machine = record["machine"]
        elif "skipped" in record:
            self.skipped[record["skipped"]] = record["reason"]
        elif "counted" in record: # bench_counts.py reports them itself
            pass
        else:
            key = record["group"], record["path"], record.get("connections"), record.get("objects")
            self.paths.setdefault(key, Path(record)).add(record)
            self.rounds = max(self.rounds, record["round"] + 1)

    def group(self, *names):
        """The lines of these groups, of all without a name, in the order of the cases."""
        return sorted((path for path in self.paths.values() if path.group in names or not names), key=lambda path: path.order)

    def find(self, group, name=None):
        """The lines of a path, by connections or objects."""
        found = [path for path in self.group(group) if name is None or path.name == name]
        return sorted(found, key=lambda path: path.connections or path.objects or 0)

    def servers(self):
        there = {server for path in self.paths.values() if path.group != "size" for server in path.servers()}
        return [name for name in ORDER if name in there] + sorted(there - set(ORDER))


def read(name):
    results = Results()
    with open(name) as lines:
        for line in lines:
            if line.strip():
                results.add(json.loads(line))
    return results
