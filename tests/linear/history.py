# SPDX-License-Identifier: MIT
"""Histories: from what clients wrote down to what the checker reads, and falsified ones, which it must find.

Falsified answers are chosen so that no order can explain them, which is shown without the checker. The main argument: an answered
operation says that the key has y; whoever may give it x has been answered before that one began; so nobody who begins after
it was answered can find x."""
import os
import subprocess

from client import ABSENT
from sluicetest import BUILD

CHECKER = os.path.join(BUILD, "tests", "linear", "linear_check")
TRIES = 25


class History:
    def __init__(self, state, operations, death, copied_as):
        """state: ETags of the keys at the beginning. death: when the server was dead, and whatever it answered is among operations.
        copied_as: ETags of objects of parts, and those of their copies."""
        self.state, self.operations, self.death, self.copied_as = state, sorted(operations, key=lambda o: o.begin), death, copied_as

    def named(self):
        """Values that an answer or a condition speaks of, or whose copy one speaks of. To the others everything that happens is alike, so they are one value
        in the text: of two changes that nobody answered, and nobody saw, it does not matter which one was made."""
        named = {ABSENT, *self.state, *(t[2] for o in self.operations for t in o.terms if t[0] in "=!")}
        return named | {etag for etag, copy in self.copied_as.items() if copy in named}

    def text(self, name):
        numbers, named = {ABSENT: 0}, self.named()

        def number(value):
            return numbers.setdefault(value if value in named else "another", len(numbers))

        def term(kind, key, value):
            return f"{key}{kind}{value}" if kind in "@&" else f"{key}{kind}{number(value)}"
        lines = [f"history {name}", "state " + " ".join(str(number(etag)) for etag in self.state)]
        lines += [f"op {o.begin} {'-' if o.end is None else o.end} " + " ".join(term(*t) for t in o.terms) for o in self.operations]
        lines += [f"copied {numbers[etag]} {number(copy)}" for etag, copy in self.copied_as.items() if etag in numbers]
        return "\n".join(lines + [f"death {self.death}", ""])

    def replaced(self, old, new):
        """With another operation in the place of that one, or with none."""
        return History(self.state, [o for o in self.operations if o is not old] + ([new] if new else []), self.death, self.copied_as)

    def around(self, index, count=30):
        """For people: the operation that cannot be explained, and those before it that touch its keys."""
        last = self.operations[index]
        keys = {t[1] for t in last.terms}
        before = [o for o in self.operations if o.begin <= (last.end or self.death) and o is not last
                  and any(t[1] in keys or t[0] in "@&" and t[2] in keys for t in o.terms)]
        return [describe(o, self.operations[0].begin) for o in before[-count:] + [last]]


def describe(operation, zero):
    end = "-" if operation.end is None else f"{(operation.end - zero) / 1e6:.3f}"
    terms = " ".join(f"{key}{kind}{str(value)[:12]}" for kind, key, value in operation.terms)
    return f"{(operation.begin - zero) / 1e6:10.3f} {end:>10} client {operation.client} {operation.label:16} {terms}"


