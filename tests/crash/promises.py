# SPDX-License-Identifier: MIT
"""What clients were promised, and which states of the store keep it.

Each key is changed by one client alone, so its changes have an order: their sequence numbers. Each change and each read has a begin and an end,
positions in the log of the recording. At a cut a change that had ended is there, one that had not begun is not, and one in between may be;
what a read had shown is there, or something newer. A change that got no answer in one life of the server and was not there in a later
one never comes back.

Bodies tell what they are: each cell of 128 bytes names its value and its place."""
import hashlib
import random
import time

CELL = 128
NEVER = 1 << 62
_block = random.Random(7).randbytes(1 << 16)


def make_body(value, size):
    """The bytes of a value: value is a number."""
    fill = _block[value % 997 * 61:][:CELL - 18]
    return b"".join(b"%08x.%08x." % (value, at) + fill for at in range(0, size, CELL))[:size]


def digest(body):
    return hashlib.md5(body).hexdigest()


def describe(body, want=None):
    """For people: what is in a body that is not what it should be."""
    if not body:
        return "empty"
    zeros, values, odd = [], {}, []
    for at in range(0, len(body), CELL):
        cell = body[at:at + CELL]
        if not cell.strip(b"\0"):
            zeros.append(at)
            continue
        try:
            value, place = int(cell[:8], 16), int(cell[9:17], 16)
        except ValueError:
            odd.append(at)
            continue
        if cell == make_body_cell(value, place)[:len(cell)]:
            values[value] = values.get(value, 0) + 1
        else:
            odd.append(at)
    text = f"{len(body)} bytes, cells of values {values}"
    if zeros:
        text += f", {len(zeros)} cells of zeros from {zeros[0]} on"
    if odd:
        text += f", {len(odd)} others from {odd[0]} on"
    return text


def make_body_cell(value, at):
    return b"%08x.%08x." % (value, at) + _block[value % 997 * 61:][:CELL - 18]


class Change:
    """One change of a key: content is (digest, size) of what it holds then, None when it is absent."""
    __slots__ = ("seq", "content", "life", "begin", "begin_ns", "end", "end_ns", "etag", "version", "kind", "target")

    def __init__(self, seq, content, life, begin, kind="put", target=None):
        self.begin_ns = time.monotonic_ns()
        self.seq, self.content, self.life, self.begin, self.kind, self.target = seq, content, life, begin, kind, target
        self.end, self.end_ns, self.etag, self.version = NEVER, NEVER, None, None


class Key:
    def __init__(self, bucket, name):
        self.bucket, self.name = bucket, name
        first = Change(0, None, 0, 0, "absent")
        first.end = first.begin_ns = first.end_ns = 0
        self.changes, self.reads = [first], []

    def change(self, content, life, begin, kind="put", target=None):
        self.changes.append(Change(len(self.changes), content, life, begin, kind, target))
        return self.changes[-1]

    # ---- A key without versions ----

    def _floor(self, cut, until_ns):
        """The newest change that is there for certain."""
        floor = max(change.seq for change in self.changes if change.end <= cut and change.end_ns <= until_ns)
        for read in self.reads:
            if read.end <= cut and read.end_ns <= until_ns:
                floor = max(floor, read.seen)
        return floor

    def _is_dead(self, change, cut):
        return change.end == NEVER and any(
            read.life > change.life and read.end <= cut and read.seen < change.seq and read.certain for read in self.reads)

    def possible(self, cut, until_ns=NEVER):
        """The changes that may be the last one in a state of this cut."""
        floor = self._floor(cut, until_ns)
        return [change for change in self.changes
                if change.seq == floor or (change.seq > floor and change.begin <= cut and not self._is_dead(change, cut))]

    def see(self, content, life, begin_ns, end, end_ns, is_early_promised=True):
        """A read by a client. None when it saw what it may; else what is wrong. In time, not in positions: between two records of the log
        many answers can be sent. What is seen of a change of this life before its answer is a promise, too, if is_early_promised."""
        floor = max(each.seq for each in self.changes if each.end_ns <= begin_ns)
        floor = max([floor] + [read.seen for read in self.reads if read.end_ns <= begin_ns])
        may = [change for change in self.changes if change.seq == floor or change.seq > floor and change.begin_ns <= end_ns and
               not self._is_dead(change, NEVER)]
        candidates = [change for change in may if change.content == content]
        if not candidates:
            return f"{self.bucket}/{self.name} shows {content}, not one of {[change.content for change in may]}"
        first = min(candidates, key=lambda change: change.seq)
        if is_early_promised or first.end != NEVER or first.life < life:
            self.reads.append(Read(content, life, end, end_ns, first.seq, len(candidates) == 1))
        return None

    # ---- A key with versions: each put and marker adds one, each removal takes one away ----

    def versions(self, cut):
        """(those that must be there, those that may be), each a list of changes, oldest first."""
        must, may = [], []
        gone = {change.target: change for change in self.changes if change.kind == "remove" and change.begin <= cut}
        for change in self.changes:
            if change.kind not in ("put", "marker") or change.begin > cut:
                continue
            removal = gone.get(change.seq)
            if removal is not None and removal.end <= cut:
                continue
            shown = [read for read in self.version_reads if read.end <= cut]
            if removal is not None and any(read.life > removal.life and change.seq in read.seen_all for read in shown):
                removal = None # it got no answer, and it had not happened
            was_seen = any(change.seq in read.seen_all for read in shown)
            dead = change.end == NEVER and any(read.life > change.life and change.seq not in read.seen_all for read in shown)
            removed = any(read.life > removal.life and change.seq not in read.seen_all for read in shown) if removal is not None else False
            if dead or removed:
                continue
            (must if removal is None and (change.end <= cut or was_seen) else may).append(change)
        return must, may

    version_reads = ()

    def see_versions(self, shown, life, begin, end):
        """shown: [(content or None, version id)], newest first, of a quiet key. What is wrong, or None."""
        must, may = self.versions(begin)
        problem, matched = match_versions(self, shown, must, may)
        if problem is not None:
            return problem
        read = VersionsRead(life, begin, end, {change.seq for change in matched})
        for change, (_, version) in zip(matched, shown):
            change.version = version
        self.version_reads = (*self.version_reads, read)
        return None


