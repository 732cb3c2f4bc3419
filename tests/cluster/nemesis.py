# SPDX-License-Identifier: MIT
"""What goes wrong in a life of a cluster, once clients are at work. Each ends with everything in its place again, or on its way there."""
import os
import signal
import time

STALL_SECONDS, SHORT_STALL_SECONDS = 10, 2.5
PART_SECONDS = 3
SWALLOW_SECONDS = 10 # in which a server that clients are at work with commits something


class Nemesis:
    def __init__(self, servers, rng, is_long):
        self.servers, self.rng, self.is_long = servers, rng, is_long
        self.database, self.proxy = servers.database, servers.proxy

    def some(self):
        return self.rng.randrange(len(self.servers.servers))

    def nothing(self):
        """Only the clients."""

    def kill_server(self):
        """kill -9, and the next one on the same folder at once."""
        number = self.some()
        self.servers.servers[number].kill()
        self.servers.start_one(number)

    def kill_primary(self):
        """kill -9 of the whole primary; the standby is promoted, and gets a standby."""
        lost = self.database.nodes.index(self.database.primary)
        self.database.primary.kill()
        self.proxy.tell("down", lost)
        self.database.promote()
        self.wait_for_service()
        self.database.follow()
        self.proxy.tell("up", lost)

    def kill_standby(self):
        """Commits wait until it is back."""
        lost = self.database.standby
        lost.kill()
        time.sleep(self.rng.uniform(0, 1))
        lost.start()

    def stall(self):
        """SIGSTOP and SIGCONT: it goes on rightly, or ends itself because it was taken for dead; then the next one begins."""
        number = self.some()
        process = self.servers.servers[number].process
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(STALL_SECONDS if self.is_long else SHORT_STALL_SECONDS)
        os.kill(process.pid, signal.SIGCONT)

    def swallow(self):
        """The answer to a COMMIT is kept from a server: committed, and nobody knows."""
        self.proxy.order("swallow", self.some())
        self.proxy.hear(SWALLOW_SECONDS)

    def cut(self):
        """All connections of a server to the database."""
        self.proxy.tell("cut", self.some())

    def part(self):
        """A server without a database for a while: 503 meanwhile, and service again by itself."""
        number = self.some()
        self.proxy.tell("part", number)
        time.sleep(self.rng.uniform(0.5, PART_SECONDS))
        self.proxy.tell("join", number)

    def hold(self):
        """The same, with a database that is silent instead of gone."""
        number = self.some()
        self.proxy.tell("hold", number)
        time.sleep(self.rng.uniform(0.5, PART_SECONDS))
        self.proxy.tell("join", number)

    def wait_for_service(self, seconds=60):
        """Until each server that runs makes a change again."""
        ends = time.monotonic() + seconds
        for server in self.servers.servers:
            while server.process.poll() is None and not self.answers(server):
                if time.monotonic() > ends:
                    raise RuntimeError("a server makes no change a minute after the database is there again: " + server.log_text()[-1500:])
                time.sleep(0.1)

    def answers(self, server):
        try:
            return server.request("PUT", "/linear/aside", body=b"", timeout=10)[0] == 200
        except OSError:
            return False


# How often each, in so many lives.
KINDS = {"nothing": 2, "kill_server": 5, "kill_primary": 2, "kill_standby": 1, "stall": 1, "swallow": 5, "cut": 3, "part": 2, "hold": 2}
EACH_ONCE = ["kill_server", "swallow", "kill_primary", "cut", "part", "stall", "hold", "kill_standby"] # the first ones in the short form, too
