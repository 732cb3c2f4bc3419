# SPDX-License-Identifier: MIT
"""The chart, as SVG: ratios to the floor first, for throughput and for CPU, then how costs grow. Draws its own background, and
follows the reader's preference for light or dark."""
import html
import math

from bench_report import number

# (name, light, dark): told apart by lightness too, not by hue alone.
COLOURS = {"sluice": ("#0b5fc0", "#58a6ff"), "relaxed": ("#6aaef5", "#1f6feb"), "standard": ("#b7c7d9", "#3d5a80"), "nginx": ("#2e7d4f", "#56d364"),
           "lighttpd": ("#c98a1b", "#e3b341")}
OTHER = ("#9c4a8f", "#d2a8ff")
STYLE = """
svg { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; }
.ground { fill: #ffffff; } .panel { fill: #f5f7f9; } text { fill: #1f2328; } .soft { fill: #59636e; font-size: 11px; }
.title { font-size: 17px; font-weight: 600; } .head { font-size: 13px; font-weight: 600; }
.value { font-size: 9px; stroke: #f5f7f9; stroke-width: 3px; paint-order: stroke; } .tiny { font-size: 9px; }
.one { stroke: #1f2328; stroke-width: 1.2; } .grid { stroke: #d1d9e0; stroke-width: 1; } .line { fill: none; stroke-width: 2; }
"""
DARK = """
.ground { fill: #0d1117; } .panel { fill: #161b22; } text { fill: #e6edf3; } .soft { fill: #9198a1; }
.value { stroke: #161b22; } .one { stroke: #e6edf3; } .grid { stroke: #30363d; }
"""
WIDTH, MARGIN, LABEL, BAR, GAP = 960, 24, 132, 11, 12
ROWS = (("large", "GET 1 GiB", 4), ("large", "PUT 1 GiB", 4), ("large", "GET 64 MiB", 4), ("large", "PUT 64 MiB", 4), ("small", "GET 1 MiB", 32),
        ("small", "GET 64 KiB", 32), ("small", "GET 4 KiB", 32), ("small", "GET 4 KiB", 1), ("small", "PUT 64 KiB", 32), ("small", "PUT 4 KiB", 32),
        ("small", "PUT 4 KiB", 1), ("range", None, 4))
RATIO_MAX, ROOM = 2.0, 78 # longer bars are cut there; room for the label after the longest


def css_class(name):
    return "s-" + "".join(letter if letter.isalnum() else "-" for letter in name)


def styles(servers):
    def rules(which):
        return "".join(f".{css_class(name)} {{ fill: {COLOURS.get(name, OTHER)[which]}; stroke: none; }} "
                       f".line.{css_class(name)} {{ fill: none; stroke: {COLOURS.get(name, OTHER)[which]}; }}\n" for name in servers)
    return f"<style>{STYLE}{rules(0)}@media (prefers-color-scheme: dark) {{ {DARK}{rules(1)} }}</style>"


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


# ---- Ratios -----------------------------------------------------------------------------------------------------------------

def chosen(results):
    """(path, rate, cost, base) of each row there are figures for; all others of a row are compared with its base."""
    for group, name, connections in ROWS:
        for path in results.find(group, name):
            if path.connections != connections:
                continue
            rate, cost = ("MiB/s", "CPU s/GiB") if "MiB/s" in path.runs else ("op/s", "CPU us/op")
            base = path.floors.get("sluice", "floor")
            if path.median(rate, base):
                yield path, rate, cost, base


def bars(path, figure, base, servers, x, y, scale):
    """Bars, and their labels, which are to lie over everything else."""
    out, labels = [], []
    for name in servers:
        ratio, value = path.ratio(figure, name, base), path.median(figure, name)
        if ratio is not None:
            length = max(1.5, min(ratio, RATIO_MAX) * scale)
            out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="{BAR - 2}" rx="1.5" class="{css_class(name)}"/>')
            labels.append(text(x + length + 4, y + BAR - 3, ("→ " if ratio > RATIO_MAX else "") + f"{ratio:.2f}×  {number(value)}", "value"))
        y += BAR
    return out, labels


def ratio_panels(results, servers, y):
    rows = list(chosen(results))
    if not rows:
        return [], y
    panel = (WIDTH - 2 * MARGIN - LABEL - 20) / 2
    left, right = MARGIN + LABEL, MARGIN + LABEL + panel + 20
    height = len(rows) * (len(servers) * BAR + GAP) + GAP
    scale = (panel - ROOM) / RATIO_MAX
    out, labels = [], []
    for x, title, better in ((left, "Throughput : floor", "longer is better"), (right, "CPU : floor", "shorter is better")):
        out += [text(x, y, title, "head"), text(x + panel, y, better, "soft", "end"),
                f'<rect x="{x:.1f}" y="{y + 8:.1f}" width="{panel:.1f}" height="{height:.1f}" class="panel"/>']
        for ratio in (0, 0.5, 1, 1.5, 2):
            out.append(text(x + ratio * scale, y + height + 22, f"{ratio:g}", "soft", "middle"))
            if ratio % 1:
                out.append(line(x + ratio * scale, y + 8, x + ratio * scale, y + 8 + height, "grid"))
    top = y = y + 8
    y += GAP
    for path, rate, cost, base in rows:
        middle = y + len(servers) * BAR / 2
        labels += [text(left - 8, middle - 1, f"{path.name} ×{path.connections}", "", "end"),
                   text(left - 8, middle + 12, f"{base} {number(path.median(rate, base))} {rate}", "tiny", "end")]
        for figure, x in ((rate, left), (cost, right)):
            more, more_labels = bars(path, figure, base, servers, x, y, scale)
            out, labels = out + more, labels + more_labels
        y += len(servers) * BAR + GAP
    for x in (left, right): # over the bars: it is what they are held against
        out.append(line(x + scale, top, x + scale, top + height, "one"))
    return out + labels, top + height + 40


