# SPDX-License-Identifier: MIT
"""Many recordings and many states of each, several at a time."""
import multiprocessing
import os
import shutil
import tempfile
import time
import traceback

import blocks
import lives
import states
from workload import MODES


def memory_folder():
    """Where recordings and states lie: in memory where there is such a folder."""
    return tempfile.mkdtemp(prefix="sluice-crash-", dir=os.environ.get("TEST_TMP") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None))


def make_lab(folder, mode, seed, scratch):
    if MODES[mode].get("blocks"):
        return blocks.BlockLab(folder, mode, seed, os.path.join(scratch, "disk"))
    return lives.Lab(folder, mode, seed, os.path.join(scratch, "recorder.so"))


def why_not(modes, scratch):
    """{mode: why it cannot be done here}; what they need is built."""
    reason = lives.build_recorder(os.path.join(scratch, "recorder.so"))
    reasons = {mode: reason for mode in modes if reason is not None and not MODES[mode].get("blocks")}
    on_blocks = [mode for mode in modes if MODES[mode].get("blocks")]
    reason = blocks.why_not(os.path.join(scratch, "disk")) if on_blocks else None
    return reasons | {mode: reason for mode in on_blocks if reason is not None}


def work(job):
    """One recording and its states, in a process of its own: (mode, acknowledged, states, [what is bad])."""
    mode, seed, count, passes, scratch, keep, end = job
    if end is not None and time.monotonic() > end:
        return mode, 0, 0, []
    folder = tempfile.mkdtemp(dir=scratch)
    try:
        history = lives.record(make_lab(os.path.join(folder, "recording"), mode, seed, scratch), mode, seed)
        done, bad = 0, [f"recording {mode} {seed}: {problem}" for problem in history.problems[:5]]
        for number in range(passes):
            judged = states.Pass(os.path.join(folder, "recording"), number, count, folder, keep)
            made, found = judged.run(deadline=None if end is None else lambda: time.monotonic() > end)
            done += made
            bad += [f"state {mode} {seed} {number} {at}: {problems[0][:300]}" for at, problems in found]
        return mode, history.acknowledged, done, bad
    except Exception:
        return mode, 0, 0, [f"recording {mode} {seed}: {traceback.format_exc()}"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(modes, total, seed=1, minutes=None, jobs=2, keep=None, per_recording=24, passes=2, on_result=print):
    """Judges that many states, or as many as there is time for: ({mode: [recordings, acknowledged, states, [what is bad]]}, {mode: why it
    cannot be done})."""
    scratch = memory_folder()
    end = None if minutes is None else time.monotonic() + 60 * minutes
    try:
        reasons = why_not(modes, scratch)
        modes = [mode for mode in modes if mode not in reasons]
        if keep is not None:
            os.makedirs(keep, exist_ok=True)
        found = {mode: [0, 0, 0, []] for mode in modes}
        wanted = -(-total // (per_recording * len(modes))) * len(modes) if modes else 0 # as many of each mode
        work_list = [(modes[at % len(modes)], seed * 1_000_000 + at, per_recording // passes, passes, scratch, keep, end) for at in range(wanted)]
        with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=20) as pool:
            for mode, acknowledged, done, bad in pool.imap_unordered(work, work_list):
                counts = found[mode]
                counts[0], counts[1], counts[2] = counts[0] + (done > 0), counts[1] + acknowledged, counts[2] + done
                counts[3].extend(bad)
                for line in bad:
                    on_result(line)
        return found, reasons
    finally:
        blocks.clear_away(scratch)
        shutil.rmtree(scratch, ignore_errors=True)
