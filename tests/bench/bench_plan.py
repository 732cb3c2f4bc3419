# SPDX-License-Identifier: MIT
"""What is measured in which round, so that a run ends in time on any machine: the first round measures everything, later ones leave
out what does not fit any more. The dearest go first, and those that a target hangs on go last."""
import time


class Plan:
    def __init__(self, cases, rounds, deadline):
        self.all, self.rounds, self.deadline = list(cases), rounds, deadline
        self.seconds = {} # what a case took
        self.here = [] # of the round that is under way, what is not done yet

    def took(self, case, seconds):
        self.seconds[case] = seconds
        self.here.remove(case)

    def forget(self, case):
        self.all.remove(case)
        self.here.remove(case)

    def cost(self, cases):
        return sum(self.seconds.get(case, 0) for case in cases)

    def cases(self, round_number, suite):
        self.here = self.selection(round_number)
        out = [case for case in self.all if case not in self.here]
        if out:
            suite.say(f"round {round_number + 1} leaves out, to end in time: {', '.join(map(str, out))}")
        for case in list(self.here):
            if time.monotonic() > self.deadline and (round_number > 0 or not case.key):
                self.here.remove(case)
                if round_number == 0:
                    suite.skip(str(case), "the time was over (--minutes)")
            else:
                yield case

    def selection(self, round_number):
        if round_number == 0:
            return list(self.all)
        found = list(self.all)
        key = [case for case in found if case.key]
        # What the key cases will take in the rounds to come is kept for them.
        time_left = self.deadline - time.monotonic() - self.cost(key) * (self.rounds - round_number - 1)
        for candidates in ([case for case in found if not case.key], key):
            for case in sorted(candidates, key=lambda case: -self.seconds.get(case, 0)):
                if self.cost(found) > time_left:
                    found.remove(case)
        return found

    def left(self):
        """About how long it still takes, once a round tells."""
        if any(case not in self.seconds for case in self.all):
            return ""
        return f"  ({self.cost(self.here) / 60:.0f} min left in this round)"
