# SPDX-License-Identifier: MIT
"""Where in a source something can be made wrong, and how. Works on text that clang-format has laid out, within functions alone, so it
needs no parser; what does not compile is left out by whoever builds it.

A mutant is a span of a file and what stands there instead: an expression that does the right thing or, when `mutant(N)` says so, the
wrong one. So all mutants are compiled once, and an environment variable chooses among them."""
import collections
import re

Site = collections.namedtuple("Site", "path start end kind before wrong text")  # text: with {n} for the mutant's number

# What is not worth dropping: without these a test hangs or a leak is left, which other tests are for; or nobody can see it.
NOT_DROPPED = re.compile(r"(pthread_|assert|free\b|close\b|log_|.*_log\b|.*_free\b|.*_destroy\b|sqlite3_finalize|thread_|memset\b|va_)")
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}


def blank(text):
    """The text with comments, strings and characters blanked out: same length, same lines."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|//[^\n]*", spaces, text, flags=re.S)


def bodies(text):
    """Spans of the bodies of functions: from a brace in the first column to the next one that closes there."""
    for match in re.finditer(r"^\{\n(.*?)^\}", text, re.S | re.M):
        yield match.start(1), match.end(1)


def closing(text, at):
    """Where the bracket that opens before `at` is closed."""
    depth = 1
    while depth > 0 and at < len(text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[at], 0)
        at += 1
    return at - 1


def split(text, start, end, words):
    """Where, outside all brackets, one of the words stands: [(start, word)]."""
    found, depth, at = [], 0, start
    while at < end:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[at], 0)
        for word in words:
            if depth == 0 and text.startswith(f" {word} ", at) or depth == 0 and text.startswith(f" {word}\n", at):
                found.append((at + 1, word))
        at += 1
    return found


class Finder:
    def __init__(self, path, text):
        self.path, self.text, self.plain = path, text, blank(text)
        self.sites = []

    def add(self, start, end, kind, wrong, text):
        self.sites.append(Site(self.path, start, end, kind, self.text[start:end], wrong, text))

    def condition(self, start, end):
        """An expression that is true or false: as a whole, its operators, its comparisons."""
        whole = self.text[start:end]
        if split(self.plain, start, end, ["?", ","]):
            return
        joints = split(self.plain, start, end, ["&&", "||"])
        if len({word for _, word in joints}) > 1:
            return
        if joints:
            at, word = joints[len(joints) // 2]
            other = "||" if word == "&&" else "&&"
            left, right = self.text[start:at].strip(), self.text[at + 2:end].strip()
            wrong = f"({left}) {other} ({right})"
            self.add(start, end, "operator", wrong, f"(mutant({{n}}) ? {wrong} : ({whole}))")
            edges = [start] + [at for at, _ in joints] + [end]
            for index, (first, last) in enumerate(zip(edges, edges[1:])):
                self.atom(first + (2 if index else 0), last)
        else:
            self.atom(start, end)

    def atom(self, start, end):
        while start < end and self.plain[start].isspace():
            start += 1
        while end > start and self.plain[end - 1].isspace():
            end -= 1
        whole = self.text[start:end]
        if not whole or split(self.plain, start, end, ["=", "+=", "-=", "?", "&", "|"]):
            return
        self.add(start, end, "condition", f"!({whole})", f"(mutant({{n}}) != !!({whole}))")
        compared = split(self.plain, start, end, list(COMPARISONS))
        if len(compared) == 1:
            at, word = compared[0]
            left, right = self.text[start:at].strip(), self.text[at + len(word):end].strip()
            wrong = f"{left} {COMPARISONS[word]} {right}"
            if word not in ("==", "!="):
                self.add(start, end, "comparison", wrong, f"(mutant({{n}}) ? {wrong} : {whole})")
        elif self.plain[start] == "(" and closing(self.plain, start + 1) == end - 1:
            self.condition(start + 1, end - 1)

    def body(self, start, end):
        for match in re.compile(r"\b(?:if|while) \(").finditer(self.plain, start, end):
            self.condition(match.end(), closing(self.plain, match.end()))
        for match in re.compile(r"\bfor \([^;]*; ([^;]+);").finditer(self.plain, start, end):
            self.condition(match.start(1), match.end(1))
        for match in re.compile(r"\breturn (?=[^;]*(?:[<>=!]=|&&|\|\|| [<>] ))([^;]+);").finditer(self.plain, start, end):
            self.condition(match.start(1), match.end(1))
        for match in re.compile(r"\breturn (true|false);").finditer(self.plain, start, end):
            wrong = {"true": "false", "false": "true"}[match.group(1)]
            self.add(match.start(1), match.end(1), "constant", wrong, f"(mutant({{n}}) ? {wrong} : {match.group(1)})")
        for match in re.compile(r"(?<=[-+*/<>=(] )(\d+)([uU]?)\b(?![.\]])|(?<=return )(\d+)([uU]?)(?=;)").finditer(self.plain, start, end):
            number = match.group(1) or match.group(3)
            suffix = (match.group(2) or match.group(4) or "")
            wrong = f"{int(number) + 1}{suffix}"
            self.add(match.start(), match.end(), "constant", wrong, f"(mutant({{n}}) ? {wrong} : {match.group()})")
        for match in re.compile(r"(?<=[;{}\n)])\n +((?:\(void\))?([a-z_0-9]+)\([^;{}]*\));").finditer(self.plain, start, end):
            if not NOT_DROPPED.match(match.group(2)) and match.group(2) not in ("if", "while", "for", "switch", "return"):
                self.drop(match.start(1), match.end(1), "call")
        for match in re.compile(r"\n +(\*?[a-z_][\w.>\[\]-]* (?:[-+|&]?=) [^;{}]+);").finditer(self.plain, start, end):
            self.drop(match.start(1), match.end(1), "assignment")

    def drop(self, start, end, kind):
        whole = self.text[start:end]
        self.add(start, end, kind, "", f"(mutant({{n}}) ? (void)0 : (void)({whole}))")


def find(path, text):
    """All sites of a file, in their order."""
    finder = Finder(path, text)
    for start, end in bodies(finder.plain):
        finder.body(start, end)
    kept, skipped = [], [(match.start(), match.end()) for match in re.finditer(r"^ *(case .*|_Static_assert.*|assert\(.*|static const .*)$", finder.plain, re.M)]
    for site in sorted(set(finder.sites)):
        if not any(start <= site.start < end for start, end in skipped):
            kept.append(site)
    return kept
