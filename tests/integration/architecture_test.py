#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ARCHITECTURE.md is true: the files it names exist, its functions are defined where it says, and it stays short. README.md does too, and links lead
somewhere.

A name in backticks with a slash or an ending is a file or a folder, seen from the top. One with () is a function: of the file that is named
last before it in the same paragraph or entry, or of the file or folder next after it ("`f()` in `x.c`"); where none is named, of any file."""
import os
import re

from sluicetest import ROOT, check, done

LINES_MAX = {"ARCHITECTURE.md": 190, "README.md": 120}
LINKED = ("README.md", "ARCHITECTURE.md", "deploy/README.md", "api/README.md", "api/s3/README.md", "api/s3/OPERATIONS.md", "storage/README.md",
          "metadata/README.md", "api/replication/README.md", "api/origin/README.md", "tests/RELIABILITY.md", "tests/bench/README.md", "deploy/pair/README.md", "tests/bench/FIGURES.md", "deploy/CHANGELOG.md", *(f"deploy/guides/{name}.md" for name in (
              "README", "backup", "ci", "clients", "guarantees", "keys", "kubernetes", "library", "origins", "proxy", "replication", "zero-copy")))
COLUMNS_MAX = 140
NAMED_MIN = {"files": 40, "functions": 50}  # fewer would mean that the pattern found nothing
ENDINGS = (".c", ".h", ".py", ".sh", ".md", ".sample")
ON_DISK = ("blobs/", "blobs/SEQUENCE", "blobs/3f/0000000000003f2a", "sluice.db", "sluice.db-wal")  # of a data directory


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def entries(text):
    """Paragraphs, and the entries of lists."""
    text = re.sub(r"\n    .*", "\n", text)  # pictures and commands
    return re.split(r"\n\s*\n|\n(?=- |\d+\. |\| )", text)


def defines(source, name):
    """Whether C code defines the function: its name at the head of a line, parentheses, and then a body."""
    for match in re.finditer(rf"^[A-Za-z_][^\n;={{}}]*\b{name}\(", source, re.M):
        depth, at = 1, match.end()
        while depth > 0 and at < len(source):
            depth += {"(": 1, ")": -1}.get(source[at], 0)
            at += 1
        if source[at:].lstrip().startswith("{"):
            return True
    return False


def sources(*tops):
    return [os.path.join(folder, name) for top in tops for folder, _, names in os.walk(os.path.join(ROOT, top)) for name in names if name.endswith(".c")]


def is_defined(name, path):
    """In a file, in a folder, or anywhere."""
    if path is None or path.endswith("/"):
        return any(defines(read(source), name) for source in sources(*([path] if path else ["api", "metadata", "storage"])))
    return os.path.exists(os.path.join(ROOT, path)) and defines(read(path), name)


def functions(entry):
    """(function, file or None)"""
    words = list(re.finditer(r"`([^`\s]+)`", entry))
    for i, word in enumerate(words):
        if not word[1].endswith("()"):
            continue
        following = words[i + 1] if i + 1 < len(words) else None
        if following and following[1].endswith((".c", "/")) and entry[word.end():following.start()].split() == ["in"]:
            yield word[1][:-2], following[1]
        else:
            yield word[1][:-2], next((w[1] for w in reversed(words[:i]) if w[1].endswith(".c")), None)


text = read("ARCHITECTURE.md")
names = set(re.findall(r"`([^`\s]+)`", text)) - set(ON_DISK)
files = sorted(name for name in names if "/" in name or name.endswith(ENDINGS))
missing = [name for name in files if not os.path.exists(os.path.join(ROOT, name)) and "NAME" not in name]
check(not missing, f"all of the {len(files)} files that ARCHITECTURE.md names exist", " ".join(missing))
check(len(files) >= NAMED_MIN["files"], "they are many", str(len(files)))

named = [pair for entry in entries(text) for pair in functions(entry)]
wrong = [f"{name} in {path or 'any file'}" for name, path in named if not is_defined(name, path)]
check(not wrong, f"all of the {len(named)} functions that it names are defined there", ", ".join(wrong))
check(len(named) >= NAMED_MIN["functions"], "they are many", str(len(named)))



def anchors(document):
    """Of its headings, as they are linked to."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", document, flags=re.S), re.M)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(path)):
        name, _, anchor = target.partition("#")
        other = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if "://" not in target and (not os.path.exists(os.path.join(ROOT, other)) or anchor and anchor not in anchors(read(other))):
            yield target


for path in LINKED:
    dead = list(dead_links(path))
    check(not dead, f"the links of {path} lead somewhere", " ".join(dead))
for path, most in LINES_MAX.items():
    lines = read(path).splitlines()
    check(len(lines) <= most, f"{path} has at most {most} lines", f"{len(lines)}")
prose = [line for line in text.splitlines() if not line.startswith("|")]
check(all(len(line) <= COLUMNS_MAX for line in prose), f"no line of ARCHITECTURE.md is longer than {COLUMNS_MAX}", str(max(map(len, prose))))
done()
