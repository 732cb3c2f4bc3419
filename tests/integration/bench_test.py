#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The benchmark: that its verdicts follow from its figures, that its client counts what is served and its floor moves all bytes, that
filled stores are whole, and that a run measures, is interrupted and ends without leaving anything. No figure of this machine is
judged."""
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import types
import xml.etree.ElementTree

sys.dont_write_bytecode = True
from sluicetest import ACCESS, BUILD, ROOT, SECRET, SLUICE, Server, check, done, equal, run, scratch

BENCH = os.path.join(ROOT, "tests", "bench")
sys.path.insert(0, BENCH)
import bench_others
import bench_plan
import bench_report
import bench_results
import bench_servers
import bench_targets

RUN = [os.path.join(BENCH, "run"), "--no-install", "--build", BUILD, "--binary", SLUICE]


def record(path, server, figures, group="small", connections=32, number=0, **more):
    return {"group": group, "path": path, "connections": connections, "server": server, "round": number, "figures": figures, **more}


def figures_file():
    """A run whose ratios are known."""
    lines = [{"machine": {"date": "2026-01-01", "cores": 2, "cpu": "some", "kernel": "6.1", "commit": "abc"}}, {"skipped": "lighttpd", "reason": "not there"}]
    for number, ours in enumerate((0.9, 0.5, 2.0)):
        lines += [record("GET 4 KiB", "nginx", {"op/s": 100, "CPU us/op": 10}, number=number),
                  record("GET 4 KiB", "sluice", {"op/s": 100, "CPU us/op": 10 * ours}, number=number),
                  record("GET 4 KiB", "floor", {"op/s": 200, "CPU us/op": 5}, number=number),
                  record("PUT 4 KiB", "sluice", {"op/s": 1000, "CPU us/op": 10}, number=number, floor="floor+sync"),
                  record("PUT 4 KiB", "floor+sync", {"op/s": 2000, "CPU us/op": 10}, number=number),
                  record("disk and SQLite", "floor", {"file_fsync /s": 90, "sync_and_commit /s": 500}, "disk", 1, number)]
    lines.append({"group": "objects", "path": "objects", "objects": 10000000, "server": "sluice", "round": 0,
                  "figures": {"LIST 1000 ms": 2, "LIST 1000 CPU us": 1600, "LIST 100 CPU us": 200, "LIST folder ms": 3.5, "LIST folders ms": 1, "start ms": 99}})
    lines.append(record("10,000 parts", "sluice", {"complete ms": 90, "GET delay us": 5001, "PUT delay us": 0}, "vast", 1))
    name = scratch("figures.jsonl")
    with open(name, "w") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    return name


def verdicts_are_right():
    found = {(one.path, one.what, one.base_name): one for one in bench_targets.verdicts(bench_results.read(figures_file()))}
    get = found["GET 4 KiB, 32 conn.", "CPU us/op", "nginx"]
    equal(round(get.judged, 6), 0.9, "a ratio is the median of the rounds' ratios")
    equal(get.verdict, "about: pass", "a verdict that not all rounds share is marked")
    equal(found["GET 4 KiB, 32 conn.", "CPU us/op", "lighttpd"].verdict, "not measured", "what was not measured is not judged")
    put = found["PUT 4 KiB, 32 conn.", "op/s", "floor+sync"]
    equal((put.judged, put.verdict), (0.5, "miss"), "half of the floor's rate misses 0.8 of it")
    equal(found["PUT 4 KiB, 32 conn.", "op/s", "one file, one fsync"].verdict, "pass", "eleven times one file, one fsync passes 10")
    where = "10,000,000 objects"
    equal(found[where, "LIST 1000 ms", ""].verdict, "pass", "2 ms for a list pass")
    equal(found[where, "LIST 1000 of a folder, delimiter, ms", ""].verdict, "miss", "3.5 ms for a list miss")
    equal(found[where, "LIST 1000, CPU us", "LIST 100"].judged, 8, "lists are compared by what they return")
    equal(found[where, "LIST 1000 folders, delimiter, ms", ""].verdict, "pass", "1 ms for a list of folders pass")
    equal(found[where, "exec to first answer, ms", ""].verdict, "pass", "99 ms to the first answer pass")
    equal((found["10,000 parts", "complete ms", ""].verdict, found["10,000 parts", "what others wait longer for a GET, p99.9, us", ""].verdict), ("pass", "miss"),
          "90 ms for 10,000 parts pass, 5 ms of delay for others miss")


def report_is_written():
    name, picture, document = figures_file(), scratch("figures.svg"), scratch("FIGURES.md")
    before, after = "# Title\n\nSome text.\n\n", "\n\nThe rest.\n"
    with open(document, "w") as out:
        out.write(f"{before}{bench_report.BEGIN}\nold figures\n{bench_report.END}{after}")
    results = bench_results.read(name)
    for _ in range(2):
        bench_report.write_figures(results, document, "figures.svg")
    with open(document) as file:
        text = file.read()
    check(text.startswith(before + bench_report.BEGIN) and text.endswith(bench_report.END + after), "the document around the figures stays as it was", text)
    check("old figures" not in text and "**miss** |" in text and text.count(bench_report.END) == 1, "figures in the document are replaced, not added", text)
    with open(document, "w") as out:
        out.write("no marks\n")
    refused = False
    try:
        bench_report.write_figures(results, document, "figures.svg")
    except SystemExit:
        refused = True
    with open(document) as file:
        check(refused and file.read() == "no marks\n", "a file without marks is left alone")
    status, out = run([*RUN, "--from", name, "--svg", picture])
    check(status == 0 and "8 of 11 pass, 2 not measured" in out and "left out: lighttpd: not there" in out, "a run's lines are reported later", out)
    labels = [one.text for one in xml.etree.ElementTree.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}text")]
    check("0.50×  100" in labels and "GET 4 KiB ×32" in labels, "the chart shows the ratio to the floor", str(labels))


class Case:
    def __init__(self, name, key):
        self.name, self.key = name, key

    def __repr__(self):
        return self.name


def time_is_kept():
    """A suite of three cases; the clock is the machine's, the costs are told."""
    said = []
    suite = types.SimpleNamespace(say=said.append, skip=lambda what, reason: said.append(reason))
    one, two, target = Case("one", False), Case("two", False), Case("target", True)
    plan = bench_plan.Plan([one, two, target], 3, time.monotonic() + 100)
    order = []
    for found in plan.cases(0, suite):
        order.append(found)
        plan.took(found, {"one": 50, "two": 20, "target": 30}[found.name])
    equal(order, [target, one, two], "the first round measures all, what a target hangs on first")
    equal(list(plan.cases(1, suite)), [target, two], "a later round leaves out the dearest that does not fit")
    plan = bench_plan.Plan([one, target], 3, time.monotonic() + 40)
    order = []
    for found in plan.cases(0, suite):
        order.append(found)
        plan.took(found, 50)
    equal(order, [target], "targets are measured again before anything else is measured once")


