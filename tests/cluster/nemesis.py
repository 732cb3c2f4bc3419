# SPDX-License-Identifier: MIT
"""What goes wrong in a life of a cluster, once clients are at work. Each ends with everything in its place again, or on its way there."""
import os
import re
import signal
import socket
import time

STALL_SECONDS, SHORT_STALL_SECONDS = 10, 2.5
PART_SECONDS = 3
SERVER_TIMEOUT_SECONDS = 10 # --server-timeout of the long form: a stall is shorter, a fence takes longer
FENCE_SECONDS = 120 # in which a server is taken for dead, or ends because it was
LATE_BYTES, LATE_UPLOADS = 300_000, 4
SWALLOW_SECONDS = 10 # in which a server that clients are at work with commits something


class Nemesis:
    def __init__(self, servers, rng, is_long):
        self.servers, self.rng, self.is_long = servers, rng, is_long
        self.database, self.proxy = servers.database, servers.proxy
        self.fences, self.problems = 0, []

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

    def fence(self):
        """SIGSTOP, until the others have taken it for dead, and sometimes until they have cleared away what it left; then SIGCONT. It ends itself and has changed
        nothing, though uploads wait for it whose second half came meanwhile; then the next one begins."""
        number = self.some()
        server = self.servers.servers[number]
        me = int(re.findall(r"this is server (\d+)", server.log_text())[-1])
        uploads = [self.half_upload(server, f"/linear/late/{me}-{number}") for number in range(LATE_UPLOADS)]
        os.kill(server.process.pid, signal.SIGSTOP)
        enough = self.rng.choice((1, 2))
        self.until(lambda: self.database.primary.ask(f"SELECT dead >= {enough} FROM server WHERE id = {me}") == "t", "a silent server is not taken for dead")
        for sock in uploads:
            sock.sendall(bytes(LATE_BYTES - LATE_BYTES // 2))
        before = self.row_of(me)
        os.kill(server.process.pid, signal.SIGCONT)
        self.until(lambda: server.process.poll() is not None, "one that was taken for dead does not end")
        self.fences += 1
        if server.process.poll() != 1 or "taken this one for dead" not in server.log_text():
            self.problems.append(f"server {me} was taken for dead and ends with status {server.process.poll()}: {server.log_text()[-1500:]}")
        if self.row_of(me) != before:
            self.problems.append(f"server {me} was taken for dead and has written: {before}, {self.row_of(me)}")
        for sock in uploads:
            if b" 200 " in self.answer(sock):
                self.problems.append(f"server {me} was taken for dead and has answered an upload with 200")
            if self.servers.request("HEAD", f"/linear/late/{me}-{uploads.index(sock)}")[0] != 404:
                self.problems.append(f"server {me} was taken for dead, and an object is there that came to it later")
        self.servers.start_one(number)

    def half_upload(self, server, path):
        sock = socket.create_connection((server.host, server.port), 30)
        sock.sendall(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LATE_BYTES}\r\n\r\n".encode() + bytes(LATE_BYTES // 2))
        return sock

    def answer(self, sock):
        """Its first bytes, if there are any."""
        try:
            return sock.recv(100)
        except OSError:
            return b""
        finally:
            sock.close()

    def row_of(self, server):
        return self.database.primary.ask(f"SELECT epoch, batch FROM server WHERE id = {server}")

    def until(self, holds, sentence):
        ends = time.monotonic() + FENCE_SECONDS
        while not holds():
            if time.monotonic() > ends:
                raise RuntimeError(sentence)
            time.sleep(0.1)

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

    def wait_for_service(self, seconds=180):
        """Until each server that runs makes a change again."""
        ends = time.monotonic() + seconds
        for server in self.servers.servers:
            while server.process.poll() is None and not self.answers(server):
                if time.monotonic() > ends:
                    raise RuntimeError("a server makes no change three minutes after the database is there again: " + server.log_text()[-1500:])
                time.sleep(0.1)

    def answers(self, server):
        try:
            return server.request("PUT", "/linear/aside", body=b"", timeout=10)[0] == 200
        except OSError:
            return False


# How often each, in so many lives of the long form.
KINDS = {"nothing": 2, "kill_server": 5, "kill_primary": 2, "kill_standby": 1, "stall": 1, "fence": 2, "swallow": 5, "cut": 3, "part": 2, "hold": 2}
EACH_ONCE = ["kill_server", "swallow", "kill_primary", "cut", "part", "fence", "stall", "hold", "kill_standby"] # the first ones in the short form, too
