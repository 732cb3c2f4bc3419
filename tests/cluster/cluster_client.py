# SPDX-License-Identifier: MIT
"""The client of tests/linear, over several servers: each request goes to the one that it has a connection to, or sometimes to another, so what one
of them answers is seen against what the others do. It stops when it is told, not when a server does.

503, and 500 of a change, say no more than no answer does: the change may have been made, or may be made later. A read is never answered 500."""
import contextlib
import http.client
import os
import random
import time

from client import BUCKET, Client, md5, serve

READS = ("GET", "HEAD", "LIST")
TIMEOUT_SECONDS = 6
AVOID_SECONDS = 10 # a server that has just failed, where there is another: each client would lose a change there again and again
PAUSE_SECONDS = 0.15 # before the next try, where nothing answers: each that is tried meanwhile is one more whose end nobody knows


class ClusterClient(Client):
    def __init__(self, number):
        super().__init__(number)
        self.made_once = 0

    def begin(self, address, life, seed, versioned):
        """address: (host, the servers' ports), whatever is there."""
        self.host, self.ports = address
        super().begin((self.host, self.ports[0]), life, seed, versioned)
        self.open, self.kept, self.refusals = {}, [], 0
        self.avoided = {} # port -> until when
        self.is_shaken = False # something has failed: reads alone, until one is answered

    def report(self):
        return {**super().report(), "kept": self.kept, "refusals": self.refusals}

    def connect(self):
        if self.connection is not None and self.rng.random() < 0.7:
            return
        now = time.monotonic()
        for port in sorted(self.rng.sample(self.ports, len(self.ports)), key=lambda port: self.avoided.get(port, 0) > now):
            connection = self.open.get(port) or http.client.HTTPConnection(self.host, port, timeout=TIMEOUT_SECONDS)
            if port not in self.open:
                try:
                    connection.connect()
                except OSError:
                    self.avoid(port)
                    continue
            self.address, self.connection = (self.host, port), connection
            self.open[port] = connection
            return
        time.sleep(PAUSE_SECONDS)
        raise ConnectionError("no server")

    def avoid(self, port):
        self.avoided[port] = time.monotonic() + AVOID_SECONDS

    def disconnect(self):
        if self.connection is not None:
            self.open.pop(self.address[1], None)
        super().disconnect()

    def lost(self, error):
        self.avoid(self.address[1])
        super().lost(error)
        self.is_shaken = True

    def unexpected(self, label, response, body):
        self.refusals += 1
        self.is_shaken = True
        self.avoid(self.address[1])
        self.connection = None # it stays open, for later
        if response.status != 503 and (response.status != 500 or label.startswith(READS)):
            super().unexpected(label, response, body)

    def read_until_answered(self):
        """While a server or the database is being replaced."""
        time.sleep(PAUSE_SECONDS)
        answered = len(self.operations)
        self.look(self.rng.randrange(4), "HEAD")
        self.is_shaken = len(self.operations) == answered

    def keep(self):
        """An object that nobody writes again: once it is answered it is there for ever."""
        body = self.body()
        path = f"/{BUCKET}/kept/{self.number}-{self.life}-{len(self.kept)}-{self.rng.getrandbits(32):x}"
        _, _, response = self.send("PUT", path, body)
        answer = self.read(response) if response else None
        if answer is not None and response.status == 200:
            self.kept.append((path, md5(body)))
        elif answer is not None:
            self.unexpected("PUT of a kept object", response, answer)

    def step(self):
        if self.is_shaken:
            self.read_until_answered()
        elif self.rng.random() < 0.05:
            self.keep()
        else:
            super().step()

    def live(self):
        """Until it is told to stop."""
        while not self.pipe.poll():
            with contextlib.suppress(ConnectionError):
                self.step()
        self.pipe.recv()
        for connection in self.open.values():
            connection.close()


def serve_cluster(number, pipe):
    random.seed(number)
    os.nice(10) # where there is little time, servers and database have it first, or all that is tried here is that nobody answers
    serve(number, pipe, ClusterClient)
