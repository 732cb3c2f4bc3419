#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Man pages and completions, made from what the program says of itself: from --help, which is made from the table of options.

    documents.py PROGRAM SOURCES FOLDER      writes FOLDER/man/*, FOLDER/completions/*

sluice.1: every command and its options; sluice.conf.5: those that the file may have; libsluice.3: the comments of sluice.h."""
import os
import re
import subprocess
import sys

PROGRAM, SOURCES, FOLDER = sys.argv[1:4]


def said(*words):
    return subprocess.run([PROGRAM, *words], check=True, capture_output=True, text=True, env={}).stdout


class Option:
    """heading: "-r, --recursive", "--data DIR" or "SLUICE_ACCESS_KEY=ID   (in the file: access-key = ID)"."""

    def __init__(self, heading):
        self.heading, self.text = heading, ""
        in_file = re.match(r"(\w+)=\S+ +\(in the file: (\S+) = (.*)\)$", heading)
        self.flags = [] if in_file else re.findall(r"(?:^|, )(--?[a-z0-9][a-z0-9-]*)", heading)
        self.name = in_file.group(2) if in_file else self.flags[-1].lstrip("-")
        self.argument = in_file.group(3) if in_file else heading.split(self.flags[-1], 1)[1].strip()
        self.variable = in_file.group(1) if in_file else None

    def end(self):
        variable = re.search(r" \[(\w+)\]$", self.text)
        if variable:
            self.variable, self.text = variable.group(1), self.text[:variable.start()]

    @property
    def summary(self):
        return re.split(r"(?<=[a-z)])[.:] ", self.text.rstrip("."))[0]

    @property
    def choices(self):
        """full|relaxed, where these are all there is."""
        words = self.argument.split("|")
        return words if len(words) > 1 and all(re.fullmatch(r"[a-z0-9-]+", word) for word in words) else []

    @property
    def is_path(self):
        return self.argument in ("FILE", "DIR", "PATH")


class Command:
    def __init__(self, name, summary):
        self.name, self.summary = name, summary
        text = said("help", name)
        head, _, options = text.partition("\nOptions")
        self.usage, _, self.description = head.partition("\n\n")
        self.options = []
        for line in options.splitlines()[1:]:
            if re.match(r"  \S", line):
                self.options.append(Option(line.strip()))
            elif line.strip():
                self.options[-1].text += (" " if self.options[-1].text else "") + line.strip()
        for option in self.options:
            option.end()


COMMANDS = [Command(*re.match(r"  (\S+) +(.*)", line).groups()) for line in said("help").splitlines()
            if re.match(r"  [a-z]+  +[a-z]", line) and not line.startswith("  help ") and not line.startswith("  sluice ") and not line.startswith("  curl ")]
VERSION = said("--version").split()[1]


# ---- Man pages ----

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def page(name, section, summary, *parts):
    head = f'.TH {name.upper()} {section} "" "Sluice {VERSION}"\n.SH NAME\n{name} \\- {roff(summary)}\n'
    os.makedirs(os.path.join(FOLDER, "man"), exist_ok=True)
    with open(os.path.join(FOLDER, "man", f"{name}.{section}"), "w", encoding="utf-8") as file:
        file.write(head + "".join(parts))


def literal(text):
    return ".nf\n" + roff(text.strip("\n")) + "\n.fi\n"


def paragraphs(text):
    """What a help says: lines that are indented are examples."""
    result = ""
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        result += ".PP\n" + (literal(part) if part.startswith("  ") else roff(part) + "\n")
    return result


def entry(heading, text):
    return f".TP\n.B {roff(heading)}\n{roff(text)}\n"


def write_man_pages():
    parts = [".SH SYNOPSIS\n.B sluice\n.I COMMAND\n[options]\n.SH DESCRIPTION\n"
             "Sluice is an S3 object store in a directory: one program, which serves, looks after and uses it.\n.SH COMMANDS\n"]
    parts += [entry(f"sluice {command.name}", command.summary[0].upper() + command.summary[1:] + ".") for command in COMMANDS]
    for command in COMMANDS:
        parts.append(f".SH SLUICE {command.name.upper()}\n" + literal(command.usage) + paragraphs(command.description))
        parts += [entry(option.heading, option.text + (f" Environment: {option.variable}." if option.variable and option.flags else "")) for option in command.options]
    parts.append(".SH FILES\n" + entry("/etc/sluice/sluice.conf", "What the service reads: sluice.conf(5).") +
                 entry("/var/lib/sluice", "The store of the service.") + ".SH SEE ALSO\n.BR sluice.conf (5),\n.BR libsluice (3)\n")
    page("sluice", 1, "an S3 object store in a directory", *parts)

    serve = next(command for command in COMMANDS if command.name == "serve")
    parts = [".SH SYNOPSIS\n.B sluice serve \\-\\-config /etc/sluice/sluice.conf\n.SH DESCRIPTION\n"
             "One \"name = value\" a line. A # begins a comment at the start of a line or after a blank; there are no quotes. Each setting is also a flag of\n"
             ".BR sluice (1)\nand an environment variable; flags win over the environment, which wins over this file. The file that the package brings has\n"
             "all of them, commented out, and says more.\n.SH SETTINGS\n"]
    parts += [entry(f"{option.name} = {option.argument or 'yes|no'}", option.text + f" Environment: {option.variable}.") for option in serve.options if option.variable and option.name != "config"]
    parts.append(".SH SEE ALSO\n.BR sluice (1)\n")
    page("sluice.conf", 5, "settings of sluice serve", *parts)

    with open(os.path.join(SOURCES, "api/sluice.h"), encoding="utf-8") as file:
        header = file.read()
    tour = re.sub(r"^ \* ?", "", re.search(r"/\* SPDX[^\n]*\n \*\n(.*?)\*/", header, re.S).group(1), flags=re.M)
    parts = [".SH SYNOPSIS\n.B #include <sluice.h>\n.PP\ncc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs sluice)\n.SH DESCRIPTION\n"]
    for part in re.split(r"\n\s*\n", tour.strip()):
        parts.append(".PP\n" + (literal(part) if part.startswith("    ") else roff(part) + "\n"))
    parts.append(".SH FUNCTIONS\nsluice.h says of each what it does, what it returns and who owns what.\n")
    for declaration in re.findall(r"^SLUICE_API (.*?;)", header, re.S | re.M):
        parts.append(".PP\n" + roff(re.sub(r"\s+", " ", declaration)) + "\n")
    parts.append(".SH SEE ALSO\n.BR sluice (1)\n")
    page("libsluice", 3, "an object store in a directory, as a library", *parts)


