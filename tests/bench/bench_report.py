# SPDX-License-Identifier: MIT
"""Tables of medians and ratios, and a chart."""
import html
import statistics


def number(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


class Results:
    def __init__(self, servers):
        self.servers, self.cases, self.runs = servers, [], {}

    def add(self, case, server, figures):
        if case not in self.cases:
            self.cases.append(case)
        for figure, value in figures.items():
            self.runs.setdefault((case, figure), {}).setdefault(server.name, []).append(value)

    def figures(self, case):
        return [figure for one, figure in self.runs if one is case]

    def median(self, case, figure, name):
        values = self.runs[case, figure].get(name)
        return statistics.median(values) if values else None

    def ratio(self, case, figure, server, reference):
        """server : reference, where both were measured."""
        value, base = self.median(case, figure, server.name), self.median(case, figure, reference)
        return value / base if value is not None and base else None


def table(results, out):
    names = [server.name for server in results.servers]
    ratios = [(server, reference) for server in results.servers if server.name in ("sluice", "relaxed", "standard")
              for reference in ("floor", "nginx") if reference in names or reference == "floor" and "floor+sync" in names]
    heads = [f"{server.name}:{reference}" for server, reference in ratios]
    print(f"{'path':<22}{'conns':>6}  {'figure':<20}" + "".join(f"{name:>11}" for name in names) + "  |" +
          "".join(f"{head:>16}" for head in heads), file=out)
    for case in results.cases:
        for figure in results.figures(case):
            cells = "".join(f"{number(results.median(case, figure, name)):>11}" for name in names)
            more = "".join(f"{number(results.ratio(case, figure, server, case.floor(server) if reference == 'floor' else reference)):>16}"
                           for server, reference in ratios)
            print(f"{case.name:<22}{case.connections:>6}  {figure:<20}{cells}  |{more}", file=out)
    print("NAME:floor compares PUTs of a server that syncs with floor+sync, and everything else with floor.", file=out)


def mapping(title, rows, out):
    """rows: {first column: {figure: value}}"""
    figures = list(dict.fromkeys(figure for row in rows.values() for figure in row))
    print(f"\n{title:<18}" + "".join(f"{figure:>18}" for figure in figures), file=out)
    for first, row in rows.items():
        print(f"{first:<18}" + "".join(f"{number(row.get(figure)):>18}" for figure in figures), file=out)


# ---- The chart --------------------------------------------------------------------------------------------------------------

COLOURS = {"floor": "#9aa0a6", "floor+sync": "#5f6368", "sluice": "#0b6bcb", "relaxed": "#4aa3ff", "standard": "#a5cdf5",
           "nginx": "#2e8b57", "lighttpd": "#8fbc8f"}
BAR, GAP, LEFT, WIDTH = 13, 16, 190, 460


def chart(results, path, groups=("large", "small")):
    """One group of bars a path: throughput, as a share of the best in its group."""
    rows, y = [], 56
    for case in results.cases:
        figure = next((one for one in ("MiB/s", "op/s") if (case, one) in results.runs), None)
        if figure is None or case.group not in groups:
            continue
        values = [(server.name, results.median(case, figure, server.name)) for server in results.servers]
        values = [(name, value) for name, value in values if value is not None]
        best = max(value for _, value in values)
        label = f"{case.name}, {case.connections} conn."
        rows.append(f'<text x="{LEFT - 10}" y="{y + BAR * len(values) / 2 + 4:.0f}" text-anchor="end">{html.escape(label)}</text>')
        for name, value in values:
            width = max(1, WIDTH * value / best)
            rows.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS.get(name, "#b5651d")}"/>'
                        f'<text x="{LEFT + width + 5:.1f}" y="{y + BAR - 3}" class="v">{number(value)} {figure}</text>')
            y += BAR
        y += GAP
    legend, x = [], 10
    for server in results.servers:
        legend.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{COLOURS.get(server.name, "#b5651d")}"/>'
                      f'<text x="{x + 14}" y="41">{html.escape(server.name)}</text>')
        x += 30 + 7 * len(server.name)
    with open(path, "w") as out:
        print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 130}" height="{y}" font-family="sans-serif" font-size="12">'
              f'<style>text{{fill:#202124}}.v{{font-size:10px;fill:#5f6368}}</style><rect width="100%" height="100%" fill="#fff"/>'
              f'<text x="10" y="20" font-size="15">Throughput, longer is better (medians of one run)</text>', file=out)
        print("\n".join([*legend, *rows, "</svg>"]), file=out)
