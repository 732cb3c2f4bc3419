#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stands between servers and the nodes of their database, a port for each pair of them, and does on order what networks do at the worst moment:

    proxy.py SERVERS PORT...        the nodes' ports; it says its own, a line for each server

    swallow N       the answer to server N's next COMMIT that wrote something is kept from it, and its connection cut: committed, and nobody knows
    cut N           all of its connections are cut now
    part N          cut, and no new ones, until `join N`
    hold N          nothing passes any more in either direction, and no connection is cut, until `join N`
    down N, up N    node N is to be refused at its ports, as by a machine where nothing listens; or is there again

Orders come as lines on standard input. `did swallow N` is answered when it was done; its end is the end of the input.

Of the protocol it reads what frames are: a byte of type, four of length. CommandComplete (C) says what was done, ReadyForQuery (Z) in which
state the session is. Connections must not ask for encryption (sslmode=disable, gssencmode=disable), whose answer is no frame."""
import asyncio
import struct
import sys

HEAD_BYTES = 5
COMMIT = b"C\0\0\0\x0bCOMMIT\0"
WRITES = (b"INSERT", b"UPDATE", b"DELETE")
CHUNK_BYTES = 1 << 16


class Answers:
    """What a node sends on one connection, frame by frame; frames that are not looked at pass as they come."""

    def __init__(self):
        self.left = 0           # of a frame that passes
        self.held = bytearray() # the beginning of one that is looked at
        self.wrote = False      # since the session was idle

    def feed(self, data):
        """(what may pass, whether a COMMIT of something follows it, what comes from there on)."""
        data = bytes(self.held) + data
        self.held.clear()
        at = min(self.left, len(data))
        self.left -= at
        while at < len(data):
            if len(data) - at < HEAD_BYTES:
                break
            kind, length = struct.unpack_from("!cI", data, at)
            if kind in b"CZ":
                if len(data) - at < length + 1:
                    break
                if kind == b"Z":
                    self.wrote = self.wrote and data[at + HEAD_BYTES:at + HEAD_BYTES + 1] != b"I"
                elif data.startswith(COMMIT, at):
                    if self.wrote:
                        self.wrote = False
                        return data[:at], True, data[at:]
                else:
                    self.wrote = self.wrote or data.startswith(WRITES, at + HEAD_BYTES)
                at += length + 1
            else:
                step = min(length + 1, len(data) - at)
                self.left = length + 1 - step
                at += step
        self.held += data[at:]
        return data[:at], False, b""


class Link:
    """A connection of a server to a node."""

    def __init__(self, side, reader, writer):
        self.side, self.server, self.answers = side, (reader, writer), Answers()
        self.node = None

    async def run(self, port):
        try:
            self.node = await asyncio.open_connection("127.0.0.1", port)
            self.side.links.add(self)
            await asyncio.gather(self.ask(), self.answer())
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.cut()

    def cut(self):
        self.side.links.discard(self)
        for pair in (self.server, self.node):
            if pair:
                pair[1].transport.abort()

    async def ask(self):
        while data := await self.server[0].read(CHUNK_BYTES):
            await self.side.open.wait()
            self.node[1].write(data)
            await self.node[1].drain()
        self.cut()

    async def answer(self):
        while data := await self.node[0].read(CHUNK_BYTES):
            await self.side.open.wait()
            while data:
                passes, is_commit, data = self.answers.feed(data)
                self.server[1].write(passes)
                if is_commit and self.side.swallows:
                    self.side.swallows = False
                    self.cut()
                    print(f"did swallow {self.side.number}", flush=True)
                    return
                if is_commit: # it passes after all
                    self.server[1].write(data[:len(COMMIT)])
                    data = data[len(COMMIT):]
            await self.server[1].drain()
        self.cut()


class Side:
    """What one server sees of the database."""

    def __init__(self, number):
        self.number, self.links, self.swallows, self.is_parted, self.listeners = number, set(), False, False, []
        self.open = asyncio.Event()
        self.open.set()

    def cut(self):
        for link in list(self.links):
            link.cut()

    async def listen(self, port):
        """For a node: our own port, which stays when it is closed and opened again."""
        async def on_connection(reader, writer):
            if self.is_parted:
                writer.transport.abort()
            else:
                await Link(self, reader, writer).run(port)
        server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
        self.listeners.append([server, server.sockets[0].getsockname()[1], on_connection])
        return self.listeners[-1][1]

    async def set_node(self, node, is_up):
        server, ours, on_connection = self.listeners[node]
        if is_up and server is None:
            self.listeners[node][0] = await asyncio.start_server(on_connection, "127.0.0.1", ours)
        elif not is_up and server is not None:
            server.close()
            self.listeners[node][0] = None

    def obey(self, word):
        if word == "swallow":
            self.swallows = True
            return
        if word in ("cut", "part"):
            self.is_parted = word == "part"
            self.cut()
        elif word == "hold":
            self.open.clear()
        elif word == "join":
            self.is_parted = self.swallows = False
            self.open.set()
        print(f"did {word} {self.number}", flush=True)


async def main():
    sides = [Side(number) for number in range(int(sys.argv[1]))]
    for side in sides:
        print(*[await side.listen(int(port)) for port in sys.argv[2:]], flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        word, number = line.decode().split()
        if word in ("down", "up"):
            for side in sides:
                await side.set_node(int(number), word == "up")
            print(f"did {word} {number}", flush=True)
        else:
            sides[int(number)].obey(word)


asyncio.run(main())
