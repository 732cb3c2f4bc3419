# SPDX-License-Identifier: MIT
"""Reads api/s3/OPERATIONS.md."""
import os
import re

from sluicetest import ROOT, check


def table():
    """Name -> (state, remark), as the tables say it."""
    rows = {}
    with open(os.path.join(ROOT, "api", "s3", "OPERATIONS.md")) as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            if not line.startswith("| ") or len(cells) != 3 or cells[0] == "operation":
                continue
            names = [re.sub(r" \(.*\)$", "", name.strip()) for name in cells[0].split(",")]
            states = re.match(r"(?:served|absent|501)(?:, (?:served|absent|501))*\b", cells[2])
            if not check(states is not None, f"the row of {cells[0]:.60} begins with its state", cells[2]):
                continue
            states = states.group().split(", ")
            check(len(states) in (1, len(names)), f"the row of {cells[0]:.60} has one state, or one for each")
            for index, name in enumerate(names):
                rows[name] = (states[index if len(states) > 1 else 0], cells[2])
    return rows
