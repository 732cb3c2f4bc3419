# SPDX-License-Identifier: MIT
"""The project's targets, each judged by one run: ratios to what the machine can do and to what others make of it. Targets are met
with the defaults: "sluice" is the column that counts.

A ratio is the median of the rounds' ratios. Where the rounds do not agree whether the limit is kept, the verdict says "about"."""
import statistics


class Verdict:
    """path (a line of the results, or words), what: what is judged. ours, base: figures, base_name: whose; ratios: of each round, what
    the limit is about."""

    def __init__(self, path, what, ours, limit, at_least=False, base=None, base_name="", ratios=()):
        self.name, self.connections = (path, None) if isinstance(path, str) else (path.name, path.connections)
        self.path = self.name + (f", {self.connections} conn." if self.connections else "")
        self.what, self.ours, self.limit, self.at_least, self.base, self.base_name = what, ours, limit, at_least, base, base_name
        self.ratios = list(ratios)

    @property
    def judged(self):
        return statistics.median(self.ratios) if self.ratios else None

    def keeps(self, value):
        return value >= self.limit if self.at_least else value <= self.limit

    @property
    def verdict(self):
        if self.judged is None:
            return "not measured"
        word = "pass" if self.keeps(self.judged) else "miss"
        if any(self.keeps(value) != self.keeps(self.judged) for value in self.ratios):
            word = f"about: {word}"
        return word

    @property
    def passed(self):
        return self.judged is not None and self.keeps(self.judged)

    @property
    def limit_text(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


def compared(path, figure, reference, limit, at_least=False, server="sluice", what=None):
    """path's figure against that of another column."""
    return Verdict(path, what or figure, path.median(figure, server), limit, at_least, path.median(figure, reference), reference, path.ratios(figure, server, reference))


def plain(path, words, figure, limit, what=None, server="sluice"):
    """path's figure against a fixed limit."""
    return Verdict(words, what or figure, path.median(figure, server), limit, ratios=path.runs.get(figure, {}).get(server, {}).values())


def label(path):
    return f"{path.name}, {path.connections} conn."


def large(results):
    sizes = [path.name.split(" ", 1)[1] for path in results.group("large")]
    if not sizes:
        return
    size = "1 GiB" if "1 GiB" in sizes else sizes[-1]
    for path in results.find("large", f"GET {size}"):
        yield compared(path, "MiB/s", "floor", 0.97, True)
        yield compared(path, "CPU s/GiB", "floor", 1.05)
        yield compared(path, "MiB/s", "nginx", 1, True)
        yield compared(path, "CPU s/GiB", "nginx", 1)
    for path in results.find("large", f"PUT {size}"):
        yield compared(path, "MiB/s", "floor+sync", 0.95, True)
        yield compared(path, "CPU s/GiB", "floor+sync", 1.1)
        yield compared(path, "CPU s/GiB", "nginx", 0.5)


def small(results):
    for path in results.find("small", "GET 4 KiB"):
        for reference in ("nginx", "lighttpd"): # requests per second per core are the inverse of this
            yield compared(path, "CPU us/op", reference, 1)
    disks = results.find("disk")
    disk = disks[0] if disks else None
    for path in results.find("small", "PUT 4 KiB"):
        if path.connections == 1 and disk:
            yield against_disk(path, disk, "us each", "sync_and_commit /s", 1.3, "one sync + one commit", each=True)
        elif path.connections == 32:
            yield compared(path, "op/s", "floor+sync", 0.8, True)
            if disk:
                yield against_disk(path, disk, "op/s", "file_fsync /s", 10, "one file, one fsync", each=False)
            yield compared(path, "op/s", "nginx", 1, True)


def against_disk(path, disk, what, figure, limit, name, each):
    """Operations beside those of the loop that has no network, as rates or as microseconds each."""
    rates, base = path.runs.get("op/s", {}).get("sluice", {}), disk.runs.get(figure, {}).get("floor", {})
    ratios = [rates[number] / base[number] for number in rates if base.get(number)]
    rate, base_rate = path.median("op/s", "sluice"), disk.median(figure, "floor")
    if each:
        return Verdict(path, what, rate and 1e6 / rate, limit, False, base_rate and 1e6 / base_rate, name, [1 / ratio for ratio in ratios])
    return Verdict(path, what, rate, limit, True, base_rate, name, ratios)


def objects(results):
    stores = results.find("objects")
    if not stores:
        return
    path = stores[-1]
    where = f"{path.objects:,} objects" + ("" if path.objects >= 10000000 else " (not ten millions)")
    yield plain(path, where, "LIST 1000 ms", 3)
    yield plain(path, where, "LIST folder ms", 3, "LIST 1000 of a folder, delimiter, ms")
    if path.objects >= 1000000: # smaller stores have fewer folders
        yield plain(path, where, "LIST folders ms", 3, "LIST 1000 folders, delimiter, ms")
    whole, tenth = (path.runs.get(name, {}).get("sluice", {}) for name in ("LIST 1000 CPU us", "LIST 100 CPU us"))
    yield Verdict(where, "LIST 1000, CPU us", path.median("LIST 1000 CPU us", "sluice"), 10, False, path.median("LIST 100 CPU us", "sluice"), "LIST 100",
                  [whole[number] / tenth[number] for number in whole if tenth.get(number)])
    yield plain(path, where, "start ms", 100, "exec to first answer, ms")


def memory(results):
    for path in results.find("memory"):
        yield plain(path, "memory", "idle MiB", 12, "resident, idle, MiB")
        yield plain(path, "memory", "KiB/idle connection", 20, f"KiB per idle connection, of {path.connections:,}")
    for path in results.group("cold"):
        if "max us" in path.runs:
            yield plain(path, path.name, "p99.9 us", 5000)


def vast(results):
    for path in results.group("vast"):
        if "complete ms" in path.runs:
            yield plain(path, path.name, "complete ms", 1000)
        else:
            yield plain(path, path.name, "middle page of one key ms", 5)
            for kind in ("page", "page of one key"): # wherever a page begins, it costs what it returns
                first, middle = f"first {kind} CPU us", f"middle {kind} CPU us"
                firsts, middles = (path.runs.get(name, {}).get("sluice", {}) for name in (first, middle))
                yield Verdict(path.name, middle, path.median(middle, "sluice"), 1.25, False, path.median(first, "sluice"), f"first {kind}",
                              [middles[number] / firsts[number] for number in middles if firsts.get(number)])
        for name in ("GET", "PUT"):
            yield plain(path, path.name, f"{name} delay us", 5000, f"what others wait longer for a {name}, p99.9, us")


def users(results):
    """Large bodies are judged by bytes, small ones by operations; nginx has tcp_nopush on, which large bodies gain by."""
    for path in results.group("users"):
        if path.name.startswith("GET ") and path.name.endswith(("blocking client", "own upload")) and not path.name.startswith("GET 4 KiB"):
            rate, cost = ("MiB/s", "CPU s/GiB") if "MiB/s" in path.runs else ("op/s", "CPU us/op")
            yield compared(path, rate, "nginx-corked", 1, True)
            yield compared(path, cost, "nginx-corked", 1)
        elif path.name.startswith("PUT 4 KiB, blocking") and path.connections == 1:
            yield compared(path, "CPU us/op", "nginx-corked", 1, server="relaxed", what="CPU us/op, relaxed")
            yield compared(path, "CPU us/op", "nginx-corked", 2, server="signed", what="CPU us/op, signed")
        elif path.name.startswith("mix of"):
            yield compared(path, "op/s", "nginx-corked", 0.8, True)
            for server in ("sluice", "relaxed"):
                yield plain(path, path.name if server == "sluice" else f"{path.name}, {server}", "PUT p50 ms", 10, server=server)
        elif path.name.startswith("signatures"):
            for name, limit in (("presigned GET", 3.5), ("PUT signed in its head", 5)):
                yield plain(path, path.name, f"{name}: CPU us more", limit, server="signed-relaxed")


def verdicts(results):
    return [verdict for part in (large, small, objects, memory, vast, users) for verdict in part(results)]


# What belongs beside the targets but is none of them: (path, what, ours' column, reference, figure).
BESIDE = (("PUT 1 GiB", "CPU s/GiB", "relaxed", "floor"), ("GET 1 GiB", "CPU s/GiB", "sluice", "standard"), ("PUT 1 GiB", "CPU s/GiB", "sluice", "standard"),
          ("GET 4 KiB", "CPU us/op", "signed", "nginx"), ("PUT 4 KiB", "op/s", "signed", "sluice"), ("PUT 4 KiB", "op/s", "relaxed", "floor"))


def beside(results):
    """(path, figure, column, value, reference, value, ratio)"""
    for name, figure, server, reference in BESIDE:
        for path in results.find("large", name) + results.find("small", name):
            ratio = path.ratio(figure, server, reference)
            if ratio is not None:
                yield label(path), figure, server, path.median(figure, server), reference, path.median(figure, reference), ratio
