# SPDX-License-Identifier: MIT
"""Tables: the targets, all medians with ratios, and what grows with objects and connections; as text, and as Markdown for FIGURES.md."""
import bench_targets

BEGIN, END = "<!-- figures: written by tests/bench/run --figures -->", "<!-- end of figures -->"
RATIOS = (("sluice", "floor"), ("sluice", "nginx"), ("sluice", "lighttpd"), ("sluice", "standard"), ("relaxed", "floor"), ("sluice", "nginx-corked"),
          ("sluice", "before"), ("relaxed", "before-relaxed"), ("signed", "before-signed"), ("signed-relaxed", "before-signed-relaxed"))

USERS = """As users meet it: each server has what was uploaded to it, and requests are signed where it has keys (`signed`, `signed-relaxed`).
*blocking client*: load.c sleeping like curl, copying 64 KiB at a time. *own upload*: load.c spinning. *wrk*, *boto3*: those. *fresh memory*: before
anything else was touched. `nginx-corked` has `tcp_nopush on`."""


def number(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def text_table(head, rows, out, right_from=1):
    """Columns as wide as they need to be."""
    rows = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print("  ".join(cell.rjust(width) if i >= right_from else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip(), file=out)


def all_paths(results, out):
    names = results.servers()
    ratios = [(server, reference) for server, reference in RATIOS if server in names and {reference, f"{reference}+sync"} & set(names)]
    rows = []
    for path in results.group():
        if path.group in ("objects", "size", "disk"):
            continue
        for figure in path.runs:
            cells = [number(path.median(figure, name)) for name in names]
            more = [number(path.ratio(figure, server, path.floors.get(server) if reference == "floor" else reference)) for server, reference in ratios]
            rows.append([path.name, path.connections, figure, *cells, "|", *more])
    if rows:
        text_table(["path", "conns", "figure", *names, "|", *(f"{server}:{reference}" for server, reference in ratios)], rows, out, 3)
        print("NAME:floor compares PUTs of a server that syncs with floor+sync, and everything else with floor.\n", file=out)


def one_server(title, first, paths, server, value, out):
    """A line for each number of objects."""
    figures = list(dict.fromkeys(figure for path in paths for figure in path.runs))
    if paths:
        print(title, file=out)
        text_table([first, *figures], [[value(path), *(number(path.median(figure, server)) for figure in figures)] for path in paths], out, 0)
        print(file=out)


def report(results, out):
    all_paths(results, out)
    for path in results.find("disk"):
        print("The disk and SQLite, without a network", file=out)
        text_table(["loop", "per second", "us each"],
                   [[figure.removesuffix(" /s"), number(path.median(figure, "floor")), number(1e6 / path.median(figure, "floor"))] for figure in path.runs], out)
        print(file=out)
    one_server("How costs grow with the objects of a store", "objects", results.find("objects"), "sluice", lambda path: f"{path.objects:,}", out)
    for path in results.find("size"):
        print("Size of the program", file=out)
        text_table(["program", *path.runs], [[name, *(number(path.median(figure, name)) for figure in path.runs)] for name in sorted(path.servers())], out)
        print(file=out)
    for name, reason in results.skipped.items():
        print(f"left out: {name}: {reason}", file=out)
    targets(results, out)


def targets(results, out):
    found = bench_targets.verdicts(results)
    if all(one.judged is None for one in found):
        return
    print("\nTargets (medians of one run; ratios of ours to the other)", file=out)
    rows = [[one.path, one.what, number(one.ours), number(one.base) if one.base_name else "", one.base_name, number(one.judged), one.limit_text, one.verdict]
            for one in found if one.judged is not None]
    text_table(["path", "figure", "ours", "other", "", "judged", "limit", "verdict"], rows, out, 2)
    judged = [one for one in found if one.judged is not None]
    print(f"{sum(one.passed for one in judged)} of {len(judged)} pass, {len(found) - len(judged)} not measured", file=out)
    rows = [[path, figure, server, number(value), reference, number(base), number(ratio)]
            for path, figure, server, value, reference, base, ratio in bench_targets.beside(results)]
    if rows:
        print("\nBeside them", file=out)
        text_table(["path", "figure", "", "", "", "", "ratio"], rows, out, 2)


# ---- FIGURES.md -------------------------------------------------------------------------------------------------------------

def markdown_table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def overview(results):
    """A few paths, the figure that matters most and the server's CPU, for each server."""
    names = [name for name in results.servers() if name not in ("standard", "signed", "signed-relaxed", "nginx-corked") and not name.startswith("before")]
    wanted = [("large", "GET 1 GiB", 4), ("large", "PUT 1 GiB", 4), ("small", "GET 4 KiB", 32), ("small", "PUT 4 KiB", 32), ("small", "PUT 4 KiB", 1)]
    rows = []
    for group, name, connections in wanted:
        for path in (path for path in results.find(group, name) if path.connections == connections):
            rate, cost = ("MiB/s", "CPU s/GiB") if "MiB/s" in path.runs else ("op/s", "CPU us/op")
            cells = [f"{number(path.median(rate, one))} ({number(path.median(cost, one))})" if path.median(rate, one) is not None else "" for one in names]
            rows.append([f"{name}, {connections} conn., {rate} ({cost})", *cells])
    for path in results.find("memory"):
        rows.append(["resident idle, MiB (KiB per idle connection)",
                     *(f"{number(path.median('idle MiB', one))} ({number(path.median('KiB/idle connection', one))})"
                       if path.median("idle MiB", one) is not None else "" for one in names)])
    return markdown_table(["", *names], rows) if rows else ""


def growth(results):
    stores = [path for path in results.find("objects") if path.objects]
    figures = ["LIST 1000 ms", "LIST folders ms", "GET us", "PUT us", "start ms"]
    if not stores:
        return ""
    return markdown_table(["objects", *figures], [[f"{path.objects:,}", *(number(path.median(figure, "sluice")) for figure in figures)] for path in stores])


def users(results):
    """What users meet: a rate and the server's CPU, or all figures where there is no rate."""
    paths = results.group("users")
    names = [name for name in results.servers() if any(name in path.servers() for path in paths)]
    rows = []
    for path in paths:
        rate, cost = ("MiB/s", "CPU s/GiB") if "MiB/s" in path.runs else ("op/s", "CPU us/op")
        shown = [(rate, cost)] if rate in path.runs else []
        shown += [(figure, None) for figure in path.runs if figure not in (rate, cost) and not (shown and figure.startswith("p"))]
        for figure, more in shown:
            cells = [number(path.median(figure, name)) + (f" ({number(path.median(more, name))})" if more in path.runs else "")
                     if path.median(figure, name) is not None else "" for name in names]
            rows.append([f"{path.name}, {path.connections} conn., {figure}" + (f" ({more})" if more in path.runs else ""), *cells])
    return f"{USERS}\n\n{markdown_table(['', *names], rows)}" if rows else ""


def judged(results):
    """The targets, those of one path under one line, whatever the number of connections."""
    lines = {}
    for one in bench_targets.verdicts(results):
        if one.judged is not None:
            lines.setdefault((one.name, one.what, one.base_name), []).append(one)
    rows = []
    for (name, what, base_name), found in lines.items():
        where = name + (f", {' / '.join(str(one.connections) for one in found)} conn." if found[0].connections else "")
        passed = all(one.passed for one in found)
        close = any(one.verdict.startswith("about") for one in found)
        rows.append([where, what, " / ".join(number(one.ours) for one in found), base_name,
                     " / ".join(number(one.base) for one in found) if base_name else "",
                     " / ".join(f"{one.judged:.2f}" for one in found) if base_name else "", found[0].limit_text,
                     ("about " if close else "") + ("pass" if passed else "**miss**")])
    return rows


def markdown(results, picture):
    machine = results.machine
    where = f"{machine.get('date', '')}, commit {machine.get('commit', '?')}: {machine.get('cores', '?')} cores ({machine.get('cpu', '?')}), " \
            f"{machine.get('memory GiB', '?')} GiB, Linux {machine.get('kernel', '?')}, {machine.get('file system', '?')}; nginx {machine.get('nginx') or '-'}, " \
            f"lighttpd {machine.get('lighttpd') or '-'}; medians of up to {results.rounds} interleaved rounds."
    parts = [BEGIN, where, f"![Ratios to the kernel's own limit]({picture})", overview(results),
             "`floor` does the kernel calls alone; `floor+sync` syncs like a durable store; nginx and lighttpd never sync. The client of these rows spins, "
             "and servers of files serve Sluice's own.", users(results), growth(results),
             "The targets, judged by the ratio where there is something to compare with (\"about\": not all rounds agree):",
             markdown_table(["path", "figure", "ours", "compared with", "its", "ratio", "limit", "verdict"], judged(results)), END]
    return "\n\n".join(part for part in parts if part)


def write_figures(results, name, picture):
    """Puts the figures between the two marks of the file."""
    with open(name) as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{name} has no place for figures: it needs the lines\n{BEGIN}\n{END}")
    before, _, rest = text.partition(BEGIN)
    with open(name, "w") as file:
        file.write(before + markdown(results, picture) + rest.partition(END)[2])