class Read:
    """seen: the sequence number of what it showed; certain, unless that was one of several alike."""
    __slots__ = ("content", "life", "end", "end_ns", "seen", "certain")

    def __init__(self, content, life, end, end_ns, seen, certain):
        self.content, self.life, self.end, self.end_ns, self.seen, self.certain = content, life, end, end_ns, seen, certain


class VersionsRead:
    __slots__ = ("life", "begin", "end", "seen_all")

    def __init__(self, life, begin, end, seen_all):
        self.life, self.begin, self.end, self.seen_all = life, begin, end, seen_all


def match_versions(key, shown, must, may):
    """Whether [(content, version id)], newest first, is a possible list of these: (what is wrong or None, the changes in that order)."""
    left = sorted(must + may, key=lambda change: -change.seq)
    known = {change.version for change in left if change.version is not None}
    matched, at = [], 0
    for content, version in shown:
        its_own = version if version in known else None # None: a change that got no answer
        while at < len(left) and not (left[at].content == content and left[at].version == its_own):
            at += 1
        if at == len(left):
            return f"{key.bucket}/{key.name} has a version {version} {content} that it cannot have, or not at this place", []
        matched.append(left[at])
        at += 1
    missing = [change for change in must if change not in matched]
    if missing:
        return f"{key.bucket}/{key.name} lacks the version {missing[0].seq} {missing[0].version} {missing[0].content}", []
    return None, matched


class Upload:
    """A multipart upload: parts is {number: [Change]}."""

    def __init__(self, bucket, name, identity, begin, end):
        self.bucket, self.name, self.identity, self.begin, self.end, self.end_ns = bucket, name, identity, begin, end, 0
        self.closed_begin = self.closed_end = NEVER
        self.parts = {}

    def part(self, number, content, life, begin):
        changes = self.parts.setdefault(number, [])
        changes.append(Change(len(changes), content, life, begin))
        return changes[-1]


class History:
    """Everything that was promised in one recording."""

    def __init__(self):
        self.keys, self.uploads, self.problems = {}, [], []
        self.groups = [] # of changes that are there together or not at all: [(key, change), ...]
        self.prepared = self.served = NEVER # positions: the buckets are made; the server had begun to serve
        self.begin = 0    # position from which on anything is promised
        self.values = 0
        self.acknowledged = 0
        self.lives = []   # positions at which the lives of the server begin
        self.end = NEVER  # and at which the last one has ended

    def key(self, bucket, name):
        """One for all who ask for it, also at once."""
        return self.keys.setdefault((bucket, name), Key(bucket, name))

    def promise_later(self, position):
        """What was answered so far is promised from there on."""
        self.begin = position
        for key in self.keys.values():
            for each in (*key.changes[1:], *key.reads, *key.version_reads):
                if each.end != NEVER:
                    each.end = position
        self.prepared = self.served = position

    def value(self, size):
        """A new value's bytes."""
        self.values += 1
        return make_body(self.values, size)
