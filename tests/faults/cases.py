# SPDX-License-Identifier: MIT
"""Which calls fail when, and what comes of each: cases are found by watching a scenario in which nothing fails, and tried one by one."""
import os
import shutil
import signal
import subprocess
import traceback
from typing import NamedTuple, Optional

import control
import lab
import scenario

# How a server is run: its engine, and more arguments.
SETTINGS = {
    "threads": ("threads", ()),
    "uring": ("auto", ()),
    "copying": ("threads", ("--copy-mode", "standard")),
    "relaxed": ("threads", ("--durability", "relaxed")),
}
PHASES = ("serve", "start", "recover", "stop")
LASTING = 1_000_000  # calls: until the turn is over
TURNS_WATCHED = 4


class Case(NamedTuple):
    setting: str
    phase: str
    kind: str
    place: int             # 0: any of that kind
    occurrence: int        # which of the calls from that place in a turn, from 0
    action: Optional[int]  # an errno; None: it does half
    times: int

    def name(self):
        return f"{self.setting}/{self.phase}/{self.kind}/{self.place:x}/{self.occurrence}/{control.action_name(self.action)}/{self.times}"

    def is_silent(self):
        """Nobody can be answered as long as no connection comes to a worker."""
        return self.forgets_sockets() or self.times == LASTING and self.kind in ("accept", "socket", "receive", "send")

    def forgets_sockets(self):
        """Where epoll_ctl() fails, libh2o forgets of a socket what it wanted to know, and only the connection's timeout ends it."""
        return self.kind == "event"

    def is_harmless(self):
        return (self.kind, self.action) in control.HARMLESS