# ---- Completions ----

def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def flags_of(command):
    return [(flag, option) for option in command.options for flag in option.flags]


def write_bash():
    lines = ["# bash completion of sluice, made from its --help", "_sluice()", "{",
             '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}',
             "    COMPREPLY=()", "    if [ \"$COMP_CWORD\" -eq 1 ]; then",
             f"        mapfile -t COMPREPLY < <(compgen -W '{' '.join(command.name for command in COMMANDS)} help --version --help' -- \"$word\")", "        return", "    fi",
             '    case $command:$before in']
    for command in COMMANDS:
        for option in command.options:
            names = "|".join(f"{command.name}:{flag}" for flag in option.flags)
            if names and option.choices:
                lines += [f"    {names}) mapfile -t COMPREPLY < <(compgen -W '{' '.join(option.choices)}' -- \"$word\") && return ;;"]
            elif names and option.is_path:
                lines += [f"    {names}) mapfile -t COMPREPLY < <(compgen -{'d' if option.argument == 'DIR' else 'f'} -- \"$word\") && return ;;"]
            elif names and option.argument:
                lines += [f"    {names}) return ;;"]
    lines += [f"    help:help) mapfile -t COMPREPLY < <(compgen -W '{' '.join(command.name for command in COMMANDS)}' -- \"$word\") && return ;;", "    esac",
              '    if [[ $word != -* ]]; then', '        mapfile -t COMPREPLY < <(compgen -f -- "$word")', "        return", "    fi", '    case $command in']
    for command in COMMANDS:
        lines.append(f"    {command.name}) mapfile -t COMPREPLY < <(compgen -W '{' '.join(flag for flag, _ in flags_of(command))}' -- \"$word\") ;;")
    return lines + ["    esac", "}", "complete -o filenames -F _sluice sluice"]


def write_zsh():
    def described(text):
        return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")

    lines = ["#compdef sluice", "# zsh completion of sluice, made from its --help", "_sluice() {", "    local -a commands", "    commands=("]
    lines += [f"        {quoted(command.name + ':' + command.summary)}" for command in COMMANDS]
    lines += ["        'help:options of a command'", "    )", "    if (( CURRENT == 2 )); then", "        _describe command commands", "        return", "    fi", "    case $words[2] in"]
    for command in COMMANDS:
        lines.append(f"    {command.name})")
        lines.append("        shift words; (( CURRENT-- ))")
        lines.append("        _arguments -S \\")
        for flag, option in flags_of(command):
            action = ""
            if option.argument:
                action = f":{described(option.argument)}:" + (f"({' '.join(option.choices)})" if option.choices else "_files -/" if option.argument == "DIR" else "_files" if option.is_path else "")
            lines.append(f"            {quoted('*' + flag + '[' + described(option.summary) + ']' + action)} \\")
        lines += ["            '*:file:_files'", "        ;;"]
    return lines + ["    help) _describe command commands ;;", "    esac", "}", '_sluice "$@"']


def write_fish():
    lines = ["# fish completion of sluice, made from its --help", "complete -c sluice -n __fish_use_subcommand -f -a help -d 'options of a command'"]
    for command in COMMANDS:
        lines.append(f"complete -c sluice -n __fish_use_subcommand -f -a {command.name} -d {fish(command.summary)}")
        for option in command.options:
            if not option.flags:
                continue
            names = " ".join(("-l " if flag.startswith("--") else "-s ") + flag.lstrip("-") for flag in option.flags)
            takes = f" -x -a {fish(' '.join(option.choices))}" if option.choices else " -r" if option.is_path else " -x" if option.argument else ""
            lines.append(f"complete -c sluice -n '__fish_seen_subcommand_from {command.name}' {names}{takes} -d {fish(option.summary)}")
    return lines


def fish(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


write_man_pages()
os.makedirs(os.path.join(FOLDER, "completions"), exist_ok=True)
for file_name, written in (("sluice.bash", write_bash()), ("_sluice", write_zsh()), ("sluice.fish", write_fish())):
    with open(os.path.join(FOLDER, "completions", file_name), "w", encoding="utf-8") as output:
        output.write("\n".join(written) + "\n")
