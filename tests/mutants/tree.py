# SPDX-License-Identifier: MIT
"""A copy of the source in which places do the wrong thing when an environment variable says so, and its build. A place is an expression
`(mutant(N) ? wrong : right)`; MUTANT=N makes it wrong, in the processes that inherit it too."""
import collections
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
Span = collections.namedtuple("Span", "start end text")  # what stands in a file from start to end is to be text

HEADER = """/* mutant(n): whether the n-th mutant is the one that runs. */
#ifndef MUTANT_H
#define MUTANT_H
#include <stdbool.h>
#include <stddef.h>
extern unsigned mutant_active;
extern unsigned char *mutant_reached;
static inline bool mutant(unsigned number)
{
    if (mutant_reached != NULL)
        mutant_reached[number] = 1;
    return mutant_active == number;
}
#endif
"""
# What was reached is noted in a file that is mapped, so that it is there however a process ends.
SOURCE = """#include "mutant.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
unsigned mutant_active;
unsigned char *mutant_reached;
__attribute__((constructor)) static void mutant_choose(void)
{
    const char *chosen = getenv("MUTANT"), *path = getenv("MUTANT_REACHED");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    mutant_active = chosen == NULL ? 0 : (unsigned)atoi(chosen);
    if (fd < 0)
        return;
    void *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        mutant_reached = map;
    close(fd);
}
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def put(path, text):
    """What is the same stays as it is, so that it is not compiled again."""
    if os.path.exists(path) and open(path, "rb").read() == text:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text)


def changed(text, spans):
    """On as many lines as before, so that what the compiler says can be told apart."""
    for span in sorted(spans, reverse=True):
        text = text[:span.start] + " ".join(span.text.split("\n")) + "\n" * text.count("\n", span.start, span.end) + text[span.end:]
    return text


def plant(folder, spans):
    """Writes the source as it is into the folder, but for the spans: path -> [Span]."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True).stdout.split("\0")
    for path in filter(None, listed):
        from_path, to_path = os.path.join(ROOT, path), os.path.join(folder, path)
        if os.path.isfile(from_path) and path in spans:
            put(to_path, changed(read(from_path), spans[path]).encode())
        elif os.path.isfile(from_path):
            with open(from_path, "rb") as file:
                put(to_path, file.read())
            shutil.copymode(from_path, to_path)
    put(os.path.join(folder, "mutant.h"), HEADER.encode())
    put(os.path.join(folder, "storage/base/mutant.c"), SOURCE.encode())


def make(folder, build, level, targets):
    """Builds targets of the folder. What ninja came to: a CompletedProcess."""
    configured = subprocess.run(["cmake", "-S", folder, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_C_FLAGS_DEBUG={level}",
                                 f"-DCMAKE_C_FLAGS=-w -Wno-error -include {folder}/mutant.h -I{folder}", f"-DSLUICE_LIBRARIES={ROOT}/build/libraries",
                                 *([f"-DCMAKE_C_COMPILER_LAUNCHER={shutil.which('ccache')}"] if shutil.which("ccache") else [])], capture_output=True, text=True, check=False)
    if configured.returncode != 0:
        return configured
    return subprocess.run(["ninja", "-C", build, "-k", "0", *targets], capture_output=True, text=True, check=False)
