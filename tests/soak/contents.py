# SPDX-License-Identifier: MIT
"""What each key may hold, as pieces of bytes that can be made again from a few numbers: so a model of many gigabytes needs no memory."""
import hashlib
import random
import threading

PATTERN = random.Random(5).randbytes(6 << 20)
ABSENT = None


class Piece:
    """`length` bytes from `first` on of a body that begins with its own seed."""

    __slots__ = ("seed", "first", "length")

    def __init__(self, seed, length, first=0):
        self.seed, self.first, self.length = seed, first, length

    def bytes(self):
        whole = self.seed.to_bytes(8, "little") + PATTERN[8:]
        return whole[self.first:self.first + self.length]


class Content:
    """The bytes of an object: pieces one after the other."""

    __slots__ = ("pieces", "size")

    def __init__(self, *pieces):
        self.pieces, self.size = pieces, sum(piece.length for piece in pieces)

    def bytes(self):
        return b"".join(piece.bytes() for piece in self.pieces)

    def __eq__(self, other):
        return other is not None and self.bytes() == other.bytes()

    def __repr__(self):
        return f"{self.size} bytes, MD5 {hashlib.md5(self.bytes()).hexdigest()}"


class Key:
    """One key, changed by one client only: `possible` has one content after an answer, old and new while there is none."""

    def __init__(self):
        self.possible = [ABSENT]

    def change(self, content):
        self.possible = [*self.possible, content]

    def settle(self, content):
        self.possible = [content]

    @property
    def is_known(self):
        return len(self.possible) == 1

    @property
    def content(self):
        assert self.is_known
        return self.possible[0]

    def find(self, body):
        """Which of the possible contents these bytes (None: there are none) are: (whether one is, it)."""
        for content in self.possible:
            if body is None and content is ABSENT or body is not None and content is not ABSENT and content.size == len(body) and content.bytes() == body:
                return True, content
        return False, None

    def live_bytes(self):
        return max((content.size for content in self.possible if content is not ABSENT), default=0)


class Tally:
    """What clients did, and what was wrong."""

    def __init__(self):
        self.lock, self.counts, self.problems = threading.Lock(), {}, []

    def count(self, what, much=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + much

    def problem(self, text):
        with self.lock:
            self.problems.append(text)
        print(f"# PROBLEM {text}", flush=True)
