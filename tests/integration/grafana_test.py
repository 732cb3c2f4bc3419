#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deploy/grafana.json asks for what there is: its queries are run by a Prometheus of the machine's against a server that was used, and each
has an answer; without one, the names and labels that they use are compared with the page."""
import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

from sluicetest import ROOT, SLUICE, TLS, Server, check, done, equal, free_port, scratch, skip

LABELS_OF_PROMETHEUS = {"instance", "le", "job"}
# What has no samples before it happens, and cannot happen here.
MAY_BE_EMPTY = {"Damaged reads"}


def queries():
    with open(os.path.join(ROOT, "deploy", "grafana.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    found = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"] if "sluice_cluster_" not in target["expr"]] # cluster_test has those
    found += [(f"variable {one['name']}", re.sub(r"label_values\((.*), \w+\)", r"\1", one["query"]))
              for one in dashboard["templating"]["list"] if one["type"] == "query"]
    return dashboard, found


def used():
    with open(scratch("targets"), "w") as out:
        out.write("[hook]\nurl = http://127.0.0.1:1/\nbuckets = *\nusers = *\n")
    server = Server(args=["--notifications", scratch("targets")])
    for method, path, body in (("PUT", "/seen", b""), ("PUT", "/seen?sluice-cache", b"<CacheConfiguration><MaxSize>1M</MaxSize></CacheConfiguration>"),
                               ("PUT", "/seen/key", b"content"), ("GET", "/seen/key", b""), ("GET", "/seen/none", b"")):
        server.request(method, path, body)
    subprocess.run([SLUICE, "bucket", "quota", "seen", "bytes=1G", "objects=1000", "--data", server.data], check=True, timeout=60)
    return server


def names_stand(page, found):
    labels = {}
    for name, inner in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", page, re.M):
        labels.setdefault(name, set()).update(re.findall(r'(\w+)="', inner))
    for title, query in found:
        names = set(re.findall(r"\bsluice_\w+", query))
        check(names and names <= set(labels), f"{title}: its names are on the page", names - set(labels))
        asked = set(re.findall(r"by \(([^)]*)\)", query))
        asked = {label.strip() for group in asked for label in group.split(",")} | set(re.findall(r"[{,](\w+)=", query))
        known = set.union(LABELS_OF_PROMETHEUS, *(labels.get(name, set()) for name in names))
        check(asked <= known, f"{title}: and so are its labels", asked - known)


def ask(port, query):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)["data"]["result"]


def asked_of_prometheus(server, found):
    prometheus = shutil.which("prometheus")
    if prometheus is None or TLS:
        skip("its queries have answers", "no prometheus" if prometheus is None else "the names are the same over TLS")
        return
    port = free_port()
    with open(scratch("prometheus.yml"), "w", encoding="utf-8") as file:
        file.write("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: sluice\n  metrics_path: /-/metrics\n"
                   f"  static_configs: [{{targets: ['127.0.0.1:{server.port}']}}]\n")
    with open(scratch("prometheus.log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen([prometheus, "--config.file", scratch("prometheus.yml"), "--storage.tsdb.path", scratch("prometheus"),
                                    "--web.listen-address", f"127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                if len(ask(port, "count_over_time(sluice_info[1m]) >= 3")) > 0:
                    break
            except (OSError, KeyError):
                pass
            time.sleep(0.1)
        for title, query in found:
            answer = ask(port, query.replace("$instance", ".*").replace("$__rate_interval", "1m"))
            check(answer or title in MAY_BE_EMPTY, f"{title}: its query has an answer", query)
    finally:
        process.terminate()
        process.wait()


def main():
    dashboard, found = queries()
    equal(len({panel["id"] for panel in dashboard["panels"]}), len(dashboard["panels"]), "panels have numbers of their own")
    server = used()
    names_stand(server.request("GET", "/-/metrics")[2].decode(), found)
    asked_of_prometheus(server, found)
    check(server.stop(), "the server ends cleanly")
    done()


main()
