# SPDX-License-Identifier: MIT
"""A cluster for tests: a database, servers on one folder, and between them the proxy of proxy.py. `Servers` is what tests have of `Server`
(sluicetest.py), for all of them at once: each request goes to any one.

With TEST_CLUSTER=1 in the environment some tests of tests/integration have such a cluster in the place of their server."""
import atexit
import http.client
import os
import random
import select
import subprocess
import sys
import tempfile

from database import Database, unusable
from sluicetest import SLUICE, Server, done, run, scratch, skip

HERE = os.path.dirname(os.path.abspath(__file__))
SERVERS = 3
STARTS = 4 # of one server: on a machine with no time for anybody the database may not answer the first
NO_ANSWER = ("Connection refused", "is not connected", "did not start within")


class Proxy:
    """The process of proxy.py."""

    def __init__(self, servers, database):
        command = [sys.executable, os.path.join(HERE, "proxy.py"), str(servers), *[str(node.port) for node in database.nodes]]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.kill)
        self.ports = [[int(word) for word in self.process.stdout.readline().split()] for _ in range(servers)]
        self.heard = [] # answers that nobody has taken yet

    def kill(self):
        self.process.kill()
        self.process.wait()

    def order(self, word, number):
        self.process.stdin.write(f"{word} {number}\n")
        self.process.stdin.flush()

    def tell(self, word, number):
        """An order that is done at once. Answers to `swallow`, which come when they come, are in between."""
        self.order(word, number)
        swallowed, self.heard = self.heard, []
        while (line := self.process.stdout.readline().split()) != ["did", word, str(number)]:
            if not line:
                raise RuntimeError("the proxy has ended")
            swallowed.append(line)
        return swallowed

    def hear(self, seconds):
        """Waits so long for an answer that comes when it comes."""
        if select.select([self.process.stdout], [], [], seconds)[0]:
            self.heard.append(self.process.stdout.readline().split())


class Hopping:
    """What tests have of http.client's connection, each request on one to another server."""

    def __init__(self, servers, timeout):
        self.connections = [http.client.HTTPConnection(server.host, server.port, timeout=timeout) for server in servers]
        self.rng, self.at = random.Random(servers[0].port), None

    def request(self, *words, **more):
        self.at = self.rng.choice(self.connections)
        self.at.request(*words, **more)

    def getresponse(self):
        return self.at.getresponse()

    def close(self):
        for connection in self.connections:
            connection.close()


class Servers:
    """data: the folder they share; of one that was served before, the database is found again. proxied: through a proxy each."""
    databases = {} # data -> Database
    connect_s = 2 # how long the database may need to take a connection

    def __init__(self, data=None, keys=False, args=(), env=None, database=None, proxied=False, count=SERVERS, name="cluster"):
        self.data = data or tempfile.mkdtemp(prefix=f"{name}-", dir=scratch())
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        self.keys, self.args, self.env, self.name = keys, list(args), env, name
        self.database = database or self.databases.get(self.data) or Database(standby=False)
        self.databases[self.data] = self.database
        self.proxy = Proxy(count, self.database) if proxied else None
        self.servers = [None] * count
        self.rng = random.Random(name)
        self.start()

    def url(self, number):
        return self.database.url(self.proxy.ports[number] if self.proxy else None, self.connect_s)

    def start_one(self, number):
        for left in reversed(range(STARTS)):
            try:
                return self.try_one(number)
            except RuntimeError as error:
                if left == 0 or not any(words in str(error) for words in NO_ANSWER):
                    raise

    def try_one(self, number):
        self.servers[number] = Server(data=self.data, keys=self.keys, args=["--cluster", self.url(number), *self.args], env=self.env,
                                      log=scratch(f"{self.name}-{number}.log"))
        return self.servers[number]

    def start(self):
        for number in range(len(self.servers)):
            self.start_one(number)

    @property
    def any(self):
        return self.rng.choice([server for server in self.servers if server.process.poll() is None])

    @property
    def ports(self):
        return [server.port for server in self.servers]

    # ---- As one server ----

    @property
    def host(self):
        return self.servers[0].host

    @property
    def port(self):
        return self.any.port

    def connect(self, timeout=30):
        return Hopping(self.servers, timeout)

    def request(self, *words, **more):
        return self.any.request(*words, **more)

    def kill(self):
        for server in self.servers:
            server.kill()

    def stop(self):
        """Whether all end with status 0. One after the other: those that go on notice nothing."""
        return all([server.stop() for server in self.servers])

    def check(self):
        """`sluice check` of a cluster whose servers have ended: (status, what it said)."""
        if "--cluster" not in run([SLUICE, "help", "check"])[1]: # then there is no check of a cluster
            return 0, ""
        return run([SLUICE, "check", "--cluster", self.database.url(), "--data", self.data])

    def log_text(self):
        return "".join(server.log_text() for server in self.servers)


def server_class():
    """What a test calls to get its server: `Server`, or with TEST_CLUSTER=1 one that is a cluster. No cluster is relaxed, which is left out then."""
    if os.environ.get("TEST_CLUSTER") != "1":
        return Server
    if reason := unusable():
        skip("a cluster in the place of a server", reason)
        done()

    def make(data=None, args=(), **more):
        words = list(args)
        if "--durability" in words:
            del words[words.index("--durability"):words.index("--durability") + 2]
        return Servers(data=data, args=words, **more)
    return make


def checked(server):
    """Of one that has ended: (status, what `sluice check` said)."""
    return server.check() if isinstance(server, Servers) else run([SLUICE, "check", "--data", server.data])
