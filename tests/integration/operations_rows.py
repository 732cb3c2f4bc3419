# SPDX-License-Identifier: MIT
"""The rows of the program's table of operations, and the actions of its policies, as build/tests/operations_tables prints them."""
import collections
import os
import subprocess

from sluicetest import BUILD

Row = collections.namedtuple("Row", "name method resource parameter beside header rights action version_action also version_also kind flags")
READ, WRITE, LIST, ADMIN, LOCK = 1, 2, 4, 8, 16  # enum s3_right


def read():
    """(rows, names of actions)"""
    rows, actions = [], []
    output = subprocess.run([os.path.join(BUILD, "tests", "operations_tables"), "rows"], capture_output=True, text=True, check=True).stdout
    for line in output.splitlines():
        kind, *words = line.split("\t")
        if kind == "row":
            row = Row(*words[:len(Row._fields) - 1], flags=set(words[len(Row._fields) - 1:]))
            rows.append(row._replace(rights=int(row.rights)))
        else:
            actions.append(words[0])
    return rows, actions
