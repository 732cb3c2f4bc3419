# SPDX-License-Identifier: MIT
"""Lives of a cluster: clients of tests/linear over three servers, one thing that goes wrong, all servers ended (killed, or told to), the store checked, and the
next servers started. Each life and the first reads of the next are a history, which is searched for an order while the next life goes on."""
import collections
import concurrent.futures
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, *(os.path.join(os.path.dirname(HERE), name) for name in ("linear", "integration"))]
from client import md5 # noqa: E402 (found by the line before)
from cluster_client import serve_cluster # noqa: E402
from database import Database # noqa: E402
from history import History, judge # noqa: E402
from linear import Run # noqa: E402
from nemesis import EACH_ONCE, KINDS, SERVER_TIMEOUT_SECONDS, Nemesis # noqa: E402
from servers import Servers # noqa: E402

WORKERS = ["--workers", "4"] # each has a connection, which the database has to make at every start
MODES = {"cluster": (WORKERS, False), "cluster-versions": (WORKERS, True)}
QUIET_SECONDS = 0.3 # of work before and after what goes wrong
LONG_QUIET_SECONDS = 8 # before it, in the long form: there all is answered, and the search is short
JUDGED_AT_ONCE = 8 # histories that wait for their judge, at most


class Cluster(Run):
    client_main = staticmethod(serve_cluster)
    is_long = False

    def __init__(self, mode, seed):
        super().__init__(mode, seed, MODES)
        self.kept, self.refusals, self.swallowed, self.done = [], 0, 0, collections.Counter()
        self.plan = list(EACH_ONCE)
        self.fences, self.judging, self.judge = 0, [], concurrent.futures.ThreadPoolExecutor(1)
        if self.is_long:
            self.rng.shuffle(self.plan)
            self.args = [*self.args, "--server-timeout", str(SERVER_TIMEOUT_SECONDS)]

    def serve(self):
        if self.life == 0:
            Servers.connect_s = 10 if self.is_long else Servers.connect_s # beside whatever else is tried in those hours
            self.server = Servers(data=self.data, args=self.args, database=Database(), proxied=True, name=f"linear-{self.name}")
            self.nemesis = Nemesis(self.server, self.rng, self.is_long)
        else:
            self.server.start()

    # ---- One life ----

    def live(self, falsify=True):
        self.take_verdicts(JUDGED_AT_ONCE)
        self.life += 1
        problems = len(self.problems)
        told = (("127.0.0.1", self.server.ports), self.life, self.seed, self.versioned)
        for _, pipe in self.clients:
            pipe.send(told)
        self.suffer()
        for _, pipe in self.clients:
            pipe.send("stop")
        reports = [pipe.recv() for _, pipe in self.clients]
        self.look_at_servers()
        if self.rng.random() < 0.5:
            self.server.kill()
            self.kills += 1
        elif not self.server.stop():
            self.look_at_servers()
        self.server.database.wait_idle()
        death = time.monotonic_ns() # nothing can come of what they had sent
        self.check()
        self.serve()
        reports += [self.first_reads() for _ in range(2)]
        for report in reports:
            self.take(report, 0)
            self.kept += report.get("kept", [])
            self.refusals += report.get("refusals", 0)
        history = History(self.state, [o for report in reports for o in report["operations"]], death, self.copied_as)
        self.state = self.state_after(reports[-1])
        self.look_at(history, falsify)
        self.bad += len(self.problems) > problems

    def look_at(self, history, falsify):
        self.look_at_tags(history)
        self.judging.append((self.life, history, self.judge.submit(judge, self.searches(history, falsify))))

    def take_verdicts(self, left=0):
        """Those that are there, and as many more as leave no more than that to be waited for."""
        while self.judging and (len(self.judging) > left or self.judging[0][2].done()):
            life, history, verdicts = self.judging.pop(0)
            problems = len(self.problems)
            self.settle(life, history, verdicts.result())
            self.bad += len(self.problems) > problems

    def stop_clients(self):
        super().stop_clients()
        self.take_verdicts()
        self.judge.shutdown()

    def suffer(self):
        """One thing goes wrong amid the clients' work: each kind once first, then as chance has it."""
        kind = self.plan.pop(0) if self.plan else self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        self.done[kind] += 1
        self.kind = kind
        time.sleep(self.rng.uniform(0.1, LONG_QUIET_SECONDS if self.is_long else QUIET_SECONDS))
        getattr(self.nemesis, kind)()
        if kind not in ("stall", "swallow"):
            self.nemesis.wait_for_service()
        self.fences = self.nemesis.fences
        self.problems += [f"life {self.life}: {problem}" for problem in self.nemesis.problems]
        self.nemesis.problems.clear()
        time.sleep(self.rng.uniform(0.1, QUIET_SECONDS))
        if kind != "nothing":
            self.kills += 1
        for number in range(len(self.server.servers)): # an order to swallow that met no COMMIT is forgotten
            self.swallowed += len(self.server.proxy.tell("join", number))

    def look_at_servers(self):
        """None ends by itself but one that was taken for dead."""
        for server in self.server.servers:
            if server.process.poll() not in (None, 0) and "taken this one for dead" not in server.log_text():
                self.problems.append(f"life {self.life}: a server has ended with status {server.process.poll()}: {server.log_text()[-1500:]}")

    def check(self, when="the end of its servers"):
        status, output = self.server.check()
        if status != 0:
            self.problems.append(f"life {self.life}: check after {when}: {output}")

    def end(self):
        self.look_at_kept()
        super().end()

    def look_at_kept(self):
        """All that was answered and never written again."""
        wrong = []
        for path, etag in self.kept:
            status, headers, body = self.server.request("GET", path)
            if status != 200 or headers["etag"] != f'"{etag}"' or md5(body) != etag:
                wrong.append(f"{path} {status}")
        if wrong:
            self.problems.append(f"{len(wrong)} of {len(self.kept)} objects that were answered are not there: {wrong[:5]}")