# ---- Growth -----------------------------------------------------------------------------------------------------------------

def short(power):
    """1000000 as 1M."""
    return f"{10 ** (power % 3)}{('', 'k', 'M', 'G')[power // 3]}" if power >= 0 else f"{10.0 ** power:g}"


class Plot:
    """Lines in a log-log field."""

    def __init__(self, x, y, width, height, title):
        self.x, self.y, self.width, self.height, self.title, self.lines = x, y, width, height, title, []

    def add(self, name, kind, points):
        points = [(a, b) for a, b in points if b]
        if len(points) > 1:
            self.lines.append((name, kind, points))

    def draw(self):
        if not self.lines:
            return []
        every = [point for _, _, points in self.lines for point in points]
        low_x, high_x = math.log10(min(a for a, _ in every)), math.log10(max(a for a, _ in every))
        low_y, high_y = math.floor(math.log10(min(b for _, b in every))), math.ceil(math.log10(max(b for _, b in every)))
        high_y = max(high_y, low_y + 1)

        def place(a, b):
            return (self.x + (math.log10(a) - low_x) / (high_x - low_x) * self.width,
                    self.y + self.height - (math.log10(b) - low_y) / (high_y - low_y) * self.height)
        out = [text(self.x, self.y - 10, self.title, "head"), f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" class="panel"/>']
        for power in range(low_y, high_y + 1):
            y = place(10 ** low_x, 10 ** power)[1]
            out += [line(self.x, y, self.x + self.width, y, "grid"), text(self.x - 6, y + 4, short(power), "soft", "end")]
        for power in range(math.ceil(low_x - 1e-9), math.floor(high_x + 1e-9) + 1):
            out.append(text(place(10 ** power, 10 ** low_y)[0], self.y + self.height + 14, short(power), "soft", "middle"))
        ends = []
        for name, kind, points in self.lines:
            where = [place(*point) for point in points]
            out.append(f'<polyline class="line {kind}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in where)}"/>')
            out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" class="{kind}"/>' for a, b in where]
            ends.append([where[-1][1] + 4, f"{name}: {number(points[-1][1])}"])
        ends.sort()
        for above, below in zip(ends, ends[1:]): # labels do not cover each other
            below[0] = max(below[0], above[0] + 13)
        return out + [text(self.x + self.width + 8, y, words, "soft") for y, words in ends]


def growth_panels(results, servers, y):
    width = (WIDTH - 2 * MARGIN) / 2 - 175
    stores = [path for path in results.find("objects") if path.objects]
    one = Plot(MARGIN + 44, y + 12, width, 150, "Microseconds, by objects in the store")
    for name, figure, factor in (("LIST 1000", "LIST 1000 ms", 1e3), ("PUT 4 KiB", "PUT us", 1), ("GET", "GET us", 1)):
        one.add(name, css_class("sluice"), [(path.objects, (path.median(figure, "sluice") or 0) * factor) for path in stores])
    two = Plot(WIDTH / 2 + 56, y + 12, width, 150, "CPU microseconds per GET of 4 KiB, by connections")
    for name in ("floor", *servers):
        if name in ("floor", "sluice", "nginx", "lighttpd"):
            two.add(name, css_class(name), [(path.connections, path.median("CPU us/op", name)) for path in results.find("connections", "GET 4 KiB")])
    out = one.draw() + two.draw()
    return out, y + 190 if out else y


def chart(results, name):
    servers = [one for one in results.servers() if one not in ("floor", "floor+sync", "signed")]
    out, x = [], MARGIN
    out.append(text(MARGIN, 34, "Sluice, and others, against the kernel's own limit", "title"))
    machine = results.machine
    out.append(text(MARGIN, 52, f"Floor: programs that make the kernel calls alone; for PUTs with one sync, as Sluice has by default. "
                                f"{machine.get('cores', '?')} cores, the client has one; medians of one run, {machine.get('date', '')}.", "soft"))
    for one in servers:
        out.append(f'<rect x="{x:.1f}" y="64" width="11" height="11" rx="2" class="{css_class(one)}"/>')
        words = {"relaxed": "sluice, relaxed", "standard": "sluice, read + write", "nginx": "nginx (never syncs)", "lighttpd": "lighttpd (never syncs)"}.get(one, one)
        out.append(text(x + 16, 74, words))
        x += 36 + 6.6 * len(words)
    panels, y = ratio_panels(results, servers, 104)
    more, y = growth_panels(results, servers, y)
    with open(name, "w") as file:
        print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 6:.0f}" width="{WIDTH}" height="{y + 6:.0f}">{styles([*servers, "floor"])}'
              f'<rect width="100%" height="100%" class="ground"/>', file=file)
        print("\n".join([*out, *panels, *more, "</svg>"]), file=file)