def occurrences(count):
    """Of so many calls from one place: the first, one amid, the last."""
    return sorted({0, count // 2, count - 1})


def cases_of(setting, phase, places):
    """All that can be made of the places that were seen: {hash: (kind, calls a turn, frames)}."""
    found = []
    for place, (kind, count, _) in sorted(places.items(), key=lambda item: (item[1][0], item[0])):
        for action in control.ACTIONS[kind]:
            for occurrence in occurrences(count):
                found.append(Case(setting, phase, kind, place, occurrence, action, 1))
            if (kind, action) not in control.HARMLESS:
                found.append(Case(setting, phase, kind, place, 0, action, LASTING))
    for kind in sorted({kind for kind, _, _ in places.values()}): # the whole kind, from different moments on
        total = sum(count for of, count, _ in places.values() if of == kind)
        for action in control.ACTIONS[kind]:
            if (kind, action) not in control.HARMLESS:
                found += [Case(setting, phase, kind, 0, total * part // 8, action, LASTING) for part in range(8)]
    return found


class Trial:
    """One setting, one folder: tries cases one after the other."""

    def __init__(self, folder, library, setting, timeout=20):
        os.makedirs(folder, exist_ok=True)
        self.control = control.Control(folder, library)
        engine, args = SETTINGS[setting]
        self.lab = lab.Lab(folder, self.control, engine, args, timeout)
        self.template, self.story, self.most, self.since_check, self.timeout = os.path.join(folder, "template"), None, None, 0, timeout

    # ---- A server to try on ----

    def begin(self, problems):
        """A new store, with a server that has done a few turns."""
        self.lab.clear()
        self.story = scenario.Scenario(self.timeout)
        if not self.lab.start_well(problems, "the first start"):
            return False
        self.story.connect(self.lab.port)
        if not self.story.prepare():
            problems.append(f"the scenario cannot begin: {self.story.refused}")
            return False
        for _ in range(3):
            self.turn(problems, "before anything fails")
        self.most = self.lab.descriptors()
        return not problems

    def turn(self, problems, when):
        """One in which nothing fails."""
        self.story.connect(self.lab.port)
        self.story.run()
        self.lab.recovers(self.story, problems, when)
        self.take(problems, when, refusals=True)

    def take(self, problems, when, refusals=False):
        """What the scenario has found."""
        problems += [f"{when}: {problem}" for problem in self.story.problems]
        if refusals:
            problems += [f"{when}: refused: {refusal}" for refusal in self.story.refused]
        self.story.problems, self.story.refused = [], []

    def again(self, problems, when):
        """The server is over: starts the next on its store."""
        if self.lab.start_well(problems, when):
            self.lab.recovers(self.story, problems, when)
            self.take(problems, when)
            self.most = self.lab.descriptors()

    def closed(self, problems, when):
        """Stops well, is checked, and starts again."""
        self.since_check = 0
        if self.lab.end(signal.SIGTERM, problems, when) != 0:
            problems.append(f"{when}: it does not stop well: {self.lab.said()[-500:]}")
        self.lab.check(problems, when)
        self.again(problems, when)

    # ---- Watching ----

    def watch(self, phase):
        """{hash: (kind, calls a turn, frames)} of a phase in which nothing fails."""
        problems, divisor = [], 1
        self.control.forget_counts()
        if phase == "start":
            self.lab.clear()
            self.control.count(1)
            self.lab.start_well(problems, "start")
        elif phase == "recover":
            self.make_template(problems)
            self.use_template()
            self.control.count(1)
            self.lab.start_well(problems, "recovery")
        else:
            self.begin(problems)
            self.control.count(1)
            if phase == "stop":
                self.lab.end(signal.SIGTERM, problems)
            else:
                divisor = TURNS_WATCHED
                for _ in range(divisor):
                    self.turn(problems, "while watched")
        self.control.count(0)
        places = {place: (kind, max(1, count // divisor), frames) for place, (kind, count, frames) in self.control.places().items()}
        self.finish()
        if problems:
            raise RuntimeError("\n".join(problems))
        return places

    def finish(self):
        if self.lab.process is not None and not self.lab.is_over():
            self.lab.end(signal.SIGKILL, [])

    # ---- Trying ----

    def make_template(self, problems):
        if not os.path.isdir(self.template):
            self.begin(problems)
            self.story.connect(self.lab.port)
            self.story.run()
            self.take(problems, "for the template", refusals=True)
            self.lab.end(signal.SIGKILL, problems)
            os.rename(self.lab.data, self.template)
            self.template_story = {path: set(contents) for path, contents in self.story.may.items()}, dict(self.story.versions), self.story.turn

    def use_template(self):
        self.lab.clear()
        subprocess.run(["cp", "-a", "--sparse=always", self.template, self.lab.data], check=True)
        self.story = scenario.Scenario(self.timeout)
        may, versions, self.story.turn = self.template_story
        self.story.may, self.story.versions = {path: set(contents) for path, contents in may.items()}, dict(versions)

    def arm(self, case):
        self.control.arm(case.kind, case.place, case.occurrence, case.times, case.action)

    def run(self, case):
        """(how many calls failed, [what is wrong])."""
        problems = []
        try:
            failed = getattr(self, "run_" + case.phase)(case, problems)
        except Exception:
            failed = 0
            problems.append(f"{case.name()}: {traceback.format_exc()}")
        if problems: # nothing of it is carried on into the next case
            self.finish()
            self.lab.process = None
        return failed, problems

    def run_serve(self, case, problems):
        if self.lab.process is None or self.lab.is_over():
            if not self.begin(problems):
                return 0
        self.story.close()
        self.story.connect(self.lab.port, 1 if case.is_silent() else None)
        self.arm(case)
        self.story.run(gives_up=case.is_silent())
        failed = self.control.disarm()
        refused = list(self.story.refused)
        if (failed == 0 or case.is_harmless()) and refused:
            problems.append(f"refused though {'nothing' if failed == 0 else 'nothing real'} failed: {refused[:3]}")
        if self.is_over_soon():
            self.lab.end(None, problems, "while serving")
            self.take(problems, "while calls failed")
            self.again(problems, "after its end")
            return failed
        self.take(problems, "while calls failed")
        self.lab.recovers(self.story, problems, "afterwards")
        if self.lab.is_over():
            self.lab.end(None, problems, "afterwards")
            self.again(problems, "after its end")
            return failed
        self.take(problems, "afterwards")
        if not case.forgets_sockets():
            self.lab.settles(self.most, problems, "afterwards")
        self.since_check += 1
        if self.since_check >= 40 or problems or case.forgets_sockets(): # the next case is not blamed for it
            self.closed(problems, "a stop after some cases")
        return failed

    def is_over_soon(self):
        """An end that was begun by the last requests comes a moment later."""
        try:
            self.lab.process.wait(0.01 if not self.story.refused else 0.1)
            return True
        except subprocess.TimeoutExpired:
            return False

    def run_start(self, case, problems):
        self.lab.clear()
        self.story = scenario.Scenario(self.timeout)
        self.arm(case)
        serves = self.lab.start()
        failed = self.control.disarm()
        self.served_or_not(serves, case, failed, problems)
        if self.lab.process is None or self.lab.is_over():
            self.lab.start_well(problems, "the next start")
        if not problems:
            self.story.connect(self.lab.port)
            if not self.story.prepare():
                problems.append(f"nothing can be done: {self.story.refused}")
            self.turn(problems, "afterwards")
            self.stop_and_check(problems)
        return failed

    def run_recover(self, case, problems):
        self.make_template(problems)
        self.use_template()
        self.arm(case)
        serves = self.lab.start()
        failed = self.control.disarm()
        self.served_or_not(serves, case, failed, problems)
        if self.lab.is_over():
            self.lab.start_well(problems, "the next start")
        if not problems:
            self.lab.recovers(self.story, problems, "after the recovery")
            self.turn(problems, "afterwards")
            self.stop_and_check(problems)
        return failed

    def served_or_not(self, serves, case, failed, problems):
        """A start that did not come to serving has ended with a sentence."""
        if not serves and (failed == 0 or case.is_harmless()):
            problems.append(f"it does not start though {'nothing' if failed == 0 else 'nothing real'} failed: {self.lab.said()[-500:]}")
        if not serves:
            if self.lab.end(None, problems, "in the start") == 0:
                problems.append("the start ended with 0")
        elif self.is_over_soon():
            self.lab.end(None, problems, "after the start")

    def stop_and_check(self, problems):
        if self.lab.end(signal.SIGTERM, problems, "the stop") != 0:
            problems.append(f"it does not stop well: {self.lab.said()[-500:]}")
        self.lab.check(problems, "after the stop")

    def run_stop(self, case, problems):
        if not self.begin(problems):
            return 0
        self.arm(case)
        self.lab.end(signal.SIGTERM, problems, "while stopping")
        failed = self.control.disarm()
        self.again(problems, "after the stop")
        if not problems:
            self.turn(problems, "afterwards")
            self.stop_and_check(problems)
        return failed

    def remove(self):
        self.finish()
        shutil.rmtree(self.lab.folder, ignore_errors=True)
