#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tables of api/s3/OPERATIONS.md are what the table of operations says. `operations_document_test.py --write` makes them so."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sluicetest import BUILD, ROOT, check, done

DOCUMENT = os.path.join(ROOT, "api", "s3", "OPERATIONS.md")
SECTION = re.compile(r"<!-- operations: (\w+) -->\n.*?<!-- end of operations -->\n", re.S)


def sections(text):
    """What stands between marks, with them, by its name."""
    return {match.group(1): match.group() for match in SECTION.finditer(text)}


def write(said):
    with open(DOCUMENT) as file:
        text = SECTION.sub(lambda match: said.get(match.group(1), match.group()), file.read())
    with open(DOCUMENT, "w") as file:
        file.write(text)


def first_difference(written, said):
    pairs = zip(written.splitlines() + [""], said.splitlines() + [""])
    return next((f"the document: {ours!r}, the table: {theirs!r}" for ours, theirs in pairs if ours != theirs), "")


def main():
    program = os.path.join(BUILD, "tests", "operations_tables")
    said = sections(subprocess.run([program], capture_output=True, text=True, check=True).stdout)
    if "--write" in sys.argv[1:]:
        write(said)
    with open(DOCUMENT) as file:
        text = file.read()
    written = sections(text)
    check(list(said) == ["service", "buckets", "objects"], "the program prints three tables", str(list(said)))
    check(list(written) == list(said), "the document has them, in this order", str(list(written)))
    for name in said:
        check(written.get(name) == said[name], f"the table of the {name} is what the program's table says (--write makes it so)",
              first_difference(written.get(name, ""), said[name]))
    check(not re.search(r"^\|", SECTION.sub("", text), re.M), "no table of operations is written by hand")
    done()


main()