def missing_servers_are_left_out():
    skipped = {}
    suite = types.SimpleNamespace(skip=skipped.__setitem__, folder=scratch())
    options = types.SimpleNamespace(servers="nginx,lighttpd", endpoint=None, before_binary=None)
    here = bench_others.NGINX, bench_others.LIGHTTPD
    bench_others.NGINX = bench_others.LIGHTTPD = "/nonexistent/server"
    equal(bench_others.servers(suite, options), [], "servers that are not installed are not measured")
    bench_others.NGINX, bench_others.LIGHTTPD = here
    check(set(skipped) == {"nginx", "lighttpd"} and "not installed" in skipped["nginx"], "it is said which are not installed", str(skipped))


def filled_store_is_whole():
    data = scratch("filled")
    server = Server(data)
    server.request("PUT", "/bench")
    server.request("PUT", "/bench/before", b"before")
    server.stop()
    for first, count in ((0, 1000), (1000, 2000)):
        status, out = run([os.path.join(BUILD, "bench", "fill"), data, "bench", str(first), str(count)])
        equal((status, out), (0, ""), f"{count} objects are filled in behind {first}")
    status, out = run([SLUICE, "check", "--data", data])
    check(status == 0 and "3001 objects" in out, "a filled store is found in order, bytes and all", out)
    server = Server(data)
    sizes = {len(server.request("GET", f"/bench/{number // 1000:06d}/{number % 1000:04d}")[2]) for number in range(0, 3000, 97)}
    equal(sizes, {1024, 2048, 3072, 4096}, "filled objects are read")
    equal(server.request("PUT", "/bench/after", b"after")[0], 200, "a filled store takes more")
    equal(server.request("GET", "/bench/after")[2], b"after", "and gives it back")
    equal(server.request("GET", "/bench/before")[2], b"before", "what was there before is there still")
    equal(server.request("DELETE", "/bench/000001/0000")[0], 204, "a filled object is deleted")
    server.stop()