def judge(histories):
    """{name: History} -> {name: "yes N", "no INDEX" or "too-large"}."""
    text = "".join(history.text(name) for name, history in histories.items())
    result = subprocess.run([CHECKER], input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{CHECKER}: status {result.returncode} {result.stderr}")
    return dict(line.split(" ", 1) for line in result.stdout.splitlines())


# ---- What is known of one operation ----

def writes(operation):
    return any(kind in ":@&" for kind, _, _ in operation.terms)


def may_give(operation, key, value):
    for kind, k, v in operation.terms:
        if k == key and kind == ":" and v == value:
            return True
        if k == key and kind == "@":
            copied = [t[2] for t in operation.terms if t[0] == "=" and t[1] == v]
            if not copied or copied[0] == value:
                return True
        if k == key and kind == "&":
            told = [t[2] for t in operation.terms if t[:2] == ("=", key)]
            if not told or told[0] == value:
                return True
    return False


def leaves(operation, key):
    """(value,) when an answered operation tells what the key has at its moment, or after it when it writes; else ()."""
    known = ()
    for kind, k, v in operation.terms:
        if k == key and kind in "=:":
            known = (v,)
        elif k == key and kind == "@":
            known = tuple(t[2] for t in operation.terms if t[0] == "=" and t[1] == v)
    return known if operation.end is not None else ()


class Falsifier:
    def __init__(self, history, rng):
        self.history, self.rng = history, rng
        self.answered = [o for o in history.operations if o.end is not None]

    def last_known(self, key, before):
        """An answered operation that ended before that moment and tells of the key, as late as possible."""
        known = [o for o in self.answered if o.end < before and leaves(o, key)]
        return max(known, key=lambda o: o.begin, default=None)

    def impossible(self, key, value, witness, until):
        """Whether the key cannot have the value at any moment between the witness' own and that one."""
        return leaves(witness, key) != (value,) and not any(
            may_give(o, key, value) and o.begin <= until and (o.end is None or o.end >= witness.begin) for o in self.history.operations)

    def some(self, fits):
        """Answered operations that fit, in a random order; not too many."""
        found = [o for o in self.answered if fits(o)]
        return self.rng.sample(found, min(len(found), TRIES))

    def values_before(self, key, moment):
        values = {self.history.state[key], *(v for o in self.answered if o.end < moment for v in leaves(o, key))}
        return self.rng.sample(sorted(values, key=str), len(values))

    def with_answer(self, read, key, value):
        terms = tuple(("=", key, value) if t[:2] == ("=", key) else t for t in read.terms)
        return self.history.replaced(read, read._replace(terms=terms))

    def stale(self, fits):
        for read in self.some(fits):
            key = self.rng.choice([t[1] for t in read.terms])
            witness = self.last_known(key, read.begin)
            for value in self.values_before(key, read.begin) if witness else ():
                if (("=", key, value) not in read.terms) and self.impossible(key, value, witness, read.end):
                    return self.with_answer(read, key, value)
        return None

    def stale_read(self):
        """A GET or HEAD shows what the key had once."""
        return self.stale(lambda o: o.label in ("GET 200", "HEAD 200", "GET 404", "HEAD 404") and o.begin < self.history.death)

    def mixed_list(self):
        """A LIST shows one key as it was once."""
        return self.stale(lambda o: o.label == "LIST 200" and o.begin < self.history.death)

    def lost_at_the_crash(self):
        """The first reads after the restart show what the key had once."""
        return self.stale(lambda o: o.begin > self.history.death and not writes(o))

    def read_too_early(self):
        """A GET shows what is written later."""
        for read in self.some(lambda o: o.label == "GET 200"):
            key = read.terms[0][1]
            later = [t[2] for o in self.history.operations if o.begin > read.end
                     for t in o.terms if t[:2] == (":", key) and t[2] is not ABSENT]
            if later:
                return self.with_answer(read, key, self.rng.choice(later))
        return None

    def seen_writes(self, label):
        seen = {t[2] for o in self.answered for t in o.terms if t[0] == "="}
        return self.some(lambda o: o.label == label and o.terms[-1][2] in seen)

    def write_that_failed(self):
        """A PUT that others saw is answered with an error."""
        for write in self.seen_writes("PUT 200"):
            return self.history.replaced(write, None)
        return None

    def winner_that_lost(self):
        """A PUT with If-None-Match that others saw is answered with 412."""
        for write in self.seen_writes("CREATE 200"):
            return self.history.replaced(write, write._replace(terms=(("!", write.terms[0][1], ABSENT),)))
        return None

    def update_that_lost(self):
        """A PUT with If-Match that others saw is answered with 412."""
        for write in self.seen_writes("SWAP 200"):
            _, key, old = write.terms[0]
            return self.history.replaced(write, write._replace(terms=(("!", key, old), ("!", key, ABSENT))))
        return None

    def turned(self, label, expected):
        """412 becomes 200 where what had to be there cannot have been."""
        for loser in self.some(lambda o: o.label == label):
            key, value = loser.terms[0][1], expected(loser)
            witness = self.last_known(key, loser.begin)
            if witness and self.impossible(key, value, witness, loser.end):
                return self.history.replaced(loser, loser._replace(terms=(("=", key, value), (":", key, "a new value"))))
        return None

    def second_winner(self):
        """A PUT with If-None-Match wins although the key is there."""
        return self.turned("CREATE 412", lambda loser: ABSENT)

    def lost_update(self):
        """A PUT with If-Match wins although the key has another ETag."""
        return self.turned("SWAP 412", lambda loser: loser.terms[0][2])

    def all(self):
        """{kind: History} of those that this history allows."""
        kinds = (self.stale_read, self.mixed_list, self.lost_at_the_crash, self.read_too_early, self.write_that_failed,
                 self.winner_that_lost, self.update_that_lost, self.second_winner, self.lost_update)
        made = {kind.__name__: kind() for kind in kinds}
        return {name: history for name, history in made.items() if history}
