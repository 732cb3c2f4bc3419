# SPDX-License-Identifier: MIT
"""What is measured in which round, so that a run ends in time on any machine. In each round those cases come first that a target
hangs on. The first round measures everything, unless that would leave no time to measure the targets again; later ones leave out
what does not fit any more, the dearest first."""
import time


class Plan:
    def __init__(self, cases, rounds, deadline):
        self.all = [case for case in cases if case.key] + [case for case in cases if not case.key]
        self.rounds, self.deadline = rounds, deadline
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

    def key_cost(self):
        return self.cost(case for case in self.all if case.key)

    def cases(self, round_number, suite):
        """Yields those of this round."""
        self.here = self.selection(round_number)
        out = [case for case in self.all if case not in self.here]
        if out:
            suite.say(f"round {round_number + 1} leaves out, to end in time: {', '.join(map(str, out))}")
        for case in list(self.here):
            if round_number == 0 and not case.key and time.monotonic() + self.key_cost() * min(1, self.rounds - 1) > self.deadline:
                suite.skip(str(case), "the time was too short for it (--minutes)")
                self.forget(case)
            elif round_number > 0 and time.monotonic() > self.deadline:
                self.here.remove(case)
            else:
                yield case

    def selection(self, round_number):
        if round_number == 0:
            return list(self.all)
        found = list(self.all)
        # What the key cases will take in the rounds to come is kept for them.
        time_left = self.deadline - time.monotonic() - self.key_cost() * (self.rounds - round_number - 1)
        for wanted in (False, True):
            for case in sorted((case for case in self.all if case.key == wanted), key=lambda case: -self.seconds.get(case, 0)):
                if self.cost(found) > time_left:
                    found.remove(case)
        return found

    def left(self):
        """About how long the round still takes, once one was whole."""
        if any(case not in self.seconds for case in self.all):
            return ""
        return f"  ({self.cost(self.here) / 60:.0f} min left in this round)"