def load(port, *words):
    """The client's figures, and its status."""
    done = subprocess.run([os.path.join(BUILD, "bench", "load"), *map(str, words[:-4]), words[-4], "127.0.0.1", str(port), *map(str, words[-3:]), "7x"],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def client_counts_what_is_served():
    log = scratch("access.log")
    server = Server(args=["--access-log", log])
    server.request("PUT", "/bench")
    status, figures = load(server.port, "put", "/bench/object-%d", 50000, 3)
    equal((status, figures["ops"], figures["bytes"], figures["errors"]), (0, 7, 350000, 0), "the client counts what it puts")
    equal(len(server.request("GET", "/bench/object-6")[2]), 50000, "its last body has arrived whole")
    status, figures = load(server.port, "--keys", 7, "get", "/bench/object-%d", 50000, 3)
    equal((status, figures["ops"], figures["bytes"]), (0, 7, 350000), "the client counts what it gets")
    check(0 < figures["p50_us"] <= figures["p99_us"] <= figures["p999_us"] <= figures["max_us"] <= figures["seconds"] * 1e6, "its latencies are in order",
          str(figures))
    status, figures = load(server.port, "--keys", 1, "--range", 1000, "get", "/bench/object-%d", 50000, 2)
    equal((status, figures["bytes"]), (0, 7000), "the client asks for ranges")
    for options in (("--blocking", 1), ("--spin", 1)):
        equal(load(server.port, *options, "--keys", 7, "get", "/bench/object-%d", 50000, 3)[1].get("bytes"), 350000, f"and {options[0][2:]} as well")
    status, figures = load(server.port, "--blocking", 1, "put", "/bench/blocking-%d", 200000, 2)
    equal((status, len(server.request("GET", "/bench/blocking-6")[2])), (0, 200000), "a blocking client puts whole bodies")
    status, figures = load(server.port, "--keys", 7, "head", "/bench/object-%d", 50000, 3)
    equal((status, figures["ops"], figures["bytes"]), (0, 7, 0), "it asks for heads")
    status, figures = load(server.port, "delete", "/bench/blocking-%d", 0, 3)
    equal((status, server.request("HEAD", "/bench/blocking-6")[0]), (0, 404), "and deletes")
    status, figures = load(server.port, "get", "/bench/nothing-%d", 50000, 2)
    equal((status, figures["errors"]), (1, 7), "the client knows an error")
    server.stop()
    with open(log) as lines:
        gets = [line for line in lines if '"GET /bench/object-' in line]
    equal(len(gets), 1 + 7 + 7 + 7 + 7, "the server has seen as many requests")


def client_mixes():
    """What it deletes was put before; what it asks for is there."""
    log = scratch("mixed.log")
    server = Server(args=["--access-log", log])
    server.request("PUT", "/bench")
    for number in range(5):
        server.request("PUT", f"/bench/mix-{number}", b"x" * 1000)
    done = subprocess.run([os.path.join(BUILD, "bench", "load"), "--keys", "5", "mix", "127.0.0.1", str(server.port), "/bench/mix-%d", "1000", "8", "2000x"],
                          capture_output=True, text=True, timeout=60)
    figures = json.loads(done.stdout)
    equal((done.returncode, figures["ops"], figures["errors"]), (0, 2000, 0), "a mixed run has no errors")
    server.stop()
    with open(log) as lines:
        seen = [line.split('"')[1].split()[:2] for line in lines if '"' in line]
    counted = {kind: sum(method == kind for method, _ in seen) for kind in ("GET", "HEAD", "PUT", "DELETE")}
    check(800 < counted["GET"] < 1000 and 520 < counted["HEAD"] < 680 and 240 < counted["PUT"] < 420 and 130 < counted["DELETE"] < 260,
          "of a hundred requests 45 are GETs, 30 HEADs, 15 PUTs and 10 DELETEs", str(counted))
    puts, deletes = ({path for method, path in seen if method == kind} for kind in ("PUT", "DELETE"))
    check(deletes <= puts and not deletes & {f"/bench/mix-{number}" for number in range(5)}, "only what it has put is deleted")
    check(all(0 < figures[f"{kind}_p50_us"] <= figures[f"{kind}_max_us"] <= figures["max_us"] for kind in counted), "it reports each kind", str(figures))


def client_warms_up():
    server = Server()
    server.request("PUT", "/bench")
    client = subprocess.Popen([os.path.join(BUILD, "bench", "load"), "--warm", "5", "--hold", "1", "put", "127.0.0.1", str(server.port), "/bench/warm-%d", "10",
                               "2", "3x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    equal(client.stdout.readline(), "warm\n", "it says that it is warm")
    equal([server.request("HEAD", f"/bench/warm-{number}")[0] for number in (4, 5)], [200, 404], "and waits")
    client.stdin.write("\n")
    client.stdin.flush()
    equal(json.loads(client.stdout.readline())["ops"], 3, "only what comes then is counted")
    client.communicate()
    equal(server.request("HEAD", "/bench/warm-7")[0], 200, "and comes after what was not")
    server.stop()


def signatures_are_right():
    """Both kinds, of paths from a file; and mixed ones, which are signed for their method."""
    server = Server(keys=True)
    suite = types.SimpleNamespace(folder=scratch("signed"))
    os.makedirs(suite.folder)
    signing = type("Endpoint", (bench_servers.Signing, bench_servers.Server), {})(suite, "signed")
    signing.host_field, signing.port, signing.keys, signing.signed = f"127.0.0.1:{server.port}", server.port, (ACCESS, SECRET, "us-east-1"), {}
    signing.request("PUT", "/bench")
    for name, by_header in (("query", False), ("fields", True), ("fields without a digest", "unsigned")):
        for kind in ("put", "get", "mix", "delete"):
            options = {"keys": 3, "by_header": by_header}
            path = signing.target(kind, "/bench/a b-%d", 3000, "", options)
            status, figures = load(server.port, "--host", signing.host_field, "--paths", options["paths"], "--keys", 3, kind, path, 3000, 2)
            equal((status, figures.get("errors")), (0, 0), f"{kind} with a signature in {name}")
    server.stop()


@contextlib.contextmanager
def floor(*words):
    program = subprocess.Popen([os.path.join(BUILD, "bench", "floor"), *words], stdout=subprocess.PIPE, text=True)
    try:
        yield int(program.stdout.readline())
    finally:
        program.kill()
        program.communicate()


def floor_request(port, method, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, "/bench/object", body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def floor_moves_bytes():
    """It is measured against: it must not leave out what it is there for."""
    body, folder = os.urandom(3000000), scratch("floor")
    os.makedirs(folder)
    name = os.path.join(folder, "object")
    with open(name, "wb") as out:
        out.write(body)
    with floor("get", name, "0") as port:
        check(floor_request(port, "GET") == (200, body), "the floor serves the file")
        check(floor_request(port, "GET", headers={"Range": "bytes=1000-2000999"}) == (206, body[1000:2001000]), "the floor serves a range")
    for words in (["put", folder, "0"], ["put", folder, "0", "sync"]):
        with floor(*words) as port:
            equal(floor_request(port, "PUT", body)[0], 200, f"the floor takes a body: {' '.join(words[2:])}")
            stored = [one for one in os.listdir(folder) if one.startswith("put-")]
            with open(os.path.join(folder, stored[0]), "rb") as file:
                check(len(stored) == 1 and file.read() == body, "and has all of it in a file", str(stored))
            os.unlink(os.path.join(folder, stored[0]))
    with floor("append", os.path.join(folder, "segment"), "0") as port:
        for part in (body[:4096], body[4096:5000]):
            equal(floor_request(port, "PUT", part)[0], 200, "the floor takes a record")
        with open(os.path.join(folder, "segment"), "rb") as file:
            check(file.read() == body[:5000], "and has it behind the one before")


def remains(folder):
    """Files in the folder, and processes that were started with it."""
    found = subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True).stdout.split()
    return [*os.listdir(folder), *(pid for pid in found if int(pid) != os.getpid())]


def runs():
    folder, lines = scratch("runs"), scratch("lines.jsonl")
    os.makedirs(folder)
    status, out = run([*RUN, "--tiny", "--only", "small,list,size", "--servers", "floor,floor+sync,sluice,signed", "--folder", folder, "--json", lines,
                       "--svg", scratch("run.svg")])
    check(status == 0 and "Targets" in out, "a run measures and reports", out)
    results = bench_results.read(lines)
    path = next(path for path in results.find("small", "GET 4 KiB") if path.connections == 32)
    check(all(path.median("op/s", name) > 0 for name in ("floor", "sluice", "signed")), "its lines hold what it measured", str(path.runs))
    check(path.median("CPU us/op", "sluice") > 0, "with the server's CPU time")
    equal(remains(folder), [], "it leaves nothing behind")


def users_are_measured():
    """By each client that is here, signed and not, each with its own upload; and one path alone by a word of its name."""
    folder, lines = scratch("users"), scratch("users.jsonl")
    os.makedirs(folder)
    status, out = run([*RUN, "--tiny", "--only", "users", "--servers", "sluice,signed-relaxed,nginx-corked", "--folder", folder, "--json", lines,
                       "--svg", scratch("users.svg")])
    check(status == 0, "the paths of users are measured", out)
    results = bench_results.read(lines)
    signed = {path.name: path for path in results.group("users") if "signed-relaxed" in path.servers()}
    wanted = ["GET 4 KiB, blocking client", "PUT 4 KiB, blocking client", "mix of 64 KiB, blocking client", "LIST 1000 of 2,000, blocking client",
              "signatures, 4 KiB", "17 MiB, fresh memory, blocking client"]
    check("PUT 4 KiB, blocking client" in signed and "signatures, 4 KiB" in signed, "also of a server with keys", str(list(signed)))
    equal(set(wanted) - {path.name for path in results.group("users")}, set(), "all of them")
    mix = results.find("users", "mix of 64 KiB, blocking client")[0]
    check(all(mix.median(f"{kind} p50 ms", "sluice") > 0 for kind in ("GET", "HEAD", "PUT", "DELETE")), "a mix has a median for each kind", str(mix.runs))
    equal(remains(folder), [], "and nothing is left behind")
    status, out = run([*RUN, "--tiny", "--only", "get 4 kib+blocking", "--servers", "sluice", "--folder", folder, "--json", lines, "--svg", scratch("users.svg")])
    equal((status, [path.name for path in bench_results.read(lines).group()]), (0, ["GET 4 KiB, blocking client"]), "one path alone is measured")
    status, out = run([*RUN, "--tiny", "--only", "get 4 kib+blocking", "--servers", "sluice,before", "--before-binary", SLUICE, "--folder", folder,
                       "--json", lines, "--svg", scratch("users.svg")])
    check(status == 0 and "sluice:before" in out, "two builds are compared", out)
    status, out = run([*RUN, "--tiny", "--only", "small,nonsense", "--folder", folder])
    check(status != 0 and "there is no nonsense" in out, "a word that no path has is refused", out)


def endpoints_are_measured():
    """An S3 server by its URL, by a name of its host, with its keys."""
    folder, lines, server = scratch("endpoint"), scratch("endpoint.jsonl"), Server(keys=True)
    os.makedirs(folder)
    status, out = run([*RUN, "--tiny", "--only", "mix of,put 4 kib+blocking,list 1000 of,get 4 kib+boto3", "--servers", "other", "--name", "other", "--endpoint",
                       f"http://localhost:{server.port}", "--access-key", ACCESS, "--secret-key", SECRET, "--endpoint-pid", str(server.pid), "--folder", folder,
                       "--json", lines, "--svg", scratch("endpoint.svg")])
    check(status == 0, "an endpoint with keys is measured", out)
    measured = {path.name for path in bench_results.read(lines).group("users") if path.servers() == {"other"}}
    equal({"mix of 64 KiB, blocking client", "PUT 4 KiB, blocking client", "LIST 1000 of 2,000, blocking client"} - measured, set(), "as users meet it")
    server.stop()


def run_is_interrupted():
    folder, lines = scratch("interrupted"), scratch("interrupted.jsonl")
    os.makedirs(folder)
    with open(scratch("interrupted.log"), "w") as log:
        program = subprocess.Popen([*RUN, "--tiny", "--only", "small,large,memory,mixed", "--servers", "floor,floor+sync,sluice", "--folder", folder,
                                    "--json", lines, "--svg", scratch("interrupted.svg")], stdout=subprocess.PIPE, stderr=log, text=True)
        for _ in range(600):
            time.sleep(0.1)
            if os.path.exists(lines) and '"GET 4 KiB"' in open(lines).read():
                break
        program.send_signal(signal.SIGINT)
        out = program.communicate(timeout=60)[0]
    check(program.returncode == 1 and "GET 4 KiB" in out and "figures:" in out, "an interrupted run reports what it has", out)
    equal(remains(folder), [], "and leaves nothing behind")


def commands_are_measured():
    status, out = run([os.path.join(BENCH, "commands"), "--tiny"], env={"BUILD_DIR": BUILD})
    check(status == 0 and all(f"| {path} | " in out for path in ("20 MiB up", "20 MiB down", "50 x 4 KiB up", "50 x 4 KiB down")),
          "the command line is measured beside others", out[-1500:])


verdicts_are_right()
report_is_written()
time_is_kept()
missing_servers_are_left_out()
client_counts_what_is_served()
client_mixes()
client_warms_up()
signatures_are_right()
floor_moves_bytes()
filled_store_is_whole()
runs()
users_are_measured()
endpoints_are_measured()
run_is_interrupted()
commands_are_measured()
done()
